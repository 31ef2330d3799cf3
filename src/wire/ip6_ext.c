/* SPDX-License-Identifier: MIT */
/* IPv6 extension headers; the contracts are in ip6_ext.h. */
#include "wire/ip6_ext.h"

#include <errno.h>

#include "wire/ip4.h"

enum {
	PAD_MAX = 7, /* what it takes to reach the next multiple of 8 */
};

static bool pad_is_honest(struct ip6_opts_iter *it, const uint8_t *data, uint8_t len)
{
	it->n_pad = (uint16_t)(it->n_pad + 2 + len);
	if (it->n_pad > PAD_MAX)
		return false;
	for (uint8_t i = 0; i < len; i++)
		if (data[i])
			return false;
	return true;
}

int ip6_opts_next(struct ip6_opts_iter *it, struct ip6_opt *ret)
{
	while (it->off < it->len) {
		const uint8_t *p = it->hdr + it->off;

		if (p[0] == IP6_OPT_PAD1) {
			it->off++;
			if (++it->n_pad > PAD_MAX)
				return -EINVAL;
			continue;
		}
		if (it->len - it->off < 2 || p[1] > it->len - it->off - 2)
			return -EBADMSG;
		*ret = (struct ip6_opt){.type = p[0], .len = p[1], .off = it->off, .data = p + 2};
		it->off = (uint16_t)(it->off + 2 + p[1]);
		if (ret->type != IP6_OPT_PADN) {
			it->n_pad = 0;
			return 1;
		}
		if (!pad_is_honest(it, ret->data, ret->len))
			return -EINVAL;
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
		struct ip6_frag frag;
		struct ip6_ext ext;
		const uint8_t *at;

		if (n == IP6_EXTS_MAX || len - chain.len < IP6_EXT_LEN_MIN)
			return -EBADMSG;
		at = p + chain.len;
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
