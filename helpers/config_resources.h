/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resources that make up a service group, and how crmsh and pcs write them. */
#ifndef GLR_CONFIG_RESOURCES_H
#define GLR_CONFIG_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_ADDRESSES_MAX 16
#define CONFIG_RESOURCES_MAX (4 + CONFIG_ADDRESSES_MAX)
#define CONFIG_PARAMETERS_MAX 8

struct config_address {
	const char *ip, *prefix;
};

/* What the administrator said; NULL: the agent's default. */
struct config {
	const char *name, *device, *directory, *nic, *link, *gateway, *grace_s, *fstype;
	char *exports; /* lines of exports(5), separated by semicolons */
	struct config_address addresses[CONFIG_ADDRESSES_MAX];
	size_t address_count;
	bool pcs;
};

struct config_resource {
	char id[96];
	const char *agent;
	struct {
		const char *key, *value;
	} parameters[CONFIG_PARAMETERS_MAX];
	size_t parameter_count;
	const char *start_s, *stop_s, *monitor_interval_s, *monitor_s; /* time limits */
	const char *on_fail; /* of the monitor action; NULL: the cluster's default */
	bool moves_at_once;  /* a restart in place would be a recovery of its own */
};

/* @param resources room for CONFIG_RESOURCES_MAX  @return how many there are, in the order of the group */
size_t config_resources(const struct config *config, struct config_resource *resources);
/* Sets what Pacemaker gives an agent in its environment. */
void config_resource_environment(const struct config_resource *resource);
void config_print_crm(const struct config *config, const struct config_resource *resources, size_t count);
void config_print_pcs(const struct config *config, const struct config_resource *resources, size_t count);

#endif
