/* SPDX-License-Identifier: MIT */
/* Special-purpose addresses: the registries' rows, and that the fast questions agree with them. */
#include "unit.h"

#include "wire/special.h"

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	if (ip_addr_parse(text, &addr))
		fail_msg("%s is no address", text);
	return addr;
}

/* Source, destination, forwardable, global, reserved, as "SDFGR" with dots. */
static const char *flags_of(const char *text)
{
	static char out[6];
	const struct ip_addr addr = addr_of(text);
	unsigned int flags = ip_special_flags(&addr);

	memcpy(out, "SDFGR", sizeof(out));
	for (unsigned int i = 0; i < 5; i++)
		if (!(flags >> i & 1))
			out[i] = '.';
	return out;
}

static void addresses_have_the_attributes_of_the_registry(void **state UNUSED)
{
	static const struct {
		const char *addr, *flags;
	} rows[] = {
		{"0.0.0.0", "S...R"},
		{"0.1.2.3", "S...R"},
		{"8.8.8.8", "SDFG."},
		{"10.255.255.255", "SDF.."},
		{"11.0.0.0", "SDFG."},
		{"100.63.255.255", "SDFG."},
		{"100.64.0.0", "SDF.."},
		{"100.127.255.255", "SDF.."},
		{"127.0.0.1", "....R"},
		{"169.254.0.1", "SD..R"},
		{"172.15.0.1", "SDFG."},
		{"172.16.0.1", "SDF.."},
		{"172.32.0.1", "SDFG."},
		{"192.0.0.1", "SDF.."},
		{"192.0.0.8", "S...."},
		{"192.0.0.9", "SDFG."},
		{"192.0.0.100", "....."},
		{"192.0.0.170", "....R"},
		{"192.0.0.171", "....R"},
		{"192.0.0.172", "....."},
		{"192.0.2.1", "....."},
		{"192.88.99.2", "SDF.."},
		{"192.168.1.1", "SDF.."},
		{"198.19.255.255", "SDF.."},
		{"198.51.100.1", "....."},
		{"203.0.113.1", "....."},
		{"224.0.0.1", "SDFG."}, /* groups have a registry of their own */
		{"240.0.0.1", "....R"},
		{"255.255.255.254", "....R"},
		{"255.255.255.255", ".D..R"},
		{"::", "S...R"},
		{"::1", "....R"},
		{"::2", "SDFG."},
		{"64:ff9b::1", "SDFG."},
		{"64:ff9b:1::1", "SDF.."},
		{"100::1", "SDF.."},
		{"100:0:0:1::1", "S...."},
		{"2001:0:1::1", "SDF.."},
		{"2001:1::1", "SDFG."},
		{"2001:1::4", "....."},
		{"2001:2::1", "SDF.."},
		{"2001:3::1", "SDFG."},
		{"2001:4:112::1", "SDFG."},
		{"2001:1ff::1", "....."},
		{"2001:200::1", "SDFG."},
		{"2001:db8::1", "....."},
		{"2002::1", "SDF.."},
		{"3fff:fff::1", "....."},
		{"5f00::1", "SDF.."},
		{"fc00::1", "SDF.."},
		{"fdff::1", "SDF.."},
		{"fe80::1", "SD..R"},
		{"febf::1", "SD..R"},
		{"fec0::1", "SDFG."},
		{"ff02::1", "SDFG."},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(flags_of(rows[i].addr), rows[i].flags) != 0)
			fail_msg("%s: %s, not %s", rows[i].addr, flags_of(rows[i].addr),
				 rows[i].flags);
	}
}

/* What RFC 8190 and RFC 6890 §2.2.1 say of the columns. */
static void table_is_consistent(void **state UNUSED)
{
	size_t n;
	const struct ip_special *table = ip_special_table(&n);

	for (size_t i = 0; i < n; i++) {
		const struct ip_special *s = &table[i];
		const struct ip_special *found = ip_special_find(&s->prefix);

		assert_non_null(s->name);
		assert_true(s->rfc > 0);
		assert_true(s->prefix_len <= (s->is_ip4 ? 32 : 128));
		if (!(s->flags & IP_SPECIAL_DESTINATION))
			assert_false(s->flags & (IP_SPECIAL_FORWARDABLE | IP_SPECIAL_GLOBAL));
		/* Its first address is in it, or in a longer prefix. */
		if (s->prefix.b[10] == 0xff && !s->is_ip4)
			continue; /* v4-mapped: no IPv6 address is there, see ip_special_find() */
		assert_non_null(found);
		assert_true(found->prefix_len >= s->prefix_len && found->is_ip4 == s->is_ip4);
		for (size_t k = 0; k < i; k++)
			assert_false(table[k].is_ip4 == s->is_ip4 &&
				     table[k].prefix_len == s->prefix_len &&
				     ip_addr_eq(&table[k].prefix, &s->prefix));
	}
}

/* An entry that is reserved is near all of its addresses. */
static void fast_question_never_passes_a_reserved_address(void **state UNUSED)
{
	for (uint32_t top = 0; top < 1u << 24; top++) {
		struct ip4_addr a = ip4_addr_from_u32(top << 8 | 170);
		struct ip_addr addr;

		if (!ip4_special_is_far(a))
			continue;
		if (top % 251 && (top & 0xff) && (top & 0xff) != 0xff)
			continue; /* all networks of 16 bits, and some of those of 24 */
		addr = ip_addr_from_ip4(&a);
		assert_false(ip_special_flags(&addr) & IP_SPECIAL_RESERVED);
	}
	for (uint32_t top = 0; top < 1u << 16; top++) {
		struct ip6_addr a = {{(uint8_t)(top >> 8), (uint8_t)top, [15] = 1}};
		const struct ip_addr addr = ip_addr_from_ip6(&a);

		if (ip6_special_is_far(&a))
			assert_false(ip_special_flags(&addr) & IP_SPECIAL_RESERVED);
	}
}

static void martians_are_what_the_protocol_reserves(void **state UNUSED)
{
	/* Source, destination, stays on its link. */
	static const struct {
		const char *addr;
		bool src, dst, link;
	} rows[] = {
		{"0.0.0.0", false, true, true},
		{"0.0.0.1", true, true, true},
		{"10.0.0.1", false, false, false},
		{"127.0.0.1", true, true, true},
		{"169.254.1.1", false, false, true},
		{"192.0.0.170", true, true, true},
		{"192.0.0.1", false, false, false},
		{"192.0.2.1", false, false, false},
		{"224.0.0.1", true, false, false},
		{"239.255.255.255", true, false, false},
		{"240.0.0.1", true, true, true},
		{"255.255.255.255", true, false, true},
		{"::", false, true, true},
		{"::1", true, true, true},
		{"::192.0.2.1", false, false, false},
		{"2001:db8::1", false, false, false},
		{"fe80::1", false, false, true},
		{"ff02::1", true, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ip_addr addr = addr_of(rows[i].addr);
		const struct ip6_addr a6 = ip_addr_to_ip6(&addr);
		const struct ip4_addr a4 = ip_addr_to_ip4(&addr);
		bool is_ip4 = ip_addr_is_ip4(&addr);

		assert_int_equal(is_ip4 ? ip4_is_martian_src(a4) : ip6_is_martian_src(&a6),
				 rows[i].src);
		assert_int_equal(is_ip4 ? ip4_is_martian_dst(a4) : ip6_is_martian_dst(&a6),
				 rows[i].dst);
		assert_int_equal(is_ip4 ? ip4_stays_on_link(a4) : ip6_stays_on_link(&a6),
				 rows[i].link);
	}
}

/* Which are looked up in a shorter way. */
static void link_local_addresses_may_what_the_registry_says(void **state UNUSED)
{
	static const unsigned int uses[] = {IP_SPECIAL_SOURCE, IP_SPECIAL_DESTINATION,
					    IP_SPECIAL_FORWARDABLE, IP_SPECIAL_GLOBAL};
	const struct ip_addr addr = addr_of("fe80::1"), last = addr_of("febf::1");
	const struct ip6_addr a = ip_addr_to_ip6(&addr), b = ip_addr_to_ip6(&last);

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		assert_int_equal(ip6_special_refuses(&a, uses[i]),
				 !(ip_special_flags(&addr) & uses[i]));
		assert_int_equal(ip6_special_refuses(&b, uses[i]),
				 !(ip_special_flags(&last) & uses[i]));
	}
}

static void mapped_addresses_are_on_no_wire(void **state UNUSED)
{
	const struct ip6_addr mapped = {{[10] = 0xff, 0xff, 192, 0, 2, 1}};

	assert_true(ip6_is_martian_src(&mapped));
	assert_true(ip6_is_martian_dst(&mapped));
	assert_true(ip6_stays_on_link(&mapped));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_the_attributes_of_the_registry),
		cmocka_unit_test(table_is_consistent),
		cmocka_unit_test(fast_question_never_passes_a_reserved_address),
		cmocka_unit_test(martians_are_what_the_protocol_reserves),
		cmocka_unit_test(link_local_addresses_may_what_the_registry_says),
		cmocka_unit_test(mapped_addresses_are_on_no_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
