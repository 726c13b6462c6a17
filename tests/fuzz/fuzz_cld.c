/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfsd's questions about NFSv4 clients, and their answers read as the kernel reads them. */
#include "cldmsg.h"
#include "fuzz.h"
#include "record.h"

#include <errno.h>
#include <linux/nfsd/cld.h>

static void must_be_same(const struct glr__v4_client *client, const struct cld_clntinfo *info,
			 uint8_t version)
{
	must(info->cc_name.cn_len == client->id_length && client->id_length <= NFS4_OPAQUE_LIMIT);
	must(!memcmp(info->cc_name.cn_id, client->id, client->id_length));
	if (version < 2)
		return;
	must(info->cc_princhash.cp_len == (client->has_hash ? sizeof(client->hash) : 0));
	must(!client->has_hash || !memcmp(info->cc_princhash.cp_data, client->hash, sizeof(client->hash)));
}

static void check_client(const struct glr__cld_upcall *upcall, const struct cld_msg_v2 *question)
{
	uint8_t out[GLR__CLD_MESSAGE_MAX];
	struct glr__cld_upcall again;
	struct cld_msg_v2 answer;
	size_t length;

	must(upcall->client.id_length > 0);
	must(!upcall->client.has_hash || (upcall->version == 2 && upcall->command == Cld_Create));
	if (upcall->command == Cld_Create)
		must_be_same(&upcall->client, &question->cm_u.cm_clntinfo, upcall->version);
	length = glr__cld_encode_client(upcall, &upcall->client, out);
	must(length == glr__cld_length(upcall->version));
	memcpy(&answer, out, sizeof(answer));
	must(answer.cm_status == -EINPROGRESS && answer.cm_xid == question->cm_xid);
	must_be_same(&upcall->client, &answer.cm_u.cm_clntinfo, upcall->version);
	must(glr__cld_decode(out, length, &again) == 0);
	must(again.client.id_length == upcall->client.id_length &&
	     again.client.has_hash == upcall->client.has_hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct cld_msg_v2 question = {0}, answer;
	uint8_t out[GLR__CLD_MESSAGE_MAX];
	struct glr__cld_upcall upcall;
	int rc = glr__cld_decode(bytes, length, &upcall);

	must(rc == 0 || rc == -EBADMSG);
	if (!upcall.version) {
		must(rc);
		return 0;
	}
	must(length == glr__cld_length(upcall.version));
	memcpy(&question, bytes, length);
	must(upcall.version == question.cm_vers && upcall.command == question.cm_cmd);
	must(upcall.xid == question.cm_xid);
	must(glr__cld_encode_status(&upcall, rc, out) == length);
	memcpy(&answer, out, sizeof(answer));
	must(answer.cm_vers == question.cm_vers && answer.cm_xid == question.cm_xid);
	must(answer.cm_cmd == question.cm_cmd && answer.cm_status == rc);
	if (!rc &&
	    (upcall.command == Cld_Create || upcall.command == Cld_Remove || upcall.command == Cld_Check))
		check_client(&upcall, &question);
	return 0;
}
