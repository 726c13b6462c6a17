/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify: whether a group's link can work over this node's network device. */
#include "glr_private.h"
#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NET_DEVICES "/sys/class/net"

static bool has(const char *nic, const char *what)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), NET_DEVICES "/%s/%s", nic, what);
	return access(path, F_OK) == 0;
}

/* @return name, the last part of where a link in the device's folder points; empty when there is none */
static const char *link_target(const char *nic, const char *what, char name[PATH_MAX])
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t length;

	snprintf(path, sizeof(path), NET_DEVICES "/%s/%s", nic, what);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	slash = strrchr(target, '/');
	return strcpy(name, slash ? slash + 1 : target);
}

/* These networks deliver nothing to hardware addresses that they did not hand out. */
static bool is_cloud_driver(const char *driver)
{
	static const char *const drivers[] = {"ena", "gve", "hv_netvsc"};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

/* Two kinds cannot share a device. */
static const char *other_kind(const struct glr_cluster *cluster, const struct glr_cluster_group *group,
			      const char *link)
{
	for (size_t i = 0; i < cluster->group_count; i++) {
		const struct glr_cluster_group *other = &cluster->groups[i];
		const char *kind = *other->link ? other->link : "macvlan";

		if (strcmp(other->nic, group->nic) == 0 && strcmp(kind, link) != 0 &&
		    (strcmp(kind, "macvlan") == 0 || strcmp(kind, "ipvlan") == 0))
			return other->group;
	}
	return NULL;
}

static void check_vlan(struct verify *verify, const struct glr_cluster *cluster,
		       const struct glr_cluster_group *group, const char *link)
{
	const char *nic = group->nic, *other = other_kind(cluster, group, link);
	bool macvlan = strcmp(link, "macvlan") == 0;
	char name[PATH_MAX];

	if (has(nic, "brport"))
		verify_report(verify, VERIFY_ERROR, group->nfsserver, "link",
			      "%s is a port of the bridge %s: set nic=%s and link=veth", nic,
			      link_target(nic, "master", name), name);
	else if (has(nic, "bonding_slave"))
		verify_report(verify, VERIFY_ERROR, group->nfsserver, "link", "%s is part of %s: set nic=%s",
			      nic, link_target(nic, "master", name), name);
	else if (other)
		verify_report(verify, VERIFY_ERROR, group->nfsserver, "link",
			      "macvlan and ipvlan cannot share %s, and group %s uses the other: set the same "
			      "link for all",
			      nic, other);
	else if (macvlan && (has(nic, "wireless") || has(nic, "phy80211")))
		verify_report(verify, VERIFY_ERROR, group->nfsserver, "link",
			      "%s is wireless, where a station has one hardware address: set link=ipvlan",
			      nic);
	else if (macvlan && is_cloud_driver(link_target(nic, "device/driver", name)))
		verify_report(
			verify, VERIFY_ERROR, group->nfsserver, "link",
			"%s is a cloud's (%s), which delivers nothing to a macvlan's hardware address: set "
			"link=ipvlan or link=routed, and route the group's addresses to the node",
			nic, name);
	else if (macvlan && strcmp(link_target(nic, "device/driver", name), "vmxnet3") == 0)
		verify_report(
			verify, VERIFY_WARNING, group->nfsserver, "link",
			"vSphere drops a macvlan's frames unless the port group of %s allows promiscuous "
			"mode and forged transmits: allow them, or set link=ipvlan",
			nic);
	else
		verify_report(verify, VERIFY_OK, group->nfsserver, "link", "%s on %s", link, nic);
}

void verify_link(struct verify *verify, const struct glr_cluster *cluster,
		 const struct glr_cluster_group *group)
{
	const char *link = *group->link ? group->link : "macvlan";

	if (strcmp(link, "routed") == 0 || strcmp(link, "none") == 0)
		verify_report(verify, VERIFY_OK, group->nfsserver, "link", "%s", link);
	else if (!*group->nic || strchr(group->nic, '/'))
		verify_report(verify, VERIFY_ERROR, group->nfsserver, "link",
			      "nic does not name a network device: set it");
	else if (!has(group->nic, ""))
		verify_report(verify, VERIFY_ERROR, group->nfsserver, "link",
			      "there is no network device %s on this node: set nic", group->nic);
	else if (strcmp(link, "veth") != 0)
		check_vlan(verify, cluster, group, link);
	else if (has(group->nic, "bridge"))
		verify_report(verify, VERIFY_OK, group->nfsserver, "link", "veth to %s", group->nic);
	else
		verify_report(verify, VERIFY_ERROR, group->nfsserver, "link",
			      "%s is not a bridge, which link=veth needs: set link=macvlan, or make one",
			      group->nic);
}
