/* SPDX-License-Identifier: MIT */
/*
 * Internet checksum with AVX-512 (F and BW), as csum_avx2.c. The last bytes are loaded under a
 * mask, which neither reads nor faults outside them, so there is no scalar rest.
 */
#include <immintrin.h>

#include "base/cpu_priv.h"
#include "base/csum.h"

enum {
	LANE = 64,
	BLOCK = 2 * LANE,
	WORTH_IT = LANE, /* below, setting up costs more than it saves */
};

static ALWAYS_INLINE __m512i csum_load(uint8_t *dst, const uint8_t *src, size_t at)
{
	__m512i v = _mm512_loadu_si512(src + at);

	if (dst)
		_mm512_storeu_si512(dst + at, v);
	return v;
}

/* The first `n` bytes, 1 to 64, the others zero. */
static ALWAYS_INLINE __m512i csum_load_some(uint8_t *dst, const uint8_t *src, size_t at, size_t n)
{
	__mmask64 some = UINT64_MAX >> (LANE - n);
	__m512i v = _mm512_maskz_loadu_epi8(some, src + at);

	if (dst)
		_mm512_mask_storeu_epi8(dst + at, some, v);
	return v;
}

static ALWAYS_INLINE uint64_t csum_lanes(__m512i v)
{
	__m256i four = _mm256_add_epi64(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
	__m128i two =
		_mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));

	return csum_join((uint64_t)_mm_cvtsi128_si64(two), (uint64_t)_mm_extract_epi64(two, 1));
}

/* Both 32-bit halves of each lane, which together are below 2^33. */
static ALWAYS_INLINE __m512i csum_halves(__m512i v)
{
	__m512i low = _mm512_and_si512(v, _mm512_set1_epi64(0xffffffff));

	return _mm512_add_epi64(low, _mm512_srli_epi64(v, 32));
}

static ALWAYS_INLINE uint64_t csum_run(uint8_t *dst, const uint8_t *src, size_t len, uint64_t sum)
{
	__m512i a = _mm512_setzero_si512(), b = a;
	size_t at = 0;

	for (; len - at >= BLOCK; at += BLOCK) {
		a = _mm512_add_epi64(a, csum_halves(csum_load(dst, src, at)));
		b = _mm512_add_epi64(b, csum_halves(csum_load(dst, src, at + LANE)));
	}
	if (len - at >= LANE) {
		a = _mm512_add_epi64(a, csum_halves(csum_load(dst, src, at)));
		at += LANE;
	}
	if (at < len)
		b = _mm512_add_epi64(b, csum_halves(csum_load_some(dst, src, at, len - at)));
	return csum_join(sum, csum_lanes(_mm512_add_epi64(a, b)));
}

uint64_t csum_add_avx512(const void *buf, size_t len, uint64_t sum)
{
	return len < WORTH_IT ? csum_add_scalar(buf, len, sum) : csum_run(NULL, buf, len, sum);
}

uint64_t csum_copy_avx512(void *dst, const void *src, size_t len, uint64_t sum)
{
	return len < WORTH_IT ? csum_copy_scalar(dst, src, len, sum) : csum_run(dst, src, len, sum);
}
