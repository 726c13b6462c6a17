/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the modules of libglr and the project's own programs share.  Grouped by
 * the file that implements it.
 */
#ifndef GLR_PRIVATE_H
#define GLR_PRIVATE_H

#include "glr.h"

#include <sys/types.h>
#include <time.h>

#define GLR__RUNTIME_DIR "/run/glr"
#define GLR__NETNS_DIR "/run/netns"
#define GLR__USER "_glr"
#define GLR__LINK "glr0"	    /* the group's link inside its network namespace */
#define GLR__LIST_SLOT_BYTES (16u << 20) /* room for more than 100 000 clients in each slot */

/* ---- log.c: every line begins with group=NAME --------------------------- */
#include <syslog.h>

/* @param program shown as syslog identity  @param group may be NULL  @param to_stderr also print NOTICE and above */
void glr__log_init(const char *program, const char *group, bool to_stderr);
void glr__log_fini(void);
void glr__log_set_debug(bool on);

#define glr_err(fmt, ...) glr__log(LOG_ERR, fmt, ##__VA_ARGS__)
#define glr_warn(fmt, ...) glr__log(LOG_WARNING, fmt, ##__VA_ARGS__)
#define glr_notice(fmt, ...) glr__log(LOG_NOTICE, fmt, ##__VA_ARGS__)
#define glr_info(fmt, ...) glr__log(LOG_INFO, fmt, ##__VA_ARGS__)
#define glr_debug(fmt, ...) glr__log(LOG_DEBUG, fmt, ##__VA_ARGS__)
void glr__log(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- clock: inline, one clock for every duration ------------------------ */

/* Milliseconds of CLOCK_BOOTTIME: counts through suspend, same for all processes of a node. */
static inline uint64_t glr__now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- fileio.c: the only place with file system calls -------------------- */

int glr__pwrite_all(int fd, const void *data, size_t length, off_t offset);
/* Reads up to length bytes; a short file is no error.  @param got bytes read */
int glr__pread_all(int fd, void *data, size_t length, off_t offset, size_t *got);
int glr__fdatasync(int fd);
int glr__fsync(int fd);
/* Reserves blocks, so that writes inside never need new ones. */
int glr__preallocate(int fd, uint64_t length);
/* Whole small file, NUL added.  @return 0, -EFBIG when longer than size - 1 */
int glr__read_text(int directory_fd, const char *path, char *text, size_t size);
/* One write(2) of the text to an existing file such as one under /proc. */
int glr__write_text(int directory_fd, const char *path, const char *text);
/* Writes a new file beside, syncs, renames over it, syncs the directory. */
int glr__replace_file(int directory_fd, const char *name, const void *data, size_t length, mode_t mode);

/* ---- clientlist.c: the asynchronous half of a change --------------------- */

/*
 * A change is prepared in memory by the owner of the list, written by anybody
 * (a worker thread: it touches only the operation), and committed by the owner.
 * One operation at a time.
 */
struct glr__list_write {
	int fd;
	off_t offset;
	size_t length;	      /* 0: nothing to write, commit at once */
	uint8_t bytes[2048];
};
int glr__list_prepare_add(glr_list_t *list, const char *name, const struct glr_address *address,
			  struct glr__list_write *op);
int glr__list_write(const struct glr__list_write *op); /* pwrite + fdatasync */
/* @param result of the write; an error poisons the list */
int glr__list_commit(glr_list_t *list, int result);

/* ---- cookies.c: what the running lockd gave us, on tmpfs ----------------- */

/*
 * lockd's private data per monitored client, and the recovery window of this
 * lockd incarnation; lives in GLR__RUNTIME_DIR/GROUP/cookies, where a monitor that
 * was restarted finds it.  Same record framing as the client list.
 */
typedef struct glr__cookies glr__cookies_t;

struct glr__cookie {
	char name[GLR_NAME_MAX];
	uint32_t prog, vers, proc;  /* the callback, 100021/3/16 for lockd */
	uint8_t priv[16];
};

struct glr__window {
	uint64_t notify_end_ms, grace_end_ms; /* CLOCK_BOOTTIME */
	bool fresh;
	char identifiers[1024]; /* the group's addresses, comma-separated */
	char names[1024];	/* further names to send, comma-separated; may be empty */
};

int glr__cookies_open(int fd, glr__cookies_t **cookies);
void glr__cookies_close(glr__cookies_t *cookies);
bool glr__cookies_whole(const glr__cookies_t *cookies); /* no damage was found */
int glr__cookies_put(glr__cookies_t *cookies, const struct glr__cookie *cookie);
int glr__cookies_remove(glr__cookies_t *cookies, const char *name);
const struct glr__cookie *glr__cookies_find(const glr__cookies_t *cookies, const char *name);
const struct glr__cookie *glr__cookies_find_address(const glr__cookies_t *cookies, const struct glr_address *address);
size_t glr__cookies_count(const glr__cookies_t *cookies);
int glr__cookies_set_window(glr__cookies_t *cookies, const struct glr__window *window);
const struct glr__window *glr__cookies_window(const glr__cookies_t *cookies); /* NULL: never opened */
int glr__cookies_set_frozen(glr__cookies_t *cookies, bool frozen);
bool glr__cookies_frozen(const glr__cookies_t *cookies);

/* ---- control.c: text over SOCK_SEQPACKET at GLR__RUNTIME_DIR/GROUP/control -- */

/*
 * One request per connection, one packet: a verb and key=value words.  The reply
 * is packets of "key=value" lines; a failed request answers "error=TEXT\n".
 *
 *   status                     -> the fields of struct glr_status
 *   list                       -> a packet per client: name= address= progress= ; then end=1
 *   begin fresh=0|1            -> clients= condition= ; the new NSM state is on disk
 *   recover notify_ms= grace_ms= identifiers=A,B names=X,Y
 *                              -> ok=1 ; then told=N when everybody was sent to once
 *   end-grace                  -> ok=1 ; recovery is over (nobody had anything to reclaim)
 *   freeze                     -> ok=1 ; SM_UNMON is ignored and the NSM listeners are closed
 */
#define GLR__CONTROL_PACKET_MAX 4096

/* Makes and listens on the socket.  @return descriptor or -errno */
int glr__control_listen(const char *group);
/* Sends one request and calls fn for each packet of the reply until fn returns non-zero, the peer closes, or timeout.
 * @return 0, what fn returned, -ENOENT, -ECONNREFUSED, -ETIMEDOUT, or -EREMOTEIO when the reply
 *         was error=TEXT (copied to error, which may be NULL) */
int glr__control_ask(const char *group, const char *request, unsigned timeout_ms,
		     int (*fn)(const char *packet, void *arg), void *arg, char error[256]);
/* Value of key in a text of words or lines "key=value"; the value ends at space or newline,
 * except for the last key of a line, "error" and "last_error", which run to the line's end.  @return 0 or -ENOENT */
int glr__control_value(const char *text, const char *key, char *value, size_t size);
int glr__control_number(const char *text, const char *key, uint64_t *value);
/* struct glr_status to and from text */
size_t glr__status_encode(const struct glr_status *status, char *text, size_t size);
int glr__status_decode(const char *text, struct glr_status *status);

/* ---- rpcmsg.c: NSM, rpcbind and NLM messages (pure) ----------------------- */

#define GLR__NSM_PROG 100024
#define GLR__NLM_PROG 100021
#define GLR__RPCBIND_PROG 100000
#define GLR__RPC_MESSAGE_MAX 4096

enum glr__nsm_proc { /* X/Open NSM version 1 */
	GLR__SM_NULL = 0,
	GLR__SM_STAT = 1,
	GLR__SM_MON = 2,
	GLR__SM_UNMON = 3,
	GLR__SM_UNMON_ALL = 4,
	GLR__SM_SIMU_CRASH = 5,
	GLR__SM_NOTIFY = 6,
};

struct glr__rpc_call {
	uint32_t xid, prog, vers, proc;
	const uint8_t *args; /* into the message */
	size_t args_length;
};

struct glr__sm_mon {
	char mon_name[GLR_NAME_MAX];
	char my_name[GLR_NAME_MAX];
	uint32_t prog, vers, proc;
	uint8_t priv[16];
};

struct glr__sm_notify {
	char mon_name[GLR_NAME_MAX];
	uint32_t state;
};

/* Decoders: 0, or -EBADMSG.  Encoders: bytes written, or -EMSGSIZE. */
int glr__rpc_decode_call(const uint8_t *message, size_t length, struct glr__rpc_call *call);
int glr__rpc_decode_sm_mon(const struct glr__rpc_call *call, struct glr__sm_mon *args);
/* SM_UNMON carries mon_name and my_id; SM_UNMON_ALL my_id only (mon_name stays empty). */
int glr__rpc_decode_sm_unmon(const struct glr__rpc_call *call, struct glr__sm_mon *args);
int glr__rpc_decode_sm_stat(const struct glr__rpc_call *call, char mon_name[GLR_NAME_MAX]);
int glr__rpc_decode_sm_notify(const struct glr__rpc_call *call, struct glr__sm_notify *args);

ssize_t glr__rpc_encode_void(uint32_t xid, uint8_t *out, size_t size);
/* sm_stat_res: result 0 (STAT_SUCC) or 1 (STAT_FAIL), and state */
ssize_t glr__rpc_encode_sm_stat_res(uint32_t xid, uint32_t result, uint32_t state, uint8_t *out, size_t size);
/* sm_stat: state only (answer to SM_UNMON and SM_UNMON_ALL) */
ssize_t glr__rpc_encode_sm_state(uint32_t xid, uint32_t state, uint8_t *out, size_t size);
/* accept_stat of RFC 5531: 1 PROG_UNAVAIL, 2 PROG_MISMATCH (adds low and high 1), 3 PROC_UNAVAIL, 4 GARBAGE_ARGS, 5 SYSTEM_ERR */
ssize_t glr__rpc_encode_error(uint32_t xid, uint32_t accept_stat, uint8_t *out, size_t size);
/* Denied: AUTH_ERROR, AUTH_TOOWEAK */
ssize_t glr__rpc_encode_denied(uint32_t xid, uint8_t *out, size_t size);

ssize_t glr__rpc_encode_null_call(uint32_t xid, uint32_t prog, uint32_t vers, uint8_t *out, size_t size);
ssize_t glr__rpc_encode_sm_notify(uint32_t xid, const char *name, uint32_t state, uint8_t *out, size_t size);
/* NLM SM_NOTIFY downcall to lockd (100021 proc 16): name, state, priv */
ssize_t glr__rpc_encode_nlm_notify(uint32_t xid, const struct glr__cookie *cookie, uint32_t state, uint8_t *out,
				   size_t size);
/* rpcbind version 2 GETPORT (IPv4) and version 4 GETADDR (both families) */
ssize_t glr__rpc_encode_getport(uint32_t xid, uint32_t prog, uint32_t vers, uint32_t protocol, uint8_t *out,
				size_t size);
ssize_t glr__rpc_encode_getaddr(uint32_t xid, uint32_t prog, uint32_t vers, const char *netid,
				const struct glr_address *address, uint8_t *out, size_t size);

struct glr__rpc_reply {
	uint32_t xid;
	bool accepted;	      /* reply_stat */
	uint32_t accept_stat; /* 0 success */
	const uint8_t *results;
	size_t results_length;
};
int glr__rpc_decode_reply(const uint8_t *message, size_t length, struct glr__rpc_reply *reply);
/* @param port 0 when the service is not registered */
int glr__rpc_decode_port(const struct glr__rpc_reply *reply, uint16_t *port);	    /* GETPORT */
int glr__rpc_decode_uaddr_port(const struct glr__rpc_reply *reply, uint16_t *port); /* GETADDR */

/* ---- monitor.c: the NSM server procedures ---------------------------------- */

/*
 * Answers NSM requests over a list and cookies.  Does no network I/O: bytes of one request
 * (without TCP record marks) come in, the reply goes to `send`.  A reply
 * to SM_MON of a new client is sent when its write has returned, or as a failure when the deadline has passed.
 */
typedef struct glr__monitor glr__monitor_t;

struct glr__monitor_ops {
	/* @param token identifies the request, as given to glr__monitor_request */
	void (*send)(void *arg, uint64_t token, const uint8_t *reply, size_t length);
	/* Starts the write elsewhere; glr__monitor_written must follow. */
	void (*write)(void *arg, const struct glr__list_write *op);
	/* The host of this cookie rebooted: tell lockd. */
	void (*downcall)(void *arg, const struct glr__cookie *cookie, uint32_t state);
	/* A client asked for a lock (SM_MON answered with success). */
	void (*seen)(void *arg, const char *name);
	uint32_t (*local_state)(void *arg);
	void *arg;
};

#define GLR__SYNC_DEADLINE_MS 1000
#define GLR__UNMON_DELAY_MS 120000

int glr__monitor_new(glr_list_t *list, glr__cookies_t *cookies, const struct glr__monitor_ops *ops,
		     glr__monitor_t **monitor);
void glr__monitor_free(glr__monitor_t *monitor);
/* @param peer where the request came from; port in host order */
void glr__monitor_request(glr__monitor_t *monitor, uint64_t token, const struct glr_address *peer, uint16_t peer_port,
			  const uint8_t *message, size_t length, uint64_t now_ms);
void glr__monitor_written(glr__monitor_t *monitor, int result, uint64_t now_ms);
/* Expires deadlines and applies late SM_UNMONs.  @return ms until it wants to be called again */
unsigned glr__monitor_tick(glr__monitor_t *monitor, uint64_t now_ms);
void glr__monitor_freeze(glr__monitor_t *monitor);
bool glr__monitor_durable(const glr__monitor_t *monitor);
/* true while a write is under way: the list must not be changed by anybody else */
bool glr__monitor_busy(const glr__monitor_t *monitor);

/* ---- notify.c: the notification engine (pure state machine) ---------------- */

typedef struct glr__notify glr__notify_t;

enum glr__progress {
	GLR__WAITING,	   /* nothing sent yet */
	GLR__SENT,	   /* SM_NOTIFY or its rpcbind query sent */
	GLR__ACKNOWLEDGED, /* every identifier of its family acknowledged */
};

/* A packet the engine wants sent: from the identifier's address to the client. */
struct glr__notify_packet {
	size_t identifier;	    /* index of the server identifier whose socket sends it */
	struct glr_address to;
	uint16_t to_port;	    /* host order */
	bool tcp;		    /* over a new TCP connection, with a record mark added by the sink */
	const uint8_t *bytes;
	size_t length;
};

struct glr__notify_ops {
	/* @return 0, or -EAGAIN to be asked again at the next tick (socket buffer full) */
	int (*send)(void *arg, const struct glr__notify_packet *packet);
	/* Progress of a client changed. */
	void (*progress)(void *arg, const char *name, enum glr__progress progress);
	void *arg;
};

/* @param addresses the group's server identifiers  @param names further names to send, NULL-terminated, may be NULL
 * @param state the NSM state told to every client  @param end_ms nothing is sent from then on */
int glr__notify_new(const struct glr_address *addresses, size_t address_count, const char *const *names,
		    uint32_t state, uint64_t end_ms, const struct glr__notify_ops *ops, glr__notify_t **notify);
void glr__notify_free(glr__notify_t *notify);
int glr__notify_add(glr__notify_t *notify, const char *name, const struct glr_address *address);
/* Sends what is due.  @return ms until it wants to be called again; UINT_MAX when all is done or the window is over */
unsigned glr__notify_tick(glr__notify_t *notify, uint64_t now_ms);
/* A packet came in on an identifier's socket (UDP) or TCP connection. */
void glr__notify_input(glr__notify_t *notify, size_t identifier, const struct glr_address *from, uint16_t from_port,
		       const uint8_t *bytes, size_t length, uint64_t now_ms);
struct glr__notify_counts {
	size_t clients, told, acknowledged;
};
void glr__notify_get_counts(const glr__notify_t *notify, struct glr__notify_counts *counts);
/* @return progress, or -ENOENT */
int glr__notify_progress(const glr__notify_t *notify, const char *name);

/* ---- netns.c: namespaces of a group ---------------------------------------- */

/* see netns.c */

/* ---- grace.c: grace of the group's lock manager, in the caller's namespace -- */

/* @return 1 in grace, 0 ended, or -errno.  @param fd /proc/fs/lockd/nlm_end_grace, or -1 to open it */
int glr__grace_active(int fd);
int glr__grace_end(void);

#endif
