/* SPDX-License-Identifier: MIT */
/*
 * Records of what is in flight: one a transmission, while it is not acknowledged.
 *
 * A record is a run of numbers that left in one go and have met the same fate since: a super-packet
 * of 64 KiB is one, and so are ten of them that left in the same instant. It is divided when its
 * parts fare differently (held in part, lost in part, sent again in part) and united with its
 * neighbour when nothing tells them apart any more. So their number follows the events on the path,
 * not the bytes in flight. tcp_txq.c says how they are kept.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* tcp_txrec->flags */
enum {
	TXR_HELD = 1 << 0,       /* the peer holds it, says a SACK block: neither lost nor again */
	TXR_LOST = 1 << 1,       /* what was sent first is held lost */
	TXR_AGAIN = 1 << 2,      /* sent again, and that is held to be on its way */
	TXR_TWICE = 1 << 3,      /* sent more than once, at some time: measures nothing (Karn) */
	TXR_APP_LIMITED = 1 << 4 /* the application had no more to send then */
};

struct tcp_txrec {
	uint32_t seq;
	uint32_t end;  /* one past the last number; a FIN is one */
	int64_t tx_ns; /* when it was sent last */
	/* The delivery rate's (tcp_rate.c), as they were when it was sent last. */
	int64_t delivered_ns;
	int64_t first_tx_ns;
	uint64_t delivered;
	uint16_t n_segs;       /* at least 1 */
	uint8_t flags;         /* TXR_* */
	uint8_t n_again;       /* times that it was sent again; saturates */
	uint32_t tx_in_flight; /* tcp_pipe() just after */
	uint32_t lost;         /* bytes marked lost so far, modulo 2^32 */
};
static_assert(sizeof(struct tcp_txrec) <= 56, "doc/tcp-connection.md");

enum {
	TCP_TXQ_MIN = 4,
	TCP_TXQ_MAX = 4096, /* records of a connection; beyond, they are united */
};

/* The block that a connection has while something is in flight. */
struct tcp_txq {
	uint32_t cap;   /* of recs[] */
	uint32_t first; /* index of the oldest record */
	uint32_t n;     /* records, from there on; they touch, from snd_una to snd_nxt */
	/* Sums over the records, in numbers: with HELD, with LOST, with AGAIN, with LOST alone. */
	uint32_t held_bytes;
	uint32_t lost_bytes;
	uint32_t again_bytes;
	uint32_t due_bytes;
	uint32_t held_segs;
	uint32_t held_top;  /* with held_bytes: one past the highest number held */
	uint32_t rexmt_seq; /* nothing below it is LOST and not AGAIN */
	uint32_t again_top; /* nothing from there on was sent more than once */
	struct tcp_txrec recs[];
};

static inline struct tcp_txrec *tcp_txq_at(struct tcp_txq *q, uint32_t i)
{
	return &q->recs[q->first + i];
}

static inline const struct tcp_txrec *tcp_txq_at_const(const struct tcp_txq *q, uint32_t i)
{
	return &q->recs[q->first + i];
}

/* The record is lost and has not been sent again. */
static inline bool tcp_txr_is_due(const struct tcp_txrec *r)
{
	return (r->flags & (TXR_LOST | TXR_AGAIN)) == TXR_LOST;
}
