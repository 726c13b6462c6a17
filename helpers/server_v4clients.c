/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which NFSv4.0 clients are alive, for the status monitor, which may not read it.  A child looks: with
 * thousands of clients it takes its time.
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
#include <sys/wait.h>
#include <unistd.h>

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

void daemons_v4clients_asked(struct daemons *daemons)
{
	int fd;

	if (passfd_receive(daemons->fds.handover[0], &fd) < 0 || fd < 0)
		return;
	if (end_predecessor(daemons->v4clients_pid)) {
		daemons->v4clients_pid = fork();
		if (daemons->v4clients_pid == 0)
			tell(daemons->server, fd);
	}
	close(fd);
}
