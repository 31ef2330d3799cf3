/* SPDX-License-Identifier: MIT */
/* The arena: what it hands out is zeroed, aligned and apart from everything else. */
#include "unit.h"

#include "lab/arena.h"

#include <stdalign.h>
#include <stdio.h>

static void pieces_of_all_sizes_are_zeroed_aligned_and_apart(void **state UNUSED)
{
	enum {
		N = 300
	};
	struct arena a = {0};
	unsigned char *mem[N];

	for (size_t i = 0; i < N; i++) {
		mem[i] = arena_alloc(&a, i * i);
		assert_non_null(mem[i]);
		assert_int_equal((uintptr_t)mem[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < i * i; k++)
			assert_int_equal(mem[i][k], 0);
		memset(mem[i], (int)i, i * i);
	}
	for (size_t i = 0; i < N; i++) {
		for (size_t k = 0; k < i * i; k++)
			assert_int_equal(mem[i][k], (unsigned char)i);
	}
	arena_fini(&a);
	assert_null(a.blocks);
}

static void sizes_that_do_not_fit_memory_give_null(void **state UNUSED)
{
	struct arena a = {0};

	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc_array(&a, SIZE_MAX / 2, 3));
	assert_non_null(arena_alloc_array(&a, SIZE_MAX, 0));
	arena_fini(&a);
}

static void strings_are_copied(void **state UNUSED)
{
	struct arena a = {0};
	char text[] = "hello";
	char *all = arena_strdup(&a, text), *part = arena_strndup(&a, text, 4);

	text[0] = 'j';
	assert_string_equal(all, "hello");
	assert_string_equal(part, "hell");
	assert_string_equal(arena_printf(&a, "%s/%d", text, 7), "jello/7");
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_all_sizes_are_zeroed_aligned_and_apart),
		cmocka_unit_test(sizes_that_do_not_fit_memory_give_null),
		cmocka_unit_test(strings_are_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
