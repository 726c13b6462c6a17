/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify: what the set-up must look like for locks to be safe. */
#include "checks.h"
#include "verify.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*check)(char *reason, size_t size);
} node_checks[] = {
	{"nfsd", check_nfsd_module},
	{"nsm-use-hostnames", check_nsm_use_hostnames},
	{"user", check_user},
};

/* In an order in which each relies on those before it. */
static const struct {
	const char *name;
	int (*check)(const char *directory, char *reason, size_t size);
} directory_checks[] = {
	{"mount-point", check_mount_point},
	{"filesystem", check_filesystem},
	{"mount-shared", check_mount_shared},
	{"device-names", check_device_names},
};

void verify_report(struct verify *verify, enum verify_level level, const char *what, const char *check,
		   const char *fmt, ...)
{
	static const char *const levels[] = {"ok", "warning", "error"};
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (level > verify->worst)
		verify->worst = level;
	output_text(&verify->out, "%-8s %s: %s%s%s", levels[level], what, check, *text ? ": " : "", text);
	output_begin(&verify->out, "check", "result", levels[level], "object", what, "name", check, "message",
		     text, NULL);
	output_end(&verify->out);
}

static void verify_node(struct verify *verify)
{
	for (size_t i = 0; i < sizeof(node_checks) / sizeof(node_checks[0]); i++) {
		char reason[CHECKS_REASON_MAX] = "";
		int rc = node_checks[i].check(reason, sizeof(reason));

		verify_report(verify, rc ? VERIFY_ERROR : VERIFY_OK, "node", node_checks[i].name, "%s",
			      reason);
	}
}

/* What is left empty is as glr-server(8) has it. */
static void complete_place(struct verify_place *place)
{
	if (!*place->state_dir)
		snprintf(place->state_dir, sizeof(place->state_dir), "%.4000s/.glr", place->directory);
	if (!*place->exports_file)
		snprintf(place->exports_file, sizeof(place->exports_file), "%.4000s/exports",
			 place->state_dir);
}

static void verify_place(struct verify *verify, struct verify_place *place)
{
	complete_place(place);
	for (size_t i = 0; i < sizeof(directory_checks) / sizeof(directory_checks[0]); i++) {
		char reason[CHECKS_REASON_MAX] = "";
		int rc = directory_checks[i].check(place->directory, reason, sizeof(reason));

		verify_report(verify, rc ? VERIFY_ERROR : VERIFY_OK, place->directory,
			      directory_checks[i].name, "%s", reason);
		if (rc && i == 0)
			return;
	}
	if (verify->repair)
		verify->code = verify_repair(verify, place);
	verify_list(verify, place);
	verify_exports(verify, place);
}

static void verify_configuration(struct verify *verify, const struct glr_cluster *cluster,
				 const struct glr_cluster_group *group)
{
	char reason[CHECKS_REASON_MAX] = "";
	int rc = check_group_name(group->group, reason, sizeof(reason));

	verify_report(verify, rc ? VERIFY_ERROR : VERIFY_OK, group->nfsserver, "group-name", "%s", reason);
	if (*group->lockrecover)
		verify_report(verify, VERIFY_OK, group->nfsserver, "lockrecover", "%s", group->lockrecover);
	else
		verify_report(
			verify, VERIFY_ERROR, group->nfsserver, "lockrecover",
			"no ocf:glr:lockrecover has group=%s, so nothing is ever served: add one behind the "
			"addresses",
			group->group);
	verify_devices(verify, cluster, group);
	verify_link(verify, cluster, group);
}

static void verify_group(struct verify *verify, const struct glr_cluster *cluster,
			 const struct glr_cluster_group *group)
{
	struct verify_place place = {
		.group = group->group, .directory = group->directory, .exports = group->exports};
	char local[256];

	strcpy(place.state_dir, group->state_dir);
	strcpy(place.exports_file, group->exports_file);
	verify_configuration(verify, cluster, group);
	if (!*group->node && !verify->repair)
		verify_report(verify, VERIFY_WARNING, group->nfsserver, "active",
			      "runs nowhere, so its directory and list were not looked at: start it");
	else if (*group->node && strcmp(group->node, cluster_local_node(local)) != 0)
		verify_report(
			verify, VERIFY_OK, group->nfsserver, "active",
			"runs on %s; 'group-lockrecover verify %s' there looks at its directory and list",
			group->node, group->group);
	else
		verify_place(verify, &place);
}

/* @param name the group to look at, or NULL for all  @return how many there were */
static size_t verify_groups(struct verify *verify, const struct glr_cluster *cluster, const char *name)
{
	size_t found = 0;

	for (size_t i = 0; i < cluster->group_count; i++) {
		if (name && strcmp(cluster->groups[i].group, name) != 0)
			continue;
		verify_group(verify, cluster, &cluster->groups[i]);
		found++;
	}
	return found;
}

static int verify_by_cluster(struct verify *verify, const char *name)
{
	struct glr_cluster *cluster;
	int rc = cluster_ask(&cluster);

	if (rc == -ENOTCONN)
		return output_error(
			&verify->out, CMD_NOT_CONNECTED,
			"no cluster manager runs on this node: start it, or use --directory to check what "
			"one group's filesystem needs");
	if (rc)
		return output_error(&verify->out, CMD_ERROR,
				    "crm_mon or cibadmin gave no usable answer (%s): try them by hand",
				    strerror(-rc));
	verify_cluster(verify, cluster);
	if (!verify_groups(verify, cluster, name) && name)
		rc = output_error(&verify->out, CMD_NO_SUCH,
				  "no ocf:glr:nfsserver of this cluster has group=%s: see 'crm_mon'", name);
	glr_cluster_free(cluster);
	return rc;
}

/* What could not be looked at or done counts most, then the worst that was found. */
static int exit_code(const struct verify *verify, int code)
{
	static const int codes[] = {CMD_OK, CMD_DEGRADED, CMD_ERROR};

	if (code)
		return code;
	return verify->code ? verify->code : codes[verify->worst];
}

int cmd_verify(int argc, char *argv[])
{
	static const struct option options[] = {OUTPUT_OPTION,
						{"directory", required_argument, NULL, 'd'},
						{"repair", no_argument, NULL, 'r'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct verify_place place = {.group = "", .directory = NULL};
	struct verify verify = {.worst = VERIFY_OK};
	const char *format = NULL;
	bool repair = false;
	int option, code = CMD_OK;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			format = optarg;
		else if (option == 'd')
			place.directory = optarg;
		else if (option == 'r')
			repair = true;
		else
			return cmd_usage("verify", option == 'h' ? CMD_OK : CMD_USAGE);
	}
	/* Whose list it is, it may no longer say itself. */
	if (argc - optind > 1 || (repair && argc == optind))
		return cmd_usage("verify", CMD_USAGE);
	code = output_open(&verify.out, format, "verify");
	if (code)
		return code;
	verify.repair = repair;
	if (optind < argc)
		place.group = argv[optind];

	verify_node(&verify);
	if (place.directory)
		verify_place(&verify, &place);
	else
		code = verify_by_cluster(&verify, argv[optind]);
	return output_close(&verify.out, exit_code(&verify, code));
}
