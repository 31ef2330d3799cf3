/* SPDX-License-Identifier: MIT */
/* Code of scripts: statements, Python's operators and precedence, mistakes. */
#include "unit.h"

#include <stdio.h>

#include "drill/code.h"

static bool find(void *arg UNUSED, const char *name, int64_t *ret)
{
	if (strcmp(name, "tcpi_snd_cwnd") != 0)
		return false;
	*ret = 10;
	return true;
}

static char printed[400];

static void print(void *arg UNUSED, const char *text)
{
	snprintf(printed, sizeof(printed), "%s", text);
}

/* NULL: it was true; else the reason, or "parse: " and the reason. */
static const char *run(const char *text)
{
	static char why[600];
	struct arena arena = {.blocks = NULL};
	struct drill_code_env env = {.find = find, .print = print};
	struct drill_code *code;
	char parse_why[200];
	int err = drill_code_parse(&arena, text, strlen(text), &code, parse_why, sizeof(parse_why));

	if (err)
		snprintf(why, sizeof(why), "parse: %s", parse_why);
	else
		err = drill_code_run(code, &env, why, sizeof(why));
	arena_fini(&arena);
	return err ? why : NULL;
}

static void true_assertion_passes(void **state UNUSED)
{
	assert_null(run("assert 1 + 2 * 3 == 7"));
	assert_null(run("assert (1 + 2) * 3 == 9 and not 0"));
	assert_null(run("assert 7 // 2 == 3 and -7 // 2 == -4 and -7 % 3 == 2"));
	assert_null(run("assert 1 << 4 | 1 == 17; assert 6 & 3 ^ 1 == 3"));
	assert_null(run("assert 0x10 == 16 and ~0 == -1"));
	assert_null(run("assert 9 < tcpi_snd_cwnd <= 10 < 11"));
	assert_null(run("assert tcpi_snd_cwnd in (9, 10)\nassert 1 / 2 == .5"));
	assert_null(run("x = tcpi_snd_cwnd * 2\nassert x == 20 # twice\n"));
	assert_null(run("assert min(3, 1, 2) == 1 and max(1, 2) == 2 and abs(-3) == 3"));
	assert_null(run("assert (\n1 ==\n1)"));
}

static void false_assertion_says_what_was(void **state UNUSED)
{
	assert_string_equal(run("assert tcpi_snd_cwnd == 9"),
			    "assert tcpi_snd_cwnd == 9 is false: tcpi_snd_cwnd = 10");
	assert_non_null(strstr(run("assert 1 == 2, 'x=%d y=%s' % (1, 'b')"), "x=1 y=b"));
}

static void chain_of_comparisons_needs_all(void **state UNUSED)
{
	assert_non_null(run("assert 1 < 3 < 2"));
	assert_non_null(run("assert 3 < 2 < 5"));
}

static void print_joins_with_blanks(void **state UNUSED)
{
	assert_null(run("print(tcpi_snd_cwnd, 'is', 1)"));
	assert_string_equal(printed, "10 is 1");
	assert_null(run("print tcpi_snd_cwnd"));
	assert_string_equal(printed, "10");
}

static void mistake_is_named(void **state UNUSED)
{
	assert_string_equal(run("assert tcpi_nothing == 1"), "tcpi_nothing is not known");
	assert_string_equal(run("assert 1 // 0"), "division by zero");
	assert_string_equal(run("assert 9223372036854775807 + 1 > 0"),
			    "a number that is too large");
	assert_string_equal(run("if x: assert 1"),
			    "parse: expected assert, print or NAME = VALUE, found \"x: assert 1\"");
	assert_string_equal(run("assert"), "parse: expected a value, found the end");
	assert_string_equal(run("assert 1 2"),
			    "parse: expected the end of the statement, found \"2\"");
	assert_string_equal(run(""), "parse: expected assert or print, found the end");
}

static void nesting_is_bounded(void **state UNUSED)
{
	char text[4096] = "assert ";

	memset(text + 7, '(', 2000);
	assert_non_null(run(text));
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(text + 7 + i, "1+", 2);
	text[4009] = '\0';
	assert_non_null(run(text));
}

static void work_of_an_expression_is_bounded(void **state UNUSED)
{
	static const char open[] = {'(', '0', '<'};
	char text[700] = "assert 1";

	/* Each level looks at the next one twice. */
	for (int i = 0; i < 40; i++) {
		memmove(text + 10, text + 7, strlen(text + 7) + 1);
		memcpy(text + 7, open, sizeof(open));
		memcpy(text + strlen(text), "<2)", 4);
	}
	assert_string_equal(run(text), "code that takes too long");
}

static void numbers_at_the_limits_do_not_overflow(void **state UNUSED)
{
	assert_null(run("assert -9223372036854775807 % 10 == 3 and 7 % -10 == -3"));
	assert_null(run("assert -9223372036854775807 // 10 == -922337203685477581"));
	assert_non_null(run("assert int(1e999 - 1e999) == 0"));
}

static void shell_sum_is_worked_out(void **state UNUSED)
{
	int64_t v;

	assert_int_equal(drill_code_sum("15*1024*1024", 12, &v), 0);
	assert_int_equal(v, 15 * 1024 * 1024);
	assert_int_not_equal(drill_code_sum("15*", 3, &v), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_assertion_passes),
		cmocka_unit_test(false_assertion_says_what_was),
		cmocka_unit_test(chain_of_comparisons_needs_all),
		cmocka_unit_test(print_joins_with_blanks),
		cmocka_unit_test(mistake_is_named),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(work_of_an_expression_is_bounded),
		cmocka_unit_test(numbers_at_the_limits_do_not_overflow),
		cmocka_unit_test(shell_sum_is_worked_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
