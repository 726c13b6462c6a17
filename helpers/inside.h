/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step inside a group's namespaces, by a process that comes back. */
#ifndef GLR_INSIDE_H
#define GLR_INSIDE_H

/* Calls fn inside the group's network, mount and UTS namespaces and comes back; the process must have one
 * thread only, and the working directory changes.
 * @return what fn returned, -ENOENT (not started here), or -errno */
int inside_call(const char *group, int (*fn)(void *arg), void *arg);

#endif
