/* SPDX-License-Identifier: MIT */
/*
 * Single-producer single-consumer ring of records of any length: how engines hand each other frames
 * by value. Like base/ring.h, but an element is as long as it is, and is written and read in place.
 *
 * How it works
 *
 * `head` counts the bytes ever published, `tail` those ever released, both modulo 2^32; offsets
 * into the bytes are these modulo the size, a power of two. A record is REC_HDR bytes with its
 * length, then its bytes, rounded up to 16. It is in one piece: where it would cross the end of the
 * ring, a mark says that the rest up to the end is skipped.
 *
 *	      tail                       head
 *	 ......|len|bytes..|len|bytes....|...........|SKIP......|
 *
 * Either side works on a position of its own (`at`) and tells the other from time to time: the
 * producer with rec_ring_publish() what it has written, the consumer with rec_ring_release() what
 * it has read. Both stores, and the loads of rec_ring_has_news() and rec_ring_has_room_news(), are
 * sequentially consistent: whoever publishes and then looks whether the other side sleeps, while
 * that one says that it sleeps and then looks for news, cannot both miss each other. A side reads
 * the other's counter only when its last look says full (or empty), so in steady state the lines
 * move rarely.
 *
 * Neither side ever waits. At the bound the producer gets NULL, and it is its business whether to
 * drop, or to keep what it has and to ask for room (rec_ring_ask_room()).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/mem.h"

enum {
	REC_HDR = 16, /* bytes in front of each record */
	REC_RING_MIN = 4096,
};

struct rec_ring {
	struct { /* constant after rec_ring_new() */
		uint8_t *bytes;
		uint32_t n_bytes; /* a power of two */
		struct mem *mem;
	} CACHE_ALIGNED;
	struct { /* the producer's line */
		_Atomic uint32_t head;
		uint32_t at; /* written up to here */
		uint32_t tail_seen;
	} CACHE_ALIGNED;
	struct { /* the consumer's line */
		_Atomic uint32_t tail;
		uint32_t at_read; /* read up to here */
		uint32_t head_seen;
	} CACHE_ALIGNED;
	struct {
		_Atomic bool wants_room; /* the producer waits until something is released */
	} CACHE_ALIGNED;
};

/* A ring of at least `n_bytes` (REC_RING_MIN to 2^30); NULL when there is no memory. `mem` is used
 * here and in rec_ring_free() only. */
struct rec_ring *rec_ring_new(struct mem *mem, uint32_t n_bytes) MUST_CHECK;
/* NULL is accepted. Neither side may use the ring any more. */
void rec_ring_free(struct rec_ring *ring);

/* The longest record that it takes. */
static inline uint32_t rec_ring_max(const struct rec_ring *ring)
{
	return ring->n_bytes / 2 - REC_HDR;
}

/* Producer: room for a record of `len` bytes, at most rec_ring_max(), aligned to 16; NULL: full. It
 * is part of the ring with rec_ring_commit() of the same length. */
void *rec_ring_reserve(struct rec_ring *ring, uint32_t len) MUST_CHECK;
void rec_ring_commit(struct rec_ring *ring, uint32_t len);
/* Producer: the consumer may have what was committed. */
void rec_ring_publish(struct rec_ring *ring);
/* Producer: wants to be told of room. Try again afterwards: there may be some by now. */
void rec_ring_ask_room(struct rec_ring *ring);
/* Producer: something was released since the ring was last found full. */
bool rec_ring_has_room_news(const struct rec_ring *ring);

/* Consumer: the oldest record, and how long it is; NULL: none. It stays until rec_ring_pop() and
 * rec_ring_release(). */
const void *rec_ring_peek(struct rec_ring *ring, uint32_t *ret_len) MUST_CHECK;
void rec_ring_pop(struct rec_ring *ring);
/* Consumer: the producer may have the room of what was popped. True: it has asked for that. */
bool rec_ring_release(struct rec_ring *ring);
/* Consumer: there is a record. */
bool rec_ring_has_news(const struct rec_ring *ring);
