/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libglr: lock recovery for one service group.
 *
 * A function that can fail returns 0 or a negative errno value and hands its
 * result out through its last pointer.  Durations carry their unit in their
 * name.  Nothing in the library reads the environment, forks or exits, and it
 * logs through libqb only what it handles itself.
 */
#ifndef GLR_H
#define GLR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GLR_GROUP_MAX 64	/* longest group name, a host name (RFC 1123), with NUL */
#define GLR_NAME_MAX 1025	/* longest monitored name, SM_MAXSTRLEN of X/Open NSM, with NUL */
#define GLR_ADDRESS_TEXT_MAX 64 /* an address as text, with scope and NUL */

/* ---- addresses (address.c) ------------------------------------------- */

/* An IP address.  IPv4-mapped IPv6 addresses are always stored as IPv4. */
struct glr_address {
	sa_family_t family;  /* AF_INET, AF_INET6, or AF_UNSPEC for none */
	uint8_t bytes[16];   /* network order; IPv4 uses the first four */
	uint32_t scope_id;   /* link-local IPv6 only */
};

/* @param text as inet_pton(3) takes it; an IPv6 address may have a scope, as a number: "fe80::1%2"
 * @return 0, or -EINVAL when text is no such address; no name is looked up */
int glr_address_parse(const char *text, struct glr_address *address);

/* @return buffer, which holds the canonical text (RFC 5952), or nothing for AF_UNSPEC */
const char *glr_address_text(const struct glr_address *address, char buffer[GLR_ADDRESS_TEXT_MAX]);

/* @return whether both are the same; a scope counts, and two of AF_UNSPEC are */
bool glr_address_equal(const struct glr_address *a, const struct glr_address *b);

/* @return 0, or -EAFNOSUPPORT for anything but AF_INET and AF_INET6. */
int glr_address_from_sockaddr(const struct sockaddr *sa, struct glr_address *address);

/* @param port host order
 * @return the length of the socket address written, in bytes; 0 for AF_UNSPEC */
socklen_t glr_address_to_sockaddr(const struct glr_address *address, uint16_t port,
				  struct sockaddr_storage *sa);

/* ---- the client list (clientlist.c) ----------------------------------- */

/* The format on disk is described in glr-clients(5). */
typedef struct glr_list glr_list_t;

enum glr_list_condition {
	GLR_LIST_CLEAN,	   /* every record was read */
	GLR_LIST_TORN,	   /* the last write was cut off by a power failure; nothing acknowledged is lost */
	GLR_LIST_SALVAGED, /* damaged in the middle; every valid client was kept, others may be missing */
	GLR_LIST_MISSING,  /* made anew beside other state of the group: clients may be missing */
};

struct glr_list_facts {
	char group[GLR_GROUP_MAX];
	enum glr_list_condition condition;
	uint64_t generation; /* of the slot in use */
	uint64_t epoch;	     /* lockd incarnations so far */
	uint32_t nsm_state;  /* odd; even before the first epoch */
	bool recovery_ended; /* the last epoch's recovery was written as ended */
	size_t clients;	     /* to be told at the next takeover */
	size_t missed;	     /* struck off because they never answered */
	size_t v4_clients;     /* NFSv4 clients with state, or with state to reclaim; none of them counts above */
	size_t v4_recoverable; /* of them, those that may reclaim in this grace period */
	bool v4_in_grace;      /* nfsd's grace period was begun, and is not done */
	uint64_t used_bytes, slot_bytes;
	bool damaged; /* a file was when it was opened; SALVAGED also says so of a list that is whole again */
	int error; /* 0, or the -errno that poisoned the list */
};

enum glr_list_kind {
	GLR_LIST_NSM,	/* NFSv3, to be told at the next takeover */
	GLR_LIST_NFSV4, /* finds out by itself */
};

struct glr_list_client {
	enum glr_list_kind kind;
	/* mon_name of SM_MON.  Of NFSv4 what the client calls itself: printable ASCII but the backslash as it is, other
	 * bytes as \xNN, at most 1024 characters (a longer one ends with "...").  Valid during the call only. */
	const char *name;
	struct glr_address address; /* of no family for NFSv4 */
	bool missed;		    /* NSM: never answered */
	bool current;		    /* NFSv4: has state, or has reclaimed it, in this epoch */
};

/*
 * Makes the two slots "clients.0" and "clients.1" in a directory, preallocated
 * and empty, and syncs them and the directory.  An existing slot is an error.
 * @param slot_bytes of each slot; a multiple of 4096, and at least 24576
 * @param missing the group had other state: the list says so until a recovery has ended
 * @return 0, -EEXIST, -EINVAL (group, slot_bytes), or an error of the file system
 */
int glr_list_format(int directory_fd, const char *group, uint64_t slot_bytes, bool missing);

/*
 * Opens the list through two descriptors (O_RDWR; O_RDONLY for a look only, every change is then -EROFS),
 * which stay the caller's: to be closed after glr_list_close().
 * A torn last record is cut off; damage before valid records is salvaged into
 * memory, and the next write that needs it goes to the other slot.
 * @param group the group it must belong to, or NULL for any
 * @return 0, -EBADMSG (no slot is a client list), -EXDEV (another group's
 *         list), -EPROTONOSUPPORT (newer format), -ENOMEM, or a read error
 */
int glr_list_open(int slot0_fd, int slot1_fd, const char *group, glr_list_t **list);
/* Frees the list, which may be NULL; what was changed is on disk already. */
void glr_list_close(glr_list_t *list);

/* Of the list in memory; reads nothing. */
void glr_list_get_facts(const glr_list_t *list, struct glr_list_facts *facts);
/* @return whether the client is to be told at the next takeover: on the list, and not missed */
bool glr_list_contains(const glr_list_t *list, const char *name);

/* Calls fn for every client (missed ones too) in the order they were added, NFSv4 clients last; stops when fn
 * returns non-zero.
 * @return 0 or what fn returned */
int glr_list_foreach(const glr_list_t *list, int (*fn)(const struct glr_list_client *client, void *arg),
		     void *arg);

/*
 * Each of the following is on disk, synced, when it returns 0.  After a write
 * error the list is poisoned and every further change returns that error:
 * a write error, or -ESTALE when somebody else has written to the list.
 * All return -EROFS for a list that was opened for a look only.
 */

/* Adds a client; known clients cost no write, a missed one is added again.
 * @param name mon_name of SM_MON (X/Open NSM); the address may be of no family
 * @return 0, -EINVAL (name: empty, too long, or with spaces or control characters), -ENOSPC (slots full), -ENOMEM,
 *         or the write error */
int glr_list_add(glr_list_t *list, const char *name, const struct glr_address *address);

/* Takes a client off the list, for SM_UNMON.
 * @return 0, -ENOENT, or the write error */
int glr_list_remove(glr_list_t *list, const char *name);

/* Strikes a client off: it lost its locks, and is not told to reclaim at the next takeover.
 * @return 0, -ENOENT, or the write error */
int glr_list_mark_missed(glr_list_t *list, const char *name);

/* Begins a recovery: the NSM state advances by two, the epoch by one when fresh.
 * @param fresh lockd runs in a newly made network namespace
 * @return 0, -ENOSPC (slots full), -ENOMEM, or the write error */
int glr_list_begin_epoch(glr_list_t *list, bool fresh);

/* Writes that the recovery of this epoch has ended.
 * @return 0, -ENOSPC (slots full), -ENOMEM, or the write error */
int glr_list_end_recovery(glr_list_t *list);

/* Rewrites the list into the other slot without dead records, and makes room ahead.
 * @return 0, -ENOMEM, or the write error */
int glr_list_compact(glr_list_t *list);

/* ---- the control socket (control.c) ------------------------------------ */

enum glr_phase {
	GLR_PHASE_PREPARED,   /* started, not open: no threads, no locks */
	GLR_PHASE_RECOVERING, /* open, in its grace period */
	GLR_PHASE_SERVING,    /* open, grace is over */
	GLR_PHASE_CLOSED,     /* list frozen, locks dropped */
};

struct glr_status {
	char group[GLR_GROUP_MAX];
	enum glr_phase phase;
	uint64_t grace_left_ms; /* upper bound; 0 outside grace */
	uint64_t clients;	/* on the list, of NFSv3 */
	uint64_t v4_clients;	/* on the list, of NFSv4 */
	uint64_t told;		/* sent to at least once in this recovery */
	uint64_t acknowledged;	/* acknowledged every identifier in this recovery */
	uint64_t seen;		/* asked for a lock (SM_MON) in this epoch */
	uint64_t missed;	/* never answered in this epoch's recovery */
	uint64_t epoch;
	uint32_t nsm_state;
	enum glr_list_condition condition;
	bool durable;	      /* new clients can be written */
	char last_error[256]; /* empty, or one line */
};

/* Asks the status monitor of a group on this node, through its control socket (glr-statd(8)).
 * @param timeout_ms for the whole exchange
 * @return 0, -EINVAL (group), -ENOENT (group not started here), -EACCES (the socket is root's),
 *         -ECONNREFUSED (monitor dead), -ETIMEDOUT, -EREMOTEIO (it refuses), -EBADMSG (its answer is none) */
int glr_status_get(const char *group, unsigned timeout_ms, struct glr_status *status);

/* @return one word for people, constant; "unknown" for a value that this library does not know */
const char *glr_phase_text(enum glr_phase phase);
const char *glr_condition_text(enum glr_list_condition condition);
const char *glr_list_kind_text(enum glr_list_kind kind);

/* ---- the cluster's view (cib.c) ----------------------------------------- */

/* One service group as the cluster's XML shows it. */
struct glr_cluster_group {
	char group[GLR_GROUP_MAX];     /* parameter "group" of ocf:glr:nfsserver */
	char resource_group[256];      /* id of the Pacemaker group around it; empty if none */
	char nfsserver[256];	       /* id of the ocf:glr:nfsserver resource */
	char lockrecover[256];	       /* id of the ocf:glr:lockrecover resource; empty if none */
	char directory[1024];	       /* parameter "directory" */
	char state_dir[1024];	       /* parameter "state_dir"; empty when left to its default */
	char exports_file[1024];       /* parameter "exports_file"; empty when left to its default */
	char link[64];		       /* parameter "link"; empty when left to its default */
	char nic[64];		       /* parameter "nic"; empty when not given */
	char devices[1024];	       /* parameter "device" of the ocf:glr:device beside it; empty if none */
	char *exports;		       /* parameter "exports", lines of exports(5); NULL when not given */
	char node[256];		       /* where it runs, from crm_mon; empty if nowhere */
	char attribute[4096];	       /* that node's attribute "glr-GROUP", which says how it is doing; empty if none */
};

struct glr_cluster {
	bool have_quorum;
	bool fencing_enabled;
	char no_quorum_policy[32]; /* empty when left to its default, "stop" */
	size_t group_count;
	struct glr_cluster_group *groups;
};

/*
 * Reads the output of `crm_mon --output-as=xml` and of `cibadmin --query`, without running them.
 * @param cluster to be freed by glr_cluster_free(); NULL after an error
 * @param crm_mon_xml may be NULL: nodes and quorum are then unknown (empty, false)
 * @return 0, -EBADMSG (not that XML, a DOCTYPE in it, or more than 16 MiB of it), -ENOMEM
 */
int glr_cluster_parse(const char *crm_mon_xml, const char *cib_xml, struct glr_cluster **cluster);
/* @param cluster may be NULL */
void glr_cluster_free(struct glr_cluster *cluster);

#ifdef __cplusplus
}
#endif
#endif
