/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to the kernel's network, rtnetlink(7).  A takeover waits for each of them, and ip(8) or tc(8)
 * would take most of that time to be loaded.
 */
#ifndef GLR_NETLINK_H
#define GLR_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_MESSAGE_MAX 1024
#define NETLINK_ERROR_MAX 256

/* Begins a request; its attributes are added with libmnl, NETLINK_MESSAGE_MAX bytes in all.
 * @param fixed what comes before them, of the type that belongs to the request */
struct nlmsghdr *netlink_request(char buffer[NETLINK_MESSAGE_MAX], uint16_t type, const void *fixed,
				 size_t size);
/* Asks in the caller's network namespace, and waits for the answer.
 * @param error what the kernel has against it, in its own words where it has any
 * @return 0 or -errno */
int netlink_ask(struct nlmsghdr *request, char error[NETLINK_ERROR_MAX]);

#endif
