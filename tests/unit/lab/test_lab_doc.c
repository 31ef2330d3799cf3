/* SPDX-License-Identifier: MIT */
/*
 * doc/lab-file.md and weft-lab(5) against the schema: between their marks stand the tables that the
 * schema prints. `lab_test_lab_doc --update` writes them anew.
 */
#include "unit.h"

#include "lab/labfile.h"
#include "lab/schema.h"

#include <stddef.h>
#include <stdio.h>

/* A document with parts that the schema prints. */
struct doc {
	const char *path;
	const char *mark, *mark_end, *end; /* MARK NAME MARK_END ... END */
	void (*print_schema)(const struct lab_schema *schema, FILE *out);
	void (*print_types)(FILE *out);
};

static const struct doc docs[] = {
	{SOURCE_DIR "/doc/lab-file.md", "<!-- schema: ", " -->\n", "<!-- end -->",
	 lab_schema_print_markdown, lab_types_print_markdown},
	{SOURCE_DIR "/man/weft-lab.5", ".\\\" schema: ", "\n", ".\\\" end", lab_schema_print_man,
	 lab_types_print_man},
};

static char *read_doc(const struct doc *doc)
{
	FILE *f = fopen(doc->path, "r");
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

/* "link", "values": prints what stands between the marks of that name. */
static bool print_part(const struct doc *doc, const char *name, FILE *out)
{
	if (strcmp(name, "values") == 0) {
		doc->print_types(out);
		return true;
	}
	for (size_t i = 0; lab_schemas[i]; i++) {
		if (strcmp(lab_schemas[i]->name, name) == 0) {
			doc->print_schema(lab_schemas[i], out);
			return true;
		}
	}
	return false;
}

/* The document with everything between marks printed anew; NULL: a mark is wrong. */
static char *doc_renewed(const struct doc *doc, const char *old, unsigned int *ret_parts)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool ok = true;

	for (const char *at; ok && (at = strstr(old, doc->mark)); (*ret_parts)++) {
		const char *start = at + strlen(doc->mark);
		const char *line_end = strstr(start, doc->mark_end);
		const char *stop = strstr(start, doc->end);
		char name[40] = {0};

		ok = line_end && stop && (size_t)(line_end - start) < sizeof(name);
		if (!ok)
			break;
		memcpy(name, start, (size_t)(line_end - start));
		fwrite(old, 1, (size_t)(line_end - old) + strlen(doc->mark_end), out);
		ok = print_part(doc, name, out);
		old = stop;
	}
	fputs(old, out);
	fclose(out);
	if (!ok) {
		free(text);
		text = NULL;
	}
	return text;
}

static void docs_have_the_tables_of_the_schema(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		unsigned int n_parts = 0, n_schemas = 0;
		char *old = read_doc(&docs[i]), *renewed;

		assert_non_null(old);
		renewed = doc_renewed(&docs[i], old, &n_parts);
		if (!renewed)
			fail_msg("%s has a mark for what there is not", docs[i].path);
		while (lab_schemas[n_schemas])
			n_schemas++;
		if (n_parts != n_schemas + 1)
			fail_msg("%s has %u parts of %u", docs[i].path, n_parts, n_schemas + 1);
		if (strcmp(old, renewed) != 0)
			fail_msg("%s is out of date; run lab_test_lab_doc --update", docs[i].path);
		free(old);
		free(renewed);
	}
}

static void check_key(const struct lab_schema *schema, const struct lab_key *key)
{
	size_t len = strlen(key->help);

	assert_true(len > 0 && key->help[len - 1] != '.');
	assert_non_null(lab_type_infos[key->type].name);
	assert_true(key - schema->keys < 32); /* struct seen */
	assert_true(key->offset < schema->size);
	assert_int_equal(key->words != NULL, key->type == LAB_T_WORD || key->type == LAB_T_WORDS);
	assert_int_equal(key->sub != NULL, key->type >= LAB_T_MAP);
	if (key->type == LAB_T_U32 || key->type == LAB_T_U64)
		assert_true(key->max > key->min);
	assert_false(key->flags & LAB_KEY_REQUIRED && key->deflt);
}

static void schema_is_complete(void **state UNUSED)
{
	for (size_t i = 0; lab_schemas[i]; i++) {
		assert_non_null(lab_schemas[i]->help);
		for (const struct lab_key *key = lab_schemas[i]->keys; key->name; key++)
			check_key(lab_schemas[i], key);
	}
}

static void defaults_are_values_of_their_type(void **state UNUSED)
{
	struct arena arena = {0};
	uint64_t field[8];
	const char *why;

	for (size_t i = 0; lab_schemas[i]; i++) {
		for (const struct lab_key *key = lab_schemas[i]->keys; key->name; key++) {
			if (key->deflt && key->type != LAB_T_WORDS && key->type != LAB_T_CAPTURE)
				assert_int_equal(
					lab_value_parse(key, key->deflt, &arena, field, &why), 0);
		}
	}
	arena_fini(&arena);
}

static void examples_are_values_of_their_type(void **state UNUSED)
{
	struct arena arena = {0};
	_Alignas(max_align_t) uint8_t field[128]; /* room for the value of any type */
	const char *why;

	for (size_t i = 0; i < LAB_N_TYPES; i++) {
		struct lab_key key = {.type = (enum lab_type)i};

		if (lab_type_infos[i].example && lab_type_infos[i].size)
			assert_int_equal(lab_value_parse(&key, lab_type_infos[i].example, &arena,
							 field, &why),
					 0);
	}
	arena_fini(&arena);
}

static int update(const struct doc *doc)
{
	unsigned int n_parts = 0;
	char *old = read_doc(doc), *renewed = old ? doc_renewed(doc, old, &n_parts) : NULL;
	FILE *f = renewed ? fopen(doc->path, "w") : NULL;

	if (f) {
		fputs(renewed, f);
		fclose(f);
	}
	free(old);
	free(renewed);
	return f ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docs_have_the_tables_of_the_schema),
		cmocka_unit_test(schema_is_complete),
		cmocka_unit_test(defaults_are_values_of_their_type),
		cmocka_unit_test(examples_are_values_of_their_type),
	};

	if (argc > 1 && strcmp(argv[1], "--update") == 0)
		return update(&docs[0]) | update(&docs[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
