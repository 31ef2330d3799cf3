/* SPDX-License-Identifier: MIT */
/* UDP header codec; the contract is in udp.h. */
#include "wire/udp.h"

#include <errno.h>

int udp_hdr_parse(struct rd *r, struct udp_hdr *ret)
{
	size_t len = rd_left(r);
	const uint8_t *p = rd_bytes(r, UDP_HDR_LEN);
	struct udp_hdr hdr;

	if (!p)
		return -EBADMSG;
	udp_hdr_read(p, &hdr);
	if (!udp_hdr_len_ok(&hdr, len))
		return -EBADMSG;
	*ret = hdr;
	return 0;
}
