/* SPDX-License-Identifier: MIT */
/*
 * Packet sockets: frames of interfaces for applications (weft/packet.h says what they see).
 *
 *	netif_rx, netif_tx --> netif_tap of each interface --> packet_in.c --> dgram_queue
 *	packet_out.c --> netif_tx
 *
 * While a stack has a packet socket, every interface of it has a tap; without one, interfaces know
 * nothing of this.
 */
#pragma once

#include "base/compiler.h"
#include "core/stack.h"
#include "socket/socket.h"

/* After sock_table_init(), before any interface. 0 or -Exxx. */
int packet_init(struct stack *st) MUST_CHECK;
/* A socket of WEFT_AF_PACKET; `protocol` is an EtherType. -ESOCKTNOSUPPORT, -EINVAL, -ENOMEM. */
int packet_new(struct stack *st, int type, int protocol, struct sock **ret) MUST_CHECK;
/* Takes interface and EtherType (0: as it is) of `name`. -ENODEV; -EINVAL: part of a group. */
int packet_bind(struct sock *sk, const struct sock_name *name) MUST_CHECK;
void packet_name(const struct sock *sk, struct sock_name *ret);
