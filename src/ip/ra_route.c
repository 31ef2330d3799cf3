/* SPDX-License-Identifier: MIT */
/* Routes that routers advertise; how they are ordered is in ra.h. */
#include "core/engine.h"
#include "core/trace.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/ra.h"

#define NSEC_PER_SEC INT64_C(1000000000)

static const uint32_t route_max[RA_ROUTE_KINDS] = {
	[RA_ROUTER] = RA_ROUTERS_MAX,
	[RA_ROUTE] = RA_ROUTES_MAX,
	[RA_PREFIX] = RA_PREFIXES_MAX,
};

static struct ip6 *ip6_of(const struct ra_route *r)
{
	return r->netif->stack->ip6;
}

/* High, medium, low. */
static int pref_rank(uint8_t pref)
{
	return pref == ND_PREF_HIGH ? 0 : pref == ND_PREF_LOW ? 2 : 1;
}

static bool is_before(const struct ra_route *a, const struct ra_route *b)
{
	if (a->is_silent != b->is_silent)
		return b->is_silent;
	/* All silent: in turn. */
	if (!a->is_silent && pref_rank(a->pref) != pref_rank(b->pref))
		return pref_rank(a->pref) < pref_rank(b->pref);
	return a->order < b->order;
}

/*
 * The forwarding table.
 */

static void route_remove(struct ra_route *r)
{
	if (!r->is_installed)
		return;
	/* -ESRCH: an administrator has deleted it before. */
	(void)!fib6_del(
		&ip6_of(r)->fib,
		&(struct fib6_key){.dst = r->prefix,
				   .prefix_len = r->prefix_len,
				   .has_metric = true,
				   .metric = r->kind == RA_PREFIX ? IP6_METRIC_PREFIX : RA_METRIC,
				   .type = ROUTE_UNICAST,
				   .proto = ROUTE_PROTO_RA,
				   .netif = r->netif,
				   .via = r->router});
	r->is_installed = false;
}

/* Without memory it waits for the next change. */
static void route_install(struct ra_route *r)
{
	const struct fib6_route route = {
		.dst = r->prefix,
		.prefix_len = r->prefix_len,
		.netif = r->netif,
		.via = r->router,
		.metric = r->kind == RA_PREFIX ? (uint32_t)IP6_METRIC_PREFIX : (uint32_t)RA_METRIC,
		.type = ROUTE_UNICAST,
		.proto = ROUTE_PROTO_RA,
		.pref = r->pref,
		.until_ns = r->until_ns,
		.is_dead = !(r->netif->flags & NETIF_UP),
	};

	r->is_installed = fib6_add(&ip6_of(r)->fib, &route, FIB6_APPEND) == 0;
}

/* The next of a prefix in order behind `last`; NULL: there is none. */
static struct ra_route *next_of(struct stack *st, const struct ip6_addr *prefix, uint8_t prefix_len,
				const struct ra_route *last)
{
	struct ra_route *best = NULL, *r;
	struct netif *netif;

	list_for_each (netif, &st->netifs, link) {
		if (!netif->ip6 || !netif->ip6->ra)
			continue;
		for (int kind = 0; kind < RA_ROUTE_KINDS; kind++)
			list_for_each (r, &netif->ip6->ra->routes[kind], link)
				if (r->prefix_len == prefix_len &&
				    ip6_addr_eq(&r->prefix, prefix) &&
				    (!last || is_before(last, r)) && (!best || is_before(r, best)))
					best = r;
	}
	return best;
}

/* Puts the routes of a prefix into the table in their order. They are few: the bounds above. */
static void prefix_sync(struct stack *st, const struct ip6_addr *prefix, uint8_t prefix_len)
{
	struct ra_route *r;

	for (r = next_of(st, prefix, prefix_len, NULL); r; r = next_of(st, prefix, prefix_len, r))
		route_remove(r);
	for (r = next_of(st, prefix, prefix_len, NULL); r; r = next_of(st, prefix, prefix_len, r))
		route_install(r);
	ip_dst_invalidate_all(st);
}

/*
 * The list.
 */

static void route_free(struct ra_if *ra, struct ra_route *r)
{
	route_remove(r);
	list_del(&r->link);
	ra->n_routes[r->kind]--;
	mem_free(&ra->netif->stack->eng->mem, r, sizeof(*r));
	ip_dst_invalidate_all(ra->netif->stack);
}

static void timer_set(struct ra_if *ra)
{
	struct engine *eng = ra->netif->stack->eng;
	int64_t next_ns = INT64_MAX;
	struct ra_route *r;

	for (int kind = 0; kind < RA_ROUTE_KINDS; kind++)
		list_for_each (r, &ra->routes[kind], link)
			if (r->until_ns < next_ns)
				next_ns = r->until_ns;
	if (next_ns == INT64_MAX)
		wheel_stop(&eng->wheel, &ra->timer);
	else
		wheel_start(&eng->wheel, &ra->timer, next_ns);
}

/* The last router has gone: perhaps there is another one (RFC 7559 §2.1). */
static void ask_again(struct ra_if *ra)
{
	if (!ra->n_routes[RA_ROUTER])
		rs_start(ra->netif, false);
}

static void routes_timer(struct wheel_timer *timer, int64_t now_ns)
{
	struct ra_if *ra = container_of(timer, struct ra_if, timer);
	bool had_router = ra->n_routes[RA_ROUTER];
	struct ra_route *r;

	for (int kind = 0; kind < RA_ROUTE_KINDS; kind++)
		list_for_each_safe (r, &ra->routes[kind], link)
			if (r->until_ns <= now_ns)
				route_free(ra, r);
	timer_set(ra);
	if (had_router)
		ask_again(ra);
}

static struct ra_route *route_find(const struct ra_if *ra, const struct ra_route_said *said)
{
	struct ra_route *r;

	list_for_each (r, &ra->routes[said->kind], link)
		if (r->prefix_len == said->prefix_len && ip6_addr_eq(&r->prefix, &said->prefix) &&
		    ip6_addr_eq(&r->router, &said->router))
			return r;
	return NULL;
}

/* RFC 4861 §6.3.4 bounds the list of routers: which one makes room for one of this preference. */
static struct ra_route *router_to_replace(const struct ra_if *ra, uint8_t pref)
{
	struct ra_route *worst = NULL, *r;

	list_for_each (r, &ra->routes[RA_ROUTER], link)
		if (!worst || is_before(worst, r))
			worst = r;
	return worst && (worst->is_silent || pref_rank(pref) < pref_rank(worst->pref)) ? worst
										       : NULL;
}

static bool room_make(struct ra_if *ra, const struct ra_route_said *said)
{
	struct ra_route *worst;

	if (ra->n_routes[said->kind] < route_max[said->kind])
		return true;
	worst = said->kind == RA_ROUTER ? router_to_replace(ra, said->pref) : NULL;
	if (!worst)
		return false;
	route_free(ra, worst);
	return true;
}

static struct ra_route *route_new(struct ra_if *ra, const struct ra_route_said *said)
{
	struct stack *st = ra->netif->stack;
	struct ra_route *r;

	if (!room_make(ra, said))
		return NULL;
	r = mem_zalloc(&st->eng->mem, sizeof(*r));
	if (!r)
		return NULL;
	*r = (struct ra_route){.netif = ra->netif,
			       .prefix = said->prefix,
			       .router = said->router,
			       .prefix_len = said->prefix_len,
			       .kind = (uint8_t)said->kind,
			       .order = ++st->ip6->n_ra_orders};
	list_add_tail(&ra->routes[r->kind], &r->link);
	ra->n_routes[r->kind]++;
	return r;
}

bool ra_route_say(struct ra_if *ra, const struct ra_route_said *said)
{
	struct stack *st = ra->netif->stack;
	struct ra_route *r = route_find(ra, said);

	if (!said->lifetime_s) {
		if (r) {
			route_free(ra, r);
			timer_set(ra);
			if (said->kind == RA_ROUTER)
				ask_again(ra);
		}
		return true;
	}
	if (!r)
		r = route_new(ra, said);
	if (!r)
		return false;
	r->pref = said->pref;
	r->until_ns = said->lifetime_s == ND_INFINITE_S
			      ? INT64_MAX
			      : st->eng->now_ns + said->lifetime_s * NSEC_PER_SEC;
	prefix_sync(st, &r->prefix, r->prefix_len);
	timer_set(ra);
	return true;
}

void ra_router_heard(struct netif *netif, const struct ip6_addr *router, bool is_silent)
{
	struct ra_if *ra = netif->ip6->ra;
	struct stack *st = netif->stack;
	struct ra_route *r;

	if (!ra)
		return;
	for (int kind = 0; kind < RA_PREFIX; kind++) {
		list_for_each (r, &ra->routes[kind], link) {
			if ((!is_silent && !r->is_silent) || !ip6_addr_eq(&r->router, router))
				continue;
			r->is_silent = is_silent;
			if (is_silent)
				r->order = ++st->ip6->n_ra_orders;
			prefix_sync(st, &r->prefix, r->prefix_len);
		}
	}
}

void ra_router_gone(struct netif *netif, const struct ip6_addr *router)
{
	struct ra_if *ra = netif->ip6->ra;
	struct ra_route *r;

	if (!ra || !ra_is_router(netif, router))
		return;
	for (int kind = 0; kind < RA_PREFIX; kind++)
		list_for_each_safe (r, &ra->routes[kind], link)
			if (ip6_addr_eq(&r->router, router))
				route_free(ra, r);
	timer_set(ra);
	ask_again(ra);
}

bool ra_is_router(const struct netif *netif, const struct ip6_addr *addr)
{
	const struct ra_route *r;

	if (!netif->ip6->ra)
		return false;
	list_for_each (r, &netif->ip6->ra->routes[RA_ROUTER], link)
		if (ip6_addr_eq(&r->router, addr))
			return true;
	return false;
}

void ra_routes_init(struct ra_if *ra)
{
	for (int kind = 0; kind < RA_ROUTE_KINDS; kind++)
		list_init(&ra->routes[kind]);
	wheel_timer_init(&ra->timer, routes_timer);
}

void ra_routes_fini(struct ra_if *ra)
{
	struct ra_route *r;

	wheel_stop(&ra->netif->stack->eng->wheel, &ra->timer);
	for (int kind = 0; kind < RA_ROUTE_KINDS; kind++)
		list_for_each_safe (r, &ra->routes[kind], link)
			route_free(ra, r);
}
