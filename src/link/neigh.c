/* SPDX-License-Identifier: MIT */
/*
 * The neighbour cache: table, states and timers; its settings are in neigh_conf.c. Entries are
 * allocated one by one and not from a pool: their number is bounded by max_entries, and most stacks
 * have a handful.
 */
#include "link/neigh.h"

#include <errno.h>
#include <stdio.h>

#include "base/hash.h"
#include "core/netif.h"
#include "core/stack.h"
#include "core/trace.h"
#include "link/eth.h"
#include "link/neigh_priv.h"
#include "wire/eth.h"

#define NSEC_PER_MSEC ((int64_t)1000000)

static const struct neigh_hooks no_hooks;

enum {
	NEIGH_BUCKETS_MIN = 16,
	NEIGH_BUCKETS_MAX = 65536,
};

int neigh_netif_add(struct netif *netif)
{
	struct stack *st = netif->stack;

	netif->neigh6 = mem_zalloc(&st->eng->mem, sizeof(*netif->neigh6));
	if (!netif->neigh6)
		return -ENOMEM;
	*netif->neigh6 = st->neigh->params6;
	return 0;
}

void neigh_netif_del(struct netif *netif)
{
	neigh_flush(netif, true);
	mem_free(&netif->stack->eng->mem, netif->neigh6, sizeof(*netif->neigh6));
	netif->neigh6 = NULL;
}

int neigh_init(struct stack *st)
{
	struct neigh_table *t = mem_zalloc(&st->eng->mem, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->st = st;
	t->hooks = &no_hooks;
	t->params = neigh_params_default;
	t->params6 = neigh_params_default;
	list_init(&t->entries);
	list_init(&t->failed);
	list_init(&t->stale);
	err = htab_init(&t->by_addr, &st->eng->mem, NEIGH_BUCKETS_MIN, NEIGH_BUCKETS_MAX);
	if (!err)
		err = neigh_sysctls_register(st);
	if (err) {
		htab_fini(&t->by_addr);
		mem_free(&st->eng->mem, t, sizeof(*t));
		return err;
	}
	st->neigh = t;
	return 0;
}

void neigh_ops_set(struct stack *st, const struct neigh_ops *ops)
{
	if (ops->ethertype == ETHERTYPE_IPV4)
		st->neigh->ops4 = ops;
	else
		st->neigh->ops6 = ops;
}

void neigh_hooks_set(struct stack *st, const struct neigh_hooks *hooks)
{
	st->neigh->hooks = hooks;
}

const struct neigh_hooks *neigh_hooks(const struct stack *st)
{
	return st->neigh->hooks;
}

struct neigh_params *neigh_params(struct stack *st)
{
	return &st->neigh->params;
}

uint32_t neigh_n_entries(const struct stack *st)
{
	return st->neigh->n_entries;
}

const char *neigh_state_name(enum neigh_state state)
{
	static const char *const names[NEIGH_STATES] = {
		"NONE", "INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "PERMANENT",
	};

	return names[state];
}

void neigh_for_each(struct stack *st, void (*fn)(void *arg, const struct neigh *n), void *arg)
{
	struct neigh *n;

	list_for_each (n, &st->neigh->entries, link)
		fn(arg, n);
}

static const struct neigh_params *params_of(const struct neigh *n)
{
	return ip_addr_is_ip4(&n->addr) ? &n->table->params : n->netif->neigh6;
}

static int64_t neigh_now(const struct neigh *n)
{
	return n->table->st->eng->now_ns;
}

static void neigh_timer_start(struct neigh *n, int64_t at_ns)
{
	wheel_start(&n->table->st->eng->wheel, &n->timer, at_ns);
}

static void neigh_timer_stop(struct neigh *n)
{
	wheel_stop(&n->table->st->eng->wheel, &n->timer);
}

static void moved_print(const struct trace_moved *moved, uint8_t from UNUSED, uint8_t to, char *buf,
			size_t size)
{
	char addr[IP_ADDR_STRLEN];

	snprintf(buf, size, "neigh %s dev %s %s", ip_addr_print(&moved->addr, addr), moved->dev,
		 neigh_state_name((enum neigh_state)to));
}

static void neigh_set_state(struct neigh *n, enum neigh_state to)
{
	struct neigh_table *t = n->table;
	struct trace_moved moved = {.print = moved_print};
	enum neigh_state from = n->state;

	if (from == to)
		return;
	if (from == NEIGH_INCOMPLETE)
		t->n_incomplete--;
	if (to == NEIGH_INCOMPLETE)
		t->n_incomplete++;
	list_del(&n->gc_link);
	if (to == NEIGH_FAILED)
		list_add_tail(&t->failed, &n->gc_link);
	else if (to == NEIGH_STALE)
		list_add_tail(&t->stale, &n->gc_link);
	n->state = (uint8_t)to;
	n->updated_ns = neigh_now(n);
	moved.addr = n->addr;
	memcpy(moved.dev, n->netif->name, sizeof(moved.dev));
	trace_state(t->st, (uint8_t)from, (uint8_t)to, &moved);
}

static int neigh_drop(struct netif *netif, struct pkt *pkt, enum drop why)
{
	netif->stats.tx_dropped++;
	return pkt_drop(netif->stack, pkt, why);
}

/* Takes the packets that wait off the entry, which may be gone before they are dealt with. */
static struct pktq neigh_take_queue(struct neigh *n)
{
	struct pktq q = n->queue;

	if (pktq_is_empty(&q))
		pktq_init(&q);
	n->table->n_queued -= q.n_pkts;
	pktq_init(&n->queue);
	return q;
}

static void neigh_drop_oldest(struct neigh *n)
{
	n->table->n_queued--;
	neigh_drop(n->netif, pktq_pop(&n->queue), DROP_NEIGH_QUEUE);
}

static void neigh_free(struct neigh *n, enum drop why)
{
	struct neigh_table *t = n->table;
	struct netif *netif = n->netif;
	struct pktq q = neigh_take_queue(n);

	if (t->hooks->on_free)
		t->hooks->on_free(t->st, n);
	neigh_timer_stop(n);
	neigh_set_state(n, NEIGH_NONE);
	htab_del(&t->by_addr, &n->hash_link);
	list_del(&n->link);
	t->n_entries--;
	mem_free(&t->st->eng->mem, n, sizeof(*n));
	for (struct pkt *pkt; (pkt = pktq_pop(&q));)
		neigh_drop(netif, pkt, why);
}

void neigh_fini(struct stack *st)
{
	struct neigh_table *t = st->neigh;
	struct neigh *n;

	if (!t)
		return;
	t->hooks = &no_hooks; /* their owner is gone */
	list_for_each_safe (n, &t->entries, link)
		neigh_free(n, DROP_IF_DOWN);
	htab_fini(&t->by_addr);
	st->neigh = NULL;
	mem_free(&st->eng->mem, t, sizeof(*t));
}

static uint32_t neigh_hash(const struct netif *netif, const struct ip_addr *addr)
{
	uint64_t hi = load_be64(addr->b) ^ (uint64_t)netif->index << 32;

	return (uint32_t)siphash_2u64(&netif->stack->eng->hash_key, hi, load_be64(addr->b + 8));
}

struct neigh *neigh_find(struct netif *netif, const struct ip_addr *addr)
{
	const struct htab *ht = &netif->stack->neigh->by_addr;

	for (struct htab_node *hn = htab_first(ht, neigh_hash(netif, addr)); hn;
	     hn = htab_next(hn)) {
		struct neigh *n = container_of(hn, struct neigh, hash_link);

		if (n->netif == netif && ip_addr_eq(&n->addr, addr))
			return n;
	}
	return NULL;
}

/* Makes room for one more entry. False: every entry is of use. */
static bool neigh_gc(struct neigh_table *t)
{
	while (t->n_entries >= t->params.max_entries) {
		struct list *oldest = list_first(&t->failed);

		if (!oldest)
			oldest = list_first(&t->stale);
		if (!oldest)
			return false;
		neigh_free(container_of(oldest, struct neigh, gc_link), DROP_NEIGH_FAILED);
	}
	return true;
}

static void neigh_timer(struct wheel_timer *timer, int64_t now_ns);

/* An entry in NONE. 0, -ENOBUFS (table full), -ENOMEM, -EAFNOSUPPORT. */
static int neigh_create(struct netif *netif, const struct ip_addr *addr, struct neigh **ret)
{
	struct neigh_table *t = netif->stack->neigh;
	const struct neigh_ops *ops = ip_addr_is_ip4(addr) ? t->ops4 : t->ops6;
	struct neigh *n;

	if (!ops)
		return -EAFNOSUPPORT;
	if (!neigh_gc(t)) {
		mib_inc(t->st, MIB_NeighTableFull);
		return -ENOBUFS;
	}
	n = mem_zalloc(&t->st->eng->mem, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->netif = netif;
	n->table = t;
	n->ops = ops;
	n->addr = *addr;
	wheel_timer_init(&n->timer, neigh_timer);
	pktq_init(&n->queue);
	list_init(&n->gc_link);
	list_add_tail(&t->entries, &n->link);
	htab_add(&t->by_addr, &n->hash_link, neigh_hash(netif, addr));
	t->n_entries++;
	*ret = n;
	return 0;
}

static void neigh_tell(const struct neigh *n, bool is_silent)
{
	struct ip_addr addr = n->addr;

	if (n->table->hooks->heard)
		n->table->hooks->heard(n->netif, &addr, is_silent);
}

static void neigh_solicit(struct neigh *n)
{
	n->n_probes++;
	neigh_timer_start(n, neigh_now(n) + params_of(n)->retrans_time_ms * NSEC_PER_MSEC);
	n->ops->solicit(n, n->state == NEIGH_PROBE);
}

/* RFC 4861 §6.3.2: uniformly between half and one and a half of the base, so that the probes of
 * many hosts that started together drift apart. */
static int64_t neigh_reachable_time_ns(const struct neigh *n)
{
	int64_t base_ns = params_of(n)->base_reachable_time_ms * NSEC_PER_MSEC;

	return base_ns / 2 + (int64_t)rng_below(&n->table->st->eng->rng, (uint64_t)base_ns);
}

static void neigh_set_reachable(struct neigh *n)
{
	n->confirmed_ns = neigh_now(n);
	if (n->state == NEIGH_REACHABLE)
		return; /* the timer will see */
	n->reachable_ns = neigh_reachable_time_ns(n);
	neigh_set_state(n, NEIGH_REACHABLE);
	neigh_timer_start(n, n->confirmed_ns + n->reachable_ns);
	neigh_tell(n, false);
}

static void neigh_set_stale(struct neigh *n)
{
	neigh_timer_stop(n);
	neigh_set_state(n, NEIGH_STALE);
}

/* Nobody answered. What waits is shown to the Internet layer, whose errors may bring packets back
 * here and even evict this entry: it is not touched any more then. */
static void neigh_fail(struct neigh *n)
{
	struct neigh_table *t = n->table;
	struct netif *netif = n->netif;
	struct pktq q = neigh_take_queue(n);
	int64_t now_ns = neigh_now(n);

	mib_inc(t->st, MIB_NeighResFailures);
	n->retry_ns = now_ns;
	if (n->state == NEIGH_INCOMPLETE)
		n->retry_ns += params_of(n)->failed_hold_ms * NSEC_PER_MSEC;
	neigh_timer_start(n, now_ns + params_of(n)->gc_stale_time_ms * NSEC_PER_MSEC);
	neigh_set_state(n, NEIGH_FAILED);
	neigh_tell(n, true);
	for (struct pkt *pkt; (pkt = pktq_pop(&q));) {
		if (t->hooks->unreach)
			t->hooks->unreach(netif, pkt);
		neigh_drop(netif, pkt, DROP_NEIGH_FAILED);
	}
}

static void neigh_retry(struct neigh *n, uint32_t max_probes)
{
	if (n->n_probes < max_probes)
		neigh_solicit(n);
	else
		neigh_fail(n);
}

/* RFC 4861 §7.3.3: confirmations only note their time, the timer looks whether there was one. */
static void neigh_reachable_timeout(struct neigh *n, int64_t now_ns)
{
	int64_t until_ns = n->confirmed_ns + n->reachable_ns;

	if (now_ns < until_ns)
		neigh_timer_start(n, until_ns);
	else
		neigh_set_stale(n);
}

static void neigh_delay_timeout(struct neigh *n)
{
	neigh_set_state(n, NEIGH_PROBE);
	n->n_probes = 0;
	neigh_retry(n, params_of(n)->ucast_solicit);
}

static void neigh_timer(struct wheel_timer *timer, int64_t now_ns)
{
	struct neigh *n = container_of(timer, struct neigh, timer);
	const struct neigh_params *params = params_of(n);

	switch ((enum neigh_state)n->state) {
	case NEIGH_INCOMPLETE:
		neigh_retry(n, params->mcast_solicit);
		break;
	case NEIGH_REACHABLE:
		neigh_reachable_timeout(n, now_ns);
		break;
	case NEIGH_DELAY:
		neigh_delay_timeout(n);
		break;
	case NEIGH_PROBE:
		neigh_retry(n, params->ucast_solicit);
		break;
	case NEIGH_FAILED:
		neigh_free(n, DROP_NEIGH_FAILED);
		break;
	case NEIGH_NONE:
	case NEIGH_STALE:
	case NEIGH_PERMANENT:
	case NEIGH_STATES:
		break; /* they have no timer */
	}
}

void neigh_confirm(struct neigh *n)
{
	switch ((enum neigh_state)n->state) {
	case NEIGH_REACHABLE:
	case NEIGH_STALE:
	case NEIGH_DELAY:
	case NEIGH_PROBE:
		neigh_set_reachable(n);
		break;
	default:
		break; /* no address to be confirmed, or nothing to be learned */
	}
}

/* A recent failure. Who sent a forwarded packet is told; a local sender gets the errno, since an
 * ICMP error would reach its socket in the middle of its own call. */
static int neigh_refuse(struct neigh *n, struct pkt *pkt)
{
	struct netif *netif = n->netif;

	pkt->netif = netif;
	if (n->table->hooks->unreach && (pkt->flags & PKT_F_FORWARDED))
		n->table->hooks->unreach(netif, pkt);
	return neigh_drop(netif, pkt, DROP_NEIGH_FAILED);
}

static bool neigh_queue_is_full(const struct neigh *n, const struct pkt *pkt)
{
	const struct neigh_params *params = params_of(n);

	return n->queue.n_pkts >= params->unres_qlen ||
	       n->table->n_queued >= params->unres_qlen_total ||
	       n->queue.n_bytes + (uint64_t)pkt->len > params->unres_qlen_bytes;
}

static int neigh_enqueue(struct neigh *n, struct pkt *pkt)
{
	while (neigh_queue_is_full(n, pkt) && !pktq_is_empty(&n->queue))
		neigh_drop_oldest(n);
	if (n->table->n_queued >= n->table->params.unres_qlen_total)
		return neigh_drop(n->netif, pkt, DROP_NEIGH_QUEUE);
	pkt_hop(pkt, HOP_NEIGH, n->queue.n_pkts);
	pkt->netif = n->netif;
	pktq_push(&n->queue, pkt);
	n->table->n_queued++;
	return 0;
}

/* As many are being resolved as may be. This keeps a scan from pushing out what is in use. */
static bool neigh_asks_enough(struct neigh_table *t)
{
	if (t->n_incomplete < t->params.max_entries / 2)
		return false;
	mib_inc(t->st, MIB_NeighTableFull);
	return true;
}

/* The entry has no address: ask for one, or let the packet wait for the answer. */
static int neigh_resolve(struct neigh *n, struct pkt *pkt)
{
	struct neigh_table *t = n->table;
	int err;

	if (n->state == NEIGH_INCOMPLETE)
		return neigh_enqueue(n, pkt);
	if (n->state == NEIGH_FAILED && neigh_now(n) < n->retry_ns)
		return neigh_refuse(n, pkt);
	if (neigh_asks_enough(t)) /* a new entry was not even made */
		return neigh_drop(n->netif, pkt, DROP_NEIGH_FULL);
	neigh_set_state(n, NEIGH_INCOMPLETE);
	n->n_probes = 0;
	err = neigh_enqueue(n, pkt);
	neigh_solicit(n);
	return err;
}

static int neigh_xmit(struct neigh *n, struct pkt *pkt, uint16_t ethertype)
{
	switch ((enum neigh_state)n->state) {
	case NEIGH_STALE:
		/* RFC 4861 §7.3.3: a packet to a stale neighbour goes at once; whether it is still
		 * there is asked later, when nobody above has heard of it meanwhile. */
		neigh_set_state(n, NEIGH_DELAY);
		neigh_timer_start(n, neigh_now(n) +
					     params_of(n)->delay_first_probe_ms * NSEC_PER_MSEC);
		return eth_output(n->netif, pkt, ethertype, &n->lladdr);
	case NEIGH_REACHABLE:
	case NEIGH_DELAY:
	case NEIGH_PROBE:
	case NEIGH_PERMANENT:
		return eth_output(n->netif, pkt, ethertype, &n->lladdr);
	default:
		return neigh_resolve(n, pkt);
	}
}

/* Group addresses that follow from the protocol address. False: it is for one neighbour. */
static bool neigh_map_group(const struct ip_addr *addr, struct eth_addr *ret)
{
	const uint8_t *b = addr->b;

	if (!ip_addr_is_ip4(addr)) {
		if (b[0] != 0xff)
			return false;
		*ret = ETH_ADDR(0x33, 0x33, b[12], b[13], b[14], b[15]); /* RFC 2464 §7 */
		return true;
	}
	if (load_be32(b + 12) == 0xffffffff) {
		*ret = ETH_ADDR_BROADCAST;
		return true;
	}
	if ((b[12] & 0xf0) != 0xe0)
		return false;
	*ret = ETH_ADDR(0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15]); /* RFC 1112 §6.4 */
	return true;
}

/* Finds or makes the entry through which to send. */
static enum drop neigh_get(struct netif *netif, const struct ip_addr *nexthop, struct neigh **ret)
{
	*ret = neigh_find(netif, nexthop);
	if (*ret)
		return DROP_NONE;
	if (neigh_asks_enough(netif->stack->neigh))
		return DROP_NEIGH_FULL;
	switch (neigh_create(netif, nexthop, ret)) {
	case 0:
		return DROP_NONE;
	case -ENOBUFS:
		return DROP_NEIGH_FULL;
	case -ENOMEM:
		return DROP_NOMEM;
	default:
		return DROP_ETH_PROTO; /* nobody asks for addresses of this family */
	}
}

static int neigh_output_slow(struct netif *netif, struct pkt *pkt, const struct ip_addr *nexthop,
			     uint16_t ethertype)
{
	struct eth_addr group;
	struct neigh *n;
	enum drop why;

	if (netif->flags & NETIF_LOOPBACK)
		return eth_output(netif, pkt, ethertype, &netif->hwaddr);
	if (neigh_map_group(nexthop, &group))
		return eth_output(netif, pkt, ethertype, &group);
	if (!netif_is_running(netif)) /* do not ask where nobody can hear */
		return neigh_drop(netif, pkt,
				  netif->flags & NETIF_UP ? DROP_IF_CARRIER : DROP_IF_DOWN);
	if ((netif->flags & NETIF_NOARP) && !neigh_find(netif, nexthop))
		return eth_output(netif, pkt, ethertype, &netif->hwaddr);
	why = neigh_get(netif, nexthop, &n);
	if (why != DROP_NONE)
		return neigh_drop(netif, pkt, why);
	return neigh_xmit(n, pkt, ethertype);
}

int neigh_output(struct netif *netif, struct pkt *pkt, const struct ip_addr *nexthop,
		 uint16_t ethertype, struct neigh *cached)
{
	if (unlikely(!cached))
		return neigh_output_slow(netif, pkt, nexthop, ethertype);
	assert(cached->netif == netif);
	return neigh_xmit(cached, pkt, ethertype);
}

/* The address is known: what waited goes. */
static void neigh_send_queue(struct neigh *n)
{
	struct pktq q = neigh_take_queue(n);

	for (struct pkt *pkt; (pkt = pktq_pop(&q));)
		(void)eth_output(n->netif, pkt, n->ops->ethertype, &n->lladdr);
}

static void neigh_set_lladdr(struct neigh *n, const struct eth_addr *lladdr)
{
	n->lladdr = *lladdr;
	n->learned_ns = neigh_now(n);
}

/* First address of an entry in NONE, INCOMPLETE or FAILED. */
static void neigh_resolved(struct neigh *n, const struct eth_addr *lladdr, uint32_t flags)
{
	neigh_set_lladdr(n, lladdr);
	if (flags & NEIGH_SOLICITED)
		neigh_set_reachable(n);
	else
		neigh_set_stale(n);
	if (pktq_is_empty(&n->queue))
		return;
	if (n->state == NEIGH_STALE) /* the packets use it: find out whether it is there */
		neigh_set_state(n, NEIGH_DELAY);
	if (n->state == NEIGH_DELAY)
		neigh_timer_start(n, neigh_now(n) +
					     params_of(n)->delay_first_probe_ms * NSEC_PER_MSEC);
	neigh_send_queue(n);
}

static bool neigh_may_replace(const struct neigh *n, uint32_t flags)
{
	if (flags & NEIGH_OVERRIDE)
		return true;
	return (flags & NEIGH_OVERRIDE_OLD) &&
	       neigh_now(n) - n->learned_ns >= n->table->params.locktime_ms * NSEC_PER_MSEC;
}

/* An entry that has an address hears of one: RFC 4861 §7.2.5, last part. */
static void neigh_heard(struct neigh *n, const struct eth_addr *lladdr, uint32_t flags)
{
	bool is_same = eth_addr_eq(&n->lladdr, lladdr);

	if (!is_same && !neigh_may_replace(n, flags)) {
		if (n->state == NEIGH_REACHABLE)
			neigh_set_stale(n);
		return;
	}
	if (!is_same)
		neigh_set_lladdr(n, lladdr);
	if (flags & NEIGH_SOLICITED)
		neigh_set_reachable(n);
	else if (!is_same)
		neigh_set_stale(n);
}

struct neigh *neigh_update(struct netif *netif, const struct ip_addr *addr,
			   const struct eth_addr *lladdr, uint32_t flags)
{
	struct neigh *n = neigh_find(netif, addr);

	if (eth_addr_is_multicast(lladdr))
		return NULL;
	if (!n && (!(flags & NEIGH_CREATE) || neigh_create(netif, addr, &n)))
		return NULL;
	switch ((enum neigh_state)n->state) {
	case NEIGH_NONE:
	case NEIGH_INCOMPLETE:
	case NEIGH_FAILED:
		neigh_resolved(n, lladdr, flags);
		break;
	case NEIGH_PERMANENT:
		break;
	default:
		neigh_heard(n, lladdr, flags);
		break;
	}
	return n;
}

int neigh_add_permanent(struct netif *netif, const struct ip_addr *addr,
			const struct eth_addr *lladdr)
{
	struct neigh *n = neigh_find(netif, addr);
	struct eth_addr group;
	int err = 0;

	if (neigh_map_group(addr, &group) || ip_addr_is_unspecified(addr) ||
	    eth_addr_is_multicast(lladdr))
		return -EINVAL;
	if (!n)
		err = neigh_create(netif, addr, &n);
	if (err)
		return err;
	neigh_timer_stop(n);
	neigh_set_lladdr(n, lladdr);
	neigh_set_state(n, NEIGH_PERMANENT);
	neigh_send_queue(n);
	return 0;
}

int neigh_del(struct netif *netif, const struct ip_addr *addr)
{
	struct neigh *n = neigh_find(netif, addr);

	if (!n)
		return -ENOENT;
	neigh_free(n, DROP_NEIGH_FAILED);
	return 0;
}

void neigh_flush(struct netif *netif, bool also_permanent)
{
	struct neigh *n;

	list_for_each_safe (n, &netif->stack->neigh->entries, link)
		if (n->netif == netif && (also_permanent || n->state != NEIGH_PERMANENT))
			neigh_free(n, DROP_IF_DOWN);
}
