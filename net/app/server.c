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
	const struct weft_net_ops *ops = c->srv->net.ops;
	int r = c->srv->kind->ready(c, events);

	if (!r)
		return;
	if (r < 0)
		ops->abort(s);
	else
		ops->close(s);
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
		srv->net.ops->abort(s);
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
		(void)srv->net.ops->setsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &one,
					       sizeof(one));
	srv->net.ops->on_event(s, conn_ready, c);
}

static void listener_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct server *srv = arg;
	struct weft_sock *conn;

	(void)events;
	for (int i = 0; i < SERVER_ACCEPT_BATCH && srv->net.ops->accept(s, &conn, NULL) == 0; i++)
		server_accept(srv, conn);
	/* More may wait: being set again, the callback comes once more. */
	srv->net.ops->on_event(s, listener_ready, srv);
}

static int listener_open(struct server *srv, const struct weft_sockaddr *at, uint32_t owner)
{
	const struct weft_net_ops *ops = srv->net.ops;
	const bool is_ip6 = at->addr.family == WEFT_AF_INET6;
	const int one = 1;
	struct weft_sock *s;
	int err = ops->socket(&srv->net, at->addr.family, WEFT_SOCK_STREAM, 0, &s);

	if (err)
		return err;
	srv->listeners[is_ip6] = s;
	err = ops->setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &one, sizeof(one));
	if (!err && owner)
		err = ops->setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_OWNER, &owner, sizeof(owner));
	if (!err && is_ip6)
		err = ops->setsockopt(s, WEFT_IPPROTO_IPV6, WEFT_IPV6_V6ONLY, &one, sizeof(one));
	if (!err)
		err = ops->bind(s, at);
	if (!err)
		err = ops->listen(s, SERVER_BACKLOG);
	if (!err)
		ops->on_event(s, listener_ready, srv);
	return err;
}

/* All addresses of both families; of IPv6 there may be none. */
static int listeners_open(struct server *srv, uint16_t port, uint32_t owner)
{
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET, .port = port};
	int err = listener_open(srv, &any, owner);

	if (err)
		return err;
	any.addr.family = WEFT_AF_INET6;
	err = listener_open(srv, &any, owner);
	return err == -EAFNOSUPPORT ? 0 : err;
}

int server_init(struct server *srv, const struct server_kind *kind, struct weft_stack *st,
		const struct server_config *cfg)
{
	*srv = (struct server){.kind = kind};
	if (cfg->net)
		srv->net = *cfg->net;
	else
		weft_net_of_stack(st, &srv->net);
	if (cfg->at.addr.family)
		return listener_open(srv, &cfg->at, cfg->owner);
	return listeners_open(srv, cfg->port, cfg->owner);
}

void server_fini(struct server *srv)
{
	for (struct server_conn *c = srv->conns, *next; c; c = next) {
		next = c->next;
		srv->net.ops->abort(c->sock);
		conn_free(c);
	}
	for (size_t i = 0; i < 2; i++) {
		srv->net.ops->close(srv->listeners[i]);
		srv->listeners[i] = NULL;
	}
}
