/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify: tells the clients of a list to reclaim, where no status monitor of a group does. */
#include "cmd.h"
#include "notify_run.h"
#include "statd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_S 30
#define TIMEOUT_MAX_S 3600
#define OR_FORCE "; --force overrides"

struct request {
	const char *format, *list, *sm;
	struct glr__window window;
	uint32_t state;
	uint64_t timeout_s;
	bool force;
	struct output out;
	bool incomplete; /* the list may not name everybody */
};

/* ---- what was asked for -------------------------------------------------------------- */

static bool set_words(char *words, size_t size, const char *text)
{
	return (size_t)snprintf(words, size, "%s", text) < size;
}

static bool set_number(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *number && *number <= max;
}

/* Odd: the host is up (X/Open NSM, SM_NOTIFY). */
static bool set_state(struct request *request, const char *text)
{
	uint64_t state;

	if (!set_number(text, UINT32_MAX, &state) || state % 2 == 0)
		return false;
	request->state = (uint32_t)state;
	return true;
}

static bool take_option(struct request *request, int option)
{
	switch (option) {
	case 'o':
		request->format = optarg;
		return true;
	case 'l':
		request->list = optarg;
		return true;
	case 's':
		request->sm = optarg;
		return true;
	case 'a':
		return set_words(request->window.identifiers, sizeof(request->window.identifiers), optarg);
	case 'n':
		return set_words(request->window.names, sizeof(request->window.names), optarg);
	case 'S':
		return set_state(request, optarg);
	case 't':
		return set_number(optarg, TIMEOUT_MAX_S, &request->timeout_s);
	case 'f':
		request->force = true;
		return true;
	default:
		return false;
	}
}

/* ---- whether it makes sense ------------------------------------------------------------ */

static int check_address(struct output *out, const char *text)
{
	struct glr_address address;
	int fd;

	if (glr_address_parse(text, &address))
		return output_error(out, CMD_USAGE, "%s is not an IP address", text);
	fd = statd_privileged_socket(&address, SOCK_DGRAM);
	if (fd == -EACCES)
		return output_error(out, CMD_NO_PERMISSION,
				    "clients listen to privileged ports only: run this as root");
	if (fd == -EADDRNOTAVAIL)
		return output_error(out, CMD_NO_SUCH,
				    "%s is not an address of this network namespace: for one of a group use "
				    "'group-lockrecover exec GROUP -- group-lockrecover notify ...'",
				    text);
	if (fd < 0)
		return output_error(out, CMD_OS_ERROR, "%s: %s", text, strerror(-fd));
	close(fd);
	return CMD_OK;
}

static int check_addresses(struct request *request)
{
	char words[sizeof(request->window.identifiers)];
	char *word, *rest = words;
	int code = CMD_OK;

	memcpy(words, request->window.identifiers, sizeof(words));
	while (!code && (word = strsep(&rest, ",")))
		code = check_address(&request->out, word);
	return code;
}

static int check_grace(struct request *request)
{
	int active = glr__grace_active(-1);

	if (active == 1 || request->force)
		return CMD_OK;
	if (active < 0)
		return output_error(
			&request->out, CMD_UNSAFE,
			"no telling whether this server is in its grace period (%s), and a client "
			"that is told to reclaim outside of it loses the locks that it holds" OR_FORCE,
			strerror(-active));
	return output_error(
		&request->out, CMD_UNSAFE,
		"lockd is not in its grace period, and a client that is told to reclaim outside of it "
		"loses the locks that it holds" OR_FORCE);
}

static int check_group(struct request *request, const char *group)
{
	struct glr_status status;

	if (request->force || glr_status_get(group, CMD_TIMEOUT_MS, &status) == -ENOENT)
		return CMD_OK;
	return output_error(&request->out, CMD_UNSAFE,
			    "group %s is started on this node and tells its clients itself: use "
			    "'group-lockrecover recover %s'" OR_FORCE,
			    group, group);
}

/* ---- whom to tell ----------------------------------------------------------------------- */

static int read_list(struct request *request, struct notify_targets *targets)
{
	struct glr_list_facts facts;
	struct list_look look;
	int code, rc;

	rc = list_look_open(request->list, &look);
	if (rc == -EBADMSG || rc == -EPROTONOSUPPORT)
		return output_error(&request->out, CMD_BAD_DATA,
				    "%s: clients.0 and clients.1 are no client list%s", request->list,
				    rc == -EBADMSG ? "" : " of this version");
	if (rc)
		return output_error(&request->out, rc == -EACCES ? CMD_NO_PERMISSION : CMD_NO_INPUT, "%s: %s",
				    request->list, strerror(-rc));
	glr_list_get_facts(look.list, &facts);
	request->incomplete = facts.condition == GLR_LIST_SALVAGED || facts.condition == GLR_LIST_MISSING;
	code = check_group(request, facts.group);
	rc = code ? 0 : notify_targets_from_list(targets, look.list);
	list_look_close(&look);
	return rc ? output_error(&request->out, CMD_ERROR, "%s", strerror(-rc)) : code;
}

static int read_targets(struct request *request, struct notify_targets *targets)
{
	int rc;

	if (request->list)
		return read_list(request, targets);
	rc = notify_targets_from_sm(targets, request->sm);
	if (rc)
		return output_error(&request->out, rc == -EACCES ? CMD_NO_PERMISSION : CMD_NO_INPUT, "%s: %s",
				    request->sm, strerror(-rc));
	return CMD_OK;
}

/* ---- telling them ------------------------------------------------------------------------ */

static size_t show_outcome(struct request *request, const struct notify_targets *targets,
			   enum notify_outcome outcome, const char *word)
{
	char address[GLR_ADDRESS_TEXT_MAX];
	size_t count = 0;

	for (size_t i = 0; i < targets->count; i++) {
		const struct notify_target *target = &targets->all[i];

		if (target->outcome != outcome)
			continue;
		count++;
		output_text(&request->out, "%s: %s", word, target->name);
		output_begin(&request->out, "client", "name", target->name, "address",
			     glr_address_text(&target->address, address), "progress", word, NULL);
		output_end(&request->out);
	}
	return count;
}

static int show_summary(struct request *request, const struct notify_run *run)
{
	const struct glr__notify_counts *counts = &run->counts;
	size_t silent = counts->clients - counts->acknowledged - counts->unaddressed;
	char numbers[7][24];

	output_text(&request->out,
		    "%zu clients: %zu told state %" PRIu32
		    ", %zu acknowledged, %zu silent, %zu without an address "
		    "to tell; %.1f s",
		    counts->clients, counts->told, run->state, counts->acknowledged, silent,
		    counts->unaddressed, (double)run->took_ms / 1000);
	output_begin(&request->out, "notification", "nsm-state", output_number(run->state, numbers[0]),
		     "took-ms", output_number(run->took_ms, numbers[1]), NULL);
	output_begin(&request->out, "clients", "listed", output_number(counts->clients, numbers[2]), "told",
		     output_number(counts->told, numbers[3]), "acknowledged",
		     output_number(counts->acknowledged, numbers[4]), "silent",
		     output_number(silent, numbers[5]), "unaddressed",
		     output_number(counts->unaddressed, numbers[6]), NULL);
	output_end(&request->out);
	show_outcome(request, run->targets, NOTIFY_SILENT, "silent");
	show_outcome(request, run->targets, NOTIFY_UNADDRESSED, "unaddressed");
	output_end(&request->out);
	if (run->grace_ended)
		return output_error(&request->out, CMD_TIMEOUT,
				    "the grace period ended before all had acknowledged");
	if (silent)
		return CMD_TIMEOUT;
	return counts->unaddressed ? CMD_DEGRADED : CMD_OK;
}

static int tell(struct request *request, struct notify_targets *targets)
{
	struct notify_run run = {.window = &request->window, .targets = targets, .in_grace = !request->force};
	int code, rc;

	run.state = request->state;
	if (!request->out.xml)
		run.display = isatty(STDOUT_FILENO) ? NOTIFY_BAR : NOTIFY_LINES;
	request->window.notify_end_ms = glr__now_ms() + request->timeout_s * 1000;
	rc = notify_run(&run);
	if (rc)
		return output_error(&request->out, rc == -EINVAL ? CMD_USAGE : CMD_OS_ERROR, "%s",
				    rc == -EINVAL ? "too many addresses or names" : strerror(-rc));
	code = show_summary(request, &run);
	if (request->incomplete)
		output_error(&request->out, CMD_DEGRADED, "there may be clients that the list does not name");
	return code == CMD_OK && request->incomplete ? CMD_DEGRADED : code;
}

static int notify(struct request *request)
{
	struct notify_targets targets = {0};
	int code;

	code = check_addresses(request);
	if (!code)
		code = read_targets(request, &targets);
	if (!code)
		code = check_grace(request);
	if (!code)
		code = tell(request, &targets);
	notify_targets_clear(&targets);
	return code;
}

int cmd_notify(int argc, char *argv[])
{
	static const struct option options[] = {OUTPUT_OPTION,
						{"list", required_argument, NULL, 'l'},
						{"sm", required_argument, NULL, 's'},
						{"address", required_argument, NULL, 'a'},
						{"name", required_argument, NULL, 'n'},
						{"state", required_argument, NULL, 'S'},
						{"timeout", required_argument, NULL, 't'},
						{"force", no_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	/* Clients ignore a state that they have heard before.  They have not heard the time: lists begin
	 * below 2^30, rpc.statd at 1, and each goes on by steps of two. */
	struct request request = {.state = (uint32_t)time(NULL) | 1, .timeout_s = TIMEOUT_S};
	int option, code;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!take_option(&request, option))
			return cmd_usage("notify", option == 'h' ? CMD_OK : CMD_USAGE);
	}
	if (optind < argc || !request.list == !request.sm || !*request.window.identifiers)
		return cmd_usage("notify", CMD_USAGE);
	code = output_open(&request.out, request.format, "notify");
	if (code)
		return code;
	return output_close(&request.out, notify(&request));
}
