/* SPDX-License-Identifier: MIT */
/*
 * The short way of small segments (tcp_fast.c) against the general path: worlds drawn at random,
 * each run both ways. After every step all that a connection is, all counters and all segments that
 * were sent must be the same.
 *
 * WEFT_TEST_SEED starts elsewhere, WEFT_TEST_RUNS sets the number of runs.
 */
#include "tcp_fix.h"

enum {
	RUNS = 300,
	STEPS = 400,
	WRITE_MAX = 300, /* bytes: beyond what goes the short way, too */
};

/* One run: what it was like after each step. */
struct world {
	uint64_t steps[STEPS];
	uint64_t n_fast[2];
};

struct end {
	struct sock *sk;
	uint32_t n_read;
	uint64_t digest; /* of what was read */
};

#define ADD_RANGE(d, type, obj, from, to)                           \
	tf_digest(d, (const uint8_t *)(obj) + offsetof(type, from), \
		  offsetof(type, to) - offsetof(type, from))

static uint64_t sender_digest(uint64_t d, const struct tcp_sender *snd)
{
	if (!snd)
		return d;
	d = ADD_RANGE(d, struct tcp_sender, snd, delivered_bytes, n_cc);
	return tf_digest(d, snd->cc, snd->n_cc);
}

/* Everything but pointers, and the padding after the last figure. */
static uint64_t conn_digest(uint64_t d, const struct sock *sk)
{
	const struct tcp_conn *conn = sk ? tcp_conn_of_const(sk) : NULL;
	int64_t timer_ns;

	if (!conn)
		return d;
	timer_ns = wheel_timer_is_pending(&conn->timer) ? conn->timer.deadline_ns : 0;
	d = tf_digest(d, &timer_ns, sizeof(timer_ns));
	d = ADD_RANGE(d, struct tcp_conn, conn, state, cc);
	d = ADD_RANGE(d, struct tcp_conn, conn, cc, cc.ops);
	d = tf_digest(d, &conn->rcvq.n_bytes, sizeof(conn->rcvq.n_bytes));
	d = ADD_RANGE(d, struct tcp_conn, conn, rcv_truesize, is_wnd_shut);
	d = tf_digest(d, &conn->last_text_ms, sizeof(conn->last_text_ms));
	d = ADD_RANGE(d, struct tcp_conn, conn, rexmt_ns, drs_read);
	if (!(conn->flags & TCPC_ACCEPTQ))
		d = ADD_RANGE(d, struct tcp_conn, conn, drs_read, iss);
	d = ADD_RANGE(d, struct tcp_conn, conn, iss, tfo);
	d = ADD_RANGE(d, struct tcp_conn, conn, bytes_acked, ecn);
	d = tf_digest(d, &sk->pending, sizeof(sk->pending));
	d = tf_digest(d, &sk->rcvbuf_bytes, sizeof(sk->rcvbuf_bytes));
	d = tf_digest(d, &sk->sndbuf_bytes, sizeof(sk->sndbuf_bytes));
	return sender_digest(d, tcp_sender(conn));
}

static uint64_t host_digest(uint64_t d, const struct tf_host *h)
{
	d = tf_digest(d, &h->digest, sizeof(h->digest));
	d = tf_digest(d, &h->st->tcp->mem_bytes, sizeof(h->st->tcp->mem_bytes));
	d = tf_digest(d, h->st->mib, sizeof(h->st->mib));
	return tf_digest(d, h->st->drops, sizeof(h->st->drops));
}

static uint32_t below(struct tf *f, uint32_t n)
{
	return (uint32_t)prng_below(&f->prng, n);
}

static void host_settings(struct tf *f, struct tf_host *h, bool has_fast)
{
	struct tcp_conf *conf = &h->st->tcp->conf;

	h->st->tcp->has_no_fast = !has_fast;
	conf->timestamps = below(f, 4) != 0;
	conf->sack = below(f, 4) != 0;
	conf->window_scaling = below(f, 4) != 0;
	conf->nagle_minshall = below(f, 2) != 0;
	conf->quickacks = (uint8_t)below(f, 17);
	conf->slow_start_after_idle = (uint8_t)(below(f, 4) ? 1 : below(f, 3));
	conf->ecn = below(f, 4) ? 2 : 1;
	if (below(f, 4) == 0)
		conf->early_retrans = 0;
	if (below(f, 4) == 0)
		conf->rmem_default = 4096 + below(f, 20000);
	if (below(f, 6) == 0) {
		conf->mem_min = 1 + below(f, 4);
		conf->mem_pressure = conf->mem_min + below(f, 4);
		conf->mem_max = conf->mem_pressure + below(f, 4);
	}
	if (below(f, 6) == 0)
		conf->delack_ms = below(f, 200);
	if (below(f, 8) == 0)
		conf->notsent_lowat = 1 + below(f, 2000);
	if (below(f, 3) == 0)
		conf->congestion_control = (uint8_t)below(f, CC_COUNT);
}

static const struct {
	int level, name;
	uint32_t n_values;
} any_opts[] = {
	{WEFT_SOL_SOCKET, WEFT_SO_KEEPALIVE, 2},
	{WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, 30000},
	{WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 30000},
	{WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 3000},
	{WEFT_SOL_SOCKET, WEFT_SO_RCVLOWAT, 20},
	{WEFT_SOL_SOCKET, WEFT_SO_MAX_PACING_RATE, 20000},
	{WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, 4096},
	{WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, 2},
	{WEFT_IPPROTO_TCP, WEFT_TCP_QUICKACK, 2},
	{WEFT_IPPROTO_TCP, WEFT_TCP_INQ, 2},
	{WEFT_IPPROTO_TCP, WEFT_TCP_CORK, 2},
	{WEFT_IPPROTO_TCP, WEFT_TCP_KEEPIDLE, 200},
	{WEFT_IPPROTO_TCP, WEFT_TCP_WINDOW_CLAMP, 5000},
	{WEFT_IPPROTO_TCP, WEFT_TCP_NOTSENT_LOWAT, 3000},
	{WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG, 1400},
	{WEFT_IPPROTO_TCP, WEFT_TCP_USER_TIMEOUT, 90000},
};

/* Any option, some of them with values that are refused. */
static void any_option(struct tf *f, struct end *e)
{
	uint32_t i = below(f, ARRAY_SIZE(any_opts));
	int v = (int)below(f, any_opts[i].n_values);
	int err = tcp_proto.setopt(e->sk, any_opts[i].level, any_opts[i].name, &v, sizeof(v));

	e->digest = tf_digest(e->digest, &err, sizeof(err));
}

static void end_options(struct tf *f, struct end *e)
{
	if (below(f, 6) == 0)
		any_option(f, e);
	if (below(f, 2))
		assert_int_equal(tf_sockopt(e->sk, WEFT_TCP_NODELAY, 1), 0);
	if (below(f, 8) == 0)
		assert_int_equal(tf_sockopt(e->sk, WEFT_TCP_QUICKACK, 1), 0);
	if (below(f, 8) == 0)
		assert_int_equal(tf_sockopt(e->sk, WEFT_TCP_USER_TIMEOUT, 60000), 0);
}

static void end_write(struct tf *f, struct end *e)
{
	uint8_t buf[WRITE_MAX];
	uint32_t n = below(f, 4) ? 1 + below(f, 4) : 1 + below(f, WRITE_MAX);
	uint32_t flags = below(f, 40) == 0 ? WEFT_MSG_MORE : below(f, 40) == 0 ? WEFT_MSG_EOR : 0;
	ptrdiff_t done = SOCK_NOT_PLAIN;

	for (uint32_t i = 0; i < n; i++)
		buf[i] = (uint8_t)below(f, 256);
	if (below(f, 80) == 0)
		flags |= WEFT_MSG_OOB;
	if (!flags && !e->sk->stack->tcp->has_no_fast)
		done = tcp_proto.send_plain(e->sk, buf, n);
	if (done == SOCK_NOT_PLAIN)
		done = tf_send(e->sk, buf, n, flags);
	e->digest = tf_digest(e->digest, &done, sizeof(done));
}

static void end_read(struct tf *f, struct end *e)
{
	uint8_t buf[WRITE_MAX];
	uint32_t n = below(f, 3) ? sizeof(buf) : 1 + below(f, 8);
	ptrdiff_t done = SOCK_NOT_PLAIN;

	if (!e->sk->stack->tcp->has_no_fast)
		done = tcp_proto.recv_plain(e->sk, buf, n);
	if (done == SOCK_NOT_PLAIN)
		done = tf_recv(e->sk, buf, n, 0);
	e->digest = tf_digest(e->digest, &done, sizeof(done));
	if (done > 0)
		e->digest = tf_digest(e->digest, buf, (size_t)done);
}

/* Who reads something answers, most of the time; seldom something changes. */
static void end_step(struct tf *f, struct end *e)
{
	bool has_read = tf_events(e->sk) & SOCK_IN;

	if (has_read || below(f, 10) == 0)
		end_read(f, e);
	if ((has_read && below(f, 4)) || below(f, 12) == 0)
		end_write(f, e);
	if (below(f, 500) == 0)
		any_option(f, e);
	if (below(f, 1000) == 0)
		assert_int_equal(tcp_proto.shutdown(e->sk, true, false), 0);
}

/* IP has no memory for a while, or no route: the former is tried again, the latter is lost. */
static void ip_refuses(struct tf *f, struct tf_host *h)
{
	static const int errs[] = {-ENOBUFS, -ENOBUFS, -ENOMEM, -ENETUNREACH};

	h->route_err = errs[below(f, ARRAY_SIZE(errs))];
}

static void world_pass(struct tf *f, struct end ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i].sk && tcp_conn_of(ends[i].sk)->state == WEFT_TCP_ESTABLISHED)
			end_step(f, &ends[i]);
	if (below(f, 3000) == 0) /* longer than timestamps mean anything */
		fix_advance(f->eng, (int64_t)below(f, 30 * 24 * 3600) * SEC);
	if (below(f, 200) == 0)
		f->host.gen++, f->peer.gen++;
	if (below(f, 4) == 0)
		f->host.route_err = f->peer.route_err = 0;
	if (below(f, 200) == 0)
		ip_refuses(f, below(f, 2) ? &f->host : &f->peer);
	if (below(f, 3000) == 0)
		assert_int_equal(tcp_proto.shutdown(ends[0].sk, false, true), 0);
	tf_check(&f->host);
	tf_check(&f->peer);
	fix_advance(f->eng,
		    below(f, 8) ? (int64_t)below(f, 4) * MSEC : (int64_t)below(f, 900) * MSEC);
}

static struct tf_pipe random_pipe(struct prng *prng)
{
	struct tf_pipe p = {.splits = prng_below(prng, 2) != 0,
			    .is_ip6 = prng_below(prng, 4) == 0,
			    .delay_ns = (int64_t)prng_below(prng, 4) * MSEC};

	if (prng_below(prng, 4) == 0)
		p.jitter_ns = (int64_t)prng_below(prng, 20) * MSEC;
	if (prng_below(prng, 3) == 0)
		p.loss_ppm = (uint32_t)prng_below(prng, 60000);
	if (prng_below(prng, 4) == 0)
		p.dup_ppm = (uint32_t)prng_below(prng, 60000);
	return p;
}

static void world_run(uint64_t seed, bool has_fast, struct world *ret)
{
	struct prng prng = {.x = seed * 77};
	struct tf_pipe pipe = random_pipe(&prng);
	struct tf *f = tf_pipe_new(&pipe, seed);
	struct end ends[2] = {{.digest = 1}, {.digest = 2}};
	struct sock *listener;

	host_settings(f, &f->host, has_fast);
	host_settings(f, &f->peer, has_fast);
	listener = tf_listen(&f->peer, TF_PORT, 4);
	ends[0].sk = tf_connect(&f->host, &f->peer.addr, TF_PORT);
	end_options(f, &ends[0]);
	for (int i = 0; i < STEPS; i++) {
		if (!ends[1].sk && (ends[1].sk = tf_accept(listener)))
			end_options(f, &ends[1]);
		if (tcp_conn_of(ends[0].sk)->state == WEFT_TCP_ESTABLISHED || i < 20)
			world_pass(f, ends);
		ret->steps[i] = ends[0].digest ^ ends[1].digest;
		for (int j = 0; j < 2; j++) {
			ret->steps[i] = conn_digest(ret->steps[i], ends[j].sk);
			ret->steps[i] = host_digest(ret->steps[i], j ? &f->peer : &f->host);
		}
	}
	for (int j = 0; j < 2; j++)
		ret->n_fast[j] = f->host.st->tcp->n_fast[j] + f->peer.st->tcp->n_fast[j];
	tf_close(ends[0].sk);
	if (ends[1].sk)
		tf_close(ends[1].sk);
	tf_close(listener);
	tf_end(f);
}

static void short_way_and_general_path_make_the_same_connection(void **state UNUSED)
{
	const char *env = getenv("WEFT_TEST_RUNS");
	uint64_t n = env ? strtoull(env, NULL, 0) : RUNS, n_fast[2] = {0};
	struct world *both = calloc(2, sizeof(*both));
	struct prng prng = prng_make();

	for (uint64_t i = 0; i < n; i++) {
		world_run(prng.x + i, true, &both[0]);
		world_run(prng.x + i, false, &both[1]);
		assert_int_equal(both[1].n_fast[0] + both[1].n_fast[1], 0);
		n_fast[0] += both[0].n_fast[0];
		n_fast[1] += both[0].n_fast[1];
		for (int step = 0; step < STEPS; step++) {
			if (both[0].steps[step] == both[1].steps[step])
				continue;
			print_message("seed %llu, step %d\n", (unsigned long long)(prng.x + i),
				      step);
			fail();
		}
	}
	if (getenv("WEFT_TEST_VERBOSE"))
		print_message("%llu in, %llu out\n", (unsigned long long)n_fast[0],
			      (unsigned long long)n_fast[1]);
	/* Many of them go that way, or nothing was compared. */
	assert_true(n_fast[0] > 20 * n && n_fast[1] > 10 * n);
	free(both);
}

/* By the short way, or not. */
static void refused_then_sent(bool has_fast)
{
	struct tf *f = tf_new();
	uint64_t n_fast = f->host.st->tcp->n_fast[1];
	ptrdiff_t done = SOCK_NOT_PLAIN;

	tf_established(f);
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_NODELAY, 1), 0);
	tf_send_n(f, 1); /* the first is never plain */
	tf_rx(f, TSEG(.seq = f->irs + 1, .ack = f->iss + 2));
	tf_ignore(f);
	f->host.route_err = -ENOBUFS;
	if (has_fast)
		done = tcp_proto.send_plain(f->sk, "abc", 3);
	else
		done = tf_send(f->sk, "abc", 3, 0);
	assert_int_equal(done, 3);
	assert_int_equal(f->host.st->tcp->n_fast[1] - n_fast, has_fast);
	tf_assert_silent(f);
	assert_int_equal(tf_conn(f)->snd_nxt, tf_conn(f)->snd_una);
	f->host.route_err = 0;
	fix_advance(f->eng, 9 * MSEC);
	tf_assert_silent(f);
	fix_advance(f->eng, 2 * MSEC);
	assert_int_equal(tf_n_sent(f), 1);
	assert_int_equal(tf_pop(f).len, 3);
	assert_int_equal(tf_conn(f)->n_rexmt, 0);
	tf_end(f);
}

static void ip_has_no_memory_the_segment_goes_ten_milliseconds_later(void **state UNUSED)
{
	refused_then_sent(false);
	refused_then_sent(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_has_no_memory_the_segment_goes_ten_milliseconds_later),
		cmocka_unit_test(short_way_and_general_path_make_the_same_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
