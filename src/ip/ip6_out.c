/* SPDX-License-Identifier: MIT */
/*
 * IPv6 output: a transport's packet gets its header and goes to its next hop, or back to ourselves
 * over loopback. The fast path is that of ip4_out.c, and so is ip6_output_plain(), the straight
 * line.
 *
 * Flow labels (RFC 6437 §3): a keyed hash of both addresses, ports and protocol, so that all
 * packets of a flow have the same label and nobody can tell the label of another flow.
 */
#include <string.h>

#include "ip/ip4.h"
#include "ip/ip6.h"
#include "ip/ip6_exts.h"
#include "ip/ip6_priv.h"
#include "ip/mcast.h"
#include "link/eth.h"
#include "link/neigh.h"
#include "wire/eth.h"
#include "wire/ip4.h"

enum {
	MCAST_HOPS = 1, /* RFC 3493 §5.2: unless the application says otherwise */
};

static int ip6_out_drop(struct stack *st, struct pkt *pkt, enum drop why)
{
	switch (why) {
	case DROP_IP_NO_ROUTE:
	case DROP_IP_ROUTE_UNREACHABLE:
	case DROP_IP_ROUTE_BLACKHOLE:
	case DROP_IP_ROUTE_PROHIBIT:
	case DROP_IP_NO_SOURCE:
		mib_inc(st, MIB_Ip6OutNoRoutes);
		break;
	default:
		mib_inc(st, MIB_Ip6OutDiscards);
	}
	return pkt_drop(st, pkt, why);
}

/* The label of a flow: a hash that costs as much as half of the rest of this file, so that of the
 * last flow of its kind is kept. */
static uint32_t flow_label(struct ip6 *ip6, const uint64_t words[static 5])
{
	struct ip6_flow_memo *m =
		&ip6->flow_memo[(words[4] >> 8 ^ words[4] >> 24 ^ words[3]) % IP6_FLOW_MEMOS];

	if (likely(m->words[4] == words[4] && m->words[3] == words[3] && m->words[1] == words[1] &&
		   m->words[2] == words[2] && m->words[0] == words[0] && m->label))
		return m->label;
	memcpy(m->words, words, sizeof(m->words));
	m->label = (uint32_t)siphash_5u64(&ip6->flow_key, words) & IP6_FLOW_MASK;
	if (!m->label) /* 0 means that there is none */
		m->label = 1;
	return m->label;
}

/* `data` is at the transport header. */
static inline uint32_t ip6_out_flow(const struct stack *st, const struct pkt *pkt, uint8_t proto,
				    const struct ip_addr *src, const struct ip_addr *dst)
{
	uint64_t words[5] = {load_be64(src->b), load_be64(src->b + 8), load_be64(dst->b),
			     load_be64(dst->b + 8), proto};

	if (!st->ip6->conf.auto_flowlabels)
		return 0;
	if (proto != IP_PROTO_TCP && proto != IP_PROTO_UDP)
		return 0;
	if (pkt->lin_len < 4)
		return 0;
	words[4] |= (uint64_t)load_be32(pkt->data) << 8;
	return flow_label(st->ip6, words);
}

static uint8_t ip6_out_hops(const struct netif *netif, const struct ip_out *out)
{
	if (out->ttl)
		return out->ttl;
	return out->flow.dst.b[0] == 0xff ? MCAST_HOPS : netif->ip6->conf.hop_limit;
}

/* The application's extension headers; with a routing header the packet goes elsewhere first. */
static bool ip6_out_exts(struct pkt *pkt, const struct ip_out *out, struct ip6_hdr *hdr)
{
	uint32_t len = ip6_exts_len(out->exts);
	struct ip_addr via = ip6_exts_via(out->exts, &out->flow.dst);
	uint8_t *p = len ? pkt_push(pkt, len) : pkt->data;

	if (!p)
		return false;
	hdr->next_hdr = ip6_exts_write(out->exts, p, hdr->next_hdr, &hdr->dst);
	hdr->dst = ip_addr_to_ip6(&via);
	return true;
}

/* Puts the header in front; `data` is there afterwards. */
static enum drop ip6_out_hdr(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	struct ip6_hdr hdr = {.src = ip_addr_to_ip6(&out->flow.src),
			      .dst = ip_addr_to_ip6(&out->flow.dst),
			      .tclass = out->flow.tos,
			      .next_hdr = out->flow.proto,
			      .hop_limit = ip6_out_hops(pkt->netif, out)};
	uint8_t *p;

	if (likely(!out->no_flow_label))
		hdr.flow = ip6_out_flow(st, pkt, out->flow.proto, &out->flow.src, &out->flow.dst);
	if (unlikely(out->exts) && !ip6_out_exts(pkt, out, &hdr))
		return DROP_NOMEM;
	if (unlikely(pkt->len > IP6_PAYLOAD_MAX))
		return DROP_IP6_TOO_LONG;
	hdr.payload_len = (uint16_t)pkt->len;
	p = pkt_push(pkt, IP6_HDR_LEN);
	if (unlikely(!p))
		return DROP_NOMEM;
	pkt->l3_off = pkt_off(pkt);
	ip6_hdr_write(p, &hdr);
	return DROP_NONE;
}

static enum drop ip6_out_hooks(struct stack *st, struct pkt *pkt, struct netif *out,
			       bool *ret_stolen)
{
	enum drop why = DROP_NONE;

	*ret_stolen = false;
	if (!ip_hooks_empty(&st->ip6->hooks, IP_HOOK_OUTPUT))
		why = ip6_hook(st, IP_HOOK_OUTPUT, NULL, out, pkt, ret_stolen);
	if (why == DROP_NONE && !*ret_stolen &&
	    !ip_hooks_empty(&st->ip6->hooks, IP_HOOK_POSTROUTING))
		why = ip6_hook(st, IP_HOOK_POSTROUTING, NULL, out, pkt, ret_stolen);
	return why;
}

/* As in Linux our own sockets hear what we send to a group that they are in, unless the sender does
 * not want that. Neighbour discovery does not: it would take our own messages for a neighbour's. */
static void ip6_out_loop(struct pkt *pkt, const struct ip_out *out, const struct ip_dst *dst)
{
	bool is_nd = out->flow.proto == IP_PROTO_ICMPV6 && out->ttl == UINT8_MAX;

	if (!out->no_loop && !is_nd && !(dst->netif->flags & NETIF_LOOPBACK) &&
	    mcast_is_joined(dst->netif, &out->flow.dst))
		mcast_loop(dst->netif, pkt);
}

static int ip6_out_neigh(struct pkt *pkt, struct ip_dst *dst)
{
	if (!dst->neigh && !dst->is_local)
		dst->neigh = neigh_find(dst->netif, &dst->nexthop);
	return neigh_output(dst->netif, pkt, &dst->nexthop, ETHERTYPE_IPV6, dst->neigh);
}

/* All fragments are sent, whatever becomes of one: so the errors of one are told. */
static int ip6_out_frags(struct stack *st, struct pkt *pkt, struct ip_dst *dst, uint32_t mtu,
			 const struct ip6_exts *exts)
{
	struct pktq frags;
	struct pkt *frag;
	enum drop why;
	int err = 0;

	pktq_init(&frags);
	why = ip6_fragment(st, pkt, mtu > IP6_MTU_MIN ? mtu : IP6_MTU_MIN,
			   exts ? ip6_exts_unfrag_len(exts) : 0, &frags);
	if (why != DROP_NONE)
		return ip6_out_drop(st, pkt, why);
	while ((frag = pktq_pop(&frags))) {
		mib_add(st, MIB_Ip6OutOctets, frag->len);
		err = ip6_out_neigh(frag, dst);
	}
	return err;
}

/* To a destination that has been resolved. */
static int ip6_out_send(struct stack *st, struct pkt *pkt, const struct ip_out *out,
			struct ip_dst *dst)
{
	uint32_t mtu = unlikely(out->ignore_pmtu) ? ip6_netif_mtu(dst->netif) : dst->mtu;
	bool is_large, stolen;
	enum drop why;

	if (unlikely(out->mtu_max) && out->mtu_max < mtu)
		mtu = out->mtu_max;
	pkt->netif = dst->netif;
	pkt->mark = out->flow.mark;
	why = ip6_out_hdr(st, pkt, out);
	if (unlikely(why != DROP_NONE))
		return ip6_out_drop(st, pkt, why);
	is_large = pkt_frame_l3_len(pkt) > mtu;
	if (unlikely(is_large) && (out->no_frag || (out->df && !out->df_if_fits)))
		return ip6_out_drop(st, pkt, DROP_IP_MTU);
	pkt_hop(pkt, HOP_ROUTE, dst->prefix_len);
	mib_add(st, MIB_Ip6OutRequests, pkt_n_frames(pkt));
	if (unlikely(out->flow.dst.b[0] == 0xff))
		mib_inc(st, MIB_Ip6OutMcastPkts);

	why = ip6_out_hooks(st, pkt, dst->netif, &stolen);
	if (unlikely(why != DROP_NONE))
		return ip6_out_drop(st, pkt, why);
	if (unlikely(stolen))
		return 0;
	if (unlikely(out->flow.dst.b[0] == 0xff) && !dst->is_local) {
		ip6_out_loop(pkt, out, dst);
		if (out->is_host_only) {
			pkt_free(pkt);
			return 0;
		}
	}
	if (unlikely(is_large))
		return ip6_out_frags(st, pkt, dst, mtu, out->exts);
	mib_add(st, MIB_Ip6OutOctets, pkt_wire_bytes(pkt));
	return ip6_out_neigh(pkt, dst);
}

int ip6_output(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	struct ip_dst fresh, *dst = out->dst ? out->dst : &fresh;
	struct ip_flow flow;
	enum drop why;

	if (unlikely(dst == &fresh || !ip_dst_is_valid(st, dst))) {
		flow = out->flow;
		flow.dst = ip6_exts_via(out->exts, &out->flow.dst);
		why = ip6_route(st, &flow, &fresh, NULL);
		if (why != DROP_NONE)
			return ip6_out_drop(st, pkt, why);
		if (out->dst)
			*out->dst = fresh;
	}
	return ip6_out_send(st, pkt, out, dst);
}

/* What ip6_out_send() and all that follows would come to is known, but for the header's fields. A
 * group has no neighbour, nor have we. */
static bool ip6_out_is_plain(const struct stack *st, const struct pkt *pkt,
			     const struct ip_plain *out)
{
	const struct ip_dst *dst = out->dst;

	return dst->gen == st->ip4->dst_gen && dst->neigh && neigh_is_usable(dst->neigh) &&
	       !pkt->gso_size && !pkt->buf && pkt->len + IP6_HDR_LEN <= dst->mtu &&
	       pkt_headroom(pkt) >= IP6_HDR_LEN + ETH_HDR_LEN &&
	       ip_hooks_empty(&st->ip6->hooks, IP_HOOK_OUTPUT) &&
	       ip_hooks_empty(&st->ip6->hooks, IP_HOOK_POSTROUTING);
}

int ip6_output_plain(struct stack *st, struct pkt *pkt, const struct ip_plain *out)
{
	struct neigh *n = out->dst->neigh;
	struct ip6_hdr hdr;

	if (unlikely(!ip6_out_is_plain(st, pkt, out)))
		return IP_NOT_PLAIN;
	hdr = (struct ip6_hdr){.src = ip_addr_to_ip6(out->src),
			       .dst = ip_addr_to_ip6(out->to),
			       .flow = ip6_out_flow(st, pkt, out->proto, out->src, out->to),
			       .payload_len = (uint16_t)pkt->len,
			       .tclass = out->tos,
			       .next_hdr = out->proto,
			       .hop_limit = out->ttl ? out->ttl : n->netif->ip6->conf.hop_limit};
	pkt->mark = out->mark;
	pkt_hop(pkt, HOP_SOCK, out->proto);
	ip6_hdr_write(pkt_push(pkt, IP6_HDR_LEN), &hdr);
	pkt->l3_off = pkt_off(pkt);
	pkt_hop(pkt, HOP_ROUTE, out->dst->prefix_len);
	mib_inc(st, MIB_Ip6OutRequests);
	mib_add(st, MIB_Ip6OutOctets, pkt->len);
	return eth_output(n->netif, pkt, ETHERTYPE_IPV6, &n->lladdr);
}
