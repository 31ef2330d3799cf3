/* SPDX-License-Identifier: MIT */
/* Bytes in JSON: base64 (RFC 4648 §4). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* The text, from malloc(3); NULL: no memory. */
char *base64_encode(const uint8_t *bytes, size_t len) MUST_CHECK;
/* The bytes of `text`, from malloc(3), and their number; NULL: not base64, or no memory. */
uint8_t *base64_decode(const char *text, size_t *ret_len) MUST_CHECK;
