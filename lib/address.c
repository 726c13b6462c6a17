/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and addresses: parse, compare, canonical text.  Pure: looks nothing up. */
#include "glr_private.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A scope means something on link-local addresses only; elsewhere it would make equal addresses differ. */
static void set_ipv6(struct glr_address *address, const struct in6_addr *in6, uint32_t scope_id)
{
	memset(address, 0, sizeof(*address));
	if (IN6_IS_ADDR_V4MAPPED(in6)) {
		address->family = AF_INET;
		memcpy(address->bytes, in6->s6_addr + 12, 4);
		return;
	}
	address->family = AF_INET6;
	memcpy(address->bytes, in6->s6_addr, 16);
	if (IN6_IS_ADDR_LINKLOCAL(in6))
		address->scope_id = scope_id;
}

static int parse_scope(const char *text, uint32_t *scope_id)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value > UINT32_MAX)
		return -EINVAL;
	*scope_id = (uint32_t)value;
	return 0;
}

int glr_address_parse(const char *text, struct glr_address *address)
{
	char bare[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	struct in_addr in4;
	uint32_t scope_id = 0;
	const char *percent = strchr(text, '%');
	size_t length = percent ? (size_t)(percent - text) : strlen(text);

	if (length >= sizeof(bare))
		return -EINVAL;
	memcpy(bare, text, length);
	bare[length] = '\0';

	if (!percent && inet_pton(AF_INET, bare, &in4) == 1) {
		memset(address, 0, sizeof(*address));
		address->family = AF_INET;
		memcpy(address->bytes, &in4, 4);
		return 0;
	}
	if (inet_pton(AF_INET6, bare, &in6) != 1 || (percent && parse_scope(percent + 1, &scope_id)))
		return -EINVAL;
	set_ipv6(address, &in6, scope_id);
	return 0;
}

const char *glr_address_text(const struct glr_address *address, char buffer[GLR_ADDRESS_TEXT_MAX])
{
	size_t length;

	buffer[0] = '\0';
	if (address->family == AF_UNSPEC)
		return buffer;
	inet_ntop(address->family, address->bytes, buffer, GLR_ADDRESS_TEXT_MAX);
	length = strlen(buffer);
	if (address->family == AF_INET6 && address->scope_id)
		snprintf(buffer + length, GLR_ADDRESS_TEXT_MAX - length, "%%%u", address->scope_id);
	return buffer;
}

bool glr_address_equal(const struct glr_address *a, const struct glr_address *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == AF_INET)
		return memcmp(a->bytes, b->bytes, 4) == 0;
	if (a->family == AF_INET6)
		return memcmp(a->bytes, b->bytes, 16) == 0 && a->scope_id == b->scope_id;
	return true;
}

int glr_address_from_sockaddr(const struct sockaddr *sa, struct glr_address *address)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		memset(address, 0, sizeof(*address));
		address->family = AF_INET;
		memcpy(address->bytes, &sin.sin_addr, 4);
		return 0;
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		set_ipv6(address, &sin6.sin6_addr, sin6.sin6_scope_id);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

socklen_t glr_address_to_sockaddr(const struct glr_address *address, uint16_t port,
				  struct sockaddr_storage *sa)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)sa;

	memset(sa, 0, sizeof(*sa));
	switch (address->family) {
	case AF_INET:
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, address->bytes, 4);
		return sizeof(*sin);
	case AF_INET6:
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		memcpy(&sin6->sin6_addr, address->bytes, 16);
		sin6->sin6_scope_id = address->scope_id;
		return sizeof(*sin6);
	default:
		return 0;
	}
}

bool glr__group_valid(const char *group)
{
	size_t length = strlen(group);
	size_t i;

	if (length == 0 || length >= GLR_GROUP_MAX || group[0] == '-' || group[length - 1] == '-')
		return false;
	for (i = 0; i < length; i++) {
		/* Not isalnum(): that follows the locale. */
		if (!((group[i] >= 'a' && group[i] <= 'z') || (group[i] >= 'A' && group[i] <= 'Z') ||
		      (group[i] >= '0' && group[i] <= '9') || group[i] == '-'))
			return false;
	}
	return true;
}
