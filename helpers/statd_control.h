/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between statd_control.c (connections, and the answers in them) and statd_verbs.c (what is asked). */
#ifndef GLR_STATD_CONTROL_H
#define GLR_STATD_CONTROL_H

#include "statd.h"

#define CLIENTS_MAX 32

/* What has to happen before an answer is complete. */
enum waits { WAITS_NOT, WAITS_BEGUN, WAITS_SETTLED, WAITS_RELEASED };

struct client {
	struct statd_control *control;
	int fd;	    /* -1: free */
	bool asked; /* its request was read */
	enum waits waits;
	char *out; /* packets, each ended by NUL */
	size_t out_length, out_size, out_sent;
};

struct statd_control {
	struct statd *statd;
	int fd;
	struct client clients[CLIENTS_MAX];
};

/* ---- statd_control.c ------------------------------------------------------------------ */

/* Adds a packet to the answer.  @return 0 or -ENOMEM */
int statd_control_add(struct client *client, const char *packet);
/* Adds one, and sends; an answer for which nothing has to happen any more is complete, and ends the
 * connection. */
void statd_control_say(struct client *client, const char *packet);
/* "ok=1", or why not.  @param why a constant */
void statd_control_say_result(struct client *client, int rc, const char *why);
void statd_control_close(struct client *client);

/* ---- statd_verbs.c -------------------------------------------------------------------- */

void statd_verbs_dispatch(struct client *client, const char *request);

#endif
