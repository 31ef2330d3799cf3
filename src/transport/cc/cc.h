/* SPDX-License-Identifier: MIT */
/*
 * Congestion control: pure functions from an event to a window.
 *
 * A controller sees `struct cc_state` and what happened, and changes the state; it knows no
 * connection, clock, packet or timer, so it is tested with tables of events. Loss detection,
 * retransmission and "how much is in flight" are TCP's (tcp_recover.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct cc_ops;

struct cc_state {
	uint32_t cwnd;     /* bytes */
	uint32_t ssthresh; /* bytes; UINT32_MAX: not known yet */
	uint32_t acked;    /* bytes acknowledged since cwnd last grew, in congestion avoidance */
	uint32_t mss;      /* bytes; follows the connection's */
	const struct cc_ops *ops;
};

/* New data was acknowledged while nothing is being recovered. */
struct cc_ack {
	int64_t now_ns;
	uint32_t acked_bytes;
	uint32_t flight_bytes; /* before this ACK */
	uint32_t srtt_us;
	bool is_cwnd_limited; /* the window, not the application or the peer, held data back */
};

/* Something was lost. */
struct cc_loss {
	int64_t now_ns;
	uint32_t flight_bytes; /* outstanding when the loss was found */
	bool is_timeout;
	bool is_repeated; /* a timeout of a segment that timed out before (RFC 5681 §3.1) */
};

struct cc_ops {
	const char *name;
	void (*on_ack)(struct cc_state *cc, const struct cc_ack *ev);
	/* Recovery or the loss state begins: sets ssthresh, and cwnd for what follows. */
	void (*on_loss)(struct cc_state *cc, const struct cc_loss *ev);
	/* Fast recovery has ended. */
	void (*on_recovered)(struct cc_state *cc);
	/* Nothing was sent for `idle_us`, with a retransmission timeout of `rto_us`. */
	void (*on_idle)(struct cc_state *cc, uint64_t idle_us, uint32_t rto_us);
};

enum {
	CC_INITIAL_WINDOW = 10, /* segments, RFC 6928 */
	CC_CWND_MAX = 1 << 30,
};

extern const struct cc_ops cc_newreno;

/* A new connection. */
void cc_init(struct cc_state *cc, const struct cc_ops *ops, uint32_t mss);
/* The segment size changed (path MTU); the window keeps its number of bytes, at least a segment. */
void cc_set_mss(struct cc_state *cc, uint32_t mss);
