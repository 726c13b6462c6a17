/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard of a group's devices.  open(2) with O_EXCL on a block device fails
 * with EBUSY while a filesystem on it is alive, whichever mount namespace it is
 * mounted in and whoever keeps it alive: nothing else tells the truth always.
 *
 * A guard has nothing running, so that it was started is a marker file, one per
 * device, in a runtime directory that a reboot clears:
 *
 *   marker   device      start            stop             status
 *   none     free        makes marker     succeeds         not running
 *   none     mounted     fails            unmounts it      not running
 *   there    free        succeeds         removes marker   running
 *   there    mounted     succeeds         unmounts it      running
 *   there    vanished    succeeds         as free          failed
 *
 * Where stop cannot unmount it until its timeout, it fails and Pacemaker fences.
 */
#include "device.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The dot keeps it apart from the groups, whose names are host names. */
#define MARKER_DIR GLR__RUNTIME_DIR "/.device"

/* How long a start waits for udev to make the name, or for blkid or fsck to let go. */
#define SETTLE_MS 2000

/* @return 0, or -ENAMETOOLONG */
static int marker_name(const char *device, char name[NAME_MAX + 1])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t used = 0;

	for (; *device; device++) {
		unsigned char c = *device;

		if (used + 3 > NAME_MAX)
			return -ENAMETOOLONG;
		if (isalnum(c) || strchr("._-", c)) {
			name[used++] = c;
		} else {
			name[used++] = '%';
			name[used++] = hex[c >> 4];
			name[used++] = hex[c & 15];
		}
	}
	name[used] = '\0';
	return 0;
}

/* @return descriptor of the markers' directory, or -errno: -ENOENT */
static int marker_directory(bool make)
{
	int fd;

	if (make && ((mkdir(GLR__RUNTIME_DIR, 0755) < 0 && errno != EEXIST) ||
		     (mkdir(MARKER_DIR, 0700) < 0 && errno != EEXIST)))
		return -errno;
	fd = open(MARKER_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int marker_make(const struct device *device)
{
	char name[NAME_MAX + 1], text[32];
	int fd, length, rc;

	rc = marker_name(device->path, name);
	if (rc)
		return rc;
	fd = marker_directory(true);
	if (fd < 0)
		return fd;
	length = snprintf(text, sizeof(text), "%u:%u\n", major(device->number), minor(device->number));
	rc = glr__replace_file(fd, name, text, length, 0600);
	close(fd);
	return rc;
}

/* @param number the device's when it was started  @return 0, -ENOENT: not started, or -errno */
static int marker_read(const char *device, dev_t *number)
{
	char name[NAME_MAX + 1], text[32];
	unsigned major, minor;
	int fd, rc;

	rc = marker_name(device, name);
	if (rc)
		return rc;
	fd = marker_directory(false);
	if (fd < 0)
		return fd;
	rc = glr__read_text(fd, name, text, sizeof(text));
	close(fd);
	if (!rc && sscanf(text, "%u:%u", &major, &minor) == 2)
		*number = makedev(major, minor);
	return rc;
}

static int marker_remove(const char *device)
{
	char name[NAME_MAX + 1];
	int fd, rc;

	rc = marker_name(device, name);
	if (rc)
		return rc;
	fd = marker_directory(false);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
		rc = -errno;
	close(fd);
	return rc;
}

/*
 * O_RDONLY claims the device as well as O_RDWR does, and its close does not make
 * udev probe the device again.
 * @return 0: nobody has it, -EBUSY, -ENOTBLK, or another -errno of stat(2) and open(2)
 */
static int claim(struct device *device)
{
	struct stat st;
	int fd;

	if (stat(device->path, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	device->number = st.st_rdev;
	fd = open(device->path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The device cannot be opened by anybody here: gone, or the passive side of a replicated one. */
static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENXIO || error == -ENODEV || error == -ENOMEDIUM ||
	       error == -EMEDIUMTYPE;
}

static void pause_ms(unsigned ms)
{
	struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&wait, NULL);
}

/* The name of a device that is built on this one, such as dm-3.  @return false when there is none */
static bool find_holder(const struct device *device, char name[NAME_MAX + 1])
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(device->number),
		 minor(device->number));
	dir = opendir(path);
	if (!dir)
		return false;
	do
		entry = readdir(dir);
	while (entry && entry->d_name[0] == '.');
	if (entry)
		snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
	closedir(dir);
	return entry != NULL;
}

/* Says who has it and what to do.  @param mounts as device_mounts_find() returned it */
static int report_busy(const struct device *device, int error, int mounts, const struct device_mount *left)
{
	char holder[NAME_MAX + 1];

	if (mounts < 0)
		return server_fail(OCF_ERR_GENERIC,
				   "device %s: %s, and the mount namespaces could not all be searched: %s",
				   device->path, strerror(-error), strerror(-mounts));
	if (mounts > 0 && left->namespace[0])
		return server_fail(OCF_ERR_GENERIC,
				   "device %s is busy: it is mounted on %s in the mount namespace %s: "
				   "unmount it there with 'nsenter --mount=%s umount %s'",
				   device->path, left->point, left->owner, left->namespace, left->point);
	if (mounts > 0)
		return server_fail(
			OCF_ERR_GENERIC,
			"device %s is busy: it is mounted on %s: unmount it there, and see who uses it "
			"with 'fuser -vm %s'",
			device->path, left->point, left->point);
	if (error == -EBUSY && find_holder(device, holder))
		return server_fail(OCF_ERR_GENERIC,
				   "device %s is busy: %s is built on it: name that device, or deactivate it",
				   device->path, holder);
	if (error == -EBUSY)
		return server_fail(
			OCF_ERR_GENERIC,
			"device %s is busy, and no mount of it was found: a process has it open (see "
			"'fuser -v %s'), or uses a filesystem on it that was unmounted lazily; if no "
			"such process is found, reboot the node",
			device->path, device->path);
	return server_fail(OCF_ERR_GENERIC, "device %s cannot be opened: %s: is it in use on another node?",
			   device->path, strerror(-error));
}

static int start_one(struct device *device, uint64_t deadline_ms)
{
	uint64_t now_ms = glr__now_ms(), settle_ms = now_ms + SETTLE_MS;
	struct device_mount left;
	int rc, mounts = 0;

	/* Leaves time to look for who has it. */
	if (settle_ms > now_ms / 2 + deadline_ms / 2)
		settle_ms = now_ms / 2 + deadline_ms / 2;
	for (;;) {
		rc = claim(device);
		if (!rc)
			return OCF_SUCCESS;
		if (rc == -ENOTBLK)
			return server_fail(OCF_ERR_ARGS, "%s is not a block device on this node",
					   device->path);
		if (rc == -EBUSY)
			mounts = device_mounts_find(device, false, deadline_ms, &left);
		if (mounts > 0 || glr__now_ms() >= settle_ms)
			break;
		pause_ms(100);
	}
	if (rc == -ENOENT)
		return server_fail(OCF_ERR_INSTALLED,
				   "there is no device %s on this node: check its name and its storage",
				   device->path);
	return report_busy(device, rc, mounts, &left);
}

static int start(const struct server *server, char *const paths[])
{
	struct device device;
	int code, rc;

	for (size_t i = 0; paths[i]; i++) {
		device = (struct device){.path = paths[i]};
		/* Started already: what is mounted by now is the group's own. */
		if (marker_read(paths[i], &device.number) == 0)
			continue;
		code = start_one(&device, server->deadline_ms);
		if (code != OCF_SUCCESS)
			return code;
		rc = marker_make(&device);
		if (rc)
			return server_fail(OCF_ERR_GENERIC,
					   "cannot make a marker in " MARKER_DIR " for %s: %s", paths[i],
					   strerror(-rc));
	}
	return OCF_SUCCESS;
}

static int stop_one(struct device *device, uint64_t deadline_ms)
{
	struct device_mount left;
	unsigned wait_ms = 50;
	int rc, found, mounts = 0;

	for (;;) {
		found = 0;
		rc = claim(device);
		if (!rc || rc == -ENOTBLK)
			return OCF_SUCCESS;
		if (rc == -EBUSY || is_absent(rc))
			found = device_mounts_find(device, true, deadline_ms, &left);
		if (is_absent(rc) && found == 0)
			return OCF_SUCCESS;
		/* A search that the deadline cut short says less than the one before it. */
		if (found != -ETIMEDOUT || mounts <= 0)
			mounts = found;
		if (glr__now_ms() + wait_ms >= deadline_ms)
			return report_busy(device, rc, mounts, &left);
		pause_ms(wait_ms);
		wait_ms = wait_ms < 400 ? wait_ms * 2 : wait_ms;
	}
}

static int stop(const struct server *server, char *const paths[])
{
	struct device device;
	int code, rc;

	for (size_t i = 0; paths[i]; i++) {
		device = (struct device){.path = paths[i]};
		marker_read(paths[i], &device.number);
		code = stop_one(&device, server->deadline_ms);
		if (code != OCF_SUCCESS)
			return code;
		rc = marker_remove(paths[i]);
		if (rc)
			return server_fail(OCF_ERR_GENERIC,
					   "cannot remove the marker of %s in " MARKER_DIR ": %s", paths[i],
					   strerror(-rc));
	}
	return OCF_SUCCESS;
}

static int status(const struct server *server, char *const paths[])
{
	size_t started = 0, count = 0;
	const char *missing = NULL;
	dev_t number;

	for (; paths[count]; count++) {
		if (marker_read(paths[count], &number) == 0) {
			started++;
			if (access(paths[count], F_OK) < 0)
				missing = paths[count];
		}
	}
	if (started == 0)
		return OCF_NOT_RUNNING;
	if (started < count)
		return server_fail(OCF_ERR_GENERIC, "only %zu of %zu devices are guarded: stop the resource",
				   started, count);
	if (missing)
		return server_fail(OCF_ERR_GENERIC, "device %s has gone from this node: check its storage",
				   missing);
	return OCF_SUCCESS;
}

int device_command(const struct server *server, char *const argv[])
{
	static const struct {
		const char *verb;
		int (*run)(const struct server *server, char *const paths[]);
	} verbs[] = {{"start", start}, {"stop", stop}, {"status", status}};

	if (!argv[1])
		return server_fail(OCF_ERR_CONFIGURED, "no device is named");
	for (size_t i = 1; argv[i]; i++)
		if (argv[i][0] != '/')
			return server_fail(OCF_ERR_CONFIGURED,
					   "device '%s' is not an absolute path: use a name such as "
					   "/dev/disk/by-uuid/... that is the same on every node",
					   argv[i]);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(argv[0], verbs[i].verb) == 0)
			return verbs[i].run(server, argv + 1);
	return server_fail(OCF_ERR_UNIMPLEMENTED, "there is no 'device %s'", argv[0]);
}
