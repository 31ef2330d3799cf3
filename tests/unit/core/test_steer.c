/* SPDX-License-Identifier: MIT */
/* Steering: which shard has what, from frames made by hand. */
#include "fixture.h"

#include "core/steer.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/ip6_ext.h"

enum {
	N_SHARDS = 4,
	N_FLOWS = 2000,
	OWN_FIRST = 60000,
};

struct fix {
	struct engine *eng;
	struct steer s;
	struct rng rng;
};

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->eng = fix_engine();
	f->s = (struct steer){.key = {1, 2},
			      .n_shards = N_SHARDS,
			      .own_first = OWN_FIRST,
			      .own_last = 65535,
			      .live = (1 << N_SHARDS) - 1};
	rng_init_seed(&f->rng, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	fix_end(f->eng);
	free(f);
	return 0;
}

/* A flow with ports below those that belong to one shard. */
static struct steer_flow random_flow(struct fix *f, bool is_ip6)
{
	struct steer_flow flow = {
		.lport = (uint16_t)(1 + rng_below(&f->rng, OWN_FIRST - 1)),
		.rport = (uint16_t)(1 + rng_below(&f->rng, OWN_FIRST - 1)),
		.proto = rng_below(&f->rng, 2) ? IP_PROTO_TCP : IP_PROTO_UDP,
	};
	struct ip4_addr l = {{10, 0, 0, 1}}, r;

	rng_bytes(&f->rng, &r, sizeof(r));
	r.b[0] = 11;
	if (!is_ip6) {
		flow.laddr = ip_addr_from_ip4(&l);
		flow.raddr = ip_addr_from_ip4(&r);
		return flow;
	}
	rng_bytes(&f->rng, &flow.laddr, sizeof(flow.laddr));
	rng_bytes(&f->rng, &flow.raddr, sizeof(flow.raddr));
	flow.laddr.b[0] = flow.raddr.b[0] = 0x20;
	return flow;
}

struct bytes {
	uint32_t len;
	uint8_t b[512];
};

static void put_l4(struct bytes *out, const struct steer_flow *flow, bool is_from_us)
{
	store_be16(out->b + out->len, is_from_us ? flow->lport : flow->rport);
	store_be16(out->b + out->len + 2, is_from_us ? flow->rport : flow->lport);
	memset(out->b + out->len + 4, 0, 16);
	out->len += 20;
}

struct frag {
	uint16_t off;
	bool more;
	uint16_t id;
};

/* A packet of the flow, with its IP header; `is_from_us`: as we send it. */
static void put_ip(struct bytes *out, const struct steer_flow *flow, bool is_from_us,
		   const struct frag *frag)
{
	const struct ip_addr *src = is_from_us ? &flow->laddr : &flow->raddr;
	const struct ip_addr *dst = is_from_us ? &flow->raddr : &flow->laddr;

	if (ip_addr_is_ip4(src)) {
		struct ip4_hdr hdr = {.src = ip_addr_to_ip4(src),
				      .dst = ip_addr_to_ip4(dst),
				      .hdr_len = IP4_HDR_LEN,
				      .tot_len = IP4_HDR_LEN + 20,
				      .ttl = 64,
				      .proto = flow->proto};

		if (frag) {
			hdr.frag_off = frag->off;
			hdr.mf = frag->more;
			hdr.id = frag->id;
		}
		ip4_hdr_write(out->b + out->len, &hdr);
		out->len += IP4_HDR_LEN;
	} else {
		struct ip6_hdr hdr = {.payload_len = 20, .next_hdr = flow->proto, .hop_limit = 64};

		memcpy(&hdr.src, src, sizeof(hdr.src));
		memcpy(&hdr.dst, dst, sizeof(hdr.dst));
		if (frag)
			hdr.next_hdr = IP_PROTO_FRAGMENT;
		ip6_hdr_write(out->b + out->len, &hdr);
		out->len += IP6_HDR_LEN;
		if (frag) {
			ip6_frag_write(out->b + out->len,
				       &(struct ip6_frag){.id = frag->id,
							  .off = frag->off,
							  .next_hdr = flow->proto,
							  .more = frag->more});
			out->len += IP6_FRAG_LEN;
		}
	}
	put_l4(out, flow, is_from_us);
}

static struct bytes eth(uint16_t type, bool is_group)
{
	struct bytes out = {.len = ETH_HDR_LEN};
	struct eth_hdr hdr = {.dst = fix_mac(1), .src = fix_mac(2), .type = type};

	if (is_group)
		hdr.dst.b[0] = 0x33;
	eth_hdr_write(out.b, &hdr);
	return out;
}

static uint16_t type_of(const struct steer_flow *flow)
{
	return ip_addr_is_ip4(&flow->laddr) ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
}

static uint32_t steer(struct fix *f, const struct bytes *frame)
{
	struct pkt *pkt = fix_pkt(f->eng, frame->b, frame->len);
	uint32_t ret = steer_pkt(&f->s, pkt);

	pkt_free(pkt);
	return ret;
}

static uint32_t steer_segment(struct fix *f, const struct steer_flow *flow, const struct frag *frag)
{
	struct bytes frame = eth(type_of(flow), false);

	put_ip(&frame, flow, false, frag);
	return steer(f, &frame);
}

static uint32_t steer_error(struct fix *f, const struct steer_flow *flow, const struct frag *frag)
{
	bool is_ip6 = !ip_addr_is_ip4(&flow->laddr);
	struct steer_flow icmp = random_flow(f, is_ip6);
	struct bytes frame = eth(type_of(flow), false);

	icmp.laddr = flow->laddr;
	icmp.proto = is_ip6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP;
	put_ip(&frame, &icmp, false, NULL);
	frame.len -= 12; /* eight bytes of ICMP */
	memset(frame.b + frame.len - 8, 0, 8);
	frame.b[frame.len - 8] = is_ip6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED;
	put_ip(&frame, flow, true, frag);
	return steer(f, &frame);
}

static struct steer_flow reversed(const struct steer_flow *flow)
{
	return (struct steer_flow){.laddr = flow->raddr,
				   .raddr = flow->laddr,
				   .lport = flow->rport,
				   .rport = flow->lport,
				   .proto = flow->proto};
}

static void both_directions_and_errors_of_a_flow_reach_one_shard(void **state)
{
	struct fix *f = *state;
	uint32_t n[N_SHARDS] = {0};

	for (int i = 0; i < N_FLOWS; i++) {
		struct steer_flow flow = random_flow(f, i & 1), back = reversed(&flow);
		uint32_t to = steer_flow(&f->s, &flow);

		assert_true(to < N_SHARDS);
		n[to]++;
		assert_int_equal(steer_flow(&f->s, &back), to);
		assert_int_equal(steer_segment(f, &flow, NULL), to);
		assert_int_equal(steer_segment(f, &back, NULL), to);
		assert_int_equal(steer_error(f, &flow, NULL), to);
	}
	for (int i = 0; i < N_SHARDS; i++)
		assert_in_range(n[i], N_FLOWS / N_SHARDS * 8 / 10, N_FLOWS / N_SHARDS * 12 / 10);
}

static void another_key_steers_otherwise(void **state)
{
	struct fix *f = *state;
	struct steer other = f->s;
	int n_same = 0;

	other.key.k1++;
	for (int i = 0; i < N_FLOWS; i++) {
		struct steer_flow flow = random_flow(f, i & 1);

		n_same += steer_flow(&f->s, &flow) == steer_flow(&other, &flow);
	}
	assert_in_range(n_same, N_FLOWS / N_SHARDS / 2, N_FLOWS / N_SHARDS * 3 / 2);
}

static void fragments_of_a_datagram_reach_one_shard(void **state)
{
	struct fix *f = *state;
	uint32_t seen = 0;

	for (int i = 0; i < 200; i++) {
		struct steer_flow flow = random_flow(f, i & 1);
		uint16_t id = (uint16_t)rng_u32(&f->rng);
		uint32_t to = steer_segment(f, &flow, &(struct frag){.more = true, .id = id});

		seen |= 1u << to;
		for (uint16_t off = 8; off < 80; off = (uint16_t)(off + 8)) {
			struct frag frag = {.off = off, .more = off < 72, .id = id};

			flow.lport = (uint16_t)rng_u32(&f->rng); /* it is payload there */
			assert_int_equal(steer_segment(f, &flow, &frag), to);
		}
	}
	assert_int_equal(seen, (1 << N_SHARDS) - 1);
}

static void error_that_quotes_a_later_fragment_reaches_all(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 2; i++) {
		struct steer_flow flow = random_flow(f, i & 1);

		assert_int_equal(steer_error(f, &flow, &(struct frag){.off = 80, .id = 1}),
				 STEER_ALL);
		assert_int_equal(steer_error(f, &flow, &(struct frag){.more = true, .id = 1}),
				 steer_flow(&f->s, &flow));
	}
}

static void port_of_one_shard_is_its_whoever_asks(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 100; i++) {
		struct steer_flow flow = random_flow(f, i & 1);

		flow.lport = (uint16_t)(OWN_FIRST + i);
		assert_int_equal(steer_port_owner(&f->s, flow.lport), (OWN_FIRST + i) % N_SHARDS);
		assert_int_equal(steer_segment(f, &flow, NULL), (OWN_FIRST + i) % N_SHARDS);
		assert_int_equal(steer_error(f, &flow, NULL), (OWN_FIRST + i) % N_SHARDS);
	}
	assert_int_equal(steer_port_owner(&f->s, OWN_FIRST - 1), -1);
}

static uint32_t steer_icmp(struct fix *f, bool is_ip6, uint8_t type, uint16_t id, bool is_group)
{
	struct steer_flow flow = random_flow(f, is_ip6);
	struct bytes frame = eth(type_of(&flow), is_group);

	flow.proto = is_ip6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP;
	put_ip(&frame, &flow, false, NULL);
	frame.b[frame.len - 20] = type;
	store_be16(frame.b + frame.len - 16, id);
	return steer(f, &frame);
}

static void echo_reply_reaches_who_chose_the_identifier(void **state)
{
	struct fix *f = *state;

	for (uint16_t id = OWN_FIRST; id < OWN_FIRST + 20; id++) {
		assert_int_equal(steer_icmp(f, false, ICMP4_ECHO_REPLY, id, false), id % N_SHARDS);
		assert_int_equal(steer_icmp(f, true, ICMP6_ECHO_REPLY, id, false), id % N_SHARDS);
		assert_true(steer_icmp(f, true, ICMP6_ECHO, id, false) < N_SHARDS);
	}
}

static void what_concerns_the_host_reaches_all(void **state)
{
	struct fix *f = *state;
	struct steer_flow flow = random_flow(f, false);
	struct bytes arp = eth(ETHERTYPE_ARP, false), group = eth(ETHERTYPE_IPV4, true);

	flow.proto = IP_PROTO_UDP;
	put_ip(&group, &flow, false, NULL);
	assert_int_equal(steer(f, &arp), STEER_ALL);
	assert_int_equal(steer(f, &group), STEER_ALL);
	assert_int_equal(steer_icmp(f, true, ICMP6_NEIGH_ADVERT, 0, false), STEER_ALL);
	assert_int_equal(steer_icmp(f, true, ICMP6_NEIGH_SOLICIT, 0, true), STEER_ALL);
	assert_int_equal(steer_icmp(f, true, ICMP6_ROUTER_ADVERT, 0, true), STEER_ALL);
	/* One answer is enough. */
	assert_int_equal(steer_icmp(f, true, ICMP6_ECHO, 0, true), 0);
	assert_int_equal(steer_icmp(f, false, ICMP4_ECHO, 0, true), 0);
}

static void shard_that_goes_leaves_its_part_to_all_others_and_theirs_alone(void **state)
{
	struct fix *f = *state;
	uint32_t inherited = 0;

	for (int i = 0; i < N_FLOWS; i++) {
		struct steer_flow flow = random_flow(f, i & 1);
		uint32_t before = steer_flow(&f->s, &flow), after;

		f->s.live = 0xd; /* without 1 */
		after = steer_flow(&f->s, &flow);
		f->s.live = 0xf;
		if (before == 1)
			inherited |= 1u << after;
		else
			assert_int_equal(after, before);
	}
	assert_int_equal(inherited, 0xd);
	f->s.live = 0xc;
	assert_int_equal(steer_speaker(&f->s), 2);
	assert_int_equal(steer_icmp(f, false, ICMP4_ECHO, 0, true), 2);
}

static void identifications_of_shards_never_meet(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < N_FLOWS; i++) {
		uint32_t n_frames = 1 + (uint32_t)rng_below(&f->rng, 44);
		uint32_t shard = (uint32_t)rng_below(&f->rng, N_SHARDS);
		uint16_t id = steer_ip4_id(&f->s, shard, (uint16_t)rng_u32(&f->rng), n_frames);

		assert_int_equal(id / (65536 / N_SHARDS), shard);
		assert_int_equal((id + n_frames - 1) / (65536 / N_SHARDS), shard);
		assert_int_equal(steer_ip6_id(shard, rng_u32(&f->rng)) >> 28, shard);
	}
}

/* Whatever stands in a frame, it goes somewhere. */
static void frame_of_any_bytes_is_steered(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 20000; i++) {
		static const uint16_t types[] = {ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ARP,
						 ETHERTYPE_VLAN, 0x1234};
		struct bytes frame = eth(types[rng_below(&f->rng, 5)], rng_below(&f->rng, 4) == 0);
		static const uint8_t protos[] = {0, 1, 6, 17, 43, 44, 58, 60};
		uint32_t to;

		rng_bytes(&f->rng, frame.b + ETH_HDR_LEN, 200);
		frame.b[ETH_HDR_LEN] = rng_below(&f->rng, 2) ? 0x45 : 0x60;
		frame.b[ETH_HDR_LEN + 6] &= (uint8_t)(rng_below(&f->rng, 2) ? 0 : 0xff);
		frame.b[ETH_HDR_LEN + (frame.b[ETH_HDR_LEN] == 0x45 ? 9 : 6)] =
			protos[rng_below(&f->rng, ARRAY_SIZE(protos))];
		frame.len = (uint32_t)rng_below(&f->rng, ETH_HDR_LEN + 200);
		to = steer(f, &frame);
		assert_true(to < N_SHARDS || to == STEER_ALL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(both_directions_and_errors_of_a_flow_reach_one_shard),
		T(another_key_steers_otherwise),
		T(fragments_of_a_datagram_reach_one_shard),
		T(error_that_quotes_a_later_fragment_reaches_all),
		T(port_of_one_shard_is_its_whoever_asks),
		T(echo_reply_reaches_who_chose_the_identifier),
		T(what_concerns_the_host_reaches_all),
		T(shard_that_goes_leaves_its_part_to_all_others_and_theirs_alone),
		T(identifications_of_shards_never_meet),
		T(frame_of_any_bytes_is_steered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
