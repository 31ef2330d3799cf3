/* SPDX-License-Identifier: MIT */
/* The ChaCha20 block function (RFC 8439 §2.3), the core of the random source (base/rng.h). */
#pragma once

#include <stdint.h>

enum {
	CHACHA20_BLOCK_BYTES = 64,
	CHACHA20_KEY_WORDS = 8,
	CHACHA20_NONCE_WORDS = 3,
};

/* Writes the key stream's block number `counter`. The words of key and nonce are those that
 * load_le32() reads from their bytes. */
void chacha20_block(const uint32_t key[CHACHA20_KEY_WORDS], uint32_t counter,
		    const uint32_t nonce[CHACHA20_NONCE_WORDS],
		    uint8_t ret_block[CHACHA20_BLOCK_BYTES]);
