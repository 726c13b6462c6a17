/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom the real glr-statd tells, and how: every kind of client, one that boots meanwhile, thousands. */
#include "root_suite.h"
#include "statd_world.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define THOUSANDS 5000
#define MUTE "127.0.0.53"

static void setup(void)
{
	world_make();
	world_make_list(GLR__RUNTIME_DIR);
}

static void teardown(void)
{
	if (world_statd_pid())
		world_kill_statd(SIGTERM);
}

static void add_ipv6(const char *text)
{
	struct glr_address address;
	struct in6_ifreq request = {.ifr6_prefixlen = 128, .ifr6_ifindex = (int)if_nametoindex("lo")};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_storage sa;
	socklen_t length;

	ck_assert_int_eq(glr_address_parse(text, &address), 0);
	memcpy(&request.ifr6_addr, address.bytes, 16);
	ck_assert_int_eq(ioctl(fd, SIOCSIFADDR, &request), 0);
	/* The kernel makes it an address to be used a moment later. */
	length = glr_address_to_sockaddr(&address, 0, &sa);
	for (int i = 0; i < 500 && bind(fd, (struct sockaddr *)&sa, length) < 0; i++)
		poll(NULL, 0, 10);
	close(fd);
}

/* Clients of an earlier lockd, told in a new epoch. */
static void tell(struct world_host *hosts, const char *const names[], size_t count, const char *identifiers)
{
	char request[256];

	world_start_statd();
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(world_mon(names[i]), 0);
	world_kill_statd(SIGTERM);
	world_new_cookies();
	world_start_statd();
	world_hosts(hosts, count);
	world_ask("begin fresh=1");
	snprintf(request, sizeof(request),
		 "recover notify_ms=30000 grace_ms=30000 identifiers=%s names=" WORLD_NAMES, identifiers);
	ck_assert_str_eq(world_ask(request), "ok=1\n");
}

static bool wait_acknowledged(uint64_t count, unsigned timeout_ms)
{
	struct glr_status status;

	for (uint64_t end_ms = glr__now_ms() + timeout_ms; glr__now_ms() < end_ms; poll(NULL, 0, 10)) {
		world_status(&status);
		if (status.acknowledged == count)
			return true;
	}
	return false;
}

/* ---- kinds of clients --------------------------------------------------------------- */

static struct world_host kinds[] = {
	{.address = "127.0.0.2"},
	{.address = "127.0.0.3", .tcp_only = true},
	{.address = "127.0.0.4", .old_rpcbind = true},
	{.address = "127.0.0.5"},
	{.address = "127.0.0.6", .moved = true, .stale = true},
	{.address = "fd00::2"},
	{.address = "fd00::3", .tcp_only = true},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Two IPv4 addresses, one IPv6, and two names. */
START_TEST(every_kind)
{
	static const char *const names[KINDS] = {"127.0.0.2", "127.0.0.3", "127.0.0.4", "::ffff:127.0.0.5",
						 "127.0.0.6", "fd00::2",   "fd00::3"};
	struct glr_status status;

	add_ipv6("fd00::2");
	add_ipv6("fd00::3");
	add_ipv6("fd00::1:3");
	tell(kinds, names, KINDS, "127.0.1.1,127.0.1.2,fd00::1:3");
	/* The one whose rpcbind still names the port of a monitor that is gone. */
	ck_assert(wait_acknowledged(KINDS - 1, 15000));
	ck_assert_uint_eq(kinds[4].told, 0);
	kinds[4].stale = false;
	ck_assert(wait_acknowledged(KINDS, 15000));
	world_status(&status);
	for (size_t i = 0; i < KINDS; i++) {
		bool ipv6 = strchr(kinds[i].address, ':');

		ck_assert(!kinds[i].odd);
		ck_assert_uint_eq(kinds[i].identifiers_seen, ipv6 ? 1u << 3 : 1u << 1 | 1u << 2);
		ck_assert_uint_eq(kinds[i].names_seen, 3);
		ck_assert_uint_ge(kinds[i].told, ipv6 ? 3 : 6);
		ck_assert_uint_eq(kinds[i].state, status.nsm_state);
	}
}
END_TEST

/* It goes down between its port and its notification, and comes up with its monitor last, on another port. */
START_TEST(client_reboots)
{
	static struct world_host host = {.address = "127.0.0.2", .moved = true, .stale = true};
	static const char *const names[] = {"127.0.0.2"};
	unsigned asked;

	tell(&host, names, 1, "127.0.1.1");
	ck_assert(world_wait(&host.asked, 1));
	host.silent = true;
	poll(NULL, 0, 1000);
	host.unregistered = true;
	host.silent = false;
	asked = host.asked;
	ck_assert(world_wait(&host.asked, asked + 1));
	ck_assert_uint_eq(host.told, 0);
	host.stale = host.unregistered = false;
	ck_assert(wait_acknowledged(1, 20000));
	ck_assert(!host.odd);
	ck_assert_uint_eq(host.names_seen, 3);
}
END_TEST

/* An SM_MON before it is told may be for a new lock: it says nothing about the old ones. */
START_TEST(client_that_asks_first_is_told)
{
	static struct world_host host = {.address = "127.0.0.2", .silent = true};
	static const char *const names[] = {"127.0.0.2"};

	tell(&host, names, 1, "127.0.1.1");
	ck_assert(world_wait(&host.asked, 1));
	ck_assert_uint_eq(world_mon("127.0.0.2"), 0);
	ck_assert_str_eq(world_progress("127.0.0.2"), "seen");
	host.silent = false;
	ck_assert(wait_acknowledged(1, 10000));
	ck_assert_uint_eq(host.names_seen, 3);
}
END_TEST

/* ---- name service --------------------------------------------------------------------- */

static void put_instead(const char *path, const char *kept, const char *text)
{
	FILE *file = fopen(kept, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	ck_assert_int_eq(mount(kept, path, "none", MS_BIND, NULL), 0);
}

static int mute_resolver(void)
{
	struct glr_address address;
	struct sockaddr_storage sa;
	socklen_t length;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	put_instead("/etc/resolv.conf", "/run/resolv.conf",
		    "nameserver " MUTE "\noptions timeout:1 attempts:1\n");
	put_instead("/etc/nsswitch.conf", "/run/nsswitch.conf", "passwd: files\ngroup: files\nhosts: dns\n");
	ck_assert_int_eq(glr_address_parse(MUTE, &address), 0);
	length = glr_address_to_sockaddr(&address, 53, &sa);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, length), 0);
	return fd;
}

/* One that never answers makes no difference, because it is never asked. */
START_TEST(nobody_asks_the_resolver)
{
	static struct world_host host = {.address = "127.0.0.2"};
	static const char *const names[] = {"127.0.0.2"};
	int fd = mute_resolver(), asked;
	uint8_t question[512];

	tell(&host, names, 1, "127.0.1.1");
	ck_assert(wait_acknowledged(1, 1000));
	ck_assert_uint_eq(host.names_seen, 3);
	ck_assert_int_eq(recv(fd, question, sizeof(question), MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);

	/* Whoever asks is seen here. */
	asked = system("getent ahosts nfs.example.org >/dev/null");
	ck_assert_int_ne(asked, 0);
	ck_assert_int_gt(recv(fd, question, sizeof(question), MSG_DONTWAIT), 0);
}
END_TEST

/* ---- thousands ------------------------------------------------------------------------- */

static void list_thousands(void)
{
	int slots[2] = {open(GLR__RUNTIME_DIR "/clients.0", O_RDWR | O_CLOEXEC),
			open(GLR__RUNTIME_DIR "/clients.1", O_RDWR | O_CLOEXEC)};
	struct glr_address address = {.family = AF_INET, .bytes = {127, 1}};
	char name[GLR_ADDRESS_TEXT_MAX];
	glr_list_t *list;

	ck_assert_int_eq(glr_list_open(slots[0], slots[1], WORLD_GROUP, &list), 0);
	for (unsigned i = 0; i < THOUSANDS; i++) {
		address.bytes[2] = (uint8_t)(i >> 8);
		address.bytes[3] = (uint8_t)i;
		ck_assert_int_eq(glr_list_add(list, glr_address_text(&address, name), &address), 0);
	}
	glr_list_close(list);
	close(slots[0]);
	close(slots[1]);
}

/* @return its end of what it says */
static FILE *start_clients(pid_t *pid)
{
	int pipe_fds[2];
	char line[128];
	FILE *said;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	*pid = fork();
	if (!*pid) {
		dup2(pipe_fds[1], STDOUT_FILENO);
		execl(NOTIFY_CLIENTS, "notify_clients", NULL);
		_exit(127);
	}
	close(pipe_fds[1]);
	said = fdopen(pipe_fds[0], "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), said));
	ck_assert_str_eq(line, "ready\n");
	return said;
}

START_TEST(thousands)
{
	uint64_t began_ms;
	unsigned told, calls;
	FILE *said;
	pid_t pid;

	list_thousands();
	world_start_statd();
	said = start_clients(&pid);
	world_ask("begin fresh=1");
	began_ms = glr__now_ms();
	ck_assert_str_eq(world_ask("recover notify_ms=30000 grace_ms=30000 identifiers=127.0.1.1 names="),
			 "ok=1\n");
	ck_assert(wait_acknowledged(THOUSANDS, 10000));
	fprintf(stderr, "%u clients in %u ms\n", THOUSANDS, (unsigned)(glr__now_ms() - began_ms));
	kill(pid, SIGTERM);
	ck_assert_int_eq(fscanf(said, "told=%u calls=%u", &told, &calls), 2);
	ck_assert_uint_eq(told, THOUSANDS);
	/* Hardly anybody was asked twice: no answers were lost in a full socket. */
	ck_assert_uint_le(calls, 2 * THOUSANDS + THOUSANDS / 10);
	waitpid(pid, NULL, 0);
}
END_TEST

/* A monitor that hangs in the middle of it, and is replaced: who has acknowledged is known, and not told
 * again. */
START_TEST(thousands_by_two_monitors)
{
	struct glr_status before, after;
	unsigned told, calls;
	FILE *said;
	pid_t pid;

	list_thousands();
	world_start_statd();
	said = start_clients(&pid);
	world_ask("begin fresh=1");
	ck_assert_str_eq(world_ask("recover notify_ms=30000 grace_ms=30000 identifiers=127.0.1.1 names="),
			 "ok=1\n");
	do {
		poll(NULL, 0, 10);
		world_status(&before);
	} while (before.acknowledged < THOUSANDS * 4 / 5);
	ck_assert_int_eq(kill(world_statd_pid(), SIGSTOP), 0);
	world_kill_statd(SIGKILL);
	world_start_statd();
	world_status(&after);
	ck_assert_int_eq(after.phase, GLR_PHASE_RECOVERING);
	ck_assert_uint_ge(after.acknowledged, before.acknowledged);
	ck_assert_uint_ge(after.told, after.acknowledged);
	ck_assert(wait_acknowledged(THOUSANDS, 10000));
	kill(pid, SIGTERM);
	ck_assert_int_eq(fscanf(said, "told=%u calls=%u", &told, &calls), 2);
	ck_assert_uint_eq(told, THOUSANDS);
	/* Only those whose answers came to nobody are asked twice. */
	ck_assert_uint_le(calls, 2 * (THOUSANDS + THOUSANDS / 5) + THOUSANDS / 10);
	waitpid(pid, NULL, 0);
}
END_TEST

static Suite *notify_statd_suite(void)
{
	Suite *suite = suite_create("notify statd");
	TCase *tc = tcase_create("clients");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_kind);
	tcase_add_test(tc, client_reboots);
	tcase_add_test(tc, client_that_asks_first_is_told);
	tcase_add_test(tc, nobody_asks_the_resolver);
	tcase_add_test(tc, thousands);
	tcase_add_test(tc, thousands_by_two_monitors);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return root_suite_run("check_notify_statd", notify_statd_suite());
}
