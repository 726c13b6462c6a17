/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the end of a recovery writes down:
 * - acknowledged, but no SM_MON since: struck off, when the namespace was fresh, the cookies
 *   are whole and one monitor ran the whole window.  A client too many is told once more, one too
 *   few loses its locks.
 * - neither acknowledged nor seen: missed.  Its locks may go to others when grace ends, so that it
 *   must not be told to reclaim them later.  Who acknowledged to a monitor that died did acknowledge.
 * - not seen when somebody ends grace: missed, acknowledged or not.  It had no time to come back.
 */
#include "recovery_report.h"
#include "statd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define TRIES_MS 10000 /* several retransmissions */

enum outcome { OUTCOME_OTHER, OUTCOME_BACK, OUTCOME_SILENT, OUTCOME_ABSENT };

struct verdict {
	char *name;
	enum outcome outcome;
};

struct judging {
	struct statd *statd;
	const struct statd_ending *ending;
	struct verdict *verdicts;
	size_t count;
	struct recovery_report report;
};

static enum outcome judge(const struct judging *judging, const struct glr_list_client *client)
{
	int progress = -ENOENT;

	if (judging->ending->engine)
		progress = glr__notify_progress(judging->ending->engine, client->name);
	if (client->kind != GLR_LIST_NSM || client->missed || progress < 0)
		return OUTCOME_OTHER;
	if (glr__cookies_seen(judging->statd->cookies, client->name))
		return OUTCOME_BACK;
	return progress == GLR__ACKNOWLEDGED ? OUTCOME_ABSENT : OUTCOME_SILENT;
}

/* Names are copied: the list changes while they are worked through. */
static int collect(const struct glr_list_client *client, void *arg)
{
	struct judging *judging = arg;
	struct verdict *verdict = &judging->verdicts[judging->count];

	verdict->outcome = judge(judging, client);
	if (verdict->outcome == OUTCOME_OTHER)
		return 0;
	verdict->name = strdup(client->name);
	if (!verdict->name)
		return -ENOMEM;
	judging->count++;
	return 0;
}

static void change(struct statd *statd, enum glr__change kind, const char *name)
{
	int rc = glr__monitor_change(statd->monitor, kind, name, glr__now_ms());

	if (rc)
		glr_err("client=%s: end of recovery not written: %s", name ? name : "-", strerror(-rc));
	statd_monitor_tick(statd);
}

static void miss(struct judging *judging, const char *name, const char *why)
{
	if (judging->report.missed < STATD_NAMED_MAX)
		glr_notice("client=%s: missed: %s, and its locks are gone", name, why);
	change(judging->statd, GLR__CHANGE_MISSED, name);
	recovery_report_missed(&judging->report, name);
}

static void write_down(struct judging *judging)
{
	const struct statd_ending *ending = judging->ending;
	bool whole = glr__cookies_whole(judging->statd->cookies);
	bool strike = whole && ending->whole_window && ending->fresh && !ending->resumed;
	bool cut = whole && ending->by_hand && ending->fresh;
	bool mark = whole && (ending->whole_window || glr__now_ms() - ending->began_ms >= TRIES_MS);

	for (size_t i = 0; i < judging->count; i++) {
		const struct verdict *verdict = &judging->verdicts[i];

		if (verdict->outcome == OUTCOME_BACK) {
			judging->report.returned++;
		} else if (cut) {
			miss(judging, verdict->name, "grace was ended before it came back");
		} else if (verdict->outcome == OUTCOME_SILENT && mark) {
			miss(judging, verdict->name, "it did not answer in the whole recovery");
		} else if (verdict->outcome == OUTCOME_ABSENT && strike) {
			glr_info("client=%s: struck off: it answered and asked for no lock", verdict->name);
			change(judging->statd, GLR__CHANGE_REMOVE, verdict->name);
		}
	}
	change(judging->statd, GLR__CHANGE_END, NULL);
}

/* For people only: nothing depends on it. */
static void keep_report(struct judging *judging, uint32_t nsm_state)
{
	struct recovery_report *report = &judging->report;
	struct glr__notify_counts counts = {0};
	int rc;

	if (judging->ending->engine)
		glr__notify_get_counts(judging->ending->engine, &counts);
	report->clients = counts.clients;
	report->acknowledged = counts.acknowledged;
	report->nsm_state = nsm_state;
	report->duration_ms = glr__now_ms() - judging->ending->began_ms;
	report->began_s = (uint64_t)time(NULL) - report->duration_ms / 1000;
	if (judging->ending->engine)
		glr_notice("recovery ended after %.1f s: of %zu clients %zu acknowledged, %" PRIu64
			   " are back, %" PRIu64 " are missed",
			   (double)report->duration_ms / 1000, counts.clients, counts.acknowledged,
			   report->returned, report->missed);
	rc = recovery_report_write(judging->statd->report_fd, report);
	if (rc)
		glr_warn("what the recovery came to cannot be kept: %s", strerror(-rc));
}

void statd_ending(struct statd *statd, const struct statd_ending *ending)
{
	struct judging judging = {.statd = statd, .ending = ending};
	struct glr_list_facts facts;

	glr_list_get_facts(statd->list, &facts);
	judging.verdicts = calloc(facts.clients + facts.missed + 1, sizeof(*judging.verdicts));
	if (judging.verdicts && !glr_list_foreach(statd->list, collect, &judging)) {
		write_down(&judging);
		keep_report(&judging, facts.nsm_state);
	} else {
		glr_err("recovery ended, but without memory nothing of it is written down");
	}
	while (judging.count)
		free(judging.verdicts[--judging.count].name);
	free(judging.verdicts);
	recovery_report_clear(&judging.report);
}

/* ---- NFSv4 --------------------------------------------------------------------------- */

static int say_late(const struct glr_list_client *client, void *arg)
{
	size_t *late = arg;

	if (client->kind == GLR_LIST_NFSV4 && !client->current && ++*late <= STATD_NAMED_MAX)
		glr_notice("client=%s: missed: nfsd did not say that it reclaimed over NFSv4", client->name);
	return 0;
}

void statd_ending_v4(const struct statd *statd)
{
	struct glr_list_facts facts;
	size_t late = 0;

	glr_list_get_facts(statd->list, &facts);
	glr_list_foreach(statd->list, say_late, &late);
	if (facts.v4_in_grace && facts.v4_recoverable)
		glr_notice("NFSv4: grace is over: %zu of %zu clients did not come back", late,
			   facts.v4_recoverable);
}
