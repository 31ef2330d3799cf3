/* SPDX-License-Identifier: MIT */
/*
 * IPv4 addresses of interfaces, and what follows from one:
 *
 *	10.0.0.1/24 dev eth0   ->   local     10.0.0.1/32   dev eth0
 *	                            unicast   10.0.0.0/24   dev eth0  (scope link)
 *	                            broadcast 10.0.0.255/32 dev eth0
 *
 * On loopback the whole prefix is local. Prefixes of 31 and 32 bits have no broadcast address (RFC
 * 3021). Several addresses may give rise to the same route; it goes with the last of them.
 */
#include <errno.h>

#include "ip/acd.h"
#include "ip/ip4.h"
#include "ip/ip4_priv.h"
#include "ip/mcast.h"
#include "link/arp.h"

enum {
	OWN_BUCKETS_MIN = 8,
	ADDR_ROUTES = 3,
};

static struct mem *ip4_mem(const struct stack *st)
{
	return &st->eng->mem;
}

/*
 * The table of our own addresses.
 */

int ip4_own_init(struct stack *st)
{
	struct ip4 *ip4 = st->ip4;

	ip4->own = mem_zalloc_array(ip4_mem(st), OWN_BUCKETS_MIN, sizeof(*ip4->own));
	if (!ip4->own)
		return -ENOMEM;
	ip4->own_mask = OWN_BUCKETS_MIN - 1;
	return 0;
}

void ip4_own_fini(struct stack *st)
{
	struct ip4 *ip4 = st->ip4;

	if (!ip4->own)
		return;
	assert(ip4->n_own == 0);
	mem_free(ip4_mem(st), ip4->own, (ip4->own_mask + 1) * sizeof(*ip4->own));
}

/* Doubles the table; when there is no memory, chains stay longer. */
static void own_grow(struct stack *st)
{
	struct ip4 *ip4 = st->ip4;
	uint32_t n_old = ip4->own_mask + 1;
	struct hlist *old = ip4->own;
	struct hlist *new = mem_zalloc_array(ip4_mem(st), 2 * (size_t)n_old, sizeof(*new));
	struct ip4_own_entry *e;

	if (!new)
		return;
	ip4->own = new;
	ip4->own_mask = 2 * n_old - 1;
	for (uint32_t i = 0; i < n_old; i++) {
		hlist_for_each_safe (e, &old[i], node) {
			hlist_del(&e->node);
			hlist_add(&new[ip4_own_hash(ip4, e->addr)], &e->node);
		}
	}
	mem_free(ip4_mem(st), old, n_old * sizeof(*old));
}

static struct ip4_own_entry *own_find(const struct ip4 *ip4, struct ip4_addr addr)
{
	struct ip4_own_entry *e;

	hlist_for_each (e, &ip4->own[ip4_own_hash(ip4, addr)], node)
		if (ip4_addr_eq(&e->addr, &addr))
			return e;
	return NULL;
}

static int own_ref(struct stack *st, struct ip4_addr addr, enum ip4_own how)
{
	struct ip4 *ip4 = st->ip4;
	struct ip4_own_entry *e = own_find(ip4, addr);

	if (!e) {
		e = mem_zalloc(ip4_mem(st), sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->addr = addr;
		if (ip4->n_own++ > 2 * ip4->own_mask)
			own_grow(st);
		hlist_add(&ip4->own[ip4_own_hash(ip4, addr)], &e->node);
	}
	if (how == IP4_OWN_LOCAL)
		e->n_local++;
	else
		e->n_broadcast++;
	return 0;
}

static void own_unref(struct stack *st, struct ip4_addr addr, enum ip4_own how)
{
	struct ip4_own_entry *e = own_find(st->ip4, addr);

	if (how == IP4_OWN_LOCAL)
		e->n_local--;
	else
		e->n_broadcast--;
	if (e->n_local || e->n_broadcast)
		return;
	hlist_del(&e->node);
	st->ip4->n_own--;
	mem_free(ip4_mem(st), e, sizeof(*e));
}

/*
 * What follows from an address.
 */

static bool has_broadcast(const struct ip4_ifaddr *ifa)
{
	return ifa->prefix_len < 31 && (ifa->netif->flags & NETIF_BROADCAST);
}

static struct ip4_addr ifaddr_broadcast(const struct ip4_ifaddr *ifa)
{
	return ip4_addr_from_u32(ip4_addr_u32(&ifa->addr) | ~ip4_prefix_mask(ifa->prefix_len));
}

/* The routes of an address; returns how many. */
static unsigned int ifaddr_routes(const struct ip4_ifaddr *ifa, struct fib4_route *ret)
{
	struct fib4_route base = {.netif = ifa->netif, .proto = ROUTE_PROTO_KERNEL};
	bool is_lo = ifa->netif->flags & NETIF_LOOPBACK;
	unsigned int n = 0;

	base.dst = ifa->addr;
	base.prefix_len = 32;
	base.type = ROUTE_LOCAL;
	base.scope = ROUTE_SCOPE_HOST;
	ret[n++] = base;
	if (ifa->prefix_len < 32) {
		base.dst = ip4_addr_from_u32(ip4_addr_u32(&ifa->addr) &
					     ip4_prefix_mask(ifa->prefix_len));
		base.prefix_len = ifa->prefix_len;
		base.type = is_lo ? ROUTE_LOCAL : ROUTE_UNICAST;
		base.scope = is_lo ? ROUTE_SCOPE_HOST : ROUTE_SCOPE_LINK;
		ret[n++] = base;
	}
	if (has_broadcast(ifa)) {
		base.dst = ifaddr_broadcast(ifa);
		base.prefix_len = 32;
		base.type = ROUTE_BROADCAST;
		base.scope = ROUTE_SCOPE_LINK;
		ret[n++] = base;
	}
	return n;
}

static bool route_follows_from(const struct fib4_route *r, const struct ip4_ifaddr *ifa)
{
	struct fib4_route theirs[ADDR_ROUTES];
	unsigned int n = ifaddr_routes(ifa, theirs);

	for (unsigned int i = 0; i < n; i++)
		if (theirs[i].prefix_len == r->prefix_len && theirs[i].type == r->type &&
		    ip4_addr_eq(&theirs[i].dst, &r->dst))
			return true;
	return false;
}

/* Deletes the first `n` of the routes, unless another address of the interface needs them too. */
static void routes_del(struct ip4_if *ifs, struct ip4 *ip4, const struct fib4_route *routes,
		       unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct fib4_route *r = &routes[i];
		const struct ip4_ifaddr *ifa;
		bool needed = false;

		list_for_each (ifa, &ifs->addrs, link)
			needed = needed || route_follows_from(r, ifa);
		/* -ESRCH: an administrator has deleted it before. */
		if (!needed)
			(void)!fib4_del(&ip4->fib, &(struct fib4_key){.dst = r->dst,
								      .prefix_len = r->prefix_len,
								      .has_metric = true,
								      .type = r->type,
								      .proto = r->proto,
								      .netif = r->netif});
	}
}

/* All routes or none. `ifa` is not on the interface's list yet. */
static int routes_add(struct ip4_if *ifs, struct ip4 *ip4, const struct ip4_ifaddr *ifa)
{
	struct fib4_route routes[ADDR_ROUTES];
	unsigned int n = ifaddr_routes(ifa, routes);

	for (unsigned int i = 0; i < n; i++) {
		int err = fib4_add(&ip4->fib, &routes[i], FIB4_APPEND);

		if (err && err != -EEXIST) {
			routes_del(ifs, ip4, routes, i);
			return err;
		}
	}
	return 0;
}

/*
 * Adding and deleting.
 */

bool ip4_ifaddr_is_right(struct ip4_addr addr, uint8_t prefix_len)
{
	if (prefix_len > 32 || ip4_addr_is_unspecified(&addr) || ip4_src_is_martian(addr))
		return false;
	return prefix_len >= 31 ||
	       (ip4_addr_u32(&addr) | ip4_prefix_mask(prefix_len)) != UINT32_MAX;
}

struct ip4_ifaddr *ip4_ifaddr_find(const struct netif *netif, struct ip4_addr addr,
				   uint8_t prefix_len)
{
	struct ip4_ifaddr *ifa;

	list_for_each (ifa, &netif->ip4->addrs, link)
		if (ifa->prefix_len == prefix_len && ip4_addr_eq(&ifa->addr, &addr))
			return ifa;
	return NULL;
}

static bool same_prefix(const struct ip4_ifaddr *a, const struct ip4_ifaddr *b)
{
	return a->prefix_len == b->prefix_len && ip4_in_prefix(&a->addr, &b->addr, a->prefix_len);
}

static bool prefix_is_taken(const struct ip4_if *ifs, const struct ip4_ifaddr *ifa)
{
	const struct ip4_ifaddr *other;

	list_for_each (other, &ifs->addrs, link)
		if (same_prefix(ifa, other))
			return true;
	return false;
}

/* Primary addresses stand in front, both kinds in order of adding. */
static void ifaddr_insert(struct ip4_if *ifs, struct ip4_ifaddr *ifa)
{
	struct ip4_ifaddr *other;

	if (!ifa->is_secondary) {
		list_for_each (other, &ifs->addrs, link) {
			if (other->is_secondary) {
				list_add_tail(&other->link, &ifa->link);
				return;
			}
		}
	}
	list_add_tail(&ifs->addrs, &ifa->link);
}

int ip4_addr_put(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len)
{
	struct stack *st = netif->stack;
	struct ip4_if *ifs = netif->ip4;
	struct ip4_ifaddr *ifa;
	int err;

	if (!ip4_ifaddr_is_right(addr, prefix_len))
		return -EINVAL;
	if (ip4_ifaddr_find(netif, addr, prefix_len))
		return -EEXIST;
	if (ifs->n_addrs == IP4_IF_ADDRS_MAX)
		return -ENOSPC;
	ifa = mem_zalloc(ip4_mem(st), sizeof(*ifa));
	if (!ifa)
		return -ENOMEM;
	ifa->netif = netif;
	ifa->addr = addr;
	ifa->prefix_len = prefix_len;

	err = own_ref(st, addr, IP4_OWN_LOCAL);
	if (err)
		goto fail_local;
	err = has_broadcast(ifa) ? own_ref(st, ifaddr_broadcast(ifa), IP4_OWN_BROADCAST) : 0;
	if (err)
		goto fail_broadcast;
	err = routes_add(ifs, st->ip4, ifa);
	if (err)
		goto fail_routes;

	ifa->is_secondary = prefix_is_taken(ifs, ifa);
	ifaddr_insert(ifs, ifa);
	ifs->n_addrs++;
	ip_dst_invalidate_all(st);
	return 0;

fail_routes:
	if (has_broadcast(ifa))
		own_unref(st, ifaddr_broadcast(ifa), IP4_OWN_BROADCAST);
fail_broadcast:
	own_unref(st, addr, IP4_OWN_LOCAL);
fail_local:
	mem_free(ip4_mem(st), ifa, sizeof(*ifa));
	return err;
}

int ip4_addr_add(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len)
{
	int err = ip4_addr_put(netif, addr, prefix_len);

	if (err)
		return err;
	acd_forget(netif, addr, prefix_len); /* used at once, whoever has it */
	arp_announce(netif, &addr);
	return 0;
}

/* The oldest secondary address of a prefix without a primary one becomes that. */
static void promote(struct ip4_if *ifs, const struct ip4_ifaddr *gone)
{
	struct ip4_ifaddr *ifa;

	list_for_each (ifa, &ifs->addrs, link) {
		if (!same_prefix(ifa, gone))
			continue;
		list_del(&ifa->link);
		ifa->is_secondary = false;
		ifaddr_insert(ifs, ifa);
		return;
	}
}

static void ifaddr_free(struct ip4_ifaddr *ifa)
{
	struct netif *netif = ifa->netif;
	struct stack *st = netif->stack;
	struct fib4_route routes[ADDR_ROUTES];
	unsigned int n = ifaddr_routes(ifa, routes);

	list_del(&ifa->link);
	netif->ip4->n_addrs--;
	routes_del(netif->ip4, st->ip4, routes, n);
	own_unref(st, ifa->addr, IP4_OWN_LOCAL);
	if (has_broadcast(ifa))
		own_unref(st, ifaddr_broadcast(ifa), IP4_OWN_BROADCAST);
	if (ip4_own(st->ip4, ifa->addr) != IP4_OWN_LOCAL)
		fib4_src_del(&st->ip4->fib, ifa->addr);
	if (!ifa->is_secondary)
		promote(netif->ip4, ifa);
	mem_free(ip4_mem(st), ifa, sizeof(*ifa));
	ip_dst_invalidate_all(st);
}

int ip4_addr_remove(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len)
{
	struct ip4_ifaddr *ifa = ip4_ifaddr_find(netif, addr, prefix_len);

	if (!ifa)
		return -EADDRNOTAVAIL;
	ifaddr_free(ifa);
	return 0;
}

int ip4_addr_del(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len)
{
	return acd_del(netif, addr, prefix_len) ? ip4_addr_remove(netif, addr, prefix_len) : 0;
}

/*
 * Interfaces.
 */

int ip4_addr_netif_add(struct netif *netif)
{
	struct ip4_if *ifs = mem_zalloc(ip4_mem(netif->stack), sizeof(*ifs));

	if (!ifs)
		return -ENOMEM;
	ifs->conf = netif->stack->ip4->if_default;
	list_init(&ifs->addrs);
	list_init(&ifs->acds);
	netif->ip4 = ifs;
	return 0;
}

void ip4_addr_netif_del(struct netif *netif)
{
	struct ip4_if *ifs = netif->ip4;
	struct list *first;

	acd_flush(netif);
	while ((first = list_first(&ifs->addrs)))
		ifaddr_free(container_of(first, struct ip4_ifaddr, link));
	mem_free(ip4_mem(netif->stack), ifs, sizeof(*ifs));
	netif->ip4 = NULL;
}

/* RFC 5227 §2.3; harmless where nobody listens. */
void ip4_addrs_announce(struct netif *netif)
{
	const struct ip4_ifaddr *ifa;

	if (!netif->ip4) /* the stack has no IPv4 */
		return;
	list_for_each (ifa, &netif->ip4->addrs, link)
		arp_announce(netif, &ifa->addr);
}

/*
 * Questions.
 */

bool ip4_ifaddr_broadcast(const struct ip4_ifaddr *ifa, struct ip4_addr *ret)
{
	if (!has_broadcast(ifa))
		return false;
	*ret = ifaddr_broadcast(ifa);
	return true;
}

const struct ip4_ifaddr *ip4_addr_on_link(const struct netif *netif, struct ip4_addr addr)
{
	const struct ip4_ifaddr *ifa;

	list_for_each (ifa, &netif->ip4->addrs, link)
		if (ip4_in_prefix(&addr, &ifa->addr, ifa->prefix_len))
			return ifa;
	return NULL;
}

/* RFC 3927 §2.6.1: a link-local address is the source of nothing else while there is another. */
static const struct ip4_ifaddr *first_ifaddr(const struct netif *netif)
{
	const struct ip4_ifaddr *ifa, *first = NULL;

	list_for_each (ifa, &netif->ip4->addrs, link) {
		if (!first)
			first = ifa;
		if (!ip4_addr_is_link_local(&ifa->addr))
			return ifa;
	}
	return first;
}

bool ip4_addr_select(const struct stack *st, const struct netif *netif, struct ip4_addr nexthop,
		     struct ip4_addr *ret)
{
	const struct ip4_ifaddr *ifa = ip4_addr_on_link(netif, nexthop);
	const struct netif *other;

	if (!ifa)
		ifa = first_ifaddr(netif);
	if (!ifa) {
		list_for_each (other, &st->netifs, link)
			if (!ifa && !(other->flags & NETIF_LOOPBACK))
				ifa = first_ifaddr(other);
	}
	if (!ifa)
		return false;
	*ret = ifa->addr;
	return true;
}

bool ip4_group_is_joined(const struct netif *netif, struct ip4_addr group)
{
	struct ip_addr addr = ip_addr_from_ip4(&group);

	return ip4_addr_eq(&group, &IP4_ADDR(224, 0, 0, 1)) || /* all hosts, RFC 1112 §4 */
	       mcast_is_joined(netif, &addr);
}
