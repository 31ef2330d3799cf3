/* SPDX-License-Identifier: MIT */
/* Sequence numbers around the wrap. */
#include "unit.h"

#include "wire/seq.h"

static void order_holds_across_the_wrap(void **state UNUSED)
{
	const uint32_t bases[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
	const uint32_t ahead[] = {1, 2, 1000, 0x7fffffff};

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		uint32_t a = bases[i];

		assert_false(seq_lt(a, a));
		assert_false(seq_gt(a, a));
		assert_true(seq_leq(a, a));
		assert_true(seq_geq(a, a));
		for (size_t j = 0; j < ARRAY_SIZE(ahead); j++) {
			uint32_t b = a + ahead[j];

			assert_true(seq_lt(a, b) && seq_leq(a, b));
			assert_true(seq_gt(b, a) && seq_geq(b, a));
			assert_false(seq_lt(b, a) || seq_leq(b, a));
			assert_int_equal(seq_diff(b, a), ahead[j]);
			assert_int_equal(seq_diff(a, b), -(int32_t)ahead[j]);
			assert_int_equal(seq_max(a, b), b);
			assert_int_equal(seq_max(b, a), b);
			assert_int_equal(seq_min(a, b), a);
			assert_int_equal(seq_min(b, a), a);
		}
	}
}

static void between_includes_the_start_and_not_the_end(void **state UNUSED)
{
	const uint32_t start = 0xfffffffe, end = 3;

	assert_false(seq_between(start, start - 1, end));
	assert_true(seq_between(start, start, end));
	assert_true(seq_between(start, 0, end));
	assert_true(seq_between(start, 2, end));
	assert_false(seq_between(start, 3, end));
	assert_false(seq_between(5, 5, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_holds_across_the_wrap),
		cmocka_unit_test(between_includes_the_start_and_not_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
