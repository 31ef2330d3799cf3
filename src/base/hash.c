/* SPDX-License-Identifier: MIT */
/* SipHash over byte strings of any length; the rounds are in hash.h. */
#include "base/hash.h"

#include "base/load.h"

struct siphash_key siphash_key_load(const uint8_t bytes[16])
{
	return (struct siphash_key){.k0 = load_le64(bytes), .k1 = load_le64(bytes + 8)};
}

/* The bytes after the last whole word, under the length's low byte. */
static uint64_t siphash_tail(const uint8_t *p, size_t len)
{
	uint64_t word = (uint64_t)len << 56;

	for (size_t i = 0; i < len % 8; i++)
		word |= (uint64_t)p[i] << (8 * i);
	return word;
}

static void siphash24_word(struct siphash_state *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

uint64_t siphash24(const struct siphash_key *key, const void *data, size_t len)
{
	struct siphash_state s = siphash_begin(key);
	const uint8_t *p = data;

	for (size_t n = 0; n < len / 8; n++, p += 8)
		siphash24_word(&s, load_le64(p));
	siphash24_word(&s, siphash_tail(p, len));
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash13(const struct siphash_key *key, const void *data, size_t len)
{
	struct siphash_state s = siphash_begin(key);
	const uint8_t *p = data;

	for (size_t n = 0; n < len / 8; n++, p += 8)
		siphash13_word(&s, load_le64(p));
	return siphash13_end(&s, siphash_tail(p, len));
}
