/* SPDX-License-Identifier: MIT */
/* Engines through the public API: creation, time, application timers, figures, trace. */
#include "world.h"

static int entropy(void *ctx, void *buf, size_t len)
{
	int *err = ctx;

	memset(buf, 0x5a, len);
	return *err;
}

static void engine_without_randomness_is_refused(void **state UNUSED)
{
	struct weft_engine_config cfg = {0};
	struct weft_engine *eng = NULL;
	int err = -EIO;

	assert_int_equal(weft_engine_new(&cfg, &eng), -EINVAL);
	cfg.entropy = entropy;
	cfg.entropy_ctx = &err;
	assert_int_equal(weft_engine_new(&cfg, &eng), -EIO);
	assert_null(eng);
	err = 0;
	assert_int_equal(weft_engine_new(&cfg, &eng), 0);
	weft_engine_free(eng);
	weft_engine_free(NULL);
}

static void same_seed_gives_the_same_numbers(void **state UNUSED)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = 7};
	struct weft_engine *a, *b;

	assert_int_equal(weft_engine_new(&cfg, &a), 0);
	assert_int_equal(weft_engine_new(&cfg, &b), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(weft_engine_random(a), weft_engine_random(b));
	weft_engine_free(b);
	cfg.seed = 8;
	assert_int_equal(weft_engine_new(&cfg, &b), 0);
	assert_int_not_equal(weft_engine_random(a), weft_engine_random(b));
	weft_engine_free(a);
	weft_engine_free(b);
}

struct tick {
	struct weft_engine *eng;
	struct weft_timer *timer;
	int64_t fired_ns;
	uint32_t n;
};

static void tick_fire(void *arg)
{
	struct tick *t = arg;

	t->n++;
	t->fired_ns = weft_engine_now_ns(t->eng);
	if (t->n == 1)
		weft_timer_start(t->timer, t->fired_ns + 500);
}

static void timer_fires_once_a_start_and_at_its_time(void **state UNUSED)
{
	struct weft_engine_config cfg = {.has_seed = true, .now_ns = 1000};
	struct weft_engine_stats stats;
	struct tick t = {0};

	assert_int_equal(weft_engine_new(&cfg, &t.eng), 0);
	t.timer = weft_timer_new(t.eng, tick_fire, &t);
	assert_non_null(t.timer);
	assert_true(weft_engine_next_ns(t.eng) == INT64_MAX);
	weft_timer_start(t.timer, 5000);
	assert_int_equal(weft_engine_next_ns(t.eng), 5000);
	weft_engine_stats(t.eng, &stats);
	assert_int_equal(stats.n_timers, 1);
	weft_engine_run(t.eng, 4999);
	assert_int_equal(t.n, 0);
	weft_engine_run(t.eng, 5000);
	assert_int_equal(t.n, 1);
	assert_int_equal(weft_engine_next_ns(t.eng), 5500);
	weft_engine_run(t.eng, 6000);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.fired_ns, 6000);
	weft_timer_start(t.timer, 7000);
	weft_timer_stop(t.timer);
	weft_engine_run(t.eng, 8000);
	assert_int_equal(t.n, 2);
	/* Time does not go backwards; freeing stops. */
	weft_engine_run(t.eng, 10);
	assert_int_equal(weft_engine_now_ns(t.eng), 8000);
	weft_timer_start(t.timer, 9000);
	weft_timer_free(t.timer);
	weft_timer_free(NULL);
	assert_true(weft_engine_next_ns(t.eng) == INT64_MAX);
	weft_engine_free(t.eng);
}

static void figures_count_stacks_and_memory(void **state UNUSED)
{
	struct weft_engine_stats stats;
	uint64_t mem_bytes;
	struct world w;

	world_start(&w);
	weft_engine_stats(w.eng, &stats);
	assert_int_equal(stats.n_stacks, 2);
	assert_int_equal(stats.mem_bytes, w.n_bytes);
	assert_true(stats.mem_peak_bytes >= stats.mem_bytes);
	mem_bytes = stats.mem_bytes;
	(void)world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	weft_engine_stats(w.eng, &stats);
	assert_true(stats.mem_bytes > mem_bytes);
	assert_string_equal(weft_stack_name(w.client), "client");
	assert_ptr_equal(weft_stack_engine(w.client), w.eng);
	world_end(&w);
}

static void drop_is_in_the_trace_as_json(void **state UNUSED)
{
	struct weft_sock *a;
	bool found = false;
	char line[1024], tiny[4];
	struct world w;
	size_t n;

	world_start(&w);
	while (weft_trace_read(w.eng, line, sizeof(line)))
		;
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_int_equal(weft_trace_read(w.eng, line, 0), 0);
	while ((n = weft_trace_read(w.eng, line, sizeof(line)))) {
		assert_int_equal(strlen(line), n);
		assert_int_equal(line[0], '{');
		assert_int_equal(line[n - 1], '}');
		found |= strstr(line, "UDP_NO_PORT") != NULL;
	}
	assert_true(found);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_true(weft_trace_read(w.eng, tiny, sizeof(tiny)) < sizeof(tiny));
	world_end(&w);
}

struct kept {
	int64_t bytes[WEFT_TRACE_EVENT_BYTES / sizeof(int64_t)];
	uint32_t n_drops;
};

static void keep_drop(void *arg, const struct weft_trace_event *ev)
{
	struct kept *kept = arg;

	if (!weft_trace_reason(ev) || strcmp(weft_trace_reason(ev), "UDP_NO_PORT") != 0)
		return;
	assert_string_equal(weft_trace_kind(ev), "drop");
	memcpy(kept->bytes, ev, WEFT_TRACE_EVENT_BYTES);
	kept->n_drops++;
}

static void event_that_was_copied_is_printed_later(void **state UNUSED)
{
	const struct weft_trace_event *ev;
	struct kept kept = {.n_drops = 0};
	char line[1024];
	struct weft_sock *a;
	struct world w;

	world_start(&w);
	weft_trace_watch(w.eng, keep_drop, &kept);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	weft_trace_watch(w.eng, NULL, NULL);
	assert_int_equal(kept.n_drops, 1);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_int_equal(kept.n_drops, 1);
	ev = (const struct weft_trace_event *)(const void *)kept.bytes;
	assert_string_equal(weft_trace_reason(ev), "UDP_NO_PORT");
	assert_true(weft_trace_id(ev) > 0);
	assert_true(weft_trace_print(w.eng, ev, line, sizeof(line)) > 0);
	assert_non_null(strstr(line, "> 10.0.0.2:9 udp"));
	assert_int_equal(weft_trace_print(w.eng, ev, line, 0), 0);
	world_end(&w);
}

struct listener {
	uint32_t n;
	bool found;
};

static void listen_line(void *arg, const char *line)
{
	struct listener *l = arg;

	l->n++;
	l->found |= strstr(line, "UDP_NO_PORT") != NULL;
}

static void trace_listener_hears_events_until_it_is_taken_away(void **state UNUSED)
{
	struct listener l = {0};
	struct weft_sock *a;
	uint32_t n;
	struct world w;

	world_start(&w);
	weft_trace_listen(w.eng, listen_line, &l);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_true(l.found);
	n = l.n;
	weft_trace_sample(w.eng, 1);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_true(l.n >= n + 4); /* every hop now: two frames, each sent and received */
	n = l.n;
	weft_trace_listen(w.eng, NULL, NULL);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:9"), 1);
	world_settle(&w);
	assert_int_equal(l.n, n);
	world_end(&w);
}

static void memory_limit_is_kept(void **state UNUSED)
{
	struct weft_engine_config cfg = {.has_seed = true, .mem_limit_bytes = 1 << 20};
	struct weft_engine_stats stats;
	struct weft_engine *eng;
	struct weft_stack *st[1024];
	size_t n = 0;

	assert_int_equal(weft_engine_new(&cfg, &eng), 0);
	while (n < ARRAY_SIZE(st) && weft_stack_new(eng, "s", &st[n]) == 0)
		n++;
	assert_in_range(n, 2, ARRAY_SIZE(st) - 1);
	weft_engine_stats(eng, &stats);
	assert_true(stats.mem_peak_bytes <= 1 << 20);
	assert_true(stats.n_alloc_failed > 0);
	while (n)
		weft_stack_free(st[--n]);
	weft_engine_free(eng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engine_without_randomness_is_refused),
		cmocka_unit_test(same_seed_gives_the_same_numbers),
		cmocka_unit_test(timer_fires_once_a_start_and_at_its_time),
		cmocka_unit_test(memory_limit_is_kept),
		cmocka_unit_test(figures_count_stacks_and_memory),
		cmocka_unit_test(drop_is_in_the_trace_as_json),
		cmocka_unit_test(event_that_was_copied_is_printed_later),
		cmocka_unit_test(trace_listener_hears_events_until_it_is_taken_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
