/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of the client list is not public: the asynchronous half of a change, room ahead, NFSv4 clients. */
#ifndef GLR_CLIENTLIST_H
#define GLR_CLIENTLIST_H

#include "glr_private.h"
#include "record.h"

/* ---- clientlist.c: the asynchronous half of a change --------------------- */

/*
 * A change is prepared in memory by the owner of the list, written by anybody
 * (a worker thread: it touches only the operation), and committed by the owner.
 * One operation at a time: every change in between is -EBUSY.
 */
struct glr__list_upkeep;
struct glr__list_write {
	int fd;
	off_t offset;
	size_t length; /* 0: nothing to write, commit at once */
	uint8_t bytes[2048];
	int other_fd; /* the other slot, which shows whether somebody else has gone on with the list */
	uint64_t generation;
	struct glr__list_upkeep *upkeep; /* a step of it is written instead of bytes */
};
/* Of all that prepare: @return 0, -EAGAIN (after the rewriting that is wanted now: upkeep), -EBUSY, -EROFS, -ENOSPC, -ENOMEM,
 * or the error that poisoned the list.  Also -EINVAL (a name that is none), -ENOENT. */
int glr__list_prepare_add(glr_list_t *list, const char *name, const struct glr_address *address,
			  struct glr__list_write *op);
int glr__list_prepare_remove(glr_list_t *list, const char *name, struct glr__list_write *op);
int glr__list_prepare_missed(glr_list_t *list, const char *name, struct glr__list_write *op);
int glr__list_prepare_begin(glr_list_t *list, bool fresh, struct glr__list_write *op);
int glr__list_prepare_end(glr_list_t *list, struct glr__list_write *op);
/* Writes and syncs.  @return 0, -EROFS (the file system was made read-only meanwhile), -ESTALE (somebody else writes this
 * list), or the error of the write or the sync */
int glr__list_write(const struct glr__list_write *op);
/* @param result of the write; an error poisons the list */
int glr__list_commit(glr_list_t *list, int result);
/* Poisons a list whose file system was made read-only: overwriting might still seem to succeed.  @return 0 or the error */
int glr__list_check(glr_list_t *list);

/* ---- clientlist_upkeep.c: room ahead, without making anybody wait ------------- */

/*
 * The other slot is enlarged, and the list rewritten into it, in steps of a few milliseconds, beside the changes: a second
 * worker writes a step while the first one writes a change.  Only the last step, which switches to the
 * other slot, is a change itself.
 */

/* Both slots are reserved for 100 000 clients more than there are.  @return 0 (op->length 0: nothing is to be done, or the
 * switch is), -EBUSY (a step is under way), -ENOMEM, or the error that poisoned the list */
int glr__list_prepare_upkeep(glr_list_t *list, struct glr__list_write *op);
/* @param result of the write; an error poisons the list, but for a full file system */
int glr__list_upkeep_done(glr_list_t *list, int result);
/* The switch, when it is due, else op->length is 0; committed with glr__list_commit(). */
int glr__list_prepare_switch(glr_list_t *list, struct glr__list_write *op);

/* ---- clientlist_slot.c ----------------------------------------------------------- */

/*
 * Copies every damaged slot to "clients.broken-TIME.SLOT" beside it, synced.  Until it is copied nothing more is
 * lost: the list is rewritten into the other slot, and the damaged one is not touched before the rewriting after
 * that.  Uses free space only: where there is none, the beginnings of the copy are removed.
 * @param list NULL when glr_list_open() said -EBADMSG: both slots are copied
 * @return 0 (also when no slot is damaged), -ENOSPC, -EEXIST (twice in one second), or another error of the file system
 */
int glr__list_keep_broken(int directory_fd, const glr_list_t *list);

/* ---- clientlist_v4.c: NFSv4 clients, as nfsd tells its tracking daemon ------ */

/*
 * A client is current from its add on.  While nfsd is in grace, those that were current when grace began are
 * recoverable: they may reclaim.  Grace done strikes off who is not current.  Grace that begins again before
 * it was done (the server died in it) finds the same recoverable ones, and forgets what came meanwhile.
 * Prepared, written and committed like the changes above; op->length is 0 when there is nothing to write.
 */

/* @return 0, -EINVAL (identifier empty or too long), -ENOSPC, -ENOMEM, -EBUSY, or the error that poisoned the list */
int glr__list_prepare_v4_add(glr_list_t *list, const struct glr__v4_client *client, struct glr__list_write *op);
/*
 * Makes a client current that nfsd does not report: of version 0, it has reclaimed, and nfsd says neither that nor, later,
 * that its lease has run out.  Who asked for this has to watch it, and to remove it before its locks can be another's.
 * It is watched until an add of nfsd's own.  @return as add
 */
int glr__list_prepare_v4_watch(glr_list_t *list, const struct glr__v4_client *client, struct glr__list_write *op);
/* No longer current; a recoverable client stays so until grace is done.  @return 0, -ENOENT, or as add */
int glr__list_prepare_v4_remove(glr_list_t *list, const struct glr__v4_client *client, struct glr__list_write *op);
int glr__list_prepare_v4_grace_begin(glr_list_t *list, struct glr__list_write *op);
int glr__list_prepare_v4_grace_done(glr_list_t *list, struct glr__list_write *op);
enum glr__v4_group {
	GLR__V4_GROUP_RECOVERABLE, /* may reclaim */
	GLR__V4_GROUP_LATE,	   /* the end of grace would strike them off */
	GLR__V4_GROUP_CURRENT,
	GLR__V4_GROUP_WATCHED, /* current, and not known to nfsd as such */
};
bool glr__list_v4_is_among(const glr_list_t *list, enum glr__v4_group group, const void *id, size_t length);
/* @return 0 or what fn returned; fn must not change the list */
int glr__list_v4_foreach(const glr_list_t *list, enum glr__v4_group group,
			 int (*fn)(const struct glr__v4_client *client, void *arg), void *arg);
bool glr__list_v4_may_reclaim(const glr_list_t *list, const void *id, size_t length);

#endif
