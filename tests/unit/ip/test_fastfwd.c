/* SPDX-License-Identifier: MIT */
/*
 * The short way through a router against the ordinary one: two routers in two engines of one seed
 * get the same frames, at random, and the same is done to both. One has a hook at every point,
 * which accepts everything, so that nothing goes the short way there. What they send, in which
 * order, what their packets remember, what they count and why they drop must be the same.
 */
#include "fixture.h"

#include <stdio.h>

#include "core/sysctl.h"
#include "ip/dst_cache.h"
#include "ip/fastfwd.h"
#include "ip/ip4.h"
#include "ip/ip6.h"
#include "link/loopback.h"
#include "link/neigh.h"
#include "prng.h"
#include "unit.h"
#include "wire/ip6_ext.h"

enum {
	N_PORTS = 3,
	N_ROUNDS = 6000,
	BATCH_MAX = 6,
	LOG_MAX = 1 << 20,
	RECENT = 8, /* frames that come again and again */
};

/* What a router has sent, from both ports in one row. */
struct log {
	uint8_t *bytes;
	size_t len;
};

struct twin {
	struct engine *eng;
	struct stack *st;
	struct fix_if *ports[N_PORTS];
	struct ip_hook hooks[2][IP_HOOK_POINTS];
	struct netif_tap tap;
	struct log log;
	uint64_t n_short; /* packets that went the short way */
};

static void log_add(struct log *log, const void *bytes, size_t len)
{
	assert_true(len <= LOG_MAX - log->len);
	memcpy(log->bytes + log->len, bytes, len);
	log->len += len;
}

/* What the driver gets, but for the routers' own numbers of packets. */
static void port_tx(struct netif *netif, struct pkt *pkt)
{
	struct fix_if *nif = netif->priv;
	struct twin *t = netif->stack->api;
	uint16_t offs[] = {pkt->l2_off, pkt->l3_off, pkt_off(pkt)};
	uint8_t n = pkt->n_hops < PKT_HOPS_MAX ? pkt->n_hops : PKT_HOPS_MAX;
	uint8_t bytes[FIX_FRAME_MAX];

	if (nif->refuses) {
		pkt_drop(netif->stack, pkt, DROP_IF_DRIVER);
		return;
	}
	assert_true(pkt->len <= sizeof(bytes) && pkt->netif == netif);
	log_add(&t->log, &netif->index, sizeof(netif->index));
	log_add(&t->log, offs, sizeof(offs));
	log_add(&t->log, &pkt->flags, sizeof(pkt->flags));
	log_add(&t->log, &pkt->csum, sizeof(pkt->csum));
	log_add(&t->log, &pkt->mark, sizeof(pkt->mark));
	log_add(&t->log, &pkt->ts_ns, sizeof(pkt->ts_ns));
	log_add(&t->log, &pkt->trace_id, sizeof(pkt->trace_id));
	log_add(&t->log, &pkt->n_hops, sizeof(pkt->n_hops));
	log_add(&t->log, pkt->hops, n * sizeof(pkt->hops[0]));
	log_add(&t->log, &pkt->len, sizeof(pkt->len));
	pkt_copy_out(pkt, 0, bytes, pkt->len);
	log_add(&t->log, bytes, pkt->len);
	pkt_free(pkt);
}

static void port_fini(struct netif *netif)
{
	struct fix_if *nif = netif->priv;

	free(nif->sent);
	free(nif);
}

static const struct netif_ops port_ops = {.kind = "twin", .tx = port_tx, .fini = port_fini};

static enum ip_verdict accept_all(struct ip_hook *hook UNUSED, struct pkt *pkt UNUSED,
				  struct ip_hook_ctx *ctx UNUSED)
{
	return IP_ACCEPT;
}

static void tap_frame(struct netif_tap *tap UNUSED, const struct netif *netif UNUSED,
		      const struct pkt *pkt UNUSED, bool is_tx UNUSED)
{
}

static void tap_drop(struct netif_tap *tap UNUSED, const struct netif *netif UNUSED,
		     const struct pkt *pkt UNUSED, enum drop why UNUSED)
{
}

static void tap_gone(struct netif_tap *tap)
{
	list_del(&tap->link);
	list_init(&tap->link);
}

/*
 * The world: three links, each with a neighbour of either family, and routes to what is behind.
 */

static struct ip4_addr addr4(unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	return IP4_ADDR((uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d);
}

static struct ip6_addr addr6(unsigned int net, unsigned int host)
{
	return ip6_addr_make(UINT64_C(0x20010db8) << 32 | (uint64_t)net << 16, host);
}

static void neighbour_add(struct twin *t, int i)
{
	struct ip4_addr a4 = addr4(10, 0, (unsigned int)i, 2);
	struct ip6_addr a6 = addr6((unsigned int)i, 2);
	struct ip_addr a[2] = {ip_addr_from_ip4(&a4), ip_addr_from_ip6(&a6)};
	struct eth_addr mac = fix_mac((uint8_t)(0x20 + i));

	for (int f = 0; f < 2; f++)
		(void)neigh_update(&t->ports[i]->netif, &a[f], &mac,
				   NEIGH_CREATE | NEIGH_SOLICITED | NEIGH_OVERRIDE);
}

static void route4(struct twin *t, unsigned int net, int port, bool is_new)
{
	const struct fib4_route r = {.dst = addr4(172, 16, net, 0),
				     .prefix_len = 24,
				     .via = addr4(10, 0, (unsigned int)port, 2),
				     .netif = &t->ports[port]->netif,
				     .type = ROUTE_UNICAST,
				     .proto = ROUTE_PROTO_STATIC};

	if (is_new)
		(void)!ip4_route_add(t->st, &r);
	else
		(void)!ip4_route_del(t->st, &(struct fib4_key){.dst = r.dst, .prefix_len = 24});
}

static void route6(struct twin *t, unsigned int net, int port, bool is_new)
{
	uint8_t prefix_len = net % 2 ? 64 : 48;
	const struct fib6_route r = {.dst = addr6(0x100 + net, 0),
				     .prefix_len = prefix_len,
				     .via = addr6((unsigned int)port, 2),
				     .netif = &t->ports[port]->netif,
				     .type = ROUTE_UNICAST,
				     .proto = ROUTE_PROTO_STATIC};

	if (is_new)
		(void)!ip6_route_add(t->st, &r);
	else
		(void)!ip6_route_del(t->st,
				     &(struct fib6_key){.dst = r.dst, .prefix_len = prefix_len});
}

static void port_new(struct twin *t, int i)
{
	struct fix_if *nif = fix_if_new(t->st, i == 0 ? "eth0" : i == 1 ? "eth1" : "eth2");
	struct ip6_addr a6 = addr6((unsigned int)i, 1);

	nif->netif.ops = &port_ops;
	t->ports[i] = nif;
	assert_int_equal(ip4_addr_add(&nif->netif, addr4(10, 0, (unsigned int)i, 1), 24), 0);
	assert_int_equal(ip6_addr_add(&nif->netif, &a6, 64, IP6_ADDR_F_NODAD), 0);
}

static void twin_start(struct twin *t, bool is_ordinary)
{
	struct netif *lo;

	*t = (struct twin){.eng = fix_engine()};
	t->log.bytes = calloc(1, LOG_MAX);
	assert_non_null(t->log.bytes);
	t->st = fix_stack(t->eng, "router");
	t->st->api = t;
	assert_int_equal(ip4_init(t->st), 0);
	assert_int_equal(ip6_init(t->st), 0);
	assert_int_equal(loopback_new(t->st, "lo", &lo), 0);
	netif_set_up(lo, true);
	for (int i = 0; i < N_PORTS; i++)
		port_new(t, i);
	assert_int_equal(sysctl_set(t->st, "net.ipv4.ip_forward", 1), 0);
	assert_int_equal(sysctl_set(t->st, "net.ipv6.conf.all.forwarding", 1), 0);
	fix_advance(t->eng, 5 * SEC);
	for (int i = 0; i < N_PORTS; i++)
		neighbour_add(t, i);
	for (unsigned int net = 0; net < 8; net++) {
		route4(t, net, (int)net % N_PORTS, true);
		route6(t, net, (int)net % N_PORTS, true);
	}
	for (int i = 0; i < IP_HOOK_POINTS; i++) {
		for (int f = 0; f < 2; f++) {
			t->hooks[f][i].fn = accept_all;
			list_init(&t->hooks[f][i].link);
		}
		if (!is_ordinary)
			continue;
		ip_hook_add(&t->st->ip4->hooks, (enum ip_hook_point)i, &t->hooks[0][i]);
		ip_hook_add(&t->st->ip6->hooks, (enum ip_hook_point)i, &t->hooks[1][i]);
	}
	t->tap = (struct netif_tap){.frame = tap_frame, .drop = tap_drop, .gone = tap_gone};
	list_init(&t->tap.link);
	t->log.len = 0;
}

static void twin_end(struct twin *t)
{
	t->st->api = NULL;
	fix_end(t->eng);
	free(t->log.bytes);
}

/*
 * Frames.
 */

struct frame {
	uint32_t len;
	uint32_t n_lin; /* the rest is in a fragment */
	uint8_t csum;   /* enum pkt_csum */
	uint8_t n_hops;
	uint8_t flags;
	bool is_shared; /* somebody else refers to its buffer */
	uint8_t b[1700];
};

static unsigned int below(struct prng *p, unsigned int n)
{
	return (unsigned int)prng_below(p, n);
}

static bool one_in(struct prng *p, unsigned int n)
{
	return below(p, n) == 0;
}

static struct ip4_addr some_addr4(struct prng *p, bool is_dst)
{
	const struct ip4_addr odd[] = {
		addr4(0, 0, 0, 0),     addr4(127, 0, 0, 1),  addr4(255, 255, 255, 255),
		addr4(224, 0, 0, 5),   addr4(240, 1, 2, 3),  addr4(169, 254, 1, 1),
		addr4(192, 0, 0, 8),   addr4(10, 0, 0, 255), addr4(10, 0, 1, 1),
		addr4(203, 0, 113, 1), addr4(10, 0, 2, 99),  addr4(192, 168, 1, 1),
	};

	if (one_in(p, 6))
		return odd[below(p, ARRAY_SIZE(odd))];
	if (is_dst && !one_in(p, 5))
		return addr4(172, 16, below(p, 9), 1 + below(p, 3));
	return addr4(10, 0, below(p, 3), 2);
}

static struct ip6_addr some_addr6(struct prng *p, bool is_dst)
{
	const struct ip6_addr odd[] = {
		ip6_addr_make(0, 0),
		ip6_addr_make(0, 1),
		ip6_addr_make(0, UINT64_C(0xffff) << 32 | 0x0a000102),
		ip6_addr_make(UINT64_C(0xfe80) << 48, 9),
		ip6_addr_make(UINT64_C(0xff02) << 48, 1),
		ip6_addr_make(UINT64_C(0xff0e) << 48, 0x77),
		addr6(1, 1),
		addr6(1, 0x99),
		ip6_addr_make(UINT64_C(0x0064ff9b) << 32, 0x0a000001),
	};

	if (one_in(p, 6))
		return odd[below(p, ARRAY_SIZE(odd))];
	return is_dst && !one_in(p, 5) ? addr6(0x100 + below(p, 9), 1 + below(p, 3))
				       : addr6(below(p, 3), 2);
}

static uint32_t some_len(struct prng *p)
{
	return one_in(p, 8) ? below(p, 1480) : 8 + below(p, 40);
}

static uint8_t some_ttl(struct prng *p)
{
	return (uint8_t)(one_in(p, 10) ? below(p, 3) : 64);
}

static uint32_t write_ip4(struct prng *p, uint8_t *b)
{
	uint32_t payload = some_len(p);
	struct ip4_hdr hdr = {
		.src = some_addr4(p, false),
		.dst = some_addr4(p, true),
		.hdr_len = one_in(p, 20) ? 24 : IP4_HDR_LEN,
		.tos = (uint8_t)below(p, 256),
		.id = (uint16_t)prng_u64(p),
		.ttl = some_ttl(p),
		.proto = 253,
		.df = one_in(p, 2),
		.mf = one_in(p, 30),
		.frag_off = one_in(p, 30) ? 64 : 0,
	};
	uint32_t len = hdr.hdr_len + payload;

	hdr.tot_len = (uint16_t)(one_in(p, 30) ? below(p, 70) : len);
	memset(b + IP4_HDR_LEN, 1, hdr.hdr_len - (uint32_t)IP4_HDR_LEN);
	for (uint32_t i = 0; i < payload; i++)
		b[hdr.hdr_len + i] = (uint8_t)i;
	ip4_hdr_write(b, &hdr);
	if (one_in(p, 30))
		b[below(p, IP4_HDR_LEN)] ^= (uint8_t)(1u << below(p, 8));
	if (one_in(p, 40)) {
		b[0] = (uint8_t)prng_u64(p);
		ip4_hdr_csum_set(b, IP4_HDR_LEN);
	}
	return len;
}

static uint32_t write_ip6(struct prng *p, uint8_t *b)
{
	uint32_t payload = some_len(p);
	struct ip6_hdr hdr = {
		.src = some_addr6(p, false),
		.dst = some_addr6(p, true),
		.flow = below(p, IP6_FLOW_MASK),
		.payload_len = (uint16_t)(one_in(p, 30) ? below(p, 70) : payload),
		.tclass = (uint8_t)below(p, 256),
		.next_hdr = (uint8_t)(one_in(p, 20) ? IP_PROTO_HOPOPTS : 253),
		.hop_limit = some_ttl(p),
	};

	ip6_hdr_write(b, &hdr);
	memset(b + IP6_HDR_LEN, 0, payload);
	if (one_in(p, 40))
		b[0] = (uint8_t)prng_u64(p);
	return IP6_HDR_LEN + payload;
}

static struct frame some_frame(struct prng *p, const struct fix_if *nif)
{
	struct eth_hdr eth = {.dst = nif->netif.hwaddr, .src = fix_mac(0x55)};
	bool is_ip6 = one_in(p, 2), has_tag = one_in(p, 30);
	uint32_t off = ETH_HDR_LEN + (has_tag ? 4u : 0);
	struct frame f = {.csum = PKT_CSUM_NONE};

	eth.type = is_ip6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	if (one_in(p, 30))
		eth.dst = one_in(p, 2) ? ETH_ADDR_BROADCAST : fix_mac(0x66);
	if (one_in(p, 40))
		eth.src.b[0] |= 1;
	f.len = off + (is_ip6 ? write_ip6(p, f.b + off) : write_ip4(p, f.b + off));
	if (has_tag) {
		store_be16(f.b + 14, 0);
		store_be16(f.b + 16, eth.type);
		eth.type = ETHERTYPE_VLAN;
	}
	eth_hdr_write(f.b, &eth);
	if (one_in(p, 6))
		f.len += below(p, 20); /* padding */
	if (one_in(p, 40))
		f.len = below(p, 60); /* cut off */
	f.n_lin = one_in(p, 20) && f.len > 40 ? 40 : f.len;
	f.n_hops = (uint8_t)below(p, 2 * PKT_HOPS_MAX);
	if (one_in(p, 10))
		f.csum = PKT_CSUM_VERIFIED;
	if (one_in(p, 30))
		f.flags = PKT_F_SEEN;
	f.is_shared = one_in(p, 20);
	return f;
}

static struct pkt *frame_pkt(struct twin *t, const struct frame *f, struct buf **ret_buf)
{
	struct pkt *pkt = fix_pkt(t->eng, f->b, f->n_lin);
	struct buf *buf;

	*ret_buf = f->is_shared && pkt->buf ? buf_ref(pkt->buf) : NULL;
	if (f->n_lin < f->len) {
		buf = buf_alloc(&t->eng->pkts, f->len - f->n_lin);
		assert_non_null(buf);
		memcpy(buf->bytes, f->b + f->n_lin, f->len - f->n_lin);
		assert_true(pkt_add_frag(pkt, buf, 0, f->len - f->n_lin));
		buf_unref(buf);
	}
	for (unsigned int i = 0; i < f->n_hops; i++)
		pkt_hop(pkt, HOP_BRIDGE, i);
	pkt->csum = f->csum;
	pkt->flags = f->flags;
	return pkt;
}

/* One frame, as a driver hands it over; whether it goes the short way is counted. */
static void arrives_now(struct twin *t, int port, const struct frame *f)
{
	struct netif *netif = &t->ports[port]->netif;
	struct pktq q;
	struct buf *buf;

	pktq_init(&q);
	pktq_push(&q, frame_pkt(t, f, &buf));
	if (netif->shortcut && netif->shortcut(netif, &q, 1))
		t->n_short++;
	else
		netif_rx(netif, pktq_pop(&q));
	buf_unref(buf);
	fix_settle(t->eng);
}

/* Several, on all ports, that wait for their turn. */
static void arrive_later(struct twin *t, const struct frame *f, const uint8_t *ports,
			 unsigned int n)
{
	struct buf *bufs[BATCH_MAX];

	for (unsigned int i = 0; i < n; i++)
		netif_rx_later(&t->ports[ports[i]]->netif, frame_pkt(t, &f[i], &bufs[i]));
	fix_settle(t->eng);
	for (unsigned int i = 0; i < n; i++)
		buf_unref(bufs[i]);
}

/*
 * What happens to them.
 */

static void set(struct twin *t, const char *name, int64_t value)
{
	assert_int_equal(sysctl_set(t->st, name, value), 0);
}

static void change_setting(struct twin *t, unsigned int which, unsigned int value)
{
	switch (which) {
	case 0:
		set(t, "net.ipv4.ip_forward", value > 0);
		break;
	case 1:
		set(t, "net.ipv4.conf.eth0.forwarding", value > 0);
		break;
	case 2:
		set(t, "net.ipv4.conf.eth0.rp_filter", value);
		break;
	case 3:
		set(t, "net.ipv6.conf.all.forwarding", value > 0);
		break;
	case 4:
		set(t, "net.ipv6.conf.eth1.disable_ipv6", value == 0);
		set(t, "net.ipv6.conf.eth1.disable_ipv6", value == 1);
		break;
	case 5:
		set(t, "net.ipv6.conf.eth2.mtu", value ? 1300 : 0);
		break;
	default:
		t->eng->trace.sample_every = value == 2 ? 3 : 0;
		break;
	}
}

static void change_link(struct twin *t, unsigned int which, int port, unsigned int value)
{
	struct netif *netif = &t->ports[port]->netif;

	switch (which) {
	case 0:
		netif_set_up(netif, value > 0);
		break;
	case 1:
		netif_set_carrier(netif, value > 0);
		break;
	case 2:
		assert_int_equal(netif_set_mtu(netif, value == 2 ? 600 : ETH_MTU), 0);
		break;
	case 3:
		netif->mss_clamp = value == 2 ? 1000 : 0;
		break;
	case 4:
		if (list_is_linked(&t->tap.link))
			tap_gone(&t->tap);
		else
			list_add_tail(&netif->taps, &t->tap.link);
		break;
	case 5:
		netif_set_promisc(netif, true);
		break;
	default:
		t->ports[port]->refuses = value == 2;
		break;
	}
}

static void change_tables(struct twin *t, unsigned int which, int port, unsigned int value)
{
	struct ip6_addr a6 = addr6(0x100 + value, 1);

	switch (which) {
	case 0:
		route4(t, value, port, true);
		route6(t, value, port, true);
		break;
	case 1:
		route4(t, value, port, false);
		route6(t, value, port, false);
		break;
	case 2:
		neigh_flush(&t->ports[port]->netif, true);
		break;
	case 3: /* what was somebody's becomes ours */
		(void)!ip4_addr_add(&t->ports[port]->netif, addr4(172, 16, value, 1), 32);
		(void)!ip6_addr_add(&t->ports[port]->netif, &a6, 128, IP6_ADDR_F_NODAD);
		break;
	case 4:
		(void)!ip4_addr_del(&t->ports[port]->netif, addr4(172, 16, value, 1), 32);
		(void)!ip6_addr_del(&t->ports[port]->netif, &a6, 128);
		break;
	default:
		fix_advance(t->eng, (int64_t)value * 4 * SEC); /* neighbours age */
		break;
	}
}

struct change {
	unsigned int kind, which, value;
	int port;
};

/* Mostly nothing, and what was switched off comes back soon. */
static void change(struct twin *t, const struct change *c)
{
	if (c->kind == 0)
		change_setting(t, c->which, c->value % 3);
	else if (c->kind == 1)
		change_link(t, c->which, c->port, c->value % 3);
	else if (c->kind == 2)
		change_tables(t, c->which % 6, c->port, c->value);
	else if (c->kind < 6)
		neighbour_add(t, c->port);
}

/* Everything is as it was at the start. */
static void restore(struct twin *t)
{
	for (unsigned int i = 0; i < 8; i++) {
		change_tables(t, 4, 0, i);
		change_tables(t, 4, 1, i);
		change_tables(t, 4, 2, i);
		route4(t, i, (int)i % N_PORTS, true);
		route6(t, i, (int)i % N_PORTS, true);
	}
	for (int i = 0; i < N_PORTS; i++) {
		for (unsigned int which = 0; which < 4; which++)
			change_link(t, which, i, 1);
		t->ports[i]->refuses = false;
		neighbour_add(t, i);
	}
	if (list_is_linked(&t->tap.link))
		tap_gone(&t->tap);
	for (unsigned int which = 0; which < 4; which++)
		change_setting(t, which, which != 2);
	t->eng->trace.sample_every = 0;
}

static void assert_same(const struct twin *a, const struct twin *b)
{
	assert_int_equal(a->log.len, b->log.len);
	assert_memory_equal(a->log.bytes, b->log.bytes, a->log.len);
	for (int i = 0; i < MIB_MAX; i++)
		if (a->st->mib[i] != b->st->mib[i])
			fail_msg("%s: %llu, %llu", mib_name((enum mib)i),
				 (unsigned long long)a->st->mib[i],
				 (unsigned long long)b->st->mib[i]);
	for (int i = 0; i < DROP_MAX; i++)
		if (a->st->drops[i] != b->st->drops[i])
			fail_msg("%s: %llu, %llu", drop_name((enum drop)i),
				 (unsigned long long)a->st->drops[i],
				 (unsigned long long)b->st->drops[i]);
	for (int i = 0; i < N_PORTS; i++)
		assert_memory_equal(&a->ports[i]->netif.stats, &b->ports[i]->netif.stats,
				    sizeof(struct netif_stats));
}

/* One round: something may change, then one frame, or several at once. */
static void both(struct twin t[2], struct prng *p)
{
	static struct frame recent[RECENT];
	static uint8_t recent_ports[RECENT];
	bool is_restored = one_in(p, 16);
	struct change c = {below(p, 40), below(p, 7), below(p, 8), (int)below(p, N_PORTS)};
	unsigned int n = one_in(p, 2) ? 1 : 1 + below(p, BATCH_MAX), at = below(p, RECENT);
	struct frame batch[BATCH_MAX];
	uint8_t ports[BATCH_MAX];

	if (one_in(p, 3)) {
		recent_ports[at] = (uint8_t)below(p, N_PORTS);
		recent[at] = some_frame(p, t[0].ports[recent_ports[at]]);
	}
	for (unsigned int i = 0; i < n; i++) {
		unsigned int which = below(p, RECENT);

		batch[i] = recent[which];
		ports[i] = recent_ports[which];
	}
	for (int i = 0; i < 2; i++) {
		if (is_restored)
			restore(&t[i]);
		change(&t[i], &c);
		if (n == 1)
			arrives_now(&t[i], ports[0], &batch[0]);
		else
			arrive_later(&t[i], batch, ports, n);
	}
	assert_same(&t[0], &t[1]);
	t[0].log.len = t[1].log.len = 0;
}

static void whatever_comes_both_ways_do_the_same(void **state UNUSED)
{
	struct prng p = prng_make();
	struct twin t[2];

	twin_start(&t[0], false);
	twin_start(&t[1], true);
	for (int i = 0; i < N_ROUNDS; i++)
		both(t, &p);
	/* Enough of it went the short way for the comparison to say something. */
	printf("%llu of %d went the short way\n", (unsigned long long)t[0].n_short, N_ROUNDS);
	assert_true(t[0].n_short > N_ROUNDS / 20);
	assert_int_equal(t[1].n_short, 0);
	twin_end(&t[0]);
	twin_end(&t[1]);
}

static void arrives6(struct twin *t, int port, const struct ip6_addr *dst)
{
	struct ip6_hdr hdr = {.src = addr6((unsigned int)port, 2),
			      .dst = *dst,
			      .payload_len = 8,
			      .next_hdr = 253,
			      .hop_limit = 64};
	struct eth_hdr eth = {
		.dst = t->ports[port]->netif.hwaddr, .src = fix_mac(0x55), .type = ETHERTYPE_IPV6};
	struct frame f = {.csum = PKT_CSUM_NONE, .len = ETH_HDR_LEN + IP6_HDR_LEN + 8};

	f.n_lin = f.len;
	eth_hdr_write(f.b, &eth);
	ip6_hdr_write(f.b + ETH_HDR_LEN, &hdr);
	arrives_now(t, port, &f);
}

/* A block of 48 bits and single hosts are remembered; nobody has an address with their names. */
static void address_like_a_blocks_name_goes_the_ordinary_way(void **state UNUSED)
{
	struct ip6_addr block = addr6(0x102, 5), host = addr6(2, 2);
	struct ip6_addr odd = ip6_addr_make(UINT64_C(0x20010db80102), UINT64_MAX - 1);
	struct twin t;

	twin_start(&t, false);
	for (int i = 0; i < 2; i++) {
		arrives6(&t, 1, &block);
		arrives6(&t, 1, &host);
	}
	assert_int_equal(t.n_short, 2);
	arrives6(&t, 1, &odd);
	assert_int_equal(t.n_short, 2);
	twin_end(&t);
}

/*
 * The table.
 */

static const struct siphash_key table_secret = {1, 2};

static struct dst_entry entry(uint64_t i, uint32_t gen)
{
	return (struct dst_entry){.key = {.hi = i % 3, .lo = i * 256}, .gen = gen, .hops = {1, 2}};
}

static void destinations_of_another_generation_are_not_found(void **state UNUSED)
{
	struct dst_cache c = {.entries = NULL};
	struct dst_entry e = entry(7, 1);
	struct mem mem;

	mem_init(&mem, NULL, NULL, 0);
	dst_cache_put(&c, &mem, &table_secret, &e);
	assert_non_null(dst_cache_find(&c, e.key, 1));
	assert_null(dst_cache_find(&c, e.key, 2));
	e = entry(7, 2);
	dst_cache_put(&c, &mem, &table_secret, &e);
	assert_non_null(dst_cache_find(&c, e.key, 2));
	assert_null(dst_cache_find(&c, e.key, 1));
	dst_cache_fini(&c, &mem);
	assert_int_equal(mem.n_bytes, 0);
}

/* How many of `n` destinations that take turns for ever are found. */
static unsigned int n_found(struct dst_cache *c, struct mem *mem, unsigned int n)
{
	unsigned int found = 0;

	for (int round = 0; round < 8; round++) {
		found = 0;
		for (unsigned int i = 0; i < n; i++) {
			struct dst_entry e = entry(i, 5);

			if (c->entries && dst_cache_find(c, e.key, 5))
				found++;
			else
				dst_cache_put(c, mem, &table_secret, &e);
		}
	}
	return found;
}

static void table_grows_with_its_destinations_up_to_its_bound(void **state UNUSED)
{
	struct dst_cache c = {.entries = NULL};
	struct mem mem;

	mem_init(&mem, NULL, NULL, 0);
	assert_int_equal(n_found(&c, &mem, 16), 16);
	assert_int_equal(c.n_places, DST_CACHE_MIN);
	assert_true(n_found(&c, &mem, 1000) > 990);
	assert_true(c.n_places <= 4096);
	assert_true(n_found(&c, &mem, 4000) > 3900);
	(void)n_found(&c, &mem, 100000);
	assert_int_equal(c.n_places, DST_CACHE_MAX);
	assert_true(mem.n_bytes <= (DST_CACHE_MAX + 3) * sizeof(struct dst_entry));
	dst_cache_fini(&c, &mem);
	assert_int_equal(mem.n_bytes, 0);
}

static void *no_memory(void *ctx UNUSED, void *ptr UNUSED, size_t old_bytes UNUSED,
		       size_t new_bytes UNUSED)
{
	return NULL;
}

static void without_memory_nothing_is_remembered(void **state UNUSED)
{
	struct dst_cache c = {.entries = NULL};
	struct dst_entry e = entry(1, 1);
	struct mem mem;

	mem_init(&mem, no_memory, NULL, 0);
	dst_cache_put(&c, &mem, &table_secret, &e);
	assert_null(c.entries);
	dst_cache_fini(&c, &mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_comes_both_ways_do_the_same),
		cmocka_unit_test(address_like_a_blocks_name_goes_the_ordinary_way),
		cmocka_unit_test(destinations_of_another_generation_are_not_found),
		cmocka_unit_test(table_grows_with_its_destinations_up_to_its_bound),
		cmocka_unit_test(without_memory_nothing_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
