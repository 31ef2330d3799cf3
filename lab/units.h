/* SPDX-License-Identifier: MIT */
/*
 * Quantities as people write them, a decimal number and a unit, to exact integers: nothing here is
 * floating point, and a number that the unit cannot hold exactly is refused instead of rounded.
 *
 * Each function takes the whole string or nothing. On failure it returns -EINVAL and sets *ret_why
 * to what is wrong, a phrase that follows the quoted text ("has no unit").
 */
#pragma once

#include "base/compiler.h"

#include <stdint.h>

#define LAB_RATE_MAX_BPS    (UINT64_C(1000) * 1000 * 1000 * 1000)
#define LAB_DURATION_MAX_NS (INT64_C(3600) * 1000 * 1000 * 1000)
#define LAB_SIZE_MAX        (UINT64_C(1000) * 1000 * 1000 * 1000)
#define LAB_QUEUE_MAX_PKTS  UINT64_C(1000000)
#define LAB_QUEUE_MAX_BYTES UINT64_C(4000000000)
#define LAB_SHARE_ONE       1000000

/* Bits a second, in the units of tc(8); "unlimited" is 0. */
int lab_rate_parse(const char *s, uint64_t *ret_bps, const char **ret_why) MUST_CHECK;

/* Nanoseconds; a plain 0 needs no unit. */
int lab_duration_parse(const char *s, int64_t *ret_ns, const char **ret_why) MUST_CHECK;

/* "0.1%" as parts of a million; a plain 0 needs no sign. */
int lab_share_parse(const char *s, uint32_t *ret_ppm, const char **ret_why) MUST_CHECK;

/* Bytes: B, kB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB of 1024; case does not matter. */
int lab_size_parse(const char *s, uint64_t *ret_bytes, const char **ret_why) MUST_CHECK;

/* How much a queue holds: packets, or bytes where a unit is given. One of the two is 0. */
struct lab_queue {
	uint32_t pkts;
	uint64_t bytes;
};
int lab_queue_parse(const char *s, struct lab_queue *ret, const char **ret_why) MUST_CHECK;

/* The other way: the text that parses to the same value, as short as it gets. They fill `buf`. */
enum {
	LAB_UNIT_TEXT = 48
};
const char *lab_rate_format(uint64_t bps, char buf[static LAB_UNIT_TEXT]);
const char *lab_duration_format(int64_t ns, char buf[static LAB_UNIT_TEXT]);
const char *lab_share_format(uint32_t ppm, char buf[static LAB_UNIT_TEXT]);
const char *lab_queue_format(const struct lab_queue *q, char buf[static LAB_UNIT_TEXT]);

/* A whole number from `min` to `max`, decimal or 0x. */
int lab_uint_parse(const char *s, uint64_t min, uint64_t max, uint64_t *ret,
		   const char **ret_why) MUST_CHECK;
