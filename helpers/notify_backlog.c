/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many clients may be told now.  Whoever is told comes back at once, to rpcbind and to lockd, whose
 * queues are short: 64 connections, or 28 requests over UDP (fs/lockd, net/sunrpc/svcsock.c).  What they do
 * not hold is lost, and asked for again after seconds that a grace period does not have; and rpcbind takes
 * the longer for each the more are connected.  So no more are on their way at once than the queues hold,
 * where it is known who is back; and the queues are looked at before the next are told: more each time
 * while they are empty, nobody while too many wait in them.
 *
 * Slow or hostile clients must not keep the others from being told.  In any time in which little moves,
 * as many are told as are due if all are to be told by SHARE of the window; but not while clients come back
 * at a good rate: what is sent into full queues comes back later and more than once, and the server does
 * less.  Shortly before its end everybody is told.
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
#define LAST(ms) ((ms) / 20 * 19)
#define GOOD_RATE 4		 /* one part of so many of those due are back */
#define WAITING_MAX 8		 /* connections */
#define WAITING_BYTES_MAX 16384u /* of the kernel's memory, some 7 requests */
#define ON_THEIR_WAY_MAX 48
#define NO_LIMIT (SIZE_MAX / 4)
#define SLOT_MS 250
#define SLOTS 3 /* whoever was told two slots ago and is not back may have nothing to come back for */

static const struct kind {
	uint8_t family, protocol;
	uint32_t states;
	uint32_t most;
} kinds[] = {
	{AF_INET, IPPROTO_TCP, 1 << TCP_LISTEN, WAITING_MAX},
	{AF_INET, IPPROTO_UDP, 1 << TCP_CLOSE, WAITING_BYTES_MAX},
	{AF_INET6, IPPROTO_TCP, 1 << TCP_LISTEN, WAITING_MAX},
	{AF_INET6, IPPROTO_UDP, 1 << TCP_CLOSE, WAITING_BYTES_MAX},
};

struct notify_backlog {
	int fd; /* of the kernel's list of sockets, sock_diag(7) */
	bool ipv6;
	uint64_t began_ms, end_ms, next_ms; /* the next look */
	size_t batch, allowed, told;
	size_t overdue;		   /* to be told whatever waits */
	uint64_t slot;		   /* since the beginning, of SLOT_MS */
	size_t told_before[SLOTS]; /* of each slot, when it began */
	size_t back_before;	   /* of the last */
	size_t stay_away, on_their_way_max;
	bool waited; /* too many, in this slot */
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
		if ((kinds[i].family == AF_INET || backlog->ipv6) && ask(backlog->fd, &kinds[i]) == 0)
			while (hear(backlog->fd, &kinds[i], &queues))
				;
	}
	backlog->waited |= queues.full;
	if (queues.full) {
		backlog->batch = FIRST;
		return 0;
	}
	if (queues.idle && backlog->allowed >= backlog->batch)
		backlog->batch += backlog->batch < DOUBLED_UP_TO ? backlog->batch : STEP;
	return backlog->batch;
}

void notify_backlog_prepare(void)
{
	struct notify_backlog *backlog;

	if (notify_backlog_new(0, true, &backlog) < 0)
		return;
	next_batch(backlog);
	notify_backlog_free(backlog);
}

bool notify_backlog_due(const struct notify_backlog *backlog, uint64_t now_ms)
{
	return now_ms >= backlog->next_ms;
}

/* Where most stay away and few wait, or nobody has come yet, the list is of clients that have nothing to come
 * back for. */
static void set_limit(struct notify_backlog *backlog, size_t back)
{
	size_t from = backlog->told_before[(backlog->slot + SLOTS - 2) % SLOTS];
	size_t to = backlog->told_before[(backlog->slot + SLOTS - 1) % SLOTS];

	if (back == 0 && backlog->slot >= SLOTS)
		backlog->on_their_way_max = NO_LIMIT;
	else if (backlog->waited || (back - backlog->back_before) * 2 >= to - from)
		backlog->on_their_way_max = ON_THEIR_WAY_MAX;
	else if (backlog->on_their_way_max < NO_LIMIT)
		backlog->on_their_way_max *= 2;
	backlog->waited = false;
}

static void enter_slot(struct notify_backlog *backlog, uint64_t now_ms, size_t count, size_t back)
{
	uint64_t slot = (now_ms - backlog->began_ms) / SLOT_MS, passed = slot - backlog->slot;
	uint64_t window_ms = SHARE(backlog->end_ms - backlog->began_ms);
	size_t due = passed * (window_ms > SLOT_MS ? (size_t)(count * SLOT_MS / window_ms) + 1 : count);

	if (passed == 0)
		return;
	if (back == NOTIFY_BACK_UNKNOWN || (back - backlog->back_before) * GOOD_RATE < due)
		backlog->overdue += due;
	for (unsigned i = 0; i < SLOTS && backlog->slot < slot; i++)
		backlog->told_before[++backlog->slot % SLOTS] = backlog->told;
	backlog->slot = slot;
	set_limit(backlog, back);
	backlog->back_before = back;
}

/* @param back may count who was not told: such a client came by itself */
static size_t on_their_way(struct notify_backlog *backlog, size_t back)
{
	size_t old = backlog->told_before[(backlog->slot + 1) % SLOTS];

	if (old > back && old - back > backlog->stay_away)
		backlog->stay_away = old - back;
	return backlog->told > back + backlog->stay_away ? backlog->told - back - backlog->stay_away : 0;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t notify_backlog_allowance(struct notify_backlog *backlog, uint64_t now_ms, size_t count, size_t back)
{
	uint64_t looked_ms = glr__now_ms();
	size_t batch = next_batch(backlog), coming;
	uint64_t pause_ms = (glr__now_ms() - looked_ms) * COST_SHARE;

	backlog->next_ms = now_ms + (pause_ms > LOOK_MS ? pause_ms : LOOK_MS);
	backlog->told += backlog->allowed;
	enter_slot(backlog, now_ms, count, back);
	if (back != NOTIFY_BACK_UNKNOWN) {
		coming = on_their_way(backlog, back);
		batch = coming < backlog->on_their_way_max
				? smaller(batch, backlog->on_their_way_max - coming)
				: 0;
	}
	if (now_ms - backlog->began_ms >= LAST(backlog->end_ms - backlog->began_ms))
		backlog->overdue = count;
	backlog->allowed = batch > backlog->overdue ? batch : backlog->overdue;
	backlog->overdue = 0;
	return backlog->allowed;
}

int notify_backlog_new(uint64_t end_ms, bool ipv6, struct notify_backlog **backlog)
{
	struct notify_backlog *b;

	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	b->began_ms = glr__now_ms();
	b->end_ms = end_ms > b->began_ms ? end_ms : b->began_ms;
	b->batch = FIRST;
	b->on_their_way_max = ON_THEIR_WAY_MAX;
	b->ipv6 = ipv6;
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
