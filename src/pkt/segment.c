/* SPDX-License-Identifier: MIT */
/*
 * Splitting super-packets into frames, and what one frame of a super-packet measures.
 *
 * Each frame is a new packet: its own copy of the headers in room[], and frags that share the
 * super-packet's payload. So splitting 64 KiB into 45 frames copies 45 headers and no payload.
 */
#include <errno.h>
#include <string.h>

#include "pkt/pkt.h"
#include "wire/gso.h"

int pkt_share(struct pkt *to, const struct pkt *from, uint32_t pos, uint32_t len)
{
	if (pos < from->lin_len) {
		uint32_t part = from->lin_len - pos < len ? from->lin_len - pos : len;
		const uint8_t *src = from->data + pos;

		if (!from->buf) {
			if (pkt_append(to, src, part) < 0)
				return -ENOBUFS;
		} else if (!pkt_add_frag(to, from->buf, (uint32_t)(src - from->buf->bytes), part)) {
			return -ENOBUFS;
		}
		len -= part;
		pos = 0;
	} else {
		pos -= from->lin_len;
	}
	for (const struct pkt_frag *f = from->frags; len; f++) {
		uint32_t part;

		if (pos >= f->len) {
			pos -= f->len;
			continue;
		}
		part = f->len - pos < len ? f->len - pos : len;
		if (!pkt_add_frag(to, f->buf, f->off + pos, part))
			return -ENOBUFS;
		len -= part;
		pos = 0;
	}
	return 0;
}

/* What a frame inherits from its super-packet. */
static void segment_inherit(struct pkt *seg, const struct pkt *pkt, const struct gso_hdr *hdr)
{
	seg->flags = pkt->flags;
	seg->netif = pkt->netif;
	seg->ts_ns = pkt->ts_ns;
	seg->nexthop = pkt->nexthop;
	seg->mark = pkt->mark;
	seg->hash = pkt->hash;
	seg->trace_id = pkt->trace_id;
	memcpy(seg->hops, pkt->hops, sizeof(seg->hops));
	seg->n_hops = pkt->n_hops;
	seg->l2_off = pkt_off(seg);
	seg->l3_off = (uint16_t)(seg->l2_off + hdr->l3_off);
	seg->l4_off = (uint16_t)(seg->l2_off + hdr->l4_off);
	seg->csum = PKT_CSUM_PARTIAL;
	seg->csum_start = seg->l4_off;
	seg->csum_off = hdr->csum_off;
}

static struct pkt *segment_make(const struct pkt *pkt, const struct gso_hdr *hdr,
				const struct gso_seg *where)
{
	struct pkt *seg = pkt_alloc(pkt->pools, PKT_ROOM - PKT_HEADROOM);
	uint32_t hdr_len = hdr->payload_off;
	uint8_t *p;

	if (!seg)
		return NULL;
	if (pkt_tailroom(seg) < hdr_len) /* long options: eat into the headroom */
		seg->data = pkt_end(seg) - hdr_len;
	p = pkt_put(seg, hdr_len);
	memcpy(p, pkt->data, hdr_len);
	gso_hdr_patch(p, hdr, where);
	segment_inherit(seg, pkt, hdr);
	if (where->i > 0) /* the first goes on telling the journey; one id is one packet */
		seg->flags &= (uint8_t)~PKT_F_TRACED;
	if (pkt_share(seg, pkt, hdr_len + where->payload_pos, where->n_payload) < 0) {
		pkt_free(seg);
		return NULL;
	}
	return seg;
}

/* Reads the headers, which are normally linear already. 0, -ENOBUFS or -EBADMSG. */
static int pkt_hdrs_get(struct pkt *pkt, struct gso_hdr *ret)
{
	uint32_t n_max = pkt->len < GSO_HDR_MAX ? pkt->len : GSO_HDR_MAX;

	if (gso_hdr_parse(pkt->data, pkt->lin_len, ret) == 0)
		return 0;
	if (pkt->lin_len >= n_max)
		return -EBADMSG;
	if (!pkt_pullup(pkt, n_max))
		return -ENOBUFS;
	return gso_hdr_parse(pkt->data, pkt->lin_len, ret);
}

int pkt_segment(struct pkt *pkt, struct pktq *out)
{
	struct gso_hdr hdr;
	struct pktq segs;
	uint32_t n_payload;
	int err;

	assert(pkt->gso_size);
	err = pkt_hdrs_get(pkt, &hdr);
	if (err)
		return err;

	pktq_init(&segs);
	n_payload = pkt->len - hdr.payload_off;
	for (uint32_t i = 0, pos = 0; pos < n_payload || i == 0; i++, pos += pkt->gso_size) {
		uint32_t left = n_payload - pos;
		bool is_last = left <= pkt->gso_size;
		struct gso_seg where = {i, pos, is_last ? left : pkt->gso_size, is_last};
		struct pkt *seg = segment_make(pkt, &hdr, &where);

		if (!seg) {
			pktq_purge(&segs);
			return -ENOBUFS;
		}
		pktq_push(&segs, seg);
	}
	*out->last = segs.first;
	out->last = segs.last;
	out->n_pkts += segs.n_pkts;
	out->n_bytes += segs.n_bytes;
	pkt_free(pkt);
	return 0;
}

/* Bytes of headers from `data` on. False: they cannot be read. */
static bool pkt_hdr_bytes(const struct pkt *pkt, uint32_t *ret)
{
	uint16_t off = pkt->l3_off != PKT_NO_OFF ? pkt->l3_off : pkt->l2_off;
	struct gso_hdr hdr;
	size_t len;
	int err;

	if (off == PKT_NO_OFF)
		return false;
	len = (size_t)(pkt_off(pkt) + pkt->lin_len - off);
	err = off == pkt->l3_off ? gso_l3_parse(pkt->head + off, len, &hdr)
				 : gso_hdr_parse(pkt->head + off, len, &hdr);
	if (err || off + hdr.payload_off < pkt_off(pkt))
		return false;
	*ret = (uint32_t)(off + hdr.payload_off) - pkt_off(pkt);
	return true;
}

uint32_t pkt_gso_n_frames(const struct pkt *pkt)
{
	uint32_t n_hdr;

	if (!pkt_hdr_bytes(pkt, &n_hdr) || pkt->len - n_hdr <= pkt->gso_size)
		return 1;
	return (pkt->len - n_hdr + pkt->gso_size - 1) / pkt->gso_size;
}

uint64_t pkt_gso_wire_bytes(const struct pkt *pkt)
{
	uint32_t n_hdr;

	if (!pkt_hdr_bytes(pkt, &n_hdr))
		return pkt->len;
	return pkt->len + (uint64_t)(pkt_n_frames(pkt) - 1) * n_hdr;
}

uint32_t pkt_gso_frame_l3_len(const struct pkt *pkt)
{
	uint32_t n_pulled = pkt_off(pkt) - (uint32_t)pkt->l3_off;
	uint32_t n_hdr, n_payload;

	assert(pkt->l3_off != PKT_NO_OFF);
	if (!pkt_hdr_bytes(pkt, &n_hdr))
		return pkt->len + n_pulled;
	n_payload = pkt->len - n_hdr;
	return n_pulled + n_hdr + (n_payload < pkt->gso_size ? n_payload : pkt->gso_size);
}
