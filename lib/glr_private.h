/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the modules of libglr and the project's own programs share: log, clock, files, control socket,
 * namespaces, grace, grouped by the file that implements it.  Larger modules have a header of their own.
 */
#ifndef GLR_PRIVATE_H
#define GLR_PRIVATE_H

#include "glr.h"

#include <endian.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define GLR__RUNTIME_DIR "/run/glr"
#define GLR__NETNS_DIR "/run/netns"
#define GLR__USER "_glr"
#define GLR__LINK "glr0"	    /* the group's link inside its network namespace */
#define GLR__LIST_SLOT_BYTES (16u << 20) /* of a new list; it grows */

/* ---- log.c: every line begins with group=NAME --------------------------- */
#include <syslog.h>

/* @param program shown as syslog identity  @param group may be NULL  @param to_stderr also print NOTICE and above */
void glr__log_init(const char *program, const char *group, bool to_stderr);
void glr__log_fini(void);
/* From now on DEBUG lines too. */
void glr__log_debug(void);

#define glr_err(fmt, ...) glr__log(LOG_ERR, fmt, ##__VA_ARGS__)
#define glr_warn(fmt, ...) glr__log(LOG_WARNING, fmt, ##__VA_ARGS__)
#define glr_notice(fmt, ...) glr__log(LOG_NOTICE, fmt, ##__VA_ARGS__)
#define glr_info(fmt, ...) glr__log(LOG_INFO, fmt, ##__VA_ARGS__)
#define glr_debug(fmt, ...) glr__log(LOG_DEBUG, fmt, ##__VA_ARGS__)
void glr__log(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- clock: inline, one clock for every duration ------------------------ */

/* Milliseconds of CLOCK_BOOTTIME: counts through suspend, same for all processes of a node. */
static inline uint64_t glr__now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- address.c ------------------------------------------------------------ */

/* A group's name becomes a host name and a namespace's name: one label of RFC 1123, 2.1. */
bool glr__group_valid(const char *group);

/* ---- fileio.c: the only place with file system calls -------------------- */

int glr__pwrite_all(int fd, const void *data, size_t length, off_t offset);
/* Reads up to length bytes; a short file is no error.  @param got bytes read */
int glr__pread_all(int fd, void *data, size_t length, off_t offset, size_t *got);
int glr__fdatasync(int fd);
int glr__fsync(int fd);
/* @return 0, or -EROFS when the file system is, or was made, read-only: writes may still seem to succeed */
int glr__check_writable(int fd);
/* Reserves blocks, so that writes inside never need new ones. */
int glr__preallocate(int fd, uint64_t length);
/* Whole small file, NUL added.  @return 0, -EFBIG when longer than size - 1 */
int glr__read_text(int directory_fd, const char *path, char *text, size_t size);
/* One write(2) of the text to an existing file such as one under /proc. */
int glr__write_text(int directory_fd, const char *path, const char *text);
/* Writes a new file beside, syncs, renames over it, syncs the directory. */
int glr__replace_file(int directory_fd, const char *name, const void *data, size_t length, mode_t mode);
int glr__truncate(int fd, uint64_t length);
/* Gives the blocks of a range back; the range then reads as zeros. */
int glr__punch_hole(int fd, uint64_t offset, uint64_t length);
int glr__file_size(int fd, uint64_t *length);
int glr__file_writable(int fd, bool *writable);
/* @return descriptor, or -errno: -EEXIST */
int glr__open_new(int directory_fd, const char *name, mode_t mode);
/* @return descriptor, or -errno */
int glr__open_read(int directory_fd, const char *name);
/* @return 0, or -errno: -EEXIST when there is something called to */
int glr__rename_new(int directory_fd, const char *from, const char *to);
int glr__unlink(int directory_fd, const char *name);
int glr__random(void *data, size_t length);

/* ---- control.c: text over SOCK_SEQPACKET at GLR__RUNTIME_DIR/GROUP/control -- */

/*
 * One request per connection, one packet: a verb and key=value words.  The reply
 * is packets of "key=value" lines; a failed request answers "error=TEXT\n".
 *
 *   status                     -> the fields of struct glr_status
 *   list                       -> a packet per client: name= address= kind= progress= ; then end=1
 *   begin fresh=0|1            -> clients= condition= ; the new NSM state is on disk
 *   recover notify_ms= grace_ms= identifiers=A,B names=X,Y
 *                              -> ok=1 ; the window is kept for a restart, telling has begun
 *   end-grace                  -> ok=1 ; the recovery is over: who has not come back is missed, on disk
 *   import names=A,B           -> ok=1 ; these clients are on the list, on disk
 *   release name=A             -> ok=1 ; lockd has dropped this client's locks
 *   freeze                     -> ok=1 ; SM_UNMON is ignored and the NSM listeners are closed
 */
#define GLR__CONTROL_PACKET_MAX 4096

/* Makes and listens on the socket.  @return descriptor or -errno */
int glr__control_listen(const char *group);
/* Sends one request and calls fn for each packet of the reply until fn returns non-zero, the peer closes, or timeout.
 * @return 0, what fn returned, -ENOENT, -ECONNREFUSED (also of a monitor that died before it answered), -ETIMEDOUT,
 *         or -EREMOTEIO when the reply was error=TEXT (copied to error, which may be NULL) */
int glr__control_ask(const char *group, const char *request, unsigned timeout_ms,
		     int (*fn)(const char *packet, void *arg), void *arg, char error[256]);
/* Value of key in a text of words or lines "key=value"; the value ends at space or newline,
 * except for the last key of a line, "name", "error" and "last_error", which run to the line's end.  @return 0, -ENOENT, -EMSGSIZE,
 * from _number also -EBADMSG */
int glr__control_value(const char *text, const char *key, char *value, size_t size);
int glr__control_number(const char *text, const char *key, uint64_t *value);
/* struct glr_status to and from text */
size_t glr__status_encode(const struct glr_status *status, char *text, size_t size);
int glr__status_decode(const char *text, struct glr_status *status);

/* ---- netns.c: namespaces of a group ---------------------------------------- */

enum glr__ns_kind {
	GLR__NS_NET,
	GLR__NS_UTS,
	GLR__NS_MNT,
	GLR__NS_KINDS,
};

/* Makes the directories of the pins mounts of their own.  @return 0 or -errno */
int glr__netns_prepare_dirs(void);

/*
 * Makes and pins the three namespaces of a group; the caller, which must have
 * one thread only, is back in its own when this returns.  Pinned only when
 * setup, which runs inside with the node's mounts as slaves, returned 0.
 * @return 0, what setup returned, or -errno
 */
int glr__netns_make(const char *group, int (*setup)(void *arg), void *arg);

/* Enters all three.  @return 0, -ENOENT (no such group here), or -errno */
int glr__netns_enter(const char *group);
int glr__netns_enter_one(const char *group, enum glr__ns_kind kind);

/* @return a descriptor of the pinned namespace, -ENOENT, or -errno */
int glr__netns_open(const char *group, enum glr__ns_kind kind);
int glr__netns_inode(const char *group, enum glr__ns_kind kind, uint64_t *inode);

/* Takes the pins away; namespaces without processes cease to exist.  @return 0 or -errno */
int glr__netns_delete(const char *group);

/* ---- grace.c: grace of the group's lock manager, in the caller's namespace -- */

/* @return 1 in grace, 0 ended, or -errno.  @param fd /proc/fs/lockd/nlm_end_grace, or -1 to open it */
int glr__grace_active(int fd);
int glr__grace_end(void);

#endif
