/* SPDX-License-Identifier: MIT */
/* Two engines, each with a thread of its own, and a cable between them (meant to run under TSan).
 */
#include "weft/cable.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "unit.h"
#include "weft/blocking.h"
#include "weft/weft.h"

enum {
	BULK_BYTES = 8 << 20,
	N_ROUNDS = 300,
	N_FLOODS = 2000,
};

struct side {
	struct weft_thread *t;
	struct weft_stack *st;
	struct weft_netif *nif;
	struct weft_cable *cable;
	int end;
};

struct fix {
	struct side sides[2]; /* 10.0.0.1, 10.0.0.2 */
	struct weft_bsock *listener, *client, *server;
};

static int build(struct weft_engine *eng, struct weft_loop *loop UNUSED, void *arg)
{
	struct side *s = arg;
	struct weft_addr a4 = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, (uint8_t)(s->end + 1)}};
	struct weft_addr a6;
	int err = weft_addr_parse(s->end ? "2001:db8::2" : "2001:db8::1", &a6);

	if (!err)
		err = weft_stack_new(eng, s->end ? "b" : "a", &s->st);
	if (!err)
		err = weft_cable_plug(s->cable, s->end, s->st, "eth0", &s->nif);
	if (!err)
		err = weft_addr_add(s->nif, &a4, 24);
	return err ? err : weft_addr_add(s->nif, &a6, 64);
}

static int demolish(struct weft_engine *eng, struct weft_loop *loop UNUSED, void *arg)
{
	struct weft_engine_stats stats;
	struct side *s = arg;

	weft_stack_free(s->st);
	weft_engine_stats(eng, &stats);
	return stats.pkts_used || stats.bufs_used ? -EBUSY : 0;
}

static int setup(void **state)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy};
	struct fix *f = calloc(1, sizeof(*f));
	struct weft_cable *cable;

	assert_non_null(f);
	assert_int_equal(weft_cable_new(NULL, &cable), 0);
	for (int i = 0; i < 2; i++) {
		struct side *s = &f->sides[i];

		s->end = i;
		s->cable = cable;
		assert_int_equal(weft_thread_new(&cfg, &s->t), 0);
		assert_int_equal(weft_thread_call(s->t, build, s), 0);
	}
	weft_cable_free(cable);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	weft_b_close(f->listener);
	weft_b_close(f->client);
	weft_b_close(f->server);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(weft_thread_call(f->sides[i].t, demolish, &f->sides[i]), 0);
		weft_thread_free(f->sides[i].t);
	}
	free(f);
	return 0;
}

static void connected(struct fix *f, const char *at)
{
	struct side *a = &f->sides[0], *b = &f->sides[1];
	struct weft_sockaddr sa, peer;

	assert_int_equal(weft_sockaddr_parse(at, &sa), 0);
	assert_int_equal(
		weft_b_socket(b->t, b->st, sa.addr.family, WEFT_SOCK_STREAM, 0, &f->listener), 0);
	assert_int_equal(weft_b_bind(f->listener, &sa), 0);
	assert_int_equal(weft_b_listen(f->listener, 16), 0);
	assert_int_equal(
		weft_b_socket(a->t, a->st, sa.addr.family, WEFT_SOCK_STREAM, 0, &f->client), 0);
	assert_int_equal(weft_b_connect(f->client, &sa), 0);
	assert_int_equal(weft_b_accept(f->listener, &f->server, &peer), 0);
}

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)(at * 7 + (at >> 16));
}

static void *sender(void *arg)
{
	static _Thread_local uint8_t buf[100000];
	struct weft_bsock *s = arg;

	for (uint64_t done = 0; done < BULK_BYTES;) {
		size_t n = BULK_BYTES - done < sizeof(buf) ? BULK_BYTES - done : sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(done + i);
		if (weft_b_send(s, buf, n, 0) != (ptrdiff_t)n)
			return s;
		done += n;
	}
	return NULL;
}

static uint64_t n_wrong_received(struct weft_bsock *s)
{
	static uint8_t buf[100000];
	uint64_t done = 0, n_wrong = 0;

	while (done < BULK_BYTES) {
		ptrdiff_t n = weft_b_recv(s, buf, sizeof(buf), 0);

		if (n <= 0)
			return UINT64_MAX;
		for (ptrdiff_t i = 0; i < n; i++)
			n_wrong += buf[i] != pattern(done + (uint64_t)i);
		done += (uint64_t)n;
	}
	return n_wrong;
}

static void stream_crosses_whole_both_ways(void **state)
{
	struct fix *f = *state;
	pthread_t thread;
	void *failed;

	connected(f, "10.0.0.2:80");
	for (int way = 0; way < 2; way++) {
		assert_int_equal(pthread_create(&thread, NULL, sender, way ? f->server : f->client),
				 0);
		assert_int_equal(n_wrong_received(way ? f->client : f->server), 0);
		assert_int_equal(pthread_join(thread, &failed), 0);
		assert_null(failed);
	}
}

/* Each engine sleeps in between. */
static void messages_to_and_fro_wake_the_other_engine(void **state)
{
	struct fix *f = *state;
	uint8_t byte = 0;

	connected(f, "[2001:db8::2]:80");
	for (int i = 0; i < N_ROUNDS; i++) {
		assert_int_equal(weft_b_send(f->client, &byte, 1, 0), 1);
		assert_int_equal(weft_b_recv(f->server, &byte, 1, 0), 1);
		byte++;
		assert_int_equal(weft_b_send(f->server, &byte, 1, 0), 1);
		assert_int_equal(weft_b_recv(f->client, &byte, 1, 0), 1);
		assert_int_equal(byte, (uint8_t)(i + 1));
	}
}

static void *flood(void *arg)
{
	const struct weft_sockaddr to = {.addr = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, 2}},
					 .port = 9};
	struct side *a = arg;
	uint8_t bytes[1000] = {0};
	struct weft_bsock *s;

	if (weft_b_socket(a->t, a->st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s))
		return arg;
	for (int i = 0; i < N_FLOODS; i++)
		(void)weft_b_sendto(s, bytes, sizeof(bytes), 0, &to);
	weft_b_close(s);
	return NULL;
}

/* The teardown finds all pools empty. */
static void engine_that_goes_amid_traffic_leaves_the_other_alone(void **state)
{
	struct fix *f = *state;
	struct side *b = &f->sides[1];
	struct weft_engine_config cfg = {.entropy = weft_io_entropy};
	pthread_t thread;
	void *failed;

	assert_int_equal(pthread_create(&thread, NULL, flood, &f->sides[0]), 0);
	assert_int_equal(weft_thread_call(b->t, demolish, b), 0);
	weft_thread_free(b->t);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	assert_int_equal(weft_thread_new(&cfg, &b->t), 0);
	b->st = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stream_crosses_whole_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_to_and_fro_wake_the_other_engine, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			engine_that_goes_amid_traffic_leaves_the_other_alone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
