/* SPDX-License-Identifier: MIT */
/*
 * IGMP: what a host reports, how it answers queriers of each version, and a querier. The client is
 * under test; a packet socket on the server sees what it says and says what a router would.
 */
#include <stdio.h>

#include "base/cpu.h"
#include "base/csum.h"
#include "wire/eth.h"
#include "wire/igmp.h"
#include "wire/ip4.h"
#include "world.h"

enum {
	RECS_MAX = 8,
};

struct net {
	struct world w;
	struct weft_sock *wire; /* of the server */
	struct weft_sock *s;    /* of the client */
};

/* An IGMP message as the client sent it. */
struct said {
	struct ip4_hdr ip;
	struct igmp m;
	struct group_record recs[RECS_MAX];
	uint8_t bytes[1600];
};

static void net_start(struct net *n)
{
	world_start(&n->w);
	world_settle(&n->w);
	assert_int_equal(
		weft_socket(n->w.server, WEFT_AF_PACKET, WEFT_SOCK_DGRAM, ETHERTYPE_IPV4, &n->wire),
		0);
	n->s = world_bound(n->w.client, "0.0.0.0:5000");
}

static void net_end(struct net *n)
{
	world_end(&n->w);
}

/* The next IGMP message from the client. */
static bool hear(struct net *n, struct said *ret)
{
	for (;;) {
		ptrdiff_t len = weft_recv(n->wire, ret->bytes, sizeof(ret->bytes), 0);
		struct rd r;

		if (len < 0)
			return false;
		ip4_hdr_read(ret->bytes, &ret->ip);
		if (ret->ip.proto != IP_PROTO_IGMP)
			continue;
		assert_int_equal(ret->ip.ttl, 1);
		assert_int_equal(ret->ip.tos, 0xc0);
		assert_int_equal(ret->ip.hdr_len, 24);
		assert_int_equal(ret->bytes[20], IP4_OPT_RA);
		assert_true(ip4_hdr_csum_ok(ret->bytes, 24));
		assert_int_equal(ret->ip.tot_len, len);
		r = rd_make(ret->bytes + 24, (size_t)len - 24);
		assert_int_equal(igmp_parse(&r, &ret->m), 0);
		assert_true(ret->m.n_records <= RECS_MAX);
		r = ret->m.records;
		for (uint16_t i = 0; i < ret->m.n_records; i++)
			assert_int_equal(igmp_record_parse(&r, &ret->recs[i]), 0);
		return true;
	}
}

static void assert_silence(struct net *n)
{
	struct said said;

	assert_false(hear(n, &said));
}

static void assert_ip(struct ip_addr got, const char *want)
{
	char text[IP_ADDR_STRLEN];

	assert_string_equal(ip_addr_print(&got, text), want);
}

/* A report of version 3 with one record. */
static void assert_reports(struct net *n, uint8_t type, const char *group, const char *srcs)
{
	struct said said;
	char list[256] = "", text[IP_ADDR_STRLEN];

	assert_true(hear(n, &said));
	assert_int_equal(said.m.type, IGMP_REPORT_V3);
	assert_ip(ip_addr_from_ip4(&said.ip.dst), "224.0.0.22");
	assert_int_equal(said.m.n_records, 1);
	assert_int_equal(said.recs[0].type, type);
	assert_ip(said.recs[0].group, group);
	for (uint16_t i = 0; i < said.recs[0].n_srcs; i++) {
		struct ip_addr src = igmp_src_read(&said.recs[0].srcs);

		(void)strncat(list, i ? " " : "", 2);
		(void)strncat(list, ip_addr_print(&src, text), sizeof(list) - strlen(list) - 1);
	}
	assert_string_equal(list, srcs);
}

static void wire_send(struct net *n, const uint8_t *igmp, size_t len, const char *src,
		      const char *dst, uint8_t ttl)
{
	struct weft_ll ll = {.protocol = ETHERTYPE_IPV4, .halen = 6};
	uint8_t pkt[256] = {0};
	struct ip4_hdr hdr = {.ttl = ttl, .proto = IP_PROTO_IGMP, .hdr_len = IP4_HDR_LEN};
	struct weft_sockaddr to;
	struct cpu_ops cpu;

	cpu_ops_init(&cpu);
	assert_int_equal(ip4_addr_parse(src, &hdr.src), 0);
	assert_int_equal(ip4_addr_parse(dst, &hdr.dst), 0);
	hdr.tot_len = (uint16_t)(IP4_HDR_LEN + len);
	ip4_hdr_write(pkt, &hdr);
	memcpy(pkt + IP4_HDR_LEN, igmp, len);
	store_be16(pkt + IP4_HDR_LEN + IGMP_CSUM_OFF,
		   csum_finish(csum_add(&cpu, pkt + IP4_HDR_LEN, len, 0)));
	memcpy(ll.addr,
	       (const uint8_t[]){0x01, 0x00, 0x5e, hdr.dst.b[1] & 0x7f, hdr.dst.b[2], hdr.dst.b[3]},
	       6);
	ll.ifindex = weft_netif_index(n->w.server_if);
	to = weft_sockaddr_ll(&ll);
	assert_int_equal(weft_sendto(n->wire, pkt, IP4_HDR_LEN + len, 0, &to), IP4_HDR_LEN + len);
	world_settle(&n->w);
}

struct query {
	const char *group; /* NULL: general */
	const char *srcs[2];
	uint8_t version;
	uint8_t robustness; /* 0: 2 */
	uint32_t max_resp_ms;
	const char *from; /* NULL: 10.0.0.2 */
	uint8_t ttl;      /* 0: 1 */
};

static void query(struct net *n, const struct query *in)
{
	struct group_query q = {.max_resp_ms = in->max_resp_ms,
				.robustness = in->robustness ? in->robustness : 2,
				.interval_s = 125};
	struct ip_addr srcs[2];
	struct group_record_out rec = {.srcs = srcs};
	struct ip4_addr group = IP4_ADDR_ANY;
	uint8_t buf[64];
	struct wr w = wr_make(buf, sizeof(buf));

	if (in->group)
		assert_int_equal(ip4_addr_parse(in->group, &group), 0);
	q.group = ip_addr_from_ip4(&group);
	for (int i = 0; i < 2 && in->srcs[i]; i++)
		assert_int_equal(ip_addr_parse(in->srcs[i], &srcs[rec.n_srcs++]), 0);
	if (in->version == 3)
		igmp_query_write(&w, &q, &rec);
	else
		igmp_write(&w, IGMP_QUERY, in->version == 1 ? 0 : (uint8_t)(in->max_resp_ms / 100),
			   group);
	wire_send(n, buf, wr_len(&w), in->from ? in->from : "10.0.0.2",
		  in->group ? in->group : "224.0.0.1", in->ttl ? in->ttl : 1);
}
#define QUERY(n, ...) query(n, &(struct query){.max_resp_ms = 1000, __VA_ARGS__})

static struct weft_addr addr_of(const char *text)
{
	return world_addr(text);
}

static int group_opt(struct weft_sock *s, int name, const char *group)
{
	struct weft_group_req req = {.group = addr_of(group), .ifindex = 2};

	return weft_setsockopt(s, WEFT_IPPROTO_IP, name, &req, sizeof(req));
}

static int source_opt(struct weft_sock *s, int name, const char *group, const char *src)
{
	struct weft_group_source_req req = {
		.group = addr_of(group), .source = addr_of(src), .ifindex = 2};

	return weft_setsockopt(s, WEFT_IPPROTO_IP, name, &req, sizeof(req));
}

static void join(struct net *n, const char *group)
{
	assert_int_equal(weft_netif_index(n->w.client_if), 2);
	assert_int_equal(group_opt(n->s, WEFT_MCAST_JOIN_GROUP, group), 0);
	world_settle(&n->w);
}

/* Joined, and all reports of it are over. */
static void join_quiet(struct net *n, const char *group)
{
	struct said said;

	join(n, group);
	world_advance(&n->w, 30 * WORLD_SEC);
	while (hear(n, &said))
		;
}

/* Host, version 3 */

static void join_is_reported_at_once_and_again(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	join(&n, "239.1.2.3");
	assert_reports(&n, GROUP_TO_EX, "239.1.2.3", "");
	assert_silence(&n);
	world_advance(&n.w, WORLD_SEC);
	assert_reports(&n, GROUP_TO_EX, "239.1.2.3", "");
	world_advance(&n.w, 60 * WORLD_SEC);
	assert_silence(&n);
	net_end(&n);
}

static void leave_is_reported_at_once_and_again(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	assert_int_equal(group_opt(n.s, WEFT_MCAST_LEAVE_GROUP, "239.1.2.3"), 0);
	world_advance(&n.w, WORLD_SEC);
	assert_reports(&n, GROUP_TO_IN, "239.1.2.3", "");
	assert_reports(&n, GROUP_TO_IN, "239.1.2.3", "");
	assert_silence(&n);
	net_end(&n);
}

static void robustness_says_how_often(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	QUERY(&n, .version = 3, .robustness = 4);
	world_advance(&n.w, 10 * WORLD_SEC);
	join(&n, "239.1.2.3");
	world_advance(&n.w, 10 * WORLD_SEC);
	for (int i = 0; i < 4; i++)
		assert_reports(&n, GROUP_TO_EX, "239.1.2.3", "");
	assert_silence(&n);
	net_end(&n);
}

static void second_member_changes_nothing(void **state UNUSED)
{
	struct weft_sock *other;
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	other = world_socket(n.w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(group_opt(other, WEFT_MCAST_JOIN_GROUP, "239.1.2.3"), 0);
	assert_int_equal(group_opt(other, WEFT_MCAST_JOIN_GROUP, "239.1.2.3"), -EADDRINUSE);
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_silence(&n);
	weft_close(other);
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_silence(&n);
	weft_close(n.s);
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_reports(&n, GROUP_TO_IN, "239.1.2.3", "");
	net_end(&n);
}

static void sources_wanted_are_reported_as_they_change(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(source_opt(n.s, WEFT_MCAST_JOIN_SOURCE_GROUP, "232.1.1.1", "10.9.9.2"), 0);
	world_settle(&n.w);
	assert_reports(&n, GROUP_ALLOW, "232.1.1.1", "10.9.9.2");
	assert_int_equal(source_opt(n.s, WEFT_MCAST_JOIN_SOURCE_GROUP, "232.1.1.1", "10.9.9.1"), 0);
	world_settle(&n.w);
	assert_reports(&n, GROUP_ALLOW, "232.1.1.1", "10.9.9.2 10.9.9.1");
	world_advance(&n.w, WORLD_SEC);
	assert_reports(&n, GROUP_ALLOW, "232.1.1.1", "10.9.9.1");
	assert_silence(&n);
	assert_int_equal(source_opt(n.s, WEFT_MCAST_LEAVE_SOURCE_GROUP, "232.1.1.1", "10.9.9.1"),
			 0);
	world_advance(&n.w, WORLD_SEC);
	assert_reports(&n, GROUP_BLOCK, "232.1.1.1", "10.9.9.1");
	assert_reports(&n, GROUP_BLOCK, "232.1.1.1", "10.9.9.1");
	/* The last source is the end of the membership. */
	assert_int_equal(source_opt(n.s, WEFT_MCAST_LEAVE_SOURCE_GROUP, "232.1.1.1", "10.9.9.2"),
			 0);
	world_settle(&n.w);
	assert_reports(&n, GROUP_BLOCK, "232.1.1.1", "10.9.9.2");
	net_end(&n);
}

static void filters_of_two_sockets_are_merged(void **state UNUSED)
{
	struct weft_sock *other;
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	assert_int_equal(source_opt(n.s, WEFT_MCAST_BLOCK_SOURCE, "239.1.2.3", "10.9.9.1"), 0);
	assert_int_equal(source_opt(n.s, WEFT_MCAST_BLOCK_SOURCE, "239.1.2.3", "10.9.9.2"), 0);
	world_settle(&n.w);
	assert_reports(&n, GROUP_BLOCK, "239.1.2.3", "10.9.9.1 10.9.9.2");
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_reports(&n, GROUP_BLOCK, "239.1.2.3", "10.9.9.1 10.9.9.2");
	/* Another one wants what this one does not. */
	other = world_socket(n.w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(source_opt(other, WEFT_MCAST_JOIN_SOURCE_GROUP, "239.1.2.3", "10.9.9.2"),
			 0);
	world_settle(&n.w);
	assert_reports(&n, GROUP_ALLOW, "239.1.2.3", "10.9.9.2");
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_reports(&n, GROUP_ALLOW, "239.1.2.3", "10.9.9.2");
	/* Without the first the mode changes. */
	weft_close(n.s);
	world_settle(&n.w);
	assert_reports(&n, GROUP_TO_IN, "239.1.2.3", "10.9.9.2");
	net_end(&n);
}

static void general_query_is_answered_within_its_time(void **state UNUSED)
{
	struct said said;
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	join_quiet(&n, "239.1.2.4");
	QUERY(&n, .version = 3, .max_resp_ms = 5000);
	world_advance(&n.w, 5 * WORLD_SEC);
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.n_records, 2); /* one report for both; all hosts is never told */
	assert_int_equal(said.recs[0].type, GROUP_IS_EX);
	assert_ip(said.recs[1].group, "239.1.2.4");
	assert_silence(&n);
	net_end(&n);
}

static void query_of_a_group_is_answered_if_it_is_ours(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	QUERY(&n, .version = 3, .group = "239.1.2.3");
	QUERY(&n, .version = 3, .group = "239.1.2.9");
	world_advance(&n.w, WORLD_SEC);
	assert_reports(&n, GROUP_IS_EX, "239.1.2.3", "");
	assert_silence(&n);
	net_end(&n);
}

static void query_of_sources_is_answered_with_those_wanted(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(source_opt(n.s, WEFT_MCAST_JOIN_SOURCE_GROUP, "232.1.1.1", "10.9.9.2"), 0);
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_reports(&n, GROUP_ALLOW, "232.1.1.1", "10.9.9.2");
	assert_reports(&n, GROUP_ALLOW, "232.1.1.1", "10.9.9.2");
	QUERY(&n, .version = 3, .group = "232.1.1.1", .srcs = {"10.9.9.1"});
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_silence(&n);
	/* Two queries before the answer: it is about both. */
	QUERY(&n, .version = 3, .group = "232.1.1.1", .srcs = {"10.9.9.1"});
	QUERY(&n, .version = 3, .group = "232.1.1.1", .srcs = {"10.9.9.2"});
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_reports(&n, GROUP_IS_IN, "232.1.1.1", "10.9.9.2");
	assert_silence(&n);
	net_end(&n);
}

static void query_from_elsewhere_is_dropped(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	QUERY(&n, .version = 3, .ttl = 2);
	world_advance(&n.w, 5 * WORLD_SEC);
	assert_silence(&n);
	assert_int_equal(weft_stack_counter(n.w.client, "IGMP_TTL"), 1);
	net_end(&n);
}

static void malformed_messages_are_counted(void **state UNUSED)
{
	static const uint8_t v3_short[12] = {IGMP_QUERY, 10, 0, 0, 0, 0, 0, 0, 2, 125, 0, 1};
	static const uint8_t odd[10] = {IGMP_QUERY};
	static const uint8_t unicast[8] = {IGMP_REPORT_V2, 0, 0, 0, 10, 0, 0, 1};
	static const uint8_t unknown[8] = {0x99};
	struct net n;

	net_start(&n);
	wire_send(&n, v3_short, sizeof(v3_short), "10.0.0.2", "224.0.0.1", 1);
	wire_send(&n, odd, sizeof(odd), "10.0.0.2", "224.0.0.1", 1);
	wire_send(&n, unicast, sizeof(unicast), "10.0.0.2", "224.0.0.1", 1);
	wire_send(&n, odd, 4, "10.0.0.2", "224.0.0.1", 1);
	assert_int_equal(weft_stack_counter(n.w.client, "IGMP_HDR"), 4);
	wire_send(&n, unknown, sizeof(unknown), "10.0.0.2", "224.0.0.1", 1);
	assert_int_equal(weft_stack_counter(n.w.client, "IGMP_TYPE"), 1);
	net_end(&n);
}

/* Host, older queriers */

static void version_2_querier_is_answered_in_version_2(void **state UNUSED)
{
	struct said said;
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	QUERY(&n, .version = 2);
	world_advance(&n.w, WORLD_SEC);
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.type, IGMP_REPORT_V2);
	assert_ip(ip_addr_from_ip4(&said.ip.dst), "239.1.2.3");
	assert_ip(said.m.group, "239.1.2.3");
	/* Leaving is told to all routers. */
	assert_int_equal(group_opt(n.s, WEFT_MCAST_LEAVE_GROUP, "239.1.2.3"), 0);
	world_settle(&n.w);
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.type, IGMP_LEAVE);
	assert_ip(ip_addr_from_ip4(&said.ip.dst), "224.0.0.2");
	/* Joining, twice. */
	join(&n, "239.1.2.4");
	world_advance(&n.w, 10 * WORLD_SEC);
	for (int i = 0; i < 2; i++) {
		assert_true(hear(&n, &said));
		assert_int_equal(said.m.type, IGMP_REPORT_V2);
	}
	assert_silence(&n);
	net_end(&n);
}

static void report_heard_suppresses_ours_and_our_leave(void **state UNUSED)
{
	static const uint8_t report[8] = {IGMP_REPORT_V2, 0, 0, 0, 239, 1, 2, 3};
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	QUERY(&n, .version = 2, .max_resp_ms = 10000);
	wire_send(&n, report, sizeof(report), "10.0.0.2", "239.1.2.3", 1);
	world_advance(&n.w, 10 * WORLD_SEC);
	assert_silence(&n);
	assert_int_equal(group_opt(n.s, WEFT_MCAST_LEAVE_GROUP, "239.1.2.3"), 0);
	world_advance(&n.w, WORLD_SEC);
	assert_silence(&n);
	net_end(&n);
}

static void version_1_querier_is_answered_in_version_1_and_told_no_leave(void **state UNUSED)
{
	struct said said;
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	QUERY(&n, .version = 1);
	world_advance(&n.w, 10 * WORLD_SEC);
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.type, IGMP_REPORT_V1);
	assert_int_equal(group_opt(n.s, WEFT_MCAST_LEAVE_GROUP, "239.1.2.3"), 0);
	world_advance(&n.w, WORLD_SEC);
	assert_silence(&n);
	net_end(&n);
}

static void older_querier_is_forgotten_after_its_time(void **state UNUSED)
{
	struct said said;
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	QUERY(&n, .version = 2);
	world_advance(&n.w, 250 * WORLD_SEC);
	while (hear(&n, &said))
		;
	QUERY(&n, .version = 3,
	      .group = "239.1.2.3"); /* 251 s are robustness, interval, response */
	world_advance(&n.w, WORLD_SEC + WORLD_SEC / 2);
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.type, IGMP_REPORT_V2);
	QUERY(&n, .version = 3, .group = "239.1.2.3");
	world_advance(&n.w, WORLD_SEC);
	assert_reports(&n, GROUP_IS_EX, "239.1.2.3", "");
	net_end(&n);
}

static void version_forced_is_spoken(void **state UNUSED)
{
	struct said said;
	struct net n;

	net_start(&n);
	assert_int_equal(weft_stack_set(n.w.client, "net.ipv4.conf.all.force_igmp_version", 2), 0);
	join(&n, "239.1.2.3");
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.type, IGMP_REPORT_V2);
	net_end(&n);
}

static void interface_that_comes_up_is_told_of_its_groups(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	join_quiet(&n, "239.1.2.3");
	weft_netif_set_up(n.w.client_if, false);
	world_advance(&n.w, WORLD_SEC);
	weft_netif_set_up(n.w.client_if, true);
	world_settle(&n.w);
	assert_reports(&n, GROUP_TO_EX, "239.1.2.3", "");
	net_end(&n);
}

static void interface_that_goes_takes_its_memberships(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	join(&n, "239.1.2.3");
	assert_int_equal(source_opt(n.s, WEFT_MCAST_BLOCK_SOURCE, "239.1.2.3", "10.9.9.1"), 0);
	weft_netif_del(n.w.client_if);
	world_settle(&n.w);
	assert_int_equal(group_opt(n.s, WEFT_MCAST_LEAVE_GROUP, "239.1.2.3"), -ENODEV);
	net_end(&n);
}

/* Querier: the server's, here */

struct group_count {
	uint32_t n, n_heard;
	struct weft_group_info last;
};

static void count_group(void *arg, const struct weft_group_info *info)
{
	struct group_count *c = arg;

	c->n++;
	if (!info->is_heard || info->group.family != WEFT_AF_INET)
		return;
	c->n_heard++;
	c->last = *info;
}

static struct group_count groups_of(struct weft_stack *st)
{
	struct group_count c = {0};

	weft_groups(st, count_group, &c);
	return c;
}

static void querier_learns_who_wants_what(void **state UNUSED)
{
	struct group_count c;
	struct net n;

	net_start(&n);
	join(&n, "239.1.2.3");
	assert_int_equal(weft_stack_set(n.w.server, "net.ipv4.igmp_querier", 1), 0);
	world_advance(&n.w, 11 * WORLD_SEC);
	c = groups_of(n.w.server);
	assert_int_equal(c.n_heard, 1);
	assert_int_equal(c.last.fmode, WEFT_MCAST_EXCLUDE);
	assert_int_equal(c.last.group.bytes[3], 3);
	/* Who leaves is asked about, twice, and forgotten after 2 s. */
	assert_int_equal(group_opt(n.s, WEFT_MCAST_LEAVE_GROUP, "239.1.2.3"), 0);
	world_advance(&n.w, WORLD_SEC);
	assert_int_equal(groups_of(n.w.server).n_heard, 1);
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_int_equal(groups_of(n.w.server).n_heard, 0);
	net_end(&n);
}

static void querier_asks_before_it_forgets_a_leave(void **state UNUSED)
{
	struct weft_sock *other;
	struct net n;

	net_start(&n);
	assert_int_equal(weft_stack_set(n.w.server, "net.ipv4.igmp_querier", 1), 0);
	assert_int_equal(weft_stack_set(n.w.client, "net.ipv4.conf.all.force_igmp_version", 2), 0);
	join(&n, "239.1.2.3");
	world_advance(&n.w, 15 * WORLD_SEC);
	assert_int_equal(groups_of(n.w.server).n_heard, 1);
	/* A leave while another socket stays is none of the host's; made by hand it is contradicted
	 * by the host's answer. */
	other = world_socket(n.w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(group_opt(other, WEFT_MCAST_JOIN_GROUP, "239.1.2.3"), 0);
	weft_close(n.s);
	world_advance(&n.w, 10 * WORLD_SEC);
	assert_int_equal(groups_of(n.w.server).n_heard, 1);
	weft_close(other);
	world_advance(&n.w, 3 * WORLD_SEC);
	assert_int_equal(groups_of(n.w.server).n_heard, 0);
	net_end(&n);
}

static void querier_knows_sources(void **state UNUSED)
{
	struct group_count c;
	struct net n;

	net_start(&n);
	assert_int_equal(weft_stack_set(n.w.server, "net.ipv4.igmp_querier", 1), 0);
	assert_int_equal(source_opt(n.s, WEFT_MCAST_JOIN_SOURCE_GROUP, "232.1.1.1", "10.9.9.2"), 0);
	assert_int_equal(source_opt(n.s, WEFT_MCAST_JOIN_SOURCE_GROUP, "232.1.1.1", "10.9.9.3"), 0);
	world_advance(&n.w, 15 * WORLD_SEC);
	c = groups_of(n.w.server);
	assert_int_equal(c.n_heard, 1);
	assert_int_equal(c.last.fmode, WEFT_MCAST_INCLUDE);
	assert_int_equal(c.last.n_srcs, 2);
	assert_int_equal(source_opt(n.s, WEFT_MCAST_LEAVE_SOURCE_GROUP, "232.1.1.1", "10.9.9.3"),
			 0);
	world_advance(&n.w, 5 * WORLD_SEC);
	c = groups_of(n.w.server);
	assert_int_equal(c.last.n_srcs, 1);
	/* Everybody, then everybody but one. */
	weft_close(n.s);
	n.s = world_socket(n.w.client, WEFT_SOCK_DGRAM, 0);
	join(&n, "232.1.1.1");
	assert_int_equal(source_opt(n.s, WEFT_MCAST_BLOCK_SOURCE, "232.1.1.1", "10.9.9.7"), 0);
	world_advance(&n.w, 15 * WORLD_SEC);
	c = groups_of(n.w.server);
	assert_int_equal(c.last.fmode, WEFT_MCAST_EXCLUDE);
	assert_int_equal(c.last.n_srcs, 1);
	net_end(&n);
}

static void querier_forgets_who_falls_silent(void **state UNUSED)
{
	static const uint8_t report[8] = {IGMP_REPORT_V2, 0, 0, 0, 239, 1, 2, 3};
	struct net n;

	net_start(&n);
	assert_int_equal(weft_stack_set(n.w.client, "net.ipv4.igmp_querier", 1), 0);
	wire_send(&n, report, sizeof(report), "10.0.0.2", "239.1.2.3", 1);
	world_advance(&n.w, 259 * WORLD_SEC);
	assert_int_equal(groups_of(n.w.client).n_heard, 1);
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_int_equal(groups_of(n.w.client).n_heard, 0);
	net_end(&n);
}

static void querier_with_the_lower_address_asks(void **state UNUSED)
{
	struct said said;
	struct net n;
	int n_queries = 0;

	net_start(&n);
	assert_int_equal(weft_stack_set(n.w.server, "net.ipv4.igmp_querier", 1), 0);
	world_advance(&n.w, WORLD_SEC);
	/* 10.0.0.1 asks, too: 10.0.0.2, whose packet socket sees what the other says, falls silent.
	 */
	assert_int_equal(weft_stack_set(n.w.client, "net.ipv4.igmp_querier", 1), 0);
	world_advance(&n.w, 600 * WORLD_SEC);
	while (hear(&n, &said))
		n_queries += said.m.type == IGMP_QUERY;
	assert_in_range(n_queries, 5, 7); /* at start, after 31 s, then every 125 s */
	weft_close(n.wire);
	assert_int_equal(
		weft_socket(n.w.client, WEFT_AF_PACKET, WEFT_SOCK_DGRAM, ETHERTYPE_IPV4, &n.wire),
		0);
	world_advance(&n.w, 600 * WORLD_SEC);
	assert_silence(&n);
	/* The lower one stops: the other one takes over within 255 s. */
	assert_int_equal(weft_stack_set(n.w.client, "net.ipv4.igmp_querier", 0), 0);
	world_advance(&n.w, 256 * WORLD_SEC);
	assert_true(hear(&n, &said));
	assert_int_equal(said.m.type, IGMP_QUERY);
	net_end(&n);
}

static void querier_remembers_a_bounded_number_of_groups(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(weft_stack_set(n.w.client, "net.ipv4.igmp_querier", 1), 0);
	for (uint32_t i = 0; i < 1500; i++) {
		uint8_t report[8] = {IGMP_REPORT_V2,    0,         0, 0, 239, 9,
				     (uint8_t)(i >> 8), (uint8_t)i};
		char dst[IP4_ADDR_STRLEN];

		(void)snprintf(dst, sizeof(dst), "239.9.%u.%u", i >> 8, i & 255);
		wire_send(&n, report, sizeof(report), "10.0.0.2", dst, 1);
	}
	assert_int_equal(groups_of(n.w.client).n_heard, 1024);
	net_end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(join_is_reported_at_once_and_again),
		cmocka_unit_test(leave_is_reported_at_once_and_again),
		cmocka_unit_test(robustness_says_how_often),
		cmocka_unit_test(second_member_changes_nothing),
		cmocka_unit_test(sources_wanted_are_reported_as_they_change),
		cmocka_unit_test(filters_of_two_sockets_are_merged),
		cmocka_unit_test(general_query_is_answered_within_its_time),
		cmocka_unit_test(query_of_a_group_is_answered_if_it_is_ours),
		cmocka_unit_test(query_of_sources_is_answered_with_those_wanted),
		cmocka_unit_test(query_from_elsewhere_is_dropped),
		cmocka_unit_test(malformed_messages_are_counted),
		cmocka_unit_test(version_2_querier_is_answered_in_version_2),
		cmocka_unit_test(report_heard_suppresses_ours_and_our_leave),
		cmocka_unit_test(version_1_querier_is_answered_in_version_1_and_told_no_leave),
		cmocka_unit_test(older_querier_is_forgotten_after_its_time),
		cmocka_unit_test(version_forced_is_spoken),
		cmocka_unit_test(interface_that_comes_up_is_told_of_its_groups),
		cmocka_unit_test(interface_that_goes_takes_its_memberships),
		cmocka_unit_test(querier_learns_who_wants_what),
		cmocka_unit_test(querier_asks_before_it_forgets_a_leave),
		cmocka_unit_test(querier_knows_sources),
		cmocka_unit_test(querier_forgets_who_falls_silent),
		cmocka_unit_test(querier_with_the_lower_address_asks),
		cmocka_unit_test(querier_remembers_a_bounded_number_of_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
