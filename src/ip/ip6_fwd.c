/* SPDX-License-Identifier: MIT */
/*
 * IPv6 forwarding: route, hop limit, scope, MTU, next hop; each refusal is told to the source as
 * RFC 4443 §3 says.
 */
#include "ip/fastfwd.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/mss_clamp.h"
#include "link/neigh.h"
#include "wire/eth.h"

/* RFC 4291 §2.5.2, §2.5.3, §2.5.6: what means something on one link only stays there. */
static enum drop fwd_addrs(struct stack *st, struct pkt *pkt, const struct ip6_hdr *hdr)
{
	bool is_local_src = unlikely(ip6_addr_is_link_local(&hdr->src));

	if (ip6_stays_on_link(&hdr->src) && !is_local_src)
		return DROP_IP6_SRC;
	if (ip6_stays_on_link(&hdr->dst))
		return DROP_IP6_DST;
	if (is_local_src) {
		icmp6_error(st, pkt, ICMP6_UNREACH, ICMP6_UNREACH_SCOPE, 0);
		return DROP_IP6_SCOPE;
	}
	return DROP_NONE;
}

/* RFC 4443 §3.1; codes as Linux's for the types of routes. A blackhole is silent. */
static void fwd_answer_route(struct stack *st, struct pkt *pkt, enum drop why)
{
	switch (why) {
	case DROP_IP_NO_ROUTE:
	case DROP_IP_ROUTE_UNREACHABLE:
		icmp6_error(st, pkt, ICMP6_UNREACH, ICMP6_UNREACH_NO_ROUTE, 0);
		break;
	case DROP_IP_ROUTE_PROHIBIT:
		icmp6_error(st, pkt, ICMP6_UNREACH, ICMP6_UNREACH_ADMIN_PROHIBITED, 0);
		break;
	default:
		break;
	}
}

/* RFC 4443 §3.3. As in Linux, a packet that has nowhere to go is told that first. */
static enum drop fwd_hops(struct stack *st, struct pkt *pkt, const struct ip6_hdr *hdr)
{
	if (likely(hdr->hop_limit > 1))
		return DROP_NONE;
	icmp6_error(st, pkt, ICMP6_TIME_EXCEEDED, ICMP6_EXCEEDED_HOPS, 0);
	return DROP_IP_TTL;
}

/* RFC 8200 §5: routers do not fragment. */
static enum drop fwd_mtu(struct stack *st, struct pkt *pkt, const struct netif *out)
{
	uint32_t out_mtu = ip6_netif_mtu(out);
	uint32_t mtu = out_mtu > IP6_MTU_MIN ? out_mtu : IP6_MTU_MIN;

	if (likely(pkt_frame_l3_len(pkt) <= out_mtu))
		return DROP_NONE;
	icmp6_error(st, pkt, ICMP6_PACKET_TOO_BIG, 0, mtu);
	mib_add(st, MIB_Ip6InTooBigErrors, pkt_n_frames(pkt));
	return DROP_IP_MTU;
}

/* The packet may go: from here on it is ours, and changed. */
static enum drop fwd_send(struct stack *st, struct netif *in, struct pkt *pkt,
			  const struct fib6_route *route, const struct ip6_addr *dst)
{
	struct ip_addr nexthop =
		ip_addr_from_ip6(ip6_addr_is_unspecified(&route->via) ? dst : &route->via);
	struct netif *out = route->netif;
	struct neigh *neigh;
	enum drop why;
	bool stolen;

	ip6_hops_dec(pkt->data);
	pkt->flags |= PKT_F_FORWARDED;
	pkt_hop(pkt, HOP_ROUTE, route->prefix_len);
	mib_add(st, MIB_Ip6OutForwDatagrams, pkt_n_frames(pkt));
	if (unlikely(!ip_hooks_empty(&st->ip6->hooks, IP_HOOK_POSTROUTING))) {
		why = ip6_hook(st, IP_HOOK_POSTROUTING, in, out, pkt, &stolen);
		if (why != DROP_NONE || stolen)
			return why;
	}
	mib_add(st, MIB_Ip6OutOctets, pkt_wire_bytes(pkt));
	neigh = ip_nexthop_neigh(out, &nexthop);
	if (neigh)
		fastfwd_learn6(in, route, dst, neigh);
	(void)!neigh_output(out, pkt, &nexthop, ETHERTYPE_IPV6, neigh); /* it drops by itself */
	return DROP_NONE;
}

/* Before the packet is known to have somewhere to go. */
static enum drop fwd_route(struct stack *st, struct pkt *pkt, const struct ip6_hdr *hdr,
			   const struct fib6_route **ret)
{
	const struct fib6_route *route = fib6_lookup(&st->ip6->fib, &hdr->dst);
	enum drop why = ip6_route_refusal(route);

	if (unlikely(why != DROP_NONE)) {
		fwd_answer_route(st, pkt, why);
		return why;
	}
	if (unlikely(route->type != ROUTE_UNICAST))
		return DROP_IP6_DST; /* an address of ours that is not valid yet */
	*ret = route;
	return DROP_NONE;
}

enum drop ip6_forward(struct netif *in, struct pkt *pkt, const struct ip6_hdr *hdr)
{
	struct stack *st = in->stack;
	const struct fib6_route *route;
	enum drop why;
	bool stolen;

	why = fwd_addrs(st, pkt, hdr);
	if (why == DROP_NONE)
		why = fwd_route(st, pkt, hdr, &route);
	if (why == DROP_NONE)
		why = fwd_hops(st, pkt, hdr);
	if (why == DROP_NONE)
		why = fwd_mtu(st, pkt, route->netif);
	if (unlikely(why != DROP_NONE))
		return why;
	if (unlikely(!ip_hooks_empty(&st->ip6->hooks, IP_HOOK_FORWARD))) {
		why = ip6_hook(st, IP_HOOK_FORWARD, in, route->netif, pkt, &stolen);
		if (why != DROP_NONE || stolen)
			return why;
	}
	if (unlikely(route->netif == in))
		redirect6_send(in, pkt, hdr, route);
	if (unlikely(!pkt_make_writable(pkt, IP6_HDR_LEN)))
		return DROP_NOMEM;
	mss_clamp(in, route->netif, pkt, true);
	return fwd_send(st, in, pkt, route, &hdr->dst);
}

/* RFC 4861 §7.2.2: the last hop's neighbour is silent. For our own packets too: the error comes
 * back to the transport over loopback. */
void ip6_unreachable(struct netif *netif, struct pkt *pkt)
{
	icmp6_error(netif->stack, pkt, ICMP6_UNREACH, ICMP6_UNREACH_ADDR, 0);
}
