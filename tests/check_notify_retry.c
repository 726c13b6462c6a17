/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notification engine's second and later tries: when, over what, to which port. */
#include "notify_sim.h"

#include <check.h>
#include <stdlib.h>

static struct sim sim;

static struct {
	uint64_t at_ms;
	bool tcp;
	uint16_t port;
} sent[64];
static size_t sent_count;

static void record(struct sim *of, const struct glr__notify_packet *packet)
{
	if (sent_count < sizeof(sent) / sizeof(sent[0])) {
		sent[sent_count].at_ms = sim_now_ms(of);
		sent[sent_count].tcp = packet->tcp;
		sent[sent_count].port = packet->to_port;
	}
	sent_count++;
}

static void assert_sent(size_t i, uint64_t at_ms, bool tcp, uint16_t port)
{
	ck_assert_uint_lt(i, sent_count);
	ck_assert_uint_eq(sent[i].at_ms, at_ms);
	ck_assert_uint_eq(sent[i].tcp, tcp);
	ck_assert_uint_eq(sent[i].port, port);
}

START_TEST(test_backoff)
{
	sent_count = 0;
	sim_init(&sim, 1);
	sim.hosts[0].silent = true;
	sim.watch = record;
	sim_start(&sim);
	sim_run(&sim, 60000);
	assert_sent(0, 0, false, 111);
	assert_sent(1, 500, false, 111);
	assert_sent(2, 1500, true, 111);
	assert_sent(3, 3500, false, 111);
	assert_sent(4, 7500, true, 111);
	assert_sent(5, 15500, false, 111);
	assert_sent(6, 23500, true, 111);
	assert_sent(10, 55500, true, 111);
	ck_assert_uint_eq(sent_count, 11);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_monitor_moves)
{
	sent_count = 0;
	sim_init(&sim, 1);
	sim.rtt_us = 10000;
	sim.hosts[0].moved_ms = 5;
	sim.hosts[0].reused = _i;
	sim.watch = record;
	sim_start(&sim);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 1, 1);
	assert_sent(0, 0, false, 111);
	assert_sent(1, 10, false, 40000);
	if (sim.hosts[0].reused) { /* somebody else answered there */
		assert_sent(2, 510, false, 111);
		assert_sent(3, 520, false, 40001);
		ck_assert_uint_eq(sent_count, 4);
	} else {
		assert_sent(2, 510, false, 40000);
		assert_sent(3, 1510, true, 111);
		assert_sent(4, 1520, true, 40001);
		ck_assert_uint_eq(sent_count, 5);
	}
	sim_fini(&sim);
}
END_TEST

/* Down between its port and its notification; rpcbind is up before the monitor, which is on another port
 * then. */
START_TEST(test_client_reboots)
{
	static const char *const names[] = {"nfs", NULL};

	sent_count = 0;
	sim_init(&sim, 1);
	sim.rtt_us = 10000;
	sim.names = names;
	sim.hosts[0].moved_ms = 5;
	sim.watch = record;
	sim_start(&sim);
	sim_run(&sim, 12);
	assert_sent(1, 10, false, 40000);
	sim.hosts[0].silent = true;
	sim.hosts[0].registered_ms = 9000;
	sim_run(&sim, 4000);
	sim.hosts[0].silent = false;
	sim_run(&sim, 8999);
	sim_assert_counts(&sim, 1, 0);
	ck_assert_uint_gt(sim.hosts[0].queries, 1);
	sim_run(&sim, 9000 + 8100);
	sim_assert_counts(&sim, 1, 1);
	sim_assert_heard_once(&sim, &sim.hosts[0], 1);
	sim_fini(&sim);
}
END_TEST

/* The answer to a query over UDP that comes when TCP has been tried already leads on over UDP. */
START_TEST(test_slow_rpcbind)
{
	sent_count = 0;
	sim_init(&sim, 1);
	sim.rtt_us = 0;
	sim.hosts[0].rpcbind_wait_us = 2000000;
	sim.watch = record;
	sim_start(&sim);
	sim_run(&sim, 2000);
	assert_sent(2, 1500, true, 111);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 1, 1);
	assert_sent(3, 2000, false, 40000);
	ck_assert_uint_eq(sent_count, 4);
	sim_fini(&sim);
}
END_TEST

/* Each name begins its tries anew: the client is alive. */
START_TEST(test_next_name_starts_anew)
{
	static const char *const names[] = {"nfs", NULL};

	sent_count = 0;
	sim_init(&sim, 1);
	sim.names = names;
	sim.hosts[0].silent = true;
	sim.watch = record;
	sim_start(&sim);
	sim_run(&sim, 20000);
	assert_sent(5, 15500, false, 111);
	sim_forge(&sim, sim_kept_xid(&sim), 0, &sim.hosts[0].address, 111);
	assert_sent(6, 20000, false, 40000);
	sim_forge(&sim, sim_kept_xid(&sim), 0, &sim.hosts[0].address, 40000);
	assert_sent(7, 20000, false, 40000);
	sim_run(&sim, 22000);
	assert_sent(8, 20500, false, 40000);
	assert_sent(9, 21500, true, 111);
	sim_fini(&sim);
}
END_TEST

/* The acknowledgement comes after the port was asked for anew; the port after the acknowledgement. */
START_TEST(test_port_after_the_end)
{
	uint32_t query, notify;

	sim_init(&sim, 1);
	sim.hosts[0].silent = true;
	sim_start(&sim);
	sim_run(&sim, 10);
	query = sim_kept_xid(&sim);
	sim_forge(&sim, query, 0, &sim.hosts[0].address, 111);
	notify = sim_kept_xid(&sim);
	sim_run(&sim, 2000);
	ck_assert_uint_eq(sim.packets, 4);
	ck_assert_uint_eq(sim.kept.to_port, 111);
	sim_forge(&sim, notify, 0, &sim.hosts[0].address, 40000);
	sim_assert_counts(&sim, 1, 1);
	sim_forge(&sim, sim_kept_xid(&sim), 0, &sim.hosts[0].address, 111);
	sim_forge(&sim, query, 0, &sim.hosts[0].address, 111);
	sim_run(&sim, 60000);
	ck_assert_uint_eq(sim.packets, 4);
	sim_assert_counts(&sim, 1, 1);
	sim_fini(&sim);
}
END_TEST

/* Where no connection can be had the try goes out over UDP instead. */
START_TEST(test_tcp_refused)
{
	sent_count = 0;
	sim_init(&sim, 1);
	sim.hosts[0].silent = true;
	sim.tcp_refused = true;
	sim.watch = record;
	sim_start(&sim);
	sim_run(&sim, 10000);
	assert_sent(0, 0, false, 111);
	assert_sent(1, 500, false, 111);
	assert_sent(2, 1500, false, 111);
	assert_sent(3, 3500, false, 111);
	assert_sent(4, 7500, false, 111);
	ck_assert_uint_eq(sent_count, 5);
	sim_fini(&sim);
}
END_TEST

/* One client waits for room for its connection; the other does not line up behind it. */
START_TEST(test_tcp_blocked)
{
	sent_count = 0;
	sim_init(&sim, 2);
	sim.rtt_us = 10000;
	sim.hosts[0].no_udp = true;
	sim.hosts[1].silent = true;
	sim_start(&sim);
	sim_run(&sim, 1505);
	ck_assert_uint_eq(sim.tcp_packets, 2);
	sim.tcp_refused = true;
	sim.watch = record;
	sim_run(&sim, 8000);
	assert_sent(0, 3500, false, 111);
	assert_sent(1, 7500, false, 111);
	ck_assert_uint_eq(sent_count, 2);
	sim.tcp_refused = false;
	sim_run(&sim, 8100);
	sim_assert_counts(&sim, 2, 1);
	sim_fini(&sim);
}
END_TEST

static Suite *notify_retry_suite(void)
{
	Suite *suite = suite_create("notify_retry");
	TCase *tc = tcase_create("retry");

	tcase_add_test(tc, test_backoff);
	tcase_add_loop_test(tc, test_monitor_moves, 0, 2);
	tcase_add_test(tc, test_client_reboots);
	tcase_add_test(tc, test_slow_rpcbind);
	tcase_add_test(tc, test_next_name_starts_anew);
	tcase_add_test(tc, test_port_after_the_end);
	tcase_add_test(tc, test_tcp_refused);
	tcase_add_test(tc, test_tcp_blocked);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(notify_retry_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
