/* SPDX-License-Identifier: MIT */
/* Timing wheel: one test a promise of wheel.h, then everything at random against a naive twin. */
#include "unit.h"

#include "base/wheel.h"
#include "prng.h"

enum {
	MS = 1000 * 1000,
	N_TIMERS = 48,
	LOG_LEN = 256,
};

static const int64_t day_ns = INT64_C(86400) * 1000 * MS;

struct fixture;

struct item {
	struct wheel_timer timer;
	struct fixture *f;
	char name;
	/* The twin's view. */
	bool pending;
	bool held; /* started in this run, already due: for the next one */
	int64_t deadline_ns;
	uint64_t seq;
};

struct fixture {
	struct wheel w;
	struct item items[N_TIMERS];
	char log[LOG_LEN]; /* names of the timers fired */
	size_t n_log;
	void (*on_fire)(struct fixture *f, struct item *item, int64_t now_ns);
	struct prng prng;
	int64_t now_ns;
	uint64_t seq;
	bool running;
};

static void on_timer(struct wheel_timer *timer, int64_t now_ns)
{
	struct item *item = container_of(timer, struct item, timer);
	struct fixture *f = item->f;

	if (f->n_log < LOG_LEN - 1)
		f->log[f->n_log++] = item->name;
	if (f->on_fire)
		f->on_fire(f, item, now_ns);
}

static struct fixture *fixture_at(int64_t now_ns)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	wheel_init(&f->w, now_ns);
	f->now_ns = now_ns;
	for (size_t i = 0; i < N_TIMERS; i++) {
		f->items[i] = (struct item){.f = f, .name = (char)('a' + i)};
		wheel_timer_init(&f->items[i].timer, on_timer);
	}
	return f;
}

static void start(struct fixture *f, char name, int64_t deadline_ns)
{
	wheel_start(&f->w, &f->items[name - 'a'].timer, deadline_ns);
}

static void stop(struct fixture *f, char name)
{
	wheel_stop(&f->w, &f->items[name - 'a'].timer);
}

/* Runs at `now_ns` and compares what fired. */
static void expect_run(struct fixture *f, int64_t now_ns, const char *want)
{
	size_t n_fired = wheel_run(&f->w, now_ns);

	f->log[f->n_log] = '\0';
	assert_string_equal(f->log, want);
	assert_int_equal(n_fired, strlen(want));
	f->n_log = 0;
}

static void fixture_free(struct fixture *f)
{
	assert_int_equal(f->w.n_pending, 0);
	free(f);
}

static void empty_wheel_has_no_deadline(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	assert_true(wheel_next_ns(&f->w) == INT64_MAX);
	assert_true(wheel_bound_ns(&f->w) == INT64_MAX);
	expect_run(f, 100 * day_ns, "");
	fixture_free(f);
}

static void timers_fire_at_their_nanosecond_and_not_before(void **state UNUSED)
{
	struct fixture *f = fixture_at(1000);

	start(f, 'a', 5 * MS + 1);
	start(f, 'b', 5 * MS);
	assert_true(wheel_next_ns(&f->w) == 5 * MS);
	expect_run(f, 5 * MS - 1, "");
	expect_run(f, 5 * MS, "b");
	assert_true(wheel_next_ns(&f->w) == 5 * MS + 1);
	expect_run(f, 5 * MS + 1, "a");
	fixture_free(f);
}

static void equal_deadlines_fire_in_the_order_of_their_start(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	for (const char *name = "hcabgdef"; *name; name++)
		start(f, *name, 3 * day_ns);
	start(f, 'a', 3 * day_ns); /* anew: goes last */
	expect_run(f, 4 * day_ns, "hcbgdefa");
	fixture_free(f);
}

static void timers_of_one_tick_fire_by_deadline(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	start(f, 'c', 30);
	start(f, 'a', 10);
	start(f, 'b', 20);
	start(f, 'd', -5); /* in the past */
	expect_run(f, 100, "dabc");
	fixture_free(f);
}

static void stopped_timer_does_not_fire(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	start(f, 'a', 10);
	start(f, 'b', day_ns);
	start(f, 'c', 1000 * day_ns);
	assert_true(wheel_timer_is_pending(&f->items[0].timer));
	stop(f, 'a');
	stop(f, 'a');
	stop(f, 'b');
	stop(f, 'c');
	assert_false(wheel_timer_is_pending(&f->items[0].timer));
	assert_true(wheel_next_ns(&f->w) == INT64_MAX);
	expect_run(f, 2000 * day_ns, "");
	fixture_free(f);
}

static void deadline_beyond_the_horizon_is_kept_exactly(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	start(f, 'a', 300 * day_ns + 1);
	start(f, 'b', 300 * day_ns);
	start(f, 'c', INT64_MAX);
	expect_run(f, 100 * day_ns, "");
	assert_true(wheel_next_ns(&f->w) == 300 * day_ns);
	expect_run(f, 300 * day_ns - 1, "");
	expect_run(f, 300 * day_ns, "b");
	expect_run(f, 301 * day_ns, "a");
	expect_run(f, INT64_MAX, "c");
	fixture_free(f);
}

static void time_may_be_negative_and_cross_zero(void **state UNUSED)
{
	struct fixture *f = fixture_at(-3 * day_ns);

	start(f, 'a', -2 * day_ns);
	start(f, 'b', 5);
	start(f, 'c', -5);
	start(f, 'd', INT64_MIN);
	expect_run(f, -2 * day_ns, "da");
	assert_true(wheel_next_ns(&f->w) == -5);
	expect_run(f, 4, "c");
	expect_run(f, 5, "b");
	fixture_free(f);
}

static void time_that_goes_back_fires_nothing_early(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	expect_run(f, day_ns, "");
	start(f, 'a', day_ns / 2);
	start(f, 'b', day_ns / 2 - 1);
	expect_run(f, day_ns / 2 - 1, "b");
	assert_true(wheel_next_ns(&f->w) == day_ns / 2);
	expect_run(f, day_ns / 2, "a");
	fixture_free(f);
}

static void restart_self_at_now(struct fixture *f, struct item *item, int64_t now_ns)
{
	wheel_start(&f->w, &item->timer, now_ns);
	assert_true(wheel_next_ns(&f->w) == now_ns);
	assert_true(wheel_bound_ns(&f->w) == now_ns);
}

static void callback_restarting_itself_now_fires_in_the_next_run(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	f->on_fire = restart_self_at_now;
	start(f, 'a', MS);
	expect_run(f, MS, "a");
	assert_true(wheel_next_ns(&f->w) == MS);
	expect_run(f, MS, "a");
	stop(f, 'a');
	expect_run(f, 2 * MS, "");
	fixture_free(f);
}

static void a_stops_b_and_moves_c(struct fixture *f, struct item *item, int64_t now_ns)
{
	if (item->name != 'a')
		return;
	stop(f, 'b');
	start(f, 'c', now_ns + 1);
	start(f, 'd', now_ns - 1); /* due, but started in this run */
}

static void callback_acts_on_others_due_in_the_same_run(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	f->on_fire = a_stops_b_and_moves_c;
	start(f, 'a', MS);
	start(f, 'b', MS);
	start(f, 'c', MS);
	start(f, 'd', MS);
	start(f, 'e', MS);
	expect_run(f, MS, "ae");
	expect_run(f, MS, "d");
	expect_run(f, MS + 1, "c");
	fixture_free(f);
}

static void free_item(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	free(container_of(timer, struct item, timer));
}

static void callback_may_free_its_timer(void **state UNUSED)
{
	struct fixture *f = fixture_at(0);

	for (int i = 0; i < 100; i++) {
		struct item *item = calloc(1, sizeof(*item));

		assert_non_null(item);
		wheel_timer_init(&item->timer, free_item);
		wheel_start(&f->w, &item->timer, i % 7);
	}
	assert_int_equal(wheel_run(&f->w, 10), 100);
	fixture_free(f);
}

static void sleeping_to_the_bound_reaches_the_deadline_in_few_steps(void **state UNUSED)
{
	for (int64_t in_ns = 1; in_ns < 40 * day_ns; in_ns = in_ns * 3 + 1) {
		struct fixture *f = fixture_at(123456789);
		int64_t deadline_ns = 123456789 + in_ns, now_ns = 0;
		int n_wakeups = 0;

		start(f, 'a', deadline_ns);
		while (f->w.n_pending > 0) {
			int64_t bound_ns = wheel_bound_ns(&f->w);

			assert_true(bound_ns > now_ns && bound_ns <= deadline_ns);
			now_ns = bound_ns;
			wheel_run(&f->w, now_ns);
			n_wakeups++;
		}
		assert_true(now_ns == deadline_ns);
		assert_true(n_wakeups <= WHEEL_LEVELS);
		fixture_free(f);
	}
}

static void many_timers_are_fired_in_order_after_one_long_jump(void **state UNUSED)
{
	enum {
		N = 100000
	};
	struct fixture *f = fixture_at(0);
	struct item *items = calloc(N, sizeof(*items));
	struct prng prng = prng_make();

	assert_non_null(items);
	for (size_t i = 0; i < N; i++) {
		items[i] = (struct item){.f = f, .name = 'x'};
		wheel_timer_init(&items[i].timer, on_timer);
		wheel_start(&f->w, &items[i].timer, (int64_t)prng_below(&prng, 1 << 20) * MS);
	}
	for (int64_t last_ns = 0; f->w.n_pending > N / 2;) {
		int64_t next_ns = wheel_next_ns(&f->w);

		assert_true(next_ns >= last_ns);
		assert_true(wheel_run(&f->w, next_ns) > 0);
		last_ns = next_ns;
	}
	wheel_run(&f->w, 100 * day_ns);
	free(items);
	fixture_free(f);
}

/* The twin: the same timers in an array, searched through for everything. */

static struct item *twin_first(struct fixture *f)
{
	struct item *first = NULL;

	for (size_t i = 0; i < N_TIMERS; i++) {
		struct item *it = &f->items[i];

		if (!it->pending || it->held)
			continue;
		if (!first || it->deadline_ns < first->deadline_ns ||
		    (it->deadline_ns == first->deadline_ns && it->seq < first->seq))
			first = it;
	}
	return first;
}

static void both_start(struct fixture *f, struct item *item, int64_t deadline_ns)
{
	wheel_start(&f->w, &item->timer, deadline_ns);
	item->pending = true;
	item->held = f->running && deadline_ns <= f->now_ns;
	item->deadline_ns = deadline_ns;
	item->seq = ++f->seq;
}

static void both_stop(struct fixture *f, struct item *item)
{
	wheel_stop(&f->w, &item->timer);
	item->pending = false;
}

/* All magnitudes from one nanosecond to centuries; often on a coarse grid, so that many are equal.
 */
static int64_t random_span(struct prng *prng)
{
	unsigned int n_bits = (unsigned int)prng_below(prng, prng_below(prng, 32) ? 44 : 54);
	int64_t span = (int64_t)(prng_u64(prng) >> (63 - n_bits));

	return prng_below(prng, 2) ? span : span & ~INT64_C(0xfffff);
}

static void random_start_or_stop(struct fixture *f)
{
	struct item *item = &f->items[prng_below(&f->prng, N_TIMERS)];

	if (prng_below(&f->prng, 3) == 0)
		both_stop(f, item);
	else if (prng_below(&f->prng, 16) == 0)
		both_start(f, item, f->now_ns - random_span(&f->prng));
	else
		both_start(f, item, f->now_ns + random_span(&f->prng));
}

static void check_fired(struct fixture *f, struct item *item, int64_t now_ns)
{
	assert_ptr_equal(item, twin_first(f));
	assert_true(item->deadline_ns <= now_ns);
	assert_false(wheel_timer_is_pending(&item->timer));
	item->pending = false;
	for (uint64_t n = prng_below(&f->prng, 4); n > 0; n--)
		random_start_or_stop(f);
	if (prng_below(&f->prng, 8) == 0)
		both_start(f, item, now_ns);
}

static void both_run(struct fixture *f, int64_t now_ns)
{
	struct item *first;

	f->now_ns = now_ns;
	f->running = true;
	wheel_run(&f->w, now_ns);
	f->running = false;
	first = twin_first(f);
	assert_true(!first || first->deadline_ns > now_ns);
	for (size_t i = 0; i < N_TIMERS; i++)
		f->items[i].held = false;
	first = twin_first(f);
	if (first && first->deadline_ns > now_ns)
		assert_true(wheel_bound_ns(&f->w) > now_ns);
}

static void compare(struct fixture *f)
{
	struct item *first = twin_first(f);
	int64_t next_ns = first ? first->deadline_ns : INT64_MAX;

	assert_true(wheel_next_ns(&f->w) == next_ns);
	assert_true(wheel_bound_ns(&f->w) <= next_ns);
}

static void advance(struct fixture *f)
{
	int64_t next_ns = wheel_next_ns(&f->w);

	switch (prng_below(&f->prng, 4)) {
	case 0:
		both_run(f, f->now_ns + random_span(&f->prng));
		break;
	case 1:
		if (next_ns != INT64_MAX && next_ns > f->now_ns)
			both_run(f, wheel_bound_ns(&f->w));
		break;
	default:
		if (next_ns != INT64_MAX)
			both_run(f, next_ns > f->now_ns ? next_ns : f->now_ns);
		break;
	}
}

static void random_operations_agree_with_the_twin(void **state UNUSED)
{
	struct prng prng = prng_make();

	for (int round = 0, n_steps = 0; n_steps < 1000 * 1000; round++) {
		struct fixture *f = fixture_at(((int64_t)prng_u64(&prng) >> 10) * (round % 4));

		f->on_fire = check_fired;
		f->prng = prng;
		for (int step = 0; step < 20000 && f->now_ns < INT64_MAX / 2; step++) {
			n_steps++;
			if (prng_below(&f->prng, 3) == 0)
				advance(f);
			else
				random_start_or_stop(f);
			compare(f);
		}
		for (size_t i = 0; i < N_TIMERS; i++)
			both_stop(f, &f->items[i]);
		prng = f->prng;
		fixture_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_wheel_has_no_deadline),
		cmocka_unit_test(timers_fire_at_their_nanosecond_and_not_before),
		cmocka_unit_test(equal_deadlines_fire_in_the_order_of_their_start),
		cmocka_unit_test(timers_of_one_tick_fire_by_deadline),
		cmocka_unit_test(stopped_timer_does_not_fire),
		cmocka_unit_test(deadline_beyond_the_horizon_is_kept_exactly),
		cmocka_unit_test(time_may_be_negative_and_cross_zero),
		cmocka_unit_test(time_that_goes_back_fires_nothing_early),
		cmocka_unit_test(callback_restarting_itself_now_fires_in_the_next_run),
		cmocka_unit_test(callback_acts_on_others_due_in_the_same_run),
		cmocka_unit_test(callback_may_free_its_timer),
		cmocka_unit_test(sleeping_to_the_bound_reaches_the_deadline_in_few_steps),
		cmocka_unit_test(many_timers_are_fired_in_order_after_one_long_jump),
		cmocka_unit_test(random_operations_agree_with_the_twin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
