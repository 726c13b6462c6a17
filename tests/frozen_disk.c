/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frozen_disk.h"

#include <check.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int disk_fd;

/* A process that outlives the test by so much. */
static void thaw_at_the_end(void)
{
	int ends[2];
	char byte;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	if (fork() == 0) {
		setsid();
		close(ends[1]);
		while (read(ends[0], &byte, 1) > 0)
			;
		frozen_disk_thaw();
		_exit(0);
	}
	close(ends[0]);
}

void frozen_disk_make(void)
{
	ck_assert_int_eq(system("truncate -s 64M /run/disk && mkfs.ext4 -q /run/disk && mkdir " FROZEN_DISK
				" && mount -o loop /run/disk " FROZEN_DISK),
			 0);
	disk_fd = open(FROZEN_DISK, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(disk_fd, 0);
	thaw_at_the_end();
}

void frozen_disk_freeze(void)
{
	ck_assert_int_eq(ioctl(disk_fd, FIFREEZE, 0), 0);
}

void frozen_disk_thaw(void)
{
	ioctl(disk_fd, FITHAW, 0);
}
