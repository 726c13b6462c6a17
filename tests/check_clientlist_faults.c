/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client list on a disk that fails, and through power failures.  One
 * invariant: a client whose adding returned 0 is on the list when it is read
 * back, whatever became of the writes that were not synced.
 */
#include "clientlist_fixture.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CLIENTS 60

struct promise {
	bool held[CLIENTS];   /* added, and no removal was even tried */
	bool missed[CLIENTS]; /* marked, and no return was even tried */
	uint64_t epoch;
	uint32_t state;
	int error;
};

static void promise_add(glr_list_t *list, struct promise *promise, unsigned i)
{
	int rc;

	promise->missed[i] = false;
	rc = add(list, i);
	if (rc == 0)
		promise->held[i] = true;
	else if (!promise->error)
		promise->error = rc;
}

static void promise_less(glr_list_t *list, struct promise *promise, unsigned i, bool missed)
{
	int rc;

	promise->held[i] = false;
	rc = missed ? glr_list_mark_missed(list, name_of(i)) : glr_list_remove(list, name_of(i));
	if (rc == 0)
		promise->missed[i] = missed;
	else if (rc != -ENOENT && !promise->error)
		promise->error = rc;
}

static void promise_epoch(glr_list_t *list, struct promise *promise, bool fresh)
{
	int rc = glr_list_begin_epoch(list, fresh);

	if (rc == 0) {
		promise->epoch = facts_of(list).epoch;
		promise->state = facts_of(list).nsm_state;
	} else if (!promise->error) {
		promise->error = rc;
	}
}

/* Everything a list can be asked to do, and enough of it to fill the small slot again and again. */
static void work(glr_list_t *list, struct promise *promise)
{
	uint32_t series = 7;
	unsigned i, step;

	for (step = 0; step < 240 && !promise->error; step++) {
		series = series * 1103515245 + 12345;
		i = (series >> 16) % CLIENTS;
		if (step % 60 == 30)
			promise_epoch(list, promise, step % 120 == 30);
		else if (step % 60 == 50 ||
			 step % 60 == 51) /* the second overwrites what the first left behind */
			promise->error = glr_list_compact(list);
		else if (step % 60 == 40)
			promise->error = glr_list_end_recovery(list);
		else if (step % 7 == 5)
			promise_less(list, promise, i, true);
		else if (step % 4 == 3)
			promise_less(list, promise, i, false);
		else
			promise_add(list, promise, i);
	}
}

static unsigned calls_of_all_work(void)
{
	struct promise promise = {.error = 0};
	glr_list_t *list;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	list = list_open();
	memset(&disk, 0, sizeof(disk));
	work(list, &promise);
	ck_assert_int_eq(promise.error, 0);
	glr_list_close(list);
	return disk.calls;
}

static void expect_promise(const glr_list_t *list, const struct promise *promise)
{
	unsigned i;

	for (i = 0; i < CLIENTS; i++) {
		if (promise->held[i])
			ck_assert_msg(on_list(list, i), "client %u was acknowledged and is gone", i);
		if (promise->missed[i])
			ck_assert_msg(!on_list(list, i), "client %u was missed and would be told", i);
	}
	ck_assert_uint_ge(facts_of(list).nsm_state, promise->state);
	ck_assert_uint_ge(facts_of(list).epoch, promise->epoch);
}

static void expect_poisoned(glr_list_t *list, const struct promise *promise, int error)
{
	unsigned calls = disk.calls;
	unsigned i;

	ck_assert_int_eq(promise->error, error);
	ck_assert_int_eq(facts_of(list).error, error);
	ck_assert_int_eq(add(list, 9999), error);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), error);
	ck_assert_int_eq(glr_list_end_recovery(list), error);
	ck_assert_int_eq(glr_list_compact(list), error);
	for (i = 0; i < CLIENTS; i++)
		if (on_list(list, i))
			ck_assert_int_eq(add(list, i), 0);
	ck_assert_uint_eq(disk.calls, calls);
}

START_TEST(power_fails_at_every_write_and_sync)
{
	unsigned all = calls_of_all_work();
	struct promise promise;
	glr_list_t *list;
	unsigned at;

	for (at = 1; at <= all; at++) {
		fixture_format(FIXTURE_SLOT_BYTES, false);
		list = list_open();
		memset(&promise, 0, sizeof(promise));
		disk = (struct disk){.fail_at = at, .error = -EIO, .stays_broken = true, .arrives = true};
		work(list, &promise);
		ck_assert_int_eq(promise.error, -EIO);
		glr_list_close(list);
		power_cut((enum power_cut)_i);
		memset(&disk, 0, sizeof(disk));
		list = list_open();
		expect_promise(list, &promise);
		/* A power failure is never taken for damage. */
		ck_assert_int_le(facts_of(list).condition, GLR_LIST_TORN);
		/* And life goes on, until the next one. */
		promise.error = 0;
		work(list, &promise);
		ck_assert_int_eq(promise.error, 0);
		list = list_reopen(list);
		expect_promise(list, &promise);
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
		glr_list_close(list);
	}
}
END_TEST

START_TEST(every_write_and_sync_fails_once)
{
	unsigned all = calls_of_all_work();
	struct promise promise;
	glr_list_t *list;
	unsigned at;

	for (at = 1; at <= all; at++) {
		fixture_format(FIXTURE_SLOT_BYTES, false);
		list = list_open();
		memset(&promise, 0, sizeof(promise));
		disk = (struct disk){.fail_at = at, .error = _i ? -EIO : -ENOSPC, .arrives = _i};
		work(list, &promise);
		expect_poisoned(list, &promise, disk.error);
		memset(&disk, 0, sizeof(disk));
		list = list_reopen(list);
		expect_promise(list, &promise);
		glr_list_close(list);
	}
}
END_TEST

/* A monitor was killed between write and sync; its successor reads the record from memory, and then power
 * fails. */
START_TEST(what_was_not_synced_is_not_known)
{
	struct glr_address address = address_of(1);
	struct glr__list_write op;
	glr_list_t *list;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	list = list_open();
	ck_assert_int_eq(glr__list_prepare_add(list, name_of(1), &address, &op), 0);
	disk = (struct disk){.fail_at = 2, .error = -EIO};
	ck_assert_int_eq(glr__list_write(&op), -EIO);
	list = list_reopen(list);
	ck_assert_int_eq(facts_of(list).error, 0);
	ck_assert_int_eq(add(list, 1), 0);
	power_cut(CUT_LOSES);
	list = list_reopen(list);
	ck_assert(on_list(list, 1));
	glr_list_close(list);
}
END_TEST

START_TEST(a_failed_sync_at_opening_poisons)
{
	glr_list_t *list;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	list = list_open();
	add_many(list, 0, 3);
	glr_list_close(list);
	disk = (struct disk){.fail_at = 1, .error = -EIO};
	list = list_open();
	ck_assert_int_eq(facts_of(list).error, -EIO);
	ck_assert_uint_eq(facts_of(list).clients, 3);
	ck_assert_int_eq(add(list, 2), 0);
	ck_assert_int_eq(add(list, 3), -EIO);
	glr_list_close(list);
}
END_TEST

START_TEST(a_late_write_result_poisons)
{
	struct glr_address address = address_of(1);
	struct glr__list_write op;
	glr_list_t *list;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	list = list_open();
	ck_assert_int_eq(glr__list_prepare_add(list, name_of(1), &address, &op), 0);
	ck_assert_int_eq(glr__list_commit(list, -EIO), -EIO);
	ck_assert(!on_list(list, 1));
	ck_assert_int_eq(add(list, 1), -EIO);
	glr_list_close(list);
}
END_TEST

/* The salvaged clients must survive a compaction that is interrupted, and the damage must not be forgotten.
 */
START_TEST(power_fails_while_a_damaged_list_is_rewritten)
{
	glr_list_t *list;
	unsigned at, i;
	int rc = -1;

	for (at = 1; rc; at++) {
		fixture_format(FIXTURE_SLOT_BYTES, false);
		list = list_open();
		add_many(list, 100, 140);
		glr_list_close(list);
		flip_bit(0, (record_at(20) + 30) * 8);
		list = list_open();
		disk = (struct disk){.fail_at = at, .error = -EIO, .stays_broken = true, .arrives = true};
		rc = glr_list_begin_epoch(list, true);
		glr_list_close(list);
		power_cut((enum power_cut)_i);
		memset(&disk, 0, sizeof(disk));
		list = list_open();
		for (i = 100; i < 140; i++)
			ck_assert_int_eq(on_list(list, i), i != 120);
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
		glr_list_close(list);
	}
	ck_assert_uint_gt(at, 5);
}
END_TEST

static void expect_format_again(void)
{
	glr_list_t *list = NULL;
	int rc = glr_list_format(directory_fd, "home", FIXTURE_SLOT_BYTES, false);

	ck_assert(rc == 0 || rc == -EEXIST);
	slots_open(O_RDWR);
	ck_assert_int_eq(glr_list_open(slot_fds[0], slot_fds[1], "home", &list), 0);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	glr_list_close(list);
	slots_close();
	unlinkat(directory_fd, "clients.0", 0);
	unlinkat(directory_fd, "clients.1", 0);
}

START_TEST(format_fails_at_every_write_and_sync)
{
	unsigned at;
	int rc = -1;

	for (at = 1; rc; at++) {
		disk = (struct disk){.fail_at = at, .error = -ENOSPC};
		rc = glr_list_format(directory_fd, "home", FIXTURE_SLOT_BYTES, false);
		ck_assert(rc == 0 || rc == -ENOSPC);
		ck_assert_int_ne(faccessat(directory_fd, "clients.0.new", F_OK, 0), 0);
		ck_assert_int_ne(faccessat(directory_fd, "clients.1.new", F_OK, 0), 0);
		memset(&disk, 0, sizeof(disk));
		expect_format_again();
	}
	ck_assert_uint_gt(at, 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clientlist_faults");
	TCase *tcase = tcase_create("faults");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 600);
	tcase_add_unchecked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_checked_fixture(tcase, fixture_begin, fixture_end);
	tcase_add_loop_test(tcase, power_fails_at_every_write_and_sync, 0, CUT_KINDS);
	tcase_add_loop_test(tcase, every_write_and_sync_fails_once, 0, 2);
	tcase_add_test(tcase, what_was_not_synced_is_not_known);
	tcase_add_test(tcase, a_failed_sync_at_opening_poisons);
	tcase_add_test(tcase, a_late_write_result_poisons);
	tcase_add_loop_test(tcase, power_fails_while_a_damaged_list_is_rewritten, 0, CUT_KINDS);
	tcase_add_test(tcase, format_fails_at_every_write_and_sync);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
