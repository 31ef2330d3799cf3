/* SPDX-License-Identifier: MIT */
/*
 * Internet checksum in plain C, eight bytes at a time: RFC 1071 §2 (C) allows any width. Four sums
 * run side by side because each addition waits for the carry of the one before.
 */
#include "base/csum.h"

#include <string.h>

#include "base/cpu_priv.h"

/* Loads `n` (1, 2, 4 or 8) bytes as the words that they are or begin, and copies them when there is
 * a `dst`. Zeroes after them do not change the sum. */
static ALWAYS_INLINE uint64_t csum_load(uint8_t *dst, const uint8_t *src, size_t at, size_t n)
{
	uint8_t bytes[8] = {0};
	uint64_t word;

	memcpy(bytes, src + at, n);
	if (dst)
		memcpy(dst + at, bytes, n);
	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* The last `len` bytes, less than eight: each addend starts at an even offset. */
static ALWAYS_INLINE uint64_t csum_tail(uint8_t *dst, const uint8_t *src, size_t at, size_t len)
{
	uint64_t sum = 0;

	if (len & 4)
		sum = csum_load(dst, src, at, 4);
	at += len & 4;
	if (len & 2)
		sum = csum_join(sum, csum_load(dst, src, at, 2));
	at += len & 2;
	if (len & 1)
		sum = csum_join(sum, csum_load(dst, src, at, 1));
	return sum;
}

static ALWAYS_INLINE uint64_t csum_run(uint8_t *dst, const uint8_t *src, size_t len, uint64_t sum)
{
	uint64_t b = 0, c = 0, d = 0;
	size_t at = 0;

	for (; len - at >= 32; at += 32) {
		sum = csum_join(sum, csum_load(dst, src, at, 8));
		b = csum_join(b, csum_load(dst, src, at + 8, 8));
		c = csum_join(c, csum_load(dst, src, at + 16, 8));
		d = csum_join(d, csum_load(dst, src, at + 24, 8));
	}
	for (; len - at >= 8; at += 8)
		b = csum_join(b, csum_load(dst, src, at, 8));
	c = csum_join(c, csum_tail(dst, src, at, len - at));
	return csum_join(csum_join(sum, b), csum_join(c, d));
}

uint64_t csum_add_scalar(const void *buf, size_t len, uint64_t sum)
{
	return csum_run(NULL, buf, len, sum);
}

uint64_t csum_copy_scalar(void *dst, const void *src, size_t len, uint64_t sum)
{
	return csum_run(dst, src, len, sum);
}
