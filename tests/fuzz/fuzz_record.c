/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One record of the client list or of the cookie table, and the client in it, if any. */
#include "fuzz.h"
#include "record.h"

#define SEED 0x1234u
#define CLIENT_RESERVED 2 /* bytes 2 and 3 of a client's payload mean nothing yet */

static void check_client(const struct glr__record *record)
{
	uint8_t payload[GLR__RECORD_PAYLOAD_MAX], out[GLR__RECORD_PAYLOAD_MAX];
	struct glr__client_record client;
	int length;

	if (glr__record_decode_client(record, &client))
		return;
	must(client.name_length > 0 && client.name_length < GLR_NAME_MAX);
	must(!memchr(client.name, '\0', client.name_length));
	must((const uint8_t *)client.name + client.name_length == record->payload + record->length);
	length = glr__record_encode_client(&client, out, sizeof(out));
	must(length == (int)record->length);
	memcpy(payload, record->payload, record->length);
	memset(payload + CLIENT_RESERVED, 0, 2);
	must(!memcmp(out, payload, record->length));
	must(glr__record_encode_client(&client, out, record->length - 1) < 0);
}

/* Identifiers may be cut into more pieces than they have to be: what is encoded means the same. */
static void check_v4(const struct glr__record *record)
{
	uint8_t out[GLR__RECORD_PAYLOAD_MAX];
	struct glr__record encoded = {.payload = out};
	struct glr__v4_record v4, again;
	int length;

	if (glr__record_decode_v4(record, &v4))
		return;
	must(v4.client.id_length > 0 && v4.client.id_length <= GLR__V4_ID_MAX);
	length = glr__record_encode_v4(&v4, out, sizeof(out));
	must(length > 0 && (size_t)length <= record->length);
	must(glr__record_encode_v4(&v4, out, (size_t)length - 1) < 0);
	encoded.length = (size_t)length;
	must(glr__record_decode_v4(&encoded, &again) == 0);
	must(again.current == v4.current && again.previous == v4.previous);
	must(again.client.has_hash == v4.client.has_hash && again.client.id_length == v4.client.id_length);
	must(!memcmp(again.client.id, v4.client.id, v4.client.id_length));
}

/* @return bytes it takes, 0 when it is no record */
static size_t check_record(const uint8_t *bytes, size_t length)
{
	uint8_t out[GLR__RECORD_FRAME_MAX];
	struct glr__record record;
	int frame = glr__record_decode(SEED, bytes, length, &record);

	if (frame < 0)
		return 0;
	must(frame >= GLR__RECORD_HEAD && frame % 8 == 0 && (size_t)frame <= length);
	must((size_t)frame == glr__record_declared(bytes, length));
	must(record.type != 0 && record.length <= GLR__RECORD_PAYLOAD_MAX);
	must(glr__record_decode(SEED, bytes, (size_t)frame - 1, &record) < 0);
	must(glr__record_decode(SEED + 1, bytes, length, &record) < 0);
	must(glr__record_decode(SEED, bytes, length, &record) == frame);
	must(glr__record_encode(SEED, &record, out, (size_t)frame - 1) < 0);
	must(glr__record_encode(SEED, &record, out, sizeof(out)) == frame);
	must(!memcmp(out, bytes, (size_t)frame));
	check_client(&record);
	check_v4(&record);
	return (size_t)frame;
}

/* What chance never finds: the sum of the head, the checksum, the zeros that fill it up. */
static void mend(uint8_t *bytes, size_t length)
{
	size_t payload, frame;

	if (length < GLR__RECORD_HEAD)
		return;
	payload = glr__get16(bytes + 4);
	if (payload > GLR__RECORD_PAYLOAD_MAX)
		return;
	bytes[7] = (uint8_t)(0xa5 ^ bytes[4] ^ bytes[5] ^ bytes[6]);
	frame = glr__record_declared(bytes, length);
	if (!frame || frame > length)
		return;
	memset(bytes + GLR__RECORD_HEAD + payload, 0, frame - GLR__RECORD_HEAD - payload);
	glr__put32(bytes, glr__crc32c(SEED, bytes + 4, frame - 4));
	must(check_record(bytes, length) == frame);
	bytes[4 + bytes[frame - 1] % (frame - 4)] ^= (uint8_t)(1u << (bytes[8] & 7));
	must(check_record(bytes, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	must(copy);
	check_record(bytes, length);
	memcpy(copy, bytes, length);
	mend(copy, length);
	free(copy);
	return 0;
}
