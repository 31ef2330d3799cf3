/* SPDX-License-Identifier: MIT */
/*
 * IPv6 input: is the packet well formed, may it come from there, is it for us?
 *
 * Steps, each a function: header (RFC 8200 §3), addresses (RFC 4291 §2.5, §2.7), hop-by-hop options
 * (RFC 8200 §4.3), then delivery, behind the other extension headers (ip6_ext.c), or forwarding.
 * Super-packets are judged as one packet and counted as their frames.
 */
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/mcast.h"
#include "ip/mld.h"
#include "wire/ip4.h"

static enum drop ip6_in_hdr(struct pkt *pkt, struct ip6_hdr *hdr)
{
	enum ip6_hdr_err err;

	if (unlikely(!pkt_pullup(pkt, IP6_HDR_LEN)))
		return pkt->len < IP6_HDR_LEN ? DROP_IP6_HDR : DROP_NOMEM;
	ip6_hdr_read(pkt->data, hdr);
	err = ip6_hdr_check(hdr, pkt->len);
	if (unlikely(err != IP6_HDR_OK))
		return err == IP6_HDR_VERSION ? DROP_IP6_VERSION : DROP_IP6_HDR;
	if (pkt->csum == PKT_CSUM_PARTIAL &&
	    unlikely(!pkt_partial_fits(pkt, IP6_HDR_LEN, IP6_HDR_LEN + (uint32_t)hdr->payload_len)))
		return DROP_IP6_HDR;
	if (unlikely(IP6_HDR_LEN + (uint32_t)hdr->payload_len < pkt->len))
		pkt_trim(pkt, IP6_HDR_LEN + (uint32_t)hdr->payload_len); /* padding of the link */
	return DROP_NONE;
}

/* A group is no source (RFC 4291 §2.7), nor is an address that stands for one of IPv4: inside, it
 * would be taken for that. */
static enum drop ip6_in_src(const struct netif *netif, const struct pkt *pkt,
			    const struct ip6_hdr *hdr)
{
	const struct ip6_addr *src = &hdr->src;

	bool is_inside = (netif->flags & NETIF_LOOPBACK) || (pkt->flags & PKT_F_LOOPED);

	if (unlikely(ip6_is_martian_src(src)) && !(is_inside && ip6_addr_is_loopback(src)))
		return DROP_IP6_SRC;
	if (unlikely(is_inside))
		return DROP_NONE;
	/* From outside nobody speaks with our own address. A neighbour may have our link-local
	 * address of another link. */
	if (unlikely(ip6_own(netif->stack->ip6, src)) &&
	    (!ip6_addr_is_link_local(src) || ip6_addr_is_on(netif, src)))
		return DROP_IP6_SRC;
	return DROP_NONE;
}

/* RFC 4291 §2.5.2, §2.5.3, §2.7: nobody; loopback and groups of an interface come from no wire;
 * scope 0 is reserved. */
static enum drop ip6_in_dst(const struct netif *netif, const struct ip6_hdr *hdr)
{
	const struct ip6_addr *dst = &hdr->dst;
	bool is_lo = netif->flags & NETIF_LOOPBACK;

	if (unlikely(ip6_is_martian_dst(dst)) && !(is_lo && ip6_addr_is_loopback(dst)))
		return DROP_IP6_DST;
	if (ip6_addr_is_multicast(dst) &&
	    unlikely(ip6_addr_scope(dst) == 0 ||
		     (ip6_addr_scope(dst) == IP6_SCOPE_INTERFACE && !is_lo)))
		return DROP_IP6_DST;
	return DROP_NONE;
}

/* Everything that can be said before it is known where the packet goes. */
static enum drop ip6_in_check(struct netif *netif, struct pkt *pkt, struct ip6_hdr *hdr)
{
	enum drop why;

	if (unlikely(netif->ip6->conf.disable))
		return DROP_IP6_DISABLED;
	why = ip6_in_hdr(pkt, hdr);
	if (why == DROP_NONE)
		mib_add(netif->stack, MIB_Ip6InNoECTPkts + (hdr->tclass & IP_ECN_MASK),
			pkt_n_frames(pkt));
	if (why == DROP_NONE)
		why = ip6_in_src(netif, pkt, hdr);
	if (why == DROP_NONE)
		why = ip6_in_dst(netif, hdr);
	return why;
}

static void ip6_in_count_drop(struct stack *st, enum drop why, uint32_t n_frames)
{
	switch (why) {
	case DROP_IP6_HDR:
	case DROP_IP6_VERSION:
	case DROP_IP6_EXT:
	case DROP_IP6_OPTION:
	case DROP_IP6_ROUTING:
	case DROP_IP_TTL:
		mib_add(st, MIB_Ip6InHdrErrors, n_frames);
		break;
	case DROP_IP6_SRC:
	case DROP_IP6_DST:
	case DROP_IP6_SCOPE:
	case DROP_IP6_NOT_LOCAL:
	case DROP_IP_LINK_BROADCAST:
		mib_add(st, MIB_Ip6InAddrErrors, n_frames);
		break;
	case DROP_IP6_NO_PROTO:
		mib_add(st, MIB_Ip6InUnknownProtos, n_frames);
		break;
	case DROP_IP6_DISABLED:
	case DROP_NOMEM:
		mib_add(st, MIB_Ip6InDiscards, n_frames);
		break;
	case DROP_IP_NO_ROUTE:
	case DROP_IP_ROUTE_UNREACHABLE:
	case DROP_IP_ROUTE_BLACKHOLE:
	case DROP_IP_ROUTE_PROHIBIT:
		mib_add(st, MIB_Ip6InNoRoutes, n_frames);
		break;
	default:
		break;
	}
}

/*
 * Delivery.
 */

/* Hands the payload to its protocol, and to raw sockets before. `data` is at the L4 header. */
static enum drop ip6_in_proto(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	/* ICMP of IPv4 is none of IPv6's protocols. */
	const struct ip_proto *proto =
		info->proto == IP_PROTO_ICMP ? NULL : st->ip_protos[info->proto];
	bool raw_took = st->raw_input && st->raw_input(st, pkt, info);

	if (proto) {
		enum drop why;

		mib_add(st, MIB_Ip6InDelivers, pkt_n_frames(pkt));
		why = proto->input(st, pkt, info);
		/* An answer that a raw socket was waiting for is no drop. */
		if (why != DROP_ICMP_NO_SOCKET || !raw_took)
			return why;
		pkt_free(pkt);
		return DROP_NONE;
	}
	if (!raw_took)
		return info->proto == IP_PROTO_NONE ? DROP_IP6_NO_NEXT : DROP_IP6_NO_PROTO;
	mib_add(st, MIB_Ip6InDelivers, pkt_n_frames(pkt));
	pkt_free(pkt);
	return DROP_NONE;
}

/* RFC 4443 §3.1, §3.4: these refusals are told to the sender. */
static void ip6_in_answer(struct stack *st, struct pkt *pkt, const struct ip6_walk *w,
			  enum drop why)
{
	pkt_unpull_to(pkt, pkt->l3_off);
	if (why == DROP_UDP_NO_PORT)
		icmp6_error(st, pkt, ICMP6_UNREACH, ICMP6_UNREACH_PORT, 0);
	else if (why == DROP_IP6_NO_PROTO)
		icmp6_error(st, pkt, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_NEXT_HDR, w->next_off);
}

/* A whole packet for us, whose extension headers have been walked over. */
static enum drop ip6_deliver_whole(struct stack *st, struct pkt *pkt, const struct ip6_hdr *hdr,
				   const struct ip6_walk *w)
{
	struct ip_info info = {.src = ip_addr_from_ip6(&hdr->src),
			       .dst = ip_addr_from_ip6(&hdr->dst),
			       .ttl = hdr->hop_limit,
			       .tos = hdr->tclass,
			       .is_ip6 = true,
			       .is_broadcast = ip6_addr_is_multicast(&hdr->dst)};
	enum drop why;
	bool stolen;

	if (unlikely(!ip_hooks_empty(&st->ip6->hooks, IP_HOOK_INPUT))) {
		why = ip6_hook(st, IP_HOOK_INPUT, pkt->netif, NULL, pkt, &stolen);
		if (why != DROP_NONE || stolen)
			return why;
	}
	if (pkt->netif && pkt->netif->intercept)
		info.is_foreign = !info.is_broadcast && !ip6_own(st->ip6, &hdr->dst);
	info.proto = w->proto;
	info.was_frag = w->has_frag_hdr;
	pkt_pull(pkt, w->off);
	pkt->l4_off = pkt_off(pkt);
	why = ip6_in_proto(st, pkt, &info);
	if (unlikely(why != DROP_NONE))
		ip6_in_answer(st, pkt, w, why);
	return why;
}

/* The packet that fragments have made; nobody else is left to drop it. */
static void ip6_deliver_reasm(struct stack *st, struct pkt *pkt)
{
	struct ip6_walk w = IP6_WALK_START;
	struct ip6_hdr hdr;
	enum drop why = DROP_NONE;

	ip6_hdr_read(pkt->data, &hdr);
	if (unlikely(st->steer_away) && !ip6_addr_is_multicast(&hdr.dst) &&
	    st->steer_away(st, pkt, true))
		return;
	w.proto = hdr.next_hdr;
	w.has_frag_hdr = true;
	if (w.proto == IP_PROTO_HOPOPTS)
		why = ip6_ext_hopopts(pkt, &w);
	if (why == DROP_NONE)
		why = ip6_ext_walk(pkt, &w);
	/* A fragment within fragments (RFC 8200 §4.5 has one fragment header). */
	if (why == DROP_NONE && w.proto == IP_PROTO_FRAGMENT)
		why = DROP_IP6_EXT;
	if (why == DROP_NONE)
		why = ip6_deliver_whole(st, pkt, &hdr, &w);
	if (why != DROP_NONE) {
		ip6_in_count_drop(st, why, 1);
		(void)pkt_drop(st, pkt, why);
	}
}

static enum drop ip6_deliver(struct stack *st, struct pkt *pkt, const struct ip6_hdr *hdr,
			     struct ip6_walk *w)
{
	struct pkt *whole = NULL;
	enum drop why = ip6_ext_walk(pkt, w);

	if (unlikely(why != DROP_NONE))
		return why;
	if (likely(w->proto != IP_PROTO_FRAGMENT))
		return ip6_deliver_whole(st, pkt, hdr, w);
	why = ip6_reasm(st, pkt, w, &whole);
	if (why == DROP_NONE && whole)
		ip6_deliver_reasm(st, whole);
	return why;
}

/* Of link-local addresses only those of the link count. What comes over loopback was sent by us. */
static bool dst_is_ours(const struct netif *netif, const struct ip6_addr *dst)
{
	if (!ip6_own(netif->stack->ip6, dst))
		return false;
	return likely(!ip6_addr_is_link_local(dst)) || (netif->flags & NETIF_LOOPBACK) ||
	       ip6_addr_is_on(netif, dst);
}

/* Whether somebody here wants it. What is said about groups concerns everybody on the link: it is
 * heard, and nothing follows from most of it. */
static enum drop ip6_in_group(const struct netif *netif, const struct pkt *pkt,
			      const struct ip6_hdr *hdr, const struct ip6_walk *w)
{
	struct ip_addr dst = ip_addr_from_ip6(&hdr->dst), src = ip_addr_from_ip6(&hdr->src);
	bool is_icmp = w->proto == IP_PROTO_ICMPV6;

	if (is_icmp && netif->mcast && mld_is_message(pkt, w->off))
		return DROP_NONE;
	if (!ip6_group_is_joined(netif, &hdr->dst))
		return DROP_IP6_NOT_LOCAL;
	if (!is_icmp && mcast_is_joined(netif, &dst) && !mcast_accepts(netif, &dst, &src))
		return DROP_MCAST_SOURCE;
	return DROP_NONE;
}

/* For somebody else, where the interface's intercept answers for everybody: the way ends here,
 * after one more hop. Link-local addresses are somebody's on the link. */
static enum drop ip6_in_foreign(struct netif *netif, struct pkt *pkt, const struct ip6_hdr *hdr,
				struct ip6_walk *w)
{
	if (ip6_addr_is_link_local(&hdr->dst) || ip6_addr_is_link_local(&hdr->src))
		return DROP_IP6_SCOPE;
	if (likely(hdr->hop_limit > 1))
		return ip6_deliver(netif->stack, pkt, hdr, w);
	icmp6_error(netif->stack, pkt, ICMP6_TIME_EXCEEDED, ICMP6_EXCEEDED_HOPS, 0);
	return DROP_IP_TTL;
}

/* Where to: us, or on. Groups are never forwarded: there is no multicast routing. */
static enum drop ip6_in_dispatch(struct netif *netif, struct pkt *pkt, const struct ip6_hdr *hdr)
{
	struct ip6_walk w = IP6_WALK_START;
	struct stack *st = netif->stack;
	enum drop why;

	w.proto = hdr->next_hdr;
	if (unlikely(w.proto == IP_PROTO_HOPOPTS)) {
		why = ip6_ext_hopopts(pkt, &w);
		if (why != DROP_NONE)
			return why;
	}
	if (unlikely(ip6_addr_is_multicast(&hdr->dst))) {
		mib_add(st, MIB_Ip6InMcastPkts, pkt_n_frames(pkt));
		why = ip6_in_group(netif, pkt, hdr, &w);
		if (why != DROP_NONE)
			return why;
		return ip6_deliver(st, pkt, hdr, &w);
	}
	/* A frame to everybody with a packet to one host is a mistake or an attack. */
	if (unlikely(pkt->flags & (PKT_F_L2_BROADCAST | PKT_F_L2_MULTICAST)))
		return DROP_IP_LINK_BROADCAST;
	if (likely(dst_is_ours(netif, &hdr->dst)))
		return ip6_deliver(st, pkt, hdr, &w);
	if (netif->intercept)
		return ip6_in_foreign(netif, pkt, hdr, &w);
	return st->ip6->conf.forward ? ip6_forward(netif, pkt, hdr) : DROP_IP6_NOT_LOCAL;
}

/*
 * The entry.
 */

static enum drop ip6_in_hooked(struct netif *netif, struct pkt *pkt, struct ip6_hdr *hdr)
{
	bool stolen;
	enum drop why = ip6_hook(netif->stack, IP_HOOK_PREROUTING, netif, NULL, pkt, &stolen);

	if (why != DROP_NONE || stolen)
		return why;
	ip6_hdr_read(pkt->data, hdr); /* translation may have changed it */
	return ip6_in_dispatch(netif, pkt, hdr);
}

enum drop ip6_input(struct netif *netif, struct pkt *pkt)
{
	struct stack *st = netif->stack;
	uint32_t n_frames;
	struct ip6_hdr hdr;
	enum drop why;

	if (unlikely(pkt->flags & PKT_F_L2_OTHERHOST))
		return DROP_ETH_OTHERHOST;
	n_frames = pkt_n_frames(pkt);
	mib_add(st, MIB_Ip6InReceives, n_frames);
	mib_add(st, MIB_Ip6InOctets, pkt_wire_bytes(pkt));

	why = ip6_in_check(netif, pkt, &hdr);
	if (likely(why == DROP_NONE)) {
		if (ip_hooks_empty(&st->ip6->hooks, IP_HOOK_PREROUTING))
			why = ip6_in_dispatch(netif, pkt, &hdr);
		else
			why = ip6_in_hooked(netif, pkt, &hdr);
	}
	if (unlikely(why != DROP_NONE))
		ip6_in_count_drop(st, why, n_frames);
	return why;
}
