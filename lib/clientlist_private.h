/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the client list share, and nobody else sees. */
#ifndef GLR_CLIENTLIST_PRIVATE_H
#define GLR_CLIENTLIST_PRIVATE_H

#include "clientlist.h"
#include "record.h"
#include "table.h"

#define GLR__LIST_BLOCK 4096
/* Two copies of the header, each in a block of its own: what loses one rarely loses the other. */
#define GLR__LIST_RECORDS (2 * GLR__LIST_BLOCK)
/* An ADD leaves so much free, so that every other change always fits after a rewriting. */
#define GLR__LIST_RESERVE GLR__LIST_BLOCK
/* Kept free ahead: 100 000 more clients.  A record takes 56 bytes (IPv4), 72 (IPv6), about 110 (NFSv4). */
#define GLR__LIST_AHEAD_BYTES (100000u * 112)
#define GLR__LIST_STEP_BYTES (128u << 10)

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
	uint32_t v4_epoch;    /* of the NFSv4 clients that are current; from 1 on */
	uint32_t v4_recovery; /* the one its clients may reclaim from; 0: not in grace */
};

struct glr__list_entry {
	struct glr__node node;
	struct glr_address address;
	uint32_t struck_at; /* replay: damages found before its DEL, plus 1; 0 while it is on the list */
	bool missed;
	char name[];
};

/* nfsd's clients belong to numbered epochs, so that the beginning and the end of grace move them all in one
 * step. */
struct glr__list_v4 {
	struct glr__node node; /* its name is the identifier */
	uint32_t current, previous;
	uint32_t struck_at; /* as above */
	bool has_hash, watched;
	uint8_t hash[GLR__V4_HASH];
	uint8_t id[];
};

enum glr__v4_class { /* what an NFSv4 client is; NONE only waits to be freed */
		     GLR__V4_NONE,
		     GLR__V4_CURRENT,
		     GLR__V4_RECOVERABLE,
		     GLR__V4_RECLAIMED, /* both */
		     GLR__V4_CLASSES,
};

struct glr__list_pending {
	bool active;
	uint8_t type;
	size_t frame;
	struct glr__list_entry *entry; /* of the table; for a new client not yet in it */
	struct glr__list_v4 *v4;       /* the same for V4_CLIENT */
	bool new_entry;
	struct glr_address address;	/* ADD */
	uint64_t epoch;			/* EPOCH */
	uint32_t nsm_state;		/* EPOCH */
	uint32_t v4_epoch, v4_recovery; /* V4_GRACE */
	uint32_t current, previous;	/* V4_CLIENT */
	bool has_hash, watched;		/* V4_CLIENT */
	uint8_t hash[GLR__V4_HASH];
};

enum glr__list_step {
	GLR__STEP_RESERVE,  /* blocks for both slots */
	GLR__STEP_GROW,	    /* zeros in the other slot, which make them its own */
	GLR__STEP_COPY,	    /* the clients, to the other slot */
	GLR__STEP_WIPE,	    /* zeros behind them */
	GLR__STEP_CATCH_UP, /* what was changed meanwhile */
	GLR__STEP_SWITCH,   /* the last of it, and the header */
};

/* Enlarging (the first two steps) or rewriting (the others) the slot that is not in use. */
struct glr__list_upkeep {
	enum glr__list_step step;
	bool busy; /* the writer has it; the list touches nothing of it */
	int source_fd, target_fd;
	bool source_damaged;   /* anything may stand behind its last record */
	uint64_t target_bytes; /* of the target, when all is done */
	uint64_t zeroed;       /* so far */

	struct glr__list_header header;
	uint32_t source_seed, target_seed;
	uint64_t sequence, end;	    /* of the target */
	uint64_t carried, carry_to; /* changes before this offset of the source are in the target */
	struct glr__node *next;	    /* to be copied */
	bool next_is_v4;
	size_t filled;
	uint8_t buffer[GLR__LIST_STEP_BYTES];
};

struct glr_list {
	int fds[2];
	uint64_t capacity[2]; /* bytes that are the slot's own, on disk */
	bool writable;
	int slot;		     /* the one in use */
	struct glr__list_header now; /* as the next rewriting would write it, but for generation and salt */
	uint32_t seed;		     /* of the records in the slot in use */
	uint64_t sequence;	     /* of the last record */
	uint64_t end;		     /* where the next record goes */
	uint64_t live_bytes;	     /* what the NSM clients take in a compacted slot */
	struct glr__table table;
	size_t missed;
	struct glr__table v4;
	struct {
		size_t count;
		uint64_t bytes;
	} v4_in[GLR__V4_CLASSES];
	enum glr_list_condition condition;
	bool must_move;	  /* the slot in use is damaged: nothing is appended to it */
	bool other_lost;  /* the other slot has no header; it may have been the newer list */
	bool damage_told; /* an earlier epoch began with the damage: it was reported, and a copy could be kept
			   */
	unsigned damaged_slots; /* bit per slot */
	int error;
	struct glr__list_pending pending;
	struct glr__list_upkeep *upkeep; /* NULL: nothing is under way */
	bool rewriting_wanted;
	bool file_system_full; /* this epoch: said once, and not tried again */
};

/* ---- clientlist_slot.c */

void glr__list_header_encode(const struct glr__list_header *header, uint8_t out[GLR__LIST_RECORDS]);
/* The newer of the two valid copies.  @return 0, -EBADMSG, -EPROTONOSUPPORT, or a read error */
int glr__list_header_read(int fd, struct glr__list_header *header);
int glr__list_zero(int fd, uint64_t from, uint64_t to);
/* Writes zeros where something else is.  A file that is too short grows. */
int glr__list_wipe(int fd, uint64_t from, uint64_t to);

/* ---- clientlist_replay.c */

size_t glr__list_entry_frame(size_t name_length);
struct glr__list_entry *glr__list_entry_new(const char *name, size_t length,
					    const struct glr_address *address);
int glr__list_replay(glr_list_t *list);

/* ---- clientlist_change.c */

#define GLR__LIST_SWITCH 0 /* as the type of a pending change: no record, the other slot becomes the list */

int glr__list_check_ready(const glr_list_t *list);
/* @return 0, -EAGAIN (after a rewriting), or -ENOSPC */
int glr__list_make_room(glr_list_t *list, uint64_t bytes);
/* Room must have been made. */
int glr__list_prepare(glr_list_t *list, const struct glr__list_pending *pending, const uint8_t *payload,
		      size_t length, struct glr__list_write *op);
/* Frees what the change would have added. */
void glr__list_drop_pending(glr_list_t *list);

/* ---- clientlist_upkeep.c */

/* What everything takes in a rewritten slot. */
uint64_t glr__list_live(const glr_list_t *list);
/* @return -EAGAIN when upkeep can make room for so many bytes, else -ENOSPC */
int glr__list_want_room(glr_list_t *list, uint64_t bytes);
/* To be called before the entry is freed. */
void glr__list_upkeep_forgets(glr_list_t *list, const struct glr__node *node);
void glr__list_apply_switch(glr_list_t *list);
/* A rewriting from beginning to end, and all upkeep that is due. */
int glr__list_rewrite_now(glr_list_t *list);

/* ---- clientlist_step.c: run by the writer */

int glr__list_step(struct glr__list_upkeep *upkeep);
/* Nothing at the offset of the slot in use, and no list newer than it in the other one.  @return 0, -ESTALE,
 * or a read error */
int glr__list_check_alone(int fd, off_t offset, int other_fd, uint64_t generation);

/* ---- clientlist_v4.c */

enum glr__v4_class glr__list_v4_class(const glr_list_t *list, const struct glr__list_v4 *v4);
/* Frees one that is nothing any more, unless a change is about to make it something. */
void glr__list_v4_forget(glr_list_t *list, struct glr__list_v4 *v4);
void glr__list_v4_record(const struct glr__list_v4 *v4, struct glr__v4_record *record);
void glr__list_v4_apply(glr_list_t *list, const struct glr__list_pending *pending);
void glr__list_v4_facts(const glr_list_t *list, struct glr_list_facts *facts);
/* @return 0, -EBADMSG or -ENOMEM */
int glr__list_v4_replay(glr_list_t *list, const struct glr__record *record, uint32_t damages);
void glr__list_v4_settle(glr_list_t *list, uint32_t damages);

#endif
