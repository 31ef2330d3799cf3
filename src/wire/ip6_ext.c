/* SPDX-License-Identifier: MIT */
/* IPv6 extension headers; the contracts are in ip6_ext.h. */
#include "wire/ip6_ext.h"

#include <errno.h>

#include "wire/ip4.h"

int ip6_opts_next(struct ip6_opts_iter *it, struct ip6_opt *ret)
{
	while (it->off < it->len) {
		const uint8_t *p = it->hdr + it->off;

		if (p[0] == IP6_OPT_PAD1) {
			it->off++;
			continue;
		}
		if (it->len - it->off < 2 || p[1] > it->len - it->off - 2)
			return -EBADMSG;
		*ret = (struct ip6_opt){.type = p[0], .len = p[1], .off = it->off, .data = p + 2};
		it->off = (uint16_t)(it->off + 2 + p[1]);
		if (ret->type != IP6_OPT_PADN)
			return 1;
	}
	return 0;
}

static bool is_ext(uint8_t next_hdr)
{
	return next_hdr == IP_PROTO_HOPOPTS || next_hdr == IP_PROTO_ROUTING ||
	       next_hdr == IP_PROTO_DSTOPTS || next_hdr == IP_PROTO_FRAGMENT;
}

int ip6_chain_skip(const uint8_t *p, size_t len, uint8_t next_hdr, struct ip6_chain *ret)
{
	struct ip6_chain chain = {.proto = next_hdr, .next_off = UINT32_MAX};

	for (int n = 0; is_ext(chain.proto) && !chain.is_later_frag; n++) {
		const uint8_t *at = p + chain.len;
		struct ip6_frag frag;
		struct ip6_ext ext;

		if (n == IP6_EXTS_MAX || len - chain.len < IP6_EXT_LEN_MIN)
			return -EBADMSG;
		ip6_ext_read(at, &ext);
		if (chain.proto == IP_PROTO_FRAGMENT) {
			ip6_frag_read(at, &frag);
			chain.is_later_frag = frag.off != 0;
			ext.len = IP6_FRAG_LEN;
		}
		if (ext.len > len - chain.len)
			return -EBADMSG;
		chain.proto = ext.next_hdr;
		chain.next_off = chain.len;
		chain.len += ext.len;
	}
	*ret = chain;
	return 0;
}
