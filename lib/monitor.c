/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The NSM server procedures (X/Open NSM version 1) over a client list.
 *
 * lockd waits for the answer to SM_MON in the one thread that serves all groups of
 * the node, so an answer is bounded: a known client is answered from memory, a new one
 * when its write has returned or its deadline has passed, whichever is first.
 *
 * A client goes by the canonical text of its address, so that two spellings are one
 * client.  Its cookie says that the running lockd monitors it: an SM_UNMON takes the
 * cookie at once and the client from the list minutes later, if no new SM_MON has brought
 * the cookie back by then.
 */
#include "monitor_private.h"
#include "rpcmsg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PRIVILEGED_PORTS 1024
#define LOG_INTERVAL_MS 10000

/* accept_stat, RFC 5531 section 9 */
#define RPC_PROG_UNAVAIL 1
#define RPC_PROG_MISMATCH 2
#define RPC_PROC_UNAVAIL 3
#define RPC_GARBAGE_ARGS 4

struct request {
	uint64_t token, now_ms;
	const struct glr_address *peer;
	uint16_t peer_port;
	struct glr__rpc_call call;
};

/* ---- answers --------------------------------------------------------------- */

/* One line for any number of refusals: the network must not fill the log. */
static void log_refusal(glr__monitor_t *m, const struct request *request, const char *why)
{
	char text[GLR_ADDRESS_TEXT_MAX];

	m->refusals++;
	if (m->refusal_logged_ms && request->now_ms - m->refusal_logged_ms < LOG_INTERVAL_MS)
		return;
	glr_warn("client=%s: NSM procedure %u from port %u: %s (%u refused)",
		 glr_address_text(request->peer, text), request->call.proc, request->peer_port, why,
		 m->refusals);
	m->refusal_logged_ms = request->now_ms;
	m->refusals = 0;
}

static void send_reply(glr__monitor_t *m, uint64_t token, const uint8_t *reply, ssize_t length)
{
	if (length > 0)
		m->ops.send(m->ops.arg, token, reply, (size_t)length);
}

void glr__monitor_send_result(glr__monitor_t *monitor, uint64_t token, uint32_t xid, uint32_t result)
{
	uint8_t reply[128];

	send_reply(monitor, token, reply,
		   glr__rpc_encode_sm_stat_res(xid, result, monitor->ops.local_state(monitor->ops.arg), reply,
					       sizeof(reply)));
}

static void send_state(glr__monitor_t *m, const struct request *request)
{
	uint8_t reply[128];

	send_reply(m, request->token, reply,
		   glr__rpc_encode_sm_state(request->call.xid, m->ops.local_state(m->ops.arg), reply,
					    sizeof(reply)));
}

static void send_void(glr__monitor_t *m, const struct request *request)
{
	uint8_t reply[128];

	send_reply(m, request->token, reply, glr__rpc_encode_void(request->call.xid, reply, sizeof(reply)));
}

static void send_error(glr__monitor_t *m, const struct request *request, uint32_t accept_stat)
{
	uint8_t reply[128];

	send_reply(m, request->token, reply,
		   glr__rpc_encode_error(request->call.xid, accept_stat, reply, sizeof(reply)));
}

/* ---- procedures ---------------------------------------------------------------- */

/* lockd gives names instead of addresses when the node's nsm_use_hostnames is on. */
static int canonical_name(const char *mon_name, struct glr_address *address, char name[GLR_ADDRESS_TEXT_MAX])
{
	int rc;

	rc = glr_address_parse(mon_name, address);
	if (!rc)
		glr_address_text(address, name);
	return rc;
}

/* @return 0 when the answer will come, or why the client is refused */
static int add_client(glr__monitor_t *m, const struct request *request, const struct glr_address *address,
		      const struct glr__cookie *cookie)
{
	struct glr__pending *p;
	int rc;

	if (m->frozen)
		return -EPERM;
	if (glr__monitor_knows(m, cookie->name)) {
		glr__monitor_accept(m, request->token, request->call.xid, cookie);
		return 0;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->token = request->token;
	p->xid = request->call.xid;
	p->address = *address;
	p->cookie = *cookie;
	rc = glr__monitor_queue_add(m, p, request->now_ms);
	if (rc)
		free(p);
	return rc;
}

static void sm_mon(glr__monitor_t *m, const struct request *request)
{
	struct glr__cookie cookie = {0};
	struct glr_address address;
	struct glr__sm_mon args;
	char name[GLR_ADDRESS_TEXT_MAX];
	int rc;

	if (glr__rpc_decode_sm_mon(&request->call, &args)) {
		send_error(m, request, RPC_GARBAGE_ARGS);
		return;
	}
	if (canonical_name(args.mon_name, &address, name)) {
		log_refusal(m, request, "mon_name is no address (is lockd's nsm_use_hostnames on?)");
		glr__monitor_send_result(m, request->token, request->call.xid, GLR__NSM_FAIL);
		return;
	}
	memcpy(cookie.name, name, strlen(name) + 1);
	cookie.prog = args.prog;
	cookie.vers = args.vers;
	cookie.proc = args.proc;
	memcpy(cookie.priv, args.priv, sizeof(cookie.priv));
	rc = add_client(m, request, &address, &cookie);
	if (rc) {
		glr_info("client=%s: SM_MON refused: %s", name, strerror(-rc));
		glr__monitor_send_result(m, request->token, request->call.xid, GLR__NSM_FAIL);
	}
}

static void unmonitor(glr__monitor_t *m, const char *name, const struct glr__sm_mon *args, uint64_t now_ms)
{
	const struct glr__cookie *cookie = glr__cookies_find(m->cookies, name);

	if (m->frozen || !cookie || cookie->prog != args->prog || cookie->vers != args->vers ||
	    cookie->proc != args->proc)
		return;
	/* Without memory for it the client stays on the list, which is the safe side. */
	if (!glr__monitor_queue_unmon(m, name, now_ms))
		glr__cookies_remove(m->cookies, name);
}

static void sm_unmon(glr__monitor_t *m, const struct request *request)
{
	struct glr_address address;
	struct glr__sm_mon args;
	char name[GLR_ADDRESS_TEXT_MAX];

	if (glr__rpc_decode_sm_unmon(&request->call, &args)) {
		send_error(m, request, RPC_GARBAGE_ARGS);
		return;
	}
	if (!canonical_name(args.mon_name, &address, name))
		unmonitor(m, name, &args, request->now_ms);
	send_state(m, request);
}

struct unmon_all {
	glr__monitor_t *monitor;
	const struct glr__sm_mon *args;
	uint64_t now_ms;
};

static int unmon_one(const struct glr_list_client *client, void *arg)
{
	const struct unmon_all *all = arg;

	if (client->kind == GLR_LIST_NSM)
		unmonitor(all->monitor, client->name, all->args, all->now_ms);
	return 0;
}

static void sm_unmon_all(glr__monitor_t *m, const struct request *request)
{
	struct glr__sm_mon args;
	struct unmon_all all = {.monitor = m, .args = &args, .now_ms = request->now_ms};

	if (glr__rpc_decode_sm_unmon(&request->call, &args)) {
		send_error(m, request, RPC_GARBAGE_ARGS);
		return;
	}
	glr_list_foreach(m->list, unmon_one, &all);
	send_state(m, request);
}

static void sm_stat(glr__monitor_t *m, const struct request *request)
{
	struct glr_address address;
	char mon_name[GLR_NAME_MAX];

	if (glr__rpc_decode_sm_stat(&request->call, mon_name)) {
		send_error(m, request, RPC_GARBAGE_ARGS);
		return;
	}
	glr__monitor_send_result(m, request->token, request->call.xid,
				 glr_address_parse(mon_name, &address) ? GLR__NSM_FAIL : GLR__NSM_SUCCESS);
}

/* Who claims another address's reboot would make lockd drop that client's locks. */
static void sm_notify(glr__monitor_t *m, const struct request *request)
{
	const struct glr__cookie *cookie;
	struct glr__sm_notify args;
	struct glr_address address;

	if (glr__rpc_decode_sm_notify(&request->call, &args)) {
		send_error(m, request, RPC_GARBAGE_ARGS);
		return;
	}
	send_void(m, request);
	if (!glr_address_parse(args.mon_name, &address) && !glr_address_equal(&address, request->peer)) {
		log_refusal(m, request, "SM_NOTIFY for an address that is not the sender's");
		return;
	}
	cookie = glr__cookies_find_address(m->cookies, request->peer);
	if (cookie)
		m->ops.downcall(m->ops.arg, cookie, args.state);
}

static bool is_lockd(const struct request *request)
{
	const struct glr_address *peer = request->peer;
	static const uint8_t loopback6[16] = {[15] = 1};

	if (request->peer_port >= PRIVILEGED_PORTS)
		return false;
	if (peer->family == AF_INET)
		return peer->bytes[0] == 127;
	return peer->family == AF_INET6 && !memcmp(peer->bytes, loopback6, sizeof(loopback6));
}

static void local_procedure(glr__monitor_t *m, const struct request *request)
{
	uint8_t reply[128];

	if (!is_lockd(request)) {
		log_refusal(m, request, "only this node's lockd may ask");
		send_reply(m, request->token, reply,
			   glr__rpc_encode_denied(request->call.xid, reply, sizeof(reply)));
		return;
	}
	switch (request->call.proc) {
	case GLR__SM_STAT:
		sm_stat(m, request);
		break;
	case GLR__SM_MON:
		sm_mon(m, request);
		break;
	case GLR__SM_UNMON:
		sm_unmon(m, request);
		break;
	case GLR__SM_UNMON_ALL:
		sm_unmon_all(m, request);
		break;
	default: /* SM_SIMU_CRASH: nobody may crash a group by a packet */
		send_error(m, request, RPC_PROC_UNAVAIL);
	}
}

void glr__monitor_request(glr__monitor_t *monitor, uint64_t token, const struct glr_address *peer,
			  uint16_t peer_port, const uint8_t *message, size_t length, uint64_t now_ms)
{
	struct request request = {.token = token, .now_ms = now_ms, .peer = peer, .peer_port = peer_port};
	char text[GLR_ADDRESS_TEXT_MAX];

	if (glr__rpc_decode_call(message, length, &request.call))
		return;
	glr_debug("client=%s: NSM procedure %u from port %u", glr_address_text(peer, text), request.call.proc,
		  peer_port);
	if (request.call.prog != GLR__NSM_PROG)
		send_error(monitor, &request, RPC_PROG_UNAVAIL);
	else if (request.call.vers != 1)
		send_error(monitor, &request, RPC_PROG_MISMATCH);
	else if (request.call.proc == GLR__SM_NULL)
		send_void(monitor, &request);
	else if (request.call.proc == GLR__SM_NOTIFY)
		sm_notify(monitor, &request);
	else if (request.call.proc <= GLR__SM_SIMU_CRASH)
		local_procedure(monitor, &request);
	else
		send_error(monitor, &request, RPC_PROC_UNAVAIL);
}

/* ---- what others see ----------------------------------------------------------- */

bool glr__monitor_durable(const glr__monitor_t *monitor)
{
	return !glr__list_check(monitor->list) && !monitor->stuck;
}

bool glr__monitor_busy(const glr__monitor_t *monitor)
{
	return monitor->writing;
}

bool glr__monitor_settled(const glr__monitor_t *monitor, int *error)
{
	*error = monitor->changes_error;
	return !monitor->changing && TAILQ_EMPTY(&monitor->changes);
}
