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
	ck_assert_int_eq(notify_backlog_new(glr__now_ms() + WINDOW_MS, true, &backlog), 0);
	began_ms = glr__now_ms();
}

static void teardown(void)
{
	notify_backlog_free(backlog);
}

static size_t next(void)
{
	return notify_backlog_allowance(backlog, began_ms, 100000, NOTIFY_BACK_UNKNOWN);
}

/* @return how many of 1000 may be told */
static size_t after(unsigned ms, size_t back)
{
	return notify_backlog_allowance(backlog, began_ms + ms, 1000, back);
}

/* Twice as many each time at first, then some more each time. */
START_TEST(empty_queues)
{
	static const size_t expected[] = {8, 16, 32, 64, 80};

	bound(SOCK_STREAM, true);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_uint_eq(next(), expected[i]);
}
END_TEST

START_TEST(connections_that_nobody_accepts)
{
	int fds[WAITERS], server = bound(SOCK_STREAM, true);

	ck_assert_int_eq(listen(server, 64), 0);
	ck_assert_uint_eq(next(), 8);
	ck_assert_uint_eq(next(), 16);
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
	ck_assert_uint_eq(next(), 8);
	ck_assert_uint_eq(next(), 16);
}
END_TEST

/* The window began a little earlier. */
static void near(size_t allowance, size_t expected)
{
	ck_assert_uint_ge(allowance, expected - 10);
	ck_assert_uint_le(allowance, expected + 10);
}

/* Whoever fills the queues on purpose keeps nobody from being told: nine in 250 ms. */
START_TEST(all_are_told_in_three_quarters_of_the_window)
{
	fill(true);
	near(after(15000, NOTIFY_BACK_UNKNOWN), 540);
	ck_assert_uint_eq(after(15000, NOTIFY_BACK_UNKNOWN), 0);
	near(after(18000, NOTIFY_BACK_UNKNOWN), 108);
	near(after(30000, NOTIFY_BACK_UNKNOWN), 432);
}
END_TEST

START_TEST(full_queues_are_respected_while_clients_come_back)
{
	fill(true);
	for (unsigned i = 1; i <= 100; i++)
		ck_assert_uint_eq(after(250 * i, 3 * i), 0);
	ck_assert_uint_eq(after(250 * 101, 300), 9);
	/* At the end of the window nobody is left. */
	ck_assert_uint_eq(after(WINDOW_MS / 20 * 19 + 10, 301), 1000);
}
END_TEST

START_TEST(no_more_on_their_way_than_the_queues_hold)
{
	ck_assert_uint_eq(after(0, 0), 8);
	ck_assert_uint_eq(after(10, 0), 16);
	ck_assert_uint_eq(after(20, 0), 24);
	ck_assert_uint_eq(after(25, 0), 0);
	ck_assert_uint_eq(after(30, 20), 20);
	/* Some came by themselves. */
	ck_assert_uint_eq(after(40, 1000), 32);
}
END_TEST

START_TEST(who_stays_away_holds_nobody_up)
{
	after(0, 0);
	after(10, 0);
	ck_assert_uint_eq(after(200, 0), 24);
	ck_assert_uint_eq(after(210, 0), 0);
	ck_assert_uint_eq(after(400, 0), 9);
	ck_assert_uint_ge(after(800, 0), 32);
}
END_TEST

/* Half of those who were told: the others come no slower for it. */
START_TEST(some_stay_away)
{
	size_t told = 0;

	for (unsigned i = 0; i < 400; i++)
		told += after(i * 10, told / 2);
	ck_assert_uint_ge(told, 400);
}
END_TEST

START_TEST(looks_are_apart)
{
	next();
	ck_assert(!notify_backlog_due(backlog, began_ms + 9));
	/* Later where a look takes long. */
	ck_assert(notify_backlog_due(backlog, began_ms + 1000));
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
	tcase_add_test(tc, full_queues_are_respected_while_clients_come_back);
	tcase_add_test(tc, no_more_on_their_way_than_the_queues_hold);
	tcase_add_test(tc, who_stays_away_holds_nobody_up);
	tcase_add_test(tc, some_stay_away);
	tcase_add_test(tc, looks_are_apart);
	suite_add_tcase(suite, tc);
	return root_suite_run("check_notify_backlog", suite);
}
