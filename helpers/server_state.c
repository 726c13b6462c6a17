/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state directory on the group's own filesystem. */
#include "clientlist.h"
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A copy of a damaged slot shows that the group has served before. */
static int has_other_state(int directory, bool *other)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	*other = false;
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -errno;
	}
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "clients.broken-", 15))
			*other = true;
	closedir(dir);
	return 0;
}

static const char *remedy(int error)
{
	return error == -ENOSPC || error == -EDQUOT ? ": make room on its filesystem" : "";
}

static int open_slot(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* @return an OCF code, already reported, or -EEXIST */
static int make_list(const struct server *server, int directory)
{
	bool other;
	int result = has_other_state(directory, &other);

	if (result == 0)
		result = glr_list_format(directory, server->group, GLR__LIST_SLOT_BYTES, other);
	if (result == -EEXIST)
		return result;
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot make the client list in %s: %s%s",
				   server->state_dir, strerror(-result), remedy(result));
	if (other)
		glr_err("the client list was missing in %s beside other state: made anew; clients with locks "
			"lose them",
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
			"clients.1 away; clients with locks will lose them",
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
	int result = glr_list_open(slots[0], slots[1], server->group, &list);

	if (result < 0)
		return report_list(server, result);
	glr_list_get_facts(list, &facts);
	if (facts.condition == GLR_LIST_SALVAGED)
		glr_err("the client list in %s was damaged: salvaged %zu clients", server->state_dir,
			facts.clients);
	/* Without room for a copy the damaged slot itself outlives this takeover: nobody is denied a lock. */
	result = glr__list_keep_broken(directory, list);
	if (result < 0)
		glr_err("no copy of the damaged client list in %s can be kept: %s", server->state_dir,
			strerror(-result));
	glr_list_close(list);
	return OCF_SUCCESS;
}

/* An empty slot beside one that was used: the list counts as damaged. */
static int make_slot(const struct server *server, int directory, const char *name)
{
	int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int result = fd < 0 ? -errno : glr__preallocate(fd, GLR__LIST_SLOT_BYTES);

	if (result == 0)
		result = glr__fsync(fd);
	if (result == 0)
		result = glr__fsync(directory);
	if (fd >= 0)
		close(fd);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "%s is missing in %s and cannot be made: %s%s", name,
				   server->state_dir, strerror(-result), remedy(result));
	glr_err("%s was missing in %s: clients may be missing on the list", name, server->state_dir);
	return OCF_SUCCESS;
}

/* glr_list_format() makes clients.1 first: after a crash in it, only that one is there, never used. */
static int complete_slots(const struct server *server, int directory)
{
	bool first = faccessat(directory, "clients.0", F_OK, 0) == 0;
	bool second = faccessat(directory, "clients.1", F_OK, 0) == 0;
	int code;

	if (first && second)
		return OCF_SUCCESS;
	if (first)
		return make_slot(server, directory, "clients.1");
	code = make_list(server, directory);
	return code == -EEXIST ? make_slot(server, directory, "clients.0") : code;
}

int server_state_prepare(const struct server *server)
{
	int slots[2] = {-1, -1};
	int directory, code;

	if (mkdir(server->state_dir, 0700) < 0 && errno != EEXIST)
		return server_fail(OCF_ERR_GENERIC, "cannot make the state directory %s: %s%s",
				   server->state_dir, strerror(errno), remedy(-errno));
	directory = open(server->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot open the state directory %s: %s",
				   server->state_dir, strerror(errno));
	if (fchown(directory, 0, 0) < 0 || fchmod(directory, 0700) < 0)
		glr_warn("%s: cannot make it root's alone: %s", server->state_dir, strerror(errno));

	code = complete_slots(server, directory);
	slots[0] = open_slot(directory, "clients.0");
	slots[1] = open_slot(directory, "clients.1");
	if (code == OCF_SUCCESS && (slots[0] < 0 || slots[1] < 0))
		code = server_fail(OCF_ERR_GENERIC, "cannot open the client list in %s: %s",
				   server->state_dir, strerror(slots[0] < 0 ? -slots[0] : -slots[1]));
	if (code == OCF_SUCCESS)
		code = check_list(server, directory, slots);
	for (int i = 0; i < 2; i++)
		if (slots[i] >= 0)
			close(slots[i]);
	close(directory);
	return code;
}
