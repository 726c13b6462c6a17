/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches that the status monitor answers.  One that is alive but mute keeps lockd's only
 * thread waiting, and with it every group of the node: it is replaced.  One that cannot
 * even die, because it waits for its disk, or whose successor is mute too, costs the group
 * its listeners: lockd is better refused at once.
 */
#include "server_daemons.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ANSWER_MS 1000
#define STARTING_MS 3000 /* it reads its list first */
#define ACTION_MS 10000	 /* the first sync of a takeover can be slow */
#define DEATH_MS 200

static bool action_under_way(const struct server *server)
{
	char path[PATH_MAX];
	int fd = open(server_path(server, SERVER_ACTION_LOCK, path), O_RDONLY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	return locked;
}

/* @return whether it was silent for longer than can be helped */
static bool is_mute(const struct daemons *daemons)
{
	uint64_t began_ms = daemons->started_ms[DAEMON_STATD], now_ms = glr__now_ms();

	if (daemons->heard_ms < began_ms)
		return now_ms - began_ms >= STARTING_MS;
	return now_ms - daemons->heard_ms >= (action_under_way(daemons->server) ? ACTION_MS : ANSWER_MS);
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -1 : value;
}

/*
 * Ends the TCP connections of a process.  Its threads share them, so that one thread that waits for a
 * disk would keep them open after the death of the others.
 */
static void end_connections(int pidfd, pid_t pid)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		if (fd < 0)
			continue;
		if (socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP && socket_option(fd, SO_ACCEPTCONN) == 0)
			shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

/* @return whether it is dead; a process with a thread in the middle of a write is not */
static bool end_monitor(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pfd = {.fd = pidfd, .events = POLLIN};
	bool dead;

	if (pidfd < 0)
		return errno == ESRCH;
	end_connections(pidfd, pid);
	kill(pid, SIGKILL);
	dead = poll(&pfd, 1, DEATH_MS) == 1;
	close(pidfd);
	return dead;
}

/* Not close() alone: the monitor that cannot die has them too. */
static void refuse_lockd(struct daemons *daemons)
{
	glr_err("closing the status monitor's listeners: new clients get no locks until it answers");
	for (int i = 0; i < NSM_SOCKETS; i++) {
		if (daemons->fds.nsm[i] < 0)
			continue;
		shutdown(daemons->fds.nsm[i], SHUT_RDWR);
		close(daemons->fds.nsm[i]);
		daemons->fds.nsm[i] = -1;
	}
	daemons->refusing = true;
}

static void serve_lockd(struct daemons *daemons)
{
	if (daemons_register_nsm(daemons) < 0 || daemons_keep_registrations() < 0)
		return;
	daemons->refusing = false;
	glr_notice("the status monitor answers again");
}

void daemons_watch_monitor(struct daemons *daemons)
{
	pid_t pid = daemons->pids[DAEMON_STATD];
	struct glr_status status;
	bool dead;

	if (pid <= 0 || pid == daemons->dying)
		return;
	if (glr_status_get(daemons->server->group, ANSWER_MS, &status) == 0) {
		daemons->heard_ms = glr__now_ms();
		daemons->mute = 0;
		if (daemons->refusing && !daemons->quiet)
			serve_lockd(daemons);
		return;
	}
	if (!is_mute(daemons))
		return;
	glr_err("the status monitor does not answer: replacing it");
	dead = end_monitor(pid);
	daemons->dying = pid;
	if ((!dead || ++daemons->mute > 1) && !daemons->refusing)
		refuse_lockd(daemons);
}
