/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between statd_listen.c (listeners, UDP) and statd_tcp.c (connections). */
#ifndef GLR_STATD_LISTEN_H
#define GLR_STATD_LISTEN_H

#include "statd.h"

#define STATD_TCP_TOKEN (UINT64_C(1) << 63)

/* Hands one request to the monitor. */
void statd_listen_request(struct statd *statd, uint64_t token, const struct sockaddr_storage *sa,
			  const uint8_t *message, size_t length, uint64_t now_ms);

/* Loopback: nobody in the network can be it. */
bool statd_listen_is_local(const struct sockaddr_storage *sa);

struct statd_tcp;

int statd_tcp_new(struct statd *statd, struct statd_tcp **tcp);
void statd_tcp_free(struct statd_tcp *tcp);
/* Takes one connection from a listener. */
void statd_tcp_accept(struct statd_tcp *tcp, int listener_fd);
void statd_tcp_reply(struct statd_tcp *tcp, uint64_t token, const uint8_t *reply, size_t length);
void statd_tcp_close_all(struct statd_tcp *tcp);

#endif
