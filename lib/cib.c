/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cluster's XML: which resources serve a group, and where. */
#include "glr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <libxml/hash.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#define XML_LENGTH_MAX (16u << 20)
#define GROUPS_MAX 1024

/* What one run over both documents needs to find things by. */
struct view {
	xmlHashTable *by_id;	   /* templates, attribute sets and nvpairs of the CIB */
	xmlHashTable *running;	   /* resources of crm_mon, by id */
	xmlNode *node_attributes;  /* of crm_mon */
	xmlHashTable *lockrecover; /* primitives, by the group they recover */
	struct glr_cluster *cluster;
	size_t room;
};

/* The cluster writes no DOCTYPE, and without one there are no entities to expand. */
static void refuse_doctype(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	xmlParserCtxt *parser = ctx;

	*(bool *)parser->_private = true;
	xmlStopParser(parser);
}

static int read_document(const char *text, xmlDoc **document)
{
	int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
	size_t length = strnlen(text, XML_LENGTH_MAX + 1);
	xmlParserCtxt *parser;
	bool refused = false;

	if (length > XML_LENGTH_MAX)
		return -EBADMSG;
	parser = xmlNewParserCtxt();
	if (!parser)
		return -ENOMEM;
	parser->_private = &refused;
	parser->sax->internalSubset = refuse_doctype;
	*document = xmlCtxtReadMemory(parser, text, (int)length, NULL, NULL, options);
	xmlFreeParserCtxt(parser);
	if (refused) {
		xmlFreeDoc(*document);
		*document = NULL;
	}
	return *document ? 0 : -EBADMSG;
}

static bool is_element(const xmlNode *node, const char *name)
{
	return node && strcmp((const char *)node->name, name) == 0;
}

/* @return the value, empty when there is none; it lives as long as the document */
static const char *attribute(const xmlNode *node, const char *name)
{
	const xmlAttr *attr = xmlHasProp(node, (const xmlChar *)name);

	return attr && attr->children && attr->children->content ? (const char *)attr->children->content : "";
}

static xmlNode *child(xmlNode *node, const char *name)
{
	xmlNode *found = node ? xmlFirstElementChild(node) : NULL;

	while (found && !is_element(found, name))
		found = xmlNextElementSibling(found);
	return found;
}

static void *look_up(xmlHashTable *table, const char *key)
{
	return table && *key ? xmlHashLookup(table, (const xmlChar *)key) : NULL;
}

/* The first element of an id stands; the parser bounds the depth. */
static void index_ids(xmlNode *node, const char *const *names, xmlHashTable *table)
{
	xmlNode *at;

	for (at = xmlFirstElementChild(node); at; at = xmlNextElementSibling(at)) {
		for (size_t i = 0; names[i]; i++) {
			if (is_element(at, names[i]) && *attribute(at, "id"))
				xmlHashAddEntry(table, (const xmlChar *)attribute(at, "id"), at);
		}
		index_ids(at, names, table);
	}
}

static const xmlNode *follow_reference(const struct view *view, const xmlNode *node)
{
	const xmlNode *target = look_up(view->by_id, attribute(node, "id-ref"));

	return target && is_element(target, (const char *)node->name) ? target : node;
}

static const char *parameter_in_set(const struct view *view, const xmlNode *set, const char *name)
{
	xmlNode *at;

	set = follow_reference(view, set);
	if (child((xmlNode *)set, "rule"))
		return NULL; /* who it applies to is for the cluster to say */
	for (at = xmlFirstElementChild((xmlNode *)set); at; at = xmlNextElementSibling(at)) {
		const xmlNode *pair = is_element(at, "nvpair") ? follow_reference(view, at) : NULL;
		const char *called = attribute(at, "name");

		if (pair && strcmp(*called ? called : attribute(pair, "name"), name) == 0)
			return attribute(pair, "value");
	}
	return NULL;
}

static xmlNode *template_of(const struct view *view, const xmlNode *primitive)
{
	xmlNode *found = look_up(view->by_id, attribute(primitive, "template"));

	return is_element(found, "template") ? found : NULL;
}

/* @return the value, its own before its template's, or NULL */
static const char *parameter(const struct view *view, xmlNode *primitive, const char *name)
{
	xmlNode *const owners[] = {primitive, template_of(view, primitive)};

	for (size_t i = 0; i < 2 && owners[i]; i++) {
		xmlNode *at = xmlFirstElementChild(owners[i]);

		for (; at; at = xmlNextElementSibling(at)) {
			const char *value = NULL;

			if (is_element(at, "instance_attributes"))
				value = parameter_in_set(view, at, name);
			if (value)
				return value;
		}
	}
	return NULL;
}

static bool is_agent(const struct view *view, const xmlNode *primitive, const char *type)
{
	const xmlNode *template = template_of(view, primitive);

	if (template)
		primitive = template;
	return strcmp(attribute(primitive, "class"), "ocf") == 0 &&
	       strcmp(attribute(primitive, "provider"), "glr") == 0 &&
	       strcmp(attribute(primitive, "type"), type) == 0;
}

/* A value that was cut off would name something else. */
static int copy_text(const char *text, char *out, size_t size)
{
	if (!text)
		return 0;
	if (strlen(text) >= size)
		return -EBADMSG;
	strcpy(out, text);
	return 0;
}

static const char *running_on(const struct view *view, const char *id)
{
	xmlNode *resource = look_up(view->running, id);
	xmlNode *node;

	if (!resource || strcmp(attribute(resource, "active"), "true") != 0)
		return NULL;
	node = child(resource, "node");
	return node ? attribute(node, "name") : NULL;
}

static xmlNode *named_child(xmlNode *node, const char *name)
{
	xmlNode *found = node ? xmlFirstElementChild(node) : NULL;

	while (found && strcmp(attribute(found, "name"), name) != 0)
		found = xmlNextElementSibling(found);
	return found;
}

/* It is for people: one that is too long is none. */
static void copy_attribute(const struct view *view, struct glr_cluster_group *group)
{
	char name[sizeof("glr-") + sizeof(group->group)] = "glr-";
	xmlNode *found;

	found = named_child(named_child(view->node_attributes, group->node), strcat(name, group->group));
	if (found && strlen(attribute(found, "value")) < sizeof(group->attribute))
		strcpy(group->attribute, attribute(found, "value"));
}

/* The devices that ocf:glr:device guards, beside it in its Pacemaker group. */
static const char *guarded_devices(const struct view *view, xmlNode *primitive)
{
	xmlNode *at = is_element(primitive->parent, "group") ? xmlFirstElementChild(primitive->parent) : NULL;

	while (at && !is_agent(view, at, "device"))
		at = xmlNextElementSibling(at);
	return at ? parameter(view, at, "device") : NULL;
}

static int fill_group(const struct view *view, xmlNode *primitive, struct glr_cluster_group *group)
{
	const char *exports = parameter(view, primitive, "exports");
	xmlNode *recover;
	int rc = 0;

	rc |= copy_text(parameter(view, primitive, "group"), group->group, sizeof(group->group));
	rc |= copy_text(parameter(view, primitive, "directory"), group->directory, sizeof(group->directory));
	rc |= copy_text(parameter(view, primitive, "state_dir"), group->state_dir, sizeof(group->state_dir));
	rc |= copy_text(parameter(view, primitive, "exports_file"), group->exports_file,
			sizeof(group->exports_file));
	rc |= copy_text(parameter(view, primitive, "link"), group->link, sizeof(group->link));
	rc |= copy_text(parameter(view, primitive, "nic"), group->nic, sizeof(group->nic));
	rc |= copy_text(guarded_devices(view, primitive), group->devices, sizeof(group->devices));
	rc |= copy_text(attribute(primitive, "id"), group->nfsserver, sizeof(group->nfsserver));
	if (is_element(primitive->parent, "group"))
		rc |= copy_text(attribute(primitive->parent, "id"), group->resource_group,
				sizeof(group->resource_group));
	recover = look_up(view->lockrecover, group->group);
	if (recover)
		rc |= copy_text(attribute(recover, "id"), group->lockrecover, sizeof(group->lockrecover));
	rc |= copy_text(running_on(view, group->nfsserver), group->node, sizeof(group->node));
	if (rc)
		return -EBADMSG;
	copy_attribute(view, group);

	group->exports = exports ? strdup(exports) : NULL;
	return exports && !group->exports ? -ENOMEM : 0;
}

static int add_group(struct view *view, xmlNode *primitive)
{
	struct glr_cluster *cluster = view->cluster;

	if (cluster->group_count == GROUPS_MAX)
		return -EBADMSG;
	if (cluster->group_count == view->room) {
		size_t room = view->room ? view->room * 2 : 4;
		struct glr_cluster_group *grown = realloc(cluster->groups, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		cluster->groups = grown;
		view->room = room;
	}
	memset(&cluster->groups[cluster->group_count], 0, sizeof(*cluster->groups));
	return fill_group(view, primitive, &cluster->groups[cluster->group_count++]);
}

static int add_lockrecover(struct view *view, xmlNode *primitive)
{
	const char *group = parameter(view, primitive, "group");

	if (group && *group)
		xmlHashAddEntry(view->lockrecover, (const xmlChar *)group, primitive);
	return 0;
}

/* Calls add for the primitives of one agent, in groups, clones and bundles too. */
static int foreach_primitive(struct view *view, xmlNode *parent, const char *type,
			     int (*add)(struct view *view, xmlNode *primitive))
{
	xmlNode *at = parent ? xmlFirstElementChild(parent) : NULL;
	int rc = 0;

	for (; at && !rc; at = xmlNextElementSibling(at)) {
		if (!is_element(at, "primitive"))
			rc = foreach_primitive(view, at, type, add);
		else if (is_agent(view, at, type) && parameter(view, at, "group"))
			rc = add(view, at);
	}
	return rc;
}

static bool is_true(const char *text)
{
	static const char *const words[] = {"true", "on", "yes", "y", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

/* @return a property of the cluster, or NULL when it has its default */
static const char *property(xmlNode *configuration, const char *name)
{
	xmlNode *crm_config = child(configuration, "crm_config"), *set, *pair;

	for (set = crm_config ? xmlFirstElementChild(crm_config) : NULL; set;
	     set = xmlNextElementSibling(set)) {
		pair = named_child(set, name);
		if (pair)
			return attribute(pair, "value");
	}
	return NULL;
}

static int read_properties(struct glr_cluster *cluster, xmlNode *configuration)
{
	const char *fencing = property(configuration, "stonith-enabled");

	/* Pacemaker fences unless it is told not to. */
	cluster->fencing_enabled = !fencing || is_true(fencing);
	return copy_text(property(configuration, "no-quorum-policy"), cluster->no_quorum_policy,
			 sizeof(cluster->no_quorum_policy));
}

static int read_cib(struct view *view, xmlNode *root)
{
	static const char *const names[] = {"template", "instance_attributes", "nvpair", NULL};
	xmlNode *configuration = child(root, "configuration");
	xmlNode *resources = child(configuration, "resources");
	int rc;

	if (!is_element(root, "cib") || !configuration)
		return -EBADMSG;
	index_ids(configuration, names, view->by_id);
	rc = read_properties(view->cluster, configuration);
	if (!rc)
		rc = foreach_primitive(view, resources, "lockrecover", add_lockrecover);
	if (!rc)
		rc = foreach_primitive(view, resources, "nfsserver", add_group);
	return rc;
}

static int read_crm_mon(struct view *view, xmlNode *root)
{
	static const char *const names[] = {"resource", NULL};
	xmlNode *dc = child(child(root, "summary"), "current_dc");
	xmlNode *resources = child(root, "resources");

	if (!is_element(root, "pacemaker-result") && !is_element(root, "crm_mon"))
		return -EBADMSG;
	view->cluster->have_quorum = dc && is_true(attribute(dc, "with_quorum"));
	if (resources)
		index_ids(resources, names, view->running);
	view->node_attributes = child(root, "node_attributes");
	return 0;
}

int glr_cluster_parse(const char *crm_mon_xml, const char *cib_xml, struct glr_cluster **cluster)
{
	struct view view = {0};
	xmlDoc *cib = NULL, *crm_mon = NULL;
	int rc = -ENOMEM;

	*cluster = NULL;
	view.by_id = xmlHashCreate(0);
	view.running = xmlHashCreate(0);
	view.lockrecover = xmlHashCreate(0);
	view.cluster = calloc(1, sizeof(*view.cluster));
	if (!view.by_id || !view.running || !view.lockrecover || !view.cluster)
		goto out;

	rc = read_document(cib_xml, &cib);
	if (!rc && crm_mon_xml)
		rc = read_document(crm_mon_xml, &crm_mon);
	if (!rc && crm_mon)
		rc = read_crm_mon(&view, xmlDocGetRootElement(crm_mon));
	if (!rc)
		rc = read_cib(&view, xmlDocGetRootElement(cib));
	if (!rc) {
		*cluster = view.cluster;
		view.cluster = NULL;
	}
out:
	glr_cluster_free(view.cluster);
	xmlHashFree(view.by_id, NULL);
	xmlHashFree(view.running, NULL);
	xmlHashFree(view.lockrecover, NULL);
	xmlFreeDoc(cib);
	xmlFreeDoc(crm_mon);
	return rc;
}

void glr_cluster_free(struct glr_cluster *cluster)
{
	if (!cluster)
		return;
	for (size_t i = 0; i < cluster->group_count; i++)
		free(cluster->groups[i].exports);
	free(cluster->groups);
	free(cluster);
}
