/* SPDX-License-Identifier: MIT */
/* See dual_world.h. */
#include "dual_world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"
#include "transport/tcp/tcp_priv.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

/* The router's end of a wire is its second one. */
static uint8_t node_of_end(uint8_t end)
{
	if (end % 2)
		return DUAL_ROUTER;
	return end / 2 ? DUAL_B : DUAL_A;
}

struct weft_stack *dual_stack_of_end(struct dual *d, uint8_t end)
{
	return d->st[node_of_end(end)];
}

static struct dual *dual_of_id(const uint8_t *id)
{
	return container_of(id - *id, struct dual, end_ids[0]);
}

static void *dual_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct dual *d = ctx;
	void *p;

	if (new_bytes > old_bytes && d->fail_in && --d->fail_in == 0) {
		d->fail_in = d->fail_again;
		return NULL;
	}
	d->mem_bytes += new_bytes - old_bytes;
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
 * The wires.
 */

static void check_ip4(const uint8_t *p, size_t len)
{
	struct ip4_hdr ip;

	assert(len >= IP4_HDR_LEN);
	ip4_hdr_read(p, &ip);
	assert(ip4_hdr_check(&ip, len) == IP4_HDR_OK && ip.tot_len == len);
	assert(ip4_hdr_csum_ok(p, ip.hdr_len) && ip.ttl > 0);
	assert(!ip4_addr_is_loopback(&ip.src) && !ip4_addr_is_loopback(&ip.dst));
}

static void check_ip6(const uint8_t *p, size_t len)
{
	struct ip6_hdr ip;

	assert(len >= IP6_HDR_LEN);
	ip6_hdr_read(p, &ip);
	assert(ip6_hdr_check(&ip, len) == IP6_HDR_OK && ip.payload_len == len - IP6_HDR_LEN);
	assert(ip.hop_limit > 0);
	assert(!ip6_addr_is_loopback(&ip.src) && !ip6_addr_is_loopback(&ip.dst));
}

static int end_tx(void *arg, const void *frame, size_t len)
{
	const uint8_t *id = arg, *p = frame;
	struct dual *d = dual_of_id(id);
	struct dual_frame *f = &d->queue[d->n_in % DUAL_QUEUE];

	assert(len >= ETH_HDR_LEN && len <= DUAL_MTU_MAX + ETH_HDR_LEN);
	if (load_be16(p + 12) == ETHERTYPE_IPV4)
		check_ip4(p + ETH_HDR_LEN, len - ETH_HDR_LEN);
	else if (load_be16(p + 12) == ETHERTYPE_IPV6)
		check_ip6(p + ETH_HDR_LEN, len - ETH_HDR_LEN);
	twin_add_frame(d->twin, *id, weft_engine_now_ns(d->eng), frame, len);
	if (d->n_in - d->n_out == DUAL_QUEUE)
		return -ENOBUFS;
	f->end = *id;
	f->len = (uint16_t)len;
	memcpy(f->bytes, p, len);
	d->n_in++;
	return 0;
}

static void deliver(struct dual *d, const struct dual_frame *f)
{
	struct weft_netif *netif = d->ends[f->end ^ 1].netif;

	if (netif)
		(void)!weft_netif_rx(netif, f->bytes, f->len);
}

/* False: the frame is lost, or waits. */
static bool trouble(struct dual *d, struct dual_frame *f)
{
	struct dual_end *e = &d->ends[f->end];

	if (e->n == 0)
		return true;
	e->n--;
	switch (e->trouble) {
	case TROUBLE_LOSS:
		return false;
	case TROUBLE_TWICE:
		deliver(d, f);
		return true;
	case TROUBLE_LATE:
		if (d->has_held)
			return true;
		d->held = *f;
		d->has_held = true;
		return false;
	case TROUBLE_XOR:
		/* Changes of two fragments may leave the sum of the whole as it was. */
		d->is_forged |= d->has_changed;
		d->has_changed = true;
		f->bytes[e->at % f->len] ^= e->with;
		return true;
	case TROUBLE_CUT:
		f->len = f->len < e->at ? f->len : e->at;
		return true;
	default:
		return true;
	}
}

static void carry_one(struct dual *d)
{
	struct dual_frame *f = &d->queue[d->n_out % DUAL_QUEUE];

	d->past[d->n_past++ % DUAL_PAST] = *f;
	peer_learn(&d->peer, f->end / 2, f->bytes, f->len);
	if (trouble(d, f)) {
		deliver(d, f);
		if (d->has_held)
			deliver(d, &d->held);
		d->has_held = false;
	}
	d->n_out++;
}

static void run(struct dual *d, int64_t now_ns)
{
	uint32_t n = 0;

	do {
		while (weft_engine_run(d->eng, now_ns))
			;
		for (; d->n_out != d->n_in && n < DUAL_CARRY_MAX; n++)
			carry_one(d);
	} while (n < DUAL_CARRY_MAX && weft_engine_next_ns(d->eng) <= now_ns);
	/* Two that talk for ever lose their words. */
	if (n == DUAL_CARRY_MAX)
		d->n_out = d->n_in;
}

void dual_settle(struct dual *d)
{
	run(d, weft_engine_now_ns(d->eng));
}

void dual_advance(struct dual *d, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(d->eng) + ns, next_ns;

	for (int i = 0; i < DUAL_STEPS_MAX && (next_ns = weft_engine_next_ns(d->eng)) <= end_ns;
	     i++)
		run(d, next_ns);
	run(d, end_ns);
	d->peer.now_ms = (uint32_t)(weft_engine_now_ns(d->eng) / 1000000);
}

void dual_inject(struct dual *d, uint8_t end, const uint8_t *frame, size_t len)
{
	if (d->ends[end].netif)
		(void)!weft_netif_rx(d->ends[end].netif, frame, len);
}

const struct dual_frame *dual_past(const struct dual *d, uint8_t back)
{
	back %= DUAL_PAST;
	return d->n_past > back ? &d->past[(d->n_past - 1 - back) % DUAL_PAST] : NULL;
}

void dual_check(struct dual *d)
{
	struct weft_engine_stats stats;
	struct sock *sk;

	for (int i = 0; i < DUAL_NODES; i++)
		list_for_each (sk, &stack_of(d->st[i])->socks->all, link)
			if (sk->proto == &tcp_proto)
				tcp_conn_check(tcp_conn_of(sk));
	weft_engine_stats(d->eng, &stats);
	assert(stats.mem_bytes == d->mem_bytes && stats.mem_bytes <= DUAL_MEM_MAX);
}

/*
 * Sockets: what comes is read at once, and answered by nothing.
 */

static void on_event(struct weft_sock *s, void *arg, uint32_t events);

static struct dual_slot *slot_set(struct dual *d, struct weft_sock *s, uint8_t node, uint8_t type)
{
	for (int i = 0; i < DUAL_SLOTS; i++) {
		struct dual_slot *slot = &d->slots[i];

		if (slot->s)
			continue;
		*slot = (struct dual_slot){.d = d, .s = s, .node = node, .type = type};
		weft_on_event(s, on_event, slot);
		return slot;
	}
	weft_close(s);
	return NULL;
}

static void slot_accept(struct dual_slot *slot)
{
	struct weft_sock *s;

	while (weft_accept(slot->s, &s, NULL) == 0)
		(void)slot_set(slot->d, s, slot->node, slot->type);
}

static void slot_read(struct dual_slot *slot)
{
	struct dual *d = slot->d;
	ptrdiff_t n;

	while ((n = weft_recv(slot->s, d->buf, sizeof(d->buf), 0)) > 0) {
		if (slot->type == WEFT_SOCK_STREAM)
			assert(d->is_forged ||
			       memcmp(d->buf, peer_bytes(slot->n_got), (size_t)n) == 0);
		slot->n_got += (uint32_t)n;
	}
	if (slot->type == WEFT_SOCK_STREAM && n != -EAGAIN)
		dual_close(slot, false);
}

static void on_event(struct weft_sock *s, void *arg, uint32_t events)
{
	struct dual_slot *slot = arg;

	assert(slot->s == s && events);
	if (slot->is_listener)
		slot_accept(slot);
	else if (events & ~(uint32_t)WEFT_OUT)
		slot_read(slot);
}

struct dual_slot *dual_socket(struct dual *d, uint8_t node, int family, int type, int proto)
{
	struct weft_sock *s;

	if (weft_socket(d->st[node], family, type, proto, &s) < 0)
		return NULL;
	return slot_set(d, s, node, (uint8_t)type);
}

void dual_close(struct dual_slot *slot, bool abort)
{
	if (abort)
		weft_abort(slot->s);
	else
		weft_close(slot->s);
	slot->s = NULL;
}

void dual_send(struct dual_slot *slot, size_t len, const struct weft_sockaddr *to)
{
	struct dual *d = slot->d;
	ptrdiff_t n;

	len = len < sizeof(d->buf) ? len : sizeof(d->buf);
	memcpy(d->buf, peer_bytes(slot->type == WEFT_SOCK_STREAM ? slot->n_sent : 0), len);
	if (sock_of(slot->s)->conn.proto == IP_PROTO_ICMP && len > 1)
		d->buf[0] = 8, d->buf[1] = 0;
	if (sock_of(slot->s)->conn.proto == IP_PROTO_ICMPV6 && len > 1)
		d->buf[0] = 128, d->buf[1] = 0;
	n = to ? weft_sendto(slot->s, d->buf, len, 0, to) : weft_send(slot->s, d->buf, len, 0);
	if (n > 0)
		slot->n_sent += (uint32_t)n;
}

/*
 * The world.
 */

static void end_add(struct dual *d, uint8_t end, bool has_ip6)
{
	static const struct weft_frame_ops frame_ops = {.tx = end_tx};
	uint8_t wire = end / 2, host = end % 2 ? 1 : 2;
	/* As the peer has them: its own are the hosts'. */
	const uint8_t mac[6] = {2, 0, 0, 0, end % 2 ? 0 : 1, wire};
	struct weft_addr ip4 = {WEFT_AF_INET, {10, 0, wire, host}};
	struct weft_addr ip6 = {WEFT_AF_INET6, {0xfd, [7] = wire, [15] = host}};
	struct weft_netif **netif = &d->ends[end].netif;

	d->end_ids[end] = end;
	if (weft_netif_new(dual_stack_of_end(d, end), end == 3 ? "eth1" : "eth0", mac, 1500,
			   &frame_ops, &d->end_ids[end], netif) < 0 ||
	    weft_addr_add(*netif, &ip4, 24) < 0 || (has_ip6 && weft_addr_add(*netif, &ip6, 64) < 0))
		abort();
}

static void node_open(struct dual *d, uint8_t node)
{
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET6, .port = 80};
	struct dual_slot *slot = dual_socket(d, node, WEFT_AF_INET6, WEFT_SOCK_STREAM, 0);

	if (!slot || weft_bind(slot->s, &any) < 0 || weft_listen(slot->s, 5) < 0)
		abort();
	slot->is_listener = true;
	any.port = 53;
	slot = dual_socket(d, node, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0);
	if (!slot || weft_bind(slot->s, &any) < 0)
		abort();
}

static void routes_add(struct dual *d, bool has_ip6)
{
	if (weft_route_add_text(d->st[DUAL_A], "default via 10.0.0.1") < 0 ||
	    weft_route_add_text(d->st[DUAL_B], "default via 10.0.1.1") < 0)
		abort();
	if (has_ip6 && (weft_route_add_text(d->st[DUAL_A], "default via fd00::1") < 0 ||
			weft_route_add_text(d->st[DUAL_B], "default via fd00:0:0:1::1") < 0))
		abort();
}

static enum ip_verdict judge(struct ip_hook *hook, struct pkt *pkt, struct ip_hook_ctx *ctx)
{
	struct dual *d = container_of(hook, struct dual, hook);

	assert(pkt_off(pkt) == pkt->l3_off);
	ctx->why = DROP_IP_ROUTE_PROHIBIT;
	if (d->verdict == IP_STOLEN)
		pkt_free(pkt);
	return d->verdict;
}

void dual_init(struct dual *d, uint8_t how, struct twin *twin)
{
	static const char *const names[] = {"a", "r", "b"};
	struct weft_engine_config cfg = {
		.now_ns = how & DUAL_LATE ? ((INT64_C(1) << 32) - 3000) * 1000000 : 1000000000,
		.has_seed = true,
		.seed = 1,
		.realloc = dual_realloc,
		.mem_ctx = d,
		.mem_limit_bytes = DUAL_MEM_MAX,
		.trace_events = 16,
	};
	bool has_ip6 = !(how & DUAL_AUTO);

	memset(d, 0, offsetof(struct dual, queue));
	d->twin = twin;
	if (weft_engine_new(&cfg, &d->eng) < 0)
		abort();
	for (int i = 0; i < DUAL_NODES; i++)
		if (weft_stack_new(d->eng, names[i], &d->st[i]) < 0)
			abort();
	if (weft_stack_set(d->st[DUAL_ROUTER], "net.ipv4.ip_forward", 1) < 0 ||
	    weft_stack_set(d->st[DUAL_ROUTER], "net.ipv6.conf.all.forwarding", 1) < 0 ||
	    weft_stack_set(d->st[DUAL_ROUTER], "net.ipv4.igmp_querier", !!(how & DUAL_QUERIER)) < 0)
		abort();
	for (int i = 0; twin->is_second && i < DUAL_NODES; i++)
		twin_no_short(stack_of(d->st[i]));
	list_init(&d->hook.link);
	d->hook.fn = judge;
	d->peer.cpu = &engine_of(d->eng)->cpu;
	for (uint8_t end = 0; end < 2 * DUAL_WIRES; end++)
		end_add(d, end, end % 2 || has_ip6);
	routes_add(d, has_ip6);
	for (uint8_t node = 0; node < DUAL_NODES; node++)
		node_open(d, node);
	dual_settle(d);
}

void dual_fini(struct dual *d)
{
	struct weft_engine_stats stats;

	d->fail_in = 0;
	if (list_is_linked(&d->hook.link))
		ip_hook_del(&d->hook);
	for (int i = 0; i < DUAL_NODES; i++)
		weft_stack_free(d->st[i]);
	weft_engine_stats(d->eng, &stats);
	assert(stats.pkts_used == 0 && stats.bufs_used == 0 && stats.n_timers == 0);
	weft_engine_free(d->eng);
	assert(d->mem_bytes == 0);
}
