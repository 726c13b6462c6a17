/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between monitor.c (the procedures), monitor_writes.c (what is written for
 * them, and when) and monitor_v4.c (what is written for nfsd).
 */
#ifndef GLR_MONITOR_PRIVATE_H
#define GLR_MONITOR_PRIVATE_H

#include "clientlist.h"
#include "cookies.h"
#include "monitor.h"
#include "record.h"

#include <sys/queue.h>

enum { GLR__NSM_SUCCESS = 0, GLR__NSM_FAIL = 1 };

/* SM_MON of a new client, from the request to its answer. */
struct glr__pending {
	TAILQ_ENTRY(glr__pending) link;
	uint64_t token, deadline_ms;
	uint32_t xid;
	struct glr_address address;
	struct glr__cookie cookie;
};

struct glr__queued_change {
	TAILQ_ENTRY(glr__queued_change) link;
	enum glr__change kind;
	uint64_t due_ms; /* of a late SM_UNMON */
	char name[GLR_ADDRESS_TEXT_MAX];
};

TAILQ_HEAD(glr__pending_queue, glr__pending);
TAILQ_HEAD(glr__change_queue, glr__queued_change);

struct glr__monitor {
	glr_list_t *list;
	glr__cookies_t *cookies;
	struct glr__monitor_ops ops;
	bool frozen;

	struct glr__pending_queue pending;
	size_t pending_count;
	struct glr__change_queue changes; /* to be written when no SM_MON waits */
	int changes_error;		  /* why some of them were not */
	struct glr__change_queue late;	  /* SM_UNMONs, in the order they come due */

	/* The write under way: for an SM_MON (NULL once answered as failed) or for a change. */
	bool writing, stuck;
	uint64_t write_began_ms;
	struct glr__pending *adding;
	struct glr__queued_change *changing;
	struct glr__list_write op;

	bool upkeeping;
	struct glr__list_write upkeep_op;

	/* nfsd's: one waits, or is being written. */
	bool v4_waits, v4_writing;
	bool v4_was_last; /* to be written: SM_MONs take turns with it */
	enum glr__v4_change v4_change;
	struct glr__v4_client v4_client;

	uint64_t refusal_logged_ms;
	unsigned refusals; /* since the last line about them */
};

/* @param result GLR__NSM_SUCCESS or GLR__NSM_FAIL */
void glr__monitor_send_result(glr__monitor_t *monitor, uint64_t token, uint32_t xid, uint32_t result);
/* The client is on the list, on disk: keeps the cookie, then answers. */
void glr__monitor_accept(glr__monitor_t *monitor, uint64_t token, uint32_t xid,
			 const struct glr__cookie *cookie);
/* On the list, and not about to be taken off it. */
bool glr__monitor_knows(const glr__monitor_t *monitor, const char *name);
/* Queues a new client: the monitor answers it and frees it.
 * @param pending all but the deadline filled in; the caller's again when this fails
 * @return 0, or why it has to be refused at once: -EBUSY, -ENOBUFS */
int glr__monitor_queue_add(glr__monitor_t *monitor, struct glr__pending *pending, uint64_t now_ms);
/* Queues a removal that comes due in GLR__UNMON_DELAY_MS.  @return 0 or -ENOMEM */
int glr__monitor_queue_unmon(glr__monitor_t *monitor, const char *name, uint64_t now_ms);
/* Starts what waits longest, unless a write is under way. */
void glr__monitor_start_next(glr__monitor_t *monitor, uint64_t now_ms);
/* Of monitor->op. */
void glr__monitor_begin_write(glr__monitor_t *monitor, uint64_t now_ms);
/* @return false: it has to wait for the upkeep */
bool glr__monitor_start_v4(glr__monitor_t *monitor, uint64_t now_ms);

#endif
