/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NSM calls as lockd and other status monitors send them, for tests. */
#ifndef NSM_MESSAGE_H
#define NSM_MESSAGE_H

#include "rpc_message.h"
#include "rpcmsg.h"

static inline void nsm_call(struct message *message, uint32_t xid, uint32_t proc)
{
	message->length = 0;
	add_u32(message, xid);
	add_u32(message, 0);
	add_u32(message, 2);
	add_u32(message, GLR__NSM_PROG);
	add_u32(message, 1);
	add_u32(message, proc);
	add_auth(message, 1, 24);
	add_auth(message, 0, 0);
}

static inline void nsm_add_my_id(struct message *message)
{
	add_string(message, "node1");
	add_u32(message, GLR__NLM_PROG);
	add_u32(message, 3);
	add_u32(message, 16);
}

/* @param mark fills the private data */
static inline void nsm_mon(struct message *message, uint32_t xid, const char *name, uint8_t mark)
{
	uint8_t priv[16];

	memset(priv, mark, sizeof(priv));
	nsm_call(message, xid, GLR__SM_MON);
	add_string(message, name);
	nsm_add_my_id(message);
	add_bytes(message, priv, sizeof(priv));
}

static inline void nsm_unmon(struct message *message, uint32_t xid, const char *name)
{
	nsm_call(message, xid, GLR__SM_UNMON);
	add_string(message, name);
	nsm_add_my_id(message);
}

static inline void nsm_notify(struct message *message, uint32_t xid, const char *name, uint32_t state)
{
	nsm_call(message, xid, GLR__SM_NOTIFY);
	add_string(message, name);
	add_u32(message, state);
}

static inline uint32_t word_at(const uint8_t *bytes, size_t index)
{
	uint32_t value;

	memcpy(&value, bytes + 4 * index, 4);
	return be32toh(value);
}

#endif
