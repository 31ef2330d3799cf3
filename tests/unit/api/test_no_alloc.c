/* SPDX-License-Identifier: MIT */
/*
 * The data path allocates nothing: once the pools are as large as a load needs them, the same load
 * goes on without a call of the engine's allocator. In both families.
 */
#include <string.h>

#include "base/compiler.h"
#include "world.h"

enum {
	CONNS = 16,
	WARM = 64, /* rounds */
	ROUNDS = 500,
	CHUNK = 1 << 16,
};

struct fix {
	struct world w;
	struct weft_sock *listener, *out[CONNS], *in[CONNS];
	uint8_t bytes[CHUNK];
	uint32_t n_done; /* lent pieces that came back */
};

static struct fix *start(int n_conns)
{
	static struct fix f;

	memset(&f, 0, sizeof(f));
	world_start(&f.w);
	f.listener = world_bound_stream(f.w.server, "10.0.0.2:80");
	assert_int_equal(weft_listen(f.listener, CONNS), 0);
	for (int i = 0; i < n_conns; i++) {
		f.out[i] = world_socket(f.w.client, WEFT_SOCK_STREAM, 0);
		assert_int_equal(world_connect(f.out[i], "10.0.0.2:80"), -EINPROGRESS);
		world_settle(&f.w);
		assert_int_equal(weft_accept(f.listener, &f.in[i], NULL), 0);
	}
	return &f;
}

static void end(struct fix *f)
{
	for (int i = 0; i < CONNS; i++) {
		if (f->out[i])
			weft_abort(f->out[i]);
		if (f->in[i])
			weft_abort(f->in[i]);
	}
	if (f->listener)
		weft_close(f->listener);
	world_end(&f->w);
}

/* `round` does the same each time it is called. */
static void assert_allocates_nothing(struct fix *f, void (*round)(struct fix *f))
{
	uint64_t n;

	for (int i = 0; i < WARM; i++)
		round(f);
	n = f->w.n_allocs;
	for (int i = 0; i < ROUNDS; i++)
		round(f);
	assert_int_equal(f->w.n_allocs - n, 0);
}

static void expect_recv(struct fix *f, struct weft_sock *s, size_t n)
{
	for (size_t done = 0; done < n;) {
		ptrdiff_t got = weft_recv(s, f->bytes, n - done, 0);

		assert_true(got > 0);
		done += (size_t)got;
	}
}

/* A message on each connection before anybody answers one. */
static void messages_round(struct fix *f)
{
	for (int i = 0; i < CONNS; i++)
		assert_int_equal(weft_send(f->out[i], "question", 8, 0), 8);
	world_settle(&f->w);
	for (int i = 0; i < CONNS; i++) {
		expect_recv(f, f->in[i], 8);
		assert_int_equal(weft_send(f->in[i], "answer", 6, 0), 6);
	}
	world_settle(&f->w);
	for (int i = 0; i < CONNS; i++)
		expect_recv(f, f->out[i], 6);
	world_settle(&f->w);
}

static void messages_of_many_connections_allocate_nothing(void **state UNUSED)
{
	struct fix *f = start(CONNS);

	assert_allocates_nothing(f, messages_round);
	end(f);
}

static void bulk_round(struct fix *f)
{
	size_t n_in = 0, n_out = 0;

	while (n_in < 4 * (size_t)CHUNK) {
		ptrdiff_t n =
			n_out < 4 * (size_t)CHUNK ? weft_send(f->out[0], f->bytes, CHUNK, 0) : 0;

		n_out += n > 0 ? (size_t)n : 0;
		world_advance(&f->w, WORLD_MSEC);
		while ((n = weft_recv(f->in[0], f->bytes, CHUNK, 0)) > 0)
			n_in += (size_t)n;
	}
}

static void a_bulk_transfer_allocates_nothing(void **state UNUSED)
{
	struct fix *f = start(1);

	assert_allocates_nothing(f, bulk_round);
	end(f);
}

static void lent_done(void *arg, const void *buf UNUSED, size_t n UNUSED)
{
	struct fix *f = arg;

	f->n_done++;
}

static void lent_round(struct fix *f)
{
	uint32_t n_done = f->n_done;
	size_t n_in = 0;
	ptrdiff_t n = weft_send_lent(f->out[0], f->bytes, CHUNK, 0, NULL, lent_done, f);

	assert_true(n > 0);
	while (n_in < (size_t)n) {
		struct weft_ref *ref;
		ptrdiff_t got;

		world_advance(&f->w, WORLD_MSEC);
		while ((got = weft_recv_ref(f->in[0], CHUNK, 0, NULL, &ref)) > 0) {
			n_in += (size_t)got;
			weft_ref_free(ref);
		}
	}
	world_advance(&f->w, 100 * WORLD_MSEC);
	assert_int_equal(f->n_done, n_done + 1);
}

static void zero_copy_allocates_nothing(void **state UNUSED)
{
	struct fix *f = start(1);

	assert_allocates_nothing(f, lent_round);
	end(f);
}

static void datagrams_round(struct fix *f)
{
	for (int i = 0; i < CONNS; i++)
		assert_int_equal(weft_send(f->out[i], f->bytes, 64u << (i % 5), 0), 64 << (i % 5));
	world_settle(&f->w);
	for (int i = 0; i < CONNS; i++)
		expect_recv(f, f->in[i], 64u << (i % 5));
}

static void datagrams_allocate_nothing(void **state UNUSED)
{
	struct fix *f = start(0);
	char at[32];

	for (int i = 0; i < CONNS; i++) {
		snprintf(at, sizeof(at), "0.0.0.0:%d", 1000 + i);
		f->in[i] = world_bound(f->w.server, at);
		snprintf(at, sizeof(at), "10.0.0.2:%d", 1000 + i);
		f->out[i] = world_socket(f->w.client, WEFT_SOCK_DGRAM, 0);
		assert_int_equal(world_connect(f->out[i], at), 0);
	}
	assert_allocates_nothing(f, datagrams_round);
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(messages_of_many_connections_allocate_nothing),
		in_both_families(a_bulk_transfer_allocates_nothing),
		in_both_families(zero_copy_allocates_nothing),
		in_both_families(datagrams_allocate_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
