/* SPDX-License-Identifier: MIT */
/* Redirects of IPv6; how they are kept is in redirect6.h. */
#include "ip/redirect6.h"

#include "core/engine.h"
#include "ip/icmp.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "link/neigh.h"
#include "wire/ip4.h"
#include "wire/nd.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	OPT_UNIT = 8,
	OPT_HDR_LEN = 8, /* of the redirected header, before the packet */
	TARGET_LEN = 16,
	/* With the packet, no more than every link carries (§4.6.3). */
	QUOTE_MAX = IP6_MTU_MIN - IP6_HDR_LEN - ND_REDIRECT_LEN - ND_LLADDR_OPT_LEN - OPT_HDR_LEN,
};

struct entry {
	struct list link;
	struct netif *netif;
	struct ip6_addr dst;
	struct ip6_addr via; /* unspecified: it is on the link */
	int64_t until_ns;
};

/*
 * What is kept.
 */

static void entry_free(struct redirect6 *re, struct entry *e)
{
	/* -ESRCH: an administrator has deleted it before. */
	(void)!fib6_del(&re->st->ip6->fib, &(struct fib6_key){.dst = e->dst,
							      .prefix_len = 128,
							      .has_metric = true,
							      .metric = REDIRECT6_METRIC,
							      .type = ROUTE_UNICAST,
							      .proto = ROUTE_PROTO_REDIRECT,
							      .netif = e->netif});
	list_del(&e->link);
	re->n_entries--;
	mem_free(&re->st->eng->mem, e, sizeof(*e));
	ip_dst_invalidate_all(re->st);
}

static struct entry *entry_oldest(struct redirect6 *re)
{
	struct list *first = list_first(&re->entries);

	return first ? container_of(first, struct entry, link) : NULL;
}

static void timer_set(struct redirect6 *re)
{
	struct entry *e = entry_oldest(re);

	if (e)
		wheel_start(&re->st->eng->wheel, &re->timer, e->until_ns);
	else
		wheel_stop(&re->st->eng->wheel, &re->timer);
}

static void entries_timer(struct wheel_timer *timer, int64_t now_ns)
{
	struct redirect6 *re = container_of(timer, struct redirect6, timer);
	struct entry *e;

	while ((e = entry_oldest(re)) && e->until_ns <= now_ns)
		entry_free(re, e);
	timer_set(re);
}

static void entry_forget(struct redirect6 *re, const struct netif *netif,
			 const struct ip6_addr *dst)
{
	struct entry *e;

	list_for_each_safe (e, &re->entries, link)
		if (e->netif == netif && ip6_addr_eq(&e->dst, dst))
			entry_free(re, e);
}

/* Without memory, packets go the longer way. */
static void entry_put(struct netif *netif, const struct ip6_addr *dst, const struct ip6_addr *via)
{
	struct redirect6 *re = &netif->stack->ip6->redirects;
	int64_t until_ns = netif->stack->eng->now_ns + REDIRECT6_S * NSEC_PER_SEC;
	const struct fib6_route route = {.dst = *dst,
					 .prefix_len = 128,
					 .netif = netif,
					 .via = *via,
					 .metric = REDIRECT6_METRIC,
					 .type = ROUTE_UNICAST,
					 .proto = ROUTE_PROTO_REDIRECT,
					 .until_ns = until_ns};
	struct entry *e;

	entry_forget(re, netif, dst);
	if (re->n_entries == REDIRECT6_MAX)
		entry_free(re, entry_oldest(re));
	e = mem_zalloc(&re->st->eng->mem, sizeof(*e));
	if (e && fib6_add(&re->st->ip6->fib, &route, FIB6_APPEND) == 0) {
		*e = (struct entry){.netif = netif, .dst = *dst, .via = *via, .until_ns = until_ns};
		list_add_tail(&re->entries, &e->link);
		re->n_entries++;
	} else {
		mem_free(&re->st->eng->mem, e, sizeof(*e));
	}
	ip_dst_invalidate_all(re->st);
	timer_set(re);
}

void redirect6_init(struct stack *st)
{
	struct redirect6 *re = &st->ip6->redirects;

	re->st = st;
	list_init(&re->entries);
	wheel_timer_init(&re->timer, entries_timer);
}

void redirect6_flush(struct netif *netif)
{
	struct redirect6 *re = &netif->stack->ip6->redirects;
	struct entry *e;

	list_for_each_safe (e, &re->entries, link)
		if (e->netif == netif)
			entry_free(re, e);
	timer_set(re);
}

void redirect6_silent(struct netif *netif, const struct ip6_addr *via)
{
	struct redirect6 *re = &netif->stack->ip6->redirects;
	struct entry *e;

	list_for_each_safe (e, &re->entries, link)
		if (e->netif == netif &&
		    ip6_addr_eq(ip6_addr_is_unspecified(&e->via) ? &e->dst : &e->via, via))
			entry_free(re, e);
	timer_set(re);
}

/*
 * Sending.
 */

static const struct ip6_ifaddr *link_local(const struct netif *netif)
{
	const struct ip6_ifaddr *ifa;

	list_for_each (ifa, &netif->ip6->addrs, link)
		if (ip6_addr_is_link_local(&ifa->addr) && ip6_ifaddr_is_valid(ifa))
			return ifa;
	return NULL;
}

/* §8.2: the source is a neighbour, which it is when there is a route to it on the link. */
static bool is_neighbour(const struct netif *netif, const struct ip6_addr *addr)
{
	const struct fib6_route *r;

	if (ip6_addr_is_link_local(addr))
		return true;
	r = fib6_lookup(&netif->stack->ip6->fib, addr);
	return r && r->type == ROUTE_UNICAST && r->netif == netif &&
	       ip6_addr_is_unspecified(&r->via);
}

/* The link-layer address of the target, if it is known. */
static bool target_lladdr(struct netif *netif, const struct ip6_addr *target, struct eth_addr *ret)
{
	struct ip_addr addr = ip_addr_from_ip6(target);
	const struct neigh *n = neigh_find(netif, &addr);

	if (!n || n->state == NEIGH_NONE || n->state == NEIGH_INCOMPLETE ||
	    n->state == NEIGH_FAILED)
		return false;
	*ret = n->lladdr;
	return true;
}

static struct pkt *redirect_make(struct netif *netif, const struct pkt *pkt,
				 const struct ip6_hdr *hdr, const struct ip6_addr *target)
{
	const struct icmp6_hdr icmp = {.type = ICMP6_REDIRECT};
	uint32_t frame_len = pkt_frame_l3_len(pkt);
	uint32_t quote_len = (frame_len < QUOTE_MAX ? frame_len : QUOTE_MAX) / OPT_UNIT * OPT_UNIT;
	struct eth_addr lladdr;
	bool has_lladdr = target_lladdr(netif, target, &lladdr);
	uint32_t len = ND_REDIRECT_LEN + (has_lladdr ? (uint32_t)ND_LLADDR_OPT_LEN : 0) +
		       OPT_HDR_LEN + quote_len;
	struct pkt *out = pkt_alloc(&netif->stack->eng->pkts, len);
	uint8_t *p;
	struct wr w;

	if (!out)
		return NULL;
	p = pkt_put(out, len);
	icmp6_hdr_write(p, &icmp);
	w = wr_make(p + ICMP6_HDR_LEN, len - ICMP6_HDR_LEN);
	wr_bytes(&w, target, sizeof(*target));
	wr_bytes(&w, &hdr->dst, sizeof(hdr->dst));
	if (has_lladdr)
		nd_opt_lladdr_write(&w, ND_OPT_DST_LLADDR, &lladdr);
	wr_u8(&w, ND_OPT_REDIRECTED);
	wr_u8(&w, (uint8_t)((OPT_HDR_LEN + quote_len) / OPT_UNIT));
	wr_zero(&w, OPT_HDR_LEN - 2);
	icmp_quote_write(pkt, p + len - quote_len, quote_len, frame_len);
	return out;
}

void redirect6_send(struct netif *netif, const struct pkt *pkt, const struct ip6_hdr *hdr,
		    const struct fib6_route *route)
{
	const struct ip6_ifaddr *ifa = link_local(netif);
	struct ip6_addr target = ip6_addr_is_unspecified(&route->via) ? hdr->dst : route->via;
	struct ip_out out = {.flow = {.dst = ip_addr_from_ip6(&hdr->src),
				      .oif = netif->index,
				      .proto = IP_PROTO_ICMPV6},
			     .ttl = ND_HOP_LIMIT};
	struct stack *st = netif->stack;
	struct pkt *msg;

	/* A router is named by its link-local address (§8.2), which is how hosts know it. */
	if (!ifa || !is_neighbour(netif, &hdr->src) || ip6_addr_eq(&target, &hdr->src) ||
	    (!ip6_addr_eq(&target, &hdr->dst) && !ip6_addr_is_link_local(&target)))
		return;
	if (!icmp_limit_allow(st, &out.flow.dst, st->ip6->conf.ratelimit_ms))
		return;
	msg = redirect_make(netif, pkt, hdr, &target);
	if (!msg) {
		mib_inc(st, MIB_Icmp6OutErrors);
		return;
	}
	out.flow.src = ip_addr_from_ip6(&ifa->addr);
	(void)!icmp6_output(st, msg, &out); /* drops by itself */
}

/*
 * Receiving.
 */

struct redirect {
	struct ip6_addr target, dst;
	struct nd_lladdrs opts;
};

/* §8.1: what such a message must be like. */
static enum drop redirect_read(struct pkt *pkt, const struct ip_info *info,
			       const struct icmp6_hdr *icmp, struct redirect *ret)
{
	struct rd r;

	if (info->ttl != ND_HOP_LIMIT)
		return DROP_ND_HOPS;
	if (!ip_addr_is_link_local6(&info->src) || icmp->code != 0 || pkt->len < ND_REDIRECT_LEN)
		return DROP_ND_HDR;
	if (!pkt_pullup(pkt, pkt->len))
		return DROP_NOMEM;
	r = pkt_rd(pkt);
	rd_skip(&r, ICMP6_HDR_LEN);
	rd_copy(&r, &ret->target, TARGET_LEN);
	rd_copy(&r, &ret->dst, TARGET_LEN);
	if (ip6_addr_is_multicast(&ret->dst) || ip6_addr_is_unspecified(&ret->dst) ||
	    (!ip6_addr_eq(&ret->target, &ret->dst) && !ip6_addr_is_link_local(&ret->target)))
		return DROP_ND_HDR;
	return nd_lladdrs_parse(&r, &ret->opts) < 0 ? DROP_ND_HDR : DROP_NONE;
}

/* §8.1: only the router that the destination goes by may say so. */
static bool is_first_hop(struct netif *netif, const struct ip6_addr *src,
			 const struct ip6_addr *dst)
{
	const struct fib6_route *r = fib6_lookup_netif(&netif->stack->ip6->fib, dst, netif);

	return r && r->type == ROUTE_UNICAST && ip6_addr_eq(&r->via, src);
}

static bool is_heeded(const struct netif *netif)
{
	return netif->ip6->conf.accept_redirects && !netif->stack->ip6->conf.forward &&
	       !(netif->flags & (NETIF_LOOPBACK | NETIF_NOARP));
}

enum drop redirect6_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
			  const struct icmp6_hdr *icmp)
{
	struct ip6_addr src = ip_addr_to_ip6(&info->src), via;
	struct netif *netif = pkt->netif;
	struct ip_addr target;
	struct redirect re;
	enum drop why = redirect_read(pkt, info, icmp, &re);

	if (why != DROP_NONE) {
		mib_inc(st, MIB_Icmp6InErrors);
		return why;
	}
	if (!is_heeded(netif))
		return DROP_ND_REDIRECT_IGNORED;
	if (ip6_own(st->ip6, &re.dst) || ip6_addr_is_on(netif, &re.target) ||
	    !is_first_hop(netif, &src, &re.dst))
		return DROP_ND_REDIRECT_SRC;
	target = ip_addr_from_ip6(&re.target);
	if (re.opts.has_dst)
		(void)neigh_update(netif, &target, &re.opts.dst, NEIGH_OVERRIDE | NEIGH_CREATE);
	via = ip6_addr_eq(&re.target, &re.dst) ? IP6_ADDR_ANY : re.target;
	entry_put(netif, &re.dst, &via);
	pkt_free(pkt);
	return DROP_NONE;
}
