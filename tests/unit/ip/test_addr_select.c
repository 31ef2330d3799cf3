/* SPDX-License-Identifier: MIT */
/* Address selection: every example of RFC 6724 §10, and every rule on its own. */
#include "unit.h"

#include "ip/addr_select.h"
#include "ip/ip6.h"

enum {
	N_MAX = 4,
};

/* A source as the RFC writes it, its state, and what its tables leave out. */
struct source {
	const char *addr;
	uint8_t flags;
	uint32_t ifindex;   /* 0: 1 */
	uint8_t prefix_len; /* 0: 64, or the whole address of IPv4 */
};

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	if (ip_addr_parse(text, &addr))
		fail_msg("%s is no address", text);
	return addr;
}

static struct ip_sel_src src_of(const struct source *s)
{
	struct ip_sel_src src = {.addr = addr_of(s->addr),
				 .flags = s->flags,
				 .ifindex = s->ifindex ? s->ifindex : 1,
				 .prefix_len = s->prefix_len};

	if (!src.prefix_len)
		src.prefix_len = ip_addr_is_ip4(&src.addr) ? 128 : 64;
	return src;
}

/* The best source for `q->dst`; those of the other family are none. */
static const struct source *best_source(const struct ip_sel_query *q, const struct source *list,
					const char **ret_rule)
{
	const struct source *best = NULL;

	for (size_t i = 0; i < N_MAX && list[i].addr; i++) {
		struct ip_sel_src src = src_of(&list[i]), than;

		if (ip_addr_is_ip4(&src.addr) != ip_addr_is_ip4(&q->dst))
			continue;
		/* As the stack makes candidates: none of another link (§4). */
		if (ip_sel_scope(&q->dst) <= IP6_SCOPE_LINK && src.ifindex != q->oif)
			continue;
		if (best)
			than = src_of(best);
		if (!best || ip_sel_src_cmp(q, &src, &than, ret_rule) < 0)
			best = &list[i];
	}
	return best;
}

/* One order of the candidates, then the other: it must not matter. */
static void assert_source(const char *dst, const struct source *list, bool prefer_public,
			  const char *want, const char *rule)
{
	const struct ip_sel_query q = {.policies = &ip_policies_default,
				       .dst = addr_of(dst),
				       .oif = 1,
				       .prefer_public = prefer_public};
	struct source turned[N_MAX] = {{.addr = NULL}};
	const char *why = "none", *why_turned = "none";
	size_t n = 0;

	while (n < N_MAX && list[n].addr)
		n++;
	for (size_t i = 0; i < n; i++)
		turned[i] = list[n - 1 - i];
	assert_string_equal(best_source(&q, list, &why)->addr, want);
	assert_string_equal(best_source(&q, turned, &why_turned)->addr, want);
	assert_string_equal(why, rule);
	assert_string_equal(why_turned, rule);
}

static void sources_of_the_rfcs_examples_are_selected(void **state UNUSED)
{
	static const struct {
		const char *dst;
		struct source from[N_MAX];
		const char *want, *rule;
	} rows[] = {
		/* §10.1, in its order */
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:3::1"}, {.addr = "fe80::1"}},
		 "2001:db8:3::1",
		 "prefer appropriate scope"},
		{"ff05::1",
		 {{.addr = "2001:db8:3::1"}, {.addr = "fe80::1"}},
		 "2001:db8:3::1",
		 "prefer appropriate scope"},
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:1::1", .flags = IP_SEL_DEPRECATED}, {.addr = "2001:db8:2::1"}},
		 "2001:db8:1::1",
		 "prefer same address"},
		{"fe80::1",
		 {{.addr = "fe80::2", .flags = IP_SEL_DEPRECATED}, {.addr = "2001:db8:1::1"}},
		 "fe80::2",
		 "prefer appropriate scope"},
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:1::2"}, {.addr = "2001:db8:3::2"}},
		 "2001:db8:1::2",
		 "longest matching prefix"},
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:1::2", .flags = IP_SEL_CARE_OF},
		  {.addr = "2001:db8:3::2", .flags = IP_SEL_HOME}},
		 "2001:db8:3::2",
		 "prefer home address"},
		{"2002:c633:6401::1",
		 {{.addr = "2002:c633:6401::d5e3:7953:13eb:22e8", .flags = IP_SEL_TEMPORARY},
		  {.addr = "2001:db8:1::2"}},
		 "2002:c633:6401::d5e3:7953:13eb:22e8",
		 "prefer matching label"},
		{"2001:db8:1::d5e3:0:0:1",
		 {{.addr = "2001:db8:1::2"},
		  {.addr = "2001:db8:1::d5e3:7953:13eb:22e8", .flags = IP_SEL_TEMPORARY}},
		 "2001:db8:1::d5e3:7953:13eb:22e8",
		 "prefer temporary address"},
		/* Rules that the examples leave out. */
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:9::2"}, {.addr = "2001:db8:1::2", .flags = IP_SEL_DEPRECATED}},
		 "2001:db8:9::2",
		 "avoid deprecated addresses"},
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:9::2"}, {.addr = "2001:db8:1::2", .ifindex = 2}},
		 "2001:db8:9::2",
		 "prefer outgoing interface"},
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:9::2", .flags = IP_SEL_NEXTHOP},
		  {.addr = "2001:db8:1::2", .flags = IP_SEL_OTHER_HOP}},
		 "2001:db8:9::2",
		 "prefer prefix of next hop"},
		/* Who has it from nobody is no other's. */
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:9::2", .flags = IP_SEL_NEXTHOP}, {.addr = "2001:db8:1::2"}},
		 "2001:db8:1::2",
		 "longest matching prefix"},
		{"2001:db8:1::1",
		 {{.addr = "2001:db8:3::2", .flags = IP_SEL_HOME | IP_SEL_CARE_OF},
		  {.addr = "2001:db8:1::2", .flags = IP_SEL_HOME}},
		 "2001:db8:3::2",
		 "prefer home address"},
		{"fd00:1::1",
		 {{.addr = "2001:db8::1"}, {.addr = "fd12::1"}},
		 "fd12::1",
		 "prefer matching label"},
		/* The smallest of the scopes that reach; the largest of those that do not. */
		{"ff02::1",
		 {{.addr = "2001:db8::1"}, {.addr = "fe80::1"}, {.addr = "fec0::1"}},
		 "fe80::1",
		 "prefer appropriate scope"},
		{"ff0e::1",
		 {{.addr = "fec0::1"}, {.addr = "fe80::1"}},
		 "fec0::1",
		 "prefer appropriate scope"},
		{"198.51.100.1",
		 {{.addr = "169.254.1.1"}, {.addr = "10.0.0.1"}},
		 "10.0.0.1",
		 "prefer appropriate scope"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_source(rows[i].dst, rows[i].from, false, rows[i].want, rows[i].rule);
}

static void public_source_is_preferred_when_asked_for(void **state UNUSED)
{
	static const struct source from[N_MAX] = {
		{.addr = "2001:db8:1::2"}, {.addr = "2001:db8:1::3", .flags = IP_SEL_TEMPORARY}};

	assert_source("2001:db8:1::1", from, true, "2001:db8:1::2", "prefer temporary address");
}

/* The interface identifier of a source has nothing to say (§2.2). */
static void common_prefix_ends_with_the_sources_prefix(void **state UNUSED)
{
	struct source a = {.addr = "2001:db8:1::1:1"}, b = {.addr = "2001:db8:1::8000:2"};
	const struct ip_sel_src sa = src_of(&a), sb = src_of(&b);
	const struct ip_sel_query q = {
		.policies = &ip_policies_default, .dst = addr_of("2001:db8:1::1:7"), .oif = 1};

	assert_int_equal(ip_sel_src_cmp(&q, &sa, &sb, NULL), 0);
	b.prefix_len = a.prefix_len = 128;
	{
		const struct ip_sel_src la = src_of(&a), lb = src_of(&b);

		assert_true(ip_sel_src_cmp(&q, &la, &lb, NULL) < 0);
	}
}

/* The default table with one row more or another one. */
static struct ip_policies table_with(const char *prefix, uint8_t len, uint8_t precedence,
				     uint8_t label)
{
	struct ip_policies table = ip_policies_default;
	const struct ip_policy row = {.prefix = addr_of(prefix),
				      .prefix_len = len,
				      .precedence = precedence,
				      .label = label};

	for (uint32_t i = 0; i < table.n; i++) {
		if (table.rows[i].prefix_len == len &&
		    ip_addr_eq(&table.rows[i].prefix, &row.prefix)) {
			table.rows[i] = row;
			return table;
		}
	}
	table.rows[table.n++] = row;
	return table;
}

struct example {
	struct source from[N_MAX];
	const char *first, *second; /* destinations as they are to be sorted */
	const char *rule;
	bool has_no_ip6_way; /* §10.3.1 */
};

static struct ip_sel_dst dst_of(const struct ip_policies *table, const char *text,
				const struct example *e)
{
	const struct ip_sel_query q = {.policies = table, .dst = addr_of(text), .oif = 1};
	const struct source *src = best_source(&q, e->from, NULL);
	struct ip_sel_dst dst = {.addr = q.dst};

	if (e->has_no_ip6_way && !ip_addr_is_ip4(&q.dst))
		src = NULL;
	dst.is_usable = src != NULL;
	if (src)
		dst.src = src_of(src);
	return dst;
}

static void assert_sorted(const struct ip_policies *table, const struct example *e)
{
	const struct ip_sel_dst first = dst_of(table, e->first, e);
	const struct ip_sel_dst second = dst_of(table, e->second, e);
	const char *rule = "none";

	for (int turn = 0; turn < 2; turn++) {
		struct ip_sel_dst list[2] = {turn ? second : first, turn ? first : second};

		ip_sel_dst_sort(table, list, 2);
		assert_true(ip_addr_eq(&list[0].addr, &first.addr));
		assert_true(ip_addr_eq(&list[1].addr, &second.addr));
	}
	assert_true(ip_sel_dst_cmp(table, &first, &second, &rule) < 0);
	assert_string_equal(rule, e->rule);
	assert_true(ip_sel_dst_cmp(table, &second, &first, &rule) > 0);
	assert_string_equal(rule, e->rule);
}

static void destinations_of_the_rfcs_examples_are_sorted(void **state UNUSED)
{
	static const struct example rows[] = {
		/* §10.2, in its order */
		{{{.addr = "2001:db8:1::2"}, {.addr = "fe80::1"}, {.addr = "169.254.13.78"}},
		 "2001:db8:1::1",
		 "198.51.100.121",
		 "prefer matching scope",
		 false},
		{{{.addr = "fe80::1"}, {.addr = "198.51.100.117"}},
		 "198.51.100.121",
		 "2001:db8:1::1",
		 "prefer matching scope",
		 false},
		{{{.addr = "2001:db8:1::2"}, {.addr = "fe80::1"}, {.addr = "10.1.2.4"}},
		 "2001:db8:1::1",
		 "10.1.2.3",
		 "prefer higher precedence",
		 false},
		{{{.addr = "2001:db8:1::2"}, {.addr = "fe80::2"}},
		 "fe80::1",
		 "2001:db8:1::1",
		 "prefer smaller scope",
		 false},
		{{{.addr = "2001:db8:1::2", .flags = IP_SEL_CARE_OF},
		  {.addr = "2001:db8:3::1", .flags = IP_SEL_HOME},
		  {.addr = "fe80::2", .flags = IP_SEL_CARE_OF}},
		 "2001:db8:1::1",
		 "fe80::1",
		 "prefer home address",
		 false},
		{{{.addr = "2001:db8:1::2"}, {.addr = "fe80::2", .flags = IP_SEL_DEPRECATED}},
		 "2001:db8:1::1",
		 "fe80::1",
		 "avoid deprecated addresses",
		 false},
		{{{.addr = "2001:db8:1::2"}, {.addr = "2001:db8:3f44::2"}, {.addr = "fe80::2"}},
		 "2001:db8:1::1",
		 "2001:db8:3ffe::1",
		 "longest matching prefix",
		 false},
		{{{.addr = "2002:c633:6401::2"}, {.addr = "fe80::2"}},
		 "2002:c633:6401::1",
		 "2001:db8:1::1",
		 "prefer matching label",
		 false},
		{{{.addr = "2002:c633:6401::2"}, {.addr = "2001:db8:1::2"}, {.addr = "fe80::2"}},
		 "2001:db8:1::1",
		 "2002:c633:6401::1",
		 "prefer higher precedence",
		 false},
		/* No source, no use. */
		{{{.addr = "10.1.2.4"}},
		 "10.1.2.3",
		 "2001:db8:1::1",
		 "avoid unusable destinations",
		 false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_sorted(&ip_policies_default, &rows[i]);
}

/* §10.3: IPv4 has the highest precedence. */
static void ipv4_is_preferred_when_the_table_says_so(void **state UNUSED)
{
	static const struct example rows[] = {
		{{{.addr = "2001:db8:1::2"}, {.addr = "fe80::1"}, {.addr = "169.254.13.78"}},
		 "2001:db8:1::1",
		 "198.51.100.121",
		 "prefer matching scope",
		 false},
		{{{.addr = "fe80::1"}, {.addr = "198.51.100.117"}},
		 "198.51.100.121",
		 "2001:db8:1::1",
		 "prefer matching scope",
		 false},
		{{{.addr = "2001:db8:1::2"}, {.addr = "fe80::1"}, {.addr = "10.1.2.4"}},
		 "10.1.2.3",
		 "2001:db8:1::1",
		 "prefer higher precedence",
		 false},
		/* §10.3.1: IPv6 is broken, and the node knows it. */
		{{{.addr = "2001:db8:1::2"}, {.addr = "10.1.2.4"}},
		 "10.1.2.3",
		 "2001:db8:1::1",
		 "avoid unusable destinations",
		 true},
	};
	const struct ip_policies table = table_with("::ffff:0:0", 96, 100, 4);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_sorted(&table, &rows[i]);
}

/* §10.4: link-local destinations come after global ones. */
static void link_local_is_put_behind_when_the_table_says_so(void **state UNUSED)
{
	static const struct example rows[] = {
		{{{.addr = "2001:db8:1::2"}, {.addr = "fe80::2"}},
		 "2001:db8:1::1",
		 "fe80::1",
		 "prefer higher precedence",
		 false},
		{{{.addr = "2001:db8:1::2", .flags = IP_SEL_DEPRECATED}, {.addr = "fe80::2"}},
		 "fe80::1",
		 "2001:db8:1::1",
		 "avoid deprecated addresses",
		 false},
	};
	const struct ip_policies table = table_with("fe80::", 10, 33, 1);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_sorted(&table, &rows[i]);
}

static void assert_all_sorted(const struct ip_policies *table, const struct example *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_sorted(table, &rows[i]);
}

/* §10.5: two sites with a costly way between them (1aaa, 1bbb), and one to everybody (70aa, 70bb).
 */
static void costly_way_is_for_the_other_site_alone(void **state UNUSED)
{
	static const struct source ours[N_MAX] = {{.addr = "2001:db8:1aaa::a"},
						  {.addr = "2001:db8:70aa::a"}};
	static const char by_prefix[] = "longest matching prefix";
	static const struct example before[] = {
		{{{.addr = "2001:db8:1aaa::a"}, {.addr = "2001:db8:70aa::a"}, {.addr = "fe80::a"}},
		 "2001:db8:70bb::b",
		 "2001:db8:1bbb::b",
		 by_prefix,
		 false},
		{{{.addr = "2001:db8:1aaa::a"}, {.addr = "2001:db8:70aa::a"}, {.addr = "fe80::a"}},
		 "2001:db8:1ccc::c",
		 "2001:db8:6ccc::c",
		 by_prefix,
		 false},
	};
	static const struct example after[] = {
		{{{.addr = "2001:db8:1aaa::a"}, {.addr = "2001:db8:70aa::a"}, {.addr = "fe80::a"}},
		 "2001:db8:1bbb::b",
		 "2001:db8:70bb::b",
		 "prefer higher precedence",
		 false},
		{{{.addr = "2001:db8:1aaa::a"}, {.addr = "2001:db8:70aa::a"}, {.addr = "fe80::a"}},
		 "2001:db8:6ccc::c",
		 "2001:db8:1ccc::c",
		 by_prefix,
		 false},
	};
	struct ip_policies table = table_with("2001:db8:1aaa::", 48, 43, 6);

	assert_source("2001:db8:1ccc::c", ours, false, "2001:db8:1aaa::a", by_prefix);
	assert_all_sorted(&ip_policies_default, before, ARRAY_SIZE(before));
	table.rows[table.n++] = (struct ip_policy){.prefix = addr_of("2001:db8:1bbb::"),
						   .prefix_len = 48,
						   .precedence = 43,
						   .label = 6};
	assert_all_sorted(&table, after, ARRAY_SIZE(after));
}

/* §10.6: unique local addresses of our own site come before global ones, others do not. */
static void unique_local_addresses_of_our_site_are_preferred(void **state UNUSED)
{
	static const struct example elsewhere = {
		{{.addr = "2001:db8:1::1"}, {.addr = "fd11:1111:1111:1::1"}},
		"2001:db8:2::2",
		"fd22:2222:2222:2::2",
		"prefer higher precedence",
		false};
	static const struct example here = {
		{{.addr = "2001:db8:1::1"}, {.addr = "fd11:1111:1111:1::1"}},
		"fd11:1111:1111:2::2",
		"2001:db8:2::2",
		"prefer higher precedence",
		false};
	struct example still = elsewhere;
	const struct ip_policies table = table_with("fd11:1111:1111::", 48, 45, 14);

	assert_sorted(&ip_policies_default, &elsewhere);
	still.rule = "prefer matching label"; /* of the others' prefix ours is none any more */
	assert_sorted(&table, &still);
	assert_sorted(&table, &here);
}

/* §10.7: 6to4 comes after IPv4 and native IPv6, unless the table says otherwise. */
static void six_to_four_comes_last_or_first_as_the_table_says(void **state UNUSED)
{
	static const struct example by_default[] = {
		{{{.addr = "10.1.2.3"}, {.addr = "2002:c633:6401::1"}},
		 "203.0.113.1",
		 "2001:db8:2::1",
		 "prefer matching label",
		 false},
		{{{.addr = "2001:db8:1::1"}, {.addr = "2002:c633:6401::1"}},
		 "2001:db8:2::1",
		 "2002:cb00:7101::1",
		 "prefer higher precedence",
		 false},
		{{{.addr = "10.1.2.3"}, {.addr = "2002:c633:6401::1"}},
		 "203.0.113.1",
		 "2002:cb00:7101::1",
		 "prefer higher precedence",
		 false},
	};
	static const struct example preferred[] = {
		{{{.addr = "2001:db8:1::1"}, {.addr = "2002:c633:6401::1"}},
		 "2002:cb00:7101::1",
		 "2001:db8:2::1",
		 "prefer higher precedence",
		 false},
		{{{.addr = "10.1.2.3"}, {.addr = "2002:c633:6401::1"}},
		 "2002:cb00:7101::1",
		 "203.0.113.1",
		 "prefer higher precedence",
		 false},
	};
	const struct ip_policies table = table_with("2002::", 16, 45, 2);

	assert_all_sorted(&ip_policies_default, by_default, ARRAY_SIZE(by_default));
	assert_all_sorted(&table, preferred, ARRAY_SIZE(preferred));
}

static void native_transport_is_preferred(void **state UNUSED)
{
	const struct source src = {.addr = "2001:db8::1"};
	struct ip_sel_dst a = {.addr = addr_of("2001:db8:1::1"),
			       .src = src_of(&src),
			       .is_usable = true,
			       .is_tunnelled = true};
	struct ip_sel_dst b = {
		.addr = addr_of("2001:db8:4::1"), .src = src_of(&src), .is_usable = true};
	const char *rule = "none";

	assert_true(ip_sel_dst_cmp(&ip_policies_default, &a, &b, &rule) > 0);
	assert_string_equal(rule, "prefer native transport");
}

/* Rule 10. */
static void equal_destinations_keep_their_order(void **state UNUSED)
{
	const struct source src = {.addr = "2001:db8::1"};
	struct ip_sel_dst list[16];

	for (uint32_t i = 0; i < ARRAY_SIZE(list); i++) {
		list[i] = (struct ip_sel_dst){
			.addr = addr_of(i % 3 ? "2001:db8:1::1" : "198.51.100.1"),
			.src = src_of(&src),
			.tag = i,
			.is_usable = i % 3};
	}
	ip_sel_dst_sort(&ip_policies_default, list, ARRAY_SIZE(list));
	for (uint32_t i = 1; i < ARRAY_SIZE(list); i++)
		assert_true(list[i - 1].is_usable == list[i].is_usable
				    ? list[i - 1].tag < list[i].tag
				    : list[i - 1].is_usable);
}

static void policy_is_that_of_the_longest_prefix(void **state UNUSED)
{
	static const struct {
		const char *addr;
		uint8_t precedence, label;
	} rows[] = {
		{"::1", 50, 0},        {"2001:db8::1", 40, 1}, {"192.0.2.1", 35, 4},
		{"2002::1", 30, 2},    {"2001::1", 5, 5},      {"fd00::1", 3, 13},
		{"::192.0.2.1", 1, 3}, {"fec0::1", 1, 11},     {"3ffe::1", 1, 12},
	};
	const struct ip_policies empty = {.n = 0};
	const struct ip_addr any = addr_of("2001:db8::1");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ip_addr addr = addr_of(rows[i].addr);
		struct ip_policy row = ip_policy_find(&ip_policies_default, &addr);

		assert_int_equal(row.precedence, rows[i].precedence);
		assert_int_equal(row.label, rows[i].label);
	}
	assert_int_equal(ip_policy_find(&empty, &any).precedence, 40);
}

static void scopes_are_those_of_the_address(void **state UNUSED)
{
	static const struct {
		const char *addr;
		unsigned int scope;
	} rows[] = {
		{"::1", 2},          {"fe80::1", 2},    {"fec0::1", 5},     {"fd00::1", 14},
		{"2001:db8::1", 14}, {"ff01::1", 1},    {"ff02::1", 2},     {"ff05::1", 5},
		{"ff08::1", 8},      {"ff0e::1", 14},   {"127.0.0.1", 2},   {"169.254.1.1", 2},
		{"10.0.0.1", 14},    {"192.0.2.1", 14}, {"224.0.0.251", 2}, {"239.255.1.1", 5},
		{"224.0.1.1", 14},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ip_addr addr = addr_of(rows[i].addr);

		assert_int_equal(ip_sel_scope(&addr), rows[i].scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_of_the_rfcs_examples_are_selected),
		cmocka_unit_test(public_source_is_preferred_when_asked_for),
		cmocka_unit_test(common_prefix_ends_with_the_sources_prefix),
		cmocka_unit_test(destinations_of_the_rfcs_examples_are_sorted),
		cmocka_unit_test(ipv4_is_preferred_when_the_table_says_so),
		cmocka_unit_test(link_local_is_put_behind_when_the_table_says_so),
		cmocka_unit_test(costly_way_is_for_the_other_site_alone),
		cmocka_unit_test(unique_local_addresses_of_our_site_are_preferred),
		cmocka_unit_test(six_to_four_comes_last_or_first_as_the_table_says),
		cmocka_unit_test(native_transport_is_preferred),
		cmocka_unit_test(equal_destinations_keep_their_order),
		cmocka_unit_test(policy_is_that_of_the_longest_prefix),
		cmocka_unit_test(scopes_are_those_of_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
