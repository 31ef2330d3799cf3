/* SPDX-License-Identifier: MIT */
/* The loopback interface. */
#include "link/loopback.h"

#include <errno.h>

#include "core/netif.h"
#include "core/stack.h"
#include "link/cross.h"

static void loopback_tx(struct netif *netif, struct pkt *pkt)
{
	pkt_cross(pkt, netif, netif);
	pkt->flags |= PKT_F_LOOPED;
	netif_rx_later(netif, pkt);
}

static void loopback_fini(struct netif *netif)
{
	mem_free(&netif->stack->eng->mem, netif, sizeof(*netif));
}

static const struct netif_ops loopback_ops = {
	.kind = "loopback",
	.tx = loopback_tx,
	.fini = loopback_fini,
};

int loopback_new(struct stack *st, const char *name, struct netif **ret)
{
	struct netif *netif = mem_zalloc(&st->eng->mem, sizeof(*netif));
	int err;

	if (!netif)
		return -ENOMEM;
	netif->ops = &loopback_ops;
	netif->flags = NETIF_LOOPBACK | NETIF_CARRIER;
	netif->features = NETIF_F_CSUM | NETIF_F_GSO_TCP | NETIF_F_GSO_UDP | NETIF_F_FRAGS;
	netif->mtu = LOOPBACK_MTU;
	err = netif_add(st, netif, name);
	if (err) {
		mem_free(&st->eng->mem, netif, sizeof(*netif));
		return err;
	}
	*ret = netif;
	return 0;
}
