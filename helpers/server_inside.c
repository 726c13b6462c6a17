/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step of glr-server inside the group's namespaces. */
#include "inside.h"
#include "server.h"

struct step {
	const struct server *server;
	int (*fn)(const struct server *server);
};

static int take(void *arg)
{
	const struct step *step = arg;

	return step->fn(step->server);
}

int server_inside(const struct server *server, int (*fn)(const struct server *server))
{
	struct step step = {.server = server, .fn = fn};

	return inside_call(server->group, take, &step);
}
