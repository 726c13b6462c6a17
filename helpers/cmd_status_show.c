/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A group as text, or as XML. */
#include "cmd_status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *facts_headline(const struct group_facts *facts, char text[STATUS_LINE_MAX])
{
	const char *phase = glr_phase_text(facts->status.phase);
	int length;

	if (facts->error)
		snprintf(text, STATUS_LINE_MAX, "%s: %s", facts->group,
			 facts->error == -ENOENT || facts->error == -EINVAL ? "not started on this node"
			 : facts->error == -ECONNREFUSED		    ? "its status monitor is dead"
			 : facts->error == -ETIMEDOUT ? "its status monitor does not answer"
						      : strerror(-facts->error));
	else if (!*facts->node)
		snprintf(text, STATUS_LINE_MAX, "%s: stopped", facts->group);
	else if (facts->source == FACTS_NONE)
		snprintf(text, STATUS_LINE_MAX, "%s: on %s, which tells no more", facts->group, facts->node);
	else {
		length = snprintf(text, STATUS_LINE_MAX, "%s: %s on %s", facts->group, phase, facts->node);
		if (facts->status.phase == GLR_PHASE_RECOVERING)
			snprintf(text + length, STATUS_LINE_MAX - (size_t)length,
				 ", at most %" PRIu64 " s of grace left",
				 (facts->status.grace_left_ms + 999) / 1000);
	}
	return text;
}

const char *facts_last_recovery(const struct group_facts *facts, char text[STATUS_LINE_MAX])
{
	const struct recovery_report *last = &facts->last;
	char began[RECOVERY_TIME_MAX];

	text[0] = '\0';
	if (facts->recovered)
		snprintf(text, STATUS_LINE_MAX,
			 "last recovery: %s, %.1f s: %" PRIu64 " clients told, %" PRIu64
			 " acknowledged, %" PRIu64 " returned, %" PRIu64 " missed",
			 recovery_report_time(last->began_s, began), (double)last->duration_ms / 1000,
			 last->clients, last->acknowledged, last->returned, last->missed);
	return text;
}

/* Calls fn for each missed client of the last recovery. */
static void missed_foreach(struct output *out, const struct recovery_report *last,
			   void (*fn)(struct output *out, const char *name))
{
	for (const char *at = last->names; at && *at; at += strcspn(at, "\n") + 1) {
		char name[GLR_NAME_MAX];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, "\n"), at);
		fn(out, name);
	}
}

/* ---- text ------------------------------------------------------------------------------ */

static void missed_text(struct output *out, const char *name)
{
	output_text(out, "    missed: %s", name);
}

static bool counts_known(const struct group_facts *facts)
{
	return facts->source == FACTS_MONITOR || facts->status.phase == GLR_PHASE_RECOVERING;
}

static void show_text(struct output *out, const struct group_facts *facts)
{
	const struct glr_status *status = &facts->status;
	char line[STATUS_LINE_MAX];

	output_text(out, "%s", facts_headline(facts, line));
	if (facts->source == FACTS_NONE)
		return;
	output_text(out, "  addresses: %s", *facts->addresses ? facts->addresses : "none");
	if (counts_known(facts))
		output_text(out,
			    "  clients: %" PRIu64 " on the list, %" PRIu64 " told, %" PRIu64
			    " acknowledged, %" PRIu64 " returned, %" PRIu64 " missed; %" PRIu64 " over NFSv4",
			    status->clients, status->told, status->acknowledged, status->seen, status->missed,
			    status->v4_clients);
	if (facts->locks_v3 >= 0)
		output_text(out, "  locks: %" PRId64 " held over NFSv3, %" PRId64 " over NFSv4",
			    facts->locks_v3, facts->locks_v4);
	output_text(out, "  epoch: %" PRIu64 ", NSM state %" PRIu32, status->epoch, status->nsm_state);
	if (facts->source == FACTS_MONITOR)
		output_text(out, "  list: %s, %s", glr_condition_text(status->condition),
			    status->durable ? "writable" : "NOT WRITABLE: new clients get no lock");
	else
		output_text(out, "  list: %s", glr_condition_text(status->condition));
	if (facts->recovered)
		output_text(out, "  %s", facts_last_recovery(facts, line));
	missed_foreach(out, &facts->last, missed_text);
	if (*status->last_error)
		output_text(out, "  last error: %s", status->last_error);
}

/* ---- XML ------------------------------------------------------------------------------- */

static void missed_xml(struct output *out, const char *name)
{
	output_begin(out, "missed-client", "name", name, NULL);
	output_end(out);
}

static void addresses_xml(struct output *out, const char *addresses)
{
	for (const char *at = addresses; *at; at += strspn(at, ",")) {
		char address[GLR_ADDRESS_TEXT_MAX];
		size_t length = strcspn(at, ",");

		snprintf(address, sizeof(address), "%.*s", (int)length, at);
		output_begin(out, "address", "value", address, NULL);
		output_end(out);
		at += length;
	}
}

static void counts_xml(struct output *out, const struct group_facts *facts)
{
	const struct glr_status *status = &facts->status;
	char numbers[8][24];

	if (counts_known(facts)) {
		output_begin(out, "clients", "listed", output_number(status->clients, numbers[0]), "told",
			     output_number(status->told, numbers[1]), "acknowledged",
			     output_number(status->acknowledged, numbers[2]), "returned",
			     output_number(status->seen, numbers[3]), "missed",
			     output_number(status->missed, numbers[4]), "nfsv4",
			     output_number(status->v4_clients, numbers[5]), NULL);
		output_end(out);
	}
	if (facts->locks_v3 >= 0) {
		output_begin(out, "locks", "nfsv3", output_number((uint64_t)facts->locks_v3, numbers[6]),
			     "nfsv4", output_number((uint64_t)facts->locks_v4, numbers[7]), NULL);
		output_end(out);
	}
}

static void last_recovery_xml(struct output *out, const struct recovery_report *last)
{
	char began[RECOVERY_TIME_MAX], numbers[5][24];

	output_begin(out, "last-recovery", "began", recovery_report_time(last->began_s, began), "duration-ms",
		     output_number(last->duration_ms, numbers[0]), "clients",
		     output_number(last->clients, numbers[1]), "acknowledged",
		     output_number(last->acknowledged, numbers[2]), "returned",
		     output_number(last->returned, numbers[3]), "missed",
		     output_number(last->missed, numbers[4]), NULL);
	missed_foreach(out, last, missed_xml);
	output_end(out);
}

static void details_xml(struct output *out, const struct group_facts *facts)
{
	const struct glr_status *status = &facts->status;

	addresses_xml(out, facts->addresses);
	counts_xml(out, facts);
	output_begin(out, "list", "condition", glr_condition_text(status->condition),
		     facts->source == FACTS_MONITOR ? "writable" : NULL, status->durable ? "true" : "false",
		     NULL);
	output_end(out);
	if (facts->recovered)
		last_recovery_xml(out, &facts->last);
	if (*status->last_error) {
		output_begin(out, "last-error", "message", status->last_error, NULL);
		output_end(out);
	}
}

static void show_xml(struct output *out, const struct group_facts *facts)
{
	static const char *const sources[] = {
		[FACTS_NONE] = "cluster", [FACTS_MONITOR] = "monitor", [FACTS_ATTRIBUTE] = "attribute"};
	const struct glr_status *status = &facts->status;
	char numbers[3][24];

	if (facts->source == FACTS_NONE)
		output_begin(out, "group", "name", facts->group, "source", sources[facts->source],
			     *facts->node ? "node" : NULL, facts->node, NULL);
	else
		output_begin(out, "group", "name", facts->group, "source", sources[facts->source], "node",
			     facts->node, "phase", glr_phase_text(status->phase), "grace-left-ms",
			     output_number(status->grace_left_ms, numbers[0]), "epoch",
			     output_number(status->epoch, numbers[1]), "nsm-state",
			     output_number(status->nsm_state, numbers[2]), NULL);
	if (facts->source != FACTS_NONE)
		details_xml(out, facts);
	output_end(out);
}

int facts_show(struct output *out, const struct group_facts *facts)
{
	if (facts->error)
		return group_unreachable(out, facts->group, facts->error, "");
	show_text(out, facts);
	show_xml(out, facts);
	return facts->source == FACTS_MONITOR && !facts->status.durable ? CMD_DEGRADED : CMD_OK;
}
