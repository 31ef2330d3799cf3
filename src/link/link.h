/* SPDX-License-Identifier: MIT */
/*
 * The link layer of a stack as a whole: registers Ethernet, the neighbour cache and ARP, and looks
 * after the bridges of the stack.
 */
#pragma once

#include "base/compiler.h"

struct stack;

/* First of the layers of a stack, before any interface. Gives interfaces of the kinds
 * NETIF_BROADCAST and NETIF_LOOPBACK eth_input() when they have no `input`. 0 or -Exxx. */
int link_init(struct stack *st) MUST_CHECK;
