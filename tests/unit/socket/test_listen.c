/* SPDX-License-Identifier: MIT */
/* Listeners as an application sees them: how many wait, and what it is told. */
#include "core/engine.h"
#include "world.h"

enum {
	N_CLIENTS = 8,
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	world_start(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_end(*state);
	free(*state);
	return 0;
}

static struct weft_sock *listener(struct world *w, int backlog)
{
	struct weft_sock *s = world_socket(w->server, WEFT_SOCK_STREAM, 0);
	struct weft_sockaddr sa = world_at("10.0.0.2:80");

	assert_int_equal(weft_bind(s, &sa), 0);
	assert_int_equal(weft_listen(s, backlog), 0);
	return s;
}

/* Connects N_CLIENTS and returns how many the listener lets wait. */
static int n_waiting(struct world *w, struct weft_sock *lst)
{
	struct weft_sockaddr to = world_at("10.0.0.2:80");
	struct weft_sock *conn;
	int n = 0;

	for (int i = 0; i < N_CLIENTS; i++)
		assert_int_equal(weft_connect(world_socket(w->client, WEFT_SOCK_STREAM, 0), &to),
				 -EINPROGRESS);
	world_settle(w);
	while (weft_accept(lst, &conn, NULL) == 0) {
		n++;
		weft_abort(conn);
		conn = NULL;
	}
	return n;
}

static void one_more_than_the_backlog_may_wait(void **state)
{
	struct world *w = *state;

	assert_int_equal(n_waiting(w, listener(w, 4)), 5);
}

static void backlog_is_bounded_by_somaxconn(void **state)
{
	struct world *w = *state;

	assert_int_equal(weft_stack_set(w->server, "net.core.somaxconn", 2), 0);
	assert_int_equal(n_waiting(w, listener(w, 1000)), 3);
}

static void negative_backlog_is_the_most_there_may_be(void **state)
{
	struct world *w = *state;

	assert_int_equal(n_waiting(w, listener(w, -1)), N_CLIENTS);
}

static void listener_is_ready_while_somebody_waits(void **state)
{
	struct world *w = *state;
	struct weft_sock *lst = listener(w, 4), *conn;
	struct weft_sock *s = world_socket(w->client, WEFT_SOCK_STREAM, 0);
	struct weft_sockaddr to = world_at("10.0.0.2:80"), me, peer;

	assert_int_equal(weft_events(lst), 0);
	assert_int_equal(weft_accept(lst, &conn, NULL), -EAGAIN);
	assert_int_equal(weft_connect(s, &to), -EINPROGRESS);
	assert_int_equal(weft_connect(s, &to), -EALREADY);
	world_settle(w);
	assert_int_equal(weft_events(lst), WEFT_IN);
	assert_int_equal(weft_accept(lst, &conn, &peer), 0);
	assert_int_equal(weft_getsockname(s, &me), 0);
	assert_memory_equal(&me.addr, &peer.addr, sizeof(me.addr));
	assert_int_equal(me.port, peer.port);
	assert_int_equal(weft_events(lst), 0);
	assert_int_equal(weft_connect(s, &to), 0); /* it has succeeded: said once */
	assert_int_equal(weft_connect(s, &to), -EISCONN);
	assert_int_equal(weft_accept(s, &conn, NULL), -EINVAL);
}

static void second_listener_of_a_port_is_refused(void **state)
{
	struct world *w = *state;
	struct weft_sock *first = listener(w, 1), *s;
	struct weft_sockaddr sa = world_at("0.0.0.0:80");
	int on = 1;

	s = world_socket(w->server, WEFT_SOCK_STREAM, 0);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &on, sizeof(on)),
			 0);
	assert_int_equal(weft_bind(s, &sa), -EADDRINUSE);
	weft_close(first);
	assert_int_equal(weft_bind(s, &sa), 0);
	assert_int_equal(weft_listen(s, 1), 0);
}

static void assert_refuses(struct world *w)
{
	struct weft_sock *s = world_socket(w->client, WEFT_SOCK_STREAM, 0);
	struct weft_sockaddr to = world_at("10.0.0.2:80");

	assert_int_equal(weft_connect(s, &to), -EINPROGRESS);
	world_settle(w);
	assert_int_equal(weft_recv(s, &to, sizeof(to), 0), -ECONNREFUSED);
	weft_close(s);
}

static void bound_socket_that_has_stopped_to_listen_refuses(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = listener(w, 1);
	struct weft_sockaddr sa = world_at("10.0.0.2:80");
	int is_listening;
	size_t len = sizeof(is_listening);

	assert_int_equal(weft_shutdown(s, WEFT_SHUT_RD), 0);
	assert_int_equal(weft_bind(s, &sa), -EINVAL); /* the port is still its own */
	assert_int_equal(
		weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ACCEPTCONN, &is_listening, &len), 0);
	assert_int_equal(is_listening, 0);
	assert_refuses(w);
	assert_int_equal(weft_listen(s, 1), 0);
}

static void socket_that_could_not_listen_refuses(void **state)
{
	struct world *w = *state;
	struct weft_sock *s = world_socket(w->server, WEFT_SOCK_STREAM, 0);
	struct weft_sockaddr sa = world_at("10.0.0.2:80");
	struct mem *mem = &((struct engine *)(void *)w->eng)->mem;
	uint64_t limit_bytes = mem->limit_bytes;

	assert_int_equal(weft_bind(s, &sa), 0);
	mem->limit_bytes = mem->n_bytes;
	assert_int_equal(weft_listen(s, 1), -ENOMEM);
	mem->limit_bytes = limit_bytes;
	assert_refuses(w);
	assert_int_equal(weft_listen(s, 1), 0);
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
		in_families(one_more_than_the_backlog_may_wait),
		in_families(backlog_is_bounded_by_somaxconn),
		in_families(negative_backlog_is_the_most_there_may_be),
		in_families(listener_is_ready_while_somebody_waits),
		in_families(second_listener_of_a_port_is_refused),
		in_families(bound_socket_that_has_stopped_to_listen_refuses),
		in_families(socket_that_could_not_listen_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
