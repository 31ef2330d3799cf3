/* SPDX-License-Identifier: MIT */
/*
 * Random model: two stacks, a pipe that loses, doubles, delays and reorders, applications that
 * write, read, shut down and close when chance says so. Whatever happens, the bytes read are those
 * written, in order; every invariant holds after every segment; and in the end nothing is left.
 *
 * WEFT_TEST_SEED starts elsewhere, WEFT_TEST_RUNS sets the number of runs.
 */
#include <stdio.h>

#include "tcp_fix.h"

enum {
	RUNS = 1500,
	BYTES_MAX = 60000,
	STEPS_MAX = 30000,
};

struct app {
	struct tf_host *host;
	struct sock *sk;
	uint8_t salt;
	uint32_t total, written, n_read;
	bool is_shut, saw_eof, is_slow;
};

static uint8_t byte_at(uint32_t pos, uint8_t salt)
{
	return (uint8_t)((pos * 2654435761u >> 11) ^ salt);
}

static uint32_t below(struct tf *f, uint32_t n)
{
	return (uint32_t)prng_below(&f->prng, n);
}

static void app_write(struct tf *f, struct app *a)
{
	uint8_t buf[8192];
	uint32_t left = a->total - a->written;
	uint32_t n = below(f, below(f, 4) ? sizeof(buf) : 20) + 1;
	ptrdiff_t done;

	if (left == 0) {
		if (!a->is_shut && below(f, 4) == 0) {
			assert_int_equal(tcp_proto.shutdown(a->sk, false, true), 0);
			a->is_shut = true;
		}
		return;
	}
	n = n < left ? n : left;
	for (uint32_t i = 0; i < n; i++)
		buf[i] = byte_at(a->written + i, a->salt);
	done = tf_send(a->sk, buf, n, below(f, 5) == 0 ? WEFT_MSG_MORE : 0);
	if (done < 0)
		assert_int_equal(done, -EAGAIN);
	else
		a->written += (uint32_t)done;
}

static void app_read(struct tf *f, struct app *a, uint8_t salt)
{
	uint8_t buf[8192];
	uint32_t max = below(f, a->is_slow ? 300 : sizeof(buf)) + 1;
	bool is_peek = below(f, 8) == 0;
	ptrdiff_t n = tf_recv(a->sk, buf, max, is_peek ? WEFT_MSG_PEEK : 0);

	if (n == -EAGAIN)
		return;
	assert_true(n >= 0);
	for (ptrdiff_t i = 0; i < n; i++)
		assert_int_equal(buf[i], byte_at(a->n_read + (uint32_t)i, salt));
	if (!is_peek)
		a->n_read += (uint32_t)n;
	a->saw_eof |= n == 0;
}

static void app_print(const char *name, const struct app *a)
{
	struct weft_tcp_info i;

	if (!a->sk)
		return;
	tcp_info_get(a->sk, &i);
	print_message("%s: read %u, written %u of %u; %s ca %u wait %u rto %u us, rtt %u us, "
		      "mss %u, cwnd %u, wnd %u, rcv_wnd %u, unacked %u, sacked %u, lost %u, "
		      "rexmt %llu, timeouts %u, mtu %u, slow %d\n",
		      name, a->n_read, a->written, a->total, tcp_state_name(i.state), i.ca_state,
		      i.wait, i.rto_us, i.rtt_us, i.snd_mss, i.snd_cwnd, i.snd_wnd, i.rcv_wnd,
		      i.unacked, i.sacked, i.lost, (unsigned long long)i.total_retrans,
		      i.retransmits, a->host->netif.mtu, a->is_slow);
}

/* Options at random, so that all combinations are met. */
static void host_settings(struct tf *f, struct tf_host *h)
{
	struct tcp_conf *conf = &h->st->tcp->conf;

	conf->timestamps = below(f, 4) != 0;
	conf->sack = below(f, 4) != 0;
	conf->window_scaling = below(f, 4) != 0;
	conf->moderate_rcvbuf = below(f, 2) != 0;
	if (below(f, 3) == 0)
		conf->rmem_default = 4096 + below(f, 20000);
	if (below(f, 3) == 0)
		conf->wmem_default = 4096 + below(f, 20000);
	if (below(f, 4) == 0)
		h->netif.mtu = 100 + below(f, 1400);
	if (below(f, 4) == 0)
		h->netif.gso_max_bytes = h->netif.mtu;
}

/* Lets time pass until the next initial sequence number is just below the wrap. */
static void near_wrap(struct tf *f)
{
	struct conn_node key = {.laddr = f->host.addr,
				.raddr = f->peer.addr,
				.lport = TF_PEER_PORT,
				.rport = TF_PORT};
	uint32_t want = 0u - below(f, 30000);
	uint32_t ahead = want - tcp_isn(f->host.st, &key);

	(void)engine_run(f->eng, f->eng->now_ns + (int64_t)ahead * 64);
}

static struct tf_pipe random_pipe(struct prng *prng)
{
	struct tf_pipe p = {.splits = prng_below(prng, 2) != 0};

	if (prng_below(prng, 3))
		p.delay_ns = (int64_t)prng_below(prng, 50) * MSEC;
	if (prng_below(prng, 2))
		p.jitter_ns = (int64_t)prng_below(prng, 20) * MSEC;
	if (prng_below(prng, 2))
		p.loss_ppm = (uint32_t)prng_below(prng, 200000);
	if (prng_below(prng, 3) == 0)
		p.dup_ppm = (uint32_t)prng_below(prng, 120000);
	return p;
}

static bool run_done(const struct app *a, const struct app *b)
{
	return a->sk && b->sk && a->saw_eof && b->saw_eof && a->is_shut && b->is_shut;
}

static void run_step(struct tf *f, struct app *a, struct app *b)
{
	if (a->sk && below(f, 2))
		app_write(f, a);
	if (a->sk && below(f, a->is_slow ? 10 : 2) == 0)
		app_read(f, a, b->salt);
}

static void run_once(uint64_t seed, bool is_poor)
{
	struct prng prng = {.x = seed * 77};
	struct tf_pipe pipe = random_pipe(&prng);
	struct tf *f = tf_poor_new(&pipe, seed, is_poor ? 24 + (uint32_t)(seed % 100) : 0);
	struct app a = {.host = &f->host, .salt = 3}, b = {.host = &f->peer, .salt = 9};
	struct sock *listener;
	static const struct ip_addr any;

	host_settings(f, &f->host);
	host_settings(f, &f->peer);
	a.total = below(f, BYTES_MAX);
	b.total = below(f, 3) ? below(f, BYTES_MAX) : 0;
	a.is_slow = below(f, 5) == 0;
	b.is_slow = below(f, 5) == 0;
	near_wrap(f);
	listener = tf_listen(&f->peer, TF_PORT, 4);
	a.sk = tf_socket(&f->host);
	assert_int_equal(tcp_proto.bind(a.sk, &any, TF_PEER_PORT), 0);
	assert_int_equal(tcp_proto.connect(a.sk, &f->peer.addr, TF_PORT), -EINPROGRESS);
	if (is_poor) {
		pipe.loss_ppm = 1000000; /* what cannot be stored is lost */
		tf_starve(f, below(f, 2) ? 50000 : 0);
	}
	if (below(f, 2))
		assert_int_equal(tf_sockopt(a.sk, WEFT_TCP_NODELAY, 1), 0);
	for (int i = 0; i < STEPS_MAX && !run_done(&a, &b); i++) {
		if (!b.sk)
			b.sk = tf_accept(listener);
		if (a.sk->err || (b.sk && b.sk->err))
			break;
		if (tcp_conn_of(a.sk)->state != WEFT_TCP_SYN_SENT)
			run_step(f, &a, &b);
		run_step(f, &b, &a);
		tf_check(&f->host);
		tf_check(&f->peer);
		fix_advance(f->eng, (int64_t)below(f, 30) * MSEC);
	}
	/* Beyond some 5 % each way timeouts dominate and backoff may take longer than we wait. */
	if (!run_done(&a, &b) && pipe.loss_ppm > 50000 && b.sk && !a.sk->err && !b.sk->err) {
		tf_abort(a.sk);
		tf_abort(b.sk);
		tf_close(listener);
		tf_end(f);
		return;
	}
	if (!run_done(&a, &b)) {
		print_message(
			"seed %llu: delay %lld ms, jitter %lld ms, loss %u, dup %u, splits %d\n",
			(unsigned long long)seed, (long long)(pipe.delay_ns / MSEC),
			(long long)(pipe.jitter_ns / MSEC), pipe.loss_ppm, pipe.dup_ppm,
			pipe.splits);
		app_print("a", &a);
		app_print("b", &b);
	}
	assert_int_equal(b.n_read, a.total);
	assert_int_equal(a.n_read, b.total);
	assert_true(run_done(&a, &b));
	tf_close(a.sk);
	tf_close(b.sk);
	tf_close(listener);
	fix_advance(f->eng, 200 * SEC);
	assert_int_equal(f->host.st->tcp->n_tw + f->peer.st->tcp->n_tw, 0);
	assert_true(list_is_empty(&f->host.st->socks->all));
	assert_true(list_is_empty(&f->peer.st->socks->all));
	fix_assert_pools_empty(f->eng);
	tf_end(f);
}

static void runs(uint64_t n_default, bool is_poor)
{
	const char *env = getenv("WEFT_TEST_RUNS");
	uint64_t n = env ? strtoull(env, NULL, 0) : n_default;
	struct prng prng = prng_make();

	for (uint64_t i = 0; i < n; i++) {
		if (getenv("WEFT_TEST_VERBOSE"))
			fprintf(stderr, "run %llu\n", (unsigned long long)(prng.x + i));
		run_once(prng.x + i, is_poor);
	}
}

static void any_network_carries_the_stream(void **state UNUSED)
{
	runs(RUNS, false);
}

/* Too few packets, and allocations that fail: slow, but nothing is lost, leaked or stuck for good.
 */
static void starved_hosts_carry_the_stream(void **state UNUSED)
{
	runs(RUNS / 2, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_network_carries_the_stream),
		cmocka_unit_test(starved_hosts_carry_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
