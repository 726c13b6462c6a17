/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ROOT_SUITE_H
#define ROOT_SUITE_H

#include <check.h>

/* Runs a suite that needs root for namespaces of its own.  @return the exit status: 77, skipped, without root
 */
int root_suite_run(const char *program, Suite *suite);

#endif
