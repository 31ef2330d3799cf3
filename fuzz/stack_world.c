/* SPDX-License-Identifier: MIT */
/* See stack_world.h. */
#include "stack_world.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"
#include "base/csum.h"
#include "ip/ip4.h"
#include "transport/tcp/tcp_priv.h"
#include "wire/eth.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip6.h"
#include "wire/pseudo.h"
#include "wire/udp.h"

static struct world *world_of_port(const uint8_t *id)
{
	return container_of(id - *id, struct world, port_ids[0]);
}

/*
 * Memory.
 */

static void *world_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct world *w = ctx;
	void *p;

	if (new_bytes > old_bytes && w->fail_in && --w->fail_in == 0) {
		w->fail_in = w->fail_again;
		return NULL;
	}
	w->mem_bytes += new_bytes - old_bytes;
	if (new_bytes == 0) {
		free(ptr);
		return NULL;
	}
	p = realloc(ptr, new_bytes);
	if (!p)
		abort();
	return p;
}

/*
 * What the stack sends.
 */

static void check_tcp(const struct world *w, const uint8_t *p, size_t len, uint64_t pseudo)
{
	struct tcp_hdr hdr;
	struct tcp_opts opts;
	uint32_t seq;

	assert(len >= TCP_HDR_LEN);
	assert(csum_fold(csum_add(w->peer.cpu, p, len, pseudo)) == 0xffff);
	tcp_hdr_read(p, &hdr);
	assert(tcp_hdr_len_ok(&hdr, len));
	assert(tcp_opts_parse(p + TCP_HDR_LEN, (size_t)(hdr.data_off - TCP_HDR_LEN), &opts) == 0);
	assert(!(hdr.flags & TCP_F_SYN) || !(hdr.flags & (TCP_F_FIN | TCP_F_RST)));
	seq = hdr.seq + !!(hdr.flags & TCP_F_SYN);
	assert(w->is_blind || memcmp(p + hdr.data_off, peer_bytes(seq), len - hdr.data_off) == 0);
}

static void check_l4(const struct world *w, uint8_t proto, const uint8_t *p, size_t len,
		     uint64_t pseudo)
{
	switch (proto) {
	case IP_PROTO_TCP:
		check_tcp(w, p, len, pseudo);
		break;
	case IP_PROTO_UDP:
		assert(len >= UDP_HDR_LEN && load_be16(p + 4) == len);
		assert(csum_fold(csum_add(w->peer.cpu, p, len, pseudo)) == 0xffff);
		break;
	case IP_PROTO_ICMP:
	case IP_PROTO_IGMP:
		assert(csum_fold(csum_add(w->peer.cpu, p, len, 0)) == 0xffff);
		break;
	case IP_PROTO_ICMPV6:
		assert(csum_fold(csum_add(w->peer.cpu, p, len, pseudo)) == 0xffff);
		break;
	default:
		assert(proto == RAW_PROTO);
		break;
	}
}

/* Nothing is forwarded with an address of the router as its source. An interface that has gone took
 * its address along. */
static bool is_ours(const struct world *w, const struct ip4_addr *src)
{
	return !w->is_renumbered && src->b[0] == 10 && src->b[1] == 0 && src->b[2] < PEER_PORTS &&
	       src->b[3] == 1 && w->ports[src->b[2]];
}

static bool is_ours6(const struct world *w, const struct ip6_addr *src)
{
	for (uint8_t i = 0; !w->is_renumbered && w->has_ip6 && i < PEER_PORTS; i++)
		if (w->ports[i] && ip6_addr_eq(src, &(struct ip6_addr){{0xfd, [7] = i, [15] = 1}}))
			return true;
	return false;
}

static void check_ip4(const struct world *w, const uint8_t *p, size_t len)
{
	struct ip4_hdr ip;

	assert(len >= IP4_HDR_LEN);
	ip4_hdr_read(p, &ip);
	assert(ip4_hdr_check(&ip, len) == IP4_HDR_OK);
	assert(ip.tot_len == len);
	assert(ip4_hdr_csum_ok(p, ip.hdr_len) && ip.ttl > 0);
	assert(!ip4_addr_is_loopback(&ip.src) && !ip4_addr_is_loopback(&ip.dst));
	len = ip.tot_len - (size_t)ip.hdr_len;
	if (!ip4_hdr_is_frag(&ip) && is_ours(w, &ip.src))
		check_l4(w, ip.proto, p + ip.hdr_len, len,
			 pseudo4_sum(&ip.src, &ip.dst, ip.proto, (uint16_t)len));
}

static void check_ip6(const struct world *w, const uint8_t *p, size_t len)
{
	struct ip6_hdr ip;

	assert(len >= IP6_HDR_LEN);
	ip6_hdr_read(p, &ip);
	assert(ip6_hdr_check(&ip, len) == IP6_HDR_OK);
	assert(ip.payload_len == len - IP6_HDR_LEN && ip.hop_limit > 0);
	assert(!ip6_addr_is_loopback(&ip.src) && !ip6_addr_is_loopback(&ip.dst));
	if (ip.next_hdr != IP_PROTO_HOPOPTS && ip.next_hdr != IP_PROTO_FRAGMENT &&
	    is_ours6(w, &ip.src))
		check_l4(w, ip.next_hdr, p + IP6_HDR_LEN, ip.payload_len,
			 pseudo6_sum(&ip.src, &ip.dst, ip.next_hdr, ip.payload_len));
}

static void check_frame(const struct world *w, const uint8_t *frame, size_t len)
{
	assert(len >= ETH_HDR_LEN);
	if (w->is_forged)
		return;
	if (load_be16(frame + 12) == ETHERTYPE_IPV4)
		check_ip4(w, frame + ETH_HDR_LEN, len - ETH_HDR_LEN);
	else if (load_be16(frame + 12) == ETHERTYPE_IPV6)
		check_ip6(w, frame + ETH_HDR_LEN, len - ETH_HDR_LEN);
}

static int port_tx(void *arg, const void *frame, size_t len)
{
	const uint8_t *id = arg;
	struct world *w = world_of_port(id);

	w->n_tx++;
	assert(w->n_tx < TX_OP_MAX);
	check_frame(w, frame, len);
	twin_add_frame(w->twin, *id, weft_engine_now_ns(w->eng), frame, len);
	if (w->port_refuses)
		return -ENOBUFS;
	peer_learn(&w->peer, *id, frame, len);
	return 0;
}

/*
 * The state of the stack.
 */

static void check_stack(struct stack *st)
{
	struct list *link;
	struct sock *sk;
	uint32_t n_tw = 0;

	list_for_each (sk, &st->socks->all, link)
		if (sk->proto == &tcp_proto)
			tcp_conn_check(tcp_conn_of(sk));
	for (link = st->tcp->tw.next; link != &st->tcp->tw; link = link->next)
		n_tw++;
	assert(n_tw == st->tcp->n_tw && n_tw <= 1000);
}

void world_check(struct world *w)
{
	struct weft_engine_stats stats;

	check_stack(stack_of(w->st));
	if (w->far)
		check_stack(stack_of(w->far));
	weft_engine_stats(w->eng, &stats);
	assert(stats.mem_bytes == w->mem_bytes && stats.mem_bytes <= MEM_MAX);
}

/* Until nothing is left to do at `now_ns`. */
static uint32_t world_run(struct world *w, int64_t now_ns)
{
	uint32_t n = 1;

	while (weft_engine_run(w->eng, now_ns)) {
		n++;
		assert(n < RUN_OP_MAX);
	}
	return n;
}

void world_settle(struct world *w)
{
	world_run(w, weft_engine_now_ns(w->eng));
}

void world_jump(struct world *w, int64_t ns)
{
	world_run(w, weft_engine_now_ns(w->eng) + ns);
	w->peer.now_ms = (uint32_t)(weft_engine_now_ns(w->eng) / 1000000);
}

void world_advance(struct world *w, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(w->eng) + ns, next_ns;
	uint32_t n = 0;

	while ((next_ns = weft_engine_next_ns(w->eng)) <= end_ns) {
		n += world_run(w, next_ns);
		assert(n < RUN_OP_MAX);
	}
	world_jump(w, end_ns - weft_engine_now_ns(w->eng));
}

/*
 * Sockets.
 */

struct slot *slot_free(struct world *w)
{
	for (int i = 0; i < SLOTS; i++)
		if (!w->slots[i].s)
			return &w->slots[i];
	return NULL;
}

bool slot_is_tcp(const struct slot *slot)
{
	return sock_of_const(slot->s)->proto == &tcp_proto;
}

void slot_close(struct slot *slot, bool abort)
{
	if (abort)
		weft_abort(slot->s);
	else
		weft_close(slot->s);
	*slot = (struct slot){.w = slot->w};
}

/* What the stream brought is what the peer sent. */
void slot_check_read(struct slot *slot, const uint8_t *p, size_t n, bool is_peek)
{
	const struct tcp_conn *conn = tcp_conn_of(sock_of(slot->s));
	uint32_t before = conn->irs + 1 + slot->n_read;
	uint32_t seq = is_peek ? tcp_copied_seq(conn) + tcp_urg_skip(conn)
			       : tcp_copied_seq(conn) - (uint32_t)n;

	/* Urgent bytes, which were skipped, may lie between. */
	assert(seq_leq(before, seq));
	assert(!p || slot->w->is_blind || memcmp(p, peer_bytes(seq), n) == 0);
	if (!is_peek)
		slot->n_read = seq + (uint32_t)n - (conn->irs + 1);
}

ptrdiff_t slot_recv(struct slot *slot, size_t len, uint32_t flags)
{
	uint8_t *buf = slot->w->buf;
	ptrdiff_t n = weft_recv(slot->s, buf, len, flags);

	assert(n <= (ptrdiff_t)len || (flags & WEFT_MSG_TRUNC));
	if (n > 0 && slot_is_tcp(slot) && !(flags & WEFT_MSG_OOB))
		slot_check_read(slot, flags & WEFT_MSG_TRUNC ? NULL : buf, (size_t)n,
				flags & WEFT_MSG_PEEK);
	return n;
}

/* The bytes that the stream, or anything else, carries next. Who writes headers writes those of the
 * peer's last frame. */
void slot_fill(struct slot *slot, size_t len)
{
	struct sock *sk = sock_of(slot->s);
	uint32_t seq = slot_is_tcp(slot) ? tcp_conn_of(sk)->snd_end : 0;
	const struct peer *p = &slot->w->peer;
	size_t skip = slot->hdrs == SLOT_IP_HDR ? ETH_HDR_LEN : 0;

	memcpy(slot->w->buf, peer_bytes(seq), len);
	if (slot->hdrs != SLOT_NO_HDRS && p->len > skip)
		memcpy(slot->w->buf, p->frame + skip, len < p->len - skip ? len : p->len - skip);
	/* An echo request begins with its type. */
	if (sk->proto->type == WEFT_SOCK_DGRAM && len >= 2) {
		if (sk->conn.proto == IP_PROTO_ICMP)
			slot->w->buf[0] = ICMP4_ECHO, slot->w->buf[1] = 0;
		else if (sk->conn.proto == IP_PROTO_ICMPV6)
			slot->w->buf[0] = ICMP6_ECHO, slot->w->buf[1] = 0;
	}
}

ptrdiff_t slot_send(struct slot *slot, size_t len, uint32_t flags)
{
	ptrdiff_t n;

	if (slot->is_mute)
		return 0;
	slot_fill(slot, len);
	n = weft_send(slot->s, slot->w->buf, len, flags);
	assert(n <= (ptrdiff_t)len);
	return n;
}

static void on_event(struct weft_sock *s, void *arg, uint32_t events);

void slot_serve(struct slot *slot, enum serve serve)
{
	slot->serve = (uint8_t)serve;
	weft_on_event(slot->s, serve == SERVE_NOTHING ? NULL : on_event, slot);
}

void slot_set(struct slot *slot, struct weft_sock *s, enum serve serve)
{
	*slot = (struct slot){.w = slot->w, .s = s};
	slot_serve(slot, serve);
}

static void serve_accept(struct slot *slot)
{
	struct weft_sockaddr peer;
	struct weft_sock *s;
	struct slot *new;

	while (weft_accept(slot->s, &s, &peer) == 0) {
		new = slot_free(slot->w);
		if (new)
			slot_set(new, s, SERVE_ECHO);
		else
			weft_close(s);
	}
}

static void serve_echo(struct slot *slot, bool answer)
{
	ptrdiff_t n = 0;

	while ((!answer || slot->n_served < SERVE_MAX) && (n = slot_recv(slot, 3000, 0)) > 0) {
		slot->n_served += (uint32_t)n;
		if (answer)
			(void)slot_send(slot, (size_t)n, 0);
	}
	if (slot_is_tcp(slot) && (n == 0 || (n < 0 && n != -EAGAIN)))
		slot_close(slot, false);
}

static void on_event(struct weft_sock *s, void *arg, uint32_t events)
{
	struct slot *slot = arg;

	assert(slot->s == s && events);
	(void)weft_events(s);
	switch ((enum serve)slot->serve) {
	case SERVE_ACCEPT:
		serve_accept(slot);
		break;
	case SERVE_ECHO:
	case SERVE_DRAIN:
		serve_echo(slot, slot->serve == SERVE_ECHO);
		break;
	case SERVE_CLOSE:
	case SERVE_ABORT:
		slot_close(slot, slot->serve == SERVE_ABORT);
		break;
	default:
		break;
	}
}

struct slot *world_socket(struct world *w, uint8_t kind, enum serve serve)
{
	static const struct {
		int family, type, proto;
		enum slot_hdrs hdrs;
	} kinds[] = {
		{WEFT_AF_INET, WEFT_SOCK_STREAM, 0, SLOT_NO_HDRS},
		{WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, SLOT_NO_HDRS},
		{WEFT_AF_INET, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP, SLOT_NO_HDRS},
		{WEFT_AF_INET, WEFT_SOCK_RAW, RAW_PROTO, SLOT_NO_HDRS},
		{WEFT_AF_INET, WEFT_SOCK_RAW, WEFT_IPPROTO_TCP, SLOT_NO_HDRS},
		{WEFT_AF_INET, WEFT_SOCK_RAW, WEFT_IPPROTO_ICMP, SLOT_NO_HDRS},
		{WEFT_AF_INET, WEFT_SOCK_STREAM, WEFT_IPPROTO_UDP, SLOT_NO_HDRS},
		{WEFT_AF_INET, 99, 0, SLOT_NO_HDRS},
		{WEFT_AF_INET6, WEFT_SOCK_STREAM, 0, SLOT_NO_HDRS},
		{WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0, SLOT_NO_HDRS},
		{WEFT_AF_INET6, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMPV6, SLOT_NO_HDRS},
		{WEFT_AF_INET6, WEFT_SOCK_RAW, RAW_PROTO, SLOT_NO_HDRS},
		{WEFT_AF_INET6, WEFT_SOCK_RAW, WEFT_IPPROTO_ICMPV6, SLOT_NO_HDRS},
		{WEFT_AF_INET, WEFT_SOCK_RAW, WEFT_IPPROTO_RAW, SLOT_IP_HDR},
		{WEFT_AF_PACKET, WEFT_SOCK_RAW, WEFT_ETH_P_ALL, SLOT_ETH_HDR},
		{WEFT_AF_PACKET, WEFT_SOCK_DGRAM, ETHERTYPE_IPV4, SLOT_IP_HDR},
		{WEFT_AF_PACKET, WEFT_SOCK_RAW, 0, SLOT_ETH_HDR},
		{WEFT_AF_PACKET, WEFT_SOCK_DGRAM, WEFT_ETH_P_ALL, SLOT_IP_HDR},
		{WEFT_AF_INET6, WEFT_SOCK_RAW, WEFT_IPPROTO_UDP, SLOT_NO_HDRS},
		{WEFT_AF_PACKET, WEFT_SOCK_STREAM, 0, SLOT_NO_HDRS},
		{77, WEFT_SOCK_STREAM, 0, SLOT_NO_HDRS},
		{WEFT_AF_INET6, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP, SLOT_NO_HDRS},
		{WEFT_AF_INET, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMPV6, SLOT_NO_HDRS},
		{WEFT_AF_INET6, WEFT_SOCK_RAW, WEFT_IPPROTO_RAW, SLOT_IP_HDR},
		{WEFT_AF_INET, WEFT_SOCK_RAW, WEFT_IPPROTO_UDP, SLOT_NO_HDRS},
	};
	struct slot *slot = slot_free(w);
	struct weft_sock *s;

	kind %= ARRAY_SIZE(kinds);
	if (!slot ||
	    weft_socket(w->st, kinds[kind].family, kinds[kind].type, kinds[kind].proto, &s) < 0)
		return NULL;
	slot_set(slot, s, serve);
	slot->hdrs = (uint8_t)kinds[kind].hdrs;
	w->is_forged |= slot->hdrs != SLOT_NO_HDRS;
	slot->is_mute = kinds[kind].type == WEFT_SOCK_RAW && kinds[kind].proto != RAW_PROTO &&
			kinds[kind].proto != WEFT_IPPROTO_ICMPV6 && !slot->hdrs;
	return slot;
}

/*
 * The world.
 */

static void port_add_ip6(struct world *w, uint8_t i)
{
	struct weft_addr own = {WEFT_AF_INET6, {0xfd, [7] = i, [15] = 1}};
	struct weft_addr peer = {WEFT_AF_INET6, {0xfd, [7] = i, [15] = 2}};
	struct weft_addr near = {WEFT_AF_INET6, {0xfe, 0x80, [15] = 2}};
	const uint8_t peer_mac[6] = {2, 0, 0, 0, 1, i};

	if (weft_addr_add(w->ports[i], &own, 64) < 0)
		w->is_renumbered = true;
	(void)!weft_neigh_add(w->ports[i], &peer, peer_mac);
	(void)!weft_neigh_add(w->ports[i], &near, peer_mac);
}

void world_port_add(struct world *w, uint8_t i)
{
	static const struct weft_frame_ops frame_ops = {.tx = port_tx};
	struct weft_addr own = {.family = WEFT_AF_INET, .bytes = {10, 0, i, 1}};
	struct weft_addr peer = {.family = WEFT_AF_INET, .bytes = {10, 0, i, 2}};
	const uint8_t peer_mac[6] = {2, 0, 0, 0, 1, i};

	w->port_ids[i] = i;
	w->peer.macs[i] = ETH_ADDR(2, 0, 0, 0, 0, i);
	if (weft_netif_new(w->st, i ? "eth1" : "eth0", w->peer.macs[i].b, 1500, &frame_ops,
			   &w->port_ids[i], &w->ports[i]) < 0) {
		w->ports[i] = NULL;
		return;
	}
	if (weft_addr_add(w->ports[i], &own, 24) < 0)
		w->is_renumbered = true;
	(void)!weft_neigh_add(w->ports[i], &peer, peer_mac);
	if (w->has_ip6)
		port_add_ip6(w, i);
}

static void far_serve(struct world *w)
{
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET, .port = 80};
	struct slot *slot = slot_free(w);
	struct weft_sock *s;

	if (!slot || weft_socket(w->far, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s) < 0)
		return;
	slot_set(slot, s, SERVE_ACCEPT);
	if (weft_bind(s, &any) < 0 || weft_listen(s, 4) < 0)
		slot_close(slot, false);
}

void world_far_add(struct world *w, const struct weft_link_dir *dir)
{
	struct weft_addr near_addr = {.family = WEFT_AF_INET, .bytes = {10, 0, 2, 1}};
	struct weft_addr far_addr = {.family = WEFT_AF_INET, .bytes = {10, 0, 2, 2}};

	if (!w->far && weft_stack_new(w->eng, "far", &w->far) < 0) {
		w->far = NULL;
		return;
	}
	if (w->twin->is_second)
		twin_no_short(stack_of(w->far));
	if (!w->link && weft_link_new(w->st, "eth2", w->far, "eth0", dir, dir, &w->link) < 0) {
		w->link = NULL;
		return;
	}
	(void)!weft_addr_add(weft_link_netif(w->link, 0), &near_addr, 24);
	(void)!weft_addr_add(weft_link_netif(w->link, 1), &far_addr, 24);
	(void)!weft_route_add_text(w->far, "default via 10.0.2.1");
	far_serve(w);
}

static struct slot *world_open(struct world *w, uint8_t kind, enum serve serve, uint16_t bind_port,
			       uint16_t connect_port)
{
	/* Streams, datagrams and echo have their twins of IPv6 from 8 on. */
	bool is_ip6 = w->has_ip6 && kind <= 2;
	struct weft_sockaddr any = {.addr.family = is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET,
				    .port = bind_port};
	struct weft_sockaddr to = {.addr = {WEFT_AF_INET, {10, 0, 0, 2}}, .port = connect_port};
	struct slot *slot = world_socket(w, is_ip6 ? (uint8_t)(kind + 8) : kind, serve);

	if (is_ip6)
		to.addr = (struct weft_addr){WEFT_AF_INET6, {0xfd, [15] = 2}};
	if (!slot)
		abort();
	if (bind_port && weft_bind(slot->s, &any) < 0)
		abort();
	if (connect_port)
		(void)weft_connect(slot->s, &to);
	return slot;
}

/* Slots 0 to 7; the rest is free. */
static void world_sockets(struct world *w)
{
	if (weft_listen(world_open(w, 0, SERVE_NOTHING, 80, 0)->s, 4) < 0 ||
	    weft_listen(world_open(w, 0, SERVE_ACCEPT, 7, 0)->s, 16) < 0)
		abort();
	world_open(w, 1, SERVE_NOTHING, 53, 0);
	world_open(w, 1, SERVE_ECHO, 54, 1000);
	world_open(w, 2, SERVE_NOTHING, 0, 0);
	world_open(w, 3, SERVE_DRAIN, 0, 0);
	world_open(w, 4, SERVE_NOTHING, 0, 0);
	world_open(w, 0, SERVE_NOTHING, 0, 8000);
}

void world_init(struct world *w, uint8_t how)
{
	struct weft_engine_config cfg = {
		.now_ns = how & WORLD_LATE ? ((INT64_C(1) << 32) - 3000) * 1000000 : 1000000000,
		.has_seed = true,
		.seed = 1,
		.realloc = world_realloc,
		.mem_ctx = w,
		.mem_limit_bytes = MEM_MAX,
		.max_pkts = how & WORLD_FEW_PKTS ? 40 : 20000,
		.trace_events = 16,
	};

	if (weft_engine_new(&cfg, &w->eng) < 0 || weft_stack_new(w->eng, "router", &w->st) < 0 ||
	    weft_stack_set(w->st, "net.ipv4.ip_forward", 1) < 0)
		abort();
	if (w->twin->is_second)
		twin_no_short(stack_of(w->st));
	w->has_ip6 = how & WORLD_IP6;
	if (w->has_ip6 && weft_stack_set(w->st, "net.ipv6.conf.all.forwarding", 1) < 0)
		abort();
	w->peer.cpu = &engine_of(w->eng)->cpu;
	w->peer.now_ms = (uint32_t)(cfg.now_ns / 1000000);
	for (int i = 0; i < SLOTS; i++)
		w->slots[i].w = w;
	for (uint8_t i = 0; i < PEER_PORTS; i++)
		world_port_add(w, i);
	if (!(how & WORLD_BARE))
		world_sockets(w);
	world_settle(w);
}

void world_fini(struct world *w, bool closes_first)
{
	struct weft_engine_stats stats;

	w->fail_in = 0;
	for (int i = 0; closes_first && i < SLOTS; i++)
		if (w->slots[i].s)
			slot_close(&w->slots[i], false);
	weft_stack_free(w->st);
	weft_stack_free(w->far);
	weft_capture_free(w->cap);
	weft_engine_stats(w->eng, &stats);
	assert(stats.pkts_used == 0 && stats.bufs_used == 0 && stats.n_timers == 0);
	weft_engine_free(w->eng);
	assert(w->mem_bytes == 0);
}
