/* SPDX-License-Identifier: MIT */
/* Router advertisements (RFC 4861 §6.1.2, §6.3.4): checked, and handed out in parts; see ra.h. */
#include "core/engine.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/ra.h"
#include "link/neigh.h"

enum {
	RA_REACHABLE_MAX_MS = 3600000, /* RFC 4861 §6.2.1: AdvReachableTime */
	/* As in Linux: with less, nobody would answer in time and no duplicate be found, on the
	 * word of whoever calls himself a router. */
	RA_REACHABLE_MIN_MS = 100,
	RA_RETRANS_MIN_MS = 10,
};

bool ra_is_heeded(const struct netif *netif)
{
	uint8_t accept = netif->ip6->conf.accept_ra;

	return !(netif->flags & (NETIF_LOOPBACK | NETIF_NOARP)) && !netif->ip6->conf.disable &&
	       (accept == 2 || (accept == 1 && !netif->stack->ip6->conf.forward));
}

static struct ra_if *ra_get(struct netif *netif)
{
	struct ra_if *ra = netif->ip6->ra;

	if (ra)
		return ra;
	ra = mem_zalloc(&netif->stack->eng->mem, sizeof(*ra));
	if (!ra)
		return NULL;
	ra->netif = netif;
	ra_routes_init(ra);
	netif->ip6->ra = ra;
	return ra;
}

void ra_flush(struct netif *netif)
{
	struct ra_if *ra = netif->ip6->ra;

	rs_stop(netif);
	slaac_flush(netif);
	redirect6_flush(netif);
	if (!ra)
		return;
	ra_routes_fini(ra);
	mem_free(&netif->stack->eng->mem, ra, sizeof(*ra));
	netif->ip6->ra = NULL;
}

static uint32_t at_least(uint32_t n, uint32_t least)
{
	return n > least ? n : least;
}

/* §6.3.4: fields that say nothing leave things as they are. */
static void link_take(struct netif *netif, const struct nd_ra *said, const struct nd_opts *opts)
{
	struct ip6_if_conf *conf = &netif->ip6->conf;
	struct neigh_params *params = netif->neigh6;

	if (said->hop_limit)
		conf->hop_limit = said->hop_limit;
	if (said->reachable_ms && said->reachable_ms <= RA_REACHABLE_MAX_MS)
		params->base_reachable_time_ms = at_least(said->reachable_ms, RA_REACHABLE_MIN_MS);
	if (said->retrans_ms && said->retrans_ms <= RA_REACHABLE_MAX_MS)
		params->retrans_time_ms = at_least(said->retrans_ms, RA_RETRANS_MIN_MS);
	if (opts->has_mtu && conf->accept_ra_mtu && opts->mtu >= IP6_MTU_MIN &&
	    opts->mtu <= netif->mtu && conf->mtu != opts->mtu) {
		conf->mtu = opts->mtu;
		ip_dst_invalidate_all(netif->stack);
	}
}

static void say(struct ra_if *ra, const struct ra_route_said *said)
{
	if (!ra_route_say(ra, said))
		mib_inc(ra->netif->stack, MIB_Ip6AutoconfLimit);
}

static void router_take(struct ra_if *ra, const struct ip6_addr *src, const struct nd_ra *said)
{
	const struct ip6_if_conf *conf = &ra->netif->ip6->conf;

	if (!conf->accept_ra_defrtr)
		return;
	say(ra, &(struct ra_route_said){.kind = RA_ROUTER,
					.router = *src,
					.pref = conf->accept_ra_rtr_pref ? said->pref
									 : (uint8_t)ND_PREF_MEDIUM,
					.lifetime_s = said->router_lifetime_s});
	/* RFC 7559 §2.1: routers are looked for until one is there to send to. */
	if (said->router_lifetime_s)
		rs_stop(ra->netif);
}

/* RFC 4191 §2.3. One of ::/0 stands for the router's own word about default routes. */
static void routes_take(struct ra_if *ra, const struct ip6_addr *src, const struct nd_opts *opts)
{
	const struct ip6_if_conf *conf = &ra->netif->ip6->conf;

	for (uint32_t i = 0; i < opts->n_routes; i++) {
		const struct nd_route *r = &opts->routes[i];

		if (r->len > conf->accept_ra_rt_info_max_plen ||
		    ip6_addr_is_multicast(&r->prefix) || ip6_addr_is_link_local(&r->prefix) ||
		    (!r->len && !conf->accept_ra_defrtr))
			continue;
		say(ra, &(struct ra_route_said){.kind = r->len ? RA_ROUTE : RA_ROUTER,
						.prefix = r->prefix,
						.prefix_len = r->len,
						.router = *src,
						.pref = r->pref,
						.lifetime_s = r->lifetime_s});
	}
}

static void prefixes_take(struct ra_if *ra, const struct nd_opts *opts,
			  const struct ip6_addr *router)
{
	for (uint32_t i = 0; i < opts->n_prefixes; i++) {
		const struct nd_prefix *p = &opts->prefixes[i];

		if (ip6_addr_is_link_local(&p->prefix) || ip6_addr_is_multicast(&p->prefix))
			continue;
		if (p->on_link)
			say(ra, &(struct ra_route_said){.kind = RA_PREFIX,
							.prefix = p->prefix,
							.prefix_len = p->len,
							.lifetime_s = p->valid_s});
		slaac_prefix(ra->netif, p, router);
	}
}

/* §6.1.2: what an advertisement must be like. `opts` refers to the packet. */
static enum drop ra_read(struct pkt *pkt, const struct ip_info *info, const struct icmp6_hdr *icmp,
			 struct nd_ra *ret, struct nd_opts *ret_opts)
{
	struct rd r;

	if (info->ttl != ND_HOP_LIMIT)
		return DROP_ND_HOPS;
	if (!ip_addr_is_link_local6(&info->src))
		return DROP_ND_RA_SRC;
	if (icmp->code != 0 || pkt->len < ND_RA_LEN)
		return DROP_ND_HDR;
	if (!pkt_pullup(pkt, pkt->len))
		return DROP_NOMEM;
	r = pkt_rd(pkt);
	rd_skip(&r, ICMP6_HDR_LEN);
	if (nd_ra_parse(icmp->u.rest, &r, ret) < 0 || nd_opts_parse(&r, ret_opts) < 0)
		return DROP_ND_HDR;
	return DROP_NONE;
}

static void ra_take(struct ra_if *ra, const struct ip_info *info, const struct nd_ra *said,
		    const struct nd_opts *opts)
{
	struct ip6_addr src = ip_addr_to_ip6(&info->src);
	struct netif *netif = ra->netif;

	ra->managed = said->managed;
	ra->other = said->other;
	ra->heard_ns = netif->stack->eng->now_ns;
	link_take(netif, said, opts);
	if (opts->has_src_lladdr)
		(void)neigh_update(netif, &info->src, &opts->src_lladdr,
				   NEIGH_OVERRIDE | NEIGH_CREATE);
	ra_router_heard(netif, &src, false);
	router_take(ra, &src, said);
	routes_take(ra, &src, opts);
	if (netif->ip6->conf.accept_ra_pinfo)
		prefixes_take(ra, opts, &src);
	ra_dns_say(ra, opts);
}

enum drop ra_input(struct stack *st, struct pkt *pkt, const struct ip_info *info,
		   const struct icmp6_hdr *icmp)
{
	struct netif *netif = pkt->netif;
	struct nd_opts opts;
	struct ra_if *ra;
	struct nd_ra said;
	enum drop why = ra_read(pkt, info, icmp, &said, &opts);

	if (why != DROP_NONE) {
		mib_inc(st, MIB_Icmp6InErrors);
		return why;
	}
	if (!ra_is_heeded(netif))
		return DROP_ND_RA_IGNORED;
	ra = ra_get(netif);
	if (!ra)
		return DROP_NOMEM;
	ra_take(ra, info, &said, &opts);
	pkt_free(pkt);
	return DROP_NONE;
}
