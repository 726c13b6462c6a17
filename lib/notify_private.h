/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the notification engine share. */
#ifndef GLR_NOTIFY_PRIVATE_H
#define GLR_NOTIFY_PRIVATE_H

#include "notify.h"
#include "rpcmsg.h"
#include "table.h"

#include <sys/queue.h>

TAILQ_HEAD(notify_tasks, notify_task);

struct notify_queue {
	struct notify_tasks tasks;
	size_t length;
};

/* One client to be told one server identifier. */
struct notify_task {
	TAILQ_ENTRY(notify_task) queue_link, window_link;
	struct notify_queue *queue;  /* ready to be sent, or waiting for its timer; NULL when done */
	struct notify_queue *window; /* in flight; NULL when answered or no longer waited for */
	struct notify_client *client;
	uint64_t due_ms, hold_ms; /* when its timer ends, when its place in the window does */
	size_t identifier;
	size_t message;	     /* the next to be acknowledged */
	uint32_t xid;	     /* of its first message; the others follow */
	unsigned tries;	     /* unanswered since the last acknowledgement */
	unsigned port_tries; /* unanswered at this port */
	uint16_t port;	     /* of the client's status monitor; 0: to be asked for */
	bool tcp, sent;
	bool told; /* SM_NOTIFY was sent, answered or not */
};

struct notify_client {
	struct glr__node node; /* its name */
	struct notify_client *next_at_home;
	struct glr_address address;
	enum glr__progress progress;
	size_t unsent, unacknowledged; /* tasks */
	size_t task_count;
	struct notify_task tasks[];
};

/* ---- notify_clients.c: clients by name and by address --------------------- */

struct notify_clients { /* starts zeroed */
	struct glr__table by_name, by_address;
};

/* Adds a client that is not there, with a task for each identifier of its address family.
 * @return 0, -ENOMEM, or the error of glr__random() */
int glr__notify_clients_add(struct notify_clients *clients, const char *name,
			    const struct glr_address *address, const struct glr_address *identifiers,
			    size_t identifier_count, struct notify_client **client);
struct notify_client *glr__notify_clients_find(const struct notify_clients *clients, const char *name);
/* @return the first client with this address, linked by next_at_home, or NULL */
struct notify_client *glr__notify_clients_at(const struct notify_clients *clients,
					     const struct glr_address *address);
void glr__notify_clients_clear(struct notify_clients *clients);

/* ---- notify_pace.c: which task is sent next, and when --------------------- */

#define NOTIFY_BACKOFF_LEVELS 5

/* In the order in which they are served: what is under way is finished first. */
enum notify_readiness { NOTIFY_FOLLOWING, NOTIFY_TELLING, NOTIFY_FRESH, NOTIFY_AGAIN, NOTIFY_READINESSES };

struct notify_lane {
	struct notify_queue ready[NOTIFY_READINESSES];
	struct notify_queue window;
	size_t limit;
	uint64_t hold_ms;
	bool blocked;
};

struct notify_pace {
	struct notify_lane *lanes; /* of each identifier UDP, then TCP */
	size_t lane_count;
	struct notify_queue timers[NOTIFY_BACKOFF_LEVELS];
	size_t allowance; /* tasks that may be told for the first time; SIZE_MAX: any number */
};

/* @return 0 or -ENOMEM */
int glr__notify_pace_init(struct notify_pace *pace, size_t identifier_count);
void glr__notify_pace_fini(struct notify_pace *pace);
/* Queues a task for the lane of its identifier and transport. */
void glr__notify_pace_ready(struct notify_pace *pace, struct notify_task *task,
			    enum notify_readiness readiness);
/* @return the task to send now, or NULL: nothing is ready, or no room */
struct notify_task *glr__notify_pace_next(struct notify_pace *pace);
/* The task was sent: it takes room for a while and comes back from _expire unless answered. */
void glr__notify_pace_sent(struct notify_pace *pace, struct notify_task *task, uint64_t now_ms);
/* The sink takes no more like this task, until _unblock. */
void glr__notify_pace_block(struct notify_pace *pace, const struct notify_task *task);
void glr__notify_pace_unblock(struct notify_pace *pace);
/* The task was answered: its room is free; its timer runs on. */
void glr__notify_pace_answered(struct notify_task *task);
void glr__notify_pace_done(struct notify_task *task);
/* Whether TCP from the identifier of this task has room. */
bool glr__notify_pace_tcp_free(const struct notify_pace *pace, const struct notify_task *task);
/* Frees the room of silent tasks.  @return a task whose timer has ended, or NULL */
struct notify_task *glr__notify_pace_expire(struct notify_pace *pace, uint64_t now_ms);
/* @return the time of the next event, at most end_ms */
uint64_t glr__notify_pace_event(const struct notify_pace *pace, uint64_t now_ms, uint64_t end_ms);

#endif
