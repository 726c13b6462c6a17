/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the harnesses share.  Each is one function that takes any bytes and stops the program when the code
 * under test breaks a rule.  Linked with libFuzzer it searches; linked with standalone.c it
 * runs over the seeds, as part of the unit tests.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define must(rule)                                                                                           \
	do {                                                                                                 \
		if (!(rule)) {                                                                               \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #rule);                   \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* Input as a source of decisions; zeros when it is used up. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t take(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static inline uint16_t take16(struct input *input)
{
	uint16_t high = take(input);

	return (uint16_t)(high << 8 | take(input));
}

/* @return up to length bytes of the input itself  @param got how many */
static inline const uint8_t *take_bytes(struct input *input, size_t length, size_t *got)
{
	const uint8_t *bytes = input->at;

	*got = length < input->left ? length : input->left;
	input->at += *got;
	input->left -= *got;
	return bytes;
}

#endif
