/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room ahead on the client list: when the slot that is not in use is enlarged, when the list is rewritten
 * into it, and the steps of both.
 *
 * A rewriting copies the clients as it meets them, while changes go on in the slot in use; then it carries
 * those changes over, which it reads from there.  Every record says what its client is from then on, so that
 * a client copied before or after a change is right once the change has been carried over too.
 */
#include "clientlist_private.h"

#include <errno.h>
#include <stdlib.h>

/* The switch, which changes wait for, carries no more than this. */
#define SWITCH_BYTES 32768

/* ---- how much room ------------------------------------------------------------------ */

uint64_t glr__list_live(const glr_list_t *list)
{
	return list->live_bytes + list->v4_in[GLR__V4_CURRENT].bytes +
	       list->v4_in[GLR__V4_RECOVERABLE].bytes + list->v4_in[GLR__V4_RECLAIMED].bytes;
}

static uint64_t rewritten(const glr_list_t *list)
{
	return GLR__LIST_RECORDS + glr__list_live(list);
}

/* A list that was made smaller is not meant for so many. */
static uint64_t ahead(uint64_t slot_bytes)
{
	return slot_bytes < GLR__LIST_SLOT_BYTES ? slot_bytes / 4 : GLR__LIST_AHEAD_BYTES;
}

/* What both slots should have: never less than either has. */
static uint64_t wanted_bytes(const glr_list_t *list)
{
	uint64_t bytes = list->now.slot_bytes;

	if (bytes < list->capacity[!list->slot])
		bytes = list->capacity[!list->slot];
	while (rewritten(list) + GLR__LIST_RESERVE + ahead(bytes) > bytes)
		bytes *= 2;
	return bytes;
}

static bool may_grow(const glr_list_t *list)
{
	return !list->file_system_full && list->capacity[!list->slot] < wanted_bytes(list);
}

static bool fits(const glr_list_t *list, uint64_t bytes)
{
	return rewritten(list) + bytes <= list->capacity[!list->slot];
}

int glr__list_want_room(glr_list_t *list, uint64_t bytes)
{
	if (fits(list, bytes))
		list->rewriting_wanted = true;
	else if (!may_grow(list))
		return -ENOSPC;
	return -EAGAIN;
}

/* Once rewritten, it is not again, unless a quarter of the slot has died: where there is no room to grow,
 * rewritings must not follow each other. */
static bool rewriting_due(const glr_list_t *list)
{
	uint64_t dead = list->end - rewritten(list);

	if (list->must_move || list->rewriting_wanted)
		return fits(list, 0);
	if (list->end + ahead(list->now.slot_bytes) <= list->now.slot_bytes)
		return false;
	if (fits(list, ahead(list->now.slot_bytes)))
		return dead > GLR__LIST_RESERVE || list->capacity[!list->slot] > list->now.slot_bytes;
	return fits(list, GLR__LIST_RESERVE) && dead > list->now.slot_bytes / 4;
}

/* ---- beginning ------------------------------------------------------------------------ */

static void begin_growing(const glr_list_t *list, struct glr__list_upkeep *upkeep)
{
	upkeep->step = GLR__STEP_RESERVE;
	upkeep->target_bytes = wanted_bytes(list);
	upkeep->zeroed = list->capacity[!list->slot];
}

static int begin_rewriting(const glr_list_t *list, struct glr__list_upkeep *upkeep)
{
	int rc = glr__random(&upkeep->header.salt, sizeof(upkeep->header.salt));

	upkeep->step = GLR__STEP_COPY;
	upkeep->target_bytes = list->capacity[!list->slot];
	upkeep->source_seed = list->seed;
	upkeep->target_seed = glr__record_seed(upkeep->header.salt, upkeep->header.generation);
	upkeep->end = GLR__LIST_RECORDS;
	upkeep->carried = list->end;
	upkeep->source_damaged = list->must_move;
	upkeep->next = list->table.first;
	return rc;
}

static int begin(glr_list_t *list)
{
	bool told = !list->other_lost || list->damage_told || list->rewriting_wanted || list->must_move;
	bool due = told && rewriting_due(list);
	bool grows = told && !due && may_grow(list);
	struct glr__list_upkeep *upkeep;
	int rc = 0;

	if (!due && !grows) {
		list->rewriting_wanted = false;
		return 0;
	}
	upkeep = calloc(1, sizeof(*upkeep));
	if (!upkeep)
		return -ENOMEM;
	upkeep->source_fd = list->fds[list->slot];
	upkeep->target_fd = list->fds[!list->slot];
	upkeep->header.generation = list->now.generation + 1;
	if (grows)
		begin_growing(list, upkeep);
	else
		rc = begin_rewriting(list, upkeep);
	if (rc)
		free(upkeep);
	else
		list->upkeep = upkeep;
	return rc;
}

static void end(glr_list_t *list)
{
	free(list->upkeep);
	list->upkeep = NULL;
}

/* ---- copying ------------------------------------------------------------------------------ */

static int put_record(struct glr__list_upkeep *upkeep, uint8_t type, const uint8_t *payload, int length)
{
	struct glr__record record = {.type = type, .payload = payload, .length = (size_t)length};
	int frame;

	if (length < 0)
		return length;
	record.sequence = ++upkeep->sequence;
	frame = glr__record_encode(upkeep->target_seed, &record, upkeep->buffer + upkeep->filled,
				   sizeof(upkeep->buffer) - upkeep->filled);
	if (frame < 0)
		return frame;
	upkeep->filled += (size_t)frame;
	return 0;
}

static int put_entry(struct glr__list_upkeep *upkeep, const struct glr__list_entry *entry)
{
	struct glr__client_record client = {
		.name = entry->name,
		.name_length = entry->node.length,
		.address = entry->address,
		.missed = entry->missed,
	};
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX];

	return put_record(upkeep, GLR__RECORD_ADD, payload,
			  glr__record_encode_client(&client, payload, sizeof(payload)));
}

static int put_v4(glr_list_t *list, struct glr__list_v4 *v4)
{
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX];
	struct glr__v4_record record;

	if (glr__list_v4_class(list, v4) == GLR__V4_NONE) {
		glr__list_v4_forget(list, v4);
		return 0;
	}
	glr__list_v4_record(v4, &record);
	return put_record(list->upkeep, GLR__RECORD_V4_CLIENT, payload,
			  glr__record_encode_v4(&record, payload, sizeof(payload)));
}

/* As many as the buffer holds. */
static int copy_some(glr_list_t *list)
{
	struct glr__list_upkeep *upkeep = list->upkeep;
	struct glr__node *node;
	int rc = 0;

	upkeep->filled = 0;
	while (!rc && upkeep->filled + GLR__RECORD_FRAME_MAX <= sizeof(upkeep->buffer)) {
		if (!upkeep->next && !upkeep->next_is_v4) {
			upkeep->next_is_v4 = true;
			upkeep->next = list->v4.first;
		}
		node = upkeep->next;
		if (!node)
			break;
		upkeep->next = node->next;
		rc = upkeep->next_is_v4 ? put_v4(list, (struct glr__list_v4 *)node)
					: put_entry(upkeep, (const struct glr__list_entry *)node);
	}
	return rc;
}

void glr__list_upkeep_forgets(glr_list_t *list, const struct glr__node *node)
{
	if (list->upkeep && list->upkeep->next == node)
		list->upkeep->next = node->next;
}

/* ---- step by step --------------------------------------------------------------------------- */

static int prepare_step(glr_list_t *list)
{
	struct glr__list_upkeep *upkeep = list->upkeep;
	int rc;

	if (upkeep->step == GLR__STEP_COPY) {
		rc = copy_some(list);
		if (rc || upkeep->filled)
			return rc;
		upkeep->step = GLR__STEP_WIPE;
		upkeep->zeroed = upkeep->end;
	}
	if (upkeep->step == GLR__STEP_CATCH_UP || upkeep->step == GLR__STEP_SWITCH) {
		upkeep->step =
			list->end - upkeep->carried > SWITCH_BYTES ? GLR__STEP_CATCH_UP : GLR__STEP_SWITCH;
		upkeep->carry_to = list->end;
	}
	return 0;
}

/* More was changed meanwhile than the target has room for: from the beginning. */
static bool overflows(const glr_list_t *list)
{
	const struct glr__list_upkeep *upkeep = list->upkeep;

	return upkeep->step >= GLR__STEP_COPY &&
	       upkeep->end + upkeep->filled + (list->end - upkeep->carried) > upkeep->target_bytes;
}

int glr__list_prepare_upkeep(glr_list_t *list, struct glr__list_write *op)
{
	int rc;

	op->length = 0;
	if (!list->writable || list->error)
		return list->error;
	if (list->upkeep && list->upkeep->busy)
		return -EBUSY;
	if (list->upkeep && overflows(list))
		end(list);
	if (!list->upkeep) {
		rc = begin(list);
		if (rc || !list->upkeep)
			return rc;
	}
	rc = prepare_step(list);
	if (rc) {
		end(list);
		return rc;
	}
	if (list->upkeep->step == GLR__STEP_SWITCH)
		return 0;
	list->upkeep->busy = true;
	op->length = GLR__LIST_STEP_BYTES;
	op->upkeep = list->upkeep;
	return 0;
}

static int step_failed(glr_list_t *list, int result)
{
	bool growing = list->upkeep->step <= GLR__STEP_GROW;

	end(list);
	if (growing && (result == -ENOSPC || result == -EDQUOT || result == -EFBIG)) {
		list->file_system_full = true;
		glr_warn("client list: no room to enlarge it ahead for more clients: %s; %llu KiB of it are "
			 "free",
			 strerror(-result), (unsigned long long)(list->now.slot_bytes - list->end) / 1024);
		return 0;
	}
	list->error = result;
	return result;
}

int glr__list_upkeep_done(glr_list_t *list, int result)
{
	struct glr__list_upkeep *upkeep = list->upkeep;

	upkeep->busy = false;
	if (result)
		return step_failed(list, result);
	switch (upkeep->step) {
	case GLR__STEP_RESERVE:
		upkeep->step = GLR__STEP_GROW;
		break;
	case GLR__STEP_GROW:
		if (upkeep->zeroed < upkeep->target_bytes)
			break;
		list->capacity[!list->slot] = upkeep->target_bytes;
		end(list);
		break;
	case GLR__STEP_WIPE:
		if (upkeep->zeroed == upkeep->target_bytes)
			upkeep->step = GLR__STEP_CATCH_UP;
		break;
	case GLR__STEP_CATCH_UP:
		upkeep->carried += upkeep->filled;
		/* fall through */
	case GLR__STEP_COPY:
		upkeep->end += upkeep->filled;
		upkeep->filled = 0;
		break;
	case GLR__STEP_SWITCH:
		break;
	}
	return 0;
}

int glr__list_prepare_switch(glr_list_t *list, struct glr__list_write *op)
{
	struct glr__list_upkeep *upkeep = list->upkeep;
	struct glr__list_header header;
	int rc;

	op->length = 0;
	if (!upkeep || upkeep->busy || upkeep->step != GLR__STEP_SWITCH || overflows(list) ||
	    list->end - upkeep->carried > GLR__LIST_STEP_BYTES)
		return 0;
	rc = glr__list_check_ready(list);
	if (rc)
		return rc;
	header = list->now;
	header.salt = upkeep->header.salt;
	header.generation = upkeep->header.generation;
	header.slot_bytes = upkeep->target_bytes;
	upkeep->header = header;
	upkeep->carry_to = list->end;
	upkeep->filled = 0;
	upkeep->busy = true;
	list->pending.type = GLR__LIST_SWITCH;
	list->pending.active = true;
	op->length = GLR__LIST_STEP_BYTES;
	op->upkeep = upkeep;
	return 0;
}

void glr__list_apply_switch(glr_list_t *list)
{
	struct glr__list_upkeep *upkeep = list->upkeep;

	list->slot = !list->slot;
	list->now = upkeep->header;
	list->seed = upkeep->target_seed;
	list->sequence = upkeep->sequence;
	list->end = upkeep->end + upkeep->filled;
	list->must_move = list->other_lost = list->rewriting_wanted = false;
	end(list);
}

int glr__list_rewrite_now(glr_list_t *list)
{
	struct glr__list_write op;
	bool switches;
	int rc;

	list->rewriting_wanted = true;
	do {
		rc = glr__list_prepare_upkeep(list, &op);
		switches = list->upkeep && !list->upkeep->busy;
		if (!rc && switches)
			rc = glr__list_prepare_switch(list, &op);
		if (rc || op.length == 0)
			return rc;
		rc = glr__list_write(&op);
		rc = switches ? glr__list_commit(list, rc) : glr__list_upkeep_done(list, rc);
	} while (!rc);
	return rc;
}
