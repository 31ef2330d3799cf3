/* SPDX-License-Identifier: MIT */
/* Runners: virtual time jumps and stops where it is told to; descriptors are heard in both. */
#include "unit.h"

#include "lab/runner.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

static const int64_t second_ns = 1000000000;

struct world {
	struct weft_engine *eng;
	struct runner *r;
	int fds[2];
	int n_called;
	int64_t called_ns;
};

static void world_open(struct world *w, bool is_virtual)
{
	struct weft_engine_config ec = {.has_seed = true};

	*w = (struct world){.eng = NULL};
	if (!is_virtual)
		ec.now_ns = weft_io_now_ns();
	assert_int_equal(weft_engine_new(&ec, &w->eng), 0);
	assert_int_equal(
		is_virtual ? runner_virtual_new(w->eng, &w->r) : runner_real_new(w->eng, &w->r), 0);
	assert_int_equal(pipe(w->fds), 0);
}

static void world_close(struct world *w)
{
	runner_free(w->r);
	weft_engine_free(w->eng);
	close(w->fds[0]);
	close(w->fds[1]);
}

static void on_timer(void *arg)
{
	struct world *w = arg;

	w->n_called++;
	w->called_ns = weft_engine_now_ns(w->eng);
}

static void on_fd(void *arg, int fd, uint32_t events)
{
	struct world *w = arg;
	char c;

	assert_int_equal(fd, w->fds[0]);
	assert_true(events & POLLIN);
	assert_int_equal(read(fd, &c, 1), 1);
	w->n_called++;
}

static void virtual_turn_jumps_to_the_deadline_exactly(void **state UNUSED)
{
	const int64_t at_ns = 3600 * second_ns + 1;
	struct weft_timer *t;
	struct world w;

	world_open(&w, true);
	t = weft_timer_new(w.eng, on_timer, &w);
	weft_timer_start(t, at_ns);
	assert_int_equal(runner_turn(w.r, INT64_MAX), 0);
	assert_int_equal(w.n_called, 1);
	assert_true(w.called_ns == at_ns && runner_now_ns(w.r) == at_ns);
	weft_timer_free(t);
	world_close(&w);
}

static void virtual_turn_stops_before_a_later_deadline(void **state UNUSED)
{
	struct weft_timer *t;
	struct world w;

	world_open(&w, true);
	t = weft_timer_new(w.eng, on_timer, &w);
	weft_timer_start(t, 2 * second_ns);
	assert_false(runner_is_over(w.r, second_ns));
	assert_int_equal(runner_turn(w.r, second_ns), 0);
	assert_true(runner_is_over(w.r, second_ns));
	assert_int_equal(w.n_called, 0);
	assert_true(runner_now_ns(w.r) == second_ns);
	weft_timer_free(t);
	world_close(&w);
}

static void virtual_run_is_not_over_while_something_is_due_at_its_end(void **state UNUSED)
{
	struct weft_timer *t;
	struct world w;

	world_open(&w, true);
	assert_int_equal(runner_turn(w.r, second_ns), 0);
	t = weft_timer_new(w.eng, on_timer, &w);
	weft_timer_start(t, second_ns);
	assert_false(runner_is_over(w.r, second_ns));
	assert_int_equal(runner_turn(w.r, second_ns), 0);
	assert_int_equal(w.n_called, 1);
	assert_true(runner_is_over(w.r, second_ns));
	weft_timer_free(t);
	world_close(&w);
}

static void virtual_run_with_nothing_to_do_waits_for_descriptors(void **state UNUSED)
{
	struct world w;

	world_open(&w, true);
	assert_int_equal(runner_watch(w.r, w.fds[0], POLLIN, on_fd, &w), 0);
	assert_int_equal(write(w.fds[1], "x", 1), 1);
	assert_int_equal(runner_turn(w.r, INT64_MAX), 0);
	assert_int_equal(w.n_called, 1);
	assert_true(runner_now_ns(w.r) == 0);
	world_close(&w);
}

static void on_timer_idle(void *arg)
{
	(void)arg;
}

static void virtual_run_that_never_rests_hears_descriptors(void **state UNUSED)
{
	struct weft_timer *t;
	struct world w;

	world_open(&w, true);
	t = weft_timer_new(w.eng, on_timer_idle, NULL);
	assert_int_equal(runner_watch(w.r, w.fds[0], POLLIN, on_fd, &w), 0);
	assert_int_equal(write(w.fds[1], "x", 1), 1);
	for (int i = 0; i < 1000 && !w.n_called; i++) {
		weft_timer_start(t, i);
		assert_int_equal(runner_turn(w.r, INT64_MAX), 0);
	}
	assert_int_equal(w.n_called, 1);
	weft_timer_free(t);
	world_close(&w);
}

static void virtual_watch_is_changed_and_forgotten(void **state UNUSED)
{
	struct world w;

	world_open(&w, true);
	assert_int_equal(runner_watch(w.r, w.fds[0], 0, NULL, NULL), -ENOENT);
	assert_int_equal(runner_watch(w.r, w.fds[0], POLLOUT, on_fd, &w), 0);
	assert_int_equal(runner_watch(w.r, w.fds[0], POLLIN, on_fd, &w), 0);
	assert_int_equal(runner_watch(w.r, w.fds[0], 0, NULL, NULL), 0);
	assert_int_equal(runner_watch(w.r, w.fds[0], 0, NULL, NULL), -ENOENT);
	world_close(&w);
}

static void real_turn_waits_for_the_end_or_a_descriptor(void **state UNUSED)
{
	struct world w;
	int64_t end_ns;

	world_open(&w, false);
	end_ns = runner_now_ns(w.r) + 1000000;
	while (!runner_is_over(w.r, end_ns))
		assert_int_equal(runner_turn(w.r, end_ns), 0);
	assert_true(runner_now_ns(w.r) >= end_ns);
	assert_int_equal(runner_watch(w.r, w.fds[0], POLLIN, on_fd, &w), 0);
	assert_int_equal(write(w.fds[1], "x", 1), 1);
	assert_int_equal(runner_turn(w.r, INT64_MAX), 0);
	assert_int_equal(w.n_called, 1);
	assert_int_equal(runner_watch(w.r, w.fds[0], 0, NULL, NULL), 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtual_turn_jumps_to_the_deadline_exactly),
		cmocka_unit_test(virtual_turn_stops_before_a_later_deadline),
		cmocka_unit_test(virtual_run_is_not_over_while_something_is_due_at_its_end),
		cmocka_unit_test(virtual_run_with_nothing_to_do_waits_for_descriptors),
		cmocka_unit_test(virtual_run_that_never_rests_hears_descriptors),
		cmocka_unit_test(virtual_watch_is_changed_and_forgotten),
		cmocka_unit_test(real_turn_waits_for_the_end_or_a_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
