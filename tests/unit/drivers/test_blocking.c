/* SPDX-License-Identifier: MIT */
/* Blocking sockets: two stacks on an engine's thread, calls from others. */
#include "weft/blocking.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "unit.h"
#include "weft/weft.h"

enum {
	N_THREADS = 8,
	N_ROUNDS = 200,
	BULK_BYTES = 4 << 20,
};

#define MSEC INT64_C(1000000)
#define SEC  (1000 * MSEC)

struct bf {
	struct weft_thread *t;
	struct weft_stack *a, *b; /* 10.0.0.1, 10.0.0.2 */
	struct weft_bsock *listener, *client, *server;
	struct weft_sockaddr at;
};

static int build(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct bf *f = arg;
	struct weft_addr a = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, 1}};
	struct weft_addr b = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, 2}};
	struct weft_netif *na, *nb;

	assert_non_null(loop);
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

static int setup(void **state)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy};
	struct bf *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(weft_thread_new(&cfg, &f->t), 0);
	assert_int_equal(weft_thread_call(f->t, build, f), 0);
	assert_int_equal(weft_sockaddr_parse("10.0.0.2:80", &f->at), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct bf *f = *state;

	weft_b_close(f->listener);
	weft_b_close(f->client);
	weft_b_close(f->server);
	assert_int_equal(weft_thread_call(f->t, demolish, f), 0);
	weft_thread_free(f->t);
	free(f);
	return 0;
}

static struct weft_bsock *bsocket(struct bf *f, struct weft_stack *st, int type)
{
	struct weft_bsock *s;

	assert_int_equal(weft_b_socket(f->t, st, WEFT_AF_INET, type, 0, &s), 0);
	return s;
}

static void listen_at(struct bf *f)
{
	f->listener = bsocket(f, f->b, WEFT_SOCK_STREAM);
	assert_int_equal(weft_b_bind(f->listener, &f->at), 0);
	assert_int_equal(weft_b_listen(f->listener, 128), 0);
}

static void connected(struct bf *f)
{
	struct weft_sockaddr peer, me;

	listen_at(f);
	f->client = bsocket(f, f->a, WEFT_SOCK_STREAM);
	assert_int_equal(weft_b_connect(f->client, &f->at), 0);
	assert_int_equal(weft_b_accept(f->listener, &f->server, &peer), 0);
	assert_int_equal(weft_b_getsockname(f->client, &me), 0);
	assert_int_equal(me.port, peer.port);
}

static void set_timeout(struct weft_bsock *s, int name, int64_t us)
{
	struct weft_timeval tv = {.s = us / 1000000, .us = us % 1000000}, got = {.s = -1};
	size_t len = sizeof(got);

	assert_int_equal(weft_b_setsockopt(s, WEFT_SOL_SOCKET, name, &tv, sizeof(tv)), 0);
	assert_int_equal(weft_b_getsockopt(s, WEFT_SOL_SOCKET, name, &got, &len), 0);
	assert_int_equal(len, sizeof(got));
	assert_memory_equal(&got, &tv, sizeof(tv));
}

static pthread_t run(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
	return thread;
}

static intptr_t result_of(pthread_t thread)
{
	void *ret;

	assert_int_equal(pthread_join(thread, &ret), 0);
	return (intptr_t)ret;
}

static void connection_is_made_used_and_ended(void **state)
{
	struct bf *f = *state;
	char buf[16];

	connected(f);
	assert_int_equal(weft_b_send(f->client, "hello", 5, 0), 5);
	assert_int_equal(weft_b_recv(f->server, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(weft_b_shutdown(f->client, WEFT_SHUT_WR), 0);
	assert_int_equal(weft_b_recv(f->server, buf, sizeof(buf), 0), 0);
	assert_int_equal(weft_b_send(f->client, "x", 1, 0), -EPIPE);
}

static void refused_connection_says_so(void **state)
{
	struct bf *f = *state;
	int err = -1;
	size_t len = sizeof(err);

	f->client = bsocket(f, f->a, WEFT_SOCK_STREAM);
	assert_int_equal(weft_b_connect(f->client, &f->at), -ECONNREFUSED);
	assert_int_equal(weft_b_getsockopt(f->client, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len),
			 0);
	assert_int_equal(err, 0);
}

static void nobody_there_connect_ends_in_time(void **state)
{
	struct bf *f = *state;

	f->client = bsocket(f, f->a, WEFT_SOCK_STREAM);
	f->at.addr.bytes[3] = 77;
	set_timeout(f->client, WEFT_SO_SNDTIMEO, 20000);
	assert_int_equal(weft_b_connect(f->client, &f->at), -EINPROGRESS);
	assert_int_equal(weft_b_connect(f->client, &f->at), -EALREADY);
}

static void time_bounds_what_waits(void **state)
{
	struct bf *f = *state;
	static char big[1 << 20];
	struct weft_bsock *conn;
	struct weft_timeval bad = {.s = 0, .us = 1000000};
	int n_sends = 0;
	ptrdiff_t n;
	char c;

	connected(f);
	set_timeout(f->client, WEFT_SO_RCVTIMEO, 10000);
	assert_int_equal(weft_b_recv(f->client, &c, 1, 0), -EAGAIN);
	set_timeout(f->listener, WEFT_SO_RCVTIMEO, 10000);
	assert_int_equal(weft_b_accept(f->listener, &conn, NULL), -EAGAIN);
	set_timeout(f->client, WEFT_SO_SNDTIMEO, 300000);
	/* What has gone when the time is over is told; then nothing goes. */
	while ((n = weft_b_send(f->client, big, sizeof(big), 0)) > 0)
		assert_true(++n_sends < 64);
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(weft_b_setsockopt(f->client, WEFT_SOL_SOCKET, WEFT_SO_SNDTIMEO, &bad, 4),
			 -EINVAL);
}

static void nonblocking_calls_do_not_wait(void **state)
{
	struct bf *f = *state;
	struct weft_bsock *conn;
	char c;

	connected(f);
	assert_int_equal(weft_b_recv(f->client, &c, 1, WEFT_MSG_DONTWAIT), -EAGAIN);
	weft_b_set_nonblock(f->listener, true);
	assert_int_equal(weft_b_accept(f->listener, &conn, NULL), -EAGAIN);
	weft_b_close(f->client);
	f->client = bsocket(f, f->a, WEFT_SOCK_STREAM);
	weft_b_set_nonblock(f->client, true);
	assert_int_equal(weft_b_connect(f->client, &f->at), -EINPROGRESS);
}

struct waiter {
	struct weft_bsock *s;
	_Atomic int n_done;
	char c;
};

static void *recv_one(void *arg)
{
	struct waiter *w = arg;
	char c;
	ptrdiff_t n = weft_b_recv(w->s, &c, 1, 0);

	w->n_done++;
	return (void *)(intptr_t)n;
}

static void waiting_calls_are_cancelled(void **state)
{
	struct bf *f = *state;
	pthread_t threads[N_THREADS];
	struct waiter w;

	connected(f);
	w.s = f->client;
	w.n_done = 0;
	for (int i = 0; i < N_THREADS; i++)
		threads[i] = run(recv_one, &w);
	while (w.n_done < N_THREADS) {
		weft_b_cancel(f->client);
		usleep(1000);
	}
	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(result_of(threads[i]), -ECANCELED);
}

static void *recv_two(void *arg)
{
	char buf[2];

	return (void *)(intptr_t)weft_b_recv(arg, buf, sizeof(buf), WEFT_MSG_WAITALL);
}

static void closed_socket_ends_the_calls_that_wait_for_it(void **state)
{
	struct bf *f = *state;
	struct weft_b_pollfd fd;
	pthread_t thread;
	int n_left = 1;

	connected(f);
	assert_int_equal(weft_b_send(f->client, "x", 1, 0), 1);
	fd = (struct weft_b_pollfd){.sock = f->server, .events = WEFT_IN};
	assert_int_equal(weft_b_poll(f->t, &fd, 1, -1), 1);
	thread = run(recv_two, f->server);
	/* Once it has taken the first byte, it waits for the second. */
	while (n_left) {
		assert_int_equal(weft_b_ioctl(f->server, WEFT_SIOCINQ, &n_left), 0);
		usleep(1000);
	}
	weft_b_close(f->server);
	f->server = NULL;
	assert_int_equal(result_of(thread), 1); /* what it had */
}

static void *send_bulk(void *arg)
{
	char *bytes = malloc(BULK_BYTES);
	ptrdiff_t n;

	assert_non_null(bytes);
	for (size_t i = 0; i < BULK_BYTES; i++)
		bytes[i] = (char)(i % 251);
	n = weft_b_send(arg, bytes, BULK_BYTES, 0);
	free(bytes);
	return (void *)(intptr_t)n;
}

static void send_waits_until_all_is_taken(void **state)
{
	struct bf *f = *state;
	char *bytes = malloc(BULK_BYTES);
	pthread_t sender;

	assert_non_null(bytes);
	connected(f);
	sender = run(send_bulk, f->client);
	assert_int_equal(weft_b_recv(f->server, bytes, BULK_BYTES, WEFT_MSG_WAITALL), BULK_BYTES);
	for (size_t i = 0; i < BULK_BYTES; i++)
		if (bytes[i] != (char)(i % 251))
			fail_msg("byte %zu", i);
	assert_int_equal(result_of(sender), BULK_BYTES);
	free(bytes);
}

static void waitall_gives_what_came_before_the_end(void **state)
{
	struct bf *f = *state;
	char buf[8];

	connected(f);
	assert_int_equal(weft_b_send(f->client, "abc", 3, 0), 3);
	weft_b_close(f->client);
	f->client = NULL;
	assert_int_equal(weft_b_recv(f->server, buf, sizeof(buf), WEFT_MSG_WAITALL), 3);
	assert_int_equal(weft_b_recv(f->server, buf, sizeof(buf), WEFT_MSG_WAITALL), 0);
}

static void *send_soon(void *arg)
{
	usleep(20000);
	return (void *)(intptr_t)weft_b_send(arg, "x", 1, 0);
}

static void poll_waits_for_any_of_its_sockets(void **state)
{
	struct bf *f = *state;
	struct weft_b_pollfd fds[3];
	pthread_t sender;

	connected(f);
	fds[0] = (struct weft_b_pollfd){.sock = f->listener, .events = WEFT_IN};
	fds[1] = (struct weft_b_pollfd){.sock = NULL, .events = WEFT_IN, .revents = 7};
	fds[2] = (struct weft_b_pollfd){.sock = f->server, .events = WEFT_IN};
	assert_int_equal(weft_b_poll(f->t, fds, 3, 0), 0);
	assert_int_equal(weft_b_poll(f->t, fds, 3, 5 * MSEC), 0);
	assert_int_equal(weft_b_poll(f->t, NULL, 0, 5 * MSEC), 0);
	sender = run(send_soon, f->client);
	assert_int_equal(weft_b_poll(f->t, fds, 3, -1), 1);
	assert_int_equal(fds[0].revents, 0);
	assert_int_equal(fds[1].revents, 0);
	assert_int_equal(fds[2].revents, WEFT_IN);
	assert_int_equal(result_of(sender), 1);
}

static void *recv_all_soon(void *arg)
{
	static char buf[1 << 16];
	ptrdiff_t n, total = 0;

	usleep(20000);
	while ((n = weft_b_recv(arg, buf, sizeof(buf), 0)) > 0)
		total += n;
	return (void *)(intptr_t)total;
}

/* No send was refused: it is an option that made it so. */
static void poll_waits_for_room_that_an_option_took(void **state)
{
	static char bytes[1 << 20];
	int big = sizeof(bytes), small = 4096, buf = 8192;
	struct bf *f = *state;
	struct weft_b_pollfd fd;
	pthread_t reader;

	connected(f);
	assert_int_equal(
		weft_b_setsockopt(f->server, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, &buf, sizeof(buf)),
		0);
	assert_int_equal(
		weft_b_setsockopt(f->client, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, &big, sizeof(big)),
		0);
	assert_int_equal(weft_b_send(f->client, bytes, 200000, 0), 200000);
	assert_int_equal(weft_b_setsockopt(f->client, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, &small,
					   sizeof(small)),
			 0);
	fd = (struct weft_b_pollfd){.sock = f->client, .events = WEFT_OUT};
	assert_int_equal(weft_b_poll(f->t, &fd, 1, 0), 0);
	reader = run(recv_all_soon, f->server);
	assert_int_equal(weft_b_poll(f->t, &fd, 1, 20 * SEC), 1);
	assert_int_equal(weft_b_shutdown(f->client, WEFT_SHUT_WR), 0);
	assert_int_equal(result_of(reader), 200000);
}

static void pollset_waits_too(void **state)
{
	struct bf *f = *state;
	struct weft_bpollset *set;
	struct weft_poll_event ev[2];
	pthread_t sender;

	connected(f);
	assert_int_equal(weft_b_pollset_new(f->t, &set), 0);
	assert_int_equal(weft_b_pollset_add(set, f->server, WEFT_IN | WEFT_ET, 42), 0);
	assert_int_equal(weft_b_pollset_add(set, f->server, WEFT_IN | WEFT_ET, 42), -EEXIST);
	assert_int_equal(weft_b_pollset_wait(set, ev, 0, 0), -EINVAL);
	assert_int_equal(weft_b_pollset_wait(set, ev, 2, 5 * MSEC), 0);
	sender = run(send_soon, f->client);
	assert_int_equal(weft_b_pollset_wait(set, ev, 2, -1), 1);
	assert_int_equal(ev[0].data, 42);
	assert_int_equal(ev[0].events, WEFT_IN);
	assert_int_equal(weft_b_pollset_wait(set, ev, 2, 0), 0);
	assert_int_equal(weft_b_pollset_mod(set, f->server, WEFT_OUT, 43), 0);
	assert_int_equal(weft_b_pollset_wait(set, ev, 2, 0), 1);
	assert_int_equal(weft_b_pollset_del(set, f->server), 0);
	assert_int_equal(weft_b_pollset_del(set, f->server), -ENOENT);
	assert_int_equal(result_of(sender), 1);
	weft_b_pollset_free(set);
}

static void datagrams_wait_too(void **state)
{
	struct bf *f = *state;
	struct weft_sockaddr from;
	char buf[8];

	f->server = bsocket(f, f->b, WEFT_SOCK_DGRAM);
	f->client = bsocket(f, f->a, WEFT_SOCK_DGRAM);
	assert_int_equal(weft_b_bind(f->server, &f->at), 0);
	assert_int_equal(weft_b_sendto(f->client, "abc", 3, 0, &f->at), 3);
	assert_int_equal(weft_b_recvfrom(f->server, buf, sizeof(buf), 0, &from), 3);
	assert_int_equal(from.addr.bytes[3], 1);
	assert_int_equal(weft_b_sendto(f->server, "", 0, 0, &from), 0);
	assert_int_equal(weft_b_recv(f->client, buf, sizeof(buf), 0), 0);
}

/* What pthread_cancel(3) asks for waits until the call is over: it is on the thread's stack. (This
 * one has no arrays there: ASan does not see the thread unwind it.) */
static void *recv_then_test_cancel(void *arg)
{
	struct waiter *w = arg;

	w->n_done = (int)weft_b_recv(w->s, &w->c, 1, 0);
	pthread_testcancel();
	return NULL;
}

static void cancelled_thread_ends_when_its_call_has(void **state)
{
	struct bf *f = *state;
	pthread_t thread;
	struct waiter w;
	void *ret;

	connected(f);
	w.s = f->server;
	w.n_done = 0;
	thread = run(recv_then_test_cancel, &w);
	usleep(20000);
	assert_int_equal(pthread_cancel(thread), 0);
	usleep(20000);
	assert_int_equal(weft_b_send(f->client, "x", 1, 0), 1);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_ptr_equal(ret, PTHREAD_CANCELED);
	assert_int_equal(w.n_done, 1);
}

static void waitall_takes_one_datagram(void **state)
{
	struct bf *f = *state;
	char buf[8];

	f->server = bsocket(f, f->b, WEFT_SOCK_DGRAM);
	f->client = bsocket(f, f->a, WEFT_SOCK_DGRAM);
	assert_int_equal(weft_b_bind(f->server, &f->at), 0);
	assert_int_equal(weft_b_sendto(f->client, "abc", 3, 0, &f->at), 3);
	assert_int_equal(weft_b_sendto(f->client, "de", 2, 0, &f->at), 2);
	set_timeout(f->server, WEFT_SO_RCVTIMEO, 100000);
	assert_int_equal(weft_b_recv(f->server, buf, sizeof(buf), WEFT_MSG_WAITALL), 3);
	assert_int_equal(weft_b_recv(f->server, buf, sizeof(buf), WEFT_MSG_WAITALL), 2);
}

static void longest_time_is_for_ever(void **state)
{
	struct bf *f = *state;
	struct weft_b_pollfd fd;
	pthread_t sender;

	connected(f);
	fd = (struct weft_b_pollfd){.sock = f->server, .events = WEFT_IN};
	sender = run(send_soon, f->client);
	assert_int_equal(weft_b_poll(f->t, &fd, 1, INT64_MAX), 1);
	assert_int_equal(result_of(sender), 1);
}

struct bulk_msg {
	struct weft_bsock *s;
	char *bytes;
};

/* In pieces of odd sizes, one of them of nothing. */
static void bulk_iov(char *bytes, struct weft_iovec ret[4])
{
	ret[0] = (struct weft_iovec){.base = bytes, .len = 1000};
	ret[1] = (struct weft_iovec){.base = bytes + 1000, .len = 0};
	ret[2] = (struct weft_iovec){.base = bytes + 1000, .len = BULK_BYTES / 2};
	ret[3] = (struct weft_iovec){.base = bytes + 1000 + BULK_BYTES / 2,
				     .len = BULK_BYTES - 1000 - BULK_BYTES / 2};
}

static void *send_bulk_msg(void *arg)
{
	const struct bulk_msg *m = arg;
	struct weft_iovec iov[4];
	struct weft_msghdr msg = {.iov = iov, .n_iov = 4};

	bulk_iov(m->bytes, iov);
	return (void *)(intptr_t)weft_b_sendmsg(m->s, &msg, 0);
}

static void message_is_sent_and_received_whole(void **state)
{
	struct bf *f = *state;
	char *out = malloc(BULK_BYTES), *in = malloc(BULK_BYTES);
	struct weft_iovec iov[4];
	struct weft_msghdr msg = {.iov = iov, .n_iov = 4};
	struct bulk_msg m;
	pthread_t sender;

	assert_non_null(out);
	assert_non_null(in);
	for (size_t i = 0; i < BULK_BYTES; i++)
		out[i] = (char)(i % 251);
	bulk_iov(in, iov);
	connected(f);
	m = (struct bulk_msg){.s = f->client, .bytes = out};
	sender = run(send_bulk_msg, &m);
	assert_int_equal(weft_b_recvmsg(f->server, &msg, WEFT_MSG_WAITALL), BULK_BYTES);
	assert_memory_equal(in, out, BULK_BYTES);
	assert_int_equal(result_of(sender), BULK_BYTES);
	free(in);
	free(out);
}

static void error_after_some_bytes_is_the_next_calls(void **state)
{
	struct bf *f = *state;
	struct weft_b_pollfd fd;
	pthread_t sender;
	intptr_t n;

	connected(f);
	fd = (struct weft_b_pollfd){.sock = f->server, .events = WEFT_IN};
	sender = run(send_bulk, f->client);
	assert_int_equal(weft_b_poll(f->t, &fd, 1, -1), 1);
	usleep(50000);
	weft_b_close(f->server); /* with bytes that nobody has read: a reset */
	f->server = NULL;
	n = result_of(sender);
	assert_true(n > 0 && n < BULK_BYTES);
	assert_int_equal(weft_b_send(f->client, "x", 1, 0), -ECONNRESET);
	assert_int_equal(weft_b_send(f->client, "x", 1, 0), -EPIPE);
}

static void *connect_to(void *arg)
{
	struct bf *f = arg;

	return (void *)(intptr_t)weft_b_connect(f->client, &f->at);
}

static void shutdown_ends_the_connect_that_waits(void **state)
{
	struct bf *f = *state;
	struct weft_sockaddr peer;
	pthread_t thread;

	f->client = bsocket(f, f->a, WEFT_SOCK_STREAM);
	f->at.addr.bytes[3] = 77;
	thread = run(connect_to, f);
	while (weft_b_shutdown(f->client, WEFT_SHUT_RDWR) != 0)
		usleep(1000);
	assert_int_equal(result_of(thread), -ECONNRESET);
	assert_int_equal(weft_b_getpeername(f->client, &peer), -ENOTCONN);
}

static int stop_loop(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	(void)eng, (void)arg;
	weft_loop_stop(loop);
	return 7;
}

static void stopped_loop_does_not_end_the_thread(void **state)
{
	struct bf *f = *state;

	assert_int_equal(weft_thread_call(f->t, stop_loop, f), 7);
	usleep(10000);
	connected(f);
}

static int enable_fastopen(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct bf *f = arg;

	(void)eng, (void)loop;
	return weft_stack_set(f->a, "net.ipv4.tcp_fastopen", 1) ||
	       weft_stack_set(f->b, "net.ipv4.tcp_fastopen", 2);
}

/* With a cookie or without, the call waits for the connection and sends all. */
static void fast_open_waits_too(void **state)
{
	struct bf *f = *state;
	char *out = malloc(BULK_BYTES), *in = malloc(BULK_BYTES);
	int backlog = 16;

	assert_non_null(out);
	assert_non_null(in);
	memset(out, 'x', BULK_BYTES);
	assert_int_equal(weft_thread_call(f->t, enable_fastopen, f), 0);
	listen_at(f);
	assert_int_equal(weft_b_setsockopt(f->listener, WEFT_IPPROTO_TCP, WEFT_TCP_FASTOPEN,
					   &backlog, sizeof(backlog)),
			 0);
	for (int i = 0; i < 2; i++) {
		f->client = bsocket(f, f->a, WEFT_SOCK_STREAM);
		assert_int_equal(weft_b_sendto(f->client, out, 5000, WEFT_MSG_FASTOPEN, &f->at),
				 5000);
		assert_int_equal(weft_b_accept(f->listener, &f->server, NULL), 0);
		assert_int_equal(weft_b_recv(f->server, in, 5000, WEFT_MSG_WAITALL), 5000);
		weft_b_close(f->client);
		weft_b_close(f->server);
	}
	f->server = NULL;
	f->client = bsocket(f, f->a, WEFT_SOCK_STREAM);
	f->at.port = 81; /* nobody listens there */
	assert_int_equal(weft_b_sendto(f->client, out, 5, WEFT_MSG_FASTOPEN, &f->at), 5);
	assert_int_equal(weft_b_recv(f->client, in, 1, 0), -ECONNREFUSED);
	free(in);
	free(out);
}

static int close_inside(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct bf *f = arg;

	(void)eng, (void)loop;
	weft_b_close(f->client);
	weft_thread_free(f->t);
	return 0;
}

static void nothing_is_freed_from_the_engines_thread(void **state)
{
	struct bf *f = *state;

	connected(f);
	assert_int_equal(weft_thread_call(f->t, close_inside, f), 0);
	assert_int_equal(weft_b_send(f->client, "x", 1, 0), 1);
}

/* A connection of its own for each round. */
static void *echo_client(void *arg)
{
	struct bf *f = arg;
	intptr_t n_good = 0;

	for (int i = 0; i < N_ROUNDS / N_THREADS; i++) {
		struct weft_bsock *s = bsocket(f, f->a, WEFT_SOCK_STREAM);
		char buf[4] = {0};

		if (weft_b_connect(s, &f->at) == 0 && weft_b_send(s, "ping", 4, 0) == 4 &&
		    weft_b_recv(s, buf, 4, WEFT_MSG_WAITALL) == 4 && !memcmp(buf, "ping", 4))
			n_good++;
		weft_b_close(s);
	}
	return (void *)n_good;
}

static void *echo_server(void *arg)
{
	struct bf *f = arg;
	struct weft_bsock *s;
	char buf[64];
	ptrdiff_t n;

	while (weft_b_accept(f->listener, &s, NULL) == 0) {
		while ((n = weft_b_recv(s, buf, sizeof(buf), 0)) > 0)
			(void)weft_b_send(s, buf, (size_t)n, 0);
		weft_b_close(s);
	}
	return NULL;
}

static void many_threads_share_one_engine(void **state)
{
	struct bf *f = *state;
	pthread_t clients[N_THREADS], servers[2];
	intptr_t n_good = 0;

	listen_at(f);
	for (int i = 0; i < 2; i++)
		servers[i] = run(echo_server, f);
	for (int i = 0; i < N_THREADS; i++)
		clients[i] = run(echo_client, f);
	for (int i = 0; i < N_THREADS; i++)
		n_good += result_of(clients[i]);
	assert_int_equal(n_good, N_ROUNDS / N_THREADS * N_THREADS);
	/* What does not listen any more, does not wait either. */
	assert_int_equal(weft_b_shutdown(f->listener, WEFT_SHUT_RD), 0);
	weft_b_cancel(f->listener);
	for (int i = 0; i < 2; i++)
		(void)result_of(servers[i]);
}

struct plain {
	struct bf *f;
	struct weft_sock **ret;
};

static int plain_socket(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct plain *p = arg;

	(void)eng, (void)loop;
	return weft_socket(p->f->a, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, p->ret);
}

static int plain_close(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	(void)eng, (void)loop;
	weft_close(arg);
	return 0;
}

static int call_from_inside(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct bf *f = arg;
	char c;

	(void)eng, (void)loop;
	return (int)weft_b_recv(f->client, &c, 1, 0);
}

static void call_from_the_engines_thread_is_refused(void **state)
{
	struct bf *f = *state;

	connected(f);
	assert_int_equal(weft_thread_call(f->t, call_from_inside, f), -EDEADLK);
}

/* In a child, since it ends there. */
static void call_from_another_thread_aborts(void **state)
{
	struct bf *f = *state;
	struct weft_sock *s = NULL;
	int status;
	pid_t pid;

	if (!cpu_thread())
		skip(); /* this architecture does not tell */
	assert_int_equal(weft_thread_call(f->t, plain_socket, &(struct plain){f, &s}), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		(void)weft_events(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_int_equal(weft_thread_call(f->t, plain_close, s), 0);
}

static void engine_without_entropy_has_no_thread(void **state UNUSED)
{
	struct weft_engine_config cfg = {.now_ns = 0};
	struct weft_thread *t;

	assert_int_equal(weft_thread_new(&cfg, &t), -EINVAL);
	weft_thread_free(NULL);
	weft_b_close(NULL);
	weft_b_pollset_free(NULL);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(connection_is_made_used_and_ended),
		T(refused_connection_says_so),
		T(nobody_there_connect_ends_in_time),
		T(time_bounds_what_waits),
		T(nonblocking_calls_do_not_wait),
		T(waiting_calls_are_cancelled),
		T(closed_socket_ends_the_calls_that_wait_for_it),
		T(send_waits_until_all_is_taken),
		T(waitall_gives_what_came_before_the_end),
		T(poll_waits_for_any_of_its_sockets),
		T(poll_waits_for_room_that_an_option_took),
		T(pollset_waits_too),
		T(datagrams_wait_too),
		T(cancelled_thread_ends_when_its_call_has),
		T(waitall_takes_one_datagram),
		T(longest_time_is_for_ever),
		T(message_is_sent_and_received_whole),
		T(error_after_some_bytes_is_the_next_calls),
		T(shutdown_ends_the_connect_that_waits),
		T(stopped_loop_does_not_end_the_thread),
		T(fast_open_waits_too),
		T(nothing_is_freed_from_the_engines_thread),
		T(many_threads_share_one_engine),
		T(call_from_the_engines_thread_is_refused),
		T(call_from_another_thread_aborts),
		cmocka_unit_test(engine_without_entropy_has_no_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
