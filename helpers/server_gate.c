/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reaches the group's servers.  While the gate is closed nothing does but ARP, ND and ICMP, and no
 * client sees its connection end: it would try to make a new one, in ever longer pauses that can outlast the
 * next server's grace period.  One that keeps its connection is woken when the gate opens, here or elsewhere
 * (server_connections.c).  Beside it the administrator's own nftables rules: the node's do not see what
 * goes through macvlan and ipvlan.
 */
#include "server.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Replaced one by one: a gate that is closed already stays so meanwhile. */
#define DROP_ONE(direction, pref, protocol, what)                                                            \
	"filter replace dev " GLR__LINK " " direction " protocol " protocol " pref " pref                    \
	" handle 1 flower ip_proto " what " action drop\n"
#define DROP(direction, pref4, pref6, what)                                                                  \
	DROP_ONE(direction, pref4, "ip", what) DROP_ONE(direction, pref6, "ipv6", what)
#define DROP_ARRIVING DROP("ingress", "1", "2", "tcp") DROP("ingress", "3", "4", "udp")
/* Not what answers a request: a client that repeated it to the next server would hear that the file it
 * removed does not exist. */
#define DROP_ENDS                                                                                            \
	DROP("egress", "1", "2", "tcp tcp_flags 0x1/0x1") DROP("egress", "3", "4", "tcp tcp_flags 0x4/0x4")
static const char gate_rules[] = "qdisc replace dev " GLR__LINK " clsact\n" DROP_ARRIVING DROP_ENDS;

int server_gate_open(const struct server *server)
{
	static const char *const off[] = {"tc", "qdisc", "del", "dev", GLR__LINK, "clsact", NULL};
	char error[256] = "";
	int result;

	if (!if_nametoindex(GLR__LINK))
		return -ENODEV;
	/* tc's status 2, the kernel refused: there was none. */
	result = server_run(server, off, NULL, error);
	return result < 0 ? result : 0;
}

int server_gate_close(const struct server *server)
{
	static const char *const batch[] = {"tc", "-batch", "-", NULL};
	char error[256] = "";
	int result;

	if (!if_nametoindex(GLR__LINK))
		return 0;
	result = server_run(server, batch, gate_rules, error);
	if (result > 0) {
		glr_err("tc cannot close the gate at " GLR__LINK ": %s", error);
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
