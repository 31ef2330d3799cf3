/* SPDX-License-Identifier: MIT */
/* Codes of times; contracts in group.h. */
#include "wire/group.h"

enum {
	EXP_MAX = 7,
	EXP_BIAS = 3,
};

/* A float of `bits` of mantissa, with the top bit of the code set. */
static uint32_t group_code(uint32_t v, unsigned int bits)
{
	uint32_t lead = 1u << bits, exp = 0;

	if (v < lead << EXP_BIAS)
		return v;
	while (exp < EXP_MAX && v >> (exp + EXP_BIAS) >= 2 * lead)
		exp++;
	v >>= exp + EXP_BIAS;
	if (v >= 2 * lead)
		v = 2 * lead - 1; /* more cannot be said */
	return lead << EXP_BIAS | exp << bits | (v & (lead - 1));
}

uint8_t group_code8(uint32_t v)
{
	return (uint8_t)group_code(v, 4);
}

uint16_t group_code16(uint32_t v)
{
	return (uint16_t)group_code(v, 12);
}
