/* SPDX-License-Identifier: MIT */
/* The cursors at and past the end of their bytes; loads and stores at odd addresses. */
#include "unit.h"

#include "base/cursor.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
				0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};

static void loads_and_stores_are_big_endian_at_any_address(void **state UNUSED)
{
	uint8_t out[9] = {0};

	assert_int_equal(load_be16(bytes + 1), 0x0203);
	assert_int_equal(load_be32(bytes + 1), 0x02030405);
	assert_int_equal(load_be64(bytes + 1), 0x0203040506070809);
	store_be16(out + 1, 0x0203);
	assert_memory_equal(out + 1, bytes + 1, 2);
	store_be32(out + 1, 0x02030405);
	assert_memory_equal(out + 1, bytes + 1, 4);
	store_be64(out + 1, 0x0203040506070809);
	assert_memory_equal(out + 1, bytes + 1, 8);
}

static void little_endian_is_the_mirror_image(void **state UNUSED)
{
	uint8_t out[14];
	struct rd r = rd_make(bytes, 14);
	struct wr w = wr_make(out, 14);

	assert_int_equal(rd_le16(&r), 0x0201);
	assert_int_equal(rd_le32(&r), 0x06050403);
	assert_int_equal(rd_le64(&r), 0x0e0d0c0b0a090807);
	assert_int_equal(rd_le64(&r), 0);
	assert_false(rd_ok(&r));
	wr_le16(&w, 0x0201);
	wr_le32(&w, 0x06050403);
	wr_le64(&w, 0x0e0d0c0b0a090807);
	assert_memory_equal(out, bytes, 14);
	wr_le16(&w, 0x0201);
	assert_false(wr_ok(&w));
}

static void reads_inside_give_the_fields_in_order(void **state UNUSED)
{
	struct rd r = rd_make(bytes, 15);

	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_be16(&r), 0x0203);
	assert_int_equal(rd_be32(&r), 0x04050607);
	assert_int_equal(rd_be64(&r), 0x08090a0b0c0d0e0f);
	assert_int_equal(rd_left(&r), 0);
	assert_true(rd_ok(&r));
}

static void read_past_the_end_is_zero_and_sticks(void **state UNUSED)
{
	for (size_t len = 0; len < 8; len++) {
		uint8_t *exact = malloc(len + !len);
		struct rd r = rd_make(exact, len);

		assert_non_null(exact);
		memset(exact, 0xff, len + !len);
		assert_int_equal(rd_be64(&r), 0);
		assert_false(rd_ok(&r));
		assert_int_equal(rd_left(&r), 0);
		assert_int_equal(rd_be32(&r), 0);
		assert_int_equal(rd_be16(&r), 0);
		assert_int_equal(rd_u8(&r), 0);
		assert_false(rd_ok(&r));
		free(exact);
	}
}

static void bytes_longer_than_the_rest_give_null(void **state UNUSED)
{
	struct rd r = rd_make(bytes, 4);

	assert_ptr_equal(rd_bytes(&r, 3), bytes);
	assert_null(rd_bytes(&r, 2));
	assert_false(rd_ok(&r));
	r = rd_make(bytes, 4);
	assert_null(rd_bytes(&r, SIZE_MAX));
	assert_false(rd_ok(&r));
}

static void copy_longer_than_the_rest_zeroes_its_target(void **state UNUSED)
{
	struct rd r = rd_make(bytes, 6);
	uint8_t out[4];

	rd_copy(&r, out, 4);
	assert_memory_equal(out, bytes, 4);
	rd_copy(&r, out, 4);
	assert_memory_equal(out, "\0\0\0\0", 4);
	assert_false(rd_ok(&r));
}

static void sub_cursor_ends_where_it_should_and_keeps_its_errors(void **state UNUSED)
{
	struct rd r = rd_make(bytes, 6), sub = rd_sub(&r, 3);

	assert_int_equal(rd_left(&sub), 3);
	assert_int_equal(rd_be32(&sub), 0);
	assert_false(rd_ok(&sub));
	assert_true(rd_ok(&r));
	assert_int_equal(rd_u8(&r), 0x04);

	sub = rd_sub(&r, 3);
	assert_false(rd_ok(&sub));
	assert_int_equal(rd_left(&sub), 0);
	assert_false(rd_ok(&r));
}

static void rest_takes_everything_and_skip_stops_at_the_end(void **state UNUSED)
{
	struct rd r = rd_make(bytes, 6), rest;

	rd_skip(&r, 2);
	rest = rd_rest(&r);
	assert_int_equal(rd_left(&rest), 4);
	assert_int_equal(rd_u8(&rest), 0x03);
	assert_true(rd_ok(&r));
	rd_skip(&r, 1);
	assert_false(rd_ok(&r));
}

static void empty_cursor_on_null_is_legal(void **state UNUSED)
{
	struct rd r = rd_make(NULL, 0), sub;
	struct wr w = wr_make(NULL, 0);

	rd_skip(&r, 0);
	sub = rd_rest(&r);
	assert_true(rd_ok(&r) && rd_ok(&sub));
	wr_bytes(&w, NULL, 0);
	wr_zero(&w, 0);
	assert_true(wr_ok(&w));
	assert_int_equal(wr_len(&w), 0);
	wr_u8(&w, 1);
	assert_false(wr_ok(&w));
	assert_int_equal(rd_u8(&r), 0);
	assert_false(rd_ok(&r));
}

static void writes_that_fit_store_their_bytes_in_order(void **state UNUSED)
{
	uint8_t out[20];
	struct wr w = wr_make(out, sizeof(out));

	wr_u8(&w, 0x01);
	wr_be16(&w, 0x0203);
	wr_be32(&w, 0x04050607);
	wr_be64(&w, 0x08090a0b0c0d0e0f);
	wr_bytes(&w, bytes, 3);
	wr_zero(&w, 2);
	assert_true(wr_ok(&w));
	assert_int_equal(wr_len(&w), 20);
	assert_memory_equal(out, bytes, 15);
	assert_memory_equal(out + 15, "\1\2\3\0\0", 5);
}

static void write_that_does_not_fit_stores_nothing_and_sticks(void **state UNUSED)
{
	uint8_t out[4] = {0xaa, 0xaa, 0xaa, 0xaa};
	struct wr w = wr_make(out, 3);

	wr_u8(&w, 1);
	wr_be32(&w, 0x02030405);
	assert_false(wr_ok(&w));
	wr_u8(&w, 2); /* would have fitted */
	wr_zero(&w, 1);
	assert_null(wr_reserve(&w, 1));
	assert_int_equal(wr_len(&w), 1);
	assert_memory_equal(out, "\x01\xaa\xaa\xaa", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_and_stores_are_big_endian_at_any_address),
		cmocka_unit_test(little_endian_is_the_mirror_image),
		cmocka_unit_test(reads_inside_give_the_fields_in_order),
		cmocka_unit_test(read_past_the_end_is_zero_and_sticks),
		cmocka_unit_test(bytes_longer_than_the_rest_give_null),
		cmocka_unit_test(copy_longer_than_the_rest_zeroes_its_target),
		cmocka_unit_test(sub_cursor_ends_where_it_should_and_keeps_its_errors),
		cmocka_unit_test(rest_takes_everything_and_skip_stops_at_the_end),
		cmocka_unit_test(empty_cursor_on_null_is_legal),
		cmocka_unit_test(writes_that_fit_store_their_bytes_in_order),
		cmocka_unit_test(write_that_does_not_fit_stores_nothing_and_sticks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
