/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The syntax of exports(5). */
#ifndef GLR_EXPORTS_LINE_H
#define GLR_EXPORTS_LINE_H

#include <limits.h>

/* Joins continued lines and cuts at newlines and semicolons, which exports(5) has no other use for.
 * @return the next line, or NULL at the end */
char *exports_next_line(char **text);

/* Takes the path at the beginning of a line: "quoted" or plain, with \ooo escapes.
 * @return what follows it, or NULL when the line does not begin with an absolute path */
char *exports_take_path(char *line, char path[PATH_MAX]);

#endif
