/* SPDX-License-Identifier: MIT */
/*
 * An IP packet of either version. A header that parses is written back as it was; changed in place,
 * it still has the checksum that a computation anew gives.
 */
#include "fuzz.h"

#include "wire/ip4.h"
#include "wire/ip6.h"

#include <assert.h>

static void fuzz_ip6(struct rd *r)
{
	const uint8_t *in = r->p;
	uint8_t out[IP6_HDR_LEN];
	struct ip6_hdr hdr;

	if (!in || ip6_hdr_parse(r, &hdr) != IP6_HDR_OK)
		return;
	assert(hdr.payload_len <= rd_left(r));
	ip6_hdr_write(out, &hdr);
	assert(memcmp(in, out, sizeof(out)) == 0);
}

static void check_options(const uint8_t *p, size_t hdr_len)
{
	struct ip4_opts_iter it = ip4_opts_iter(p, hdr_len);
	size_t pos = IP4_HDR_LEN;
	struct ip4_opt opt;
	int err;

	while ((err = ip4_opts_next(&it, &opt)) > 0) {
		assert(opt.off == pos && p[pos] == opt.type);
		assert(opt.type == IP4_OPT_NOP || opt.data == p + pos + 2);
		pos += opt.len;
		assert(pos <= hdr_len);
	}
	assert(err == 0 || (it.err_off >= pos && it.err_off < hdr_len));
	assert(ip4_opts_next(&it, &opt) == 0);
}

/* `p` has the right checksum. */
static void check_changes(uint8_t *p, size_t hdr_len)
{
	if (p[8] > 0)
		ip4_ttl_dec(p);
	assert(ip4_hdr_csum_ok(p, hdr_len));
	ip4_ecn_set(p, IP_ECN_CE);
	assert((p[1] & IP_ECN_MASK) == IP_ECN_CE);
	assert(ip4_hdr_csum_ok(p, hdr_len));
}

static void fuzz_ip4(struct rd *r)
{
	const uint8_t *in = r->p;
	uint8_t out[IP4_HDR_MAX];
	struct ip4_hdr hdr;

	if (!in || ip4_hdr_parse(r, &hdr) != IP4_HDR_OK)
		return;
	assert(hdr.tot_len - hdr.hdr_len <= (int)rd_left(r));
	assert(ip4_hdr_is_frag(&hdr) || hdr.frag_off == 0);
	check_options(in, hdr.hdr_len);
	memcpy(out, in, hdr.hdr_len);
	ip4_hdr_write(out, &hdr);
	assert(ip4_hdr_csum_ok(out, hdr.hdr_len));
	/* 0 and 0xffff are the same sum, of which only one is ever computed */
	if (ip4_hdr_csum_ok(in, hdr.hdr_len) && hdr.csum != 0xffff)
		assert(memcmp(in, out, hdr.hdr_len) == 0);
	check_changes(out, hdr.hdr_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);

	fuzz_ip4(&r);
	r = rd_make(data, size);
	fuzz_ip6(&r);
	return 0;
}
