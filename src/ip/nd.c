/* SPDX-License-Identifier: MIT */
/*
 * Neighbour discovery for hosts (RFC 4861 §7): solicitations and advertisements, between the wire
 * and the neighbour cache, which has the states and timers.
 *
 * Nobody off the link can send any of it: the hop limit must be 255, which no router passes on
 * (§7.1.1).
 */
#include "wire/nd.h"
#include "core/engine.h"
#include "core/trace.h"
#include "ip/dad.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ra.h"
#include "link/neigh.h"
#include "wire/eth.h"
#include "wire/ip4.h"

enum {
	ND_MSG_MAX = ND_NS_LEN + ND_LLADDR_OPT_LEN + ND_NONCE_OPT_LEN,
};

/*
 * Output.
 */

/* A neighbour message: header, target, and options: a nonce, or our link-layer address if `opt` is
 * one. */
static void nd_send(struct netif *netif, const struct ip6_addr *src, const struct ip6_addr *dst,
		    const struct icmp6_hdr *icmp, const struct ip6_addr *target,
		    enum nd_opt_type opt, const uint8_t *nonce)
{
	struct stack *st = netif->stack;
	struct pkt *pkt = pkt_alloc(&st->eng->pkts, ND_MSG_MAX);
	uint32_t len = ND_NS_LEN + (opt ? (uint32_t)ND_LLADDR_OPT_LEN : 0) +
		       (nonce ? (uint32_t)ND_NONCE_OPT_LEN : 0);
	struct ip_out out = {.flow = {.dst = ip_addr_from_ip6(dst),
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
	p = pkt_put(pkt, len);
	icmp6_hdr_write(p, icmp);
	w = wr_make(p + ICMP6_HDR_LEN, len - ICMP6_HDR_LEN);
	wr_bytes(&w, target, sizeof(*target));
	if (opt)
		nd_opt_lladdr_write(&w, opt, &netif->hwaddr);
	if (nonce)
		nd_opt_nonce_write(&w, nonce);
	assert(wr_ok(&w));
	(void)!icmp6_output(st, pkt, &out); /* drops by itself */
}

/* §7.2.2: from the address of the packet that waits, if it is one of this interface, else from one
 * of the interface. */
static bool nd_solicit_src(const struct neigh *n, const struct ip6_addr *target,
			   struct ip6_addr *ret)
{
	const struct pkt *waiting = n->queue.first;
	struct ip6_hdr hdr;

	if (waiting && waiting->lin_len >= IP6_HDR_LEN) {
		ip6_hdr_read(waiting->data, &hdr);
		if (hdr.version == 6 && ip6_addr_is_on(n->netif, &hdr.src)) {
			*ret = hdr.src;
			return true;
		}
	}
	return ip6_addr_select(n->netif->stack, n->netif, target, true, ret);
}

/* neigh_ops: asks the group in which the owner of the address is, or the last known owner itself.
 * Without an address on this link nobody could answer us, so nothing is sent. */
static void nd_solicit(struct neigh *n, bool is_unicast)
{
	const struct icmp6_hdr icmp = {.type = ICMP6_NEIGH_SOLICIT};
	struct ip6_addr target = ip_addr_to_ip6(&n->addr);
	struct ip6_addr dst = is_unicast ? target : ip6_solicited_node(&target);
	struct ip6_addr src;

	if (nd_solicit_src(n, &target, &src))
		nd_send(n->netif, &src, &dst, &icmp, &target, ND_OPT_SRC_LLADDR, NULL);
}

void nd_send_probe(struct netif *netif, const struct ip6_addr *target, const uint8_t *nonce)
{
	const struct icmp6_hdr icmp = {.type = ICMP6_NEIGH_SOLICIT};
	const struct ip6_addr src = IP6_ADDR_ANY, dst = ip6_solicited_node(target);

	nd_send(netif, &src, &dst, &icmp, target, 0, nonce);
}

int64_t nd_retrans_ms(const struct netif *netif)
{
	return netif->neigh6->retrans_time_ms;
}

/* §7.2.4. To who has no address, as one looking for duplicates, all are told. */
static void nd_advertise(struct netif *netif, const struct ip6_addr *target,
			 const struct ip6_addr *asker)
{
	bool is_probe = ip6_addr_is_unspecified(asker);
	const struct ip6_addr dst = is_probe ? IP6_ADDR_ALL_NODES : *asker;
	uint32_t flags = ND_NA_OVERRIDE | (is_probe ? 0 : ND_NA_SOLICITED) |
			 (netif->stack->ip6->conf.forward ? ND_NA_ROUTER : 0);
	const struct icmp6_hdr icmp = {.type = ICMP6_NEIGH_ADVERT, .u.rest = flags};

	nd_send(netif, target, &dst, &icmp, target, ND_OPT_DST_LLADDR, NULL);
}

/*
 * Input.
 */

struct nd_msg {
	struct netif *netif;
	struct ip6_addr src, dst, target;
	uint32_t flags;
	struct nd_lladdrs opts;
};

/* §7.1.1, §7.1.2: what any of these messages must be like. */
static enum drop nd_read(struct pkt *pkt, const struct ip_info *info, const struct icmp6_hdr *icmp,
			 struct nd_msg *ret)
{
	struct rd r;

	if (info->ttl != ND_HOP_LIMIT)
		return DROP_ND_HOPS;
	if (icmp->code != 0 || pkt->len < ND_NS_LEN)
		return DROP_ND_HDR;
	if (!pkt_pullup(pkt, pkt->len))
		return DROP_NOMEM;
	*ret = (struct nd_msg){.netif = pkt->netif,
			       .src = ip_addr_to_ip6(&info->src),
			       .dst = ip_addr_to_ip6(&info->dst),
			       .flags = icmp->u.rest};
	r = pkt_rd(pkt);
	rd_skip(&r, ICMP6_HDR_LEN);
	rd_copy(&r, &ret->target, sizeof(ret->target));
	if (ip6_addr_is_multicast(&ret->target) || ip6_addr_is_mapped(&ret->target) ||
	    ip6_addr_is_unspecified(&ret->target))
		return DROP_ND_HDR;
	return nd_lladdrs_parse(&r, &ret->opts) < 0 ? DROP_ND_HDR : DROP_NONE;
}

/* RFC 4862 §5.4.3: who resolves the address gets no answer; who probes for it wants it too, unless
 * it is ourselves whom we hear (RFC 7527). */
static enum drop nd_tentative_solicited(const struct nd_msg *m, struct ip6_ifaddr *ifa)
{
	if (!ip6_addr_is_unspecified(&m->src))
		return DROP_ND_TENTATIVE;
	return dad_solicit_input(ifa, m->opts.has_nonce ? m->opts.nonce : NULL) ? DROP_ND_LOOPED
										: DROP_NONE;
}

static enum drop nd_solicit_input(const struct nd_msg *m)
{
	bool is_probe = ip6_addr_is_unspecified(&m->src);
	struct ip6_addr group = ip6_solicited_node(&m->target);
	struct ip_addr src = ip_addr_from_ip6(&m->src);
	struct ip6_ifaddr *ifa;

	/* §7.1.1: who has no address asks the group, and has nowhere to be answered. */
	if (is_probe && (!ip6_addr_eq(&m->dst, &group) || m->opts.has_src))
		return DROP_ND_HDR;
	ifa = ip6_ifaddr_find(m->netif, &m->target);
	if (!ifa || ifa->state == IP6_ADDR_DUPLICATE)
		return DROP_ND_NOT_US;
	if (ifa->state == IP6_ADDR_TENTATIVE)
		return nd_tentative_solicited(m, ifa);
	if (!is_probe && m->opts.has_src)
		(void)neigh_update(m->netif, &src, &m->opts.src, NEIGH_OVERRIDE | NEIGH_CREATE);
	nd_advertise(m->netif, &m->target, &m->src);
	return DROP_NONE;
}

static enum drop nd_conflict(const struct nd_msg *m)
{
	char ip[IP6_ADDR_STRLEN];

	trace_text(m->netif->stack, TRACE_NOTE, 0, "nd %s dev %s: also used by another node",
		   ip6_addr_print(&m->target, ip), m->netif->name);
	return DROP_ND_CONFLICT;
}

/* §7.2.5. */
static enum drop nd_advert_input(const struct nd_msg *m)
{
	struct ip_addr target = ip_addr_from_ip6(&m->target);
	struct neigh *n = neigh_find(m->netif, &target);
	struct ip6_ifaddr *ifa;
	struct eth_addr lladdr;
	uint32_t flags = 0;

	/* §7.1.2 */
	if (ip6_addr_is_multicast(&m->dst) && (m->flags & ND_NA_SOLICITED))
		return DROP_ND_HDR;
	ifa = ip6_ifaddr_find(m->netif, &m->target);
	if (ifa && ifa->state == IP6_ADDR_TENTATIVE) {
		dad_fail(ifa); /* RFC 4862 §5.4.4 */
		return DROP_NONE;
	}
	if (ifa && ip6_ifaddr_is_valid(ifa))
		return nd_conflict(m);
	if (!n)
		return DROP_ND_NOT_US;
	if (m->flags & ND_NA_SOLICITED)
		flags |= NEIGH_SOLICITED;
	if (m->flags & ND_NA_OVERRIDE)
		flags |= NEIGH_OVERRIDE;
	if (m->opts.has_dst)
		lladdr = m->opts.dst;
	else if (n->state == NEIGH_INCOMPLETE || n->state == NEIGH_FAILED)
		return DROP_ND_NOT_US; /* it does not say what we want to know */
	else
		lladdr = n->lladdr;
	(void)neigh_update(m->netif, &target, &lladdr, flags);
	if (!(m->flags & ND_NA_ROUTER))
		ra_router_gone(m->netif, &m->target);
	return DROP_NONE;
}

enum drop nd_input(struct stack *st UNUSED, struct pkt *pkt, const struct ip_info *info,
		   const struct icmp6_hdr *icmp)
{
	struct nd_msg m;
	enum drop why = nd_read(pkt, info, icmp, &m);

	if (why != DROP_NONE) {
		mib_inc(st, MIB_Icmp6InErrors);
		return why;
	}
	if (m.netif->flags & (NETIF_NOARP | NETIF_LOOPBACK))
		return DROP_ND_NOT_US;
	why = icmp->type == ICMP6_NEIGH_SOLICIT ? nd_solicit_input(&m) : nd_advert_input(&m);
	if (why == DROP_NONE)
		pkt_free(pkt);
	return why;
}

static const struct neigh_ops nd_neigh_ops = {
	.ethertype = ETHERTYPE_IPV6,
	.solicit = nd_solicit,
};

void nd_init(struct stack *st)
{
	neigh_ops_set(st, &nd_neigh_ops);
}
