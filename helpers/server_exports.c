/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The group's exports: exports(5) lines, to which each export without one gets
 * an fsid made from the group's name and the path.  lockd knows a file by its
 * handle alone, in all namespaces, so no two groups may share an fsid.
 */
#include "checks.h"
#include "exports_line.h"
#include "server.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#define EXPORTS_MAX (64 * 1024)
#define PATHS_MAX 256
#define FSID_MAX 64

/* Makes file handles of the same path differ between groups. */
static const uuid_t fsid_space = {0x0e, 0x6b, 0x1d, 0x52, 0x9d, 0x0a, 0x4c, 0x6e,
				  0x8f, 0x53, 0x31, 0x7a, 0xd4, 0x1c, 0x90, 0x2b};

static void make_fsid(const char *group, const char *path, char text[UUID_STR_LEN])
{
	char name[GLR_GROUP_MAX + PATH_MAX];
	uuid_t uuid;
	int length = snprintf(name, sizeof(name), "%s:%s", group, path);

	uuid_generate_sha1(uuid, fsid_space, name, length);
	uuid_unparse_lower(uuid, text);
}

/* Writes one "client(options)" with an fsid among the options. */
static void put_client(FILE *out, const char *client, const char *defaults, const char *fsid)
{
	const char *options = strchr(client, '(');

	if ((options && strstr(options, "fsid=")) || (defaults && strstr(defaults, "fsid=")))
		fprintf(out, " %s", client);
	else if (options && options[1] != ')')
		fprintf(out, " %.*s(fsid=%s,%s", (int)(options - client), client, fsid, options + 1);
	else
		fprintf(out, " %.*s(fsid=%s)", options ? (int)(options - client) : (int)strlen(client),
			client, fsid);
}

/* @return 0 or -EINVAL: not a line of exports(5) */
static int put_line(const struct server *server, FILE *out, char *line)
{
	char path[PATH_MAX], fsid[UUID_STR_LEN], *rest, *client, *defaults = NULL, *save = NULL;
	int clients = 0;

	while (isspace((unsigned char)*line))
		line++;
	if (*line == 0 || *line == '#')
		return 0;
	rest = exports_take_path(line, path);
	if (!rest)
		return -EINVAL;
	make_fsid(server->group, path, fsid);
	fprintf(out, "%.*s", (int)(rest - line), line);
	for (client = strtok_r(rest, " \t", &save); client; client = strtok_r(NULL, " \t", &save)) {
		if (*client == '#')
			break;
		if (*client == '-') {
			defaults = client;
			fprintf(out, " %s", client);
			continue;
		}
		put_client(out, client, defaults, fsid);
		clients++;
	}
	if (clients == 0)
		put_client(out, "*", defaults, fsid);
	fputc('\n', out);
	return 0;
}

/* The lines as given, from the parameter or from the file.  @return malloc'ed text or NULL, reported */
static char *given_lines(const struct server *server, int *code)
{
	char *text = calloc(1, EXPORTS_MAX);
	int result = 0;

	if (text && server->exports)
		result = snprintf(text, EXPORTS_MAX, "%s", server->exports) < EXPORTS_MAX ? 0 : -EFBIG;
	else if (text)
		result = glr__read_text(AT_FDCWD, server->exports_file, text, EXPORTS_MAX);
	if (text && result == 0)
		return text;
	free(text);
	if (result == -ENOENT)
		*code = server_fail(OCF_ERR_CONFIGURED,
				    "group %s exports nothing: set exports, or write exports(5) lines to %s",
				    server->group, server->exports_file);
	else
		*code = server_fail(OCF_ERR_GENERIC, "exports of group %s: %s", server->group,
				    strerror(text ? -result : ENOMEM));
	return NULL;
}

static int generate(const struct server *server, char **generated)
{
	int code = OCF_SUCCESS, lines = 0;
	char *text = given_lines(server, &code);
	char *rest = text, *line;
	size_t size;
	FILE *out;

	if (!text)
		return code;
	out = open_memstream(generated, &size);
	if (!out) {
		free(text);
		return server_fail(OCF_ERR_GENERIC, "out of memory");
	}
	while (code == OCF_SUCCESS && (line = exports_next_line(&rest))) {
		char *copy = strdup(line);

		if (!copy || put_line(server, out, line) < 0)
			code = server_fail(OCF_ERR_CONFIGURED,
					   "not a line of exports(5), which begins with an absolute path: %s",
					   copy ? copy : line);
		free(copy);
		lines++;
	}
	fclose(out);
	free(text);
	if (code == OCF_SUCCESS && (*generated)[0] == 0)
		code = server_fail(OCF_ERR_CONFIGURED, "group %s exports nothing: its exports have no line",
				   server->group);
	return code;
}

/* The fsid after at, with fsid=root spelt 0.  @return what follows, or NULL when there is none */
static const char *next_fsid(const char *at, char fsid[FSID_MAX])
{
	at = strstr(at, "fsid=");
	if (!at)
		return NULL;
	at += 5;
	snprintf(fsid, FSID_MAX, "%.*s", (int)strcspn(at, ",) \t\n"), at);
	if (!strcmp(fsid, "root"))
		strcpy(fsid, "0");
	return at;
}

static bool share_fsid(const char *ours, const char *theirs, char fsid[FSID_MAX])
{
	char other[FSID_MAX];

	while ((ours = next_fsid(ours, fsid)))
		for (const char *at = theirs; (at = next_fsid(at, other));)
			if (!strcasecmp(fsid, other))
				return true;
	return false;
}

static int check_other_groups(const struct server *server, const char *generated)
{
	DIR *groups = opendir(GLR__RUNTIME_DIR);
	char *theirs = malloc(EXPORTS_MAX);
	struct dirent *entry;
	int code = OCF_SUCCESS;

	while (groups && theirs && code == OCF_SUCCESS && (entry = readdir(groups))) {
		char path[PATH_MAX], fsid[FSID_MAX];

		snprintf(path, sizeof(path), SERVER_DIR "/exports", entry->d_name);
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, server->group) ||
		    glr__read_text(AT_FDCWD, path, theirs, EXPORTS_MAX) < 0 ||
		    !share_fsid(generated, theirs, fsid))
			continue;
		code = server_fail(
			OCF_ERR_CONFIGURED,
			"groups %s and %s both export with fsid=%s and could share each other's locks: "
			"leave fsid out, or choose another",
			server->group, entry->d_name, fsid);
	}
	if (groups)
		closedir(groups);
	free(theirs);
	return code;
}

static int foreach_path(char *text, int (*fn)(const char *path, void *arg), void *arg)
{
	char *line;
	int result = 0;

	while (result == 0 && (line = strsep(&text, "\n"))) {
		char path[PATH_MAX];

		if (exports_take_path(line, path))
			result = fn(path, arg);
	}
	return result;
}

int server_exports_foreach(const struct server *server, int (*fn)(const char *path, void *arg), void *arg)
{
	char path[PATH_MAX], *text = malloc(EXPORTS_MAX);
	int result = text ? glr__read_text(AT_FDCWD, server_path(server, "exports", path), text, EXPORTS_MAX)
			  : -ENOMEM;

	if (result == 0)
		result = foreach_path(text, fn, arg);
	free(text);
	return result;
}

struct path_list {
	const char *paths[PATHS_MAX + 1];
	size_t count;
};

static int add_path(const char *path, void *arg)
{
	struct path_list *list = arg;

	if (list->count == PATHS_MAX)
		return -E2BIG;
	list->paths[list->count] = strdup(path);
	return list->paths[list->count++] ? 0 : -ENOMEM;
}

static int check_state_dir(const struct server *server, const char *generated)
{
	char *copy = strdup(generated), reason[CHECKS_REASON_MAX];
	struct path_list list = {.count = 0};
	int code = OCF_SUCCESS;

	if (!copy || foreach_path(copy, add_path, &list) < 0)
		code = server_fail(OCF_ERR_GENERIC, "too many exports (%d is the limit)", PATHS_MAX);
	else if (check_state_dir_outside_exports(server->state_dir, list.paths, reason, sizeof(reason)) < 0)
		code = server_fail(OCF_ERR_CONFIGURED, "%s", reason);
	while (list.count > 0)
		free((char *)list.paths[--list.count]);
	free(copy);
	return code;
}

int server_exports_prepare(const struct server *server, bool write)
{
	char *generated = NULL;
	int code = generate(server, &generated);
	int result;

	if (code == OCF_SUCCESS)
		code = check_state_dir(server, generated);
	if (code == OCF_SUCCESS)
		code = check_other_groups(server, generated);
	if (code == OCF_SUCCESS && write) {
		result = server_replace(server, "exports", generated, 0644);
		if (result < 0)
			code = server_fail(OCF_ERR_GENERIC, "cannot write the exports of group %s: %s",
					   server->group, strerror(-result));
	}
	free(generated);
	return code;
}
