/* SPDX-License-Identifier: MIT */
/* The engine's allocator: accounting, limit, failures of the heap below, alignment. */
#include "unit.h"

#include "base/mem.h"

static void assert_all_free(const struct mem *mem)
{
	assert_int_equal(mem->n_bytes, 0);
	assert_int_equal(mem->n_blocks, 0);
}

static void blocks_freed_with_their_size_bring_the_accounts_to_zero(void **state UNUSED)
{
	struct mem mem;
	void *a, *b, *c;

	mem_init(&mem, NULL, NULL, 0);
	a = mem_alloc(&mem, 100);
	b = mem_zalloc(&mem, 50);
	c = mem_alloc(&mem, 0);
	assert_true(a && b && c);
	assert_int_equal(mem.n_bytes, 150);
	assert_int_equal(mem.n_blocks, 3);
	mem_free(&mem, a, 100);
	mem_free(&mem, b, 50);
	mem_free(&mem, c, 0);
	mem_free(&mem, NULL, 77);
	assert_all_free(&mem);
	assert_int_equal(mem.n_bytes_max, 150);
	assert_int_equal(mem.n_failed, 0);
}

static void allocation_above_the_limit_fails_and_is_counted(void **state UNUSED)
{
	struct mem mem;
	void *a;

	mem_init(&mem, NULL, NULL, 100);
	a = mem_alloc(&mem, 60);
	assert_non_null(a);
	assert_null(mem_alloc(&mem, 41));
	assert_null(mem_alloc(&mem, SIZE_MAX));
	assert_null(mem_zalloc_array(&mem, SIZE_MAX / 2, 4));
	assert_null(mem_alloc_aligned(&mem, SIZE_MAX, 64));
	assert_int_equal(mem.n_failed, 4);
	mem_free(&mem, a, 60);
	a = mem_alloc(&mem, 100);
	assert_non_null(a);
	mem_free(&mem, a, 100);
	assert_all_free(&mem);
}

static void resize_keeps_the_bytes_and_failure_keeps_the_block(void **state UNUSED)
{
	struct mem mem;
	char *a, *moved;

	mem_init(&mem, NULL, NULL, 1000);
	a = mem_alloc(&mem, 4);
	assert_non_null(a);
	memcpy(a, "abc", 4);
	moved = mem_resize(&mem, a, 4, 900);
	assert_non_null(moved);
	assert_null(mem_resize(&mem, moved, 900, 1001));
	assert_string_equal(moved, "abc");
	assert_int_equal(mem.n_bytes, 900);
	assert_int_equal(mem.n_blocks, 1);
	mem_free(&mem, moved, 900);
	assert_all_free(&mem);
}

static void block_shrinks_above_a_limit_that_was_lowered(void **state UNUSED)
{
	struct mem mem;
	char *a;

	mem_init(&mem, NULL, NULL, 0);
	a = mem_alloc(&mem, 1000);
	assert_non_null(a);
	memcpy(a, "abc", 4);
	mem.limit_bytes = 100;
	a = mem_resize(&mem, a, 1000, 500);
	assert_non_null(a);
	assert_string_equal(a, "abc");
	assert_int_equal(mem.n_bytes, 500);
	assert_null(mem_resize(&mem, a, 500, 501));
	mem_free(&mem, a, 500);
	assert_all_free(&mem);
}

struct heap {
	int n_until_failure;
	size_t last_old_bytes;
};

static void *heap_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct heap *heap = ctx;

	heap->last_old_bytes = old_bytes;
	if (new_bytes == 0) {
		free(ptr);
		return NULL;
	}
	if (heap->n_until_failure-- == 0)
		return NULL;
	return realloc(ptr, new_bytes);
}

static void heap_of_the_embedder_that_fails_is_reported(void **state UNUSED)
{
	struct heap heap = {.n_until_failure = 1};
	struct mem mem;
	void *a;

	mem_init(&mem, heap_realloc, &heap, 0);
	a = mem_zalloc(&mem, 10);
	assert_non_null(a);
	assert_null(mem_zalloc(&mem, 10));
	assert_int_equal(mem.n_failed, 1);
	assert_int_equal(mem.n_bytes, 10);
	mem_free(&mem, a, 10);
	assert_int_equal(heap.last_old_bytes, 10);
	assert_all_free(&mem);
}

static void aligned_blocks_start_at_their_alignment(void **state UNUSED)
{
	struct mem mem;

	mem_init(&mem, NULL, NULL, 0);
	for (size_t align = 1; align <= 65536; align *= 2) {
		char *p = mem_alloc_aligned(&mem, 33, align);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % align, 0);
		memset(p, 0xff, 33);
		mem_free_aligned(&mem, p, 33, align);
	}
	mem_free_aligned(&mem, NULL, 33, 64);
	assert_all_free(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_freed_with_their_size_bring_the_accounts_to_zero),
		cmocka_unit_test(allocation_above_the_limit_fails_and_is_counted),
		cmocka_unit_test(resize_keeps_the_bytes_and_failure_keeps_the_block),
		cmocka_unit_test(block_shrinks_above_a_limit_that_was_lowered),
		cmocka_unit_test(heap_of_the_embedder_that_fails_is_reported),
		cmocka_unit_test(aligned_blocks_start_at_their_alignment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
