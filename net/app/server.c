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

int server_init(struct server *srv, const struct server_kind *kind, struct weft_stack *st,
		uint16_t port)
{
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET, .port = port};
	const int one = 1;
	int err;

	*srv = (struct server){.kind = kind};
	err = weft_socket(st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &srv->listener);
	if (err) {
		srv->listener = NULL;
		return err;
	}
	err = weft_setsockopt(srv->listener, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &one, sizeof(one));
	if (!err)
		err = weft_bind(srv->listener, &any);
	if (!err)
		err = weft_listen(srv->listener, SERVER_BACKLOG);
	if (!err)
		weft_on_event(srv->listener, listener_ready, srv);
	return err;
}

void server_fini(struct server *srv)
{
	for (struct server_conn *c = srv->conns, *next; c; c = next) {
		next = c->next;
		weft_abort(c->sock);
		conn_free(c);
	}
	weft_close(srv->listener);
	srv->listener = NULL;
}
