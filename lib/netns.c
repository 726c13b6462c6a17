/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The namespaces of a group: network, mount and UTS.  A namespace lives as long
 * as its pin, a bind mount of its nsfs file, does.
 */
#include "glr_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NSFS_MAGIC 0x6e736673

static const struct {
	int type;
	const char *self;
} kinds[GLR__NS_KINDS] = {
	[GLR__NS_NET] = {CLONE_NEWNET, "/proc/self/ns/net"},
	[GLR__NS_UTS] = {CLONE_NEWUTS, "/proc/self/ns/uts"},
	[GLR__NS_MNT] = {CLONE_NEWNS, "/proc/self/ns/mnt"},
};

static void pin_path(const char *group, enum glr__ns_kind kind, char path[PATH_MAX])
{
	if (kind == GLR__NS_NET)
		snprintf(path, PATH_MAX, "%s/%s", GLR__NETNS_DIR, group);
	else
		snprintf(path, PATH_MAX, "%s/%s/%s", GLR__RUNTIME_DIR, group,
			 kind == GLR__NS_MNT ? "mnt" : "uts");
}

int glr__netns_open(const char *group, enum glr__ns_kind kind)
{
	char path[PATH_MAX];
	struct statfs fs;
	int fd;

	pin_path(group, kind, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

int glr__netns_inode(const char *group, enum glr__ns_kind kind, uint64_t *inode)
{
	struct stat st;
	int fd = glr__netns_open(group, kind);

	if (fd < 0)
		return fd;
	fstat(fd, &st);
	*inode = st.st_ino;
	close(fd);
	return 0;
}

int glr__netns_enter_one(const char *group, enum glr__ns_kind kind)
{
	int result = 0;
	int fd = glr__netns_open(group, kind);

	if (fd < 0)
		return fd;
	if (setns(fd, kinds[kind].type) < 0)
		result = -errno;
	close(fd);
	return result;
}

int glr__netns_enter(const char *group)
{
	int fds[GLR__NS_KINDS];
	int result = 0;

	/* The mount namespace hides the pins of the others: open them all first. */
	for (int kind = 0; kind < GLR__NS_KINDS; kind++)
		fds[kind] = glr__netns_open(group, kind);
	for (int kind = 0; kind < GLR__NS_KINDS; kind++) {
		if (result == 0 && fds[kind] < 0)
			result = fds[kind];
		if (result == 0 && setns(fds[kind], kinds[kind].type) < 0)
			result = -errno;
		if (fds[kind] >= 0)
			close(fds[kind]);
	}
	return result;
}

/* A directory that is a mount of its own with the given propagation. */
static int own_mount(const char *path, unsigned long propagation)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mount("", path, "none", propagation | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (mount(path, path, "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", path, "none", propagation | MS_REC, NULL) < 0)
		return -errno;
	return 0;
}

int glr__netns_prepare_dirs(void)
{
	int result;

	/* A mount namespace can only be pinned where the pin does not propagate. */
	result = own_mount(GLR__RUNTIME_DIR, MS_PRIVATE);
	if (result < 0)
		return result;
	/* As ip-netns(8): an unpinned network namespace must vanish in every mount namespace. */
	return own_mount(GLR__NETNS_DIR, MS_SHARED);
}

static int pin(const char *group, enum glr__ns_kind kind, int fd)
{
	char path[PATH_MAX], source[64];
	int file;

	pin_path(group, kind, path);
	file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
	if (file < 0)
		return -errno;
	close(file);
	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	return mount(source, path, "none", MS_BIND, NULL) < 0 ? -errno : 0;
}

static int unpin(const char *group, enum glr__ns_kind kind)
{
	char path[PATH_MAX];

	pin_path(group, kind, path);
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* Moves the caller into new namespaces, lets setup furnish them, and pins them from the node's mounts. */
static int make_inside(const char *group, int node_mnt, int (*setup)(void *arg), void *arg)
{
	int fds[GLR__NS_KINDS] = {-1, -1, -1};
	int result = 0;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS) < 0)
		return -errno;
	/* Slave before anything is unmounted: nothing done here may reach the node, and the
	 * node's unmounts must reach us, or a filesystem would live on in here. */
	if (mount("", "/", "none", MS_SLAVE | MS_REC, NULL) < 0 || sethostname(group, strlen(group)) < 0)
		result = -errno;
	if (result == 0)
		result = setup(arg);
	for (int kind = 0; kind < GLR__NS_KINDS && result == 0; kind++) {
		fds[kind] = open(kinds[kind].self, O_RDONLY | O_CLOEXEC);
		if (fds[kind] < 0)
			result = -errno;
	}
	if (setns(node_mnt, CLONE_NEWNS) < 0)
		result = result ? result : -errno;
	for (int kind = 0; kind < GLR__NS_KINDS && result == 0; kind++)
		result = pin(group, kind, fds[kind]);
	for (int kind = 0; kind < GLR__NS_KINDS; kind++)
		if (fds[kind] >= 0)
			close(fds[kind]);
	return result;
}

int glr__netns_make(const char *group, int (*setup)(void *arg), void *arg)
{
	int node[GLR__NS_KINDS] = {-1, -1, -1};
	int result = 0;

	for (int kind = 0; kind < GLR__NS_KINDS && result == 0; kind++) {
		node[kind] = open(kinds[kind].self, O_RDONLY | O_CLOEXEC);
		if (node[kind] < 0)
			result = -errno;
	}
	if (result == 0)
		result = make_inside(group, node[GLR__NS_MNT], setup, arg);
	for (int kind = 0; kind < GLR__NS_KINDS; kind++) {
		if (node[kind] < 0)
			continue;
		if (kind != GLR__NS_MNT && setns(node[kind], kinds[kind].type) < 0 && result == 0)
			result = -errno;
		close(node[kind]);
	}
	if (result < 0)
		glr__netns_delete(group);
	return result;
}

int glr__netns_delete(const char *group)
{
	int result = 0;

	/* Mounts first: they hold the group's filesystem. */
	for (int kind = GLR__NS_KINDS - 1; kind >= 0; kind--) {
		int one = unpin(group, kind);

		if (one < 0)
			result = one;
	}
	return result;
}
