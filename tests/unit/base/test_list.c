/* SPDX-License-Identifier: MIT */
/* Intrusive lists and hash chains. */
#include "unit.h"

#include "base/list.h"

struct item {
	int id;
	struct list link;
	struct hlist_node chain;
};

static void assert_order(struct list *head, const char *want)
{
	struct item *it;
	char got[16];
	size_t n = 0;

	list_for_each (it, head, link)
		got[n++] = (char)('0' + it->id);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void fill(struct list *head, struct item *items, int n)
{
	list_init(head);
	for (int i = 0; i < n; i++) {
		items[i] = (struct item){.id = i};
		list_add_tail(head, &items[i].link);
	}
}

static void empty_list_has_no_first_and_no_last(void **state UNUSED)
{
	struct list head = LIST_INIT(head);

	assert_true(list_is_empty(&head));
	assert_null(list_first(&head));
	assert_null(list_last(&head));
	assert_null(list_pop(&head));
	assert_order(&head, "");
}

static void links_added_at_both_ends_are_walked_in_order(void **state UNUSED)
{
	struct item items[3], extra = {.id = 7};
	struct list head;

	fill(&head, items, 3);
	list_add(&head, &extra.link);
	assert_order(&head, "7012");
	assert_ptr_equal(list_first(&head), &extra.link);
	assert_ptr_equal(list_last(&head), &items[2].link);
}

static void link_deleted_twice_leaves_the_list_whole(void **state UNUSED)
{
	struct item items[3];
	struct list head;

	fill(&head, items, 3);
	list_del(&items[1].link);
	assert_false(list_is_linked(&items[1].link));
	list_del(&items[1].link);
	assert_order(&head, "02");
}

static void safe_walk_may_delete_where_it_stands(void **state UNUSED)
{
	struct item items[4], *it;
	struct list head;

	fill(&head, items, 4);
	list_for_each_safe (it, &head, link)
		if (it->id % 2 == 0)
			list_del(&it->link);
	assert_order(&head, "13");
	list_for_each_safe (it, &head, link)
		list_del(&it->link);
	assert_true(list_is_empty(&head));
}

static void spliced_list_moves_to_the_end_and_empties_the_source(void **state UNUSED)
{
	struct item a[2], b[2];
	struct list head, from;

	fill(&head, a, 2);
	fill(&from, b, 2);
	b[0].id = 5;
	list_splice_tail(&head, &from);
	assert_order(&head, "0151");
	assert_true(list_is_empty(&from));
	list_splice_tail(&head, &from);
	assert_order(&head, "0151");
}

static void chain_node_deletes_itself_without_the_head(void **state UNUSED)
{
	struct item items[3] = {{.id = 0}, {.id = 1}, {.id = 2}}, *it;
	struct hlist head = {0};
	int seen = 0;

	for (int i = 0; i < 3; i++)
		hlist_add(&head, &items[i].chain);
	hlist_del(&items[1].chain);
	assert_false(hlist_is_linked(&items[1].chain));
	hlist_del(&items[1].chain);
	hlist_for_each (it, &head, chain)
		seen = seen * 10 + it->id;
	assert_int_equal(seen, 20);
	hlist_for_each_safe (it, &head, chain)
		hlist_del(&it->chain);
	assert_true(hlist_is_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_list_has_no_first_and_no_last),
		cmocka_unit_test(links_added_at_both_ends_are_walked_in_order),
		cmocka_unit_test(link_deleted_twice_leaves_the_list_whole),
		cmocka_unit_test(safe_walk_may_delete_where_it_stands),
		cmocka_unit_test(spliced_list_moves_to_the_end_and_empties_the_source),
		cmocka_unit_test(chain_node_deletes_itself_without_the_head),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
