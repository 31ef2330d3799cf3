/* SPDX-License-Identifier: MIT */
/* Ranges of subordinate ids, from the text of subuid(5). */
#include "gateway/setup/idmap.h"

#include "unit.h"

#include <stdio.h>

static void range_is_the_first_of_the_users_name_or_number(void **state UNUSED)
{
	static const char text[] = "ann:100000:65536\n1001:300000:10\nann:500000:1\n\nbob:1:2";
	struct idmap_range r;

	assert_true(idmap_range_find(text, "ann", 1000, &r));
	assert_int_equal(r.first, 100000);
	assert_int_equal(r.n, 65536);
	assert_true(idmap_range_find(text, NULL, 1001, &r));
	assert_int_equal(r.first, 300000);
	assert_true(idmap_range_find(text, "bob", 7, &r)); /* without an end of line */
	assert_int_equal(r.n, 2);
	assert_false(idmap_range_find(text, "an", 100, &r));
	assert_false(idmap_range_find(text, NULL, 0, &r));
	assert_false(idmap_range_find("", "ann", 1000, &r));
}

static void lines_that_are_none_are_passed_over(void **state UNUSED)
{
	static const char *const bad[] = {
		"ann",
		"ann:",
		"ann:1",
		"ann:x:5",
		"ann:5:x",
		"ann:1:0",
		"ann:4294967295:2",
		"ann:1:4294967295",
		"ann:99999999999999999999:1",
		"ann:1 :2",
	};
	char text[400];
	struct idmap_range r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(idmap_range_find(bad[i], "ann", 1000, &r));
		snprintf(text, sizeof(text), "%s\nann:7:8\n", bad[i]);
		assert_true(idmap_range_find(text, "ann", 1000, &r));
		assert_int_equal(r.first, 7);
	}
	memset(text, 'x', 300);
	snprintf(text + 300, 100, "\nann:7:8");
	assert_true(idmap_range_find(text, "ann", 1000, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_is_the_first_of_the_users_name_or_number),
		cmocka_unit_test(lines_that_are_none_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
