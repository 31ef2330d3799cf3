/* SPDX-License-Identifier: MIT */
/* Virtual Ethernet pairs, and the loopback interface, which is half of one. */
#include "fixture.h"

#include "link/loopback.h"
#include "link/veth.h"

enum {
	PROTO = 0x88b5,
};

/* What arrived last, anywhere. */
static struct {
	uint32_t n, len;
	struct netif *netif;
	struct stack *st;
	struct pkt copy;
} seen;

static enum drop proto_input(struct netif *netif, struct pkt *pkt)
{
	seen.n++;
	seen.len = pkt->len;
	seen.netif = netif;
	seen.st = netif->stack;
	memcpy(&seen.copy, pkt, offsetof(struct pkt, room));
	pkt_free(pkt);
	return DROP_NONE;
}

struct pair {
	struct engine *eng;
	struct stack *st[2];
	struct netif *end[2];
};

static struct pair pair_new(void)
{
	struct pair p = {.eng = fix_engine()};
	struct veth_end a, b;

	memset(&seen, 0, sizeof(seen));
	for (int i = 0; i < 2; i++) {
		p.st[i] = fix_stack(p.eng, i ? "b" : "a");
		assert_int_equal(stack_eth_proto_add(p.st[i], PROTO, proto_input), 0);
	}
	a = (struct veth_end){.stack = p.st[0], .name = "eth0"};
	b = (struct veth_end){.stack = p.st[1], .name = "eth0"};
	assert_int_equal(veth_new(&a, &b, p.end), 0);
	return p;
}

static struct pair pair_up(void)
{
	struct pair p = pair_new();

	netif_set_up(p.end[0], true);
	netif_set_up(p.end[1], true);
	return p;
}

static struct pkt *frame_to(struct engine *eng, const struct eth_addr *dst, const char *text)
{
	struct fix_frame f = fix_frame(*dst, fix_mac(1), PROTO);

	fix_frame_add(&f, text, strlen(text));
	return fix_pkt(eng, f.b, f.len);
}

static void frame_arrives_at_the_peer(void **state UNUSED)
{
	struct pair p = pair_up();

	assert_int_equal(netif_tx(p.end[0], frame_to(p.eng, &p.end[1]->hwaddr, "hello")), 0);
	assert_int_equal(seen.n, 0); /* not from inside the sender's call */
	fix_settle(p.eng);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.len, 5);
	assert_ptr_equal(seen.netif, p.end[1]);
	assert_int_equal(p.end[1]->stats.rx_packets, 1);
	fix_end(p.eng);
}

static void packet_crosses_whole_and_forgets_its_sender(void **state UNUSED)
{
	struct pair p = pair_up();
	struct pkt *pkt = frame_to(p.eng, &p.end[1]->hwaddr, "hello");
	uint32_t trace_id = pkt->trace_id;
	bool has_hop = false;

	pkt->mark = 7;
	pkt->hash = 9;
	pkt->flags = PKT_F_FORWARDED | PKT_F_L2_BROADCAST;
	pkt->nexthop.b[15] = 1;
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN);
	assert_int_equal(netif_tx(p.end[0], pkt), 0);
	fix_settle(p.eng);
	assert_int_equal(seen.copy.csum, PKT_CSUM_PARTIAL);
	assert_int_equal(seen.copy.flags, 0);
	assert_int_equal(seen.copy.mark, 0);
	assert_int_equal(seen.copy.hash, 0);
	assert_int_equal(seen.copy.nexthop.b[15], 0);
	assert_int_equal(seen.copy.trace_id, trace_id);
	for (int i = 0; i < seen.copy.n_hops; i++)
		has_hop |= seen.copy.hops[i] == (HOP_STACK | p.st[1]->id);
	assert_true(has_hop);
	fix_end(p.eng);
}

static void carrier_follows_the_peer(void **state UNUSED)
{
	struct pair p = pair_new();

	assert_false(p.end[0]->flags & NETIF_CARRIER);
	netif_set_up(p.end[0], true);
	assert_false(netif_is_running(p.end[0]));
	netif_set_up(p.end[1], true);
	assert_true(netif_is_running(p.end[0]));
	assert_true(netif_is_running(p.end[1]));
	netif_set_up(p.end[1], false);
	assert_false(netif_is_running(p.end[0]));
	assert_int_equal(netif_tx(p.end[0], frame_to(p.eng, &p.end[1]->hwaddr, "x")), -ENETDOWN);
	fix_assert_drops(p.st[0], DROP_IF_CARRIER, 1);
	fix_end(p.eng);
}

static void deleting_one_end_deletes_both(void **state UNUSED)
{
	struct pair p = pair_up();

	assert_int_equal(netif_tx(p.end[0], frame_to(p.eng, &p.end[1]->hwaddr, "x")), 0);
	netif_del(p.end[0]); /* with a frame on its way */
	assert_null(netif_find(p.st[0], "eth0"));
	assert_null(netif_find(p.st[1], "eth0"));
	fix_settle(p.eng);
	fix_assert_pools_empty(p.eng);
	fix_end(p.eng);
}

static void freeing_one_stack_takes_the_pair(void **state UNUSED)
{
	struct pair p = pair_up();

	stack_free(p.st[1]);
	assert_null(netif_find(p.st[0], "eth0"));
	fix_end(p.eng);
}

static void both_ends_may_be_in_one_stack(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct stack *st = fix_stack(eng, "a");
	struct netif *end[2];
	const struct veth_end a = {.stack = st, .name = "v0"}, b = {.stack = st, .name = "v1"};

	assert_int_equal(veth_new(&a, &b, end), 0);
	assert_ptr_equal(netif_find(st, "v1"), end[1]);
	assert_false(eth_addr_eq(&end[0]->hwaddr, &end[1]->hwaddr));
	fix_end(eng);
}

static void taken_names_are_refused_and_leave_nothing(void **state UNUSED)
{
	struct pair p = pair_new();
	struct netif *end[2] = {0};
	uint64_t n_bytes = p.eng->mem.n_bytes;
	const struct veth_end first[2] = {{p.st[0], "eth0"}, {p.st[1], "eth1"}};
	const struct veth_end second[2] = {{p.st[0], "eth1"}, {p.st[1], "eth0"}};

	assert_int_equal(veth_new(&first[0], &first[1], end), -EEXIST);
	assert_int_equal(veth_new(&second[0], &second[1], end), -EEXIST);
	assert_null(end[0]);
	assert_null(netif_find(p.st[0], "eth1"));
	assert_null(netif_find(p.st[1], "eth1"));
	assert_int_equal(p.eng->mem.n_bytes, n_bytes);
	fix_end(p.eng);
}

static void loopback_brings_it_back_marked(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct stack *st = fix_stack(eng, "a");
	struct netif *lo;
	struct pkt *pkt;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(stack_eth_proto_add(st, PROTO, proto_input), 0);
	assert_int_equal(loopback_new(st, "lo", &lo), 0);
	pkt = frame_to(eng, &lo->hwaddr, "hello");
	pkt->mark = 3;
	netif_set_up(lo, true);
	assert_int_equal(netif_tx(lo, pkt), 0);
	fix_settle(eng);
	assert_int_equal(seen.n, 1);
	assert_ptr_equal(seen.netif, lo);
	assert_int_equal(seen.copy.flags, PKT_F_LOOPED);
	assert_int_equal(loopback_new(st, "lo", &lo), -EEXIST);
	fix_end(eng);
}

static void memory_failing_anywhere_leaves_nothing(void **state UNUSED)
{
	struct pair p = pair_new();
	const struct veth_end ends[2] = {{p.st[0], "v0"}, {p.st[1], "v0"}};
	uint64_t n_bytes = p.eng->mem.n_bytes;
	uint64_t limit_bytes = p.eng->mem.limit_bytes;
	struct netif *end[2], *lo;

	p.eng->mem.limit_bytes = n_bytes;
	assert_int_equal(veth_new(&ends[0], &ends[1], end), -ENOMEM);
	assert_int_equal(loopback_new(p.st[0], "lo", &lo), -ENOMEM);
	assert_int_equal(p.eng->mem.n_bytes, n_bytes);
	p.eng->mem.limit_bytes = limit_bytes;
	fix_end(p.eng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_arrives_at_the_peer),
		cmocka_unit_test(packet_crosses_whole_and_forgets_its_sender),
		cmocka_unit_test(carrier_follows_the_peer),
		cmocka_unit_test(deleting_one_end_deletes_both),
		cmocka_unit_test(freeing_one_stack_takes_the_pair),
		cmocka_unit_test(both_ends_may_be_in_one_stack),
		cmocka_unit_test(taken_names_are_refused_and_leave_nothing),
		cmocka_unit_test(loopback_brings_it_back_marked),
		cmocka_unit_test(memory_failing_anywhere_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
