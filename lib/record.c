/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records <-> bytes: the framing of the client list and of the cookie table.  Pure.  glr-clients(5). */
#include "record.h"

#include <errno.h>
#include <string.h>

/* 0x1EDC6F41 reflected (Castagnoli), as in RFC 3720, appendix B.4. */
#define CRC32C_POLYNOMIAL 0x82f63b78u

/* [n][byte]: what a byte does to the checksum when n more follow it. */
static uint32_t crc32c_table[8][256];

__attribute__((constructor)) static void make_crc32c_table(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
		crc32c_table[0][byte] = crc;
	}
	for (int n = 1; n < 8; n++)
		for (int byte = 0; byte < 256; byte++) {
			uint32_t crc = crc32c_table[n - 1][byte];

			crc32c_table[n][byte] = crc >> 8 ^ crc32c_table[0][crc & 0xff];
		}
}

uint32_t glr__crc32c(uint32_t crc, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	crc = ~crc;
	for (; length >= 8; length -= 8, bytes += 8) {
		uint64_t word = glr__get64(bytes) ^ crc;

		crc = 0;
		for (int n = 7; n >= 0; n--, word >>= 8)
			crc ^= crc32c_table[n][word & 0xff];
	}
	while (length--)
		crc = crc32c_table[0][(crc ^ *bytes++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

uint32_t glr__record_seed(uint64_t salt, uint64_t generation)
{
	uint8_t bytes[16];

	glr__put64(bytes, salt);
	glr__put64(bytes + 8, generation);
	return glr__crc32c(0, bytes, sizeof(bytes));
}

/* Any single wrong bit in length, type or the check itself shows, and so does a head of zeros. */
static uint8_t head_check(const uint8_t *head)
{
	return (uint8_t)(0xa5 ^ head[4] ^ head[5] ^ head[6]);
}

size_t glr__record_frame(size_t payload_length)
{
	return (GLR__RECORD_HEAD + payload_length + 7) & ~(size_t)7;
}

size_t glr__record_declared(const uint8_t *bytes, size_t available)
{
	size_t length;

	if (available < GLR__RECORD_HEAD || bytes[7] != head_check(bytes) || bytes[6] == 0)
		return 0;
	length = glr__get16(bytes + 4);
	return length > GLR__RECORD_PAYLOAD_MAX ? 0 : glr__record_frame(length);
}

int glr__record_encode(uint32_t seed, const struct glr__record *record, uint8_t *out, size_t size)
{
	size_t frame = glr__record_frame(record->length);

	if (record->length > GLR__RECORD_PAYLOAD_MAX || frame > size)
		return -EMSGSIZE;
	memset(out, 0, frame);
	glr__put16(out + 4, (uint16_t)record->length);
	out[6] = record->type;
	out[7] = head_check(out);
	glr__put64(out + 8, record->sequence);
	if (record->length > 0)
		memcpy(out + GLR__RECORD_HEAD, record->payload, record->length);
	glr__put32(out, glr__crc32c(seed, out + 4, frame - 4));
	return (int)frame;
}

/* A record has one form only. */
static bool is_filled_with_zeros(const uint8_t *bytes, size_t from, size_t to)
{
	while (from < to && bytes[from] == 0)
		from++;
	return from == to;
}

int glr__record_decode(uint32_t seed, const uint8_t *bytes, size_t available, struct glr__record *record)
{
	size_t frame = glr__record_declared(bytes, available);

	if (frame == 0 || frame > available || glr__get32(bytes) != glr__crc32c(seed, bytes + 4, frame - 4))
		return -EBADMSG;
	record->type = bytes[6];
	record->sequence = glr__get64(bytes + 8);
	record->payload = bytes + GLR__RECORD_HEAD;
	record->length = glr__get16(bytes + 4);
	return is_filled_with_zeros(bytes, GLR__RECORD_HEAD + record->length, frame) ? (int)frame : -EBADMSG;
}

void glr__record_move(uint32_t seed, uint64_t sequence, uint8_t *bytes)
{
	glr__put64(bytes + 8, sequence);
	glr__put32(bytes, glr__crc32c(seed, bytes + 4, glr__record_frame(glr__get16(bytes + 4)) - 4));
}

#define CLIENT_FIXED 24 /* family 1, missed 1, zero 2, scope 4, address 16; the name follows without NUL */

int glr__record_encode_client(const struct glr__client_record *client, uint8_t *out, size_t size)
{
	if (CLIENT_FIXED + client->name_length > size)
		return -EMSGSIZE;
	memset(out, 0, CLIENT_FIXED);
	/* 4 and 6, because the numbers of address families differ between systems */
	if (client->address.family != AF_UNSPEC)
		out[0] = client->address.family == AF_INET ? 4 : 6;
	out[1] = client->missed;
	glr__put32(out + 4, client->address.scope_id);
	memcpy(out + 8, client->address.bytes, 16);
	memcpy(out + CLIENT_FIXED, client->name, client->name_length);
	return (int)(CLIENT_FIXED + client->name_length);
}

int glr__record_decode_client(const struct glr__record *record, struct glr__client_record *client)
{
	const uint8_t *in = record->payload;

	if (record->length <= CLIENT_FIXED || record->length >= CLIENT_FIXED + GLR_NAME_MAX || in[1] > 1)
		return -EBADMSG;
	memset(&client->address, 0, sizeof(client->address));
	switch (in[0]) {
	case 0:
		client->address.family = AF_UNSPEC;
		break;
	case 4:
		client->address.family = AF_INET;
		break;
	case 6:
		client->address.family = AF_INET6;
		break;
	default:
		return -EBADMSG;
	}
	client->missed = in[1];
	client->address.scope_id = glr__get32(in + 4);
	memcpy(client->address.bytes, in + 8, 16);
	client->name = (const char *)in + CLIENT_FIXED;
	client->name_length = record->length - CLIENT_FIXED;
	return memchr(client->name, 0, client->name_length) ? -EBADMSG : 0;
}

/*
 * Current 4, previous 4, with hash 1, watched 1, zero 2, hash 32; then the identifier in pieces of at most 255 bytes,
 * each behind its length; then one byte that is not zero.  So no sector of a record is all zeros, whatever
 * the identifier is.
 */
#define V4_FIXED 44
#define V4_PIECE 255
#define V4_TRAILER 0xa5

size_t glr__record_v4_length(size_t id_length)
{
	return V4_FIXED + id_length + (id_length + V4_PIECE - 1) / V4_PIECE + 1;
}

int glr__record_encode_v4(const struct glr__v4_record *v4, uint8_t *out, size_t size)
{
	const struct glr__v4_client *client = &v4->client;
	size_t length = glr__record_v4_length(client->id_length);
	size_t done, piece;

	if (length > size)
		return -EMSGSIZE;
	memset(out, 0, V4_FIXED);
	glr__put32(out, v4->current);
	glr__put32(out + 4, v4->previous);
	out[8] = client->has_hash;
	out[9] = v4->watched;
	if (client->has_hash)
		memcpy(out + 12, client->hash, GLR__V4_HASH);
	out += V4_FIXED;
	for (done = 0; done < client->id_length; done += piece) {
		piece = client->id_length - done < V4_PIECE ? client->id_length - done : V4_PIECE;
		*out++ = (uint8_t)piece;
		memcpy(out, client->id + done, piece);
		out += piece;
	}
	*out = V4_TRAILER;
	return (int)length;
}

int glr__record_decode_v4(const struct glr__record *record, struct glr__v4_record *v4)
{
	struct glr__v4_client *client = &v4->client;
	const uint8_t *in = record->payload;
	const uint8_t *end = in + record->length - 1;

	if (record->length < V4_FIXED + 1 || in[8] > 1 || in[9] > 1 || *end != V4_TRAILER)
		return -EBADMSG;
	v4->current = glr__get32(in);
	v4->previous = glr__get32(in + 4);
	v4->watched = in[9];
	client->has_hash = in[8];
	memcpy(client->hash, in + 12, GLR__V4_HASH);
	client->id_length = 0;
	for (in += V4_FIXED; in < end; in += 1 + *in) {
		if (*in == 0 || *in >= end - in || client->id_length + *in > GLR__V4_ID_MAX)
			return -EBADMSG;
		memcpy(client->id + client->id_length, in + 1, *in);
		client->id_length += *in;
	}
	return client->id_length ? 0 : -EBADMSG;
}
