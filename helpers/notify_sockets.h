/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets of the notification engine: for glr-statd, and for notify of group-lockrecover. */
#ifndef GLR_NOTIFY_SOCKETS_H
#define GLR_NOTIFY_SOCKETS_H

#include "statd.h"

/* ---- notify_sockets.c: the engine, and a UDP socket for each identifier ------- */

struct notify_sockets;

struct notify_sockets_ops {
	/* As of the engine; may be NULL. */
	void (*progress)(void *arg, const char *name, enum glr__progress progress);
	/* Something was sent or heard, or the window is over; may free the sockets. */
	void (*worked)(void *arg);
	/* Clients that have come back since the window began; NULL where nobody knows. */
	size_t (*back)(void *arg);
	void *arg;
};

/* @param window identifiers and names to tell, and when to stop  @param state the NSM state to tell
 * @return 0, -EINVAL (identifier or name), -ENOMEM */
int notify_sockets_new(qb_loop_t *loop, const struct glr__window *window, uint32_t state,
		       const struct notify_sockets_ops *ops, struct notify_sockets **sockets);
void notify_sockets_free(struct notify_sockets *sockets);
void notify_sockets_start(struct notify_sockets *sockets);
/* @return the engine: to be given clients before the start, and to be asked; belongs to the sockets */
glr__notify_t *notify_sockets_engine(struct notify_sockets *sockets);

/* ---- notify_backlog.c: how many clients may be told now ------------------------- */

struct notify_backlog;

/* For a process that must not wait later: the first look makes the kernel load modules. */
void notify_backlog_prepare(void);
/* Looks at the network namespace of its caller.
 * @param end_ms of the window  @param ipv6 whether clients may come over IPv6  @return 0 or -ENOMEM */
int notify_backlog_new(uint64_t end_ms, bool ipv6, struct notify_backlog **backlog);
void notify_backlog_free(struct notify_backlog *backlog);
/* @return whether it is time for the next allowance */
bool notify_backlog_due(const struct notify_backlog *backlog, uint64_t now_ms);
#define NOTIFY_BACK_UNKNOWN SIZE_MAX
/* For glr__notify_allow(), when the last allowance is used up.
 * @param count all that are to be told in this window, each by each identifier; those of the last allowance
 * have been
 * @param back of the same, the clients that have come back since the window began, or NOTIFY_BACK_UNKNOWN */
size_t notify_backlog_allowance(struct notify_backlog *backlog, uint64_t now_ms, size_t count, size_t back);

/* ---- notify_tcp.c: short connections, one question each ------------------------- */

struct notify_tcp;

/* @param answer called with the question that it answers, without its bytes */
int notify_tcp_new(qb_loop_t *loop,
		   void (*answer)(void *arg, const struct glr__notify_packet *question, const uint8_t *bytes,
				  size_t length),
		   void *arg, struct notify_tcp **tcp);
void notify_tcp_free(struct notify_tcp *tcp);
/* @param from the identifier's address  @return 0, also for a connection that fails: it is like a lost
 * datagram; or -EAGAIN: no connection is free */
int notify_tcp_send(struct notify_tcp *tcp, const struct glr_address *from,
		    const struct glr__notify_packet *packet);
/* Closes what has waited too long for its answer. */
void notify_tcp_expire(struct notify_tcp *tcp, uint64_t now_ms);

#endif
