/* SPDX-License-Identifier: MIT */
/* SPSC ring: alone at its edges, then with two threads (meant to run under TSan too). */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "base/ring.h"

static void ring_of_three_holds_four_in_order(void **state UNUSED)
{
	struct ring *ring;
	struct mem mem;
	uint32_t v;

	mem_init(&mem, NULL, NULL, 0);
	ring = ring_new(&mem, 3, sizeof(v));
	assert_non_null(ring);
	for (uint32_t lap = 0; lap < 5; lap++) {
		assert_int_equal(ring_pop(ring, &v), -EAGAIN);
		for (uint32_t i = 0; i < 4; i++) {
			v = lap * 10 + i;
			assert_int_equal(ring_push(ring, &v), 0);
		}
		assert_int_equal(ring_push(ring, &v), -EAGAIN);
		assert_int_equal(ring_n_elems(ring), 4);
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(ring_pop(ring, &v), 0);
			assert_int_equal(v, lap * 10 + i);
		}
	}
	ring_free(ring);
	ring_free(NULL);
	assert_int_equal(mem.n_bytes, 0);
}

static void ring_whose_counters_wrap_keeps_its_order(void **state UNUSED)
{
	struct ring *ring;
	struct mem mem;
	uint8_t v;

	mem_init(&mem, NULL, NULL, 0);
	ring = ring_new(&mem, 2, 1);
	assert_non_null(ring);
	ring->head = ring->tail = UINT32_MAX;
	ring->tail_seen = ring->head_seen = UINT32_MAX;
	for (uint8_t i = 0; i < 2; i++)
		assert_int_equal(ring_push(ring, &i), 0);
	assert_int_equal(ring_push(ring, &v), -EAGAIN);
	for (uint8_t i = 0; i < 2; i++) {
		assert_int_equal(ring_pop(ring, &v), 0);
		assert_int_equal(v, i);
	}
	assert_int_equal(ring_pop(ring, &v), -EAGAIN);
	ring_free(ring);
}

static void ring_without_memory_is_null_and_leaks_nothing(void **state UNUSED)
{
	struct mem mem;

	mem_init(&mem, NULL, NULL, 0);
	for (mem.limit_bytes = 1; mem.limit_bytes < 600; mem.limit_bytes += 50) {
		assert_null(ring_new(&mem, 100, 100));
		assert_int_equal(mem.n_bytes, 0);
	}
}

enum {
	N_MESSAGES = 200000,
};

struct message {
	uint64_t number;
	uint64_t twice;
	uint64_t complement;
};

static void *produce(void *arg)
{
	struct ring *ring = arg;

	for (uint64_t i = 0; i < N_MESSAGES; i++) {
		struct message m = {.number = i, .twice = 2 * i, .complement = ~i};

		while (ring_push(ring, &m) < 0)
			sched_yield();
	}
	return NULL;
}

static void two_threads_hand_over_every_message_whole_and_in_order(void **state UNUSED)
{
	uint64_t n_wrong = 0;
	struct ring *ring;
	struct message m;
	pthread_t thread;
	struct mem mem;

	mem_init(&mem, NULL, NULL, 0);
	ring = ring_new(&mem, 64, sizeof(m));
	assert_non_null(ring);
	assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
	for (uint64_t i = 0; i < N_MESSAGES; i++) {
		while (ring_pop(ring, &m) < 0)
			sched_yield();
		n_wrong += m.number != i || m.twice != 2 * i || m.complement != ~i;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(n_wrong, 0);
	assert_int_equal(ring_n_elems(ring), 0);
	ring_free(ring);
	assert_int_equal(mem.n_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_of_three_holds_four_in_order),
		cmocka_unit_test(ring_whose_counters_wrap_keeps_its_order),
		cmocka_unit_test(ring_without_memory_is_null_and_leaks_nothing),
		cmocka_unit_test(two_threads_hand_over_every_message_whole_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
