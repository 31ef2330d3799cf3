/* SPDX-License-Identifier: MIT */
/* Sharded nodes; how they work is told in shard.h. */
#include "link/shard.h"

#include <errno.h>
#include <stdatomic.h>

#include "core/door.h"
#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "link/bridge.h"
#include "link/cross.h"
#include "link/frame_ring.h"
#include "wire/eth.h"

enum {
	SHARD_TAKE_PKTS = 256,      /* from one ring in one turn, so that others have theirs */
	SHARD_TAKE_BYTES = 1 << 20, /* the same in bytes */
	SHARD_RING_MAX = 1 << 30,
	TAG_PORT = 0xff, /* of a record's tag: which port */
	TAG_OUT = 0x100, /* it is to leave by the port's uplink, not to be received */
};

struct shard_port {
	struct netif netif;
	struct shard *shard;
	bool is_there;
	struct netif *uplink;                                         /* NULL: none */
	enum drop (*old_input)(struct netif *netif, struct pkt *pkt); /* before it was one */
	void *old_input_ctx;
};

/* One member: of its engine's thread, but for the door's state and what is marked. */
struct shard {
	struct door door;
	struct shards *node;
	struct stack *st;
	uint32_t index;
	uint32_t dirty;                       /* bits of `tx` that have something to show */
	struct engine_work work;              /* shows it */
	struct frame_tx tx[STEER_SHARDS_MAX]; /* to each other one */
	struct shard_port ports[SHARD_PORTS];
	struct shard_stats stats;
	_Atomic bool is_taken; /* shared: it has joined, or had */
};

struct shards {
	struct steer steer;
	_Atomic uint32_t uplinks[SHARD_PORTS]; /* bits of the shards that have one */
	_Atomic uint32_t n_refs;
	/* constant */
	struct eth_addr macs[SHARD_PORTS];
	struct rec_ring *rings[STEER_SHARDS_MAX][STEER_SHARDS_MAX]; /* from, to */
	struct mem mem; /* used when it is made, and by who frees it */
	struct shard members[STEER_SHARDS_MAX];
};

static bool is_live(const struct shards *node, uint32_t i)
{
	return atomic_load(&node->steer.live) >> i & 1;
}

/* Between shards */

static void shard_work(struct engine_work *work)
{
	struct shard *m = container_of(work, struct shard, work);

	while (m->dirty) {
		uint32_t k = (uint32_t)__builtin_ctz(m->dirty);

		m->dirty &= m->dirty - 1;
		if (!is_live(m->node, k))
			frame_tx_purge(&m->tx[k]); /* what waited for it has no destination */
		frame_tx_flush(&m->tx[k]);
	}
}

static void shard_mark(struct shard *m, uint32_t k)
{
	m->dirty |= UINT32_C(1) << k;
	engine_work_defer(m->st->eng, &m->work);
}

/* Takes `pkt` when it returns DROP_NONE. */
static enum drop shard_send(struct shard *m, uint32_t k, struct pkt *pkt, uint32_t tag)
{
	enum drop why = frame_tx_send(&m->tx[k], pkt, tag);

	if (why != DROP_NONE)
		m->stats.n_dropped++;
	shard_mark(m, k);
	return why;
}

static uint32_t shard_port_no(const struct shard_port *port)
{
	return (uint32_t)(port - port->shard->ports);
}

/* Sending */

static void shard_tx_drop(struct shard_port *port, struct pkt *pkt, enum drop why)
{
	port->netif.stats.tx_dropped++;
	pkt_drop(port->netif.stack, pkt, why);
}

static void shard_tx_by_other(struct shard_port *port, struct pkt *pkt)
{
	struct shard *m = port->shard;
	uint32_t no = shard_port_no(port);
	uint32_t others = atomic_load(&m->node->uplinks[no]);
	enum drop why;

	if (!others) {
		m->stats.n_dropped++;
		shard_tx_drop(port, pkt, DROP_IF_CARRIER);
		return;
	}
	m->stats.n_out++;
	why = shard_send(m, (uint32_t)__builtin_ctz(others), pkt, no | TAG_OUT);
	if (why != DROP_NONE)
		shard_tx_drop(port, pkt, why);
}

static void shard_tx(struct netif *netif, struct pkt *pkt)
{
	struct shard_port *port = netif->priv;
	struct shard *m = port->shard;

	if (m->index != steer_speaker(&m->node->steer) && steer_is_speakers(pkt)) {
		m->stats.n_quiet++;
		pkt_free(pkt);
		return;
	}
	if (!port->uplink) {
		shard_tx_by_other(port, pkt);
		return;
	}
	pkt_cross(pkt, netif, port->uplink);
	(void)netif_tx(port->uplink, pkt);
}

/* Receiving */

static enum drop shard_deliver(struct shard *m, uint32_t no, struct pkt *pkt)
{
	struct shard_port *port = &m->ports[no];

	if (unlikely(!port->is_there))
		return DROP_IF_NO_HANDLER;
	netif_rx(&port->netif, pkt);
	return DROP_NONE;
}

/* A copy to each of the others. */
static void shard_copy_to_all(struct shard *m, uint32_t no, const struct pkt *pkt)
{
	for (uint32_t k = 0; k < m->node->steer.n_shards; k++) {
		if (k == m->index || !is_live(m->node, k))
			continue;
		m->stats.n_away++;
		if (frame_tx_copy(&m->tx[k], pkt, no) != DROP_NONE)
			m->stats.n_dropped++;
		shard_mark(m, k);
	}
}

/* The `input` of an uplink. */
static enum drop shard_uplink_input(struct netif *netif, struct pkt *pkt)
{
	struct shard_port *port = netif->input_ctx;
	uint32_t no = shard_port_no(port);
	struct shard *m = port->shard;
	uint32_t to = steer_pkt(&m->node->steer, pkt);

	if (to != m->index && to != STEER_ALL) {
		m->stats.n_away++;
		return shard_send(m, to, pkt, no);
	}
	if (to == STEER_ALL)
		shard_copy_to_all(m, no, pkt);
	m->stats.n_own++;
	if (likely(port->is_there))
		pkt_cross(pkt, netif, &port->netif);
	return shard_deliver(m, no, pkt);
}

/* What another shard hands over: arrived for this one, or to leave by its uplink. */
static void shard_input(struct shard *m, struct pkt *pkt, uint32_t tag)
{
	struct shard_port *port = &m->ports[tag & TAG_PORT];
	enum drop why = DROP_IF_CARRIER;

	if (!(tag & TAG_OUT)) {
		m->stats.n_in++;
		why = shard_deliver(m, tag & TAG_PORT, pkt);
	} else if (port->uplink) {
		(void)netif_tx(port->uplink, pkt);
		return;
	}
	if (why == DROP_NONE)
		return;
	m->stats.n_dropped++;
	pkt_drop(m->st, pkt, why);
}

/* True: there are more. */
static bool shard_receive(struct shard *m, uint32_t from)
{
	struct rec_ring *ring = m->node->rings[from][m->index];
	enum frame_got got = FRAME_GOT;
	uint32_t n_bytes = 0, tag;
	struct pkt *pkt;

	for (uint32_t n = 0; n < SHARD_TAKE_PKTS && n_bytes < SHARD_TAKE_BYTES; n++) {
		got = frame_ring_get(ring, &m->st->eng->pkts, &pkt, &tag);
		if (got == FRAME_NONE)
			break;
		if (got == FRAME_LOST) {
			m->stats.n_dropped++;
			m->st->drops[DROP_NOMEM]++;
			continue;
		}
		n_bytes += pkt->len;
		shard_input(m, pkt, tag);
	}
	if (rec_ring_release(ring))
		door_knock(&m->node->members[from].door);
	return got != FRAME_NONE;
}

static bool port_carrier_is_right(const struct shard_port *port)
{
	bool carrier = atomic_load(&port->shard->node->uplinks[shard_port_no(port)]);

	return !port->is_there || carrier == !!(port->netif.flags & NETIF_CARRIER);
}

static bool shard_take(struct door *door)
{
	struct shard *m = container_of(door, struct shard, door);
	bool has_more = false;

	for (uint32_t no = 0; no < SHARD_PORTS; no++) {
		struct netif *netif = &m->ports[no].netif;

		if (!port_carrier_is_right(&m->ports[no]))
			netif_set_carrier(netif, !(netif->flags & NETIF_CARRIER));
	}
	for (uint32_t k = 0; k < m->node->steer.n_shards; k++) {
		if (k == m->index)
			continue;
		if (!pktq_is_empty(&m->tx[k].queue))
			shard_mark(m, k);
		if (rec_ring_has_news(m->node->rings[k][m->index]))
			has_more = shard_receive(m, k) || has_more;
	}
	return has_more;
}

static bool shard_has_news(struct door *door)
{
	struct shard *m = container_of(door, struct shard, door);

	for (uint32_t no = 0; no < SHARD_PORTS; no++)
		if (!port_carrier_is_right(&m->ports[no]))
			return true;
	for (uint32_t k = 0; k < m->node->steer.n_shards; k++)
		if (k != m->index && (rec_ring_has_news(m->node->rings[k][m->index]) ||
				      frame_tx_has_news(&m->tx[k])))
			return true;
	return false;
}

static const struct door_ops shard_door_ops = {
	.take = shard_take,
	.has_news = shard_has_news,
};

/* Ports */

static void shard_port_fini(struct netif *netif)
{
	struct shard_port *port = netif->priv;

	port->is_there = false;
	port->netif = (struct netif){0};
}

static const struct netif_ops shard_port_ops = {
	.kind = "shard",
	.tx = shard_tx,
	.fini = shard_port_fini,
};

/* stack->steer_away. Without a link below it, a datagram is for whoever it came to. */
static bool shard_steer_away(struct stack *st, struct pkt *pkt, bool is_ip6)
{
	struct shard *m = st->shard;
	struct netif *netif = pkt->netif;
	uint32_t to;
	enum drop why = DROP_NOMEM;
	uint8_t *p;

	if (!netif || netif->ops != &shard_port_ops)
		return false;
	to = steer_datagram(&m->node->steer, pkt, is_ip6);
	if (to == m->index || to == STEER_ALL)
		return false;
	m->stats.n_again++;
	p = pkt_push(pkt, ETH_HDR_LEN);
	if (p) {
		eth_hdr_write(p,
			      &(struct eth_hdr){.dst = netif->hwaddr,
						.type = is_ip6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4});
		why = shard_send(m, to, pkt, shard_port_no(netif->priv));
	}
	if (why != DROP_NONE)
		pkt_drop(st, pkt, why);
	return true;
}

int shard_port_new(struct stack *st, uint32_t no, const char *name, struct netif **ret)
{
	struct shard *m = st->shard;
	struct shard_port *port;
	int err;

	if (!m || no >= SHARD_PORTS)
		return -EINVAL;
	port = &m->ports[no];
	if (port->is_there)
		return -EBUSY;
	port->netif = (struct netif){
		.ops = &shard_port_ops,
		.priv = port,
		.flags = NETIF_BROADCAST,
		.features = NETIF_F_CSUM | NETIF_F_GSO_TCP | NETIF_F_GSO_UDP | NETIF_F_FRAGS,
		.mtu = ETH_MTU,
		.hwaddr = m->node->macs[no],
	};
	err = netif_add(st, &port->netif, name);
	if (err)
		return err;
	port->is_there = true;
	if (!port_carrier_is_right(port))
		netif_set_carrier(&port->netif, true);
	*ret = &port->netif;
	return 0;
}

/* Uplinks */

/* The others see the carrier change. */
static void shard_knock_all(struct shard *m)
{
	for (uint32_t k = 0; k < m->node->steer.n_shards; k++)
		if (k != m->index)
			door_knock(&m->node->members[k].door);
}

static void shard_carrier_set(struct shard_port *port)
{
	struct netif *netif = &port->netif;

	if (!port_carrier_is_right(port))
		netif_set_carrier(netif, !(netif->flags & NETIF_CARRIER));
	shard_knock_all(port->shard);
}

int shard_uplink_add(struct stack *st, uint32_t no, struct netif *netif)
{
	struct shard *m = st->shard;
	struct shard_port *port;

	if (!m || no >= SHARD_PORTS || netif->stack == st || netif->stack->eng != st->eng ||
	    !(netif->flags & NETIF_BROADCAST))
		return -EINVAL;
	port = &m->ports[no];
	if (port->uplink || netif->input == shard_uplink_input || netif->input == bridge_input)
		return -EBUSY;
	port->uplink = netif;
	port->old_input = netif->input;
	port->old_input_ctx = netif->input_ctx;
	netif->input = shard_uplink_input;
	netif->input_ctx = port;
	atomic_fetch_or(&m->node->uplinks[no], UINT32_C(1) << m->index);
	shard_carrier_set(port);
	return 0;
}

void shard_uplink_del(struct netif *netif)
{
	struct shard_port *port;

	if (netif->input != shard_uplink_input)
		return;
	port = netif->input_ctx;
	netif->input = port->old_input;
	netif->input_ctx = port->old_input_ctx;
	port->uplink = NULL;
	atomic_fetch_and(&port->shard->node->uplinks[shard_port_no(port)],
			 ~(UINT32_C(1) << port->shard->index));
	shard_carrier_set(port);
}

/* Life */

/* Its ports have gone with the other interfaces. From here on its part is the others'. */
void shard_fini(struct stack *st)
{
	struct shard *m = st->shard;

	if (!m)
		return;
	atomic_fetch_and(&m->node->steer.live, ~(UINT32_C(1) << m->index));
	for (uint32_t no = 0; no < SHARD_PORTS; no++)
		if (m->ports[no].uplink)
			shard_uplink_del(m->ports[no].uplink);
	shard_work(&m->work); /* what was sent last leaves, as far as there is room */
	for (uint32_t k = 0; k < m->node->steer.n_shards; k++)
		frame_tx_purge(&m->tx[k]);
	engine_work_cancel(&m->work);
	door_close(&m->door);
	shard_knock_all(m);
	st->shard = NULL;
	st->steer = NULL;
	st->steer_away = NULL;
	m->st = NULL;
	shards_unref(m->node);
}

int shard_join(struct shards *node, uint32_t index, struct stack *st)
{
	struct shard *m = &node->members[index < STEER_SHARDS_MAX ? index : 0];
	bool was_taken = false;

	if (index >= node->steer.n_shards)
		return -EINVAL;
	if (st->shard || !atomic_compare_exchange_strong(&m->is_taken, &was_taken, true))
		return -EBUSY;
	m->st = st;
	engine_work_init(&m->work, shard_work);
	atomic_fetch_add(&node->n_refs, 1);
	st->shard = m;
	st->shard_index = index;
	st->steer = &node->steer;
	st->steer_away = shard_steer_away;
	door_open(st->eng, &m->door, &shard_door_ops);
	return 0;
}

static void shards_destroy(struct shards *node)
{
	struct mem mem;

	for (uint32_t i = 0; i < STEER_SHARDS_MAX; i++)
		for (uint32_t k = 0; k < STEER_SHARDS_MAX; k++)
			rec_ring_free(node->rings[i][k]);
	mem = node->mem;
	mem_free_aligned(&mem, node, sizeof(*node), _Alignof(struct shards));
}

void shards_unref(struct shards *node)
{
	if (node && atomic_fetch_sub(&node->n_refs, 1) == 1)
		shards_destroy(node);
}

const struct steer *shards_steer(const struct shards *node)
{
	return &node->steer;
}

static bool config_is_valid(const struct shards_config *cfg)
{
	return cfg->n_shards >= 1 && cfg->n_shards <= STEER_SHARDS_MAX &&
	       cfg->ring_bytes >= FRAME_RING_BYTES_MIN && cfg->ring_bytes <= SHARD_RING_MAX &&
	       cfg->queue_pkts && cfg->own_first <= cfg->own_last;
}

/* Addresses are drawn from the key: locally administered, no groups. */
static void shards_macs_init(struct shards *node)
{
	for (uint32_t no = 0; no < SHARD_PORTS; no++) {
		uint64_t word = siphash_2u64(&node->steer.key, no, UINT64_C(0x73686172646d6163));

		store_be32(node->macs[no].b + 2, (uint32_t)word);
		node->macs[no].b[1] = (uint8_t)(word >> 32);
		node->macs[no].b[0] = 0x02;
	}
}

static int shards_rings_new(struct shards *node, const struct shards_config *cfg)
{
	for (uint32_t i = 0; i < cfg->n_shards; i++) {
		for (uint32_t k = 0; k < cfg->n_shards; k++) {
			if (i == k)
				continue;
			node->rings[i][k] = rec_ring_new(&node->mem, cfg->ring_bytes);
			if (!node->rings[i][k])
				return -ENOMEM;
			frame_tx_init(&node->members[i].tx[k], node->rings[i][k],
				      &node->members[k].door, cfg->queue_pkts);
		}
	}
	return 0;
}

int shards_new(const struct shards_config *cfg, struct shards **ret)
{
	struct shards *node;
	struct mem mem;

	if (!config_is_valid(cfg))
		return -EINVAL;
	mem_init(&mem, cfg->realloc, cfg->mem_ctx, 0);
	node = mem_alloc_aligned(&mem, sizeof(*node), _Alignof(struct shards));
	if (!node)
		return -ENOMEM;
	memset(node, 0, sizeof(*node));
	node->mem = mem;
	node->steer.key = cfg->key;
	node->steer.n_shards = cfg->n_shards;
	node->steer.own_first = cfg->own_first;
	node->steer.own_last = cfg->own_last;
	node->steer.live = (UINT32_C(1) << cfg->n_shards) - 1;
	node->n_refs = 1;
	for (uint32_t i = 0; i < STEER_SHARDS_MAX; i++) {
		node->members[i].node = node;
		node->members[i].index = i;
		for (uint32_t no = 0; no < SHARD_PORTS; no++)
			node->members[i].ports[no].shard = &node->members[i];
	}
	shards_macs_init(node);
	if (shards_rings_new(node, cfg)) {
		shards_destroy(node);
		return -ENOMEM;
	}
	*ret = node;
	return 0;
}

void shard_stats(const struct stack *st, struct shard_stats *ret)
{
	*ret = st->shard ? st->shard->stats : (struct shard_stats){0};
}
