/* SPDX-License-Identifier: MIT */
/*
 * Extension headers of IPv6: the first byte says what the first header is, the rest is the chain.
 * Each header on the way is also read as options, and as a fragment header.
 */
#include "fuzz.h"

#include "wire/ip4.h"
#include "wire/ip6_ext.h"

#include <assert.h>
#include <errno.h>

static void check_opts(const uint8_t *hdr, size_t len)
{
	struct ip6_opts_iter it = ip6_opts_iter(hdr, (uint16_t)len);
	unsigned int n = 0, end = 2;
	struct ip6_opt opt;
	int err;

	while ((err = ip6_opts_next(&it, &opt)) > 0) {
		assert(opt.off >= end && opt.off + 2u + opt.len <= len);
		assert(opt.data == hdr + opt.off + 2 && opt.type == hdr[opt.off]);
		assert((unsigned int)ip6_opt_action(opt.type) == opt.type >> 6);
		end = opt.off + 2u + opt.len;
		n++;
	}
	assert(err == 0 || err == -EBADMSG || err == -EINVAL);
	assert(n <= len / 2 && it.off <= len);
}

static void check_frag(const uint8_t *p)
{
	uint8_t out[IP6_FRAG_LEN];
	struct ip6_frag frag, back;

	ip6_frag_read(p, &frag);
	assert(frag.off % 8 == 0);
	ip6_frag_write(out, &frag);
	ip6_frag_read(out, &back);
	assert(back.id == frag.id && back.off == frag.off && back.more == frag.more);
	assert(back.next_hdr == frag.next_hdr);
}

/* The chain again, header by header. */
static void check_headers(const uint8_t *p, const struct ip6_chain *chain, uint8_t proto)
{
	uint32_t off = 0, field = UINT32_MAX;

	while (off < chain->len) {
		struct ip6_routing routing;
		struct ip6_ext ext;

		ip6_ext_read(p + off, &ext);
		check_frag(p + off);
		if (proto == IP_PROTO_FRAGMENT)
			ext.len = IP6_FRAG_LEN;
		else
			check_opts(p + off, ext.len);
		ip6_routing_read(p + off, &routing);
		assert(routing.n_left == p[off + 3]);
		field = off;
		proto = ext.next_hdr;
		off += ext.len;
	}
	assert(off == chain->len && proto == chain->proto && field == chain->next_off);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip6_chain chain;

	if (size == 0)
		return 0;
	if (ip6_chain_skip(data + 1, size - 1, data[0], &chain) < 0)
		return 0;
	assert(chain.len <= size - 1 && chain.len <= IP6_EXTS_MAX * 2048u);
	check_headers(data + 1, &chain, data[0]);
	return 0;
}
