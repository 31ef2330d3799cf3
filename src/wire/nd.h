/* SPDX-License-Identifier: MIT */
/*
 * Neighbour discovery codec (RFC 4861 §4): the bodies behind the 8 bytes of ICMPv6 headers, and the
 * options, with those of RFC 4191 (routes), RFC 7527 (nonce) and RFC 8106 (name servers).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "wire/addr.h"

enum {
	ND_HOP_LIMIT = 255, /* of every message: nobody off the link can send one */
	ND_NS_LEN = 8 + 16, /* with the ICMPv6 header, without options */
	ND_NA_LEN = 8 + 16,
	ND_RS_LEN = 8,
	ND_RA_LEN = 8 + 8,
	ND_REDIRECT_LEN = 8 + 32,
	ND_LLADDR_OPT_LEN = 8, /* of Ethernet */
	ND_NONCE_OPT_LEN = 8,
	ND_NONCE_LEN = 6,
	ND_PREFIX_OPT_LEN = 32,
	ND_MTU_OPT_LEN = 8,
	/* What is taken of one message; the rest is ignored. */
	ND_PREFIXES_MAX = 16,
	ND_ROUTES_MAX = 16,
	ND_DNS_MAX = 8,
};

enum nd_opt_type {
	ND_OPT_SRC_LLADDR = 1,
	ND_OPT_DST_LLADDR = 2,
	ND_OPT_PREFIX = 3,
	ND_OPT_REDIRECTED = 4,
	ND_OPT_MTU = 5,
	ND_OPT_NONCE = 14, /* RFC 3971, used by RFC 7527 */
	ND_OPT_ROUTE = 24, /* RFC 4191 */
	ND_OPT_RDNSS = 25, /* RFC 8106 */
	ND_OPT_DNSSL = 31,
};

/* Router preference as on the wire (RFC 4191 §2.1). */
enum nd_pref {
	ND_PREF_MEDIUM = 0,
	ND_PREF_HIGH = 1,
	ND_PREF_RESERVED = 2,
	ND_PREF_LOW = 3,
};

static const uint32_t ND_INFINITE_S = UINT32_MAX;

/* Flags of a neighbour advertisement, in the word after the checksum. */
static const uint32_t ND_NA_ROUTER = 0x80000000u;
static const uint32_t ND_NA_SOLICITED = 0x40000000u;
static const uint32_t ND_NA_OVERRIDE = 0x20000000u;

/* A router advertisement's fixed part. */
struct nd_ra {
	uint8_t hop_limit; /* 0: not said */
	bool managed, other;
	uint8_t pref; /* enum nd_pref */
	uint16_t router_lifetime_s;
	uint32_t reachable_ms; /* 0: not said */
	uint32_t retrans_ms;
};

struct nd_prefix {
	struct ip6_addr prefix; /* bits beyond len are zero */
	uint8_t len;            /* 0 to 128 */
	bool on_link, autonomous;
	uint32_t valid_s, preferred_s; /* ND_INFINITE_S: for ever */
};

struct nd_route {
	struct ip6_addr prefix;
	uint8_t len;
	uint8_t pref;
	uint32_t lifetime_s;
};

/* What the options of one message say. Those that are not known are skipped (§4.6). */
struct nd_opts {
	bool has_src_lladdr, has_dst_lladdr, has_mtu, has_nonce;
	struct eth_addr src_lladdr, dst_lladdr;
	uint32_t mtu;
	uint8_t nonce[ND_NONCE_LEN];
	uint32_t n_prefixes, n_routes, n_dns;
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
	struct nd_route routes[ND_ROUTES_MAX];
	struct {
		struct ip6_addr addr;
		uint32_t lifetime_s;
	} dns[ND_DNS_MAX];
	/* The search list: names as in DNS, without compression; of the last such option. */
	const uint8_t *dnssl;
	size_t dnssl_len;
	uint32_t dnssl_lifetime_s;
};

/* Reads options up to the end of `r`. 0, or -EBADMSG with `ret` untouched: one of length 0, or that
 * reaches beyond the message; then the whole message is to be discarded (§4.6). */
int nd_opts_parse(struct rd *r, struct nd_opts *ret) MUST_CHECK;
/* The same without keeping anything: whether they are well formed, and which link-layer addresses
 * and nonce they have. */
struct nd_lladdrs {
	bool has_src, has_dst, has_nonce;
	struct eth_addr src, dst;
	uint8_t nonce[ND_NONCE_LEN];
};
int nd_lladdrs_parse(struct rd *r, struct nd_lladdrs *ret) MUST_CHECK;

/* The fixed part of a router advertisement; `rest` is the word after the checksum, `r` behind it.
 * 0 or -EBADMSG. */
int nd_ra_parse(uint32_t rest, struct rd *r, struct nd_ra *ret) MUST_CHECK;
uint32_t nd_ra_rest(const struct nd_ra *ra);
void nd_ra_write(struct wr *w, const struct nd_ra *ra); /* what follows that word */

void nd_opt_lladdr_write(struct wr *w, enum nd_opt_type type, const struct eth_addr *addr);
void nd_opt_nonce_write(struct wr *w, const uint8_t nonce[static ND_NONCE_LEN]);
void nd_opt_mtu_write(struct wr *w, uint32_t mtu);
void nd_opt_prefix_write(struct wr *w, const struct nd_prefix *prefix);
void nd_opt_route_write(struct wr *w, const struct nd_route *route);
void nd_opt_rdnss_write(struct wr *w, const struct ip6_addr *addrs, size_t n, uint32_t lifetime_s);
/* `names`: as in DNS, `len` bytes. */
void nd_opt_dnssl_write(struct wr *w, const uint8_t *names, size_t len, uint32_t lifetime_s);
