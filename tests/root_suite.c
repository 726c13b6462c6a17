/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "root_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SKIPPED 77 /* automake */

int root_suite_run(const char *program, Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int status = SKIPPED;

	if (geteuid()) {
		fprintf(stderr, "%s needs root for namespaces of its own: skipped\n", program);
	} else {
		srunner_run_all(runner, CK_NORMAL);
		status = srunner_ntests_failed(runner) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	srunner_free(runner);
	return status;
}
