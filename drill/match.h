/* SPDX-License-Identifier: MIT */
/* Is what the stack sent what the script expects? Both in the numbers of the script. */
#pragma once

#include "base/compiler.h"
#include "drill/script.h"

struct drill_match {
	bool is_ip4;
	/* Most by which TS val may be off, in ticks; -1: whatever it is. */
	int64_t ts_tolerance;
};

/* 0; -EINVAL: `why` names the first field that differs. */
int drill_match(const struct drill_match *m, const struct drill_packet *want,
		const struct drill_packet *got, char *why, size_t why_size) MUST_CHECK;

/* Can `next` be the continuation of `first`, as one segment that was cut? */
bool drill_continues(const struct drill_packet *first, const struct drill_packet *next);
