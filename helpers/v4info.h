/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nfsd tells of an NFSv4 client. */
#ifndef GLR_V4INFO_H
#define GLR_V4INFO_H

#include "glr_private.h"

#define V4INFO_CLIENTS "/proc/fs/nfsd/clients"
#define V4INFO_MAX 20480 /* three names of 1024 bytes, each of them as \x00, and the rest */

struct v4info {
	char address[80]; /* "10.0.0.7:934", "[fd00::7]:934" */
	char status[16];  /* confirmed, unconfirmed, courtesy, expirable */
	char version[8];  /* the minor one */
	uint64_t idle_s;  /* since its lease was renewed; UINT64_MAX where the kernel does not say */
	const char *name; /* as the kernel quotes it, in the text; not terminated */
	size_t name_length;
};

/* @param text /proc/fs/nfsd/clients/ID/info  @return 0 or -EBADMSG; info points into text */
int v4info_parse(const char *text, struct v4info *info);
/* Undoes what the kernel did to the name.  @return bytes put into id, -EMSGSIZE or -EBADMSG */
ssize_t v4info_id(const struct v4info *info, uint8_t *id, size_t size);

#endif
