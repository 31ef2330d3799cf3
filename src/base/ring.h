/* SPDX-License-Identifier: MIT */
/*
 * Single-producer single-consumer ring: the one way in which threads talk to an engine.
 *
 * Elements have a fixed size and are copied. One thread pushes, one pops; neither ever waits or
 * takes a lock. Waking the other side is the caller's business (an eventfd, say).
 *
 * How it works
 *
 * `head` counts the elements ever pushed, `tail` those ever popped, both modulo 2^32; the ring is
 * empty when they are equal, full when they differ by its size. Each side writes its own counter
 * with release, after the element's bytes, and reads the other's with acquire, before them. It does
 * so only when its last look says full (or empty): each counter shares a cache line with its
 * owner's copy of the other one, so in steady state the lines move rarely.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/mem.h"

struct ring {
	struct { /* constant after ring_new() */
		uint8_t *elems;
		uint32_t mask; /* size - 1 */
		uint32_t elem_bytes;
		struct mem *mem;
	} CACHE_ALIGNED;
	struct { /* the producer's line */
		_Atomic uint32_t head;
		uint32_t tail_seen;
	} CACHE_ALIGNED;
	struct { /* the consumer's line */
		_Atomic uint32_t tail;
		uint32_t head_seen;
	} CACHE_ALIGNED;
};

/*
 * A ring for at least `n_elems` (at most 2^30) elements of `elem_bytes` each; NULL when there is no
 * memory. `mem` is used here and in ring_free() only, both on the thread that owns it.
 */
struct ring *ring_new(struct mem *mem, uint32_t n_elems, uint32_t elem_bytes) MUST_CHECK;
/* NULL is accepted. Neither side may use the ring any more. */
void ring_free(struct ring *ring);

/* Producer: copies an element in. Returns 0, or -EAGAIN when the ring is full. */
int ring_push(struct ring *ring, const void *elem) MUST_CHECK;
/* Consumer: copies the oldest element out. Returns 0, or -EAGAIN when the ring is empty. */
int ring_pop(struct ring *ring, void *ret_elem) MUST_CHECK;

/* Elements in the ring: exact on either side's thread only as "at least" (consumer) or "at most"
 * (producer), since the other side goes on. */
uint32_t ring_n_elems(const struct ring *ring);
