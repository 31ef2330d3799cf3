/* SPDX-License-Identifier: MIT */
/*
 * The web client; the contract is in http_get.h.
 *
 * A response is read line by line up to the empty one: status, then the fields that say where the
 * body ends (RFC 9112 §6.3). Responses 1xx are skipped. Lengths that contradict each other are
 * refused, as a server refuses them in a request.
 */
#include "net/http/http_get.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/app/app_priv.h"
#include "net/http/http_body.h"

enum get_state {
	GET_CONNECTING,
	GET_STATUS_LINE,
	GET_FIELDS,
	GET_BODY,        /* of a length that is known by and by */
	GET_BODY_TO_EOF, /* up to the end of the connection */
	GET_DONE,
};

struct http_get {
	struct app app;
	struct http_get_config cfg;
	struct weft_sock *sock;
	char *request;
	size_t request_len, n_out;

	/* of the response under way */
	enum get_state state;
	uint32_t status;
	bool is_chunked, has_length;
	uint64_t length;
	uint64_t body_bytes;
	struct http_body body;
	uint32_t head_bytes; /* of all heads so far */
	uint32_t n_line;
	char line[HTTP_GET_HEAD_MAX];
};

static struct http_get *get_of(struct app *a)
{
	return (struct http_get *)(void *)a; /* its first member */
}

/* "HTTP/1.x NNN ..." */
static int status_line_read(struct http_get *g)
{
	const char *p = g->line;

	if (g->n_line < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[7] < '0' || p[7] > '9' ||
	    p[8] != ' ' || (g->n_line > 12 && p[12] != ' '))
		return -EPROTO;
	g->status = 0;
	for (int i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -EPROTO;
		g->status = g->status * 10 + (uint32_t)(p[i] - '0');
	}
	g->is_chunked = false;
	g->has_length = false;
	g->state = GET_FIELDS;
	return 0;
}

static int length_read(struct http_get *g, const char *p, const char *end)
{
	uint64_t n = 0;

	if (p == end)
		return -EPROTO;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return -EPROTO;
	}
	if (g->has_length && g->length != n)
		return -EPROTO;
	g->has_length = true;
	g->length = n;
	return 0;
}

static int field_read(struct http_get *g)
{
	const char *colon = memchr(g->line, ':', g->n_line);
	const char *p, *end = g->line + g->n_line;
	size_t n_name;

	if (!colon || colon == g->line)
		return -EPROTO;
	n_name = (size_t)(colon - g->line);
	for (p = colon + 1; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (n_name == 14 && !strncasecmp(g->line, "content-length", n_name))
		return length_read(g, p, end);
	if (n_name == 17 && !strncasecmp(g->line, "transfer-encoding", n_name)) {
		if (end - p != 7 || strncasecmp(p, "chunked", 7) != 0)
			return -EPROTO;
		g->is_chunked = true;
	}
	return 0;
}

/* The empty line: what comes now? */
static int head_end(struct http_get *g)
{
	struct http_request framing = {
		.is_chunked = g->is_chunked,
		.has_length = g->has_length,
		.content_length = g->length,
	};

	if (g->status >= 100 && g->status < 200 && g->status != 101) {
		g->state = GET_STATUS_LINE;
		return 0;
	}
	if (g->is_chunked && g->has_length)
		return -EPROTO;
	if (g->status == 204 || g->status == 304) {
		g->state = GET_DONE;
	} else if (!g->is_chunked && !g->has_length) {
		g->state = GET_BODY_TO_EOF;
	} else {
		http_body_init(&g->body, &framing, UINT64_MAX);
		g->state = g->body.state == HTTP_BODY_DONE ? GET_DONE : GET_BODY;
	}
	return 0;
}

static int line_end(struct http_get *g)
{
	int err;

	if (g->n_line && g->line[g->n_line - 1] == '\r')
		g->n_line--;
	if (g->state == GET_STATUS_LINE)
		err = status_line_read(g);
	else
		err = g->n_line ? field_read(g) : head_end(g);
	g->n_line = 0;
	return err;
}

/* Takes a part of a head: how many bytes, or -EPROTO. */
static ptrdiff_t head_read(struct http_get *g, const char *buf, size_t len)
{
	const char *lf = memchr(buf, '\n', len);
	size_t n = lf ? (size_t)(lf - buf) : len;
	int err;

	if (n + 1 > HTTP_GET_HEAD_MAX - g->head_bytes)
		return -EPROTO;
	memcpy(g->line + g->n_line, buf, n);
	g->n_line += (uint32_t)n;
	g->head_bytes += (uint32_t)n + 1;
	if (!lf)
		return (ptrdiff_t)n;
	err = line_end(g);
	return err ? err : (ptrdiff_t)n + 1;
}

/* Takes a part of the body: how many bytes, or -EPROTO. */
static ptrdiff_t body_read(struct http_get *g, const char *buf, size_t len)
{
	uint64_t before = g->body.total_left;
	size_t n;

	if (g->state == GET_BODY_TO_EOF) {
		g->body_bytes += len;
		return (ptrdiff_t)len;
	}
	n = http_body_skip(&g->body, buf, len);
	g->body_bytes += before - g->body.total_left;
	if (before != g->body.total_left)
		g->body.line_bytes = 0; /* its bound is on lines without a byte of body */
	if (g->body.state == HTTP_BODY_BAD)
		return -EPROTO;
	if (g->body.state == HTTP_BODY_DONE)
		g->state = GET_DONE;
	return (ptrdiff_t)n;
}

static int bytes_read(struct http_get *g, const char *buf, size_t len)
{
	while (len && g->state != GET_DONE) {
		ptrdiff_t n = g->state < GET_BODY ? head_read(g, buf, len) : body_read(g, buf, len);

		if (n < 0)
			return (int)n;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static int eof_read(struct http_get *g)
{
	if (g->state != GET_BODY_TO_EOF)
		return -ECONNRESET;
	g->state = GET_DONE;
	return 0;
}

/* 0: the response is complete; -EAGAIN: not yet; or -Exxx. */
static int response_receive(struct http_get *g)
{
	char buf[16384];
	int err = 0;

	while (!err && g->state != GET_DONE) {
		uint64_t before = g->body_bytes;
		ptrdiff_t n = weft_recv(g->sock, buf, sizeof(buf), 0);

		if (n < 0)
			return (int)n;
		err = n ? bytes_read(g, buf, (size_t)n) : eof_read(g);
		g->app.stats.bytes_received += g->body_bytes - before;
	}
	return err;
}

static int request_send(struct http_get *g)
{
	while (g->n_out < g->request_len) {
		ptrdiff_t n =
			weft_send(g->sock, g->request + g->n_out, g->request_len - g->n_out, 0);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		g->n_out += (size_t)n;
	}
	return 0;
}

static void get_end(struct http_get *g, int err)
{
	struct app *a = &g->app;
	int64_t took_ns = weft_engine_now_ns(a->eng) - a->try_ns;
	const char *why = err == -EPROTO ? "not an HTTP response" : NULL;

	if (err)
		weft_abort(g->sock);
	else
		weft_close(g->sock);
	g->sock = NULL;
	if (!err && g->status != 200) {
		snprintf(a->text, sizeof(a->text), "HTTP status %u", (unsigned int)g->status);
		why = a->text;
		err = -EPROTO;
	} else if (!err && g->cfg.has_size && g->body_bytes != g->cfg.size) {
		snprintf(a->text, sizeof(a->text), "%" PRIu64 " bytes came", g->body_bytes);
		why = a->text;
		err = -EMSGSIZE;
	}
	if (!err) {
		a->stats.busy_ns += took_ns;
		app_time_add(a, took_ns);
	}
	app_try_end(a, err, why);
}

static void get_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct http_get *g = arg;
	int err = 0;

	if (g->state == GET_CONNECTING) {
		err = app_connect_result(s, events);
		if (!err)
			g->state = GET_STATUS_LINE;
	}
	if (!err)
		err = request_send(g);
	if (!err)
		err = response_receive(g);
	if (err != -EAGAIN)
		get_end(g, err);
}

static int get_begin(struct app *a)
{
	struct http_get *g = get_of(a);

	g->state = GET_CONNECTING;
	g->n_out = 0;
	g->n_line = 0;
	g->head_bytes = 0;
	g->body_bytes = 0;
	return app_connect(a, &g->cfg.to, get_ready, &g->sock);
}

static void get_cancel(struct app *a)
{
	struct http_get *g = get_of(a);

	weft_abort(g->sock);
	g->sock = NULL;
}

static void get_free(struct app *a)
{
	get_cancel(a);
	app_fini(a);
	free(get_of(a)->request);
	free(get_of(a));
}

static const struct app_ops get_ops = {
	.begin = get_begin,
	.cancel = get_cancel,
	.free = get_free,
};

/* Of the visible characters that a request line can have. */
static bool is_word(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0 && len <= HTTP_GET_TARGET_MAX;
}

int http_get_new(struct weft_stack *st, const struct http_get_config *cfg, struct app **ret)
{
	struct http_get *g;
	int n;

	if (!is_word(cfg->host) || !is_word(cfg->path) || cfg->path[0] != '/')
		return -EINVAL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->cfg = *cfg;
	n = asprintf(&g->request,
		     "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: weft\r\n"
		     "Connection: close\r\n\r\n",
		     cfg->path, cfg->host);
	if (n < 0)
		g->request = NULL;
	g->request_len = n < 0 ? 0 : (size_t)n;
	if (n < 0 || app_init(&g->app, &get_ops, st, &cfg->plan) < 0) {
		get_free(&g->app);
		return -ENOMEM;
	}
	*ret = &g->app;
	return 0;
}
