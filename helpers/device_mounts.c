/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts of a device in every mount namespace that can be found: those of the
 * processes, and those that only a bind mount of their nsfs file keeps alive,
 * which no /proc/PID/mountinfo shows.
 */
#include "device.h"
#include "mountinfo.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES_MAX 4096

struct namespace
{
	uint64_t inode;
	int fd;
	char path[PATH_MAX];
	char owner[DEVICE_OWNER_MAX];
};

struct search {
	const struct device *device;
	bool unmount;
	int report; /* struct device_mount, one a write */
	struct namespace *namespaces;
	size_t count;
	struct found {
		int id;
		char *point;
	} * found;
	size_t found_count;
};

static int add_namespace(struct search *search, const char *path, const char *owner)
{
	struct namespace *all, *one;
	struct stat st;

	if (stat(path, &st) < 0)
		return 0; /* the process has ended */
	for (size_t i = 0; i < search->count; i++)
		if (search->namespaces[i].inode == st.st_ino)
			return 0;
	if (search->count == NAMESPACES_MAX)
		return -E2BIG;
	all = realloc(search->namespaces, (search->count + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	search->namespaces = all;
	one = &all[search->count];
	one->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (one->fd < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	one->inode = st.st_ino;
	snprintf(one->path, sizeof(one->path), "%s", search->count ? path : "");
	snprintf(one->owner, sizeof(one->owner), "%s", owner);
	search->count++;
	return 0;
}

static int add_process(struct search *search, const char *pid)
{
	char path[64], comm[128], owner[DEVICE_OWNER_MAX];

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	if (glr__read_text(AT_FDCWD, path, comm, sizeof(comm)) < 0)
		return 0; /* it has ended */
	comm[strcspn(comm, "\n")] = '\0';
	snprintf(owner, sizeof(owner), "of process %.16s (%s)", pid, comm);
	snprintf(path, sizeof(path), "/proc/%.16s/ns/mnt", pid);
	return add_namespace(search, path, owner);
}

static int add_pinned(const struct mountinfo *entry, void *arg)
{
	char owner[DEVICE_OWNER_MAX];

	if (strcmp(entry->fstype, "nsfs") != 0 || strncmp(entry->root, "mnt:[", 5) != 0)
		return 0;
	snprintf(owner, sizeof(owner), "pinned at %.*s", DEVICE_OWNER_MAX - 16, entry->point);
	return add_namespace(arg, entry->point, owner);
}

static int find_namespaces(struct search *search)
{
	struct dirent *entry;
	DIR *proc;
	int rc;

	rc = add_namespace(search, "/proc/self/ns/mnt", "of this node");
	if (rc)
		return rc;
	/* Pins first: their path outlives the process that a namespace would be named after. */
	rc = mountinfo_foreach(MOUNTINFO_SELF, add_pinned, search);
	if (rc)
		return rc;
	proc = opendir("/proc");
	if (!proc)
		return -errno;
	while (!rc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			rc = add_process(search, entry->d_name);
	closedir(proc);
	return rc;
}

static bool is_mount_of(const struct device *device, const struct mountinfo *entry)
{
	struct stat st;

	if (device->number && makedev(entry->major, entry->minor) == device->number)
		return true;
	if (strcmp(entry->source, device->path) == 0)
		return true;
	/* btrfs shows a device number of its own making. */
	return device->number && strncmp(entry->source, "/dev/", 5) == 0 && stat(entry->source, &st) == 0 &&
	       S_ISBLK(st.st_mode) && st.st_rdev == device->number;
}

static int collect(const struct mountinfo *entry, void *arg)
{
	struct search *search = arg;
	struct found *all;

	if (!is_mount_of(search->device, entry))
		return 0;
	all = realloc(search->found, (search->found_count + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	search->found = all;
	all[search->found_count].id = entry->id;
	all[search->found_count].point = strdup(entry->point);
	if (!all[search->found_count].point)
		return -ENOMEM;
	search->found_count++;
	return 0;
}

/* A mount that another one covers cannot be reached by its path: the other would go. */
static int unmount_found(const struct found *found)
{
	struct statx stx;

	if (statx(AT_FDCWD, found->point, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) < 0)
		return -errno;
	if (!(stx.stx_mask & STATX_MNT_ID) || stx.stx_mnt_id != (uint64_t)found->id)
		return -EBUSY;
	return umount2(found->point, UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

static int visit(struct search *search, const struct namespace *one, int proc)
{
	struct device_mount mount = {0};
	int rc;

	if (setns(one->fd, CLONE_NEWNS) < 0)
		return -errno;
	/* The namespace need not have a /proc: ours shows the caller's mounts, now those of it. */
	if (fchdir(proc) < 0)
		return -errno;
	rc = mountinfo_foreach("self/mountinfo", collect, search);
	while (search->found_count > 0) {
		struct found *last = &search->found[--search->found_count];

		if (!rc) {
			snprintf(mount.point, sizeof(mount.point), "%s", last->point);
			snprintf(mount.namespace, sizeof(mount.namespace), "%s", one->path);
			snprintf(mount.owner, sizeof(mount.owner), "%s", one->owner);
			mount.error = search->unmount ? unmount_found(last) : -EBUSY;
			if (write(search->report, &mount, sizeof(mount)) != sizeof(mount))
				rc = -EPIPE;
		}
		free(last->point);
	}
	return rc;
}

/* The child.  @return 0 or -errno */
static int visit_all(struct search *search)
{
	int proc, rc;

	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	rc = find_namespaces(search);
	/* One that cannot be entered must not spare the others. */
	for (size_t i = 0; i < search->count; i++) {
		int one = visit(search, &search->namespaces[i], proc);

		if (one && !rc)
			rc = one;
	}
	return rc;
}

/* @return 1 when a report was read, 0 at the end, or -errno: -ETIMEDOUT */
static int next_report(int fd, uint64_t deadline_ms, struct device_mount *mount)
{
	uint64_t now_ms = glr__now_ms();
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	int rc;

	rc = poll(&pfd, 1, now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0);
	if (rc < 0)
		return errno == EINTR ? next_report(fd, deadline_ms, mount) : -errno;
	if (rc == 0)
		return -ETIMEDOUT;
	/* The writer's pieces are larger than a page, so they may come in parts. */
	for (size_t got = 0; got < sizeof(*mount);) {
		ssize_t n = read(fd, (char *)mount + got, sizeof(*mount) - got);

		if (n < 0)
			return -errno;
		if (n == 0)
			return got ? -EPIPE : 0;
		got += n;
	}
	return 1;
}

static int read_reports(const struct device *device, int fd, uint64_t deadline_ms, struct device_mount *left)
{
	struct device_mount mount;
	int count = 0;
	int rc;

	while ((rc = next_report(fd, deadline_ms, &mount)) > 0) {
		if (mount.error) {
			/* The node's own comes first: unmounted there, it goes in the slaves of it too. */
			if (count++ == 0)
				*left = mount;
		} else {
			glr_notice("device=%s: unmounted %s, left behind in the mount namespace %s",
				   device->path, mount.point, mount.owner);
		}
	}
	return rc < 0 ? rc : count;
}

int device_mounts_find(const struct device *device, bool unmount, uint64_t deadline_ms,
		       struct device_mount *left)
{
	struct search search = {.device = device, .unmount = unmount};
	int ends[2], status = 0, rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		rc = -errno;
		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	if (pid == 0) {
		close(ends[0]);
		search.report = ends[1];
		_exit(-visit_all(&search));
	}
	close(ends[1]);
	rc = read_reports(device, ends[0], deadline_ms, left);
	close(ends[0]);
	if (rc == -ETIMEDOUT) {
		/* It may hang in the kernel for good; init reaps it. */
		kill(pid, SIGKILL);
		return rc;
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (rc >= 0 && status != 0)
		rc = WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
	return rc;
}
