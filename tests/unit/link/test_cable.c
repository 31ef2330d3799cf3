/* SPDX-License-Identifier: MIT */
/* Cables between two engines, both stepped by hand; with threads: drivers/test_cable.c. */
#include "fixture.h"

#include "core/door.h"
#include "link/cable.h"
#include "link/frame_ring.h"
#include "wire/gro.h"

enum {
	PROTO = 0x88b5,
	QUEUE = 4,
	BIG = 60000,
};

/* What arrived last, anywhere. */
static struct {
	uint32_t n, len;
	uint64_t n_bytes;
	struct netif *netif;
	struct pkt copy;
	uint8_t first, last;
} seen;

static enum drop proto_input(struct netif *netif, struct pkt *pkt)
{
	seen.n++;
	seen.len = pkt->len;
	seen.n_bytes += pkt->len;
	seen.netif = netif;
	memcpy(&seen.copy, pkt, offsetof(struct pkt, room));
	pkt_copy_out(pkt, 0, &seen.first, 1);
	pkt_copy_out(pkt, pkt->len - 1, &seen.last, 1);
	pkt_free(pkt);
	return DROP_NONE;
}

struct pair {
	struct engine *eng[2];
	struct stack *st[2];
	struct netif *end[2];
	struct cable *cable;
	int n_wakes[2];
};

static const struct cable_config config = {.ring_bytes = FRAME_RING_BYTES_MIN, .queue_pkts = QUEUE};

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(cable_new(&config, &p->cable), 0);
	for (int i = 0; i < 2; i++) {
		p->eng[i] = fix_engine();
		p->st[i] = fix_stack(p->eng[i], i ? "b" : "a");
		assert_int_equal(stack_eth_proto_add(p->st[i], PROTO, proto_input), 0);
		assert_int_equal(cable_plug(p->cable, i, p->st[i], "eth0", &p->end[i]), 0);
		netif_set_up(p->end[i], true);
	}
	cable_unref(p->cable);
	fix_settle(p->eng[0]);
	assert_true(netif_is_running(p->end[0]));
	assert_true(netif_is_running(p->end[1]));
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	fix_end(p->eng[0]);
	fix_end(p->eng[1]);
	free(p);
	return 0;
}

/* `len` bytes behind the header, counting up. */
static struct pkt *frame_to(struct pair *p, int from, uint32_t len)
{
	struct fix_frame f = fix_frame(p->end[!from]->hwaddr, fix_mac(1), PROTO);
	struct pkt *pkt = fix_pkt(p->eng[from], f.b, f.len);
	static uint8_t bytes[BIG];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i % 251);
	assert_int_equal(pkt_append(pkt, bytes, len), 0);
	return pkt;
}

static void frame_arrives_when_the_other_engine_runs(void **state)
{
	struct pair *p = *state;

	assert_int_equal(netif_tx(p->end[0], frame_to(p, 0, 100)), 0);
	fix_settle(p->eng[0]);
	assert_int_equal(seen.n, 0);
	fix_assert_pools_empty(p->eng[0]);
	fix_settle(p->eng[1]);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.len, 100);
	assert_int_equal(seen.last, 99);
	assert_ptr_equal(seen.netif, p->end[1]);
	assert_int_equal(netif_tx(p->end[1], frame_to(p, 1, 5)), 0);
	fix_settle(p->eng[1]);
	fix_settle(p->eng[0]);
	assert_int_equal(seen.n, 2);
	assert_ptr_equal(seen.netif, p->end[0]);
}

static void super_packet_crosses_whole_with_its_states(void **state)
{
	struct pair *p = *state;
	struct pkt *pkt = frame_to(p, 0, BIG);

	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN + 20);
	pkt->csum_off = 16;
	pkt->gso_type = PKT_GSO_TCP4;
	pkt->gso_size = 1448;
	pkt->mark = 7;
	assert_int_equal(netif_tx(p->end[0], pkt), 0);
	fix_settle(p->eng[0]);
	fix_settle(p->eng[1]);
	assert_int_equal(seen.len, BIG);
	assert_int_equal(seen.first, 0);
	assert_int_equal(seen.last, (BIG - 1) % 251);
	assert_int_equal(seen.copy.csum, PKT_CSUM_PARTIAL);
	assert_int_equal(seen.copy.csum_start, seen.copy.l2_off + ETH_HDR_LEN + 20);
	assert_int_equal(seen.copy.csum_off, 16);
	assert_int_equal(seen.copy.gso_type, PKT_GSO_TCP4);
	assert_int_equal(seen.copy.gso_size, 1448);
	assert_int_equal(seen.copy.mark, 0);
	assert_ptr_equal(seen.copy.pools, &p->eng[1]->pkts);
}

/* A super-packet of TCP to the other end, of `n` segments of `mss` bytes each. */
static struct pkt *segments_to(struct pair *p, int from, uint32_t n, uint16_t mss)
{
	static const uint8_t hdrs[40] = {
		[0] = 0x45, [6] = 0x40, [8] = 64,  [9] = 6,     [12] = 10,   [15] = 1,   [16] = 10,
		[19] = 2,   [21] = 80,  [23] = 80, [32] = 0x50, [33] = 0x10, [34] = 255,
	};
	struct fix_frame f = fix_frame(p->end[!from]->hwaddr, fix_mac(1), ETHERTYPE_IPV4);
	static uint8_t payload[BIG];
	struct gso_hdr hdr;
	struct pkt *pkt;

	fix_frame_add(&f, hdrs, sizeof(hdrs));
	assert_int_equal(gso_hdr_parse(f.b, f.len, &hdr), 0);
	gro_hdr_patch(f.b, &hdr, n * mss, false);
	pkt = fix_pkt(p->eng[from], f.b, f.len);
	assert_int_equal(pkt_append(pkt, payload, n * mss), 0);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + hdr.l4_off);
	pkt->csum_off = hdr.csum_off;
	pkt->gso_type = PKT_GSO_TCP4;
	pkt->gso_size = mss;
	return pkt;
}

/* They cross one by one, each with its checksum, which the receiver verifies. */
static void frames_of_a_burst_go_up_together_with_gro(void **state)
{
	struct pair *p = *state;

	assert_int_equal(stack_eth_proto_add(p->st[1], ETHERTYPE_IPV4, proto_input), 0);
	p->end[0]->features_off = NETIF_F_CSUM | NETIF_F_GSO_TCP | NETIF_F_GRO;
	p->end[1]->features_off = NETIF_F_CSUM | NETIF_F_GRO;
	for (uint32_t i = 1; i <= 2; i++) {
		assert_int_equal(netif_tx(p->end[0], segments_to(p, 0, 30, 1000)), 0);
		fix_settle(p->eng[0]);
		fix_settle(p->eng[1]);
		assert_int_equal(p->end[1]->stats.rx_packets, i * 30);
		p->end[1]->features_off = NETIF_F_CSUM;
	}
	/* A packet has room for PKT_FRAGS_MAX buffers besides its own. */
	assert_int_equal(p->end[1]->stats.rx_units, 30 + 3);
	assert_int_equal(seen.n, 30 + 3);
	assert_int_equal(seen.n_bytes, 2 * 30 * 1000 + 33 * 40);
}

/* 4 fit into the ring, QUEUE wait, the rest is dropped. */
static void full_ring_holds_super_packets_back_then_drops_and_counts(void **state)
{
	struct pair *p = *state;

	for (int i = 0; i < 12; i++)
		(void)netif_tx(p->end[0], frame_to(p, 0, BIG));
	fix_settle(p->eng[0]);
	assert_int_equal(p->end[0]->stats.tx_dropped, 12 - 4 - QUEUE);
	fix_assert_drops(p->st[0], DROP_IF_TX_QUEUE, 12 - 4 - QUEUE);
	fix_settle(p->eng[1]);
	assert_int_equal(seen.n, 4);
	fix_settle(p->eng[0]); /* has been told of the room */
	fix_assert_pools_empty(p->eng[0]);
	fix_settle(p->eng[1]);
	assert_int_equal(seen.n, 4 + QUEUE);
	assert_int_equal(seen.n_bytes, (uint64_t)(4 + QUEUE) * BIG);
}

static void packets_that_wait_keep_their_order(void **state)
{
	struct pair *p = *state;
	uint32_t len = BIG;

	for (int i = 0; i < 4; i++)
		(void)netif_tx(p->end[0], frame_to(p, 0, len));
	for (int i = 0; i < 3; i++)
		(void)netif_tx(p->end[0], frame_to(p, 0, i == 0 ? len : 10u + (uint32_t)i));
	fix_settle(p->eng[0]);
	fix_settle(p->eng[1]);
	fix_settle(p->eng[0]);
	fix_settle(p->eng[1]);
	assert_int_equal(seen.n, 7);
	assert_int_equal(seen.len, 12);
	assert_int_equal(p->end[0]->stats.tx_dropped, 0);
}

static void receiver_without_memory_counts_what_it_loses(void **state)
{
	struct pair *p = *state;
	struct buf *bufs[FIX_BUFS_MAX];
	uint32_t n;

	(void)netif_tx(p->end[0], frame_to(p, 0, 1000));
	fix_settle(p->eng[0]);
	n = fix_exhaust_bufs(p->eng[1], bufs);
	fix_settle(p->eng[1]);
	assert_int_equal(seen.n, 0);
	assert_int_equal(p->end[1]->stats.rx_dropped, 1);
	fix_assert_drops(p->st[1], DROP_NOMEM, 1);
	fix_release_bufs(bufs, n);
}

static void carrier_follows_the_other_end(void **state)
{
	struct pair *p = *state;

	netif_set_up(p->end[1], false);
	fix_settle(p->eng[0]);
	assert_false(p->end[0]->flags & NETIF_CARRIER);
	assert_int_equal(netif_tx(p->end[0], frame_to(p, 0, 10)), -ENETDOWN);
	netif_set_up(p->end[1], true);
	fix_settle(p->eng[0]);
	assert_true(netif_is_running(p->end[0]));
}

static void end_that_goes_with_frames_under_way_leaves_nothing(void **state)
{
	struct pair *p = *state;

	for (int i = 0; i < 7; i++)
		(void)netif_tx(p->end[0], frame_to(p, 0, BIG));
	fix_settle(p->eng[0]);
	netif_del(p->end[1]); /* what it was sent is lost */
	fix_assert_pools_empty(p->eng[1]);
	fix_settle(p->eng[0]);
	assert_false(p->end[0]->flags & NETIF_CARRIER);
	netif_del(p->end[0]); /* with some still in its queue */
	fix_assert_pools_empty(p->eng[0]);
	assert_int_equal(seen.n, 0);
}

static void wake(void *arg)
{
	++*(int *)arg;
}

static void sleeping_engine_is_woken_once_and_an_awake_one_never(void **state)
{
	struct pair *p = *state;

	engine_set_wake(p->eng[1], wake, &p->n_wakes[1]);
	(void)netif_tx(p->end[0], frame_to(p, 0, 10));
	fix_settle(p->eng[0]);
	assert_int_equal(p->n_wakes[1], 0);
	assert_false(engine_doze(p->eng[1])); /* something is there */
	fix_settle(p->eng[1]);
	assert_true(engine_doze(p->eng[1]));
	for (int i = 0; i < 3; i++) {
		(void)netif_tx(p->end[0], frame_to(p, 0, 10));
		fix_settle(p->eng[0]);
	}
	assert_int_equal(p->n_wakes[1], 1);
	fix_settle(p->eng[1]);
	assert_int_equal(seen.n, 4);
	(void)netif_tx(p->end[0], frame_to(p, 0, 10));
	fix_settle(p->eng[0]);
	assert_int_equal(p->n_wakes[1], 1);
	engine_set_wake(p->eng[1], NULL, NULL);
}

static void sender_that_waits_for_room_is_woken_for_it_alone(void **state)
{
	struct pair *p = *state;

	engine_set_wake(p->eng[0], wake, &p->n_wakes[0]);
	(void)netif_tx(p->end[0], frame_to(p, 0, 10));
	fix_settle(p->eng[0]);
	assert_true(engine_doze(p->eng[0]));
	fix_settle(p->eng[1]);
	assert_int_equal(p->n_wakes[0], 0); /* has sent all it had */
	for (int i = 0; i < 6; i++)
		(void)netif_tx(p->end[0], frame_to(p, 0, BIG));
	fix_settle(p->eng[0]);
	assert_true(engine_doze(p->eng[0]));
	fix_settle(p->eng[1]);
	assert_int_equal(p->n_wakes[0], 1);
	engine_set_wake(p->eng[0], NULL, NULL);
	fix_settle(p->eng[0]);
	fix_settle(p->eng[1]);
	assert_int_equal(seen.n, 7);
}

static void end_is_plugged_in_once(void **state)
{
	struct pair *p = *state;
	struct netif *nif;
	struct cable *c;

	assert_int_equal(cable_new(&config, &c), 0);
	assert_int_equal(cable_plug(c, 0, p->st[0], "eth0", &nif), -EEXIST); /* and is free again */
	assert_int_equal(cable_plug(c, 0, p->st[0], "eth1", &nif), 0);
	assert_int_equal(cable_plug(c, 0, p->st[0], "eth2", &nif), -EBUSY);
	assert_int_equal(cable_plug(c, 1, p->st[0], "eth2", &nif), 0); /* of one engine, too */
	cable_unref(c);
	netif_del(nif);
	netif_del(netif_find(p->st[0], "eth1"));
}

static uint32_t n_allocs_left;

static void *counted_realloc(void *ctx UNUSED, void *ptr, size_t old_bytes UNUSED, size_t new_bytes)
{
	if (!new_bytes) {
		free(ptr);
		return NULL;
	}
	return n_allocs_left && n_allocs_left-- ? realloc(ptr, new_bytes) : NULL;
}

static void cable_without_memory_or_sense_is_refused(void **state UNUSED)
{
	struct cable_config cfg = config;
	struct cable *c;

	cfg.ring_bytes = FRAME_RING_BYTES_MIN - 1;
	assert_int_equal(cable_new(&cfg, &c), -EINVAL);
	cfg = config;
	cfg.queue_pkts = 0;
	assert_int_equal(cable_new(&cfg, &c), -EINVAL);
	cfg = config;
	cfg.realloc = counted_realloc;
	for (uint32_t n = 0; n < 5; n++) {
		n_allocs_left = n;
		assert_int_equal(cable_new(&cfg, &c), -ENOMEM);
	}
	cable_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(frame_arrives_when_the_other_engine_runs),
		T(super_packet_crosses_whole_with_its_states),
		T(frames_of_a_burst_go_up_together_with_gro),
		T(full_ring_holds_super_packets_back_then_drops_and_counts),
		T(packets_that_wait_keep_their_order),
		T(receiver_without_memory_counts_what_it_loses),
		T(carrier_follows_the_other_end),
		T(end_that_goes_with_frames_under_way_leaves_nothing),
		T(sleeping_engine_is_woken_once_and_an_awake_one_never),
		T(sender_that_waits_for_room_is_woken_for_it_alone),
		T(end_is_plugged_in_once),
		cmocka_unit_test(cable_without_memory_or_sense_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
