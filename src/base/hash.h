/* SPDX-License-Identifier: MIT */
/*
 * SipHash (Aumasson and Bernstein, 2012): the keyed hash for everything that a remote peer can
 * choose. Who does not know the key can neither predict values nor find collisions.
 *
 * SipHash-2-4 where a value itself must not be guessed (initial sequence numbers, cookies, ports);
 * SipHash-1-3, about twice as fast, where it only picks a bucket. The inline forms are 1-3 over
 * 64-bit words, for the fixed-size keys of the lookup tables; on any machine they equal
 * siphash13() over the words' little-endian bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};

/* The four words of SipHash's state; the parts below make up the algorithm. */
struct siphash_state {
	uint64_t v0;
	uint64_t v1;
	uint64_t v2;
	uint64_t v3;
};

/* The key from its 16 bytes, as the reference implementation reads them. */
struct siphash_key siphash_key_load(const uint8_t bytes[16]);

uint64_t siphash24(const struct siphash_key *key, const void *data, size_t len);
uint64_t siphash13(const struct siphash_key *key, const void *data, size_t len);

static inline uint64_t siphash_rotl(uint64_t v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

static inline void siphash_round(struct siphash_state *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotl(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotl(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotl(s->v2, 32);
}

static inline struct siphash_state siphash_begin(const struct siphash_key *key)
{
	return (struct siphash_state){
		.v0 = key->k0 ^ 0x736f6d6570736575,
		.v1 = key->k1 ^ 0x646f72616e646f6d,
		.v2 = key->k0 ^ 0x6c7967656e657261,
		.v3 = key->k1 ^ 0x7465646279746573,
	};
}

/* Absorbs one word with a single round (the "1" of 1-3). */
static inline void siphash13_word(struct siphash_state *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

/* `last` is the length modulo 256 in the top byte, with the up to 7 bytes of the tail below. */
static inline uint64_t siphash13_end(struct siphash_state *s, uint64_t last)
{
	siphash13_word(s, last);
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* SipHash-1-3 of one word. */
static inline uint64_t siphash_u64(const struct siphash_key *key, uint64_t a)
{
	struct siphash_state s = siphash_begin(key);

	siphash13_word(&s, a);
	return siphash13_end(&s, (uint64_t)8 << 56);
}

/* SipHash-1-3 of two words: an IPv4 four-tuple, an IPv6 address. */
static inline uint64_t siphash_2u64(const struct siphash_key *key, uint64_t a, uint64_t b)
{
	struct siphash_state s = siphash_begin(key);

	siphash13_word(&s, a);
	siphash13_word(&s, b);
	return siphash13_end(&s, (uint64_t)16 << 56);
}

/* SipHash-1-3 of five words: an IPv6 four-tuple. */
static inline uint64_t siphash_5u64(const struct siphash_key *key, const uint64_t words[5])
{
	struct siphash_state s = siphash_begin(key);

	for (int i = 0; i < 5; i++)
		siphash13_word(&s, words[i]);
	return siphash13_end(&s, (uint64_t)40 << 56);
}
