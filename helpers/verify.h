/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks of verify share. */
#ifndef GLR_VERIFY_H
#define GLR_VERIFY_H

#include "cmd.h"

#include <limits.h>

enum verify_level { VERIFY_OK, VERIFY_WARNING, VERIFY_ERROR };

struct verify {
	struct output out;
	enum verify_level worst;
	bool repair;
	int code; /* of what could not be done */
};

/* One group's files on this node. */
struct verify_place {
	const char *group; /* empty when only a directory was given */
	const char *directory;
	char state_dir[PATH_MAX];
	char exports_file[PATH_MAX];
	const char *exports; /* lines of exports(5) from the cluster, or NULL */
};

/* ---- cmd_verify.c -------------------------------------------------------------- */

/* Reports one check.  @param what it looked at: a group, a directory, or "node" */
void verify_report(struct verify *verify, enum verify_level level, const char *what, const char *check,
		   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- verify_cluster.c, verify_link.c ------------------------------------------------ */

void verify_cluster(struct verify *verify, const struct glr_cluster *cluster);
void verify_devices(struct verify *verify, const struct glr_cluster *cluster,
		    const struct glr_cluster_group *group);
void verify_link(struct verify *verify, const struct glr_cluster *cluster,
		 const struct glr_cluster_group *group);

/* ---- verify_list.c, verify_exports.c --------------------------------------------- */

void verify_list(struct verify *verify, const struct verify_place *place);
/* Makes a damaged list whole, and keeps a copy of what was there.  @return enum cmd_code, already reported */
int verify_repair(struct verify *verify, const struct verify_place *place);
void verify_exports(struct verify *verify, const struct verify_place *place);

#endif
