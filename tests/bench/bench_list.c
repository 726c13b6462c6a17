/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the client list costs: bench_list DIRECTORY [CLIENTS] adds so many clients to a list there, with the
 * upkeep beside it in a second thread as in the monitor, and prints, for each tenth, what an adding takes
 * with its sync and without; then how long a rewriting of the whole makes a change wait, how long opening
 * takes, and the memory.  The lines that begin with "{" are for run.
 */
#include "clientlist.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int slots[2];

static double clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static void must(int rc, const char *what)
{
	if (rc) {
		fprintf(stderr, "bench_list: %s: %s\n", what, strerror(-rc));
		exit(EXIT_FAILURE);
	}
}

/* ---- the second writer ---------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct glr__list_write step;
static enum { IDLE, ASKED, DONE } state;
static int step_result;

static void *write_steps(void *arg)
{
	int rc;

	for (;;) {
		pthread_mutex_lock(&lock);
		while (state != ASKED)
			pthread_cond_wait(&wake, &lock);
		pthread_mutex_unlock(&lock);
		rc = glr__list_write(&step);
		pthread_mutex_lock(&lock);
		step_result = rc;
		state = DONE;
		pthread_cond_signal(&wake);
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

/* What the monitor's loop does between two requests.  @return false when nothing is left to be done */
static bool keep_up(glr_list_t *list)
{
	struct glr__list_write op;
	bool done;
	int rc;

	pthread_mutex_lock(&lock);
	done = state == DONE;
	if (done)
		state = IDLE;
	pthread_mutex_unlock(&lock);
	if (done)
		must(glr__list_upkeep_done(list, step_result), "upkeep");
	rc = glr__list_prepare_upkeep(list, &op);
	if (rc == -EBUSY)
		return true;
	must(rc, "upkeep");
	if (op.length > 0) {
		step = op;
		pthread_mutex_lock(&lock);
		state = ASKED;
		pthread_cond_signal(&wake);
		pthread_mutex_unlock(&lock);
		return true;
	}
	must(glr__list_prepare_switch(list, &op), "switch");
	if (op.length > 0)
		must(glr__list_commit(list, glr__list_write(&op)), "switch");
	return done || op.length > 0;
}

/* ---- figures --------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* @param p99 negative: none */
static void print_row(const char *name, const char *unit, size_t clients, double ours, double p99)
{
	printf("{\"name\": \"%s\", \"unit\": \"%s\", \"n\": %zu, \"ours\": %.4f, \"stock\": null, \"ratio\": "
	       "null",
	       name, unit, clients, ours);
	if (p99 >= 0)
		printf(", \"ours_p99\": %.4f", p99);
	printf("}\n");
}

static void print_times(const char *what, size_t from, double *times, size_t count)
{
	qsort(times, count, sizeof(*times), compare);
	printf("%s clients=%zu median_us=%.1f p99_us=%.1f max_us=%.1f n=%zu\n", what, from, times[count / 2],
	       times[count * 99 / 100], times[count - 1], count);
}

static void name_client(size_t number, char name[GLR_ADDRESS_TEXT_MAX], struct glr_address *address)
{
	*address = (struct glr_address){
		.family = AF_INET,
		.bytes = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
	glr_address_text(address, name);
}

/* @param sync at all; without it the write stays in memory  @return microseconds the adding took */
static double add_one(glr_list_t *list, size_t number, bool sync)
{
	char name[GLR_ADDRESS_TEXT_MAX];
	struct glr__list_write op;
	struct glr_address address;
	double began;
	int rc;

	name_client(number, name, &address);
	began = now_us();
	while ((rc = glr__list_prepare_add(list, name, &address, &op)) == -EAGAIN)
		keep_up(list);
	must(rc, "add");
	rc = sync ? glr__list_write(&op) : glr__pwrite_all(op.fd, op.bytes, op.length, op.offset);
	must(glr__list_commit(list, rc), "add");
	return now_us() - began;
}

/* A thousand with their sync at the beginning of each tenth, the rest without. */
static void fill(glr_list_t *list, size_t clients)
{
	double *times = calloc(clients, sizeof(*times));
	size_t tenth = clients / 10, synced = tenth < 2000 ? tenth / 2 : 1000;

	for (size_t at = 0; at + tenth <= clients; at += tenth) {
		for (size_t i = 0; i < tenth; i++) {
			times[i] = add_one(list, at + i, i < synced);
			keep_up(list);
		}
		print_times("add_with_sync", at, times, synced);
		if (at / tenth % 5 == 0 || at / tenth == 9)
			print_row("list_add", "ms", at, times[synced / 2] / 1000,
				  times[synced * 99 / 100] / 1000);
		print_times("add_without_sync", at, times + synced, tenth - synced);
	}
	free(times);
}

/* New clients one after the other while everything is rewritten: each waits for the loop's part in it and its
 * own sync. */
static void rewrite(glr_list_t *list, size_t clients)
{
	double *times = calloc(1000000, sizeof(*times)), *parts = calloc(1000000, sizeof(*parts));
	double began, waited;
	struct glr_list_facts facts;
	struct glr__list_write op;
	uint64_t generation;
	size_t count = 0;

	while (keep_up(list))
		;
	glr_list_get_facts(list, &facts);
	generation = facts.generation;
	for (size_t i = 0; i < 2000; i++) { /* dead records make it worth while */
		char name[GLR_ADDRESS_TEXT_MAX];
		struct glr_address address;

		name_client(i, name, &address);
		must(glr_list_remove(list, name), "remove");
	}
	must(glr__list_prepare_begin(list, true, &op), "begin");
	must(glr__list_commit(list, glr__list_write(&op)), "begin");
	began = now_us();
	while (facts.generation == generation && count < 1000000) {
		waited = now_us();
		parts[count] = clock_us(CLOCK_THREAD_CPUTIME_ID);
		keep_up(list);
		parts[count] = clock_us(CLOCK_THREAD_CPUTIME_ID) - parts[count];
		waited = now_us() - waited;
		times[count] = waited + add_one(list, clients + count, true);
		count++;
		glr_list_get_facts(list, &facts);
	}
	printf("rewriting clients=%zu ms=%.0f\n", facts.clients, (now_us() - began) / 1000);
	print_times("add_during_rewriting", clients, times, count);
	print_row("list_add_rewriting", "ms", clients, times[count / 2] / 1000,
		  times[count * 99 / 100] / 1000);
	print_times("rewriting_cpu_in_loop", clients, parts, count);
	free(times);
	free(parts);
}

static double memory_mb(void)
{
	char text[4096];
	const char *line;

	must(glr__read_text(AT_FDCWD, "/proc/self/status", text, sizeof(text)), "/proc/self/status");
	line = strstr(text, "VmHWM:");
	return line ? strtod(line + 6, NULL) / 1024 : 0;
}

static glr_list_t *open_list(int directory_fd)
{
	glr_list_t *list;

	slots[0] = openat(directory_fd, "clients.0", O_RDWR);
	slots[1] = openat(directory_fd, "clients.1", O_RDWR);
	must(glr_list_open(slots[0], slots[1], "bench", &list), "open");
	return list;
}

static int time_open(int directory_fd)
{
	struct glr_list_facts facts;
	double began = now_us(), cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID);
	glr_list_t *list = open_list(directory_fd);

	began = now_us() - began;
	cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	glr_list_get_facts(list, &facts);
	printf("open clients=%zu ms=%.0f cpu_ms=%.0f memory_mb=%.0f slot_mb=%.0f\n", facts.clients,
	       began / 1000, cpu / 1000, memory_mb(), (double)facts.slot_bytes / (1 << 20));
	print_row("list_open", "ms", facts.clients, began / 1000, -1);
	print_row("list_open_memory", "MB", facts.clients, memory_mb(), -1);
	unlinkat(directory_fd, "clients.0", 0);
	unlinkat(directory_fd, "clients.1", 0);
	return facts.condition == GLR_LIST_CLEAN ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	bool opens = argc == 3 && !strcmp(argv[2], "open");
	size_t clients = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
	int directory_fd = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
	pthread_t thread;
	glr_list_t *list;

	if (directory_fd < 0 || (clients < 20000 && !opens)) {
		fprintf(stderr,
			"usage: bench_list DIRECTORY [CLIENTS], from 20000 on; there is no list yet\n");
		return EXIT_FAILURE;
	}
	if (opens)
		return time_open(directory_fd);
	must(glr_list_format(directory_fd, "bench", GLR__LIST_SLOT_BYTES, false), "format");
	list = open_list(directory_fd);
	must(-pthread_create(&thread, NULL, write_steps, NULL), "thread");
	while (keep_up(list))
		;
	fill(list, clients);
	rewrite(list, clients);
	while (keep_up(list))
		;
	/* What was added without a sync would be synced by who opens the list. */
	for (int i = 0; i < 2; i++)
		must(glr__fdatasync(slots[i]), "sync");
	/* A process of its own shows the memory of an open list. */
	fflush(stdout);
	execl(argv[0], argv[0], argv[1], "open", NULL);
	must(-errno, argv[0]);
}
