/* SPDX-License-Identifier: MIT */
/* The bulk sender; the contract is in bulk.h. */
#include "net/bulk/bulk.h"

#include <errno.h>
#include <stdlib.h>

#include "net/app/app_priv.h"

struct bulk {
	struct app app;
	struct bulk_config cfg;
	struct weft_timer *end_timer;   /* time_ns is over */
	struct weft_sock *sock;         /* NULL: no transfer is under way */
	bool is_connected, is_finished; /* finished: nothing more is sent */
	int64_t connected_ns;
	uint64_t left;          /* bytes to send, of `size` */
	uint64_t handed;        /* bytes that the socket has taken */
	uint64_t acked_before;  /* bytes of earlier transfers */
	uint64_t seen;          /* bytes sent for good at the last deadline */
	int64_t busy_before_ns; /* time of earlier transfers */
	uint8_t buf[16384];
};

static struct bulk *bulk_of(struct app *a)
{
	return (struct bulk *)(void *)a; /* its first member */
}

/* What the peer has acknowledged is what was sent for good. */
static uint64_t bytes_acked(const struct bulk *b)
{
	struct weft_tcp_info_linux info = {.bytes_acked = 0};
	size_t len = sizeof(info);
	int err = b->app.net.ops->getsockopt(b->sock, WEFT_IPPROTO_TCP, WEFT_TCP_INFO_LINUX, &info,
					     &len);

	/* Linux counts SYN and FIN. */
	return err ? 0 : info.bytes_acked < b->handed ? info.bytes_acked : b->handed;
}

static void bulk_refresh(struct app *a)
{
	struct bulk *b = bulk_of(a);

	if (!b->sock || !b->is_connected)
		return;
	a->stats.bytes_sent = b->acked_before + bytes_acked(b);
	a->stats.busy_ns = b->busy_before_ns + weft_engine_now_ns(a->eng) - b->connected_ns;
}

static void transfer_close(struct bulk *b, bool is_good)
{
	if (!b->sock)
		return;
	bulk_refresh(&b->app);
	b->acked_before = b->app.stats.bytes_sent;
	b->busy_before_ns = b->app.stats.busy_ns;
	weft_timer_stop(b->end_timer);
	if (is_good)
		b->app.net.ops->close(b->sock);
	else
		b->app.net.ops->abort(b->sock);
	b->sock = NULL;
}

/* All that fits. 0 or -Exxx. */
static int bulk_send(struct bulk *b)
{
	while (!b->is_finished) {
		size_t n = sizeof(b->buf);
		ptrdiff_t r;

		if (b->cfg.size && n > b->left)
			n = (size_t)b->left;
		r = b->app.net.ops->send(b->sock, b->buf, n, 0);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return (int)r;
		b->handed += (uint64_t)r;
		if (b->cfg.size)
			b->left -= (uint64_t)r;
		if (b->cfg.size && !b->left) {
			b->is_finished = true;
			return b->app.net.ops->shutdown(b->sock, WEFT_SHUT_WR);
		}
	}
	return 0;
}

/* 0: the peer has closed, having everything; -EAGAIN: not yet; or -Exxx. What it sends is nothing
 * to us. */
static int bulk_receive(struct bulk *b)
{
	uint8_t sink[2048];
	ptrdiff_t n;

	while ((n = b->app.net.ops->recv(b->sock, sink, sizeof(sink), 0)) > 0)
		;
	if (n < 0)
		return (int)n;
	return b->is_finished ? 0 : -ECONNRESET;
}

static int bulk_connected(struct bulk *b, uint32_t events)
{
	int err = app_connect_result(&b->app, b->sock, events);

	if (err)
		return err;
	b->is_connected = true;
	b->connected_ns = weft_engine_now_ns(b->app.eng);
	if (b->cfg.time_ns)
		weft_timer_start(b->end_timer, b->connected_ns + b->cfg.time_ns);
	app_try_progress(&b->app);
	return 0;
}

static void bulk_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bulk *b = arg;
	int err = b->is_connected ? 0 : bulk_connected(b, events);

	(void)s;
	if (!err)
		err = bulk_send(b);
	if (!err)
		err = bulk_receive(b);
	if (err == -EAGAIN)
		return;
	transfer_close(b, !err);
	if (!err)
		app_time_add(&b->app, weft_engine_now_ns(b->app.eng) - b->connected_ns);
	app_try_end(&b->app, err, NULL);
}

static void time_over(void *arg)
{
	struct bulk *b = arg;
	int err = b->app.net.ops->shutdown(b->sock, WEFT_SHUT_WR);

	b->is_finished = true;
	if (!err)
		return;
	transfer_close(b, false);
	app_try_end(&b->app, err, NULL);
}

static int bulk_begin(struct app *a)
{
	struct bulk *b = bulk_of(a);

	b->is_connected = false;
	b->is_finished = false;
	b->seen = b->acked_before;
	b->handed = 0;
	b->left = b->cfg.size;
	return app_connect(a, &b->cfg.to, bulk_ready, &b->sock);
}

static void bulk_cancel(struct app *a)
{
	transfer_close(bulk_of(a), false);
}

static bool bulk_has_progress(struct app *a)
{
	struct bulk *b = bulk_of(a);
	uint64_t seen = b->seen;

	bulk_refresh(a);
	b->seen = a->stats.bytes_sent;
	return b->seen != seen;
}

static void bulk_free(struct app *a)
{
	struct bulk *b = bulk_of(a);

	if (b->sock)
		b->app.net.ops->abort(b->sock);
	weft_timer_free(b->end_timer);
	app_fini(a);
	free(b);
}

static const struct app_ops bulk_ops = {
	.begin = bulk_begin,
	.cancel = bulk_cancel,
	.has_progress = bulk_has_progress,
	.refresh = bulk_refresh,
	.free = bulk_free,
};

int bulk_new(struct weft_stack *st, const struct bulk_config *cfg, struct app **ret)
{
	struct bulk *b;

	if (!cfg->size && cfg->time_ns <= 0)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->cfg = *cfg;
	for (size_t i = 0; i < sizeof(b->buf); i++)
		b->buf[i] = (uint8_t)(i % 251);
	b->end_timer = weft_timer_new(app_engine(st, &cfg->plan), time_over, b);
	if (!b->end_timer || app_init(&b->app, &bulk_ops, st, &cfg->plan) < 0) {
		bulk_free(&b->app);
		return -ENOMEM;
	}
	*ret = &b->app;
	return 0;
}
