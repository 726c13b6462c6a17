/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemons of a group, as its supervisor sees them. */
#ifndef GLR_SERVER_DAEMONS_H
#define GLR_SERVER_DAEMONS_H

#include "server.h"

enum daemon_kind {
	DAEMON_RPCBIND,
	DAEMON_V4CLIENTS,
	DAEMON_STATD,
	DAEMON_MOUNTD,
	DAEMON_KINDS,
};

#define NSM_SOCKETS 5 /* UDP and TCP over IPv4 and IPv6, and lockd's own */

/* What the status monitor gets from us; a successor gets the same. */
struct statd_fds {
	int slots[2], cookies, control, end_grace, local_state, report;
	int nsm[NSM_SOCKETS]; /* -1: this address family is not to be had */
	int handover[2];      /* nfsd's pipe goes from the first to the second */
	int kept;	      /* the upcall of nfsd that is being answered */
};

#define MOUNTD_PROG 100005

/* The NULL call by which one is watched that answers RPC. */
struct daemon_call {
	pid_t pid;	   /* whom it is for */
	int fd;		   /* 0: not connected */
	bool asked;	   /* and not answered yet */
	bool killed;	   /* for not answering; it may take its time to die */
	unsigned hasty;	   /* how often in a row that was too early, for all that is known */
	uint64_t heard_ms; /* when it last answered, or was begun with */
};

struct daemons {
	const struct server *server;
	struct statd_fds fds;
	int pipe_watch; /* inotify: nfsd has made its pipe */
	pid_t pids[DAEMON_KINDS];
	uint64_t started_ms[DAEMON_KINDS];
	bool quiet;	   /* closed: rpcbind and the NSM listeners stay away */
	uint64_t heard_ms; /* when the status monitor last answered */
	unsigned mute;	   /* monitors in a row that did not */
	pid_t dying;	   /* the last of them: killed, and not spoken to any more */
	bool refusing;	   /* the NSM ports that rpcbind names are closed */
	struct daemon_call calls[DAEMON_KINDS];
};

/* Opens what the status monitor needs, in the node's namespaces.  @return 0 or -errno */
int daemons_open(struct daemons *daemons);
/* Makes the NSM sockets, inside.  @return 0 or -errno */
int daemons_listen(struct daemons *daemons);
/* A status monitor whose sockets were closed gets new ones.  @return 0 or -errno, logged */
int daemons_spawn(struct daemons *daemons, enum daemon_kind kind);
const char *daemons_name(enum daemon_kind kind);
/* @return the daemon that had this pid, or DAEMON_KINDS */
enum daemon_kind daemons_find(const struct daemons *daemons, pid_t pid);

bool daemons_rpcbind_answers(void);
bool daemons_registered(uint32_t prog);
/* Tells rpcbind where the status monitor listens.  @return 0 or -EIO */
int daemons_register_nsm(const struct daemons *daemons);
/*
 * Keeps all registrations for a rpcbind that starts anew, which otherwise would have
 * none after a kill: lockd then waits a minute for the status monitor's, and every
 * group on the node with it.  Called inside.  @return 0 or -errno
 */
int daemons_keep_registrations(void);

/* ---- server_cld.c ---- */

/* Makes what the status monitor needs to answer nfsd.  @return 0 or -errno */
int daemons_cld_open(struct daemons *daemons);
/* Called inside.  @return 0 or -errno */
int daemons_cld_watch(struct daemons *daemons);
/* Passes nfsd's pipe, if there is one, to the status monitor.  Called inside. */
void daemons_cld_hand_over(const struct daemons *daemons);

/* ---- server_v4clients.c ---- */

/* The daemon that tells the status monitor which NFSv4.0 clients are alive.  Called inside. */
_Noreturn void daemons_v4clients_run(const struct daemons *daemons);

/* ---- server_watch.c ---- */

/* Asks the status monitor, waits a second for it, and replaces one that is mute. */
void daemons_watch_monitor(struct daemons *daemons);
/* Asks rpcbind or rpc.mountd, does not wait, and replaces one that has not answered for two seconds.
 * Called inside. */
void daemons_watch_rpc(struct daemons *daemons, enum daemon_kind kind);
/* Closes our copies of the NSM sockets and ends rpcbind, also one that hangs. */
void daemons_quiesce(struct daemons *daemons);

#endif
