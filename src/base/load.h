/* SPDX-License-Identifier: MIT */
/*
 * Inline loads and stores of big- and little-endian integers, any alignment. Each compiles to one
 * move and one byte swap (or one movbe). They check nothing: the caller has compared the length
 * before; where it cannot, it uses the cursor (base/cursor.h).
 */
#pragma once

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOAD_SWAP16(v) __builtin_bswap16(v)
#define LOAD_SWAP32(v) __builtin_bswap32(v)
#define LOAD_SWAP64(v) __builtin_bswap64(v)
#define LOAD_KEEP16(v) (v)
#define LOAD_KEEP32(v) (v)
#define LOAD_KEEP64(v) (v)
#else
#define LOAD_SWAP16(v) (v)
#define LOAD_SWAP32(v) (v)
#define LOAD_SWAP64(v) (v)
#define LOAD_KEEP16(v) __builtin_bswap16(v)
#define LOAD_KEEP32(v) __builtin_bswap32(v)
#define LOAD_KEEP64(v) __builtin_bswap64(v)
#endif

/* In the machine's own order: for the sums of base/csum.h, and where only equality counts. */
static inline uint64_t load_native64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t load_native32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t load_be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return LOAD_SWAP16(v);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return LOAD_SWAP32(v);
}

static inline uint64_t load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return LOAD_SWAP64(v);
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
	v = LOAD_SWAP16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	v = LOAD_SWAP32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
	v = LOAD_SWAP64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t load_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return LOAD_KEEP16(v);
}

static inline uint32_t load_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return LOAD_KEEP32(v);
}

static inline uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return LOAD_KEEP64(v);
}

static inline void store_le16(uint8_t *p, uint16_t v)
{
	v = LOAD_KEEP16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void store_le32(uint8_t *p, uint32_t v)
{
	v = LOAD_KEEP32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void store_le64(uint8_t *p, uint64_t v)
{
	v = LOAD_KEEP64(v);
	memcpy(p, &v, sizeof(v));
}
