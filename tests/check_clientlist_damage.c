/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client list when its bytes are not what was written.  Whoever may be missing must never be missing
 * quietly. */
#include "clientlist_fixture.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A list that is opened in any state must take new clients, and keep them and the others. */
static void expect_usable(glr_list_t *list)
{
	size_t clients = facts_of(list).clients;
	enum glr_list_condition condition = facts_of(list).condition;

	ck_assert_int_eq(add(list, 77), 0);
	list = list_reopen(list);
	ck_assert(on_list(list, 77));
	ck_assert_uint_eq(facts_of(list).clients, clients + 1);
	if (condition == GLR_LIST_SALVAGED)
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
	else
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	glr_list_close(list);
}

START_TEST(cut_at_every_byte)
{
	uint64_t end, length;
	glr_list_t *list;
	unsigned whole;

	make_twelve();
	end = record_at(COUNT);
	for (length = 0; length <= end + 16; length++) {
		restore_slots();
		ck_assert_int_eq(ftruncate(slot_fds[0], (off_t)length), 0);
		list = list_open();
		whole = 0;
		while (whole < COUNT && record_at(whole + 1) <= length)
			whole++;
		ck_assert_uint_eq(count_present(list), length < 128 ? 0 : whole);
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
		expect_usable(list);
	}
}
END_TEST

START_TEST(every_bit_of_every_record)
{
	glr_list_t *list;
	unsigned present, hit;
	uint64_t bit;

	make_twelve();
	for (bit = record_at(0) * 8; bit < record_at(COUNT) * 8; bit++) {
		flip_bit(0, bit);
		list = list_open();
		hit = (unsigned)((bit / 8 - record_at(0)) / (record_at(1) - record_at(0)));
		present = count_present(list);
		ck_assert_uint_eq(present, COUNT - 1);
		ck_assert(!on_list(list, FIRST + hit));
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
		glr_list_close(list);
		flip_bit(0, bit);
	}
	list = list_open();
	ck_assert_uint_eq(count_present(list), COUNT);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	glr_list_close(list);
}
END_TEST

START_TEST(every_bit_after_the_end)
{
	glr_list_t *list;
	uint64_t bit;

	make_twelve();
	for (bit = record_at(COUNT) * 8; bit < FIXTURE_SLOT_BYTES * 8; bit += 61) {
		restore_slots();
		flip_bit(0, bit);
		list = list_open();
		ck_assert_uint_eq(count_present(list), COUNT);
		expect_usable(list);
	}
}
END_TEST

START_TEST(every_bit_of_one_header)
{
	glr_list_t *list;
	uint64_t bit;

	make_twelve();
	for (bit = 0; bit < 128 * 8; bit++) {
		flip_bit(0, bit);
		list = list_open();
		ck_assert_uint_eq(count_present(list), COUNT);
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
		glr_list_close(list);
		flip_bit(0, bit);
	}
}
END_TEST

/* Nothing is invalid here, and yet a record is missing: its place holds a copy of the next one. */
START_TEST(a_record_in_the_place_of_another)
{
	glr_list_t *list;

	make_twelve();
	poke(0, (off_t)record_at(4), image[0] + record_at(5), record_at(1) - record_at(0));
	list = list_open();
	ck_assert_uint_eq(count_present(list), COUNT - 1);
	ck_assert(!on_list(list, FIRST + 4));
	expect_usable(list);
	list = list_open();
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
	glr_list_close(list);
}
END_TEST

START_TEST(an_older_copy_of_the_header)
{
	glr_list_t *list;
	int block;

	for (block = 0; block < 2; block++) {
		make_twelve();
		list = list_open();
		ck_assert_int_eq(glr_list_compact(list), 0);
		ck_assert_int_eq(glr_list_compact(list), 0);
		ck_assert_int_eq(add(list, 5), 0);
		glr_list_close(list);
		poke(0, block * GLR__LIST_BLOCK, image[0], GLR__LIST_BLOCK);
		list = list_open();
		ck_assert_uint_eq(facts_of(list).generation, 3);
		ck_assert(on_list(list, 5));
		glr_list_close(list);
	}
}
END_TEST

START_TEST(every_sector)
{
	uint8_t zeros[512] = {0};
	uint64_t offset;
	unsigned i;
	glr_list_t *list;

	make_twelve();
	for (offset = record_at(0); offset < record_at(COUNT); offset += 512) {
		restore_slots();
		poke(0, (off_t)offset, zeros, sizeof(zeros));
		list = list_open();
		for (i = 0; i < COUNT; i++)
			ck_assert_int_eq(on_list(list, FIRST + i),
					 record_at(i + 1) <= offset || record_at(i) >= offset + 512);
		expect_usable(list);
	}
}
END_TEST

/* The last write crosses a sector: either half of it may be missing. */
START_TEST(half_of_the_last_write)
{
	uint8_t zeros[2048] = {0};
	struct glr_address address = address_of(1);
	char name[900];
	uint64_t from, to, end;
	glr_list_t *list;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	make_twelve();
	list = list_open();
	ck_assert_int_eq(glr_list_add(list, name, &address), 0);
	end = facts_of(list).used_bytes;
	glr_list_close(list);
	save_slots();
	for (from = record_at(COUNT); from < end; from = to) {
		to = (from / 512 + 1) * 512;
		if (to > end)
			to = end;
		restore_slots();
		poke(0, (off_t)from, zeros, (size_t)(to - from));
		list = list_open();
		ck_assert_uint_eq(count_present(list), COUNT);
		ck_assert(!glr_list_contains(list, name));
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_TORN);
		ck_assert_uint_eq(facts_of(list).used_bytes, record_at(COUNT));
		expect_usable(list);
	}
}
END_TEST

START_TEST(a_look_at_a_torn_list_leaves_it)
{
	uint8_t zeros[16] = {0};
	glr_list_t *list;
	int round;

	make_twelve();
	poke(0, (off_t)record_at(COUNT) - 16, zeros, sizeof(zeros));
	slots_close();
	slots_open(O_RDONLY);
	for (round = 0; round < 2; round++) {
		list = list_open();
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_TORN);
		ck_assert_uint_eq(count_present(list), COUNT - 1);
		glr_list_close(list);
	}
}
END_TEST

static int try_open(const char *group)
{
	glr_list_t *list = NULL;
	int rc = glr_list_open(slot_fds[0], slot_fds[1], group, &list);

	glr_list_close(list);
	return rc;
}

/* Writes a header as another group's, or a newer program's, would be. */
static void change_header(int slot, size_t offset, uint8_t value)
{
	uint8_t header[GLR__LIST_RECORDS];

	ck_assert_int_eq(pread(slot_fds[slot], header, sizeof(header), 0), (ssize_t)sizeof(header));
	header[offset] = value;
	glr__put32(header + 124, glr__crc32c(0, header, 124));
	memcpy(header + GLR__LIST_BLOCK, header, 128);
	poke(slot, 0, header, sizeof(header));
}

START_TEST(another_groups_list)
{
	make_twelve();
	ck_assert_int_eq(try_open("home"), 0);
	ck_assert_int_eq(try_open(NULL), 0);
	ck_assert_int_eq(try_open("mail"), -EXDEV);
	/* one slot of this group, one of another */
	change_header(1, 56, 'd');
	ck_assert_int_eq(try_open("home"), -EXDEV);
	ck_assert_int_eq(try_open("dome"), -EXDEV);
	ck_assert_int_eq(try_open(NULL), -EXDEV);
}
END_TEST

START_TEST(a_newer_format)
{
	make_twelve();
	/* A newer program has rewritten the list; the slot of ours is out of date. */
	change_header(1, 8, 2);
	ck_assert_int_eq(try_open("home"), -EPROTONOSUPPORT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clientlist_damage");
	TCase *tcase = tcase_create("damage");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_unchecked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_checked_fixture(tcase, fixture_begin, fixture_end);
	tcase_add_test(tcase, cut_at_every_byte);
	tcase_add_test(tcase, every_bit_of_every_record);
	tcase_add_test(tcase, every_bit_after_the_end);
	tcase_add_test(tcase, every_bit_of_one_header);
	tcase_add_test(tcase, a_record_in_the_place_of_another);
	tcase_add_test(tcase, an_older_copy_of_the_header);
	tcase_add_test(tcase, every_sector);
	tcase_add_test(tcase, half_of_the_last_write);
	tcase_add_test(tcase, a_look_at_a_torn_list_leaves_it);
	tcase_add_test(tcase, another_groups_list);
	tcase_add_test(tcase, a_newer_format);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
