/* SPDX-License-Identifier: MIT */
/* Random source: keys and batches; the construction is in rng.h. */
#include "base/rng.h"

enum {
	RNG_KEY_BYTES = 4 * CHACHA20_KEY_WORDS,
	RNG_MILLION = 1000000,
};

static void rng_set_key(struct rng *rng, const uint8_t bytes[RNG_KEY_BYTES])
{
	for (size_t i = 0; i < CHACHA20_KEY_WORDS; i++)
		rng->key[i] = load_le32(bytes + 4 * i);
}

void rng_refill(struct rng *rng)
{
	static const uint32_t nonce[CHACHA20_NONCE_WORDS] = {0};

	for (uint32_t i = 0; i < RNG_BATCH_BYTES / CHACHA20_BLOCK_BYTES; i++)
		chacha20_block(rng->key, i, nonce, rng->batch + (size_t)i * CHACHA20_BLOCK_BYTES);
	rng_set_key(rng, rng->batch);
	memset(rng->batch, 0, RNG_KEY_BYTES);
	rng->pos = RNG_KEY_BYTES;
}

static void rng_init_key(struct rng *rng, const uint8_t key[RNG_KEY_BYTES])
{
	*rng = (struct rng){.pos = RNG_BATCH_BYTES};
	rng_set_key(rng, key);
}

void rng_init_seed(struct rng *rng, uint64_t seed)
{
	uint8_t key[RNG_KEY_BYTES] = "weft: numbers of a seed";

	store_le64(key + RNG_KEY_BYTES - sizeof(seed), seed);
	rng_init_key(rng, key);
}

int rng_init_entropy(struct rng *rng, rng_entropy_fn *fn, void *ctx)
{
	uint8_t key[RNG_KEY_BYTES] = {0};
	int err = fn(ctx, key, sizeof(key));

	if (err == 0)
		rng_init_key(rng, key);
	memset(key, 0, sizeof(key));
	__asm__ volatile("" : : "r"(key) : "memory"); /* the compiler keeps the line above */
	return err;
}

void rng_bytes(struct rng *rng, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len > 0) {
		size_t n = RNG_BATCH_BYTES - rng->pos;

		if (n == 0) {
			rng_refill(rng);
			continue;
		}
		if (n > len)
			n = len;
		memcpy(p, rng->batch + rng->pos, n);
		memset(rng->batch + rng->pos, 0, n);
		rng->pos += (uint32_t)n;
		p += n;
		len -= n;
	}
}

/* Multiplication maps 32 random bits to [0, n); products whose low half is below 2^32 mod n are the
 * surplus that would favour some results, and are drawn again (Lemire 2019). */
static uint32_t rng_below32(struct rng *rng, uint32_t n)
{
	uint64_t product = (uint64_t)rng_u32(rng) * n;

	if ((uint32_t)product < n) {
		uint32_t surplus = (0U - n) % n;

		while ((uint32_t)product < surplus)
			product = (uint64_t)rng_u32(rng) * n;
	}
	return (uint32_t)(product >> 32);
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
	uint64_t surplus, v;

	if (n == 0)
		return 0;
	if (n <= UINT32_MAX)
		return rng_below32(rng, (uint32_t)n);
	surplus = (0U - n) % n; /* 2^64 mod n */
	do
		v = rng_u64(rng);
	while (v < surplus);
	return v % n;
}

bool rng_chance_ppm(struct rng *rng, uint32_t ppm)
{
	return rng_below32(rng, RNG_MILLION) < ppm;
}
