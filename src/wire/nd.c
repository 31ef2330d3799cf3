/* SPDX-License-Identifier: MIT */
/* Neighbour discovery codec; the contracts are in nd.h. */
#include "wire/nd.h"

#include <errno.h>

enum {
	OPT_UNIT = 8,
	PREFIX_ON_LINK = 0x80,
	PREFIX_AUTONOMOUS = 0x40,
	RA_MANAGED = 0x80,
	RA_OTHER = 0x40,
	PREF_SHIFT = 3,
};

struct nd_opt {
	uint8_t type;
	struct rd body; /* behind type and length */
};

/* 1; 0: no more; -EBADMSG. */
static int nd_opt_next(struct rd *r, struct nd_opt *ret)
{
	size_t len;

	if (rd_left(r) == 0)
		return 0;
	ret->type = rd_u8(r);
	len = rd_u8(r) * (size_t)OPT_UNIT;
	if (len == 0)
		return -EBADMSG;
	ret->body = rd_sub(r, len - 2);
	return rd_ok(r) ? 1 : -EBADMSG;
}

/* Only addresses of Ethernet, which take one unit. */
static bool nd_lladdr_read(struct rd *body, struct eth_addr *ret)
{
	if (rd_left(body) != sizeof(*ret))
		return false;
	rd_copy(body, ret, sizeof(*ret));
	return true;
}

static void nd_lladdrs_take(struct nd_lladdrs *a, struct nd_opt *opt)
{
	if (opt->type == ND_OPT_SRC_LLADDR && !a->has_src)
		a->has_src = nd_lladdr_read(&opt->body, &a->src);
	else if (opt->type == ND_OPT_DST_LLADDR && !a->has_dst)
		a->has_dst = nd_lladdr_read(&opt->body, &a->dst);
	else if (opt->type == ND_OPT_NONCE && !a->has_nonce &&
		 rd_left(&opt->body) == ND_NONCE_LEN) {
		rd_copy(&opt->body, a->nonce, ND_NONCE_LEN);
		a->has_nonce = true;
	}
}

int nd_lladdrs_parse(struct rd *r, struct nd_lladdrs *ret)
{
	struct nd_lladdrs a = {0};
	struct nd_opt opt;
	int err;

	while ((err = nd_opt_next(r, &opt)) > 0)
		nd_lladdrs_take(&a, &opt);
	if (!err)
		*ret = a;
	return err;
}

static void prefix_mask(struct ip6_addr *a, unsigned int len)
{
	for (unsigned int i = 0; i < sizeof(a->b); i++) {
		unsigned int keep = len > 8 * i ? len - 8 * i : 0;

		if (keep < 8)
			a->b[i] &= (uint8_t)(0xff00u >> keep);
	}
}

static void nd_prefix_take(struct nd_opts *o, struct rd *body)
{
	struct nd_prefix *p = &o->prefixes[o->n_prefixes];
	uint8_t flags;

	if (rd_left(body) != ND_PREFIX_OPT_LEN - 2 || o->n_prefixes == ND_PREFIXES_MAX)
		return;
	p->len = rd_u8(body);
	flags = rd_u8(body);
	p->on_link = flags & PREFIX_ON_LINK;
	p->autonomous = flags & PREFIX_AUTONOMOUS;
	p->valid_s = rd_be32(body);
	p->preferred_s = rd_be32(body);
	rd_skip(body, 4);
	rd_copy(body, &p->prefix, sizeof(p->prefix));
	if (p->len > 128)
		return;
	prefix_mask(&p->prefix, p->len);
	o->n_prefixes++;
}

/* RFC 4191 §2.3: 8, 16 or 24 bytes, by the length of the prefix. */
static void nd_route_take(struct nd_opts *o, struct rd *body)
{
	struct nd_route *rt = &o->routes[o->n_routes];
	size_t n_prefix = rd_left(body) >= 6 ? rd_left(body) - 6 : SIZE_MAX;

	if (n_prefix > sizeof(rt->prefix) || o->n_routes == ND_ROUTES_MAX)
		return;
	*rt = (struct nd_route){.len = rd_u8(body)};
	rt->pref = rd_u8(body) >> PREF_SHIFT & 3;
	rt->lifetime_s = rd_be32(body);
	rd_copy(body, &rt->prefix, n_prefix);
	/* §2.3: one with the reserved preference is to be ignored. */
	if (rt->len > 8 * n_prefix || rt->pref == ND_PREF_RESERVED)
		return;
	prefix_mask(&rt->prefix, rt->len);
	o->n_routes++;
}

static void nd_rdnss_take(struct nd_opts *o, struct rd *body)
{
	uint32_t lifetime_s;

	rd_skip(body, 2);
	lifetime_s = rd_be32(body);
	while (rd_left(body) >= sizeof(struct ip6_addr) && o->n_dns < ND_DNS_MAX) {
		rd_copy(body, &o->dns[o->n_dns].addr, sizeof(struct ip6_addr));
		o->dns[o->n_dns++].lifetime_s = lifetime_s;
	}
}

static void nd_dnssl_take(struct nd_opts *o, struct rd *body)
{
	if (rd_left(body) < 6 + OPT_UNIT)
		return;
	rd_skip(body, 2);
	o->dnssl_lifetime_s = rd_be32(body);
	o->dnssl_len = rd_left(body);
	o->dnssl = rd_bytes(body, o->dnssl_len);
}

static void nd_opts_take(struct nd_opts *o, struct nd_opt *opt)
{
	switch (opt->type) {
	case ND_OPT_PREFIX:
		nd_prefix_take(o, &opt->body);
		break;
	case ND_OPT_MTU:
		if (rd_left(&opt->body) != ND_MTU_OPT_LEN - 2)
			break;
		rd_skip(&opt->body, 2);
		o->mtu = rd_be32(&opt->body);
		o->has_mtu = true;
		break;
	case ND_OPT_ROUTE:
		nd_route_take(o, &opt->body);
		break;
	case ND_OPT_RDNSS:
		nd_rdnss_take(o, &opt->body);
		break;
	case ND_OPT_DNSSL:
		nd_dnssl_take(o, &opt->body);
		break;
	default:
		break;
	}
}

int nd_opts_parse(struct rd *r, struct nd_opts *ret)
{
	struct nd_lladdrs a = {0};
	struct nd_opts opts = {0};
	struct nd_opt opt;
	int err;

	while ((err = nd_opt_next(r, &opt)) > 0) {
		nd_lladdrs_take(&a, &opt);
		nd_opts_take(&opts, &opt);
	}
	if (err)
		return err;
	opts.has_src_lladdr = a.has_src;
	opts.has_dst_lladdr = a.has_dst;
	opts.has_nonce = a.has_nonce;
	opts.src_lladdr = a.src;
	opts.dst_lladdr = a.dst;
	memcpy(opts.nonce, a.nonce, sizeof(opts.nonce));
	*ret = opts;
	return 0;
}

int nd_ra_parse(uint32_t rest, struct rd *r, struct nd_ra *ret)
{
	uint8_t flags = (uint8_t)(rest >> 16);
	struct nd_ra ra = {.hop_limit = (uint8_t)(rest >> 24),
			   .managed = flags & RA_MANAGED,
			   .other = flags & RA_OTHER,
			   .pref = flags >> PREF_SHIFT & 3,
			   .router_lifetime_s = (uint16_t)rest};

	ra.reachable_ms = rd_be32(r);
	ra.retrans_ms = rd_be32(r);
	if (!rd_ok(r))
		return -EBADMSG;
	if (ra.pref == ND_PREF_RESERVED) /* RFC 4191 §2.2 */
		ra.pref = ND_PREF_MEDIUM;
	*ret = ra;
	return 0;
}

uint32_t nd_ra_rest(const struct nd_ra *ra)
{
	uint32_t flags = (ra->managed ? (uint32_t)RA_MANAGED : 0) |
			 (ra->other ? (uint32_t)RA_OTHER : 0) | (uint32_t)ra->pref << PREF_SHIFT;

	return (uint32_t)ra->hop_limit << 24 | flags << 16 | ra->router_lifetime_s;
}

void nd_ra_write(struct wr *w, const struct nd_ra *ra)
{
	wr_be32(w, ra->reachable_ms);
	wr_be32(w, ra->retrans_ms);
}

static void nd_opt_begin(struct wr *w, enum nd_opt_type type, size_t len)
{
	wr_u8(w, (uint8_t)type);
	wr_u8(w, (uint8_t)(len / OPT_UNIT));
}

void nd_opt_lladdr_write(struct wr *w, enum nd_opt_type type, const struct eth_addr *addr)
{
	nd_opt_begin(w, type, ND_LLADDR_OPT_LEN);
	wr_bytes(w, addr, sizeof(*addr));
}

void nd_opt_nonce_write(struct wr *w, const uint8_t nonce[static ND_NONCE_LEN])
{
	nd_opt_begin(w, ND_OPT_NONCE, ND_NONCE_OPT_LEN);
	wr_bytes(w, nonce, ND_NONCE_LEN);
}

void nd_opt_mtu_write(struct wr *w, uint32_t mtu)
{
	nd_opt_begin(w, ND_OPT_MTU, ND_MTU_OPT_LEN);
	wr_zero(w, 2);
	wr_be32(w, mtu);
}

void nd_opt_prefix_write(struct wr *w, const struct nd_prefix *prefix)
{
	nd_opt_begin(w, ND_OPT_PREFIX, ND_PREFIX_OPT_LEN);
	wr_u8(w, prefix->len);
	wr_u8(w, (uint8_t)((prefix->on_link ? PREFIX_ON_LINK : 0) |
			   (prefix->autonomous ? PREFIX_AUTONOMOUS : 0)));
	wr_be32(w, prefix->valid_s);
	wr_be32(w, prefix->preferred_s);
	wr_zero(w, 4);
	wr_bytes(w, &prefix->prefix, sizeof(prefix->prefix));
}

void nd_opt_route_write(struct wr *w, const struct nd_route *route)
{
	size_t n_prefix = route->len == 0 ? 0 : route->len <= 64 ? 8 : 16;

	nd_opt_begin(w, ND_OPT_ROUTE, OPT_UNIT + n_prefix);
	wr_u8(w, route->len);
	wr_u8(w, (uint8_t)(route->pref << PREF_SHIFT));
	wr_be32(w, route->lifetime_s);
	wr_bytes(w, &route->prefix, n_prefix);
}

void nd_opt_rdnss_write(struct wr *w, const struct ip6_addr *addrs, size_t n, uint32_t lifetime_s)
{
	nd_opt_begin(w, ND_OPT_RDNSS, OPT_UNIT + n * sizeof(*addrs));
	wr_zero(w, 2);
	wr_be32(w, lifetime_s);
	wr_bytes(w, addrs, n * sizeof(*addrs));
}

void nd_opt_dnssl_write(struct wr *w, const uint8_t *names, size_t len, uint32_t lifetime_s)
{
	size_t pad = (OPT_UNIT - len % OPT_UNIT) % OPT_UNIT;

	nd_opt_begin(w, ND_OPT_DNSSL, OPT_UNIT + len + pad);
	wr_zero(w, 2);
	wr_be32(w, lifetime_s);
	wr_bytes(w, names, len);
	wr_zero(w, pad);
}
