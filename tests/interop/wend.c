/* SPDX-License-Identifier: MIT */
/* The weft end of a connection; the contract is in wend.h. */
#include "wend.h"

#include "unit.h"

#include <errno.h>

static int sock_error(struct weft_sock *s)
{
	int err = 0;
	size_t len = sizeof(err);

	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len), 0);
	return -err;
}

const struct weft_tcp_info *wend_info(struct wend *e)
{
	size_t len = sizeof(e->info);

	if (e->s)
		assert_int_equal(
			weft_getsockopt(e->s, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &e->info, &len), 0);
	return &e->info;
}

void wend_close(struct wend *e)
{
	(void)wend_info(e);
	weft_close(e->s);
	e->s = NULL;
}

static int wend_receive(struct wend *e)
{
	static uint8_t buf[WIRE_CHUNK];

	while (!e->is_paused && !e->peer_finished) {
		ptrdiff_t n = weft_recv(e->s, buf, sizeof(buf), 0);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		if (n == 0)
			e->peer_finished = true;
		if (!stream_check(e->rx_id, e->received, buf, (size_t)n))
			e->is_corrupt = true;
		e->received += (uint64_t)n;
	}
	return 0;
}

static int wend_transmit(struct wend *e)
{
	static uint8_t buf[WIRE_CHUNK];

	while (e->sent < e->to_send) {
		uint64_t left = e->to_send - e->sent;
		size_t len = left < sizeof(buf) ? (size_t)left : sizeof(buf);
		ptrdiff_t n;

		stream_fill(e->tx_id, e->sent, buf, len);
		n = weft_send(e->s, buf, len, 0);
		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		e->sent += (uint64_t)n;
	}
	if (!e->fin_when_sent || e->has_shut)
		return 0;
	e->has_shut = true;
	return weft_shutdown(e->s, WEFT_SHUT_WR);
}

static void wend_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct wend *e = arg;
	int err = 0;

	if (events & WEFT_ERR)
		err = sock_error(s);
	if (!err && !e->is_connected && !(events & (WEFT_OUT | WEFT_IN)))
		return;
	e->is_connected = e->is_connected || !err;
	if (!err)
		err = wend_receive(e);
	if (!err)
		err = wend_transmit(e);
	if (err) {
		e->err = err;
		wend_close(e);
	} else if (e->close_at_end && e->peer_finished && e->sent == e->to_send) {
		wend_close(e);
	}
}

void wend_attach(struct wend *e, struct weft_sock *s)
{
	e->s = s;
	weft_on_event(s, wend_ready, e);
}

void wend_connect(struct wend *e, struct wire *w, uint16_t port)
{
	struct weft_sockaddr sa = wire_kernel_addr(port);
	struct weft_sock *s;
	int err;

	assert_int_equal(weft_socket(w->st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s), 0);
	wend_attach(e, s);
	err = weft_connect(s, &sa);
	if (err != -EINPROGRESS) {
		e->err = err;
		wend_close(e);
	}
}

void wend_resume(struct wend *e)
{
	e->is_paused = false;
	weft_on_event(e->s, wend_ready, e); /* it is called when there is something already */
}

static void listener_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct wlisten *l = arg;
	struct weft_sock *conn;

	(void)events;
	while (weft_accept(s, &conn, NULL) == 0) {
		if (l->n_accepted == l->n_ends) {
			weft_abort(conn);
			continue;
		}
		l->ends[l->n_accepted].is_connected = true;
		wend_attach(&l->ends[l->n_accepted++], conn);
	}
}

void wlisten_start(struct wlisten *l, struct wire *w, uint16_t port, struct wend *ends,
		   uint32_t n_ends)
{
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET, .port = port};

	*l = (struct wlisten){.ends = ends, .n_ends = n_ends};
	assert_int_equal(weft_socket(w->st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &l->s), 0);
	assert_int_equal(weft_bind(l->s, &any), 0);
	assert_int_equal(weft_listen(l->s, 1024), 0);
	weft_on_event(l->s, listener_ready, l);
}

void wlisten_stop(struct wlisten *l)
{
	weft_close(l->s);
	l->s = NULL;
}

bool wend_is_connected(void *arg)
{
	const struct wend *e = arg;

	return e->is_connected || e->err;
}

bool wend_has_failed(void *arg)
{
	const struct wend *e = arg;

	return e->err != 0;
}

bool wend_has_sent(void *arg)
{
	const struct wend *e = arg;

	return e->err || (e->is_connected && e->sent == e->to_send);
}

bool wend_peer_finished(void *arg)
{
	const struct wend *e = arg;

	return e->err || e->peer_finished;
}

bool wend_has_all(void *arg)
{
	const struct wend *e = arg;

	return e->err || (e->peer_finished && e->sent == e->to_send);
}
