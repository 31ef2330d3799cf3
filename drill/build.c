/* SPDX-License-Identifier: MIT */
/* Frames that a script injects: Ethernet, IPv4 or IPv6, and TCP, UDP or ICMP in it. */
#include <string.h>

#include "base/load.h"
#include "drill/csum.h"
#include "drill/icmp_name.h"
#include "drill/packet.h"

enum {
	IP4_LEN = 20,
	IP6_LEN = 40,
	TCP_LEN = 20,
	UDP_LEN = 8,
	ICMP_LEN = 8,
};

static size_t ip_len(const struct drill_build *b)
{
	return b->src.family == WEFT_AF_INET ? IP4_LEN : IP6_LEN;
}

/* The octet of type of service that the script wants. */
static uint8_t build_tos(const struct drill_packet *pkt)
{
	return pkt->tos_check == DRILL_TOS_NONE ? 0 : pkt->tos;
}

static void write_ip4(uint8_t *p, const struct weft_addr *src, const struct weft_addr *dst,
		      uint8_t proto, uint8_t tos, uint8_t ttl, uint16_t id, size_t total)
{
	memset(p, 0, IP4_LEN);
	p[0] = 0x45;
	p[1] = tos;
	store_be16(p + 2, (uint16_t)total);
	store_be16(p + 4, id);
	p[8] = ttl;
	p[9] = proto;
	memcpy(p + 12, src->bytes, 4);
	memcpy(p + 16, dst->bytes, 4);
	store_be16(p + 10, drill_csum_fold(drill_csum_add(0, p, IP4_LEN)));
}

static void write_ip6(uint8_t *p, const struct weft_addr *src, const struct weft_addr *dst,
		      uint8_t proto, uint8_t tos, uint8_t ttl, uint32_t flow, size_t payload)
{
	store_be32(p, 6u << 28 | (uint32_t)tos << 20 | (flow & 0xfffff));
	store_be16(p + 4, (uint16_t)payload);
	p[6] = proto;
	p[7] = ttl;
	memcpy(p + 8, src->bytes, 16);
	memcpy(p + 24, dst->bytes, 16);
}

static void write_ip(const struct drill_build *b, uint8_t *p, uint8_t proto, size_t payload)
{
	uint8_t ttl = b->pkt->ttl ? b->pkt->ttl : 64;

	if (b->src.family == WEFT_AF_INET)
		write_ip4(p, &b->src, &b->dst, proto, build_tos(b->pkt), ttl, b->ip_id,
			  IP4_LEN + payload);
	else
		write_ip6(p, &b->src, &b->dst, proto, build_tos(b->pkt), ttl, b->pkt->flow_label,
			  payload);
}

static void fill_payload(uint8_t *p, uint64_t pos, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = drill_pattern(pos + i);
}

static size_t write_tcp(const struct drill_build *b, uint8_t *p)
{
	const struct drill_packet *pkt = b->pkt;
	size_t hdr = TCP_LEN + (size_t)pkt->opts_len;

	store_be16(p, b->sport);
	store_be16(p + 2, b->dport);
	store_be32(p + 4, b->seq);
	store_be32(p + 8, b->ack);
	store_be16(p + 12, (uint16_t)((hdr / 4) << 12 | (pkt->flags & 0x1ff)));
	store_be16(p + 14, (uint16_t)pkt->wnd);
	store_be16(p + 16, 0);
	store_be16(p + 18, pkt->urg);
	memcpy(p + TCP_LEN, b->opts, pkt->opts_len);
	fill_payload(p + hdr, b->stream_pos, pkt->len);
	store_be16(p + 16, drill_csum_l4(&b->src, &b->dst, 6, p, hdr + pkt->len));
	return hdr + pkt->len;
}

static size_t write_udp(const struct drill_build *b, uint8_t *p)
{
	size_t len = UDP_LEN + b->pkt->len;
	uint16_t sum;

	store_be16(p, b->sport);
	store_be16(p + 2, b->dport);
	store_be16(p + 4, (uint16_t)len);
	store_be16(p + 6, 0);
	fill_payload(p + UDP_LEN, b->stream_pos, b->pkt->len);
	sum = drill_csum_l4(&b->src, &b->dst, 17, p, len);
	store_be16(p + 6, sum ? sum : 0xffff);
	return len;
}

/* The packet that an ICMP error is about: ours, so from `dst` to `src` of the error's own path. */
static size_t write_quote(const struct drill_build *b, uint8_t *p)
{
	const struct drill_quote *q = &b->pkt->quote;
	size_t l4 = b->quote_proto == 17 ? UDP_LEN : TCP_LEN;
	uint8_t *l4p = p + ip_len(b);

	if (b->src.family == WEFT_AF_INET)
		write_ip4(p, &b->dst, &b->src, b->quote_proto, 0, 64, 1, IP4_LEN + l4 + q->len);
	else
		write_ip6(p, &b->dst, &b->src, b->quote_proto, 0, 64, 0, l4 + q->len);
	memset(l4p, 0, l4);
	store_be16(l4p, b->dport);
	store_be16(l4p + 2, b->sport);
	if (b->quote_proto == 17) {
		store_be16(l4p + 4, (uint16_t)(UDP_LEN + q->len));
	} else {
		store_be32(l4p + 4, b->seq);
		store_be16(l4p + 12, (TCP_LEN / 4) << 12 | DRILL_ACK);
	}
	return ip_len(b) + l4;
}

static size_t write_icmp(const struct drill_build *b, uint8_t *p)
{
	const struct drill_packet *pkt = b->pkt;
	bool is_ip4 = b->src.family == WEFT_AF_INET;
	bool is_echo = pkt->icmp_type == DRILL_ICMP_ECHO_REQUEST ||
		       pkt->icmp_type == DRILL_ICMP_ECHO_REPLY;
	size_t len = ICMP_LEN;

	p[0] = pkt->icmp_type;
	p[1] = pkt->icmp_code;
	if (!is_ip4)
		drill_icmp6_numbers(pkt->icmp_type, pkt->icmp_code, &p[0], &p[1]);
	store_be16(p + 2, 0);
	store_be32(p + 4, is_echo ? (uint32_t)pkt->icmp_id << 16 : 0);
	if (pkt->icmp_mtu >= 0)
		store_be32(p + 4, (uint32_t)pkt->icmp_mtu);
	if (!is_echo)
		len += write_quote(b, p + ICMP_LEN);
	store_be16(p + 2, is_ip4 ? drill_csum_fold(drill_csum_add(0, p, len))
				 : drill_csum_l4(&b->src, &b->dst, 58, p, len));
	return len;
}

size_t drill_build(const struct drill_build *b, uint8_t *frame)
{
	bool is_ip4 = b->src.family == WEFT_AF_INET;
	uint8_t *ip = frame + DRILL_ETH_LEN, *l4 = ip + ip_len(b), proto = 6;
	size_t len;

	if (b->pkt->len > DRILL_FRAME_MAX - DRILL_ETH_LEN - ip_len(b) - TCP_LEN - b->pkt->opts_len)
		return 0;
	memcpy(frame, b->dst_mac, 6);
	memcpy(frame + 6, b->src_mac, 6);
	store_be16(frame + 12, is_ip4 ? 0x0800 : 0x86dd);
	switch (b->pkt->proto) {
	case DRILL_TCP:
		len = write_tcp(b, l4);
		break;
	case DRILL_UDP:
		proto = 17;
		len = write_udp(b, l4);
		break;
	default:
		proto = is_ip4 ? 1 : 58;
		len = write_icmp(b, l4);
		break;
	}
	write_ip(b, ip, proto, len);
	return DRILL_ETH_LEN + ip_len(b) + len;
}
