/* SPDX-License-Identifier: MIT */
/*
 * IPv4 input: is the datagram well formed, may it come from there, is it for us?
 *
 * Steps, each a function: header (RFC 1122 §3.2.1, RFC 1812 §5.2.2), addresses (RFC 1122 §3.2.1.3,
 * RFC 1812 §5.3.7, RFC 6890), options (RFC 1812 §5.3.13, RFC 7126), then delivery or forwarding.
 * Super-packets are judged as one datagram and counted as their frames. What can be said of a pair
 * of addresses is said once: a plain datagram between two that were passed of late, and that
 * nothing has changed since, is delivered by ip4_in_known().
 *
 * The header checksum is verified always, also on packets whose L4 checksum somebody vouches for:
 * ip4_output() and pkt_segment() keep it right at all times, and summing 20 bytes costs less than
 * finding out who is to be believed.
 */
#include "ip/icmp.h"
#include "ip/ip4.h"
#include "ip/ip4_opts.h"
#include "ip/ip4_priv.h"
#include "ip/mcast.h"

/*
 * RFC-DEVIATION: RFC 1122 §3.2.1.8 (c): source routes are refused as RFC 7126 §4.3 and §4.4 advise,
 * unless accept_source_route is on; then answers go back along them.
 */

enum {
	IP4_IN_FRAG = 0x3fff, /* of the word with the flags: more fragments, offset */
	/* pkt->flags that a datagram for us seldom has */
	IP4_IN_UNUSUAL =
		PKT_F_L2_BROADCAST | PKT_F_L2_MULTICAST | PKT_F_L2_OTHERHOST | PKT_F_LOOPED,
};

/* Source and destination, to be compared: they are neighbours in the header. */
static uint64_t ip4_in_addrs(const uint8_t *p)
{
	return load_be64(p + 12);
}

static enum drop hdr_reason(enum ip4_hdr_err err)
{
	return err == IP4_HDR_VERSION ? DROP_IP4_VERSION : DROP_IP4_HDR;
}

static enum drop ip4_in_hdr(struct pkt *pkt, struct ip4_hdr *hdr)
{
	enum ip4_hdr_err err;

	if (unlikely(!pkt_pullup(pkt, IP4_HDR_LEN)))
		return pkt->len < IP4_HDR_LEN ? DROP_IP4_HDR : DROP_NOMEM;
	ip4_hdr_read(pkt->data, hdr);
	err = ip4_hdr_check(hdr, pkt->len);
	if (unlikely(err != IP4_HDR_OK))
		return hdr_reason(err);
	if (unlikely(!pkt_pullup(pkt, hdr->hdr_len)))
		return DROP_NOMEM;
	if (unlikely(!ip4_hdr_csum_ok(pkt->data, hdr->hdr_len)))
		return DROP_IP4_CSUM;
	if (pkt->csum == PKT_CSUM_PARTIAL &&
	    unlikely(!pkt_partial_fits(pkt, hdr->hdr_len, hdr->tot_len)))
		return DROP_IP4_HDR;
	if (unlikely(hdr->tot_len < pkt->len))
		pkt_trim(pkt, hdr->tot_len); /* padding of the link layer */
	return DROP_NONE;
}

/* 0.0.0.0 is who does not know its address yet: only on the link, to everybody (RFC 1122 §3.2.1.3
 * (a); DHCP). */
static bool unspecified_src_is_ok(struct ip4_addr dst)
{
	return ip4_addr_is_broadcast(&dst) || (dst.b[0] == 224 && dst.b[1] == 0 && dst.b[2] == 0);
}

static enum drop ip4_in_src(const struct netif *netif, const struct pkt *pkt,
			    const struct ip4_hdr *hdr)
{
	if (unlikely(ip4_src_is_martian(hdr->src)))
		return DROP_IP4_SRC;
	if (unlikely(ip4_addr_is_unspecified(&hdr->src)))
		return unspecified_src_is_ok(hdr->dst) ? DROP_NONE : DROP_IP4_SRC;
	if (unlikely((netif->flags & NETIF_LOOPBACK) || (pkt->flags & PKT_F_LOOPED)))
		return DROP_NONE;
	/* From outside nobody speaks with our own address, nor with one of loopback or of all
	 * hosts on a link of ours. */
	if (unlikely(ip4_addr_is_loopback(&hdr->src) ||
		     ip4_own(netif->stack->ip4, hdr->src) != IP4_OWN_NO))
		return DROP_IP4_SRC;
	return DROP_NONE;
}

/* RFC 3704 §2.2 and §2.4. */
static enum drop ip4_in_rp_filter(const struct netif *netif, const struct ip4_hdr *hdr)
{
	const struct ip4 *ip4 = netif->stack->ip4;
	bool is_strict = netif->ip4->conf.rp_filter == IP4_RP_STRICT;
	const struct fib4_route *back;

	if ((netif->flags & NETIF_LOOPBACK) || ip4_addr_is_unspecified(&hdr->src))
		return DROP_NONE;
	back = fib4_lookup(&ip4->fib, hdr->src);
	if (!back || back->type != ROUTE_UNICAST || (is_strict && back->netif != netif)) {
		mib_inc(netif->stack, MIB_TcpExtIPReversePathFilter);
		return DROP_IP_RPFILTER;
	}
	return DROP_NONE;
}

static enum drop ip4_in_dst(const struct netif *netif, const struct ip4_hdr *hdr)
{
	bool is_inside = (netif->flags & NETIF_LOOPBACK) && ip4_addr_is_loopback(&hdr->dst);

	return unlikely(ip4_is_martian_dst(hdr->dst)) && !is_inside ? DROP_IP4_DST : DROP_NONE;
}

/* Everything that can be said before it is known where the datagram goes. */
static enum drop ip4_in_check(struct netif *netif, struct pkt *pkt, struct ip4_hdr *hdr)
{
	enum drop why = ip4_in_hdr(pkt, hdr);

	if (why == DROP_NONE)
		mib_add(netif->stack, MIB_IpExtInNoECTPkts + (hdr->tos & IP_ECN_MASK),
			pkt_n_frames(pkt));
	if (why == DROP_NONE)
		why = ip4_in_src(netif, pkt, hdr);
	if (why == DROP_NONE)
		why = ip4_in_dst(netif, hdr);
	if (why == DROP_NONE && unlikely(netif->ip4->conf.rp_filter))
		why = ip4_in_rp_filter(netif, hdr);
	if (why == DROP_NONE && unlikely(hdr->hdr_len > IP4_HDR_LEN))
		why = ip4_opts_input(netif, pkt, hdr);
	return why;
}

static void ip4_in_count_drop(struct stack *st, enum drop why, uint32_t n_frames)
{
	switch (why) {
	case DROP_IP4_HDR:
	case DROP_IP4_CSUM:
	case DROP_IP4_VERSION:
	case DROP_IP4_OPTIONS:
	case DROP_IP_TTL:
		mib_add(st, MIB_IpInHdrErrors, n_frames);
		break;
	case DROP_IP4_SRC:
	case DROP_IP4_DST:
	case DROP_IP4_NOT_LOCAL:
	case DROP_IP_LINK_BROADCAST:
		mib_add(st, MIB_IpInAddrErrors, n_frames);
		break;
	case DROP_IP4_NO_PROTO:
		mib_add(st, MIB_IpInUnknownProtos, n_frames);
		break;
	case DROP_IP4_SOURCE_ROUTE:
	case DROP_NOMEM:
		mib_add(st, MIB_IpInDiscards, n_frames);
		break;
	case DROP_IP_NO_ROUTE:
	case DROP_IP_ROUTE_UNREACHABLE:
	case DROP_IP_ROUTE_BLACKHOLE:
	case DROP_IP_ROUTE_PROHIBIT:
		mib_add(st, MIB_IpOutNoRoutes, n_frames);
		break;
	default:
		break;
	}
}

/*
 * Delivery.
 */

/* Hands the payload to its protocol, and to raw sockets before. `data` is at the L4 header. */
static enum drop ip4_in_proto(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	const struct ip_proto *proto = st->ip_protos[info->proto];
	bool raw_took = st->raw_input && st->raw_input(st, pkt, info);

	if (proto) {
		enum drop why;

		mib_add(st, MIB_IpInDelivers, pkt_n_frames(pkt));
		why = proto->input(st, pkt, info);
		/* An answer that a raw socket was waiting for is no drop. */
		if (why != DROP_ICMP_NO_SOCKET || !raw_took)
			return why;
		pkt_free(pkt);
		return DROP_NONE;
	}
	if (!raw_took)
		return DROP_IP4_NO_PROTO;
	mib_add(st, MIB_IpInDelivers, pkt_n_frames(pkt));
	pkt_free(pkt);
	return DROP_NONE;
}

/* RFC 1122 §3.2.2.1: these refusals are told to the sender. */
static void ip4_in_answer(struct stack *st, struct pkt *pkt, enum drop why)
{
	struct icmp4_hdr icmp = {.type = ICMP4_UNREACH};

	if (why == DROP_UDP_NO_PORT)
		icmp.code = ICMP4_UNREACH_PORT;
	else if (why == DROP_IP4_NO_PROTO)
		icmp.code = ICMP4_UNREACH_PROTO;
	else
		return;
	pkt_unpull_to(pkt, pkt->l3_off);
	icmp4_error(st, pkt, &icmp);
}

/* A whole datagram for us. */
static enum drop ip4_deliver_whole(struct stack *st, struct pkt *pkt, const struct ip4_hdr *hdr,
				   bool is_broadcast)
{
	struct ip_info info = {.src = ip_addr_from_ip4(&hdr->src),
			       .dst = ip_addr_from_ip4(&hdr->dst),
			       .proto = hdr->proto,
			       .ttl = hdr->ttl,
			       .tos = hdr->tos,
			       .is_broadcast = is_broadcast};
	enum drop why;
	bool stolen;

	if (pkt->netif && pkt->netif->intercept)
		info.is_foreign = !is_broadcast && ip4_own(st->ip4, hdr->dst) == IP4_OWN_NO;
	if (unlikely(!ip_hooks_empty(&st->ip4->hooks, IP_HOOK_INPUT))) {
		why = ip4_hook(st, IP_HOOK_INPUT, pkt->netif, NULL, pkt, &stolen);
		if (why != DROP_NONE || stolen)
			return why;
	}
	pkt_pull(pkt, hdr->hdr_len);
	pkt->l4_off = pkt_off(pkt);
	why = ip4_in_proto(st, pkt, &info);
	if (unlikely(why != DROP_NONE))
		ip4_in_answer(st, pkt, why);
	return why;
}

/* The fragment is taken in any case; what becomes of the whole datagram is told here. */
static enum drop ip4_deliver_frag(struct stack *st, struct pkt *pkt, const struct ip4_hdr *hdr,
				  bool is_broadcast)
{
	struct ip4_hdr whole_hdr;
	struct pkt *whole = NULL;
	enum drop why = ip4_reasm(st, pkt, hdr, &whole, &whole_hdr);

	if (why != DROP_NONE || !whole)
		return why;
	if (unlikely(st->steer_away) && !is_broadcast && st->steer_away(st, whole, false))
		return DROP_NONE;
	why = ip4_deliver_whole(st, whole, &whole_hdr, is_broadcast);
	if (why != DROP_NONE) {
		ip4_in_count_drop(st, why, 1);
		(void)pkt_drop(st, whole, why);
	}
	return DROP_NONE;
}

static enum drop ip4_deliver(struct stack *st, struct pkt *pkt, const struct ip4_hdr *hdr,
			     bool is_broadcast)
{
	if (unlikely(ip4_hdr_is_frag(hdr)))
		return ip4_deliver_frag(st, pkt, hdr, is_broadcast);
	return ip4_deliver_whole(st, pkt, hdr, is_broadcast);
}

/* Whether somebody here wants it. What is said about groups concerns everybody on the link: it is
 * heard, and nothing follows from most of it. */
static enum drop ip4_in_group(const struct netif *netif, const struct ip4_hdr *hdr)
{
	struct ip_addr dst = ip_addr_from_ip4(&hdr->dst), src = ip_addr_from_ip4(&hdr->src);

	if (hdr->proto == IP_PROTO_IGMP && netif->mcast)
		return DROP_NONE;
	if (!ip4_group_is_joined(netif, hdr->dst))
		return DROP_IP4_NOT_LOCAL;
	if (netif->mcast && !mcast_accepts(netif, &dst, &src))
		return DROP_MCAST_SOURCE;
	return DROP_NONE;
}

/* Groups are never forwarded (no multicast routing), broadcasts only to another link and when that
 * is asked for (RFC 1812 §5.3.5.2, RFC 2644); we hear them, too. */
static enum drop ip4_deliver_group(struct netif *netif, struct pkt *pkt, const struct ip4_hdr *hdr)
{
	if (ip4_addr_is_multicast(&hdr->dst)) {
		enum drop why = ip4_in_group(netif, hdr);

		if (why != DROP_NONE)
			return why;
	}
	return ip4_deliver(netif->stack, pkt, hdr, true);
}

/* A source route has brought it here, and leads on (RFC 1812 §5.3.13.3). A strict one to somebody
 * who is not on our link cannot be followed. */
static enum drop ip4_in_source_route(struct netif *netif, struct pkt *pkt,
				     const struct ip4_hdr *hdr, struct ip4_addr next,
				     bool is_strict)
{
	struct stack *st = netif->stack;
	struct ip4_hdr on = *hdr;
	const struct fib4_route *route = fib4_lookup(&st->ip4->fib, next);

	if (!netif->ip4->conf.forwarding || ip4_is_group(next) ||
	    ip4_own(st->ip4, next) != IP4_OWN_NO)
		return DROP_IP4_SOURCE_ROUTE;
	if (is_strict && route && !ip4_addr_is_unspecified(&route->via)) {
		icmp4_error(st, pkt,
			    &(struct icmp4_hdr){.type = ICMP4_UNREACH,
						.code = ICMP4_UNREACH_SRC_ROUTE});
		return DROP_IP4_SOURCE_ROUTE;
	}
	on.dst = next;
	return ip4_forward(netif, pkt, &on);
}

/* For somebody else, where the interface's intercept answers for everybody: the way ends here,
 * after one more hop. */
static enum drop ip4_in_foreign(struct netif *netif, struct pkt *pkt, const struct ip4_hdr *hdr)
{
	if (likely(hdr->ttl > 1))
		return ip4_deliver(netif->stack, pkt, hdr, false);
	icmp4_error(netif->stack, pkt,
		    &(struct icmp4_hdr){.type = ICMP4_TIME_EXCEEDED, .code = ICMP4_EXCEEDED_TTL});
	return DROP_IP_TTL;
}

/* Of the addresses of one sender at a time all that can be said has been said. Not when they may
 * have been translated, or came back from ourselves. */
static void ip4_in_learn(const struct netif *netif, const struct pkt *pkt,
			 const struct ip4_hdr *hdr)
{
	struct ip4 *ip4 = netif->stack->ip4;

	if (hdr->hdr_len != IP4_HDR_LEN || (pkt->flags & PKT_F_LOOPED) ||
	    !ip_hooks_empty(&ip4->hooks, IP_HOOK_PREROUTING))
		return;
	ip4->knowns[hdr->src.b[3] % IP4_KNOWNS] = (struct ip4_known){
		.addrs = ip4_in_addrs(pkt->data), .netif = netif, .gen = ip4->dst_gen};
}

/* Where to: us, or on. One probe of a small table decides for unicast to us. */
static enum drop ip4_in_dispatch(struct netif *netif, struct pkt *pkt, const struct ip4_hdr *hdr)
{
	struct stack *st = netif->stack;
	const struct fib4_route *route;
	struct ip4_addr next;
	enum ip4_own own;
	bool is_strict;

	if (unlikely(ip4_is_group(hdr->dst)))
		return ip4_deliver_group(netif, pkt, hdr);
	own = ip4_own(st->ip4, hdr->dst);
	if (unlikely(own == IP4_OWN_BROADCAST)) {
		if (netif->ip4->conf.bc_forwarding && netif->ip4->conf.forwarding)
			ip4_forward_broadcast(netif, pkt, hdr);
		return ip4_deliver_group(netif, pkt, hdr);
	}
	/* RFC 1122 §3.3.6: a frame to everybody with a datagram to one host is a mistake or an
	 * attack. */
	if (unlikely(pkt->flags & (PKT_F_L2_BROADCAST | PKT_F_L2_MULTICAST)))
		return DROP_IP_LINK_BROADCAST;
	if (unlikely(own == IP4_OWN_LOCAL && hdr->hdr_len > IP4_HDR_LEN &&
		     ip4_opts_next_hop(pkt->data, hdr->hdr_len, &next, &is_strict)))
		return ip4_in_source_route(netif, pkt, hdr, next, is_strict);
	if (likely(own == IP4_OWN_LOCAL)) {
		ip4_in_learn(netif, pkt, hdr);
		return ip4_deliver(st, pkt, hdr, false);
	}
	if (netif->flags & NETIF_LOOPBACK) {
		route = fib4_lookup(&st->ip4->fib, hdr->dst); /* 127/8 */
		if (route && route->type == ROUTE_LOCAL)
			return ip4_deliver(st, pkt, hdr, false);
	}
	if (netif->intercept)
		return ip4_in_foreign(netif, pkt, hdr);
	return netif->ip4->conf.forwarding ? ip4_forward(netif, pkt, hdr) : DROP_IP4_NOT_LOCAL;
}

/*
 * The entry.
 */

static enum drop ip4_in_hooked(struct netif *netif, struct pkt *pkt, struct ip4_hdr *hdr)
{
	bool stolen;
	enum drop why = ip4_hook(netif->stack, IP_HOOK_PREROUTING, netif, NULL, pkt, &stolen);

	if (why != DROP_NONE || stolen)
		return why;
	ip4_hdr_read(pkt->data, hdr); /* translation may have changed it */
	return ip4_in_dispatch(netif, pkt, hdr);
}

/* What ip4_in_check() and ip4_in_dispatch() would find: a whole datagram for us without options,
 * between addresses that they have passed of late, as nothing has changed since. */
static bool ip4_in_is_known(const struct netif *netif, const struct pkt *pkt)
{
	const struct ip4 *ip4 = netif->stack->ip4;
	const struct ip4_known *known;
	const uint8_t *p = pkt->data;

	if (pkt->lin_len < IP4_HDR_LEN)
		return false;
	known = &ip4->knowns[p[15] % IP4_KNOWNS];
	return known->addrs == ip4_in_addrs(p) && known->netif == netif &&
	       known->gen == ip4->dst_gen && load_be16(p + 2) == pkt->len &&
	       p[0] == (4 << 4 | IP4_HDR_LEN / 4) && (load_be16(p + 6) & IP4_IN_FRAG) == 0 &&
	       !(pkt->flags & IP4_IN_UNUSUAL) && !netif->ip4->conf.rp_filter && !netif->intercept &&
	       ip_hooks_empty(&ip4->hooks, IP_HOOK_PREROUTING) &&
	       ip_hooks_empty(&ip4->hooks, IP_HOOK_INPUT) && ip4_hdr_csum_ok(p, IP4_HDR_LEN) &&
	       (pkt->csum != PKT_CSUM_PARTIAL || pkt_partial_fits(pkt, IP4_HDR_LEN, pkt->len));
}

/* Such a datagram, counted and delivered as any. */
static enum drop ip4_in_known(struct stack *st, struct pkt *pkt)
{
	const uint8_t *p = pkt->data;
	struct ip4_addr src = ip4_addr_from_u32(load_be32(p + 12));
	struct ip4_addr dst = ip4_addr_from_u32(load_be32(p + 16));
	struct ip_info info = {.src = ip_addr_from_ip4(&src),
			       .dst = ip_addr_from_ip4(&dst),
			       .tos = p[1],
			       .ttl = p[8],
			       .proto = p[9]};
	uint32_t n_frames = pkt_n_frames(pkt);
	enum drop why;

	mib_add(st, MIB_IpInReceives, n_frames);
	mib_add(st, MIB_IpExtInOctets, pkt_wire_bytes(pkt));
	mib_add(st, MIB_IpExtInNoECTPkts + (info.tos & IP_ECN_MASK), n_frames);
	pkt_pull(pkt, IP4_HDR_LEN);
	pkt->l4_off = pkt_off(pkt);
	why = ip4_in_proto(st, pkt, &info);
	if (unlikely(why != DROP_NONE)) {
		ip4_in_answer(st, pkt, why);
		ip4_in_count_drop(st, why, n_frames);
	}
	return why;
}

enum drop ip4_input(struct netif *netif, struct pkt *pkt)
{
	struct stack *st = netif->stack;
	uint32_t n_frames;
	struct ip4_hdr hdr;
	enum drop why;

	if (likely(ip4_in_is_known(netif, pkt)))
		return ip4_in_known(st, pkt);
	if (unlikely(pkt->flags & PKT_F_L2_OTHERHOST))
		return DROP_ETH_OTHERHOST;
	n_frames = pkt_n_frames(pkt);
	mib_add(st, MIB_IpInReceives, n_frames);
	mib_add(st, MIB_IpExtInOctets, pkt_wire_bytes(pkt));

	why = ip4_in_check(netif, pkt, &hdr);
	if (likely(why == DROP_NONE)) {
		if (ip_hooks_empty(&st->ip4->hooks, IP_HOOK_PREROUTING))
			why = ip4_in_dispatch(netif, pkt, &hdr);
		else
			why = ip4_in_hooked(netif, pkt, &hdr);
	}
	if (unlikely(why != DROP_NONE))
		ip4_in_count_drop(st, why, n_frames);
	return why;
}
