/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real glr-statd under attack from its network: it stays up and small, changes nothing, tells lockd
 * nothing, says so in a line or two, and goes on answering lockd.
 */
#include "hostile_attacks.h"
#include "root_suite.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTACKERS 2
#define ATTACK_MS 2000
#define ANSWER_MS 100
#define ASK_EVERY_MS 15
#define LOCKD_NICE (-10) /* as glr-server runs its daemons, and lockd */
#define IDLE_CONNECTIONS 1200
#define LOG_FILE "/run/statd.log"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GROWTH_KB 65536 /* what is freed is kept for a while */
#else
#define GROWTH_KB 128
#endif

static struct world_lockd lockd;

/* ---- glr-statd, and what it says and takes --------------------------------------------------- */

static void setup(void)
{
	struct rlimit files = {.rlim_cur = 8192, .rlim_max = 8192};
	int saved = dup(STDERR_FILENO), fd;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	world_make();
	world_make_list(GLR__RUNTIME_DIR);
	fd = open(LOG_FILE, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	dup2(fd, STDERR_FILENO);
	close(fd);
	world_start_statd();
	dup2(saved, STDERR_FILENO);
	close(saved);
	setpriority(PRIO_PROCESS, (id_t)world_statd_pid(), LOCKD_NICE);
	setpriority(PRIO_PROCESS, 0, LOCKD_NICE);
	memset(&lockd, 0, sizeof(lockd));
	world_lockd(&lockd);
	ck_assert_uint_eq(world_mon(HOSTILE_KNOWN), 0);
	ck_assert_uint_eq(world_mon("127.0.0.1"), 0);
}

static void teardown(void)
{
	world_kill_statd(SIGTERM);
}

static unsigned log_lines(void)
{
	FILE *file = fopen(LOG_FILE, "r");
	unsigned lines = 0;
	int c;

	ck_assert_ptr_nonnull(file);
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static long resident_kb(void)
{
	char path[64];
	long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", world_statd_pid());
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*d %ld", &pages), 1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void assert_untouched(void)
{
	struct glr_status status;

	world_status(&status);
	ck_assert_uint_eq(status.clients, 2);
	ck_assert_uint_eq(status.missed, 0);
	ck_assert(status.durable);
	ck_assert_uint_eq(lockd.calls, 0);
}

/* ---- one message ------------------------------------------------------------------------------- */

/* @return words of the reply, whole: 0 without one */
static ssize_t exchange(const char *from, bool privileged, const struct message *message, uint8_t *reply)
{
	int fd = world_connect(from, from, privileged);
	ssize_t got;

	world_send(fd, message);
	got = world_receive(fd, reply, 256, 5000);
	close(fd);
	return got / 4;
}

START_TEST(only_lockd_may_ask)
{
	const struct {
		const char *from;
		bool privileged;
	} places[] = {{WORLD_STRANGER, true}, {WORLD_STRANGER, false}, {"127.0.0.1", false}, {"::1", false}};
	struct message message;
	uint8_t reply[256];

	for (uint32_t proc = GLR__SM_STAT; proc <= GLR__SM_SIMU_CRASH; proc++) {
		hostile_message(&message, proc);
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			ck_assert_int_eq(exchange(places[i].from, places[i].privileged, &message, reply), 5);
			ck_assert_uint_eq(word_at(reply, 2), 1);
		}
	}
	assert_untouched();
	ck_assert_uint_le(log_lines(), 2);
	/* SM_SIMU_CRASH is nobody's. */
	ck_assert_int_eq(exchange("127.0.0.1", true, &message, reply), 6);
	ck_assert_uint_eq(word_at(reply, 5), 3);
}
END_TEST

START_TEST(only_the_client_reboots)
{
	static const char *const names[] = {
		HOSTILE_KNOWN,
		"::ffff:" HOSTILE_KNOWN,
		"010.1.0.1",
		HOSTILE_KNOWN " ",
		HOSTILE_KNOWN "%1",
		"10.1.0.1.",
		"a.host.name",
		"",
		"0",
	};
	struct message message;
	uint8_t reply[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		nsm_notify(&message, 1, names[i], 41);
		ck_assert_int_eq(exchange(WORLD_STRANGER, true, &message, reply), 6);
		ck_assert_int_eq(exchange("127.0.0.66", false, &message, reply), 6);
	}
	nsm_notify(&message, 1, HOSTILE_KNOWN, 41);
	ck_assert_int_eq(exchange("127.0.0.1", true, &message, reply), 6);
	poll(NULL, 0, 300);
	assert_untouched();
	/* What shows that a reboot is heard at all. */
	nsm_notify(&message, 1, "a.host.name", 41);
	ck_assert_int_eq(exchange("127.0.0.1", false, &message, reply), 6);
	ck_assert(world_wait(&lockd.calls, 1));
}
END_TEST

/* ---- lockd meanwhile, while others do one thing as fast as they can ---------------------------------- */

static pid_t attack(size_t which)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 0);
	for (unsigned turn = 0;; turn++)
		hostile_attacks[which].fn(turn);
}

struct answers {
	unsigned asked, late, failed;
	uint64_t worst_ms;
};

static void ask(struct answers *answers)
{
	uint64_t began_ms = glr__now_ms(), took_ms;

	answers->asked++;
	answers->failed += world_mon(HOSTILE_KNOWN) != 0;
	took_ms = glr__now_ms() - began_ms;
	answers->late += took_ms > ANSWER_MS;
	if (took_ms > answers->worst_ms)
		answers->worst_ms = took_ms;
}

static void ask_for(struct answers *answers, uint64_t ms)
{
	uint64_t end_ms = glr__now_ms() + ms;

	while (glr__now_ms() < end_ms) {
		ask(answers);
		poll(NULL, 0, ASK_EVERY_MS);
	}
}

static void assert_answered(const char *what, const struct answers *answers)
{
	printf("%-26s %3u SM_MONs, %u after more than %d ms, the last after %llu ms\n", what, answers->asked,
	       answers->late, ANSWER_MS, (unsigned long long)answers->worst_ms);
	ck_assert_uint_eq(answers->failed, 0);
	/* One in twenty: this machine has other things to do too. */
	ck_assert_uint_le(answers->late * 20, answers->asked);
}

START_TEST(lockd_is_answered_meanwhile)
{
	struct answers answers = {0};
	pid_t attackers[ATTACKERS];
	long before_kb;
	int status;

	for (int i = 0; i < ATTACKERS; i++)
		attackers[i] = attack((size_t)_i);
	ask_for(&answers, ATTACK_MS / 2);
	before_kb = resident_kb();
	ask_for(&answers, ATTACK_MS / 2);
	ck_assert_int_le(resident_kb() - before_kb, GROWTH_KB);
	for (int i = 0; i < ATTACKERS; i++) {
		kill(attackers[i], SIGKILL);
		waitpid(attackers[i], &status, 0);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	assert_answered(hostile_attacks[_i].name, &answers);
	assert_untouched();
	ck_assert_uint_le(log_lines(), 2);
}
END_TEST

/* While the monitor is busy, or is being replaced. */
START_TEST(lockds_place_is_kept)
{
	struct message message;
	uint8_t reply[256];
	int fd;

	kill(world_statd_pid(), SIGSTOP);
	for (size_t i = 0; i < IDLE_CONNECTIONS; i++)
		ck_assert_int_ge(hostile_connect(SOCK_STREAM | SOCK_NONBLOCK), 0);
	fd = world_connect("127.0.0.1", "127.0.0.1", true);
	ck_assert_int_ge(fd, 0);
	nsm_mon(&message, 5, HOSTILE_KNOWN, 1);
	world_send(fd, &message);
	kill(world_statd_pid(), SIGCONT);
	ck_assert_int_eq(world_receive(fd, reply, sizeof(reply), ANSWER_MS), 32);
}
END_TEST

/* Connections that say nothing, or a byte of a request now and then. */
START_TEST(idle_connections)
{
	static int fds[IDLE_CONNECTIONS];
	struct answers answers = {0};
	uint64_t end_ms;
	uint8_t byte;

	for (size_t i = 0; i < IDLE_CONNECTIONS; i++) {
		fds[i] = world_connect(WORLD_STRANGER, WORLD_STRANGER, false);
		ck_assert_int_ge(fds[i], 0);
	}
	ask_for(&answers, ATTACK_MS);
	assert_answered("TCP: idle connections", &answers);
	/* The last ones have their places still, until they have sent no whole request for long enough. */
	end_ms = glr__now_ms() + 40000;
	while (recv(fds[IDLE_CONNECTIONS - 1], &byte, 1, MSG_DONTWAIT) < 0 && glr__now_ms() < end_ms) {
		send(fds[IDLE_CONNECTIONS - 1], "", 1, MSG_NOSIGNAL);
		poll(NULL, 0, 500);
	}
	ck_assert_uint_lt(glr__now_ms(), end_ms);
	assert_untouched();
	ck_assert_uint_eq(log_lines(), 0);
}
END_TEST

static Suite *hostile_suite(void)
{
	Suite *suite = suite_create("hostile");
	TCase *tc = tcase_create("hostile");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, only_lockd_may_ask);
	tcase_add_test(tc, only_the_client_reboots);
	tcase_add_loop_test(tc, lockd_is_answered_meanwhile, 0, HOSTILE_ATTACKS);
	tcase_add_test(tc, lockds_place_is_kept);
	tcase_add_test(tc, idle_connections);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return root_suite_run("check_hostile", hostile_suite());
}
