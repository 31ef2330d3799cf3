/* SPDX-License-Identifier: MIT */
/*
 * Special-purpose addresses: the registries of IANA for both families (RFC 6890, RFC 8190), as one
 * table. What an address may be used for is decided here: on the way of packets by the inline
 * functions, which look into the table only for addresses that are near an entry that matters.
 *
 * An entry is *reserved by protocol* when implementations have to know it. Only these are refused
 * where the registry says so; others, such as documentation prefixes, are an operator's affair.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "wire/addr.h"

/* The columns of the registries. */
enum {
	IP_SPECIAL_SOURCE = 1 << 0,      /* may be a packet's source */
	IP_SPECIAL_DESTINATION = 1 << 1, /* or destination */
	IP_SPECIAL_FORWARDABLE = 1 << 2, /* a router may pass such a packet on */
	IP_SPECIAL_GLOBAL = 1 << 3,      /* and beyond an administrative domain */
	IP_SPECIAL_RESERVED = 1 << 4,    /* reserved by protocol */
	/* What is in no registry. */
	IP_SPECIAL_NONE = IP_SPECIAL_SOURCE | IP_SPECIAL_DESTINATION | IP_SPECIAL_FORWARDABLE |
			  IP_SPECIAL_GLOBAL,
};

struct ip_special {
	struct ip_addr prefix;
	uint8_t prefix_len; /* of IPv4 as it is written: 0 to 32 */
	uint8_t flags;      /* IP_SPECIAL_* */
	bool is_ip4;
	uint16_t rfc;
	const char *name; /* as in the registry */
};

/* The entry of the longest prefix that `addr` is in; NULL: it is an ordinary address, or a group's.
 */
const struct ip_special *ip_special_find(const struct ip_addr *addr);
/* The table, for documentation and tests. */
const struct ip_special *ip_special_table(size_t *ret_n);

/* IP_SPECIAL_* of any address. */
static inline unsigned int ip_special_flags(const struct ip_addr *addr)
{
	const struct ip_special *special = ip_special_find(addr);

	return special ? special->flags : IP_SPECIAL_NONE;
}

/* No entry that is reserved by protocol is anywhere near: the common case. */
static inline bool ip4_special_is_far(struct ip4_addr a)
{
	switch (a.b[0]) {
	case 0:
	case 127:
		return false;
	case 169:
		return a.b[1] != 254;
	case 192:
		return a.b[1] != 0 || a.b[2] != 0;
	default:
		return a.b[0] < 240;
	}
}

/* Likewise; link-local addresses are near. */
static inline bool ip6_special_is_far(const struct ip6_addr *a)
{
	return a->b[0] != 0 && (a->b[0] != 0xfe || (a->b[1] & 0xc0) != 0x80);
}

/* Reserved by protocol, and none of `flags` is allowed. */
bool ip4_special_refuses(struct ip4_addr a, unsigned int flags);
bool ip6_special_refuses(const struct ip6_addr *a, unsigned int flags);

/* The address can be no packet's source (RFC 1122 §3.2.1.3, RFC 1812 §5.3.7, RFC 4291 §2.5), on
 * whatever interface but loopback: a group, loopback, reserved. The unspecified address can, for
 * who does not know his yet. */
static inline bool ip4_is_martian_src(struct ip4_addr a)
{
	if (likely(ip4_special_is_far(a)))
		return ip4_addr_is_multicast(&a);
	return ip4_special_refuses(a, IP_SPECIAL_SOURCE);
}

static inline bool ip6_is_martian_src(const struct ip6_addr *a)
{
	if (likely(ip6_special_is_far(a)))
		return ip6_addr_is_multicast(a);
	return ip6_special_refuses(a, IP_SPECIAL_SOURCE);
}

/* The address can be no packet's destination, on whatever interface but loopback. */
static inline bool ip4_is_martian_dst(struct ip4_addr a)
{
	return unlikely(!ip4_special_is_far(a)) && ip4_special_refuses(a, IP_SPECIAL_DESTINATION);
}

static inline bool ip6_is_martian_dst(const struct ip6_addr *a)
{
	return unlikely(!ip6_special_is_far(a)) && ip6_special_refuses(a, IP_SPECIAL_DESTINATION);
}

/* Packets from or to it stay on their link. */
static inline bool ip4_stays_on_link(struct ip4_addr a)
{
	return unlikely(!ip4_special_is_far(a)) && ip4_special_refuses(a, IP_SPECIAL_FORWARDABLE);
}

static inline bool ip6_stays_on_link(const struct ip6_addr *a)
{
	return unlikely(!ip6_special_is_far(a)) && ip6_special_refuses(a, IP_SPECIAL_FORWARDABLE);
}
