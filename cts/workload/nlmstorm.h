// SPDX-License-Identifier: GPL-2.0-or-later
/* Between nlmstorm.c (clients that lock) and nlmstorm_told.c (their status monitors). */
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

/* The client at this address was told to reclaim. */
void storm_told(struct in_addr address);

/* Listens for all clients.  @param epoll_fd takes the sockets, their data.fd says which */
void told_listen(int epoll_fd);
/* Answers what waits at one of the sockets. */
void told_serve(int fd);

#endif
