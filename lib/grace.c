/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grace of the group's lock manager.  /proc/fs/lockd/nlm_end_grace acts on the
 * network namespace of whoever reads or writes it (fs/lockd/procfs.c).
 */
#include "glr_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define END_GRACE "/proc/fs/lockd/nlm_end_grace"

int glr__grace_active(int fd)
{
	int own = -1, result;
	char answer = 0;

	if (fd < 0) {
		own = open(END_GRACE, O_RDONLY | O_CLOEXEC);
		if (own < 0)
			return -errno;
		fd = own;
	}
	result = pread(fd, &answer, 1, 0) == 1 ? answer != 'Y' : -EIO;
	if (own >= 0)
		close(own);
	return result;
}

int glr__grace_end(void)
{
	return glr__write_text(AT_FDCWD, END_GRACE, "Y\n");
}
