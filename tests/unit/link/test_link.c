/* SPDX-License-Identifier: MIT */
/*
 * The layer as a whole: super-packets on their way through wires, bridges and links, and what
 * happens when memory fails at any point of building such a network and talking across it.
 */
#include "fixture.h"

#include "base/csum.h"
#include "core/sysctl.h"
#include "link/arp.h"
#include "link/bridge.h"
#include "link/link.h"
#include "link/loopback.h"
#include "link/media.h"
#include "link/neigh.h"
#include "link/veth.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

enum {
	HDRS = ETH_HDR_LEN + IP4_HDR_LEN + TCP_HDR_LEN,
	MSS = 1000,
	N_PAYLOAD = 10 * MSS,
};

/* What arrived at the last interface. */
static struct {
	uint32_t n, n_bytes, max_len;
	uint8_t csum;
	bool is_bad; /* an L4 checksum does not fit the bytes */
} seen;

static bool csum_fits(const struct pkt *pkt)
{
	uint32_t off = ETH_HDR_LEN + IP4_HDR_LEN;
	uint8_t pseudo[12] = {0};

	pkt_copy_out(pkt, ETH_HDR_LEN + 12, pseudo, 8);
	pseudo[9] = IP_PROTO_TCP;
	store_be16(pseudo + 10, (uint16_t)(pkt->len - off));
	return csum_fold(pkt_csum_add(pkt, off, pkt->len - off,
				      csum_add(pkt->pools->cpu, pseudo, 12, 0))) == 0xffff;
}

static enum drop last_input(struct netif *netif UNUSED, struct pkt *pkt)
{
	seen.n++;
	seen.n_bytes += pkt->len;
	seen.max_len = pkt->len > seen.max_len ? pkt->len : seen.max_len;
	seen.csum = pkt->csum;
	if (pkt->csum != PKT_CSUM_PARTIAL && !csum_fits(pkt))
		seen.is_bad = true;
	pkt_free(pkt);
	return DROP_NONE;
}

/*
 *	a: veth ==== veth :switch: link ---- link :c
 */
struct net {
	struct engine *eng;
	struct stack *a, *sw, *c;
	struct netif *wire[2]; /* at a, at the switch */
	struct media *m;
	struct bridge *br;
};

static struct net net_new(void)
{
	struct net net = {.eng = fix_engine()};
	const struct media_conf conf = {0};
	struct media_end m0, m1;
	struct veth_end v0, v1;

	memset(&seen, 0, sizeof(seen));
	net.a = fix_stack(net.eng, "a");
	net.sw = fix_stack(net.eng, "switch");
	net.c = fix_stack(net.eng, "c");
	v0 = (struct veth_end){.stack = net.a, .name = "eth0"};
	v1 = (struct veth_end){.stack = net.sw, .name = "p0"};
	assert_int_equal(veth_new(&v0, &v1, net.wire), 0);
	m0 = (struct media_end){.stack = net.sw, .name = "p1", .conf = &conf};
	m1 = (struct media_end){.stack = net.c, .name = "eth0", .conf = &conf};
	assert_int_equal(media_new(&m0, &m1, &net.m), 0);
	assert_int_equal(bridge_new(net.sw, &net.br), 0);
	assert_int_equal(bridge_add(net.br, net.wire[1]), 0);
	assert_int_equal(bridge_add(net.br, media_netif(net.m, 0)), 0);
	for (int i = 0; i < 2; i++) {
		netif_set_up(net.wire[i], true);
		netif_set_up(media_netif(net.m, i), true);
	}
	media_netif(net.m, 1)->input = last_input;
	return net;
}

/* A TCP super-packet whose payload lies in a buffer of its own. */
static struct pkt *super_packet(struct net *net)
{
	struct pkt *pkt = pkt_alloc(&net->eng->pkts, HDRS);
	struct buf *buf = buf_alloc(&net->eng->pkts, N_PAYLOAD);
	uint8_t *p = pkt_put(pkt, HDRS);

	eth_hdr_write(p, &(struct eth_hdr){.dst = media_netif(net->m, 1)->hwaddr,
					   .src = net->wire[0]->hwaddr,
					   .type = ETHERTYPE_IPV4});
	ip4_hdr_write(p + ETH_HDR_LEN, &(struct ip4_hdr){.src = IP4_ADDR(10, 0, 0, 1),
							 .dst = IP4_ADDR(10, 0, 0, 2),
							 .hdr_len = IP4_HDR_LEN,
							 .tot_len = HDRS - ETH_HDR_LEN + N_PAYLOAD,
							 .ttl = 64,
							 .proto = IP_PROTO_TCP});
	tcp_hdr_write(p + ETH_HDR_LEN + IP4_HDR_LEN,
		      &(struct tcp_hdr){.seq = 1, .data_off = TCP_HDR_LEN, .flags = TCP_F_ACK});
	for (uint32_t i = 0; i < N_PAYLOAD; i++)
		buf->bytes[i] = (uint8_t)(i * 7);
	assert_true(pkt_add_frag(pkt, buf, 0, N_PAYLOAD));
	buf_unref(buf);
	pkt->l3_off = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN);
	pkt->l4_off = (uint16_t)(pkt->l3_off + IP4_HDR_LEN);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = pkt->l4_off;
	pkt->csum_off = 16;
	pkt->gso_size = MSS;
	pkt->gso_type = PKT_GSO_TCP4;
	return pkt;
}

static void super_packet_crosses_wire_bridge_and_link_whole(void **state UNUSED)
{
	struct net net = net_new();

	assert_int_equal(media_set(net.m, 0, &(struct media_conf){.delay_ns = MSEC}), 0);
	assert_int_equal(netif_tx(net.wire[0], super_packet(&net)), 0);
	fix_advance(net.eng, SEC);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.n_bytes, HDRS + N_PAYLOAD);
	assert_int_equal(seen.csum, PKT_CSUM_PARTIAL);
	assert_int_equal(media_stats(net.m, 0)->frames, 10);
	assert_int_equal(media_stats(net.m, 0)->bytes, 10 * (HDRS + MSS));
	fix_end(net.eng);
}

static void super_packet_is_split_by_a_link_with_a_rate(void **state UNUSED)
{
	struct net net = net_new();

	assert_int_equal(media_set(net.m, 0, &(struct media_conf){.rate_bps = 8000000}), 0);
	assert_int_equal(netif_tx(net.wire[0], super_packet(&net)), 0);
	fix_advance(net.eng, SEC);
	assert_int_equal(seen.n, 10);
	assert_int_equal(seen.max_len, HDRS + MSS);
	assert_int_equal(seen.csum, PKT_CSUM_PARTIAL);
	assert_int_equal(media_stats(net.m, 0)->busy_ns, 10 * (HDRS + MSS) * USEC);
	fix_end(net.eng);
}

static void corrupted_frame_has_a_checksum_that_tells(void **state UNUSED)
{
	struct net net = net_new();

	assert_int_equal(media_set(net.m, 0, &(struct media_conf){.corrupt_ppm = MEDIA_PPM}), 0);
	assert_int_equal(netif_tx(net.wire[0], super_packet(&net)), 0);
	fix_settle(net.eng);
	assert_int_equal(media_stats(net.m, 0)->corrupted, 10);
	assert_int_equal(seen.n, 10);
	assert_int_equal(seen.csum, PKT_CSUM_NONE);
	assert_true(seen.is_bad);
	fix_end(net.eng);
}

static void super_packet_is_measured_by_its_frames_at_a_bridge_port(void **state UNUSED)
{
	struct net net = net_new();
	struct netif *port = media_netif(net.m, 0);

	assert_int_equal(netif_set_mtu(port, HDRS - ETH_HDR_LEN + MSS), 0);
	assert_int_equal(netif_tx(net.wire[0], super_packet(&net)), 0);
	fix_settle(net.eng);
	assert_int_equal(seen.n, 1);
	assert_int_equal(netif_set_mtu(port, HDRS - ETH_HDR_LEN + MSS - 1), 0);
	assert_int_equal(netif_tx(net.wire[0], super_packet(&net)), 0);
	fix_settle(net.eng);
	assert_int_equal(seen.n, 1);
	fix_assert_drops(net.sw, DROP_IF_MTU, 10);
	fix_end(net.eng);
}

static void journey_tells_every_stack_and_the_bridge(void **state UNUSED)
{
	struct net net = net_new();
	struct trace_event ev;
	bool has_bridge = false, has_stack = false;

	media_netif(net.m, 1)->input = NULL; /* so that it is dropped, and traced */
	assert_int_equal(netif_tx(net.wire[0], super_packet(&net)), 0);
	fix_settle(net.eng);
	while (trace_read(net.eng, &ev))
		for (int i = 0; ev.kind == TRACE_DROP && i < ev.n_hops; i++) {
			has_bridge |= (ev.hops[i] & HOP_KIND_MASK) == HOP_BRIDGE;
			has_stack |= ev.hops[i] == (HOP_STACK | net.c->id);
		}
	assert_true(has_bridge && has_stack);
	fix_end(net.eng);
}

static void settings_of_the_cache_have_linux_names(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct stack *st = fix_stack(eng, "a");
	int64_t value;

	assert_int_equal(sysctl_get(st, "net.ipv4.neigh.default.base_reachable_time_ms", &value),
			 0);
	assert_int_equal(value, 30000);
	assert_int_equal(sysctl_set(st, "net.ipv4.neigh.default.retrans_time_ms", 250), 0);
	assert_int_equal(neigh_params(st)->retrans_time_ms, 250);
	assert_int_equal(sysctl_set(st, "net.ipv4.neigh.default.retrans_time_ms", 0), -EINVAL);
	assert_int_equal(sysctl_set(st, "net.ipv4.neigh.default.unres_qlen", 3), 0);
	assert_int_equal(neigh_params(st)->unres_qlen, 3);
	fix_end(eng);
}

/* A heap whose n-th allocation fails, once. */
struct heap {
	int64_t n_left;
	bool has_failed;
};

static void *heap_realloc(void *ctx, void *ptr, size_t old_bytes UNUSED, size_t new_bytes)
{
	struct heap *heap = ctx;

	if (new_bytes == 0) {
		free(ptr);
		return NULL;
	}
	if (heap->n_left-- == 0) {
		heap->has_failed = true;
		return NULL;
	}
	return realloc(ptr, new_bytes);
}

static bool fault_source(struct netif *netif UNUSED, const struct ip_addr *target UNUSED,
			 const struct pkt *waiting UNUSED, struct ip_addr *ret)
{
	*ret = ip_addr_from_ip4(&IP4_ADDR(10, 0, 0, 1));
	return true;
}

/* Sends frames that make neighbours and learned addresses, as far as there are packets. */
static void fault_talk(struct engine *eng, struct netif *netif)
{
	static const struct neigh_hooks hooks = {.source = fault_source};

	neigh_hooks_set(netif->stack, &hooks);
	for (uint8_t i = 2; i < 40; i++) {
		struct ip_addr addr = ip_addr_from_ip4(&IP4_ADDR(10, 0, 0, i));
		struct pkt *pkt = pkt_alloc(&eng->pkts, 2000);

		if (!pkt)
			continue;
		memset(pkt_put(pkt, 100), 0, 100);
		pkt->l3_off = pkt_off(pkt);
		netif->hwaddr.b[5] = i;
		(void)neigh_output(netif, pkt, &addr, ETHERTYPE_IPV4, NULL);
	}
	fix_advance(eng, 10 * SEC);
}

/* Builds all there is in this layer, going on as far as it gets. */
static void fault_run(struct engine *eng)
{
	const struct media_conf conf = {
		.rate_bps = 1000000, .duplicate_ppm = 500000, .corrupt_ppm = 500000};
	struct stack *a = stack_new(eng, "a"), *b = stack_new(eng, "b");
	struct netif *end[2] = {0}, *lo;
	struct media *m = NULL;
	struct bridge *br;
	bool has_a = a && !link_init(a), has_b = b && !link_init(b);

	if (has_a)
		(void)!loopback_new(a, "lo", &lo);
	if (has_a && has_b) {
		const struct veth_end v0 = {a, "v0"}, v1 = {b, "v1"};
		const struct media_end m0 = {a, "m0", &conf}, m1 = {b, "m1", &conf};

		(void)!veth_new(&v0, &v1, end);
		(void)!media_new(&m0, &m1, &m);
	}
	if (has_b && m && end[0] && !bridge_new(b, &br)) {
		(void)!bridge_add(br, end[1]);
		(void)!bridge_add(br, media_netif(m, 1));
	}
	for (int i = 0; i < 2 && m && end[0]; i++) {
		netif_set_up(end[i], true);
		netif_set_up(media_netif(m, i), true);
	}
	if (m && end[0])
		fault_talk(eng, end[0]);
}

static void every_allocation_that_fails_leaves_nothing_behind(void **state UNUSED)
{
	struct heap heap = {.has_failed = true};
	uint32_t n;

	for (n = 0; heap.has_failed; n++) {
		const struct engine_config cfg = {.now_ns = FIX_START_NS,
						  .has_seed = true,
						  .seed = 1,
						  .realloc = heap_realloc,
						  .mem_ctx = &heap};
		struct engine *eng;

		heap = (struct heap){.n_left = n};
		if (engine_new(&cfg, &eng)) {
			assert_true(heap.has_failed);
			continue;
		}
		fault_run(eng);
		fix_end(eng); /* asserts that packets, timers and memory are all back */
	}
	print_message("%u allocations\n", n - 1);
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(super_packet_crosses_wire_bridge_and_link_whole),
		cmocka_unit_test(super_packet_is_split_by_a_link_with_a_rate),
		cmocka_unit_test(corrupted_frame_has_a_checksum_that_tells),
		cmocka_unit_test(super_packet_is_measured_by_its_frames_at_a_bridge_port),
		cmocka_unit_test(journey_tells_every_stack_and_the_bridge),
		cmocka_unit_test(settings_of_the_cache_have_linux_names),
		cmocka_unit_test(every_allocation_that_fails_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
