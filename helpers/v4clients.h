/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What glr-v4clients tells the status monitor of NFSv4.0 clients.  The question is a packet with a descriptor, over the
 * socket that brings nfsd's pipe; the answer goes to that descriptor.
 */
#ifndef GLR_V4CLIENTS_H
#define GLR_V4CLIENTS_H

#include "record.h"

#define V4CLIENTS_ANSWER_MS 2000

/* A packet for each client whose lease cannot run out soon; then one without an identifier. */
struct v4clients_answer {
	uint32_t has_state; /* open files or locks */
	uint32_t clients;   /* in the last packet: with all others of version 0 */
	uint32_t lease_s;
	uint32_t id_length; /* 0: the last packet */
	uint8_t id[GLR__V4_ID_MAX];
};

#endif
