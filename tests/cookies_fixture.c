/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cookies_fixture.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int fd;
int fail_writes;
unsigned writes_left;
bool dying;

int __real_glr__pwrite_all(int where, const void *data, size_t length, off_t offset);
int __wrap_glr__pwrite_all(int where, const void *data, size_t length, off_t offset);

/* The linker puts this in front of the library's writes (-Wl,--wrap). */
int __wrap_glr__pwrite_all(int where, const void *data, size_t length, off_t offset)
{
	bool last = (fail_writes || dying) && writes_left == 0;

	if (writes_left > 0)
		writes_left--;
	if (!last)
		return __real_glr__pwrite_all(where, data, length, offset);
	/* Only records can be cut: the header is one small write. */
	if (length > 48 || offset > 0)
		__real_glr__pwrite_all(where, data, length / 2, offset);
	if (dying)
		raise(SIGKILL);
	return fail_writes;
}

void cookies_setup(void)
{
	fd = memfd_create("cookies", MFD_CLOEXEC); /* tmpfs, as under /run */
	ck_assert_int_ge(fd, 0);
	fail_writes = 0;
	dying = false;
}

void cookies_teardown(void)
{
	close(fd);
}

glr__cookies_t *cookies_open(void)
{
	glr__cookies_t *cookies = NULL;

	ck_assert_int_eq(glr__cookies_open(fd, &cookies), 0);
	return cookies;
}

glr__cookies_t *cookies_reopen(glr__cookies_t *cookies)
{
	glr__cookies_close(cookies);
	return cookies_open();
}

int put(glr__cookies_t *cookies, unsigned number, uint8_t priv)
{
	struct glr__cookie cookie = {.prog = 100021, .vers = 3, .proc = 16};

	snprintf(cookie.name, sizeof(cookie.name), "10.%u.%u.%u", number >> 16, number >> 8 & 255,
		 number & 255);
	memset(cookie.priv, priv, sizeof(cookie.priv));
	return glr__cookies_put(cookies, &cookie);
}

uint64_t file_size(void)
{
	uint64_t size;

	ck_assert_int_eq(glr__file_size(fd, &size), 0);
	return size;
}
