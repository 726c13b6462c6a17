/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor over a real list and real cookies.  The input is a program: messages from peers of every
 * kind, writes that return or fail, time, restarts.  Held against it:
 * - nobody but loopback with a privileged port changes anything, or hears success;
 * - who heard success to SM_MON, and was not unmonitored since, is on the disk;
 * - lockd is told of a reboot by the client itself only;
 * - every SM_MON is answered once, in time.
 */
#include "monitor_world.h"

#include <errno.h>

/* ---- messages -------------------------------------------------------------------------------- */

struct change_marks {
	struct glr_list_facts facts;
	size_t cookies;
	const struct glr__list_write *op;
};

static struct change_marks marks(void)
{
	struct change_marks marks = {.cookies = glr__cookies_count(world.cookies), .op = world.op};

	glr_list_get_facts(world.list, &marks.facts);
	return marks;
}

static void must_be_unchanged(const struct change_marks *before)
{
	struct change_marks now = marks();

	must(now.cookies == before->cookies && now.op == before->op);
	must(now.facts.clients == before->facts.clients && now.facts.missed == before->facts.missed);
	must(now.facts.used_bytes == before->facts.used_bytes && now.facts.error == before->facts.error);
}

/* @return whether it is lockd's place to call from */
static bool choose_peer(uint8_t choice, struct glr_address *peer, uint16_t *port)
{
	static const uint16_t ports[] = {700, 1023, 1024, 50000};
	static const char *const texts[] = {"127.0.0.1", "127.9.9.9", "::1", "::2", "fe80::1%3", "192.0.2.1"};
	unsigned which = choice & 0x1f;

	*port = ports[choice >> 6];
	if (which < sizeof(texts) / sizeof(texts[0]))
		must(glr_address_parse(texts[which], peer) == 0);
	else
		*peer = client_address(which);
	return which < 3 && *port < 1024;
}

static void send_message(uint8_t peer_choice, const struct message *message, bool mon, unsigned client)
{
	struct request *request = &world.requests[world.request_count];
	struct change_marks before = marks();
	uint16_t port;

	if (world.request_count == REQUESTS_MAX)
		return;
	request->length = message->length;
	request->from_lockd = choose_peer(peer_choice, &world.peer, &port);
	request->mon = mon && request->from_lockd;
	request->client = client;
	request->due_ms = world.now_ms + GLR__SYNC_DEADLINE_MS;
	world.message = message;
	glr__monitor_request(world.monitor, world.request_count++, &world.peer, port, message->bytes,
			     message->length, world.now_ms);
	world.message = NULL;
	if (!request->from_lockd)
		must_be_unchanged(&before);
}

static void forget_monitored(uint8_t peer_choice, int client)
{
	struct glr_address peer;
	uint16_t port;

	if (!choose_peer(peer_choice, &peer, &port))
		return;
	for (int i = 0; i < NAMES; i++)
		world.monitored[i] &= client >= 0 && client != i;
}

static void send_chosen(struct input *input, uint8_t kind)
{
	uint8_t peer = take(input), choice = take(input);
	char text[GLR_ADDRESS_TEXT_MAX];
	struct message message;

	client_name(choice, text);
	switch (kind) {
	case 0:
		nsm_mon(&message, choice, text, choice);
		break;
	case 1:
		nsm_unmon(&message, choice, text);
		forget_monitored(peer, choice % NAMES);
		break;
	case 2:
		nsm_call(&message, choice, GLR__SM_UNMON_ALL);
		nsm_add_my_id(&message);
		forget_monitored(peer, -1);
		break;
	case 3:
		nsm_call(&message, choice, GLR__SM_STAT);
		add_string(&message, text);
		break;
	case 4:
		nsm_notify(&message, choice, text, choice);
		break;
	case 5:
		nsm_notify(&message, choice, "a.host.name", choice);
		break;
	default:
		nsm_call(&message, choice, choice);
	}
	send_message(peer, &message, kind == 0, choice % NAMES);
}

/* Never lockd's place: whom these messages name is anybody's guess. */
static uint8_t take_stranger(struct input *input)
{
	uint8_t peer = take(input);

	return (peer & 0x1f) < 3 ? peer | 0x80 : peer;
}

/* A message that has been cut, or changed in one place. */
static void send_broken(struct input *input)
{
	uint8_t peer = take_stranger(input), choice = take(input);
	char text[GLR_ADDRESS_TEXT_MAX];
	struct message message;
	uint16_t where;

	if (choice & 0x80)
		nsm_mon(&message, choice, client_name(choice, text), choice);
	else
		nsm_notify(&message, choice, client_name(choice, text), choice);
	where = take16(input);
	message.bytes[where % message.length] ^= take(input);
	if (where & 0x8000)
		message.length = where % message.length;
	send_message(peer, &message, false, 0);
}

static void send_raw(struct input *input)
{
	uint8_t peer = take_stranger(input);
	struct message message;
	const uint8_t *bytes;

	bytes = take_bytes(input, take(input), &message.length);
	memcpy(message.bytes, bytes, message.length);
	send_message(peer, &message, false, 0);
}

/* ---- everything else --------------------------------------------------------------------------- */

static void pass_time(uint64_t ms)
{
	world.now_ms += ms;
	glr__monitor_tick(world.monitor, world.now_ms);
	for (size_t i = 0; i < world.request_count; i++) {
		const struct request *request = &world.requests[i];

		must(!request->mon || request->answered || request->due_ms > world.now_ms);
	}
}

static void write_returns(bool well)
{
	const struct glr__list_write *op = world.op;

	if (!op)
		return;
	world.op = NULL;
	glr__monitor_written(world.monitor, well ? glr__list_write(op) : -5, world.now_ms);
}

static void upkeep_returns(bool well)
{
	const struct glr__list_write *op = world.upkeep_op;

	if (!op)
		return;
	world.upkeep_op = NULL;
	glr__monitor_upkept(world.monitor, well ? glr__list_write(op) : -5, world.now_ms);
}

static void change(struct input *input)
{
	uint8_t choice = take(input);
	enum glr__change kind = choice % 5;
	char text[GLR_ADDRESS_TEXT_MAX];
	int rc;

	client_name(choice / 5, text);
	rc = glr__monitor_change(world.monitor, kind, kind < GLR__CHANGE_END ? text : NULL, world.now_ms);
	must(rc == 0 || (rc == -EPERM && world.frozen));
	world.begin_asked += !rc && kind >= GLR__CHANGE_BEGIN;
}

static void change_v4(struct input *input)
{
	struct glr__v4_client client = {.id_length = 1};
	uint8_t choice = take(input);
	int rc;

	client.id[0] = choice / 4;
	client.has_hash = choice & 0x80;
	rc = glr__monitor_v4(world.monitor, choice % 4, &client, world.now_ms);
	must(rc == 0 || rc == -EBUSY);
	world.v4_asked += !rc;
	must(world.v4_done <= world.v4_asked && world.v4_asked <= world.v4_done + 1);
}

static void freeze(void)
{
	glr__monitor_freeze(world.monitor);
	must(glr__cookies_set_frozen(world.cookies, true) == 0);
	world.frozen = true;
}

static void rare(struct input *input)
{
	switch (take(input)) {
	case 0xff:
		freeze();
		break;
	case 0xfe:
		write_returns(false);
		break;
	case 0xfd:
		upkeep_returns(false);
		break;
	default:
		change_v4(input);
	}
}

static void step(struct input *input)
{
	uint8_t kind = take(input) & 0x0f;

	switch (kind) {
	case 7:
		send_broken(input);
		break;
	case 8:
		send_raw(input);
		break;
	case 9:
	case 10:
		write_returns(true);
		break;
	case 11:
		upkeep_returns(true);
		break;
	case 12:
		pass_time(take(input) * (input->left % 3 ? 10 : 1000));
		break;
	case 13:
		change(input);
		break;
	case 14:
		close_monitor();
		open_monitor();
		break;
	case 15:
		rare(input);
		break;
	default:
		send_chosen(input, kind);
	}
}

/* The disk does what it has to do: everything asked is answered. */
static void settle(void)
{
	while (world.op || world.upkeep_op) {
		write_returns(true);
		upkeep_returns(true);
	}
	must(world.v4_done == world.v4_asked);
	must(world.begun == world.begin_asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct input input = {.at = bytes, .left = length};

	make_world();
	while (input.left > 0 && world.request_count < REQUESTS_MAX)
		step(&input);
	pass_time(GLR__SYNC_DEADLINE_MS);
	settle();
	close_monitor();
	for (unsigned i = 0; i < NAMES; i++) {
		if (world.monitored[i])
			must_be_on_disk(i);
	}
	return 0;
}
