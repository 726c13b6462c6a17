/* SPDX-License-Identifier: GPL-2.0-or-later */
/* glr-server device: proof that nobody on this node has a block device mounted. */
#ifndef GLR_DEVICE_H
#define GLR_DEVICE_H

#include "server.h"

struct device {
	const char *path;
	dev_t number; /* 0: not known */
};

/* ---- device.c ---------------------------------------------------------------- */

/*
 * @param server only its deadline is used
 * @param argv start, stop or status, then the devices, then NULL
 * @return an OCF code, already reported
 */
int device_command(const struct server *server, char *const argv[]);

/* ---- device_mounts.c: mounts of a device in every mount namespace ----------------- */

#define DEVICE_OWNER_MAX 256

/* One mount, in one namespace. */
struct device_mount {
	char point[1024];
	char namespace[PATH_MAX];     /* path of its nsfs file; empty for the caller's own */
	char owner[DEVICE_OWNER_MAX]; /* "of process 12 (bash)", for people */
	int error;		      /* 0: unmounted just now; -EBUSY and so on: it is still there */
};

/*
 * Looks through the mount namespaces of all processes and all pinned ones.
 * Runs in a child, so that an unmount that hangs does not take the caller with it.
 * @param unmount also try a plain unmount of each; never a lazy one, which would
 *        only hide the filesystem from view
 * @param deadline_ms on glr__now_ms()'s clock
 * @param left one mount that is still there; untouched when there is none
 * @return how many are still there, or -errno: -ETIMEDOUT
 */
int device_mounts_find(const struct device *device, bool unmount, uint64_t deadline_ms,
		       struct device_mount *left);

#endif
