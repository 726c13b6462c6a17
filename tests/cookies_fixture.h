/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A cookie table on a tmpfs whose writes can fail, or be the last thing a process does. */
#ifndef COOKIES_FIXTURE_H
#define COOKIES_FIXTURE_H

#include "cookies.h"

#define BLOCK 4096

extern int fd;
extern int fail_writes;	     /* the error, or 0 */
extern bool dying;	     /* killed in the middle of a write */
extern unsigned writes_left; /* before they fail, or the process is killed */

void cookies_setup(void);
void cookies_teardown(void);
glr__cookies_t *cookies_open(void);
glr__cookies_t *cookies_reopen(glr__cookies_t *cookies);
int put(glr__cookies_t *cookies, unsigned number, uint8_t priv);
uint64_t file_size(void);

#endif
