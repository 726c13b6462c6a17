/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The notification engine: tells every client every server identifier until it acknowledges or the
 * window closes.  A state machine over a clock and a packet sink.
 *
 * A task is one client and one identifier.  It asks the client's rpcbind for
 * the port of its status monitor, then sends SM_NOTIFY with the identifier's
 * address as text, then with each further name, one request at a time.  What
 * is not answered is sent again with exponential backoff, from the third try
 * on over TCP and UDP in turn.  A port that stays silent twice is asked for
 * anew: the client may have booted, or its monitor restarted on another one.
 *
 * Every message of a task keeps its XID however often it is sent, so that the
 * answer of a slow client counts whenever it comes.
 */
#include "notify_private.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define RPCBIND_PORT 111
#define NSM_VERSION 1
#define SAME_PORT_TRIES 2 /* and over UDP alone at first */

/* XIDs of a task, counted from its first */
enum { XID_RPCBIND_UDP, XID_RPCBIND_TCP, XID_NOTIFY };

struct glr__notify {
	struct glr__notify_ops ops;
	struct notify_clients clients;
	struct glr_address *identifiers;
	size_t identifier_count;
	char **names;
	size_t name_count;
	uint32_t state;
	uint64_t end_ms;
	struct notify_pace pace;
	size_t unacknowledged; /* tasks */
	struct glr__notify_counts counts;
};

/* ---- sending ----------------------------------------------------------- */

static void set_progress(struct glr__notify *notify, struct notify_client *client,
			 enum glr__progress progress)
{
	client->progress = progress;
	if (notify->ops.progress)
		notify->ops.progress(notify->ops.arg, client->node.name, progress);
}

static ssize_t encode_rpcbind(const struct notify_task *task, uint8_t *out, size_t size)
{
	uint32_t xid = task->xid + (task->tcp ? XID_RPCBIND_TCP : XID_RPCBIND_UDP);

	if (task->client->address.family == AF_INET)
		return glr__rpc_encode_getport(xid, GLR__NSM_PROG, NSM_VERSION,
					       task->tcp ? IPPROTO_TCP : IPPROTO_UDP, out, size);
	return glr__rpc_encode_getaddr(xid, GLR__NSM_PROG, NSM_VERSION, task->tcp ? "tcp6" : "udp6",
				       &task->client->address, out, size);
}

static ssize_t encode_notify(const struct glr__notify *notify, const struct notify_task *task, uint8_t *out,
			     size_t size)
{
	char text[GLR_ADDRESS_TEXT_MAX];
	const char *name;

	if (task->message == 0)
		name = glr_address_text(&notify->identifiers[task->identifier], text);
	else
		name = notify->names[task->message - 1];
	return glr__rpc_encode_sm_notify(task->xid + XID_NOTIFY + task->message, name, notify->state, out,
					 size);
}

static void mark_sent(struct glr__notify *notify, struct notify_task *task)
{
	struct notify_client *client = task->client;

	if (task->sent)
		return;
	task->sent = true;
	client->unsent--;
	if (client->unsent == 0)
		notify->counts.told++;
	if (client->progress == GLR__WAITING)
		set_progress(notify, client, GLR__SENT);
}

/* @return 0, -EAGAIN, or another error: a packet lost on its way, which only trying again helps */
static int send_task(struct glr__notify *notify, const struct notify_task *task)
{
	struct glr__notify_packet packet = {
		.identifier = task->identifier,
		.to = task->client->address,
		.to_port = task->port ? task->port : RPCBIND_PORT,
		.tcp = task->tcp,
	};
	uint8_t bytes[GLR__RPC_MESSAGE_MAX];
	ssize_t length;

	length = task->port ? encode_notify(notify, task, bytes, sizeof(bytes))
			    : encode_rpcbind(task, bytes, sizeof(bytes));
	if (length < 0)
		return length;
	packet.bytes = bytes;
	packet.length = length;
	return notify->ops.send(notify->ops.arg, &packet);
}

/* Where many are silent TCP is short of room; nobody shall wait for it and miss UDP. */
static void refused(struct glr__notify *notify, struct notify_task *task)
{
	if (task->tcp && !task->port) {
		task->tcp = false;
		glr__notify_pace_ready(&notify->pace, task, NOTIFY_AGAIN);
	} else {
		glr__notify_pace_block(&notify->pace, task);
	}
}

static void pump(struct glr__notify *notify, uint64_t now_ms)
{
	struct notify_task *task;

	if (now_ms >= notify->end_ms)
		return;
	while ((task = glr__notify_pace_next(&notify->pace))) {
		if (send_task(notify, task) == -EAGAIN) {
			refused(notify, task);
			continue;
		}
		glr__notify_pace_sent(&notify->pace, task, now_ms);
		mark_sent(notify, task);
	}
}

static void retry(struct glr__notify *notify, struct notify_task *task)
{
	if (task->tries < UINT_MAX)
		task->tries++;
	if (task->port)
		task->port_tries++;
	if (task->tries >= SAME_PORT_TRIES && (!task->port || task->port_tries >= SAME_PORT_TRIES)) {
		task->tcp = !task->tcp && glr__notify_pace_tcp_free(&notify->pace, task);
		task->port = 0;
	}
	glr__notify_pace_ready(&notify->pace, task, NOTIFY_AGAIN);
}

unsigned glr__notify_tick(glr__notify_t *notify, uint64_t now_ms)
{
	struct notify_task *task;
	uint64_t wait_ms;

	if (now_ms >= notify->end_ms)
		return UINT_MAX;
	while ((task = glr__notify_pace_expire(&notify->pace, now_ms)))
		retry(notify, task);
	glr__notify_pace_unblock(&notify->pace);
	pump(notify, now_ms);
	if (notify->unacknowledged == 0)
		return UINT_MAX;

	wait_ms = glr__notify_pace_event(&notify->pace, now_ms, notify->end_ms) - now_ms;
	return wait_ms < INT_MAX ? wait_ms : INT_MAX;
}

/* ---- answers ----------------------------------------------------------- */

static void acknowledge(struct glr__notify *notify, struct notify_task *task)
{
	struct notify_client *client = task->client;

	task->tries = task->port_tries = 0;
	task->message++;
	if (task->message <= notify->name_count) {
		glr__notify_pace_ready(&notify->pace, task, NOTIFY_FOLLOWING);
		return;
	}
	glr__notify_pace_done(task);
	notify->unacknowledged--;
	client->unacknowledged--;
	if (client->unacknowledged == 0) {
		notify->counts.acknowledged++;
		set_progress(notify, client, GLR__ACKNOWLEDGED);
	}
}

static void rpcbind_answered(struct glr__notify *notify, struct notify_task *task,
			     const struct glr__rpc_reply *reply, bool tcp)
{
	uint16_t port = 0;
	int rc;

	if (task->port)
		return;
	if (task->client->address.family == AF_INET)
		rc = glr__rpc_decode_port(reply, &port);
	else
		rc = glr__rpc_decode_uaddr_port(reply, &port);
	if (rc < 0 || port == 0) {
		/* Not registered yet, or no answer to go by: its timer is running. */
		glr__notify_pace_answered(task);
		return;
	}
	task->tcp = tcp;
	task->port = port;
	task->port_tries = 0;
	glr__notify_pace_ready(&notify->pace, task, task->told ? NOTIFY_FOLLOWING : NOTIFY_TELLING);
}

static void notify_answered(struct glr__notify *notify, struct notify_task *task,
			    const struct glr__rpc_reply *reply)
{
	if (reply->results) {
		acknowledge(notify, task);
		return;
	}
	glr__notify_pace_answered(task);
	task->port = 0; /* something else lives there now */
}

static void client_answered(struct glr__notify *notify, struct notify_client *client, size_t identifier,
			    const struct glr__rpc_reply *reply, bool from_rpcbind)
{
	for (size_t i = 0; i < client->task_count; i++) {
		struct notify_task *task = &client->tasks[i];
		uint32_t message = reply->xid - task->xid;

		if (task->identifier != identifier || task->message > notify->name_count)
			continue;
		if (message < XID_NOTIFY && from_rpcbind)
			rpcbind_answered(notify, task, reply, message == XID_RPCBIND_TCP);
		else if (message == XID_NOTIFY + task->message)
			notify_answered(notify, task, reply);
	}
}

void glr__notify_input(glr__notify_t *notify, size_t identifier, const struct glr_address *from,
		       uint16_t from_port, const uint8_t *bytes, size_t length, uint64_t now_ms)
{
	struct notify_client *client;
	struct glr__rpc_reply reply;

	if (glr__rpc_decode_reply(bytes, length, &reply) < 0)
		return;
	client = glr__notify_clients_at(&notify->clients, from);
	for (; client; client = client->next_at_home)
		client_answered(notify, client, identifier, &reply, from_port == RPCBIND_PORT);
	/* Last: the sink may use the caller's bytes and address for the next connection. */
	pump(notify, now_ms);
}

/* ---- life -------------------------------------------------------------- */

static int copy_names(struct glr__notify *notify, const char *const *names)
{
	size_t count = 0;

	while (names && names[count])
		count++;
	notify->names = calloc(count + 1, sizeof(*notify->names));
	if (!notify->names)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (names[i][0] == '\0' || strlen(names[i]) >= GLR_NAME_MAX)
			return -EINVAL;
		notify->names[i] = strdup(names[i]);
		if (!notify->names[i])
			return -ENOMEM;
		notify->name_count++;
	}
	return 0;
}

int glr__notify_new(const struct glr_address *addresses, size_t address_count, const char *const *names,
		    uint32_t state, uint64_t end_ms, const struct glr__notify_ops *ops,
		    glr__notify_t **notify_out)
{
	struct glr__notify *notify = NULL;
	int rc = -ENOMEM;

	if (address_count == 0)
		return -EINVAL;
	for (size_t i = 0; i < address_count; i++) {
		if (addresses[i].family != AF_INET && addresses[i].family != AF_INET6)
			return -EINVAL;
	}
	notify = calloc(1, sizeof(*notify));
	if (!notify)
		return -ENOMEM;
	notify->ops = *ops;
	notify->state = state;
	notify->end_ms = end_ms;

	notify->identifiers = calloc(address_count, sizeof(*addresses));
	if (!notify->identifiers)
		goto out;
	memcpy(notify->identifiers, addresses, address_count * sizeof(*addresses));
	notify->identifier_count = address_count;
	rc = glr__notify_pace_init(&notify->pace, address_count);
	if (rc < 0)
		goto out;
	rc = copy_names(notify, names);
	if (rc < 0)
		goto out;
	*notify_out = notify;
	notify = NULL;
out:
	glr__notify_free(notify);
	return rc;
}

void glr__notify_free(glr__notify_t *notify)
{
	if (!notify)
		return;
	glr__notify_clients_clear(&notify->clients);
	glr__notify_pace_fini(&notify->pace);
	for (size_t i = 0; i < notify->name_count; i++)
		free(notify->names[i]);
	free(notify->names);
	free(notify->identifiers);
	free(notify);
}

int glr__notify_add(glr__notify_t *notify, const char *name, const struct glr_address *address)
{
	struct notify_client *client = NULL;
	int rc;

	if (name[0] == '\0' || strlen(name) >= GLR_NAME_MAX)
		return -EINVAL;
	if (glr__notify_clients_find(&notify->clients, name))
		return 0;
	rc = glr__notify_clients_add(&notify->clients, name, address, notify->identifiers,
				     notify->identifier_count, &client);
	if (rc < 0)
		return rc;

	notify->counts.clients++;
	if (client->task_count == 0)
		notify->counts.unaddressed++;
	notify->unacknowledged += client->task_count;
	for (size_t i = 0; i < client->task_count; i++)
		glr__notify_pace_ready(&notify->pace, &client->tasks[i], NOTIFY_FRESH);
	return 0;
}

void glr__notify_acknowledged(glr__notify_t *notify, const char *name)
{
	struct notify_client *client = glr__notify_clients_find(&notify->clients, name);

	for (size_t i = 0; client && i < client->task_count; i++) {
		client->tasks[i].message = notify->name_count;
		mark_sent(notify, &client->tasks[i]);
		acknowledge(notify, &client->tasks[i]);
	}
}

void glr__notify_allow(glr__notify_t *notify, size_t count)
{
	notify->pace.allowance = count;
}

size_t glr__notify_allowance(const glr__notify_t *notify)
{
	return notify->pace.allowance;
}

void glr__notify_get_counts(const glr__notify_t *notify, struct glr__notify_counts *counts)
{
	*counts = notify->counts;
}

int glr__notify_progress(const glr__notify_t *notify, const char *name)
{
	const struct notify_client *client = glr__notify_clients_find(&notify->clients, name);

	return client ? (int)client->progress : -ENOENT;
}

bool glr__notify_addressed(const glr__notify_t *notify, const char *name)
{
	const struct notify_client *client = glr__notify_clients_find(&notify->clients, name);

	return client && client->task_count;
}
