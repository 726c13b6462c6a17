/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor_fixture.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct monitor_test t;

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

static void on_upkeep(void *arg, const struct glr__list_write *op)
{
	glr__monitor_upkept(t.monitor, glr__list_write(op), t.now_ms);
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

static void on_v4_done(void *arg, int result)
{
	t.v4_count++;
	t.v4_result = result;
}

static void on_begun(void *arg, int result)
{
	t.begun_count++;
	t.begun_result = result;
}

static uint32_t on_local_state(void *arg)
{
	return LOCAL_STATE;
}

void monitor_open(void)
{
	const struct glr__monitor_ops ops = {.send = on_send,
					     .write = on_write,
					     .upkeep = on_upkeep,
					     .downcall = on_downcall,
					     .seen = on_seen,
					     .local_state = on_local_state,
					     .v4_done = on_v4_done,
					     .begun = on_begun};

	ck_assert_int_eq(glr_list_open(t.slots[0], t.slots[1], "home", &t.list), 0);
	ck_assert_int_eq(glr__cookies_open(t.cookies_fd, &t.cookies), 0);
	ck_assert_int_eq(glr__monitor_new(t.list, t.cookies, &ops, &t.monitor), 0);
}

void monitor_close(void)
{
	glr__monitor_free(t.monitor);
	glr__cookies_close(t.cookies);
	glr_list_close(t.list);
}

void monitor_setup(void)
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
	monitor_open();
	ck_assert_int_eq(glr_list_begin_epoch(t.list, true), 0);
}

void monitor_teardown(void)
{
	char command[128];

	monitor_close();
	close(t.slots[0]);
	close(t.slots[1]);
	close(t.cookies_fd);
	snprintf(command, sizeof(command), "rm -r %s", t.directory);
	ck_assert_int_eq(system(command), 0);
}

void request_from(const char *peer, uint16_t port, uint64_t token, const struct message *message)
{
	struct glr_address address;

	ck_assert_int_eq(glr_address_parse(peer, &address), 0);
	glr__monitor_request(t.monitor, token, &address, port, message->bytes, message->length, t.now_ms);
}

void lockd(uint64_t token, const struct message *message)
{
	request_from("127.0.0.1", 700, token, message);
}

void mon(uint64_t token, const char *name)
{
	struct message message;

	nsm_mon(&message, (uint32_t)token, name, (uint8_t)token);
	lockd(token, &message);
}

void unmon(uint64_t token, const char *name)
{
	struct message message;

	nsm_unmon(&message, (uint32_t)token, name);
	lockd(token, &message);
}

void written(int result)
{
	const struct glr__list_write *op = t.op;

	ck_assert_ptr_nonnull(op);
	t.op = NULL;
	if (!result)
		result = glr__list_write(op);
	glr__monitor_written(t.monitor, result, t.now_ms);
}

unsigned tick_after(uint64_t ms)
{
	t.now_ms += ms;
	return glr__monitor_tick(t.monitor, t.now_ms);
}

uint32_t result_of(uint64_t token)
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

uint32_t accept_stat(uint64_t token)
{
	ck_assert_uint_ge(t.answers[token].length, 24);
	ck_assert_uint_eq(word_at(t.answers[token].bytes, 2), 0);
	return word_at(t.answers[token].bytes, 5);
}

bool denied(uint64_t token)
{
	return t.answers[token].length && word_at(t.answers[token].bytes, 2) == 1;
}

void add_client(uint64_t token, const char *name)
{
	mon(token, name);
	written(0);
	ck_assert_uint_eq(result_of(token), 0);
}
