// SPDX-License-Identifier: GPL-2.0-or-later
/* Ranges for lockmix: locked, marked with a token, and every step of it told. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lockmix.h"

static uint64_t clock_ahead_us; /* CLOCK_REALTIME over CLOCK_MONOTONIC: nobody steps the latter */

static uint64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* On a busy machine the node can be halted between two readings: the closest of some counts. */
void set_clock(void)
{
	uint64_t closest_us = UINT64_MAX;

	for (int i = 0; i < 20; i++) {
		uint64_t before_us = clock_us(CLOCK_MONOTONIC), real_us = clock_us(CLOCK_REALTIME);
		uint64_t took_us = clock_us(CLOCK_MONOTONIC) - before_us;

		if (took_us >= closest_us)
			continue;
		closest_us = took_us;
		clock_ahead_us = real_us - before_us;
	}
}

uint64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC) + clock_ahead_us;
}

/* One write for each line: the processes share the pipe. */
void tell(const struct worker *worker, uint64_t t_us, const char *event, const struct range *range,
	  const char *more, ...)
{
	char line[512];
	va_list list;
	int used;

	used = snprintf(line, sizeof(line), "{\"t\":%llu,\"p\":\"%s\",\"e\":\"%s\"", (unsigned long long)t_us,
			worker->name, event);
	if (range)
		used += snprintf(line + used, sizeof(line) - (size_t)used,
				 ",\"f\":\"%s\",\"s\":%llu,\"n\":%llu", worker->files[range->file],
				 (unsigned long long)range->start, (unsigned long long)range->len);
	va_start(list, more);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used, more, list);
	va_end(list);
	used += snprintf(line + used, sizeof(line) - (size_t)used, "}\n");
	if (write(STDOUT_FILENO, line, (size_t)used) < 0)
		_exit(74);
}

int set_lock(const struct worker *worker, int command, short type, const struct range *range)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)range->start,
		.l_len = (off_t)range->len,
	};

	if (fcntl(worker->fds[range->file], command, &lock) == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

int take(const struct worker *worker, const struct range *range, bool patient)
{
	uint64_t asked_us = now_us(), t_us;
	int rc;

	tell(worker, asked_us, "want", range, ",\"b\":%d", patient);
	rc = set_lock(worker, F_SETLK, F_WRLCK, range);
	t_us = now_us();
	if (rc == -EAGAIN) {
		tell(worker, t_us, "denied", range, ",\"w\":%llu", (unsigned long long)(t_us - asked_us));
		if (!patient)
			return rc;
		asked_us = t_us;
		tell(worker, asked_us, "waiting", range, "%s", "");
		rc = set_lock(worker, F_SETLKW, F_WRLCK, range);
		t_us = now_us();
	}
	if (rc == 0)
		tell(worker, t_us, "granted", range, ",\"w\":%llu", (unsigned long long)(t_us - asked_us));
	else
		tell(worker, t_us, rc == -EINTR ? "gaveup" : "error", range, ",\"w\":%llu,\"x\":\"%s\"",
		     (unsigned long long)(t_us - asked_us), strerrorname_np(-rc));
	return rc;
}

void release(const struct worker *worker, const struct range *range)
{
	uint64_t asked_us = now_us(), t_us;
	int rc;

	tell(worker, asked_us, "release", range, "%s", "");
	rc = set_lock(worker, F_SETLK, F_UNLCK, range);
	t_us = now_us();
	if (rc == 0)
		tell(worker, t_us, "released", range, ",\"w\":%llu", (unsigned long long)(t_us - asked_us));
	else
		tell(worker, t_us, "error", range, ",\"w\":%llu,\"x\":\"%s\"",
		     (unsigned long long)(t_us - asked_us), strerrorname_np(-rc));
}

static void make_token(const struct worker *worker, char token[64])
{
	char host[32] = {0};

	gethostname(host, sizeof(host) - 1);
	memset(token, 0, 64);
	snprintf(token, 64, "%s %d.%s %u", host, worker->number, worker->name, worker->sequence);
}

/* What was read back where a token should be, fit for a line of the history. */
static void tell_mismatch(const struct worker *worker, const struct range *range, const char *found)
{
	char text[64] = {0};

	for (size_t i = 0; i < sizeof(text) - 1 && found[i]; i++)
		text[i] = found[i] < ' ' || found[i] > '~' || found[i] == '"' || found[i] == '\\' ? '?'
												  : found[i];
	tell(worker, now_us(), "mismatch", range, ",\"found\":\"%s\"", text);
}

/* The file is open with O_DIRECT: what is read comes from the server. */
bool token(struct worker *worker, const struct range *range, bool write_it)
{
	static char buffer[LONGEST_SLOTS * SLOT] __attribute__((aligned(SLOT)));
	int fd = worker->fds[range->file];
	char mine[64];
	ssize_t done;

	make_token(worker, mine);
	memset(buffer, 0, sizeof(buffer));
	for (uint64_t at = 0; write_it && at < range->len; at += SLOT)
		memcpy(buffer + at, mine, sizeof(mine));
	done = write_it ? pwrite(fd, buffer, range->len, (off_t)range->start)
			: pread(fd, buffer, range->len, (off_t)range->start);
	if (done < 0) {
		bool gone = errno == EIO || errno == ESTALE || errno == EBADF;

		tell(worker, now_us(), gone ? "lost" : "trouble", range, ",\"x\":\"%s\"",
		     strerrorname_np(errno));
		return !gone;
	}
	if (write_it)
		return true;
	for (uint64_t at = 0; at < range->len; at += SLOT) {
		if (!memcmp(buffer + at, mine, sizeof(mine)))
			continue;
		tell_mismatch(worker, range, buffer + at);
		return true;
	}
	tell(worker, now_us(), "verified", range, "%s", "");
	return true;
}
