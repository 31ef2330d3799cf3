/* SPDX-License-Identifier: MIT */
/* Address conflict detection and IPv4 link-local addresses; the contract is in acd.h. */
#include "ip/acd.h"

#include <errno.h>

#include "base/hash.h"
#include "core/netif.h"
#include "core/trace.h"
#include "ip/ip4.h"
#include "ip/ip4_priv.h"
#include "link/arp.h"

enum {
	/* RFC 5227 §1.1 and RFC 3927 §9. */
	PROBE_NUM = 3,
	ANNOUNCE_NUM = 2,
	MAX_CONFLICTS = 10,
	LINK_LOCAL_LEN = 16,
	LINK_LOCAL_N = 65024, /* 169.254.1.0 to 169.254.254.255 */
};

#define SEC                 INT64_C(1000000000)
#define PROBE_WAIT          (1 * SEC)
#define PROBE_MIN           (1 * SEC)
#define PROBE_MAX           (2 * SEC)
#define ANNOUNCE_WAIT       (2 * SEC)
#define ANNOUNCE_INTERVAL   (2 * SEC)
#define RATE_LIMIT_INTERVAL (60 * SEC)
#define DEFEND_INTERVAL     (10 * SEC)

static struct engine *acd_engine(const struct acd *a)
{
	return a->netif->stack->eng;
}

static void acd_after(struct acd *a, int64_t min_ns, int64_t max_ns)
{
	struct engine *eng = acd_engine(a);
	int64_t ns = min_ns;

	if (max_ns > min_ns)
		ns += (int64_t)rng_below(&eng->rng, (uint64_t)(max_ns - min_ns));
	wheel_start(&eng->wheel, &a->timer, eng->now_ns + ns);
}

static void acd_set_state(struct acd *a, enum acd_state state)
{
	static const char *const names[] = {
		[ACD_DOWN] = "down",   [ACD_WAIT] = "wait",   [ACD_PROBE] = "probe",
		[ACD_QUIET] = "quiet", [ACD_BOUND] = "bound", [ACD_DUPLICATE] = "duplicate"};
	char text[IP4_ADDR_STRLEN];

	a->state = (uint8_t)state;
	a->n_sent = 0;
	trace_text(a->netif->stack, TRACE_NOTE, 0, "acd %s dev %s: %s",
		   ip4_addr_print(&a->addr, text), a->netif->name, names[state]);
}

/*
 * RFC 3927 §2.1: at random, but for the same interface in the same order, so that a host has the
 * same address again when nothing has changed.
 */
static struct ip4_addr link_local_make(const struct netif *netif, uint32_t n_made)
{
	static const struct siphash_key key = {0, 0};
	uint64_t mac = (uint64_t)load_be32(netif->hwaddr.b) << 16 | load_be16(netif->hwaddr.b + 4);
	uint32_t host = (uint32_t)(siphash_2u64(&key, mac, n_made) % LINK_LOCAL_N);

	return ip4_addr_from_u32(0xa9fe0100u + host);
}

/* A link-local interface has been through ten conflicts: something is wrong (§2.2.1). */
static bool is_limited(const struct acd *a)
{
	return a->n_conflicts >= MAX_CONFLICTS;
}

static void acd_begin(struct acd *a)
{
	acd_set_state(a, ACD_WAIT);
	if (is_limited(a))
		acd_after(a, RATE_LIMIT_INTERVAL, 0);
	else
		acd_after(a, 0, PROBE_WAIT);
}

static void acd_stop(struct acd *a)
{
	wheel_stop(&acd_engine(a)->wheel, &a->timer);
}

/* Takes the address out of use, if it is. */
static void acd_unbind(struct acd *a)
{
	if (a->state == ACD_BOUND)
		(void)!ip4_addr_remove(a->netif, a->addr, a->prefix_len);
}

static void acd_lost(struct acd *a)
{
	mib_inc(a->netif->stack, MIB_ArpAcdConflicts);
	acd_stop(a);
	acd_unbind(a);
	a->n_conflicts++;
	if (!a->is_link_local) {
		acd_set_state(a, ACD_DUPLICATE);
		return;
	}
	acd_set_state(a, ACD_WAIT);
	a->addr = link_local_make(a->netif, ++a->n_made);
	acd_begin(a);
}

static void acd_bind(struct acd *a)
{
	/* Without memory it is tried again; somebody else may have added it by hand. */
	if (ip4_addr_put(a->netif, a->addr, a->prefix_len) == -ENOMEM) {
		acd_after(a, ANNOUNCE_WAIT, 0);
		return;
	}
	acd_set_state(a, ACD_BOUND);
	a->defended_ns = INT64_MIN;
	a->n_conflicts = 0;
	arp_announce(a->netif, &a->addr);
	a->n_sent = 1;
	acd_after(a, ANNOUNCE_INTERVAL, 0);
}

static void acd_probe(struct acd *a)
{
	arp_probe(a->netif, &a->addr);
	if (++a->n_sent < PROBE_NUM) {
		acd_after(a, PROBE_MIN, PROBE_MAX);
		return;
	}
	acd_set_state(a, ACD_QUIET);
	acd_after(a, ANNOUNCE_WAIT, 0);
}

static void acd_timer(struct wheel_timer *timer, int64_t now_ns UNUSED)
{
	struct acd *a = container_of(timer, struct acd, timer);

	switch ((enum acd_state)a->state) {
	case ACD_WAIT:
		acd_set_state(a, ACD_PROBE);
		acd_probe(a);
		break;
	case ACD_PROBE:
		acd_probe(a);
		break;
	case ACD_QUIET:
		acd_bind(a);
		break;
	case ACD_BOUND:
		arp_announce(a->netif, &a->addr);
		if (++a->n_sent < ANNOUNCE_NUM)
			acd_after(a, ANNOUNCE_INTERVAL, 0);
		break;
	default:
		break;
	}
}

/*
 * Conflicts.
 */

/* RFC 5227 §2.4 (b): once in ten seconds, we say that it is ours. */
static void acd_defend(struct acd *a)
{
	int64_t now_ns = acd_engine(a)->now_ns;

	if (a->defended_ns != INT64_MIN && now_ns - a->defended_ns < DEFEND_INTERVAL) {
		acd_lost(a);
		return;
	}
	a->defended_ns = now_ns;
	mib_inc(a->netif->stack, MIB_ArpAcdDefends);
	arp_announce(a->netif, &a->addr);
}

static void acd_hear(struct acd *a, const struct arp *arp, bool is_probe)
{
	bool is_sender = ip4_addr_eq(&arp->spa, &a->addr);

	switch ((enum acd_state)a->state) {
	case ACD_WAIT:
	case ACD_PROBE:
	case ACD_QUIET:
		if (is_sender || (is_probe && ip4_addr_eq(&arp->tpa, &a->addr)))
			acd_lost(a);
		break;
	case ACD_BOUND:
		if (is_sender)
			acd_defend(a);
		break;
	default:
		break;
	}
}

void acd_arp_heard(struct netif *netif, const struct arp *arp)
{
	bool is_probe = arp->op == ARP_REQUEST && ip4_addr_is_unspecified(&arp->spa);
	struct acd *a;

	if (!netif->ip4)
		return;
	list_for_each (a, &netif->ip4->acds, link)
		acd_hear(a, arp, is_probe);
}

/*
 * Adding and deleting.
 */

static bool netif_can_ask(const struct netif *netif)
{
	return (netif->flags & NETIF_BROADCAST) && !(netif->flags & (NETIF_NOARP | NETIF_LOOPBACK));
}

static struct acd *acd_find(const struct netif *netif, struct ip4_addr addr, uint8_t prefix_len)
{
	struct acd *a;

	list_for_each (a, &netif->ip4->acds, link)
		if (ip4_addr_eq(&a->addr, &addr) && a->prefix_len == prefix_len)
			return a;
	return NULL;
}

static int acd_new(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len,
		   bool is_link_local)
{
	struct ip4_if *ifs = netif->ip4;
	struct acd *a;

	if (!netif_can_ask(netif))
		return -EINVAL;
	if (ifs->n_acds == ACD_PER_IF_MAX)
		return -ENOSPC;
	a = mem_zalloc(&netif->stack->eng->mem, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->netif = netif;
	a->addr = addr;
	a->prefix_len = prefix_len;
	a->is_link_local = is_link_local;
	a->defended_ns = INT64_MIN;
	wheel_timer_init(&a->timer, acd_timer);
	list_add_tail(&ifs->acds, &a->link);
	ifs->n_acds++;
	if (netif_is_running(netif))
		acd_begin(a);
	return 0;
}

static void acd_free(struct acd *a)
{
	struct netif *netif = a->netif;

	acd_stop(a);
	acd_unbind(a);
	list_del(&a->link);
	netif->ip4->n_acds--;
	mem_free(&netif->stack->eng->mem, a, sizeof(*a));
}

int acd_add(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len)
{
	if (!ip4_ifaddr_is_right(addr, prefix_len))
		return -EINVAL;
	if (acd_find(netif, addr, prefix_len) || ip4_ifaddr_find(netif, addr, prefix_len))
		return -EEXIST;
	return acd_new(netif, addr, prefix_len, false);
}

int acd_del(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len)
{
	struct acd *a = acd_find(netif, addr, prefix_len);

	if (!a)
		return -EADDRNOTAVAIL;
	acd_free(a);
	return 0;
}

void acd_forget(struct netif *netif, struct ip4_addr addr, uint8_t prefix_len)
{
	struct acd *a = acd_find(netif, addr, prefix_len);

	if (!a)
		return;
	a->state = ACD_DUPLICATE; /* the address goes by itself */
	acd_free(a);
}

static struct acd *link_local_of(const struct netif *netif)
{
	struct acd *a;

	list_for_each (a, &netif->ip4->acds, link)
		if (a->is_link_local)
			return a;
	return NULL;
}

bool acd_is_made_up(const struct ip4_ifaddr *ifa)
{
	const struct acd *a = link_local_of(ifa->netif);

	return a && a->state == ACD_BOUND && ip4_addr_eq(&a->addr, &ifa->addr);
}

int acd_link_local_set(struct netif *netif, bool on)
{
	struct acd *a = link_local_of(netif);

	if (on && !a)
		return acd_new(netif, link_local_make(netif, 0), LINK_LOCAL_LEN, true);
	if (!on && a)
		acd_free(a);
	return 0;
}

bool acd_is_on_link(const struct netif *netif, struct ip4_addr addr)
{
	const struct acd *a;

	list_for_each (a, &netif->ip4->acds, link)
		if (!a->is_link_local && ip4_in_prefix(&addr, &a->addr, a->prefix_len))
			return true;
	return false;
}

/* RFC 5227 §2.1: who comes back to a link does not know what has happened there. */
void acd_netif_change(struct netif *netif, bool is_running)
{
	struct acd *a;

	list_for_each (a, &netif->ip4->acds, link) {
		acd_stop(a);
		acd_unbind(a);
		a->n_conflicts = 0;
		if (is_running)
			acd_begin(a);
		else
			acd_set_state(a, ACD_DOWN);
	}
}

void acd_flush(struct netif *netif)
{
	struct list *first;

	while ((first = list_first(&netif->ip4->acds)))
		acd_free(container_of(first, struct acd, link));
}
