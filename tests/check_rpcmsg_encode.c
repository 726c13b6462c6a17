/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encoding calls, read back with libtirpc's own decoders; and what every encoder does without room. */
#include "cookies.h"
#include "rpc_message.h"
#include "rpcmsg.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <rpc/rpc.h>
#include <rpc/pmap_prot.h>
#include <rpc/rpcb_prot.h>

#define STRING_TOO_LONG 1025

static const uint8_t priv[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* Reads a call with libtirpc's own decoder.  @param xdr stands before the arguments afterwards */
static void tirpc_call(XDR *xdr, uint8_t *bytes, size_t length, struct rpc_msg *msg)
{
	static char cred[MAX_AUTH_BYTES], verf[MAX_AUTH_BYTES];

	memset(msg, 0, sizeof(*msg));
	msg->rm_call.cb_cred.oa_base = cred;
	msg->rm_call.cb_verf.oa_base = verf;
	xdrmem_create(xdr, (char *)bytes, length, XDR_DECODE);
	ck_assert(xdr_callmsg(xdr, msg));
	ck_assert_uint_eq(msg->rm_call.cb_cred.oa_flavor, AUTH_NONE);
	ck_assert_uint_eq(msg->rm_call.cb_cred.oa_length, 0);
}

START_TEST(test_encode_sm_notify)
{
	struct glr__rpc_call call;
	struct glr__sm_notify args;
	struct rpc_msg msg;
	uint8_t out[256];
	ssize_t length;
	XDR xdr;

	length = glr__rpc_encode_sm_notify(42, "10.99.0.101", 1717, out, sizeof(out));
	ck_assert_int_eq(length, 40 + 4 + 12 + 4);
	tirpc_call(&xdr, out, length, &msg);
	ck_assert_uint_eq(msg.rm_xid, 42);
	ck_assert_uint_eq(msg.rm_call.cb_prog, 100024);
	ck_assert_uint_eq(msg.rm_call.cb_vers, 1);
	ck_assert_uint_eq(msg.rm_call.cb_proc, 6);
	ck_assert_int_eq(glr__rpc_decode_call(out, length, &call), 0);
	ck_assert_int_eq(glr__rpc_decode_sm_notify(&call, &args), 0);
	ck_assert_str_eq(args.mon_name, "10.99.0.101");
	ck_assert_uint_eq(args.state, 1717);
}
END_TEST

START_TEST(test_encode_nlm_notify)
{
	struct glr__cookie cookie = {.name = "10.0.0.7", .prog = 100021, .vers = 3, .proc = 16};
	struct message want = {.length = 0};
	uint8_t out[256];
	ssize_t length;

	memcpy(cookie.priv, priv, sizeof(priv));
	length = glr__rpc_encode_nlm_notify(7, &cookie, 9, out, sizeof(out));
	add_u32(&want, 7);
	add_u32(&want, 0);
	add_u32(&want, 2);
	add_u32(&want, 100021);
	add_u32(&want, 3);
	add_u32(&want, 16);
	add_auth(&want, 0, 0);
	add_auth(&want, 0, 0);
	add_string(&want, "10.0.0.7");
	add_u32(&want, 9);
	add_bytes(&want, priv, sizeof(priv));
	ck_assert_int_eq(length, want.length);
	ck_assert_mem_eq(out, want.bytes, want.length);
}
END_TEST

START_TEST(test_encode_rpcbind)
{
	struct glr_address address = {.family = AF_INET6, .bytes = {0xfd, [15] = 7}, .scope_id = 3};
	struct pmap mapping = {0};
	struct rpcb query = {0};
	struct rpc_msg msg;
	uint8_t out[256];
	ssize_t length;
	XDR xdr;

	length = glr__rpc_encode_getport(1, 100024, 1, 17, out, sizeof(out));
	tirpc_call(&xdr, out, length, &msg);
	ck_assert_uint_eq(msg.rm_call.cb_prog, PMAPPROG);
	ck_assert_uint_eq(msg.rm_call.cb_vers, PMAPVERS);
	ck_assert_uint_eq(msg.rm_call.cb_proc, PMAPPROC_GETPORT);
	ck_assert(xdr_pmap(&xdr, &mapping));
	ck_assert_uint_eq(mapping.pm_prog, 100024);
	ck_assert_uint_eq(mapping.pm_vers, 1);
	ck_assert_uint_eq(mapping.pm_prot, 17);
	ck_assert_uint_eq(xdr_getpos(&xdr), length);

	length = glr__rpc_encode_getaddr(1, 100024, 1, "udp6", &address, out, sizeof(out));
	tirpc_call(&xdr, out, length, &msg);
	ck_assert_uint_eq(msg.rm_call.cb_prog, RPCBPROG);
	ck_assert_uint_eq(msg.rm_call.cb_vers, RPCBVERS4);
	ck_assert_uint_eq(msg.rm_call.cb_proc, RPCBPROC_GETADDR);
	ck_assert(xdr_rpcb(&xdr, &query));
	ck_assert_uint_eq(query.r_prog, 100024);
	ck_assert_uint_eq(query.r_vers, 1);
	ck_assert_str_eq(query.r_netid, "udp6");
	ck_assert_str_eq(query.r_addr, "fd00::7.0.111");
	ck_assert_str_eq(query.r_owner, "");
	ck_assert_uint_eq(xdr_getpos(&xdr), length);
	xdr_free((xdrproc_t)xdr_rpcb, &query);

	address.family = AF_UNSPEC;
	ck_assert_int_eq(glr__rpc_encode_getaddr(1, 100024, 1, "udp6", &address, out, sizeof(out)),
			 -EMSGSIZE);
}
END_TEST

START_TEST(test_encode_null_call)
{
	struct rpc_msg msg;
	uint8_t out[40];
	XDR xdr;

	ck_assert_int_eq(glr__rpc_encode_null_call(5, 100003, 4, out, sizeof(out)), 40);
	tirpc_call(&xdr, out, 40, &msg);
	ck_assert_uint_eq(msg.rm_xid, 5);
	ck_assert_uint_eq(msg.rm_call.cb_prog, 100003);
	ck_assert_uint_eq(msg.rm_call.cb_vers, 4);
	ck_assert_uint_eq(msg.rm_call.cb_proc, 0);
}
END_TEST

/* No encoder writes past what it is given, and each says so. */
START_TEST(test_encode_no_room)
{
	struct glr_address address = {.family = AF_INET, .bytes = {10, 0, 0, 7}};
	struct glr__cookie cookie = {.name = "10.0.0.7", .prog = 100021, .vers = 3, .proc = 16};

	for (size_t size = 0; size < 128; size++) {
		uint8_t *out = malloc(size ? size : 1);
		ssize_t lengths[] = {
			glr__rpc_encode_void(1, out, size),
			glr__rpc_encode_sm_stat_res(1, 0, 1, out, size),
			glr__rpc_encode_sm_state(1, 1, out, size),
			glr__rpc_encode_error(1, PROG_MISMATCH, out, size),
			glr__rpc_encode_denied(1, out, size),
			glr__rpc_encode_null_call(1, 2, 3, out, size),
			glr__rpc_encode_sm_notify(1, "10.0.0.7", 1, out, size),
			glr__rpc_encode_nlm_notify(1, &cookie, 1, out, size),
			glr__rpc_encode_getport(1, 2, 3, 17, out, size),
			glr__rpc_encode_getaddr(1, 2, 3, "udp", &address, out, size),
		};
		static const size_t needs[] = {24, 32, 28, 32, 20, 40, 56, 72, 56, 80};

		for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
			ck_assert_int_eq(lengths[i], size < needs[i] ? -EMSGSIZE : (ssize_t)needs[i]);
		free(out);
	}
}
END_TEST

START_TEST(test_encode_long_name)
{
	char name[STRING_TOO_LONG + 1];
	uint8_t out[GLR__RPC_MESSAGE_MAX];

	memset(name, 'n', sizeof(name));
	name[STRING_TOO_LONG] = '\0';
	ck_assert_int_eq(glr__rpc_encode_sm_notify(1, name, 1, out, sizeof(out)), -EMSGSIZE);
	name[STRING_TOO_LONG - 1] = '\0';
	ck_assert_int_eq(glr__rpc_encode_sm_notify(1, name, 1, out, sizeof(out)), 40 + 4 + 1024 + 4);
}
END_TEST

static Suite *rpcmsg_encode_suite(void)
{
	Suite *suite = suite_create("rpcmsg_encode");
	TCase *tc = tcase_create("encoders");

	tcase_add_test(tc, test_encode_sm_notify);
	tcase_add_test(tc, test_encode_nlm_notify);
	tcase_add_test(tc, test_encode_rpcbind);
	tcase_add_test(tc, test_encode_null_call);
	tcase_add_test(tc, test_encode_no_room);
	tcase_add_test(tc, test_encode_long_name);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(rpcmsg_encode_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
