/* SPDX-License-Identifier: MIT */
/*
 * Coalescing of frames that are packets already: those that wait on an interface because another
 * stack of the process, or the application, sent them one by one (core/gro.h is for those that a
 * device has as bytes).
 *
 * How it works: the first packet that waits takes over the payload of those right behind it, as
 * long as each is the next frame of the same flow by the rules of wire/gro.h. Payload that is in a
 * buffer is referred to, not copied: what pkt_segment() has cut up is one piece again.
 *
 *	backlog: [a1][a2][a3][b1]... ──► [a1|a2|a3] ──► input, then [b1]...
 *
 * Invariants: as those of core/gro.h; and packets of the interface keep their order, of other flows
 * too, since nothing is held and nothing overtakes. Nothing waits: what is not there is not waited
 * for. A packet has PKT_FRAGS_MAX pieces besides its linear part, which bounds what is joined of
 * frames with a buffer each.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pkt/pkt.h"
#include "wire/gso.h"

struct stack;

struct gro_join {
	struct pkt *pkt;    /* the first frame, and what becomes of it; the caller's */
	struct gso_hdr hdr; /* its headers */
	uint32_t n_frames;
	uint32_t n_payload; /* of all */
	uint32_t
		gso_size; /* payload of the first: the others have as much, the last perhaps less */
	bool has_psh;     /* of the last */
	bool is_over;     /* nothing can follow */
};

/* `pkt`, `data` at the Ethernet header, is to be received by `st`. */
void gro_join_begin(struct gro_join *join, const struct stack *st, struct pkt *pkt);
/* True: the payload of `pkt` is in the first one, too, and the caller is to free `pkt`, whose bytes
 * are as they were. False: it begins anew; nothing was changed but that its checksum may be known
 * to be right. */
bool gro_join_add(struct gro_join *join, struct pkt *pkt) MUST_CHECK;
/* The headers of the first frame become those of all. */
void gro_join_end(struct gro_join *join);
