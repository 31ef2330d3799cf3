/* SPDX-License-Identifier: MIT */
/*
 * The link layer as a whole: the input is a program of frames that arrive at a host and at a
 * switch, packets the host sends, time that passes and things an administrator does. Frames come
 * raw, or made from a few addresses, so that neighbours and learned addresses come up again.
 */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "core/sysctl.h"
#include "link/arp.h"
#include "link/bridge.h"
#include "link/link.h"
#include "link/neigh.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/vlan.h"

enum {
	PORTS = 3,
	PROGRAM_MAX = 4096,
	HOST_MAC = 1,
};

struct lab {
	struct engine *eng;
	struct stack *host, *sw;
	struct netif *eth0;
	struct netif *port[PORTS];
	struct bridge *br;
	struct rd r;
};

static void sink_tx(struct netif *netif, struct pkt *pkt)
{
	assert(pkt->len >= ETH_HDR_LEN && pkt->lin_len == pkt->len);
	(void)netif;
	pkt_free(pkt);
}

static void sink_fini(struct netif *netif)
{
	free(netif);
}

static const struct netif_ops sink_ops = {.kind = "fuzz", .tx = sink_tx, .fini = sink_fini};

static const struct ip4_addr our_ip = {{10, 0, 0, 1}};

static bool hook_is_local(struct netif *netif, const struct ip_addr *addr)
{
	struct ip_addr ours = ip_addr_from_ip4(&our_ip);

	(void)netif;
	return ip_addr_eq(addr, &ours);
}

static bool hook_source(struct netif *netif, const struct ip_addr *target,
			const struct pkt *waiting UNUSED, struct ip_addr *ret)
{
	(void)netif;
	*ret = ip_addr_from_ip4(&our_ip);
	return target->b[15] != 7;
}

static void send_to(struct lab *lab, struct ip_addr addr, uint8_t how);

/* As the Internet layer does: the error goes out by the same cache. */
static void hook_unreach(struct netif *netif, struct pkt *pkt)
{
	struct ip_addr addr = ip_addr_from_ip4(&IP4_ADDR(10, 0, 0, 200));
	struct pkt *error = pkt_alloc(&netif->stack->eng->pkts, 8);

	assert(pkt->l3_off == pkt_off(pkt));
	if (!error)
		return;
	(void)pkt_put(error, 8);
	error->l3_off = pkt_off(error);
	(void)neigh_output(netif, error, &addr, ETHERTYPE_IPV4, NULL);
}

static const struct neigh_hooks hooks = {
	.is_local = hook_is_local, .source = hook_source, .unreach = hook_unreach};

static enum drop ip_input(struct netif *netif, struct pkt *pkt)
{
	assert(pkt->l3_off == pkt_off(pkt));
	(void)netif;
	if (pkt->len % 2)
		return DROP_IP4_HDR;
	pkt_free(pkt);
	return DROP_NONE;
}

static struct eth_addr mac_of(uint8_t n)
{
	switch (n) {
	case 0xff:
		return ETH_ADDR_BROADCAST;
	case 0xfe:
		return ETH_ADDR(1, 0x80, 0xc2, 0, 0, 0);
	case 0xfd:
		return ETH_ADDR(1, 0, 0x5e, 0, 0, 1);
	default:
		return ETH_ADDR(2, 0, 0, 0, 0, n);
	}
}

static struct ip_addr ip_of(uint8_t n)
{
	switch (n) {
	case 0xff:
		return ip_addr_from_ip4(&IP4_ADDR_BROADCAST);
	case 0xfe:
		return ip_addr_from_ip4(&IP4_ADDR(224, 0, 0, 1));
	case 0xfd:
		return (struct ip_addr){{0xff, 2, [15] = 1}};
	case 0xfc:
		return (struct ip_addr){{0x20, 1, [15] = 1}};
	case 0xfb:
		return ip_addr_from_ip4(&IP4_ADDR_ANY);
	default:
		return ip_addr_from_ip4(&IP4_ADDR(10, 0, 0, n));
	}
}

static struct netif *netif_new(struct stack *st, const char *name)
{
	struct netif *netif = calloc(1, sizeof(*netif));

	assert(netif);
	netif->ops = &sink_ops;
	netif->flags = NETIF_BROADCAST | NETIF_CARRIER;
	netif->mtu = ETH_MTU;
	netif->hwaddr = mac_of((uint8_t)(st->next_ifindex + HOST_MAC));
	if (netif_add(st, netif, name))
		abort();
	netif_set_up(netif, true);
	return netif;
}

static void lab_init(struct lab *lab)
{
	static const char *const names[PORTS] = {"p0", "p1", "p2"};
	const struct engine_config cfg = {.has_seed = true, .seed = 1, .trace_events = 8};

	if (engine_new(&cfg, &lab->eng))
		abort();
	lab->host = stack_new(lab->eng, "host");
	lab->sw = stack_new(lab->eng, "switch");
	assert(lab->host && lab->sw);
	if (link_init(lab->host) || link_init(lab->sw) || bridge_new(lab->sw, &lab->br) ||
	    stack_eth_proto_add(lab->host, ETHERTYPE_IPV4, ip_input))
		abort();
	neigh_hooks_set(lab->host, &hooks);
	bridge_set_max_entries(lab->br, 6);
	lab->eth0 = netif_new(lab->host, "eth0");
	for (int i = 0; i < PORTS; i++) {
		lab->port[i] = netif_new(lab->sw, names[i]);
		if (bridge_add(lab->br, lab->port[i]))
			abort();
	}
}

static void lab_fini(struct lab *lab)
{
	lab->eng->mem.limit_bytes = UINT64_MAX;
	stack_free(lab->host);
	stack_free(lab->sw);
	assert(lab->eng->pkts.pkts.n_used == 0 && lab->eng->wheel.n_pending == 0);
	engine_free(lab->eng);
}

static void rx(struct lab *lab, struct netif *netif, const uint8_t *bytes, uint32_t len)
{
	struct pkt *pkt = pkt_alloc(&lab->eng->pkts, len);

	if (!pkt)
		return;
	if (len)
		memcpy(pkt_put(pkt, len), bytes, len);
	netif_rx(netif, pkt);
}

static struct netif *pick_netif(struct lab *lab)
{
	uint8_t n = rd_u8(&lab->r) % (PORTS + 1);

	return n == PORTS ? lab->eth0 : lab->port[n];
}

static void op_raw_frame(struct lab *lab)
{
	struct netif *netif = pick_netif(lab);
	uint32_t len = rd_u8(&lab->r);
	const uint8_t *bytes;

	if (len > rd_left(&lab->r))
		len = (uint32_t)rd_left(&lab->r);
	bytes = rd_bytes(&lab->r, len);
	rx(lab, netif, bytes, len);
}

/* A frame with a header from the alphabet of addresses, as long as the program says. */
static void op_frame(struct lab *lab, bool is_tagged)
{
	struct netif *netif = pick_netif(lab);
	uint8_t frame[2048] = {0};
	struct eth_hdr hdr = {.type = ETHERTYPE_IPV4};
	uint32_t len;

	hdr.dst = mac_of(rd_u8(&lab->r));
	hdr.src = mac_of(rd_u8(&lab->r));
	len = ETH_HDR_LEN + rd_u8(&lab->r) * 8u;
	if (is_tagged) {
		hdr.type = ETHERTYPE_VLAN;
		vlan_hdr_write(frame + ETH_HDR_LEN, &(struct vlan_hdr){.vid = rd_u8(&lab->r) & 1,
								       .type = ETHERTYPE_IPV4});
	}
	eth_hdr_write(frame, &hdr);
	rx(lab, netif, frame, len < sizeof(frame) ? len : (uint32_t)sizeof(frame));
}

static void op_arp(struct lab *lab)
{
	uint8_t frame[ETH_HDR_LEN + ARP_LEN];
	struct eth_hdr hdr = {.type = ETHERTYPE_ARP};
	struct ip_addr spa, tpa;
	struct arp arp = {0};
	struct wr w = wr_make(frame + ETH_HDR_LEN, ARP_LEN);

	hdr.dst = mac_of(rd_u8(&lab->r));
	arp.op = rd_u8(&lab->r) & 3;
	arp.sha = mac_of(rd_u8(&lab->r));
	spa = ip_of(rd_u8(&lab->r));
	tpa = ip_of(rd_u8(&lab->r));
	arp.spa = ip_addr_to_ip4(&spa);
	arp.tpa = ip_addr_to_ip4(&tpa);
	hdr.src = mac_of(9);
	eth_hdr_write(frame, &hdr);
	arp_write(&w, &arp);
	rx(lab, lab->eth0, frame, sizeof(frame));
}

static void send_to(struct lab *lab, struct ip_addr addr, uint8_t how)
{
	struct pkt *pkt = pkt_alloc(&lab->eng->pkts, 64);
	struct neigh *n = how & 1 ? neigh_find(lab->eth0, &addr) : NULL;

	if (!pkt)
		return;
	memset(pkt_put(pkt, 64), 0, 64);
	pkt->l3_off = pkt_off(pkt);
	if (how & 2)
		pkt->flags |= PKT_F_FORWARDED;
	(void)neigh_output(lab->eth0, pkt, &addr, ETHERTYPE_IPV4, n);
}

static void op_admin(struct lab *lab)
{
	uint8_t what = rd_u8(&lab->r);
	struct ip_addr addr = ip_of(rd_u8(&lab->r));
	struct eth_addr mac = mac_of(rd_u8(&lab->r));
	struct neigh *n = neigh_find(lab->eth0, &addr);

	switch (what % 10) {
	case 0:
		(void)!neigh_add_permanent(lab->eth0, &addr, &mac);
		break;
	case 1:
		if (neigh_del(lab->eth0, &addr))
			break;
		assert(!neigh_find(lab->eth0, &addr));
		break;
	case 2:
		if (n)
			neigh_confirm(n);
		break;
	case 3:
		neigh_flush(lab->eth0, mac.b[5] & 1);
		break;
	case 4:
		neigh_params(lab->host)->max_entries = 2 + mac.b[5] % 8;
		neigh_params(lab->host)->unres_qlen = 1 + mac.b[5] % 4;
		neigh_params(lab->host)->unres_qlen_total = 1 + mac.b[5] % 8;
		break;
	case 5:
		lab->eth0->flags ^= mac.b[5] & 1 ? NETIF_NOARP : NETIF_PROMISC;
		break;
	case 6:
		lab->eng->mem.limit_bytes = mac.b[5] & 1 ? lab->eng->mem.n_bytes : UINT64_MAX;
		break;
	case 7:
		bridge_del(lab->port[mac.b[5] % PORTS]);
		break;
	case 8:
		(void)!bridge_add(lab->br, lab->port[mac.b[5] % PORTS]);
		break;
	default:
		(void)neigh_update(lab->eth0, &addr, &mac, what / 10 & 15);
		break;
	}
}

static void op_state(struct lab *lab)
{
	struct netif *netif = pick_netif(lab);
	uint8_t how = rd_u8(&lab->r);

	if (how & 1)
		netif_set_up(netif, !(netif->flags & NETIF_UP));
	else if (how & 2)
		netif_set_carrier(netif, !(netif->flags & NETIF_CARRIER));
	else if (netif_set_mtu(netif, NETIF_MTU_MIN + how))
		abort();
	if (netif == lab->eth0)
		arp_announce(netif, &our_ip);
}

static void op_time(struct lab *lab)
{
	int64_t end_ns = lab->eng->now_ns + (int64_t)rd_u8(&lab->r) * 100 * 1000 * 1000;

	for (int64_t next_ns; (next_ns = engine_next_ns(lab->eng)) <= end_ns;)
		(void)engine_run(lab->eng, next_ns);
	(void)engine_run(lab->eng, end_ns);
}

static void count_entry(void *arg, const struct neigh *n)
{
	assert(n->state < NEIGH_STATES && neigh_state_name((enum neigh_state)n->state));
	++*(uint32_t *)arg;
}

static void count_addr(void *arg, const struct eth_addr *addr, const struct netif *port,
		       int64_t seen_ns)
{
	assert(!eth_addr_is_multicast(addr) && port && seen_ns >= 0);
	++*(uint32_t *)arg;
}

static void check(struct lab *lab)
{
	uint32_t n_neighs = 0, n_addrs = 0;

	neigh_for_each(lab->host, count_entry, &n_neighs);
	bridge_for_each(lab->br, count_addr, &n_addrs);
	assert(n_neighs == neigh_n_entries(lab->host) && n_neighs <= 1024);
	assert(n_addrs <= bridge_n_entries(lab->br) && bridge_n_entries(lab->br) <= 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab lab = {.r = rd_make(data, size < PROGRAM_MAX ? size : PROGRAM_MAX)};

	lab_init(&lab);
	while (rd_left(&lab.r)) {
		uint8_t op = rd_u8(&lab.r);

		switch (op % 8) {
		case 0:
			op_raw_frame(&lab);
			break;
		case 1:
			op_frame(&lab, op & 0x80);
			break;
		case 2:
			op_arp(&lab);
			break;
		case 3:
		case 4:
			send_to(&lab, ip_of(rd_u8(&lab.r)), op >> 3);
			break;
		case 5:
			op_admin(&lab);
			break;
		case 6:
			op_state(&lab);
			break;
		default:
			op_time(&lab);
			break;
		}
	}
	check(&lab);
	lab_fini(&lab);
	return 0;
}
