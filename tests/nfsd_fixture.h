/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfsd at the other end of the pipe, and who passes that pipe to the status monitor. */
#ifndef NFSD_FIXTURE_H
#define NFSD_FIXTURE_H

#include "cldmsg.h"
#include "statd_world.h"

#include <linux/nfsd/cld.h>

#define SOON_MS 5000

struct nfsd_fixture {
	int kernel, statd; /* ends of the pipe */
	int handover;
	struct glr__cld_kept *kept; /* shared with the monitor */
	uint32_t xid;		    /* of the last upcall */
};
extern struct nfsd_fixture nfsd;

/* world_make(), and what --cld names. */
void nfsd_make_world(void);
/* A status monitor with a list, and nfsd; and its end. */
void nfsd_setup(void);
void nfsd_teardown(void);
/* Passes the pipe as the supervisor does. */
void hand_over(void);
void start_nfsd(void);
void stop_nfsd(void);
void fill_upcall(struct cld_msg_v2 *message, uint8_t command, const char *id);
void upcall(uint8_t command, const char *id);
/* @return status of the answer to the last upcall, 1 when none came */
int status_of_answer(int timeout_ms);
/* An upcall and its answer. */
int ask(uint8_t command, const char *id);
/* @param names of those that may reclaim, each followed by a space */
void grace_start(char names[256]);

#endif
