/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mountinfo.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int parse(const char *text, char line[512], struct mountinfo *entry)
{
	snprintf(line, 512, "%s", text);
	return mountinfo_parse(line, entry);
}

START_TEST(every_field_is_read)
{
	struct mountinfo entry;
	char line[512];

	ck_assert_int_eq(parse("36 35 98:5 /sub /mnt/b rw,noatime shared:7 master:12 propagate_from:2 - ext4 "
			       "/dev/vg/home rw,errors=continue\n",
			       line, &entry),
			 0);
	ck_assert_int_eq(entry.id, 36);
	ck_assert_int_eq(entry.parent, 35);
	ck_assert_uint_eq(entry.major, 98);
	ck_assert_uint_eq(entry.minor, 5);
	ck_assert_str_eq(entry.root, "/sub");
	ck_assert_str_eq(entry.point, "/mnt/b");
	ck_assert_int_eq(entry.shared, 7);
	ck_assert_int_eq(entry.master, 12);
	ck_assert_str_eq(entry.fstype, "ext4");
	ck_assert_str_eq(entry.source, "/dev/vg/home");
}
END_TEST

START_TEST(a_private_mount_has_no_peers)
{
	struct mountinfo entry;
	char line[512];

	ck_assert_int_eq(parse("22 27 0:21 / /proc rw,relatime - proc proc rw\n", line, &entry), 0);
	ck_assert_int_eq(entry.shared, 0);
	ck_assert_int_eq(entry.master, 0);
	ck_assert_str_eq(entry.source, "proc");
}
END_TEST

START_TEST(octal_escapes_are_decoded)
{
	struct mountinfo entry;
	char line[512];

	ck_assert_int_eq(
		parse("1 2 0:3 /a\\134b /with\\040space\\011tab rw - ext4 /dev/x\\0401 rw\n", line, &entry),
		0);
	ck_assert_str_eq(entry.root, "/a\\b");
	ck_assert_str_eq(entry.point, "/with space\ttab");
	ck_assert_str_eq(entry.source, "/dev/x 1");
	ck_assert_int_eq(parse("1 2 0:3 / /a\\08\\1 rw - ext4 none rw\n", line, &entry), 0);
	ck_assert_str_eq(entry.point, "/a\\08\\1");
	ck_assert_int_eq(parse("1 2 0:3 / /a rw - tmpfs  rw\n", line, &entry), 0);
	ck_assert_str_eq(entry.source, "");
}
END_TEST

START_TEST(other_lines_are_refused)
{
	static const char *const lines[] = {"",
					    "\n",
					    "1 2 0:3\n",
					    "x 2 0:3 / / rw - ext4 none rw\n",
					    "1 2 0:3 / /a rw shared:1\n",
					    "1 2 0:3 / /a rw - ext4\n"};
	struct mountinfo entry;
	char line[512];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_int_eq(parse(lines[i], line, &entry), -EBADMSG);
}
END_TEST

static void write_file(char path[64], const char *text)
{
	int fd;

	strcpy(path, "/tmp/check_mountinfo.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(the_last_mount_at_a_point_is_found)
{
	struct mountinfo entry;
	char path[64];

	write_file(path, "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
			 "2 1 8:2 / /srv rw - ext4 /dev/sda2 rw\n"
			 "3 1 8:3 / /srv/a rw - ext4 /dev/sda3 rw\n"
			 "4 2 8:4 / /srv rw shared:9 - xfs /dev/sda4 rw\n");
	ck_assert_int_eq(mountinfo_find(path, "/srv", &entry), 0);
	ck_assert_int_eq(entry.id, 4);
	ck_assert_int_eq(entry.shared, 9);
	ck_assert_str_eq(entry.root, "/");
	ck_assert_str_eq(entry.point, "/srv");
	ck_assert_str_eq(entry.fstype, "xfs");
	ck_assert_str_eq(entry.source, "/dev/sda4");
	mountinfo_release(&entry);
	ck_assert_int_eq(mountinfo_find(path, "/sr", &entry), -ENOENT);
	ck_assert_int_eq(mountinfo_find(path, "/srv/", &entry), -ENOENT);
	unlink(path);
	ck_assert_int_eq(mountinfo_find(path, "/srv", &entry), -ENOENT);
}
END_TEST

static int stop_at_second(const struct mountinfo *entry, void *arg)
{
	int *calls = arg;

	return ++*calls == 2 ? 42 : 0;
}

START_TEST(walking_stops_where_it_is_told_and_at_damage)
{
	char path[64];
	int calls = 0;

	write_file(path, "1 0 8:1 / / rw - ext4 a rw\n2 0 8:1 / /b rw - ext4 b rw\nbroken\n");
	ck_assert_int_eq(mountinfo_foreach(path, stop_at_second, &calls), 42);
	ck_assert_int_eq(calls, 2);
	calls = 2;
	ck_assert_int_eq(mountinfo_foreach(path, stop_at_second, &calls), -EBADMSG);
	ck_assert_int_eq(calls, 4);
	unlink(path);
}
END_TEST

START_TEST(this_process_has_a_root)
{
	struct mountinfo entry;

	ck_assert_int_eq(mountinfo_find(MOUNTINFO_SELF, "/", &entry), 0);
	ck_assert_str_ne(entry.fstype, "");
	mountinfo_release(&entry);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mountinfo");
	TCase *tcase = tcase_create("mountinfo");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, every_field_is_read);
	tcase_add_test(tcase, a_private_mount_has_no_peers);
	tcase_add_test(tcase, octal_escapes_are_decoded);
	tcase_add_test(tcase, other_lines_are_refused);
	tcase_add_test(tcase, the_last_mount_at_a_point_is_found);
	tcase_add_test(tcase, walking_stops_where_it_is_told_and_at_damage);
	tcase_add_test(tcase, this_process_has_a_root);
	suite_add_tcase(suite, tcase);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
