/* SPDX-License-Identifier: MIT */
/* Text forms against the C library's, and predicates at the edges of their ranges. */
#include "wire_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "wire/addr.h"

static struct ip4_addr ip4(const char *s)
{
	struct ip4_addr a;

	assert_int_equal(ip4_addr_parse(s, &a), 0);
	return a;
}

static struct ip6_addr ip6(const char *s)
{
	struct ip6_addr a;

	assert_int_equal(ip6_addr_parse(s, &a), 0);
	return a;
}

static struct ip_addr ip(const char *s)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(s, &a), 0);
	return a;
}

static void good_ip4_text_is_read_and_printed_the_same(void **state UNUSED)
{
	const char *const good[] = {"0.0.0.0", "192.0.2.1", "255.255.255.255", "10.20.100.9"};
	char buf[IP4_ADDR_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct ip4_addr a = ip4(good[i]);

		assert_string_equal(ip4_addr_print(&a, buf), good[i]);
	}
}

static void bad_ip4_text_is_refused_and_leaves_the_target(void **state UNUSED)
{
	const char *const bad[] = {
		"",         "1",         "1.2.3",     "1.2.3.",    "1.2.3.4.",   "1.2.3.4.5",
		"01.2.3.4", "1.2.3.00",  "256.1.1.1", "1..2.3",    ".1.2.3.4",   " 1.2.3.4",
		"1.2.3.4 ", "0x1.2.3.4", "1.2.3.-4",  "1.2.3.4/8", "1.2.3.1000", "4294967296.1.1.1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ip4_addr a = IP4_ADDR(9, 9, 9, 9);

		assert_int_equal(ip4_addr_parse(bad[i], &a), -EINVAL);
		assert_true(ip4_addr_eq(&a, &IP4_ADDR(9, 9, 9, 9)));
	}
}

/* RFC 5952 §4 and §5, by its own examples. */
static void ip6_text_is_printed_as_rfc_5952_says(void **state UNUSED)
{
	const struct {
		const char *in, *out;
	} cases[] = {
		{"2001:0db8::0001", "2001:db8::1"},
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:DB8::ABCD", "2001:db8::abcd"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
		{"::ffff:c000:201", "::ffff:192.0.2.1"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
		{"::192.0.2.1", "::c000:201"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	char buf[IP6_ADDR_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip6_addr a = ip6(cases[i].in);

		assert_string_equal(ip6_addr_print(&a, buf), cases[i].out);
	}
}

static void bad_ip6_text_is_refused_and_leaves_the_target(void **state UNUSED)
{
	const char *const bad[] = {
		"",
		":",
		":::",
		"1",
		"1:",
		":1",
		"1::2::3",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"::1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7:8::",
		"1:2:3:4::5:6:7:8",
		"12345::",
		"g::",
		"::1 ",
		" ::1",
		"fe80::1%eth0",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3",
		"::1.2.3.4:5",
		"::1.2.3.256",
		"1.2.3.4",
		"::01.2.3.4",
		"::a.2.3.4",
		"::/0",
		"1::2:",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ip6_addr a = {{9}};

		assert_int_equal(ip6_addr_parse(bad[i], &a), -EINVAL);
		assert_int_equal(a.b[0], 9);
	}
}

/* Random address with many zero groups and, often, a prefix that text forms treat specially. */
static struct ip6_addr random_ip6(struct rng *rng)
{
	struct ip6_addr a = {{0}};

	for (size_t i = 0; i < 16; i += 2)
		if (rng_bool(rng))
			store_be16(a.b + i, (uint16_t)(rng_u32(rng) >> rng_u32(rng) % 32));
	if (rng_u32(rng) % 8 == 0) {
		memset(&a, 0, 10);
		store_be16(a.b + 10, 0xffff);
	}
	return a;
}

static void ip6_printed_at_random_agrees_with_libc(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM * 10; i++) {
		struct ip6_addr a = random_ip6(&rng), back;
		char got[IP6_ADDR_STRLEN], want[INET6_ADDRSTRLEN];

		ip6_addr_print(&a, got);
		assert_true(strlen(got) < sizeof(got));
		assert_int_equal(ip6_addr_parse(got, &back), 0);
		assert_true(ip6_addr_eq(&a, &back));
		/* libc prints the obsolete ::a.b.c.d, RFC 5952 does not ask for it */
		if (load_be64(a.b) == 0 && load_be32(a.b + 8) == 0)
			continue;
		assert_non_null(inet_ntop(AF_INET6, &a, want, sizeof(want)));
		assert_string_equal(got, want);
	}
}

/* A text that is nearly an address: one printed, then a few characters changed, added or removed.
 */
static void random_text(struct rng *rng, char *s, size_t size)
{
	static const char alphabet[] = "0123456789abcdefABCDEF:::...g";
	struct ip6_addr a = random_ip6(rng);
	struct ip4_addr quad;
	size_t len;

	memcpy(&quad, a.b + 12, 4);
	if (rng_bool(rng))
		ip6_addr_print(&a, s);
	else
		ip4_addr_print(&quad, s);
	for (unsigned int n = rng_u32(rng) % 4; n > 0; n--) {
		len = strlen(s);
		size_t at = rng_u32(rng) % (len + 1);

		switch (rng_u32(rng) % 3) {
		case 0:
			if (at < len)
				s[at] = alphabet[rng_u32(rng) % (sizeof(alphabet) - 1)];
			break;
		case 1:
			if (at < len)
				memmove(s + at, s + at + 1, len - at);
			break;
		default:
			if (len + 2 > size)
				break;
			memmove(s + at + 1, s + at, len - at + 1);
			s[at] = alphabet[rng_u32(rng) % (sizeof(alphabet) - 1)];
		}
	}
}

static void text_at_random_is_read_as_libc_reads_it(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;
	unsigned int n_good = 0;

	for (int i = 0; i < N_RANDOM * 20; i++) {
		char text[IP6_ADDR_STRLEN + 8];
		struct ip4_addr got4, want4;
		struct ip6_addr got6, want6;
		bool ok4, ok6;
		char *s;

		random_text(&rng, text, sizeof(text));
		s = (char *)exact_copy(text, strlen(text) + 1);
		ok4 = inet_pton(AF_INET, s, &want4) == 1;
		ok6 = inet_pton(AF_INET6, s, &want6) == 1;
		if ((ip4_addr_parse(s, &got4) == 0) != ok4 ||
		    (ip6_addr_parse(s, &got6) == 0) != ok6)
			fail_msg("libc disagrees on \"%s\"", s);
		if (ok4)
			assert_true(ip4_addr_eq(&got4, &want4));
		if (ok6)
			assert_true(ip6_addr_eq(&got6, &want6));
		n_good += ok4 + ok6;
		free(s);
	}
	assert_true(n_good > N_RANDOM); /* the test does not only see garbage */
}

static void eth_text_is_read_and_printed(void **state UNUSED)
{
	const char *const bad[] = {"",
				   "00:11:22:33:44",
				   "00:11:22:33:44:55:66",
				   "00:11:22:33:44:5g",
				   "001:11:22:33:44:55",
				   "00-11-22-33-44-55",
				   "00:11:22:33:44:",
				   "00:11:22:33::55",
				   "00:11:22:33:44:55 "};
	struct eth_addr a;
	char buf[ETH_ADDR_STRLEN];

	assert_int_equal(eth_addr_parse("02:00:5E:10:00:fF", &a), 0);
	assert_true(eth_addr_eq(&a, &ETH_ADDR(2, 0, 0x5e, 0x10, 0, 0xff)));
	assert_string_equal(eth_addr_print(&a, buf), "02:00:5e:10:00:ff");
	assert_int_equal(eth_addr_parse("2:0:5e:10:0:1", &a), 0);
	assert_string_equal(eth_addr_print(&a, buf), "02:00:5e:10:00:01");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(eth_addr_parse(bad[i], &a), -EINVAL);
	assert_string_equal(eth_addr_print(&a, buf), "02:00:5e:10:00:01");
}

static void either_family_keeps_its_text(void **state UNUSED)
{
	const char *const texts[] = {"192.0.2.1", "2001:db8::1", "::", "0.0.0.0"};
	char buf[IP_ADDR_STRLEN];
	struct ip_addr a;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		a = ip(texts[i]);
		assert_string_equal(ip_addr_print(&a, buf), texts[i]);
	}
	assert_int_equal(ip_addr_parse("192.0.2", &a), -EINVAL);
	assert_int_equal(ip_addr_parse("::g", &a), -EINVAL);
	a = ip("::ffff:192.0.2.1");
	assert_string_equal(ip_addr_print(&a, buf), "192.0.2.1");
}

static void families_convert_there_and_back(void **state UNUSED)
{
	struct ip4_addr a4 = ip4("192.0.2.1"), back4;
	struct ip6_addr a6 = ip6("2001:db8::1"), back6;
	struct ip_addr from4 = ip_addr_from_ip4(&a4), from6 = ip_addr_from_ip6(&a6);

	assert_true(ip_addr_is_ip4(&from4));
	assert_false(ip_addr_is_ip4(&from6));
	assert_false(ip_addr_eq(&from4, &from6));
	back4 = ip_addr_to_ip4(&from4);
	back6 = ip_addr_to_ip6(&from6);
	assert_true(ip4_addr_eq(&a4, &back4));
	assert_true(ip6_addr_eq(&a6, &back6));
	assert_int_equal(ip4_addr_u32(&a4), 0xc0000201);
	back4 = ip4_addr_from_u32(0xc0000201);
	assert_true(ip4_addr_eq(&a4, &back4));
}

/* Letters say what an address is: Unspecified, Loopback, Multicast, Broadcast, linK-local, 4. */
static void predicates_hold_at_the_edges_of_their_ranges(void **state UNUSED)
{
	const struct {
		const char *text, *is;
	} cases[] = {
		{"0.0.0.0", "U4"},
		{"0.0.0.1", "4"},
		{"126.255.255.255", "4"},
		{"127.0.0.0", "L4"},
		{"127.255.255.255", "L4"},
		{"128.0.0.0", "4"},
		{"169.254.0.0", "K4"},
		{"169.253.255.255", "4"},
		{"169.255.0.0", "4"},
		{"223.255.255.255", "4"},
		{"224.0.0.0", "M4"},
		{"239.255.255.255", "M4"},
		{"240.0.0.0", "4"},
		{"255.255.255.255", "B4"},
		{"255.255.255.254", "4"},
		{"::", "U"},
		{"::1", "L"},
		{"::2", ""},
		{"::1:0:0:1", ""},
		{"::ffff:0:0:1", ""},
		{"fe80::1", "K"},
		{"febf::1", "K"},
		{"fec0::1", ""},
		{"feff::", ""},
		{"ff00::", "M"},
		{"ffff::", "M"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr a = ip(cases[i].text);
		struct ip4_addr a4 = ip_addr_to_ip4(&a);
		struct ip6_addr a6 = ip_addr_to_ip6(&a);
		bool is4 = strchr(cases[i].is, '4');

		assert_int_equal(ip_addr_is_ip4(&a), is4);
		assert_int_equal(ip_addr_is_unspecified(&a), !!strchr(cases[i].is, 'U'));
		assert_int_equal(ip_addr_is_loopback(&a), !!strchr(cases[i].is, 'L'));
		assert_int_equal(ip_addr_is_multicast(&a), !!strchr(cases[i].is, 'M'));
		if (is4) {
			assert_int_equal(ip4_addr_is_unspecified(&a4), !!strchr(cases[i].is, 'U'));
			assert_int_equal(ip4_addr_is_loopback(&a4), !!strchr(cases[i].is, 'L'));
			assert_int_equal(ip4_addr_is_multicast(&a4), !!strchr(cases[i].is, 'M'));
			assert_int_equal(ip4_addr_is_broadcast(&a4), !!strchr(cases[i].is, 'B'));
			assert_int_equal(ip4_addr_is_link_local(&a4), !!strchr(cases[i].is, 'K'));
		} else {
			assert_int_equal(ip6_addr_is_unspecified(&a6), !!strchr(cases[i].is, 'U'));
			assert_int_equal(ip6_addr_is_loopback(&a6), !!strchr(cases[i].is, 'L'));
			assert_int_equal(ip6_addr_is_multicast(&a6), !!strchr(cases[i].is, 'M'));
			assert_int_equal(ip6_addr_is_link_local(&a6), !!strchr(cases[i].is, 'K'));
		}
	}
}

static void eth_predicates_tell_group_from_host(void **state UNUSED)
{
	assert_true(eth_addr_is_zero(&ETH_ADDR(0, 0, 0, 0, 0, 0)));
	assert_false(eth_addr_is_zero(&ETH_ADDR(0, 0, 0, 0, 0, 1)));
	assert_false(eth_addr_is_zero(&ETH_ADDR(1, 0, 0, 0, 0, 0)));
	assert_true(eth_addr_is_broadcast(&ETH_ADDR_BROADCAST));
	assert_true(eth_addr_is_multicast(&ETH_ADDR_BROADCAST));
	assert_true(eth_addr_is_multicast(&ETH_ADDR(1, 0, 0x5e, 0, 0, 1)));
	assert_false(eth_addr_is_multicast(&ETH_ADDR(2, 0xff, 0xff, 0xff, 0xff, 0xff)));
	for (size_t i = 0; i < 6; i++) {
		struct eth_addr a = ETH_ADDR_BROADCAST;

		a.b[i] = 0xfe;
		assert_false(eth_addr_is_broadcast(&a));
	}
}

static void prefix_of_every_length_covers_what_shares_its_bits(void **state UNUSED)
{
	struct ip4_addr net4 = ip4("10.170.85.255");
	struct ip6_addr net6 = ip6("2001:db8:aaaa:5555:f0f0:0f0f:ff00:00ff");

	assert_int_equal(ip4_prefix_mask(0), 0);
	assert_int_equal(ip4_prefix_mask(1), 0x80000000);
	assert_int_equal(ip4_prefix_mask(24), 0xffffff00);
	assert_int_equal(ip4_prefix_mask(32), 0xffffffff);
	for (unsigned int bit = 0; bit < 128; bit++) {
		struct ip6_addr a6 = net6;
		struct ip4_addr a4 = net4;

		a6.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		for (unsigned int plen = 0; plen <= 128; plen++)
			assert_int_equal(ip6_in_prefix(&a6, &net6, plen), plen <= bit);
		if (bit >= 32)
			continue;
		a4.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		for (unsigned int plen = 0; plen <= 32; plen++)
			assert_int_equal(ip4_in_prefix(&a4, &net4, plen), plen <= bit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ip4_text_is_read_and_printed_the_same),
		cmocka_unit_test(bad_ip4_text_is_refused_and_leaves_the_target),
		cmocka_unit_test(ip6_text_is_printed_as_rfc_5952_says),
		cmocka_unit_test(bad_ip6_text_is_refused_and_leaves_the_target),
		cmocka_unit_test(ip6_printed_at_random_agrees_with_libc),
		cmocka_unit_test(text_at_random_is_read_as_libc_reads_it),
		cmocka_unit_test(eth_text_is_read_and_printed),
		cmocka_unit_test(either_family_keeps_its_text),
		cmocka_unit_test(families_convert_there_and_back),
		cmocka_unit_test(predicates_hold_at_the_edges_of_their_ranges),
		cmocka_unit_test(eth_predicates_tell_group_from_host),
		cmocka_unit_test(prefix_of_every_length_covers_what_shares_its_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
