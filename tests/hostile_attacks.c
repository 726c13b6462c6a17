/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostile_attacks.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Whoever attacks does not care about a failure. */
int hostile_connect(int type)
{
	struct linger reset = {.l_onoff = 1}; /* leaves no port in TIME_WAIT */
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	struct glr_address address;
	socklen_t length;

	glr_address_parse(WORLD_STRANGER, &address);
	length = glr_address_to_sockaddr(&address, world_port(!(type & SOCK_DGRAM), false), &sa);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	/* The source of what goes to an address of this host is that address. */
	if (connect(fd, (struct sockaddr *)&sa, length) < 0 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static void udp_send(const void *bytes, size_t length)
{
	static int fd = -1;

	if (fd < 0)
		fd = hostile_connect(SOCK_DGRAM);
	send(fd, bytes, length, MSG_NOSIGNAL);
}

void hostile_message(struct message *message, uint32_t proc)
{
	nsm_call(message, 1, proc);
	if (proc == GLR__SM_STAT || proc == GLR__SM_UNMON)
		add_string(message, HOSTILE_KNOWN);
	if (proc == GLR__SM_MON)
		add_string(message, "10.1.0.9");
	if (proc != GLR__SM_STAT)
		nsm_add_my_id(message);
	add_bytes(message, "0123456789abcdef", 16);
}

static void udp_garbage(unsigned turn)
{
	static uint8_t bytes[1400];

	for (size_t i = 0; i < 8; i++)
		bytes[random() % sizeof(bytes)] = (uint8_t)random();
	udp_send(bytes, turn % sizeof(bytes));
}

static void udp_notify(unsigned turn)
{
	static const char *const names[] = {HOSTILE_KNOWN, WORLD_STRANGER, "a.host.name", "127.0.0.1"};
	struct message message;

	nsm_notify(&message, turn, names[turn % 4], turn);
	udp_send(message.bytes, message.length);
}

static void udp_local(unsigned turn)
{
	struct message message;

	hostile_message(&message, GLR__SM_STAT + turn % 5);
	udp_send(message.bytes, message.length - turn % 3);
}

/* Many at once, so that their queue is always full. */
static void tcp_connect(unsigned turn)
{
	static int fds[256];
	int *fd = &fds[turn % 256];

	if (*fd > 0)
		close(*fd);
	*fd = hostile_connect(SOCK_STREAM | SOCK_NONBLOCK);
}

/* Starts anew when it is cut off. */
static void tcp_send(const void *bytes, size_t length)
{
	static int fd = -1;

	if (fd >= 0 && send(fd, bytes, length, MSG_NOSIGNAL) > 0)
		return;
	close(fd);
	fd = hostile_connect(SOCK_STREAM);
}

static void tcp_empty_fragments(unsigned turn)
{
	static const uint8_t zeros[65536];

	tcp_send(zeros, sizeof(zeros));
}

static void tcp_small_fragments(unsigned turn)
{
	static uint8_t bytes[5 * 4096];

	for (size_t i = 0; i < sizeof(bytes); i += 5)
		bytes[i + 3] = 1;
	tcp_send(bytes, sizeof(bytes));
}

static void tcp_huge_fragment(unsigned turn)
{
	static const uint8_t mark[] = {0x7f, 0xff, 0xff, 0xff, 'x'};

	tcp_send(mark, sizeof(mark));
}

/* Questions without end, and nobody reads the answers. */
static void tcp_questions(unsigned turn)
{
	static uint8_t bytes[65536];
	static size_t used;
	struct message message;

	nsm_call(&message, turn, GLR__SM_NULL);
	for (; used + 4 + message.length <= sizeof(bytes); used += 4 + message.length) {
		memcpy(bytes + used, (uint8_t[]){0x80, 0, 0, (uint8_t)message.length}, 4);
		memcpy(bytes + used + 4, message.bytes, message.length);
	}
	tcp_send(bytes, used);
}

const struct hostile_attack hostile_attacks[HOSTILE_ATTACKS] = {
	{"UDP: garbage", udp_garbage},
	{"UDP: SM_NOTIFY", udp_notify},
	{"UDP: SM_MON and the like", udp_local},
	{"TCP: connections", tcp_connect},
	{"TCP: empty fragments", tcp_empty_fragments},
	{"TCP: small fragments", tcp_small_fragments},
	{"TCP: huge fragments", tcp_huge_fragment},
	{"TCP: questions", tcp_questions},
};
