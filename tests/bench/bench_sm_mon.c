/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a status monitor takes to answer lockd, and to tell it of a client that rebooted.
 *
 *   bench_sm_mon list DIRECTORY COUNT        makes the client list of group "bench" there
 *   bench_sm_mon disk FILE COUNT             the bare cost: 128 bytes appended, fdatasync
 *   bench_sm_mon mon PORT FIRST COUNT        SM_MON of so many clients, from client FIRST on
 *   bench_sm_mon downcall PORT FIRST COUNT   SM_NOTIFY of monitored clients, until lockd hears it
 *
 * PORT is the monitor's on 127.0.0.1.  As lockd does, each SM_MON has a TCP connection of its own, from a
 * privileged port.  Client N is 10.64.0.0 + N.  Prints one JSON object with times in microseconds.
 */
#include "nsm_message.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <rpc/rpc.h>

#include <rpc/pmap_clnt.h> /* needs the one above */

#define GROUP "bench"
#define FIRST_ADDRESS 0x0a400000u
#define LOCKD_VERSION 3
#define LOCKD_NOTIFY 16
#define PORT_FIRST 665 /* as the kernel does: sunrpc.min_resvport */
#define PORT_LAST 1023
#define ANSWER_MS 60000
#define LAST_FRAGMENT 0x80000000u
#define RECORD_BYTES 128

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void client_name(unsigned number, char name[32])
{
	uint32_t a = FIRST_ADDRESS + number;

	snprintf(name, 32, "%u.%u.%u.%u", a >> 24, a >> 16 & 0xff, a >> 8 & 0xff, a & 0xff);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(const char *what, double *times, unsigned count)
{
	qsort(times, count, sizeof(*times), compare);
	printf("\"%s_p50\": %.1f, \"%s_p99\": %.1f, ", what, times[count / 2], what,
	       times[count * 99ul / 100]);
}

/* ---- list ----------------------------------------------------------------------------------- */

/* The linker puts it in front of the library's: what is only prepared is not measured. */
int __wrap_glr__fdatasync(int fd);
int __wrap_glr__fdatasync(int fd)
{
	return 0;
}

static void make_list(const char *path, unsigned count)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY), slots[2];
	struct glr_address address;
	glr_list_t *list;
	char name[32];
	int rc;

	if (directory < 0)
		die(path);
	rc = glr_list_format(directory, GROUP, GLR__LIST_SLOT_BYTES, false);
	slots[0] = openat(directory, "clients.0", O_RDWR);
	slots[1] = openat(directory, "clients.1", O_RDWR);
	if (!rc)
		rc = glr_list_open(slots[0], slots[1], GROUP, &list);
	for (unsigned i = 0; i < count && !rc; i++) {
		client_name(i, name);
		glr_address_parse(name, &address);
		rc = glr_list_add(list, name, &address);
	}
	if (rc || fsync(slots[0]) < 0 || fsync(slots[1]) < 0) {
		fprintf(stderr, "bench_sm_mon: client list: %s\n", strerror(rc ? -rc : errno));
		exit(EXIT_FAILURE);
	}
	glr_list_close(list);
	printf("{\"clients\": %u}\n", count);
}

/* ---- disk ------------------------------------------------------------------------------------ */

/* Into blocks that were written before, as a list's are. */
static void measure_disk(const char *path, unsigned count)
{
	static const uint8_t record[RECORD_BYTES], block[65536];
	double *times = calloc(count, sizeof(*times)), began;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (unsigned i = 0; i < count * RECORD_BYTES / sizeof(block) + 1; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			die(path);
	if (fsync(fd) < 0)
		die(path);
	for (unsigned i = 0; i < count; i++) {
		began = now_us();
		if (pwrite(fd, record, sizeof(record), (off_t)i * RECORD_BYTES) != sizeof(record) ||
		    fdatasync(fd) < 0)
			die(path);
		times[i] = now_us() - began;
	}
	printf("{");
	report("append", times, count);
	printf("\"n\": %u}\n", count);
	close(fd);
	unlink(path);
	free(times);
}

/* ---- mon ------------------------------------------------------------------------------------- */

static void bind_privileged(int fd, uint32_t address)
{
	static unsigned next;
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

	for (int i = 0; i <= PORT_LAST - PORT_FIRST; i++) {
		sa.sin_port = htons((uint16_t)(PORT_LAST - next++ % (PORT_LAST - PORT_FIRST + 1)));
		if (!bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
			return;
	}
	die("no privileged port");
}

static int connect_monitor(uint16_t port)
{
	struct sockaddr_in monitor = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bind_privileged(fd, INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&monitor, sizeof(monitor)) < 0)
		die("the monitor's port");
	return fd;
}

/* @return result of sm_stat_res */
static uint32_t monitor_one(int fd, unsigned number)
{
	struct message message;
	uint8_t reply[256];
	uint32_t mark;
	struct iovec iov[] = {{&mark, sizeof(mark)}, {message.bytes, 0}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	char name[32];
	size_t got = 0;
	ssize_t n;

	client_name(number, name);
	nsm_mon(&message, number + 1, name, (uint8_t)number);
	mark = htonl(LAST_FRAGMENT | (uint32_t)message.length);
	iov[1].iov_len = message.length;
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		die("SM_MON");
	/* The mark, six words of an accepted reply, result and state. */
	while (got < 36) {
		n = recv(fd, reply + got, sizeof(reply) - got, 0);
		if (n <= 0)
			die("answer to SM_MON");
		got += (size_t)n;
	}
	return word_at(reply, 7);
}

static void measure_mon(uint16_t port, unsigned first, unsigned count)
{
	double *all = calloc(count, sizeof(*all)), *calls = calloc(count, sizeof(*calls)), began, connected;
	unsigned failed = 0;

	for (unsigned i = 0; i < count; i++) {
		int fd;

		began = now_us();
		fd = connect_monitor(port);
		connected = now_us();
		failed += monitor_one(fd, first + i) != 0;
		calls[i] = now_us() - connected;
		all[i] = now_us() - began;
		close(fd);
	}
	printf("{");
	report("mon", all, count);
	report("call", calls, count);
	printf("\"failed\": %u, \"n\": %u}\n", failed, count);
	free(all);
	free(calls);
}

/* ---- downcall ---------------------------------------------------------------------------------- */

/* lockd as rpcbind knows it. */
static int make_lockd(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&sa, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &length) < 0)
		die("lockd's socket");
	pmap_unset(GLR__NLM_PROG, LOCKD_VERSION);
	if (!pmap_set(GLR__NLM_PROG, LOCKD_VERSION, IPPROTO_UDP, ntohs(sa.sin_port))) {
		fprintf(stderr, "bench_sm_mon: rpcbind does not take lockd's registration\n");
		exit(EXIT_FAILURE);
	}
	return fd;
}

/* Waits for the downcall about a client and answers it.  @return whether it came */
static bool hear_downcall(int fd, const char *name)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	struct message call, reply;
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	size_t text = strlen(name);
	ssize_t got;

	while (poll(&pfd, 1, ANSWER_MS) == 1) {
		got = recvfrom(fd, call.bytes, sizeof(call.bytes), 0, (struct sockaddr *)&from, &length);
		if (got < 40 || word_at(call.bytes, 5) != LOCKD_NOTIFY)
			continue;
		begin_reply(&reply, word_at(call.bytes, 0));
		sendto(fd, reply.bytes, reply.length, 0, (struct sockaddr *)&from, length);
		if (memmem(call.bytes, (size_t)got, name, text))
			return true;
	}
	return false;
}

static double notify_one(uint16_t port, int lockd, unsigned number)
{
	struct sockaddr_in monitor = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct message message;
	char name[32];
	double began;

	client_name(number, name);
	bind_privileged(fd, FIRST_ADDRESS + number);
	nsm_notify(&message, number + 1, name, 3);
	began = now_us();
	if (sendto(fd, message.bytes, message.length, 0, (struct sockaddr *)&monitor, sizeof(monitor)) < 0)
		die("SM_NOTIFY");
	if (!hear_downcall(lockd, name)) {
		fprintf(stderr, "bench_sm_mon: lockd is not told of %s\n", name);
		exit(EXIT_FAILURE);
	}
	began = now_us() - began;
	close(fd);
	return began;
}

static void measure_downcall(uint16_t port, unsigned first, unsigned count)
{
	double *times = calloc(count, sizeof(*times));
	int lockd = make_lockd();

	for (unsigned i = 0; i < count; i++) {
		times[i] = notify_one(port, lockd, first + i);
		/* So that the monitor has heard lockd's answer. */
		poll(NULL, 0, 2);
	}
	pmap_unset(GLR__NLM_PROG, LOCKD_VERSION);
	printf("{");
	report("downcall", times, count);
	printf("\"n\": %u}\n", count);
	free(times);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	unsigned a = argc > 3 ? (unsigned)atoi(argv[3]) : 0, b = argc > 4 ? (unsigned)atoi(argv[4]) : 0;

	if (argc == 4 && !strcmp(verb, "list"))
		make_list(argv[2], a);
	else if (argc == 4 && !strcmp(verb, "disk") && a)
		measure_disk(argv[2], a);
	else if (argc == 5 && !strcmp(verb, "mon") && b)
		measure_mon((uint16_t)atoi(argv[2]), a, b);
	else if (argc == 5 && !strcmp(verb, "downcall") && b)
		measure_downcall((uint16_t)atoi(argv[2]), a, b);
	else {
		fprintf(stderr, "usage: bench_sm_mon list DIRECTORY COUNT | disk FILE COUNT |\n"
				"       mon PORT FIRST COUNT | downcall PORT FIRST COUNT\n");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
