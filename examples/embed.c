/* SPDX-License-Identifier: MIT */
/* Two hosts in one process: a message over TCP across a virtual wire, in virtual time. */
#include <stdio.h>

#include "weft/weft.h"

static void on_message(struct weft_sock *s, void *done, uint32_t events)
{
	char text[64];
	ptrdiff_t n = events & WEFT_IN ? weft_recv(s, text, sizeof(text), 0) : 0;

	if (n > 0)
		*(bool *)done = printf("received: %.*s\n", (int)n, text) > 0;
}

static void on_listener(struct weft_sock *s, void *done, uint32_t events)
{
	struct weft_sock *conn;

	if (events & WEFT_IN && weft_accept(s, &conn, NULL) == 0)
		weft_on_event(conn, on_message, done);
}

static void on_connected(struct weft_sock *s, void *arg, uint32_t events)
{
	weft_on_event(s, NULL, arg);
	if (!(events & WEFT_ERR))
		(void)!weft_send(s, "hello across the wire", 21, 0);
}

int main(void)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = 1}; /* repeatable numbers */
	struct weft_sockaddr server, client;
	struct weft_engine *eng = NULL;
	struct weft_stack *a = NULL, *b = NULL;
	struct weft_netif *na, *nb;
	struct weft_sock *listener, *sock;
	bool done = false;

	if (weft_sockaddr_parse("10.0.0.1:0", &client) ||
	    weft_sockaddr_parse("10.0.0.2:7", &server) || weft_engine_new(&cfg, &eng) ||
	    weft_stack_new(eng, "a", &a) || weft_stack_new(eng, "b", &b) ||
	    weft_veth_new(a, "eth0", b, "eth0", &na, &nb) || weft_addr_add(na, &client.addr, 24) ||
	    weft_addr_add(nb, &server.addr, 24) ||
	    weft_socket(b, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &listener) ||
	    weft_bind(listener, &server) || weft_listen(listener, 1) ||
	    weft_socket(a, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &sock))
		goto out;
	weft_on_event(listener, on_listener, &done);
	weft_on_event(sock, on_connected, NULL);
	(void)weft_connect(sock, &server); /* in progress: nothing here waits */
	for (int64_t now_ns = 0; !done && now_ns < 60000000000; now_ns = weft_engine_next_ns(eng))
		weft_engine_run(eng, now_ns); /* for a minute of its time at most */
out:
	weft_stack_free(a);
	weft_stack_free(b);
	weft_engine_free(eng);
	return !done;
}
