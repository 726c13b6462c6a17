/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client list on disk, for a look only. */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_slot(int directory_fd, const char *name)
{
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int list_look_open(const char *state_dir, struct list_look *look)
{
	static const char *const names[] = {"clients.0", "clients.1"};
	int directory_fd;
	int rc = 0;

	*look = (struct list_look){.slots = {-1, -1}};
	directory_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory_fd < 0)
		return -errno;
	for (int i = 0; i < 2 && !rc; i++) {
		look->slots[i] = open_slot(directory_fd, names[i]);
		if (look->slots[i] < 0)
			rc = look->slots[i];
	}
	close(directory_fd);
	if (!rc)
		rc = glr_list_open(look->slots[0], look->slots[1], NULL, &look->list);
	if (rc)
		list_look_close(look);
	return rc;
}

void list_look_close(struct list_look *look)
{
	glr_list_close(look->list);
	look->list = NULL;
	for (int i = 0; i < 2; i++) {
		if (look->slots[i] >= 0)
			close(look->slots[i]);
		look->slots[i] = -1;
	}
}
