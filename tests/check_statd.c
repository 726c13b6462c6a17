/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real glr-statd, as root, in network and mount namespaces of the test's own: real sockets, real
 * list files, and hosts on loopback addresses that it tells.
 */
#include "frozen_disk.h"
#include "root_suite.h"
#include "statd_world.h"

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

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

/* ---- privileges ------------------------------------------------------------------------- */

static void assert_line(const char *key, const char *expected)
{
	char path[64], line[256];
	size_t length = strlen(key);
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", world_statd_pid());
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, length) || line[length] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		ck_assert_str_eq(line + length + 2, expected);
		found = true;
	}
	fclose(file);
	ck_assert(found);
}

START_TEST(is_unprivileged)
{
	unsigned uid = getpwnam(GLR__USER)->pw_uid, gid = getpwnam(GLR__USER)->pw_gid;
	char ids[64];

	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	assert_line("Uid", ids);
	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", gid, gid, gid, gid);
	assert_line("Gid", ids);
	assert_line("Groups", " ");
	assert_line("CapPrm", "0000000000000400");
	assert_line("CapEff", "0000000000000400");
	assert_line("CapInh", "0000000000000000");
	assert_line("NoNewPrivs", "1");
}
END_TEST

/* ---- SM_MON over real connections --------------------------------------------------------- */

START_TEST(list_survives_a_kill)
{
	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	ck_assert_uint_eq(world_mon("fd00::1"), 0);
	ck_assert_str_eq(world_progress("10.1.0.1"), "seen");
	world_kill_statd(SIGKILL);
	world_start_statd();
	ck_assert_str_eq(world_progress("10.1.0.1"), "seen");
	ck_assert_str_eq(world_progress("fd00::1"), "seen");
	ck_assert_str_eq(world_progress("10.1.0.2"), "");
	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	ck_assert_uint_eq(world_mon("not.an.address"), 1);
}
END_TEST

START_TEST(request_in_many_pieces)
{
	struct message message;
	uint8_t reply[256], mark[4] = {0};
	int fd = world_connect("::1", "::1", true);

	ck_assert_int_ge(fd, 0);
	nsm_mon(&message, 5, "10.1.0.1", 1);
	for (size_t i = 0; i < message.length; i++) {
		mark[0] = i + 1 == message.length ? 0x80 : 0;
		mark[3] = 1;
		for (int j = 0; j < 4; j++)
			ck_assert_int_eq(send(fd, &mark[j], 1, 0), 1);
		ck_assert_int_eq(send(fd, &message.bytes[i], 1, 0), 1);
	}
	ck_assert_int_eq(world_receive(fd, reply, sizeof(reply), 5000), 32);
	ck_assert_uint_eq(word_at(reply, 6), 0);
	/* And two at once. */
	nsm_mon(&message, 6, "10.1.0.1", 1);
	world_send(fd, &message);
	nsm_mon(&message, 7, "10.1.0.1", 1);
	world_send(fd, &message);
	ck_assert_int_eq(world_receive(fd, reply, sizeof(reply), 5000), 32);
	ck_assert_int_eq(world_receive(fd, reply, sizeof(reply), 5000), 32);
	ck_assert_uint_eq(word_at(reply, 0), 7);
	close(fd);
}
END_TEST

static size_t count_descriptors(void)
{
	char pattern[64];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/proc/%d/fd/*", world_statd_pid());
	ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
	globfree(&found);
	return found.gl_pathc;
}

START_TEST(no_connection_stays)
{
	size_t before = count_descriptors();

	for (int i = 0; i < 100; i++)
		ck_assert(world_mon("10.1.0.1") == 0 && count_descriptors() <= before + 2);
	poll(NULL, 0, 500);
	ck_assert_uint_le(count_descriptors(), before);
}
END_TEST

static bool is_denied(const char *from, bool privileged)
{
	int fd = world_connect(from, from, privileged);
	struct message message;
	uint8_t reply[256];
	ssize_t got;

	nsm_mon(&message, 9, "10.1.0.1", 1);
	world_send(fd, &message);
	got = world_receive(fd, reply, sizeof(reply), 5000);
	close(fd);
	return got > 12 && word_at(reply, 2) == 1;
}

static int count_clients(const char *packet, void *arg)
{
	unsigned *count = arg;

	if (!strcmp(packet, "end=1\n"))
		return 1;
	/* Slower than the monitor, so that the socket fills up. */
	return poll(NULL, 0, ++*count % 100 == 0);
}

START_TEST(long_list)
{
	int fd = world_connect("127.0.0.1", "127.0.0.1", true);
	struct message message;
	uint8_t reply[256];
	unsigned count = 0;
	char name[32];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "10.2.%u.%u", i / 250, i % 250);
		nsm_mon(&message, i, name, 1);
		world_send(fd, &message);
		ck_assert_int_eq(world_receive(fd, reply, sizeof(reply), 5000), 32);
	}
	close(fd);
	ck_assert_int_eq(glr__control_ask(WORLD_GROUP, "list", 10000, count_clients, &count, NULL), 1);
	ck_assert_uint_eq(count, 2000);
}
END_TEST

START_TEST(strangers_are_denied)
{
	ck_assert(is_denied("127.0.0.1", false));
	ck_assert(is_denied(WORLD_STRANGER, true));
	ck_assert_str_eq(world_progress("10.1.0.1"), "");
}
END_TEST

/* An answer must come from the address that was asked. */
static ssize_t ask_over_udp(const char *address, uint16_t from_port, const struct message *message,
			    uint8_t *reply, size_t size)
{
	struct pollfd pfd = {.events = POLLIN};
	struct sockaddr_storage sa;
	struct glr_address to;
	socklen_t length;
	ssize_t got = -1;

	ck_assert_int_eq(glr_address_parse(address, &to), 0);
	pfd.fd = socket(to.family, SOCK_DGRAM, 0);
	length = glr_address_to_sockaddr(&to, from_port, &sa);
	ck_assert_int_eq(bind(pfd.fd, (struct sockaddr *)&sa, length), 0);
	length = glr_address_to_sockaddr(&to, world_port(false, to.family == AF_INET6), &sa);
	/* Connected: what comes from another address is not received. */
	ck_assert_int_eq(connect(pfd.fd, (struct sockaddr *)&sa, length), 0);
	ck_assert_int_eq(send(pfd.fd, message->bytes, message->length, 0), (ssize_t)message->length);
	if (poll(&pfd, 1, 5000) == 1)
		got = recv(pfd.fd, reply, size, 0);
	close(pfd.fd);
	return got;
}

START_TEST(requests_over_udp)
{
	struct message message;
	uint8_t reply[256];

	nsm_mon(&message, 5, "10.1.0.1", 1);
	ck_assert_int_eq(ask_over_udp("127.0.0.1", 700, &message, reply, sizeof(reply)), 32);
	ck_assert_uint_eq(word_at(reply, 6), 0);
	ck_assert_int_eq(ask_over_udp("::1", 701, &message, reply, sizeof(reply)), 32);
	ck_assert_str_eq(world_progress("10.1.0.1"), "seen");
	ck_assert_int_gt(ask_over_udp("127.0.0.1", 0, &message, reply, sizeof(reply)), 12);
	ck_assert_uint_eq(word_at(reply, 2), 1);
	nsm_call(&message, 6, GLR__SM_NULL);
	ck_assert_int_eq(ask_over_udp(WORLD_STRANGER, 0, &message, reply, sizeof(reply)), 24);
	ck_assert_int_eq(ask_over_udp("127.0.0.77", 0, &message, reply, sizeof(reply)), 24);
}
END_TEST

START_TEST(hostile_connections)
{
	const uint8_t marks[][4] = {{0x80, 0, 0x10, 1}, {0xff, 0xff, 0xff, 0xff}};
	uint8_t nothing[4096] = {0}, reply[256], byte;
	int lockd = world_connect("127.0.0.1", "127.0.0.1", true), fds[160], fd;
	struct message message;

	for (size_t i = 0; i < 2; i++) {
		fd = world_connect(WORLD_STRANGER, WORLD_STRANGER, false);
		ck_assert_int_eq(send(fd, marks[i], 4, 0), 4);
		ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
		close(fd);
	}
	/* A thousand empty fragments, and more connections than there are places. */
	fd = world_connect(WORLD_STRANGER, WORLD_STRANGER, false);
	ck_assert_int_eq(send(fd, nothing, sizeof(nothing), 0), sizeof(nothing));
	for (size_t i = 0; i < 160; i++) {
		fds[i] = world_connect(WORLD_STRANGER, WORLD_STRANGER, false);
		ck_assert_int_ge(fds[i], 0);
	}
	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	/* Idle longer than all of them, but lockd's. */
	nsm_mon(&message, 4, "10.1.0.1", 1);
	world_send(lockd, &message);
	ck_assert_int_eq(world_receive(lockd, reply, sizeof(reply), 5000), 32);
	close(lockd);
	for (size_t i = 0; i < 160; i++)
		close(fds[i]);
	close(fd);
	ck_assert_uint_eq(world_mon("10.1.0.2"), 0);
}
END_TEST

/* ---- a disk that does not answer ------------------------------------------------------------ */

START_TEST(frozen_disk)
{
	struct glr_status status;
	uint64_t began_ms;

	world_make();
	frozen_disk_make();
	world_make_list(FROZEN_DISK);
	world_start_statd();
	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	frozen_disk_freeze();

	began_ms = glr__now_ms();
	ck_assert_uint_eq(world_mon("10.1.0.2"), 1);
	ck_assert_uint_ge(glr__now_ms() - began_ms, GLR__SYNC_DEADLINE_MS);
	ck_assert_uint_lt(glr__now_ms() - began_ms, GLR__SYNC_DEADLINE_MS + 500);
	world_status(&status);
	ck_assert(!status.durable);
	ck_assert_str_ne(status.last_error, "");

	began_ms = glr__now_ms();
	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	ck_assert_uint_eq(world_mon("10.1.0.3"), 1);
	ck_assert_uint_lt(glr__now_ms() - began_ms, 300);
	ck_assert_ptr_nonnull(strstr(world_ask("begin fresh=0"), "error="));

	frozen_disk_thaw();
	for (int i = 0; i < 100 && !status.durable; i++) {
		poll(NULL, 0, 20);
		world_status(&status);
	}
	ck_assert(status.durable);
	ck_assert_str_eq(status.last_error, "");
	ck_assert_uint_eq(world_mon("10.1.0.3"), 0);
}
END_TEST

/* ---- a client reboots ------------------------------------------------------------------------------- */

static void say_reboot(const char *from, const char *name, uint32_t state)
{
	struct message message;
	uint8_t reply[256];
	int fd = world_connect(from, from, false);

	nsm_notify(&message, 8, name, state);
	world_send(fd, &message);
	ck_assert_int_eq(world_receive(fd, reply, sizeof(reply), 5000), 24);
	close(fd);
}

START_TEST(reboot_reaches_lockd)
{
	static struct world_lockd lockd = {.drop = 1};

	world_lockd(&lockd);
	ck_assert_uint_eq(world_mon(WORLD_STRANGER), 0);
	say_reboot(WORLD_STRANGER, WORLD_STRANGER, 41);
	ck_assert(world_wait(&lockd.calls, 1));
	ck_assert_uint_eq(lockd.state, 41);
	ck_assert_uint_ne(lockd.priv, 0);
	ck_assert(!lockd.odd);
	say_reboot("127.0.0.1", WORLD_STRANGER, 43);
	say_reboot("127.0.0.1", "some.name", 43);
	poll(NULL, 0, 1500);
	ck_assert_uint_eq(lockd.calls, 1);
	ck_assert_str_eq(world_progress(WORLD_STRANGER), "seen");
}
END_TEST

/* ---- the end ------------------------------------------------------------------------------------------ */

START_TEST(freeze_closes)
{
	struct glr_status status;
	struct message message;
	uint8_t reply[256];
	int fd;

	ck_assert_uint_eq(world_mon("10.1.0.1"), 0);
	fd = world_connect("127.0.0.1", "127.0.0.1", true);
	nsm_call(&message, 3, GLR__SM_NULL);
	world_send(fd, &message);
	ck_assert_int_eq(world_receive(fd, reply, sizeof(reply), 5000), 24);
	ck_assert_str_eq(world_ask("freeze"), "ok=1\n");
	ck_assert_int_eq(world_receive(fd, reply, sizeof(reply), 5000), 0);
	close(fd);
	/* Refused at once, although the test holds the listener too. */
	ck_assert_int_eq(world_connect("127.0.0.1", "127.0.0.1", true), -1);
	ck_assert_int_eq(world_connect("::1", "::1", true), -1);
	ck_assert_ptr_nonnull(strstr(world_ask("begin fresh=0"), "error="));
	world_kill_statd(SIGKILL);
	world_start_statd();
	world_status(&status);
	ck_assert_int_eq(status.phase, GLR_PHASE_CLOSED);
	ck_assert_uint_eq(status.clients, 1);
	ck_assert_int_eq(world_connect("127.0.0.1", "127.0.0.1", true), -1);
	ck_assert_ptr_nonnull(strstr(world_ask("nonsense"), "error="));
}
END_TEST

static Suite *statd_suite(void)
{
	Suite *suite = suite_create("statd");
	TCase *tc = tcase_create("statd"), *disk = tcase_create("disk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, is_unprivileged);
	tcase_add_test(tc, list_survives_a_kill);
	tcase_add_test(tc, request_in_many_pieces);
	tcase_add_test(tc, no_connection_stays);
	tcase_add_test(tc, requests_over_udp);
	tcase_add_test(tc, long_list);
	tcase_add_test(tc, strangers_are_denied);
	tcase_add_test(tc, hostile_connections);
	tcase_add_test(tc, reboot_reaches_lockd);
	tcase_add_test(tc, freeze_closes);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(disk, 60);
	tcase_add_checked_fixture(disk, NULL, teardown);
	tcase_add_test(disk, frozen_disk);
	suite_add_tcase(suite, disk);
	return suite;
}

int main(void)
{
	return root_suite_run("check_statd", statd_suite());
}
