/* SPDX-License-Identifier: MIT */
/* Listener and connections of a small service; the contract is in server.h. */
#include "net/app/server.h"

#include <errno.h>
#include <stdlib.h>

enum {
	SERVER_BACKLOG = 1024,
	SERVER_ACCEPT_BATCH = 64, /* connections taken before others have their turn */
};

static void conn_free(struct server_conn *c)
{
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	c->srv->stats.n_open--;
	free(c);
}

static void conn_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct server_conn *c = arg;
	int r = c->srv->kind->ready(c, events);

	if (!r)
		return;
	if (r < 0)
		weft_abort(s);
	else
		weft_close(s);
	conn_free(c);
}

static void server_accept(struct server *srv, struct weft_sock *s)
{
	struct server_conn *c = NULL;
	const int one = 1;

	if (srv->stats.n_open < srv->kind->max_conns)
		c = calloc(1, srv->kind->conn_size);
	if (!c) {
		srv->stats.n_refused++;
		weft_abort(s);
		return;
	}
	c->srv = srv;
	c->sock = s;
	c->next = srv->conns;
	c->pprev = &srv->conns;
	if (c->next)
		c->next->pprev = &c->next;
	srv->conns = c;
	srv->stats.n_conns++;
	srv->stats.n_open++;
	if (srv->kind->no_delay)
		(void)weft_setsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &one, sizeof(one));
	weft_on_event(s, conn_ready, c);
}

static void listener_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct server *srv = arg;
	struct weft_sock *conn;

	(void)events;
	for (int i = 0; i < SERVER_ACCEPT_BATCH && weft_accept(s, &conn, NULL) == 0; i++)
		server_accept(srv, conn);
	/* More may wait: being set again, the callback comes once more. */
	weft_on_event(s, listener_ready, srv);
}

static int listener_open(struct server *srv, struct weft_stack *st, uint16_t port, bool is_ip6)
{
	const uint8_t family = is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET;
	struct weft_sockaddr any = {.addr.family = family, .port = port};
	const int one = 1;
	struct weft_sock *s;
	int err = weft_socket(st, family, WEFT_SOCK_STREAM, 0, &s);

	if (err)
		return is_ip6 && err == -EAFNOSUPPORT ? 0 : err;
	srv->listeners[is_ip6] = s;
	err = weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &one, sizeof(one));
	if (!err && is_ip6)
		err = weft_setsockopt(s, WEFT_IPPROTO_IPV6, WEFT_IPV6_V6ONLY, &one, sizeof(one));
	if (!err)
		err = weft_bind(s, &any);
	if (!err)
		err = weft_listen(s, SERVER_BACKLOG);
	if (!err)
		weft_on_event(s, listener_ready, srv);
	return err;
}

int server_init(struct server *srv, const struct server_kind *kind, struct weft_stack *st,
		uint16_t port)
{
	int err;

	*srv = (struct server){.kind = kind};
	err = listener_open(srv, st, port, false);
	return err ? err : listener_open(srv, st, port, true);
}

void server_fini(struct server *srv)
{
	for (struct server_conn *c = srv->conns, *next; c; c = next) {
		next = c->next;
		weft_abort(c->sock);
		conn_free(c);
	}
	for (size_t i = 0; i < 2; i++) {
		weft_close(srv->listeners[i]);
		srv->listeners[i] = NULL;
	}
}
