/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many clients may be told now.  Whoever is told comes back at once, to rpcbind and to lockd, whose
 * queues are short: 64 connections, or 28 requests over UDP (fs/lockd, net/sunrpc/svcsock.c).  What they do
 * not hold is lost, and asked for again after seconds that a grace period does not have; and rpcbind takes
 * the longer for each the more are connected.  So the queues are looked at before the next are told: more
 * each time while they are empty, nobody while too many wait in them.
 *
 * Slow or hostile clients must not keep the others from being told: the queues decide when somebody is
 * told, but by SHARE of the window all have been.
 */
#include "notify_sockets.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_MS 10
#define COST_SHARE 10 /* a look may take this part of the time */
#define FIRST 8
#define DOUBLED_UP_TO 64
#define STEP 16
#define SHARE(ms) ((ms) / 4 * 3)
#define WAITING_MAX 8		 /* connections */
#define WAITING_BYTES_MAX 16384u /* of the kernel's memory, some 7 requests */

static const struct kind {
	uint8_t family, protocol;
	uint32_t states;
	uint32_t most;
} kinds[] = {
	{AF_INET, IPPROTO_TCP, 1 << TCP_LISTEN, WAITING_MAX},
	{AF_INET6, IPPROTO_TCP, 1 << TCP_LISTEN, WAITING_MAX},
	{AF_INET, IPPROTO_UDP, 1 << TCP_CLOSE, WAITING_BYTES_MAX},
	{AF_INET6, IPPROTO_UDP, 1 << TCP_CLOSE, WAITING_BYTES_MAX},
};

struct notify_backlog {
	int fd;				    /* of the kernel's list of sockets, sock_diag(7) */
	uint64_t began_ms, end_ms, next_ms; /* the next look */
	size_t batch, allowed, told;
};

struct queues {
	bool idle, full;
};

static int ask(int fd, const struct kind *kind)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} message = {
		.header = {.nlmsg_len = sizeof(message),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = kind->family,
			    .sdiag_protocol = kind->protocol,
			    .idiag_states = kind->states},
	};

	return send(fd, &message, sizeof(message), MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void take(const struct kind *kind, const struct inet_diag_msg *socket, struct queues *queues)
{
	static const __be32 any[4];

	/* Over UDP, a socket of one address is our own, for the clients' answers. */
	if (kind->protocol == IPPROTO_UDP && memcmp(socket->id.idiag_src, any, sizeof(any)) != 0)
		return;
	queues->idle = queues->idle && socket->idiag_rqueue == 0;
	queues->full = queues->full || socket->idiag_rqueue > kind->most;
}

/* The kernel answers while it is asked.  @return whether there is more */
static bool hear(int fd, const struct kind *kind, struct queues *queues)
{
	union {
		char bytes[16384];
		struct nlmsghdr align;
	} answer;
	const struct nlmsghdr *header = &answer.align;
	ssize_t got = recv(fd, answer.bytes, sizeof(answer.bytes), MSG_DONTWAIT);

	if (got < 0)
		return false;
	for (size_t left = (size_t)got; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
		if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
			return false;
		if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			take(kind, NLMSG_DATA(header), queues);
	}
	return true;
}

/* What the kernel does not show is as if it were empty.
 * @return how many may be told as far as the queues go */
static size_t next_batch(struct notify_backlog *backlog)
{
	struct queues queues = {.idle = true};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (ask(backlog->fd, &kinds[i]) == 0)
			while (hear(backlog->fd, &kinds[i], &queues))
				;
	}
	if (queues.full) {
		backlog->batch = FIRST;
		return 0;
	}
	if (queues.idle)
		backlog->batch += backlog->batch < DOUBLED_UP_TO ? backlog->batch : STEP;
	return backlog->batch;
}

bool notify_backlog_due(const struct notify_backlog *backlog, uint64_t now_ms)
{
	return now_ms >= backlog->next_ms;
}

size_t notify_backlog_allowance(struct notify_backlog *backlog, uint64_t now_ms, size_t count)
{
	uint64_t window_ms = SHARE(backlog->end_ms - backlog->began_ms);
	uint64_t gone_ms = now_ms - backlog->began_ms;
	size_t due = gone_ms < window_ms ? (size_t)(count * gone_ms / window_ms) : count;
	uint64_t looked_ms = glr__now_ms();
	size_t batch = next_batch(backlog);
	uint64_t pause_ms = (glr__now_ms() - looked_ms) * COST_SHARE;

	backlog->next_ms = now_ms + (pause_ms > LOOK_MS ? pause_ms : LOOK_MS);
	backlog->told += backlog->allowed;
	backlog->allowed = batch;
	if (due > backlog->told && due - backlog->told > batch)
		backlog->allowed = due - backlog->told;
	return backlog->allowed;
}

int notify_backlog_new(uint64_t end_ms, struct notify_backlog **backlog)
{
	struct notify_backlog *b;

	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	b->began_ms = glr__now_ms();
	b->end_ms = end_ms > b->began_ms ? end_ms : b->began_ms;
	b->batch = FIRST;
	*backlog = b;
	return 0;
}

void notify_backlog_free(struct notify_backlog *backlog)
{
	if (!backlog)
		return;
	if (backlog->fd >= 0)
		close(backlog->fd);
	free(backlog);
}
