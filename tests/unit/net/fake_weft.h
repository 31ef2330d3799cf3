/* SPDX-License-Identifier: MIT */
/*
 * The calls of the public API that net/http makes, without a stack behind them: a socket is a
 * buffer of bytes to read and one of bytes written, and a test is the peer. It says how much a
 * socket takes and when the peer finishes or resets, and moves the clock. One test program includes
 * it once.
 *
 * The rules are those of weft/socket.h and weft/engine.h: callbacks come from fake_run() only, once
 * for any number of changes.
 */
#pragma once

#include "weft/weft.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>

enum {
	FAKE_SOCKS_MAX = 256,
};

struct weft_sock {
	void (*fn)(struct weft_sock *s, void *arg, uint32_t events);
	void *arg;
	bool is_pending; /* the callback is due */
	bool is_listener;

	char *in; /* what the peer sent and nobody has read */
	size_t in_len;
	bool in_fin;
	int err;

	char *out; /* what was sent */
	size_t out_len, out_room;
	bool out_fin, more; /* WEFT_MSG_MORE of the last send */
	uint32_t n_sends;

	bool is_closed, is_aborted;              /* by the server: the test may still look at it */
	struct weft_sock *queue[FAKE_SOCKS_MAX]; /* of a listener: those to accept */
	size_t n_queue;
};

struct weft_timer {
	void (*fn)(void *arg);
	void *arg;
	int64_t at_ns; /* INT64_MAX: stopped */
	struct weft_timer *next;
};

static struct fake {
	int64_t now_ns;
	struct weft_sock *socks[FAKE_SOCKS_MAX];
	size_t n_socks;
	struct weft_sock *listener;
	struct weft_timer *timers;
	int listen_err;
	bool (*alloc_fails)(void); /* weft_timer_new() asks it, unless NULL */
} fake;

/* What the test does */

static inline uint32_t fake_events(const struct weft_sock *s)
{
	uint32_t events = 0;

	if (s->in_len || s->in_fin || s->err || s->n_queue)
		events |= WEFT_IN;
	if (!s->is_listener && (s->out_room || s->err || s->out_fin))
		events |= WEFT_OUT;
	if (s->err)
		events |= WEFT_ERR;
	if (s->in_fin)
		events |= WEFT_RDHUP;
	if ((s->in_fin && s->out_fin) || s->err)
		events |= WEFT_HUP;
	return events;
}

static inline struct weft_timer *fake_due_timer(void)
{
	for (struct weft_timer *t = fake.timers; t; t = t->next)
		if (t->at_ns <= fake.now_ns)
			return t;
	return NULL;
}

static inline void fake_run(void)
{
	struct weft_timer *t;
	bool again = true;

	while ((t = fake_due_timer())) {
		t->at_ns = INT64_MAX;
		t->fn(t->arg);
	}
	while (again) {
		again = false;
		for (size_t i = 0; i < fake.n_socks; i++) {
			struct weft_sock *s = fake.socks[i];

			if (!s->is_pending)
				continue;
			s->is_pending = false;
			if (s->fn && fake_events(s)) {
				s->fn(s, s->arg, fake_events(s));
				again = true;
			}
		}
	}
}

static inline void fake_pass(int64_t ns)
{
	fake.now_ns += ns;
	fake_run();
}

/* A peer connects; nothing runs yet. */
static inline struct weft_sock *fake_sock(void)
{
	struct weft_sock *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_true(fake.n_socks < FAKE_SOCKS_MAX);
	fake.socks[fake.n_socks++] = s;
	s->out_room = SIZE_MAX;
	return s;
}

static inline struct weft_sock *fake_connect(void)
{
	struct weft_sock *s = fake_sock();

	fake.listener->queue[fake.listener->n_queue++] = s;
	fake.listener->is_pending = true;
	return s;
}

static inline void fake_feed(struct weft_sock *s, const char *bytes, size_t len)
{
	char *in = malloc(s->in_len + len + 1);

	assert_non_null(in);
	if (s->in)
		memcpy(in, s->in, s->in_len);
	memcpy(in + s->in_len, bytes, len);
	free(s->in);
	s->in = in;
	s->in_len += len;
	s->is_pending = true;
}

static inline void fake_text(struct weft_sock *s, const char *text)
{
	fake_feed(s, text, strlen(text));
}

static inline void fake_finish(struct weft_sock *s)
{
	s->in_fin = true;
	s->is_pending = true;
}

static inline void fake_reset(struct weft_sock *s)
{
	s->err = ECONNRESET;
	s->is_pending = true;
}

static inline void fake_set_room(struct weft_sock *s, size_t room)
{
	s->out_room = room;
	s->is_pending = true;
}

/* Forgets what was sent. */
static inline void fake_clear(struct weft_sock *s)
{
	s->out_len = 0;
	s->n_sends = 0;
}

/* What was sent, with a NUL. */
static inline const char *fake_sent(struct weft_sock *s)
{
	return s->out ? s->out : "";
}

static inline bool fake_is_gone(const struct weft_sock *s)
{
	return s->is_closed || s->is_aborted;
}

/* All sockets have been closed, all timers freed; forgets everything. */
static inline void fake_end(void)
{
	assert_null(fake.timers);
	for (size_t i = 0; i < fake.n_socks; i++) {
		assert_true(fake_is_gone(fake.socks[i]));
		free(fake.socks[i]->in);
		free(fake.socks[i]->out);
		free(fake.socks[i]);
	}
	fake = (struct fake){.now_ns = 0};
}

/* weft/engine.h */

struct weft_engine *weft_stack_engine(const struct weft_stack *st)
{
	(void)st;
	return NULL;
}

int64_t weft_engine_now_ns(const struct weft_engine *eng)
{
	(void)eng;
	return fake.now_ns;
}

struct weft_timer *weft_timer_new(struct weft_engine *eng, void (*fn)(void *arg), void *arg)
{
	struct weft_timer *t;

	(void)eng;
	if (fake.alloc_fails && fake.alloc_fails())
		return NULL;
	t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->fn = fn;
	t->arg = arg;
	t->at_ns = INT64_MAX;
	t->next = fake.timers;
	fake.timers = t;
	return t;
}

void weft_timer_start(struct weft_timer *t, int64_t at_ns)
{
	t->at_ns = at_ns;
}

void weft_timer_free(struct weft_timer *t)
{
	struct weft_timer **at = &fake.timers;

	if (!t)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t);
}

/* weft/types.h, weft/socket.h */

const char *weft_sockaddr_print(const struct weft_sockaddr *sa, char *buf, size_t size)
{
	snprintf(buf, size, "192.0.2.1:%u", sa->port);
	return buf;
}

int weft_socket(struct weft_stack *st, int family, int type, int protocol, struct weft_sock **ret)
{
	(void)st;
	if (family == WEFT_AF_INET6)
		return -EAFNOSUPPORT;
	assert_int_equal(family, WEFT_AF_INET);
	assert_int_equal(type, WEFT_SOCK_STREAM);
	assert_int_equal(protocol, 0);
	fake.listener = fake_sock();
	fake.listener->is_listener = true;
	*ret = fake.listener;
	return 0;
}

void weft_on_event(struct weft_sock *s, void (*fn)(struct weft_sock *s, void *arg, uint32_t events),
		   void *arg)
{
	s->fn = fn;
	s->arg = arg;
	s->is_pending = true;
}

int weft_setsockopt(struct weft_sock *s, int level, int name, const void *val, size_t len)
{
	(void)s, (void)level, (void)name, (void)val;
	return len == sizeof(int) ? 0 : -EINVAL;
}

int weft_bind(struct weft_sock *s, const struct weft_sockaddr *sa)
{
	(void)s;
	assert_true(sa->port != 0);
	return 0;
}

int weft_listen(struct weft_sock *s, int backlog)
{
	(void)s;
	assert_true(backlog > 0);
	return fake.listen_err;
}

int weft_accept(struct weft_sock *s, struct weft_sock **ret, struct weft_sockaddr *ret_peer)
{
	if (!s->n_queue)
		return -EAGAIN;
	*ret = s->queue[0];
	*ret_peer = (struct weft_sockaddr){.addr.family = WEFT_AF_INET, .port = 4000};
	memmove(s->queue, s->queue + 1, --s->n_queue * sizeof(s->queue[0]));
	return 0;
}

ptrdiff_t weft_recv(struct weft_sock *s, void *buf, size_t len, uint32_t flags)
{
	size_t n = s->in_len < len ? s->in_len : len;

	assert_false(fake_is_gone(s));
	assert_int_equal(flags, 0);
	if (s->err)
		return -s->err;
	if (n == 0)
		return s->in_fin ? 0 : -EAGAIN;
	memcpy(buf, s->in, n);
	s->in_len -= n;
	memmove(s->in, s->in + n, s->in_len);
	return (ptrdiff_t)n;
}

ptrdiff_t weft_sendv(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
		     uint32_t flags)
{
	size_t total = 0;

	assert_false(fake_is_gone(s));
	if (s->err || s->out_fin)
		return s->err ? -s->err : -EPIPE;
	if (!s->out_room)
		return -EAGAIN;
	for (size_t i = 0; i < n_iov && s->out_room; i++) {
		size_t n = iov[i].len < s->out_room ? iov[i].len : s->out_room;
		char *out = realloc(s->out, s->out_len + n + 1);

		assert_non_null(out);
		memcpy(out + s->out_len, iov[i].base, n);
		s->out = out;
		s->out_len += n;
		s->out[s->out_len] = '\0';
		s->out_room -= s->out_room == SIZE_MAX ? 0 : n;
		total += n;
	}
	s->more = flags & WEFT_MSG_MORE;
	s->n_sends++;
	return (ptrdiff_t)total;
}

int weft_shutdown(struct weft_sock *s, int how)
{
	assert_int_equal(how, WEFT_SHUT_WR);
	assert_false(fake_is_gone(s));
	s->out_fin = true;
	return 0;
}

void weft_close(struct weft_sock *s)
{
	if (!s)
		return;
	assert_false(fake_is_gone(s));
	s->is_closed = true;
	s->fn = NULL;
}

void weft_abort(struct weft_sock *s)
{
	assert_false(fake_is_gone(s));
	s->is_aborted = true;
	s->fn = NULL;
}

/* weft/net.h */

static int fake_net_socket(const struct weft_net *net, int family, int type, int protocol,
			   struct weft_sock **ret)
{
	return weft_socket(net->ctx, family, type, protocol, ret);
}

void weft_net_of_stack(struct weft_stack *st, struct weft_net *ret)
{
	static const struct weft_net_ops ops = {
		.name = "fake",
		.socket = fake_net_socket,
		.on_event = weft_on_event,
		.bind = weft_bind,
		.listen = weft_listen,
		.accept = weft_accept,
		.recv = weft_recv,
		.sendv = weft_sendv,
		.shutdown = weft_shutdown,
		.close = weft_close,
		.abort = weft_abort,
		.setsockopt = weft_setsockopt,
	};

	*ret = (struct weft_net){.ops = &ops, .ctx = st, .eng = weft_stack_engine(st)};
}
