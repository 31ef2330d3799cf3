/* SPDX-License-Identifier: MIT */
/*
 * doc/rpc.md against the tables of methods, which print it: `gateway_test_rpc_doc --update` writes
 * it anew. And what every entry of a table must have.
 */
#include "unit.h"

#include "gateway/rpc.h"
#include "lab/lab.h"
#include "lab/rpc_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define DOC SOURCE_DIR "/doc/rpc.md"

static char *doc_print(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	rpc_print_markdown(out, gateway_rpc_tables, GATEWAY_RPC_TEXT);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void doc_is_what_the_table_prints(void **state UNUSED)
{
	char *printed = doc_print(), *text = NULL;
	size_t size = 0;
	FILE *f = fopen(DOC, "re");

	assert_non_null(f);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	fclose(f);
	if (strcmp(text, printed) != 0)
		fail_msg("doc/rpc.md is out of date; run gateway_test_rpc_doc --update");
	free(text);
	free(printed);
}

static void check_param(const struct rpc_method *m, const struct rpc_param *p)
{
	size_t len = strlen(p->help);

	if (!len || p->help[len - 1] == '.' || strchr(p->help, '|') || p->min > p->max)
		fail_msg("%s: parameter %s has no good help or bounds", m->name, p->name);
	for (const struct rpc_param *q = m->params; q < p; q++)
		assert_string_not_equal(q->name, p->name);
}

static void check_method(const struct rpc_method *m)
{
	const struct lab gateway = {.rpc_more = gateway_rpc_tables};
	const char *dot = strchr(m->name, '.');

	if (!dot || !islower(m->name[0]) || !islower(dot[1]))
		fail_msg("%s is no SUBJECT.VERB", m->name);
	if (!m->help || !m->result || !m->run || m->help[strlen(m->help) - 1] == '.')
		fail_msg("%s: something is missing, or help ends with a full stop", m->name);
	for (const struct rpc_param *p = m->params; p && p->name; p++)
		check_param(m, p);
	assert_ptr_equal(rpc_method_find(&gateway, m->name), m); /* no name twice */
}

static void check_tables(const struct rpc_method *const *tables)
{
	for (const struct rpc_method *const *t = tables; *t; t++)
		for (const struct rpc_method *m = *t; m->name; m++)
			check_method(m);
}

static void every_method_is_described(void **state UNUSED)
{
	check_tables(rpc_tables);
	check_tables(gateway_rpc_tables);
}

static void a_lab_that_is_no_gateway_has_none_of_its_methods(void **state UNUSED)
{
	const struct lab plain = {.rpc_more = NULL};

	assert_null(rpc_method_find(&plain, "gateway.flows"));
	assert_non_null(rpc_method_find(&plain, "lab.info"));
}

static int update(void)
{
	FILE *f = fopen(DOC, "we");

	if (!f)
		return 1;
	rpc_print_markdown(f, gateway_rpc_tables, GATEWAY_RPC_TEXT);
	return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doc_is_what_the_table_prints),
		cmocka_unit_test(every_method_is_described),
		cmocka_unit_test(a_lab_that_is_no_gateway_has_none_of_its_methods),
	};

	if (argc > 1 && strcmp(argv[1], "--update") == 0)
		return update();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
