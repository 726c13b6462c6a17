/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step inside a group's namespaces, by a process that comes back. */
#include "inside.h"
#include "glr_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

int inside_call(const char *group, int (*fn)(void *arg), void *arg)
{
	static const char *const own[GLR__NS_KINDS] = {"/proc/self/ns/net", "/proc/self/ns/uts",
						       "/proc/self/ns/mnt"};
	int node[GLR__NS_KINDS];
	int result = 0;

	for (int kind = 0; kind < GLR__NS_KINDS; kind++) {
		node[kind] = open(own[kind], O_RDONLY | O_CLOEXEC);
		if (node[kind] < 0)
			result = -errno;
	}
	if (result == 0)
		result = glr__netns_enter(group);
	if (result == 0)
		result = fn(arg);
	for (int kind = 0; kind < GLR__NS_KINDS; kind++) {
		if (node[kind] < 0)
			continue;
		/* Going on in the wrong namespace could hurt another group. */
		if (setns(node[kind], 0) < 0 && result != -EPERM)
			abort();
		close(node[kind]);
	}
	return result;
}
