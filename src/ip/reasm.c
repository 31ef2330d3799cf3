/* SPDX-License-Identifier: MIT */
/* Reassembly: datagrams that wait, their sources, bounds and time. How it works is told in reasm.h;
 * the fragments of one datagram are in reasm_tree.c, making it whole in reasm_whole.c. */
#include "ip/reasm.h"

#include <errno.h>

#include "ip/reasm_priv.h"
#include "wire/ip4.h"

enum {
	REASM_HIGH = 4 << 20, /* Linux's defaults */
	REASM_LOW = 3 << 20,
	REASM_MAX_DIST = 64,
	REASM_BUCKETS_MIN = 16,
	REASM_BUCKETS_MAX = 4096,
	PAYLOAD_MAX = 65535,
};

/*
 * Tables.
 */

static uint32_t src_hash(const struct reasm *r, const struct ip_addr *a)
{
	return (uint32_t)siphash_2u64(&r->st->eng->hash_key, load_be64(a->b), load_be64(a->b + 8));
}

static uint32_t key_hash(const struct reasm *r, const struct reasm_key *k)
{
	const uint64_t words[5] = {load_be64(k->src.b), load_be64(k->src.b + 8),
				   load_be64(k->dst.b), load_be64(k->dst.b + 8),
				   (uint64_t)k->id << 32 | (k->ifindex ^ (uint32_t)k->proto << 24)};

	return (uint32_t)siphash_5u64(&r->st->eng->hash_key, words);
}

static bool key_eq(const struct reasm_key *a, const struct reasm_key *b)
{
	return a->id == b->id && a->proto == b->proto && a->ifindex == b->ifindex &&
	       ip_addr_eq(&a->src, &b->src) && ip_addr_eq(&a->dst, &b->dst);
}

static struct reasm_entry *entry_find(struct reasm *r, const struct reasm_key *key, uint32_t hash)
{
	struct htab_node *n;

	for (n = htab_first(&r->by_key, hash); n; n = htab_next(n)) {
		struct reasm_entry *e = container_of(n, struct reasm_entry, node);

		r->n_steps++;
		if (key_eq(&e->key, key))
			return e;
	}
	return NULL;
}

static struct reasm_src *src_get(struct reasm *r, const struct ip_addr *addr)
{
	uint32_t hash = src_hash(r, addr);
	struct reasm_src *s;
	struct htab_node *n;

	for (n = htab_first(&r->by_src, hash); n; n = htab_next(n)) {
		s = container_of(n, struct reasm_src, node);
		if (ip_addr_eq(&s->addr, addr))
			return s;
	}
	s = mem_zalloc(&r->st->eng->mem, sizeof(*s));
	if (!s)
		return NULL;
	s->addr = *addr;
	list_init(&s->entries);
	htab_add(&r->by_src, &s->node, hash);
	return s;
}

static void src_put(struct reasm *r, struct reasm_src *s)
{
	if (!list_is_empty(&s->entries))
		return;
	htab_del(&r->by_src, &s->node);
	mem_free(&r->st->eng->mem, s, sizeof(*s));
}

static void timer_sync(struct reasm *r)
{
	const struct reasm_entry *e;

	if (list_is_empty(&r->entries)) {
		wheel_stop(&r->st->eng->wheel, &r->timer);
		return;
	}
	e = container_of(list_first(&r->entries), struct reasm_entry, age);
	if (!wheel_timer_is_pending(&r->timer) || r->timer.deadline_ns != e->due_ns)
		wheel_start(&r->st->eng->wheel, &r->timer, e->due_ns);
}

static void mem_charge(struct reasm *r, struct reasm_entry *e, uint32_t n)
{
	e->mem_bytes += n;
	e->src->mem_bytes += n;
	r->mem_bytes += n;
}

static void mem_uncharge(struct reasm *r, struct reasm_entry *e, uint32_t n)
{
	e->mem_bytes -= n;
	e->src->mem_bytes -= n;
	r->mem_bytes -= n;
}

static struct reasm_entry *entry_new(struct reasm *r, const struct reasm_key *key, uint32_t hash)
{
	struct reasm_entry *e = mem_zalloc(&r->st->eng->mem, sizeof(*e));
	struct reasm_src *src = e ? src_get(r, &key->src) : NULL;

	if (!src) {
		mem_free(&r->st->eng->mem, e, sizeof(*e));
		return NULL;
	}
	e->key = *key;
	e->src = src;
	e->due_ns = r->st->eng->now_ns + (int64_t)r->conf.time_s * 1000000000;
	htab_add(&r->by_key, &e->node, hash);
	list_add_tail(&r->entries, &e->age);
	list_add_tail(&src->entries, &e->src_age);
	mem_charge(r, e, sizeof(*e));
	timer_sync(r);
	return e;
}

/* Drops the fragments that have come. */
static void entry_purge(struct reasm *r, struct reasm_entry *e, enum drop why)
{
	struct reasm_frag *f;

	while ((f = reasm_tree_pop(&e->root))) {
		mem_uncharge(r, e, reasm_frag_mem(f));
		r->n_pkts--;
		(void)pkt_drop(r->st, f->pkt, why);
		mem_free(&r->st->eng->mem, f, sizeof(*f));
	}
	e->have = e->n_frags = 0;
}

static void entry_free(struct reasm *r, struct reasm_entry *e)
{
	struct reasm_src *src = e->src;

	mem_uncharge(r, e, sizeof(*e));
	htab_del(&r->by_key, &e->node);
	list_del(&e->age);
	list_del(&e->src_age);
	mem_free(&r->st->eng->mem, e, sizeof(*e));
	src_put(r, src);
	timer_sync(r);
}

/* The datagram will not be whole. */
static void entry_fail(struct reasm *r, struct reasm_entry *e, enum drop why)
{
	if (!e->is_dead)
		mib_inc(r->st, r->ops->fails);
	entry_purge(r, e, why);
	entry_free(r, e);
}

/* RFC 5722 §4: neither what has come nor what will come of it. The entry stays as a gravestone
 * until its time is over. */
static void entry_kill(struct reasm *r, struct reasm_entry *e, enum drop why)
{
	mib_inc(r->st, r->ops->fails);
	entry_purge(r, e, why);
	e->is_dead = true;
}

static void reasm_expire(struct wheel_timer *timer, int64_t now_ns)
{
	struct reasm *r = container_of(timer, struct reasm, timer);

	while (!list_is_empty(&r->entries)) {
		struct reasm_entry *e =
			container_of(list_first(&r->entries), struct reasm_entry, age);
		struct reasm_frag *first = e->root ? reasm_tree_first(e->root) : NULL;

		if (e->due_ns > now_ns)
			break;
		if (!e->is_dead)
			mib_inc(r->st, r->ops->timeouts);
		if (first && first->off == 0)
			r->ops->expired(r->st, first->pkt);
		entry_fail(r, e, DROP_IP_FRAG_TIMEOUT);
	}
	timer_sync(r);
}

/*
 * Bounds.
 */

static uint32_t high_bytes(const struct reasm *r)
{
	return r->conf.high_thresh >> r->squeeze;
}

static uint32_t low_bytes(const struct reasm *r)
{
	uint32_t low = r->conf.low_thresh >> r->squeeze;

	return low < high_bytes(r) ? low : high_bytes(r);
}

static bool src_is_over(const struct reasm *r, const struct reasm_src *s)
{
	return s->mem_bytes > high_bytes(r) / REASM_SRC_SHARE;
}

static bool all_is_over(const struct reasm *r, uint32_t thresh)
{
	return r->mem_bytes > thresh ||
	       r->n_pkts > r->st->eng->pkts.pkts.max_objs / REASM_POOL_SHARE;
}

/* How well memory was used until it ran out: `n_gone` datagrams had to go. */
static void squeeze_set(struct reasm *r, uint32_t n_gone)
{
	if (n_gone > r->n_whole && r->squeeze < REASM_SQUEEZE_MAX)
		r->squeeze++;
	else if (n_gone < r->n_whole && r->squeeze > 0)
		r->squeeze--;
	r->n_whole = 0;
}

/* Makes room after `e` has grown, which may go, too. */
static void reasm_shrink(struct reasm *r, struct reasm_entry *e)
{
	struct reasm_src *src = e->src;
	uint32_t low = low_bytes(r), n_gone = 0;

	while (src_is_over(r, src)) {
		struct reasm_entry *oldest =
			container_of(list_first(&src->entries), struct reasm_entry, src_age);

		entry_fail(r, oldest, DROP_IP_FRAG_MEM);
		if (oldest == e) /* the source's last: the source may be gone */
			break;
	}
	if (likely(!all_is_over(r, high_bytes(r))))
		return;
	for (; !list_is_empty(&r->entries) && all_is_over(r, low); n_gone++)
		entry_fail(r, container_of(list_first(&r->entries), struct reasm_entry, age),
			   DROP_IP_FRAG_MEM);
	squeeze_set(r, n_gone);
}

/*
 * A fragment.
 */

static enum drop frag_check(const struct reasm_frag_info *info, uint32_t len)
{
	if (len == 0 || (info->more && len % 8 != 0))
		return DROP_IP_FRAG_SIZE;
	if (info->off + len > PAYLOAD_MAX)
		return DROP_IP_FRAG_RANGE;
	return DROP_NONE;
}

/* RFC 3168 §5.3; as Linux, fragments that were not sent alike are no datagram. */
static bool ecn_is_mixed(uint8_t seen)
{
	return (seen & 1 << IP_ECN_NOT_ECT) && seen != 1 << IP_ECN_NOT_ECT;
}

/* The end that the fragment gives the datagram fits what is known. */
static bool end_fits(const struct reasm_entry *e, const struct reasm_frag_info *info, uint32_t end)
{
	if (e->total)
		return info->more ? end < e->total : end == e->total;
	return info->more || end >= e->max_end;
}

static enum drop frag_add(struct reasm *r, struct reasm_entry *e,
			  const struct reasm_frag_info *info, struct pkt *pkt, uint32_t len)
{
	uint32_t end = info->off + len;
	struct reasm_near near = reasm_tree_near(e->root, info->off, &r->n_steps);
	struct reasm_frag *f;

	if (near.at && near.at->off == info->off && near.at->end == end &&
	    near.at->more == info->more)
		return DROP_IP_FRAG_DUP;
	if ((near.at && near.at->end > info->off) || (near.after && near.after->off < end))
		return DROP_IP_FRAG_OVERLAP;
	if (!end_fits(e, info, end))
		return DROP_IP_FRAG_RANGE;
	if (ecn_is_mixed((uint8_t)(e->ecn_seen | 1 << info->ecn)))
		return DROP_IP_FRAG_ECN;

	f = mem_zalloc(&r->st->eng->mem, sizeof(*f));
	if (!f)
		return DROP_NOMEM;
	*f = (struct reasm_frag){.pkt = pkt,
				 .prio = rng_u32(&r->st->eng->rng),
				 .off = info->off,
				 .end = end,
				 .hdr_len = info->hdr_len,
				 .ecn = info->ecn,
				 .more = info->more};
	reasm_tree_add(&e->root, f, &r->n_steps);
	e->n_frags++;
	e->have += len;
	e->ecn_seen |= (uint8_t)(1 << info->ecn);
	if (end > e->max_end)
		e->max_end = end;
	if (!info->more)
		e->total = end;
	r->n_pkts++;
	mem_charge(r, e, reasm_frag_mem(f));
	return DROP_NONE;
}

/* RFC 4963: numbers come round. What has lain too long among the fragments of its source is another
 * datagram's beginning. */
static struct reasm_entry *entry_refresh(struct reasm *r, struct reasm_entry *e)
{
	uint32_t dist = e->src->n_seen - e->seen_at;

	if (!r->conf.max_dist || dist <= r->conf.max_dist)
		return e;
	entry_fail(r, e, DROP_IP_FRAG_DIST);
	return NULL;
}

/* All bytes are there: the datagram leaves. */
static enum drop entry_finish(struct reasm *r, struct reasm_entry *e, struct reasm_whole *ret)
{
	struct reasm_whole whole = {.ecn = e->ecn_seen & 1 << IP_ECN_CE ? IP_ECN_CE : 0};
	struct reasm_frag *first = reasm_tree_first(e->root);
	enum drop why = DROP_NONE;

	whole.hdr_len = first->hdr_len;
	if (!whole.ecn)
		whole.ecn = first->ecn;
	if (first->hdr_len + e->total > r->ops->max_bytes)
		why = DROP_IP_FRAG_RANGE;
	else if (!(whole.pkt = reasm_join(r->st, e->root, e->n_frags, e->total)))
		why = DROP_NOMEM;
	if (why != DROP_NONE) {
		entry_fail(r, e, why);
		return why;
	}
	/* What the packet refers to lives on with it. */
	for (struct reasm_frag *f; (f = reasm_tree_pop(&e->root));) {
		mem_uncharge(r, e, f->mem_bytes);
		r->n_pkts--;
		if (f->pkt != whole.pkt)
			pkt_free(f->pkt);
		mem_free(&r->st->eng->mem, f, sizeof(*f));
	}
	entry_free(r, e);
	r->n_whole++;
	mib_inc(r->st, r->ops->oks);
	*ret = whole;
	return DROP_NONE;
}

enum drop reasm_input(struct reasm *r, const struct reasm_key *key,
		      const struct reasm_frag_info *info, struct pkt *pkt, struct reasm_whole *ret)
{
	uint32_t hash = key_hash(r, key), len = pkt->len - info->hdr_len;
	struct reasm_entry *e = entry_find(r, key, hash);
	enum drop why = frag_check(info, len);

	mib_inc(r->st, r->ops->reqds);
	if (why != DROP_NONE)
		return why;
	if (e)
		e = entry_refresh(r, e);
	if (!e)
		e = entry_new(r, key, hash);
	if (!e)
		return DROP_NOMEM;
	e->seen_at = ++e->src->n_seen;
	if (e->is_dead)
		return DROP_IP_FRAG_OVERLAP;
	why = frag_add(r, e, info, pkt, len);
	if (why == DROP_IP_FRAG_DUP)
		return why;
	if (why == DROP_IP_FRAG_OVERLAP || why == DROP_IP_FRAG_RANGE || why == DROP_IP_FRAG_ECN) {
		if (why == DROP_IP_FRAG_OVERLAP)
			mib_inc(r->st, r->ops->overlaps);
		entry_kill(r, e, why);
		return why;
	}
	if (why != DROP_NONE) {
		if (!e->n_frags)
			entry_fail(r, e, why);
		return why;
	}
	*ret = (struct reasm_whole){0};
	if (e->total && e->have == e->total) {
		/* The packet is the datagram's now, also when that is dropped. */
		(void)entry_finish(r, e, ret);
		return DROP_NONE;
	}
	reasm_shrink(r, e);
	return DROP_NONE;
}

/*
 * Life.
 */

int reasm_init(struct reasm *r, struct stack *st, const struct reasm_ops *ops, uint32_t time_s)
{
	int err;

	*r = (struct reasm){.st = st, .ops = ops};
	r->conf = (struct reasm_conf){.high_thresh = REASM_HIGH,
				      .low_thresh = REASM_LOW,
				      .time_s = time_s,
				      .max_dist = REASM_MAX_DIST};
	list_init(&r->entries);
	wheel_timer_init(&r->timer, reasm_expire);
	err = htab_init(&r->by_key, &st->eng->mem, REASM_BUCKETS_MIN, REASM_BUCKETS_MAX);
	return err ? err
		   : htab_init(&r->by_src, &st->eng->mem, REASM_BUCKETS_MIN, REASM_BUCKETS_MAX);
}

void reasm_flush(struct reasm *r)
{
	while (!list_is_empty(&r->entries))
		entry_fail(r, container_of(list_first(&r->entries), struct reasm_entry, age),
			   DROP_IF_DOWN);
}

void reasm_fini(struct reasm *r)
{
	if (!r->st)
		return;
	reasm_flush(r);
	wheel_stop(&r->st->eng->wheel, &r->timer);
	htab_fini(&r->by_key);
	htab_fini(&r->by_src);
	r->st = NULL;
}
