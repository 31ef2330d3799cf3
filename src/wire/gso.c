/* SPDX-License-Identifier: MIT */
/* Headers of super-packets and of their frames; the contract is in gso.h. */
#include "wire/gso.h"

#include <errno.h>

#include "base/load.h"

enum {
	ETH_TYPE_OFF = 12,
	ETH_LEN = 14,
	VLAN_LEN = 4,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100,

	IP4_LEN_OFF = 2,
	IP4_ID_OFF = 4,
	IP4_PROTO_OFF = 9,
	IP4_CSUM_OFF = 10,
	IP4_ADDRS_OFF = 12,
	IP4_MIN_LEN = 20,
	IP6_LEN_OFF = 4,
	IP6_NEXT_OFF = 6,
	IP6_ADDRS_OFF = 8,
	IP6_LEN = 40,

	PROTO_TCP = 6,
	PROTO_UDP = 17,
	TCP_SEQ_OFF = 4,
	TCP_FLAGS_OFF = 12,
	TCP_CSUM_OFF = 16,
	TCP_MIN_LEN = 20,
	TCP_FIN = 0x001,
	TCP_PSH = 0x008,
	TCP_CWR = 0x080,
	UDP_LEN_OFF = 4,
	UDP_CSUM_OFF = 6,
	UDP_LEN = 8,
};

static uint32_t words_sum(const uint8_t *p, size_t n_bytes, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n_bytes; i += 2)
		sum += load_be16(p + i);
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static int ip4_parse(const uint8_t *p, size_t len, struct gso_hdr *h)
{
	uint16_t hdr_len;

	if (len < IP4_MIN_LEN || p[0] >> 4 != 4)
		return -EBADMSG;
	hdr_len = (uint16_t)((p[0] & 15) * 4);
	if (hdr_len < IP4_MIN_LEN || len < hdr_len)
		return -EBADMSG;
	h->ip_id = load_be16(p + IP4_ID_OFF);
	h->l4_off = hdr_len;
	h->is_tcp = p[IP4_PROTO_OFF] == PROTO_TCP;
	h->pseudo_sum = words_sum(p + IP4_ADDRS_OFF, 8, p[IP4_PROTO_OFF]);
	return h->is_tcp || p[IP4_PROTO_OFF] == PROTO_UDP ? 0 : -EBADMSG;
}

static int ip6_parse(const uint8_t *p, size_t len, struct gso_hdr *h)
{
	if (len < IP6_LEN || p[0] >> 4 != 6)
		return -EBADMSG;
	h->l4_off = IP6_LEN;
	h->is_tcp = p[IP6_NEXT_OFF] == PROTO_TCP;
	h->pseudo_sum = words_sum(p + IP6_ADDRS_OFF, 32, p[IP6_NEXT_OFF]);
	return h->is_tcp || p[IP6_NEXT_OFF] == PROTO_UDP ? 0 : -EBADMSG;
}

static int l4_parse(const uint8_t *p, size_t len, struct gso_hdr *h)
{
	uint16_t hdr_len = UDP_LEN;

	if (h->is_tcp) {
		if (len < TCP_MIN_LEN)
			return -EBADMSG;
		h->seq = load_be32(p + TCP_SEQ_OFF);
		h->flags = load_be16(p + TCP_FLAGS_OFF);
		hdr_len = (uint16_t)((h->flags >> 12) * 4);
		if (hdr_len < TCP_MIN_LEN)
			return -EBADMSG;
	}
	if (len < hdr_len)
		return -EBADMSG;
	h->csum_off = h->is_tcp ? TCP_CSUM_OFF : UDP_CSUM_OFF;
	h->payload_off = (uint16_t)(h->l4_off + hdr_len);
	return 0;
}

int gso_l3_parse(const uint8_t *ip, size_t len, struct gso_hdr *ret)
{
	struct gso_hdr h = {.is_ip6 = len > 0 && ip[0] >> 4 == 6};
	int err = h.is_ip6 ? ip6_parse(ip, len, &h) : ip4_parse(ip, len, &h);

	if (!err)
		err = l4_parse(ip + h.l4_off, len - h.l4_off, &h);
	if (!err)
		*ret = h;
	return err;
}

int gso_hdr_parse(const uint8_t *p, size_t len, struct gso_hdr *ret)
{
	uint16_t l3_off = ETH_LEN;
	struct gso_hdr h;
	uint16_t type;

	if (len < ETH_LEN + VLAN_LEN)
		return -EBADMSG;
	type = load_be16(p + ETH_TYPE_OFF);
	if (type == TYPE_VLAN) {
		l3_off += VLAN_LEN;
		type = load_be16(p + ETH_TYPE_OFF + VLAN_LEN);
	}
	if (gso_l3_parse(p + l3_off, len - l3_off, &h) < 0 ||
	    type != (h.is_ip6 ? TYPE_IP6 : TYPE_IP4))
		return -EBADMSG;
	h.l3_off = l3_off;
	h.l4_off = (uint16_t)(h.l4_off + l3_off);
	h.payload_off = (uint16_t)(h.payload_off + l3_off);
	*ret = h;
	return 0;
}

/* Lengths, ID and header checksum; `l4_len` is header and payload. */
static void ip4_patch(uint8_t *ip, const struct gso_hdr *hdr, uint32_t i, uint32_t l4_len)
{
	uint16_t hdr_len = (uint16_t)(hdr->l4_off - hdr->l3_off);

	store_be16(ip + IP4_LEN_OFF, (uint16_t)(hdr_len + l4_len));
	store_be16(ip + IP4_ID_OFF, (uint16_t)(hdr->ip_id + i));
	store_be16(ip + IP4_CSUM_OFF, 0);
	store_be16(ip + IP4_CSUM_OFF, (uint16_t)~sum_fold(words_sum(ip, hdr_len, 0)));
}

/* PSH and FIN belong to the last byte, CWR to the first frame (RFC 3168 §6.1.2). */
static void tcp_patch(uint8_t *tcp, const struct gso_hdr *hdr, const struct gso_seg *seg)
{
	uint16_t flags = hdr->flags;

	if (!seg->is_last)
		flags &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	if (seg->i > 0)
		flags &= (uint16_t)~TCP_CWR;
	store_be32(tcp + TCP_SEQ_OFF, hdr->seq + seg->payload_pos);
	store_be16(tcp + TCP_FLAGS_OFF, flags);
}

void gso_hdr_patch(uint8_t *p, const struct gso_hdr *hdr, const struct gso_seg *seg)
{
	uint32_t l4_len = (uint32_t)(hdr->payload_off - hdr->l4_off) + seg->n_payload;
	uint8_t *l4 = p + hdr->l4_off;

	if (hdr->is_ip6)
		store_be16(p + hdr->l3_off + IP6_LEN_OFF, (uint16_t)l4_len);
	else
		ip4_patch(p + hdr->l3_off, hdr, seg->i, l4_len);
	if (hdr->is_tcp)
		tcp_patch(l4, hdr, seg);
	else
		store_be16(l4 + UDP_LEN_OFF, (uint16_t)l4_len);
	store_be16(l4 + hdr->csum_off, sum_fold(hdr->pseudo_sum + l4_len));
}

bool gso_csum_is_open(const uint8_t *p, size_t len, const struct gso_hdr *hdr)
{
	return load_be16(p + hdr->l4_off + hdr->csum_off) ==
	       sum_fold(hdr->pseudo_sum + (uint32_t)(len - hdr->l4_off));
}
