/* SPDX-License-Identifier: MIT */
/*
 * Neighbour discovery: the first four bytes are the word behind the checksum, the rest is a router
 * advertisement with its options; these are read in both ways, and written again.
 */
#include "fuzz.h"

#include "wire/nd.h"

#include <assert.h>

enum {
	OUT_MAX = 4096,
};

static bool bits_are_clear(const struct ip6_addr *a, unsigned int from)
{
	for (unsigned int i = from; i < 128; i++)
		if (a->b[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

static void check_opts(const struct nd_opts *o)
{
	assert(o->n_prefixes <= ND_PREFIXES_MAX && o->n_routes <= ND_ROUTES_MAX);
	assert(o->n_dns <= ND_DNS_MAX);
	for (uint32_t i = 0; i < o->n_prefixes; i++)
		assert(o->prefixes[i].len <= 128 &&
		       bits_are_clear(&o->prefixes[i].prefix, o->prefixes[i].len));
	for (uint32_t i = 0; i < o->n_routes; i++)
		assert(o->routes[i].len <= 128 && o->routes[i].pref != ND_PREF_RESERVED &&
		       bits_are_clear(&o->routes[i].prefix, o->routes[i].len));
}

/* What has been understood, as a message of ours. */
static void write_opts(struct wr *w, const struct nd_opts *o)
{
	if (o->has_src_lladdr)
		nd_opt_lladdr_write(w, ND_OPT_SRC_LLADDR, &o->src_lladdr);
	if (o->has_dst_lladdr)
		nd_opt_lladdr_write(w, ND_OPT_DST_LLADDR, &o->dst_lladdr);
	if (o->has_nonce)
		nd_opt_nonce_write(w, o->nonce);
	if (o->has_mtu)
		nd_opt_mtu_write(w, o->mtu);
	for (uint32_t i = 0; i < o->n_prefixes; i++)
		nd_opt_prefix_write(w, &o->prefixes[i]);
	for (uint32_t i = 0; i < o->n_routes; i++)
		nd_opt_route_write(w, &o->routes[i]);
	for (uint32_t i = 0; i < o->n_dns; i++)
		nd_opt_rdnss_write(w, &o->dns[i].addr, 1, o->dns[i].lifetime_s);
	if (o->dnssl_len)
		nd_opt_dnssl_write(w, o->dnssl, o->dnssl_len, o->dnssl_lifetime_s);
}

/* Written and read, it says the same. */
static void check_round_trip(const struct nd_opts *o)
{
	uint8_t out[OUT_MAX];
	struct wr w = wr_make(out, sizeof(out));
	struct nd_opts back;
	struct rd r;
	int err;

	write_opts(&w, o);
	assert(wr_ok(&w));
	r = rd_make(out, (size_t)(w.p - out));
	err = nd_opts_parse(&r, &back);
	assert(err == 0);
	(void)err;
	assert(back.has_src_lladdr == o->has_src_lladdr && back.has_mtu == o->has_mtu);
	assert(back.has_dst_lladdr == o->has_dst_lladdr && back.has_nonce == o->has_nonce);
	assert(back.mtu == o->mtu && back.n_prefixes == o->n_prefixes);
	assert(memcmp(&back.src_lladdr, &o->src_lladdr, sizeof(back.src_lladdr)) == 0);
	assert(back.n_routes == o->n_routes && back.n_dns == o->n_dns);
	for (uint32_t i = 0; i < o->n_routes; i++)
		assert(memcmp(&back.routes[i].prefix, &o->routes[i].prefix, 16) == 0 &&
		       back.routes[i].len == o->routes[i].len);
	for (uint32_t i = 0; i < o->n_prefixes; i++)
		assert(back.prefixes[i].valid_s == o->prefixes[i].valid_s &&
		       back.prefixes[i].autonomous == o->prefixes[i].autonomous);
	assert(back.dnssl_len == o->dnssl_len);
	assert(!o->dnssl_len || memcmp(back.dnssl, o->dnssl, o->dnssl_len) == 0);
}

static void check_ra(uint32_t rest, struct rd *r)
{
	uint8_t out[ND_RA_LEN - 8];
	struct wr w = wr_make(out, sizeof(out));
	struct nd_ra ra, back;
	struct rd again;
	int err;

	if (nd_ra_parse(rest, r, &ra) < 0)
		return;
	assert(ra.pref != ND_PREF_RESERVED);
	nd_ra_write(&w, &ra);
	assert(wr_ok(&w));
	again = rd_make(out, sizeof(out));
	err = nd_ra_parse(nd_ra_rest(&ra), &again, &back);
	assert(err == 0);
	(void)err;
	assert(back.hop_limit == ra.hop_limit && back.managed == ra.managed);
	assert(back.other == ra.other && back.pref == ra.pref);
	assert(back.router_lifetime_s == ra.router_lifetime_s && back.retrans_ms == ra.retrans_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size), same;
	uint32_t rest = rd_be32(&r);
	struct nd_lladdrs addrs;
	struct nd_opts opts;
	int err, err_addrs;

	if (!rd_ok(&r))
		return 0;
	check_ra(rest, &r);
	if (!rd_ok(&r))
		return 0;
	same = r;
	err = nd_opts_parse(&r, &opts);
	err_addrs = nd_lladdrs_parse(&same, &addrs);
	assert(err == err_addrs);
	(void)err_addrs;
	if (err)
		return 0;
	assert(opts.has_src_lladdr == addrs.has_src && opts.has_nonce == addrs.has_nonce);
	check_opts(&opts);
	if (opts.dnssl_len <= OUT_MAX / 2)
		check_round_trip(&opts);
	return 0;
}
