/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cookies_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(a_new_table)
{
	glr__cookies_t *cookies = cookies_open();
	int round;

	for (round = 0; round < 2; round++) {
		ck_assert(glr__cookies_whole(cookies));
		ck_assert_uint_eq(glr__cookies_count(cookies), 0);
		ck_assert_ptr_null(glr__cookies_window(cookies));
		ck_assert(!glr__cookies_frozen(cookies));
		ck_assert_ptr_null(glr__cookies_find(cookies, "10.0.0.1"));
		ck_assert_int_eq(glr__cookies_remove(cookies, "10.0.0.1"), -ENOENT);
		cookies = cookies_reopen(cookies);
	}
	glr__cookies_close(cookies);
}
END_TEST

static void expect_all(const glr__cookies_t *cookies)
{
	const struct glr__cookie *cookie;
	const struct glr__window *window;
	uint8_t priv[16];

	ck_assert(glr__cookies_whole(cookies));
	ck_assert_uint_eq(glr__cookies_count(cookies), 2);
	cookie = glr__cookies_find(cookies, "10.0.0.1");
	ck_assert_ptr_nonnull(cookie);
	ck_assert_str_eq(cookie->name, "10.0.0.1");
	ck_assert_uint_eq(cookie->prog, 100021);
	ck_assert_uint_eq(cookie->vers, 3);
	ck_assert_uint_eq(cookie->proc, 16);
	memset(priv, 9, sizeof(priv));
	ck_assert_mem_eq(cookie->priv, priv, sizeof(priv));
	ck_assert_ptr_null(glr__cookies_find(cookies, "10.0.0.2"));
	ck_assert_ptr_nonnull(glr__cookies_find(cookies, "10.0.0.3"));
	window = glr__cookies_window(cookies);
	ck_assert_ptr_nonnull(window);
	ck_assert_uint_eq(window->notify_end_ms, 1ull << 40);
	ck_assert_uint_eq(window->grace_end_ms, 8);
	ck_assert(window->fresh);
	ck_assert_str_eq(window->identifiers, "10.99.0.1,2001:db8::1");
	ck_assert_uint_eq(strlen(window->names), sizeof(window->names) - 1);
	ck_assert(glr__cookies_frozen(cookies));
}

START_TEST(what_is_put_is_found_by_a_successor)
{
	struct glr__window window = {1ull << 40, 8, true, "10.99.0.1,2001:db8::1", ""};
	glr__cookies_t *cookies = cookies_open();
	uint64_t size;

	memset(window.names, 'n', sizeof(window.names) - 1);
	ck_assert_int_eq(put(cookies, 1, 1), 0);
	ck_assert_int_eq(put(cookies, 2, 2), 0);
	ck_assert_int_eq(glr__cookies_set_frozen(cookies, true), 0);
	ck_assert_int_eq(glr__cookies_set_window(cookies, &window), 0);
	ck_assert_int_eq(put(cookies, 3, 3), 0);
	ck_assert_int_eq(put(cookies, 1, 9), 0);
	ck_assert_int_eq(glr__cookies_remove(cookies, "10.0.0.2"), 0);
	expect_all(cookies);
	size = file_size();
	ck_assert_int_eq(put(cookies, 1, 9), 0);
	ck_assert_int_eq(glr__cookies_set_frozen(cookies, true), 0);
	ck_assert_uint_eq(file_size(), size);
	cookies = cookies_reopen(cookies);
	expect_all(cookies);
	ck_assert_int_eq(glr__cookies_set_frozen(cookies, false), 0);
	cookies = cookies_reopen(cookies);
	ck_assert(!glr__cookies_frozen(cookies));
	glr__cookies_close(cookies);
}
END_TEST

static void expect_seen(const glr__cookies_t *cookies, bool first, bool second, size_t count)
{
	ck_assert(glr__cookies_seen(cookies, "10.0.0.1") == first);
	ck_assert(glr__cookies_seen(cookies, "10.0.0.2") == second);
	ck_assert_uint_eq(glr__cookies_count_seen(cookies), count);
}

START_TEST(a_new_lockd_has_seen_nobody)
{
	struct glr__window begin = {0}, recover = {.notify_end_ms = 5, .grace_end_ms = 8};
	glr__cookies_t *cookies = cookies_open();

	ck_assert_int_eq(put(cookies, 1, 1), 0);
	ck_assert_int_eq(put(cookies, 2, 2), 0);
	expect_seen(cookies, true, true, 2);
	ck_assert_int_eq(glr__cookies_set_window(cookies, &begin), 0);
	expect_seen(cookies, false, false, 0);
	ck_assert_ptr_nonnull(glr__cookies_find(cookies, "10.0.0.1"));
	/* With the same cookie as before, too. */
	ck_assert_int_eq(put(cookies, 1, 1), 0);
	ck_assert_int_eq(glr__cookies_set_window(cookies, &recover), 0);
	expect_seen(cookies, true, false, 1);
	cookies = cookies_reopen(cookies);
	expect_seen(cookies, true, false, 1);
	ck_assert_int_eq(glr__cookies_remove(cookies, "10.0.0.1"), 0);
	ck_assert_int_eq(glr__cookies_remove(cookies, "10.0.0.2"), 0);
	expect_seen(cookies, false, false, 0);
	glr__cookies_close(cookies);
}
END_TEST

START_TEST(cookies_by_address)
{
	struct glr__cookie cookie = {.name = "2001:DB8::5", .prog = 1};
	glr__cookies_t *cookies = cookies_open();
	const struct glr__cookie *found;
	struct glr_address address, none = {.family = AF_UNSPEC};

	ck_assert_int_eq(put(cookies, 1, 1), 0);
	ck_assert_int_eq(glr_address_parse("::ffff:10.0.0.1", &address), 0);
	found = glr__cookies_find_address(cookies, &address);
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found->name, "10.0.0.1");
	ck_assert_int_eq(glr_address_parse("2001:db8::5", &address), 0);
	ck_assert_ptr_null(glr__cookies_find_address(cookies, &address));
	/* An address that is not written as we write it, and a name that is none. */
	ck_assert_int_eq(glr__cookies_put(cookies, &cookie), 0);
	strcpy(cookie.name, "client.example");
	ck_assert_int_eq(glr__cookies_put(cookies, &cookie), 0);
	found = glr__cookies_find_address(cookies, &address);
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found->name, "2001:DB8::5");
	ck_assert_ptr_null(glr__cookies_find_address(cookies, &none));
	ck_assert_int_eq(glr__cookies_remove(cookies, "2001:DB8::5"), 0);
	ck_assert_ptr_null(glr__cookies_find_address(cookies, &address));
	cookie.name[0] = '\0';
	ck_assert_int_eq(glr__cookies_put(cookies, &cookie), -EINVAL);
	memset(cookie.name, 'x', sizeof(cookie.name));
	ck_assert_int_eq(glr__cookies_put(cookies, &cookie), -EINVAL);
	glr__cookies_close(cookies);
}
END_TEST

static uint64_t make_five(void)
{
	glr__cookies_t *cookies = cookies_open();
	unsigned i;

	for (i = 1; i <= 5; i++)
		ck_assert_int_eq(put(cookies, i, (uint8_t)i), 0);
	glr__cookies_close(cookies);
	return file_size();
}

static void expect_torn_ok(uint64_t length, unsigned count)
{
	glr__cookies_t *cookies;

	ck_assert_int_eq(ftruncate(fd, (off_t)length), 0);
	cookies = cookies_open();
	ck_assert(glr__cookies_whole(cookies));
	ck_assert_uint_eq(glr__cookies_count(cookies), count);
	ck_assert_int_eq(put(cookies, 77, 7), 0);
	cookies = cookies_reopen(cookies);
	ck_assert(glr__cookies_whole(cookies));
	ck_assert_uint_eq(glr__cookies_count(cookies), count + 1);
	glr__cookies_close(cookies);
}

/* A monitor is killed in the middle of a write: its successor knows all that was acknowledged. */
START_TEST(cut_in_the_last_record)
{
	uint8_t image[2 * BLOCK];
	uint64_t end = make_five();
	uint64_t frame = (end - BLOCK) / 5;
	uint64_t length;

	ck_assert_int_eq(pread(fd, image, end, 0), (ssize_t)end);
	for (length = end - frame; length <= end; length++) {
		ck_assert_int_eq(pwrite(fd, image, end, 0), (ssize_t)end);
		expect_torn_ok(length, length == end ? 5 : 4);
	}
}
END_TEST

START_TEST(every_bit_of_every_record)
{
	uint64_t end = make_five();
	glr__cookies_t *cookies;
	uint8_t image[2 * BLOCK];
	uint64_t bit;

	ck_assert_int_eq(pread(fd, image, end, 0), (ssize_t)end);
	for (bit = BLOCK * 8; bit < end * 8; bit++) {
		image[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(pwrite(fd, image, end, 0), (ssize_t)end);
		image[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		cookies = cookies_open();
		ck_assert(!glr__cookies_whole(cookies));
		ck_assert_uint_eq(glr__cookies_count(cookies), 4);
		/* The next one knows as well. */
		ck_assert_int_eq(put(cookies, 77, 7), 0);
		cookies = cookies_reopen(cookies);
		ck_assert(!glr__cookies_whole(cookies));
		ck_assert_uint_eq(glr__cookies_count(cookies), 5);
		glr__cookies_close(cookies);
	}
}
END_TEST

START_TEST(a_damaged_header)
{
	glr__cookies_t *cookies;
	uint8_t byte = 0xee;

	make_five();
	ck_assert_int_eq(pwrite(fd, &byte, 1, 20), 1);
	cookies = cookies_open();
	ck_assert(!glr__cookies_whole(cookies));
	ck_assert_uint_eq(glr__cookies_count(cookies), 0);
	ck_assert_int_eq(put(cookies, 1, 1), 0);
	cookies = cookies_reopen(cookies);
	ck_assert(!glr__cookies_whole(cookies));
	ck_assert_uint_eq(glr__cookies_count(cookies), 1);
	glr__cookies_close(cookies);
}
END_TEST

START_TEST(a_failed_write_changes_nothing)
{
	glr__cookies_t *cookies;

	make_five();
	cookies = cookies_open();
	fail_writes = -ENOSPC;
	writes_left = 0;
	ck_assert_int_eq(put(cookies, 6, 6), -ENOSPC);
	ck_assert_int_eq(glr__cookies_remove(cookies, "10.0.0.1"), -ENOSPC);
	ck_assert_int_eq(glr__cookies_set_frozen(cookies, true), -ENOSPC);
	ck_assert_ptr_null(glr__cookies_find(cookies, "10.0.0.6"));
	ck_assert_ptr_nonnull(glr__cookies_find(cookies, "10.0.0.1"));
	fail_writes = 0;
	ck_assert_int_eq(put(cookies, 7, 7), 0);
	cookies = cookies_reopen(cookies);
	ck_assert(glr__cookies_whole(cookies));
	ck_assert_uint_eq(glr__cookies_count(cookies), 6);
	glr__cookies_close(cookies);
}
END_TEST

/* Of one recovery: the next lockd has not been told of anything. */
START_TEST(acknowledgements)
{
	struct glr__window window = {.notify_end_ms = 5, .grace_end_ms = 8};
	glr__cookies_t *cookies = cookies_open();
	char longest[GLR_NAME_MAX + 1];
	unsigned round;

	memset(longest, 'n', sizeof(longest));
	longest[GLR_NAME_MAX] = '\0';
	ck_assert_int_eq(glr__cookies_acknowledge(cookies, longest), -EINVAL);
	ck_assert_int_eq(glr__cookies_acknowledge(cookies, ""), -EINVAL);
	longest[GLR_NAME_MAX - 1] = '\0';
	ck_assert_int_eq(glr__cookies_acknowledge(cookies, longest), 0);
	for (round = 0; round < 3; round++)
		ck_assert_int_eq(glr__cookies_acknowledge(cookies, "10.0.0.1"), 0);
	ck_assert_int_eq(glr__cookies_set_window(cookies, &window), 0);
	for (round = 0; round < 2; round++) {
		ck_assert(glr__cookies_whole(cookies));
		ck_assert_uint_eq(glr__cookies_count(cookies), 0);
		ck_assert_uint_eq(glr__cookies_count_acknowledged(cookies), 2);
		ck_assert(glr__cookies_acknowledged(cookies, "10.0.0.1"));
		ck_assert(glr__cookies_acknowledged(cookies, longest));
		ck_assert(!glr__cookies_acknowledged(cookies, "10.0.0.2"));
		cookies = cookies_reopen(cookies);
	}
	window.grace_end_ms = 0;
	ck_assert_int_eq(glr__cookies_set_window(cookies, &window), 0);
	for (round = 0; round < 2; round++) {
		ck_assert_uint_eq(glr__cookies_count_acknowledged(cookies), 0);
		ck_assert(!glr__cookies_acknowledged(cookies, "10.0.0.1"));
		cookies = cookies_reopen(cookies);
	}
	glr__cookies_close(cookies);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cookies");
	TCase *tcase = tcase_create("cookies");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, cookies_setup, cookies_teardown);
	tcase_add_test(tcase, a_new_table);
	tcase_add_test(tcase, what_is_put_is_found_by_a_successor);
	tcase_add_test(tcase, a_new_lockd_has_seen_nobody);
	tcase_add_test(tcase, cookies_by_address);
	tcase_add_test(tcase, cut_in_the_last_record);
	tcase_add_test(tcase, every_bit_of_every_record);
	tcase_add_test(tcase, a_damaged_header);
	tcase_add_test(tcase, a_failed_write_changes_nothing);
	tcase_add_test(tcase, acknowledgements);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
