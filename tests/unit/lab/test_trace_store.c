/* SPDX-License-Identifier: MIT */
/* The lab's memory of packets: bounded, newest first, drops apart from hops. */
#include "unit.h"

#include "core/trace.h"
#include "lab/lab.h"
#include "lab/trace_store.h"

struct fixture {
	struct lab lab;
	struct trace_store *ts;
};

static int setup(void **state)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(weft_engine_new(&cfg, &f->lab.eng), 0);
	assert_int_equal(trace_store_new(&f->lab, &f->ts), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	trace_store_free(f->ts);
	weft_engine_free(f->lab.eng);
	free(f);
	return 0;
}

static void add(struct fixture *f, enum trace_kind kind, enum drop why, int id)
{
	union {
		struct trace_event ev;
		uint8_t bytes[WEFT_TRACE_EVENT_BYTES];
	} ev = {.ev = {.kind = (uint8_t)kind, .trace_id = (uint32_t)id, .code = (uint16_t)why}};

	trace_store_add(f->ts, (const struct weft_trace_event *)(const void *)&ev);
}

struct seen {
	int n, first_id, last_id, max;
};

static bool see(void *arg, const char *line)
{
	struct seen *seen = arg;
	int id = (int)strtol(strstr(line, "\"trace\":") + 8, NULL, 10);

	if (!seen->n++)
		seen->first_id = id;
	seen->last_id = id;
	return seen->n != seen->max;
}

static void newest_comes_first(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	for (int i = 1; i <= 5; i++)
		add(f, TRACE_DROP, DROP_UDP_NO_PORT, i);
	trace_store_each(f->ts, TRACE_STORE_DROP, 0, see, &seen);
	assert_int_equal(seen.n, 5);
	assert_int_equal(seen.first_id, 5);
	assert_int_equal(seen.last_id, 1);
	seen = (struct seen){.max = 2};
	trace_store_each(f->ts, TRACE_STORE_DROP, 0, see, &seen);
	assert_int_equal(seen.n, 2);
}

static void hops_do_not_push_drops_out(void **state)
{
	struct fixture *f = *state;
	struct seen drops = {0}, hops = {0};

	add(f, TRACE_DROP, DROP_UDP_NO_PORT, 1);
	for (int i = 0; i < 3 * TRACE_STORE_HOPS; i++)
		add(f, i % 2 ? TRACE_RX : TRACE_TX, DROP_NONE, i);
	trace_store_each(f->ts, TRACE_STORE_DROP, 0, see, &drops);
	trace_store_each(f->ts, TRACE_STORE_HOP, 0, see, &hops);
	assert_int_equal(drops.n, 1);
	assert_int_equal(hops.n, TRACE_STORE_HOPS);
	assert_int_equal(hops.first_id, 3 * TRACE_STORE_HOPS - 1);
	assert_int_equal(hops.last_id, 2 * TRACE_STORE_HOPS);
}

static void count(void *arg, const char *line)
{
	assert_non_null(line);
	++*(int *)arg;
}

static void hops_are_forwarded_and_other_events_not_kept(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	int n = 0;

	trace_store_forward(f->ts, count, &n);
	add(f, TRACE_STATE, DROP_NONE, 1);
	add(f, TRACE_TX, DROP_NONE, 1);
	trace_store_each(f->ts, TRACE_STORE_DROP, 0, see, &seen);
	assert_int_equal(seen.n, 0);
	trace_store_each(f->ts, TRACE_STORE_HOP, 0, see, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(n, 1);
}

static void flooded_frames_do_not_push_drops_out(void **state)
{
	struct fixture *f = *state;
	struct seen drops = {0}, ordinary = {0};

	add(f, TRACE_DROP, DROP_IP_TTL, 1);
	for (int i = 2; i < 3000; i++)
		add(f, TRACE_DROP, DROP_ARP_NOT_US, i);
	trace_store_each(f->ts, TRACE_STORE_DROP, 0, see, &drops);
	trace_store_each(f->ts, TRACE_STORE_ORDINARY_DROP, 0, see, &ordinary);
	assert_int_equal(drops.n, 1);
	assert_int_equal(ordinary.n, TRACE_STORE_ORDINARY);
}

static void events_of_one_packet_are_found(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	for (int i = 0; i < 10; i++)
		add(f, TRACE_TX, DROP_NONE, i % 2 + 7);
	trace_store_each(f->ts, TRACE_STORE_HOP, 8, see, &seen);
	assert_int_equal(seen.n, 5);
	assert_int_equal(seen.last_id, 8);
}

/* A packet to nowhere, through the engine. */
static void drop_of_a_stack_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct weft_sockaddr to;
	struct weft_stack *st;
	struct weft_sock *s;
	struct seen seen = {0};

	assert_int_equal(weft_stack_new(f->lab.eng, "a", &st), 0);
	assert_int_equal(weft_socket(st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s), 0);
	assert_int_equal(weft_sockaddr_parse("127.0.0.1:9", &to), 0);
	assert_int_equal(weft_sendto(s, "x", 1, 0, &to), 1);
	while (weft_engine_run(f->lab.eng, 1000))
		;
	trace_store_each(f->ts, TRACE_STORE_DROP, 0, see, &seen);
	assert_int_equal(seen.n, 1);
	weft_close(s);
	weft_stack_free(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(newest_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(hops_do_not_push_drops_out, setup, teardown),
		cmocka_unit_test_setup_teardown(hops_are_forwarded_and_other_events_not_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(flooded_frames_do_not_push_drops_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(events_of_one_packet_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(drop_of_a_stack_is_remembered, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
