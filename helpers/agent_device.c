/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocf:glr:device: the words of "glr-server device". */
#include "agent_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char agent_device_metadata[] =
#include "device.xml.h"
	;

/* Several devices are separated by spaces.  @param words gets them, or NULL  @return 0 or an OCF code */
static int take_devices(struct agent_words *words, int (*check)(const char *device))
{
	char *copy = strdup(agent_parameter("device")), *save = NULL, *device;
	int code = copy ? OCF_SUCCESS : OCF_ERR_GENERIC, count = 0;

	for (device = copy ? strtok_r(copy, " \t\n", &save) : NULL; device && code == OCF_SUCCESS;
	     device = strtok_r(NULL, " \t\n", &save)) {
		code = check(device);
		if (words)
			agent_add(words, "%s", device);
		count++;
	}
	free(copy);
	if (code == OCF_SUCCESS && count == 0)
		code = server_fail(OCF_ERR_CONFIGURED,
				   "device is missing: name the devices that the group's filesystems are on");
	return code;
}

static int check_device_path(const char *device)
{
	return agent_check_path("device", device);
}

static int check_block_device(const char *device)
{
	struct stat st;

	if (stat(device, &st) == 0 && S_ISBLK(st.st_mode))
		return OCF_SUCCESS;
	return server_fail(OCF_ERR_INSTALLED,
			   "%s is no block device on this node: check its name and its storage", device);
}

int agent_device(const char *action, struct agent_words *words)
{
	int code;

	if (!strcmp(action, "validate-all") || !strcmp(action, "reload-agent")) {
		code = take_devices(NULL, check_device_path);
		if (code == OCF_SUCCESS && !strcmp(action, "validate-all") && agent_checks_thoroughly())
			code = take_devices(NULL, check_block_device);
		return code;
	}
	agent_add(words, "device");
	agent_add(words, "%s", !strcmp(action, "monitor") ? "status" : action);
	code = take_devices(words, check_device_path);
	return code == OCF_SUCCESS ? AGENT_ASKS : code;
}
