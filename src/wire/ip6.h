/* SPDX-License-Identifier: MIT */
/*
 * IPv6 fixed header codec (RFC 8200 §3); extension headers are in ip6_ext.h. Next-header numbers
 * are `enum ip_proto_num` of wire/ip4.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "base/load.h"
#include "wire/addr.h"

enum {
	IP6_HDR_LEN = 40,
	IP6_PAYLOAD_MAX = 65535, /* extension headers are part of it; no jumbograms */
	IP6_MTU_MIN = 1280,      /* RFC 8200 §5 */
	IP6_FLOW_MASK = 0xfffff,
};

struct ip6_hdr {
	struct ip6_addr src;
	struct ip6_addr dst;
	uint32_t flow;        /* label, 20 bits */
	uint16_t payload_len; /* after the fixed header, bytes; 0 with a jumbo payload option */
	uint8_t version;      /* as read; ip6_hdr_write() writes 6 */
	uint8_t tclass;       /* DSCP and ECN */
	uint8_t next_hdr;
	uint8_t hop_limit;
};

/* What is wrong with a header; each is a drop reason of its own. */
enum ip6_hdr_err {
	IP6_HDR_OK = 0,
	IP6_HDR_SHORT,     /* fewer bytes than a header */
	IP6_HDR_VERSION,   /* not 6 */
	IP6_HDR_TRUNCATED, /* payload length beyond the bytes present */
};

static inline void ip6_hdr_read(const uint8_t *p, struct ip6_hdr *ret)
{
	uint32_t first = load_be32(p);

	ret->version = (uint8_t)(first >> 28);
	ret->tclass = (uint8_t)(first >> 20);
	ret->flow = first & IP6_FLOW_MASK;
	ret->payload_len = load_be16(p + 4);
	ret->next_hdr = p[6];
	ret->hop_limit = p[7];
	memcpy(&ret->src, p + 8, 16);
	memcpy(&ret->dst, p + 24, 16);
}

static inline void ip6_hdr_write(uint8_t *p, const struct ip6_hdr *hdr)
{
	store_be32(p, 6u << 28 | (uint32_t)hdr->tclass << 20 | (hdr->flow & IP6_FLOW_MASK));
	store_be16(p + 4, hdr->payload_len);
	p[6] = hdr->next_hdr;
	p[7] = hdr->hop_limit;
	memcpy(p + 8, &hdr->src, 16);
	memcpy(p + 24, &hdr->dst, 16);
}

/* One hop less; the header has no checksum that would change. */
static inline void ip6_hops_dec(uint8_t *p)
{
	p[7]--;
}

/* Judges a header against `len`, the bytes present from its start on. */
static inline enum ip6_hdr_err ip6_hdr_check(const struct ip6_hdr *hdr, size_t len)
{
	if (unlikely(hdr->version != 6))
		return IP6_HDR_VERSION;
	if (unlikely(len < IP6_HDR_LEN))
		return IP6_HDR_SHORT;
	if (unlikely(hdr->payload_len > len - IP6_HDR_LEN))
		return IP6_HDR_TRUNCATED;
	return IP6_HDR_OK;
}

/* Reads and judges a header and leaves `r` behind it. On error `ret` is untouched and `r` where it
 * was. */
enum ip6_hdr_err ip6_hdr_parse(struct rd *r, struct ip6_hdr *ret) MUST_CHECK;
