/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor writes to the list: deadlines, order, late removals, the frozen list. */
#include "monitor_fixture.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- a slow disk, a dead disk ---------------------------------------------------------- */

START_TEST(stuck_write_fails_new_clients_only)
{
	add_client(1, "10.0.0.1");
	mon(2, "10.0.0.2");
	t.now_ms += 400;
	mon(3, "10.0.0.3");
	ck_assert_uint_eq(tick_after(0), GLR__SYNC_DEADLINE_MS - 400);
	tick_after(GLR__SYNC_DEADLINE_MS - 401);
	ck_assert_uint_eq(result_of(2), NO_ANSWER);
	ck_assert_uint_eq(tick_after(1), UINT_MAX);
	ck_assert_uint_eq(result_of(2), STAT_FAIL);
	ck_assert_uint_eq(result_of(3), STAT_FAIL);
	ck_assert(!glr__monitor_durable(t.monitor));

	mon(4, "10.0.0.4");
	ck_assert_uint_eq(result_of(4), STAT_FAIL);
	mon(5, "10.0.0.1");
	ck_assert_uint_eq(result_of(5), 0);

	tick_after(30000);
	written(0);
	ck_assert(glr__monitor_durable(t.monitor));
	ck_assert_ptr_null(glr__cookies_find(t.cookies, "10.0.0.2"));
	/* It was refused, but is on the list: the safe side. */
	ck_assert(glr_list_contains(t.list, "10.0.0.2"));
	mon(6, "10.0.0.2");
	ck_assert_uint_eq(result_of(6), 0);
	add_client(7, "10.0.0.4");
}
END_TEST

START_TEST(waiting_client_has_its_own_deadline)
{
	mon(1, "10.0.0.1");
	t.now_ms += 900;
	mon(2, "10.0.0.2");
	written(0);
	ck_assert_uint_eq(result_of(1), 0);
	t.now_ms += 50;
	mon(3, "10.0.0.3");
	ck_assert_uint_eq(tick_after(0), GLR__SYNC_DEADLINE_MS - 50);
	t.now_ms += 940;
	written(0);
	ck_assert_uint_eq(result_of(2), 0);
	/* Its write has just begun, but it has waited long enough. */
	ck_assert_uint_eq(result_of(3), NO_ANSWER);
	ck_assert_uint_eq(tick_after(0), 60);
	tick_after(60);
	ck_assert_uint_eq(result_of(3), STAT_FAIL);
	ck_assert(glr__monitor_durable(t.monitor));
	written(0);
	ck_assert(glr_list_contains(t.list, "10.0.0.3"));
}
END_TEST

START_TEST(write_error_is_final)
{
	add_client(1, "10.0.0.1");
	mon(2, "10.0.0.2");
	mon(3, "10.0.0.3");
	written(-EIO);
	ck_assert_uint_eq(result_of(2), STAT_FAIL);
	ck_assert_uint_eq(result_of(3), STAT_FAIL);
	ck_assert_ptr_null(t.op);
	mon(4, "10.0.0.4");
	ck_assert_uint_eq(result_of(4), STAT_FAIL);
	ck_assert(!glr__monitor_durable(t.monitor));
	mon(5, "10.0.0.1");
	ck_assert_uint_eq(result_of(5), 0);
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_END, NULL, t.now_ms), 0);
	ck_assert_ptr_null(t.op);
}
END_TEST

START_TEST(cookie_that_cannot_be_kept_is_a_failure)
{
	struct rlimit none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY}, before;

	mon(1, "10.0.0.1");
	ck_assert_int_eq(glr__list_write(t.op), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	glr__monitor_written(t.monitor, 0, t.now_ms);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_uint_eq(result_of(1), STAT_FAIL);
	ck_assert_uint_eq(t.seen_count, 0);
}
END_TEST

/* Nothing is appended to a damaged list: the client waits for the rewriting, and is answered. */
START_TEST(damaged_list_is_rewritten_first)
{
	struct glr_list_facts facts;

	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	monitor_close();
	ck_assert_int_eq(pwrite(t.slots[0], "?", 1, 8192 + 20), 1); /* the epoch, the first record */
	monitor_open();
	mon(3, "10.0.0.3");
	for (int i = 0; i < 8 && result_of(3) == NO_ANSWER; i++)
		written(0);
	ck_assert_uint_eq(result_of(3), 0);
	glr_list_get_facts(t.list, &facts);
	ck_assert_uint_eq(facts.generation, 2);
	ck_assert_int_eq(facts.condition, GLR_LIST_SALVAGED);
	ck_assert_uint_eq(facts.clients, 3);
}
END_TEST

/* ---- SM_UNMON ---------------------------------------------------------------------------- */

START_TEST(unmon_takes_a_client_off_late)
{
	add_client(1, "10.0.0.1");
	unmon(2, "10.0.0.1");
	ck_assert_uint_eq(accept_stat(2), 0);
	ck_assert_uint_eq(word_at(t.answers[2].bytes, 6), LOCAL_STATE);
	ck_assert_ptr_null(glr__cookies_find(t.cookies, "10.0.0.1"));
	ck_assert_uint_eq(tick_after(1), GLR__UNMON_DELAY_MS - 1);
	tick_after(GLR__UNMON_DELAY_MS - 2);
	ck_assert_ptr_null(t.op);
	tick_after(1);
	written(0);
	ck_assert(!glr_list_contains(t.list, "10.0.0.1"));
}
END_TEST

START_TEST(new_mon_cancels_unmon)
{
	add_client(1, "10.0.0.1");
	unmon(2, "10.0.0.1");
	mon(3, "10.0.0.1");
	ck_assert_uint_eq(result_of(3), 0);
	tick_after(GLR__UNMON_DELAY_MS);
	ck_assert_ptr_null(t.op);
	ck_assert(glr_list_contains(t.list, "10.0.0.1"));
}
END_TEST

START_TEST(mon_during_its_removal_adds_it_again)
{
	add_client(1, "10.0.0.1");
	unmon(2, "10.0.0.1");
	tick_after(GLR__UNMON_DELAY_MS);
	ck_assert_ptr_nonnull(t.op);
	mon(3, "10.0.0.1");
	ck_assert_uint_eq(result_of(3), NO_ANSWER);
	written(0);
	written(0);
	ck_assert_uint_eq(result_of(3), 0);
	monitor_close();
	monitor_open();
	ck_assert(glr_list_contains(t.list, "10.0.0.1"));
}
END_TEST

START_TEST(removals_wait_for_new_clients)
{
	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	unmon(3, "10.0.0.1");
	unmon(4, "10.0.0.2");
	tick_after(GLR__UNMON_DELAY_MS);
	mon(5, "10.0.0.5");
	written(0);
	ck_assert(!glr_list_contains(t.list, "10.0.0.1"));
	written(0);
	ck_assert_uint_eq(result_of(5), 0);
	ck_assert(glr_list_contains(t.list, "10.0.0.2"));
	written(0);
	ck_assert(!glr_list_contains(t.list, "10.0.0.2"));
}
END_TEST

START_TEST(unmon_of_another_callback_is_ignored)
{
	struct message message;

	add_client(1, "10.0.0.1");
	nsm_call(&message, 2, GLR__SM_UNMON);
	add_string(&message, "10.0.0.1");
	add_string(&message, "node1");
	add_u32(&message, 200000);
	add_u32(&message, 3);
	add_u32(&message, 16);
	lockd(2, &message);
	ck_assert_uint_eq(accept_stat(2), 0);
	ck_assert_ptr_nonnull(glr__cookies_find(t.cookies, "10.0.0.1"));
}
END_TEST

START_TEST(unmon_all)
{
	struct message message;

	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	nsm_call(&message, 3, GLR__SM_UNMON_ALL);
	nsm_add_my_id(&message);
	lockd(3, &message);
	ck_assert_uint_eq(accept_stat(3), 0);
	ck_assert_uint_eq(glr__cookies_count(t.cookies), 0);
	mon(4, "10.0.0.2");
	tick_after(GLR__UNMON_DELAY_MS);
	written(0);
	ck_assert(!glr__monitor_busy(t.monitor));
	ck_assert(!glr_list_contains(t.list, "10.0.0.1"));
	ck_assert(glr_list_contains(t.list, "10.0.0.2"));
}
END_TEST

START_TEST(frozen_list_does_not_change)
{
	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	unmon(3, "10.0.0.1");
	mon(4, "10.0.0.4");
	mon(5, "10.0.0.5");
	glr__monitor_freeze(t.monitor);
	ck_assert_uint_eq(result_of(4), STAT_FAIL);
	ck_assert_uint_eq(result_of(5), STAT_FAIL);
	written(0);
	unmon(6, "10.0.0.2");
	ck_assert_uint_eq(accept_stat(6), 0);
	mon(7, "10.0.0.2");
	ck_assert_uint_eq(result_of(7), STAT_FAIL);
	ck_assert_uint_eq(tick_after(GLR__UNMON_DELAY_MS), UINT_MAX);
	ck_assert_ptr_null(t.op);
	ck_assert(glr_list_contains(t.list, "10.0.0.1"));
	ck_assert(glr_list_contains(t.list, "10.0.0.2"));
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_REMOVE, "10.0.0.1", t.now_ms), -EPERM);

	ck_assert_int_eq(glr__cookies_set_frozen(t.cookies, true), 0);
	monitor_close();
	monitor_open();
	mon(8, "10.0.0.2");
	ck_assert_uint_eq(result_of(8), STAT_FAIL);
}
END_TEST

/* Whoever waits for it is told: that it is not begun when it was queued, what came of it when it was being
 * written.
 */
START_TEST(epoch_that_is_begun_at_a_freeze)
{
	struct glr_list_facts before, after;

	glr_list_get_facts(t.list, &before);
	mon(1, "10.0.0.1");
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_BEGIN_FRESH, NULL, t.now_ms), 0);
	glr__monitor_freeze(t.monitor);
	ck_assert_uint_eq(t.begun_count, 1);
	ck_assert_int_eq(t.begun_result, -EPERM);
	written(0);
	ck_assert_ptr_null(t.op);
	ck_assert_uint_eq(t.begun_count, 1);
	glr_list_get_facts(t.list, &after);
	ck_assert_uint_eq(after.epoch, before.epoch);
	ck_assert_uint_eq(after.nsm_state, before.nsm_state);

	monitor_close();
	monitor_open();
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_BEGIN_FRESH, NULL, t.now_ms), 0);
	glr__monitor_freeze(t.monitor);
	ck_assert_uint_eq(t.begun_count, 1);
	written(0);
	ck_assert_uint_eq(t.begun_count, 2);
	ck_assert_int_eq(t.begun_result, 0);
	glr_list_get_facts(t.list, &after);
	ck_assert_uint_eq(after.epoch, before.epoch + 1);
	ck_assert_uint_eq(after.nsm_state, before.nsm_state + 2);
}
END_TEST

/* ---- changes that nobody waits for ------------------------------------------------------------ */

START_TEST(change_leaves_a_seen_client_alone)
{
	struct glr_list_facts facts;

	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	unmon(3, "10.0.0.2");
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_MISSED, "10.0.0.1", t.now_ms), 0);
	ck_assert_ptr_null(t.op);
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_MISSED, "10.0.0.2", t.now_ms), 0);
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_REMOVE, "10.0.0.9", t.now_ms), 0);
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_END, NULL, t.now_ms), 0);
	written(0);
	written(0);
	ck_assert(!glr__monitor_busy(t.monitor));
	glr_list_get_facts(t.list, &facts);
	ck_assert_uint_eq(facts.clients, 1);
	ck_assert_uint_eq(facts.missed, 1);
	ck_assert(facts.recovery_ended);
}
END_TEST

static Suite *monitor_writes_suite(void)
{
	Suite *suite = suite_create("monitor writes");
	TCase *tc = tcase_create("monitor writes");

	tcase_add_checked_fixture(tc, monitor_setup, monitor_teardown);
	tcase_add_test(tc, stuck_write_fails_new_clients_only);
	tcase_add_test(tc, epoch_that_is_begun_at_a_freeze);
	tcase_add_test(tc, waiting_client_has_its_own_deadline);
	tcase_add_test(tc, write_error_is_final);
	tcase_add_test(tc, cookie_that_cannot_be_kept_is_a_failure);
	tcase_add_test(tc, damaged_list_is_rewritten_first);
	tcase_add_test(tc, unmon_takes_a_client_off_late);
	tcase_add_test(tc, new_mon_cancels_unmon);
	tcase_add_test(tc, mon_during_its_removal_adds_it_again);
	tcase_add_test(tc, removals_wait_for_new_clients);
	tcase_add_test(tc, unmon_of_another_callback_is_ignored);
	tcase_add_test(tc, unmon_all);
	tcase_add_test(tc, frozen_list_does_not_change);
	tcase_add_test(tc, change_leaves_a_seen_client_alone);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(monitor_writes_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
