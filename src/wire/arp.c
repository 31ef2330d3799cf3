/* SPDX-License-Identifier: MIT */
/* ARP codec; the contracts are in arp.h. */
#include "wire/arp.h"

#include <errno.h>

#include "wire/eth.h"
#include "wire/special.h"

int arp_parse(struct rd *r, struct arp *ret)
{
	uint16_t htype = rd_be16(r);
	uint16_t ptype = rd_be16(r);
	uint8_t hlen = rd_u8(r);
	uint8_t plen = rd_u8(r);
	struct arp arp;

	arp.op = rd_be16(r);
	rd_copy(r, &arp.sha, sizeof(arp.sha));
	rd_copy(r, &arp.spa, sizeof(arp.spa));
	rd_copy(r, &arp.tha, sizeof(arp.tha));
	rd_copy(r, &arp.tpa, sizeof(arp.tpa));

	if (!rd_ok(r))
		return -EBADMSG;
	if (htype != ARP_HTYPE_ETHERNET || ptype != ETHERTYPE_IPV4 || hlen != sizeof(arp.sha) ||
	    plen != sizeof(arp.spa))
		return -EPROTONOSUPPORT;
	*ret = arp;
	return 0;
}

/* RFC 1812 §5.3.7: what no host on a link has for an address. */
static bool arp_addr_is_host(const struct ip4_addr *a)
{
	return !ip4_is_martian_dst(*a) && !ip4_is_martian_src(*a);
}

enum arp_kind arp_classify(const struct arp *arp)
{
	if (arp->op != ARP_REQUEST && arp->op != ARP_REPLY)
		return ARP_KIND_BAD_OP;
	if (eth_addr_is_multicast(&arp->sha) || eth_addr_is_zero(&arp->sha))
		return ARP_KIND_BAD_SENDER;
	if (!arp_addr_is_host(&arp->tpa))
		return ARP_KIND_BAD_TARGET;
	if (arp->op == ARP_REQUEST && ip4_addr_is_unspecified(&arp->spa))
		return ARP_KIND_PROBE;
	if (!arp_addr_is_host(&arp->spa))
		return ARP_KIND_BAD_SENDER;
	if (ip4_addr_eq(&arp->spa, &arp->tpa))
		return ARP_KIND_ANNOUNCEMENT;
	return arp->op == ARP_REQUEST ? ARP_KIND_REQUEST : ARP_KIND_REPLY;
}

void arp_write(struct wr *w, const struct arp *arp)
{
	wr_be16(w, ARP_HTYPE_ETHERNET);
	wr_be16(w, ETHERTYPE_IPV4);
	wr_u8(w, sizeof(arp->sha));
	wr_u8(w, sizeof(arp->spa));
	wr_be16(w, arp->op);
	wr_bytes(w, &arp->sha, sizeof(arp->sha));
	wr_bytes(w, &arp->spa, sizeof(arp->spa));
	wr_bytes(w, &arp->tha, sizeof(arp->tha));
	wr_bytes(w, &arp->tpa, sizeof(arp->tpa));
}
