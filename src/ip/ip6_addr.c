/* SPDX-License-Identifier: MIT */
/*
 * IPv6 addresses of interfaces, and what follows from one:
 *
 *	2001:db8::1/64 dev eth0   ->   local   2001:db8::1/128 dev eth0
 *	                               unicast 2001:db8::/64   dev eth0  metric 256
 *
 * Several addresses may give rise to the same prefix route; it goes with the last of them. The same
 * link-local address may be on several interfaces (routers are fe80::1 on all of them).
 *
 * An address is tentative first (dad.c) and has the unicast route alone; valid, it has both and is
 * in the table of our own; its lifetimes make it deprecated and take it away (ip6_life.c). Those of
 * router advertisements are made by slaac.c.
 */
#include <errno.h>

#include "ip/dad.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/mcast.h"
#include "ip/mld.h"
#include "ip/ra.h"

enum {
	OWN_BUCKETS_MIN = 8,
	ADDR_ROUTES = 2,
	LINK_LOCAL_PREFIX = 64,
};

static struct mem *ip6_mem(const struct stack *st)
{
	return &st->eng->mem;
}

/*
 * Addresses as such.
 */

enum ip6_scope ip6_addr_scope(const struct ip6_addr *a)
{
	if (ip6_addr_is_multicast(a))
		return (enum ip6_scope)(a->b[1] & 0xf);
	if (ip6_addr_is_loopback(a) || ip6_addr_is_link_local(a))
		return IP6_SCOPE_LINK; /* RFC 6724 §3.4 */
	if (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0)
		return IP6_SCOPE_SITE; /* deprecated by RFC 3879 */
	return IP6_SCOPE_GLOBAL;
}

struct ip6_addr ip6_solicited_node(const struct ip6_addr *a)
{
	return ip6_addr_make(UINT64_C(0xff02) << 48,
			     UINT64_C(0x1ff000000) | (load_be32(a->b + 12) & 0xffffff));
}

bool ip6_addr_is_mapped(const struct ip6_addr *a)
{
	return load_be64(a->b) == 0 && load_be32(a->b + 8) == 0xffff;
}

struct ip6_addr ip6_addr_prefix(const struct ip6_addr *a, unsigned int len)
{
	uint64_t hi = load_be64(a->b), lo = load_be64(a->b + 8);

	if (len <= 64) {
		lo = 0;
		hi &= len ? UINT64_MAX << (64 - len) : 0;
	} else {
		lo &= UINT64_MAX << (128 - len);
	}
	return ip6_addr_make(hi, lo);
}

unsigned int ip6_common_len(const struct ip6_addr *a, const struct ip6_addr *b)
{
	uint64_t hi = load_be64(a->b) ^ load_be64(b->b);
	uint64_t lo = load_be64(a->b + 8) ^ load_be64(b->b + 8);

	if (hi)
		return (unsigned int)__builtin_clzll(hi);
	return lo ? 64 + (unsigned int)__builtin_clzll(lo) : 128;
}

/*
 * The table of our own addresses.
 */

int ip6_own_init(struct stack *st)
{
	struct ip6 *ip6 = st->ip6;

	ip6->own = mem_zalloc_array(ip6_mem(st), OWN_BUCKETS_MIN, sizeof(*ip6->own));
	if (!ip6->own)
		return -ENOMEM;
	ip6->own_mask = OWN_BUCKETS_MIN - 1;
	return 0;
}

void ip6_own_fini(struct stack *st)
{
	struct ip6 *ip6 = st->ip6;

	if (!ip6->own)
		return;
	assert(ip6->n_own == 0);
	mem_free(ip6_mem(st), ip6->own, (ip6->own_mask + 1) * sizeof(*ip6->own));
}

/* Doubles the table; when there is no memory, chains stay longer. */
static void own_grow(struct stack *st)
{
	struct ip6 *ip6 = st->ip6;
	uint32_t n_old = ip6->own_mask + 1;
	struct hlist *old = ip6->own;
	struct hlist *new = mem_zalloc_array(ip6_mem(st), 2 * (size_t)n_old, sizeof(*new));
	struct ip6_own_entry *e;

	if (!new)
		return;
	ip6->own = new;
	ip6->own_mask = 2 * n_old - 1;
	for (uint32_t i = 0; i < n_old; i++) {
		hlist_for_each_safe (e, &old[i], node) {
			hlist_del(&e->node);
			hlist_add(&new[ip6_own_hash(ip6, &e->addr)], &e->node);
		}
	}
	mem_free(ip6_mem(st), old, n_old * sizeof(*old));
}

static struct ip6_own_entry *own_find(const struct ip6 *ip6, const struct ip6_addr *addr)
{
	struct ip6_own_entry *e;

	hlist_for_each (e, &ip6->own[ip6_own_hash(ip6, addr)], node)
		if (ip6_addr_eq(&e->addr, addr))
			return e;
	return NULL;
}

static int own_ref(struct stack *st, const struct ip6_addr *addr)
{
	struct ip6 *ip6 = st->ip6;
	struct ip6_own_entry *e = own_find(ip6, addr);

	if (!e) {
		e = mem_zalloc(ip6_mem(st), sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->addr = *addr;
		if (ip6->n_own++ > 2 * ip6->own_mask)
			own_grow(st);
		hlist_add(&ip6->own[ip6_own_hash(ip6, addr)], &e->node);
	}
	e->n++;
	return 0;
}

static void own_unref(struct stack *st, const struct ip6_addr *addr)
{
	struct ip6_own_entry *e = own_find(st->ip6, addr);

	if (--e->n)
		return;
	hlist_del(&e->node);
	st->ip6->n_own--;
	mem_free(ip6_mem(st), e, sizeof(*e));
}

/*
 * What follows from an address.
 */

static struct fib6_route local_route(const struct ip6_ifaddr *ifa)
{
	return (struct fib6_route){.dst = ifa->addr,
				   .prefix_len = 128,
				   .netif = ifa->netif,
				   .type = ROUTE_LOCAL,
				   .proto = ROUTE_PROTO_KERNEL};
}

/* The routes of an address; returns how many. */
static unsigned int ifaddr_routes(const struct ip6_ifaddr *ifa, struct fib6_route *ret)
{
	struct fib6_route base = {.netif = ifa->netif, .proto = ROUTE_PROTO_KERNEL};
	unsigned int n = 0;

	if (ip6_ifaddr_is_valid(ifa))
		ret[n++] = local_route(ifa);
	if (ifa->prefix_len < 128 && !(ifa->flags & IP6_ADDR_F_NOPREFIXROUTE)) {
		base.dst = ip6_addr_prefix(&ifa->addr, ifa->prefix_len);
		base.prefix_len = ifa->prefix_len;
		base.type = ROUTE_UNICAST;
		base.metric = IP6_METRIC_PREFIX;
		ret[n++] = base;
	}
	return n;
}

static bool route_follows_from(const struct fib6_route *r, const struct ip6_ifaddr *ifa)
{
	struct fib6_route theirs[ADDR_ROUTES];
	unsigned int n = ifaddr_routes(ifa, theirs);

	for (unsigned int i = 0; i < n; i++)
		if (theirs[i].prefix_len == r->prefix_len && theirs[i].type == r->type &&
		    ip6_addr_eq(&theirs[i].dst, &r->dst))
			return true;
	return false;
}

/* Deletes the first `n` of the routes, unless another address of the interface needs them too. */
static void routes_del(struct ip6_if *ifs, struct ip6 *ip6, const struct fib6_route *routes,
		       unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct fib6_route *r = &routes[i];
		const struct ip6_ifaddr *ifa;
		bool needed = false;

		list_for_each (ifa, &ifs->addrs, link)
			needed = needed || route_follows_from(r, ifa);
		/* -ESRCH: an administrator has deleted it before. */
		if (!needed)
			(void)!fib6_del(&ip6->fib, &(struct fib6_key){.dst = r->dst,
								      .prefix_len = r->prefix_len,
								      .has_metric = true,
								      .metric = r->metric,
								      .type = r->type,
								      .proto = r->proto,
								      .netif = r->netif});
	}
}

/* All routes or none. `ifa` is not on the interface's list yet. */
static int routes_add(struct ip6_if *ifs, struct ip6 *ip6, const struct ip6_ifaddr *ifa)
{
	struct fib6_route routes[ADDR_ROUTES];
	unsigned int n = ifaddr_routes(ifa, routes);

	for (unsigned int i = 0; i < n; i++) {
		int err = fib6_add(&ip6->fib, &routes[i], FIB6_APPEND);

		if (err && err != -EEXIST) {
			routes_del(ifs, ip6, routes, i);
			return err;
		}
	}
	return 0;
}

/*
 * Adding and deleting.
 */

static bool ifaddr_is_right(const struct netif *netif, const struct ip6_addr *addr,
			    uint8_t prefix_len)
{
	return prefix_len <= 128 && !ip6_addr_is_unspecified(addr) &&
	       !ip6_addr_is_multicast(addr) && !ip6_addr_is_mapped(addr) &&
	       (!ip6_addr_is_loopback(addr) || (netif->flags & NETIF_LOOPBACK));
}

struct ip6_ifaddr *ip6_ifaddr_find(const struct netif *netif, const struct ip6_addr *addr)
{
	struct ip6_ifaddr *ifa;

	list_for_each (ifa, &netif->ip6->addrs, link)
		if (ip6_addr_eq(&ifa->addr, addr))
			return ifa;
	return NULL;
}

bool ip6_addr_is_on(const struct netif *netif, const struct ip6_addr *addr)
{
	const struct ip6_ifaddr *ifa = ip6_ifaddr_find(netif, addr);

	return ifa && ip6_ifaddr_is_valid(ifa);
}

/* By scope, the widest first; among equals in order of adding. Linux shows them so. */
static void ifaddr_insert(struct ip6_if *ifs, struct ip6_ifaddr *ifa)
{
	struct ip6_ifaddr *other;

	list_for_each (other, &ifs->addrs, link) {
		if (ip6_addr_scope(&other->addr) < ip6_addr_scope(&ifa->addr)) {
			list_add_tail(&other->link, &ifa->link);
			return;
		}
	}
	list_add_tail(&ifs->addrs, &ifa->link);
}

/* Its place in the table of our own, while it is valid. */
static int ifaddr_own(struct ip6_ifaddr *ifa)
{
	return ip6_ifaddr_is_valid(ifa) ? own_ref(ifa->netif->stack, &ifa->addr) : 0;
}

static void ifaddr_disown(const struct ip6_ifaddr *ifa)
{
	if (ip6_ifaddr_is_valid(ifa))
		own_unref(ifa->netif->stack, &ifa->addr);
}

/* Those who keep what follows from addresses. */
static void ifaddr_told(struct netif *netif)
{
	ip_dst_invalidate_all(netif->stack);
	mld_addrs_changed(netif);
}

static struct ip6_ifaddr *ifaddr_new(struct netif *netif, const struct ip6_addr *addr,
				     uint8_t prefix_len, uint8_t flags)
{
	struct stack *st = netif->stack;
	struct ip6_ifaddr *ifa = mem_zalloc(ip6_mem(st), sizeof(*ifa));

	if (!ifa)
		return NULL;
	*ifa = (struct ip6_ifaddr){.netif = netif,
				   .addr = *addr,
				   .prefix_len = prefix_len,
				   .state = IP6_ADDR_PREFERRED,
				   .flags = flags,
				   .created_ns = st->eng->now_ns};
	if (dad_is_needed(ifa))
		ifa->state = IP6_ADDR_TENTATIVE;
	ip6_life_init(ifa);
	dad_init(ifa);
	return ifa;
}

static int ifaddr_join(struct ip6_ifaddr *ifa)
{
	struct netif *netif = ifa->netif;
	int err = ifaddr_own(ifa);

	if (err)
		return err;
	err = routes_add(netif->ip6, netif->stack->ip6, ifa);
	if (err) {
		ifaddr_disown(ifa);
		return err;
	}
	ifaddr_insert(netif->ip6, ifa);
	netif->ip6->n_addrs++;
	return 0;
}

/* Routers are asked for from the link-local address. */
static void ifaddr_solicit(const struct ip6_ifaddr *ifa, bool is_at_once)
{
	if (ip6_addr_is_link_local(&ifa->addr) && ip6_ifaddr_is_valid(ifa))
		rs_start(ifa->netif, is_at_once);
}

int ip6_addr_add_for(struct netif *netif, const struct ip6_addr *addr, uint8_t prefix_len,
		     uint8_t flags, uint32_t preferred_s, uint32_t valid_s)
{
	struct stack *st = netif->stack;
	struct ip6_ifaddr *ifa;
	int err;

	if (!ifaddr_is_right(netif, addr, prefix_len) || !valid_s || preferred_s > valid_s)
		return -EINVAL;
	if (netif->ip6->conf.disable)
		return -EACCES;
	if (ip6_ifaddr_find(netif, addr))
		return -EEXIST;
	if (netif->ip6->n_addrs == IP6_IF_ADDRS_MAX)
		return -ENOSPC;
	ifa = ifaddr_new(netif, addr, prefix_len, flags);
	if (!ifa)
		return -ENOMEM;
	err = ifaddr_join(ifa);
	if (err) {
		mem_free(ip6_mem(st), ifa, sizeof(*ifa));
		return err;
	}
	dad_start(ifa);
	ip6_ifaddr_set_life(ifa, preferred_s, valid_s);
	ifaddr_told(netif);
	ifaddr_solicit(ifa, false);
	return 0;
}

int ip6_addr_add(struct netif *netif, const struct ip6_addr *addr, uint8_t prefix_len,
		 uint8_t flags)
{
	return ip6_addr_add_for(netif, addr, prefix_len, flags, IP6_LIFE_EVER, IP6_LIFE_EVER);
}

/* It begins to be valid, or ceases to. */
static int ifaddr_set_valid(struct ip6_ifaddr *ifa, enum ip6_addr_state state)
{
	struct stack *st = ifa->netif->stack;
	struct fib6_route local = local_route(ifa);
	int err;

	if (ip6_ifaddr_is_valid(ifa)) {
		ifaddr_disown(ifa);
		ifa->state = (uint8_t)state;
		routes_del(ifa->netif->ip6, st->ip6, &local, 1);
		if (!ip6_own(st->ip6, &ifa->addr))
			fib6_src_del(&st->ip6->fib, &ifa->addr);
		return 0;
	}
	err = own_ref(st, &ifa->addr);
	if (err)
		return err;
	err = fib6_add(&st->ip6->fib, &local, FIB6_APPEND);
	if (err && err != -EEXIST) {
		own_unref(st, &ifa->addr);
		return err;
	}
	ifa->state = (uint8_t)state;
	return 0;
}

int ip6_ifaddr_set_state(struct ip6_ifaddr *ifa, enum ip6_addr_state state)
{
	bool was_tentative = ifa->state == IP6_ADDR_TENTATIVE;
	bool will_be_valid = state >= IP6_ADDR_PREFERRED;
	int err = 0;

	if (ip6_ifaddr_is_valid(ifa) == will_be_valid)
		ifa->state = (uint8_t)state;
	else
		err = ifaddr_set_valid(ifa, state);
	if (err)
		return err;
	ifaddr_told(ifa->netif);
	if (was_tentative)
		ifaddr_solicit(ifa, true);
	return 0;
}

void ip6_ifaddr_free(struct ip6_ifaddr *ifa)
{
	struct netif *netif = ifa->netif;
	struct stack *st = netif->stack;
	struct fib6_route routes[ADDR_ROUTES];
	unsigned int n = ifaddr_routes(ifa, routes);

	wheel_stop(&st->eng->wheel, &ifa->life_timer);
	wheel_stop(&st->eng->wheel, &ifa->dad_timer);
	list_del(&ifa->link);
	netif->ip6->n_addrs--;
	routes_del(netif->ip6, st->ip6, routes, n);
	ifaddr_disown(ifa);
	if (!ip6_own(st->ip6, &ifa->addr))
		fib6_src_del(&st->ip6->fib, &ifa->addr);
	mem_free(ip6_mem(st), ifa, sizeof(*ifa));
	ifaddr_told(netif);
}

int ip6_addr_del(struct netif *netif, const struct ip6_addr *addr, uint8_t prefix_len)
{
	struct ip6_ifaddr *ifa = ip6_ifaddr_find(netif, addr);

	if (!ifa || ifa->prefix_len != prefix_len)
		return -EADDRNOTAVAIL;
	ip6_ifaddr_free(ifa);
	return 0;
}

/*
 * Interfaces.
 */

int ip6_addr_netif_add(struct netif *netif)
{
	struct ip6_if *ifs = mem_zalloc(ip6_mem(netif->stack), sizeof(*ifs));

	if (!ifs)
		return -ENOMEM;
	ifs->netif = netif;
	ifs->conf = netif->stack->ip6->if_default;
	list_init(&ifs->addrs);
	netif->ip6 = ifs;
	rs_init(netif);
	temp_addr_init(netif);
	return 0;
}

void ip6_addrs_flush(struct netif *netif)
{
	struct list *first;

	while ((first = list_first(&netif->ip6->addrs)))
		ip6_ifaddr_free(container_of(first, struct ip6_ifaddr, link));
}

void ip6_addr_netif_del(struct netif *netif)
{
	ra_flush(netif);
	ip6_addrs_flush(netif);
	mem_free(ip6_mem(netif->stack), netif->ip6, sizeof(*netif->ip6));
	netif->ip6 = NULL;
}

static struct ip6_addr link_local_make(struct netif *netif)
{
	const struct ip6_addr prefix = ip6_addr_make(UINT64_C(0xfe80) << 48, 0);

	return ip6_addr_make(load_be64(prefix.b), slaac_iid(netif, &prefix, 0));
}

static bool has_link_local(const struct netif *netif)
{
	const struct ip6_ifaddr *ifa;

	list_for_each (ifa, &netif->ip6->addrs, link)
		if (ip6_addr_is_link_local(&ifa->addr))
			return true;
	return false;
}

void ip6_addr_netif_up(struct netif *netif)
{
	struct ip6_addr addr;

	if (netif->flags & NETIF_LOOPBACK) {
		addr = IP6_ADDR_LOOPBACK;
		/* Refused when it is there already, or IPv6 is disabled. */
		(void)!ip6_addr_add(netif, &addr, 128, 0);
		return;
	}
	if (!(netif->flags & NETIF_BROADCAST) || netif->ip6->conf.disable ||
	    netif->ip6->conf.addr_gen_mode == IP6_GEN_NONE || has_link_local(netif))
		return;
	addr = link_local_make(netif);
	/* Without memory there is none, and nobody to tell. */
	(void)!ip6_addr_add(netif, &addr, LINK_LOCAL_PREFIX, IP6_ADDR_F_AUTO | IP6_ADDR_F_LATE);
}

void ip6_addr_mac_changed(struct netif *netif)
{
	struct ip6_ifaddr *ifa;

	list_for_each_safe (ifa, &netif->ip6->addrs, link)
		if ((ifa->flags & IP6_ADDR_F_AUTO) && ip6_addr_is_link_local(&ifa->addr))
			ip6_ifaddr_free(ifa);
	if (netif->flags & NETIF_UP)
		ip6_addr_netif_up(netif);
}

/*
 * Questions.
 */

const struct ip_policies *ip6_policies(const struct stack *st)
{
	return st->ip6 && st->ip6->policies ? st->ip6->policies : &ip_policies_default;
}

int ip6_policies_set(struct stack *st, const struct ip_policies *table)
{
	struct ip_policies *copy = NULL;

	if (table) {
		copy = mem_zalloc(ip6_mem(st), sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		*copy = *table;
	}
	mem_free(ip6_mem(st), st->ip6->policies, sizeof(*copy));
	st->ip6->policies = copy;
	ip_dst_invalidate_all(st);
	return 0;
}

static struct ip_sel_src sel_src_of(const struct ip6_ifaddr *ifa)
{
	return (struct ip_sel_src){
		.addr = ip_addr_from_ip6(&ifa->addr),
		.ifindex = ifa->netif->index,
		.prefix_len = ifa->prefix_len,
		.flags = (uint8_t)((ifa->state == IP6_ADDR_DEPRECATED ? IP_SEL_DEPRECATED : 0) |
				   (ifa->flags & IP6_ADDR_F_TEMPORARY ? IP_SEL_TEMPORARY : 0)),
	};
}

bool ip6_sel_src_of(const struct stack *st, const struct ip6_addr *addr, struct ip_sel_src *ret)
{
	const struct ip6_ifaddr *ifa;
	const struct netif *netif;

	list_for_each (netif, &st->netifs, link) {
		ifa = ip6_ifaddr_find(netif, addr);
		if (ifa && ip6_ifaddr_is_valid(ifa)) {
			*ret = sel_src_of(ifa);
			return true;
		}
	}
	return false;
}

/* The best so far, and whether there is one. */
struct best_src {
	struct ip_sel_query query;
	struct ip6_addr router; /* unspecified: none */
	struct ip_sel_src src;
	bool found;
};

/* Rule 5.5. A router is known by its address on the link that packets leave by. */
static uint8_t hop_flags(const struct best_src *best, const struct ip6_ifaddr *ifa)
{
	bool is_other;

	if (likely(ip6_addr_is_unspecified(&best->router)))
		return 0;
	if (slaac_is_by(ifa, &best->router, &is_other))
		return ifa->netif->index == best->query.oif ? IP_SEL_NEXTHOP : IP_SEL_OTHER_HOP;
	return is_other ? IP_SEL_OTHER_HOP : 0;
}

/* RFC 6724 §4: what means something on another link only is no candidate. */
static void best_of(struct best_src *best, const struct netif *netif, bool is_other)
{
	const struct ip6_ifaddr *ifa;

	list_for_each (ifa, &netif->ip6->addrs, link) {
		struct ip_sel_src src = sel_src_of(ifa);

		src.flags |= hop_flags(best, ifa);
		if (!ip6_ifaddr_is_valid(ifa) ||
		    (is_other && ip6_addr_scope(&ifa->addr) <= IP6_SCOPE_LINK))
			continue;
		if (!best->found || ip_sel_src_cmp(&best->query, &src, &best->src, NULL) < 0)
			best->src = src;
		best->found = true;
	}
}

/* RFC 5014 §3: what the application wants, else the interface's setting, which has public addresses
 * beside temporary ones when it is 1. */
static bool want_public(const struct ip6_addr_want *want)
{
	if (want->prefs & (IP_SRC_PUBLIC | IP_SRC_TEMPORARY))
		return want->prefs & IP_SRC_PUBLIC;
	return want->out->ip6->conf.use_tempaddr == 1;
}

bool ip6_addr_select_best(const struct stack *st, const struct ip6_addr_want *want,
			  struct ip6_addr *ret)
{
	struct best_src best = {.query = {.policies = ip6_policies(st),
					  .dst = ip_addr_from_ip6(&want->dst),
					  .oif = want->out->index,
					  .prefer_public = want_public(want),
					  .prefer_care_of = want->prefs & IP_SRC_CARE_OF},
				.router = want->router};
	const struct netif *other;

	best_of(&best, want->out, false);
	if (!want->only_out && ip6_addr_scope(&want->dst) > IP6_SCOPE_LINK) {
		list_for_each (other, &st->netifs, link)
			if (other != want->out)
				best_of(&best, other, true);
	}
	if (!best.found)
		return false;
	*ret = ip_addr_to_ip6(&best.src.addr);
	return true;
}

bool ip6_addr_select(const struct stack *st, const struct netif *out, const struct ip6_addr *dst,
		     bool only_out, struct ip6_addr *ret)
{
	return ip6_addr_select_best(
		st, &(struct ip6_addr_want){.out = out, .dst = *dst, .only_out = only_out}, ret);
}

/* Who listens to them: nodes, routers, and every address to its solicited-node group, also while
 * it is tentative. */
bool ip6_group_is_joined(const struct netif *netif, const struct ip6_addr *group)
{
	uint8_t scope = group->b[1]; /* and flags: these groups have none */
	const struct ip6_addr nodes = IP6_ADDR_ALL_NODES, routers = IP6_ADDR_ALL_ROUTERS;
	const struct ip6_ifaddr *ifa;
	struct ip6_addr plain = *group;
	struct ip_addr addr;

	plain.b[1] = IP6_SCOPE_LINK;
	if (ip6_addr_eq(&plain, &nodes))
		return scope == IP6_SCOPE_INTERFACE || scope == IP6_SCOPE_LINK;
	if (ip6_addr_eq(&plain, &routers))
		return netif->stack->ip6->conf.forward &&
		       (scope == IP6_SCOPE_INTERFACE || scope == IP6_SCOPE_LINK ||
			scope == IP6_SCOPE_SITE);
	list_for_each (ifa, &netif->ip6->addrs, link) {
		plain = ip6_solicited_node(&ifa->addr);
		if (ip6_addr_eq(&plain, group))
			return true;
	}
	addr = ip_addr_from_ip6(group);
	return mcast_is_joined(netif, &addr);
}
