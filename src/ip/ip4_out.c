/* SPDX-License-Identifier: MIT */
/*
 * IPv4 output: a transport's packet gets its header and goes to its next hop, or back to ourselves
 * over loopback.
 *
 * The fast path, with a valid struct ip_dst of the caller: compare its generation, write 20 bytes,
 * compare the MTU, hand to the neighbour. Super-packets go down whole; what is compared with the
 * MTU is one frame of them. What a connection sends that is small and has nothing in its way goes
 * by ip4_output_plain(), the same in a straight line.
 */
#include "core/steer.h"
#include "ip/ip4.h"
#include "ip/ip4_opts.h"
#include "ip/ip4_priv.h"
#include "ip/mcast.h"
#include "link/eth.h"
#include "link/neigh.h"
#include "wire/eth.h"

enum {
	MCAST_TTL = 1, /* RFC 1112 §6.1: unless the application says otherwise */
};

static int ip4_out_drop(struct stack *st, struct pkt *pkt, enum drop why)
{
	switch (why) {
	case DROP_IP_NO_ROUTE:
	case DROP_IP_ROUTE_UNREACHABLE:
	case DROP_IP_ROUTE_BLACKHOLE:
	case DROP_IP_ROUTE_PROHIBIT:
	case DROP_IP_NO_SOURCE:
		mib_inc(st, MIB_IpOutNoRoutes);
		break;
	default:
		mib_inc(st, MIB_IpOutDiscards);
	}
	return pkt_drop(st, pkt, why);
}

/*
 * RFC 6864 §4.1: in an atomic datagram (DF set, not a fragment) the identification means nothing,
 * and zero tells an observer nothing. Others need one that their destination has not seen for long:
 * a counter by hash of addresses and protocol, with the hash on top, so that neither counting for
 * one destination nor its start says anything about another (RFC 7739 §5.3).
 */
static uint16_t ip4_out_id(struct stack *st, const struct ip4_hdr *hdr, uint32_t n_frames)
{
	uint64_t addrs = (uint64_t)ip4_addr_u32(&hdr->src) << 32 | ip4_addr_u32(&hdr->dst);
	uint64_t hash = siphash_2u64(&st->eng->hash_key, addrs, hdr->proto);
	uint32_t *counter = &st->ip4->ids[hash % IP4_N_IDS];
	uint16_t id = (uint16_t)(*counter + (hash >> 32));

	*counter += n_frames;
	if (unlikely(st->steer))
		return steer_ip4_id(st->steer, st->shard_index, id, n_frames);
	return id;
}

static uint8_t ip4_out_ttl(const struct stack *st, const struct ip_out *out, struct ip4_addr dst)
{
	if (out->ttl)
		return out->ttl;
	return ip4_addr_is_multicast(&dst) ? MCAST_TTL : st->ip4->conf.default_ttl;
}

static bool dst_is_broadcast(const struct ip_dst *dst)
{
	return load_be32(dst->nexthop.b + 12) == UINT32_MAX;
}

/* Puts the header in front; `data` is there afterwards. */
static enum drop ip4_out_hdr(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	struct ip4_hdr hdr = {.src = ip_addr_to_ip4(&out->flow.src),
			      .dst = ip_addr_to_ip4(&out->flow.dst),
			      .hdr_len = IP4_HDR_LEN,
			      .tos = out->flow.tos,
			      .proto = out->flow.proto,
			      .df = out->df};
	uint8_t *p;

	if (unlikely(out->opts))
		hdr.hdr_len = (uint8_t)(IP4_HDR_LEN + out->opts->len);
	if (unlikely(pkt->len > IP4_LEN_MAX - (uint32_t)hdr.hdr_len))
		return DROP_IP4_TOO_LONG;
	p = pkt_push(pkt, hdr.hdr_len);
	if (unlikely(!p))
		return DROP_NOMEM;
	pkt->l3_off = pkt_off(pkt);
	hdr.tot_len = (uint16_t)pkt->len;
	hdr.ttl = ip4_out_ttl(st, out, hdr.dst);
	if (unlikely(out->opts)) {
		ip4_opts_send(st, out->opts, p, hdr.src, hdr.dst);
		hdr.dst = out->opts->route ? out->opts->first : hdr.dst;
	}
	ip4_hdr_write(p, &hdr);
	if (!out->df) {
		/* How many frames it stands for is known once it has its header. */
		hdr.id = ip4_out_id(st, &hdr, pkt_n_frames(pkt));
		ip4_hdr_write(p, &hdr);
	}
	return DROP_NONE;
}

static enum drop ip4_out_hooks(struct stack *st, struct pkt *pkt, struct netif *out,
			       bool *ret_stolen)
{
	enum drop why = DROP_NONE;

	*ret_stolen = false;
	if (!ip_hooks_empty(&st->ip4->hooks, IP_HOOK_OUTPUT))
		why = ip4_hook(st, IP_HOOK_OUTPUT, NULL, out, pkt, ret_stolen);
	if (why == DROP_NONE && !*ret_stolen &&
	    !ip_hooks_empty(&st->ip4->hooks, IP_HOOK_POSTROUTING))
		why = ip4_hook(st, IP_HOOK_POSTROUTING, NULL, out, pkt, ret_stolen);
	return why;
}

/* Larger than the MTU: it goes in fragments, if it may. `data` is at the header. */
static enum drop ip4_out_too_large(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	struct ip4_hdr hdr;

	if (out->no_frag || (out->df && !out->df_if_fits)) {
		mib_inc(st, MIB_IpFragFails);
		return DROP_IP_MTU;
	}
	if (!out->df)
		return DROP_NONE;
	ip4_hdr_read(pkt->data, &hdr);
	hdr.df = false;
	hdr.id = ip4_out_id(st, &hdr, pkt_n_frames(pkt));
	ip4_hdr_write(pkt->data, &hdr);
	return DROP_NONE;
}

static int ip4_out_neigh(struct pkt *pkt, struct ip_dst *dst)
{
	if (!dst->neigh && !dst->is_local)
		dst->neigh = neigh_find(dst->netif, &dst->nexthop);
	return neigh_output(dst->netif, pkt, &dst->nexthop, ETHERTYPE_IPV4, dst->neigh);
}

/* All fragments are sent, whatever becomes of one: so the errors of one are told. */
static int ip4_out_frags(struct stack *st, struct pkt *pkt, struct ip_dst *dst, uint32_t mtu)
{
	struct pktq frags;
	struct pkt *frag;
	enum drop why;
	int err = 0;

	pktq_init(&frags);
	why = ip4_fragment_all(st, pkt, mtu, &frags);
	if (why != DROP_NONE)
		return ip4_out_drop(st, pkt, why);
	while ((frag = pktq_pop(&frags))) {
		mib_add(st, MIB_IpExtOutOctets, frag->len);
		err = ip4_out_neigh(frag, dst);
	}
	return err;
}

static bool ip4_out_is_group(const struct ip_dst *dst)
{
	return dst->nexthop.b[12] >= 0xe0 && !dst->is_local;
}

/* As in Linux our own sockets hear what we send to a group that they are in, unless the sender does
 * not want that (RFC 1112 §6.1), and every broadcast. `data` at the IP header. */
static void ip4_out_loop(struct pkt *pkt, const struct ip_out *out, const struct ip_dst *dst)
{
	if (dst->netif->flags & NETIF_LOOPBACK)
		return;
	if (dst_is_broadcast(dst) || (!out->no_loop && mcast_is_joined(dst->netif, &out->flow.dst)))
		mcast_loop(dst->netif, pkt);
}

/* A datagram with its header. */
static int ip4_out_whole(struct stack *st, struct pkt *pkt, const struct ip_out *out,
			 struct ip_dst *dst)
{
	uint32_t mtu = unlikely(out->ignore_pmtu) ? dst->netif->mtu : dst->mtu;
	bool is_large, stolen;
	enum drop why;

	is_large = pkt_frame_l3_len(pkt) > mtu;
	if (unlikely(is_large)) {
		why = ip4_out_too_large(st, pkt, out);
		if (why != DROP_NONE)
			return ip4_out_drop(st, pkt, why);
	}
	pkt_hop(pkt, HOP_ROUTE, dst->prefix_len);
	mib_add(st, MIB_IpOutRequests, pkt_n_frames(pkt));

	why = ip4_out_hooks(st, pkt, dst->netif, &stolen);
	if (unlikely(why != DROP_NONE))
		return ip4_out_drop(st, pkt, why);
	if (unlikely(stolen))
		return 0;
	if (unlikely(ip4_out_is_group(dst))) {
		ip4_out_loop(pkt, out, dst);
		if (out->is_host_only) {
			pkt_free(pkt);
			return 0;
		}
	}
	if (unlikely(is_large))
		return ip4_out_frags(st, pkt, dst, mtu);
	mib_add(st, MIB_IpExtOutOctets, pkt_wire_bytes(pkt));
	return ip4_out_neigh(pkt, dst);
}

/* RFC 791 §3.1: with a strict source route the next address is a neighbour's. */
static bool ip4_out_is_strict_ok(const struct ip4_opts *opts, const struct ip_dst *dst)
{
	struct ip_addr first = ip_addr_from_ip4(&opts->first);

	return !opts->route || !opts->is_strict || dst->is_local ||
	       ip_addr_eq(&dst->nexthop, &first);
}

/* To a destination that has been resolved; without `has_hdr` the header is still to be written. */
static int ip4_out_send(struct stack *st, struct pkt *pkt, const struct ip_out *out,
			struct ip_dst *dst, bool has_hdr)
{
	enum drop why;

	pkt->netif = dst->netif;
	pkt->mark = out->flow.mark;
	if (unlikely(dst_is_broadcast(dst)) && !out->may_broadcast)
		return ip4_out_drop(st, pkt, DROP_IP_BROADCAST);
	if (unlikely(out->opts) && !ip4_out_is_strict_ok(out->opts, dst))
		return ip4_out_drop(st, pkt, DROP_IP_ROUTE_UNREACHABLE);
	why = has_hdr ? DROP_NONE : ip4_out_hdr(st, pkt, out);
	if (unlikely(why != DROP_NONE))
		return ip4_out_drop(st, pkt, why);
	return ip4_out_whole(st, pkt, out, dst);
}

static int ip4_out_route(struct stack *st, struct pkt *pkt, const struct ip_out *out, bool has_hdr)
{
	struct ip_dst fresh, *dst = out->dst ? out->dst : &fresh;
	struct ip_flow flow;
	enum drop why;

	if (unlikely(dst == &fresh || dst->gen != st->ip4->dst_gen)) {
		flow = out->flow;
		flow.dst = ip4_opts_via(out->opts, &out->flow.dst);
		why = ip4_route(st, &flow, &fresh, NULL);
		if (why != DROP_NONE)
			return ip4_out_drop(st, pkt, why);
		if (out->dst)
			*out->dst = fresh;
	}
	return ip4_out_send(st, pkt, out, dst, has_hdr);
}

int ip4_output_hdr(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	return ip4_out_route(st, pkt, out, true);
}

int ip4_output(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	return ip4_out_route(st, pkt, out, false);
}

/* What ip4_out_send() and all that follows would come to is known, but for the header's fields. */
static bool ip4_out_is_plain(const struct stack *st, const struct pkt *pkt,
			     const struct ip_plain *out)
{
	const struct ip_dst *dst = out->dst;

	return dst->gen == st->ip4->dst_gen && dst->neigh && neigh_is_usable(dst->neigh) &&
	       !ip4_out_is_group(dst) && !pkt->gso_size && !pkt->buf &&
	       pkt->len + IP4_HDR_LEN <= dst->mtu &&
	       pkt_headroom(pkt) >= IP4_HDR_LEN + ETH_HDR_LEN &&
	       ip_hooks_empty(&st->ip4->hooks, IP_HOOK_OUTPUT) &&
	       ip_hooks_empty(&st->ip4->hooks, IP_HOOK_POSTROUTING);
}

int ip4_output_plain(struct stack *st, struct pkt *pkt, const struct ip_plain *out)
{
	struct ip4_hdr hdr = {.src = ip_addr_to_ip4(out->src),
			      .dst = ip_addr_to_ip4(out->to),
			      .hdr_len = IP4_HDR_LEN,
			      .tos = out->tos,
			      .ttl = out->ttl ? out->ttl : st->ip4->conf.default_ttl,
			      .proto = out->proto,
			      .df = true};
	struct neigh *n = out->dst->neigh;

	if (unlikely(!ip4_out_is_plain(st, pkt, out)))
		return IP_NOT_PLAIN;
	pkt->mark = out->mark;
	pkt_hop(pkt, HOP_SOCK, out->proto);
	hdr.tot_len = (uint16_t)(pkt->len + IP4_HDR_LEN);
	ip4_hdr_write_plain(pkt_push(pkt, IP4_HDR_LEN), &hdr);
	pkt->l3_off = pkt_off(pkt);
	pkt_hop(pkt, HOP_ROUTE, out->dst->prefix_len);
	mib_inc(st, MIB_IpOutRequests);
	mib_add(st, MIB_IpExtOutOctets, pkt->len);
	return eth_output(n->netif, pkt, ETHERTYPE_IPV4, &n->lladdr);
}
