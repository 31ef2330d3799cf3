/* SPDX-License-Identifier: MIT */
/* The learning bridge: where frames go, what is learned, and the bounds of its table. */
#include "fixture.h"

#include "link/bridge.h"
#include "wire/vlan.h"

enum {
	PROTO = 0x88b5,
	PORTS = 4,
};

struct sw {
	struct engine *eng;
	struct stack *st;
	struct bridge *br;
	struct fix_if *port[PORTS];
};

static struct sw sw_new(void)
{
	struct sw s = {.eng = fix_engine()};
	static const char *const names[PORTS] = {"p0", "p1", "p2", "p3"};

	s.st = fix_stack(s.eng, "switch");
	assert_int_equal(bridge_new(s.st, &s.br), 0);
	for (int i = 0; i < PORTS; i++) {
		s.port[i] = fix_if_new(s.st, names[i]);
		assert_int_equal(bridge_add(s.br, &s.port[i]->netif), 0);
	}
	return s;
}

/* Host `n` has 02::<0x10 + n>. */
static struct eth_addr host(int n)
{
	return fix_mac((uint8_t)(0x10 + n));
}

static void rx(struct sw *s, int port, struct eth_addr src, struct eth_addr dst)
{
	struct fix_frame f = fix_frame(dst, src, PROTO);

	fix_frame_add(&f, "payload", 7);
	fix_rx(s->port[port], &f);
}

/* The ports that sent one frame each, as bits; all is seen afterwards. */
static unsigned int sent_by(struct sw *s)
{
	unsigned int ports = 0;

	for (int i = 0; i < PORTS; i++) {
		struct fix_frame f;

		if (!fix_sent(s->port[i], &f))
			continue;
		assert_int_equal(f.len, ETH_HDR_LEN + 7);
		assert_memory_equal(f.b + ETH_HDR_LEN, "payload", 7);
		fix_assert_silent(s->port[i]);
		ports |= 1u << i;
	}
	return ports;
}

static void unknown_destination_goes_to_every_other_port(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 1, host(1), host(2));
	assert_int_equal(sent_by(&s), 0xd);
	assert_int_equal(bridge_stats(s.br)->flooded, 1);
	fix_end(s.eng);
}

static void learned_destination_goes_to_its_port_alone(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 2, host(2), host(1));
	(void)sent_by(&s);
	rx(&s, 1, host(1), host(2));
	assert_int_equal(sent_by(&s), 0x4);
	assert_int_equal(bridge_stats(s.br)->forwarded, 1);
	assert_int_equal(bridge_stats(s.br)->learned, 2);
	fix_end(s.eng);
}

static void group_frames_go_everywhere(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 0, host(0), ETH_ADDR_BROADCAST);
	assert_int_equal(sent_by(&s), 0xe);
	rx(&s, 0, host(0), ETH_ADDR(1, 0, 0x5e, 0, 0, 9));
	assert_int_equal(sent_by(&s), 0xe);
	fix_end(s.eng);
}

static void frame_never_goes_back(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 1, host(1), ETH_ADDR_BROADCAST);
	(void)sent_by(&s);
	rx(&s, 1, host(2), host(1));
	assert_int_equal(sent_by(&s), 0);
	fix_assert_drops(s.st, DROP_BRIDGE_SAME_PORT, 1);
	fix_end(s.eng);
}

static void reserved_groups_stay_on_their_link(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 0, host(0), ETH_ADDR(1, 0x80, 0xc2, 0, 0, 0));
	rx(&s, 0, host(0), ETH_ADDR(1, 0x80, 0xc2, 0, 0, 0x0f));
	assert_int_equal(sent_by(&s), 0);
	fix_assert_drops(s.st, DROP_BRIDGE_LOCAL, 2);
	rx(&s, 0, host(0), ETH_ADDR(1, 0x80, 0xc2, 0, 0, 0x10));
	assert_int_equal(sent_by(&s), 0xe);
	fix_end(s.eng);
}

static void bad_frames_are_dropped_and_teach_nothing(void **state UNUSED)
{
	struct sw s = sw_new();
	struct fix_frame f = fix_frame(host(1), host(2), PROTO);

	rx(&s, 0, ETH_ADDR(3, 0, 0, 0, 0, 1), host(1));
	fix_assert_drops(s.st, DROP_ETH_SRC, 1);
	f.len = ETH_HDR_LEN - 1;
	fix_rx(s.port[0], &f);
	fix_assert_drops(s.st, DROP_ETH_HDR, 1);
	rx(&s, 0, (struct eth_addr){{0}}, host(1));
	assert_int_equal(sent_by(&s), 0xe);
	assert_int_equal(bridge_n_entries(s.br), 0);
	fix_end(s.eng);
}

static void moved_host_is_found_at_its_new_port(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 1, host(1), ETH_ADDR_BROADCAST);
	rx(&s, 3, host(1), ETH_ADDR_BROADCAST);
	(void)fix_sent(s.port[0], NULL);
	for (int i = 0; i < PORTS; i++)
		fix_ignore_sent(s.port[i]);
	rx(&s, 0, host(0), host(1));
	assert_int_equal(sent_by(&s), 0x8);
	assert_int_equal(bridge_stats(s.br)->moved, 1);
	assert_int_equal(bridge_n_entries(s.br), 2);
	fix_end(s.eng);
}

static void silent_host_is_forgotten_after_300_seconds(void **state UNUSED)
{
	struct sw s = sw_new();
	struct eth_addr mac = host(1);

	rx(&s, 1, mac, ETH_ADDR_BROADCAST);
	(void)sent_by(&s);
	fix_advance(s.eng, 300 * SEC - 1);
	assert_ptr_equal(bridge_find(s.br, &mac), &s.port[1]->netif);
	rx(&s, 0, host(0), mac);
	assert_int_equal(sent_by(&s), 0x2);
	fix_advance(s.eng, 1);
	assert_null(bridge_find(s.br, &mac));
	rx(&s, 0, host(0), mac);
	assert_int_equal(sent_by(&s), 0xe);
	fix_end(s.eng);
}

static void talking_host_is_not_forgotten(void **state UNUSED)
{
	struct sw s = sw_new();
	struct eth_addr mac = host(1);

	for (int i = 0; i < 10; i++) {
		rx(&s, 1, mac, ETH_ADDR_BROADCAST);
		fix_advance(s.eng, 200 * SEC);
	}
	assert_non_null(bridge_find(s.br, &mac));
	fix_end(s.eng);
}

static void stopped_port_is_forgotten_and_not_used(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 1, host(1), ETH_ADDR_BROADCAST);
	rx(&s, 2, host(2), ETH_ADDR_BROADCAST);
	for (int i = 0; i < PORTS; i++)
		fix_ignore_sent(s.port[i]);
	netif_set_carrier(&s.port[1]->netif, false);
	assert_int_equal(bridge_n_entries(s.br), 1);
	rx(&s, 0, host(0), host(1));
	assert_int_equal(sent_by(&s), 0xc);
	fix_end(s.eng);
}

static void last_port_standing_has_nobody_to_send_to(void **state UNUSED)
{
	struct sw s = sw_new();

	for (int i = 1; i < PORTS; i++)
		netif_set_up(&s.port[i]->netif, false);
	rx(&s, 0, host(0), host(1));
	fix_assert_drops(s.st, DROP_BRIDGE_NO_PORT, 1);
	fix_end(s.eng);
}

static void frame_too_large_for_a_port_is_dropped_there(void **state UNUSED)
{
	struct sw s = sw_new();
	struct fix_frame f = fix_frame(host(1), host(0), PROTO);

	f.len = ETH_HDR_LEN + 1000;
	assert_int_equal(netif_set_mtu(&s.port[1]->netif, 999), 0);
	fix_rx(s.port[0], &f);
	fix_assert_silent(s.port[1]);
	assert_int_equal(fix_n_unseen(s.port[2]), 1);
	rx(&s, 1, host(1), host(0)); /* now it is known */
	fix_rx(s.port[0], &f);
	fix_assert_drops(s.st, DROP_IF_MTU, 1);
	f.len--;
	fix_rx(s.port[0], &f);
	assert_int_equal(fix_n_unseen(s.port[1]), 1);
	fix_end(s.eng);
}

static void tag_does_not_count_against_the_mtu(void **state UNUSED)
{
	struct sw s = sw_new();
	struct fix_frame f = fix_frame(host(1), host(0), ETHERTYPE_VLAN);

	f.len = ETH_HDR_LEN + VLAN_HDR_LEN + 1500;
	fix_rx(s.port[0], &f);
	assert_int_equal(fix_n_unseen(s.port[1]), 1);
	f.len++;
	fix_rx(s.port[0], &f);
	assert_int_equal(fix_n_unseen(s.port[1]), 1);
	fix_assert_drops(s.st, DROP_IF_MTU, 1);
	fix_end(s.eng);
}

static void full_table_floods_and_keeps_what_it_knows(void **state UNUSED)
{
	struct sw s = sw_new();
	struct eth_addr known = host(1), late = host(3);

	rx(&s, 1, known, ETH_ADDR_BROADCAST);
	for (uint32_t i = 0; i < 10000; i++) {
		struct eth_addr src = ETH_ADDR(2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i);

		rx(&s, 0, src, known);
		for (int p = 0; p < PORTS; p++)
			fix_ignore_sent(s.port[p]);
	}
	assert_int_equal(bridge_n_entries(s.br), BRIDGE_MAX_ENTRIES);
	assert_int_equal(bridge_stats(s.br)->n_full, 10001 - BRIDGE_MAX_ENTRIES);
	rx(&s, 2, ETH_ADDR(2, 1, 0, 0, 0, 1), known);
	assert_int_equal(sent_by(&s), 0x2);
	fix_advance(s.eng, 300 * SEC);
	rx(&s, 3, late, host(9)); /* the old ones make room */
	assert_int_equal(bridge_n_entries(s.br), BRIDGE_MAX_ENTRIES);
	assert_ptr_equal(bridge_find(s.br, &late), &s.port[3]->netif);
	fix_end(s.eng);
}

static void memory_failing_floods(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 0, host(0), ETH_ADDR_BROADCAST); /* pools have their slabs */
	(void)sent_by(&s);
	s.eng->mem.limit_bytes = s.eng->mem.n_bytes;
	rx(&s, 1, host(1), host(2));
	assert_int_equal(sent_by(&s), 0xd);
	assert_int_equal(bridge_n_entries(s.br), 1);
	s.eng->mem.limit_bytes = UINT64_MAX;
	fix_end(s.eng);
}

/* With a packet for one copy only, one more port gets the frame, and the loss is counted. */
static void exhausted_pool_reaches_fewer_ports(void **state UNUSED)
{
	struct sw s = sw_new();
	struct pool *pool = &s.eng->pkts.pkts;
	struct fix_frame f = fix_frame(ETH_ADDR_BROADCAST, host(0), PROTO);
	struct pkt *held[1024];
	struct pkt *pkt;
	uint32_t n = 0;

	fix_frame_add(&f, "payload", 7);
	pkt = fix_pkt(s.eng, f.b, f.len);
	pool->max_objs = pool->n_objs;
	while (n < 1024 && pool->n_used + 1 < pool->max_objs)
		held[n++] = pkt_alloc(&s.eng->pkts, 0);
	netif_rx(&s.port[0]->netif, pkt);
	while (n)
		pkt_free(held[--n]);
	/* Each port's copy is freed as it is sent, so the one spare packet serves them all. */
	assert_int_equal(sent_by(&s), 0xe);

	pkt = fix_pkt(s.eng, f.b, f.len);
	while (n < 1024 && (held[n] = pkt_alloc(&s.eng->pkts, 0)))
		n++;
	netif_rx(&s.port[0]->netif, pkt);
	while (n)
		pkt_free(held[--n]);
	assert_int_equal(sent_by(&s), 0x8);
	fix_assert_drops(s.st, DROP_NOMEM, 2);
	fix_end(s.eng);
}

static void interface_joins_one_bridge_only(void **state UNUSED)
{
	struct sw s = sw_new();
	struct stack *other = fix_stack(s.eng, "other");
	struct fix_if *foreign = fix_if_new(other, "eth0");
	struct bridge *br;

	assert_int_equal(bridge_new(s.st, &br), 0);
	assert_int_equal(bridge_add(br, &s.port[0]->netif), -EBUSY);
	assert_int_equal(bridge_add(s.br, &s.port[0]->netif), -EBUSY);
	assert_int_equal(bridge_add(br, &foreign->netif), -EINVAL);
	bridge_del(&s.port[0]->netif);
	bridge_del(&s.port[0]->netif);
	assert_int_equal(bridge_add(br, &s.port[0]->netif), 0);
	fix_end(s.eng);
}

static void deleted_port_leaves_the_bridge(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 1, host(1), ETH_ADDR_BROADCAST);
	(void)sent_by(&s);
	netif_del(&s.port[1]->netif);
	s.port[1] = s.port[0]; /* not to be looked at */
	assert_int_equal(bridge_n_entries(s.br), 0);
	rx(&s, 0, host(0), host(1));
	assert_int_equal(fix_n_unseen(s.port[2]), 1);
	assert_int_equal(fix_n_unseen(s.port[3]), 1);
	fix_end(s.eng);
}

static void freed_bridge_gives_its_ports_back(void **state UNUSED)
{
	struct sw s = sw_new();

	rx(&s, 1, host(1), ETH_ADDR_BROADCAST);
	(void)sent_by(&s);
	bridge_free(s.br);
	rx(&s, 0, host(0), host(1));
	fix_assert_drops(s.st, DROP_ETH_OTHERHOST, 1);
	assert_int_equal(sent_by(&s), 0);
	fix_end(s.eng);
}

static void note_addr(void *arg, const struct eth_addr *addr, const struct netif *port,
		      int64_t seen_ns)
{
	uint8_t **p = arg;

	assert_true(seen_ns >= FIX_START_NS);
	*(*p)++ = addr->b[5];
	*(*p)++ = (uint8_t)port->index;
}

static void dump_is_oldest_first(void **state UNUSED)
{
	struct sw s = sw_new();
	uint8_t seen[16], *p = seen;

	rx(&s, 0, host(5), ETH_ADDR_BROADCAST);
	rx(&s, 1, host(3), ETH_ADDR_BROADCAST);
	fix_advance(s.eng, 2 * SEC);
	rx(&s, 0, host(5), ETH_ADDR_BROADCAST);
	bridge_for_each(s.br, note_addr, &p);
	assert_int_equal(p - seen, 4);
	assert_memory_equal(seen, ((uint8_t[]){0x13, 2, 0x15, 1}), 4);
	fix_end(s.eng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_destination_goes_to_every_other_port),
		cmocka_unit_test(learned_destination_goes_to_its_port_alone),
		cmocka_unit_test(group_frames_go_everywhere),
		cmocka_unit_test(frame_never_goes_back),
		cmocka_unit_test(reserved_groups_stay_on_their_link),
		cmocka_unit_test(bad_frames_are_dropped_and_teach_nothing),
		cmocka_unit_test(moved_host_is_found_at_its_new_port),
		cmocka_unit_test(silent_host_is_forgotten_after_300_seconds),
		cmocka_unit_test(talking_host_is_not_forgotten),
		cmocka_unit_test(stopped_port_is_forgotten_and_not_used),
		cmocka_unit_test(last_port_standing_has_nobody_to_send_to),
		cmocka_unit_test(frame_too_large_for_a_port_is_dropped_there),
		cmocka_unit_test(tag_does_not_count_against_the_mtu),
		cmocka_unit_test(full_table_floods_and_keeps_what_it_knows),
		cmocka_unit_test(memory_failing_floods),
		cmocka_unit_test(exhausted_pool_reaches_fewer_ports),
		cmocka_unit_test(interface_joins_one_bridge_only),
		cmocka_unit_test(deleted_port_leaves_the_bridge),
		cmocka_unit_test(freed_bridge_gives_its_ports_back),
		cmocka_unit_test(dump_is_oldest_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
