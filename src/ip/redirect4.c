/* SPDX-License-Identifier: MIT */
/* Redirects of IPv4; how they are kept is in redirect4.h. */
#include "ip/redirect4.h"

#include "core/engine.h"
#include "ip/icmp.h"
#include "ip/ip4.h"

#define NSEC_PER_SEC INT64_C(1000000000)

struct entry {
	struct list link;
	struct netif *netif;
	struct ip4_addr dst, via;
	int64_t until_ns;
};

/*
 * What is kept.
 */

static void entry_free(struct redirect4 *re, struct entry *e)
{
	/* -ESRCH: an administrator has deleted it before. */
	(void)!fib4_del(&re->st->ip4->fib, &(struct fib4_key){.dst = e->dst,
							      .prefix_len = 32,
							      .has_metric = true,
							      .metric = REDIRECT4_METRIC,
							      .type = ROUTE_UNICAST,
							      .proto = ROUTE_PROTO_REDIRECT,
							      .netif = e->netif});
	list_del(&e->link);
	re->n_entries--;
	mem_free(&re->st->eng->mem, e, sizeof(*e));
	ip_dst_invalidate_all(re->st);
}

static struct entry *entry_oldest(struct redirect4 *re)
{
	struct list *first = list_first(&re->entries);

	return first ? container_of(first, struct entry, link) : NULL;
}

static void timer_set(struct redirect4 *re)
{
	struct entry *e = entry_oldest(re);

	if (e)
		wheel_start(&re->st->eng->wheel, &re->timer, e->until_ns);
	else
		wheel_stop(&re->st->eng->wheel, &re->timer);
}

static void entries_timer(struct wheel_timer *timer, int64_t now_ns)
{
	struct redirect4 *re = container_of(timer, struct redirect4, timer);
	struct entry *e;

	while ((e = entry_oldest(re)) && e->until_ns <= now_ns)
		entry_free(re, e);
	timer_set(re);
}

static void entry_forget(struct redirect4 *re, const struct netif *netif, struct ip4_addr dst)
{
	struct entry *e;

	list_for_each_safe (e, &re->entries, link)
		if (e->netif == netif && ip4_addr_eq(&e->dst, &dst))
			entry_free(re, e);
}

/* Without memory, packets go the longer way. */
static void entry_put(struct netif *netif, struct ip4_addr dst, struct ip4_addr via)
{
	struct redirect4 *re = &netif->stack->ip4->redirects;
	const struct fib4_route route = {.dst = dst,
					 .prefix_len = 32,
					 .netif = netif,
					 /* 0.0.0.0: the destination itself is on the link */
					 .via = ip4_addr_eq(&via, &dst) ? IP4_ADDR_ANY : via,
					 .metric = REDIRECT4_METRIC,
					 .type = ROUTE_UNICAST,
					 .proto = ROUTE_PROTO_REDIRECT,
					 .scope = ip4_addr_eq(&via, &dst) ? ROUTE_SCOPE_LINK
									  : ROUTE_SCOPE_UNIVERSE};
	struct entry *e;

	entry_forget(re, netif, dst);
	if (re->n_entries == REDIRECT4_MAX)
		entry_free(re, entry_oldest(re));
	e = mem_zalloc(&re->st->eng->mem, sizeof(*e));
	if (e && fib4_add(&re->st->ip4->fib, &route, FIB4_APPEND) == 0) {
		*e = (struct entry){.netif = netif,
				    .dst = dst,
				    .via = via,
				    .until_ns = re->st->eng->now_ns + REDIRECT4_S * NSEC_PER_SEC};
		list_add_tail(&re->entries, &e->link);
		re->n_entries++;
	} else {
		mem_free(&re->st->eng->mem, e, sizeof(*e));
	}
	ip_dst_invalidate_all(re->st);
	timer_set(re);
}

void redirect4_init(struct stack *st)
{
	struct redirect4 *re = &st->ip4->redirects;

	re->st = st;
	list_init(&re->entries);
	wheel_timer_init(&re->timer, entries_timer);
}

void redirect4_flush(struct netif *netif)
{
	struct redirect4 *re = &netif->stack->ip4->redirects;
	struct entry *e;

	list_for_each_safe (e, &re->entries, link)
		if (e->netif == netif)
			entry_free(re, e);
	timer_set(re);
}

void redirect4_silent(struct netif *netif, struct ip4_addr via)
{
	struct redirect4 *re = &netif->stack->ip4->redirects;
	struct entry *e;

	list_for_each_safe (e, &re->entries, link)
		if (e->netif == netif && ip4_addr_eq(&e->via, &via))
			entry_free(re, e);
	timer_set(re);
}

/*
 * Receiving.
 */

/* The packet that it is about. */
static enum drop redirect_read(struct stack *st, struct pkt *pkt, const struct icmp4_hdr *icmp,
			       struct ip4_hdr *ret)
{
	struct icmp4_quote quote;
	struct rd r;

	if (icmp->code > ICMP4_REDIRECT_TOS_HOST)
		return DROP_ICMP_TYPE;
	if (!pkt_pullup(pkt, pkt->len < IP4_MIN_REASM ? pkt->len : IP4_MIN_REASM))
		return DROP_NOMEM;
	r = pkt_rd(pkt);
	rd_skip(&r, ICMP4_HDR_LEN);
	if (icmp4_quote_parse(&r, icmp, &quote) < 0 ||
	    ip4_own(st->ip4, quote.ip.src) != IP4_OWN_LOCAL)
		return DROP_ICMP_QUOTE;
	*ret = quote.ip;
	return DROP_NONE;
}

/* RFC 1122 §3.2.2.2: only the gateway that the destination goes by. */
static bool is_first_hop(struct netif *netif, struct ip4_addr src, struct ip4_addr dst)
{
	const struct fib4_route *r = fib4_lookup(&netif->stack->ip4->fib, dst);

	return r && r->type == ROUTE_UNICAST && r->netif == netif &&
	       !ip4_addr_is_unspecified(&r->via) && ip4_addr_eq(&r->via, &src);
}

/* A gateway of some default route, which is what secure_redirects believes in. */
static bool is_default_gateway(struct netif *netif, struct ip4_addr via)
{
	const struct fib4_route *r = fib4_lookup(&netif->stack->ip4->fib, IP4_ADDR_ANY);

	for (; r && r->prefix_len == 0; r = r->next)
		if (r->netif == netif && ip4_addr_eq(&r->via, &via))
			return true;
	return false;
}

/* The new gateway can be one. On a shared medium it need not have an address in a prefix of ours
 * (RFC 1620 §3); else it must be on the link, as RFC 1122 §3.2.2.2 says. */
static bool is_gateway(struct netif *netif, struct ip4_addr via)
{
	const struct ip4_if_conf *conf = &netif->ip4->conf;

	if (ip4_addr_is_unspecified(&via) || ip4_is_group(via) || ip4_addr_is_loopback(&via) ||
	    ip4_src_is_martian(via) || ip4_own(netif->stack->ip4, via) != IP4_OWN_NO)
		return false;
	if (conf->shared_media)
		return true;
	return ip4_addr_on_link(netif, via) &&
	       (!conf->secure_redirects || is_default_gateway(netif, via));
}

static bool is_heeded(const struct netif *netif)
{
	const struct ip4_if_conf *conf = &netif->ip4->conf;

	return conf->accept_redirects && !conf->forwarding &&
	       !(netif->flags & (NETIF_LOOPBACK | NETIF_NOARP));
}

enum drop redirect4_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
			  const struct icmp4_hdr *icmp)
{
	struct ip4_addr src = ip_addr_to_ip4(&info->src), via = icmp->u.gateway;
	struct netif *netif = pkt->netif;
	struct ip4_hdr about;
	enum drop why = redirect_read(st, pkt, icmp, &about);

	if (why != DROP_NONE) {
		mib_inc(st, MIB_IcmpInErrors);
		return why;
	}
	if (!is_heeded(netif) || info->is_broadcast)
		return DROP_ICMP_REDIRECT_IGNORED;
	if (ip4_addr_eq(&via, &src) || !is_first_hop(netif, src, about.dst) ||
	    !is_gateway(netif, via))
		return DROP_ICMP_REDIRECT;
	entry_put(netif, about.dst, via);
	pkt_free(pkt);
	return DROP_NONE;
}
