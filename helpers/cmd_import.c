/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import: the clients that rpc.statd monitored go onto a group's list. */
#include "cmd.h"
#include "checks.h"
#include "glr_private.h"
#include "import_nfsdcld.h"
#include "notify_run.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REQUEST_ROOM (GLR_ADDRESS_TEXT_MAX + 2)
#define IMPORT_MS 60000

struct import {
	const char *group, *from, *directory;
	struct output out;
	struct notify_targets targets;
	size_t directories, sent, imported, skipped, v4;
};

/* ---- what there is to import ------------------------------------------------------------ */

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int read_directory(struct import *import, const char *path)
{
	size_t first = import->targets.count;
	int rc = notify_targets_from_sm(&import->targets, path);

	if (rc)
		return output_error(&import->out, rc == -EACCES ? CMD_NO_PERMISSION : CMD_NO_INPUT, "%s: %s",
				    path, strerror(-rc));
	import->directories++;
	for (size_t i = first; i < import->targets.count; i++) {
		if (import->targets.all[i].address.family != AF_UNSPEC)
			continue;
		import->skipped++;
		output_error(&import->out, CMD_DEGRADED, "%s/%s: skipped: no client's address is in it", path,
			     import->targets.all[i].name);
	}
	return CMD_OK;
}

/*
 * Where rpc.statd and ocf:heartbeat:nfsserver keep them: below /var/lib/nfs or nfs_shared_infodir, in some
 * distributions in "statd"; "sm.bak" has those that sm-notify has yet to tell, "sm.ha" the agent's copy
 * of both.
 */
static int read_all(struct import *import)
{
	static const char *const places[] = {
		"sm",	    "sm.bak",	    "sm.ha/sm",	      "sm.ha/sm.bak",
		"statd/sm", "statd/sm.bak", "statd/sm.ha/sm", "statd/sm.ha/sm.bak"};
	char path[PATH_MAX];
	int code = CMD_OK;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !code; i++) {
		snprintf(path, sizeof(path), "%.4000s/%s", import->from, places[i]);
		if (is_directory(path))
			code = read_directory(import, path);
	}
	return code || import->directories ? code : read_directory(import, import->from);
}

/* ---- into a list that nobody serves ------------------------------------------------------- */

static int add_to_list(struct import *import, glr_list_t *list)
{
	char name[GLR_ADDRESS_TEXT_MAX];
	int rc = 0;

	for (size_t i = 0; i < import->targets.count && !rc; i++) {
		const struct glr_address *address = &import->targets.all[i].address;

		if (address->family == AF_UNSPEC)
			continue;
		glr_address_text(address, name);
		import->sent++;
		import->imported += !glr_list_contains(list, name);
		rc = glr_list_add(list, name, address);
	}
	return rc;
}

static int import_into_files(struct import *import, const char *state_dir)
{
	struct list_look look;
	int rc = list_edit_open(state_dir, import->group, &look);

	if (!rc)
		rc = add_to_list(import, look.list);
	if (!rc)
		rc = import_nfsdcld(import->from, look.list, &import->v4);
	list_look_close(&look);
	switch (rc) {
	case 0:
		return CMD_OK;
	case -EXDEV:
		return output_error(&import->out, CMD_UNSAFE, "%s holds another group's list than that of %s",
				    state_dir, import->group);
	case -EPROTO:
		return output_error(&import->out, CMD_BAD_DATA,
				    "%s/nfsdcld/main.sqlite is not a database of nfsdcld", import->from);
	case -EBADMSG:
		return output_error(&import->out, CMD_BAD_DATA,
				    "%s holds no client list: see 'group-lockrecover verify'", state_dir);
	default:
		return output_error(&import->out, rc == -EACCES ? CMD_NO_PERMISSION : CMD_OS_ERROR,
				    "the client list in %s: %s", state_dir, strerror(-rc));
	}
}

static int import_into_directory(struct import *import, const char *directory, const char *state_dir)
{
	char place[PATH_MAX], reason[CHECKS_REASON_MAX];

	if (check_group_name(import->group, reason, sizeof(reason)))
		return output_error(&import->out, CMD_USAGE, "%s", reason);
	/* Elsewhere the list would not travel with the group's locks. */
	if (check_mount_point(directory, reason, sizeof(reason)))
		return output_error(&import->out, CMD_NO_INPUT, "%s", reason);
	snprintf(place, sizeof(place), "%.4000s/.glr", directory);
	return import_into_files(import, state_dir && *state_dir ? state_dir : place);
}

static int import_by_cluster(struct import *import)
{
	const struct glr_cluster_group *group = NULL;
	struct glr_cluster *cluster;
	char local[256];
	int rc = cluster_ask(&cluster);
	int code;

	if (rc)
		return output_error(&import->out, rc == -ENOTCONN ? CMD_NOT_CONNECTED : CMD_ERROR,
				    "group %s is not started here, and no cluster manager tells where its "
				    "filesystem is mounted: use --directory",
				    import->group);
	for (size_t i = 0; i < cluster->group_count; i++)
		if (strcmp(cluster->groups[i].group, import->group) == 0)
			group = &cluster->groups[i];
	if (!group)
		code = output_error(&import->out, CMD_NO_SUCH,
				    "no ocf:glr:nfsserver of this cluster has group=%s: use --directory",
				    import->group);
	else if (*group->node && strcmp(group->node, cluster_local_node(local)) != 0)
		code = output_error(&import->out, CMD_UNSAFE, "group %s runs on %s: run this there",
				    import->group, group->node);
	else
		code = import_into_directory(import, group->directory, group->state_dir);
	glr_cluster_free(cluster);
	return code;
}

/* ---- into the list of a group that runs ------------------------------------------------------ */

static int ask(struct import *import, const char *request)
{
	char text[256] = "";
	int rc = glr__control_ask(import->group, request, IMPORT_MS, NULL, NULL, text);

	return rc ? group_unreachable(&import->out, import->group, rc, text) : CMD_OK;
}

/* As many in a request as a packet holds. */
static int send_all(struct import *import)
{
	static const char verb[] = "import names=";
	char request[GLR__CONTROL_PACKET_MAX], name[GLR_ADDRESS_TEXT_MAX];
	size_t used = 0;
	int code = CMD_OK;

	for (size_t i = 0; i < import->targets.count && !code; i++) {
		const struct glr_address *address = &import->targets.all[i].address;

		if (address->family == AF_UNSPEC)
			continue;
		used += (size_t)snprintf(request + used, sizeof(request) - used, "%s%s", used ? "," : verb,
					 glr_address_text(address, name));
		import->sent++;
		if (used + REQUEST_ROOM < sizeof(request))
			continue;
		code = ask(import, request);
		used = 0;
	}
	return used && !code ? ask(import, request) : code;
}

static int import_by_monitor(struct import *import, const struct glr_status *before)
{
	struct glr_status after;
	int code = send_all(import);

	if (!code && glr_status_get(import->group, CMD_TIMEOUT_MS, &after) == 0)
		import->imported = after.clients - before->clients;
	return code;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int import(struct import *import)
{
	struct glr_status status;
	int rc = glr_status_get(import->group, CMD_TIMEOUT_MS, &status);
	int code = read_all(import);

	if (code)
		return code;
	if (rc == 0 && import->directory)
		return output_error(&import->out, CMD_UNSAFE,
				    "group %s is started here: leave out --directory", import->group);
	if (rc == 0)
		code = import_by_monitor(import, &status);
	else if (rc != -ENOENT)
		code = group_unreachable(&import->out, import->group, rc, "");
	else if (import->directory)
		code = import_into_directory(import, import->directory, NULL);
	else
		code = import_by_cluster(import);
	if (code)
		return code;
	output_text(&import->out,
		    "%s: %zu clients are on the list, %zu of them are new; %zu files were skipped",
		    import->group, import->sent, import->imported, import->skipped);
	if (import->v4)
		output_text(&import->out, "%s: %zu NFSv4 clients may reclaim", import->group, import->v4);
	return import->skipped ? CMD_DEGRADED : CMD_OK;
}

int cmd_import(int argc, char *argv[])
{
	static const struct option options[] = {{"from", required_argument, NULL, 'f'},
						{"directory", required_argument, NULL, 'd'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct import request = {.group = NULL};
	int option, code;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f')
			request.from = optarg;
		else if (option == 'd')
			request.directory = optarg;
		else
			return cmd_usage("import", option == 'h' ? CMD_OK : CMD_USAGE);
	}
	if (argc - optind != 1 || !request.from)
		return cmd_usage("import", CMD_USAGE);
	request.group = argv[optind];
	code = import(&request);
	notify_targets_clear(&request.targets);
	return output_close(&request.out, code);
}
