/* SPDX-License-Identifier: MIT */
/* What the link layer does when interfaces come, change and go. */
#include "link/link.h"

#include "core/netif.h"
#include "core/stack.h"
#include "link/arp.h"
#include "link/bridge.h"
#include "link/eth.h"
#include "link/neigh.h"
#include "link/shard.h"

static int link_netif_add(struct netif *netif)
{
	if (!netif->input && (netif->flags & (NETIF_BROADCAST | NETIF_LOOPBACK)))
		netif->input = eth_input;
	return neigh_netif_add(netif);
}

static void link_netif_del(struct netif *netif)
{
	bridge_del(netif);
	shard_uplink_del(netif);
	neigh_netif_del(netif);
}

static void link_netif_change(struct netif *netif)
{
	if (netif_is_running(netif))
		return;
	bridge_port_down(netif);
	neigh_flush(netif, false);
}

static void link_fini(struct stack *st)
{
	shard_fini(st);
	bridge_fini(st);
	neigh_fini(st);
}

static const struct stack_layer link_layer = {
	.name = "link",
	.netif_add = link_netif_add,
	.netif_del = link_netif_del,
	.netif_change = link_netif_change,
	.fini = link_fini,
};

int link_init(struct stack *st)
{
	int err = stack_layer_add(st, &link_layer);

	if (err)
		return err;
	err = neigh_init(st);
	return err ? err : arp_init(st);
}
