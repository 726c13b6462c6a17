/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LOCKMIX_H
#define LOCKMIX_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT 4096 /* of a token: what O_DIRECT takes on any filesystem */
#define LONGEST_SLOTS 3
#define MIX_FILES 15
#define MOUNTS_MAX 16
#define FILES (MOUNTS_MAX + MIX_FILES)

struct range {
	int file; /* index of the worker's files */
	uint64_t start, len;
};

struct worker {
	char name[8];
	int number, total, index; /* of the mount, of all mounts, of the worker within its role */
	uint64_t random;
	unsigned int sequence; /* of its tokens */
	bool stopping;
	char files[FILES][16];
	int fds[FILES], file_count;
};

void set_clock(void); /* once, before the others */
uint64_t now_us(void);

__attribute__((format(printf, 5, 6))) void tell(const struct worker *worker, uint64_t t_us, const char *event,
						const struct range *range, const char *more, ...);

/* @param command as of fcntl()  @param type F_WRLCK or F_UNLCK  @return 0, -EAGAIN (denied) or -errno */
int set_lock(const struct worker *worker, int command, short type, const struct range *range);

/* @return 0, -EAGAIN (denied), -EINTR (gave up), or what the server said */
int take(const struct worker *worker, const struct range *range, bool patient);
void release(const struct worker *worker, const struct range *range);

/*
 * Writes the owner's token into every slot of the range, or reads it back.
 * @return whether the lock is still ours: false after an error that says it is lost
 */
bool token(struct worker *worker, const struct range *range, bool write_it);

#endif
