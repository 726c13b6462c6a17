/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recoveries by the real glr-statd: who is told, by whom, for how long, and what the list says afterwards. */
#include "recovery_report.h"
#include "frozen_disk.h"
#include "root_suite.h"
#include "statd_world.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECOVER "recover notify_ms=%u grace_ms=%u identifiers=127.0.1.1,127.0.1.2 names="

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

static const char *recover(unsigned notify_ms, unsigned grace_ms)
{
	char request[128];

	snprintf(request, sizeof(request), RECOVER, notify_ms, grace_ms);
	return world_ask(request);
}

/* ---- recovery ----------------------------------------------------------------------------------- */

static struct world_host hosts[] = {
	{.address = "127.0.0.2"}, {.address = "127.0.0.3"}, {.address = "127.0.0.4"}};

/* Three clients of an earlier lockd, whose cookies died with it. */
static void three_clients(void)
{
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(world_mon(hosts[i].address), 0);
	world_kill_statd(SIGTERM);
	world_new_cookies();
	world_start_statd();
	world_hosts(hosts, 3);
}

static bool wait_status(uint64_t acknowledged, uint64_t missed)
{
	struct glr_status status = {0};

	for (int i = 0; i < 100; i++, poll(NULL, 0, 50)) {
		world_status(&status);
		if (status.acknowledged >= acknowledged && status.missed >= missed)
			return true;
	}
	return false;
}

static void assert_told(const struct world_host *host)
{
	struct glr_status status;

	world_status(&status);
	ck_assert_uint_ge(host->told, 2);
	ck_assert_uint_eq(host->state, status.nsm_state);
	ck_assert_uint_eq(host->identifiers_seen, 1u << 1 | 1u << 2);
	ck_assert(!host->odd);
}

START_TEST(recovery)
{
	struct glr_status status;
	struct recovery_report report;
	const char *begun;
	char expected[64];
	uint32_t state;

	hosts[2].silent = true;
	three_clients();
	ck_assert_ptr_nonnull(strstr(recover(1000, 1000), "error="));
	begun = world_ask("begin fresh=1");
	ck_assert_int_eq(sscanf(begun, "clients=3\ncondition=clean\nnsm_state=%" SCNu32, &state), 1);
	world_set_grace(true);
	ck_assert_ptr_nonnull(strstr(recover(3000, 4000), "error="));
	world_set_grace(false);
	ck_assert_int_eq(recovery_report_read(WORLD_GROUP, &report), -ENOENT);
	ck_assert_str_eq(recover(3000, 4000), "ok=1\n");
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_RECOVERING);
	ck_assert_uint_gt(status.grace_left_ms, 3000);
	ck_assert(world_wait(&hosts[0].told, 2) && world_wait(&hosts[1].told, 2));
	ck_assert_uint_eq(world_mon("127.0.0.2"), 0);
	ck_assert_str_eq(world_progress("127.0.0.2"), "seen");
	ck_assert_str_eq(world_progress("127.0.0.3"), "acknowledged");
	ck_assert_str_eq(world_progress("127.0.0.4"), "sent");
	/* A client that is new in the window has nothing to reclaim. */
	ck_assert_uint_eq(world_mon("127.0.0.9"), 0);

	world_wait_phase(GLR_PHASE_SERVING);
	assert_told(&hosts[0]);
	assert_told(&hosts[1]);
	ck_assert_uint_eq(hosts[2].told, 0);
	ck_assert_str_eq(world_progress("127.0.0.2"), "seen");
	ck_assert_str_eq(world_progress("127.0.0.3"), "");
	ck_assert_str_eq(world_progress("127.0.0.4"), "missed");
	ck_assert_str_eq(world_progress("127.0.0.9"), "seen");
	world_status(&status);
	ck_assert_uint_eq(status.clients, 2);
	ck_assert_uint_eq(status.told, 3);
	ck_assert_uint_eq(status.acknowledged, 2);
	ck_assert_uint_eq(status.seen, 2);
	ck_assert_uint_eq(status.missed, 1);
	ck_assert_uint_eq(status.nsm_state, state);

	ck_assert_int_eq(recovery_report_read(WORLD_GROUP, &report), 0);
	ck_assert_uint_eq(report.clients, 3);
	ck_assert_uint_eq(report.acknowledged, 2);
	ck_assert_uint_eq(report.returned, 1);
	ck_assert_uint_eq(report.missed, 1);
	ck_assert_str_eq(report.names, "127.0.0.4\n");
	ck_assert_uint_eq(report.nsm_state, state);
	ck_assert_uint_le(report.duration_ms, 4000);
	ck_assert_uint_ge(report.duration_ms, 2900);
	ck_assert_int_le(labs((long)(time(NULL) - (time_t)report.began_s)), 6);
	recovery_report_clear(&report);

	/* Who was missed is not told to reclaim before it comes back. */
	hosts[2].silent = false;
	snprintf(expected, sizeof(expected), "clients=2\ncondition=clean\nnsm_state=%" PRIu32 "\n",
		 state + 2);
	ck_assert_str_eq(world_ask("begin fresh=0"), expected);
	recover(1000, 1200);
	world_wait_phase(GLR_PHASE_SERVING);
	ck_assert_uint_eq(hosts[0].state, state + 2);
	ck_assert_uint_eq(hosts[2].told, 0);
	ck_assert_uint_eq(world_mon("127.0.0.4"), 0);
	ck_assert_str_eq(world_progress("127.0.0.4"), "seen");
	world_kill_statd(SIGKILL);
	world_start_statd();
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_SERVING);
	/* What the last recovery came to outlives the monitor. */
	ck_assert_int_eq(recovery_report_read(WORLD_GROUP, &report), 0);
	ck_assert_uint_eq(report.nsm_state, state + 2);
	ck_assert_str_eq(report.names, "127.0.0.9\n");
	recovery_report_clear(&report);
	/* Silent, and not seen by the lockd that runs now. */
	ck_assert_str_eq(world_progress("127.0.0.9"), "missed");
	ck_assert_uint_eq(status.clients, 2);
}
END_TEST

START_TEST(monitor_that_dies_in_the_window_goes_on)
{
	struct glr_status status;

	hosts[2].silent = true;
	three_clients();
	world_ask("begin fresh=1");
	recover(3000, 3500);
	ck_assert(wait_status(2, 0));
	world_kill_statd(SIGKILL);
	hosts[1].told = 0;
	world_start_statd();
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_RECOVERING);
	ck_assert_uint_eq(status.acknowledged, 2);
	ck_assert_str_eq(world_progress("127.0.0.3"), "acknowledged");
	world_wait_phase(GLR_PHASE_SERVING);
	ck_assert_uint_eq(hosts[1].told, 0);
	/* Nobody is struck off by a monitor that saw half of it, but whoever was silent all the time was. */
	ck_assert_str_eq(world_progress("127.0.0.3"), "listed");
	ck_assert_str_eq(world_progress("127.0.0.4"), "missed");
}
END_TEST

/* Its successor may tell nobody any more, but writes down what came of it: before grace ends, or late. */
START_TEST(monitor_that_hangs_until_the_window_is_over)
{
	struct glr_status status;

	hosts[2].silent = true;
	three_clients();
	world_ask("begin fresh=1");
	recover(1500, 60000);
	ck_assert(wait_status(2, 0));
	ck_assert_int_eq(kill(world_statd_pid(), SIGSTOP), 0);
	poll(NULL, 0, 1600);
	world_kill_statd(SIGKILL);
	hosts[2].silent = false;
	world_set_grace(_i);
	world_start_statd();
	ck_assert(wait_status(2, 1));
	world_status(&status);
	ck_assert_int_eq(status.phase, _i ? GLR_PHASE_SERVING : GLR_PHASE_RECOVERING);
	ck_assert_uint_eq(hosts[2].told, 0);
	ck_assert_str_eq(world_progress("127.0.0.4"), "missed");
	world_set_grace(true);
	world_wait_phase(GLR_PHASE_SERVING);
	world_kill_statd(SIGKILL);
	world_start_statd();
	world_status(&status);
	ck_assert_uint_eq(status.acknowledged, 2);
}
END_TEST

START_TEST(grace_that_ends_early_ends_notification)
{
	struct glr_status status;
	unsigned told;

	hosts[2].silent = true;
	three_clients();
	world_ask("begin fresh=1");
	recover(20000, 20000);
	ck_assert(world_wait(&hosts[1].told, 2));
	hosts[2].silent = false;
	world_set_grace(true);
	world_wait_phase(GLR_PHASE_SERVING);
	told = hosts[2].told;
	poll(NULL, 0, 3000);
	ck_assert_uint_eq(hosts[2].told, told);
	world_status(&status);
	ck_assert_uint_eq(status.grace_left_ms, 0);
	ck_assert_str_eq(world_progress("127.0.0.3"), "listed");
	/* A monitor that starts now must not take the window up again. */
	world_kill_statd(SIGKILL);
	world_set_grace(false);
	world_start_statd();
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_SERVING);
}
END_TEST

START_TEST(client_that_answers_over_tcp_only)
{
	struct glr_status status;

	hosts[1].tcp_only = true;
	three_clients();
	world_ask("begin fresh=1");
	recover(20000, 20000);
	ck_assert(world_wait(&hosts[1].told, 2));
	for (int i = 0; i < 60; i++) {
		world_status(&status);
		if (status.acknowledged == 3)
			break;
		poll(NULL, 0, 50);
	}
	ck_assert_uint_eq(status.acknowledged, 3);
	assert_told(&hosts[1]);
}
END_TEST

/* Grace is not over for who has not come back yet. */
START_TEST(group_that_is_closed_judges_nobody)
{
	struct glr_status status;

	hosts[2].silent = true;
	three_clients();
	world_ask("begin fresh=1");
	recover(2500, 3000);
	ck_assert(world_wait(&hosts[1].told, 2));
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
	hosts[2].silent = false;
	poll(NULL, 0, 1200);
	ck_assert_uint_eq(hosts[2].told, 0);
	world_kill_statd(SIGKILL);
	/* Opened again while the old window would still be open. */
	world_thaw_cookies();
	hosts[1].told = 0;
	world_start_statd();
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_PREPARED);
	poll(NULL, 0, 3500);
	ck_assert_uint_eq(hosts[1].told, 0);
	ck_assert_str_eq(world_progress("127.0.0.3"), "listed");
	ck_assert_str_eq(world_progress("127.0.0.4"), "listed");
}
END_TEST

/* lockd may believe that it has told the monitor about a client. */
START_TEST(reopened_group_strikes_nobody_off)
{
	three_clients();
	world_ask("begin fresh=0");
	recover(1500, 2000);
	world_wait_phase(GLR_PHASE_SERVING);
	ck_assert_str_eq(world_progress("127.0.0.2"), "listed");
	ck_assert_str_eq(world_progress("127.0.0.3"), "listed");
}
END_TEST

START_TEST(nobody_to_tell)
{
	struct glr_status status;

	ck_assert_ptr_nonnull(strstr(world_ask("begin fresh=1"), "clients=0\ncondition=clean\n"));
	ck_assert_str_eq(world_ask("end-grace"), "ok=1\n");
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_SERVING);
	world_kill_statd(SIGKILL);
	world_start_statd();
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_SERVING);
	ck_assert_uint_eq(status.epoch, 1);
}
END_TEST

/* The list waits for its disk, the epoch for the list, and then the group is closed: nobody waits on. */
START_TEST(closed_while_an_epoch_waits)
{
	uint64_t began_ms;
	pid_t asks, begins;
	int status;

	world_make();
	frozen_disk_make();
	world_make_list(FROZEN_DISK);
	world_start_statd();
	frozen_disk_freeze();
	if (!(asks = fork()))
		_exit(world_mon("10.1.0.1") == 0);
	poll(NULL, 0, 200);
	if (!(begins = fork()))
		_exit(!strstr(world_ask("begin fresh=1"), "error="));
	poll(NULL, 0, 200);
	began_ms = glr__now_ms();
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
	ck_assert_int_eq(waitpid(begins, &status, 0), begins);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(waitpid(asks, &status, 0), asks);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_lt(glr__now_ms() - began_ms, 500);
	frozen_disk_thaw();
}
END_TEST

static Suite *recovery_suite(void)
{
	Suite *suite = suite_create("statd recovery");
	TCase *tc = tcase_create("recovery"), *closed = tcase_create("closed");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, recovery);
	tcase_add_test(tc, client_that_answers_over_tcp_only);
	tcase_add_test(tc, monitor_that_dies_in_the_window_goes_on);
	tcase_add_loop_test(tc, monitor_that_hangs_until_the_window_is_over, 0, 2);
	tcase_add_test(tc, grace_that_ends_early_ends_notification);
	tcase_add_test(tc, group_that_is_closed_judges_nobody);
	tcase_add_test(tc, reopened_group_strikes_nobody_off);
	tcase_add_test(tc, nobody_to_tell);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(closed, NULL, teardown);
	tcase_set_timeout(closed, 60);
	tcase_add_test(closed, closed_while_an_epoch_waits);
	suite_add_tcase(suite, closed);
	return suite;
}

int main(void)
{
	return root_suite_run("check_statd_recovery", recovery_suite());
}
