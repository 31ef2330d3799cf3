/* SPDX-License-Identifier: MIT */
/*
 * A network of two hosts and a router, in both families. The input is a program: datagrams,
 * streams and echoes between the hosts, wires that lose and change frames, frames of somebody else
 * on the wire (neighbour discovery, routers' words, groups, errors, fragments), frames of before
 * with some bytes changed, addresses, routes, groups, settings, interfaces, time, memory that
 * fails.
 *
 * Whatever comes: what is sent is well formed, streams arrive as they were sent, connections keep
 * their invariants, and at the end nothing is left.
 */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_priv.h"
#include "base/csum.h"
#include "core/netif.h"
#include "dual_world.h"
#include "ip/ip4.h"
#include "ip/ip6.h"
#include "weft/mcast.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/ip6_ext.h"
#include "wire/pseudo.h"

enum {
	OPS_MAX = 400,
	ENDS = 2 * DUAL_WIRES,
	ROW_IP = 48, /* bytes of an IP packet, of either family */
	ROW_FRAME = ETH_HDR_LEN + ROW_IP + 5,
};

static struct weft_addr rd_known(struct rd *r)
{
	static const struct weft_addr known[] = {
		{WEFT_AF_INET, {10, 0, 0, 2}},
		{WEFT_AF_INET, {10, 0, 1, 2}},
		{WEFT_AF_INET, {10, 0, 0, 1}},
		{WEFT_AF_INET, {10, 0, 1, 1}},
		{WEFT_AF_INET, {10, 0, 0, 9}},
		{WEFT_AF_INET, {10, 0, 0, 255}},
		{WEFT_AF_INET, {192, 0, 2, 1}},
		{WEFT_AF_INET, {239, 1, 1, 1}},
		{WEFT_AF_INET6, {0xfd, [15] = 2}},
		{WEFT_AF_INET6, {0xfd, [7] = 1, [15] = 2}},
		{WEFT_AF_INET6, {0xfd, [15] = 1}},
		{WEFT_AF_INET6, {0xfd, [15] = 99}},
		{WEFT_AF_INET6, {0xfe, 0x80, [11] = 0xff, [12] = 0xfe}},
		{WEFT_AF_INET6, {0xfe, 0x80, [11] = 0xff, [12] = 0xfe, [14] = 1}},
		{WEFT_AF_INET6, {0xff, 0x02, [15] = 1}},
		{WEFT_AF_INET6, {0xff, 0x15, [14] = 1, [15] = 5}},
		{WEFT_AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
		{WEFT_AF_INET6, {[15] = 1}},
		{WEFT_AF_INET6, {0}},
		{WEFT_AF_INET6, {[10] = 0xff, [11] = 0xff, [12] = 10, [14] = 1, [15] = 2}},
		{WEFT_AF_INET, {255, 255, 255, 255}},
		{WEFT_AF_INET, {224, 0, 0, 1}},
		{WEFT_AF_INET, {127, 0, 0, 1}},
		{WEFT_AF_UNSPEC, {0}},
	};

	return known[rd_u8(r) % ARRAY_SIZE(known)];
}

static struct weft_sockaddr rd_dst(struct rd *r)
{
	struct weft_sockaddr sa = {.addr = rd_known(r), .port = 53};
	bool has_scope = sa.addr.family == WEFT_AF_INET6 &&
			 (sa.addr.bytes[0] == 0xfe || sa.addr.bytes[0] == 0xff);

	sa.scope_id = has_scope ? 2 : 0;
	return sa;
}

static size_t rd_size(struct rd *r)
{
	uint8_t n = rd_u8(r);

	return n < 100 ? n : (size_t)(n - 99) * 300;
}

static struct dual_slot *rd_slot(struct dual *d, struct rd *r)
{
	struct dual_slot *slot = &d->slots[rd_u8(r) % DUAL_SLOTS];

	return slot->s ? slot : NULL;
}

static uint8_t rd_node(struct rd *r)
{
	return rd_u8(r) % DUAL_NODES;
}

/*
 * Time and wires.
 */

static void op_time(struct dual *d, struct rd *r)
{
	uint8_t n = rd_u8(r);
	int64_t ms;

	if (n < 64)
		ms = n * 5;
	else if (n < 160)
		ms = (n - 63) * 250;
	else if (n < 240)
		ms = (n - 159) * 4000;
	else
		ms = (n - 239) * (int64_t)3600 * 1000;
	dual_advance(d, ms * 1000000);
}

static void op_trouble(struct dual *d, struct rd *r)
{
	uint8_t what = rd_u8(r);
	struct dual_end *e = &d->ends[what % ENDS];

	e->trouble = (enum dual_trouble)((what >> 2) % TROUBLES);
	e->n = rd_u8(r) % 16;
	e->at = rd_u8(r);
	e->with = rd_u8(r);
}

/* Frames of somebody on a wire, to its router or its host. */
static void inject_pieces(struct dual *d, uint8_t end, uint8_t how)
{
	uint32_t n = peer_split(&d->peer, (how & 7u) + 1);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = how & 8 ? n - 1 - i : i;

		if ((how & 16) && at == n - 1)
			continue;
		peer_piece(&d->peer, at, n, how & 64 ? 1 : 0);
		dual_inject(d, end, d->peer.frame, d->peer.len);
		if ((how & 32) && at == 0)
			dual_inject(d, end, d->peer.frame, d->peer.len);
	}
}

enum {
	FRAME_TO_HOST = 0x10,
	FRAME_WRAP = 0x40,
	FRAME_SPLIT = 0x80,
};

static void op_frame(struct dual *d, struct rd *r)
{
	static bool (*const makers[])(struct peer * p, struct rd * r) = {
		peer_make_udp,        peer_make_icmp,   peer_make_icmp6,
		peer_make_icmp6,      peer_make_igmp,   peer_make_arp,
		peer_make_icmp_error, peer_make_mirror, peer_make_raw,
	};
	uint8_t what = rd_u8(r), to = what & FRAME_TO_HOST ? 1 : 0, end;

	for (uint8_t i = 0; i < DUAL_WIRES; i++)
		d->peer.macs[i] = ETH_ADDR(2, 0, 0, 0, to, i);
	if (!makers[(what & 15) % ARRAY_SIZE(makers)](&d->peer, r))
		return;
	d->is_forged = true;
	end = (uint8_t)(2 * d->peer.port + !to);
	if (what & FRAME_WRAP)
		peer_wrap(&d->peer, r);
	if (what & FRAME_SPLIT)
		inject_pieces(d, end, rd_u8(r));
	else
		dual_inject(d, end, d->peer.frame, d->peer.len);
}

/* Where the transport header is behind IPv6's extension headers, and whose; 0: nowhere. */
static size_t find_l4(const uint8_t *p, size_t len, uint8_t *proto)
{
	size_t off = IP6_HDR_LEN;

	*proto = p[6];
	while (*proto == IP_PROTO_HOPOPTS || *proto == IP_PROTO_DSTOPTS ||
	       *proto == IP_PROTO_ROUTING) {
		if (off + IP6_EXT_LEN_MIN > len)
			return 0;
		*proto = p[off];
		off += (p[off + 1] + 1u) * IP6_EXT_LEN_MIN;
	}
	return off < len ? off : 0;
}

static size_t csum_place(uint8_t proto)
{
	switch (proto) {
	case IP_PROTO_TCP:
		return 16;
	case IP_PROTO_UDP:
		return 6;
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMPV6:
	case IP_PROTO_IGMP:
		return 2;
	default:
		return 0;
	}
}

static void mend_l4(const struct dual *d, uint8_t *l4, size_t len, uint8_t proto, uint64_t sum)
{
	size_t place = csum_place(proto);

	if (!place || len < place + 2)
		return;
	store_be16(l4 + place, 0);
	store_be16(l4 + place, csum_finish(csum_add(d->peer.cpu, l4, len, sum)));
}

/* Makes the checksums of a frame right again. */
static void mend_frame(const struct dual *d, uint8_t *frame, size_t len)
{
	uint8_t *p = frame + ETH_HDR_LEN, proto;
	struct ip4_hdr ip;
	struct ip6_hdr ip6;
	size_t l4;

	if (len < ETH_HDR_LEN + IP4_HDR_LEN)
		return;
	len -= ETH_HDR_LEN;
	ip4_hdr_read(p, &ip);
	if (p[0] >> 4 == 4 && ip.hdr_len >= IP4_HDR_LEN && ip.hdr_len <= len) {
		ip4_hdr_csum_set(p, ip.hdr_len);
		mend_l4(d, p + ip.hdr_len, len - ip.hdr_len, ip.proto,
			ip.proto == IP_PROTO_ICMP || ip.proto == IP_PROTO_IGMP
				? 0
				: pseudo4_sum(&ip.src, &ip.dst, ip.proto,
					      (uint16_t)(len - ip.hdr_len)));
	}
	if (p[0] >> 4 != 6 || len < IP6_HDR_LEN)
		return;
	ip6_hdr_read(p, &ip6);
	l4 = find_l4(p, len, &proto);
	if (l4)
		mend_l4(d, p + l4, len - l4, proto,
			pseudo6_sum(&ip6.src, &ip6.dst, proto, (uint32_t)(len - l4)));
}

/* A row of datagrams to what is behind the router, which have no others between them: of either
 * family, to addresses that follow each other; one of them has a byte that is another. */
static void op_row(struct dual *d, struct rd *r)
{
	uint8_t what = rd_u8(r), n = 1 + what % 8, odd = rd_u8(r), with = rd_u8(r), by = rd_u8(r);
	bool is_ip6 = what & 8;
	uint8_t wire = what >> 4 & 1, frame[ROW_FRAME] = {2, 0, 0, 0, 0, wire, 2, 0, 0, 0, 9, 9};
	struct weft_addr dst = rd_known(r), src = rd_known(r);
	uint8_t *p = frame + ETH_HDR_LEN, *vary = dst.bytes + by % sizeof(dst.bytes);
	struct ip4_hdr hdr4 = {.hdr_len = IP4_HDR_LEN, .tot_len = ROW_IP, .ttl = 9, .proto = 253};
	struct ip6_hdr hdr6 = {
		.payload_len = ROW_IP - IP6_HDR_LEN, .hop_limit = 9, .next_hdr = 253};

	store_be16(frame + 12, is_ip6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	for (uint8_t i = 0; i < n; i++, ++*vary) {
		bool is_odd = i == odd % 8;

		memcpy(&hdr4.src, src.bytes, sizeof(hdr4.src));
		memcpy(&hdr4.dst, dst.bytes, sizeof(hdr4.dst));
		memcpy(&hdr6.src, src.bytes, sizeof(hdr6.src));
		memcpy(&hdr6.dst, dst.bytes, sizeof(hdr6.dst));
		if (is_ip6)
			ip6_hdr_write(p, &hdr6);
		else
			ip4_hdr_write(p, &hdr4);
		frame[odd >> 3] ^= is_odd ? with : 0;
		if (is_odd && what & 32)
			mend_frame(d, frame, ETH_HDR_LEN + ROW_IP);
		dual_inject(d, (uint8_t)(2 * wire + 1), frame,
			    what & 64 ? ETH_HDR_LEN + ROW_IP : ROW_FRAME);
		frame[odd >> 3] ^= is_odd ? with : 0;
	}
	d->is_forged = true;
}

/* A frame of before, with some bytes changed. */
static void op_replay(struct dual *d, struct rd *r)
{
	uint8_t what = rd_u8(r), n = rd_u8(r) % 8, back = what & 7, end;
	const struct dual_frame *f = dual_past(d, back);
	struct dual_frame copy;

	if (!f)
		return;
	copy = *f;
	for (uint8_t i = 0; i < n; i++) {
		uint16_t at = rd_u8(r);

		copy.bytes[at % copy.len] = rd_u8(r);
	}
	if (what & 8)
		mend_frame(d, copy.bytes, copy.len);
	/* To where it went, back to where it came from, or elsewhere. */
	end = what & 16 ? copy.end : copy.end ^ 1;
	if (what & 32)
		end ^= 2;
	d->is_forged = true;
	dual_inject(d, end, copy.bytes, copy.len);
}

/*
 * The applications.
 */

static void op_send(struct dual *d, struct rd *r)
{
	static const struct {
		int family, type, proto;
	} kinds[] = {
		{WEFT_AF_INET, WEFT_SOCK_DGRAM, 0},
		{WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0},
		{WEFT_AF_INET, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP},
		{WEFT_AF_INET6, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMPV6},
		{WEFT_AF_INET6, WEFT_SOCK_RAW, 253},
	};
	uint8_t what = rd_u8(r), kind = (uint8_t)((what & 15) % ARRAY_SIZE(kinds));
	struct weft_sockaddr to = rd_dst(r);
	size_t len = rd_size(r);
	struct dual_slot *slot = dual_socket(d, (what >> 4 & 7) % DUAL_NODES, kinds[kind].family,
					     kinds[kind].type, kinds[kind].proto);

	if (!slot)
		return;
	dual_send(slot, len, &to);
	if (what & 0x80)
		return; /* it stays, for the answer */
	dual_settle(d);
	if (slot->s)
		dual_close(slot, false);
}

static void op_open(struct dual *d, struct rd *r)
{
	uint8_t node = rd_node(r);
	struct weft_sockaddr to = rd_dst(r);
	struct dual_slot *slot = dual_socket(d, node, WEFT_AF_INET6, WEFT_SOCK_STREAM, 0);

	if (!slot)
		return;
	to.port = 80;
	if (to.addr.family == WEFT_AF_INET) {
		memcpy(to.addr.bytes + 12, to.addr.bytes, 4);
		memset(to.addr.bytes, 0, 10);
		to.addr.bytes[10] = to.addr.bytes[11] = 0xff;
		to.addr.family = WEFT_AF_INET6;
	}
	(void)weft_connect(slot->s, &to);
}

static void op_write(struct dual *d, struct rd *r)
{
	struct dual_slot *slot = rd_slot(d, r);
	size_t len = rd_size(r);

	if (slot && slot->type == WEFT_SOCK_STREAM && !slot->is_listener)
		dual_send(slot, len, NULL);
	else if (slot)
		dual_send(slot, len,
			  &(struct weft_sockaddr){
				  .addr = {WEFT_AF_INET6, {0xfd, [7] = 1, [15] = 2}}, .port = 53});
}

static void op_finish(struct dual *d, struct rd *r)
{
	struct dual_slot *slot = rd_slot(d, r);
	uint8_t how = rd_u8(r);

	if (slot && how % 4 < 2)
		(void)weft_shutdown(slot->s, how % 4 + 1);
	else if (slot)
		dual_close(slot, how % 4 == 3);
}

static void op_group(struct dual *d, struct rd *r)
{
	struct dual_slot *slot = rd_slot(d, r);
	uint8_t what = rd_u8(r);
	struct weft_group_req req = {.ifindex = what & 32 ? 3 : 2, .group = rd_known(r)};
	struct weft_group_source_req src = {
		.ifindex = req.ifindex, .group = req.group, .source = rd_known(r)};
	int level = what & 16 ? WEFT_IPPROTO_IP : WEFT_IPPROTO_IPV6;
	int name = WEFT_MCAST_JOIN_GROUP + (what & 7) % 6;

	if (!slot)
		return;
	if (name == WEFT_MCAST_JOIN_GROUP || name == WEFT_MCAST_LEAVE_GROUP)
		(void)weft_setsockopt(slot->s, level, name, &req, sizeof(req));
	else
		(void)weft_setsockopt(slot->s, level, name, &src, sizeof(src));
}

static void op_option(struct dual *d, struct rd *r)
{
	static const struct {
		int level, name;
	} options[] = {
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_MTU_DISCOVER},
		{WEFT_IPPROTO_IP, WEFT_IP_MTU_DISCOVER},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_UNICAST_HOPS},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_TCLASS},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_HOPS},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_IF},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_LOOP},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVERR},
		{WEFT_IPPROTO_IP, WEFT_IP_TTL},
		{WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT},
	};
	struct dual_slot *slot = rd_slot(d, r);
	uint8_t i = rd_u8(r) % ARRAY_SIZE(options);
	int v = rd_u8(r);

	if (slot)
		(void)weft_setsockopt(slot->s, options[i].level, options[i].name, &v, sizeof(v));
}

/*
 * The systems.
 */

static void op_addr(struct dual *d, struct rd *r)
{
	uint8_t what = rd_u8(r), len = rd_u8(r) % 129;
	struct weft_netif *netif = d->ends[what % ENDS].netif;
	struct weft_addr a = rd_known(r);
	struct weft_addr_how how = {.dad = what & 8,
				    .no_prefix_route = what & 16,
				    .preferred_s = what & 32 ? 5 : 0,
				    .valid_s = what & 64 ? 20 : 0};

	if (what & 128)
		a.bytes[a.family == WEFT_AF_INET ? 3 : 15] = rd_u8(r);
	if (!netif)
		return;
	if (what & 4)
		(void)!weft_addr_del(netif, &a, len);
	else
		(void)!weft_addr_put(netif, &a, len, &how);
}

/* The bits behind a prefix are 0, or a route is refused: they are, unless the input says no. */
static void prefix_mask(struct weft_route *route)
{
	uint32_t n_bits = route->dst.family == WEFT_AF_INET ? 32 : 128;

	for (uint32_t bit = route->prefix_len; bit < n_bits; bit++)
		route->dst.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static void op_route(struct dual *d, struct rd *r)
{
	static const enum weft_route_type types[] = {WEFT_ROUTE_UNICAST, WEFT_ROUTE_UNICAST,
						     WEFT_ROUTE_UNREACHABLE, WEFT_ROUTE_BLACKHOLE,
						     WEFT_ROUTE_PROHIBIT};
	uint8_t node = rd_node(r), what = rd_u8(r), how = rd_u8(r);
	struct weft_route route = {.dst = rd_known(r),
				   .prefix_len = rd_u8(r) % 129,
				   .metric = how & 3,
				   .type = types[(how >> 2 & 7) % ARRAY_SIZE(types)],
				   .mtu = how & 32 ? 1300 : 0};
	struct weft_route_info info;

	if (!(how & 64))
		prefix_mask(&route);
	if (what & 1)
		route.via = rd_known(r);
	if (what & 2)
		route.dev = weft_netif_find(d->st[node], what & 128 ? "eth1" : "eth0");
	if (what & 4)
		route.src = rd_known(r);
	switch (what >> 3 & 7) {
	case 0:
	case 1:
		(void)!weft_route_del(d->st[node], &route);
		break;
	case 2:
		(void)!weft_route_get(d->st[node], &route.dst, what & 4 ? &route.src : NULL,
				      route.dev, &info);
		break;
	case 3:
		(void)!weft_route_add_text(d->st[node], "default via fe80::ff:fe00:0 dev eth0");
		break;
	default:
		(void)!weft_route_put(d->st[node], &route, (enum weft_route_how)(what >> 3 & 3));
		break;
	}
}

static void op_sysctl(struct dual *d, struct rd *r)
{
	static const char *const names[] = {
		"net.ipv6.conf.all.forwarding",
		"net.ipv6.conf.eth0.disable_ipv6",
		"net.ipv6.conf.eth0.hop_limit",
		"net.ipv6.conf.eth0.mtu",
		"net.ipv6.conf.eth0.addr_gen_mode",
		"net.ipv6.conf.eth0.accept_dad",
		"net.ipv6.conf.eth0.dad_transmits",
		"net.ipv6.conf.eth0.enhanced_dad",
		"net.ipv6.conf.eth0.accept_ra",
		"net.ipv6.conf.eth0.accept_ra_defrtr",
		"net.ipv6.conf.eth0.accept_ra_pinfo",
		"net.ipv6.conf.eth0.accept_ra_mtu",
		"net.ipv6.conf.eth0.accept_ra_rtr_pref",
		"net.ipv6.conf.eth0.accept_ra_rt_info_max_plen",
		"net.ipv6.conf.eth0.router_solicitations",
		"net.ipv6.conf.eth0.router_solicitation_interval",
		"net.ipv6.conf.eth0.router_solicitation_delay",
		"net.ipv6.conf.eth0.autoconf",
		"net.ipv6.conf.eth0.use_tempaddr",
		"net.ipv6.conf.eth0.temp_valid_lft",
		"net.ipv6.conf.eth0.temp_prefered_lft",
		"net.ipv6.conf.eth0.max_desync_factor",
		"net.ipv6.conf.eth0.regen_max_retry",
		"net.ipv6.conf.eth0.max_addresses",
		"net.ipv6.conf.eth0.accept_redirects",
		"net.ipv6.conf.all.disable_ipv6",
		"net.ipv6.conf.all.accept_dad",
		"net.ipv6.conf.default.use_tempaddr",
		"net.ipv6.auto_flowlabels",
		"net.ipv6.icmp.echo_ignore_all",
		"net.ipv6.icmp.echo_ignore_multicast",
		"net.ipv6.icmp.ratelimit",
		"net.ipv6.ip6frag_high_thresh",
		"net.ipv6.ip6frag_low_thresh",
		"net.ipv6.ip6frag_time",
		"net.ipv4.ip_forward",
		"net.ipv4.conf.all.rp_filter",
		"net.ipv4.conf.all.send_redirects",
		"net.ipv4.ipfrag_high_thresh",
		"net.ipv4.ipfrag_time",
		"net.ipv4.igmp_max_memberships",
		"net.ipv4.igmp_max_msf",
		"net.ipv4.igmp_qrv",
		"net.ipv4.conf.all.force_igmp_version",
		"net.ipv6.conf.all.force_mld_version",
		"net.ipv4.igmp_querier",
		"net.ipv4.igmp_query_interval",
		"net.ipv4.igmp_query_response_interval",
		"net.ipv4.route.mtu_expires",
		"net.ipv4.route.min_pmtu",
		"net.ipv6.neigh.default.gc_thresh3",
		"net.ipv6.neigh.eth0.retrans_time_ms",
		"net.ipv6.neigh.eth0.base_reachable_time_ms",
		"net.ipv6.neigh.eth0.delay_first_probe_ms",
		"net.ipv6.neigh.eth0.mcast_solicit",
		"net.ipv6.neigh.eth0.ucast_solicit",
		"net.ipv6.neigh.eth0.unres_qlen",
		"net.ipv4.neigh.default.unres_qlen",
		"net.ipv4.neigh.default.locktime_ms",
		"net.ipv4.icmp_ratelimit",
		"net.none",
	};
	uint8_t node = rd_node(r), i = rd_u8(r) % ARRAY_SIZE(names), v = rd_u8(r);
	int64_t value = v < 200 ? v : (v - 199) * INT64_C(500);

	(void)!weft_stack_set(d->st[node], names[i], v == 255 ? -1 : value);
	(void)!weft_stack_get(d->st[node], names[i], &value);
}

static void op_netif(struct dual *d, struct rd *r)
{
	uint8_t what = rd_u8(r), i = what % ENDS, v = rd_u8(r);
	struct weft_netif *netif = d->ends[i].netif;

	if (!netif)
		return;
	switch (what >> 2 & 7) {
	case 0:
		weft_netif_set_up(netif, v & 1);
		break;
	case 1:
		(void)!weft_netif_set_mtu(netif, v < 250 ? 68u + v * 7u : DUAL_MTU_MAX);
		break;
	case 2:
		(void)!weft_netif_set_mss_clamp(netif, v & 1 ? WEFT_MSS_PMTU : v * 10u);
		break;
	case 3:
		weft_netif_set_mac(netif, (uint8_t[]){2, 0, 0, 0, v, i});
		break;
	case 4:
		weft_netif_del(netif);
		d->ends[i].netif = NULL;
		break;
	default:
		netif_set_carrier(netif_of(netif), v & 1);
		break;
	}
}

static void op_neigh(struct dual *d, struct rd *r)
{
	uint8_t what = rd_u8(r), i = what % ENDS;
	struct weft_addr a = rd_known(r);
	const uint8_t mac[6] = {2, 0, 0, 0, what >> 7, i / 2};

	if (!d->ends[i].netif)
		return;
	if (what & 4)
		(void)!weft_neigh_del(d->ends[i].netif, &a);
	else
		(void)!weft_neigh_set(d->ends[i].netif, &a, mac,
				      (enum weft_neigh_nud)((what >> 3 & 3) % 3));
}

static void op_fail(struct dual *d, struct rd *r)
{
	d->fail_in = rd_u8(r);
	d->fail_again = rd_u8(r) % 8;
	d->has_failed = true;
}

/* A filter at a point of a node, of either family; or none. */
static void op_hook(struct dual *d, struct rd *r)
{
	uint8_t what = rd_u8(r), node = (uint8_t)((what & 3) % DUAL_NODES);
	enum ip_hook_point point = (enum ip_hook_point)((what >> 2 & 7) % IP_HOOK_POINTS);
	struct stack *st = stack_of(d->st[node]);

	if (list_is_linked(&d->hook.link))
		ip_hook_del(&d->hook);
	d->verdict = (enum ip_verdict)((what >> 6) % 3);
	if (what != 0)
		ip_hook_add(what & 32 ? &st->ip4->hooks : &st->ip6->hooks, point, &d->hook);
}

static void see_addr(void *arg, const struct weft_addr_info *info)
{
	assert(info->dev && info->addr.family);
	*(uint64_t *)arg += info->valid_s;
}

static void see_route(void *arg, const struct weft_route_info *info)
{
	*(uint64_t *)arg += info->route.prefix_len;
}

static void see_neigh(void *arg, const struct weft_neigh_info *info)
{
	*(uint64_t *)arg += strlen(info->state);
}

static void see_group(void *arg, const struct weft_group_info *info)
{
	*(uint64_t *)arg += info->n_srcs;
}

static void see_policy(void *arg, const struct weft_addr_policy *row)
{
	*(uint64_t *)arg += row->label;
}

/* Everything that can be asked; and which of some addresses is the best. */
static void op_look(struct dual *d, struct rd *r)
{
	uint8_t what = rd_u8(r), n = what >> 2 & 7;
	struct weft_stack *st = d->st[(what & 3) % DUAL_NODES];
	struct weft_addr_policy rows[3] = {{.precedence = what, .label = 3}, {.label = 9}};
	struct weft_addr addrs[8];
	uint64_t sum = 0;

	for (uint8_t i = 0; i < n; i++)
		addrs[i] = rd_known(r);
	if (what & 32) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			rows[i].prefix = rd_known(r);
			rows[i].prefix_len = rd_u8(r);
		}
		(void)!weft_addr_policies_set(st, rows, what >> 6);
	}
	(void)!weft_addrs_sort(st, addrs, n);
	weft_addr_policies(st, see_policy, &sum);
	weft_addrs(st, see_addr, &sum);
	weft_routes(st, see_route, &sum);
	weft_neighs(st, see_neigh, &sum);
	weft_groups(st, see_group, &sum);
	d->buf[0] = (uint8_t)sum;
}

static void (*const ops[])(struct dual *d, struct rd *r) = {
	op_time,   op_time,   op_trouble, op_frame, op_frame,  op_frame,  op_replay,
	op_replay, op_send,   op_send,    op_open,  op_write,  op_write,  op_finish,
	op_group,  op_option, op_addr,    op_route, op_sysctl, op_sysctl, op_netif,
	op_neigh,  op_fail,   op_look,    op_hook,  op_row,
};

/* True: some of it may have gone a short way, and may be compared with the general one. */
static bool run(struct twin *twin, const uint8_t *data, size_t size)
{
	/* One for all inputs: to clear its 350 KiB for each took more than many of them. */
	static struct dual world;
	struct dual *d = &world;
	struct rd r = rd_make(data, size);
	uint8_t how = rd_u8(&r);
	bool is_due = false;

	dual_init(d, how, twin);
	for (int i = 0; i < OPS_MAX && rd_left(&r) > 0; i++) {
		ops[rd_u8(&r) % ARRAY_SIZE(ops)](d, &r);
		dual_settle(d);
		dual_check(d);
		for (int n = 0; n < DUAL_NODES; n++)
			twin_add_stack(twin, stack_of(d->st[n]));
		twin_step(twin);
	}
	for (int n = 0; n < DUAL_NODES; n++)
		is_due |= twin_is_due(stack_of(d->st[n]));
	is_due &= (how & DUAL_TWIN) && !d->has_failed;
	dual_fini(d);
	return is_due;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	twin_run(run, data, size);
	return 0;
}
