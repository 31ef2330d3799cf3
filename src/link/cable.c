/* SPDX-License-Identifier: MIT */
/* Wires between engines; how they work is told in cable.h. */
#include "link/cable.h"

#include <errno.h>
#include <stdatomic.h>

#include "core/door.h"
#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "link/cross.h"
#include "link/frame_ring.h"
#include "wire/eth.h"

enum {
	CABLE_TAKE_PKTS = 256,      /* in one turn, so that others have theirs */
	CABLE_TAKE_BYTES = 1 << 20, /* the same in bytes */
	CABLE_RING_MAX = 1 << 30,
};

struct cable_end {
	/* of this end's thread, but for the door's state */
	struct door door;
	struct netif netif;
	struct cable *cable;
	struct frame_tx tx;
	struct rec_ring *rx;
	/* shared */
	_Atomic bool is_plugged CACHE_ALIGNED; /* or was */
	_Atomic bool is_up;                    /* seen as carrier by the other end */
};

struct cable {
	struct cable_end ends[2];
	struct rec_ring *rings[2]; /* from end 0, from end 1 */
	_Atomic uint32_t n_refs;
	struct mem mem; /* used when it is made, and by who frees it */
};

static struct cable_end *cable_peer(const struct cable_end *e)
{
	struct cable *c = e->cable;

	return &c->ends[e == &c->ends[0]];
}

/* Sending */

static void cable_tx(struct netif *netif, struct pkt *pkt)
{
	struct cable_end *e = netif->priv;
	enum drop why = frame_tx_send(&e->tx, pkt, 0);

	if (why != DROP_NONE) {
		netif->stats.tx_dropped++;
		pkt_drop(netif->stack, pkt, why);
	}
	netif_flush_later(netif);
}

static void cable_flush(struct netif *netif)
{
	struct cable_end *e = netif->priv;

	frame_tx_flush(&e->tx);
}

/* Receiving */

/* True: there are more. With GRO they wait on the backlog, and so that none is lost there, the
 * next ones in the ring, until all have gone up. */
static bool cable_receive(struct cable_end *e)
{
	struct netif *netif = &e->netif;
	bool has_gro = netif_takes(netif, NETIF_F_GRO);
	uint32_t n_bytes = 0, tag;
	enum frame_got got = FRAME_GOT;
	struct pkt *pkt;

	if (unlikely(!pktq_is_empty(&netif->backlog)))
		return true;
	for (uint32_t n = 0; n < CABLE_TAKE_PKTS && n_bytes < CABLE_TAKE_BYTES; n++) {
		got = frame_ring_get(e->rx, &netif->stack->eng->pkts, &pkt, &tag);
		if (got == FRAME_NONE)
			break;
		if (got == FRAME_LOST) {
			netif->stats.rx_dropped++;
			netif->stack->drops[DROP_NOMEM]++;
			continue;
		}
		n_bytes += pkt->len;
		pkt_arrive(pkt, netif);
		if (has_gro)
			netif_rx_later(netif, pkt);
		else
			netif_rx(netif, pkt);
	}
	if (rec_ring_release(e->rx))
		door_knock(&cable_peer(e)->door);
	return got != FRAME_NONE;
}

static bool cable_has_carrier(const struct cable_end *e)
{
	return atomic_load(&cable_peer(e)->is_up);
}

static bool cable_take(struct door *door)
{
	struct cable_end *e = container_of(door, struct cable_end, door);
	bool carrier = cable_has_carrier(e);

	if (carrier != !!(e->netif.flags & NETIF_CARRIER))
		netif_set_carrier(&e->netif, carrier);
	if (!pktq_is_empty(&e->tx.queue))
		netif_flush_later(&e->netif);
	return rec_ring_has_news(e->rx) && cable_receive(e);
}

static bool cable_has_news(struct door *door)
{
	struct cable_end *e = container_of(door, struct cable_end, door);

	return rec_ring_has_news(e->rx) ||
	       cable_has_carrier(e) != !!(e->netif.flags & NETIF_CARRIER) ||
	       frame_tx_has_news(&e->tx);
}

static const struct door_ops cable_door_ops = {
	.take = cable_take,
	.has_news = cable_has_news,
};

/* Life */

static void cable_change(struct netif *netif)
{
	struct cable_end *e = netif->priv;

	atomic_store(&e->is_up, netif->flags & NETIF_UP);
	door_knock(&cable_peer(e)->door);
}

/* The other end sees its carrier go (netif_del() has set this end down). What is in the rings was
 * sent; it is lost as on a wire. */
static void cable_fini(struct netif *netif)
{
	struct cable_end *e = netif->priv;

	frame_tx_purge(&e->tx);
	door_close(&e->door);
	cable_unref(e->cable);
}

static const struct netif_ops cable_ops = {
	.kind = "cable",
	.tx = cable_tx,
	.flush = cable_flush,
	.change = cable_change,
	.fini = cable_fini,
};

static void cable_destroy(struct cable *c)
{
	struct mem mem;

	rec_ring_free(c->rings[0]);
	rec_ring_free(c->rings[1]);
	mem = c->mem;
	mem_free_aligned(&mem, c, sizeof(*c), _Alignof(struct cable));
}

void cable_unref(struct cable *c)
{
	if (c && atomic_fetch_sub(&c->n_refs, 1) == 1)
		cable_destroy(c);
}

int cable_new(const struct cable_config *cfg, struct cable **ret)
{
	struct cable *c;
	struct mem mem;

	if (cfg->ring_bytes < FRAME_RING_BYTES_MIN || cfg->ring_bytes > CABLE_RING_MAX ||
	    !cfg->queue_pkts)
		return -EINVAL;
	mem_init(&mem, cfg->realloc, cfg->mem_ctx, 0);
	c = mem_alloc_aligned(&mem, sizeof(*c), _Alignof(struct cable));
	if (!c)
		return -ENOMEM;
	*c = (struct cable){.n_refs = 1, .mem = mem};
	for (int i = 0; i < 2; i++) {
		c->rings[i] = rec_ring_new(&c->mem, cfg->ring_bytes);
		if (!c->rings[i])
			goto fail;
	}
	for (int i = 0; i < 2; i++) {
		c->ends[i].cable = c;
		frame_tx_init(&c->ends[i].tx, c->rings[i], &c->ends[!i].door, cfg->queue_pkts);
		c->ends[i].rx = c->rings[!i];
	}
	*ret = c;
	return 0;
fail:
	cable_destroy(c);
	return -ENOMEM;
}

static void cable_end_init(struct cable_end *e, struct engine *eng)
{
	e->netif.ops = &cable_ops;
	e->netif.priv = e;
	e->netif.flags = NETIF_BROADCAST;
	e->netif.features =
		NETIF_F_CSUM | NETIF_F_GSO_TCP | NETIF_F_GSO_UDP | NETIF_F_FRAGS | NETIF_F_GRO;
	e->netif.features_off = NETIF_F_GRO;
	e->netif.mtu = ETH_MTU;
	e->netif.hwaddr = hwaddr_random(&eng->rng);
}

int cable_plug(struct cable *c, int end, struct stack *st, const char *name, struct netif **ret)
{
	struct cable_end *e = &c->ends[end];
	bool was_plugged = false;
	int err;

	assert(end == 0 || end == 1);
	if (!atomic_compare_exchange_strong(&e->is_plugged, &was_plugged, true))
		return -EBUSY;
	cable_end_init(e, st->eng);
	err = netif_add(st, &e->netif, name);
	if (err) {
		e->netif = (struct netif){0};
		atomic_store(&e->is_plugged, false);
		return err;
	}
	atomic_fetch_add(&c->n_refs, 1);
	door_open(st->eng, &e->door, &cable_door_ops);
	if (cable_has_carrier(e))
		netif_set_carrier(&e->netif, true);
	*ret = &e->netif;
	return 0;
}
