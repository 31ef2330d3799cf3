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
#include "stack_ops.h"
#include "weft/mcast.h"
#include "wire/eth.h"

enum {
	TCP_CSUM_OFF = 16, /* in the header */
	OPS_MAX = 500,
};

/*
 * Operations: frames.
 */

/* A driver in the process hands over a super-packet, or one whose checksum is still to come. */
static void world_rx_super(struct world *w)
{
	const struct peer *p = &w->peer;
	struct pkt *pkt;

	/* Drivers take no checksum that lies behind the end. */
	if (p->len < p->l4 + TCP_CSUM_OFF + 2u)
		return;
	pkt = pkt_alloc(&engine_of(w->eng)->pkts, (uint32_t)p->len);
	if (!pkt)
		return;
	memcpy(pkt_put(pkt, (uint32_t)p->len), p->frame, p->len);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + p->l4);
	pkt->csum_off = TCP_CSUM_OFF;
	pkt->gso_size = p->gso_size;
	pkt->gso_type = !p->gso_size ? PKT_GSO_NONE : p->is_ip6 ? PKT_GSO_TCP6 : PKT_GSO_TCP4;
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

/* In pieces, as `how` says: how many (3 bits), from the last on, without the last, the first one
 * twice, each begins a little early. */
static void world_rx_pieces(struct world *w, uint8_t how)
{
	uint32_t n = peer_split(&w->peer, (how & 7u) + 1);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = how & 8 ? n - 1 - i : i;

		if ((how & 16) && at == n - 1)
			continue;
		peer_piece(&w->peer, at, n, how & 64 ? 1 : 0);
		world_rx(w);
		if ((how & 32) && at == 0)
			world_rx(w);
	}
}

enum {
	FRAMES_WRAP = 0x40, /* with IP options or extension headers */
	FRAMES_SPLIT = 0x80,
};

/* Other frames, several of them before the stack looks at them. */
static void op_frames(struct world *w, struct rd *r)
{
	static bool (*const makers[])(struct peer * p, struct rd * r) = {
		peer_make_udp,   peer_make_icmp,   peer_make_icmp_error,
		peer_make_arp,   peer_make_mirror, peer_make_raw,
		peer_make_icmp6, peer_make_igmp,   peer_make_tcp,
	};
	uint8_t what = rd_u8(r);

	for (uint8_t n = what >> 4 & 3; rd_left(r) > 0; n--) {
		if (makers[(what & 15) % ARRAY_SIZE(makers)](&w->peer, r)) {
			if (what & FRAMES_WRAP)
				peer_wrap(&w->peer, r);
			if (what & FRAMES_SPLIT)
				world_rx_pieces(w, rd_u8(r));
			else
				world_rx(w);
		}
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
		"default via 10.0.0.2",         "default via 10.0.1.2 metric 5",
		"192.0.2.0/24 via 10.0.1.2",    "unreachable 192.0.2.0/24",
		"blackhole 10.0.0.2/32",        "prohibit 10.0.1.0/25",
		"10.0.0.2/32 via 10.0.1.2",     "10.0.0.2 dev eth1",
		"default via fd00::2",          "2001:db8::/32 via fd00:0:0:1::2",
		"unreachable fd00:0:0:9::/64",  "fd00::99 dev eth1 metric 3",
		"default via fe80::2 dev eth0", "blackhole 2001:db8:1::/48",
		"239.0.0.0/8 dev eth1",         "nonsense",
	};
	uint8_t what = rd_u8(r);
	const char *text = texts[what % ARRAY_SIZE(texts)];
	struct weft_route route = {.dst.family = what & 8 ? WEFT_AF_INET6 : WEFT_AF_INET};

	if (!(what & 0x80)) {
		(void)!weft_route_add_text(w->st, text);
		return;
	}
	if ((what & 9) == 1)
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

/* What of a link is rarer: bursts of losses, marks, distributions, chosen frames. */
static void op_link_more(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r), how = rd_u8(r);
	struct weft_link_dir dir = {
		.rate_bps = what & 1 ? 2000000 : 0,
		.delay_ns = 5000000,
		.jitter_ns = what & 2 ? 4000000 : 0,
		.jitter_dist = what >> 2 & 7,
		.gemodel_p_ppm = what & 32 ? 100000 : 0,
		.gemodel_r_ppm = 300000,
		.gemodel_1h_ppm = 1000000,
		.gemodel_1k_ppm = what & 64 ? 10000 : 0,
		.reorder_ppm = how & 1 ? 200000 : 0,
		.reorder_gap = how >> 1 & 3,
		.reorder_corr_ppm = how & 8 ? 500000 : 0,
		.ecn_pkts = how & 16 ? 2 : 0,
		.queue_bytes = how & 32 ? 9000 : 0,
		.n_lose = how & 64 ? 1 + (how & 15u) : 0,
		.lose = {{2, 3}, {5, 5}, {how & 7, 9}},
	};

	if (!w->link)
		world_far_add(w, &dir);
	else
		(void)!weft_link_set(w->link, what >> 7, &dir);
}

static void op_fail(struct world *w, struct rd *r)
{
	w->fail_in = rd_u8(r);
	w->fail_again = rd_u8(r) % 8;
	w->has_failed = true;
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

static void see_group(void *arg, const struct weft_group_info *info)
{
	uint64_t *sum = arg;

	*sum += info->n_srcs;
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
	weft_groups(w->st, see_group, &sum);
	weft_trace_sample(w->eng, w->twin->is_second ? UINT32_MAX : what & 3);
	weft_trace_figures(w->eng, what & 64);
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
	op_tcp,    op_tcp,    op_tcp,    op_tcp,       op_syn,        op_syn,        op_acks,
	op_acks,   op_frames, op_frames, op_burst,     op_burst,      op_time,       op_time,
	op_socket, op_open,   op_open,   op_connect,   op_bind,       op_listen,     op_accept,
	op_send,   op_send,   op_recv,   op_recv,      op_finish,     op_finish,     op_serve,
	op_port,   op_addr,   op_route,  op_neigh,     op_setsockopt, op_getsockopt, op_sysctl,
	op_fail,   op_look,   op_link,   op_sendmsg,   op_recvmsg,    op_ioctl,      op_setbytes,
	op_group,  op_filter, op_packet, op_link_more, op_sendmsg,    op_recvmsg,    op_tcp,
	op_acks,   op_time,
};

/* True: some of it may have gone a short way, and may be compared with the general one. */
static bool run(struct twin *twin, const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));
	struct rd r = rd_make(data, size);
	uint8_t how = rd_u8(&r);
	bool is_due;

	if (!w)
		return false;
	w->twin = twin;
	world_init(w, how);
	for (int i = 0; i < OPS_MAX && rd_left(&r) > 0; i++) {
		w->n_tx = 0;
		ops[rd_u8(&r) % ARRAY_SIZE(ops)](w, &r);
		world_settle(w);
		world_check(w);
		twin_add_stack(twin, stack_of(w->st));
		twin_step(twin);
	}
	is_due = (how & WORLD_TWIN) && !(how & WORLD_FEW_PKTS) && !w->has_failed &&
		 twin_is_due(stack_of(w->st));
	world_fini(w, size % 2);
	free(w);
	return is_due;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	twin_run(run, data, size);
	return 0;
}
