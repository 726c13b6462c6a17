/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client list on disk, which nobody serves: for a look, or to be changed. */
#include "clientlist.h"
#include "cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"clients.0", "clients.1"};

static bool has_slot(int directory_fd, int i)
{
	return faccessat(directory_fd, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_slots(int directory_fd, int flags, int slots[2])
{
	for (int i = 0; i < 2; i++) {
		slots[i] = openat(directory_fd, names[i], flags | O_CLOEXEC | O_NOFOLLOW);
		if (slots[i] < 0)
			return -errno;
	}
	return 0;
}

int list_look_open(const char *state_dir, struct list_look *look)
{
	int directory_fd;
	int rc;

	*look = (struct list_look){.slots = {-1, -1}};
	directory_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory_fd < 0)
		return -errno;
	rc = open_slots(directory_fd, O_RDONLY, look->slots);
	if (rc == -ENOENT && (has_slot(directory_fd, 0) || has_slot(directory_fd, 1)))
		rc = -ENODATA;
	close(directory_fd);
	if (!rc)
		rc = glr_list_open(look->slots[0], look->slots[1], NULL, &look->list);
	if (rc)
		list_look_close(look);
	return rc;
}

static int is_empty(int directory_fd)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int empty = 1;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			empty = 0;
	closedir(dir);
	return empty;
}

/* As the first start of a group does; what lies there without a list may be the rest of one. */
static int make_list(int directory_fd, const char *group)
{
	int empty = is_empty(directory_fd);

	return empty < 0 ? empty : glr_list_format(directory_fd, group, GLR__LIST_SLOT_BYTES, !empty);
}

/* An empty slot beside one that was used: the list counts as damaged. */
static int make_slot(int directory_fd, const char *name)
{
	int fd = glr__open_new(directory_fd, name, 0600);
	int rc = fd < 0 ? fd : glr__preallocate(fd, GLR__LIST_SLOT_BYTES);

	if (!rc)
		rc = glr__fsync(fd);
	if (fd >= 0)
		close(fd);
	return rc ? rc : glr__fsync(directory_fd);
}

static int complete_slots(int directory_fd, const char *group)
{
	bool first = has_slot(directory_fd, 0), second = has_slot(directory_fd, 1);

	if (!first && !second)
		return make_list(directory_fd, group);
	return first && second ? 0 : make_slot(directory_fd, names[first]);
}

int list_edit_open(const char *state_dir, const char *group, struct list_look *look)
{
	int directory_fd;
	int rc;

	*look = (struct list_look){.slots = {-1, -1}};
	if (mkdir(state_dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	directory_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory_fd < 0)
		return -errno;
	rc = complete_slots(directory_fd, group);
	if (!rc)
		rc = open_slots(directory_fd, O_RDWR, look->slots);
	if (!rc)
		rc = glr_list_open(look->slots[0], look->slots[1], group, &look->list);
	if (!rc)
		rc = glr__list_keep_broken(directory_fd, look->list);
	close(directory_fd);
	if (rc)
		list_look_close(look);
	return rc;
}

int list_make_anew(const char *state_dir, const char *group)
{
	int directory_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int rc;

	if (directory_fd < 0)
		return -errno;
	rc = glr__list_keep_broken(directory_fd, NULL);
	for (int i = 0; i < 2 && !rc; i++)
		rc = glr__unlink(directory_fd, names[i]);
	if (!rc)
		rc = make_list(directory_fd, group);
	close(directory_fd);
	return rc;
}

void list_look_close(struct list_look *look)
{
	glr_list_close(look->list);
	look->list = NULL;
	for (int i = 0; i < 2; i++) {
		if (look->slots[i] >= 0)
			close(look->slots[i]);
		look->slots[i] = -1;
	}
}
