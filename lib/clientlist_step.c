/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of enlarging a slot and of rewriting the client list: what the writer does.  Without rename. */
#include "clientlist_private.h"

#include <errno.h>

#define WIPE_BYTES (1u << 20)

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int check_other(int other_fd, uint64_t generation)
{
	struct glr__list_header other;
	int rc = glr__list_header_read(other_fd, &other);

	if (rc == -EBADMSG)
		return 0;
	return rc ? rc : other.generation > generation ? -ESTALE : 0;
}

/*
 * Somebody else's record where the next one goes, or a newer list in the other slot: two monitors believe
 * that they keep this list, and the locks of one of them are not on it.
 */
int glr__list_check_alone(int fd, off_t offset, int other_fd, uint64_t generation)
{
	uint8_t head[GLR__RECORD_HEAD] = {0};
	size_t got;
	int rc;

	rc = glr__pread_all(fd, head, sizeof(head), offset, &got);
	if (rc)
		return rc;
	if (glr__get64(head) || glr__get64(head + 8))
		return -ESTALE;
	return check_other(other_fd, generation);
}

/* A failed reservation keeps what it got, which others may need. */
static int reserve_one(int fd, uint64_t bytes)
{
	uint64_t size;
	int rc;

	rc = glr__file_size(fd, &size);
	if (rc || size >= bytes)
		return rc ? rc : glr__preallocate(fd, bytes);
	rc = glr__preallocate(fd, bytes);
	if (rc)
		glr__truncate(fd, size);
	return rc ? rc : glr__fdatasync(fd);
}

/* The slot in use too: once the list has moved to a larger one, it must be possible to move back. */
static int reserve(const struct glr__list_upkeep *upkeep)
{
	int rc = reserve_one(upkeep->source_fd, upkeep->target_bytes);

	return rc ? rc : reserve_one(upkeep->target_fd, upkeep->target_bytes);
}

/* The slot is no list, and may become one: what its header says must be true before a header is relied upon.
 */
static int resize_header(const struct glr__list_upkeep *upkeep)
{
	uint8_t head[GLR__LIST_RECORDS];
	struct glr__list_header header;
	int copy;
	int rc;

	rc = glr__list_header_read(upkeep->target_fd, &header);
	if (rc)
		return rc == -EBADMSG ? 0 : rc;
	header.slot_bytes = upkeep->target_bytes;
	glr__list_header_encode(&header, head);
	for (copy = 0; copy < 2 && !rc; copy++) {
		rc = glr__pwrite_all(upkeep->target_fd, head + copy * GLR__LIST_BLOCK, GLR__LIST_BLOCK,
				     copy * GLR__LIST_BLOCK);
		if (!rc)
			rc = glr__fdatasync(upkeep->target_fd);
	}
	return rc;
}

static int grow(struct glr__list_upkeep *upkeep)
{
	uint64_t to = smaller(upkeep->zeroed + GLR__LIST_STEP_BYTES, upkeep->target_bytes);
	int rc;

	rc = glr__list_zero(upkeep->target_fd, upkeep->zeroed, to);
	if (!rc)
		rc = glr__fdatasync(upkeep->target_fd);
	upkeep->zeroed = to;
	if (!rc && to == upkeep->target_bytes)
		rc = resize_header(upkeep);
	return rc;
}

static int append(const struct glr__list_upkeep *upkeep)
{
	int rc = glr__pwrite_all(upkeep->target_fd, upkeep->buffer, upkeep->filled, (off_t)upkeep->end);

	return rc ? rc : glr__fdatasync(upkeep->target_fd);
}

static int wipe(struct glr__list_upkeep *upkeep)
{
	uint64_t to = smaller(upkeep->zeroed + WIPE_BYTES, upkeep->target_bytes);
	int rc = glr__list_wipe(upkeep->target_fd, upkeep->zeroed, to);

	upkeep->zeroed = to;
	return rc ? rc : glr__fdatasync(upkeep->target_fd);
}

/* The records as they are, but for sequence and checksum.  What was written and is not there now is a bad
 * disk. */
static int carry(struct glr__list_upkeep *upkeep)
{
	size_t length = (size_t)smaller(upkeep->carry_to - upkeep->carried, GLR__LIST_STEP_BYTES);
	struct glr__record record;
	uint8_t *bytes = upkeep->buffer;
	size_t got;
	int frame;
	int rc;

	upkeep->filled = 0;
	rc = glr__pread_all(upkeep->source_fd, bytes, length, (off_t)upkeep->carried, &got);
	if (rc)
		return rc;
	while ((frame = glr__record_decode(upkeep->source_seed, bytes + upkeep->filled, got - upkeep->filled,
					   &record)) > 0) {
		glr__record_move(upkeep->target_seed, ++upkeep->sequence, bytes + upkeep->filled);
		upkeep->filled += (size_t)frame;
	}
	/* Only a record that goes on behind the buffer may be left over. */
	if (got < length || (upkeep->filled < length && got - upkeep->filled >= GLR__RECORD_FRAME_MAX) ||
	    (upkeep->filled < length && upkeep->carried + length == upkeep->carry_to))
		return -EIO;
	return append(upkeep);
}

/* The header goes last, after the records are safe: until then the other slot is the list. */
static int switch_slot(struct glr__list_upkeep *upkeep)
{
	uint8_t head[GLR__LIST_RECORDS];
	int rc = 0;

	if (!upkeep->source_damaged)
		rc = glr__list_check_alone(upkeep->source_fd, (off_t)upkeep->carry_to, upkeep->target_fd,
					   upkeep->header.generation - 1);
	if (!rc && upkeep->carry_to > upkeep->carried)
		rc = carry(upkeep);
	if (rc)
		return rc;
	glr__list_header_encode(&upkeep->header, head);
	rc = glr__pwrite_all(upkeep->target_fd, head, sizeof(head), 0);
	if (!rc)
		rc = glr__fdatasync(upkeep->target_fd);
	return rc ? rc : glr__check_writable(upkeep->target_fd);
}

int glr__list_step(struct glr__list_upkeep *upkeep)
{
	int rc = check_other(upkeep->target_fd, upkeep->header.generation - 1);

	if (rc)
		return rc;
	switch (upkeep->step) {
	case GLR__STEP_RESERVE:
		return reserve(upkeep);
	case GLR__STEP_GROW:
		return grow(upkeep);
	case GLR__STEP_COPY:
		return append(upkeep);
	case GLR__STEP_WIPE:
		return wipe(upkeep);
	case GLR__STEP_CATCH_UP:
		return carry(upkeep);
	case GLR__STEP_SWITCH:
		return switch_slot(upkeep);
	}
	return -EINVAL;
}
