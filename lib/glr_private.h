/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the modules of libglr and the project's own programs share.  Grouped by
 * the file that implements it.
 */
#ifndef GLR_PRIVATE_H
#define GLR_PRIVATE_H

#include "glr.h"

#include <endian.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define GLR__RUNTIME_DIR "/run/glr"
#define GLR__NETNS_DIR "/run/netns"
#define GLR__USER "_glr"
#define GLR__LINK "glr0"	    /* the group's link inside its network namespace */
#define GLR__LIST_SLOT_BYTES (16u << 20) /* of a new list; it grows */

/* ---- log.c: every line begins with group=NAME --------------------------- */
#include <syslog.h>

/* @param program shown as syslog identity  @param group may be NULL  @param to_stderr also print NOTICE and above */
void glr__log_init(const char *program, const char *group, bool to_stderr);
void glr__log_fini(void);
/* From now on DEBUG lines too. */
void glr__log_debug(void);

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

/* ---- address.c ------------------------------------------------------------ */

/* A group's name becomes a host name and a namespace's name: one label of RFC 1123, 2.1. */
bool glr__group_valid(const char *group);

/* ---- fileio.c: the only place with file system calls -------------------- */

int glr__pwrite_all(int fd, const void *data, size_t length, off_t offset);
/* Reads up to length bytes; a short file is no error.  @param got bytes read */
int glr__pread_all(int fd, void *data, size_t length, off_t offset, size_t *got);
int glr__fdatasync(int fd);
int glr__fsync(int fd);
/* @return 0, or -EROFS when the file system is, or was made, read-only: writes may still seem to succeed */
int glr__check_writable(int fd);
/* Reserves blocks, so that writes inside never need new ones. */
int glr__preallocate(int fd, uint64_t length);
/* Whole small file, NUL added.  @return 0, -EFBIG when longer than size - 1 */
int glr__read_text(int directory_fd, const char *path, char *text, size_t size);
/* One write(2) of the text to an existing file such as one under /proc. */
int glr__write_text(int directory_fd, const char *path, const char *text);
/* Writes a new file beside, syncs, renames over it, syncs the directory. */
int glr__replace_file(int directory_fd, const char *name, const void *data, size_t length, mode_t mode);
int glr__truncate(int fd, uint64_t length);
/* Gives the blocks of a range back; the range then reads as zeros. */
int glr__punch_hole(int fd, uint64_t offset, uint64_t length);
int glr__file_size(int fd, uint64_t *length);
int glr__file_writable(int fd, bool *writable);
/* @return descriptor, or -errno: -EEXIST */
int glr__open_new(int directory_fd, const char *name, mode_t mode);
/* @return descriptor, or -errno */
int glr__open_read(int directory_fd, const char *name);
/* @return 0, or -errno: -EEXIST when there is something called to */
int glr__rename_new(int directory_fd, const char *from, const char *to);
int glr__unlink(int directory_fd, const char *name);
int glr__random(void *data, size_t length);

/* ---- record.c: the framing of records on disk, glr-clients(5) ------------- */

#define GLR__RECORD_HEAD 16 /* crc32c 4, payload length 2, type 1, check of length and type 1, sequence 8 */
#define GLR__RECORD_PAYLOAD_MAX 2560
#define GLR__RECORD_FRAME_MAX (GLR__RECORD_HEAD + GLR__RECORD_PAYLOAD_MAX)

enum glr__record_type { /* numbers on disk: never reused */
	GLR__RECORD_ADD = 1,
	GLR__RECORD_DEL = 2,
	GLR__RECORD_MISSED = 3,
	GLR__RECORD_EPOCH = 4,
	GLR__RECORD_END = 5,
	GLR__RECORD_V4_CLIENT = 6,
	GLR__RECORD_V4_GRACE = 7,
	GLR__RECORD_COOKIE = 16,
	GLR__RECORD_UNCOOKIE = 17,
	GLR__RECORD_WINDOW = 18,
	GLR__RECORD_FROZEN = 19,
	GLR__RECORD_ACKNOWLEDGED = 20,
};

struct glr__record {
	uint8_t type; /* 1 to 255 */
	uint64_t sequence;
	const uint8_t *payload;
	size_t length;
};

struct glr__client_record { /* payload of ADD */
	const char *name; /* not terminated */
	size_t name_length;
	struct glr_address address;
	bool missed;
};

/* Little-endian integers at any alignment. */
#define GLR__ENDIAN(bits)                                                                                      \
	static inline void glr__put##bits(uint8_t *out, uint##bits##_t value)                                 \
	{                                                                                                      \
		value = htole##bits(value);                                                                    \
		memcpy(out, &value, sizeof(value));                                                            \
	}                                                                                                      \
	static inline uint##bits##_t glr__get##bits(const uint8_t *in)                                        \
	{                                                                                                      \
		uint##bits##_t value;                                                                          \
                                                                                                               \
		memcpy(&value, in, sizeof(value));                                                             \
		return le##bits##toh(value);                                                                   \
	}
GLR__ENDIAN(16)
GLR__ENDIAN(32)
GLR__ENDIAN(64)
#undef GLR__ENDIAN

uint32_t glr__crc32c(uint32_t crc, const void *data, size_t length);
/* What every checksum of one generation starts from: records of another one, or forged ones, do not fit. */
uint32_t glr__record_seed(uint64_t salt, uint64_t generation);
/* Bytes a record with this payload takes: a multiple of 8. */
size_t glr__record_frame(size_t payload_length);
/* Bytes the head says its record takes, or 0 when the head is damaged.  The rest is not looked at. */
size_t glr__record_declared(const uint8_t *bytes, size_t available);
/* @return bytes written, or -EMSGSIZE */
int glr__record_encode(uint32_t seed, const struct glr__record *record, uint8_t *out, size_t size);
/* @return bytes the record takes, or -EBADMSG; its payload points into bytes */
int glr__record_decode(uint32_t seed, const uint8_t *bytes, size_t available, struct glr__record *record);
/* Makes a valid record one of another generation. */
void glr__record_move(uint32_t seed, uint64_t sequence, uint8_t *bytes);
/* @return bytes written, or -EMSGSIZE */
int glr__record_encode_client(const struct glr__client_record *client, uint8_t *out, size_t size);
/* @return 0 or -EBADMSG; the name points into the record */
int glr__record_decode_client(const struct glr__record *record, struct glr__client_record *client);

#define GLR__V4_ID_MAX 1024 /* NFS4_OPAQUE_LIMIT, RFC 8881 */
#define GLR__V4_HASH 32	    /* SHA-256 */

struct glr__v4_client {
	uint8_t id[GLR__V4_ID_MAX]; /* what the client calls itself, opaque */
	size_t id_length;	    /* 1 and up */
	uint8_t hash[GLR__V4_HASH]; /* of its principal; zeros without one */
	bool has_hash;
};

struct glr__v4_record { /* payload of V4_CLIENT; both epochs 0: struck off */
	struct glr__v4_client client;
	uint32_t current;  /* the epoch it was recorded in last */
	uint32_t previous; /* the one before, while it may still be reclaimed from */
};

/* Bytes of payload for an identifier of so many bytes. */
size_t glr__record_v4_length(size_t id_length);
/* @return bytes written, or -EMSGSIZE */
int glr__record_encode_v4(const struct glr__v4_record *v4, uint8_t *out, size_t size);
/* @return 0 or -EBADMSG */
int glr__record_decode_v4(const struct glr__record *record, struct glr__v4_record *v4);

/* ---- table.c: names in constant time, in the order they came --------------- */

struct glr__node { /* the first member of what is stored, which malloc() made */
	struct glr__node *next, *before; /* in the order of insertion */
	const char *name;
	uint32_t hash, length; /* of the name; the hash is not 0 */
};

struct glr__table_index {
	struct glr__node **nodes;
	uint32_t *hashes; /* of the nodes, in the same memory behind them; 0: no node */
	size_t size;	  /* a power of two */
};

struct glr__table { /* starts zeroed */
	struct glr__node *first, *last;
	size_t count;
	struct glr__table_index index, old; /* old: being copied, a few nodes at a time */
	struct glr__node *unmoved;
	size_t old_count; /* nodes that are in old only */
	uint64_t seed;
};

/* Makes room for one node, so that the insertion cannot fail.  @return 0 or -ENOMEM */
int glr__table_reserve(struct glr__table *table);
/* After glr__table_reserve(); the name must not be in the table. */
void glr__table_insert(struct glr__table *table, struct glr__node *node);
struct glr__node *glr__table_find(const struct glr__table *table, const char *name);
/* The same for names that may hold any byte. */
void glr__table_insert_key(struct glr__table *table, struct glr__node *node, size_t length);
struct glr__node *glr__table_find_key(const struct glr__table *table, const void *key, size_t length);
/* Does not free the node. */
void glr__table_remove(struct glr__table *table, struct glr__node *node);
/* Frees every node. */
void glr__table_clear(struct glr__table *table);

/* ---- clientlist.c: the asynchronous half of a change --------------------- */

/*
 * A change is prepared in memory by the owner of the list, written by anybody
 * (a worker thread: it touches only the operation), and committed by the owner.
 * One operation at a time: every change in between is -EBUSY.
 */
struct glr__list_upkeep;
struct glr__list_write {
	int fd;
	off_t offset;
	size_t length; /* 0: nothing to write, commit at once */
	uint8_t bytes[2048];
	int other_fd; /* the other slot, which shows whether somebody else has gone on with the list */
	uint64_t generation;
	struct glr__list_upkeep *upkeep; /* a step of it is written instead of bytes */
};
/* Of all that prepare: @return 0, -EAGAIN (after the rewriting that is wanted now: upkeep), -EBUSY, -EROFS, -ENOSPC, -ENOMEM,
 * or the error that poisoned the list.  Also -EINVAL (a name that is none), -ENOENT. */
int glr__list_prepare_add(glr_list_t *list, const char *name, const struct glr_address *address,
			  struct glr__list_write *op);
int glr__list_prepare_remove(glr_list_t *list, const char *name, struct glr__list_write *op);
int glr__list_prepare_missed(glr_list_t *list, const char *name, struct glr__list_write *op);
int glr__list_prepare_begin(glr_list_t *list, bool fresh, struct glr__list_write *op);
int glr__list_prepare_end(glr_list_t *list, struct glr__list_write *op);
/* Writes and syncs.  @return 0, -EROFS (the file system was made read-only meanwhile), -ESTALE (somebody else writes this
 * list), or the error of the write or the sync */
int glr__list_write(const struct glr__list_write *op);
/* @param result of the write; an error poisons the list */
int glr__list_commit(glr_list_t *list, int result);
/* Poisons a list whose file system was made read-only: overwriting might still seem to succeed.  @return 0 or the error */
int glr__list_check(glr_list_t *list);

/* ---- clientlist_upkeep.c: room ahead, without making anybody wait ------------- */

/*
 * The other slot is enlarged, and the list rewritten into it, in steps of a few milliseconds, beside the changes: a second
 * worker writes a step while the first one writes a change.  Only the last step, which switches to the
 * other slot, is a change itself.
 */

/* Both slots are reserved for 100 000 clients more than there are.  @return 0 (op->length 0: nothing is to be done, or the
 * switch is), -EBUSY (a step is under way), -ENOMEM, or the error that poisoned the list */
int glr__list_prepare_upkeep(glr_list_t *list, struct glr__list_write *op);
/* @param result of the write; an error poisons the list, but for a full file system */
int glr__list_upkeep_done(glr_list_t *list, int result);
/* The switch, when it is due, else op->length is 0; committed with glr__list_commit(). */
int glr__list_prepare_switch(glr_list_t *list, struct glr__list_write *op);

/* ---- clientlist_slot.c ----------------------------------------------------------- */

/*
 * Copies every damaged slot to "clients.broken-TIME.SLOT" beside it, synced.  Until it is copied nothing more is
 * lost: the list is rewritten into the other slot, and the damaged one is not touched before the rewriting after
 * that.  Uses free space only: where there is none, the beginnings of the copy are removed.
 * @param list NULL when glr_list_open() said -EBADMSG: both slots are copied
 * @return 0 (also when no slot is damaged), -ENOSPC, -EEXIST (twice in one second), or another error of the file system
 */
int glr__list_keep_broken(int directory_fd, const glr_list_t *list);

/* ---- clientlist_v4.c: NFSv4 clients, as nfsd tells its tracking daemon ------ */

/*
 * A client is current from its add on.  While nfsd is in grace, those that were current when grace began are
 * recoverable: they may reclaim.  Grace done strikes off who is not current.  Grace that begins again before
 * it was done (the server died in it) finds the same recoverable ones, and forgets what came meanwhile.
 * Prepared, written and committed like the changes above; op->length is 0 when there is nothing to write.
 */

/* @return 0, -EINVAL (identifier empty or too long), -ENOSPC, -ENOMEM, -EBUSY, or the error that poisoned the list */
int glr__list_prepare_v4_add(glr_list_t *list, const struct glr__v4_client *client, struct glr__list_write *op);
/* No longer current; a recoverable client stays so until grace is done.  @return 0, -ENOENT, or as add */
int glr__list_prepare_v4_remove(glr_list_t *list, const struct glr__v4_client *client, struct glr__list_write *op);
int glr__list_prepare_v4_grace_begin(glr_list_t *list, struct glr__list_write *op);
int glr__list_prepare_v4_grace_done(glr_list_t *list, struct glr__list_write *op);
/* @return 0 or what fn returned; fn must not change the list */
int glr__list_v4_foreach_recoverable(const glr_list_t *list, int (*fn)(const struct glr__v4_client *client, void *arg),
				     void *arg);
bool glr__list_v4_may_reclaim(const glr_list_t *list, const void *id, size_t length);


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

/* @param fd O_RDWR, stays the caller's; an empty file is a new table */
int glr__cookies_open(int fd, glr__cookies_t **cookies);
void glr__cookies_close(glr__cookies_t *cookies);
bool glr__cookies_whole(const glr__cookies_t *cookies); /* no damage was found, ever */
int glr__cookies_put(glr__cookies_t *cookies, const struct glr__cookie *cookie);
int glr__cookies_remove(glr__cookies_t *cookies, const char *name);
/* The cookie found is valid until the next find. */
const struct glr__cookie *glr__cookies_find(const glr__cookies_t *cookies, const char *name);
const struct glr__cookie *glr__cookies_find_address(const glr__cookies_t *cookies, const struct glr_address *address);
size_t glr__cookies_count(const glr__cookies_t *cookies);
/* Given by the lockd that runs now: a window with grace_end_ms 0 begins a new incarnation of it. */
bool glr__cookies_seen(const glr__cookies_t *cookies, const char *name);
size_t glr__cookies_count_seen(const glr__cookies_t *cookies);
int glr__cookies_set_window(glr__cookies_t *cookies, const struct glr__window *window);
const struct glr__window *glr__cookies_window(const glr__cookies_t *cookies); /* NULL: never opened */
/* Who acknowledged in the recovery of this incarnation: whoever goes on with it tells the others.
 * @return 0, -EINVAL (name), -ENOMEM, or an error of the file system */
int glr__cookies_acknowledge(glr__cookies_t *cookies, const char *name);
bool glr__cookies_acknowledged(const glr__cookies_t *cookies, const char *name);
size_t glr__cookies_count_acknowledged(const glr__cookies_t *cookies);
int glr__cookies_set_frozen(glr__cookies_t *cookies, bool frozen);
bool glr__cookies_frozen(const glr__cookies_t *cookies);

/* ---- control.c: text over SOCK_SEQPACKET at GLR__RUNTIME_DIR/GROUP/control -- */

/*
 * One request per connection, one packet: a verb and key=value words.  The reply
 * is packets of "key=value" lines; a failed request answers "error=TEXT\n".
 *
 *   status                     -> the fields of struct glr_status
 *   list                       -> a packet per client: name= address= kind= progress= ; then end=1
 *   begin fresh=0|1            -> clients= condition= ; the new NSM state is on disk
 *   recover notify_ms= grace_ms= identifiers=A,B names=X,Y
 *                              -> ok=1 ; then told=N when everybody was sent to once
 *   end-grace                  -> ok=1 ; the recovery is over: who has not come back is missed, on disk
 *   import names=A,B           -> ok=1 ; these clients are on the list, on disk
 *   release name=A             -> ok=1 ; lockd has dropped this client's locks
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
 * except for the last key of a line, "name", "error" and "last_error", which run to the line's end.  @return 0, -ENOENT, -EMSGSIZE,
 * from _number also -EBADMSG */
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

/* ---- cldmsg.c: nfsd's questions about NFSv4 clients (pure) ------------------- */

#define GLR__CLD_MESSAGE_MAX 1067 /* struct cld_msg_v2 of <linux/nfsd/cld.h> */

struct glr__cld_upcall {
	uint8_t version; /* 1 or 2: of the answer too */
	uint8_t command; /* enum cld_command of <linux/nfsd/cld.h> */
	uint32_t xid;
	struct glr__v4_client client; /* of Create, Remove and Check */
};

/* The upcall that is being answered, in memory that outlives who answers it. */
struct glr__cld_kept {
	uint64_t pipe;	  /* st_ino: upcalls of another nfsd mean nothing */
	uint64_t tracked; /* st_ino of the pipe over which GraceStart was answered with success */
	uint8_t message[GLR__CLD_MESSAGE_MAX]; /* begins with 0: none */
};

/* @return bytes of every message of this version, 0 when there is no such version */
size_t glr__cld_length(uint8_t version);
/* @return 0, or -EBADMSG: it can be answered all the same when upcall->version is not 0 */
int glr__cld_decode(const uint8_t *bytes, size_t length, struct glr__cld_upcall *upcall);
/* The answer that ends an upcall; to GetVersion it says 2.  @param status 0 or -errno  @return its length */
size_t glr__cld_encode_status(const struct glr__cld_upcall *upcall, int status,
			      uint8_t out[GLR__CLD_MESSAGE_MAX]);
/* One of the answers to GraceStart that come before: a client that may reclaim.  @return its length */
size_t glr__cld_encode_client(const struct glr__cld_upcall *upcall, const struct glr__v4_client *client,
			      uint8_t out[GLR__CLD_MESSAGE_MAX]);

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
	/* The same beside it, in another thread; glr__monitor_upkept must follow. */
	void (*upkeep)(void *arg, const struct glr__list_write *op);
	/* The host of this cookie rebooted: tell lockd. */
	void (*downcall)(void *arg, const struct glr__cookie *cookie, uint32_t state);
	/* A client asked for a lock (SM_MON answered with success). */
	void (*seen)(void *arg, const char *name);
	uint32_t (*local_state)(void *arg);
	/* The change of glr__monitor_v4() is on disk (result 0), or is not. */
	void (*v4_done)(void *arg, int result);
	/* The epoch of GLR__CHANGE_BEGIN is on disk (result 0), or is not. */
	void (*begun)(void *arg, int result);
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
void glr__monitor_upkept(glr__monitor_t *monitor, int result, uint64_t now_ms);
/* Expires deadlines and applies late SM_UNMONs.  @return ms until it wants to be called again */
unsigned glr__monitor_tick(glr__monitor_t *monitor, uint64_t now_ms);
/*
 * Changes that no request waits for, queued behind those that do.  A client with a cookie (it asked for a lock
 * meanwhile) is left alone.  @param name a canonical address; NULL for the last three
 * @return 0, -ENOMEM, or -EPERM when frozen
 */
enum glr__change {
	GLR__CHANGE_ADD, /* a client that lockd has not reported */
	GLR__CHANGE_REMOVE,
	GLR__CHANGE_MISSED,
	GLR__CHANGE_END,	 /* the recovery of this epoch has ended */
	GLR__CHANGE_BEGIN,	 /* another one begins: ops.begun follows, possibly before this returns */
	GLR__CHANGE_BEGIN_FRESH, /* the same, in a new network namespace */
};
int glr__monitor_change(glr__monitor_t *monitor, enum glr__change kind, const char *name, uint64_t now_ms);
/*
 * Changes that nfsd waits for, one at a time, in turn with SM_MONs.  They have no deadline, and a frozen monitor makes
 * them too: nfsd cannot be refused.  ops.v4_done follows, possibly before this returns.
 */
enum glr__v4_change {
	GLR__V4_ADD,
	GLR__V4_REMOVE,
	GLR__V4_GRACE_BEGIN,
	GLR__V4_GRACE_DONE,
};
/* @param client is copied; not looked at for the last two  @return 0, or -EBUSY while one is under way */
int glr__monitor_v4(glr__monitor_t *monitor, enum glr__v4_change change, const struct glr__v4_client *client,
		    uint64_t now_ms);
/* Frozen: SM_UNMON does nothing, SM_MON fails, what was queued is dropped. */
void glr__monitor_freeze(glr__monitor_t *monitor);
bool glr__monitor_durable(const glr__monitor_t *monitor);
/* Whether no change is queued or being written any more.
 * @param error 0, or why not all that was queued since it was so the last time is on disk */
bool glr__monitor_settled(const glr__monitor_t *monitor, int *error);
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

/* The sink closes a TCP connection that has not been answered after so long (at most LIMIT are asked for in that
 * time), and every one when the window ends: what waits in them must not arrive after it. */
#define GLR__NOTIFY_TCP_MS 2000
#define GLR__NOTIFY_TCP_LIMIT 256

/* Neither function may call back into the engine. */
struct glr__notify_ops {
	/* @return 0, or -EAGAIN when nothing more can be sent (buffer full, too many connections): asked again at
	 *         the next tick, each identifier's UDP and TCP apart; any other error counts as a packet lost on its way */
	int (*send)(void *arg, const struct glr__notify_packet *packet);
	/* Progress of a client changed; may be NULL. */
	void (*progress)(void *arg, const char *name, enum glr__progress progress);
	void *arg;
};

/* @param addresses the group's server identifiers  @param names further names to send, NULL-terminated, may be NULL
 * @param state the NSM state told to every client  @param end_ms nothing is sent from then on
 * @return 0, -EINVAL (no address, one of no family, or a name empty or too long), or -ENOMEM */
int glr__notify_new(const struct glr_address *addresses, size_t address_count, const char *const *names,
		    uint32_t state, uint64_t end_ms, const struct glr__notify_ops *ops, glr__notify_t **notify);
void glr__notify_free(glr__notify_t *notify);
/* A name already added is no error and changes nothing.  Nothing is sent before the next tick.
 * @param address AF_UNSPEC when the name is none: such a client is counted and never told
 * @return 0, -EINVAL (name), -ENOMEM, or the error of glr__random() */
int glr__notify_add(glr__notify_t *notify, const char *name, const struct glr_address *address);
/* Sends what is due.  Call it again after the time returned, and after every batch of input.
 * @return ms until it wants to be called again; UINT_MAX when all is done or the window is over */
unsigned glr__notify_tick(glr__notify_t *notify, uint64_t now_ms);
/* A packet came in on an identifier's socket (UDP) or TCP connection.  Room in the window is used at once. */
void glr__notify_input(glr__notify_t *notify, size_t identifier, const struct glr_address *from, uint16_t from_port,
		       const uint8_t *bytes, size_t length, uint64_t now_ms);
/* The caller will say who comes back to lockd: clients are told at the pace at which it
 * takes them, but all of them in time. */
void glr__notify_await(glr__notify_t *notify);
/* Before the first tick: this client acknowledged to somebody else, and is not told again. */
void glr__notify_acknowledged(glr__notify_t *notify, const char *name);
/* SM_MON came for this client.  @return whether others are to be told now, at the next tick */
bool glr__notify_back(glr__notify_t *notify, const char *name, uint64_t now_ms);
/* Everybody was sent to once when told + unaddressed == clients. */
struct glr__notify_counts {
	size_t clients;
	size_t told; /* sent to at least once from every identifier of its family */
	size_t acknowledged;
	size_t unaddressed; /* no address, or no identifier of its family: never told */
};
void glr__notify_get_counts(const glr__notify_t *notify, struct glr__notify_counts *counts);
/* @return progress, or -ENOENT */
int glr__notify_progress(const glr__notify_t *notify, const char *name);
/* @return whether this client is told at all: it has an address, and an identifier is of its family */
bool glr__notify_addressed(const glr__notify_t *notify, const char *name);

/* ---- netns.c: namespaces of a group ---------------------------------------- */

enum glr__ns_kind {
	GLR__NS_NET,
	GLR__NS_UTS,
	GLR__NS_MNT,
	GLR__NS_KINDS,
};

/* Makes the directories of the pins mounts of their own.  @return 0 or -errno */
int glr__netns_prepare_dirs(void);

/*
 * Makes and pins the three namespaces of a group; the caller, which must have
 * one thread only, is back in its own when this returns.  Pinned only when
 * setup, which runs inside with the node's mounts as slaves, returned 0.
 * @return 0, what setup returned, or -errno
 */
int glr__netns_make(const char *group, int (*setup)(void *arg), void *arg);

/* Enters all three.  @return 0, -ENOENT (no such group here), or -errno */
int glr__netns_enter(const char *group);
int glr__netns_enter_one(const char *group, enum glr__ns_kind kind);

/* @return a descriptor of the pinned namespace, -ENOENT, or -errno */
int glr__netns_open(const char *group, enum glr__ns_kind kind);
int glr__netns_inode(const char *group, enum glr__ns_kind kind, uint64_t *inode);

/* Takes the pins away; namespaces without processes cease to exist.  @return 0 or -errno */
int glr__netns_delete(const char *group);

/* ---- grace.c: grace of the group's lock manager, in the caller's namespace -- */

/* @return 1 in grace, 0 ended, or -errno.  @param fd /proc/fs/lockd/nlm_end_grace, or -1 to open it */
int glr__grace_active(int fd);
int glr__grace_end(void);

#endif
