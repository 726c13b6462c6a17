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
} commands[] = {
	{"status", cmd_status, "[--output-as=text|xml] [GROUP...]", "how the groups on this node are doing"},
	{"list", cmd_list, "[--output-as=text|xml] GROUP | --file STATE_DIR",
	 "the clients that hold locks in a group"},
	{"notify", cmd_notify,
	 "[--output-as=text|xml] --list STATE_DIR | --sm DIRECTORY --address IP[,IP...] [--name NAME[,NAME...]]\n"
	 "       [--state NUMBER] [--timeout SECONDS] [--force]",
	 "tell the clients of a list to reclaim, without a group"},
	{"recover", cmd_recover, "[--force] GROUP", "drop a group's locks and let its clients reclaim them"},
	{"exec", cmd_exec, "GROUP -- COMMAND [ARGUMENT...]", "run a command inside a group's namespaces"},
	{"verify", cmd_verify, "[--output-as=text|xml] [GROUP | --directory DIRECTORY]",
	 "check the set-up and the client lists"},
	{"config", cmd_config,
	 "--name GROUP --device DEVICE --directory DIRECTORY --ip ADDRESS/PREFIX... --export LINE...\n"
	 "       --nic DEVICE [--link KIND] [--gateway ADDRESS] [--grace SECONDS] [--fstype TYPE] [--format crm|pcs]",
	 "print the resources of a group for crmsh or pcs"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

int cmd_usage(const char *verb, int code)
{
	FILE *stream = code == CMD_OK ? stdout : stderr;

	if (!verb)
		fprintf(stream, "Usage: %s VERB [ARGUMENT...]\n\nVerbs:\n", PACKAGE_NAME);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!verb)
			fprintf(stream, "  %-8s %s\n", commands[i].verb, commands[i].description);
		else if (strcmp(verb, commands[i].verb) == 0)
			fprintf(stream, "Usage: %s %s %s\n", PACKAGE_NAME, verb, commands[i].arguments);
	}
	if (!verb)
		fprintf(stream, "\n'%s VERB --help' shows the arguments of a verb; see %s(8).\n",
			PACKAGE_NAME, PACKAGE_NAME);
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
