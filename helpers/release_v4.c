/* SPDX-License-Identifier: GPL-2.0-or-later */
/* release: a client's NFSv4 state in the kernel (Linux fs/nfsd/nfs4state.c,
 * client_ctl_write). */
#include "release_v4.h"
#include "v4info.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static bool has_address(struct v4info *info, const struct glr_address *address)
{
	char *host = info->address, *port = strrchr(host, ':');
	struct glr_address parsed;

	if (!port)
		return false;
	*port = '\0';
	if (*host == '[') {
		host++;
		host[strcspn(host, "]")] = '\0';
	}
	return glr_address_parse(host, &parsed) == 0 && glr_address_equal(&parsed, address);
}

static void look_at(struct release_v4 *release, int directory, const char *id)
{
	char path[64], text[V4INFO_MAX];
	struct v4info info;

	snprintf(path, sizeof(path), "%.20s/info", id);
	/* One that has gone meanwhile is none. */
	if (glr__read_text(directory, path, text, sizeof(text)) || v4info_parse(text, &info) ||
	    !has_address(&info, &release->address))
		return;
	snprintf(release->clients[release->count].id, sizeof(release->clients[0].id), "%.20s", id);
	snprintf(release->clients[release->count].name, RELEASE_V4_NAME, "%.*s", (int)info.name_length,
		 info.name);
	snprintf(release->clients[release->count].version, sizeof(release->clients[0].version), "%s",
		 info.version);
	release->count++;
}

int release_v4_find(void *release_v4)
{
	struct release_v4 *release = release_v4;
	struct dirent *entry;
	DIR *clients = opendir(V4INFO_CLIENTS);

	/* Before Linux 5.3, and where NFSv4 is off. */
	if (!clients)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(clients)) && release->count < RELEASE_V4_MAX)
		if (entry->d_name[0] != '.')
			look_at(release, dirfd(clients), entry->d_name);
	closedir(clients);
	return 0;
}

int release_v4_expire(void *release_v4)
{
	const struct release_v4 *release = release_v4;
	char path[128];
	int result = 0;

	for (size_t i = 0; i < release->count; i++) {
		int rc;

		snprintf(path, sizeof(path), V4INFO_CLIENTS "/%s/ctl", release->clients[i].id);
		rc = glr__write_text(AT_FDCWD, path, "expire\n");
		if (rc && rc != -ENOENT)
			result = rc;
	}
	return result;
}
