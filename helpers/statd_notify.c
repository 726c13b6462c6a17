/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notification of one recovery: the list's clients are told until statd_recovery.c ends it. */
#include "notify_sockets.h"

#include <errno.h>
#include <stdlib.h>

struct statd_notify {
	struct statd *statd;
	struct notify_sockets *sockets;
	size_t seen_before, back;
};

static void progress(void *arg, const char *name, enum glr__progress progress)
{
	struct statd_notify *n = arg;
	int rc;

	if (progress != GLR__ACKNOWLEDGED || glr__cookies_acknowledged(n->statd->cookies, name))
		return;
	/* Not in the log: thousands in a second; "list" shows each. */
	glr_debug("client=%s: acknowledged", name);
	rc = glr__cookies_acknowledge(n->statd->cookies, name);
	if (rc)
		glr_debug("client=%s: a successor will tell it again: %s", name, strerror(-rc));
}

static void worked(void *arg)
{
	struct statd_notify *n = arg;

	/* May end the window, and with it this object. */
	statd_recovery_notified(n->statd->recovery);
}

/* Never less than before: a client that has come back may be forgotten again (SM_UNMON). */
static size_t back(void *arg)
{
	struct statd_notify *n = arg;
	size_t seen = glr__cookies_count_seen(n->statd->cookies);

	if (seen > n->seen_before + n->back)
		n->back = seen - n->seen_before;
	return n->back;
}

static int add_client(const struct glr_list_client *client, void *arg)
{
	struct statd_notify *n = arg;
	int rc;

	if (client->kind != GLR_LIST_NSM || client->missed)
		return 0;
	rc = glr__notify_add(statd_notify_engine(n), client->name, &client->address);
	/* To a monitor that died in this recovery. */
	if (!rc && glr__cookies_acknowledged(n->statd->cookies, client->name))
		glr__notify_acknowledged(statd_notify_engine(n), client->name);
	return rc;
}

int statd_notify_new(struct statd *statd, const struct glr__window *window, uint32_t state,
		     struct statd_notify **notify)
{
	struct notify_sockets_ops ops = {.progress = progress, .worked = worked, .back = back};
	struct statd_notify *n;
	int rc;

	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->statd = statd;
	n->seen_before = glr__cookies_count_seen(statd->cookies);
	ops.arg = n;
	rc = notify_sockets_new(statd->loop, window, state, &ops, &n->sockets);
	if (!rc)
		rc = glr_list_foreach(statd->list, add_client, n);
	if (rc) {
		statd_notify_free(n);
		return rc;
	}
	*notify = n;
	return 0;
}

void statd_notify_free(struct statd_notify *notify)
{
	if (!notify)
		return;
	notify_sockets_free(notify->sockets);
	free(notify);
}

void statd_notify_start(struct statd_notify *notify)
{
	notify_sockets_start(notify->sockets);
}

glr__notify_t *statd_notify_engine(struct statd_notify *notify)
{
	return notify_sockets_engine(notify->sockets);
}
