/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NSM over UDP and TCP, on sockets that were bound before the privileges went.
 *
 * lockd opens a TCP connection for every SM_MON and closes it after the answer, so the TIME_WAIT
 * and the privileged port in it are lockd's.  Closing first from here would take them over, but
 * the kernel then may see the end of the stream before the answer and ask again after
 * a pause, with all groups of the node waiting: the client closes, as everywhere.
 */
#include "rpcmsg.h"
#include "statd_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UDP_BURST 64 /* datagrams before other work gets its turn */
#define UDP_PEERS 256

/* Where an answer to a datagram goes.  Answers come in the order of the questions or seconds later
 * (SM_MON over UDP, which lockd does not use): a ring is enough. */
struct udp_peer {
	uint64_t token;
	int fd;
	struct sockaddr_storage sa;
	socklen_t sa_length;
	size_t control_length;
	char control[64]; /* the address it was sent to, which is the one to answer from */
};

struct listener {
	struct statd_listen *listen;
	int fd;
	bool tcp, local, served;
};

struct statd_listen {
	struct statd *statd;
	struct listener listeners[STATD_LISTEN_MAX];
	size_t count;
	uint64_t next_udp;
	struct udp_peer peers[UDP_PEERS];
	struct statd_tcp *tcp;
};

void statd_listen_request(struct statd *statd, uint64_t token, const struct sockaddr_storage *sa,
			  const uint8_t *message, size_t length, uint64_t now_ms)
{
	struct glr_address peer;
	uint16_t port;

	if (glr_address_from_sockaddr((const struct sockaddr *)sa, &peer))
		return;
	if (sa->ss_family == AF_INET)
		port = ntohs(((const struct sockaddr_in *)sa)->sin_port);
	else
		port = ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	glr__monitor_request(statd->monitor, token, &peer, port, message, length, now_ms);
}

bool statd_listen_is_local(const struct sockaddr_storage *sa)
{
	static const uint8_t loopback6[16] = {[15] = 1};
	struct glr_address address;

	if (glr_address_from_sockaddr((const struct sockaddr *)sa, &address))
		return false;
	if (address.family == AF_INET)
		return address.bytes[0] == 127;
	return !memcmp(address.bytes, loopback6, sizeof(loopback6));
}

/* ---- UDP ------------------------------------------------------------------------ */

/* @return 1 when a datagram was read, 0 when there is none */
static int udp_receive(struct listener *listener)
{
	struct statd_listen *l = listener->listen;
	struct udp_peer *peer = &l->peers[l->next_udp % UDP_PEERS];
	uint8_t message[GLR__RPC_MESSAGE_MAX];
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(message)};
	struct msghdr msg = {.msg_name = &peer->sa,
			     .msg_namelen = sizeof(peer->sa),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = peer->control,
			     .msg_controllen = sizeof(peer->control)};
	ssize_t got;

	peer->fd = -1;
	got = recvmsg(listener->fd, &msg, MSG_DONTWAIT);
	if (got < 0)
		return 0;
	if (msg.msg_flags & MSG_TRUNC)
		return 1;
	peer->token = l->next_udp++;
	peer->fd = listener->fd;
	peer->sa_length = msg.msg_namelen;
	peer->control_length = msg.msg_flags & MSG_CTRUNC ? 0 : msg.msg_controllen;
	statd_listen_request(l->statd, peer->token, &peer->sa, message, (size_t)got, glr__now_ms());
	return 1;
}

static int32_t udp_readable(int32_t fd, int32_t revents, void *data)
{
	struct listener *listener = data;

	for (int i = 0; i < UDP_BURST && udp_receive(listener); i++)
		;
	statd_monitor_tick(listener->listen->statd);
	return 0;
}

static void udp_reply(struct statd_listen *l, uint64_t token, const uint8_t *reply, size_t length)
{
	struct udp_peer *peer = &l->peers[token % UDP_PEERS];
	struct iovec iov = {.iov_base = (void *)(uintptr_t)reply, .iov_len = length};
	struct msghdr msg = {.msg_name = &peer->sa,
			     .msg_namelen = peer->sa_length,
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = peer->control_length ? peer->control : NULL,
			     .msg_controllen = peer->control_length};

	if (peer->token != token || peer->fd < 0)
		return;
	/* A lost answer is asked for again. */
	if (sendmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		glr_debug("answer over UDP: %s", strerror(errno));
}

/* ---- listeners ------------------------------------------------------------------- */

static int inspect(struct statd_listen *l, int fd)
{
	struct listener *listener = &l->listeners[l->count];
	int type = 0, domain = 0, one = 1;
	socklen_t length = sizeof(int), sa_length = sizeof(struct sockaddr_storage);
	struct sockaddr_storage sa;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0)
		return -errno;
	if ((type != SOCK_STREAM && type != SOCK_DGRAM) || (domain != AF_INET && domain != AF_INET6))
		return -EINVAL;
	/* A connection can be gone before it is accepted. */
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	listener->listen = l;
	listener->fd = fd;
	listener->tcp = type == SOCK_STREAM;
	listener->local = !getsockname(fd, (struct sockaddr *)&sa, &sa_length) && statd_listen_is_local(&sa);
	/* Accepted with its request, lockd's connection wakes this process once instead of twice. */
	if (listener->tcp && listener->local)
		setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof(one));
	if (!listener->tcp && domain == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	if (!listener->tcp && domain == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	l->count++;
	return 0;
}

int statd_listen_new(struct statd *statd, const int *fds, size_t count, struct statd_listen **listen)
{
	struct statd_listen *l;
	int rc = 0;

	if (count > STATD_LISTEN_MAX)
		return -E2BIG;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->statd = statd;
	for (size_t i = 0; i < count && !rc; i++)
		rc = inspect(l, fds[i]);
	if (!rc)
		rc = statd_tcp_new(statd, &l->tcp);
	if (rc) {
		statd_listen_free(l);
		return rc;
	}
	*listen = l;
	return 0;
}

void statd_listen_free(struct statd_listen *listen)
{
	if (!listen)
		return;
	for (size_t i = 0; i < listen->count; i++) {
		if (listen->listeners[i].served)
			qb_loop_poll_del(listen->statd->loop, listen->listeners[i].fd);
		close(listen->listeners[i].fd);
	}
	statd_tcp_free(listen->tcp);
	free(listen);
}

static int32_t tcp_acceptable(int32_t fd, int32_t revents, void *data)
{
	struct listener *listener = data;

	statd_tcp_accept(listener->listen->tcp, fd);
	return 0;
}

int statd_listen_serve(struct statd_listen *listen)
{
	int rc = 0;

	for (size_t i = 0; i < listen->count && !rc; i++) {
		struct listener *listener = &listen->listeners[i];

		rc = qb_loop_poll_add(listen->statd->loop, listener->local ? QB_LOOP_HIGH : QB_LOOP_MED,
				      listener->fd, POLLIN, listener,
				      listener->tcp ? tcp_acceptable : udp_readable);
		listener->served = !rc;
	}
	return rc;
}

void statd_listen_refuse(struct statd_listen *listen)
{
	for (size_t i = 0; i < listen->count; i++) {
		struct listener *listener = &listen->listeners[i];

		if (listener->served)
			qb_loop_poll_del(listen->statd->loop, listener->fd);
		/* Reaches the supervisor's copy too, whose backlog would keep lockd waiting. */
		if (listener->tcp)
			shutdown(listener->fd, SHUT_RDWR);
		close(listener->fd);
	}
	listen->count = 0;
	for (size_t i = 0; i < UDP_PEERS; i++)
		listen->peers[i].fd = -1;
	statd_tcp_close_all(listen->tcp);
}

void statd_listen_reply(struct statd_listen *listen, uint64_t token, const uint8_t *reply, size_t length)
{
	if (token & STATD_TCP_TOKEN)
		statd_tcp_reply(listen->tcp, token, reply, length);
	else
		udp_reply(listen, token, reply, length);
}
