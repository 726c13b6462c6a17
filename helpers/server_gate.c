/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reaches the group's servers.  While the gate is closed nothing does but ARP, ND and ICMP, and no
 * client sees its connection end: it would try to make a new one, in ever longer pauses that can outlast the
 * next server's grace period.  One that keeps its connection is woken when the gate opens, here or elsewhere
 * (server_connections.c).  Beside it the administrator's own nftables rules: the node's do not see what
 * goes through macvlan and ipvlan.
 */
#include "netlink.h"
#include "server.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_gact.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

/* Dropped, of IPv4 and IPv6 alike. */
static const struct drop {
	uint32_t direction;
	uint8_t protocol;
	uint8_t tcp_flag; /* only with it; 0: with and without */
} drops[] = {
	{TC_H_MIN_INGRESS, IPPROTO_TCP, 0},
	{TC_H_MIN_INGRESS, IPPROTO_UDP, 0},
	/* Not what answers a request: a client that repeated it to the next server would hear that the file
	 * it removed does not exist. */
	{TC_H_MIN_EGRESS, IPPROTO_TCP, TH_FIN},
	{TC_H_MIN_EGRESS, IPPROTO_TCP, TH_RST},
};

static struct nlmsghdr *tc_request(char buffer[NETLINK_MESSAGE_MAX], uint16_t type, const struct tcmsg *what,
				   const char *kind)
{
	struct nlmsghdr *request = netlink_request(buffer, type, what, sizeof(*what));

	mnl_attr_put_strz(request, TCA_KIND, kind);
	return request;
}

/* What the filters hang on, which go with it.  @param type RTM_NEWQDISC or RTM_DELQDISC */
static int change_clsact(uint16_t type, char error[NETLINK_ERROR_MAX])
{
	const struct tcmsg clsact = {.tcm_ifindex = (int)if_nametoindex(GLR__LINK),
				     .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
				     .tcm_parent = TC_H_CLSACT};
	char buffer[NETLINK_MESSAGE_MAX];
	struct nlmsghdr *request = tc_request(buffer, type, &clsact, "clsact");

	if (type == RTM_NEWQDISC)
		request->nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	return netlink_ask(request, error);
}

static void put_drop(struct nlmsghdr *request)
{
	const struct tc_gact drop = {.action = TC_ACT_SHOT};
	struct nlattr *actions = mnl_attr_nest_start(request, TCA_FLOWER_ACT);
	struct nlattr *first = mnl_attr_nest_start(request, 1), *options;

	mnl_attr_put_strz(request, TCA_ACT_KIND, "gact");
	options = mnl_attr_nest_start(request, TCA_ACT_OPTIONS);
	mnl_attr_put(request, TCA_GACT_PARMS, sizeof(drop), &drop);
	mnl_attr_nest_end(request, options);
	mnl_attr_nest_end(request, first);
	mnl_attr_nest_end(request, actions);
}

/* In the place of the filter that has its preference: a gate that is closed already stays so meanwhile.
 * @param preference from 1 */
static int add_filter(const struct drop *drop, uint16_t ethertype, uint32_t preference,
		      char error[NETLINK_ERROR_MAX])
{
	const struct tcmsg filter = {.tcm_ifindex = (int)if_nametoindex(GLR__LINK),
				     .tcm_handle = 1,
				     .tcm_parent = TC_H_MAKE(TC_H_CLSACT, drop->direction),
				     .tcm_info = TC_H_MAKE(preference << 16, htons(ethertype))};
	char buffer[NETLINK_MESSAGE_MAX];
	struct nlmsghdr *request = tc_request(buffer, RTM_NEWTFILTER, &filter, "flower");
	struct nlattr *options = mnl_attr_nest_start(request, TCA_OPTIONS);

	request->nlmsg_flags |= NLM_F_CREATE;
	mnl_attr_put_u16(request, TCA_FLOWER_KEY_ETH_TYPE, htons(ethertype));
	mnl_attr_put_u8(request, TCA_FLOWER_KEY_IP_PROTO, drop->protocol);
	if (drop->tcp_flag) {
		mnl_attr_put_u16(request, TCA_FLOWER_KEY_TCP_FLAGS, htons(drop->tcp_flag));
		mnl_attr_put_u16(request, TCA_FLOWER_KEY_TCP_FLAGS_MASK, htons(drop->tcp_flag));
	}
	put_drop(request);
	mnl_attr_nest_end(request, options);
	return netlink_ask(request, error);
}

int server_gate_open(const struct server *server)
{
	char error[NETLINK_ERROR_MAX];
	int result;

	if (!if_nametoindex(GLR__LINK))
		return -ENODEV;
	result = change_clsact(RTM_DELQDISC, error);
	/* There was none. */
	if (result == -ENOENT || result == -EINVAL)
		return 0;
	if (result < 0)
		glr_err("cannot open the gate at " GLR__LINK ": %s", error);
	return result;
}

int server_gate_close(const struct server *server)
{
	char error[NETLINK_ERROR_MAX];
	int result;

	if (!if_nametoindex(GLR__LINK))
		return 0;
	result = change_clsact(RTM_NEWQDISC, error);
	for (uint32_t i = 0; i < sizeof(drops) / sizeof(*drops) && result == 0; i++) {
		result = add_filter(&drops[i], ETH_P_IP, 2 * i + 1, error);
		if (result == 0)
			result = add_filter(&drops[i], ETH_P_IPV6, 2 * i + 2, error);
	}
	if (result < 0)
		glr_err("cannot close the gate at " GLR__LINK ": %s", error);
	return result;
}

int server_filter_load(const struct server *server)
{
	static const char *const load[] = {"nft", "-f", "-", NULL};
	char rules[PATH_MAX + 64], error[256] = "";
	int result;

	/* In one transaction: what was loaded before counts until all of the new is in force. */
	if (server->nft_file[0])
		snprintf(rules, sizeof(rules), "flush ruleset\ninclude \"%s\"\n", server->nft_file);
	else
		strcpy(rules, "flush ruleset\n");
	result = server_run(server, load, rules, error);
	if (result == 0)
		return OCF_SUCCESS;
	if (result == 127)
		return server_fail(OCF_ERR_INSTALLED, "there is no nft for nft_file=%s: install nftables",
				   server->nft_file);
	if (result < 0)
		return server_fail(OCF_ERR_GENERIC, "nft: %s", strerror(-result));
	return server_fail(OCF_ERR_ARGS, "nft refuses nft_file=%s: 'nft -c -f %s' shows where",
			   server->nft_file, server->nft_file);
}
