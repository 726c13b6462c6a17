/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --watch: one short frame that is redrawn in place, or a line for each change. */
#include "cmd_status.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH 40

/* ---- one group --------------------------------------------------------------------------- */

static const char *bar(const struct glr_status *status, char text[BAR_WIDTH + 1])
{
	uint64_t filled = status->clients ? status->acknowledged * BAR_WIDTH / status->clients : BAR_WIDTH;

	if (filled > BAR_WIDTH)
		filled = BAR_WIDTH;
	memset(text, '-', BAR_WIDTH);
	memset(text, '#', filled);
	text[BAR_WIDTH] = '\0';
	return text;
}

static void frame_group(struct output *out, const struct group_facts *facts)
{
	const struct glr_status *status = &facts->status;
	char line[STATUS_LINE_MAX], filled[BAR_WIDTH + 1];

	output_text(out, "%s", facts_headline(facts, line));
	if (facts->source != FACTS_NONE && status->phase == GLR_PHASE_RECOVERING)
		output_text(out,
			    "  [%s] %" PRIu64 " of %" PRIu64 " acknowledged, %" PRIu64 " returned, %" PRIu64
			    " missed",
			    bar(status, filled), status->acknowledged, status->clients, status->seen,
			    status->missed);
	else if (facts->recovered)
		output_text(out, "  %s", facts_last_recovery(facts, line));
}

/* What is worth a line: not the time that passes. */
static void line_group(const struct group_facts *facts, char line[STATUS_LINE_MAX])
{
	const struct glr_status *status = &facts->status;

	facts_headline(facts, line);
	if (facts->source == FACTS_NONE)
		return;
	snprintf(line, STATUS_LINE_MAX,
		 "%s: %s on %s: %" PRIu64 " clients, %" PRIu64 " told, %" PRIu64 " acknowledged, %" PRIu64
		 " returned, %" PRIu64 " missed",
		 facts->group, glr_phase_text(status->phase), facts->node, status->clients, status->told,
		 status->acknowledged, status->seen, status->missed);
}

/* ---- a terminal ---------------------------------------------------------------------------- */

/* Every line is of ASCII and stays shorter than the terminal, so that it can be counted.
 * @return how many lines were drawn */
static unsigned draw(const char *frame, unsigned above)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	unsigned lines = 0;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (above)
		printf("\033[%uA", above);
	printf("\r\033[J");
	for (; *frame && lines + 1 < size.ws_row; lines++) {
		int length = (int)strcspn(frame, "\n");

		printf("%.*s\n", length < size.ws_col ? length : size.ws_col - 1, frame);
		frame += length + 1;
	}
	fflush(stdout);
	return lines;
}

static int draw_groups(const struct groups *groups, unsigned *above)
{
	struct output out = {0};
	char *frame = NULL;
	size_t length;

	out.stream = open_memstream(&frame, &length);
	if (!out.stream)
		return CMD_OS_ERROR;
	for (size_t i = 0; i < groups->count; i++)
		frame_group(&out, &groups->all[i]);
	if (!groups->count)
		output_text(&out, "no group is started on this node");
	fclose(out.stream);
	*above = draw(frame, *above);
	free(frame);
	return CMD_OK;
}

/* ---- no terminal ----------------------------------------------------------------------------- */

struct said {
	char group[256], line[STATUS_LINE_MAX];
	bool there;
};

struct lines {
	struct said *all;
	size_t count;
};

static struct said *said_of(struct lines *lines, const char *group)
{
	struct said *grown;

	for (size_t i = 0; i < lines->count; i++) {
		if (strcmp(lines->all[i].group, group) == 0)
			return &lines->all[i];
	}
	grown = realloc(lines->all, (lines->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	lines->all = grown;
	lines->all[lines->count] = (struct said){0};
	snprintf(lines->all[lines->count].group, sizeof(lines->all->group), "%s", group);
	return &lines->all[lines->count++];
}

static void say(struct said *said, const char *line)
{
	struct output out = {0};
	time_t now = time(NULL);
	struct tm local;
	char clock[16];

	said->there = true;
	if (strcmp(said->line, line) == 0)
		return;
	snprintf(said->line, sizeof(said->line), "%s", line);
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &local));
	output_text(&out, "%s %s", clock, line);
	fflush(stdout);
}

static int say_changes(const struct groups *groups, struct lines *lines)
{
	char line[STATUS_LINE_MAX];

	for (size_t i = 0; i < lines->count; i++)
		lines->all[i].there = false;
	for (size_t i = 0; i < groups->count; i++) {
		struct said *said = said_of(lines, groups->all[i].group);

		if (!said)
			return CMD_OS_ERROR;
		line_group(&groups->all[i], line);
		say(said, line);
	}
	for (size_t i = 0; i < lines->count; i++) {
		struct said *said = &lines->all[i];

		if (said->there)
			continue;
		snprintf(line, sizeof(line), "%s: gone", said->group);
		say(said, line);
	}
	return CMD_OK;
}

/* ---- until a signal comes ----------------------------------------------------------------------- */

/* Nothing of the terminal was changed, but the shell's prompt belongs on a line of its own. */
static void end(int signal)
{
	ssize_t written = isatty(STDOUT_FILENO) ? write(STDOUT_FILENO, "\n", 1) : 0;

	_exit(written < 0 ? CMD_ERROR : CMD_OK);
}

int status_watch(struct status_request *request)
{
	bool terminal = isatty(STDOUT_FILENO);
	struct lines lines = {0};
	unsigned above = 0;
	int code;

	signal(SIGINT, end);
	signal(SIGTERM, end);
	do {
		struct groups groups = {0};

		code = status_collect(request, &groups);
		if (!code)
			code = terminal ? draw_groups(&groups, &above) : say_changes(&groups, &lines);
		groups_clear(&groups);
		if (!code)
			sleep(request->interval_s);
	} while (!code && !ferror(stdout));
	free(lines.all);
	return code;
}
