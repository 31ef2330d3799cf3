/* SPDX-License-Identifier: MIT */
/*
 * Echo ("ping") sockets: SOCK_DGRAM with IPPROTO_ICMP, or IPPROTO_ICMPV6 in an IPv6 one, as
 * Linux's. The application sends and receives echo messages from the type field on; the identifier
 * is the port that the socket is bound to, and is put in on the way out together with the checksum.
 */
#pragma once

#include "base/compiler.h"
#include "core/stack.h"

/* After icmp_init() and sock_table_init(), and after udp_init(), which is SOCK_DGRAM's default
 * protocol. 0 or -Exxx. */
int ping_init(struct stack *st) MUST_CHECK;
