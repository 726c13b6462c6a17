/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients that were told come back to a lockd that takes one at a time and loses what its queue does not
 * hold. */
#include "notify_sim.h"

#include <check.h>
#include <stdlib.h>

#define ROOM 28 /* datagrams in the socket of a lockd over UDP; over TCP 64 connections */
#define CLIENTS_MAX 10000
#define RPCBIND_PORT 111

static struct sim sim;

static struct {
	uint64_t due_ms[CLIENTS_MAX]; /* when who was told asks for its lock, in the order in which they were
					 told */
	size_t who[CLIENTS_MAX];
	size_t told, asked;
	size_t queue[CLIENTS_MAX], queued, room;
	size_t back, lost;
	unsigned client_ms; /* from SM_NOTIFY to the lock request */
	uint64_t last_ms;
	unsigned every; /* so many of the told have a lock: one in every */
} lockd;

static void on_packet(struct sim *s, const struct glr__notify_packet *packet)
{
	size_t number =
		(size_t)packet->to.bytes[1] << 16 | (size_t)packet->to.bytes[2] << 8 | packet->to.bytes[3];

	if (packet->to_port == RPCBIND_PORT || s->hosts[number].notifies)
		return;
	lockd.who[lockd.told] = number;
	lockd.due_ms[lockd.told++] = sim_now_ms(s) + lockd.client_ms;
}

static void arrive(uint64_t now_ms)
{
	for (; lockd.asked < lockd.told && lockd.due_ms[lockd.asked] <= now_ms; lockd.asked++) {
		if ((lockd.who[lockd.asked] + 1) % lockd.every)
			continue;
		if (lockd.queued == lockd.room)
			lockd.lost++;
		else
			lockd.queue[lockd.queued++] = lockd.who[lockd.asked];
	}
}

static void serve(uint64_t now_ms)
{
	if (!lockd.queued)
		return;
	glr__notify_back(sim.notify, sim.hosts[lockd.queue[0]].name, now_ms);
	memmove(lockd.queue, lockd.queue + 1, --lockd.queued * sizeof(lockd.queue[0]));
	lockd.back++;
	lockd.last_ms = now_ms;
}

static void start(size_t clients, unsigned every, size_t identifiers)
{
	memset(&lockd, 0, sizeof(lockd));
	lockd.every = every;
	lockd.room = ROOM;
	lockd.client_ms = 2;
	sim_init(&sim, clients);
	sim.packet_us = 5;
	sim.identifiers[1] = (struct glr_address){.family = AF_INET, .bytes = {10, 99, 0, 102}};
	sim.identifier_count = identifiers;
	sim.watch = on_packet;
	sim_start(&sim);
}

/* @param serve_ms what lockd needs for a client */
static void run(unsigned serve_ms, uint64_t until_ms)
{
	for (uint64_t now_ms = sim_now_ms(&sim) + 1; now_ms <= until_ms; now_ms++) {
		sim_run(&sim, now_ms);
		sim.now_us = now_ms * 1000 > sim.now_us ? now_ms * 1000 : sim.now_us;
		arrive(now_ms);
		if (now_ms % serve_ms == 0)
			serve(now_ms);
	}
}

START_TEST(test_lockd_is_not_overrun)
{
	start(2000, 1, 2);
	glr__notify_await(sim.notify);
	run(3, 3000);
	/* Told every identifier, or none. */
	for (size_t i = 0; i < 2000; i++)
		ck_assert_uint_eq(sim.hosts[i].heard_count % 2, 0);
	ck_assert_uint_lt(lockd.told, 1100);
	run(3, 6500);
	sim_assert_counts(&sim, 2000, 2000);
	ck_assert_uint_eq(lockd.lost, 0);
	ck_assert_uint_eq(lockd.back, 2000);
	/* Nor did it ever wait for somebody to be told. */
	ck_assert_uint_lt(lockd.last_ms, 2000 * 3 + 50);
	for (size_t i = 0; i < 2000; i++)
		sim_assert_heard_once(&sim, &sim.hosts[i], 0);
	sim_fini(&sim);
}
END_TEST

/* Without the pace it is. */
START_TEST(test_unpaced)
{
	start(2000, 1, 1);
	run(3, 6500);
	sim_assert_counts(&sim, 2000, 2000);
	ck_assert_uint_gt(lockd.lost, 1500);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_nobody_comes)
{
	start(10000, CLIENTS_MAX + 1, 1);
	glr__notify_await(sim.notify);
	run(3, 2000);
	sim_assert_counts(&sim, 10000, 10000);
	ck_assert_uint_lt(sim.last_send_ms, 1300);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_few_come)
{
	start(10000, 500, 1);
	glr__notify_await(sim.notify);
	run(3, 8000);
	sim_assert_counts(&sim, 10000, 10000);
	ck_assert_uint_eq(lockd.back, 20);
	ck_assert_uint_lt(sim.last_send_ms, 6000);
	sim_fini(&sim);
}
END_TEST

/* More may be told, as many as are still under way: else these would come 14 in 100 ms. */
START_TEST(test_far_clients)
{
	start(5000, 1, 1);
	lockd.client_ms = 100;
	glr__notify_await(sim.notify);
	run(1, 10000);
	/* But for those who were told before the first came back. */
	ck_assert_uint_le(lockd.lost, ROOM);
	ck_assert_uint_gt(lockd.back, 2000);
	sim_fini(&sim);
}
END_TEST

/* The window is 60 s, and lockd would need 100 s: all are told in time, should it lose nobody or most of
 * them. */
START_TEST(test_slow_lockd)
{
	start(1000, 1, 1);
	lockd.room = _i ? CLIENTS_MAX : ROOM;
	glr__notify_await(sim.notify);
	run(100, 60000);
	sim_assert_counts(&sim, 1000, 1000);
	ck_assert_uint_gt(sim.last_send_ms, 40000);
	ck_assert_uint_lt(sim.last_send_ms, 60000 * 7 / 8 + 100);
	ck_assert_uint_gt(lockd.back, _i ? 590 : 380);
	sim_fini(&sim);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notify back");
	TCase *tcase = tcase_create("pace");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_lockd_is_not_overrun);
	tcase_add_test(tcase, test_unpaced);
	tcase_add_test(tcase, test_nobody_comes);
	tcase_add_test(tcase, test_few_come);
	tcase_add_test(tcase, test_far_clients);
	tcase_add_loop_test(tcase, test_slow_lockd, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
