/* SPDX-License-Identifier: MIT */
/*
 * RFC 6724: the contract is in addr_select.h.
 *
 * How it works: a rule is a function that compares two candidates; the rules stand in two tables in
 * their order, and the first that does not call the candidates equal decides. All rules together
 * are an order (transitive), so one pass finds the best source, and insertion keeps equals in
 * place.
 */
#include "ip/addr_select.h"

#include "ip/ip6.h"

/*
 * The policy table.
 */

const struct ip_policies ip_policies_default = {
	.n = 9,
	.rows =
		{
			/* ::1, everything else, IPv4 */
			{.prefix = {{[15] = 1}}, .prefix_len = 128, .precedence = 50, .label = 0},
			{.prefix = {{0}}, .prefix_len = 0, .precedence = 40, .label = 1},
			{.prefix = {{[10] = 0xff, 0xff}},
			 .prefix_len = 96,
			 .precedence = 35,
			 .label = 4},
			/* 6to4, Teredo, unique local */
			{.prefix = {{0x20, 0x02}}, .prefix_len = 16, .precedence = 30, .label = 2},
			{.prefix = {{0x20, 0x01}}, .prefix_len = 32, .precedence = 5, .label = 5},
			{.prefix = {{0xfc}}, .prefix_len = 7, .precedence = 3, .label = 13},
			/* What is no more: IPv4-compatible, site-local, 6bone */
			{.prefix = {{0}}, .prefix_len = 96, .precedence = 1, .label = 3},
			{.prefix = {{0xfe, 0xc0}}, .prefix_len = 10, .precedence = 1, .label = 11},
			{.prefix = {{0x3f, 0xfe}}, .prefix_len = 16, .precedence = 1, .label = 12},
		},
};

struct ip_policy ip_policy_find(const struct ip_policies *table, const struct ip_addr *addr)
{
	const struct ip6_addr a = ip_addr_to_ip6(addr);
	struct ip_policy best = {.precedence = 40, .label = 1};
	bool found = false;

	for (uint32_t i = 0; i < table->n; i++) {
		const struct ip_policy *row = &table->rows[i];
		const struct ip6_addr prefix = ip_addr_to_ip6(&row->prefix);

		if (!ip6_in_prefix(&a, &prefix, row->prefix_len) ||
		    (found && row->prefix_len <= best.prefix_len))
			continue;
		best = *row;
		found = true;
	}
	return best;
}

/*
 * What the rules ask.
 */

/* RFC 6724 §3.2: 169.254/16 and 127/8 are link-local, everything else is global, private addresses
 * too. Of groups, RFC 2365 §6.1 and RFC 5771 §4 say how far they go. */
static unsigned int scope_ip4(struct ip4_addr a)
{
	if (ip4_stays_on_link(a))
		return IP6_SCOPE_LINK;
	if (ip4_addr_u32(&a) >> 8 == 0xe00000)
		return IP6_SCOPE_LINK; /* 224.0.0.0/24 */
	if (ip4_addr_u32(&a) >> 16 == 0xefff)
		return IP6_SCOPE_SITE; /* 239.255.0.0/16: IPv4 local scope */
	return IP6_SCOPE_GLOBAL;
}

unsigned int ip_sel_scope(const struct ip_addr *addr)
{
	const struct ip6_addr a = ip_addr_to_ip6(addr);

	return ip_addr_is_ip4(addr) ? scope_ip4(ip_addr_to_ip4(addr)) : ip6_addr_scope(&a);
}

/* §2.2: bits that both have in common, as far as the source's prefix reaches. */
static unsigned int common_len(const struct ip_sel_src *src, const struct ip_addr *dst)
{
	const struct ip6_addr a = ip_addr_to_ip6(&src->addr), b = ip_addr_to_ip6(dst);
	unsigned int n = ip6_common_len(&a, &b);

	return n < src->prefix_len ? n : src->prefix_len;
}

/* What is true of one and not of the other: < 0, of `a`. */
static int prefer(bool a, bool b)
{
	return (int)b - (int)a;
}

static int prefer_more(unsigned int a, unsigned int b)
{
	return a == b ? 0 : a > b ? -1 : 1;
}

/* Rules 4 of §5 and §6: home and care-of address in one before others, home before care-of. */
static int prefer_home(uint8_t a, uint8_t b)
{
	const uint8_t mobile = IP_SEL_HOME | IP_SEL_CARE_OF;

	a &= mobile;
	b &= mobile;
	if ((a == mobile) != (b == mobile))
		return prefer(a == mobile, b == mobile);
	if (a == IP_SEL_HOME && b == IP_SEL_CARE_OF)
		return -1;
	return a == IP_SEL_CARE_OF && b == IP_SEL_HOME;
}

/*
 * Sources: the rules of §5.
 */

static int src_same(const struct ip_sel_query *q, const struct ip_sel_src *a,
		    const struct ip_sel_src *b)
{
	return prefer(ip_addr_eq(&a->addr, &q->dst), ip_addr_eq(&b->addr, &q->dst));
}

/* The smallest scope that reaches the destination; failing that, the largest. */
static int src_scope(const struct ip_sel_query *q, const struct ip_sel_src *a,
		     const struct ip_sel_src *b)
{
	unsigned int of_a = ip_sel_scope(&a->addr), of_b = ip_sel_scope(&b->addr);
	unsigned int of_dst = ip_sel_scope(&q->dst);

	if (of_a < of_b)
		return of_a < of_dst ? 1 : -1;
	if (of_b < of_a)
		return of_b < of_dst ? -1 : 1;
	return 0;
}

static int src_deprecated(const struct ip_sel_query *q UNUSED, const struct ip_sel_src *a,
			  const struct ip_sel_src *b)
{
	return prefer(!(a->flags & IP_SEL_DEPRECATED), !(b->flags & IP_SEL_DEPRECATED));
}

static int src_home(const struct ip_sel_query *q, const struct ip_sel_src *a,
		    const struct ip_sel_src *b)
{
	return q->prefer_care_of ? prefer_home(b->flags, a->flags)
				 : prefer_home(a->flags, b->flags);
}

static int src_interface(const struct ip_sel_query *q, const struct ip_sel_src *a,
			 const struct ip_sel_src *b)
{
	return prefer(a->ifindex == q->oif, b->ifindex == q->oif);
}

static int src_nexthop(const struct ip_sel_query *q UNUSED, const struct ip_sel_src *a,
		       const struct ip_sel_src *b)
{
	bool is_a = (a->flags & IP_SEL_NEXTHOP) && (b->flags & IP_SEL_OTHER_HOP);
	bool is_b = (b->flags & IP_SEL_NEXTHOP) && (a->flags & IP_SEL_OTHER_HOP);

	return prefer(is_a, is_b);
}

static int src_label(const struct ip_sel_query *q, const struct ip_sel_src *a,
		     const struct ip_sel_src *b)
{
	uint8_t label = ip_policy_find(q->policies, &q->dst).label;

	return prefer(ip_policy_find(q->policies, &a->addr).label == label,
		      ip_policy_find(q->policies, &b->addr).label == label);
}

static int src_temporary(const struct ip_sel_query *q, const struct ip_sel_src *a,
			 const struct ip_sel_src *b)
{
	int is_a = prefer(a->flags & IP_SEL_TEMPORARY, b->flags & IP_SEL_TEMPORARY);

	return q->prefer_public ? -is_a : is_a;
}

static int src_prefix(const struct ip_sel_query *q, const struct ip_sel_src *a,
		      const struct ip_sel_src *b)
{
	return prefer_more(common_len(a, &q->dst), common_len(b, &q->dst));
}

int ip_sel_src_cmp(const struct ip_sel_query *q, const struct ip_sel_src *a,
		   const struct ip_sel_src *b, const char **ret_rule)
{
	static const struct {
		const char *name;
		int (*cmp)(const struct ip_sel_query *q, const struct ip_sel_src *a,
			   const struct ip_sel_src *b);
	} rules[] = {
		{"prefer same address", src_same},              /* 1 */
		{"prefer appropriate scope", src_scope},        /* 2 */
		{"avoid deprecated addresses", src_deprecated}, /* 3 */
		{"prefer home address", src_home},              /* 4 */
		{"prefer outgoing interface", src_interface},   /* 5 */
		{"prefer prefix of next hop", src_nexthop},     /* 5.5 */
		{"prefer matching label", src_label},           /* 6 */
		{"prefer temporary address", src_temporary},    /* 7 */
		{"longest matching prefix", src_prefix},        /* 8 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		int cmp = rules[i].cmp(q, a, b);

		if (cmp && ret_rule)
			*ret_rule = rules[i].name;
		if (cmp)
			return cmp;
	}
	return 0;
}

/*
 * Destinations: the rules of §6.
 */

struct dst_pair {
	const struct ip_policies *policies;
	const struct ip_sel_dst *a, *b;
};

static int dst_usable(const struct dst_pair *p)
{
	return prefer(p->a->is_usable, p->b->is_usable);
}

static int dst_scope(const struct dst_pair *p)
{
	return prefer(ip_sel_scope(&p->a->addr) == ip_sel_scope(&p->a->src.addr),
		      ip_sel_scope(&p->b->addr) == ip_sel_scope(&p->b->src.addr));
}

static int dst_deprecated(const struct dst_pair *p)
{
	return prefer(!(p->a->src.flags & IP_SEL_DEPRECATED),
		      !(p->b->src.flags & IP_SEL_DEPRECATED));
}

static int dst_home(const struct dst_pair *p)
{
	return prefer_home(p->a->src.flags, p->b->src.flags);
}

static bool dst_label_matches(const struct ip_policies *policies, const struct ip_sel_dst *dst)
{
	return ip_policy_find(policies, &dst->addr).label ==
	       ip_policy_find(policies, &dst->src.addr).label;
}

static int dst_label(const struct dst_pair *p)
{
	return prefer(dst_label_matches(p->policies, p->a), dst_label_matches(p->policies, p->b));
}

static int dst_precedence(const struct dst_pair *p)
{
	return prefer_more(ip_policy_find(p->policies, &p->a->addr).precedence,
			   ip_policy_find(p->policies, &p->b->addr).precedence);
}

static int dst_native(const struct dst_pair *p)
{
	return prefer(!p->a->is_tunnelled, !p->b->is_tunnelled);
}

static int dst_smaller_scope(const struct dst_pair *p)
{
	return -prefer_more(ip_sel_scope(&p->a->addr), ip_sel_scope(&p->b->addr));
}

static int dst_prefix(const struct dst_pair *p)
{
	if (ip_addr_is_ip4(&p->a->addr) != ip_addr_is_ip4(&p->b->addr))
		return 0;
	return prefer_more(common_len(&p->a->src, &p->a->addr),
			   common_len(&p->b->src, &p->b->addr));
}

int ip_sel_dst_cmp(const struct ip_policies *policies, const struct ip_sel_dst *a,
		   const struct ip_sel_dst *b, const char **ret_rule)
{
	static const struct {
		const char *name;
		int (*cmp)(const struct dst_pair *p);
	} rules[] = {
		{"avoid unusable destinations", dst_usable},    /* 1 */
		{"prefer matching scope", dst_scope},           /* 2 */
		{"avoid deprecated addresses", dst_deprecated}, /* 3 */
		{"prefer home address", dst_home},              /* 4 */
		{"prefer matching label", dst_label},           /* 5 */
		{"prefer higher precedence", dst_precedence},   /* 6 */
		{"prefer native transport", dst_native},        /* 7 */
		{"prefer smaller scope", dst_smaller_scope},    /* 8 */
		{"longest matching prefix", dst_prefix},        /* 9 */
	};
	const struct dst_pair pair = {.policies = policies, .a = a, .b = b};
	/* Of two that cannot be used, there is nothing more to compare. */
	size_t n = a->is_usable || b->is_usable ? ARRAY_SIZE(rules) : 0;

	for (size_t i = 0; i < n; i++) {
		int cmp = rules[i].cmp(&pair);

		if (cmp && ret_rule)
			*ret_rule = rules[i].name;
		if (cmp)
			return cmp;
	}
	return 0;
}

void ip_sel_dst_sort(const struct ip_policies *policies, struct ip_sel_dst *dsts, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct ip_sel_dst dst = dsts[i];
		size_t at = i;

		for (; at > 0 && ip_sel_dst_cmp(policies, &dst, &dsts[at - 1], NULL) < 0; at--)
			dsts[at] = dsts[at - 1];
		dsts[at] = dst;
	}
}
