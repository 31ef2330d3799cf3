/* SPDX-License-Identifier: MIT */
/* What the files of IPv4 share with each other alone. */
#pragma once

#include "base/mem.h"
#include "core/engine.h"
#include "ip/ip4.h"

int ip4_own_init(struct stack *st) MUST_CHECK;
void ip4_own_fini(struct stack *st);

int ip4_addr_netif_add(struct netif *netif) MUST_CHECK;
void ip4_addr_netif_del(struct netif *netif);
