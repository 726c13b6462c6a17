/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network of one's own with a real glr-statd in it, and clients to be told. */
#ifndef STATD_WORLD_H
#define STATD_WORLD_H

#include "nsm_message.h"

#include <sys/types.h>

#define WORLD_GROUP "home"
#define WORLD_UID 64998
#define WORLD_LOCAL_STATE 4711
#define WORLD_STRANGER "10.9.9.1" /* an address of this host that is not loopback */

/* Namespaces, /run, user and sockets; no list and no monitor yet. */
void world_make(void);
void world_make_list(const char *directory);
/* As if lockd were a new one. */
void world_new_cookies(void);
/* As who opens a closed group again does. */
void world_thaw_cookies(void);
void world_start_statd(void);
void world_kill_statd(int signal);
pid_t world_statd_pid(void);
/* Waits until the monitor's control socket answers. */
void world_wait_ready(void);
void world_status(struct glr_status *status);
/* Waits until the phase is reached. */
void world_wait_phase(enum glr_phase phase);
/* progress= of a client in the answer to "list", "" when it is not on the list */
const char *world_progress(const char *name);
/* One request; the first packet of the answer, or "error=...", in a static buffer. */
const char *world_ask(const char *request);
void world_set_grace(bool over);
/* Waits some seconds for a count.  @return whether it was reached */
bool world_wait(const volatile unsigned *value, unsigned at_least);
uint16_t world_port(bool tcp, bool ipv6);

/* @param privileged from a port below 1024  @return connected socket, or -1 */
int world_connect(const char *from, const char *to, bool privileged);
/* Sends one record. */
void world_send(int fd, const struct message *message);
/* Reads one record.  @return its length, 0 at the end of the stream, -1 after timeout_ms */
ssize_t world_receive(int fd, uint8_t *reply, size_t size, int timeout_ms);
/* SM_MON over a connection of its own from 127.0.0.1, as lockd does it.
 * @return result of sm_stat_res, or UINT32_MAX without an answer */
uint32_t world_mon(const char *name);

/* A client host: rpcbind and a status monitor on one loopback address. */
struct world_host {
	const char *address;
	bool silent;
	bool tcp_only;		/* does not answer over UDP */
	volatile unsigned told; /* SM_NOTIFYs received */
	volatile uint32_t state;
	volatile unsigned identifiers_seen; /* bit for 127.0.1.N as source and in the message */
	volatile bool odd;		    /* a source port above 1023, or a name that is not the source */
	int fds[4];
};

/* Serves up to 8 hosts in a thread until the test ends. */
void world_hosts(struct world_host *hosts, size_t count);

/* A lockd and its rpcbind, for downcalls. */
struct world_lockd {
	volatile unsigned calls;
	volatile uint32_t state;
	volatile uint8_t priv;
	volatile bool odd;	/* not from loopback and a privileged port */
	volatile unsigned drop; /* so many questions to rpcbind stay unanswered */
};
void world_lockd(struct world_lockd *lockd);

#endif
