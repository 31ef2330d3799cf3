/* SPDX-License-Identifier: MIT */
/* Answers that a resolver keeps: a bounded table with the least recently used in front. */
#include "resolve/resolver_priv.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	CACHE_BUCKETS = 16,
	CACHE_BUCKETS_MAX = 1 << 16,
};

struct entry {
	struct htab_node node;
	struct list link; /* resolver_cache.by_age */
	int64_t until_ns;
	struct dns_name name; /* lower case */
	uint16_t type;
	struct resolved res;
};

static uint32_t cache_hash(const struct resolver_cache *c, const struct dns_name *low,
			   uint16_t type)
{
	return (uint32_t)siphash13(&c->key, low->b, low->len) ^ type;
}

int resolver_cache_init(struct resolver_cache *c, struct weft_engine *eng, struct mem *mem,
			uint32_t max)
{
	*c = (struct resolver_cache){.mem = mem, .max = max};
	c->key = (struct siphash_key){weft_engine_random(eng), weft_engine_random(eng)};
	list_init(&c->by_age);
	return htab_init(&c->entries, mem, CACHE_BUCKETS, CACHE_BUCKETS_MAX);
}

static void entry_free(struct resolver_cache *c, struct entry *e)
{
	htab_del(&c->entries, &e->node);
	list_del(&e->link);
	mem_free(c->mem, e, sizeof(*e));
}

void resolver_cache_flush(struct resolver_cache *c)
{
	struct list *link;

	while ((link = list_first(&c->by_age)))
		entry_free(c, container_of(link, struct entry, link));
}

void resolver_cache_fini(struct resolver_cache *c)
{
	resolver_cache_flush(c);
	htab_fini(&c->entries);
}

static struct entry *entry_find(struct resolver_cache *c, const struct dns_name *low, uint16_t type)
{
	struct htab_node *n = htab_first(&c->entries, cache_hash(c, low, type));

	for (; n; n = htab_next(n)) {
		struct entry *e = container_of(n, struct entry, node);

		if (e->type == type && dns_name_eq_case(&e->name, low))
			return e;
	}
	return NULL;
}

bool resolver_cache_get(struct resolver_cache *c, const struct dns_name *name, uint16_t type,
			int64_t now_ns, struct resolved *ret)
{
	struct dns_name low = *name;
	struct entry *e;

	dns_name_lower(&low);
	e = entry_find(c, &low, type);
	if (!e)
		return false;
	if (e->until_ns <= now_ns) {
		entry_free(c, e);
		return false;
	}
	list_del(&e->link);
	list_add_tail(&c->by_age, &e->link);
	*ret = e->res;
	return true;
}

void resolver_cache_put(struct resolver_cache *c, const struct dns_name *name, uint16_t type,
			int64_t now_ns, const struct resolved *res)
{
	struct dns_name low = *name;
	struct entry *e;

	if (!c->max || !res->ttl_s)
		return;
	dns_name_lower(&low);
	e = entry_find(c, &low, type);
	if (e)
		entry_free(c, e);
	if (c->entries.n_nodes >= c->max)
		entry_free(c, container_of(list_first(&c->by_age), struct entry, link));
	e = mem_zalloc(c->mem, sizeof(*e));
	if (!e)
		return;
	e->name = low;
	e->type = type;
	e->until_ns = now_ns + res->ttl_s * NSEC_PER_SEC;
	e->res = *res;
	htab_add(&c->entries, &e->node, cache_hash(c, &low, type));
	list_add_tail(&c->by_age, &e->link);
}
