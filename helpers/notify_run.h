/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A notification by hand: whom to tell, and telling them. */
#ifndef GLR_NOTIFY_RUN_H
#define GLR_NOTIFY_RUN_H

#include "cookies.h"
#include "notify.h"

/* ---- notify_targets.c: the clients of a list, or of rpc.statd ------------------ */

enum notify_outcome { NOTIFY_UNADDRESSED, NOTIFY_SILENT, NOTIFY_ACKNOWLEDGED };

struct notify_target {
	char *name;
	struct glr_address address; /* AF_UNSPEC: none is known */
	enum notify_outcome outcome;
};

struct notify_targets { /* starts zeroed */
	struct notify_target *all;
	size_t count, room;
};

/* Clients that were missed are left out: their locks are gone.  @return 0 or -ENOMEM */
int notify_targets_from_list(struct notify_targets *targets, const glr_list_t *list);
/* One client for each file of rpc.statd's directory "sm" or "sm.bak" (nfs-utils, support/nsm/file.c).  Its
 * address is the file's name or a monitored name in it; nothing is looked up.
 * @return 0, -ENOMEM, or an error of the file system */
int notify_targets_from_sm(struct notify_targets *targets, const char *directory);
void notify_targets_clear(struct notify_targets *targets);

/* ---- notify_run.c: sockets, clock and progress ---------------------------------- */

enum notify_display { NOTIFY_QUIET, NOTIFY_LINES, NOTIFY_BAR };

struct notify_run {
	const struct glr__window *window; /* identifiers, names and notify_end_ms count */
	uint32_t state;
	bool in_grace; /* end with lockd's grace period */
	enum notify_display display;
	struct notify_targets *targets; /* get their outcome */
	struct glr__notify_counts counts;
	bool grace_ended; /* before all was done */
	uint64_t took_ms;
};

/* Tells the targets until all have acknowledged or the window ends.  @return 0, -EINVAL (identifiers or
 * names), -ENOMEM, or the error of glr__random() */
int notify_run(struct notify_run *run);

#endif
