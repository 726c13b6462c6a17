/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cluster manager's view, from its own tools. */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX (17u << 20) /* more than glr_cluster_parse() takes */

/* @param command for the shell; its output is bounded here, its time by timeout(1)  @return 0 or -errno */
static int run(const char *command, char **answer)
{
	char *text = NULL;
	size_t room = 0, length = 0;
	FILE *stream;
	int status;

	*answer = NULL;
	stream = popen(command, "re");
	if (!stream)
		return -errno;
	do {
		char *grown = realloc(text, room + 65536 + 1);

		if (!grown) {
			free(text);
			pclose(stream);
			return -ENOMEM;
		}
		text = grown;
		room += 65536;
		length += fread(text + length, 1, room - length, stream);
	} while (length == room && room < ANSWER_MAX);
	text[length] = '\0';

	status = pclose(stream);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		*answer = text;
		return 0;
	}
	free(text);
	if (WIFEXITED(status) && (WEXITSTATUS(status) == CMD_NOT_CONNECTED || WEXITSTATUS(status) == 127))
		return -ENOTCONN;
	return -EIO;
}

int cluster_ask(struct glr_cluster **cluster)
{
	char *crm_mon = NULL, *cib = NULL;
	int rc;

	*cluster = NULL;
	rc = run("timeout 20 crm_mon --output-as=xml 2>/dev/null", &crm_mon);
	if (!rc)
		rc = run("timeout 20 cibadmin --query 2>/dev/null", &cib);
	if (!rc)
		rc = glr_cluster_parse(crm_mon, cib, cluster);
	free(crm_mon);
	free(cib);
	return rc;
}

const char *cluster_local_node(char name[256])
{
	char *answer = NULL;

	if (run("timeout 20 crm_node --name 2>/dev/null", &answer) == 0)
		snprintf(name, 256, "%.*s", (int)strcspn(answer, "\n"), answer);
	else if (gethostname(name, 256) < 0)
		name[0] = '\0';
	free(answer);
	return name;
}
