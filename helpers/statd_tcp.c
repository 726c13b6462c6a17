/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NSM over TCP: connections, record marks (RFC 5531 section 11), fragments.
 *
 * Everything is bounded: connections, bytes of a message, the time until it is whole.  When all
 * places are taken, the connection whose last message is oldest goes, those from the network first, so
 * that nobody there can keep lockd out.  What lockd sends is read before what others do.
 *
 * lockd opens a connection for each client that it reports, asks once, and closes it.  To wait for that end
 * would wake the process once more for every client of a recovery, so such a connection is parked: it is
 * looked at when the next one comes, or a little later.
 */
#include "rpcmsg.h"
#include "statd_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 128
#define IDLE_MS 30000
#define IDLE_CHECK_MS 5000
#define LAST_FRAGMENT 0x80000000u
#define MARK_BYTES 4
#define PARKED_MS 100

struct connection {
	struct statd_tcp *tcp;
	int fd; /* -1: free */
	bool local;
	bool polled;	    /* else parked */
	bool mon;	    /* its last message was SM_MON */
	uint32_t serial;    /* tells this use of the place from earlier ones */
	uint64_t active_ms; /* of its beginning, or of its last whole message */
	struct sockaddr_storage peer;
	uint8_t mark[MARK_BYTES];
	size_t mark_length;	  /* bytes of the mark read so far */
	uint32_t fragment_length; /* bytes of the fragment still to come */
	bool last_fragment;
	uint8_t message[GLR__RPC_MESSAGE_MAX];
	size_t message_length;
};

struct statd_tcp {
	struct statd *statd;
	struct statd_timer idle_timer, parked_timer;
	bool idle_armed, parked_armed;
	uint32_t next_serial;
	struct connection connections[CONNECTIONS_MAX];
};

static uint64_t token_of(const struct connection *c)
{
	return STATD_TCP_TOKEN | (uint64_t)c->serial << 16 | (uint64_t)(c - c->tcp->connections);
}

static void close_connection(struct connection *c)
{
	if (c->fd < 0)
		return;
	if (c->polled)
		qb_loop_poll_del(c->tcp->statd->loop, c->fd);
	close(c->fd);
	c->fd = -1;
}

/* ---- records -------------------------------------------------------------------- */

/* @return 0, or -EMSGSIZE for a message nobody sends */
static int begin_fragment(struct connection *c)
{
	uint32_t mark;

	memcpy(&mark, c->mark, sizeof(mark));
	mark = ntohl(mark);
	c->last_fragment = mark & LAST_FRAGMENT;
	c->fragment_length = mark & ~LAST_FRAGMENT;
	if (c->fragment_length > sizeof(c->message) - c->message_length)
		return -EMSGSIZE;
	return 0;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool is_mon(const struct connection *c)
{
	struct glr__rpc_call call;

	return !glr__rpc_decode_call(c->message, c->message_length, &call) && call.prog == GLR__NSM_PROG &&
	       call.proc == GLR__SM_MON;
}

/* The monitor may answer at once, and the answer may close the connection. */
static void end_fragment(struct connection *c, uint64_t now_ms)
{
	size_t length = c->message_length;

	c->mark_length = 0;
	if (!c->last_fragment)
		return;
	c->mon = is_mon(c);
	c->message_length = 0;
	c->active_ms = now_ms;
	statd_listen_request(c->tcp->statd, token_of(c), &c->peer, c->message, length, now_ms);
}

static void consume(struct connection *c, const uint8_t *bytes, size_t length, uint64_t now_ms)
{
	uint32_t serial = c->serial;
	size_t part;

	while (length && c->fd >= 0 && c->serial == serial) {
		if (c->mark_length < MARK_BYTES) {
			part = smaller(MARK_BYTES - c->mark_length, length);
			memcpy(c->mark + c->mark_length, bytes, part);
			c->mark_length += part;
			if (c->mark_length == MARK_BYTES && begin_fragment(c)) {
				close_connection(c);
				return;
			}
		} else {
			part = smaller(c->fragment_length, length);
			memcpy(c->message + c->message_length, bytes, part);
			c->message_length += part;
			c->fragment_length -= (uint32_t)part;
		}
		bytes += part;
		length -= part;
		if (c->mark_length == MARK_BYTES && !c->fragment_length)
			end_fragment(c, now_ms);
	}
}

static void read_connection(struct connection *c, uint64_t now_ms)
{
	struct statd *statd = c->tcp->statd;
	uint8_t bytes[GLR__RPC_MESSAGE_MAX];
	ssize_t got;

	got = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		close_connection(c);
		return;
	}
	consume(c, bytes, (size_t)got, now_ms);
	statd_monitor_tick(statd);
}

static int32_t connection_readable(int32_t fd, int32_t revents, void *data)
{
	read_connection(data, glr__now_ms());
	return 0;
}

/* An answer is short: who lets the socket fill up does not read, and is cut off. */
void statd_tcp_reply(struct statd_tcp *tcp, uint64_t token, const uint8_t *reply, size_t length)
{
	struct connection *c = &tcp->connections[(token & 0xffff) % CONNECTIONS_MAX];
	uint32_t mark = htonl(LAST_FRAGMENT | (uint32_t)length);
	struct iovec iov[] = {{&mark, sizeof(mark)}, {(void *)(uintptr_t)reply, length}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (c->fd < 0 || token_of(c) != token)
		return;
	if (sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(sizeof(mark) + length))
		close_connection(c);
}

/* ---- connections ------------------------------------------------------------------ */

/* @return whether a should go before b */
static bool goes_first(const struct connection *a, const struct connection *b)
{
	if (a->local != b->local)
		return !a->local;
	return a->active_ms < b->active_ms;
}

static struct connection *take_place(struct statd_tcp *tcp)
{
	struct connection *oldest = &tcp->connections[0];

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &tcp->connections[i];

		if (c->fd < 0)
			return c;
		if (goes_first(c, oldest))
			oldest = c;
	}
	close_connection(oldest);
	return oldest;
}

static void poll_connection(struct connection *c)
{
	if (qb_loop_poll_add(c->tcp->statd->loop, c->local ? QB_LOOP_HIGH : QB_LOOP_MED, c->fd, POLLIN, c,
			     connection_readable))
		close_connection(c);
	else
		c->polled = true;
}

static bool is_parked(const struct connection *c)
{
	return c->fd >= 0 && !c->polled;
}

/* @param last was parked just now: there is nothing to see yet */
static void look_at_parked(struct statd_tcp *tcp, const struct connection *last, uint64_t now_ms)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &tcp->connections[i];

		if (is_parked(c) && c != last)
			read_connection(c, now_ms);
	}
}

static void end_parking(void *arg)
{
	struct statd_tcp *tcp = arg;

	tcp->parked_armed = false;
	look_at_parked(tcp, NULL, glr__now_ms());
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (is_parked(&tcp->connections[i]))
			poll_connection(&tcp->connections[i]);
	}
}

static void park(struct connection *c)
{
	struct statd_tcp *tcp = c->tcp;

	look_at_parked(tcp, c, c->active_ms);
	if (!tcp->parked_armed)
		statd_timer_set(&tcp->parked_timer, PARKED_MS);
	tcp->parked_armed = true;
}

void statd_tcp_accept(struct statd_tcp *tcp, int listener_fd)
{
	struct sockaddr_storage peer = {0};
	socklen_t length = sizeof(peer);
	struct connection *c;
	int fd;

	fd = accept4(listener_fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	c = take_place(tcp);
	memset(c, 0, sizeof(*c));
	c->tcp = tcp;
	c->peer = peer;
	c->local = statd_listen_is_local(&peer);
	c->serial = tcp->next_serial++;
	c->active_ms = glr__now_ms();
	c->fd = fd;
	if (!tcp->idle_armed)
		statd_timer_set(&tcp->idle_timer, IDLE_CHECK_MS);
	tcp->idle_armed = true;
	/* lockd's connection is accepted when its request is there. */
	if (c->local)
		read_connection(c, c->active_ms);
	if (c->fd < 0)
		return;
	if (c->mon && !c->mark_length && !c->message_length)
		park(c);
	else
		poll_connection(c);
}

static void close_idle(void *arg)
{
	struct statd_tcp *tcp = arg;
	uint64_t now_ms = glr__now_ms();
	bool any = false;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &tcp->connections[i];

		if (c->fd >= 0 && now_ms - c->active_ms >= IDLE_MS)
			close_connection(c);
		any = any || c->fd >= 0;
	}
	tcp->idle_armed = any;
	statd_timer_set(&tcp->idle_timer, any ? IDLE_CHECK_MS : UINT_MAX);
}

int statd_tcp_new(struct statd *statd, struct statd_tcp **tcp)
{
	struct statd_tcp *t;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->statd = statd;
	statd_timer_init(&t->idle_timer, statd->loop, close_idle, t);
	statd_timer_init(&t->parked_timer, statd->loop, end_parking, t);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		t->connections[i].fd = -1;
	*tcp = t;
	return 0;
}

void statd_tcp_close_all(struct statd_tcp *tcp)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		close_connection(&tcp->connections[i]);
}

void statd_tcp_free(struct statd_tcp *tcp)
{
	if (!tcp)
		return;
	statd_timer_set(&tcp->idle_timer, UINT_MAX);
	statd_timer_set(&tcp->parked_timer, UINT_MAX);
	statd_tcp_close_all(tcp);
	free(tcp);
}
