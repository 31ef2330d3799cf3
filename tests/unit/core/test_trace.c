/* SPDX-License-Identifier: MIT */
/* The trace ring and its JSON. */
#include "core_fixture.h"

#include "core/trace.h"

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
		T(sampling_traces_one_packet_in_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
