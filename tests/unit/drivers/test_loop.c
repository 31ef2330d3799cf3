/* SPDX-License-Identifier: MIT */
/* The real-time loop, on pipes. Times are only bounded from below: the machine may be slow. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "unit.h"
#include "weft/io.h"
#include "weft/weft.h"

struct fix {
	struct weft_engine *eng;
	struct weft_loop *loop;
	int pipe[2], other[2];
	int n_ready, n_fired;
	uint32_t events;
};

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct weft_engine_config cfg = {.entropy = weft_io_entropy, .now_ns = weft_io_now_ns()};

	assert_non_null(f);
	assert_int_equal(weft_engine_new(&cfg, &f->eng), 0);
	assert_int_equal(weft_loop_new(f->eng, &f->loop), 0);
	assert_int_equal(pipe(f->pipe), 0);
	assert_int_equal(pipe(f->other), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	weft_loop_free(f->loop);
	weft_engine_free(f->eng);
	for (int i = 0; i < 2; i++) {
		close(f->pipe[i]);
		close(f->other[i]);
	}
	free(f);
	return 0;
}

static void write_byte(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static void ready(void *arg, int fd UNUSED, uint32_t events)
{
	struct fix *f = arg;

	f->n_ready++;
	f->events = events;
}

static void ready_descriptor_is_told_until_it_is_forgotten(void **state)
{
	struct fix *f = *state;

	assert_int_equal(weft_loop_watch(f->loop, f->pipe[0], EPOLLIN, ready, f), 0);
	assert_int_equal(weft_loop_turn(f->loop, 0), 0);
	assert_int_equal(f->n_ready, 0);
	write_byte(f->pipe[1]);
	assert_int_equal(weft_loop_turn(f->loop, -1), 0);
	assert_int_equal(weft_loop_turn(f->loop, -1), 0);
	assert_int_equal(f->n_ready, 2);
	assert_int_equal(f->events, EPOLLIN);
	assert_int_equal(weft_loop_watch(f->loop, f->pipe[0], 0, NULL, NULL), 0);
	assert_int_equal(weft_loop_watch(f->loop, f->pipe[0], 0, NULL, NULL), -ENOENT);
	assert_int_equal(weft_loop_turn(f->loop, 0), 0);
	assert_int_equal(f->n_ready, 2);
}

static void longest_timeout_waits_like_none(void **state)
{
	struct fix *f = *state;

	write_byte(f->pipe[1]);
	assert_int_equal(weft_loop_watch(f->loop, f->pipe[0], EPOLLIN, ready, f), 0);
	assert_int_equal(weft_loop_turn(f->loop, INT64_MAX), 0);
	assert_int_equal(f->n_ready, 1);
}

static void forget_both(void *arg, int fd UNUSED, uint32_t events UNUSED)
{
	struct fix *f = arg;

	f->n_ready++;
	assert_int_equal(weft_loop_watch(f->loop, f->pipe[0], 0, NULL, NULL), 0);
	assert_int_equal(weft_loop_watch(f->loop, f->other[0], 0, NULL, NULL), 0);
}

static void descriptor_forgotten_in_a_callback_is_not_told_any_more(void **state)
{
	struct fix *f = *state;

	write_byte(f->pipe[1]);
	write_byte(f->other[1]);
	assert_int_equal(weft_loop_watch(f->loop, f->pipe[0], EPOLLIN, forget_both, f), 0);
	assert_int_equal(weft_loop_watch(f->loop, f->other[0], EPOLLIN, forget_both, f), 0);
	assert_int_equal(weft_loop_turn(f->loop, -1), 0);
	assert_int_equal(f->n_ready, 1);
}

static void descriptor_that_cannot_be_watched_is_refused(void **state)
{
	struct fix *f = *state;

	assert_int_equal(weft_loop_watch(f->loop, -1, EPOLLIN, ready, f), -EBADF);
}

static void fire_and_stop(void *arg)
{
	struct fix *f = arg;

	f->n_fired++;
	weft_loop_stop(f->loop);
}

static void timer_wakes_the_loop_and_its_lateness_is_measured(void **state)
{
	struct fix *f = *state;
	struct weft_timer *t = weft_timer_new(f->eng, fire_and_stop, f);
	int64_t at_ns = weft_io_now_ns() + 2000000;
	struct weft_loop_stats stats;

	weft_timer_start(t, at_ns);
	assert_int_equal(weft_loop_run(f->loop), 0);
	assert_int_equal(f->n_fired, 1);
	assert_true(weft_io_now_ns() >= at_ns);
	weft_loop_stats(f->loop, &stats);
	assert_true(stats.n_turns >= 1);
	assert_true(stats.n_timer_runs >= 1);
	assert_true(stats.late_max_ns <= stats.late_sum_ns);
	weft_timer_free(t);
}

static void busy(void *arg)
{
	int64_t end_ns = weft_io_now_ns() + 3000000;

	(void)arg;
	while (weft_io_now_ns() < end_ns)
		;
}

static void work_that_takes_longer_than_the_next_deadline_makes_it_late(void **state)
{
	struct fix *f = *state;
	struct weft_timer *work = weft_timer_new(f->eng, busy, NULL);
	struct weft_timer *next = weft_timer_new(f->eng, fire_and_stop, f);
	int64_t at_ns = weft_io_now_ns() + 1000000;
	struct weft_loop_stats stats;

	weft_loop_set_tolerance(f->loop, 1500000);
	weft_timer_start(work, at_ns);
	weft_timer_start(next, at_ns + 500000);
	assert_int_equal(weft_loop_run(f->loop), 0);
	weft_loop_stats(f->loop, &stats);
	assert_true(stats.n_timer_runs >= 1);
	/* Unless the first wake-up was late enough for both. */
	assert_true(stats.late_max_ns >= 500000);
	assert_true(stats.n_late == 0 || stats.late_max_ns > 1500000);
	weft_timer_free(work);
	weft_timer_free(next);
}

struct watched {
	struct weft_watch *watch;
	struct weft_watch *to_close;
	uint32_t events;
	int n_ready;
};

static void watched_ready(void *arg, uint32_t events)
{
	struct watched *w = arg;

	w->n_ready++;
	w->events = events;
	weft_watch_close(w->to_close);
	w->to_close = NULL;
}

static void watch_tells_an_edge_once_and_another_event_when_it_is_set_anew(void **state)
{
	struct fix *f = *state;
	struct watched w = {0};

	assert_int_equal(weft_watch_new(f->loop, dup(f->pipe[0]), EPOLLIN | EPOLLET, watched_ready,
					&w, &w.watch),
			 0);
	write_byte(f->pipe[1]);
	assert_int_equal(weft_loop_turn(f->loop, 1000000000), 0);
	assert_int_equal(weft_loop_turn(f->loop, 0), 0);
	assert_int_equal(w.n_ready, 1);
	assert_int_equal(w.events, EPOLLIN);
	assert_int_equal(weft_watch_set(w.watch, EPOLLIN), 0);
	assert_int_equal(weft_loop_turn(f->loop, 1000000000), 0);
	assert_int_equal(w.n_ready, 2);
	weft_watch_close(w.watch);
	weft_watch_close(NULL);
}

static void watch_closed_by_another_is_not_told_what_was_seen_on_it(void **state)
{
	struct fix *f = *state;
	struct watched a = {0}, b = {0};

	assert_int_equal(
		weft_watch_new(f->loop, dup(f->pipe[0]), EPOLLIN, watched_ready, &a, &a.watch), 0);
	assert_int_equal(
		weft_watch_new(f->loop, dup(f->other[0]), EPOLLIN, watched_ready, &b, &b.watch), 0);
	a.to_close = b.watch;
	b.to_close = a.watch;
	write_byte(f->pipe[1]);
	write_byte(f->other[1]);
	assert_int_equal(weft_loop_turn(f->loop, 1000000000), 0);
	assert_int_equal(a.n_ready + b.n_ready, 1);
	weft_watch_close(a.n_ready ? a.watch : b.watch);
}

static void watch_of_what_cannot_be_watched_leaves_the_descriptor(void **state)
{
	struct fix *f = *state;
	struct watched w = {0};

	assert_int_equal(weft_watch_new(f->loop, -1, EPOLLIN, watched_ready, &w, &w.watch), -EBADF);
	assert_null(w.watch);
}

static void descriptor_that_is_no_tap_is_refused_and_closed(void **state)
{
	struct fix *f = *state;
	struct weft_stack *st;
	struct weft_netif *nif;
	int fd = dup(f->pipe[0]);

	assert_int_equal(weft_stack_new(f->eng, "host", &st), 0);
	assert_int_equal(weft_tap_new(f->loop, st, "tap0", fd, &nif), -EINVAL);
	assert_int_equal(close(fd), -1);
	weft_stack_free(st);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ready_descriptor_is_told_until_it_is_forgotten),
		T(longest_timeout_waits_like_none),
		T(descriptor_forgotten_in_a_callback_is_not_told_any_more),
		T(descriptor_that_cannot_be_watched_is_refused),
		T(timer_wakes_the_loop_and_its_lateness_is_measured),
		T(work_that_takes_longer_than_the_next_deadline_makes_it_late),
		T(watch_tells_an_edge_once_and_another_event_when_it_is_set_anew),
		T(watch_closed_by_another_is_not_told_what_was_seen_on_it),
		T(watch_of_what_cannot_be_watched_leaves_the_descriptor),
		T(descriptor_that_is_no_tap_is_refused_and_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
