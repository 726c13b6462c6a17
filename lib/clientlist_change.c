/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changing the client list: prepared in memory, written by anybody, committed.  glr-clients(5). */
#include "clientlist_private.h"

#include <errno.h>
#include <stdlib.h>

/* Below this, dead records are not worth a rewriting in a takeover. */
#define DEAD_BYTES_WORTH 65536

static struct glr__list_entry *find(const glr_list_t *list, const char *name)
{
	return (struct glr__list_entry *)glr__table_find(&list->table, name);
}

static bool name_valid(const char *name)
{
	size_t length = strnlen(name, GLR_NAME_MAX);
	size_t i;

	if (length == 0 || length == GLR_NAME_MAX)
		return false;
	for (i = 0; i < length; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return true;
}

int glr__list_check_ready(const glr_list_t *list)
{
	if (list->pending.active)
		return -EBUSY;
	if (!list->writable)
		return -EROFS;
	return list->error;
}

int glr__list_make_room(glr_list_t *list, uint64_t bytes)
{
	if (!list->must_move && list->end + bytes <= list->now.slot_bytes)
		return 0;
	return glr__list_want_room(list, bytes);
}

int glr__list_prepare(glr_list_t *list, const struct glr__list_pending *pending, const uint8_t *payload,
		      size_t length, struct glr__list_write *op)
{
	struct glr__record record = {
		.type = pending->type,
		.sequence = list->sequence + 1,
		.payload = payload,
		.length = length,
	};
	int frame = glr__record_encode(list->seed, &record, op->bytes, sizeof(op->bytes));

	if (frame < 0)
		return frame;
	op->fd = list->fds[list->slot];
	op->offset = (off_t)list->end;
	op->length = (size_t)frame;
	op->other_fd = list->fds[!list->slot];
	op->generation = list->now.generation;
	op->upkeep = NULL;
	list->pending = *pending;
	list->pending.frame = (size_t)frame;
	list->pending.active = true;
	return 0;
}

int glr__list_prepare_add(glr_list_t *list, const char *name, const struct glr_address *address,
			  struct glr__list_write *op)
{
	struct glr__list_pending pending = {.type = GLR__RECORD_ADD, .address = *address};
	struct glr__client_record client = {.name = name, .address = *address};
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX];
	int length;
	int rc;

	op->length = 0;
	if (!name_valid(name))
		return -EINVAL;
	if (list->pending.active)
		return -EBUSY;
	pending.entry = find(list, name);
	if (pending.entry && !pending.entry->missed && glr_address_equal(&pending.entry->address, address))
		return 0;
	rc = glr__list_check_ready(list);
	if (rc)
		return rc;
	client.name_length = strlen(name);
	rc = glr__list_make_room(list, glr__list_entry_frame(client.name_length) + GLR__LIST_RESERVE);
	if (rc)
		return rc;
	length = glr__record_encode_client(&client, payload, sizeof(payload));
	if (length < 0)
		return length;
	/* What needs memory comes before the write: a commit cannot fail. */
	if (!pending.entry) {
		rc = glr__table_reserve(&list->table);
		if (rc)
			return rc;
		pending.entry = glr__list_entry_new(name, client.name_length, address);
		if (!pending.entry)
			return -ENOMEM;
		pending.new_entry = true;
	}
	rc = glr__list_prepare(list, &pending, payload, (size_t)length, op);
	if (rc && pending.new_entry)
		free(pending.entry);
	return rc;
}

static int prepare_named(glr_list_t *list, uint8_t type, const char *name, struct glr__list_write *op)
{
	struct glr__list_pending pending = {.type = type};
	size_t length = strlen(name);
	int rc;

	op->length = 0;
	if (list->pending.active)
		return -EBUSY;
	pending.entry = find(list, name);
	if (!pending.entry)
		return -ENOENT;
	if (type == GLR__RECORD_MISSED && pending.entry->missed)
		return 0;
	rc = glr__list_check_ready(list);
	if (!rc)
		rc = glr__list_make_room(list, glr__record_frame(length));
	return rc ? rc : glr__list_prepare(list, &pending, (const uint8_t *)name, length, op);
}

int glr__list_prepare_remove(glr_list_t *list, const char *name, struct glr__list_write *op)
{
	return prepare_named(list, GLR__RECORD_DEL, name, op);
}

int glr__list_prepare_missed(glr_list_t *list, const char *name, struct glr__list_write *op)
{
	return prepare_named(list, GLR__RECORD_MISSED, name, op);
}

int glr__list_prepare_end(glr_list_t *list, struct glr__list_write *op)
{
	struct glr__list_pending pending = {.type = GLR__RECORD_END};
	uint8_t payload[8];
	int rc;

	op->length = 0;
	rc = glr__list_check_ready(list);
	if (!rc)
		rc = glr__list_make_room(list, glr__record_frame(sizeof(payload)));
	if (rc)
		return rc;
	glr__put64(payload, list->now.epoch);
	return glr__list_prepare(list, &pending, payload, sizeof(payload), op);
}

/* The slot that lost its header would be overwritten: not before that was reported, and a copy could be kept.
 */
static bool worth_rewriting(const glr_list_t *list)
{
	if (list->other_lost)
		return list->damage_told;
	return list->end - GLR__LIST_RECORDS - glr__list_live(list) > DEAD_BYTES_WORTH;
}

int glr__list_prepare_begin(glr_list_t *list, bool fresh, struct glr__list_write *op)
{
	struct glr__list_pending pending = {.type = GLR__RECORD_EPOCH};
	uint8_t payload[16];
	int rc;

	op->length = 0;
	rc = glr__list_check_ready(list);
	if (rc)
		return rc;
	list->file_system_full = false;
	if (worth_rewriting(list))
		list->rewriting_wanted = true;
	rc = glr__list_make_room(list, glr__record_frame(sizeof(payload)));
	if (rc)
		return rc;
	pending.epoch = list->now.epoch + fresh;
	pending.nsm_state = (list->now.nsm_state + 1) | 1;
	glr__put64(payload, pending.epoch);
	glr__put32(payload + 8, pending.nsm_state);
	glr__put32(payload + 12, list->now.flags & ~(uint32_t)GLR__LIST_ENDED);
	return glr__list_prepare(list, &pending, payload, sizeof(payload), op);
}

/* ---- written --------------------------------------------------------------------- */

int glr__list_write(const struct glr__list_write *op)
{
	int rc;

	if (op->length == 0)
		return 0;
	if (op->upkeep)
		return glr__list_step(op->upkeep);
	rc = glr__list_check_alone(op->fd, op->offset, op->other_fd, op->generation);
	if (!rc)
		rc = glr__pwrite_all(op->fd, op->bytes, op->length, op->offset);
	if (!rc)
		rc = glr__fdatasync(op->fd);
	return rc ? rc : glr__check_writable(op->fd);
}

int glr__list_check(glr_list_t *list)
{
	if (list->writable && !list->error)
		list->error = glr__check_writable(list->fds[list->slot]);
	return list->error;
}

/* ---- committed ------------------------------------------------------------------- */

static void apply_add(glr_list_t *list, struct glr__list_pending *pending)
{
	struct glr__list_entry *entry = pending->entry;

	if (pending->new_entry) {
		glr__table_insert(&list->table, &entry->node);
		list->live_bytes += glr__list_entry_frame(strlen(entry->name));
	}
	list->missed -= entry->missed;
	entry->missed = false;
	entry->address = pending->address;
}

static void apply(glr_list_t *list, struct glr__list_pending *pending)
{
	struct glr__list_entry *entry = pending->entry;

	switch (pending->type) {
	case GLR__RECORD_ADD:
		apply_add(list, pending);
		break;
	case GLR__RECORD_DEL:
		glr__list_upkeep_forgets(list, &entry->node);
		glr__table_remove(&list->table, &entry->node);
		list->missed -= entry->missed;
		list->live_bytes -= glr__list_entry_frame(strlen(entry->name));
		free(entry);
		break;
	case GLR__RECORD_MISSED:
		list->missed += !entry->missed;
		entry->missed = true;
		break;
	case GLR__RECORD_EPOCH:
		list->now.epoch = pending->epoch;
		list->now.nsm_state = pending->nsm_state;
		list->now.flags &= ~(uint32_t)GLR__LIST_ENDED;
		break;
	case GLR__RECORD_END:
		list->now.flags = GLR__LIST_ENDED;
		list->condition = GLR_LIST_CLEAN;
		break;
	case GLR__LIST_SWITCH:
		glr__list_apply_switch(list);
		break;
	default:
		glr__list_v4_apply(list, pending);
	}
}

void glr__list_drop_pending(glr_list_t *list)
{
	struct glr__list_pending *pending = &list->pending;

	if (pending->new_entry) {
		free(pending->entry);
		free(pending->v4);
	}
}

int glr__list_commit(glr_list_t *list, int result)
{
	struct glr__list_pending *pending = &list->pending;

	if (!pending->active)
		return result;
	if (result) {
		list->error = result;
		glr__list_drop_pending(list);
	} else {
		if (pending->frame) {
			list->sequence++;
			list->end += pending->frame;
		}
		apply(list, pending);
	}
	memset(pending, 0, sizeof(*pending));
	return result;
}
