/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nfsd's questions about its NFSv4 clients and their answers, as they go through the
 * pipe nfsd/cld: struct cld_msg and cld_msg_v2, in the machine's own byte order.
 */
#include "cldmsg.h"
#include "record.h"

#include <errno.h>
#include <linux/nfsd/cld.h>

_Static_assert(sizeof(struct cld_msg_v2) == GLR__CLD_MESSAGE_MAX, "the size is the kernel's");
_Static_assert(sizeof(((struct glr__v4_client *)0)->id) == NFS4_OPAQUE_LIMIT, "every name fits");

size_t glr__cld_length(uint8_t version)
{
	switch (version) {
	case 1:
		return sizeof(struct cld_msg);
	case 2:
		return sizeof(struct cld_msg_v2);
	default:
		return 0;
	}
}

/* Only Create of version 2 says who the client is to Kerberos; what other questions have there is not set. */
static int decode_client(const struct cld_msg_v2 *message, struct glr__cld_upcall *upcall)
{
	const struct cld_clntinfo *info = &message->cm_u.cm_clntinfo;
	uint16_t length = info->cc_name.cn_len;

	if (length == 0 || length > sizeof(upcall->client.id))
		return -EBADMSG;
	memcpy(upcall->client.id, info->cc_name.cn_id, length);
	upcall->client.id_length = length;
	if (upcall->version < 2 || upcall->command != Cld_Create || info->cc_princhash.cp_len == 0)
		return 0;
	if (info->cc_princhash.cp_len != sizeof(upcall->client.hash))
		return -EBADMSG;
	memcpy(upcall->client.hash, info->cc_princhash.cp_data, sizeof(upcall->client.hash));
	upcall->client.has_hash = true;
	return 0;
}

int glr__cld_decode(const uint8_t *bytes, size_t length, struct glr__cld_upcall *upcall)
{
	struct cld_msg_v2 message = {0};

	memset(upcall, 0, sizeof(*upcall));
	if (length < sizeof(struct cld_msg_hdr) || length > sizeof(message))
		return -EBADMSG;
	memcpy(&message, bytes, length);
	if (length != glr__cld_length(message.cm_vers))
		return -EBADMSG;
	upcall->version = message.cm_vers;
	upcall->command = message.cm_cmd;
	upcall->xid = message.cm_xid;
	switch (upcall->command) {
	case Cld_Create:
	case Cld_Remove:
	case Cld_Check:
		return decode_client(&message, upcall);
	default:
		return 0;
	}
}

static void begin_answer(const struct glr__cld_upcall *upcall, int status, struct cld_msg_v2 *message)
{
	memset(message, 0, sizeof(*message));
	message->cm_vers = upcall->version;
	message->cm_cmd = upcall->command;
	message->cm_status = (int16_t)status;
	message->cm_xid = upcall->xid;
}

size_t glr__cld_encode_status(const struct glr__cld_upcall *upcall, int status,
			      uint8_t out[GLR__CLD_MESSAGE_MAX])
{
	struct cld_msg_v2 message;

	begin_answer(upcall, status, &message);
	if (upcall->command == Cld_GetVersion)
		message.cm_u.cm_version = CLD_UPCALL_VERSION;
	memcpy(out, &message, sizeof(message));
	return glr__cld_length(upcall->version);
}

size_t glr__cld_encode_client(const struct glr__cld_upcall *upcall, const struct glr__v4_client *client,
			      uint8_t out[GLR__CLD_MESSAGE_MAX])
{
	struct cld_msg_v2 message;
	struct cld_clntinfo *info = &message.cm_u.cm_clntinfo;

	begin_answer(upcall, -EINPROGRESS, &message);
	info->cc_name.cn_len = client->id_length;
	memcpy(info->cc_name.cn_id, client->id, client->id_length);
	if (client->has_hash && upcall->version >= 2) {
		info->cc_princhash.cp_len = sizeof(client->hash);
		memcpy(info->cc_princhash.cp_data, client->hash, sizeof(client->hash));
	}
	memcpy(out, &message, sizeof(message));
	return glr__cld_length(upcall->version);
}
