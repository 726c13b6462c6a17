/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of the groups on this node. */
#include "cmd_status.h"
#include "link_addresses.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct group_facts *groups_add(struct groups *groups, const char *group)
{
	struct group_facts *grown = realloc(groups->all, (groups->count + 1) * sizeof(*grown));
	struct group_facts *facts;

	if (!grown)
		return NULL;
	groups->all = grown;
	facts = &groups->all[groups->count++];
	memset(facts, 0, sizeof(*facts));
	snprintf(facts->group, sizeof(facts->group), "%s", group);
	facts->locks_v3 = facts->locks_v4 = -1;
	return facts;
}

struct group_facts *groups_find(const struct groups *groups, const char *group)
{
	for (size_t i = 0; i < groups->count; i++) {
		if (strcmp(groups->all[i].group, group) == 0)
			return &groups->all[i];
	}
	return NULL;
}

void groups_clear(struct groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		recovery_report_clear(&groups->all[i].last);
	free(groups->all);
	*groups = (struct groups){0};
}

static void find_addresses(struct group_facts *facts)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (own >= 0 && glr__netns_enter_one(facts->group, GLR__NS_NET) == 0) {
		if (link_addresses(facts->addresses, sizeof(facts->addresses)) < 0)
			facts->addresses[0] = '\0';
		if (setns(own, CLONE_NEWNET) < 0)
			abort(); /* nothing that comes would be told of this node */
	}
	if (own >= 0)
		close(own);
}

static void find_locks(struct group_facts *facts)
{
	char path[PATH_MAX], settings[4 * PATH_MAX], *directory;

	snprintf(path, sizeof(path), GLR__RUNTIME_DIR "/%s/settings", facts->group);
	if (glr__read_text(AT_FDCWD, path, settings, sizeof(settings)) < 0)
		return;
	directory = strstr(settings, "directory=");
	if (directory != settings) /* glr-server writes it first */
		return;
	directory += strlen("directory=");
	directory[strcspn(directory, "\n")] = '\0';
	locks_count(directory, &facts->locks_v3, &facts->locks_v4);
}

void facts_ask(const struct status_request *request, struct group_facts *facts)
{
	facts->error = glr_status_get(facts->group, CMD_TIMEOUT_MS, &facts->status);
	if (facts->error)
		return;
	facts->source = FACTS_MONITOR;
	if (!*facts->node && gethostname(facts->node, sizeof(facts->node) - 1) < 0)
		facts->node[0] = '\0';
	find_addresses(facts);
	if (!request->interval_s)
		find_locks(facts);
	facts->recovered = recovery_report_read(facts->group, &facts->last) == 0;
}

static int add_one(const char *group, void *arg)
{
	return groups_add(arg, group) ? 0 : -ENOMEM;
}

static int by_name(const void *a, const void *b)
{
	const struct group_facts *one = a, *other = b;

	return strcmp(one->group, other->group);
}

int groups_of_node(const struct status_request *request, struct groups *groups)
{
	int rc = 0;

	for (char *const *name = request->names; *name && !rc; name++)
		rc = add_one(*name, groups);
	if (!*request->names)
		rc = groups_foreach(add_one, groups);
	if (rc)
		return rc;
	for (size_t i = 0; i < groups->count; i++)
		facts_ask(request, &groups->all[i]);
	if (!*request->names && groups->count)
		qsort(groups->all, groups->count, sizeof(*groups->all), by_name);
	return 0;
}
