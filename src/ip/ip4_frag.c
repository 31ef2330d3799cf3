/* SPDX-License-Identifier: MIT */
/*
 * IPv4 fragments both ways: datagrams cut for a link with a smaller MTU (RFC 791 §3.2, RFC 1812
 * §5.2.6), and fragments for us handed to reassembly.
 */
#include <errno.h>
#include <string.h>

#include "ip/frag.h"
#include "ip/icmp.h"
#include "ip/ip4.h"
#include "ip/ip4_priv.h"
#include "link/neigh.h"
#include "wire/eth.h"

/*
 * Cutting.
 */

/* The options of all fragments but the first: those with the copy flag (RFC 791 §3.1). Returns
 * their length, padded. */
static uint8_t opts_of_later(const uint8_t *hdr, uint8_t hdr_len, uint8_t ret[IP4_OPTS_MAX])
{
	struct ip4_opts_iter it = ip4_opts_iter(hdr, hdr_len);
	struct ip4_opt opt;
	uint8_t n = 0;

	while (ip4_opts_next(&it, &opt) > 0) {
		if (!(opt.type & IP4_OPT_COPY))
			continue;
		memcpy(ret + n, hdr + opt.off, opt.len);
		n = (uint8_t)(n + opt.len);
	}
	while (n % 4)
		ret[n++] = IP4_OPT_EOL;
	return n;
}

struct cut {
	struct ip4_hdr hdr; /* of the datagram, which may be a fragment itself */
	uint32_t pos, len;  /* of the fragment, in the datagram's payload */
	bool is_last;
	const uint8_t *opts;
	uint8_t opts_len;
};

static struct pkt *cut_one(const struct pkt *pkt, const struct cut *c)
{
	uint8_t hdr_len = (uint8_t)(IP4_HDR_LEN + c->opts_len);
	struct pkt *frag = frag_make(pkt, hdr_len, c->hdr.hdr_len + c->pos, c->len);
	struct ip4_hdr hdr = c->hdr;

	if (!frag)
		return NULL;
	hdr.hdr_len = hdr_len;
	hdr.tot_len = (uint16_t)(hdr_len + c->len);
	hdr.frag_off = (uint16_t)(c->hdr.frag_off + c->pos);
	hdr.mf = c->hdr.mf || !c->is_last;
	memcpy(frag->data + IP4_HDR_LEN, c->opts, c->opts_len);
	ip4_hdr_write(frag->data, &hdr);
	if (c->pos > 0)
		frag->flags &= (uint8_t)~PKT_F_TRACED;
	return frag;
}

/* Appends the fragments of `pkt`, which stays as it is. */
static enum drop cut_all(const struct pkt *pkt, uint32_t mtu, struct pktq *out)
{
	uint8_t later_opts[IP4_OPTS_MAX];
	struct cut c = {.opts = pkt->data + IP4_HDR_LEN};
	uint32_t payload_len;

	ip4_hdr_read(pkt->data, &c.hdr);
	payload_len = c.hdr.tot_len - c.hdr.hdr_len;
	c.opts_len = (uint8_t)(c.hdr.hdr_len - IP4_HDR_LEN);
	do {
		uint32_t room = (mtu - IP4_HDR_LEN - c.opts_len) & ~7u;
		struct pkt *frag;

		c.is_last = payload_len - c.pos <= mtu - IP4_HDR_LEN - c.opts_len;
		c.len = c.is_last ? payload_len - c.pos : room;
		frag = cut_one(pkt, &c);
		if (!frag)
			return DROP_NOMEM;
		pktq_push(out, frag);
		if (c.pos == 0) {
			c.opts_len = opts_of_later(pkt->data, c.hdr.hdr_len, later_opts);
			c.opts = later_opts;
		}
		c.pos += c.len;
	} while (c.pos < payload_len);
	return DROP_NONE;
}

enum drop ip4_fragment(struct stack *st, struct pkt *pkt, uint32_t mtu, struct pktq *out)
{
	struct pktq frags;
	enum drop why = DROP_NOMEM;

	assert(mtu >= IP4_MTU_MIN && !pkt->gso_size);
	pktq_init(&frags);
	/* Fragments have no checksum of their own: the whole datagram's must be there before. */
	if (pkt->csum != PKT_CSUM_PARTIAL || pkt_csum_complete(pkt) == 0)
		why = cut_all(pkt, mtu, &frags);
	if (why != DROP_NONE) {
		pktq_purge(&frags);
		mib_inc(st, MIB_IpFragFails);
		return why;
	}
	mib_inc(st, MIB_IpFragOKs);
	mib_add(st, MIB_IpFragCreates, frags.n_pkts);
	pktq_splice(out, &frags);
	pkt_free(pkt);
	return DROP_NONE;
}

enum drop ip4_fragment_all(struct stack *st, struct pkt *pkt, uint32_t mtu, struct pktq *out)
{
	struct pktq frames, frags;
	enum drop why = DROP_NONE;
	struct pkt *frame;

	if (likely(!pkt->gso_size))
		return ip4_fragment(st, pkt, mtu, out);
	pktq_init(&frames);
	pktq_init(&frags);
	if (frag_segment(pkt, ETHERTYPE_IPV4, &frames))
		return DROP_NOMEM;
	/* From here on the packet is taken: what cannot be cut is lost as on a wire. */
	while ((frame = pktq_pop(&frames))) {
		if (frame->len <= mtu) {
			pktq_push(&frags, frame);
			continue;
		}
		why = ip4_fragment(st, frame, mtu, &frags);
		if (why != DROP_NONE)
			(void)pkt_drop(st, frame, why);
	}
	pktq_splice(out, &frags);
	return DROP_NONE;
}

/*
 * Reassembly.
 */

/* RFC 792: time exceeded in reassembly, by the host that is the destination. */
static void ip4_reasm_expired(struct stack *st, struct pkt *first)
{
	icmp4_error(st, first,
		    &(struct icmp4_hdr){.type = ICMP4_TIME_EXCEEDED, .code = ICMP4_EXCEEDED_REASM});
}

const struct reasm_ops ip4_reasm_ops = {
	.max_bytes = IP4_LEN_MAX,
	.expired = ip4_reasm_expired,
	.reqds = MIB_IpReasmReqds,
	.oks = MIB_IpReasmOKs,
	.fails = MIB_IpReasmFails,
	.timeouts = MIB_IpReasmTimeout,
	.overlaps = MIB_IpExtReasmOverlaps,
};

/* The first fragment's header becomes the datagram's. */
static bool whole_hdr(struct reasm_whole *whole, struct ip4_hdr *hdr)
{
	struct pkt *pkt = whole->pkt;

	if (!pkt_make_writable(pkt, whole->hdr_len))
		return false;
	ip4_hdr_read(pkt->data, hdr);
	hdr->tot_len = (uint16_t)pkt->len;
	hdr->tos = (uint8_t)((hdr->tos & ~IP_ECN_MASK) | whole->ecn);
	hdr->mf = false;
	hdr->frag_off = 0;
	ip4_hdr_write(pkt->data, hdr);
	return true;
}

enum drop ip4_reasm(struct stack *st, struct pkt *pkt, const struct ip4_hdr *hdr, struct pkt **ret,
		    struct ip4_hdr *ret_hdr)
{
	struct reasm_key key = {.src = ip_addr_from_ip4(&hdr->src),
				.dst = ip_addr_from_ip4(&hdr->dst),
				.id = hdr->id,
				.proto = hdr->proto};
	struct reasm_frag_info info = {.off = hdr->frag_off,
				       .hdr_len = hdr->hdr_len,
				       .more = hdr->mf,
				       .ecn = hdr->tos & IP_ECN_MASK};
	struct reasm_whole whole;
	enum drop why;

	if (unlikely(pkt->gso_size)) /* no frame on a wire: made by a device that is mistaken */
		return DROP_IP4_HDR;
	/* Groups and broadcasts are a link's own: whoever sends them on another is another. */
	if (pkt->netif && ip4_is_group(hdr->dst))
		key.ifindex = pkt->netif->index;
	why = reasm_input(&st->ip4->reasm, &key, &info, pkt, &whole);
	if (why != DROP_NONE)
		return why;
	if (whole.pkt && !whole_hdr(&whole, ret_hdr)) {
		(void)pkt_drop(st, whole.pkt, DROP_NOMEM);
		whole.pkt = NULL;
	}
	*ret = whole.pkt;
	return DROP_NONE;
}
