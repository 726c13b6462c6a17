/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "glr_private.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

static const struct {
	const char *text, *canonical;
} valid[] = {
	{"10.0.0.7", "10.0.0.7"},
	{"0.0.0.0", "0.0.0.0"},
	{"255.255.255.255", "255.255.255.255"},
	{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	{"2001:0db8::0001", "2001:db8::1"},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"::", "::"},
	{"::1", "::1"},
	{"::ffff:10.0.0.7", "10.0.0.7"},
	{"::ffff:a00:7", "10.0.0.7"},
	{"fe80::1%3", "fe80::1%3"},
	{"fe80::1%0", "fe80::1"},
	{"2001:db8::1%3", "2001:db8::1"},
};

static const char *const invalid[] = {
	"",
	"home",
	"10.0.0",
	"10.0.0.256",
	"010.0.0.7",
	"10.0.0.7 ",
	" 10.0.0.7",
	"10.0.0.7%1",
	"10.0.0.7/8",
	"1:2:3",
	"fe80::1%eth0",
	"fe80::1%",
	"fe80::1%-1",
	"fe80::1%+1",
	"fe80::1%1x",
	"fe80::1%4294967296",
	":::",
	"::1::2",
	"1111:2222:3333:4444:5555:6666:7777:8888:9999",
	"11111111111111111111111111111111111111111111111111111111111111111111",
};

START_TEST(texts_become_canonical)
{
	char text[GLR_ADDRESS_TEXT_MAX];
	struct glr_address address, again;

	ck_assert_int_eq(glr_address_parse(valid[_i].text, &address), 0);
	ck_assert_str_eq(glr_address_text(&address, text), valid[_i].canonical);
	ck_assert_int_eq(glr_address_parse(text, &again), 0);
	ck_assert(glr_address_equal(&address, &again));
}
END_TEST

START_TEST(other_texts_are_refused)
{
	struct glr_address address;

	ck_assert_int_eq(glr_address_parse(invalid[_i], &address), -EINVAL);
}
END_TEST

START_TEST(equal_is_what_reaches_the_same_host)
{
	struct glr_address a, b, none = {.family = AF_UNSPEC};

	ck_assert_int_eq(glr_address_parse("10.0.0.7", &a), 0);
	ck_assert_int_eq(glr_address_parse("::ffff:10.0.0.7", &b), 0);
	ck_assert(glr_address_equal(&a, &b));
	b.bytes[9] = 1; /* behind an IPv4 address */
	ck_assert(glr_address_equal(&a, &b));
	b.bytes[3] = 8;
	ck_assert(!glr_address_equal(&a, &b));
	ck_assert(!glr_address_equal(&a, &none));
	ck_assert(glr_address_equal(&none, &none));
	ck_assert_int_eq(glr_address_parse("fe80::1%1", &a), 0);
	ck_assert_int_eq(glr_address_parse("fe80::1%2", &b), 0);
	ck_assert(!glr_address_equal(&a, &b));
}
END_TEST

START_TEST(socket_addresses_and_back)
{
	static const char *const texts[] = {"10.0.0.7", "2001:db8::1", "fe80::1%3"};
	char text[GLR_ADDRESS_TEXT_MAX];
	struct glr_address address, back;
	struct sockaddr_storage sa;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_int_eq(glr_address_parse(texts[i], &address), 0);
		ck_assert_uint_eq(glr_address_to_sockaddr(&address, 2049, &sa),
				  i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		ck_assert_uint_eq(i == 0 ? ((struct sockaddr_in *)&sa)->sin_port
					 : ((struct sockaddr_in6 *)&sa)->sin6_port,
				  htons(2049));
		ck_assert_int_eq(glr_address_from_sockaddr((struct sockaddr *)&sa, &back), 0);
		ck_assert(glr_address_equal(&address, &back));
		ck_assert_str_eq(glr_address_text(&back, text), texts[i]);
	}
}
END_TEST

START_TEST(socket_addresses_of_other_kinds)
{
	struct glr_address address, none = {.family = AF_UNSPEC};
	char text[GLR_ADDRESS_TEXT_MAX];
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	struct sockaddr_storage sa = {.ss_family = AF_UNIX};

	ck_assert_int_eq(glr_address_from_sockaddr((struct sockaddr *)&sa, &address), -EAFNOSUPPORT);
	ck_assert_uint_eq(glr_address_to_sockaddr(&none, 1, &sa), 0);
	ck_assert_str_eq(glr_address_text(&none, text), "");
	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:10.0.0.7", &mapped.sin6_addr), 1);
	ck_assert_int_eq(glr_address_from_sockaddr((struct sockaddr *)&mapped, &address), 0);
	ck_assert_int_eq(address.family, AF_INET);
	ck_assert_str_eq(glr_address_text(&address, text), "10.0.0.7");
}
END_TEST

START_TEST(group_names_are_host_labels)
{
	static const char *const good[] = {
		"a", "home", "Home-2",
		"7", "3com", "a23456789012345678901234567890123456789012345678901234567890123",
	};
	static const char *const bad[] = {
		"",	  "-home",
		"home-",  "home.example",
		"home_1", "home 1",
		"../etc", "h\xc3\xa4us",
		"home\n", "a234567890123456789012345678901234567890123456789012345678901234",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(glr__group_valid(good[i]), "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!glr__group_valid(bad[i]), "%s", bad[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("address");
	TCase *tcase = tcase_create("address");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, texts_become_canonical, 0, sizeof(valid) / sizeof(valid[0]));
	tcase_add_loop_test(tcase, other_texts_are_refused, 0, sizeof(invalid) / sizeof(invalid[0]));
	tcase_add_test(tcase, equal_is_what_reaches_the_same_host);
	tcase_add_test(tcase, socket_addresses_and_back);
	tcase_add_test(tcase, socket_addresses_of_other_kinds);
	tcase_add_test(tcase, group_names_are_host_labels);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
