/* SPDX-License-Identifier: MIT */
/*
 * A router with two interfaces, and everything that can happen to its Internet layer: frames in,
 * packets of its own out, addresses, routes, settings and interfaces that change, time that passes,
 * memory that runs out. The input is a list of operations; see `ops`.
 *
 * Whatever comes, what the router sends is well formed, and at the end nothing is left.
 */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>

#include "base/csum.h"
#include "core/sysctl.h"
#include "ip/icmp.h"
#include "ip/ip4.h"
#include "link/link.h"
#include "link/loopback.h"
#include "link/neigh.h"
#include "twin.h"
#include "wire/eth.h"

enum {
	N_PORTS = 2,
	TEST_PROTO = 253,
	FRAME_MAX = 4096,
	ROW_FRAME = 60,
	ROW_PAD = 6,
	PLAIN_LEN = 16,
	L4 = ETH_HDR_LEN + IP4_HDR_LEN, /* without IP options */
};

struct world {
	struct engine *eng;
	struct stack *st;
	struct netif ports[N_PORTS];
	struct ip_dst dst; /* kept between packets, as a socket does */
	struct ip_hook hooks[IP_HOOK_POINTS];
	struct ip_hook more;
	enum ip_verdict hook_verdict;
	uint32_t fail_in; /* the allocation that fails, counted from now; 0: none */
	bool has_failed;  /* or may have */
	struct twin *twin;
};

/* The engine's allocator: fails when it is told to. */
static void *world_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct world *w = ctx;

	if (new_bytes > old_bytes && w->fail_in && --w->fail_in == 0)
		return NULL;
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

/*
 * What the router sends.
 */

static void check_icmp(struct world *w, const uint8_t *p, size_t len)
{
	assert(len >= ICMP4_HDR_LEN);
	assert(csum_fold(csum_add(&w->eng->cpu, p, len, 0)) == 0xffff);
	/* An error quotes a datagram that is no error itself. */
	if (icmp4_type_is_error(p[0]) && p[ICMP4_HDR_LEN + 9] == IP_PROTO_ICMP)
		assert(!icmp4_type_is_error(p[ICMP4_HDR_LEN + (p[ICMP4_HDR_LEN] & 0xf) * 4]));
}

static void check_ip(struct world *w, const struct netif *port, const struct pkt *pkt)
{
	static uint8_t copy[FRAME_MAX]; /* the target is no part of src/ */
	uint32_t len = pkt->len - ETH_HDR_LEN;
	bool is_forwarded = pkt->flags & PKT_F_FORWARDED;
	struct ip4_hdr hdr;

	assert(len <= port->mtu && len >= IP4_HDR_LEN && len <= sizeof(copy));
	pkt_copy_out(pkt, ETH_HDR_LEN, copy, len);
	ip4_hdr_read(copy, &hdr);
	assert(ip4_hdr_check(&hdr, len) == IP4_HDR_OK && hdr.tot_len == len);
	assert(ip4_hdr_csum_ok(copy, hdr.hdr_len));
	assert(hdr.ttl > 0);
	assert(!ip4_addr_is_loopback(&hdr.src) && !ip4_addr_is_loopback(&hdr.dst));
	if (is_forwarded)
		assert(!ip4_is_group(hdr.dst) && !ip4_src_is_martian(hdr.src));
	else if (hdr.proto == IP_PROTO_ICMP && !ip4_hdr_is_frag(&hdr))
		check_icmp(w, copy + hdr.hdr_len, len - hdr.hdr_len);
}

static void twin_tx(struct world *w, const struct netif *port, const struct pkt *pkt)
{
	static uint8_t copy[FRAME_MAX]; /* the target is no part of src/ */
	uint32_t len = pkt->len < sizeof(copy) ? pkt->len : (uint32_t)sizeof(copy);

	pkt_copy_out(pkt, 0, copy, len);
	twin_add_frame(w->twin, port->index, w->eng->now_ns, copy, len);
}

static void port_tx(struct netif *port, struct pkt *pkt)
{
	struct eth_hdr eth;

	assert(pkt->gso_size == 0 && pkt->n_frags == 0 && pkt->lin_len >= ETH_HDR_LEN);
	eth_hdr_read(pkt->data, &eth);
	if (eth.type == ETHERTYPE_IPV4)
		check_ip(port->priv, port, pkt);
	twin_tx(port->priv, port, pkt);
	pkt_free(pkt);
}

static const struct netif_ops port_ops = {.kind = "fuzz", .tx = port_tx};

/*
 * What is above and around the Internet layer.
 */

static enum drop proto_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	assert(info->proto == TEST_PROTO || info->proto == IP_PROTO_TCP);
	assert(pkt_off(pkt) == pkt->l4_off);
	assert(!ip_addr_is_unspecified(&info->dst));
	if (pkt->len && pkt->lin_len && pkt->data[0] & 1)
		return DROP_UDP_NO_PORT;
	if (pkt->len && pkt->lin_len && pkt->data[0] & 2)
		return DROP_TCP_NO_SOCKET;
	(void)st;
	pkt_free(pkt);
	return DROP_NONE;
}

static void proto_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
			uint32_t quote_len)
{
	uint8_t copy[FRAME_MAX];

	assert(quote_len >= ICMP4_QUOTE_L4_MIN && quote_len <= sizeof(copy));
	memcpy(copy, quote, quote_len); /* all of it can be read */
	assert(err->err > 0 && ip_addr_is_local(st, &err->src));
}

static const struct ip_proto test_proto = {
	.proto = TEST_PROTO, .input = proto_input, .error = proto_error};
static const struct ip_proto rude_proto = {
	.proto = IP_PROTO_TCP, .input = proto_input, .error = proto_error};

static enum drop take_reply(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	(void)st;
	(void)info;
	pkt_free(pkt);
	return DROP_NONE;
}

static bool take_raw(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	(void)st;
	(void)pkt;
	return info->proto == 77;
}

static enum ip_verdict judge(struct ip_hook *hook, struct pkt *pkt, struct ip_hook_ctx *ctx)
{
	struct world *w = container_of(hook, struct world, hooks[ctx->point]);

	assert(pkt_off(pkt) == pkt->l3_off);
	ctx->why = DROP_IP_ROUTE_PROHIBIT;
	if (w->hook_verdict == IP_STOLEN)
		pkt_free(pkt);
	return w->hook_verdict;
}

static enum ip_verdict pass(struct ip_hook *hook, struct pkt *pkt, struct ip_hook_ctx *ctx)
{
	assert(hook->fn == pass && pkt_off(pkt) == pkt->l3_off && ctx->st);
	return IP_ACCEPT;
}

/*
 * Operations.
 */

static struct netif *rd_port(struct world *w, struct rd *r)
{
	return &w->ports[rd_u8(r) % N_PORTS];
}

/* Mostly an address of the world, sometimes any. */
static struct ip4_addr rd_addr(struct rd *r)
{
	static const uint8_t known[][4] = {{10, 0, 0, 1},  {10, 0, 0, 2},        {10, 0, 0, 255},
					   {10, 0, 1, 1},  {10, 0, 1, 2},        {10, 0, 1, 255},
					   {127, 0, 0, 1}, {255, 255, 255, 255}, {224, 0, 0, 1},
					   {0, 0, 0, 0},   {10, 0, 0, 99},       {192, 0, 2, 1},
					   {127, 0, 0, 9}, {10, 0, 0, 0},        {169, 254, 0, 1}};
	uint8_t i = rd_u8(r);
	struct ip4_addr a;

	if (i < ARRAY_SIZE(known))
		memcpy(&a, known[i], sizeof(a));
	else
		rd_copy(r, &a, sizeof(a));
	return a;
}

enum {
	FRAME_SEAL_IP = 1 << 0, /* make the header checksum right */
	FRAME_SEAL_ICMP = 1 << 1,
	FRAME_PARTIAL = 1 << 2,
	FRAME_GSO = 1 << 3,
	FRAME_RAW = 1 << 4, /* the Ethernet header is in the input too */
	FRAME_FRAGS = 1 << 5,
	FRAME_TOTLEN = 1 << 6, /* make the total length right */
};

static void frame_seal(struct world *w, uint8_t flags, uint8_t *p, size_t len)
{
	size_t hdr_len;

	if (len < IP4_HDR_LEN)
		return;
	if (flags & FRAME_TOTLEN)
		store_be16(p + 2, (uint16_t)len);
	hdr_len = (size_t)(p[0] & 0xf) * 4;
	if (hdr_len < IP4_HDR_LEN || hdr_len > len)
		return;
	if ((flags & FRAME_SEAL_ICMP) && len - hdr_len >= ICMP4_HDR_LEN) {
		icmp4_csum_store(p + hdr_len, 0);
		icmp4_csum_store(p + hdr_len, csum_finish(csum_add(&w->eng->cpu, p + hdr_len,
								   len - hdr_len, 0)));
	}
	if (flags & FRAME_SEAL_IP)
		ip4_hdr_csum_set(p, hdr_len);
}

/* The packet for a frame; with FRAME_FRAGS all behind its first 24 bytes is in a fragment. */
static struct pkt *frame_pkt(struct world *w, uint8_t flags, const uint8_t *p, size_t len)
{
	uint32_t n_lin = (flags & FRAME_FRAGS) && len > 24 ? 24 : (uint32_t)len;
	struct pkt *pkt = pkt_alloc(&w->eng->pkts, n_lin);
	struct buf *buf;

	if (!pkt)
		return NULL;
	memcpy(pkt_put(pkt, n_lin), p, n_lin);
	if (n_lin == len)
		return pkt;
	buf = buf_alloc(&w->eng->pkts, (uint32_t)len - n_lin);
	if (!buf) {
		pkt_free(pkt);
		return NULL;
	}
	memcpy(buf->bytes, p + n_lin, len - n_lin);
	(void)!pkt_add_frag(pkt, buf, 0, (uint32_t)len - n_lin);
	buf_unref(buf);
	return pkt;
}

static void op_frame(struct world *w, struct rd *r)
{
	struct netif *port = rd_port(w, r);
	uint8_t flags = rd_u8(r);
	uint16_t gso_size = rd_be16(r);
	size_t len = rd_be16(r) % 2000, off = 0;
	uint8_t frame[ETH_HDR_LEN + 2000];
	struct pkt *pkt;
	bool is_partial;

	if (!(flags & FRAME_RAW)) {
		eth_hdr_write(frame, &(struct eth_hdr){.dst = port->hwaddr,
						       .src = ETH_ADDR(2, 0, 0, 0, 9, 9),
						       .type = ETHERTYPE_IPV4});
		off = ETH_HDR_LEN;
	}
	len = len < rd_left(r) ? len : rd_left(r);
	rd_copy(r, frame + off, len);
	len += off;
	if (len > ETH_HDR_LEN)
		frame_seal(w, flags, frame + ETH_HDR_LEN, len - ETH_HDR_LEN);
	/* Devices and peers in the process hand over such states only for what they have parsed. */
	is_partial = (flags & FRAME_PARTIAL) && len >= L4 + 20 && (frame[ETH_HDR_LEN] & 0xf) == 5;
	if (is_partial && frame[ETH_HDR_LEN + 9] == IP_PROTO_ICMP)
		icmp4_csum_store(frame + L4, 0); /* there is no pseudo-header */
	pkt = frame_pkt(w, flags, frame, len);
	if (!pkt)
		return;
	if (is_partial) {
		pkt->csum = PKT_CSUM_PARTIAL;
		pkt->csum_start = (uint16_t)(pkt_off(pkt) + L4);
		pkt->csum_off = frame[ETH_HDR_LEN + 9] == IP_PROTO_TCP ? 16 : 2;
		if ((flags & FRAME_GSO) && gso_size && frame[ETH_HDR_LEN + 9] == IP_PROTO_TCP) {
			pkt->gso_size = gso_size;
			pkt->gso_type = PKT_GSO_TCP4;
		}
	}
	netif_rx(port, pkt);
}

/* A row of frames that wait for their turn, to destinations that follow each other; one of them has
 * a byte that is another. */
static void op_row(struct world *w, struct rd *r)
{
	struct netif *port = rd_port(w, r);
	uint8_t what = rd_u8(r), n = 1 + what % 8, odd = rd_u8(r), with = rd_u8(r);
	struct ip4_addr src = rd_addr(r), dst = rd_addr(r);
	uint8_t frame[ROW_FRAME] = {0};
	struct ip4_hdr hdr = {.version = 4,
			      .hdr_len = IP4_HDR_LEN,
			      .tot_len = ROW_FRAME - ETH_HDR_LEN - ROW_PAD,
			      .ttl = 64,
			      .proto = TEST_PROTO,
			      .src = src,
			      .dst = dst};
	struct pkt *pkt;

	eth_hdr_write(frame, &(struct eth_hdr){.dst = port->hwaddr,
					       .src = ETH_ADDR(2, 0, 0, 0, 9, 9),
					       .type = ETHERTYPE_IPV4});
	for (uint8_t i = 0; i < n; i++) {
		bool is_odd = i == odd % 8;

		hdr.dst.b[what & 8 ? 2 : 3] = (uint8_t)(dst.b[what & 8 ? 2 : 3] + i);
		ip4_hdr_write(frame + ETH_HDR_LEN, &hdr);
		frame[odd >> 3] ^= is_odd ? with : 0;
		if (!is_odd || what & 16)
			ip4_hdr_csum_set(frame + ETH_HDR_LEN, IP4_HDR_LEN);
		pkt = frame_pkt(w, is_odd && what & 32 ? FRAME_FRAGS : 0, frame, sizeof(frame));
		frame[odd >> 3] ^= is_odd ? with : 0;
		if (pkt)
			netif_rx_later(is_odd && what & 64 ? &w->ports[what >> 7] : port, pkt);
	}
}

/* A small one by a route that is known: the straight way, where it is one. */
static void output_plain(struct world *w, const struct ip_out *out, uint8_t fill)
{
	const struct ip_plain plain = {.dst = &w->dst,
				       .src = &out->flow.src,
				       .to = &out->flow.dst,
				       .proto = TEST_PROTO,
				       .ttl = out->ttl};
	struct pkt *pkt = pkt_alloc(&w->eng->pkts, 0);

	if (!pkt)
		return;
	memset(pkt_put(pkt, PLAIN_LEN), fill, PLAIN_LEN);
	pkt->l4_off = pkt_off(pkt);
	if (ip4_output_plain(w->st, pkt, &plain) == IP_NOT_PLAIN)
		(void)!ip_output(w->st, pkt, out);
}

static void op_output(struct world *w, struct rd *r)
{
	struct ip4_addr dst = rd_addr(r), src = rd_addr(r);
	uint8_t flags = rd_u8(r);
	uint16_t more = rd_be16(r), len = more % 2000;
	struct ip_out out = {.flow = {.dst = ip_addr_from_ip4(&dst),
				      .oif = flags & 1 ? w->ports[flags >> 7].index : 0,
				      .proto = flags & 64 ? IP_PROTO_ICMP : TEST_PROTO},
			     .df = flags & 2,
			     .may_broadcast = flags & 4,
			     .ttl = more & 0x8000 ? 3 : 0,
			     .no_frag = more & 0x4000,
			     .df_if_fits = more & 0x2000,
			     .ignore_pmtu = more & 0x1000,
			     .no_loop = more & 0x800};
	struct pkt *pkt;

	if (!(flags & 8))
		out.flow.src = ip_addr_from_ip4(&src);
	if (ip_route(w->st, &out.flow, &w->dst, &out.flow.src) == 0 && (flags & 16))
		out.dst = &w->dst;
	if (flags & 32)
		ip_dst_confirm(w->st, &w->dst);
	if (flags & 64)
		return;
	if (out.dst && more & 0x400) {
		output_plain(w, &out, flags);
		return;
	}
	pkt = pkt_alloc(&w->eng->pkts, len);
	if (!pkt)
		return;
	memset(pkt_put(pkt, len), flags, len);
	pkt->l4_off = pkt_off(pkt);
	(void)!ip_output(w->st, pkt, &out);
}

static void op_addr(struct world *w, struct rd *r)
{
	struct netif *port = rd_port(w, r);
	struct ip4_addr a = rd_addr(r);
	uint8_t len = rd_u8(r) % 34;

	if (rd_u8(r) & 1)
		(void)!ip4_addr_add(port, a, len);
	else
		(void)!ip4_addr_del(port, a, len);
}

static void op_route(struct world *w, struct rd *r)
{
	static const uint8_t types[] = {ROUTE_UNICAST,   ROUTE_UNICAST,  ROUTE_UNREACHABLE,
					ROUTE_BLACKHOLE, ROUTE_PROHIBIT, ROUTE_LOCAL};
	uint8_t flags = rd_u8(r);
	struct ip4_addr dst = rd_addr(r);
	struct fib4_route route = {.prefix_len = rd_u8(r) % 34,
				   .metric = flags & 3,
				   .netif = flags & 4 ? rd_port(w, r) : NULL,
				   .type = types[rd_u8(r) % ARRAY_SIZE(types)]};

	route.dst =
		route.prefix_len > 32
			? dst
			: ip4_addr_from_u32(ip4_addr_u32(&dst) & ip4_prefix_mask(route.prefix_len));
	if (flags & 8)
		route.via = rd_addr(r);
	if (flags & 16)
		route.src = rd_addr(r);
	if (flags & 32)
		(void)!ip4_route_del(w->st, &(struct fib4_key){.dst = route.dst,
							       .prefix_len = route.prefix_len,
							       .has_metric = flags & 64,
							       .metric = route.metric,
							       .netif = route.netif,
							       .via = route.via});
	else if (flags & 128)
		(void)!ip4_route_append(w->st, &route, flags & 64);
	else
		(void)!ip4_route_add(w->st, &route);
}

static void op_netif(struct world *w, struct rd *r)
{
	struct netif *port = rd_port(w, r);
	uint8_t what = rd_u8(r);

	switch (what % 4) {
	case 0:
		netif_set_up(port, what & 4);
		break;
	case 1:
		netif_set_carrier(port, what & 4);
		break;
	case 2:
		(void)!netif_set_mtu(port, 60 + what * 8u);
		break;
	case 3:
		neigh_flush(port, what & 4);
	}
}

static void op_sysctl(struct world *w, struct rd *r)
{
	static const char *const names[] = {
		"net.ipv4.ip_forward",
		"net.ipv4.icmp_echo_ignore_broadcasts",
		"net.ipv4.icmp_echo_ignore_all",
		"net.ipv4.icmp_ratelimit",
		"net.ipv4.icmp_msgs_burst",
		"net.ipv4.ip_default_ttl",
		"net.ipv4.icmp_ratemask",
		"net.ipv4.conf.all.rp_filter",
		"net.ipv4.conf.all.send_redirects",
		"net.ipv4.ipfrag_high_thresh",
		"net.ipv4.ipfrag_time",
		"net.ipv4.conf.eth0.forwarding",
		"net.ipv4.conf.eth0.bc_forwarding",
		"net.ipv4.conf.all.accept_source_route",
		"net.ipv4.conf.eth0.arp_ignore",
		"net.ipv4.conf.eth0.arp_announce",
		"net.ipv4.conf.eth0.arp_filter",
		"net.ipv4.conf.eth0.arp_accept",
	};
	const char *name = names[rd_u8(r) % ARRAY_SIZE(names)];
	int64_t value;

	(void)!sysctl_set(w->st, name, rd_u8(r));
	(void)!sysctl_get(w->st, name, &value);
}

static void op_time(struct world *w, struct rd *r)
{
	int64_t end_ns = w->eng->now_ns + (int64_t)rd_u8(r) * 100000000;
	int64_t next_ns;

	while ((next_ns = engine_next_ns(w->eng)) <= end_ns)
		(void)engine_run(w->eng, next_ns);
	(void)engine_run(w->eng, end_ns);
}

static void op_hook(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r);
	struct ip_hook *hook = &w->hooks[what % IP_HOOK_POINTS];

	w->hook_verdict = (enum ip_verdict)((what >> 3 & 7) % 3);
	if (list_is_linked(&hook->link)) {
		ip_hook_del(hook);
		return;
	}
	hook->priority = what & 128 ? -1 : 0;
	ip_hook_add(&w->st->ip4->hooks, (enum ip_hook_point)(what % IP_HOOK_POINTS), hook);
}

static void op_fail(struct world *w, struct rd *r)
{
	w->fail_in = rd_u8(r);
	w->has_failed = true;
}

static bool count_route(void *arg, const struct fib4_route *r)
{
	uint32_t *n = arg;

	assert(r->prefix_len <= 32);
	++*n;
	return true;
}

/* The table agrees with itself, and with the table of our addresses. */
static void op_check(struct world *w, struct rd *r)
{
	struct ip4_addr a = rd_addr(r);
	const struct fib4_route *route = fib4_lookup(&w->st->ip4->fib, a);
	uint32_t n = 0;

	fib4_for_each(&w->st->ip4->fib, count_route, &n);
	assert(n == w->st->ip4->fib.n_routes);
	assert(!route || (!route->is_dead && ip4_in_prefix(&a, &route->dst, route->prefix_len)));
}

/* A second hook at a point, before or behind the other. */
static void op_more_hook(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r);
	struct ip_hook *hook = &w->more;

	if (list_is_linked(&hook->link)) {
		ip_hook_del(hook);
		return;
	}
	hook->priority = (what >> 4 & 3) - 1;
	ip_hook_add(&w->st->ip4->hooks, (enum ip_hook_point)(what % IP_HOOK_POINTS), hook);
}

/* What transports know of paths, and what is asked about addresses. */
static void op_path(struct world *w, struct rd *r)
{
	struct ip4_addr a = rd_addr(r), src;
	struct ip_addr addr = ip_addr_from_ip4(&a);
	uint16_t mtu = rd_be16(r);

	ip_pmtu_learn(w->st, &addr, mtu);
	if (mtu & 1)
		ip_pmtu_conf_set(w->st, mtu, mtu >> 12);
	(void)ip_addr_is_local(w->st, &addr);
	(void)!ip4_addr_select(w->st, &w->ports[mtu & 1], a, &src);
}

static void (*const ops[])(struct world *w, struct rd *r) = {
	op_frame, op_frame, op_frame,     op_frame,  op_output, op_output, op_addr,
	op_route, op_route, op_netif,     op_sysctl, op_time,   op_hook,   op_fail,
	op_check, op_frame, op_more_hook, op_path,   op_row,
};

/*
 * The world.
 */

static void port_add(struct world *w, int i)
{
	struct netif *port = &w->ports[i];
	struct ip_addr peer4 = ip_addr_from_ip4(&IP4_ADDR(10, 0, (uint8_t)i, 2));
	struct eth_addr peer = ETH_ADDR(2, 0, 0, 0, 1, (uint8_t)i);

	port->ops = &port_ops;
	port->priv = w;
	port->mtu = ETH_MTU;
	port->flags = NETIF_BROADCAST | NETIF_CARRIER;
	port->hwaddr = ETH_ADDR(2, 0, 0, 0, 0, (uint8_t)i);
	if (netif_add(w->st, port, i ? "eth1" : "eth0") < 0)
		abort();
	netif_set_up(port, true);
	if (ip4_addr_add(port, IP4_ADDR(10, 0, (uint8_t)i, 1), 24) < 0 ||
	    neigh_add_permanent(port, &peer4, &peer) < 0)
		abort();
}

static void world_init(struct world *w)
{
	struct engine_config cfg = {
		.now_ns = 1, .has_seed = true, .seed = 1, .realloc = world_realloc, .mem_ctx = w};
	struct netif *lo;

	if (engine_new(&cfg, &w->eng) < 0)
		abort();
	w->st = stack_new(w->eng, "router");
	if (!w->st || link_init(w->st) < 0 || ip4_init(w->st) < 0 ||
	    stack_ip_proto_add(w->st, &test_proto) < 0 ||
	    stack_ip_proto_add(w->st, &rude_proto) < 0 || loopback_new(w->st, "lo", &lo) < 0)
		abort();
	netif_set_up(lo, true);
	for (int i = 0; i < N_PORTS; i++)
		port_add(w, i);
	if (sysctl_set(w->st, "net.ipv4.ip_forward", 1) < 0)
		abort();
	w->st->raw_input = take_raw;
	w->st->icmp->echo_reply = take_reply;
	w->st->icmp->echo_error = proto_error;
	for (int i = 0; i < IP_HOOK_POINTS; i++) {
		list_init(&w->hooks[i].link);
		w->hooks[i].fn = judge;
	}
	list_init(&w->more.link);
	w->more.fn = pass;
}

/* True: some of it may have gone a short way. */
static bool run(struct twin *twin, const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));
	struct rd r = rd_make(data, size);
	bool is_due;

	if (!w)
		return false;
	w->twin = twin;
	world_init(w);
	if (twin->is_second)
		twin_no_short(w->st);
	while (rd_left(&r)) {
		ops[rd_u8(&r) % ARRAY_SIZE(ops)](w, &r);
		while (engine_run(w->eng, w->eng->now_ns))
			;
		for (int i = 0; i < N_PORTS; i++)
			twin_add(twin, &w->ports[i].stats, sizeof(w->ports[i].stats));
		twin_add_stack(twin, w->st);
		twin_step(twin);
	}
	w->fail_in = 0;
	is_due = !w->has_failed && twin_is_due(w->st);
	stack_free(w->st);
	engine_free(w->eng);
	free(w);
	return is_due;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	twin_run(run, data, size);
	return 0;
}
