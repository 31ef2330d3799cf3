/* SPDX-License-Identifier: MIT */
/* The echo service; the contract is in echo.h. */
#include "net/echo/echo.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ECHO_BACKLOG = 1024,
	ECHO_DGRAM_MAX = 65535,
	ECHO_BATCH = 64, /* connections or datagrams taken before others have their turn */
};

struct echo_conn {
	struct echo_conn *next;
	struct echo_conn **pprev; /* what points here */
	struct echo *echo;
	struct weft_sock *sock;
	bool peer_finished;
	size_t off, len; /* what waits in `buf` */
	uint8_t buf[ECHO_BUF];
};

struct echo {
	struct weft_net net;
	/* IPv4 and IPv6; NULL: not over that protocol, or the stack has no such family. */
	struct weft_sock *listeners[2], *dgrams[2];
	struct echo_conn *conns;
	struct echo_stats stats;
	uint8_t dgram_buf[ECHO_DGRAM_MAX];
};

static void conn_free(struct echo_conn *c)
{
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	c->echo->stats.n_open--;
	free(c);
}

/* Sends what waits. 1: all of it is gone; 0: the rest waits for WEFT_OUT; -Exxx: broken. */
static int conn_drain(struct echo_conn *c)
{
	while (c->len) {
		ptrdiff_t n = c->echo->net.ops->send(c->sock, c->buf + c->off, c->len, 0);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		c->off += (size_t)n;
		c->len -= (size_t)n;
		c->echo->stats.n_bytes += (uint64_t)n;
	}
	return 1;
}

/* Receives into the empty buffer. 1: there is something; 0: not now; -Exxx: broken. */
static int conn_fill(struct echo_conn *c)
{
	ptrdiff_t n = c->echo->net.ops->recv(c->sock, c->buf, sizeof(c->buf), 0);

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	c->off = 0;
	c->len = (size_t)n;
	c->peer_finished = n == 0;
	return n > 0;
}

static void conn_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct echo_conn *c = arg;
	int r;

	(void)events;
	do {
		r = conn_drain(c);
		if (r == 1 && !c->peer_finished)
			r = conn_fill(c);
		else if (r == 1)
			break;
	} while (r == 1);
	if (r < 0) {
		c->echo->net.ops->abort(s);
		conn_free(c);
	} else if (c->peer_finished && !c->len) {
		c->echo->net.ops->close(s);
		conn_free(c);
	}
}

static void echo_accept(struct echo *e, struct weft_sock *s)
{
	struct echo_conn *c = e->stats.n_open < ECHO_CONNS_MAX ? malloc(sizeof(*c)) : NULL;

	if (!c) {
		e->stats.n_refused++;
		e->net.ops->abort(s);
		return;
	}
	c->echo = e;
	c->sock = s;
	c->peer_finished = false;
	c->off = 0;
	c->len = 0;
	c->next = e->conns;
	c->pprev = &e->conns;
	if (c->next)
		c->next->pprev = &c->next;
	e->conns = c;
	e->stats.n_conns++;
	e->stats.n_open++;
	e->net.ops->on_event(s, conn_ready, c);
}

static void listener_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct echo *e = arg;
	struct weft_sock *conn;

	(void)events;
	for (int i = 0; i < ECHO_BATCH && e->net.ops->accept(s, &conn, NULL) == 0; i++)
		echo_accept(e, conn);
	/* More may wait: being set again, the callback comes once more. */
	e->net.ops->on_event(s, listener_ready, e);
}

/* A datagram that cannot be sent back is lost, as datagrams are. */
static void dgram_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct echo *e = arg;
	struct weft_sockaddr from;

	(void)events;
	for (int i = 0; i < ECHO_BATCH; i++) {
		ptrdiff_t n = e->net.ops->recvfrom(s, e->dgram_buf, sizeof(e->dgram_buf), 0, &from);

		if (n == -EAGAIN)
			return;
		if (n < 0)
			continue; /* an ICMP error about an answer: it is cleared by being read */
		if (e->net.ops->sendto(s, e->dgram_buf, (size_t)n, 0, &from) == n)
			e->stats.n_datagrams++;
	}
	/* On the host they may come faster than they are answered. */
	e->net.ops->on_event(s, dgram_ready, e);
}

static int socket_bound(struct echo *e, const struct echo_config *cfg, uint8_t family, int type,
			struct weft_sock **ret)
{
	const struct weft_net_ops *ops = e->net.ops;
	struct weft_sockaddr at = {.addr.family = family, .port = cfg->port};
	bool is_ip6 = family == WEFT_AF_INET6, is_told = cfg->at.addr.family;
	struct weft_sock *s;
	int one = 1, err;

	if (is_told && cfg->at.addr.family != family)
		return 0;
	if (is_told)
		at = cfg->at;
	err = ops->socket(&e->net, family, type, 0, &s);
	if (err)
		return is_ip6 && !is_told && err == -EAFNOSUPPORT ? 0 : err;
	if (cfg->owner)
		err = ops->setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_OWNER, &cfg->owner,
				      sizeof(cfg->owner));
	if (!err && is_ip6)
		err = ops->setsockopt(s, WEFT_IPPROTO_IPV6, WEFT_IPV6_V6ONLY, &one, sizeof(one));
	if (!err && type == WEFT_SOCK_STREAM)
		err = ops->setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &one, sizeof(one));
	if (!err)
		err = ops->bind(s, &at);
	if (!err && type == WEFT_SOCK_STREAM)
		err = ops->listen(s, ECHO_BACKLOG);
	if (err) {
		ops->close(s);
		return err;
	}
	*ret = s;
	return 0;
}

/* One of each family. */
static int sockets_bound(struct echo *e, const struct echo_config *cfg, int type,
			 struct weft_sock *ret[2])
{
	int err = socket_bound(e, cfg, WEFT_AF_INET, type, &ret[0]);

	return err ? err : socket_bound(e, cfg, WEFT_AF_INET6, type, &ret[1]);
}

int echo_new(struct weft_stack *st, const struct echo_config *cfg, struct echo **ret)
{
	struct echo *e = calloc(1, sizeof(*e));
	int err = 0;

	if (!e)
		return -ENOMEM;
	if (cfg->net)
		e->net = *cfg->net;
	else
		weft_net_of_stack(st, &e->net);
	if (cfg->tcp)
		err = sockets_bound(e, cfg, WEFT_SOCK_STREAM, e->listeners);
	if (!err && cfg->udp)
		err = sockets_bound(e, cfg, WEFT_SOCK_DGRAM, e->dgrams);
	if (err) {
		echo_free(e);
		return err;
	}
	for (size_t i = 0; i < 2; i++) {
		if (e->listeners[i])
			e->net.ops->on_event(e->listeners[i], listener_ready, e);
		if (e->dgrams[i])
			e->net.ops->on_event(e->dgrams[i], dgram_ready, e);
	}
	*ret = e;
	return 0;
}

void echo_free(struct echo *e)
{
	if (!e)
		return;
	for (struct echo_conn *c = e->conns, *next; c; c = next) {
		next = c->next;
		e->net.ops->abort(c->sock);
		conn_free(c);
	}
	for (size_t i = 0; i < 2; i++) {
		e->net.ops->close(e->listeners[i]);
		e->net.ops->close(e->dgrams[i]);
	}
	free(e);
}

void echo_stats(const struct echo *e, struct echo_stats *ret)
{
	*ret = e->stats;
}
