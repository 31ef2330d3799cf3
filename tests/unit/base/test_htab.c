/* SPDX-License-Identifier: MIT */
/* Hash table: against a naive twin while it grows, without memory to grow, and walks of it. */
#include "unit.h"

#include "base/htab.h"
#include "prng.h"

struct item {
	struct htab_node node;
	uint32_t hash;
	uint32_t n_seen;
};

enum {
	N_ITEMS = 3000,
};

struct fixture {
	struct mem mem;
	struct htab ht;
	struct item items[N_ITEMS];
};

static struct fixture *fixture_of_size(uint32_t min_buckets, uint32_t max_buckets)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	mem_init(&f->mem, NULL, NULL, 0);
	assert_int_equal(htab_init(&f->ht, &f->mem, min_buckets, max_buckets), 0);
	return f;
}

static void fixture_free(struct fixture *f)
{
	htab_fini(&f->ht);
	htab_fini(&f->ht);
	assert_int_equal(f->mem.n_bytes, 0);
	assert_int_equal(f->mem.n_blocks, 0);
	free(f);
}

static void add(struct fixture *f, size_t i, uint32_t hash)
{
	f->items[i].hash = hash;
	htab_add(&f->ht, &f->items[i].node, hash);
}

static bool finds(const struct htab *ht, const struct item *item)
{
	struct htab_node *n = htab_first(ht, item->hash);

	while (n && n != &item->node)
		n = htab_next(n);
	return n != NULL;
}

static void assert_equals_twin(const struct fixture *f)
{
	uint32_t n = 0;

	for (size_t i = 0; i < N_ITEMS; i++) {
		const struct item *item = &f->items[i];

		assert_int_equal(finds(&f->ht, item), htab_is_linked(&item->node));
		n += htab_is_linked(&item->node);
	}
	assert_int_equal(n, f->ht.n_nodes);
}

static void random_operations_agree_with_the_twin(void **state UNUSED)
{
	struct fixture *f = fixture_of_size(1, 1 << 16);
	struct prng prng = prng_make();

	for (int step = 0; step < 30000; step++) {
		size_t i = prng_below(&prng, N_ITEMS);

		if (!htab_is_linked(&f->items[i].node))
			add(f, i, (uint32_t)prng_u64(&prng) & 0xffffff0f);
		else if (prng_below(&prng, 3) == 0)
			htab_del(&f->ht, &f->items[i].node);
		if (step % 1500 == 0 || (step < 300 && step % 5 == 0))
			assert_equals_twin(f);
	}
	assert_equals_twin(f);
	assert_true(f->ht.mask + 1 >= 2048);
	fixture_free(f);
}

static void equal_hashes_are_all_found_newest_first(void **state UNUSED)
{
	struct fixture *f = fixture_of_size(2, 64);
	struct htab_node *n;

	add(f, 0, 5);
	add(f, 1, 5);
	add(f, 2, 7); /* same bucket, other hash */
	add(f, 3, 5);
	n = htab_first(&f->ht, 5);
	assert_ptr_equal(n, &f->items[3].node);
	n = htab_next(n);
	assert_ptr_equal(n, &f->items[1].node);
	n = htab_next(n);
	assert_ptr_equal(n, &f->items[0].node);
	assert_null(htab_next(n));
	assert_null(htab_first(&f->ht, 9));
	fixture_free(f);
}

static void table_at_its_largest_keeps_working(void **state UNUSED)
{
	struct fixture *f = fixture_of_size(4, 8);

	for (uint32_t i = 0; i < N_ITEMS; i++)
		add(f, i, i * 2654435761U);
	assert_int_equal(f->ht.mask, 7);
	assert_equals_twin(f);
	fixture_free(f);
}

static void table_without_memory_to_grow_keeps_working_and_grows_later(void **state UNUSED)
{
	struct fixture *f = fixture_of_size(16, 4096);

	f->mem.limit_bytes = f->mem.n_bytes;
	for (uint32_t i = 0; i < 500; i++)
		add(f, i, i * 2654435761U);
	assert_int_equal(f->ht.mask, 15);
	assert_true(f->mem.n_failed > 0 && f->mem.n_failed < 30);
	assert_equals_twin(f);
	f->mem.limit_bytes = UINT64_MAX;
	for (uint32_t i = 500; i < N_ITEMS; i++)
		add(f, i, i * 2654435761U);
	assert_true(f->ht.mask >= 1023);
	assert_equals_twin(f);
	fixture_free(f);
}

static void first_allocation_failing_is_reported(void **state UNUSED)
{
	struct htab ht;
	struct mem mem;

	mem_init(&mem, NULL, NULL, 8);
	assert_int_equal(htab_init(&ht, &mem, 16, 16), -12);
	htab_fini(&ht);
	assert_int_equal(mem.n_bytes, 0);
}

/* No single addition may do work in proportion to the table: seen as old buckets split. */
static void one_addition_splits_at_most_two_buckets(void **state UNUSED)
{
	struct fixture *f = fixture_of_size(1, 1 << 16);

	for (uint32_t i = 0; i < N_ITEMS; i++) {
		bool was_growing = f->ht.old != NULL;
		uint32_t n_split = f->ht.n_split;

		add(f, i, i * 2654435761U);
		if (was_growing && f->ht.old)
			assert_int_equal(f->ht.n_split, n_split + 2);
		else
			assert_true(!f->ht.old || f->ht.n_split == 0);
	}
	fixture_free(f);
}

static void iterator_visits_all_once_and_may_delete_where_it_stands(void **state UNUSED)
{
	struct fixture *f = fixture_of_size(8, 1 << 16);
	struct htab_iter it = {0};
	struct htab_node *n;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < 700; i++) /* in the middle of a doubling */
		add(f, i, i * 2654435761U);
	while ((n = htab_iter_next(&f->ht, &it))) {
		seen++;
		htab_del(&f->ht, n);
		htab_del(&f->ht, n);
	}
	assert_int_equal(seen, 700);
	assert_int_equal(f->ht.n_nodes, 0);
	fixture_free(f);
}

static void scan_over_a_growing_table_sees_those_present_throughout_once(void **state UNUSED)
{
	struct prng prng = prng_make();

	for (int round = 0; round < 30; round++) {
		struct fixture *f = fixture_of_size(1, 1 << 16);
		size_t n_before = 1 + prng_below(&prng, 500), n = n_before;
		struct htab_node *node;
		uint64_t cursor = 0;

		for (size_t i = 0; i < n_before; i++)
			add(f, i, (uint32_t)prng_u64(&prng));
		while ((node = htab_scan(&f->ht, &cursor))) {
			for (; node; node = node->next)
				container_of(node, struct item, node)->n_seen++;
			for (int i = 0; i < 7 && n < N_ITEMS; i++)
				add(f, n++, (uint32_t)prng_u64(&prng));
		}
		for (size_t i = 0; i < n_before; i++)
			assert_int_equal(f->items[i].n_seen, 1);
		for (size_t i = n_before; i < n; i++)
			assert_true(f->items[i].n_seen <= 1);
		fixture_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_the_twin),
		cmocka_unit_test(equal_hashes_are_all_found_newest_first),
		cmocka_unit_test(table_at_its_largest_keeps_working),
		cmocka_unit_test(table_without_memory_to_grow_keeps_working_and_grows_later),
		cmocka_unit_test(first_allocation_failing_is_reported),
		cmocka_unit_test(one_addition_splits_at_most_two_buckets),
		cmocka_unit_test(iterator_visits_all_once_and_may_delete_where_it_stands),
		cmocka_unit_test(scan_over_a_growing_table_sees_those_present_throughout_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
