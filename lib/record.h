/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The framing of records on disk, glr-clients(5). */
#ifndef GLR_RECORD_H
#define GLR_RECORD_H

#include "glr_private.h"

#define GLR__RECORD_HEAD 16 /* crc32c 4, payload length 2, type 1, check of length and type 1, sequence 8 */
#define GLR__RECORD_PAYLOAD_MAX 2560
#define GLR__RECORD_FRAME_MAX (GLR__RECORD_HEAD + GLR__RECORD_PAYLOAD_MAX)

enum glr__record_type { /* numbers on disk: never reused */
	GLR__RECORD_ADD = 1,
	GLR__RECORD_DEL = 2,
	GLR__RECORD_MISSED = 3,
	GLR__RECORD_EPOCH = 4,
	GLR__RECORD_END = 5,
	GLR__RECORD_V4_CLIENT = 6,
	GLR__RECORD_V4_GRACE = 7,
	GLR__RECORD_COOKIE = 16,
	GLR__RECORD_UNCOOKIE = 17,
	GLR__RECORD_WINDOW = 18,
	GLR__RECORD_FROZEN = 19,
	GLR__RECORD_ACKNOWLEDGED = 20,
};

struct glr__record {
	uint8_t type; /* 1 to 255 */
	uint64_t sequence;
	const uint8_t *payload;
	size_t length;
};

struct glr__client_record { /* payload of ADD */
	const char *name; /* not terminated */
	size_t name_length;
	struct glr_address address;
	bool missed;
};

/* Little-endian integers at any alignment. */
#define GLR__ENDIAN(bits)                                                                                      \
	static inline void glr__put##bits(uint8_t *out, uint##bits##_t value)                                 \
	{                                                                                                      \
		value = htole##bits(value);                                                                    \
		memcpy(out, &value, sizeof(value));                                                            \
	}                                                                                                      \
	static inline uint##bits##_t glr__get##bits(const uint8_t *in)                                        \
	{                                                                                                      \
		uint##bits##_t value;                                                                          \
                                                                                                               \
		memcpy(&value, in, sizeof(value));                                                             \
		return le##bits##toh(value);                                                                   \
	}
GLR__ENDIAN(16)
GLR__ENDIAN(32)
GLR__ENDIAN(64)
#undef GLR__ENDIAN

uint32_t glr__crc32c(uint32_t crc, const void *data, size_t length);
/* What every checksum of one generation starts from: records of another one, or forged ones, do not fit. */
uint32_t glr__record_seed(uint64_t salt, uint64_t generation);
/* Bytes a record with this payload takes: a multiple of 8. */
size_t glr__record_frame(size_t payload_length);
/* Bytes the head says its record takes, or 0 when the head is damaged.  The rest is not looked at. */
size_t glr__record_declared(const uint8_t *bytes, size_t available);
/* @return bytes written, or -EMSGSIZE */
int glr__record_encode(uint32_t seed, const struct glr__record *record, uint8_t *out, size_t size);
/* @return bytes the record takes, or -EBADMSG; its payload points into bytes */
int glr__record_decode(uint32_t seed, const uint8_t *bytes, size_t available, struct glr__record *record);
/* Makes a valid record one of another generation. */
void glr__record_move(uint32_t seed, uint64_t sequence, uint8_t *bytes);
/* @return bytes written, or -EMSGSIZE */
int glr__record_encode_client(const struct glr__client_record *client, uint8_t *out, size_t size);
/* @return 0 or -EBADMSG; the name points into the record */
int glr__record_decode_client(const struct glr__record *record, struct glr__client_record *client);

#define GLR__V4_ID_MAX 1024 /* NFS4_OPAQUE_LIMIT, RFC 8881 */
#define GLR__V4_HASH 32	    /* SHA-256 */

struct glr__v4_client {
	uint8_t id[GLR__V4_ID_MAX]; /* what the client calls itself, opaque */
	size_t id_length;	    /* 1 and up */
	uint8_t hash[GLR__V4_HASH]; /* of its principal; zeros without one */
	bool has_hash;
};

struct glr__v4_record { /* payload of V4_CLIENT; both epochs 0: struck off */
	struct glr__v4_client client;
	uint32_t current;  /* the epoch it was recorded in last */
	uint32_t previous; /* the one before, while it may still be reclaimed from */
	bool watched;	   /* nfsd does not report it: see clientlist.h */
};

/* Bytes of payload for an identifier of so many bytes. */
size_t glr__record_v4_length(size_t id_length);
/* @return bytes written, or -EMSGSIZE */
int glr__record_encode_v4(const struct glr__v4_record *v4, uint8_t *out, size_t size);
/* @return 0 or -EBADMSG */
int glr__record_decode_v4(const struct glr__record *record, struct glr__v4_record *v4);

#endif
