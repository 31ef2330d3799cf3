/* SPDX-License-Identifier: MIT */
/*
 * One server on two cores: two stacks with one address (weft/shard.h), each run by a thread, and a
 * client on a third thread, joined to the first of them by a cable.
 *
 *	client 10.0.0.1 --cable-- front ==uplink== shard 0 --rings-- shard 1
 *	                                           10.0.0.2:80       10.0.0.2:80
 *
 * Prints how many of 100 connections each shard has served.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "weft/blocking.h"
#include "weft/weft.h"

enum {
	N_SHARDS = 2,
	N_CONNS = 100,
};

struct host {
	struct weft_thread *thread;
	struct weft_stack *st, *front;
	struct weft_shards *node; /* NULL: the client */
	struct weft_cable *cable; /* NULL: it has no end of it */
	uint32_t index;
	struct weft_bsock *listener;
	pthread_t server;
	int n_served;
	bool has_server;
	_Atomic bool has_ended;
};

static int address(struct weft_netif *nif, const char *text)
{
	struct weft_addr addr;
	int err = weft_addr_parse(text, &addr);

	return err ? err : weft_addr_add(nif, &addr, 24);
}

/* These run on the thread of the engine. */

static int client_build(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct host *h = arg;
	struct weft_netif *nif;
	int err = weft_stack_new(eng, "client", &h->st);

	(void)loop;
	if (!err)
		err = weft_cable_plug(h->cable, 0, h->st, "eth0", &nif);
	return err ? err : address(nif, "10.0.0.1");
}

/* What would be done in one stack is done in each; one of them has the uplink. */
static int shard_build(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct host *h = arg;
	struct weft_netif *nif, *uplink;
	int err = weft_shard_new(h->node, h->index, eng, "server", &h->st);

	(void)loop;
	if (!err)
		err = weft_shard_port(h->st, 0, "eth0", &nif);
	if (!err)
		err = address(nif, "10.0.0.2");
	if (err || !h->cable)
		return err;
	err = weft_stack_new(eng, "front", &h->front);
	if (!err)
		err = weft_cable_plug(h->cable, 1, h->front, "q0", &uplink);
	return err ? err : weft_shard_uplink(h->st, 0, uplink);
}

static int demolish(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct host *h = arg;

	(void)eng;
	(void)loop;
	weft_stack_free(h->front);
	weft_stack_free(h->st);
	return 0;
}

static int start(struct host *h)
{
	const struct weft_engine_config cfg = {.entropy = weft_io_entropy};
	int err = weft_thread_new(&cfg, &h->thread);

	return err ? err : weft_thread_call(h->thread, h->node ? shard_build : client_build, h);
}

static void end(struct host *h)
{
	if (!h->thread)
		return;
	(void)weft_thread_call(h->thread, demolish, h);
	weft_thread_free(h->thread);
}

static void *serve(void *arg)
{
	struct host *h = arg;
	struct weft_bsock *conn;

	while (weft_b_accept(h->listener, &conn, NULL) == 0) {
		(void)weft_b_send(conn, "hello\n", 6, 0);
		weft_b_close(conn);
		h->n_served++;
	}
	atomic_store(&h->has_ended, true);
	return NULL;
}

static int listen_at(struct host *h, const struct weft_sockaddr *at)
{
	int err = weft_b_socket(h->thread, h->st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &h->listener);

	if (!err)
		err = weft_b_bind(h->listener, at);
	if (!err)
		err = weft_b_listen(h->listener, N_CONNS);
	if (!err)
		err = -pthread_create(&h->server, NULL, serve, h);
	h->has_server = !err;
	return err;
}

static int ask(struct host *client, const struct weft_sockaddr *at)
{
	struct weft_bsock *s;
	char answer[6];
	int err = weft_b_socket(client->thread, client->st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s);

	if (err)
		return err;
	err = weft_b_connect(s, at);
	if (!err && weft_b_recv(s, answer, sizeof(answer), WEFT_MSG_WAITALL) != sizeof(answer))
		err = -EPROTO;
	weft_b_close(s);
	return err;
}

static int run(struct host *client, struct host *shards, const struct weft_sockaddr *at)
{
	int err = start(client);

	for (int i = 0; i < N_SHARDS && !err; i++) {
		err = start(&shards[i]);
		if (!err)
			err = listen_at(&shards[i], at);
	}
	for (int i = 0; i < N_CONNS && !err; i++)
		err = ask(client, at);
	for (int i = 0; i < N_SHARDS; i++) {
		if (!shards[i].listener)
			continue;
		/* It ends the call that is under way, if there is one. */
		while (shards[i].has_server && !atomic_load(&shards[i].has_ended)) {
			weft_b_cancel(shards[i].listener);
			(void)sched_yield();
		}
		if (shards[i].has_server)
			(void)pthread_join(shards[i].server, NULL);
		weft_b_close(shards[i].listener);
	}
	return err;
}

int main(void)
{
	const struct weft_shards_config cfg = {.n_shards = N_SHARDS, .entropy = weft_io_entropy};
	struct host client = {.index = 0}, shards[N_SHARDS] = {{.index = 0}, {.index = 1}};
	struct weft_sockaddr at;
	int err = weft_sockaddr_parse("10.0.0.2:80", &at);
	struct weft_cable *cable = NULL;
	struct weft_shards *node = NULL;

	if (!err)
		err = weft_cable_new(NULL, &cable);
	if (!err)
		err = weft_shards_new(&cfg, &node);
	if (!err) {
		client.cable = shards[0].cable = cable;
		shards[0].node = shards[1].node = node;
		err = run(&client, shards, &at);
	}
	for (int i = 0; i < N_SHARDS; i++)
		end(&shards[i]);
	end(&client);
	weft_cable_free(cable);
	weft_shards_free(node);
	if (err) {
		(void)fprintf(stderr, "shards: %s\n", strerror(-err));
		return 1;
	}
	(void)printf("served: %d by shard 0, %d by shard 1\n", shards[0].n_served,
		     shards[1].n_served);
	return shards[0].n_served + shards[1].n_served == N_CONNS ? 0 : 1;
}
