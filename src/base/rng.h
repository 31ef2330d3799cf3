/* SPDX-License-Identifier: MIT */
/*
 * The random source of an engine: ChaCha20 with fast key erasure (Bernstein 2017).
 *
 * The generator is always the same; only its first key differs. From a seed, the same numbers every
 * time: for simulations and tests, never where somebody could gain from guessing. From entropy,
 * numbers that nobody can predict, and that nobody can reconstruct from the engine's memory later:
 * each batch begins by replacing the key, and numbers are erased as they are given out.
 *
 *	key --ChaCha20--> | next key 32 | numbers 480 |
 *
 * The order and size of the calls decide what each gets. Not to be shared between threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/chacha20.h"
#include "base/compiler.h"
#include "base/load.h"

enum {
	RNG_BATCH_BYTES = 8 * CHACHA20_BLOCK_BYTES,
};

struct rng {
	uint32_t key[CHACHA20_KEY_WORDS];
	uint32_t pos; /* of the first number in `batch` not yet given out */
	uint8_t batch[RNG_BATCH_BYTES];
};

/* Fills `buf` with unpredictable bytes. Returns 0 or -Exxx. */
typedef int rng_entropy_fn(void *ctx, void *buf, size_t len);

void rng_init_seed(struct rng *rng, uint64_t seed);
/* Calls `fn` once. Returns 0, or what it returned, with `rng` not to be used. */
int rng_init_entropy(struct rng *rng, rng_entropy_fn *fn, void *ctx) MUST_CHECK;

void rng_bytes(struct rng *rng, void *buf, size_t len);

/* Computes the next batch; for the inline functions here. */
void rng_refill(struct rng *rng);

static inline uint32_t rng_u32(struct rng *rng)
{
	uint8_t *p;
	uint32_t v;

	if (unlikely(rng->pos > RNG_BATCH_BYTES - sizeof(v)))
		rng_refill(rng);
	p = rng->batch + rng->pos;
	v = load_le32(p);
	memset(p, 0, sizeof(v));
	rng->pos += sizeof(v);
	return v;
}

static inline uint64_t rng_u64(struct rng *rng)
{
	uint64_t low = rng_u32(rng);

	return (uint64_t)rng_u32(rng) << 32 | low;
}

/* A number below `n`, all equally likely; 0 when n is 0. */
uint64_t rng_below(struct rng *rng, uint64_t n);

/* True in `ppm` of a million cases; never for 0, always for a million or more. Draws a number in
 * any case, so that changing a probability does not shift all that comes after. */
bool rng_chance_ppm(struct rng *rng, uint32_t ppm);
