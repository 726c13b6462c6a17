/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies: ours read with libtirpc's own decoders, others' read with ours. */
#include "rpc_message.h"
#include "rpcmsg.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <rpc/rpc.h>

/* Reads a reply with libtirpc's own decoder. */
static void tirpc_reply(uint8_t *bytes, size_t length, xdrproc_t proc, void *results, struct rpc_msg *msg)
{
	static char verf[MAX_AUTH_BYTES];
	XDR xdr;

	memset(msg, 0, sizeof(*msg));
	msg->acpted_rply.ar_verf.oa_base = verf;
	msg->acpted_rply.ar_results.where = results;
	msg->acpted_rply.ar_results.proc = proc;
	xdrmem_create(&xdr, (char *)bytes, length, XDR_DECODE);
	ck_assert(xdr_replymsg(&xdr, msg));
	ck_assert_uint_eq(xdr_getpos(&xdr), length);
}

static bool_t xdr_nothing(XDR *xdr, void *unused)
{
	return TRUE;
}

static bool_t xdr_two(XDR *xdr, uint32_t *two)
{
	return xdr_u_int32_t(xdr, &two[0]) && xdr_u_int32_t(xdr, &two[1]);
}

START_TEST(test_encode_replies)
{
	struct rpc_msg msg;
	uint32_t results[2] = {0};
	uint8_t out[64];
	ssize_t length;

	length = glr__rpc_encode_void(9, out, sizeof(out));
	tirpc_reply(out, length, (xdrproc_t)xdr_nothing, NULL, &msg);
	ck_assert_uint_eq(msg.rm_xid, 9);
	ck_assert_uint_eq(msg.acpted_rply.ar_stat, SUCCESS);

	length = glr__rpc_encode_sm_stat_res(9, 1, 33, out, sizeof(out));
	tirpc_reply(out, length, (xdrproc_t)xdr_two, results, &msg);
	ck_assert_uint_eq(results[0], 1);
	ck_assert_uint_eq(results[1], 33);

	length = glr__rpc_encode_sm_state(9, 35, out, sizeof(out));
	tirpc_reply(out, length, (xdrproc_t)xdr_u_int32_t, results, &msg);
	ck_assert_uint_eq(results[0], 35);

	length = glr__rpc_encode_error(9, PROC_UNAVAIL, out, sizeof(out));
	tirpc_reply(out, length, (xdrproc_t)xdr_nothing, NULL, &msg);
	ck_assert_uint_eq(msg.acpted_rply.ar_stat, PROC_UNAVAIL);

	length = glr__rpc_encode_error(9, PROG_MISMATCH, out, sizeof(out));
	tirpc_reply(out, length, (xdrproc_t)xdr_nothing, NULL, &msg);
	ck_assert_uint_eq(msg.acpted_rply.ar_stat, PROG_MISMATCH);
	ck_assert_uint_eq(msg.acpted_rply.ar_vers.low, 1);
	ck_assert_uint_eq(msg.acpted_rply.ar_vers.high, 1);

	length = glr__rpc_encode_denied(9, out, sizeof(out));
	tirpc_reply(out, length, (xdrproc_t)xdr_nothing, NULL, &msg);
	ck_assert_uint_eq(msg.rm_reply.rp_stat, MSG_DENIED);
	ck_assert_uint_eq(msg.rjcted_rply.rj_stat, AUTH_ERROR);
	ck_assert_uint_eq(msg.rjcted_rply.rj_why, AUTH_TOOWEAK);
}
END_TEST

START_TEST(test_decode_reply)
{
	struct message message;
	struct glr__rpc_reply reply;
	uint16_t port = 1;

	begin_reply(&message, 0xcafe);
	ck_assert_int_eq(glr__rpc_decode_reply(message.bytes, message.length, &reply), 0);
	ck_assert_uint_eq(reply.xid, 0xcafe);
	ck_assert(reply.accepted);
	ck_assert_ptr_nonnull(reply.results);
	ck_assert_uint_eq(reply.results_length, 0);
	ck_assert_int_eq(glr__rpc_decode_port(&reply, &port), -EBADMSG);
	ck_assert_int_eq(glr__rpc_decode_uaddr_port(&reply, &port), -EBADMSG);
	for (size_t length = 0; length < message.length; length++)
		ck_assert_int_eq(glr__rpc_decode_reply(message.bytes, length, &reply), -EBADMSG);

	message.bytes[message.length - 1] = PROG_MISMATCH;
	ck_assert_int_eq(glr__rpc_decode_reply(message.bytes, message.length, &reply), 0);
	ck_assert_uint_eq(reply.accept_stat, PROG_MISMATCH);
	ck_assert_ptr_null(reply.results);
	ck_assert_int_eq(glr__rpc_decode_port(&reply, &port), -EBADMSG);
	ck_assert_int_eq(glr__rpc_decode_uaddr_port(&reply, &port), -EBADMSG);

	message.length = glr__rpc_encode_denied(3, message.bytes, sizeof(message.bytes));
	ck_assert_int_eq(glr__rpc_decode_reply(message.bytes, message.length, &reply), 0);
	ck_assert(!reply.accepted);
	ck_assert_ptr_null(reply.results);

	message.length = glr__rpc_encode_null_call(3, 100024, 1, message.bytes, sizeof(message.bytes));
	ck_assert_int_eq(glr__rpc_decode_reply(message.bytes, message.length, &reply), -EBADMSG);
	ck_assert_uint_eq(port, 1);
}
END_TEST

START_TEST(test_decode_port)
{
	static const struct {
		uint32_t value;
		int rc;
	} cases[] = {{0, 0}, {1, 0}, {65535, 0}, {65536, -EBADMSG}, {0xffffffff, -EBADMSG}};
	struct message message;
	struct glr__rpc_reply reply;
	uint16_t port = 0;

	begin_reply(&message, 0xcafe);
	add_u32(&message, cases[_i].value);
	ck_assert_int_eq(glr__rpc_decode_reply(message.bytes, message.length, &reply), 0);
	ck_assert_int_eq(glr__rpc_decode_port(&reply, &port), cases[_i].rc);
	if (cases[_i].rc == 0)
		ck_assert_uint_eq(port, cases[_i].value);
}
END_TEST

static const struct {
	const char *uaddr;
	int port; /* or -1 */
} uaddrs[] = {
	{"", 0},
	{"10.0.0.7.3.25", 793},
	{"fd00::7.255.255", 65535},
	{"::.0.111", 111},
	{"fe80::1%eth0.5.0.111", 111},
	{"10.0.0.7.256.1", -1},
	{"10.0.0.7.1.256", -1},
	{"10.0.0.7.1.-1", -1},
	{"10.0.0.7.1.", -1},
	{"10.0.0.7..1", -1},
	{"1", -1},
	{".", -1},
	{"nonsense", -1},
	{"fd00::7.1", -1},
	{"a.0001.2", -1},
	{"a.1.99999999999999999999", -1},
};

START_TEST(test_decode_uaddr)
{
	struct message message;
	struct glr__rpc_reply reply;
	uint16_t port = 0;

	begin_reply(&message, 0xcafe);
	add_string(&message, uaddrs[_i].uaddr);
	ck_assert_int_eq(glr__rpc_decode_reply(message.bytes, message.length, &reply), 0);
	if (uaddrs[_i].port < 0) {
		ck_assert_int_eq(glr__rpc_decode_uaddr_port(&reply, &port), -EBADMSG);
	} else {
		ck_assert_int_eq(glr__rpc_decode_uaddr_port(&reply, &port), 0);
		ck_assert_uint_eq(port, uaddrs[_i].port);
	}
}
END_TEST

START_TEST(test_decode_uaddr_too_long)
{
	struct message message;
	struct glr__rpc_reply reply;
	uint16_t port;
	char text[200];

	memset(text, '1', sizeof(text));
	strcpy(text + sizeof(text) - 5, ".1.1");
	begin_reply(&message, 0xcafe);
	add_string(&message, text);
	ck_assert_int_eq(glr__rpc_decode_reply(message.bytes, message.length, &reply), 0);
	ck_assert_int_eq(glr__rpc_decode_uaddr_port(&reply, &port), -EBADMSG);
}
END_TEST

static Suite *rpcmsg_reply_suite(void)
{
	Suite *suite = suite_create("rpcmsg_reply");
	TCase *tc = tcase_create("replies");

	tcase_add_test(tc, test_encode_replies);
	tcase_add_test(tc, test_decode_reply);
	tcase_add_loop_test(tc, test_decode_port, 0, 5);
	tcase_add_loop_test(tc, test_decode_uaddr, 0, sizeof(uaddrs) / sizeof(uaddrs[0]));
	tcase_add_test(tc, test_decode_uaddr_too_long);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(rpcmsg_reply_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
