/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The group's link, always called glr0 inside. */
#include "link_make.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

uint32_t server_link_hash(const char *group)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *group; group++)
		hash = (hash ^ (uint8_t)*group) * 16777619u;
	return hash;
}

void server_link_veth(const char *group, char name[IFNAMSIZ])
{
	snprintf(name, IFNAMSIZ, "glr-%08x", server_link_hash(group));
}

bool server_link_needs_nic(const struct server *server)
{
	return strcmp(server->link, "none") != 0 && !server_is_routed(server);
}

int server_link_check(const struct server *server)
{
	if (!server_link_needs_nic(server) || if_nametoindex(server->nic))
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_ARGS, "there is no network device '%s' on this node: set nic",
			   server->nic);
}

int server_link_make(const struct server *server)
{
	int netns = glr__netns_open(server->group, GLR__NS_NET);
	char veth[IFNAMSIZ], error[NETLINK_ERROR_MAX] = "its network namespace is gone";
	int result = netns;

	if (netns >= 0 && server_is_routed(server)) {
		result = server_routed_make(server, netns, error);
	} else if (netns >= 0 && !strcmp(server->link, "veth")) {
		server_link_veth(server->group, veth);
		result = link_make_veth(veth, server->nic, NULL, netns, error);
	} else if (netns >= 0) {
		result = link_make_over(server->link, server->nic, netns, error);
	}
	if (netns >= 0)
		close(netns);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "cannot make the %s link of group %s%s%s: %s",
				   server->link, server->group, *server->nic ? " on " : "", server->nic,
				   error);
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

int server_loopback_up(void)
{
	return set_up("lo");
}

int server_link_up(void)
{
	/* Connections end behind a closed gate, so nobody acknowledges that: for minutes they would keep
	 * the namespace, and with it the link, alive after a stop. */
	int result = glr__write_text(AT_FDCWD, "/proc/sys/net/ipv4/tcp_orphan_retries", "1\n");

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

int server_link_route(const struct server *server)
{
	char gateways[sizeof(server->gateway)], *rest = gateways, *gateway, error[256] = "";
	int result = 0;

	if (server_is_routed(server))
		return server_routed_inside(server);
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
