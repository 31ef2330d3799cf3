/* SPDX-License-Identifier: MIT */
/* See fake_net.h. */
#include "fake_net.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_PORT = 40000,
	RUN_MAX = 100000, /* callbacks of one turn */
};

struct fake_dgram {
	struct list link; /* weft_sock.dgrams */
	struct weft_sockaddr from, to;
	size_t len;
	uint8_t bytes[];
};

struct weft_sock {
	struct list link; /* fake_net.socks */
	struct fake_net *f;
	bool is_stream;
	struct weft_sockaddr laddr, raddr; /* raddr.port 0: not connected */
	struct weft_addr at;               /* where the datagram read last was sent to */
	void (*fn)(struct weft_sock *s, void *arg, uint32_t events);
	void *arg;
	bool is_due; /* fn is to be called */
	int err;     /* told once */

	struct list dgrams;
	struct weft_sock *peer; /* the stream's other end; NULL: none yet, or it has gone */
	uint8_t *bytes;         /* that came by the stream */
	size_t n_bytes;
	bool is_reset;
	struct weft_sock **queue; /* of a listener: to be accepted */
	size_t n_queue, backlog;
};

/* A target may make malloc() fail for the service that it tests, by the linker's --wrap; what is
 * here is not meant, and comes from another function. */
static void *block_new(size_t n)
{
	void *p;

	if (posix_memalign(&p, sizeof(max_align_t), n))
		abort();
	return memset(p, 0, n);
}

static bool addr_is_any(const struct weft_addr *a)
{
	static const uint8_t none[sizeof(a->bytes)];

	return memcmp(a->bytes, none, sizeof(none)) == 0;
}

static bool addr_eq(const struct weft_addr *a, const struct weft_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool sockaddr_eq(const struct weft_sockaddr *a, const struct weft_sockaddr *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

/*
 * Events.
 */

static void due(struct weft_sock *s)
{
	s->is_due = true;
}

static bool may_send(const struct weft_sock *s)
{
	return !s->is_stream || !s->peer || s->peer->n_bytes < s->f->room;
}

static uint32_t events_of(const struct weft_sock *s)
{
	bool is_over = s->is_stream && s->raddr.port && !s->peer;
	uint32_t events = 0;

	if (!list_is_empty(&s->dgrams) || s->n_bytes || s->n_queue || is_over || s->err)
		events |= WEFT_IN;
	if (!s->backlog && (may_send(s) || s->err))
		events |= WEFT_OUT;
	if (s->err)
		events |= WEFT_ERR;
	return events;
}

static struct weft_sock *next_due(const struct fake_net *f)
{
	struct weft_sock *s;

	list_for_each (s, &f->socks, link)
		if (s->is_due)
			return s;
	return NULL;
}

void fake_net_run(struct fake_net *f)
{
	struct weft_sock *s;

	for (int n = 0; (s = next_due(f)); n++) {
		assert(n < RUN_MAX);
		s->is_due = false;
		if (s->fn && events_of(s))
			s->fn(s, s->arg, events_of(s)); /* `s` may be gone now */
	}
}

struct weft_sock *fake_sock(struct fake_net *f, uint32_t i)
{
	struct list *link = f->socks.next;

	while (i-- && link->next != &f->socks)
		link = link->next;
	return container_of(link, struct weft_sock, link);
}

void fake_error(struct weft_sock *s, int err)
{
	s->err = err;
	due(s);
}

static int error_take(struct weft_sock *s)
{
	int err = s->err;

	s->err = 0;
	return -err;
}

/*
 * Sockets.
 */

struct weft_sock *fake_socket(struct fake_net *f, int family, int type)
{
	struct weft_sock *s = block_new(sizeof(*s));

	s->f = f;
	s->is_stream = type == WEFT_SOCK_STREAM;
	s->laddr.addr.family = (uint8_t)family;
	list_init(&s->dgrams);
	list_add_tail(&f->socks, &s->link);
	return s;
}

void fake_close(struct weft_sock *s, bool abort)
{
	struct list *link;

	if (!s)
		return;
	if (s->peer) {
		s->peer->peer = NULL;
		s->peer->is_reset = abort;
		due(s->peer);
	}
	while ((link = list_pop(&s->dgrams)))
		free(container_of(link, struct fake_dgram, link));
	for (size_t i = 0; i < s->n_queue; i++)
		fake_close(s->queue[i], true);
	list_del(&s->link);
	free(s->queue);
	free(s->bytes);
	free(s);
}

/* Who is at an address and port; connected datagram sockets hear only their peer. */
static struct weft_sock *sock_find(struct fake_net *f, bool is_stream,
				   const struct weft_sockaddr *at, const struct weft_sockaddr *from)
{
	struct weft_sock *s;

	list_for_each (s, &f->socks, link)
		if (s->is_stream == is_stream && s->laddr.port == at->port &&
		    (!is_stream || s->backlog) && s->laddr.addr.family == at->addr.family &&
		    (addr_is_any(&s->laddr.addr) || addr_eq(&s->laddr.addr, &at->addr)) &&
		    (is_stream || !s->raddr.port || sockaddr_eq(&s->raddr, from)))
			return s;
	return NULL;
}

int fake_bind(struct weft_sock *s, const struct weft_sockaddr *sa)
{
	if (sa->addr.family == WEFT_AF_INET && sa->addr.bytes[0] == 10 && sa->addr.bytes[1] == 9)
		return -EADDRNOTAVAIL;
	if (sa->port && sock_find(s->f, s->is_stream, sa, sa))
		return -EADDRINUSE;
	s->laddr = *sa;
	return 0;
}

int fake_listen(struct weft_sock *s, int backlog)
{
	s->backlog = (size_t)backlog;
	s->queue = block_new(s->backlog * sizeof(struct weft_sock *));
	return 0;
}

int fake_accept(struct weft_sock *s, struct weft_sock **ret, struct weft_sockaddr *peer)
{
	if (s->err)
		return error_take(s);
	if (!s->n_queue)
		return -EAGAIN;
	*ret = s->queue[0];
	memmove(s->queue, s->queue + 1, --s->n_queue * sizeof(struct weft_sock *));
	if (peer)
		*peer = (*ret)->raddr;
	return 0;
}

/* As a host that has every address: it talks to itself. */
static void sock_name(struct weft_sock *s, const struct weft_sockaddr *to)
{
	if (!s->laddr.port)
		s->laddr.port = s->f->next_port++;
	if (addr_is_any(&s->laddr.addr))
		s->laddr.addr = to->addr;
}

int fake_connect(struct weft_sock *s, const struct weft_sockaddr *to)
{
	struct weft_sock *listener, *peer;

	sock_name(s, to);
	s->raddr = *to;
	if (!s->is_stream)
		return 0;
	due(s);
	listener = sock_find(s->f, true, to, NULL);
	if (!listener || listener->n_queue == listener->backlog) {
		s->err = ECONNREFUSED;
		return -EINPROGRESS;
	}
	peer = fake_socket(s->f, to->addr.family, WEFT_SOCK_STREAM);
	peer->laddr = *to;
	peer->raddr = s->laddr;
	peer->peer = s;
	s->peer = peer;
	listener->queue[listener->n_queue++] = peer;
	due(listener);
	return -EINPROGRESS;
}

/*
 * Data.
 */

static ptrdiff_t stream_send(struct weft_sock *s, const void *buf, size_t len)
{
	struct weft_sock *to = s->peer;
	uint8_t *bytes;

	if (s->err)
		return error_take(s);
	if (!to)
		return s->is_reset ? -ECONNRESET : -EPIPE;
	if (to->n_bytes >= s->f->room)
		return -EAGAIN;
	len = len < s->f->room - to->n_bytes ? len : s->f->room - to->n_bytes;
	bytes = block_new(to->n_bytes + len);
	if (to->n_bytes)
		memcpy(bytes, to->bytes, to->n_bytes);
	memcpy(bytes + to->n_bytes, buf, len);
	free(to->bytes);
	to->bytes = bytes;
	to->n_bytes += len;
	due(to);
	return (ptrdiff_t)len;
}

ptrdiff_t fake_sendto(struct weft_sock *s, const void *buf, size_t len,
		      const struct weft_sockaddr *to)
{
	struct fake_dgram *d;
	struct weft_sock *at;

	if (s->is_stream)
		return stream_send(s, buf, len);
	if (s->err)
		return error_take(s);
	if (!to)
		to = &s->raddr;
	if (!s->laddr.port)
		sock_name(s, to);
	d = block_new(sizeof(*d) + len);
	d->from = s->laddr;
	d->to = *to;
	d->len = len;
	if (addr_is_any(&d->from.addr))
		d->from.addr = s->at.family ? s->at : to->addr;
	memcpy(d->bytes, buf, len);
	at = sock_find(s->f, false, to, &d->from);
	if (at) {
		list_add_tail(&at->dgrams, &d->link);
		due(at);
		return (ptrdiff_t)len;
	}
	free(d);
	if (s->raddr.port)
		fake_error(s, ECONNREFUSED);
	return (ptrdiff_t)len;
}

static ptrdiff_t stream_recv(struct weft_sock *s, void *buf, size_t len)
{
	if (s->err)
		return error_take(s);
	if (!s->n_bytes && s->peer)
		return -EAGAIN;
	if (!s->n_bytes)
		return s->is_reset ? -ECONNRESET : 0;
	len = len < s->n_bytes ? len : s->n_bytes;
	memcpy(buf, s->bytes, len);
	s->n_bytes -= len;
	memmove(s->bytes, s->bytes + len, s->n_bytes);
	if (s->peer)
		due(s->peer); /* there is room again */
	return (ptrdiff_t)len;
}

ptrdiff_t fake_recvfrom(struct weft_sock *s, void *buf, size_t len, struct weft_sockaddr *from)
{
	struct fake_dgram *d;
	struct list *link;

	if (s->is_stream)
		return stream_recv(s, buf, len);
	if (s->err)
		return error_take(s);
	link = list_pop(&s->dgrams);
	if (!link)
		return -EAGAIN;
	d = container_of(link, struct fake_dgram, link);
	s->at = d->to.addr;
	if (from)
		*from = d->from;
	len = len < d->len ? len : d->len;
	memcpy(buf, d->bytes, len);
	free(d);
	return (ptrdiff_t)len;
}

/*
 * The service's calls.
 */

/* What the call returns in the place of doing anything; 0: it is done. */
static int fails(struct fake_net *f, enum fake_call call)
{
	if (!(f->fail_calls >> call & 1) || !f->n_failing)
		return 0;
	if (f->fail_after) {
		f->fail_after--;
		return 0;
	}
	f->n_failing--;
	return -f->fail_err;
}

/* The same; who is told to come again, is told when. */
static int sock_fails(struct weft_sock *s, enum fake_call call)
{
	int err = fails(s->f, call);

	if (err)
		due(s);
	return err;
}

static int net_socket(const struct weft_net *net, int family, int type, int protocol,
		      struct weft_sock **ret)
{
	struct fake_net *f = net->ctx;
	int err = fails(f, FAKE_SOCKET);

	assert(protocol == 0);
	if (err)
		return err;
	*ret = fake_socket(f, family, type);
	return 0;
}

static void net_on_event(struct weft_sock *s,
			 void (*fn)(struct weft_sock *s, void *arg, uint32_t events), void *arg)
{
	s->fn = fn;
	s->arg = arg;
	due(s);
}

static int net_bind(struct weft_sock *s, const struct weft_sockaddr *sa)
{
	int err = sock_fails(s, FAKE_BIND);

	return err ? err : fake_bind(s, sa);
}

static int net_listen(struct weft_sock *s, int backlog)
{
	int err = sock_fails(s, FAKE_LISTEN);

	return err ? err : fake_listen(s, backlog);
}

static int net_accept(struct weft_sock *s, struct weft_sock **ret, struct weft_sockaddr *peer)
{
	int err = sock_fails(s, FAKE_ACCEPT);

	return err ? err : fake_accept(s, ret, peer);
}

static int net_connect(struct weft_sock *s, const struct weft_sockaddr *to)
{
	int err = sock_fails(s, FAKE_CONNECT);

	return err ? err : fake_connect(s, to);
}

static ptrdiff_t net_send(struct weft_sock *s, const void *buf, size_t len, uint32_t flags)
{
	int err = sock_fails(s, FAKE_SEND);

	assert(flags == 0);
	return err ? err : fake_sendto(s, buf, len, NULL);
}

static ptrdiff_t net_sendto(struct weft_sock *s, const void *buf, size_t len, uint32_t flags,
			    const struct weft_sockaddr *to)
{
	int err = sock_fails(s, FAKE_SEND);

	assert(flags == 0);
	return err ? err : fake_sendto(s, buf, len, to);
}

static ptrdiff_t net_recvfrom(struct weft_sock *s, void *buf, size_t len, uint32_t flags,
			      struct weft_sockaddr *from)
{
	int err = sock_fails(s, FAKE_RECV);

	assert(flags == 0);
	return err ? err : fake_recvfrom(s, buf, len, from);
}

static ptrdiff_t net_recv(struct weft_sock *s, void *buf, size_t len, uint32_t flags)
{
	return net_recvfrom(s, buf, len, flags, NULL);
}

static void net_close(struct weft_sock *s)
{
	fake_close(s, false);
}

static void net_abort(struct weft_sock *s)
{
	fake_close(s, true);
}

static int net_setsockopt(struct weft_sock *s, int level, int name, const void *val, size_t len)
{
	static uint8_t copy[16]; /* all of it can be read */

	assert(level == WEFT_SOL_SOCKET && name && len <= sizeof(copy));
	memcpy(copy, val, len);
	return sock_fails(s, FAKE_SETSOCKOPT);
}

void fake_net_init(struct fake_net *f, struct weft_engine *eng)
{
	static const struct weft_net_ops ops = {
		.name = "fake",
		.socket = net_socket,
		.on_event = net_on_event,
		.bind = net_bind,
		.listen = net_listen,
		.accept = net_accept,
		.connect = net_connect,
		.send = net_send,
		.sendto = net_sendto,
		.recv = net_recv,
		.recvfrom = net_recvfrom,
		.close = net_close,
		.abort = net_abort,
		.setsockopt = net_setsockopt,
	};

	*f = (struct fake_net){.net = {.ops = &ops, .ctx = f, .eng = eng},
			       .next_port = FIRST_PORT,
			       .room = UINT32_MAX};
	list_init(&f->socks);
}
