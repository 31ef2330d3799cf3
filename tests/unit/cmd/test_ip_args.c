/* SPDX-License-Identifier: MIT */
/* Words of `weft ip`: abbreviations, prefixes, numbers, and refusals. */
#include "unit.h"

#include "cmd/ip.h"

static void words_are_abbreviated_but_not_to_nothing(void **state UNUSED)
{
	assert_true(ip_word_is("a", "address"));
	assert_true(ip_word_is("address", "address"));
	assert_false(ip_word_is("", "address"));
	assert_false(ip_word_is("addresses", "address"));
	assert_false(ip_word_is("ad-", "address"));
}

static bool has(const char *outer, const char *inner)
{
	struct ip_prefix a, b;

	assert_true(ip_prefix_read(outer, &a));
	assert_true(ip_prefix_read(inner, &b));
	return ip_prefix_has(&a, &b);
}

static void prefixes_know_what_is_in_them(void **state UNUSED)
{
	struct ip_prefix p;

	assert_true(has("10.0.0.0/8", "10.1.2.0/24"));
	assert_true(has("10.0.0.0/8", "10.0.0.0/8"));
	assert_true(has("10.0.0.0/9", "10.127.0.1"));
	assert_true(has("default", "10.0.0.1"));
	assert_true(has("all", "2001:db8::1"));
	assert_true(has("::/0", "default"));
	assert_true(has("0.0.0.0/0", "default"));
	assert_false(has("2001:db8::/32", "default"));
	assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(has("10.0.0.0/9", "10.128.0.1"));
	assert_false(has("10.0.0.0/24", "10.0.0.0/8"));
	assert_false(has("10.0.0.1", "10.0.0.2"));
	assert_false(has("0.0.0.0/0", "2001:db8::1"));
	assert_false(ip_prefix_read("10.0.0.0/33", &p));
	assert_false(ip_prefix_read("10.0.0", &p));
	assert_false(ip_prefix_read("", &p));
	assert_false(ip_prefix_read("10.0.0.0/", &p));
}

static void addresses_must_be_of_the_family_asked_for(void **state UNUSED)
{
	struct ip four = {.opts.family = 4}, six = {.opts.family = 6}, any = {0};

	assert_int_equal(ip_prefix_check(&four, "10.0.0.0/8"), IP_OK);
	assert_int_equal(ip_prefix_check(&four, "2001:db8::/32"), IP_FAILED);
	assert_int_equal(ip_prefix_check(&six, "10.0.0.0/8"), IP_FAILED);
	assert_int_equal(ip_prefix_check(&six, "default"), IP_OK);
	assert_int_equal(ip_prefix_check(&any, "2001:db8::/32"), IP_OK);
	assert_int_equal(ip_addr_check(&any, "10.0.0.0/8"), IP_FAILED);
	assert_int_equal(ip_addr_check(&four, "10.0.0.1"), IP_OK);
	assert_int_equal(ip_lladdr_check("02:00:00:00:00:01"), IP_OK);
	assert_int_equal(ip_lladdr_check("02:00:00:00:00"), IP_FAILED);
}

static void numbers_are_whole_and_within_bounds(void **state UNUSED)
{
	static const char *const bad[] = {"",   "x", "1x", "-1", "256", "99999999999999999999",
					  "1.5"};
	uint32_t n = 7;

	assert_int_equal(ip_number("255", 255, "mtu", &n), IP_OK);
	assert_int_equal(n, 255);
	assert_int_equal(ip_number("0x10", 255, "mtu", &n), IP_OK);
	assert_int_equal(n, 16);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ip_number(bad[i], 255, "mtu", &n), IP_USAGE);
	assert_int_equal(n, 16);
}

static void words_are_taken_one_by_one(void **state UNUSED)
{
	char a[] = "dev", b[] = "eth0", *argv[] = {a, b};
	struct ip ip = {.argc = 2, .argv = argv};

	assert_string_equal(ip_next(&ip), "dev");
	assert_string_equal(ip_value(&ip), "eth0");
	assert_null(ip_next(&ip));
	assert_null(ip_value(&ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_abbreviated_but_not_to_nothing),
		cmocka_unit_test(prefixes_know_what_is_in_them),
		cmocka_unit_test(addresses_must_be_of_the_family_asked_for),
		cmocka_unit_test(numbers_are_whole_and_within_bounds),
		cmocka_unit_test(words_are_taken_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
