/* SPDX-License-Identifier: MIT */
/*
 * The learning bridge. Learned addresses are in a hash table, keyed since who sends chooses them,
 * and on a list in order of when they were last seen, from which the oldest are evicted. Ageing
 * needs no timer: an entry past its age counts as absent.
 */
#include "link/bridge.h"

#include <errno.h>

#include "base/hash.h"
#include "base/htab.h"
#include "core/netif.h"
#include "core/stack.h"
#include "wire/eth.h"
#include "wire/vlan.h"

struct bridge_port {
	struct bridge *br;
	struct netif *netif;
	enum drop (*old_input)(struct netif *netif, struct pkt *pkt); /* before it was a port */
	void *old_input_ctx;
	struct list link;    /* bridge->ports, in order of joining */
	struct list entries; /* struct bridge_entry behind it */
};

struct bridge_entry {
	struct eth_addr addr;
	struct bridge_port *port;
	int64_t seen_ns; /* exact to BRIDGE_REFRESH_NS */
	struct htab_node hash_link;
	struct list port_link;
	struct list age_link; /* bridge->by_age */
};

struct bridge {
	struct stack *st;
	struct bridge *next; /* stack->bridges */
	struct list ports;
	struct htab by_addr;
	struct list by_age; /* oldest first */
	uint32_t n_entries;
	uint32_t max_entries;
	struct bridge_stats stats;
};

#define BRIDGE_AGEING_NS  ((int64_t)BRIDGE_AGEING_S * 1000 * 1000 * 1000)
#define BRIDGE_REFRESH_NS ((int64_t)1000 * 1000 * 1000)

int bridge_new(struct stack *st, struct bridge **ret)
{
	struct bridge *br = mem_zalloc(&st->eng->mem, sizeof(*br));

	if (!br)
		return -ENOMEM;
	if (htab_init(&br->by_addr, &st->eng->mem, 16, 65536) < 0) {
		mem_free(&st->eng->mem, br, sizeof(*br));
		return -ENOMEM;
	}
	br->st = st;
	br->max_entries = BRIDGE_MAX_ENTRIES;
	list_init(&br->ports);
	list_init(&br->by_age);
	br->next = st->bridges;
	st->bridges = br;
	*ret = br;
	return 0;
}

static void bridge_entry_free(struct bridge *br, struct bridge_entry *e)
{
	htab_del(&br->by_addr, &e->hash_link);
	list_del(&e->port_link);
	list_del(&e->age_link);
	br->n_entries--;
	mem_free(&br->st->eng->mem, e, sizeof(*e));
}

static void bridge_port_flush(struct bridge_port *port)
{
	struct bridge_entry *e;

	list_for_each_safe (e, &port->entries, port_link)
		bridge_entry_free(port->br, e);
}

static struct bridge_port *bridge_port_of(const struct netif *netif)
{
	return netif->input == bridge_input ? netif->input_ctx : NULL;
}

void bridge_del(struct netif *netif)
{
	struct bridge_port *port = bridge_port_of(netif);

	if (!port)
		return;
	bridge_port_flush(port);
	list_del(&port->link);
	netif->input = port->old_input;
	netif->input_ctx = port->old_input_ctx;
	mem_free(&netif->stack->eng->mem, port, sizeof(*port));
}

void bridge_free(struct bridge *br)
{
	struct bridge **link;
	struct list *first;

	if (!br)
		return;
	while ((first = list_first(&br->ports)))
		bridge_del(container_of(first, struct bridge_port, link)->netif);
	for (link = &br->st->bridges; *link != br; link = &(*link)->next)
		;
	*link = br->next;
	htab_fini(&br->by_addr);
	mem_free(&br->st->eng->mem, br, sizeof(*br));
}

void bridge_fini(struct stack *st)
{
	while (st->bridges)
		bridge_free(st->bridges);
}

int bridge_add(struct bridge *br, struct netif *netif)
{
	struct bridge_port *port;

	if (netif->stack != br->st || !(netif->flags & NETIF_BROADCAST))
		return -EINVAL;
	if (bridge_port_of(netif))
		return -EBUSY;
	port = mem_zalloc(&br->st->eng->mem, sizeof(*port));
	if (!port)
		return -ENOMEM;
	port->br = br;
	port->netif = netif;
	port->old_input = netif->input;
	port->old_input_ctx = netif->input_ctx;
	list_init(&port->entries);
	list_add_tail(&br->ports, &port->link);
	netif->input = bridge_input;
	netif->input_ctx = port;
	return 0;
}

void bridge_port_down(struct netif *netif)
{
	struct bridge_port *port = bridge_port_of(netif);

	if (port)
		bridge_port_flush(port);
}

static uint32_t bridge_hash(const struct bridge *br, const struct eth_addr *addr)
{
	uint64_t word = (uint64_t)load_be32(addr->b) << 16 | load_be16(addr->b + 4);

	return (uint32_t)siphash_u64(&br->st->eng->hash_key, word);
}

static struct bridge_entry *bridge_entry_find(const struct bridge *br, const struct eth_addr *addr)
{
	for (struct htab_node *hn = htab_first(&br->by_addr, bridge_hash(br, addr)); hn;
	     hn = htab_next(hn)) {
		struct bridge_entry *e = container_of(hn, struct bridge_entry, hash_link);

		if (eth_addr_eq(&e->addr, addr))
			return e;
	}
	return NULL;
}

static bool bridge_entry_is_old(const struct bridge *br, const struct bridge_entry *e)
{
	return br->st->eng->now_ns - e->seen_ns >= BRIDGE_AGEING_NS;
}

static void bridge_evict_old(struct bridge *br)
{
	struct list *oldest = list_first(&br->by_age);
	struct bridge_entry *e;

	if (!oldest)
		return;
	e = container_of(oldest, struct bridge_entry, age_link);
	if (bridge_entry_is_old(br, e))
		bridge_entry_free(br, e);
}

/* Without memory or room the address is not learned: its frames are flooded. */
static void bridge_entry_new(struct bridge_port *port, const struct eth_addr *addr)
{
	struct bridge *br = port->br;
	struct bridge_entry *e = NULL;

	bridge_evict_old(br); /* one a new address keeps the table clean, too */
	if (br->n_entries < br->max_entries)
		e = mem_zalloc(&br->st->eng->mem, sizeof(*e));
	if (!e) {
		br->stats.n_full++;
		return;
	}
	e->addr = *addr;
	e->port = port;
	e->seen_ns = br->st->eng->now_ns;
	htab_add(&br->by_addr, &e->hash_link, bridge_hash(br, addr));
	list_add_tail(&port->entries, &e->port_link);
	list_add_tail(&br->by_age, &e->age_link);
	br->n_entries++;
	br->stats.learned++;
}

static void bridge_learn(struct bridge_port *port, const struct eth_addr *addr)
{
	struct bridge *br = port->br;
	struct bridge_entry *e = bridge_entry_find(br, addr);
	int64_t now_ns = br->st->eng->now_ns;

	if (!e) {
		if (!eth_addr_is_zero(addr))
			bridge_entry_new(port, addr);
		return;
	}
	if (e->port != port) {
		e->port = port;
		list_del(&e->port_link);
		list_add_tail(&port->entries, &e->port_link);
		br->stats.moved++;
	} else if (now_ns - e->seen_ns < BRIDGE_REFRESH_NS) {
		return;
	}
	e->seen_ns = now_ns;
	list_del(&e->age_link);
	list_add_tail(&br->by_age, &e->age_link);
}

/* DROP_NONE: the frame may leave by this port. */
static enum drop bridge_port_check(const struct bridge_port *port, const struct pkt *pkt)
{
	if (!netif_is_running(port->netif))
		return DROP_BRIDGE_NO_PORT;
	return pkt_frame_l3_len(pkt) <= port->netif->mtu ? DROP_NONE : DROP_IF_MTU;
}

static enum drop bridge_forward(struct bridge_port *to, struct pkt *pkt)
{
	enum drop why = bridge_port_check(to, pkt);

	if (why != DROP_NONE)
		return why;
	to->br->stats.forwarded++;
	pkt_hop(pkt, HOP_BRIDGE, 1);
	(void)netif_tx(to->netif, pkt);
	return DROP_NONE;
}

/* Sends a copy; one that fails is counted, others may still arrive. */
static void bridge_send_clone(struct bridge_port *to, struct pkt *pkt)
{
	struct pkt *clone = pkt_clone(pkt);

	if (clone) {
		(void)netif_tx(to->netif, clone);
		return;
	}
	to->netif->stats.tx_dropped++;
	to->br->st->drops[DROP_NOMEM]++;
}

/* To every port but the one it came from; the last gets the packet itself. */
static enum drop bridge_flood(struct bridge_port *from, struct pkt *pkt)
{
	struct bridge_port *last = NULL;
	struct bridge_port *port;
	enum drop why = DROP_BRIDGE_NO_PORT;

	list_for_each (port, &from->br->ports, link) {
		enum drop check = port == from ? DROP_BRIDGE_NO_PORT : bridge_port_check(port, pkt);

		if (check == DROP_IF_MTU)
			why = check;
		if (check != DROP_NONE)
			continue;
		if (last)
			bridge_send_clone(last, pkt);
		else
			pkt_hop(pkt, HOP_BRIDGE, 0);
		last = port;
	}
	if (!last)
		return why;
	from->br->stats.flooded++;
	(void)netif_tx(last->netif, pkt);
	return DROP_NONE;
}

/* 01:80:c2:00:00:00 to :0f: between neighbours on one link, never forwarded (§7.12.6). */
static bool bridge_is_reserved(const struct eth_addr *addr)
{
	return load_be32(addr->b) == 0x0180c200 && addr->b[4] == 0 && (addr->b[5] & 0xf0) == 0;
}

enum drop bridge_input(struct netif *netif, struct pkt *pkt)
{
	struct bridge_port *from = netif->input_ctx;
	struct bridge_entry *e;
	struct eth_hdr hdr;

	if (!pkt_pullup(pkt, ETH_HDR_LEN))
		return DROP_ETH_HDR;
	eth_hdr_read(pkt->data, &hdr);
	if (eth_addr_is_multicast(&hdr.src))
		return DROP_ETH_SRC;
	if (bridge_is_reserved(&hdr.dst))
		return DROP_BRIDGE_LOCAL;
	pkt->l3_off = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN);
	if (hdr.type == ETHERTYPE_VLAN && pkt->lin_len >= ETH_HDR_LEN + VLAN_HDR_LEN)
		pkt->l3_off = (uint16_t)(pkt->l3_off + VLAN_HDR_LEN); /* the MTU is without tag */

	bridge_learn(from, &hdr.src);
	if (eth_addr_is_multicast(&hdr.dst))
		return bridge_flood(from, pkt);
	e = bridge_entry_find(from->br, &hdr.dst);
	if (!e || bridge_entry_is_old(from->br, e))
		return bridge_flood(from, pkt);
	if (e->port == from)
		return DROP_BRIDGE_SAME_PORT;
	return bridge_forward(e->port, pkt);
}

const struct bridge_stats *bridge_stats(const struct bridge *br)
{
	return &br->stats;
}

uint32_t bridge_n_entries(const struct bridge *br)
{
	return br->n_entries;
}

struct netif *bridge_find(const struct bridge *br, const struct eth_addr *addr)
{
	struct bridge_entry *e = bridge_entry_find(br, addr);

	return e && !bridge_entry_is_old(br, e) ? e->port->netif : NULL;
}

void bridge_set_max_entries(struct bridge *br, uint32_t n)
{
	br->max_entries = n;
}

void bridge_for_each(const struct bridge *br,
		     void (*fn)(void *arg, const struct eth_addr *addr, const struct netif *port,
				int64_t seen_ns),
		     void *arg)
{
	struct bridge_entry *e;

	list_for_each (e, &br->by_age, age_link)
		if (!bridge_entry_is_old(br, e))
			fn(arg, &e->addr, e->port->netif, e->seen_ns);
}
