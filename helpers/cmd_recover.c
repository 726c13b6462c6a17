/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recover: a recovery by hand, where the cluster agrees that the group is ours. */
#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GLR_SERVER GLR_LIBEXECDIR "/glr-server"
#define OR_FORCE "; --force overrides, and corrupts data if another node serves the group"

static const struct glr_cluster_group *find_group(const struct glr_cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->group_count; i++) {
		if (strcmp(cluster->groups[i].group, name) == 0)
			return &cluster->groups[i];
	}
	return NULL;
}

/* Without quorum the other half may have fenced us and be serving the group. */
static int judge(struct output *out, const struct glr_cluster *cluster, const char *name)
{
	const struct glr_cluster_group *group = find_group(cluster, name);
	char local[256];

	if (!cluster->have_quorum)
		return output_error(out, CMD_NO_QUORUM,
				    "this part of the cluster has no quorum: bring nodes back" OR_FORCE);
	if (!group)
		return output_error(
			out, CMD_NO_SUCH,
			"no ocf:glr:nfsserver of this cluster has group=%s: see 'crm_mon'" OR_FORCE, name);
	if (!*group->node)
		return output_error(out, CMD_UNSAFE, "the cluster runs %s nowhere: start %s" OR_FORCE,
				    group->nfsserver,
				    *group->resource_group ? group->resource_group : group->nfsserver);
	if (strcmp(group->node, cluster_local_node(local)) != 0)
		return output_error(out, CMD_UNSAFE,
				    "the cluster runs %s on %s and this node is %s: run this on %s" OR_FORCE,
				    group->nfsserver, group->node, local, group->node);
	return CMD_OK;
}

static int allowed(struct output *out, const char *name)
{
	struct glr_cluster *cluster;
	int rc = cluster_ask(&cluster);
	int code;

	if (rc == -ENOTCONN)
		return output_error(
			out, CMD_NOT_CONNECTED,
			"no cluster manager runs on this node, so nothing tells whether another node serves "
			"group %s: start it" OR_FORCE,
			name);
	if (rc)
		return output_error(
			out, CMD_ERROR,
			"crm_mon or cibadmin gave no usable answer (%s): try them by hand" OR_FORCE,
			strerror(-rc));
	code = judge(out, cluster, name);
	glr_cluster_free(cluster);
	return code;
}

int cmd_recover(int argc, char *argv[])
{
	static const struct option options[] = {
		{"force", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct output out = {0};
	bool force = false;
	int option, code;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'f')
			return cmd_usage("recover", option == 'h' ? CMD_OK : CMD_USAGE);
		force = true;
	}
	if (argc - optind != 1)
		return cmd_usage("recover", CMD_USAGE);

	code = force ? CMD_OK : allowed(&out, argv[optind]);
	if (code)
		return code;
	execl(GLR_SERVER, "glr-server", "recover", argv[optind], (char *)NULL);
	return output_error(&out, CMD_OS_ERROR, "%s: %s: install group-lockrecover again", GLR_SERVER,
			    strerror(errno));
}
