/* SPDX-License-Identifier: MIT */
/* MSS clamping; the contract is in mss_clamp.h. */
#include "ip/mss_clamp.h"

#include "ip/ip4.h"
#include "ip/pmtu.h"
#include "wire/ip6.h"
#include "wire/ip6_ext.h"
#include "wire/tcp.h"

enum {
	EXTS_MAX = 8, /* extension headers that are looked behind */
};

/* Where the TCP header is, from the start of the IP header; 0: it is none, or not here. */
static uint32_t tcp_off_ip4(const struct pkt *pkt)
{
	struct ip4_hdr hdr;

	ip4_hdr_read(pkt->data, &hdr);
	return hdr.proto == IP_PROTO_TCP && hdr.frag_off == 0 ? hdr.hdr_len : 0;
}

static uint32_t tcp_off_ip6(struct pkt *pkt)
{
	uint32_t off = IP6_HDR_LEN;
	uint8_t next = pkt->data[6];

	for (int i = 0; i < EXTS_MAX; i++) {
		const uint8_t *p;

		if (next == IP_PROTO_TCP)
			return off;
		if (next != IP_PROTO_HOPOPTS && next != IP_PROTO_DSTOPTS &&
		    next != IP_PROTO_ROUTING && next != IP_PROTO_FRAGMENT)
			return 0;
		if (pkt->len < off + 8 || !pkt_pullup(pkt, off + 8))
			return 0;
		p = pkt->data + off;
		if (next == IP_PROTO_FRAGMENT && load_be16(p + 2) & ~7u)
			return 0;
		off += next == IP_PROTO_FRAGMENT ? 8u : (p[1] + 1u) * 8;
		next = p[0];
	}
	return 0;
}

static struct ip_addr ip4_dst(const struct pkt *pkt)
{
	struct ip4_hdr hdr;

	ip4_hdr_read(pkt->data, &hdr);
	return ip_addr_from_ip4(&hdr.dst);
}

static struct ip_addr ip6_dst(const struct pkt *pkt)
{
	struct ip6_hdr hdr;

	ip6_hdr_read(pkt->data, &hdr);
	return ip_addr_from_ip6(&hdr.dst);
}

/* What a segment may carry from `in` to `out`; UINT16_MAX: anything. */
static uint16_t mss_max(const struct netif *in, const struct netif *out, const struct pkt *pkt,
			bool is_ip6)
{
	uint32_t hdrs = TCP_HDR_LEN + (is_ip6 ? (uint32_t)IP6_HDR_LEN : (uint32_t)IP4_HDR_LEN);
	uint32_t mtu = in->mtu < out->mtu ? in->mtu : out->mtu, max = UINT16_MAX;
	struct ip_addr dst = is_ip6 ? ip6_dst(pkt) : ip4_dst(pkt);
	bool is_floor;

	mtu = pmtu_cap(&out->stack->ip4->pmtu, &dst, mtu, &is_floor);
	if (in->mss_clamp == NETIF_MSS_PMTU || out->mss_clamp == NETIF_MSS_PMTU)
		max = mtu > hdrs ? mtu - hdrs : 0;
	if (in->mss_clamp && in->mss_clamp < max)
		max = in->mss_clamp;
	if (out->mss_clamp && out->mss_clamp < max)
		max = out->mss_clamp;
	return (uint16_t)max;
}

void mss_clamp_slow(struct netif *in, struct netif *out, struct pkt *pkt, bool is_ip6)
{
	uint32_t off = is_ip6 ? tcp_off_ip6(pkt) : tcp_off_ip4(pkt);
	struct stack *st = out->stack;
	struct tcp_hdr tcp;
	int done;

	if (!off || pkt->len < off + TCP_HDR_LEN || !pkt_pullup(pkt, off + TCP_HDR_LEN))
		return;
	tcp_hdr_read(pkt->data + off, &tcp);
	if (!(tcp.flags & TCP_F_SYN))
		return;
	/* What is cut off cannot be judged, and what is malformed is the receiver's affair. */
	if (!tcp_hdr_len_ok(&tcp, pkt->len - off) || !pkt_pullup(pkt, off + tcp.data_off)) {
		mib_inc(st, MIB_IpExtMssClampMalformed);
		return;
	}
	if (!pkt_make_writable(pkt, off + tcp.data_off))
		return;
	done = tcp_mss_lower(pkt->data + off, tcp.data_off, mss_max(in, out, pkt, is_ip6),
			     pkt->csum != PKT_CSUM_PARTIAL);
	if (done > 0)
		mib_inc(st, MIB_IpExtMssClamps);
	else if (done < 0)
		mib_inc(st, MIB_IpExtMssClampMalformed);
}
