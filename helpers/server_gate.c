/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reaches the group's servers.  The gate filters what arrives while nothing may be served; ARP, ND and
 * ICMP always pass.  Beside it the administrator's own nftables rules: the node's do not see what goes
 * through macvlan and ipvlan.
 */
#include "server.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

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
