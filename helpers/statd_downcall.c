/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client rebooted: lockd is told, so that it drops that client's locks.
 *
 * lockd listens to loopback and privileged ports only (Linux fs/lockd/svcproc.c), and where, rpcbind
 * knows: both are asked over one UDP socket, each question sent again until it is answered.
 */
#include "rpcmsg.h"
#include "statd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <unistd.h>

#define DOWNCALLS_MAX 1024 /* a hall of clients that boot at once */
#define TRIES 10
#define RELEASE_TRIES 3 /* somebody waits */
#define RETRY_MS 1000
#define RPCBIND_PORT 111
#define LOG_INTERVAL_MS 10000

struct downcall {
	TAILQ_ENTRY(downcall) link;
	struct glr__cookie cookie;
	uint32_t state, xid;
	uint16_t lockd_port; /* 0: rpcbind is being asked */
	unsigned tries;
	uint64_t due_ms;
	bool release; /* by hand: somebody waits for it */
};

struct statd_downcalls {
	struct statd *statd;
	struct statd_timer timer;
	struct glr_address loopback;
	int fd; /* -1 until it is needed */
	uint32_t next_xid;
	size_t count;
	uint64_t log_began_ms;
	unsigned logged; /* since then */
	TAILQ_HEAD(, downcall) calls;
};

/* Everybody may reboot at once and has a line; who does it all the time does not fill the log. */
static bool may_log(struct statd_downcalls *d)
{
	uint64_t now_ms = glr__now_ms();

	if (now_ms - d->log_began_ms >= LOG_INTERVAL_MS) {
		d->log_began_ms = now_ms;
		d->logged = 0;
	}
	return d->logged++ < DOWNCALLS_MAX;
}

static void end_call(struct statd_downcalls *d, struct downcall *call)
{
	TAILQ_REMOVE(&d->calls, call, link);
	d->count--;
	free(call);
}

/* Says what came of a call, and ends it. */
static void conclude(struct statd_downcalls *d, struct downcall *call, int rc)
{
	const char *what = call->release ? "released by hand" : "rebooted";

	if (rc && may_log(d))
		glr_warn("client=%s: %s, but lockd %s: its locks stay", call->cookie.name, what,
			 rc == -ETIMEDOUT ? "did not answer" : "refused to hear it");
	else if (!rc && may_log(d))
		glr__log(call->release ? LOG_NOTICE : LOG_INFO, "client=%s: %s: its NFSv3 locks are dropped",
			 call->cookie.name, what);
	if (call->release)
		statd_control_released(d->statd->control, rc);
	end_call(d, call);
}

static void send_call(struct statd_downcalls *d, struct downcall *call, uint64_t now_ms)
{
	uint16_t port = call->lockd_port ? call->lockd_port : RPCBIND_PORT;
	uint8_t message[GLR__RPC_MESSAGE_MAX];
	struct sockaddr_storage sa;
	socklen_t sa_length;
	ssize_t length;

	call->xid = d->next_xid++;
	call->tries++;
	call->due_ms = now_ms + RETRY_MS;
	if (call->lockd_port)
		length = glr__rpc_encode_nlm_notify(call->xid, &call->cookie, call->state, message,
						    sizeof(message));
	else
		length = glr__rpc_encode_getport(call->xid, call->cookie.prog, call->cookie.vers, IPPROTO_UDP,
						 message, sizeof(message));
	if (length < 0)
		return;
	sa_length = glr_address_to_sockaddr(&d->loopback, port, &sa);
	if (sendto(d->fd, message, (size_t)length, MSG_DONTWAIT, (struct sockaddr *)&sa, sa_length) < 0)
		glr_debug("client=%s: reboot: loopback port %u: %s", call->cookie.name, port,
			  strerror(errno));
}

static void work(void *arg)
{
	struct statd_downcalls *d = arg;
	uint64_t now_ms = glr__now_ms(), next_ms = UINT64_MAX;
	struct downcall *call, *next;

	for (call = TAILQ_FIRST(&d->calls); call; call = next) {
		next = TAILQ_NEXT(call, link);
		if (call->due_ms <= now_ms && call->tries >= (call->release ? RELEASE_TRIES : TRIES)) {
			conclude(d, call, -ETIMEDOUT);
			continue;
		}
		if (call->due_ms <= now_ms)
			send_call(d, call, now_ms);
		if (call->due_ms < next_ms)
			next_ms = call->due_ms;
	}
	statd_timer_set(&d->timer, next_ms == UINT64_MAX ? UINT_MAX : (unsigned)(next_ms - now_ms));
}

static void answered(struct statd_downcalls *d, struct downcall *call, const struct glr__rpc_reply *reply)
{
	uint16_t port;

	if (call->lockd_port) {
		/* A refusal will not turn into a yes. */
		conclude(d, call, reply->accepted && !reply->accept_stat ? 0 : -EACCES);
		return;
	}
	/* Not registered now may be registered at the next try. */
	if (glr__rpc_decode_port(reply, &port) || !port)
		return;
	call->lockd_port = port;
	call->tries = 0;
	call->due_ms = 0;
}

static int32_t readable(int32_t fd, int32_t revents, void *data)
{
	struct statd_downcalls *d = data;
	uint8_t message[GLR__RPC_MESSAGE_MAX];
	struct glr__rpc_reply reply;
	struct glr_address from;
	struct sockaddr_storage sa;
	struct downcall *call;
	socklen_t sa_length;
	ssize_t got;

	for (;;) {
		sa_length = sizeof(sa);
		got = recvfrom(fd, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&sa,
			       &sa_length);
		if (got < 0 && errno == ECONNREFUSED)
			continue;
		if (got < 0)
			break;
		if (glr_address_from_sockaddr((struct sockaddr *)&sa, &from) ||
		    !glr_address_equal(&from, &d->loopback) ||
		    glr__rpc_decode_reply(message, (size_t)got, &reply))
			continue;
		TAILQ_FOREACH(call, &d->calls, link)
		{
			if (call->xid == reply.xid)
				break;
		}
		if (call)
			answered(d, call, &reply);
	}
	work(d);
	return 0;
}

static int open_socket(struct statd_downcalls *d)
{
	int rc;

	if (d->fd >= 0)
		return 0;
	d->fd = statd_privileged_socket(&d->loopback, SOCK_DGRAM);
	if (d->fd < 0)
		return d->fd;
	rc = qb_loop_poll_add(d->statd->loop, QB_LOOP_MED, d->fd, POLLIN, d, readable);
	if (rc) {
		close(d->fd);
		d->fd = -1;
	}
	return rc;
}

/* @return the client's own, else a new one, else NULL */
static struct downcall *find_or_begin(struct statd_downcalls *d, const char *name)
{
	struct downcall *call;

	TAILQ_FOREACH(call, &d->calls, link)
	{
		if (!strcmp(call->cookie.name, name))
			return call;
	}
	call = d->count < DOWNCALLS_MAX ? calloc(1, sizeof(*call)) : NULL;
	if (call) {
		TAILQ_INSERT_TAIL(&d->calls, call, link);
		d->count++;
	}
	return call;
}

/* A client says it several times, once for each name it has; its last word counts.  @return 0 or -errno */
static int begin_call(struct statd_downcalls *d, const struct glr__cookie *cookie, uint32_t state,
		      bool release)
{
	struct downcall *call;
	int rc;

	rc = open_socket(d);
	if (rc)
		return rc;
	call = find_or_begin(d, cookie->name);
	if (!call)
		return -ENOBUFS;
	call->release |= release;
	if (call->tries && call->state == state)
		return 0;
	call->cookie = *cookie;
	call->state = state;
	call->lockd_port = 0;
	call->tries = 0;
	call->due_ms = 0;
	statd_timer_set(&d->timer, 0);
	return 0;
}

void statd_downcall(struct statd_downcalls *downcalls, const struct glr__cookie *cookie, uint32_t state)
{
	int rc = begin_call(downcalls, cookie, state, false);

	if (rc && may_log(downcalls))
		glr_warn("client=%s: rebooted, but lockd cannot be told: %s", cookie->name, strerror(-rc));
}

/*
 * The client stays on the list, and its cookie is kept: lockd still believes that it is monitored, and
 * would not report a new lock of it.  lockd acts on a state that differs from the last one; this one is
 * even, which no host that rebooted has (X/Open NSM), so that the client's own word still counts later.
 */
int statd_release(struct statd_downcalls *downcalls, const char *name, const char **why)
{
	const struct glr__cookie *cookie = glr__cookies_find(downcalls->statd->cookies, name);
	struct downcall *call;

	*why = "another client is being released";
	TAILQ_FOREACH(call, &downcalls->calls, link)
	{
		if (call->release)
			return -EBUSY;
	}
	*why = "it has asked for no NFSv3 lock since the group was started";
	if (!cookie)
		return -ENOENT;
	*why = "lockd cannot be told";
	return begin_call(downcalls, cookie, ((uint32_t)glr__now_ms() | 1) + 1, true);
}

int statd_downcalls_new(struct statd *statd, struct statd_downcalls **downcalls)
{
	struct statd_downcalls *d;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->statd = statd;
	d->fd = -1;
	d->next_xid = (uint32_t)random();
	TAILQ_INIT(&d->calls);
	statd_timer_init(&d->timer, statd->loop, work, d);
	glr_address_parse("127.0.0.1", &d->loopback);
	*downcalls = d;
	return 0;
}

void statd_downcalls_free(struct statd_downcalls *downcalls)
{
	if (!downcalls)
		return;
	statd_timer_set(&downcalls->timer, UINT_MAX);
	while (!TAILQ_EMPTY(&downcalls->calls))
		end_call(downcalls, TAILQ_FIRST(&downcalls->calls));
	if (downcalls->fd >= 0) {
		qb_loop_poll_del(downcalls->statd->loop, downcalls->fd);
		close(downcalls->fd);
	}
	free(downcalls);
}
