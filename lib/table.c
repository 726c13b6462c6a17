/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table of names: look-up in constant time, iteration in the order of insertion.  Its index
 * grows a few nodes at a time: no insertion pays for all that came before it.  Pure.
 */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_MIN 64
#define MOVES_PER_INSERTION 8

/* FNV-1a from a start that strangers, who choose names by choosing addresses, cannot know. */
static uint32_t hash_key(const struct glr__table *table, const char *key, size_t length)
{
	uint64_t hash = table->seed;
	size_t i;

	for (i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)key[i]) * 0x100000001b3ull;
	hash ^= hash >> 32;
	return (uint32_t)hash ? (uint32_t)hash : 1;
}

/* ---- one index: linear probing, never full ------------------------------------ */

/* Hashes apart: what is looked at on the way is not spread over all memory, as the nodes are. */
static int make_index(struct glr__table_index *index)
{
	index->nodes = calloc(index->size, sizeof(*index->nodes) + sizeof(*index->hashes));
	if (!index->nodes)
		return -ENOMEM;
	index->hashes = (uint32_t *)(index->nodes + index->size);
	return 0;
}

static void place_node(struct glr__table_index *index, struct glr__node *node)
{
	size_t place = node->hash & (index->size - 1);

	while (index->hashes[place])
		place = (place + 1) & (index->size - 1);
	index->nodes[place] = node;
	index->hashes[place] = node->hash;
}

static struct glr__node *find_node(const struct glr__table_index *index, uint32_t hash, const char *key,
				   size_t length)
{
	struct glr__node *node;
	size_t place;

	if (!index->nodes)
		return NULL;
	place = hash & (index->size - 1);
	while (index->hashes[place]) {
		node = index->nodes[place];
		if (index->hashes[place] == hash && node->length == length &&
		    memcmp(node->name, key, length) == 0)
			return node;
		place = (place + 1) & (index->size - 1);
	}
	return NULL;
}

/* No tombstones: what follows moves up into the hole.  @return false when the node is not in this index */
static bool take_node(struct glr__table_index *index, const struct glr__node *node)
{
	size_t mask = index->size - 1;
	size_t hole = node->hash & mask;
	size_t next;

	if (!index->nodes)
		return false;
	while (index->nodes[hole] != node) {
		if (!index->hashes[hole])
			return false;
		hole = (hole + 1) & mask;
	}
	for (next = (hole + 1) & mask; index->hashes[next]; next = (next + 1) & mask) {
		if (((next - index->hashes[next]) & mask) < ((next - hole) & mask))
			continue;
		index->nodes[hole] = index->nodes[next];
		index->hashes[hole] = index->hashes[next];
		hole = next;
	}
	index->nodes[hole] = NULL;
	index->hashes[hole] = 0;
	return true;
}

/* ---- growing ------------------------------------------------------------------- */

static void end_growth(struct glr__table *table)
{
	free(table->old.nodes);
	memset(&table->old, 0, sizeof(table->old));
	table->unmoved = NULL;
}

/* The nodes that were there when the index began to grow come first in the order. */
static void move_some(struct glr__table *table, size_t moves)
{
	while (table->old_count > 0 && moves-- > 0) {
		place_node(&table->index, table->unmoved);
		table->unmoved = table->unmoved->next;
		table->old_count--;
	}
	if (table->old.nodes && table->old_count == 0)
		end_growth(table);
}

int glr__table_reserve(struct glr__table *table)
{
	struct glr__table_index index = {.size = table->index.size ? table->index.size * 2 : INDEX_MIN};
	int rc;

	if ((table->count + 1) * 4 <= table->index.size * 3)
		return 0;
	if (!table->index.nodes) {
		rc = glr__random(&table->seed, sizeof(table->seed));
		if (rc)
			return rc;
	}
	rc = make_index(&index);
	if (rc)
		return rc;
	move_some(table, SIZE_MAX);
	table->old = table->index;
	table->old_count = table->count;
	table->unmoved = table->first;
	table->index = index;
	return 0;
}

/* ---- the table ------------------------------------------------------------------- */

void glr__table_insert_key(struct glr__table *table, struct glr__node *node, size_t length)
{
	node->length = (uint32_t)length;
	node->hash = hash_key(table, node->name, length);
	node->next = NULL;
	node->before = table->last;
	if (table->last)
		table->last->next = node;
	else
		table->first = node;
	table->last = node;
	table->count++;
	place_node(&table->index, node);
	move_some(table, MOVES_PER_INSERTION);
}

void glr__table_insert(struct glr__table *table, struct glr__node *node)
{
	glr__table_insert_key(table, node, strlen(node->name));
}

struct glr__node *glr__table_find_key(const struct glr__table *table, const void *key, size_t length)
{
	struct glr__node *node;
	uint32_t hash;

	if (table->count == 0)
		return NULL;
	hash = hash_key(table, key, length);
	node = find_node(&table->index, hash, key, length);
	return node ? node : find_node(&table->old, hash, key, length);
}

struct glr__node *glr__table_find(const struct glr__table *table, const char *name)
{
	return glr__table_find_key(table, name, strlen(name));
}

void glr__table_remove(struct glr__table *table, struct glr__node *node)
{
	bool copied = take_node(&table->index, node);

	if (node == table->unmoved)
		table->unmoved = node->next;
	take_node(&table->old, node);
	table->old_count -= !copied;
	if (node->before)
		node->before->next = node->next;
	else
		table->first = node->next;
	if (node->next)
		node->next->before = node->before;
	else
		table->last = node->before;
	table->count--;
}

void glr__table_clear(struct glr__table *table)
{
	struct glr__node *node, *next;

	for (node = table->first; node; node = next) {
		next = node->next;
		free(node);
	}
	free(table->index.nodes);
	free(table->old.nodes);
	memset(table, 0, sizeof(*table));
}
