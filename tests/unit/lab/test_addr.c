/* SPDX-License-Identifier: MIT */
/* Text of addresses, with the examples of RFC 4291 and RFC 5952. */
#include "unit.h"

#include "lab/addr.h"

#include <errno.h>

/* Text, and what it is printed as; NULL: it is none. */
struct ip_case {
	const char *text, *canonical;
};

static const struct ip_case ip_cases[] = {
	{"0.0.0.0", "0.0.0.0"},
	{"192.0.2.1", "192.0.2.1"},
	{"255.255.255.255", "255.255.255.255"},
	{"256.0.0.1", NULL},
	{"1.2.3", NULL},
	{"1.2.3.4.5", NULL},
	{"1.2.3.", NULL},
	{".1.2.3", NULL},
	{"01.2.3.4", NULL},
	{"1.2.3.4 ", NULL},
	{" 1.2.3.4", NULL},
	{"1.2.3.-4", NULL},
	{"1.2.3.0x4", NULL},
	{"4294967297.0.0.1", NULL},
	{"", NULL},
	{"abc", NULL},
	{"::", "::"},
	{"::1", "::1"},
	{"1::", "1::"},
	{"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
	{"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
	{"FF01:0:0:0:0:0:0:101", "ff01::101"},
	{"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
	{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
	{"0:0:0:0:0:0:13.1.68.3", "::d01:4403"},
	{"::FFFF:129.144.52.38", "::ffff:129.144.52.38"},
	{"1:2:3:4:5:6:7:8:9", NULL},
	{"1:2:3:4:5:6:7", NULL},
	{"1::2::3", NULL},
	{":::", NULL},
	{":", NULL},
	{":1", NULL},
	{"1:", NULL},
	{"::1:2:3:4:5:6:7:8", NULL},
	{"12345::", NULL},
	{"g::", NULL},
	{"::1.2.3", NULL},
	{"::1.2.3.4:5", NULL},
	{"1:2:3:4:5:6:7:1.2.3.4", NULL},
	{"fe80::1%eth0", NULL},
	{"1::2:", NULL},
};

static void ip_text_is_parsed_and_printed_in_canonical_form(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(ip_cases); i++) {
		struct lab_ip ip, again;
		char text[LAB_IP_TEXT];
		int err = lab_ip_parse(ip_cases[i].text, &ip);

		if (!ip_cases[i].canonical) {
			assert_int_equal(err, -EINVAL);
			continue;
		}
		assert_int_equal(err, 0);
		assert_string_equal(lab_ip_format(&ip, text), ip_cases[i].canonical);
		assert_int_equal(lab_ip_parse(text, &again), 0);
		assert_true(lab_ip_eq(&ip, &again));
	}
}

static void net_text_needs_a_prefix_length_that_fits(void **state UNUSED)
{
	static const char *const bad[] = {
		"10.0.0.1",    "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/8 ",
		"10.0.0.1/08", "::/129",    "/8",          "10.0.0.1//8", "10.0.0.1/8/8"};
	struct lab_net net;
	char text[LAB_NET_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(lab_net_parse(bad[i], &net), -EINVAL);
	assert_int_equal(lab_net_parse("192.0.2.1/24", &net), 0);
	assert_string_equal(lab_net_format(&net, text), "192.0.2.1/24");
	assert_int_equal(lab_net_parse("2001:db8::1/128", &net), 0);
	assert_string_equal(lab_net_format(&net, text), "2001:db8::1/128");
	assert_int_equal(lab_net_parse("0.0.0.0/0", &net), 0);
	assert_int_equal(net.len, 0);
}

static struct lab_net net_of(const char *text)
{
	struct lab_net net;

	assert_int_equal(lab_net_parse(text, &net), 0);
	return net;
}

static struct lab_ip ip_of(const char *text)
{
	struct lab_ip ip;

	assert_int_equal(lab_ip_parse(text, &ip), 0);
	return ip;
}

static void net_base_and_last_are_its_first_and_last_address(void **state UNUSED)
{
	static const struct {
		const char *net, *base, *last;
	} cases[] = {
		{"10.1.2.3/0", "0.0.0.0", "255.255.255.255"},
		{"10.1.2.3/8", "10.0.0.0", "10.255.255.255"},
		{"10.1.2.3/31", "10.1.2.2", "10.1.2.3"},
		{"10.1.2.3/32", "10.1.2.3", "10.1.2.3"},
		{"10.1.2.200/25", "10.1.2.128", "10.1.2.255"},
		{"2001:db8:1:2:3:4:5:6/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:db8::1/128", "2001:db8::1", "2001:db8::1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lab_net net = net_of(cases[i].net), base = lab_net_base(&net);
		struct lab_ip last = lab_net_last(&net);
		char text[LAB_IP_TEXT];

		assert_string_equal(lab_ip_format(&base.ip, text), cases[i].base);
		assert_string_equal(lab_ip_format(&last, text), cases[i].last);
		assert_true(lab_net_has(&net, &base.ip));
		assert_true(lab_net_has(&net, &last));
	}
}

static void net_has_only_addresses_with_its_prefix_and_family(void **state UNUSED)
{
	struct lab_net net = net_of("10.1.2.0/23"), all = net_of("0.0.0.0/0");
	struct lab_ip in = ip_of("10.1.3.255"), out = ip_of("10.1.4.0"), six = ip_of("::a01:200");

	assert_true(lab_net_has(&net, &in));
	assert_false(lab_net_has(&net, &out));
	assert_true(lab_net_has(&all, &out));
	assert_false(lab_net_has(&all, &six));
}

static void mac_text_is_six_bytes(void **state UNUSED)
{
	static const char *const bad[] = {"",
					  "02:00:00:00:00",
					  "02:00:00:00:00:00:00",
					  "2:0:0:0:0:0",
					  "02:00:00:00:00:0g",
					  "02.00.00.00.00.00"};
	struct lab_mac mac;
	char text[LAB_MAC_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(lab_mac_parse(bad[i], &mac), -EINVAL);
	assert_int_equal(lab_mac_parse("02-aB:cd:EF:00:09", &mac), 0);
	assert_string_equal(lab_mac_format(&mac, text), "02:ab:cd:ef:00:09");
}

static void special_addresses_are_named(void **state UNUSED)
{
	static const struct {
		const char *net;
		bool special;
	} cases[] = {
		{"0.0.0.0/0", true},         {"0.1.2.3/8", true},      {"127.0.0.1/8", true},
		{"224.0.0.1/24", true},      {"240.0.0.1/24", true},   {"255.255.255.255/32", true},
		{"10.0.0.0/24", true},       {"10.0.0.255/24", true},  {"10.0.0.0/31", false},
		{"10.0.0.0/32", false},      {"10.0.0.1/24", false},   {"10.0.1.255/23", true},
		{"10.0.0.255/23", false},    {"::/0", true},           {"::1/128", true},
		{"ff02::1/64", true},        {"2001:db8::/64", false}, {"2001:db8::1/64", false},
		{"223.255.255.1/24", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lab_net net = net_of(cases[i].net);

		assert_int_equal(lab_net_special(&net) != NULL, cases[i].special);
	}
}

static void ip_plus_number_carries_and_stops_at_the_end(void **state UNUSED)
{
	static const struct {
		const char *ip;
		uint32_t n;
		const char *sum; /* NULL: there is none */
	} cases[] = {
		{"10.0.0.255", 0, "10.0.0.255"},
		{"10.0.0.255", 1, "10.0.1.0"},
		{"9.255.255.255", 257, "10.0.1.0"},
		{"255.255.255.254", 1, "255.255.255.255"},
		{"255.255.255.254", 2, NULL},
		{"0.0.0.1", UINT32_MAX, NULL},
		{"2001:db8::ffff:ffff", 1, "2001:db8::1:0:0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lab_ip ip;
		char text[LAB_IP_TEXT];

		assert_int_equal(lab_ip_parse(cases[i].ip, &ip), 0);
		assert_int_equal(lab_ip_add(&ip, cases[i].n), cases[i].sum != NULL);
		assert_string_equal(lab_ip_format(&ip, text),
				    cases[i].sum ? cases[i].sum : cases[i].ip);
	}
}

static void net_plus_number_is_that_many_prefixes_further(void **state UNUSED)
{
	static const struct {
		const char *net;
		uint32_t n;
		const char *sum;
	} cases[] = {
		{"10.0.0.0/24", 1, "10.0.1.0/24"},
		{"10.0.0.4/30", 3, "10.0.0.16/30"},
		{"10.0.255.0/24", 1, "10.1.0.0/24"},
		{"10.0.0.0/8", 246, NULL},
		{"10.0.0.0/8", 245, "255.0.0.0/8"},
		{"10.0.0.0/31", 100000, "10.3.13.64/31"},
		{"0.0.0.0/0", 1, NULL},
		{"2001:db8::/64", 65536, "2001:db8:1::/64"},
		{"2001:db8::/49", 3, "2001:db8:1:8000::/49"},
		{"10.0.0.0/9", 1, "10.128.0.0/9"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lab_net net;
		char text[LAB_NET_TEXT];

		assert_int_equal(lab_net_parse(cases[i].net, &net), 0);
		assert_int_equal(lab_net_step(&net, cases[i].n), cases[i].sum != NULL);
		assert_string_equal(lab_net_format(&net, text),
				    cases[i].sum ? cases[i].sum : cases[i].net);
	}
}

static void zone_belongs_to_link_local_addresses(void **state UNUSED)
{
	static const char *const wrong[] = {
		"fe80::1%",
		"fe80::1%0123456789abcdef",
		"2001:db8::1%eth0",
		"10.0.0.1%eth0",
		"%eth0",
		"::1%lo",
	};
	struct lab_scoped_ip ip;

	assert_int_equal(lab_scoped_ip_parse("fe80::1%eth0", &ip), 0);
	assert_string_equal(ip.zone, "eth0");
	assert_true(lab_ip_is_link_local6(&ip.ip));
	assert_int_equal(lab_scoped_ip_parse("fe80::1", &ip), 0);
	assert_string_equal(ip.zone, "");
	assert_int_equal(lab_scoped_ip_parse("192.0.2.1", &ip), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (lab_scoped_ip_parse(wrong[i], &ip) != -EINVAL)
			fail_msg("%s", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_text_is_parsed_and_printed_in_canonical_form),
		cmocka_unit_test(zone_belongs_to_link_local_addresses),
		cmocka_unit_test(net_text_needs_a_prefix_length_that_fits),
		cmocka_unit_test(net_base_and_last_are_its_first_and_last_address),
		cmocka_unit_test(net_has_only_addresses_with_its_prefix_and_family),
		cmocka_unit_test(ip_plus_number_carries_and_stops_at_the_end),
		cmocka_unit_test(net_plus_number_is_that_many_prefixes_further),
		cmocka_unit_test(mac_text_is_six_bytes),
		cmocka_unit_test(special_addresses_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
