/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two slots of a client list in memory, and the clients that the harnesses talk about. */
#ifndef FUZZ_SLOTS_H
#define FUZZ_SLOTS_H

#include "clientlist_private.h"
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#define GROUP "home"
#define SLOT_BYTES (GLR__LIST_RECORDS + 5 * GLR__LIST_RESERVE) /* a block more than the least there is */
#define NAMES 16

static inline struct glr_address client_address(unsigned number)
{
	struct glr_address address = {.family = AF_INET, .bytes = {10, 0, 0, (uint8_t)(number % NAMES)}};

	if (number % NAMES >= NAMES / 2) {
		address.family = AF_INET6;
		address.bytes[0] = 0xfd;
		address.bytes[15] = address.bytes[3];
		address.bytes[3] = 0;
	}
	return address;
}

static inline const char *client_name(unsigned number, char text[GLR_ADDRESS_TEXT_MAX])
{
	struct glr_address address = client_address(number);

	return glr_address_text(&address, text);
}

static inline void slots_fill(const int fds[2], int slot, const struct glr__list_header *header,
			      const uint8_t *records)
{
	uint8_t head[GLR__LIST_RECORDS];

	glr__list_header_encode(header, head);
	must(ftruncate(fds[slot], SLOT_BYTES) == 0);
	must(glr__pwrite_all(fds[slot], head, sizeof(head), 0) == 0);
	must(glr__pwrite_all(fds[slot], records, SLOT_BYTES - sizeof(head), sizeof(head)) == 0);
}

/* Descriptors that live as long as the program. */
static inline const int *slots_open(void)
{
	static int fds[2] = {-1, -1};

	for (int i = 0; i < 2 && fds[i] < 0; i++) {
		fds[i] = memfd_create("slot", MFD_CLOEXEC);
		must(fds[i] >= 0);
	}
	return fds;
}

#endif
