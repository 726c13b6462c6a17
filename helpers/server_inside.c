/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step inside the group's namespaces, by a process that comes back. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

int server_inside(const struct server *server, int (*fn)(const struct server *server))
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
		result = glr__netns_enter(server->group);
	if (result == 0)
		result = fn(server);
	for (int kind = 0; kind < GLR__NS_KINDS; kind++) {
		/* Going on in the wrong namespace could hurt another group. */
		if (node[kind] < 0 || setns(node[kind], 0) < 0)
			abort();
		close(node[kind]);
	}
	return result;
}
