/* SPDX-License-Identifier: MIT */
/*
 * A web page from a weft stack, in an application whose loop is epoll(7): weft_loop_wants() says
 * which descriptor to watch and until when to sleep, weft_loop_turn() does what is due.
 *
 * The browser is a second stack in the same process, behind a wire; it prints the page.
 */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

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

static void network_stop(void)
{
	weft_stack_free(app.server);
	weft_stack_free(app.browser);
	weft_loop_free(app.loop);
	weft_engine_free(app.eng);
}

/* In ms for epoll_wait(2), rounded up: earlier would be a turn for nothing. */
static int wait_ms(int64_t until_ns)
{
	int64_t left_ns = until_ns - weft_io_now_ns();

	if (until_ns == INT64_MAX)
		return -1;
	return left_ns <= 0 ? 0 : (int)((left_ns + 999999) / 1000000 % INT32_MAX);
}

int main(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int epoll_fd = epoll_create1(0), fd, err = network_start();

	if (!err) {
		weft_loop_wants(app.loop, &fd);
		err = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev);
	}
	while (!err && !app.is_done) {
		/* The application's own descriptors are in the same epoll set. */
		(void)epoll_wait(epoll_fd, &ev, 1, wait_ms(weft_loop_wants(app.loop, &fd)));
		err = weft_loop_turn(app.loop, 0);
	}
	network_stop();
	close(epoll_fd);
	return err || !app.is_done;
}
