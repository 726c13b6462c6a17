/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a group's link: its end, GLR__LINK, appears in another network namespace. */
#ifndef GLR_LINK_MAKE_H
#define GLR_LINK_MAKE_H

#include "netlink.h"

#include <linux/if_ether.h>

/* @param kind "macvlan" or "ipvlan"  @param nic the device that it goes over
 * @param netns the descriptor of its namespace  @param error why not, where it fails
 * @return 0 or -errno */
int link_make_over(const char *kind, const char *nic, int netns, char error[NETLINK_ERROR_MAX]);

/* A veth pair; the node's end is up.
 * @param veth the node's end  @param bridge of which the node's end becomes a port, or NULL
 * @param mac of the node's end, or NULL: any */
int link_make_veth(const char *veth, const char *bridge, const uint8_t mac[ETH_ALEN], int netns,
		   char error[NETLINK_ERROR_MAX]);

#endif
