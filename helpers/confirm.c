/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cannot be taken back is asked for. */
#include "cmd.h"

#include <stdio.h>
#include <unistd.h>

int cmd_confirm(struct output *out, bool yes, const char *question)
{
	char answer[8] = "";

	if (yes)
		return CMD_OK;
	if (!isatty(STDIN_FILENO))
		return output_error(out, CMD_USAGE, "%s Standard input is no terminal to ask on: use --yes",
				    question);
	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return CMD_OK;
	return output_error(out, CMD_ERROR, "nothing was done");
}
