/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client list of a service group: asking it, and changing it and waiting for the disk.  glr-clients(5).
 */
#include "clientlist_private.h"

#include <errno.h>
#include <stdio.h>

/* ---- asking ------------------------------------------------------------------- */

void glr_list_get_facts(const glr_list_t *list, struct glr_list_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	memcpy(facts->group, list->now.group, sizeof(facts->group));
	facts->condition = list->condition;
	facts->generation = list->now.generation;
	facts->epoch = list->now.epoch;
	facts->nsm_state = list->now.nsm_state;
	facts->recovery_ended = list->now.flags & GLR__LIST_ENDED;
	facts->clients = list->table.count - list->missed;
	facts->missed = list->missed;
	glr__list_v4_facts(list, facts);
	facts->used_bytes = list->end;
	facts->slot_bytes = list->now.slot_bytes;
	facts->damaged = list->damaged_slots;
	facts->error = list->error;
}

bool glr_list_contains(const glr_list_t *list, const char *name)
{
	const struct glr__list_entry *entry =
		(const struct glr__list_entry *)glr__table_find(&list->table, name);

	return entry && !entry->missed;
}

/* What does not fit ends with dots. */
static void printable(const struct glr__list_v4 *v4, char name[GLR_NAME_MAX])
{
	size_t used = 0, i;
	int n;

	for (i = 0; i < v4->node.length; i++) {
		bool plain = v4->id[i] >= ' ' && v4->id[i] < 0x7f && v4->id[i] != '\\';

		if (used + 4 + (i + 1 < v4->node.length ? 3 : 0) >= GLR_NAME_MAX) {
			memcpy(name + used, "...", 3);
			used += 3;
			break;
		}
		n = snprintf(name + used, GLR_NAME_MAX - used, plain ? "%c" : "\\x%02x", v4->id[i]);
		used += (size_t)n;
	}
	name[used] = '\0';
}

static int foreach_v4(const glr_list_t *list, int (*fn)(const struct glr_list_client *client, void *arg),
		      void *arg)
{
	char name[GLR_NAME_MAX];
	struct glr_list_client client = {.kind = GLR_LIST_NFSV4, .name = name};
	const struct glr__list_v4 *v4;
	const struct glr__node *node;
	enum glr__v4_class class;
	int rc = 0;

	for (node = list->v4.first; node && !rc; node = node->next) {
		v4 = (const struct glr__list_v4 *)node;
		class = glr__list_v4_class(list, v4);
		if (class == GLR__V4_NONE)
			continue;
		printable(v4, name);
		client.current = class != GLR__V4_RECOVERABLE;
		rc = fn(&client, arg);
	}
	return rc;
}

int glr_list_foreach(const glr_list_t *list, int (*fn)(const struct glr_list_client *client, void *arg),
		     void *arg)
{
	struct glr_list_client client = {.kind = GLR_LIST_NSM};
	const struct glr__list_entry *entry;
	const struct glr__node *node;
	int rc = 0;

	for (node = list->table.first; node && !rc; node = node->next) {
		entry = (const struct glr__list_entry *)node;
		client.name = entry->name;
		client.address = entry->address;
		client.missed = entry->missed;
		rc = fn(&client, arg);
	}
	return rc ? rc : foreach_v4(list, fn, arg);
}

/* ---- changing: all in one -------------------------------------------------------- */

struct change {
	uint8_t type;
	const char *name;
	const struct glr_address *address;
	bool fresh;
};

static int prepare(glr_list_t *list, const struct change *change, struct glr__list_write *op)
{
	switch (change->type) {
	case GLR__RECORD_ADD:
		return glr__list_prepare_add(list, change->name, change->address, op);
	case GLR__RECORD_DEL:
		return glr__list_prepare_remove(list, change->name, op);
	case GLR__RECORD_MISSED:
		return glr__list_prepare_missed(list, change->name, op);
	case GLR__RECORD_EPOCH:
		return glr__list_prepare_begin(list, change->fresh, op);
	default:
		return glr__list_prepare_end(list, op);
	}
}

static int make(glr_list_t *list, const struct change *change)
{
	struct glr__list_write op;
	int rc;

	while ((rc = prepare(list, change, &op)) == -EAGAIN) {
		rc = glr__list_rewrite_now(list);
		if (rc)
			return rc;
	}
	if (rc || op.length == 0)
		return rc;
	return glr__list_commit(list, glr__list_write(&op));
}

int glr_list_add(glr_list_t *list, const char *name, const struct glr_address *address)
{
	const struct change change = {.type = GLR__RECORD_ADD, .name = name, .address = address};

	return make(list, &change);
}

int glr_list_remove(glr_list_t *list, const char *name)
{
	const struct change change = {.type = GLR__RECORD_DEL, .name = name};

	return make(list, &change);
}

int glr_list_mark_missed(glr_list_t *list, const char *name)
{
	const struct change change = {.type = GLR__RECORD_MISSED, .name = name};

	return make(list, &change);
}

int glr_list_begin_epoch(glr_list_t *list, bool fresh)
{
	const struct change change = {.type = GLR__RECORD_EPOCH, .fresh = fresh};
	int rc = make(list, &change);

	return rc || !list->rewriting_wanted ? rc : glr__list_rewrite_now(list);
}

int glr_list_end_recovery(glr_list_t *list)
{
	const struct change change = {.type = GLR__RECORD_END};

	return make(list, &change);
}

int glr_list_compact(glr_list_t *list)
{
	int rc = glr__list_check_ready(list);

	return rc ? rc : glr__list_rewrite_now(list);
}
