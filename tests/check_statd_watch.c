/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real glr-statd and NFSv4.0 clients that nfsd does not report: the test is the kernel, and
 * glr-v4clients, which is asked who is alive. */
#include "frozen_disk.h"
#include "nfsd_fixture.h"
#include "passfd.h"
#include "root_suite.h"
#include "v4clients.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t lease_s = 10; /* asked every second */

/* ---- glr-v4clients ------------------------------------------------------------------- */

/* @return where the answer goes, -1 when nobody asked */
static int question(int timeout_ms)
{
	struct pollfd pfd = {.fd = nfsd.handover, .events = POLLIN};
	int fd = -1;

	if (poll(&pfd, 1, timeout_ms) == 1)
		ck_assert_int_eq(passfd_receive(nfsd.handover, &fd), 0);
	return fd;
}

static void power_cut(void)
{
	int fd;

	world_kill_statd(SIGKILL);
	stop_nfsd();
	while ((fd = question(0)) >= 0)
		close(fd);
	world_new_cookies();
	world_start_statd();
	start_nfsd();
}

static int asked(void)
{
	int fd = question(SOON_MS);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void tell(int fd, const char *name, bool has_state)
{
	struct v4clients_answer answer = {
		.has_state = has_state, .lease_s = lease_s, .id_length = (uint32_t)strlen(name)};

	memcpy(answer.id, name, strlen(name));
	ck_assert_int_eq(send(fd, &answer, sizeof(answer), MSG_NOSIGNAL), sizeof(answer));
}

static void end(int fd, uint32_t clients)
{
	struct v4clients_answer answer = {.lease_s = lease_s, .clients = clients};

	ck_assert_int_eq(send(fd, &answer, sizeof(answer), MSG_NOSIGNAL), sizeof(answer));
	close(fd);
}

/* @param name the one that is alive and has something, NULL: nobody */
static void say(const char *name)
{
	int fd = asked();

	if (name)
		tell(fd, name, true);
	end(fd, 2);
}

static bool becomes(const char *name, const char *progress)
{
	for (int i = 0; i < 100 && strcmp(world_progress(name), progress); i++)
		poll(NULL, 0, 10);
	return !strcmp(world_progress(name), progress);
}

/* "one" and "two" may reclaim, and do not say that they did. */
static void into_grace(void)
{
	char names[256];

	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	ck_assert_int_eq(ask(Cld_Create, "two"), 0);
	power_cut();
	grace_start(names);
	ck_assert_str_eq(names, "one two ");
}

static void out_of_grace(const char *name)
{
	upcall(Cld_GraceDone, "");
	say(name);
	ck_assert_int_eq(status_of_answer(SOON_MS), 0);
}

static void may_reclaim(const char *expected)
{
	char names[256];

	power_cut();
	grace_start(names);
	ck_assert_str_eq(names, expected);
}

/* ---- tests ------------------------------------------------------------------------------ */

/* Not who has nothing, nor who is not on the list. */
START_TEST(who_has_reclaimed_stays)
{
	int fd;

	into_grace();
	upcall(Cld_GraceDone, "");
	fd = asked();
	ck_assert_int_eq(status_of_answer(200), 1);
	tell(fd, "one", true);
	tell(fd, "two", false);
	tell(fd, "stranger", true);
	ck_assert_int_eq(status_of_answer(200), 1);
	end(fd, 3);
	ck_assert_int_eq(status_of_answer(SOON_MS), 0);
	ck_assert_str_eq(world_progress("one"), "seen");
	ck_assert_str_eq(world_progress("two"), "");
	ck_assert_str_eq(world_progress("stranger"), "");
	may_reclaim("one ");
	out_of_grace("one");
	may_reclaim("one ");
	out_of_grace(NULL);
	may_reclaim("");
}
END_TEST

/* nfsd must not wait for long, and nobody stays who may not have come back. */
START_TEST(nobody_knows)
{
	uint64_t begin_ms;
	int fd;

	into_grace();
	begin_ms = glr__now_ms();
	upcall(Cld_GraceDone, "");
	fd = asked();
	tell(fd, "one", true);
	ck_assert_int_eq(status_of_answer(SOON_MS), 0);
	ck_assert_uint_ge(glr__now_ms() - begin_ms, V4CLIENTS_ANSWER_MS - 10);
	ck_assert_uint_le(glr__now_ms() - begin_ms, V4CLIENTS_ANSWER_MS + 1000);
	ck_assert_str_eq(world_progress("one"), "");
	close(fd);
	may_reclaim("");
}
END_TEST

START_TEST(answer_breaks_off)
{
	int fd;

	into_grace();
	upcall(Cld_GraceDone, "");
	fd = asked();
	tell(fd, "one", true);
	close(fd);
	ck_assert_int_eq(status_of_answer(1000), 0);
	may_reclaim("");
}
END_TEST

/* All of them were reported, or there are none. */
START_TEST(nobody_is_asked)
{
	into_grace();
	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	ck_assert_int_eq(ask(Cld_Create, "two"), 0);
	ck_assert_int_eq(ask(Cld_GraceDone, ""), 0);
	ck_assert_int_eq(question(1500), -1);
	may_reclaim("one two ");
}
END_TEST

START_TEST(watched)
{
	into_grace();
	out_of_grace("one");
	say("one");
	ck_assert_str_eq(world_progress("one"), "seen");
	/* Idle for too long. */
	say(NULL);
	ck_assert(becomes("one", ""));
	/* It was not expired after all. */
	say("one");
	ck_assert(becomes("one", "seen"));
	/* It came late, but in time. */
	say("two");
	ck_assert(becomes("two", "seen"));
	ck_assert(becomes("one", ""));
	may_reclaim("two ");
}
END_TEST

START_TEST(watched_without_an_answer)
{
	into_grace();
	out_of_grace("one");
	close(asked());
	ck_assert(becomes("one", ""));
	say("one");
	ck_assert(becomes("one", "seen"));
	asked();
	poll(NULL, 0, 1200);
	ck_assert_str_eq(world_progress("one"), "");
}
END_TEST

START_TEST(asked_again_while_there_is_time)
{
	lease_s = 30;
	into_grace();
	out_of_grace("one");
	close(asked());
	close(asked());
	ck_assert_str_eq(world_progress("one"), "seen");
	say("one");
	for (int i = 0; i < 60 && strcmp(world_progress("one"), ""); i++)
		close(question(100));
	ck_assert_str_eq(world_progress("one"), "");
}
END_TEST

/* Then nfsd says when it goes. */
START_TEST(reported_after_all)
{
	into_grace();
	out_of_grace("one");
	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	say(NULL);
	poll(NULL, 0, 200);
	ck_assert_str_eq(world_progress("one"), "seen");
	ck_assert_int_eq(ask(Cld_Remove, "one"), 0);
	may_reclaim("");
}
END_TEST

/* ... also when it is being written down while the answer comes. */
START_TEST(reported_meanwhile)
{
	int fd;

	nfsd_make_world();
	frozen_disk_make();
	world_make_list(FROZEN_DISK);
	world_start_statd();
	start_nfsd();
	into_grace();
	out_of_grace("one");
	fd = asked();
	frozen_disk_freeze();
	upcall(Cld_Create, "one");
	end(fd, 1);
	ck_assert_int_eq(status_of_answer(400), 1);
	frozen_disk_thaw();
	ck_assert_int_eq(status_of_answer(SOON_MS), 0);
	poll(NULL, 0, 200);
	ck_assert_str_eq(world_progress("one"), "seen");
}
END_TEST

/* What was seen before nfsd struck it off does not put it back. */
START_TEST(struck_off_meanwhile)
{
	int fd;

	into_grace();
	out_of_grace("two");
	ck_assert_int_eq(ask(Cld_Create, "one"), 0);
	fd = asked();
	tell(fd, "one", true);
	tell(fd, "two", true);
	ck_assert_int_eq(ask(Cld_Remove, "one"), 0);
	end(fd, 2);
	poll(NULL, 0, 200);
	ck_assert_str_eq(world_progress("one"), "");
	ck_assert_str_eq(world_progress("two"), "seen");
}
END_TEST

/* The successor goes on watching, also when it was killed before nfsd had its answer. */
START_TEST(monitor_killed)
{
	into_grace();
	upcall(Cld_GraceDone, "");
	say("one");
	world_kill_statd(SIGKILL);
	world_start_statd();
	hand_over();
	say("one");
	ck_assert_int_le(status_of_answer(SOON_MS), 0);
	say("one");
	world_kill_statd(SIGKILL);
	world_start_statd();
	hand_over();
	say(NULL);
	ck_assert(becomes("one", ""));
}
END_TEST

/* Power cuts at any moment: until nfsd was answered all may reclaim, then who has reclaimed. */
START_TEST(cut_while_marking)
{
	char names[256];
	int status;

	into_grace();
	for (int i = 0; i < 40; i++) {
		upcall(Cld_GraceDone, "");
		say("one");
		poll(NULL, 0, i % 4);
		kill(world_statd_pid(), SIGSTOP);
		status = status_of_answer(0);
		power_cut();
		grace_start(names);
		if (status == 0 || strcmp(names, "one two "))
			ck_assert_str_eq(names, "one ");
		ck_assert_int_eq(ask(Cld_Create, "one"), 0);
		ck_assert_int_eq(ask(Cld_Create, "two"), 0);
		ck_assert_int_eq(ask(Cld_GraceDone, ""), 0);
		power_cut();
		grace_start(names);
		ck_assert_str_eq(names, "one two ");
	}
}
END_TEST

/* A new nfsd knows nobody yet. */
START_TEST(not_before_grace)
{
	char names[256];

	into_grace();
	out_of_grace("one");
	power_cut();
	ck_assert_int_eq(question(1500), -1);
	grace_start(names);
	ck_assert_str_eq(names, "one ");
	ck_assert_int_eq(question(1500), -1);
}
END_TEST

/* Nobody is struck off because the group is closed: nobody can renew a lease then. */
START_TEST(closed)
{
	into_grace();
	out_of_grace("one");
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
	close(asked());
	ck_assert_int_eq(question(1500), -1);
	may_reclaim("one ");
}
END_TEST

static Suite *watch_suite(void)
{
	Suite *suite = suite_create("statd_watch");
	TCase *tc = tcase_create("statd_watch"), *disk = tcase_create("disk");

	tcase_add_checked_fixture(tc, nfsd_setup, nfsd_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, who_has_reclaimed_stays);
	tcase_add_test(tc, nobody_knows);
	tcase_add_test(tc, answer_breaks_off);
	tcase_add_test(tc, nobody_is_asked);
	tcase_add_test(tc, watched);
	tcase_add_test(tc, watched_without_an_answer);
	tcase_add_test(tc, asked_again_while_there_is_time);
	tcase_add_test(tc, reported_after_all);
	tcase_add_test(tc, struck_off_meanwhile);
	tcase_add_test(tc, monitor_killed);
	tcase_add_test(tc, cut_while_marking);
	tcase_add_test(tc, not_before_grace);
	tcase_add_test(tc, closed);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(disk, NULL, nfsd_teardown);
	tcase_set_timeout(disk, 60);
	tcase_add_test(disk, reported_meanwhile);
	suite_add_tcase(suite, disk);
	return suite;
}

int main(void)
{
	return root_suite_run("check_statd_watch", watch_suite());
}
