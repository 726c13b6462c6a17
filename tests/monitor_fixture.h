/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A monitor over a real list and real cookies: requests in, answers out, the clock and the moment when a
 * write returns in the test's hands. */
#ifndef MONITOR_FIXTURE_H
#define MONITOR_FIXTURE_H

#include "clientlist.h"
#include "monitor.h"
#include "nsm_message.h"

#define LOCAL_STATE 77
#define STAT_FAIL 1
#define NO_ANSWER UINT32_MAX
#define ANSWERS_MAX 256

struct monitor_test {
	char directory[64];
	int slots[2], cookies_fd;
	glr_list_t *list;
	glr__cookies_t *cookies;
	glr__monitor_t *monitor;
	const struct glr__list_write *op; /* waits for its return */
	struct answer {
		uint8_t bytes[256];
		size_t length;
	} answers[ANSWERS_MAX]; /* by token */
	unsigned answer_count, seen_count, downcall_count, v4_count, begun_count;
	int v4_result, begun_result;
	struct glr__cookie downcall;
	uint32_t downcall_state;
	uint64_t now_ms;
};
extern struct monitor_test t;

void monitor_open(void);
void monitor_close(void);
void monitor_setup(void);
void monitor_teardown(void);
void request_from(const char *peer, uint16_t port, uint64_t token, const struct message *message);
/* From loopback and a privileged port. */
void lockd(uint64_t token, const struct message *message);
void mon(uint64_t token, const char *name);
void unmon(uint64_t token, const char *name);
/* The write under way returns: done for real when result is 0. */
void written(int result);
unsigned tick_after(uint64_t ms);
/* @return result of the sm_stat_res that answers a token, or NO_ANSWER */
uint32_t result_of(uint64_t token);
/* @return accept_stat of the answer to a token */
uint32_t accept_stat(uint64_t token);
bool denied(uint64_t token);
/* SM_MON of a new client, with success. */
void add_client(uint64_t token, const char *name);

#endif
