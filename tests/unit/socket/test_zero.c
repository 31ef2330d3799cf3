/* SPDX-License-Identifier: MIT */
/* Zero copy: lent bytes arrive where they are, come back once and always, and received bytes stay
 * until they are given back. */
#include "weft/zero.h"

#include "core/engine.h"
#include "prng.h"
#include "world.h"

enum {
	LENT = 100000,
	N_SOAK = 300,
};

struct zf {
	struct world w;
	struct weft_sock *a, *b; /* connected: client, server */
	uint8_t *bytes;          /* LENT of them */
	size_t n_back;           /* bytes that have come back */
	uint32_t n_done;
};

static int setup(void **state)
{
	struct zf *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	world_start(&f->w);
	f->bytes = malloc(LENT);
	assert_non_null(f->bytes);
	for (size_t i = 0; i < LENT; i++)
		f->bytes[i] = (uint8_t)(i * 7);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct zf *f = *state;

	world_end(&f->w);
	free(f->bytes);
	free(f);
	return 0;
}

static void connect_both(struct zf *f)
{
	struct weft_sock *lst = world_bound_stream(f->w.server, "10.0.0.2:80");

	assert_int_equal(weft_listen(lst, 1), 0);
	f->a = world_socket(f->w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(f->a, "10.0.0.2:80"), -EINPROGRESS);
	world_settle(&f->w);
	assert_int_equal(weft_accept(lst, &f->b, NULL), 0);
	weft_close(lst);
}

static void back(void *arg, const void *buf, size_t n_bytes)
{
	struct zf *f = arg;

	assert_true((const uint8_t *)buf >= f->bytes);
	assert_true((const uint8_t *)buf + n_bytes <= f->bytes + LENT);
	f->n_done++;
	f->n_back += n_bytes;
}

static bool is_inside(const struct zf *f, const struct weft_iovec *iov)
{
	const uint8_t *p = iov->base;

	return p >= f->bytes && p + iov->len <= f->bytes + LENT;
}

static void lent_bytes_of_a_stream_arrive_where_they_are(void **state)
{
	struct zf *f = *state;
	const struct weft_iovec *iov;
	struct weft_ref *ref;
	size_t n_iov, n_inside = 0;
	ptrdiff_t n, total = 0;

	connect_both(f);
	n = weft_send_lent(f->a, f->bytes, 30000, 0, NULL, back, f);
	assert_int_equal(n, 30000);
	world_advance(&f->w, WORLD_SEC);
	assert_int_equal(f->n_done, 0); /* the receiver has them */
	while ((n = weft_recv_ref(f->b, 20000, 0, NULL, &ref)) > 0) {
		iov = weft_ref_iov(ref, &n_iov);
		for (size_t i = 0; i < n_iov; i++) {
			assert_memory_equal(iov[i].base, f->bytes + total, iov[i].len);
			n_inside += is_inside(f, &iov[i]) ? iov[i].len : 0;
			total += (ptrdiff_t)iov[i].len;
		}
		weft_ref_free(ref);
	}
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(total, 30000);
	assert_true(n_inside >= 29000); /* short ends may be copied */
	world_advance(&f->w, WORLD_SEC);
	assert_int_equal(f->n_done, 1);
	assert_int_equal(f->n_back, 30000);
}

static void lent_bytes_come_back_after_the_acknowledgement(void **state)
{
	struct zf *f = *state;
	static uint8_t got[LENT];
	size_t total = 0;
	ptrdiff_t n;

	connect_both(f);
	while (total < LENT) {
		n = weft_send_lent(f->a, f->bytes + f->n_back, LENT - f->n_back, 0, NULL, back, f);
		assert_true(n > 0 || n == -EAGAIN);
		world_advance(&f->w, 100 * WORLD_MSEC);
		while ((n = weft_recv(f->b, got + total, LENT - total, 0)) > 0)
			total += (size_t)n;
		world_advance(&f->w, 100 * WORLD_MSEC);
	}
	assert_int_equal(f->n_back, LENT);
	assert_memory_equal(got, f->bytes, LENT);
}

static void stream_takes_what_fits_and_says_so(void **state)
{
	struct zf *f = *state;
	ptrdiff_t n;

	connect_both(f);
	world_setopt(f->a, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, 10000);
	n = weft_send_lent(f->a, f->bytes, LENT, 0, NULL, back, f);
	assert_true(n > 0 && n < LENT);
	while (weft_send_lent(f->a, f->bytes, LENT, 0, NULL, back, f) > 0)
		world_settle(&f->w);
	f->n_done = 0; /* those that were acknowledged meanwhile */
	assert_int_equal(weft_send_lent(f->a, f->bytes, LENT, 0, NULL, back, f), -EAGAIN);
	assert_int_equal(f->n_done, 0);
	weft_abort(f->b);
	weft_abort(f->a);
}

static void refused_bytes_were_never_lent(void **state)
{
	struct zf *f = *state;
	struct weft_sock *raw = world_socket(f->w.client, WEFT_SOCK_RAW, 99);
	struct weft_sock *udp = world_socket(f->w.client, WEFT_SOCK_DGRAM, 0);
	struct weft_ref *ref;

	f->a = world_socket(f->w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(weft_send_lent(f->a, f->bytes, 10, 0, NULL, back, f), -EPIPE);
	assert_int_equal(weft_send_lent(raw, f->bytes, 10, 0, NULL, back, f), -EOPNOTSUPP);
	assert_int_equal(weft_send_lent(udp, f->bytes, 10, 0, NULL, back, f), -EDESTADDRREQ);
	assert_int_equal(weft_recv_ref(raw, 10, 0, NULL, &ref), -EOPNOTSUPP);
	assert_int_equal(weft_recv_ref(udp, 10, WEFT_MSG_PEEK, NULL, &ref), -EOPNOTSUPP);
	assert_int_equal(weft_recv_ref(udp, 10, WEFT_MSG_DONTWAIT, NULL, &ref), -EAGAIN);
	world_settle(&f->w);
	assert_int_equal(f->n_done, 0);
}

static void lent_bytes_come_back_when_the_connection_ends(void **state)
{
	struct zf *f = *state;

	connect_both(f);
	assert_int_equal(weft_send_lent(f->a, f->bytes, 1000, 0, NULL, back, f), 1000);
	weft_abort(f->a);
	assert_int_equal(f->n_done, 0); /* not from inside a call */
	weft_abort(f->b);
	world_settle(&f->w);
	assert_int_equal(f->n_done, 1);
}

static void lent_bytes_come_back_when_all_ends(void **state)
{
	struct zf *f = *state;

	connect_both(f);
	assert_int_equal(weft_send_lent(f->a, f->bytes, 1000, 0, NULL, back, f), 1000);
	world_end(&f->w);
	assert_int_equal(f->n_done, 1);
	world_start(&f->w); /* for the fixture's end */
}

static void datagram_is_lent_whole(void **state)
{
	struct zf *f = *state;
	struct weft_sockaddr to = world_at("10.0.0.2:53"), from;
	const struct weft_iovec *iov;
	struct weft_ref *ref;
	size_t n_iov;

	f->a = world_bound(f->w.client, "10.0.0.1:53");
	f->b = world_bound(f->w.server, "10.0.0.2:53");
	assert_int_equal(weft_send_lent(f->a, f->bytes, 1000, 0, &to, back, f), 1000);
	assert_int_equal(weft_send_lent(f->a, f->bytes, 0, 0, &to, back, f), 0);
	world_settle(&f->w);
	assert_int_equal(f->n_done, 0);
	assert_int_equal(weft_recv_ref(f->b, 2000, 0, &from, &ref), 1000);
	world_assert_at(&from, "10.0.0.1:53");
	iov = weft_ref_iov(ref, &n_iov);
	assert_int_equal(n_iov, 1);
	assert_ptr_equal(iov[0].base, f->bytes);
	weft_ref_free(ref);
	world_settle(&f->w);
	assert_int_equal(f->n_done, 1);
	ref = (void *)f;
	assert_int_equal(weft_recv_ref(f->b, 2000, 0, &from, &ref), 0);
	assert_null(ref);
}

static void datagram_in_fragments_is_lent_and_cut(void **state)
{
	struct zf *f = *state;
	struct weft_sockaddr to = world_at("10.0.0.2:53");
	struct weft_ref *ref;
	const struct weft_iovec *iov;
	size_t n_iov, total = 0;

	f->a = world_bound(f->w.client, "10.0.0.1:53");
	f->b = world_bound(f->w.server, "10.0.0.2:53");
	assert_int_equal(weft_send_lent(f->a, f->bytes, 5000, 0, &to, back, f), 5000);
	world_settle(&f->w);
	assert_int_equal(weft_recv_ref(f->b, 4000, 0, NULL, &ref), 4000);
	iov = weft_ref_iov(ref, &n_iov);
	for (size_t i = 0; i < n_iov; i++) {
		assert_memory_equal(iov[i].base, f->bytes + total, iov[i].len);
		total += iov[i].len;
	}
	assert_int_equal(total, 4000);
	weft_ref_free(ref);
	world_settle(&f->w);
	assert_int_equal(f->n_done, 1);
}

static void reference_outlives_its_socket(void **state)
{
	struct zf *f = *state;
	struct weft_ref *ref;
	size_t n_iov;

	connect_both(f);
	assert_int_equal(weft_send(f->a, "hello", 5, 0), 5);
	world_settle(&f->w);
	assert_int_equal(weft_recv_ref(f->b, 100, 0, NULL, &ref), 5);
	weft_close(f->b);
	weft_close(f->a);
	world_advance(&f->w, WORLD_SEC);
	assert_memory_equal(weft_ref_iov(ref, &n_iov)->base, "hello", 5);
	weft_ref_free(ref);
	weft_ref_free(NULL);
}

static void end_and_urgent_data_are_told(void **state)
{
	struct zf *f = *state;
	struct weft_ref *ref = (void *)f;
	char buf[8];

	connect_both(f);
	assert_int_equal(weft_send(f->a, "ab", 2, 0), 2);
	assert_int_equal(weft_send(f->a, "!", 1, WEFT_MSG_OOB), 1);
	world_settle(&f->w);
	assert_int_equal(weft_recv_ref(f->b, 100, 0, NULL, &ref), -ENOBUFS);
	assert_int_equal(weft_recv(f->b, buf, sizeof(buf), 0), 2);
	assert_int_equal(weft_shutdown(f->a, WEFT_SHUT_WR), 0);
	world_settle(&f->w);
	assert_int_equal(weft_recv_ref(f->b, 100, 0, NULL, &ref), -ENOBUFS); /* at the mark */
	assert_int_equal(weft_recv(f->b, buf, sizeof(buf), 0), 0);
	assert_int_equal(weft_recv_ref(f->b, 100, 0, NULL, &ref), 0);
	assert_null(ref);
}

/* Whoever holds what he has received does not stop the engine. */
static void packets_that_run_short_are_not_given_away(void **state)
{
	struct zf *f = *state;
	struct weft_sockaddr to = world_at("10.0.0.2:53");
	struct engine *eng = (struct engine *)(void *)f->w.eng;
	uint32_t max_objs = eng->pkts.pkts.max_objs;
	struct weft_ref *ref;
	char c;

	f->a = world_bound(f->w.client, "10.0.0.1:53");
	f->b = world_bound(f->w.server, "10.0.0.2:53");
	assert_int_equal(weft_send_lent(f->a, f->bytes, 1, 0, &to, back, f), 1);
	world_settle(&f->w);
	eng->pkts.pkts.max_objs = 1;
	assert_int_equal(weft_recv_ref(f->b, 100, 0, NULL, &ref), -ENOBUFS);
	eng->pkts.pkts.max_objs = max_objs;
	assert_int_equal(weft_recv(f->b, &c, 1, 0), 1);
	/* Of buffers there are fewer than of packets. */
	assert_int_equal(weft_sendto(f->a, f->bytes, 1000, 0, &to), 1000);
	world_settle(&f->w);
	max_objs = eng->pkts.bufs[0].max_objs;
	assert_int_equal(eng->pkts.bufs[0].n_used, 1);
	eng->pkts.bufs[0].max_objs = 1;
	assert_int_equal(weft_recv_ref(f->b, 2000, 0, NULL, &ref), -ENOBUFS);
	eng->pkts.bufs[0].max_objs = max_objs;
	assert_int_equal(weft_recv(f->b, &c, 1, 0), 1);
}

static void short_of_memory_nothing_is_lent_or_lost(void **state)
{
	struct zf *f = *state;
	struct weft_ref *ref;
	uint32_t n_refused = 0;
	ptrdiff_t n;

	connect_both(f);
	for (int i = 0; i < 6; i++) {
		uint32_t n_done = f->n_done;

		world_fail_after(&f->w, i);
		n = weft_send_lent(f->a, f->bytes, 1000, 0, NULL, back, f);
		world_fail_after(&f->w, -1);
		assert_true(n == 1000 || n == -ENOMEM || n == -EAGAIN);
		world_advance(&f->w, 2 * WORLD_SEC);
		if (n != 1000) {
			assert_int_equal(f->n_done, n_done);
			continue;
		}
		world_fail_after(&f->w, 0);
		n = weft_recv_ref(f->b, 2000, 0, NULL, &ref);
		world_fail_after(&f->w, -1);
		if (n == -ENOMEM) { /* none is kept yet */
			n_refused++;
			n = weft_recv_ref(f->b, 2000, 0, NULL, &ref);
		}
		assert_int_equal(n, 1000);
		weft_ref_free(ref);
		world_advance(&f->w, WORLD_SEC);
		assert_int_equal(f->n_done, n_done + 1);
	}
	assert_int_equal(n_refused, 1);
}

/* All ways at random; what was lent comes back, to the byte, and what was sent arrives in order. */
static void soak(void **state)
{
	struct zf *f = *state;
	struct prng rng = prng_make();
	static uint8_t buf[LENT];
	size_t sent = 0, got = 0, lent = 0;

	connect_both(f);
	for (int i = 0; i < N_SOAK; i++) {
		size_t at = sent % 251, len = 1 + prng_below(&rng, 20000);
		struct weft_ref *ref;
		ptrdiff_t n;

		if (prng_below(&rng, 2)) {
			n = weft_send_lent(f->a, f->bytes + at, len, 0, NULL, back, f);
			lent += n > 0 ? (size_t)n : 0;
		} else {
			n = weft_send(f->a, f->bytes + at, len, 0);
		}
		sent += n > 0 ? (size_t)n : 0;
		world_advance(&f->w, 10 * WORLD_MSEC);
		if (prng_below(&rng, 2)) {
			n = weft_recv(f->b, buf, 1 + prng_below(&rng, LENT), 0);
		} else {
			n = weft_recv_ref(f->b, 1 + prng_below(&rng, LENT), 0, NULL, &ref);
			if (n > 0)
				weft_ref_free(ref);
		}
		got += n > 0 ? (size_t)n : 0;
	}
	for (ptrdiff_t n; (n = weft_recv(f->b, buf, LENT, 0)) > 0; got += (size_t)n)
		world_advance(&f->w, WORLD_SEC);
	world_advance(&f->w, WORLD_SEC);
	assert_int_equal(got, sent);
	assert_int_equal(f->n_back, lent);
	assert_true(lent > 100000);
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
		in_families(lent_bytes_of_a_stream_arrive_where_they_are),
		in_families(lent_bytes_come_back_after_the_acknowledgement),
		in_families(stream_takes_what_fits_and_says_so),
		in_families(refused_bytes_were_never_lent),
		in_families(lent_bytes_come_back_when_the_connection_ends),
		in_families(lent_bytes_come_back_when_all_ends),
		in_families(datagram_is_lent_whole),
		in_families(datagram_in_fragments_is_lent_and_cut),
		in_families(reference_outlives_its_socket),
		in_families(end_and_urgent_data_are_told),
		in_families(packets_that_run_short_are_not_given_away),
		in_families(short_of_memory_nothing_is_lent_or_lost),
		in_families(soak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
