/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify_sim.h"
#include "rpc_message.h"
#include "rpcmsg.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define RPCBIND_PORT 111
#define MONITOR_PORT 40000
#define MOVED_PORT 40001

struct sim_event {
	uint64_t due_us, serial;
	size_t identifier;
	struct sim_host *from;
	uint16_t port;
	size_t length;
	uint8_t bytes[96];
};

/* ---- events: a heap ------------------------------------------------------ */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->serial < b->serial;
}

static void swap_events(struct sim_event *a, struct sim_event *b)
{
	struct sim_event c = *a;

	*a = *b;
	*b = c;
}

static void push_event(struct sim *sim, struct sim_event *event)
{
	size_t i = sim->event_count++;

	if (sim->event_count > sim->event_room) {
		sim->event_room = sim->event_room ? sim->event_room * 2 : 64;
		sim->events = realloc(sim->events, sim->event_room * sizeof(*event));
	}
	event->serial = sim->event_serial++;
	sim->events[i] = *event;
	for (; i > 0 && earlier(&sim->events[i], &sim->events[(i - 1) / 2]); i = (i - 1) / 2)
		swap_events(&sim->events[i], &sim->events[(i - 1) / 2]);
	if (sim->event_count > sim->answers_max)
		sim->answers_max = sim->event_count;
}

static struct sim_event pop_event(struct sim *sim)
{
	struct sim_event first = sim->events[0];
	size_t i = 0, child;

	sim->events[0] = sim->events[--sim->event_count];
	for (; (child = 2 * i + 1) < sim->event_count; i = child) {
		if (child + 1 < sim->event_count && earlier(&sim->events[child + 1], &sim->events[child]))
			child++;
		if (!earlier(&sim->events[child], &sim->events[i]))
			break;
		swap_events(&sim->events[i], &sim->events[child]);
	}
	return first;
}

/* ---- hosts ---------------------------------------------------------------- */

static bool lost(struct sim *sim)
{
	return sim->loss_percent && (unsigned)rand_r(&sim->seed) % 100 < sim->loss_percent;
}

static uint16_t monitor_port(const struct sim *sim, const struct sim_host *host)
{
	if (sim_now_ms(sim) < host->registered_ms)
		return 0;
	return host->moved_ms && sim_now_ms(sim) >= host->moved_ms ? MOVED_PORT : MONITOR_PORT;
}

/* @return length of the reply */
static size_t ask_rpcbind(const struct sim *sim, struct sim_host *host, const struct glr__rpc_call *call,
			  bool tcp, uint8_t *reply, size_t size)
{
	uint16_t port = monitor_port(sim, host);
	bool ipv4 = host->address.family == AF_INET;
	struct message message;
	char uaddr[GLR_ADDRESS_TEXT_MAX + 16] = "";
	uint32_t protocol;

	host->queries++;
	if (host->mismatch)
		return glr__rpc_encode_error(call->xid, 2, reply, size);
	ck_assert_uint_eq(call->proc, 3);
	ck_assert_uint_eq(call->vers, ipv4 ? 2 : 4);
	begin_reply(&message, call->xid);
	if (ipv4) {
		memcpy(&protocol, call->args + 8, sizeof(protocol));
		ck_assert_uint_eq(be32toh(protocol), tcp ? 6 : 17);
		add_u32(&message, port);
	} else {
		ck_assert_mem_eq(call->args + 12, tcp ? "tcp6" : "udp6", 4);
		if (port)
			snprintf(uaddr, sizeof(uaddr), "%s.%u.%u", host->name, port >> 8, port & 255);
		add_string(&message, uaddr);
	}
	ck_assert_uint_le(message.length, size);
	memcpy(reply, message.bytes, message.length);
	return message.length;
}

static size_t ask_monitor(const struct sim *sim, struct sim_host *host, const struct glr__rpc_call *call,
			  size_t identifier, uint16_t port, uint8_t *reply, size_t size)
{
	struct glr__sm_notify args;

	if (port != monitor_port(sim, host))
		return host->reused ? glr__rpc_encode_error(call->xid, 1, reply, size) : 0;
	ck_assert_uint_eq(call->prog, GLR__NSM_PROG);
	ck_assert_uint_eq(call->proc, GLR__SM_NOTIFY);
	ck_assert_int_eq(glr__rpc_decode_sm_notify(call, &args), 0);
	host->notifies++;
	if (host->heard_count < SIM_NAMES_MAX) {
		host->heard[host->heard_count].identifier = identifier;
		host->heard[host->heard_count].state = args.state;
		ck_assert_uint_lt(strlen(args.mon_name), GLR_ADDRESS_TEXT_MAX);
		strcpy(host->heard[host->heard_count].name, args.mon_name);
		host->heard_count++;
	}
	return glr__rpc_encode_void(call->xid, reply, size);
}

static struct sim_host *find_host(const struct sim *sim, const struct glr_address *address)
{
	const uint8_t *low = address->bytes + (address->family == AF_INET ? 1 : 13);
	size_t number = low[0] << 16 | low[1] << 8 | low[2];

	ck_assert_uint_lt(number, sim->host_count);
	ck_assert(glr_address_equal(&sim->hosts[number].address, address));
	return &sim->hosts[number];
}

static bool sink_full(struct sim *sim, size_t identifier, bool tcp)
{
	if (sim->refused[identifier])
		return true;
	if (tcp)
		return sim->tcp_refused;
	if (sim->room_ms != sim_now_ms(sim)) {
		sim->room_ms = sim_now_ms(sim);
		sim->udp_taken = 0;
	}
	if (sim->udp_room && sim->udp_taken >= sim->udp_room)
		return true;
	sim->udp_taken++;
	return false;
}

static int sim_send(void *arg, const struct glr__notify_packet *packet)
{
	struct sim *sim = arg;
	struct sim_host *host = find_host(sim, &packet->to);
	struct sim_event event = {.identifier = packet->identifier, .from = host, .port = packet->to_port};
	struct glr__rpc_call call;

	if (sink_full(sim, packet->identifier, packet->tcp)) {
		sim->refusals++;
		return -EAGAIN;
	}
	sim->now_us += sim->packet_us;
	sim->packets++;
	sim->tcp_packets += packet->tcp;
	sim->last_send_ms = sim_now_ms(sim);
	ck_assert_uint_eq(sim->identifiers[packet->identifier].family, host->address.family);
	ck_assert_uint_le(packet->length, sizeof(sim->kept_bytes));
	sim->kept = *packet;
	memcpy(sim->kept_bytes, packet->bytes, packet->length);
	if (sim->watch)
		sim->watch(sim, packet);
	host->last_ms = sim_now_ms(sim);
	if (host->first_ms == UINT64_MAX)
		host->first_ms = host->last_ms;
	if (host->silent || (host->no_udp && !packet->tcp) || lost(sim))
		return 0;

	event.due_us = sim->now_us + sim->rtt_us;
	ck_assert_int_eq(glr__rpc_decode_call(packet->bytes, packet->length, &call), 0);
	if (packet->to_port == RPCBIND_PORT) {
		event.due_us += host->rpcbind_wait_us;
		event.length = ask_rpcbind(sim, host, &call, packet->tcp, event.bytes, sizeof(event.bytes));
	} else {
		event.due_us += host->monitor_wait_us;
		event.length = ask_monitor(sim, host, &call, packet->identifier, packet->to_port, event.bytes,
					   sizeof(event.bytes));
	}
	if (event.length == 0 || lost(sim))
		return 0;
	push_event(sim, &event);
	if (sim->twice)
		push_event(sim, &event);
	return 0;
}

static void sim_progress(void *arg, const char *name, enum glr__progress progress)
{
	struct sim *sim = arg;
	struct glr_address address;
	struct sim_host *host;

	ck_assert_int_eq(glr_address_parse(name, &address), 0);
	host = find_host(sim, &address);
	if (progress != host->progress + 1)
		sim->progress_errors++;
	host->progress = progress;
}

/* ---- life ----------------------------------------------------------------- */

uint64_t sim_now_ms(const struct sim *sim)
{
	return sim->now_us / 1000;
}

struct glr_address sim_address(sa_family_t family, uint32_t number)
{
	struct glr_address address = {.family = family};
	uint8_t *low = address.bytes + (family == AF_INET ? 1 : 13);

	address.bytes[0] = family == AF_INET ? 10 : 0xfd;
	low[0] = number >> 16;
	low[1] = number >> 8;
	low[2] = number;
	return address;
}

void sim_init(struct sim *sim, size_t host_count)
{
	memset(sim, 0, sizeof(*sim));
	sim->identifiers[0] = (struct glr_address){.family = AF_INET, .bytes = {10, 99, 0, 101}};
	sim->identifier_count = 1;
	sim->end_ms = 60000;
	sim->rtt_us = 200;
	sim->seed = 1;
	sim->host_count = host_count;
	sim->hosts = calloc(host_count, sizeof(*sim->hosts));
	for (size_t i = 0; i < host_count; i++) {
		sim->hosts[i].address = sim_address(AF_INET, i);
		sim->hosts[i].first_ms = UINT64_MAX;
	}
}

void sim_start(struct sim *sim)
{
	struct glr__notify_ops ops = {.send = sim_send, .progress = sim_progress, .arg = sim};

	ck_assert_int_eq(glr__notify_new(sim->identifiers, sim->identifier_count, sim->names, SIM_STATE,
					 sim->end_ms, &ops, &sim->notify),
			 0);
	for (size_t i = 0; i < sim->host_count; i++) {
		struct sim_host *host = &sim->hosts[i];

		glr_address_text(&host->address, host->name);
		ck_assert_int_eq(glr__notify_add(sim->notify, host->name, &host->address), 0);
	}
}

void sim_run(struct sim *sim, uint64_t until_ms)
{
	uint64_t until_us = until_ms * 1000;

	while (sim->now_us < until_us) {
		unsigned wait_ms = glr__notify_tick(sim->notify, sim_now_ms(sim));
		uint64_t wake_us = UINT64_MAX;

		if (wait_ms != UINT_MAX) {
			ck_assert_uint_gt(wait_ms, 0);
			wake_us = (sim_now_ms(sim) + wait_ms) * 1000;
		}
		if (sim->event_count && sim->events[0].due_us < wake_us)
			wake_us = sim->events[0].due_us;
		if (wake_us == UINT64_MAX)
			return;
		if (wake_us > sim->now_us)
			sim->now_us = wake_us < until_us ? wake_us : until_us;
		while (sim->event_count && sim->events[0].due_us <= sim->now_us) {
			struct sim_event event = pop_event(sim);

			sim->now_us += sim->packet_us;
			glr__notify_input(sim->notify, event.identifier, &event.from->address, event.port,
					  event.bytes, event.length, sim_now_ms(sim));
		}
	}
}

void sim_assert_counts(const struct sim *sim, size_t want_told, size_t want_acknowledged)
{
	struct glr__notify_counts counts;

	glr__notify_get_counts(sim->notify, &counts);
	ck_assert_uint_eq(counts.told, want_told);
	ck_assert_uint_eq(counts.acknowledged, want_acknowledged);
}

void sim_assert_heard_once(const struct sim *sim, const struct sim_host *host, size_t name_count)
{
	size_t at = 0;

	for (size_t i = 0; i < sim->identifier_count; i++) {
		char text[GLR_ADDRESS_TEXT_MAX];
		size_t found = 0;

		if (sim->identifiers[i].family != host->address.family)
			continue;
		glr_address_text(&sim->identifiers[i], text);
		for (size_t j = 0; j < host->heard_count; j++) {
			if (host->heard[j].identifier != i)
				continue;
			ck_assert_str_eq(host->heard[j].name, found ? sim->names[found - 1] : text);
			ck_assert_uint_eq(host->heard[j].state, SIM_STATE);
			found++;
		}
		ck_assert_uint_eq(found, 1 + name_count);
		at += found;
	}
	ck_assert_uint_eq(host->heard_count, at);
	ck_assert_int_eq(host->progress, at ? GLR__ACKNOWLEDGED : GLR__WAITING);
}

uint32_t sim_kept_xid(const struct sim *sim)
{
	struct glr__rpc_call call;

	ck_assert_int_eq(glr__rpc_decode_call(sim->kept_bytes, sim->kept.length, &call), 0);
	return call.xid;
}

void sim_forge(struct sim *sim, uint32_t xid, size_t identifier, const struct glr_address *from,
	       uint16_t port)
{
	struct message message;

	begin_reply(&message, xid);
	add_u32(&message, MONITOR_PORT);
	glr__notify_input(sim->notify, identifier, from, port, message.bytes, message.length,
			  sim_now_ms(sim));
}

void sim_fini(struct sim *sim)
{
	glr__notify_free(sim->notify);
	free(sim->hosts);
	free(sim->events);
}
