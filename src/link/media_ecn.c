/* SPDX-License-Identifier: MIT */
/* Marking frames with CE; the contract is in media_ecn.h. */
#include "link/media_ecn.h"

#include "base/load.h"
#include "pkt/pkt.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

static bool media_ecn_mark4(struct pkt *pkt)
{
	uint8_t *p = pkt->data + ETH_HDR_LEN;

	if ((p[1] & IP_ECN_MASK) == IP_ECN_NOT_ECT)
		return false;
	if (!pkt_make_writable(pkt, ETH_HDR_LEN + IP4_HDR_LEN))
		return false;
	ip4_ecn_set(pkt->data + ETH_HDR_LEN, IP_ECN_CE);
	return true;
}

static bool media_ecn_mark6(struct pkt *pkt)
{
	struct ip6_hdr hdr;

	ip6_hdr_read(pkt->data + ETH_HDR_LEN, &hdr);
	if ((hdr.tclass & IP_ECN_MASK) == IP_ECN_NOT_ECT)
		return false;
	if (!pkt_make_writable(pkt, ETH_HDR_LEN + IP6_HDR_LEN))
		return false;
	hdr.tclass |= IP_ECN_CE;
	ip6_hdr_write(pkt->data + ETH_HDR_LEN, &hdr);
	return true;
}

bool media_ecn_mark(struct pkt *pkt)
{
	struct eth_hdr eth;

	if (pkt->lin_len < ETH_HDR_LEN)
		return false;
	eth_hdr_read(pkt->data, &eth);
	if (eth.type == ETHERTYPE_IPV4 && pkt->lin_len >= ETH_HDR_LEN + IP4_HDR_LEN)
		return media_ecn_mark4(pkt);
	if (eth.type == ETHERTYPE_IPV6 && pkt->lin_len >= ETH_HDR_LEN + IP6_HDR_LEN)
		return media_ecn_mark6(pkt);
	return false;
}
