/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hosts that glr-statd talks to: clients with rpcbind and status monitor, and lockd. */
#include "statd_world.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define RPCBIND_PORT 111
#define CLIENT_STATD_PORT 5000
#define LOCKD_PORT 5001
#define MOVED_STATD_PORT 5002
#define HOST_FDS 6 /* UDP and TCP of rpcbind, of the status monitor, and of where it moves to */
#define HOSTS_MAX 8

static int host_socket(const char *text, int type, uint16_t port)
{
	struct glr_address address;
	struct sockaddr_storage sa;
	socklen_t length;
	int fd;

	ck_assert_int_eq(glr_address_parse(text, &address), 0);
	length = glr_address_to_sockaddr(&address, port, &sa);
	fd = socket(address.family, type | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, length), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

/* A call that is being answered; over TCP on a connection of its own. */
struct exchange {
	int fd;
	bool tcp;
	struct sockaddr_storage from;
	socklen_t from_length;
	struct message call, reply;
	size_t length; /* of the call */
};

/* @return procedure, or UINT32_MAX when there is no call */
static uint32_t begin_exchange(struct exchange *x, int fd, bool tcp)
{
	ssize_t got;

	x->tcp = tcp;
	x->from_length = sizeof(x->from);
	x->fd = tcp ? accept(fd, (struct sockaddr *)&x->from, &x->from_length) : fd;
	if (tcp)
		recv(x->fd, x->call.bytes, 4, MSG_WAITALL);
	got = recvfrom(x->fd, x->call.bytes, sizeof(x->call.bytes), 0,
		       tcp ? NULL : (struct sockaddr *)&x->from, tcp ? NULL : &x->from_length);
	if (got < 40)
		return UINT32_MAX;
	x->length = (size_t)got;
	begin_reply(&x->reply, word_at(x->call.bytes, 0));
	return word_at(x->call.bytes, 5);
}

static void end_exchange(struct exchange *x, bool answer)
{
	uint32_t mark = htonl(0x80000000u | (uint32_t)x->reply.length);

	if (answer && !x->tcp)
		sendto(x->fd, x->reply.bytes, x->reply.length, 0, (const struct sockaddr *)&x->from,
		       x->from_length);
	if (answer && x->tcp) {
		/* In two pieces, as a network may deliver it. */
		send(x->fd, &mark, 3, MSG_NOSIGNAL);
		usleep(20000);
		send(x->fd, (char *)&mark + 3, 1, MSG_NOSIGNAL | MSG_MORE);
		send(x->fd, x->reply.bytes, x->reply.length, MSG_NOSIGNAL);
	}
	if (x->tcp)
		close(x->fd);
}

static uint16_t source_port(const struct exchange *x)
{
	return ntohs(x->from.ss_family == AF_INET ? ((const struct sockaddr_in *)&x->from)->sin_port
						  : ((const struct sockaddr_in6 *)&x->from)->sin6_port);
}

/* GETPORT of version 2, GETADDR of 3 and 4: IPv6 has no other. */
static void add_port(struct exchange *x, const char *host, uint16_t port)
{
	char uaddr[GLR_ADDRESS_TEXT_MAX + 16] = "";

	if (word_at(x->call.bytes, 4) == 2) {
		add_u32(&x->reply, port);
		return;
	}
	if (port)
		snprintf(uaddr, sizeof(uaddr), "%s.%u.%u", host, port >> 8, port & 255);
	add_string(&x->reply, uaddr);
}

static void serve_rpcbind(struct world_host *host, int fd, bool tcp)
{
	struct exchange x;
	bool answer = begin_exchange(&x, fd, tcp) == 3 && !host->silent && (tcp || !host->tcp_only);
	uint16_t port = host->moved && !host->stale ? MOVED_STATD_PORT : CLIENT_STATD_PORT;
	ssize_t length;

	host->asked++;
	if (answer && host->old_rpcbind && word_at(x.call.bytes, 4) != 2) {
		length = glr__rpc_encode_error(word_at(x.call.bytes, 0), 2, x.reply.bytes,
					       sizeof(x.reply.bytes));
		x.reply.length = (size_t)length;
	} else if (answer) {
		add_port(&x, host->address, host->unregistered ? 0 : port);
	}
	end_exchange(&x, answer);
}

static void note_notify(struct world_host *host, const struct exchange *x)
{
	static const char *const names[] = {"nfs", "nfs.example.org"};
	char source[GLR_ADDRESS_TEXT_MAX], name[GLR_NAME_MAX];
	struct glr_address address;
	struct glr__rpc_call call;
	struct glr__sm_notify args = {0};
	unsigned last;

	glr_address_from_sockaddr((const struct sockaddr *)&x->from, &address);
	glr_address_text(&address, source);
	if (glr__rpc_decode_call(x->call.bytes, x->length, &call) || glr__rpc_decode_sm_notify(&call, &args))
		host->odd = true;
	snprintf(name, sizeof(name), "%s", args.mon_name);
	for (unsigned i = 0; i < 2; i++) {
		if (strcmp(name, names[i]))
			continue;
		host->names_seen |= 1u << i;
		strcpy(name, source);
	}
	if (source_port(x) >= 1024 || strcmp(name, source))
		host->odd = true;
	if ((sscanf(source, "127.0.1.%u", &last) == 1 || sscanf(source, "fd00::1:%u", &last) == 1) &&
	    last < 32)
		host->identifiers_seen |= 1u << last;
	host->state = args.state;
	host->told++;
}

static void serve_statd(struct world_host *host, int fd, bool tcp, bool moved)
{
	struct exchange x;
	bool answer = begin_exchange(&x, fd, tcp) == GLR__SM_NOTIFY && (tcp || !host->tcp_only) &&
		      !host->silent && host->moved == moved;

	if (answer)
		note_notify(host, &x);
	end_exchange(&x, answer);
}

static void serve_host(struct world_host *host, int which)
{
	bool tcp = which & 1;

	if (which < 2)
		serve_rpcbind(host, host->fds[which], tcp);
	else
		serve_statd(host, host->fds[which], tcp, which >= 4);
}

static struct {
	struct world_host *hosts;
	size_t count;
} served;

static void *serve_hosts(void *arg)
{
	struct pollfd pfds[HOST_FDS * HOSTS_MAX];
	size_t count = HOST_FDS * served.count;

	for (size_t i = 0; i < count; i++)
		pfds[i] =
			(struct pollfd){.fd = served.hosts[i / HOST_FDS].fds[i % HOST_FDS], .events = POLLIN};
	while (poll(pfds, count, -1) >= 0) {
		for (size_t i = 0; i < count; i++) {
			if (pfds[i].revents)
				serve_host(&served.hosts[i / HOST_FDS], i % HOST_FDS);
		}
	}
	return NULL;
}

void world_hosts(struct world_host *hosts, size_t count)
{
	static const uint16_t ports[] = {RPCBIND_PORT, CLIENT_STATD_PORT, MOVED_STATD_PORT};
	pthread_t thread;

	ck_assert_uint_le(count, HOSTS_MAX);
	for (size_t i = 0; i < count; i++) {
		for (int j = 0; j < HOST_FDS; j++)
			hosts[i].fds[j] =
				host_socket(hosts[i].address, j % 2 ? SOCK_STREAM : SOCK_DGRAM, ports[j / 2]);
	}
	served.hosts = hosts;
	served.count = count;
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_hosts, NULL), 0);
}

/* ---- lockd ---------------------------------------------------------------------------- */

static struct {
	struct world_lockd *lockd;
	int rpcbind_fd, lockd_fd;
} node;

static void serve_downcall(void)
{
	struct world_lockd *lockd = node.lockd;
	struct exchange x;
	size_t state;

	if (begin_exchange(&x, node.lockd_fd, false) != 16)
		return;
	if (ntohl(((struct sockaddr_in *)&x.from)->sin_addr.s_addr) != INADDR_LOOPBACK ||
	    source_port(&x) >= 1024 || word_at(x.call.bytes, 3) != GLR__NLM_PROG ||
	    word_at(x.call.bytes, 4) != 3)
		lockd->odd = true;
	state = 11 + (word_at(x.call.bytes, 10) + 3) / 4;
	lockd->state = word_at(x.call.bytes, state);
	lockd->priv = x.call.bytes[4 * (state + 1)];
	lockd->calls++;
	end_exchange(&x, true);
}

static void serve_node_rpcbind(void)
{
	struct exchange x;
	bool answer = begin_exchange(&x, node.rpcbind_fd, false) == 3 && !node.lockd->drop;

	if (answer)
		add_port(&x, "127.0.0.1", LOCKD_PORT);
	else if (node.lockd->drop)
		node.lockd->drop--;
	end_exchange(&x, answer);
}

static void *serve_lockd(void *arg)
{
	struct pollfd pfds[] = {{.fd = node.rpcbind_fd, .events = POLLIN},
				{.fd = node.lockd_fd, .events = POLLIN}};

	while (poll(pfds, 2, -1) >= 0) {
		if (pfds[0].revents) {
			serve_node_rpcbind();
		}
		if (pfds[1].revents)
			serve_downcall();
	}
	return NULL;
}

void world_lockd(struct world_lockd *lockd)
{
	pthread_t thread;

	node.lockd = lockd;
	node.rpcbind_fd = host_socket("127.0.0.1", SOCK_DGRAM, RPCBIND_PORT);
	node.lockd_fd = host_socket("127.0.0.1", SOCK_DGRAM, LOCKD_PORT);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_lockd, NULL), 0);
}
