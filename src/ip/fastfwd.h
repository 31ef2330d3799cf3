/* SPDX-License-Identifier: MIT */
/*
 * The short way through a router: packets that nothing is special about, to destinations that were
 * forwarded to of late, go from the interface that they came in on to the one that they leave by in
 * one function, which does what netif_rx(), eth_input(), ip4_input(), ip4_forward(), neigh_output()
 * and netif_tx() would have done: the same checks, counters, hop codes, bytes.
 *
 * It decides before it changes anything. A packet that is in any way unusual (an address that is
 * near a special one, options, fragments, a checksum still to be computed, several frames in one)
 * and one that meets anything unusual (hooks, captures, sampled traces, an intercept, MSS clamping,
 * a neighbour that has to be asked, an interface that does not run, a smaller MTU, a way back out
 * of the same interface) is left as it came and goes the ordinary way. So there is one place for
 * each refusal, error and rare case, and that is not here. doc/forwarding.md says more.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "pkt/pkt.h"
#include "wire/addr.h"

struct fib4_route;
struct fib6_route;
struct neigh;
struct netif;

/* netif->shortcut of interfaces that packets are forwarded from. */
uint32_t fastfwd_input(struct netif *in, struct pktq *q, uint32_t max);

/* A packet that came in on `in` goes to `dst` by `route` and to `neigh`: from now on others may do
 * so at once. `pkt` is that packet, with `data` at its IP header; what has sent it elsewhere than
 * its own destination makes it no example. */
void fastfwd_learn4(struct netif *in, const struct pkt *pkt, const struct fib4_route *route,
		    struct ip4_addr dst, struct neigh *neigh);
void fastfwd_learn6(struct netif *in, const struct fib6_route *route, const struct ip6_addr *dst,
		    struct neigh *neigh);
