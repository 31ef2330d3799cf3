/* SPDX-License-Identifier: MIT */
/* Ethernet II header parser; the contract is in eth.h. */
#include "wire/eth.h"

#include <errno.h>

int eth_hdr_parse(struct rd *r, struct eth_hdr *ret)
{
	const uint8_t *p = rd_bytes(r, ETH_HDR_LEN);
	struct eth_hdr hdr;

	if (!p)
		return -EBADMSG;
	eth_hdr_read(p, &hdr);
	if (hdr.type < ETH_TYPE_MIN)
		return -EBADMSG;
	*ret = hdr;
	return 0;
}
