/* SPDX-License-Identifier: MIT */
/* VLAN tag parser; the contract is in vlan.h. */
#include "wire/vlan.h"

#include <errno.h>

int vlan_hdr_parse(struct rd *r, struct vlan_hdr *ret)
{
	const uint8_t *p = rd_bytes(r, VLAN_HDR_LEN);
	struct vlan_hdr hdr;

	if (!p)
		return -EBADMSG;
	vlan_hdr_read(p, &hdr);
	if (hdr.vid == VLAN_VID_MAX)
		return -EBADMSG;
	*ret = hdr;
	return 0;
}
