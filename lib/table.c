/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table of names: look-up in constant time, iteration in the order of insertion.  Pure. */
#include "glr_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_MIN 64

/* FNV-1a from a start that strangers, who choose names by choosing addresses, cannot know. */
static uint32_t hash_name(const struct glr__table *table, const char *name)
{
	uint64_t hash = table->seed;

	while (*name)
		hash = (hash ^ (uint8_t)*name++) * 0x100000001b3ull;
	return (uint32_t)(hash ^ (hash >> 32));
}

/* Where the name is, or the empty place where it would go.  The index is never full. */
static size_t find_place(const struct glr__table *table, const char *name, uint32_t hash)
{
	size_t place = hash & (table->index_size - 1);
	const struct glr__node *node;

	while (table->index[place]) {
		node = table->order[table->index[place] - 1];
		if (node->hash == hash && strcmp(node->name, name) == 0)
			break;
		place = (place + 1) & (table->index_size - 1);
	}
	return place;
}

static void place_node(struct glr__table *table, const struct glr__node *node)
{
	size_t place = node->hash & (table->index_size - 1);

	while (table->index[place])
		place = (place + 1) & (table->index_size - 1);
	table->index[place] = node->position + 1;
}

static void close_gaps(struct glr__table *table)
{
	uint32_t to = 0;
	uint32_t from;

	for (from = 0; from < table->used; from++) {
		if (!table->order[from])
			continue;
		table->order[to] = table->order[from];
		table->order[to]->position = to;
		to++;
	}
	table->used = to;
}

static void index_all(struct glr__table *table)
{
	uint32_t i;

	memset(table->index, 0, table->index_size * sizeof(*table->index));
	for (i = 0; i < table->used; i++)
		if (table->order[i])
			place_node(table, table->order[i]);
}

int glr__table_reserve(struct glr__table *table)
{
	size_t allocated = table->allocated ? table->allocated + table->allocated / 2 : INDEX_MIN / 2;
	size_t index_size = table->index_size ? table->index_size * 2 : INDEX_MIN;
	struct glr__node **order;
	uint32_t *index;
	int rc;

	if (table->index_size == 0) {
		rc = glr__random(&table->seed, sizeof(table->seed));
		if (rc)
			return rc;
	}
	if (table->used == table->allocated && table->count < table->used / 2) {
		close_gaps(table);
		index_all(table);
	}
	if (table->used == table->allocated) {
		order = realloc(table->order, allocated * sizeof(*order));
		if (!order)
			return -ENOMEM;
		table->order = order;
		table->allocated = allocated;
	}
	if ((table->count + 1) * 4 > table->index_size * 3) {
		index = malloc(index_size * sizeof(*index));
		if (!index)
			return -ENOMEM;
		free(table->index);
		table->index = index;
		table->index_size = index_size;
		index_all(table);
	}
	return 0;
}

void glr__table_insert(struct glr__table *table, struct glr__node *node)
{
	node->hash = hash_name(table, node->name);
	node->position = table->used;
	table->order[table->used++] = node;
	table->count++;
	place_node(table, node);
}

struct glr__node *glr__table_find(const struct glr__table *table, const char *name)
{
	size_t place;

	if (table->count == 0)
		return NULL;
	place = find_place(table, name, hash_name(table, name));
	return table->index[place] ? table->order[table->index[place] - 1] : NULL;
}

/* Linear probing without tombstones: what follows moves up into the hole. */
void glr__table_remove(struct glr__table *table, struct glr__node *node)
{
	size_t mask = table->index_size - 1;
	size_t hole = find_place(table, node->name, node->hash);
	size_t next = hole;
	size_t home;

	table->index[hole] = 0;
	for (;;) {
		next = (next + 1) & mask;
		if (!table->index[next])
			break;
		home = table->order[table->index[next] - 1]->hash & mask;
		if (((next - home) & mask) < ((next - hole) & mask))
			continue;
		table->index[hole] = table->index[next];
		table->index[next] = 0;
		hole = next;
	}
	table->order[node->position] = NULL;
	table->count--;
}

struct glr__node *glr__table_next(const struct glr__table *table, size_t *position)
{
	struct glr__node *node;

	while (*position < table->used) {
		node = table->order[(*position)++];
		if (node)
			return node;
	}
	return NULL;
}

void glr__table_clear(struct glr__table *table)
{
	struct glr__node *node;
	size_t position = 0;

	while ((node = glr__table_next(table, &position)))
		free(node);
	free(table->order);
	free(table->index);
	memset(table, 0, sizeof(*table));
}
