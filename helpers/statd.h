/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of glr-statd share, grouped by the file that implements it. */
#ifndef GLR_STATD_H
#define GLR_STATD_H

#include "clientlist.h"
#include "cookies.h"
#include "monitor.h"
#include "notify.h"

#include <qb/qbloop.h>

#define STATD_LISTEN_MAX 8
#define STATD_NAMED_MAX 100 /* missed clients in the log; "list" shows them all */

struct statd;

/* ---- statd_loop.c: timers, and sockets on privileged ports -------------------- */

struct statd_timer {
	qb_loop_t *loop;
	void (*fn)(void *arg);
	void *arg;
	qb_loop_timer_handle handle; /* 0: not armed */
};

void statd_timer_init(struct statd_timer *timer, qb_loop_t *loop, void (*fn)(void *arg), void *arg);
/* Arms or moves the timer.  @param delay_ms UINT_MAX disarms */
void statd_timer_set(struct statd_timer *timer, unsigned delay_ms);

/* A non-blocking socket bound to an address and a port from 600 to 1023, as bindresvport does.
 * @param type SOCK_DGRAM or SOCK_STREAM  @return descriptor or -errno */
int statd_privileged_socket(const struct glr_address *address, int type);

/* ---- statd_writer.c: threads that wait for the disk ---------------------------- */

struct statd_writer;

/* @param done glr__monitor_written or glr__monitor_upkept */
int statd_writer_new(struct statd *statd, void (*done)(glr__monitor_t *monitor, int result, uint64_t now_ms),
		     struct statd_writer **writer);
/* Writes in the thread, then calls done.  @param op stays untouched until then */
void statd_writer_start(struct statd_writer *writer, const struct glr__list_write *op);

/* ---- statd_listen.c: NSM over UDP and TCP --------------------------------------- */

struct statd_listen;

/* @param fds bound sockets, UDP or listening TCP */
int statd_listen_new(struct statd *statd, const int *fds, size_t count, struct statd_listen **listen);
void statd_listen_free(struct statd_listen *listen);
int statd_listen_serve(struct statd_listen *listen);
/* For good: listeners are shut down, whoever else holds them, and connections closed. */
void statd_listen_refuse(struct statd_listen *listen);
void statd_listen_reply(struct statd_listen *listen, uint64_t token, const uint8_t *reply, size_t length);

/* ---- statd_downcall.c: telling lockd that a client rebooted ---------------------- */

struct statd_downcalls;

int statd_downcalls_new(struct statd *statd, struct statd_downcalls **downcalls);
void statd_downcalls_free(struct statd_downcalls *downcalls);
void statd_downcall(struct statd_downcalls *downcalls, const struct glr__cookie *cookie, uint32_t state);
/* lockd drops the client's locks, as if it had rebooted.  statd_control_released() follows.
 * @param name a canonical address  @param why text of the failure, a constant
 * @return 0, -ENOENT (lockd has not reported this client), or -EBUSY (another one is being released) */
int statd_release(struct statd_downcalls *downcalls, const char *name, const char **why);

/* ---- statd_notify.c: the notification engine's sockets ---------------------------- */

struct statd_notify;

/* @param window identifiers and names to tell, and when to stop
 * @return 0, -EINVAL (identifier or name), -ENOMEM */
int statd_notify_new(struct statd *statd, const struct glr__window *window, uint32_t state,
		     struct statd_notify **notify);
void statd_notify_free(struct statd_notify *notify);
void statd_notify_start(struct statd_notify *notify);
/* @return the engine, to be asked; belongs to the sockets */
glr__notify_t *statd_notify_engine(struct statd_notify *notify);

/* ---- statd_cld.c: nfsd's questions about its NFSv4 clients ------------------------- */

struct statd_cld;

/* @param handover_fd SOCK_SEQPACKET: each packet brings a descriptor of nfsd's pipe; -1: NULL is made
 * @param kept_fd at least a struct glr__cld_kept, shared with predecessor and successor
 * Also after an error *cld is to be freed. */
int statd_cld_new(struct statd *statd, int handover_fd, int kept_fd, struct statd_cld **cld);
void statd_cld_free(struct statd_cld *cld);
/* The change that was asked of the monitor was made (result 0), or was not. */
void statd_cld_done(struct statd_cld *cld, int result);
/* A change that nfsd did not ask for, between its upcalls; statd_watch_changed() follows, possibly before this returns. */
void statd_cld_change(struct statd_cld *cld, enum glr__v4_change kind, const struct glr__v4_client *client);
/* All that statd_watch_grace_done() comes to is on disk, or cannot be. */
void statd_cld_watched(struct statd_cld *cld);
/* @return whether no change of its own can be made now */
bool statd_cld_is_busy(const struct statd_cld *cld);
/* The group is closed: from now on nothing waits for long. */
void statd_cld_freeze(struct statd_cld *cld);
/* @return why a client waits to be recorded, 0 when none does */
int statd_cld_error(const struct statd_cld *cld);

/* ---- statd_watch.c: NFSv4.0 clients that nfsd does not report ---------------------- */

struct statd_watch;

/* @param supervisor where questions go */
int statd_watch_new(struct statd *statd, int supervisor, struct statd_watch **watch);
void statd_watch_free(struct statd_watch *watch);
/* nfsd's grace is about to end: statd_cld_watched() follows, after two seconds and some writes at the latest, possibly
 * before this returns. */
void statd_watch_grace_done(struct statd_watch *watch);
bool statd_watch_is_ending(const struct statd_watch *watch);
/* nfsd begins anew: nobody is watched any more. */
void statd_watch_stop(struct statd_watch *watch);
/* Goes on with what a monitor that died had begun. */
void statd_watch_resume(struct statd_watch *watch);
/* nfsd has struck somebody off. */
void statd_watch_removed(struct statd_watch *watch);
/* Makes the next change, if there is one and nothing else is being written. */
void statd_watch_go_on(struct statd_watch *watch);
void statd_watch_changed(struct statd_watch *watch, int result);

/* ---- statd_recovery.c: epochs and the window ---------------------------------------- */

struct statd_recovery;

int statd_recovery_new(struct statd *statd, struct statd_recovery **recovery);
void statd_recovery_free(struct statd_recovery *recovery);
/* Goes on with what a monitor that died had begun. */
void statd_recovery_resume(struct statd_recovery *recovery);
/* The verbs; see lib/glr_private.h, control.c.  @param why text of the failure, a constant
 * @return 0 or -errno */
int statd_recovery_begin(struct statd_recovery *recovery, bool fresh, const char **why);
int statd_recovery_recover(struct statd_recovery *recovery, const struct glr__window *window,
			   const char **why);
int statd_recovery_end_grace(struct statd_recovery *recovery, const char **why);
int statd_recovery_freeze(struct statd_recovery *recovery, const char **why);
enum glr_phase statd_recovery_phase(const struct statd_recovery *recovery);
uint64_t statd_recovery_grace_left_ms(const struct statd_recovery *recovery);
void statd_recovery_counts(const struct statd_recovery *recovery, struct glr__notify_counts *counts);
/* @return the word of the "list" verb: waiting, sent, acknowledged, seen, missed, listed */
const char *statd_recovery_progress(const struct statd_recovery *recovery,
				    const struct glr_list_client *client);
/* The engine sent, or heard, something. */
void statd_recovery_notified(struct statd_recovery *recovery);

/* ---- statd_ending.c: what the end of a recovery writes down ---------------------------- */

struct statd_ending {
	glr__notify_t *engine; /* that told the clients; NULL: nobody was to be told */
	uint64_t began_ms;
	bool whole_window; /* it ran to its end, not cut short by the end of grace */
	bool by_hand;	   /* grace ends now, because somebody wants it to */
	bool fresh;	   /* lockd's namespace was new */
	bool resumed;	   /* in the window of a monitor that died */
};

void statd_ending(struct statd *statd, const struct statd_ending *ending);
/* nfsd's grace ends: tells the log who has not come back. */
void statd_ending_v4(const struct statd *statd);

/* ---- statd_control.c: the control socket --------------------------------------------- */

struct statd_control;

int statd_control_new(struct statd *statd, int fd, struct statd_control **control);
void statd_control_free(struct statd_control *control);
/* The epoch that was asked for is on disk (result 0), or is not. */
void statd_control_begun(struct statd_control *control, int result);
/* Answers who waits for changes to be on disk, when none is under way any more. */
void statd_control_settled(struct statd_control *control);
/* lockd was told to drop a client's locks (rc 0), or could not be. */
void statd_control_released(struct statd_control *control, int rc);

/* ---- glr-statd.c ------------------------------------------------------------------------ */

struct statd {
	const char *group;
	qb_loop_t *loop;
	int grace_fd, local_state_fd, report_fd; /* -1: none */
	glr_list_t *list;
	glr__cookies_t *cookies;
	glr__monitor_t *monitor;
	struct statd_timer monitor_timer;
	struct statd_writer *writer, *upkeep_writer;
	struct statd_listen *listen;
	struct statd_downcalls *downcalls;
	struct statd_recovery *recovery;
	bool beginning; /* an epoch, which is not on disk yet */
	struct statd_control *control;
	struct statd_cld *cld; /* NULL: nfsd asks somebody else */
	struct statd_watch *watch;
};

/* Lets the monitor look at its deadlines now. */
void statd_monitor_tick(struct statd *statd);

/* ---- statd_privileges.c ------------------------------------------------------------------- */

/* Becomes the unprivileged user, keeping only the right to bind to ports below 1024.  @return 0 or -errno */
int statd_drop_privileges(const char *user);

#endif
