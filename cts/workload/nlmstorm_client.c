// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One client, as Linux's lockd does it when it reclaims: it asks the server's rpcbind for the lock manager,
 * over the transport of the lock, then sends the lock request from a privileged port.  Over UDP, what is not
 * answered is sent again after 10, 20, 30 s ... (fs/lockd/host.c, nlm_bind_host); over TCP the kernel sends
 * again what the server drops, and the connection stays when all is done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "nlmstorm.h"

/* Privileged; the kernel may still remember the connections to a server that died. */
#define CLIENT_PORT (storm.mode == LOCK ? 1000 : 1001)
#define RESEND_US 10000000u
#define AGAIN_US 3000000u /* after a connection that ended, or a lock manager that is not registered */
#define RPCBIND 100000
#define NLM 100021
#define NLM_LOCK 2
#define GETPORT 3
#define LAST_FRAGMENT 0x80000000u

uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- messages ---------------------------------------------------------------------------- */

static void begin_call(struct message *message, uint32_t xid, uint32_t prog, uint32_t vers, uint32_t proc)
{
	const uint32_t head[] = {xid, 0, 2, prog, vers, proc, 1 /* AUTH_SYS, root */, 28, 0};

	message->length = 0;
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		add_u32(message, head[i]);
	add_string(message, "storm");
	for (int i = 0; i < 3; i++)
		add_u32(message, 0);
	add_auth(message, 0, 0);
}

static void port_call(struct message *message, uint32_t xid)
{
	begin_call(message, xid, RPCBIND, 2, GETPORT);
	add_u32(message, NLM);
	add_u32(message, 4);
	add_u32(message, storm.tcp ? IPPROTO_TCP : IPPROTO_UDP);
	add_u32(message, 0);
}

static void lock_call(struct message *message, uint32_t xid)
{
	char name[16];

	snprintf(name, sizeof(name), "client%u", xid);
	begin_call(message, xid, NLM, 4, NLM_LOCK);
	add_string(message, "lock");
	add_u32(message, 0); /* do not wait */
	add_u32(message, 1); /* exclusive */
	add_string(message, name);
	add_u32(message, (uint32_t)storm.handle_length);
	add_bytes(message, storm.handle, storm.handle_length);
	add_string(message, name);
	add_u32(message, 1);
	add_u32(message, 0);
	add_u32(message, xid);
	add_u32(message, 0);
	add_u32(message, 1);
	add_u32(message, storm.mode != LOCK);
	add_u32(message, 1);
}

/* ---- a client ---------------------------------------------------------------------------- */

static uint32_t xid_of(const struct client *client)
{
	return (uint32_t)(client - storm.clients) + 1;
}

static void send_call(struct client *client)
{
	struct message message;
	uint32_t mark;
	struct iovec iov[] = {{&mark, sizeof(mark)}, {message.bytes, 0}};
	struct msghdr msg = {.msg_iov = iov + !storm.tcp, .msg_iovlen = 1 + storm.tcp};

	if (client->port)
		lock_call(&message, xid_of(client));
	else
		port_call(&message, xid_of(client));
	mark = htonl(LAST_FRAGMENT | (uint32_t)message.length);
	iov[1].iov_len = message.length;
	sendmsg(client->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	client->resend_us = now_us() + ++client->tries * RESEND_US;
}

/* To the server's rpcbind first, then to its lock manager. */
static void open_client(struct client *client)
{
	struct sockaddr_in own = {.sin_family = AF_INET,
				  .sin_addr = storm_address((size_t)(client - storm.clients)),
				  .sin_port = client->port ? htons(CLIENT_PORT) : 0},
			   to = storm.server;
	struct epoll_event event = {.events = storm.tcp ? EPOLLOUT : EPOLLIN, .data.ptr = client};
	int one = 1;

	to.sin_port = client->port ? client->port : htons(RPCBIND_PORT);
	client->got = 0;
	client->fd = socket(AF_INET, (storm.tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	setsockopt(client->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (client->fd < 0 || bind(client->fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		die("a client's address");
	if (connect(client->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(storm.epoll_fd, EPOLL_CTL_ADD, client->fd, &event) < 0)
		die("epoll");
	if (!storm.tcp)
		send_call(client);
}

void client_begin(struct client *client)
{
	client->begun = true;
	storm.begun++;
	open_client(client);
}

static void close_client(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->tries = 0;
	client->resend_us = now_us() + AGAIN_US;
}

static void end_client(struct client *client, uint32_t status)
{
	if (!storm.tcp)
		close_client(client);
	client->done = true;
	client->end_us = status ? 0 : now_us();
	storm.answered++;
	storm.statuses[status < STATUSES ? status : STATUSES - 1]++;
}

/* Six words of an accepted reply; then the port, or the cookie and the status. */
static void take_reply(struct client *client, const uint8_t *reply, size_t length)
{
	if (length < 24 || word_at(reply, 1) != 1 || word_at(reply, 0) != xid_of(client))
		return;
	if (client->port && length >= 36) {
		end_client(client, word_at(reply, 8));
	} else if (client->port && word_at(reply, 5)) {
		end_client(client, 1);
	} else if (!client->port && length >= 28) {
		client->port = htons((uint16_t)word_at(reply, 6));
		close_client(client);
		if (client->port)
			open_client(client);
	}
}

void client_heard(struct client *client, uint32_t events)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	size_t mark = storm.tcp ? 4 : 0;
	ssize_t got;

	if (storm.tcp && events == EPOLLOUT) {
		epoll_ctl(storm.epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
		send_call(client);
		return;
	}
	if (!storm.tcp || client->done)
		client->got = 0;
	got = recv(client->fd, client->reply + client->got, sizeof(client->reply) - client->got, 0);
	if (got <= 0) {
		if (storm.tcp && !(got < 0 && errno == EAGAIN))
			close_client(client);
		return;
	}
	client->got += (size_t)got;
	if (!client->done && client->got > mark)
		take_reply(client, client->reply + mark, client->got - mark);
}

void client_again(struct client *client, uint64_t now)
{
	if (!client->begun || client->done || client->resend_us > now || (storm.tcp && client->fd >= 0))
		return;
	if (client->fd < 0)
		open_client(client);
	else
		send_call(client);
}
