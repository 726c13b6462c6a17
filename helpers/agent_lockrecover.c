/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocf:glr:lockrecover: the words of "glr-server open". */
#include "agent_private.h"

#include <string.h>

const char agent_lockrecover_metadata[] =
#include "lockrecover.xml.h"
	;

static int check_server_names(void)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:,_-";
	const char *names = agent_parameter("server_names");
	size_t length = strlen(names);

	if (length == 0 || (strspn(names, allowed) == length && names[0] != ',' && names[length - 1] != ',' &&
			    !strstr(names, ",,")))
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_CONFIGURED, "server_names='%s' is not a list of names separated by commas",
			   names);
}

static int check_lockrecover(void)
{
	const char *lock_manager = agent_parameter_or("lock_manager", "kernel");
	unsigned grace_s, lease_s, threads;
	int code = agent_check_number("grace_s", "40", 10, 3600, &grace_s);

	if (code == OCF_SUCCESS)
		code = agent_check_number("lease_s", "30", 10, 3600, &lease_s);
	if (code == OCF_SUCCESS)
		code = agent_check_number("threads", "8", 1, 1024, &threads);
	if (code == OCF_SUCCESS && grace_s < lease_s)
		code = server_fail(
			OCF_ERR_CONFIGURED,
			"grace_s=%u is less than lease_s=%u: clients that renew once a lease would "
			"come too late to reclaim",
			grace_s, lease_s);
	if (code == OCF_SUCCESS)
		code = check_server_names();
	if (code == OCF_SUCCESS && strcmp(lock_manager, "kernel") != 0)
		code = server_fail(OCF_ERR_CONFIGURED, "lock_manager='%s' is not known: use kernel",
				   lock_manager);
	return code;
}

static void add_times(struct agent_words *words)
{
	agent_add(words, "--grace-s=%s", agent_parameter_or("grace_s", "40"));
	agent_add(words, "--lease-s=%s", agent_parameter_or("lease_s", "30"));
	agent_add(words, "--threads=%s", agent_parameter_or("threads", "8"));
}

int agent_lockrecover(const char *action, struct agent_words *words)
{
	int code = agent_check_group();

	if (code == OCF_SUCCESS && strcmp(action, "stop") != 0 && strcmp(action, "monitor") != 0)
		code = check_lockrecover();
	if (code != OCF_SUCCESS || !strcmp(action, "validate-all"))
		return code;
	if (!strcmp(action, "start")) {
		agent_begin(words, "open");
		agent_add(words, "--lock-manager=%s", agent_parameter_or("lock_manager", "kernel"));
		agent_add_if_set(words, "server-names", "server_names");
		add_times(words);
	} else if (!strcmp(action, "stop")) {
		agent_begin(words, "close");
	} else if (!strcmp(action, "monitor")) {
		agent_begin(words, "status");
		agent_add(words, "--of=lockrecover");
	} else {
		agent_begin(words, "reload");
		agent_add(words, "--of=lockrecover");
		add_times(words);
	}
	return AGENT_ASKS;
}
