/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NFSv4 clients on the list: grace through restarts, power failures at every write, damage. */
#include "clientlist_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void changed(glr_list_t *list, enum change kind, unsigned number)
{
	ck_assert_int_eq(v4_change(list, kind, number), 0);
}

static bool may_reclaim(const glr_list_t *list, unsigned number)
{
	struct glr__v4_client client = client_of(number);

	return glr__list_v4_may_reclaim(list, client.id, client.id_length);
}

struct shown {
	bool current[64], recoverable[64];
};

static int show(const struct glr_list_client *client, void *arg)
{
	struct shown *shown = arg;
	unsigned number;

	if (client->kind != GLR_LIST_NFSV4)
		return 0;
	ck_assert_int_eq(client->address.family, AF_UNSPEC);
	if (client->name[0] != '\\' || sscanf(client->name, "\\x%2x", &number) != 1)
		number = (unsigned char)client->name[0];
	ck_assert_uint_lt(number, 64);
	shown->current[number] = client->current;
	return 0;
}

static int show_recoverable(const struct glr__v4_client *client, void *arg)
{
	struct glr__v4_client expected = client_of(client->id[0]);
	struct shown *shown = arg;

	ck_assert_uint_eq(client->id_length, expected.id_length);
	ck_assert_mem_eq(client->id, expected.id, expected.id_length);
	ck_assert_int_eq(client->has_hash, expected.has_hash);
	ck_assert_mem_eq(client->hash, expected.hash, sizeof(expected.hash));
	shown->recoverable[client->id[0]] = true;
	return 0;
}

static void look(const glr_list_t *list, struct shown *shown)
{
	size_t recoverable = 0;

	memset(shown, 0, sizeof(*shown));
	ck_assert_int_eq(glr_list_foreach(list, show, shown), 0);
	ck_assert_int_eq(glr__list_v4_foreach(list, GLR__V4_GROUP_RECOVERABLE, show_recoverable, shown), 0);
	for (unsigned i = 0; i < 64; i++) {
		ck_assert_int_eq(may_reclaim(list, i), shown->recoverable[i]);
		recoverable += shown->recoverable[i];
	}
	ck_assert_uint_eq(facts_of(list).v4_recoverable, recoverable);
}

/* @param expected "1c 2r 3b": current, recoverable, both */
static void expect(const glr_list_t *list, const char *expected)
{
	char text[512] = "";
	struct shown shown;

	look(list, &shown);
	for (unsigned i = 0; i < 64; i++)
		if (shown.current[i] || shown.recoverable[i])
			sprintf(text + strlen(text), "%u%c ", i,
				!shown.recoverable[i] ? 'c'
				: shown.current[i]    ? 'b'
						      : 'r');
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(facts_of(list).clients, 1);
}

static glr_list_t *begin_list(void)
{
	glr_list_t *list;

	fixture_format(FIXTURE_SLOT_BYTES, false);
	list = list_open();
	add_many(list, FIRST, FIRST + 1);
	return list;
}

/* What follows must be the same whatever comes between: reopening, rewriting. */
static glr_list_t *again(glr_list_t *list, int how)
{
	if (how >= 2)
		ck_assert_int_eq(glr_list_compact(list), 0);
	return how % 2 ? list_reopen(list) : list;
}

START_TEST(epochs)
{
	glr_list_t *list = begin_list();
	unsigned calls;

	for (unsigned i = 1; i <= 4; i++)
		changed(list, ADD, i);
	calls = disk.calls;
	changed(list, ADD, 3);
	changed(list, DONE, 0);
	ck_assert_uint_eq(disk.calls, calls);
	changed(list, REMOVE, 4);
	ck_assert_int_eq(v4_change(list, REMOVE, 4), -ENOENT);
	list = again(list, _i);
	expect(list, "1c 2c 3c ");
	ck_assert(!facts_of(list).v4_in_grace);

	changed(list, BEGIN, 0);
	list = again(list, _i);
	ck_assert(facts_of(list).v4_in_grace);
	expect(list, "1r 2r 3r ");
	changed(list, ADD, 2);
	changed(list, ADD, 5);
	changed(list, ADD, 6);
	changed(list, REMOVE, 6);
	changed(list, REMOVE, 1);
	list = again(list, _i);
	expect(list, "1r 2b 3r 5c ");
	changed(list, ADD, 3);
	changed(list, REMOVE, 3);
	expect(list, "1r 2b 3r 5c ");

	/* The server dies in its grace, and begins it again: as if nothing had been. */
	changed(list, BEGIN, 0);
	list = again(list, _i);
	expect(list, "1r 2r 3r ");
	calls = disk.calls;
	changed(list, BEGIN, 0);
	ck_assert_uint_eq(disk.calls, calls);
	changed(list, ADD, 3);
	changed(list, ADD, 7);
	changed(list, DONE, 0);
	list = again(list, _i);
	expect(list, "3c 7c ");
	ck_assert(!facts_of(list).v4_in_grace);
	changed(list, ADD, 1);
	list = again(list, _i);
	expect(list, "1c 3c 7c ");
	glr_list_close(list);
}
END_TEST

/* ---- power fails, writes fail ----------------------------------------------------------- */

/* What nfsd was told is done; what it asked for and did not hear of may or may not be. */
struct model {
	bool current[64], recoverable[64];
	bool in_grace;
	bool nsm; /* of the fixture's number FIRST */
};

static void model_change(struct model *model, enum change kind, unsigned number)
{
	if (kind == ADD) {
		model->current[number] = true;
	} else if (kind == REMOVE) {
		model->current[number] = false;
	} else {
		for (unsigned i = 0; i < 64; i++) {
			if (kind == DONE)
				model->recoverable[i] = false;
			else if (!model->in_grace)
				model->recoverable[i] = model->current[i];
			if (kind == BEGIN)
				model->current[i] = false;
		}
		model->in_grace = kind == BEGIN;
	}
}

static int step_of(unsigned step, unsigned *number)
{
	static uint32_t series;

	series = step == 0 ? 11 : series;
	series = series * 1103515245 + 12345;
	*number = (series >> 16) % 24;
	if (step % 40 == 20 || step % 40 == 25)
		return BEGIN;
	if (step % 40 == 35)
		return DONE;
	return step % 4 == 3 ? REMOVE : ADD;
}

/* @return steps that were acknowledged; the model is what they make */
static unsigned work(glr_list_t *list, unsigned steps, struct model *model)
{
	unsigned step, number;
	int kind;
	int rc;

	memset(model, 0, sizeof(*model));
	for (step = 0; step < steps; step++) {
		kind = step_of(step, &number);
		rc = v4_change(list, (enum change)kind, number);
		if (rc && rc != -ENOENT)
			break;
		model_change(model, (enum change)kind, number);
		if (step % 30 == 29 && glr_list_compact(list))
			return step + 1;
	}
	return step;
}

static bool is_model(const glr_list_t *list, const struct model *model)
{
	struct shown shown;

	look(list, &shown);
	return !memcmp(shown.current, model->current, sizeof(shown.current)) &&
	       !memcmp(shown.recoverable, model->recoverable, sizeof(shown.recoverable)) &&
	       facts_of(list).v4_in_grace == model->in_grace;
}

#define STEPS 90u

START_TEST(power_fails_at_every_write)
{
	struct model model, next;
	unsigned at, done, number;
	glr_list_t *list;
	int kind;

	for (at = 1, done = 0; done < STEPS; at++) {
		fixture_format(FIXTURE_SLOT_BYTES, false);
		list = list_open();
		memset(&disk, 0, sizeof(disk));
		disk = (struct disk){.fail_at = at, .error = -EIO, .stays_broken = true, .arrives = true};
		done = work(list, STEPS, &model);
		glr_list_close(list);
		power_cut((enum power_cut)_i);
		memset(&disk, 0, sizeof(disk));
		list = list_open();
		next = model;
		for (unsigned step = 0; step <= done; step++)
			kind = step_of(step, &number);
		model_change(&next, (enum change)kind, number);
		ck_assert_msg(is_model(list, &model) || is_model(list, &next), "call %u, step %u", at, done);
		ck_assert_int_ne(facts_of(list).condition, GLR_LIST_SALVAGED);
		changed(list, ADD, 50);
		list = list_reopen(list);
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
		glr_list_close(list);
	}
	ck_assert_uint_gt(at, 120);
}
END_TEST

/* ---- damage --------------------------------------------------------------------------------- */

START_TEST(every_bit)
{
	glr_list_t *list = begin_list();
	struct shown shown;
	uint64_t bit, end;

	for (unsigned i = 1; i <= 5; i++)
		changed(list, ADD, i);
	changed(list, BEGIN, 0);
	changed(list, ADD, 2);
	changed(list, DONE, 0);
	changed(list, ADD, 9);
	changed(list, REMOVE, 9);
	end = facts_of(list).used_bytes;
	glr_list_close(list);
	for (bit = GLR__LIST_RECORDS * 8; bit < end * 8; bit++) {
		flip_bit(0, bit);
		list = list_open();
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
		look(list, &shown);
		/* 2 has two records; of the others all but the one that was hit are kept, whatever grace did.
		 */
		ck_assert(shown.current[2] && shown.recoverable[2]);
		ck_assert_uint_ge(facts_of(list).v4_clients, 4);
		ck_assert_uint_eq(facts_of(list).v4_clients, facts_of(list).v4_recoverable);
		glr_list_close(list);
		flip_bit(0, bit);
	}
	/* New clients of a salvaged list outlive a grace that begins again. */
	flip_bit(0, (GLR__LIST_RECORDS + 20) * 8);
	list = list_open();
	changed(list, ADD, 30);
	changed(list, BEGIN, 0);
	list = list_reopen(list);
	ck_assert(may_reclaim(list, 30) && may_reclaim(list, 2) && may_reclaim(list, 5));
	glr_list_close(list);
}
END_TEST

/* Of a slot that was enlarged, too. */
START_TEST(cut_at_every_byte)
{
	uint64_t ends[8], length;
	glr_list_t *list;
	unsigned whole;

	list = begin_list();
	disk.room = true;
	add_many(list, 0, 120);
	for (unsigned i = 0; i < 120; i++)
		ck_assert_int_eq(glr_list_remove(list, name_of(i)), 0);
	ck_assert_int_eq(add(list, FIRST), 0);
	for (unsigned i = 0; i < 8; i++)
		changed(list, ADD, i);
	ck_assert_int_eq(glr_list_compact(list), 0);
	ck_assert_uint_eq(facts_of(list).generation, 2);
	length = GLR__LIST_RECORDS + glr__list_entry_frame(strlen(name_of(FIRST)));
	for (unsigned i = 0; i < 8; i++)
		ends[i] = length += glr__record_frame(glr__record_v4_length(client_of(i).id_length));
	ck_assert_uint_eq(length, facts_of(list).used_bytes);
	glr_list_close(list);
	for (length = ends[7] + 16; length >= GLR__LIST_RECORDS; length--) {
		ck_assert_int_eq(ftruncate(slot_fds[1], (off_t)length), 0);
		list = list_open();
		for (whole = 0; whole < 8 && ends[whole] <= length; whole++)
			ck_assert(may_reclaim(list, whole));
		ck_assert_uint_eq(facts_of(list).v4_clients, whole);
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
		glr_list_close(list);
	}
}
END_TEST

START_TEST(every_sector_of_the_last_write)
{
	uint8_t zeros[512] = {0};
	glr_list_t *list = begin_list();
	uint64_t begin, end, from;
	unsigned lost, sectors;

	changed(list, ADD, 1);
	begin = facts_of(list).used_bytes;
	changed(list, ADD, 49); /* 749 bytes */
	end = facts_of(list).used_bytes;
	glr_list_close(list);
	save_slots();
	sectors = (unsigned)((end - 1) / 512 - begin / 512 + 1);
	ck_assert_uint_ge(sectors, 2);
	for (lost = 1; lost < 1u << sectors; lost++) {
		restore_slots();
		for (unsigned i = 0; i < sectors; i++) {
			uint64_t to = (begin / 512 + i + 1) * 512;

			from = i ? (begin / 512 + i) * 512 : begin;
			if (lost & 1u << i)
				poke(0, (off_t)from, zeros, (size_t)((to < end ? to : end) - from));
		}
		list = list_open();
		expect(list, "1c ");
		ck_assert_int_eq(facts_of(list).condition,
				 lost == (1u << sectors) - 1 ? GLR_LIST_CLEAN : GLR_LIST_TORN);
		glr_list_close(list);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clientlist_v4");
	TCase *tcase = tcase_create("v4");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_unchecked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_checked_fixture(tcase, fixture_begin, fixture_end);
	tcase_add_loop_test(tcase, epochs, 0, 4);
	tcase_add_loop_test(tcase, power_fails_at_every_write, 0, CUT_KINDS);
	tcase_add_test(tcase, every_bit);
	tcase_add_test(tcase, cut_at_every_byte);
	tcase_add_test(tcase, every_sector_of_the_last_write);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
