/* SPDX-License-Identifier: MIT */
/*
 * Router solicitations (RFC 4861 §6.3.7) with growing intervals (RFC 7559), from the time when the
 * link-local address is valid until a router has advertised itself.
 */
#include "core/engine.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/ra.h"
#include "wire/ip4.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	ALL_TRIES = -1,
	RAND_DIV = 10, /* RFC 8415 §15: RAND is up to a tenth, either way */
};

static struct ip6_ifaddr *link_local(const struct netif *netif)
{
	struct ip6_ifaddr *ifa;

	list_for_each (ifa, &netif->ip6->addrs, link)
		if (ip6_addr_is_link_local(&ifa->addr) && ip6_ifaddr_is_valid(ifa))
			return ifa;
	return NULL;
}

static void rs_send(struct netif *netif, const struct ip6_addr *src)
{
	struct stack *st = netif->stack;
	struct pkt *pkt = pkt_alloc(&st->eng->pkts, ND_RS_LEN + ND_LLADDR_OPT_LEN);
	const struct icmp6_hdr icmp = {.type = ICMP6_ROUTER_SOLICIT};
	const struct ip6_addr dst = IP6_ADDR_ALL_ROUTERS;
	struct ip_out out = {.flow = {.dst = ip_addr_from_ip6(&dst),
				      .src = ip_addr_from_ip6(src),
				      .oif = netif->index,
				      .proto = IP_PROTO_ICMPV6},
			     .ttl = ND_HOP_LIMIT};
	uint8_t *p;
	struct wr w;

	if (!pkt) {
		mib_inc(st, MIB_Icmp6OutErrors);
		return;
	}
	p = pkt_put(pkt, ND_RS_LEN + ND_LLADDR_OPT_LEN);
	icmp6_hdr_write(p, &icmp);
	w = wr_make(p + ICMP6_HDR_LEN, ND_LLADDR_OPT_LEN);
	nd_opt_lladdr_write(&w, ND_OPT_SRC_LLADDR, &netif->hwaddr);
	assert(wr_ok(&w));
	(void)!icmp6_output(st, pkt, &out); /* drops by itself */
}

/* `base` and up to a tenth more or less. */
static int64_t about(struct engine *eng, int64_t base_ns)
{
	int64_t tenth = base_ns / RAND_DIV;

	return base_ns - tenth + (int64_t)rng_below(&eng->rng, (uint64_t)(2 * tenth) + 1);
}

/* RFC 7559 §2: twice the last interval, up to the longest. */
static int64_t next_interval(struct netif *netif)
{
	const struct ip6_if_conf *conf = &netif->ip6->conf;
	struct engine *eng = netif->stack->eng;
	int64_t max_ns = conf->rtr_solicit_max_interval_s * NSEC_PER_SEC;
	int64_t last_ns = netif->ip6->rs_interval_ns, next_ns;

	if (!last_ns)
		return about(eng, conf->rtr_solicit_interval_s * NSEC_PER_SEC);
	next_ns = last_ns + about(eng, last_ns);
	return next_ns > max_ns ? about(eng, max_ns) : next_ns;
}

static void rs_timer(struct wheel_timer *timer, int64_t now_ns)
{
	struct ip6_if *ifs = container_of(timer, struct ip6_if, rs_timer);
	struct netif *netif = ifs->netif;
	struct ip6_ifaddr *ifa = link_local(netif);

	if (!ifa || !ra_is_heeded(netif))
		return;
	if (ifs->rs_left != ALL_TRIES)
		ifs->rs_left--;
	rs_send(netif, &ifa->addr);
	ifs->rs_interval_ns = next_interval(netif);
	if (ifs->rs_left)
		wheel_start(&netif->stack->eng->wheel, timer, now_ns + ifs->rs_interval_ns);
}

void rs_init(struct netif *netif)
{
	wheel_timer_init(&netif->ip6->rs_timer, rs_timer);
}

void rs_start(struct netif *netif, bool is_at_once)
{
	struct engine *eng = netif->stack->eng;
	struct ip6_if *ifs = netif->ip6;
	uint64_t delay_ns = 0;

	if (!ra_is_heeded(netif) || !ifs->conf.router_solicitations || !netif_is_running(netif) ||
	    !link_local(netif))
		return;
	ifs->rs_left = ifs->conf.router_solicitations;
	ifs->rs_interval_ns = 0;
	/* Who has waited at random before duplicate detection need not again. */
	if (!is_at_once)
		delay_ns = rng_below(&eng->rng,
				     (uint64_t)(ifs->conf.rtr_solicit_delay_s * NSEC_PER_SEC) + 1);
	wheel_start(&eng->wheel, &ifs->rs_timer, eng->now_ns + (int64_t)delay_ns);
}

void rs_stop(struct netif *netif)
{
	wheel_stop(&netif->stack->eng->wheel, &netif->ip6->rs_timer);
}
