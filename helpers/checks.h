/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must be true of a node before a group may be served on it.  Each check
 * returns 0, or a negative errno value with one line in reason that says what
 * is wrong and what to do about it.
 */
#ifndef GLR_CHECKS_H
#define GLR_CHECKS_H

#include <stddef.h>

#define CHECKS_REASON_MAX 512

/* -EINVAL: it becomes the host name and the name of a network namespace */
int check_group_name(const char *group, char *reason, size_t size);

/* -ENOENT, -ENOTDIR, or -ENOTCONN: nothing is mounted at the directory */
int check_mount_point(const char *directory, char *reason, size_t size);

/* -EINVAL: a mount made or undone on the node would not reach the group's namespace */
int check_mount_shared(const char *directory, char *reason, size_t size);

/* -EMEDIUMTYPE: several nodes can write the filesystem at once, or it does not survive the node */
int check_filesystem(const char *directory, char *reason, size_t size);

/* -EINVAL: an export contains the state directory.  @param exports paths, NULL-terminated; may be NULL */
int check_state_dir_outside_exports(const char *state_dir, const char *const *exports, char *reason,
				    size_t size);

/* -EBUSY: stopping ocf:heartbeat:Filesystem for this or the other device would unmount both */
int check_device_names(const char *directory, char *reason, size_t size);

/* -ENOENT: the user that the status monitor runs as is missing */
int check_user(char *reason, size_t size);

/* -ENODEV: this kernel has no NFS server.  Loads the module when it is not there yet. */
int check_nfsd_module(char *reason, size_t size);

/* -EINVAL: lockd would hand out names that need DNS instead of addresses */
int check_nsm_use_hostnames(char *reason, size_t size);

#endif
