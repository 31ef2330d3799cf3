/* SPDX-License-Identifier: MIT */
/*
 * A whole datagram out of its fragments.
 *
 * Where the first packet's table has room, it refers to the bytes of the others: nothing is copied.
 * Small fragments, whose bytes are in the packet itself, and datagrams of more than some ten
 * fragments are copied into one buffer.
 */
#include <string.h>

#include "ip/reasm_priv.h"

/* Places in the table of the first packet that a fragment's payload takes; 0: it cannot be referred
 * to. */
static uint32_t frag_slots(const struct reasm_frag *f)
{
	uint32_t lin = f->pkt->lin_len - f->hdr_len;

	if (lin && !f->pkt->buf)
		return 0;
	return f->pkt->n_frags + (lin ? 1u : 0u);
}

/* The first packet can refer to all the others. */
static bool can_refer(struct reasm_frag *root, const struct reasm_frag *first, uint32_t n_frags)
{
	uint32_t n = first->pkt->n_frags;

	if (n_frags > PKT_FRAGS_MAX + 1)
		return false;
	for (struct reasm_frag *f = reasm_tree_next(root, first); f; f = reasm_tree_next(root, f)) {
		uint32_t slots = frag_slots(f);

		n += slots;
		if (!slots || n > PKT_FRAGS_MAX)
			return false;
	}
	return true;
}

static void refer(struct pkt *to, const struct reasm_frag *f)
{
	const struct pkt *from = f->pkt;
	uint32_t lin = from->lin_len - f->hdr_len;
	bool fits = true;

	if (lin)
		fits = pkt_add_frag(to, from->buf,
				    (uint32_t)(from->data + f->hdr_len - from->buf->bytes), lin);
	for (uint8_t i = 0; fits && i < from->n_frags; i++)
		fits = pkt_add_frag(to, from->frags[i].buf, from->frags[i].off, from->frags[i].len);
	assert(fits);
}

/* A packet with room for all, born of the first. */
static struct pkt *copy_start(struct stack *st, const struct reasm_frag *first, uint32_t total)
{
	const struct pkt *from = first->pkt;
	struct pkt *to = pkt_alloc(&st->eng->pkts, first->hdr_len + total);

	if (!to)
		return NULL;
	to->l3_off = pkt_off(to);
	to->flags = from->flags;
	to->netif = from->netif;
	to->ts_ns = from->ts_ns;
	to->mark = from->mark;
	to->trace_id = from->trace_id;
	to->n_hops = from->n_hops;
	memcpy(to->hops, from->hops, sizeof(to->hops));
	pkt_copy_out(from, 0, pkt_put(to, first->hdr_len), first->hdr_len);
	return to;
}

struct pkt *reasm_join(struct stack *st, struct reasm_frag *root, uint32_t n_frags, uint32_t total)
{
	struct reasm_frag *first = reasm_tree_first(root), *f;
	struct pkt *whole = first->pkt;

	if (can_refer(root, first, n_frags)) {
		for (f = reasm_tree_next(root, first); f; f = reasm_tree_next(root, f))
			refer(whole, f);
	} else {
		whole = copy_start(st, first, total);
		if (!whole)
			return NULL;
		for (f = first; f; f = reasm_tree_next(root, f))
			pkt_copy_out(f->pkt, f->hdr_len, pkt_put(whole, f->end - f->off),
				     f->end - f->off);
	}
	whole->csum = PKT_CSUM_NONE; /* nobody has seen the sum of all of it */
	whole->hash = 0;
	return whole;
}
