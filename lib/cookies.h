/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the running lockd gave us, on tmpfs. */
#ifndef GLR_COOKIES_H
#define GLR_COOKIES_H

#include "glr_private.h"

/*
 * lockd's private data per monitored client, and the recovery window of this
 * lockd incarnation; lives in GLR__RUNTIME_DIR/GROUP/cookies, where a monitor that
 * was restarted finds it.  Same record framing as the client list.
 */
typedef struct glr__cookies glr__cookies_t;

struct glr__cookie {
	char name[GLR_NAME_MAX];
	uint32_t prog, vers, proc;  /* the callback, 100021/3/16 for lockd */
	uint8_t priv[16];
};

struct glr__window {
	uint64_t notify_end_ms, grace_end_ms; /* CLOCK_BOOTTIME */
	bool fresh;
	char identifiers[1024]; /* the group's addresses, comma-separated */
	char names[1024];	/* further names to send, comma-separated; may be empty */
};

/* @param fd O_RDWR, stays the caller's; an empty file is a new table */
int glr__cookies_open(int fd, glr__cookies_t **cookies);
void glr__cookies_close(glr__cookies_t *cookies);
bool glr__cookies_whole(const glr__cookies_t *cookies); /* no damage was found, ever */
int glr__cookies_put(glr__cookies_t *cookies, const struct glr__cookie *cookie);
int glr__cookies_remove(glr__cookies_t *cookies, const char *name);
/* The cookie found is valid until the next find. */
const struct glr__cookie *glr__cookies_find(const glr__cookies_t *cookies, const char *name);
const struct glr__cookie *glr__cookies_find_address(const glr__cookies_t *cookies, const struct glr_address *address);
size_t glr__cookies_count(const glr__cookies_t *cookies);
/* Given by the lockd that runs now: a window with grace_end_ms 0 begins a new incarnation of it. */
bool glr__cookies_seen(const glr__cookies_t *cookies, const char *name);
size_t glr__cookies_count_seen(const glr__cookies_t *cookies);
int glr__cookies_set_window(glr__cookies_t *cookies, const struct glr__window *window);
const struct glr__window *glr__cookies_window(const glr__cookies_t *cookies); /* NULL: never opened */
/* Who acknowledged in the recovery of this incarnation: whoever goes on with it tells the others.
 * @return 0, -EINVAL (name), -ENOMEM, or an error of the file system */
int glr__cookies_acknowledge(glr__cookies_t *cookies, const char *name);
bool glr__cookies_acknowledged(const glr__cookies_t *cookies, const char *name);
size_t glr__cookies_count_acknowledged(const glr__cookies_t *cookies);
int glr__cookies_set_frozen(glr__cookies_t *cookies, bool frozen);
bool glr__cookies_frozen(const glr__cookies_t *cookies);

#endif
