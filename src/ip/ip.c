/* SPDX-License-Identifier: MIT */
/* The Internet layer as transports see it: dispatch by address family. */
#include "ip/ip.h"

#include "ip/ip4.h"
#include "ip/ip6.h"
#include "link/neigh.h"

int ip_route(struct stack *st, const struct ip_flow *flow, struct ip_dst *ret,
	     struct ip_addr *ret_src)
{
	enum drop why = DROP_IP_FAMILY;

	if (unlikely(ip_addr_is_ip4(&flow->src) != ip_addr_is_ip4(&flow->dst)) &&
	    !ip_addr_is_unspecified(&flow->src))
		return drop_errno(DROP_IP_FAMILY);
	if (likely(ip_addr_is_ip4(&flow->dst)))
		why = ip4_route(st, flow, ret, ret_src);
	else if (st->ip6)
		why = ip6_route(st, flow, ret, ret_src);
	return why == DROP_NONE ? 0 : drop_errno(why);
}

struct route_metrics ip_route_metrics(struct stack *st, const struct ip_flow *flow)
{
	if (ip_addr_is_ip4(&flow->dst))
		return ip4_route_metrics(st, flow);
	return st->ip6 ? ip6_route_metrics(st, flow) : (struct route_metrics){0};
}

int ip_output(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	if (likely(ip_addr_is_ip4(&out->flow.dst)))
		return ip4_output(st, pkt, out);
	return st->ip6 ? ip6_output(st, pkt, out) : pkt_drop(st, pkt, DROP_IP_FAMILY);
}

bool ip_dst_is_valid(const struct stack *st, const struct ip_dst *dst)
{
	return dst->gen == st->ip4->dst_gen;
}

struct neigh *ip_nexthop_neigh(struct netif *netif, const struct ip_addr *addr)
{
	struct ip4 *ip4 = netif->stack->ip4;
	struct ip_nexthop *hop = &ip4->nexthops[addr->b[15] % IP_NEXTHOPS];

	if (likely(hop->gen == ip4->dst_gen && hop->netif == netif && ip_addr_eq(&hop->addr, addr)))
		return hop->neigh;
	*hop = (struct ip_nexthop){.neigh = neigh_find(netif, addr),
				   .netif = netif,
				   .addr = *addr,
				   .gen = ip4->dst_gen};
	/* One that is made later moves no generation. */
	if (!hop->neigh)
		hop->gen = 0;
	return hop->neigh;
}

void ip_dst_invalidate_all(struct stack *st)
{
	if (++st->ip4->dst_gen == 0)
		st->ip4->dst_gen = 1; /* 0 is the generation of an empty struct ip_dst */
}

void ip_pmtu_learn(struct stack *st, const struct ip_addr *dst, uint32_t mtu)
{
	if (st->ip4)
		(void)pmtu_learn(&st->ip4->pmtu, dst, mtu);
}

void ip_pmtu_conf_set(struct stack *st, uint32_t min_pmtu, uint32_t expires_s)
{
	st->ip4->pmtu.conf = (struct pmtu_conf){.min_pmtu = min_pmtu, .expires_s = expires_s};
}

void ip_dst_confirm(struct stack *st, struct ip_dst *dst)
{
	if (ip_dst_is_valid(st, dst) && dst->neigh)
		neigh_confirm(dst->neigh);
}

bool ip_addr_is_local(const struct stack *st, const struct ip_addr *addr)
{
	const struct fib4_route *route;
	struct ip4_addr a;

	if (!ip_addr_is_ip4(addr)) {
		struct ip6_addr six = ip_addr_to_ip6(addr);

		return st->ip6 && ip6_own(st->ip6, &six);
	}
	a = ip_addr_to_ip4(addr);
	if (ip4_own(st->ip4, a) != IP4_OWN_NO)
		return ip4_own(st->ip4, a) == IP4_OWN_LOCAL;
	/* All of 127/8 is ours, but only one address of it is listed. */
	route = fib4_lookup(&st->ip4->fib, a);
	return route && route->type == ROUTE_LOCAL;
}

/* What RFC 6724 asks about an IPv4 address of ours. */
static struct ip_sel_src sel_src_ip4(const struct stack *st, struct ip4_addr addr)
{
	struct ip_sel_src src = {.addr = ip_addr_from_ip4(&addr), .prefix_len = 128};
	const struct ip4_ifaddr *ifa;
	const struct netif *netif;

	list_for_each (netif, &st->netifs, link) {
		list_for_each (ifa, &netif->ip4->addrs, link) {
			if (!ip4_addr_eq(&ifa->addr, &addr))
				continue;
			src.ifindex = netif->index;
			src.prefix_len = (uint8_t)(96 + ifa->prefix_len);
			return src;
		}
	}
	return src;
}

/* Where packets to `dst->addr` would go, and from which address. */
static void dst_find_out(struct stack *st, struct ip_sel_dst *dst)
{
	const struct ip_flow flow = {.dst = dst->addr};
	struct ip_addr src;
	struct ip6_addr six;
	struct ip_dst to;

	dst->is_usable = false;
	dst->src = (struct ip_sel_src){.prefix_len = 0};
	if (ip_route(st, &flow, &to, &src) || ip_addr_is_unspecified(&src))
		return;
	dst->is_usable = true;
	if (ip_addr_is_ip4(&src)) {
		dst->src = sel_src_ip4(st, ip_addr_to_ip4(&src));
		return;
	}
	six = ip_addr_to_ip6(&src);
	/* An address that a route prefers and no interface has any more is as good as one. */
	if (!ip6_sel_src_of(st, &six, &dst->src))
		dst->src = (struct ip_sel_src){.addr = src, .prefix_len = 128};
}

void ip_dsts_sort(struct stack *st, struct ip_sel_dst *dsts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst_find_out(st, &dsts[i]);
	ip_sel_dst_sort(ip6_policies(st), dsts, n);
}
