/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an administrator asks of the real glr-statd: who is missed, listed or released when it has answered.
 */
#include "root_suite.h"
#include "statd_world.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

static void setup(void)
{
	world_make();
	world_make_list(GLR__RUNTIME_DIR);
	world_start_statd();
}

static void teardown(void)
{
	if (world_statd_pid())
		world_kill_statd(SIGTERM);
}

/* A power cut after the answer: what is read then was on disk. */
static void kill_at_once(void)
{
	world_kill_statd(SIGKILL);
	world_start_statd();
}

/* ---- end-grace ---------------------------------------------------------------------------- */

static struct world_host hosts[] = {
	{.address = "127.0.0.2"}, {.address = "127.0.0.3"}, {.address = "127.0.0.4", .silent = true}};

/* Three clients of an earlier lockd, one of which comes back, one answers and one does not. */
static void recovery(const char *begin)
{
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(world_mon(hosts[i].address), 0);
	world_kill_statd(SIGTERM);
	world_new_cookies();
	world_start_statd();
	world_hosts(hosts, 3);
	world_ask(begin);
	ck_assert_str_eq(world_ask("recover notify_ms=20000 grace_ms=20000 identifiers=127.0.1.1 names="),
			 "ok=1\n");
	ck_assert(world_wait(&hosts[0].told, 1) && world_wait(&hosts[1].told, 1));
	ck_assert_uint_eq(world_mon("127.0.0.2"), 0);
}

/* Its locks may go to others from now on, and a second takeover must not tell it to reclaim. */
START_TEST(who_is_not_back_is_missed)
{
	struct glr_status status;

	recovery("begin fresh=1");
	ck_assert_str_eq(world_ask("end-grace"), "ok=1\n");
	kill_at_once();
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_SERVING);
	ck_assert_uint_eq(status.missed, 2);
	ck_assert_str_eq(world_progress("127.0.0.2"), "seen");
	ck_assert_str_eq(world_progress("127.0.0.3"), "missed");
	ck_assert_str_eq(world_progress("127.0.0.4"), "missed");
	ck_assert_uint_eq(world_mon("127.0.0.3"), 0);
	ck_assert_str_eq(world_progress("127.0.0.3"), "seen");
}
END_TEST

/* lockd may believe that it has reported a client, which then reclaims without being seen. */
START_TEST(nobody_is_missed_in_an_old_namespace)
{
	struct glr_status status;

	recovery("begin fresh=0");
	ck_assert_str_eq(world_ask("end-grace"), "ok=1\n");
	world_status(&status);
	ck_assert_uint_eq(status.missed, 0);
	ck_assert_uint_eq(status.clients, 3);
}
END_TEST

/* ---- import --------------------------------------------------------------------------------- */

START_TEST(imported_clients_are_on_disk)
{
	struct glr_status status;

	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	ck_assert_str_eq(world_ask("import names=10.1.0.1,10.1.0.2,fd00::3"), "ok=1\n");
	kill_at_once();
	world_status(&status);
	ck_assert_uint_eq(status.clients, 3);
	ck_assert_str_eq(world_progress("10.1.0.2"), "listed");
	ck_assert_str_eq(world_progress("fd00::3"), "listed");
	ck_assert_str_eq(world_ask("import names=10.1.0.2"), "ok=1\n");
	world_status(&status);
	ck_assert_uint_eq(status.clients, 3);
	ck_assert_ptr_nonnull(strstr(world_ask("import"), "error=names= is missing"));
	world_ask("freeze");
	ck_assert_ptr_nonnull(strstr(world_ask("import names=10.1.0.9"), "error=the group is closed"));
}
END_TEST

/* ---- release -------------------------------------------------------------------------------- */

START_TEST(released_client_stays_on_the_list)
{
	static struct world_lockd lockd = {.drop = 1};
	uint32_t first;

	world_lockd(&lockd);
	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	ck_assert_uint_eq(world_mon("10.1.0.2"), 0);
	ck_assert_ptr_nonnull(
		strstr(world_ask("release name=10.1.0.9"), "error=it has asked for no NFSv3 lock"));
	ck_assert_ptr_nonnull(strstr(world_ask("release"), "error=name= is missing"));
	ck_assert_str_eq(world_ask("release name=10.1.0.2"), "ok=1\n");
	ck_assert_uint_eq(lockd.calls, 1);
	ck_assert_uint_ne(lockd.priv, 0);
	ck_assert(!lockd.odd);
	/* No host that rebooted says an even state, and the next release says another one. */
	first = lockd.state;
	ck_assert_uint_eq(first % 2, 0);
	ck_assert_uint_ne(first, 0);
	poll(NULL, 0, 10);
	ck_assert_str_eq(world_ask("release name=10.1.0.2"), "ok=1\n");
	ck_assert_uint_ne(lockd.state, first);
	/* lockd will not report it again, and may grant it new locks. */
	ck_assert_str_eq(world_progress("10.1.0.2"), "seen");
}
END_TEST

START_TEST(without_lockd_the_locks_stay)
{
	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	ck_assert_ptr_nonnull(strstr(world_ask("release name=10.1.0.1"), "error=lockd was not told"));
}
END_TEST

static Suite *verbs_suite(void)
{
	Suite *suite = suite_create("statd verbs");
	TCase *tc = tcase_create("verbs");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, who_is_not_back_is_missed);
	tcase_add_test(tc, nobody_is_missed_in_an_old_namespace);
	tcase_add_test(tc, imported_clients_are_on_disk);
	tcase_add_test(tc, released_client_stays_on_the_list);
	tcase_add_test(tc, without_lockd_the_locks_stay);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return root_suite_run("check_statd_verbs", verbs_suite());
}
