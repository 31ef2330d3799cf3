/* SPDX-License-Identifier: MIT */
/* Between the state of a packet and a virtio_net_hdr; the contract is in offload.h. */
#include "drivers/offload.h"

#include <errno.h>

int offload_rx(struct pkt *pkt, const struct vnet_hdr *vh)
{
	if (vnet_hdr_check(vh, pkt->len) < 0)
		return -EBADMSG;
	if (vh->flags & VNET_F_NEEDS_CSUM) {
		pkt->csum = PKT_CSUM_PARTIAL;
		pkt->csum_start = (uint16_t)(pkt_off(pkt) + vh->csum_start);
		pkt->csum_off = vh->csum_offset;
	} else if (vh->flags & VNET_F_DATA_VALID) {
		pkt->csum = PKT_CSUM_VERIFIED;
	}
	switch (vh->gso_type & ~VNET_GSO_ECN) {
	case VNET_GSO_NONE:
		return 0;
	case VNET_GSO_TCPV4:
		pkt->gso_type = PKT_GSO_TCP4;
		break;
	case VNET_GSO_TCPV6:
		pkt->gso_type = PKT_GSO_TCP6;
		break;
	case VNET_GSO_UDP_L4:
		pkt->gso_type = PKT_GSO_UDP;
		break;
	default:
		return -EBADMSG;
	}
	if (!vh->gso_size || pkt->csum != PKT_CSUM_PARTIAL)
		return -EBADMSG;
	pkt->gso_size = vh->gso_size;
	return 0;
}

static uint8_t gso_type_of(const struct pkt *pkt)
{
	switch (pkt->gso_type) {
	case PKT_GSO_TCP6:
		return VNET_GSO_TCPV6;
	case PKT_GSO_UDP:
		return VNET_GSO_UDP_L4;
	default:
		return VNET_GSO_TCPV4;
	}
}

void offload_tx(const struct pkt *pkt, struct vnet_hdr *vh)
{
	*vh = (struct vnet_hdr){.gso_type = VNET_GSO_NONE};
	if (pkt->csum == PKT_CSUM_PARTIAL) {
		vh->flags = VNET_F_NEEDS_CSUM;
		vh->csum_start = (uint16_t)(pkt->csum_start - pkt_off(pkt));
		vh->csum_offset = pkt->csum_off;
	} else if (pkt->csum == PKT_CSUM_VERIFIED) {
		vh->flags = VNET_F_DATA_VALID;
	}
	if (!pkt->gso_size)
		return;
	vh->gso_type = gso_type_of(pkt);
	vh->gso_size = pkt->gso_size;
	/* Only a hint for the kernel: enough of the front to hold all headers. */
	vh->hdr_len = (uint16_t)(pkt->lin_len < UINT16_MAX ? pkt->lin_len : UINT16_MAX);
}
