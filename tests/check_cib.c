/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cluster's XML, from files that Pacemaker's own tools accepted or wrote. */
#include "glr.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef TEST_DATA
#define TEST_DATA "data"
#endif

static char *load(const char *name)
{
	char path[512];
	char *text = calloc(1, 1 << 16);
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
	stream = fopen(path, "re");
	ck_assert_msg(stream != NULL, "%s: %s", path, strerror(errno));
	ck_assert_uint_gt(fread(text, 1, (1 << 16) - 1, stream), 0);
	fclose(stream);
	return text;
}

static struct glr_cluster *parse(const char *crm_mon_name)
{
	char *cib = load("cib.xml"), *crm_mon = crm_mon_name ? load(crm_mon_name) : NULL;
	struct glr_cluster *cluster = NULL;

	ck_assert_int_eq(glr_cluster_parse(crm_mon, cib, &cluster), 0);
	ck_assert_ptr_nonnull(cluster);
	free(cib);
	free(crm_mon);
	return cluster;
}

static int parse_text(const char *crm_mon, const char *cib)
{
	struct glr_cluster *cluster = (void *)1;
	int rc = glr_cluster_parse(crm_mon, cib, &cluster);

	if (rc)
		ck_assert_ptr_null(cluster);
	glr_cluster_free(cluster);
	return rc;
}

START_TEST(groups_are_found)
{
	struct glr_cluster *cluster = parse("crm_mon.xml");
	const struct glr_cluster_group *home = &cluster->groups[0];

	ck_assert_uint_eq(cluster->group_count, 3);
	ck_assert(cluster->have_quorum);
	ck_assert(cluster->fencing_enabled);
	ck_assert_str_eq(home->group, "home");
	ck_assert_str_eq(home->resource_group, "g-home");
	ck_assert_str_eq(home->nfsserver, "home-nfs");
	ck_assert_str_eq(home->lockrecover, "home-recover");
	ck_assert_str_eq(home->directory, "/srv/home & co");
	ck_assert_str_eq(home->state_dir, "/srv/home & co/.state");
	ck_assert_str_eq(home->exports, "/srv/home 10.0.0.0/8(rw)\n/srv/more *(ro)");
	ck_assert_str_eq(home->exports_file, "/etc/home.exports");
	ck_assert_str_eq(home->devices, "/dev/vg/home");
	ck_assert_str_eq(home->link, "");
	ck_assert_str_eq(home->node, "node1");
	ck_assert_str_eq(home->attribute, "phase=recovering clients=3");
	/* It runs nowhere. */
	ck_assert_str_eq(cluster->groups[1].attribute, "");
	glr_cluster_free(cluster);
}
END_TEST

START_TEST(templates_and_references_are_followed)
{
	struct glr_cluster *cluster = parse("crm_mon.xml");
	const struct glr_cluster_group *mail = &cluster->groups[1];

	ck_assert_str_eq(mail->group, "mail");
	ck_assert_str_eq(mail->resource_group, "g-mail");
	ck_assert_str_eq(mail->nfsserver, "mail-nfs");
	ck_assert_str_eq(mail->lockrecover, "mail-recover");
	ck_assert_str_eq(mail->directory, "/srv/from-template");
	ck_assert_str_eq(mail->state_dir, "");
	ck_assert_str_eq(mail->nic, "eth0");
	ck_assert_str_eq(mail->devices, "");
	ck_assert_ptr_null(mail->exports);
	ck_assert_str_eq(mail->node, "");
	glr_cluster_free(cluster);
}
END_TEST

START_TEST(sets_with_rules_are_left_to_the_cluster)
{
	struct glr_cluster *cluster = parse("crm_mon.xml");
	const struct glr_cluster_group *lone = &cluster->groups[2];

	ck_assert_str_eq(lone->group, "lone");
	ck_assert_str_eq(lone->resource_group, "");
	ck_assert_str_eq(lone->lockrecover, "");
	ck_assert_str_eq(lone->directory, "/srv/lone");
	glr_cluster_free(cluster);
}
END_TEST

START_TEST(without_crm_mon_nothing_is_claimed)
{
	struct glr_cluster *cluster = parse(NULL);

	ck_assert(!cluster->have_quorum);
	ck_assert_str_eq(cluster->groups[0].node, "");
	ck_assert_str_eq(cluster->groups[0].group, "home");
	glr_cluster_free(cluster);

	cluster = parse("crm_mon-down.xml");
	ck_assert(!cluster->have_quorum);
	ck_assert_str_eq(cluster->groups[0].node, "");
	glr_cluster_free(cluster);
}
END_TEST

#define CIB(crm_config, resources)                                                                           \
	"<cib><configuration>" crm_config "<resources>" resources "</resources></configuration></cib>"
#define PROPERTY(name, value)                                                                                \
	"<crm_config><cluster_property_set id='a'><nvpair id='b' name='" name "' value='" value              \
	"'/></cluster_property_set></crm_config>"

static bool fencing(const char *cib)
{
	struct glr_cluster *cluster;
	bool enabled;

	ck_assert_int_eq(glr_cluster_parse(NULL, cib, &cluster), 0);
	enabled = cluster->fencing_enabled;
	glr_cluster_free(cluster);
	return enabled;
}

START_TEST(fencing_is_on_unless_switched_off)
{
	ck_assert(fencing(CIB("", "")));
	ck_assert(fencing(CIB(PROPERTY("no-quorum-policy", "stop"), "")));
	ck_assert(fencing(CIB(PROPERTY("stonith-enabled", "TRUE"), "")));
	ck_assert(!fencing(CIB(PROPERTY("stonith-enabled", "false"), "")));
	ck_assert(!fencing(CIB(PROPERTY("stonith-enabled", "off"), "")));
}
END_TEST

START_TEST(other_xml_is_refused)
{
	ck_assert_int_eq(parse_text(NULL, ""), -EBADMSG);
	ck_assert_int_eq(parse_text(NULL, "not xml"), -EBADMSG);
	ck_assert_int_eq(parse_text(NULL, "<html/>"), -EBADMSG);
	ck_assert_int_eq(parse_text(NULL, "<cib/>"), -EBADMSG);
	ck_assert_int_eq(parse_text("<cib/>", CIB("", "")), -EBADMSG);
	ck_assert_int_eq(parse_text("", CIB("", "")), -EBADMSG);
	ck_assert_int_eq(parse_text(NULL, CIB("", "")), 0);
	ck_assert_int_eq(parse_text("<pacemaker-result/>", CIB("", "")), 0);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	char *cib = load("cib.xml");
	size_t length = strrchr(cib, '>') - cib;

	/* From the back, so that what was cut off is always gone. */
	for (; length > 0; length -= length > 97 ? 97 : length) {
		cib[length] = '\0';
		ck_assert_int_eq(parse_text(NULL, cib), -EBADMSG);
	}
	free(cib);
}
END_TEST

START_TEST(documents_with_a_doctype_are_refused)
{
	char *bomb = load("bomb.xml"), *external = load("external.xml");

	ck_assert_int_eq(parse_text(NULL, bomb), -EBADMSG);
	ck_assert_int_eq(parse_text(bomb, CIB("", "")), -EBADMSG);
	ck_assert_int_eq(parse_text(NULL, external), -EBADMSG);
	ck_assert_int_eq(parse_text(NULL, "<!DOCTYPE cib><cib><configuration/></cib>"), -EBADMSG);
	free(bomb);
	free(external);
}
END_TEST

START_TEST(values_that_do_not_fit_are_refused)
{
	char text[8192], name[4096];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text),
		 CIB("", "<primitive class='ocf' provider='glr' type='nfsserver' id='x'><instance_attributes "
			 "id='y'>"
			 "<nvpair id='z' name='group' value='%s'/></instance_attributes></primitive>"),
		 name);
	ck_assert_int_eq(parse_text(NULL, text), -EBADMSG);
}
END_TEST

/* A reference to itself, to nothing, and to an element of another kind. */
START_TEST(wrong_references_find_nothing)
{
	ck_assert_int_eq(
		parse_text(NULL, CIB("", "<primitive id='p' template='p'><instance_attributes id='s' "
					 "id-ref='s'/><instance_attributes id-ref='none'/></primitive>"
					 "<primitive class='ocf' provider='glr' type='nfsserver' id='q'>"
					 "<instance_attributes id-ref='z'><nvpair id='z' id-ref='s' "
					 "name='group' value='v'/></instance_attributes></primitive>")),
		0);
}
END_TEST

START_TEST(depth_and_length_are_bounded)
{
	size_t levels = 100000, unit = strlen("<group>"), at = 0;
	char *deep = calloc(levels, 2 * unit + 1);
	char *long_text = malloc((17u << 20) + 1);

	for (size_t i = 0; i < levels; i++, at += unit)
		memcpy(deep + at, "<group>", unit);
	ck_assert_int_eq(parse_text(NULL, deep), -EBADMSG);

	memset(long_text, ' ', 17u << 20);
	long_text[17u << 20] = '\0';
	memcpy(long_text, "<cib><configuration/>", 21);
	memcpy(long_text + (17u << 20) - 6, "</cib>", 6);
	ck_assert_int_eq(parse_text(NULL, long_text), -EBADMSG);
	free(deep);
	free(long_text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cib");
	TCase *tcase = tcase_create("cib");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, groups_are_found);
	tcase_add_test(tcase, templates_and_references_are_followed);
	tcase_add_test(tcase, sets_with_rules_are_left_to_the_cluster);
	tcase_add_test(tcase, without_crm_mon_nothing_is_claimed);
	tcase_add_test(tcase, fencing_is_on_unless_switched_off);
	tcase_add_test(tcase, other_xml_is_refused);
	tcase_add_test(tcase, every_truncation_is_refused);
	tcase_add_test(tcase, documents_with_a_doctype_are_refused);
	tcase_add_test(tcase, values_that_do_not_fit_are_refused);
	tcase_add_test(tcase, wrong_references_find_nothing);
	tcase_add_test(tcase, depth_and_length_are_bounded);
	suite_add_tcase(suite, tcase);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
