/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The groups of the cluster.  Of those on other nodes their node attribute tells; see server_attribute.c. */
#include "cmd_status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* @return seconds since the epoch, or 0 */
static uint64_t take_time(const char *text, const char *key)
{
	char word[RECOVERY_TIME_MAX];
	struct tm utc = {0};

	if (glr__control_value(text, key, word, sizeof(word)) || !strptime(word, "%Y-%m-%dT%H:%M:%SZ", &utc))
		return 0;
	return (uint64_t)timegm(&utc);
}

static bool take_word(const char *text, const char *key, const char *(*text_of)(unsigned value),
		      unsigned count, unsigned *value)
{
	char word[32];

	if (glr__control_value(text, key, word, sizeof(word)))
		return false;
	for (*value = 0; *value < count; ++*value) {
		if (strcmp(word, text_of(*value)) == 0)
			return true;
	}
	return false;
}

static const char *phase_text(unsigned value)
{
	return glr_phase_text((enum glr_phase)value);
}

static const char *condition_text(unsigned value)
{
	return glr_condition_text((enum glr_list_condition)value);
}

static void take_progress(struct group_facts *facts, const char *text)
{
	uint64_t now_s = (uint64_t)time(NULL), end_s = take_time(text, "grace_end");
	struct glr_status *status = &facts->status;

	glr__control_number(text, "clients", &status->clients);
	glr__control_number(text, "told", &status->told);
	glr__control_number(text, "acknowledged", &status->acknowledged);
	glr__control_number(text, "returned", &status->seen);
	glr__control_number(text, "missed", &status->missed);
	glr__control_number(text, "nfsv4", &status->v4_clients);
	status->grace_left_ms = end_s > now_s ? (end_s - now_s) * 1000 : 0;
}

static void take_report(struct group_facts *facts, const char *text)
{
	struct recovery_report *last = &facts->last;
	char names[512], *rest = names, *name;
	uint64_t missed = 0;

	last->began_s = take_time(text, "began");
	facts->recovered = last->began_s != 0;
	if (!facts->recovered)
		return;
	if (!glr__control_number(text, "duration_s", &last->duration_ms))
		last->duration_ms *= 1000;
	glr__control_number(text, "clients", &last->clients);
	glr__control_number(text, "acknowledged", &last->acknowledged);
	glr__control_number(text, "returned", &last->returned);
	glr__control_number(text, "missed", &missed);
	if (!glr__control_value(text, "missed_clients", names, sizeof(names))) {
		while ((name = strsep(&rest, ",")) && strcmp(name, "...") != 0)
			recovery_report_missed(last, name);
	}
	last->missed = missed; /* not all may be named */
}

static void take_attribute(struct group_facts *facts, const char *text)
{
	uint64_t nsm_state = 0;
	unsigned value;

	if (!take_word(text, "phase", phase_text, GLR_PHASE_CLOSED + 1, &value))
		return;
	facts->source = FACTS_ATTRIBUTE;
	facts->status.phase = (enum glr_phase)value;
	if (take_word(text, "list", condition_text, GLR_LIST_MISSING + 1, &value))
		facts->status.condition = (enum glr_list_condition)value;
	glr__control_number(text, "epoch", &facts->status.epoch);
	glr__control_number(text, "nsm_state", &nsm_state);
	facts->status.nsm_state = (uint32_t)nsm_state;
	if (glr__control_value(text, "addresses", facts->addresses, sizeof(facts->addresses)))
		facts->addresses[0] = '\0';
	if (facts->status.phase == GLR_PHASE_RECOVERING)
		take_progress(facts, text);
	else
		take_report(facts, text);
}

static bool is_wanted(const struct status_request *request, const char *group)
{
	char *const *name = request->names;

	while (*name && strcmp(*name, group) != 0)
		name++;
	return *name || !*request->names;
}

static int add_configured(const struct status_request *request, const struct glr_cluster *cluster,
			  struct groups *groups)
{
	char local[256] = "";

	if (cluster->group_count)
		cluster_local_node(local);
	for (size_t i = 0; i < cluster->group_count; i++) {
		const struct glr_cluster_group *configured = &cluster->groups[i];
		struct group_facts *facts;

		if (!is_wanted(request, configured->group))
			continue;
		facts = groups_add(groups, configured->group);
		if (!facts)
			return -ENOMEM;
		snprintf(facts->node, sizeof(facts->node), "%s", configured->node);
		if (*facts->node && strcmp(facts->node, local) == 0)
			facts_ask(request, facts);
		else
			take_attribute(facts, configured->attribute);
	}
	return 0;
}

struct others {
	const struct status_request *request;
	struct groups *groups;
};

/* Started by hand, or while the cluster believes otherwise. */
static int add_other(const char *group, void *arg)
{
	struct others *others = arg;
	struct group_facts *facts = groups_find(others->groups, group);

	if (!is_wanted(others->request, group) || (facts && facts->source != FACTS_NONE))
		return 0;
	if (!facts)
		facts = groups_add(others->groups, group);
	if (!facts)
		return -ENOMEM;
	facts_ask(others->request, facts);
	return 0;
}

int groups_of_cluster(struct status_request *request, struct groups *groups)
{
	struct others others = {request, groups};
	struct glr_cluster *cluster;
	int rc = cluster_ask(&cluster);
	int code = CMD_OK;

	if (rc == -ENOTCONN)
		return output_error(&request->out, CMD_NOT_CONNECTED,
				    "no cluster manager runs on this node: start it, or leave out --cluster");
	if (!rc)
		rc = add_configured(request, cluster, groups);
	glr_cluster_free(cluster);
	if (!rc)
		rc = groups_foreach(add_other, &others);
	if (rc)
		return output_error(&request->out, CMD_ERROR,
				    "crm_mon or cibadmin gave no usable answer (%s): try them by hand",
				    strerror(-rc));
	for (char *const *name = request->names; *name; name++) {
		if (!groups_find(groups, *name))
			code = output_error(&request->out, CMD_NO_SUCH,
					    "no ocf:glr:nfsserver of this cluster has group=%s", *name);
	}
	return code;
}
