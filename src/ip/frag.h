/* SPDX-License-Identifier: MIT */
/*
 * Cutting a datagram into fragments (RFC 791 §3.2, RFC 8200 §4.5): the part that does not depend on
 * the family. Fragments refer to the datagram's bytes; only headers are copied.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "pkt/pkt.h"

/* A packet with `hdr_len` bytes of room for its header at `data`, not yet written, in front of the
 * bytes [pos, pos+len) of `pkt`; l3_off is set, the rest is inherited. NULL: no memory. */
struct pkt *frag_make(const struct pkt *pkt, uint32_t hdr_len, uint32_t pos,
		      uint32_t len) MUST_CHECK;

/* Frames of a super-packet whose `data` is at its IP header, each in the same form, appended to
 * `out`. Consumes `pkt` on success. 0; -ENOBUFS or -EBADMSG: nothing has changed. */
int frag_segment(struct pkt *pkt, uint16_t ethertype, struct pktq *out) MUST_CHECK;
