/* SPDX-License-Identifier: MIT */
/* JSON in the two forms of iproute2. */
#include "unit.h"

#include <stdlib.h>

#include "cmd/json_text.h"

static void prints(const char *text, bool is_pretty, const char *want)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	assert_non_null(value);
	json_text_print(out, value, is_pretty);
	fclose(out);
	assert_string_equal(got, want);
	free(got);
	json_decref(value);
}

static void compact_form_has_no_blanks(void **state UNUSED)
{
	prints("[]", false, "[]\n");
	prints("[{\"b\": 1, \"a\": [\"x\", \"y\"]}]", false, "[{\"b\":1,\"a\":[\"x\",\"y\"]}]\n");
}

static void pretty_form_is_that_of_iproute2(void **state UNUSED)
{
	prints("[]", true, "[ ]\n");
	prints("{\"kernel\": {\"IpInReceives\": 8, \"IpInDelivers\": 7}}", true,
	       "{\n"
	       "    \"kernel\": {\n"
	       "        \"IpInReceives\": 8,\n"
	       "        \"IpInDelivers\": 7\n"
	       "    }\n"
	       "}\n");
	prints("[{\"ifindex\": 1, \"flags\": [\"UP\", \"LOWER_UP\"]}, {\"l\": [{\"a\": 1}], "
	       "\"e\": {}}]",
	       true,
	       "[ {\n"
	       "        \"ifindex\": 1,\n"
	       "        \"flags\": [ \"UP\",\"LOWER_UP\" ]\n"
	       "    },{\n"
	       "        \"l\": [ {\n"
	       "                \"a\": 1\n"
	       "            } ],\n"
	       "        \"e\": {}\n"
	       "    } ]\n");
}

static void members_are_picked_in_the_order_of_their_keys(void **state UNUSED)
{
	static const char *const keys[] = {"c", "a", "none", NULL};
	json_t *object = json_pack("{s:i, s:s, s:i}", "a", 1, "b", "text", "c", 3);
	json_t *picked = json_pick(object, keys);
	char *text = json_dumps(picked, JSON_COMPACT);

	assert_string_equal(text, "{\"c\":3,\"a\":1}");
	assert_string_equal(json_text_of(object, "b"), "text");
	assert_string_equal(json_text_of(object, "a"), "");
	assert_string_equal(json_text_of(NULL, "a"), "");
	assert_int_equal(json_int_of(object, "c"), 3);
	assert_int_equal(json_int_of(object, "b"), 0);
	free(text);
	json_decref(picked);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compact_form_has_no_blanks),
		cmocka_unit_test(pretty_form_is_that_of_iproute2),
		cmocka_unit_test(members_are_picked_in_the_order_of_their_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
