/* SPDX-License-Identifier: MIT */
/* The messages of radv: advertisements to bytes, and others' messages checked. */
#pragma once

#include <stddef.h>

#include "net/radv/radv.h"

enum {
	RADV_RS = 133,
	RADV_RA = 134,
	RADV_MSG_MAX = 1280 - 40, /* every link carries that */
	RADV_HOPS = 255,
};

/* The numbers are in their ranges (RFC 4861 §6.2.1), and the domains are names. */
bool radv_config_is_right(const struct radv_config *cfg);
/* Writes an advertisement; `mac` is the interface's. `is_last`: with a lifetime of 0. Its length;
 * 0: it does not fit. */
size_t radv_ra_write(const struct radv_config *cfg, const uint8_t mac[6], bool is_last,
		     uint8_t buf[RADV_MSG_MAX]);
/* RFC 4861 §6.1.1, but for the hop limit. */
bool radv_rs_is_right(const uint8_t *msg, size_t len, bool src_is_unspecified);
/* §6.1.2, the same. */
bool radv_ra_is_right(const uint8_t *msg, size_t len, bool src_is_link_local);
/* §6.2.7: another router's advertisement, which is right, does not contradict ours. */
bool radv_ra_is_consistent(const struct radv_config *cfg, const uint8_t *msg, size_t len);
