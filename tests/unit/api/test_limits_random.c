/* SPDX-License-Identifier: MIT */
/*
 * Sockets of several owners that come, go, change hands and move data at random, with limits that
 * change: what a stack counts for each owner and peer is at all times what its sockets have.
 */
#include "base/compiler.h"
#include "prng.h"
#include "transport/sock_table.h"
#include "weft/limit.h"
#include "world.h"

enum {
	N_STEPS = 6000,
	N_OWNERS = 5, /* 0: nobody */
	N_SOCKS = 40,
	N_LISTENERS = 3,
	PORT = 80,
	SEND_MAX = 30000,
};

struct fix {
	struct world w;
	struct prng prng;
	struct weft_sock *listeners[N_LISTENERS];
	struct weft_sock *socks[N_SOCKS]; /* of either stack; NULL: none */
};

struct sums {
	uint32_t n_socks[N_OWNERS];
	uint64_t n_bytes[N_OWNERS];
};

static void sum_sock(struct sums *sums, const struct sock *sk)
{
	struct sock_diag diag = {.mem_bytes = 0};
	uint32_t owner = sock_owner(sk);

	assert_in_range(owner, 0, N_OWNERS - 1);
	sk->proto->diag(sk, &diag);
	sums->n_socks[owner]++;
	sums->n_bytes[owner] += diag.mem_bytes;
}

static void check_usage(void *arg, const struct weft_usage *usage)
{
	struct sums *sums = arg;

	if (usage->owner == 0) { /* the whole stack */
		uint32_t n_socks = 0;
		uint64_t n_bytes = 0;

		for (uint32_t i = 0; i < N_OWNERS; i++) {
			n_socks += sums->n_socks[i];
			n_bytes += sums->n_bytes[i];
		}
		assert_int_equal(usage->n_socks, n_socks);
		assert_int_equal(usage->n_bytes, n_bytes);
		sums->n_socks[0] = 0;
		return;
	}
	assert_int_equal(usage->n_socks, sums->n_socks[usage->owner]);
	assert_int_equal(usage->n_bytes, sums->n_bytes[usage->owner]);
	sums->n_socks[usage->owner] = 0;
}

/* With a table of peers: as many as the scope's sockets that count for one. */
static void check_peers(const struct stack *st, const struct sock_scope *scope)
{
	struct htab_iter it = {.cursor = 0};
	const struct sock *sk;
	uint32_t n = 0, n_held = 0, n_peers = 0;

	if (!scope->peers.buckets) {
		assert_int_equal(scope->conf.max_per_peer, 0);
		return;
	}
	while (htab_iter_next(&scope->peers, &it))
		n_peers++;
	list_for_each (sk, &st->socks->all, link) {
		bool is_in = scope->id == 0 || sock_owner(sk) == scope->id;

		n_held += is_in && (sk->flags & SOCK_F_PEER);
		n += is_in;
	}
	assert_true(n_peers <= n_held && n_held <= n);
	assert_int_equal(n_peers > 0, n_held > 0);
}

static void check_stack(struct weft_stack *handle)
{
	const struct stack *st = (const struct stack *)(const void *)handle;
	struct sums sums = {.n_socks = {0}};
	const struct sock *sk;

	list_for_each (sk, &st->socks->all, link)
		sum_sock(&sums, sk);
	weft_stack_usage(handle, check_usage, &sums);
	for (uint32_t i = 0; i < N_OWNERS; i++) {
		const struct sock_scope *scope = sock_scope_find(st, i);

		assert_int_equal(sums.n_socks[i], 0); /* no owner was left out */
		if (scope)
			check_peers(st, scope);
	}
}

static uint32_t below(struct fix *f, uint32_t n)
{
	return (uint32_t)prng_below(&f->prng, n);
}

static struct weft_sock **any_slot(struct fix *f)
{
	return &f->socks[below(f, N_SOCKS)];
}

static struct weft_stack *any_stack(struct fix *f)
{
	return below(f, 2) ? f->w.client : f->w.server;
}

/* NULL: a limit said no. */
static struct weft_sock *bound_new(struct fix *f, struct weft_stack *st, int type)
{
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET};
	struct weft_sock *s;
	int err = weft_socket_for(st, below(f, N_OWNERS), WEFT_AF_INET, type, 0, &s);

	if (err) {
		assert_true(err == -EMFILE || err == -ENFILE);
		return NULL;
	}
	assert_int_equal(weft_bind(s, &any), 0);
	return s;
}

static void step_open(struct fix *f)
{
	struct weft_sock **s = any_slot(f);

	if (!*s)
		*s = bound_new(f, any_stack(f), WEFT_SOCK_DGRAM);
}

static void step_connect(struct fix *f)
{
	struct weft_sockaddr to = world_at("10.0.0.2:80");
	struct weft_sock **s = any_slot(f);

	if (*s)
		return;
	*s = bound_new(f, f->w.client, WEFT_SOCK_STREAM);
	to.port = (uint16_t)(PORT + below(f, N_LISTENERS));
	if (*s)
		(void)weft_connect(*s, &to);
}

static void step_accept(struct fix *f)
{
	struct weft_sock **s = any_slot(f);

	if (!*s && weft_accept(f->listeners[below(f, N_LISTENERS)], s, NULL))
		*s = NULL;
}

static void step_send(struct fix *f)
{
	static const uint8_t bytes[SEND_MAX];
	struct weft_sock *s = *any_slot(f), *to = *any_slot(f);
	struct weft_sockaddr sa;

	if (!s)
		return;
	if (weft_send(s, bytes, below(f, SEND_MAX), 0) != -EDESTADDRREQ || !to)
		return;
	assert_int_equal(weft_getsockname(to, &sa), 0);
	sa.addr = world_addr(below(f, 2) ? "10.0.0.1" : "10.0.0.2");
	(void)weft_sendto(s, bytes, below(f, 2000), 0, &sa);
}

static void step_recv(struct fix *f)
{
	static uint8_t buf[SEND_MAX];
	struct weft_sock *s = *any_slot(f);

	for (uint32_t n = below(f, 20); s && n-- && weft_recv(s, buf, sizeof(buf), 0) > 0;)
		;
}

static void step_owner(struct fix *f)
{
	struct weft_sock *s = below(f, 8) ? *any_slot(f) : f->listeners[below(f, N_LISTENERS)];
	int owner = (int)below(f, N_OWNERS);

	if (s)
		(void)weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_OWNER, &owner, sizeof(owner));
}

static void step_close(struct fix *f)
{
	struct weft_sock **s = any_slot(f);

	if (below(f, 3))
		weft_close(*s);
	else
		weft_abort(*s);
	*s = NULL;
}

static void step_limit(struct fix *f)
{
	struct weft_limits l = {
		.max_socks = below(f, 2) ? 0 : 5 + below(f, 20),
		.max_conns_per_peer = below(f, 3) ? 1 + below(f, 9) : 0,
		.conns_per_s = below(f, 2),
		.conns_burst = 1 + below(f, 3),
		.max_bytes = below(f, 2) ? 0 : 10000 + below(f, 300000),
		.peer_len4 = (uint8_t)below(f, 33),
		.resets = below(f, 2),
	};

	assert_int_equal(
		weft_stack_limits_set(any_stack(f), below(f, N_OWNERS), below(f, 4) ? &l : NULL),
		0);
}

static void step_time(struct fix *f)
{
	if (below(f, 2))
		world_settle(&f->w);
	else
		world_advance(&f->w, (int64_t)below(f, 1500) * WORLD_MSEC);
}

/* All limits have had their say, or the test would prove nothing. */
static void check_refusals(const struct fix *f)
{
	static const char *const names[] = {"SockLimitSockets", "SockLimitBytes", "SockLimitPeer",
					    "SockLimitRate", "TcpPassiveOpens"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(weft_stack_counter(f->w.client, names[i]) +
				    weft_stack_counter(f->w.server, names[i]) >
			    5);
}

static void what_is_counted_is_what_sockets_have(void **state UNUSED)
{
	static void (*const steps[])(struct fix *) = {
		step_open,  step_connect, step_connect, step_accept, step_accept,
		step_send,  step_send,    step_recv,    step_recv,   step_owner,
		step_close, step_limit,   step_time,    step_time,
	};
	static struct fix f;

	world_start(&f.w);
	f.prng = prng_make();
	for (uint32_t i = 0; i < N_LISTENERS; i++) {
		struct weft_sockaddr at = world_at("0.0.0.0:80");

		at.port = (uint16_t)(PORT + i);
		assert_int_equal(weft_socket_for(f.w.server, i, WEFT_AF_INET, WEFT_SOCK_STREAM, 0,
						 &f.listeners[i]),
				 0);
		assert_int_equal(weft_bind(f.listeners[i], &at), 0);
		assert_int_equal(weft_listen(f.listeners[i], 8), 0);
	}
	for (uint32_t i = 0; i < N_STEPS; i++) {
		steps[below(&f, ARRAY_SIZE(steps))](&f);
		check_stack(f.w.client);
		check_stack(f.w.server);
	}
	check_refusals(&f);
	for (uint32_t i = 0; i < N_LISTENERS; i++)
		weft_close(f.listeners[i]);
	for (uint32_t i = 0; i < N_SOCKS; i++)
		weft_abort(f.socks[i]);
	world_advance(&f.w, 100 * WORLD_SEC);
	check_stack(f.w.client);
	check_stack(f.w.server);
	world_end(&f.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_counted_is_what_sockets_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
