/* SPDX-License-Identifier: MIT */
/* Congestion that a simulated link tells of instead of dropping. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"

struct pkt;

/* Marks a frame with CE (RFC 3168 §5), `data` being at its Ethernet header. False: it is not IP,
 * its sender does not understand (Not-ECT), or there is no memory. */
bool media_ecn_mark(struct pkt *pkt) MUST_CHECK;
