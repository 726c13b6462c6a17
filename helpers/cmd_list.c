/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list: the clients of a group, from its monitor or from its files. */
#include "cmd.h"
#include "glr_private.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

struct listing {
	struct output *out;
	bool complete;
};

static void show(struct output *out, const char *name, const char *address, const char *kind,
		 const char *progress)
{
	output_text(out, "%-40s %-40s %s %s", name, *address ? address : "-", kind, progress);
	output_begin(out, "client", "name", name, "address", address, "kind", kind, "progress", progress,
		     NULL);
	output_end(out);
}

static int show_packet(const char *packet, void *arg)
{
	struct listing *listing = arg;
	char name[GLR_NAME_MAX], address[GLR_ADDRESS_TEXT_MAX], kind[16], progress[32];
	uint64_t end;

	if (glr__control_number(packet, "end", &end) == 0) {
		listing->complete = true;
		return 1;
	}
	if (glr__control_value(packet, "name", name, sizeof(name)) ||
	    glr__control_value(packet, "address", address, sizeof(address)) ||
	    glr__control_value(packet, "kind", kind, sizeof(kind)) ||
	    glr__control_value(packet, "progress", progress, sizeof(progress)))
		return -EBADMSG;
	show(listing->out, name, address, kind, progress);
	return 0;
}

static int list_group(struct output *out, const char *group)
{
	struct listing listing = {.out = out};
	char text[256] = "";
	int rc;

	output_begin(out, "list", "group", group, NULL);
	rc = glr__control_ask(group, "list", CMD_TIMEOUT_MS, show_packet, &listing, text);
	output_end(out);
	if (rc < 0)
		return group_unreachable(out, group, rc, text);
	if (!listing.complete)
		return group_unreachable(out, group, -ECONNREFUSED, text);
	return CMD_OK;
}

static int show_client(const struct glr_list_client *client, void *arg)
{
	char address[GLR_ADDRESS_TEXT_MAX];

	show(arg, client->name, glr_address_text(&client->address, address), glr_list_kind_text(client->kind),
	     client->missed ? "missed" : "listed");
	return 0;
}

static int list_files(struct output *out, const char *state_dir)
{
	struct glr_list_facts facts;
	struct list_look look;
	int rc;

	rc = list_look_open(state_dir, &look);
	if (rc == -EBADMSG)
		return output_error(out, CMD_BAD_DATA, "%s: neither clients.0 nor clients.1 is a client list",
				    state_dir);
	if (rc == -EPROTONOSUPPORT)
		return output_error(out, CMD_BAD_DATA,
				    "%s: the list was written by a newer version: use that one", state_dir);
	if (rc)
		return output_error(
			out, rc == -EACCES ? CMD_NO_PERMISSION : CMD_NO_INPUT,
			"%s: %s: give the state directory (DIRECTORY/.glr) of a mounted filesystem",
			state_dir, strerror(-rc));

	glr_list_get_facts(look.list, &facts);
	output_begin(out, "list", "group", facts.group, "condition", glr_condition_text(facts.condition),
		     NULL);
	glr_list_foreach(look.list, show_client, out);
	output_end(out);
	list_look_close(&look);
	if (facts.condition == GLR_LIST_SALVAGED || facts.condition == GLR_LIST_MISSING)
		return output_error(out, CMD_DEGRADED,
				    "%s: the list is %s: there may be clients that it does not name",
				    state_dir, glr_condition_text(facts.condition));
	return CMD_OK;
}

int cmd_list(int argc, char *argv[])
{
	static const struct option options[] = {
		OUTPUT_OPTION, {"file", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *format = NULL, *state_dir = NULL;
	struct output out;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			format = optarg;
		else if (option == 'f')
			state_dir = optarg;
		else
			return cmd_usage("list", option == 'h' ? CMD_OK : CMD_USAGE);
	}
	if (argc - optind != (state_dir ? 0 : 1))
		return cmd_usage("list", CMD_USAGE);
	option = output_open(&out, format, "list");
	if (option)
		return option;
	return output_close(&out, state_dir ? list_files(&out, state_dir) : list_group(&out, argv[optind]));
}
