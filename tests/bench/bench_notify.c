/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the notification engine costs: bench_notify CLIENTS SILENT_PERCENT
 * tells so many simulated clients, RTT 0.05 ms, 5 us a packet, and prints the
 * simulated time until all live ones have acknowledged, and the processor time.
 */
#include "notify_sim.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static size_t clients;
static unsigned silent_percent;

START_TEST(bench)
{
	struct glr__notify_counts counts;
	size_t silent = 0;
	struct sim sim;
	clock_t start;

	sim_init(&sim, clients);
	sim.rtt_us = 50;
	sim.packet_us = 5;
	for (size_t i = 0; i < clients; i++) {
		sim.hosts[i].silent = i % 100 < silent_percent;
		silent += sim.hosts[i].silent;
	}
	start = clock();
	sim_start(&sim);
	do {
		sim_run(&sim, sim_now_ms(&sim) + 1);
		glr__notify_get_counts(sim.notify, &counts);
	} while (sim_now_ms(&sim) < sim.end_ms &&
		 (counts.told < clients || counts.acknowledged < clients - silent));
	printf("clients=%zu silent=%zu told=%zu acknowledged=%zu simulated_ms=%llu packets=%u cpu_ms=%.1f\n",
	       clients, silent, counts.told, counts.acknowledged, (unsigned long long)sim_now_ms(&sim),
	       sim.packets, (double)(clock() - start) * 1000 / CLOCKS_PER_SEC);
	ck_assert_uint_eq(counts.told, clients);
	ck_assert_uint_eq(counts.acknowledged, clients - silent);
	sim_fini(&sim);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("bench");
	TCase *tc = tcase_create("notify");
	SRunner *runner;
	int failed;

	clients = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	silent_percent = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	if (clients == 0 || silent_percent > 100) {
		fprintf(stderr, "usage: bench_notify CLIENTS [SILENT_PERCENT]\n");
		return EXIT_FAILURE;
	}
	tcase_add_test(tc, bench);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
