/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rewriting and enlarging the list beside its changes: every interleaving of a series of numbers, power
 * failing, and every write and sync failing, at every point.  A client whose adding was acknowledged is on
 * the list.
 */
#include "clientlist_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CLIENTS 400u

struct world {
	glr_list_t *list;
	uint32_t series;
	bool held[CLIENTS], gone[CLIENTS]; /* acknowledged as added, as removed */
	struct glr__list_write change_op, step_op;
	bool changing, stepping, adding;
	unsigned number; /* of the client that is changed */
	int error;
};

static unsigned draw(struct world *world, unsigned below)
{
	world->series = world->series * 1103515245 + 12345;
	return (world->series >> 16) % below;
}

static void begin_change(struct world *world)
{
	struct glr_address address;
	int rc;

	if (!glr__list_prepare_switch(world->list, &world->change_op) && world->change_op.length) {
		world->changing = true;
		world->number = CLIENTS;
		return;
	}
	world->number = draw(world, CLIENTS);
	world->adding = !world->held[world->number] || draw(world, 3) == 0;
	address = address_of(world->number);
	if (world->adding)
		rc = glr__list_prepare_add(world->list, name_of(world->number), &address, &world->change_op);
	else
		rc = glr__list_prepare_remove(world->list, name_of(world->number), &world->change_op);
	if (rc == -EAGAIN || rc == -ENOSPC)
		return;
	if (rc) {
		world->error = rc;
	} else if (world->change_op.length) {
		world->changing = true;
		world->held[world->number] = world->gone[world->number] = false;
	}
}

static void end_change(struct world *world)
{
	int rc = glr__list_commit(world->list, glr__list_write(&world->change_op));

	world->changing = false;
	if (rc)
		world->error = rc;
	else if (world->number < CLIENTS)
		*(world->adding ? &world->held[world->number] : &world->gone[world->number]) = true;
}

/* Two writers: each begins and ends whenever the series says. */
static void work(struct world *world, unsigned steps)
{
	int rc;

	while (steps-- > 0 && !world->error) {
		if (draw(world, 4) == 0) {
			if (world->stepping)
				rc = glr__list_upkeep_done(world->list, glr__list_write(&world->step_op));
			else
				rc = glr__list_prepare_upkeep(world->list, &world->step_op);
			world->stepping = !world->stepping && !rc && world->step_op.length;
			world->error = rc && rc != -EBUSY ? rc : 0;
		} else if (world->changing) {
			end_change(world);
		} else {
			begin_change(world);
		}
	}
}

static void expect_all(const struct world *world, const glr_list_t *list)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		if (world->held[i])
			ck_assert_msg(on_list(list, i), "client %u was acknowledged and is gone", i);
		if (world->gone[i])
			ck_assert_msg(!on_list(list, i), "client %u was removed and is back", i);
	}
}

static struct world *world_begin(uint32_t series)
{
	static struct world world;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	memset(&world, 0, sizeof(world));
	memset(&disk, 0, sizeof(disk));
	world.series = series;
	world.list = list_open();
	return &world;
}

#define STEPS 1500u

START_TEST(changes_beside_a_rewriting)
{
	struct world *world;
	uint64_t generations = 0;

	for (uint32_t series = 1; series <= 24; series++) {
		world = world_begin(series);
		disk.room = series % 2;
		work(world, STEPS);
		ck_assert_int_eq(world->error, 0);
		generations += facts_of(world->list).generation;
		expect_all(world, world->list);
		world->list = list_reopen(world->list);
		expect_all(world, world->list);
		ck_assert_int_eq(facts_of(world->list).condition, GLR_LIST_CLEAN);
		if (disk.room)
			ck_assert_uint_gt(facts_of(world->list).slot_bytes, FIXTURE_SLOT_BYTES);
		glr_list_close(world->list);
	}
	ck_assert_uint_gt(generations, 60);
}
END_TEST

START_TEST(power_fails_beside_a_rewriting)
{
	struct world *world;
	unsigned calls, at;

	world = world_begin(3);
	disk.room = true;
	work(world, STEPS);
	ck_assert_int_eq(world->error, 0);
	calls = disk.calls;
	glr_list_close(world->list);
	for (at = 1; at <= calls; at += 7) {
		world = world_begin(3);
		disk = (struct disk){.fail_at = at + (unsigned)_i,
				     .error = -EIO,
				     .stays_broken = true,
				     .arrives = true,
				     .room = true};
		work(world, STEPS);
		glr_list_close(world->list);
		power_cut((enum power_cut)_i);
		memset(&disk, 0, sizeof(disk));
		world->list = list_open();
		expect_all(world, world->list);
		ck_assert_int_ne(facts_of(world->list).condition, GLR_LIST_SALVAGED);
		glr_list_close(world->list);
	}
}
END_TEST

/* A single failure, of whichever writer, is the last thing that is written. */
START_TEST(every_write_and_sync_fails_once)
{
	struct world *world;
	unsigned at = 1;
	int error = 0;

	for (at = 1; at == 1 || error; at += 9) {
		world = world_begin(3);
		disk = (struct disk){.fail_at = at + (unsigned)_i, .error = -EIO, .room = true};
		work(world, STEPS);
		error = world->error;
		ck_assert(error == 0 || error == -EIO);
		ck_assert_int_eq(facts_of(world->list).error, error);
		if (error)
			ck_assert_int_eq(add(world->list, CLIENTS), -EIO);
		memset(&disk, 0, sizeof(disk));
		world->list = list_reopen(world->list);
		expect_all(world, world->list);
		ck_assert_int_ne(facts_of(world->list).condition, GLR_LIST_SALVAGED);
		glr_list_close(world->list);
	}
	ck_assert_uint_gt(at, 1000);
}
END_TEST

/* Changes between the steps of the copying, and of just the client that would be copied next. */
START_TEST(many_steps)
{
	struct world *world = world_begin(1);
	struct glr__list_write op;
	char next[GLR_ADDRESS_TEXT_MAX];
	unsigned steps = 0, i;
	glr_list_t *list;

	glr_list_close(world->list);
	fixture_format(1 << 20, false);
	list = list_open();
	add_many(list, 0, 8000);
	list->rewriting_wanted = true;
	while (facts_of(list).generation == 1) {
		ck_assert_int_eq(glr__list_prepare_upkeep(list, &world->step_op), 0);
		if (world->step_op.length == 0) {
			ck_assert_int_eq(glr__list_prepare_switch(list, &op), 0);
			ck_assert_int_eq(glr__list_commit(list, glr__list_write(&op)), 0);
			continue;
		}
		ck_assert_int_eq(glr__list_prepare_upkeep(list, &op), -EBUSY);
		steps += list->upkeep->step == GLR__STEP_COPY;
		if (list->upkeep->step == GLR__STEP_COPY && list->upkeep->next) {
			strcpy(next, list->upkeep->next->name);
			ck_assert_int_eq(glr_list_remove(list, next), 0);
			ck_assert_int_eq(glr_list_remove(list, name_of(steps)), 0);
			ck_assert_int_eq(glr_list_mark_missed(list, name_of(7000 + steps)), 0);
			ck_assert_int_eq(add(list, 8000 + steps), 0);
		}
		ck_assert_int_eq(glr__list_upkeep_done(list, glr__list_write(&world->step_op)), 0);
	}
	ck_assert_uint_ge(steps, 4);
	list = list_reopen(list);
	/* Each step but the last took two away, missed one and added one. */
	ck_assert_uint_eq(facts_of(list).clients, 8000 - 2 * (steps - 1));
	ck_assert_uint_eq(facts_of(list).missed, steps - 1);
	for (i = 1; i < steps; i++) {
		ck_assert(!on_list(list, i));
		ck_assert(!on_list(list, 7000 + i));
		ck_assert(on_list(list, 8000 + i));
	}
	ck_assert(on_list(list, 0) && on_list(list, 6999));
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	glr_list_close(list);
}
END_TEST

START_TEST(a_full_file_system_is_no_error)
{
	struct world *world;
	unsigned at;

	/* The file system fills up at any write or sync of the enlarging. */
	for (at = 1; at < 12; at++) {
		world = world_begin(5);
		add_many(world->list, 0, 130);
		disk = (struct disk){.room = true, .fail_at = at, .error = -ENOSPC};
		while (!world->list->file_system_full &&
		       facts_of(world->list).slot_bytes == FIXTURE_SLOT_BYTES) {
			ck_assert_int_eq(glr__list_prepare_upkeep(world->list, &world->step_op), 0);
			if (world->step_op.length == 0)
				break;
			ck_assert_int_eq(glr__list_upkeep_done(world->list, glr__list_write(&world->step_op)),
					 0);
			if (world->list->capacity[1] > FIXTURE_SLOT_BYTES)
				break;
		}
		memset(&disk, 0, sizeof(disk));
		ck_assert_int_eq(facts_of(world->list).error, 0);
		add_many(world->list, 130, 200);
		world->list = list_reopen(world->list);
		ck_assert_uint_eq(facts_of(world->list).clients, 200);
		ck_assert_int_eq(facts_of(world->list).condition, GLR_LIST_CLEAN);
		glr_list_close(world->list);
	}
}
END_TEST

START_TEST(a_list_grows_while_it_is_filled)
{
	struct world *world = world_begin(1);
	unsigned i;

	disk.room = true;
	for (i = 0; i < 5000; i++) {
		ck_assert_int_eq(add(world->list, i), 0);
		if (i % 10)
			continue;
		ck_assert_int_eq(glr_list_compact(world->list), 0);
		ck_assert_uint_ge(facts_of(world->list).slot_bytes * 3 / 4, facts_of(world->list).used_bytes);
	}
	ck_assert_uint_eq(world->list->capacity[0], world->list->capacity[1]);
	ck_assert_uint_ge(facts_of(world->list).slot_bytes, 5000 * 56);
	world->list = list_reopen(world->list);
	ck_assert_uint_eq(facts_of(world->list).clients, 5000);
	ck_assert_uint_eq(world->list->capacity[0], world->list->capacity[1]);
	glr_list_close(world->list);
}
END_TEST

START_TEST(a_file_system_made_read_only_poisons)
{
	struct world *world = world_begin(1);

	add_many(world->list, 0, 3);
	disk.read_only = true;
	ck_assert_int_eq(add(world->list, 1), 0);
	if (_i)
		ck_assert_int_eq(glr__list_check(world->list), -EROFS);
	ck_assert_int_eq(add(world->list, 3), -EROFS);
	disk.read_only = false;
	ck_assert_int_eq(add(world->list, 4), -EROFS);
	ck_assert_int_eq(facts_of(world->list).error, -EROFS);
	glr_list_close(world->list);
}
END_TEST

/* Two monitors over one list: the first that writes again learns of it, and adds nobody any more. */
START_TEST(another_writer_poisons)
{
	struct world *world = world_begin(1);
	glr_list_t *other;

	add_many(world->list, 0, 3);
	other = list_open();
	if (_i == 0)
		ck_assert_int_eq(add(other, 10), 0);
	else if (_i == 1)
		ck_assert_int_eq(glr_list_begin_epoch(other, true), 0);
	else
		ck_assert_int_eq(glr_list_compact(other), 0);
	if (_i == 3)
		ck_assert_int_eq(glr_list_compact(world->list), -ESTALE);
	else
		ck_assert_int_eq(add(world->list, 11), -ESTALE);
	ck_assert_int_eq(add(world->list, 12), -ESTALE);
	ck_assert_int_eq(add(other, 13), 0);
	glr_list_close(world->list);
	world->list = list_reopen(other);
	ck_assert(on_list(world->list, 13) && !on_list(world->list, 11));
	ck_assert_int_eq(facts_of(world->list).condition, GLR_LIST_CLEAN);
	glr_list_close(world->list);
}
END_TEST

static int count_watched(const struct glr__v4_client *client, void *arg)
{
	*(unsigned *)arg += client->id[0];
	return 0;
}

static unsigned watched(const glr_list_t *list)
{
	unsigned numbers = 0;

	ck_assert_int_eq(glr__list_v4_foreach(list, GLR__V4_GROUP_WATCHED, count_watched, &numbers), 0);
	return numbers;
}

/* That a client is watched is known after a rewriting and a reopening, until nfsd reports it. */
START_TEST(a_watched_client)
{
	static const enum change steps[] = {ADD, BEGIN, WATCH, DONE, BEGIN, WATCH, DONE, ADD, WATCH, REMOVE};
	static const unsigned expected[] = {0, 0, 1, 1, 0, 1, 1, 0, 1, 0};
	glr_list_t *list;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	list = list_open();
	for (unsigned i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		ck_assert_int_eq(v4_change(list, steps[i], 1), 0);
		if (_i >= 2)
			ck_assert_int_eq(glr_list_compact(list), 0);
		if (_i % 2)
			list = list_reopen(list);
		ck_assert_uint_eq(watched(list), expected[i]);
	}
	ck_assert_uint_eq(facts_of(list).v4_clients, 0);
	glr_list_close(list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clientlist_upkeep");
	TCase *tcase = tcase_create("upkeep");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_unchecked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_checked_fixture(tcase, fixture_begin, fixture_end);
	tcase_add_test(tcase, changes_beside_a_rewriting);
	tcase_add_loop_test(tcase, power_fails_beside_a_rewriting, 0, CUT_KINDS);
	tcase_add_loop_test(tcase, every_write_and_sync_fails_once, 0, 3);
	tcase_add_test(tcase, many_steps);
	tcase_add_test(tcase, a_full_file_system_is_no_error);
	tcase_add_test(tcase, a_list_grows_while_it_is_filled);
	tcase_add_loop_test(tcase, a_file_system_made_read_only_poisons, 0, 2);
	tcase_add_loop_test(tcase, another_writer_poisons, 0, 4);
	tcase_add_loop_test(tcase, a_watched_client, 0, 4);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
