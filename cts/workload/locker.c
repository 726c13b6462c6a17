// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lock workload of a client node.
 *
 *   locker hold  FILE START LEN [COUNT]            COUNT ranges, one every 2 * LEN bytes
 *   locker churn FILE START LEN [HOLD_MS PAUSE_MS] new locks all over the region, again and again
 *   locker try   FILE START LEN [PERIOD_MS]        one attempt, or one every PERIOD_MS
 *   locker getlk FILE START LEN                    who would be in the way
 *
 * Prints a history, one JSON object per line.  "t" is CLOCK_REALTIME in ns.  A
 * grant is stamped after the kernel said yes and a release before it is asked
 * for, so a lock was surely held between the two.  Errors are reported and
 * the work goes on.  SIGTERM releases and ends; the exit status of a single
 * try is 0 when granted, 1 when denied, 2 for an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_SIZE 4096 /* of the token: what O_DIRECT takes on any filesystem */
#define VERIFY_PERIOD_MS 1000
#define ERROR_PAUSE_MS 100
#define FLUSH_PERIOD_NS 250000000ULL
#define NOTABLE_WAIT_NS 250000000ULL
#define CHURN_LOCK_SIZE 16

struct work {
	const char *path;
	int fd;
	uint64_t start, len;
	bool batched; /* lines may wait a little before they leave the process */
	uint64_t flushed_ns;
};

static volatile sig_atomic_t stopping;

static void on_term(int number)
{
	stopping = number;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void pause_ms(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	if (!stopping)
		nanosleep(&ts, NULL);
}

/* @param error errno, or 0  @param wait_ns how long the kernel took to answer */
static void tell(struct work *work, const char *kind, uint64_t start, uint64_t len, uint64_t t_ns, int error,
		 uint64_t wait_ns)
{
	printf("{\"t\": %llu, \"kind\": \"%s\", \"file\": \"%s\", \"start\": %llu, \"len\": %llu, "
	       "\"errno\": %d, \"error\": \"%s\", \"wait_ms\": %.3f}\n",
	       (unsigned long long)t_ns, kind, work->path, (unsigned long long)start, (unsigned long long)len,
	       error, error ? strerror(error) : "", (double)wait_ns / 1e6);
	if (work->batched && !error && wait_ns < NOTABLE_WAIT_NS && t_ns - work->flushed_ns < FLUSH_PERIOD_NS)
		return;
	fflush(stdout);
	work->flushed_ns = t_ns;
}

/*
 * O_DIRECT: what is read back must come from the server.  A file is opened
 * once per process, because closing any descriptor of it drops POSIX locks.
 */
static int open_file(struct work *work)
{
	if (work->fd >= 0)
		close(work->fd);
	work->fd = open(work->path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0666);
	return work->fd < 0 ? -errno : 0;
}

static int set_lock(struct work *work, int command, short type, uint64_t start, uint64_t len)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)start,
		.l_len = (off_t)len,
	};

	return fcntl(work->fd, command, &lock) < 0 ? -errno : 0;
}

/* Asks for a write lock and tells how that went. */
static int take(struct work *work, int command, uint64_t start, uint64_t len)
{
	uint64_t asked_ns = now_ns();
	int rc = set_lock(work, command, F_WRLCK, start, len);
	uint64_t t_ns = now_ns();
	const char *kind = "granted";

	if (rc == -EACCES || rc == -EAGAIN)
		kind = "denied";
	else if (rc == -EINTR)
		kind = "interrupted";
	else if (rc < 0)
		kind = "error";
	tell(work, kind, start, len, t_ns, kind[0] == 'd' ? 0 : -rc, t_ns - asked_ns);
	return rc;
}

static void release(struct work *work, uint64_t start, uint64_t len)
{
	uint64_t asked_ns = now_ns();
	int rc;

	tell(work, "released", start, len, asked_ns, 0, 0);
	rc = set_lock(work, F_SETLK, F_UNLCK, start, len);
	if (rc < 0)
		tell(work, "error", start, len, now_ns(), -rc, now_ns() - asked_ns);
}

/* Writes the owner's token into the range, or reads it back. @return 0, -EBADMSG or -errno */
static int token(struct work *work, bool write_it, uint64_t start)
{
	static char buffer[BLOCK_SIZE] __attribute__((aligned(BLOCK_SIZE)));
	char mine[128] = {0}, host[64] = {0};
	ssize_t done;

	gethostname(host, sizeof(host) - 1);
	snprintf(mine, sizeof(mine), "%s %d %llu", host, (int)getpid(), (unsigned long long)start);
	memset(buffer, 0, sizeof(buffer));
	if (write_it)
		memcpy(buffer, mine, sizeof(mine));
	do {
		done = write_it ? pwrite(work->fd, buffer, BLOCK_SIZE, (off_t)start)
				: pread(work->fd, buffer, BLOCK_SIZE, (off_t)start);
	} while (done < 0 && errno == EINTR && !stopping);
	if (done < 0)
		return -errno;
	if (done != BLOCK_SIZE)
		return -EIO;
	return memcmp(buffer, mine, sizeof(mine)) ? -EBADMSG : 0;
}

static int hold(struct work *work, unsigned long count)
{
	uint64_t asked_ns;
	unsigned long i;
	int rc = 0;

	for (i = 0; i < count && !stopping; i++) {
		uint64_t start = work->start + 2 * i * work->len;

		rc = take(work, F_SETLKW, start, work->len);
		if (rc == 0)
			rc = token(work, true, start);
		if (rc < 0) {
			tell(work, "error", start, work->len, now_ns(), -rc, 0);
			return 2;
		}
	}
	while (!stopping) {
		pause_ms(VERIFY_PERIOD_MS);
		for (i = 0; i < count && !stopping; i++) {
			uint64_t start = work->start + 2 * i * work->len;

			asked_ns = now_ns();
			rc = token(work, false, start);
			if (rc != -EINTR)
				tell(work,
				     rc == 0	      ? "verified"
				     : rc == -EBADMSG ? "overwritten"
						      : "error",
				     start, work->len, now_ns(), -rc, now_ns() - asked_ns);
		}
	}
	for (i = 0; i < count; i++)
		release(work, work->start + 2 * i * work->len, work->len);
	return 0;
}

static int churn(struct work *work, long hold_ms, long period_pause_ms)
{
	uint64_t places = work->len / CHURN_LOCK_SIZE;
	int rc;

	work->batched = true;
	while (!stopping) {
		uint64_t start = work->start + (uint64_t)random() % places * CHURN_LOCK_SIZE;

		rc = take(work, F_SETLKW, start, CHURN_LOCK_SIZE);
		if (rc == 0) {
			pause_ms(hold_ms);
			release(work, start, CHURN_LOCK_SIZE);
			pause_ms(period_pause_ms);
			continue;
		}
		pause_ms(ERROR_PAUSE_MS);
		if (rc == -ESTALE)
			open_file(work);
	}
	return 0;
}

static int try(struct work *work, long period_ms)
{
	int rc;

	do {
		rc = take(work, F_SETLK, work->start, work->len);
		if (rc == 0)
			release(work, work->start, work->len);
		pause_ms(period_ms);
	} while (period_ms > 0 && !stopping);
	return rc == 0 ? 0 : rc == -EACCES || rc == -EAGAIN ? 1 : 2;
}

static int getlk(struct work *work)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)work->start,
		.l_len = (off_t)work->len,
	};
	uint64_t asked_ns = now_ns();
	int rc = fcntl(work->fd, F_GETLK, &lock) < 0 ? errno : 0;

	if (rc)
		tell(work, "error", work->start, work->len, now_ns(), rc, now_ns() - asked_ns);
	else if (lock.l_type == F_UNLCK)
		tell(work, "free", work->start, work->len, now_ns(), 0, now_ns() - asked_ns);
	else
		tell(work, "taken", (uint64_t)lock.l_start, (uint64_t)lock.l_len, now_ns(), 0,
		     now_ns() - asked_ns);
	return rc ? 2 : lock.l_type != F_UNLCK;
}

static int usage(void)
{
	fprintf(stderr, "usage: locker hold|churn|try|getlk FILE START LEN [NUMBER [NUMBER]]\n");
	return 64;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_term};
	struct work work = {.fd = -1};
	long numbers[2] = {0, 0};
	int rc = 2;

	if (argc < 5 || argc > 7)
		return usage();
	work.path = argv[2];
	work.start = strtoull(argv[3], NULL, 10);
	work.len = strtoull(argv[4], NULL, 10);
	for (int i = 5; i < argc; i++)
		numbers[i - 5] = strtol(argv[i], NULL, 10);
	sigaction(SIGTERM, &action, NULL);
	srandom((unsigned int)(now_ns() ^ (uint64_t)getpid()));
	rc = open_file(&work);
	if (rc < 0) {
		tell(&work, "error", work.start, work.len, now_ns(), -rc, 0);
		return 2;
	}
	if (!strcmp(argv[1], "hold") && work.len >= BLOCK_SIZE)
		rc = hold(&work, numbers[0] > 0 ? (unsigned long)numbers[0] : 1);
	else if (!strcmp(argv[1], "churn") && work.len >= CHURN_LOCK_SIZE)
		rc = churn(&work, numbers[0], numbers[1]);
	else if (!strcmp(argv[1], "try"))
		rc = try(&work, numbers[0]);
	else if (!strcmp(argv[1], "getlk"))
		rc = getlk(&work);
	else
		rc = usage();
	fflush(stdout);
	return rc;
}
