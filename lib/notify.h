/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The notification engine. */
#ifndef GLR_NOTIFY_H
#define GLR_NOTIFY_H

#include "glr_private.h"

typedef struct glr__notify glr__notify_t;

enum glr__progress {
	GLR__WAITING,	   /* nothing sent yet */
	GLR__SENT,	   /* SM_NOTIFY or its rpcbind query sent */
	GLR__ACKNOWLEDGED, /* every identifier of its family acknowledged */
};

/* A packet the engine wants sent: from the identifier's address to the client. */
struct glr__notify_packet {
	size_t identifier;	    /* index of the server identifier whose socket sends it */
	struct glr_address to;
	uint16_t to_port;	    /* host order */
	bool tcp;		    /* over a new TCP connection, with a record mark added by the sink */
	const uint8_t *bytes;
	size_t length;
};

/* The sink closes a TCP connection that has not been answered after so long (at most LIMIT are asked for in that
 * time), and every one when the window ends: what waits in them must not arrive after it. */
#define GLR__NOTIFY_TCP_MS 2000
#define GLR__NOTIFY_TCP_LIMIT 256

/* Neither function may call back into the engine. */
struct glr__notify_ops {
	/* @return 0, or -EAGAIN when nothing more can be sent (buffer full, too many connections): asked again at
	 *         the next tick, each identifier's UDP and TCP apart; any other error counts as a packet lost on its way */
	int (*send)(void *arg, const struct glr__notify_packet *packet);
	/* Progress of a client changed; may be NULL. */
	void (*progress)(void *arg, const char *name, enum glr__progress progress);
	void *arg;
};

/* @param addresses the group's server identifiers  @param names further names to send, NULL-terminated, may be NULL
 * @param state the NSM state told to every client  @param end_ms nothing is sent from then on
 * @return 0, -EINVAL (no address, one of no family, or a name empty or too long), or -ENOMEM */
int glr__notify_new(const struct glr_address *addresses, size_t address_count, const char *const *names,
		    uint32_t state, uint64_t end_ms, const struct glr__notify_ops *ops, glr__notify_t **notify);
void glr__notify_free(glr__notify_t *notify);
/* A name already added is no error and changes nothing.  Nothing is sent before the next tick.
 * @param address AF_UNSPEC when the name is none: such a client is counted and never told
 * @return 0, -EINVAL (name), -ENOMEM, or the error of glr__random() */
int glr__notify_add(glr__notify_t *notify, const char *name, const struct glr_address *address);
/* Sends what is due.  Call it again after the time returned, and after every batch of input.
 * @return ms until it wants to be called again; UINT_MAX when all is done or the window is over */
unsigned glr__notify_tick(glr__notify_t *notify, uint64_t now_ms);
/* A packet came in on an identifier's socket (UDP) or TCP connection.  Room in the window is used at once. */
void glr__notify_input(glr__notify_t *notify, size_t identifier, const struct glr_address *from, uint16_t from_port,
		       const uint8_t *bytes, size_t length, uint64_t now_ms);
/* From now on SM_NOTIFY goes to so many more that have not been sent one, until allowed anew; their rpcbinds are asked
 * meanwhile.  Without this call, to any number.
 * @param count clients, each counted for every identifier */
void glr__notify_allow(glr__notify_t *notify, size_t count);
/* @return what is left of it */
size_t glr__notify_allowance(const glr__notify_t *notify);
/* Before the first tick: this client acknowledged to somebody else, and is not told again. */
void glr__notify_acknowledged(glr__notify_t *notify, const char *name);
/* Everybody was sent to once when told + unaddressed == clients. */
struct glr__notify_counts {
	size_t clients;
	size_t told; /* sent to at least once from every identifier of its family */
	size_t acknowledged;
	size_t unaddressed; /* no address, or no identifier of its family: never told */
};
void glr__notify_get_counts(const glr__notify_t *notify, struct glr__notify_counts *counts);
/* @return progress, or -ENOENT */
int glr__notify_progress(const glr__notify_t *notify, const char *name);
/* @return whether this client is told at all: it has an address, and an identifier is of its family */
bool glr__notify_addressed(const glr__notify_t *notify, const char *name);

#endif
