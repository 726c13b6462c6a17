/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real glr-statd as nfsd's client tracker: the test is the kernel at the other end of the pipe.
 */
#include "frozen_disk.h"
#include "nfsd_fixture.h"
#include "root_suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void replace_statd(void)
{
	world_kill_statd(SIGKILL);
	world_start_statd();
	hand_over();
}

/* As a group that is closed and served again, here or elsewhere. */
static void take_over(void)
{
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
	stop_nfsd();
	world_kill_statd(SIGTERM);
	world_thaw_cookies();
	world_start_statd();
	start_nfsd();
}

/* ---- tests ------------------------------------------------------------------------------ */

START_TEST(version)
{
	struct cld_msg message = {.cm_vers = 1, .cm_cmd = Cld_GetVersion, .cm_xid = 77};
	struct pollfd pfd = {.fd = nfsd.kernel, .events = POLLIN};

	ck_assert_int_eq(send(nfsd.kernel, &message, sizeof(message), 0), sizeof(message));
	ck_assert_int_eq(poll(&pfd, 1, SOON_MS), 1);
	memset(&message, 0xff, sizeof(message));
	ck_assert_int_eq(recv(nfsd.kernel, &message, sizeof(message), 0), sizeof(message));
	ck_assert_uint_eq(message.cm_xid, 77);
	ck_assert_int_eq(message.cm_status, 0);
	ck_assert_uint_eq(message.cm_u.cm_version, 2);
	ck_assert_int_eq(ask(99, ""), -EOPNOTSUPP);
	ck_assert_int_eq(ask(Cld_Create, ""), -EINVAL);
}
END_TEST

START_TEST(reclaim)
{
	char names[256];

	grace_start(names);
	ck_assert_str_eq(names, "");
	ck_assert_int_eq(ask(Cld_GraceDone, ""), 0);
	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	ck_assert_int_eq(ask(Cld_Create, "two"), 0);
	ck_assert_int_eq(ask(Cld_Create, "three"), 0);
	ck_assert_int_eq(ask(Cld_Remove, "two"), 0);
	ck_assert_int_eq(ask(Cld_Remove, "nobody"), 0);
	take_over();
	grace_start(names);
	ck_assert_str_eq(names, "one three ");
	ck_assert_int_eq(ask(Cld_Check, "one"), 0);
	ck_assert_int_eq(ask(Cld_Check, "two"), -EACCES);
	ck_assert_int_eq(ask(Cld_Create, "three"), 0);
	ck_assert_int_eq(ask(Cld_GraceDone, ""), 0);
	ck_assert_str_eq(world_progress("three"), "seen");
	ck_assert_str_eq(world_progress("one"), "");
	take_over();
	grace_start(names);
	ck_assert_str_eq(names, "three ");
}
END_TEST

/* An nfsd that could not begin grace makes another pipe, and asks for nobody's right to reclaim. */
START_TEST(whether_nfsd_asks_who_may_reclaim)
{
	char names[256];

	ck_assert_int_eq(ask(Cld_Check, "one"), -EACCES);
	ck_assert_uint_ne(nfsd.kept->tracked, nfsd.kept->pipe);
	grace_start(names);
	ck_assert_uint_eq(nfsd.kept->tracked, nfsd.kept->pipe);
	replace_statd();
	ck_assert_int_eq(ask(Cld_GraceDone, ""), 0);
	ck_assert_uint_eq(nfsd.kept->tracked, nfsd.kept->pipe);
	stop_nfsd();
	start_nfsd();
	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	ck_assert_uint_ne(nfsd.kept->tracked, nfsd.kept->pipe);
}
END_TEST

/* Killed in every stage of a grace period: the next one begins like it. */
START_TEST(grace_again)
{
	char names[256];

	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	ck_assert_int_eq(ask(Cld_Create, "two"), 0);
	for (int i = 0; i < 3; i++) {
		take_over();
		grace_start(names);
		ck_assert_str_eq(names, "one two ");
		if (i)
			ck_assert_int_eq(ask(Cld_Create, "two"), 0);
		replace_statd();
	}
	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	ck_assert_int_eq(ask(Cld_Create, "two"), 0);
	ck_assert_int_eq(ask(Cld_GraceDone, ""), 0);
	take_over();
	grace_start(names);
	ck_assert_str_eq(names, "one two ");
}
END_TEST

START_TEST(both_kinds_are_shown)
{
	struct glr_status status;

	ck_assert_int_eq(ask(Cld_Create, "Linux NFSv4.2 c1"), 0);
	ck_assert_uint_eq(world_mon("10.0.0.7"), 0);
	world_status(&status);
	ck_assert_uint_eq(status.clients, 1);
	ck_assert_uint_eq(status.v4_clients, 1);
	ck_assert_str_eq(world_progress("Linux NFSv4.2 c1"), "seen");
	ck_assert_str_eq(world_progress("10.0.0.7"), "seen");
}
END_TEST

/* One that was read and not answered is its successor's, unless it is of another nfsd. */
START_TEST(kept_upcall)
{
	struct glr__cld_kept *kept = nfsd.kept;
	struct cld_msg_v2 message;
	struct stat st;

	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	for (int i = 0; i < 100 && kept->message[0]; i++)
		poll(NULL, 0, 10);
	ck_assert_uint_eq(kept->message[0], 0);
	ck_assert_int_eq(fstat(nfsd.statd, &st), 0);
	ck_assert_uint_eq(kept->pipe, st.st_ino);
	world_kill_statd(SIGKILL);
	fill_upcall(&message, Cld_Create, "two");
	memcpy(kept->message, &message, sizeof(message));
	world_start_statd();
	hand_over();
	ck_assert_int_eq(status_of_answer(SOON_MS), 0);
	ck_assert_str_eq(world_progress("two"), "seen");

	world_kill_statd(SIGKILL);
	stop_nfsd();
	fill_upcall(&message, Cld_Remove, "two");
	memcpy(kept->message, &message, sizeof(message));
	world_start_statd();
	start_nfsd();
	ck_assert_int_eq(status_of_answer(200), 1);
	ck_assert_str_eq(world_progress("two"), "seen");
}
END_TEST

/* Killed again and again, at any moment: nfsd has every answer, and what was answered is on the list. */
START_TEST(killed_at_any_moment)
{
	char id[16];

	for (int i = 0; i < 60; i++) {
		snprintf(id, sizeof(id), "client-%d", i);
		upcall(Cld_Create, id);
		poll(NULL, 0, i % 3);
		replace_statd();
		ck_assert_int_eq(status_of_answer(SOON_MS), 0);
		ck_assert_str_eq(world_progress(id), "seen");
	}
}
END_TEST

/* nfsd cannot be refused: it waits, and the group's monitor action says why, until the group is closed. */
START_TEST(unwritable)
{
	struct glr_status status;

	world_kill_statd(SIGTERM);
	world_open_list(GLR__RUNTIME_DIR, O_RDONLY);
	world_start_statd();
	hand_over();
	upcall(Cld_Create, "one");
	ck_assert_int_eq(status_of_answer(2500), 1);
	world_status(&status);
	ck_assert(!status.durable);
	ck_assert_ptr_nonnull(strstr(status.last_error, "NFSv4"));
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
	ck_assert_int_eq(status_of_answer(SOON_MS), -EROFS);
	ck_assert_int_eq(ask(Cld_Create, "two"), -EROFS);
	ck_assert_int_eq(ask(Cld_Remove, "two"), 0);
	stop_nfsd();
	start_nfsd();
	/* The one error that keeps nfsd from running as with an nfsdcld that is too old. */
	ck_assert_int_eq(ask(Cld_GraceStart, ""), -ETIMEDOUT);
}
END_TEST

/* Answered when the disk has it, or after a second when the group is closed: never before. */
START_TEST(frozen_disk)
{
	nfsd_make_world();
	frozen_disk_make();
	world_make_list(FROZEN_DISK);
	world_start_statd();
	start_nfsd();
	frozen_disk_freeze();
	upcall(Cld_Create, "one");
	ck_assert_int_eq(status_of_answer(2500), 1);
	frozen_disk_thaw();
	ck_assert_int_eq(status_of_answer(SOON_MS), 0);

	frozen_disk_freeze();
	upcall(Cld_Create, "two");
	ck_assert_int_eq(status_of_answer(500), 1);
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
	ck_assert_int_eq(status_of_answer(1500), -ETIMEDOUT);
	/* Nothing queues behind a disk that does not answer. */
	upcall(Cld_GraceDone, "");
	ck_assert_int_eq(status_of_answer(500), -EBUSY);
	frozen_disk_thaw();
	for (int i = 0; i < 100 && !*world_progress("two"); i++)
		poll(NULL, 0, 20);
	ck_assert_int_eq(ask(Cld_Create, "three"), 0);
	ck_assert_str_eq(world_progress("three"), "seen");
}
END_TEST

/* What arrives while the group is closed is recorded, and nobody is struck off because it was closed. */
START_TEST(closed)
{
	char names[256];

	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
	ck_assert_int_eq(ask(Cld_Remove, "one"), 0);
	ck_assert_int_eq(ask(Cld_Create, "two"), 0);
	take_over();
	grace_start(names);
	ck_assert_str_eq(names, "one two ");
}
END_TEST

static Suite *statd_suite(void)
{
	Suite *suite = suite_create("statd_cld");
	TCase *tc = tcase_create("statd_cld"), *disk = tcase_create("disk");

	tcase_add_checked_fixture(tc, nfsd_setup, nfsd_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, version);
	tcase_add_test(tc, reclaim);
	tcase_add_test(tc, whether_nfsd_asks_who_may_reclaim);
	tcase_add_test(tc, grace_again);
	tcase_add_test(tc, both_kinds_are_shown);
	tcase_add_test(tc, kept_upcall);
	tcase_add_test(tc, killed_at_any_moment);
	tcase_add_test(tc, unwritable);
	tcase_add_test(tc, closed);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(disk, NULL, nfsd_teardown);
	tcase_set_timeout(disk, 60);
	tcase_add_test(disk, frozen_disk);
	suite_add_tcase(suite, disk);
	return suite;
}

int main(void)
{
	return root_suite_run("check_statd_cld", statd_suite());
}
