/* SPDX-License-Identifier: MIT */
/* Destinations that a router has sent to of late; how it works is in dst_cache.h. */
#include "ip/dst_cache.h"

#include "base/hash.h"
#include "base/mem.h"

enum {
	GROWTH = 4,
	/* So many entries that have given way, as a share of the places, are too many. */
	PUSHED_SHARE = 16,
};

static size_t table_bytes(uint32_t n_places)
{
	return n_places ? (n_places + DST_CACHE_WAYS - 1) * sizeof(struct dst_entry) : 0;
}

void dst_cache_fini(struct dst_cache *c, struct mem *mem)
{
	mem_free(mem, c->entries, table_bytes(c->n_places));
	*c = (struct dst_cache){.entries = NULL};
}

/* Multipliers, so they are odd. They are derived from the engine's secret, of which what can be
 * learned of them then says nothing. */
static void table_key(struct dst_cache *c, const struct siphash_key *secret)
{
	for (uint64_t i = 0; i < 2; i++)
		c->secret[i] = siphash_2u64(secret, UINT64_MAX, i) | 1;
}

/* Where the entry goes: its own place, a free one, or that of one whose turn it is to give way. */
static struct dst_entry *table_find(struct dst_cache *c, const struct dst_entry *entry)
{
	struct dst_entry *first = &c->entries[dst_cache_place(c, entry->key)], *free = NULL;

	for (int i = DST_CACHE_WAYS - 1; i >= 0; i--) {
		if (first[i].key.hi == entry->key.hi && first[i].key.lo == entry->key.lo)
			return &first[i];
		if (first[i].gen != entry->gen)
			free = &first[i];
	}
	return free ? free : &first[c->n_pushed++ % DST_CACHE_WAYS];
}

/* A table of another size with the entries of generation `gen`, as far as there is room. False:
 * there is no memory; it is as it was. */
static bool table_resize(struct dst_cache *c, struct mem *mem, uint32_t n_places, uint32_t gen)
{
	size_t n_old = table_bytes(c->n_places) / sizeof(struct dst_entry);
	struct dst_entry *old = c->entries;
	struct dst_entry *entries = mem_zalloc(mem, table_bytes(n_places));

	if (!entries)
		return false;
	c->entries = entries;
	c->shift = 64 - (uint32_t)__builtin_ctz(n_places);
	for (size_t i = 0; old && i < n_old; i++)
		if (old[i].gen == gen)
			*table_find(c, &old[i]) = old[i];
	mem_free(mem, old, table_bytes(c->n_places));
	c->n_places = n_places;
	c->n_pushed = 0;
	return true;
}

static bool table_is_ready(struct dst_cache *c, struct mem *mem, const struct siphash_key *secret,
			   uint32_t gen)
{
	if (unlikely(!c->entries)) {
		table_key(c, secret);
		return table_resize(c, mem, DST_CACHE_MIN, gen);
	}
	if (likely(c->n_pushed <= c->n_places / PUSHED_SHARE || c->n_places == DST_CACHE_MAX))
		return true;
	c->n_pushed = 0; /* without memory it is tried again when as many have given way */
	(void)table_resize(c, mem, c->n_places * GROWTH, gen);
	return true;
}

void dst_cache_put(struct dst_cache *c, struct mem *mem, const struct siphash_key *secret,
		   const struct dst_entry *entry)
{
	if (table_is_ready(c, mem, secret, entry->gen))
		*table_find(c, entry) = *entry;
}
