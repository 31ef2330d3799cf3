/* SPDX-License-Identifier: MIT */
/*
 * What the codec tests share: bytes in a heap block of exactly their size, so that ASan sees a read
 * one byte too far, and a generator with a fixed seed for round trips at random.
 */
#pragma once

#include "unit.h"

#include "base/cursor.h"

enum {
	N_RANDOM = 2000, /* rounds of a test at random */
};

/* A copy that ends where its block ends; NULL of no bytes. */
static inline uint8_t *exact_copy(const void *bytes, size_t len)
{
	uint8_t *copy;

	if (len == 0)
		return NULL;
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return copy;
}

/* Calls `parse` with every truncation of `bytes`, from none to all. */
static inline void each_truncation(const uint8_t *bytes, size_t len,
				   void (*parse)(struct rd *r, size_t len))
{
	for (size_t n = 0; n <= len; n++) {
		uint8_t *copy = exact_copy(bytes, n);
		struct rd r = rd_make(copy, n);

		parse(&r, n);
		free(copy);
	}
}

struct rng {
	uint64_t state;
};

#define RNG_FIXED ((struct rng){.state = 0x9e3779b97f4a7c15})

static inline uint32_t rng_u32(struct rng *rng)
{
	rng->state ^= rng->state << 13;
	rng->state ^= rng->state >> 7;
	rng->state ^= rng->state << 17;
	return (uint32_t)(rng->state >> 32);
}

static inline bool rng_bool(struct rng *rng)
{
	return rng_u32(rng) & 1;
}

static inline void rng_bytes(struct rng *rng, void *buf, size_t len)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)rng_u32(rng);
}
