/* SPDX-License-Identifier: MIT */
/* Kept blocks (spares.h): a list through the blocks themselves, the last one in is the first out.
 */
#include "base/spares.h"

#include <assert.h>

#include "base/poison.h"

/* What a kept block begins with. */
struct spare {
	struct spare *next;
};

void spares_init(struct spares *s, struct mem *mem, size_t size, uint32_t max)
{
	assert(size >= sizeof(struct spare));
	*s = (struct spares){.mem = mem, .size = size, .max = max};
}

void *spares_get(struct spares *s)
{
	struct spare *block = s->first;

	if (!block)
		return mem_alloc(s->mem, s->size);
	unpoison(block, s->size);
	s->first = block->next;
	s->n--;
	return block;
}

void spares_put(struct spares *s, void *block)
{
	struct spare *kept = block;

	if (!block)
		return;
	if (s->n >= s->max) {
		mem_free(s->mem, block, s->size);
		return;
	}
	kept->next = s->first;
	s->first = kept;
	s->n++;
	poison(kept, s->size);
}

void spares_bound(struct spares *s, uint32_t max)
{
	s->max = max;
	while (s->n > max) {
		struct spare *block = s->first;

		unpoison(block, s->size);
		s->first = block->next;
		s->n--;
		mem_free(s->mem, block, s->size);
	}
}
