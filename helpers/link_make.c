/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link_make.h"
#include "glr_private.h"

#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

static struct nlmsghdr *new_link(char buffer[NETLINK_MESSAGE_MAX], const struct ifinfomsg *link)
{
	struct nlmsghdr *request = netlink_request(buffer, RTM_NEWLINK, link, sizeof(*link));

	request->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	return request;
}

static void put_group_end(struct nlmsghdr *request, int netns)
{
	mnl_attr_put_strz(request, IFLA_IFNAME, GLR__LINK);
	mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)netns);
}

int link_make_over(const char *kind, const char *nic, int netns, char error[NETLINK_ERROR_MAX])
{
	const struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
	char buffer[NETLINK_MESSAGE_MAX];
	struct nlmsghdr *request = new_link(buffer, &link);
	struct nlattr *info, *data;

	mnl_attr_put_u32(request, IFLA_LINK, if_nametoindex(nic));
	put_group_end(request, netns);
	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	if (!strcmp(kind, "macvlan"))
		mnl_attr_put_u32(request, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	else
		mnl_attr_put_u16(request, IFLA_IPVLAN_MODE, IPVLAN_MODE_L2);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	return netlink_ask(request, error);
}

int link_make_veth(const char *veth, const char *bridge, const uint8_t mac[ETH_ALEN], int netns,
		   char error[NETLINK_ERROR_MAX])
{
	const struct ifinfomsg node_end = {
		.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	const struct ifinfomsg group_end = {.ifi_family = AF_UNSPEC};
	char buffer[NETLINK_MESSAGE_MAX];
	struct nlmsghdr *request = new_link(buffer, &node_end);
	struct nlattr *info, *data, *peer;

	mnl_attr_put_strz(request, IFLA_IFNAME, veth);
	if (bridge)
		mnl_attr_put_u32(request, IFLA_MASTER, if_nametoindex(bridge));
	if (mac)
		mnl_attr_put(request, IFLA_ADDRESS, ETH_ALEN, mac);
	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
	memcpy(mnl_nlmsg_put_extra_header(request, sizeof(group_end)), &group_end, sizeof(group_end));
	put_group_end(request, netns);
	mnl_attr_nest_end(request, peer);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	return netlink_ask(request, error);
}
