/* SPDX-License-Identifier: MIT */
/* IPv6 fixed header parser; the contract is in ip6.h. */
#include "wire/ip6.h"

enum ip6_hdr_err ip6_hdr_parse(struct rd *r, struct ip6_hdr *ret)
{
	size_t len = rd_left(r);
	enum ip6_hdr_err err;
	struct ip6_hdr hdr;

	if (len < IP6_HDR_LEN)
		return IP6_HDR_SHORT;
	ip6_hdr_read(r->p, &hdr);
	err = ip6_hdr_check(&hdr, len);
	if (err != IP6_HDR_OK)
		return err;
	rd_skip(r, IP6_HDR_LEN);
	*ret = hdr;
	return IP6_HDR_OK;
}
