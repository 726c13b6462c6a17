/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File system calls, each in one place, so that tests can make each one fail. */
#include "glr_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int glr__pwrite_all(int fd, const void *data, size_t length, off_t offset)
{
	const char *next = data;
	ssize_t n;

	while (length > 0) {
		n = pwrite(fd, next, length, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		next += n;
		offset += n;
		length -= (size_t)n;
	}
	return 0;
}

int glr__pread_all(int fd, void *data, size_t length, off_t offset, size_t *got)
{
	char *next = data;
	ssize_t n;

	*got = 0;
	while (*got < length) {
		n = pread(fd, next + *got, length - *got, offset + (off_t)*got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return 0;
}

/* Neither is ever retried: after a failed sync the kernel may have dropped the pages, and a second one lies.
 */
int glr__fdatasync(int fd)
{
	return fdatasync(fd) ? -errno : 0;
}

int glr__fsync(int fd)
{
	return fsync(fd) ? -errno : 0;
}

int glr__check_writable(int fd)
{
	struct statvfs vfs;

	if (fstatvfs(fd, &vfs))
		return -errno;
	return vfs.f_flag & ST_RDONLY ? -EROFS : 0;
}

int glr__preallocate(int fd, uint64_t length)
{
	int rc;

	do {
		rc = fallocate(fd, 0, 0, (off_t)length);
	} while (rc && errno == EINTR);
	/* Where it is not supported, the caller's zeros reserve the blocks as well. */
	return rc && errno != EOPNOTSUPP ? -errno : 0;
}

int glr__truncate(int fd, uint64_t length)
{
	return ftruncate(fd, (off_t)length) ? -errno : 0;
}

int glr__punch_hole(int fd, uint64_t offset, uint64_t length)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length)
		       ? -errno
		       : 0;
}

int glr__file_size(int fd, uint64_t *length)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	*length = (uint64_t)st.st_size;
	return 0;
}

int glr__file_writable(int fd, bool *writable)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	*writable = (flags & O_ACCMODE) == O_RDWR;
	return 0;
}

int glr__open_new(int directory_fd, const char *name, mode_t mode)
{
	int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

int glr__open_read(int directory_fd, const char *name)
{
	int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int glr__rename_new(int directory_fd, const char *from, const char *to)
{
	return renameat2(directory_fd, from, directory_fd, to, RENAME_NOREPLACE) ? -errno : 0;
}

int glr__unlink(int directory_fd, const char *name)
{
	return unlinkat(directory_fd, name, 0) ? -errno : 0;
}

int glr__random(void *data, size_t length)
{
	return getrandom(data, length, 0) == (ssize_t)length ? 0 : -EIO;
}

int glr__read_text(int directory_fd, const char *path, char *text, size_t size)
{
	int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	ssize_t n;
	int rc = 0;

	if (fd < 0)
		return -errno;
	/* read(), not pread(): some files of /proc answer at offset 0 only */
	while (got < size) {
		n = read(fd, text + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = -errno;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	if (!rc && got == size)
		rc = -EFBIG;
	if (!rc)
		text[got] = '\0';
	close(fd);
	return rc;
}

int glr__write_text(int directory_fd, const char *path, const char *text)
{
	int fd = openat(directory_fd, path, O_WRONLY | O_CLOEXEC);
	size_t length = strlen(text);
	ssize_t n;
	int rc = 0;

	if (fd < 0)
		return -errno;
	n = write(fd, text, length);
	if (n < 0)
		rc = -errno;
	else if ((size_t)n != length)
		rc = -EIO;
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

int glr__replace_file(int directory_fd, const char *name, const void *data, size_t length, mode_t mode)
{
	char beside[256];
	int fd = -1;
	int rc;

	if (snprintf(beside, sizeof(beside), "%s.new", name) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	/* what a writer that was killed left behind */
	rc = glr__unlink(directory_fd, beside);
	if (rc && rc != -ENOENT)
		return rc;
	fd = glr__open_new(directory_fd, beside, mode);
	if (fd < 0)
		return fd;

	rc = glr__pwrite_all(fd, data, length, 0);
	if (!rc)
		rc = glr__fsync(fd);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && renameat(directory_fd, beside, directory_fd, name))
		rc = -errno;
	if (rc)
		glr__unlink(directory_fd, beside);
	return rc ? rc : glr__fsync(directory_fd);
}
