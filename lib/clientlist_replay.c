/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the client list back, damaged or not.  glr-clients(5). */
#include "clientlist_private.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define WINDOW_BYTES 262144
#define SECTOR 512
/* Lost records may have been epochs, and clients ignore a state they know: more epochs than any damage hides.
 */
#define STATES_SKIPPED 0x10000

struct replay {
	glr_list_t *list;
	uint64_t limit; /* where the slot, or the file, ends */
	bool cut;	/* the file is shorter than the slot was made */
	uint64_t base;	/* of the window in the file */
	size_t filled;
	uint8_t *window;
	uint32_t damages; /* places where records are missing, so far */
};

size_t glr__list_entry_frame(size_t name_length)
{
	struct glr__client_record client = {.name = "", .name_length = 0};
	uint8_t payload[64];

	return glr__record_frame((size_t)glr__record_encode_client(&client, payload, sizeof(payload)) +
				 name_length);
}

struct glr__list_entry *glr__list_entry_new(const char *name, size_t length,
					    const struct glr_address *address)
{
	struct glr__list_entry *entry = calloc(1, sizeof(*entry) + length + 1);

	if (!entry)
		return NULL;
	memcpy(entry->name, name, length);
	entry->node.name = entry->name;
	entry->address = *address;
	return entry;
}

/* ---- the records, one after the other -------------------------------------- */

static struct glr__list_entry *find(const glr_list_t *list, const char *name, size_t length)
{
	return (struct glr__list_entry *)glr__table_find_key(&list->table, name, length);
}

static int replay_add(struct replay *replay, const struct glr__client_record *client)
{
	glr_list_t *list = replay->list;
	struct glr__list_entry *entry = find(list, client->name, client->name_length);
	int rc;

	if (entry && entry->struck_at) {
		glr__table_remove(&list->table, &entry->node);
		free(entry);
		entry = NULL;
	}
	if (!entry) {
		rc = glr__table_reserve(&list->table);
		if (rc)
			return rc;
		entry = glr__list_entry_new(client->name, client->name_length, &client->address);
		if (!entry)
			return -ENOMEM;
		glr__table_insert(&list->table, &entry->node);
	}
	entry->address = client->address;
	entry->missed = client->missed;
	return 0;
}

static int replay_epoch(glr_list_t *list, const struct glr__record *record)
{
	if (record->length != 16)
		return -EBADMSG;
	list->now.epoch = glr__get64(record->payload);
	list->now.nsm_state = glr__get32(record->payload + 8);
	list->now.flags = glr__get32(record->payload + 12);
	list->damage_told = list->now.flags & GLR__LIST_SALVAGED;
	return 0;
}

/* @return 0, -ENOMEM, or -EBADMSG when the record means nothing */
static int replay_record(struct replay *replay, const struct glr__record *record)
{
	glr_list_t *list = replay->list;
	struct glr__client_record client;
	struct glr__list_entry *entry;
	int rc = 0;

	switch (record->type) {
	case GLR__RECORD_ADD:
		rc = glr__record_decode_client(record, &client);
		return rc ? rc : replay_add(replay, &client);
	case GLR__RECORD_DEL:
		entry = find(list, (const char *)record->payload, record->length);
		if (entry)
			entry->struck_at = replay->damages + 1;
		return 0;
	case GLR__RECORD_MISSED:
		entry = find(list, (const char *)record->payload, record->length);
		if (entry)
			entry->missed = true;
		return 0;
	case GLR__RECORD_EPOCH:
		return replay_epoch(list, record);
	case GLR__RECORD_END:
		list->now.flags = GLR__LIST_ENDED;
		return 0;
	case GLR__RECORD_V4_CLIENT:
	case GLR__RECORD_V4_GRACE:
		return glr__list_v4_replay(list, record, replay->damages);
	default:
		return -EBADMSG;
	}
}

/* ---- the file, through a window ---------------------------------------------- */

/* @param available bytes at offset, at least a whole record where the file goes on so long */
static int look(struct replay *replay, uint64_t offset, const uint8_t **bytes, size_t *available)
{
	uint64_t length = replay->limit - offset;
	size_t wanted = length < GLR__RECORD_FRAME_MAX ? (size_t)length : GLR__RECORD_FRAME_MAX;
	int rc;

	if (offset < replay->base || offset + wanted > replay->base + replay->filled) {
		if (length > WINDOW_BYTES)
			length = WINDOW_BYTES;
		rc = glr__pread_all(replay->list->fds[replay->list->slot], replay->window, (size_t)length,
				    (off_t)offset, &replay->filled);
		if (rc)
			return rc;
		/* The file became shorter under us. */
		if (replay->filled < length)
			return -EIO;
		replay->base = offset;
	}
	*bytes = replay->window + (offset - replay->base);
	*available = (size_t)(replay->base + replay->filled - offset);
	return 0;
}

/*
 * Looks for the next valid record from offset on, at every place where one could be.
 * @param next where it is; the limit when there is none
 * @param dirty_end behind the last byte that is not zero, from offset to there
 */
static int find_valid(struct replay *replay, uint64_t offset, uint64_t *next, uint64_t *dirty_end)
{
	struct glr__record record;
	const uint8_t *bytes;
	size_t available;
	int rc;

	*dirty_end = offset;
	for (; offset + 8 <= replay->limit; offset += 8) {
		rc = look(replay, offset, &bytes, &available);
		if (rc)
			return rc;
		/* Most of a slot is zeros. */
		for (; available >= 16 && glr__get64(bytes) == 0; available -= 8, bytes += 8)
			offset += 8;
		if (glr__get64(bytes) == 0)
			continue;
		if (glr__record_decode(replay->list->seed, bytes, available, &record) > 0)
			break;
		*dirty_end = offset + 8;
	}
	*next = offset + 8 <= replay->limit ? offset : replay->limit;
	return 0;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
	while (length > 0 && *bytes == 0)
		bytes++, length--;
	return length == 0;
}

/*
 * Is what lies at the end, not valid, a write that a power failure cut off?  Then a sector of it, or its end,
 * was never written and is zero as the slot was before.  Anything else, such as a flipped bit, may be a
 * client that was acknowledged, and is not to be taken lightly.
 */
static int is_torn(struct replay *replay, uint64_t offset, uint64_t dirty_end, bool *torn)
{
	uint64_t frame, from, to;
	const uint8_t *bytes;
	size_t available;
	int rc;

	*torn = false;
	rc = look(replay, offset, &bytes, &available);
	if (rc || dirty_end - offset > sizeof(((struct glr__list_write *)NULL)->bytes))
		return rc;
	frame = glr__record_declared(bytes, available);
	if (frame == 0) {
		to = (offset / SECTOR + 1) * SECTOR;
		*torn = dirty_end > to && is_zero(bytes, (size_t)(to - offset));
		return 0;
	}
	if (frame > available || dirty_end > offset + frame)
		return 0;
	/* In the last 16 bytes of every record more than one bit is set. */
	*torn = is_zero(bytes + frame - 16, 16);
	for (from = offset; from < offset + frame && !*torn; from = to) {
		to = (from / SECTOR + 1) * SECTOR;
		if (to > offset + frame)
			to = offset + frame;
		*torn = is_zero(bytes + (from - offset), (size_t)(to - from));
	}
	return 0;
}

/* ---- the whole ------------------------------------------------------------------ */

static int replay_tail(struct replay *replay, uint64_t dirty_end)
{
	glr_list_t *list = replay->list;
	bool torn;
	int rc;

	/* Nobody makes a slot shorter: there may have been records in what is gone. */
	if (replay->cut) {
		replay->damages++;
		return 0;
	}
	if (dirty_end == list->end)
		return 0;
	rc = is_torn(replay, list->end, dirty_end, &torn);
	if (rc)
		return rc;
	if (!torn) {
		replay->damages++;
		return 0;
	}
	list->condition = GLR_LIST_TORN;
	if (!list->writable || replay->damages)
		return 0;
	/* Off the disk before anything is appended, or its remains might look like damage later. */
	list->error = glr__list_wipe(list->fds[list->slot], list->end, dirty_end);
	return 0;
}

static int replay_records(struct replay *replay)
{
	glr_list_t *list = replay->list;
	uint64_t offset = GLR__LIST_RECORDS;
	uint64_t next, dirty_end;
	struct glr__record record;
	const uint8_t *bytes;
	size_t available;
	int frame = 0;
	int rc;

	for (;;) {
		rc = look(replay, offset, &bytes, &available);
		if (rc)
			return rc;
		frame = glr__record_decode(list->seed, bytes, available, &record);
		if (frame > 0) {
			if (record.sequence != list->sequence + 1)
				replay->damages++;
			list->sequence = record.sequence;
			rc = replay_record(replay, &record);
			if (rc == -EBADMSG)
				replay->damages++;
			else if (rc)
				return rc;
			offset += (uint64_t)frame;
			list->end = offset;
			continue;
		}
		rc = find_valid(replay, offset, &next, &dirty_end);
		if (rc)
			return rc;
		if (next >= replay->limit)
			return replay_tail(replay, dirty_end);
		replay->damages++;
		offset = next;
	}
}

/*
 * Strikes off who was deleted.  A DEL before a damaged place is not carried out: the damaged record may have
 * been a later ADD of the same client, and a name too many is harmless.  MISSED is, wherever it stands: a
 * client that is told to reclaim after its lock went to another would take it away from that one.
 */
static void settle(struct replay *replay)
{
	glr_list_t *list = replay->list;
	struct glr__list_entry *entry;
	struct glr__node *node, *next;

	for (node = list->table.first; node; node = next) {
		next = node->next;
		entry = (struct glr__list_entry *)node;
		if (entry->struck_at == replay->damages + 1) {
			glr__table_remove(&list->table, node);
			free(entry);
			continue;
		}
		entry->struck_at = 0;
		list->missed += entry->missed;
		list->live_bytes += glr__list_entry_frame(strlen(entry->name));
	}
	if (replay->damages) {
		list->must_move = true;
		list->damaged_slots |= 1u << list->slot;
	}
	glr__list_v4_settle(list, replay->damages);
	if (list->damaged_slots) {
		list->now.flags |= GLR__LIST_SALVAGED;
		list->now.nsm_state += STATES_SKIPPED;
	}
	if (list->now.flags & GLR__LIST_MISSING)
		list->condition = GLR_LIST_MISSING;
	if (list->now.flags & GLR__LIST_SALVAGED)
		list->condition = GLR_LIST_SALVAGED;
}

int glr__list_replay(glr_list_t *list)
{
	struct replay replay = {.list = list};
	uint64_t size;
	int rc;

	rc = glr__file_size(list->fds[list->slot], &size);
	if (rc)
		return rc;
	replay.cut = size < list->now.slot_bytes;
	replay.limit = (replay.cut ? size : list->now.slot_bytes) & ~(uint64_t)7;
	if (replay.limit < GLR__LIST_RECORDS)
		replay.limit = GLR__LIST_RECORDS;
	list->end = GLR__LIST_RECORDS;
	list->seed = glr__record_seed(list->now.salt, list->now.generation);
	list->damage_told = list->now.flags & GLR__LIST_SALVAGED;

	replay.window = malloc(WINDOW_BYTES);
	if (!replay.window)
		return -ENOMEM;
	rc = replay_records(&replay);
	free(replay.window);
	if (!rc)
		settle(&replay);
	return rc;
}
