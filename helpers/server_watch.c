/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches that the daemons answer, and replaces those that do not.
 *
 * A status monitor that is alive but mute keeps lockd's only thread waiting, and with it every
 * group of the node.  One that cannot even die, because it waits for its disk, or whose
 * successor is mute too, costs the group its listeners: lockd is better refused at once.
 *
 * lockd asks rpcbind, too, and without rpc.mountd nobody mounts and no new address is let in.
 */
#include "rpcmsg.h"
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
#define RPC_ANSWER_MS 2000
#define CALM_MS 60000 /* a daemon that lived so long was not replaced too hastily */
#define HASTY_MAX 5

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

/* ---- rpcbind and rpc.mountd: one call at a time, over a connection that stays --------- */

static const struct {
	uint32_t program, version;
	const char *port;
} called[DAEMON_KINDS] = {
	[DAEMON_RPCBIND] = {GLR__RPCBIND_PROG, 2, "111"},
	[DAEMON_MOUNTD] = {MOUNTD_PROG, 3, SERVER_MOUNTD_PORT},
};

static void hang_up(struct daemon_call *call)
{
	if (call->fd > 0)
		close(call->fd);
	call->fd = 0;
	call->asked = false;
}

/* @return whether it said anything: who does is alive */
static bool hears(struct daemon_call *call)
{
	uint8_t answer[256];
	bool heard = false;
	ssize_t got;

	if (call->fd <= 0)
		return false;
	while ((got = recv(call->fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0)
		heard = true;
	if (heard)
		call->asked = false;
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		hang_up(call);
	return heard;
}

static int call_up(struct daemon_call *call, enum daemon_kind kind)
{
	struct sockaddr_in self = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)atoi(called[kind].port)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	call->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (call->fd < 0)
		return -errno;
	if (connect(call->fd, (struct sockaddr *)&self, sizeof(self)) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void ask(struct daemon_call *call, enum daemon_kind kind)
{
	uint8_t message[4 + 128];
	ssize_t length;
	uint32_t mark;

	if (call->fd <= 0 && call_up(call, kind) < 0) {
		hang_up(call);
		return;
	}
	length = glr__rpc_encode_null_call(1, called[kind].program, called[kind].version, message + 4,
					   sizeof(message) - 4);
	if (call->asked || length < 0)
		return;
	mark = htonl(0x80000000u | (uint32_t)length); /* last fragment, RFC 5531 11 */
	memcpy(message, &mark, 4);
	call->asked = send(call->fd, message, (size_t)length + 4, MSG_DONTWAIT | MSG_NOSIGNAL) == length + 4;
	if (!call->asked && errno != EAGAIN)
		hang_up(call);
}

/*
 * rpc.mountd may wait for somebody else, such as a resolver, and would never end if its successors were
 * killed as early: each gets twice the time.
 */
void daemons_watch_rpc(struct daemons *daemons, enum daemon_kind kind)
{
	struct daemon_call *call = &daemons->calls[kind];
	uint64_t now_ms = glr__now_ms();
	uint64_t limit_ms = (uint64_t)RPC_ANSWER_MS << call->hasty;
	pid_t pid = daemons->pids[kind];

	if (call->pid != pid) {
		hang_up(call);
		call->pid = pid;
		call->killed = false;
		call->heard_ms = now_ms;
	}
	if (pid <= 0 || call->killed)
		return;
	if (hears(call)) {
		call->heard_ms = now_ms;
		if (now_ms - daemons->started_ms[kind] >= CALM_MS)
			call->hasty = 0;
	}
	ask(call, kind);
	if (now_ms - call->heard_ms < limit_ms)
		return;
	glr_err("%s does not answer: replacing it", daemons_name(kind));
	kill(pid, SIGKILL);
	call->killed = true;
	if (call->hasty < HASTY_MAX)
		call->hasty++;
}
