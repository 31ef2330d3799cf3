/* SPDX-License-Identifier: MIT */
/* The list of errors: its bounds, its order, and the text of a line. */
#include "unit.h"

#include "lab/errors.h"

static struct lab_errors errs;

static int reset(void **state UNUSED)
{
	errs = (struct lab_errors){.file = "x.yaml"};
	return 0;
}

static void error_is_printed_as_file_line_column_message(void **state UNUSED)
{
	char line[LAB_ERROR_TEXT];

	lab_error_add(&errs, (struct lab_pos){3, 7}, "bad %s", "luck");
	lab_warning_add(&errs, (struct lab_pos){4, 1}, "take care");
	lab_error_add(&errs, (struct lab_pos){0}, "cannot open");
	lab_error_format(&errs, &errs.list[0], line, sizeof(line));
	assert_string_equal(line, "x.yaml:3:7: bad luck");
	lab_error_format(&errs, &errs.list[1], line, sizeof(line));
	assert_string_equal(line, "x.yaml:4:1: warning: take care");
	lab_error_format(&errs, &errs.list[2], line, sizeof(line));
	assert_string_equal(line, "x.yaml: cannot open");
}

static void errors_beyond_the_limit_are_counted_and_leave_room_for_warnings(void **state UNUSED)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	for (uint32_t i = 0; i < LAB_ERRORS_MAX + 3; i++)
		lab_error_add(&errs, (struct lab_pos){i + 1, 1}, "error");
	assert_true(lab_errors_full(&errs));
	for (uint32_t i = 0; i < LAB_WARNINGS_MAX + 1; i++)
		lab_warning_add(&errs, (struct lab_pos){i + 1, 1}, "warning");
	assert_int_equal(errs.n_list, LAB_ERRORS_MAX + LAB_WARNINGS_MAX);
	assert_int_equal(errs.n_errors, LAB_ERRORS_MAX + 3);
	assert_int_equal(errs.n_warnings, LAB_WARNINGS_MAX + 1);

	out = open_memstream(&text, &len);
	lab_errors_print(&errs, out);
	fclose(out);
	assert_non_null(strstr(text, "\n... and 3 more errors\n... and 1 more warning\n"));
	free(text);
}

static void errors_are_sorted_by_place_and_keep_their_order_within_one(void **state UNUSED)
{
	lab_error_add(&errs, (struct lab_pos){9, 1}, "d");
	lab_error_add(&errs, (struct lab_pos){2, 5}, "b");
	lab_warning_add(&errs, (struct lab_pos){2, 5}, "c");
	lab_error_add(&errs, (struct lab_pos){2, 4}, "a");
	lab_errors_sort(&errs);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(errs.list[i].text[0], 'a' + i);
}

static void message_too_long_ends_in_dots_on_a_whole_character(void **state UNUSED)
{
	char text[2 * LAB_ERROR_TEXT];
	size_t len;

	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof(text); i += 3)
			snprintf(text + i, 4, "%s", "€");
		reset(NULL);
		lab_error_add(&errs, (struct lab_pos){1, 1}, "%s", text);
		len = strlen(errs.list[0].text);
		assert_in_range(len, LAB_ERROR_TEXT - 4, LAB_ERROR_TEXT - 1);
		assert_string_equal(errs.list[0].text + len - 3, "...");
		assert_int_equal((len - 3 - shift) % 3, 0);
	}
}

static void quoted_text_is_escaped_and_cut_on_a_whole_character(void **state UNUSED)
{
	char buf[LAB_QUOTE], long_text[100];

	assert_string_equal(lab_quote("a\"b\\c\n\t\x1b", 8, buf), "\"a\\\"b\\\\c\\n\\t\\x1b\"");
	assert_string_equal(lab_quote("", 0, buf), "\"\"");
	memset(long_text, 'x', sizeof(long_text));
	long_text[39] = (char)0xe2; /* a character of two bytes more, across the limit */
	long_text[40] = long_text[41] = (char)0x82;
	assert_string_equal(lab_quote(long_text, sizeof(long_text), buf),
			    "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"");
	memset(long_text, 1, sizeof(long_text));
	assert_int_equal(strlen(lab_quote(long_text, sizeof(long_text), buf)), 40 * 4 + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(error_is_printed_as_file_line_column_message, reset),
		cmocka_unit_test_setup(
			errors_beyond_the_limit_are_counted_and_leave_room_for_warnings, reset),
		cmocka_unit_test_setup(errors_are_sorted_by_place_and_keep_their_order_within_one,
				       reset),
		cmocka_unit_test_setup(message_too_long_ends_in_dots_on_a_whole_character, reset),
		cmocka_unit_test_setup(quoted_text_is_escaped_and_cut_on_a_whole_character, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
