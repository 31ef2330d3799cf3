/* SPDX-License-Identifier: MIT */
/* Two stacks over a pipe: streams arrive whole whatever the network does to segments. */
#include "core/sysctl.h"
#include "tcp_fix.h"

enum {
	CHUNK = 64 * 1024,
};

static uint8_t byte_at(uint64_t pos, uint8_t salt)
{
	return (uint8_t)((pos * 2654435761u >> 13) ^ salt);
}

/* One end: writes `n_write` bytes, reads until the end. */
struct end {
	struct sock *sk;
	uint8_t salt;
	uint64_t n_write, written, n_read, want;
	bool is_shut, saw_eof;
};

static void end_write(struct end *e, size_t max)
{
	static uint8_t buf[CHUNK];

	while (e->written < e->n_write) {
		size_t n = e->n_write - e->written < max ? e->n_write - e->written : max;
		ptrdiff_t done;

		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(e->written + i, e->salt);
		done = tf_send(e->sk, buf, n, 0);
		if (done < 0) {
			assert_int_equal(done, -EAGAIN);
			return;
		}
		e->written += (uint64_t)done;
	}
	if (!e->is_shut) {
		assert_int_equal(tcp_proto.shutdown(e->sk, false, true), 0);
		e->is_shut = true;
	}
}

static void end_read(struct end *e, uint8_t salt, size_t max)
{
	static uint8_t buf[CHUNK];

	while (!e->saw_eof) {
		ptrdiff_t n = tf_recv(e->sk, buf, max, 0);

		if (n == -EAGAIN)
			return;
		assert_true(n >= 0);
		for (ptrdiff_t i = 0; i < n; i++)
			assert_int_equal(buf[i], byte_at(e->n_read + (uint64_t)i, salt));
		e->n_read += (uint64_t)n;
		e->saw_eof = n == 0;
	}
}

/* A setting of both hosts; NULL: none. */
struct setting {
	const char *name;
	int64_t value;
};

static struct tf *connected(const struct tf_pipe *pipe, uint64_t seed, const struct setting *set,
			    struct end *a, struct end *b)
{
	struct tf *f = tf_pipe_new(pipe, seed);
	struct sock *listener = tf_listen(&f->peer, TF_PORT, 8);

	if (set) {
		assert_int_equal(sysctl_set(f->host.st, set->name, set->value), 0);
		assert_int_equal(sysctl_set(f->peer.st, set->name, set->value), 0);
	}
	a->sk = tf_connect(&f->host, &f->peer.addr, TF_PORT);
	for (int i = 0; i < 400 && !(b->sk = tf_accept(listener)); i++)
		fix_advance(f->eng, 100 * MSEC);
	assert_non_null(b->sk);
	assert_int_equal(a->sk->err, 0);
	tf_close(listener);
	return f;
}

static void finish(struct tf *f, struct end *a, struct end *b)
{
	tf_close(a->sk);
	tf_close(b->sk);
	fix_advance(f->eng, 200 * SEC);
	tf_end(f);
}

static void transfer_with(const struct setting *set, const struct tf_pipe *pipe, uint64_t seed,
			  uint64_t n_a, uint64_t n_b, int64_t step_ns)
{
	struct end a = {.salt = 1, .n_write = n_a}, b = {.salt = 2, .n_write = n_b};
	struct tf *f = connected(pipe, seed, set, &a, &b);

	for (int i = 0; i < 100000 && !(a.saw_eof && b.saw_eof); i++) {
		if (a.sk->err || b.sk->err)
			break;
		end_write(&a, CHUNK);
		end_write(&b, CHUNK);
		end_read(&a, b.salt, CHUNK);
		end_read(&b, a.salt, CHUNK);
		tf_check(&f->host);
		tf_check(&f->peer);
		fix_advance(f->eng, step_ns);
	}
	assert_int_equal(a.n_read, n_b);
	assert_int_equal(b.n_read, n_a);
	assert_true(a.saw_eof && b.saw_eof);
	finish(f, &a, &b);
}

static void transfer(const struct tf_pipe *pipe, uint64_t seed, uint64_t n_a, uint64_t n_b,
		     int64_t step_ns)
{
	transfer_with(NULL, pipe, seed, n_a, n_b, step_ns);
}

static void perfect_pipe_carries_a_megabyte(void **state UNUSED)
{
	transfer(&(struct tf_pipe){0}, 1, 1000000, 0, 1);
}

static void delay_carries_both_ways(void **state UNUSED)
{
	transfer(&(struct tf_pipe){.delay_ns = 10 * MSEC, .splits = true}, 2, 3000000, 1000000,
		 MSEC);
}

static void loss_and_reordering_carry_everything(void **state UNUSED)
{
	struct tf_pipe pipe = {.delay_ns = 2 * MSEC,
			       .jitter_ns = MSEC,
			       .loss_ppm = 20000,
			       .dup_ppm = 10000,
			       .splits = true};

	transfer(&pipe, 3, 2000000, 500000, MSEC);
}

/* Both ends are as busy as they can be for a while. */
static void keep_busy(struct tf *f, struct end *a, struct end *b, int n_ms)
{
	static uint8_t buf[CHUNK];

	for (int ms = 0; ms < n_ms; ms++) {
		for (int i = 0; i < 20; i++) {
			while (tf_send(a->sk, buf, CHUNK, 0) > 0)
				;
			fix_advance(f->eng, MSEC / 20);
			while (tf_recv(b->sk, buf, CHUNK, 0) > 0)
				;
		}
	}
}

static void
buffer_of_a_path_without_length_stays_small_until_the_path_is_longer(void **state UNUSED)
{
	struct end a = {0}, b = {0};
	struct tf *f = connected(&(struct tf_pipe){0}, 6, NULL, &a, &b);

	keep_busy(f, &a, &b, 100);
	assert_in_range(a.sk->sndbuf_bytes, 256 * 1024, 1024 * 1024);
	f->pipe[0].delay_ns = f->pipe[1].delay_ns = 10 * MSEC;
	keep_busy(f, &a, &b, 3000);
	assert_true(a.sk->sndbuf_bytes > 4 * 1024 * 1024);
	tf_abort(a.sk);
	tf_abort(b.sk);
	fix_advance(f->eng, 200 * SEC);
	tf_end(f);
}

static void every_choice_carries_everything(void **state UNUSED)
{
	static const struct setting settings[] = {
		{"tcp.profile", 1},
		{"net.ipv4.tcp_sack", 0},
		{"net.ipv4.tcp_timestamps", 0},
		{"net.ipv4.tcp_window_scaling", 0},
		{"net.ipv4.tcp_syncookies", 2},
		{"net.ipv4.tcp_ts_tick_ms", 100},
		{"net.ipv4.tcp_paws_window", 0},
		{"net.ipv4.tcp_nagle_minshall", 0},
		{"net.ipv4.tcp_init_cwnd", 1},
		{"net.ipv4.tcp_max_reordering", 3},
		{"net.ipv4.tcp_rmem_max", 8192},
		{"net.ipv4.tcp_stdurg", 1},
	};
	struct tf_pipe pipe = {.delay_ns = 2 * MSEC,
			       .jitter_ns = MSEC,
			       .loss_ppm = 10000,
			       .dup_ppm = 10000,
			       .splits = true};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		transfer_with(&settings[i], &pipe, 40 + i, 300000, 100000, MSEC);
}

static void socket_connected_to_itself_talks(void **state UNUSED)
{
	struct tf *f = tf_pipe_new(&(struct tf_pipe){.delay_ns = MSEC}, 4);
	struct sock *sk = tf_socket(&f->host);
	char buf[8];

	f->host.peer = &f->host;
	assert_int_equal(tcp_proto.bind(sk, &f->host.addr, 5000), 0);
	assert_int_equal(tcp_proto.connect(sk, &f->host.addr, 5000), -EINPROGRESS);
	fix_advance(f->eng, 10 * MSEC);
	assert_int_equal(tcp_conn_of(sk)->state, WEFT_TCP_ESTABLISHED);
	assert_int_equal(tf_send(sk, "me", 2, 0), 2);
	fix_advance(f->eng, 10 * MSEC);
	assert_int_equal(tf_recv(sk, buf, sizeof(buf), 0), 2);
	tf_close(sk);
	fix_advance(f->eng, 100 * SEC);
	assert_true(list_is_empty(&f->host.st->socks->all));
	tf_end(f);
}

enum {
	MANY = 1000,
};

static void idle_connections_cost(bool is_ip6)
{
	static struct sock *socks[2 * MANY];
	struct tf *f = tf_pipe_new(&(struct tf_pipe){.is_ip6 = is_ip6}, 5);
	struct sock *listener = tf_listen(&f->peer, TF_PORT, MANY);
	uint64_t before = f->eng->mem.n_bytes, slabs = 0;

	for (int i = 0; i < MANY; i++)
		socks[i] = tf_connect(&f->host, &f->peer.addr, TF_PORT);
	fix_settle(f->eng);
	for (int i = 0; i < MANY; i++) {
		socks[MANY + i] = tf_accept(listener);
		assert_non_null(socks[MANY + i]);
		assert_int_equal(tf_send(socks[i], "x", 1, 0), 1);
	}
	fix_advance(f->eng, SEC);
	for (int i = 0; i < MANY; i++) {
		char c;

		assert_int_equal(tf_recv(socks[MANY + i], &c, 1, 0), 1);
	}
	fix_advance(f->eng, SEC);
	/* Not the pools' slabs, which all connections share. */
	slabs = (uint64_t)f->eng->pkts.pkts.n_objs * f->eng->pkts.pkts.step_bytes;
	for (int i = 0; i < BUF_CLASSES; i++)
		slabs += (uint64_t)f->eng->pkts.bufs[i].n_objs * f->eng->pkts.bufs[i].step_bytes;
	assert_true(f->eng->mem.n_bytes - before - slabs < 2 * MANY * UINT64_C(1024));
	for (int i = 0; i < 2 * MANY; i++)
		tf_close(socks[i]);
	tf_close(listener);
	fix_advance(f->eng, 100 * SEC);
	tf_end(f);
}

static void idle_connections_cost_less_than_a_kibibyte_each(void **state UNUSED)
{
	idle_connections_cost(false);
}

static void idle_connections_of_ipv6_cost_no_more(void **state UNUSED)
{
	idle_connections_cost(true);
}

static void loss_and_reordering_carry_everything_over_ipv6(void **state UNUSED)
{
	struct tf_pipe pipe = {.delay_ns = 2 * MSEC,
			       .jitter_ns = MSEC,
			       .loss_ppm = 20000,
			       .dup_ppm = 10000,
			       .splits = true,
			       .is_ip6 = true};

	transfer(&pipe, 6, 1000000, 500000, MSEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(perfect_pipe_carries_a_megabyte),
		cmocka_unit_test(delay_carries_both_ways),
		cmocka_unit_test(loss_and_reordering_carry_everything),
		cmocka_unit_test(loss_and_reordering_carry_everything_over_ipv6),
		cmocka_unit_test(
			buffer_of_a_path_without_length_stays_small_until_the_path_is_longer),
		cmocka_unit_test(every_choice_carries_everything),
		cmocka_unit_test(socket_connected_to_itself_talks),
		cmocka_unit_test(idle_connections_cost_less_than_a_kibibyte_each),
		cmocka_unit_test(idle_connections_of_ipv6_cost_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
