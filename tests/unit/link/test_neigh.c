/* SPDX-License-Identifier: MIT */
/*
 * The neighbour cache: its states one by one, its table and its bounds, with addresses of IPv4, for
 * which ARP asks, and of IPv6, for which a stand-in for neighbour discovery does.
 */
#include "fixture.h"

#include "link/arp.h"
#include "link/eth.h"
#include "link/neigh.h"

/* A host 10.0.0.1/8 or 2001:db8::1/64 on eth0, and a peer, ...2, that is the test. */
struct host {
	struct engine *eng;
	struct stack *st;
	struct fix_if *nif;
};

/* What the hooks saw; one test at a time. */
static struct {
	uint32_t n_unreach, n_freed;
	const struct netif *netif;
	uint8_t first;
	const struct neigh *freed;
} hook;

/* The family of the test that runs. */
static bool is_ip6;

static struct ip_addr ip(uint8_t b, uint8_t c, uint8_t d)
{
	struct ip6_addr a = {.b = {0x20, 1, 0x0d, 0xb8, [13] = b, [14] = c, [15] = d}};

	return is_ip6 ? ip_addr_from_ip6(&a) : ip_addr_from_ip4(&IP4_ADDR(10, b, c, d));
}

static struct ip_addr ours(void)
{
	return ip(0, 0, 1);
}

static struct ip_addr peer(void)
{
	return ip(0, 0, 2);
}

static uint16_t ethertype(void)
{
	return is_ip6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
}

/* Of neighbour discovery what the cache sees: a frame that asks for the target. */
static void nd_stub_solicit(struct neigh *n, bool is_unicast)
{
	static const struct eth_addr group = {.b = {0x33, 0x33, 0xff, 0, 0, 2}};
	const struct eth_addr *dst = is_unicast ? &n->lladdr : &group;
	struct ip6_addr target = ip_addr_to_ip6(&n->addr);
	struct pkt *pkt = pkt_alloc(&n->netif->stack->eng->pkts, sizeof(target));

	if (!pkt)
		return;
	memcpy(pkt_put(pkt, sizeof(target)), &target, sizeof(target));
	(void)!eth_output(n->netif, pkt, ETHERTYPE_IPV6, dst);
}

static const struct neigh_ops nd_stub = {.ethertype = ETHERTYPE_IPV6, .solicit = nd_stub_solicit};

static void hook_unreach(struct netif *netif, struct pkt *pkt)
{
	hook.n_unreach++;
	hook.netif = netif;
	hook.first = pkt->data[0];
	assert_ptr_equal(pkt->netif, netif);
}

static void hook_on_free(struct stack *st UNUSED, struct neigh *n)
{
	hook.n_freed++;
	hook.freed = n;
}

static bool hook_is_local(struct netif *netif UNUSED, const struct ip_addr *addr)
{
	struct ip_addr own = ours();

	return ip_addr_eq(addr, &own);
}

static bool hook_source(struct netif *netif UNUSED, const struct ip_addr *target UNUSED,
			const struct pkt *waiting UNUSED, struct ip_addr *ret)
{
	*ret = ours();
	return true;
}

static const struct neigh_hooks hooks = {
	.unreach = hook_unreach,
	.on_free = hook_on_free,
	.is_local = hook_is_local,
	.source = hook_source,
};

static struct host host_new(void)
{
	struct host h = {.eng = fix_engine_with(&(struct engine_config){
				 .now_ns = FIX_START_NS,
				 .has_seed = true,
				 .seed = 1,
				 .limits.n_pkts = 1500,
			 })};

	memset(&hook, 0, sizeof(hook));
	h.st = fix_stack(h.eng, "host");
	neigh_hooks_set(h.st, &hooks);
	if (is_ip6)
		neigh_ops_set(h.st, &nd_stub);
	h.nif = fix_if_new(h.st, "eth0");
	return h;
}

static void host_free(struct host *h)
{
	fix_end(h->eng);
}

/* Those of IPv6 are of the interface. */
static struct neigh_params *params(struct host *h)
{
	return is_ip6 ? h->nif->netif.neigh6 : neigh_params(h->st);
}

static int send_to(struct host *h, struct ip_addr dst)
{
	struct pkt *pkt = fix_pkt(h->eng, "packet", 6);
	struct neigh *n = neigh_find(&h->nif->netif, &dst);

	pkt->l3_off = pkt_off(pkt);
	return neigh_output(&h->nif->netif, pkt, &dst, ethertype(), n);
}

static struct neigh *entry(struct host *h, struct ip_addr addr)
{
	return neigh_find(&h->nif->netif, &addr);
}

static enum neigh_state state_of(struct host *h)
{
	struct neigh *n = entry(h, peer());

	return n ? (enum neigh_state)n->state : NEIGH_NONE;
}

#define assert_state(h, s) assert_string_equal(neigh_state_name(state_of(h)), neigh_state_name(s))

static struct neigh *update(struct host *h, uint8_t mac, uint32_t flags)
{
	struct ip_addr addr = peer();
	struct eth_addr lladdr = fix_mac(mac);

	return neigh_update(&h->nif->netif, &addr, &lladdr, flags);
}

/* The next frame sent is a request for the peer, to `mac` or (0) to everybody. */
static void assert_request_sent(struct host *h, uint8_t mac)
{
	static const struct eth_addr group = {.b = {0x33, 0x33, 0xff, 0, 0, 2}};
	struct eth_addr to = mac ? fix_mac(mac) : is_ip6 ? group : ETH_ADDR_BROADCAST;
	struct ip_addr target = peer();
	struct fix_frame f;
	struct eth_hdr hdr;
	struct arp arp;

	assert_true(fix_sent(h->nif, &f));
	eth_hdr_read(f.b, &hdr);
	assert_true(eth_addr_eq(&hdr.dst, &to));
	if (is_ip6) {
		struct ip6_addr asked = ip_addr_to_ip6(&target);

		assert_memory_equal(f.b + ETH_HDR_LEN, &asked, sizeof(asked));
		return;
	}
	arp = fix_arp_of(&f);
	assert_int_equal(arp.op, ARP_REQUEST);
	assert_true(ip4_addr_eq(&arp.tpa, &(struct ip4_addr){{10, 0, 0, 2}}));
	assert_true(ip4_addr_eq(&arp.spa, &(struct ip4_addr){{10, 0, 0, 1}}));
	assert_true(eth_addr_eq(&arp.sha, &h->nif->netif.hwaddr));
}

static void assert_packet_sent(struct host *h, uint8_t mac)
{
	struct eth_addr to = fix_mac(mac);
	struct fix_frame f;
	struct eth_hdr hdr;

	assert_true(fix_sent(h->nif, &f));
	eth_hdr_read(f.b, &hdr);
	assert_int_equal(hdr.type, ethertype());
	assert_true(eth_addr_eq(&hdr.dst, &to));
}

/* An entry of the peer at 02::2 in the state asked for; nothing unseen on the wire. */
static struct host host_in(enum neigh_state state)
{
	struct host h = host_new();
	struct ip_addr addr = peer();
	struct eth_addr mac = fix_mac(2);

	switch (state) {
	case NEIGH_INCOMPLETE:
		assert_int_equal(send_to(&h, peer()), 0);
		break;
	case NEIGH_REACHABLE:
		assert_int_equal(send_to(&h, peer()), 0);
		update(&h, 2, NEIGH_SOLICITED);
		break;
	case NEIGH_STALE:
		update(&h, 2, NEIGH_CREATE);
		break;
	case NEIGH_DELAY:
		update(&h, 2, NEIGH_CREATE);
		assert_int_equal(send_to(&h, peer()), 0);
		break;
	case NEIGH_PROBE:
		update(&h, 2, NEIGH_CREATE);
		assert_int_equal(send_to(&h, peer()), 0);
		fix_advance(h.eng, 5 * SEC);
		break;
	case NEIGH_FAILED:
		assert_int_equal(send_to(&h, peer()), 0);
		fix_advance(h.eng, 3 * SEC);
		break;
	case NEIGH_PERMANENT:
		assert_int_equal(neigh_add_permanent(&h.nif->netif, &addr, &mac), 0);
		break;
	default:
		break;
	}
	assert_state(&h, state);
	fix_ignore_sent(h.nif);
	return h;
}

static void none_packet_asks_everybody_and_waits(void **state UNUSED)
{
	struct host h = host_new();

	assert_int_equal(send_to(&h, peer()), 0);
	assert_state(&h, NEIGH_INCOMPLETE);
	assert_request_sent(&h, 0);
	fix_assert_silent(h.nif);
	assert_int_equal(h.st->mib[MIB_ArpOutRequests], is_ip6 ? 0 : 1);
	host_free(&h);
}

static void incomplete_second_packet_waits_without_asking(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);

	assert_int_equal(send_to(&h, peer()), 0);
	fix_assert_silent(h.nif);
	assert_int_equal(entry(&h, peer())->queue.n_pkts, 2);
	host_free(&h);
}

static void incomplete_answer_sends_what_waits_in_order(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);
	struct fix_frame f;
	struct pkt *pkt = fix_pkt(h.eng, "second", 6);
	struct ip_addr addr = peer();

	pkt->l3_off = pkt_off(pkt);
	assert_int_equal(neigh_output(&h.nif->netif, pkt, &addr, ethertype(), NULL), 0);
	update(&h, 2, NEIGH_SOLICITED);
	assert_state(&h, NEIGH_REACHABLE);
	assert_true(fix_sent(h.nif, &f));
	assert_memory_equal(f.b + ETH_HDR_LEN, "packet", 6);
	assert_true(fix_sent(h.nif, &f));
	assert_memory_equal(f.b + ETH_HDR_LEN, "second", 6);
	fix_assert_silent(h.nif);
	host_free(&h);
}

static void incomplete_unsolicited_address_is_used_and_will_be_probed(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);

	update(&h, 2, 0);
	assert_state(&h, NEIGH_DELAY);
	assert_packet_sent(&h, 2);
	fix_advance(h.eng, 5 * SEC);
	assert_state(&h, NEIGH_PROBE);
	host_free(&h);
}

static void incomplete_silence_asks_three_times_then_fails_after_three_seconds(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);

	fix_advance(h.eng, 1 * SEC - 1);
	fix_assert_silent(h.nif);
	fix_advance(h.eng, 1);
	assert_request_sent(&h, 0);
	fix_advance(h.eng, 1 * SEC);
	assert_request_sent(&h, 0);
	assert_int_equal(hook.n_unreach, 0);
	fix_advance(h.eng, 1 * SEC - 1);
	assert_state(&h, NEIGH_INCOMPLETE);
	fix_advance(h.eng, 1);
	fix_assert_silent(h.nif);
	assert_state(&h, NEIGH_FAILED);
	assert_int_equal(hook.n_unreach, 1);
	assert_int_equal(hook.first, 'p');
	fix_assert_drops(h.st, DROP_NEIGH_FAILED, 1);
	assert_int_equal(h.st->mib[MIB_NeighResFailures], 1);
	host_free(&h);
}

static void failed_packet_is_refused_at_once_then_asks_again(void **state UNUSED)
{
	struct host h = host_in(NEIGH_FAILED);

	hook.n_unreach = 0;
	assert_int_equal(send_to(&h, peer()), -EHOSTUNREACH);
	assert_int_equal(hook.n_unreach, 0); /* a local sender has the errno */
	fix_assert_silent(h.nif);
	fix_advance(h.eng, 1 * SEC);
	assert_int_equal(send_to(&h, peer()), 0);
	assert_state(&h, NEIGH_INCOMPLETE);
	assert_request_sent(&h, 0);
	host_free(&h);
}

static void failed_forwarded_packet_is_reported_at_once(void **state UNUSED)
{
	struct host h = host_in(NEIGH_FAILED);
	struct pkt *pkt = fix_pkt(h.eng, "packet", 6);
	struct ip_addr addr = peer();

	hook.n_unreach = 0;
	pkt->l3_off = pkt_off(pkt);
	pkt->flags |= PKT_F_FORWARDED;
	assert_int_equal(neigh_output(&h.nif->netif, pkt, &addr, ethertype(), NULL), -EHOSTUNREACH);
	assert_int_equal(hook.n_unreach, 1);
	host_free(&h);
}

static void failed_answer_makes_it_usable(void **state UNUSED)
{
	struct host h = host_in(NEIGH_FAILED);

	update(&h, 2, 0);
	assert_state(&h, NEIGH_STALE);
	assert_int_equal(send_to(&h, peer()), 0);
	assert_packet_sent(&h, 2);
	host_free(&h);
}

static void failed_entry_is_forgotten_after_a_minute(void **state UNUSED)
{
	struct host h = host_in(NEIGH_FAILED);

	fix_advance(h.eng, 60 * SEC - 1);
	assert_state(&h, NEIGH_FAILED);
	fix_advance(h.eng, 1);
	assert_null(entry(&h, peer()));
	assert_int_equal(hook.n_freed, 1);
	assert_int_equal(neigh_n_entries(h.st), 0);
	host_free(&h);
}

static void reachable_packet_goes_at_once(void **state UNUSED)
{
	struct host h = host_in(NEIGH_REACHABLE);

	assert_int_equal(send_to(&h, peer()), 0);
	assert_packet_sent(&h, 2);
	assert_state(&h, NEIGH_REACHABLE);
	host_free(&h);
}

static void reachable_goes_stale_between_half_and_one_and_a_half_of_the_base(void **state UNUSED)
{
	struct host h = host_in(NEIGH_REACHABLE);

	fix_advance(h.eng, 15 * SEC - 1);
	assert_state(&h, NEIGH_REACHABLE);
	fix_advance(h.eng, 30 * SEC);
	assert_state(&h, NEIGH_STALE);
	assert_int_equal(h.eng->wheel.n_pending, 0);
	host_free(&h);
}

static void reachable_confirmed_stays_reachable(void **state UNUSED)
{
	struct host h = host_in(NEIGH_REACHABLE);

	for (int i = 0; i < 20; i++) {
		fix_advance(h.eng, 10 * SEC);
		neigh_confirm(entry(&h, peer()));
	}
	assert_state(&h, NEIGH_REACHABLE);
	fix_assert_silent(h.nif);
	fix_advance(h.eng, 45 * SEC);
	assert_state(&h, NEIGH_STALE);
	host_free(&h);
}

static void stale_packet_goes_at_once_and_starts_delay(void **state UNUSED)
{
	struct host h = host_in(NEIGH_STALE);

	assert_int_equal(send_to(&h, peer()), 0);
	assert_packet_sent(&h, 2);
	assert_state(&h, NEIGH_DELAY);
	host_free(&h);
}

static void delay_without_confirmation_probes_the_owner(void **state UNUSED)
{
	struct host h = host_in(NEIGH_DELAY);

	fix_advance(h.eng, 5 * SEC - 1);
	fix_assert_silent(h.nif);
	fix_advance(h.eng, 1);
	assert_state(&h, NEIGH_PROBE);
	assert_request_sent(&h, 2);
	host_free(&h);
}

static void delay_confirmed_is_reachable_without_a_probe(void **state UNUSED)
{
	struct host h = host_in(NEIGH_DELAY);

	neigh_confirm(entry(&h, peer()));
	assert_state(&h, NEIGH_REACHABLE);
	fix_advance(h.eng, 10 * SEC);
	fix_assert_silent(h.nif);
	host_free(&h);
}

static void probe_packets_still_go(void **state UNUSED)
{
	struct host h = host_in(NEIGH_PROBE);

	assert_int_equal(send_to(&h, peer()), 0);
	assert_packet_sent(&h, 2);
	host_free(&h);
}

static void probe_answered_is_reachable(void **state UNUSED)
{
	struct host h = host_in(NEIGH_PROBE);

	update(&h, 2, NEIGH_SOLICITED);
	assert_state(&h, NEIGH_REACHABLE);
	host_free(&h);
}

static void probe_unanswered_fails_and_the_next_packet_asks_everybody(void **state UNUSED)
{
	struct host h = host_in(NEIGH_PROBE);

	fix_advance(h.eng, 2 * SEC);
	assert_request_sent(&h, 2);
	assert_request_sent(&h, 2);
	fix_advance(h.eng, 1 * SEC);
	fix_assert_silent(h.nif);
	assert_state(&h, NEIGH_FAILED);
	assert_int_equal(send_to(&h, peer()), 0);
	assert_request_sent(&h, 0);
	host_free(&h);
}

/* RFC 4861 §7.2.5 as a table: state, what is heard, state afterwards and whose address counts. */
static void update_follows_the_state_table(void **state UNUSED)
{
	enum {
		SAME = 2,
		OTHER = 3
	};
	const struct {
		enum neigh_state from;
		uint8_t mac;
		uint32_t flags;
		enum neigh_state to;
		uint8_t mac_after;
	} cases[] = {
		{NEIGH_NONE, SAME, 0, NEIGH_NONE, 0},
		{NEIGH_NONE, SAME, NEIGH_CREATE, NEIGH_STALE, SAME},
		{NEIGH_INCOMPLETE, SAME, NEIGH_SOLICITED, NEIGH_REACHABLE, SAME},
		{NEIGH_INCOMPLETE, SAME, 0, NEIGH_DELAY, SAME}, /* a packet waits */
		{NEIGH_FAILED, SAME, 0, NEIGH_STALE, SAME},
		{NEIGH_FAILED, SAME, NEIGH_SOLICITED, NEIGH_REACHABLE, SAME},
		{NEIGH_REACHABLE, SAME, 0, NEIGH_REACHABLE, SAME},
		{NEIGH_REACHABLE, SAME, NEIGH_SOLICITED, NEIGH_REACHABLE, SAME},
		{NEIGH_REACHABLE, OTHER, 0, NEIGH_STALE, SAME},
		{NEIGH_REACHABLE, OTHER, NEIGH_SOLICITED, NEIGH_STALE, SAME},
		{NEIGH_REACHABLE, OTHER, NEIGH_OVERRIDE, NEIGH_STALE, OTHER},
		{NEIGH_REACHABLE, OTHER, NEIGH_OVERRIDE | NEIGH_SOLICITED, NEIGH_REACHABLE, OTHER},
		{NEIGH_REACHABLE, OTHER, NEIGH_OVERRIDE_OLD, NEIGH_STALE, SAME}, /* locktime */
		{NEIGH_STALE, SAME, 0, NEIGH_STALE, SAME},
		{NEIGH_STALE, SAME, NEIGH_SOLICITED, NEIGH_REACHABLE, SAME},
		{NEIGH_STALE, OTHER, 0, NEIGH_STALE, SAME},
		{NEIGH_STALE, OTHER, NEIGH_OVERRIDE, NEIGH_STALE, OTHER},
		{NEIGH_DELAY, SAME, 0, NEIGH_DELAY, SAME},
		{NEIGH_DELAY, OTHER, 0, NEIGH_DELAY, SAME},
		{NEIGH_DELAY, OTHER, NEIGH_OVERRIDE, NEIGH_STALE, OTHER},
		{NEIGH_PROBE, SAME, 0, NEIGH_PROBE, SAME},
		{NEIGH_PROBE, OTHER, NEIGH_OVERRIDE, NEIGH_STALE, OTHER},
		{NEIGH_PROBE, OTHER, NEIGH_OVERRIDE_OLD, NEIGH_STALE, OTHER},
		{NEIGH_PERMANENT, OTHER, NEIGH_OVERRIDE | NEIGH_SOLICITED, NEIGH_PERMANENT, SAME},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct host h = host_in(cases[i].from);
		struct eth_addr want = fix_mac(cases[i].mac_after);

		print_message("case %zu\n", i);
		update(&h, cases[i].mac, cases[i].flags);
		assert_state(&h, cases[i].to);
		if (cases[i].mac_after)
			assert_true(eth_addr_eq(&entry(&h, peer())->lladdr, &want));
		host_free(&h);
	}
}

static void group_address_is_never_learned(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);
	struct ip_addr addr = peer();
	struct eth_addr group = ETH_ADDR_BROADCAST;

	assert_null(neigh_update(&h.nif->netif, &addr, &group, NEIGH_SOLICITED));
	assert_state(&h, NEIGH_INCOMPLETE);
	host_free(&h);
}

static void permanent_entry_sends_what_waits_and_never_changes(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);
	struct ip_addr addr = peer();
	struct eth_addr mac = fix_mac(7);

	assert_int_equal(neigh_add_permanent(&h.nif->netif, &addr, &mac), 0);
	assert_packet_sent(&h, 7);
	fix_advance(h.eng, 1000 * SEC);
	fix_assert_silent(h.nif);
	assert_state(&h, NEIGH_PERMANENT);
	neigh_flush(&h.nif->netif, false);
	assert_state(&h, NEIGH_PERMANENT);
	assert_int_equal(neigh_del(&h.nif->netif, &addr), 0);
	assert_int_equal(neigh_del(&h.nif->netif, &addr), -ENOENT);
	host_free(&h);
}

static void permanent_entry_of_a_group_is_refused(void **state UNUSED)
{
	struct host h = host_new();
	struct eth_addr mac = fix_mac(7), group = ETH_ADDR_BROADCAST;
	struct ip6_addr any6 = {.b = {0}}, group6 = {.b = {0xff, 2, [15] = 1}};
	struct ip_addr addr = peer();
	struct ip_addr any = is_ip6 ? ip_addr_from_ip6(&any6) : ip_addr_from_ip4(&IP4_ADDR_ANY);
	struct ip_addr multicast =
		is_ip6 ? ip_addr_from_ip6(&group6) : ip_addr_from_ip4(&IP4_ADDR(224, 0, 0, 1));

	assert_int_equal(neigh_add_permanent(&h.nif->netif, &addr, &group), -EINVAL);
	assert_int_equal(neigh_add_permanent(&h.nif->netif, &any, &mac), -EINVAL);
	assert_int_equal(neigh_add_permanent(&h.nif->netif, &multicast, &mac), -EINVAL);
	assert_int_equal(neigh_n_entries(h.st), 0);
	host_free(&h);
}

static void deleting_a_waiting_entry_drops_its_packets(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);
	struct ip_addr addr = peer();
	struct neigh *n = entry(&h, addr);

	assert_int_equal(neigh_del(&h.nif->netif, &addr), 0);
	assert_ptr_equal(hook.freed, n);
	fix_assert_drops(h.st, DROP_NEIGH_FAILED, 1);
	fix_assert_pools_empty(h.eng);
	host_free(&h);
}

static void group_next_hops_need_no_entry(void **state UNUSED)
{
	const struct {
		struct ip_addr addr;
		struct eth_addr want;
	} cases[] = {
		{ip_addr_from_ip4(&IP4_ADDR(224, 0, 0, 251)), {{1, 0, 0x5e, 0, 0, 251}}},
		{ip_addr_from_ip4(&IP4_ADDR(239, 255, 1, 2)), {{1, 0, 0x5e, 0x7f, 1, 2}}},
		{ip_addr_from_ip4(&IP4_ADDR_BROADCAST), {{255, 255, 255, 255, 255, 255}}},
		{{{0xff, 2, [13] = 1, 0xff, 0x12}}, {{0x33, 0x33, 0, 1, 0xff, 0x12}}},
	};
	struct host h = host_new();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fix_frame f;

		assert_int_equal(send_to(&h, cases[i].addr), 0);
		assert_true(fix_sent(h.nif, &f));
		assert_memory_equal(f.b, cases[i].want.b, 6);
	}
	assert_int_equal(neigh_n_entries(h.st), 0);
	host_free(&h);
}

static void interface_without_arp_asks_nobody(void **state UNUSED)
{
	struct host h = host_new();
	struct fix_frame f;

	h.nif->netif.flags |= NETIF_NOARP;
	assert_int_equal(send_to(&h, peer()), 0);
	assert_true(fix_sent(h.nif, &f));
	assert_memory_equal(f.b, h.nif->netif.hwaddr.b, 6);
	assert_int_equal(neigh_n_entries(h.st), 0);
	host_free(&h);
}

static void family_without_a_protocol_is_refused(void **state UNUSED)
{
	struct host h = host_new();
	struct ip_addr v6 = {{0x20, 1, [15] = 1}};

	assert_int_equal(send_to(&h, v6), -EPROTONOSUPPORT);
	assert_int_equal(neigh_n_entries(h.st), 0);
	host_free(&h);
}

static void stopped_interface_forgets_and_refuses(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);

	netif_set_carrier(&h.nif->netif, false);
	assert_int_equal(neigh_n_entries(h.st), 0);
	fix_assert_drops(h.st, DROP_IF_DOWN, 1);
	assert_int_equal(send_to(&h, peer()), -ENETDOWN);
	fix_assert_drops(h.st, DROP_IF_CARRIER, 1);
	assert_int_equal(neigh_n_entries(h.st), 0);
	host_free(&h);
}

static void deleted_interface_takes_its_entries_along(void **state UNUSED)
{
	struct host h = host_in(NEIGH_PERMANENT);
	struct fix_if *other = fix_if_new(h.st, "eth1");
	struct ip_addr addr = peer();
	struct eth_addr mac = fix_mac(9);

	assert_int_equal(neigh_add_permanent(&other->netif, &addr, &mac), 0);
	assert_int_equal(neigh_n_entries(h.st), 2);
	netif_del(&other->netif);
	assert_int_equal(neigh_n_entries(h.st), 1);
	assert_non_null(entry(&h, peer()));
	host_free(&h);
}

static void full_queue_drops_the_oldest(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);

	for (int i = 1; i < 101; i++)
		assert_int_equal(send_to(&h, peer()), 0);
	fix_assert_drops(h.st, DROP_NEIGH_QUEUE, 0);
	assert_int_equal(send_to(&h, peer()), 0);
	fix_assert_drops(h.st, DROP_NEIGH_QUEUE, 1);
	assert_int_equal(entry(&h, peer())->queue.n_pkts, 101);
	host_free(&h);
}

static void queue_is_bounded_in_bytes(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);

	params(&h)->unres_qlen_bytes = 13; /* two of six */
	assert_int_equal(send_to(&h, peer()), 0);
	assert_int_equal(send_to(&h, peer()), 0);
	assert_int_equal(entry(&h, peer())->queue.n_pkts, 2);
	fix_assert_drops(h.st, DROP_NEIGH_QUEUE, 1);
	host_free(&h);
}

static void packets_waiting_in_all_are_bounded(void **state UNUSED)
{
	struct host h = host_in(NEIGH_INCOMPLETE);

	neigh_params(h.st)->unres_qlen_total = params(&h)->unres_qlen_total = 2;
	assert_int_equal(send_to(&h, ip(0, 0, 3)), 0);
	assert_int_equal(send_to(&h, ip(0, 0, 4)), -EHOSTUNREACH); /* has none to give up */
	assert_int_equal(send_to(&h, ip(0, 0, 3)), 0);
	fix_assert_drops(h.st, DROP_NEIGH_QUEUE, 2);
	host_free(&h);
}

/* Everything in 10/8 is tried at a rate far above what times out; nobody answers but a few. */
static void scan_of_a_prefix_keeps_the_table_bounded_and_its_users_alive(void **state UNUSED)
{
	struct host h = host_in(NEIGH_STALE);
	uint32_t n_max = 0;

	for (uint32_t i = 0; i < 200000; i++) {
		(void)send_to(&h, ip((uint8_t)(i >> 16 | 1), (uint8_t)(i >> 8), (uint8_t)i));
		if (neigh_n_entries(h.st) > n_max)
			n_max = neigh_n_entries(h.st);
		fix_ignore_sent(h.nif);
		if (i % 100 == 0)
			fix_advance(h.eng, 10 * MSEC);
	}
	assert_true(n_max <= 1024);
	assert_true(h.st->drops[DROP_NEIGH_FULL] > 0);
	assert_true(h.st->mib[MIB_NeighTableFull] > 0);
	assert_true(h.eng->pkts.pkts.n_peak <= 1024);
	assert_state(&h, NEIGH_STALE); /* a neighbour in use was not pushed out */
	host_free(&h);
}

static void full_table_evicts_the_oldest_failed_then_the_oldest_stale(void **state UNUSED)
{
	struct host h = host_new();
	struct eth_addr mac = fix_mac(9);

	neigh_params(h.st)->max_entries = 4;
	assert_int_equal(send_to(&h, ip(0, 0, 10)), 0);
	fix_advance(h.eng, 3 * SEC); /* .10 has failed */
	for (uint8_t i = 11; i < 14; i++) {
		struct ip_addr addr = ip(0, 0, i);

		assert_non_null(neigh_update(&h.nif->netif, &addr, &mac, NEIGH_CREATE));
	}
	assert_int_equal(neigh_n_entries(h.st), 4);
	assert_int_equal(send_to(&h, ip(0, 0, 20)), 0);
	assert_null(entry(&h, ip(0, 0, 10)));
	assert_int_equal(send_to(&h, ip(0, 0, 21)), 0);
	assert_null(entry(&h, ip(0, 0, 11)));
	assert_non_null(entry(&h, ip(0, 0, 12)));
	/* Half of the table is being resolved: no more, and nothing is evicted for it. */
	assert_int_equal(send_to(&h, ip(0, 0, 22)), -ENOBUFS);
	assert_non_null(entry(&h, ip(0, 0, 12)));
	fix_assert_drops(h.st, DROP_NEIGH_FULL, 1);
	host_free(&h);
}

static void table_of_permanent_entries_is_full(void **state UNUSED)
{
	struct host h = host_new();
	struct eth_addr mac = fix_mac(9);
	struct ip_addr a = ip(0, 0, 3), b = ip(0, 0, 4), c = ip(0, 0, 5);

	neigh_params(h.st)->max_entries = 2;
	assert_int_equal(neigh_add_permanent(&h.nif->netif, &a, &mac), 0);
	assert_int_equal(neigh_add_permanent(&h.nif->netif, &b, &mac), 0);
	assert_int_equal(neigh_add_permanent(&h.nif->netif, &c, &mac), -ENOBUFS);
	assert_int_equal(send_to(&h, c), -ENOBUFS);
	assert_null(neigh_update(&h.nif->netif, &c, &mac, NEIGH_CREATE));
	host_free(&h);
}

static void exhausted_pool_asks_later(void **state UNUSED)
{
	struct host h = host_new();
	struct ip_addr addr = peer();
	struct pkt *pkt = fix_pkt(h.eng, "packet", 6);
	uint32_t n = 0;
	struct pkt *held[2048];

	while ((held[n] = pkt_alloc(&h.eng->pkts, 0)))
		n++;
	pkt->l3_off = pkt_off(pkt);
	assert_int_equal(neigh_output(&h.nif->netif, pkt, &addr, ethertype(), NULL), 0);
	fix_assert_silent(h.nif);                           /* no packet for the request */
	fix_assert_drops(h.st, DROP_NOMEM, is_ip6 ? 0 : 1); /* that of ARP */
	while (n)
		pkt_free(held[--n]);
	fix_advance(h.eng, 1 * SEC);
	assert_request_sent(&h, 0);
	host_free(&h);
}

static void note_entry(void *arg, const struct neigh *n)
{
	uint8_t **p = arg;

	*(*p)++ = n->addr.b[15];
}

static void dump_is_in_order_of_creation(void **state UNUSED)
{
	struct host h = host_new();
	uint8_t seen[8], *p = seen;

	for (uint8_t i = 5; i > 0; i--)
		assert_int_equal(send_to(&h, ip(0, 0, (uint8_t)(i * 7))), 0);
	neigh_for_each(h.st, note_entry, &p);
	assert_int_equal(p - seen, 5);
	assert_memory_equal(seen, ((uint8_t[]){35, 28, 21, 14, 7}), 5);
	host_free(&h);
}

static void changes_of_state_are_traced(void **state UNUSED)
{
	struct host h = host_in(NEIGH_REACHABLE);
	struct trace_event ev;
	uint16_t last = 0;

	while (trace_read(h.eng, &ev))
		if (ev.kind == TRACE_STATE) {
			assert_non_null(strstr(ev.text, is_ip6 ? "2001:db8::2" : "10.0.0.2"));
			last = ev.code;
		}
	assert_int_equal(last, NEIGH_INCOMPLETE << 8 | NEIGH_REACHABLE);
	host_free(&h);
}

static int with_ip4(void **state UNUSED)
{
	is_ip6 = false;
	return 0;
}

static int with_ip6(void **state UNUSED)
{
	is_ip6 = true;
	return 0;
}

int main(void)
{
/* Each runs twice, and fails by itself. */
#define in_both_families(name)                            \
	{#name "_ipv4", name, with_ip4, NULL, NULL},      \
	{                                                 \
#name "_ipv6", name, with_ip6, NULL, NULL \
	}
	const struct CMUnitTest tests[] = {
		in_both_families(none_packet_asks_everybody_and_waits),
		in_both_families(incomplete_second_packet_waits_without_asking),
		in_both_families(incomplete_answer_sends_what_waits_in_order),
		in_both_families(incomplete_unsolicited_address_is_used_and_will_be_probed),
		in_both_families(
			incomplete_silence_asks_three_times_then_fails_after_three_seconds),
		in_both_families(failed_packet_is_refused_at_once_then_asks_again),
		in_both_families(failed_forwarded_packet_is_reported_at_once),
		in_both_families(failed_answer_makes_it_usable),
		in_both_families(failed_entry_is_forgotten_after_a_minute),
		in_both_families(reachable_packet_goes_at_once),
		in_both_families(reachable_goes_stale_between_half_and_one_and_a_half_of_the_base),
		in_both_families(reachable_confirmed_stays_reachable),
		in_both_families(stale_packet_goes_at_once_and_starts_delay),
		in_both_families(delay_without_confirmation_probes_the_owner),
		in_both_families(delay_confirmed_is_reachable_without_a_probe),
		in_both_families(probe_packets_still_go),
		in_both_families(probe_answered_is_reachable),
		in_both_families(probe_unanswered_fails_and_the_next_packet_asks_everybody),
		in_both_families(update_follows_the_state_table),
		in_both_families(group_address_is_never_learned),
		in_both_families(permanent_entry_sends_what_waits_and_never_changes),
		in_both_families(permanent_entry_of_a_group_is_refused),
		in_both_families(deleting_a_waiting_entry_drops_its_packets),
		cmocka_unit_test_setup(group_next_hops_need_no_entry, with_ip4),
		in_both_families(interface_without_arp_asks_nobody),
		cmocka_unit_test_setup(family_without_a_protocol_is_refused, with_ip4),
		in_both_families(stopped_interface_forgets_and_refuses),
		in_both_families(deleted_interface_takes_its_entries_along),
		in_both_families(full_queue_drops_the_oldest),
		in_both_families(queue_is_bounded_in_bytes),
		in_both_families(packets_waiting_in_all_are_bounded),
		in_both_families(scan_of_a_prefix_keeps_the_table_bounded_and_its_users_alive),
		in_both_families(full_table_evicts_the_oldest_failed_then_the_oldest_stale),
		in_both_families(table_of_permanent_entries_is_full),
		in_both_families(exhausted_pool_asks_later),
		in_both_families(dump_is_in_order_of_creation),
		in_both_families(changes_of_state_are_traced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
