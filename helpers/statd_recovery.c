/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Epochs, and the window of a recovery. */
#include "statd.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 250

struct statd_recovery {
	struct statd *statd;
	struct statd_timer timer;
	enum glr_phase phase;
	bool fresh;   /* of the last begin in this process */
	bool resumed; /* in the window of a monitor that died */
	uint64_t began_ms, grace_end_ms, notify_end_ms;
	struct statd_notify *notify; /* NULL outside the window */
	struct glr__notify_counts counts;
};

/* ---- the end of the window --------------------------------------------------------- */

static void drop_engine(struct statd_recovery *r)
{
	if (!r->notify)
		return;
	glr__notify_get_counts(statd_notify_engine(r->notify), &r->counts);
	statd_notify_free(r->notify);
	r->notify = NULL;
}

/* @param whole_window the window ran to its end, not cut short by the end of grace */
static void finish(struct statd_recovery *r, bool whole_window, bool by_hand)
{
	const struct statd_ending ending = {
		.engine = r->notify ? statd_notify_engine(r->notify) : NULL,
		.began_ms = r->began_ms,
		.whole_window = whole_window,
		.by_hand = by_hand,
		.fresh = r->fresh,
		.resumed = r->resumed,
	};

	statd_ending(r->statd, &ending);
	drop_engine(r);
}

/* ---- the window ---------------------------------------------------------------------- */

static bool grace_is_over(const struct statd_recovery *r)
{
	int fd = r->statd->grace_fd;

	/* An error tells nothing; the clock then decides. */
	return glr__now_ms() >= r->grace_end_ms || (fd >= 0 && !glr__grace_active(fd));
}

/* What a monitor that is restarted finds: 0 before a recovery, a time in the past after it. */
static int set_window(struct statd_recovery *r, uint64_t end_ms)
{
	const struct glr__window window = {
		.notify_end_ms = end_ms, .grace_end_ms = end_ms, .fresh = r->fresh};

	return glr__cookies_set_window(r->statd->cookies, &window);
}

static void begin_serving(struct statd_recovery *r)
{
	int rc = set_window(r, glr__now_ms());

	if (rc)
		glr_warn("the end of grace cannot be kept for a restart: %s", strerror(-rc));
	r->phase = GLR_PHASE_SERVING;
	statd_timer_set(&r->timer, UINT_MAX);
}

static void poll_window(void *arg)
{
	struct statd_recovery *r = arg;
	bool over = grace_is_over(r), window_over = glr__now_ms() >= r->notify_end_ms;

	if (r->notify && (over || window_over))
		finish(r, window_over, false);
	if (over) {
		glr_notice("NFSv3: grace is over");
		begin_serving(r);
		return;
	}
	statd_timer_set(&r->timer, POLL_MS);
}

void statd_recovery_notified(struct statd_recovery *recovery)
{
	if (recovery->notify)
		glr__notify_get_counts(statd_notify_engine(recovery->notify), &recovery->counts);
}

static int start_engine(struct statd_recovery *r, const struct glr__window *window)
{
	struct glr_list_facts facts;
	uint64_t now_ms = glr__now_ms();
	int rc;

	glr_list_get_facts(r->statd->list, &facts);
	rc = statd_notify_new(r->statd, window, facts.nsm_state, &r->notify);
	if (rc)
		return rc;
	glr__notify_get_counts(statd_notify_engine(r->notify), &r->counts);
	r->began_ms = now_ms;
	r->fresh = window->fresh;
	glr_notice("recovery %s: %zu clients are told to reclaim from %s, for %" PRIu64 " s (epoch %" PRIu64
		   ", NSM state %" PRIu32 ")",
		   r->resumed ? "goes on" : "begins", r->counts.clients, window->identifiers,
		   window->notify_end_ms > now_ms ? (window->notify_end_ms - now_ms + 500) / 1000 : 0,
		   facts.epoch, facts.nsm_state);
	statd_notify_start(r->notify);
	return 0;
}

void statd_recovery_resume(struct statd_recovery *recovery)
{
	const struct glr__window *kept = glr__cookies_window(recovery->statd->cookies);
	struct glr__window window;
	struct glr_list_facts facts;
	int rc = 0;

	if (glr__cookies_frozen(recovery->statd->cookies)) {
		recovery->phase = GLR_PHASE_CLOSED;
		return;
	}
	if (!kept || !kept->grace_end_ms)
		return;
	window = *kept;
	glr_list_get_facts(recovery->statd->list, &facts);
	recovery->grace_end_ms = window.grace_end_ms;
	recovery->notify_end_ms = window.notify_end_ms;
	recovery->phase = GLR_PHASE_SERVING;
	recovery->counts.told = recovery->counts.acknowledged =
		glr__cookies_count_acknowledged(recovery->statd->cookies);
	/* Before anything is sent: grace may have ended while nobody looked. */
	if (grace_is_over(recovery))
		window.notify_end_ms = 0;
	if (!window.notify_end_ms && facts.recovery_ended)
		return;
	recovery->phase = GLR_PHASE_RECOVERING;
	recovery->resumed = true;
	statd_timer_set(&recovery->timer, window.notify_end_ms ? POLL_MS : 0);
	/* Also when nobody may be told any more: its end is still to be written down. */
	if (!facts.recovery_ended)
		rc = start_engine(recovery, &window);
	if (rc)
		glr_err("recovery cannot go on: %s", strerror(-rc));
}

/* ---- verbs ---------------------------------------------------------------------------- */

int statd_recovery_begin(struct statd_recovery *recovery, bool fresh, const char **why)
{
	int rc;

	*why = "the group is closed";
	if (recovery->phase == GLR_PHASE_CLOSED)
		return -EPERM;
	*why = "an epoch is being begun, or a write to the client list does not come back";
	if (recovery->statd->beginning || !glr__monitor_durable(recovery->statd->monitor))
		return -EBUSY;
	drop_engine(recovery);
	statd_timer_set(&recovery->timer, UINT_MAX);
	memset(&recovery->counts, 0, sizeof(recovery->counts));
	recovery->began_ms = glr__now_ms();
	recovery->resumed = false;
	recovery->fresh = fresh;
	recovery->phase = GLR_PHASE_PREPARED;
	*why = "the end of an earlier recovery cannot be kept";
	rc = set_window(recovery, 0);
	if (rc)
		return rc;
	*why = "the new epoch cannot be written to the client list";
	recovery->statd->beginning = true;
	return glr__monitor_change(recovery->statd->monitor,
				   fresh ? GLR__CHANGE_BEGIN_FRESH : GLR__CHANGE_BEGIN, NULL, glr__now_ms());
}

int statd_recovery_recover(struct statd_recovery *recovery, const struct glr__window *window,
			   const char **why)
{
	struct glr__window recorded = *window;
	struct glr_list_facts facts;
	int rc;

	*why = "no epoch was begun, or its recovery was";
	glr_list_get_facts(recovery->statd->list, &facts);
	if (recovery->phase != GLR_PHASE_PREPARED || recovery->statd->beginning || facts.nsm_state % 2 == 0)
		return -EPERM;
	recovery->grace_end_ms = window->grace_end_ms;
	*why = "lockd is not in its grace period, and who is told to reclaim outside of it loses its locks";
	if (grace_is_over(recovery))
		return -EPERM;
	if (recorded.notify_end_ms > recorded.grace_end_ms)
		recorded.notify_end_ms = recorded.grace_end_ms;
	recorded.fresh = recovery->fresh;
	recovery->notify_end_ms = recorded.notify_end_ms;
	*why = "the window cannot be kept for a restart";
	rc = glr__cookies_set_window(recovery->statd->cookies, &recorded);
	if (rc)
		return rc;
	*why = "identifiers or names are not what they should be";
	rc = start_engine(recovery, &recorded);
	if (rc)
		return rc;
	recovery->phase = GLR_PHASE_RECOVERING;
	statd_timer_set(&recovery->timer, POLL_MS);
	return 0;
}

int statd_recovery_end_grace(struct statd_recovery *recovery, const char **why)
{
	*why = "the group is closed";
	if (recovery->phase == GLR_PHASE_CLOSED)
		return -EPERM;
	if (recovery->notify || recovery->phase == GLR_PHASE_PREPARED)
		finish(recovery, false, true);
	begin_serving(recovery);
	return 0;
}

/* The grace period is not over for who has not come back: nobody is judged, the next epoch tells them. */
int statd_recovery_freeze(struct statd_recovery *recovery, const char **why)
{
	int rc;

	drop_engine(recovery);
	statd_timer_set(&recovery->timer, UINT_MAX);
	recovery->phase = GLR_PHASE_CLOSED;
	glr__monitor_freeze(recovery->statd->monitor);
	statd_listen_refuse(recovery->statd->listen);
	*why = "frozen, but that cannot be kept for a restart";
	rc = glr__cookies_set_frozen(recovery->statd->cookies, true);
	if (!rc)
		rc = set_window(recovery, 0);
	glr_info("the client list is frozen");
	return rc;
}

/* ---- what others see --------------------------------------------------------------------- */

enum glr_phase statd_recovery_phase(const struct statd_recovery *recovery)
{
	return recovery->phase;
}

uint64_t statd_recovery_grace_left_ms(const struct statd_recovery *recovery)
{
	uint64_t now_ms = glr__now_ms();
	bool left = recovery->phase == GLR_PHASE_RECOVERING && recovery->grace_end_ms > now_ms;

	return left ? recovery->grace_end_ms - now_ms : 0;
}

void statd_recovery_counts(const struct statd_recovery *recovery, struct glr__notify_counts *counts)
{
	*counts = recovery->counts;
}

const char *statd_recovery_progress(const struct statd_recovery *recovery,
				    const struct glr_list_client *client)
{
	static const char *const texts[] = {
		[GLR__WAITING] = "waiting",
		[GLR__SENT] = "sent",
		[GLR__ACKNOWLEDGED] = "acknowledged",
	};
	int progress = -ENOENT;

	if (client->missed)
		return "missed";
	if (glr__cookies_seen(recovery->statd->cookies, client->name))
		return "seen";
	if (recovery->notify)
		progress = glr__notify_progress(statd_notify_engine(recovery->notify), client->name);
	return progress < 0 ? "listed" : texts[progress];
}

int statd_recovery_new(struct statd *statd, struct statd_recovery **recovery)
{
	struct statd_recovery *r;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->statd = statd;
	r->phase = GLR_PHASE_PREPARED;
	statd_timer_init(&r->timer, statd->loop, poll_window, r);
	*recovery = r;
	return 0;
}

void statd_recovery_free(struct statd_recovery *recovery)
{
	if (!recovery)
		return;
	statd_timer_set(&recovery->timer, UINT_MAX);
	statd_notify_free(recovery->notify);
	free(recovery);
}
