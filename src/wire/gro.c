/* SPDX-License-Identifier: MIT */
/* Which frames may be put together; the contract is in gro.h. */
#include "wire/gro.h"

#include <string.h>

#include "base/csum.h"
#include "base/load.h"

enum {
	IP4_HDR = 20,
	IP4_LEN_OFF = 2,
	IP4_FRAG_OFF = 6,
	IP4_TTL_OFF = 8, /* and the protocol */
	IP4_CSUM_OFF = 10,
	IP4_ADDRS_OFF = 12,
	IP4_ADDRS_LEN = 8,
	IP4_DF = 0x4000,
	IP6_HDR = 40,
	IP6_LEN_OFF = 4,
	IP6_NEXT_OFF = 6, /* and the hop limit */
	IP6_ADDRS_OFF = 8,
	IP6_ADDRS_LEN = 32,

	PORTS_LEN = 4,
	TCP_HDR = 20,
	TCP_ACK_OFF = 8,
	TCP_WND_OFF = 14,
	TCP_URG_OFF = 18,
	TCP_FLAG_BITS = 0xfff, /* with the reserved ones */
	TCP_PSH = 0x008,
	TCP_ACK = 0x010,
	UDP_HDR = 8,
	UDP_LEN_OFF = 4,
	UDP_CSUM_OFF = 6,
	/* No sum that is right gives it, but in UDP, where it stands for 0 (RFC 768). */
	CSUM_NEVER = 0xffff,
};

/* Whether the datagram is whole: not a fragment of one. */
static bool ip_is_whole(const uint8_t *ip, const struct gso_hdr *h)
{
	return h->is_ip6 || !(load_be16(ip + IP4_FRAG_OFF) & ~IP4_DF);
}

/* Header without options, right as it is, and no padding behind the packet. */
static bool ip4_is_plain(const uint8_t *ip, size_t len, const struct gso_hdr *h)
{
	uint64_t sum = 0;

	if (h->l4_off - h->l3_off != IP4_HDR || load_be16(ip + IP4_LEN_OFF) != len)
		return false;
	for (uint32_t i = 0; i < IP4_HDR; i += 4)
		sum += load_native32(ip + i);
	return csum_fold(sum) == 0xffff && load_be16(ip + IP4_CSUM_OFF) != CSUM_NEVER;
}

static bool ip_is_plain(const uint8_t *ip, size_t len, const struct gso_hdr *h)
{
	if (!h->is_ip6)
		return ip4_is_plain(ip, len, h);
	return (size_t)load_be16(ip + IP6_LEN_OFF) + IP6_HDR == len;
}

static bool l4_is_plain(const uint8_t *l4, size_t len, const struct gso_hdr *h)
{
	uint16_t flags = h->flags & TCP_FLAG_BITS;

	/* Who sends without a checksum would be given one, also where a device vouches for it. */
	if (!h->is_tcp)
		return load_be16(l4 + UDP_LEN_OFF) == len && len > UDP_HDR &&
		       load_be16(l4 + UDP_CSUM_OFF) != 0;
	return (flags & ~TCP_PSH) == TCP_ACK && load_be16(l4 + TCP_URG_OFF) == 0 &&
	       h->payload_off < h->l4_off + len;
}

enum gro_kind gro_read(const uint8_t *p, size_t n_there, size_t len, struct gso_hdr *ret)
{
	struct gso_hdr h;

	if (gso_hdr_parse(p, n_there, &h) < 0 || !ip_is_whole(p + h.l3_off, &h))
		return GRO_FOREIGN;
	*ret = h;
	return ip_is_plain(p + h.l3_off, len - h.l3_off, &h) &&
			       l4_is_plain(p + h.l4_off, len - h.l4_off, &h)
		       ? GRO_DATA
		       : GRO_ALONE;
}

bool gro_is_same_flow(const uint8_t *a, const struct gso_hdr *ha, const uint8_t *b,
		      const struct gso_hdr *hb)
{
	uint32_t off = ha->is_ip6 ? IP6_ADDRS_OFF : IP4_ADDRS_OFF;
	uint32_t len = ha->is_ip6 ? IP6_ADDRS_LEN : IP4_ADDRS_LEN;

	return ha->pseudo_sum == hb->pseudo_sum && ha->is_ip6 == hb->is_ip6 &&
	       ha->is_tcp == hb->is_tcp && memcmp(a + ha->l4_off, b + hb->l4_off, PORTS_LEN) == 0 &&
	       memcmp(a + ha->l3_off + off, b + hb->l3_off + off, len) == 0;
}

static bool ip_is_next(const uint8_t *a, const struct gso_hdr *ha, const uint8_t *b,
		       const struct gso_hdr *hb, uint32_t i)
{
	if (ha->is_ip6)
		return memcmp(a, b, IP6_LEN_OFF) == 0 &&
		       memcmp(a + IP6_NEXT_OFF, b + IP6_NEXT_OFF, 2) == 0;
	return memcmp(a, b, IP4_LEN_OFF) == 0 &&
	       memcmp(a + IP4_FRAG_OFF, b + IP4_FRAG_OFF, IP4_CSUM_OFF - IP4_FRAG_OFF) == 0 &&
	       hb->ip_id == (uint16_t)(ha->ip_id + i);
}

/* Acknowledgement, flags, window and options are one's as the other's. */
static bool tcp_is_next(const uint8_t *a, const struct gso_hdr *ha, const uint8_t *b,
			const struct gso_hdr *hb, uint32_t pos)
{
	size_t hdr_len = (size_t)(ha->payload_off - ha->l4_off);

	return hb->seq == ha->seq + pos && ((ha->flags ^ hb->flags) & ~TCP_PSH) == 0 &&
	       memcmp(a + TCP_ACK_OFF, b + TCP_ACK_OFF, 4) == 0 &&
	       memcmp(a + TCP_WND_OFF, b + TCP_WND_OFF, 2) == 0 &&
	       memcmp(a + TCP_HDR, b + TCP_HDR, hdr_len - TCP_HDR) == 0;
}

bool gro_is_next(const uint8_t *a, const struct gso_hdr *ha, const uint8_t *b,
		 const struct gso_hdr *hb, uint32_t i, uint32_t pos)
{
	if (ha->l3_off != hb->l3_off || ha->payload_off != hb->payload_off ||
	    memcmp(a, b, ha->l3_off) != 0 || !ip_is_next(a + ha->l3_off, ha, b + hb->l3_off, hb, i))
		return false;
	return !ha->is_tcp || tcp_is_next(a + ha->l4_off, ha, b + hb->l4_off, hb, pos);
}

bool gro_csum_is_right(const uint8_t *p, size_t len, const struct gso_hdr *hdr, uint64_t sum)
{
	if (hdr->is_tcp && load_be16(p + hdr->l4_off + hdr->csum_off) == CSUM_NEVER)
		return false;
	sum = csum_add32(sum, hdr->pseudo_sum);
	return csum_fold(csum_add32(sum, (uint32_t)(len - hdr->l4_off))) == 0xffff;
}

bool gro_csum_ok(const struct cpu_ops *cpu, const uint8_t *p, size_t len, const struct gso_hdr *hdr)
{
	uint64_t sum = csum_add(cpu, p + hdr->l4_off, len - hdr->l4_off, 0);

	return gro_csum_is_right(p, len, hdr, sum);
}

bool gro_has_psh(const struct gso_hdr *hdr)
{
	return hdr->is_tcp && hdr->flags & TCP_PSH;
}

void gro_hdr_patch(uint8_t *p, const struct gso_hdr *hdr, uint32_t n_payload, bool has_psh)
{
	struct gso_hdr whole = *hdr;

	if (has_psh)
		whole.flags |= TCP_PSH;
	gso_hdr_patch(p, &whole, &(struct gso_seg){.n_payload = n_payload, .is_last = true});
}
