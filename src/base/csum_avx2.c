/* SPDX-License-Identifier: MIT */
/*
 * Internet checksum with AVX2. The 32-bit halves of each 64-bit lane are added into 64-bit lanes,
 * so that no carry is ever lost: a lane overflows after 2^32 blocks only. Short runs and the bytes
 * after the last block are the scalar version's.
 */
#include <immintrin.h>

#include "base/cpu_priv.h"
#include "base/csum.h"

enum {
	BLOCK = 64,
	WORTH_IT = 2 * BLOCK, /* below, setting up costs more than it saves */
};

static ALWAYS_INLINE __m256i csum_load(uint8_t *dst, const uint8_t *src, size_t at)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(src + at));

	if (dst)
		_mm256_storeu_si256((__m256i *)(void *)(dst + at), v);
	return v;
}

static ALWAYS_INLINE uint64_t csum_lanes(__m256i v)
{
	__m128i two = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	return csum_join((uint64_t)_mm_cvtsi128_si64(two), (uint64_t)_mm_extract_epi64(two, 1));
}

/* Whole blocks; `len` is a multiple of BLOCK. */
static ALWAYS_INLINE uint64_t csum_blocks(uint8_t *dst, const uint8_t *src, size_t len)
{
	__m256i low = _mm256_set1_epi64x(0xffffffff);
	__m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;

	for (size_t at = 0; at < len; at += BLOCK) {
		__m256i v = csum_load(dst, src, at), w = csum_load(dst, src, at + BLOCK / 2);

		a = _mm256_add_epi64(a, _mm256_and_si256(v, low));
		b = _mm256_add_epi64(b, _mm256_srli_epi64(v, 32));
		c = _mm256_add_epi64(c, _mm256_and_si256(w, low));
		d = _mm256_add_epi64(d, _mm256_srli_epi64(w, 32));
	}
	return csum_lanes(_mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d)));
}

uint64_t csum_add_avx2(const void *buf, size_t len, uint64_t sum)
{
	const uint8_t *src = buf;
	size_t whole = len / BLOCK * BLOCK;

	if (len < WORTH_IT)
		return csum_add_scalar(src, len, sum);
	sum = csum_join(sum, csum_blocks(NULL, src, whole));
	return csum_add_scalar(src + whole, len - whole, sum);
}

uint64_t csum_copy_avx2(void *dst, const void *src, size_t len, uint64_t sum)
{
	size_t whole = len / BLOCK * BLOCK;

	if (len < WORTH_IT)
		return csum_copy_scalar(dst, src, len, sum);
	sum = csum_join(sum, csum_blocks(dst, src, whole));
	return csum_copy_scalar((uint8_t *)dst + whole, (const uint8_t *)src + whole, len - whole,
				sum);
}
