/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log of the cookie table, on tmpfs.  Nothing is synced: lockd does not outlive the node either.
 *
 * The file: a block for the header, then the log of one generation, which begins at its `base`.  Compaction
 * writes the next generation behind the end, points the header to it with one small write, which a signal
 * cannot divide, and gives the old blocks back.  So being killed at any point leaves one generation whole.
 */
#include "cookies_private.h"
#include "record.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_BYTES 4096
#define HEADER_SIZE 48
#define HEADER_CRC 44
#define HEADER_VERSION 1
#define HEADER_DAMAGED 1
#define COMPACT_BYTES_MIN (1u << 20)

static const char header_magic[8] = {'g', 'l', 'r', '-', 'c', 'o', 'o', 'k'};

/* ---- payloads ------------------------------------------------------------- */

#define COOKIE_FIXED 32 /* incarnation 4, prog 4, vers 4, proc 4, priv 16; the name follows */
#define WINDOW_FIXED                                                                                         \
	28 /* notify_end_ms 8, grace_end_ms 8, fresh 4, incarnation 4, bytes of identifiers 4; both texts    \
	      follow */

size_t glr__cookies_encode(const struct glr__cookie_entry *entry, uint8_t *out)
{
	size_t length = strlen(entry->name);

	glr__put32(out, entry->incarnation);
	glr__put32(out + 4, entry->prog);
	glr__put32(out + 8, entry->vers);
	glr__put32(out + 12, entry->proc);
	memcpy(out + 16, entry->priv, sizeof(entry->priv));
	memcpy(out + COOKIE_FIXED, entry->name, length);
	return COOKIE_FIXED + length;
}

static int decode_cookie(const struct glr__record *record, struct glr__cookie *cookie)
{
	size_t length = record->length - COOKIE_FIXED;

	if (record->length <= COOKIE_FIXED || length >= sizeof(cookie->name))
		return -EBADMSG;
	cookie->prog = glr__get32(record->payload + 4);
	cookie->vers = glr__get32(record->payload + 8);
	cookie->proc = glr__get32(record->payload + 12);
	memcpy(cookie->priv, record->payload + 16, sizeof(cookie->priv));
	memcpy(cookie->name, record->payload + COOKIE_FIXED, length);
	cookie->name[length] = '\0';
	return 0;
}

size_t glr__cookies_encode_window(const struct glr__window *window, uint32_t incarnation, uint8_t *out)
{
	size_t identifiers = strlen(window->identifiers);
	size_t names = strlen(window->names);

	glr__put64(out, window->notify_end_ms);
	glr__put64(out + 8, window->grace_end_ms);
	glr__put32(out + 16, window->fresh);
	glr__put32(out + 20, incarnation);
	glr__put32(out + 24, (uint32_t)identifiers);
	memcpy(out + WINDOW_FIXED, window->identifiers, identifiers);
	memcpy(out + WINDOW_FIXED + identifiers, window->names, names);
	return WINDOW_FIXED + identifiers + names;
}

static int decode_window(const struct glr__record *record, struct glr__window *window)
{
	size_t identifiers, names;

	if (record->length < WINDOW_FIXED)
		return -EBADMSG;
	identifiers = glr__get32(record->payload + 24);
	if (identifiers >= sizeof(window->identifiers) || identifiers > record->length - WINDOW_FIXED)
		return -EBADMSG;
	names = record->length - WINDOW_FIXED - identifiers;
	if (names >= sizeof(window->names))
		return -EBADMSG;
	memset(window, 0, sizeof(*window));
	window->notify_end_ms = glr__get64(record->payload);
	window->grace_end_ms = glr__get64(record->payload + 8);
	window->fresh = glr__get32(record->payload + 16);
	memcpy(window->identifiers, record->payload + WINDOW_FIXED, identifiers);
	memcpy(window->names, record->payload + WINDOW_FIXED + identifiers, names);
	return 0;
}

/* ---- the header ------------------------------------------------------------ */

static int header_write(const glr__cookies_t *cookies, const struct glr__cookies_log *log)
{
	uint8_t out[HEADER_SIZE] = {0};

	memcpy(out, header_magic, sizeof(header_magic));
	glr__put32(out + 8, HEADER_VERSION);
	glr__put32(out + 12, cookies->whole ? 0 : HEADER_DAMAGED);
	glr__put64(out + 16, log->generation);
	glr__put64(out + 24, log->salt);
	glr__put64(out + 32, log->base);
	glr__put32(out + HEADER_CRC, glr__crc32c(0, out, HEADER_CRC));
	return glr__pwrite_all(cookies->fd, out, sizeof(out), 0);
}

static int header_read(glr__cookies_t *cookies, uint64_t size)
{
	struct glr__cookies_log *log = &cookies->log;
	uint8_t in[HEADER_SIZE] = {0};
	size_t got;
	int rc;

	rc = glr__pread_all(cookies->fd, in, sizeof(in), 0, &got);
	if (rc)
		return rc;
	if (memcmp(in, header_magic, sizeof(header_magic)) != 0 || glr__get32(in + 8) != HEADER_VERSION ||
	    glr__get32(in + HEADER_CRC) != glr__crc32c(0, in, HEADER_CRC))
		return -EBADMSG;
	if (glr__get32(in + 12) & HEADER_DAMAGED)
		cookies->whole = false;
	log->generation = glr__get64(in + 16);
	log->salt = glr__get64(in + 24);
	log->base = glr__get64(in + 32);
	log->seed = glr__record_seed(log->salt, log->generation);
	log->end = log->base;
	/* A table that nothing was put into yet has nothing behind its header. */
	if (log->base > size && log->base != BLOCK_BYTES)
		cookies->whole = false;
	return 0;
}

static int log_begin(glr__cookies_t *cookies)
{
	struct glr__cookies_log *log = &cookies->log;
	int rc;

	log->generation = 1;
	log->base = log->end = BLOCK_BYTES;
	rc = glr__random(&log->salt, sizeof(log->salt));
	if (rc)
		return rc;
	log->seed = glr__record_seed(log->salt, log->generation);
	rc = glr__truncate(cookies->fd, 0);
	return rc ? rc : header_write(cookies, log);
}

/* ---- reading it back ----------------------------------------------------------- */

static int replay_cookie(glr__cookies_t *cookies, const struct glr__record *record)
{
	struct glr__cookie_entry *entry;
	struct glr__cookie cookie;
	int rc;

	rc = decode_cookie(record, &cookie);
	if (!rc)
		rc = glr__table_reserve(&cookies->table);
	if (rc)
		return rc;
	entry = glr__cookies_entry_new(&cookie, glr__get32(record->payload));
	if (!entry)
		return -ENOMEM;
	glr__cookies_set(cookies, entry);
	return 0;
}

static int replay_record(glr__cookies_t *cookies, const struct glr__record *record)
{
	char name[GLR_NAME_MAX];
	int rc;

	switch (record->type) {
	case GLR__RECORD_COOKIE:
		return replay_cookie(cookies, record);
	case GLR__RECORD_ACKNOWLEDGED:
		return glr__cookies_note_acknowledged(cookies, (const char *)record->payload, record->length);
	case GLR__RECORD_UNCOOKIE:
		if (record->length >= sizeof(name))
			return -EBADMSG;
		memcpy(name, record->payload, record->length);
		name[record->length] = '\0';
		glr__cookies_drop(cookies, name);
		return 0;
	case GLR__RECORD_WINDOW:
		rc = decode_window(record, &cookies->window);
		if (rc)
			return rc;
		cookies->opened = true;
		glr__cookies_set_incarnation(cookies, glr__get32(record->payload + 20));
		return 0;
	case GLR__RECORD_FROZEN:
		if (record->length != 1)
			return -EBADMSG;
		cookies->frozen = record->payload[0];
		return 0;
	default:
		return -EBADMSG;
	}
}

/* Of a write that a signal cut off, or of a compaction: not damage. */
static bool is_remainder(const glr__cookies_t *cookies, const uint8_t *bytes, size_t length)
{
	uint32_t next_seed = glr__record_seed(cookies->log.salt, cookies->log.generation + 1);
	size_t declared = glr__record_declared(bytes, length);
	struct glr__record record;

	return length < GLR__RECORD_HEAD || declared > length ||
	       glr__record_decode(next_seed, bytes, length, &record) > 0;
}

static size_t find_valid(const glr__cookies_t *cookies, const uint8_t *bytes, size_t offset, size_t length)
{
	struct glr__record record;

	while (offset < length &&
	       glr__record_decode(cookies->log.seed, bytes + offset, length - offset, &record) < 0)
		offset += 8;
	return offset;
}

static int replay(glr__cookies_t *cookies, const uint8_t *bytes, size_t length)
{
	struct glr__cookies_log *log = &cookies->log;
	struct glr__record record;
	size_t offset = 0;
	size_t next;
	int frame;
	int rc;

	while (offset < length) {
		frame = glr__record_decode(log->seed, bytes + offset, length - offset, &record);
		if (frame < 0) {
			next = find_valid(cookies, bytes, offset + 8, length);
			if (next < length || !is_remainder(cookies, bytes + offset, length - offset))
				cookies->whole = false;
			offset = next;
			continue;
		}
		rc = replay_record(cookies, &record);
		if (rc == -ENOMEM)
			return rc;
		if (rc || record.sequence != log->sequence + 1)
			cookies->whole = false;
		log->sequence = record.sequence;
		offset += (size_t)frame;
		log->end = log->base + offset;
	}
	return 0;
}

int glr__cookies_log_open(glr__cookies_t *cookies)
{
	struct glr__cookies_log *log = &cookies->log;
	uint8_t *bytes = NULL;
	bool was_whole;
	uint64_t size;
	size_t got = 0;
	int rc;

	log->compact_bytes = COMPACT_BYTES_MIN;
	rc = glr__file_size(cookies->fd, &size);
	if (rc)
		return rc;
	rc = size > 0 ? header_read(cookies, size) : -EBADMSG;
	if (rc == -EBADMSG) {
		cookies->whole = size == 0;
		return log_begin(cookies);
	}
	if (rc)
		return rc;
	was_whole = cookies->whole;
	if (size > log->base) {
		bytes = malloc((size_t)(size - log->base));
		rc = bytes ? glr__pread_all(cookies->fd, bytes, (size_t)(size - log->base), (off_t)log->base,
					    &got)
			   : -ENOMEM;
	}
	if (!rc)
		rc = replay(cookies, bytes, got);
	/* Written down, because what is cut off now is not seen by the next who opens it. */
	if (!rc && was_whole && !cookies->whole)
		rc = header_write(cookies, log);
	if (!rc && size > log->end)
		rc = glr__truncate(cookies->fd, log->end);
	free(bytes);
	return rc;
}

/* ---- writing ---------------------------------------------------------------------- */

static int append_to(glr__cookies_t *cookies, struct glr__cookies_log *log, uint8_t type,
		     const uint8_t *payload, size_t length)
{
	struct glr__record record = {
		.type = type,
		.sequence = log->sequence + 1,
		.payload = payload,
		.length = length,
	};
	uint8_t bytes[GLR__RECORD_FRAME_MAX];
	int frame = glr__record_encode(log->seed, &record, bytes, sizeof(bytes));
	int rc;

	if (frame < 0)
		return frame;
	rc = glr__pwrite_all(cookies->fd, bytes, (size_t)frame, (off_t)log->end);
	if (rc)
		return rc;
	log->sequence++;
	log->end += (uint64_t)frame;
	return 0;
}

static int write_all(glr__cookies_t *cookies, struct glr__cookies_log *log)
{
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX];
	uint8_t frozen = cookies->frozen;
	const struct glr__node *node;
	int rc;

	rc = append_to(cookies, log, GLR__RECORD_FROZEN, &frozen, sizeof(frozen));
	if (!rc && cookies->opened)
		rc = append_to(cookies, log, GLR__RECORD_WINDOW, payload,
			       glr__cookies_encode_window(&cookies->window, cookies->incarnation, payload));
	for (node = cookies->table.first; !rc && node; node = node->next)
		rc = append_to(cookies, log, GLR__RECORD_COOKIE, payload,
			       glr__cookies_encode((const struct glr__cookie_entry *)node, payload));
	for (node = cookies->acknowledged.first; !rc && node; node = node->next)
		rc = append_to(cookies, log, GLR__RECORD_ACKNOWLEDGED, (const uint8_t *)node->name,
			       node->length);
	return rc;
}

/* A failure changes nothing: the old generation goes on. */
static void compact(glr__cookies_t *cookies)
{
	struct glr__cookies_log *log = &cookies->log;
	struct glr__cookies_log next = *log;
	int rc;

	next.generation++;
	next.seed = glr__record_seed(next.salt, next.generation);
	next.base = log->end;
	next.sequence = 0;
	rc = write_all(cookies, &next);
	if (!rc)
		rc = header_write(cookies, &next);
	if (rc) {
		glr__truncate(cookies->fd, log->end);
		log->compact_bytes = 2 * (log->end - log->base);
		return;
	}
	glr__punch_hole(cookies->fd, BLOCK_BYTES, next.base - BLOCK_BYTES);
	next.compact_bytes = 2 * (next.end - next.base);
	if (next.compact_bytes < COMPACT_BYTES_MIN)
		next.compact_bytes = COMPACT_BYTES_MIN;
	*log = next;
}

int glr__cookies_append(glr__cookies_t *cookies, uint8_t type, const uint8_t *payload, size_t length)
{
	struct glr__cookies_log *log = &cookies->log;
	int rc;

	if (log->end - log->base > log->compact_bytes)
		compact(cookies);
	rc = append_to(cookies, log, type, payload, length);
	/* What was written of it must not look like damage later. */
	if (rc)
		glr__truncate(cookies->fd, log->end);
	return rc;
}
