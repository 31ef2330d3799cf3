/* SPDX-License-Identifier: MIT */
/* ChaCha20 block function; names as in RFC 8439. */
#include "base/chacha20.h"

#include <string.h>

#include "base/compiler.h"
#include "base/load.h"

static ALWAYS_INLINE uint32_t chacha20_rotl(uint32_t v, unsigned int n)
{
	return v << n | v >> (32 - n);
}

/* RFC 8439 §2.1 */
static ALWAYS_INLINE void chacha20_quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = chacha20_rotl(*d ^ *a, 16);
	*c += *d;
	*b = chacha20_rotl(*b ^ *c, 12);
	*a += *b;
	*d = chacha20_rotl(*d ^ *a, 8);
	*c += *d;
	*b = chacha20_rotl(*b ^ *c, 7);
}

/* A column round and a diagonal round. */
static ALWAYS_INLINE void chacha20_double_round(uint32_t x[16])
{
	chacha20_quarter_round(&x[0], &x[4], &x[8], &x[12]);
	chacha20_quarter_round(&x[1], &x[5], &x[9], &x[13]);
	chacha20_quarter_round(&x[2], &x[6], &x[10], &x[14]);
	chacha20_quarter_round(&x[3], &x[7], &x[11], &x[15]);
	chacha20_quarter_round(&x[0], &x[5], &x[10], &x[15]);
	chacha20_quarter_round(&x[1], &x[6], &x[11], &x[12]);
	chacha20_quarter_round(&x[2], &x[7], &x[8], &x[13]);
	chacha20_quarter_round(&x[3], &x[4], &x[9], &x[14]);
}

void chacha20_block(const uint32_t key[CHACHA20_KEY_WORDS], uint32_t counter,
		    const uint32_t nonce[CHACHA20_NONCE_WORDS],
		    uint8_t ret_block[CHACHA20_BLOCK_BYTES])
{
	/* "expand 32-byte k", the key, counter and nonce (RFC 8439 §2.3) */
	uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, x[16];

	memcpy(&state[4], key, CHACHA20_KEY_WORDS * sizeof(*key));
	state[12] = counter;
	memcpy(&state[13], nonce, CHACHA20_NONCE_WORDS * sizeof(*nonce));
	memcpy(x, state, sizeof(x));
	for (int i = 0; i < 10; i++)
		chacha20_double_round(x);
	for (size_t i = 0; i < 16; i++)
		store_le32(ret_block + 4 * i, x[i] + state[i]);
}
