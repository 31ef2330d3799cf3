/* SPDX-License-Identifier: MIT */
/*
 * Lab files as wholes: the files of tests/lab/bad with the messages they announce themselves, those
 * of tests/lab/good and examples/, what becomes of every key, and what is no lab file at all.
 */
#include "unit.h"

#include "lab/labfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define GOOD_DIR SOURCE_DIR "/tests/lab/good"
#define BAD_DIR  SOURCE_DIR "/tests/lab/bad"

static struct lab_errors errs;
static unsigned int n_wrong; /* bad files with other messages than they announce */

static int no_dots(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 5 && strcmp(e->d_name + len - 5, ".yaml") == 0;
}

/* Calls `run` for the path of each YAML file of a directory, by name; returns how many. */
static int for_each_file(const char *dir, void (*run)(const char *path))
{
	struct dirent **list;
	int n = scandir(dir, &list, no_dots, alphasort);

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		run(path);
		free(list[i]);
	}
	free(list);
	return n;
}

/* The messages that a file announces: its first lines, "# expect LINE:COLUMN: message". */
static uint32_t expected_lines(const char *path, char lines[][LAB_ERROR_TEXT], uint32_t max)
{
	static const char mark[] = "# expect ";
	FILE *f = fopen(path, "r");
	char line[LAB_ERROR_TEXT + 20];
	uint32_t n = 0;

	assert_non_null(f);
	while (n < max && fgets(line, sizeof(line), f) && strncmp(line, mark, strlen(mark)) == 0) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(lines[n++], LAB_ERROR_TEXT, "%.390s", line + strlen(mark));
	}
	fclose(f);
	return n;
}

static void check_bad_file(const char *path)
{
	static char expected[LAB_ERRORS_MAX + LAB_WARNINGS_MAX][LAB_ERROR_TEXT];
	uint32_t n = expected_lines(path, expected, ARRAY_SIZE(expected));
	struct labfile *lab = NULL;
	int err = labfile_load(path, &lab, &errs);
	bool ok = errs.n_list == n && n > 0 && err == (errs.n_errors ? -EINVAL : 0);

	for (uint32_t i = 0; i < n && ok; i++) {
		char line[1024 + LAB_ERROR_TEXT];
		const char *tail = line + strlen(path) + 1;

		lab_error_format(&errs, &errs.list[i], line, sizeof(line));
		ok = strncmp(tail, expected[i], strlen(expected[i])) == 0;
	}
	if (!ok) {
		print_error("%s gives other messages than it says (%d):\n", path, err);
		lab_errors_print(&errs, stderr);
	}
	n_wrong += !ok;
	assert_int_equal(lab != NULL, err == 0);
	labfile_free(lab);
}

static void bad_files_give_the_messages_they_announce(void **state UNUSED)
{
	assert_true(for_each_file(BAD_DIR, check_bad_file) >= 60);
	assert_int_equal(n_wrong, 0);
}

static struct labfile *load_good(const char *path)
{
	struct labfile *lab = NULL;
	int err = labfile_load(path, &lab, &errs);

	if (err || errs.n_list)
		lab_errors_print(&errs, stderr);
	assert_int_equal(err, 0);
	assert_int_equal(errs.n_list, 0);
	return lab;
}

static void check_good_file(const char *path)
{
	labfile_free(load_good(path));
}

static void good_files_and_examples_give_no_messages(void **state UNUSED)
{
	for_each_file(GOOD_DIR, check_good_file);
	for_each_file(SOURCE_DIR "/examples", check_good_file);
}

/* ---- Plans: what a file stands for, next to it in FILE.plan ---- */

static bool is_updating;

static void check_plan(const char *path)
{
	char plan_path[1100], *plan = NULL, *expected = NULL;
	size_t len, expected_len = 0;
	FILE *out = open_memstream(&plan, &len), *f;
	struct labfile *lab = load_good(path);

	labfile_print_plan(lab, out);
	fclose(out);
	snprintf(plan_path, sizeof(plan_path), "%.*s.plan", (int)(strlen(path) - 5), path);
	f = fopen(plan_path, is_updating ? "w" : "r");
	assert_non_null(f);
	if (is_updating)
		fputs(plan, f);
	else if (getdelim(&expected, &expected_len, '\0', f) < 0 || strcmp(expected, plan) != 0)
		fail_msg("%s has another plan now; look at lab_test_labfile --update", path);
	fclose(f);
	labfile_free(lab);
	free(expected);
	free(plan);
}

static void plans_are_as_they_were(void **state UNUSED)
{
	check_plan(GOOD_DIR "/small.yaml");
	check_plan(GOOD_DIR "/defaults.yaml");
	check_plan(GOOD_DIR "/counts.yaml");
	check_plan(GOOD_DIR "/assigned.yaml");
	check_plan(GOOD_DIR "/gateways.yaml");
	check_plan(GOOD_DIR "/routing.yaml");
	check_plan(GOOD_DIR "/changes.yaml");
}

/* ---- What becomes of it ---- */

static struct labfile *parse(const char *text, int expected_err)
{
	struct labfile *lab = NULL;

	assert_int_equal(labfile_parse("test.yaml", NULL, text, strlen(text), &lab, &errs),
			 expected_err);
	return lab;
}

static void assert_net(const struct lab_net *net, const char *text)
{
	char buf[LAB_NET_TEXT];

	assert_string_equal(lab_net_format(net, buf), text);
}

static void assert_ip(const struct lab_ip *ip, const char *text)
{
	char buf[LAB_IP_TEXT];

	assert_string_equal(lab_ip_format(ip, buf), text);
}

static void every_key_reaches_its_field(void **state UNUSED)
{
	struct labfile *lab = load_good(GOOD_DIR "/every-key.yaml");
	struct labfile_node *pc = labfile_node_find(lab, "pc"), *sw = labfile_node_find(lab, "SW");
	struct labfile_node *r1 = labfile_node_find(lab, "r1"),
			    *web = labfile_node_find(lab, "web");
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	const struct labfile_http *http;

	assert_string_equal(lab->name, "every-key");
	assert_true(lab->has_seed);
	assert_int_equal(lab->seed, 16);
	assert_int_equal(lab->n_nodes, 7);
	assert_false(lab->capture_all);
	assert_int_equal(lab->n_captures, 2);
	assert_ptr_equal(lab->captures[1].iface, labfile_iface_find(sw, "p1"));
	assert_string_equal(lab->hosts[0].name, "www.example.org");
	assert_ip(&lab->hosts[0].ip, "10.9.0.2");

	assert_int_equal(pc->kind, LABFILE_KERNEL);
	assert_int_equal(pc->ifaces[0].n_addrs, 3);
	assert_net(&pc->ifaces[0].addrs[1].net, "10.1.0.3/24");
	assert_net(&pc->ifaces[0].addrs[2].net, "2001:db8:1::2/64");
	assert_memory_equal(&pc->ifaces[0].mac, mac, 6);
	assert_int_equal(pc->ifaces[0].mtu, 1400);
	assert_int_equal(pc->n_routes, 5);
	assert_net(&pc->routes[0].dst, "0.0.0.0/0");
	assert_ip(&pc->routes[0].via.ip, "10.1.0.1");
	assert_int_equal(pc->routes[0].metric, 7);
	assert_ptr_equal(pc->routes[1].iface, &pc->ifaces[0]);
	assert_int_equal(pc->routes[1].metric, 3);
	assert_net(&pc->routes[2].dst, "10.8.0.1/32");
	assert_net(&pc->routes[4].dst, "::/0");
	assert_ip(&pc->hosts[0].ip, "10.1.0.77");
	assert_ip(&pc->hosts[1].ip, "10.1.0.2");
	assert_true(labfile_node_find(lab, "pc2")->forwarding);

	assert_int_equal(sw->kind, LABFILE_SWITCH);
	assert_int_equal(sw->n_ifaces, 3);
	assert_int_equal(r1->kind, LABFILE_WEFT);
	assert_true(r1->forwarding);
	assert_false(pc->forwarding);
	assert_int_equal(labfile_iface_find(r1, "lan")->mtu, 1600);
	assert_int_equal(labfile_iface_find(r1, "wan")->mss_clamp, 1300);
	assert_true(labfile_iface_find(r1, "wan")->acd);
	assert_true(labfile_iface_find(r1, "wan")->gro);
	assert_false(labfile_iface_find(r1, "lan")->gro);
	assert_true(labfile_iface_find(r1, "wan")->link_local);
	assert_false(labfile_iface_find(r1, "lan")->acd);
	assert_net(&labfile_iface_find(r1, "wan")->addrs[0].net, "10.2.0.1/30");

	assert_int_equal(web->n_services, 6);
	http = &web->services[0].http;
	assert_int_equal(web->services[0].kind, LABFILE_HTTP);
	assert_int_equal(http->port, 8080);
	assert_string_equal(http->root_text, "www");
	assert_string_equal(http->root, GOOD_DIR "/www");
	assert_int_equal(http->n_docs, 4);
	assert_string_equal(http->docs[0].path, "/hello");
	assert_string_equal(http->docs[0].text, "Hello");
	assert_string_equal(http->docs[1].text, "");
	assert_null(http->docs[2].text);
	assert_int_equal(http->docs[2].size, 1572864);
	assert_int_equal(http->docs[2].seed, 7);
	assert_string_equal(http->docs[2].type, "application/x-random");
	assert_string_equal(http->docs[3].text, "one\ntwo");
	assert_int_equal(web->services[1].kind, LABFILE_ECHO);
	assert_int_equal(web->services[1].echo.port, 7);
	assert_int_equal(web->services[1].echo.protos, LABFILE_TCP | LABFILE_UDP);
	assert_int_equal(web->services[2].echo.protos, LABFILE_UDP);
	assert_int_equal(web->services[3].echo.protos, LABFILE_TCP);
	labfile_free(lab);
}

static void every_key_of_routers_reaches_its_field(void **state UNUSED)
{
	struct labfile *lab = load_good(GOOD_DIR "/every-key.yaml");
	const struct labfile_node *r2 = labfile_node_find(lab, "r2");
	const struct labfile_iface *eth0 =
		labfile_iface_find(labfile_node_find(lab, "web"), "eth0");
	const struct labfile_radv *radv = &r2->services[0].radv;

	assert_true(eth0->slaac && eth0->dad);
	assert_int_equal(r2->n_services, 1);
	assert_int_equal(r2->services[0].kind, LABFILE_RADV);
	assert_string_equal(radv->iface, "far");
	assert_true(radv->interval_ns == 30000000000 && radv->lifetime_ns == 90000000000);
	assert_true(radv->pref == 1 && !radv->managed && radv->other && radv->unicast &&
		    radv->run_down);
	assert_true(radv->hop_limit == 33 && radv->mtu == 1400);
	assert_int_equal(radv->n_prefixes, 2);
	assert_net(&radv->prefixes[0].prefix, "2001:db8:9::/64");
	assert_true(radv->prefixes[0].on_link && radv->prefixes[0].autonomous);
	assert_true(radv->prefixes[0].valid_s == 7200 && radv->prefixes[0].preferred_s == 3600);
	assert_net(&radv->prefixes[1].prefix, "2001:db8:a::/64");
	assert_int_equal(radv->n_routes, 1);
	assert_net(&radv->routes[0].prefix, "2001:db8:b::/48");
	assert_true(radv->routes[0].pref == 3 && radv->routes[0].lifetime_ns == 600000000000);
	assert_int_equal(radv->n_dns, 1);
	assert_ip(&radv->dns[0].ip, "2001:db8:9::1");
	assert_int_equal(radv->n_search, 1);
	assert_string_equal(radv->search[0].domain, "lab.example");
	assert_true(radv->dns_lifetime_ns == 60000000000);
	labfile_free(lab);
}

static void copies_share_no_memory_and_know_their_places(void **state UNUSED)
{
	struct labfile *lab =
		parse("nodes:\n"
		      "  h: { count: 2, services: [ http: { files: { /: x } } ],\n"
		      "       routes: [ 10.9.0.0/16 via 10.0.0.1 ], hosts: { y: h1 } }\n"
		      "  s: { kind: switch, prefix: 10.0.0.0/24 }\n"
		      "  r: { forwarding: on }\n"
		      "links: [ h:eth0 -- s, r:eth0 -- s ]\n",
		      0);
	const struct labfile_node *h1 = labfile_node_find(lab, "h1"),
				  *h2 = labfile_node_find(lab, "H2");

	assert_int_equal(lab->n_nodes, 4);
	assert_null(labfile_node_find(lab, "h"));
	assert_int_equal(h1->copy, 1);
	assert_int_equal(h2->copy, 2);
	assert_int_equal(labfile_node_find(lab, "r")->copy, 0);
	assert_ptr_not_equal(h1->routes, h2->routes);
	assert_ptr_not_equal(h1->services, h2->services);
	assert_ptr_not_equal(h1->services[0].http.docs, h2->services[0].http.docs);
	assert_ptr_not_equal(h1->hosts, h2->hosts);
	assert_ptr_equal(h2->routes[0].iface, &h2->ifaces[0]);
	assert_int_equal(h2->pos.line, 2);
	assert_int_equal(h2->routes[0].pos.line, 3);
	assert_ip(&h2->hosts[0].ip, "10.0.0.2");
	assert_int_equal(lab->links[1].number, 0);
	assert_int_equal(lab->links[2].number, 1);
	assert_int_equal(lab->links[2].index, 2);
	labfile_free(lab);
}

static void many_copies_make_many_errors_only_once(void **state UNUSED)
{
	assert_null(parse("nodes:\n"
			  "  h: { count: 500, interfaces: { eth0: } }\n"
			  "  s: { kind: switch, prefix: 10.0.0.0/24 }\n"
			  "  t: { kind: switch, prefix: 10.0.1.0/24 }\n"
			  "links: [ h:eth0 -- s, h:eth0 -- t ]\n",
			  -EINVAL));
	assert_int_equal(errs.n_errors, 1);
	assert_int_equal(errs.list[0].pos.line, 5);
	assert_int_equal(errs.list[0].pos.col, 23);
}

static void apps_have_their_peers_and_defaults(void **state UNUSED)
{
	struct labfile *lab = load_good(GOOD_DIR "/every-key.yaml");
	const struct labfile_node *web = labfile_node_find(lab, "web");
	const struct labfile_app *apps = web->apps;

	assert_int_equal(web->services[4].kind, LABFILE_DISCARD);
	assert_int_equal(web->services[4].listener.port, 10);
	assert_int_equal(web->services[5].kind, LABFILE_RR);
	assert_int_equal(web->services[5].listener.port, 5002);
	assert_int_equal(web->n_apps, 6);
	assert_int_equal(apps[0].kind, LABFILE_APP_HTTP);
	assert_ip(&apps[0].args.ip, "10.1.0.1");
	assert_int_equal(apps[0].args.port, 8080);
	assert_string_equal(apps[0].args.host, "r1:8080");
	assert_string_equal(apps[0].args.path, "/big?x");
	assert_true(apps[0].args.has_size && apps[0].args.size == 1572864);
	assert_true(apps[0].args.at_ns == 1000000000 && apps[0].args.timeout_ns == 0);
	assert_int_equal(apps[0].args.count, 0);
	assert_int_equal(apps[1].kind, LABFILE_APP_ECHO);
	assert_int_equal(apps[1].args.proto, LABFILE_UDP);
	assert_int_equal(apps[1].args.count, 10);
	assert_int_equal(apps[2].kind, LABFILE_APP_BULK);
	assert_ip(&apps[2].args.ip, "10.9.0.1");
	assert_false(apps[2].args.has_size);
	assert_ip(&apps[3].args.ip, "10.9.0.2");
	assert_int_equal(apps[3].args.port, 9);
	assert_true(apps[4].args.request == 8 && apps[4].args.response == 0);
	assert_int_equal(apps[5].kind, LABFILE_APP_PING);
	assert_ip(&apps[5].args.ip, "10.2.0.2");
	assert_true(apps[5].args.interval_ns == 1000000000);
	labfile_free(lab);
}

static void directions_inherit_from_the_link_what_they_do_not_say(void **state UNUSED)
{
	struct labfile *lab = load_good(GOOD_DIR "/every-key.yaml");
	const struct labfile_link *link =
		labfile_iface_find(labfile_node_find(lab, "r1"), "wan")->link;
	const struct labfile_shape *a = &link->dir[0], *b = &link->dir[1];

	assert_string_equal(link->ends[0].text, "r1:wan");
	assert_int_equal(a->delay_ns, 0);
	assert_int_equal(b->delay_ns, 30000000);
	assert_int_equal(a->rate_bps, 0);
	assert_int_equal(b->rate_bps, 2000000);
	assert_int_equal(a->loss_ppm, 15000);
	assert_int_equal(b->loss_ppm, 0);
	assert_int_equal(a->queue.pkts, 30);
	assert_int_equal(a->queue.bytes, 0);
	assert_int_equal(b->queue.bytes, 64000);
	assert_int_equal(b->queue.pkts, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(link->dir[i].jitter_ns, 100000);
		assert_int_equal(link->dir[i].duplicate_ppm, 1);
		assert_int_equal(link->dir[i].corrupt_ppm, 1000000);
		assert_int_equal(link->dir[i].reorder_ppm, 50000);
		assert_int_equal(link->dir[i].reorder_delay_ns, 250000);
	}
	assert_true(link->up);
	assert_int_equal(link->mtu, 1500);
	labfile_free(lab);
}

static void link_without_keys_has_the_defaults(void **state UNUSED)
{
	struct labfile *lab = load_good(GOOD_DIR "/smallest.yaml");
	const struct labfile_link *link = &lab->links[0];

	assert_string_equal(lab->name, "smallest");
	assert_false(lab->has_seed);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(link->dir[i].rate_bps, 0);
		assert_int_equal(link->dir[i].delay_ns, 0);
		assert_int_equal(link->dir[i].queue.pkts, 1000);
		assert_int_equal(link->dir[i].reorder_delay_ns, 1000000);
	}
	assert_int_equal(link->mtu, 1500);
	assert_int_equal(link->ends[0].iface->mtu, 1500);
	assert_true(link->up);
	assert_ptr_equal(labfile_iface_peer(link->ends[0].iface), link->ends[1].iface);
	assert_ip(labfile_node_addr(&lab->nodes[1]), "192.0.2.0");
	labfile_free(lab);
}

static void switches_join_links_to_one_segment(void **state UNUSED)
{
	struct labfile *lab = load_good(GOOD_DIR "/every-key.yaml");
	uint32_t lan = labfile_node_find(lab, "pc")->ifaces[0].segment;
	const struct labfile_node *r1 = labfile_node_find(lab, "r1");

	assert_int_equal(lab->n_segments, 6);
	assert_int_equal(lan, 0);
	assert_int_equal(labfile_node_find(lab, "pc2")->ifaces[0].segment, lan);
	assert_int_equal(labfile_iface_find(r1, "lan")->segment, lan);
	assert_int_not_equal(labfile_iface_find(r1, "wan")->segment, lan);
	assert_int_equal(labfile_iface_find(r1, "wan")->segment,
			 labfile_node_find(lab, "r2")->ifaces[0].segment);
	labfile_free(lab);
}

static void name_of_the_file_becomes_that_of_the_lab(void **state UNUSED)
{
	static const struct {
		const char *file, *name;
	} cases[] = {
		{"a/b/My Lab.v2.yaml", "my-lab-v2"},
		{"x", "x"},
		{".yaml", "lab"},
		{"/tmp/", "lab"},
		{"-.yaml", "lab"},
		{"dir.d/lab_1", "lab_1"},
	};
	static const char text[] = "nodes: { a: { kind: switch } }";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct labfile *lab;

		assert_int_equal(
			labfile_parse(cases[i].file, NULL, text, strlen(text), &lab, &errs), 0);
		assert_string_equal(lab->name, cases[i].name);
		labfile_free(lab);
	}
}

static void without_a_directory_the_file_system_is_not_looked_at(void **state UNUSED)
{
	struct labfile *lab = parse("nodes:\n"
				    "  a: { services: [ http: { root: nowhere } ] }\n",
				    0);

	assert_string_equal(lab->nodes[0].services[0].http.root, "nowhere");
	labfile_free(lab);
}

/* ---- What is no lab file ---- */

/* The one message of a text: its place, and how it begins. */
static void assert_refused(const char *text, size_t len, uint32_t line, uint32_t col,
			   const char *message)
{
	struct labfile *lab = NULL;

	assert_int_equal(labfile_parse("test.yaml", NULL, text, len, &lab, &errs), -EINVAL);
	assert_null(lab);
	assert_int_equal(errs.n_list, 1);
	assert_int_equal(errs.list[0].pos.line, line);
	assert_int_equal(errs.list[0].pos.col, col);
	if (strncmp(errs.list[0].text, message, strlen(message)) != 0)
		assert_string_equal(errs.list[0].text, message);
}

static void bytes_that_are_no_text_are_refused_where_they_stand(void **state UNUSED)
{
	static const char many_directives[] = "%A\r%A\xc2\x85%A\xe2\x80\xa8%A\r\n%A\n%A\n%A\n%A\n"
					      "%A\n%A\n%A\n---\n";

	assert_refused("", 0, 1, 1, "the file is empty");
	assert_refused("\xef\xbb\xbf", 3, 1, 1, "the file is empty");
	assert_refused("a\nb\0c", 5, 2, 2, "control character 0x00");
	assert_refused("\x7f"
		       "ELF",
		       4, 1, 1, "control character 0x7f");
	assert_refused("lab: h\xe9\n", 8, 1, 7, "byte 0xe9 is not UTF-8");
	assert_refused("lab: \xc3\xa9\xc3", 8, 1, 7, "byte 0xc3 is not UTF-8");
	assert_refused("\xc0\x80", 2, 1, 1, "byte 0xc0 is not UTF-8");
	assert_refused("\xed\xa0\x80", 3, 1, 1, "byte 0xed is not UTF-8");
	assert_refused("\xf4\x90\x80\x80", 4, 1, 1, "byte 0xf4 is not UTF-8");
	assert_refused("\xff\xfe"
		       "a\0",
		       4, 1, 1, "the file is UTF-16");
	assert_refused(many_directives, strlen(many_directives), 11, 1, "more than 10 lines");
}

/* `n` times `part` between `head` and `tail`, refused with the message. */
static void assert_repeated_refused(const char *head, const char *part, size_t n, const char *tail,
				    const char *message)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct labfile *lab = NULL;

	fputs(head, out);
	for (size_t i = 0; i < n; i++)
		fputs(part, out);
	fputs(tail, out);
	fclose(out);
	assert_int_equal(labfile_parse("test.yaml", NULL, text, len, &lab, &errs), -EINVAL);
	if (strncmp(errs.list[0].text, message, strlen(message)) != 0)
		assert_string_equal(errs.list[0].text, message);
	free(text);
}

static void hostile_files_are_refused_at_a_limit(void **state UNUSED)
{
	const size_t mb = LABFILE_MAX_BYTES;

	assert_repeated_refused("", "[", mb, "", "nested more than 32 deep");
	assert_repeated_refused("", "{", mb, "", "nested more than 32 deep");
	assert_repeated_refused("", "- ", mb / 2, "", "nested more than 32 deep");
	assert_repeated_refused("", "? ", mb / 2, "", "nested more than 32 deep");
	assert_repeated_refused("[", "a,", mb / 2 - 1, "]", "more than 100000 values");
	assert_repeated_refused("", "a:\n", mb / 3, "", "more than 100000 values");
	assert_repeated_refused("", "x", mb + 1, "",
				"the file has 1048577 bytes, a lab file at most 1048576");
	assert_repeated_refused("\"", "\n", mb - 2, "\"", "a single value stands here");
}

static void anchors_beyond_their_limit_are_refused(void **state UNUSED)
{
	static char text[16 * (LABFILE_MAX_ANCHORS + 2)];
	size_t at = 0;

	for (int i = 0; i <= LABFILE_MAX_ANCHORS; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "- &a%d x\n", i);
	assert_refused(text, at, LABFILE_MAX_ANCHORS + 1, 3, "more than 1000 anchors");
}

static void errors_beyond_twenty_are_counted(void **state UNUSED)
{
	assert_repeated_refused("nodes: {a: {kind: switch}}\nlinks:\n", "- 7\n", 10000, "",
				"links[0]: \"7\" does not name two interfaces");
	assert_int_equal(errs.n_errors, 10000);
	assert_int_equal(errs.n_list, LAB_ERRORS_MAX);
}

static void more_interfaces_than_the_limit_are_refused(void **state UNUSED)
{
	static char text[64 * (LABFILE_MAX_IFACES + 2)];
	size_t at = 0;

	at += (size_t)snprintf(text, sizeof(text),
			       "nodes: { a: { kind: switch }, b: { kind: switch } }\n"
			       "links:\n");
	for (int i = 0; i <= LABFILE_MAX_IFACES; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "- { between: a:p%d -- b:q%d, up: false }\n", i, i);
	assert_null(parse(text, -EINVAL));
	assert_string_equal(errs.list[0].text, "nodes.a: more than 1024 interfaces");
	assert_int_equal(errs.n_errors, 2);
}

static void files_that_cannot_be_read_are_refused_with_the_reason(void **state UNUSED)
{
	char path[] = "/tmp/labfile.XXXXXX";
	int fd = mkstemp(path);
	struct labfile *lab = NULL;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 10 * 1000 * 1000), 0);
	assert_int_equal(labfile_load(path, &lab, &errs), -EINVAL);
	assert_string_equal(errs.list[0].text, "the file has 10000000 bytes, a lab file at most "
					       "1048576; is it the right file?");
	close(fd);
	unlink(path);
	assert_int_equal(labfile_load(path, &lab, &errs), -EINVAL);
	assert_string_equal(errs.list[0].text, "cannot open the file: No such file or directory");
	assert_int_equal(errs.list[0].pos.line, 0);
	assert_int_equal(labfile_load("/", &lab, &errs), -EINVAL);
	assert_string_equal(errs.list[0].text, "cannot read the file: Is a directory");
	assert_null(lab);
}

/* A pipe has no size to look at first. */
static void endless_file_is_refused_after_its_limit(void **state UNUSED)
{
	struct labfile *lab = NULL;

	assert_int_equal(labfile_load("/dev/zero", &lab, &errs), -EINVAL);
	assert_string_equal(errs.list[0].text,
			    "the file has more than 1048576 bytes, a lab file at "
			    "most 1048576; is it the right file?");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_give_the_messages_they_announce),
		cmocka_unit_test(good_files_and_examples_give_no_messages),
		cmocka_unit_test(plans_are_as_they_were),
		cmocka_unit_test(copies_share_no_memory_and_know_their_places),
		cmocka_unit_test(many_copies_make_many_errors_only_once),
		cmocka_unit_test(every_key_reaches_its_field),
		cmocka_unit_test(every_key_of_routers_reaches_its_field),
		cmocka_unit_test(apps_have_their_peers_and_defaults),
		cmocka_unit_test(directions_inherit_from_the_link_what_they_do_not_say),
		cmocka_unit_test(link_without_keys_has_the_defaults),
		cmocka_unit_test(switches_join_links_to_one_segment),
		cmocka_unit_test(name_of_the_file_becomes_that_of_the_lab),
		cmocka_unit_test(without_a_directory_the_file_system_is_not_looked_at),
		cmocka_unit_test(bytes_that_are_no_text_are_refused_where_they_stand),
		cmocka_unit_test(hostile_files_are_refused_at_a_limit),
		cmocka_unit_test(anchors_beyond_their_limit_are_refused),
		cmocka_unit_test(errors_beyond_twenty_are_counted),
		cmocka_unit_test(more_interfaces_than_the_limit_are_refused),
		cmocka_unit_test(files_that_cannot_be_read_are_refused_with_the_reason),
		cmocka_unit_test(endless_file_is_refused_after_its_limit),
	};
	is_updating = argc > 1 && strcmp(argv[1], "--update") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
