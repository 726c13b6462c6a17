/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * glr-server as the resource agents ocf:glr:device, ocf:glr:nfsserver and ocf:glr:lockrecover, by whose names
 * it is called: an action, and parameters in the environment, become the words of a command line.  A takeover
 * waits for every program that is loaded, so no shell is in between.
 */
#ifndef GLR_AGENT_H
#define GLR_AGENT_H

#include <stdbool.h>
#include <stddef.h>

/* An argument vector, malloc'ed, with NULL at its end. */
struct agent_words {
	char **list;
	size_t count;
};

#define AGENT_ASKS (-1)

bool agent_is_named(const char *name);
/* @param words what the helper is to be called with  @param action NULL: none
 * @return AGENT_ASKS, or the OCF code of an action that ends here, reported */
int agent_words(const char *agent, const char *action, struct agent_words *words);

#endif
