/* SPDX-License-Identifier: MIT */
/*
 * IPv6 fragments both ways (RFC 8200 §4.5): packets of ours cut for a path with a smaller MTU, and
 * fragments for us handed to reassembly. Routers do neither.
 */
#include <string.h>

#include "core/steer.h"
#include "ip/frag.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6_ext.h"

enum {
	FRAG_HDRS_LEN = IP6_HDR_LEN + IP6_FRAG_LEN,
	PAYLOAD_LEN_OFF = 4, /* of the field in the fixed header */
	FRAG_OFF_OFF = 2,    /* of the field in the fragment header */
	NEXT_HDR_OFF = 6,
};

/*
 * Cutting. Extension headers for those on the way are in every fragment, all behind them is cut.
 */

/* Where the field is that says what the header at `at` is; both from the fixed header. The headers
 * before it have been walked over, or are our own. */
static uint32_t next_field_of(const uint8_t *p, uint32_t at)
{
	uint32_t field = NEXT_HDR_OFF, off = IP6_HDR_LEN;
	struct ip6_ext ext;

	while (off < at) { /* an atomic fragment's second byte is 0 or not looked at: 8 bytes */
		uint8_t proto = p[field];

		ip6_ext_read(p + off, &ext);
		field = off;
		off += proto == IP_PROTO_FRAGMENT ? (uint32_t)IP6_FRAG_LEN : ext.len;
	}
	return field;
}

/* What all fragments of a packet have in common. */
struct cut {
	const struct pkt *pkt;
	uint32_t hdr_len;    /* the fixed header and what follows it in each */
	uint32_t next_field; /* in these: says that a fragment header comes */
	uint32_t n_bytes;    /* to be cut */
	uint32_t id;
};

static struct pkt *cut_one(const struct cut *c, uint32_t pos, uint32_t len)
{
	const uint8_t *whole = c->pkt->data;
	struct pkt *frag =
		frag_make(c->pkt, c->hdr_len + (uint32_t)IP6_FRAG_LEN, c->hdr_len + pos, len);
	const struct ip6_frag fh = {.id = c->id,
				    .off = (uint16_t)pos,
				    .next_hdr = whole[c->next_field],
				    .more = pos + len < c->n_bytes};

	if (!frag)
		return NULL;
	memcpy(frag->data, whole, c->hdr_len);
	frag->data[c->next_field] = IP_PROTO_FRAGMENT;
	store_be16(frag->data + PAYLOAD_LEN_OFF,
		   (uint16_t)(c->hdr_len - IP6_HDR_LEN + IP6_FRAG_LEN + len));
	ip6_frag_write(frag->data + c->hdr_len, &fh);
	if (pos > 0)
		frag->flags &= (uint8_t)~PKT_F_TRACED;
	return frag;
}

static enum drop cut_all(struct stack *st, const struct pkt *pkt, uint32_t mtu, uint32_t n_exts,
			 struct pktq *out)
{
	struct cut c = {.pkt = pkt, .hdr_len = IP6_HDR_LEN + n_exts, .id = rng_u32(&st->eng->rng)};
	uint32_t room;

	if (unlikely(st->steer))
		c.id = steer_ip6_id(st->shard_index, c.id);
	if (c.hdr_len + (uint32_t)IP6_FRAG_LEN + 8 > mtu)
		return DROP_IP_MTU;
	c.next_field = next_field_of(pkt->data, c.hdr_len);
	c.n_bytes = pkt->len - c.hdr_len;
	room = (mtu - c.hdr_len - (uint32_t)IP6_FRAG_LEN) & ~7u;
	for (uint32_t pos = 0; pos < c.n_bytes; pos += room) {
		uint32_t left = c.n_bytes - pos;
		struct pkt *frag = cut_one(&c, pos, left < room ? left : room);

		if (!frag)
			return DROP_NOMEM;
		pktq_push(out, frag);
	}
	return DROP_NONE;
}

static enum drop fragment_one(struct stack *st, struct pkt *pkt, uint32_t mtu, uint32_t n_exts,
			      struct pktq *out)
{
	struct pktq frags;
	enum drop why = DROP_NOMEM;

	pktq_init(&frags);
	/* Fragments have no checksum of their own: the whole packet's must be there before. */
	if (pkt->csum != PKT_CSUM_PARTIAL || pkt_csum_complete(pkt) == 0)
		why = cut_all(st, pkt, mtu, n_exts, &frags);
	if (why != DROP_NONE) {
		pktq_purge(&frags);
		mib_inc(st, MIB_Ip6FragFails);
		return why;
	}
	mib_inc(st, MIB_Ip6FragOKs);
	mib_add(st, MIB_Ip6FragCreates, frags.n_pkts);
	pktq_splice(out, &frags);
	pkt_free(pkt);
	return DROP_NONE;
}

enum drop ip6_fragment(struct stack *st, struct pkt *pkt, uint32_t mtu, uint32_t n_exts,
		       struct pktq *out)
{
	enum drop why = DROP_NONE;
	struct pktq frames;
	struct pkt *frame;

	assert(mtu >= IP6_MTU_MIN);
	if (likely(!pkt->gso_size))
		return fragment_one(st, pkt, mtu, n_exts, out);
	pktq_init(&frames);
	if (frag_segment(pkt, ETHERTYPE_IPV6, &frames))
		return DROP_NOMEM;
	/* From here on the packet is taken: what cannot be cut is lost as on a wire. */
	while ((frame = pktq_pop(&frames))) {
		if (frame->len <= mtu) {
			pktq_push(out, frame);
			continue;
		}
		why = fragment_one(st, frame, mtu, n_exts, out);
		if (why != DROP_NONE)
			(void)pkt_drop(st, frame, why);
	}
	return DROP_NONE;
}

/*
 * Reassembly.
 */

/* RFC 4443 §3.3. */
static void ip6_reasm_expired(struct stack *st, struct pkt *first)
{
	icmp6_error(st, first, ICMP6_TIME_EXCEEDED, ICMP6_EXCEEDED_REASM, 0);
}

const struct reasm_ops ip6_reasm_ops = {
	.expired = ip6_reasm_expired,
	/* The payload counts, extension headers with it (RFC 8200 §3). */
	.max_bytes = IP6_PAYLOAD_MAX + FRAG_HDRS_LEN,
	.reqds = MIB_Ip6ReasmReqds,
	.oks = MIB_Ip6ReasmOKs,
	.fails = MIB_Ip6ReasmFails,
	.timeouts = MIB_Ip6ReasmTimeout,
	.overlaps = MIB_IpExtReasmOverlaps,
};

/* The first fragment's headers become the packet's: its fragment header goes. */
static bool whole_hdrs(struct reasm_whole *whole)
{
	struct pkt *pkt = whole->pkt;
	uint32_t at = whole->hdr_len - (uint32_t)IP6_FRAG_LEN;
	struct ip6_hdr hdr;

	if (pkt->len - IP6_HDR_LEN - IP6_FRAG_LEN > IP6_PAYLOAD_MAX ||
	    !pkt_make_writable(pkt, whole->hdr_len))
		return false;
	pkt->data[next_field_of(pkt->data, at)] = pkt->data[at];
	memmove(pkt->data + IP6_FRAG_LEN, pkt->data, at);
	pkt_pull(pkt, IP6_FRAG_LEN);
	pkt->l3_off = pkt_off(pkt);
	ip6_hdr_read(pkt->data, &hdr);
	hdr.payload_len = (uint16_t)(pkt->len - IP6_HDR_LEN);
	hdr.tclass = (uint8_t)((hdr.tclass & ~IP_ECN_MASK) | whole->ecn);
	ip6_hdr_write(pkt->data, &hdr);
	return true;
}

/* RFC 8200 §4.5, the errors that are told to the source; RFC 7112: the first fragment has all
 * headers. */
static enum drop frag_check(struct stack *st, struct pkt *pkt, uint32_t off,
			    const struct ip6_frag *fh)
{
	uint32_t payload = pkt->len - off - IP6_FRAG_LEN;
	struct ip6_chain chain;

	if (fh->more && payload % 8) {
		icmp6_error(st, pkt, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_FIELD, PAYLOAD_LEN_OFF);
		return DROP_IP_FRAG_SIZE;
	}
	if (fh->off + payload > IP6_PAYLOAD_MAX) {
		icmp6_error(st, pkt, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_FIELD, off + FRAG_OFF_OFF);
		return DROP_IP_FRAG_RANGE;
	}
	if (fh->off > 0)
		return DROP_NONE;
	if (!pkt_pullup(pkt, pkt->len))
		return DROP_NOMEM;
	if (ip6_chain_skip(pkt->data + off + IP6_FRAG_LEN, payload, fh->next_hdr, &chain) < 0 ||
	    (chain.len == payload && chain.proto != IP_PROTO_NONE)) {
		icmp6_error(st, pkt, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_FRAG_CHAIN, 0);
		return DROP_IP6_EXT;
	}
	return DROP_NONE;
}

enum drop ip6_reasm(struct stack *st, struct pkt *pkt, const struct ip6_walk *w, struct pkt **ret)
{
	struct reasm_frag_info info;
	struct reasm_whole whole;
	struct reasm_key key;
	struct ip6_frag fh;
	struct ip6_hdr hdr;
	enum drop why;

	if (unlikely(pkt->gso_size)) /* no frame on a wire: made by a device that is mistaken */
		return DROP_IP6_HDR;
	ip6_frag_read(pkt->data + w->off, &fh);
	why = frag_check(st, pkt, w->off, &fh);
	if (why != DROP_NONE)
		return why;
	ip6_hdr_read(pkt->data, &hdr);
	key = (struct reasm_key){
		.src = ip_addr_from_ip6(&hdr.src), .dst = ip_addr_from_ip6(&hdr.dst), .id = fh.id};
	/* Link-local addresses and groups mean something on their link only. */
	if (pkt->netif &&
	    (ip6_addr_is_link_local(&hdr.src) || ip6_addr_scope(&hdr.dst) <= IP6_SCOPE_LINK))
		key.ifindex = pkt->netif->index;
	info = (struct reasm_frag_info){.off = fh.off,
					.hdr_len = (uint16_t)(w->off + IP6_FRAG_LEN),
					.more = fh.more,
					.ecn = hdr.tclass & IP_ECN_MASK};
	why = reasm_input(&st->ip6->reasm, &key, &info, pkt, &whole);
	if (why != DROP_NONE)
		return why;
	if (whole.pkt && !whole_hdrs(&whole)) {
		(void)pkt_drop(st, whole.pkt, DROP_NOMEM);
		whole.pkt = NULL;
	}
	*ret = whole.pkt;
	return DROP_NONE;
}
