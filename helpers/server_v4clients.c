/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which NFSv4.0 clients are alive, for the status monitor, which may not read it.  A daemon of its own answers,
 * which outlives the supervisor: without an answer clients are struck off, and would lose their locks just when
 * the group has to be restarted.  For each question a child looks: with thousands of clients it takes its time.
 *
 * What it reads takes no lock of nfsd's that is held while nfsd waits for the monitor: only a client's own,
 * and that of its directory, for moments (Linux 6.1 to 6.12, fs/nfsd/nfs4state.c: client_info_show,
 * states_start).
 */
#include "passfd.h"
#include "server_daemons.h"
#include "v4clients.h"
#include "v4info.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUESTIONS 3

static bool has_state(int directory, const char *id)
{
	char path[64], byte;
	bool found;
	int fd;

	snprintf(path, sizeof(path), "%.20s/states", id);
	fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	found = read(fd, &byte, 1) == 1;
	close(fd);
	return found;
}

/*
 * Its lease is renewed, and far from its end: whoever is told this has a fifth of it to strike the client off
 * before nfsd can give its locks away.  One that is being expired was renewed at 0, unhash_client_locked()
 * says.
 */
static bool is_alive(const struct v4info *info, uint32_t lease_s)
{
	return strcmp(info->status, "confirmed") == 0 && info->idle_s < lease_s - lease_s / 5;
}

static bool look_at(int directory, const char *id, struct v4clients_answer *answer)
{
	char path[64], text[V4INFO_MAX];
	struct v4info info;
	ssize_t length;

	snprintf(path, sizeof(path), "%.20s/info", id);
	if (glr__read_text(directory, path, text, sizeof(text)) || v4info_parse(text, &info) ||
	    strcmp(info.version, "0") != 0)
		return false;
	answer->clients++;
	length = v4info_id(&info, answer->id, sizeof(answer->id));
	answer->id_length = length < 0 ? 0 : (uint32_t)length;
	answer->has_state = has_state(directory, id);
	return answer->id_length && is_alive(&info, answer->lease_s);
}

static _Noreturn void tell(const struct server *group, int fd)
{
	struct v4clients_answer answer = {0};
	struct server server = *group;
	struct dirent *entry;
	DIR *clients;

	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(V4CLIENTS_ANSWER_MS / 1000);
	if (server_settings_load(&server) < 0)
		_exit(1);
	answer.lease_s = server.lease_s;
	clients = opendir(V4INFO_CLIENTS);
	/* Not there before Linux 5.3: then nobody is known to be alive. */
	if (!clients && errno != ENOENT)
		_exit(1);
	while (clients && (entry = readdir(clients)))
		if (entry->d_name[0] != '.' && look_at(dirfd(clients), entry->d_name, &answer) &&
		    send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			_exit(1);
	answer.id_length = 0;
	send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
	_exit(0);
}

/* @return whether nobody looks any more */
static bool end_predecessor(pid_t pid)
{
	if (pid <= 0)
		return true;
	for (int i = 0; i < 100 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		kill(pid, SIGKILL);
		poll(NULL, 0, 1);
	}
	return waitpid(pid, NULL, WNOHANG) != 0;
}

/* Of the supervisor, but for the questions nothing: least of all its pid file, locked while it lives. */
static void become_another(const struct daemons *daemons)
{
	static const int handled[] = {SIGCHLD, SIGTERM, SIGUSR1, SIGURG};

	prctl(PR_SET_NAME, daemons_name(DAEMON_V4CLIENTS));
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		signal(handled[i], SIG_DFL);
	if (dup2(daemons->fds.handover[0], QUESTIONS) < 0 || syscall(SYS_close_range, QUESTIONS + 1, ~0u, 0) < 0)
		_exit(1);
}

void daemons_v4clients_run(const struct daemons *daemons)
{
	struct pollfd pfd = {.fd = QUESTIONS, .events = POLLIN};
	pid_t looking = 0;

	become_another(daemons);
	for (;;) {
		int fd, result;

		if (poll(&pfd, 1, -1) < 0)
			continue;
		result = passfd_receive(QUESTIONS, &fd);
		/* Neither a monitor nor a supervisor is left. */
		if (result == -ECONNRESET)
			_exit(0);
		if (result < 0 || fd < 0)
			continue;
		if (end_predecessor(looking)) {
			looking = fork();
			if (looking == 0)
				tell(daemons->server, fd);
		}
		close(fd);
	}
}
