/* SPDX-License-Identifier: MIT */
/*
 * doc/sysctl.md against the settings that a stack has: its table is printed from them.
 * `core_test_sysctl_doc --update` writes it anew.
 */
#include <inttypes.h>
#include <stdio.h>

#include "unit.h"

#include "api/api_priv.h"
#include "core/sysctl.h"
#include "weft/engine.h"

#define DOC SOURCE_DIR "/doc/sysctl.md"

static const char table_mark[] = "<!-- settings -->\n", end_mark[] = "<!-- end -->";

static char *read_doc(void)
{
	FILE *f = fopen(DOC, "r");
	char *text = NULL;
	size_t len = 0;

	if (!f)
		return NULL;
	if (getdelim(&text, &len, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

static void print_row(void *arg, const struct sysctl *ctl, int64_t value)
{
	if (!ctl->value_name) {
		fprintf(arg, "| `%s` | %" PRId64 " | %" PRId64 " to %" PRId64 " | %s |\n",
			ctl->name, value, ctl->min, ctl->max, ctl->text);
		return;
	}
	fprintf(arg, "| `%s` | %s | ", ctl->name, ctl->value_name(value));
	for (int64_t v = ctl->min; v <= ctl->max; v++)
		fprintf(arg, "%s%s", v > ctl->min ? ", " : "", ctl->value_name(v));
	fprintf(arg, " | %s |\n", ctl->text);
}

/* Settings with their values in a stack where nobody has changed any. */
static void print_table(FILE *out)
{
	const struct weft_engine_config cfg = {.has_seed = true};
	struct weft_engine *eng;
	struct weft_stack *st;

	assert_int_equal(weft_engine_new(&cfg, &eng), 0);
	assert_int_equal(weft_stack_new(eng, "host", &st), 0);
	fputs("| name | default | range | what it sets |\n|---|---|---|---|\n", out);
	sysctl_for_each(stack_of(st), print_row, out);
	weft_stack_free(st);
	weft_engine_free(eng);
}

/* The document with the table between the marks printed anew; NULL: a mark is missing. */
static char *doc_renewed(const char *doc)
{
	const char *table = strstr(doc, table_mark);
	const char *end = table ? strstr(table, end_mark) : NULL;
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!end)
		return NULL;
	out = open_memstream(&text, &len);
	fwrite(doc, 1, (size_t)(table - doc) + strlen(table_mark), out);
	print_table(out);
	fputs(end, out);
	fclose(out);
	return text;
}

static void doc_lists_every_setting_with_its_default(void **state UNUSED)
{
	char *doc = read_doc();
	char *want;

	assert_non_null(doc);
	want = doc_renewed(doc);
	assert_non_null(want);
	assert_string_equal(doc, want);
	free(doc);
	free(want);
}

struct names {
	const char *seen[256];
	size_t n;
};

static void name_is_new(void *arg, const struct sysctl *ctl, int64_t value)
{
	struct names *names = arg;

	assert_in_range(value - ctl->min, 0, (uint64_t)(ctl->max - ctl->min));
	for (size_t i = 0; i < names->n; i++)
		assert_string_not_equal(names->seen[i], ctl->name);
	assert_true(names->n < ARRAY_SIZE(names->seen));
	names->seen[names->n++] = ctl->name;
}

static void settings_have_names_of_their_own_and_defaults_in_range(void **state UNUSED)
{
	const struct weft_engine_config cfg = {.has_seed = true};
	struct names names = {.n = 0};
	struct weft_engine *eng;
	struct weft_stack *st;

	assert_int_equal(weft_engine_new(&cfg, &eng), 0);
	assert_int_equal(weft_stack_new(eng, "host", &st), 0);
	sysctl_for_each(stack_of(st), name_is_new, &names);
	assert_true(names.n > 0);
	weft_stack_free(st);
	weft_engine_free(eng);
}

static int update(void)
{
	char *doc = read_doc();
	char *text = doc ? doc_renewed(doc) : NULL;
	FILE *f = text ? fopen(DOC, "w") : NULL;
	bool ok = f && fputs(text, f) >= 0;

	if (f)
		ok = fclose(f) == 0 && ok;
	free(doc);
	free(text);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doc_lists_every_setting_with_its_default),
		cmocka_unit_test(settings_have_names_of_their_own_and_defaults_in_range),
	};

	if (argc == 2 && strcmp(argv[1], "--update") == 0)
		return update();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
