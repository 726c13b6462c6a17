/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is believed of a damaged client list, what is kept of it, and how long that is remembered. */
#include "clientlist_fixture.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static glr_list_t *after_damage(unsigned record)
{
	uint8_t rubbish[16];

	memset(rubbish, 0x5a, sizeof(rubbish));
	poke(0, (off_t)record_at(record), rubbish, sizeof(rubbish));
	return list_open();
}

START_TEST(a_removal_before_the_damage_is_not_believed)
{
	glr_list_t *list;

	make_twelve();
	list = list_open();
	ck_assert_int_eq(glr_list_remove(list, name_of(FIRST + 3)), 0);
	ck_assert_int_eq(glr_list_remove(list, name_of(FIRST + 4)), 0);
	ck_assert_int_eq(glr_list_mark_missed(list, name_of(FIRST + 5)), 0);
	ck_assert_int_eq(glr_list_mark_missed(list, name_of(FIRST + 6)), 0);
	/* All of these have a name only, and are equally long. */
	ck_assert_uint_eq(facts_of(list).used_bytes, record_at(COUNT) + 4 * 32);
	glr_list_close(list);
	/* The second removal is lost; as far as anybody knows, it was the first client's return. */
	flip_bit(0, (record_at(COUNT) + 32 + 20) * 8);
	list = list_open();
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
	ck_assert(on_list(list, FIRST + 3));
	ck_assert(on_list(list, FIRST + 4));
	ck_assert(!on_list(list, FIRST + 5));
	ck_assert(!on_list(list, FIRST + 6));
	ck_assert_uint_eq(facts_of(list).missed, 2);
	glr_list_close(list);
}
END_TEST

START_TEST(a_removal_after_the_damage_is)
{
	glr_list_t *list;

	make_twelve();
	list = list_open();
	ck_assert_int_eq(glr_list_remove(list, name_of(FIRST + 3)), 0);
	ck_assert_int_eq(glr_list_mark_missed(list, name_of(FIRST + 4)), 0);
	ck_assert_int_eq(glr_list_remove(list, name_of(FIRST + 7)), 0);
	glr_list_close(list);
	list = after_damage(7);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
	ck_assert(!on_list(list, FIRST + 3));
	ck_assert(!on_list(list, FIRST + 4));
	ck_assert_uint_eq(facts_of(list).clients, COUNT - 3);
	ck_assert_uint_eq(facts_of(list).missed, 1);
	glr_list_close(list);
}
END_TEST

START_TEST(salvaged_is_remembered_until_a_recovery_has_ended)
{
	glr_list_t *list;
	uint32_t state;
	int round;

	make_twelve();
	list = list_open();
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	glr_list_close(list);
	list = after_damage(5);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	state = facts_of(list).nsm_state;
	/* Clients ignore a state that they know; the lost record may have been an epoch. */
	ck_assert_uint_gt(state, 3);
	ck_assert_uint_eq(state % 2, 1);
	ck_assert_uint_eq(facts_of(list).epoch, 2);
	ck_assert_uint_eq(facts_of(list).generation, 2);
	for (round = 0; round < 2; round++) {
		list = list_reopen(list);
		ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
		ck_assert_uint_eq(facts_of(list).nsm_state, state);
		ck_assert_uint_eq(count_present(list), COUNT - 1);
	}
	ck_assert_int_eq(glr_list_end_recovery(list), 0);
	list = list_reopen(list);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	glr_list_close(list);
}
END_TEST

static unsigned broken_copies(char name[256])
{
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir = opendir(directory_path);

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "clients.broken-", 15) != 0)
			continue;
		strcpy(name, entry->d_name);
		count++;
	}
	closedir(dir);
	return count;
}

START_TEST(a_copy_of_the_damaged_slot)
{
	static uint8_t copy[FIXTURE_SLOT_BYTES + 1];
	glr_list_t *list;
	char name[256];
	int fd;

	make_twelve();
	list = list_open();
	ck_assert_int_eq(glr__list_keep_broken(directory_fd, list), 0);
	ck_assert_uint_eq(broken_copies(name), 0);
	glr_list_close(list);
	list = after_damage(5);
	save_slots();
	ck_assert_int_eq(glr__list_keep_broken(directory_fd, list), 0);
	ck_assert_uint_eq(broken_copies(name), 1);
	ck_assert_str_eq(name + strlen(name) - 2, ".0");
	fd = openat(directory_fd, name, O_RDONLY);
	ck_assert_int_eq(pread(fd, copy, sizeof(copy), 0), FIXTURE_SLOT_BYTES);
	close(fd);
	ck_assert_int_eq(memcmp(copy, image[0], FIXTURE_SLOT_BYTES), 0);
	/* The damaged slot itself outlives the rewriting of the list. */
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	ck_assert_int_eq(pread(slot_fds[0], copy, sizeof(copy), 0), FIXTURE_SLOT_BYTES);
	ck_assert_int_eq(memcmp(copy, image[0], FIXTURE_SLOT_BYTES), 0);
	list = list_reopen(list);
	unlinkat(directory_fd, name, 0);
	ck_assert_int_eq(glr__list_keep_broken(directory_fd, list), 0);
	ck_assert_uint_eq(broken_copies(name), 0);
	glr_list_close(list);
}
END_TEST

START_TEST(no_room_for_a_copy)
{
	glr_list_t *list;
	char name[256];

	make_twelve();
	list = after_damage(5);
	disk.fail_at = disk.calls + 2;
	disk.error = -ENOSPC;
	ck_assert_int_eq(glr__list_keep_broken(directory_fd, list), -ENOSPC);
	ck_assert_uint_eq(broken_copies(name), 0);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	glr_list_close(list);
}
END_TEST

static void lose_header(int slot)
{
	uint8_t rubbish[GLR__LIST_RECORDS];

	memset(rubbish, 0xee, sizeof(rubbish));
	poke(slot, 0, rubbish, sizeof(rubbish));
}

/* Clients know the state of the list before, and ignore one that they know. */
START_TEST(a_new_list_has_a_state_of_its_own)
{
	uint32_t states[2];
	glr_list_t *list;
	int i;

	for (i = 0; i < 2; i++) {
		fixture_format(1 << 20, false);
		list = list_open();
		states[i] = facts_of(list).nsm_state;
		glr_list_close(list);
		fixture_end();
		fixture_begin();
	}
	ck_assert_uint_ne(states[0], states[1]);
}
END_TEST

START_TEST(the_newer_slot_without_header)
{
	static uint8_t now[FIXTURE_SLOT_BYTES];
	glr_list_t *list;
	char name[256];
	uint32_t state;

	make_twelve();
	list = list_open();
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	state = facts_of(list).nsm_state;
	ck_assert_int_eq(glr_list_compact(list), 0);
	ck_assert_int_eq(add(list, 5), 0);
	glr_list_close(list);
	lose_header(1);
	save_slots();
	list = list_open();
	/* The older list is all there is, and says that it is not all there was. */
	ck_assert_uint_eq(count_present(list), COUNT);
	ck_assert(!on_list(list, 5));
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
	ck_assert_uint_gt(facts_of(list).nsm_state, state);
	ck_assert_int_eq(glr__list_keep_broken(directory_fd, list), 0);
	ck_assert_uint_eq(broken_copies(name), 1);
	ck_assert_str_eq(name + strlen(name) - 2, ".1");
	/* What is left of the other slot outlives this epoch, also without the copy. */
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	ck_assert_int_eq(glr_list_end_recovery(list), 0);
	ck_assert_int_eq(pread(slot_fds[1], now, sizeof(now), 0), FIXTURE_SLOT_BYTES);
	ck_assert_int_eq(memcmp(now, image[1], FIXTURE_SLOT_BYTES), 0);
	list = list_reopen(list);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_SALVAGED);
	ck_assert_int_eq(glr_list_begin_epoch(list, true), 0);
	ck_assert_int_eq(glr_list_end_recovery(list), 0);
	list = list_reopen(list);
	ck_assert_int_eq(facts_of(list).condition, GLR_LIST_CLEAN);
	ck_assert_uint_eq(count_present(list), COUNT);
	glr_list_close(list);
}
END_TEST

static uint64_t salt_of(int slot)
{
	uint8_t header[128];

	ck_assert_int_eq(pread(slot_fds[slot], header, sizeof(header), 0), (ssize_t)sizeof(header));
	return glr__get64(header + 24);
}

/* Who could foretell it could put records into a client's name. */
START_TEST(a_salt_cannot_be_foretold)
{
	uint64_t salts[4];
	glr_list_t *list;
	int i, j;

	make_twelve();
	salts[0] = salt_of(0);
	salts[1] = salt_of(1);
	list = list_open();
	ck_assert_int_eq(glr_list_compact(list), 0);
	ck_assert_int_eq(glr_list_compact(list), 0);
	glr_list_close(list);
	salts[2] = salt_of(0);
	salts[3] = salt_of(1);
	for (i = 0; i < 4; i++)
		for (j = 0; j < i; j++)
			ck_assert_uint_ne(salts[i], salts[j]);
}
END_TEST

static int opening(void)
{
	glr_list_t *list = NULL;
	int rc = glr_list_open(slot_fds[0], slot_fds[1], "home", &list);

	glr_list_close(list);
	return rc;
}

START_TEST(no_list_at_all)
{
	char name[256];

	make_twelve();
	lose_header(0);
	lose_header(1);
	ck_assert_int_eq(opening(), -EBADMSG);
	ck_assert_int_eq(glr__list_keep_broken(directory_fd, NULL), 0);
	ck_assert_uint_eq(broken_copies(name), 2);
	ck_assert_int_eq(ftruncate(slot_fds[0], 0), 0);
	ck_assert_int_eq(ftruncate(slot_fds[1], 0), 0);
	ck_assert_int_eq(opening(), -EBADMSG);
	ck_assert_int_eq(ftruncate(slot_fds[0], FIXTURE_SLOT_BYTES), 0);
	ck_assert_int_eq(ftruncate(slot_fds[1], FIXTURE_SLOT_BYTES), 0);
	ck_assert_int_eq(opening(), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clientlist_salvage");
	TCase *tcase = tcase_create("salvage");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_unchecked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_checked_fixture(tcase, fixture_begin, fixture_end);
	tcase_add_test(tcase, a_removal_before_the_damage_is_not_believed);
	tcase_add_test(tcase, a_removal_after_the_damage_is);
	tcase_add_test(tcase, salvaged_is_remembered_until_a_recovery_has_ended);
	tcase_add_test(tcase, a_copy_of_the_damaged_slot);
	tcase_add_test(tcase, no_room_for_a_copy);
	tcase_add_test(tcase, a_new_list_has_a_state_of_its_own);
	tcase_add_test(tcase, the_newer_slot_without_header);
	tcase_add_test(tcase, a_salt_cannot_be_foretold);
	tcase_add_test(tcase, no_list_at_all);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
