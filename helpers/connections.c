/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP connections as lines of text, and the segment that makes a client look at its own. */
#include "connections.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>

static bool is_host(const struct glr_address *address)
{
	struct in6_addr in6;

	/* Its bytes are not aligned. */
	memcpy(&in6, address->bytes, sizeof(in6));
	if (address->family == AF_INET)
		return address->bytes[0] != 0 && address->bytes[0] != IN_LOOPBACKNET &&
		       address->bytes[0] < 224;
	return address->family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&in6) && !IN6_IS_ADDR_LOOPBACK(&in6) &&
	       !IN6_IS_ADDR_LINKLOCAL(&in6) && !IN6_IS_ADDR_MULTICAST(&in6);
}

int connection_compare(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct connection, seen_ms));
}

static bool is_between_hosts(const struct connection *connection)
{
	return is_host(&connection->local) && is_host(&connection->remote) &&
	       connection->local.family == connection->remote.family && connection->local_port &&
	       connection->remote_port;
}

const char *connection_text(const struct connection *connection, char text[CONNECTION_TEXT_MAX])
{
	char local[GLR_ADDRESS_TEXT_MAX], remote[GLR_ADDRESS_TEXT_MAX];

	snprintf(text, CONNECTION_TEXT_MAX, "%s %u %s %u", glr_address_text(&connection->local, local),
		 connection->local_port, glr_address_text(&connection->remote, remote),
		 connection->remote_port);
	return text;
}

bool connection_parse(const char *line, struct connection *connection)
{
	char local[GLR_ADDRESS_TEXT_MAX], remote[GLR_ADDRESS_TEXT_MAX], text[CONNECTION_TEXT_MAX];

	memset(connection, 0, sizeof(*connection));
	return sscanf(line, "%63s %5hu %63s %5hu", local, &connection->local_port, remote,
		      &connection->remote_port) == 4 &&
	       glr_address_parse(local, &connection->local) == 0 &&
	       glr_address_parse(remote, &connection->remote) == 0 && is_between_hosts(connection) &&
	       !strcmp(connection_text(connection, text), line);
}

/* Words of 32 bits in network order, each printed as the number it is here. */
static bool parse_hex(const char *hex, struct glr_address *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	size_t words = strlen(hex) / 8;
	uint32_t word[4] = {0};

	for (size_t i = 0; i < words; i++)
		if (sscanf(hex + 8 * i, "%8x", &word[i]) != 1)
			return false;
	if (words == 1) {
		in.sin_addr.s_addr = word[0];
		return glr_address_from_sockaddr((struct sockaddr *)&in, address) == 0;
	}
	memcpy(&in6.sin6_addr, word, sizeof(in6.sin6_addr));
	return words == 4 && glr_address_from_sockaddr((struct sockaddr *)&in6, address) == 0;
}

bool connection_parse_proc(const char *line, struct connection *connection)
{
	char local[33], remote[33];
	unsigned local_port, remote_port, state;

	memset(connection, 0, sizeof(*connection));
	if (sscanf(line, "%*d: %32[0-9A-F]:%4x %32[0-9A-F]:%4x %2x", local, &local_port, remote, &remote_port,
		   &state) != 5 ||
	    state != TCP_ESTABLISHED)
		return false;
	connection->local_port = (uint16_t)local_port;
	connection->remote_port = (uint16_t)remote_port;
	return parse_hex(local, &connection->local) && parse_hex(remote, &connection->remote) &&
	       is_between_hosts(connection);
}

static uint32_t add_words(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

void connection_segment(const struct connection *connection, uint32_t sequence, uint32_t acknowledged,
			uint8_t segment[CONNECTION_SEGMENT_BYTES])
{
	size_t length = connection->local.family == AF_INET ? 4 : 16;
	struct tcphdr tcp = {.th_sport = htons(connection->local_port),
			     .th_dport = htons(connection->remote_port),
			     .th_seq = htonl(sequence),
			     .th_ack = htonl(acknowledged),
			     .th_off = CONNECTION_SEGMENT_BYTES / 4,
			     .th_flags = TH_ACK,
			     .th_win = htons(1024)};
	uint32_t sum = IPPROTO_TCP + CONNECTION_SEGMENT_BYTES; /* of the pseudo header */

	memcpy(segment, &tcp, CONNECTION_SEGMENT_BYTES);
	sum = add_words(sum, connection->local.bytes, length);
	sum = add_words(sum, connection->remote.bytes, length);
	sum = add_words(sum, segment, CONNECTION_SEGMENT_BYTES);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	tcp.th_sum = htons((uint16_t)~sum);
	memcpy(segment, &tcp, CONNECTION_SEGMENT_BYTES);
}
