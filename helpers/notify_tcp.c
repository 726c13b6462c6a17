/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notification engine's TCP connections: one question, one answer, and closed. */
#include "notify_sockets.h"
#include "rpcmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK_BYTES 4
#define LAST_FRAGMENT 0x80000000u

struct connection {
	struct notify_tcp *tcp;
	int fd; /* -1: free */
	struct glr__notify_packet question;
	bool sent;
	uint64_t end_ms;
	size_t length, got;
	uint8_t bytes[MARK_BYTES + GLR__RPC_MESSAGE_MAX]; /* the question, then the answer */
};

struct notify_tcp {
	qb_loop_t *loop;
	void (*answer)(void *arg, const struct glr__notify_packet *question, const uint8_t *bytes,
		       size_t length);
	void *arg;
	struct connection connections[GLR__NOTIFY_TCP_LIMIT];
};

static int32_t connection_event(int32_t fd, int32_t revents, void *data);

static void close_connection(struct connection *c)
{
	if (c->fd < 0)
		return;
	qb_loop_poll_del(c->tcp->loop, c->fd);
	close(c->fd);
	c->fd = -1;
}

static void send_question(struct connection *c)
{
	if (send(c->fd, c->bytes, c->length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)c->length) {
		close_connection(c);
		return;
	}
	c->sent = true;
	qb_loop_poll_mod(c->tcp->loop, QB_LOOP_MED, c->fd, POLLIN, c, connection_event);
}

/* An answer is a few words: one that comes in fragments is not for us. */
static void read_answer(struct connection *c)
{
	struct glr__notify_packet question = c->question;
	uint32_t mark;
	ssize_t got;

	got = recv(c->fd, c->bytes + c->got, sizeof(c->bytes) - c->got, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		close_connection(c);
		return;
	}
	c->got += (size_t)got;
	if (c->got < MARK_BYTES)
		return;
	memcpy(&mark, c->bytes, sizeof(mark));
	mark = ntohl(mark);
	if (!(mark & LAST_FRAGMENT) || (mark & ~LAST_FRAGMENT) > GLR__RPC_MESSAGE_MAX) {
		close_connection(c);
		return;
	}
	mark &= ~LAST_FRAGMENT;
	if (c->got < MARK_BYTES + mark)
		return;
	/* Before the engine hears of it: it may want this place at once. */
	close_connection(c);
	c->tcp->answer(c->tcp->arg, &question, c->bytes + MARK_BYTES, mark);
}

static int32_t connection_event(int32_t fd, int32_t revents, void *data)
{
	struct connection *c = data;

	if (c->sent)
		read_answer(c);
	else
		send_question(c);
	return 0;
}

static struct connection *free_connection(struct notify_tcp *tcp)
{
	for (size_t i = 0; i < GLR__NOTIFY_TCP_LIMIT; i++) {
		if (tcp->connections[i].fd < 0)
			return &tcp->connections[i];
	}
	return NULL;
}

int notify_tcp_send(struct notify_tcp *tcp, const struct glr_address *from,
		    const struct glr__notify_packet *packet)
{
	uint32_t mark = htonl(LAST_FRAGMENT | (uint32_t)packet->length);
	struct connection *c = free_connection(tcp);
	struct sockaddr_storage sa;
	socklen_t sa_length;

	if (!c || packet->length > GLR__RPC_MESSAGE_MAX)
		return -EAGAIN;
	c->fd = statd_privileged_socket(from, SOCK_STREAM);
	if (c->fd < 0) {
		c->fd = -1;
		return -EAGAIN;
	}
	c->question = *packet;
	c->question.bytes = NULL;
	c->sent = false;
	c->end_ms = glr__now_ms() + GLR__NOTIFY_TCP_MS;
	memcpy(c->bytes, &mark, sizeof(mark));
	memcpy(c->bytes + MARK_BYTES, packet->bytes, packet->length);
	c->length = MARK_BYTES + packet->length;
	c->got = 0;
	sa_length = glr_address_to_sockaddr(&packet->to, packet->to_port, &sa);
	if ((connect(c->fd, (struct sockaddr *)&sa, sa_length) < 0 && errno != EINPROGRESS) ||
	    qb_loop_poll_add(tcp->loop, QB_LOOP_MED, c->fd, POLLOUT, c, connection_event)) {
		close(c->fd);
		c->fd = -1;
	}
	return 0;
}

void notify_tcp_expire(struct notify_tcp *tcp, uint64_t now_ms)
{
	for (size_t i = 0; i < GLR__NOTIFY_TCP_LIMIT; i++) {
		if (tcp->connections[i].fd >= 0 && tcp->connections[i].end_ms <= now_ms)
			close_connection(&tcp->connections[i]);
	}
}

int notify_tcp_new(qb_loop_t *loop,
		   void (*answer)(void *arg, const struct glr__notify_packet *question, const uint8_t *bytes,
				  size_t length),
		   void *arg, struct notify_tcp **tcp)
{
	struct notify_tcp *t;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->loop = loop;
	t->answer = answer;
	t->arg = arg;
	for (size_t i = 0; i < GLR__NOTIFY_TCP_LIMIT; i++) {
		t->connections[i].tcp = t;
		t->connections[i].fd = -1;
	}
	*tcp = t;
	return 0;
}

void notify_tcp_free(struct notify_tcp *tcp)
{
	if (!tcp)
		return;
	for (size_t i = 0; i < GLR__NOTIFY_TCP_LIMIT; i++)
		close_connection(&tcp->connections[i]);
	free(tcp);
}
