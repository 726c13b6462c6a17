/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor_world.h"

struct world world;

/* ---- what the monitor asks for ------------------------------------------------------------ */

void must_be_on_disk(unsigned client)
{
	const int *fds = slots_open();
	char text[GLR_ADDRESS_TEXT_MAX];
	glr_list_t *list;

	must(glr_list_open(fds[0], fds[1], GROUP, &list) == 0);
	must(glr_list_contains(list, client_name(client, text)));
	glr_list_close(list);
}

static void on_send(void *arg, uint64_t token, const uint8_t *reply, size_t length)
{
	struct request *request = &world.requests[token];
	bool accepted = length >= 24 && word_at(reply, 2) == 0, done;

	must(token < world.request_count && !request->answered);
	request->answered = true;
	must(length <= request->length);
	must(length >= 20 && word_at(reply, 1) == 1);
	done = accepted && word_at(reply, 5) == 0;
	if (done && !request->from_lockd)
		must(length == 24); /* nothing but "heard" */
	if (!request->mon || !done)
		return;
	must(length == 32 && word_at(reply, 6) <= 1 && word_at(reply, 7) == LOCAL_STATE);
	if (word_at(reply, 6))
		return;
	must(!world.frozen);
	if (!world.monitored[request->client])
		must_be_on_disk(request->client);
	world.monitored[request->client] = true;
}

static void on_write(void *arg, const struct glr__list_write *op)
{
	must(!world.op && op->length <= sizeof(op->bytes));
	world.op = op;
}

static void on_upkeep(void *arg, const struct glr__list_write *op)
{
	must(!world.upkeep_op && op->length > 0);
	world.upkeep_op = op;
}

static void on_v4_done(void *arg, int result)
{
	world.v4_done++;
}

static void on_begun(void *arg, int result)
{
	world.begun++;
}

static void on_downcall(void *arg, const struct glr__cookie *cookie, uint32_t state)
{
	struct glr_address address, named;
	struct glr__sm_notify args;
	struct glr__rpc_call call;

	must(world.message);
	must(glr_address_parse(cookie->name, &address) == 0 && glr_address_equal(&address, &world.peer));
	must(glr__rpc_decode_call(world.message->bytes, world.message->length, &call) == 0);
	must(call.proc == GLR__SM_NOTIFY && glr__rpc_decode_sm_notify(&call, &args) == 0);
	must(args.state == state);
	must(glr_address_parse(args.mon_name, &named) || glr_address_equal(&named, &world.peer));
}

static void on_seen(void *arg, const char *name)
{
}

static uint32_t on_local_state(void *arg)
{
	return LOCAL_STATE;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void open_monitor(void)
{
	const struct glr__monitor_ops ops = {.send = on_send,
					     .write = on_write,
					     .upkeep = on_upkeep,
					     .v4_done = on_v4_done,
					     .begun = on_begun,
					     .downcall = on_downcall,
					     .seen = on_seen,
					     .local_state = on_local_state};
	const int *fds = slots_open();

	must(glr_list_open(fds[0], fds[1], GROUP, &world.list) == 0);
	must(glr__cookies_open(world.cookies_fd, &world.cookies) == 0);
	must(glr__cookies_whole(world.cookies));
	must(glr__monitor_new(world.list, world.cookies, &ops, &world.monitor) == 0);
}

void close_monitor(void)
{
	glr__monitor_free(world.monitor);
	glr__cookies_close(world.cookies);
	glr_list_close(world.list);
	world.op = world.upkeep_op = NULL;
	world.v4_done = world.v4_asked;
	world.begun = world.begin_asked;
	for (size_t i = 0; i < world.request_count; i++)
		world.requests[i].answered = true;
}

void make_world(void)
{
	static const uint8_t nothing[SLOT_BYTES - GLR__LIST_RECORDS];
	const int *fds = slots_open();
	int cookies_fd = world.cookies_fd;

	if (!cookies_fd)
		cookies_fd = memfd_create("cookies", MFD_CLOEXEC);
	must(cookies_fd >= 0 && ftruncate(cookies_fd, 0) == 0);
	memset(&world, 0, sizeof(world));
	world.cookies_fd = cookies_fd;
	world.now_ms = 1000000;
	for (unsigned i = 0; i < 2; i++) {
		struct glr__list_header header = {
			.group = GROUP, .generation = 1 - i, .salt = 7 + i, .slot_bytes = SLOT_BYTES};

		slots_fill(fds, (int)i, &header, nothing);
	}
	open_monitor();
}
