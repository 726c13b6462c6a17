/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pacing of the notification engine, in constant time per packet.
 *
 * Each socket, and TCP from each identifier, is a lane with a limit of packets
 * in flight.  An answer makes room at once, silence after hold_ms: silent clients
 * cost the others a bounded rate, never their turn.  An identifier whose socket
 * takes nothing holds up no other.  After a packet a timer runs, doubled at every try.
 * Who is told for the first time uses up an allowance; where none is left the others go on.
 */
#include "notify_private.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define BACKOFF_FIRST_MS 500 /* then 1, 2, 4 and 8 s */
#define BLOCKED_MS 5
#define HELD_MS 10 /* without allowance */

/* A default receive buffer (212992 bytes) holds more than 128 small answers, should nobody read them. */
#define UDP_LIMIT 128
#define UDP_HOLD_MS 20

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
	pace->allowance = SIZE_MAX;
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
		if (lane->ready[i].length && (i != NOTIFY_TELLING || pace->allowance))
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

	if (task->port && !task->told) {
		task->told = true;
		pace->allowance -= pace->allowance && pace->allowance != SIZE_MAX;
	}
	task->hold_ms = now_ms + lane->hold_ms;
	enter_window(task, &lane->window);
	task->due_ms = now_ms + ((uint64_t)BACKOFF_FIRST_MS << level);
	enter_queue(task, &pace->timers[level]);
}

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

	for (size_t i = 0; i < pace->lane_count; i++) {
		while ((task = TAILQ_FIRST(&pace->lanes[i].window.tasks)) && task->hold_ms <= now_ms)
			leave_window(task);
	}
	for (int i = 0; i < NOTIFY_BACKOFF_LEVELS; i++) {
		task = TAILQ_FIRST(&pace->timers[i].tasks);
		if (task && task->due_ms <= now_ms) {
			glr__notify_pace_done(task);
			return task;
		}
	}
	return NULL;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
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

		if (!first_ready(pace, lane) && !lane->ready[NOTIFY_TELLING].length)
			continue;
		if (lane->blocked)
			next = earlier(next, now_ms + BLOCKED_MS);
		else if (lane->window.length < lane->limit)
			next = earlier(next, now_ms + HELD_MS);
		else
			next = earlier(next, TAILQ_FIRST(&lane->window.tasks)->hold_ms);
	}
	return next;
}
