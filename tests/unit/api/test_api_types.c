/* SPDX-License-Identifier: MIT */
/* Addresses, prefixes and endpoints as text. */
#include <errno.h>

#include "unit.h"
#include "weft/types.h"

static void addresses_print_as_they_parse(void **state UNUSED)
{
	const char *const texts[] = {"0.0.0.0", "192.0.2.1",   "255.255.255.255", "::",
				     "::1",     "2001:db8::1", "::ffff:192.0.2.1"};
	char buf[WEFT_ADDR_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct weft_addr addr;

		assert_int_equal(weft_addr_parse(texts[i], &addr), 0);
		assert_int_equal(addr.family, strchr(texts[i], ':') ? WEFT_AF_INET6 : WEFT_AF_INET);
		assert_string_equal(weft_addr_print(&addr, buf, sizeof(buf)), texts[i]);
	}
}

static void text_that_is_no_address_is_refused_untouched(void **state UNUSED)
{
	const char *const texts[] = {"",         "1.2.3",    "1.2.3.4.5", "256.0.0.1", "1.2.3.04",
				     " 1.2.3.4", "1.2.3.4 ", "host",      ":::",       "1::2::3"};
	struct weft_addr addr = {.family = 77};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(weft_addr_parse(texts[i], &addr), -EINVAL);
	assert_int_equal(addr.family, 77);
}

static void no_address_prints_as_none_and_any_text_is_cut_to_fit(void **state UNUSED)
{
	struct weft_addr addr = {0};
	char buf[8] = "unused!";

	assert_string_equal(weft_addr_print(&addr, buf, sizeof(buf)), "none");
	assert_int_equal(weft_addr_parse("192.0.2.111", &addr), 0);
	assert_string_equal(weft_addr_print(&addr, buf, sizeof(buf)), "192.0.2");
	assert_string_equal(weft_addr_print(&addr, buf, 1), "");
	buf[0] = 'x';
	(void)weft_addr_print(&addr, buf, 0);
	assert_int_equal(buf[0], 'x');
}

/* RFC 5952 §4 and §5, in their order. */
static void ipv6_text_is_canonical(void **state UNUSED)
{
	static const struct {
		const char *text, *canonical;
	} rows[] = {
		{"2001:0db8::0001", "2001:db8::1"},              /* 4.1 */
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},       /* 4.2.1 */
		{"2001:db8::0:1", "2001:db8::1"},                /* 4.2.1 */
		{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* 4.2.2 */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},         /* 4.2.3 */
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},   /* 4.2.3 */
		{"2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AAAA",
		 "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"},
		{"0:0:0:0:0:FFFF:C000:0201", "::ffff:192.0.2.1"}, /* 5 */
		{"0:0:0:0:0:0:0:0", "::"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"fe80:0:0:0:0:0:0:0", "fe80::"},
	};
	char buf[WEFT_ADDR_STRLEN];
	struct weft_addr addr;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(weft_addr_parse(rows[i].text, &addr), 0);
		assert_string_equal(weft_addr_print(&addr, buf, sizeof(buf)), rows[i].canonical);
	}
}

/* What inet_aton() takes besides, and readers differ about (RFC 6943 §3.1.1). */
static void legacy_spellings_of_ipv4_are_refused(void **state UNUSED)
{
	static const char *const texts[] = {
		"127.1",        "127.0.1",      "2130706433", "0x7f000001", "0177.0.0.1",
		"0x7f.0.0.1",   "127.0.0.1.",   "127.0.0.01", "1.2.3.4/8",  "::127.1",
		"::0x7f.0.0.1", "::ffff:1.2.3", "1.2.3.+4",   "1.2.3.4\n",  "\t1.2.3.4",
	};
	struct weft_addr addr;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (weft_addr_parse(texts[i], &addr) != -EINVAL)
			fail_msg("%s", texts[i]);
}

static void special_addresses_are_those_of_the_registries(void **state UNUSED)
{
	struct weft_addr_special info;
	struct weft_addr addr;
	char buf[WEFT_ADDR_STRLEN];

	assert_int_equal(weft_addr_parse("169.254.7.7", &addr), 0);
	assert_int_equal(weft_addr_special(&addr, &info), 0);
	assert_string_equal(info.name, "Link Local");
	assert_string_equal(weft_addr_print(&info.prefix, buf, sizeof(buf)), "169.254.0.0");
	assert_int_equal(info.prefix_len, 16);
	assert_int_equal(info.rfc, 3927);
	assert_true(info.is_source && info.is_destination && info.is_reserved);
	assert_false(info.is_forwardable || info.is_global);
	assert_int_equal(weft_addr_parse("2001:db8::1", &addr), 0);
	assert_int_equal(weft_addr_special(&addr, &info), 0);
	assert_string_equal(info.name, "Documentation");
	assert_false(info.is_source || info.is_reserved);
	assert_int_equal(weft_addr_parse("2606:4700::1", &addr), 0);
	assert_int_equal(weft_addr_special(&addr, &info), 0);
	assert_null(info.name);
	assert_true(info.is_global && info.is_source);
	addr.family = WEFT_AF_UNSPEC;
	assert_int_equal(weft_addr_special(&addr, &info), -EAFNOSUPPORT);
}

static void prefixes_parse_with_and_without_length(void **state UNUSED)
{
	const struct {
		const char *text;
		int err;
		int len;
	} cases[] = {
		{"192.0.2.0/24", 0, 24},
		{"192.0.2.0", 0, 32},
		{"0.0.0.0/0", 0, 0},
		{"10.0.0.1/32", 0, 32},
		{"2001:db8::/32", 0, 32},
		{"2001:db8::", 0, 128},
		{"::/0", 0, 0},
		{"192.0.2.0/33", -EINVAL, 0},
		{"2001:db8::/129", -EINVAL, 0},
		{"192.0.2.0/", -EINVAL, 0},
		{"192.0.2.0/024", -EINVAL, 0},
		{"192.0.2.0/-1", -EINVAL, 0},
		{"192.0.2.0/2x", -EINVAL, 0},
		{"192.0.2.0/99999999999", -EINVAL, 0},
		{"/24", -EINVAL, 0},
		{"1111111111111111111111111111111111111111111111111111/8", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct weft_addr addr;
		uint8_t len = 255;

		if (weft_prefix_parse(cases[i].text, &addr, &len) != cases[i].err)
			fail_msg("%s", cases[i].text);
		assert_int_equal(len, cases[i].err ? 255 : cases[i].len);
	}
}

static void endpoints_print_as_they_parse(void **state UNUSED)
{
	const char *const texts[] = {"192.0.2.1:80", "0.0.0.0:0", "[2001:db8::1]:65535", "[::]:0"};
	char buf[WEFT_SOCKADDR_STRLEN];
	struct weft_sockaddr sa;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(weft_sockaddr_parse(texts[i], &sa), 0);
		assert_string_equal(weft_sockaddr_print(&sa, buf, sizeof(buf)), texts[i]);
	}
	assert_int_equal(weft_sockaddr_parse("[fe80::1]:53", &sa), 0);
	assert_int_equal(sa.scope_id, 0);
	assert_int_equal(weft_sockaddr_parse("[fe80::1%7]:53", &sa), 0);
	assert_int_equal(sa.scope_id, 7);
	sa.scope_id = 4294967295u;
	assert_string_equal(weft_sockaddr_print(&sa, buf, sizeof(buf)), "[fe80::1%4294967295]:53");
}

static void text_that_is_no_endpoint_is_refused(void **state UNUSED)
{
	const char *const texts[] = {"",
				     "192.0.2.1",
				     "192.0.2.1:",
				     "192.0.2.1:65536",
				     "192.0.2.1:080",
				     "192.0.2.1: 80",
				     ":80",
				     "2001:db8::1:80",
				     "[2001:db8::1]",
				     "[2001:db8::1]80",
				     "[2001:db8::1:80",
				     "[192.0.2.1]:80",
				     "[fe80::1%]:80",
				     "[fe80::1%eth0]:80", /* whose? */
				     "[fe80::1%01]:80",
				     "[fe80::1%4294967296]:80",
				     "[2001:db8::1%1]:80",
				     "[ff0e::1%1]:80",
				     "10.0.0.1%1:80",
				     "[]:80"};
	struct weft_sockaddr sa;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (weft_sockaddr_parse(texts[i], &sa) != -EINVAL)
			fail_msg("%s", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_as_they_parse),
		cmocka_unit_test(text_that_is_no_address_is_refused_untouched),
		cmocka_unit_test(no_address_prints_as_none_and_any_text_is_cut_to_fit),
		cmocka_unit_test(ipv6_text_is_canonical),
		cmocka_unit_test(legacy_spellings_of_ipv4_are_refused),
		cmocka_unit_test(special_addresses_are_those_of_the_registries),
		cmocka_unit_test(prefixes_parse_with_and_without_length),
		cmocka_unit_test(endpoints_print_as_they_parse),
		cmocka_unit_test(text_that_is_no_endpoint_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
