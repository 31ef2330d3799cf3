/* SPDX-License-Identifier: MIT */
/*
 * MLD, where it differs from IGMP (test_igmp.c has what they share): messages, addresses, versions,
 * and the groups that an interface is in by itself.
 */
#include <stdio.h>

#include "base/cpu.h"
#include "base/csum.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/mld.h"
#include "wire/pseudo.h"
#include "world.h"

enum {
	RECS_MAX = 16,
	EXT_LEN = 8,
};

struct net {
	struct world w;
	struct weft_sock *wire; /* of the server */
	struct weft_sock *s;    /* of the client */
};

struct said {
	struct ip6_hdr ip;
	struct mld m;
	struct group_record recs[RECS_MAX];
	uint8_t bytes[1600];
};

static void net_start(struct net *n)
{
	world_start(&n->w);
	assert_int_equal(
		weft_socket(n->w.server, WEFT_AF_PACKET, WEFT_SOCK_DGRAM, ETHERTYPE_IPV6, &n->wire),
		0);
	assert_int_equal(weft_socket(n->w.client, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0, &n->s), 0);
}

static bool hear(struct net *n, struct said *ret)
{
	static const uint8_t ext[EXT_LEN] = {IP_PROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0};

	for (;;) {
		ptrdiff_t len = weft_recv(n->wire, ret->bytes, sizeof(ret->bytes), 0);
		struct ip_addr src, dst;
		struct cpu_ops cpu;
		struct rd r;

		if (len < 0)
			return false;
		ip6_hdr_read(ret->bytes, &ret->ip);
		if (ret->ip.next_hdr != IP_PROTO_HOPOPTS)
			continue;
		cpu_ops_init(&cpu);
		assert_memory_equal(ret->bytes + IP6_HDR_LEN, ext, EXT_LEN);
		assert_int_equal(ret->ip.hop_limit, 1);
		assert_true(ip6_addr_is_link_local(&ret->ip.src));
		src = ip_addr_from_ip6(&ret->ip.src);
		dst = ip_addr_from_ip6(&ret->ip.dst);
		len -= IP6_HDR_LEN + EXT_LEN;
		assert_int_equal(
			csum_fold(csum_add(&cpu, ret->bytes + IP6_HDR_LEN + EXT_LEN, (size_t)len,
					   pseudo_sum(&src, &dst, IP_PROTO_ICMPV6, (uint32_t)len))),
			0xffff);
		r = rd_make(ret->bytes + IP6_HDR_LEN + EXT_LEN, (size_t)len);
		assert_int_equal(mld_parse(&r, &ret->m), 0);
		assert_true(ret->m.n_records <= RECS_MAX);
		r = ret->m.records;
		for (uint16_t i = 0; i < ret->m.n_records; i++)
			assert_int_equal(mld_record_parse(&r, &ret->recs[i]), 0);
		return true;
	}
}

static void forget(struct net *n)
{
	struct said said;

	world_advance(&n->w, 30 * WORLD_SEC);
	while (hear(n, &said))
		;
}

static bool has_record(const struct said *said, uint8_t type, const char *group)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(group, &addr), 0);
	for (uint16_t i = 0; i < said->m.n_records; i++)
		if (said->recs[i].type == type && ip_addr_eq(&said->recs[i].group, &addr))
			return true;
	return false;
}

static void query(struct net *n, const struct group_query *q, uint8_t hops, const char *from)
{
	const struct group_record_out none = {0};
	struct weft_ll ll = {.protocol = ETHERTYPE_IPV6, .halen = 6};
	struct ip6_hdr hdr = {.hop_limit = hops, .next_hdr = IP_PROTO_HOPOPTS};
	uint8_t pkt[256], *icmp = pkt + IP6_HDR_LEN + EXT_LEN;
	struct wr w = wr_make(icmp, 128);
	struct weft_sockaddr to;
	struct ip_addr src, dst;
	struct cpu_ops cpu;
	size_t len;

	cpu_ops_init(&cpu);
	assert_int_equal(ip_addr_parse(from, &src), 0);
	assert_int_equal(ip_addr_parse("ff02::1", &dst), 0);
	if (q->level == GROUP_LEVEL_3)
		mld_query_write(&w, q, &none);
	else
		mld_write(&w, ICMP6_MLD_QUERY, (uint16_t)q->max_resp_ms, &q->group);
	len = wr_len(&w);
	store_be16(icmp + ICMP6_CSUM_OFF,
		   csum_finish(csum_add(&cpu, icmp, len,
					pseudo_sum(&src, &dst, IP_PROTO_ICMPV6, (uint32_t)len))));
	memcpy(pkt + IP6_HDR_LEN, (const uint8_t[]){IP_PROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0}, EXT_LEN);
	hdr.src = ip_addr_to_ip6(&src);
	hdr.dst = ip_addr_to_ip6(&dst);
	hdr.payload_len = (uint16_t)(EXT_LEN + len);
	ip6_hdr_write(pkt, &hdr);
	ll.ifindex = weft_netif_index(n->w.server_if);
	memcpy(ll.addr, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, 6);
	to = weft_sockaddr_ll(&ll);
	assert_true(weft_sendto(n->wire, pkt, IP6_HDR_LEN + EXT_LEN + len, 0, &to) > 0);
	world_settle(&n->w);
}

static int group_opt(struct net *n, int name, const char *group)
{
	struct weft_group_req req = {.group = world_addr(group), .ifindex = 2};

	return weft_setsockopt(n->s, WEFT_IPPROTO_IPV6, name, &req, sizeof(req));
}

static void solicited_node_groups_are_reported(void **state UNUSED)
{
	struct weft_addr a = world_addr("2001:db8::12:3456");
	struct said said;
	struct net n;

	net_start(&n);
	forget(&n);
	assert_int_equal(weft_addr_add(n.w.client_if, &a, 64), 0);
	world_settle(&n.w);
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.type, ICMP6_MLD2_REPORT);
	assert_int_equal(said.ip.dst.b[15], 0x16);
	assert_true(has_record(&said, GROUP_TO_EX, "ff02::1:ff12:3456"));
	forget(&n);
	assert_int_equal(weft_addr_del(n.w.client_if, &a, 64), 0);
	world_settle(&n.w);
	assert_true(hear(&n, &said));
	assert_true(has_record(&said, GROUP_TO_IN, "ff02::1:ff12:3456"));
	world_end(&n.w);
}

static void mld_join_and_leave_are_reported(void **state UNUSED)
{
	struct said said;
	struct net n;

	net_start(&n);
	forget(&n);
	assert_int_equal(group_opt(&n, WEFT_MCAST_JOIN_GROUP, "ff05::1:3"), 0);
	assert_int_equal(group_opt(&n, WEFT_MCAST_JOIN_GROUP, "ff01::1:3"), 0); /* stays here */
	world_advance(&n.w, 2 * WORLD_SEC);
	for (int i = 0; i < 2; i++) {
		assert_true(hear(&n, &said));
		assert_int_equal(said.m.n_records, 1);
		assert_true(has_record(&said, GROUP_TO_EX, "ff05::1:3"));
	}
	assert_false(hear(&n, &said));
	assert_int_equal(group_opt(&n, WEFT_MCAST_LEAVE_GROUP, "ff05::1:3"), 0);
	world_settle(&n.w);
	assert_true(hear(&n, &said));
	assert_true(has_record(&said, GROUP_TO_IN, "ff05::1:3"));
	world_end(&n.w);
}

static void mld_general_query_is_answered(void **state UNUSED)
{
	const struct group_query q = {.level = GROUP_LEVEL_3, .max_resp_ms = 1000, .robustness = 2};
	struct said said;
	struct net n;

	net_start(&n);
	assert_int_equal(group_opt(&n, WEFT_MCAST_JOIN_GROUP, "ff05::1:3"), 0);
	forget(&n);
	query(&n, &q, 1, "fe80::9");
	world_advance(&n.w, WORLD_SEC);
	assert_true(hear(&n, &said));
	assert_true(has_record(&said, GROUP_IS_EX, "ff05::1:3"));
	assert_false(has_record(&said, GROUP_IS_EX, "ff02::1"));
	assert_int_equal(said.m.n_records, 2); /* and the solicited-node group */
	assert_false(hear(&n, &said));
	world_end(&n.w);
}

static void mld_from_elsewhere_is_dropped(void **state UNUSED)
{
	const struct group_query q = {.level = GROUP_LEVEL_3, .max_resp_ms = 1000};
	struct said said;
	struct net n;

	net_start(&n);
	assert_int_equal(group_opt(&n, WEFT_MCAST_JOIN_GROUP, "ff05::1:3"), 0);
	forget(&n);
	query(&n, &q, 2, "fe80::9");
	query(&n, &q, 1, "2001:db8::9");
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_false(hear(&n, &said));
	assert_int_equal(weft_stack_counter(n.w.client, "MLD_SRC"), 2);
	world_end(&n.w);
}

static void mld_version_1_querier_is_answered_in_version_1(void **state UNUSED)
{
	const struct group_query q = {.level = GROUP_LEVEL_2, .max_resp_ms = 1000};
	bool seen = false;
	struct said said;
	struct net n;

	net_start(&n);
	assert_int_equal(group_opt(&n, WEFT_MCAST_JOIN_GROUP, "ff05::1:3"), 0);
	forget(&n);
	query(&n, &q, 1, "fe80::9");
	world_advance(&n.w, WORLD_SEC);
	while (hear(&n, &said)) {
		assert_int_equal(said.m.type, ICMP6_MLD_REPORT);
		assert_memory_equal(&said.ip.dst, &said.m.group, sizeof(said.ip.dst));
		seen |= said.m.group.b[15] == 3;
	}
	assert_true(seen);
	assert_int_equal(group_opt(&n, WEFT_MCAST_LEAVE_GROUP, "ff05::1:3"), 0);
	world_settle(&n.w);
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.type, ICMP6_MLD_DONE);
	assert_int_equal(said.ip.dst.b[15], 2);
	world_end(&n.w);
}

static void find_group(void *arg, const struct weft_group_info *info)
{
	if (info->is_heard && info->group.family == WEFT_AF_INET6 && info->group.bytes[1] == 5)
		++*(int *)arg;
}

static void mld_querier_learns_who_wants_what(void **state UNUSED)
{
	struct net n;
	int found = 0;

	net_start(&n);
	assert_int_equal(weft_stack_set(n.w.server, "net.ipv4.igmp_querier", 1), 0);
	assert_int_equal(group_opt(&n, WEFT_MCAST_JOIN_GROUP, "ff05::1:3"), 0);
	world_advance(&n.w, 20 * WORLD_SEC);
	weft_groups(n.w.server, find_group, &found);
	assert_int_equal(found, 1);
	assert_int_equal(group_opt(&n, WEFT_MCAST_LEAVE_GROUP, "ff05::1:3"), 0);
	world_advance(&n.w, 4 * WORLD_SEC);
	found = 0;
	weft_groups(n.w.server, find_group, &found);
	assert_int_equal(found, 0);
	world_end(&n.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(solicited_node_groups_are_reported),
		cmocka_unit_test(mld_join_and_leave_are_reported),
		cmocka_unit_test(mld_general_query_is_answered),
		cmocka_unit_test(mld_from_elsewhere_is_dropped),
		cmocka_unit_test(mld_version_1_querier_is_answered_in_version_1),
		cmocka_unit_test(mld_querier_learns_who_wants_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
