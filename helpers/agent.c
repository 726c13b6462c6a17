/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent_private.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 20000
/* Before Pacemaker kills the action: a share of the time, at most so much. */
#define MARGIN_PERCENT 15
#define MARGIN_MAX_MS 3000

const char *agent_parameter_or(const char *name, const char *otherwise)
{
	char variable[64];
	const char *value;

	snprintf(variable, sizeof(variable), "OCF_RESKEY_%s", name);
	value = getenv(variable);
	return value && *value ? value : otherwise;
}

const char *agent_parameter(const char *name)
{
	return agent_parameter_or(name, "");
}

void agent_add(struct agent_words *words, const char *fmt, ...)
{
	char **list = reallocarray(words->list, words->count + 2, sizeof(*list));
	va_list ap;

	va_start(ap, fmt);
	if (!list || vasprintf(&list[words->count], fmt, ap) < 0)
		exit(server_fail(OCF_ERR_GENERIC, "out of memory"));
	va_end(ap);
	words->list = list;
	words->list[++words->count] = NULL;
}

void agent_add_if_set(struct agent_words *words, const char *option, const char *name)
{
	if (*agent_parameter(name))
		agent_add(words, "--%s=%s", option, agent_parameter(name));
}

/* The name becomes a host name and a namespace's name: one label of RFC 1123. */
int agent_check_group(void)
{
	const char *group = agent_parameter("group");
	size_t length = strlen(group);

	if (length == 0)
		return server_fail(OCF_ERR_CONFIGURED,
				   "group is missing: set it to the name of the service group");
	for (const char *at = group; *at; at++)
		if (!isascii(*at) || (!isalnum((unsigned char)*at) && *at != '-'))
			length = 0;
	if (length > 0 && length <= 63 && group[0] != '-' && group[length - 1] != '-')
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_CONFIGURED,
			   "group='%s' is not a host name: use 1 to 63 letters, digits and hyphens, with no "
			   "hyphen at either end",
			   group);
}

int agent_check_path(const char *name, const char *value)
{
	if (*value == '/')
		return OCF_SUCCESS;
	if (*value == 0)
		return server_fail(OCF_ERR_CONFIGURED, "%s is missing", name);
	return server_fail(OCF_ERR_CONFIGURED, "%s='%s' is not an absolute path", name, value);
}

int agent_check_path_if_set(const char *name)
{
	return *agent_parameter(name) ? agent_check_path(name, agent_parameter(name)) : OCF_SUCCESS;
}

int agent_check_number(const char *name, const char *otherwise, unsigned min, unsigned max, unsigned *number)
{
	const char *value = agent_parameter_or(name, otherwise);
	size_t length = strspn(value, "0123456789");

	*number = (unsigned)strtoul(value, NULL, 10);
	if (value[length] == 0 && length < 7 && value[0] != '0' && *number >= min && *number <= max)
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_CONFIGURED, "%s='%s' is not a number from %u to %u", name, value, min,
			   max);
}

bool agent_checks_thoroughly(void)
{
	const char *level = getenv("OCF_CHECK_LEVEL");

	return level && atoi(level) >= 10;
}

void agent_begin(struct agent_words *words, const char *verb)
{
	agent_add(words, "%s", verb);
	agent_add(words, "%s", agent_parameter("group"));
}

static const struct agent {
	const char *name, *metadata;
	int (*words)(const char *action, struct agent_words *words);
} agents[] = {
	{"device", agent_device_metadata, agent_device},
	{"nfsserver", agent_nfsserver_metadata, agent_nfsserver},
	{"lockrecover", agent_lockrecover_metadata, agent_lockrecover},
};

static const struct agent *find_agent(const char *name)
{
	for (size_t i = 0; i < sizeof(agents) / sizeof(*agents); i++)
		if (!strcmp(name, agents[i].name))
			return &agents[i];
	return NULL;
}

bool agent_is_named(const char *name)
{
	return find_agent(name) != NULL;
}

static int show(FILE *out, const char *text, int code)
{
	fputs(text, out);
	return code;
}

static void add_timeout(struct agent_words *words)
{
	const char *given = getenv("OCF_RESKEY_CRM_meta_timeout");
	size_t digits = given ? strspn(given, "0123456789") : 0;
	unsigned long timeout_ms =
		digits > 0 && digits < 10 && given[digits] == 0 ? strtoul(given, NULL, 10) : 0;
	unsigned long margin_ms;

	if (timeout_ms == 0)
		timeout_ms = TIMEOUT_MS;
	margin_ms = timeout_ms * MARGIN_PERCENT / 100;
	if (margin_ms > MARGIN_MAX_MS)
		margin_ms = MARGIN_MAX_MS;
	agent_add(words, "--timeout-ms=%lu", timeout_ms - margin_ms);
}

int agent_words(const char *name, const char *action, struct agent_words *words)
{
	static const char *const actions[] = {"start", "stop", "monitor", "reload-agent", "validate-all"};
	static const char usage[] = "usage: start|stop|monitor|reload-agent|validate-all|meta-data\n";
	const struct agent *agent = find_agent(name);
	int code;

	if (action && !strcmp(action, "meta-data"))
		return show(stdout, agent->metadata, OCF_SUCCESS);
	if (action && (!strcmp(action, "usage") || !strcmp(action, "help")))
		return show(stdout, usage, OCF_SUCCESS);
	for (size_t i = 0; action && i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(action, actions[i]) != 0)
			continue;
		agent_add(words, "%s", name);
		agent_add(words, "--ocf");
		code = agent->words(action, words);
		add_timeout(words);
		return code;
	}
	return show(stderr, usage, OCF_ERR_UNIMPLEMENTED);
}
