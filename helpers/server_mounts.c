/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The group's mount namespace: the node's mounts as slaves, less other groups'
 * filesystems, with /run and /var/lib/nfs of its own.
 */
#include "mountinfo.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNMOUNT_MAX 256

/* Sockets of the node that look-ups of users and the log need. */
static const char *const kept_run[] = {"/run/nscd", "/run/sssd", "/run/gssproxy.sock",
				       "/run/systemd/journal"};
#define KEPT_RUN (sizeof(kept_run) / sizeof(*kept_run))

static bool below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (!strcmp(directory, "/"))
		return true;
	return !strncmp(path, directory, length) && (path[length] == '/' || path[length] == 0);
}

/* Parts of the operating system that are often filesystems of their own. */
static bool system_mount(const char *point)
{
	static const char *const parts[] = {"/usr",  "/etc", "/var",   "/opt", "/bin",
					    "/sbin", "/lib", "/lib64", "/home"};

	if (!strcmp(point, "/"))
		return true;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!strcmp(point, parts[i]))
			return true;
	return false;
}

struct unwanted {
	const struct server *server;
	char *points[UNMOUNT_MAX];
	size_t count;
};

static int keep_export(const char *path, void *point)
{
	return below(path, point) || below(point, path);
}

static int collect(const struct mountinfo *entry, void *arg)
{
	struct unwanted *unwanted = arg;
	const struct server *server = unwanted->server;
	bool foreign = entry->source[0] == '/' && !system_mount(entry->point) &&
		       !below(entry->point, server->directory) && !below(server->directory, entry->point) &&
		       !below(server->state_dir, entry->point) &&
		       server_exports_foreach(server, keep_export, (void *)entry->point) == 0;

	if (!foreign && !below(entry->point, "/run") && strcmp(entry->point, "/proc/fs/nfsd") &&
	    !below(entry->point, "/var/lib/nfs"))
		return 0;
	if (unwanted->count == UNMOUNT_MAX)
		return -E2BIG;
	unwanted->points[unwanted->count] = strdup(entry->point);
	return unwanted->points[unwanted->count++] ? 0 : -ENOMEM;
}

/* Lazily: a slave's unmount stays in its namespace, and nothing runs in this one yet. */
static int unmount_unwanted(const struct server *server)
{
	struct unwanted unwanted = {.server = server};
	int result = mountinfo_foreach(MOUNTINFO_SELF, collect, &unwanted);

	while (unwanted.count > 0) {
		char *point = unwanted.points[--unwanted.count];

		if (result == 0 && umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL &&
		    errno != ENOENT)
			result = -errno;
		free(point);
	}
	return result;
}

static int make_dir(const char *path, mode_t mode, const char *owner)
{
	struct passwd *user = owner ? getpwnam(owner) : NULL;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	if (user && chown(path, user->pw_uid, user->pw_gid) < 0)
		return -errno;
	return 0;
}

static int attach(int tree, const char *path)
{
	struct stat st;

	fstat(tree, &st);
	if (S_ISDIR(st.st_mode)) {
		if (make_dir(path, 0755, NULL) < 0)
			return -errno;
	} else {
		int fd = open(path, O_CREAT | O_CLOEXEC | O_WRONLY, 0600);

		if (fd < 0)
			return -errno;
		close(fd);
	}
	return syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int mount_own(const char *fstype, const char *point, const char *options)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount("glr", point, fstype, flags, options) == 0)
		return 0;
	glr_err("mount %s at %s: %s", fstype, point, strerror(errno));
	return -errno;
}

/* A /run of the group's own: rpcbind's socket is a path, and two rpcbinds collide in it. */
static int own_run(const struct server *server)
{
	int trees[KEPT_RUN + 1];
	char path[PATH_MAX];
	int result = 0;

	for (size_t i = 0; i < KEPT_RUN; i++)
		trees[i] = syscall(SYS_open_tree, AT_FDCWD, kept_run[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	trees[KEPT_RUN] = syscall(SYS_open_tree, AT_FDCWD, server_path(server, "", path),
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (trees[KEPT_RUN] < 0)
		result = -errno;
	if (result == 0)
		result = unmount_unwanted(server);
	if (result == 0)
		result = mount_own("tmpfs", "/run", "mode=755,size=16m");
	if (result == 0)
		result = make_dir("/run/rpcbind", 0755, "_rpc");
	if (result == 0)
		result = make_dir("/run/systemd", 0755, NULL);
	if (result == 0)
		result = make_dir(GLR__RUNTIME_DIR, 0755, NULL);
	for (size_t i = 0; i <= KEPT_RUN; i++) {
		if (trees[i] < 0)
			continue;
		if (result == 0)
			result = attach(trees[i], i < KEPT_RUN ? kept_run[i] : path);
		close(trees[i]);
	}
	return result;
}

/* exportfs(8) has no option for another file than /etc/exports. */
static int own_exports(const struct server *server)
{
	char path[PATH_MAX];
	int result;

	if (mount(server_path(server, "exports", path), "/etc/exports", "none", MS_BIND, NULL) < 0) {
		glr_err("cannot put the group's exports at /etc/exports: %s; does the file exist?",
			strerror(errno));
		return -errno;
	}
	result = make_dir("/run/exports.d", 0755, NULL);
	if (result < 0)
		return result;
	if (mount("/run/exports.d", "/etc/exports.d", "none", MS_BIND, NULL) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int own_nfs_state(void)
{
	static const char *const empty[] = {"/var/lib/nfs/etab", "/var/lib/nfs/rmtab"};
	int result = mount_own("tmpfs", "/var/lib/nfs", "mode=755,size=16m");

	for (size_t i = 0; i < 2 && result == 0; i++) {
		int fd = open(empty[i], O_CREAT | O_CLOEXEC | O_WRONLY, 0644);

		if (fd < 0)
			result = -errno;
		else
			close(fd);
	}
	if (result == 0)
		result = make_dir("/var/lib/nfs/rpc_pipefs", 0755, NULL);
	if (result == 0)
		result = make_dir("/var/lib/nfs/v4recovery", 0755, NULL);
	if (result == 0)
		result = mount_own("rpc_pipefs", "/var/lib/nfs/rpc_pipefs", NULL);
	if (result == 0)
		result = mount_own("nfsd", "/proc/fs/nfsd", NULL);
	return result;
}

int server_mounts_setup(void *arg)
{
	const struct server *server = arg;
	int result = own_run(server);

	if (result == 0)
		result = own_nfs_state();
	if (result == 0)
		result = own_exports(server);
	return result;
}
