/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of the group's mount. */
#include "checks.h"
#include "mountinfo.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int find_mount(const char *directory, struct mountinfo *mount, char *reason, size_t size)
{
	char path[PATH_MAX];
	struct stat st;
	int rc;

	memset(mount, 0, sizeof(*mount));
	if (!realpath(directory, path) || stat(path, &st) < 0) {
		rc = -errno;
		snprintf(reason, size, "the directory %s: %s: make it on every node", directory,
			 strerror(errno));
		return rc;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(reason, size, "%s is not a directory", directory);
		return -ENOTDIR;
	}
	rc = mountinfo_find(MOUNTINFO_SELF, path, mount);
	if (rc == -ENOENT) {
		snprintf(reason, size,
			 "nothing is mounted at %s: mount the group's filesystem there (in a cluster: order "
			 "ocf:heartbeat:Filesystem before ocf:glr:nfsserver)",
			 directory);
		return -ENOTCONN;
	}
	if (rc)
		snprintf(reason, size, "%s cannot be read: %s", MOUNTINFO_SELF, strerror(-rc));
	return rc;
}

int check_mount_point(const char *directory, char *reason, size_t size)
{
	struct mountinfo mount;
	int rc = find_mount(directory, &mount, reason, size);

	mountinfo_release(&mount);
	return rc;
}

int check_mount_shared(const char *directory, char *reason, size_t size)
{
	struct mountinfo mount;
	int rc = find_mount(directory, &mount, reason, size);

	if (!rc && !mount.shared) {
		snprintf(reason, size,
			 "the mount %s is private, so its unmount would not reach the group's namespace: "
			 "'mount "
			 "--make-rshared /' at boot, and mount it again",
			 directory);
		rc = -EINVAL;
	}
	mountinfo_release(&mount);
	return rc;
}

int check_filesystem(const char *directory, char *reason, size_t size)
{
	/* The grace period of one group is safe only while no other node can grant locks in the filesystem.
	 */
	static const char *const many_nodes[] = {"gfs2", "ocfs2", "gpfs", "lustre",	   "ceph",
						 "nfs",	 "nfs4",  "cifs", "fuse.glusterfs"};
	static const char *const volatile_types[] = {"tmpfs", "ramfs", "overlay"};
	struct mountinfo mount;
	int rc = find_mount(directory, &mount, reason, size);
	size_t i;

	for (i = 0; !rc && i < sizeof(many_nodes) / sizeof(many_nodes[0]); i++) {
		if (strcmp(mount.fstype, many_nodes[i]) == 0) {
			snprintf(reason, size,
				 "%s is %s, which other nodes can have mounted at the same time: use a "
				 "filesystem that "
				 "only one node mounts, such as ext4 or xfs",
				 directory, mount.fstype);
			rc = -EMEDIUMTYPE;
		}
	}
	for (i = 0; !rc && i < sizeof(volatile_types) / sizeof(volatile_types[0]); i++) {
		if (strcmp(mount.fstype, volatile_types[i]) == 0) {
			snprintf(reason, size,
				 "%s is %s, which does not move to another node: use a filesystem on a "
				 "shared device",
				 directory, mount.fstype);
			rc = -EMEDIUMTYPE;
		}
	}
	mountinfo_release(&mount);
	return rc;
}

struct name_clash {
	const struct mountinfo *ours;
	char *reason;
	size_t size;
};

/*
 * The agent's stop lists mounts with grep and the device name as the pattern, and
 * unmounts every line that it finds: /dev/loop1 also finds /dev/loop10.
 */
static int compare_names(const struct mountinfo *other, void *arg)
{
	const struct name_clash *clash = arg;
	const char *ours = clash->ours->source;
	bool takes_other, takes_ours;

	if (strcmp(other->source, ours) == 0)
		return 0;
	takes_other = strstr(other->source, ours) || strstr(other->point, ours);
	takes_ours = strncmp(other->source, "/dev/", 5) == 0 && strstr(ours, other->source);
	if (!takes_other && !takes_ours)
		return 0;

	snprintf(clash->reason, clash->size,
		 "the device name %s (at %s) contains %s (at %s), so stopping ocf:heartbeat:Filesystem for "
		 "the "
		 "second would unmount the first: rename one of them (lvrename, or another partition)",
		 takes_other ? other->source : ours, takes_other ? other->point : clash->ours->point,
		 takes_other ? ours : other->source, takes_other ? clash->ours->point : other->point);
	return -EBUSY;
}

int check_device_names(const char *directory, char *reason, size_t size)
{
	struct mountinfo mount;
	struct name_clash clash = {.ours = &mount, .reason = reason, .size = size};
	int rc = find_mount(directory, &mount, reason, size);

	if (!rc && mount.source[0] == '/') {
		rc = mountinfo_foreach(MOUNTINFO_SELF, compare_names, &clash);
		if (rc && rc != -EBUSY)
			snprintf(reason, size, "%s cannot be read: %s", MOUNTINFO_SELF, strerror(-rc));
	}
	mountinfo_release(&mount);
	return rc;
}
