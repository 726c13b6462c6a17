/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks that need no mount, and the syntax of exports(5). */
#include "checks.h"
#include "exports_line.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char reason[CHECKS_REASON_MAX];

static int group_name(const char *name)
{
	return check_group_name(name, reason, sizeof(reason));
}

START_TEST(group_names_are_host_names)
{
	char name[66];

	memset(name, 'a', sizeof(name));
	name[63] = '\0';
	ck_assert_int_eq(group_name("home"), 0);
	ck_assert_int_eq(group_name("a"), 0);
	ck_assert_int_eq(group_name("nfs-1.example"), 0);
	ck_assert_int_eq(group_name("7"), 0);
	ck_assert_int_eq(group_name(name), 0);
}
END_TEST

START_TEST(other_names_are_refused_with_a_reason)
{
	static const char *const names[] = {"",	   ".",	       "..",   "a/b", "../a", "-a",
					    "a-",  "a..b",     "a.-b", "a b", "a_b",  "a\n",
					    "a%s", "\xc3\xa4", ".a",   "a.",  "a-.b"};
	char name[66];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		reason[0] = '\0';
		ck_assert_msg(group_name(names[i]) == -EINVAL, "'%s' was accepted", names[i]);
		ck_assert_str_ne(reason, "");
	}
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	ck_assert_int_eq(group_name(name), -EINVAL);
}
END_TEST

static char top[64];

static void make_tree(void)
{
	char path[128];

	strcpy(top, "/tmp/check_checks.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/data", top);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/link", top);
	ck_assert_int_eq(symlink("data", path), 0);
}

static void remove_tree(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/link", top);
	unlink(path);
	snprintf(path, sizeof(path), "%s/data", top);
	rmdir(path);
	rmdir(top);
}

/* Both relative to the tree. */
static int outside(const char *state, const char *export)
{
	char state_dir[128], path[128];
	const char *const exports[] = {path, NULL};

	snprintf(state_dir, sizeof(state_dir), "%s%s", top, state);
	snprintf(path, sizeof(path), "%s%s", top, export);
	return check_state_dir_outside_exports(state_dir, exports, reason, sizeof(reason));
}

START_TEST(the_state_directory_is_not_exported)
{
	ck_assert_int_eq(outside("/.glr", "/data"), 0);
	ck_assert_int_eq(outside("/data2", "/data"), 0);
	ck_assert_int_eq(outside("/data/.glr", "/data"), -EINVAL);
	ck_assert_int_eq(outside("/data", "/data"), -EINVAL);
	ck_assert_int_eq(outside("/.glr", ""), -EINVAL);
	ck_assert_int_eq(outside("/.glr/", "/"), -EINVAL);
	ck_assert_int_eq(check_state_dir_outside_exports(top, NULL, reason, sizeof(reason)), 0);
}
END_TEST

START_TEST(symbolic_links_hide_nothing)
{
	ck_assert_int_eq(outside("/link/.glr", "/data"), -EINVAL);
	ck_assert_int_eq(outside("/data/.glr", "/link"), -EINVAL);
	ck_assert_int_eq(outside("/data/../.glr", "/data"), 0);
	ck_assert_int_eq(outside("/.glr", "/absent"), -ENOENT);
	ck_assert_int_eq(outside("/absent/.glr", "/data"), -ENOENT);
}
END_TEST

START_TEST(export_paths_are_taken)
{
	static const struct {
		const char *line, *path, *rest;
	} samples[] = {
		{"/srv *(rw)", "/srv", " *(rw)"},
		{"/srv\t10.0.0.1", "/srv", "\t10.0.0.1"},
		{"/srv", "/srv", ""},
		{"\"/with space\" *", "/with space", " *"},
		{"/with\\040space *", "/with space", " *"},
		{"/a\\0zz", "/a\\0zz", ""},
		{"srv *", NULL, NULL},
		{"\"/open", NULL, NULL},
		{"", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char line[64], path[PATH_MAX], *rest;

		strcpy(line, samples[i].line);
		rest = exports_take_path(line, path);
		if (!samples[i].path) {
			ck_assert_ptr_null(rest);
			continue;
		}
		ck_assert_str_eq(path, samples[i].path);
		ck_assert_str_eq(rest, samples[i].rest);
	}
}
END_TEST

START_TEST(paths_longer_than_the_system_takes_are_refused)
{
	char *line = malloc(2 * PATH_MAX), path[PATH_MAX];

	memset(line, '/', 2 * PATH_MAX);
	line[2 * PATH_MAX - 1] = '\0';
	ck_assert_ptr_null(exports_take_path(line, path));
	free(line);
}
END_TEST

START_TEST(lines_are_cut_and_joined)
{
	char text[] = "/a *;/b \\\n *(ro)\n\n/c *";
	char *rest = text;

	ck_assert_str_eq(exports_next_line(&rest), "/a *");
	ck_assert_str_eq(exports_next_line(&rest), "/b    *(ro)");
	ck_assert_str_eq(exports_next_line(&rest), "");
	ck_assert_str_eq(exports_next_line(&rest), "/c *");
	ck_assert_ptr_null(exports_next_line(&rest));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("checks");
	TCase *tcase = tcase_create("checks");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, make_tree, remove_tree);
	tcase_add_test(tcase, group_names_are_host_names);
	tcase_add_test(tcase, other_names_are_refused_with_a_reason);
	tcase_add_test(tcase, the_state_directory_is_not_exported);
	tcase_add_test(tcase, symbolic_links_hide_nothing);
	tcase_add_test(tcase, export_paths_are_taken);
	tcase_add_test(tcase, paths_longer_than_the_system_takes_are_refused);
	tcase_add_test(tcase, lines_are_cut_and_joined);
	suite_add_tcase(suite, tcase);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
