/* SPDX-License-Identifier: MIT */
/* The trace ring and its JSON. */
#include "core_fixture.h"

#include "core/trace.h"

#include <stdio.h>

static void drop_leaves_an_event_with_the_journey(void **state)
{
	struct fixture *f = *state;
	struct trace_event ev;
	char buf[512];
	struct sb sb = sb_make(buf, sizeof(buf));

	engine_run(f->eng, 42);
	f->verdict = DROP_ETH_PROTO;
	netif_rx(&f->netif, frame(f, 60));
	assert_true(trace_read(f->eng, &ev));
	trace_event_json(f->eng, &ev, &sb);
	assert_string_equal(
		buf,
		"{\"t_ns\":42,\"event\":\"drop\",\"stack\":\"host\",\"if\":\"eth0\",\"trace\":1,"
		"\"len\":60,\"reason\":\"ETH_PROTO\",\"layer\":\"eth\",\"why\":\"no handler for "
		"the EtherType\",\"hops\":[\"rx 1\",\"drop ETH_PROTO\"],"
		"\"names\":[\"eth0\",\"\"]}");
	assert_false(trace_read(f->eng, &ev));
}

static void full_ring_loses_the_oldest_and_counts_them(void **state)
{
	struct fixture *f = *state;
	struct trace_event ev;

	for (int i = 0; i < 11; i++)
		trace_text(f->st, TRACE_NOTE, 0, "note %d", i);
	assert_int_equal(f->eng->trace.n_lost, 3);
	assert_true(trace_read(f->eng, &ev));
	assert_string_equal(ev.text, "note 3");
}

static void text_is_cut_and_quoted(void **state)
{
	struct fixture *f = *state;
	struct trace_event ev;
	char buf[512];
	struct sb sb = sb_make(buf, sizeof(buf));

	trace_text(f->st, TRACE_NOTE, 0, "say \"%0100d\"", 1);
	assert_true(trace_read(f->eng, &ev));
	assert_int_equal(strlen(ev.text), TRACE_TEXT_MAX - 1);
	trace_event_json(f->eng, &ev, &sb);
	assert_non_null(strstr(buf, "\"text\":\"say \\\"000"));
}

static void moved_print(const struct trace_moved *moved, uint8_t from, uint8_t to, char *buf,
			size_t size)
{
	snprintf(buf, size, "%u: %u>%u dev %s", moved->lport, from, to, moved->dev);
}

static void sink_text(void *ctx, const struct trace_event *ev)
{
	snprintf(ctx, TRACE_TEXT_MAX, "%s", ev->text);
}

static void move_is_put_into_words_for_who_reads_or_listens(void **state)
{
	const struct trace_moved moved = {.print = moved_print, .lport = 80, .dev = "eth0"};
	struct fixture *f = *state;
	char heard[TRACE_TEXT_MAX] = "";
	struct trace_event ev;

	trace_state(f->st, 2, 3, &moved);
	assert_string_equal(f->eng->trace.ring[0].text, "");
	assert_true(trace_read(f->eng, &ev));
	assert_string_equal(ev.text, "80: 2>3 dev eth0");
	assert_int_equal(ev.code, 2 << 8 | 3);

	f->eng->trace.sink = sink_text;
	f->eng->trace.sink_ctx = heard;
	trace_state(f->st, 3, 4, &moved);
	assert_string_equal(heard, "80: 3>4 dev eth0");
	assert_true(trace_read(f->eng, &ev));
	assert_string_equal(ev.text, "80: 3>4 dev eth0");
}

static void sampling_traces_one_packet_in_so_many(void **state)
{
	struct fixture *f = *state;
	struct trace_event ev;
	int n = 0;

	f->eng->trace.sample_every = 4;
	for (int i = 0; i < 16; i++)
		netif_rx(&f->netif, frame(f, 60));
	while (trace_read(f->eng, &ev)) {
		assert_int_equal(ev.kind, TRACE_RX);
		n++;
	}
	assert_int_equal(n, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(drop_leaves_an_event_with_the_journey),
		T(full_ring_loses_the_oldest_and_counts_them),
		T(text_is_cut_and_quoted),
		T(move_is_put_into_words_for_who_reads_or_listens),
		T(sampling_traces_one_packet_in_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
