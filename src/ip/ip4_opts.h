/* SPDX-License-Identifier: MIT */
/*
 * IPv4 options at work (RFC 791 §3.1): what hosts and routers write into record routes and
 * timestamps, source routes where they are accepted, and options that an application sends.
 *
 *	ip4_in_check --> ip4_opts_input()      refused, or fine
 *	fwd_send     --> ip4_opts_forward()    a router writes its address, the next of a route
 *	icmp4_echo   --> ip4_opts_echo()       the reply has what came, as a host leaves it
 *	ip4_out_hdr  --> ip4_opts_send()       the first entry is the sender's
 *
 * Options are never answered for: replies to source-routed datagrams go the ordinary way.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "core/stack.h"
#include "wire/ip4.h"

/* Options to be sent, padded to a multiple of 4. */
struct ip4_opts {
	uint8_t len; /* 0: none */
	uint8_t bytes[IP4_OPTS_MAX];
};

/* What an application wants to be sent: checked, padded. 0; -EINVAL: malformed, or more than 40
 * bytes; -EOPNOTSUPP: source routes, which networks refuse (RFC 7126 §4.3). */
int ip4_opts_set(struct ip4_opts *opts, const void *bytes, size_t len) MUST_CHECK;
/* Whether a datagram, `data` at its header, may come with its options; the sender of one that is
 * malformed is told where. */
enum drop ip4_opts_input(struct netif *netif, struct pkt *pkt, const struct ip4_hdr *hdr);
/* The next address of a source route that has brought the datagram of this header to us. False:
 * there is none, or it is at its end. */
bool ip4_opts_next_hop(const uint8_t *hdr, size_t hdr_len, struct ip4_addr *ret,
		       bool *ret_is_strict) MUST_CHECK;
/* A datagram leaves by an interface whose address is `own`, to `dst`, which is the header's unless
 * a source route says it. The header, writable, is changed and its checksum right. */
void ip4_opts_forward(const struct stack *st, uint8_t *hdr, size_t hdr_len, struct ip4_addr own,
		      struct ip4_addr dst);
/* The record route and timestamp of a header as `own`, to whom it came, leaves them. */
void ip4_opts_echo(const struct stack *st, const uint8_t *hdr, size_t hdr_len, struct ip4_addr own,
		   struct ip4_opts *ret);
/* All options of a header, as `own` leaves them. */
void ip4_opts_received(const struct stack *st, const uint8_t *hdr, size_t hdr_len,
		       struct ip4_addr own, struct ip4_opts *ret);
/* Writes options behind a header, with what the sender adds. */
void ip4_opts_send(const struct stack *st, const struct ip4_opts *opts, uint8_t *hdr,
		   struct ip4_addr own);
