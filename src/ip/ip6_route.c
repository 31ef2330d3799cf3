/* SPDX-License-Identifier: MIT */
/*
 * Where an IPv6 destination goes, and from which address; and routes as a user adds them.
 *
 * The host is weak-ended, as Linux: an address of any interface is ours whatever interface a packet
 * uses, but for link-local ones, which belong to their link (RFC 4007 §6).
 */
#include <errno.h>

#include "ip/ip4.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "link/neigh.h"

enum drop ip6_route_refusal(const struct fib6_route *route)
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

/* A destination resolved, before it becomes a struct ip_dst. */
struct target {
	struct netif *netif;
	struct ip6_addr nexthop;
	struct ip6_addr src;                 /* the route's preference; unspecified: none */
	const struct route_metrics *metrics; /* NULL: none */
	uint8_t prefix_len;
	bool is_local;
};

static enum drop target_local(struct stack *st, const struct ip6_addr *dst, uint8_t prefix_len,
			      struct target *ret)
{
	if (!st->ip6->lo)
		return DROP_IP_NO_ROUTE;
	/* Talking to one of our addresses comes from that address. */
	*ret = (struct target){.netif = st->ip6->lo,
			       .nexthop = *dst,
			       .src = *dst,
			       .prefix_len = prefix_len,
			       .is_local = true};
	return DROP_NONE;
}

/* Bound to an interface that no route to `dst` uses: the destination is taken to be on its link,
 * which is also how groups get out without any route. */
static enum drop target_on_link(struct netif *oif, const struct ip6_addr *dst, struct target *ret)
{
	if (!(oif->flags & NETIF_UP))
		return DROP_IF_DOWN;
	*ret = (struct target){.netif = oif, .nexthop = *dst, .prefix_len = 128};
	return DROP_NONE;
}

static enum drop target_route(struct stack *st, const struct fib6_route *route,
			      const struct ip6_addr *dst, struct target *ret)
{
	enum drop why = ip6_route_refusal(route);

	if (why != DROP_NONE)
		return why;
	if (route->type == ROUTE_LOCAL)
		return target_local(st, dst, route->prefix_len, ret);
	*ret = (struct target){.netif = route->netif,
			       .nexthop = ip6_addr_is_unspecified(&route->via) ? *dst : route->via,
			       .src = route->src,
			       .metrics = route_metrics_are_set(&route->metrics) ? &route->metrics
										 : NULL,
			       .prefix_len = route->prefix_len};
	return DROP_NONE;
}

/* The interface that has address `src`; NULL: none. */
static struct netif *netif_of_addr(struct stack *st, const struct ip6_addr *src)
{
	struct netif *netif;

	list_for_each (netif, &st->netifs, link)
		if (ip6_addr_is_on(netif, src))
			return netif;
	return NULL;
}

/* Where groups go when nobody has said by which interface. */
static struct netif *netif_for_groups(struct stack *st)
{
	struct netif *netif;

	list_for_each (netif, &st->netifs, link)
		if ((netif->flags & NETIF_UP) && !(netif->flags & NETIF_LOOPBACK) &&
		    netif->ip6->n_addrs)
			return netif;
	return NULL;
}

/* A destination that means something on one link only: the sender says which by the interface, or
 * by its own address of that link. */
static enum drop oif_of(struct stack *st, const struct ip_flow *flow, const struct ip6_addr *dst,
			struct netif **ret)
{
	bool is_group = ip6_addr_is_multicast(dst);
	struct ip6_addr src = ip_addr_to_ip6(&flow->src);

	*ret = NULL;
	if (flow->oif) {
		*ret = netif_find_index(st, flow->oif);
		return *ret ? DROP_NONE : DROP_IF_DOWN;
	}
	if ((is_group || ip6_addr_is_link_local(dst)) && !ip6_addr_is_unspecified(&src))
		*ret = netif_of_addr(st, &src);
	if (is_group && !*ret) {
		*ret = netif_for_groups(st);
		return *ret ? DROP_NONE : DROP_IP_NO_ROUTE;
	}
	return DROP_NONE;
}

static bool dst_is_ours(struct stack *st, const struct ip6_addr *dst, const struct netif *oif)
{
	if (!ip6_own(st->ip6, dst))
		return false;
	return !oif || !ip6_addr_is_link_local(dst) || ip6_addr_is_on(oif, dst) ||
	       (oif->flags & NETIF_LOOPBACK);
}

static enum drop target_find(struct stack *st, const struct ip_flow *flow,
			     const struct ip6_addr *dst, struct target *ret)
{
	const struct fib6_route *route;
	struct netif *oif;
	enum drop why = oif_of(st, flow, dst, &oif);

	if (why != DROP_NONE)
		return why;
	if (dst_is_ours(st, dst, oif))
		return target_local(st, dst, 128, ret);
	if (!oif)
		return target_route(st, fib6_lookup(&st->ip6->fib, dst), dst, ret);
	route = ip6_addr_is_multicast(dst) ? NULL : fib6_lookup_netif(&st->ip6->fib, dst, oif);
	return route ? target_route(st, route, dst, ret) : target_on_link(oif, dst, ret);
}

static enum drop source_select(const struct stack *st, const struct target *t,
			       const struct ip6_addr *dst, uint8_t prefs, struct ip_addr *ret)
{
	struct ip6_addr src = t->src;
	const struct ip6_addr_want want = {.out = t->netif,
					   .dst = *dst,
					   .router = ip6_addr_eq(&t->nexthop, dst) ? IP6_ADDR_ANY
										   : t->nexthop,
					   .prefs = prefs};

	/* A group of the link may be spoken to by a host that has no address yet. */
	if (ip6_addr_is_unspecified(&src) && !ip6_addr_select_best(st, &want, &src) &&
	    !ip6_addr_is_multicast(dst))
		return DROP_IP_NO_SOURCE;
	*ret = ip_addr_from_ip6(&src);
	return DROP_NONE;
}

struct route_metrics ip6_route_metrics(struct stack *st, const struct ip_flow *flow)
{
	struct ip6_addr dst = ip_addr_to_ip6(&flow->dst);
	struct target t;

	if (target_find(st, flow, &dst, &t) != DROP_NONE || !t.metrics)
		return (struct route_metrics){0};
	return *t.metrics;
}

enum drop ip6_route(struct stack *st, const struct ip_flow *flow, struct ip_dst *ret,
		    struct ip_addr *ret_src)
{
	struct ip6_addr dst = ip_addr_to_ip6(&flow->dst);
	struct ip_addr src = flow->src;
	enum drop why;
	bool is_floor;
	uint16_t mtu;
	struct target t;

	if (ip6_addr_is_unspecified(&dst))
		return DROP_IP_NO_ROUTE;
	if (ip_addr_is_ip4(&src)) { /* a v4-mapped source: 0.0.0.0 is no address yet */
		if (!ip_addr_is_unspecified(&src))
			return DROP_IP_NO_SOURCE;
		src = (struct ip_addr){{0}};
	}
	why = target_find(st, flow, &dst, &t);
	if (why == DROP_NONE && ret_src && ip_addr_is_unspecified(&src))
		why = source_select(st, &t, &dst, flow->srcprefs, &src);
	if (why != DROP_NONE)
		return why;
	/* RFC 4291 §2.5.3: the loopback address stays inside the host, also when
	 * the host has given it up and the default route would have it. */
	if (!t.is_local && ip_addr_is_loopback(&src))
		return DROP_IP_NO_SOURCE;
	if (!t.is_local && ip_addr_is_loopback(&flow->dst))
		return DROP_IP_NO_ROUTE;

	mtu = (uint16_t)ip6_netif_mtu(t.netif);
	if (t.metrics && t.metrics->mtu && t.metrics->mtu < mtu)
		mtu = t.metrics->mtu;
	*ret = (struct ip_dst){.netif = t.netif,
			       .nexthop = ip_addr_from_ip6(&t.nexthop),
			       .gen = st->ip4->dst_gen,
			       .mtu = mtu,
			       .has_metrics = t.metrics,
			       .prefix_len = t.prefix_len,
			       .is_local = t.is_local};
	if (!t.is_local)
		ret->mtu = (uint16_t)pmtu_cap(&st->ip4->pmtu, &flow->dst, ret->mtu, &is_floor);
	ret->neigh = t.is_local ? NULL : neigh_find(t.netif, &ret->nexthop);
	if (ret_src)
		*ret_src = src;
	return DROP_NONE;
}

/*
 * Routes as a user adds them.
 */

/* A gateway is on the link of `route->netif` when nothing is said about it, or it is link-local, or
 * there is a route to it that has no gateway itself. */
static int gateway_check(struct stack *st, struct fib6_route *r)
{
	const struct fib6_route *to;

	if (ip6_addr_is_multicast(&r->via) || ip6_addr_is_loopback(&r->via) ||
	    ip6_addr_is_mapped(&r->via))
		return -EINVAL;
	if (ip6_addr_is_link_local(&r->via)) {
		if (!r->netif || ip6_addr_is_on(r->netif, &r->via))
			return -EINVAL;
		return 0;
	}
	if (ip6_own(st->ip6, &r->via))
		return -EINVAL;
	to = r->netif ? fib6_lookup_netif(&st->ip6->fib, &r->via, r->netif)
		      : fib6_lookup(&st->ip6->fib, &r->via);
	if (!to || to->type != ROUTE_UNICAST || !ip6_addr_is_unspecified(&to->via))
		return -ENETUNREACH;
	r->netif = to->netif;
	return 0;
}

static int unicast_check(struct stack *st, struct fib6_route *r)
{
	if (!ip6_addr_is_unspecified(&r->src) && !ip6_own(st->ip6, &r->src))
		return -EINVAL;
	if (!ip6_addr_is_unspecified(&r->via))
		return gateway_check(st, r);
	return r->netif ? 0 : -EINVAL;
}

/* Completes a user's route; clears what its type does not have. */
static int route_check(struct stack *st, struct fib6_route *r)
{
	if (!r->metric)
		r->metric = IP6_METRIC_DEFAULT;
	if (ip6_addr_is_multicast(&r->dst) || ip6_addr_is_mapped(&r->dst))
		return -EINVAL;
	switch (r->type) {
	case ROUTE_UNICAST:
		return unicast_check(st, r);
	case ROUTE_UNREACHABLE:
	case ROUTE_BLACKHOLE:
	case ROUTE_PROHIBIT:
		r->netif = NULL;
		r->via = r->src = IP6_ADDR_ANY;
		return 0;
	default:
		return -EINVAL;
	}
}

int ip6_route_add(struct stack *st, const struct fib6_route *route)
{
	struct fib6_route r = *route;
	int err = route_check(st, &r);

	if (!err)
		err = fib6_add(&st->ip6->fib, &r, FIB6_EXCLUSIVE);
	if (!err)
		ip_dst_invalidate_all(st);
	return err;
}

/* The key that finds exactly this route. */
static struct fib6_key route_key(const struct fib6_route *r)
{
	return (struct fib6_key){.dst = r->dst,
				 .prefix_len = r->prefix_len,
				 .has_metric = true,
				 .metric = r->metric,
				 .type = r->type,
				 .proto = r->proto,
				 .netif = r->netif,
				 .via = r->via,
				 .src = r->src};
}

static bool route_is_same(const struct fib6_route *a, const struct fib6_route *b)
{
	return a->type == b->type && a->proto == b->proto && a->netif == b->netif &&
	       ip6_addr_eq(&a->via, &b->via) && ip6_addr_eq(&a->src, &b->src);
}

int ip6_route_append(struct stack *st, const struct fib6_route *route, bool is_replacing)
{
	struct fib6_route r = *route, old;
	const struct fib6_route *found;
	int err = route_check(st, &r);

	if (err)
		return err;
	found = fib6_find(&st->ip6->fib, &(struct fib6_key){.dst = r.dst,
							    .prefix_len = r.prefix_len,
							    .has_metric = true,
							    .metric = r.metric});
	if (is_replacing && !found)
		return -ENOENT;
	if (is_replacing && route_is_same(found, &r))
		return 0;
	if (found)
		old = *found;
	err = fib6_add(&st->ip6->fib, &r, FIB6_APPEND);
	if (!err && is_replacing) {
		struct fib6_key key = route_key(&old);

		/* The old one stands before the new one, so it is found first. */
		err = fib6_del(&st->ip6->fib, &key);
	}
	if (!err)
		ip_dst_invalidate_all(st);
	return err;
}

int ip6_route_del(struct stack *st, const struct fib6_key *key)
{
	int err = fib6_del(&st->ip6->fib, key);

	if (!err)
		ip_dst_invalidate_all(st);
	return err;
}
