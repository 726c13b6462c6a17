/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What strangers may send to a status monitor, as fast as they can. */
#ifndef HOSTILE_ATTACKS_H
#define HOSTILE_ATTACKS_H

#include "statd_world.h"

#define HOSTILE_KNOWN "10.1.0.1" /* a client on the list */
#define HOSTILE_ATTACKS 8

struct hostile_attack {
	const char *name;
	void (*fn)(unsigned turn); /* does it once, from WORLD_STRANGER */
};
extern const struct hostile_attack hostile_attacks[HOSTILE_ATTACKS];

/* A call that is lockd's alone, with all its arguments. */
void hostile_message(struct message *message, uint32_t proc);

/* To the monitor from WORLD_STRANGER.  @param type with SOCK_NONBLOCK, or not  @return connecting socket or
 * -1 */
int hostile_connect(int type);

#endif
