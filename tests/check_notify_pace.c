/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notification engine's pacing: many clients, silent clients, full sinks, and the end of the window. */
#include "notify_sim.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>

static struct sim sim;

/* With what real sockets cost, about 5 us of processor time a packet. */
START_TEST(test_ten_thousand)
{
	sim_init(&sim, 10000);
	sim.rtt_us = 50;
	sim.packet_us = 5;
	sim_start(&sim);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 10000, 10000);
	ck_assert_uint_lt(sim_now_ms(&sim), 1000);
	ck_assert_uint_le(sim.answers_max, 128);
	ck_assert_uint_eq(sim.packets, 20000);
	sim_fini(&sim);
}
END_TEST

/* Everybody's rpcbind is asked at once; SM_NOTIFY waits until it is allowed. */
START_TEST(test_allowance)
{
	sim_init(&sim, 100);
	sim_start(&sim);
	glr__notify_allow(sim.notify, 10);
	sim_run(&sim, 1000);
	sim_assert_counts(&sim, 100, 10);
	ck_assert_uint_eq(glr__notify_allowance(sim.notify), 0);
	ck_assert_uint_eq(sim.packets, 110);
	glr__notify_allow(sim.notify, 5);
	sim_run(&sim, 2000);
	sim_assert_counts(&sim, 100, 15);
	glr__notify_allow(sim.notify, 1000);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 100, 100);
	ck_assert_uint_eq(sim.packets, 200);
	sim_fini(&sim);
}
END_TEST

/* Who was told and did not answer is told again, allowed or not. */
START_TEST(test_allowance_counts_clients)
{
	sim_init(&sim, 2);
	for (size_t i = 0; i < 2; i++)
		sim.hosts[i].monitor_wait_us = 700000;
	sim_start(&sim);
	glr__notify_allow(sim.notify, 1);
	sim_run(&sim, 3000);
	sim_assert_counts(&sim, 2, 1);
	ck_assert_uint_eq(sim.hosts[0].notifies + sim.hosts[1].notifies, 2);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_silent_do_not_delay)
{
	sim_init(&sim, 1000);
	for (size_t i = 0; i < 1000; i += 10)
		sim.hosts[i].silent = true;
	sim_start(&sim);
	sim_run(&sim, 100);
	sim_assert_counts(&sim, 1000, 900);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 1000, 900);
	for (size_t i = 0; i < 1000; i++) {
		if (i % 10)
			sim_assert_heard_once(&sim, &sim.hosts[i], 0);
		else
			ck_assert_int_eq(sim.hosts[i].progress, GLR__SENT);
	}
	ck_assert_uint_lt(sim.last_send_ms, 60000);
	ck_assert_uint_gt(sim.last_send_ms, 60000 - 8000);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_loss)
{
	sim_init(&sim, 5000);
	sim.loss_percent = 1;
	sim_start(&sim);
	sim_run(&sim, 4000);
	sim_assert_counts(&sim, 5000, 5000);
	ck_assert_uint_eq(sim.progress_errors, 0);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_heavy_loss)
{
	sim_init(&sim, 1000);
	sim.loss_percent = 10;
	sim_start(&sim);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 1000, 1000);
	ck_assert_uint_eq(sim.progress_errors, 0);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_sink_full)
{
	sim_init(&sim, 2000);
	sim.udp_room = 3;
	for (size_t i = 0; i < 2000; i += 4)
		sim.hosts[i].no_udp = true;
	sim_start(&sim);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 2000, 2000);
	ck_assert_uint_gt(sim.refusals, 0);
	for (size_t i = 0; i < 2000; i++)
		sim_assert_heard_once(&sim, &sim.hosts[i], 0);
	sim_fini(&sim);
}
END_TEST

/* A sink that takes no connection does not hold up UDP. */
START_TEST(test_no_connections)
{
	sim_init(&sim, 300);
	for (size_t i = 0; i < 300; i += 2)
		sim.hosts[i].silent = true;
	sim_start(&sim);
	sim_run(&sim, 1600); /* the silent ones have come to TCP */
	ck_assert_uint_gt(sim.tcp_packets, 0);
	sim.tcp_refused = true;
	for (size_t i = 300; i < 400; i++) {
		char name[GLR_ADDRESS_TEXT_MAX];
		struct glr_address address = sim_address(AF_INET, i);

		ck_assert_int_eq(glr__notify_add(sim.notify, glr_address_text(&address, name), &address), 0);
	}
	sim.hosts = realloc(sim.hosts, 400 * sizeof(*sim.hosts));
	sim.host_count = 400;
	for (size_t i = 300; i < 400; i++)
		sim.hosts[i] = (struct sim_host){.address = sim_address(AF_INET, i), .first_ms = UINT64_MAX};
	sim_run(&sim, 1650);
	sim_assert_counts(&sim, 400, 250);
	sim_fini(&sim);
}
END_TEST

/* An IPv6 address in duplicate address detection takes nothing; the IPv4 clients must not wait for it. */
START_TEST(test_identifier_not_ready)
{
	sim_init(&sim, 1000);
	sim.identifiers[1] = (struct glr_address){.family = AF_INET6, .bytes = {0xfd, [8] = 99, [15] = 1}};
	sim.identifier_count = 2;
	sim.refused[1] = true;
	for (size_t i = 0; i < 1000; i += 2)
		sim.hosts[i].address = sim_address(AF_INET6, i);
	sim_start(&sim);
	sim_run(&sim, 2000);
	sim_assert_counts(&sim, 500, 500);
	ck_assert_uint_lt(sim.last_send_ms, 10);
	ck_assert_uint_le(sim.refusals, 2000 / 5 + 20);
	sim.refused[1] = false;
	sim_run(&sim, 2050);
	sim_assert_counts(&sim, 1000, 1000);
	sim_fini(&sim);
}
END_TEST

/* ... not even until the next tick. */
START_TEST(test_room_is_used_at_once)
{
	sim_init(&sim, 1);
	sim.identifiers[1] = (struct glr_address){.family = AF_INET, .bytes = {10, 99, 0, 102}};
	sim.identifier_count = 2;
	sim.refused[1] = true;
	sim.hosts[0].silent = true;
	sim_start(&sim);
	glr__notify_tick(sim.notify, 0);
	ck_assert_uint_eq(sim.packets, 1);
	sim_forge(&sim, sim_kept_xid(&sim), 0, &sim.hosts[0].address, 111);
	ck_assert_uint_eq(sim.packets, 2);
	sim_fini(&sim);
}
END_TEST

/* 5000 clients and none alive: everybody is sent to within a second, and the rate stays bounded. */
static size_t sent_per_20ms[50], tcp_at_once;
static uint64_t tcp_at_ms[100000];

static void count_rate(struct sim *of, const struct glr__notify_packet *packet)
{
	if (sim_now_ms(of) < 1000)
		sent_per_20ms[sim_now_ms(of) / 20]++;
	if (packet->tcp)
		tcp_at_ms[of->tcp_packets - 1] = sim_now_ms(of);
	if (packet->tcp && of->tcp_packets > 256)
		tcp_at_once += sim_now_ms(of) - tcp_at_ms[of->tcp_packets - 257] < GLR__NOTIFY_TCP_MS;
}

START_TEST(test_all_silent)
{
	sim_init(&sim, 5000);
	for (size_t i = 0; i < 5000; i++)
		sim.hosts[i].silent = true;
	sim.watch = count_rate;
	sim_start(&sim);
	sim_run(&sim, 1000);
	sim_assert_counts(&sim, 5000, 0);
	for (size_t i = 0; i < 50; i++)
		ck_assert_uint_le(sent_per_20ms[i], 2 * 128);
	sim_run(&sim, 60000);
	ck_assert_uint_eq(tcp_at_once, 0);
	for (size_t i = 0; i < 5000; i++) /* nobody waits in a queue for long */
		ck_assert_uint_gt(sim.hosts[i].last_ms, 60000 - 11000);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_window_end)
{
	sim_init(&sim, 1);
	sim.hosts[0].silent = true;
	sim.end_ms = 1500; /* a retransmission is due at 1500 */
	sim_start(&sim);
	sim_run(&sim, 10000);
	ck_assert_uint_eq(sim.packets, 2);
	ck_assert_uint_eq(sim.last_send_ms, 500);
	ck_assert_uint_eq(glr__notify_tick(sim.notify, 1500), UINT_MAX);
	sim_fini(&sim);

	sim_init(&sim, 1);
	sim.hosts[0].silent = true;
	sim.end_ms = 1501;
	sim_start(&sim);
	sim_run(&sim, 10000);
	ck_assert_uint_eq(sim.packets, 3);
	ck_assert_uint_eq(sim.last_send_ms, 1500);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_after_the_end)
{
	sim_init(&sim, 2);
	sim.rtt_us = 600000;
	sim.end_ms = 1000;
	sim.hosts[1].silent = true;
	sim_start(&sim);
	sim_run(&sim, 999);
	ck_assert_uint_eq(sim.hosts[0].notifies, 1);
	sim.hosts[0].silent = true;
	sim_run(&sim, 5000);
	sim_assert_counts(&sim, 2, 1); /* an answer that comes late is still an answer */
	ck_assert_uint_lt(sim.last_send_ms, 1000);
	sim_fini(&sim);

	/* a port answered after the end leads to nothing */
	sim_init(&sim, 1);
	sim.rtt_us = 10000;
	sim.end_ms = 10;
	sim_start(&sim);
	sim_run(&sim, 5000);
	ck_assert_uint_eq(sim.packets, 1);
	ck_assert_uint_eq(glr__notify_tick(sim.notify, 10), UINT_MAX);
	sim_fini(&sim);
}
END_TEST

static Suite *notify_pace_suite(void)
{
	Suite *suite = suite_create("notify_pace");
	TCase *tc = tcase_create("pace");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_ten_thousand);
	tcase_add_test(tc, test_allowance);
	tcase_add_test(tc, test_allowance_counts_clients);
	tcase_add_test(tc, test_silent_do_not_delay);
	tcase_add_test(tc, test_loss);
	tcase_add_test(tc, test_heavy_loss);
	tcase_add_test(tc, test_sink_full);
	tcase_add_test(tc, test_no_connections);
	tcase_add_test(tc, test_identifier_not_ready);
	tcase_add_test(tc, test_room_is_used_at_once);
	tcase_add_test(tc, test_all_silent);
	tcase_add_test(tc, test_window_end);
	tcase_add_test(tc, test_after_the_end);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(notify_pace_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
