/* SPDX-License-Identifier: MIT */
/* weft/cable.h: wires between engines. */
#include <errno.h>

#include "api/api_priv.h"
#include "link/cable.h"
#include "link/frame_ring.h"
#include "weft/cable.h"

enum {
	API_CABLE_QUEUE = 256,
};

static struct cable *cable_of(struct weft_cable *cable)
{
	return (struct cable *)(void *)cable;
}

int weft_cable_new(const struct weft_cable_config *cfg, struct weft_cable **ret)
{
	const struct weft_cable_config none = {.ring_bytes = 0};
	const struct weft_cable_config *c = cfg ? cfg : &none;
	const struct cable_config config = {
		.ring_bytes = c->ring_bytes ? c->ring_bytes : FRAME_RING_BYTES,
		.queue_pkts = c->queue_pkts ? c->queue_pkts : API_CABLE_QUEUE,
		.realloc = c->realloc,
		.mem_ctx = c->mem_ctx,
	};
	struct cable *cable;
	int err = cable_new(&config, &cable);

	if (err)
		return err;
	*ret = (struct weft_cable *)(void *)cable;
	return 0;
}

void weft_cable_free(struct weft_cable *cable)
{
	cable_unref(cable_of(cable));
}

int weft_cable_plug(struct weft_cable *cable, int end, struct weft_stack *st, const char *name,
		    struct weft_netif **ret)
{
	struct netif *netif;
	int err;

	if (end != 0 && end != 1)
		return -EINVAL;
	err = cable_plug(cable_of(cable), end, stack_of(st), name, &netif);
	if (err)
		return err;
	netif_set_up(netif, true);
	*ret = weft_netif_of(netif);
	return 0;
}
