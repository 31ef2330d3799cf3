/* SPDX-License-Identifier: MIT */
/* IPv4 options at work; contracts in ip4_opts.h. */
#include "ip/ip4_opts.h"

#include <errno.h>
#include <string.h>

#include "core/engine.h"
#include "ip/ip4.h"

enum {
	PTR_OFF = 2, /* in an option: where the next entry goes, from 1 */
	TS_FLAGS_OFF = 3,
	SRC_OFF = 12,      /* in a header */
	ROUTE_HDR_LEN = 3, /* of a source route: type, length, pointer */
	TS_OVERFLOW_MAX = 15,
	TS_NONSTANDARD = 0x80, /* of a time that is not milliseconds since midnight UT */
};

static bool is_source_route(const struct ip4_opt *opt)
{
	return opt->type == IP4_OPT_LSRR || opt->type == IP4_OPT_SSRR;
}

/* Bytes of the entry that is written next. */
static uint32_t entry_len(const struct ip4_opt *opt)
{
	return opt->type == IP4_OPT_TS && opt->ts_flag != IP4_OPT_TS_ONLY ? 8 : 4;
}

static bool has_room(const struct ip4_opt *opt)
{
	return opt->ptr + entry_len(opt) - 1 <= opt->len;
}

/* The byte that is wrong, from the option's start; 0: none. A rest that holds no whole entry, and
 * one hop too many that had no room. */
static uint8_t room_fault(const struct ip4_opt *opt)
{
	if (opt->type != IP4_OPT_RR && opt->type != IP4_OPT_TS && !is_source_route(opt))
		return 0;
	if (opt->ptr <= opt->len)
		return has_room(opt) ? 0 : PTR_OFF;
	return opt->type == IP4_OPT_TS && opt->ts_overflow == TS_OVERFLOW_MAX ? TS_FLAGS_OFF : 0;
}

uint8_t ip4_opts_fault(const uint8_t *hdr, size_t hdr_len, bool *ret_has_route)
{
	struct ip4_opts_iter it = ip4_opts_iter(hdr, hdr_len);
	struct ip4_opt opt;
	int err;

	*ret_has_route = false;
	while ((err = ip4_opts_next(&it, &opt)) > 0) {
		uint8_t fault = room_fault(&opt);

		if (fault)
			return (uint8_t)(opt.off + fault);
		if (is_source_route(&opt) && *ret_has_route)
			return opt.off;
		*ret_has_route |= is_source_route(&opt);
	}
	return err ? it.err_off : 0;
}

/* The source route among options, from the start of a header on; false: there is none. */
static bool route_find(const uint8_t *hdr, size_t hdr_len, struct ip4_opt *ret)
{
	struct ip4_opts_iter it = ip4_opts_iter(hdr, hdr_len);

	while (ip4_opts_next(&it, ret) > 0)
		if (is_source_route(ret))
			return true;
	return false;
}

/* An application gives all addresses on the way; on the wire the first is the destination, and the
 * others move up. -EINVAL: none is given, or some count as visited. */
static int route_set(struct ip4_opts *opts, uint8_t *hdr, size_t hdr_len)
{
	struct ip4_opt opt;
	uint8_t *list;

	if (!route_find(hdr, hdr_len, &opt))
		return 0;
	if (opt.ptr != ROUTE_HDR_LEN + 1 || opt.len < ROUTE_HDR_LEN + 4 ||
	    (opt.len - ROUTE_HDR_LEN) % 4)
		return -EINVAL;
	list = hdr + opt.off + ROUTE_HDR_LEN;
	memcpy(&opts->first, list, sizeof(opts->first));
	memmove(list, list + 4, (size_t)opt.len - ROUTE_HDR_LEN - 4);
	memset(hdr + opt.off + opt.len - 4, 0, 4);
	opts->route = (uint8_t)(opt.off + opt.len - IP4_HDR_LEN);
	opts->is_strict = opt.type == IP4_OPT_SSRR;
	return 0;
}

int ip4_opts_set(const struct stack *st, struct ip4_opts *opts, const void *bytes, size_t len)
{
	uint8_t hdr[IP4_HDR_MAX] = {0};
	size_t padded = (len + 3) & ~(size_t)3;
	struct ip4_opts new = {.len = (uint8_t)padded};
	bool has_route;

	if (len > IP4_OPTS_MAX)
		return -EINVAL;
	if (len)
		memcpy(hdr + IP4_HDR_LEN, bytes, len);
	if (ip4_opts_fault(hdr, IP4_HDR_LEN + padded, &has_route))
		return -EINVAL;
	if (has_route && !st->ip4->if_default.accept_source_route)
		return -EOPNOTSUPP;
	if (has_route && route_set(&new, hdr, IP4_HDR_LEN + padded))
		return -EINVAL;
	memcpy(new.bytes, hdr + IP4_HDR_LEN, padded);
	*opts = new;
	return 0;
}

size_t ip4_opts_get(const struct ip4_opts *opts, uint8_t ret[static IP4_OPTS_MAX])
{
	uint8_t hdr[IP4_HDR_MAX] = {0};
	struct ip4_opt opt;
	uint8_t *list;

	memcpy(hdr + IP4_HDR_LEN, opts->bytes, opts->len);
	if (opts->route && route_find(hdr, (size_t)IP4_HDR_LEN + opts->len, &opt)) {
		list = hdr + opt.off + ROUTE_HDR_LEN;
		memmove(list + 4, list, (size_t)opt.len - ROUTE_HDR_LEN - 4);
		memcpy(list, &opts->first, sizeof(opts->first));
	}
	memcpy(ret, hdr + IP4_HDR_LEN, opts->len);
	return opts->len;
}

bool ip4_opts_next_hop(const uint8_t *hdr, size_t hdr_len, struct ip4_addr *ret,
		       bool *ret_is_strict)
{
	struct ip4_opts_iter it = ip4_opts_iter(hdr, hdr_len);
	struct ip4_opt opt;

	while (ip4_opts_next(&it, &opt) > 0) {
		if (!is_source_route(&opt) || !has_room(&opt))
			continue;
		memcpy(ret, hdr + opt.off + opt.ptr - 1, sizeof(*ret));
		*ret_is_strict = opt.type == IP4_OPT_SSRR;
		return true;
	}
	return false;
}

struct ip4_addr ip4_opts_final(const uint8_t *hdr, size_t hdr_len, struct ip4_addr dst)
{
	struct ip4_opt opt;

	if (unlikely(hdr_len > IP4_HDR_LEN) && route_find(hdr, hdr_len, &opt) && has_room(&opt))
		memcpy(&dst, hdr + opt.off + opt.len - 4, sizeof(dst));
	return dst;
}

/*
 * Writing.
 */

/* Milliseconds since midnight UT, as far as anybody has told us what time it is. */
static uint32_t time_of_day(const struct stack *st)
{
	int64_t ms = (st->eng->epoch_ns + st->eng->now_ns) / 1000000;
	uint32_t v = (uint32_t)(ms % (INT64_C(24) * 3600 * 1000));

	return st->eng->epoch_ns ? v : v | (uint32_t)TS_NONSTANDARD << 24;
}

/* One entry of a timestamp; prespecified ones are for those whom they name. */
static bool time_write(const struct stack *st, const struct ip4_opt *opt, uint8_t *p,
		       struct ip4_addr own)
{
	struct ip4_addr named;

	if (opt->ts_flag == IP4_OPT_TS_ONLY) {
		store_be32(p, time_of_day(st));
		return true;
	}
	memcpy(&named, p, sizeof(named));
	if (opt->ts_flag == IP4_OPT_TS_PRESPEC && ip4_own(st->ip4, named) != IP4_OWN_LOCAL)
		return false;
	if (opt->ts_flag == IP4_OPT_TS_ADDR)
		memcpy(p, &own, sizeof(own));
	store_be32(p + 4, time_of_day(st));
	return true;
}

/* Adds to record routes and timestamps; `is_hop`: who finds no room is counted. The checksum is the
 * caller's affair. */
static void opts_record(const struct stack *st, uint8_t *hdr, size_t hdr_len, struct ip4_addr own,
			bool is_hop)
{
	struct ip4_opts_iter it = ip4_opts_iter(hdr, hdr_len);
	struct ip4_opt opt;

	while (ip4_opts_next(&it, &opt) > 0) {
		uint8_t *o = hdr + opt.off;

		if (opt.type != IP4_OPT_RR && opt.type != IP4_OPT_TS)
			continue;
		if (!has_room(&opt)) {
			if (opt.type == IP4_OPT_TS && is_hop && opt.ts_overflow < TS_OVERFLOW_MAX)
				o[TS_FLAGS_OFF] = (uint8_t)(o[TS_FLAGS_OFF] + 0x10);
			continue;
		}
		if (opt.type == IP4_OPT_RR)
			memcpy(o + opt.ptr - 1, &own, sizeof(own));
		else if (!time_write(st, &opt, o + opt.ptr - 1, own))
			continue;
		o[PTR_OFF] = (uint8_t)(opt.ptr + entry_len(&opt));
	}
}

/* RFC 791 §3.1: our address takes the place of the next one, which becomes the destination. */
static void route_advance(uint8_t *hdr, size_t hdr_len, struct ip4_addr own, struct ip4_addr dst)
{
	struct ip4_opts_iter it = ip4_opts_iter(hdr, hdr_len);
	struct ip4_opt opt;

	while (ip4_opts_next(&it, &opt) > 0) {
		if (!is_source_route(&opt) || !has_room(&opt))
			continue;
		memcpy(hdr + opt.off + opt.ptr - 1, &own, sizeof(own));
		hdr[opt.off + PTR_OFF] = (uint8_t)(opt.ptr + 4);
	}
	memcpy(hdr + 16, &dst, sizeof(dst));
}

void ip4_opts_forward(const struct stack *st, uint8_t *hdr, size_t hdr_len, struct ip4_addr own,
		      struct ip4_addr dst)
{
	struct ip4_hdr h;

	ip4_hdr_read(hdr, &h);
	if (!ip4_addr_eq(&h.dst, &dst))
		route_advance(hdr, hdr_len, own, dst);
	opts_record(st, hdr, hdr_len, own, true);
	ip4_hdr_csum_set(hdr, hdr_len);
}

/* RFC 1122 §3.2.1.8: the way back, at `at` of the header `to`; returns where it ends. What has been
 * visited is gone through from its end, without the sender when it wrote itself down as the first
 * (RFC 1812 §5.2.4.1). */
static size_t route_turn(const uint8_t *hdr, size_t hdr_len, uint8_t *to, size_t at,
			 struct ip4_opts *ret)
{
	struct ip4_opt opt;
	const uint8_t *list;
	size_t n;

	if (!route_find(hdr, hdr_len, &opt))
		return at;
	list = hdr + opt.off + ROUTE_HDR_LEN;
	n = ((size_t)(opt.ptr <= opt.len ? opt.ptr - 1 : opt.len) - ROUTE_HDR_LEN) / 4;
	if (n > 0 && memcmp(list, hdr + SRC_OFF, 4) == 0) {
		list += 4;
		n--;
	}
	if (n == 0)
		return at;
	memcpy(&ret->first, list + 4 * (n - 1), sizeof(ret->first));
	to[at] = opt.type;
	to[at + 1] = (uint8_t)(ROUTE_HDR_LEN + 4 * n);
	to[at + PTR_OFF] = ROUTE_HDR_LEN + 1;
	for (size_t i = 0; i + 1 < n; i++)
		memcpy(to + at + ROUTE_HDR_LEN + 4 * i, list + 4 * (n - 2 - i), 4);
	at += ROUTE_HDR_LEN + 4 * n;
	ret->route = (uint8_t)(at - IP4_HDR_LEN);
	ret->is_strict = opt.type == IP4_OPT_SSRR;
	return at;
}

void ip4_opts_echo(const struct stack *st, const uint8_t *hdr, size_t hdr_len, struct ip4_addr own,
		   struct ip4_opts *ret)
{
	static const uint8_t order[] = {IP4_OPT_RR, IP4_OPT_TS};
	uint8_t copy[IP4_HDR_MAX] = {0};
	size_t at;

	*ret = (struct ip4_opts){.len = 0};
	at = route_turn(hdr, hdr_len, copy, IP4_HDR_LEN, ret);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct ip4_opts_iter it = ip4_opts_iter(hdr, hdr_len);
		struct ip4_opt opt;

		while (ip4_opts_next(&it, &opt) > 0) {
			if (opt.type != order[i] || at + opt.len > sizeof(copy))
				continue;
			memcpy(copy + at, hdr + opt.off, opt.len);
			at += opt.len;
			break;
		}
	}
	at = (at + 3) & ~(size_t)3;
	opts_record(st, copy, at, own, true);
	ret->len = (uint8_t)(at - IP4_HDR_LEN);
	memcpy(ret->bytes, copy + IP4_HDR_LEN, ret->len);
}

void ip4_opts_received(const struct stack *st, const uint8_t *hdr, size_t hdr_len,
		       struct ip4_addr own, struct ip4_opts *ret)
{
	uint8_t copy[IP4_HDR_MAX];

	*ret = (struct ip4_opts){.len = 0};
	memcpy(copy, hdr, hdr_len);
	opts_record(st, copy, hdr_len, own, true);
	ret->len = (uint8_t)(hdr_len - IP4_HDR_LEN);
	memcpy(ret->bytes, copy + IP4_HDR_LEN, ret->len);
}

void ip4_opts_send(const struct stack *st, const struct ip4_opts *opts, uint8_t *hdr,
		   struct ip4_addr own, struct ip4_addr dst)
{
	memcpy(hdr + IP4_HDR_LEN, opts->bytes, opts->len);
	if (opts->route)
		memcpy(hdr + IP4_HDR_LEN + opts->route - 4, &dst, sizeof(dst));
	opts_record(st, hdr, (size_t)IP4_HDR_LEN + opts->len, own, false);
}
