/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of the cookie table when it is rewritten. */
#include "cookies_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(the_file_stays_small)
{
	glr__cookies_t *cookies = cookies_open();
	struct stat st;
	unsigned i;

	ck_assert_int_eq(glr__cookies_set_frozen(cookies, true), 0);
	for (i = 0; i < 40000; i++)
		ck_assert_int_eq(put(cookies, i % 1000, (uint8_t)(i / 1000)), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_lt(st.st_blocks * 512, 2 << 20);
	cookies = cookies_reopen(cookies);
	ck_assert(glr__cookies_whole(cookies));
	ck_assert(glr__cookies_frozen(cookies));
	ck_assert_uint_eq(glr__cookies_count(cookies), 1000);
	ck_assert_uint_eq(glr__cookies_find(cookies, "10.0.3.7")->priv[0], 39);
	glr__cookies_close(cookies);
}
END_TEST

static uint8_t full[BLOCK + (1u << 20) + 256]; /* a log that is due for compaction */
static size_t full_length;

/* @return how many cookies were put */
static unsigned fill_until_due(void)
{
	glr__cookies_t *cookies = cookies_open();
	unsigned count = 0;

	ck_assert_int_eq(glr__cookies_acknowledge(cookies, "10.0.0.7"), 0);
	while (file_size() <= BLOCK + (1u << 20)) {
		ck_assert_int_eq(put(cookies, count % 100, (uint8_t)(count / 100)), 0);
		count++;
	}
	glr__cookies_close(cookies);
	ck_assert_int_eq(glr__pread_all(fd, full, sizeof(full), 0, &full_length), 0);
	ck_assert_uint_eq(full_length, file_size());
	return count;
}

static glr__cookies_t *open_full(void)
{
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, full, full_length, 0), (ssize_t)full_length);
	return cookies_open();
}

static void expect_filled(unsigned count)
{
	glr__cookies_t *cookies = cookies_open();
	const struct glr__cookie *cookie;
	char name[32];
	unsigned i;

	ck_assert(glr__cookies_whole(cookies));
	ck_assert_uint_eq(glr__cookies_count(cookies), 100);
	ck_assert(glr__cookies_acknowledged(cookies, "10.0.0.7"));
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "10.0.0.%u", i);
		cookie = glr__cookies_find(cookies, name);
		ck_assert_ptr_nonnull(cookie);
		ck_assert_uint_eq(cookie->priv[0], (uint8_t)((count - 1 - (count - 1 - i) % 100) / 100));
	}
	ck_assert_int_eq(put(cookies, 200, 1), 0);
	ck_assert_int_eq(glr__cookies_remove(cookies, "10.0.0.200"), 0);
	glr__cookies_close(cookies);
}

/* A compaction is one header and a record per cookie, and one per acknowledgement: killed at each of these
 * writes. */
START_TEST(killed_at_every_write_of_a_compaction)
{
	glr__cookies_t *cookies;
	unsigned count = fill_until_due();
	unsigned at;
	int status = 0;
	pid_t pid;

	for (at = 0; at<105; at += at> 3 && at < 96 ? 7 : 1) {
		cookies = open_full();
		pid = fork();
		if (pid == 0) {
			dying = true;
			writes_left = at;
			put(cookies, 0, 222); /* not acknowledged */
			glr__cookies_close(cookies);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		glr__cookies_close(cookies);
		/* FROZEN, 100 cookies, the acknowledgement, the header, then the new cookie itself */
		ck_assert_int_eq(WIFSIGNALED(status), at < 104);
		if (at < 104)
			expect_filled(count);
	}
}
END_TEST

START_TEST(a_compaction_that_fails_changes_nothing)
{
	glr__cookies_t *cookies;
	unsigned count = fill_until_due();
	unsigned at;

	for (at = 0; at < 102; at += 17) {
		cookies = open_full();
		fail_writes = -ENOSPC;
		writes_left = at;
		ck_assert_int_eq(put(cookies, 0, 222), -ENOSPC);
		fail_writes = 0;
		glr__cookies_close(cookies);
		expect_filled(count);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cookies_compact");
	TCase *tcase = tcase_create("cookies_compact");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, cookies_setup, cookies_teardown);
	tcase_add_test(tcase, the_file_stays_small);
	tcase_add_test(tcase, killed_at_every_write_of_a_compaction);
	tcase_add_test(tcase, a_compaction_that_fails_changes_nothing);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
