/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The NSM server procedures. */
#ifndef GLR_MONITOR_H
#define GLR_MONITOR_H

#include "clientlist.h"
#include "cookies.h"
#include "glr_private.h"
#include "record.h"

/*
 * Answers NSM requests over a list and cookies.  Does no network I/O: bytes of one request
 * (without TCP record marks) come in, the reply goes to `send`.  A reply
 * to SM_MON of a new client is sent when its write has returned, or as a failure when the deadline has passed.
 */
typedef struct glr__monitor glr__monitor_t;

struct glr__monitor_ops {
	/* @param token identifies the request, as given to glr__monitor_request */
	void (*send)(void *arg, uint64_t token, const uint8_t *reply, size_t length);
	/* Starts the write elsewhere; glr__monitor_written must follow. */
	void (*write)(void *arg, const struct glr__list_write *op);
	/* The same beside it, in another thread; glr__monitor_upkept must follow. */
	void (*upkeep)(void *arg, const struct glr__list_write *op);
	/* The host of this cookie rebooted: tell lockd. */
	void (*downcall)(void *arg, const struct glr__cookie *cookie, uint32_t state);
	/* A client asked for a lock (SM_MON answered with success). */
	void (*seen)(void *arg, const char *name);
	uint32_t (*local_state)(void *arg);
	/* The change of glr__monitor_v4() is on disk (result 0), or is not. */
	void (*v4_done)(void *arg, int result);
	/* The epoch of GLR__CHANGE_BEGIN is on disk (result 0), or is not. */
	void (*begun)(void *arg, int result);
	void *arg;
};

#define GLR__SYNC_DEADLINE_MS 1000
#define GLR__UNMON_DELAY_MS 120000

int glr__monitor_new(glr_list_t *list, glr__cookies_t *cookies, const struct glr__monitor_ops *ops,
		     glr__monitor_t **monitor);
void glr__monitor_free(glr__monitor_t *monitor);
/* @param peer where the request came from; port in host order */
void glr__monitor_request(glr__monitor_t *monitor, uint64_t token, const struct glr_address *peer, uint16_t peer_port,
			  const uint8_t *message, size_t length, uint64_t now_ms);
void glr__monitor_written(glr__monitor_t *monitor, int result, uint64_t now_ms);
void glr__monitor_upkept(glr__monitor_t *monitor, int result, uint64_t now_ms);
/* Expires deadlines and applies late SM_UNMONs.  @return ms until it wants to be called again */
unsigned glr__monitor_tick(glr__monitor_t *monitor, uint64_t now_ms);
/*
 * Changes that no request waits for, queued behind those that do.  A client with a cookie (it asked for a lock
 * meanwhile) is left alone.  @param name a canonical address; NULL for the last three
 * @return 0, -ENOMEM, or -EPERM when frozen
 */
enum glr__change {
	GLR__CHANGE_ADD, /* a client that lockd has not reported */
	GLR__CHANGE_REMOVE,
	GLR__CHANGE_MISSED,
	GLR__CHANGE_END,	 /* the recovery of this epoch has ended */
	GLR__CHANGE_BEGIN,	 /* another one begins: ops.begun follows, possibly before this returns */
	GLR__CHANGE_BEGIN_FRESH, /* the same, in a new network namespace */
};
int glr__monitor_change(glr__monitor_t *monitor, enum glr__change kind, const char *name, uint64_t now_ms);
/*
 * Changes that nfsd waits for, one at a time, in turn with SM_MONs.  They have no deadline, and a frozen monitor makes
 * them too: nfsd cannot be refused.  ops.v4_done follows, possibly before this returns.
 */
enum glr__v4_change {
	GLR__V4_ADD,
	GLR__V4_WATCH,
	GLR__V4_REMOVE,
	GLR__V4_GRACE_BEGIN,
	GLR__V4_GRACE_DONE,
};
/* @param client is copied; not looked at for the last two  @return 0, or -EBUSY while one is under way */
int glr__monitor_v4(glr__monitor_t *monitor, enum glr__v4_change change, const struct glr__v4_client *client,
		    uint64_t now_ms);
/* Frozen: SM_UNMON does nothing, SM_MON fails, what was queued is dropped. */
void glr__monitor_freeze(glr__monitor_t *monitor);
bool glr__monitor_durable(const glr__monitor_t *monitor);
/* Whether no change is queued or being written any more.
 * @param error 0, or why not all that was queued since it was so the last time is on disk */
bool glr__monitor_settled(const glr__monitor_t *monitor, int *error);
/* true while a write is under way: the list must not be changed by anybody else */
bool glr__monitor_busy(const glr__monitor_t *monitor);

#endif
