/* SPDX-License-Identifier: MIT */
/*
 * Limits of a stack and of owners, what is refused at each and how it goes on, and the audit log
 * (weft/limit.h, doc/api.md). Where addresses matter, over both families.
 */
#include <string.h>

#include "base/compiler.h"
#include "world.h"

enum {
	LINES_MAX = 200,
	LINE_MAX_BYTES = 300,
	BULK = 300000,
};

struct fix {
	struct world w;
	struct weft_sock *listener;
	bool six;
	char lines[LINES_MAX][LINE_MAX_BYTES];
	uint32_t n_lines;
};

static const char *server_at(const struct fix *f, const char *four, const char *six)
{
	return f->six ? six : four;
}

static void start(struct fix *f, bool six)
{
	struct weft_addr a = world_addr("fd00::1"), b = world_addr("fd00::2");

	memset(f, 0, sizeof(*f));
	world_start(&f->w);
	assert_int_equal(weft_addr_add(f->w.client_if, &a, 64), 0);
	assert_int_equal(weft_addr_add(f->w.server_if, &b, 64), 0);
	f->six = six;
	world_settle(&f->w);
}

static struct weft_sock *stream(const struct fix *f, struct weft_stack *st, uint32_t owner)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket_for(st, owner, f->six ? WEFT_AF_INET6 : WEFT_AF_INET,
					 WEFT_SOCK_STREAM, 0, &s),
			 0);
	return s;
}

static void listen_for(struct fix *f, uint32_t owner)
{
	struct weft_sockaddr sa = world_at(server_at(f, "10.0.0.2:80", "[fd00::2]:80"));

	f->listener = stream(f, f->w.server, owner);
	assert_int_equal(weft_bind(f->listener, &sa), 0);
	assert_int_equal(weft_listen(f->listener, 100), 0);
}

static int try_connect(const struct fix *f, struct weft_sock *s)
{
	return world_connect(s, server_at(f, "10.0.0.2:80", "[fd00::2]:80"));
}

/* A connect that has begun, or refused at once. */
static struct weft_sock *dial(struct fix *f)
{
	struct weft_sock *s = stream(f, f->w.client, 0);

	assert_int_equal(try_connect(f, s), -EINPROGRESS);
	world_settle(&f->w);
	return s;
}

static struct weft_sock *take(struct fix *f)
{
	struct weft_sock *s;

	return weft_accept(f->listener, &s, NULL) == 0 ? s : NULL;
}

static struct weft_usage usage(struct weft_stack *st, uint32_t owner)
{
	struct weft_usage u;

	assert_int_equal(weft_stack_limits_get(st, owner, NULL, &u), 0);
	return u;
}

static void limit(struct weft_stack *st, uint32_t owner, struct weft_limits l)
{
	assert_int_equal(weft_stack_limits_set(st, owner, &l), 0);
}

#define LIMIT(st, owner, ...) limit(st, owner, (struct weft_limits){__VA_ARGS__})

static void stack_with_its_sockets_refuses_another(void **state UNUSED)
{
	struct weft_sock *s[2], *more;
	struct fix f;

	start(&f, false);
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.sockets", 2), 0);
	s[0] = world_socket(f.w.client, WEFT_SOCK_STREAM, 0);
	s[1] = world_socket(f.w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_socket(f.w.client, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &more), -ENFILE);
	assert_int_equal(weft_socket(f.w.client, WEFT_AF_PACKET, WEFT_SOCK_RAW, 0, &more), -ENFILE);
	assert_int_equal(usage(f.w.client, 0).refused_socks, 2);
	assert_int_equal(weft_stack_counter(f.w.client, "SockLimitSockets"), 2);
	weft_close(s[1]);
	s[1] = world_socket(f.w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(usage(f.w.client, 0).n_socks, 2);
	weft_close(s[0]);
	weft_close(s[1]);
	assert_int_equal(usage(f.w.client, 0).n_socks, 0);
	world_end(&f.w);
}

static void owner_with_its_sockets_gets_emfile_and_others_do_not(void **state UNUSED)
{
	struct weft_sock *s[3], *more;
	struct fix f;

	start(&f, false);
	LIMIT(f.w.client, 7, .max_socks = 1);
	s[0] = stream(&f, f.w.client, 7);
	assert_int_equal(weft_socket_for(f.w.client, 7, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &more),
			 -EMFILE);
	s[1] = stream(&f, f.w.client, 8);
	s[2] = stream(&f, f.w.client, 0);
	world_setopt(s[2], WEFT_SOL_SOCKET, WEFT_SO_OWNER, 8);
	assert_int_equal(world_getopt(s[2], WEFT_SOL_SOCKET, WEFT_SO_OWNER), 8);
	assert_int_equal(weft_setsockopt(s[2], WEFT_SOL_SOCKET, WEFT_SO_OWNER, &(int){7}, 4),
			 -EMFILE);
	assert_int_equal(usage(f.w.client, 7).n_socks, 1);
	assert_int_equal(usage(f.w.client, 7).refused_socks, 2);
	assert_int_equal(usage(f.w.client, 8).n_socks, 2);
	for (int i = 0; i < 3; i++)
		weft_close(s[i]);
	assert_int_equal(usage(f.w.client, 7).n_socks, 0);
	assert_int_equal(weft_stack_limits_get(f.w.client, 8, NULL, NULL), -ENOENT);
	world_end(&f.w);
}

static void connections_count_for_the_listeners_owner(bool six)
{
	struct weft_sock *c[3], *a, *b;
	struct fix f;

	start(&f, six);
	LIMIT(f.w.server, 5, .max_socks = 2);
	listen_for(&f, 5);
	c[0] = dial(&f);
	c[1] = dial(&f);
	a = take(&f);
	assert_non_null(a);
	assert_int_equal(world_getopt(a, WEFT_SOL_SOCKET, WEFT_SO_OWNER), 5);
	assert_null(take(&f));
	assert_int_equal(weft_stack_counter(f.w.server, "LIMIT_SOCKS"), 1);
	assert_int_equal(usage(f.w.server, 5).n_socks, 2);
	/* There is room again, and the SYN comes again. */
	weft_abort(a);
	world_advance(&f.w, 1100 * WORLD_MSEC);
	b = take(&f);
	assert_non_null(b);
	assert_true(weft_events(c[1]) & WEFT_OUT);
	/* Who shall know at once. */
	LIMIT(f.w.server, 5, .max_socks = 2, .resets = true);
	c[2] = dial(&f);
	assert_int_equal(world_error(c[2]), ECONNREFUSED);
	weft_abort(b);
	for (int i = 0; i < 3; i++)
		weft_abort(c[i]);
	weft_close(f.listener);
	world_end(&f.w);
}

static void connections_count_for_the_listeners_owner_4(void **state UNUSED)
{
	connections_count_for_the_listeners_owner(false);
}

static void connections_count_for_the_listeners_owner_6(void **state UNUSED)
{
	connections_count_for_the_listeners_owner(true);
}

static void peer_with_its_connections_gets_no_more(bool six)
{
	struct weft_sock *c[4], *a[2], *more;
	struct weft_limits l;
	struct fix f;

	start(&f, six);
	listen_for(&f, 5);
	c[0] = dial(&f);
	/* What is there when the limit comes counts too. */
	LIMIT(f.w.server, 5, .max_conns_per_peer = 2, .peer_len4 = 24, .peer_len6 = 64);
	assert_int_equal(weft_stack_limits_get(f.w.server, 5, &l, NULL), 0);
	assert_int_equal(l.max_conns_per_peer, 2);
	assert_int_equal(l.peer_len4, 24);
	c[1] = dial(&f);
	c[2] = dial(&f);
	a[0] = take(&f);
	a[1] = take(&f);
	assert_true(a[0] && a[1]);
	assert_null(take(&f));
	assert_int_equal(weft_stack_counter(f.w.server, "LIMIT_PEER"), 1);
	weft_abort(a[1]);
	world_advance(&f.w, 1100 * WORLD_MSEC);
	a[1] = take(&f);
	assert_non_null(a[1]);
	/* The other way: a connect is refused at once. */
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.conns_per_peer", 2), 0);
	c[3] = stream(&f, f.w.client, 0);
	assert_int_equal(try_connect(&f, c[3]), -ECONNREFUSED);
	weft_abort(c[0]);
	assert_int_equal(try_connect(&f, c[3]), -EINPROGRESS);
	assert_int_equal(usage(f.w.client, 0).refused_peer, 1);
	for (int i = 1; i < 4; i++)
		weft_abort(c[i]);
	more = stream(&f, f.w.client, 0);
	assert_int_equal(try_connect(&f, more), -EINPROGRESS);
	weft_abort(more);
	weft_abort(a[0]);
	weft_abort(a[1]);
	weft_close(f.listener);
	world_end(&f.w);
}

static void peer_with_its_connections_gets_no_more_4(void **state UNUSED)
{
	peer_with_its_connections_gets_no_more(false);
}

static void peer_with_its_connections_gets_no_more_6(void **state UNUSED)
{
	peer_with_its_connections_gets_no_more(true);
}

static void connections_beyond_the_rate_wait_for_their_token(void **state UNUSED)
{
	struct weft_sock *c[4], *a[3];
	struct fix f;

	start(&f, false);
	LIMIT(f.w.server, 5, .conns_per_s = 1, .conns_burst = 2);
	listen_for(&f, 5);
	for (int i = 0; i < 3; i++)
		c[i] = dial(&f);
	a[0] = take(&f);
	a[1] = take(&f);
	assert_true(a[0] && a[1]);
	assert_null(take(&f));
	assert_int_equal(weft_stack_counter(f.w.server, "LIMIT_RATE"), 1);
	assert_int_equal(usage(f.w.server, 5).refused_rate, 1);
	world_advance(&f.w, 1100 * WORLD_MSEC);
	a[2] = take(&f);
	assert_non_null(a[2]);
	/* Ours are counted as well. */
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.conns_per_s", 1), 0);
	c[3] = dial(&f);
	weft_abort(c[3]);
	c[3] = stream(&f, f.w.client, 0);
	assert_int_equal(try_connect(&f, c[3]), -ECONNREFUSED);
	world_advance(&f.w, WORLD_SEC);
	assert_int_equal(try_connect(&f, c[3]), -EINPROGRESS);
	for (int i = 0; i < 4; i++)
		weft_abort(c[i]);
	for (int i = 0; i < 3; i++)
		weft_abort(a[i]);
	weft_close(f.listener);
	world_end(&f.w);
}

/* What was taken at a slow rate is not owed at a faster one. */
static void rate_that_is_raised_counts_from_now(void **state UNUSED)
{
	struct weft_sock *c[12];
	struct fix f;

	start(&f, false);
	LIMIT(f.w.client, 0, .conns_per_s = 1, .conns_burst = 10);
	for (int i = 0; i < 10; i++)
		c[i] = dial(&f);
	c[10] = stream(&f, f.w.client, 0);
	assert_int_equal(try_connect(&f, c[10]), -ECONNREFUSED);
	LIMIT(f.w.client, 0, .conns_per_s = 100, .conns_burst = 1);
	assert_int_equal(try_connect(&f, c[10]), -ECONNREFUSED);
	world_advance(&f.w, 20 * WORLD_MSEC);
	assert_int_equal(try_connect(&f, c[10]), -EINPROGRESS);
	/* The same by the setting. */
	LIMIT(f.w.client, 0, .conns_per_s = 1, .conns_burst = 100);
	c[11] = dial(&f);
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.conns_burst", 1), 0);
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.conns_per_s", 1000), 0);
	weft_abort(c[11]);
	world_advance(&f.w, 20 * WORLD_MSEC);
	c[11] = dial(&f);
	for (int i = 0; i < 12; i++)
		weft_abort(c[i]);
	world_end(&f.w);
}

static void datagrams_beyond_the_owners_bytes_are_dropped(bool six)
{
	struct weft_sock *to, *from;
	struct weft_sockaddr sa;
	struct fix f;
	char buf[100];
	int n = 0;

	start(&f, six);
	sa = world_at(server_at(&f, "10.0.0.2:53", "[fd00::2]:53"));
	LIMIT(f.w.server, 9, .max_bytes = 5000);
	assert_int_equal(weft_socket_for(f.w.server, 9, sa.addr.family, WEFT_SOCK_DGRAM, 0, &to),
			 0);
	assert_int_equal(weft_bind(to, &sa), 0);
	assert_int_equal(weft_socket_for(f.w.client, 0, sa.addr.family, WEFT_SOCK_DGRAM, 0, &from),
			 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(weft_sendto(from, "datagram", 8, 0, &sa), 8);
	world_settle(&f.w);
	assert_true(usage(f.w.server, 9).n_bytes <= 5000);
	while (weft_recv(to, buf, sizeof(buf), 0) == 8)
		n++;
	assert_true(n > 0 && n < 20);
	assert_int_equal(weft_stack_counter(f.w.server, "LIMIT_BYTES"), 20 - n);
	assert_int_equal(usage(f.w.server, 9).refused_bytes, 20 - n);
	assert_int_equal(usage(f.w.server, 9).n_bytes, 0);
	assert_int_equal(weft_sendto(from, "datagram", 8, 0, &sa), 8);
	world_settle(&f.w);
	assert_int_equal(weft_recv(to, buf, sizeof(buf), 0), 8);
	/* What waits when it ends is given back, too. */
	assert_int_equal(weft_sendto(from, "datagram", 8, 0, &sa), 8);
	world_settle(&f.w);
	assert_true(usage(f.w.server, 0).n_bytes > 0);
	weft_close(to);
	assert_int_equal(usage(f.w.server, 0).n_bytes, 0);
	weft_close(from);
	world_end(&f.w);
}

static void datagrams_beyond_the_owners_bytes_are_dropped_4(void **state UNUSED)
{
	datagrams_beyond_the_owners_bytes_are_dropped(false);
}

static void datagrams_beyond_the_owners_bytes_are_dropped_6(void **state UNUSED)
{
	datagrams_beyond_the_owners_bytes_are_dropped(true);
}

/* Streams go slower, and lose nothing; new connections are refused meanwhile. */
static void streams_beyond_the_owners_bytes_wait(bool six)
{
	static uint8_t buf[BULK];
	struct weft_sock *c, *a, *late;
	size_t n_sent = 0, n_rcvd = 0;
	uint64_t most = 0;
	struct fix f;

	start(&f, six);
	LIMIT(f.w.server, 5, .max_bytes = 40000);
	LIMIT(f.w.client, 6, .max_bytes = 40000);
	listen_for(&f, 5);
	c = stream(&f, f.w.client, 6);
	assert_int_equal(try_connect(&f, c), -EINPROGRESS);
	world_settle(&f.w);
	a = take(&f);
	assert_non_null(a);
	for (int i = 0; i < 20000 && n_rcvd < BULK; i++) {
		ptrdiff_t n;

		for (size_t k = 0; k < BULK - n_sent; k++)
			buf[k] = (uint8_t)((n_sent + k) * 7 >> 3);
		n = n_sent < BULK ? weft_send(c, buf, BULK - n_sent, 0) : 0;
		assert_true(n >= 0 || n == -EAGAIN);
		n_sent += n > 0 ? (size_t)n : 0;
		world_advance(&f.w, 20 * WORLD_MSEC);
		if (i == 10) {
			late = dial(&f);
			assert_true(usage(f.w.server, 5).n_bytes > 30000);
			weft_abort(late);
		}
		if (usage(f.w.server, 5).n_bytes > most)
			most = usage(f.w.server, 5).n_bytes;
		assert_true(usage(f.w.client, 6).n_bytes <= 40000 + 4096);
		n = i < 20 ? 0 : weft_recv(a, buf, 7000, 0);
		for (ptrdiff_t k = 0; k < n; k++)
			assert_int_equal(buf[k], (uint8_t)((n_rcvd + (size_t)k) * 7 >> 3));
		n_rcvd += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(n_rcvd, BULK);
	assert_true(most <= 40000 + 2 * 4096);
	weft_abort(c);
	weft_abort(a);
	assert_int_equal(usage(f.w.server, 0).n_bytes, 0);
	weft_close(f.listener);
	world_advance(&f.w, WORLD_SEC);
	world_end(&f.w);
}

static void streams_beyond_the_owners_bytes_wait_4(void **state UNUSED)
{
	streams_beyond_the_owners_bytes_wait(false);
}

static void streams_beyond_the_owners_bytes_wait_6(void **state UNUSED)
{
	streams_beyond_the_owners_bytes_wait(true);
}

static void on_usage(void *arg, const struct weft_usage *u)
{
	uint32_t *sum = arg;

	sum[0] = sum[0] * 100 + u->owner;
	sum[1] = sum[1] * 100 + u->n_socks;
}

static void on_sock(void *arg, const struct weft_sock_info *info)
{
	uint64_t *got = arg;

	if (info->owner == 12 && info->mark == 3)
		got[0]++;
	if (info->state == WEFT_TCP_ESTABLISHED && info->owner == 12)
		got[1] = info->mem_bytes;
}

static void owners_and_what_they_have_are_listed(void **state UNUSED)
{
	struct weft_sock *c, *a, *other;
	uint32_t sum[2] = {0, 0};
	uint64_t got[2] = {0, 0};
	struct fix f;

	start(&f, false);
	listen_for(&f, 12);
	world_setopt(f.listener, WEFT_SOL_SOCKET, WEFT_SO_MARK, 3);
	c = dial(&f);
	a = take(&f);
	other = stream(&f, f.w.server, 34);
	assert_int_equal(weft_send(c, "hello", 5, 0), 5);
	world_settle(&f.w);
	weft_stack_usage(f.w.server, on_usage, sum);
	assert_int_equal(sum[0], 1234);
	assert_int_equal(sum[1], 30201);
	weft_stack_sockets(f.w.server, on_sock, got);
	assert_int_equal(got[0], 2);
	assert_int_equal(got[1], usage(f.w.server, 12).n_bytes);
	assert_true(got[1] > 0);
	/* It moves with all it has. */
	LIMIT(f.w.server, 34, .max_conns_per_peer = 1);
	world_setopt(a, WEFT_SOL_SOCKET, WEFT_SO_OWNER, 34);
	assert_int_equal(usage(f.w.server, 34).n_bytes, got[1]);
	assert_int_equal(usage(f.w.server, 12).n_bytes, 0);
	world_setopt(a, WEFT_SOL_SOCKET, WEFT_SO_OWNER, 0);
	assert_int_equal(usage(f.w.server, 34).n_bytes, 0);
	weft_abort(c);
	weft_abort(a);
	weft_close(other);
	weft_close(f.listener);
	world_end(&f.w);
}

static void count_owner(void *arg, const struct weft_usage *u UNUSED)
{
	uint32_t *n = arg;

	(*n)++;
}

static void owners_come_and_go_until_there_are_too_many(void **state UNUSED)
{
	enum {
		MOST = UINT16_MAX
	};
	struct weft_limits none = {0}, l;
	uint32_t n = 0;
	struct fix f;

	start(&f, false);
	for (uint32_t id = 1; id <= MOST; id++)
		LIMIT(f.w.server, id, .max_socks = id);
	assert_int_equal(
		weft_stack_limits_set(f.w.server, MOST + 1, &(struct weft_limits){.max_socks = 1}),
		-ENOMEM);
	/* Places that have become free are found, wherever they are. */
	for (uint32_t id = 3; id <= MOST; id += 5000) {
		limit(f.w.server, id, none);
		LIMIT(f.w.server, MOST + id, .max_socks = MOST + id);
	}
	for (uint32_t id = 1; id <= MOST; id++) {
		bool has_moved = id % 5000 == 3;

		assert_int_equal(
			weft_stack_limits_get(f.w.server, has_moved ? MOST + id : id, &l, NULL), 0);
		assert_int_equal(l.max_socks, has_moved ? MOST + id : id);
	}
	weft_stack_usage(f.w.server, count_owner, &n);
	assert_int_equal(n, MOST + 1); /* and the stack itself */
	world_end(&f.w);
}

static void note_half_open(void *arg, const struct weft_sock_info *info)
{
	uint32_t *owner = arg;

	if (info->state == WEFT_TCP_SYN_RECV)
		*owner = info->owner;
}

static void half_open_connection_is_its_listeners(void **state UNUSED)
{
	struct weft_addr own = world_addr("10.0.0.1");
	struct weft_sock *c;
	uint32_t owner = 0;
	struct fix f;

	start(&f, false);
	listen_for(&f, 5);
	c = stream(&f, f.w.client, 0);
	assert_int_equal(try_connect(&f, c), -EINPROGRESS);
	/* The SYN is under way, and its answer meets nobody. */
	assert_int_equal(weft_addr_del(f.w.client_if, &own, 24), 0);
	world_settle(&f.w);
	weft_stack_sockets(f.w.server, note_half_open, &owner);
	assert_int_equal(owner, 5);
	weft_abort(c);
	weft_close(f.listener);
	world_end(&f.w);
}

static void limits_that_make_no_sense_change_nothing(void **state UNUSED)
{
	struct weft_limits l = {.max_socks = 1, .peer_len4 = 33};
	struct fix f;

	start(&f, false);
	assert_int_equal(weft_stack_limits_set(f.w.client, 3, &l), -EINVAL);
	assert_int_equal(weft_stack_limits_get(f.w.client, 3, &l, NULL), -ENOENT);
	l = (struct weft_limits){.peer_len6 = 129};
	assert_int_equal(weft_stack_limits_set(f.w.client, 0, &l), -EINVAL);
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.peer_len4", 33), -EINVAL);
	assert_int_equal(weft_stack_limits_set(f.w.client, 3, NULL), 0);
	assert_int_equal(weft_stack_limits_get(f.w.client, 3, &l, NULL), -ENOENT);
	world_end(&f.w);
}

static void limits_without_memory_change_nothing(void **state UNUSED)
{
	const struct weft_limits l = {.max_socks = 10, .max_conns_per_peer = 2};
	struct weft_sock *c, *s;
	struct fix f;
	int err = -1, n;

	start(&f, false);
	listen_for(&f, 0);
	c = dial(&f);
	for (n = 0; err; n++) {
		world_fail_after(&f.w, n);
		err = weft_stack_limits_set(f.w.client, 3, &l);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(weft_stack_limits_get(f.w.client, 3, NULL, NULL), -ENOENT);
		}
	}
	assert_true(n > 3);
	world_fail_after(&f.w, 0);
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.conns_per_peer", 1), 0);
	assert_int_equal(weft_stack_limits_get(f.w.client, 0, (struct weft_limits *)&l, NULL), 0);
	assert_int_equal(l.max_conns_per_peer, 0);
	world_fail_after(&f.w, -1);
	/* Nor does what was counted by another prefix hinder anybody. */
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.conns_per_peer", 1), 0);
	world_fail_after(&f.w, 0);
	assert_int_equal(weft_stack_set(f.w.client, "net.limit.peer_len4", 32), 0);
	world_fail_after(&f.w, -1);
	s = dial(&f);
	weft_abort(s);
	world_setopt(c, WEFT_SOL_SOCKET, WEFT_SO_OWNER, 3);
	for (n = 0, err = -1; err; n++) {
		world_fail_after(&f.w, n);
		err = weft_socket_for(f.w.client, 4, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s);
		assert_true(err == 0 || err == -ENOMEM);
	}
	world_fail_after(&f.w, -1);
	weft_close(s);
	weft_abort(c);
	weft_close(take(&f));
	weft_close(f.listener);
	world_advance(&f.w, WORLD_SEC);
	world_end(&f.w);
}

static void on_line(void *arg, const char *line)
{
	struct fix *f = arg;

	assert_true(f->n_lines < LINES_MAX);
	snprintf(f->lines[f->n_lines++], LINE_MAX_BYTES, "%s", line);
}

static void assert_line(struct fix *f, uint32_t i, const char *want)
{
	const char *at;

	assert_true(i < f->n_lines);
	at = strstr(f->lines[i], "\"event\"");
	assert_non_null(at);
	assert_string_equal(at, want);
}

static void audit_log_tells_who_did_what(void **state UNUSED)
{
	struct weft_sockaddr taken = world_at("10.0.0.2:80");
	struct weft_sock *c, *a, *s;
	struct fix f;

	start(&f, false);
	weft_stack_audit(f.w.server, WEFT_AUDIT_ALL, on_line, &f);
	listen_for(&f, 5);
	assert_line(&f, 0,
		    "\"event\":\"bind\",\"proto\":\"tcp\",\"owner\":5,\"local\":\"10.0.0.2:80\"}");
	assert_line(
		&f, 1,
		"\"event\":\"listen\",\"proto\":\"tcp\",\"owner\":5,\"local\":\"10.0.0.2:80\"}");
	s = stream(&f, f.w.server, 6);
	assert_int_equal(weft_bind(s, &taken), -EADDRINUSE);
	assert_line(
		&f, 2,
		"\"event\":\"refuse\",\"proto\":\"tcp\",\"owner\":6,\"call\":\"bind\",\"errno\":98,"
		"\"local\":\"10.0.0.2:80\"}");
	assert_int_equal(world_connect(s, "10.0.0.1:9"), -EINPROGRESS);
	assert_non_null(strstr(
		f.lines[3],
		"\"event\":\"connect\",\"proto\":\"tcp\",\"owner\":6,\"local\":\"10.0.0.2:"));
	assert_non_null(strstr(f.lines[3], "\"peer\":\"10.0.0.1:9\"}"));
	assert_memory_equal(f.lines[3], "{\"time_ns\":", 11);
	assert_non_null(strstr(f.lines[3], ",\"stack\":\"server\","));
	c = dial(&f);
	a = take(&f);
	assert_non_null(strstr(f.lines[4], "\"event\":\"accept\",\"proto\":\"tcp\",\"owner\":5,"
					   "\"local\":\"10.0.0.2:80\",\"peer\":\"10.0.0.1:"));
	LIMIT(f.w.server, 5, .max_conns_per_peer = 1);
	weft_abort(s);
	s = dial(&f);
	assert_non_null(strstr(f.lines[5],
			       "\"event\":\"refuse\",\"proto\":\"tcp\",\"owner\":5,\"why\":\"LIMIT_"
			       "PEER\",\"local\":\"10.0.0.2:80\",\"peer\":\"10.0.0.1:"));
	assert_int_equal(f.n_lines, 6);
	weft_stack_audit(f.w.server, WEFT_AUDIT_BIND, on_line, &f);
	weft_abort(s);
	s = dial(&f);
	assert_int_equal(f.n_lines, 6);
	weft_stack_audit(f.w.server, 0, NULL, NULL);
	weft_abort(s);
	weft_abort(c);
	weft_abort(a);
	weft_close(f.listener);
	world_end(&f.w);
}

/* Whose socket could not be opened is in the log, whosever limit it was, and of what kind. */
static void audit_log_tells_whose_socket_was_refused(void **state UNUSED)
{
	struct weft_sock *s, *more;
	struct fix f;

	start(&f, false);
	weft_stack_audit(f.w.server, WEFT_AUDIT_REFUSE, on_line, &f);
	LIMIT(f.w.server, 7, .max_socks = 1);
	s = stream(&f, f.w.server, 7);
	assert_int_equal(weft_socket_for(f.w.server, 7, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &more),
			 -EMFILE);
	assert_line(&f, 0,
		    "\"event\":\"refuse\",\"proto\":\"udp\",\"owner\":7,\"call\":\"socket\","
		    "\"errno\":24}");
	LIMIT(f.w.server, 0, .max_socks = 1);
	assert_int_equal(weft_socket_for(f.w.server, 7, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &more),
			 -ENFILE);
	assert_line(&f, 1,
		    "\"event\":\"refuse\",\"proto\":\"udp\",\"owner\":7,\"call\":\"socket\","
		    "\"errno\":23}");
	assert_int_equal(weft_socket_for(f.w.server, 7, WEFT_AF_PACKET, WEFT_SOCK_RAW, 0, &more),
			 -ENFILE);
	assert_line(&f, 2,
		    "\"event\":\"refuse\",\"proto\":\"packet\",\"owner\":7,\"call\":"
		    "\"socket\",\"errno\":23}");
	assert_int_equal(f.n_lines, 3);
	weft_close(s);
	world_end(&f.w);
}

/* A connection that begins with the data of a fast open, or waits for them, is one too. */
static void audit_log_tells_of_fast_opens(void **state UNUSED)
{
	struct weft_sockaddr sa = world_at("10.0.0.2:80");
	struct weft_sock *c[2];
	struct fix f;

	start(&f, false);
	listen_for(&f, 0);
	weft_stack_audit(f.w.client, WEFT_AUDIT_CONNECT, on_line, &f);
	c[0] = stream(&f, f.w.client, 1);
	assert_int_equal(weft_sendto(c[0], "x", 1, WEFT_MSG_FASTOPEN, &sa), -EINPROGRESS);
	assert_int_equal(f.n_lines, 1);
	assert_non_null(strstr(f.lines[0], "\"event\":\"connect\",\"proto\":\"tcp\",\"owner\":1"));
	assert_non_null(strstr(f.lines[0], "\"peer\":\"10.0.0.2:80\"}"));
	world_settle(&f.w);
	c[1] = stream(&f, f.w.client, 2);
	world_setopt(c[1], WEFT_IPPROTO_TCP, WEFT_TCP_FASTOPEN_CONNECT, 1);
	world_setopt(c[1], WEFT_IPPROTO_TCP, WEFT_TCP_FASTOPEN_NO_COOKIE, 1);
	assert_int_equal(weft_connect(c[1], &sa), 0);
	assert_int_equal(f.n_lines, 2);
	assert_non_null(strstr(f.lines[1], "\"owner\":2"));
	assert_int_equal(weft_send(c[1], "x", 1, 0), 1);
	world_settle(&f.w);
	assert_int_equal(weft_connect(c[1], &sa), 0);
	assert_int_equal(f.n_lines, 2);
	weft_abort(c[0]);
	weft_abort(c[1]);
	weft_close(f.listener);
	world_end(&f.w);
}

static void on_whole_line(void *arg, const char *line)
{
	size_t *ret_len = arg;

	*ret_len = strlen(line);
	assert_string_equal(line + *ret_len - 2, "\"}");
}

static void audit_line_of_a_stack_with_a_long_name_is_whole(void **state UNUSED)
{
	struct weft_sockaddr sa = world_at("[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	struct weft_stack *st;
	struct weft_sock *s;
	char name[64];
	size_t len = 0;
	struct fix f;

	start(&f, true);
	memset(name, 1, sizeof(name));
	name[63] = '\0';
	assert_int_equal(weft_stack_new(f.w.eng, name, &st), 0);
	weft_stack_audit(st, WEFT_AUDIT_ALL, on_whole_line, &len);
	s = stream(&f, st, UINT32_MAX);
	assert_int_equal(weft_connect(s, &sa), -ENETUNREACH);
	assert_true(len > 512);
	weft_close(s);
	weft_stack_free(st);
	world_end(&f.w);
}

static void audit_log_is_not_filled_by_strangers(void **state UNUSED)
{
	struct weft_sock *c[150];
	struct fix f;

	start(&f, false);
	listen_for(&f, 5);
	LIMIT(f.w.server, 5, .max_socks = 1);
	weft_stack_audit(f.w.server, WEFT_AUDIT_REFUSE, on_line, &f);
	for (int i = 0; i < 150; i++)
		c[i] = dial(&f);
	assert_int_equal(f.n_lines, 100);
	world_advance(&f.w, 1100 * WORLD_MSEC);
	assert_true(f.n_lines > 100);
	assert_non_null(strstr(f.lines[100], ",\"withheld\":50}"));
	assert_null(strstr(f.lines[101], "withheld"));
	for (int i = 0; i < 150; i++)
		weft_abort(c[i]);
	weft_close(f.listener);
	world_end(&f.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stack_with_its_sockets_refuses_another),
		cmocka_unit_test(owner_with_its_sockets_gets_emfile_and_others_do_not),
		cmocka_unit_test(connections_count_for_the_listeners_owner_4),
		cmocka_unit_test(connections_count_for_the_listeners_owner_6),
		cmocka_unit_test(peer_with_its_connections_gets_no_more_4),
		cmocka_unit_test(peer_with_its_connections_gets_no_more_6),
		cmocka_unit_test(connections_beyond_the_rate_wait_for_their_token),
		cmocka_unit_test(rate_that_is_raised_counts_from_now),
		cmocka_unit_test(datagrams_beyond_the_owners_bytes_are_dropped_4),
		cmocka_unit_test(datagrams_beyond_the_owners_bytes_are_dropped_6),
		cmocka_unit_test(streams_beyond_the_owners_bytes_wait_4),
		cmocka_unit_test(streams_beyond_the_owners_bytes_wait_6),
		cmocka_unit_test(owners_and_what_they_have_are_listed),
		cmocka_unit_test(owners_come_and_go_until_there_are_too_many),
		cmocka_unit_test(half_open_connection_is_its_listeners),
		cmocka_unit_test(limits_that_make_no_sense_change_nothing),
		cmocka_unit_test(limits_without_memory_change_nothing),
		cmocka_unit_test(audit_log_tells_who_did_what),
		cmocka_unit_test(audit_log_tells_whose_socket_was_refused),
		cmocka_unit_test(audit_log_tells_of_fast_opens),
		cmocka_unit_test(audit_line_of_a_stack_with_a_long_name_is_whole),
		cmocka_unit_test(audit_log_is_not_filled_by_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
