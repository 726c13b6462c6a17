/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses of a group: those of its network namespace. */
#include "link_addresses.h"
#include "glr.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int link_addresses(char *text, size_t size)
{
	struct ifaddrs *all, *one;
	size_t used = 0;
	int count = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (one = all; one; one = one->ifa_next) {
		char buffer[GLR_ADDRESS_TEXT_MAX];
		struct glr_address address;
		struct in6_addr in6;

		if (!one->ifa_addr || (one->ifa_flags & IFF_LOOPBACK) ||
		    glr_address_from_sockaddr(one->ifa_addr, &address) < 0)
			continue;
		memcpy(&in6, address.bytes, sizeof(in6));
		if (address.family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&in6))
			continue;
		glr_address_text(&address, buffer);
		if (used + strlen(buffer) + 2 > size) {
			count = -E2BIG;
			break;
		}
		used += snprintf(text + used, size - used, "%s%s", count ? "," : "", buffer);
		count++;
	}
	freeifaddrs(all);
	return count;
}
