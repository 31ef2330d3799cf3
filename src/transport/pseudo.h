/* SPDX-License-Identifier: MIT */
/* The pseudo-header that TCP and UDP checksums cover (RFC 9293 §3.1, RFC 768, RFC 8200 §8.1). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/csum.h"
#include "pkt/pkt.h"
#include "wire/addr.h"

/* Its sum, for a transport header and payload of `len` bytes. */
static inline uint64_t pseudo_sum(const struct ip_addr *src, const struct ip_addr *dst,
				  uint8_t proto, uint32_t len)
{
	uint32_t first = ip_addr_is_ip4(dst) ? 12 : 0; /* v4-mapped: the last four bytes */
	uint64_t sum = csum_add32(csum_add16(0, proto), len);

	for (uint32_t i = first; i < sizeof(src->b); i += 4)
		sum = csum_add32(csum_add32(sum, load_be32(src->b + i)), load_be32(dst->b + i));
	return sum;
}

/* What the checksum field of a PKT_CSUM_PARTIAL packet holds. */
static inline uint16_t pseudo_partial(const struct ip_addr *src, const struct ip_addr *dst,
				      uint8_t proto, uint32_t len)
{
	return csum_fold(pseudo_sum(src, dst, proto, len));
}

/* The checksum over the first `len` bytes from `data` on and the pseudo-header is right. */
static inline bool pseudo_csum_ok(const struct pkt *pkt, const struct ip_addr *src,
				  const struct ip_addr *dst, uint8_t proto, uint32_t len)
{
	return csum_fold(pkt_csum_add(pkt, 0, len, pseudo_sum(src, dst, proto, len))) == 0xffff;
}
