/* SPDX-License-Identifier: MIT */
/* Connections of clients (RFC 7766), and messages with their length in front. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/load.h"
#include "net/dnsfwd/dnsfwd_priv.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	IDLE_S = 10, /* RFC 7766 §6.2.3: some seconds */
};

/*
 * Messages.
 */

void dnsfwd_frame_clear(struct dnsfwd_frame *f)
{
	free(f->buf);
	*f = (struct dnsfwd_frame){0};
}

int dnsfwd_frame_set(struct dnsfwd_frame *f, const uint8_t *msg, size_t len)
{
	uint8_t *buf = malloc(DNSFWD_FRAME_HDR + len);

	if (!buf)
		return -ENOMEM;
	store_be16(buf, (uint16_t)len);
	memcpy(buf + DNSFWD_FRAME_HDR, msg, len);
	dnsfwd_frame_clear(f);
	f->buf = buf;
	f->len = DNSFWD_FRAME_HDR + len;
	return 0;
}

/* The length is there: room for what follows. */
static int frame_alloc(struct dnsfwd_frame *f)
{
	f->len = DNSFWD_FRAME_HDR + (size_t)load_be16(f->hdr);
	f->buf = malloc(f->len);
	return f->buf ? 0 : -ENOMEM;
}

int dnsfwd_frame_read(const struct weft_net *net, struct weft_sock *s, struct dnsfwd_frame *f)
{
	for (;;) {
		size_t want = f->buf ? f->len : DNSFWD_FRAME_HDR;
		uint8_t *to = f->buf ? f->buf : f->hdr;
		ptrdiff_t n;

		if (f->buf && f->off == f->len)
			return 1;
		n = net->ops->recv(s, to + f->off, want - f->off, 0);
		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return n ? (int)n : -ECONNRESET;
		f->off += (size_t)n;
		if (!f->buf && f->off == DNSFWD_FRAME_HDR && frame_alloc(f))
			return -ENOMEM;
	}
}

int dnsfwd_frame_write(const struct weft_net *net, struct weft_sock *s, struct dnsfwd_frame *f)
{
	while (f->off < f->len) {
		ptrdiff_t n = net->ops->send(s, f->buf + f->off, f->len - f->off, 0);

		if (n < 0)
			return n == -EAGAIN || n == -EINPROGRESS ? 0 : (int)n;
		f->off += (size_t)n;
	}
	return 1;
}

/*
 * A client.
 */

void dnsfwd_conn_free(struct dnsfwd_conn *c)
{
	if (c->query) {
		c->query->conn = NULL;
		dnsfwd_query_free(c->query);
	}
	list_del(&c->link);
	c->d->stats.n_conns--;
	c->d->inside.ops->close(c->sock);
	weft_timer_free(c->timer);
	dnsfwd_frame_clear(&c->in);
	dnsfwd_frame_clear(&c->out);
	free(c);
}

static void conn_used(struct dnsfwd_conn *c)
{
	weft_timer_start(c->timer, weft_engine_now_ns(c->d->eng) + IDLE_S * NSEC_PER_SEC);
}

/* 1: go on; 0: something is waited for; -Exxx: over. */
static int conn_step(struct dnsfwd_conn *c)
{
	int r;

	if (c->out.buf) {
		r = dnsfwd_frame_write(&c->d->inside, c->sock, &c->out);
		if (r == 1)
			dnsfwd_frame_clear(&c->out);
		return r;
	}
	if (c->query)
		return 0;
	r = dnsfwd_frame_read(&c->d->inside, c->sock, &c->in);
	if (r != 1)
		return r;
	conn_used(c);
	if (c->in.len > DNSFWD_FRAME_HDR + DNSFWD_QUERY_MAX ||
	    !dnsfwd_query_take(c->d, NULL, NULL, c, c->in.buf + DNSFWD_FRAME_HDR,
			       c->in.len - DNSFWD_FRAME_HDR))
		r = c->out.buf ? 1 : -EBADMSG;
	dnsfwd_frame_clear(&c->in);
	return r;
}

static void conn_run(struct dnsfwd_conn *c)
{
	int r;

	c->is_running = true;
	do {
		r = conn_step(c);
	} while (r == 1);
	c->is_running = false;
	if (r < 0)
		dnsfwd_conn_free(c);
}

static void conn_ready(struct weft_sock *s UNUSED, void *arg, uint32_t events UNUSED)
{
	conn_run(arg);
}

/* A query that waits ends by itself. */
static void conn_idle(void *arg)
{
	struct dnsfwd_conn *c = arg;

	if (c->query)
		conn_used(c);
	else
		dnsfwd_conn_free(c);
}

void dnsfwd_conn_answer(struct dnsfwd_conn *c, const uint8_t *msg, size_t len)
{
	c->query = NULL;
	conn_used(c);
	if (dnsfwd_frame_set(&c->out, msg, len) && !c->is_running)
		dnsfwd_conn_free(c);
	else if (!c->is_running)
		conn_run(c);
}

void dnsfwd_conn_new(struct dnsfwd *d, struct weft_sock *sock)
{
	struct dnsfwd_conn *c = d->stats.n_conns < DNSFWD_CONNS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (c)
		c->timer = weft_timer_new(d->eng, conn_idle, c);
	if (!c || !c->timer) {
		free(c);
		d->stats.n_full++;
		d->inside.ops->abort(sock);
		return;
	}
	c->d = d;
	c->sock = sock;
	list_add(&d->conns, &c->link);
	d->stats.n_conns++;
	conn_used(c);
	d->inside.ops->on_event(sock, conn_ready, c);
}
