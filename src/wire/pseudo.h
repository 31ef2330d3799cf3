/* SPDX-License-Identifier: MIT */
/*
 * Sums of pseudo-headers: what TCP and UDP checksums cover besides their own bytes (RFC 9293 §3.1,
 * RFC 768, RFC 8200 §8.1). They are sums of base/csum.h, made without its carries, because a 64-bit
 * sum has room for some 2^32 words of 32 bits:
 *
 *	verify    csum_fold(csum_add(cpu, l4, len, pseudo4_sum(...))) == 0xffff
 *	compute   csum_finish(csum_add(cpu, l4, len, pseudo4_sum(...))), its field being zero
 *	partial   csum_fold(pseudo4_sum(...)) in the field; who completes it sums the segment
 *	          alone
 *
 * ICMP has no pseudo-header, ICMPv6 has.
 */
#pragma once

#include <stdint.h>

#include "base/csum.h"
#include "base/load.h"
#include "wire/addr.h"

/* `len`: transport header and payload, bytes. */
static inline uint64_t pseudo4_sum(const struct ip4_addr *src, const struct ip4_addr *dst,
				   uint8_t proto, uint16_t len)
{
	return (uint64_t)load_native32(src->b) + load_native32(dst->b) + LOAD_SWAP16(proto) +
	       LOAD_SWAP16(len);
}

static inline uint64_t pseudo6_addr_sum(const uint8_t *b)
{
	return (uint64_t)load_native32(b) + load_native32(b + 4) + load_native32(b + 8) +
	       load_native32(b + 12);
}

/* `proto`: of the transport, not the first extension header's. */
static inline uint64_t pseudo6_sum(const struct ip6_addr *src, const struct ip6_addr *dst,
				   uint8_t proto, uint32_t len)
{
	return pseudo6_addr_sum(src->b) + pseudo6_addr_sum(dst->b) + LOAD_SWAP32((uint32_t)proto) +
	       LOAD_SWAP32(len);
}

/* Both addresses of one family. */
static inline uint64_t pseudo_sum(const struct ip_addr *src, const struct ip_addr *dst,
				  uint8_t proto, uint32_t len)
{
	struct ip6_addr src6, dst6;

	if (ip_addr_is_ip4(dst)) {
		struct ip4_addr src4 = ip_addr_to_ip4(src), dst4 = ip_addr_to_ip4(dst);

		return pseudo4_sum(&src4, &dst4, proto, (uint16_t)len);
	}
	src6 = ip_addr_to_ip6(src);
	dst6 = ip_addr_to_ip6(dst);
	return pseudo6_sum(&src6, &dst6, proto, len);
}
