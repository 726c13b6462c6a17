/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client list in a directory of its own, on a disk that can fail.  The linker
 * puts the functions of clientlist_fixture.c in front of the library's writes
 * and syncs (-Wl,--wrap), so the code under test is the one that is installed.
 */
#ifndef CLIENTLIST_FIXTURE_H
#define CLIENTLIST_FIXTURE_H

#include "clientlist_private.h"

#define FIXTURE_SLOT_BYTES (24u << 10)

enum power_cut {	       /* what becomes of writes that were not synced */
		 CUT_KEEPS,    /* all of them reached the disk */
		 CUT_LOSES,    /* none of them did */
		 CUT_ODD,      /* every other sector did */
		 CUT_EVEN,     /* the others did */
		 CUT_SCATTERS, /* some did, as a fixed series of numbers says */
		 CUT_KINDS,
};

struct disk {
	unsigned calls;	  /* writes and syncs so far */
	unsigned writes;  /* of them */
	unsigned fail_at; /* this call fails; 0 for none */
	int error;
	bool stays_broken; /* and all after it */
	bool arrives;	   /* the write that fails reaches the disk all the same */
	bool room;	   /* the file system is not full */
	bool read_only;	   /* it was made so */
};

extern struct disk disk;
extern int directory_fd;
extern int slot_fds[2];
extern char directory_path[];

void fixture_setup(void); /* a directory; once, where its removal does not depend on a test */
void fixture_begin(void); /* and empty, for each test */
void fixture_end(void);
void fixture_teardown(void);
void fixture_format(uint64_t slot_bytes, bool missing);
/* Opens and closes the slots' descriptors, as another process would. */
void slots_open(int flags);
void slots_close(void);
glr_list_t *list_open(void);
glr_list_t *list_reopen(glr_list_t *list);
/* Undoes what was not synced. */
void power_cut(enum power_cut kind);

struct glr_address address_of(unsigned number);
const char *name_of(unsigned number); /* valid for the next three calls */
int add(glr_list_t *list, unsigned number);
void add_many(glr_list_t *list, unsigned from, unsigned to);
bool on_list(const glr_list_t *list, unsigned number);
struct glr_list_facts facts_of(const glr_list_t *list);

/* NFSv4: opaque identifiers, some with zeros, some long; numbers below 64. */
enum change { ADD, WATCH, REMOVE, BEGIN, DONE };

struct glr__v4_client client_of(unsigned number);
int v4_change(glr_list_t *list, enum change kind, unsigned number);

/* Bytes of a slot, outside the list's knowledge. */
void poke(int slot, off_t offset, const void *bytes, size_t length);
void flip_bit(int slot, uint64_t bit);
uint64_t record_at(unsigned index); /* where the record is in a slot that only has ADDs of name_of(100...) */

#define FIRST 100u /* so that all names are equally long */
#define COUNT 12u
extern uint8_t image[2][FIXTURE_SLOT_BYTES];

void make_twelve(void); /* a list of FIRST and the following COUNT - 1, and its image */
void save_slots(void);	/* to the image */
void restore_slots(void);
unsigned count_present(const glr_list_t *list); /* of the twelve */

#endif
