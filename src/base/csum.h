/* SPDX-License-Identifier: MIT */
/*
 * Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A *sum* is a uint64_t: the one's complement sum of 16-bit words taken in the machine's own byte
 * order, not yet folded. RFC 1071 §2 (B): only the final 16 bits depend on the order, by a swap of
 * the two bytes, so vector units add words as they lie in memory, and csum_fold() swaps once at the
 * end. Sums are only made, joined and folded by the functions below; 0 is the empty sum.
 *
 *	bytes  --csum_add()-->  sum  --csum_fold()-->  uint16_t in host order (0xffff: intact)
 *	                             --csum_finish()-> the checksum field, ready for store_be16()
 *
 * Everything that is not a sum (header fields, folded values, checksums) is in host order: the
 * number that load_be16() reads from the wire.
 *
 * Several buffers that form one run of bytes:
 *
 *	sum = csum_add(cpu, a, a_len, sum);
 *	sum = csum_block_add(sum, csum_add(cpu, b, b_len, 0), a_len);
 *
 * The second form is needed only where the bytes before may have an odd number.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/load.h"

/* Adds two sums whose bytes both start at an even offset, with end-around carry. */
static inline uint64_t csum_join(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/* Adds `len` bytes, at an even offset. Reads nothing outside them. `buf` may be NULL if len is 0.
 */
static inline uint64_t csum_add(const struct cpu_ops *cpu, const void *buf, size_t len,
				uint64_t sum)
{
	return cpu->csum_add(buf, len, sum);
}

/* The same, and copies them to `dst`, which does not overlap, in one pass. */
static inline uint64_t csum_copy(const struct cpu_ops *cpu, void *dst, const void *src, size_t len,
				 uint64_t sum)
{
	return cpu->csum_copy(dst, src, len, sum);
}

/* The sum that the same bytes have when they stand `offset` bytes into the run: in an odd place
 * each byte is the other half of its word. */
static inline uint64_t csum_shift(uint64_t sum, size_t offset)
{
	return offset % 2 ? sum << 8 | sum >> 56 : sum;
}

/* Adds the sum of a block that stands `offset` bytes into the run. */
static inline uint64_t csum_block_add(uint64_t sum, uint64_t block, size_t offset)
{
	return csum_join(sum, csum_shift(block, offset));
}

/* Takes such a block away again. */
static inline uint64_t csum_block_sub(uint64_t sum, uint64_t block, size_t offset)
{
	return csum_join(sum, ~csum_shift(block, offset));
}

/* Adds a field at an even offset by its value: pseudo-headers. */
static inline uint64_t csum_add16(uint64_t sum, uint16_t v)
{
	return csum_join(sum, LOAD_SWAP16(v));
}

static inline uint64_t csum_add32(uint64_t sum, uint32_t v)
{
	return csum_join(sum, LOAD_SWAP32(v));
}

/* Reduces a sum to 16 bits. 0 for all-zero bytes only; else 1 to 0xffff, and 0xffff when the bytes
 * contain their own correct checksum. */
static inline uint16_t csum_fold(uint64_t sum)
{
	uint32_t v;

	sum = (sum & 0xffffffff) + (sum >> 32); /* 33 bits */
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	v = (uint32_t)sum; /* at most 0x1ffff */
	v = (v & 0xffff) + (v >> 16);
	v = (v & 0xffff) + (v >> 16);
	return LOAD_SWAP16((uint16_t)v);
}

/* csum_fold(sum) == 0xffff: the bytes contain their own correct checksum. In fewer steps, since for
 * that the order of bytes does not matter: the upper half of a number and itself turned round is
 * the sum of its halves with end-around carry. */
static inline bool csum_is_intact(uint64_t sum)
{
	uint32_t v;

	sum += sum << 32 | sum >> 32;
	v = (uint32_t)(sum >> 32);
	v += v << 16 | v >> 16;
	return v >> 16 == 0xffff;
}

/* The checksum field. UDP sends 0xffff for 0 (RFC 768), see csum_udp(). */
static inline uint16_t csum_finish(uint64_t sum)
{
	return (uint16_t)~csum_fold(sum);
}

/* The checksum field of UDP, in which 0 means that there is none. */
static inline uint16_t csum_udp(uint16_t csum)
{
	return csum ? csum : 0xffff;
}

/*
 * The checksum field after a 16-bit field under it has changed from `was` to `now` (RFC 1624 §3,
 * equation 3: HC' = ~(~HC + ~m + m')), without looking at the rest.
 *
 * The result is what a full computation gives, with one exception in principle: bytes that are all
 * zero afterwards. (Equation 3 in one's complement cannot tell +0 from -0. Pseudo-headers and IP
 * headers have a protocol or version number that is not zero, so this does not occur.)
 * A UDP checksum of 0 must not be updated, and the result goes through csum_udp().
 */
static inline uint16_t csum_update16(uint16_t csum, uint16_t was, uint16_t now)
{
	uint32_t v = (uint32_t)(uint16_t)~csum + (uint16_t)~was + now;

	v = (v & 0xffff) + (v >> 16);
	v = (v & 0xffff) + (v >> 16);
	return (uint16_t)~v;
}

/* The same for a 32-bit field at an even offset. */
static inline uint16_t csum_update32(uint16_t csum, uint32_t was, uint32_t now)
{
	csum = csum_update16(csum, (uint16_t)(was >> 16), (uint16_t)(now >> 16));
	return csum_update16(csum, (uint16_t)was, (uint16_t)now);
}
