/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many clients are told while others wait for the server: real sockets in a network namespace. */
#include "../helpers/notify_sockets.h"
#include "root_suite.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PORT 4045
#define WINDOW_MS 40000
#define WAITERS 12

static struct notify_backlog *backlog;
static uint64_t began_ms;

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int bound(int type, bool anywhere)
{
	struct sockaddr_in own = loopback();
	int fd = socket(AF_INET, type, 0);

	if (anywhere)
		own.sin_addr.s_addr = htonl(INADDR_ANY);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	return fd;
}

static int connected(int type)
{
	const struct sockaddr_in server = loopback();
	int fd = socket(AF_INET, type, 0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&server, sizeof(server)), 0);
	return fd;
}

static void setup(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
	ck_assert_int_eq(notify_backlog_new(glr__now_ms() + WINDOW_MS, &backlog), 0);
	began_ms = glr__now_ms();
}

static void teardown(void)
{
	notify_backlog_free(backlog);
}

static size_t next(void)
{
	return notify_backlog_allowance(backlog, began_ms, 100000);
}

/* Twice as many each time at first, then some more each time. */
START_TEST(empty_queues)
{
	static const size_t expected[] = {16, 32, 64, 80, 96};

	bound(SOCK_STREAM, true);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_uint_eq(next(), expected[i]);
}
END_TEST

START_TEST(connections_that_nobody_accepts)
{
	int fds[WAITERS], server = bound(SOCK_STREAM, true);

	ck_assert_int_eq(listen(server, 64), 0);
	ck_assert_uint_eq(next(), 16);
	ck_assert_uint_eq(next(), 32);
	for (int i = 0; i < WAITERS; i++)
		fds[i] = connected(SOCK_STREAM);
	ck_assert_uint_eq(next(), 0);
	/* Some are left: as many as at first, until there is none. */
	for (int i = 0; i < WAITERS / 2; i++)
		close(accept(server, NULL, NULL));
	ck_assert_uint_eq(next(), 8);
	for (int i = WAITERS / 2; i < WAITERS; i++)
		close(accept(server, NULL, NULL));
	ck_assert_uint_eq(next(), 16);
	for (int i = 0; i < WAITERS; i++)
		close(fds[i]);
}
END_TEST

/* @param anywhere whether the socket is a server's */
static void fill(bool anywhere)
{
	int client;

	bound(SOCK_DGRAM, anywhere);
	client = connected(SOCK_DGRAM);
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(send(client, "lock", 4, 0), 4);
}

START_TEST(requests_that_nobody_reads)
{
	fill(true);
	ck_assert_uint_eq(next(), 0);
}
END_TEST

START_TEST(answers_that_nobody_reads_do_not_count)
{
	fill(false);
	ck_assert_uint_eq(next(), 16);
}
END_TEST

/* The window began a little earlier. */
static void near(size_t allowance, size_t expected)
{
	ck_assert_uint_ge(allowance, expected - 10);
	ck_assert_uint_le(allowance, expected + 10);
}

/* Whoever fills the queues on purpose keeps nobody from being told in time. */
START_TEST(all_are_told_in_three_quarters_of_the_window)
{
	fill(true);
	near(notify_backlog_allowance(backlog, began_ms + 15000, 1000), 500);
	ck_assert_uint_eq(notify_backlog_allowance(backlog, began_ms + 15000, 1000), 0);
	near(notify_backlog_allowance(backlog, began_ms + 18000, 1000), 100);
	near(notify_backlog_allowance(backlog, began_ms + 30000, 1000), 400);
}
END_TEST

START_TEST(looks_are_apart)
{
	next();
	ck_assert(!notify_backlog_due(backlog, began_ms + 9));
	ck_assert(notify_backlog_due(backlog, began_ms + 10));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notify_backlog");
	TCase *tc = tcase_create("backlog");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, empty_queues);
	tcase_add_test(tc, connections_that_nobody_accepts);
	tcase_add_test(tc, requests_that_nobody_reads);
	tcase_add_test(tc, answers_that_nobody_reads_do_not_count);
	tcase_add_test(tc, all_are_told_in_three_quarters_of_the_window);
	tcase_add_test(tc, looks_are_apart);
	suite_add_tcase(suite, tc);
	return root_suite_run("check_notify_backlog", suite);
}
