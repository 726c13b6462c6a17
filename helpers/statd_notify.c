/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The notification engine's sockets: one UDP socket for each server identifier, bound to its
 * address, so that a client sees the packet come from the server it knows; and
 * short TCP connections where the engine asks for them.
 *
 * Answers are read before anything more is sent, else they overflow the socket while
 * a thousand questions go out.
 */
#include "statd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <unistd.h>

#define IDENTIFIERS_MAX 32
#define NAMES_MAX 32
#define BIND_RETRY_MS 250
#define RECEIVE_BUFFER_BYTES (1 << 20)
#define MARK_BYTES 4
#define LAST_FRAGMENT 0x80000000u

struct identifier {
	struct statd_notify *notify;
	struct glr_address address;
	int fd; /* -1: the address is not there yet */
	bool complained;
};

struct connection {
	struct statd_notify *notify;
	int fd; /* -1: free */
	size_t identifier;
	struct glr_address to;
	uint16_t to_port;
	bool sent;
	uint64_t end_ms;
	size_t length, got;
	uint8_t bytes[MARK_BYTES + GLR__RPC_MESSAGE_MAX]; /* the question, then the answer */
};

struct statd_notify {
	struct statd *statd;
	struct statd_timer timer;
	glr__notify_t *engine;
	uint64_t end_ms;
	struct identifier identifiers[IDENTIFIERS_MAX];
	size_t identifier_count;
	struct connection connections[GLR__NOTIFY_TCP_LIMIT];
};

static void work(void *arg);
static int32_t connection_event(int32_t fd, int32_t revents, void *data);

/* ---- TCP ------------------------------------------------------------------------- */

static void close_connection(struct connection *c)
{
	if (c->fd < 0)
		return;
	qb_loop_poll_del(c->notify->statd->loop, c->fd);
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
	qb_loop_poll_mod(c->notify->statd->loop, QB_LOOP_MED, c->fd, POLLIN, c, connection_event);
}

/* An answer is a few words: one that comes in fragments is not for us. */
static void read_answer(struct connection *c)
{
	struct statd_notify *n = c->notify;
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
	close_connection(c);
	glr__notify_input(n->engine, c->identifier, &c->to, c->to_port, c->bytes + MARK_BYTES, mark,
			  glr__now_ms());
	statd_timer_set(&n->timer, 0);
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

static struct connection *free_connection(struct statd_notify *n)
{
	for (size_t i = 0; i < GLR__NOTIFY_TCP_LIMIT; i++) {
		if (n->connections[i].fd < 0)
			return &n->connections[i];
	}
	return NULL;
}

static int start_connection(struct statd_notify *n, const struct glr__notify_packet *packet)
{
	uint32_t mark = htonl(LAST_FRAGMENT | (uint32_t)packet->length);
	struct connection *c = free_connection(n);
	struct sockaddr_storage sa;
	socklen_t sa_length;

	if (!c || packet->length > GLR__RPC_MESSAGE_MAX)
		return -EAGAIN;
	memset(c, 0, offsetof(struct connection, bytes));
	c->notify = n;
	c->identifier = packet->identifier;
	c->to = packet->to;
	c->to_port = packet->to_port;
	c->end_ms = glr__now_ms() + GLR__NOTIFY_TCP_MS;
	memcpy(c->bytes, &mark, sizeof(mark));
	memcpy(c->bytes + MARK_BYTES, packet->bytes, packet->length);
	c->length = MARK_BYTES + packet->length;
	c->fd = statd_privileged_socket(&n->identifiers[packet->identifier].address, SOCK_STREAM);
	if (c->fd < 0)
		return -EAGAIN;
	sa_length = glr_address_to_sockaddr(&c->to, c->to_port, &sa);
	if ((connect(c->fd, (struct sockaddr *)&sa, sa_length) < 0 && errno != EINPROGRESS) ||
	    qb_loop_poll_add(n->statd->loop, QB_LOOP_MED, c->fd, POLLOUT, c, connection_event)) {
		close(c->fd);
		c->fd = -1;
	}
	/* A connection that fails is like a datagram that is lost. */
	return 0;
}

static void close_old_connections(struct statd_notify *n, uint64_t now_ms)
{
	for (size_t i = 0; i < GLR__NOTIFY_TCP_LIMIT; i++) {
		if (n->connections[i].fd >= 0 && n->connections[i].end_ms <= now_ms)
			close_connection(&n->connections[i]);
	}
}

/* ---- UDP -------------------------------------------------------------------------- */

static void drain(struct identifier *id)
{
	struct statd_notify *n = id->notify;
	uint8_t message[GLR__RPC_MESSAGE_MAX];
	struct sockaddr_storage sa;
	struct glr_address from;
	socklen_t sa_length;
	uint16_t port;
	ssize_t got;

	for (;;) {
		sa_length = sizeof(sa);
		got = recvfrom(id->fd, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&sa,
			       &sa_length);
		if (got < 0 && errno == EAGAIN)
			return;
		if (got < 0 && (errno == EBADF || errno == ENOTSOCK))
			return;
		/* Other errors are about an earlier datagram: a client that is not there. */
		if (got < 0 || glr_address_from_sockaddr((struct sockaddr *)&sa, &from))
			continue;
		port = sa.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&sa)->sin_port)
					       : ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
		glr__notify_input(n->engine, (size_t)(id - n->identifiers), &from, port, message, (size_t)got,
				  glr__now_ms());
	}
}

static int32_t identifier_readable(int32_t fd, int32_t revents, void *data)
{
	struct identifier *id = data;

	drain(id);
	work(id->notify);
	return 0;
}

static int send_packet(void *arg, const struct glr__notify_packet *packet)
{
	struct statd_notify *n = arg;
	struct identifier *id = &n->identifiers[packet->identifier];
	char text[GLR_ADDRESS_TEXT_MAX];
	struct sockaddr_storage sa;
	socklen_t sa_length;

	if (packet->tcp)
		return start_connection(n, packet);
	if (id->fd < 0)
		return -EAGAIN;
	sa_length = glr_address_to_sockaddr(&packet->to, packet->to_port, &sa);
	glr_debug("client=%s: %zu bytes to port %u", glr_address_text(&packet->to, text), packet->length,
		  packet->to_port);
	if (sendto(id->fd, packet->bytes, packet->length, MSG_DONTWAIT, (struct sockaddr *)&sa, sa_length) >=
	    0)
		return 0;
	/* No route and the like: as if it were lost on the way; it is sent again. */
	return errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : 0;
}

static void progress(void *arg, const char *name, enum glr__progress progress)
{
	if (progress == GLR__ACKNOWLEDGED)
		glr_info("client=%s: acknowledged", name);
}

/* An IPv6 address cannot be used before duplicate address detection is through. */
static bool bind_identifier(struct identifier *id)
{
	struct statd_notify *n = id->notify;
	int size = RECEIVE_BUFFER_BYTES;
	char text[GLR_ADDRESS_TEXT_MAX];
	int fd;

	if (id->fd >= 0)
		return true;
	fd = statd_privileged_socket(&id->address, SOCK_DGRAM);
	if (fd >= 0 && qb_loop_poll_add(n->statd->loop, QB_LOOP_MED, fd, POLLIN, id, identifier_readable)) {
		close(fd);
		fd = -ENOMEM;
	}
	if (fd < 0) {
		if (!id->complained)
			glr_warn("identifier %s cannot be used yet: %s", glr_address_text(&id->address, text),
				 strerror(-fd));
		id->complained = true;
		return false;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	id->fd = fd;
	return true;
}

static void work(void *arg)
{
	struct statd_notify *n = arg;
	uint64_t now_ms = glr__now_ms();
	unsigned next_ms;
	bool bound = true;

	for (size_t i = 0; i < n->identifier_count; i++) {
		if (bind_identifier(&n->identifiers[i]))
			drain(&n->identifiers[i]);
		else
			bound = false;
	}
	close_old_connections(n, now_ms);
	next_ms = glr__notify_tick(n->engine, now_ms);
	if (!bound && next_ms > BIND_RETRY_MS)
		next_ms = BIND_RETRY_MS;
	statd_timer_set(&n->timer, next_ms);
	/* May end the window, and with it this object. */
	statd_recovery_notified(n->statd->recovery);
}

/* ---- making and ending -------------------------------------------------------------- */

static int parse_identifiers(struct statd_notify *n, char *text)
{
	char *word, *rest = text;

	while ((word = strsep(&rest, ","))) {
		struct identifier *id = &n->identifiers[n->identifier_count];

		if (!*word)
			continue;
		if (n->identifier_count == IDENTIFIERS_MAX || glr_address_parse(word, &id->address))
			return -EINVAL;
		id->notify = n;
		id->fd = -1;
		n->identifier_count++;
	}
	return n->identifier_count ? 0 : -EINVAL;
}

static int make_engine(struct statd_notify *n, const struct glr__window *window, uint32_t state)
{
	const struct glr__notify_ops ops = {.send = send_packet, .progress = progress, .arg = n};
	struct glr_address addresses[IDENTIFIERS_MAX];
	char identifiers[sizeof(window->identifiers)], texts[sizeof(window->names)];
	const char *names[NAMES_MAX + 1] = {NULL};
	char *word, *rest = texts;
	size_t count = 0;
	int rc;

	memcpy(identifiers, window->identifiers, sizeof(identifiers));
	memcpy(texts, window->names, sizeof(texts));
	rc = parse_identifiers(n, identifiers);
	if (rc)
		return rc;
	for (size_t i = 0; i < n->identifier_count; i++)
		addresses[i] = n->identifiers[i].address;
	while ((word = strsep(&rest, ","))) {
		if (!*word)
			continue;
		if (count == NAMES_MAX)
			return -EINVAL;
		names[count++] = word;
	}
	return glr__notify_new(addresses, n->identifier_count, names, state, window->notify_end_ms, &ops,
			       &n->engine);
}

static int add_client(const struct glr_list_client *client, void *arg)
{
	if (client->missed)
		return 0;
	return glr__notify_add(arg, client->name, &client->address);
}

int statd_notify_new(struct statd *statd, const struct glr__window *window, uint32_t state,
		     struct statd_notify **notify)
{
	struct statd_notify *n;
	int rc;

	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->statd = statd;
	statd_timer_init(&n->timer, statd->loop, work, n);
	for (size_t i = 0; i < GLR__NOTIFY_TCP_LIMIT; i++)
		n->connections[i].fd = -1;
	rc = make_engine(n, window, state);
	if (!rc)
		rc = glr_list_foreach(statd->list, add_client, n->engine);
	if (rc) {
		statd_notify_free(n);
		return rc;
	}
	*notify = n;
	return 0;
}

void statd_notify_free(struct statd_notify *notify)
{
	if (!notify)
		return;
	statd_timer_set(&notify->timer, UINT_MAX);
	for (size_t i = 0; i < GLR__NOTIFY_TCP_LIMIT; i++)
		close_connection(&notify->connections[i]);
	for (size_t i = 0; i < notify->identifier_count; i++) {
		if (notify->identifiers[i].fd < 0)
			continue;
		qb_loop_poll_del(notify->statd->loop, notify->identifiers[i].fd);
		close(notify->identifiers[i].fd);
	}
	glr__notify_free(notify->engine);
	free(notify);
}

size_t statd_notify_identifiers(const struct statd_notify *notify)
{
	return notify->identifier_count;
}

void statd_notify_start(struct statd_notify *notify)
{
	statd_timer_set(&notify->timer, 0);
}

glr__notify_t *statd_notify_engine(struct statd_notify *notify)
{
	return notify->engine;
}
