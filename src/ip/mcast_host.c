/* SPDX-License-Identifier: MIT */
/*
 * Groups: what the routers on a link are told (RFC 3376 §5, RFC 3810 §6; RFC 2236 §3 and RFC 2710
 * §4 for older queriers). Contracts in mcast.h.
 *
 * How it works, at level 3
 * - A change of a group's filter mode is a record TO_IN or TO_EX in the next n_mode_left reports,
 *   with the sources as they are then; a change of sources is ALLOW or BLOCK in the next n_left
 *   reports of each source, and is contained in the former while that is pending. The interface
 *   has one timer for all of them, so that changes at one time share a report.
 * - A general query arms the interface's general_timer, a group's query the group's timer; what is
 *   due sooner stays (RFC 3376 §5.2).
 *
 * At levels 1 and 2 each group has its timer, for answers and for unsolicited reports; hearing
 * another host's report stops it.
 */
#include "ip/mcast.h"

#include <string.h>

enum {
	REPORT_RECORDS_MAX = 64,
	REPORT_SRCS_MAX = 4 * MCAST_SRCS_MAX,
};

static const int64_t MCAST_MSEC = 1000000;
static const int64_t MCAST_SEC = 1000000000;
static const int64_t UNSOLICITED_NS = 1000000000;               /* RFC 3376 §8.11 */
static const int64_t UNSOLICITED_OLD_NS = INT64_C(10000000000); /* RFC 2236 §8.10 */
static const int64_t V1_PRESENT_NS = INT64_C(400000000000);     /* RFC 2236 §8.11 */

static struct engine *side_engine(const struct mcast_side *side)
{
	return side->netif->stack->eng;
}

/* From 0 to `max_ns`. Not from the engine's generator, whose sequence is what a seeded simulation
 * is known by: groups of an interface are none of its business. */
static int64_t side_random_ns(struct mcast_side *side, int64_t max_ns)
{
	uint64_t who = (uint64_t)side->netif->stack->id << 32 | side->netif->index;
	uint64_t v = siphash_2u64(&side_engine(side)->hash_key, who, side->n_random++);

	return (int64_t)(v % ((uint64_t)max_ns + 1));
}

static void side_start(const struct mcast_side *side, struct wheel_timer *timer, int64_t in_ns)
{
	struct engine *eng = side_engine(side);

	wheel_start(&eng->wheel, timer, eng->now_ns + in_ns);
}

static void side_stop(const struct mcast_side *side, struct wheel_timer *timer)
{
	wheel_stop(&side_engine(side)->wheel, timer);
}

static bool side_talks(const struct mcast_side *side)
{
	return netif_is_running(side->netif) && !(side->netif->flags & NETIF_LOOPBACK);
}

static bool state_is_joined(const struct mcast_filter *f)
{
	return f->is_exclude || f->n_srcs;
}

/* MLDv1 is of the level of IGMPv2. */
uint8_t mcast_level_forced(const struct mcast_side *side)
{
	const struct mcast_conf *conf = &side->netif->stack->mcast->conf;
	bool is_ip6 = side->ops->addr_len != sizeof(struct ip4_addr);
	uint8_t version = is_ip6 ? conf->force_mld : conf->force_igmp;

	if (!version)
		return GROUP_LEVEL_3 + 1;
	return (uint8_t)(version - (is_ip6 ? 0 : 1));
}

uint8_t mcast_host_level(const struct mcast_side *side)
{
	int64_t now_ns = side_engine(side)->now_ns;
	uint8_t forced = mcast_level_forced(side);

	if (forced <= GROUP_LEVEL_3)
		return forced;
	for (int level = GROUP_LEVEL_1; level < GROUP_LEVEL_3; level++)
		if (now_ns < side->older_until_ns[level])
			return (uint8_t)level;
	return GROUP_LEVEL_3;
}

/*
 * Reports of level 3.
 */

struct report {
	const struct mcast_side *side;
	uint32_t bytes;
	uint16_t n_recs, n_srcs;
	struct group_record_out recs[REPORT_RECORDS_MAX];
	struct ip_addr srcs[REPORT_SRCS_MAX];
};

static void report_send(struct report *r)
{
	if (r->n_recs)
		r->side->ops->report(r->side->netif, r->recs, r->n_recs);
	r->n_recs = r->n_srcs = 0;
	r->bytes = r->side->ops->overhead;
}

/* Sources that no packet of this interface has room for are left out (RFC 3376 §4.2.16). */
static uint16_t record_srcs_max(const struct report *r)
{
	const struct mcast_ops *ops = r->side->ops;
	uint32_t fixed = (uint32_t)ops->overhead + ops->record_hdr_len, mtu = r->side->netif->mtu;
	uint32_t n = mtu > fixed ? (mtu - fixed) / ops->addr_len : 0;

	return n < REPORT_SRCS_MAX ? (uint16_t)n : REPORT_SRCS_MAX;
}

static void report_add(struct report *r, uint8_t type, const struct ip_addr *group,
		       const struct ip_addr *srcs, uint16_t n_srcs)
{
	const struct mcast_ops *ops = r->side->ops;
	struct group_record_out *rec;
	uint16_t max = record_srcs_max(r);
	uint32_t bytes;

	if (n_srcs > max)
		n_srcs = max;
	bytes = (uint32_t)ops->record_hdr_len + (uint32_t)n_srcs * ops->addr_len;
	if (r->n_recs == REPORT_RECORDS_MAX || r->n_srcs + n_srcs > REPORT_SRCS_MAX ||
	    r->bytes + bytes > r->side->netif->mtu)
		report_send(r);
	rec = &r->recs[r->n_recs++];
	*rec = (struct group_record_out){
		.type = type, .group = *group, .n_srcs = n_srcs, .srcs = &r->srcs[r->n_srcs]};
	if (n_srcs)
		memcpy(&r->srcs[r->n_srcs], srcs, n_srcs * sizeof(*srcs));
	r->n_srcs = (uint16_t)(r->n_srcs + n_srcs);
	r->bytes += bytes;
}

/* Who nobody is to be told of. */
static bool group_is_silent(const struct mcast_group *g)
{
	return g->side->ops->is_silent(&g->addr);
}

/*
 * Changes of state.
 */

static void changes_report(struct report *r, struct mcast_group *g, bool is_allow)
{
	struct ip_addr srcs[2 * MCAST_SRCS_MAX];
	uint16_t n = 0;

	for (uint8_t i = 0; i < g->n_changes; i++)
		if (g->changes[i].is_allow == is_allow)
			srcs[n++] = g->changes[i].src;
	if (n)
		report_add(r, is_allow ? GROUP_ALLOW : GROUP_BLOCK, &g->addr, srcs, n);
}

static void changes_age(struct mcast_group *g)
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < g->n_changes; i++)
		if (--g->changes[i].n_left)
			g->changes[n++] = g->changes[i];
	g->n_changes = n;
}

/* RFC 3376 §5.1. */
static void group_changes_report(struct report *r, struct mcast_group *g)
{
	if (g->n_mode_left) {
		g->n_mode_left--;
		report_add(r, g->state.is_exclude ? GROUP_TO_EX : GROUP_TO_IN, &g->addr,
			   g->state.srcs, g->state.n_srcs);
	} else {
		changes_report(r, g, true);
		changes_report(r, g, false);
	}
	changes_age(g);
}

static void host_change_fire(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	struct mcast_side *side = container_of(timer, struct mcast_side, change_timer);
	struct report r = {.side = side, .bytes = side->ops->overhead};
	struct mcast_group *g;
	bool more = false;

	list_for_each_safe (g, &side->groups, link) {
		if (!g->n_mode_left && !g->n_changes)
			continue;
		group_changes_report(&r, g);
		more |= g->n_mode_left || g->n_changes;
		mcast_group_put(g);
	}
	report_send(&r);
	if (more)
		side_start(side, timer, side_random_ns(side, UNSOLICITED_NS));
}

/* A source's state has changed; memory that is not there costs a report. */
static void change_note(struct mcast_group *g, const struct ip_addr *src, bool is_allow)
{
	struct mcast_change *c = NULL;

	if (!g->changes)
		g->changes = mem_zalloc_array(&side_engine(g->side)->mem, 2 * MCAST_SRCS_MAX,
					      sizeof(*g->changes));
	if (!g->changes)
		return;
	for (uint8_t i = 0; i < g->n_changes; i++)
		if (ip_addr_eq(&g->changes[i].src, src))
			c = &g->changes[i];
	if (!c && g->n_changes == 2 * MCAST_SRCS_MAX)
		return;
	if (!c)
		c = &g->changes[g->n_changes++];
	*c = (struct mcast_change){
		.src = *src, .is_allow = is_allow, .n_left = g->side->robustness};
}

static bool list_has(const struct mcast_filter *f, const struct ip_addr *src)
{
	return mcast_filter_takes(f, src) != f->is_exclude;
}

/* What is on one list and not on the other. */
static void changes_note(struct mcast_group *g, const struct mcast_filter *a,
			 const struct mcast_filter *b, bool is_allow)
{
	for (uint16_t i = 0; i < a->n_srcs; i++)
		if (!list_has(b, &a->srcs[i]))
			change_note(g, &a->srcs[i], is_allow);
}

static void host_changed_3(struct mcast_group *g, const struct mcast_filter *old)
{
	struct mcast_side *side = g->side;

	if (old->is_exclude != g->state.is_exclude) {
		g->n_mode_left = side->robustness;
		g->n_changes = 0;
	} else {
		changes_note(g, &g->state, old, !g->state.is_exclude);
		changes_note(g, old, &g->state, g->state.is_exclude);
		/* A report of the mode that is still to come has them. */
	}
	if (g->n_mode_left || g->n_changes)
		side_start(side, &side->change_timer, 0);
}

/* RFC 2236 §3: joining is reported at once, and again. */
static void host_changed_old(struct mcast_group *g, const struct mcast_filter *old)
{
	struct mcast_side *side = g->side;
	bool was = state_is_joined(old), is = state_is_joined(&g->state);

	if (is && !was) {
		g->n_unsolicited_left = side->robustness;
		side_start(side, &g->timer, 0);
	} else if (was && !is) {
		side_stop(side, &g->timer);
		if (g->is_ours && mcast_host_level(side) == GROUP_LEVEL_2)
			side->ops->leave_old(side->netif, GROUP_LEVEL_2, &g->addr);
	}
}

void mcast_host_changed(struct mcast_group *g, const struct mcast_filter *old)
{
	struct mcast_side *side = g->side;

	if (group_is_silent(g) || !side_talks(side))
		return;
	if (mcast_host_level(side) == GROUP_LEVEL_3)
		host_changed_3(g, old);
	else
		host_changed_old(g, old);
}

/*
 * Answers to queries.
 */

static void current_report(struct report *r, const struct mcast_group *g)
{
	if (state_is_joined(&g->state))
		report_add(r, g->state.is_exclude ? GROUP_IS_EX : GROUP_IS_IN, &g->addr,
			   g->state.srcs, g->state.n_srcs);
}

static void host_general_fire(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	struct mcast_side *side = container_of(timer, struct mcast_side, general_timer);
	struct report r = {.side = side, .bytes = side->ops->overhead};
	struct mcast_group *g;

	list_for_each (g, &side->groups, link)
		if (!group_is_silent(g))
			current_report(&r, g);
	report_send(&r);
}

/* RFC 3376 §5.2: which of the sources asked about are wanted. */
static void asked_report(struct report *r, const struct mcast_group *g)
{
	struct ip_addr srcs[MCAST_ASKED_MAX];
	uint16_t n = 0;

	for (uint8_t i = 0; i < g->n_asked; i++)
		if (mcast_filter_takes(&g->state, &g->asked[i]))
			srcs[n++] = g->asked[i];
	if (n)
		report_add(r, GROUP_IS_IN, &g->addr, srcs, n);
}

static void group_fire_3(struct mcast_group *g)
{
	struct report r = {.side = g->side, .bytes = g->side->ops->overhead};

	if (g->n_asked)
		asked_report(&r, g);
	else
		current_report(&r, g);
	g->n_asked = 0;
	report_send(&r);
}

static void group_fire_old(struct mcast_group *g, uint8_t level)
{
	struct mcast_side *side = g->side;

	side->ops->report_old(side->netif, level, &g->addr);
	g->is_ours = true;
	if (g->n_unsolicited_left && --g->n_unsolicited_left)
		side_start(side, &g->timer, side_random_ns(side, UNSOLICITED_OLD_NS));
}

static void group_fire(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	struct mcast_group *g = container_of(timer, struct mcast_group, timer);
	uint8_t level = mcast_host_level(g->side);

	if (!state_is_joined(&g->state))
		return;
	if (level == GROUP_LEVEL_3)
		group_fire_3(g);
	else
		group_fire_old(g, level);
}

static bool sooner(const struct mcast_side *side, const struct wheel_timer *timer, int64_t in_ns)
{
	return wheel_timer_is_pending(timer) &&
	       timer->deadline_ns <= side_engine(side)->now_ns + in_ns;
}

/* Starts a group's timer, unless it is due sooner anyway. */
static void group_start(struct mcast_group *g, int64_t in_ns)
{
	if (!sooner(g->side, &g->timer, in_ns))
		side_start(g->side, &g->timer, in_ns);
}

/* The sources of a query join those already asked about; too many, or no memory: all. */
static bool asked_add(struct mcast_group *g, const struct group_query *q,
		      struct ip_addr (*next_src)(struct rd *srcs))
{
	struct rd srcs = q->srcs;

	if (q->n_srcs == 0 || q->n_srcs + g->n_asked > MCAST_ASKED_MAX)
		return false;
	if (!g->asked)
		g->asked = mem_zalloc_array(&side_engine(g->side)->mem, MCAST_ASKED_MAX,
					    sizeof(*g->asked));
	if (!g->asked)
		return false;
	for (uint16_t i = 0; i < q->n_srcs; i++)
		g->asked[g->n_asked++] = next_src(&srcs);
	return true;
}

/* RFC 3376 §5.2, rules 3 to 5. */
static void query_group_3(struct mcast_group *g, const struct group_query *q,
			  struct ip_addr (*next_src)(struct rd *srcs), int64_t in_ns)
{
	bool was_pending = wheel_timer_is_pending(&g->timer);

	if ((was_pending && g->n_asked == 0) || !asked_add(g, q, next_src))
		g->n_asked = 0;
	group_start(g, in_ns);
}

static void query_general(struct mcast_side *side, int64_t max_ns, uint8_t level)
{
	struct mcast_group *g;

	if (level == GROUP_LEVEL_3) {
		int64_t in_ns = side_random_ns(side, max_ns);

		if (!sooner(side, &side->general_timer, in_ns))
			side_start(side, &side->general_timer, in_ns);
		return;
	}
	list_for_each (g, &side->groups, link)
		if (!group_is_silent(g) && state_is_joined(&g->state))
			group_start(g, side_random_ns(side, max_ns));
}

/* RFC 3376 §7.2.1: a change of version cancels what is pending. */
static void host_version_changed(struct mcast_side *side)
{
	struct mcast_group *g;

	side_stop(side, &side->general_timer);
	side_stop(side, &side->change_timer);
	list_for_each_safe (g, &side->groups, link) {
		side_stop(side, &g->timer);
		g->n_mode_left = g->n_changes = g->n_asked = g->n_unsolicited_left = 0;
		mcast_group_put(g);
	}
}

/* What a query says about queriers. */
static void query_learn(struct mcast_side *side, const struct group_query *q)
{
	int64_t now_ns = side_engine(side)->now_ns;

	side->max_resp_ms = q->max_resp_ms;
	if (q->level == GROUP_LEVEL_3) {
		if (q->robustness)
			side->robustness = q->robustness;
		if (q->interval_s)
			side->interval_s = q->interval_s;
		return;
	}
	if (q->level == GROUP_LEVEL_1)
		side->older_until_ns[GROUP_LEVEL_1] = now_ns + V1_PRESENT_NS;
	else if (ip_addr_is_unspecified(&q->group)) /* RFC 3376 §7.2.1 */
		side->older_until_ns[GROUP_LEVEL_2] =
			now_ns + side->robustness * (int64_t)side->interval_s * MCAST_SEC +
			(int64_t)q->max_resp_ms * MCAST_MSEC;
}

void mcast_host_query(struct mcast_side *side, const struct group_query *q,
		      struct ip_addr (*next_src)(struct rd *srcs))
{
	uint8_t was = mcast_host_level(side), level;
	/* RFC 3376 §4.1.1: 0 asks for an answer at once. */
	int64_t max_ns = (int64_t)q->max_resp_ms * MCAST_MSEC;
	struct mcast_group *g;

	query_learn(side, q);
	level = mcast_host_level(side);
	if (level != was)
		host_version_changed(side);
	if (!side_talks(side))
		return;
	if (ip_addr_is_unspecified(&q->group)) {
		query_general(side, max_ns, level);
		return;
	}
	g = mcast_group_find(side, &q->group);
	if (!g || group_is_silent(g) || !state_is_joined(&g->state))
		return;
	if (level == GROUP_LEVEL_3)
		query_group_3(g, q, next_src, side_random_ns(side, max_ns));
	else
		group_start(g, side_random_ns(side, max_ns));
}

void mcast_host_heard(struct mcast_side *side, const struct ip_addr *group)
{
	struct mcast_group *g = mcast_group_find(side, group);

	if (!g || mcast_host_level(side) == GROUP_LEVEL_3)
		return;
	side_stop(side, &g->timer);
	g->n_unsolicited_left = 0;
	g->is_ours = false;
}

/*
 * Life.
 */

void mcast_host_restart(struct mcast_side *side)
{
	static const struct mcast_filter nothing;
	struct mcast_group *g;

	list_for_each (g, &side->groups, link)
		mcast_host_changed(g, &nothing);
}

void mcast_host_group_init(struct mcast_group *g)
{
	wheel_timer_init(&g->timer, group_fire);
}

void mcast_host_forget(struct mcast_group *g)
{
	struct mem *mem = &side_engine(g->side)->mem;

	side_stop(g->side, &g->timer);
	if (g->changes)
		mem_free(mem, g->changes, 2 * MCAST_SRCS_MAX * sizeof(*g->changes));
	if (g->asked)
		mem_free(mem, g->asked, MCAST_ASKED_MAX * sizeof(*g->asked));
}

void mcast_host_init(struct mcast_side *side)
{
	side->robustness = side->netif->stack->mcast->conf.robustness;
	side->interval_s = side->netif->stack->mcast->conf.query_interval_s;
	wheel_timer_init(&side->change_timer, host_change_fire);
	wheel_timer_init(&side->general_timer, host_general_fire);
}

void mcast_host_fini(struct mcast_side *side)
{
	side_stop(side, &side->change_timer);
	side_stop(side, &side->general_timer);
}
