/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads /proc/PID/mountinfo (proc(5)). */
#ifndef GLR_MOUNTINFO_H
#define GLR_MOUNTINFO_H

#define MOUNTINFO_SELF "/proc/self/mountinfo"

/* One mount; the texts have their octal escapes decoded. */
struct mountinfo {
	int id, parent;
	unsigned major, minor; /* the filesystem's device, as st_dev of its files */
	const char *root;      /* the directory of the filesystem that is mounted */
	const char *point;     /* where, seen from the process's root */
	int shared;	       /* peer group it propagates to, 0 for none */
	int master;	       /* peer group it receives from, 0 for none */
	const char *fstype;
	const char *source; /* usually the device name */
	char *line;	    /* holds the texts */
};

/* Parses one line; it is changed, and entry points into it.  @return 0, or -EBADMSG */
int mountinfo_parse(char *line, struct mountinfo *entry);

/*
 * Calls fn for each mount in the order they were made, until it returns non-zero.
 * The entry is valid during the call only.
 * @param file MOUNTINFO_SELF or another process's mountinfo
 * @return 0, what fn returned, -EBADMSG, -ENOMEM, or the error of opening or reading
 */
int mountinfo_foreach(const char *file, int (*fn)(const struct mountinfo *entry, void *arg), void *arg);

/*
 * Finds the mount that is visible at a mount point (the last one made there).
 * @param point absolute, without symbolic links  @param entry to be given to mountinfo_release()
 * @return 0, -ENOENT when nothing is mounted there, or as mountinfo_foreach()
 */
int mountinfo_find(const char *file, const char *point, struct mountinfo *entry);
void mountinfo_release(struct mountinfo *entry);

#endif
