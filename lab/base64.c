/* SPDX-License-Identifier: MIT */
/* Base64; the contract is in base64.h. */
#include "lab/base64.h"

#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const uint8_t *bytes, size_t len)
{
	char *text = malloc((len + 2) / 3 * 4 + 1), *p = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)bytes[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < len)
			v |= bytes[i + 2];
		p[0] = digits[v >> 18];
		p[1] = digits[v >> 12 & 63];
		p[2] = digits[v >> 6 & 63];
		p[3] = digits[v & 63];
		p += 4;
	}
	*p = '\0';
	/* What the last group has no bytes for. */
	if (len % 3)
		p[-1] = '=';
	if (len % 3 == 1)
		p[-2] = '=';
	return text;
}

/* The value of a digit, or -1. */
static int digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

uint8_t *base64_decode(const char *text, size_t *ret_len)
{
	size_t len = strlen(text), n = 0, pad = 0;
	uint8_t *bytes;

	if (len % 4)
		return NULL;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	bytes = malloc(len / 4 * 3 + 1);
	for (size_t i = 0; bytes && i < len; i += 4) {
		uint32_t v = 0;

		for (size_t k = i; k < i + 4; k++) {
			int d = k >= len - pad ? 0 : digit(text[k]);

			if (d < 0) {
				free(bytes);
				return NULL;
			}
			v = v << 6 | (uint32_t)d;
		}
		bytes[n++] = (uint8_t)(v >> 16);
		bytes[n++] = (uint8_t)(v >> 8);
		bytes[n++] = (uint8_t)v;
	}
	if (bytes)
		*ret_len = n - (len ? pad : 0);
	return bytes;
}
