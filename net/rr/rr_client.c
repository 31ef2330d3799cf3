/* SPDX-License-Identifier: MIT */
/*
 * The client of requests and responses, and of the echo service over TCP; the contract is in rr.h.
 *
 * Requests are made of a pattern that differs from one to the next, so that an echo of the wrong
 * bytes is noticed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/app/app_priv.h"
#include "net/rr/rr.h"

enum {
	RR_PERIOD = 251, /* of the pattern; prime, so that no power of two hides a shift */
};

struct rr_client {
	struct app app;
	struct rr_config cfg;
	struct weft_sock *sock; /* NULL: there is no connection */
	bool is_connected;
	int64_t request_ns;   /* when the first byte of the request was handed over */
	uint32_t n_out, n_in; /* bytes of this try that have gone and come */
	uint8_t head[RR_HEAD];
	uint8_t pattern[16384 + RR_PERIOD];
};

static struct rr_client *rr_of(struct app *a)
{
	return (struct rr_client *)(void *)a; /* its first member */
}

static void be32_put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* The bytes of this try's request from `off` on: how many stand together. */
static const uint8_t *request_bytes(const struct rr_client *rr, uint32_t off, size_t *ret_len)
{
	size_t left = rr->cfg.request - off;
	size_t max = sizeof(rr->pattern) - RR_PERIOD;

	if (!rr->cfg.is_echo && off < RR_HEAD) {
		*ret_len = RR_HEAD - off;
		return rr->head + off;
	}
	*ret_len = left < max ? left : max;
	return rr->pattern + (off + rr->app.stats.n_tries) % RR_PERIOD;
}

static uint32_t answer_size(const struct rr_client *rr)
{
	return rr->cfg.is_echo ? rr->cfg.request : rr->cfg.response;
}

static int request_send(struct rr_client *rr)
{
	while (rr->n_out < rr->cfg.request) {
		size_t len;
		const uint8_t *p = request_bytes(rr, rr->n_out, &len);
		/* A head goes with what follows it. */
		uint32_t flags = len < rr->cfg.request - rr->n_out ? WEFT_MSG_MORE : 0;
		ptrdiff_t n = rr->app.net.ops->send(rr->sock, p, len, flags);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		rr->n_out += (uint32_t)n;
		rr->app.stats.bytes_sent += (uint64_t)n;
	}
	return 0;
}

/* Whether these are the bytes of the echo that come next. */
static bool echo_is_right(const struct rr_client *rr, const uint8_t *buf, size_t n)
{
	uint32_t off = rr->n_in;

	while (n) {
		size_t len;
		const uint8_t *p = request_bytes(rr, off, &len);

		if (len > n)
			len = n;
		if (memcmp(p, buf, len) != 0)
			return false;
		buf += len;
		off += (uint32_t)len;
		n -= len;
	}
	return true;
}

/* 0: the whole answer is there; -EAGAIN: not yet; or -Exxx. */
static int answer_receive(struct rr_client *rr)
{
	uint8_t buf[16384];

	for (;;) {
		uint32_t left = rr->app.is_trying ? answer_size(rr) - rr->n_in : 0;
		ptrdiff_t n = rr->app.net.ops->recv(rr->sock, buf, sizeof(buf), 0);

		if (n == -EAGAIN)
			return rr->app.is_trying && !left && rr->n_out == rr->cfg.request ? 0
											  : -EAGAIN;
		if (n <= 0)
			return n ? (int)n : -ECONNRESET;
		if ((size_t)n > left || (rr->cfg.is_echo && !echo_is_right(rr, buf, (size_t)n)))
			return -EPROTO;
		rr->n_in += (uint32_t)n;
		rr->app.stats.bytes_received += (uint64_t)n;
	}
}

static void connection_drop(struct rr_client *rr)
{
	if (rr->sock)
		rr->app.net.ops->abort(rr->sock);
	rr->sock = NULL;
	rr->is_connected = false;
}

static void rr_end(struct rr_client *rr, int err)
{
	int64_t took_ns = weft_engine_now_ns(rr->app.eng) - rr->request_ns;

	if (err)
		connection_drop(rr);
	if (!rr->app.is_trying)
		return; /* the server has closed an idle connection: the next try makes one anew */
	if (!err) {
		rr->app.stats.busy_ns += took_ns;
		app_time_add(&rr->app, took_ns);
	}
	app_try_end(&rr->app, err, err == -EPROTO ? "wrong answer" : NULL);
}

static void rr_advance(struct rr_client *rr)
{
	int err = rr->app.is_trying ? request_send(rr) : 0;

	if (!err)
		err = answer_receive(rr);
	if (err != -EAGAIN)
		rr_end(rr, err);
}

static void rr_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct rr_client *rr = arg;

	if (!rr->is_connected) {
		int err = app_connect_result(&rr->app, s, events);

		if (err == -EAGAIN)
			return;
		if (err) {
			rr_end(rr, err);
			return;
		}
		rr->is_connected = true;
		app_no_delay(&rr->app, s);
		rr->request_ns = weft_engine_now_ns(rr->app.eng);
	}
	rr_advance(rr);
}

static int rr_begin(struct app *a)
{
	struct rr_client *rr = rr_of(a);

	rr->n_out = 0;
	rr->n_in = 0;
	rr->request_ns = a->try_ns;
	if (!rr->sock)
		return app_connect(a, &rr->cfg.to, rr_ready, &rr->sock);
	rr_advance(rr);
	return 0;
}

static void rr_cancel(struct app *a)
{
	connection_drop(rr_of(a));
}

static void rr_finish(struct app *a)
{
	struct rr_client *rr = rr_of(a);

	rr->app.net.ops->close(rr->sock);
	rr->sock = NULL;
}

static void rr_free(struct app *a)
{
	connection_drop(rr_of(a));
	app_fini(a);
	free(rr_of(a));
}

static const struct app_ops rr_ops = {
	.begin = rr_begin,
	.cancel = rr_cancel,
	.finish = rr_finish,
	.free = rr_free,
};

int rr_client_new(struct weft_stack *st, const struct rr_config *cfg, struct app **ret)
{
	struct rr_client *rr;

	if (cfg->request < (cfg->is_echo ? 1 : RR_HEAD) || cfg->request > RR_SIZE_MAX ||
	    cfg->response > RR_SIZE_MAX)
		return -EINVAL;
	rr = calloc(1, sizeof(*rr));
	if (!rr)
		return -ENOMEM;
	rr->cfg = *cfg;
	for (size_t i = 0; i < sizeof(rr->pattern); i++)
		rr->pattern[i] = (uint8_t)(i % RR_PERIOD);
	be32_put(rr->head, cfg->request);
	be32_put(rr->head + 4, cfg->response);
	if (app_init(&rr->app, &rr_ops, st, &cfg->plan) < 0) {
		rr_free(&rr->app);
		return -ENOMEM;
	}
	*ret = &rr->app;
	return 0;
}
