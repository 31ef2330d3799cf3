/* SPDX-License-Identifier: MIT */
/* IPv6 output in a straight line, ip6_output_plain(), beside ip6_output(). */
#include "nd_net.h"

#include "ip/hook.h"
#include "ip/ip6_priv.h"
#include "link/neigh.h"

#define HOST "2001:db8::1"
#define PEER "2001:db8::9"

enum {
	TCP_LEN = 20,
};

/* The last frame sent. */
struct wire {
	uint32_t n;
	size_t len;
	uint8_t bytes[ND_BYTES_MAX];
};

struct net {
	struct weft_engine *eng;
	struct weft_stack *host;
	struct weft_netif *nif;
	struct stack *st;
	struct wire wire;
	struct ip_dst dst;
};

static int wire_tx(void *arg, const void *frame, size_t len)
{
	struct wire *w = arg;

	assert_true(len <= sizeof(w->bytes));
	memcpy(w->bytes, frame, len);
	w->len = len;
	w->n++;
	return 0;
}

static int setup(void **state)
{
	static const struct weft_frame_ops ops = {wire_tx};
	struct weft_engine_config cfg = {.has_seed = true, .seed = 7};
	struct net *n = calloc(1, sizeof(*n));
	struct weft_addr a;

	assert_non_null(n);
	assert_int_equal(weft_engine_new(&cfg, &n->eng), 0);
	assert_int_equal(weft_stack_new(n->eng, "host", &n->host), 0);
	n->st = stack_of(n->host);
	assert_int_equal(weft_stack_set(n->host, "net.ipv6.conf.all.accept_dad", 0), 0);
	assert_int_equal(weft_stack_set(n->host, "net.ipv6.conf.all.accept_ra", 0), 0);
	assert_int_equal(
		weft_netif_new(n->host, "eth0", nd_host_mac, 1500, &ops, &n->wire, &n->nif), 0);
	assert_int_equal(weft_addr_parse(HOST, &a), 0);
	assert_int_equal(weft_addr_add(n->nif, &a, 64), 0);
	assert_int_equal(weft_addr_parse(PEER, &a), 0);
	assert_int_equal(weft_neigh_add(n->nif, &a, nd_peer_mac), 0);
	(void)weft_engine_run(n->eng, 60 * ND_SEC);
	n->wire.n = 0;
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;
	struct weft_engine_stats stats;

	weft_stack_free(n->host);
	weft_engine_stats(n->eng, &stats);
	assert_int_equal(stats.pkts_used, 0);
	assert_int_equal(stats.bufs_used, 0);
	weft_engine_free(n->eng);
	free(n);
	return 0;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

/* A segment between these ports, with `len` bytes behind its header. */
static struct pkt *segment(struct net *n, uint16_t port, uint32_t len)
{
	struct pkt *pkt = pkt_alloc(&n->st->eng->pkts, TCP_LEN + len);
	uint8_t *p = pkt ? pkt_put(pkt, TCP_LEN + len) : NULL;

	assert_non_null(p);
	memset(p, (int)len, TCP_LEN + len);
	store_be16(p, port);
	store_be16(p + 2, 80);
	pkt->l4_off = pkt_off(pkt);
	return pkt;
}

#define IP_OUT(d, ...)                               \
	((struct ip_out){.flow.dst = addr(d),        \
			 .flow.src = addr(HOST),     \
			 .flow.proto = IP_PROTO_TCP, \
			 .df = true,                 \
			 __VA_ARGS__})

static bool out_plain(struct net *n, struct pkt *pkt, const struct ip_out *o)
{
	const struct ip_plain plain = {.dst = o->dst,
				       .src = &o->flow.src,
				       .to = &o->flow.dst,
				       .mark = o->flow.mark,
				       .proto = o->flow.proto,
				       .tos = o->flow.tos,
				       .ttl = o->ttl};
	int err = ip6_output_plain(n->st, pkt, &plain);

	if (err == IP_NOT_PLAIN)
		pkt_free(pkt);
	else
		assert_int_equal(err, 0);
	return err != IP_NOT_PLAIN;
}

/* Fields, label and counters are the same, whatever the packet is like. */
static void plain_packets_leave_as_others_do(void **state)
{
	struct net *n = *state;
	struct ip_out o = IP_OUT(PEER, .dst = &n->dst);
	uint64_t general[3], *mib = n->st->mib;
	struct wire first;

	assert_false(out_plain(n, segment(n, 1, 8), &o)); /* there is no route yet */
	assert_int_equal(ip6_output(n->st, segment(n, 1, 8), &o), 0);
	for (uint16_t i = 0; i < 64; i++) {
		uint16_t port = (uint16_t)(1000 + i / 16);
		uint32_t len = 1 + (uint32_t)i;

		o.ttl = i % 3 ? 0 : (uint8_t)i;
		o.flow.tos = (uint8_t)(i * 4);
		n->st->ip6->conf.auto_flowlabels = i % 8 != 7;
		if (i == 32)
			netif_of(n->nif)->ip6->conf.hop_limit = 9;
		general[0] = mib[MIB_Ip6OutRequests];
		general[1] = mib[MIB_Ip6OutOctets];
		general[2] = netif_of(n->nif)->stats.tx_bytes;
		assert_int_equal(ip6_output(n->st, segment(n, port, len), &o), 0);
		general[0] = 2 * mib[MIB_Ip6OutRequests] - general[0];
		general[1] = 2 * mib[MIB_Ip6OutOctets] - general[1];
		general[2] = 2 * netif_of(n->nif)->stats.tx_bytes - general[2];
		first = n->wire;
		assert_true(out_plain(n, segment(n, port, len), &o));
		assert_int_equal(n->wire.n, first.n + 1);
		assert_int_equal(n->wire.len, first.len);
		assert_memory_equal(n->wire.bytes, first.bytes, first.len);
		assert_int_equal(mib[MIB_Ip6OutRequests], general[0]);
		assert_int_equal(mib[MIB_Ip6OutOctets], general[1]);
		assert_int_equal(netif_of(n->nif)->stats.tx_bytes, general[2]);
	}
}

static enum ip_verdict steal(struct ip_hook *hook UNUSED, struct pkt *pkt,
			     struct ip_hook_ctx *ctx UNUSED)
{
	pkt_free(pkt);
	return IP_STOLEN;
}

static void packets_with_something_in_their_way_are_not_plain(void **state)
{
	static const enum ip_hook_point points[] = {IP_HOOK_OUTPUT, IP_HOOK_POSTROUTING};
	struct net *n = *state;
	struct ip_out o = IP_OUT(PEER, .dst = &n->dst);
	struct ip_hook hook = {.fn = steal};
	struct pkt *pkt;
	uint32_t n_sent;

	assert_int_equal(ip6_output(n->st, segment(n, 1, 8), &o), 0);
	n_sent = n->wire.n;
	assert_false(out_plain(n, segment(n, 1, 500), &o)); /* not in its own room */
	pkt = segment(n, 1, 8);
	pkt->gso_size = 4;
	assert_false(out_plain(n, pkt, &o));
	n->dst.mtu = 1280;
	assert_true(out_plain(n, segment(n, 1, 8), &o));
	n->dst.mtu = IP6_HDR_LEN + TCP_LEN + 8;
	assert_true(out_plain(n, segment(n, 1, 8), &o));
	assert_false(out_plain(n, segment(n, 1, 9), &o));
	n->dst.mtu = 1500;
	pkt = segment(n, 1, 8);
	pkt->data -= pkt_headroom(pkt) - IP6_HDR_LEN; /* no room for Ethernet's header */
	assert_false(out_plain(n, pkt, &o));
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		ip_hook_add(&n->st->ip6->hooks, points[i], &hook);
		assert_false(out_plain(n, segment(n, 1, 8), &o));
		ip_hook_del(&hook);
	}
	assert_true(out_plain(n, segment(n, 1, 8), &o));
	ip_dst_invalidate_all(n->st);
	assert_false(out_plain(n, segment(n, 1, 8), &o));
	assert_int_equal(n->wire.n, n_sent + 3);
}

/* One that has to be asked for, one that has to be asked whether it is there, and ourselves. */
static void neighbours_that_are_not_known_are_not_plain(void **state)
{
	struct net *n = *state;
	struct ip_out o = IP_OUT("2001:db8::99", .dst = &n->dst);
	struct weft_addr a;

	assert_int_equal(ip6_output(n->st, segment(n, 1, 8), &o), 0);
	assert_false(out_plain(n, segment(n, 1, 8), &o));
	assert_int_equal(weft_addr_parse("2001:db8::99", &a), 0);
	assert_int_equal(weft_neigh_set(n->nif, &a, nd_peer_mac, WEFT_NUD_STALE), 0);
	n->dst.gen = 0;
	assert_int_equal(ip_route(n->st, &o.flow, &n->dst, NULL), 0);
	n->dst.neigh = neigh_find(n->dst.netif, &n->dst.nexthop);
	assert_non_null(n->dst.neigh);
	assert_false(out_plain(n, segment(n, 1, 8), &o));
	assert_int_equal(ip6_output(n->st, segment(n, 1, 8), &o), 0); /* DELAY */
	assert_true(out_plain(n, segment(n, 1, 8), &o));
	o = IP_OUT(HOST, .dst = &n->dst);
	n->dst.gen = 0;
	assert_int_equal(ip6_output(n->st, segment(n, 1, 8), &o), 0);
	assert_false(out_plain(n, segment(n, 1, 8), &o));
	(void)weft_engine_run(n->eng, 100 * ND_SEC);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(plain_packets_leave_as_others_do),
		T(packets_with_something_in_their_way_are_not_plain),
		T(neighbours_that_are_not_known_are_not_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
