/* SPDX-License-Identifier: MIT */
/* The server of requests and responses; the protocol is in rr.h. It stores nothing of either. */
#include <errno.h>
#include <stdlib.h>

#include "net/rr/rr.h"

struct rr_conn {
	struct server_conn conn;
	uint8_t head[RR_HEAD];
	uint32_t n_head;   /* bytes of the head that are there */
	uint32_t in_left;  /* bytes of the request behind its head */
	uint32_t out_left; /* bytes of the response */
};

struct rr_server {
	struct server srv;
	uint8_t in[16384]; /* nobody looks at it */
	uint8_t out[16384];
};

static uint32_t be32_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t least(uint32_t a, size_t b)
{
	return a < b ? a : (uint32_t)b;
}

/* 1: the response is out; or as weft_send(). */
static ptrdiff_t response_send(struct rr_server *s, struct rr_conn *c)
{
	while (c->out_left) {
		ptrdiff_t n = s->srv.net.ops->send(c->conn.sock, s->out,
						   least(c->out_left, sizeof(s->out)), 0);

		if (n < 0)
			return n;
		c->out_left -= (uint32_t)n;
		s->srv.stats.bytes_sent += (uint64_t)n;
	}
	return 1;
}

static int head_read(struct rr_conn *c)
{
	uint32_t request = be32_get(c->head), response = be32_get(c->head + 4);

	if (request < RR_HEAD || request > RR_SIZE_MAX || response > RR_SIZE_MAX)
		return -EPROTO;
	c->in_left = request - RR_HEAD;
	return 0;
}

/* Some bytes of a request. Their number; 0: the peer has finished; or -Exxx. */
static ptrdiff_t request_receive(struct rr_server *s, struct rr_conn *c)
{
	ptrdiff_t n;

	if (c->n_head == RR_HEAD) {
		n = s->srv.net.ops->recv(c->conn.sock, s->in, least(c->in_left, sizeof(s->in)), 0);
		if (n > 0)
			c->in_left -= (uint32_t)n;
	} else {
		n = s->srv.net.ops->recv(c->conn.sock, c->head + c->n_head, RR_HEAD - c->n_head, 0);
		if (n > 0)
			c->n_head += (uint32_t)n;
		if (n > 0 && c->n_head == RR_HEAD && head_read(c) < 0)
			return -EPROTO;
	}
	if (n > 0)
		s->srv.stats.bytes_received += (uint64_t)n;
	return n;
}

static int rr_ready(struct server_conn *conn, uint32_t events)
{
	struct rr_conn *c = (struct rr_conn *)(void *)conn;          /* its first member */
	struct rr_server *s = (struct rr_server *)(void *)conn->srv; /* likewise */
	ptrdiff_t n;

	(void)events;
	for (;;) {
		n = response_send(s, c);
		if (n > 0)
			n = request_receive(s, c);
		if (n <= 0)
			break;
		if (c->n_head == RR_HEAD && !c->in_left) {
			c->out_left = be32_get(c->head + 4);
			c->n_head = 0;
		}
	}
	if (n == 0)
		return c->n_head ? -ECONNRESET : 1;
	return n == -EAGAIN ? 0 : (int)n;
}

static const struct server_kind rr_kind = {
	.conn_size = sizeof(struct rr_conn),
	.max_conns = RR_CONNS_MAX,
	.no_delay = true,
	.ready = rr_ready,
};

int rr_server_new(struct weft_stack *st, const struct server_config *cfg, struct rr_server **ret)
{
	struct rr_server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(s->out); i++)
		s->out[i] = (uint8_t)(i % 251);
	err = server_init(&s->srv, &rr_kind, st, cfg);
	if (err) {
		rr_server_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void rr_server_free(struct rr_server *s)
{
	if (!s)
		return;
	server_fini(&s->srv);
	free(s);
}

void rr_server_stats(const struct rr_server *s, struct server_stats *ret)
{
	*ret = s->srv.stats;
}
