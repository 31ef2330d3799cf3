/* SPDX-License-Identifier: MIT */
/* The pseudo-header of TCP's and UDP's checksums, as states of the packet (pkt.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/csum.h"
#include "pkt/pkt.h"
#include "wire/pseudo.h"

/* What the checksum field of a PKT_CSUM_PARTIAL packet holds, for a transport header and payload of
 * `len` bytes. */
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
