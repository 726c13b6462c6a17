/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NSM, rpcbind and NLM messages: against fixed bytes, against libtirpc's own coders, and against hostile
 * input. */
#include "rpc_message.h"
#include "rpcmsg.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define STRING_TOO_LONG 1025

/* A call with AUTH_SYS credentials, as Linux sends it. */
static void begin_call(struct message *message, uint32_t proc, size_t auth_length)
{
	message->length = 0;
	add_u32(message, 0x12345678);
	add_u32(message, 0);
	add_u32(message, 2);
	add_u32(message, GLR__NSM_PROG);
	add_u32(message, 1);
	add_u32(message, proc);
	add_auth(message, 1, auth_length);
	add_auth(message, 0, 0);
}

static void add_my_id(struct message *message)
{
	add_string(message, "node1");
	add_u32(message, 100021);
	add_u32(message, 3);
	add_u32(message, 16);
}

static const uint8_t priv[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void build_sm_mon(struct message *message, const char *name, size_t auth_length)
{
	begin_call(message, GLR__SM_MON, auth_length);
	add_string(message, name);
	add_my_id(message);
	add_bytes(message, priv, sizeof(priv));
}

/* Decodes a call of any procedure from a copy that ends where the message does, so that a sanitizer sees a
 * read past it. */
static int decode(const uint8_t *bytes, size_t length, struct glr__rpc_call *call, struct glr__sm_mon *mon,
		  struct glr__sm_notify *notify)
{
	uint8_t *copy = malloc(length ? length : 1);
	int rc;

	memcpy(copy, bytes, length);
	rc = glr__rpc_decode_call(copy, length, call);
	if (rc == 0) {
		switch (call->proc) {
		case GLR__SM_MON:
			rc = glr__rpc_decode_sm_mon(call, mon);
			break;
		case GLR__SM_UNMON:
		case GLR__SM_UNMON_ALL:
			rc = glr__rpc_decode_sm_unmon(call, mon);
			break;
		case GLR__SM_STAT:
			rc = glr__rpc_decode_sm_stat(call, mon->mon_name);
			break;
		case GLR__SM_NOTIFY:
			rc = glr__rpc_decode_sm_notify(call, notify);
			break;
		}
	}
	free(copy);
	return rc;
}

START_TEST(test_sm_mon)
{
	struct message message;
	struct glr__rpc_call call;
	struct glr__sm_mon mon;

	build_sm_mon(&message, "10.0.0.7", 60);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), 0);
	ck_assert_uint_eq(call.xid, 0x12345678);
	ck_assert_uint_eq(call.prog, 100024);
	ck_assert_uint_eq(call.vers, 1);
	ck_assert_uint_eq(call.proc, GLR__SM_MON);
	ck_assert_str_eq(mon.mon_name, "10.0.0.7");
	ck_assert_str_eq(mon.my_name, "node1");
	ck_assert_uint_eq(mon.prog, 100021);
	ck_assert_uint_eq(mon.vers, 3);
	ck_assert_uint_eq(mon.proc, 16);
	ck_assert_mem_eq(mon.priv, priv, sizeof(priv));
}
END_TEST

START_TEST(test_unaligned)
{
	struct message message;
	struct glr__rpc_call call;
	struct glr__sm_mon mon;
	uint8_t shifted[512];

	build_sm_mon(&message, "fd00::7", 0);
	memcpy(shifted + 1, message.bytes, message.length);
	ck_assert_int_eq(glr__rpc_decode_call(shifted + 1, message.length, &call), 0);
	ck_assert_int_eq(glr__rpc_decode_sm_mon(&call, &mon), 0);
	ck_assert_str_eq(mon.mon_name, "fd00::7");
	ck_assert_mem_eq(mon.priv, priv, sizeof(priv));
}
END_TEST

START_TEST(test_other_procedures)
{
	struct message message;
	struct glr__rpc_call call;
	struct glr__sm_mon mon;
	struct glr__sm_notify notify;

	begin_call(&message, GLR__SM_UNMON, 0);
	add_string(&message, "10.0.0.8");
	add_my_id(&message);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), 0);
	ck_assert_str_eq(mon.mon_name, "10.0.0.8");
	ck_assert_str_eq(mon.my_name, "node1");
	ck_assert_uint_eq(mon.proc, 16);

	begin_call(&message, GLR__SM_UNMON_ALL, 0);
	add_my_id(&message);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), 0);
	ck_assert_str_eq(mon.mon_name, "");
	ck_assert_str_eq(mon.my_name, "node1");

	begin_call(&message, GLR__SM_STAT, 0);
	add_string(&message, "someone");
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), 0);
	ck_assert_str_eq(mon.mon_name, "someone");

	begin_call(&message, GLR__SM_NOTIFY, 0);
	add_string(&message, "client.example.org");
	add_u32(&message, 77);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, NULL, &notify), 0);
	ck_assert_str_eq(notify.mon_name, "client.example.org");
	ck_assert_uint_eq(notify.state, 77);
}
END_TEST

/* Every prefix of a good message is a bad one. */
START_TEST(test_truncated)
{
	static const enum glr__nsm_proc procs[] = {GLR__SM_STAT, GLR__SM_MON, GLR__SM_UNMON,
						   GLR__SM_UNMON_ALL, GLR__SM_NOTIFY};
	struct message message;
	struct glr__rpc_call call;
	struct glr__sm_mon mon;
	struct glr__sm_notify notify;

	begin_call(&message, procs[_i], 8);
	if (procs[_i] != GLR__SM_UNMON_ALL)
		add_string(&message, "10.0.0.7");
	if (procs[_i] == GLR__SM_NOTIFY)
		add_u32(&message, 3);
	else if (procs[_i] != GLR__SM_STAT)
		add_my_id(&message);
	if (procs[_i] == GLR__SM_MON)
		add_bytes(&message, priv, sizeof(priv));

	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, &notify), 0);
	for (size_t length = 0; length < message.length; length++)
		ck_assert_int_eq(decode(message.bytes, length, &call, &mon, &notify), -EBADMSG);
}
END_TEST

START_TEST(test_names)
{
	struct message message;
	struct glr__rpc_call call;
	struct glr__sm_mon mon;
	char name[STRING_TOO_LONG + 1];

	memset(name, 'n', sizeof(name));
	name[STRING_TOO_LONG] = '\0';
	build_sm_mon(&message, name, 0);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), -EBADMSG);

	name[GLR_NAME_MAX - 1] = '\0';
	build_sm_mon(&message, name, 0);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), 0);
	ck_assert_str_eq(mon.mon_name, name);

	/* a NUL inside would make two names one */
	begin_call(&message, GLR__SM_STAT, 0);
	add_u32(&message, 4);
	add_bytes(&message, "a\0bc", 4);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), -EBADMSG);
}
END_TEST

START_TEST(test_wrong_lengths)
{
	static const uint32_t lengths[] = {9, 1024, 1025, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
	struct message message;
	struct glr__rpc_call call;
	struct glr__sm_mon mon;
	struct glr__sm_notify notify;

	begin_call(&message, GLR__SM_STAT, 0);
	add_u32(&message, lengths[_i]);
	add_bytes(&message, "10.0.0.7", 8);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, &notify), -EBADMSG);

	message.length = 24; /* up to the credentials */
	add_u32(&message, 1);
	add_u32(&message, lengths[_i]);
	add_bytes(&message, "0123", 4);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, &notify), -EBADMSG);
}
END_TEST

START_TEST(test_auth_bodies)
{
	struct message message;
	struct glr__rpc_call call;
	struct glr__sm_mon mon;

	build_sm_mon(&message, "10.0.0.7", 400);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), 0);
	ck_assert_str_eq(mon.mon_name, "10.0.0.7");
	build_sm_mon(&message, "10.0.0.7", 401);
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), -EBADMSG);
	build_sm_mon(&message, "10.0.0.7", 3); /* padded */
	ck_assert_int_eq(decode(message.bytes, message.length, &call, &mon, NULL), 0);
}
END_TEST

START_TEST(test_not_a_call)
{
	struct message message;
	struct glr__rpc_call call;
	uint8_t huge[GLR__RPC_MESSAGE_MAX + 4] = {0};

	build_sm_mon(&message, "10.0.0.7", 0);
	message.bytes[7] = 1; /* a reply */
	ck_assert_int_eq(glr__rpc_decode_call(message.bytes, message.length, &call), -EBADMSG);
	message.bytes[7] = 0;
	message.bytes[11] = 3; /* RPC version */
	ck_assert_int_eq(glr__rpc_decode_call(message.bytes, message.length, &call), -EBADMSG);
	message.bytes[11] = 2;
	memcpy(huge, message.bytes, message.length);
	ck_assert_int_eq(glr__rpc_decode_call(huge, sizeof(huge), &call), -EBADMSG);
	ck_assert_int_eq(glr__rpc_decode_call(huge, GLR__RPC_MESSAGE_MAX, &call), 0);
}
END_TEST

/* Whatever is flipped in a message, the answer is 0 or -EBADMSG, and every string ends. */
START_TEST(test_mutations)
{
	struct message message;
	struct glr__rpc_call call;
	struct glr__sm_mon mon;
	struct glr__sm_notify notify;
	struct glr__rpc_reply reply;
	uint16_t port;
	unsigned seed = 20240607;

	for (int round = 0; round < 100000; round++) {
		int rc;

		build_sm_mon(&message, "10.0.0.7", 20);
		message.bytes[23] = rand_r(&seed) % 8; /* the procedure */
		message.bytes[7] = rand_r(&seed) % 2;  /* call or reply */
		for (int i = rand_r(&seed) % 4; i > 0; i--)
			message.bytes[rand_r(&seed) % message.length] = rand_r(&seed);
		message.length -= rand_r(&seed) % 8;

		mon.mon_name[sizeof(mon.mon_name) - 1] = notify.mon_name[sizeof(notify.mon_name) - 1] = '\0';
		rc = decode(message.bytes, message.length, &call, &mon, &notify);
		ck_assert(rc == 0 || rc == -EBADMSG);
		if (glr__rpc_decode_reply(message.bytes, message.length, &reply) == 0) {
			rc = glr__rpc_decode_port(&reply, &port);
			ck_assert(rc == 0 || rc == -EBADMSG);
			rc = glr__rpc_decode_uaddr_port(&reply, &port);
			ck_assert(rc == 0 || rc == -EBADMSG);
		}
	}
}
END_TEST

static Suite *rpcmsg_suite(void)
{
	Suite *suite = suite_create("rpcmsg");
	TCase *tc = tcase_create("calls");

	tcase_add_test(tc, test_sm_mon);
	tcase_add_test(tc, test_unaligned);
	tcase_add_test(tc, test_other_procedures);
	tcase_add_loop_test(tc, test_truncated, 0, 5);
	tcase_add_test(tc, test_names);
	tcase_add_loop_test(tc, test_wrong_lengths, 0, 7);
	tcase_add_test(tc, test_auth_bodies);
	tcase_add_test(tc, test_not_a_call);
	tcase_add_test(tc, test_mutations);
	suite_add_tcase(suite, tc);

	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(rpcmsg_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
