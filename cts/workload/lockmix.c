// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mixed lock workload of one mount on a client node.
 *
 *   lockmix DIR SEED NUMBER TOTAL [HOLDERS MIXERS PROBERS]
 *
 * DIR is the mount, one of TOTAL mounts of the same filesystem (on any node,
 * over any version of NFS) that take part; NUMBER, from 0, tells them apart.
 * Each process of it has a role, and is named by it and an index (h0, w0, m0):
 *   h  takes RANGES ranges of the file "hold.NUMBER" for the whole run and reads its token back every second;
 *   w  one for each holder: blocks behind a holder of the next mount, for the whole run;
 *   m  takes one range after the other in the files "mix.NN", here and there the same as others, half
 *      of the time blocking; sometimes it tries a range of another mount's holder;
 *   p  takes and frees a range of its own every PROBE_MS: nothing but the server can make it wait.
 * No process asks for a lock in a file in which another of its mount holds one: a Linux client that has such
 * a request under way over NFSv4.0 while its server restarts sends it with the client ID of before, is
 * refused (NFS4ERR_BAD_STATEID), and gives up all its locks in that file, with any server. SEED makes the
 * choices repeatable.  Whoever has a range writes its token into it, reads it back, and again before it
 * releases the range.
 *
 * Prints a history, one JSON object a line: "t" the time in us, CLOCK_REALTIME
 * at the start and monotonic from then on; "p" the process; "e" the event; of a
 * lock "f" the file, "s" and "n" its first byte and length, "w" how long the
 * call took in us, "x" the error's name.
 *   begin  want  granted | denied | error | gaveup   waiting (before the blocking call, after "denied")
 *   verified | mismatch ("found": whose token) | lost (EIO ...) | trouble (another error of a read or write)
 *   release (before the unlocking call)  released  probe  end
 * A range was surely held from "granted" to "release".  SIGTERM ends it: all is
 * released, nothing new begun, and who waits is served; who is not within
 * DRAIN_S seconds is interrupted ("gaveup").
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lockmix.h"

#define SLOTS 16 /* of a mix file */
#define RANGES 2
#define PER_MOUNT 8 /* processes of one role, at most */
#define VERIFY_MS 1000
#define PROBE_MS 50
#define ERROR_PAUSE_MS 200
#define HOLD_MS 400 /* a mixer's mean, as the next */
#define PAUSE_MS 400
#define LONG_HOLD_MS 5000
#define DRAIN_S 60
#define KILL_S 5

/* xorshift64*: the same on every machine. */
static uint64_t below(struct worker *worker, uint64_t limit)
{
	worker->random ^= worker->random >> 12;
	worker->random ^= worker->random << 25;
	worker->random ^= worker->random >> 27;
	return (worker->random * 0x2545F4914F6CDD1DULL >> 33) % limit;
}

/* SIGTERM stays blocked and is fetched here, so that it interrupts no call to the server. */
static void rest(struct worker *worker, uint64_t ms)
{
	struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (!worker->stopping && sigtimedwait(&term, NULL, &ts) == SIGTERM)
		worker->stopping = true;
}

static void use(struct worker *worker, const struct range *range, uint64_t hold_ms)
{
	uint64_t until_us = now_us() + hold_ms * 1000;
	bool ours;

	worker->sequence++;
	ours = token(worker, range, true) && token(worker, range, false);
	while (ours && !worker->stopping && now_us() < until_us) {
		uint64_t left_ms = (until_us - now_us()) / 1000 + 1;

		rest(worker, left_ms < VERIFY_MS ? left_ms : VERIFY_MS);
		ours = token(worker, range, false);
	}
	release(worker, range);
}

static void open_file(struct worker *worker, const char *directory, const char *name)
{
	char path[512];
	int at = worker->file_count++;

	snprintf(worker->files[at], sizeof(worker->files[at]), "%s", name);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	/* Once per process: closing any descriptor of a file drops its POSIX locks. */
	worker->fds[at] = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0666);
	if (worker->fds[at] < 0) {
		tell(worker, now_us(), "error", NULL, ",\"f\":\"%s\",\"x\":\"%s\"", name,
		     strerrorname_np(errno));
		_exit(2);
	}
}

static void open_held(struct worker *worker, const char *directory, int mount)
{
	char name[16];

	snprintf(name, sizeof(name), "hold.%d", mount);
	open_file(worker, directory, name);
}

/* The i-th range of a holder; one slot stays free between two, or the kernel would make them one. */
static struct range held_range(int file, int holder, int i)
{
	int place = holder * RANGES + i;

	return (struct range){.file = file, .start = (uint64_t)place * 2 * SLOT, .len = SLOT};
}

static int next_mount(const struct worker *worker)
{
	return (worker->number + 1) % worker->total;
}

static void hold(struct worker *worker, const char *directory)
{
	struct range ranges[RANGES];
	bool ours[RANGES] = {false};

	open_held(worker, directory, worker->number);
	worker->sequence = 1;
	while (!worker->stopping) {
		for (int i = 0; i < RANGES && !worker->stopping; i++) {
			ranges[i] = held_range(0, worker->index, i);
			if (!ours[i] && take(worker, &ranges[i], true) == 0)
				ours[i] = token(worker, &ranges[i], true);
			if (ours[i] && !token(worker, &ranges[i], false)) {
				release(worker, &ranges[i]);
				ours[i] = false;
			}
			rest(worker, VERIFY_MS / RANGES);
		}
	}
	for (int i = 0; i < RANGES; i++)
		if (ours[i])
			release(worker, &ranges[i]);
}

static void wait_behind(struct worker *worker, const char *directory)
{
	struct range range = held_range(0, worker->index, 0);

	open_held(worker, directory, next_mount(worker));
	rest(worker, 3 * VERIFY_MS); /* the holder comes first */
	while (!worker->stopping) {
		if (take(worker, &range, true) == 0)
			use(worker, &range, HOLD_MS);
		rest(worker, VERIFY_MS);
	}
}

/* Low numbers come more often, so that some ranges are much wanted and most are not. */
static uint64_t skewed(struct worker *worker, uint64_t limit)
{
	return below(worker, 1 + below(worker, limit));
}

static int other_mount(struct worker *worker)
{
	return (worker->number + 1 + (int)below(worker, (uint64_t)worker->total - 1)) % worker->total;
}

static void mix(struct worker *worker, const char *directory)
{
	char name[16];

	for (int i = 0; i < worker->total; i++)
		open_held(worker, directory, i);
	for (int i = 0; i < MIX_FILES; i++) {
		snprintf(name, sizeof(name), "mix.%02d", i);
		open_file(worker, directory, name);
	}
	while (!worker->stopping) {
		struct range range = {.file = worker->total + (int)skewed(worker, MIX_FILES),
				      .start = skewed(worker, SLOTS) * SLOT,
				      .len = (1 + skewed(worker, LONGEST_SLOTS)) * SLOT};
		uint64_t hold_ms =
			below(worker, 20) ? below(worker, 2 * HOLD_MS) : below(worker, LONG_HOLD_MS);
		uint64_t pause_ms = below(worker, 2 * PAUSE_MS);
		bool patient = below(worker, 2), rival = below(worker, 6) == 0 && worker->total > 1;
		int rc;

		if (rival) /* this one should be denied */
			range = held_range(other_mount(worker), 0, 0);
		rc = take(worker, &range, patient && !rival);
		if (rc == 0)
			use(worker, &range, hold_ms);
		rest(worker, rc == 0 || rc == -EAGAIN ? pause_ms : ERROR_PAUSE_MS);
	}
}

static void probe(struct worker *worker, const char *directory)
{
	struct range range = {.start = (uint64_t)(worker->number * PER_MOUNT + worker->index) * SLOT,
			      .len = SLOT};

	open_file(worker, directory, "probe");
	while (!worker->stopping) {
		uint64_t asked_us = now_us(), t_us;
		int rc = set_lock(worker, F_SETLK, F_WRLCK, &range);

		t_us = now_us();
		tell(worker, t_us, "probe", NULL, ",\"w\":%llu%s%s%s", (unsigned long long)(t_us - asked_us),
		     rc ? ",\"x\":\"" : "", rc ? strerrorname_np(-rc) : "", rc ? "\"" : "");
		if (rc == 0)
			rc = set_lock(worker, F_SETLK, F_UNLCK, &range);
		rest(worker, rc == 0 ? PROBE_MS : ERROR_PAUSE_MS);
	}
}

static void on_interrupt(int number)
{
	(void)number;
}

static void work(struct worker *worker, const char *directory, char role, uint64_t seed)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGINT, &action, NULL);
	snprintf(worker->name, sizeof(worker->name), "%c%d", role, worker->index);
	worker->random = ((seed * 64 + (uint64_t)worker->number) * 64 + (uint64_t)worker->index) * 128 +
			 (uint64_t)role;
	for (int i = 0; i < 8; i++) /* near seeds, far choices */
		below(worker, 2);
	tell(worker, now_us(), "begin", NULL, ",\"seed\":%llu", (unsigned long long)seed);
	if (role == 'h')
		hold(worker, directory);
	else if (role == 'w')
		wait_behind(worker, directory);
	else if (role == 'm')
		mix(worker, directory);
	else
		probe(worker, directory);
	tell(worker, now_us(), "end", NULL, "%s", "");
	_exit(0);
}

/* Waits for all children.  Once SIGTERM came (to them as well), who is late is interrupted, then killed. */
static void oversee(pid_t *children, int count, const sigset_t *signals)
{
	struct timespec step = {.tv_sec = 1};
	uint64_t asked_us = 0, late_us;
	int left = count;

	while (left > 0) {
		if (sigtimedwait(signals, NULL, &step) == SIGTERM && !asked_us)
			asked_us = now_us();
		late_us = asked_us ? now_us() - asked_us : 0;
		for (int i = 0; i < count; i++) {
			if (children[i] && waitpid(children[i], NULL, WNOHANG) == children[i]) {
				children[i] = 0;
				left--;
			} else if (children[i] && asked_us) {
				kill(children[i], late_us < DRAIN_S * 1000000ULL	      ? SIGTERM
						  : late_us < (DRAIN_S + KILL_S) * 1000000ULL ? SIGINT
											      : SIGKILL);
			}
		}
	}
}

int main(int argc, char **argv)
{
	static const char roles[] = "hwmp";
	int counts[4] = {1, 1, 2, 1}, started = 0;
	pid_t children[4 * PER_MOUNT];
	struct worker worker = {0};
	sigset_t signals;

	if (argc != 5 && argc != 8) {
		fprintf(stderr, "usage: lockmix DIR SEED NUMBER TOTAL [HOLDERS MIXERS PROBERS]\n");
		return 64;
	}
	worker.number = atoi(argv[3]);
	worker.total = atoi(argv[4]);
	for (int i = 5; i < argc; i++)
		counts[i == 5 ? 0 : i - 4] = atoi(argv[i]) < PER_MOUNT ? atoi(argv[i]) : PER_MOUNT;
	counts[1] = counts[0];
	if (worker.total < 1 || worker.total > MOUNTS_MAX) {
		fprintf(stderr, "lockmix: TOTAL is not from 1 to %d\n", MOUNTS_MAX);
		return 64;
	}
	set_clock();
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (int role = 0; role < 4; role++) {
		for (worker.index = 0; worker.index < counts[role]; worker.index++) {
			pid_t pid = fork();

			if (pid == 0)
				work(&worker, argv[1], roles[role], strtoull(argv[2], NULL, 10));
			if (pid > 0)
				children[started++] = pid;
		}
	}
	oversee(children, started, &signals);
	return 0;
}
