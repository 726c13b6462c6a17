/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The group's link, always called glr0 inside, and its gate: a filter on what
 * arrives while nothing may be served.  ARP, ND and ICMP always pass.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ENDING_MS 1000 /* a few retransmissions of a client on the same network */

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
	/* Connections end behind a closed gate, so nobody acknowledges that: for minutes they would keep
	 * the namespace, and with it the link, alive after a stop. */
	int result = glr__write_text(AT_FDCWD, "/proc/sys/net/ipv4/tcp_orphan_retries", "1\n");

	if (result == 0)
		result = set_up("lo");
	if (result == 0 && if_nametoindex(GLR__LINK))
		result = set_up(GLR__LINK);
	return result;
}

int server_link_remove(const struct server *server)
{
	static const char *const remove[] = {"ip", "link", "del", GLR__LINK, NULL};
	char error[256] = "";
	int result;

	if (!strcmp(server->link, "none") || !if_nametoindex(GLR__LINK))
		return 0;
	result = server_run(server, remove, NULL, error);
	if (result > 0)
		glr_err("cannot remove " GLR__LINK ": %s", error);
	return result > 0 ? -EIO : result;
}

static const char *const gate_off[] = {"tc", "qdisc", "del", "dev", GLR__LINK, "clsact", NULL};

#define DROP(pref, protocol, what)                                                                           \
	"filter add dev " GLR__LINK " ingress protocol " protocol " pref " pref " flower ip_proto " what     \
	" action drop\n"
/* tcp_flags VALUE/MASK: SYN without ACK begins a connection. */
static const char *const gate_rules[] = {
	[GATE_CLOSED] = "qdisc add dev " GLR__LINK " clsact\n" DROP("1", "ip", "tcp") DROP("2", "ip", "udp")
		DROP("3", "ipv6", "tcp") DROP("4", "ipv6", "udp"),
	[GATE_ENDING] = "qdisc add dev " GLR__LINK " clsact\n" DROP("1", "ip", "tcp tcp_flags 0x2/0x12")
		DROP("2", "ip", "udp") DROP("3", "ipv6", "tcp tcp_flags 0x2/0x12") DROP("4", "ipv6", "udp"),
};

int server_gate_set(const struct server *server, enum server_gate gate)
{
	static const char *const batch[] = {"tc", "-batch", "-", NULL};
	char error[256] = "";
	int result;

	if (!if_nametoindex(GLR__LINK))
		return gate == GATE_OPEN ? -ENODEV : 0;
	/* tc's status 2, the kernel refused: there was none. */
	result = server_run(server, gate_off, NULL, error);
	if (result < 0 || gate == GATE_OPEN)
		return result < 0 ? result : 0;
	result = server_run(server, batch, gate_rules[gate], error);
	if (result > 0) {
		glr_err("tc cannot set the gate at " GLR__LINK ": %s", error);
		return -EIO;
	}
	return result;
}

/* @return how many connections to clients are still being ended */
static int count_ending(const char *table)
{
	FILE *file = fopen(table, "re");
	char line[512];
	int count = 0;

	while (file && fgets(line, sizeof(line), file)) {
		char local[40];
		unsigned state;

		if (sscanf(line, "%*d: %39[0-9A-F]:%*x %*[0-9A-F]:%*x %x", local, &state) != 2)
			continue;
		/* 127.0.0.1 and ::1: between lockd and the daemons */
		if (!strcmp(local, "0100007F") || !strcmp(local, "00000000000000000000000001000000"))
			continue;
		/* In TCP_FIN_WAIT2 the client knows already. */
		count += state == TCP_FIN_WAIT1 || state == TCP_CLOSING || state == TCP_LAST_ACK;
	}
	if (file)
		fclose(file);
	return count;
}

void server_connections_end(const struct server *server)
{
	uint64_t until_ms = glr__now_ms() + ENDING_MS;

	while (count_ending("/proc/net/tcp") + count_ending("/proc/net/tcp6") > 0 && glr__now_ms() < until_ms)
		if (!server_wait(server))
			return;
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
