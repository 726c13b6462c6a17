/* SPDX-License-Identifier: GPL-2.0-or-later */
/* release: a client's NFSv4 state in the kernel (Linux fs/nfsd/nfs4state.c, client_info_show,
 * client_ctl_write). */
#include "release_v4.h"
#include "glr_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define CLIENTS "/proc/fs/nfsd/clients"

/* @param key at the beginning of a line, with what separates it  @return false when there is none */
static bool take_field(const char *info, const char *key, const char *end, char *value, size_t size)
{
	const char *at = info;
	size_t length = strlen(key);

	while (at && strncmp(at, key, length) != 0) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return false;
	snprintf(value, size, "%.*s", (int)strcspn(at + length, end), at + length);
	return true;
}

/* address: "10.0.0.7:934" or "[fd00::7]:934" */
static bool has_address(const char *info, const struct glr_address *address)
{
	char text[GLR_ADDRESS_TEXT_MAX + 16], *host = text, *port;
	struct glr_address parsed;

	if (!take_field(info, "address: \"", "\"", text, sizeof(text)))
		return false;
	port = strrchr(text, ':');
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
	char path[64], info[4096];

	snprintf(path, sizeof(path), "%.20s/info", id);
	/* One that has gone meanwhile is none. */
	if (glr__read_text(directory, path, info, sizeof(info)) || !has_address(info, &release->address))
		return;
	snprintf(release->clients[release->count].id, sizeof(release->clients[0].id), "%.20s", id);
	take_field(info, "name: \"", "\"\n", release->clients[release->count].name, RELEASE_V4_NAME);
	take_field(info, "minor version: ", "\n", release->clients[release->count].version,
		   sizeof(release->clients[0].version));
	release->count++;
}

int release_v4_find(void *release_v4)
{
	struct release_v4 *release = release_v4;
	struct dirent *entry;
	DIR *clients = opendir(CLIENTS);

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

		snprintf(path, sizeof(path), CLIENTS "/%s/ctl", release->clients[i].id);
		rc = glr__write_text(AT_FDCWD, path, "expire\n");
		if (rc && rc != -ENOENT)
			result = rc;
	}
	return result;
}
