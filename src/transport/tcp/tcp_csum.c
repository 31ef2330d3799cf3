/* SPDX-License-Identifier: MIT */
/* The TCP checksum with its pseudo-header (RFC 9293 §3.1), as states of the packet (pkt.h). */
#include "transport/pseudo.h"
#include "transport/tcp/tcp_priv.h"

enum {
	TCP_CSUM_OFF = 16, /* of the checksum field in the header */
};

bool tcp_csum_ok(const struct pkt *pkt, const struct ip_info *info)
{
	return pkt->csum != PKT_CSUM_NONE ||
	       pseudo_csum_ok(pkt, &info->src, &info->dst, IP_PROTO_TCP, pkt->len);
}

void tcp_csum_defer(struct pkt *pkt, const struct ip_addr *src, const struct ip_addr *dst)
{
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = pkt_off(pkt);
	pkt->csum_off = TCP_CSUM_OFF;
	store_be16(pkt->data + TCP_CSUM_OFF, pseudo_partial(src, dst, IP_PROTO_TCP, pkt->len));
}
