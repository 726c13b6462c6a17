/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network of one's own with a real glr-statd in it, and clients to be told. */
#ifndef STATD_WORLD_H
#define STATD_WORLD_H

#include "monitor.h"
#include "nsm_message.h"

#include <sys/types.h>

#define WORLD_GROUP "home"
#define WORLD_UID 64998
#define WORLD_LOCAL_STATE 4711
#define WORLD_STRANGER "10.9.9.1" /* an address of this host that is not loopback */

/* Namespaces, /run, user and sockets; no list and no monitor yet. */
void world_make(void);
void world_make_list(const char *directory);
/* The list that is there, for the monitor that is started next. */
void world_open_list(const char *directory, int flags);
/* As if lockd were a new one. */
void world_new_cookies(void);
/* As who opens a closed group again does. */
void world_thaw_cookies(void);
void world_start_statd(void);
void world_kill_statd(int signal);
pid_t world_statd_pid(void);
/* Descriptors for --cld of monitors that are started from now on. */
void world_set_cld(int handover, int kept);
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
bool world_wait(const _Atomic unsigned *value, unsigned at_least);
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

/* A client host: rpcbind and a status monitor on one loopback address, IPv4 or IPv6. */
struct world_host {
	const char *address;
	_Atomic bool silent;
	_Atomic bool tcp_only;	   /* does not answer over UDP */
	bool old_rpcbind;	   /* version 2 only */
	_Atomic bool unregistered; /* its rpcbind does not know a status monitor */
	_Atomic bool moved;	   /* its status monitor is on another port now, and nobody on the old one */
	_Atomic bool stale;	   /* ... but its rpcbind still names the old one */
	_Atomic unsigned asked;	   /* questions to rpcbind */
	_Atomic unsigned told;	   /* SM_NOTIFYs received */
	_Atomic uint32_t state;
	_Atomic unsigned identifiers_seen; /* bit N for 127.0.1.N or fd00::1:N as source and in the message */
	_Atomic unsigned names_seen;	   /* bits for WORLD_NAMES */
	_Atomic bool odd;		   /* a source port above 1023, or a name that is neither */
	int fds[6];
};

#define WORLD_NAMES "nfs,nfs.example.org"

/* Serves up to 8 hosts in a thread until the test ends. */
void world_hosts(struct world_host *hosts, size_t count);

/* A lockd and its rpcbind, for downcalls. */
struct world_lockd {
	_Atomic unsigned calls;
	_Atomic uint32_t state;
	_Atomic uint8_t priv;
	_Atomic bool odd;      /* not from loopback and a privileged port */
	_Atomic unsigned drop; /* so many questions to rpcbind stay unanswered */
};
void world_lockd(struct world_lockd *lockd);

#endif
