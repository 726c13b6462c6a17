/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The groups on this node, found by their control sockets. */
#include "cmd.h"
#include "glr_private.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int groups_foreach(int (*fn)(const char *group, void *arg), void *arg)
{
	DIR *directory = opendir(GLR__RUNTIME_DIR);
	struct dirent *entry;
	int result = 0;

	while (directory && !result && (entry = readdir(directory))) {
		char path[PATH_MAX];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s/control", GLR__RUNTIME_DIR, entry->d_name);
		if (entry->d_name[0] != '.' && stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
			result = fn(entry->d_name, arg);
	}
	if (directory)
		closedir(directory);
	return result;
}

int group_unreachable(struct output *out, const char *group, int error, const char *text)
{
	switch (error) {
	case -ENOENT:
	case -EINVAL:
		return output_error(
			out, CMD_NO_SUCH,
			"group %s is not started on this node: look for the node that runs it with "
			"'crm_mon', or start its resource group",
			group);
	case -ECONNREFUSED:
		return output_error(
			out, CMD_UNAVAILABLE,
			"the status monitor of group %s is dead: see the log; the cluster restarts the "
			"group at its next monitor action",
			group);
	case -ETIMEDOUT:
		return output_error(
			out, CMD_TIMEOUT,
			"the status monitor of group %s does not answer: see the log, and whether the "
			"group's storage hangs",
			group);
	case -EACCES:
	case -EPERM:
		return output_error(out, CMD_NO_PERMISSION, "group %s: only root may ask: run this as root",
				    group);
	case -EREMOTEIO:
		return output_error(out, CMD_ERROR, "group %s: %s", group, text);
	default:
		return output_error(out, CMD_ERROR, "group %s: %s", group, strerror(-error));
	}
}
