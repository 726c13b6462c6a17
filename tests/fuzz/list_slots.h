/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slots of a client list that a program has written: the input of fuzz_list.c. */
#ifndef FUZZ_LIST_SLOTS_H
#define FUZZ_LIST_SLOTS_H

#include "slots.h"

#define RECORDS_BYTES (SLOT_BYTES - GLR__LIST_RECORDS)

struct slot {
	struct glr__list_header header;
	uint8_t records[RECORDS_BYTES];
	size_t used;
	uint64_t sequence;
	uint32_t seed;
	bool lost; /* no header */
};

struct slots {
	struct slot slots[2];
	bool v4_forged; /* numbers of NFSv4's epochs that this list cannot have written: its own only grow */
};
extern struct slots written;

void write_slots(const int fds[2], struct input *input);
/* @return the slot that is the list, or NULL when neither has a header */
const struct slot *list_slot(void);

#endif
