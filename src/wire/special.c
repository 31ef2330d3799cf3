/* SPDX-License-Identifier: MIT */
/* The registries of special-purpose addresses; the contract is in special.h. */
#include "wire/special.h"

enum {
	S = IP_SPECIAL_SOURCE,
	D = IP_SPECIAL_DESTINATION,
	F = IP_SPECIAL_FORWARDABLE,
	G = IP_SPECIAL_GLOBAL,
	R = IP_SPECIAL_RESERVED,
};

#define V4(a, b, c, d)                                      \
	{                                                   \
		{                                           \
			[10] = 0xff, 0xff, (a), (b), (c), d \
		}                                           \
	}

/* What the registries call "N/A" is false here. */
static const struct ip_special specials[] = {
	/* 0.0.0.0/8 */
	{V4(0, 0, 0, 0), 8, S | R, true, 791, "This network"},
	/* 0.0.0.0/32 */
	{V4(0, 0, 0, 0), 32, S | R, true, 1122, "This host on this network"},
	/* 10.0.0.0/8 */
	{V4(10, 0, 0, 0), 8, S | D | F, true, 1918, "Private-Use"},
	/* 100.64.0.0/10 */
	{V4(100, 64, 0, 0), 10, S | D | F, true, 6598, "Shared Address Space"},
	/* 127.0.0.0/8 */
	{V4(127, 0, 0, 0), 8, R, true, 1122, "Loopback"},
	/* 169.254.0.0/16 */
	{V4(169, 254, 0, 0), 16, S | D | R, true, 3927, "Link Local"},
	/* 172.16.0.0/12 */
	{V4(172, 16, 0, 0), 12, S | D | F, true, 1918, "Private-Use"},
	/* 192.0.0.0/24 */
	{V4(192, 0, 0, 0), 24, 0, true, 6890, "IETF Protocol Assignments"},
	/* 192.0.0.0/29 */
	{V4(192, 0, 0, 0), 29, S | D | F, true, 7335, "IPv4 Service Continuity Prefix"},
	/* 192.0.0.8/32 */
	{V4(192, 0, 0, 8), 32, S, true, 7600, "IPv4 dummy address"},
	/* 192.0.0.9/32 */
	{V4(192, 0, 0, 9), 32, S | D | F | G, true, 7723, "Port Control Protocol Anycast"},
	/* 192.0.0.10/32 */
	{V4(192, 0, 0, 10), 32, S | D | F | G, true, 8155, "TURN Anycast"},
	/* 192.0.0.170/31 */
	{V4(192, 0, 0, 170), 31, R, true, 8880, "NAT64/DNS64 Discovery"},
	/* 192.0.2.0/24 */
	{V4(192, 0, 2, 0), 24, 0, true, 5737, "Documentation (TEST-NET-1)"},
	/* 192.31.196.0/24 */
	{V4(192, 31, 196, 0), 24, S | D | F | G, true, 7535, "AS112-v4"},
	/* 192.52.193.0/24 */
	{V4(192, 52, 193, 0), 24, S | D | F | G, true, 7450, "AMT"},
	/* 192.88.99.0/24 */
	{V4(192, 88, 99, 0), 24, S | D | F | G, true, 7526, "Deprecated (6to4 Relay Anycast)"},
	/* 192.88.99.2/32 */
	{V4(192, 88, 99, 2), 32, S | D | F, true, 6751, "6a44-relay anycast address"},
	/* 192.168.0.0/16 */
	{V4(192, 168, 0, 0), 16, S | D | F, true, 1918, "Private-Use"},
	/* 192.175.48.0/24 */
	{V4(192, 175, 48, 0), 24, S | D | F | G, true, 7534, "Direct Delegation AS112 Service"},
	/* 198.18.0.0/15 */
	{V4(198, 18, 0, 0), 15, S | D | F, true, 2544, "Benchmarking"},
	/* 198.51.100.0/24 */
	{V4(198, 51, 100, 0), 24, 0, true, 5737, "Documentation (TEST-NET-2)"},
	/* 203.0.113.0/24 */
	{V4(203, 0, 113, 0), 24, 0, true, 5737, "Documentation (TEST-NET-3)"},
	/* 240.0.0.0/4 */
	{V4(240, 0, 0, 0), 4, R, true, 1112, "Reserved"},
	/* 255.255.255.255/32 */
	{V4(255, 255, 255, 255), 32, D | R, true, 8190, "Limited Broadcast"},
	/* ::/128 */
	{{{0x0}}, 128, S | R, false, 4291, "Unspecified Address"},
	/* ::1/128 */
	{{{[15] = 0x1}}, 128, R, false, 4291, "Loopback Address"},
	/* ::ffff:0:0/96 */
	{{{[10] = 0xff, 0xff}}, 96, R, false, 4291, "IPv4-mapped Address"},
	/* 64:ff9b::/96 */
	{{{0x0, 0x64, 0xff, 0x9b}}, 96, S | D | F | G, false, 6052, "IPv4-IPv6 Translation"},
	/* 64:ff9b:1::/48 */
	{{{0x0, 0x64, 0xff, 0x9b, 0x0, 0x1}}, 48, S | D | F, false, 8215, "IPv4-IPv6 Translation"},
	/* 100::/64 */
	{{{0x1}}, 64, S | D | F, false, 6666, "Discard-Only Address Block"},
	/* 100:0:0:1::/64 */
	{{{0x1, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x1}}, 64, S, false, 9780, "Dummy IPv6 Prefix"},
	/* 2001::/23 */
	{{{0x20, 0x1}}, 23, 0, false, 2928, "IETF Protocol Assignments"},
	/* 2001::/32 */
	{{{0x20, 0x1}}, 32, S | D | F, false, 4380, "TEREDO"},
	/* 2001:1::1/128 */
	{{{0x20, 0x1, 0x0, 0x1, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x1}},
	 128,
	 S | D | F | G,
	 false,
	 7723,
	 "Port Control Protocol Anycast"},
	/* 2001:1::2/128 */
	{{{0x20, 0x1, 0x0, 0x1, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x2}},
	 128,
	 S | D | F | G,
	 false,
	 8155,
	 "TURN Anycast"},
	/* 2001:1::3/128 */
	{{{0x20, 0x1, 0x0, 0x1, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x3}},
	 128,
	 S | D | F | G,
	 false,
	 9665,
	 "DNS-SD Service Registration Protocol Anycast"},
	/* 2001:2::/48 */
	{{{0x20, 0x1, 0x0, 0x2}}, 48, S | D | F, false, 5180, "Benchmarking"},
	/* 2001:3::/32 */
	{{{0x20, 0x1, 0x0, 0x3}}, 32, S | D | F | G, false, 7450, "AMT"},
	/* 2001:4:112::/48 */
	{{{0x20, 0x1, 0x0, 0x4, 0x1, 0x12}}, 48, S | D | F | G, false, 7535, "AS112-v6"},
	/* 2001:10::/28 */
	{{{0x20, 0x1, 0x0, 0x10}}, 28, 0, false, 4843, "Deprecated (previously ORCHID)"},
	/* 2001:20::/28 */
	{{{0x20, 0x1, 0x0, 0x20}}, 28, S | D | F | G, false, 7343, "ORCHIDv2"},
	/* 2001:30::/28 */
	{{{0x20, 0x1, 0x0, 0x30}},
	 28,
	 S | D | F | G,
	 false,
	 9374,
	 "Drone Remote ID Protocol Entity Tags"},
	/* 2001:db8::/32 */
	{{{0x20, 0x1, 0xd, 0xb8}}, 32, 0, false, 3849, "Documentation"},
	/* 2002::/16 */
	{{{0x20, 0x2}}, 16, S | D | F, false, 3056, "6to4"},
	/* 2620:4f:8000::/48 */
	{{{0x26, 0x20, 0x0, 0x4f, 0x80}},
	 48,
	 S | D | F | G,
	 false,
	 7534,
	 "Direct Delegation AS112 Service"},
	/* 3fff::/20 */
	{{{0x3f, 0xff}}, 20, 0, false, 9637, "Documentation"},
	/* 5f00::/16 */
	{{{0x5f}}, 16, S | D | F, false, 9602, "Segment Routing (SRv6) SIDs"},
	/* fc00::/7 */
	{{{0xfc}}, 7, S | D | F, false, 4193, "Unique-Local"},
	/* fe80::/10 */
	{{{0xfe, 0x80}}, 10, S | D | R, false, 4291, "Link-Local Unicast"},
};

#undef V4

const struct ip_special *ip_special_table(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(specials);
	return specials;
}

const struct ip_special *ip_special_find(const struct ip_addr *addr)
{
	const struct ip6_addr a = ip_addr_to_ip6(addr);
	bool is_ip4 = ip_addr_is_ip4(addr);
	const struct ip_special *best = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(specials); i++) {
		const struct ip_special *s = &specials[i];
		const struct ip6_addr prefix = ip_addr_to_ip6(&s->prefix);

		/* An IPv4 address is v4-mapped here, so the entry of that prefix is for none. */
		if (s->is_ip4 != is_ip4 || (best && s->prefix_len <= best->prefix_len) ||
		    !ip6_in_prefix(&a, &prefix, s->prefix_len + (is_ip4 ? 96u : 0u)))
			continue;
		best = s;
	}
	return best;
}

static bool refuses(const struct ip_special *s, unsigned int flags)
{
	return s && (s->flags & R) && !(s->flags & flags);
}

bool ip4_special_refuses(struct ip4_addr a, unsigned int flags)
{
	const struct ip_addr addr = ip_addr_from_ip4(&a);

	/* RFC 1122 §3.2.1.3 (b): of 0/8, only the address of all zeros means somebody, who speaks.
	 */
	if (a.b[0] == 0 && !ip4_addr_is_unspecified(&a))
		return true;
	/* As in the table, without a search: a host that speaks to itself uses nothing else. */
	if (a.b[0] == 127)
		return true;
	return refuses(ip_special_find(&addr), flags);
}

bool ip6_special_refuses(const struct ip6_addr *a, unsigned int flags)
{
	const struct ip_addr addr = ip_addr_from_ip6(a);

	/* RFC 4291 §2.5.5.2: on the wire, v4-mapped addresses stand for nobody. */
	if (ip_addr_is_ip4(&addr))
		return true;
	/* As in the table, without a search: neighbours speak from nothing else, and hosts to
	 * themselves. */
	if (ip6_addr_is_link_local(a))
		return !(flags & (S | D));
	if (ip6_addr_is_loopback(a))
		return true;
	return refuses(ip_special_find(&addr), flags);
}
