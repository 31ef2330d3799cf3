/* SPDX-License-Identifier: MIT */
/* Kept blocks of one size: given again, bounded, accounted, none left. */
#include "unit.h"

#include "base/spares.h"

enum {
	SIZE = 40,
	MAX = 3
};

static void a_block_given_back_is_the_next_one_given(void **state UNUSED)
{
	struct mem mem;
	struct spares s;
	void *a, *b;

	mem_init(&mem, NULL, NULL, 0);
	spares_init(&s, &mem, SIZE, MAX);
	a = spares_get(&s);
	b = spares_get(&s);
	assert_true(a && b && a != b);
	spares_put(&s, a);
	spares_put(&s, b);
	assert_int_equal(s.n, 2);
	assert_int_equal(mem.n_blocks, 2);
	assert_ptr_equal(spares_get(&s), b);
	assert_ptr_equal(spares_get(&s), a);
	assert_int_equal(s.n, 0);
	assert_int_equal(mem.n_blocks, 2);
	mem_free(&mem, a, SIZE);
	mem_free(&mem, b, SIZE);
	assert_int_equal(mem.n_bytes, 0);
}

static void no_more_than_the_bound_are_kept(void **state UNUSED)
{
	struct mem mem;
	struct spares s;
	void *blocks[MAX + 2];

	mem_init(&mem, NULL, NULL, 0);
	spares_init(&s, &mem, SIZE, MAX);
	for (int i = 0; i < MAX + 2; i++)
		blocks[i] = spares_get(&s);
	for (int i = 0; i < MAX + 2; i++)
		spares_put(&s, blocks[i]);
	spares_put(&s, NULL);
	assert_int_equal(s.n, MAX);
	assert_int_equal(mem.n_bytes, MAX * SIZE);
	spares_bound(&s, 1);
	assert_int_equal(mem.n_bytes, SIZE);
	spares_bound(&s, MAX);
	assert_int_equal(s.n, 1);
	spares_bound(&s, 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(mem.n_blocks, 0);
}

static void without_memory_kept_blocks_are_still_given(void **state UNUSED)
{
	struct mem mem;
	struct spares s;
	void *a;

	mem_init(&mem, NULL, NULL, SIZE);
	spares_init(&s, &mem, SIZE, MAX);
	a = spares_get(&s);
	assert_non_null(a);
	assert_null(spares_get(&s));
	spares_put(&s, a);
	assert_ptr_equal(spares_get(&s), a);
	spares_bound(&s, 0);
	spares_put(&s, a); /* more than the new bound */
	assert_int_equal(mem.n_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_given_back_is_the_next_one_given),
		cmocka_unit_test(no_more_than_the_bound_are_kept),
		cmocka_unit_test(without_memory_kept_blocks_are_still_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
