/* SPDX-License-Identifier: MIT */
/*
 * Forwarding: a router with 1,000 routes between two interfaces whose frames this program carries.
 * It hands in packets of 64 bytes for ever another destination, a batch at a time, and counts those
 * that the router sends on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel_peer.h"
#include "weft_side.h"

enum {
	BATCH = 64,
};

static const uint8_t macs[3][6] = {
	{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 3}}; /* in, out, next hop */

struct router {
	struct gauge *gauge;
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_netif *in, *out;
	uint8_t frames[FWD_MANY][FWD_FRAME];
};

static int out_tx(void *arg, const void *frame, size_t len)
{
	struct router *r = arg;

	(void)frame;
	if (len == FWD_FRAME) {
		gauge_add(&r->gauge->n_ops, 1);
		gauge_add(&r->gauge->n_bytes, len);
	}
	return 0;
}

static struct weft_netif *port_new(struct router *r, const char *name, const uint8_t *mac)
{
	static const struct weft_frame_ops ops = {.tx = out_tx};
	struct weft_netif *nif;

	must(weft_netif_new(r->st, name, mac, 1500, &ops, r, &nif), name);
	return nif;
}

static void routes_add(struct router *r, bool is_ip6)
{
	struct weft_addr via;

	must(weft_addr_parse(is_ip6 ? "2001:db8:2::2" : "10.0.2.2", &via), "next hop");
	must(weft_neigh_add(r->out, &via, macs[2]), "neighbour");
	for (unsigned int i = 0; i < FWD_ROUTES; i++) {
		char text[128];

		if (is_ip6)
			snprintf(text, sizeof(text), "2001:db8:%x::/48 via 2001:db8:2::2",
				 FWD_FIRST6 + i);
		else
			snprintf(text, sizeof(text), "172.%u.%u.0/24 via 10.0.2.2", 16 + i / 256,
				 i % 256);
		must(weft_route_add_text(r->st, text), text);
	}
}

void weft_fwd(struct gauge *g, const void *arg)
{
	static struct router r;
	const struct fwd_what *what = arg;
	unsigned int n = 0;

	r = (struct router){.gauge = g, .eng = side_engine()};
	r.st = side_stack(r.eng, "router");
	r.in = port_new(&r, "in", macs[0]);
	r.out = port_new(&r, "out", macs[1]);
	side_address(r.in, what->is_ip6 ? "2001:db8:1::1/64" : "10.0.1.1/24");
	side_address(r.out, what->is_ip6 ? "2001:db8:2::1/64" : "10.0.2.1/24");
	must(weft_stack_set(r.st,
			    what->is_ip6 ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward",
			    1),
	     "forwarding");
	routes_add(&r, what->is_ip6);
	for (unsigned int i = 0; i < what->n_dsts; i++)
		fwd_frame_write(r.frames[i], macs[0], what->is_ip6, i);
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		for (int i = 0; i < BATCH; i++, n = (n + FWD_STEP) % what->n_dsts)
			must(weft_netif_rx(r.in, r.frames[n], FWD_FRAME), "frame");
		side_run(r.eng);
	}
	weft_stack_free(r.st);
	weft_engine_free(r.eng);
}
