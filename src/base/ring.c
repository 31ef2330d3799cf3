/* SPDX-License-Identifier: MIT */
/* SPSC ring; the memory ordering is explained in ring.h. */
#include "base/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static size_t ring_bytes(const struct ring *ring)
{
	return ((size_t)ring->mask + 1) * ring->elem_bytes;
}

struct ring *ring_new(struct mem *mem, uint32_t n_elems, uint32_t elem_bytes)
{
	struct ring *ring = mem_alloc_aligned(mem, sizeof(*ring), _Alignof(struct ring));
	uint32_t size = 1;

	assert(n_elems > 0 && n_elems <= UINT32_C(1) << 30 && elem_bytes > 0);
	if (!ring)
		return NULL;
	while (size < n_elems)
		size *= 2;
	*ring = (struct ring){.mask = size - 1, .elem_bytes = elem_bytes, .mem = mem};
	ring->elems = mem_alloc_aligned(mem, ring_bytes(ring), CACHE_LINE);
	if (!ring->elems) {
		ring_free(ring);
		return NULL;
	}
	return ring;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	mem_free_aligned(ring->mem, ring->elems, ring_bytes(ring), CACHE_LINE);
	mem_free_aligned(ring->mem, ring, sizeof(*ring), _Alignof(struct ring));
}

static uint8_t *ring_elem(const struct ring *ring, uint32_t count)
{
	return ring->elems + (size_t)(count & ring->mask) * ring->elem_bytes;
}

int ring_push(struct ring *ring, const void *elem)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head - ring->tail_seen > ring->mask) {
		ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
		if (head - ring->tail_seen > ring->mask)
			return -EAGAIN;
	}
	memcpy(ring_elem(ring, head), elem, ring->elem_bytes);
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return 0;
}

int ring_pop(struct ring *ring, void *ret_elem)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (tail == ring->head_seen) {
		ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
		if (tail == ring->head_seen)
			return -EAGAIN;
	}
	memcpy(ret_elem, ring_elem(ring, tail), ring->elem_bytes);
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return 0;
}

/* The tail first: seen later it could be past the head. */
uint32_t ring_n_elems(const struct ring *ring)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	uint32_t n = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;

	return n <= ring->mask ? n : ring->mask + 1;
}
