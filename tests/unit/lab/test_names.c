/* SPDX-License-Identifier: MIT */
/* Names in a running lab: which place wins, families, changes while it runs, suggestions. */
#include "unit.h"

#include <errno.h>

#include "lab/names.h"

static const char lab_text[] =
	"nodes:\n"
	"  a: { hosts: { printer: 10.0.0.77, web: 10.0.0.78 }, interfaces: { e0: 10.0.0.1/24 } }\n"
	"  b: { interfaces: { e0: [ 10.0.0.2/24, 10.0.0.3/24 ], e1: 10.1.0.1/24 } }\n"
	"  c: { interfaces: { e0: 10.1.0.2/24 } }\n"
	"  hidden: { interfaces: { e0: 10.2.0.1/24 } }\n"
	"  sw: { kind: switch }\n"
	"links: [ a:e0 -- b:e0, b:e1 -- c:e0, hidden:e0 -- sw ]\n"
	"hosts: { WEB: b, hidden: 10.9.9.9, six: \"2001:db8::1\" }\n";

struct world {
	struct labfile *file;
	struct lab *lab;
};

static int set_up(void **state)
{
	static struct lab_errors errs;
	static const struct lab_config cfg = {.is_sim = true};
	struct world *w = calloc(1, sizeof(*w));
	char msg[LAB_MSG_MAX];

	assert_non_null(w);
	assert_int_equal(labfile_parse("n.yaml", NULL, lab_text, strlen(lab_text), &w->file, &errs),
			 0);
	assert_int_equal(lab_start(w->file, &cfg, &w->lab, msg), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	lab_stop(w->lab);
	labfile_free(w->file);
	free(w);
	return 0;
}

/* The answer as text: "10.0.0.2 10.0.0.3". */
static const char *lookup(const struct world *w, const char *from, const char *name, int family)
{
	static char text[400];
	struct weft_addr list[4];
	int n = lab_name_lookup(lab_node_find(w->lab, from), name, family, list, 4);
	size_t at = 0;

	if (n == -ENOENT)
		return "no name";
	if (n == -EADDRNOTAVAIL)
		return "no address";
	assert_in_range(n, 1, 4);
	for (int i = 0; i < n; i++) {
		char addr[WEFT_ADDR_STRLEN];

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "",
				       weft_addr_print(&list[i], addr, sizeof(addr)));
	}
	return text;
}

static void name_is_looked_up_in_the_node_then_the_lab_then_the_nodes(void **state)
{
	struct world *w = *state;

	assert_string_equal(lookup(w, "a", "web", WEFT_AF_UNSPEC), "10.0.0.78");
	assert_string_equal(lookup(w, "b", "web", WEFT_AF_UNSPEC), "10.0.0.2");
	assert_string_equal(lookup(w, "a", "printer", WEFT_AF_INET), "10.0.0.77");
	assert_string_equal(lookup(w, "b", "printer", WEFT_AF_INET), "no name");
	assert_string_equal(lookup(w, "b", "hidden", WEFT_AF_UNSPEC), "10.9.9.9");
	assert_string_equal(lookup(w, "a", "B", WEFT_AF_UNSPEC), "10.0.0.2 10.0.0.3 10.1.0.1");
	assert_string_equal(lookup(w, "a", "localhost", WEFT_AF_UNSPEC), "::1 127.0.0.1");
	assert_string_equal(lookup(w, "sw", "localhost", WEFT_AF_UNSPEC), "127.0.0.1 ::1");
	assert_string_equal(lookup(w, "sw", "c", WEFT_AF_UNSPEC), "10.1.0.2");
}

static void family_that_a_name_has_no_address_of_is_told_from_no_name(void **state)
{
	struct world *w = *state;

	assert_string_equal(lookup(w, "a", "six", WEFT_AF_INET6), "2001:db8::1");
	assert_string_equal(lookup(w, "a", "six", WEFT_AF_INET), "no address");
	assert_string_equal(lookup(w, "a", "b", WEFT_AF_INET6), "no address");
	assert_string_equal(lookup(w, "a", "sw", WEFT_AF_UNSPEC), "no address");
	assert_string_equal(lookup(w, "a", "localhost", WEFT_AF_INET6), "::1");
	assert_string_equal(lookup(w, "a", "192.0.2.9", WEFT_AF_INET), "192.0.2.9");
	assert_string_equal(lookup(w, "a", "192.0.2.9", WEFT_AF_INET6), "no address");
	assert_string_equal(lookup(w, "a", "2001:db8::7", WEFT_AF_UNSPEC), "2001:db8::7");
	assert_string_equal(lookup(w, "a", "", WEFT_AF_UNSPEC), "no name");
}

static void more_addresses_than_wanted_are_left_out(void **state)
{
	struct world *w = *state;
	struct weft_addr one[1];

	assert_int_equal(lab_name_lookup(lab_node_find(w->lab, "a"), "b", 0, one, 1), 1);
	assert_int_equal(one[0].bytes[3], 2);
}

static void address_added_while_running_is_found(void **state)
{
	struct world *w = *state;
	struct lab_node *c = lab_node_find(w->lab, "c");
	struct weft_addr addr;

	assert_int_equal(weft_addr_parse("10.1.0.9", &addr), 0);
	assert_null(lab_name_of(c, &addr));
	assert_int_equal(weft_addr_add(c->ifaces[0].netif, &addr, 24), 0);
	assert_string_equal(lookup(w, "a", "c", WEFT_AF_INET), "10.1.0.2 10.1.0.9");
	assert_string_equal(lab_name_of(c, &addr), "c");
}

static void addresses_have_the_names_of_nodes_then_of_hosts(void **state)
{
	static const struct {
		const char *addr, *name;
	} cases[] = {
		{"10.0.0.3", "b"},      {"10.1.0.2", "c"},        {"10.9.9.9", "hidden"},
		{"10.2.0.1", "hidden"}, {"10.0.0.77", "printer"}, {"2001:db8::1", "six"},
		{"10.5.0.1", NULL},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct weft_addr addr;
		const char *name;

		assert_int_equal(weft_addr_parse(cases[i].addr, &addr), 0);
		name = lab_name_of(lab_node_find(w->lab, "a"), &addr);
		assert_string_equal(name ? name : "", cases[i].name ? cases[i].name : "");
	}
}

static void mistyped_name_gets_the_closest_one_suggested(void **state)
{
	struct world *w = *state;

	assert_string_equal(lab_name_suggest(lab_node_find(w->lab, "a"), "pritner"), "printer");
	assert_string_equal(lab_name_suggest(lab_node_find(w->lab, "b"), "hiden"), "hidden");
	assert_null(lab_name_suggest(lab_node_find(w->lab, "a"), "something-else"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_is_looked_up_in_the_node_then_the_lab_then_the_nodes),
		cmocka_unit_test(family_that_a_name_has_no_address_of_is_told_from_no_name),
		cmocka_unit_test(more_addresses_than_wanted_are_left_out),
		cmocka_unit_test(address_added_while_running_is_found),
		cmocka_unit_test(addresses_have_the_names_of_nodes_then_of_hosts),
		cmocka_unit_test(mistyped_name_gets_the_closest_one_suggested),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
