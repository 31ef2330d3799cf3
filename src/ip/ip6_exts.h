/* SPDX-License-Identifier: MIT */
/*
 * Extension headers that an application sends (RFC 3542 §6 to §9): hop-by-hop options, destination
 * options for those on the way, a routing header, destination options for the last of them.
 *
 *	fixed | hop-by-hop | options | routing | (fragment) | options | transport
 *	        IP6_EXTS_HOP  _DST0     _RT                    _DST1
 *
 * The routing header is type 2 (RFC 6275 §6.4) or 4 (RFC 8754); type 0 is no more (RFC 5095). It
 * names those on the way, but for the destination; on the wire the first is the destination.
 *
 * One block of memory, that of a kind replaced by making a new one. Bound: 2,040 bytes a kind.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "wire/addr.h"

enum ip6_exts_kind {
	IP6_EXTS_HOP,
	IP6_EXTS_DST0, /* sent only with a routing header */
	IP6_EXTS_RT,
	IP6_EXTS_DST1,
	IP6_EXTS_KINDS,
};

struct ip6_exts {
	uint16_t len[IP6_EXTS_KINDS]; /* bytes; 0: none of this kind */
	uint8_t bytes[];              /* in this order */
};

/* Puts the header of `kind` into `*exts` (NULL: there are none yet), which is made anew; `len` 0
 * takes it out, and the last one frees all. -EINVAL: it is shorter than it says, longer than
 * allowed, or no routing header as above; -ENOMEM. */
int ip6_exts_set(struct mem *mem, struct ip6_exts **exts, enum ip6_exts_kind kind,
		 const void *bytes, size_t len) MUST_CHECK;
/* The header of a kind; `*ret_len` 0: none. */
const uint8_t *ip6_exts_get(const struct ip6_exts *exts, enum ip6_exts_kind kind, size_t *ret_len);
int ip6_exts_copy(struct mem *mem, const struct ip6_exts *from, struct ip6_exts **ret) MUST_CHECK;
void ip6_exts_free(struct mem *mem, struct ip6_exts *exts); /* NULL is fine */

/* Bytes that they add to a packet; of these, in front of a fragment header. */
uint32_t ip6_exts_len(const struct ip6_exts *exts);
uint32_t ip6_exts_unfrag_len(const struct ip6_exts *exts);
/* Where a packet to `dst` with these headers (NULL: none) goes first. */
struct ip_addr ip6_exts_via(const struct ip6_exts *exts, const struct ip_addr *dst);
/* Writes ip6_exts_len() bytes, in front of a header of protocol `proto`, for a packet to `dst`.
 * Returns what the fixed header has as next header. */
uint8_t ip6_exts_write(const struct ip6_exts *exts, uint8_t *p, uint8_t proto,
		       const struct ip6_addr *dst);
