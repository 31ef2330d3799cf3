/* SPDX-License-Identifier: MIT */
/* virtio_net_hdr codec; the contracts are in vnet.h. */
#include "wire/vnet.h"

#include <errno.h>
#include <stdbool.h>

static bool vnet_gso_ok(const struct vnet_hdr *hdr)
{
	switch (hdr->gso_type & ~VNET_GSO_ECN) {
	case VNET_GSO_NONE:
		return hdr->gso_type == VNET_GSO_NONE;
	case VNET_GSO_TCPV4:
	case VNET_GSO_TCPV6:
		return hdr->gso_size > 0;
	case VNET_GSO_UDP:
	case VNET_GSO_UDP_L4:
		return hdr->gso_size > 0 && !(hdr->gso_type & VNET_GSO_ECN);
	default:
		return false;
	}
}

int vnet_hdr_check(const struct vnet_hdr *hdr, size_t frame_len)
{
	size_t csum_end = (size_t)hdr->csum_start + hdr->csum_offset + 2;

	if ((hdr->flags & VNET_F_NEEDS_CSUM) && csum_end > frame_len)
		return -EBADMSG;
	if (!vnet_gso_ok(hdr))
		return -EBADMSG;
	/* Whoever segments copies the headers in front of each part. Without segments hdr_len is a
	 * hint for nothing, and old drivers left it as it was. */
	if (hdr->gso_type != VNET_GSO_NONE && hdr->hdr_len > frame_len)
		return -EBADMSG;
	return 0;
}

int vnet_hdr_parse(struct rd *r, size_t hdr_len, struct vnet_hdr *ret)
{
	const uint8_t *p = rd_bytes(r, hdr_len);
	struct vnet_hdr hdr;

	if (!p)
		return -EBADMSG;
	vnet_hdr_read(p, hdr_len, &hdr);
	if (vnet_hdr_check(&hdr, rd_left(r)) < 0)
		return -EBADMSG;
	*ret = hdr;
	return 0;
}
