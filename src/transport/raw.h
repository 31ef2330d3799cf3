/* SPDX-License-Identifier: MIT */
/*
 * Raw IPv4 sockets: a copy of every datagram of one protocol, with its IP header, before the
 * protocol sees it; what is sent gets an IP header in front. Connected or bound, a socket receives
 * from or to that address only. There is no IP_HDRINCL, and so no IPPROTO_RAW.
 */
#pragma once

#include "base/compiler.h"
#include "core/stack.h"

/* Sets st->raw and st->raw_input. After sock_table_init(). 0 or -Exxx. */
int raw_init(struct stack *st) MUST_CHECK;
