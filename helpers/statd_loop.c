/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers over libqb's loop, and sockets on privileged ports. */
#include "statd.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define PORT_FIRST 600
#define PORT_LAST 1023

void statd_timer_init(struct statd_timer *timer, qb_loop_t *loop, void (*fn)(void *arg), void *arg)
{
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	timer->handle = 0;
}

static void timer_fired(void *data)
{
	struct statd_timer *timer = data;

	timer->handle = 0;
	timer->fn(timer->arg);
}

void statd_timer_set(struct statd_timer *timer, unsigned delay_ms)
{
	if (timer->handle)
		qb_loop_timer_del(timer->loop, timer->handle);
	timer->handle = 0;
	if (delay_ms == UINT_MAX)
		return;
	if (qb_loop_timer_add(timer->loop, QB_LOOP_MED, delay_ms * UINT64_C(1000000), timer, timer_fired,
			      &timer->handle))
		glr_err("timer: no memory");
}

int statd_privileged_socket(const struct glr_address *address, int type)
{
	unsigned ports = PORT_LAST - PORT_FIRST + 1, first = (unsigned)random() % ports;
	struct sockaddr_storage sa;
	socklen_t length;
	int fd, one = 1, rc;

	fd = socket(address->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (address->family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	/* There are 424 such ports, and each connection would keep one for the minute of its TIME_WAIT. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	for (unsigned i = 0; i < ports; i++) {
		uint16_t port = (uint16_t)(PORT_FIRST + (first + i) % ports);

		length = glr_address_to_sockaddr(address, port, &sa);
		if (!bind(fd, (struct sockaddr *)&sa, length))
			return fd;
		if (errno != EADDRINUSE)
			break;
	}
	rc = -errno;
	close(fd);
	return rc;
}
