/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A system's log that answers, hangs, or is started anew; and a status monitor that must not care. */
#include "root_suite.h"
#include "statd_world.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINES 20000

static int receiver;

static void start_receiver(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};

	unlink(_PATH_LOG);
	receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(receiver, (struct sockaddr *)&sun, sizeof(sun)), 0);
	chmod(_PATH_LOG, 0666);
}

static void setup(void)
{
	world_make();
	ck_assert_int_eq(mount("tmpfs", "/dev", "tmpfs", 0, "mode=755"), 0);
	start_receiver();
}

static void teardown(void)
{
	if (world_statd_pid())
		world_kill_statd(SIGTERM);
}

/* @return the next line as the log gets it, "" when there is none */
static const char *next_line(void)
{
	static char line[4096];
	ssize_t got = recv(receiver, line, sizeof(line) - 1, 0);

	line[got > 0 ? got : 0] = '\0';
	return line;
}

static void expect_line(unsigned priority, const char *text)
{
	char expected[256], who[64];
	const char *line = next_line();
	unsigned said;

	/* <29>Nov 22 18:00:00 check_log[4711]: text */
	ck_assert_int_eq(sscanf(line, "<%u>%*3s %*u %*u:%*u:%*u %63s", &said, who), 2);
	ck_assert_uint_eq(said, LOG_DAEMON | priority);
	snprintf(expected, sizeof(expected), "check_log[%d]: group=home %s", getpid(), text);
	ck_assert_str_eq(strstr(line, who), expected);
}

START_TEST(lines)
{
	glr__log_init("check_log", "home", false);
	glr_notice("client=%s: what", "10.0.0.1");
	glr_debug("nobody wants to know");
	glr_info("and more");
	expect_line(LOG_NOTICE, "client=10.0.0.1: what");
	expect_line(LOG_INFO, "and more");
	glr__log_debug();
	glr_debug("now they do");
	expect_line(LOG_DEBUG, "now they do");
	ck_assert_str_eq(next_line(), "");
	glr__log_fini();
}
END_TEST

START_TEST(log_that_hangs)
{
	char note[128];
	uint64_t began_ms = glr__now_ms();
	unsigned taken = 0;

	glr__log_init("check_log", "home", false);
	for (unsigned i = 0; i < LINES; i++)
		glr_info("line %u", i);
	ck_assert_uint_lt(glr__now_ms() - began_ms, 5000);
	for (; strcmp(next_line(), ""); taken++)
		;
	ck_assert_uint_gt(taken, 0);
	ck_assert_uint_lt(taken, LINES);
	glr_err("it goes on");
	glr_info("and on");
	snprintf(note, sizeof(note), "lines before this one that the log did not take: %u", LINES - taken);
	expect_line(LOG_WARNING, note);
	expect_line(LOG_ERR, "it goes on");
	expect_line(LOG_INFO, "and on");
	glr__log_fini();
}
END_TEST

START_TEST(log_that_is_started_anew)
{
	glr__log_init("check_log", "home", false);
	glr_info("before");
	expect_line(LOG_INFO, "before");
	close(receiver);
	glr_info("to nobody");
	start_receiver();
	glr_info("after");
	expect_line(LOG_WARNING, "lines before this one that the log did not take: 1");
	expect_line(LOG_INFO, "after");
	close(receiver);
	start_receiver();
	glr_info("at once");
	expect_line(LOG_INFO, "at once");
	glr__log_fini();
}
END_TEST

static void fill_log(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	while (sendto(fd, "full", 4, 0, (struct sockaddr *)&sun, sizeof(sun)) == 4)
		;
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
}

/* Everything of which a line is written. */
START_TEST(monitor_with_a_log_that_hangs)
{
	static struct world_host hosts[] = {{.address = "127.0.0.2"}, {.address = "127.0.0.3"}};
	struct glr_status status;
	uint64_t began_ms;

	world_make_list(GLR__RUNTIME_DIR);
	fill_log();
	world_start_statd();
	for (int i = 0; i < 2; i++)
		ck_assert_uint_eq(world_mon(hosts[i].address), 0);
	world_kill_statd(SIGTERM);
	world_new_cookies();
	world_start_statd();
	world_hosts(hosts, 2);
	world_ask("begin fresh=1");
	ck_assert_str_eq(world_ask("recover notify_ms=20000 grace_ms=20000 identifiers=127.0.1.1 names="),
			 "ok=1\n");
	ck_assert(world_wait(&hosts[0].told, 1) && world_wait(&hosts[1].told, 1));
	for (int i = 0; i < 20; i++) {
		began_ms = glr__now_ms();
		ck_assert_uint_eq(world_mon(hosts[i % 2].address), 0);
		world_mon("no.address.example");
		world_status(&status);
		ck_assert_uint_lt(glr__now_ms() - began_ms, 1000);
	}
	ck_assert_uint_eq(status.acknowledged, 2);
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
}
END_TEST

static Suite *log_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, lines);
	tcase_add_test(tc, log_that_hangs);
	tcase_add_test(tc, log_that_is_started_anew);
	tcase_add_test(tc, monitor_with_a_log_that_hangs);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return root_suite_run("check_log", log_suite());
}
