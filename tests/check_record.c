/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"
#include "table.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SEED 0x12345678u

START_TEST(checksum_is_crc32c)
{
	uint8_t bytes[32] = {0};

	/* RFC 3720, B.4 */
	ck_assert_uint_eq(glr__crc32c(0, bytes, sizeof(bytes)), 0x8a9136aau);
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_uint_eq(glr__crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43u);
	ck_assert_uint_eq(glr__crc32c(0, "123456789", 9), 0xe3069283u);
	ck_assert_uint_eq(glr__crc32c(glr__crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
}
END_TEST

/* The bytes are what glr-clients(5) says, on every machine. */
START_TEST(bytes_of_a_record)
{
	static const uint8_t expected[24] = {
		0, 0, 0, 0, 3, 0, 2, 0xa4, 8, 7, 6, 5, 4, 3, 2, 1, 'a', 'b', 'c',
	};
	struct glr__record record = {2, 0x0102030405060708, (const uint8_t *)"abc", 3};
	uint8_t bytes[24];

	ck_assert_int_eq(glr__record_encode(SEED, &record, bytes, sizeof(bytes)), 24);
	ck_assert_mem_eq(bytes + 4, expected + 4, 20);
	ck_assert_uint_eq(glr__get32(bytes), glr__crc32c(SEED, expected + 4, 20));
}
END_TEST

static uint8_t payload[GLR__RECORD_PAYLOAD_MAX + 1];
static uint8_t frame[GLR__RECORD_FRAME_MAX];

static int encode(size_t length)
{
	struct glr__record record = {1, 99, payload, length};
	size_t i;

	for (i = 0; i < length; i++)
		payload[i] = (uint8_t)(i * 7 + 1);
	return glr__record_encode(SEED, &record, frame, sizeof(frame));
}

START_TEST(every_length_and_back)
{
	struct glr__record record;
	size_t length;
	int bytes;

	for (length = 0; length <= GLR__RECORD_PAYLOAD_MAX; length++) {
		bytes = encode(length);
		ck_assert_uint_eq((size_t)bytes, glr__record_frame(length));
		ck_assert_int_eq(bytes % 8, 0);
		ck_assert_uint_eq(glr__record_declared(frame, GLR__RECORD_HEAD), (size_t)bytes);
		ck_assert_int_eq(glr__record_decode(SEED, frame, (size_t)bytes, &record), bytes);
		ck_assert_uint_eq(record.type, 1);
		ck_assert_uint_eq(record.sequence, 99);
		ck_assert_uint_eq(record.length, length);
		ck_assert_mem_eq(record.payload, payload, length);
	}
	ck_assert_int_eq(encode(GLR__RECORD_PAYLOAD_MAX + 1), -EMSGSIZE);
}
END_TEST

START_TEST(filled_with_zeros)
{
	struct glr__record record;
	int bytes = encode(9);

	ck_assert_int_eq(bytes, 32);
	for (int at = 25; at < 32; at++) {
		encode(9);
		frame[at] = 1;
		glr__put32(frame, glr__crc32c(SEED, frame + 4, 28));
		ck_assert_int_eq(glr__record_decode(SEED, frame, sizeof(frame), &record), -EBADMSG);
	}
}
END_TEST

START_TEST(short_buffers)
{
	struct glr__record record = {1, 1, payload, 9};
	size_t size;

	for (size = 0; size < 32; size++)
		ck_assert_int_eq(glr__record_encode(SEED, &record, frame, size), -EMSGSIZE);
	ck_assert_int_eq(glr__record_encode(SEED, &record, frame, 32), 32);
	for (size = 0; size < 32; size++)
		ck_assert_int_eq(glr__record_decode(SEED, frame, size, &record), -EBADMSG);
}
END_TEST

START_TEST(every_flipped_bit_shows)
{
	struct glr__record record;
	size_t bytes = (size_t)encode(21);
	size_t bit;

	for (bit = 0; bit < bytes * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		ck_assert_int_eq(glr__record_decode(SEED, frame, bytes, &record), -EBADMSG);
		/* A wrong length is never believed. */
		if (bit >= 32 && bit < 64)
			ck_assert_uint_eq(glr__record_declared(frame, bytes), 0);
		else
			ck_assert_uint_eq(glr__record_declared(frame, bytes), bytes);
		frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	ck_assert_int_eq(glr__record_decode(SEED, frame, bytes, &record), (int)bytes);
}
END_TEST

START_TEST(records_of_another_generation_do_not_fit)
{
	uint32_t seed = glr__record_seed(0xabcdef, 4);
	struct glr__record record = {1, 1, payload, 9};
	int bytes = glr__record_encode(seed, &record, frame, sizeof(frame));

	ck_assert_int_eq(glr__record_decode(seed, frame, (size_t)bytes, &record), bytes);
	ck_assert_int_eq(glr__record_decode(glr__record_seed(0xabcdef, 5), frame, (size_t)bytes, &record),
			 -EBADMSG);
	ck_assert_int_eq(glr__record_decode(glr__record_seed(0xabcdee, 4), frame, (size_t)bytes, &record),
			 -EBADMSG);
}
END_TEST

START_TEST(zeros_are_no_record)
{
	static const uint8_t zeros[64];
	struct glr__record record;

	ck_assert_int_eq(glr__record_decode(0, zeros, sizeof(zeros), &record), -EBADMSG);
	ck_assert_uint_eq(glr__record_declared(zeros, sizeof(zeros)), 0);
}
END_TEST

START_TEST(clients_and_back)
{
	static const char *const addresses[] = {"10.0.0.7", "2001:db8::7", "fe80::1%3", NULL};
	struct glr__client_record client = {.name = "client-7", .name_length = 8}, back;
	struct glr__record record = {.payload = payload};
	size_t i;
	int bytes;

	for (i = 0; i < 4; i++) {
		memset(&client.address, 0, sizeof(client.address));
		if (addresses[i])
			ck_assert_int_eq(glr_address_parse(addresses[i], &client.address), 0);
		client.missed = i % 2;
		bytes = glr__record_encode_client(&client, payload, sizeof(payload));
		ck_assert_int_eq(bytes, 32);
		ck_assert_uint_eq(payload[0], i == 0 ? 4 : i == 3 ? 0 : 6);
		record.length = (size_t)bytes;
		ck_assert_int_eq(glr__record_decode_client(&record, &back), 0);
		ck_assert(glr_address_equal(&client.address, &back.address));
		ck_assert_int_eq(back.missed, client.missed);
		ck_assert_uint_eq(back.name_length, 8);
		ck_assert_mem_eq(back.name, "client-7", 8);
	}
	ck_assert_int_eq(glr__record_encode_client(&client, payload, 31), -EMSGSIZE);
}
END_TEST

START_TEST(payloads_that_are_no_client)
{
	struct glr__client_record client = {.name = "x", .name_length = 1};
	struct glr__record record = {.payload = payload};

	record.length = (size_t)glr__record_encode_client(&client, payload, sizeof(payload));
	ck_assert_int_eq(glr__record_decode_client(&record, &client), 0);
	record.length--;
	ck_assert_int_eq(glr__record_decode_client(&record, &client), -EBADMSG);
	record.length = 24 + GLR_NAME_MAX;
	memset(payload + 24, 'x', GLR_NAME_MAX);
	ck_assert_int_eq(glr__record_decode_client(&record, &client), -EBADMSG);
	record.length--;
	ck_assert_int_eq(glr__record_decode_client(&record, &client), 0);
	payload[30] = '\0';
	ck_assert_int_eq(glr__record_decode_client(&record, &client), -EBADMSG);
	payload[30] = 'x';
	payload[0] = 5;
	ck_assert_int_eq(glr__record_decode_client(&record, &client), -EBADMSG);
	payload[0] = 4;
	payload[1] = 2;
	ck_assert_int_eq(glr__record_decode_client(&record, &client), -EBADMSG);
}
END_TEST

static struct glr__node *node_new(unsigned number)
{
	struct glr__node *node = malloc(sizeof(*node) + 16);

	ck_assert_ptr_nonnull(node);
	snprintf((char *)(node + 1), 16, "%u", number);
	node->name = (char *)(node + 1);
	return node;
}

/* Against a plain array, through growth, wrapping and removal in clusters. */
START_TEST(a_table_is_an_array_by_name)
{
	static bool present[512];
	struct glr__table table = {0};
	struct glr__node *node;
	uint32_t series = 1;
	size_t count = 0;
	char name[16];
	unsigned i, step;

	for (step = 0; step < 40000; step++) {
		series = series * 1103515245 + 12345;
		i = (series >> 16) % 512;
		snprintf(name, sizeof(name), "%u", i);
		node = glr__table_find(&table, name);
		ck_assert_int_eq(node != NULL, present[i]);
		if (node) {
			ck_assert_str_eq(node->name, name);
			glr__table_remove(&table, node);
			free(node);
		} else if (step % 10000 < 8000) {
			ck_assert_int_eq(glr__table_reserve(&table), 0);
			glr__table_insert(&table, node_new(i));
		} else {
			continue;
		}
		present[i] = !node;
		count += node ? (size_t)-1 : 1;
		ck_assert_uint_eq(table.count, count);
	}
	for (node = table.first; node; node = node->next, count--)
		ck_assert(present[atoi(node->name)]);
	ck_assert_uint_eq(count, 0);
	glr__table_clear(&table);
	ck_assert_ptr_null(glr__table_find(&table, "1"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tcase = tcase_create("record");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, checksum_is_crc32c);
	tcase_add_test(tcase, bytes_of_a_record);
	tcase_add_test(tcase, every_length_and_back);
	tcase_add_test(tcase, filled_with_zeros);
	tcase_add_test(tcase, short_buffers);
	tcase_add_test(tcase, every_flipped_bit_shows);
	tcase_add_test(tcase, records_of_another_generation_do_not_fit);
	tcase_add_test(tcase, zeros_are_no_record);
	tcase_add_test(tcase, clients_and_back);
	tcase_add_test(tcase, payloads_that_are_no_client);
	tcase_add_test(tcase, a_table_is_an_array_by_name);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
