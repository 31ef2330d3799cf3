/* SPDX-License-Identifier: MIT */
/*
 * Where an IPv4 destination goes, and from which address (RFC 1122 §3.3.1, §3.3.4.3); and routes as
 * a user adds them.
 *
 * The host is weak-ended, as Linux: an address of any interface is ours whatever interface a packet
 * uses.
 */
#include <errno.h>

#include "ip/acd.h"
#include "ip/ip4.h"
#include "ip/ip4_priv.h"
#include "link/neigh.h"

enum drop ip4_route_refusal(const struct fib4_route *route)
{
	if (!route)
		return DROP_IP_NO_ROUTE;
	switch (route->type) {
	case ROUTE_UNREACHABLE:
		return DROP_IP_ROUTE_UNREACHABLE;
	case ROUTE_BLACKHOLE:
		return DROP_IP_ROUTE_BLACKHOLE;
	case ROUTE_PROHIBIT:
		return DROP_IP_ROUTE_PROHIBIT;
	default:
		return DROP_NONE;
	}
}

struct ip4_addr ip4_route_nexthop(const struct fib4_route *route, struct ip4_addr dst)
{
	if (route->type == ROUTE_BROADCAST || ip4_addr_is_broadcast(&dst))
		return IP4_ADDR_BROADCAST;
	/* A group is on the link whatever the route says (RFC 1112 §6.1). */
	if (ip4_addr_is_unspecified(&route->via) || ip4_addr_is_multicast(&dst))
		return dst;
	return route->via;
}

/* A destination resolved, before it becomes a struct ip_dst. */
struct target {
	struct netif *netif;
	struct ip4_addr nexthop;
	struct ip4_addr src;                 /* the route's preference; unspecified: none */
	const struct route_metrics *metrics; /* NULL: none */
	uint8_t prefix_len;
	bool is_local;
};

static enum drop target_local(struct stack *st, struct ip4_addr dst, uint8_t prefix_len,
			      struct target *ret)
{
	if (!st->ip4->lo)
		return DROP_IP_NO_ROUTE;
	*ret = (struct target){
		.netif = st->ip4->lo, .nexthop = dst, .prefix_len = prefix_len, .is_local = true};
	/* Talking to one of our addresses comes from that address. */
	if (ip4_own(st->ip4, dst) == IP4_OWN_LOCAL)
		ret->src = dst;
	return DROP_NONE;
}

/* Bound to an interface that no route to `dst` uses: the destination is taken to be on its link
 * (as Linux), which is also how groups and broadcasts get out without any route. */
static enum drop target_on_link(struct netif *oif, struct ip4_addr dst, struct target *ret)
{
	if (!(oif->flags & NETIF_UP))
		return DROP_IF_DOWN;
	*ret = (struct target){.netif = oif, .nexthop = dst, .prefix_len = 32};
	return DROP_NONE;
}

static enum drop target_route(struct stack *st, const struct fib4_route *route, struct ip4_addr dst,
			      struct target *ret)
{
	enum drop why = ip4_route_refusal(route);

	if (why != DROP_NONE)
		return why;
	if (route->type == ROUTE_LOCAL)
		return target_local(st, dst, route->prefix_len, ret);
	*ret = (struct target){.netif = route->netif,
			       .nexthop = ip4_route_nexthop(route, dst),
			       .src = route->src,
			       .metrics = route_metrics_are_set(&route->metrics) ? &route->metrics
										 : NULL,
			       .prefix_len = route->prefix_len};
	return DROP_NONE;
}

/* The interface that has address `src`; NULL: none. */
static struct netif *netif_of_addr(struct stack *st, struct ip4_addr src)
{
	const struct ip4_ifaddr *ifa;
	struct netif *netif;

	list_for_each (netif, &st->netifs, link)
		list_for_each (ifa, &netif->ip4->addrs, link)
			if (ip4_addr_eq(&ifa->addr, &src))
				return netif;
	return NULL;
}

static enum drop target_find(struct stack *st, const struct ip_flow *flow, struct ip4_addr dst,
			     struct target *ret)
{
	const struct fib4_route *route;
	struct netif *oif = NULL;

	if (ip4_own(st->ip4, dst) == IP4_OWN_LOCAL)
		return target_local(st, dst, 32, ret);
	if (flow->oif) {
		oif = netif_find_index(st, flow->oif);
		if (!oif)
			return DROP_IF_DOWN;
	} else if (ip4_is_group(dst) && ip_addr_is_ip4(&flow->src)) {
		/* The sender said by its address which link it means. */
		oif = netif_of_addr(st, ip_addr_to_ip4(&flow->src));
	}
	if (oif) {
		route = ip4_is_group(dst) ? NULL : fib4_lookup_netif(&st->ip4->fib, dst, oif);
		return route ? target_route(st, route, dst, ret) : target_on_link(oif, dst, ret);
	}
	return target_route(st, fib4_lookup(&st->ip4->fib, dst), dst, ret);
}

/* RFC 1122 §3.3.4.3. Broadcasts and groups may be sent from 0.0.0.0, by a host that does not know
 * its address yet. */
static enum drop source_select(const struct stack *st, const struct target *t, struct ip4_addr dst,
			       struct ip_addr *ret)
{
	struct ip4_addr src = t->src;
	enum drop why = DROP_NONE;

	if (ip4_addr_is_unspecified(&src) && !ip4_addr_select(st, t->netif, t->nexthop, &src)) {
		src = IP4_ADDR_ANY;
		why = ip4_is_group(dst) ? DROP_NONE : DROP_IP_NO_SOURCE;
	}
	if (why == DROP_NONE)
		*ret = ip_addr_from_ip4(&src);
	return why;
}

struct route_metrics ip4_route_metrics(struct stack *st, const struct ip_flow *flow)
{
	struct target t;

	if (target_find(st, flow, ip_addr_to_ip4(&flow->dst), &t) != DROP_NONE || !t.metrics)
		return (struct route_metrics){0};
	return *t.metrics;
}

enum drop ip4_route(struct stack *st, const struct ip_flow *flow, struct ip_dst *ret,
		    struct ip_addr *ret_src)
{
	struct ip4_addr dst = ip_addr_to_ip4(&flow->dst);
	struct ip_addr src = flow->src;
	enum drop why;
	struct target t;
	uint16_t mtu;
	bool is_floor;

	if (ip4_addr_is_unspecified(&dst))
		return DROP_IP_NO_ROUTE;
	why = target_find(st, flow, dst, &t);
	if (why == DROP_NONE && ret_src && ip_addr_is_unspecified(&src))
		why = source_select(st, &t, dst, &src);
	if (why != DROP_NONE)
		return why;
	/* RFC 1122 §3.2.1.3 (g): loopback addresses stay inside the host, also when
	 * the host has given them up and the default route would have them. */
	if (!t.is_local && ip_addr_is_loopback(&src))
		return DROP_IP_NO_SOURCE;
	if (!t.is_local && ip_addr_is_loopback(&flow->dst))
		return DROP_IP_NO_ROUTE;

	mtu = (uint16_t)t.netif->mtu;
	if (t.metrics && t.metrics->mtu && t.metrics->mtu < mtu)
		mtu = t.metrics->mtu;
	*ret = (struct ip_dst){.netif = t.netif,
			       .nexthop = ip_addr_from_ip4(&t.nexthop),
			       .gen = st->ip4->dst_gen,
			       .mtu = mtu,
			       .has_metrics = t.metrics,
			       .prefix_len = t.prefix_len,
			       .is_local = t.is_local};
	if (!t.is_local) {
		ret->mtu = (uint16_t)pmtu_cap(&st->ip4->pmtu, &flow->dst, ret->mtu, &is_floor);
		ret->is_mtu_floor = is_floor;
	}
	ret->neigh = t.is_local ? NULL : neigh_find(t.netif, &ret->nexthop);
	if (ret_src)
		*ret_src = src;
	return DROP_NONE;
}

/*
 * Routes as a user adds them.
 */

/* The interface on whose link a gateway is: by our addresses, else by a route without a gateway. */
static struct netif *gateway_netif(struct stack *st, struct ip4_addr via)
{
	const struct ip4_ifaddr *ifa, *best = NULL;
	const struct fib4_route *route;
	struct netif *netif;

	list_for_each (netif, &st->netifs, link) {
		ifa = ip4_addr_on_link(netif, via);
		if (ifa && (!best || ifa->prefix_len > best->prefix_len))
			best = ifa;
	}
	if (best)
		return best->netif;
	route = fib4_lookup(&st->ip4->fib, via);
	return route && route->type == ROUTE_UNICAST && ip4_addr_is_unspecified(&route->via)
		       ? route->netif
		       : NULL;
}

static bool gateway_is_on_link(struct stack *st, struct ip4_addr via, struct netif *netif)
{
	const struct fib4_route *route;

	/* A prefix whose address is still asked about is on the link all the same. */
	if (ip4_addr_on_link(netif, via) || acd_is_on_link(netif, via))
		return true;
	route = fib4_lookup_netif(&st->ip4->fib, via, netif);
	return route && route->type == ROUTE_UNICAST && ip4_addr_is_unspecified(&route->via);
}

static int gateway_check(struct stack *st, struct fib4_route *r)
{
	if (ip4_is_group(r->via) || ip4_src_is_martian(r->via) || ip4_addr_is_loopback(&r->via) ||
	    ip4_own(st->ip4, r->via) != IP4_OWN_NO)
		return -EINVAL;
	if (!r->netif)
		r->netif = gateway_netif(st, r->via);
	return r->netif && gateway_is_on_link(st, r->via, r->netif) ? 0 : -ENETUNREACH;
}

static int unicast_check(struct stack *st, struct fib4_route *r)
{
	if (!ip4_addr_is_unspecified(&r->src) && ip4_own(st->ip4, r->src) != IP4_OWN_LOCAL)
		return -EINVAL;
	if (!ip4_addr_is_unspecified(&r->via)) {
		r->scope = ROUTE_SCOPE_UNIVERSE;
		return gateway_check(st, r);
	}
	r->scope = ROUTE_SCOPE_LINK;
	return r->netif ? 0 : -EINVAL;
}

/* Completes a user's route: interface and scope; clears what its type does not have. */
static int route_check(struct stack *st, struct fib4_route *r)
{
	switch (r->type) {
	case ROUTE_UNICAST:
		return unicast_check(st, r);
	case ROUTE_UNREACHABLE:
	case ROUTE_BLACKHOLE:
	case ROUTE_PROHIBIT:
		r->netif = NULL;
		r->via = r->src = IP4_ADDR_ANY;
		r->scope = ROUTE_SCOPE_UNIVERSE;
		return 0;
	default:
		return -EINVAL;
	}
}

int ip4_route_add(struct stack *st, const struct fib4_route *route)
{
	struct fib4_route r = *route;
	int err = route_check(st, &r);

	if (!err)
		err = fib4_add(&st->ip4->fib, &r, FIB4_EXCLUSIVE);
	if (!err)
		ip_dst_invalidate_all(st);
	return err;
}

/* The key that finds exactly this route. */
static struct fib4_key route_key(const struct fib4_route *r)
{
	return (struct fib4_key){.dst = r->dst,
				 .prefix_len = r->prefix_len,
				 .has_metric = true,
				 .metric = r->metric,
				 .type = r->type,
				 .proto = r->proto,
				 .netif = r->netif,
				 .via = r->via,
				 .src = r->src};
}

static bool route_is_same(const struct fib4_route *a, const struct fib4_route *b)
{
	return a->type == b->type && a->proto == b->proto && a->netif == b->netif &&
	       ip4_addr_eq(&a->via, &b->via) && ip4_addr_eq(&a->src, &b->src);
}

int ip4_route_append(struct stack *st, const struct fib4_route *route, bool is_replacing)
{
	struct fib4_route r = *route, old;
	const struct fib4_route *found;
	int err = route_check(st, &r);

	if (err)
		return err;
	found = fib4_find(&st->ip4->fib, &(struct fib4_key){.dst = r.dst,
							    .prefix_len = r.prefix_len,
							    .has_metric = true,
							    .metric = r.metric});
	if (is_replacing && !found)
		return -ENOENT;
	if (is_replacing && route_is_same(found, &r))
		return 0;
	if (found)
		old = *found;
	err = fib4_add(&st->ip4->fib, &r, FIB4_APPEND);
	if (!err && is_replacing) {
		struct fib4_key key = route_key(&old);

		/* The old one stands before the new one, so it is found first. */
		err = fib4_del(&st->ip4->fib, &key);
	}
	if (!err)
		ip_dst_invalidate_all(st);
	return err;
}

int ip4_route_del(struct stack *st, const struct fib4_key *key)
{
	int err = fib4_del(&st->ip4->fib, key);

	if (!err)
		ip_dst_invalidate_all(st);
	return err;
}
