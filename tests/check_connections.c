/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "connections.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(a_line_that_was_written_is_read)
{
	static const char *const lines[] = {"10.0.0.10 2049 10.0.0.7 925", "fd00::1 4045 fd00::7:0:1 65535"};
	char text[CONNECTION_TEXT_MAX];
	struct connection one;

	ck_assert(connection_parse(lines[_i], &one));
	ck_assert_str_eq(connection_text(&one, text), lines[_i]);
}
END_TEST

static const char *const hostile[] = {
	"",
	"10.0.0.10 2049 10.0.0.7",
	"10.0.0.10 2049 10.0.0.7 925 ",
	" 10.0.0.10 2049 10.0.0.7 925",
	"10.0.0.10  2049 10.0.0.7 925",
	"10.0.0.10 2049 10.0.0.7 0",
	"10.0.0.10 2049 10.0.0.7 65537",
	"10.0.0.10 2049 10.0.0.7 -1",
	"10.0.0.10 +2049 10.0.0.7 925",
	"10.0.0.10 02049 10.0.0.7 925",
	"10.0.0.10 2049 10.0.0 925",
	"10.0.0.10 2049 nfs.example.org 925",
	"10.0.0.10 2049 fd00::7 925",
	"10.0.0.10 2049 ::ffff:10.0.0.7 925",
	"10.0.0.10 2049 127.0.0.1 925",
	"127.0.0.1 2049 10.0.0.7 925",
	"10.0.0.10 2049 0.0.0.0 925",
	"10.0.0.10 2049 224.0.0.1 925",
	"10.0.0.10 2049 255.255.255.255 925",
	"fd00::1 2049 ::1 925",
	"fd00::1 2049 :: 925",
	"fd00::1 2049 ff02::1 925",
	"fd00::1 2049 fe80::1%2 925",
	"fd00::1 2049 fe80::1 925",
	"fd00:0::1 2049 fd00::7 925",
	"%s%s%s%n",
};

START_TEST(a_hostile_line_is_none)
{
	struct connection one;

	ck_assert(!connection_parse(hostile[_i], &one));
}
END_TEST

START_TEST(the_kernels_table_is_read)
{
	static const char tail[] = " 00000000:00000000 02:0000 00000000 0 0 12 2";
	uint8_t four[2][4] = {{10, 0, 0, 10}, {10, 0, 0, 7}};
	uint8_t six[2][16] = {{0xfd, [15] = 1}, {0xfd, [14] = 2, [15] = 7}};
	uint8_t mapped[2][16] = {{[10] = 0xff, 0xff, 10, 0, 0, 10}, {[10] = 0xff, 0xff, 10, 0, 0, 7}};
	char line[256], text[CONNECTION_TEXT_MAX];
	struct connection one;
	uint32_t w[2][4];

	memcpy(w[0], four[0], 4);
	memcpy(w[1], four[1], 4);
	snprintf(line, sizeof(line), "   3: %08X:0801 %08X:039D 01%s\n", w[0][0], w[1][0], tail);
	ck_assert(connection_parse_proc(line, &one));
	ck_assert_str_eq(connection_text(&one, text), "10.0.0.10 2049 10.0.0.7 925");
	/* listens */
	snprintf(line, sizeof(line), "   3: %08X:0801 %08X:039D 0A%s\n", w[0][0], w[1][0], tail);
	ck_assert(!connection_parse_proc(line, &one));
	for (int i = 0; i < 2; i++) {
		memcpy(w[0], i ? mapped[0] : six[0], 16);
		memcpy(w[1], i ? mapped[1] : six[1], 16);
		snprintf(line, sizeof(line), "   3: %08X%08X%08X%08X:0801 %08X%08X%08X%08X:039D 01%s\n",
			 w[0][0], w[0][1], w[0][2], w[0][3], w[1][0], w[1][1], w[1][2], w[1][3], tail);
		ck_assert(connection_parse_proc(line, &one));
		ck_assert_str_eq(connection_text(&one, text),
				 i ? "10.0.0.10 2049 10.0.0.7 925" : "fd00::1 2049 fd00::207 925");
	}
	ck_assert(!connection_parse_proc(" sl  local_address rem_address   st tx_queue", &one));
	ck_assert(!connection_parse_proc("   3: 0A00:0801 0A00:039D 01", &one));
}
END_TEST

START_TEST(a_segment_is_as_computed_by_hand)
{
	/* 10.0.0.10:2049 > 10.0.0.7:925, seq 1, ack 2: 0a00+000a+0a00+0007+0006+0014 +
	 * 0801+039d+0001+0002+5010+0400 = 73dc, of which the complement is the checksum. */
	static const uint8_t expected[CONNECTION_SEGMENT_BYTES] = {
		0x08, 0x01, 0x03, 0x9d, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0x04, 0x00, 0x8c, 0x23, 0, 0};
	uint8_t segment[CONNECTION_SEGMENT_BYTES];
	struct connection one;

	ck_assert(connection_parse("10.0.0.10 2049 10.0.0.7 925", &one));
	connection_segment(&one, 1, 2, segment);
	ck_assert_mem_eq(segment, expected, sizeof(expected));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connections");
	TCase *tc = tcase_create("connections");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, a_line_that_was_written_is_read, 0, 2);
	tcase_add_loop_test(tc, a_hostile_line_is_none, 0, sizeof(hostile) / sizeof(*hostile));
	tcase_add_test(tc, the_kernels_table_is_read);
	tcase_add_test(tc, a_segment_is_as_computed_by_hand);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
