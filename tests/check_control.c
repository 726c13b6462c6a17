/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket's texts, and the socket itself in a /run of the test's own. */
#include "glr_private.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP "home"
#define ASK_MS 5000

/* ---- texts -------------------------------------------------------------------------- */

START_TEST(values_of_words_and_lines)
{
	const char *text =
		"recover notify_ms=18000 grace_ms=20000 identifiers=10.0.0.1,fd00::1 names=\nphase=serving\n";
	char value[32];

	ck_assert_int_eq(glr__control_value(text, "notify_ms", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "18000");
	ck_assert_int_eq(glr__control_value(text, "identifiers", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "10.0.0.1,fd00::1");
	ck_assert_int_eq(glr__control_value(text, "names", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "");
	ck_assert_int_eq(glr__control_value(text, "phase", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "serving");
	ck_assert_int_eq(glr__control_value(text, "recover", value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(glr__control_value(text, "ms", value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(glr__control_value(text, "notify", value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(glr__control_value("", "phase", value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(glr__control_value(text, "identifiers", value, 16), -EMSGSIZE);
	ck_assert_int_eq(glr__control_value(text, "identifiers", value, 17), 0);
}
END_TEST

START_TEST(error_text_runs_to_the_line_end)
{
	const char *text = "clients=1 last_error=told=9 and phase=closed\ntold=3\nerror=a b=c";
	char value[64];

	ck_assert_int_eq(glr__control_value(text, "last_error", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "told=9 and phase=closed");
	ck_assert_int_eq(glr__control_value(text, "told", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "3");
	ck_assert_int_eq(glr__control_value(text, "phase", value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(glr__control_value(text, "error", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "a b=c");
}
END_TEST

START_TEST(numbers)
{
	const char *bad[] = {"n=-1", "n=+1", "n= 1", "n=1x", "n=", "n=0x10", "n=18446744073709551616"};
	uint64_t value = 0;

	ck_assert_int_eq(glr__control_number("n=18446744073709551615", "n", &value), 0);
	ck_assert_uint_eq(value, UINT64_MAX);
	ck_assert_int_eq(glr__control_number("m=1", "n", &value), -ENOENT);
	ck_assert_int_eq(glr__control_number("n=000000000000000000000000000001", "n", &value), -EMSGSIZE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(glr__control_number(bad[i], "n", &value), -EBADMSG);
}
END_TEST

static struct glr_status sample(void)
{
	struct glr_status status = {
		.group = GROUP,
		.phase = GLR_PHASE_RECOVERING,
		.grace_left_ms = 12345,
		.clients = 3,
		.told = 2,
		.acknowledged = 1,
		.seen = 1,
		.missed = 4,
		.epoch = UINT64_MAX,
		.nsm_state = UINT32_MAX,
		.condition = GLR_LIST_SALVAGED,
		.durable = true,
	};

	strcpy(status.last_error, "client list: phase=closed told=77\nclients=9");
	return status;
}

START_TEST(status_survives_the_text)
{
	struct glr_status status = sample(), back;
	char text[GLR__CONTROL_PACKET_MAX];
	size_t length = glr__status_encode(&status, text, sizeof(text));

	ck_assert_uint_eq(length, strlen(text));
	ck_assert_int_eq(glr__status_decode(text, &back), 0);
	ck_assert_str_eq(back.group, GROUP);
	ck_assert_int_eq(back.phase, GLR_PHASE_RECOVERING);
	ck_assert_uint_eq(back.grace_left_ms, 12345);
	ck_assert_uint_eq(back.clients, 3);
	ck_assert_uint_eq(back.told, 2);
	ck_assert_uint_eq(back.acknowledged, 1);
	ck_assert_uint_eq(back.seen, 1);
	ck_assert_uint_eq(back.missed, 4);
	ck_assert_uint_eq(back.epoch, UINT64_MAX);
	ck_assert_uint_eq(back.nsm_state, UINT32_MAX);
	ck_assert_int_eq(back.condition, GLR_LIST_SALVAGED);
	ck_assert(back.durable);
	ck_assert_str_eq(back.last_error, "client list: phase=closed told=77 clients=9");
	ck_assert_uint_eq(glr__status_encode(&status, text, length), 0);
}
END_TEST

START_TEST(status_without_a_field_is_refused)
{
	struct glr_status status = sample(), back;
	char text[GLR__CONTROL_PACKET_MAX], less[GLR__CONTROL_PACKET_MAX];
	size_t lines = 0;

	glr__status_encode(&status, text, sizeof(text));
	for (char *line = text; *line; line = strchr(line, '\n') + 1) {
		size_t before = (size_t)(line - text);

		memcpy(less, text, before);
		strcpy(less + before, strchr(line, '\n') + 1);
		ck_assert_int_eq(glr__status_decode(less, &back), -EBADMSG);
		lines++;
	}
	ck_assert_uint_eq(lines, 14);
}
END_TEST

START_TEST(texts_of_enumerations)
{
	ck_assert_str_eq(glr_phase_text(GLR_PHASE_PREPARED), "prepared");
	ck_assert_str_eq(glr_phase_text(GLR_PHASE_CLOSED), "closed");
	ck_assert_str_eq(glr_phase_text((enum glr_phase)4), "unknown");
	ck_assert_str_eq(glr_condition_text(GLR_LIST_CLEAN), "clean");
	ck_assert_str_eq(glr_condition_text(GLR_LIST_TORN), "torn");
	ck_assert_str_eq(glr_condition_text(GLR_LIST_SALVAGED), "salvaged");
	ck_assert_str_eq(glr_condition_text(GLR_LIST_MISSING), "missing");
}
END_TEST

/* ---- the socket ------------------------------------------------------------------------ */

static void own_run(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/run", "tmpfs", 0, "mode=755"), 0);
	ck_assert_int_eq(mkdir(GLR__RUNTIME_DIR, 0700), 0);
	ck_assert_int_eq(mkdir(GLR__RUNTIME_DIR "/" GROUP, 0700), 0);
}

struct script {
	int fd;
	const char *packets[4]; /* the answer; NULL ends it */
	bool keep_open;
	char request[256];
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct script *script = arg;
	struct pollfd pfd = {.fd = script->fd, .events = POLLIN};
	ssize_t got;
	int fd;

	poll(&pfd, 1, ASK_MS);
	fd = accept(script->fd, NULL, NULL);
	got = recv(fd, script->request, sizeof(script->request) - 1, 0);
	script->request[got > 0 ? got : 0] = '\0';
	for (const char **packet = script->packets; *packet; packet++)
		send(fd, *packet, strlen(*packet), MSG_NOSIGNAL);
	/* Until the asking side goes. */
	if (script->keep_open)
		recv(fd, &pfd, sizeof(pfd), 0);
	close(fd);
	return NULL;
}

static void start(struct script *script)
{
	script->fd = glr__control_listen(GROUP);
	ck_assert_int_ge(script->fd, 0);
	ck_assert_int_eq(pthread_create(&script->thread, NULL, serve, script), 0);
}

static void finish(struct script *script)
{
	pthread_join(script->thread, NULL);
	close(script->fd);
}

static int count_packets(const char *packet, void *arg)
{
	unsigned *count = arg;

	(*count)++;
	return strcmp(packet, "end=1\n") ? 0 : 1;
}

START_TEST(asking)
{
	struct script script = {.packets = {"name=a\n", "name=b\n", "end=1\n"}};
	unsigned count = 0;
	struct stat st;

	start(&script);
	ck_assert_int_eq(stat(GLR__RUNTIME_DIR "/" GROUP "/control", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(glr__control_ask(GROUP, "list", ASK_MS, count_packets, &count, NULL), 1);
	ck_assert_uint_eq(count, 3);
	finish(&script);
	ck_assert_str_eq(script.request, "list");
}
END_TEST

START_TEST(refusal_of_a_request)
{
	struct script script = {.packets = {"error=a write is under way\n"}};
	char error[256];

	start(&script);
	ck_assert_int_eq(glr__control_ask(GROUP, "begin fresh=1", ASK_MS, NULL, NULL, error), -EREMOTEIO);
	ck_assert_str_eq(error, "a write is under way");
	finish(&script);
}
END_TEST

START_TEST(status_over_the_socket)
{
	struct glr_status status = sample(), back;
	char text[GLR__CONTROL_PACKET_MAX];
	struct script script = {.packets = {text}};

	glr__status_encode(&status, text, sizeof(text));
	start(&script);
	ck_assert_int_eq(glr_status_get(GROUP, ASK_MS, &back), 0);
	ck_assert_uint_eq(back.clients, 3);
	finish(&script);
}
END_TEST

START_TEST(nobody_there)
{
	struct glr_status status;
	int fd;

	ck_assert_int_eq(glr_status_get("other", ASK_MS, &status), -ENOENT);
	ck_assert_int_eq(glr_status_get("", ASK_MS, &status), -EINVAL);
	ck_assert_int_eq(glr_status_get("../home", ASK_MS, &status), -EINVAL);
	fd = glr__control_listen(GROUP);
	close(fd);
	ck_assert_int_eq(glr_status_get(GROUP, ASK_MS, &status), -ECONNREFUSED);
	/* What a dead one left does not stand in the way. */
	fd = glr__control_listen(GROUP);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(mute_monitor)
{
	struct script script = {.keep_open = true};
	struct glr_status status;
	uint64_t began_ms;

	start(&script);
	began_ms = glr__now_ms();
	ck_assert_int_eq(glr_status_get(GROUP, 200, &status), -ETIMEDOUT);
	ck_assert_uint_ge(glr__now_ms() - began_ms, 200);
	ck_assert_uint_lt(glr__now_ms() - began_ms, 2000);
	finish(&script);
}
END_TEST

START_TEST(full_backlog)
{
	struct glr_status status;
	int fd = glr__control_listen(GROUP);

	/* Nobody accepts: each question takes a place and times out. */
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(glr_status_get(GROUP, 50, &status), -ETIMEDOUT);
	close(fd);
}
END_TEST

START_TEST(monitor_that_dies_while_asked)
{
	struct script script = {.packets = {NULL}};
	struct glr_status status;

	start(&script);
	ck_assert_int_eq(glr_status_get(GROUP, ASK_MS, &status), -ECONNREFUSED);
	finish(&script);
	/* Nobody knows whether it has done so. */
	start(&script);
	ck_assert_int_eq(glr__control_ask(GROUP, "freeze", ASK_MS, NULL, NULL, NULL), -ECONNREFUSED);
	finish(&script);
}
END_TEST

static Suite *control_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *texts = tcase_create("texts"), *sockets = tcase_create("sockets");

	tcase_add_test(texts, values_of_words_and_lines);
	tcase_add_test(texts, error_text_runs_to_the_line_end);
	tcase_add_test(texts, numbers);
	tcase_add_test(texts, status_survives_the_text);
	tcase_add_test(texts, status_without_a_field_is_refused);
	tcase_add_test(texts, texts_of_enumerations);
	suite_add_tcase(suite, texts);
	if (geteuid()) {
		fprintf(stderr, "the socket's tests need root for a /run of their own: skipped\n");
		tcase_set_tags(sockets, "skipped");
	}
	tcase_add_checked_fixture(sockets, own_run, NULL);
	tcase_add_test(sockets, asking);
	tcase_add_test(sockets, refusal_of_a_request);
	tcase_add_test(sockets, status_over_the_socket);
	tcase_add_test(sockets, nobody_there);
	tcase_add_test(sockets, mute_monitor);
	tcase_add_test(sockets, full_backlog);
	tcase_add_test(sockets, monitor_that_dies_while_asked);
	suite_add_tcase(suite, sockets);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(control_suite());
	int failed;

	srunner_run_tagged(runner, NULL, NULL, NULL, geteuid() ? "skipped" : NULL, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
