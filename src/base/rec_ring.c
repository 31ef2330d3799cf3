/* SPDX-License-Identifier: MIT */
/* SPSC ring of records; how it works is told in rec_ring.h. */
#include "base/rec_ring.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum {
	REC_ALIGN = 16,
};

static const uint32_t REC_SKIP = UINT32_MAX; /* a record's length: nothing up to the end */

struct rec {
	uint32_t len;
	uint32_t reserved[3];
};

static_assert(sizeof(struct rec) == REC_HDR, "what is in front of a record");

struct rec_ring *rec_ring_new(struct mem *mem, uint32_t n_bytes)
{
	struct rec_ring *ring = mem_alloc_aligned(mem, sizeof(*ring), _Alignof(struct rec_ring));
	uint32_t size = REC_RING_MIN;

	assert(n_bytes >= REC_RING_MIN && n_bytes <= UINT32_C(1) << 30);
	if (!ring)
		return NULL;
	while (size < n_bytes)
		size *= 2;
	*ring = (struct rec_ring){.n_bytes = size, .mem = mem};
	ring->bytes = mem_alloc_aligned(mem, size, CACHE_LINE);
	if (!ring->bytes) {
		rec_ring_free(ring);
		return NULL;
	}
	return ring;
}

void rec_ring_free(struct rec_ring *ring)
{
	if (!ring)
		return;
	mem_free_aligned(ring->mem, ring->bytes, ring->n_bytes, CACHE_LINE);
	mem_free_aligned(ring->mem, ring, sizeof(*ring), _Alignof(struct rec_ring));
}

static struct rec *rec_at(const struct rec_ring *ring, uint32_t pos)
{
	return (struct rec *)(void *)(ring->bytes + (pos & (ring->n_bytes - 1)));
}

static uint32_t rec_bytes(uint32_t len)
{
	return REC_HDR + ((len + REC_ALIGN - 1) & ~(uint32_t)(REC_ALIGN - 1));
}

/* From `pos` to the end of the ring. */
static uint32_t rest_of_ring(const struct rec_ring *ring, uint32_t pos)
{
	return ring->n_bytes - (pos & (ring->n_bytes - 1));
}

static bool has_room(struct rec_ring *ring, uint32_t n)
{
	if (ring->n_bytes - (ring->at - ring->tail_seen) >= n)
		return true;
	ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
	return ring->n_bytes - (ring->at - ring->tail_seen) >= n;
}

void *rec_ring_reserve(struct rec_ring *ring, uint32_t len)
{
	uint32_t rest = rest_of_ring(ring, ring->at);
	uint32_t need = rec_bytes(len);
	uint32_t skip = need > rest ? rest : 0;

	assert(len <= rec_ring_max(ring));
	if (!has_room(ring, skip + need))
		return NULL;
	if (skip) {
		rec_at(ring, ring->at)->len = REC_SKIP;
		ring->at += skip;
	}
	return rec_at(ring, ring->at) + 1;
}

void rec_ring_commit(struct rec_ring *ring, uint32_t len)
{
	rec_at(ring, ring->at)->len = len;
	ring->at += rec_bytes(len);
}

void rec_ring_publish(struct rec_ring *ring)
{
	atomic_store_explicit(&ring->head, ring->at, memory_order_seq_cst);
}

void rec_ring_ask_room(struct rec_ring *ring)
{
	atomic_store_explicit(&ring->wants_room, true, memory_order_seq_cst);
}

bool rec_ring_has_room_news(const struct rec_ring *ring)
{
	return atomic_load_explicit(&ring->tail, memory_order_seq_cst) != ring->tail_seen;
}

const void *rec_ring_peek(struct rec_ring *ring, uint32_t *ret_len)
{
	struct rec *rec;

	for (;;) {
		if (ring->at_read == ring->head_seen) {
			ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
			if (ring->at_read == ring->head_seen)
				return NULL;
		}
		rec = rec_at(ring, ring->at_read);
		if (rec->len != REC_SKIP)
			break;
		ring->at_read += rest_of_ring(ring, ring->at_read);
	}
	*ret_len = rec->len;
	return rec + 1;
}

void rec_ring_pop(struct rec_ring *ring)
{
	ring->at_read += rec_bytes(rec_at(ring, ring->at_read)->len);
}

/* The flag is looked at before it is written: its line is the producer's as long as nobody asks. */
bool rec_ring_release(struct rec_ring *ring)
{
	atomic_store_explicit(&ring->tail, ring->at_read, memory_order_seq_cst);
	return atomic_load_explicit(&ring->wants_room, memory_order_seq_cst) &&
	       atomic_exchange_explicit(&ring->wants_room, false, memory_order_seq_cst);
}

bool rec_ring_has_news(const struct rec_ring *ring)
{
	return atomic_load_explicit(&ring->head, memory_order_seq_cst) != ring->at_read;
}
