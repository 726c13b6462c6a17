/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state directory on the group's own filesystem. */
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Anything but the slots shows that the group has served before. */
static int has_other_state(int directory, bool *other)
{
	int fd = openat(directory, "cld", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	*other = false;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -errno;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			*other = true;
	closedir(dir);
	return 0;
}

static int open_slot(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

static int make_list(const struct server *server, int directory)
{
	bool other;
	int result = has_other_state(directory, &other);

	if (result == 0)
		result = glr_list_format(directory, server->group, GLR__LIST_SLOT_BYTES, other);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot make the client list in %s: %s",
				   server->state_dir, strerror(-result));
	if (other)
		glr_err("the client list was missing in %s beside other state: made anew; clients with NFSv3 "
			"locks "
			"cannot be told to reclaim",
			server->state_dir);
	else
		glr_notice("made a new client list in %s", server->state_dir);
	return OCF_SUCCESS;
}

static int report_list(const struct server *server, int result)
{
	switch (result) {
	case -EXDEV:
		return server_fail(
			OCF_ERR_CONFIGURED,
			"the client list in %s belongs to another group than %s: set directory and "
			"state_dir to this group's own, or see group-lockrecover list --file %s",
			server->state_dir, server->group, server->state_dir);
	case -EPROTONOSUPPORT:
		return server_fail(
			OCF_ERR_INSTALLED,
			"the client list in %s has a newer format: upgrade group-lockrecover on this node",
			server->state_dir);
	case -EBADMSG:
		return server_fail(
			OCF_ERR_GENERIC,
			"neither slot in %s is a client list: look at them, then move clients.0 and "
			"clients.1 away; clients of NFSv3 will not be told to reclaim",
			server->state_dir);
	default:
		return server_fail(OCF_ERR_GENERIC, "cannot read the client list in %s: %s",
				   server->state_dir, strerror(-result));
	}
}

/* Reads the list once, before anything is started for the group. */
static int check_list(const struct server *server, int directory, int slots[2])
{
	struct glr_list_facts facts;
	glr_list_t *list = NULL;
	int code = OCF_SUCCESS;
	int result = glr_list_open(slots[0], slots[1], server->group, &list);

	if (result < 0)
		return report_list(server, result);
	glr_list_get_facts(list, &facts);
	if (facts.condition == GLR_LIST_SALVAGED) {
		result = glr__list_keep_broken(directory, list);
		if (result < 0 && result != -EEXIST)
			code = server_fail(
				OCF_ERR_GENERIC,
				"the client list in %s is damaged and no copy of it can be kept (%s): make "
				"room, then start again",
				server->state_dir, strerror(-result));
		else
			glr_err("the client list in %s was damaged: kept a copy as clients.broken-*, "
				"salvaged %zu "
				"clients",
				server->state_dir, facts.clients);
	}
	glr_list_close(list);
	return code;
}

int server_state_prepare(const struct server *server)
{
	int slots[2] = {-1, -1};
	int directory, code = OCF_SUCCESS;

	if (mkdir(server->state_dir, 0700) < 0 && errno != EEXIST)
		return server_fail(OCF_ERR_GENERIC, "cannot make the state directory %s: %s",
				   server->state_dir, strerror(errno));
	directory = open(server->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot open the state directory %s: %s",
				   server->state_dir, strerror(errno));
	if (fchown(directory, 0, 0) < 0 || fchmod(directory, 0700) < 0)
		glr_warn("%s: cannot make it root's alone: %s", server->state_dir, strerror(errno));

	slots[0] = open_slot(directory, "clients.0");
	slots[1] = open_slot(directory, "clients.1");
	if (slots[0] == -ENOENT || slots[1] == -ENOENT) {
		/* glr_list_format() makes whichever slot is missing: a crash may have come between the two.
		 */
		code = make_list(server, directory);
		for (int i = 0; i < 2; i++) {
			if (slots[i] >= 0)
				close(slots[i]);
			slots[i] = open_slot(directory, i ? "clients.1" : "clients.0");
		}
	}
	if (code == OCF_SUCCESS && (slots[0] < 0 || slots[1] < 0))
		code = server_fail(OCF_ERR_GENERIC, "cannot open the client list in %s: %s",
				   server->state_dir, strerror(slots[0] < 0 ? -slots[0] : -slots[1]));
	if (code == OCF_SUCCESS)
		code = check_list(server, directory, slots);
	if (code == OCF_SUCCESS && mkdirat(directory, "cld", 0700) < 0 && errno != EEXIST)
		code = server_fail(OCF_ERR_GENERIC, "cannot make %s/cld: %s", server->state_dir,
				   strerror(errno));
	for (int i = 0; i < 2; i++)
		if (slots[i] >= 0)
			close(slots[i]);
	close(directory);
	return code;
}
