/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NSM procedures: who may ask for what, and the answers. */
#include "monitor_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- SM_MON ------------------------------------------------------------------------ */

START_TEST(new_client_is_on_disk_before_the_answer)
{
	const struct glr__cookie *cookie;

	mon(1, "10.0.0.7");
	ck_assert_uint_eq(result_of(1), NO_ANSWER);
	ck_assert(glr__monitor_busy(t.monitor));
	ck_assert_ptr_null(glr__cookies_find(t.cookies, "10.0.0.7"));
	written(0);
	ck_assert_uint_eq(result_of(1), 0);
	ck_assert_uint_eq(t.seen_count, 1);
	cookie = glr__cookies_find(t.cookies, "10.0.0.7");
	ck_assert_ptr_nonnull(cookie);
	ck_assert_uint_eq(cookie->priv[15], 1);
	ck_assert_uint_eq(cookie->prog, GLR__NLM_PROG);

	monitor_close();
	monitor_open();
	ck_assert(glr_list_contains(t.list, "10.0.0.7"));
	ck_assert_ptr_nonnull(glr__cookies_find(t.cookies, "10.0.0.7"));
}
END_TEST

START_TEST(known_client_costs_no_write)
{
	add_client(1, "10.0.0.7");
	mon(2, "10.0.0.7");
	ck_assert_ptr_null(t.op);
	ck_assert_uint_eq(result_of(2), 0);
	ck_assert_uint_eq(glr__cookies_find(t.cookies, "10.0.0.7")->priv[0], 2);
}
END_TEST

START_TEST(spellings_are_one_client)
{
	add_client(1, "2001:db8::7");
	mon(2, "2001:0db8:0:0::0007");
	ck_assert_uint_eq(result_of(2), 0);
	mon(3, "::ffff:10.0.0.7");
	written(0);
	ck_assert(glr_list_contains(t.list, "10.0.0.7"));
}
END_TEST

START_TEST(host_name_is_refused)
{
	mon(1, "client.example");
	ck_assert_uint_eq(result_of(1), STAT_FAIL);
	ck_assert_ptr_null(t.op);
}
END_TEST

START_TEST(missed_client_is_added_again)
{
	add_client(1, "10.0.0.7");
	ck_assert_int_eq(glr_list_mark_missed(t.list, "10.0.0.7"), 0);
	add_client(2, "10.0.0.7");
	ck_assert(glr_list_contains(t.list, "10.0.0.7"));
}
END_TEST

START_TEST(new_clients_queue_in_order)
{
	add_client(1, "10.0.0.1");
	mon(2, "10.0.0.2");
	mon(3, "10.0.0.3");
	mon(4, "10.0.0.2");
	mon(5, "10.0.0.1");
	ck_assert_uint_eq(result_of(5), 0);
	ck_assert_uint_eq(t.answer_count, 2);
	written(0);
	ck_assert_uint_eq(result_of(2), 0);
	ck_assert_uint_eq(result_of(3), NO_ANSWER);
	ck_assert_uint_eq(result_of(4), NO_ANSWER);
	written(0);
	/* The second request for .2 needs no write of its own. */
	ck_assert_uint_eq(result_of(3), 0);
	ck_assert_uint_eq(result_of(4), 0);
	ck_assert(!glr__monitor_busy(t.monitor));
}
END_TEST

START_TEST(queue_is_bounded)
{
	char name[32];

	for (unsigned i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "10.0.1.%u", i);
		mon(i, name);
	}
	/* One is being written and 64 wait. */
	ck_assert_uint_eq(result_of(64), NO_ANSWER);
	ck_assert_uint_eq(result_of(65), STAT_FAIL);
	ck_assert_uint_eq(t.answer_count, 5);
	for (unsigned i = 0; i < 65; i++)
		written(0);
	ck_assert_uint_eq(result_of(64), 0);
	ck_assert_uint_eq(t.answer_count, 70);
}
END_TEST

/* ---- who may ask, and what --------------------------------------------------------------------- */

START_TEST(only_lockd_may_ask)
{
	const uint32_t procs[] = {GLR__SM_STAT, GLR__SM_MON, GLR__SM_UNMON, GLR__SM_UNMON_ALL,
				  GLR__SM_SIMU_CRASH};
	const struct {
		const char *peer;
		uint16_t port;
	} strangers[] = {{"127.0.0.1", 1024}, {"10.0.0.1", 700}, {"::2", 700}, {"fe80::1", 700}};
	struct message message;
	uint64_t token = 0;

	for (size_t i = 0; i < 5; i++) {
		for (size_t j = 0; j < 4; j++) {
			nsm_mon(&message, (uint32_t)token, "10.0.0.1", 1);
			message.bytes[23] = (uint8_t)procs[i];
			request_from(strangers[j].peer, strangers[j].port, token, &message);
			ck_assert(denied(token));
			token++;
		}
	}
	ck_assert_ptr_null(t.op);
	nsm_mon(&message, 50, "10.0.0.1", 1);
	request_from("::1", 1023, 50, &message);
	written(0);
	ck_assert_uint_eq(result_of(50), 0);
}
END_TEST

START_TEST(other_procedures)
{
	struct message message;

	nsm_call(&message, 1, GLR__SM_NULL);
	request_from("10.0.0.1", 50000, 1, &message);
	ck_assert_uint_eq(accept_stat(1), 0);
	nsm_call(&message, 2, GLR__SM_SIMU_CRASH);
	lockd(2, &message);
	ck_assert_uint_eq(accept_stat(2), 3);
	nsm_call(&message, 3, 7);
	lockd(3, &message);
	ck_assert_uint_eq(accept_stat(3), 3);
	message.bytes[19] = 9; /* version */
	message.bytes[3] = 4;
	lockd(4, &message);
	ck_assert_uint_eq(accept_stat(4), 2);
	message.bytes[15] = 0; /* program */
	lockd(5, &message);
	ck_assert_uint_eq(accept_stat(5), 1);
	nsm_call(&message, 6, GLR__SM_STAT);
	add_string(&message, "10.0.0.1");
	lockd(6, &message);
	ck_assert_uint_eq(result_of(6), 0);
	nsm_call(&message, 7, GLR__SM_STAT);
	add_string(&message, "name");
	lockd(7, &message);
	ck_assert_uint_eq(result_of(7), STAT_FAIL);
}
END_TEST

/* Every prefix of every request, and every request with each byte changed: no crash, nothing written but what
 * an SM_MON that still reads as one asks for. */
START_TEST(hostile_requests)
{
	struct message good, bad;

	nsm_mon(&good, 1, "10.0.0.7", 1);
	for (size_t length = 0; length < good.length; length++) {
		uint8_t *copy = malloc(length ? length : 1);
		struct glr_address peer;

		memcpy(copy, good.bytes, length);
		glr_address_parse("127.0.0.1", &peer);
		t.answers[1].length = 0;
		glr__monitor_request(t.monitor, 1, &peer, 700, copy, length, t.now_ms);
		free(copy);
		ck_assert_ptr_null(t.op);
	}
	for (size_t i = 4; i < good.length; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			bad = good;
			bad.bytes[i] ^= (uint8_t)(1u << bit);
			t.answers[1].length = 0;
			lockd(1, &bad);
			if (t.op)
				written(0);
		}
	}
	nsm_call(&bad, 1, GLR__SM_MON);
	t.answers[1].length = 0;
	lockd(1, &bad);
	ck_assert_uint_eq(accept_stat(1), 4);
}
END_TEST

/* ---- SM_NOTIFY --------------------------------------------------------------------------------- */

START_TEST(reboot_of_a_client_reaches_lockd)
{
	struct message message;

	add_client(1, "10.0.0.1");
	nsm_notify(&message, 2, "10.0.0.1", 33);
	request_from("10.0.0.1", 50000, 2, &message);
	ck_assert_uint_eq(accept_stat(2), 0);
	ck_assert_uint_eq(t.downcall_count, 1);
	ck_assert_uint_eq(t.downcall_state, 33);
	ck_assert_uint_eq(t.downcall.priv[7], 1);
	nsm_notify(&message, 3, "client.example", 35);
	request_from("10.0.0.1", 50000, 3, &message);
	ck_assert_uint_eq(t.downcall_count, 2);
	ck_assert_str_eq(t.downcall.name, "10.0.0.1");
	ck_assert(glr_list_contains(t.list, "10.0.0.1"));
	ck_assert_ptr_null(t.op);
}
END_TEST

START_TEST(reboot_of_somebody_else_does_not)
{
	struct message message;

	add_client(1, "10.0.0.1");
	nsm_notify(&message, 2, "10.0.0.1", 33);
	request_from("10.0.0.2", 700, 2, &message);
	ck_assert_uint_eq(accept_stat(2), 0);
	nsm_notify(&message, 3, "client.example", 33);
	request_from("10.0.0.2", 700, 3, &message);
	/* One that is monitored itself speaks for itself only. */
	add_client(6, "10.0.0.2");
	nsm_notify(&message, 7, "10.0.0.1", 33);
	request_from("10.0.0.2", 700, 7, &message);
	ck_assert_uint_eq(t.downcall_count, 0);
	/* On the list, but not monitored by this lockd. */
	unmon(4, "10.0.0.1");
	nsm_notify(&message, 5, "10.0.0.1", 33);
	request_from("10.0.0.1", 700, 5, &message);
	ck_assert_uint_eq(t.downcall_count, 0);
}
END_TEST

static Suite *monitor_suite(void)
{
	Suite *suite = suite_create("monitor");
	TCase *tc = tcase_create("monitor");

	tcase_add_checked_fixture(tc, monitor_setup, monitor_teardown);
	tcase_add_test(tc, new_client_is_on_disk_before_the_answer);
	tcase_add_test(tc, known_client_costs_no_write);
	tcase_add_test(tc, spellings_are_one_client);
	tcase_add_test(tc, host_name_is_refused);
	tcase_add_test(tc, missed_client_is_added_again);
	tcase_add_test(tc, new_clients_queue_in_order);
	tcase_add_test(tc, queue_is_bounded);
	tcase_add_test(tc, only_lockd_may_ask);
	tcase_add_test(tc, other_procedures);
	tcase_add_test(tc, hostile_requests);
	tcase_add_test(tc, reboot_of_a_client_reaches_lockd);
	tcase_add_test(tc, reboot_of_somebody_else_does_not);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(monitor_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
