// SPDX-License-Identifier: GPL-2.0-or-later
/* Between nlmstorm.c (all clients), nlmstorm_client.c (one), and nlmstorm_told.c (their status monitors). */
#ifndef NLMSTORM_H
#define NLMSTORM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../tests/rpc_message.h"

#define RPCBIND_PORT 111

static inline uint32_t word_at(const uint8_t *bytes, size_t index)
{
	uint32_t value;

	memcpy(&value, bytes + 4 * index, 4);
	return be32toh(value);
}

static inline _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- nlmstorm.c ---- */

#define STATUSES 11 /* nlm4_stats: 0 granted, 2 nolocks, 4 grace, 7 stale handle ... */

enum mode { LOCK, RECLAIM, TOLD };

struct client {
	int fd; /* -1: none */
	bool begun, done;
	in_port_t port; /* of the lock manager, in network order; 0: not known yet */
	unsigned tries;
	uint64_t end_us, resend_us;
	uint8_t reply[64];
	size_t got;
};

extern struct storm {
	enum mode mode;
	bool tcp;
	struct client *clients;
	struct sockaddr_in server;
	uint8_t handle[64];
	size_t handle_length, count, begun, answered;
	uint64_t began_us, until_us, spread_us;
	size_t statuses[STATUSES];
	int epoll_fd;
} storm;

struct in_addr storm_address(size_t number);
/* The client at this address was told to reclaim. */
void storm_told(struct in_addr address);

/* ---- nlmstorm_client.c ---- */

uint64_t now_us(void);
void client_begin(struct client *client);
/* Something came for it. */
void client_heard(struct client *client, uint32_t events);
/* Sends again, or connects again, if it is time to. */
void client_again(struct client *client, uint64_t now);

/* ---- nlmstorm_told.c ---- */

/* Listens for all clients.  @param epoll_fd takes the sockets, their data.fd says which */
void told_listen(int epoll_fd);
/* Answers what waits at one of the sockets. */
void told_serve(int fd);

#endif
