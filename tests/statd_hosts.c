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

static int udp_socket(const char *text, uint16_t port)
{
	struct glr_address address;
	struct sockaddr_storage sa;
	socklen_t length;
	int fd;

	ck_assert_int_eq(glr_address_parse(text, &address), 0);
	length = glr_address_to_sockaddr(&address, port, &sa);
	fd = socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, length), 0);
	return fd;
}

/* Reads a call and begins its reply.  @return procedure */
static uint32_t read_call(int fd, struct message *call, struct sockaddr_in *from, struct message *reply)
{
	socklen_t length = sizeof(*from);
	ssize_t got = recvfrom(fd, call->bytes, sizeof(call->bytes), 0, (struct sockaddr *)from, &length);

	call->length = got > 0 ? (size_t)got : 0;
	if (call->length < 40)
		return UINT32_MAX;
	begin_reply(reply, word_at(call->bytes, 0));
	return word_at(call->bytes, 5);
}

static void answer(int fd, const struct sockaddr_in *to, const struct message *reply)
{
	sendto(fd, reply->bytes, reply->length, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void serve_rpcbind(int fd, uint16_t port, bool silent)
{
	struct message call, reply;
	struct sockaddr_in from;

	if (read_call(fd, &call, &from, &reply) != 3 || silent)
		return;
	add_u32(&reply, port);
	answer(fd, &from, &reply);
}

static void serve_notify(struct world_host *host)
{
	struct message call, reply;
	struct sockaddr_in from;
	char source[INET_ADDRSTRLEN];
	size_t name;
	unsigned last;

	if (read_call(host->statd_fd, &call, &from, &reply) != GLR__SM_NOTIFY)
		return;
	inet_ntop(AF_INET, &from.sin_addr, source, sizeof(source));
	/* No credentials and no verifier: the name's length is the eleventh word. */
	name = word_at(call.bytes, 10);
	if (ntohs(from.sin_port) >= 1024 || name != strlen(source) || memcmp(call.bytes + 44, source, name))
		host->odd = true;
	if (sscanf(source, "127.0.1.%u", &last) == 1 && last < 32)
		host->identifiers_seen |= 1u << last;
	host->state = word_at(call.bytes, 11 + (name + 3) / 4);
	host->told++;
	answer(host->statd_fd, &from, &reply);
}

static struct {
	struct world_host *hosts;
	size_t count;
} served;

static void *serve_hosts(void *arg)
{
	struct pollfd pfds[2 * HOSTS_MAX];

	for (;;) {
		for (size_t i = 0; i < served.count; i++) {
			pfds[2 * i] = (struct pollfd){.fd = served.hosts[i].rpcbind_fd, .events = POLLIN};
			pfds[2 * i + 1] = (struct pollfd){.fd = served.hosts[i].statd_fd, .events = POLLIN};
		}
		if (poll(pfds, 2 * served.count, -1) < 0)
			continue;
		for (size_t i = 0; i < served.count; i++) {
			if (pfds[2 * i].revents)
				serve_rpcbind(pfds[2 * i].fd, CLIENT_STATD_PORT, served.hosts[i].silent);
			if (pfds[2 * i + 1].revents)
				serve_notify(&served.hosts[i]);
		}
	}
	return NULL;
}

void world_hosts(struct world_host *hosts, size_t count)
{
	pthread_t thread;

	ck_assert_uint_le(count, HOSTS_MAX);
	for (size_t i = 0; i < count; i++) {
		hosts[i].rpcbind_fd = udp_socket(hosts[i].address, RPCBIND_PORT);
		hosts[i].statd_fd = udp_socket(hosts[i].address, CLIENT_STATD_PORT);
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
	struct message call, reply;
	struct sockaddr_in from;
	size_t state;

	if (read_call(node.lockd_fd, &call, &from, &reply) != 16)
		return;
	if (ntohl(from.sin_addr.s_addr) != INADDR_LOOPBACK || ntohs(from.sin_port) >= 1024 ||
	    word_at(call.bytes, 3) != GLR__NLM_PROG || word_at(call.bytes, 4) != 3)
		lockd->odd = true;
	state = 11 + (word_at(call.bytes, 10) + 3) / 4;
	lockd->state = word_at(call.bytes, state);
	lockd->priv = call.bytes[4 * (state + 1)];
	lockd->calls++;
	answer(node.lockd_fd, &from, &reply);
}

static void *serve_lockd(void *arg)
{
	struct pollfd pfds[] = {{.fd = node.rpcbind_fd, .events = POLLIN},
				{.fd = node.lockd_fd, .events = POLLIN}};

	while (poll(pfds, 2, -1) >= 0) {
		if (pfds[0].revents) {
			serve_rpcbind(node.rpcbind_fd, LOCKD_PORT, node.lockd->drop);
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
	node.rpcbind_fd = udp_socket("127.0.0.1", RPCBIND_PORT);
	node.lockd_fd = udp_socket("127.0.0.1", LOCKD_PORT);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_lockd, NULL), 0);
}
