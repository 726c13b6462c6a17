/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers nfsd's questions about its NFSv4 clients, over the list that lockd's clients are on.
 *
 * nfsd cannot be refused: after an error it serves the client all the same and never asks again
 * (fs/nfsd/nfs4recover.c), and a takeover then takes that client's locks away.  So there is no deadline as
 * for lockd: Create, Remove and GraceDone are answered when the list has them on disk, and until then that
 * one client, or the end of grace, waits: with a list that cannot be written until its monitor action has the
 * group closed.  Only GraceStart is bounded, because nfsd asks it under a lock that all groups of the node
 * need; its failure fails the start of nfsd.
 *
 * An upcall that was read but not answered would keep its nfsd thread waiting forever, whoever opens the pipe
 * again.  It is therefore read straight into memory that a successor shares: the kernel hands it over and
 * fills that memory in one step.
 */
#include "cldmsg.h"
#include "passfd.h"
#include "statd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/nfsd/cld.h>

#define RETRY_MS 1000
#define START_DEADLINE_MS 5000
#define CLOSING_DEADLINE_MS 1000
/* Any other error makes nfsd try again as for an nfsdcld that knows no GraceStart, and succeed. */
#define START_FAILED (-ETIMEDOUT)

struct statd_cld {
	struct statd *statd;
	int pipe_fd; /* -1: nfsd does not run */
	struct glr__cld_kept *kept;
	struct glr__cld_upcall upcall;
	bool waits;    /* for its answer */
	bool writing;  /* its change is with the monitor */
	bool changing; /* one that nfsd did not ask for is */
	int error;     /* why it could not be made */
	uint64_t deadline_ms;
	struct statd_timer timer;
};

static int32_t pipe_event(int32_t fd, int32_t revents, void *data);

/* Until an upcall is answered, no other is read. */
static void listen_to_pipe(struct statd_cld *cld)
{
	if (cld->pipe_fd >= 0)
		qb_loop_poll_mod(cld->statd->loop, QB_LOOP_MED, cld->pipe_fd,
				 cld->waits || cld->changing ? 0 : POLLIN, cld, pipe_event);
}

/* ---- answers ---------------------------------------------------------------------- */

static int put(struct statd_cld *cld, const uint8_t *message, size_t length)
{
	return write(cld->pipe_fd, message, length) == (ssize_t)length ? 0 : -errno;
}

static void answer(struct statd_cld *cld, int status)
{
	uint8_t message[GLR__CLD_MESSAGE_MAX];
	int rc = put(cld, message, glr__cld_encode_status(&cld->upcall, status, message));

	/* A predecessor was killed after it had answered. */
	if (rc)
		glr_info("nfsd's upcall %u was not waiting: %s", cld->upcall.xid, strerror(-rc));
	cld->kept->message[0] = 0;
	cld->waits = cld->writing = false;
	statd_timer_set(&cld->timer, UINT_MAX);
	listen_to_pipe(cld);
	statd_watch_go_on(cld->statd->watch);
}

static int upload_one(const struct glr__v4_client *client, void *arg)
{
	struct statd_cld *cld = arg;
	uint8_t message[GLR__CLD_MESSAGE_MAX];

	return put(cld, message, glr__cld_encode_client(&cld->upcall, client, message));
}

static void answer_grace_start(struct statd_cld *cld)
{
	struct glr_list_facts facts;
	int rc = glr__list_v4_foreach(cld->statd->list, GLR__V4_GROUP_RECOVERABLE, upload_one, cld);

	glr_list_get_facts(cld->statd->list, &facts);
	if (rc)
		glr_err("nfsd does not take the NFSv4 clients: %s", strerror(-rc));
	else
		glr_notice("NFSv4: %zu clients may reclaim", facts.v4_recoverable);
	/* Before nfsd goes on: whoever started it looks at this next. */
	cld->kept->tracked = rc ? 0 : cld->kept->pipe;
	answer(cld, rc ? START_FAILED : 0);
}

static void give_up(struct statd_cld *cld)
{
	int status = cld->error ? cld->error : -ETIMEDOUT;

	if (cld->upcall.command == Cld_GraceDone)
		statd_watch_stop(cld->statd->watch);
	glr_err("nfsd's upcall %u (command %u) fails: %s", cld->upcall.xid, cld->upcall.command,
		strerror(-status));
	answer(cld, cld->upcall.command == Cld_GraceStart ? START_FAILED : status);
}

/* ---- changes of the list ------------------------------------------------------------- */

static enum glr__v4_change change_of(uint8_t command)
{
	switch (command) {
	case Cld_Create:
		return GLR__V4_ADD;
	case Cld_Remove:
		return GLR__V4_REMOVE;
	case Cld_GraceStart:
		return GLR__V4_GRACE_BEGIN;
	default:
		return GLR__V4_GRACE_DONE;
	}
}

static void failed(struct statd_cld *cld, int error)
{
	if (error != cld->error)
		glr_err("client list: a change for nfsd (command %u) is not written: %s", cld->upcall.command,
			strerror(-error));
	cld->error = error;
	/* What cannot be recorded ever, because the kernel would not take it back, is no client's lock. */
	if (glr__cookies_frozen(cld->statd->cookies) || error == -EINVAL ||
	    cld->upcall.command == Cld_GraceStart)
		give_up(cld);
	else
		statd_timer_set(&cld->timer, RETRY_MS);
}

static void try_change(struct statd_cld *cld)
{
	uint64_t now_ms = glr__now_ms();
	int rc;

	cld->writing = true;
	if (cld->deadline_ms != UINT64_MAX)
		statd_timer_set(&cld->timer,
				cld->deadline_ms > now_ms ? (unsigned)(cld->deadline_ms - now_ms) : 0);
	rc = glr__monitor_v4(cld->statd->monitor, change_of(cld->upcall.command), &cld->upcall.client,
			     now_ms);
	if (rc) {
		cld->writing = false;
		failed(cld, rc);
	}
	statd_monitor_tick(cld->statd);
}

void statd_cld_change(struct statd_cld *cld, enum glr__v4_change kind, const struct glr__v4_client *client)
{
	int rc;

	cld->changing = true;
	listen_to_pipe(cld);
	rc = glr__monitor_v4(cld->statd->monitor, kind, client, glr__now_ms());
	if (rc)
		statd_cld_done(cld, rc);
	statd_monitor_tick(cld->statd);
}

bool statd_cld_is_busy(const struct statd_cld *cld)
{
	return cld->changing || (cld->waits && !statd_watch_is_ending(cld->statd->watch));
}

void statd_cld_watched(struct statd_cld *cld)
{
	if (!cld->waits)
		return;
	statd_ending_v4(cld->statd);
	try_change(cld);
}

void statd_cld_done(struct statd_cld *cld, int result)
{
	if (cld->changing) {
		cld->changing = false;
		listen_to_pipe(cld);
		statd_watch_changed(cld->statd->watch, result);
		return;
	}
	if (!cld->writing) {
		/* Of an upcall that was given up; the one after it may wait for its turn. */
		if (cld->waits)
			statd_timer_set(&cld->timer, 0);
		return;
	}
	cld->writing = false;
	if (result == -ENOENT && cld->upcall.command == Cld_Remove)
		result = 0;
	if (result)
		failed(cld, result);
	else if (cld->upcall.command == Cld_GraceStart)
		answer_grace_start(cld);
	else
		answer(cld, 0);
}

static void begin(struct statd_cld *cld)
{
	struct statd *statd = cld->statd;

	cld->waits = true;
	cld->error = 0;
	cld->deadline_ms = UINT64_MAX;
	switch (cld->upcall.command) {
	case Cld_GetVersion:
		answer(cld, 0);
		return;
	case Cld_Check:
		answer(cld, glr__list_v4_may_reclaim(statd->list, cld->upcall.client.id,
						     cld->upcall.client.id_length)
				    ? 0
				    : -EACCES);
		return;
	case Cld_Remove:
		/* Its lease ran out because the group is closed: the next server lets it reclaim. */
		if (glr__cookies_frozen(cld->statd->cookies)) {
			answer(cld, 0);
			return;
		}
		statd_watch_removed(cld->statd->watch);
		break;
	case Cld_GraceStart:
		cld->deadline_ms = glr__now_ms() + START_DEADLINE_MS;
		statd_watch_stop(cld->statd->watch);
		break;
	case Cld_GraceDone:
	case Cld_Create:
		break;
	default:
		answer(cld, -EOPNOTSUPP);
		return;
	}
	if (glr__cookies_frozen(cld->statd->cookies)) {
		cld->deadline_ms = glr__now_ms() + CLOSING_DEADLINE_MS;
		statd_timer_set(&cld->timer, CLOSING_DEADLINE_MS);
	}
	listen_to_pipe(cld);
	/* Who has reclaimed without nfsd saying so is to stay on the list. */
	if (cld->upcall.command == Cld_GraceDone)
		statd_watch_grace_done(statd->watch);
	else
		try_change(cld);
}

static void timer_fired(void *arg)
{
	struct statd_cld *cld = arg;

	if (!cld->waits)
		return;
	if (glr__now_ms() >= cld->deadline_ms)
		give_up(cld);
	else if (!cld->writing && !statd_watch_is_ending(cld->statd->watch))
		try_change(cld);
}

void statd_cld_freeze(struct statd_cld *cld)
{
	if (!cld || !cld->waits)
		return;
	cld->deadline_ms = glr__now_ms() + CLOSING_DEADLINE_MS;
	if (cld->writing || statd_watch_is_ending(cld->statd->watch))
		statd_timer_set(&cld->timer, CLOSING_DEADLINE_MS);
	else
		give_up(cld);
}

int statd_cld_error(const struct statd_cld *cld)
{
	return cld && cld->waits ? cld->error : 0;
}

/* ---- the pipe --------------------------------------------------------------------------- */

static void handle(struct statd_cld *cld, size_t length)
{
	int rc = glr__cld_decode(cld->kept->message, length, &cld->upcall);

	if (!cld->upcall.version) {
		glr_err("nfsd asks in a way that is not known (%zu bytes)", length);
		cld->kept->message[0] = 0;
	} else if (rc) {
		answer(cld, -EINVAL);
	} else {
		begin(cld);
	}
}

static void drop_pipe(struct statd_cld *cld)
{
	if (cld->pipe_fd < 0)
		return;
	qb_loop_poll_del(cld->statd->loop, cld->pipe_fd);
	close(cld->pipe_fd);
	cld->pipe_fd = -1;
	cld->kept->message[0] = 0;
	cld->waits = cld->writing = false;
	statd_timer_set(&cld->timer, UINT_MAX);
	statd_watch_stop(cld->statd->watch);
}

static int32_t pipe_event(int32_t fd, int32_t revents, void *data)
{
	struct statd_cld *cld = data;
	ssize_t got;

	if (revents & (POLLHUP | POLLERR)) {
		drop_pipe(cld);
		return 0;
	}
	if (cld->waits || cld->changing)
		return 0;
	cld->kept->message[0] = 0;
	got = read(fd, cld->kept->message, sizeof(cld->kept->message));
	if (got > 0)
		handle(cld, (size_t)got);
	return 0;
}

static void take_pipe(struct statd_cld *cld, int fd)
{
	struct stat st;
	bool left;

	if (fstat(fd, &st) < 0 || (cld->pipe_fd >= 0 && st.st_ino == cld->kept->pipe)) {
		close(fd);
		return;
	}
	left = cld->pipe_fd < 0 && st.st_ino == cld->kept->pipe && cld->kept->message[0];
	drop_pipe(cld);
	cld->pipe_fd = fd;
	cld->kept->pipe = st.st_ino;
	if (!left)
		cld->kept->message[0] = 0;
	if (qb_loop_poll_add(cld->statd->loop, QB_LOOP_MED, fd, POLLIN, cld, pipe_event)) {
		glr_err("the pipe of nfsd cannot be served: no memory");
		drop_pipe(cld);
	} else if (left) {
		glr_notice("an upcall of nfsd was left unanswered: answered now");
		handle(cld, glr__cld_length(cld->kept->message[0]));
	}
	listen_to_pipe(cld);
	/* Of an nfsd that has not begun grace yet nobody has reclaimed anything. */
	if (!cld->waits && cld->kept->tracked == cld->kept->pipe)
		statd_watch_resume(cld->statd->watch);
}

static int32_t handover_event(int32_t fd, int32_t revents, void *data)
{
	int pipe_fd, rc = passfd_receive(fd, &pipe_fd);

	if (pipe_fd >= 0)
		take_pipe(data, pipe_fd);
	/* Without a supervisor there is no other pipe; the one there is stays. */
	return rc && rc != -EAGAIN ? -1 : 0;
}

int statd_cld_new(struct statd *statd, int handover_fd, int kept_fd, struct statd_cld **cld)
{
	struct statd_cld *c = handover_fd < 0 ? NULL : calloc(1, sizeof(*c));
	int rc;

	*cld = c;
	if (!c)
		return handover_fd < 0 ? 0 : -ENOMEM;
	c->statd = statd;
	c->pipe_fd = -1;
	statd_timer_init(&c->timer, statd->loop, timer_fired, c);
	c->kept = mmap(NULL, sizeof(*c->kept), PROT_READ | PROT_WRITE, MAP_SHARED, kept_fd, 0);
	if (c->kept == MAP_FAILED)
		return -errno;
	rc = statd_watch_new(statd, handover_fd, &statd->watch);
	return rc ? rc : qb_loop_poll_add(statd->loop, QB_LOOP_MED, handover_fd, POLLIN, c, handover_event);
}

/* What waits is left to a successor. */
void statd_cld_free(struct statd_cld *cld)
{
	if (!cld)
		return;
	statd_timer_set(&cld->timer, UINT_MAX);
	munmap(cld->kept, sizeof(*cld->kept));
	free(cld);
}
