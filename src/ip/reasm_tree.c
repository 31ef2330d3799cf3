/* SPDX-License-Identifier: MIT */
/* The treap of a datagram's fragments; contracts in reasm_priv.h. Nothing here recurses. */
#include "ip/reasm_priv.h"

struct reasm_near reasm_tree_near(struct reasm_frag *root, uint32_t off, uint64_t *steps)
{
	struct reasm_near near = {0};

	while (root) {
		++*steps;
		if (root->off <= off) {
			near.at = root;
			root = root->right;
		} else {
			near.after = root;
			root = root->left;
		}
	}
	return near;
}

void reasm_tree_add(struct reasm_frag **root, struct reasm_frag *f, uint64_t *steps)
{
	struct reasm_frag **left = &f->left, **right = &f->right, *t;

	while (*root && (*root)->prio >= f->prio) {
		++*steps;
		root = f->off < (*root)->off ? &(*root)->left : &(*root)->right;
	}
	/* What is below goes left and right of the new one. */
	for (t = *root; t;) {
		++*steps;
		if (t->off < f->off) {
			*left = t;
			left = &t->right;
			t = t->right;
		} else {
			*right = t;
			right = &t->left;
			t = t->left;
		}
	}
	*left = *right = NULL;
	*root = f;
}

/* Turns the tree until its smallest is on top; each turn shortens the way for all to come. */
struct reasm_frag *reasm_tree_pop(struct reasm_frag **root)
{
	struct reasm_frag *top = *root, *left;

	if (!top)
		return NULL;
	while ((left = top->left)) {
		top->left = left->right;
		left->right = top;
		top = left;
	}
	*root = top->right;
	return top;
}

struct reasm_frag *reasm_tree_first(struct reasm_frag *root)
{
	while (root->left)
		root = root->left;
	return root;
}

struct reasm_frag *reasm_tree_next(struct reasm_frag *root, const struct reasm_frag *f)
{
	uint64_t steps = 0;

	return reasm_tree_near(root, f->off, &steps).after;
}

/* A buffer that others refer to as well (fragments that a stack of this process has cut from one
 * datagram) is charged to all of them together; one that a device has filled, in full. */
static uint32_t buf_mem(const struct buf *buf)
{
	return buf ? buf->cap / buf->refs : 0;
}

uint32_t reasm_frag_mem(struct reasm_frag *f)
{
	uint32_t n = (uint32_t)(sizeof(*f) + sizeof(*f->pkt));

	if (f->mem_bytes) /* nothing else of it is looked at: it may be cold */
		return f->mem_bytes;
	n += buf_mem(f->pkt->buf);
	for (uint8_t i = 0; i < f->pkt->n_frags; i++)
		n += buf_mem(f->pkt->frags[i].buf);
	return f->mem_bytes = n;
}
