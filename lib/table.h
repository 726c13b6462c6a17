/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names in constant time, in the order they came. */
#ifndef GLR_TABLE_H
#define GLR_TABLE_H

#include "glr_private.h"

struct glr__node { /* the first member of what is stored, which malloc() made */
	struct glr__node *next, *before; /* in the order of insertion */
	const char *name;
	uint32_t hash, length; /* of the name; the hash is not 0 */
};

struct glr__table_index {
	struct glr__node **nodes;
	uint32_t *hashes; /* of the nodes, in the same memory behind them; 0: no node */
	size_t size;	  /* a power of two */
};

struct glr__table { /* starts zeroed */
	struct glr__node *first, *last;
	size_t count;
	struct glr__table_index index, old; /* old: being copied, a few nodes at a time */
	struct glr__node *unmoved;
	size_t old_count; /* nodes that are in old only */
	uint64_t seed;
};

/* Makes room for one node, so that the insertion cannot fail.  @return 0 or -ENOMEM */
int glr__table_reserve(struct glr__table *table);
/* After glr__table_reserve(); the name must not be in the table. */
void glr__table_insert(struct glr__table *table, struct glr__node *node);
struct glr__node *glr__table_find(const struct glr__table *table, const char *name);
/* The same for names that may hold any byte. */
void glr__table_insert_key(struct glr__table *table, struct glr__node *node, size_t length);
struct glr__node *glr__table_find_key(const struct glr__table *table, const void *key, size_t length);
/* Does not free the node. */
void glr__table_remove(struct glr__table *table, struct glr__node *node);
/* Frees every node. */
void glr__table_clear(struct glr__table *table);

#endif
