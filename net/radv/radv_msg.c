/* SPDX-License-Identifier: MIT */
/* The messages of radv; contracts in radv_msg.h. */
#include "net/radv/radv_msg.h"

#include <string.h>

#include "base/cursor.h"

enum {
	RUN_DOWN_GRACE_S = 5,
	OPT_SRC_LLADDR = 1,
	OPT_PREFIX = 3,
	OPT_MTU = 5,
	OPT_ROUTE = 24,
	OPT_RDNSS = 25,
	OPT_DNSSL = 31,
	OPT_UNIT = 8,
	PREFIX_UNITS = 4,
	PREFIX_BODY = PREFIX_UNITS * OPT_UNIT - 2,
	FLAG_MANAGED = 0x80,
	FLAG_OTHER = 0x40,
	FLAG_ON_LINK = 0x80,
	FLAG_AUTONOMOUS = 0x40,
	PREF_SHIFT = 3,
	RS_LEN = 8,
	RA_LEN = 16,
	LABEL_MAX = 63,
	NAME_MAX_BYTES = 255,
	INTERVAL_MIN_S = 4,
	INTERVAL_MAX_S = 1800,
	LIFETIME_MAX_S = 9000,
	REACHABLE_MAX_MS = 3600000,
	MTU_MIN = 1280,
};

/*
 * Settings.
 */

static bool name_is_right(const char *name)
{
	size_t label = 0, len = strlen(name);

	if (!len || len > NAME_MAX_BYTES - 2)
		return false;
	for (; *name; name++) {
		label = *name == '.' ? 0 : label + 1;
		if (label > LABEL_MAX || (*name == '.' && (name[1] == '.' || !name[1])))
			return false;
	}
	return true;
}

static bool lists_are_right(const struct radv_config *c)
{
	if (c->n_prefixes > RADV_PREFIXES_MAX || c->n_routes > RADV_ROUTES_MAX ||
	    c->n_dns > RADV_DNS_MAX || c->n_search > RADV_SEARCH_MAX || c->preferred_s > c->valid_s)
		return false;
	for (uint32_t i = 0; i < c->n_prefixes; i++)
		if (c->prefixes[i].len > 128 || c->prefixes[i].preferred_s > c->prefixes[i].valid_s)
			return false;
	for (uint32_t i = 0; i < c->n_routes; i++)
		if (c->routes[i].len > 128)
			return false;
	for (uint32_t i = 0; i < c->n_search; i++)
		if (*c->search[i] == '.' || !name_is_right(c->search[i]))
			return false;
	return true;
}

bool radv_config_is_right(const struct radv_config *c)
{
	if (c->max_interval_s < INTERVAL_MIN_S || c->max_interval_s > INTERVAL_MAX_S)
		return false;
	if (c->min_interval_s &&
	    (c->min_interval_s < 3 || c->min_interval_s > c->max_interval_s * 3 / 4))
		return false;
	if (c->lifetime_s && (c->lifetime_s < c->max_interval_s || c->lifetime_s > LIFETIME_MAX_S))
		return false;
	if (c->reachable_ms > REACHABLE_MAX_MS || (c->mtu && c->mtu < MTU_MIN))
		return false;
	return lists_are_right(c);
}

/*
 * Out.
 */

static void prefix_write(struct wr *w, const struct radv_prefix *p)
{
	wr_u8(w, OPT_PREFIX);
	wr_u8(w, PREFIX_UNITS);
	wr_u8(w, p->len);
	wr_u8(w,
	      (uint8_t)((p->on_link ? FLAG_ON_LINK : 0) | (p->autonomous ? FLAG_AUTONOMOUS : 0)));
	wr_be32(w, p->valid_s);
	wr_be32(w, p->preferred_s);
	wr_zero(w, 4);
	wr_bytes(w, p->prefix, sizeof(p->prefix));
}

static void route_write(struct wr *w, const struct radv_route *r)
{
	size_t n = r->len == 0 ? 0 : r->len <= 64 ? 8 : 16;

	wr_u8(w, OPT_ROUTE);
	wr_u8(w, (uint8_t)(1 + n / OPT_UNIT));
	wr_u8(w, r->len);
	wr_u8(w, (uint8_t)(r->pref << PREF_SHIFT));
	wr_be32(w, r->lifetime_s);
	wr_bytes(w, r->prefix, n);
}

static size_t name_write(uint8_t *buf, const char *name)
{
	uint8_t *start = buf;

	while (*name) {
		size_t n = strcspn(name, ".");

		*buf++ = (uint8_t)n;
		memcpy(buf, name, n);
		buf += n;
		name += n + (name[n] == '.');
	}
	*buf++ = 0;
	return (size_t)(buf - start);
}

static void search_write(struct wr *w, const struct radv_config *c)
{
	uint8_t names[RADV_SEARCH_MAX * (NAME_MAX_BYTES + 1)];
	size_t len = 0, pad;

	for (uint32_t i = 0; i < c->n_search; i++)
		len += name_write(names + len, c->search[i]);
	pad = (OPT_UNIT - len % OPT_UNIT) % OPT_UNIT;
	wr_u8(w, OPT_DNSSL);
	wr_u8(w, (uint8_t)((OPT_UNIT + len + pad) / OPT_UNIT));
	wr_zero(w, 2);
	wr_be32(w, c->dns_lifetime_s);
	wr_bytes(w, names, len);
	wr_zero(w, pad);
}

static void dns_write(struct wr *w, const struct radv_config *c)
{
	wr_u8(w, OPT_RDNSS);
	wr_u8(w, (uint8_t)(1 + 2 * c->n_dns));
	wr_zero(w, 2);
	wr_be32(w, c->dns_lifetime_s);
	wr_bytes(w, c->dns, 16 * (size_t)c->n_dns);
}

static void options_write(struct wr *w, const struct radv_config *c, const uint8_t mac[6])
{
	wr_u8(w, OPT_SRC_LLADDR);
	wr_u8(w, 1);
	wr_bytes(w, mac, 6);
	if (c->mtu) {
		wr_u8(w, OPT_MTU);
		wr_u8(w, 1);
		wr_zero(w, 2);
		wr_be32(w, c->mtu);
	}
	for (uint32_t i = 0; i < c->n_prefixes; i++)
		prefix_write(w, &c->prefixes[i]);
	for (uint32_t i = 0; i < c->n_routes; i++)
		route_write(w, &c->routes[i]);
	if (c->n_dns)
		dns_write(w, c);
	if (c->n_search)
		search_write(w, c);
}

size_t radv_ra_write(const struct radv_config *c, const uint8_t mac[6], bool is_last,
		     uint8_t buf[RADV_MSG_MAX])
{
	struct wr w = wr_make(buf, RADV_MSG_MAX);

	wr_u8(&w, RADV_RA);
	wr_zero(&w, 3); /* code; the socket fills in the checksum */
	wr_u8(&w, c->hop_limit);
	wr_u8(&w, (uint8_t)((c->managed ? FLAG_MANAGED : 0) | (c->other ? FLAG_OTHER : 0) |
			    c->pref << PREF_SHIFT));
	wr_be16(&w, is_last ? 0 : (uint16_t)c->lifetime_s);
	wr_be32(&w, c->reachable_ms);
	wr_be32(&w, c->retrans_ms);
	options_write(&w, c, mac);
	return wr_ok(&w) ? wr_len(&w) : 0;
}

/*
 * In.
 */

struct opt {
	uint8_t type;
	struct rd body; /* behind type and length */
};

/* 1; 0: no more; -1: malformed. */
static int opt_next(struct rd *r, struct opt *ret)
{
	size_t len;

	if (!rd_left(r))
		return 0;
	ret->type = rd_u8(r);
	len = rd_u8(r) * (size_t)OPT_UNIT;
	if (!len)
		return -1;
	ret->body = rd_sub(r, len - 2);
	return rd_ok(r) ? 1 : -1;
}

/* Well formed; `ret_has_src`: one of them is a link-layer address. */
static bool opts_are_right(struct rd r, bool *ret_has_src)
{
	struct opt opt;
	int n;

	*ret_has_src = false;
	while ((n = opt_next(&r, &opt)) > 0)
		if (opt.type == OPT_SRC_LLADDR)
			*ret_has_src = true;
	return n == 0;
}

bool radv_rs_is_right(const uint8_t *msg, size_t len, bool src_is_unspecified)
{
	struct rd r = rd_make(msg, len);
	bool has_src;

	if (len < RS_LEN || msg[1] != 0)
		return false;
	rd_skip(&r, RS_LEN);
	return opts_are_right(r, &has_src) && !(src_is_unspecified && has_src);
}

bool radv_ra_is_right(const uint8_t *msg, size_t len, bool src_is_link_local)
{
	struct rd r = rd_make(msg, len);
	bool has_src;

	if (len < RA_LEN || msg[1] != 0 || !src_is_link_local)
		return false;
	rd_skip(&r, RA_LEN);
	return opts_are_right(r, &has_src);
}

static bool differ(uint32_t ours, uint32_t theirs)
{
	return ours && theirs && ours != theirs;
}

/* Those that run down are compared as they are now, which clocks and links blur. */
static bool lifetimes_agree(const struct radv_config *c, uint32_t ours_s, uint32_t theirs_s)
{
	uint32_t diff_s = ours_s > theirs_s ? ours_s - theirs_s : theirs_s - ours_s;

	return diff_s <= (c->run_down ? RUN_DOWN_GRACE_S : 0u);
}

static bool prefix_is_consistent(const struct radv_config *c, struct rd *body)
{
	struct radv_prefix p = {.len = rd_u8(body)};

	rd_skip(body, 1);
	p.valid_s = rd_be32(body);
	p.preferred_s = rd_be32(body);
	rd_skip(body, 4);
	rd_copy(body, p.prefix, sizeof(p.prefix));
	for (uint32_t i = 0; i < c->n_prefixes; i++) {
		const struct radv_prefix *ours = &c->prefixes[i];

		if (ours->len == p.len && memcmp(ours->prefix, p.prefix, 16) == 0)
			return lifetimes_agree(c, ours->valid_s, p.valid_s) &&
			       lifetimes_agree(c, ours->preferred_s, p.preferred_s);
	}
	return true;
}

bool radv_ra_is_consistent(const struct radv_config *c, const uint8_t *msg, size_t len)
{
	struct rd r = rd_make(msg, len);
	uint8_t hop_limit, flags;
	struct opt opt;

	rd_skip(&r, 4);
	hop_limit = rd_u8(&r);
	flags = rd_u8(&r);
	rd_skip(&r, 2);
	if (differ(c->hop_limit, hop_limit) || c->managed != !!(flags & FLAG_MANAGED) ||
	    c->other != !!(flags & FLAG_OTHER) || differ(c->reachable_ms, rd_be32(&r)) ||
	    differ(c->retrans_ms, rd_be32(&r)))
		return false;
	while (opt_next(&r, &opt) > 0) {
		if (opt.type == OPT_PREFIX && rd_left(&opt.body) == PREFIX_BODY &&
		    !prefix_is_consistent(c, &opt.body))
			return false;
		if (opt.type == OPT_MTU && rd_left(&opt.body) == 6) {
			rd_skip(&opt.body, 2);
			if (differ(c->mtu, rd_be32(&opt.body)))
				return false;
		}
	}
	return true;
}
