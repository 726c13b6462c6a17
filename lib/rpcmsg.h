/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NSM, rpcbind and NLM messages. */
#ifndef GLR_RPCMSG_H
#define GLR_RPCMSG_H

#include "cookies.h"
#include "glr_private.h"

#define GLR__NSM_PROG 100024
#define GLR__NLM_PROG 100021
#define GLR__RPCBIND_PROG 100000
#define GLR__RPC_MESSAGE_MAX 4096

enum glr__nsm_proc { /* X/Open NSM version 1 */
	GLR__SM_NULL = 0,
	GLR__SM_STAT = 1,
	GLR__SM_MON = 2,
	GLR__SM_UNMON = 3,
	GLR__SM_UNMON_ALL = 4,
	GLR__SM_SIMU_CRASH = 5,
	GLR__SM_NOTIFY = 6,
};

struct glr__rpc_call {
	uint32_t xid, prog, vers, proc;
	const uint8_t *args; /* into the message */
	size_t args_length;
};

struct glr__sm_mon {
	char mon_name[GLR_NAME_MAX];
	char my_name[GLR_NAME_MAX];
	uint32_t prog, vers, proc;
	uint8_t priv[16];
};

struct glr__sm_notify {
	char mon_name[GLR_NAME_MAX];
	uint32_t state;
};

/* Decoders: 0, or -EBADMSG.  Encoders: bytes written, or -EMSGSIZE. */
int glr__rpc_decode_call(const uint8_t *message, size_t length, struct glr__rpc_call *call);
int glr__rpc_decode_sm_mon(const struct glr__rpc_call *call, struct glr__sm_mon *args);
/* SM_UNMON carries mon_name and my_id; SM_UNMON_ALL my_id only (mon_name stays empty). */
int glr__rpc_decode_sm_unmon(const struct glr__rpc_call *call, struct glr__sm_mon *args);
int glr__rpc_decode_sm_stat(const struct glr__rpc_call *call, char mon_name[GLR_NAME_MAX]);
int glr__rpc_decode_sm_notify(const struct glr__rpc_call *call, struct glr__sm_notify *args);

ssize_t glr__rpc_encode_void(uint32_t xid, uint8_t *out, size_t size);
/* sm_stat_res: result 0 (STAT_SUCC) or 1 (STAT_FAIL), and state */
ssize_t glr__rpc_encode_sm_stat_res(uint32_t xid, uint32_t result, uint32_t state, uint8_t *out, size_t size);
/* sm_stat: state only (answer to SM_UNMON and SM_UNMON_ALL) */
ssize_t glr__rpc_encode_sm_state(uint32_t xid, uint32_t state, uint8_t *out, size_t size);
/* accept_stat of RFC 5531: 1 PROG_UNAVAIL, 2 PROG_MISMATCH (adds low and high 1), 3 PROC_UNAVAIL, 4 GARBAGE_ARGS, 5 SYSTEM_ERR */
ssize_t glr__rpc_encode_error(uint32_t xid, uint32_t accept_stat, uint8_t *out, size_t size);
/* Denied: AUTH_ERROR, AUTH_TOOWEAK */
ssize_t glr__rpc_encode_denied(uint32_t xid, uint8_t *out, size_t size);

ssize_t glr__rpc_encode_null_call(uint32_t xid, uint32_t prog, uint32_t vers, uint8_t *out, size_t size);
ssize_t glr__rpc_encode_sm_notify(uint32_t xid, const char *name, uint32_t state, uint8_t *out, size_t size);
/* NLM SM_NOTIFY downcall to lockd (100021 proc 16): name, state, priv */
ssize_t glr__rpc_encode_nlm_notify(uint32_t xid, const struct glr__cookie *cookie, uint32_t state, uint8_t *out,
				   size_t size);
/* rpcbind version 2 GETPORT (IPv4) and version 4 GETADDR (both families) */
ssize_t glr__rpc_encode_getport(uint32_t xid, uint32_t prog, uint32_t vers, uint32_t protocol, uint8_t *out,
				size_t size);
ssize_t glr__rpc_encode_getaddr(uint32_t xid, uint32_t prog, uint32_t vers, const char *netid,
				const struct glr_address *address, uint8_t *out, size_t size);

struct glr__rpc_reply {
	uint32_t xid;
	bool accepted;	      /* reply_stat */
	uint32_t accept_stat; /* 0 success */
	const uint8_t *results;
	size_t results_length;
};
int glr__rpc_decode_reply(const uint8_t *message, size_t length, struct glr__rpc_reply *reply);
/* @param port 0 when the service is not registered */
int glr__rpc_decode_port(const struct glr__rpc_reply *reply, uint16_t *port);	    /* GETPORT */
int glr__rpc_decode_uaddr_port(const struct glr__rpc_reply *reply, uint16_t *port); /* GETADDR */

#endif
