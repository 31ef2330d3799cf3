/* SPDX-License-Identifier: MIT */
/*
 * The short way through a router; what it is for stands in fastfwd.h, and what it costs in
 * doc/forwarding.md.
 *
 * What follows from the destination alone was judged when its entry was learned, which any change
 * voids. What follows from the packet, its source, its neighbour and the interface that it leaves
 * by is judged each time; what follows from the interface that it came in on and from settings,
 * once a burst, during which nothing can change them. Each function that judges names those of the
 * ordinary way that it stands for.
 */
#include "ip/fastfwd.h"

#include "base/load.h"
#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "ip/dst_cache.h"
#include "ip/ip4.h"
#include "ip/ip6.h"
#include "link/eth.h"
#include "link/neigh.h"
#include "wire/eth.h"

/* Packets that came in on one interface, one after the other. */
struct burst {
	struct netif *in;
	struct stack *st;
	const struct ip4 *ip4; /* NULL: the ordinary way for all of IPv4 */
	const struct ip6 *ip6;
	const struct list *last; /* of the interfaces that have frames waiting */
	int64_t now_ns;
	uint32_t gen; /* of entries that are valid */
	uint16_t hop; /* code of the interface */
	/* What has been forwarded, from the IP header on; with, and without padding. */
	uint64_t in_bytes, out_bytes;
};

/*
 * Keys. Where routes do not tell the addresses of a block from each other, and the next hop is a
 * gateway, there is one entry for all of them.
 */

/* How large blocks are, in IPv4 and IPv6; bits of dst_cache.sizes. */
enum {
	SIZE_WIDE = 1 << 0,  /* /16, /48 */
	SIZE_BLOCK = 1 << 1, /* /24, /64 */
	SIZE_HOST = 1 << 2,
};

enum {
	WIDE4_BITS = 16,
	BLOCK4_BITS = 24,
	WIDE6_BITS = 48,
	BLOCK6_BITS = 64,
};

/* In the place of the lower half of an address of IPv6; a host that has it, has no entry. The upper
 * half stays where it is, so that what is found for such a host is its own block's. */
static const uint64_t BLOCK6_LO = UINT64_MAX, WIDE6_LO = UINT64_MAX - 1;

static inline struct dst_key key4(struct ip4_addr a, int size)
{
	uint64_t tag = (uint64_t)size << 32;

	switch (size) {
	case SIZE_WIDE:
		return (struct dst_key){.lo = tag | ip4_addr_u32(&a) >> (32 - WIDE4_BITS)};
	case SIZE_BLOCK:
		return (struct dst_key){.lo = tag | ip4_addr_u32(&a) >> (32 - BLOCK4_BITS)};
	default:
		return (struct dst_key){.lo = tag | ip4_addr_u32(&a)};
	}
}

static inline struct dst_key key6(const struct ip6_addr *a, int size)
{
	switch (size) {
	case SIZE_WIDE:
		return (struct dst_key){load_be64(a->b) & ~(UINT64_MAX >> WIDE6_BITS), WIDE6_LO};
	case SIZE_BLOCK:
		return (struct dst_key){load_be64(a->b), BLOCK6_LO};
	default:
		return (struct dst_key){load_be64(a->b), load_be64(a->b + 8)};
	}
}

static ALWAYS_INLINE const struct dst_entry *find4(const struct burst *b, struct ip4_addr dst)
{
	const struct dst_cache *c = &b->ip4->dsts;
	const struct dst_entry *e = NULL;

	if (c->sizes & SIZE_WIDE)
		e = dst_cache_find(c, key4(dst, SIZE_WIDE), b->gen);
	if (!e && c->sizes & SIZE_BLOCK)
		e = dst_cache_find(c, key4(dst, SIZE_BLOCK), b->gen);
	if (!e && c->sizes & SIZE_HOST)
		e = dst_cache_find(c, key4(dst, SIZE_HOST), b->gen);
	return e;
}

static ALWAYS_INLINE const struct dst_entry *find6(const struct burst *b,
						   const struct ip6_addr *dst)
{
	const struct dst_cache *c = &b->ip6->dsts;
	const struct dst_entry *e = NULL;

	if (c->sizes & SIZE_WIDE)
		e = dst_cache_find(c, key6(dst, SIZE_WIDE), b->gen);
	if (!e && c->sizes & SIZE_BLOCK)
		e = dst_cache_find(c, key6(dst, SIZE_BLOCK), b->gen);
	if (!e && c->sizes & SIZE_HOST)
		e = dst_cache_find(c, key6(dst, SIZE_HOST), b->gen);
	return e;
}

static bool hooks_are_empty(const struct ip_hooks *hooks)
{
	return ip_hooks_empty(hooks, IP_HOOK_PREROUTING) &&
	       ip_hooks_empty(hooks, IP_HOOK_FORWARD) && ip_hooks_empty(hooks, IP_HOOK_POSTROUTING);
}

/* netif_rx(): one frame in one piece that may be written to, as on a wire; nobody has asked for its
 * story. eth_input(): from one host to us. */
static inline bool frame_is_plain(const struct netif *in, const struct pkt *pkt, uint16_t ethertype,
				  uint32_t hdr_len)
{
	return pkt->lin_len == pkt->len && !pkt->gso_size && pkt->csum != PKT_CSUM_PARTIAL &&
	       !(pkt->gso_type | pkt->n_frags | pkt->flags) && pkt_is_writable(pkt) &&
	       pkt->len >= ETH_HDR_LEN + hdr_len && eth_hdr_type(pkt->data) == ethertype &&
	       eth_hdr_dst_is(pkt->data, &in->hwaddr) && !eth_hdr_src_is_multicast(pkt->data);
}

/* neigh_output(), netif_tx(): at once, and as it is. */
static inline bool out_is_plain(const struct netif *in, const struct neigh *neigh)
{
	const uint32_t ready = 1u << NEIGH_REACHABLE | 1u << NEIGH_DELAY | 1u << NEIGH_PROBE |
			       1u << NEIGH_PERMANENT;
	const struct netif *out = neigh->netif;

	return ready >> neigh->state & 1 && netif_is_running(out) && list_is_empty(&out->taps) &&
	       !out->mss_clamp && out != in;
}

/* The next packet that is plain so far; NULL: there is none, or another interface waits. */
static inline struct pkt *burst_next(const struct burst *b, const struct pktq *q,
				     uint16_t ethertype, uint32_t hdr_len)
{
	struct pkt *pkt = q->first;

	if (!pkt || unlikely(b->st->eng->backlog.prev != b->last) ||
	    !frame_is_plain(b->in, pkt, ethertype, hdr_len))
		return NULL;
	return pkt;
}

/* The packet, the first of `q`, is on its way: `l3_len` bytes from the IP header on, behind which
 * is padding. */
static ALWAYS_INLINE void burst_send(struct burst *b, struct pktq *q, const struct dst_entry *to,
				     uint32_t l3_len)
{
	struct pkt *pkt = pktq_pop(q);
	const struct neigh *neigh = to->neigh;
	struct netif *out = neigh->netif;

	b->in_bytes += pkt->len - ETH_HDR_LEN;
	b->out_bytes += l3_len;
	pkt_hop_add3(pkt, b->hop, to->hops);
	if (unlikely(pkt->len != ETH_HDR_LEN + l3_len))
		pkt_trim(pkt, ETH_HDR_LEN + l3_len);
	pkt->l2_off = pkt_off(pkt);
	pkt->l3_off = (uint16_t)(pkt->l2_off + ETH_HDR_LEN);
	pkt->l4_off = PKT_NO_OFF;
	pkt->flags = PKT_F_FORWARDED;
	pkt->netif = out;
	pkt->ts_ns = b->now_ns;
	eth_hdr_addrs_write(pkt->data, &neigh->lladdr, &out->hwaddr);
	out->stats.tx_units++;
	out->stats.tx_packets++;
	out->stats.tx_bytes += ETH_HDR_LEN + l3_len;
	out->ops->tx(out, pkt);
}

/* What netif_rx() counts for `n` packets. */
static void burst_count(const struct burst *b, uint32_t n)
{
	b->in->stats.rx_units += n;
	b->in->stats.rx_packets += n;
	b->in->stats.rx_bytes += b->in_bytes + (uint64_t)n * ETH_HDR_LEN;
}

/*
 * IPv4.
 */

/* ip4_in_rp_filter(), by what was sent to the source. */
static bool src4_is_behind(const struct burst *b, struct ip4_addr src)
{
	const struct dst_entry *back = find4(b, src);

	return back && (b->in->ip4->conf.rp_filter == IP4_RP_LOOSE || back->neigh->netif == b->in);
}

/* ip4_in_src() and fwd_addrs(). */
static inline bool src4_is_plain(const struct burst *b, struct ip4_addr src)
{
	return ip4_special_is_far(src) && !ip4_addr_is_multicast(&src) &&
	       ip4_own(b->ip4, src) == IP4_OWN_NO &&
	       (likely(b->in->ip4->conf.rp_filter == IP4_RP_OFF) || src4_is_behind(b, src));
}

/* Where a packet goes; NULL: the ordinary way. ip4_in_hdr(), ip4_forward(). */
static inline const struct dst_entry *way4(const struct burst *b, const struct pkt *pkt,
					   const struct ip4_hdr *hdr)
{
	const uint8_t *p = pkt->data + ETH_HDR_LEN;
	const struct dst_entry *to;

	if (!ip4_hdr_is_plain(p) || hdr->ttl <= 1 || hdr->tot_len < IP4_HDR_LEN ||
	    hdr->tot_len > pkt->len - ETH_HDR_LEN || !ip4_hdr_plain_csum_ok(p) ||
	    !src4_is_plain(b, hdr->src))
		return NULL;
	to = find4(b, hdr->dst);
	return to && out_is_plain(b->in, to->neigh) && hdr->tot_len <= to->neigh->netif->mtu ? to
											     : NULL;
}

static uint32_t fastfwd_ip4(struct burst *b, struct pktq *q, uint32_t max)
{
	struct stack *st = b->st;
	const struct dst_entry *to;
	struct ip4_hdr hdr;
	struct pkt *pkt;
	uint32_t n = 0;

	for (; n < max && (pkt = burst_next(b, q, ETHERTYPE_IPV4, IP4_HDR_LEN)); n++) {
		ip4_hdr_read(pkt->data + ETH_HDR_LEN, &hdr);
		to = way4(b, pkt, &hdr);
		if (!to)
			break;
		mib_inc(st, MIB_IpExtInNoECTPkts + (hdr.tos & IP_ECN_MASK));
		ip4_ttl_dec(pkt->data + ETH_HDR_LEN);
		burst_send(b, q, to, hdr.tot_len);
	}
	burst_count(b, n);
	mib_add(st, MIB_IpInReceives, n);
	mib_add(st, MIB_IpExtInOctets, b->in_bytes);
	mib_add(st, MIB_IpForwDatagrams, n);
	mib_add(st, MIB_IpExtOutOctets, b->out_bytes);
	return n;
}

static struct dst_entry entry_of(const struct stack *st, struct dst_key key, struct neigh *neigh,
				 uint8_t prefix_len)
{
	return (struct dst_entry){.key = key,
				  .neigh = neigh,
				  .gen = st->ip4->dst_gen,
				  .hops = {pkt_hop_code(HOP_ROUTE, prefix_len),
					   pkt_hop_code(HOP_TX, neigh->netif->index)}};
}

/* The largest block of addresses to which the same applies as to `dst`; which addresses are special
 * is told by their first 24 bits. */
static int size4(const struct ip4 *ip4, const struct fib4_route *route, struct ip4_addr dst)
{
	unsigned int span = fib4_span(&ip4->fib, dst);

	if (ip4_addr_is_unspecified(&route->via) || !ip4_special_is_far(dst))
		return SIZE_HOST;
	/* 192.0.0.0/24, in 192.0/16, and 169.254/16 are the only special ones that matter here. */
	if (span <= WIDE4_BITS && (dst.b[0] != 192 || dst.b[1] != 0))
		return SIZE_WIDE;
	return span <= BLOCK4_BITS ? SIZE_BLOCK : SIZE_HOST;
}

void fastfwd_learn4(struct netif *in, const struct pkt *pkt, const struct fib4_route *route,
		    struct ip4_addr dst, struct neigh *neigh)
{
	struct stack *st = in->stack;
	struct dst_entry entry;
	int size;

	/* Directed broadcasts, and what options or hooks have sent elsewhere, are no examples. */
	if (route->type != ROUTE_UNICAST || !ip4_hdr_is_plain(pkt->data) ||
	    !hooks_are_empty(&st->ip4->hooks))
		return;
	size = size4(st->ip4, route, dst);
	entry = entry_of(st, key4(dst, size), neigh, route->prefix_len);
	dst_cache_put(&st->ip4->dsts, &st->eng->mem, &st->eng->hash_key, &entry);
	st->ip4->dsts.sizes |= (uint8_t)size;
	in->shortcut = fastfwd_input;
}

/*
 * IPv6.
 */

/* ip6_in_src() and fwd_addrs(). */
static inline bool src6_is_plain(const struct ip6 *ip6, const struct ip6_addr *src)
{
	return ip6_special_is_far(src) && !ip6_addr_is_multicast(src) && !ip6_own(ip6, src);
}

/* Where a packet goes; NULL: the ordinary way. ip6_in_hdr(), ip6_in_dispatch(), ip6_forward(). */
static inline const struct dst_entry *way6(const struct burst *b, const struct pkt *pkt,
					   const struct ip6_hdr *hdr)
{
	uint32_t l3_len = IP6_HDR_LEN + (uint32_t)hdr->payload_len;
	const struct dst_entry *to;

	if (hdr->version != 6 || hdr->hop_limit <= 1 || hdr->next_hdr == IP_PROTO_HOPOPTS ||
	    l3_len > pkt->len - ETH_HDR_LEN || !src6_is_plain(b->ip6, &hdr->src))
		return NULL;
	to = find6(b, &hdr->dst);
	return to && out_is_plain(b->in, to->neigh) && l3_len <= ip6_netif_mtu(to->neigh->netif)
		       ? to
		       : NULL;
}

static uint32_t fastfwd_ip6(struct burst *b, struct pktq *q, uint32_t max)
{
	struct stack *st = b->st;
	const struct dst_entry *to;
	struct ip6_hdr hdr;
	struct pkt *pkt;
	uint32_t n = 0;

	for (; n < max && (pkt = burst_next(b, q, ETHERTYPE_IPV6, IP6_HDR_LEN)); n++) {
		ip6_hdr_read(pkt->data + ETH_HDR_LEN, &hdr);
		to = way6(b, pkt, &hdr);
		if (!to)
			break;
		mib_inc(st, MIB_Ip6InNoECTPkts + (hdr.tclass & IP_ECN_MASK));
		ip6_hops_dec(pkt->data + ETH_HDR_LEN);
		burst_send(b, q, to, IP6_HDR_LEN + (uint32_t)hdr.payload_len);
	}
	burst_count(b, n);
	mib_add(st, MIB_Ip6InReceives, n);
	mib_add(st, MIB_Ip6InOctets, b->in_bytes);
	mib_add(st, MIB_Ip6OutForwDatagrams, n);
	mib_add(st, MIB_Ip6OutOctets, b->out_bytes);
	return n;
}

/* The same of IPv6; the first 16 bits tell which addresses are special. */
static int size6(const struct ip6 *ip6, const struct fib6_route *route, const struct ip6_addr *dst)
{
	unsigned int span = fib6_span(&ip6->fib, dst);

	if (ip6_addr_is_unspecified(&route->via) || !ip6_special_is_far(dst) || span > BLOCK6_BITS)
		return SIZE_HOST;
	return span <= WIDE6_BITS ? SIZE_WIDE : SIZE_BLOCK;
}

void fastfwd_learn6(struct netif *in, const struct fib6_route *route, const struct ip6_addr *dst,
		    struct neigh *neigh)
{
	struct stack *st = in->stack;
	int size = size6(st->ip6, route, dst);
	struct dst_entry entry = entry_of(st, key6(dst, size), neigh, route->prefix_len);

	if (!hooks_are_empty(&st->ip6->hooks) || (size == SIZE_HOST && entry.key.lo >= WIDE6_LO))
		return;
	dst_cache_put(&st->ip6->dsts, &st->eng->mem, &st->eng->hash_key, &entry);
	st->ip6->dsts.sizes |= (uint8_t)size;
	in->shortcut = fastfwd_input;
}

/*
 * Either.
 */

/* netif_rx() and what else is the same for all packets of the interface. */
static bool burst_init(struct burst *b, struct netif *in)
{
	struct stack *st = in->stack;

	if ((in->flags & (NETIF_UP | NETIF_LOOPBACK)) != NETIF_UP || in->input != eth_input ||
	    !list_is_empty(&in->taps) || in->intercept || in->mss_clamp ||
	    st->eng->trace.sample_every)
		return false;
	*b = (struct burst){
		.in = in,
		.st = st,
		.last = st->eng->backlog.prev,
		.now_ns = st->eng->now_ns,
		.gen = st->ip4->dst_gen,
		.hop = pkt_hop_code(HOP_RX, in->index),
	};
	if (st->ip4->dsts.entries && in->ip4->conf.forwarding && hooks_are_empty(&st->ip4->hooks))
		b->ip4 = st->ip4;
	if (st->ip6 && st->ip6->dsts.entries && st->ip6->conf.forward && !in->ip6->conf.disable &&
	    hooks_are_empty(&st->ip6->hooks))
		b->ip6 = st->ip6;
	return true;
}

uint32_t fastfwd_input(struct netif *in, struct pktq *q, uint32_t max)
{
	struct burst b;
	uint32_t n = 0, more;

	if (!burst_init(&b, in))
		return 0;
	do {
		more = b.ip4 ? fastfwd_ip4(&b, q, max - n) : 0;
		b.in_bytes = b.out_bytes = 0;
		more += b.ip6 ? fastfwd_ip6(&b, q, max - n - more) : 0;
		b.in_bytes = b.out_bytes = 0;
		n += more;
	} while (more);
	return n;
}
