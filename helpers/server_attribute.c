/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the group is doing, as a node attribute: crm_mon -A shows it, alerts carry it, and "status --cluster"
 * reads it on other nodes.  Words "key=value".  While clients reclaim they are what is known
 * now, afterwards what the recovery came to: each change makes the cluster look at its plans again.
 */
#include "link_addresses.h"
#include "recovery_report.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MS 2000
#define COMMAND_MAX_S 20
/* The cluster forgets it when the node was taken for lost; the same value again costs it nothing. */
#define REFRESH_S 300
#define NAMES_MAX 256 /* of missed clients; the rest is in the log */

static char addresses[1024];

static int find_addresses(const struct server *server)
{
	return link_addresses(addresses, sizeof(addresses));
}

static void put_recovering(const struct glr_status *status, FILE *out)
{
	struct timespec now;
	char end[RECOVERY_TIME_MAX];

	clock_gettime(CLOCK_REALTIME, &now);
	recovery_report_time((uint64_t)now.tv_sec +
				     ((uint64_t)now.tv_nsec / 1000000 + status->grace_left_ms + 500) / 1000,
			     end);
	fprintf(out,
		" clients=%" PRIu64 " told=%" PRIu64 " acknowledged=%" PRIu64 " returned=%" PRIu64
		" missed=%" PRIu64 " nfsv4=%" PRIu64 " grace_end=%s",
		status->clients, status->told, status->acknowledged, status->seen, status->missed,
		status->v4_clients, end);
}

static void put_names(const struct recovery_report *report, FILE *out)
{
	size_t length = report->names_length;

	fputs(" missed_clients=", out);
	if (length > NAMES_MAX) {
		length = NAMES_MAX;
		while (length && report->names[length - 1] != '\n')
			length--;
	}
	for (size_t i = 0; i + 1 < length; i++)
		fputc(report->names[i] == '\n' ? ',' : report->names[i], out);
	if (length < report->names_length)
		fputs(length ? ",..." : "...", out);
}

static void put_report(const struct recovery_report *report, FILE *out)
{
	char began[RECOVERY_TIME_MAX];

	fprintf(out,
		" clients=%" PRIu64 " acknowledged=%" PRIu64 " returned=%" PRIu64 " missed=%" PRIu64
		" began=%s duration_s=%" PRIu64,
		report->clients, report->acknowledged, report->returned, report->missed,
		recovery_report_time(report->began_s, began), (report->duration_ms + 500) / 1000);
	if (report->missed)
		put_names(report, out);
}

/* @return the text, to be freed, or NULL */
static char *compose(const struct server *server, const struct glr_status *status)
{
	struct recovery_report report;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	fprintf(out, "phase=%s", glr_phase_text(status->phase));
	if (status->phase == GLR_PHASE_RECOVERING)
		put_recovering(status, out);
	else if (recovery_report_read(server->group, &report) == 0) {
		put_report(&report, out);
		recovery_report_clear(&report);
	}
	fprintf(out, " epoch=%" PRIu64 " nsm_state=%" PRIu32 " list=%s", status->epoch, status->nsm_state,
		glr_condition_text(status->condition));
	if (fclose(out) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}

/* Nobody waits for it: the attribute is for people, and a takeover is not. */
static void run_updater(const struct server *server, const char *value)
{
	char name[sizeof("glr-") + GLR_GROUP_MAX];
	int null;

	snprintf(name, sizeof(name), "glr-%s", server->group);
	if (fork() != 0)
		return;
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	alarm(COMMAND_MAX_S);
	if (value)
		execlp("attrd_updater", "attrd_updater", "--name", name, "--update", value, NULL);
	else
		execlp("attrd_updater", "attrd_updater", "--name", name, "--delete", NULL);
	_exit(127);
}

static bool is_recent(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && time(NULL) - st.st_mtime < REFRESH_S;
}

static void publish(const struct server *server, const char *text)
{
	char path[PATH_MAX], last[4096] = "", *value;

	glr__read_text(AT_FDCWD, server_path(server, SERVER_ATTRIBUTE_FILE, path), last, sizeof(last));
	if ((!strcmp(text, last) && is_recent(path)) ||
	    server_replace(server, SERVER_ATTRIBUTE_FILE, text, 0600) < 0)
		return;
	if (server_inside(server, find_addresses) <= 0 ||
	    asprintf(&value, "%s addresses=%s", text, addresses) < 0)
		return;
	run_updater(server, value);
	free(value);
}

void server_attribute_update(const struct server *server)
{
	struct glr_status status;
	char *text;

	if (glr_status_get(server->group, ANSWER_MS, &status) < 0 ||
	    (status.phase != GLR_PHASE_RECOVERING && status.phase != GLR_PHASE_SERVING))
		return;
	text = compose(server, &status);
	if (text)
		publish(server, text);
	free(text);
}

void server_attribute_delete(const struct server *server)
{
	char path[PATH_MAX];

	if (unlink(server_path(server, SERVER_ATTRIBUTE_FILE, path)) == 0)
		run_updater(server, NULL);
}
