/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: what is known of a group, how it is found out, and the ways it is shown. */
#ifndef GLR_CMD_STATUS_H
#define GLR_CMD_STATUS_H

#include "cmd.h"
#include "recovery_report.h"

enum facts_source {
	FACTS_NONE,	 /* it runs nowhere, or nobody says more */
	FACTS_MONITOR,	 /* its status monitor, on this node */
	FACTS_ATTRIBUTE, /* the node attribute of another node */
};

struct group_facts {
	char group[256];
	char node[256]; /* empty: it runs nowhere */
	enum facts_source source;
	int error;		    /* why the status monitor does not answer; 0 */
	struct glr_status status;   /* of FACTS_ATTRIBUTE the counts only while recovering */
	char addresses[1024];	    /* separated by commas */
	int64_t locks_v3, locks_v4; /* held now; -1: not looked at */
	bool recovered;
	struct recovery_report last; /* recovery that has ended on this node */
};

#define STATUS_LINE_MAX 800 /* a line with the longest names */

struct groups { /* starts zeroed */
	struct group_facts *all;
	size_t count;
};

/* What was asked for. */
struct status_request {
	struct output out;
	bool cluster;
	unsigned interval_s; /* of --watch; 0: once */
	char *const *names;  /* ended by NULL; none: all groups */
};

/* ---- cmd_status_facts.c: groups on this node ------------------------------------- */

/* @return the facts of one more group, or NULL without memory */
struct group_facts *groups_add(struct groups *groups, const char *group);
struct group_facts *groups_find(const struct groups *groups, const char *group);
void groups_clear(struct groups *groups);
/* Asks the status monitor, the kernel and the runtime directory; facts->error says what came of it.  Locks
 * are not watched: nobody can take one while the kernel writes a page of its table. */
void facts_ask(const struct status_request *request, struct group_facts *facts);
/* Adds the groups of the request, in the order of their names when none was named.  @return 0 or -ENOMEM */
int groups_of_node(const struct status_request *request, struct groups *groups);

/* ---- cmd_status_cluster.c: groups of the cluster --------------------------------- */

/* The same for those that the cluster knows, wherever they run, and others that run here.
 * @return enum cmd_code, already reported */
int groups_of_cluster(struct status_request *request, struct groups *groups);

/* ---- cmd_status_locks.c ------------------------------------------------------------ */

/* Counts the locks of NFS clients on the filesystem of a path.  @return 0, or -errno */
int locks_count(const char *path, int64_t *v3, int64_t *v4);

/* ---- cmd_status_show.c: text and XML ------------------------------------------------- */

/* @return the exit code that the group deserves */
int facts_show(struct output *out, const struct group_facts *facts);
/* The first line of a group.  @return text */
const char *facts_headline(const struct group_facts *facts, char text[STATUS_LINE_MAX]);
/* One line, or an empty text when none has ended.  @return text */
const char *facts_last_recovery(const struct group_facts *facts, char text[STATUS_LINE_MAX]);

/* ---- cmd_status_metrics.c: Prometheus ------------------------------------------------ */

void metrics_print(const struct groups *groups, FILE *out);

/* ---- cmd_status_watch.c --------------------------------------------------------------- */

/* Shows the groups until a signal ends it.  @return enum cmd_code, already reported */
int status_watch(struct status_request *request);

/* ---- cmd_status.c --------------------------------------------------------------------- */

/* Finds out what was asked for.  @return enum cmd_code, already reported */
int status_collect(struct status_request *request, struct groups *groups);

#endif
