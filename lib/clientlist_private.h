/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the client list share, and nobody else sees. */
#ifndef GLR_CLIENTLIST_PRIVATE_H
#define GLR_CLIENTLIST_PRIVATE_H

#include "glr_private.h"

#define GLR__LIST_BLOCK 4096
/* Two copies of the header, each in a block of its own: what loses one rarely loses the other. */
#define GLR__LIST_RECORDS (2 * GLR__LIST_BLOCK)
/* An ADD leaves so much free, so that every other change always fits after a compaction. */
#define GLR__LIST_RESERVE GLR__LIST_BLOCK

enum glr__list_flag { /* bits on disk */
		      GLR__LIST_MISSING = 1,
		      GLR__LIST_SALVAGED = 2,
		      GLR__LIST_ENDED = 4,
};

struct glr__list_header {
	char group[GLR_GROUP_MAX];
	uint32_t flags;
	uint64_t generation;
	uint64_t salt; /* random for each generation */
	uint64_t epoch;
	uint64_t slot_bytes;
	uint32_t nsm_state;
};

struct glr__list_entry {
	struct glr__node node;
	struct glr_address address;
	uint32_t struck_at; /* replay: damages found before its DEL, plus 1; 0 while it is on the list */
	bool missed;
	char name[];
};

struct glr__list_pending {
	bool active;
	uint8_t type;
	size_t frame;
	struct glr__list_entry *entry; /* of the table; for a new client not yet in it */
	bool new_entry;
	struct glr_address address; /* ADD */
	uint64_t epoch;		    /* EPOCH */
	uint32_t nsm_state;	    /* EPOCH */
};

struct glr_list {
	int fds[2];
	bool writable;
	int slot;		     /* the one in use */
	struct glr__list_header now; /* as the next compaction would write it, but for generation and salt */
	uint32_t seed;		     /* of the records in the slot in use */
	uint64_t sequence;	     /* of the last record */
	uint64_t end;		     /* where the next record goes */
	uint64_t live_bytes;	     /* what the clients take in a compacted slot */
	struct glr__table table;
	size_t missed;
	enum glr_list_condition condition;
	bool must_move;	  /* the slot in use is damaged: nothing is appended to it */
	bool other_lost;  /* the other slot has no header; it may have been the newer list */
	bool damage_told; /* an earlier epoch began with the damage: it was reported, and a copy could be kept
			   */
	unsigned damaged_slots; /* bit per slot */
	int error;
	struct glr__list_pending pending;
};

/* ---- clientlist_slot.c */

void glr__list_header_encode(const struct glr__list_header *header, uint8_t out[GLR__LIST_RECORDS]);
/* The newer of the two valid copies.  @return 0, -EBADMSG, -EPROTONOSUPPORT, or a read error */
int glr__list_header_read(int fd, struct glr__list_header *header);
/* Writes zeros where something else is.  A file that is too short grows. */
int glr__list_wipe(int fd, uint64_t from, uint64_t to);

/* ---- clientlist_replay.c */

size_t glr__list_entry_frame(size_t name_length);
struct glr__list_entry *glr__list_entry_new(const char *name, size_t length,
					    const struct glr_address *address);
int glr__list_replay(glr_list_t *list);

/* ---- clientlist_compact.c */

/* A failure poisons the list. */
int glr__list_compact(glr_list_t *list);

#endif
