/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frozen_disk.h"
#include "root_suite.h"
#include "server_connections.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <qb/qbutil.h>

#define STATE "/run/state"
#define WAKE_MS 1000

static struct connections connections;
static qb_loop_t *loop;

static void setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS | CLONE_NEWNET), 0);
	ck_assert_int_eq(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/run", "tmpfs", 0, "mode=755"), 0);
	ck_assert_int_eq(mkdir(STATE, 0700), 0);
	ck_assert_int_eq(system("ip link set lo up && ip addr add 10.0.0.10/32 dev lo && "
				"ip addr add 10.0.0.7/32 dev lo && ip addr add fd00::1/128 dev lo nodad && "
				"ip addr add fd00::7/128 dev lo nodad"),
			 0);
	loop = qb_loop_create();
	ck_assert_ptr_nonnull(loop);
}

static void put(const char *text)
{
	int fd = open(STATE "/" CONNECTIONS_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static const char *get(const char *directory)
{
	static char text[4096];
	char path[256];

	snprintf(path, sizeof(path), "%s/" CONNECTIONS_FILE, directory);
	return glr__read_text(AT_FDCWD, path, text, sizeof(text)) == 0 ? text : "none";
}

static void stop(void *arg)
{
	qb_loop_stop(loop);
}

static void run(unsigned ms)
{
	qb_loop_timer_handle handle;

	qb_loop_timer_add(loop, QB_LOOP_MED, ms * QB_TIME_NS_IN_MSEC, NULL, stop, &handle);
	qb_loop_run(loop);
}

/* As the supervisor does when a child ends.  @return its exit status */
static int reap(void)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);

	ck_assert(connections_written(&connections, pid, status));
	ck_assert(!connections_written(&connections, pid, status));
	return WEXITSTATUS(status);
}

struct pair {
	int client, server;
	char line[CONNECTION_TEXT_MAX + 1];
};

static socklen_t to_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *sa)
{
	struct glr_address address;

	ck_assert_int_eq(glr_address_parse(text, &address), 0);
	return glr_address_to_sockaddr(&address, port, sa);
}

/* A connection from client to NFS at server, on which the client has sent something. */
static struct pair join(const char *server, const char *client, uint16_t client_port)
{
	struct sockaddr_storage from, to;
	socklen_t length = to_sockaddr(server, 2049, &to);
	struct pair pair;
	int listener = socket(to.ss_family, SOCK_STREAM, 0), yes = 1;

	to_sockaddr(client, client_port, &from);
	pair.client = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&to, length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(bind(pair.client, (struct sockaddr *)&from, length), 0);
	connect(pair.client, (struct sockaddr *)&to, length);
	pair.server = accept(listener, NULL, NULL);
	ck_assert_int_ge(pair.server, 0);
	close(listener);
	snprintf(pair.line, sizeof(pair.line), "%s 2049 %s %u\n", server, client, client_port);
	return pair;
}

/* As a power cut does: nobody is told. */
static void forget(int fd)
{
	int yes = 1;

	ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &yes, sizeof(yes)), 0);
	close(fd);
}

static bool has_ended(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLRDHUP};

	return poll(&pfd, 1, 0) == 1 && pfd.revents & POLLERR;
}

START_TEST(clients_of_a_server_that_is_gone_are_woken)
{
	struct pair lost = join("10.0.0.10", "10.0.0.7", 925), lost6 = join("fd00::1", "fd00::7", 926);
	struct pair unlisted = join("10.0.0.10", "10.0.0.7", 927), back = join("10.0.0.10", "10.0.0.7", 928);
	char text[512];

	forget(lost.server);
	forget(lost6.server);
	forget(unlisted.server);
	snprintf(text, sizeof(text), "nonsense\n%s%s%s10.0.0.10 2049 10.0.0.7 927", lost.line, lost6.line,
		 back.line);
	put(text);
	ck_assert_int_eq(connections_open(&connections, STATE), 0);
	ck_assert_uint_eq(connections.count, 3);
	run(100);
	ck_assert(!has_ended(lost.client));
	connections_begin(&connections, loop);
	run(WAKE_MS);
	ck_assert(has_ended(lost.client));
	ck_assert(has_ended(lost6.client));
	/* It is not in the file. */
	ck_assert(!has_ended(unlisted.client));
	ck_assert_int_eq(send(back.client, "x", 1, 0), 1);
	run(50);
	ck_assert_int_eq(recv(back.server, text, 1, MSG_DONTWAIT), 1);
	/* What is known stays in the file for a while. */
	ck_assert_int_eq(connections.writer, 0);
	ck_assert_uint_eq(connections.count, 3);
}
END_TEST

/* @return packets that were sent in this network so far */
static unsigned long packets(void)
{
	char text[4096], *at;
	unsigned long count = 0;

	ck_assert_int_eq(glr__read_text(AT_FDCWD, "/proc/net/dev", text, sizeof(text)), 0);
	at = strstr(text, "lo:");
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(sscanf(at, "lo: %*u %lu", &count), 1);
	return count;
}

START_TEST(where_all_are_back_nothing_is_sent)
{
	struct pair back = join("10.0.0.10", "10.0.0.7", 925);
	char text[512];
	unsigned long before;

	/* The second has an address that is not the group's. */
	snprintf(text, sizeof(text), "%s10.9.9.9 2049 10.0.0.7 925\n", back.line);
	put(text);
	ck_assert_int_eq(connections_open(&connections, STATE), 0);
	before = packets();
	connections_begin(&connections, loop);
	run(WAKE_MS);
	ck_assert_uint_eq(packets(), before);
}
END_TEST

START_TEST(connections_are_written_down)
{
	struct pair first = join("10.0.0.10", "10.0.0.7", 925), second = join("fd00::1", "fd00::7", 926);
	char text[512];
	struct stat st;

	ck_assert_int_eq(connections_open(&connections, STATE), 0);
	connections_begin(&connections, loop);
	ck_assert_int_eq(reap(), 0);
	snprintf(text, sizeof(text), "%s%s", first.line, second.line);
	ck_assert_str_eq(get(STATE), text);
	ck_assert_int_eq(stat(STATE "/" CONNECTIONS_FILE, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* Nothing new, nothing written. */
	run(WAKE_MS);
	ck_assert_int_eq(connections.writer, 0);
	forget(second.server);
	forget(second.client);
	run(WAKE_MS);
	ck_assert_str_eq(get(STATE), text);
}
END_TEST

/* Those that came while an earlier write was under way, too, and before the process ends. */
START_TEST(what_there_is_at_the_end_is_written)
{
	struct pair first = join("10.0.0.10", "10.0.0.7", 925), second;
	char text[512];

	ck_assert_int_eq(connections_open(&connections, STATE), 0);
	connections_begin(&connections, loop);
	second = join("10.0.0.10", "10.0.0.7", 926);
	connections_end(&connections);
	connections_close(&connections);
	snprintf(text, sizeof(text), "%s%s", first.line, second.line);
	ck_assert_str_eq(get(STATE), text);
}
END_TEST

/* Warned of once, and tried again. */
START_TEST(a_directory_that_cannot_be_written_is_waited_for)
{
	join("10.0.0.10", "10.0.0.7", 925);
	ck_assert_int_eq(connections_open(&connections, STATE), 0);
	ck_assert_int_eq(mkdir(STATE "/" CONNECTIONS_FILE ".new", 0700), 0);
	connections_begin(&connections, loop);
	ck_assert_int_eq(reap(), EISDIR);
	ck_assert(connections.warned);
	ck_assert_int_eq(rmdir(STATE "/" CONNECTIONS_FILE ".new"), 0);
	run(WAKE_MS);
	ck_assert_int_eq(reap(), 0);
	ck_assert(!connections.warned);
	ck_assert_str_eq(get(STATE), "10.0.0.10 2049 10.0.0.7 925\n");
}
END_TEST

START_TEST(a_disk_that_hangs_keeps_nobody_waiting)
{
	uint64_t began_ms;
	pid_t writer;

	frozen_disk_make();
	ck_assert_int_eq(connections_open(&connections, FROZEN_DISK), 0);
	frozen_disk_freeze();
	join("10.0.0.10", "10.0.0.7", 925);
	began_ms = glr__now_ms();
	connections_begin(&connections, loop);
	ck_assert_uint_lt(glr__now_ms() - began_ms, 500);
	writer = connections.writer;
	ck_assert_int_gt(writer, 0);
	join("10.0.0.10", "10.0.0.7", 926);
	run(WAKE_MS);
	ck_assert_int_eq(connections.writer, writer);
	connections_end(&connections);
	connections_close(&connections);
	ck_assert_int_eq(connections.writer, writer);
	frozen_disk_thaw();
	ck_assert_int_eq(reap(), 0);
	ck_assert_int_eq(reap(), 0);
	ck_assert_str_eq(get(FROZEN_DISK), "10.0.0.10 2049 10.0.0.7 925\n10.0.0.10 2049 10.0.0.7 926\n");
}
END_TEST

START_TEST(a_pipe_in_its_place_is_left_alone)
{
	ck_assert_int_eq(mkfifo(STATE "/" CONNECTIONS_FILE, 0600), 0);
	ck_assert_int_eq(connections_open(&connections, STATE), 0);
	ck_assert_uint_eq(connections.count, 0);
}
END_TEST

static Suite *server_connections_suite(void)
{
	Suite *suite = suite_create("server connections");
	TCase *tc = tcase_create("server connections");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, clients_of_a_server_that_is_gone_are_woken);
	tcase_add_test(tc, where_all_are_back_nothing_is_sent);
	tcase_add_test(tc, connections_are_written_down);
	tcase_add_test(tc, what_there_is_at_the_end_is_written);
	tcase_add_test(tc, a_directory_that_cannot_be_written_is_waited_for);
	tcase_add_test(tc, a_disk_that_hangs_keeps_nobody_waiting);
	tcase_add_test(tc, a_pipe_in_its_place_is_left_alone);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return root_suite_run("check_server_connections", server_connections_suite());
}
