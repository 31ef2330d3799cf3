/* SPDX-License-Identifier: MIT */
/*
 * What errors of both families have in common: what they quote, and who is told of one.
 *
 * Of a super-packet an error quotes the first frame, as it was or would have been on the wire: its
 * length, and checksums that are right for it.
 */
#include "base/csum.h"
#include "ip/icmp.h"
#include "wire/gso.h"

/* Finishes the L4 checksum of a frame, whose field at `field` holds the pseudo-header's sum. Up to
 * `copied` its bytes are those of the quote, from there on those of the packet. All offsets are
 * from the IP header. */
static void quote_csum(const struct pkt *pkt, uint8_t *quote, uint32_t l4, uint32_t field,
		       uint32_t copied, uint32_t frame_len)
{
	uint64_t sum = csum_add(pkt->pools->cpu, quote + l4, copied - l4, 0);
	uint64_t rest = pkt_csum_add(pkt, copied, frame_len - copied, 0);

	store_be16(quote + field, csum_finish(csum_block_add(sum, rest, copied - l4)));
}

/* Of a super-packet: its headers become those of the first frame. */
static void quote_first_frame(const struct pkt *pkt, uint8_t *quote, uint32_t quote_len,
			      uint32_t frame_len)
{
	struct gso_hdr hdr;

	if (gso_l3_parse(quote, quote_len, &hdr) < 0 || hdr.payload_off > frame_len)
		return;
	gso_hdr_patch(quote, &hdr, &(struct gso_seg){.n_payload = frame_len - hdr.payload_off});
	quote_csum(pkt, quote, hdr.l4_off, (uint32_t)hdr.l4_off + hdr.csum_off, hdr.payload_off,
		   frame_len);
}

void icmp_quote_write(const struct pkt *pkt, uint8_t *quote, uint32_t quote_len, uint32_t frame_len)
{
	uint32_t l4 = (uint32_t)pkt->csum_start - pkt_off(pkt);
	uint32_t field = l4 + pkt->csum_off;

	pkt_copy_out(pkt, 0, quote, quote_len);
	if (pkt->gso_size)
		quote_first_frame(pkt, quote, quote_len, frame_len);
	else if (pkt->csum == PKT_CSUM_PARTIAL && l4 < frame_len && field + 2 <= quote_len)
		quote_csum(pkt, quote, l4, field, l4, frame_len);
}

bool icmp_error_deliver(struct stack *st, uint8_t ip_proto, const struct icmp_err *err,
			const uint8_t *quote, uint32_t quote_len)
{
	const struct ip_proto *proto = st->ip_protos[ip_proto];
	bool raw_took = st->raw_error && st->raw_error(st, ip_proto, err, quote, quote_len);

	if (!proto || !proto->error)
		return raw_took;
	proto->error(st, err, quote, quote_len);
	return true;
}
