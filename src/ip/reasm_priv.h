/* SPDX-License-Identifier: MIT */
/* What the files of reassembly share with each other and with their tests. */
#pragma once

#include "core/engine.h"
#include "ip/reasm.h"

/* A fragment, and a node of its datagram's treap: a search tree by `off`, a heap by `prio`. */
struct reasm_frag {
	struct reasm_frag *left, *right;
	struct pkt *pkt;
	uint32_t prio;
	uint32_t off, end; /* of the datagram's payload */
	uint32_t mem_bytes;
	uint16_t hdr_len; /* in front of the payload */
	uint8_t ecn;
	bool more;
};

struct reasm_src {
	struct htab_node node; /* reasm.by_src */
	struct ip_addr addr;
	struct list entries; /* reasm_entry.src_age, oldest first; not empty */
	uint32_t mem_bytes;
	uint32_t n_seen; /* fragments since it is here */
};

struct reasm_entry {
	struct htab_node node; /* reasm.by_key */
	struct list age;       /* reasm.entries */
	struct list src_age;
	struct reasm_src *src;
	struct reasm_key key;
	int64_t due_ns;
	struct reasm_frag *root;
	uint32_t have;    /* bytes of payload that are here */
	uint32_t total;   /* bytes there will be; 0: the last fragment has not come */
	uint32_t max_end; /* of all fragments */
	uint32_t mem_bytes;
	uint32_t seen_at; /* src->n_seen at its last fragment */
	uint32_t n_frags;
	uint8_t ecn_seen; /* bit n: enum ip_ecn n has been seen */
	bool is_dead;     /* an overlap has been seen: everything is dropped */
};

/* Neighbours of an offset. */
struct reasm_near {
	struct reasm_frag *at;    /* the last that begins there or before; NULL: none */
	struct reasm_frag *after; /* the first that begins after; NULL: none */
};

/* `*steps` counts nodes looked at. */
struct reasm_near reasm_tree_near(struct reasm_frag *root, uint32_t off, uint64_t *steps);
/* No fragment with that offset may be there. */
void reasm_tree_add(struct reasm_frag **root, struct reasm_frag *f, uint64_t *steps);
/* Takes the fragment with the smallest offset out; NULL: none. All of them: O(n). */
struct reasm_frag *reasm_tree_pop(struct reasm_frag **root);
/* The fragment with the smallest offset; `root` is not NULL. */
struct reasm_frag *reasm_tree_first(struct reasm_frag *root);
/* The fragment after `f`; NULL: none. */
struct reasm_frag *reasm_tree_next(struct reasm_frag *root, const struct reasm_frag *f);

/* What a fragment is charged with; noted when first asked. */
uint32_t reasm_frag_mem(struct reasm_frag *f);

/* One packet of all fragments, which are without gaps: the first one's, or a new one. The packets
 * stay with the fragments. NULL: no memory, nothing changed. */
struct pkt *reasm_join(struct stack *st, struct reasm_frag *root, uint32_t n_frags,
		       uint32_t total) MUST_CHECK;
