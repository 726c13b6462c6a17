/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the three agents share: agent.c.  Checks return 0, or an OCF code, already reported. */
#ifndef GLR_AGENT_PRIVATE_H
#define GLR_AGENT_PRIVATE_H

#include "agent.h"
#include "server.h"

/* @return the parameter's value, or otherwise where it is empty or not set */
const char *agent_parameter_or(const char *name, const char *otherwise);
/* @return its value, "" where it is not set */
const char *agent_parameter(const char *name);
/* OCF_CHECK_LEVEL: not only what is wrong on every node, but what is wrong on this one. */
bool agent_checks_thoroughly(void);

int agent_check_group(void);
int agent_check_path(const char *name, const char *value);
int agent_check_path_if_set(const char *name);
/* @param otherwise where it is not set  @param number gets its value */
int agent_check_number(const char *name, const char *otherwise, unsigned min, unsigned max, unsigned *number);

void agent_add(struct agent_words *words, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* --OPTION=VALUE, where the parameter is set. */
void agent_add_if_set(struct agent_words *words, const char *option, const char *name);
/* The verb, and the group that it is for. */
void agent_begin(struct agent_words *words, const char *verb);

extern const char agent_device_metadata[], agent_nfsserver_metadata[], agent_lockrecover_metadata[];
/* Each is asked for an action that it has.  @return as agent_words() */
int agent_device(const char *action, struct agent_words *words);
int agent_nfsserver(const char *action, struct agent_words *words);
int agent_lockrecover(const char *action, struct agent_words *words);

#endif
