/* SPDX-License-Identifier: MIT */
/*
 * Which frames may be put together to a super-packet: those that gso_hdr_patch() would make of it
 * again, byte for byte. So the headers of a frame have to be those of the one before, but for what
 * cutting changes: the lengths, the IPv4 ID and TCP's sequence number, which count on, the
 * checksums, which must be right, and PSH, which ends a super-packet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "wire/gso.h"

enum gro_kind {
	GRO_FOREIGN, /* not TCP or UDP, or in fragments: its flow is not known */
	GRO_ALONE,   /* of a flow, but one that takes part in nothing: a flag, an option, no data */
	GRO_DATA,    /* may be one of a super-packet, if its checksums are right */
};

/* What a frame is, by its headers. `len` is that of the whole frame, of which the first `n_there`
 * bytes are at `p`: GRO_FOREIGN when the headers are not among them. `ret` is set but for that. */
enum gro_kind gro_read(const uint8_t *p, size_t n_there, size_t len, struct gso_hdr *ret);
/* Whether two frames, neither GRO_FOREIGN, have the same addresses, ports and protocol. */
bool gro_is_same_flow(const uint8_t *a, const struct gso_hdr *ha, const uint8_t *b,
		      const struct gso_hdr *hb);
/* Two frames of one flow, both GRO_DATA: whether `b` could be frame `i` of a super-packet that
 * begins with `a`, its payload standing `pos` bytes into the whole. */
bool gro_is_next(const uint8_t *a, const struct gso_hdr *ha, const uint8_t *b,
		 const struct gso_hdr *hb, uint32_t i, uint32_t pos);
/* Of a frame that is GRO_DATA: the L4 checksum is right, and the one that we would write. */
bool gro_csum_ok(const struct cpu_ops *cpu, const uint8_t *p, size_t len,
		 const struct gso_hdr *hdr);
/* The same by the sum over the L4 header and all behind it, in the convention of base/csum.h. */
bool gro_csum_is_right(const uint8_t *p, size_t len, const struct gso_hdr *hdr, uint64_t sum);
/* TCP: the frame ends with PSH. */
bool gro_has_psh(const struct gso_hdr *hdr);
/* Turns a copy of the headers of the first frame into those of the super-packet, as
 * gso_hdr_patch(). `has_psh`: of the last frame. */
void gro_hdr_patch(uint8_t *p, const struct gso_hdr *hdr, uint32_t n_payload, bool has_psh);
