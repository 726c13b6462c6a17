/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a client list whose slots hold any records, damage between them included, and going on with it.
 * The input is a program that writes the slots.  What is read back is compared with a reader that knows
 * nothing but the order of the records.
 */
#include "list_slots.h"

#include <errno.h>

#define SESSIONS 3
#define CHANGES 4 /* in each */
#define CHANGES_BYTES (2 * SESSIONS * CHANGES)

/* What the records say about one client. */
struct expected {
	char name[GLR_NAME_MAX];
	bool deleted, missed; /* by what came after its last ADD */
};

static struct {
	struct expected clients[RECORDS_BYTES / 32];
	size_t client_count, adds;
} world;

/* ---- what is expected ------------------------------------------------------------------ */

static struct expected *expected_find(const char *name, size_t length)
{
	for (size_t i = 0; i < world.client_count; i++) {
		struct expected *client = &world.clients[i];

		if (strlen(client->name) == length && !memcmp(client->name, name, length))
			return client;
	}
	return NULL;
}

static void expect_add(const struct glr__client_record *add)
{
	struct expected *client = expected_find(add->name, add->name_length);

	if (!client)
		client = &world.clients[world.client_count++];
	memcpy(client->name, add->name, add->name_length);
	client->name[add->name_length] = '\0';
	client->deleted = false;
	client->missed = add->missed;
	world.adds++;
}

static void expect_record(const struct glr__record *record)
{
	struct glr__client_record add;
	struct expected *client;

	if (record->type == GLR__RECORD_ADD && !glr__record_decode_client(record, &add))
		expect_add(&add);
	if (record->type != GLR__RECORD_DEL && record->type != GLR__RECORD_MISSED)
		return;
	client = expected_find((const char *)record->payload, record->length);
	if (client && record->type == GLR__RECORD_DEL)
		client->deleted = true;
	else if (client)
		client->missed = true;
}

/* What is lost in the middle may have brought back anybody who was deleted before. */
static void expect_damage(void)
{
	for (size_t i = 0; i < world.client_count; i++)
		world.clients[i].deleted = false;
}

static void expect_all(const struct slot *slot)
{
	size_t limit = slot->header.slot_bytes < SLOT_BYTES ? slot->header.slot_bytes : SLOT_BYTES;
	size_t offset = 0, length = (limit & ~(size_t)7) - GLR__LIST_RECORDS;
	struct glr__record record;
	uint64_t sequence = 0;
	bool dirty = false;
	int frame;

	world.client_count = world.adds = 0;
	while (offset + 8 <= length) {
		frame = glr__record_decode(slot->seed, slot->records + offset, length - offset, &record);
		if (frame <= 0) {
			dirty |= glr__get64(slot->records + offset) != 0;
			offset += 8;
			continue;
		}
		if (dirty || record.sequence != sequence + 1)
			expect_damage();
		expect_record(&record);
		dirty = false;
		sequence = record.sequence;
		offset += (size_t)frame;
	}
}

/* ---- what is read ------------------------------------------------------------------------- */

struct reading {
	struct glr_list_facts facts;
	size_t clients, missed, v4;
};

static int read_client(const struct glr_list_client *client, void *arg)
{
	struct expected *expected = expected_find(client->name, strlen(client->name));
	struct reading *reading = arg;

	if (client->kind == GLR_LIST_NFSV4) {
		reading->v4++;
		return 0;
	}
	must(expected);
	must(client->missed == expected->missed);
	must(!expected->deleted || reading->facts.condition > GLR_LIST_TORN);
	expected->deleted = false; /* saved from the damage, and a client like the others from now on */
	reading->clients += !client->missed;
	reading->missed += client->missed;
	return 0;
}

static void compare(const glr_list_t *list)
{
	struct reading reading = {0};

	glr_list_get_facts(list, &reading.facts);
	glr_list_foreach(list, read_client, &reading);
	must(reading.clients == reading.facts.clients && reading.missed == reading.facts.missed);
	must(reading.v4 == reading.facts.v4_clients);
	must(reading.clients + reading.missed <= world.adds);
	for (size_t i = 0; i < world.client_count; i++) {
		const struct expected *client = &world.clients[i];

		must(client->deleted || client->missed || glr_list_contains(list, client->name));
	}
}

/* ---- going on with it ---------------------------------------------------------------------- */

static void change_add(glr_list_t *list, uint8_t choice)
{
	struct glr_address address = client_address(choice);
	char text[GLR_ADDRESS_TEXT_MAX];
	struct glr__client_record add = {.name = client_name(choice, text), .name_length = strlen(text)};
	int rc = glr_list_add(list, text, &address);

	if (!rc)
		expect_add(&add);
	must(rc || glr_list_contains(list, text));
}

static void change_name(glr_list_t *list, uint8_t choice, bool missed)
{
	char text[GLR_ADDRESS_TEXT_MAX];
	struct expected *client;
	int rc;

	client_name(choice, text);
	rc = missed ? glr_list_mark_missed(list, text) : glr_list_remove(list, text);
	if (rc)
		return;
	client = expected_find(text, strlen(text));
	must(client && !glr_list_contains(list, text));
	if (missed)
		client->missed = true;
	else
		client->deleted = true;
}

/* Some steps of what goes on beside the changes; the rest of it is lost when the list is closed. */
static void keep_up(glr_list_t *list, unsigned steps)
{
	struct glr__list_write op;

	while (steps-- && !glr__list_prepare_upkeep(list, &op)) {
		if (op.length) {
			glr__list_upkeep_done(list, glr__list_write(&op));
			continue;
		}
		if (glr__list_prepare_switch(list, &op) || !op.length)
			return;
		glr__list_commit(list, glr__list_write(&op));
	}
}

static void change_v4(glr_list_t *list, uint8_t choice)
{
	struct glr__v4_client client = {.id_length = 1u + choice % NAMES * 64};
	struct glr__list_write op;
	int rc;

	client.id[0] = choice % NAMES;
	switch (choice / NAMES % 4) {
	case 0:
		rc = glr__list_prepare_v4_add(list, &client, &op);
		break;
	case 1:
		rc = glr__list_prepare_v4_remove(list, &client, &op);
		break;
	case 2:
		rc = glr__list_prepare_v4_grace_begin(list, &op);
		break;
	default:
		rc = glr__list_prepare_v4_grace_done(list, &op);
	}
	if (!rc)
		glr__list_commit(list, op.length ? glr__list_write(&op) : 0);
}

static void change(glr_list_t *list, struct input *input)
{
	uint8_t choice = take(input);

	switch (take(input) % 8) {
	case 0:
		change_add(list, choice);
		break;
	case 1:
		change_name(list, choice, false);
		break;
	case 2:
		change_name(list, choice, true);
		break;
	case 3:
		glr_list_begin_epoch(list, choice & 1);
		break;
	case 4:
		glr_list_end_recovery(list);
		break;
	case 5:
		glr_list_compact(list);
		break;
	case 6:
		keep_up(list, choice % 32);
		break;
	default:
		change_v4(list, choice);
	}
}

/* Each session finds what the one before it left. */
static void go_on(const int fds[2], struct input *input)
{
	struct glr_list_facts before = {0}, now;
	glr_list_t *list;

	for (int i = 0; i < SESSIONS; i++) {
		must(glr_list_open(fds[0], fds[1], GROUP, &list) == 0);
		glr_list_get_facts(list, &now);
		/* A damaged list forgets nobody, and lets everybody reclaim. */
		if (i && !written.v4_forged && now.condition == GLR_LIST_SALVAGED)
			must(now.v4_clients >= before.v4_clients);
		else if (i && !written.v4_forged)
			must(now.v4_clients == before.v4_clients &&
			     now.v4_recoverable == before.v4_recoverable);
		compare(list);
		for (int j = 0; j < CHANGES; j++) {
			change(list, input);
			compare(list);
		}
		glr_list_get_facts(list, &before);
		glr_list_close(list);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct input changes = {.at = bytes, .left = length < CHANGES_BYTES ? length : CHANGES_BYTES};
	struct input input = {.at = bytes + changes.left, .left = length - changes.left};
	const int *fds = slots_open();
	const struct slot *slot;
	glr_list_t *list;

	write_slots(fds, &input);
	slot = list_slot();
	if (!slot) {
		must(glr_list_open(fds[0], fds[1], GROUP, &list) == -EBADMSG);
		return 0;
	}
	expect_all(slot);
	go_on(fds, &changes);
	return 0;
}
