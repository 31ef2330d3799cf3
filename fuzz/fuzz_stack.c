/* SPDX-License-Identifier: MIT */
/*
 * The whole stack: a router with two interfaces, TCP listeners that serve, connections of its own,
 * UDP, echo and raw sockets. The input is a program: frames that arrive (as bytes, or made by
 * peer.c out of what the stack said last), time that passes, calls of the application, settings,
 * interfaces that come and go, memory that runs out.
 *
 * Whatever comes: every connection keeps its invariants, streams arrive unchanged, what is sent is
 * well formed, work and memory stay within bounds, and at the end nothing is left.
 */
#include "fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"
#include "core/netif.h"
#include "pkt/pkt.h"
#include "stack_world.h"
#include "wire/eth.h"
#include "wire/ip4.h"

enum {
	OPS_MAX = 500,
};

/*
 * Operations: frames.
 */

/* A driver in the process hands over a super-packet, or one whose checksum is still to come. */
static void world_rx_super(struct world *w)
{
	const struct peer *p = &w->peer;
	struct pkt *pkt = pkt_alloc(&engine_of(w->eng)->pkts, (uint32_t)p->len);

	if (!pkt)
		return;
	memcpy(pkt_put(pkt, (uint32_t)p->len), p->frame, p->len);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN + IP4_HDR_LEN);
	pkt->csum_off = 16;
	pkt->gso_size = p->gso_size;
	pkt->gso_type = p->gso_size ? PKT_GSO_TCP4 : PKT_GSO_NONE;
	netif_rx_later(netif_of(w->ports[p->port]), pkt);
}

static void world_rx(struct world *w)
{
	const struct peer *p = &w->peer;
	struct weft_netif *port = w->ports[p->port];

	if (!port)
		return;
	if (p->is_csum_partial)
		world_rx_super(w);
	else
		(void)weft_netif_rx(port, p->frame, p->len);
}

static void op_tcp(struct world *w, struct rd *r)
{
	if (peer_make_tcp(&w->peer, r))
		world_rx(w);
}

static void op_syn(struct world *w, struct rd *r)
{
	if (peer_make_syn(&w->peer, r))
		world_rx(w);
}

/* All connections acknowledge what they have, a number of times. */
static void op_acks(struct world *w, struct rd *r)
{
	uint8_t n = rd_u8(r) % 32;

	for (uint8_t k = 0; k <= n; k++) {
		bool any = false;

		for (uint32_t i = 0; i < PEER_FLOWS; i++) {
			if (peer_make_ack(&w->peer, i)) {
				world_rx(w);
				any = true;
			}
		}
		if (!any)
			return;
		world_settle(w);
	}
}

/* Other frames, several of them before the stack looks at them. */
static void op_frames(struct world *w, struct rd *r)
{
	static bool (*const makers[])(struct peer * p, struct rd * r) = {
		peer_make_udp, peer_make_icmp,   peer_make_icmp_error,
		peer_make_arp, peer_make_mirror, peer_make_raw,
	};
	uint8_t what = rd_u8(r);

	for (uint8_t n = what >> 4 & 3; rd_left(r) > 0; n--) {
		if (makers[(what & 15) % ARRAY_SIZE(makers)](&w->peer, r))
			world_rx(w);
		if (n == 0)
			break;
	}
}

/* A burst of segments in one batch. */
static void op_burst(struct world *w, struct rd *r)
{
	uint8_t n = rd_u8(r) % 8;

	for (uint8_t i = 0; i <= n && rd_left(r) > 0; i++)
		op_tcp(w, r);
}

/* A while with all its deadlines, or a jump over many hours: the machine was asleep. */
static void op_time(struct world *w, struct rd *r)
{
	uint8_t n = rd_u8(r);
	int64_t ms;

	if (n < 64)
		ms = n;
	else if (n < 160)
		ms = (n - 63) * 50;
	else if (n < 240)
		ms = (n - 159) * 500;
	else
		ms = (n - 239) * (int64_t)3600 * 1000 * (n == 255 ? 40 : 1);
	if (n < 240)
		world_advance(w, ms * 1000000);
	else
		world_jump(w, ms * 1000000);
}

/*
 * Operations: the application.
 */

static struct slot *rd_slot(struct world *w, struct rd *r)
{
	struct slot *slot = &w->slots[rd_u8(r) % SLOTS];

	return slot->s ? slot : NULL;
}

static struct weft_sockaddr rd_sockaddr(struct rd *r)
{
	static const uint8_t addrs[][4] = {{10, 0, 0, 2},  {10, 0, 1, 2}, {0, 0, 0, 0},
					   {127, 0, 0, 1}, {10, 0, 0, 1}, {10, 0, 0, 255},
					   {10, 0, 2, 2},  {192, 0, 2, 9}};
	static const uint16_t ports[] = {80, 7, 81, 8080, 53, 1000, 0, 49152};
	uint8_t what = rd_u8(r);
	struct weft_sockaddr sa = {.addr.family = WEFT_AF_INET, .port = ports[what >> 3 & 7]};

	memcpy(sa.addr.bytes, addrs[what & 7], 4);
	if (what & 0x40) {
		sa.addr.bytes[3] = rd_u8(r);
		sa.port = (uint16_t)(sa.port + rd_u8(r));
	}
	if (!(what & 0x80))
		return sa;
	what = rd_u8(r);
	if (what & 2)
		sa.addr.bytes[0] = 224;
	else
		sa.addr.family = what & 1 ? WEFT_AF_UNSPEC : WEFT_AF_INET6;
	return sa;
}

static void op_socket(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r);

	(void)world_socket(w, what & 7, (enum serve)((what >> 3) % SERVE_KINDS));
}

static void op_connect(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	struct weft_sockaddr sa = rd_sockaddr(r);

	if (!slot)
		return;
	if (weft_connect(slot->s, &sa) == -EINPROGRESS)
		slot->n_read = 0;
}

/* The usual way: a new socket and its connection in one. */
static void op_open(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r);
	struct weft_sockaddr sa = rd_sockaddr(r);
	struct slot *slot = world_socket(w, 0, (enum serve)(what % SERVE_KINDS));

	if (slot && weft_connect(slot->s, &sa) == -EINPROGRESS && (what & 0x80))
		world_settle(w);
}

static void op_bind(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	struct weft_sockaddr sa = rd_sockaddr(r);

	if (slot)
		(void)weft_bind(slot->s, &sa);
}

static void op_listen(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	int backlog = rd_u8(r);

	if (backlog > 127) /* negative ones, too */
		backlog -= 256;
	if (slot)
		(void)weft_listen(slot->s, backlog);
}

static void op_accept(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r), *new = slot_free(w);
	uint8_t serve = rd_u8(r);
	struct weft_sockaddr peer;
	struct weft_sock *s;

	if (slot && new &&weft_accept(slot->s, &s, serve & 0x80 ? &peer : NULL) == 0)
		slot_set(new, s, (enum serve)(serve % SERVE_KINDS));
}

static size_t rd_size(struct rd *r)
{
	uint8_t n = rd_u8(r);

	return n < 128 ? n : (size_t)(n - 127) * 544;
}

static void op_send(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	size_t len = rd_size(r);
	uint8_t how = rd_u8(r);
	struct weft_sockaddr sa;
	struct weft_iovec iov[3];

	if (!slot || slot->is_mute)
		return;
	switch (how & 3) {
	case 0:
		(void)slot_send(slot, len,
				(how & 4 ? WEFT_MSG_MORE : 0) | (how & 8 ? WEFT_MSG_OOB : 0) |
					(how & 16 ? WEFT_MSG_EOR : 0));
		break;
	case 1:
		slot_fill(slot, len);
		iov[0] = (struct weft_iovec){.base = w->buf, .len = len / 3};
		iov[1] = (struct weft_iovec){.base = NULL, .len = 0};
		iov[2] = (struct weft_iovec){.base = w->buf + len / 3, .len = len - len / 3};
		(void)weft_sendv(slot->s, iov, 3, how & 4 ? WEFT_MSG_DONTWAIT : 0);
		break;
	default:
		sa = rd_sockaddr(r);
		slot_fill(slot, len);
		(void)weft_sendto(slot->s, w->buf, len, how & 4 ? WEFT_MSG_PEEK : 0,
				  how & 8 ? NULL : &sa);
		break;
	}
}

static void op_recv(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	size_t len = rd_size(r);
	uint8_t how = rd_u8(r);
	struct weft_sockaddr from;
	struct weft_iovec iov[3];
	ptrdiff_t n;

	if (!slot)
		return;
	switch (how & 3) {
	case 0:
	case 1:
		(void)slot_recv(
			slot, len,
			how & (WEFT_MSG_OOB | WEFT_MSG_PEEK | WEFT_MSG_TRUNC | WEFT_MSG_DONTWAIT));
		break;
	case 2:
		iov[0] = (struct weft_iovec){.base = w->buf, .len = len / 3};
		iov[1] = (struct weft_iovec){.base = NULL, .len = 0};
		iov[2] = (struct weft_iovec){.base = w->buf + len / 3, .len = len - len / 3};
		n = weft_recvv(slot->s, iov, 3, 0);
		if (n > 0 && slot_is_tcp(slot))
			slot_check_read(slot, w->buf, (size_t)n, false);
		break;
	default:
		n = weft_recvfrom(slot->s, w->buf, len, 0, &from);
		if (n > 0 && slot_is_tcp(slot))
			slot_check_read(slot, w->buf, (size_t)n, false);
		break;
	}
}

static void op_finish(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t how = rd_u8(r);

	if (!slot)
		return;
	if (how % 8 < 4)
		(void)weft_shutdown(slot->s, how % 8);
	else
		slot_close(slot, how % 8 == 7);
}

static void op_serve(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t how = rd_u8(r) % SERVE_KINDS;

	if (!slot)
		return;
	slot_serve(slot, (enum serve)how);
}

static const struct {
	int level, name;
} options[] = {
	{WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR},
	{WEFT_SOL_SOCKET, WEFT_SO_TYPE},
	{WEFT_SOL_SOCKET, WEFT_SO_ERROR},
	{WEFT_SOL_SOCKET, WEFT_SO_BROADCAST},
	{WEFT_SOL_SOCKET, WEFT_SO_SNDBUF},
	{WEFT_SOL_SOCKET, WEFT_SO_RCVBUF},
	{WEFT_SOL_SOCKET, WEFT_SO_KEEPALIVE},
	{WEFT_SOL_SOCKET, WEFT_SO_LINGER},
	{WEFT_SOL_SOCKET, WEFT_SO_REUSEPORT},
	{WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE},
	{WEFT_SOL_SOCKET, WEFT_SO_ACCEPTCONN},
	{WEFT_SOL_SOCKET, WEFT_SO_PROTOCOL},
	{WEFT_SOL_SOCKET, WEFT_SO_DOMAIN},
	{WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY},
	{WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG},
	{WEFT_IPPROTO_TCP, WEFT_TCP_CORK},
	{WEFT_IPPROTO_TCP, WEFT_TCP_KEEPIDLE},
	{WEFT_IPPROTO_TCP, WEFT_TCP_KEEPINTVL},
	{WEFT_IPPROTO_TCP, WEFT_TCP_KEEPCNT},
	{WEFT_IPPROTO_TCP, WEFT_TCP_INFO},
	{WEFT_IPPROTO_TCP, WEFT_TCP_QUICKACK},
	{WEFT_IPPROTO_TCP, WEFT_TCP_USER_TIMEOUT},
	{WEFT_IPPROTO_IP, WEFT_IP_TOS},
	{WEFT_IPPROTO_IP, WEFT_IP_TTL},
	{WEFT_IPPROTO_IP, 99},
	{99, 1},
	{WEFT_SOL_SOCKET, WEFT_SO_OOBINLINE},
	{WEFT_IPPROTO_TCP, WEFT_TCP_SYNCNT},
	{WEFT_IPPROTO_TCP, WEFT_TCP_LINGER2},
	{WEFT_IPPROTO_TCP, WEFT_TCP_DEFER_ACCEPT},
	{WEFT_IPPROTO_TCP, WEFT_TCP_WINDOW_CLAMP},
	{WEFT_IPPROTO_TCP, WEFT_TCP_INFO_LINUX},
	{WEFT_IPPROTO_TCP, WEFT_TCP_INQ},
};

static void op_setsockopt(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t i = rd_u8(r) % ARRAY_SIZE(options), how = rd_u8(r);
	int v[2] = {(int8_t)how, 0};

	if (!slot)
		return;
	if (how == 127)
		v[0] = (int)rd_be32(r);
	else if (how == 126)
		v[0] = rd_be16(r), v[1] = rd_u8(r);
	if (options[i].name == WEFT_SO_BINDTODEVICE && options[i].level == WEFT_SOL_SOCKET)
		memcpy(v, how & 1 ? "eth0" : how & 2 ? "x" : "\0", how & 1 ? 5 : 2);
	(void)weft_setsockopt(slot->s, options[i].level, options[i].name, v,
			      how == 125   ? 1
			      : how == 124 ? 0
					   : sizeof(v));
}

static void op_getsockopt(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t i = rd_u8(r) % ARRAY_SIZE(options), len8 = rd_u8(r);
	struct weft_sockaddr sa;
	size_t len = len8 == 0 ? 256 : len8, room = len;

	if (!slot)
		return;
	if (weft_getsockopt(slot->s, options[i].level, options[i].name, w->buf, &len) == 0)
		assert(len <= room);
	(void)weft_getsockname(slot->s, &sa);
	(void)weft_getpeername(slot->s, &sa);
	(void)weft_events(slot->s);
}

/*
 * Operations: the system.
 */

static void op_port(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r), i = what & 1;
	struct weft_netif *port = w->ports[i];

	switch (what >> 1 & 7) {
	case 0:
		if (port)
			weft_netif_set_up(port, what & 0x80);
		break;
	case 1:
		if (port)
			netif_set_carrier(netif_of(port), what & 0x80);
		break;
	case 2:
		if (port)
			(void)!weft_netif_set_mtu(port, 68u + rd_u8(r) * 16u);
		break;
	case 3:
		w->port_refuses = what & 0x80;
		break;
	case 4:
		if (port)
			weft_netif_del(port);
		w->ports[i] = NULL;
		break;
	case 5:
		if (!port)
			world_port_add(w, i);
		break;
	default:
		if (port)
			weft_netif_set_mac(port, w->peer.macs[i].b);
		break;
	}
}

static void op_addr(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r), i = what & 1;
	struct weft_addr a = {.family = WEFT_AF_INET, .bytes = {10, 0, i, 1}};

	if (!w->ports[i])
		return;
	if (what & 2)
		a.bytes[3] = rd_u8(r);
	if (what & 4) {
		(void)!weft_addr_add(w->ports[i], &a, what & 8 ? 24 : 32);
		return;
	}
	w->is_renumbered = true;
	(void)!weft_addr_del(w->ports[i], &a, what & 8 ? 24 : 32);
}

static void op_route(struct world *w, struct rd *r)
{
	static const char *const texts[] = {
		"default via 10.0.0.2",      "default via 10.0.1.2 metric 5",
		"192.0.2.0/24 via 10.0.1.2", "unreachable 192.0.2.0/24",
		"blackhole 10.0.0.2/32",     "prohibit 10.0.1.0/25",
		"10.0.0.2/32 via 10.0.1.2",  "10.0.0.2 dev eth1",
	};
	uint8_t what = rd_u8(r);
	const char *text = texts[what % ARRAY_SIZE(texts)];
	struct weft_route route = {.dst.family = WEFT_AF_INET};

	if (!(what & 0x80)) {
		(void)!weft_route_add_text(w->st, text);
		return;
	}
	if (what & 1)
		route = (struct weft_route){.dst = {WEFT_AF_INET, {192, 0, 2}}, .prefix_len = 24};
	(void)!weft_route_del(w->st, &route);
}

static void op_neigh(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r), i = what & 1;
	struct weft_addr a = {.family = WEFT_AF_INET, .bytes = {10, 0, i, 2}};
	const uint8_t mac[6] = {2, 0, 0, 0, 1, i};

	if (!w->ports[i])
		return;
	if (what & 2)
		a.bytes[3] = what;
	if (what & 4)
		(void)!weft_neigh_add(w->ports[i], &a, mac);
	else
		(void)!weft_neigh_del(w->ports[i], &a);
}

/* The second host, and what its link does. */
static void op_link(struct world *w, struct rd *r)
{
	static const uint32_t ppm[] = {0, 0, 50000, 300000};
	static const uint64_t rates[] = {0, 1000000, 10000000, 1000000000};
	uint8_t what = rd_u8(r), bad = rd_u8(r);
	struct weft_link_dir dir = {
		.rate_bps = rates[what & 3],
		.delay_ns = (what >> 2 & 3) * INT64_C(7000000),
		.jitter_ns = what & 16 ? 3000000 : 0,
		.queue_pkts = what & 32 ? 3 : 0,
		.loss_ppm = ppm[bad & 3],
		.duplicate_ppm = ppm[bad >> 2 & 3],
		.corrupt_ppm = ppm[bad >> 4 & 3],
		.reorder_ppm = ppm[bad >> 6],
		.reorder_ns = what & 64 ? 5000000 : 0,
	};
	struct weft_link_stats stats;

	if (!w->link) {
		world_far_add(w, &dir);
		return;
	}
	if (what & 128)
		weft_link_set_up(w->link, bad & 1);
	else
		(void)!weft_link_set(w->link, what >> 5 & 1, &dir);
	weft_link_stats(w->link, what & 1, &stats);
}

static void op_sysctl(struct world *w, struct rd *r)
{
	static const struct {
		const char *name;
		int32_t values[4];
	} ctls[] = {
		{"net.ipv4.tcp_timestamps", {0, 1}},
		{"net.ipv4.tcp_sack", {0, 1}},
		{"net.ipv4.tcp_window_scaling", {0, 1}},
		{"net.ipv4.tcp_max_syn_backlog", {1, 2, 8, 65535}},
		{"net.ipv4.tcp_max_tw_buckets", {0, 1, 2, 1000}},
		{"net.ipv4.tcp_rmem_default", {4096, 8192, 131072, 4000000}},
		{"net.ipv4.tcp_rmem_max", {4096, 65536, 1000000, 4000000}},
		{"net.ipv4.tcp_wmem_default", {4096, 8192, 65536, 1000000}},
		{"net.ipv4.tcp_retries2", {0, 1, 3, 15}},
		{"net.ipv4.tcp_orphan_retries", {0, 1, 3, 8}},
		{"net.ipv4.tcp_syn_retries", {1, 2, 6}},
		{"net.ipv4.tcp_synack_retries", {0, 1, 2, 5}},
		{"net.ipv4.tcp_keepalive_time", {1, 10, 7200}},
		{"net.ipv4.tcp_keepalive_intvl", {1, 10, 75}},
		{"net.ipv4.tcp_rfc1337", {0, 1}},
		{"net.ipv4.tcp_moderate_rcvbuf", {0, 1}},
		{"net.ipv4.tcp_slow_start_after_idle", {0, 1}},
		{"net.ipv4.tcp_rto_min_ms", {1, 200, 1000}},
		{"net.ipv4.tcp_delack_ms", {1, 40, 500}},
		{"net.ipv4.ip_forward", {0, 1}},
		{"net.ipv4.icmp_ratelimit", {0, 1000}},
		{"net.ipv4.icmp_echo_ignore_broadcasts", {0, 1}},
		{"net.ipv4.ip_local_port_range.min", {1024, 40000, 40002, 60000}},
		{"net.ipv4.ip_local_port_range.max", {40003, 40100, 60999}},
		{"net.none", {0}},
	};
	uint8_t what = rd_u8(r), value = rd_u8(r);
	const char *name = ctls[what % ARRAY_SIZE(ctls)].name;
	int64_t v;

	(void)!weft_stack_set(w->st, name, ctls[what % ARRAY_SIZE(ctls)].values[value & 3]);
	(void)!weft_stack_get(w->st, name, &v);
}

static void op_fail(struct world *w, struct rd *r)
{
	w->fail_in = rd_u8(r);
	w->fail_again = rd_u8(r) % 8;
}

static void see_blocks(void *arg, const void *blocks, size_t len)
{
	(void)arg;
	assert(blocks && len % 4 == 0);
}

static void see_counter(void *arg, const char *name, const char *text, uint64_t n)
{
	uint64_t *sum = arg;

	assert(name[0] && text);
	*sum += n;
}

static void see_sock(void *arg, const struct weft_sock_info *info)
{
	uint64_t *sum = arg;

	assert(info->proto[0] && info->state >= 1 && info->state <= WEFT_TCP_CLOSING);
	if (info->tcp)
		*sum += info->tcp->sndq_bytes;
}

static void see_line(void *arg, const char *line)
{
	uint64_t *sum = arg;

	*sum += strlen(line);
}

static void see_addr(void *arg, const struct weft_addr_info *info)
{
	uint64_t *sum = arg;

	*sum += info->prefix_len;
}

static void see_route(void *arg, const struct weft_route_info *info)
{
	uint64_t *sum = arg;

	*sum += info->route.prefix_len;
}

static void see_neigh(void *arg, const struct weft_neigh_info *info)
{
	uint64_t *sum = arg;

	*sum += strlen(info->state);
}

/* Everything that can be asked, and those who watch. */
static void op_look(struct world *w, struct rd *r)
{
	static uint64_t sum; /* the target is no part of src/ */
	uint8_t what = rd_u8(r);
	struct weft_netif_stats stats;
	char line[256];

	weft_stack_sockets(w->st, see_sock, &sum);
	weft_stack_counters(w->st, see_counter, &sum);
	weft_stack_drops(w->st, see_counter, &sum);
	weft_addrs(w->st, see_addr, &sum);
	weft_routes(w->st, see_route, &sum);
	weft_neighs(w->st, see_neigh, &sum);
	while (weft_trace_read(w->eng, line, sizeof(line)) > 0)
		;
	weft_trace_sample(w->eng, what & 3);
	weft_trace_listen(w->eng, what & 4 ? see_line : NULL, &sum);
	weft_stack_on_tcp_end(w->st, what & 8 ? see_sock : NULL, &sum);
	if (w->ports[what >> 7])
		weft_netif_stats(w->ports[what >> 7], &stats);
	if (!(what & 16) || w->cap) {
		weft_capture_free(w->cap);
		w->cap = NULL;
		return;
	}
	if (weft_capture_new(w->eng, what & 32 ? 60 : 0, see_blocks, w, &w->cap) == 0 &&
	    w->ports[0])
		(void)!weft_capture_add(w->cap, w->ports[0]);
}

static void (*const ops[])(struct world *w, struct rd *r) = {
	op_tcp,        op_tcp,        op_tcp,    op_tcp,    op_syn,    op_syn,  op_acks,   op_acks,
	op_frames,     op_frames,     op_burst,  op_burst,  op_time,   op_time, op_socket, op_open,
	op_open,       op_connect,    op_bind,   op_listen, op_accept, op_send, op_send,   op_recv,
	op_recv,       op_finish,     op_finish, op_serve,  op_port,   op_addr, op_route,  op_neigh,
	op_setsockopt, op_getsockopt, op_sysctl, op_fail,   op_look,   op_link,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));
	struct rd r = rd_make(data, size);

	if (!w)
		return 0;
	world_init(w, rd_u8(&r));
	for (int i = 0; i < OPS_MAX && rd_left(&r) > 0; i++) {
		w->n_tx = 0;
		ops[rd_u8(&r) % ARRAY_SIZE(ops)](w, &r);
		world_settle(w);
		world_check(w);
	}
	world_fini(w, size % 2);
	free(w);
	return 0;
}
