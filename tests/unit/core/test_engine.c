/* SPDX-License-Identifier: MIT */
/* The engine: what it refuses, and in which order it works. */
#include "core_fixture.h"

#include <errno.h>

static void engine_without_seed_or_entropy_is_refused(void **state UNUSED)
{
	struct engine_config cfg = {.now_ns = 5};
	struct engine *eng;

	assert_int_equal(engine_new(&cfg, &eng), -EINVAL);
}

static int no_entropy(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	(void)buf;
	(void)len;
	return -EIO;
}

static void failing_entropy_is_passed_on(void **state UNUSED)
{
	struct engine_config cfg = {.entropy = no_entropy};
	struct engine *eng;

	assert_int_equal(engine_new(&cfg, &eng), -EIO);
}

static void same_seed_gives_the_same_numbers_and_another_does_not(void **state UNUSED)
{
	struct engine_config cfg = {.has_seed = true, .seed = 7};
	struct engine *a, *b, *c;

	assert_int_equal(engine_new(&cfg, &a), 0);
	assert_int_equal(engine_new(&cfg, &b), 0);
	cfg.seed = 8;
	assert_int_equal(engine_new(&cfg, &c), 0);
	assert_memory_equal(&a->hash_key, &b->hash_key, sizeof(a->hash_key));
	assert_memory_not_equal(&a->hash_key, &c->hash_key, sizeof(a->hash_key));
	engine_free(a);
	engine_free(b);
	engine_free(c);
}

struct failing {
	int at; /* the allocation that fails, from 0 */
	int n;  /* allocations so far */
	int n_live;
};

static void *failing_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct failing *fl = ctx;

	if (!new_bytes) {
		fl->n_live -= ptr != NULL;
		free(ptr);
		return NULL;
	}
	if (fl->n++ == fl->at)
		return NULL;
	fl->n_live += old_bytes == 0;
	return realloc(ptr, new_bytes);
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state UNUSED)
{
	int err = -ENOMEM;

	for (int at = 0; err; at++) {
		struct failing fl = {.at = at};
		struct engine_config cfg = {
			.has_seed = true, .realloc = failing_realloc, .mem_ctx = &fl};
		struct engine *eng;

		err = engine_new(&cfg, &eng);
		if (!err)
			engine_free(eng);
		else
			assert_int_equal(err, -ENOMEM);
		assert_int_equal(fl.n_live, 0);
		assert_true(at < 50);
	}
}

static void stacks_are_found_by_their_ids_until_they_go(void **state UNUSED)
{
	struct engine_config cfg = {.has_seed = true};
	struct stack *sts[100];
	struct engine *eng;

	assert_int_equal(engine_new(&cfg, &eng), 0);
	assert_null(stack_by_id(eng, 0));
	for (uint32_t i = 0; i < ARRAY_SIZE(sts); i++) {
		sts[i] = stack_new(eng, "host");
		assert_non_null(sts[i]);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(sts); i++)
		assert_ptr_equal(stack_by_id(eng, sts[i]->id), sts[i]);
	assert_null(stack_by_id(eng, UINT32_MAX));
	for (uint32_t i = 0; i < ARRAY_SIZE(sts); i++) {
		uint32_t id = sts[i]->id;

		stack_free(sts[i]);
		assert_null(stack_by_id(eng, id));
	}
	engine_free(eng);
}

static char order[16];

static void note(char c)
{
	size_t n = strlen(order);

	assert_true(n + 1 < sizeof(order));
	order[n] = c;
	order[n + 1] = '\0';
}

static void note_timer(struct wheel_timer *t, int64_t now_ns)
{
	(void)t;
	(void)now_ns;
	note('t');
}

static void note_work(struct engine_work *work)
{
	(void)work;
	note('w');
}

static void note_input(struct fixture *f, struct pkt *pkt)
{
	(void)f;
	(void)pkt;
	note('r');
}

static void timers_come_before_frames_and_frames_before_deferred_work(void **state)
{
	struct fixture *f = *state;
	struct wheel_timer t;
	struct engine_work work;

	order[0] = '\0';
	f->on_input = note_input;
	engine_work_init(&work, note_work);
	wheel_timer_init(&t, note_timer);
	engine_work_defer(f->eng, &work);
	engine_work_defer(f->eng, &work);
	netif_rx_later(&f->netif, frame(f, 60));
	netif_rx_later(&f->netif, frame(f, 60));
	wheel_start(&f->eng->wheel, &t, 100);
	assert_int_equal(engine_next_ns(f->eng), 0);
	assert_false(engine_run(f->eng, 100));
	assert_string_equal(order, "trrw");
	assert_int_equal(engine_next_ns(f->eng), INT64_MAX);
}

static void clock_never_goes_back(void **state)
{
	struct fixture *f = *state;

	engine_run(f->eng, 1000);
	engine_run(f->eng, 500);
	assert_int_equal(f->eng->now_ns, 1000);
}

static struct engine *endless_eng;
static void endless(struct engine_work *work)
{
	engine_work_defer(endless_eng, work);
}

static void work_that_never_ends_leaves_the_engine_at_its_budget(void **state)
{
	struct fixture *f = *state;
	struct engine_work work;

	endless_eng = f->eng;
	engine_work_init(&work, endless);
	engine_work_defer(f->eng, &work);
	assert_true(engine_run(f->eng, 1));
	assert_int_equal(engine_next_ns(f->eng), 1);
	engine_work_cancel(&work);
	assert_false(engine_run(f->eng, 2));
}

static void come_again(struct fixture *f, struct pkt *pkt UNUSED)
{
	netif_rx_later(&f->netif, frame(f, 60));
}

static void frames_that_never_end_leave_a_turn_to_deferred_work(void **state)
{
	struct fixture *f = *state;
	struct engine_work work;

	order[0] = '\0';
	f->on_input = come_again;
	engine_work_init(&work, note_work);
	engine_work_defer(f->eng, &work);
	netif_rx_later(&f->netif, frame(f, 60));
	assert_true(engine_run(f->eng, 1));
	assert_int_equal(f->n_input, ENGINE_BUDGET_PKTS);
	assert_string_equal(order, "w");
	f->on_input = NULL;
	assert_false(engine_run(f->eng, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engine_without_seed_or_entropy_is_refused),
		cmocka_unit_test(failing_entropy_is_passed_on),
		cmocka_unit_test(same_seed_gives_the_same_numbers_and_another_does_not),
		cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
		cmocka_unit_test(stacks_are_found_by_their_ids_until_they_go),
		T(timers_come_before_frames_and_frames_before_deferred_work),
		T(clock_never_goes_back),
		T(work_that_never_ends_leaves_the_engine_at_its_budget),
		T(frames_that_never_end_leave_a_turn_to_deferred_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
