/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A notification by hand: the loop, its end, and what is seen of it meanwhile. */
#include "notify_run.h"
#include "notify_sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 100 /* bar and grace period */
#define LINE_MS 1000
#define BAR_WIDTH 40

struct running {
	struct notify_run *run;
	qb_loop_t *loop;
	struct notify_sockets *sockets;
	struct statd_timer timer;
	uint64_t began_ms, shown_ms;
};

static size_t settled(const struct notify_run *run)
{
	return run->counts.acknowledged + run->counts.unaddressed;
}

/* ---- progress ----------------------------------------------------------------------- */

static void show_bar(const struct notify_run *run)
{
	size_t clients = run->counts.clients ? run->counts.clients : 1;
	int filled = (int)(run->counts.acknowledged * BAR_WIDTH / clients);

	printf("\r[");
	for (int i = 0; i < BAR_WIDTH; i++)
		putchar(i < filled ? '#' : '-');
	printf("] %zu of %zu\033[K", run->counts.acknowledged, run->counts.clients);
	fflush(stdout);
}

static void show_progress(struct running *r, uint64_t now_ms)
{
	const struct notify_run *run = r->run;

	if (run->display == NOTIFY_BAR)
		show_bar(run);
	if (run->display != NOTIFY_LINES || now_ms - r->shown_ms < LINE_MS)
		return;
	r->shown_ms = now_ms;
	printf("%" PRIu64 " s: %zu of %zu clients have acknowledged\n", (now_ms - r->began_ms) / 1000,
	       run->counts.acknowledged, run->counts.clients);
	fflush(stdout);
}

/* ---- the window --------------------------------------------------------------------- */

static void worked(void *arg)
{
	struct running *r = arg;

	glr__notify_get_counts(notify_sockets_engine(r->sockets), &r->run->counts);
	if (settled(r->run) == r->run->counts.clients)
		qb_loop_stop(r->loop);
}

static void tick(void *arg)
{
	struct running *r = arg;
	uint64_t now_ms = glr__now_ms();

	show_progress(r, now_ms);
	statd_timer_set(&r->timer, TICK_MS);
	/* An error tells nothing; the window then ends it. */
	if (r->run->in_grace && glr__grace_active(-1) == 0) {
		r->run->grace_ended = true;
		qb_loop_stop(r->loop);
	}
	if (now_ms >= r->run->window->notify_end_ms)
		qb_loop_stop(r->loop);
}

static int add_targets(struct running *r)
{
	glr__notify_t *engine = notify_sockets_engine(r->sockets);
	int rc = 0;

	for (size_t i = 0; i < r->run->targets->count && !rc; i++)
		rc = glr__notify_add(engine, r->run->targets->all[i].name, &r->run->targets->all[i].address);
	return rc;
}

static void judge(struct running *r)
{
	const struct notify_targets *targets = r->run->targets;
	const glr__notify_t *engine = notify_sockets_engine(r->sockets);

	for (size_t i = 0; i < targets->count; i++) {
		struct notify_target *target = &targets->all[i];

		if (!glr__notify_addressed(engine, target->name))
			target->outcome = NOTIFY_UNADDRESSED;
		else if (glr__notify_progress(engine, target->name) == GLR__ACKNOWLEDGED)
			target->outcome = NOTIFY_ACKNOWLEDGED;
		else
			target->outcome = NOTIFY_SILENT;
	}
}

static void loop_until_done(struct running *r)
{
	statd_timer_init(&r->timer, r->loop, tick, r);
	r->began_ms = r->shown_ms = glr__now_ms();
	statd_timer_set(&r->timer, 0);
	notify_sockets_start(r->sockets);
	qb_loop_run(r->loop);
	statd_timer_set(&r->timer, UINT_MAX);
	r->run->took_ms = glr__now_ms() - r->began_ms;
	if (r->run->display == NOTIFY_BAR) {
		show_bar(r->run);
		putchar('\n');
	}
}

int notify_run(struct notify_run *run)
{
	struct running r = {.run = run};
	const struct notify_sockets_ops ops = {.worked = worked, .arg = &r};
	int rc = -ENOMEM;

	r.loop = qb_loop_create();
	if (!r.loop)
		goto out;
	rc = notify_sockets_new(r.loop, run->window, run->state, &ops, &r.sockets);
	if (rc)
		goto out;
	rc = add_targets(&r);
	if (rc)
		goto out;
	loop_until_done(&r);
	judge(&r);
out:
	notify_sockets_free(r.sockets);
	if (r.loop)
		qb_loop_destroy(r.loop);
	return rc;
}
