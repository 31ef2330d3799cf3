/* SPDX-License-Identifier: MIT */
/*
 * One engine and two, each on a CPU of its own: independent pairs of stacks (`scale`), and a server
 * with one address that is as many shards (`shard`).
 *
 * Each thread is a lane: an engine with clients and a server, whose connections carry a byte to and
 * fro. In `scale` a lane has two stacks of its own, joined by a veth. In `shard` each lane has a
 * shard of the server and one of the client, a node of the same kind, joined by a veth as a queue
 * of one card is to a queue of another; both nodes have the same key, as cards that hash alike, or
 * (`shard-cross`) another one each, so that half of what arrives belongs to the other lane.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "weft_side.h"

enum {
	LANES_MAX = 2,
	LANE_CONNS = 16,
	LANE_BATCH = 64, /* round trips after which they are counted */
};

struct lane {
	struct engines *all;
	uint32_t index;
	pthread_t thread;
	struct weft_engine *eng;
	struct weft_stack *st[4]; /* client, server; in front of them */
	struct weft_sock *listener;
	uint32_t n_connected, n_ops;
};

struct engines {
	struct gauge *gauge;
	const struct engines_what *what;
	struct weft_shards *clients, *servers;
	struct weft_sockaddr at;
	_Atomic uint32_t n_built, n_connected, n_done; /* lanes */
	struct lane lanes[LANES_MAX];
};

static void on_server(struct weft_sock *s, void *arg, uint32_t events)
{
	uint8_t byte;

	(void)arg;
	(void)events;
	while (weft_recv(s, &byte, 1, 0) == 1)
		(void)weft_send(s, &byte, 1, 0);
}

static void on_listener(struct weft_sock *s, void *arg, uint32_t events)
{
	struct weft_sock *conn;
	int one = 1;

	(void)events;
	while (weft_accept(s, &conn, NULL) == 0) {
		must(weft_setsockopt(conn, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &one, sizeof(one)),
		     "TCP_NODELAY");
		weft_on_event(conn, on_server, arg);
	}
}

static void on_client(struct weft_sock *s, void *arg, uint32_t events)
{
	struct lane *lane = arg;
	uint8_t byte;

	if ((events & (WEFT_ERR | WEFT_HUP)) && !gauge_is_stopping(lane->all->gauge))
		die("connection", -ECONNRESET);
	if (lane->n_connected < LANE_CONNS && weft_recv(s, &byte, 1, 0) == -EAGAIN) {
		lane->n_connected++;
		(void)weft_send(s, "b", 1, 0);
		return;
	}
	while (weft_recv(s, &byte, 1, 0) == 1) {
		(void)weft_send(s, &byte, 1, 0);
		if (++lane->n_ops % LANE_BATCH == 0)
			atomic_fetch_add_explicit(&lane->all->gauge->n_ops, LANE_BATCH,
						  memory_order_relaxed);
	}
}

/* A card's queue: a stack without an address, one end of a veth in it. */
static void shard_build(struct lane *lane, int which, struct weft_shards *node, const char *prefix,
			struct weft_netif *queue)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, (uint8_t)(1 + which)}; /* not of the key, as both */
	struct weft_netif *nif;

	must(weft_shard_new(node, lane->index, lane->eng, which ? "server" : "client",
			    &lane->st[which]),
	     "shard");
	must(weft_shard_port(lane->st[which], 0, "eth0", &nif), "port");
	weft_netif_set_mac(nif, mac);
	side_address(nif, prefix);
	must(weft_shard_uplink(lane->st[which], 0, queue), "uplink");
}

static void lane_build(struct lane *lane)
{
	struct engines *all = lane->all;
	struct weft_netif *a, *b;

	lane->eng = side_engine();
	if (!all->what->is_sharded) {
		lane->st[0] = side_stack(lane->eng, "client");
		lane->st[1] = side_stack(lane->eng, "server");
		must(weft_veth_new(lane->st[0], "eth0", lane->st[1], "eth0", &a, &b), "veth");
		side_address(a, "10.0.0.1/24");
		side_address(b, "10.0.0.2/24");
		return;
	}
	lane->st[2] = side_stack(lane->eng, "client-queue");
	lane->st[3] = side_stack(lane->eng, "server-queue");
	must(weft_veth_new(lane->st[2], "q", lane->st[3], "q", &a, &b), "veth");
	shard_build(lane, 0, all->clients, "10.0.0.1/24", a);
	shard_build(lane, 1, all->servers, "10.0.0.2/24", b);
}

static void lane_listen(struct lane *lane)
{
	must(weft_socket(lane->st[1], WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &lane->listener),
	     "socket");
	must(weft_bind(lane->listener, &lane->all->at), "bind");
	must(weft_listen(lane->listener, LANES_MAX * LANE_CONNS), "listen");
	weft_on_event(lane->listener, on_listener, lane);
}

static void lane_connect(struct lane *lane)
{
	for (int i = 0; i < LANE_CONNS; i++) {
		struct weft_sock *s;
		int one = 1;
		int err;

		must(weft_socket(lane->st[0], WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s), "socket");
		must(weft_setsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &one, sizeof(one)),
		     "TCP_NODELAY");
		weft_on_event(s, on_client, lane);
		err = weft_connect(s, &lane->all->at);
		if (err != -EINPROGRESS)
			must(err, "connect");
	}
}

/* The nth CPU that this process may use; where there are not enough, several lanes share one. */
static void lane_pin(const struct lane *lane)
{
	cpu_set_t mine, one;
	uint32_t left;

	if (sched_getaffinity(0, sizeof(mine), &mine) < 0)
		return;
	left = lane->index % (uint32_t)CPU_COUNT(&mine);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &mine) || left-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
		return;
	}
}

static void wait_for_all(_Atomic uint32_t *n, uint32_t wanted)
{
	atomic_fetch_add(n, 1);
	while (atomic_load(n) < wanted)
		sched_yield();
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	struct engines *all = lane->all;
	bool was_connected = false;

	lane_pin(lane);
	lane_build(lane);
	lane_listen(lane);
	wait_for_all(&all->n_built, all->what->n_engines);
	lane_connect(lane);
	while (!gauge_is_stopping(all->gauge)) {
		side_run(lane->eng);
		if (!was_connected && lane->n_connected == LANE_CONNS) {
			was_connected = true;
			if (atomic_fetch_add(&all->n_connected, 1) + 1 == all->what->n_engines)
				gauge_ready(all->gauge);
		}
	}
	wait_for_all(&all->n_done, all->what->n_engines);
	for (int i = 0; i < 4; i++)
		weft_stack_free(lane->st[i]);
	weft_engine_free(lane->eng);
	return NULL;
}

static struct weft_shards *node_new(const struct engines_what *what, uint64_t seed)
{
	const struct weft_shards_config cfg = {
		.n_shards = what->n_engines, .has_seed = true, .seed = seed};
	struct weft_shards *node;

	must(weft_shards_new(&cfg, &node), "node");
	return node;
}

void weft_engines(struct gauge *g, const void *arg)
{
	struct engines *all = calloc(1, sizeof(*all));

	if (!all)
		die("memory", -ENOMEM);
	all->gauge = g;
	all->what = arg;
	side_sockaddr(&all->at, "10.0.0.2", BENCH_PORT);
	if (all->what->is_sharded) {
		all->clients = node_new(all->what, 1);
		all->servers = node_new(all->what, all->what->is_crossing ? 2 : 1);
	}
	for (uint32_t i = 0; i < all->what->n_engines; i++) {
		all->lanes[i].all = all;
		all->lanes[i].index = i;
		must(-pthread_create(&all->lanes[i].thread, NULL, lane_main, &all->lanes[i]),
		     "thread");
	}
	for (uint32_t i = 0; i < all->what->n_engines; i++)
		(void)pthread_join(all->lanes[i].thread, NULL);
	weft_shards_free(all->clients);
	weft_shards_free(all->servers);
	free(all);
}
