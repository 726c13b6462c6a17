/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pacing of the notification engine, in constant time per packet.
 *
 * Each socket, and TCP from each identifier, is a lane with a limit of packets
 * in flight.  An answer makes room at once, silence after hold_ms: silent clients
 * cost the others a bounded rate, never their turn.  An identifier whose socket
 * takes nothing holds up no other.  After a packet a timer runs, doubled at every try.
 *
 * Who is told comes back to lockd at once, and lockd's queues are short: of connections 64, of datagrams
 * some 64 KiB.  What does not fit is lost, and its sender waits for seconds before it tries again, so that
 * the recovery of thousands would be over sooner had they been told later.  Therefore only so many are on
 * their way at a time.  Not all who are told come back: whoever was told before one that did is no longer
 * waited for, and while nobody comes, twice as many are told each time.
 */
#include "notify_private.h"

#include <errno.h>
#include <stdlib.h>

#define BACKOFF_FIRST_MS 500 /* then 1, 2, 4 and 8 s */
#define BLOCKED_MS 5

/* A default receive buffer (212992 bytes) holds more than 128 small answers, should nobody read them. */
#define UDP_LIMIT 128
#define UDP_HOLD_MS 20

/* In lockd's queue.  The largest buffers that hold a request each are counted as 2304 bytes: twice as many
 * fit. */
#define RETURNS_LIMIT 14
#define RETURNS_UNDER_WAY_MAX 4096
/* How long nobody comes before more are told: so many times what one took lately. */
#define RETURNS_PATIENCE 8
#define RETURNS_FIRST_WAIT_MS 40 /* lockd and what it asks have just begun */
#define RETURNS_WAIT_MS 30
#define RETURNS_WAIT_MAX_MS 400
/* Of the window: then all have been told, and have time left to come back. */
#define RETURNS_SHARE_OF_8 7

static void leave_queue(struct notify_task *task)
{
	if (!task->queue)
		return;
	TAILQ_REMOVE(&task->queue->tasks, task, queue_link);
	task->queue->length--;
	task->queue = NULL;
}

static void enter_queue(struct notify_task *task, struct notify_queue *queue)
{
	leave_queue(task);
	TAILQ_INSERT_TAIL(&queue->tasks, task, queue_link);
	queue->length++;
	task->queue = queue;
}

static void leave_window(struct notify_task *task)
{
	if (!task->window)
		return;
	TAILQ_REMOVE(&task->window->tasks, task, window_link);
	task->window->length--;
	task->window = NULL;
}

static void enter_window(struct notify_task *task, struct notify_queue *window)
{
	leave_window(task);
	TAILQ_INSERT_TAIL(&window->tasks, task, window_link);
	window->length++;
	task->window = window;
}

static void init_lane(struct notify_lane *lane, size_t limit, uint64_t hold_ms)
{
	lane->limit = limit;
	lane->hold_ms = hold_ms;
	TAILQ_INIT(&lane->window.tasks);
	for (int i = 0; i < NOTIFY_READINESSES; i++)
		TAILQ_INIT(&lane->ready[i].tasks);
}

static struct notify_lane *lane_of(const struct notify_pace *pace, const struct notify_task *task, bool tcp)
{
	return &pace->lanes[2 * task->identifier + tcp];
}

int glr__notify_pace_init(struct notify_pace *pace, size_t identifier_count)
{
	size_t tcp_limit = GLR__NOTIFY_TCP_LIMIT / identifier_count;

	memset(pace, 0, sizeof(*pace));
	pace->lanes = calloc(2 * identifier_count, sizeof(*pace->lanes));
	if (!pace->lanes)
		return -ENOMEM;
	pace->lane_count = 2 * identifier_count;
	for (size_t i = 0; i < pace->lane_count; i += 2) {
		init_lane(&pace->lanes[i], UDP_LIMIT, UDP_HOLD_MS);
		init_lane(&pace->lanes[i + 1], tcp_limit ? tcp_limit : 1, GLR__NOTIFY_TCP_MS);
	}
	for (int i = 0; i < NOTIFY_BACKOFF_LEVELS; i++)
		TAILQ_INIT(&pace->timers[i].tasks);
	return 0;
}

void glr__notify_pace_fini(struct notify_pace *pace)
{
	free(pace->lanes);
}

void glr__notify_pace_ready(struct notify_pace *pace, struct notify_task *task,
			    enum notify_readiness readiness)
{
	leave_window(task);
	enter_queue(task, &lane_of(pace, task, task->tcp)->ready[readiness]);
}

static struct notify_task *first_ready(const struct notify_pace *pace, const struct notify_lane *lane)
{
	for (int i = 0; i < NOTIFY_READINESSES; i++) {
		if (lane->ready[i].length && !(i == NOTIFY_TELLING && pace->returns.held))
			return TAILQ_FIRST(&lane->ready[i].tasks);
	}
	return NULL;
}

struct notify_task *glr__notify_pace_next(struct notify_pace *pace)
{
	struct notify_task *task = NULL;

	for (size_t i = 0; i < pace->lane_count && !task; i++) {
		const struct notify_lane *lane = &pace->lanes[i];

		if (!lane->blocked && lane->window.length < lane->limit)
			task = first_ready(pace, lane);
	}
	return task;
}

/* Tasks of one timer queue wait equally long, and so do those of one window: first in, first out. */
void glr__notify_pace_sent(struct notify_pace *pace, struct notify_task *task, uint64_t now_ms)
{
	unsigned level = task->tries < NOTIFY_BACKOFF_LEVELS ? task->tries : NOTIFY_BACKOFF_LEVELS - 1;
	struct notify_lane *lane = lane_of(pace, task, task->tcp);

	task->hold_ms = now_ms + lane->hold_ms;
	enter_window(task, &lane->window);
	task->due_ms = now_ms + ((uint64_t)BACKOFF_FIRST_MS << level);
	enter_queue(task, &pace->timers[level]);
}

/* ---- clients on their way to lockd ------------------------------------------- */

void glr__notify_pace_await(struct notify_pace *pace, uint64_t end_ms)
{
	pace->returns.awaited = true;
	pace->returns.limit = RETURNS_LIMIT;
	pace->returns.wait_ms = RETURNS_FIRST_WAIT_MS;
	pace->returns.fastest_ms = UINT64_MAX;
	pace->returns.end_ms = end_ms;
}

static uint64_t clamp(uint64_t value, uint64_t min, uint64_t max)
{
	return value < min ? min : value > max ? max : value;
}

/* However slow lockd is: who is not told believes that it still has its locks. */
static uint64_t latest_ms(const struct notify_returns *r)
{
	uint64_t span_ms = (r->end_ms - r->began_ms) * RETURNS_SHARE_OF_8 / 8;

	return r->began_ms + (r->told + 1) * span_ms / r->clients;
}

static bool must_wait(const struct notify_returns *r, uint64_t now_ms)
{
	return r->told - r->back >= r->limit && now_ms < latest_ms(r);
}

/* Silence is what is long for this lockd.  @return whether somebody came since the last look */
static bool look(struct notify_returns *r, uint64_t now_ms)
{
	uint64_t done = r->back - r->seen, took_ms = now_ms - r->looked_ms;

	if (done && took_ms) {
		r->wait_ms = clamp(RETURNS_PATIENCE * took_ms / done + 2 * r->fastest_ms, RETURNS_WAIT_MS,
				   RETURNS_WAIT_MAX_MS);
		r->under_way = clamp(r->came * r->fastest_ms / took_ms, 0, RETURNS_UNDER_WAY_MAX);
	}
	r->looked_ms = now_ms;
	r->seen = r->back;
	r->came = 0;
	return done;
}

/* It may know us by another identifier, and come only then. */
static void tell_the_rest(const struct notify_pace *pace, struct notify_client *client)
{
	for (size_t i = 0; i < client->task_count; i++) {
		struct notify_task *task = &client->tasks[i];
		struct notify_lane *lane = lane_of(pace, task, task->tcp);

		if (task->queue == &lane->ready[NOTIFY_TELLING])
			enter_queue(task, &lane->ready[NOTIFY_FOLLOWING]);
	}
}

void glr__notify_pace_told(struct notify_pace *pace, struct notify_client *client, uint64_t now_ms)
{
	struct notify_returns *r = &pace->returns;

	if (!r->awaited || client->told)
		return;
	if (!r->told)
		r->began_ms = r->looked_ms = now_ms;
	client->told = ++r->told;
	client->told_ms = now_ms;
	r->held = must_wait(r, now_ms);
	tell_the_rest(pace, client);
	/* The first who has to wait, not one that is told because it is the latest time for it. */
	if (r->told - r->back == r->limit)
		look(r, now_ms);
}

/* Several at a time, so that one pass of the sockets is for many. */
bool glr__notify_pace_back(struct notify_pace *pace, const struct notify_client *client, uint64_t now_ms)
{
	struct notify_returns *r = &pace->returns;

	r->came += client->told > 0;
	if (client->told <= r->back)
		return false;
	if (now_ms - client->told_ms < r->fastest_ms)
		r->fastest_ms = now_ms - client->told_ms;
	/* A jump would reach lockd as one. */
	if (r->limit++ >= RETURNS_LIMIT + r->under_way)
		r->limit = RETURNS_LIMIT + r->under_way;
	r->back = client->told;
	if (!r->held || r->told - r->back > r->limit - RETURNS_LIMIT / 2)
		return false;
	r->held = false;
	return true;
}

/* @param busy others are asked for their ports: lockd's work has to wait for that, too */
static void wait_no_longer(struct notify_returns *r, bool busy, uint64_t now_ms)
{
	if (!r->held)
		return;
	if (now_ms - r->looked_ms >= r->wait_ms && !look(r, now_ms) && !busy)
		r->limit *= 2;
	r->held = must_wait(r, now_ms);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- the sink, answers, time ---------------------------------------------------- */

void glr__notify_pace_block(struct notify_pace *pace, const struct notify_task *task)
{
	lane_of(pace, task, task->tcp)->blocked = true;
}

void glr__notify_pace_unblock(struct notify_pace *pace)
{
	for (size_t i = 0; i < pace->lane_count; i++)
		pace->lanes[i].blocked = false;
}

void glr__notify_pace_answered(struct notify_task *task)
{
	leave_window(task);
}

void glr__notify_pace_done(struct notify_task *task)
{
	leave_window(task);
	leave_queue(task);
}

bool glr__notify_pace_tcp_free(const struct notify_pace *pace, const struct notify_task *task)
{
	const struct notify_lane *lane = lane_of(pace, task, true);

	return !lane->blocked && lane->ready[NOTIFY_AGAIN].length < lane->limit;
}

struct notify_task *glr__notify_pace_expire(struct notify_pace *pace, uint64_t now_ms)
{
	struct notify_task *task;
	bool busy = false;

	for (size_t i = 0; i < pace->lane_count; i++) {
		busy = busy || pace->lanes[i].ready[NOTIFY_FRESH].length;
		while ((task = TAILQ_FIRST(&pace->lanes[i].window.tasks)) && task->hold_ms <= now_ms)
			leave_window(task);
	}
	wait_no_longer(&pace->returns, busy, now_ms);
	for (int i = 0; i < NOTIFY_BACKOFF_LEVELS; i++) {
		task = TAILQ_FIRST(&pace->timers[i].tasks);
		if (task && task->due_ms <= now_ms) {
			glr__notify_pace_done(task);
			return task;
		}
	}
	return NULL;
}

uint64_t glr__notify_pace_event(const struct notify_pace *pace, uint64_t now_ms, uint64_t end_ms)
{
	uint64_t next = end_ms;

	for (int i = 0; i < NOTIFY_BACKOFF_LEVELS; i++) {
		const struct notify_task *task = TAILQ_FIRST(&pace->timers[i].tasks);

		if (task)
			next = earlier(next, task->due_ms);
	}
	for (size_t i = 0; i < pace->lane_count; i++) {
		const struct notify_lane *lane = &pace->lanes[i];

		if (pace->returns.held && lane->ready[NOTIFY_TELLING].length)
			next = earlier(next, earlier(pace->returns.looked_ms + pace->returns.wait_ms,
						     latest_ms(&pace->returns)));
		if (!first_ready(pace, lane))
			continue;
		if (lane->blocked)
			next = earlier(next, now_ms + BLOCKED_MS);
		else
			next = earlier(next, TAILQ_FIRST(&lane->window.tasks)->hold_ms);
	}
	return next;
}
