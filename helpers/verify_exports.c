/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify: the exports of a group. */
#include "checks.h"
#include "exports_line.h"
#include "glr_private.h"
#include "verify.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTS_MAX (64 * 1024)

/* Anything but an address, a network or everybody makes mountd ask a name service. */
static bool needs_names(const char *client)
{
	struct glr_address address;
	char host[GLR_ADDRESS_TEXT_MAX];

	if (!*client || strcmp(client, "*") == 0)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(client, "/"), client);
	return glr_address_parse(host, &address) != 0;
}

static bool has_option(const char *options, const char *name)
{
	size_t length = strlen(name);

	while (options && *options) {
		options += strspn(options, "-(,)");
		if (strncmp(options, name, length) == 0 && strchr(",)", options[length]))
			return true;
		options += strcspn(options, ",");
	}
	return false;
}

static void check_client(struct verify *verify, const struct verify_place *place, const char *path,
			 char *client)
{
	char *options = strchr(client, '(');

	if (has_option(options ? options : client, "no_root_squash") && (options || *client == '-'))
		verify_report(verify, VERIFY_WARNING, place->directory, "exports",
			      "%s %s: root of a client could reach every file of the filesystem, the client "
			      "list too: "
			      "export with root_squash",
			      path, client);
	if (*client == '-')
		return;
	if (options)
		*options = '\0';
	if (needs_names(client))
		verify_report(verify, VERIFY_WARNING, place->directory, "exports",
			      "%s %s: looking a name up can stall locking on the whole node: export to "
			      "addresses or "
			      "networks",
			      path, client);
}

static void check_line(struct verify *verify, const struct verify_place *place, char *line)
{
	const char *paths[2] = {NULL, NULL};
	char path[PATH_MAX], reason[CHECKS_REASON_MAX], *rest, *client, *save = NULL;

	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return;
	rest = exports_take_path(line, path);
	if (!rest) {
		verify_report(verify, VERIFY_ERROR, place->directory, "exports",
			      "not a line of exports(5), which begins with an absolute path: %s", line);
		return;
	}
	paths[0] = path;
	if (check_state_dir_outside_exports(place->state_dir, paths, reason, sizeof(reason)))
		verify_report(verify, VERIFY_ERROR, place->directory, "exports", "%s", reason);
	else
		verify_report(verify, VERIFY_OK, place->directory, "exports", "%s", path);

	for (client = strtok_r(rest, " \t", &save); client && *client != '#';
	     client = strtok_r(NULL, " \t", &save))
		check_client(verify, place, path, client);
}

/* What a started group exports, else what the cluster would give it, else its file.
 * @return malloc'ed text, or NULL when there is none */
static char *find_exports(const struct verify_place *place)
{
	char path[PATH_MAX], *text = malloc(EXPORTS_MAX);
	int rc = -ENOENT;

	if (!text)
		return NULL;
	if (*place->group) {
		snprintf(path, sizeof(path), "%s/%s/exports", GLR__RUNTIME_DIR, place->group);
		rc = glr__read_text(AT_FDCWD, path, text, EXPORTS_MAX);
	}
	if (rc && place->exports)
		rc = snprintf(text, EXPORTS_MAX, "%s", place->exports) < EXPORTS_MAX ? 0 : -EFBIG;
	if (rc == -ENOENT)
		rc = glr__read_text(AT_FDCWD, place->exports_file, text, EXPORTS_MAX);
	if (rc) {
		free(text);
		text = NULL;
	}
	return text;
}

void verify_exports(struct verify *verify, const struct verify_place *place)
{
	char *text = find_exports(place);
	char *rest = text, *line;

	if (!text)
		verify_report(
			verify, VERIFY_WARNING, place->directory, "exports",
			"no exports were found: set the parameter exports, or write exports(5) lines to %s",
			place->exports_file);
	while (rest && (line = exports_next_line(&rest)))
		check_line(verify, place, line);
	free(text);
}
