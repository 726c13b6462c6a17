/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An NFSv4 client in the kernel's words: Linux fs/nfsd/nfs4state.c, client_info_show, since 5.3. */
#include "v4info.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* @param key at the beginning of a line, with what separates it  @return what follows it, or NULL */
static const char *find(const char *text, const char *key, const char *end, size_t *length)
{
	size_t key_length = strlen(key);

	/* Names are quoted: none can begin a line. */
	while (text && strncmp(text, key, key_length) != 0) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	if (!text)
		return NULL;
	text += key_length;
	*length = strcspn(text, end);
	return text[*length] == *end ? text : NULL;
}

static int take(const char *text, const char *key, const char *end, char *value, size_t size)
{
	size_t length;
	const char *at = find(text, key, end, &length);

	if (!at || length >= size)
		return -EBADMSG;
	memcpy(value, at, length);
	value[length] = '\0';
	return 0;
}

int v4info_parse(const char *text, struct v4info *info)
{
	char idle[24], *end;

	memset(info, 0, sizeof(*info));
	info->name = find(text, "name: \"", "\"\n", &info->name_length);
	if (!info->name || take(text, "address: \"", "\"\n", info->address, sizeof(info->address)) ||
	    take(text, "minor version: ", "\n", info->version, sizeof(info->version)))
		return -EBADMSG;
	/* Said by later kernels only. */
	if (take(text, "status: ", "\n", info->status, sizeof(info->status)))
		info->status[0] = '\0';
	info->idle_s = UINT64_MAX;
	if (take(text, "seconds from last renew: ", "\n", idle, sizeof(idle)) || *idle < '0' || *idle > '9')
		return 0;
	errno = 0;
	info->idle_s = strtoull(idle, &end, 10);
	if (*end || errno)
		info->idle_s = UINT64_MAX;
	return 0;
}

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

ssize_t v4info_id(const struct v4info *info, uint8_t *id, size_t size)
{
	const char *at = info->name, *end = at + info->name_length;
	size_t length = 0;

	for (; at < end; length++) {
		if (length == size)
			return -EMSGSIZE;
		if (*at != '\\') {
			id[length] = (uint8_t)*at++;
			continue;
		}
		if (end - at < 4 || at[1] != 'x' || hex(at[2]) < 0 || hex(at[3]) < 0)
			return -EBADMSG;
		id[length] = (uint8_t)(hex(at[2]) << 4 | hex(at[3]));
		at += 4;
	}
	return (ssize_t)length;
}
