/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the monitor writes to the client list, and when: one write at a time, new clients of
 * lockd and nfsd in turn, everything else when nobody waits.
 */
#include "monitor_private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 64

int glr__monitor_new(glr_list_t *list, glr__cookies_t *cookies, const struct glr__monitor_ops *ops,
		     glr__monitor_t **monitor)
{
	glr__monitor_t *m;

	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->list = list;
	m->cookies = cookies;
	m->ops = *ops;
	m->frozen = glr__cookies_frozen(cookies);
	TAILQ_INIT(&m->pending);
	TAILQ_INIT(&m->changes);
	TAILQ_INIT(&m->late);
	*monitor = m;
	return 0;
}

static bool is_beginning(const struct glr__queued_change *change)
{
	return change->kind == GLR__CHANGE_BEGIN || change->kind == GLR__CHANGE_BEGIN_FRESH;
}

/* @param why told to who waits for an epoch to begin; 0: nobody is there any more */
static void drop_changes(glr__monitor_t *m, struct glr__change_queue *queue, int why)
{
	struct glr__queued_change *change;

	while ((change = TAILQ_FIRST(queue))) {
		TAILQ_REMOVE(queue, change, link);
		if (why && is_beginning(change))
			m->ops.begun(m->ops.arg, why);
		free(change);
	}
}

static struct glr__pending *take_pending(glr__monitor_t *m)
{
	struct glr__pending *p = TAILQ_FIRST(&m->pending);

	if (p) {
		TAILQ_REMOVE(&m->pending, p, link);
		m->pending_count--;
	}
	return p;
}

void glr__monitor_free(glr__monitor_t *monitor)
{
	struct glr__pending *p;

	if (!monitor)
		return;
	while ((p = take_pending(monitor)))
		free(p);
	drop_changes(monitor, &monitor->changes, 0);
	drop_changes(monitor, &monitor->late, 0);
	free(monitor->adding);
	free(monitor->changing);
	free(monitor);
}

/* The client is on the list, on disk: the cookie, then the answer. */
void glr__monitor_accept(glr__monitor_t *monitor, uint64_t token, uint32_t xid,
			 const struct glr__cookie *cookie)
{
	int rc;

	rc = glr__cookies_put(monitor->cookies, cookie);
	if (rc) {
		glr_err("client=%s: lockd's cookie cannot be kept: %s; lock refused", cookie->name,
			strerror(-rc));
		glr__monitor_send_result(monitor, token, xid, GLR__NSM_FAIL);
		return;
	}
	glr__monitor_send_result(monitor, token, xid, GLR__NSM_SUCCESS);
	monitor->ops.seen(monitor->ops.arg, cookie->name);
}

static void refuse_pending(glr__monitor_t *m, struct glr__pending *p)
{
	glr__monitor_send_result(m, p->token, p->xid, GLR__NSM_FAIL);
	free(p);
}

static void refuse_all_pending(glr__monitor_t *m)
{
	struct glr__pending *p;

	if (m->adding) {
		refuse_pending(m, m->adding);
		m->adding = NULL;
	}
	while ((p = take_pending(m)))
		refuse_pending(m, p);
}

/* ---- the write path ---------------------------------------------------------- */

void glr__monitor_begin_write(glr__monitor_t *monitor, uint64_t now_ms)
{
	monitor->writing = true;
	monitor->write_began_ms = now_ms;
	monitor->ops.write(monitor->ops.arg, &monitor->op);
}

/* Enlarging and rewriting go on beside the writes; when frozen, only for what nfsd waits for. */
static void start_upkeep(glr__monitor_t *m)
{
	if (m->upkeeping || (m->frozen && !m->v4_waits) || glr__list_prepare_upkeep(m->list, &m->upkeep_op) ||
	    m->upkeep_op.length == 0)
		return;
	m->upkeeping = true;
	m->ops.upkeep(m->ops.arg, &m->upkeep_op);
}

/* @return false: it has to wait for the upkeep */
static bool start_pending(glr__monitor_t *m, struct glr__pending *p, uint64_t now_ms)
{
	int rc;

	if (glr_list_contains(m->list, p->cookie.name)) {
		glr__monitor_accept(m, p->token, p->xid, &p->cookie);
		free(p);
		return true;
	}
	rc = glr__list_prepare_add(m->list, p->cookie.name, &p->address, &m->op);
	if (rc == -EAGAIN) {
		TAILQ_INSERT_HEAD(&m->pending, p, link);
		m->pending_count++;
		return false;
	}
	if (rc) {
		glr_err("client=%s: client list: %s; lock refused", p->cookie.name, strerror(-rc));
		refuse_pending(m, p);
		return true;
	}
	m->adding = p;
	glr__monitor_begin_write(m, now_ms);
	return true;
}

static int prepare_change(glr__monitor_t *m, const struct glr__queued_change *change)
{
	struct glr_address address;

	if (is_beginning(change))
		return glr__list_prepare_begin(m->list, change->kind == GLR__CHANGE_BEGIN_FRESH, &m->op);
	if (change->kind == GLR__CHANGE_END)
		return glr__list_prepare_end(m->list, &m->op);
	if (glr__cookies_seen(m->cookies, change->name))
		return -ECANCELED;
	if (change->kind == GLR__CHANGE_ADD)
		return glr_address_parse(change->name, &address)
			       ? -ECANCELED
			       : glr__list_prepare_add(m->list, change->name, &address, &m->op);
	if (change->kind == GLR__CHANGE_MISSED)
		return glr__list_prepare_missed(m->list, change->name, &m->op);
	/* An earlier lockd of this namespace may still know it, and never say SM_MON again. */
	if (glr__cookies_find(m->cookies, change->name))
		return -ECANCELED;
	return glr__list_prepare_remove(m->list, change->name, &m->op);
}

static bool start_change(glr__monitor_t *m, struct glr__queued_change *change, uint64_t now_ms)
{
	bool begins = is_beginning(change);
	int rc;

	rc = prepare_change(m, change);
	if (rc == -EAGAIN) {
		TAILQ_INSERT_HEAD(&m->changes, change, link);
		return false;
	}
	if (rc) {
		free(change);
		if (begins)
			m->ops.begun(m->ops.arg, rc);
		if (rc == -ENOENT || rc == -ECANCELED)
			return true;
		glr_err("client list: changes are not written: %s", strerror(-rc));
		m->changes_error = rc;
		drop_changes(m, &m->changes, rc);
		return true;
	}
	m->changing = change;
	glr__monitor_begin_write(m, now_ms);
	return true;
}

/* @return false: nothing can be started now */
static bool start_one(glr__monitor_t *m, uint64_t now_ms)
{
	struct glr__queued_change *change;
	struct glr__pending *p;

	/* The switch of a rewriting is short, and nobody can wait for it for ever. */
	if (!glr__list_prepare_switch(m->list, &m->op) && m->op.length > 0) {
		glr__monitor_begin_write(m, now_ms);
		return true;
	}
	p = m->v4_waits && !m->v4_was_last ? NULL : take_pending(m);
	if (p) {
		m->v4_was_last = false;
		return start_pending(m, p, now_ms);
	}
	if (m->v4_waits)
		return glr__monitor_start_v4(m, now_ms);
	change = TAILQ_FIRST(&m->changes);
	if (!change)
		return false;
	TAILQ_REMOVE(&m->changes, change, link);
	return start_change(m, change, now_ms);
}

void glr__monitor_start_next(glr__monitor_t *monitor, uint64_t now_ms)
{
	start_upkeep(monitor);
	while (!monitor->writing && start_one(monitor, now_ms))
		;
	/* What could not be written for want of room may have asked for it. */
	start_upkeep(monitor);
}

/* The list must not be called before the write has come back, not even to find out that there is nothing to
 * write: an operation without bytes goes the same way. */
void glr__monitor_written(glr__monitor_t *monitor, int result, uint64_t now_ms)
{
	bool v4 = monitor->v4_writing, begun = monitor->changing && is_beginning(monitor->changing);
	struct glr__pending *p = monitor->adding;
	int rc;

	monitor->adding = NULL;
	monitor->writing = monitor->v4_writing = false;
	rc = glr__list_commit(monitor->list, result);
	if (rc)
		glr_err("client list: write failed: %s; new clients are refused from now on", strerror(-rc));
	else if (monitor->stuck)
		glr_notice("client list: the write came back after %llu ms",
			   (unsigned long long)(now_ms - monitor->write_began_ms));
	monitor->stuck = false;
	if (rc && monitor->changing)
		monitor->changes_error = rc;
	free(monitor->changing);
	monitor->changing = NULL;
	if (p && rc)
		glr__monitor_send_result(monitor, p->token, p->xid, GLR__NSM_FAIL);
	else if (p)
		glr__monitor_accept(monitor, p->token, p->xid, &p->cookie);
	free(p);
	if (v4)
		monitor->ops.v4_done(monitor->ops.arg, rc);
	if (begun)
		monitor->ops.begun(monitor->ops.arg, rc);
	glr__monitor_start_next(monitor, now_ms);
}

void glr__monitor_upkept(glr__monitor_t *monitor, int result, uint64_t now_ms)
{
	int rc;

	monitor->upkeeping = false;
	rc = glr__list_upkeep_done(monitor->list, result);
	if (rc)
		glr_err("client list: rewriting failed: %s; new clients are refused from now on",
			strerror(-rc));
	glr__monitor_start_next(monitor, now_ms);
}

static int queue_change(struct glr__change_queue *queue, enum glr__change kind, const char *name,
			uint64_t due_ms)
{
	struct glr__queued_change *change;

	change = calloc(1, sizeof(*change));
	if (!change)
		return -ENOMEM;
	change->kind = kind;
	change->due_ms = due_ms;
	if (name)
		memcpy(change->name, name, strnlen(name, sizeof(change->name) - 1));
	TAILQ_INSERT_TAIL(queue, change, link);
	return 0;
}

int glr__monitor_change(glr__monitor_t *monitor, enum glr__change kind, const char *name, uint64_t now_ms)
{
	int rc;

	if (monitor->frozen)
		return -EPERM;
	if (glr__monitor_settled(monitor, &rc))
		monitor->changes_error = 0;
	rc = queue_change(&monitor->changes, kind, name, now_ms);
	if (!rc)
		glr__monitor_start_next(monitor, now_ms);
	return rc;
}

bool glr__monitor_knows(const glr__monitor_t *monitor, const char *name)
{
	if (monitor->changing && !strcmp(monitor->changing->name, name))
		return false;
	return glr_list_contains(monitor->list, name);
}

int glr__monitor_queue_add(glr__monitor_t *monitor, struct glr__pending *pending, uint64_t now_ms)
{
	if (monitor->stuck)
		return -EBUSY;
	if (monitor->pending_count >= PENDING_MAX)
		return -ENOBUFS;
	pending->deadline_ms = now_ms + GLR__SYNC_DEADLINE_MS;
	TAILQ_INSERT_TAIL(&monitor->pending, pending, link);
	monitor->pending_count++;
	glr__monitor_start_next(monitor, now_ms);
	return 0;
}

int glr__monitor_queue_unmon(glr__monitor_t *monitor, const char *name, uint64_t now_ms)
{
	return queue_change(&monitor->late, GLR__CHANGE_REMOVE, name, now_ms + GLR__UNMON_DELAY_MS);
}

/* ---- time ------------------------------------------------------------------------ */

static unsigned sooner(unsigned next_ms, uint64_t when_ms, uint64_t now_ms)
{
	uint64_t left = when_ms > now_ms ? when_ms - now_ms : 0;

	return left < next_ms ? (unsigned)left : next_ms;
}

unsigned glr__monitor_tick(glr__monitor_t *monitor, uint64_t now_ms)
{
	unsigned next_ms = UINT_MAX;
	struct glr__pending *p;
	struct glr__queued_change *change;

	if (monitor->writing && !monitor->stuck &&
	    now_ms - monitor->write_began_ms >= GLR__SYNC_DEADLINE_MS) {
		monitor->stuck = true;
		glr_err("client list: a write takes longer than %d ms; new clients are refused until it "
			"returns",
			GLR__SYNC_DEADLINE_MS);
		refuse_all_pending(monitor);
	}
	/* One that waited for others may have little time left for its own write. */
	if (monitor->adding && monitor->adding->deadline_ms <= now_ms) {
		refuse_pending(monitor, monitor->adding);
		monitor->adding = NULL;
	}
	while ((p = TAILQ_FIRST(&monitor->pending)) && p->deadline_ms <= now_ms)
		refuse_pending(monitor, take_pending(monitor));
	while ((change = TAILQ_FIRST(&monitor->late)) && change->due_ms <= now_ms) {
		TAILQ_REMOVE(&monitor->late, change, link);
		TAILQ_INSERT_TAIL(&monitor->changes, change, link);
	}
	glr__monitor_start_next(monitor, now_ms);

	p = TAILQ_FIRST(&monitor->pending);
	if (monitor->writing && !monitor->stuck)
		next_ms = sooner(next_ms, monitor->write_began_ms + GLR__SYNC_DEADLINE_MS, now_ms);
	if (monitor->adding)
		next_ms = sooner(next_ms, monitor->adding->deadline_ms, now_ms);
	if (p)
		next_ms = sooner(next_ms, p->deadline_ms, now_ms);
	if (change)
		next_ms = sooner(next_ms, change->due_ms, now_ms);
	return next_ms;
}

void glr__monitor_freeze(glr__monitor_t *monitor)
{
	monitor->frozen = true;
	monitor->changes_error = -EPERM;
	refuse_all_pending(monitor);
	drop_changes(monitor, &monitor->changes, -EPERM);
	drop_changes(monitor, &monitor->late, -EPERM);
}
