/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: how the groups on this node are doing. */
#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

struct report {
	struct output out;
	int code; /* of the first group that is not fine */
	unsigned groups;
};

static void print_text(struct output *out, const struct glr_status *status)
{
	char left[48] = "";

	if (status->phase == GLR_PHASE_RECOVERING)
		snprintf(left, sizeof(left), ", at most %" PRIu64 " s of grace left",
			 (status->grace_left_ms + 999) / 1000);
	output_text(out, "%s: %s%s", status->group, glr_phase_text(status->phase), left);
	output_text(out,
		    "  clients: %" PRIu64 " on the list, %" PRIu64 " told, %" PRIu64 " acknowledged, %" PRIu64
		    " back, %" PRIu64 " missed; %" PRIu64 " over NFSv4",
		    status->clients, status->told, status->acknowledged, status->seen, status->missed,
		    status->v4_clients);
	output_text(out, "  epoch: %" PRIu64 ", NSM state %" PRIu32, status->epoch, status->nsm_state);
	output_text(out, "  list: %s, %s", glr_condition_text(status->condition),
		    status->durable ? "writable" : "NOT WRITABLE: new clients get no lock");
	if (*status->last_error)
		output_text(out, "  last error: %s", status->last_error);
}

static void print_xml(struct output *out, const struct glr_status *status)
{
	char numbers[9][24];

	output_begin(out, "group", "name", status->group, "phase", glr_phase_text(status->phase),
		     "grace-left-ms", output_number(status->grace_left_ms, numbers[0]), "epoch",
		     output_number(status->epoch, numbers[1]), "nsm-state",
		     output_number(status->nsm_state, numbers[2]), NULL);
	output_begin(out, "clients", "listed", output_number(status->clients, numbers[3]), "told",
		     output_number(status->told, numbers[4]), "acknowledged",
		     output_number(status->acknowledged, numbers[5]), "back",
		     output_number(status->seen, numbers[6]), "missed",
		     output_number(status->missed, numbers[7]), "nfsv4",
		     output_number(status->v4_clients, numbers[8]), NULL);
	output_end(out);
	output_begin(out, "list", "condition", glr_condition_text(status->condition), "writable",
		     status->durable ? "true" : "false", NULL);
	output_end(out);
	if (*status->last_error) {
		output_begin(out, "last-error", "message", status->last_error, NULL);
		output_end(out);
	}
	output_end(out);
}

/* One group that fails does not keep the others from being shown. */
static int show(const char *group, void *arg)
{
	struct report *report = arg;
	struct glr_status status;
	int code = CMD_OK;
	int rc;

	report->groups++;
	rc = glr_status_get(group, CMD_TIMEOUT_MS, &status);
	if (rc) {
		code = group_unreachable(&report->out, group, rc, "");
	} else {
		print_text(&report->out, &status);
		print_xml(&report->out, &status);
		if (!status.durable)
			code = CMD_DEGRADED;
	}
	if (!report->code)
		report->code = code;
	return 0;
}

int cmd_status(int argc, char *argv[])
{
	static const struct option options[] = {OUTPUT_OPTION, {"help", no_argument, NULL, 'h'}, {0}};
	struct report report = {.code = CMD_OK};
	const char *format = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'o')
			return cmd_usage("status", option == 'h' ? CMD_OK : CMD_USAGE);
		format = optarg;
	}
	option = output_open(&report.out, format, "status");
	if (option)
		return option;

	for (int i = optind; i < argc; i++)
		show(argv[i], &report);
	if (optind == argc)
		groups_foreach(show, &report);
	if (!report.groups)
		output_text(&report.out, "no group is started on this node");
	return output_close(&report.out, report.code);
}
