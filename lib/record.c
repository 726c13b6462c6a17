/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records <-> bytes: the framing of the client list and of the cookie table.  Pure.  glr-clients(5). */
#include "glr_private.h"

#include <errno.h>
#include <string.h>

/* Polynomial 0x1EDC6F41 reflected (Castagnoli), as in RFC 3720, appendix B.4. */
static const uint32_t crc32c_table[256] = {
	0x00000000, 0xf26b8303, 0xe13b70f7, 0x1350f3f4, 0xc79a971f, 0x35f1141c, 0x26a1e7e8, 0xd4ca64eb,
	0x8ad958cf, 0x78b2dbcc, 0x6be22838, 0x9989ab3b, 0x4d43cfd0, 0xbf284cd3, 0xac78bf27, 0x5e133c24,
	0x105ec76f, 0xe235446c, 0xf165b798, 0x030e349b, 0xd7c45070, 0x25afd373, 0x36ff2087, 0xc494a384,
	0x9a879fa0, 0x68ec1ca3, 0x7bbcef57, 0x89d76c54, 0x5d1d08bf, 0xaf768bbc, 0xbc267848, 0x4e4dfb4b,
	0x20bd8ede, 0xd2d60ddd, 0xc186fe29, 0x33ed7d2a, 0xe72719c1, 0x154c9ac2, 0x061c6936, 0xf477ea35,
	0xaa64d611, 0x580f5512, 0x4b5fa6e6, 0xb93425e5, 0x6dfe410e, 0x9f95c20d, 0x8cc531f9, 0x7eaeb2fa,
	0x30e349b1, 0xc288cab2, 0xd1d83946, 0x23b3ba45, 0xf779deae, 0x05125dad, 0x1642ae59, 0xe4292d5a,
	0xba3a117e, 0x4851927d, 0x5b016189, 0xa96ae28a, 0x7da08661, 0x8fcb0562, 0x9c9bf696, 0x6ef07595,
	0x417b1dbc, 0xb3109ebf, 0xa0406d4b, 0x522bee48, 0x86e18aa3, 0x748a09a0, 0x67dafa54, 0x95b17957,
	0xcba24573, 0x39c9c670, 0x2a993584, 0xd8f2b687, 0x0c38d26c, 0xfe53516f, 0xed03a29b, 0x1f682198,
	0x5125dad3, 0xa34e59d0, 0xb01eaa24, 0x42752927, 0x96bf4dcc, 0x64d4cecf, 0x77843d3b, 0x85efbe38,
	0xdbfc821c, 0x2997011f, 0x3ac7f2eb, 0xc8ac71e8, 0x1c661503, 0xee0d9600, 0xfd5d65f4, 0x0f36e6f7,
	0x61c69362, 0x93ad1061, 0x80fde395, 0x72966096, 0xa65c047d, 0x5437877e, 0x4767748a, 0xb50cf789,
	0xeb1fcbad, 0x197448ae, 0x0a24bb5a, 0xf84f3859, 0x2c855cb2, 0xdeeedfb1, 0xcdbe2c45, 0x3fd5af46,
	0x7198540d, 0x83f3d70e, 0x90a324fa, 0x62c8a7f9, 0xb602c312, 0x44694011, 0x5739b3e5, 0xa55230e6,
	0xfb410cc2, 0x092a8fc1, 0x1a7a7c35, 0xe811ff36, 0x3cdb9bdd, 0xceb018de, 0xdde0eb2a, 0x2f8b6829,
	0x82f63b78, 0x709db87b, 0x63cd4b8f, 0x91a6c88c, 0x456cac67, 0xb7072f64, 0xa457dc90, 0x563c5f93,
	0x082f63b7, 0xfa44e0b4, 0xe9141340, 0x1b7f9043, 0xcfb5f4a8, 0x3dde77ab, 0x2e8e845f, 0xdce5075c,
	0x92a8fc17, 0x60c37f14, 0x73938ce0, 0x81f80fe3, 0x55326b08, 0xa759e80b, 0xb4091bff, 0x466298fc,
	0x1871a4d8, 0xea1a27db, 0xf94ad42f, 0x0b21572c, 0xdfeb33c7, 0x2d80b0c4, 0x3ed04330, 0xccbbc033,
	0xa24bb5a6, 0x502036a5, 0x4370c551, 0xb11b4652, 0x65d122b9, 0x97baa1ba, 0x84ea524e, 0x7681d14d,
	0x2892ed69, 0xdaf96e6a, 0xc9a99d9e, 0x3bc21e9d, 0xef087a76, 0x1d63f975, 0x0e330a81, 0xfc588982,
	0xb21572c9, 0x407ef1ca, 0x532e023e, 0xa145813d, 0x758fe5d6, 0x87e466d5, 0x94b49521, 0x66df1622,
	0x38cc2a06, 0xcaa7a905, 0xd9f75af1, 0x2b9cd9f2, 0xff56bd19, 0x0d3d3e1a, 0x1e6dcdee, 0xec064eed,
	0xc38d26c4, 0x31e6a5c7, 0x22b65633, 0xd0ddd530, 0x0417b1db, 0xf67c32d8, 0xe52cc12c, 0x1747422f,
	0x49547e0b, 0xbb3ffd08, 0xa86f0efc, 0x5a048dff, 0x8ecee914, 0x7ca56a17, 0x6ff599e3, 0x9d9e1ae0,
	0xd3d3e1ab, 0x21b862a8, 0x32e8915c, 0xc083125f, 0x144976b4, 0xe622f5b7, 0xf5720643, 0x07198540,
	0x590ab964, 0xab613a67, 0xb831c993, 0x4a5a4a90, 0x9e902e7b, 0x6cfbad78, 0x7fab5e8c, 0x8dc0dd8f,
	0xe330a81a, 0x115b2b19, 0x020bd8ed, 0xf0605bee, 0x24aa3f05, 0xd6c1bc06, 0xc5914ff2, 0x37faccf1,
	0x69e9f0d5, 0x9b8273d6, 0x88d28022, 0x7ab90321, 0xae7367ca, 0x5c18e4c9, 0x4f48173d, 0xbd23943e,
	0xf36e6f75, 0x0105ec76, 0x12551f82, 0xe03e9c81, 0x34f4f86a, 0xc69f7b69, 0xd5cf889d, 0x27a40b9e,
	0x79b737ba, 0x8bdcb4b9, 0x988c474d, 0x6ae7c44e, 0xbe2da0a5, 0x4c4623a6, 0x5f16d052, 0xad7d5351,
};

uint32_t glr__crc32c(uint32_t crc, const void *data, size_t length)
{
	const uint8_t *byte = data;

	crc = ~crc;
	while (length--)
		crc = crc32c_table[(crc ^ *byte++) & 0xff] ^ (crc >> 8);
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

int glr__record_decode(uint32_t seed, const uint8_t *bytes, size_t available, struct glr__record *record)
{
	size_t frame = glr__record_declared(bytes, available);

	if (frame == 0 || frame > available || glr__get32(bytes) != glr__crc32c(seed, bytes + 4, frame - 4))
		return -EBADMSG;
	record->type = bytes[6];
	record->sequence = glr__get64(bytes + 8);
	record->payload = bytes + GLR__RECORD_HEAD;
	record->length = glr__get16(bytes + 4);
	return (int)frame;
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
 * Current 4, previous 4, with hash 1, zero 3, hash 32; then the identifier in pieces of at most 255 bytes,
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

	if (record->length < V4_FIXED + 1 || in[8] > 1 || *end != V4_TRAILER)
		return -EBADMSG;
	v4->current = glr__get32(in);
	v4->previous = glr__get32(in + 4);
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
