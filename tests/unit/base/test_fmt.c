/* SPDX-License-Identifier: MIT */
/* String builder: truncation at every size, JSON escapes, bytes that are not UTF-8. */
#include "unit.h"

#include "base/fmt.h"

static void pieces_are_put_together(void **state UNUSED)
{
	char buf[64];
	struct sb sb = sb_make(buf, sizeof(buf));

	assert_string_equal(buf, "");
	sb_str(&sb, "ab");
	sb_char(&sb, 'c');
	sb_printf(&sb, "%d-%s", 42, "x");
	sb_strn(&sb, "yz!", 2);
	assert_string_equal(buf, "abc42-xyz");
	assert_int_equal(sb.len, 9);
	assert_false(sb.truncated);
}

static void build(struct sb *sb)
{
	sb_str(sb, "one");
	sb_printf(sb, " %d ", 23);
	sb_char(sb, '.');
	sb_str(sb, "four");
	sb_str(sb, "");
}

static void text_too_long_is_cut_at_any_size_and_ends_in_nul(void **state UNUSED)
{
	const char *whole = "one 23 .four";

	for (size_t cap = 1; cap < 20; cap++) {
		char *buf = malloc(cap); /* exact, for AddressSanitizer */
		struct sb sb = sb_make(buf, cap);
		size_t want = cap - 1 < strlen(whole) ? cap - 1 : strlen(whole);

		assert_non_null(buf);
		build(&sb);
		assert_int_equal(sb.len, want);
		assert_int_equal(strlen(buf), want);
		assert_memory_equal(buf, whole, want);
		assert_int_equal(sb.truncated, want < strlen(whole));
		free(buf);
	}
}

static void no_buffer_at_all_is_truncated_and_harmless(void **state UNUSED)
{
	struct sb sb = sb_make(NULL, 0);

	sb_str(&sb, "");
	sb_printf(&sb, "%s", "");
	assert_false(sb.truncated);
	build(&sb);
	assert_true(sb.truncated);
	assert_int_equal(sb.len, 0);
}

static void nothing_is_added_after_truncation(void **state UNUSED)
{
	char buf[8];
	struct sb sb = sb_make(buf, sizeof(buf));

	sb_json_str(&sb, "abcd\n\n"); /* the escape does not fit, the quote would */
	sb_char(&sb, 'x');
	sb_printf(&sb, "y");
	assert_string_equal(buf, "\"abcd\\n");
	assert_true(sb.truncated);
}

static void assert_json(const char *bytes, size_t len, const char *want)
{
	char buf[128];
	struct sb sb = sb_make(buf, sizeof(buf));

	sb_json_strn(&sb, bytes, len);
	assert_string_equal(buf, want);
}

#define ASSERT_JSON(bytes, want) assert_json(bytes, sizeof(bytes) - 1, want)

static void json_strings_are_escaped(void **state UNUSED)
{
	char buf[8];
	struct sb sb = sb_make(buf, sizeof(buf));

	ASSERT_JSON("", "\"\"");
	ASSERT_JSON("plain /", "\"plain /\"");
	ASSERT_JSON("a\"b\\c", "\"a\\\"b\\\\c\"");
	ASSERT_JSON("\n\r\t", "\"\\n\\r\\t\"");
	ASSERT_JSON("\x01\x00\x1f\x7f", "\"\\u0001\\u0000\\u001f\\u007f\"");
	sb_json_str(&sb, NULL);
	assert_string_equal(buf, "null");
}

#define FFFD "\xef\xbf\xbd"

static void json_strings_keep_utf8_and_replace_what_is_not(void **state UNUSED)
{
	ASSERT_JSON("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	ASSERT_JSON("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
		    "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"");
	ASSERT_JSON("a\xffz", "\"a" FFFD "z\"");
	ASSERT_JSON("\x80", "\"" FFFD "\"");
	ASSERT_JSON("\xc3", "\"" FFFD "\"");                            /* cut off */
	ASSERT_JSON("\xe2\x82", "\"" FFFD FFFD "\"");                   /* cut off */
	ASSERT_JSON("\xc0\xaf", "\"" FFFD FFFD "\"");                   /* overlong */
	ASSERT_JSON("\xe0\x80\xaf", "\"" FFFD FFFD FFFD "\"");          /* overlong */
	ASSERT_JSON("\xed\xa0\x80", "\"" FFFD FFFD FFFD "\"");          /* surrogate */
	ASSERT_JSON("\xf4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""); /* above U+10FFFF */
	ASSERT_JSON("\xe2\x82\"", "\"" FFFD FFFD "\\\"\"");
}

static void json_string_cut_short_ends_between_characters(void **state UNUSED)
{
	const char *whole = "\"\\\"\\u0001\xe2\x82\xac\"";
	const size_t ends[] = {0, 1, 3, 9, 12, 13};
	char buf[16];

	for (size_t cap = 1; cap <= sizeof(buf); cap++) {
		struct sb sb = sb_make(buf, cap);
		size_t want = 0;

		for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
			if (ends[i] < cap)
				want = ends[i];
		sb_json_str(&sb, "\"\x01\xe2\x82\xac");
		assert_int_equal(sb.len, want);
		assert_int_equal(strlen(buf), want);
		assert_memory_equal(buf, whole, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_put_together),
		cmocka_unit_test(text_too_long_is_cut_at_any_size_and_ends_in_nul),
		cmocka_unit_test(no_buffer_at_all_is_truncated_and_harmless),
		cmocka_unit_test(nothing_is_added_after_truncation),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(json_strings_keep_utf8_and_replace_what_is_not),
		cmocka_unit_test(json_string_cut_short_ends_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
