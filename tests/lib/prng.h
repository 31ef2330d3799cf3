/* SPDX-License-Identifier: MIT */
/*
 * The tests' own random numbers (SplitMix64), independent of the code under test. A test starts it
 * with prng_make(), which prints the seed: that of WEFT_TEST_SEED, else a fixed one.
 */
#pragma once

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct prng {
	uint64_t x;
};

static inline struct prng prng_make(void)
{
	const char *env = getenv("WEFT_TEST_SEED");
	struct prng prng = {.x = env ? strtoull(env, NULL, 0) : 1};

	printf("WEFT_TEST_SEED=%" PRIu64 "\n", prng.x);
	return prng;
}

static inline uint64_t prng_u64(struct prng *prng)
{
	uint64_t z = prng->x += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Below `n`, which is not 0; the bias does not matter here. */
static inline uint64_t prng_below(struct prng *prng, uint64_t n)
{
	return prng_u64(prng) % n;
}
