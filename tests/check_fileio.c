/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "glr_private.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory_path[64];
static int directory_fd;

static void setup(void)
{
	strcpy(directory_path, "/tmp/check_fileio.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory_path));
	directory_fd = open(directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(directory_fd, 0);
}

static void teardown(void)
{
	unlinkat(directory_fd, "a", 0);
	unlinkat(directory_fd, "b", 0);
	unlinkat(directory_fd, "a.new", 0);
	close(directory_fd);
	ck_assert_int_eq(rmdir(directory_path), 0);
}

static int new_file(void)
{
	int fd = glr__open_new(directory_fd, "a", 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(writes_and_reads_at_offsets)
{
	char text[16] = "";
	uint64_t size;
	size_t got;
	int fd = new_file();

	ck_assert_int_eq(glr__pwrite_all(fd, "group", 5, 3), 0);
	ck_assert_int_eq(glr__pread_all(fd, text, sizeof(text), 3, &got), 0);
	ck_assert_uint_eq(got, 5);
	ck_assert_str_eq(text, "group");
	ck_assert_int_eq(glr__pread_all(fd, text, sizeof(text), 8, &got), 0);
	ck_assert_uint_eq(got, 0);
	ck_assert_int_eq(glr__fdatasync(fd), 0);
	ck_assert_int_eq(glr__fsync(fd), 0);
	ck_assert_int_eq(glr__truncate(fd, 5), 0);
	ck_assert_int_eq(glr__file_size(fd, &size), 0);
	ck_assert_uint_eq(size, 5);
	close(fd);
	ck_assert_int_eq(glr__pwrite_all(fd, "x", 1, 0), -EBADF);
	ck_assert_int_eq(glr__pread_all(fd, text, 1, 0, &got), -EBADF);
	ck_assert_int_eq(glr__fdatasync(fd), -EBADF);
	ck_assert_int_eq(glr__fsync(fd), -EBADF);
}
END_TEST

START_TEST(full_disks_say_so)
{
	int fd = open("/dev/full", O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(glr__pwrite_all(fd, "x", 1, 0), -ENOSPC);
	close(fd);
	ck_assert_int_eq(glr__write_text(AT_FDCWD, "/dev/full", "x"), -ENOSPC);
}
END_TEST

START_TEST(preallocation_takes_blocks_and_holes_give_them_back)
{
	uint8_t byte = 1;
	struct stat st;
	size_t got;
	int fd = new_file();

	ck_assert_int_eq(glr__preallocate(fd, 1 << 20), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 1 << 20);
	ck_assert_int_ge(st.st_blocks * 512, 1 << 20);
	ck_assert_int_eq(glr__pwrite_all(fd, &byte, 1, 8192), 0);
	ck_assert_int_eq(glr__punch_hole(fd, 4096, 1 << 19), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 1 << 20);
	ck_assert_int_lt(st.st_blocks * 512, 1 << 20);
	ck_assert_int_eq(glr__pread_all(fd, &byte, 1, 8192, &got), 0);
	ck_assert_uint_eq(byte, 0);
	close(fd);
}
END_TEST

START_TEST(descriptors_tell_whether_they_write)
{
	bool writable;
	int fd = new_file();

	ck_assert_int_eq(glr__file_writable(fd, &writable), 0);
	ck_assert(writable);
	close(fd);
	fd = glr__open_read(directory_fd, "a");
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(glr__file_writable(fd, &writable), 0);
	ck_assert(!writable);
	close(fd);
	ck_assert_int_eq(glr__file_writable(fd, &writable), -EBADF);
}
END_TEST

START_TEST(nothing_that_exists_is_overwritten)
{
	close(new_file());
	ck_assert_int_eq(glr__open_new(directory_fd, "a", 0600), -EEXIST);
	ck_assert_int_eq(symlinkat("b", directory_fd, "b"), 0);
	ck_assert_int_eq(glr__open_new(directory_fd, "b", 0600), -EEXIST);
	ck_assert_int_eq(glr__open_read(directory_fd, "b"), -ELOOP);
	ck_assert_int_eq(glr__rename_new(directory_fd, "a", "b"), -EEXIST);
	ck_assert_int_eq(glr__unlink(directory_fd, "b"), 0);
	ck_assert_int_eq(glr__unlink(directory_fd, "b"), -ENOENT);
	ck_assert_int_eq(glr__rename_new(directory_fd, "a", "b"), 0);
	ck_assert_int_eq(glr__rename_new(directory_fd, "a", "b"), -ENOENT);
}
END_TEST

START_TEST(texts)
{
	char text[6];
	int fd = new_file();

	ck_assert_int_eq(glr__pwrite_all(fd, "group\n", 6, 0), 0);
	ck_assert_int_eq(glr__read_text(directory_fd, "a", text, sizeof(text)), -EFBIG);
	ck_assert_int_eq(glr__truncate(fd, 5), 0);
	ck_assert_int_eq(glr__read_text(directory_fd, "a", text, sizeof(text)), 0);
	ck_assert_str_eq(text, "group");
	ck_assert_int_eq(glr__write_text(directory_fd, "a", "h"), 0);
	ck_assert_int_eq(glr__read_text(directory_fd, "a", text, sizeof(text)), 0);
	ck_assert_str_eq(text, "hroup");
	ck_assert_int_eq(glr__read_text(directory_fd, "b", text, sizeof(text)), -ENOENT);
	ck_assert_int_eq(glr__write_text(directory_fd, "b", "h"), -ENOENT);
	close(fd);
}
END_TEST

START_TEST(files_of_proc)
{
	char text[64];

	ck_assert_int_eq(glr__read_text(AT_FDCWD, "/proc/self/comm", text, sizeof(text)), 0);
	ck_assert_ptr_nonnull(strchr(text, '\n'));
}
END_TEST

START_TEST(replacing_is_all_or_nothing)
{
	char text[16];
	struct stat st;
	int fd;

	ck_assert_int_eq(glr__replace_file(directory_fd, "a", "one", 3, 0600), 0);
	/* what a killed writer left */
	fd = glr__open_new(directory_fd, "a.new", 0644);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(glr__replace_file(directory_fd, "a", "second", 6, 0600), 0);
	ck_assert_int_eq(glr__read_text(directory_fd, "a", text, sizeof(text)), 0);
	ck_assert_str_eq(text, "second");
	ck_assert_int_eq(fstatat(directory_fd, "a", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(fstatat(directory_fd, "a.new", &st, 0), -1);
	/* A directory of that name cannot be replaced, and nothing stays behind. */
	ck_assert_int_eq(mkdirat(directory_fd, "b", 0700), 0);
	ck_assert_int_eq(glr__replace_file(directory_fd, "b", "x", 1, 0600), -EISDIR);
	ck_assert_int_eq(fstatat(directory_fd, "b.new", &st, 0), -1);
	ck_assert_int_eq(unlinkat(directory_fd, "b", AT_REMOVEDIR), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fileio");
	TCase *tcase = tcase_create("fileio");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, writes_and_reads_at_offsets);
	tcase_add_test(tcase, full_disks_say_so);
	tcase_add_test(tcase, preallocation_takes_blocks_and_holes_give_them_back);
	tcase_add_test(tcase, descriptors_tell_whether_they_write);
	tcase_add_test(tcase, nothing_that_exists_is_overwritten);
	tcase_add_test(tcase, texts);
	tcase_add_test(tcase, files_of_proc);
	tcase_add_test(tcase, replacing_is_all_or_nothing);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
