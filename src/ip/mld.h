/* SPDX-License-Identifier: MIT */
/* MLD of a stack (RFC 2710, RFC 3810); the machinery is that of mcast.h. */
#pragma once

#include "base/compiler.h"
#include "core/stack.h"
#include "ip/icmp6.h"

struct mcast_ops;
struct mcast_side;

extern const struct mcast_ops mld_ops;

/* A message of ICMPv6 types 130 to 132 and 143; `data` at the type field. */
enum drop mld_input(struct stack *st, struct pkt *pkt, const struct ip_info *info) MUST_CHECK;
/* Addresses have come or gone, or the stack has become a router: joins the groups that follow from
 * that (RFC 4291 §2.8), leaves others. Before the interface has groups: does nothing. */
void mld_addrs_changed(struct netif *netif);
/* A packet to a group that is none of ours is for us all the same, as a querier. */
bool mld_is_message(const struct pkt *pkt, uint32_t icmp_off);
