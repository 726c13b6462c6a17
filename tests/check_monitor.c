/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NSM procedures over a real list and real cookies: requests in, answers out, the clock and the
 * moment when a write returns in the test's hands. */
#include "nsm_message.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOCAL_STATE 77
#define STAT_FAIL 1
#define NO_ANSWER UINT32_MAX
#define ANSWERS_MAX 256

static struct {
	char directory[64];
	int slots[2], cookies_fd;
	glr_list_t *list;
	glr__cookies_t *cookies;
	glr__monitor_t *monitor;
	const struct glr__list_write *op; /* waits for its return */
	struct answer {
		uint8_t bytes[256];
		size_t length;
	} answers[ANSWERS_MAX]; /* by token */
	unsigned answer_count, seen_count, downcall_count;
	struct glr__cookie downcall;
	uint32_t downcall_state;
	uint64_t now_ms;
} t;

static void on_send(void *arg, uint64_t token, const uint8_t *reply, size_t length)
{
	ck_assert_uint_lt(token, ANSWERS_MAX);
	ck_assert_uint_le(length, sizeof(t.answers[0].bytes));
	ck_assert_uint_eq(t.answers[token].length, 0);
	memcpy(t.answers[token].bytes, reply, length);
	t.answers[token].length = length;
	t.answer_count++;
}

static void on_write(void *arg, const struct glr__list_write *op)
{
	ck_assert_ptr_null(t.op);
	t.op = op;
}

static void on_downcall(void *arg, const struct glr__cookie *cookie, uint32_t state)
{
	t.downcall = *cookie;
	t.downcall_state = state;
	t.downcall_count++;
}

static void on_seen(void *arg, const char *name)
{
	t.seen_count++;
}

static uint32_t on_local_state(void *arg)
{
	return LOCAL_STATE;
}

static void open_monitor(void)
{
	const struct glr__monitor_ops ops = {.send = on_send,
					     .write = on_write,
					     .downcall = on_downcall,
					     .seen = on_seen,
					     .local_state = on_local_state};

	ck_assert_int_eq(glr_list_open(t.slots[0], t.slots[1], "home", &t.list), 0);
	ck_assert_int_eq(glr__cookies_open(t.cookies_fd, &t.cookies), 0);
	ck_assert_int_eq(glr__monitor_new(t.list, t.cookies, &ops, &t.monitor), 0);
}

static void close_monitor(void)
{
	glr__monitor_free(t.monitor);
	glr__cookies_close(t.cookies);
	glr_list_close(t.list);
}

static void setup(void)
{
	int directory_fd;

	memset(&t, 0, sizeof(t));
	t.now_ms = 1000000;
	strcpy(t.directory, "/tmp/check_monitor.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(t.directory));
	directory_fd = open(t.directory, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(glr_list_format(directory_fd, "home", 1 << 20, false), 0);
	t.slots[0] = openat(directory_fd, "clients.0", O_RDWR);
	t.slots[1] = openat(directory_fd, "clients.1", O_RDWR);
	t.cookies_fd = openat(directory_fd, "cookies", O_RDWR | O_CREAT, 0600);
	close(directory_fd);
	open_monitor();
	ck_assert_int_eq(glr_list_begin_epoch(t.list, true), 0);
}

static void teardown(void)
{
	char command[128];

	close_monitor();
	close(t.slots[0]);
	close(t.slots[1]);
	close(t.cookies_fd);
	snprintf(command, sizeof(command), "rm -r %s", t.directory);
	ck_assert_int_eq(system(command), 0);
}

static void request_from(const char *peer, uint16_t port, uint64_t token, const struct message *message)
{
	struct glr_address address;

	ck_assert_int_eq(glr_address_parse(peer, &address), 0);
	glr__monitor_request(t.monitor, token, &address, port, message->bytes, message->length, t.now_ms);
}

static void lockd(uint64_t token, const struct message *message)
{
	request_from("127.0.0.1", 700, token, message);
}

static void mon(uint64_t token, const char *name)
{
	struct message message;

	nsm_mon(&message, (uint32_t)token, name, (uint8_t)token);
	lockd(token, &message);
}

static void unmon(uint64_t token, const char *name)
{
	struct message message;

	nsm_unmon(&message, (uint32_t)token, name);
	lockd(token, &message);
}

static void written(int result)
{
	const struct glr__list_write *op = t.op;

	ck_assert_ptr_nonnull(op);
	t.op = NULL;
	if (!result)
		result = glr__list_write(op);
	glr__monitor_written(t.monitor, result, t.now_ms);
}

static unsigned tick_after(uint64_t ms)
{
	t.now_ms += ms;
	return glr__monitor_tick(t.monitor, t.now_ms);
}

/* @return result of the sm_stat_res that answers a token, or NO_ANSWER */
static uint32_t result_of(uint64_t token)
{
	const struct answer *answer = &t.answers[token];

	if (!answer->length)
		return NO_ANSWER;
	ck_assert_uint_eq(answer->length, 32);
	ck_assert_uint_eq(word_at(answer->bytes, 0), token);
	ck_assert_uint_eq(word_at(answer->bytes, 5), 0);
	ck_assert_uint_eq(word_at(answer->bytes, 7), LOCAL_STATE);
	return word_at(answer->bytes, 6);
}

static uint32_t accept_stat(uint64_t token)
{
	ck_assert_uint_ge(t.answers[token].length, 24);
	ck_assert_uint_eq(word_at(t.answers[token].bytes, 2), 0);
	return word_at(t.answers[token].bytes, 5);
}

static bool denied(uint64_t token)
{
	return t.answers[token].length && word_at(t.answers[token].bytes, 2) == 1;
}

static void add_client(uint64_t token, const char *name)
{
	mon(token, name);
	written(0);
	ck_assert_uint_eq(result_of(token), 0);
}

/* ---- SM_MON ------------------------------------------------------------------------ */

START_TEST(new_client_is_on_disk_before_the_answer)
{
	const struct glr__cookie *cookie;

	mon(1, "10.0.0.7");
	ck_assert_uint_eq(result_of(1), NO_ANSWER);
	ck_assert(glr__monitor_busy(t.monitor));
	ck_assert_ptr_null(glr__cookies_find(t.cookies, "10.0.0.7"));
	written(0);
	ck_assert_uint_eq(result_of(1), 0);
	ck_assert_uint_eq(t.seen_count, 1);
	cookie = glr__cookies_find(t.cookies, "10.0.0.7");
	ck_assert_ptr_nonnull(cookie);
	ck_assert_uint_eq(cookie->priv[15], 1);
	ck_assert_uint_eq(cookie->prog, GLR__NLM_PROG);

	close_monitor();
	open_monitor();
	ck_assert(glr_list_contains(t.list, "10.0.0.7"));
	ck_assert_ptr_nonnull(glr__cookies_find(t.cookies, "10.0.0.7"));
}
END_TEST

START_TEST(known_client_costs_no_write)
{
	add_client(1, "10.0.0.7");
	mon(2, "10.0.0.7");
	ck_assert_ptr_null(t.op);
	ck_assert_uint_eq(result_of(2), 0);
	ck_assert_uint_eq(glr__cookies_find(t.cookies, "10.0.0.7")->priv[0], 2);
}
END_TEST

START_TEST(spellings_are_one_client)
{
	add_client(1, "2001:db8::7");
	mon(2, "2001:0db8:0:0::0007");
	ck_assert_uint_eq(result_of(2), 0);
	mon(3, "::ffff:10.0.0.7");
	written(0);
	ck_assert(glr_list_contains(t.list, "10.0.0.7"));
}
END_TEST

START_TEST(host_name_is_refused)
{
	mon(1, "client.example");
	ck_assert_uint_eq(result_of(1), STAT_FAIL);
	ck_assert_ptr_null(t.op);
}
END_TEST

START_TEST(missed_client_is_added_again)
{
	add_client(1, "10.0.0.7");
	ck_assert_int_eq(glr_list_mark_missed(t.list, "10.0.0.7"), 0);
	add_client(2, "10.0.0.7");
	ck_assert(glr_list_contains(t.list, "10.0.0.7"));
}
END_TEST

START_TEST(new_clients_queue_in_order)
{
	add_client(1, "10.0.0.1");
	mon(2, "10.0.0.2");
	mon(3, "10.0.0.3");
	mon(4, "10.0.0.2");
	mon(5, "10.0.0.1");
	ck_assert_uint_eq(result_of(5), 0);
	ck_assert_uint_eq(t.answer_count, 2);
	written(0);
	ck_assert_uint_eq(result_of(2), 0);
	ck_assert_uint_eq(result_of(3), NO_ANSWER);
	ck_assert_uint_eq(result_of(4), NO_ANSWER);
	written(0);
	/* The second request for .2 needs no write of its own. */
	ck_assert_uint_eq(result_of(3), 0);
	ck_assert_uint_eq(result_of(4), 0);
	ck_assert(!glr__monitor_busy(t.monitor));
}
END_TEST

START_TEST(queue_is_bounded)
{
	char name[32];

	for (unsigned i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "10.0.1.%u", i);
		mon(i, name);
	}
	/* One is being written and 64 wait. */
	ck_assert_uint_eq(result_of(64), NO_ANSWER);
	ck_assert_uint_eq(result_of(65), STAT_FAIL);
	ck_assert_uint_eq(t.answer_count, 5);
	for (unsigned i = 0; i < 65; i++)
		written(0);
	ck_assert_uint_eq(result_of(64), 0);
	ck_assert_uint_eq(t.answer_count, 70);
}
END_TEST

/* ---- a slow disk, a dead disk ---------------------------------------------------------- */

START_TEST(stuck_write_fails_new_clients_only)
{
	add_client(1, "10.0.0.1");
	mon(2, "10.0.0.2");
	t.now_ms += 400;
	mon(3, "10.0.0.3");
	ck_assert_uint_eq(tick_after(0), GLR__SYNC_DEADLINE_MS - 400);
	tick_after(GLR__SYNC_DEADLINE_MS - 401);
	ck_assert_uint_eq(result_of(2), NO_ANSWER);
	ck_assert_uint_eq(tick_after(1), UINT_MAX);
	ck_assert_uint_eq(result_of(2), STAT_FAIL);
	ck_assert_uint_eq(result_of(3), STAT_FAIL);
	ck_assert(!glr__monitor_durable(t.monitor));

	mon(4, "10.0.0.4");
	ck_assert_uint_eq(result_of(4), STAT_FAIL);
	mon(5, "10.0.0.1");
	ck_assert_uint_eq(result_of(5), 0);

	tick_after(30000);
	written(0);
	ck_assert(glr__monitor_durable(t.monitor));
	ck_assert_ptr_null(glr__cookies_find(t.cookies, "10.0.0.2"));
	/* It was refused, but is on the list: the safe side. */
	ck_assert(glr_list_contains(t.list, "10.0.0.2"));
	mon(6, "10.0.0.2");
	ck_assert_uint_eq(result_of(6), 0);
	add_client(7, "10.0.0.4");
}
END_TEST

START_TEST(waiting_client_has_its_own_deadline)
{
	mon(1, "10.0.0.1");
	t.now_ms += 900;
	mon(2, "10.0.0.2");
	written(0);
	ck_assert_uint_eq(result_of(1), 0);
	t.now_ms += 50;
	mon(3, "10.0.0.3");
	ck_assert_uint_eq(tick_after(0), GLR__SYNC_DEADLINE_MS - 50);
	t.now_ms += 940;
	written(0);
	ck_assert_uint_eq(result_of(2), 0);
	/* Its write has just begun, but it has waited long enough. */
	ck_assert_uint_eq(result_of(3), NO_ANSWER);
	ck_assert_uint_eq(tick_after(0), 60);
	tick_after(60);
	ck_assert_uint_eq(result_of(3), STAT_FAIL);
	ck_assert(glr__monitor_durable(t.monitor));
	written(0);
	ck_assert(glr_list_contains(t.list, "10.0.0.3"));
}
END_TEST

START_TEST(write_error_is_final)
{
	add_client(1, "10.0.0.1");
	mon(2, "10.0.0.2");
	mon(3, "10.0.0.3");
	written(-EIO);
	ck_assert_uint_eq(result_of(2), STAT_FAIL);
	ck_assert_uint_eq(result_of(3), STAT_FAIL);
	ck_assert_ptr_null(t.op);
	mon(4, "10.0.0.4");
	ck_assert_uint_eq(result_of(4), STAT_FAIL);
	ck_assert(!glr__monitor_durable(t.monitor));
	mon(5, "10.0.0.1");
	ck_assert_uint_eq(result_of(5), 0);
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_END, NULL, t.now_ms), 0);
	ck_assert_ptr_null(t.op);
}
END_TEST

START_TEST(cookie_that_cannot_be_kept_is_a_failure)
{
	struct rlimit none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY}, before;

	mon(1, "10.0.0.1");
	ck_assert_int_eq(glr__list_write(t.op), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	glr__monitor_written(t.monitor, 0, t.now_ms);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_uint_eq(result_of(1), STAT_FAIL);
	ck_assert_uint_eq(t.seen_count, 0);
}
END_TEST

/* ---- SM_UNMON ---------------------------------------------------------------------------- */

START_TEST(unmon_takes_a_client_off_late)
{
	add_client(1, "10.0.0.1");
	unmon(2, "10.0.0.1");
	ck_assert_uint_eq(accept_stat(2), 0);
	ck_assert_uint_eq(word_at(t.answers[2].bytes, 6), LOCAL_STATE);
	ck_assert_ptr_null(glr__cookies_find(t.cookies, "10.0.0.1"));
	ck_assert_uint_eq(tick_after(1), GLR__UNMON_DELAY_MS - 1);
	tick_after(GLR__UNMON_DELAY_MS - 2);
	ck_assert_ptr_null(t.op);
	tick_after(1);
	written(0);
	ck_assert(!glr_list_contains(t.list, "10.0.0.1"));
}
END_TEST

START_TEST(new_mon_cancels_unmon)
{
	add_client(1, "10.0.0.1");
	unmon(2, "10.0.0.1");
	mon(3, "10.0.0.1");
	ck_assert_uint_eq(result_of(3), 0);
	tick_after(GLR__UNMON_DELAY_MS);
	ck_assert_ptr_null(t.op);
	ck_assert(glr_list_contains(t.list, "10.0.0.1"));
}
END_TEST

START_TEST(mon_during_its_removal_adds_it_again)
{
	add_client(1, "10.0.0.1");
	unmon(2, "10.0.0.1");
	tick_after(GLR__UNMON_DELAY_MS);
	ck_assert_ptr_nonnull(t.op);
	mon(3, "10.0.0.1");
	ck_assert_uint_eq(result_of(3), NO_ANSWER);
	written(0);
	written(0);
	ck_assert_uint_eq(result_of(3), 0);
	close_monitor();
	open_monitor();
	ck_assert(glr_list_contains(t.list, "10.0.0.1"));
}
END_TEST

START_TEST(removals_wait_for_new_clients)
{
	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	unmon(3, "10.0.0.1");
	unmon(4, "10.0.0.2");
	tick_after(GLR__UNMON_DELAY_MS);
	mon(5, "10.0.0.5");
	written(0);
	ck_assert(!glr_list_contains(t.list, "10.0.0.1"));
	written(0);
	ck_assert_uint_eq(result_of(5), 0);
	ck_assert(glr_list_contains(t.list, "10.0.0.2"));
	written(0);
	ck_assert(!glr_list_contains(t.list, "10.0.0.2"));
}
END_TEST

START_TEST(unmon_of_another_callback_is_ignored)
{
	struct message message;

	add_client(1, "10.0.0.1");
	nsm_call(&message, 2, GLR__SM_UNMON);
	add_string(&message, "10.0.0.1");
	add_string(&message, "node1");
	add_u32(&message, 200000);
	add_u32(&message, 3);
	add_u32(&message, 16);
	lockd(2, &message);
	ck_assert_uint_eq(accept_stat(2), 0);
	ck_assert_ptr_nonnull(glr__cookies_find(t.cookies, "10.0.0.1"));
}
END_TEST

START_TEST(unmon_all)
{
	struct message message;

	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	nsm_call(&message, 3, GLR__SM_UNMON_ALL);
	nsm_add_my_id(&message);
	lockd(3, &message);
	ck_assert_uint_eq(accept_stat(3), 0);
	ck_assert_uint_eq(glr__cookies_count(t.cookies), 0);
	mon(4, "10.0.0.2");
	tick_after(GLR__UNMON_DELAY_MS);
	written(0);
	ck_assert(!glr__monitor_busy(t.monitor));
	ck_assert(!glr_list_contains(t.list, "10.0.0.1"));
	ck_assert(glr_list_contains(t.list, "10.0.0.2"));
}
END_TEST

START_TEST(frozen_list_does_not_change)
{
	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	unmon(3, "10.0.0.1");
	mon(4, "10.0.0.4");
	mon(5, "10.0.0.5");
	glr__monitor_freeze(t.monitor);
	ck_assert_uint_eq(result_of(4), STAT_FAIL);
	ck_assert_uint_eq(result_of(5), STAT_FAIL);
	written(0);
	unmon(6, "10.0.0.2");
	ck_assert_uint_eq(accept_stat(6), 0);
	mon(7, "10.0.0.2");
	ck_assert_uint_eq(result_of(7), STAT_FAIL);
	ck_assert_uint_eq(tick_after(GLR__UNMON_DELAY_MS), UINT_MAX);
	ck_assert_ptr_null(t.op);
	ck_assert(glr_list_contains(t.list, "10.0.0.1"));
	ck_assert(glr_list_contains(t.list, "10.0.0.2"));
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_REMOVE, "10.0.0.1", t.now_ms), -EPERM);

	ck_assert_int_eq(glr__cookies_set_frozen(t.cookies, true), 0);
	close_monitor();
	open_monitor();
	mon(8, "10.0.0.2");
	ck_assert_uint_eq(result_of(8), STAT_FAIL);
}
END_TEST

/* ---- changes that nobody waits for ------------------------------------------------------------ */

START_TEST(change_leaves_a_seen_client_alone)
{
	struct glr_list_facts facts;

	add_client(1, "10.0.0.1");
	add_client(2, "10.0.0.2");
	unmon(3, "10.0.0.2");
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_MISSED, "10.0.0.1", t.now_ms), 0);
	ck_assert_ptr_null(t.op);
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_MISSED, "10.0.0.2", t.now_ms), 0);
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_REMOVE, "10.0.0.9", t.now_ms), 0);
	ck_assert_int_eq(glr__monitor_change(t.monitor, GLR__CHANGE_END, NULL, t.now_ms), 0);
	written(0);
	written(0);
	ck_assert(!glr__monitor_busy(t.monitor));
	glr_list_get_facts(t.list, &facts);
	ck_assert_uint_eq(facts.clients, 1);
	ck_assert_uint_eq(facts.missed, 1);
	ck_assert(facts.recovery_ended);
}
END_TEST

/* ---- who may ask, and what --------------------------------------------------------------------- */

START_TEST(only_lockd_may_ask)
{
	const uint32_t procs[] = {GLR__SM_STAT, GLR__SM_MON, GLR__SM_UNMON, GLR__SM_UNMON_ALL,
				  GLR__SM_SIMU_CRASH};
	const struct {
		const char *peer;
		uint16_t port;
	} strangers[] = {{"127.0.0.1", 1024}, {"10.0.0.1", 700}, {"::2", 700}, {"fe80::1", 700}};
	struct message message;
	uint64_t token = 0;

	for (size_t i = 0; i < 5; i++) {
		for (size_t j = 0; j < 4; j++) {
			nsm_mon(&message, (uint32_t)token, "10.0.0.1", 1);
			message.bytes[23] = (uint8_t)procs[i];
			request_from(strangers[j].peer, strangers[j].port, token, &message);
			ck_assert(denied(token));
			token++;
		}
	}
	ck_assert_ptr_null(t.op);
	nsm_mon(&message, 50, "10.0.0.1", 1);
	request_from("::1", 1023, 50, &message);
	written(0);
	ck_assert_uint_eq(result_of(50), 0);
}
END_TEST

START_TEST(other_procedures)
{
	struct message message;

	nsm_call(&message, 1, GLR__SM_NULL);
	request_from("10.0.0.1", 50000, 1, &message);
	ck_assert_uint_eq(accept_stat(1), 0);
	nsm_call(&message, 2, GLR__SM_SIMU_CRASH);
	lockd(2, &message);
	ck_assert_uint_eq(accept_stat(2), 3);
	nsm_call(&message, 3, 7);
	lockd(3, &message);
	ck_assert_uint_eq(accept_stat(3), 3);
	message.bytes[19] = 9; /* version */
	message.bytes[3] = 4;
	lockd(4, &message);
	ck_assert_uint_eq(accept_stat(4), 2);
	message.bytes[15] = 0; /* program */
	lockd(5, &message);
	ck_assert_uint_eq(accept_stat(5), 1);
	nsm_call(&message, 6, GLR__SM_STAT);
	add_string(&message, "10.0.0.1");
	lockd(6, &message);
	ck_assert_uint_eq(result_of(6), 0);
	nsm_call(&message, 7, GLR__SM_STAT);
	add_string(&message, "name");
	lockd(7, &message);
	ck_assert_uint_eq(result_of(7), STAT_FAIL);
}
END_TEST

/* Every prefix of every request, and every request with each byte changed: no crash, nothing written but what
 * an SM_MON that still reads as one asks for. */
START_TEST(hostile_requests)
{
	struct message good, bad;

	nsm_mon(&good, 1, "10.0.0.7", 1);
	for (size_t length = 0; length < good.length; length++) {
		uint8_t *copy = malloc(length ? length : 1);
		struct glr_address peer;

		memcpy(copy, good.bytes, length);
		glr_address_parse("127.0.0.1", &peer);
		t.answers[1].length = 0;
		glr__monitor_request(t.monitor, 1, &peer, 700, copy, length, t.now_ms);
		free(copy);
		ck_assert_ptr_null(t.op);
	}
	for (size_t i = 4; i < good.length; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			bad = good;
			bad.bytes[i] ^= (uint8_t)(1u << bit);
			t.answers[1].length = 0;
			lockd(1, &bad);
			if (t.op)
				written(0);
		}
	}
	nsm_call(&bad, 1, GLR__SM_MON);
	t.answers[1].length = 0;
	lockd(1, &bad);
	ck_assert_uint_eq(accept_stat(1), 4);
}
END_TEST

/* ---- SM_NOTIFY --------------------------------------------------------------------------------- */

START_TEST(reboot_of_a_client_reaches_lockd)
{
	struct message message;

	add_client(1, "10.0.0.1");
	nsm_notify(&message, 2, "10.0.0.1", 33);
	request_from("10.0.0.1", 50000, 2, &message);
	ck_assert_uint_eq(accept_stat(2), 0);
	ck_assert_uint_eq(t.downcall_count, 1);
	ck_assert_uint_eq(t.downcall_state, 33);
	ck_assert_uint_eq(t.downcall.priv[7], 1);
	nsm_notify(&message, 3, "client.example", 35);
	request_from("10.0.0.1", 50000, 3, &message);
	ck_assert_uint_eq(t.downcall_count, 2);
	ck_assert_str_eq(t.downcall.name, "10.0.0.1");
	ck_assert(glr_list_contains(t.list, "10.0.0.1"));
	ck_assert_ptr_null(t.op);
}
END_TEST

START_TEST(reboot_of_somebody_else_does_not)
{
	struct message message;

	add_client(1, "10.0.0.1");
	nsm_notify(&message, 2, "10.0.0.1", 33);
	request_from("10.0.0.2", 700, 2, &message);
	ck_assert_uint_eq(accept_stat(2), 0);
	nsm_notify(&message, 3, "client.example", 33);
	request_from("10.0.0.2", 700, 3, &message);
	/* On the list, but not monitored by this lockd. */
	unmon(4, "10.0.0.1");
	nsm_notify(&message, 5, "10.0.0.1", 33);
	request_from("10.0.0.1", 700, 5, &message);
	ck_assert_uint_eq(t.downcall_count, 0);
}
END_TEST

static Suite *monitor_suite(void)
{
	Suite *suite = suite_create("monitor");
	TCase *tc = tcase_create("monitor");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, new_client_is_on_disk_before_the_answer);
	tcase_add_test(tc, known_client_costs_no_write);
	tcase_add_test(tc, spellings_are_one_client);
	tcase_add_test(tc, host_name_is_refused);
	tcase_add_test(tc, missed_client_is_added_again);
	tcase_add_test(tc, new_clients_queue_in_order);
	tcase_add_test(tc, queue_is_bounded);
	tcase_add_test(tc, stuck_write_fails_new_clients_only);
	tcase_add_test(tc, waiting_client_has_its_own_deadline);
	tcase_add_test(tc, write_error_is_final);
	tcase_add_test(tc, cookie_that_cannot_be_kept_is_a_failure);
	tcase_add_test(tc, unmon_takes_a_client_off_late);
	tcase_add_test(tc, new_mon_cancels_unmon);
	tcase_add_test(tc, mon_during_its_removal_adds_it_again);
	tcase_add_test(tc, removals_wait_for_new_clients);
	tcase_add_test(tc, unmon_of_another_callback_is_ignored);
	tcase_add_test(tc, unmon_all);
	tcase_add_test(tc, frozen_list_does_not_change);
	tcase_add_test(tc, change_leaves_a_seen_client_alone);
	tcase_add_test(tc, only_lockd_may_ask);
	tcase_add_test(tc, other_procedures);
	tcase_add_test(tc, hostile_requests);
	tcase_add_test(tc, reboot_of_a_client_reaches_lockd);
	tcase_add_test(tc, reboot_of_somebody_else_does_not);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(monitor_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
