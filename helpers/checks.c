/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be true of a node before a group may be served on it. */
#include "checks.h"
#include "glr_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int refuse(int error, char *reason, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int refuse(int error, char *reason, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, size, fmt, ap);
	va_end(ap);
	return error;
}

/* RFC 1123 labels, so that neither "." nor a path can hide in a name that becomes one. */
static bool valid_host_name(const char *name)
{
	size_t length = strlen(name), i;

	if (!length || length >= GLR_GROUP_MAX)
		return false;
	for (i = 0; i < length; i++) {
		bool edge = i == 0 || i + 1 == length || name[i - 1] == '.' || name[i + 1] == '.';

		if (!isascii(name[i]))
			return false;
		if (!isalnum(name[i]) && (edge || (name[i] != '-' && name[i] != '.')))
			return false;
	}
	return true;
}

int check_group_name(const char *group, char *reason, size_t size)
{
	if (valid_host_name(group))
		return 0;
	return refuse(
		-EINVAL, reason, size,
		"'%s' is not a host name: use at most %d letters, digits, hyphens and dots, beginning and "
		"ending with a letter or digit",
		group, GLR_GROUP_MAX - 1);
}

int check_user(char *reason, size_t size)
{
	if (getpwnam(GLR__USER))
		return 0;
	return refuse(-ENOENT, reason, size,
		      "the user %s, which the status monitor runs as, does not exist: useradd --system "
		      "--user-group "
		      "--no-create-home --shell /usr/sbin/nologin %s",
		      GLR__USER, GLR__USER);
}

/* @return 1 when the running kernel has the filesystem type nfsd, 0 when not, or -errno */
static int have_nfsd(void)
{
	char line[128];
	FILE *stream;
	int found = 0;

	stream = fopen("/proc/filesystems", "re");
	if (!stream)
		return -errno;
	while (!found && fgets(line, sizeof(line), stream))
		found = strcmp(line, "nodev\tnfsd\n") == 0;
	fclose(stream);
	return found;
}

static void load_nfsd(void)
{
	static char *const argv[] = {"modprobe", "-q", "nfsd", NULL};
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

int check_nfsd_module(char *reason, size_t size)
{
	int found = have_nfsd();

	if (!found) {
		load_nfsd();
		found = have_nfsd();
	}
	if (found > 0)
		return 0;
	if (found < 0)
		return refuse(found, reason, size, "/proc/filesystems cannot be read: %s", strerror(-found));
	return refuse(
		-ENODEV, reason, size,
		"this kernel has no NFS server and 'modprobe nfsd' did not bring one: install a kernel with "
		"CONFIG_NFSD");
}

int check_nsm_use_hostnames(char *reason, size_t size)
{
	static const char *const paths[] = {"/proc/sys/fs/nfs/nsm_use_hostnames",
					    "/sys/module/lockd/parameters/nsm_use_hostnames"};
	char text[16];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int rc = glr__read_text(AT_FDCWD, paths[i], text, sizeof(text));

		if (rc == 0 && (text[0] == '1' || text[0] == 'Y'))
			return refuse(
				-EINVAL, reason, size,
				"nsm_use_hostnames is on, so the kernel names clients by DNS: sysctl -w "
				"fs.nfs.nsm_use_hostnames=0, and remove the setting from modprobe.d and "
				"sysctl.d");
	}
	return 0;
}

/* Resolves the parent, so that a directory that is yet to be made can be compared. */
static int resolve(const char *path, char out[PATH_MAX])
{
	char parent[PATH_MAX], *slash;
	size_t length;

	if (realpath(path, out))
		return 0;
	if (errno != ENOENT || strlen(path) >= sizeof(parent))
		return -errno;

	strcpy(parent, path);
	for (length = strlen(parent); length > 1 && parent[length - 1] == '/'; length--)
		parent[length - 1] = '\0';
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return -ENOENT;
	*slash = '\0';
	if (!realpath(parent, out))
		return -errno;
	length = strlen(out);
	if (length + strlen(slash + 1) + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(out + length, PATH_MAX - length, "/%s", slash + 1);
	return 0;
}

static bool contains_path(const char *directory, const char *path)
{
	size_t length = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return true;
	return strncmp(directory, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

int check_state_dir_outside_exports(const char *state_dir, const char *const *exports, char *reason,
				    size_t size)
{
	char state[PATH_MAX], export[PATH_MAX];
	int rc;

	rc = resolve(state_dir, state);
	if (rc)
		return refuse(rc, reason, size, "the state directory %s cannot be resolved: %s", state_dir,
			      strerror(-rc));

	for (; exports && *exports; exports++) {
		if (!realpath(*exports, export))
			return refuse(-errno, reason, size,
				      "the exported directory %s cannot be resolved: %s: make it, "
				      "or correct the exports",
				      *exports, strerror(errno));
		if (contains_path(export, state))
			return refuse(
				-EINVAL, reason, size,
				"clients could reach the state directory %s through the export %s: export a "
				"directory beside it, or move state_dir out of it",
				state_dir, *exports);
	}
	return 0;
}
