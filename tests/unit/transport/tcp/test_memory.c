/* SPDX-License-Identifier: MIT */
/*
 * Memory of all connections (tcp_mem.c), what is done when it is short, step by step (tcp_prune.c),
 * and what an idle connection costs.
 */
#include "tcp_fix.h"

enum {
	MSS = 1460,
	PAGE = 4096,
	N_IDLE = 500,
	IDLE_BYTES_MAX = 1024, /* of an endpoint, with its share of the tables */
};

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

static struct tcp *tcp_of(const struct tf *f)
{
	return f->host.st->tcp;
}

static uint64_t mib(const struct tf *f, enum mib id)
{
	return f->host.st->mib[id];
}

/* Segment `off` bytes into the stream, whose bytes tell their place. */
static enum drop rx(struct tf *f, uint32_t off, uint32_t len)
{
	uint8_t bytes[TF_DATA_MAX];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)((off + i) * 7 >> 2);
	return tf_rx_verdict(f, TSEG(.seq = NXT + off, .ack = UNA, .len = len, .data = bytes));
}

static void marks(struct tf *f, uint32_t min, uint32_t pressure, uint32_t max)
{
	tcp_of(f)->conf.mem_min = min;
	tcp_of(f)->conf.mem_pressure = pressure;
	tcp_of(f)->conf.mem_max = max;
}

/* What waits is the stream from `off` on. */
static void read_all(struct tf *f, uint32_t off)
{
	uint8_t buf[1000];
	ptrdiff_t n;

	while ((n = tf_recv(f->sk, buf, sizeof(buf), 0)) > 0)
		for (ptrdiff_t i = 0; i < n; i++, off++)
			assert_int_equal(buf[i], (uint8_t)(off * 7 >> 2));
}

static void queues_are_counted_and_given_back(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tcp_of(f)->mem_bytes, 0);
	(void)!rx(f, 0, 1000);
	(void)!rx(f, 2000, 1000);
	assert_true(tf_send(f->sk, "abc", 3, 0) == 3);
	assert_int_equal(tcp_of(f)->mem_bytes, tf_conn(f)->rcv_truesize + tf_conn(f)->snd_truesize);
	assert_int_equal(tf_conn(f)->snd_truesize, BUF_S);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT + 1000, .ack = UNA + 3));
	assert_int_equal(tf_conn(f)->snd_truesize, 0);
	tf_abort(f->sk);
	f->sk = NULL;
	assert_int_equal(tcp_of(f)->mem_bytes, 0);
	tf_ignore(f);
	tf_end(f);
}

static void shortage_lasts_from_the_second_mark_to_below_the_first(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	marks(f, 1, 3, 100);
	for (uint32_t i = 0; i < 4; i++)
		(void)!rx(f, i * 1460, 1460);
	assert_false(tcp_mem_is_short(tf_conn(f)));
	(void)!rx(f, 4 * 1460, 1460);
	assert_true(tcp_mem_is_short(tf_conn(f)));
	assert_int_equal(mib(f, MIB_TcpExtTCPMemoryPressures), 1);
	fix_advance(f->eng, 30 * MSEC);
	read_all(f, 0);
	assert_false(tcp_mem_is_short(tf_conn(f)));
	assert_true(mib(f, MIB_TcpExtTCPMemoryPressuresChrono) >= 30);
	tf_ignore(f);
	tf_end(f);
}

static void shortage_takes_no_window_back_and_opens_it_by_four_segments(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t edge;

	tf_established(f);
	edge = tf_conn(f)->rcv_adv;
	marks(f, 0, 0, 100000);
	for (uint32_t i = 0; i < 10; i++) {
		(void)!rx(f, i * 1460, 1460);
		fix_settle(f->eng);
		assert_true(seq_geq(tf_conn(f)->rcv_adv, edge));
		edge = tf_conn(f)->rcv_adv;
	}
	assert_true(tcp_rcv_wnd_space(tf_conn(f)) <= 4 * MSS);
	tf_ignore(f);
	tf_end(f);
}

/* A poll set that asks with each turn would never let time pass otherwise. */
static void send_without_memory_is_not_writable_until_there_may_be_some(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct buf *bufs[FIX_BUFS_MAX];
	struct pool *pool = &f->eng->pkts.bufs[0];
	uint32_t n, max_objs = pool->max_objs;

	tf_established(f);
	n = fix_exhaust_bufs(f->eng, bufs);
	assert_int_equal(tf_send(f->sk, "abc", 3, 0), -EAGAIN);
	assert_int_equal(tf_events(f->sk) & SOCK_OUT, 0);
	fix_release_bufs(bufs, n);
	pool->max_objs = max_objs;
	assert_int_equal(tf_events(f->sk) & SOCK_OUT, 0);
	f->sk->pending = 0;
	fix_advance(f->eng, 50 * MSEC);
	assert_true(tf_events(f->sk) & SOCK_OUT);
	assert_true(f->sk->pending & SOCK_OUT);
	assert_int_equal(tf_send(f->sk, "abc", 3, 0), 3);
	tf_ignore(f);
	tf_end(f);
}

/* Each segment pins a packet and a buffer for 1000 bytes; packed, they need half of that. */
static void packing_makes_room_before_anything_is_thrown_away(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t before, off = 1000;

	tf_established(f);
	for (uint32_t i = 0; i < 24; i++, off += 1000)
		assert_int_equal(rx(f, off, 1000), DROP_NONE);
	before = tf_conn(f)->rcv_truesize;
	marks(f, before / PAGE, before / PAGE, before / PAGE);
	assert_int_equal(rx(f, off, 1000), DROP_NONE);
	assert_int_equal(mib(f, MIB_TcpExtPruneCalled), 1);
	assert_true(mib(f, MIB_TcpExtTCPRcvCollapsed) >= 20);
	assert_int_equal(mib(f, MIB_TcpExtOfoPruned), 0);
	assert_int_equal(tf_conn(f)->reasm->n_bytes, 25 * 1000);
	assert_true(tf_conn(f)->rcv_truesize < before / 3 * 2);
	tcp_conn_check(tf_conn(f));
	assert_int_equal(rx(f, 0, 1000), DROP_NONE);
	read_all(f, 0);
	tf_ignore(f);
	tf_end(f);
}

static void data_out_of_order_goes_before_data_in_order_the_farthest_first(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t pages;

	tf_established(f);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(rx(f, 1460 + i * 4000, 1460), DROP_NONE);
	pages = tf_conn(f)->rcv_truesize / PAGE;
	marks(f, pages, pages, pages);
	assert_int_equal(rx(f, 0, 1460), DROP_NONE);
	assert_int_equal(mib(f, MIB_TcpExtOfoPruned), 1);
	/* The nearest run was joined, the farthest is gone. */
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 2 * 1460);
	assert_true(tf_conn(f)->reasm && tf_conn(f)->reasm->n < 4);
	assert_int_equal(tf_conn(f)->reasm->runs[0].seq, NXT + 1460 + 4000);
	tcp_conn_check(tf_conn(f));
	read_all(f, 0);
	tf_ignore(f);
	tf_end(f);
}

static void data_farther_out_than_all_is_refused(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t pages;

	tf_established(f);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(rx(f, 1460 + i * 4000, 1460), DROP_NONE);
	pages = tf_conn(f)->rcv_truesize / PAGE;
	marks(f, pages, pages, pages);
	assert_int_equal(rx(f, 30000, 1460), DROP_TCP_RCVBUF);
	assert_int_equal(tf_conn(f)->reasm->n, 5);
	assert_int_equal(mib(f, MIB_TcpExtTCPOFODrop), 1);
	assert_int_equal(mib(f, MIB_TcpExtOfoPruned), 0);
	tf_ignore(f);
	tf_end(f);
}

static void data_in_order_is_refused_only_when_some_waits(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	marks(f, 0, 0, 0);
	assert_int_equal(rx(f, 0, 1460), DROP_NONE);
	assert_int_equal(rx(f, 1460, 1460), DROP_TCP_RCVBUF);
	assert_int_equal(mib(f, MIB_TcpExtRcvPruned), 1);
	read_all(f, 0);
	assert_int_equal(rx(f, 1460, 1460), DROP_NONE);
	read_all(f, 1460);
	tf_ignore(f);
	tf_end(f);
}

static void connection_beyond_its_share_gets_nothing_in_a_shortage(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct sock *others[9];

	tf_established(f);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = tf_socket(&f->host);
	marks(f, 0, 0, 20); /* ten sockets: two pages each */
	for (uint32_t i = 0; i < 3; i++)
		(void)!rx(f, i * 1460, 1460);
	assert_true(tf_conn(f)->rcv_truesize < 3 * PAGE);
	assert_int_equal(rx(f, tf_conn(f)->rcv_nxt - NXT, 1460), DROP_NONE);
	assert_int_equal(rx(f, tf_conn(f)->rcv_nxt - NXT, 1460), DROP_TCP_RCVBUF);
	assert_true(tcp_of(f)->mem_bytes < 20 * PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		tf_close(others[i]);
	tf_ignore(f);
	tf_end(f);
}

static void closed_connection_is_reset_when_nothing_is_left(void **state UNUSED)
{
	static const char zeroes[20000];
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_send(f->sk, zeroes, sizeof(zeroes), 0), sizeof(zeroes));
	tf_ignore(f);
	marks(f, 0, 0, 1);
	tf_close(f->sk);
	f->sk = NULL;
	assert_int_equal(mib(f, MIB_TcpExtTCPAbortOnMemory), 1);
	assert_int_equal(tcp_of(f)->mem_bytes, 0);
	tf_ignore(f);
	tf_end(f);
}

/* Both ends of many connections, with the congestion control and recovery of the default. */
static void idle_connection_costs_at_most_a_kibibyte(void **state UNUSED)
{
	struct tf_pipe pipe = {.delay_ns = MSEC};
	struct tf *f = tf_pipe_new(&pipe, 1);
	struct sock *l = tf_listen(&f->peer, TF_PORT, N_IDLE);
	struct sock *ends[2 * N_IDLE];
	uint64_t before = f->eng->mem.n_bytes, bytes;
	char buf[100] = "data that was sent and read";

	for (uint32_t i = 0; i < N_IDLE; i++)
		ends[i] = tf_connect(&f->host, &f->peer.addr, TF_PORT);
	fix_advance(f->eng, 100 * MSEC);
	for (uint32_t i = 0; i < N_IDLE; i++) {
		ends[N_IDLE + i] = tf_accept(l);
		assert_non_null(ends[N_IDLE + i]);
		assert_true(tf_send(ends[i], buf, sizeof(buf), 0) > 0);
	}
	fix_advance(f->eng, SEC);
	for (uint32_t i = 0; i < N_IDLE; i++)
		assert_int_equal(tf_recv(ends[N_IDLE + i], buf, sizeof(buf), 0), sizeof(buf));
	fix_advance(f->eng, 5 * SEC);
	/* Packets and buffers are the engine's: none is in use. */
	fix_assert_pools_empty(f->eng);
	pool_trim(&f->eng->pkts.pkts);
	for (uint32_t i = 0; i < BUF_CLASSES; i++)
		pool_trim(&f->eng->pkts.bufs[i]);
	bytes = (f->eng->mem.n_bytes - before) / (2 * N_IDLE);
	assert_in_range(bytes, sizeof(struct tcp_conn), IDLE_BYTES_MAX);
	for (uint32_t i = 0; i < 2 * N_IDLE; i++)
		tf_abort(ends[i]);
	tf_close(l);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queues_are_counted_and_given_back),
		cmocka_unit_test(shortage_lasts_from_the_second_mark_to_below_the_first),
		cmocka_unit_test(shortage_takes_no_window_back_and_opens_it_by_four_segments),
		cmocka_unit_test(send_without_memory_is_not_writable_until_there_may_be_some),
		cmocka_unit_test(packing_makes_room_before_anything_is_thrown_away),
		cmocka_unit_test(data_out_of_order_goes_before_data_in_order_the_farthest_first),
		cmocka_unit_test(data_farther_out_than_all_is_refused),
		cmocka_unit_test(data_in_order_is_refused_only_when_some_waits),
		cmocka_unit_test(connection_beyond_its_share_gets_nothing_in_a_shortage),
		cmocka_unit_test(closed_connection_is_reset_when_nothing_is_left),
		cmocka_unit_test(idle_connection_costs_at_most_a_kibibyte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
