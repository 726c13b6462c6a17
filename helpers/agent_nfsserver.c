/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocf:glr:nfsserver: the words of "glr-server start". */
#include "agent_private.h"

#include <string.h>

const char agent_nfsserver_metadata[] =
#include "nfsserver.xml.h"
	;

static int check_link(const char *link)
{
	bool over_nic = !strcmp(link, "macvlan") || !strcmp(link, "ipvlan") || !strcmp(link, "veth");

	if (over_nic && *agent_parameter("nic") == 0)
		return server_fail(OCF_ERR_CONFIGURED,
				   "nic is missing: name the network device (for link=veth the bridge) that "
				   "the group's link goes over, or set link=none");
	if (over_nic || !strcmp(link, "routed") || !strcmp(link, "none"))
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_CONFIGURED,
			   "link='%s' is not known: use macvlan, ipvlan, veth, routed or none", link);
}

static int check_nfsserver(void)
{
	int code = agent_check_path("directory", agent_parameter("directory"));

	if (code == OCF_SUCCESS)
		code = agent_check_path_if_set("state_dir");
	if (code == OCF_SUCCESS)
		code = agent_check_path_if_set("exports_file");
	if (code == OCF_SUCCESS)
		code = agent_check_path_if_set("nft_file");
	if (code == OCF_SUCCESS && *agent_parameter("exports") && *agent_parameter("exports_file"))
		code = server_fail(OCF_ERR_CONFIGURED, "exports and exports_file are both set: remove one");
	return code == OCF_SUCCESS ? check_link(agent_parameter_or("link", "macvlan")) : code;
}

static void add_rules(struct agent_words *words)
{
	agent_add_if_set(words, "exports", "exports");
	agent_add_if_set(words, "exports-file", "exports_file");
	agent_add_if_set(words, "nft-file", "nft_file");
	agent_add_if_set(words, "state-dir", "state_dir");
}

static void add_settings(struct agent_words *words)
{
	agent_add(words, "--directory=%s", agent_parameter("directory"));
	agent_add(words, "--link=%s", agent_parameter_or("link", "macvlan"));
	agent_add_if_set(words, "nic", "nic");
	agent_add_if_set(words, "gateway", "gateway");
	add_rules(words);
}

int agent_nfsserver(const char *action, struct agent_words *words)
{
	int code = agent_check_group();

	if (code == OCF_SUCCESS && !strcmp(action, "stop"))
		code = agent_check_path("directory", agent_parameter("directory"));
	else if (code == OCF_SUCCESS && strcmp(action, "monitor") != 0)
		code = check_nfsserver();
	if (code != OCF_SUCCESS)
		return code;
	if (!strcmp(action, "start")) {
		agent_begin(words, "start");
		add_settings(words);
	} else if (!strcmp(action, "stop")) {
		agent_begin(words, "stop");
		agent_add(words, "--directory=%s", agent_parameter("directory"));
		agent_add_if_set(words, "state-dir", "state_dir");
	} else if (!strcmp(action, "monitor")) {
		agent_begin(words, "status");
		agent_add(words, "--of=nfsserver");
	} else if (!strcmp(action, "reload-agent")) {
		agent_begin(words, "reload");
		agent_add(words, "--of=nfsserver");
		add_rules(words);
	} else if (agent_checks_thoroughly()) {
		agent_begin(words, "validate");
		add_settings(words);
	} else {
		return OCF_SUCCESS;
	}
	return AGENT_ASKS;
}
