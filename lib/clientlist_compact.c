/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rewriting the client list into the other slot, without rename and without a new block. */
#include "clientlist_private.h"

#include <errno.h>
#include <stdlib.h>

#define BUFFER_BYTES 65536

struct writer {
	int fd;
	uint32_t seed;
	uint64_t sequence;
	uint64_t offset; /* of the buffer's first byte */
	size_t filled;
	uint8_t *buffer;
};

static int flush(struct writer *writer)
{
	int rc = glr__pwrite_all(writer->fd, writer->buffer, writer->filled, (off_t)writer->offset);

	writer->offset += writer->filled;
	writer->filled = 0;
	return rc;
}

static int write_entry(struct writer *writer, const struct glr__list_entry *entry)
{
	struct glr__client_record client = {
		.name = entry->name,
		.name_length = strlen(entry->name),
		.address = entry->address,
		.missed = entry->missed,
	};
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX];
	struct glr__record record = {.type = GLR__RECORD_ADD, .payload = payload};
	int length, frame;
	int rc;

	if (BUFFER_BYTES - writer->filled < GLR__RECORD_FRAME_MAX) {
		rc = flush(writer);
		if (rc)
			return rc;
	}
	length = glr__record_encode_client(&client, payload, sizeof(payload));
	if (length < 0)
		return length;
	record.length = (size_t)length;
	record.sequence = ++writer->sequence;
	frame = glr__record_encode(writer->seed, &record, writer->buffer + writer->filled,
				   BUFFER_BYTES - writer->filled);
	if (frame < 0)
		return frame;
	writer->filled += (size_t)frame;
	return 0;
}

static int write_entries(const glr_list_t *list, struct writer *writer)
{
	const struct glr__node *node;
	size_t position = 0;
	int rc = 0;

	while (!rc && (node = glr__table_next(&list->table, &position)))
		rc = write_entry(writer, (const struct glr__list_entry *)node);
	return rc ? rc : flush(writer);
}

/* The header goes last, after the records are safe: until then the other slot is the list. */
static int write_slot(const glr_list_t *list, const struct glr__list_header *header, struct writer *writer)
{
	uint8_t head[GLR__LIST_RECORDS];
	int rc;

	rc = write_entries(list, writer);
	if (!rc)
		rc = glr__list_wipe(writer->fd, writer->offset, header->slot_bytes);
	if (!rc)
		rc = glr__fdatasync(writer->fd);
	if (rc)
		return rc;
	glr__list_header_encode(header, head);
	rc = glr__pwrite_all(writer->fd, head, sizeof(head), 0);
	return rc ? rc : glr__fdatasync(writer->fd);
}

int glr__list_compact(glr_list_t *list)
{
	struct glr__list_header header = list->now;
	struct writer writer = {.fd = list->fds[!list->slot], .offset = GLR__LIST_RECORDS};
	int rc;

	/* Neither of these is an error of the disk. */
	rc = glr__random(&header.salt, sizeof(header.salt));
	if (rc)
		return rc;
	writer.buffer = malloc(BUFFER_BYTES);
	if (!writer.buffer)
		return -ENOMEM;

	header.generation++;
	writer.seed = glr__record_seed(header.salt, header.generation);
	rc = write_slot(list, &header, &writer);
	free(writer.buffer);
	if (rc) {
		list->error = rc;
		return rc;
	}
	list->slot = !list->slot;
	list->now = header;
	list->seed = writer.seed;
	list->sequence = writer.sequence;
	list->end = writer.offset;
	list->must_move = false;
	return 0;
}
