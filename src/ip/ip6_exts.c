/* SPDX-License-Identifier: MIT */
/* Extension headers that an application sends; contracts in ip6_exts.h. */
#include "ip/ip6_exts.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire/ip4.h"
#include "wire/ip6_ext.h"

enum {
	EXT_LEN_MAX = 8 * 255, /* as in Linux */
	RT_HDR_LEN = 8,        /* of a routing header, before its addresses */
	RT_MOBILE = 2,         /* RFC 6275 §6.4: one address, the home address */
	RT_SEGMENTS = 4,       /* RFC 8754 §2: the last to be visited comes first */
	RT_LAST_OFF = 4,       /* of the latter: index of its last entry */
	ADDR_LEN = 16,
};

static size_t off_of(const struct ip6_exts *exts, enum ip6_exts_kind kind)
{
	size_t off = 0;

	for (int i = 0; i < (int)kind; i++)
		off += exts->len[i];
	return off;
}

static size_t size_of(const struct ip6_exts *exts)
{
	return sizeof(*exts) + off_of(exts, IP6_EXTS_KINDS);
}

/* RFC 8754 §2: the entries and what is said about them fit together. */
static bool segments_ok(const uint8_t *p, size_t len, const struct ip6_routing *rt)
{
	size_t n = (size_t)p[RT_LAST_OFF] + 1;

	return rt->n_left <= p[RT_LAST_OFF] && RT_HDR_LEN + ADDR_LEN * n <= len;
}

static bool routing_ok(const uint8_t *p, size_t len)
{
	struct ip6_routing rt;

	ip6_routing_read(p, &rt);
	if (rt.type == RT_MOBILE)
		return len == RT_HDR_LEN + ADDR_LEN && rt.n_left == 1;
	return rt.type == RT_SEGMENTS && segments_ok(p, len, &rt);
}

static int ext_check(enum ip6_exts_kind kind, const uint8_t *p, size_t len, size_t *ret_len)
{
	struct ip6_ext ext;

	if (len < IP6_EXT_LEN_MIN || len % IP6_EXT_LEN_MIN || len > EXT_LEN_MAX)
		return -EINVAL;
	ip6_ext_read(p, &ext);
	if (ext.len > len || (kind == IP6_EXTS_RT && !routing_ok(p, ext.len)))
		return -EINVAL;
	*ret_len = ext.len;
	return 0;
}

int ip6_exts_set(struct mem *mem, struct ip6_exts **exts, enum ip6_exts_kind kind,
		 const void *bytes, size_t len)
{
	static const struct ip6_exts none;
	const struct ip6_exts *old = *exts ? *exts : &none;
	struct ip6_exts *new = NULL;
	size_t n = 0, from = 0, to = 0;
	int err = len ? ext_check(kind, bytes, len, &n) : 0;

	if (err)
		return err;
	if (n || off_of(old, IP6_EXTS_KINDS) > old->len[kind]) {
		new = mem_zalloc(mem, size_of(old) - old->len[kind] + n);
		if (!new)
			return -ENOMEM;
	}
	for (int i = 0; new &&i < IP6_EXTS_KINDS; i++) {
		new->len[i] = i == (int)kind ? (uint16_t)n : old->len[i];
		if (new->len[i])
			memcpy(new->bytes + to,
			       i == (int)kind ? bytes : (const void *)(old->bytes + from),
			       new->len[i]);
		from += old->len[i];
		to += new->len[i];
	}
	ip6_exts_free(mem, *exts);
	*exts = new;
	return 0;
}

const uint8_t *ip6_exts_get(const struct ip6_exts *exts, enum ip6_exts_kind kind, size_t *ret_len)
{
	*ret_len = exts ? exts->len[kind] : 0;
	return exts ? exts->bytes + off_of(exts, kind) : NULL;
}

int ip6_exts_copy(struct mem *mem, const struct ip6_exts *from, struct ip6_exts **ret)
{
	struct ip6_exts *copy;

	if (!from) {
		*ret = NULL;
		return 0;
	}
	copy = mem_alloc(mem, size_of(from));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, from, size_of(from));
	*ret = copy;
	return 0;
}

void ip6_exts_free(struct mem *mem, struct ip6_exts *exts)
{
	if (exts)
		mem_free(mem, exts, size_of(exts));
}

uint32_t ip6_exts_unfrag_len(const struct ip6_exts *exts)
{
	uint32_t dst0 = exts->len[IP6_EXTS_RT] ? exts->len[IP6_EXTS_DST0] : 0;

	return (uint32_t)exts->len[IP6_EXTS_HOP] + dst0 + exts->len[IP6_EXTS_RT];
}

uint32_t ip6_exts_len(const struct ip6_exts *exts)
{
	return ip6_exts_unfrag_len(exts) + exts->len[IP6_EXTS_DST1];
}

/* Where a routing header keeps the address that is visited first. */
static size_t first_off(const uint8_t *p)
{
	struct ip6_routing rt;

	ip6_routing_read(p, &rt);
	return rt.type == RT_MOBILE ? RT_HDR_LEN : RT_HDR_LEN + (size_t)ADDR_LEN * rt.n_left;
}

/* There is somebody to visit before the destination. */
static bool routing_is_ahead(const struct ip6_exts *exts)
{
	struct ip6_routing rt;
	size_t len;
	const uint8_t *p = ip6_exts_get(exts, IP6_EXTS_RT, &len);

	if (len)
		ip6_routing_read(p, &rt);
	return len && rt.n_left > 0;
}

struct ip_addr ip6_exts_via(const struct ip6_exts *exts, const struct ip_addr *dst)
{
	struct ip6_addr first;
	const uint8_t *p;
	size_t len;

	if (likely(!exts) || !routing_is_ahead(exts))
		return *dst;
	p = ip6_exts_get(exts, IP6_EXTS_RT, &len);
	memcpy(&first, p + first_off(p), sizeof(first));
	return ip_addr_from_ip6(&first);
}

/* The destination takes the last place: of type 2 the only one, of type 4 that at the front. */
static void routing_finish(uint8_t *p, const struct ip6_addr *dst)
{
	memcpy(p + RT_HDR_LEN, dst, sizeof(*dst));
}

uint8_t ip6_exts_write(const struct ip6_exts *exts, uint8_t *p, uint8_t proto,
		       const struct ip6_addr *dst)
{
	static const uint8_t types[IP6_EXTS_KINDS] = {
		[IP6_EXTS_HOP] = IP_PROTO_HOPOPTS,
		[IP6_EXTS_DST0] = IP_PROTO_DSTOPTS,
		[IP6_EXTS_RT] = IP_PROTO_ROUTING,
		[IP6_EXTS_DST1] = IP_PROTO_DSTOPTS,
	};
	size_t from = 0;
	uint8_t first = proto, *next = &first;

	for (int i = 0; i < IP6_EXTS_KINDS; i++) {
		size_t len = exts->len[i];

		if (len && (i != IP6_EXTS_DST0 || exts->len[IP6_EXTS_RT])) {
			memcpy(p, exts->bytes + from, len);
			if (i == IP6_EXTS_RT)
				routing_finish(p, dst);
			*next = types[i];
			next = p;
			p += len;
		}
		from += len;
	}
	*next = proto;
	return first;
}
