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
		cmocka_unit_test(prefixes_parse_with_and_without_length),
		cmocka_unit_test(endpoints_print_as_they_parse),
		cmocka_unit_test(text_that_is_no_endpoint_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
