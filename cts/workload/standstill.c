// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells when the node it runs on stood still.
 *
 *   standstill
 *
 * It asks for nothing but to be woken every PERIOD_MS. Where that comes LATE_MS too late, nothing on this node
 * was served in time, whatever it was: the host was busy elsewhere, or the node's one processor was, with what a
 * kernel without preemption does not interrupt. Prints a line for each: begin and end in us, CLOCK_REALTIME.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PERIOD_MS 20
#define LATE_MS 10

static long long clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

int main(void)
{
	const struct timespec period = {.tv_nsec = PERIOD_MS * 1000000L};

	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		perror("standstill: mlockall");
		return EXIT_FAILURE;
	}
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	for (;;) {
		long long due_us = clock_us(CLOCK_MONOTONIC) + PERIOD_MS * 1000LL, late_us;

		nanosleep(&period, NULL);
		late_us = clock_us(CLOCK_MONOTONIC) - due_us;
		if (late_us >= LATE_MS * 1000LL) {
			long long now_us = clock_us(CLOCK_REALTIME);

			if (printf("%lld %lld\n", now_us - late_us, now_us) < 0)
				return EXIT_FAILURE;
		}
	}
}
