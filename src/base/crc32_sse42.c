/* SPDX-License-Identifier: MIT */
/* CRC-32C with the instruction that SSE4.2 has for it. */
#include <nmmintrin.h>
#include <string.h>

#include "base/cpu_priv.h"

uint32_t crc32c_sse42(const void *buf, size_t len, uint32_t crc)
{
	const uint8_t *p = buf;
	uint64_t state = (uint32_t)~crc, word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, sizeof(word));
		state = _mm_crc32_u64(state, word);
	}
	for (; len > 0; p++, len--)
		state = _mm_crc32_u8((uint32_t)state, *p);
	return (uint32_t)~state;
}
