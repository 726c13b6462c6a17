/* SPDX-License-Identifier: GPL-2.0-or-later */
/* release: a client's NFSv4 state in the kernel. */
#ifndef GLR_RELEASE_V4_H
#define GLR_RELEASE_V4_H

#include "glr.h"

#define RELEASE_V4_MAX 64
#define RELEASE_V4_NAME 256

/* Each NFSv4 client of one address: a host can be several. */
struct release_v4 {
	struct glr_address address;
	size_t count;
	struct {
		char id[24]; /* its directory in /proc/fs/nfsd/clients */
		char name[RELEASE_V4_NAME];
		char version[8];
	} clients[RELEASE_V4_MAX];
};

/* Both are called inside the group's mount namespace with a struct release_v4.  @return 0 or -errno */

/* Finds the clients of the address. */
int release_v4_find(void *release_v4);
/* Has nfsd forget them with all they hold; returns when their state is gone. */
int release_v4_expire(void *release_v4);

#endif
