/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The group's link, always called glr0 inside, and its gate: a filter that drops
 * arriving TCP and UDP while nothing may be served.  ARP, ND and ICMP pass.
 */
#include "server.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The node's end of a veth pair: 15 characters at most, the same for a group every time. */
static void veth_name(const char *group, char name[IFNAMSIZ])
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *group; group++)
		hash = (hash ^ (uint8_t)*group) * 16777619u;
	snprintf(name, IFNAMSIZ, "glr-%08x", hash);
}

int server_link_check(const struct server *server)
{
	if (!strcmp(server->link, "none") || if_nametoindex(server->nic))
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_ARGS, "there is no network device '%s' on this node: set nic",
			   server->nic);
}

int server_link_make(const struct server *server)
{
	const char *via_parent[] = {"ip",	  "link",    "add",   "link",	     server->nic,
				    "name",	  GLR__LINK, "netns", server->group, "type",
				    server->link, "mode",    NULL,    NULL};
	char veth[IFNAMSIZ], error[256] = "";
	int result;

	if (!strcmp(server->link, "veth")) {
		const char *pair[] = {"ip",    "link",	      "add",  veth,   "master", "" /* bridge */,
				      "up",    "type",	      "veth", "peer", "name",	GLR__LINK,
				      "netns", server->group, NULL};

		veth_name(server->group, veth);
		pair[5] = server->nic;
		result = server_run(server, pair, NULL, error);
	} else {
		via_parent[12] = !strcmp(server->link, "macvlan") ? "bridge" : "l2";
		result = server_run(server, via_parent, NULL, error);
	}
	if (result != 0)
		return server_fail(OCF_ERR_GENERIC, "cannot make the %s link of group %s on %s: %s",
				   server->link, server->group, server->nic, error);
	return OCF_SUCCESS;
}

static int set_up(const char *name)
{
	struct ifreq request = {0};
	int result = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		result = -errno;
	request.ifr_flags |= IFF_UP;
	if (result == 0 && ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		result = -errno;
	close(fd);
	return result;
}

int server_link_up(void)
{
	int result = set_up("lo");

	if (result == 0 && if_nametoindex(GLR__LINK))
		result = set_up(GLR__LINK);
	return result;
}

static const char *const gate_off[] = {"tc", "qdisc", "del", "dev", GLR__LINK, "clsact", NULL};

int server_gate_close(const struct server *server)
{
	static const char *const batch[] = {"tc", "-batch", "-", NULL};
	static const char rules[] =
		"qdisc add dev " GLR__LINK " clsact\n"
		"filter add dev " GLR__LINK " ingress protocol ip pref 1 flower ip_proto tcp action drop\n"
		"filter add dev " GLR__LINK " ingress protocol ip pref 2 flower ip_proto udp action drop\n"
		"filter add dev " GLR__LINK " ingress protocol ipv6 pref 3 flower ip_proto tcp action drop\n"
		"filter add dev " GLR__LINK " ingress protocol ipv6 pref 4 flower ip_proto udp action drop\n";
	char error[256] = "";
	int result;

	if (!if_nametoindex(GLR__LINK))
		return 0;
	result = server_run(server, batch, rules, error);
	if (result > 0) {
		/* Closed before, or only half: begin anew. */
		server_run(server, gate_off, NULL, error);
		result = server_run(server, batch, rules, error);
	}
	if (result > 0) {
		glr_err("tc cannot close the gate at " GLR__LINK ": %s", error);
		return -EIO;
	}
	return result;
}

int server_gate_open(const struct server *server)
{
	char error[256] = "";
	int result;

	if (!if_nametoindex(GLR__LINK))
		return -ENODEV;
	result = server_run(server, gate_off, NULL, error);
	/* tc's status 2: the kernel refused, there was none. */
	return result < 0 ? result : 0;
}

int server_link_route(const struct server *server)
{
	char gateways[sizeof(server->gateway)], *rest = gateways, *gateway, error[256] = "";
	int result = 0;

	strcpy(gateways, server->gateway);
	while (result == 0 && (gateway = strsep(&rest, ","))) {
		const char *const route[] = {"ip",    "route", "replace", "default", "via",
					     gateway, "dev",   GLR__LINK, NULL};

		if (*gateway == 0)
			continue;
		result = server_run(server, route, NULL, error);
		if (result > 0)
			glr_err("no default route via %s: %s", gateway, error);
	}
	return result > 0 ? -EHOSTUNREACH : result;
}

int server_link_addresses(char *text, size_t size)
{
	struct ifaddrs *all, *one;
	size_t used = 0;
	int count = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (one = all; one; one = one->ifa_next) {
		char buffer[GLR_ADDRESS_TEXT_MAX];
		struct glr_address address;

		if (!one->ifa_addr || (one->ifa_flags & IFF_LOOPBACK) ||
		    glr_address_from_sockaddr(one->ifa_addr, &address) < 0)
			continue;
		if (address.family == AF_INET6 &&
		    IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)(const void *)address.bytes))
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
