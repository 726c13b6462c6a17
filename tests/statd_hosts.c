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
	struct sockaddr_in from;
	struct message call, reply;
};

/* @return procedure, or UINT32_MAX when there is no call */
static uint32_t begin_exchange(struct exchange *x, int fd, bool tcp)
{
	socklen_t length = sizeof(x->from);
	ssize_t got;

	x->tcp = tcp;
	x->fd = tcp ? accept(fd, (struct sockaddr *)&x->from, &length) : fd;
	if (tcp)
		recv(x->fd, x->call.bytes, 4, MSG_WAITALL);
	got = recvfrom(x->fd, x->call.bytes, sizeof(x->call.bytes), 0,
		       tcp ? NULL : (struct sockaddr *)&x->from, tcp ? NULL : &length);
	if (got < 40)
		return UINT32_MAX;
	begin_reply(&x->reply, word_at(x->call.bytes, 0));
	return word_at(x->call.bytes, 5);
}

static void end_exchange(struct exchange *x, bool answer)
{
	uint32_t mark = htonl(0x80000000u | (uint32_t)x->reply.length);

	if (answer && !x->tcp)
		sendto(x->fd, x->reply.bytes, x->reply.length, 0, (const struct sockaddr *)&x->from,
		       sizeof(x->from));
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

static void serve_rpcbind(int fd, bool tcp, uint16_t port, bool silent)
{
	struct exchange x;
	bool answer = begin_exchange(&x, fd, tcp) == 3 && !silent;

	if (answer)
		add_u32(&x.reply, port);
	end_exchange(&x, answer);
}

static void note_notify(struct world_host *host, const struct exchange *x)
{
	char source[INET_ADDRSTRLEN];
	size_t name;
	unsigned last;

	inet_ntop(AF_INET, &x->from.sin_addr, source, sizeof(source));
	/* No credentials and no verifier: the name's length is the eleventh word. */
	name = word_at(x->call.bytes, 10);
	if (ntohs(x->from.sin_port) >= 1024 || name != strlen(source) ||
	    memcmp(x->call.bytes + 44, source, name))
		host->odd = true;
	if (sscanf(source, "127.0.1.%u", &last) == 1 && last < 32)
		host->identifiers_seen |= 1u << last;
	host->state = word_at(x->call.bytes, 11 + (name + 3) / 4);
	host->told++;
}

static void serve_statd(struct world_host *host, int fd, bool tcp)
{
	struct exchange x;
	bool answer = begin_exchange(&x, fd, tcp) == GLR__SM_NOTIFY && (tcp || !host->tcp_only);

	if (answer)
		note_notify(host, &x);
	end_exchange(&x, answer);
}

static void serve_host(struct world_host *host, int which)
{
	bool tcp = which & 1;

	if (which < 2)
		serve_rpcbind(host->fds[which], tcp, CLIENT_STATD_PORT,
			      host->silent || (!tcp && host->tcp_only));
	else
		serve_statd(host, host->fds[which], tcp);
}

static struct {
	struct world_host *hosts;
	size_t count;
} served;

static void *serve_hosts(void *arg)
{
	struct pollfd pfds[4 * HOSTS_MAX];
	size_t count = 4 * served.count;

	for (size_t i = 0; i < count; i++)
		pfds[i] = (struct pollfd){.fd = served.hosts[i / 4].fds[i % 4], .events = POLLIN};
	while (poll(pfds, count, -1) >= 0) {
		for (size_t i = 0; i < count; i++) {
			if (pfds[i].revents)
				serve_host(&served.hosts[i / 4], i % 4);
		}
	}
	return NULL;
}

void world_hosts(struct world_host *hosts, size_t count)
{
	pthread_t thread;

	ck_assert_uint_le(count, HOSTS_MAX);
	for (size_t i = 0; i < count; i++) {
		hosts[i].fds[0] = host_socket(hosts[i].address, SOCK_DGRAM, RPCBIND_PORT);
		hosts[i].fds[1] = host_socket(hosts[i].address, SOCK_STREAM, RPCBIND_PORT);
		hosts[i].fds[2] = host_socket(hosts[i].address, SOCK_DGRAM, CLIENT_STATD_PORT);
		hosts[i].fds[3] = host_socket(hosts[i].address, SOCK_STREAM, CLIENT_STATD_PORT);
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
	if (ntohl(x.from.sin_addr.s_addr) != INADDR_LOOPBACK || ntohs(x.from.sin_port) >= 1024 ||
	    word_at(x.call.bytes, 3) != GLR__NLM_PROG || word_at(x.call.bytes, 4) != 3)
		lockd->odd = true;
	state = 11 + (word_at(x.call.bytes, 10) + 3) / 4;
	lockd->state = word_at(x.call.bytes, state);
	lockd->priv = x.call.bytes[4 * (state + 1)];
	lockd->calls++;
	end_exchange(&x, true);
}

static void *serve_lockd(void *arg)
{
	struct pollfd pfds[] = {{.fd = node.rpcbind_fd, .events = POLLIN},
				{.fd = node.lockd_fd, .events = POLLIN}};

	while (poll(pfds, 2, -1) >= 0) {
		if (pfds[0].revents) {
			serve_rpcbind(node.rpcbind_fd, false, LOCKD_PORT, node.lockd->drop);
			if (node.lockd->drop)
				node.lockd->drop--;
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
