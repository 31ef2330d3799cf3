/* SPDX-License-Identifier: MIT */
/* IPv4 header and options codec; the contracts are in ip4.h. */
#include "wire/ip4.h"

#include <assert.h>
#include <errno.h>

enum ip4_hdr_err ip4_hdr_parse(struct rd *r, struct ip4_hdr *ret)
{
	size_t len = rd_left(r);
	enum ip4_hdr_err err;
	struct ip4_hdr hdr;

	if (len < IP4_HDR_LEN)
		return IP4_HDR_SHORT;
	ip4_hdr_read(r->p, &hdr);
	err = ip4_hdr_check(&hdr, len);
	if (err != IP4_HDR_OK)
		return err;
	rd_skip(r, hdr.hdr_len);
	*ret = hdr;
	return IP4_HDR_OK;
}

void ip4_hdr_csum_set(uint8_t *p, size_t hdr_len)
{
	store_be16(p + 10, 0);
	store_be16(p + 10, csum_finish(ip4_hdr_sum(p, hdr_len)));
}

void ip4_hdr_write(uint8_t *p, const struct ip4_hdr *hdr)
{
	assert(hdr->hdr_len >= IP4_HDR_LEN && hdr->hdr_len <= IP4_HDR_MAX);
	if (likely(hdr->hdr_len == IP4_HDR_LEN)) {
		ip4_hdr_write_plain(p, hdr);
		return;
	}
	p[0] = (uint8_t)(4 << 4 | hdr->hdr_len / 4);
	p[1] = hdr->tos;
	store_be16(p + 2, hdr->tot_len);
	store_be16(p + 4, hdr->id);
	store_be16(p + 6,
		   (uint16_t)(hdr->rf << 15 | hdr->df << 14 | hdr->mf << 13 | hdr->frag_off >> 3));
	p[8] = hdr->ttl;
	p[9] = hdr->proto;
	memcpy(p + 12, &hdr->src, 4);
	memcpy(p + 16, &hdr->dst, 4);
	ip4_hdr_csum_set(p, hdr->hdr_len);
}

/* Record route and source routes: a pointer, then whole addresses (RFC 791 §3.1). */
static bool ip4_opt_route_ok(const struct ip4_opt *opt)
{
	return opt->ptr >= 4 && opt->ptr % 4 == 0;
}

/* Internet timestamp: a pointer to a whole entry, which has an address or not. */
static bool ip4_opt_ts_ok(const struct ip4_opt *opt)
{
	if (opt->ptr < 5)
		return false;
	switch (opt->ts_flag) {
	case IP4_OPT_TS_ONLY:
		return (opt->ptr - 5) % 4 == 0;
	case IP4_OPT_TS_ADDR:
	case IP4_OPT_TS_PRESPEC:
		return (opt->ptr - 5) % 8 == 0;
	default:
		return false;
	}
}

/* The fixed fields of the options that we know. Returns the offset of the field that is wrong, from
 * the option's start, or 0. */
static uint8_t ip4_opt_fields(struct ip4_opt *opt)
{
	const uint8_t *data = opt->data;

	switch (opt->type) {
	case IP4_OPT_RR:
	case IP4_OPT_LSRR:
	case IP4_OPT_SSRR:
		if (opt->len < 3)
			return 1;
		opt->ptr = data[0];
		return ip4_opt_route_ok(opt) ? 0 : 2;
	case IP4_OPT_TS:
		if (opt->len < 4)
			return 1;
		opt->ptr = data[0];
		opt->ts_overflow = data[1] >> 4;
		opt->ts_flag = data[1] & 0xf;
		return ip4_opt_ts_ok(opt) ? 0 : 2;
	case IP4_OPT_RA:
		if (opt->len != 4)
			return 1;
		opt->ra_value = load_be16(data);
		return 0;
	default:
		return 0;
	}
}

static int ip4_opts_fail(struct ip4_opts_iter *it, size_t off)
{
	it->err_off = (uint8_t)(IP4_HDR_LEN + off);
	it->pos = it->len; /* nothing after it can be told apart */
	return -EBADMSG;
}

int ip4_opts_next(struct ip4_opts_iter *it, struct ip4_opt *ret)
{
	struct rd r = rd_make(it->opts + it->pos, (size_t)(it->len - it->pos));
	struct ip4_opt opt = {.type = rd_u8(&r), .off = (uint8_t)(IP4_HDR_LEN + it->pos), .len = 1};
	uint8_t bad_field;

	if (!rd_ok(&r) || opt.type == IP4_OPT_EOL) {
		it->pos = it->len;
		return 0;
	}
	if (opt.type != IP4_OPT_NOP) {
		opt.len = rd_u8(&r);
		if (!rd_ok(&r))
			return ip4_opts_fail(it, it->pos);
		if (opt.len < 2 || opt.len - 2u > rd_left(&r))
			return ip4_opts_fail(it, it->pos + 1u);
		opt.data = r.p;
		bad_field = ip4_opt_fields(&opt);
		if (bad_field > 0)
			return ip4_opts_fail(it, (size_t)it->pos + bad_field);
	}
	it->pos = (uint8_t)(it->pos + opt.len);
	*ret = opt;
	return 1;
}
