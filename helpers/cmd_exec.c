/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: a command inside a group's network, mount and UTS namespaces. */
#include "cmd.h"
#include "glr_private.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

/* The exit codes of env(1) and of every shell. */
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127

int cmd_exec(int argc, char *argv[])
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct output out = {0};
	char *const *command;
	const char *group;
	int option, rc;

	/* "+": options behind the group are the command's. */
	option = getopt_long(argc, argv, "+", options, NULL);
	if (option != -1)
		return cmd_usage("exec", option == 'h' ? CMD_OK : CMD_USAGE);
	if (argc - optind < 3 || strcmp(argv[optind + 1], "--") != 0)
		return cmd_usage("exec", CMD_USAGE);
	group = argv[optind];
	command = &argv[optind + 2];

	rc = glr__netns_enter(group);
	if (rc)
		return group_unreachable(&out, group, rc, "");
	if (chdir("/") < 0)
		return output_error(&out, CMD_OS_ERROR, "/: %s", strerror(errno));
	execvp(command[0], command);
	return output_error(&out, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, "%s: %s", command[0],
			    strerror(errno));
}
