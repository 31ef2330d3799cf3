/* SPDX-License-Identifier: MIT */
/* IPv4 fragments: cut on the way out and on the way through, put together for us (RFC 791, RFC 815,
 * RFC 1812 §5.2.6, RFC 3168 §5.3, RFC 5722, RFC 6864). */
#include "ip4_fixture.h"

#include "unit.h"

static int setup(void **state)
{
	*state = ip4_fix_router();
	return 0;
}

static int teardown(void **state)
{
	ip4_fix_free(*state);
	return 0;
}

/* A fragment of the payload that counts up: byte i of the datagram is i + 1. */
static struct dgram part(uint16_t off, uint16_t len, bool more)
{
	return DGRAM(.hdr.id = 7, .hdr.frag_off = off, .hdr.mf = more, .len = len);
}

/*
 * Put together.
 */

static void fragments_in_any_order_are_one_datagram(void **state)
{
	static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					{1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		for (int k = 0; k < 3; k++) {
			int n = orders[i][k];

			assert_int_equal(seen.n, i);
			rx(f->a, part((uint16_t)(n * 200), n < 2 ? 200 : 51, n < 2));
		}
		assert_int_equal(seen.n, i + 1);
		assert_int_equal(seen.len, 451);
		assert_ip(seen.info.src, "10.0.0.2");
	}
	assert_int_equal(f->st->mib[MIB_IpReasmReqds], 18);
	assert_int_equal(f->st->mib[MIB_IpReasmOKs], 6);
	assert_int_equal(f->st->mib[MIB_IpInDelivers], 6);
	assert_int_equal(f->st->mib[MIB_IpReasmFails], 0);
}

static void datagrams_are_told_apart_by_addresses_id_and_protocol(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram others[4] = {part(16, 16, false), part(16, 16, false), part(16, 16, false),
				  part(16, 16, false)};

	others[0].hdr.id = 8;
	others[1].hdr.src = ip4("10.0.0.3");
	others[2].hdr.dst = ip4("10.0.1.1");
	others[3].hdr.proto = 254;
	rx(f->a, part(0, 16, true));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		rx(f->a, others[i]);
	assert_int_equal(seen.n, 0);
	rx(f->a, part(16, 16, false));
	assert_int_equal(seen.n, 1);
}

static void exact_duplicate_is_ignored(void **state)
{
	struct ip4_fix *f = *state;

	rx(f->a, part(0, 200, true));
	assert_int_equal(rx_verdict(f->a, part(0, 200, true)), DROP_IP_FRAG_DUP);
	rx(f->a, part(400, 16, false));
	assert_int_equal(rx_verdict(f->a, part(400, 16, false)), DROP_IP_FRAG_DUP);
	rx(f->a, part(200, 200, true));
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.len, 416);
	assert_int_equal(f->st->mib[MIB_IpReasmFails], 0);
}

/* RFC 5722: whatever overlaps, all of it goes, and what comes later too. */
static void subset_and_overlap_drop_the_whole_datagram(void **state)
{
	const struct dgram bad[] = {
		part(8, 16, true),   part(0, 192, true),  part(0, 208, true),  part(192, 16, true),
		part(400, 8, true),  part(408, 8, true),  part(392, 16, true), part(0, 800, true),
		part(400, 8, false), part(192, 8, false),
	};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct dgram d[] = {part(0, 200, true), part(400, 216, true), bad[i],
				    part(200, 200, true), part(616, 8, false)};

		for (size_t k = 0; k < ARRAY_SIZE(d); k++) {
			enum drop why;

			d[k].hdr.id = (uint16_t)(100 + i);
			why = rx_verdict(f->a, d[k]);
			if (why != (k < 2 ? DROP_NONE : DROP_IP_FRAG_OVERLAP))
				fail_msg("case %zu, fragment %zu: %s", i, k, drop_name(why));
		}
	}
	assert_int_equal(seen.n, 0);
	assert_int_equal(f->st->mib[MIB_IpReasmFails], ARRAY_SIZE(bad));
	assert_int_equal(f->st->mib[MIB_IpExtReasmOverlaps], ARRAY_SIZE(bad));
	/* No error for what was refused. */
	fix_advance(f->eng, 31 * SEC);
	fix_assert_silent(f->a);
	assert_int_equal(f->st->mib[MIB_IpReasmTimeout], 0);
}

static void ends_that_contradict_drop_the_datagram(void **state)
{
	const struct dgram pairs[][2] = {
		{part(400, 16, false), part(416, 16, false)},
		{part(400, 16, false), part(416, 16, true)},
		{part(416, 16, true), part(400, 16, false)},
		{part(400, 16, false), part(384, 16, false)},
	};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		for (int k = 0; k < 2; k++) {
			struct dgram d = pairs[i][k];

			d.hdr.id = (uint16_t)(100 + i);
			assert_int_equal(rx_verdict(f->a, d), k ? DROP_IP_FRAG_RANGE : DROP_NONE);
		}
	assert_int_equal(f->st->mib[MIB_IpReasmFails], ARRAY_SIZE(pairs));
}

static void datagram_of_65535_bytes_is_the_largest(void **state)
{
	struct ip4_fix *f = *state;
	uint32_t pos = 0;

	for (; pos + 1480 < 65515; pos += 1480)
		rx(f->a, part((uint16_t)pos, 1480, true));
	rx(f->a, part((uint16_t)pos, (uint16_t)(65515 - pos), false));
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.len, 65515);
	/* One byte more is refused by the fragment's own header, and with options in the first
	 * fragment when all has come. */
	assert_int_equal(rx_verdict(f->a, part((uint16_t)pos, (uint16_t)(65516 - pos), false)),
			 DROP_IP4_HDR);
	for (uint32_t at = 0; at < pos; at += 1480) {
		struct dgram d = part((uint16_t)at, 1480, true);

		if (at == 0) {
			d.hdr.hdr_len = 24;
			d.opts[0] = 1;
		}
		assert_int_equal(rx_verdict(f->a, d), DROP_NONE);
	}
	assert_int_equal(rx_verdict(f->a, part((uint16_t)pos, (uint16_t)(65515 - pos), false)),
			 DROP_IP_FRAG_RANGE);
	assert_int_equal(seen.n, 1);
}

static void time_exceeded_is_told_only_if_the_first_fragment_came(void **state)
{
	struct ip4_fix *f = *state;
	struct icmp4_hdr hdr;
	struct sent s;

	rx(f->a, part(200, 200, true));
	fix_advance(f->eng, 31 * SEC);
	fix_assert_silent(f->a);
	fix_assert_drops(f->st, DROP_IP_FRAG_TIMEOUT, 1);

	rx(f->a, part(200, 200, true));
	rx(f->a, part(0, 200, true));
	fix_advance(f->eng, 29 * SEC);
	fix_assert_silent(f->a);
	fix_advance(f->eng, 2 * SEC);
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.type, ICMP4_TIME_EXCEEDED);
	assert_int_equal(hdr.code, ICMP4_EXCEEDED_REASM);
	assert_ip4(s.hdr.src, "10.0.0.1");
	assert_ip4(s.hdr.dst, "10.0.0.2");
	/* It quotes the fragment as it came. */
	assert_int_equal(s.l4_len, ICMP4_HDR_LEN + IP4_HDR_LEN + 200);
	assert_int_equal(s.l4[ICMP4_HDR_LEN + 6], 0x20);
	fix_assert_drops(f->st, DROP_IP_FRAG_TIMEOUT, 3);
	assert_int_equal(f->st->mib[MIB_IpReasmTimeout], 2);
	assert_int_equal(f->st->mib[MIB_IpReasmFails], 2);
}

static void nothing_is_told_about_fragments_to_a_group(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = part(0, 200, true);

	d.hdr.dst = ip4("224.0.0.1");
	rx(f->a, d);
	fix_advance(f->eng, 31 * SEC);
	fix_assert_drops(f->st, DROP_IP_FRAG_TIMEOUT, 1);
	fix_assert_silent(f->a);
}

static void time_to_wait_is_a_setting(void **state)
{
	struct ip4_fix *f = *state;

	set_sysctl(f->st, "net.ipv4.ipfrag_time", 2);
	rx(f->a, part(0, 200, true));
	fix_advance(f->eng, 3 * SEC);
	fix_assert_drops(f->st, DROP_IP_FRAG_TIMEOUT, 1);
}

/* RFC 3168 §5.3. */
static void congestion_seen_by_one_fragment_is_seen_by_the_datagram(void **state)
{
	const struct {
		uint8_t a, b;
		int want; /* -1: dropped */
	} cases[] = {
		{0, 0, 0}, {1, 1, 1},  {2, 2, 2},  {2, 3, 3},  {3, 2, 3},  {1, 3, 3},
		{3, 3, 3}, {0, 3, -1}, {3, 0, -1}, {0, 2, -1}, {1, 0, -1},
	};
	struct ip4_fix *f = *state;
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dgram d[2] = {part(0, 16, true), part(16, 16, false)};

		d[0].hdr.tos = (uint8_t)(0xb8 | cases[i].a);
		d[1].hdr.tos = (uint8_t)(0xb8 | cases[i].b);
		d[0].hdr.id = d[1].hdr.id = (uint16_t)(100 + i);
		assert_int_equal(rx_verdict(f->a, d[0]), DROP_NONE);
		assert_int_equal(rx_verdict(f->a, d[1]),
				 cases[i].want < 0 ? DROP_IP_FRAG_ECN : DROP_NONE);
		n += cases[i].want >= 0;
		assert_int_equal(seen.n, n);
		if (cases[i].want >= 0)
			assert_int_equal(seen.info.tos, 0xb8 | cases[i].want);
	}
}

static void fragments_of_others_pass_as_they_are(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = part(1480, 100, false);
	struct sent s;

	d.hdr.dst = ip4("10.0.1.2");
	rx(f->a, d);
	sent_ip4(f->b, &s);
	assert_int_equal(s.hdr.frag_off, 1480);
	assert_int_equal(s.hdr.id, 7);
	assert_int_equal(s.l4_len, 100);
	assert_int_equal(f->st->mib[MIB_IpReasmReqds], 0);
}

static void refused_whole_datagram_is_answered_as_one(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d[2] = {part(0, 16, true), part(16, 16, false)};
	struct icmp4_hdr hdr;
	struct sent s;

	d[0].hdr.proto = d[1].hdr.proto = 252;
	rx(f->a, d[1]);
	assert_int_equal(rx_verdict(f->a, d[0]), DROP_IP4_NO_PROTO);
	hdr = sent_icmp4(f->a, &s);
	assert_int_equal(hdr.code, ICMP4_UNREACH_PROTO);
	assert_int_equal(s.l4_len, ICMP4_HDR_LEN + IP4_HDR_LEN + 32);
	assert_int_equal(f->st->mib[MIB_IpInUnknownProtos], 1);
}

static void interface_that_goes_takes_its_fragments_along(void **state)
{
	struct ip4_fix *f = *state;

	rx(f->a, part(0, 200, true));
	netif_del(&f->a->netif);
	f->a = NULL;
	fix_advance(f->eng, 31 * SEC);
	fix_assert_drops(f->st, DROP_IF_DOWN, 1);
}

static void memory_and_sources_are_bounded(void **state)
{
	struct ip4_fix *f = *state;
	const struct reasm *r = &f->st->ip4->reasm;

	set_sysctl(f->st, "net.ipv4.ipfrag_high_thresh", 400000);
	set_sysctl(f->st, "net.ipv4.ipfrag_low_thresh", 300000);
	set_sysctl(f->st, "net.ipv4.ipfrag_max_dist", 0);
	/* One source drives out itself. */
	for (int i = 0; i < 2000; i++) {
		struct dgram d = part(0, 1480, true);

		d.hdr.id = (uint16_t)i;
		rx(f->a, d);
		assert_true(r->mem_bytes <= 100000);
	}
	/* Many sources: the oldest go. */
	for (int i = 0; i < 2000; i++) {
		struct dgram d = part(0, 1480, true);

		d.hdr.src = ip4_addr_from_u32(0x0a000100u + (uint32_t)i);
		d.hdr.dst = ip4("10.0.1.1");
		rx(f->b, d);
		assert_true(r->mem_bytes <= 400000);
	}
	assert_true(f->st->drops[DROP_IP_FRAG_MEM] > 3000);
	/* In the middle of it, who sends whole datagrams gets through. */
	rx(f->a, part(0, 16, true));
	rx(f->a, part(16, 16, false));
	assert_int_equal(seen.n, 1);
	set_sysctl(f->st, "net.ipv4.ipfrag_high_thresh", 0);
	rx(f->a, part(0, 16, true));
	assert_int_equal(r->mem_bytes, 0);
}

/* A first fragment of a source of its own. */
static void rx_stranger(struct ip4_fix *f, uint32_t i)
{
	struct dgram d = part(0, 1480, true);

	d.hdr.src = ip4_addr_from_u32(0x0a000100u + i);
	d.hdr.dst = ip4("10.0.1.1");
	rx(f->b, d);
}

static void memory_is_halved_while_nothing_becomes_whole(void **state)
{
	struct ip4_fix *f = *state;
	const struct reasm *r = &f->st->ip4->reasm;
	uint32_t most = 0;

	set_sysctl(f->st, "net.ipv4.ipfrag_high_thresh", 400000);
	set_sysctl(f->st, "net.ipv4.ipfrag_low_thresh", 300000);
	for (uint32_t i = 0; i < 2000; i++)
		rx_stranger(f, i);
	for (uint32_t i = 0; i < 2000; i++) {
		rx_stranger(f, i);
		assert_true(r->mem_bytes <= 400000 >> REASM_SQUEEZE_MAX);
	}
	/* Most become whole: what there is of memory was used well. */
	for (uint32_t i = 0; i < 2000; i++) {
		struct dgram d = part(0, 16, true);

		if (i % 2)
			rx_stranger(f, 2000 + i);
		d.hdr.id = (uint16_t)i;
		rx(f->a, d);
		d = part(16, 16, false);
		d.hdr.id = (uint16_t)i;
		rx(f->a, d);
		most = r->mem_bytes > most ? r->mem_bytes : most;
	}
	assert_int_equal(seen.n, 2000);
	assert_in_range(most, 390000, 400000);
}

/* RFC 4963: a number that comes round is no part of what has waited long. */
static void datagram_overtaken_by_many_is_dropped(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = part(0, 16, true);

	rx(f->a, part(0, 16, true));
	for (int i = 0; i < 70; i++) {
		d.hdr.id = (uint16_t)(100 + i);
		rx(f->a, d);
	}
	assert_int_equal(rx_verdict(f->a, part(16, 16, false)), DROP_IP_FRAG_DIST);
	assert_int_equal(seen.n, 0);
	rx(f->a, part(0, 16, true));
	assert_int_equal(seen.n, 1);
}

/*
 * Cut.
 */

static void too_large_is_cut_into_fragments_that_fit(void **state)
{
	struct ip4_fix *f = *state;
	uint8_t all[3000], want[3000];
	uint32_t n = 0;
	uint16_t id = 0;
	struct sent s;

	fill(want, sizeof(want));
	assert_int_equal(out(f, 3000, IP_OUT("10.0.0.2", .flow.tos = 0x20, .ttl = 9)), 0);
	for (int i = 0; i < 3; i++) {
		sent_ip4(f->a, &s);
		assert_int_equal(s.hdr.frag_off, n);
		assert_int_equal(s.hdr.mf, i < 2);
		assert_false(s.hdr.df);
		assert_int_equal(s.hdr.tos, 0x20);
		assert_int_equal(s.hdr.ttl, 9);
		assert_int_equal(s.l4_len, i < 2 ? 1480 : 40);
		if (i)
			assert_int_equal(s.hdr.id, id);
		id = s.hdr.id;
		memcpy(all + n, s.l4, s.l4_len);
		n += s.l4_len;
	}
	fix_assert_silent(f->a);
	assert_int_equal(n, 3000);
	assert_memory_equal(all, want, n);
	assert_int_equal(f->st->mib[MIB_IpFragOKs], 1);
	assert_int_equal(f->st->mib[MIB_IpFragCreates], 3);
	assert_int_equal(f->st->mib[MIB_IpOutRequests], 1);
	/* RFC 6864 §4.2: the next has another number. */
	assert_int_equal(out(f, 3000, IP_OUT("10.0.0.2")), 0);
	sent_ip4(f->a, &s);
	assert_int_not_equal(s.hdr.id, id);
}

static void df_if_it_fits_means_fragments_without_it_otherwise(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_out o = IP_OUT("10.0.0.2", .df = true, .df_if_fits = true);
	struct sent s;

	assert_int_equal(out(f, 1480, o), 0);
	sent_ip4(f->a, &s);
	assert_true(s.hdr.df);
	assert_int_equal(out(f, 1481, o), 0);
	for (int i = 0; i < 2; i++) {
		sent_ip4(f->a, &s);
		assert_false(s.hdr.df);
	}
}

static void router_cuts_what_may_be_cut(void **state)
{
	struct ip4_fix *f = *state;
	struct dgram d = DGRAM(.hdr.dst = {{10, 0, 1, 2}}, .hdr.id = 99, .len = 1000);
	struct sent s;

	assert_int_equal(netif_set_mtu(&f->b->netif, 500), 0);
	rx(f->a, d);
	for (int i = 0; i < 3; i++) {
		sent_ip4(f->b, &s);
		assert_int_equal(s.hdr.id, 99);
		assert_int_equal(s.hdr.ttl, 63);
		assert_int_equal(s.hdr.frag_off, i * 480);
		assert_int_equal(s.hdr.mf, i < 2);
		assert_int_equal(s.l4[20], (uint8_t)(i * 480 + 21));
	}
	fix_assert_silent(f->b);
	/* A fragment is cut further, and stays in the middle. */
	d.hdr.mf = true;
	d.hdr.frag_off = 800;
	rx(f->a, d);
	for (int i = 0; i < 3; i++) {
		sent_ip4(f->b, &s);
		assert_int_equal(s.hdr.frag_off, 800 + i * 480);
		assert_true(s.hdr.mf);
	}
	fix_assert_silent(f->a);
}

static void options_go_into_all_fragments_or_the_first_as_they_say(void **state)
{
	struct ip4_fix *f = *state;
	/* Unknown without the copy flag, router alert, no-operation, end. */
	struct dgram d = DGRAM(.hdr.dst = {{10, 0, 1, 2}}, .hdr.hdr_len = 32, .len = 1000,
			       .opts = {30, 5, 1, 2, 3, 148, 4, 0, 0, 1, 0, 0});
	struct sent s;

	assert_int_equal(netif_set_mtu(&f->b->netif, 500), 0);
	rx(f->a, d);
	sent_ip4(f->b, &s);
	assert_int_equal(s.hdr.hdr_len, 32);
	assert_memory_equal(s.ip + IP4_HDR_LEN, d.opts, 12);
	assert_int_equal(s.l4_len, 464);
	sent_ip4(f->b, &s);
	assert_int_equal(s.hdr.hdr_len, 24);
	assert_memory_equal(s.ip + IP4_HDR_LEN, ((uint8_t[]){148, 4, 0, 0}), 4);
	assert_int_equal(s.hdr.frag_off, 464);
	assert_int_equal(s.l4_len, 472);
	sent_ip4(f->b, &s);
	assert_int_equal(s.hdr.frag_off, 936);
	assert_int_equal(s.l4_len, 64);
}

static void checksum_is_made_before_the_cut(void **state)
{
	struct ip4_fix *f = *state;
	struct pkt *pkt = payload_pkt(f, 2000);
	struct ip_out o = IP_OUT("10.0.0.2");
	uint64_t sum;
	uint8_t all[2000];
	struct sent s;

	memset(pkt->data, 0, 8);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = pkt->l4_off;
	pkt->csum_off = 2;
	assert_int_equal(ip_output(f->st, pkt, &o), 0);
	fix_settle(f->eng);
	sent_ip4(f->a, &s);
	memcpy(all, s.l4, s.l4_len);
	sent_ip4(f->a, &s);
	memcpy(all + 1480, s.l4, s.l4_len);
	sum = csum_add(&f->eng->cpu, all, sizeof(all), 0);
	assert_int_equal(csum_fold(sum), 0xffff);
}

static void fragments_without_memory_are_none(void **state)
{
	struct ip4_fix *f = *state;
	struct pkt *pkt = payload_pkt(f, 3000);
	struct ip_out o = IP_OUT("10.0.0.2");
	struct pool *pool = &f->eng->pkts.pkts;
	uint32_t max = pool->max_objs;
	struct pktq held;
	struct pkt *p;

	pktq_init(&held);
	pool->max_objs = pool->n_objs;
	while ((p = pkt_alloc(&f->eng->pkts, 0)))
		pktq_push(&held, p);
	assert_int_equal(ip_output(f->st, pkt, &o), -ENOMEM);
	pool->max_objs = max;
	pktq_purge(&held);
	fix_settle(f->eng);
	fix_assert_silent(f->a);
	assert_int_equal(f->st->mib[MIB_IpFragFails], 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fragments_in_any_order_are_one_datagram),
		T(datagrams_are_told_apart_by_addresses_id_and_protocol),
		T(exact_duplicate_is_ignored),
		T(subset_and_overlap_drop_the_whole_datagram),
		T(ends_that_contradict_drop_the_datagram),
		T(datagram_of_65535_bytes_is_the_largest),
		T(time_exceeded_is_told_only_if_the_first_fragment_came),
		T(nothing_is_told_about_fragments_to_a_group),
		T(time_to_wait_is_a_setting),
		T(congestion_seen_by_one_fragment_is_seen_by_the_datagram),
		T(fragments_of_others_pass_as_they_are),
		T(refused_whole_datagram_is_answered_as_one),
		T(interface_that_goes_takes_its_fragments_along),
		T(memory_and_sources_are_bounded),
		T(memory_is_halved_while_nothing_becomes_whole),
		T(datagram_overtaken_by_many_is_dropped),
		T(too_large_is_cut_into_fragments_that_fit),
		T(df_if_it_fits_means_fragments_without_it_otherwise),
		T(router_cuts_what_may_be_cut),
		T(options_go_into_all_fragments_or_the_first_as_they_say),
		T(checksum_is_made_before_the_cut),
		T(fragments_without_memory_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
