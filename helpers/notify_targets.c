/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom to tell: the clients of a list, or those that rpc.statd monitored. */
#include "notify_run.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536
#define MON_NAME_WORD 5 /* address, program, version, procedure, cookie, mon_name, my_name */

static int add_target(struct notify_targets *targets, const char *name, const struct glr_address *address)
{
	struct notify_target *all;

	if (targets->count == targets->room) {
		size_t room = targets->room ? 2 * targets->room : 64;

		all = reallocarray(targets->all, room, sizeof(*all));
		if (!all)
			return -ENOMEM;
		targets->all = all;
		targets->room = room;
	}
	targets->all[targets->count] = (struct notify_target){.name = strdup(name), .address = *address};
	if (!targets->all[targets->count].name)
		return -ENOMEM;
	targets->count++;
	return 0;
}

/* ---- a client list ---------------------------------------------------------------- */

static int add_listed(const struct glr_list_client *client, void *arg)
{
	return client->kind != GLR_LIST_NSM || client->missed
		       ? 0
		       : add_target(arg, client->name, &client->address);
}

int notify_targets_from_list(struct notify_targets *targets, const glr_list_t *list)
{
	return glr_list_foreach(list, add_listed, targets);
}

/* ---- rpc.statd -------------------------------------------------------------------- */

/* @return whether a line, or a later one, gives an address: rpc.statd calls a file by the name that it
 * found for the address, and keeps in it what lockd said. */
static bool find_address(char *text, struct glr_address *address)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		const char *word = NULL;

		for (int i = 0; i <= MON_NAME_WORD && line; i++)
			word = strsep(&line, " ");
		if (word && !glr_address_parse(word, address))
			return true;
	}
	return false;
}

static int add_file(struct notify_targets *targets, int directory_fd, const char *name)
{
	static char text[FILE_MAX];
	struct glr_address address;
	int rc;

	if (!glr_address_parse(name, &address))
		return add_target(targets, name, &address);
	rc = glr__read_text(directory_fd, name, text, sizeof(text));
	if (rc && rc != -EFBIG)
		return rc;
	if (rc || !find_address(text, &address))
		address = (struct glr_address){.family = AF_UNSPEC};
	return add_target(targets, name, &address);
}

int notify_targets_from_sm(struct notify_targets *targets, const char *directory)
{
	struct dirent *entry;
	DIR *dir;
	int rc = 0;

	dir = opendir(directory);
	if (!dir)
		return -errno;
	for (errno = 0; !rc && (entry = readdir(dir)); errno = 0) {
		bool file = entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;

		if (file && entry->d_name[0] != '.')
			rc = add_file(targets, dirfd(dir), entry->d_name);
	}
	if (!rc)
		rc = -errno;
	closedir(dir);
	return rc;
}

void notify_targets_clear(struct notify_targets *targets)
{
	for (size_t i = 0; i < targets->count; i++)
		free(targets->all[i].name);
	free(targets->all);
	*targets = (struct notify_targets){0};
}
