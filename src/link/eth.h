/* SPDX-License-Identifier: MIT */
/*
 * Ethernet II: frames up to the protocols of the stack, packets down to the interface.
 *
 * eth_input() is the `input` of every interface that is not a port of a bridge. It sets the
 * packet's PKT_F_L2_* flags: protocols above refuse what is PKT_F_L2_OTHERHOST (seen only on a
 * promiscuous interface) and do not forward PKT_F_L2_BROADCAST and PKT_F_L2_MULTICAST.
 * A priority tag (VLAN 0) is accepted and removed; frames of other VLANs are dropped with ETH_VLAN.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "pkt/pkt.h"
#include "wire/addr.h"

struct netif;

enum drop eth_input(struct netif *netif, struct pkt *pkt) MUST_CHECK;

/* Puts an Ethernet header in front of `pkt` (`data` at the network header, l3_off set) and sends
 * it. Consumes it. 0 or the errno of the drop reason. */
int eth_output(struct netif *netif, struct pkt *pkt, uint16_t ethertype,
	       const struct eth_addr *dst);
