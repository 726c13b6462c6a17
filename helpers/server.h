/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the steps of glr-server share, grouped by the file that implements it. */
#ifndef GLR_SERVER_H
#define GLR_SERVER_H

#include "glr_private.h"

#include <limits.h>

/* Exit codes of OCF resource agents. */
enum ocf_code {
	OCF_SUCCESS = 0,
	OCF_ERR_GENERIC = 1,
	OCF_ERR_ARGS = 2, /* wrong on this node */
	OCF_ERR_UNIMPLEMENTED = 3,
	OCF_ERR_INSTALLED = 5,	/* something is missing on this node */
	OCF_ERR_CONFIGURED = 6, /* wrong on every node */
	OCF_NOT_RUNNING = 7,
	OCF_DEGRADED = 190,
};

/* One service group on this node, and what was asked of it. */
struct server {
	char group[GLR_GROUP_MAX];
	char directory[PATH_MAX];
	char state_dir[PATH_MAX];
	char link[16]; /* macvlan, ipvlan, veth, routed, none */
	char nic[64];
	char gateway[128]; /* comma-separated: one for IPv4, one for IPv6; empty: none */
	char exports_file[PATH_MAX];
	char nft_file[PATH_MAX]; /* rules for nft, loaded in the namespace; empty: none */
	const char *exports;	 /* exports(5) lines, ';' counts as a newline; NULL: the file */
	unsigned grace_s, lease_s, threads;
	char server_names[1024]; /* comma-separated */
	const char *status_of;
	uint64_t deadline_ms; /* CLOCK_BOOTTIME */
};

/* ---- glr-server.c --------------------------------------------------------- */

/* Says once what went wrong and what to do: to the log, and to Pacemaker.  @return code */
int server_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lets ps(1) show the group of a process that stays. */
void server_show_group(const struct server *server);

/* ---- server_settings.c: what a group was started and opened with ---------- */

#define SERVER_DIR GLR__RUNTIME_DIR "/%s"
/* Path of a file in the runtime directory of the group.  @return path */
char *server_path(const struct server *server, const char *name, char path[PATH_MAX]);
/* Replaces such a file whole.  @return 0 or -errno */
int server_replace(const struct server *server, const char *name, const char *text, mode_t mode);
int server_settings_save(const struct server *server);
/* @return 0, -ENOENT when the group was not started here, or -errno */
int server_settings_load(struct server *server);
/* For what concerns all groups of the node: fsids, and the sysctls that lockd reads when it begins. */
#define SERVER_NODE_LOCK GLR__RUNTIME_DIR "/.lock"
/* In the runtime directory of a group: one action at a time. */
#define SERVER_ACTION_LOCK "action"
/* Of lockd, which serves the locks of all groups in one thread, and of those it waits for. */
#define SERVER_LOCKD_NICE -10
/* Fixed, so that a packet filter can name them; the first and the second are the ones that Red Hat's and
 * Solaris' administrators know, and the third is nfs-utils' own. */
#define SERVER_NSM_PORT 662
#define SERVER_NLM_PORT 4045
#define SERVER_MOUNTD_PORT "20048"
/* @return a descriptor that holds the lock until it is closed, -ETIMEDOUT at the deadline, or -errno */
int server_lock(const struct server *server, const char *path);

/* ---- server_inside.c ------------------------------------------------------- */

/* Calls fn inside the group's namespaces and comes back.
 * @return what fn returned, -ENOENT (not started here), or -errno */
int server_inside(const struct server *server, int (*fn)(const struct server *server));

/* ---- server_attribute.c: how the group is doing, for crm_mon -A ---------------- */

/* The value that was published last, in the runtime directory. */
#define SERVER_ATTRIBUTE_FILE "attribute"
/* Both wait for nobody, and nothing depends on them.  An attribute that is as it should be is left alone. */
void server_attribute_update(const struct server *server);
void server_attribute_delete(const struct server *server);

/* ---- server_run.c: one foreign command -------------------------------------- */

/* Runs a command, bounded by the deadline.
 * @param input its standard input, or NULL  @param error its last line on standard error
 * @return its exit status, or -errno (-ETIMEDOUT: it was killed) */
int server_run(const struct server *server, const char *const argv[], const char *input, char error[256]);
/* Sleeps 10 ms.  @return false when the deadline has passed */
bool server_wait(const struct server *server);

/* ---- server_mounts.c: the group's mount namespace --------------------------- */

/* Furnishes a fresh mount namespace; called inside.  @return 0 or -errno */
int server_mounts_setup(void *server);

/* ---- server_link.c: the group's link ------------------------------------------ */

/* @return 0, or an OCF code, already reported: this node has no such nic */
int server_link_check(const struct server *server);
bool server_link_needs_nic(const struct server *server);
uint32_t server_link_hash(const char *group);
/* The node's end of a veth pair: 15 characters at most, the same for a group every time. */
void server_link_veth(const char *group, char name[16]);
int server_link_make(const struct server *server);
/* The rest is called inside the group's namespaces. */
int server_loopback_up(void);
int server_link_up(void);
/* So that addresses cannot be answered for as long as the namespace lives on. */
int server_link_remove(const struct server *server);
/* Sets the default routes.  @return 0, -EADDRNOTAVAIL (the addresses do not fit the link), -EHOSTUNREACH, or
 * -errno */
int server_link_route(const struct server *server);

/* ---- server_routed.c: link=routed ----------------------------------------------- */

bool server_is_routed(const struct server *server);
/* @return as link_make_veth() */
int server_routed_make(const struct server *server, int netns, char error[256]);
/* Inside: everything goes to the node.  @return as server_link_route() */
int server_routed_inside(const struct server *server);
/* On the node: these addresses, comma-separated, go to the group.  @return 0 or an OCF code, already reported
 */
int server_routed_attach(const struct server *server, const char *addresses);

/* ---- server_gate.c: what reaches the group's servers; called inside ------------- */

/* @return 0, -ENODEV without a link, or -errno, logged */
int server_gate_open(const struct server *server);
/* While it is closed no request comes in, as it could be granted a lock that is about to be dropped, and no
 * client sees its connection end.  Of a group without a link (link=none) nothing is closed.
 * @return 0 or -errno, logged */
int server_gate_close(const struct server *server);
/* Puts nft_file, or nothing, in the place of the rules that are in force.  @return 0 or an OCF code, already reported */
int server_filter_load(const struct server *server);

/* ---- server_exports.c ---------------------------------------------------------- */

/* Checks the exports, gives each an fsid, writes them to the runtime directory.
 * @return 0 or an OCF code, already reported */
int server_exports_prepare(const struct server *server, bool write);
/* Calls fn for each exported path; stops when it returns non-zero.  @return 0, -errno, or what fn returned */
int server_exports_foreach(const struct server *server, int (*fn)(const char *path, void *arg), void *arg);

/* ---- server_state.c: the state directory ---------------------------------------- */

/* Makes it where it is missing, opens the list once, keeps a copy of a damaged one.
 * @return 0 or an OCF code, already reported */
int server_state_prepare(const struct server *server);

/* ---- server_supervisor.c, server_daemons.c ---------------------------------------- */

/* Starts it and waits until every daemon answers.  @return 0 or an OCF code, already reported */
int server_supervisor_start(const struct server *server);
/* Waits until one that runs has brought up its daemons.  @return 0, -ECHILD (it ended), -ETIMEDOUT */
int server_supervisor_wait(const struct server *server);
/* @return its pid, or 0 when none runs */
pid_t server_supervisor_pid(const struct server *server);
/* Lets it close the monitor's and rpcbind's listeners.  @return 0 or -errno */
int server_supervisor_quiesce(const struct server *server);
/* Tells it that the gate is open: it wakes the clients of the group's last server.  Waits for nobody. */
void server_supervisor_opened(const struct server *server);
int server_supervisor_stop(const struct server *server);

/* ---- server_cld.c: nfsd's questions about its NFSv4 clients -------------------------- */

#define SERVER_CLD_DIRECTORY "/var/lib/nfs/rpc_pipefs/nfsd"
#define SERVER_CLD_PIPE SERVER_CLD_DIRECTORY "/cld"
/* Called inside, when nfsd's threads have been started: whether it asks the status monitor who may reclaim. */
bool server_cld_tracks_clients(const struct server *server);
/* Answers them with an error where no status monitor is left, so that nfsd's threads can end.  Called inside,
 * with the gate closed.  @return a process to be ended with server_cld_relieve(), 0 where nfsd asks nothing,
 * or -errno */
pid_t server_cld_stand_in(const struct server *server);
void server_cld_relieve(pid_t pid);

/* ---- server_leftovers.c: processes inside the group's namespaces ------------------- */

/* @return how many, or -errno  @param pid one of them */
int server_processes_count(const struct server *server, pid_t *pid);
/* Ends them, politely first.  @return 0, or -ETIMEDOUT */
int server_processes_end(const struct server *server);
/* Remembers which namespaces are the group's, for a stop after their pins were lost. */
int server_namespaces_remember(const struct server *server);

/* ---- server_nfsd.c: the kernel's half, called inside the group's namespaces -------- */

int server_nfsd_start(const struct server *server, uint64_t *grace_end_ms);
int server_nfsd_stop(const struct server *server);
/* @return 1 when NFS answers a NULL call, 0 when nothing listens, -errno otherwise */
int server_nfsd_ping(unsigned timeout_ms);
/* @return number of locks of lockd and nfsd on the filesystem of a path, or -errno */
int server_locks_count(const char *path);

/* ---- the verbs: @return an OCF code, already reported -------------------------------- */

int server_start(struct server *server);
int server_open(struct server *server);
int server_close(struct server *server);
int server_stop(struct server *server);
int server_status(struct server *server);
int server_reload(struct server *server);
int server_recover(struct server *server);
/* The checks that start makes before it changes anything. */
int server_validate(struct server *server);

#endif
