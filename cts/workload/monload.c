/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monload: ever new clients are reported to a status monitor, as lockd reports them, until the
 * power goes.
 *
 *     monload DEVICE FIRST WORKERS
 *
 * Clients are numbers, from FIRST on, and 10.x.y.z their names.  Each worker has a part of the block device
 * and there a sector for each thing it knows: "M NAME", SM_MON was answered with success; "U NAME", an
 * SM_UNMON is about to be sent.  The sectors pass by the page cache, so they outlive a power cut, in the
 * order in which they were written.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECTOR 512
#define PART_SECTORS 4096
#define WORKERS_MAX 16
#define ANSWER_S 20
#define FAILURES_MAX 100
#define UNMON_EVERY 4

#define PORTMAP_PORT 111
#define PORTMAP_PROG 100000
#define PMAPPROC_GETPORT 3
#define NSM_PROG 100024
#define SM_MON 2
#define SM_UNMON 3
#define LOCKD_PROG 100021

static uint16_t monitor_port;

struct message {
	uint32_t words[128];
	size_t count;
};

struct worker {
	int log;
	off_t place, end;
	uint32_t xid;
	unsigned failures;
};

/* ---- messages ------------------------------------------------------------------- */

static void put(struct message *m, uint32_t word)
{
	m->words[m->count++] = htonl(word);
}

static void put_string(struct message *m, const char *text)
{
	size_t length = strlen(text);

	put(m, (uint32_t)length);
	m->words[m->count + length / 4] = 0;
	memcpy(&m->words[m->count], text, length);
	m->count += (length + 3) / 4;
}

static void put_call(struct message *m, uint32_t xid, uint32_t prog, uint32_t vers, uint32_t proc)
{
	put(m, xid);
	put(m, 0); /* CALL */
	put(m, 2);
	put(m, prog);
	put(m, vers);
	put(m, proc);
	for (int i = 0; i < 4; i++)
		put(m, 0); /* no credentials, no verifier */
}

/* @return the n-th word of a successful reply's result, or -1 */
static int64_t result_word(const uint32_t *reply, size_t bytes, uint32_t xid, size_t n)
{
	if (bytes < (6 + n + 1) * 4 || ntohl(reply[0]) != xid || ntohl(reply[1]) != 1 || reply[2] || reply[5])
		return -1;
	return ntohl(reply[6 + n]);
}

static void limit_wait(int fd)
{
	struct timeval limit = {.tv_sec = ANSWER_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static uint16_t find_monitor(void)
{
	struct sockaddr_in to = loopback(PORTMAP_PORT);
	struct message m = {.count = 0};
	uint32_t reply[64];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int64_t port;
	ssize_t got;

	put_call(&m, 1, PORTMAP_PROG, 2, PMAPPROC_GETPORT);
	put(&m, NSM_PROG);
	put(&m, 1);
	put(&m, IPPROTO_TCP);
	put(&m, 0);
	limit_wait(fd);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || send(fd, m.words, m.count * 4, 0) < 0)
		err(1, "rpcbind");
	got = recv(fd, reply, sizeof(reply), 0);
	port = got < 0 ? -1 : result_word(reply, (size_t)got, 1, 0);
	if (port <= 0)
		errx(1, "rpcbind knows no status monitor");
	close(fd);
	return (uint16_t)port;
}

/* A connection of its own from a privileged port for each call.  @return the first word of the result, or -1
 */
static int64_t call_monitor(uint32_t xid, struct message *m)
{
	struct sockaddr_in to = loopback(monitor_port);
	uint32_t mark, reply[64];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int64_t result = -1;
	ssize_t got;

	m->words[0] = htonl(0x80000000u | (uint32_t)(m->count - 1) * 4);
	limit_wait(fd);
	if (bindresvport(fd, NULL) == 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	    send(fd, m->words, m->count * 4, MSG_NOSIGNAL) == (ssize_t)(m->count * 4) &&
	    recv(fd, &mark, sizeof(mark), MSG_WAITALL) == sizeof(mark)) {
		size_t length = ntohl(mark) & 0x7fffffff;

		got = length > sizeof(reply) ? -1 : recv(fd, reply, length, MSG_WAITALL);
		result = got < 0 ? -1 : result_word(reply, (size_t)got, xid, 0);
	}
	close(fd);
	return result;
}

/* @return whether it was answered, SM_MON with success */
static int report(struct worker *worker, uint32_t proc, uint32_t number, const char *name)
{
	struct message m = {.count = 1}; /* the record mark */
	uint32_t xid = ++worker->xid;
	int64_t result;

	put_call(&m, xid, NSM_PROG, 1, proc);
	put_string(&m, name);
	put_string(&m, "server");
	put(&m, LOCKD_PROG);
	put(&m, 3);
	put(&m, 16);
	if (proc == SM_MON)
		for (int i = 0; i < 4; i++)
			put(&m, number); /* lockd's cookie */
	result = call_monitor(xid, &m);
	return proc == SM_MON ? result == 0 : result >= 0;
}

/* ---- workers --------------------------------------------------------------------- */

static void note(struct worker *worker, char what, const char *name)
{
	static _Alignas(4096) char sector[SECTOR];

	if (worker->place >= worker->end)
		exit(0);
	memset(sector, 0, sizeof(sector));
	snprintf(sector, sizeof(sector), "%c %s\n", what, name);
	if (pwrite(worker->log, sector, SECTOR, worker->place) != SECTOR)
		err(1, "log");
	worker->place += SECTOR;
}

static void monitor_client(struct worker *worker, uint32_t number, const char *name)
{
	while (!report(worker, SM_MON, number, name))
		if (++worker->failures > FAILURES_MAX)
			errx(1, "SM_MON of %s fails", name);
	note(worker, 'M', name);
}

static _Noreturn void work(struct worker *worker, uint32_t first, uint32_t step)
{
	char name[16];

	for (uint32_t number = first;; number += step) {
		snprintf(name, sizeof(name), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
			 number & 255);
		monitor_client(worker, number, name);
		if (number / step % UNMON_EVERY)
			continue;
		note(worker, 'U', name);
		report(worker, SM_UNMON, number, name);
		monitor_client(worker, number, name);
	}
}

int main(int argc, char **argv)
{
	uint32_t first, workers;
	int log, status;

	if (argc != 4)
		errx(2, "usage: monload DEVICE FIRST WORKERS");
	first = (uint32_t)strtoul(argv[2], NULL, 10);
	workers = (uint32_t)strtoul(argv[3], NULL, 10);
	if (workers < 1 || workers > WORKERS_MAX)
		errx(2, "1 to %d workers", WORKERS_MAX);
	log = open(argv[1], O_WRONLY | O_DIRECT);
	if (log < 0)
		err(1, "%s", argv[1]);
	monitor_port = find_monitor();
	for (uint32_t i = 0; i < workers; i++) {
		struct worker worker = {.log = log,
					.place = (off_t)i * PART_SECTORS * SECTOR,
					.end = (off_t)(i + 1) * PART_SECTORS * SECTOR,
					.xid = (i + 1) << 24};

		if (fork() == 0)
			work(&worker, first + i, workers);
	}
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			errx(1, "a worker failed");
	return 0;
}
