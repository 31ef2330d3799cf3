/* SPDX-License-Identifier: MIT */
/* Public calls for IPv6 addresses and routes. */
#include "api/api_ip6.h"

#include <errno.h>

#include "ip/ip6.h"
#include "ip/ra.h"
#include "link/neigh.h"

/* 0, or -EINVAL: another family's. */
static int ip6_of(const struct weft_addr *addr, struct ip6_addr *ret)
{
	if (addr->family != WEFT_AF_INET6)
		return -EINVAL;
	memcpy(ret, addr->bytes, sizeof(*ret));
	return 0;
}

/* The same where no address is allowed, and means "::". */
static int ip6_of_optional(const struct weft_addr *addr, struct ip6_addr *ret)
{
	if (addr->family != WEFT_AF_UNSPEC)
		return ip6_of(addr, ret);
	*ret = IP6_ADDR_ANY;
	return 0;
}

static struct weft_addr weft_ip6_of(const struct ip6_addr *a)
{
	struct weft_addr ret = {.family = WEFT_AF_INET6};

	memcpy(ret.bytes, a, sizeof(*a));
	return ret;
}

static struct weft_addr weft_ip6_of_optional(const struct ip6_addr *a)
{
	return ip6_addr_is_unspecified(a) ? (struct weft_addr){0} : weft_ip6_of(a);
}

/*
 * Addresses.
 */

int api_ip6_addr_put(struct netif *netif, const struct weft_addr *addr, uint8_t prefix_len,
		     const struct weft_addr_how *how)
{
	uint8_t flags = (how->dad ? 0 : IP6_ADDR_F_NODAD) |
			(how->no_prefix_route ? IP6_ADDR_F_NOPREFIXROUTE : 0);
	struct ip6_addr a;
	int err = netif->ip6 ? ip6_of(addr, &a) : -EAFNOSUPPORT;

	if (err)
		return err;
	if (!how->valid_s)
		return ip6_addr_add(netif, &a, prefix_len, flags);
	return ip6_addr_add_for(netif, &a, prefix_len, flags, how->preferred_s, how->valid_s);
}

int api_ip6_addr_del(struct netif *netif, const struct weft_addr *addr, uint8_t prefix_len)
{
	struct ip6_addr a;
	int err = netif->ip6 ? ip6_of(addr, &a) : -EAFNOSUPPORT;

	return err ? err : ip6_addr_del(netif, &a, prefix_len);
}

static uint32_t seconds_left(int64_t until_ns, int64_t now_ns)
{
	int64_t left_s;

	if (until_ns == INT64_MAX)
		return UINT32_MAX;
	left_s = (until_ns - now_ns) / 1000000000;
	return left_s > 0 ? (uint32_t)left_s : 0;
}

static enum weft_addr_state state_of(uint8_t state)
{
	switch ((enum ip6_addr_state)state) {
	case IP6_ADDR_TENTATIVE:
		return WEFT_ADDR_TENTATIVE;
	case IP6_ADDR_DUPLICATE:
		return WEFT_ADDR_DUPLICATE;
	case IP6_ADDR_DEPRECATED:
		return WEFT_ADDR_DEPRECATED;
	default:
		return WEFT_ADDR_PREFERRED;
	}
}

void api_ip6_addrs(struct netif *netif, void (*fn)(void *arg, const struct weft_addr_info *info),
		   void *arg)
{
	int64_t now_ns = netif->stack->eng->now_ns;
	const struct ip6_ifaddr *ifa;

	if (!netif->ip6) /* the stack has no IPv6 */
		return;
	list_for_each (ifa, &netif->ip6->addrs, link) {
		const struct weft_addr_info info = {
			.dev = weft_netif_of(netif),
			.addr = weft_ip6_of(&ifa->addr),
			.prefix_len = ifa->prefix_len,
			.state = state_of(ifa->state),
			.is_auto = ifa->flags & IP6_ADDR_F_AUTO,
			.is_dynamic = ifa->valid_until_ns != INT64_MAX,
			.is_temporary = ifa->flags & IP6_ADDR_F_TEMPORARY,
			.preferred_s = seconds_left(ifa->preferred_until_ns, now_ns),
			.valid_s = seconds_left(ifa->valid_until_ns, now_ns),
		};

		fn(arg, &info);
	}
}

/*
 * What routers say.
 */

int weft_ra_info(const struct weft_netif *nif, struct weft_ra_info *ret)
{
	const struct netif *netif = netif_of_const(nif);
	const struct ra_if *ra = netif->ip6 ? netif->ip6->ra : NULL;

	if (!ra)
		return -ENOENT;
	*ret = (struct weft_ra_info){
		.managed = ra->managed,
		.other = ra->other,
		.hop_limit = netif->ip6->conf.hop_limit,
		.mtu = ip6_netif_mtu(netif),
		.reachable_ms = (uint32_t)netif->neigh6->base_reachable_time_ms,
		.retrans_ms = (uint32_t)netif->neigh6->retrans_time_ms,
		.heard_ago_ns = netif->stack->eng->now_ns - ra->heard_ns,
	};
	return 0;
}

void weft_ra_dns(const struct weft_netif *nif, void (*fn)(void *arg, const struct weft_ra_dns *dns),
		 void *arg)
{
	const struct netif *netif = netif_of_const(nif);
	const struct ra_if *ra = netif->ip6 ? netif->ip6->ra : NULL;
	int64_t now_ns = netif->stack->eng->now_ns;

	for (uint32_t i = 0; ra && i < ra->n_servers; i++) {
		const struct weft_ra_dns dns = {
			.server = weft_ip6_of(&ra->servers[i].addr),
			.lifetime_s = seconds_left(ra->servers[i].until_ns, now_ns)};

		if (dns.lifetime_s)
			fn(arg, &dns);
	}
	for (uint32_t i = 0; ra && i < ra->n_domains; i++) {
		const struct weft_ra_dns dns = {
			.domain = ra->domains[i].name,
			.lifetime_s = seconds_left(ra->domains[i].until_ns, now_ns)};

		if (dns.lifetime_s)
			fn(arg, &dns);
	}
}

/*
 * Routes.
 */

static int fib6_route_of(const struct weft_route *r, uint8_t type, struct fib6_route *ret)
{
	int err;

	*ret = (struct fib6_route){.netif = r->dev ? netif_of(r->dev) : NULL,
				   .metric = r->metric,
				   .prefix_len = r->prefix_len,
				   .type = type,
				   .proto = r->proto ? r->proto : ROUTE_PROTO_BOOT};
	err = ip6_of(&r->dst, &ret->dst);
	if (!err)
		err = ip6_of_optional(&r->via, &ret->via);
	if (!err)
		err = ip6_of_optional(&r->src, &ret->src);
	if (!err)
		err = api_route_metrics_of(r, &ret->metrics);
	return err;
}

int api_ip6_route_put(struct stack *st, const struct weft_route *r, uint8_t type,
		      enum weft_route_how how)
{
	struct fib6_route route;
	int err = st->ip6 ? fib6_route_of(r, type, &route) : -EAFNOSUPPORT;

	if (err)
		return err;
	if (route.netif && route.netif->stack != st)
		return -EINVAL;
	switch (how) {
	case WEFT_ROUTE_ADD:
		return ip6_route_add(st, &route);
	case WEFT_ROUTE_APPEND:
		return ip6_route_append(st, &route, false);
	case WEFT_ROUTE_CHANGE:
		return ip6_route_append(st, &route, true);
	case WEFT_ROUTE_REPLACE:
		err = ip6_route_append(st, &route, true);
		return err == -ENOENT ? ip6_route_add(st, &route) : err;
	}
	return -EINVAL;
}

int api_ip6_route_del(struct stack *st, const struct weft_route *r, uint8_t type)
{
	struct fib6_route route;
	int err = st->ip6 ? fib6_route_of(r, type, &route) : -EAFNOSUPPORT;

	if (err)
		return err;
	return ip6_route_del(st, &(struct fib6_key){.dst = route.dst,
						    .prefix_len = route.prefix_len,
						    .has_metric = route.metric != 0,
						    .metric = route.metric,
						    .type = type,
						    .proto = r->proto,
						    .netif = route.netif,
						    .via = route.via,
						    .src = route.src});
}

struct routes_walk {
	enum weft_route_type (*type_of)(uint8_t type);
	void (*fn)(void *arg, const struct weft_route_info *info);
	void *arg;
	int64_t now_ns;
};

static bool routes_show(void *arg, const struct fib6_route *r)
{
	const struct routes_walk *w = arg;
	struct weft_route_info info = {
		.route = {.dst = weft_ip6_of(&r->dst),
			  .prefix_len = r->prefix_len,
			  .via = weft_ip6_of_optional(&r->via),
			  .src = weft_ip6_of_optional(&r->src),
			  .dev = r->netif ? weft_netif_of(r->netif) : NULL,
			  .metric = r->metric,
			  .type = w->type_of(r->type)},
		.proto = r->proto,
		.scope = r->scope,
		.pref = r->pref,
		.expires_s = r->until_ns ? seconds_left(r->until_ns, w->now_ns) : UINT32_MAX,
		.is_dead = r->is_dead,
	};

	api_route_metrics_show(&r->metrics, &info.route);
	w->fn(w->arg, &info);
	return true;
}

void api_ip6_routes(struct stack *st, enum weft_route_type (*type_of)(uint8_t type),
		    void (*fn)(void *arg, const struct weft_route_info *info), void *arg)
{
	struct routes_walk w = {
		.type_of = type_of, .fn = fn, .arg = arg, .now_ns = st->eng->now_ns};

	if (st->ip6)
		fib6_for_each(&st->ip6->fib, routes_show, &w);
}

static enum weft_route_type dst_type(const struct ip6_addr *dst, const struct ip_dst *to)
{
	if (ip6_addr_is_multicast(dst))
		return WEFT_ROUTE_MULTICAST;
	return to->is_local ? WEFT_ROUTE_LOCAL : WEFT_ROUTE_UNICAST;
}

int api_ip6_route_get(struct stack *st, const struct weft_addr *dst, const struct weft_addr *src,
		      const struct netif *oif, struct weft_route_info *ret)
{
	struct ip6_addr to, from = IP6_ADDR_ANY, hop;
	struct ip_addr chosen;
	struct ip_flow flow;
	struct ip_dst out;
	int err = st->ip6 ? ip6_of(dst, &to) : -EAFNOSUPPORT;

	if (!err && src)
		err = ip6_of_optional(src, &from);
	if (err)
		return err;
	if (!ip6_addr_is_unspecified(&from) && !ip6_own(st->ip6, &from))
		return -ENETUNREACH;
	flow = (struct ip_flow){.dst = ip_addr_from_ip6(&to),
				.src = ip_addr_from_ip6(&from),
				.oif = oif ? oif->index : 0};
	err = ip_route(st, &flow, &out, &chosen);
	if (err)
		return err;
	hop = ip_addr_to_ip6(&out.nexthop);
	from = ip_addr_to_ip6(&chosen);
	*ret = (struct weft_route_info){
		.route = {.dst = *dst,
			  .prefix_len = 128,
			  .dev = weft_netif_of(out.netif),
			  .src = weft_ip6_of_optional(&from),
			  .type = dst_type(&to, &out)},
	};
	if (out.has_metrics) {
		struct route_metrics m = ip_route_metrics(st, &flow);

		api_route_metrics_show(&m, &ret->route);
	}
	if (ret->route.type == WEFT_ROUTE_UNICAST && !ip6_addr_eq(&hop, &to))
		ret->route.via = weft_ip6_of(&hop);
	return 0;
}
