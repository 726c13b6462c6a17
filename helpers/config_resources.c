/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(struct config_resource *resource, const char *key, const char *value)
{
	if (!value)
		return;
	resource->parameters[resource->parameter_count].key = key;
	resource->parameters[resource->parameter_count].value = value;
	resource->parameter_count++;
}

/* The time limits are those that the agents' meta-data recommends. */
static struct config_resource *add(struct config_resource *resources, size_t *count,
				   const struct config *config, const char *suffix, const char *agent)
{
	struct config_resource *resource = &resources[(*count)++];

	memset(resource, 0, sizeof(*resource));
	snprintf(resource->id, sizeof(resource->id), "%s-%s", config->name, suffix);
	resource->agent = agent;
	resource->start_s = "60s";
	resource->stop_s = "60s";
	resource->monitor_interval_s = "10s";
	resource->monitor_s = "20s";
	return resource;
}

static void add_addresses(struct config_resource *resources, size_t *count, const struct config *config)
{
	for (size_t i = 0; i < config->address_count; i++) {
		struct config_resource *resource;
		char suffix[16] = "ip";

		if (i > 0)
			snprintf(suffix, sizeof(suffix), "ip%zu", i + 1);
		resource = add(resources, count, config, suffix, "ocf:glr:IPaddr2");
		set(resource, "group", config->name);
		set(resource, "ip", config->addresses[i].ip);
		set(resource, "cidr_netmask", config->addresses[i].prefix);
	}
}

size_t config_resources(const struct config *config, struct config_resource *resources)
{
	struct config_resource *resource;
	size_t count = 0;

	resource = add(resources, &count, config, "device", "ocf:glr:device");
	set(resource, "device", config->device);
	resource->start_s = "20s";

	resource = add(resources, &count, config, "fs", "ocf:heartbeat:Filesystem");
	set(resource, "device", config->device);
	set(resource, "directory", config->directory);
	set(resource, "fstype", config->fstype);
	/* Hung storage keeps lockd from serving the other groups of the node. */
	resource->on_fail = "fence";
	resource->monitor_interval_s = "20s";
	resource->monitor_s = "40s";

	resource = add(resources, &count, config, "nfs", "ocf:glr:nfsserver");
	set(resource, "group", config->name);
	set(resource, "directory", config->directory);
	set(resource, "link", config->link);
	set(resource, "nic", config->nic);
	set(resource, "gateway", config->gateway);
	set(resource, "exports", config->exports);
	resource->moves_at_once = true;

	add_addresses(resources, &count, config);

	resource = add(resources, &count, config, "lock", "ocf:glr:lockrecover");
	set(resource, "group", config->name);
	set(resource, "grace_s", config->grace_s);
	return count;
}

void config_resource_environment(const struct config_resource *resource)
{
	char name[64];

	setenv("OCF_RESOURCE_INSTANCE", resource->id, 1);
	for (size_t i = 0; i < resource->parameter_count; i++) {
		snprintf(name, sizeof(name), "OCF_RESKEY_%s", resource->parameters[i].key);
		setenv(name, resource->parameters[i].value, 1);
	}
}

/* ---- crmsh ---------------------------------------------------------------------- */

/* In double quotes, where a backslash makes the next character an ordinary one. */
static void put_crm_value(const char *value)
{
	putchar('"');
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	putchar('"');
}

static void print_crm_resource(const struct config_resource *resource)
{
	printf("primitive %s %s \\\n\tparams", resource->id, resource->agent);
	for (size_t i = 0; i < resource->parameter_count; i++) {
		printf(" %s=", resource->parameters[i].key);
		put_crm_value(resource->parameters[i].value);
	}
	printf(" \\\n\top start interval=0s timeout=%s \\\n\top stop interval=0s timeout=%s \\\n"
	       "\top monitor interval=%s timeout=%s%s%s",
	       resource->start_s, resource->stop_s, resource->monitor_interval_s, resource->monitor_s,
	       resource->on_fail ? " on-fail=" : "", resource->on_fail ? resource->on_fail : "");
	if (resource->moves_at_once)
		printf(" \\\n\tmeta migration-threshold=1 failure-timeout=10min");
	putchar('\n');
}

void config_print_crm(const struct config *config, const struct config_resource *resources, size_t count)
{
	for (size_t i = 0; i < count; i++)
		print_crm_resource(&resources[i]);
	printf("group %s", config->name);
	for (size_t i = 0; i < count; i++)
		printf(" %s", resources[i].id);
	putchar('\n');
}

/* ---- pcs --------------------------------------------------------------------------- */

/* In single quotes, where the shell takes everything but the quote itself as it is. */
static void put_shell_word(const char *word)
{
	putchar('\'');
	for (; *word; word++) {
		if (*word == '\'')
			printf("'\\''");
		else
			putchar(*word);
	}
	putchar('\'');
}

static void print_pcs_resource(const struct config *config, const struct config_resource *resource)
{
	printf("pcs resource create %s %s", resource->id, resource->agent);
	for (size_t i = 0; i < resource->parameter_count; i++) {
		printf(" %s=", resource->parameters[i].key);
		put_shell_word(resource->parameters[i].value);
	}
	printf(" \\\n\top start timeout=%s stop timeout=%s monitor interval=%s timeout=%s%s%s",
	       resource->start_s, resource->stop_s, resource->monitor_interval_s, resource->monitor_s,
	       resource->on_fail ? " on-fail=" : "", resource->on_fail ? resource->on_fail : "");
	if (resource->moves_at_once)
		printf(" \\\n\tmeta migration-threshold=1 failure-timeout=10min");
	printf(" \\\n\t--group %s --disabled\n", config->name);
}

void config_print_pcs(const struct config *config, const struct config_resource *resources, size_t count)
{
	for (size_t i = 0; i < count; i++)
		print_pcs_resource(config, &resources[i]);
	/* Each was disabled by itself: to enable the group would leave them so. */
	printf("pcs resource enable");
	for (size_t i = 0; i < count; i++)
		printf(" %s", resources[i].id);
	putchar('\n');
}
