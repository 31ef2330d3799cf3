/* SPDX-License-Identifier: MIT */
/* Pools: bound, order, trimming, failures of the memory below. */
#include "unit.h"

#include "base/pool.h"
#include "prng.h"

static void pool_at_its_bound_refuses_and_counts(void **state UNUSED)
{
	struct pool pool;
	struct mem mem;
	void *obj[3];

	mem_init(&mem, NULL, NULL, 0);
	pool_init(&pool, &mem, 100, 3);
	for (int i = 0; i < 3; i++) {
		obj[i] = pool_alloc(&pool);
		assert_non_null(obj[i]);
		assert_int_equal((uintptr_t)obj[i] % CACHE_LINE, 0);
		memset(obj[i], i, 100);
	}
	assert_null(pool_alloc(&pool));
	assert_null(pool_alloc(&pool));
	assert_int_equal(pool.n_failed, 2);
	pool_free(&pool, obj[1]);
	pool_free(&pool, NULL);
	assert_ptr_equal(pool_alloc(&pool), obj[1]);
	for (int i = 0; i < 3; i++)
		pool_free(&pool, obj[i]);
	assert_int_equal(pool.n_used, 0);
	assert_int_equal(pool.n_peak, 3);
	pool_fini(&pool);
	assert_int_equal(mem.n_bytes, 0);
}

static void objects_larger_than_a_slab_get_one_each(void **state UNUSED)
{
	struct pool pool;
	struct mem mem;
	void *a, *b;

	mem_init(&mem, NULL, NULL, 0);
	pool_init(&pool, &mem, 70000, 2);
	a = pool_alloc(&pool);
	b = pool_alloc(&pool);
	assert_true(a && b);
	assert_int_equal(pool.n_slabs, 2);
	memset(a, 1, 70000);
	memset(b, 2, 70000);
	pool_free(&pool, a);
	pool_trim(&pool);
	assert_int_equal(pool.n_slabs, 1);
	pool_free(&pool, b);
	pool_trim(&pool);
	assert_int_equal(mem.n_bytes, 0);
	pool_fini(&pool);
}

static void pool_without_memory_refuses_and_recovers(void **state UNUSED)
{
	struct pool pool;
	struct mem mem;
	void *obj;

	mem_init(&mem, NULL, NULL, 100);
	pool_init(&pool, &mem, 64, 1000);
	assert_null(pool_alloc(&pool));
	assert_int_equal(pool.n_failed, 1);
	mem.limit_bytes = UINT64_MAX;
	obj = pool_alloc(&pool);
	assert_non_null(obj);
	pool_free(&pool, obj);
	pool_fini(&pool);
	pool_fini(&pool);
	assert_int_equal(mem.n_bytes, 0);
}

enum {
	N_OBJS = 400,
	OBJ_BYTES = 1000, /* 64 a slab */
};

static bool is_filled_with(const uint8_t *obj, uint8_t v)
{
	for (size_t i = 0; i < OBJ_BYTES; i++)
		if (obj[i] != v)
			return false;
	return true;
}

static void objects_survive_random_use_and_trimming(void **state UNUSED)
{
	struct prng prng = prng_make();
	uint8_t *objs[N_OBJS] = {0};
	struct pool pool;
	struct mem mem;
	uint32_t n = 0;

	mem_init(&mem, NULL, NULL, 0);
	pool_init(&pool, &mem, OBJ_BYTES, N_OBJS - 10);
	for (int step = 0; step < 20000; step++) {
		size_t i = prng_below(&prng, N_OBJS);

		/* Long phases of mostly freeing, so that whole slabs fall idle. */
		if (!objs[i] && (step / 2000 % 2 == 0 || prng_below(&prng, 20) == 0)) {
			objs[i] = pool_alloc(&pool);
			if (objs[i])
				memset(objs[i], (int)(i & 0xff), OBJ_BYTES);
			n += objs[i] != NULL;
		} else if (objs[i]) {
			assert_true(is_filled_with(objs[i], (uint8_t)i));
			pool_free(&pool, objs[i]);
			objs[i] = NULL;
			n--;
		}
		if (prng_below(&prng, 200) == 0)
			pool_trim(&pool);
		assert_int_equal(pool.n_used, n);
		assert_true(pool.n_objs <= N_OBJS - 10);
	}
	for (size_t i = 0; i < N_OBJS; i++)
		pool_free(&pool, objs[i]);
	assert_int_equal(pool.n_used, 0);
	pool_trim(&pool);
	assert_int_equal(mem.n_bytes, 0);
	pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_at_its_bound_refuses_and_counts),
		cmocka_unit_test(objects_larger_than_a_slab_get_one_each),
		cmocka_unit_test(pool_without_memory_refuses_and_recovers),
		cmocka_unit_test(objects_survive_random_use_and_trimming),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
