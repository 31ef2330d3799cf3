/* SPDX-License-Identifier: MIT */
/* Networks (weft/net.h): the same steps on a weft stack and on the host's kernel, over loopback;
 * and the echo service on both. */
#include "weft/net.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/echo/echo.h"
#include "unit.h"
#include "weft/io.h"
#include "weft/weft.h"

enum {
	TURNS_MAX = 2000, /* of 10 ms at most */
};

struct nf {
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_stack *st;
	struct weft_net *host, net;
	uint32_t events; /* of the last callback */
	int n_calls;
	int resolve_err, n_resolved;
	size_t n_addrs;
	struct weft_addr addrs[16];
};

static struct nf *start(bool is_host)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy, .now_ns = weft_io_now_ns()};
	struct nf *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(weft_engine_new(&cfg, &f->eng), 0);
	assert_int_equal(weft_loop_new(f->eng, &f->loop), 0);
	if (is_host) {
		assert_int_equal(weft_host_net_new(f->loop, &f->host), 0);
		f->net = *f->host;
	} else {
		assert_int_equal(weft_stack_new(f->eng, "here", &f->st), 0);
		weft_net_of_stack(f->st, &f->net);
	}
	return f;
}

static int setup_stack(void **state)
{
	*state = start(false);
	return 0;
}

static int setup_host(void **state)
{
	*state = start(true);
	return 0;
}

static int teardown(void **state)
{
	struct nf *f = *state;

	weft_host_net_free(f->host);
	weft_stack_free(f->st);
	weft_loop_free(f->loop);
	weft_engine_free(f->eng);
	free(f);
	return 0;
}

static void turn_until(struct nf *f, bool (*is_so)(struct nf *f, void *arg), void *arg)
{
	for (int i = 0; i < TURNS_MAX && !is_so(f, arg); i++)
		assert_int_equal(weft_loop_turn(f->loop, 10000000), 0);
	assert_true(is_so(f, arg));
}

static bool is_readable(struct nf *f, void *arg)
{
	return f->net.ops->events(arg) & WEFT_IN;
}

static bool is_writable(struct nf *f, void *arg)
{
	return f->net.ops->events(arg) & WEFT_OUT;
}

static bool was_called(struct nf *f, void *arg)
{
	return f->n_calls >= *(int *)arg;
}

static void count_call(struct weft_sock *s UNUSED, void *arg, uint32_t events)
{
	struct nf *f = arg;

	f->n_calls++;
	f->events = events;
}

static struct weft_sock *new_socket(struct nf *f, int family, int type)
{
	struct weft_sock *s;

	assert_int_equal(f->net.ops->socket(&f->net, family, type, 0, &s), 0);
	return s;
}

static struct weft_sockaddr loopback(uint8_t family)
{
	struct weft_sockaddr sa = {.addr.family = family};

	if (family == WEFT_AF_INET6)
		sa.addr.bytes[15] = 1;
	else
		memcpy(sa.addr.bytes, (uint8_t[]){127, 0, 0, 1}, 4);
	return sa;
}

/* A socket on loopback at a port that is free; `ret` is where. */
static struct weft_sock *bound(struct nf *f, uint8_t family, int type, struct weft_sockaddr *ret)
{
	struct weft_sock *s = new_socket(f, family, type);
	struct weft_sockaddr sa = loopback(family);

	assert_int_equal(f->net.ops->bind(s, &sa), 0);
	assert_int_equal(f->net.ops->getsockname(s, ret), 0);
	assert_true(ret->port != 0);
	return s;
}

static void stream_in_family(struct nf *f, uint8_t family)
{
	const struct weft_net_ops *ops = f->net.ops;
	struct weft_sockaddr at, peer, me;
	struct weft_sock *lst = bound(f, family, WEFT_SOCK_STREAM, &at), *a, *b;
	char buf[16];
	struct weft_iovec out[2] = {{(void *)(uintptr_t) "ab", 2}, {(void *)(uintptr_t) "cd", 2}};
	struct weft_iovec in[2] = {{buf, 1}, {buf + 1, 8}};
	size_t len = sizeof(int);
	int err;

	assert_int_equal(ops->listen(lst, 4), 0);
	assert_int_equal(ops->accept(lst, &b, NULL), -EAGAIN);
	a = new_socket(f, family, WEFT_SOCK_STREAM);
	assert_int_equal(ops->connect(a, &at), -EINPROGRESS);
	turn_until(f, is_readable, lst);
	assert_int_equal(ops->accept(lst, &b, &peer), 0);
	turn_until(f, is_writable, a);
	assert_int_equal(ops->getsockopt(a, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len), 0);
	assert_int_equal(err, 0);
	assert_int_equal(ops->getsockname(a, &me), 0);
	assert_int_equal(me.port, peer.port);
	assert_int_equal(ops->getpeername(a, &peer), 0);
	assert_int_equal(peer.port, at.port);
	assert_int_equal(ops->recv(b, buf, sizeof(buf), 0), -EAGAIN);
	assert_int_equal(ops->sendv(a, out, 2, 0), 4);
	turn_until(f, is_readable, b);
	assert_int_equal(ops->recvv(b, in, 2, 0), 4);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(ops->shutdown(a, WEFT_SHUT_WR), 0);
	assert_int_equal(ops->send(a, "x", 1, 0), -EPIPE); /* and no signal */
	turn_until(f, is_readable, b);
	assert_int_equal(ops->recv(b, buf, sizeof(buf), 0), 0);
	ops->abort(b);
	turn_until(f, is_readable, a);
	assert_int_equal(ops->recv(a, buf, sizeof(buf), 0), -ECONNRESET);
	ops->close(a);
	ops->close(lst);
	ops->close(NULL);
	ops->abort(NULL);
}

static void stream_connects_carries_and_ends(void **state)
{
	stream_in_family(*state, WEFT_AF_INET);
}

static void stream_over_ipv6_does_so_too(void **state)
{
	struct nf *f = *state;
	struct weft_sock *s = new_socket(f, WEFT_AF_INET6, WEFT_SOCK_STREAM);
	struct weft_sockaddr sa = loopback(WEFT_AF_INET6);
	int err = f->net.ops->bind(s, &sa);

	f->net.ops->close(s);
	if (err) /* the machine has no IPv6 */
		skip();
	stream_in_family(f, WEFT_AF_INET6);
}

static void datagram_goes_and_tells_its_sender(void **state)
{
	struct nf *f = *state;
	const struct weft_net_ops *ops = f->net.ops;
	struct weft_sockaddr at_a, at_b, from;
	struct weft_sock *a = bound(f, WEFT_AF_INET, WEFT_SOCK_DGRAM, &at_a);
	struct weft_sock *b = bound(f, WEFT_AF_INET, WEFT_SOCK_DGRAM, &at_b);
	char buf[16];

	assert_int_equal(ops->recvfrom(b, buf, sizeof(buf), 0, &from), -EAGAIN);
	assert_int_equal(ops->send(a, "x", 1, 0), -EDESTADDRREQ);
	assert_int_equal(ops->sendto(a, "xyz", 3, 0, &at_b), 3);
	turn_until(f, is_readable, b);
	assert_int_equal(ops->recvfrom(b, buf, sizeof(buf), 0, &from), 3);
	assert_int_equal(from.port, at_a.port);
	assert_int_equal(from.addr.family, WEFT_AF_INET);
	ops->close(a);
	ops->close(b);
}

static void refused_connection_says_so(void **state)
{
	struct nf *f = *state;
	const struct weft_net_ops *ops = f->net.ops;
	struct weft_sockaddr at;
	struct weft_sock *closed = bound(f, WEFT_AF_INET, WEFT_SOCK_STREAM, &at);
	struct weft_sock *s = new_socket(f, WEFT_AF_INET, WEFT_SOCK_STREAM);
	size_t len = sizeof(int);
	int err;

	ops->close(closed);
	err = ops->connect(s, &at);
	if (err == -EINPROGRESS) {
		turn_until(f, is_writable, s);
		assert_int_equal(ops->getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len), 0);
		err = -err;
	}
	assert_int_equal(err, -ECONNREFUSED);
	ops->close(s);
}

static void callback_follows_changes(void **state)
{
	struct nf *f = *state;
	const struct weft_net_ops *ops = f->net.ops;
	struct weft_sockaddr at_a, at_b;
	struct weft_sock *a = bound(f, WEFT_AF_INET, WEFT_SOCK_DGRAM, &at_a);
	struct weft_sock *b = bound(f, WEFT_AF_INET, WEFT_SOCK_DGRAM, &at_b);
	int n = 1;

	ops->on_event(b, count_call, f); /* it can be written to */
	turn_until(f, was_called, &n);
	assert_true(f->events & WEFT_OUT);
	for (n = 2; n <= 3; n++) { /* also when the first has not been read */
		assert_int_equal(ops->sendto(a, "x", 1, 0, &at_b), 1);
		turn_until(f, was_called, &n);
		assert_true(f->events & WEFT_IN);
	}
	ops->on_event(b, count_call, f); /* set again, it comes again */
	turn_until(f, was_called, &n);
	ops->on_event(b, NULL, NULL);
	assert_int_equal(ops->sendto(a, "x", 1, 0, &at_b), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(weft_loop_turn(f->loop, 1000000), 0);
	assert_int_equal(f->n_calls, 4);
	ops->close(a);
	ops->close(b);
}

static void set_flag(void *arg)
{
	*(bool *)arg = true;
}

static bool is_set(struct nf *f UNUSED, void *arg)
{
	return *(bool *)arg;
}

static void timer_fires(void **state)
{
	struct nf *f = *state;
	bool has_fired = false;
	struct weft_timer *t = weft_timer_new(f->net.eng, set_flag, &has_fired);

	assert_non_null(t);
	weft_timer_start(t, weft_engine_now_ns(f->net.eng) + 1000000);
	turn_until(f, is_set, &has_fired);
	weft_timer_free(t);
}

static void resolved(void *arg, int err, const struct weft_addr *addrs, size_t n)
{
	struct nf *f = arg;

	f->n_resolved++;
	f->resolve_err = err;
	f->n_addrs = n;
	if (n)
		memcpy(f->addrs, addrs, n * sizeof(*addrs));
}

static bool was_resolved(struct nf *f, void *arg UNUSED)
{
	return f->n_resolved > 0;
}

static int resolve(struct nf *f, const char *name, int family)
{
	struct weft_resolve *r;

	f->n_resolved = 0;
	assert_int_equal(f->net.ops->resolve(&f->net, name, family, resolved, f, &r), 0);
	assert_int_equal(f->n_resolved, 0); /* not from inside the call */
	turn_until(f, was_resolved, NULL);
	assert_int_equal(f->n_resolved, 1);
	return f->resolve_err;
}

static void names_are_resolved(void **state)
{
	struct nf *f = *state;
	struct weft_resolve *r;

	assert_int_equal(resolve(f, "192.0.2.7", WEFT_AF_INET), 0);
	assert_int_equal(f->n_addrs, 1);
	assert_memory_equal(f->addrs[0].bytes, ((uint8_t[]){192, 0, 2, 7}), 4);
	assert_int_equal(resolve(f, "localhost", WEFT_AF_INET), 0);
	assert_memory_equal(f->addrs[0].bytes, ((uint8_t[]){127, 0, 0, 1}), 4);
	assert_int_equal(resolve(f, "192.0.2.7", WEFT_AF_INET6), -ENOENT);
	assert_int_equal(f->net.ops->resolve(&f->net, "", 0, resolved, f, &r), -EINVAL);
	/* Whoever cancels is not called; what is open at the end is cancelled. */
	f->n_resolved = 0;
	assert_int_equal(f->net.ops->resolve(&f->net, "192.0.2.7", 0, resolved, f, &r), 0);
	f->net.ops->resolve_cancel(r);
	f->net.ops->resolve_cancel(NULL);
	for (int i = 0; i < 10; i++)
		assert_int_equal(weft_loop_turn(f->loop, 1000000), 0);
	assert_int_equal(f->n_resolved, 0);
	assert_int_equal(f->net.ops->resolve(&f->net, "192.0.2.7", 0, resolved, f, &r), 0);
}

static void named_host_of_a_stack_is_found(void **state)
{
	struct nf *f = *state;
	struct weft_addr a = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, 7}};
	struct weft_addr b = {.family = WEFT_AF_INET6, .bytes = {0x20, 1, [15] = 7}};
	char longest[255];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[254] = '\0';
	assert_int_equal(weft_stack_host_add(f->st, "Printer", &a), 0);
	assert_int_equal(weft_stack_host_add(f->st, "printer", &b), 0);
	assert_int_equal(weft_stack_host_add(f->st, "", &b), -EINVAL);
	assert_int_equal(weft_stack_host_add(f->st, longest, &b), -EINVAL);
	assert_int_equal(resolve(f, "PRINTER", WEFT_AF_UNSPEC), 0);
	assert_int_equal(f->n_addrs, 2);
	assert_int_equal(resolve(f, "printer", WEFT_AF_INET6), 0);
	assert_int_equal(f->n_addrs, 1);
	assert_memory_equal(&f->addrs[0], &b, sizeof(b));
	assert_int_equal(resolve(f, "print", WEFT_AF_UNSPEC), -ENOENT);
	for (int i = 2; i < 16; i++)
		assert_int_equal(weft_stack_host_add(f->st, "printer", &b), 0);
	assert_int_equal(weft_stack_host_add(f->st, "printer", &b), -ENOSPC);
}

static void echo_service_runs(void **state)
{
	struct nf *f = *state;
	const struct weft_net_ops *ops = f->net.ops;
	struct weft_sockaddr at, at_dgram;
	struct weft_sock *free_port = bound(f, WEFT_AF_INET, WEFT_SOCK_STREAM, &at), *s, *d;
	struct echo_config cfg = {.net = &f->net, .tcp = true, .udp = true};
	struct echo_stats stats;
	struct echo *echo;
	char buf[8];

	ops->close(free_port);
	cfg.at = at;
	assert_int_equal(echo_new(NULL, &cfg, &echo), 0);
	s = new_socket(f, WEFT_AF_INET, WEFT_SOCK_STREAM);
	assert_int_equal(ops->connect(s, &at), -EINPROGRESS);
	turn_until(f, is_writable, s);
	assert_int_equal(ops->send(s, "hello", 5, 0), 5);
	turn_until(f, is_readable, s);
	assert_int_equal(ops->recv(s, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "hello", 5);
	d = bound(f, WEFT_AF_INET, WEFT_SOCK_DGRAM, &at_dgram);
	assert_int_equal(ops->sendto(d, "dgram", 5, 0, &at), 5);
	turn_until(f, is_readable, d);
	assert_int_equal(ops->recv(d, buf, sizeof(buf), 0), 5);
	assert_int_equal(ops->shutdown(s, WEFT_SHUT_WR), 0);
	turn_until(f, is_readable, s);
	assert_int_equal(ops->recv(s, buf, sizeof(buf), 0), 0);
	echo_stats(echo, &stats);
	assert_int_equal(stats.n_conns, 1);
	assert_int_equal(stats.n_open, 0);
	assert_int_equal(stats.n_datagrams, 1);
	ops->close(s);
	ops->close(d);
	echo_free(echo);
}

/* Of the host alone, which asks one question after the other. */
static void cancelled_questions_make_room_at_once(void **state)
{
	enum {
		MOST = 256
	};
	struct nf *f = *state;
	const struct weft_net_ops *ops = f->net.ops;
	struct weft_resolve *rs[MOST], *r;

	f->n_resolved = 0;
	for (size_t i = 0; i < MOST; i++)
		assert_int_equal(ops->resolve(&f->net, "192.0.2.7", 0, resolved, f, &rs[i]), 0);
	assert_int_equal(ops->resolve(&f->net, "192.0.2.7", 0, resolved, f, &r), -EAGAIN);
	/* The last first, so that no more than one is being asked when it is cancelled: the thread
	 * takes them in the order of the questions. */
	for (size_t i = MOST; i-- > 0;)
		ops->resolve_cancel(rs[i]);
	for (size_t i = 1; i < MOST; i++)
		assert_int_equal(ops->resolve(&f->net, "192.0.2.7", 0, resolved, f, &rs[i]), 0);
	for (size_t i = 2; i < MOST; i++)
		ops->resolve_cancel(rs[i]);
	turn_until(f, was_resolved, NULL);
	assert_int_equal(f->n_resolved, 1);
}

/* Of the host alone: no descriptor is left for a connection that waits. */
static void connection_without_a_descriptor_is_reset(void **state)
{
	struct nf *f = *state;
	const struct weft_net_ops *ops = f->net.ops;
	struct weft_host_net_stats stats;
	struct weft_sockaddr at;
	struct weft_sock *lst = bound(f, WEFT_AF_INET, WEFT_SOCK_STREAM, &at), *conn;
	struct weft_sock *s = new_socket(f, WEFT_AF_INET, WEFT_SOCK_STREAM);
	struct rlimit was, low;
	int next_fd;
	char c;

	assert_int_equal(ops->listen(lst, 4), 0);
	assert_int_equal(ops->connect(s, &at), -EINPROGRESS);
	turn_until(f, is_readable, lst);
	next_fd = dup(0);
	assert_true(next_fd >= 0);
	close(next_fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = was;
	low.rlim_cur = (rlim_t)next_fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(ops->accept(lst, &conn, NULL), -EAGAIN);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	weft_host_net_stats(f->host, &stats);
	assert_int_equal(stats.n_refused, 1);
	turn_until(f, is_readable, s);
	assert_int_equal(ops->recv(s, &c, 1, 0), -ECONNRESET);
	ops->close(s);
	ops->close(lst);
}

static void tell(struct weft_sock *s UNUSED, void *arg, uint32_t events UNUSED)
{
	*(bool *)arg = true;
}

/* Of the host alone: they may come faster than they are reset, and the loop has others to see to.
 */
static void connections_without_descriptors_are_reset_some_at_a_time(void **state)
{
	enum {
		WAITING = 100,
		AT_ONCE = 64
	};
	struct nf *f = *state;
	const struct weft_net_ops *ops = f->net.ops;
	struct weft_host_net_stats stats;
	struct weft_sockaddr at;
	struct weft_sock *lst = bound(f, WEFT_AF_INET, WEFT_SOCK_STREAM, &at), *conn;
	struct weft_sock *socks[WAITING];
	struct rlimit was, low;
	bool has_told = false;
	int next_fd;

	assert_int_equal(ops->listen(lst, WAITING), 0);
	for (int i = 0; i < WAITING; i++) {
		socks[i] = new_socket(f, WEFT_AF_INET, WEFT_SOCK_STREAM);
		assert_int_equal(ops->connect(socks[i], &at), -EINPROGRESS);
	}
	for (int i = 0; i < WAITING; i++)
		turn_until(f, is_writable, socks[i]);
	ops->on_event(lst, tell, &has_told);
	turn_until(f, is_set, &has_told);
	has_told = false;
	next_fd = dup(0);
	assert_true(next_fd >= 0);
	close(next_fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = was;
	low.rlim_cur = (rlim_t)next_fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(ops->accept(lst, &conn, NULL), -EAGAIN);
	weft_host_net_stats(f->host, &stats);
	assert_int_equal(stats.n_refused, AT_ONCE);
	turn_until(f, is_set, &has_told);
	assert_int_equal(ops->accept(lst, &conn, NULL), -EAGAIN);
	weft_host_net_stats(f->host, &stats);
	assert_int_equal(stats.n_refused, WAITING);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	for (int i = 0; i < WAITING; i++)
		ops->close(socks[i]);
	ops->close(lst);
}

#define BOTH(test)                                              \
	{#test "_stack", test, setup_stack, teardown, NULL},    \
	{                                                       \
#test "_host", test, setup_host, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(stream_connects_carries_and_ends),
		BOTH(stream_over_ipv6_does_so_too),
		BOTH(datagram_goes_and_tells_its_sender),
		BOTH(refused_connection_says_so),
		BOTH(callback_follows_changes),
		BOTH(timer_fires),
		BOTH(names_are_resolved),
		BOTH(echo_service_runs),
		cmocka_unit_test_setup_teardown(named_host_of_a_stack_is_found, setup_stack,
						teardown),
		cmocka_unit_test_setup_teardown(cancelled_questions_make_room_at_once, setup_host,
						teardown),
		cmocka_unit_test_setup_teardown(
			connections_without_descriptors_are_reset_some_at_a_time, setup_host,
			teardown),
		cmocka_unit_test_setup_teardown(connection_without_a_descriptor_is_reset,
						setup_host, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
