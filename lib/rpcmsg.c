/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NSM, rpcbind and NLM messages to bytes and back, over XDR in memory.
 *
 * Sources: RFC 5531 (RPC), RFC 4506 (XDR), RFC 1833 (rpcbind), X/Open XNFS
 * (NSM version 1) and Linux fs/lockd/xdr.c (the private SM_NOTIFY of NLM).
 *
 * A message is one datagram, or one record of a stream without its mark.  Bytes
 * after what a procedure takes are ignored, as every RPC server does.
 */
#include "cookies.h"
#include "rpcmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rpc/types.h>
#include <rpc/xdr.h>

#define RPC_VERSION 2
#define AUTH_BODY_MAX 400 /* RFC 5531, section 8.2 */
#define UADDR_MAX 128
#define PRIV_BYTES 16

enum { MESSAGE_CALL = 0, MESSAGE_REPLY = 1 };
enum { REPLY_ACCEPTED = 0, REPLY_DENIED = 1 };
enum { REJECT_AUTH_ERROR = 1 };
enum { ACCEPT_SUCCESS = 0, ACCEPT_PROG_MISMATCH = 2 };
enum { FLAVOR_NONE = 0, AUTH_STAT_TOO_WEAK = 5 };
enum { PMAP_VERSION = 2, RPCB_VERSION4 = 4, PMAP_PROC_GETPORT = 3, RPCB_PROC_GETADDR = 3 };

/* XDR in memory writes only when it encodes, so that a reader may drop the const. */
static void read_from(XDR *xdr, const uint8_t *bytes, size_t length)
{
	xdrmem_create(xdr, (char *)(uintptr_t)bytes, length, XDR_DECODE);
}

static bool get_u32(XDR *xdr, uint32_t *value)
{
	return xdr_u_int32_t(xdr, value);
}

static bool put_u32(XDR *xdr, uint32_t value)
{
	return xdr_u_int32_t(xdr, &value);
}

/* A NUL inside would make two different names look alike later. */
static bool get_string(XDR *xdr, char *text, size_t size)
{
	u_int length = 0;

	if (!xdr_bytes(xdr, &text, &length, size - 1))
		return false;
	text[length] = '\0';
	return !memchr(text, '\0', length);
}

static bool put_string(XDR *xdr, const char *text)
{
	char *string = (char *)(uintptr_t)text;

	return xdr_string(xdr, &string, GLR_NAME_MAX - 1);
}

/* Whoever calls is judged by address and port, so that credentials are only stepped over. */
static bool skip_auth(XDR *xdr)
{
	char body[AUTH_BODY_MAX], *to = body;
	uint32_t flavor;
	u_int length = 0;

	return get_u32(xdr, &flavor) && xdr_bytes(xdr, &to, &length, sizeof(body));
}

static bool put_auth_none(XDR *xdr)
{
	return put_u32(xdr, FLAVOR_NONE) && put_u32(xdr, 0);
}

int glr__rpc_decode_call(const uint8_t *message, size_t length, struct glr__rpc_call *call)
{
	uint32_t type, rpc_version;
	XDR xdr;

	if (length > GLR__RPC_MESSAGE_MAX)
		return -EBADMSG;
	read_from(&xdr, message, length);
	if (!get_u32(&xdr, &call->xid) || !get_u32(&xdr, &type) || type != MESSAGE_CALL ||
	    !get_u32(&xdr, &rpc_version) || rpc_version != RPC_VERSION || !get_u32(&xdr, &call->prog) ||
	    !get_u32(&xdr, &call->vers) || !get_u32(&xdr, &call->proc) || !skip_auth(&xdr) ||
	    !skip_auth(&xdr))
		return -EBADMSG;

	call->args = message + xdr_getpos(&xdr);
	call->args_length = length - xdr_getpos(&xdr);
	return 0;
}

static bool get_my_id(XDR *xdr, struct glr__sm_mon *args)
{
	return get_string(xdr, args->my_name, sizeof(args->my_name)) && get_u32(xdr, &args->prog) &&
	       get_u32(xdr, &args->vers) && get_u32(xdr, &args->proc);
}

int glr__rpc_decode_sm_mon(const struct glr__rpc_call *call, struct glr__sm_mon *args)
{
	XDR xdr;

	read_from(&xdr, call->args, call->args_length);
	if (!get_string(&xdr, args->mon_name, sizeof(args->mon_name)) || !get_my_id(&xdr, args) ||
	    !xdr_opaque(&xdr, (char *)args->priv, sizeof(args->priv)))
		return -EBADMSG;
	return 0;
}

int glr__rpc_decode_sm_unmon(const struct glr__rpc_call *call, struct glr__sm_mon *args)
{
	XDR xdr;

	memset(args, 0, sizeof(*args));
	read_from(&xdr, call->args, call->args_length);
	if (call->proc == GLR__SM_UNMON && !get_string(&xdr, args->mon_name, sizeof(args->mon_name)))
		return -EBADMSG;
	return get_my_id(&xdr, args) ? 0 : -EBADMSG;
}

int glr__rpc_decode_sm_stat(const struct glr__rpc_call *call, char mon_name[GLR_NAME_MAX])
{
	XDR xdr;

	read_from(&xdr, call->args, call->args_length);
	return get_string(&xdr, mon_name, GLR_NAME_MAX) ? 0 : -EBADMSG;
}

int glr__rpc_decode_sm_notify(const struct glr__rpc_call *call, struct glr__sm_notify *args)
{
	XDR xdr;

	read_from(&xdr, call->args, call->args_length);
	if (!get_string(&xdr, args->mon_name, sizeof(args->mon_name)) || !get_u32(&xdr, &args->state))
		return -EBADMSG;
	return 0;
}

/* Ends an encoder.  @return bytes written, or -EMSGSIZE when one of its steps did not fit */
static ssize_t written(XDR *xdr, bool complete)
{
	return complete ? (ssize_t)xdr_getpos(xdr) : -EMSGSIZE;
}

static bool put_accepted(XDR *xdr, uint32_t xid, uint32_t accept_stat, uint8_t *out, size_t size)
{
	xdrmem_create(xdr, (char *)out, size, XDR_ENCODE);
	return put_u32(xdr, xid) && put_u32(xdr, MESSAGE_REPLY) && put_u32(xdr, REPLY_ACCEPTED) &&
	       put_auth_none(xdr) && put_u32(xdr, accept_stat);
}

ssize_t glr__rpc_encode_void(uint32_t xid, uint8_t *out, size_t size)
{
	XDR xdr;

	return written(&xdr, put_accepted(&xdr, xid, ACCEPT_SUCCESS, out, size));
}

ssize_t glr__rpc_encode_sm_stat_res(uint32_t xid, uint32_t result, uint32_t state, uint8_t *out, size_t size)
{
	XDR xdr;

	return written(&xdr, put_accepted(&xdr, xid, ACCEPT_SUCCESS, out, size) && put_u32(&xdr, result) &&
				     put_u32(&xdr, state));
}

ssize_t glr__rpc_encode_sm_state(uint32_t xid, uint32_t state, uint8_t *out, size_t size)
{
	XDR xdr;

	return written(&xdr, put_accepted(&xdr, xid, ACCEPT_SUCCESS, out, size) && put_u32(&xdr, state));
}

ssize_t glr__rpc_encode_error(uint32_t xid, uint32_t accept_stat, uint8_t *out, size_t size)
{
	bool complete;
	XDR xdr;

	complete = put_accepted(&xdr, xid, accept_stat, out, size);
	if (accept_stat == ACCEPT_PROG_MISMATCH) /* the only version of NSM is 1 */
		complete = complete && put_u32(&xdr, 1) && put_u32(&xdr, 1);
	return written(&xdr, complete);
}

ssize_t glr__rpc_encode_denied(uint32_t xid, uint8_t *out, size_t size)
{
	XDR xdr;

	xdrmem_create(&xdr, (char *)out, size, XDR_ENCODE);
	return written(&xdr, put_u32(&xdr, xid) && put_u32(&xdr, MESSAGE_REPLY) &&
				     put_u32(&xdr, REPLY_DENIED) && put_u32(&xdr, REJECT_AUTH_ERROR) &&
				     put_u32(&xdr, AUTH_STAT_TOO_WEAK));
}

static bool put_call(XDR *xdr, const struct glr__rpc_call *call, uint8_t *out, size_t size)
{
	xdrmem_create(xdr, (char *)out, size, XDR_ENCODE);
	return put_u32(xdr, call->xid) && put_u32(xdr, MESSAGE_CALL) && put_u32(xdr, RPC_VERSION) &&
	       put_u32(xdr, call->prog) && put_u32(xdr, call->vers) && put_u32(xdr, call->proc) &&
	       put_auth_none(xdr) && put_auth_none(xdr);
}

ssize_t glr__rpc_encode_null_call(uint32_t xid, uint32_t prog, uint32_t vers, uint8_t *out, size_t size)
{
	struct glr__rpc_call call = {.xid = xid, .prog = prog, .vers = vers, .proc = 0};
	XDR xdr;

	return written(&xdr, put_call(&xdr, &call, out, size));
}

ssize_t glr__rpc_encode_sm_notify(uint32_t xid, const char *name, uint32_t state, uint8_t *out, size_t size)
{
	struct glr__rpc_call call = {.xid = xid, .prog = GLR__NSM_PROG, .vers = 1, .proc = GLR__SM_NOTIFY};
	XDR xdr;

	return written(&xdr,
		       put_call(&xdr, &call, out, size) && put_string(&xdr, name) && put_u32(&xdr, state));
}

ssize_t glr__rpc_encode_nlm_notify(uint32_t xid, const struct glr__cookie *cookie, uint32_t state,
				   uint8_t *out, size_t size)
{
	struct glr__rpc_call call = {
		.xid = xid, .prog = cookie->prog, .vers = cookie->vers, .proc = cookie->proc};
	char priv[PRIV_BYTES];
	XDR xdr;

	memcpy(priv, cookie->priv, sizeof(priv));
	return written(&xdr, put_call(&xdr, &call, out, size) && put_string(&xdr, cookie->name) &&
				     put_u32(&xdr, state) && xdr_opaque(&xdr, priv, sizeof(priv)));
}

ssize_t glr__rpc_encode_getport(uint32_t xid, uint32_t prog, uint32_t vers, uint32_t protocol, uint8_t *out,
				size_t size)
{
	struct glr__rpc_call call = {
		.xid = xid, .prog = GLR__RPCBIND_PROG, .vers = PMAP_VERSION, .proc = PMAP_PROC_GETPORT};
	XDR xdr;

	return written(&xdr, put_call(&xdr, &call, out, size) && put_u32(&xdr, prog) && put_u32(&xdr, vers) &&
				     put_u32(&xdr, protocol) && put_u32(&xdr, 0));
}

ssize_t glr__rpc_encode_getaddr(uint32_t xid, uint32_t prog, uint32_t vers, const char *netid,
				const struct glr_address *address, uint8_t *out, size_t size)
{
	struct glr__rpc_call call = {
		.xid = xid, .prog = GLR__RPCBIND_PROG, .vers = RPCB_VERSION4, .proc = RPCB_PROC_GETADDR};
	char host[INET6_ADDRSTRLEN], uaddr[INET6_ADDRSTRLEN + 8];
	XDR xdr;

	/* Without a scope: it means something on this node only. */
	if (!inet_ntop(address->family, address->bytes, host, sizeof(host)))
		return -EMSGSIZE;
	snprintf(uaddr, sizeof(uaddr), "%s.0.111", host);

	return written(&xdr, put_call(&xdr, &call, out, size) && put_u32(&xdr, prog) && put_u32(&xdr, vers) &&
				     put_string(&xdr, netid) && put_string(&xdr, uaddr) &&
				     put_string(&xdr, ""));
}

int glr__rpc_decode_reply(const uint8_t *message, size_t length, struct glr__rpc_reply *reply)
{
	uint32_t type, reply_stat;
	XDR xdr;

	memset(reply, 0, sizeof(*reply));
	if (length > GLR__RPC_MESSAGE_MAX)
		return -EBADMSG;
	read_from(&xdr, message, length);
	if (!get_u32(&xdr, &reply->xid) || !get_u32(&xdr, &type) || type != MESSAGE_REPLY ||
	    !get_u32(&xdr, &reply_stat) || reply_stat > REPLY_DENIED)
		return -EBADMSG;

	reply->accepted = reply_stat == REPLY_ACCEPTED;
	if (!reply->accepted)
		return 0;
	if (!skip_auth(&xdr) || !get_u32(&xdr, &reply->accept_stat))
		return -EBADMSG;
	if (reply->accept_stat == ACCEPT_SUCCESS) {
		reply->results = message + xdr_getpos(&xdr);
		reply->results_length = length - xdr_getpos(&xdr);
	}
	return 0;
}

int glr__rpc_decode_port(const struct glr__rpc_reply *reply, uint16_t *port)
{
	uint32_t value;
	XDR xdr;

	if (!reply->results)
		return -EBADMSG;
	read_from(&xdr, reply->results, reply->results_length);
	if (!get_u32(&xdr, &value) || value > UINT16_MAX)
		return -EBADMSG;
	*port = value;
	return 0;
}

/* Cuts the last ".N" off a universal address.  @return N, 0 to 255, or -1 */
static int cut_octet(char *uaddr)
{
	char *dot = strrchr(uaddr, '.');
	int value = 0;

	if (!dot || dot[1] == '\0' || strlen(dot + 1) > 3)
		return -1;
	for (const char *digit = dot + 1; *digit; digit++) {
		if (*digit < '0' || *digit > '9')
			return -1;
		value = value * 10 + (*digit - '0');
	}
	*dot = '\0';
	return value <= 255 ? value : -1;
}

/* Universal addresses: RFC 5665, section 5.2.3; an empty one means not registered. */
int glr__rpc_decode_uaddr_port(const struct glr__rpc_reply *reply, uint16_t *port)
{
	char uaddr[UADDR_MAX];
	int low, high;
	XDR xdr;

	if (!reply->results)
		return -EBADMSG;
	read_from(&xdr, reply->results, reply->results_length);
	if (!get_string(&xdr, uaddr, sizeof(uaddr)))
		return -EBADMSG;
	if (uaddr[0] == '\0') {
		*port = 0;
		return 0;
	}
	low = cut_octet(uaddr);
	high = low < 0 ? -1 : cut_octet(uaddr);
	if (high < 0)
		return -EBADMSG;
	*port = high << 8 | low;
	return 0;
}
