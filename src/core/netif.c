/* SPDX-License-Identifier: MIT */
/*
 * Interfaces: their life, and the two ends of every packet's path.
 *
 * netif_rx() is where a received packet is owned from: whatever verdict comes back up to here, this
 * is where the packet is dropped. netif_tx() is the last place that may change a packet: it brings
 * it into the form that the driver can take.
 */
#include "core/netif.h"

#include <errno.h>
#include <string.h>

#include "core/engine.h"
#include "core/gro_join.h"
#include "core/stack.h"
#include "core/trace.h"

enum {
	NETIF_BACKLOG_PKTS = 16384, /* default bound of frames waiting to be received */
};

static bool netif_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < NETIF_NAME_MAX && !strpbrk(name, "/ \t\n") && strcmp(name, ".") &&
	       strcmp(name, "..");
}

/* Tells the first `n` layers that the interface goes, in reverse. */
static void layers_netif_del(struct netif *netif, uint32_t n)
{
	while (n) {
		const struct stack_layer *layer = netif->stack->layers[--n];

		if (layer->netif_del)
			layer->netif_del(netif);
	}
}

static int layers_netif_add(struct netif *netif)
{
	for (uint32_t i = 0; i < netif->stack->n_layers; i++) {
		const struct stack_layer *layer = netif->stack->layers[i];
		int err = layer->netif_add ? layer->netif_add(netif) : 0;

		if (err) {
			layers_netif_del(netif, i);
			return err;
		}
	}
	return 0;
}

static void layers_netif_change(struct netif *netif)
{
	for (uint32_t i = 0; i < netif->stack->n_layers; i++)
		if (netif->stack->layers[i]->netif_change)
			netif->stack->layers[i]->netif_change(netif);
}

int netif_add(struct stack *st, struct netif *netif, const char *name)
{
	int err;

	if (!netif_name_is_valid(name) || netif->mtu < NETIF_MTU_MIN || netif->mtu > NETIF_MTU_MAX)
		return -EINVAL;
	if (netif_find(st, name))
		return -EEXIST;
	netif->stack = st;
	netif->index = ++st->next_ifindex;
	strncat(netif->name, name, sizeof(netif->name) - 1);
	if (!netif->gso_max_bytes)
		netif->gso_max_bytes = NETIF_MTU_MAX;
	if (!netif->backlog_max_pkts)
		netif->backlog_max_pkts = NETIF_BACKLOG_PKTS;
	list_init(&netif->taps);
	list_init(&netif->backlog_link);
	list_init(&netif->flush_link);
	pktq_init(&netif->backlog);
	list_add_tail(&st->netifs, &netif->link);

	err = layers_netif_add(netif);
	if (err)
		list_del(&netif->link);
	return err;
}

void netif_del(struct netif *netif)
{
	netif_set_up(netif, false);
	layers_netif_del(netif, netif->stack->n_layers);
	list_del(&netif->link);
	list_del(&netif->backlog_link);
	list_del(&netif->flush_link);
	pktq_purge(&netif->backlog);
	while (!list_is_empty(&netif->taps)) {
		struct netif_tap *tap = container_of(netif->taps.next, struct netif_tap, link);

		tap->gone(tap);
	}
	if (netif->ops->fini)
		netif->ops->fini(netif);
}

struct netif *netif_find(struct stack *st, const char *name)
{
	struct netif *netif;

	list_for_each (netif, &st->netifs, link)
		if (!strcmp(netif->name, name))
			return netif;
	return NULL;
}

struct netif *netif_find_index(struct stack *st, uint32_t index)
{
	struct netif *netif;

	list_for_each (netif, &st->netifs, link)
		if (netif->index == index)
			return netif;
	return NULL;
}

/* Returns whether that was a change. */
static bool netif_set_flag(struct netif *netif, uint32_t flag, bool on)
{
	uint32_t old = netif->flags;

	netif->flags = on ? old | flag : old & ~flag;
	if (netif->flags == old)
		return false;
	layers_netif_change(netif);
	return true;
}

void netif_set_up(struct netif *netif, bool up)
{
	if (netif_set_flag(netif, NETIF_UP, up) && netif->ops->change)
		netif->ops->change(netif);
}

void netif_set_carrier(struct netif *netif, bool carrier)
{
	(void)netif_set_flag(netif, NETIF_CARRIER, carrier);
}

void netif_set_promisc(struct netif *netif, bool on)
{
	assert(on || netif->n_promisc > 0);
	netif->n_promisc += on ? 1u : UINT32_MAX;
	if (netif_set_flag(netif, NETIF_PROMISC, netif->n_promisc > 0) && netif->ops->change)
		netif->ops->change(netif);
}

int netif_set_mtu(struct netif *netif, uint32_t mtu)
{
	if (mtu < NETIF_MTU_MIN || mtu > NETIF_MTU_MAX)
		return -EINVAL;
	netif->mtu = mtu;
	layers_netif_change(netif);
	return 0;
}

static void taps_frame(const struct netif *netif, const struct pkt *pkt, bool is_tx)
{
	struct netif_tap *tap;

	list_for_each (tap, &netif->taps, link)
		tap->frame(tap, netif, pkt, is_tx);
}

static void taps_done(const struct netif *netif)
{
	struct netif_tap *tap;

	list_for_each (tap, &netif->taps, link)
		if (tap->done)
			tap->done(tap, netif);
}

/* Where a packet is seen first it is decided whether its hops are traced. */
static void trace_sample(struct engine *eng, struct pkt *pkt)
{
	struct trace *t = &eng->trace;

	if (likely(!t->sample_every) || pkt->flags & PKT_F_SEEN)
		return;
	pkt->flags |= PKT_F_SEEN;
	if (t->sample_left == 0) {
		pkt->flags |= PKT_F_TRACED;
		t->sample_left = t->sample_every;
	}
	t->sample_left--;
}

static void netif_count_rx(struct netif *netif, const struct pkt *pkt)
{
	netif->stats.rx_units++;
	netif->stats.rx_packets += pkt_n_frames(pkt);
	netif->stats.rx_bytes += pkt_wire_bytes(pkt);
}

/* It is counted and shown to whoever watches, as it came. */
static inline void netif_rx_show(struct netif *netif, struct pkt *pkt)
{
	struct stack *st = netif->stack;

	trace_sample(st->eng, pkt);
	pkt->netif = netif;
	pkt->l2_off = pkt_off(pkt);
	pkt->l3_off = PKT_NO_OFF;
	pkt->l4_off = PKT_NO_OFF;
	pkt->ts_ns = st->eng->now_ns;
	pkt_hop(pkt, HOP_RX, netif->index);
	netif_count_rx(netif, pkt);
	if (unlikely(!list_is_empty(&netif->taps)))
		taps_frame(netif, pkt, false);
	if (unlikely(pkt->flags & PKT_F_TRACED))
		trace_pkt(st, TRACE_RX, pkt, netif, 0);
}

/* What netif_rx_show() was called with goes up; `n_shown`: frames of which it consists. */
static inline void netif_rx_up(struct netif *netif, struct pkt *pkt, uint32_t n_shown)
{
	enum drop why;

	if (unlikely(!(netif->flags & NETIF_UP)))
		why = DROP_IF_DOWN;
	else if (unlikely(!netif->input))
		why = DROP_IF_NO_HANDLER;
	else
		why = netif->input(netif, pkt);
	if (unlikely(why != DROP_NONE)) {
		netif->stats.rx_dropped += n_shown;
		pkt_drop(netif->stack, pkt, why);
	}
	for (; unlikely(n_shown && !list_is_empty(&netif->taps)); n_shown--)
		taps_done(netif);
}

static void netif_rx_one(struct netif *netif, struct pkt *pkt)
{
	netif_rx_show(netif, pkt);
	netif_rx_up(netif, pkt, 1);
}

/* Takes the first of the backlog, and with it those behind it that can be one packet with it: each
 * is shown by itself. Returns how many, at most `max`. */
static uint32_t backlog_join(struct netif *netif, uint32_t max, struct pkt **ret)
{
	struct pktq *q = &netif->backlog;
	struct pkt *pkt = pktq_pop(q);
	struct gro_join join;

	gro_join_begin(&join, netif->stack, pkt);
	netif_rx_show(netif, pkt);
	while (join.n_frames < max && q->first && gro_join_add(&join, q->first)) {
		struct pkt *next = pktq_pop(q);

		netif_rx_show(netif, next);
		netif->stats.rx_units--; /* handed over with the first */
		pkt_free(next);
	}
	gro_join_end(&join);
	*ret = pkt;
	return join.n_frames;
}

void netif_rx(struct netif *netif, struct pkt *pkt)
{
	struct pktq q;

	if (unlikely(netif->shortcut)) {
		pktq_init(&q);
		pktq_push(&q, pkt);
		if (netif->shortcut(netif, &q, 1))
			return;
	}
	netif_rx_one(netif, pkt);
}

void netif_rx_later(struct netif *netif, struct pkt *pkt)
{
	struct engine *eng = netif->stack->eng;

	if (unlikely(netif->backlog.n_pkts >= netif->backlog_max_pkts)) {
		netif->stats.rx_dropped++;
		pkt->netif = netif;
		pkt_drop(netif->stack, pkt, DROP_IF_BACKLOG);
		return;
	}
	pktq_push(&netif->backlog, pkt);
	if (netif->flags & NETIF_QUEUED)
		return;
	netif->flags |= NETIF_QUEUED;
	list_add_tail(&eng->backlog, &netif->backlog_link);
}

/* Interfaces take turns, a frame each, or with GRO a packet that frames were joined to. One alone
 * goes on with its own as long as its shortcut takes them and nobody else has any, which is the
 * same order at less cost. */
uint32_t netif_backlog_run(struct netif *netif, uint32_t max)
{
	struct list *backlog = &netif->stack->eng->backlog;
	uint32_t n = 0, n_shown = 0, turn = max;
	struct pkt *pkt = NULL;

	if (list_last(backlog) != &netif->backlog_link) {
		list_del(&netif->backlog_link);
		list_add_tail(backlog, &netif->backlog_link);
		turn = 1;
	}
	if (netif->shortcut)
		n = netif->shortcut(netif, &netif->backlog, turn);
	if (!n && unlikely(netif_takes(netif, NETIF_F_GRO) && netif->backlog.n_pkts > 1))
		n_shown = backlog_join(netif, max, &pkt);
	else if (!n)
		pkt = pktq_pop(&netif->backlog);
	if (pktq_is_empty(&netif->backlog)) {
		list_del(&netif->backlog_link);
		netif->flags &= ~(uint32_t)NETIF_QUEUED;
	}
	if (n)
		return n;
	if (unlikely(n_shown)) {
		netif_rx_up(netif, pkt, n_shown);
		return n_shown;
	}
	netif_rx_one(netif, pkt);
	return 1;
}

static bool netif_takes_gso(const struct netif *netif, const struct pkt *pkt)
{
	uint32_t need = pkt->gso_type == PKT_GSO_UDP ? NETIF_F_GSO_UDP : NETIF_F_GSO_TCP;

	return netif_takes(netif, need) && pkt->len <= netif->gso_max_bytes + 14u;
}

static int netif_tx_drop(struct netif *netif, struct pkt *pkt, enum drop why)
{
	netif->stats.tx_dropped++;
	return pkt_drop(netif->stack, pkt, why);
}

/* One packet in the form that the driver asks for, but for segmentation. */
static int netif_tx_one(struct netif *netif, struct pkt *pkt)
{
	pkt->netif = netif;
	if (pkt->csum == PKT_CSUM_PARTIAL && !netif_takes(netif, NETIF_F_CSUM) &&
	    pkt_csum_complete(pkt) < 0)
		return netif_tx_drop(netif, pkt, DROP_NOMEM);
	if (pkt->n_frags && !netif_takes(netif, NETIF_F_FRAGS) && !pkt_pullup(pkt, pkt->len))
		return netif_tx_drop(netif, pkt, DROP_NOMEM);
	netif->stats.tx_units++;
	netif->stats.tx_packets += pkt_n_frames(pkt);
	netif->stats.tx_bytes += pkt_wire_bytes(pkt);
	if (unlikely(!list_is_empty(&netif->taps))) {
		taps_frame(netif, pkt, true);
		netif->ops->tx(netif, pkt);
		taps_done(netif);
		return 0;
	}
	netif->ops->tx(netif, pkt);
	return 0;
}

/* A super-packet is told of as a whole. */
static void netif_tx_stamp(struct netif *netif, struct pkt *pkt)
{
	struct stack *st = netif->stack;

	if (st->tx_stamp)
		st->tx_stamp(st, pkt, false);
	if (st->tx_stamp)
		st->tx_stamp(st, pkt, true);
}

static int netif_tx_segments(struct netif *netif, struct pkt *pkt)
{
	struct pktq segs;
	int err;

	pktq_init(&segs);
	err = pkt_segment(pkt, &segs);
	if (err)
		return netif_tx_drop(netif, pkt, err == -ENOBUFS ? DROP_NOMEM : DROP_IF_GSO);
	for (struct pkt *seg; (seg = pktq_pop(&segs));) {
		int seg_err = netif_tx_one(netif, seg);

		if (seg_err)
			err = seg_err;
	}
	return err;
}

int netif_tx(struct netif *netif, struct pkt *pkt)
{
	trace_sample(netif->stack->eng, pkt);
	pkt->netif = netif;
	pkt->l2_off = pkt_off(pkt);
	pkt_hop(pkt, HOP_TX, netif->index);
	if (unlikely(!netif_is_running(netif)))
		return netif_tx_drop(netif, pkt,
				     netif->flags & NETIF_UP ? DROP_IF_CARRIER : DROP_IF_DOWN);
	if (unlikely(pkt->flags & PKT_F_TRACED))
		trace_pkt(netif->stack, TRACE_TX, pkt, netif, 0);
	if (unlikely(pkt->flags & PKT_F_STAMP))
		netif_tx_stamp(netif, pkt);
	if (pkt->gso_size && !netif_takes_gso(netif, pkt))
		return netif_tx_segments(netif, pkt);
	return netif_tx_one(netif, pkt);
}

void netif_flush_later(struct netif *netif)
{
	if (netif->flags & NETIF_FLUSH)
		return;
	netif->flags |= NETIF_FLUSH;
	list_add_tail(&netif->stack->eng->flush, &netif->flush_link);
}
