/* SPDX-License-Identifier: MIT */
/* The web client; the contract is in http_get.h. */
#include "net/http/http_get.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/app/app_priv.h"
#include "net/http/http_reply.h"

struct http_get {
	struct app app;
	struct http_get_config cfg;
	struct weft_sock *sock;
	char *request;
	size_t request_len, n_out;

	bool is_connected;
	struct http_reply reply;
};

static struct http_get *get_of(struct app *a)
{
	return (struct http_get *)(void *)a; /* its first member */
}

/* 0: the response is complete; -EAGAIN: not yet; or -Exxx. */
static int response_receive(struct http_get *g)
{
	struct http_reply *r = &g->reply;
	char buf[16384];

	while (r->state < HTTP_REPLY_DONE) {
		uint64_t before = r->body_bytes;
		ptrdiff_t n = g->app.net.ops->recv(g->sock, buf, sizeof(buf), 0);

		if (n < 0)
			return (int)n;
		if (n)
			http_reply_read(r, buf, (size_t)n);
		else
			http_reply_eof(r);
		g->app.stats.bytes_received += r->body_bytes - before;
		if (!n && r->state == HTTP_REPLY_BAD)
			return -ECONNRESET;
	}
	return r->state == HTTP_REPLY_DONE ? 0 : -EPROTO;
}

static int request_send(struct http_get *g)
{
	while (g->n_out < g->request_len) {
		ptrdiff_t n = g->app.net.ops->send(g->sock, g->request + g->n_out,
						   g->request_len - g->n_out, 0);

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
		a->net.ops->abort(g->sock);
	else
		a->net.ops->close(g->sock);
	g->sock = NULL;
	if (!err && g->reply.status != 200) {
		snprintf(a->text, sizeof(a->text), "HTTP status %u", (unsigned int)g->reply.status);
		why = a->text;
		err = -EPROTO;
	} else if (!err && g->cfg.has_size && g->reply.body_bytes != g->cfg.size) {
		snprintf(a->text, sizeof(a->text), "%" PRIu64 " bytes came", g->reply.body_bytes);
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

	if (!g->is_connected) {
		err = app_connect_result(&g->app, s, events);
		g->is_connected = !err;
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

	g->is_connected = false;
	g->n_out = 0;
	http_reply_init(&g->reply);
	return app_connect(a, &g->cfg.to, get_ready, &g->sock);
}

static void get_cancel(struct app *a)
{
	struct http_get *g = get_of(a);

	if (g->sock)
		g->app.net.ops->abort(g->sock);
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
