/* SPDX-License-Identifier: MIT */
/*
 * What IGMP and MLD have in common: MLDv2 is IGMPv3 with longer addresses (RFC 3376, RFC 3810), so
 * both codecs speak in these terms. Times are in milliseconds and seconds, addresses of either
 * family.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "wire/addr.h"

/* Which messages: IGMPv1; IGMPv2 and MLDv1; IGMPv3 and MLDv2. */
enum group_level {
	GROUP_LEVEL_1,
	GROUP_LEVEL_2,
	GROUP_LEVEL_3,
};

/* Type of a record of a report (RFC 3376 §4.2.12, RFC 3810 §5.2.12). */
enum group_record_type {
	GROUP_IS_IN = 1,
	GROUP_IS_EX = 2,
	GROUP_TO_IN = 3,
	GROUP_TO_EX = 4,
	GROUP_ALLOW = 5,
	GROUP_BLOCK = 6,
};

struct group_query {
	struct ip_addr group; /* unspecified: a general query */
	uint8_t level;        /* enum group_level */
	uint32_t max_resp_ms;
	/* level 3 only */
	bool is_suppressed; /* routers do not take it to heart (S flag) */
	uint8_t robustness; /* 0: not said */
	uint32_t interval_s;
	uint16_t n_srcs;
	struct rd srcs; /* n_srcs addresses of the family */
};

struct group_record {
	uint8_t type; /* enum group_record_type, or one that is not known */
	struct ip_addr group;
	uint16_t n_srcs;
	struct rd srcs;
};

/* A record, or the sources of a query, to write. */
struct group_record_out {
	uint8_t type;
	struct ip_addr group;
	uint16_t n_srcs;
	const struct ip_addr *srcs;
};

/* Floating-point codes of times (RFC 3376 §4.1.1: 4 bits of mantissa; RFC 3810 §5.1.3: 12). */
static inline uint32_t group_code8_read(uint8_t code)
{
	return code < 128 ? code : (uint32_t)((code & 0xf) | 0x10) << ((code >> 4 & 7) + 3);
}

static inline uint32_t group_code16_read(uint16_t code)
{
	return code < 32768 ? code : (uint32_t)((code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3);
}

/* The largest code that means at most `v`. */
uint8_t group_code8(uint32_t v);
uint16_t group_code16(uint32_t v);
