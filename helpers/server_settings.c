/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a group was started and opened with, kept in its runtime directory. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

char *server_path(const struct server *server, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, SERVER_DIR "/%s", server->group, name);
	return path;
}

int server_replace(const struct server *server, const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX];
	int directory = open(server_path(server, "", path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (directory < 0)
		return -errno;
	result = glr__replace_file(directory, name, text, strlen(text), mode);
	close(directory);
	return result;
}

/* One "key=value" line each, so that values may hold spaces. */
int server_settings_save(const struct server *server)
{
	char text[4 * PATH_MAX];
	int length;

	length = snprintf(
		text, sizeof(text),
		"directory=%s\nstate_dir=%s\nexports_file=%s\nnft_file=%s\nlink=%s\nnic=%s\ngateway=%s\ngrace_s=%u\n"
		"lease_s=%u\nthreads=%u\nserver_names=%s\n",
		server->directory, server->state_dir, server->exports_file, server->nft_file, server->link, server->nic,
		server->gateway, server->grace_s, server->lease_s, server->threads, server->server_names);
	if (length >= (int)sizeof(text))
		return -ENAMETOOLONG;
	return server_replace(server, "settings", text, 0600);
}

static void take_line(const char *line, const char *key, char *value, size_t size)
{
	size_t key_length = strlen(key);

	if (!strncmp(line, key, key_length) && line[key_length] == '=')
		snprintf(value, size, "%s", line + key_length + 1);
}

static void take_number(const char *line, const char *key, unsigned *value)
{
	char text[16] = "";

	take_line(line, key, text, sizeof(text));
	if (*text)
		sscanf(text, "%u", value);
}

int server_settings_load(struct server *server)
{
	char path[PATH_MAX], text[4 * PATH_MAX], *rest = text, *line;
	int result = glr__read_text(AT_FDCWD, server_path(server, "settings", path), text, sizeof(text));

	if (result < 0)
		return result;
	while ((line = strsep(&rest, "\n"))) {
		take_line(line, "directory", server->directory, sizeof(server->directory));
		take_line(line, "state_dir", server->state_dir, sizeof(server->state_dir));
		take_line(line, "exports_file", server->exports_file, sizeof(server->exports_file));
		take_line(line, "nft_file", server->nft_file, sizeof(server->nft_file));
		take_line(line, "link", server->link, sizeof(server->link));
		take_line(line, "nic", server->nic, sizeof(server->nic));
		take_line(line, "gateway", server->gateway, sizeof(server->gateway));
		take_line(line, "server_names", server->server_names, sizeof(server->server_names));
		take_number(line, "grace_s", &server->grace_s);
		take_number(line, "lease_s", &server->lease_s);
		take_number(line, "threads", &server->threads);
	}
	return 0;
}

int server_lock(const struct server *server, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int error = errno == EWOULDBLOCK ? ETIMEDOUT : errno;

		if (error == ETIMEDOUT && server_wait(server))
			continue;
		close(fd);
		return -error;
	}
	return fd;
}
