/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notification of one recovery: the list's clients are told until statd_recovery.c ends it. */
#include "notify_sockets.h"

#include <errno.h>
#include <stdlib.h>

struct statd_notify {
	struct statd *statd;
	struct notify_sockets *sockets;
};

static void progress(void *arg, const char *name, enum glr__progress progress)
{
	if (progress == GLR__ACKNOWLEDGED)
		glr_info("client=%s: acknowledged", name);
}

static void worked(void *arg)
{
	struct statd_notify *n = arg;

	/* May end the window, and with it this object. */
	statd_recovery_notified(n->statd->recovery);
}

static int add_client(const struct glr_list_client *client, void *arg)
{
	if (client->kind != GLR_LIST_NSM || client->missed)
		return 0;
	return glr__notify_add(arg, client->name, &client->address);
}

int statd_notify_new(struct statd *statd, const struct glr__window *window, uint32_t state,
		     struct statd_notify **notify)
{
	struct notify_sockets_ops ops = {.progress = progress, .worked = worked};
	struct statd_notify *n;
	int rc;

	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->statd = statd;
	ops.arg = n;
	rc = notify_sockets_new(statd->loop, window, state, &ops, &n->sockets);
	if (!rc)
		rc = glr_list_foreach(statd->list, add_client, statd_notify_engine(n));
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

size_t statd_notify_identifiers(const struct statd_notify *notify)
{
	return notify_sockets_identifiers(notify->sockets);
}

void statd_notify_start(struct statd_notify *notify)
{
	notify_sockets_start(notify->sockets);
}

glr__notify_t *statd_notify_engine(struct statd_notify *notify)
{
	return notify_sockets_engine(notify->sockets);
}
