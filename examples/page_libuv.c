/* SPDX-License-Identifier: MIT */
/*
 * A web page from a weft stack, in an application whose loop is libuv's: a uv_poll_t watches the
 * descriptor of weft_loop_wants(), a uv_timer_t its deadline, weft_loop_turn() does what is due.
 *
 * The browser is a second stack in the same process, behind a wire; it prints the page.
 */
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "weft/io.h"
#include "weft/weft.h"

static const char page[] = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n"
			   "<p>This page comes from a TCP/IP stack in this process.\n";

static struct app {
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_stack *server, *browser;
	struct weft_sock *listener, *client;
	char request[1024];
	size_t n_request;
	bool is_done;
} app;

static void on_request(struct weft_sock *s, void *arg, uint32_t events)
{
	ptrdiff_t n = weft_recv(s, app.request + app.n_request,
				sizeof(app.request) - 1 - app.n_request, 0);

	(void)arg, (void)events;
	if (n > 0)
		app.n_request += (size_t)n;
	if (n > 0 && !strstr(app.request, "\r\n\r\n"))
		return;
	if (n > 0)
		(void)!weft_send(s, page, sizeof(page) - 1, 0);
	weft_close(s);
}

static void on_listener(struct weft_sock *s, void *arg, uint32_t events)
{
	struct weft_sock *conn;

	(void)events;
	while (weft_accept(s, &conn, NULL) == 0)
		weft_on_event(conn, on_request, arg);
}

static void on_browser(struct weft_sock *s, void *arg, uint32_t events)
{
	static const char get[] = "GET / HTTP/1.0\r\n\r\n";
	static bool has_asked;
	char buf[256];
	ptrdiff_t n;

	(void)arg;
	if (!has_asked && events & WEFT_OUT)
		has_asked = weft_send(s, get, sizeof(get) - 1, 0) > 0;
	while ((n = weft_recv(s, buf, sizeof(buf), 0)) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	app.is_done = n == 0;
}

static int network_start(void)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy, .now_ns = weft_io_now_ns()};
	struct weft_sockaddr at, from;
	struct weft_netif *ns, *nb;

	if (weft_sockaddr_parse("10.0.0.1:80", &at) || weft_sockaddr_parse("10.0.0.2:0", &from) ||
	    weft_engine_new(&cfg, &app.eng) || weft_loop_new(app.eng, &app.loop) ||
	    weft_stack_new(app.eng, "server", &app.server) ||
	    weft_stack_new(app.eng, "browser", &app.browser) ||
	    weft_veth_new(app.server, "eth0", app.browser, "eth0", &ns, &nb) ||
	    weft_addr_add(ns, &at.addr, 24) || weft_addr_add(nb, &from.addr, 24) ||
	    weft_socket(app.server, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &app.listener) ||
	    weft_bind(app.listener, &at) || weft_listen(app.listener, 16) ||
	    weft_socket(app.browser, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &app.client))
		return -1;
	weft_on_event(app.listener, on_listener, NULL);
	(void)weft_connect(app.client, &at); /* in progress */
	weft_on_event(app.client, on_browser, NULL);
	return 0;
}

static uv_poll_t watch;
static uv_timer_t timer;

static void turn(void);

static void on_timer(uv_timer_t *t)
{
	(void)t;
	turn();
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	(void)p, (void)status, (void)events;
	turn();
}

/* What is due now, then the timer for what is due next, in ms, rounded up. */
static void turn(void)
{
	int64_t until_ns, left_ns;
	int fd, err = weft_loop_turn(app.loop, 0);

	until_ns = weft_loop_wants(app.loop, &fd);
	left_ns = until_ns - weft_io_now_ns();
	uv_timer_stop(&timer);
	if (err || app.is_done) {
		uv_stop(uv_default_loop());
	} else if (until_ns != INT64_MAX) {
		uv_update_time(uv_default_loop());
		uv_timer_start(&timer, on_timer,
			       left_ns <= 0 ? 0 : ((uint64_t)left_ns + 999999) / 1000000, 0);
	}
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	int fd;

	if (network_start())
		return 1;
	weft_loop_wants(app.loop, &fd);
	uv_poll_init(loop, &watch, fd);
	uv_timer_init(loop, &timer);
	uv_poll_start(&watch, UV_READABLE, on_readable);
	uv_timer_start(&timer, on_timer, 0, 0);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&watch, NULL);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	weft_stack_free(app.server);
	weft_stack_free(app.browser);
	weft_loop_free(app.loop);
	weft_engine_free(app.eng);
	return !app.is_done;
}
