/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks in the kernel's table, which knows no groups, only devices: /proc/locks (proc(5)). */
#include "cmd_status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* lockd takes locks for NFSv3, nfsd's threads for NFSv4; theirs outlive a thread, and nobody else's does. */
static void count_one(long pid, int64_t *v3, int64_t *v4)
{
	char path[64], name[32];
	int rc;

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	rc = glr__read_text(AT_FDCWD, path, name, sizeof(name));
	if (rc == 0 && strcmp(name, "lockd\n") == 0)
		++*v3;
	else if ((rc == 0 && strcmp(name, "nfsd\n") == 0) || rc == -ENOENT)
		++*v4;
}

int locks_count(const char *path, int64_t *v3, int64_t *v4)
{
	char line[256];
	struct stat st;
	FILE *table;

	if (stat(path, &st) < 0)
		return -errno;
	table = fopen("/proc/locks", "re");
	if (!table)
		return -errno;
	*v3 = *v4 = 0;
	while (fgets(line, sizeof(line), table)) {
		unsigned major, minor;
		long pid;

		/* Those that wait have an arrow before the type. */
		if (sscanf(line, "%*d: POSIX %*s %*s %ld %x:%x:", &pid, &major, &minor) == 3 &&
		    makedev(major, minor) == st.st_dev)
			count_one(pid, v3, v4);
	}
	fclose(table);
	return 0;
}
