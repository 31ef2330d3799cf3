/* SPDX-License-Identifier: MIT */
/* ARP: what is answered, what is learned from whom, what is refused. */
#include "fixture.h"

#include "link/arp.h"
#include "link/neigh.h"

/* A host 10.0.0.1 on eth0; the test is 10.0.0.2 at 02::2. */
struct host {
	struct engine *eng;
	struct stack *st;
	struct fix_if *nif;
	struct eth_addr mac;
};

static const struct ip4_addr our_ip = {{10, 0, 0, 1}};
static const struct ip4_addr peer_ip = {{10, 0, 0, 2}};
static const struct ip4_addr third_ip = {{10, 0, 0, 3}};
static const struct eth_addr peer_mac = {{2, 0, 0, 0, 0, 2}};

static bool hook_is_local(struct netif *netif UNUSED, const struct ip_addr *addr)
{
	struct ip_addr ours = ip_addr_from_ip4(&our_ip);

	return ip_addr_eq(addr, &ours);
}

static bool hook_source(struct netif *netif UNUSED, const struct ip_addr *target UNUSED,
			const struct pkt *waiting UNUSED, struct ip_addr *ret)
{
	*ret = ip_addr_from_ip4(&our_ip);
	return true;
}

static const struct neigh_hooks hooks = {.is_local = hook_is_local, .source = hook_source};

static struct host host_new(void)
{
	struct host h = {.eng = fix_engine()};

	h.st = fix_stack(h.eng, "host");
	neigh_hooks_set(h.st, &hooks);
	h.nif = fix_if_new(h.st, "eth0");
	h.mac = h.nif->netif.hwaddr;
	return h;
}

/* One that has the peer as STALE. */
static struct host host_knowing_peer(void)
{
	struct host h = host_new();
	struct ip_addr addr = ip_addr_from_ip4(&peer_ip);

	assert_non_null(neigh_update(&h.nif->netif, &addr, &peer_mac, NEIGH_CREATE));
	return h;
}

static struct neigh *entry(struct host *h, const struct ip4_addr *addr)
{
	struct ip_addr ip = ip_addr_from_ip4(addr);

	return neigh_find(&h->nif->netif, &ip);
}

/* A good request of the peer for our address, to everybody. */
#define REQUEST(...)   \
	((struct arp){ \
		.op = ARP_REQUEST, .sha = peer_mac, .spa = peer_ip, .tpa = our_ip, __VA_ARGS__})
#define REPLY(h, ...)                  \
	((struct arp){.op = ARP_REPLY, \
		      .sha = peer_mac, \
		      .spa = peer_ip,  \
		      .tpa = our_ip,   \
		      .tha = (h).mac,  \
		      __VA_ARGS__})

static void rx(struct host *h, struct arp arp)
{
	struct fix_frame f = fix_arp_frame(ETH_ADDR_BROADCAST, &arp);

	fix_rx(h->nif, &f);
}

static void rx_unicast(struct host *h, struct arp arp)
{
	struct fix_frame f = fix_arp_frame(h->mac, &arp);

	fix_rx(h->nif, &f);
}

static void assert_replied_to(struct host *h, const struct eth_addr *mac, const struct ip4_addr *ip)
{
	struct fix_frame f;
	struct arp arp;

	assert_true(fix_sent(h->nif, &f));
	assert_memory_equal(f.b, mac, 6);
	arp = fix_arp_of(&f);
	assert_int_equal(arp.op, ARP_REPLY);
	assert_true(eth_addr_eq(&arp.sha, &h->mac));
	assert_true(ip4_addr_eq(&arp.spa, &our_ip));
	assert_true(eth_addr_eq(&arp.tha, mac));
	assert_true(ip4_addr_eq(&arp.tpa, ip));
	fix_assert_silent(h->nif);
}

static void request_for_us_is_answered_and_its_sender_learned(void **state UNUSED)
{
	struct host h = host_new();

	rx(&h, REQUEST());
	assert_replied_to(&h, &peer_mac, &peer_ip);
	assert_int_equal(entry(&h, &peer_ip)->state, NEIGH_STALE);
	assert_true(eth_addr_eq(&entry(&h, &peer_ip)->lladdr, &peer_mac));
	assert_int_equal(h.st->mib[MIB_ArpInRequests], 1);
	assert_int_equal(h.st->mib[MIB_ArpOutReplies], 1);
	fix_end(h.eng);
}

static void request_for_another_is_neither_answered_nor_learned(void **state UNUSED)
{
	struct host h = host_new();

	rx(&h, REQUEST(.tpa = third_ip));
	fix_assert_silent(h.nif);
	assert_int_equal(neigh_n_entries(h.st), 0);
	fix_assert_drops(h.st, DROP_ARP_NOT_US, 1);
	fix_end(h.eng);
}

static void request_for_another_updates_a_known_sender(void **state UNUSED)
{
	struct host h = host_knowing_peer();
	struct eth_addr new_mac = fix_mac(0x22);

	fix_advance(h.eng, 2 * SEC);
	rx(&h, REQUEST(.tpa = third_ip, .sha = new_mac));
	assert_true(eth_addr_eq(&entry(&h, &peer_ip)->lladdr, &new_mac));
	fix_assert_silent(h.nif);
	fix_end(h.eng);
}

static void probe_for_our_address_is_answered_and_nothing_learned(void **state UNUSED)
{
	struct host h = host_new();

	rx(&h, REQUEST(.spa = IP4_ADDR_ANY));
	assert_replied_to(&h, &peer_mac, &IP4_ADDR_ANY);
	assert_int_equal(neigh_n_entries(h.st), 0);
	fix_end(h.eng);
}

static void unasked_reply_creates_nothing(void **state UNUSED)
{
	struct host h = host_new();

	rx_unicast(&h, REPLY(h));
	assert_int_equal(neigh_n_entries(h.st), 0);
	fix_assert_drops(h.st, DROP_ARP_NOT_US, 1);
	fix_end(h.eng);
}

static void reply_to_us_makes_reachable(void **state UNUSED)
{
	struct host h = host_knowing_peer();

	rx_unicast(&h, REPLY(h));
	assert_int_equal(entry(&h, &peer_ip)->state, NEIGH_REACHABLE);
	assert_int_equal(h.st->mib[MIB_ArpInReplies], 1);
	fix_end(h.eng);
}

static void broadcast_reply_proves_no_reachability(void **state UNUSED)
{
	struct host h = host_knowing_peer();

	rx(&h, REPLY(h));
	assert_int_equal(entry(&h, &peer_ip)->state, NEIGH_STALE);
	fix_end(h.eng);
}

static void second_answer_within_a_second_does_not_replace_the_first(void **state UNUSED)
{
	struct host h = host_knowing_peer();

	rx_unicast(&h, REPLY(h, .sha = fix_mac(0x66)));
	assert_true(eth_addr_eq(&entry(&h, &peer_ip)->lladdr, &peer_mac));
	fix_advance(h.eng, 1 * SEC);
	rx_unicast(&h, REPLY(h, .sha = fix_mac(0x66)));
	assert_false(eth_addr_eq(&entry(&h, &peer_ip)->lladdr, &peer_mac));
	fix_end(h.eng);
}

static void announcement_updates_at_once_but_creates_nothing(void **state UNUSED)
{
	struct host h = host_knowing_peer();
	struct eth_addr new_mac = fix_mac(0x22);

	rx(&h, REQUEST(.sha = new_mac, .tpa = peer_ip));
	assert_true(eth_addr_eq(&entry(&h, &peer_ip)->lladdr, &new_mac));
	rx(&h, REQUEST(.spa = third_ip, .tpa = third_ip));
	assert_int_equal(neigh_n_entries(h.st), 1);
	fix_assert_silent(h.nif);
	fix_end(h.eng);
}

static void sender_with_our_address_is_a_conflict(void **state UNUSED)
{
	struct host h = host_new();

	rx(&h, REQUEST(.spa = our_ip, .tpa = our_ip));
	rx(&h, REQUEST(.spa = our_ip, .tpa = peer_ip));
	rx_unicast(&h, REPLY(h, .spa = our_ip));
	assert_int_equal(h.st->mib[MIB_ArpInConflicts], 3);
	fix_assert_drops(h.st, DROP_ARP_CONFLICT, 3);
	fix_assert_silent(h.nif);
	assert_int_equal(neigh_n_entries(h.st), 0);
	fix_end(h.eng);
}

static void our_own_packet_coming_back_is_no_conflict(void **state UNUSED)
{
	struct host h = host_new();

	rx(&h, REQUEST(.sha = h.mac, .spa = our_ip, .tpa = our_ip));
	assert_int_equal(h.st->mib[MIB_ArpInConflicts], 0);
	fix_assert_drops(h.st, DROP_ARP_NOT_US, 1);
	fix_end(h.eng);
}

static void malformed_packets_are_dropped_with_their_reason(void **state UNUSED)
{
	struct host h = host_new();
	struct fix_frame cut = fix_arp_frame(h.mac, &REQUEST());
	struct fix_frame hardware = fix_arp_frame(h.mac, &REQUEST());
	const struct arp bad[] = {
		REQUEST(.op = 3),
		REQUEST(.sha = ETH_ADDR_BROADCAST),
		REQUEST(.sha = {{0}}),
		REQUEST(.spa = IP4_ADDR(224, 0, 0, 1)),
		REQUEST(.spa = IP4_ADDR(127, 0, 0, 1)),
		REQUEST(.tpa = IP4_ADDR_BROADCAST),
		REQUEST(.tpa = IP4_ADDR_ANY),
	};

	cut.len--;
	hardware.b[ETH_HDR_LEN + 1] = 6;
	fix_rx(h.nif, &cut);
	fix_rx(h.nif, &hardware);
	fix_assert_drops(h.st, DROP_ARP_HDR, 2);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fix_frame f = fix_arp_frame(h.mac, &bad[i]);

		memcpy(f.b + 6, peer_mac.b, 6);
		fix_rx(h.nif, &f);
		fix_assert_drops(h.st, DROP_ARP_HDR, 3 + i);
	}
	fix_assert_silent(h.nif);
	assert_int_equal(neigh_n_entries(h.st), 0);
	fix_end(h.eng);
}

static void packet_overheard_in_promiscuous_mode_is_ignored(void **state UNUSED)
{
	struct host h = host_new();
	struct fix_frame f = fix_arp_frame(fix_mac(0x55), &REQUEST());

	h.nif->netif.flags |= NETIF_PROMISC;
	fix_rx(h.nif, &f);
	fix_assert_silent(h.nif);
	fix_assert_drops(h.st, DROP_ETH_OTHERHOST, 1);
	fix_end(h.eng);
}

static void interface_without_arp_does_not_answer(void **state UNUSED)
{
	struct host h = host_new();

	h.nif->netif.flags |= NETIF_NOARP;
	rx(&h, REQUEST());
	arp_announce(&h.nif->netif, &our_ip);
	fix_assert_silent(h.nif);
	assert_int_equal(neigh_n_entries(h.st), 0);
	fix_end(h.eng);
}

static void announce_tells_everybody(void **state UNUSED)
{
	struct host h = host_new();
	struct eth_addr all = ETH_ADDR_BROADCAST;
	struct fix_frame f;
	struct arp arp;

	arp_announce(&h.nif->netif, &our_ip);
	assert_true(fix_sent(h.nif, &f));
	assert_memory_equal(f.b, all.b, 6);
	arp = fix_arp_of(&f);
	assert_int_equal(arp_classify(&arp), ARP_KIND_ANNOUNCEMENT);
	assert_true(ip4_addr_eq(&arp.spa, &our_ip));
	assert_int_equal(h.st->mib[MIB_ArpOutRequests], 1);
	netif_set_up(&h.nif->netif, false);
	arp_announce(&h.nif->netif, &our_ip);
	fix_assert_silent(h.nif);
	fix_end(h.eng);
}

static void without_a_source_address_nobody_is_asked(void **state UNUSED)
{
	static const struct neigh_hooks none;
	struct host h = host_new();
	struct ip_addr addr = ip_addr_from_ip4(&peer_ip);
	struct pkt *pkt = fix_pkt(h.eng, "packet", 6);

	neigh_hooks_set(h.st, &none);
	pkt->l3_off = pkt_off(pkt);
	assert_int_equal(neigh_output(&h.nif->netif, pkt, &addr, ETHERTYPE_IPV4, NULL), 0);
	fix_advance(h.eng, 3 * SEC);
	fix_assert_silent(h.nif);
	assert_int_equal(entry(&h, &peer_ip)->state, NEIGH_FAILED);
	rx(&h, REQUEST()); /* nothing is ours */
	fix_assert_silent(h.nif);
	fix_end(h.eng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_for_us_is_answered_and_its_sender_learned),
		cmocka_unit_test(request_for_another_is_neither_answered_nor_learned),
		cmocka_unit_test(request_for_another_updates_a_known_sender),
		cmocka_unit_test(probe_for_our_address_is_answered_and_nothing_learned),
		cmocka_unit_test(unasked_reply_creates_nothing),
		cmocka_unit_test(reply_to_us_makes_reachable),
		cmocka_unit_test(broadcast_reply_proves_no_reachability),
		cmocka_unit_test(second_answer_within_a_second_does_not_replace_the_first),
		cmocka_unit_test(announcement_updates_at_once_but_creates_nothing),
		cmocka_unit_test(sender_with_our_address_is_a_conflict),
		cmocka_unit_test(our_own_packet_coming_back_is_no_conflict),
		cmocka_unit_test(malformed_packets_are_dropped_with_their_reason),
		cmocka_unit_test(packet_overheard_in_promiscuous_mode_is_ignored),
		cmocka_unit_test(interface_without_arp_does_not_answer),
		cmocka_unit_test(announce_tells_everybody),
		cmocka_unit_test(without_a_source_address_nobody_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
