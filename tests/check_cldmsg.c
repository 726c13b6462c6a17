/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfsd's upcalls and their answers, against the kernel's own structures. */
#include "cldmsg.h"
#include "record.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <linux/nfsd/cld.h>

static const char name[] = "Linux NFSv4.2 c1";

static struct cld_msg_v2 upcall_of(uint8_t command)
{
	struct cld_msg_v2 message = {.cm_vers = 2, .cm_cmd = command, .cm_xid = 0x01020304};

	message.cm_u.cm_clntinfo.cc_name.cn_len = sizeof(name);
	memcpy(message.cm_u.cm_clntinfo.cc_name.cn_id, name, sizeof(name));
	return message;
}

static int decode(const void *message, size_t length, struct glr__cld_upcall *upcall)
{
	/* Exactly as long, so that a read behind it is seen. */
	uint8_t *bytes = malloc(length ? length : 1);
	int rc;

	memcpy(bytes, message, length);
	rc = glr__cld_decode(bytes, length, upcall);
	free(bytes);
	return rc;
}

START_TEST(test_lengths)
{
	ck_assert_uint_eq(glr__cld_length(1), sizeof(struct cld_msg));
	ck_assert_uint_eq(glr__cld_length(2), sizeof(struct cld_msg_v2));
	ck_assert_uint_eq(glr__cld_length(0), 0);
	ck_assert_uint_eq(glr__cld_length(3), 0);
}
END_TEST

START_TEST(test_create)
{
	struct cld_msg_v2 message = upcall_of(Cld_Create);
	struct cld_princhash *hash = &message.cm_u.cm_clntinfo.cc_princhash;
	struct glr__cld_upcall upcall;

	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), 0);
	ck_assert_uint_eq(upcall.version, 2);
	ck_assert_uint_eq(upcall.command, Cld_Create);
	ck_assert_uint_eq(upcall.xid, 0x01020304);
	ck_assert_uint_eq(upcall.client.id_length, sizeof(name));
	ck_assert_mem_eq(upcall.client.id, name, sizeof(name));
	ck_assert(!upcall.client.has_hash);

	hash->cp_len = sizeof(hash->cp_data);
	memset(hash->cp_data, 7, sizeof(hash->cp_data));
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), 0);
	ck_assert(upcall.client.has_hash);
	ck_assert_mem_eq(upcall.client.hash, hash->cp_data, sizeof(hash->cp_data));
	hash->cp_len = sizeof(hash->cp_data) - 1;
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), -EBADMSG);
	ck_assert_uint_eq(upcall.version, 2);
}
END_TEST

START_TEST(test_names)
{
	struct cld_msg_v2 message = upcall_of(Cld_Remove);
	struct cld_name *in = &message.cm_u.cm_clntinfo.cc_name;
	struct glr__cld_upcall upcall;

	/* Only a Create has one. */
	message.cm_u.cm_clntinfo.cc_princhash.cp_len = 32;
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), 0);
	ck_assert(!upcall.client.has_hash);
	in->cn_len = NFS4_OPAQUE_LIMIT;
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), 0);
	ck_assert_uint_eq(upcall.client.id_length, NFS4_OPAQUE_LIMIT);
	in->cn_len = NFS4_OPAQUE_LIMIT + 1;
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), -EBADMSG);
	in->cn_len = 0;
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), -EBADMSG);
	ck_assert_uint_eq(upcall.xid, 0x01020304);
	message.cm_cmd = Cld_GraceStart;
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), 0);
}
END_TEST

START_TEST(test_cut_off)
{
	struct cld_msg_v2 message = upcall_of(Cld_Create);
	struct glr__cld_upcall upcall;

	for (size_t length = 0; length < sizeof(message); length++) {
		ck_assert_int_eq(decode(&message, length, &upcall), -EBADMSG);
		ck_assert_uint_eq(upcall.version, 0);
	}
	message.cm_vers = 1;
	ck_assert_int_eq(decode(&message, sizeof(struct cld_msg), &upcall), 0);
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), -EBADMSG);
	message.cm_vers = 3;
	ck_assert_int_eq(decode(&message, sizeof(message), &upcall), -EBADMSG);
	ck_assert_uint_eq(upcall.version, 0);
}
END_TEST

START_TEST(test_status)
{
	struct glr__cld_upcall upcall = {.version = 1, .command = Cld_GetVersion, .xid = 9};
	uint8_t out[GLR__CLD_MESSAGE_MAX];
	struct cld_msg_v2 *message = (struct cld_msg_v2 *)out;

	memset(out, 0xff, sizeof(out));
	ck_assert_uint_eq(glr__cld_encode_status(&upcall, 0, out), sizeof(struct cld_msg));
	ck_assert_uint_eq(message->cm_vers, 1);
	ck_assert_uint_eq(message->cm_cmd, Cld_GetVersion);
	ck_assert_uint_eq(message->cm_xid, 9);
	ck_assert_int_eq(message->cm_status, 0);
	ck_assert_uint_eq(message->cm_u.cm_version, 2);

	upcall.version = 2;
	upcall.command = Cld_Create;
	ck_assert_uint_eq(glr__cld_encode_status(&upcall, -EIO, out), sizeof(struct cld_msg_v2));
	ck_assert_int_eq(message->cm_status, -EIO);
}
END_TEST

START_TEST(test_client)
{
	struct glr__cld_upcall upcall = {.version = 2, .command = Cld_GraceStart, .xid = 9};
	struct glr__v4_client client = {.id_length = sizeof(name), .has_hash = true};
	uint8_t out[GLR__CLD_MESSAGE_MAX];
	struct cld_msg_v2 *message = (struct cld_msg_v2 *)out;
	const struct cld_clntinfo *info = &message->cm_u.cm_clntinfo;

	memcpy(client.id, name, sizeof(name));
	memset(client.hash, 7, sizeof(client.hash));
	ck_assert_uint_eq(glr__cld_encode_client(&upcall, &client, out), sizeof(struct cld_msg_v2));
	ck_assert_uint_eq(message->cm_cmd, Cld_GraceStart);
	ck_assert_uint_eq(message->cm_xid, 9);
	ck_assert_int_eq(message->cm_status, -EINPROGRESS);
	ck_assert_uint_eq(info->cc_name.cn_len, sizeof(name));
	ck_assert_mem_eq(info->cc_name.cn_id, name, sizeof(name));
	ck_assert_uint_eq(info->cc_princhash.cp_len, 32);
	ck_assert_mem_eq(info->cc_princhash.cp_data, client.hash, 32);

	client.has_hash = false;
	glr__cld_encode_client(&upcall, &client, out);
	ck_assert_uint_eq(info->cc_princhash.cp_len, 0);
	upcall.version = 1;
	ck_assert_uint_eq(glr__cld_encode_client(&upcall, &client, out), sizeof(struct cld_msg));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cldmsg");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_lengths);
	tcase_add_test(tc, test_create);
	tcase_add_test(tc, test_names);
	tcase_add_test(tc, test_cut_off);
	tcase_add_test(tc, test_status);
	tcase_add_test(tc, test_client);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
