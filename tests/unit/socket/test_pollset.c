/* SPDX-License-Identifier: MIT */
/* Poll sets: every event in every state, level- and edge-triggered and once; what they cost; and
 * batched calls. */
#include "weft/poll.h"

#include "world.h"

enum {
	N_MANY = 10000,
	N_ACTIVE = 10,
	ALL = WEFT_IN | WEFT_PRI | WEFT_OUT | WEFT_RDHUP,
};

struct pf {
	struct world w;
	struct weft_pollset *set;
	struct weft_sock *listener, *s, *peer; /* peer: what `s` talks to */
};

static int setup(void **state)
{
	struct pf *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	world_start(&f->w);
	assert_int_equal(weft_pollset_new(f->w.eng, &f->set), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct pf *f = *state;

	weft_pollset_free(f->set);
	world_end(&f->w);
	free(f);
	return 0;
}

/* States of a socket f->s, and what is true in them, as Linux has it. */

static void stream_fresh(struct pf *f)
{
	f->s = world_socket(f->w.client, WEFT_SOCK_STREAM, 0);
}

static void stream_bound(struct pf *f)
{
	f->s = world_bound_stream(f->w.client, "10.0.0.1:5000");
}

static void listening(struct pf *f)
{
	f->s = f->listener = world_bound_stream(f->w.server, "10.0.0.2:80");
	assert_int_equal(weft_listen(f->s, 4), 0);
}

static void listening_with_one_waiting(struct pf *f)
{
	listening(f);
	assert_int_equal(
		world_connect(world_socket(f->w.client, WEFT_SOCK_STREAM, 0), "10.0.0.2:80"),
		-EINPROGRESS);
	world_settle(&f->w);
}

static void connecting(struct pf *f)
{
	listening(f);
	stream_fresh(f);
	assert_int_equal(world_connect(f->s, "10.0.0.2:80"), -EINPROGRESS);
}

static void refused(struct pf *f)
{
	stream_fresh(f);
	assert_int_equal(world_connect(f->s, "10.0.0.2:81"), -EINPROGRESS);
	world_settle(&f->w);
}

static void established(struct pf *f)
{
	connecting(f);
	world_settle(&f->w);
	assert_int_equal(weft_accept(f->listener, &f->peer, NULL), 0);
}

static void with_data(struct pf *f)
{
	established(f);
	assert_int_equal(weft_send(f->peer, "x", 1, 0), 1);
	world_settle(&f->w);
}

static void with_urgent_data(struct pf *f)
{
	established(f);
	assert_int_equal(weft_send(f->peer, "x", 1, WEFT_MSG_OOB), 1);
	world_settle(&f->w);
}

static void full(struct pf *f)
{
	static char buf[65536];

	established(f);
	while (weft_send(f->s, buf, sizeof(buf), 0) > 0)
		world_settle(&f->w);
}

static void peer_finished(struct pf *f)
{
	established(f);
	assert_int_equal(weft_shutdown(f->peer, WEFT_SHUT_WR), 0);
	world_settle(&f->w);
}

static void shut_rd(struct pf *f)
{
	established(f);
	assert_int_equal(weft_shutdown(f->s, WEFT_SHUT_RD), 0);
}

static void shut_wr(struct pf *f)
{
	established(f);
	assert_int_equal(weft_shutdown(f->s, WEFT_SHUT_WR), 0);
	world_settle(&f->w);
}

static void finished(struct pf *f)
{
	peer_finished(f);
	assert_int_equal(weft_shutdown(f->s, WEFT_SHUT_WR), 0);
	world_settle(&f->w);
}

static void was_reset(struct pf *f)
{
	established(f);
	weft_abort(f->peer);
	f->peer = NULL;
	world_settle(&f->w);
}

static void dgram_fresh(struct pf *f)
{
	f->s = world_bound(f->w.client, "10.0.0.1:53");
}

static void dgram_with_data(struct pf *f)
{
	dgram_fresh(f);
	f->peer = world_bound(f->w.server, "10.0.0.2:53");
	assert_int_equal(world_sendto(f->peer, "x", 1, "10.0.0.1:53"), 1);
	world_settle(&f->w);
}

static void dgram_with_error(struct pf *f)
{
	dgram_fresh(f);
	assert_int_equal(world_connect(f->s, "10.0.0.2:53"), 0);
	assert_int_equal(weft_send(f->s, "x", 1, 0), 1);
	world_settle(&f->w);
}

static void dgram_shut(struct pf *f)
{
	dgram_fresh(f);
	assert_int_equal(world_connect(f->s, "10.0.0.2:53"), 0);
	assert_int_equal(weft_shutdown(f->s, WEFT_SHUT_RDWR), 0);
}

static const struct {
	const char *name;
	void (*enter)(struct pf *f);
	uint32_t events;
} states[] = {
	{"stream_fresh", stream_fresh, WEFT_OUT | WEFT_HUP},
	{"stream_bound", stream_bound, WEFT_OUT | WEFT_HUP},
	{"listening", listening, 0},
	{"listening_with_one_waiting", listening_with_one_waiting, WEFT_IN},
	{"connecting", connecting, 0},
	{"refused", refused, WEFT_IN | WEFT_OUT | WEFT_ERR | WEFT_HUP | WEFT_RDHUP},
	{"established", established, WEFT_OUT},
	{"with_data", with_data, WEFT_IN | WEFT_OUT},
	{"with_urgent_data", with_urgent_data, WEFT_PRI | WEFT_OUT},
	{"full", full, 0},
	{"peer_finished", peer_finished, WEFT_IN | WEFT_OUT | WEFT_RDHUP},
	{"shut_rd", shut_rd, WEFT_IN | WEFT_OUT | WEFT_RDHUP},
	{"shut_wr", shut_wr, WEFT_OUT},
	{"finished", finished, WEFT_IN | WEFT_OUT | WEFT_RDHUP | WEFT_HUP},
	{"was_reset", was_reset, WEFT_IN | WEFT_OUT | WEFT_ERR | WEFT_HUP | WEFT_RDHUP},
	{"dgram_fresh", dgram_fresh, WEFT_OUT},
	{"dgram_with_data", dgram_with_data, WEFT_IN | WEFT_OUT},
	{"dgram_with_error", dgram_with_error, WEFT_OUT | WEFT_ERR},
	{"dgram_shut", dgram_shut, WEFT_IN | WEFT_OUT | WEFT_RDHUP | WEFT_HUP},
};

/* One call of weft_pollset_get(): the events of the only socket, 0: none. */
static uint32_t got(struct pf *f)
{
	struct weft_poll_event ev[2];
	size_t n = weft_pollset_get(f->set, ev, 2);

	assert_true(n <= 1);
	if (n)
		assert_int_equal(ev[0].data, 0x1234567890);
	return n ? ev[0].events : 0;
}

static void watch(struct pf *f, uint32_t events)
{
	assert_int_equal(weft_pollset_add(f->set, f->s, events, 0x1234567890), 0);
}

/* Enters each state with `how`, watched from the beginning of the state or only then. */
static void each_state(void (*check)(struct pf *f, uint32_t want, uint32_t asked))
{
	static const uint32_t asked[] = {0,        WEFT_IN,    WEFT_PRI, WEFT_OUT,
					 WEFT_ERR, WEFT_RDHUP, WEFT_HUP, ALL};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		for (size_t k = 0; k < ARRAY_SIZE(asked); k++) {
			uint32_t mask = asked[k] | WEFT_ERR | WEFT_HUP;
			void *state;
			struct pf *f;

			setup(&state);
			f = state;
			states[i].enter(f);
			if (weft_events(f->s) != states[i].events)
				fail_msg("%s: %x, not %x", states[i].name, weft_events(f->s),
					 states[i].events);
			check(f, states[i].events & mask, asked[k]);
			teardown(&state);
		}
}

static void level(struct pf *f, uint32_t want, uint32_t asked)
{
	watch(f, asked);
	for (int i = 0; i < 3; i++)
		assert_int_equal(got(f), want);
}

static void level_triggered_is_told_in_every_state_as_long_as_it_is_so(void **state UNUSED)
{
	each_state(level);
}

static void edge(struct pf *f, uint32_t want, uint32_t asked)
{
	watch(f, asked | WEFT_ET);
	assert_int_equal(got(f), want);
	assert_int_equal(got(f), 0);
	/* Set again, it is news again. */
	assert_int_equal(weft_pollset_mod(f->set, f->s, asked | WEFT_ET, 0x1234567890), 0);
	assert_int_equal(got(f), want);
	assert_int_equal(got(f), 0);
}

static void edge_triggered_is_told_in_every_state_once(void **state UNUSED)
{
	each_state(edge);
}

static void once(struct pf *f, uint32_t want, uint32_t asked)
{
	watch(f, asked | WEFT_ONESHOT);
	assert_int_equal(got(f), want);
	assert_int_equal(got(f), 0);
	if (want) /* not even of the end */
		weft_shutdown(f->s, WEFT_SHUT_RDWR);
	world_settle(&f->w);
	if (want)
		assert_int_equal(got(f), 0);
}

static void oneshot_is_told_in_every_state_once_and_then_rests(void **state UNUSED)
{
	each_state(once);
}

/* The way into a state, watched from before: each change is one event. */

static void edges_of_a_connection_are_told_one_by_one(void **state)
{
	struct pf *f = *state;
	char buf[8];

	listening(f);
	stream_fresh(f);
	watch(f, ALL | WEFT_ET);
	assert_int_equal(got(f), WEFT_OUT | WEFT_HUP);
	assert_int_equal(world_connect(f->s, "10.0.0.2:80"), -EINPROGRESS);
	assert_int_equal(got(f), 0);
	world_settle(&f->w);
	assert_int_equal(got(f), WEFT_OUT);
	assert_int_equal(weft_accept(f->listener, &f->peer, NULL), 0);
	assert_int_equal(weft_send(f->peer, "abc", 3, 0), 3);
	world_settle(&f->w);
	assert_int_equal(got(f), WEFT_IN | WEFT_OUT);
	assert_int_equal(weft_send(f->peer, "def", 3, 0), 3);
	world_settle(&f->w); /* more came, though nothing was read */
	assert_int_equal(got(f), WEFT_IN | WEFT_OUT);
	assert_int_equal(weft_recv(f->s, buf, 2, 0), 2);
	assert_int_equal(got(f), 0); /* what is left is no news */
	assert_int_equal(weft_send(f->peer, "!", 1, WEFT_MSG_OOB), 1);
	world_settle(&f->w);
	assert_int_equal(got(f), WEFT_IN | WEFT_OUT | WEFT_PRI);
	assert_int_equal(weft_shutdown(f->peer, WEFT_SHUT_WR), 0);
	world_settle(&f->w);
	assert_int_equal(got(f), WEFT_IN | WEFT_OUT | WEFT_PRI | WEFT_RDHUP);
	assert_int_equal(weft_shutdown(f->s, WEFT_SHUT_WR), 0);
	assert_int_equal(got(f), WEFT_IN | WEFT_OUT | WEFT_PRI | WEFT_RDHUP | WEFT_HUP);
}

static void edge_of_room_is_told_after_a_send_that_found_none(void **state)
{
	static char buf[1 << 20];
	struct pf *f = *state;

	full(f);
	watch(f, WEFT_OUT | WEFT_ET);
	assert_int_equal(got(f), 0);
	while (weft_recv(f->peer, buf, sizeof(buf), 0) > 0)
		world_advance(&f->w, WORLD_SEC);
	assert_int_equal(got(f), WEFT_OUT);
	assert_int_equal(got(f), 0);
}

static void level_of_room_is_told_when_an_option_took_it(void **state)
{
	static char buf[1 << 20];
	struct pf *f = *state;

	established(f);
	assert_true(weft_send(f->s, buf, sizeof(buf), 0) > 20000);
	watch(f, WEFT_OUT);
	world_setopt(f->s, WEFT_IPPROTO_TCP, WEFT_TCP_NOTSENT_LOWAT, 1000);
	assert_int_equal(got(f), 0);
	do
		world_advance(&f->w, WORLD_SEC);
	while (weft_recv(f->peer, buf, sizeof(buf), 0) > 0);
	assert_int_equal(got(f), WEFT_OUT);
}

static void level_that_ends_is_not_told_any_more(void **state)
{
	struct weft_pollset_stats stats;
	struct pf *f = *state;
	char c;

	with_data(f);
	watch(f, WEFT_IN);
	assert_int_equal(got(f), WEFT_IN);
	assert_int_equal(weft_recv(f->s, &c, 1, 0), 1);
	assert_int_equal(got(f), 0);
	weft_pollset_stats(f->set, &stats);
	assert_int_equal(stats.n_queued, 0);
	assert_int_equal(stats.n_watched, 1);
	assert_int_equal(stats.n_events, 1);
	assert_int_equal(weft_send(f->peer, "x", 1, 0), 1);
	world_settle(&f->w);
	assert_int_equal(got(f), WEFT_IN);
}

static void oneshot_is_told_again_after_mod(void **state)
{
	struct pf *f = *state;

	with_data(f);
	watch(f, WEFT_IN | WEFT_ONESHOT);
	assert_int_equal(got(f), WEFT_IN);
	assert_int_equal(weft_pollset_mod(f->set, f->s, WEFT_OUT | WEFT_ONESHOT, 0x1234567890), 0);
	assert_int_equal(got(f), WEFT_OUT);
	assert_int_equal(got(f), 0);
}

static void set_says_what_it_cannot_do(void **state)
{
	struct pf *f = *state;
	struct world other;
	struct weft_sock *s;

	stream_fresh(f);
	assert_int_equal(weft_pollset_del(f->set, f->s), -ENOENT);
	assert_int_equal(weft_pollset_mod(f->set, f->s, WEFT_IN, 0), -ENOENT);
	assert_int_equal(weft_pollset_add(f->set, f->s, 0x100000, 0), -EINVAL);
	assert_int_equal(weft_pollset_add(f->set, f->s, WEFT_IN, 0), 0);
	assert_int_equal(weft_pollset_add(f->set, f->s, WEFT_IN, 0), -EEXIST);
	assert_int_equal(weft_pollset_mod(f->set, f->s, 0x100000, 0), -EINVAL);
	assert_int_equal(weft_pollset_del(f->set, f->s), 0);
	assert_int_equal(weft_pollset_del(f->set, f->s), -ENOENT);
	world_start(&other);
	s = world_socket(other.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(weft_pollset_add(f->set, s, WEFT_IN, 0), -EINVAL);
	world_end(&other);
}

static void closed_socket_leaves_its_sets(void **state)
{
	struct pf *f = *state;
	struct weft_pollset *second;
	struct weft_pollset_stats stats;

	with_data(f);
	assert_int_equal(weft_pollset_new(f->w.eng, &second), 0);
	watch(f, WEFT_IN);
	assert_int_equal(weft_pollset_add(second, f->s, WEFT_OUT, 1), 0);
	weft_close(f->s);
	weft_pollset_stats(f->set, &stats);
	assert_int_equal(stats.n_watched, 0);
	assert_int_equal(stats.n_queued, 0);
	assert_int_equal(got(f), 0);
	weft_pollset_free(second);
}

static void set_that_goes_leaves_sockets_and_their_callbacks(void **state)
{
	struct pf *f = *state;

	with_data(f);
	watch(f, WEFT_IN);
	weft_pollset_free(f->set);
	f->set = NULL;
	assert_int_equal(weft_events(f->s), WEFT_IN | WEFT_OUT);
}

static void stack_that_goes_takes_its_sockets_out(void **state)
{
	struct pf *f = *state;
	struct weft_pollset_stats stats;

	with_data(f);
	watch(f, WEFT_IN);
	weft_stack_free(f->w.client);
	f->w.client = NULL;
	weft_pollset_stats(f->set, &stats);
	assert_int_equal(stats.n_watched, 0);
}

static void count_call(struct weft_sock *s UNUSED, void *arg, uint32_t events UNUSED)
{
	++*(int *)arg;
}

static void callback_and_sets_are_told_side_by_side(void **state)
{
	struct pf *f = *state;
	int n_calls = 0, n_later = 0;

	established(f);
	weft_on_event(f->s, count_call, &n_calls);
	watch(f, WEFT_IN);
	world_settle(&f->w);
	assert_int_equal(n_calls, 1); /* it can be written to */
	assert_int_equal(weft_send(f->peer, "x", 1, 0), 1);
	world_settle(&f->w);
	assert_int_equal(n_calls, 2);
	assert_int_equal(got(f), WEFT_IN);
	weft_on_event(f->s, count_call, &n_later);
	assert_int_equal(weft_pollset_del(f->set, f->s), 0);
	world_settle(&f->w);
	assert_int_equal(n_calls, 2);
	assert_int_equal(n_later, 1);
}

struct taker {
	int n_calls;
	size_t n_events;
};

static void take_all(struct weft_pollset *set, void *arg)
{
	struct weft_poll_event ev[4];
	struct taker *t = arg;

	t->n_calls++;
	t->n_events += weft_pollset_get(set, ev, 4);
}

static void on_ready_is_called_once_a_run(void **state)
{
	struct pf *f = *state;
	struct taker t = {0};

	established(f);
	world_setopt(f->peer, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, 1);
	weft_pollset_on_ready(f->set, take_all, &t);
	watch(f, WEFT_IN | WEFT_ET);
	world_settle(&f->w);
	assert_int_equal(t.n_calls, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(weft_send(f->peer, "x", 1, 0), 1);
	world_settle(&f->w);
	assert_int_equal(t.n_calls, 1);
	assert_int_equal(t.n_events, 1);
	world_settle(&f->w);
	assert_int_equal(t.n_calls, 1);
	weft_pollset_on_ready(f->set, NULL, NULL);
	assert_int_equal(weft_send(f->peer, "x", 1, 0), 1);
	world_settle(&f->w);
	assert_int_equal(t.n_calls, 1);
}

static void ready_sockets_take_turns(void **state)
{
	struct pf *f = *state;
	struct weft_poll_event ev;
	uint64_t seen = 0;

	for (uint64_t i = 0; i < 3; i++) {
		stream_fresh(f);
		assert_int_equal(weft_pollset_add(f->set, f->s, WEFT_OUT, i), 0);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(weft_pollset_get(f->set, &ev, 1), 1);
		seen |= UINT64_C(1) << ev.data;
	}
	assert_int_equal(seen, 7);
}

/* What ten active sockets cost among `n` watched ones, in sockets looked at: a second of rounds. */
static uint64_t cost_among(uint32_t n)
{
	struct weft_pollset_stats stats;
	struct weft_poll_event ev[64];
	struct weft_sock *active[N_ACTIVE];
	uint64_t n_before;
	void *state;
	struct pf *f;
	char c;

	setup(&state);
	f = state;
	f->peer = world_bound(f->w.server, "10.0.0.2:53");
	for (uint32_t i = 0; i < n; i++) {
		struct weft_sock *s = world_socket(f->w.client, WEFT_SOCK_DGRAM, 0);

		if (i < N_ACTIVE) {
			struct weft_sockaddr sa = world_at("10.0.0.1:0");

			sa.port = (uint16_t)(6000 + i);
			assert_int_equal(weft_bind(s, &sa), 0);
			active[i] = s;
		}
		assert_int_equal(weft_pollset_add(f->set, s, WEFT_IN | (i % 2 ? WEFT_ET : 0), i),
				 0);
	}
	weft_pollset_stats(f->set, &stats);
	n_before = stats.n_examined;
	for (int round = 0; round < 100; round++) {
		for (uint32_t i = 0; i < N_ACTIVE; i++) {
			struct weft_sockaddr sa = world_at("10.0.0.1:0");

			sa.port = (uint16_t)(6000 + i);
			assert_int_equal(weft_sendto(f->peer, "x", 1, 0, &sa), 1);
		}
		world_settle(&f->w);
		assert_int_equal(weft_pollset_get(f->set, ev, 64), N_ACTIVE);
		for (uint32_t i = 0; i < N_ACTIVE; i++)
			assert_int_equal(weft_recv(active[i], &c, 1, 0), 1);
		assert_int_equal(weft_pollset_get(f->set, ev, 64), 0);
	}
	weft_pollset_stats(f->set, &stats);
	assert_int_equal(stats.n_events, 100 * N_ACTIVE);
	teardown(&state);
	return stats.n_examined - n_before;
}

static void ten_active_of_many_cost_what_ten_of_few_do(void **state UNUSED)
{
	uint64_t few = cost_among(100), many = cost_among(N_MANY);

	assert_int_equal(few, many);
	assert_true(few <= 2 * 100 * N_ACTIVE);
}

/* Batches */

static void batch_of_datagrams_goes_and_comes(void **state)
{
	struct pf *f = *state;
	struct weft_sockaddr to = world_at("10.0.0.2:53"), from[4] = {0};
	char text[4][8] = {"a", "bb", "ccc", "dddd"}, buf[4][8] = {{0}};
	struct weft_iovec out[4], in[4];
	struct weft_mmsghdr vec[4] = {{.len = 0}};

	f->s = world_bound(f->w.client, "10.0.0.1:53");
	f->peer = world_bound(f->w.server, "10.0.0.2:53");
	for (size_t i = 0; i < 4; i++) {
		out[i] = (struct weft_iovec){text[i], i + 1};
		vec[i].hdr = (struct weft_msghdr){.name = &to, .iov = &out[i], .n_iov = 1};
	}
	assert_int_equal(weft_sendmmsg(f->s, vec, 4, 0), 4);
	assert_int_equal(vec[3].len, 4);
	assert_int_equal(weft_sendmmsg(f->s, vec, 0, 0), 0);
	world_settle(&f->w);
	for (size_t i = 0; i < 4; i++) {
		in[i] = (struct weft_iovec){buf[i], sizeof(buf[i])};
		vec[i].hdr = (struct weft_msghdr){.name = &from[i], .iov = &in[i], .n_iov = 1};
	}
	assert_int_equal(weft_recvmmsg(f->peer, vec, 3, 0), 3);
	assert_int_equal(vec[2].len, 3);
	assert_string_equal(buf[2], "ccc");
	world_assert_at(&from[1], "10.0.0.1:53");
	assert_int_equal(weft_recvmmsg(f->peer, vec, 4, 0), 1);
	assert_int_equal(weft_recvmmsg(f->peer, vec, 4, 0), -EAGAIN);
}

static void batch_stops_at_the_message_that_fails(void **state)
{
	struct pf *f = *state;
	struct weft_sockaddr to = world_at("10.0.0.2:53"), nowhere = world_at("10.0.0.2:0");
	char big[1] = {0};
	struct weft_iovec iov = {big, 1};
	struct weft_mmsghdr vec[3] = {
		{.hdr = {.name = &to, .iov = &iov, .n_iov = 1}},
		{.hdr = {.name = &nowhere, .iov = &iov, .n_iov = 1}},
		{.hdr = {.name = &to, .iov = &iov, .n_iov = 1}},
	};

	f->s = world_bound(f->w.client, "10.0.0.1:53");
	assert_int_equal(weft_sendmmsg(f->s, vec, 3, 0), 1);
	assert_int_equal(weft_sendmmsg(f->s, vec + 1, 2, 0), -EINVAL);
}

static void error_after_the_first_message_is_kept_for_the_next_call(void **state)
{
	struct pf *f = *state;
	char buf[2][8];
	struct weft_iovec in[2] = {{buf[0], 8}, {buf[1], 8}};
	struct weft_mmsghdr vec[2] = {
		{.hdr = {.iov = &in[0], .n_iov = 1}},
		{.hdr = {.iov = &in[1], .n_iov = 1}},
	};

	with_data(f);
	assert_int_equal(weft_recvmmsg(f->s, vec, 2, 0), 1);
	assert_int_equal(weft_send(f->peer, "x", 1, 0), 1);
	world_settle(&f->w);
	weft_abort(f->peer);
	world_settle(&f->w);
	assert_true(weft_events(f->s) & WEFT_ERR);
	/* What came before the reset is read first, as in Linux. */
	assert_int_equal(weft_recvmmsg(f->s, vec, 2, 0), 1);
	assert_int_equal(weft_recvmmsg(f->s, vec, 2, 0), -ECONNRESET);
}

static void short_of_memory_adding_fails_and_leaves_nothing(void **state)
{
	struct pf *f = *state;

	stream_fresh(f);
	for (int i = 0; i < 2; i++) {
		struct weft_pollset_stats stats;

		/* The first allocation is the item, the second the socket's watch. */
		world_fail_after(&f->w, i);
		assert_int_equal(weft_pollset_add(f->set, f->s, WEFT_OUT, 0), -ENOMEM);
		world_fail_after(&f->w, -1);
		weft_pollset_stats(f->set, &stats);
		assert_int_equal(stats.n_watched, 0);
	}
	watch(f, WEFT_OUT);
	assert_int_equal(got(f), WEFT_OUT | WEFT_HUP);
}

/* Each runs twice, and fails by itself. */
#define in_families(test)                                          \
	{#test "_ipv4", test, setup, teardown, NULL},              \
	{                                                          \
#test "_ipv6", test, setup_ip6, teardown_ip6, NULL \
	}

static int setup_ip6(void **state)
{
	world_is_ip6 = true;
	return setup(state);
}

static int teardown_ip6(void **state)
{
	int err = teardown(state);

	world_is_ip6 = false;
	return err;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(level_triggered_is_told_in_every_state_as_long_as_it_is_so),
		in_both_families(edge_triggered_is_told_in_every_state_once),
		in_both_families(oneshot_is_told_in_every_state_once_and_then_rests),
		in_families(edges_of_a_connection_are_told_one_by_one),
		in_families(edge_of_room_is_told_after_a_send_that_found_none),
		in_families(level_of_room_is_told_when_an_option_took_it),
		in_families(level_that_ends_is_not_told_any_more),
		in_families(oneshot_is_told_again_after_mod),
		in_families(set_says_what_it_cannot_do),
		in_families(closed_socket_leaves_its_sets),
		in_families(set_that_goes_leaves_sockets_and_their_callbacks),
		in_families(stack_that_goes_takes_its_sockets_out),
		in_families(callback_and_sets_are_told_side_by_side),
		in_families(on_ready_is_called_once_a_run),
		in_families(ready_sockets_take_turns),
		in_both_families(ten_active_of_many_cost_what_ten_of_few_do),
		in_families(batch_of_datagrams_goes_and_comes),
		in_families(batch_stops_at_the_message_that_fails),
		in_families(error_after_the_first_message_is_kept_for_the_next_call),
		in_families(short_of_memory_adding_fails_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
