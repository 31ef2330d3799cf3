/* SPDX-License-Identifier: MIT */
/*
 * A sharded server of two engines, each on a thread of its own, and a client on a third (meant to
 * run under TSan).
 *
 *	client 10.0.0.1 --cable-- front ==uplink== shard 0 --rings-- shard 1, both 10.0.0.2
 */
#include "weft/shard.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "unit.h"
#include "weft/blocking.h"
#include "weft/cable.h"
#include "weft/weft.h"

enum {
	N_SHARDS = 2,
	N_CONNS = 200,
	N_CLIENTS = 4, /* threads */
	BYTES = 2000,
};

struct shard_thread {
	struct weft_thread *t;
	struct weft_stack *st, *front;
	struct weft_shards *node;
	struct weft_cable *cable; /* shard 0 only */
	uint32_t index;
	struct weft_bsock *listener;
	pthread_t server;
	int n_served;
	_Atomic bool has_ended;
};

struct fix {
	struct shard_thread shards[N_SHARDS];
	struct weft_thread *client_t;
	struct weft_stack *client;
	struct weft_cable *cable;
	bool has_limit;
};

static int addr_add(struct weft_netif *nif, uint8_t last)
{
	const struct weft_addr addr = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, last}};

	return weft_addr_add(nif, &addr, 24);
}

static int shard_build(struct weft_engine *eng, struct weft_loop *loop UNUSED, void *arg)
{
	struct shard_thread *s = arg;
	struct weft_netif *nif, *uplink;
	int err = weft_shard_new(s->node, s->index, eng, "server", &s->st);

	if (!err)
		err = weft_shard_port(s->st, 0, "eth0", &nif);
	if (!err)
		err = addr_add(nif, 2);
	if (err || !s->cable)
		return err;
	err = weft_stack_new(eng, "front", &s->front);
	if (!err)
		err = weft_cable_plug(s->cable, 1, s->front, "q0", &uplink);
	return err ? err : weft_shard_uplink(s->st, 0, uplink);
}

static int pools_are_empty(struct weft_engine *eng)
{
	struct weft_engine_stats stats;

	weft_engine_stats(eng, &stats);
	return stats.pkts_used || stats.bufs_used ? -EBUSY : 0;
}

static int shard_demolish(struct weft_engine *eng, struct weft_loop *loop UNUSED, void *arg)
{
	struct shard_thread *s = arg;

	weft_stack_free(s->front);
	weft_stack_free(s->st);
	s->front = s->st = NULL;
	return pools_are_empty(eng);
}

static int client_build(struct weft_engine *eng, struct weft_loop *loop UNUSED, void *arg)
{
	struct fix *f = arg;
	struct weft_netif *nif;
	int err = weft_stack_new(eng, "client", &f->client);

	if (!err)
		err = weft_cable_plug(f->cable, 0, f->client, "eth0", &nif);
	return err ? err : addr_add(nif, 1);
}

static int client_demolish(struct weft_engine *eng, struct weft_loop *loop UNUSED, void *arg)
{
	struct fix *f = arg;

	weft_stack_free(f->client);
	return pools_are_empty(eng);
}

static int setup(void **state)
{
	const struct weft_shards_config cfg = {.n_shards = N_SHARDS, .entropy = weft_io_entropy};
	const struct weft_engine_config engine = {.entropy = weft_io_entropy};
	struct fix *f = calloc(1, sizeof(*f));
	struct weft_shards *node;

	assert_non_null(f);
	assert_int_equal(weft_shards_new(&cfg, &node), 0);
	assert_int_equal(weft_cable_new(NULL, &f->cable), 0);
	for (uint32_t i = 0; i < N_SHARDS; i++) {
		struct shard_thread *s = &f->shards[i];

		s->node = node;
		s->index = i;
		s->cable = i ? NULL : f->cable;
		assert_int_equal(weft_thread_new(&engine, &s->t), 0);
		assert_int_equal(weft_thread_call(s->t, shard_build, s), 0);
	}
	assert_int_equal(weft_thread_new(&engine, &f->client_t), 0);
	assert_int_equal(weft_thread_call(f->client_t, client_build, f), 0);
	weft_cable_free(f->cable);
	weft_shards_free(node);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < N_SHARDS; i++) {
		assert_int_equal(weft_thread_call(f->shards[i].t, shard_demolish, &f->shards[i]),
				 0);
		weft_thread_free(f->shards[i].t);
	}
	assert_int_equal(weft_thread_call(f->client_t, client_demolish, f), 0);
	weft_thread_free(f->client_t);
	free(f);
	return 0;
}

static const struct weft_sockaddr server_at = {
	.addr = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, 2}}, .port = 80};

/* Echoes until its listener is cancelled. */
static void *serve(void *arg)
{
	struct shard_thread *s = arg;
	struct weft_bsock *conn;
	uint8_t buf[BYTES];

	while (weft_b_accept(s->listener, &conn, NULL) == 0) {
		ptrdiff_t n;

		while ((n = weft_b_recv(conn, buf, sizeof(buf), 0)) > 0)
			(void)weft_b_send(conn, buf, (size_t)n, 0);
		weft_b_close(conn);
		s->n_served++;
	}
	atomic_store(&s->has_ended, true);
	return NULL;
}

static void servers_start(struct fix *f)
{
	for (int i = 0; i < N_SHARDS; i++) {
		struct shard_thread *s = &f->shards[i];

		assert_int_equal(
			weft_b_socket(s->t, s->st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s->listener),
			0);
		assert_int_equal(weft_b_bind(s->listener, &server_at), 0);
		assert_int_equal(weft_b_listen(s->listener, N_CONNS), 0);
		assert_int_equal(pthread_create(&s->server, NULL, serve, s), 0);
	}
}

static void server_stop(struct shard_thread *s)
{
	/* It ends the call that is under way, if there is one. */
	while (!atomic_load(&s->has_ended)) {
		weft_b_cancel(s->listener);
		sched_yield();
	}
	assert_int_equal(pthread_join(s->server, NULL), 0);
	weft_b_close(s->listener);
}

/* One connection: what is sent comes back, or nothing does for two seconds: who waits for a shard
 * that has gone would otherwise wait for ever. */
static int echo(struct fix *f, uint8_t value)
{
	const struct weft_timeval limit = {.s = 2};
	uint8_t out[BYTES], in[BYTES];
	struct weft_bsock *s;
	int err = weft_b_socket(f->client_t, f->client, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s);

	if (err)
		return err;
	memset(out, value, sizeof(out));
	if (f->has_limit)
		err = weft_b_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_RCVTIMEO, &limit,
					sizeof(limit));
	if (!err)
		err = weft_b_connect(s, &server_at);
	if (!err && weft_b_send(s, out, sizeof(out), 0) != sizeof(out))
		err = -EIO;
	if (!err && weft_b_recv(s, in, sizeof(in), WEFT_MSG_WAITALL) != sizeof(in))
		err = -EIO;
	if (!err && memcmp(in, out, sizeof(in)) != 0)
		err = -EBADMSG;
	weft_b_close(s);
	return err;
}

static void *echoes(void *arg)
{
	struct fix *f = arg;
	int n_failed = 0;

	for (int i = 0; i < N_CONNS / N_CLIENTS; i++)
		n_failed += echo(f, (uint8_t)i) != 0;
	return n_failed ? arg : NULL;
}

static void connections_are_echoed_by_all_shards(void **state)
{
	struct fix *f = *state;
	pthread_t clients[N_CLIENTS];
	void *failed;

	servers_start(f);
	for (int i = 0; i < N_CLIENTS; i++)
		assert_int_equal(pthread_create(&clients[i], NULL, echoes, f), 0);
	for (int i = 0; i < N_CLIENTS; i++) {
		assert_int_equal(pthread_join(clients[i], &failed), 0);
		assert_null(failed);
	}
	for (int i = 0; i < N_SHARDS; i++)
		server_stop(&f->shards[i]);
	assert_int_equal(f->shards[0].n_served + f->shards[1].n_served, N_CONNS);
	for (int i = 0; i < N_SHARDS; i++)
		assert_true(f->shards[i].n_served > N_CONNS / 5);
}

/* Shard 1 goes while connections come: those that it had may fail, later ones do not. */
static void shard_that_goes_amid_connections_leaves_a_server(void **state)
{
	struct fix *f = *state;
	struct shard_thread *s = &f->shards[1];
	pthread_t client;

	f->has_limit = true;
	servers_start(f);
	assert_int_equal(pthread_create(&client, NULL, echoes, f), 0);
	server_stop(s);
	assert_int_equal(weft_thread_call(s->t, shard_demolish, s), 0);
	assert_int_equal(pthread_join(client, NULL), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(echo(f, 1), 0);
	server_stop(&f->shards[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(connections_are_echoed_by_all_shards, setup,
						teardown),
		cmocka_unit_test_setup_teardown(shard_that_goes_amid_connections_leaves_a_server,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
