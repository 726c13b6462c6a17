/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify: the cluster, and what its groups are configured to use. */
#include "glr_private.h"
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- quorum ------------------------------------------------------------------------- */

static void check_policy(struct verify *verify, const struct glr_cluster *cluster)
{
	if (!cluster->have_quorum)
		verify_report(verify, VERIFY_ERROR, "cluster", "quorum", "is missing: bring nodes back");
	else if (strcmp(cluster->no_quorum_policy, "ignore") == 0)
		verify_report(
			verify, VERIFY_ERROR, "cluster", "quorum",
			"no-quorum-policy is ignore, so each half of a divided cluster starts every group: "
			"'crm_attribute -n no-quorum-policy -v stop', and for two nodes two_node: 1 in "
			"corosync.conf");
	else
		verify_report(verify, VERIFY_OK, "cluster", "quorum", "%s", "");
}

struct votes {
	unsigned expected;
	char flags[128];
};

/* Its exit status says whether there is quorum, and nothing about success.
 * @return false where nobody counts votes, as on a Pacemaker Remote node */
static bool ask_votes(struct votes *votes)
{
	FILE *stream = popen("timeout 20 corosync-quorumtool -s 2>/dev/null", "re");
	char line[256];

	memset(votes, 0, sizeof(*votes));
	while (stream && fgets(line, sizeof(line), stream)) {
		sscanf(line, "Expected votes: %u", &votes->expected);
		sscanf(line, "Flags: %127[^\n]", votes->flags);
	}
	if (stream)
		pclose(stream);
	return votes->expected > 0;
}

static void check_votes(struct verify *verify)
{
	struct votes votes;
	bool two_node;

	if (!ask_votes(&votes))
		return;
	two_node = strstr(votes.flags, "2Node");
	if (two_node && !strstr(votes.flags, "WaitForAll"))
		verify_report(
			verify, VERIFY_ERROR, "cluster", "votes",
			"two_node without wait_for_all: a node that boots while it cannot see the other "
			"fences it, and so on in turn: remove 'wait_for_all: 0' from corosync.conf");
	else if (votes.expected == 2 && !two_node && !strstr(votes.flags, "Qdevice"))
		verify_report(verify, VERIFY_WARNING, "cluster", "votes",
			      "of two votes both are needed, so that no group survives the loss of a node: "
			      "two_node: 1 in corosync.conf, or a quorum device");
	else
		verify_report(verify, VERIFY_OK, "cluster", "votes", "%u, %s", votes.expected, votes.flags);
}

void verify_cluster(struct verify *verify, const struct glr_cluster *cluster)
{
	if (cluster->fencing_enabled)
		verify_report(verify, VERIFY_OK, "cluster", "fencing", "%s", "");
	else
		verify_report(verify, VERIFY_ERROR, "cluster", "fencing",
			      "is off, so a node that hangs and its successor can both write the filesystem: "
			      "configure a fence device and 'crm_attribute -n stonith-enabled -v true'");
	check_policy(verify, cluster);
	check_votes(verify);
}

/* ---- devices ------------------------------------------------------------------------ */

/* As /proc/mounts would show it: mount(8) follows links, and calls device-mapper devices by name. */
static void mounted_name(const char *device, char name[PATH_MAX])
{
	char path[PATH_MAX], mapped[128];
	unsigned number;

	snprintf(name, PATH_MAX, "%s", device);
	if (!realpath(device, path))
		return;
	snprintf(name, PATH_MAX, "%s", path);
	if (sscanf(path, "/dev/dm-%u", &number) != 1)
		return;
	snprintf(path, sizeof(path), "/sys/block/dm-%u/dm/name", number);
	if (glr__read_text(AT_FDCWD, path, mapped, sizeof(mapped)) == 0)
		snprintf(name, PATH_MAX, "/dev/mapper/%.*s", (int)strcspn(mapped, "\n"), mapped);
}

struct device_check {
	struct verify *verify;
	const struct glr_cluster *cluster;
	const struct glr_cluster_group *group;
};

/* Calls fn for each device of a group until it returns non-zero.  @return what fn returned */
static int foreach_device(const struct glr_cluster_group *group, int (*fn)(const char *device, void *arg),
			  void *arg)
{
	char words[sizeof(group->devices)], *save = NULL, *word;
	int rc = 0;

	memcpy(words, group->devices, sizeof(words));
	for (word = strtok_r(words, " \t\n", &save); word && !rc; word = strtok_r(NULL, " \t\n", &save))
		rc = fn(word, arg);
	return rc;
}

struct comparison {
	const struct device_check *check;
	const char *device;
	const struct glr_cluster_group *other;
};

/* The stop of stock Filesystem looks for the device's name anywhere in a line of /proc/mounts. */
static int compare_devices(const char *device, void *arg)
{
	const struct comparison *with = arg;
	char ours[PATH_MAX], theirs[PATH_MAX];

	mounted_name(with->device, ours);
	mounted_name(device, theirs);
	if (!strstr(theirs, ours))
		return 0;
	verify_report(with->check->verify, VERIFY_ERROR, with->check->group->nfsserver, "device",
		      "its name %s is part of %s of group %s, so stopping ocf:heartbeat:Filesystem for the "
		      "first would unmount the second: rename one (lvrename, or another partition)",
		      ours, theirs, with->other->group);
	return 1;
}

/* sda on one node may be sdb on the next; what lies in a folder of /dev has a name of somebody's choice. */
static bool is_kernel_name(const char *device)
{
	return strncmp(device, "/dev/", 5) == 0 && !strchr(device + 5, '/') &&
	       strncmp(device, "/dev/drbd", 9) != 0;
}

static int check_device(const char *device, void *arg)
{
	const struct device_check *check = arg;
	struct comparison with = {.check = check, .device = device};
	int rc = 0;

	for (size_t i = 0; i < check->cluster->group_count && !rc; i++) {
		with.other = &check->cluster->groups[i];
		if (with.other != check->group)
			rc = foreach_device(with.other, compare_devices, &with);
	}
	if (is_kernel_name(device))
		verify_report(check->verify, VERIFY_WARNING, check->group->nfsserver, "device",
			      "%s may be another disk on another node: use a name in /dev/disk/by-id, or a "
			      "logical volume",
			      device);
	else if (!rc)
		verify_report(check->verify, VERIFY_OK, check->group->nfsserver, "device", "%s", device);
	return 0;
}

void verify_devices(struct verify *verify, const struct glr_cluster *cluster,
		    const struct glr_cluster_group *group)
{
	struct device_check check = {.verify = verify, .cluster = cluster, .group = group};

	if (!*group->devices)
		verify_report(
			verify, VERIFY_WARNING, group->nfsserver, "device",
			"no ocf:glr:device is in its resource group, so that nothing proves that the "
			"filesystem is unmounted before another node mounts it: add one at the beginning");
	foreach_device(group, check_device, &check);
}
