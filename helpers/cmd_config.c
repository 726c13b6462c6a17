/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config: the resources of a service group, complete, for crmsh or for pcs. */
#include "checks.h"
#include "cmd.h"
#include "config_resources.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* @return the option without which nothing can be made up, or NULL */
static const char *missing_option(const struct config *config)
{
	if (!config->name)
		return "name";
	if (!config->directory)
		return "directory";
	if (!config->device)
		return "device";
	if (config->address_count == 0)
		return "ip";
	if (!config->exports)
		return "export";
	if (!config->nic &&
	    (!config->link || (strcmp(config->link, "none") != 0 && strcmp(config->link, "routed") != 0)))
		return "nic";
	return NULL;
}

static int add_export(struct config *config, const char *line)
{
	char *before = config->exports;

	if (asprintf(&config->exports, "%s%s%s", before ? before : "", before ? ";" : "", line) < 0)
		config->exports = NULL;
	free(before);
	return config->exports ? 0 : -ENOMEM;
}

static int add_address(struct output *out, struct config *config, char *text)
{
	struct config_address *address = &config->addresses[config->address_count];
	struct glr_address parsed;
	char *slash = strchr(text, '/');
	char *end;
	long prefix;

	if (config->address_count == CONFIG_ADDRESSES_MAX)
		return output_error(out, CMD_USAGE, "more than %d addresses", CONFIG_ADDRESSES_MAX);
	if (slash)
		*slash = 0;
	prefix = slash ? strtol(slash + 1, &end, 10) : 0;
	if (!slash || end == slash + 1 || *end || prefix < 1 || glr_address_parse(text, &parsed) < 0 ||
	    prefix > (parsed.family == AF_INET ? 32 : 128))
		return output_error(out, CMD_USAGE,
				    "%s: write an address with the length of its network's prefix, such as "
				    "10.0.0.10/24",
				    text);
	address->ip = text;
	address->prefix = slash + 1;
	config->address_count++;
	return CMD_OK;
}

static int take_option(struct output *out, struct config *config, int option, char *value)
{
	switch (option) {
	case 'n':
		config->name = value;
		break;
	case 'D':
		config->directory = value;
		break;
	case 'd':
		config->device = value;
		break;
	case 'e':
		return add_export(config, value) ? output_error(out, CMD_ERROR, "out of memory") : CMD_OK;
	case 'i':
		return add_address(out, config, value);
	case 'N':
		config->nic = value;
		break;
	case 'l':
		config->link = value;
		break;
	case 'g':
		config->gateway = value;
		break;
	case 'G':
		config->grace_s = value;
		break;
	case 't':
		config->fstype = value;
		break;
	case 'f':
		if (strcmp(value, "crm") != 0 && strcmp(value, "pcs") != 0)
			return cmd_usage("config", CMD_USAGE);
		config->pcs = strcmp(value, "pcs") == 0;
		break;
	default:
		return cmd_usage("config", CMD_USAGE);
	}
	return CMD_OK;
}

/* The agents know best what they take: their reason goes to standard error.  @return 0, or CMD_BAD_DATA */
static int validate(struct output *out, const struct config_resource *resource)
{
	char path[256];
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return output_error(out, CMD_OS_ERROR, "fork: %s", strerror(errno));
	if (pid == 0) {
		config_resource_environment(resource);
		snprintf(path, sizeof(path), GLR_OCFDIR "/glr/%s", resource->agent + strlen("ocf:glr:"));
		execl(path, path, "validate-all", NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		return output_error(out, CMD_OS_ERROR, "wait: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return CMD_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return output_error(out, CMD_UNAVAILABLE,
				    "the agents are not in " GLR_OCFDIR "/glr: reinstall " PACKAGE_NAME);
	return output_error(out, CMD_BAD_DATA, "%s refuses these parameters", resource->agent);
}

static int print_config(struct output *out, const struct config *config)
{
	static struct config_resource resources[CONFIG_RESOURCES_MAX];
	size_t count = config_resources(config, resources);
	int code = CMD_OK;

	for (size_t i = 0; i < count && !code; i++) {
		if (!strncmp(resources[i].agent, "ocf:glr:", strlen("ocf:glr:")))
			code = validate(out, &resources[i]);
	}
	if (!code && config->pcs)
		config_print_pcs(config, resources, count);
	else if (!code)
		config_print_crm(config, resources, count);
	return code;
}

int cmd_config(int argc, char *argv[])
{
	static const struct option options[] = {{"name", required_argument, NULL, 'n'},
						{"directory", required_argument, NULL, 'D'},
						{"device", required_argument, NULL, 'd'},
						{"export", required_argument, NULL, 'e'},
						{"ip", required_argument, NULL, 'i'},
						{"nic", required_argument, NULL, 'N'},
						{"link", required_argument, NULL, 'l'},
						{"gateway", required_argument, NULL, 'g'},
						{"grace", required_argument, NULL, 'G'},
						{"fstype", required_argument, NULL, 't'},
						{"format", required_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct config config = {.fstype = "ext4"};
	char reason[CHECKS_REASON_MAX] = "";
	struct output out = {0};
	const char *missing;
	int option, code = CMD_OK;

	while (!code && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h')
			return cmd_usage("config", CMD_OK);
		code = take_option(&out, &config, option, optarg);
	}
	if (!code && optind < argc)
		code = cmd_usage("config", CMD_USAGE);
	missing = code ? NULL : missing_option(&config);
	if (missing)
		code = output_error(&out, CMD_USAGE, "--%s is missing", missing);
	if (!code && check_group_name(config.name, reason, sizeof(reason)))
		code = output_error(&out, CMD_USAGE, "%s", reason);
	if (!code)
		code = print_config(&out, &config);
	free(config.exports);
	return output_close(&out, code);
}
