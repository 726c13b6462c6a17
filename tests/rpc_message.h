/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RPC messages built word by word, for tests. */
#ifndef RPC_MESSAGE_H
#define RPC_MESSAGE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

struct message {
	uint8_t bytes[8192];
	size_t length;
};

static inline void add_u32(struct message *message, uint32_t value)
{
	value = htobe32(value);
	memcpy(message->bytes + message->length, &value, 4);
	message->length += 4;
}

static inline void add_bytes(struct message *message, const void *bytes, size_t length)
{
	memset(message->bytes + message->length, 0, (length + 3) & ~3u);
	memcpy(message->bytes + message->length, bytes, length);
	message->length += (length + 3) & ~3u;
}

static inline void add_string(struct message *message, const char *text)
{
	add_u32(message, strlen(text));
	add_bytes(message, text, strlen(text));
}

static inline void add_auth(struct message *message, uint32_t flavor, size_t length)
{
	static const uint8_t body[512] = {0xff};

	add_u32(message, flavor);
	add_u32(message, length);
	add_bytes(message, body, length);
}

/* An accepted reply; its results are added by the caller. */
static inline void begin_reply(struct message *message, uint32_t xid)
{
	message->length = 0;
	add_u32(message, xid);
	add_u32(message, 1);
	add_u32(message, 0);
	add_auth(message, 0, 0);
	add_u32(message, 0);
}

#endif
