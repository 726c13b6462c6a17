/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is around the monitor in fuzz_monitor.c: a real list, real cookies, and who hears its answers. */
#ifndef FUZZ_MONITOR_WORLD_H
#define FUZZ_MONITOR_WORLD_H

#include "monitor.h"
#include "nsm_message.h"
#include "slots.h"

#define REQUESTS_MAX 512
#define LOCAL_STATE 77

struct request {
	size_t length;
	bool from_lockd, mon, answered;
	unsigned client; /* of SM_MON */
	uint64_t due_ms;
};

struct world {
	glr_list_t *list;
	glr__cookies_t *cookies;
	glr__monitor_t *monitor;
	int cookies_fd;
	uint64_t now_ms;
	const struct glr__list_write *op, *upkeep_op; /* wait for their return */
	unsigned v4_asked, v4_done, begin_asked, begun;
	struct request requests[REQUESTS_MAX];
	size_t request_count;
	struct glr_address peer; /* of the message being handled */
	const struct message *message;
	bool monitored[NAMES]; /* heard success */
	bool frozen;
};
extern struct world world;

void make_world(void);
void open_monitor(void);
/* As when it is killed: what was asked is asked again by lockd. */
void close_monitor(void);
void must_be_on_disk(unsigned client);

#endif
