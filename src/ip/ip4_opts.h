/* SPDX-License-Identifier: MIT */
/*
 * IPv4 options at work (RFC 791 §3.1): what hosts and routers write into record routes and
 * timestamps, source routes where they are accepted, and options that an application sends.
 *
 *	ip4_in_check --> ip4_opts_input()      refused, or fine
 *	fwd_send     --> ip4_opts_forward()    a router writes its address, the next of a route
 *	icmp4_echo, tcp_req --> ip4_opts_echo()   the answer has what came, as a host leaves it
 *	ip4_out_hdr  --> ip4_opts_send()       the first entry is the sender's
 *
 * A source route to be sent, or to be answered by, is kept as the wire has it: its first address is
 * the header's destination, `first`, and its last place takes the real one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "core/stack.h"
#include "wire/addr.h"
#include "wire/ip4.h"

/* Options to be sent, padded to a multiple of 4. */
struct ip4_opts {
	uint8_t len;   /* 0: none */
	uint8_t route; /* bytes from the start to the end of a source route; 0: there is none */
	bool is_strict;
	struct ip4_addr first; /* with `route`: where the datagram goes first */
	uint8_t bytes[IP4_OPTS_MAX];
};

/* What an application wants to be sent: checked, padded. A source route names all on the way but
 * the destination. 0; -EINVAL: malformed, or more than 40 bytes; -EOPNOTSUPP: a source route, which
 * networks refuse (RFC 7126 §4.3), unless accept_source_route is on. */
int ip4_opts_set(const struct stack *st, struct ip4_opts *opts, const void *bytes,
		 size_t len) MUST_CHECK;
/* The same bytes again; returns how many. */
size_t ip4_opts_get(const struct ip4_opts *opts, uint8_t ret[static IP4_OPTS_MAX]);
/* Where a datagram to `dst` with these options (NULL: none) goes first. */
static inline struct ip_addr ip4_opts_via(const struct ip4_opts *opts, const struct ip_addr *dst)
{
	return unlikely(opts && opts->route) ? ip_addr_from_ip4(&opts->first) : *dst;
}
/* Where in a header the mistake is; 0: there is none. */
uint8_t ip4_opts_fault(const uint8_t *hdr, size_t hdr_len, bool *ret_has_route) MUST_CHECK;
/* Whether a datagram, `data` at its header, may come with its options; the sender of one that is
 * malformed is told where. */
enum drop ip4_opts_input(struct netif *netif, struct pkt *pkt, const struct ip4_hdr *hdr);
/* The next address of a source route that has brought the datagram of this header to us. False:
 * there is none, or it is at its end. */
bool ip4_opts_next_hop(const uint8_t *hdr, size_t hdr_len, struct ip4_addr *ret,
		       bool *ret_is_strict) MUST_CHECK;
/* Where a datagram to `dst` arrives in the end: there, or at the end of its source route. */
struct ip4_addr ip4_opts_final(const uint8_t *hdr, size_t hdr_len, struct ip4_addr dst);
/* A datagram leaves by an interface whose address is `own`, to `dst`, which is the header's unless
 * a source route says it. The header, writable, is changed and its checksum right. */
void ip4_opts_forward(const struct stack *st, uint8_t *hdr, size_t hdr_len, struct ip4_addr own,
		      struct ip4_addr dst);
/* What an answer to a header has that came to `own`: its source route the other way round (RFC 1122
 * §3.2.2.6, §4.2.3.8), record route and timestamp as we leave them. */
void ip4_opts_echo(const struct stack *st, const uint8_t *hdr, size_t hdr_len, struct ip4_addr own,
		   struct ip4_opts *ret);
/* All options of a header, as `own` leaves them. */
void ip4_opts_received(const struct stack *st, const uint8_t *hdr, size_t hdr_len,
		       struct ip4_addr own, struct ip4_opts *ret);
/* Writes options behind a header, with what the sender adds; `dst`: where it shall arrive. */
void ip4_opts_send(const struct stack *st, const struct ip4_opts *opts, uint8_t *hdr,
		   struct ip4_addr own, struct ip4_addr dst);
