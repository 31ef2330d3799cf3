/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection, driven by its socket, its timer and the disk's thread. Whichever of
 * them has news calls http_conn_pump(), which takes steps until it has to wait:
 *
 *	             +--------------- next request ----------------+
 *	             v                                             |
 *	accept --> READ --+------------> SEND --> (keep alive) --> SKIP
 *	                  +--> OPEN --+    |
 *	                                   +--> (close) --> LINGER --> closed
 *
 * One request is answered at a time, and nothing is read meanwhile, so a client that sends requests
 * without reading answers is stopped by its own window. LINGER is there because a socket that is
 * closed with something unread resets the connection, and a reset can overtake the answer (RFC 9112
 * §9.6).
 *
 * In every state the timer runs.
 */
#include "net/http/http_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEPS_MAX = 32, /* of one connection before others have their turn */
	LINGER_BYTES = 4096,
	LOG_LINE_MAX = 512, /* bytes of the request line that are logged */
};

enum step {
	STEP_AGAIN, /* there may be more to do */
	STEP_WAIT,
	STEP_CLOSE, /* all is said */
	STEP_ABORT, /* it cannot go on */
};

static void conn_free(struct http_conn *c)
{
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	c->srv->stats.n_open--;
	http_exchange_free(c->x);
	weft_timer_free(c->timer);
	free(c);
}

static const struct weft_net_ops *ops(const struct http_conn *c)
{
	return c->srv->net.ops;
}

static int64_t now_ns(const struct http_conn *c)
{
	return weft_engine_now_ns(c->srv->net.eng);
}

static void set_timer(struct http_conn *c, int64_t timeout_ns)
{
	weft_timer_start(c->timer, now_ns(c) + timeout_ns);
}

/* The log */

/* Bytes that could end the quoted text, or a terminal's patience, as \xHH. */
static void escape(struct http_text text, char *ret, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len && len + 5 <= size; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			ret[len++] = (char)c;
		else
			len += (size_t)snprintf(ret + len, size - len, "\\x%02x", c);
	}
	ret[len] = '\0';
}

static void log_exchange(const struct http_conn *c, const char *how)
{
	const struct http_exchange *x = c->x;
	char peer[WEFT_SOCKADDR_STRLEN], request[LOG_LINE_MAX], line[LOG_LINE_MAX + 256];
	int64_t took_ms = (now_ns(c) - x->start_ns) / 1000000;

	if (!c->srv->cfg.log)
		return;
	escape(http_span_text(x->in, x->parser.req.line), request, sizeof(request));
	snprintf(line, sizeof(line), "%s \"%s\" %u %" PRIu64 " %" PRId64 "ms%s%s",
		 weft_sockaddr_print(&c->peer, peer, sizeof(peer)), request, x->status, x->n_sent,
		 took_ms, *how || x->why ? " " : "",
		 *how     ? how
		 : x->why ? x->why
			  : "");
	c->srv->cfg.log(c->srv->cfg.log_arg, line);
}

static void note_answered(struct http_conn *c)
{
	struct http_server_stats *stats = &c->srv->stats;

	stats->n_requests++;
	stats->n_status[c->x->status / 100]++;
	log_exchange(c, "");
}

/* The end */

static void conn_abort_amid(struct http_conn *c)
{
	if (c->state == HTTP_CONN_OPEN || c->state == HTTP_CONN_SEND) {
		c->srv->stats.n_broken++;
		log_exchange(c, "broken off");
	}
	ops(c)->abort(c->sock);
	conn_free(c);
}

void http_conn_abort(struct http_conn *c)
{
	ops(c)->abort(c->sock);
	conn_free(c);
}

/* What was received and not read makes this a reset, which a client deserves that sent it. */
static void conn_close(struct http_conn *c)
{
	if (c->state == HTTP_CONN_SEND) {
		c->srv->stats.n_broken++;
		log_exchange(c, "the file became shorter or unreadable");
	}
	ops(c)->close(c->sock);
	conn_free(c);
}

/* Steps */

static enum step start_linger(struct http_conn *c)
{
	if (ops(c)->shutdown(c->sock, WEFT_SHUT_WR) < 0)
		return STEP_ABORT;
	http_exchange_free(c->x);
	c->x = NULL;
	c->state = HTTP_CONN_LINGER;
	set_timer(c, c->srv->cfg.close_timeout_ns);
	return STEP_AGAIN;
}

static enum step step_linger(struct http_conn *c)
{
	char bytes[LINGER_BYTES];
	ptrdiff_t n = ops(c)->recv(c->sock, bytes, sizeof(bytes), 0);

	if (n < 0)
		return n == -EAGAIN ? STEP_WAIT : STEP_ABORT;
	return n ? STEP_AGAIN : STEP_CLOSE;
}

static enum step start_send(struct http_conn *c)
{
	c->state = HTTP_CONN_SEND;
	set_timer(c, c->srv->cfg.idle_timeout_ns);
	return STEP_AGAIN;
}

/* An answer after which the connection is of no use. */
static enum step send_last_error(struct http_conn *c, uint32_t status, const char *why)
{
	c->x->keep_alive = false;
	if (http_exchange_error(c->x, c->srv, status, why) < 0)
		return STEP_ABORT;
	return start_send(c);
}

static void file_ready(void *arg);

static enum step answer(struct http_conn *c)
{
	int err = http_exchange_answer(c->x, c->srv, file_ready, c);

	if (err == -EAGAIN) {
		c->state = HTTP_CONN_OPEN;
		set_timer(c, c->srv->cfg.idle_timeout_ns);
		return STEP_WAIT;
	}
	return err ? STEP_ABORT : start_send(c);
}

static bool buffer_grow(struct http_exchange *x)
{
	size_t cap = 2 * x->in_cap < HTTP_HEAD_MAX ? 2 * x->in_cap : HTTP_HEAD_MAX;
	char *in = realloc(x->in, cap);

	if (!in)
		return false;
	x->in = in;
	x->in_cap = cap;
	return true;
}

/* A full buffer of HTTP_HEAD_MAX bytes is never incomplete: the parser has its bounds. */
static enum step receive_head(struct http_conn *c)
{
	struct http_exchange *x = c->x;
	ptrdiff_t n;

	if (x->in_len == x->in_cap && !buffer_grow(x))
		return STEP_ABORT;
	n = ops(c)->recv(c->sock, x->in + x->in_len, x->in_cap - x->in_len, 0);
	if (n == -EAGAIN) {
		if (x->in_len == 0) {
			http_exchange_free(x);
			c->x = NULL;
		}
		return STEP_WAIT;
	}
	if (n <= 0)
		return n ? STEP_ABORT : STEP_CLOSE;
	if (x->in_len == 0)
		set_timer(c, c->srv->cfg.head_timeout_ns);
	x->in_len += (size_t)n;
	return STEP_AGAIN;
}

static enum step step_read(struct http_conn *c)
{
	if (!c->x)
		c->x = http_exchange_new(now_ns(c));
	if (!c->x)
		return STEP_ABORT;
	switch (http_parse(&c->x->parser, c->x->in, c->x->in_len)) {
	case HTTP_PARSE_DONE:
		return answer(c);
	case HTTP_PARSE_BAD:
		return send_last_error(c, c->x->parser.status, c->x->parser.why);
	default:
		return receive_head(c);
	}
}

static enum step step_open(struct http_conn *c)
{
	if (http_file_status(c->x->file) == -EAGAIN)
		return STEP_WAIT;
	return http_exchange_opened(c->x, c->srv) < 0 ? STEP_ABORT : start_send(c);
}

static enum step finish_answer(struct http_conn *c)
{
	note_answered(c);
	if (!c->x->keep_alive)
		return start_linger(c);
	c->x->in_used = c->x->parser.head_len;
	c->state = HTTP_CONN_SKIP;
	set_timer(c, c->srv->cfg.head_timeout_ns);
	return STEP_AGAIN;
}

/* Counts what the socket took. */
static void sent(struct http_conn *c, size_t n)
{
	struct http_exchange *x = c->x;
	size_t head = x->out_len - x->out_off;

	head = n < head ? n : head;
	x->out_off += head;
	if (n > head) {
		http_exchange_take(x, n - head);
		c->srv->stats.n_body_bytes += n - head;
	}
	set_timer(c, c->srv->cfg.idle_timeout_ns);
}

/* The head goes with the first bytes of the content, in one call and so in one segment; and as long
 * as more will follow, the socket is told, so that no piece ends in a small segment. */
static enum step step_send(struct http_conn *c)
{
	struct http_exchange *x = c->x;
	const void *bytes = NULL;
	ptrdiff_t n_bytes = http_exchange_peek(x, &bytes);
	struct weft_iovec iov[2];
	ptrdiff_t n;

	if (n_bytes < 0)
		return n_bytes == -EAGAIN ? STEP_WAIT : STEP_CLOSE;
	iov[0] = (struct weft_iovec){.base = x->out + x->out_off, .len = x->out_len - x->out_off};
	iov[1] = (struct weft_iovec){.base = (void *)(uintptr_t)bytes, .len = (size_t)n_bytes};
	if (iov[0].len + iov[1].len == 0)
		return finish_answer(c);
	n = ops(c)->sendv(c->sock, iov[0].len ? iov : iov + 1,
			  (size_t)(iov[0].len > 0) + (iov[1].len > 0),
			  x->body_left > iov[1].len ? WEFT_MSG_MORE : 0);
	if (n < 0)
		return n == -EAGAIN ? STEP_WAIT : STEP_ABORT;
	sent(c, (size_t)n);
	return STEP_AGAIN;
}

static enum step next_request(struct http_conn *c)
{
	struct http_exchange *x = c->x;

	c->state = HTTP_CONN_READ;
	if (x->in_used < x->in_len) {
		http_exchange_next(x, now_ns(c));
		set_timer(c, c->srv->cfg.head_timeout_ns);
		return STEP_AGAIN;
	}
	http_exchange_free(x);
	c->x = NULL;
	set_timer(c, c->srv->cfg.idle_timeout_ns);
	return STEP_AGAIN;
}

static enum step step_skip(struct http_conn *c)
{
	struct http_exchange *x = c->x;
	ptrdiff_t n;

	x->in_used += http_body_skip(&x->body, x->in + x->in_used, x->in_len - x->in_used);
	if (x->body.state == HTTP_BODY_DONE)
		return next_request(c);
	if (x->body.state == HTTP_BODY_BAD)
		return start_linger(c);
	n = ops(c)->recv(c->sock, x->in, x->in_cap, 0);
	if (n == -EAGAIN)
		return STEP_WAIT;
	if (n <= 0)
		return n ? STEP_ABORT : STEP_CLOSE;
	x->in_used = 0;
	x->in_len = (size_t)n;
	return STEP_AGAIN;
}

static enum step (*const steps[])(struct http_conn *c) = {
	[HTTP_CONN_READ] = step_read,     [HTTP_CONN_OPEN] = step_open,
	[HTTP_CONN_SEND] = step_send,     [HTTP_CONN_SKIP] = step_skip,
	[HTTP_CONN_LINGER] = step_linger,
};

static void conn_ready(struct weft_sock *s, void *arg, uint32_t events);

/* The connection may be gone afterwards. */
static void conn_pump(struct http_conn *c)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		switch (steps[c->state](c)) {
		case STEP_AGAIN:
			break;
		case STEP_WAIT:
			return;
		case STEP_CLOSE:
			conn_close(c);
			return;
		case STEP_ABORT:
			conn_abort_amid(c);
			return;
		}
	}
	/* Being set again, the callback comes once more. */
	ops(c)->on_event(c->sock, conn_ready, c);
}

/* A connection that is reset while the disk is waited for is only seen here. */
static void conn_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct http_conn *c = arg;

	(void)s;
	if (c->state != HTTP_CONN_LINGER && events & (WEFT_ERR | WEFT_HUP))
		conn_abort_amid(c);
	else
		conn_pump(c);
}

static void file_ready(void *arg)
{
	conn_pump(arg);
}

static void conn_timeout(void *arg)
{
	struct http_conn *c = arg;

	if (c->state != HTTP_CONN_LINGER)
		c->srv->stats.n_timeouts++;
	if (c->state == HTTP_CONN_READ && c->x) {
		if (send_last_error(c, 408, "the request did not come to its end") == STEP_ABORT)
			conn_abort_amid(c);
		else
			conn_pump(c);
	} else if (c->state == HTTP_CONN_OPEN || c->state == HTTP_CONN_SEND) {
		conn_abort_amid(c);
	} else {
		conn_close(c);
	}
}

static void conn_link(struct http_conn *c)
{
	c->next = c->srv->conns;
	c->pprev = &c->srv->conns;
	if (c->next)
		c->next->pprev = &c->next;
	c->srv->conns = c;
	c->srv->stats.n_open++;
}

int http_conn_new(struct http_server *srv, struct weft_sock *sock, const struct weft_sockaddr *peer,
		  bool is_refused)
{
	struct http_conn *c = calloc(1, sizeof(*c));
	const int one = 1;

	if (!c)
		return -ENOMEM;
	c->timer = weft_timer_new(srv->net.eng, conn_timeout, c);
	if (is_refused)
		c->x = http_exchange_new(weft_engine_now_ns(srv->net.eng));
	if (!c->timer || (is_refused && (!c->x || http_exchange_error(c->x, srv, 503,
								      "too many connections") < 0)))
		goto fail;
	c->srv = srv;
	c->sock = sock;
	c->peer = *peer;
	c->state = is_refused ? HTTP_CONN_SEND : HTTP_CONN_READ;
	conn_link(c);
	set_timer(c, srv->cfg.idle_timeout_ns);
	/* Answers are whole when they are handed over: nothing is gained by waiting for more. */
	(void)srv->net.ops->setsockopt(sock, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &one, sizeof(one));
	srv->net.ops->on_event(sock, conn_ready, c);
	return 0;
fail:
	http_exchange_free(c->x);
	weft_timer_free(c->timer);
	free(c);
	return -ENOMEM;
}
