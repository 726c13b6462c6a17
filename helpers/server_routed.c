/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link=routed: a pair of devices without a bridge.  The node routes the group's addresses into it, the group
 * sends everything to the node, and neither side asks with ARP for what it is told here.
 */
#include "link_make.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* The node as the group sees it; it need not have these addresses. */
#define NODE_IPV4 "169.254.1.1"
#define NODE_IPV6 "fe80::1"

static const char *const ip_batch[] = {"ip", "-batch", "-", NULL};

bool server_is_routed(const struct server *server)
{
	return strcmp(server->link, "routed") == 0;
}

/* Locally administered, and the same for a group every time. */
static void node_mac(const struct server *server, uint8_t mac[ETH_ALEN])
{
	uint32_t hash = server_link_hash(server->group);
	const uint8_t bytes[ETH_ALEN] = {0x02, 0x67, 0x6c, hash >> 16 & 0xff, hash >> 8 & 0xff, hash & 0xff};

	memcpy(mac, bytes, ETH_ALEN);
}

int server_routed_make(const struct server *server, int netns, char error[NETLINK_ERROR_MAX])
{
	char veth[IFNAMSIZ];
	uint8_t mac[ETH_ALEN];

	server_link_veth(server->group, veth);
	node_mac(server, mac);
	return link_make_veth(veth, NULL, mac, netns, error);
}

static bool all_ones(const struct sockaddr *mask)
{
	const uint8_t *bytes = mask->sa_family == AF_INET
				       ? (const uint8_t *)&((const struct sockaddr_in *)mask)->sin_addr
				       : (const uint8_t *)&((const struct sockaddr_in6 *)mask)->sin6_addr;
	size_t length = mask->sa_family == AF_INET ? 4 : 16;

	while (length > 0 && *bytes == 0xff) {
		bytes++;
		length--;
	}
	return length == 0;
}

static bool is_link_local(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

/* Neighbours of a wider prefix would be looked for on a link where there are none.
 * @param families set to which there are  @return 0, -EADDRNOTAVAIL, or -errno */
static int find_families(bool families[2])
{
	struct ifaddrs *all, *one;
	int result = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (one = all; one && result == 0; one = one->ifa_next) {
		const struct sockaddr *sa = one->ifa_addr;

		if (!sa || strcmp(one->ifa_name, GLR__LINK) != 0 ||
		    (sa->sa_family != AF_INET && sa->sa_family != AF_INET6) || is_link_local(sa))
			continue;
		families[sa->sa_family == AF_INET6] = true;
		if (!one->ifa_netmask || !all_ones(one->ifa_netmask))
			result = -EADDRNOTAVAIL;
	}
	freeifaddrs(all);
	return result;
}

int server_routed_inside(const struct server *server)
{
	static const char *const nodes[] = {NODE_IPV4, NODE_IPV6};
	bool families[2] = {false, false};
	char lines[512], error[256] = "";
	uint8_t mac[ETH_ALEN];
	int used = 0, result = find_families(families);

	if (result < 0)
		return result;
	node_mac(server, mac);
	for (int i = 0; i < 2; i++)
		if (families[i])
			used += snprintf(
				lines + used, sizeof(lines) - used,
				"neigh replace %s lladdr %02x:%02x:%02x:%02x:%02x:%02x dev " GLR__LINK
				" nud permanent\n"
				"route replace default via %s dev " GLR__LINK " onlink\n",
				nodes[i], mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], nodes[i]);
	result = server_run(server, ip_batch, lines, error);
	if (result > 0)
		glr_err("no route to the node: %s", error);
	return result > 0 ? -EHOSTUNREACH : result;
}

static bool forwards(bool ipv6)
{
	char value[8] = "";

	glr__read_text(AT_FDCWD,
		       ipv6 ? "/proc/sys/net/ipv6/conf/all/forwarding" : "/proc/sys/net/ipv4/ip_forward",
		       value, sizeof(value));
	return value[0] == '1';
}

int server_routed_attach(const struct server *server, const char *addresses)
{
	char list[1024], lines[2048], veth[IFNAMSIZ], error[256] = "", *rest = list, *address;
	size_t used;

	snprintf(list, sizeof(list), "%s", addresses);
	server_link_veth(server->group, veth);
	/* Of addresses that the group no longer has, too. */
	used = snprintf(lines, sizeof(lines), "route flush dev %s proto static\n", veth);
	while ((address = strsep(&rest, ","))) {
		bool ipv6 = strchr(address, ':');

		if (!forwards(ipv6))
			return server_fail(
				OCF_ERR_ARGS,
				"this node does not forward packets to %s: sysctl -w %s=1, and write it "
				"to /etc/sysctl.d",
				address, ipv6 ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward");
		used += snprintf(lines + used, sizeof(lines) - used,
				 "route replace %s/%d dev %s proto static\n", address, ipv6 ? 128 : 32, veth);
		if (used >= sizeof(lines))
			return server_fail(OCF_ERR_CONFIGURED, "group %s has too many addresses",
					   server->group);
	}
	if (server_run(server, ip_batch, lines, error) != 0)
		return server_fail(OCF_ERR_GENERIC, "cannot route the addresses of group %s: %s",
				   server->group, error);
	return OCF_SUCCESS;
}
