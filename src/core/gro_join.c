/* SPDX-License-Identifier: MIT */
/* Coalescing of packets that wait; the contract is in gro_join.h. */
#include "core/gro_join.h"

#include "core/gro.h"
#include "core/stack.h"
#include "wire/gro.h"

void gro_join_begin(struct gro_join *join, const struct stack *st, struct pkt *pkt)
{
	enum gro_kind kind = gro_read(pkt->data, pkt->lin_len, pkt->len, &join->hdr);

	join->pkt = pkt;
	join->n_frames = 1;
	join->is_over = true;
	if (kind != GRO_DATA || pkt->gso_size || gro_has_psh(&join->hdr))
		return;
	join->is_over = !join->hdr.is_tcp && !st->n_gro_socks;
	join->n_payload = pkt->len - join->hdr.payload_off;
	join->gso_size = join->n_payload;
	join->has_psh = false;
}

/* The checksum is right, or never was on a wire. */
static bool frame_is_intact(struct pkt *pkt, const struct gso_hdr *hdr)
{
	uint64_t sum;

	if (pkt->csum != PKT_CSUM_NONE)
		return true;
	sum = pkt_csum_add(pkt, hdr->l4_off, pkt->len - hdr->l4_off, 0);
	if (!gro_csum_is_right(pkt->data, pkt->len, hdr, sum))
		return false;
	pkt->csum = PKT_CSUM_VERIFIED;
	return true;
}

/* Something follows for the first time: the first frame itself must be fit for that. */
static bool join_open(struct gro_join *join)
{
	return join->n_frames > 1 || (frame_is_intact(join->pkt, &join->hdr) &&
				      pkt_make_writable(join->pkt, join->hdr.payload_off));
}

/* By its headers it is the next. */
static bool frame_is_next(const struct gro_join *join, const struct pkt *pkt,
			  const struct gso_hdr *hdr)
{
	const uint8_t *first = join->pkt->data;
	uint32_t n = pkt->len - hdr->payload_off;
	uint32_t ip_len = (uint32_t)(hdr->payload_off - hdr->l3_off) + join->n_payload + n;

	return n <= join->gso_size && ip_len <= GRO_IP_BYTES_MAX &&
	       gro_is_same_flow(first, &join->hdr, pkt->data, hdr) &&
	       gro_is_next(first, &join->hdr, pkt->data, hdr, join->n_frames, join->n_payload);
}

/* All of the payload, or nothing. */
static bool payload_share(struct pkt *to, const struct pkt *from, uint32_t pos)
{
	uint32_t len = to->len;

	if (pkt_share(to, from, pos, from->len - pos) == 0)
		return true;
	pkt_trim(to, len);
	return false;
}

bool gro_join_add(struct gro_join *join, struct pkt *pkt)
{
	struct gso_hdr hdr;
	uint32_t n;

	if (join->is_over || pkt->gso_size ||
	    gro_read(pkt->data, pkt->lin_len, pkt->len, &hdr) != GRO_DATA ||
	    !frame_is_next(join, pkt, &hdr) || !frame_is_intact(pkt, &hdr) || !join_open(join) ||
	    !payload_share(join->pkt, pkt, hdr.payload_off)) {
		join->is_over = true;
		return false;
	}
	n = pkt->len - hdr.payload_off;
	join->n_frames++;
	join->n_payload += n;
	join->has_psh = gro_has_psh(&hdr);
	join->is_over = n < join->gso_size || join->n_frames == GRO_FRAMES_MAX || join->has_psh;
	return true;
}

void gro_join_end(struct gro_join *join)
{
	if (join->n_frames == 1)
		return;
	gro_hdr_patch(join->pkt->data, &join->hdr, join->n_payload, join->has_psh);
	gro_pkt_set(join->pkt, &join->hdr, (uint16_t)join->gso_size);
}
