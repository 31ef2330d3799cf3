/* SPDX-License-Identifier: MIT */
/*
 * IPv4 forwarding (RFC 1812 §5.3): route, time to live, MTU, next hop; each refusal is told to the
 * source as §5.2.7 says, and a host that knows no nearer gateway on its own link is told of it.
 */
#include "ip/fastfwd.h"
#include "ip/icmp.h"
#include "ip/ip4.h"
#include "ip/ip4_opts.h"
#include "ip/ip4_priv.h"
#include "ip/mss_clamp.h"
#include "link/neigh.h"
#include "wire/eth.h"

/* RFC 3927 §2.7: link-local addresses mean nothing beyond their link; 0.0.0.0 (which passes to
 * link-local groups only) neither. */
static enum drop fwd_addrs(const struct ip4_hdr *hdr)
{
	if (ip4_stays_on_link(hdr->src))
		return DROP_IP4_SRC;
	if (ip4_stays_on_link(hdr->dst))
		return DROP_IP4_DST;
	return DROP_NONE;
}

static void fwd_unreach(struct stack *st, struct pkt *pkt, enum icmp4_unreach_code code,
			uint32_t mtu)
{
	icmp4_error(st, pkt,
		    &(struct icmp4_hdr){.type = ICMP4_UNREACH,
					.code = (uint8_t)code,
					.u.err.mtu = (uint16_t)mtu});
}

/* RFC 1812 §5.2.7.1; codes as Linux's for the types of routes. A blackhole is silent. */
static void fwd_answer_route(struct stack *st, struct pkt *pkt, enum drop why)
{
	switch (why) {
	case DROP_IP_NO_ROUTE:
		fwd_unreach(st, pkt, ICMP4_UNREACH_NET, 0);
		break;
	case DROP_IP_ROUTE_UNREACHABLE:
		fwd_unreach(st, pkt, ICMP4_UNREACH_HOST, 0);
		break;
	case DROP_IP_ROUTE_PROHIBIT:
		fwd_unreach(st, pkt, ICMP4_UNREACH_ADMIN_PROHIBITED, 0);
		break;
	default:
		break;
	}
}

/* The route's interface can carry it, or it may be fragmented, or the source learns the MTU (RFC
 * 1191 §4). */
static enum drop fwd_mtu(struct stack *st, struct pkt *pkt, const struct ip4_hdr *hdr,
			 const struct netif *out)
{
	if (likely(pkt_frame_l3_len(pkt) <= out->mtu) || !hdr->df)
		return DROP_NONE;
	mib_inc(st, MIB_IpFragFails);
	fwd_unreach(st, pkt, ICMP4_UNREACH_FRAG_NEEDED, out->mtu);
	return DROP_IP_MTU;
}

static void fwd_ttl_exceeded(struct stack *st, struct pkt *pkt)
{
	icmp4_error(st, pkt,
		    &(struct icmp4_hdr){.type = ICMP4_TIME_EXCEEDED, .code = ICMP4_EXCEEDED_TTL});
}

static enum drop fwd_frags(struct stack *st, struct pkt *pkt, struct netif *out,
			   const struct ip_addr *nexthop)
{
	struct pktq frags;
	struct pkt *frag;
	enum drop why;

	pktq_init(&frags);
	why = ip4_fragment_all(st, pkt, out->mtu, &frags);
	while ((frag = pktq_pop(&frags))) {
		mib_add(st, MIB_IpExtOutOctets, frag->len);
		(void)!neigh_output(out, frag, nexthop, ETHERTYPE_IPV4, NULL);
	}
	return why;
}

/* RFC 1812 §5.2.7.2: the packet leaves by the interface that it came in on, and its source is on
 * that link with the next hop. For the host only, as §4.3.3.2 has it; within the limits of errors.
 */
static void fwd_redirect(struct netif *in, const struct pkt *pkt, const struct ip4_hdr *hdr,
			 const struct fib4_route *route)
{
	struct icmp4_hdr icmp = {.type = ICMP4_REDIRECT, .code = ICMP4_REDIRECT_HOST};
	const struct ip4_ifaddr *ifa = ip4_addr_on_link(in, hdr->src);
	struct ip_addr src = ip_addr_from_ip4(&hdr->src);

	/* Not who follows a source route: that the way could be shorter is his affair. */
	if (load_be32(pkt->data + 16) != ip4_addr_u32(&hdr->dst))
		return;
	icmp.u.gateway = ip4_route_nexthop(route, hdr->dst);
	if (!in->ip4->conf.send_redirects || !ifa ||
	    !ip4_in_prefix(&icmp.u.gateway, &ifa->addr, ifa->prefix_len) ||
	    ip4_addr_eq(&icmp.u.gateway, &hdr->src))
		return;
	if (icmp_limit_allow(in->stack, &src, in->stack->icmp->conf.ratelimit_ms))
		icmp4_error(in->stack, pkt, &icmp);
}

/* Options are written to as the interface's address says. */
static void fwd_opts(struct stack *st, struct pkt *pkt, const struct netif *out,
		     struct ip4_addr nexthop, struct ip4_addr dst)
{
	uint32_t hdr_len = (pkt->data[0] & 0xfu) * 4;
	struct ip4_addr own;

	if (hdr_len > IP4_HDR_LEN && ip4_addr_select(st, out, nexthop, &own))
		ip4_opts_forward(st, pkt->data, hdr_len, own, dst);
}

/* The packet may go: from here on it is ours, and changed. */
static enum drop fwd_send(struct stack *st, struct netif *in, struct pkt *pkt,
			  const struct fib4_route *route, struct ip4_addr dst)
{
	struct ip4_addr nexthop4 = ip4_route_nexthop(route, dst);
	struct ip_addr nexthop = ip_addr_from_ip4(&nexthop4);
	struct netif *out = route->netif;
	struct neigh *neigh;
	enum drop why;
	bool stolen;

	ip4_ttl_dec(pkt->data);
	fwd_opts(st, pkt, out, nexthop4, dst);
	pkt->flags |= PKT_F_FORWARDED;
	pkt_hop(pkt, HOP_ROUTE, route->prefix_len);
	mib_add(st, MIB_IpForwDatagrams, pkt_n_frames(pkt));
	if (unlikely(!ip_hooks_empty(&st->ip4->hooks, IP_HOOK_POSTROUTING))) {
		why = ip4_hook(st, IP_HOOK_POSTROUTING, in, out, pkt, &stolen);
		if (why != DROP_NONE || stolen)
			return why;
	}
	if (unlikely(pkt_frame_l3_len(pkt) > out->mtu))
		return fwd_frags(st, pkt, out, &nexthop);
	mib_add(st, MIB_IpExtOutOctets, pkt_wire_bytes(pkt));
	neigh = ip_nexthop_neigh(out, &nexthop);
	if (neigh)
		fastfwd_learn4(in, pkt, route, dst, neigh);
	(void)!neigh_output(out, pkt, &nexthop, ETHERTYPE_IPV4, neigh); /* it drops by itself */
	return DROP_NONE;
}

void ip4_forward_broadcast(struct netif *in, struct pkt *pkt, const struct ip4_hdr *hdr)
{
	struct stack *st = in->stack;
	const struct fib4_route *route = fib4_lookup(&st->ip4->fib, hdr->dst);
	struct pkt *copy;

	/* What was a broadcast on its own link has gone everywhere, and one to the link that it
	 * comes from makes storms. */
	if (fwd_addrs(hdr) != DROP_NONE || (pkt->flags & (PKT_F_L2_BROADCAST | PKT_F_L2_MULTICAST)))
		return;
	if (!route || route->type != ROUTE_BROADCAST || route->netif == in || hdr->ttl <= 1 ||
	    pkt_frame_l3_len(pkt) > route->netif->mtu)
		return;
	copy = pkt_clone(pkt);
	if (copy && !pkt_make_writable(copy, hdr->hdr_len)) {
		pkt_free(copy);
		return;
	}
	if (copy && fwd_send(st, in, copy, route, hdr->dst) != DROP_NONE)
		pkt_free(copy);
}

enum drop ip4_forward(struct netif *in, struct pkt *pkt, const struct ip4_hdr *hdr)
{
	struct stack *st = in->stack;
	const struct fib4_route *route;
	enum drop why = fwd_addrs(hdr);
	bool stolen;

	if (why != DROP_NONE)
		return why;
	route = fib4_lookup(&st->ip4->fib, hdr->dst);
	why = ip4_route_refusal(route);
	if (unlikely(why != DROP_NONE)) {
		fwd_answer_route(st, pkt, why);
		return why;
	}
	if (unlikely(route->type != ROUTE_UNICAST))
		return DROP_IP4_DST; /* 127/8, or a broadcast address of a stopped interface */
	if (unlikely(hdr->ttl <= 1)) {
		fwd_ttl_exceeded(st, pkt);
		return DROP_IP_TTL;
	}
	why = fwd_mtu(st, pkt, hdr, route->netif);
	if (unlikely(why != DROP_NONE))
		return why;
	if (unlikely(!ip_hooks_empty(&st->ip4->hooks, IP_HOOK_FORWARD))) {
		why = ip4_hook(st, IP_HOOK_FORWARD, in, route->netif, pkt, &stolen);
		if (why != DROP_NONE || stolen)
			return why;
	}
	if (unlikely(route->netif == in))
		fwd_redirect(in, pkt, hdr, route);
	if (unlikely(!pkt_make_writable(pkt, hdr->hdr_len)))
		return DROP_NOMEM;
	mss_clamp(in, route->netif, pkt, false);
	return fwd_send(st, in, pkt, route, hdr->dst);
}

/* RFC 1812 §5.2.7.1: the last hop's neighbour is silent. For our own packets too: the error comes
 * back to the transport over loopback. */
void ip4_unreachable(struct netif *netif, struct pkt *pkt)
{
	fwd_unreach(netif->stack, pkt, ICMP4_UNREACH_HOST, 0);
}
