/* SPDX-License-Identifier: MIT */
/* RFC 4821: two stacks over a pipe in which long packets vanish without a word. */
#include "core/sysctl.h"
#include "tcp_fix.h"

enum {
	TOTAL = 3000000,
	PERIOD = 251, /* of the bytes */
	CHUNK = PERIOD * 256,
};

/* What the pipe is, and what is set. */
struct hole {
	bool is_ip6;
	uint32_t mtu;
	uint32_t loss_ppm;
	int64_t probing;
	bool has_no_sack;
};

struct run {
	struct tf *f;
	struct sock *a, *b;
	uint32_t n_sent, n_read;
	uint16_t mss_least; /* while data went */
};

static void run_start(struct run *r, const struct hole *h)
{
	struct tf_pipe pipe = {.delay_ns = 10 * MSEC,
			       .mtu = h->mtu,
			       .loss_ppm = h->loss_ppm,
			       .splits = true,
			       .is_ip6 = h->is_ip6};
	struct sock *listener;

	r->f = tf_pipe_new(&pipe, 7);
	assert_int_equal(sysctl_set(r->f->host.st, "net.ipv4.tcp_mtu_probing", h->probing), 0);
	assert_int_equal(sysctl_set(r->f->host.st, "net.ipv4.tcp_sack", !h->has_no_sack), 0);
	listener = tf_listen(&r->f->peer, TF_PORT, 1);
	r->a = tf_connect(&r->f->host, &r->f->peer.addr, TF_PORT);
	for (int i = 0; i < 100 && !(r->b = tf_accept(listener)); i++)
		fix_advance(r->f->eng, 100 * MSEC);
	assert_non_null(r->b);
	tf_close(listener);
	r->mss_least = UINT16_MAX;
}

/* Both ends do what they can, for so many milliseconds or until everything has arrived. */
static void run_for(struct run *r, uint32_t n_ms)
{
	static uint8_t src[CHUNK + PERIOD], buf[CHUNK];

	for (uint32_t i = 0; i < sizeof(src); i++)
		src[i] = (uint8_t)(i % PERIOD);
	for (uint32_t ms = 0; ms < n_ms && r->n_read < TOTAL; ms++) {
		uint32_t n = TOTAL - r->n_sent < CHUNK ? TOTAL - r->n_sent : CHUNK;
		ptrdiff_t done = n > 0 ? tf_send(r->a, src + r->n_sent % PERIOD, n, 0) : 0;

		r->n_sent += done > 0 ? (uint32_t)done : 0;
		while ((done = tf_recv(r->b, buf, sizeof(buf), 0)) > 0) {
			assert_memory_equal(buf, src + r->n_read % PERIOD, (size_t)done);
			r->n_read += (uint32_t)done;
		}
		tf_check(&r->f->host);
		if (tcp_conn_of(r->a)->mss < r->mss_least)
			r->mss_least = tcp_conn_of(r->a)->mss;
		fix_advance(r->f->eng, MSEC);
	}
}

static void run_end(struct run *r)
{
	tf_abort(r->a);
	tf_abort(r->b);
	fix_advance(r->f->eng, SEC);
	tf_end(r->f);
}

static uint64_t n_of(const struct run *r, enum mib id)
{
	return r->f->host.st->mib[id];
}

/* A segment of that size makes a packet of that size. */
static uint32_t packet_of(const struct hole *h, uint32_t mss)
{
	return mss + 12 + 20 + (h->is_ip6 ? 40 : 20);
}

/* The transfer comes out of the hole, and with packets nearly as long as they may be. */
static void black_hole(const struct hole *h, uint32_t mss_first)
{
	struct run r = {0};
	uint32_t size;

	run_start(&r, h);
	run_for(&r, 60000);
	assert_int_equal(r.n_read, TOTAL);
	size = packet_of(h, tcp_conn_of(r.a)->mss);
	assert_true(size <= h->mtu && size + 16 > h->mtu);
	assert_int_equal(r.mss_least, mss_first);
	assert_true(n_of(&r, MIB_TcpExtTCPMTUPFail) > 0);
	assert_true(n_of(&r, MIB_TcpExtTCPMTUPSuccess) > 0);
	/* The timeouts before the search are all there were: probes cost none. */
	assert_in_range(n_of(&r, MIB_TcpExtTCPTimeouts), 0, 5);
	run_end(&r);
}

static void black_hole_is_found_and_left(void **state UNUSED)
{
	black_hole(&(struct hole){.mtu = 1300, .probing = 1}, 1024);
}

static void black_hole_of_ipv6_is_left_with_1280_at_least(void **state UNUSED)
{
	black_hole(&(struct hole){.mtu = 1420, .probing = 1, .is_ip6 = true}, 1280 - 72);
}

static void search_from_the_start_needs_no_timeout(void **state UNUSED)
{
	struct hole h = {.mtu = 1400, .probing = 2};
	struct run r = {0};

	run_start(&r, &h);
	run_for(&r, 60000);
	assert_int_equal(r.n_read, TOTAL);
	assert_int_equal(n_of(&r, MIB_TcpExtTCPTimeouts), 0);
	assert_in_range(packet_of(&h, tcp_conn_of(r.a)->mss), 1400 - 15, 1400);
	run_end(&r);
}

/* Each probe that is lost makes one retransmission, and the window is never reduced. */
static void lost_probes_cost_no_window(void **state UNUSED)
{
	struct hole h = {.mtu = 1100, .probing = 2};
	struct run r = {0};

	run_start(&r, &h);
	run_for(&r, 60000);
	assert_int_equal(r.n_read, TOTAL);
	assert_in_range(n_of(&r, MIB_TcpExtTCPMTUPFail), 4, 8);
	assert_int_equal(n_of(&r, MIB_TcpExtTCPSackRecovery), 0);
	assert_int_equal(n_of(&r, MIB_TcpExtTCPTimeouts), 0);
	assert_true(tcp_conn_of(r.a)->cc.ssthresh > TOTAL);
	run_end(&r);
}

static void black_hole_is_left_without_sack(void **state UNUSED)
{
	struct hole h = {.mtu = 1300, .probing = 1, .has_no_sack = true};
	struct run r = {0};

	run_start(&r, &h);
	run_for(&r, 120000);
	assert_int_equal(r.n_read, TOTAL);
	assert_in_range(packet_of(&h, tcp_conn_of(r.a)->mss), 1300 - 15, 1300);
	run_end(&r);
}

static void whole_path_is_used_in_the_end(void **state UNUSED)
{
	struct hole h = {.mtu = 1500, .probing = 2, .is_ip6 = true};
	struct run r = {0};

	run_start(&r, &h);
	run_for(&r, 60000);
	assert_int_equal(r.n_read, TOTAL);
	assert_int_equal(n_of(&r, MIB_TcpExtTCPMTUPFail), 0);
	assert_in_range(packet_of(&h, tcp_conn_of(r.a)->mss), 1500 - 8, 1500);
	run_end(&r);
}

static void losses_of_other_kinds_do_not_confuse_the_search(void **state UNUSED)
{
	struct hole h = {.mtu = 1300, .probing = 2, .loss_ppm = 2000};
	struct run r = {0};

	run_start(&r, &h);
	run_for(&r, 120000);
	assert_int_equal(r.n_read, TOTAL);
	assert_in_range(packet_of(&h, tcp_conn_of(r.a)->mss), 1064, 1300);
	run_end(&r);
}

static void without_it_a_black_hole_stops_everything(void **state UNUSED)
{
	struct hole h = {.mtu = 1300};
	struct run r = {0};

	run_start(&r, &h);
	run_for(&r, 60000);
	assert_int_equal(r.n_read, 0);
	assert_int_equal(tcp_conn_of(r.a)->mss, 1448);
	run_end(&r);
}

/* An outage looks like a black hole; what it cost in size comes back. */
static void size_that_an_outage_cost_comes_back(void **state UNUSED)
{
	struct hole h = {.mtu = 1500, .probing = 1};
	struct run r = {0};

	run_start(&r, &h);
	run_for(&r, 100);
	r.f->pipe[0].mtu = r.f->pipe[1].mtu = 1;
	run_for(&r, 15000);
	assert_true(tcp_conn_of(r.a)->mss < 1024);
	r.f->pipe[0].mtu = r.f->pipe[1].mtu = 0;
	run_for(&r, 60000);
	assert_int_equal(r.n_read, TOTAL);
	assert_in_range(packet_of(&h, tcp_conn_of(r.a)->mss), 1300, 1500);
	run_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(black_hole_is_found_and_left),
		cmocka_unit_test(black_hole_of_ipv6_is_left_with_1280_at_least),
		cmocka_unit_test(search_from_the_start_needs_no_timeout),
		cmocka_unit_test(lost_probes_cost_no_window),
		cmocka_unit_test(black_hole_is_left_without_sack),
		cmocka_unit_test(whole_path_is_used_in_the_end),
		cmocka_unit_test(losses_of_other_kinds_do_not_confuse_the_search),
		cmocka_unit_test(without_it_a_black_hole_stops_everything),
		cmocka_unit_test(size_that_an_outage_cost_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
