/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client list on a disk that works. */
#include "clientlist_fixture.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(a_new_list_is_empty_and_clean)
{
	struct glr_list_facts facts;
	glr_list_t *list;

	fixture_format(1 << 20, false);
	list = list_open();
	facts = facts_of(list);
	ck_assert_str_eq(facts.group, "home");
	ck_assert_int_eq(facts.condition, GLR_LIST_CLEAN);
	ck_assert_uint_eq(facts.clients, 0);
	ck_assert_uint_eq(facts.missed, 0);
	ck_assert_uint_eq(facts.epoch, 0);
	ck_assert_uint_eq(facts.nsm_state % 2, 0);
	ck_assert_uint_eq(facts.generation, 1);
	ck_assert_uint_eq(facts.slot_bytes, 1 << 20);
	ck_assert(!facts.recovery_ended);
	glr_list_close(list);
}
END_TEST

START_TEST(format_leaves_what_is_there)
{
	ck_assert_int_eq(glr_list_format(directory_fd, "no host", 1 << 20, false), -EINVAL);
	ck_assert_int_eq(glr_list_format(directory_fd, "home", 4096, false), -EINVAL);
	ck_assert_int_eq(glr_list_format(directory_fd, "home", (1 << 20) + 8, false), -EINVAL);
	fixture_format(1 << 20, false);
	ck_assert_int_eq(glr_list_format(directory_fd, "home", 1 << 20, false), -EEXIST);
	/* An interrupted format made the second slot only. */
	ck_assert_int_eq(unlinkat(directory_fd, "clients.0", 0), 0);
	ck_assert_int_eq(glr_list_format(directory_fd, "home", 1 << 20, false), 0);
}
END_TEST

START_TEST(format_never_takes_a_list_for_a_leftover)
{
	glr_list_t *list;

	fixture_format(1 << 20, false);
	list = list_open();
	add_many(list, 0, 3);
	ck_assert_int_eq(glr_list_compact(list), 0);
	glr_list_close(list);
	ck_assert_int_eq(unlinkat(directory_fd, "clients.0", 0), 0);
	ck_assert_int_eq(glr_list_format(directory_fd, "home", 1 << 20, false), -EEXIST);
	ck_assert_int_eq(faccessat(directory_fd, "clients.1", F_OK, 0), 0);
	ck_assert_int_eq(faccessat(directory_fd, "clients.0", F_OK, 0), -1);
}
END_TEST

START_TEST(slots_have_their_blocks_and_are_roots_alone)
{
	struct stat st;

	fixture_format(1 << 20, false);
	ck_assert_int_eq(fstat(slot_fds[1], &st), 0);
	ck_assert_int_ge(st.st_blocks * 512, 1 << 20);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
}
END_TEST

static int collect(const struct glr_list_client *client, void *arg)
{
	char text[GLR_ADDRESS_TEXT_MAX];
	char *all = arg;

	ck_assert_str_eq(glr_address_text(&client->address, text), client->name);
	strcat(all, client->name + strlen("10.0.0."));
	strcat(all, client->missed ? "- " : " ");
	return 0;
}

static int stop_at_second(const struct glr_list_client *client, void *arg)
{
	return ++*(int *)arg == 2 ? 7 : 0;
}

static void expect_clients(const glr_list_t *list, const char *expected)
{
	char all[256] = "";

	ck_assert_int_eq(glr_list_foreach(list, collect, all), 0);
	ck_assert_str_eq(all, expected);
}

START_TEST(changes_survive_reopening_and_compaction)
{
	struct glr_list_facts facts;
	glr_list_t *list;
	int seen = 0;
	int round;

	fixture_format(1 << 20, false);
	list = list_open();
	add_many(list, 1, 7);
	ck_assert_int_eq(glr_list_remove(list, name_of(2)), 0);
	ck_assert_int_eq(glr_list_remove(list, name_of(2)), -ENOENT);
	ck_assert_int_eq(glr_list_mark_missed(list, name_of(3)), 0);
	ck_assert_int_eq(glr_list_mark_missed(list, name_of(4)), 0);
	ck_assert_int_eq(glr_list_mark_missed(list, name_of(9)), -ENOENT);
	ck_assert_int_eq(add(list, 3), 0);
	ck_assert_int_eq(add(list, 2), 0);
	for (round = 0; round < 3; round++) {
		expect_clients(list, "1 3 4- 5 6 2 ");
		facts = facts_of(list);
		ck_assert_uint_eq(facts.clients, 5);
		ck_assert_uint_eq(facts.missed, 1);
		ck_assert(on_list(list, 3));
		ck_assert(!on_list(list, 4));
		ck_assert(!on_list(list, 9));
		ck_assert_int_eq(facts.condition, GLR_LIST_CLEAN);
		ck_assert_uint_eq(facts.generation, round == 2 ? 2 : 1);
		if (round == 1)
			ck_assert_int_eq(glr_list_compact(list), 0);
		list = list_reopen(list);
	}
	ck_assert_int_eq(glr_list_foreach(list, stop_at_second, &seen), 7);
	glr_list_close(list);
}
END_TEST

START_TEST(a_known_client_costs_no_write)
{
	struct glr_address address = address_of(1);
	struct glr_address moved = address_of(2);
	struct glr__list_write op;
	unsigned calls;
	glr_list_t *list;

	fixture_format(1 << 20, false);
	list = list_open();
	ck_assert_int_eq(glr_list_add(list, "a", &address), 0);
	calls = disk.calls;
	ck_assert_int_eq(glr_list_add(list, "a", &address), 0);
	ck_assert_int_eq(glr__list_prepare_add(list, "a", &address, &op), 0);
	ck_assert_uint_eq(op.length, 0);
	ck_assert_int_eq(glr__list_commit(list, 0), 0);
	ck_assert_uint_eq(disk.calls, calls);
	ck_assert_int_eq(glr_list_add(list, "a", &moved), 0);
	ck_assert_uint_eq(disk.calls, calls + 2);
	glr_list_close(list);
}
END_TEST

START_TEST(names_that_are_none)
{
	struct glr_address address = address_of(1);
	char longest[GLR_NAME_MAX + 1];
	glr_list_t *list;

	memset(longest, 'x', sizeof(longest));
	fixture_format(1 << 20, false);
	list = list_open();
	ck_assert_int_eq(glr_list_add(list, "", &address), -EINVAL);
	ck_assert_int_eq(glr_list_add(list, "a b", &address), -EINVAL);
	ck_assert_int_eq(glr_list_add(list, "a\n", &address), -EINVAL);
	longest[GLR_NAME_MAX] = '\0';
	ck_assert_int_eq(glr_list_add(list, longest, &address), -EINVAL);
	longest[GLR_NAME_MAX - 1] = '\0';
	ck_assert_int_eq(glr_list_add(list, longest, &address), 0);
	list = list_reopen(list);
	ck_assert(glr_list_contains(list, longest));
	glr_list_close(list);
}
END_TEST

START_TEST(states_advance_by_two_and_epochs_when_fresh)
{
	static const struct {
		bool fresh;
		uint64_t epoch;
		uint32_t state; /* after that of the new list */
	} steps[] = {{true, 1, 1}, {false, 1, 3}, {true, 2, 5}, {true, 3, 7}, {false, 3, 9}};
	uint32_t first;
	glr_list_t *list;
	size_t i;

	fixture_format(1 << 20, false);
	list = list_open();
	first = facts_of(list).nsm_state;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		ck_assert_int_eq(glr_list_begin_epoch(list, steps[i].fresh), 0);
		list = list_reopen(list);
		ck_assert_uint_eq(facts_of(list).epoch, steps[i].epoch);
		ck_assert_uint_eq(facts_of(list).nsm_state, first + steps[i].state);
		ck_assert(!facts_of(list).recovery_ended);
		ck_assert_int_eq(glr_list_end_recovery(list), 0);
		if (i % 2)
			ck_assert_int_eq(glr_list_compact(list), 0);
		list = list_reopen(list);
		ck_assert(facts_of(list).recovery_ended);
	}
	glr_list_close(list);
}
END_TEST

START_TEST(missing_until_a_recovery_has_ended)
{
	uint32_t state;
	glr_list_t *list;

	fixture_format(1 << 20, true);
	list = list_open();
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_MISSING);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	state = facts_of(list).nsm_state;
	ck_assert_uint_eq(state % 2, 1);
	ck_assert_int_eq(glr_list_compact(list), 0);
	list = list_reopen(list);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_MISSING);
	ck_assert_uint_eq(facts_of(list).nsm_state, state);
	ck_assert_int_eq(glr_list_end_recovery(list), 0);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	list = list_reopen(list);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	ck_assert_int_eq(glr_list_compact(list), 0);
	list = list_reopen(list);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	glr_list_close(list);
}
END_TEST

START_TEST(a_look_changes_nothing)
{
	struct glr_list_facts facts;
	glr_list_t *list;
	unsigned calls;

	fixture_format(1 << 20, false);
	list = list_open();
	add_many(list, 0, 5);
	glr_list_close(list);
	slots_close();
	slots_open(O_RDONLY);
	calls = disk.calls;
	list = list_open();
	facts = facts_of(list);
	ck_assert_uint_eq(facts.clients, 5);
	ck_assert_int_eq(facts.error, 0);
	ck_assert_int_eq(add(list, 3), 0);
	ck_assert_int_eq(add(list, 5), -EROFS);
	ck_assert_int_eq(glr_list_remove(list, name_of(3)), -EROFS);
	ck_assert_int_eq(glr_list_mark_missed(list, name_of(3)), -EROFS);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), -EROFS);
	ck_assert_int_eq(glr_list_end_recovery(list), -EROFS);
	ck_assert_int_eq(glr_list_compact(list), -EROFS);
	ck_assert_uint_eq(disk.calls, calls);
	glr_list_close(list);
}
END_TEST

START_TEST(one_change_at_a_time)
{
	struct glr_address address = address_of(1);
	struct glr__list_write op, second;
	glr_list_t *list;

	fixture_format(1 << 20, false);
	list = list_open();
	add_many(list, 2, 4);
	ck_assert_int_eq(glr__list_prepare_add(list, name_of(1), &address, &op), 0);
	ck_assert_uint_gt(op.length, 0);
	ck_assert(!on_list(list, 1));
	ck_assert(on_list(list, 2));
	ck_assert_int_eq(glr__list_prepare_add(list, name_of(5), &address, &second), -EBUSY);
	ck_assert_int_eq(glr__list_prepare_remove(list, name_of(2), &second), -EBUSY);
	ck_assert_int_eq(glr__list_prepare_missed(list, name_of(2), &second), -EBUSY);
	ck_assert_int_eq(glr__list_prepare_end(list, &second), -EBUSY);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), -EBUSY);
	ck_assert_int_eq(glr_list_compact(list), -EBUSY);
	ck_assert_int_eq(add(list, 1), -EBUSY);
	ck_assert_int_eq(glr__list_write(&op), 0);
	ck_assert_int_eq(glr__list_commit(list, 0), 0);
	ck_assert(on_list(list, 1));
	ck_assert_int_eq(glr__list_prepare_missed(list, name_of(2), &op), 0);
	glr_list_close(list);
	list = list_open();
	ck_assert(on_list(list, 1));
	ck_assert(on_list(list, 2));
	glr_list_close(list);
}
END_TEST

START_TEST(a_full_list_is_compacted_then_refuses_new_clients_only)
{
	uint64_t generation;
	glr_list_t *list;
	unsigned count;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	list = list_open();
	/* Coming and going many times over: room is made again and again. */
	for (count = 0; count < 2000; count++) {
		ck_assert_int_eq(add(list, count), 0);
		ck_assert_int_eq(glr_list_remove(list, name_of(count)), 0);
	}
	generation = facts_of(list).generation;
	ck_assert_uint_gt(generation, 4);
	for (count = 0; add(list, count) == 0; count++)
		ck_assert_uint_lt(count, 1000);
	ck_assert_uint_gt(count, 150);
	ck_assert_int_eq(add(list, count), -ENOSPC);
	ck_assert_int_eq(facts_of(list).error, 0);
	generation = facts_of(list).generation;
	ck_assert_int_eq(add(list, count), -ENOSPC);
	ck_assert_uint_eq(facts_of(list).generation, generation);
	ck_assert_int_eq(add(list, 0), 0);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	for (generation = 0; generation < 100; generation++)
		ck_assert_int_eq(glr_list_mark_missed(list, name_of((unsigned)generation)), 0);
	for (generation = 0; generation < 300; generation++)
		ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	ck_assert_int_eq(glr_list_end_recovery(list), 0);
	ck_assert_int_eq(glr_list_remove(list, name_of(1)), 0);
	ck_assert_int_eq(add(list, count), 0);
	list = list_reopen(list);
	ck_assert_uint_eq(facts_of(list).clients, count - 99);
	ck_assert_uint_eq(facts_of(list).missed, 99);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	glr_list_close(list);
}
END_TEST

START_TEST(a_hundred_thousand_clients)
{
	glr_list_t *list;
	unsigned i;

	fixture_format(GLR__LIST_SLOT_BYTES, false);
	list = list_open();
	add_many(list, 0, 100000);
	list = list_reopen(list);
	ck_assert_uint_eq(facts_of(list).clients, 100000);
	for (i = 0; i < 100000; i++)
		ck_assert(on_list(list, i));
	ck_assert(!on_list(list, 100000));
	for (i = 0; i < 100000; i += 2)
		ck_assert_int_eq(glr_list_remove(list, name_of(i)), 0);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	ck_assert_uint_eq(facts_of(list).generation, 2);
	list = list_reopen(list);
	ck_assert_uint_eq(facts_of(list).clients, 50000);
	for (i = 0; i < 100000; i++)
		ck_assert_int_eq(on_list(list, i), i % 2);
	glr_list_close(list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clientlist");
	TCase *tcase = tcase_create("works");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_unchecked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_checked_fixture(tcase, fixture_begin, fixture_end);
	tcase_add_test(tcase, a_new_list_is_empty_and_clean);
	tcase_add_test(tcase, format_leaves_what_is_there);
	tcase_add_test(tcase, format_never_takes_a_list_for_a_leftover);
	tcase_add_test(tcase, slots_have_their_blocks_and_are_roots_alone);
	tcase_add_test(tcase, changes_survive_reopening_and_compaction);
	tcase_add_test(tcase, a_known_client_costs_no_write);
	tcase_add_test(tcase, names_that_are_none);
	tcase_add_test(tcase, states_advance_by_two_and_epochs_when_fresh);
	tcase_add_test(tcase, missing_until_a_recovery_has_ended);
	tcase_add_test(tcase, a_look_changes_nothing);
	tcase_add_test(tcase, one_change_at_a_time);
	tcase_add_test(tcase, a_full_list_is_compacted_then_refuses_new_clients_only);
	tcase_add_test(tcase, a_hundred_thousand_clients);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
