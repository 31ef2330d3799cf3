/* SPDX-License-Identifier: MIT */
/* Cutting datagrams, either family; contracts in frag.h. */
#include "ip/frag.h"

#include <errno.h>
#include <string.h>

#include "wire/eth.h"

static void frag_inherit(struct pkt *frag, const struct pkt *pkt)
{
	frag->l3_off = pkt_off(frag);
	/* One id is one packet: the first fragment goes on telling the journey. */
	frag->flags = pkt->flags;
	frag->netif = pkt->netif;
	frag->ts_ns = pkt->ts_ns;
	frag->nexthop = pkt->nexthop;
	frag->mark = pkt->mark;
	frag->trace_id = pkt->trace_id;
	frag->n_hops = pkt->n_hops;
	memcpy(frag->hops, pkt->hops, sizeof(frag->hops));
}

/* Where its table does not suffice to refer to all pieces. */
static struct pkt *frag_copy(const struct pkt *pkt, uint32_t hdr_len, uint32_t pos, uint32_t len)
{
	struct pkt *frag = pkt_alloc(pkt->pools, hdr_len + len);

	if (frag) {
		(void)pkt_put(frag, hdr_len);
		pkt_copy_out(pkt, pos, pkt_put(frag, len), len);
	}
	return frag;
}

struct pkt *frag_make(const struct pkt *pkt, uint32_t hdr_len, uint32_t pos, uint32_t len)
{
	struct pkt *frag = pkt_alloc(pkt->pools, hdr_len);

	if (!frag)
		return NULL;
	(void)pkt_put(frag, hdr_len);
	if (pkt_share(frag, pkt, pos, len)) {
		pkt_free(frag);
		frag = frag_copy(pkt, hdr_len, pos, len);
		if (!frag)
			return NULL;
	}
	frag_inherit(frag, pkt);
	return frag;
}

int frag_segment(struct pkt *pkt, uint16_t ethertype, struct pktq *out)
{
	struct eth_hdr eth = {.type = ethertype};
	uint8_t *p = pkt_push(pkt, ETH_HDR_LEN);
	struct pktq frames;
	struct pkt *frame;
	int err;

	if (!p)
		return -ENOBUFS;
	eth_hdr_write(p, &eth);
	pktq_init(&frames);
	err = pkt_segment(pkt, &frames);
	if (err) {
		pkt_pull(pkt, ETH_HDR_LEN);
		return err;
	}
	while ((frame = pktq_pop(&frames))) {
		pkt_pull(frame, ETH_HDR_LEN);
		frame->l2_off = PKT_NO_OFF;
		pktq_push(out, frame);
	}
	return 0;
}
