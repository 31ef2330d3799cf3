/* SPDX-License-Identifier: MIT */
/*
 * Groups: a querier; contracts in mcast_querier.h.
 *
 * How it works (RFC 3376 §6.2): a group that was heard of is in mode EXCLUDE while its deadline
 * has not passed, else INCLUDE. Each source has a deadline of its own: one that lies ahead means
 * that somebody wants it; one that has passed, in mode EXCLUDE, that nobody does. So the state of
 * the RFC's tables is read off the deadlines:
 *
 *	INCLUDE (A)      no group deadline; A: sources whose deadline lies ahead
 *	EXCLUDE (X, Y)   X: sources whose deadline lies ahead; Y: those whose has passed
 *
 * A record that takes something back makes us ask: deadlines go down to the last member query time,
 * and queries are sent n_left times, a second apart; who still wants it says so.
 *
 * Bounds: MCAST_HEARD_MAX groups and HEARD_SRCS_MAX sources of each; what does not fit is not
 * remembered (for a source: as if its group were wanted from all).
 */
#include "ip/mcast_querier.h"

#include <string.h>

#include "ip/mcast.h"

enum {
	HEARD_SRCS_MAX = 64,
	HEARD_BUCKETS = 64,
};

static const int64_t Q_MSEC = 1000000;
static const int64_t Q_SEC = 1000000000;
static const int64_t LAST_MEMBER_NS = 1000000000; /* RFC 3376 §8.8 */

struct heard_src {
	struct ip_addr addr;
	int64_t until_ns; /* INT64_MIN: nobody wants it */
	uint8_t n_left;   /* queries about it still to be sent */
};

struct heard {
	struct list link;         /* querier->heard, oldest first */
	struct hlist_node bucket; /* querier->buckets */
	struct mcast_querier *querier;
	struct ip_addr group;
	int64_t until_ns;                    /* mode EXCLUDE until then; INT64_MIN: INCLUDE */
	int64_t old_until_ns[GROUP_LEVEL_3]; /* members of these levels are there until then */
	uint8_t n_left;                      /* queries about the group still to be sent */
	uint16_t n_srcs;
	struct heard_src srcs[HEARD_SRCS_MAX];
	struct wheel_timer ask_timer;
	struct wheel_timer age_timer; /* the earliest deadline */
};

struct mcast_querier {
	struct mcast_side *side;
	struct wheel_timer timer; /* the next general query; or the other querier is gone */
	uint8_t n_startup_left;
	bool is_silent; /* somebody with a lower address asks */
	uint32_t n_heard;
	struct list heard;
	struct hlist buckets[HEARD_BUCKETS];
};

static struct stack *q_stack(const struct mcast_querier *q)
{
	return q->side->netif->stack;
}

static struct engine *q_engine(const struct mcast_querier *q)
{
	return q_stack(q)->eng;
}

static const struct mcast_conf *q_conf(const struct mcast_querier *q)
{
	return &q_stack(q)->mcast->conf;
}

static int64_t q_now(const struct mcast_querier *q)
{
	return q_engine(q)->now_ns;
}

/* RFC 3376 §8.4. */
static int64_t membership_ns(const struct mcast_querier *q)
{
	return q->side->robustness * (int64_t)q->side->interval_s * Q_SEC +
	       (int64_t)q_conf(q)->query_response_ms * Q_MSEC;
}

static int64_t last_member_time_ns(const struct mcast_querier *q)
{
	return q->side->robustness * LAST_MEMBER_NS;
}

static uint8_t query_level(const struct mcast_querier *q)
{
	uint8_t forced = mcast_level_forced(q->side);

	return forced < GROUP_LEVEL_3 ? forced : (uint8_t)GROUP_LEVEL_3;
}

static void query_send(const struct mcast_querier *q, struct group_query *query,
		       const struct ip_addr *srcs, uint16_t n_srcs)
{
	const struct group_record_out rec = {.srcs = srcs, .n_srcs = n_srcs};

	query->level = query_level(q);
	query->robustness = q->side->robustness;
	query->interval_s = q->side->interval_s;
	q->side->ops->query(q->side->netif, query, &rec);
}

/*
 * General queries, and who asks.
 */

static void querier_fire(struct wheel_timer *timer, int64_t now_ns)
{
	struct mcast_querier *q = container_of(timer, struct mcast_querier, timer);
	struct group_query query = {.max_resp_ms = q_conf(q)->query_response_ms};
	int64_t in_ns = (int64_t)q->side->interval_s * Q_SEC;

	q->is_silent = false;
	q->side->interval_s = q_conf(q)->query_interval_s;
	q->side->robustness = q_conf(q)->robustness;
	query_send(q, &query, NULL, 0);
	if (q->n_startup_left && --q->n_startup_left)
		in_ns /= 4; /* RFC 3376 §8.6 */
	wheel_start(&q_engine(q)->wheel, timer, now_ns + in_ns);
}

static struct heard *heard_find(const struct mcast_querier *q, const struct ip_addr *group);
static void heard_lower(struct heard *h, int64_t to_ns);

void mcast_querier_query(struct mcast_side *side, const struct group_query *query,
			 const struct ip_addr *src)
{
	struct mcast_querier *q = side->querier;
	struct ip_addr ours;
	struct heard *h;
	int64_t in_ns;

	/* A query from nowhere (a snooping switch, RFC 4541 §2.1.1) does not count. */
	if (!q || ip_addr_is_unspecified(src) || !side->ops->source(side->netif, &ours))
		return;
	if (memcmp(src, &ours, sizeof(ours)) < 0) {
		/* RFC 3376 §8.5 */
		in_ns = side->robustness * (int64_t)side->interval_s * Q_SEC +
			(int64_t)q_conf(q)->query_response_ms * Q_MSEC / 2;
		q->is_silent = true;
		q->n_startup_left = 0;
		wheel_start(&q_engine(q)->wheel, &q->timer, q_now(q) + in_ns);
	}
	/* §6.6.1: who does not ask lowers its deadlines when he is to. */
	h = ip_addr_is_unspecified(&query->group) ? NULL : heard_find(q, &query->group);
	if (h && !query->is_suppressed && q->is_silent && query->n_srcs == 0)
		heard_lower(h, q_now(q) + last_member_time_ns(q));
}

/*
 * What was heard.
 */

static uint32_t heard_hash(const struct mcast_querier *q, const struct ip_addr *group)
{
	return (uint32_t)siphash_2u64(&q_engine(q)->hash_key, load_be64(group->b),
				      load_be64(group->b + 8)) %
	       HEARD_BUCKETS;
}

static struct heard *heard_find(const struct mcast_querier *q, const struct ip_addr *group)
{
	struct heard *h;

	hlist_for_each (h, &q->buckets[heard_hash(q, group)], bucket)
		if (ip_addr_eq(&h->group, group))
			return h;
	return NULL;
}

static void heard_free(struct heard *h)
{
	struct mcast_querier *q = h->querier;

	wheel_stop(&q_engine(q)->wheel, &h->ask_timer);
	wheel_stop(&q_engine(q)->wheel, &h->age_timer);
	list_del(&h->link);
	hlist_del(&h->bucket);
	q->n_heard--;
	mem_free(&q_engine(q)->mem, h, sizeof(*h));
}

static bool heard_is_exclude(const struct heard *h)
{
	return h->until_ns > q_now(h->querier);
}

static bool src_is_wanted(const struct heard *h, const struct heard_src *s)
{
	return s->until_ns > q_now(h->querier);
}

static void src_del(struct heard *h, uint16_t i)
{
	h->srcs[i] = h->srcs[--h->n_srcs];
}

static struct heard_src *src_find(struct heard *h, const struct ip_addr *addr)
{
	for (uint16_t i = 0; i < h->n_srcs; i++)
		if (ip_addr_eq(&h->srcs[i].addr, addr))
			return &h->srcs[i];
	return NULL;
}

/* NULL: too many of them. */
static struct heard_src *src_get(struct heard *h, const struct ip_addr *addr)
{
	struct heard_src *s = src_find(h, addr);

	if (s || h->n_srcs == HEARD_SRCS_MAX)
		return s;
	s = &h->srcs[h->n_srcs++];
	*s = (struct heard_src){.addr = *addr, .until_ns = INT64_MIN};
	return s;
}

/* The timer stands at the earliest deadline that lies ahead; none: the group is forgotten. */
static void heard_age_start(struct heard *h)
{
	int64_t next_ns = heard_is_exclude(h) ? h->until_ns : INT64_MAX;

	for (uint16_t i = 0; i < h->n_srcs; i++)
		if (src_is_wanted(h, &h->srcs[i]) && h->srcs[i].until_ns < next_ns)
			next_ns = h->srcs[i].until_ns;
	if (next_ns == INT64_MAX)
		heard_free(h);
	else
		wheel_start(&q_engine(h->querier)->wheel, &h->age_timer, next_ns);
}

/* RFC 3376 §6.5: in INCLUDE mode a source that nobody wants is forgotten. */
static void heard_age(struct heard *h)
{
	for (uint16_t i = 0; !heard_is_exclude(h) && i < h->n_srcs;) {
		if (src_is_wanted(h, &h->srcs[i]))
			i++;
		else
			src_del(h, i);
	}
	heard_age_start(h);
}

static void heard_age_fire(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	heard_age(container_of(timer, struct heard, age_timer));
}

/* Asking about a group or sources of it. */
static void heard_ask_fire(struct wheel_timer *timer, int64_t now_ns)
{
	struct heard *h = container_of(timer, struct heard, ask_timer);
	struct mcast_querier *q = h->querier;
	struct group_query query = {.group = h->group,
				    .max_resp_ms = (uint32_t)(LAST_MEMBER_NS / Q_MSEC)};
	struct ip_addr srcs[HEARD_SRCS_MAX];
	uint16_t n = 0;
	bool more = false;

	if (h->n_left) {
		/* §6.6.3.1: routers need not lower what has been reported meanwhile. */
		query.is_suppressed = h->until_ns > now_ns + last_member_time_ns(q);
		query_send(q, &query, NULL, 0);
		more = --h->n_left;
	}
	for (uint16_t i = 0; i < h->n_srcs; i++) {
		if (!h->srcs[i].n_left)
			continue;
		srcs[n++] = h->srcs[i].addr;
		h->srcs[i].n_left--;
		more |= h->srcs[i].n_left;
	}
	query.is_suppressed = false;
	if (n && query_level(q) == GROUP_LEVEL_3)
		query_send(q, &query, srcs, n);
	if (more)
		wheel_start(&q_engine(q)->wheel, timer, now_ns + LAST_MEMBER_NS);
}

static struct heard *heard_get(struct mcast_querier *q, const struct ip_addr *group)
{
	struct heard *h = heard_find(q, group);

	if (h || q->n_heard == MCAST_HEARD_MAX)
		return h;
	h = mem_zalloc(&q_engine(q)->mem, sizeof(*h));
	if (!h)
		return NULL;
	h->querier = q;
	h->group = *group;
	h->until_ns = INT64_MIN;
	for (int i = 0; i < GROUP_LEVEL_3; i++)
		h->old_until_ns[i] = INT64_MIN;
	wheel_timer_init(&h->ask_timer, heard_ask_fire);
	wheel_timer_init(&h->age_timer, heard_age_fire);
	list_add_tail(&q->heard, &h->link);
	hlist_add(&q->buckets[heard_hash(q, group)], &h->bucket);
	q->n_heard++;
	return h;
}

static void heard_lower(struct heard *h, int64_t to_ns)
{
	if (h->until_ns > to_ns)
		h->until_ns = to_ns;
	heard_age_start(h);
}

static void heard_ask(struct heard *h)
{
	struct mcast_querier *q = h->querier;

	if (!wheel_timer_is_pending(&h->ask_timer))
		wheel_start(&q_engine(q)->wheel, &h->ask_timer, q_now(q));
}

/* Q(G): somebody gave up the group. */
static void ask_group(struct heard *h)
{
	struct mcast_querier *q = h->querier;
	int64_t to_ns = q_now(q) + last_member_time_ns(q);

	if (q->is_silent || !heard_is_exclude(h))
		return;
	if (h->until_ns > to_ns)
		h->until_ns = to_ns;
	h->n_left = q->side->robustness;
	heard_ask(h);
}

/* Q(G, S) of one source. */
static void ask_src(struct heard *h, struct heard_src *s)
{
	struct mcast_querier *q = h->querier;
	int64_t to_ns = q_now(q) + last_member_time_ns(q);

	if (q->is_silent || !src_is_wanted(h, s))
		return;
	if (s->until_ns > to_ns)
		s->until_ns = to_ns;
	s->n_left = q->side->robustness;
	heard_ask(h);
}

/*
 * Records (RFC 3376 §6.4).
 */

/* The sources of a record, to be looked at twice. */
struct record_srcs {
	uint16_t n;
	bool overflows;
	struct ip_addr addrs[HEARD_SRCS_MAX];
};

static bool record_has(const struct record_srcs *r, const struct ip_addr *addr)
{
	for (uint16_t i = 0; i < r->n; i++)
		if (ip_addr_eq(&r->addrs[i], addr))
			return true;
	return false;
}

/* IS_IN, ALLOW: its sources are wanted for a while. */
static void srcs_want(struct heard *h, const struct record_srcs *r, int64_t until_ns)
{
	for (uint16_t i = 0; i < r->n; i++) {
		struct heard_src *s = src_get(h, &r->addrs[i]);

		if (s) {
			s->until_ns = until_ns;
			s->n_left = 0;
		}
	}
}

/* IS_EX, TO_EX: mode EXCLUDE, with the record's sources. Those not known yet are wanted until
 * `new_until_ns`. */
static void record_exclude(struct heard *h, const struct record_srcs *r, bool is_change)
{
	struct mcast_querier *q = h->querier;
	bool was_exclude = heard_is_exclude(h);
	int64_t old_until_ns = h->until_ns, new_ns;

	h->until_ns = q_now(q) + membership_ns(q);
	for (uint16_t i = 0; i < h->n_srcs;) {
		if (record_has(r, &h->srcs[i].addr))
			i++;
		else
			src_del(h, i);
	}
	new_ns = is_change ? old_until_ns : h->until_ns;
	for (uint16_t i = 0; i < r->n; i++) {
		bool is_new = !src_find(h, &r->addrs[i]);
		struct heard_src *s = src_get(h, &r->addrs[i]);

		if (s && is_new && was_exclude)
			s->until_ns = new_ns;
		if (s && is_change)
			ask_src(h, s);
	}
}

/* TO_IN: what was wanted and is not on the list is asked about, and the group itself. */
static void record_to_in(struct heard *h, const struct record_srcs *r)
{
	struct mcast_querier *q = h->querier;

	for (uint16_t i = 0; i < h->n_srcs; i++)
		if (!record_has(r, &h->srcs[i].addr))
			ask_src(h, &h->srcs[i]);
	srcs_want(h, r, q_now(q) + membership_ns(q));
	ask_group(h);
}

static void record_block(struct heard *h, const struct record_srcs *r)
{
	for (uint16_t i = 0; i < r->n; i++) {
		bool is_new = !src_find(h, &r->addrs[i]);
		struct heard_src *s;

		if (is_new && !heard_is_exclude(h))
			continue;
		s = src_get(h, &r->addrs[i]);
		if (s && is_new)
			s->until_ns = h->until_ns;
		if (s)
			ask_src(h, s);
	}
}

/* §7.3.2: what members of older versions cannot take back is not taken back. */
static bool record_is_ignored(const struct heard *h, uint8_t type)
{
	int64_t now_ns = q_now(h->querier);

	if (type == GROUP_TO_IN)
		return now_ns < h->old_until_ns[GROUP_LEVEL_1];
	return type == GROUP_BLOCK &&
	       (now_ns < h->old_until_ns[GROUP_LEVEL_1] || now_ns < h->old_until_ns[GROUP_LEVEL_2]);
}

static void record_apply(struct heard *h, uint8_t type, const struct record_srcs *r)
{
	struct mcast_querier *q = h->querier;
	/* Too many sources to know: as if all of them were wanted. */
	static const struct record_srcs none;

	if (record_is_ignored(h, type))
		return;
	if (r->overflows && type != GROUP_BLOCK) {
		record_exclude(h, &none, false);
		return;
	}
	switch (type) {
	case GROUP_IS_IN:
	case GROUP_ALLOW:
		srcs_want(h, r, q_now(q) + membership_ns(q));
		break;
	case GROUP_IS_EX:
		record_exclude(h, r, false);
		break;
	case GROUP_TO_EX:
		record_exclude(h, r, true);
		break;
	case GROUP_TO_IN:
		record_to_in(h, r);
		break;
	default: /* GROUP_BLOCK */
		record_block(h, r);
		break;
	}
}

static void group_record(struct mcast_querier *q, const struct ip_addr *group, uint8_t type,
			 const struct record_srcs *r)
{
	bool wants = type != GROUP_TO_IN && type != GROUP_BLOCK;
	struct heard *h;

	if (q->side->ops->is_silent(group))
		return;
	h = wants || r->n ? heard_get(q, group) : heard_find(q, group);
	if (!h)
		return;
	record_apply(h, type, r);
	heard_age(h);
}

void mcast_querier_record(struct mcast_side *side, struct group_record *rec,
			  struct ip_addr (*next_src)(struct rd *srcs))
{
	struct record_srcs r = {.overflows = rec->n_srcs > HEARD_SRCS_MAX};

	/* Unknown types are skipped (RFC 3376 §4.2.12). */
	if (!side->querier || rec->type < GROUP_IS_IN || rec->type > GROUP_BLOCK ||
	    !ip_addr_is_multicast(&rec->group))
		return;
	while (r.n < rec->n_srcs && r.n < HEARD_SRCS_MAX)
		r.addrs[r.n++] = next_src(&rec->srcs);
	group_record(side->querier, &rec->group, rec->type, &r);
}

/* §7.3.2: a report of an older version is IS_EX of nothing. */
void mcast_querier_report_old(struct mcast_side *side, uint8_t level, const struct ip_addr *group)
{
	static const struct record_srcs none;
	struct mcast_querier *q = side->querier;
	struct heard *h;

	if (!q)
		return;
	group_record(q, group, GROUP_IS_EX, &none);
	h = heard_find(q, group);
	if (h)
		h->old_until_ns[level] = q_now(q) + membership_ns(q);
}

void mcast_querier_leave_old(struct mcast_side *side, const struct ip_addr *group)
{
	static const struct record_srcs none;

	if (side->querier)
		group_record(side->querier, group, GROUP_TO_IN, &none);
}

/*
 * Life.
 */

void mcast_querier_start(struct mcast_side *side)
{
	struct engine *eng = side->netif->stack->eng;
	struct mcast_querier *q;

	if (side->querier)
		return;
	q = mem_zalloc(&eng->mem, sizeof(*q));
	if (!q)
		return; /* it is tried again when something changes */
	q->side = side;
	q->n_startup_left = q_conf(q)->robustness;
	list_init(&q->heard);
	wheel_timer_init(&q->timer, querier_fire);
	side->querier = q;
	wheel_start(&eng->wheel, &q->timer, eng->now_ns);
}

void mcast_querier_stop(struct mcast_side *side)
{
	struct mcast_querier *q = side->querier;
	struct heard *h;

	if (!q)
		return;
	list_for_each_safe (h, &q->heard, link)
		heard_free(h);
	wheel_stop(&q_engine(q)->wheel, &q->timer);
	side->querier = NULL;
	mem_free(&side->netif->stack->eng->mem, q, sizeof(*q));
}

void mcast_querier_each(const struct mcast_side *side,
			void (*fn)(void *arg, const struct mcast_heard_info *info), void *arg)
{
	struct ip_addr srcs[HEARD_SRCS_MAX];
	struct heard *h;

	if (!side->querier)
		return;
	list_for_each (h, &side->querier->heard, link) {
		struct mcast_heard_info info = {.group = h->group,
						.is_exclude = heard_is_exclude(h),
						.srcs = srcs,
						.expires_ns = h->until_ns};

		for (uint16_t i = 0; i < h->n_srcs; i++)
			if (src_is_wanted(h, &h->srcs[i]) != info.is_exclude)
				srcs[info.n_srcs++] = h->srcs[i].addr;
		fn(arg, &info);
	}
}
