/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The syntax of exports(5). */
#include "exports_line.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

char *exports_next_line(char **text)
{
	for (char *at = *text; at && *at; at++) {
		if (at[0] == '\\' && at[1] == '\n')
			at[0] = at[1] = ' ';
		else if (*at == '\n' || *at == ';')
			break;
	}
	return strsep(text, "\n;");
}

char *exports_take_path(char *line, char path[PATH_MAX])
{
	bool quoted = *line == '"';
	char *at = line + quoted;
	size_t length = 0;

	for (; *at && (quoted ? *at != '"' : !isspace((unsigned char)*at)); at++) {
		unsigned octal;

		if (length + 1 >= PATH_MAX)
			return NULL;
		if (at[0] == '\\' && strspn(at + 1, "01234567") >= 3 && sscanf(at + 1, "%3o", &octal) == 1) {
			path[length++] = (char)octal;
			at += 3;
		} else {
			path[length++] = *at;
		}
	}
	path[length] = '\0';
	if (quoted && *at++ != '"')
		return NULL;
	return path[0] == '/' ? at : NULL;
}
