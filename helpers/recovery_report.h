/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the last recovery of a group came to: a file in its runtime directory, until the next one has ended.
 */
#ifndef GLR_RECOVERY_REPORT_H
#define GLR_RECOVERY_REPORT_H

#include "glr_private.h"

#include <stdio.h>

#define RECOVERY_REPORT_FILE "recovery"
#define RECOVERY_TIME_MAX 24

struct recovery_report {      /* starts zeroed */
	uint64_t began_s;     /* CLOCK_REALTIME */
	uint64_t duration_ms; /* until nobody was told any more */
	uint64_t nsm_state;   /* that clients were told */
	uint64_t clients, acknowledged, returned, missed;
	char *names; /* of the missed, each ended by a newline; NULL: none */
	size_t names_length;
};

/* Counts a missed client.  @return 0 or -ENOMEM */
int recovery_report_missed(struct recovery_report *report, const char *name);
/* @param fd O_RDWR; -1: it is kept nowhere  @return 0, -ENOMEM, or the error of a write */
int recovery_report_write(int fd, const struct recovery_report *report);
/* @return 0, -ENOENT (no recovery has ended since the group was started here), -EBADMSG (also while one is
 * being written), -ENOMEM, or an error of the file system */
int recovery_report_read(const char *group, struct recovery_report *report);
void recovery_report_clear(struct recovery_report *report);
/* @param time_s CLOCK_REALTIME  @return buffer, which holds the time in UTC as of ISO 8601 */
const char *recovery_report_time(uint64_t time_s, char buffer[RECOVERY_TIME_MAX]);

#endif
