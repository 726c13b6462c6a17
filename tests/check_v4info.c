/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "v4info.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Linux 6.1 */
#define BEFORE                                                                                               \
	"clientid: 0x1d2a8c5f6564c7b2\naddress: \"10.99.0.7:934\"\nstatus: confirmed\n"                      \
	"seconds from last renew: 7\n"
#define AFTER "\nminor version: 0\ncallback state: UP\ncallback address: 10.99.0.7:40229\n"

static struct v4info info;
static uint8_t id[1024];

START_TEST(every_field)
{
	ck_assert_int_eq(v4info_parse(BEFORE "name: \"Linux NFSv4.0 c1/10.99.0.7\"" AFTER, &info), 0);
	ck_assert_str_eq(info.address, "10.99.0.7:934");
	ck_assert_str_eq(info.status, "confirmed");
	ck_assert_str_eq(info.version, "0");
	ck_assert_uint_eq(info.idle_s, 7);
	ck_assert_int_eq(v4info_id(&info, id, sizeof(id)), 26);
	ck_assert_mem_eq(id, "Linux NFSv4.0 c1/10.99.0.7", 26);
}
END_TEST

/* Every byte that a client can choose, as seq_quote_mem() writes it: nothing of it is a field. */
START_TEST(hostile_names)
{
	static const uint8_t bytes[] = "\"\\\nstatus: courtesy\nminor version: 1\n\0\x7f\xff name: \"";
	char text[4096], quoted[1024] = "";
	size_t length = sizeof(bytes) - 1;

	for (size_t i = 0; i < length; i++) {
		bool plain = bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\';

		snprintf(quoted + strlen(quoted), 5, plain ? "%c" : "\\x%02x", bytes[i]);
	}
	snprintf(text, sizeof(text), BEFORE "name: \"%s\"" AFTER, quoted);
	ck_assert_int_eq(v4info_parse(text, &info), 0);
	ck_assert_str_eq(info.status, "confirmed");
	ck_assert_str_eq(info.version, "0");
	ck_assert_int_eq(v4info_id(&info, id, sizeof(id)), (int)length);
	ck_assert_mem_eq(id, bytes, length);
}
END_TEST

START_TEST(longest_name)
{
	static char text[V4INFO_MAX], quoted[4 * 1024 + 1];

	for (int i = 0; i < 1024; i++)
		memcpy(quoted + 4 * i, "\\x00", 4);
	snprintf(text, sizeof(text), BEFORE "name: \"%s\"" AFTER, quoted);
	ck_assert_int_eq(v4info_parse(text, &info), 0);
	ck_assert_int_eq(v4info_id(&info, id, sizeof(id)), 1024);
	ck_assert_int_eq(v4info_id(&info, id, sizeof(id) - 1), -EMSGSIZE);
}
END_TEST

START_TEST(wrong_quoting)
{
	static const char *const wrong[] = {"\\", "\\x", "\\x0", "\\x0g", "\\n", "\\y00", "a\\x0"};
	char text[512];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(text, sizeof(text), BEFORE "name: \"%s\"" AFTER, wrong[i]);
		ck_assert_int_eq(v4info_parse(text, &info), 0);
		ck_assert_int_eq(v4info_id(&info, id, sizeof(id)), -EBADMSG);
	}
}
END_TEST

/* A file that ends too early, at any byte, or lacks what is needed. */
START_TEST(damaged)
{
	static const char whole[] = BEFORE "name: \"c1\"\nminor version: 0\n";
	char text[sizeof(whole)];

	for (size_t length = 0; length < sizeof(whole) - 1; length++) {
		memcpy(text, whole, length);
		text[length] = '\0';
		ck_assert_int_eq(v4info_parse(text, &info), -EBADMSG);
	}
	ck_assert_int_eq(v4info_parse(whole, &info), 0);
	ck_assert_int_eq(v4info_parse("name: \"c1\"\nminor version: 0\n", &info), -EBADMSG);
	ck_assert_int_eq(v4info_parse(BEFORE "xname: \"c1\"" AFTER, &info), -EBADMSG);
	ck_assert_int_eq(v4info_parse(BEFORE "name: c1" AFTER, &info), -EBADMSG);
}
END_TEST

/* Before Linux 5.13 nobody knows how old a lease is. */
START_TEST(idle)
{
	static const char *const unknown[] = {"", "seconds from last renew: -3\n",
					      "seconds from last renew: \n", "seconds from last renew: 7s\n",
					      "seconds from last renew: 99999999999999999999\n"};
	char text[512];

	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		snprintf(text, sizeof(text), "address: \"[fd00::7]:934\"\n%sname: \"c1\"" AFTER, unknown[i]);
		ck_assert_int_eq(v4info_parse(text, &info), 0);
		ck_assert(info.idle_s == UINT64_MAX);
		ck_assert_str_eq(info.status, "");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("v4info");
	TCase *tc = tcase_create("v4info");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, every_field);
	tcase_add_test(tc, hostile_names);
	tcase_add_test(tc, longest_name);
	tcase_add_test(tc, wrong_quoting);
	tcase_add_test(tc, damaged);
	tcase_add_test(tc, idle);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
