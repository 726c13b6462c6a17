/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfsd's changes among those of lockd: one at a time, in turn, without a deadline. */
#include "monitor_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static int change(enum glr__v4_change kind, const char *id)
{
	struct glr__v4_client client = {.id_length = strlen(id)};

	memcpy(client.id, id, client.id_length);
	return glr__monitor_v4(t.monitor, kind, &client, t.now_ms);
}

static size_t v4_clients(void)
{
	struct glr_list_facts facts;

	glr_list_get_facts(t.list, &facts);
	return facts.v4_clients;
}

START_TEST(test_done_when_written)
{
	ck_assert_int_eq(change(GLR__V4_ADD, "a"), 0);
	ck_assert_uint_eq(t.v4_count, 0);
	ck_assert_int_eq(change(GLR__V4_ADD, "b"), -EBUSY);
	written(0);
	ck_assert_uint_eq(t.v4_count, 1);
	ck_assert_int_eq(t.v4_result, 0);
	ck_assert_uint_eq(v4_clients(), 1);
	ck_assert_int_eq(change(GLR__V4_REMOVE, "a"), 0);
	written(0);
	ck_assert_int_eq(t.v4_result, 0);
	ck_assert_uint_eq(v4_clients(), 0);
	ck_assert_int_eq(change(GLR__V4_REMOVE, "a"), 0);
	ck_assert_uint_eq(t.v4_count, 3);
	ck_assert_int_eq(t.v4_result, -ENOENT);
}
END_TEST

START_TEST(test_grace)
{
	ck_assert_int_eq(change(GLR__V4_ADD, "a"), 0);
	written(0);
	ck_assert_int_eq(change(GLR__V4_GRACE_BEGIN, ""), 0);
	written(0);
	ck_assert(glr__list_v4_may_reclaim(t.list, "a", 1));
	ck_assert_int_eq(change(GLR__V4_GRACE_DONE, ""), 0);
	ck_assert(glr__list_v4_may_reclaim(t.list, "a", 1));
	written(0);
	ck_assert(!glr__list_v4_may_reclaim(t.list, "a", 1));
	ck_assert_uint_eq(t.v4_count, 3);
	ck_assert_uint_eq(v4_clients(), 0);
}
END_TEST

/* Neither lockd nor nfsd keeps the other waiting for more than one write. */
START_TEST(test_turns)
{
	mon(1, "10.0.0.1");
	mon(2, "10.0.0.2");
	mon(3, "10.0.0.3");
	ck_assert_int_eq(change(GLR__V4_ADD, "a"), 0);
	written(0);
	ck_assert_uint_eq(result_of(1), 0);
	written(0);
	ck_assert_uint_eq(t.v4_count, 1);
	ck_assert_uint_eq(result_of(2), NO_ANSWER);
	ck_assert_int_eq(change(GLR__V4_ADD, "b"), 0);
	written(0);
	ck_assert_uint_eq(result_of(2), 0);
	written(0);
	ck_assert_uint_eq(t.v4_count, 2);
	written(0);
	ck_assert_uint_eq(result_of(3), 0);
}
END_TEST

START_TEST(test_no_deadline)
{
	ck_assert_int_eq(change(GLR__V4_ADD, "a"), 0);
	mon(1, "10.0.0.1");
	tick_after(GLR__SYNC_DEADLINE_MS);
	ck_assert_uint_eq(result_of(1), STAT_FAIL);
	tick_after(60000);
	ck_assert_uint_eq(t.v4_count, 0);
	written(0);
	ck_assert_uint_eq(t.v4_count, 1);
	ck_assert_int_eq(t.v4_result, 0);
}
END_TEST

START_TEST(test_write_fails)
{
	ck_assert_int_eq(change(GLR__V4_ADD, "a"), 0);
	written(-EIO);
	ck_assert_int_eq(t.v4_result, -EIO);
	ck_assert_int_eq(change(GLR__V4_ADD, "a"), 0);
	ck_assert_uint_eq(t.v4_count, 2);
	ck_assert_int_eq(t.v4_result, -EIO);
	ck_assert_ptr_null(t.op);
}
END_TEST

START_TEST(test_frozen)
{
	ck_assert_int_eq(change(GLR__V4_ADD, "a"), 0);
	glr__monitor_freeze(t.monitor);
	written(0);
	ck_assert_int_eq(t.v4_result, 0);
	ck_assert_int_eq(change(GLR__V4_ADD, "b"), 0);
	written(0);
	ck_assert_uint_eq(t.v4_count, 2);
	ck_assert_uint_eq(v4_clients(), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("monitor_v4");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, monitor_setup, monitor_teardown);
	tcase_add_test(tc, test_done_when_written);
	tcase_add_test(tc, test_grace);
	tcase_add_test(tc, test_turns);
	tcase_add_test(tc, test_no_deadline);
	tcase_add_test(tc, test_write_fails);
	tcase_add_test(tc, test_frozen);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
