/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clients' TCP connections: written down while they last, woken after a crash.
 *
 * A client that has a request under way when its server loses power sends it again after ever longer
 * pauses, and learns only then that its connection is gone: its reclaim can come after the grace period.
 * The next server therefore sends a stray acknowledgement on each connection.  The client answers with the
 * state of its own, the kernel here knows no such connection and resets it, and the client connects anew.
 *
 * Nothing but time depends on it.
 */
#include "server_connections.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <qb/qbutil.h>

#define NFS_PORT 2049
#define LOOK_MS 3000
#define COST_SHARE 20 /* looks and waking may take this part of the time */
#define LAST_WRITE_MS 500
/* TCP_RTO_MAX: for so long a client can go without asking on a connection that its server does not know. */
#define KEEP_MS 120000
/* So that thousands of clients do not connect all at once: the kernel's queues for that are short. */
#define BATCH 64
#define BATCH_PAUSE_MS 10
#define TEXT_BYTES ((size_t)CONNECTIONS_MAX * CONNECTION_TEXT_MAX)

/* The first may be lost while addresses are being resolved, and a client answers at most every 500 ms. */
static const unsigned pauses_ms[] = {600, 1400, 2000};
#define ROUNDS (sizeof(pauses_ms) / sizeof(*pauses_ms))

/* ---- the file ----------------------------------------------------------------------- */

static void take_lines(struct connections *connections, char *text, const char *end)
{
	char *line_end;

	for (; connections->count < CONNECTIONS_MAX && (line_end = memchr(text, '\n', (size_t)(end - text)));
	     text = line_end + 1) {
		*line_end = 0;
		if (connection_parse(text, &connections->all[connections->count]))
			connections->count++;
	}
	qsort(connections->all, connections->count, sizeof(*connections->all), connection_compare);
}

static int read_file(struct connections *connections)
{
	/* Not a pipe, which somebody who forged a file handle could have put there. */
	int fd = openat(connections->directory, CONNECTIONS_FILE,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *text = malloc(TEXT_BYTES);
	size_t got = 0;
	int result = 0;

	if (fd < 0)
		result = errno == ENOENT ? 0 : -errno;
	else if (!text)
		result = -ENOMEM;
	else
		result = glr__pread_all(fd, text, TEXT_BYTES, 0, &got);
	if (result == 0)
		take_lines(connections, text, text + got);
	free(text);
	if (fd >= 0)
		close(fd);
	return result;
}

int connections_open(struct connections *connections, const char *state_dir)
{
	int result;

	connections->all = calloc(CONNECTIONS_MAX, sizeof(*connections->all));
	connections->spare = calloc(CONNECTIONS_MAX, sizeof(*connections->spare));
	if (!connections->all || !connections->spare)
		return -ENOMEM;
	connections->directory = open(state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (connections->directory < 0)
		return -errno;
	result = read_file(connections);
	if (result < 0)
		glr_warn("%s/" CONNECTIONS_FILE ": %s: after a crash, clients may take their time", state_dir,
			 strerror(-result));
	return 0;
}

/* Where the disk hangs it stays behind, and must keep nothing open that others wait for. */
static _Noreturn void become_writer(const struct connections *connections)
{
	int directory = connections->directory;
	char *text = malloc(connections->count * CONNECTION_TEXT_MAX + 1), one[CONNECTION_TEXT_MAX];
	size_t used = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 0);
	if (directory > 0)
		syscall(SYS_close_range, 0, directory - 1, 0);
	syscall(SYS_close_range, directory + 1, ~0u, 0);
	if (!text)
		_exit(ENOMEM);
	for (size_t i = 0; i < connections->count; i++)
		used += sprintf(text + used, "%s\n", connection_text(&connections->all[i], one));
	_exit(-glr__replace_file(directory, CONNECTIONS_FILE, text, used, 0600));
}

static void write_file(struct connections *connections)
{
	pid_t pid;

	if (!connections->stale || connections->writer > 0)
		return;
	pid = fork();
	if (pid == 0)
		become_writer(connections);
	if (pid < 0)
		return;
	connections->writer = pid;
	connections->stale = false;
}

bool connections_written(struct connections *connections, pid_t pid, int status)
{
	if (pid != connections->writer)
		return false;
	connections->writer = 0;
	if (status == 0) {
		connections->warned = false;
		/* There may be news, and no other look. */
		write_file(connections);
		return true;
	}
	connections->stale = true;
	if (!connections->warned)
		glr_warn("cannot write " CONNECTIONS_FILE
			 " in the state directory: %s: after a crash, clients may take their time",
			 WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "killed");
	connections->warned = true;
	return true;
}

/* ---- what there is --------------------------------------------------------------------- */

static uint16_t lockd_port(void)
{
	char text[32];

	return glr__read_text(AT_FDCWD, "/proc/sys/fs/nfs/nlm_tcpport", text, sizeof(text)) == 0
		       ? (uint16_t)atoi(text)
		       : 0;
}

static size_t collect(const char *table, uint64_t now_ms, struct connection *found, size_t count)
{
	FILE *file = fopen(table, "re");
	uint16_t lockd = lockd_port();
	char line[512];

	while (file && count < CONNECTIONS_MAX && fgets(line, sizeof(line), file)) {
		struct connection *one = &found[count];

		if (!connection_parse_proc(line, one) ||
		    (one->local_port != NFS_PORT && one->local_port != lockd))
			continue;
		one->seen_ms = now_ms;
		one->live = true;
		count++;
	}
	if (file)
		fclose(file);
	return count;
}

static void look(struct connections *connections)
{
	struct connection *old = connections->all, *found = connections->spare;
	size_t old_count = connections->count, live, count;
	uint64_t now_ms = glr__now_ms();
	bool changed;

	live = collect("/proc/net/tcp", now_ms, found, 0);
	live = count = collect("/proc/net/tcp6", now_ms, found, live);
	qsort(found, live, sizeof(*found), connection_compare);
	for (size_t i = 0; i < old_count && count < CONNECTIONS_MAX; i++) {
		if (now_ms - old[i].seen_ms >= KEEP_MS ||
		    bsearch(&old[i], found, live, sizeof(*found), connection_compare))
			continue;
		found[count] = old[i];
		found[count++].live = false;
	}
	qsort(found, count, sizeof(*found), connection_compare);
	changed = count != old_count;
	for (size_t i = 0; i < count && !changed; i++)
		changed = connection_compare(&old[i], &found[i]) != 0;
	connections->stale |= changed;
	connections->all = found;
	connections->spare = old;
	connections->count = count;
}

/* ---- waking clients --------------------------------------------------------------------- */

static int raw_socket(int family)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int least = 1;

	/* It would get a copy of all that arrives. */
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	return fd;
}

/* A raw socket of each family, bound to the address it sent from last. */
struct waker {
	int sockets[2];
	const struct connection *last[2];
	uint32_t numbers[BATCH][2];
};

/* What is not sent now may be in the next round.  An address that is not the group's own cannot be bound. */
static bool wake(struct waker *waker, const struct connection *connection, const uint32_t numbers[2])
{
	int which = connection->local.family == AF_INET6, fd = waker->sockets[which];
	const struct connection *last = waker->last[which];
	struct sockaddr_storage local, remote;
	socklen_t length = glr_address_to_sockaddr(&connection->local, 0, &local);
	uint8_t segment[CONNECTION_SEGMENT_BYTES];

	if (!last || memcmp(&last->local, &connection->local, sizeof(last->local)) != 0) {
		waker->last[which] = NULL;
		if (bind(fd, (struct sockaddr *)&local, length) < 0)
			return false;
		waker->last[which] = connection;
	}
	glr_address_to_sockaddr(&connection->remote, 0, &remote);
	connection_segment(connection, numbers[0], numbers[1], segment);
	return sendto(fd, segment, sizeof(segment), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&remote,
		      length) == sizeof(segment);
}

/* @return whether the round goes on */
static bool wake_some(struct connections *connections)
{
	struct waker waker = {.sockets = {raw_socket(AF_INET), raw_socket(AF_INET6)}};
	unsigned sent = 0;

	if (glr__random(waker.numbers, sizeof(waker.numbers)) < 0)
		connections->next = connections->count;
	for (; connections->next < connections->count && sent < BATCH; connections->next++) {
		const struct connection *one = &connections->all[connections->next];

		/* Not what has come back already. */
		if (!one->live)
			sent += wake(&waker, one, waker.numbers[sent]);
	}
	for (int i = 0; i < 2; i++)
		if (waker.sockets[i] >= 0)
			close(waker.sockets[i]);
	connections->sent += sent;
	return connections->next < connections->count;
}

static unsigned pause_ms(uint64_t began_ms, unsigned least_ms)
{
	unsigned took_ms = (unsigned)(glr__now_ms() - began_ms);

	return took_ms * COST_SHARE > least_ms ? took_ms * COST_SHARE : least_ms;
}

/* @return milliseconds until the next */
static unsigned take_turn(struct connections *connections)
{
	uint64_t began_ms = glr__now_ms();

	if (connections->next == 0) {
		look(connections);
		write_file(connections);
	}
	if (connections->round == ROUNDS)
		return pause_ms(began_ms, LOOK_MS);
	if (wake_some(connections))
		return pause_ms(began_ms, BATCH_PAUSE_MS);
	glr_info("of %zu connections of clients with the last server, %zu were woken", connections->count,
		 connections->sent);
	connections->next = 0;
	connections->sent = 0;
	return pauses_ms[connections->round++];
}

static void on_turn(void *arg)
{
	struct connections *connections = arg;

	qb_loop_timer_add(connections->loop, QB_LOOP_MED, take_turn(connections) * QB_TIME_NS_IN_MSEC,
			  connections, on_turn, &connections->timer);
}

void connections_begin(struct connections *connections, qb_loop_t *loop)
{
	connections_end(connections);
	connections->loop = loop;
	connections->round = 0;
	connections->next = 0;
	for (size_t i = 0; i < connections->count; i++)
		connections->all[i].seen_ms = glr__now_ms();
	on_turn(connections);
}

void connections_end(struct connections *connections)
{
	if (!connections->loop)
		return;
	qb_loop_timer_del(connections->loop, connections->timer);
	connections->loop = NULL;
	look(connections);
	write_file(connections);
}

void connections_close(struct connections *connections)
{
	const struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};
	uint64_t until_ms = glr__now_ms() + LAST_WRITE_MS;
	int status;

	while (connections->writer > 0 && glr__now_ms() < until_ms) {
		if (waitpid(connections->writer, &status, WNOHANG) > 0)
			connections_written(connections, connections->writer, status);
		else
			nanosleep(&nap, NULL);
	}
}
