/* SPDX-License-Identifier: MIT */
/* Internet checksums (RFC 1071), two bytes at a time: plain on purpose, to check the stack's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/load.h"
#include "weft/types.h"

static inline uint32_t drill_csum_add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2) {
		sum += load_be16(p);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (len)
		sum += (uint32_t)*p << 8;
	return (sum & 0xffff) + (sum >> 16);
}

static inline uint16_t drill_csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

/* Of a segment with its pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1); 0 when the one inside is
 * right. */
static inline uint16_t drill_csum_l4(const struct weft_addr *src, const struct weft_addr *dst,
				     uint8_t proto, const uint8_t *p, size_t len)
{
	size_t addr_len = src->family == WEFT_AF_INET ? 4 : 16;
	uint8_t tail[4] = {(uint8_t)(len >> 8), (uint8_t)len, 0, proto};
	uint32_t sum = drill_csum_add(0, src->bytes, addr_len);

	sum = drill_csum_add(sum, dst->bytes, addr_len);
	sum = drill_csum_add(sum, tail, sizeof(tail));
	return drill_csum_fold(drill_csum_add(sum, p, len));
}
