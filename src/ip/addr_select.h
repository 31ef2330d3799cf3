/* SPDX-License-Identifier: MIT */
/*
 * Which source for a destination, and which destination of several (RFC 6724): the rules as pure
 * functions over candidates. Who has addresses, routes and states makes the candidates of them
 * (ip6_addr_select(), ip_addrs_sort()). Both families; IPv4 is v4-mapped, as everywhere in struct
 * ip_addr, and so are the lengths of its prefixes: a /24 is 120.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "wire/addr.h"

enum {
	IP_POLICIES_MAX = 64, /* rows of a policy table */
};

/* A row of the policy table (§2.1). */
struct ip_policy {
	struct ip_addr prefix;
	uint8_t prefix_len; /* 0 to 128 */
	uint8_t precedence; /* of destinations; higher is preferred */
	uint8_t label;      /* a source and a destination of one label go together */
};

struct ip_policies {
	uint32_t n;
	struct ip_policy rows[IP_POLICIES_MAX];
};

/* The table of §2.1. */
extern const struct ip_policies ip_policies_default;
/* The row of the longest prefix that `addr` is in; one for addresses that are in none, with the
 * values of ::/0. */
struct ip_policy ip_policy_find(const struct ip_policies *table, const struct ip_addr *addr);

/* What is known about a source address. */
enum {
	IP_SEL_DEPRECATED = 1 << 0, /* RFC 4862 §5.5.4 */
	IP_SEL_TEMPORARY = 1 << 1,  /* RFC 8981 */
	IP_SEL_HOME = 1 << 2,       /* mobile nodes alone have these two (RFC 6275) */
	IP_SEL_CARE_OF = 1 << 3,
	IP_SEL_NEXTHOP = 1 << 4,   /* its prefix comes from the router that the packet goes to */
	IP_SEL_OTHER_HOP = 1 << 5, /* from other routers alone */
};

struct ip_sel_src {
	struct ip_addr addr;
	uint32_t ifindex;
	uint8_t prefix_len;
	uint8_t flags; /* IP_SEL_* */
};

struct ip_sel_query {
	const struct ip_policies *policies;
	struct ip_addr dst;
	uint32_t oif;        /* the interface that the packet leaves by */
	bool prefer_public;  /* rule 7 the other way round (RFC 5014) */
	bool prefer_care_of; /* rule 4 the same */
};

/* A destination to be sorted, with the source that packets to it would have. */
struct ip_sel_dst {
	struct ip_addr addr;
	uint32_t tag; /* the caller's own */
	struct ip_sel_src src;
	bool is_usable;    /* there are a route and a source */
	bool is_tunnelled; /* by an encapsulating interface, such as 6to4 */
};

/* RFC 4007 §4, RFC 6724 §3: how far an address means something, as the scope field of a multicast
 * address says it (enum ip6_scope); of IPv4 as §3.2 maps it. */
unsigned int ip_sel_scope(const struct ip_addr *addr);

/* The rules of §5 in turn: < 0, `a` is better; > 0, `b` is; 0: neither. *ret_rule (may be NULL)
 * is the deciding one's name. */
int ip_sel_src_cmp(const struct ip_sel_query *q, const struct ip_sel_src *a,
		   const struct ip_sel_src *b, const char **ret_rule);
/* The same for destinations, §6. */
int ip_sel_dst_cmp(const struct ip_policies *policies, const struct ip_sel_dst *a,
		   const struct ip_sel_dst *b, const char **ret_rule);
/* The best first; equals keep their order (rule 10). */
void ip_sel_dst_sort(const struct ip_policies *policies, struct ip_sel_dst *dsts, size_t n);
