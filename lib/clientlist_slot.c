/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The slots of the client list: header, making them, keeping a copy of a damaged one.  glr-clients(5). */
#include "clientlist_private.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define HEADER_VERSION 1
#define HEADER_SIZE 128
#define HEADER_CRC 124
#define CHUNK_BYTES 16384
#define SLOT_BYTES_MIN (GLR__LIST_RECORDS + 4 * GLR__LIST_RESERVE)

static const char header_magic[8] = {'g', 'l', 'r', '-', 'l', 'i', 's', 't'};
static const char *const slot_names[2] = {"clients.0", "clients.1"};
static const char *const new_names[2] = {"clients.0.new", "clients.1.new"};

void glr__list_header_encode(const struct glr__list_header *header, uint8_t out[GLR__LIST_RECORDS])
{
	memset(out, 0, GLR__LIST_RECORDS);
	memcpy(out, header_magic, sizeof(header_magic));
	glr__put32(out + 8, HEADER_VERSION);
	glr__put32(out + 12, header->flags);
	glr__put64(out + 16, header->generation);
	glr__put64(out + 24, header->salt);
	glr__put64(out + 32, header->epoch);
	glr__put64(out + 40, header->slot_bytes);
	glr__put32(out + 48, header->nsm_state);
	glr__put32(out + 52, header->v4_epoch);
	memcpy(out + 56, header->group, strlen(header->group));
	glr__put32(out + 120, header->v4_recovery);
	glr__put32(out + HEADER_CRC, glr__crc32c(0, out, HEADER_CRC));
	memcpy(out + GLR__LIST_BLOCK, out, HEADER_SIZE);
}

static int header_decode(const uint8_t *in, struct glr__list_header *header)
{
	/* Magic, version and checksum stay where they are in every version to come. */
	if (memcmp(in, header_magic, sizeof(header_magic)) != 0 ||
	    glr__get32(in + HEADER_CRC) != glr__crc32c(0, in, HEADER_CRC))
		return -EBADMSG;
	if (glr__get32(in + 8) > HEADER_VERSION)
		return -EPROTONOSUPPORT;
	header->flags = glr__get32(in + 12);
	header->generation = glr__get64(in + 16);
	header->salt = glr__get64(in + 24);
	header->epoch = glr__get64(in + 32);
	header->slot_bytes = glr__get64(in + 40);
	header->nsm_state = glr__get32(in + 48);
	header->v4_epoch = glr__get32(in + 52);
	header->v4_recovery = glr__get32(in + 120);
	if (header->v4_epoch == 0) /* no NFSv4 client was ever recorded */
		header->v4_epoch = 1;
	memcpy(header->group, in + 56, GLR_GROUP_MAX);
	header->group[GLR_GROUP_MAX - 1] = '\0';
	return header->slot_bytes < SLOT_BYTES_MIN ? -EBADMSG : 0;
}

int glr__list_header_read(int fd, struct glr__list_header *header)
{
	uint8_t bytes[GLR__LIST_RECORDS] = {0};
	struct glr__list_header copies[2];
	size_t got;
	int newer;
	int rcs[2];
	int rc;

	rc = glr__pread_all(fd, bytes, sizeof(bytes), 0, &got);
	if (rc)
		return rc;
	rcs[0] = header_decode(bytes, &copies[0]);
	rcs[1] = header_decode(bytes + GLR__LIST_BLOCK, &copies[1]);
	if (rcs[0] == -EPROTONOSUPPORT || rcs[1] == -EPROTONOSUPPORT)
		return -EPROTONOSUPPORT;
	if (rcs[0] && rcs[1])
		return -EBADMSG;
	/* They differ when a power failure came between their blocks; the records were synced before either.
	 */
	newer = rcs[0] || (!rcs[1] && copies[1].generation > copies[0].generation);
	*header = copies[newer];
	return 0;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

int glr__list_zero(int fd, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[CHUNK_BYTES];
	size_t length;
	int rc = 0;

	for (; from < to && !rc; from += length) {
		length = to - from < CHUNK_BYTES ? (size_t)(to - from) : CHUNK_BYTES;
		rc = glr__pwrite_all(fd, zeros, length, (off_t)from);
	}
	return rc;
}

int glr__list_wipe(int fd, uint64_t from, uint64_t to)
{
	uint8_t chunk[CHUNK_BYTES];
	size_t length, got;
	int rc = 0;

	while (from < to && !rc) {
		length = to - from < CHUNK_BYTES ? (size_t)(to - from) : CHUNK_BYTES;
		rc = glr__pread_all(fd, chunk, length, (off_t)from, &got);
		if (!rc && (got < length || !is_zero(chunk, length)))
			rc = glr__list_zero(fd, from, from + length);
		from += length;
	}
	return rc;
}

/* ---- making a list ------------------------------------------------------- */

/*
 * The zeros are written although fallocate() promises zeros: a block that is only reserved is marked
 * "unwritten", and the first write to it changes metadata, which would put a journal commit into the sync of
 * every new client.
 */
static int make_slot(int directory_fd, const char *name, const struct glr__list_header *header)
{
	uint8_t head[GLR__LIST_RECORDS];
	int fd;
	int rc;

	rc = glr__unlink(directory_fd, name);
	if (rc && rc != -ENOENT)
		return rc;
	fd = glr__open_new(directory_fd, name, 0600);
	if (fd < 0)
		return fd;
	rc = glr__preallocate(fd, header->slot_bytes);
	if (!rc)
		rc = glr__list_zero(fd, 0, header->slot_bytes);
	glr__list_header_encode(header, head);
	if (!rc)
		rc = glr__pwrite_all(fd, head, sizeof(head), 0);
	if (!rc)
		rc = glr__fsync(fd);
	close(fd);
	return rc;
}

/* What an interrupted format left: the second slot, which has never been the list. */
static int remove_leftover(int directory_fd)
{
	struct glr__list_header header;
	int fd = glr__open_read(directory_fd, slot_names[1]);
	int rc;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = glr__list_header_read(fd, &header);
	close(fd);
	if (rc || header.generation != 0)
		return -EEXIST;
	return glr__unlink(directory_fd, slot_names[1]);
}

static int slot_exists(int directory_fd, const char *name)
{
	int fd = glr__open_read(directory_fd, name);

	if (fd == -ENOENT)
		return 0;
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : -EEXIST;
}

static int first_headers(const char *group, uint64_t slot_bytes, bool missing,
			 struct glr__list_header headers[2])
{
	uint32_t past;
	int rc;
	int i;

	/* Clients may remember a state of a list before this one, and would ignore being told the same. */
	rc = glr__random(&past, sizeof(past));
	for (i = 0; i < 2 && !rc; i++) {
		memset(&headers[i], 0, sizeof(headers[i]));
		memcpy(headers[i].group, group, strlen(group));
		headers[i].flags = missing ? GLR__LIST_MISSING : 0;
		headers[i].generation = i == 0 ? 1 : 0;
		headers[i].slot_bytes = slot_bytes;
		headers[i].nsm_state = (past >> 2) & ~1u;
		headers[i].v4_epoch = 1;
		rc = glr__random(&headers[i].salt, sizeof(headers[i].salt));
	}
	return rc;
}

/* "clients.0" appears last, whole: where it is, there is a list. */
int glr_list_format(int directory_fd, const char *group, uint64_t slot_bytes, bool missing)
{
	struct glr__list_header headers[2];
	int rc;
	int i;

	if (!glr__group_valid(group) || slot_bytes < SLOT_BYTES_MIN || slot_bytes % GLR__LIST_BLOCK ||
	    slot_bytes > INT64_MAX)
		return -EINVAL;
	rc = slot_exists(directory_fd, slot_names[0]);
	if (!rc)
		rc = remove_leftover(directory_fd);
	if (!rc)
		rc = first_headers(group, slot_bytes, missing, headers);
	for (i = 1; i >= 0 && !rc; i--)
		rc = make_slot(directory_fd, new_names[i], &headers[i]);
	for (i = 1; i >= 0 && !rc; i--) {
		rc = glr__rename_new(directory_fd, new_names[i], slot_names[i]);
		if (!rc)
			rc = glr__fsync(directory_fd);
	}
	if (rc) {
		glr__unlink(directory_fd, new_names[0]);
		glr__unlink(directory_fd, new_names[1]);
	}
	return rc;
}

/* ---- keeping a damaged slot ------------------------------------------------ */

/* Zeros are left out: the copy takes no more room than what was written. */
static int copy_sparse(int from, int to)
{
	uint8_t chunk[GLR__LIST_BLOCK];
	uint64_t offset = 0;
	size_t got = 0;
	int rc;

	do {
		rc = glr__pread_all(from, chunk, GLR__LIST_BLOCK, (off_t)offset, &got);
		if (!rc && !is_zero(chunk, got))
			rc = glr__pwrite_all(to, chunk, got, (off_t)offset);
		offset += got;
	} while (!rc && got == GLR__LIST_BLOCK);
	if (!rc)
		rc = glr__truncate(to, offset);
	if (!rc)
		rc = glr__fsync(to);
	return rc;
}

static int copy_slot(int directory_fd, const char *slot, const char *name)
{
	int from = glr__open_read(directory_fd, slot);
	int to;
	int rc;

	if (from < 0)
		return from;
	to = glr__open_new(directory_fd, name, 0600);
	if (to < 0) {
		close(from);
		return to;
	}
	rc = copy_sparse(from, to);
	close(to);
	close(from);
	if (rc)
		glr__unlink(directory_fd, name);
	return rc ? rc : glr__fsync(directory_fd);
}

int glr__list_keep_broken(int directory_fd, const glr_list_t *list)
{
	unsigned slots = list ? list->damaged_slots : 3;
	char name[64], stamp[32];
	struct tm utc;
	time_t now = time(NULL);
	int rc = 0;
	int i;

	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	for (i = 0; i < 2 && !rc; i++) {
		if (!(slots & (1u << i)))
			continue;
		snprintf(name, sizeof(name), "clients.broken-%s.%d", stamp, i);
		rc = copy_slot(directory_fd, slot_names[i], name);
	}
	return rc;
}
