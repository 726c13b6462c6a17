/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notification engine over a simulated network of clients. */
#include "notify_sim.h"
#include "rpcmsg.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static struct sim sim;

START_TEST(test_all_answer)
{
	sim_init(&sim, 500);
	sim_start(&sim);
	ck_assert_int_eq(glr__notify_progress(sim.notify, "10.0.0.9"), GLR__WAITING);
	sim_assert_counts(&sim, 0, 0);
	ck_assert_uint_eq(sim.packets, 0);
	sim_run(&sim, 60000);

	sim_assert_counts(&sim, 500, 500);
	for (size_t i = 0; i < sim.host_count; i++) {
		sim_assert_heard_once(&sim, &sim.hosts[i], 0);
		ck_assert_uint_eq(sim.hosts[i].queries, 1);
	}
	ck_assert_uint_eq(sim.packets, 1000);
	ck_assert_uint_eq(sim.progress_errors, 0);
	ck_assert_uint_lt(sim_now_ms(&sim), 10);
	ck_assert_int_eq(glr__notify_progress(sim.notify, "10.0.0.9"), GLR__ACKNOWLEDGED);
	ck_assert_int_eq(glr__notify_progress(sim.notify, "10.0.9.9"), -ENOENT);
	ck_assert_uint_eq(glr__notify_tick(sim.notify, sim_now_ms(&sim)), UINT_MAX);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_answers_twice)
{
	static const char *const names[] = {"nfs", "nfs.example.org", NULL};

	sim_init(&sim, 300);
	sim.twice = true;
	sim.names = names;
	sim_start(&sim);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 300, 300);
	for (size_t i = 0; i < 300; i++)
		sim_assert_heard_once(&sim, &sim.hosts[i], 2);
	ck_assert_uint_eq(sim.progress_errors, 0);
	sim_fini(&sim);
}
END_TEST

/* rpcbind is up before the status monitor: the client is booting. */
START_TEST(test_port_zero)
{
	sim_init(&sim, 20);
	for (size_t i = 0; i < 20; i++)
		sim.hosts[i].registered_ms = i * 1000;
	sim_start(&sim);
	sim_run(&sim, 19000 + 8001);
	sim_assert_counts(&sim, 20, 20);
	for (size_t i = 0; i < 20; i++)
		sim_assert_heard_once(&sim, &sim.hosts[i], 0);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_version_mismatch)
{
	sim_init(&sim, 2);
	sim.hosts[0].mismatch = true;
	sim.hosts[1].address = sim_address(AF_INET6, 1);
	sim.hosts[1].mismatch = true;
	sim.identifiers[1] = (struct glr_address){.family = AF_INET6, .bytes = {0xfd, [8] = 99, [15] = 1}};
	sim.identifier_count = 2;
	sim_start(&sim);
	sim_run(&sim, 10000);
	sim_assert_counts(&sim, 2, 0);
	ck_assert_uint_eq(sim.hosts[0].queries, 5);
	ck_assert_uint_eq(sim.hosts[1].queries, 5);
	sim.hosts[0].mismatch = sim.hosts[1].mismatch = false;
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 2, 2);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_families_and_names)
{
	static const char *const names[] = {"nfs", "nfs.example.org", "NFS", NULL};

	sim_init(&sim, 100);
	sim.identifiers[1] = (struct glr_address){.family = AF_INET6, .bytes = {0xfd, [8] = 99, [15] = 1}};
	sim.identifiers[2] = (struct glr_address){.family = AF_INET, .bytes = {10, 99, 0, 102}};
	sim.identifier_count = 3;
	sim.names = names;
	for (size_t i = 0; i < 100; i += 3)
		sim.hosts[i].address = sim_address(AF_INET6, i);
	sim_start(&sim);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 100, 100);
	for (size_t i = 0; i < 100; i++) {
		sim_assert_heard_once(&sim, &sim.hosts[i], 3);
		ck_assert_uint_eq(sim.hosts[i].heard_count, i % 3 ? 8 : 4);
	}
	sim_fini(&sim);
}
END_TEST

/* Told means told every identifier; acknowledged means acknowledged every one. */
START_TEST(test_partly)
{
	sim_init(&sim, 1);
	sim.identifiers[1] = (struct glr_address){.family = AF_INET, .bytes = {10, 99, 0, 102}};
	sim.identifier_count = 2;
	sim.udp_room = 1;
	sim_start(&sim);
	glr__notify_tick(sim.notify, 0);
	sim_assert_counts(&sim, 0, 0);
	ck_assert_int_eq(sim.hosts[0].progress, GLR__SENT);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 1, 1);
	sim_assert_heard_once(&sim, &sim.hosts[0], 0);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_unaddressed)
{
	struct glr__notify_counts counts;
	struct glr_address none = {.family = AF_UNSPEC}, ipv6 = sim_address(AF_INET6, 3);

	sim_init(&sim, 2);
	sim_start(&sim);
	ck_assert_int_eq(glr__notify_add(sim.notify, "a-name", &none), 0);
	ck_assert_int_eq(glr__notify_add(sim.notify, "fd00::3", &ipv6), 0);
	ck_assert_int_eq(glr__notify_add(sim.notify, "a-name", &none), 0);
	ck_assert_int_eq(glr__notify_add(sim.notify, "10.0.0.1", &sim.hosts[1].address), 0);
	ck_assert_int_eq(glr__notify_add(sim.notify, "", &none), -EINVAL);
	sim_run(&sim, 60000);
	glr__notify_get_counts(sim.notify, &counts);
	ck_assert_uint_eq(counts.clients, 4);
	ck_assert_uint_eq(counts.told, 2);
	ck_assert_uint_eq(counts.acknowledged, 2);
	ck_assert_uint_eq(counts.unaddressed, 2);
	ck_assert_int_eq(glr__notify_progress(sim.notify, "a-name"), GLR__WAITING);
	ck_assert_uint_eq(sim.packets, 4);
	ck_assert_uint_lt(sim_now_ms(&sim), 10);
	sim_fini(&sim);
}
END_TEST

/* Two names of one address: both on the list, both told; each acknowledgement is for its own. */
START_TEST(test_same_address)
{
	sim_init(&sim, 1);
	sim_start(&sim);
	ck_assert_int_eq(glr__notify_add(sim.notify, "::ffff:10.0.0.0", &sim.hosts[0].address), 0);
	sim_run(&sim, 60000);
	sim_assert_counts(&sim, 2, 2);
	ck_assert_uint_eq(sim.hosts[0].notifies, 2);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_forged)
{
	struct glr_address other = sim_address(AF_INET, 2);
	struct glr__rpc_call call;
	unsigned packets;

	sim_init(&sim, 2);
	sim.identifiers[1] = (struct glr_address){.family = AF_INET, .bytes = {10, 99, 0, 102}};
	sim.identifier_count = 2;
	sim.hosts[0].silent = sim.hosts[1].silent = true;
	sim_start(&sim);
	sim_run(&sim, 10);
	ck_assert_int_eq(glr__rpc_decode_call(sim.kept_bytes, sim.kept.length, &call), 0);
	packets = sim.packets;

	sim_forge(&sim, call.xid, sim.kept.identifier, &other, 111);
	sim_forge(&sim, call.xid, sim.kept.identifier, &sim.hosts[0].address, 111);
	sim_forge(&sim, call.xid, 1 - sim.kept.identifier, &sim.hosts[1].address, 111);
	sim_forge(&sim, call.xid, sim.kept.identifier, &sim.hosts[1].address, 112);
	sim_forge(&sim, call.xid + 7, sim.kept.identifier, &sim.hosts[1].address, 111);
	sim_forge(&sim, call.xid - 1, sim.kept.identifier, &sim.hosts[1].address, 111);
	glr__notify_input(sim.notify, sim.kept.identifier, &sim.hosts[1].address, 111, sim.kept_bytes,
			  sim.kept.length, 10);
	ck_assert_uint_eq(sim.packets, packets);
	sim_assert_counts(&sim, 2, 0);

	sim_forge(&sim, call.xid, sim.kept.identifier, &sim.hosts[1].address, 111);
	ck_assert_uint_eq(sim.packets, packets + 1);
	ck_assert_uint_eq(sim.kept.to_port, 40000);
	ck_assert_int_eq(glr__rpc_decode_call(sim.kept_bytes, sim.kept.length, &call), 0);
	sim_forge(&sim, call.xid, 1 - sim.kept.identifier, &sim.hosts[1].address, 40000);
	sim_forge(&sim, call.xid, sim.kept.identifier, &sim.hosts[0].address, 40000);
	ck_assert_int_eq(sim.hosts[1].progress, GLR__SENT);
	sim_fini(&sim);
}
END_TEST

START_TEST(test_tcp_only)
{
	sim_init(&sim, 1000);
	sim.rtt_us = 1000;
	for (size_t i = 0; i < 1000; i++)
		sim.hosts[i].no_udp = true;
	sim_start(&sim);
	sim_run(&sim, 3000);
	sim_assert_counts(&sim, 1000, 1000);
	for (size_t i = 0; i < 1000; i++)
		sim_assert_heard_once(&sim, &sim.hosts[i], 0);
	sim_fini(&sim);
}
END_TEST

/* A monitor that looks names up first may take seconds to answer: its answer counts all the same. */
START_TEST(test_slow_monitor)
{
	sim_init(&sim, 10);
	for (size_t i = 0; i < 10; i++)
		sim.hosts[i].monitor_wait_us = i * 2000000;
	sim_start(&sim);
	sim_run(&sim, 25000);
	sim_assert_counts(&sim, 10, 10);
	ck_assert_uint_eq(sim.progress_errors, 0);
	sim_fini(&sim);
}
END_TEST

static int never_send(void *arg, const struct glr__notify_packet *packet)
{
	(*(unsigned *)arg)++;
	return -ENETUNREACH;
}

START_TEST(test_no_route)
{
	unsigned calls = 0;
	struct glr__notify_ops ops = {.send = never_send, .arg = &calls};
	struct glr_address identifier = {.family = AF_INET, .bytes = {10, 99, 0, 101}};
	struct glr_address client = sim_address(AF_INET, 1), none = {.family = AF_UNSPEC};
	static const char *const empty[] = {"", NULL};
	glr__notify_t *notify = NULL;

	ck_assert_int_eq(glr__notify_new(&identifier, 0, NULL, 1, 1000, &ops, &notify), -EINVAL);
	ck_assert_int_eq(glr__notify_new(&none, 1, NULL, 1, 1000, &ops, &notify), -EINVAL);
	ck_assert_int_eq(glr__notify_new(&identifier, 1, empty, 1, 1000, &ops, &notify), -EINVAL);
	ck_assert_ptr_null(notify);
	glr__notify_free(NULL);

	ck_assert_int_eq(glr__notify_new(&identifier, 1, NULL, 1, 1000, &ops, &notify), 0);
	ck_assert_uint_eq(glr__notify_tick(notify, 0), UINT_MAX);
	ck_assert_int_eq(glr__notify_add(notify, "10.0.0.1", &client), 0);
	ck_assert_uint_eq(glr__notify_tick(notify, 0), 500);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(glr__notify_tick(notify, 400), 100);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(glr__notify_tick(notify, 500), 500);
	ck_assert_uint_eq(calls, 2);
	glr__notify_free(notify);
}
END_TEST

static Suite *notify_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *tc = tcase_create("notify");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_all_answer);
	tcase_add_test(tc, test_answers_twice);
	tcase_add_test(tc, test_port_zero);
	tcase_add_test(tc, test_version_mismatch);
	tcase_add_test(tc, test_families_and_names);
	tcase_add_test(tc, test_partly);
	tcase_add_test(tc, test_unaddressed);
	tcase_add_test(tc, test_same_address);
	tcase_add_test(tc, test_forged);
	tcase_add_test(tc, test_tcp_only);
	tcase_add_test(tc, test_slow_monitor);
	tcase_add_test(tc, test_no_route);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(notify_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
