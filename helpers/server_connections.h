/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clients' TCP connections: written down while they last, woken after a crash. */
#ifndef GLR_SERVER_CONNECTIONS_H
#define GLR_SERVER_CONNECTIONS_H

#include "connections.h"

#include <qb/qbloop.h>

#define CONNECTIONS_FILE "connections" /* in the state directory */
#define CONNECTIONS_MAX 16384

struct connections {
	int directory;
	struct connection *all, *spare; /* sorted; CONNECTIONS_MAX each */
	size_t count;
	bool stale;   /* the file is not what we know */
	bool warned;  /* that it cannot be written */
	pid_t writer; /* may wait for its disk forever */
	unsigned round;
	size_t next, sent; /* in this round */
	qb_loop_t *loop;
	qb_loop_timer_handle timer;
};

/* Reads what the last server wrote; none is no error.  @return 0 or -errno */
int connections_open(struct connections *connections, const char *state_dir);
/* The group is open: wakes the clients of its last server, and from then on writes down which connections
 * there are.  Called inside; waits for nobody. */
void connections_begin(struct connections *connections, qb_loop_t *loop);
/* The group closes, and its gate is closed: what there is now is written down for the last time. */
void connections_end(struct connections *connections);
/* Waits for the last write, but not for a disk that hangs.  Its writer ends with the process. */
void connections_close(struct connections *connections);
/* A child has ended.  @return whether it was ours */
bool connections_written(struct connections *connections, pid_t pid, int status);

#endif
