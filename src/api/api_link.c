/* SPDX-License-Identifier: MIT */
/* weft/netif.h, the interfaces themselves: wires, links, bridges, interfaces of the application. */
#include <errno.h>

#include "api/api_priv.h"
#include "ip/ip4.h"
#include "ip/ip6.h"
#include "link/neigh.h"
#include "link/veth.h"
#include "wire/eth.h"

int weft_veth_new(struct weft_stack *a, const char *a_name, struct weft_stack *b,
		  const char *b_name, struct weft_netif **ret_a, struct weft_netif **ret_b)
{
	const struct veth_end end_a = {.stack = stack_of(a), .name = a_name};
	const struct veth_end end_b = {.stack = stack_of(b), .name = b_name};
	struct netif *ends[2];
	int err;

	if (end_a.stack->eng != end_b.stack->eng)
		return -EINVAL;
	err = veth_new(&end_a, &end_b, ends);
	if (err)
		return err;
	netif_set_up(ends[0], true);
	netif_set_up(ends[1], true);
	*ret_a = weft_netif_of(ends[0]);
	*ret_b = weft_netif_of(ends[1]);
	return 0;
}

static struct media_conf media_conf_of(const struct weft_link_dir *dir)
{
	struct media_conf conf = {
		.rate_bps = dir->rate_bps,
		.delay_ns = dir->delay_ns,
		.jitter_ns = dir->jitter_ns,
		.reorder_ns = dir->reorder_ns,
		.loss_ppm = dir->loss_ppm,
		.duplicate_ppm = dir->duplicate_ppm,
		.corrupt_ppm = dir->corrupt_ppm,
		.reorder_ppm = dir->reorder_ppm,
		.queue_pkts = dir->queue_pkts,
		.queue_bytes = dir->queue_bytes,
		.jitter_dist = (enum media_dist)dir->jitter_dist,
		.gemodel_p_ppm = dir->gemodel_p_ppm,
		.gemodel_r_ppm = dir->gemodel_r_ppm,
		.gemodel_1h_ppm = dir->gemodel_1h_ppm,
		.gemodel_1k_ppm = dir->gemodel_1k_ppm,
		.reorder_gap = dir->reorder_gap,
		.reorder_corr_ppm = dir->reorder_corr_ppm,
		.ecn_pkts = dir->ecn_pkts,
		.n_lose = dir->n_lose,
	};

	static_assert(sizeof(conf.lose) == sizeof(dir->lose), "the same");
	memcpy(conf.lose, dir->lose, sizeof(conf.lose));
	return conf;
}

int weft_link_new(struct weft_stack *a, const char *a_name, struct weft_stack *b,
		  const char *b_name, const struct weft_link_dir *a_to_b,
		  const struct weft_link_dir *b_to_a, struct weft_link **ret)
{
	const struct media_conf conf_a = media_conf_of(a_to_b);
	const struct media_conf conf_b = media_conf_of(b_to_a);
	const struct media_end end_a = {.stack = stack_of(a), .name = a_name, .conf = &conf_a};
	const struct media_end end_b = {.stack = stack_of(b), .name = b_name, .conf = &conf_b};
	struct media *m;
	int err;

	if (end_a.stack->eng != end_b.stack->eng)
		return -EINVAL;
	err = media_new(&end_a, &end_b, &m);
	if (err)
		return err;
	netif_set_up(media_netif(m, 0), true);
	netif_set_up(media_netif(m, 1), true);
	*ret = weft_link_of(m);
	return 0;
}

struct weft_netif *weft_link_netif(struct weft_link *link, int end)
{
	return weft_netif_of(media_netif(media_of_link(link), end != 0));
}

int weft_link_set(struct weft_link *link, int dir, const struct weft_link_dir *cfg)
{
	const struct media_conf conf = media_conf_of(cfg);

	return media_set(media_of_link(link), dir != 0, &conf);
}

void weft_link_set_up(struct weft_link *link, bool up)
{
	media_set_up(media_of_link(link), up);
}

void weft_link_stats(const struct weft_link *link, int dir, struct weft_link_stats *ret)
{
	const struct media_stats *s = media_stats(media_of_link_const(link), dir != 0);

	*ret = (struct weft_link_stats){
		.frames = s->frames,
		.bytes = s->bytes,
		.lost = s->lost + s->down_drops,
		.queue_drops = s->queue_drops,
		.duplicated = s->duplicated,
		.corrupted = s->corrupted,
		.reordered = s->reordered,
		.queue_peak_pkts = s->queue_peak_pkts,
		.busy_ns = s->busy_ns,
		.marked = s->marked,
		.queue_pkts = media_queue_pkts(media_of_link_const(link), dir != 0),
	};
}

int weft_bridge_new(struct weft_stack *st, struct weft_bridge **ret)
{
	struct bridge *br;
	int err = bridge_new(stack_of(st), &br);

	if (err)
		return err;
	*ret = weft_bridge_of(br);
	return 0;
}

int weft_bridge_add(struct weft_bridge *br, struct weft_netif *port)
{
	return bridge_add(bridge_of(br), netif_of(port));
}

/* An interface whose frames the application carries. */
struct app_netif {
	struct netif netif;
	struct weft_frame_ops ops;
	void *arg;
};

enum {
	APP_FRAME_MAX = NETIF_MTU_MAX + ETH_HDR_LEN,
};

/* Takes nothing but frames, so the frame is one piece of bytes as on the wire. */
static void app_netif_tx(struct netif *netif, struct pkt *pkt)
{
	struct app_netif *app = netif->priv;

	if (app->ops.tx(app->arg, pkt->data, pkt->len) == 0) {
		pkt_free(pkt);
		return;
	}
	netif->stats.tx_dropped++;
	pkt_drop(netif->stack, pkt, DROP_IF_DRIVER);
}

static void app_netif_fini(struct netif *netif)
{
	mem_free(&netif->stack->eng->mem, netif->priv, sizeof(struct app_netif));
}

static const struct netif_ops app_netif_ops = {
	.kind = "app",
	.tx = app_netif_tx,
	.fini = app_netif_fini,
};

int weft_netif_new(struct weft_stack *st, const char *name, const uint8_t mac[6], uint32_t mtu,
		   const struct weft_frame_ops *ops, void *arg, struct weft_netif **ret)
{
	struct mem *mem = &stack_of(st)->eng->mem;
	struct app_netif *app;
	int err;

	if (mac[0] & 1)
		return -EINVAL;
	app = mem_zalloc(mem, sizeof(*app));
	if (!app)
		return -ENOMEM;
	app->ops = *ops;
	app->arg = arg;
	app->netif.ops = &app_netif_ops;
	app->netif.priv = app;
	app->netif.flags = NETIF_BROADCAST | NETIF_CARRIER;
	app->netif.features = NETIF_F_GRO;
	app->netif.features_off = NETIF_F_GRO;
	app->netif.mtu = mtu;
	memcpy(app->netif.hwaddr.b, mac, sizeof(app->netif.hwaddr.b));
	err = netif_add(stack_of(st), &app->netif, name);
	if (err) {
		mem_free(mem, app, sizeof(*app));
		return err;
	}
	netif_set_up(&app->netif, true);
	*ret = weft_netif_of(&app->netif);
	return 0;
}

int weft_netif_rx(struct weft_netif *nif, const void *frame, size_t len)
{
	struct netif *netif = netif_of(nif);
	struct pkt *pkt;

	if (len > APP_FRAME_MAX)
		return -EMSGSIZE;
	if (netif->backlog.n_pkts >= netif->backlog_max_pkts)
		return -ENOBUFS;
	pkt = pkt_alloc(&netif->stack->eng->pkts, (uint32_t)len);
	if (!pkt) {
		netif->stats.rx_dropped++;
		return -ENOBUFS;
	}
	if (len)
		memcpy(pkt_put(pkt, (uint32_t)len), frame, len);
	netif_rx_later(netif, pkt);
	return 0;
}

void weft_netif_del(struct weft_netif *nif)
{
	netif_del(netif_of(nif));
}

struct weft_netif *weft_netif_find(struct weft_stack *st, const char *name)
{
	return weft_netif_of(netif_find(stack_of(st), name));
}

struct weft_netif *weft_netif_next(struct weft_stack *st, struct weft_netif *prev)
{
	struct list *head = &stack_of(st)->netifs;
	struct list *next = prev ? netif_of(prev)->link.next : head->next;

	return next == head ? NULL : weft_netif_of(container_of(next, struct netif, link));
}

const char *weft_netif_name(const struct weft_netif *nif)
{
	return netif_of_const(nif)->name;
}

uint32_t weft_netif_index(const struct weft_netif *nif)
{
	return netif_of_const(nif)->index;
}

void weft_netif_set_up(struct weft_netif *nif, bool up)
{
	netif_set_up(netif_of(nif), up);
}

int weft_netif_set_mtu(struct weft_netif *nif, uint32_t mtu)
{
	return netif_set_mtu(netif_of(nif), mtu);
}

int weft_netif_set_mss_clamp(struct weft_netif *nif, uint32_t mss)
{
	static_assert((int)WEFT_MSS_PMTU == (int)NETIF_MSS_PMTU, "one value under two names");
	if (mss && (mss < NETIF_MSS_MIN || mss > NETIF_MSS_PMTU))
		return -EINVAL;
	netif_of(nif)->mss_clamp = (uint16_t)mss;
	return 0;
}

int weft_netif_set_offloads(struct weft_netif *nif, uint32_t offloads)
{
	static_assert((int)WEFT_OFFLOAD_CSUM == (int)NETIF_F_CSUM &&
			      (int)WEFT_OFFLOAD_TSO == (int)NETIF_F_GSO_TCP &&
			      (int)WEFT_OFFLOAD_USO == (int)NETIF_F_GSO_UDP &&
			      (int)WEFT_OFFLOAD_GRO == (int)NETIF_F_GRO,
		      "the same bits");
	if (offloads & ~(uint32_t)WEFT_OFFLOAD_ALL)
		return -EINVAL;
	netif_of(nif)->features_off = ~offloads & WEFT_OFFLOAD_ALL;
	return 0;
}

uint32_t weft_netif_offloads(const struct weft_netif *nif, uint32_t *ret_allowed)
{
	const struct netif *netif = netif_of_const(nif);

	if (ret_allowed)
		*ret_allowed = ~netif->features_off & WEFT_OFFLOAD_ALL;
	return netif_takes(netif, WEFT_OFFLOAD_ALL);
}

/* Neighbours are told, or they would go on sending to the old address until they doubt it; ours are
 * asked for again from the new one. */
void weft_netif_set_mac(struct weft_netif *nif, const uint8_t mac[6])
{
	struct netif *netif = netif_of(nif);

	memcpy(netif->hwaddr.b, mac, sizeof(netif->hwaddr.b));
	if (netif->ops->change)
		netif->ops->change(netif);
	neigh_flush(netif, false);
	ip4_addrs_announce(netif);
	if (netif->ip6)
		ip6_addr_mac_changed(netif);
}

void weft_netif_mac(const struct weft_netif *nif, uint8_t ret[6])
{
	memcpy(ret, netif_of_const(nif)->hwaddr.b, sizeof(netif_of_const(nif)->hwaddr.b));
}

void weft_netif_stats(const struct weft_netif *nif, struct weft_netif_stats *ret)
{
	const struct netif_stats *s = &netif_of_const(nif)->stats;

	*ret = (struct weft_netif_stats){
		.rx_packets = s->rx_packets,
		.rx_bytes = s->rx_bytes,
		.rx_dropped = s->rx_dropped,
		.rx_errors = s->rx_errors,
		.tx_packets = s->tx_packets,
		.tx_bytes = s->tx_bytes,
		.tx_dropped = s->tx_dropped,
		.tx_errors = s->tx_errors,
		.rx_units = s->rx_units,
		.tx_units = s->tx_units,
		.rx_multicast = s->rx_multicast,
	};
}

static uint32_t weft_iff_of(uint32_t flags)
{
	static const struct {
		uint32_t ours, theirs;
	} map[] = {
		{NETIF_UP, WEFT_IFF_UP},
		{NETIF_CARRIER, WEFT_IFF_LOWER_UP},
		{NETIF_LOOPBACK, WEFT_IFF_LOOPBACK},
		/* Every Ethernet carries groups. */
		{NETIF_BROADCAST, WEFT_IFF_BROADCAST | WEFT_IFF_MULTICAST},
		{NETIF_NOARP, WEFT_IFF_NOARP},
		{NETIF_PROMISC, WEFT_IFF_PROMISC},
	};
	uint32_t ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (flags & map[i].ours)
			ret |= map[i].theirs;
	return ret;
}

void weft_netif_info(const struct weft_netif *nif, struct weft_netif_info *ret)
{
	const struct netif *netif = netif_of_const(nif);

	*ret = (struct weft_netif_info){
		.kind = netif->ops->kind,
		.index = netif->index,
		.flags = weft_iff_of(netif->flags),
		.mtu = netif->mtu,
		.min_mtu = NETIF_MTU_MIN,
		.max_mtu = NETIF_MTU_MAX,
		.gso_max_bytes = netif->gso_max_bytes,
		.mss_clamp = netif->mss_clamp,
	};
	memcpy(ret->mac, netif->hwaddr.b, sizeof(ret->mac));
}
