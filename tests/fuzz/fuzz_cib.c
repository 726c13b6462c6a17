/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cluster's XML: the CIB, and behind a NUL what crm_mon says.  Whatever is read must be complete, and
 * the same when it is read again, with or without crm_mon.
 */
#include "fuzz.h"
#include "glr.h"

#include <errno.h>

#define GROUPS_MAX 1024

static bool is_terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

#define terminated(text) is_terminated(text, sizeof(text))

static void check_group(const struct glr_cluster_group *group, bool crm_mon)
{
	must(terminated(group->group) && terminated(group->resource_group) && terminated(group->nfsserver));
	must(terminated(group->lockrecover) && terminated(group->directory) && terminated(group->state_dir));
	must(terminated(group->exports_file) && terminated(group->node));
	must(crm_mon || !group->node[0]);
	must(!group->exports || strlen(group->exports) < 1u << 24);
}

/* @param same_node whether both were read with crm_mon */
static void must_be_same(const struct glr_cluster_group *a, const struct glr_cluster_group *b, bool same_node)
{
	must(!strcmp(a->group, b->group) && !strcmp(a->resource_group, b->resource_group));
	must(!strcmp(a->nfsserver, b->nfsserver) && !strcmp(a->lockrecover, b->lockrecover));
	must(!strcmp(a->directory, b->directory) && !strcmp(a->state_dir, b->state_dir));
	must(!strcmp(a->exports_file, b->exports_file) && !a->exports == !b->exports);
	must(!a->exports || !strcmp(a->exports, b->exports));
	must(!same_node || !strcmp(a->node, b->node));
}

static void read_again(const struct glr_cluster *first, const char *crm_mon, const char *cib)
{
	struct glr_cluster *cluster = NULL;

	must(glr_cluster_parse(crm_mon, cib, &cluster) == 0);
	must(cluster->group_count == first->group_count);
	must(cluster->fencing_enabled == first->fencing_enabled);
	must(!cluster->have_quorum || crm_mon);
	for (size_t i = 0; i < cluster->group_count; i++)
		must_be_same(&cluster->groups[i], &first->groups[i], crm_mon != NULL);
	glr_cluster_free(cluster);
}

static void check(const char *crm_mon, const char *cib)
{
	struct glr_cluster *cluster = (void *)&cluster;
	int rc = glr_cluster_parse(crm_mon, cib, &cluster);

	must(rc == 0 || rc == -EBADMSG);
	if (rc) {
		must(!cluster);
		return;
	}
	must(cluster && cluster->group_count <= GROUPS_MAX);
	for (size_t i = 0; i < cluster->group_count; i++)
		check_group(&cluster->groups[i], crm_mon != NULL);
	read_again(cluster, crm_mon, cib);
	if (crm_mon)
		read_again(cluster, NULL, cib);
	glr_cluster_free(cluster);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length + 1);
	size_t cib_length;

	must(text);
	memcpy(text, bytes, length);
	text[length] = '\0';
	cib_length = strlen(text);
	check(cib_length < length ? text + cib_length + 1 : NULL, text);
	free(text);
	return 0;
}
