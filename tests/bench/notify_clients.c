/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NFS clients by the thousand: answers rpcbind's GETPORT and GETADDR and NSM's SM_NOTIFY at every address of
 * 127.0.0.0/8, in a network namespace of its own, until SIGTERM.  Then it says who was told:
 *
 *   notify_clients [--drop=PERCENT] [--silent=PERCENT] [--tcp-only]
 *   -> ready
 *   -> told=CLIENTS calls=N first=SECONDS last=SECONDS   (CLOCK_MONOTONIC: first call, last new client)
 */
#include "rpc_message.h"
#include "rpcmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#define RPCBIND_PORT 111
#define MONITOR_PORT 40000
#define BATCH 64
#define CALL_MAX 512
#define MARK_BYTES 4
#define BUFFER_BYTES (4 << 20)

enum kind { RPCBIND_UDP, MONITOR_UDP, RPCBIND_TCP, MONITOR_TCP, CONNECTION };

static unsigned drop_percent, silent_percent;
static bool tcp_only;
static volatile sig_atomic_t ended;

static uint8_t told_bits[1 << 21]; /* one for each address below 127 */
static unsigned told, calls, seed = 1;
static double first_s, last_s;

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int fail(const char *what)
{
	perror(what);
	return EXIT_FAILURE;
}

static bool lost(void)
{
	return drop_percent && (unsigned)rand_r(&seed) % 100 < drop_percent;
}

/* ---- one client ------------------------------------------------------------------- */

static uint32_t number_of(struct in_addr client)
{
	return ntohl(client.s_addr) & 0xffffff;
}

static void note_told(struct in_addr client)
{
	uint32_t number = number_of(client);

	if (told_bits[number / 8] & 1 << number % 8)
		return;
	told_bits[number / 8] |= (uint8_t)(1 << number % 8);
	told++;
	last_s = now_s();
}

/* @return whether there is an answer */
static bool answer(struct in_addr client, bool rpcbind, const uint8_t *bytes, size_t length,
		   struct message *reply)
{
	char host[INET_ADDRSTRLEN], uaddr[INET_ADDRSTRLEN + 16];
	struct glr__rpc_call call;

	if (!calls++)
		first_s = now_s();
	if (number_of(client) % 100 < silent_percent || glr__rpc_decode_call(bytes, length, &call))
		return false;
	begin_reply(reply, call.xid);
	if (rpcbind && call.vers == 2) {
		add_u32(reply, MONITOR_PORT);
	} else if (rpcbind) {
		snprintf(uaddr, sizeof(uaddr), "%s.%u.%u", inet_ntop(AF_INET, &client, host, sizeof(host)),
			 MONITOR_PORT >> 8, MONITOR_PORT & 255);
		add_string(reply, uaddr);
	} else if (call.proc == GLR__SM_NOTIFY) {
		note_told(client);
	}
	return true;
}

/* ---- UDP: any address is a client ------------------------------------------------- */

static struct {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_in from[BATCH];
	uint8_t calls[BATCH][CALL_MAX], control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct message replies[BATCH];
} udp;

static struct in_addr *destination(struct msghdr *msg)
{
	struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(CMSG_FIRSTHDR(msg));

	return &info->ipi_addr;
}

/* The answer goes out with what came in as its control message: from the address that was asked. */
static void prepare_reply(size_t to, size_t from)
{
	struct msghdr *msg = &udp.out[to].msg_hdr;
	struct in_pktinfo *info;

	*msg = udp.in[from].msg_hdr;
	info = (struct in_pktinfo *)CMSG_DATA(CMSG_FIRSTHDR(msg));
	info->ipi_spec_dst = info->ipi_addr;
	info->ipi_ifindex = 0;
	udp.out_iov[to] = (struct iovec){udp.replies[to].bytes, udp.replies[to].length};
	msg->msg_iov = &udp.out_iov[to];
	msg->msg_flags = 0;
}

static void serve_udp(int fd, bool rpcbind)
{
	size_t replies = 0;
	int got, sent;

	for (size_t i = 0; i < BATCH; i++) {
		udp.in_iov[i] = (struct iovec){udp.calls[i], CALL_MAX};
		udp.in[i].msg_hdr = (struct msghdr){.msg_name = &udp.from[i],
						    .msg_namelen = sizeof(udp.from[i]),
						    .msg_iov = &udp.in_iov[i],
						    .msg_iovlen = 1,
						    .msg_control = udp.control[i],
						    .msg_controllen = sizeof(udp.control[i])};
	}
	got = recvmmsg(fd, udp.in, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		struct msghdr *msg = &udp.in[i].msg_hdr;

		if (!tcp_only && !lost() && CMSG_FIRSTHDR(msg) &&
		    answer(*destination(msg), rpcbind, udp.calls[i], udp.in[i].msg_len,
			   &udp.replies[replies]) &&
		    !lost())
			prepare_reply(replies++, (size_t)i);
	}
	for (size_t done = 0; done<replies; done += sent> 0 ? (size_t)sent : 1)
		sent = sendmmsg(fd, udp.out + done, (unsigned)(replies - done), 0);
}

/* ---- TCP -------------------------------------------------------------------------- */

/* A call and its answer come in one piece here. */
static void serve_connection(int fd)
{
	uint8_t bytes[MARK_BYTES + CALL_MAX];
	struct sockaddr_in local;
	socklen_t length = sizeof(local);
	struct message reply;
	uint32_t mark;
	ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

	if (got <= MARK_BYTES || getsockname(fd, (struct sockaddr *)&local, &length)) {
		close(fd);
		return;
	}
	if (!answer(local.sin_addr, ntohs(local.sin_port) == RPCBIND_PORT, bytes + MARK_BYTES,
		    (size_t)got - MARK_BYTES, &reply))
		return;
	mark = htonl(0x80000000u | (uint32_t)reply.length);
	memmove(reply.bytes + MARK_BYTES, reply.bytes, reply.length);
	memcpy(reply.bytes, &mark, MARK_BYTES);
	if (send(fd, reply.bytes, MARK_BYTES + reply.length, MSG_NOSIGNAL) < 0)
		close(fd);
}

/* ---- all of them ------------------------------------------------------------------ */

static void watch(int epoll_fd, int fd, enum kind kind)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		perror("epoll_ctl");
}

static int make_socket(int epoll_fd, enum kind kind)
{
	bool tcp = kind == RPCBIND_TCP || kind == MONITOR_TCP;
	bool rpcbind = kind == RPCBIND_UDP || kind == RPCBIND_TCP;
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons(rpcbind ? RPCBIND_PORT : MONITOR_PORT)};
	int fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0), one = 1, size = BUFFER_BYTES;

	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || (tcp && listen(fd, 1024)))
		return fail("port 111 or 40000");
	watch(epoll_fd, fd, kind);
	return EXIT_SUCCESS;
}

static void serve(int epoll_fd, uint64_t data)
{
	enum kind kind = data >> 32;
	int fd = (int)(uint32_t)data, connection;

	switch (kind) {
	case RPCBIND_UDP:
	case MONITOR_UDP:
		serve_udp(fd, kind == RPCBIND_UDP);
		break;
	case RPCBIND_TCP:
	case MONITOR_TCP:
		connection = accept(fd, NULL, NULL);
		if (connection >= 0)
			watch(epoll_fd, connection, CONNECTION);
		break;
	case CONNECTION:
		serve_connection(fd);
		break;
	}
}

static void end(int signal)
{
	ended = 1;
}

static int serve_all(void)
{
	struct epoll_event events[BATCH];
	int epoll_fd = epoll_create1(0);

	for (enum kind kind = RPCBIND_UDP; kind <= MONITOR_TCP; kind++) {
		if (make_socket(epoll_fd, kind))
			return EXIT_FAILURE;
	}
	puts("ready");
	fflush(stdout);
	while (!ended) {
		/* Not for ever: SIGTERM may come just before. */
		int count = epoll_wait(epoll_fd, events, BATCH, 200);

		for (int i = 0; i < count; i++)
			serve(epoll_fd, events[i].data.u64);
	}
	printf("told=%u calls=%u first=%.6f last=%.6f\n", told, calls, first_s, last_s);
	return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {{"drop", required_argument, NULL, 'd'},
						{"silent", required_argument, NULL, 's'},
						{"tcp-only", no_argument, NULL, 't'},
						{0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			drop_percent = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 's')
			silent_percent = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 't')
			tcp_only = true;
		else
			return EXIT_FAILURE;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGTERM, end);
	return serve_all();
}
