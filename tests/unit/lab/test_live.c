/* SPDX-License-Identifier: MIT */
/* Changes of a lab that runs: links by name; nodes that come and go, and what stays of others. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "lab/live.h"

static const char text[] = "lab: live\n"
			   "nodes:\n"
			   "  a: { interfaces: { eth0: 10.0.0.1/24, eth1: 10.0.1.1/24 } }\n"
			   "  a-b: { interfaces: { eth0: 10.0.0.2/24, eth1: 10.0.1.2/24, up: "
			   "10.0.2.1/24 }, routes: [ 10.9.0.0/16 via 10.0.2.2 ] }\n"
			   "  b: { interfaces: { eth0: 10.0.2.2/24 } }\n"
			   "  sw: { kind: switch }\n"
			   "links:\n"
			   "  - a:eth0 -- a-b:eth0\n"
			   "  - a:eth1 -- a-b:eth1\n"
			   "  - a-b:up -- b:eth0\n";

static struct labfile *file;
static struct lab *lab;
static char msg[LAB_MSG_MAX];

static int setup(void **state UNUSED)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct lab_config cfg = {.is_sim = true};
	int err = labfile_parse("live.yaml", NULL, text, strlen(text), &file, errs);

	if (err)
		lab_errors_print(errs, stdout);
	free(errs);
	assert_int_equal(err, 0);
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	struct weft_engine_stats stats;

	while (lab->n_nodes)
		lab_node_del(lab->nodes[0]);
	assert_int_equal(lab->n_links, 0);
	weft_engine_stats(lab->eng, &stats);
	assert_int_equal(stats.n_stacks, 0);
	assert_int_equal(stats.pkts_used, 0);
	assert_int_equal(lab_stop(lab), 0);
	labfile_free(file);
	return 0;
}

/* The new node, or NULL with `msg`. */
static struct lab_node *add(const char *name, const char *spec, const char *links, int want)
{
	json_t *spec_json = spec ? json_loads(spec, 0, NULL) : NULL;
	json_t *links_json = links ? json_loads(links, 0, NULL) : NULL;
	struct lab_node *node = NULL;
	int err;

	assert_true(!spec || spec_json);
	assert_true(!links || links_json);
	err = lab_node_add(lab, name, spec_json, links_json, &node, msg);
	json_decref(spec_json);
	json_decref(links_json);
	if (err != want)
		fail_msg("%d: %s", err, msg);
	return node;
}

static void expect_link(const char *name, uint32_t link, int from, bool one_way)
{
	struct lab_link_name found;

	if (lab_link_find(lab, name, &found, msg) < 0)
		fail_msg("%s: %s", name, msg);
	assert_ptr_equal(found.link, lab->links[link]);
	assert_int_equal(found.from, from);
	assert_int_equal(found.is_one_way, one_way);
}

static void links_are_found_by_every_form_of_their_name(void **state UNUSED)
{
	expect_link("a-b-b", 2, 0, false);
	expect_link("b-a-b", 2, 1, false);
	expect_link("a-b--b", 2, 0, false);
	expect_link("a-b->b", 2, 0, true);
	expect_link("b -> a-b", 2, 1, true);
	expect_link("B -- A-B", 2, 1, false);
	expect_link("a:eth1-a-b:eth1", 1, 0, false);
	expect_link("a-b:eth1-a", 1, 1, false);
	expect_link("a:eth1->a-b", 1, 0, true);
	expect_link("a-b:eth0", 0, 1, false);
	expect_link("b:eth0", 2, 1, false);
}

static void several_links_of_a_name_are_refused(void **state UNUSED)
{
	struct lab_link_name found;

	assert_int_equal(lab_link_find(lab, "a-a-b", &found, msg), -ENOTUNIQ);
	assert_non_null(strstr(msg, "2 links"));
	assert_non_null(strstr(msg, "a:eth0-a-b:eth0"));
	assert_int_equal(lab_link_find(lab, "a->a-b", &found, msg), -ENOTUNIQ);
}

static void names_of_no_link_get_a_suggestion(void **state UNUSED)
{
	static const char *const names[] = {"",    "-",      "->",   "a",       "a-",    "-b",
					    "a-b", "a:eth9", "a:->", "a->b->c", "sw-sw", ":eth0"};
	struct lab_link_name found;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(lab_link_find(lab, names[i], &found, msg), -ENOENT);
	assert_int_equal(lab_link_find(lab, "a-b-bb", &found, msg), -ENOENT);
	assert_non_null(strstr(msg, "did you mean `a-b-b`"));
}

static void change_of_a_link_is_what_it_is_now(void **state UNUSED)
{
	struct lab_link *link = lab->links[0];
	struct weft_link_dir dir = link->dir[0];

	dir.delay_ns = 5000000;
	assert_int_equal(lab_link_change(link, 0, &dir), 0);
	assert_int_equal(link->dir[0].delay_ns, 5000000);
	assert_int_equal(link->dir[1].delay_ns, 0);
	dir.delay_ns = -1;
	assert_int_equal(lab_link_change(link, 0, &dir), -EINVAL);
	assert_int_equal(link->dir[0].delay_ns, 5000000);
	lab_link_set_up(link, false);
	assert_false(link->is_up);
}

static void node_is_added_with_what_its_file_says(void **state UNUSED)
{
	struct lab_node *n = add("n",
				 "{\"interfaces\": {\"lan\": {\"address\": \"10.5.0.1/24\"}}, "
				 "\"forwarding\": true, \"services\": [{\"echo\": {\"port\": 7}}]}",
				 "[{\"to\": \"sw\", \"interface\": \"lan\", \"loss\": \"5%\"}]", 0);
	int64_t forward = 0;

	assert_ptr_equal(lab_node_find(lab, "N"), n);
	assert_int_equal(n->n_services, 1);
	assert_int_equal(weft_stack_get(n->stack, "net.ipv4.ip_forward", &forward), 0);
	assert_int_equal(forward, 1);
	assert_int_equal(lab->n_links, 4);
	assert_int_equal(lab->links[3]->dir[0].loss_ppm, 50000);
	expect_link("n-sw", 3, 0, false);
	assert_string_equal(lab_node_find(lab, "sw")->ifaces[0].file->name, "p1");
	lab_node_del(n);
	assert_null(lab_node_find(lab, "n"));
	assert_int_equal(lab->n_links, 3);
	assert_int_equal(lab_node_find(lab, "sw")->n_ifaces, 0);
}

static void macs_of_new_nodes_are_nobody_elses(void **state UNUSED)
{
	struct lab_node *first, *second;
	uint8_t a[6], b[6];

	first = add("x", NULL, "[{\"to\": \"sw\"}]", 0);
	weft_netif_mac(first->ifaces[0].netif, a);
	lab_node_del(first);
	second = add("x", NULL, "[{\"to\": \"sw\"}]", 0);
	weft_netif_mac(second->ifaces[0].netif, b);
	assert_memory_not_equal(a, b, sizeof(a));
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		for (uint32_t k = 0; k < lab->nodes[i]->n_ifaces; k++) {
			weft_netif_mac(lab->nodes[i]->ifaces[k].netif, a);
			assert_true(lab->nodes[i] == second || memcmp(a, b, sizeof(a)));
		}
}

static void count_info(void *arg, const struct weft_addr_info *info)
{
	*(unsigned int *)arg += info->addr.family == WEFT_AF_INET;
}

static void count_route(void *arg, const struct weft_route_info *info)
{
	*(unsigned int *)arg += info->route.prefix_len == 16 && !info->is_dead;
}

/* b goes, and with it what a-b:up led to; a-b keeps the address and the route, and b comes back. */
static void interface_keeps_its_addresses_and_routes(void **state UNUSED)
{
	struct lab_node *ab = lab_node_find(lab, "a-b");
	unsigned int n_addrs = 0, n_routes = 0;

	lab_node_del(lab_node_find(lab, "b"));
	assert_int_equal(lab->n_links, 2);
	assert_int_equal(ab->n_ifaces, 3);
	assert_null(ab->ifaces[2].link);
	assert_non_null(weft_netif_find(ab->stack, "up"));
	weft_addrs(ab->stack, count_info, &n_addrs);
	weft_routes(ab->stack, count_route, &n_routes);
	assert_int_equal(n_addrs, 4);
	assert_int_equal(n_routes, 1);

	add("b", "{\"interfaces\": {\"eth0\": {\"address\": \"10.0.2.2/24\"}}}",
	    "[{\"to\": \"a-b:up\"}]", 0);
	n_addrs = n_routes = 0;
	weft_addrs(ab->stack, count_info, &n_addrs);
	weft_routes(ab->stack, count_route, &n_routes);
	assert_int_equal(n_addrs, 4);
	assert_int_equal(n_routes, 1);
	assert_int_equal(ab->n_ifaces, 3);
	expect_link("a-b:up-b", 2, 1, false);
}

/* What `ip link set` has changed stays when the cable is replaced. */
static void interface_keeps_its_settings(void **state UNUSED)
{
	static const uint8_t mac[6] = {2, 0, 0, 9, 9, 9};
	struct lab_node *ab = lab_node_find(lab, "a-b");
	struct weft_netif *up = weft_netif_find(ab->stack, "up");
	struct weft_netif_info info;

	assert_int_equal(weft_netif_set_mtu(up, 1280), 0);
	weft_netif_set_mac(up, mac);
	weft_netif_set_up(up, false);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			lab_node_del(lab_node_find(lab, "b"));
		else
			add("b", "{\"interfaces\": {\"eth0\": {\"address\": \"10.0.2.2/24\"}}}",
			    "[{\"to\": \"a-b:up\"}]", 0);
		weft_netif_info(weft_netif_find(ab->stack, "up"), &info);
		assert_int_equal(info.mtu, 1280);
		assert_memory_equal(info.mac, mac, sizeof(mac));
		assert_false(info.flags & WEFT_IFF_UP);
	}
}

static void nodes_added_to_each_other_go_in_any_order(void **state UNUSED)
{
	struct lab_node *x = add("x", NULL, "[{\"to\": \"sw\"}]", 0), *y;

	y = add("y", NULL, "[{\"to\": \"x\"}, {\"to\": \"x:own\"}, {\"to\": \"a\"}]", 0);
	assert_int_equal(x->n_ifaces, 3);
	lab_node_del(x);
	assert_int_equal(y->n_ifaces, 3);
	assert_null(y->ifaces[0].link);
	assert_non_null(y->ifaces[2].link);
	/* What is left of y's first interface takes a new link. */
	x = add("x", NULL, "[{\"to\": \"y:eth0\"}]", 0);
	lab_node_del(y);
	assert_null(x->ifaces[0].link);
	assert_int_equal(lab_node_find(lab, "a")->n_ifaces, 2);
}

static void circle_of_switches_is_refused(void **state UNUSED)
{
	static const char kind[] = "{\"kind\": \"switch\"}";

	add("s2", kind, "[{\"to\": \"sw\"}]", 0);
	add("s3", kind, "[{\"to\": \"a\"}]", 0);
	add("s4", kind, "[{\"to\": \"s2\"}, {\"to\": \"s3\"}, {\"to\": \"b\"}, {\"to\": \"b\"}]",
	    0);
	add("s5", kind, "[{\"to\": \"sw\"}, {\"to\": \"s3\"}]", -EINVAL);
	assert_non_null(strstr(msg, "circle"));
	add("s5", kind, "[{\"to\": \"sw\"}, {\"to\": \"sw\"}]", -EINVAL);
	assert_non_null(strstr(msg, "circle"));
	lab_node_del(lab_node_find(lab, "s4"));
	add("s5", kind, "[{\"to\": \"sw\"}, {\"to\": \"s3\"}]", 0);
}

static void wrong_nodes_leave_nothing(void **state UNUSED)
{
	static const struct {
		const char *name, *spec, *links;
		int err;
		const char *text;
	} cases[] = {
		{"A", NULL, NULL, -EEXIST, "has a node"},
		{"n n", NULL, "[{\"to\": \"sw\"}]", -EINVAL, "name of a node"},
		{"n", "{\"kind\": \"kernel\"}", NULL, -EOPNOTSUPP, "simulation"},
		{"n", "{\"count\": 3}", "[{\"to\": \"sw\"}]", -EINVAL, "count"},
		{"n", "{\"nonsense\": 3}", "[{\"to\": \"sw\"}]", -EINVAL, "nonsense"},
		{"n", NULL, "[{}]", -EINVAL, "`to`"},
		{"n", NULL, "[5]", -EINVAL, "`to`"},
		{"n", NULL, "[{\"to\": \"sv\"}]", -EINVAL, "did you mean `sw`"},
		{"n", NULL, "[{\"to\": \"n\"}]", -EINVAL, "no node"},
		{"n", NULL, "[{\"to\": \"a:eth0\"}]", -EBUSY, "has a link already"},
		{"n", NULL, "[{\"to\": \"sw:x\"}, {\"to\": \"sw:x\"}]", -EBUSY, "already"},
		{"n", NULL, "[{\"to\": \"sw:an-interface-too-long\"}]", -EINVAL, "name of an"},
		{"n", NULL, "[{\"to\": \"sw\", \"interface\": \"x y\"}]", -EINVAL, "x y"},
		{"n", NULL, "[{\"to\": \"sw\", \"delay\": \"5\"}]", -EINVAL, "unit"},
		{"n", "{\"interfaces\": {\"eth0\": {\"address\": \"10.0.0.1/24\"}}}",
		 "[{\"to\": \"sw\"}]", -EEXIST, "address of node a"},
		{"n", "{\"services\": [{\"http\": {\"root\": \"/no/such/folder\"}}]}",
		 "[{\"to\": \"sw\"}, {\"to\": \"a\"}]", -EINVAL, "folder"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_null(add(cases[i].name, cases[i].spec, cases[i].links, cases[i].err));
		if (!strstr(msg, cases[i].text))
			fail_msg("case %zu: %s", i, msg);
		assert_int_equal(lab->n_nodes, 4);
		assert_int_equal(lab->n_links, 3);
		assert_int_equal(lab_node_find(lab, "a")->n_ifaces, 2);
		assert_int_equal(lab_node_find(lab, "sw")->n_ifaces, 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(links_are_found_by_every_form_of_their_name),
		TEST(several_links_of_a_name_are_refused),
		TEST(names_of_no_link_get_a_suggestion),
		TEST(change_of_a_link_is_what_it_is_now),
		TEST(node_is_added_with_what_its_file_says),
		TEST(macs_of_new_nodes_are_nobody_elses),
		TEST(interface_keeps_its_addresses_and_routes),
		TEST(interface_keeps_its_settings),
		TEST(nodes_added_to_each_other_go_in_any_order),
		TEST(circle_of_switches_is_refused),
		TEST(wrong_nodes_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
