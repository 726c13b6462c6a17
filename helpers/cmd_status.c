/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status: how groups are doing. */
#include "cmd_status.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MAX_S 3600

int status_collect(struct status_request *request, struct groups *groups)
{
	if (request->cluster)
		return groups_of_cluster(request, groups);
	if (groups_of_node(request, groups))
		return output_error(&request->out, CMD_OS_ERROR, "out of memory");
	return CMD_OK;
}

/* One group that fails does not keep the others from being shown.  @return the first code that is not 0 */
static int show_all(struct status_request *request)
{
	struct groups groups = {0};
	int code = status_collect(request, &groups);

	for (size_t i = 0; i < groups.count; i++) {
		int one = facts_show(&request->out, &groups.all[i]);

		code = code ? code : one;
	}
	if (!groups.count && !code)
		output_text(&request->out, request->cluster ? "the cluster has no group"
							    : "no group is started on this node");
	groups_clear(&groups);
	return code;
}

static int show_metrics(struct status_request *request)
{
	struct groups groups = {0};
	int code = status_collect(request, &groups);

	metrics_print(&groups, stdout);
	groups_clear(&groups);
	return code;
}

static bool take_interval(const char *text, unsigned *interval_s)
{
	char *end;
	unsigned long number = text ? strtoul(text, &end, 10) : 1;

	if (text && (*text < '0' || *text > '9' || *end))
		return false;
	*interval_s = (unsigned)number;
	return number >= 1 && number <= INTERVAL_MAX_S;
}

static bool take_option(int option, const char **format, struct status_request *request)
{
	switch (option) {
	case 'o':
		*format = optarg;
		return true;
	case 'c':
		request->cluster = true;
		return true;
	case 'w':
		return take_interval(optarg, &request->interval_s);
	default:
		return false;
	}
}

int cmd_status(int argc, char *argv[])
{
	static const struct option known[] = {OUTPUT_OPTION,
					      {"cluster", no_argument, NULL, 'c'},
					      {"watch", optional_argument, NULL, 'w'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	struct status_request request = {0};
	const char *format = NULL;
	bool metrics;
	int option, code;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (!take_option(option, &format, &request))
			return cmd_usage("status", option == 'h' ? CMD_OK : CMD_USAGE);
	}
	request.names = &argv[optind];
	metrics = format && strcmp(format, "prometheus") == 0;
	if (request.interval_s && format && strcmp(format, "text") != 0)
		return cmd_usage("status", CMD_USAGE);
	code = output_open(&request.out, metrics ? NULL : format, "status");
	if (code)
		return code;
	if (request.interval_s)
		code = status_watch(&request);
	else
		code = metrics ? show_metrics(&request) : show_all(&request);
	return output_close(&request.out, code);
}
