/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NFSv4 clients on the list.  nfsd's order of things is that of nfsdcld (utils/nfsdcld/sqlite.c of
 * nfs-utils), which keeps a table per epoch: a client is current when it is recorded in the epoch that is,
 * recoverable when it was recorded in the one that is recovered from.
 */
#include "clientlist_private.h"

#include <errno.h>
#include <stdlib.h>

/* ---- what a client is ------------------------------------------------------------- */

enum glr__v4_class glr__list_v4_class(const glr_list_t *list, const struct glr__list_v4 *v4)
{
	uint32_t recovery = list->now.v4_recovery;
	bool current = v4->current == list->now.v4_epoch;
	bool recoverable = recovery && (v4->current == recovery || v4->previous == recovery);

	if (recoverable)
		return current ? GLR__V4_RECLAIMED : GLR__V4_RECOVERABLE;
	return current ? GLR__V4_CURRENT : GLR__V4_NONE;
}

static void count_in(glr_list_t *list, const struct glr__list_v4 *v4)
{
	enum glr__v4_class class = glr__list_v4_class(list, v4);

	list->v4_in[class].count++;
	list->v4_in[class].bytes += glr__record_frame(glr__record_v4_length(v4->node.length));
}

static void count_out(glr_list_t *list, const struct glr__list_v4 *v4)
{
	enum glr__v4_class class = glr__list_v4_class(list, v4);

	list->v4_in[class].count--;
	list->v4_in[class].bytes -= glr__record_frame(glr__record_v4_length(v4->node.length));
}

static void move_class(glr_list_t *list, enum glr__v4_class from, enum glr__v4_class to)
{
	list->v4_in[to].count += list->v4_in[from].count;
	list->v4_in[to].bytes += list->v4_in[from].bytes;
	memset(&list->v4_in[from], 0, sizeof(list->v4_in[from]));
}

static struct glr__list_v4 *find(const glr_list_t *list, const void *id, size_t length)
{
	return (struct glr__list_v4 *)glr__table_find_key(&list->v4, id, length);
}

static struct glr__list_v4 *new_entry(const struct glr__v4_client *client)
{
	struct glr__list_v4 *v4 = calloc(1, sizeof(*v4) + client->id_length);

	if (!v4)
		return NULL;
	memcpy(v4->id, client->id, client->id_length);
	v4->node.name = (const char *)v4->id;
	v4->node.length = (uint32_t)client->id_length;
	return v4;
}

void glr__list_v4_forget(glr_list_t *list, struct glr__list_v4 *v4)
{
	if (list->pending.active && list->pending.v4 == v4)
		return;
	count_out(list, v4);
	glr__table_remove(&list->v4, &v4->node);
	free(v4);
}

/* ---- asking ------------------------------------------------------------------------- */

void glr__list_v4_record(const struct glr__list_v4 *v4, struct glr__v4_record *record)
{
	record->current = v4->current;
	record->previous = v4->previous;
	record->watched = v4->watched;
	record->client.has_hash = v4->has_hash;
	memcpy(record->client.hash, v4->hash, sizeof(v4->hash));
	record->client.id_length = v4->node.length;
	memcpy(record->client.id, v4->id, v4->node.length);
}

/* A damaged list may have lost that grace began: until a recovery has ended, whoever is on it may reclaim. */
static bool is_recoverable(const glr_list_t *list, enum glr__v4_class class)
{
	if (class == GLR__V4_CURRENT)
		return !list->now.v4_recovery && list->now.flags & GLR__LIST_SALVAGED;
	return class != GLR__V4_NONE;
}

bool glr__list_v4_may_reclaim(const glr_list_t *list, const void *id, size_t length)
{
	return glr__list_v4_is_among(list, GLR__V4_GROUP_RECOVERABLE, id, length);
}

static bool is_among(const glr_list_t *list, const struct glr__list_v4 *v4, enum glr__v4_group group)
{
	enum glr__v4_class class = glr__list_v4_class(list, v4);

	if (group == GLR__V4_GROUP_LATE)
		return class == GLR__V4_RECOVERABLE;
	if (group == GLR__V4_GROUP_RECOVERABLE)
		return is_recoverable(list, class);
	return v4->current == list->now.v4_epoch && (v4->watched || group == GLR__V4_GROUP_CURRENT);
}

bool glr__list_v4_is_among(const glr_list_t *list, enum glr__v4_group group, const void *id, size_t length)
{
	const struct glr__list_v4 *v4 = find(list, id, length);

	return v4 && is_among(list, v4, group);
}

int glr__list_v4_foreach(const glr_list_t *list, enum glr__v4_group group,
			 int (*fn)(const struct glr__v4_client *client, void *arg), void *arg)
{
	const struct glr__node *node;
	struct glr__v4_record record;
	int rc = 0;

	for (node = list->v4.first; node && !rc; node = node->next) {
		if (!is_among(list, (const struct glr__list_v4 *)node, group))
			continue;
		glr__list_v4_record((const struct glr__list_v4 *)node, &record);
		rc = fn(&record.client, arg);
	}
	return rc;
}

void glr__list_v4_facts(const glr_list_t *list, struct glr_list_facts *facts)
{
	int class;

	for (class = GLR__V4_NONE + 1; class < GLR__V4_CLASSES; class ++) {
		facts->v4_clients += list->v4_in[class].count;
		if (is_recoverable(list, (enum glr__v4_class) class))
			facts->v4_recoverable += list->v4_in[class].count;
	}
	facts->v4_in_grace = list->now.v4_recovery;
}

/* ---- changing --------------------------------------------------------------------------- */

static int prepare_client(glr_list_t *list, struct glr__list_pending *pending,
			  const struct glr__v4_client *client, uint64_t reserve, struct glr__list_write *op)
{
	struct glr__v4_record record = {.client = *client,
					.current = pending->current,
					.previous = pending->previous,
					.watched = pending->watched};
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX];
	int length = glr__record_encode_v4(&record, payload, sizeof(payload));
	int rc;

	if (length < 0)
		return length;
	rc = glr__list_make_room(list, glr__record_frame((size_t)length) + reserve);
	if (rc)
		return rc;
	/* What needs memory comes before the write: a commit cannot fail. */
	if (!pending->v4) {
		rc = glr__table_reserve(&list->v4);
		if (rc)
			return rc;
		pending->v4 = new_entry(client);
		if (!pending->v4)
			return -ENOMEM;
		pending->new_entry = true;
	}
	pending->has_hash = client->has_hash;
	memcpy(pending->hash, client->hash, sizeof(pending->hash));
	rc = glr__list_prepare(list, pending, payload, (size_t)length, op);
	if (rc && pending->new_entry)
		free(pending->v4);
	return rc;
}

static int prepare_current(glr_list_t *list, const struct glr__v4_client *client, bool watched,
			   struct glr__list_write *op)
{
	struct glr__list_pending pending = {
		.type = GLR__RECORD_V4_CLIENT, .current = list->now.v4_epoch, .watched = watched};
	struct glr__v4_client as_kept = *client;
	const struct glr__list_v4 *v4;
	int rc;

	op->length = 0;
	if (client->id_length == 0 || client->id_length > GLR__V4_ID_MAX)
		return -EINVAL;
	if (list->pending.active)
		return -EBUSY;
	if (!client->has_hash)
		memset(as_kept.hash, 0, sizeof(as_kept.hash));
	v4 = pending.v4 = find(list, client->id, client->id_length);
	if (v4 && v4->current == pending.current && v4->watched == watched &&
	    v4->has_hash == client->has_hash && memcmp(v4->hash, as_kept.hash, sizeof(v4->hash)) == 0)
		return 0;
	rc = glr__list_check_ready(list);
	if (rc)
		return rc;
	if (v4 && glr__list_v4_class(list, v4) > GLR__V4_CURRENT)
		pending.previous = list->now.v4_recovery;
	return prepare_client(list, &pending, &as_kept, GLR__LIST_RESERVE, op);
}

int glr__list_prepare_v4_add(glr_list_t *list, const struct glr__v4_client *client,
			     struct glr__list_write *op)
{
	return prepare_current(list, client, false, op);
}

int glr__list_prepare_v4_watch(glr_list_t *list, const struct glr__v4_client *client,
			       struct glr__list_write *op)
{
	return prepare_current(list, client, true, op);
}

int glr__list_prepare_v4_remove(glr_list_t *list, const struct glr__v4_client *client,
				struct glr__list_write *op)
{
	struct glr__list_pending pending = {.type = GLR__RECORD_V4_CLIENT};
	struct glr__v4_record kept;
	enum glr__v4_class class;
	int rc;

	op->length = 0;
	if (list->pending.active)
		return -EBUSY;
	pending.v4 = find(list, client->id, client->id_length);
	class = pending.v4 ? glr__list_v4_class(list, pending.v4) : GLR__V4_NONE;
	if (class == GLR__V4_NONE)
		return -ENOENT;
	if (class == GLR__V4_RECOVERABLE)
		return 0;
	rc = glr__list_check_ready(list);
	if (rc)
		return rc;
	if (class == GLR__V4_RECLAIMED)
		pending.current = list->now.v4_recovery;
	glr__list_v4_record(pending.v4, &kept);
	return prepare_client(list, &pending, &kept.client, 0, op);
}

static int prepare_grace(glr_list_t *list, uint32_t epoch, uint32_t recovery, struct glr__list_write *op)
{
	const struct glr__list_pending pending = {
		.type = GLR__RECORD_V4_GRACE, .v4_epoch = epoch, .v4_recovery = recovery};
	uint8_t payload[8];
	int rc;

	op->length = 0;
	rc = glr__list_check_ready(list);
	if (rc || (epoch == list->now.v4_epoch && recovery == list->now.v4_recovery))
		return rc;
	rc = glr__list_make_room(list, glr__record_frame(sizeof(payload)));
	if (rc)
		return rc;
	glr__put32(payload, epoch);
	glr__put32(payload + 4, recovery);
	return glr__list_prepare(list, &pending, payload, sizeof(payload), op);
}

int glr__list_prepare_v4_grace_begin(glr_list_t *list, struct glr__list_write *op)
{
	uint32_t epoch = list->now.v4_epoch, recovery = list->now.v4_recovery;

	/* Begun and not done: who was recorded since then was not granted anything that outlives it. */
	if (recovery && list->v4_in[GLR__V4_CURRENT].count + list->v4_in[GLR__V4_RECLAIMED].count == 0)
		return prepare_grace(list, epoch, recovery, op);
	return prepare_grace(list, epoch + 1, recovery ? recovery : epoch, op);
}

int glr__list_prepare_v4_grace_done(glr_list_t *list, struct glr__list_write *op)
{
	return prepare_grace(list, list->now.v4_epoch, 0, op);
}

static void apply_client(glr_list_t *list, const struct glr__list_pending *pending)
{
	struct glr__list_v4 *v4 = pending->v4;

	if (pending->new_entry)
		glr__table_insert_key(&list->v4, &v4->node, v4->node.length);
	else
		count_out(list, v4);
	if (!pending->current) {
		glr__list_upkeep_forgets(list, &v4->node);
		glr__table_remove(&list->v4, &v4->node);
		free(v4);
		return;
	}
	v4->current = pending->current;
	v4->previous = pending->previous;
	v4->watched = pending->watched;
	v4->has_hash = pending->has_hash;
	memcpy(v4->hash, pending->hash, sizeof(v4->hash));
	count_in(list, v4);
}

static void apply_grace(glr_list_t *list, const struct glr__list_pending *pending)
{
	bool begun = list->now.v4_recovery, begins = pending->v4_recovery;

	if (begins) {
		move_class(list, GLR__V4_RECLAIMED, GLR__V4_RECOVERABLE);
		move_class(list, GLR__V4_CURRENT, begun ? GLR__V4_NONE : GLR__V4_RECOVERABLE);
	} else {
		move_class(list, GLR__V4_RECLAIMED, GLR__V4_CURRENT);
		move_class(list, GLR__V4_RECOVERABLE, GLR__V4_NONE);
	}
	list->now.v4_epoch = pending->v4_epoch;
	list->now.v4_recovery = pending->v4_recovery;
}

void glr__list_v4_apply(glr_list_t *list, const struct glr__list_pending *pending)
{
	if (pending->type == GLR__RECORD_V4_CLIENT)
		apply_client(list, pending);
	else
		apply_grace(list, pending);
}

/* ---- reading back ------------------------------------------------------------------------- */

static int replay_client(glr_list_t *list, const struct glr__record *record, uint32_t damages)
{
	struct glr__v4_record v4;
	struct glr__list_v4 *entry;
	int rc;

	rc = glr__record_decode_v4(record, &v4);
	if (rc)
		return rc;
	entry = find(list, v4.client.id, v4.client.id_length);
	if (!entry) {
		rc = glr__table_reserve(&list->v4);
		if (rc)
			return rc;
		entry = new_entry(&v4.client);
		if (!entry)
			return -ENOMEM;
		glr__table_insert_key(&list->v4, &entry->node, v4.client.id_length);
	}
	entry->current = v4.current;
	entry->previous = v4.previous;
	entry->watched = v4.watched;
	entry->struck_at = v4.current ? 0 : damages + 1;
	entry->has_hash = v4.client.has_hash;
	memcpy(entry->hash, v4.client.hash, sizeof(entry->hash));
	if (v4.current > list->now.v4_epoch)
		list->now.v4_epoch = v4.current;
	return 0;
}

int glr__list_v4_replay(glr_list_t *list, const struct glr__record *record, uint32_t damages)
{
	if (record->type == GLR__RECORD_V4_CLIENT)
		return replay_client(list, record, damages);
	if (record->length != 8)
		return -EBADMSG;
	list->now.v4_epoch = glr__get32(record->payload);
	list->now.v4_recovery = glr__get32(record->payload + 4);
	return 0;
}

/*
 * Of a damaged list everybody stays but those whose removal stands behind the damage: what is lost may have
 * been anybody's return, or the beginning or the end of grace.
 */
void glr__list_v4_settle(glr_list_t *list, uint32_t damages)
{
	struct glr__node *node, *next;
	struct glr__list_v4 *v4;

	for (node = list->v4.first; node; node = next) {
		next = node->next;
		v4 = (struct glr__list_v4 *)node;
		if (v4->struck_at == damages + 1 ||
		    (!list->damaged_slots && glr__list_v4_class(list, v4) == GLR__V4_NONE)) {
			glr__table_remove(&list->v4, node);
			free(v4);
			continue;
		}
		v4->struck_at = 0;
		if (list->damaged_slots) {
			v4->current = list->now.v4_epoch;
			v4->previous = 0;
		}
		count_in(list, v4);
	}
	if (list->damaged_slots)
		list->now.v4_recovery = 0;
}
