/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP connections as lines of text, and the segment that makes a client look at its own. */
#ifndef GLR_CONNECTIONS_H
#define GLR_CONNECTIONS_H

#include "glr_private.h"

#define CONNECTION_TEXT_MAX (2 * GLR_ADDRESS_TEXT_MAX + 16)
#define CONNECTION_SEGMENT_BYTES 20

struct connection {
	struct glr_address local, remote;
	uint16_t local_port, remote_port;
	/* The rest does not tell two of them apart. */
	uint64_t seen_ms; /* when it was last established */
	bool live;	  /* when we last looked */
};

/* For qsort(3) and bsearch(3). */
int connection_compare(const void *a, const void *b);
/* @return text: "10.0.0.10 2049 10.0.0.7 925" */
const char *connection_text(const struct connection *connection, char text[CONNECTION_TEXT_MAX]);
/* @param line without its end
 * @return whether it is a connection between two hosts, exactly as connection_text() gives it */
bool connection_parse(const char *line, struct connection *connection);
/* @param line of /proc/net/tcp or tcp6 (proc(5))
 * @return whether it is an established connection between two hosts */
bool connection_parse_proc(const char *line, struct connection *connection);
/* Makes an acknowledgement from the group to its client, with checksum (RFC 9293, 3.1). */
void connection_segment(const struct connection *connection, uint32_t sequence, uint32_t acknowledged,
			uint8_t segment[CONNECTION_SEGMENT_BYTES]);

#endif
