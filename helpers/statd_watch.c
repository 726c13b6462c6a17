/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NFSv4.0 clients that nfsd does not report.
 *
 * That a client of version 0 has reclaimed, nfsd says only when it confirms another open owner, which most
 * never do; and of those it has not reported it does not say either that their lease has run out (Linux 6.1
 * to 6.12, fs/nfsd/nfs4recover.c: nfsd4_cld_remove looks at NFSD4_CLIENT_STABLE).  Struck off at the end of
 * grace they would lose their locks at the next takeover.  Left on the list they might reclaim what another
 * was granted meanwhile.
 *
 * So glr-v4clients, which may look, is asked before nfsd is told that grace is over: all that a client has
 * by then it has reclaimed.  Whoever has something is kept, and watched from then on, several times a lease:
 * it is struck off well before its lease can run out, or when nobody can say how it is, and put back when it
 * renewed its lease after all.
 */
#include "passfd.h"
#include "statd.h"
#include "table.h"
#include "v4clients.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WATCH_ANSWER_MS 1000 /* less than is left of a lease */
#define WATCH_MS_MAX 10000
#define RETRY_MS 100
#define TRUE_MS V4CLIENTS_ANSWER_MS /* so long after the question an answer is */
#define ROUNDS 3

/* In each table: id is the key. */
struct watched {
	struct glr__node node;
	bool has_state;		    /* alive */
	enum glr__v4_change change; /* changes */
	struct glr__v4_client client;
};

struct statd_watch {
	struct statd *statd;
	int supervisor;		  /* where questions go */
	int answer;		  /* where the answer comes from */
	bool asking;		  /* and it is waited for */
	struct statd_timer timer; /* the end of waiting for an answer, or the next question */
	uint64_t asked_ms;
	uint64_t true_until_ms;	 /* so long nobody's lease can run out who was alive by the last whole answer */
	unsigned rounds;	 /* answers that nfsd waits for yet, at most */
	bool ending;		 /* nfsd waits for the answer */
	bool removed;		 /* nfsd's word about a client is newer than the answer */
	bool unanswered;	 /* and it was said */
	struct glr__table alive; /* as the answer says, so far */
	struct glr__table away;	 /* were on the list, may come back */
	struct glr__table changes;
};

static struct watched *find(const struct glr__table *table, const struct glr__v4_client *client)
{
	return (struct watched *)glr__table_find_key(table, client->id, client->id_length);
}

static struct watched *put(struct glr__table *table, const struct glr__v4_client *client)
{
	struct watched *one = find(table, client);

	if (one)
		return one;
	one = calloc(1, sizeof(*one));
	if (!one || glr__table_reserve(table)) {
		free(one);
		glr_err("NFSv4.0: a client is not watched: no memory");
		return NULL;
	}
	one->client = *client;
	one->node.name = (const char *)one->client.id;
	glr__table_insert_key(table, &one->node, client->id_length);
	return one;
}

static void drop(struct glr__table *table, struct watched *one)
{
	glr__table_remove(table, &one->node);
	free(one);
}

static void change(struct statd_watch *watch, const struct glr__v4_client *client, enum glr__v4_change kind)
{
	struct watched *one = put(&watch->changes, client);

	if (one)
		one->change = kind;
}

static bool is_among(const struct statd_watch *watch, enum glr__v4_group group,
		     const struct glr__v4_client *client)
{
	return glr__list_v4_is_among(watch->statd->list, group, client->id, client->id_length);
}

/* ---- what an answer comes to ------------------------------------------------------ */

static int judge_watched(const struct glr__v4_client *client, void *arg)
{
	struct statd_watch *watch = arg;

	if (!find(&watch->alive, client)) {
		put(&watch->away, client);
		change(watch, client, GLR__V4_REMOVE);
	}
	return 0;
}

static int judge_late(const struct glr__v4_client *client, void *arg)
{
	struct statd_watch *watch = arg;
	const struct watched *alive = find(&watch->alive, client);

	/* Until it is on the list. */
	put(&watch->away, client);
	if (alive && alive->has_state)
		change(watch, client, GLR__V4_WATCH);
	return 0;
}

static void judge_away(struct statd_watch *watch)
{
	struct glr__node *node, *next;

	for (node = watch->away.first; node; node = next) {
		struct watched *one = (struct watched *)node;
		const struct watched *alive = find(&watch->alive, &one->client);

		next = node->next;
		if (is_among(watch, GLR__V4_GROUP_CURRENT, &one->client) &&
		    !find(&watch->changes, &one->client))
			drop(&watch->away, one);
		else if (alive && alive->has_state)
			change(watch, &one->client, GLR__V4_WATCH);
	}
}

static void hang_up(struct statd_watch *watch)
{
	watch->asking = false;
	if (watch->answer < 0)
		return;
	qb_loop_poll_del(watch->statd->loop, watch->answer);
	close(watch->answer);
	watch->answer = -1;
}

/* @param next_ms UINT_MAX: nobody is left to be watched */
static void judge(struct statd_watch *watch, unsigned next_ms)
{
	const glr_list_t *list = watch->statd->list;

	hang_up(watch);
	/* Whose lease runs out because the group is closed may reclaim from the next server. */
	if (glr__cookies_frozen(watch->statd->cookies) && !watch->ending) {
		statd_timer_set(&watch->timer, UINT_MAX);
		return;
	}
	glr__table_clear(&watch->changes);
	glr__list_v4_foreach(list, GLR__V4_GROUP_WATCHED, judge_watched, watch);
	if (watch->ending)
		glr__list_v4_foreach(list, GLR__V4_GROUP_LATE, judge_late, watch);
	else if (!watch->removed)
		judge_away(watch);
	glr__table_clear(&watch->alive);
	statd_timer_set(&watch->timer, next_ms);
	statd_watch_go_on(watch);
}

/* Whoever is to be struck off must be before that. */
static bool can_ask_again(const struct statd_watch *watch)
{
	return !watch->ending && glr__now_ms() + 2 * WATCH_ANSWER_MS < watch->true_until_ms;
}

static void no_answer(struct statd_watch *watch)
{
	if (can_ask_again(watch)) {
		hang_up(watch);
		statd_timer_set(&watch->timer, RETRY_MS);
		return;
	}
	if (!watch->unanswered)
		glr_warn("NFSv4.0: glr-v4clients does not say which clients are alive: "
			 "those that nfsd does not report are struck off");
	watch->unanswered = true;
	glr__table_clear(&watch->alive);
	judge(watch, WATCH_ANSWER_MS);
}

static void heard(struct statd_watch *watch, const struct v4clients_answer *answer)
{
	struct glr__v4_client client = {.id_length = answer->id_length};
	struct watched *one;

	/* One that was stopped in between would believe too much. */
	if (glr__now_ms() - watch->asked_ms > TRUE_MS) {
		no_answer(watch);
		return;
	}
	if (answer->id_length == 0) {
		watch->unanswered = false;
		watch->true_until_ms = watch->asked_ms + answer->lease_s * 200;
		judge(watch, !answer->clients			    ? UINT_MAX
			     : answer->lease_s * 100 < WATCH_MS_MAX ? answer->lease_s * 100
								    : WATCH_MS_MAX);
		return;
	}
	memcpy(client.id, answer->id, answer->id_length);
	one = put(&watch->alive, &client);
	if (one)
		one->has_state |= answer->has_state;
}

static int32_t answer_event(int32_t fd, int32_t revents, void *data)
{
	struct v4clients_answer answer;
	ssize_t got = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);

	if (got == sizeof(answer) && answer.id_length <= sizeof(answer.id))
		heard(data, &answer);
	else if (got >= 0 || (errno != EAGAIN && errno != EINTR))
		no_answer(data);
	return 0;
}

static void ask(struct statd_watch *watch)
{
	int ends[2] = {-1, -1};
	bool asked = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 &&
		     passfd_send(watch->supervisor, ends[1]) == 0;

	hang_up(watch);
	glr__table_clear(&watch->alive);
	watch->removed = false;
	watch->asked_ms = glr__now_ms();
	if (ends[1] >= 0)
		close(ends[1]);
	watch->answer = ends[0];
	if (!asked ||
	    qb_loop_poll_add(watch->statd->loop, QB_LOOP_MED, watch->answer, POLLIN, watch, answer_event))
		statd_timer_set(&watch->timer, 0);
	else
		statd_timer_set(&watch->timer, watch->ending ? V4CLIENTS_ANSWER_MS : WATCH_ANSWER_MS);
	watch->asking = true;
}

static void timer_fired(void *arg)
{
	struct statd_watch *watch = arg;

	if (watch->asking)
		no_answer(watch);
	else
		ask(watch);
}

/* ---- changing the list -------------------------------------------------------------- */

/* @return the next change; what nfsd reported meanwhile is its own affair */
static struct watched *next_change(struct statd_watch *watch)
{
	struct watched *one;

	while ((one = (struct watched *)watch->changes.first)) {
		if (one->change == GLR__V4_REMOVE ? is_among(watch, GLR__V4_GROUP_WATCHED, &one->client)
						  : !is_among(watch, GLR__V4_GROUP_CURRENT, &one->client))
			break;
		drop(&watch->changes, one);
	}
	return one;
}

void statd_watch_go_on(struct statd_watch *watch)
{
	struct watched *one;

	if (statd_cld_is_busy(watch->statd->cld))
		return;
	one = next_change(watch);
	/* What the disk has kept for so long need not be true any more. */
	if (one && one->change == GLR__V4_WATCH && glr__now_ms() - watch->asked_ms > TRUE_MS) {
		glr__table_clear(&watch->changes);
		one = NULL;
		if (watch->ending && watch->rounds > 0) {
			watch->rounds--;
			ask(watch);
		}
	}
	if (one) {
		struct glr__v4_client client = one->client;
		enum glr__v4_change kind = one->change;

		drop(&watch->changes, one);
		statd_cld_change(watch->statd->cld, kind, &client);
	} else if (watch->ending && !watch->asking) {
		watch->ending = false;
		statd_cld_watched(watch->statd->cld);
	}
}

void statd_watch_changed(struct statd_watch *watch, int result)
{
	/* What is still to be done the next answer shows again. */
	if (result && result != -ENOENT) {
		glr_err("client list: an NFSv4.0 client is not written: %s", strerror(-result));
		glr__table_clear(&watch->changes);
	}
	statd_watch_go_on(watch);
}

/* ---- what nfsd says ------------------------------------------------------------------- */

static int count(const struct glr__v4_client *client, void *arg)
{
	return 1;
}

static bool has_any(const struct statd_watch *watch, enum glr__v4_group group)
{
	return glr__list_v4_foreach(watch->statd->list, group, count, NULL);
}

void statd_watch_stop(struct statd_watch *watch)
{
	statd_timer_set(&watch->timer, UINT_MAX);
	hang_up(watch);
	watch->ending = false;
	glr__table_clear(&watch->alive);
	glr__table_clear(&watch->away);
	glr__table_clear(&watch->changes);
}

void statd_watch_resume(struct statd_watch *watch)
{
	struct glr_list_facts facts;

	glr_list_get_facts(watch->statd->list, &facts);
	if (!facts.v4_in_grace && !watch->asking && has_any(watch, GLR__V4_GROUP_WATCHED))
		statd_timer_set(&watch->timer, 0);
}

void statd_watch_grace_done(struct statd_watch *watch)
{
	statd_watch_stop(watch);
	watch->ending = true;
	watch->rounds = ROUNDS;
	if (has_any(watch, GLR__V4_GROUP_LATE))
		ask(watch);
	else
		statd_watch_go_on(watch);
}

bool statd_watch_is_ending(const struct statd_watch *watch)
{
	return watch->ending;
}

void statd_watch_removed(struct statd_watch *watch)
{
	watch->removed = true;
}

int statd_watch_new(struct statd *statd, int supervisor, struct statd_watch **watch)
{
	struct statd_watch *w = calloc(1, sizeof(*w));

	*watch = w;
	if (!w)
		return -ENOMEM;
	w->statd = statd;
	w->supervisor = supervisor;
	w->answer = -1;
	statd_timer_init(&w->timer, statd->loop, timer_fired, w);
	return 0;
}

void statd_watch_free(struct statd_watch *watch)
{
	if (!watch)
		return;
	statd_watch_stop(watch);
	free(watch);
}
