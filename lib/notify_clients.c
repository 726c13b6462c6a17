/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The notification engine's clients, found by name and by address in constant time. */
#include "notify_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One address, and who lives there: one client, but for names that differ and mean the same. */
struct home {
	struct glr__node node;
	char text[GLR_ADDRESS_TEXT_MAX];
	struct notify_client *first;
};

static int find_home(struct notify_clients *clients, const struct glr_address *address,
		     struct home **home_out)
{
	struct home *home;
	int rc;

	home = calloc(1, sizeof(*home));
	if (!home)
		return -ENOMEM;
	home->node.name = glr_address_text(address, home->text);
	*home_out = (struct home *)glr__table_find(&clients->by_address, home->text);
	if (*home_out) {
		free(home);
		return 0;
	}
	rc = glr__table_reserve(&clients->by_address);
	if (rc < 0) {
		free(home);
		return rc;
	}
	glr__table_insert(&clients->by_address, &home->node);
	*home_out = home;
	return 0;
}

/* The name lies behind the tasks: a table frees its nodes as they are. */
static struct notify_client *new_client(const char *name, const struct glr_address *address,
					size_t task_count)
{
	struct notify_client *client;
	size_t name_size = strlen(name) + 1;
	char *copy;

	client = calloc(1, sizeof(*client) + task_count * sizeof(client->tasks[0]) + name_size);
	if (!client)
		return NULL;
	copy = (char *)&client->tasks[task_count];
	memcpy(copy, name, name_size);
	client->node.name = copy;
	client->address = *address;
	client->task_count = client->unsent = client->unacknowledged = task_count;
	return client;
}

static int init_tasks(struct notify_client *client, const struct glr_address *identifiers,
		      size_t identifier_count)
{
	struct notify_task *task = client->tasks;
	int rc;

	for (size_t i = 0; i < identifier_count; i++) {
		if (identifiers[i].family != client->address.family)
			continue;
		rc = glr__random(&task->xid, sizeof(task->xid));
		if (rc < 0)
			return rc;
		task->client = client;
		task->identifier = i;
		task++;
	}
	return 0;
}

int glr__notify_clients_add(struct notify_clients *clients, const char *name,
			    const struct glr_address *address, const struct glr_address *identifiers,
			    size_t identifier_count, struct notify_client **client_out)
{
	struct notify_client *client = NULL;
	struct home *home = NULL;
	size_t task_count = 0;
	int rc;

	for (size_t i = 0; i < identifier_count; i++)
		task_count += identifiers[i].family == address->family;
	client = new_client(name, address, task_count);
	if (!client)
		return -ENOMEM;
	rc = init_tasks(client, identifiers, identifier_count);
	if (rc < 0)
		goto out;
	rc = glr__table_reserve(&clients->by_name);
	if (rc < 0)
		goto out;
	rc = find_home(clients, address, &home);
	if (rc < 0)
		goto out;
	client->next_at_home = home->first;
	home->first = client;
	glr__table_insert(&clients->by_name, &client->node);
	*client_out = client;
	client = NULL;
out:
	free(client);
	return rc;
}

struct notify_client *glr__notify_clients_find(const struct notify_clients *clients, const char *name)
{
	return (struct notify_client *)glr__table_find(&clients->by_name, name);
}

struct notify_client *glr__notify_clients_at(const struct notify_clients *clients,
					     const struct glr_address *address)
{
	char text[GLR_ADDRESS_TEXT_MAX];
	const struct home *home;

	home = (struct home *)glr__table_find(&clients->by_address, glr_address_text(address, text));
	return home ? home->first : NULL;
}

void glr__notify_clients_clear(struct notify_clients *clients)
{
	glr__table_clear(&clients->by_name);
	glr__table_clear(&clients->by_address);
}
