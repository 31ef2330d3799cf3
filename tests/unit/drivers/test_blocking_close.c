/* SPDX-License-Identifier: MIT */
/* Blocking sockets: closes that wait (SO_LINGER), and batches of messages. */
#include "weft/blocking.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "unit.h"
#include "weft/weft.h"

#define MSEC INT64_C(1000000)
#define SEC  (1000 * MSEC)

struct bf {
	struct weft_thread *t;
	struct weft_stack *a, *b; /* 10.0.0.1, 10.0.0.2 */
	struct weft_bsock *client, *server;
	struct weft_sockaddr at;
	size_t n_sent;
};

static int build(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct bf *f = arg;
	struct weft_addr a = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, 1}};
	struct weft_addr b = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, 2}};
	struct weft_netif *na, *nb;

	(void)loop;
	if (weft_stack_new(eng, "a", &f->a) || weft_stack_new(eng, "b", &f->b) ||
	    weft_veth_new(f->a, "eth0", f->b, "eth0", &na, &nb) || weft_addr_add(na, &a, 24) ||
	    weft_addr_add(nb, &b, 24))
		return -ENOMEM;
	return 0;
}

static int demolish(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct bf *f = arg;

	(void)eng, (void)loop;
	weft_stack_free(f->a);
	weft_stack_free(f->b);
	return 0;
}

static struct weft_bsock *bsocket(struct bf *f, struct weft_stack *st, int type)
{
	struct weft_bsock *s;

	assert_int_equal(weft_b_socket(f->t, st, WEFT_AF_INET, type, 0, &s), 0);
	return s;
}

static int setup(void **state)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy};
	struct bf *f = calloc(1, sizeof(*f));
	struct weft_bsock *listener;

	assert_non_null(f);
	assert_int_equal(weft_thread_new(&cfg, &f->t), 0);
	assert_int_equal(weft_thread_call(f->t, build, f), 0);
	assert_int_equal(weft_sockaddr_parse("10.0.0.2:80", &f->at), 0);
	listener = bsocket(f, f->b, WEFT_SOCK_STREAM);
	assert_int_equal(weft_b_bind(listener, &f->at), 0);
	assert_int_equal(weft_b_listen(listener, 1), 0);
	f->client = bsocket(f, f->a, WEFT_SOCK_STREAM);
	assert_int_equal(weft_b_connect(f->client, &f->at), 0);
	assert_int_equal(weft_b_accept(listener, &f->server, NULL), 0);
	weft_b_close(listener);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct bf *f = *state;

	weft_b_close(f->client);
	weft_b_close(f->server);
	assert_int_equal(weft_thread_call(f->t, demolish, f), 0);
	weft_thread_free(f->t);
	free(f);
	return 0;
}

static void linger(struct weft_bsock *s, int time_s)
{
	struct weft_linger l = {.onoff = 1, .linger_s = time_s};

	assert_int_equal(weft_b_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &l, sizeof(l)), 0);
}

/* As much as both ends take while nobody reads. */
static void fill(struct bf *f)
{
	static const char bytes[65536];
	ptrdiff_t n;

	weft_b_set_nonblock(f->client, true);
	for (int tries = 0; tries < 20; tries++) {
		while ((n = weft_b_send(f->client, bytes, sizeof(bytes), 0)) > 0)
			f->n_sent += (size_t)n;
		assert_int_equal(n, -EAGAIN);
		usleep(5000);
	}
}

/* Bytes until the end, or the error. */
static void *read_all(void *arg)
{
	static char bytes[65536];
	struct bf *f = arg;
	ptrdiff_t n;
	size_t sum = 0;

	usleep(200 * 1000);
	while ((n = weft_b_recv(f->server, bytes, sizeof(bytes), 0)) > 0)
		sum += (size_t)n;
	return (void *)(intptr_t)(n < 0 ? n : (ptrdiff_t)sum);
}

static void *close_it(void *arg)
{
	struct bf *f = arg;

	weft_b_close(f->client);
	return NULL;
}

static int64_t close_takes(struct bf *f)
{
	int64_t start_ns = weft_io_now_ns();

	weft_b_close(f->client);
	f->client = NULL;
	return weft_io_now_ns() - start_ns;
}

static void close_that_lingers_waits_until_all_is_read(void **state)
{
	struct bf *f = *state;
	pthread_t reader;
	void *got;

	fill(f);
	linger(f->client, 60);
	assert_int_equal(pthread_create(&reader, NULL, read_all, f), 0);
	assert_true(close_takes(f) < 50 * SEC);
	assert_int_equal(pthread_join(reader, &got), 0);
	assert_int_equal((intptr_t)got, f->n_sent);
}

static void time_of_a_lingering_close_ends_and_nothing_is_lost(void **state)
{
	struct bf *f = *state;
	int64_t took_ns;

	fill(f);
	linger(f->client, 1);
	took_ns = close_takes(f);
	assert_true(took_ns >= SEC - 10 * MSEC);
	assert_int_equal((intptr_t)read_all(f), f->n_sent);
}

static void lingering_close_is_cancelled(void **state)
{
	struct bf *f = *state;
	pthread_t closer;

	fill(f);
	linger(f->client, 600);
	assert_int_equal(pthread_create(&closer, NULL, close_it, f), 0);
	usleep(100 * 1000);
	weft_b_cancel(f->client);
	assert_int_equal(pthread_join(closer, NULL), 0);
	f->client = NULL;
	assert_int_equal((intptr_t)read_all(f), f->n_sent);
}

static void close_with_nothing_to_wait_for_returns(void **state)
{
	struct bf *f = *state;

	linger(f->client, 600);
	linger(f->server, 600);
	assert_true(close_takes(f) < 300 * SEC);
	assert_int_equal((intptr_t)read_all(f), 0);
	weft_b_close(f->server); /* last of all: LAST-ACK */
	f->server = NULL;
}

static void unread_data_makes_a_lingering_close_a_reset(void **state)
{
	struct bf *f = *state;
	struct weft_b_pollfd fd = {.sock = f->client, .events = WEFT_IN};

	assert_int_equal(weft_b_send(f->server, "x", 1, 0), 1);
	assert_int_equal(weft_b_poll(f->t, &fd, 1, -1), 1);
	linger(f->client, 600);
	assert_true(close_takes(f) < 300 * SEC);
	assert_int_equal((intptr_t)read_all(f), -ECONNRESET);
}

static void linger_zero_resets(void **state)
{
	struct bf *f = *state;

	fill(f);
	linger(f->client, 0);
	assert_true(close_takes(f) < 300 * SEC);
	while (weft_b_recv(f->server, (char[4096]){0}, 4096, 0) > 0)
		;
	assert_int_equal(weft_b_send(f->server, "x", 1, 0), -EPIPE);
}

static void batches_go_and_come(void **state)
{
	struct bf *f = *state;
	struct weft_bsock *a = bsocket(f, f->a, WEFT_SOCK_DGRAM);
	struct weft_bsock *b = bsocket(f, f->b, WEFT_SOCK_DGRAM);
	char bytes[4][8] = {"a", "bb", "ccc", "dddd"};
	struct weft_iovec iov[4];
	struct weft_mmsghdr vec[4];

	assert_int_equal(weft_b_bind(b, &f->at), 0);
	assert_int_equal(weft_b_connect(a, &f->at), 0);
	for (size_t i = 0; i < 4; i++) {
		iov[i] = (struct weft_iovec){bytes[i], i + 1};
		vec[i] = (struct weft_mmsghdr){.hdr = {.iov = &iov[i], .n_iov = 1}};
	}
	assert_int_equal(weft_b_sendmmsg(a, vec, 3, 0), 3);
	assert_int_equal(vec[2].len, 3);
	for (size_t i = 0; i < 4; i++)
		iov[i].len = sizeof(bytes[i]);
	/* The fourth is not waited for. */
	assert_int_equal(weft_b_recvmmsg(b, vec, 4, WEFT_MSG_WAITFORONE), 3);
	assert_int_equal(vec[1].len, 2);
	assert_int_equal(weft_b_recvmmsg(b, vec, 4, WEFT_MSG_DONTWAIT), -EAGAIN);
	assert_int_equal(weft_b_sendmmsg(b, vec, 4, 0), -EDESTADDRREQ);
	assert_int_equal(weft_b_sendmmsg(a, vec, 0, 0), 0);
	weft_b_close(a);
	weft_b_close(b);
}

/* Of more than the send buffer holds: the queue of times is no error of the send. */
static void times_of_sending_do_not_end_a_send_that_waits(void **state)
{
	static const char bytes[4 << 20];
	struct bf *f = *state;
	int v = WEFT_SOF_TX_SOFTWARE | WEFT_SOF_TX_ACK | WEFT_SOF_SOFTWARE | WEFT_SOF_OPT_TSONLY;
	pthread_t reader;
	void *got;

	assert_int_equal(
		weft_b_setsockopt(f->client, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, &v, sizeof(v)),
		0);
	assert_int_equal(pthread_create(&reader, NULL, read_all, f), 0);
	assert_int_equal(weft_b_send(f->client, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_int_equal(weft_b_shutdown(f->client, WEFT_SHUT_WR), 0);
	assert_int_equal(pthread_join(reader, &got), 0);
	assert_int_equal((intptr_t)got, sizeof(bytes));
}

int main(void)
{
#define CLOSE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CLOSE(close_that_lingers_waits_until_all_is_read),
		CLOSE(time_of_a_lingering_close_ends_and_nothing_is_lost),
		CLOSE(lingering_close_is_cancelled),
		CLOSE(close_with_nothing_to_wait_for_returns),
		CLOSE(unread_data_makes_a_lingering_close_a_reset),
		CLOSE(linger_zero_resets),
		CLOSE(batches_go_and_come),
		CLOSE(times_of_sending_do_not_end_a_send_that_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
