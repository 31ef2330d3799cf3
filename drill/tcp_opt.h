/* SPDX-License-Identifier: MIT */
/* Numbers of TCP options, and a walk over the bytes of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	DRILL_OPT_EOL = 0,
	DRILL_OPT_NOP = 1,
	DRILL_OPT_MSS = 2,
	DRILL_OPT_WSCALE = 3,
	DRILL_OPT_SACK_OK = 4,
	DRILL_OPT_SACK = 5,
	DRILL_OPT_TS = 8,
	DRILL_OPT_MD5 = 19,
	DRILL_OPT_FO = 34,
	DRILL_OPT_EXP = 254,
	DRILL_OPT_EXP_FO = 0xf989,
};

/* The option at *pos of `opts`: its length, with kind and length octets; *pos goes behind it. 0: no
 * more, or what is there is no option. */
static inline uint8_t drill_opt_next(const uint8_t *opts, uint8_t opts_len, uint8_t *pos)
{
	uint8_t left = (uint8_t)(opts_len - *pos);
	uint8_t len;

	if (left == 0)
		return 0;
	if (opts[*pos] <= DRILL_OPT_NOP) {
		(*pos)++;
		return 1;
	}
	len = left >= 2 ? opts[*pos + 1] : 0;
	if (len < 2 || len > left)
		return 0;
	*pos = (uint8_t)(*pos + len);
	return len;
}
