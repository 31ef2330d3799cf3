/* SPDX-License-Identifier: MIT */
/* Where a forwarder is asked, and its life; the contract is in dnsfwd.h. */
#include "net/dnsfwd/dnsfwd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/dnsfwd/dnsfwd_priv.h"

enum {
	BACKLOG = 16,
	QUERIES_DEFAULT = 256,
	TIMEOUT_DEFAULT_MS = 2000,
};

static void udp_ready(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct dnsfwd_listener *l = arg;
	struct dnsfwd *d = l->d;
	uint8_t msg[DNSFWD_QUERY_MAX + 1];
	struct weft_sockaddr from;

	for (int i = 0; i < DNSFWD_BATCH; i++) {
		ptrdiff_t n = d->inside.ops->recvfrom(s, msg, sizeof(msg), 0, &from);

		if (n == -EAGAIN)
			return;
		if (n < 0)
			continue; /* an ICMP error about an answer: it is cleared by being read */
		if (n > DNSFWD_QUERY_MAX)
			d->stats.n_malformed++;
		else
			(void)!dnsfwd_query_take(d, s, &from, NULL, msg, (size_t)n);
	}
	/* More may wait: being set again, the callback comes once more. */
	d->inside.ops->on_event(s, udp_ready, l);
}

static void tcp_ready(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct dnsfwd_listener *l = arg;
	struct dnsfwd *d = l->d;
	struct weft_sock *conn;

	for (int i = 0; i < DNSFWD_BATCH && d->inside.ops->accept(s, &conn, NULL) == 0; i++)
		dnsfwd_conn_new(d, conn);
	d->inside.ops->on_event(s, tcp_ready, l);
}

static int listener_open(struct dnsfwd *d, const struct weft_sockaddr *at, int type,
			 struct dnsfwd_listener *l)
{
	const struct weft_net_ops *ops = d->inside.ops;
	int one = 1, err = ops->socket(&d->inside, at->addr.family, type, 0, &l->sock);

	if (err)
		return err;
	l->d = d;
	if (type == WEFT_SOCK_STREAM)
		err = ops->setsockopt(l->sock, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &one,
				      sizeof(one));
	if (!err)
		err = ops->bind(l->sock, at);
	if (!err && type == WEFT_SOCK_STREAM)
		err = ops->listen(l->sock, BACKLOG);
	if (!err)
		ops->on_event(l->sock, type == WEFT_SOCK_STREAM ? tcp_ready : udp_ready, l);
	return err;
}

static struct weft_sockaddr with_port(struct weft_sockaddr sa)
{
	if (!sa.port)
		sa.port = DNS_PORT;
	return sa;
}

static int listeners_open(struct dnsfwd *d, const struct dnsfwd_config *cfg)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < cfg->n_at; i++) {
		struct weft_sockaddr at = with_port(cfg->at[i]);

		err = listener_open(d, &at, WEFT_SOCK_DGRAM, &d->udp[i]);
		if (!err)
			err = listener_open(d, &at, WEFT_SOCK_STREAM, &d->tcp[i]);
	}
	return err;
}

int dnsfwd_new(const struct dnsfwd_config *cfg, struct dnsfwd **ret)
{
	struct dnsfwd *d;
	int err;

	if (cfg->n_at > DNSFWD_AT_MAX || cfg->n_servers > DNSFWD_SERVERS_MAX ||
	    cfg->max_cached > DNSFWD_CACHED_MAX)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->inside = *cfg->inside;
	d->outside = *cfg->outside;
	d->eng = cfg->inside->eng;
	d->max_queries = cfg->max_queries ? cfg->max_queries : QUERIES_DEFAULT;
	d->timeout_ms = cfg->timeout_ms ? cfg->timeout_ms : TIMEOUT_DEFAULT_MS;
	d->max_cached = cfg->max_cached;
	d->bind4 = cfg->bind4;
	d->bind6 = cfg->bind6;
	memcpy(d->device, cfg->device, sizeof(d->device));
	list_init(&d->queries);
	list_init(&d->conns);
	err = dnsfwd_set_servers(d, cfg->servers, cfg->n_servers);
	if (!err)
		err = listeners_open(d, cfg);
	if (err) {
		dnsfwd_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

int dnsfwd_set_servers(struct dnsfwd *d, const struct weft_sockaddr *servers, uint32_t n)
{
	if (n > DNSFWD_SERVERS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		d->servers[i] = with_port(servers[i]);
	d->n_servers = n;
	dnsfwd_cache_clear(d);
	return 0;
}

void dnsfwd_free(struct dnsfwd *d)
{
	struct list *link;

	if (!d)
		return;
	while ((link = list_first(&d->conns)))
		dnsfwd_conn_free(container_of(link, struct dnsfwd_conn, link));
	while ((link = list_first(&d->queries)))
		dnsfwd_query_free(container_of(link, struct dnsfwd_query, link));
	dnsfwd_cache_clear(d);
	for (uint32_t i = 0; i < DNSFWD_AT_MAX; i++) {
		d->inside.ops->close(d->udp[i].sock);
		d->inside.ops->close(d->tcp[i].sock);
	}
	free(d);
}

void dnsfwd_stats(const struct dnsfwd *d, struct dnsfwd_stats *ret)
{
	*ret = d->stats;
}
