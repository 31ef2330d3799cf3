/* SPDX-License-Identifier: MIT */
/* Ring of records: at its edges, against a naive twin, then with two threads (under TSan too). */
#include "unit.h"

#include <pthread.h>
#include <sched.h>

#include "base/rec_ring.h"
#include "base/rng.h"

struct fix {
	struct mem mem;
	struct rec_ring *ring;
};

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	mem_init(&f->mem, NULL, NULL, 0);
	f->ring = rec_ring_new(&f->mem, REC_RING_MIN);
	assert_non_null(f->ring);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	rec_ring_free(f->ring);
	assert_int_equal(f->mem.n_bytes, 0);
	free(f);
	return 0;
}

static bool put(struct rec_ring *ring, uint8_t value, uint32_t len)
{
	void *p = rec_ring_reserve(ring, len);

	if (!p)
		return false;
	assert_int_equal((uintptr_t)p % 16, 0);
	memset(p, value, len);
	rec_ring_commit(ring, len);
	return true;
}

static void expect(struct rec_ring *ring, uint8_t value, uint32_t len)
{
	const uint8_t *p;
	uint32_t got;

	p = rec_ring_peek(ring, &got);
	assert_non_null(p);
	assert_int_equal(got, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(p[i], value);
	rec_ring_pop(ring);
}

static void record_is_seen_once_it_is_published(void **state)
{
	struct rec_ring *ring = ((struct fix *)*state)->ring;
	uint32_t len;

	assert_true(put(ring, 7, 100));
	assert_null(rec_ring_peek(ring, &len));
	assert_false(rec_ring_has_news(ring));
	rec_ring_publish(ring);
	assert_true(rec_ring_has_news(ring));
	expect(ring, 7, 100);
	assert_false(rec_ring_has_news(ring));
	assert_null(rec_ring_peek(ring, &len));
}

static void record_without_bytes_is_a_record(void **state)
{
	struct rec_ring *ring = ((struct fix *)*state)->ring;

	assert_true(put(ring, 0, 0));
	rec_ring_publish(ring);
	expect(ring, 0, 0);
}

static void full_ring_takes_no_more_until_room_is_released(void **state)
{
	struct rec_ring *ring = ((struct fix *)*state)->ring;
	uint32_t n = 0;

	while (put(ring, 1, 1000))
		n++;
	assert_int_equal(n, 4); /* 4 * 1024 of 4096 */
	rec_ring_publish(ring);
	assert_false(rec_ring_has_room_news(ring));
	expect(ring, 1, 1000);
	assert_null(rec_ring_reserve(ring, 1000)); /* popped, not released */
	assert_false(rec_ring_release(ring));      /* nobody asked */
	assert_true(rec_ring_has_room_news(ring));
	assert_true(put(ring, 2, 1000));
}

static void who_asks_for_room_is_told_of_it_once(void **state)
{
	struct rec_ring *ring = ((struct fix *)*state)->ring;

	while (put(ring, 1, 1000))
		;
	rec_ring_publish(ring);
	rec_ring_ask_room(ring);
	expect(ring, 1, 1000);
	assert_true(rec_ring_release(ring));
	expect(ring, 1, 1000);
	assert_false(rec_ring_release(ring));
}

static void longest_record_fits_wherever_the_ring_stands(void **state)
{
	struct rec_ring *ring = ((struct fix *)*state)->ring;
	uint32_t max = rec_ring_max(ring);

	for (uint32_t first = 0; first < 2 * REC_RING_MIN; first += 16) {
		assert_true(put(ring, 3, first % 1000));
		rec_ring_publish(ring);
		expect(ring, 3, first % 1000);
		rec_ring_release(ring);
		assert_true(put(ring, 4, max));
		rec_ring_publish(ring);
		expect(ring, 4, max);
		rec_ring_release(ring);
	}
}

static void ring_whose_counters_wrap_keeps_its_order(void **state)
{
	struct rec_ring *ring = ((struct fix *)*state)->ring;
	uint32_t start = UINT32_MAX - 4096 + 1;

	ring->head = ring->tail = start;
	ring->at = ring->at_read = ring->tail_seen = ring->head_seen = start;
	for (uint32_t i = 0; i < 100; i++) {
		assert_true(put(ring, (uint8_t)i, 300));
		assert_true(put(ring, (uint8_t)(i + 1), 5));
		rec_ring_publish(ring);
		expect(ring, (uint8_t)i, 300);
		expect(ring, (uint8_t)(i + 1), 5);
		rec_ring_release(ring);
	}
}

static void ring_without_memory_is_null_and_leaks_nothing(void **state UNUSED)
{
	struct mem mem;

	mem_init(&mem, NULL, NULL, 0);
	for (mem.limit_bytes = 1; mem.limit_bytes < REC_RING_MIN; mem.limit_bytes += 100) {
		assert_null(rec_ring_new(&mem, REC_RING_MIN));
		assert_int_equal(mem.n_bytes, 0);
	}
	rec_ring_free(NULL);
}

enum {
	TWIN_MAX = 512,
	TWIN_ROUNDS = 200000,
};

/* The twin: lengths in order, and how many of them the consumer may see. */
static void random_operations_do_as_a_queue_does(void **state)
{
	struct rec_ring *ring = ((struct fix *)*state)->ring;
	uint32_t lens[TWIN_MAX], head = 0, shown = 0, tail = 0, len;
	struct rng rng;

	rng_init_seed(&rng, 1);
	for (uint32_t i = 0; i < TWIN_ROUNDS; i++) {
		switch (rng_below(&rng, 4)) {
		case 0:
			len = (uint32_t)rng_below(&rng, rec_ring_max(ring) / 4);
			if (head - tail < TWIN_MAX && put(ring, (uint8_t)head, len))
				lens[head++ % TWIN_MAX] = len;
			break;
		case 1:
			rec_ring_publish(ring);
			shown = head;
			break;
		case 2:
			if (tail == shown) {
				assert_null(rec_ring_peek(ring, &len));
				break;
			}
			expect(ring, (uint8_t)tail, lens[tail % TWIN_MAX]);
			tail++;
			break;
		default:
			rec_ring_release(ring);
		}
		assert_int_equal(rec_ring_has_news(ring), tail != shown);
	}
	assert_true(tail > TWIN_ROUNDS / 10);
}

enum {
	N_RECORDS = 100000,
};

static uint32_t len_of(uint32_t i)
{
	return 4 + i * 7919 % 600;
}

static void *produce(void *arg)
{
	struct rec_ring *ring = arg;

	for (uint32_t i = 0; i < N_RECORDS; i++) {
		uint32_t len = len_of(i);
		uint8_t *p;

		while (!(p = rec_ring_reserve(ring, len))) {
			rec_ring_publish(ring);
			sched_yield();
		}
		memset(p, (uint8_t)i, len);
		memcpy(p, &i, sizeof(i));
		rec_ring_commit(ring, len);
		if (i % 8 == 7 || i == N_RECORDS - 1)
			rec_ring_publish(ring);
	}
	return NULL;
}

static void two_threads_hand_over_every_record_whole_and_in_order(void **state)
{
	struct rec_ring *ring = ((struct fix *)*state)->ring;
	uint32_t n_wrong = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
	for (uint32_t i = 0, len, number; i < N_RECORDS; i++) {
		const uint8_t *p;

		while (!(p = rec_ring_peek(ring, &len))) {
			rec_ring_release(ring);
			sched_yield();
		}
		memcpy(&number, p, sizeof(number));
		n_wrong += number != i || len != len_of(i) || (len > 4 && p[len - 1] != (uint8_t)i);
		rec_ring_pop(ring);
		if (i % 16 == 0)
			rec_ring_release(ring);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(n_wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(record_is_seen_once_it_is_published, setup,
						teardown),
		cmocka_unit_test_setup_teardown(record_without_bytes_is_a_record, setup, teardown),
		cmocka_unit_test_setup_teardown(full_ring_takes_no_more_until_room_is_released,
						setup, teardown),
		cmocka_unit_test_setup_teardown(who_asks_for_room_is_told_of_it_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(longest_record_fits_wherever_the_ring_stands, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ring_whose_counters_wrap_keeps_its_order, setup,
						teardown),
		cmocka_unit_test(ring_without_memory_is_null_and_leaks_nothing),
		cmocka_unit_test_setup_teardown(random_operations_do_as_a_queue_does, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			two_threads_hand_over_every_record_whole_and_in_order, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
