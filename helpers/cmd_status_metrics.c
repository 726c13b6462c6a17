/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For Prometheus: its text format, version 0.0.4, as node_exporter's textfile collector takes it. */
#include "cmd_status.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct sample {
	const struct group_facts *facts;
	FILE *out;
	const char *metric;
};

/* A name in the runtime directory can be anything, and the format is UTF-8. */
static void put_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value < ' ' || *value > '~' ? '?' : *value, out);
	}
	fputc('"', out);
}

/* @param label NULL: the group is the only one */
static void put(const struct sample *sample, const char *label, const char *value, double number)
{
	fprintf(sample->out, "group_lockrecover_%s{", sample->metric);
	put_label(sample->out, "group", sample->facts->group);
	if (label) {
		fputc(',', sample->out);
		put_label(sample->out, label, value);
	}
	fprintf(sample->out, "} %.15g\n", number);
}

/* ---- what each metric has to say of a group ------------------------------------------------ */

static void put_up(const struct sample *s)
{
	put(s, NULL, NULL, s->facts->source == FACTS_MONITOR);
}

static void put_phase(const struct sample *s)
{
	for (unsigned phase = GLR_PHASE_PREPARED; phase <= GLR_PHASE_CLOSED; phase++)
		put(s, "phase", glr_phase_text(phase), s->facts->status.phase == phase);
}

static void put_grace_left(const struct sample *s)
{
	put(s, NULL, NULL, (double)s->facts->status.grace_left_ms / 1000);
}

static void put_clients(const struct sample *s)
{
	put(s, "version", "3", (double)s->facts->status.clients);
	put(s, "version", "4", (double)s->facts->status.v4_clients);
}

static void put_recovery(const struct sample *s)
{
	const struct glr_status *status = &s->facts->status;

	put(s, "progress", "told", (double)status->told);
	put(s, "progress", "acknowledged", (double)status->acknowledged);
	put(s, "progress", "returned", (double)status->seen);
	put(s, "progress", "missed", (double)status->missed);
}

static void put_locks(const struct sample *s)
{
	if (s->facts->locks_v3 < 0)
		return;
	put(s, "version", "3", (double)s->facts->locks_v3);
	put(s, "version", "4", (double)s->facts->locks_v4);
}

static void put_epoch(const struct sample *s)
{
	put(s, NULL, NULL, (double)s->facts->status.epoch);
}

static void put_nsm_state(const struct sample *s)
{
	put(s, NULL, NULL, s->facts->status.nsm_state);
}

static void put_writable(const struct sample *s)
{
	put(s, NULL, NULL, s->facts->status.durable);
}

static void put_condition(const struct sample *s)
{
	for (unsigned condition = GLR_LIST_CLEAN; condition <= GLR_LIST_MISSING; condition++)
		put(s, "condition", glr_condition_text(condition), s->facts->status.condition == condition);
}

static void put_last_time(const struct sample *s)
{
	if (s->facts->recovered)
		put(s, NULL, NULL, (double)s->facts->last.began_s);
}

static void put_last_duration(const struct sample *s)
{
	if (s->facts->recovered)
		put(s, NULL, NULL, (double)s->facts->last.duration_ms / 1000);
}

static void put_last_clients(const struct sample *s)
{
	const struct recovery_report *last = &s->facts->last;

	if (!s->facts->recovered)
		return;
	put(s, "progress", "told", (double)last->clients);
	put(s, "progress", "acknowledged", (double)last->acknowledged);
	put(s, "progress", "returned", (double)last->returned);
	put(s, "progress", "missed", (double)last->missed);
}

static const struct {
	const char *name, *help;
	void (*put)(const struct sample *sample);
} metrics[] = {
	{"up", "Whether the status monitor of the group answers on this node.", put_up},
	{"phase", "1 for the phase that the group is in.", put_phase},
	{"grace_left_seconds", "Upper bound of what is left of the grace period.", put_grace_left},
	{"clients", "Clients on the list, by the version of NFS.", put_clients},
	{"recovery_clients", "NFSv3 clients of the recovery in this epoch.", put_recovery},
	{"locks", "Locks held, by the version of NFS.", put_locks},
	{"epoch", "How often a lock manager was begun for the group.", put_epoch},
	{"nsm_state", "NSM state that clients are told.", put_nsm_state},
	{"list_writable", "Whether new clients can be written to the list.", put_writable},
	{"list_condition", "1 for the condition that the list was found in.", put_condition},
	{"last_recovery_timestamp_seconds", "When the last recovery began.", put_last_time},
	{"last_recovery_duration_seconds", "How long it told clients.", put_last_duration},
	{"last_recovery_clients", "NFSv3 clients of it.", put_last_clients},
};

void metrics_print(const struct groups *groups, FILE *out)
{
	for (size_t i = 0; i < COUNT(metrics); i++) {
		fprintf(out, "# HELP group_lockrecover_%s %s\n# TYPE group_lockrecover_%s gauge\n",
			metrics[i].name, metrics[i].help, metrics[i].name);
		for (size_t j = 0; j < groups->count; j++) {
			const struct sample sample = {&groups->all[j], out, metrics[i].name};

			/* Of a group that does not answer nothing else is known. */
			if (i == 0 || groups->all[j].source == FACTS_MONITOR)
				metrics[i].put(&sample);
		}
	}
}
