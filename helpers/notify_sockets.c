/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The notification engine's UDP sockets: one for each server identifier, bound to its address, so that a
 * client sees the packet come from the server it knows.
 *
 * All that has been answered is read in one call before anything more is sent in another: else answers
 * overflow the socket while a thousand questions go out.  How much is on its way at once is the engine's
 * affair, and that bounds the rate on real networks: at most 128 packets of about 100 bytes for each
 * identifier until answers come or 20 ms have passed.  That is less than a TCP connection begins with, so
 * that no switch or slow client is flooded, and 6 400 packets in a second where nobody answers.
 */
#include "notify_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDENTIFIERS_MAX 32
#define NAMES_MAX 32
#define BIND_RETRY_MS 250
#define SEND_RETRY_MS 5
#define RECEIVE_BUFFER_BYTES (1 << 20)
#define OUT_BATCH 64
#define IN_BATCH 128
#define QUESTION_MAX (GLR_NAME_MAX + 128) /* the longest name, and the call around it */
#define ANSWER_MAX 512			  /* a port or a universal address, and a verifier */

struct datagram {
	struct sockaddr_storage to;
	socklen_t to_length;
	size_t length;
	uint8_t bytes[QUESTION_MAX];
};

struct identifier {
	struct notify_sockets *sockets;
	struct glr_address address;
	int fd; /* -1: the address is not there yet */
	bool complained;
	size_t queued;
	struct datagram queue[OUT_BATCH];
};

struct notify_sockets {
	qb_loop_t *loop;
	struct notify_sockets_ops ops;
	struct statd_timer timer;
	glr__notify_t *engine;
	struct notify_tcp *tcp;
	struct notify_backlog *backlog;
	uint64_t end_ms;
	struct identifier *identifiers[IDENTIFIERS_MAX];
	size_t identifier_count;
	struct mmsghdr in[IN_BATCH];
	struct iovec in_iov[IN_BATCH];
	struct sockaddr_storage in_from[IN_BATCH];
	uint8_t in_bytes[IN_BATCH][ANSWER_MAX];
};

static void work(void *arg);

/* ---- sending ---------------------------------------------------------------------- */

/* @return datagrams sent or lost on their way; the rest did not fit */
static size_t send_queue(const struct identifier *id)
{
	struct mmsghdr messages[OUT_BATCH] = {0};
	struct iovec iov[OUT_BATCH];
	size_t done = 0;

	for (size_t i = 0; i < id->queued; i++) {
		const struct datagram *d = &id->queue[i];

		iov[i] = (struct iovec){(void *)(uintptr_t)d->bytes, d->length};
		messages[i].msg_hdr.msg_name = (void *)(uintptr_t)&d->to;
		messages[i].msg_hdr.msg_namelen = d->to_length;
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < id->queued) {
		int sent = sendmmsg(id->fd, messages + done, (unsigned)(id->queued - done), MSG_DONTWAIT);

		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
			break;
		/* No route and the like: as if it were lost on the way; the engine sends it again. */
		done += sent > 0 ? (size_t)sent : 1;
	}
	return done;
}

static void flush(struct identifier *id)
{
	size_t done;

	if (!id->queued)
		return;
	done = glr__now_ms() < id->sockets->end_ms ? send_queue(id) : id->queued;
	id->queued -= done;
	if (done && id->queued)
		memmove(id->queue, id->queue + done, id->queued * sizeof(id->queue[0]));
}

/* @return whether everything is out */
static bool flush_all(struct notify_sockets *s)
{
	bool out = true;

	for (size_t i = 0; i < s->identifier_count; i++) {
		flush(s->identifiers[i]);
		out = out && !s->identifiers[i]->queued;
	}
	return out;
}

static int send_packet(void *arg, const struct glr__notify_packet *packet)
{
	struct notify_sockets *s = arg;
	struct identifier *id = s->identifiers[packet->identifier];
	struct datagram *d;

	if (packet->tcp)
		return notify_tcp_send(s->tcp, &id->address, packet);
	if (packet->length > QUESTION_MAX)
		return -EMSGSIZE;
	if (id->queued == OUT_BATCH)
		flush(id);
	if (id->fd < 0 || id->queued == OUT_BATCH)
		return -EAGAIN;
	d = &id->queue[id->queued++];
	d->to_length = glr_address_to_sockaddr(&packet->to, packet->to_port, &d->to);
	d->length = packet->length;
	memcpy(d->bytes, packet->bytes, packet->length);
	return 0;
}

/* ---- receiving -------------------------------------------------------------------- */

static void take_answer(struct notify_sockets *s, size_t identifier, size_t i, uint64_t now_ms)
{
	const struct sockaddr_storage *sa = &s->in_from[i];
	struct glr_address from;
	uint16_t port;

	if (glr_address_from_sockaddr((const struct sockaddr *)sa, &from))
		return;
	port = sa->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)sa)->sin_port)
					: ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	glr__notify_input(s->engine, identifier, &from, port, s->in_bytes[i], s->in[i].msg_len, now_ms);
}

/* One batch is all that can be waiting, but for strangers' packets, which shall not keep others from the
 * loop. */
static void drain(struct notify_sockets *s, size_t identifier)
{
	uint64_t now_ms;
	int got;

	for (size_t i = 0; i < IN_BATCH; i++)
		s->in[i].msg_hdr.msg_namelen = sizeof(s->in_from[i]);
	/* Errors are about an earlier datagram: a client that is not there. */
	got = recvmmsg(s->identifiers[identifier]->fd, s->in, IN_BATCH, MSG_DONTWAIT, NULL);
	now_ms = glr__now_ms();
	for (int i = 0; i < got; i++)
		take_answer(s, identifier, (size_t)i, now_ms);
}

static void answered_over_tcp(void *arg, const struct glr__notify_packet *question, const uint8_t *bytes,
			      size_t length)
{
	struct notify_sockets *s = arg;

	glr__notify_input(s->engine, question->identifier, &question->to, question->to_port, bytes, length,
			  glr__now_ms());
	statd_timer_set(&s->timer, 0);
}

static int32_t identifier_readable(int32_t fd, int32_t revents, void *data)
{
	struct identifier *id = data;

	work(id->sockets);
	return 0;
}

/* An IPv6 address cannot be used before duplicate address detection is through. */
static bool bind_identifier(struct identifier *id)
{
	int size = RECEIVE_BUFFER_BYTES;
	char text[GLR_ADDRESS_TEXT_MAX];
	int fd;

	if (id->fd >= 0)
		return true;
	fd = statd_privileged_socket(&id->address, SOCK_DGRAM);
	if (fd >= 0 &&
	    qb_loop_poll_add(id->sockets->loop, QB_LOOP_MED, fd, POLLIN, id, identifier_readable)) {
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

static void allow(struct notify_sockets *s)
{
	size_t each = s->identifier_count; /* told so often */
	size_t back = s->ops.back ? s->ops.back(s->ops.arg) * each : NOTIFY_BACK_UNKNOWN;
	uint64_t now_ms = glr__now_ms();
	struct glr__notify_counts counts;

	if (glr__notify_allowance(s->engine) || !notify_backlog_due(s->backlog, now_ms))
		return;
	glr__notify_get_counts(s->engine, &counts);
	glr__notify_allow(s->engine,
			  notify_backlog_allowance(s->backlog, now_ms, counts.clients * each, back));
}

static void work(void *arg)
{
	struct notify_sockets *s = arg;
	unsigned next_ms, retry_ms = UINT_MAX;
	uint64_t now_ms;

	allow(s);
	for (size_t i = 0; i < s->identifier_count; i++) {
		if (bind_identifier(s->identifiers[i]))
			drain(s, i);
		else
			retry_ms = BIND_RETRY_MS;
	}
	now_ms = glr__now_ms();
	notify_tcp_expire(s->tcp, now_ms);
	next_ms = glr__notify_tick(s->engine, now_ms);
	if (!flush_all(s))
		retry_ms = SEND_RETRY_MS;
	statd_timer_set(&s->timer, next_ms < retry_ms ? next_ms : retry_ms);
	s->ops.worked(s->ops.arg);
}

/* ---- making and ending -------------------------------------------------------------- */

static struct identifier *new_identifier(struct notify_sockets *s, const char *text)
{
	struct identifier *id;

	id = calloc(1, sizeof(*id));
	if (!id)
		return NULL;
	id->sockets = s;
	id->fd = -1;
	if (glr_address_parse(text, &id->address))
		id->address.family = AF_UNSPEC;
	return id;
}

static int parse_identifiers(struct notify_sockets *s, char *text)
{
	char *word, *rest = text;

	while ((word = strsep(&rest, ","))) {
		struct identifier *id;

		if (!*word)
			continue;
		if (s->identifier_count == IDENTIFIERS_MAX)
			return -EINVAL;
		id = new_identifier(s, word);
		if (!id)
			return -ENOMEM;
		s->identifiers[s->identifier_count++] = id;
	}
	return 0;
}

static void pass_on(void *arg, const char *name, enum glr__progress progress)
{
	const struct notify_sockets *s = arg;

	s->ops.progress(s->ops.arg, name, progress);
}

static int make_engine(struct notify_sockets *s, const struct glr__window *window, uint32_t state)
{
	const struct glr__notify_ops ops = {
		.send = send_packet, .progress = s->ops.progress ? pass_on : NULL, .arg = s};
	struct glr_address addresses[IDENTIFIERS_MAX];
	char identifiers[sizeof(window->identifiers)], texts[sizeof(window->names)];
	const char *names[NAMES_MAX + 1] = {NULL};
	char *word, *rest = texts;
	size_t count = 0;
	int rc;

	memcpy(identifiers, window->identifiers, sizeof(identifiers));
	memcpy(texts, window->names, sizeof(texts));
	rc = parse_identifiers(s, identifiers);
	if (rc)
		return rc;
	for (size_t i = 0; i < s->identifier_count; i++)
		addresses[i] = s->identifiers[i]->address;
	while ((word = strsep(&rest, ","))) {
		if (!*word)
			continue;
		if (count == NAMES_MAX)
			return -EINVAL;
		names[count++] = word;
	}
	return glr__notify_new(addresses, s->identifier_count, names, state, window->notify_end_ms, &ops,
			       &s->engine);
}

static bool has_ipv6(const struct notify_sockets *s)
{
	for (size_t i = 0; i < s->identifier_count; i++)
		if (s->identifiers[i]->address.family == AF_INET6)
			return true;
	return false;
}

int notify_sockets_new(qb_loop_t *loop, const struct glr__window *window, uint32_t state,
		       const struct notify_sockets_ops *ops, struct notify_sockets **sockets)
{
	struct notify_sockets *s;
	int rc;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->ops = *ops;
	s->end_ms = window->notify_end_ms;
	statd_timer_init(&s->timer, loop, work, s);
	for (size_t i = 0; i < IN_BATCH; i++) {
		s->in_iov[i] = (struct iovec){s->in_bytes[i], ANSWER_MAX};
		s->in[i].msg_hdr = (struct msghdr){
			.msg_name = &s->in_from[i], .msg_iov = &s->in_iov[i], .msg_iovlen = 1};
	}
	rc = notify_tcp_new(loop, answered_over_tcp, s, &s->tcp);
	if (!rc)
		rc = make_engine(s, window, state);
	if (!rc)
		rc = notify_backlog_new(window->notify_end_ms, has_ipv6(s), &s->backlog);
	if (!rc)
		glr__notify_allow(s->engine, 0);
	if (rc) {
		notify_sockets_free(s);
		return rc;
	}
	*sockets = s;
	return 0;
}

void notify_sockets_free(struct notify_sockets *sockets)
{
	if (!sockets)
		return;
	statd_timer_set(&sockets->timer, UINT_MAX);
	notify_tcp_free(sockets->tcp);
	notify_backlog_free(sockets->backlog);
	for (size_t i = 0; i < sockets->identifier_count; i++) {
		struct identifier *id = sockets->identifiers[i];

		if (id->fd >= 0) {
			qb_loop_poll_del(sockets->loop, id->fd);
			close(id->fd);
		}
		free(id);
	}
	glr__notify_free(sockets->engine);
	free(sockets);
}

void notify_sockets_start(struct notify_sockets *sockets)
{
	statd_timer_set(&sockets->timer, 0);
}

glr__notify_t *notify_sockets_engine(struct notify_sockets *sockets)
{
	return sockets->engine;
}
