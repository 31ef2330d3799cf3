/* SPDX-License-Identifier: MIT */
/* Virtual Ethernet pairs. Both ends are one block of memory, freed with the second of them. */
#include "link/veth.h"

#include <errno.h>

#include "core/netif.h"
#include "core/stack.h"
#include "link/cross.h"
#include "wire/eth.h"

struct veth {
	struct netif ends[2];
	bool is_gone[2];
	struct mem *mem;
};

static int veth_end_index(const struct netif *netif)
{
	const struct veth *v = netif->priv;

	return netif == &v->ends[1];
}

static struct netif *veth_peer(const struct netif *netif)
{
	struct veth *v = netif->priv;

	return &v->ends[!veth_end_index(netif)];
}

/* Whoever sends has carrier, so the peer is there and up. */
static void veth_tx(struct netif *netif, struct pkt *pkt)
{
	struct netif *peer = veth_peer(netif);

	pkt_cross(pkt, netif, peer);
	netif_rx_later(peer, pkt);
}

static void veth_change(struct netif *netif)
{
	struct veth *v = netif->priv;

	if (!v->is_gone[!veth_end_index(netif)])
		netif_set_carrier(veth_peer(netif), netif->flags & NETIF_UP);
}

static void veth_fini(struct netif *netif)
{
	struct veth *v = netif->priv;
	int end = veth_end_index(netif);

	v->is_gone[end] = true;
	if (v->is_gone[!end])
		mem_free(v->mem, v, sizeof(*v));
	else
		netif_del(&v->ends[!end]);
}

static const struct netif_ops veth_ops = {
	.kind = "veth",
	.tx = veth_tx,
	.change = veth_change,
	.fini = veth_fini,
};

static void veth_end_init(struct veth *v, struct netif *netif, struct engine *eng)
{
	netif->ops = &veth_ops;
	netif->priv = v;
	netif->flags = NETIF_BROADCAST;
	netif->features =
		NETIF_F_CSUM | NETIF_F_GSO_TCP | NETIF_F_GSO_UDP | NETIF_F_FRAGS | NETIF_F_GRO;
	netif->features_off = NETIF_F_GRO;
	netif->mtu = ETH_MTU;
	netif->hwaddr = hwaddr_random(&eng->rng);
}

int veth_new(const struct veth_end *a, const struct veth_end *b, struct netif *ret[2])
{
	struct engine *eng = a->stack->eng;
	struct veth *v = mem_zalloc(&eng->mem, sizeof(*v));
	int err;

	assert(b->stack->eng == eng);
	if (!v)
		return -ENOMEM;
	v->mem = &eng->mem;
	veth_end_init(v, &v->ends[0], eng);
	veth_end_init(v, &v->ends[1], eng);
	v->is_gone[1] = true; /* until it is added */
	err = netif_add(a->stack, &v->ends[0], a->name);
	if (err) {
		mem_free(&eng->mem, v, sizeof(*v));
		return err;
	}
	err = netif_add(b->stack, &v->ends[1], b->name);
	if (err) {
		netif_del(&v->ends[0]);
		return err;
	}
	v->is_gone[1] = false;
	ret[0] = &v->ends[0];
	ret[1] = &v->ends[1];
	return 0;
}
