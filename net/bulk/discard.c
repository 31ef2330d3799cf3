/* SPDX-License-Identifier: MIT */
/* The discard service; the contract is in discard.h. */
#include "net/bulk/discard.h"

#include <errno.h>
#include <stdlib.h>

struct discard {
	struct server srv;
	uint8_t buf[65536]; /* nobody looks at it */
};

static int discard_ready(struct server_conn *c, uint32_t events)
{
	struct discard *d = (struct discard *)(void *)c->srv; /* its first member */
	ptrdiff_t n;

	(void)events;
	while ((n = c->srv->net.ops->recv(c->sock, d->buf, sizeof(d->buf), 0)) > 0)
		c->srv->stats.bytes_received += (uint64_t)n;
	if (n == 0)
		return 1;
	return n == -EAGAIN ? 0 : (int)n;
}

static const struct server_kind discard_kind = {
	.conn_size = sizeof(struct server_conn),
	.max_conns = DISCARD_CONNS_MAX,
	.ready = discard_ready,
};

int discard_new(struct weft_stack *st, const struct server_config *cfg, struct discard **ret)
{
	struct discard *d = malloc(sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	err = server_init(&d->srv, &discard_kind, st, cfg);
	if (err) {
		discard_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

void discard_free(struct discard *d)
{
	if (!d)
		return;
	server_fini(&d->srv);
	free(d);
}

void discard_stats(const struct discard *d, struct server_stats *ret)
{
	*ret = d->srv.stats;
}
