/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One foreign command, bounded by the deadline of the action. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool server_wait(const struct server *server)
{
	struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};

	nanosleep(&nap, NULL);
	return glr__now_ms() < server->deadline_ms;
}

/* A fork would copy our memory, which takes longer than some of these commands.
 * @param in its standard input, or -1  @return 0 or -errno */
static int spawn(const char *const argv[], int in, int err, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int result = posix_spawn_file_actions_init(&actions);

	if (result != 0)
		return -result;
	if (in >= 0)
		result = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	else
		result = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	if (result == 0)
		result = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

static void keep_last_line(char *text, size_t length, char error[256])
{
	char *line;

	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = 0;
	line = strrchr(text, '\n');
	snprintf(error, 256, "%.255s", line ? line + 1 : text);
}

/* Collects standard error until the command closes it. */
static int collect(const struct server *server, int fd, char error[256])
{
	char text[2048];
	size_t length = 0;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint64_t now = glr__now_ms();
		ssize_t got;

		if (now >= server->deadline_ms || poll(&ready, 1, server->deadline_ms - now) == 0)
			return -ETIMEDOUT;
		if (length == sizeof(text) - 1) {
			memmove(text, text + length / 2, length - length / 2);
			length -= length / 2;
		}
		got = read(fd, text + length, sizeof(text) - 1 - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		length += got;
	}
	keep_last_line(text, length, error);
	return 0;
}

int server_run(const struct server *server, const char *const argv[], const char *input, char error[256])
{
	int in[2] = {-1, -1}, err[2];
	int result, status;
	pid_t pid;

	if ((input && pipe2(in, O_CLOEXEC) < 0) || pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	result = spawn(argv, in[0], err[1], &pid);
	close(err[1]);
	if (in[0] >= 0)
		close(in[0]);
	if (result < 0) {
		snprintf(error, 256, "%s: %s", argv[0], strerror(-result));
		close(err[0]);
		if (in[1] >= 0)
			close(in[1]);
		return result == -ENOENT ? 127 : result;
	}
	if (input) {
		/* Shorter than a pipe holds: never blocks. */
		if (write(in[1], input, strlen(input)) < 0)
			glr_warn("%s: input: %s", argv[0], strerror(errno));
		close(in[1]);
	}
	result = collect(server, err[0], error);
	close(err[0]);
	if (result < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (result < 0) {
		snprintf(error, 256, "%s did not end in time", argv[0]);
		return result;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
