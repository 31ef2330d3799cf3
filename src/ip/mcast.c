/* SPDX-License-Identifier: MIT */
/* Groups of interfaces: members, filters, reception state; contracts in mcast.h. */
#include "ip/mcast.h"

#include <errno.h>
#include <string.h>

#include "core/sysctl.h"
#include "ip/ip4.h"
#include "ip/ip6.h"
#include "ip/mcast_querier.h"
#include "ip/mld.h"

enum {
	MAX_MEMBERSHIPS = 20, /* Linux's defaults */
	MAX_MSF = 10,
	ROBUSTNESS = 2,            /* RFC 3376 §8.1 */
	QUERY_INTERVAL_S = 125,    /* §8.2 */
	QUERY_RESPONSE_MS = 10000, /* §8.3 */
};

static struct mem *mcast_mem(const struct mcast_side *side)
{
	return &side->netif->stack->eng->mem;
}

/*
 * Filters.
 */

static int addr_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

/* Where `src` is in the list, or would be. */
static uint16_t filter_pos(const struct mcast_filter *f, const struct ip_addr *src)
{
	uint16_t lo = 0, hi = f->n_srcs;

	while (lo < hi) {
		uint16_t mid = (uint16_t)((lo + hi) / 2);

		if (addr_cmp(&f->srcs[mid], src) < 0)
			lo = (uint16_t)(mid + 1);
		else
			hi = mid;
	}
	return lo;
}

static bool filter_has(const struct mcast_filter *f, const struct ip_addr *src)
{
	uint16_t pos = filter_pos(f, src);

	return pos < f->n_srcs && ip_addr_eq(&f->srcs[pos], src);
}

bool mcast_filter_takes(const struct mcast_filter *f, const struct ip_addr *src)
{
	return filter_has(f, src) != f->is_exclude;
}

static size_t srcs_bytes(uint16_t n)
{
	return n * sizeof(struct ip_addr);
}

int mcast_filter_add(struct stack *st, struct mcast_filter *f, const struct ip_addr *src)
{
	uint16_t pos = filter_pos(f, src);
	struct ip_addr *srcs;

	if (pos < f->n_srcs && ip_addr_eq(&f->srcs[pos], src))
		return -EEXIST;
	srcs = mem_resize(&st->eng->mem, f->srcs, srcs_bytes(f->n_srcs),
			  srcs_bytes((uint16_t)(f->n_srcs + 1)));
	if (!srcs)
		return -ENOMEM;
	memmove(&srcs[pos + 1], &srcs[pos], srcs_bytes((uint16_t)(f->n_srcs - pos)));
	srcs[pos] = *src;
	f->srcs = srcs;
	f->n_srcs++;
	return 0;
}

int mcast_filter_del(struct stack *st, struct mcast_filter *f, const struct ip_addr *src)
{
	uint16_t pos = filter_pos(f, src);
	struct ip_addr *srcs;

	if (pos == f->n_srcs || !ip_addr_eq(&f->srcs[pos], src))
		return -ENOENT;
	if (f->n_srcs == 1) {
		mcast_filter_fini(st, f);
		return 0;
	}
	/* A smaller copy first, so that a lack of memory changes nothing. */
	srcs = mem_alloc(&st->eng->mem, srcs_bytes((uint16_t)(f->n_srcs - 1)));
	if (!srcs)
		return -ENOMEM;
	memcpy(srcs, f->srcs, srcs_bytes(pos));
	memcpy(&srcs[pos], &f->srcs[pos + 1], srcs_bytes((uint16_t)(f->n_srcs - pos - 1)));
	mem_free(&st->eng->mem, f->srcs, srcs_bytes(f->n_srcs));
	f->srcs = srcs;
	f->n_srcs--;
	return 0;
}

void mcast_filter_fini(struct stack *st, struct mcast_filter *f)
{
	if (f->srcs)
		mem_free(&st->eng->mem, f->srcs, srcs_bytes(f->n_srcs));
	f->srcs = NULL;
	f->n_srcs = 0;
}

/*
 * Reception state (RFC 3376 §3.2).
 */

/* A list under construction, without memory of its own. */
struct src_set {
	uint16_t n;
	bool overflows;
	struct ip_addr srcs[MCAST_SRCS_MAX];
};

static struct mcast_filter set_filter(struct src_set *set)
{
	return (struct mcast_filter){.n_srcs = set->n, .srcs = set->srcs};
}

static void set_add(struct src_set *set, const struct ip_addr *src)
{
	struct mcast_filter f = set_filter(set);
	uint16_t pos = filter_pos(&f, src);

	if (pos < set->n && ip_addr_eq(&set->srcs[pos], src))
		return;
	if (set->n == MCAST_SRCS_MAX) {
		set->overflows = true;
		return;
	}
	memmove(&set->srcs[pos + 1], &set->srcs[pos], srcs_bytes((uint16_t)(set->n - pos)));
	set->srcs[pos] = *src;
	set->n++;
}

/* All members agree that `src` is not wanted. */
static bool all_refuse(const struct mcast_group *g, const struct ip_addr *src)
{
	const struct mcast_member *m;

	list_for_each (m, &g->members, group_link)
		if (mcast_filter_takes(&m->filter, src))
			return false;
	return true;
}

static void state_work_out(const struct mcast_group *g, struct src_set *set, bool *ret_exclude)
{
	const struct mcast_member *m;

	*ret_exclude = false;
	list_for_each (m, &g->members, group_link)
		*ret_exclude |= m->filter.is_exclude;
	list_for_each (m, &g->members, group_link) {
		if (m->filter.is_exclude != *ret_exclude)
			continue;
		for (uint16_t i = 0; i < m->filter.n_srcs; i++)
			if (!*ret_exclude || all_refuse(g, &m->filter.srcs[i]))
				set_add(set, &m->filter.srcs[i]);
	}
	if (set->overflows) {
		*ret_exclude = true;
		set->n = 0;
	}
}

/* Works the state out anew, and tells. Without memory for its list nothing is excluded. */
static void state_update(struct mcast_group *g)
{
	struct stack *st = g->side->netif->stack;
	struct mcast_filter old = g->state;
	struct src_set set = {.n = 0};
	bool is_exclude;

	state_work_out(g, &set, &is_exclude);
	g->state = (struct mcast_filter){.is_exclude = is_exclude, .n_srcs = set.n};
	if (set.n) {
		g->state.srcs = mem_alloc(&st->eng->mem, srcs_bytes(set.n));
		if (g->state.srcs)
			memcpy(g->state.srcs, set.srcs, srcs_bytes(set.n));
		else
			g->state = (struct mcast_filter){.is_exclude = true};
	}
	mcast_host_changed(g, &old);
	mcast_filter_fini(st, &old);
}

/*
 * Groups.
 */

struct mcast_side *mcast_side_of(const struct netif *netif, const struct ip_addr *group)
{
	return netif->mcast ? &netif->mcast->side[!ip_addr_is_ip4(group)] : NULL;
}

/* Only our own sockets choose what is in the table. */
static struct hlist *group_bucket(const struct mcast_side *side, const struct ip_addr *addr)
{
	uint32_t v = load_be32(addr->b + 12);

	return (struct hlist *)(uintptr_t)&side->buckets[(v ^ v >> 8 ^ v >> 16) % MCAST_BUCKETS];
}

struct mcast_group *mcast_group_find(const struct mcast_side *side, const struct ip_addr *addr)
{
	struct mcast_group *g;

	hlist_for_each (g, group_bucket(side, addr), bucket)
		if (ip_addr_eq(&g->addr, addr))
			return g;
	return NULL;
}

static int group_get(struct mcast_side *side, const struct ip_addr *addr, struct mcast_group **ret)
{
	struct mcast_group *g = mcast_group_find(side, addr);

	if (!g) {
		if (side->n_groups == MCAST_GROUPS_MAX)
			return -ENOBUFS;
		g = mem_zalloc(mcast_mem(side), sizeof(*g));
		if (!g)
			return -ENOMEM;
		g->side = side;
		g->addr = *addr;
		list_init(&g->members);
		mcast_host_group_init(g);
		list_add_tail(&side->groups, &g->link);
		hlist_add(group_bucket(side, addr), &g->bucket);
		side->n_groups++;
	}
	*ret = g;
	return 0;
}

static void group_free(struct mcast_group *g)
{
	struct stack *st = g->side->netif->stack;

	mcast_host_forget(g);
	mcast_filter_fini(st, &g->state);
	list_del(&g->link);
	hlist_del(&g->bucket);
	g->side->n_groups--;
	mem_free(&st->eng->mem, g, sizeof(*g));
}

void mcast_group_put(struct mcast_group *g)
{
	if (list_is_empty(&g->members) && !g->n_mode_left && !g->n_changes)
		group_free(g);
}

int mcast_join(struct netif *netif, struct mcast_member *m)
{
	struct mcast_side *side = mcast_side_of(netif, &m->addr);
	struct mcast_group *g;
	int err;

	if (!side || !side->ops)
		return -EAFNOSUPPORT;
	err = group_get(side, &m->addr, &g);
	if (err)
		return err;
	m->ifindex = netif->index;
	m->group = g;
	list_add_tail(&g->members, &m->group_link);
	state_update(g);
	return 0;
}

void mcast_leave(struct mcast_member *m)
{
	struct mcast_group *g = m->group;

	if (!g)
		return;
	list_del(&m->group_link);
	m->group = NULL;
	state_update(g);
	mcast_group_put(g);
}

void mcast_changed(struct mcast_member *m)
{
	if (m->group)
		state_update(m->group);
}

static bool group_is_wanted(const struct mcast_group *g)
{
	return g->state.is_exclude || g->state.n_srcs;
}

bool mcast_is_joined(const struct netif *netif, const struct ip_addr *group)
{
	const struct mcast_side *side = mcast_side_of(netif, group);
	const struct mcast_group *g;

	if (!side || !side->ops)
		return false;
	if (ip_addr_eq(group, &side->ops->all_systems))
		return true;
	g = mcast_group_find(side, group);
	return g && group_is_wanted(g);
}

bool mcast_accepts(const struct netif *netif, const struct ip_addr *group,
		   const struct ip_addr *src)
{
	const struct mcast_side *side = mcast_side_of(netif, group);
	const struct mcast_group *g;

	if (!side || !side->ops)
		return false;
	if (ip_addr_eq(group, &side->ops->all_systems))
		return true;
	g = mcast_group_find(side, group);
	return g && mcast_filter_takes(&g->state, src);
}

/*
 * Our own packets come back.
 */

static void loop_work(struct engine_work *work)
{
	struct mcast *mc = container_of(work, struct mcast, loop_work);
	struct pkt *pkt;

	while ((pkt = pktq_pop(&mc->loopq))) {
		enum drop why = DROP_IP_FAMILY;

		if (pkt->data[0] >> 4 == 4)
			why = ip4_input(pkt->netif, pkt);
		else if (mc->st->ip6)
			why = ip6_input(pkt->netif, pkt);
		if (why != DROP_NONE)
			pkt_drop(mc->st, pkt, why);
	}
}

void mcast_loop(struct netif *netif, struct pkt *pkt)
{
	struct mcast *mc = netif->stack->mcast;
	struct pkt *clone = mc ? pkt_clone(pkt) : NULL;

	if (!clone)
		return; /* as if it had been lost on the link */
	clone->netif = netif;
	clone->flags = (uint8_t)((clone->flags & PKT_F_TRACED) | PKT_F_LOOPED);
	clone->ts_ns = netif->stack->eng->now_ns;
	pktq_push(&mc->loopq, clone);
	engine_work_defer(netif->stack->eng, &mc->loop_work);
}

/*
 * Interfaces and the layer.
 */

static int mcast_netif_add(struct netif *netif)
{
	struct stack *st = netif->stack;
	struct mcast_if *mif = mem_zalloc(&st->eng->mem, sizeof(*mif));

	if (!mif)
		return -ENOMEM;
	netif->mcast = mif;
	for (size_t i = 0; i < ARRAY_SIZE(mif->side); i++) {
		mif->side[i].netif = netif;
		list_init(&mif->side[i].groups);
		mcast_host_init(&mif->side[i]);
	}
	list_init(&mif->own);
	mif->side[0].ops = &igmp_ops;
	if (netif->ip6)
		mif->side[1].ops = &mld_ops;
	mld_addrs_changed(netif);
	return 0;
}

static void side_fini(struct mcast_side *side)
{
	struct mcast_group *g;
	struct mcast_member *m;

	mcast_querier_stop(side);
	list_for_each_safe (g, &side->groups, link) {
		list_for_each_safe (m, &g->members, group_link) {
			list_del(&m->group_link);
			m->group = NULL;
		}
		group_free(g);
	}
	mcast_host_fini(side);
}

static void own_free(struct mcast_if *mif, struct mem *mem)
{
	struct mcast_member *m;

	list_for_each_safe (m, &mif->own, link) {
		list_del(&m->link);
		mcast_leave(m);
		mem_free(mem, m, sizeof(*m));
	}
}

static void mcast_netif_del(struct netif *netif)
{
	struct mcast_if *mif = netif->mcast;

	pktq_purge(&netif->stack->mcast->loopq);
	own_free(mif, &netif->stack->eng->mem);
	for (size_t i = 0; i < ARRAY_SIZE(mif->side); i++)
		side_fini(&mif->side[i]);
	netif->mcast = NULL;
	mem_free(&netif->stack->eng->mem, mif, sizeof(*mif));
}

static void side_update(struct mcast_side *side)
{
	struct netif *netif = side->netif;
	bool runs = netif_is_running(netif) && !(netif->flags & NETIF_LOOPBACK);

	if (!side->ops)
		return;
	if (runs && !side->was_running)
		mcast_host_restart(side);
	side->was_running = runs;
	if (runs && netif->stack->mcast->conf.querier)
		mcast_querier_start(side);
	else
		mcast_querier_stop(side);
}

static void mcast_netif_change(struct netif *netif)
{
	for (size_t i = 0; i < ARRAY_SIZE(netif->mcast->side); i++)
		side_update(&netif->mcast->side[i]);
}

static void mcast_fini(struct stack *st)
{
	engine_work_cancel(&st->mcast->loop_work);
	pktq_purge(&st->mcast->loopq);
	mem_free(&st->eng->mem, st->mcast, sizeof(*st->mcast));
	st->mcast = NULL;
}

static const struct stack_layer mcast_layer = {
	.name = "mcast",
	.netif_add = mcast_netif_add,
	.netif_del = mcast_netif_del,
	.netif_change = mcast_netif_change,
	.fini = mcast_fini,
};

static const struct sysctl mcast_sysctls[] = {
	SYSCTL(struct mcast_conf, max_memberships, "net.ipv4.igmp_max_memberships", 0, 1000000,
	       "groups that one socket may join, of either family"),
	SYSCTL(struct mcast_conf, max_msf, "net.ipv4.igmp_max_msf", 0, MCAST_SRCS_MAX,
	       "sources that one socket may filter in one group"),
	SYSCTL(struct mcast_conf, robustness, "net.ipv4.igmp_qrv", 1, 7,
	       "how often changes of groups are reported, and queries at start sent"),
	SYSCTL(struct mcast_conf, force_igmp, "net.ipv4.conf.all.force_igmp_version", 0, 3,
	       "IGMP version to speak whatever queriers speak; 0: theirs"),
	SYSCTL(struct mcast_conf, force_mld, "net.ipv6.conf.all.force_mld_version", 0, 2,
	       "MLD version to speak whatever queriers speak; 0: theirs"),
	SYSCTL(struct mcast_conf, querier, "net.ipv4.igmp_querier", 0, 1,
	       "ask the links for members of groups, as a multicast router does"),
	SYSCTL(struct mcast_conf, query_interval_s, "net.ipv4.igmp_query_interval", 1, 31744,
	       "time between general queries, s"),
	SYSCTL(struct mcast_conf, query_response_ms, "net.ipv4.igmp_query_response_interval", 100,
	       3174400, "time in which they are to be answered, ms"),
};

static void *mcast_sysctl_base(struct stack *st)
{
	return &st->mcast->conf;
}

static void mcast_sysctl_changed(struct stack *st, const struct sysctl *ctl UNUSED)
{
	struct netif *netif;

	list_for_each (netif, &st->netifs, link)
		if (netif->mcast)
			mcast_netif_change(netif);
}

static const struct sysctl_table mcast_sysctl_table = {
	.entries = mcast_sysctls,
	.n_entries = ARRAY_SIZE(mcast_sysctls),
	.base = mcast_sysctl_base,
	.changed = mcast_sysctl_changed,
};

int mcast_init(struct stack *st)
{
	struct mcast *mc = mem_zalloc(&st->eng->mem, sizeof(*mc));
	int err;

	if (!mc)
		return -ENOMEM;
	mc->st = st;
	mc->conf = (struct mcast_conf){
		.max_memberships = MAX_MEMBERSHIPS,
		.max_msf = MAX_MSF,
		.robustness = ROBUSTNESS,
		.query_interval_s = QUERY_INTERVAL_S,
		.query_response_ms = QUERY_RESPONSE_MS,
	};
	pktq_init(&mc->loopq);
	engine_work_init(&mc->loop_work, loop_work);
	st->mcast = mc;
	err = stack_layer_add(st, &mcast_layer);
	if (err) {
		mem_free(&st->eng->mem, mc, sizeof(*mc));
		st->mcast = NULL;
		return err;
	}
	err = igmp_init(st);
	return err ? err : sysctl_register(st, &mcast_sysctl_table);
}
