/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agents, with a stand-in for glr-server: it tells what it was given, and answers as it is told to. */
#include "agent.h"
#include "server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int server_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("ocf-exit-reason:", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

int main(int argc, char **argv)
{
	const char *told = getenv("STUB_ARGS"), *answer = getenv("STUB_CODE");
	struct agent_words words = {NULL, 0};
	int code = agent_words(program_invocation_short_name, argc > 1 ? argv[1] : NULL, &words);
	FILE *out;

	if (code != AGENT_ASKS)
		return code;
	out = fopen(told ? told : "", "we");
	for (size_t i = 1; out && i < words.count; i++)
		fprintf(out, "[%s]", words.list[i]);
	if (!out || fclose(out) == EOF)
		return EXIT_FAILURE;
	fputs("ocf-exit-reason:from the helper\n", stderr);
	return answer ? atoi(answer) : 0;
}
