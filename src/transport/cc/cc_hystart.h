/* SPDX-License-Identifier: MIT */
/*
 * HyStart++ (RFC 9406): slow start that looks at round-trip times and leaves before it overflows
 * the bottleneck's queue.
 *
 * How it works: a round is a window's worth of ACKs. When the least round trip of this round is
 * clearly larger than that of the last, a queue builds up: growth continues at a quarter of the
 * speed for up to five rounds (conservative slow start). If the round trip falls again, the alarm
 * was false and slow start goes on; else congestion avoidance begins.
 *
 * RFC-DEVIATION: RFC 9406 §4.3: L is infinite without pacing too (RECOMMENDED 8): one ACK stands
 * for a whole super-packet here. Windows that are more than a few of them are paced (tcp_pace.c).
 */
#pragma once

#include "transport/cc/cc.h"

struct cc_hystart {
	uint32_t window_end;      /* the round ends when this is acknowledged */
	uint32_t last_min_us;     /* least round trip of the last round; 0: not measured */
	uint32_t curr_min_us;     /* of this round; 0: not measured */
	uint32_t baseline_min_us; /* in conservative slow start: of the round that began it */
	uint32_t rest;            /* bytes short of a quarter, in conservative slow start */
	uint8_t n_samples;        /* in this round, saturates */
	uint8_t css_rounds;       /* rounds of conservative slow start, this one too; 0: none */
};

void cc_hystart_init(struct cc_hystart *hs, uint32_t nxt);
/* Slow start by an ACK; when it is over, ssthresh is cwnd. Returns the bytes left for congestion
 * avoidance. */
uint32_t cc_hystart_on_ack(struct cc_hystart *hs, struct cc_state *cc, const struct cc_ack *ev);
