/* SPDX-License-Identifier: MIT */
/* Path MTUs; how they work is told in pmtu.h. */
#include "ip/pmtu.h"

#include "core/engine.h"
#include "core/stack.h"
#include "ip/ip.h"
#include "wire/ip6.h"

enum {
	PMTU_BUCKETS_MIN = 8,
};

struct pmtu_entry {
	struct htab_node node;
	struct list age; /* pmtu.entries */
	struct ip_addr dst;
	int64_t expires_ns;
	uint32_t mtu;
	bool is_floor;
};

static uint32_t dst_hash(const struct pmtu *p, const struct ip_addr *dst)
{
	return (uint32_t)siphash_2u64(&p->st->eng->hash_key, load_be64(dst->b),
				      load_be64(dst->b + 8));
}

static struct pmtu_entry *entry_find(const struct pmtu *p, const struct ip_addr *dst)
{
	struct htab_node *n;

	for (n = htab_first(&p->by_dst, dst_hash(p, dst)); n; n = htab_next(n)) {
		struct pmtu_entry *e = container_of(n, struct pmtu_entry, node);

		if (ip_addr_eq(&e->dst, dst))
			return e;
	}
	return NULL;
}

static struct pmtu_entry *entry_oldest(const struct pmtu *p)
{
	return container_of(list_first(&p->entries), struct pmtu_entry, age);
}

static void entry_free(struct pmtu *p, struct pmtu_entry *e)
{
	htab_del(&p->by_dst, &e->node);
	list_del(&e->age);
	p->n_entries--;
	mem_free(&p->st->eng->mem, e, sizeof(*e));
}

static struct pmtu_entry *entry_new(struct pmtu *p, const struct ip_addr *dst)
{
	struct pmtu_entry *e = mem_zalloc(&p->st->eng->mem, sizeof(*e));

	if (!e)
		return NULL;
	if (p->n_entries >= PMTU_ENTRIES_MAX)
		entry_free(p, entry_oldest(p));
	e->dst = *dst;
	htab_add(&p->by_dst, &e->node, dst_hash(p, dst));
	list_add_tail(&p->entries, &e->age);
	p->n_entries++;
	return e;
}

static void timer_sync(struct pmtu *p)
{
	if (list_is_empty(&p->entries))
		wheel_stop(&p->st->eng->wheel, &p->timer);
	else
		wheel_start(&p->st->eng->wheel, &p->timer, entry_oldest(p)->expires_ns);
}

static void pmtu_expire(struct wheel_timer *timer, int64_t now_ns)
{
	struct pmtu *p = container_of(timer, struct pmtu, timer);

	while (!list_is_empty(&p->entries) && entry_oldest(p)->expires_ns <= now_ns)
		entry_free(p, entry_oldest(p));
	timer_sync(p);
	ip_dst_invalidate_all(p->st);
}

/* What an error may ask for. False: it is ignored. */
static bool mtu_check(const struct pmtu *p, const struct ip_addr *dst, uint32_t *mtu,
		      bool *ret_is_floor)
{
	*ret_is_floor = false;
	/* RFC 8201 §4: less than the least MTU of IPv6 is no answer to anything. */
	if (!ip_addr_is_ip4(dst))
		return *mtu >= IP6_MTU_MIN;
	if (*mtu < p->conf.min_pmtu) {
		*mtu = p->conf.min_pmtu;
		*ret_is_floor = true;
	}
	return true;
}

bool pmtu_learn(struct pmtu *p, const struct ip_addr *dst, uint32_t mtu)
{
	struct pmtu_entry *e;
	bool is_floor;

	if (!p->conf.expires_s || !mtu_check(p, dst, &mtu, &is_floor))
		return false;
	e = entry_find(p, dst);
	if (e && e->mtu <= mtu && e->is_floor >= is_floor)
		return false;
	if (!e)
		e = entry_new(p, dst);
	if (!e)
		return false;
	e->mtu = mtu;
	e->is_floor = is_floor;
	e->expires_ns = p->st->eng->now_ns + (int64_t)p->conf.expires_s * 1000000000;
	list_del(&e->age);
	list_add_tail(&p->entries, &e->age);
	timer_sync(p);
	ip_dst_invalidate_all(p->st);
	return true;
}

uint32_t pmtu_cap(const struct pmtu *p, const struct ip_addr *dst, uint32_t mtu, bool *ret_is_floor)
{
	const struct pmtu_entry *e;

	*ret_is_floor = false;
	if (likely(!p->n_entries))
		return mtu;
	e = entry_find(p, dst);
	if (!e || e->mtu > mtu)
		return mtu;
	*ret_is_floor = e->is_floor;
	return e->mtu;
}

int pmtu_init(struct pmtu *p, struct stack *st)
{
	*p = (struct pmtu){
		.conf = {.min_pmtu = PMTU_MIN_DEFAULT, .expires_s = PMTU_EXPIRES_S},
		.st = st,
	};
	list_init(&p->entries);
	wheel_timer_init(&p->timer, pmtu_expire);
	return htab_init(&p->by_dst, &st->eng->mem, PMTU_BUCKETS_MIN, PMTU_ENTRIES_MAX);
}

void pmtu_flush(struct pmtu *p)
{
	while (!list_is_empty(&p->entries))
		entry_free(p, entry_oldest(p));
	timer_sync(p);
}

void pmtu_fini(struct pmtu *p)
{
	if (!p->st)
		return;
	pmtu_flush(p);
	htab_fini(&p->by_dst);
	p->st = NULL;
}
