/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two files of the cookie table share, and nobody else sees. */
#ifndef GLR_COOKIES_PRIVATE_H
#define GLR_COOKIES_PRIVATE_H

#include "cookies.h"
#include "table.h"

struct glr__cookie_entry {
	struct glr__node node;
	struct glr_address address; /* the name as an address; AF_UNSPEC when it is none */
	uint32_t incarnation;	    /* of lockd that gave it last */
	uint32_t prog, vers, proc;
	uint8_t priv[16];
	char name[];
};

struct glr__cookies_log {
	uint64_t salt, generation;
	uint64_t base; /* where the generation begins */
	uint64_t end;  /* where the next record goes */
	uint64_t sequence;
	uint32_t seed;
	uint64_t compact_bytes; /* longer than that, it is rewritten */
};

struct glr__cookies {
	int fd;
	struct glr__cookies_log log;
	bool whole;
	struct glr__table table;
	size_t unusual;	      /* names that are addresses, but not written as glr_address_text() does */
	uint32_t incarnation; /* how often lockd has begun in this namespace */
	size_t seen;	      /* cookies of this incarnation */
	struct glr__table acknowledged; /* names only, of this incarnation */
	bool opened, frozen;
	struct glr__window window;
	struct glr__cookie *found; /* what find last returned */
};

/* ---- cookies.c: the table */

struct glr__cookie_entry *glr__cookies_entry_new(const struct glr__cookie *cookie, uint32_t incarnation);
/* After glr__table_reserve().  Takes the entry over, and its name away from an older one. */
void glr__cookies_set(glr__cookies_t *cookies, struct glr__cookie_entry *entry);
void glr__cookies_drop(glr__cookies_t *cookies, const char *name);

/* @return 0, -ENOMEM, or the error of glr__random() */
int glr__cookies_note_acknowledged(glr__cookies_t *cookies, const char *name, size_t length);
/* What is from an earlier incarnation of lockd is over. */
void glr__cookies_set_incarnation(glr__cookies_t *cookies, uint32_t incarnation);

/* ---- cookies_log.c: the file */

/* @return bytes written to out, at most GLR__RECORD_PAYLOAD_MAX */
size_t glr__cookies_encode(const struct glr__cookie_entry *entry, uint8_t *out);
size_t glr__cookies_encode_window(const struct glr__window *window, uint32_t incarnation, uint8_t *out);
int glr__cookies_log_open(glr__cookies_t *cookies);
int glr__cookies_append(glr__cookies_t *cookies, uint8_t type, const uint8_t *payload, size_t length);

#endif
