/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of the list that nfsd waits for.  It asks one question after the other, and takes turns with lockd.
 */
#include "monitor_private.h"

#include <errno.h>

static int prepare(glr__monitor_t *m)
{
	switch (m->v4_change) {
	case GLR__V4_ADD:
		return glr__list_prepare_v4_add(m->list, &m->v4_client, &m->op);
	case GLR__V4_WATCH:
		return glr__list_prepare_v4_watch(m->list, &m->v4_client, &m->op);
	case GLR__V4_REMOVE:
		return glr__list_prepare_v4_remove(m->list, &m->v4_client, &m->op);
	case GLR__V4_GRACE_BEGIN:
		return glr__list_prepare_v4_grace_begin(m->list, &m->op);
	case GLR__V4_GRACE_DONE:
		return glr__list_prepare_v4_grace_done(m->list, &m->op);
	}
	return -EINVAL;
}

bool glr__monitor_start_v4(glr__monitor_t *monitor, uint64_t now_ms)
{
	int rc = prepare(monitor);

	if (rc == -EAGAIN)
		return false;
	monitor->v4_waits = false;
	monitor->v4_was_last = true;
	if (rc) {
		monitor->ops.v4_done(monitor->ops.arg, rc);
		return true;
	}
	monitor->v4_writing = true;
	glr__monitor_begin_write(monitor, now_ms);
	return true;
}

int glr__monitor_v4(glr__monitor_t *monitor, enum glr__v4_change change, const struct glr__v4_client *client,
		    uint64_t now_ms)
{
	if (monitor->v4_waits || monitor->v4_writing)
		return -EBUSY;
	monitor->v4_change = change;
	if (client)
		monitor->v4_client = *client;
	monitor->v4_waits = true;
	glr__monitor_start_next(monitor, now_ms);
	return 0;
}
