/* SPDX-License-Identifier: MIT */
/*
 * IPv6 extension headers (RFC 8200 §4): those made of options, routing headers, fragment headers,
 * and the way through a chain of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/load.h"

enum {
	IP6_EXT_LEN_MIN = 8, /* and the unit of every length */
	IP6_FRAG_LEN = 8,
	/* RFC 8504 §5.3 lets a node limit the chain; more headers than these make no sense. */
	IP6_EXTS_MAX = 8,
};

enum ip6_opt_type {
	IP6_OPT_PAD1 = 0,
	IP6_OPT_PADN = 1,
	IP6_OPT_ROUTER_ALERT = 5, /* RFC 2711 */
	IP6_OPT_JUMBO = 0xc2,     /* RFC 2675 */
	IP6_OPT_HOME_ADDR = 0xc9, /* RFC 6275 §6.3 */
};

/* What to do about an option that is not known: the upper two bits of its type (§4.2). */
enum ip6_opt_action {
	IP6_OPT_SKIP,
	IP6_OPT_DISCARD,
	IP6_OPT_ICMP, /* discard and tell the source, also when the packet was for a group */
	IP6_OPT_ICMP_UNICAST, /* the same, but not then */
};

/* What hop-by-hop, routing and destination options headers begin with. */
struct ip6_ext {
	uint8_t next_hdr;
	uint16_t len; /* bytes, with these; a multiple of 8 */
};

static inline void ip6_ext_read(const uint8_t *p, struct ip6_ext *ret)
{
	ret->next_hdr = p[0];
	ret->len = (uint16_t)((p[1] + 1) * IP6_EXT_LEN_MIN);
}

struct ip6_routing {
	uint8_t type;
	uint8_t n_left; /* segments that are still to be visited */
};

/* The header's first four bytes are present. */
static inline void ip6_routing_read(const uint8_t *p, struct ip6_routing *ret)
{
	ret->type = p[2];
	ret->n_left = p[3];
}

struct ip6_frag {
	uint32_t id;
	uint16_t off; /* bytes, a multiple of 8 */
	uint8_t next_hdr;
	bool more;
};

/* IP6_FRAG_LEN bytes. */
static inline void ip6_frag_read(const uint8_t *p, struct ip6_frag *ret)
{
	uint16_t word = load_be16(p + 2);

	ret->next_hdr = p[0];
	ret->off = word & 0xfff8;
	ret->more = word & 1;
	ret->id = load_be32(p + 4);
}

static inline void ip6_frag_write(uint8_t *p, const struct ip6_frag *frag)
{
	p[0] = frag->next_hdr;
	p[1] = 0;
	store_be16(p + 2, (uint16_t)((frag->off & 0xfff8) | (frag->more ? 1 : 0)));
	store_be32(p + 4, frag->id);
}

/* One option of a hop-by-hop or destination options header. */
struct ip6_opt {
	uint8_t type;
	uint8_t len;         /* of its data */
	uint16_t off;        /* of its type byte from the start of the extension header */
	const uint8_t *data; /* in place */
};

static inline enum ip6_opt_action ip6_opt_action(uint8_t type)
{
	return (enum ip6_opt_action)(type >> 6);
}

/* Walks over the options of a header of `len` bytes, all present. */
struct ip6_opts_iter {
	const uint8_t *hdr;
	uint16_t off, len;
	uint16_t n_pad; /* bytes of padding since the last option */
};

static inline struct ip6_opts_iter ip6_opts_iter(const uint8_t *hdr, uint16_t len)
{
	return (struct ip6_opts_iter){.hdr = hdr, .off = 2, .len = len};
}

/* The next option that is no padding. 1; 0: no more; -EBADMSG: one reaches beyond the header; then
 * it->off is where it stands. -EINVAL: padding that no honest sender makes, more than 7 bytes of it
 * or not all zero (RFC 4942 §2.1.9.5; Linux, too). */
int ip6_opts_next(struct ip6_opts_iter *it, struct ip6_opt *ret) MUST_CHECK;

/* Where a chain of extension headers leads. */
struct ip6_chain {
	uint8_t proto;
	bool is_later_frag; /* there is a fragment header with an offset: what follows is payload */
	uint32_t len;       /* of all extension headers, bytes */
	uint32_t next_off;  /* of the field that says `proto`, from the first extension header;
			       UINT32_MAX: the fixed header's */
};

/* Walks over hop-by-hop, routing, destination options, fragment headers of `len` bytes at `p`, of
 * which the first is `next_hdr`. Behind a later fragment's header it stops. 0, or -EBADMSG: cut
 * off, or more than IP6_EXTS_MAX. */
int ip6_chain_skip(const uint8_t *p, size_t len, uint8_t next_hdr,
		   struct ip6_chain *ret) MUST_CHECK;
