/* SPDX-License-Identifier: MIT */
/* A frame with VLAN tags and an ARP packet: what parses is written back as it was. */
#include "fuzz.h"

#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/vlan.h"

#include <assert.h>

/* A packet means one thing, whatever its fields; some kinds promise something about them. */
static void check_arp(const struct arp *arp)
{
	switch (arp_classify(arp)) {
	case ARP_KIND_REQUEST:
	case ARP_KIND_REPLY:
		assert(!ip4_addr_eq(&arp->spa, &arp->tpa));
		assert(!eth_addr_is_multicast(&arp->sha));
		break;
	case ARP_KIND_PROBE:
		assert(arp->op == ARP_REQUEST && ip4_addr_is_unspecified(&arp->spa));
		break;
	case ARP_KIND_ANNOUNCEMENT:
		assert(ip4_addr_eq(&arp->spa, &arp->tpa));
		break;
	case ARP_KIND_BAD_OP:
		assert(arp->op != ARP_REQUEST && arp->op != ARP_REPLY);
		break;
	case ARP_KIND_BAD_SENDER:
	case ARP_KIND_BAD_TARGET:
		break;
	}
}

static void fuzz_arp(struct rd *r)
{
	const uint8_t *in = r->p;
	uint8_t out[ARP_LEN];
	struct wr w = wr_make(out, sizeof(out));
	struct arp arp;

	if (arp_parse(r, &arp) < 0)
		return;
	check_arp(&arp);
	arp_write(&w, &arp);
	assert(wr_ok(&w) && wr_left(&w) == 0);
	assert(memcmp(in, out, ARP_LEN) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	uint8_t out[ETH_HDR_LEN];
	struct eth_hdr eth;
	uint16_t type;

	if (eth_hdr_parse(&r, &eth) < 0)
		return 0;
	eth_hdr_write(out, &eth);
	assert(memcmp(data, out, ETH_HDR_LEN) == 0);
	for (type = eth.type; type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ;) {
		const uint8_t *in = r.p;
		struct vlan_hdr vlan;

		if (vlan_hdr_parse(&r, &vlan) < 0)
			return 0;
		vlan_hdr_write(out, &vlan);
		assert(memcmp(in, out, VLAN_HDR_LEN) == 0);
		type = vlan.type;
	}
	if (type == ETHERTYPE_ARP)
		fuzz_arp(&r);
	return 0;
}
