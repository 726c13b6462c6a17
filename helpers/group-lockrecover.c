/* SPDX-License-Identifier: GPL-2.0-or-later */
/* group-lockrecover: the administrator's view of the service groups on this node. */
#include "cmd.h"
#include "glr_private.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *verb;
	int (*function)(int argc, char *argv[]);
	const char *arguments;
	const char *description;
	const char *options;
} commands[] = {
	{"status", cmd_status, "[--cluster] [--watch[=SECONDS] | --output-as=text|xml|prometheus] [GROUP...]",
	 "how groups are doing",
	 "  --cluster             the groups of the whole cluster, not of this node only\n"
	 "  --watch[=SECONDS]     go on until interrupted\n"
	 "  --output-as=FORMAT    text, xml, or prometheus for node_exporter\n"},
	{"list", cmd_list, "[--output-as=text|xml] GROUP | --file STATE_DIR",
	 "the clients that hold locks in a group",
	 "  --file STATE_DIR      of a filesystem that is mounted, whoever it belongs to\n"},
	{"notify", cmd_notify,
	 "[--output-as=text|xml] --list STATE_DIR | --sm DIRECTORY --address IP[,IP...] [--name NAME[,NAME...]]\n"
	 "       [--state NUMBER] [--timeout SECONDS] [--force]",
	 "tell the clients of a list to reclaim, without a group",
	 "  --list STATE_DIR      the clients on this list\n"
	 "  --sm DIRECTORY        the clients that rpc.statd monitored\n"
	 "  --address IP[,...]    of the server, as clients mount it; addresses of this node\n"
	 "  --name NAME[,...]     of the server, as clients mount it\n"
	 "  --state NUMBER        odd, and not the last one that they were told (the time)\n"
	 "  --timeout SECONDS     how long to try (30)\n"
	 "  --force               also outside of a grace period: who hears it loses its locks\n"},
	{"recover", cmd_recover, "[--force] GROUP", "drop a group's locks and let its clients reclaim them",
	 "  --force               also where the cluster does not say that the group is this node's:\n"
	 "                        two nodes that serve one filesystem destroy it\n"},
	{"end-grace", cmd_end_grace, "[--yes] GROUP", "end a group's grace period now",
	 "  --yes                 do not ask; who has not come back loses what it held\n"},
	{"release", cmd_release, "[--yes] GROUP CLIENT", "drop the locks of a client that is dead",
	 "  CLIENT                its IP address, as 'list' shows it\n"
	 "  --yes                 do not ask; a client that is alive goes on writing without its locks\n"},
	{"import", cmd_import, "GROUP --from PATH [--directory DIRECTORY]",
	 "put the clients that rpc.statd monitored onto a group's list",
	 "  --from PATH           /var/lib/nfs, nfs_shared_infodir of ocf:heartbeat:nfsserver, or a\n"
	 "                        directory sm or sm.bak\n"
	 "  --directory DIRECTORY where the group's filesystem is mounted, if neither the group nor\n"
	 "                        the cluster runs here\n"},
	{"exec", cmd_exec, "GROUP -- COMMAND [ARGUMENT...]", "run a command inside a group's namespaces",
	 "  for instance: exec home -- ss -tn\n"},
	{"verify", cmd_verify, "[--output-as=text|xml] [--repair] [GROUP] [--directory DIRECTORY]",
	 "check the set-up and the client lists",
	 "  --directory DIRECTORY where the group's filesystem is mounted; the cluster is not asked\n"
	 "  --repair              make damaged lists whole; needs GROUP, which must not be started\n"},
	{"config", cmd_config,
	 "--name GROUP --device DEVICE --directory DIRECTORY --ip ADDRESS/PREFIX... --export LINE...\n"
	 "       --nic DEVICE [--link KIND] [--gateway ADDRESS] [--grace SECONDS] [--fstype TYPE] [--format crm|pcs]",
	 "print the resources of a group for crmsh or pcs",
	 "  --ip, --export        once for each address, and for each line of exports(5)\n"
	 "  --nic, --link, --gateway, --grace  as in ocf_glr_nfsserver(7), ocf_glr_lockrecover(7)\n"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage_of_all(FILE *stream)
{
	fprintf(stream, "Usage: %s VERB [ARGUMENT...]\n\nVerbs:\n", PACKAGE_NAME);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stream, "  %-9s %s\n", commands[i].verb, commands[i].description);
	fprintf(stream, "\n'%s VERB --help' shows the arguments of a verb; see %s(8).\n", PACKAGE_NAME,
		PACKAGE_NAME);
}

int cmd_usage(const char *verb, int code)
{
	FILE *stream = code == CMD_OK ? stdout : stderr;

	if (!verb)
		usage_of_all(stream);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!verb || strcmp(verb, commands[i].verb) != 0)
			continue;
		fprintf(stream, "Usage: %s %s %s\n", PACKAGE_NAME, verb, commands[i].arguments);
		if (code == CMD_OK)
			printf("%s\n\n%s", commands[i].description, commands[i].options);
		else
			fprintf(stream, "'%s %s --help' says more.\n", PACKAGE_NAME, verb);
	}
	return code;
}

int main(int argc, char *argv[])
{
	if (argc < 2)
		return cmd_usage(NULL, CMD_USAGE);
	if (strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", PACKAGE_NAME, PACKAGE_VERSION);
		return CMD_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return cmd_usage(NULL, CMD_OK);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].verb) == 0)
			return commands[i].function(argc - 1, argv + 1);
	}
	fprintf(stderr, "%s: no such verb: %s\n", PACKAGE_NAME, argv[1]);
	return cmd_usage(NULL, CMD_USAGE);
}
