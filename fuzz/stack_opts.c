/* SPDX-License-Identifier: MIT */
/* Options of sockets, what they join and filter, and the settings of the stack; see stack_ops.h. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/api_priv.h"
#include "base/bpf.h"
#include "stack_ops.h"
#include "weft/mcast.h"
#include "weft/packet.h"

static const struct {
	int level, name;
} options[] = {
	{WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR},
	{WEFT_SOL_SOCKET, WEFT_SO_TYPE},
	{WEFT_SOL_SOCKET, WEFT_SO_ERROR},
	{WEFT_SOL_SOCKET, WEFT_SO_BROADCAST},
	{WEFT_SOL_SOCKET, WEFT_SO_SNDBUF},
	{WEFT_SOL_SOCKET, WEFT_SO_RCVBUF},
	{WEFT_SOL_SOCKET, WEFT_SO_KEEPALIVE},
	{WEFT_SOL_SOCKET, WEFT_SO_LINGER},
	{WEFT_SOL_SOCKET, WEFT_SO_REUSEPORT},
	{WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE},
	{WEFT_SOL_SOCKET, WEFT_SO_ACCEPTCONN},
	{WEFT_SOL_SOCKET, WEFT_SO_PROTOCOL},
	{WEFT_SOL_SOCKET, WEFT_SO_DOMAIN},
	{WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY},
	{WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG},
	{WEFT_IPPROTO_TCP, WEFT_TCP_CORK},
	{WEFT_IPPROTO_TCP, WEFT_TCP_KEEPIDLE},
	{WEFT_IPPROTO_TCP, WEFT_TCP_KEEPINTVL},
	{WEFT_IPPROTO_TCP, WEFT_TCP_KEEPCNT},
	{WEFT_IPPROTO_TCP, WEFT_TCP_INFO},
	{WEFT_IPPROTO_TCP, WEFT_TCP_QUICKACK},
	{WEFT_IPPROTO_TCP, WEFT_TCP_USER_TIMEOUT},
	{WEFT_IPPROTO_IP, WEFT_IP_TOS},
	{WEFT_IPPROTO_IP, WEFT_IP_TTL},
	{WEFT_IPPROTO_IP, 99},
	{99, 1},
	{WEFT_SOL_SOCKET, WEFT_SO_OOBINLINE},
	{WEFT_IPPROTO_TCP, WEFT_TCP_SYNCNT},
	{WEFT_IPPROTO_TCP, WEFT_TCP_LINGER2},
	{WEFT_IPPROTO_TCP, WEFT_TCP_DEFER_ACCEPT},
	{WEFT_IPPROTO_TCP, WEFT_TCP_WINDOW_CLAMP},
	{WEFT_IPPROTO_TCP, WEFT_TCP_INFO_LINUX},
	{WEFT_IPPROTO_TCP, WEFT_TCP_INQ},
	{WEFT_IPPROTO_TCP, WEFT_TCP_CONGESTION},
	{WEFT_IPPROTO_TCP, WEFT_TCP_FASTOPEN},
	{WEFT_IPPROTO_TCP, WEFT_TCP_NOTSENT_LOWAT},
	{WEFT_IPPROTO_TCP, WEFT_TCP_FASTOPEN_CONNECT},
	{WEFT_IPPROTO_TCP, WEFT_TCP_FASTOPEN_KEY},
	{WEFT_IPPROTO_TCP, WEFT_TCP_FASTOPEN_NO_COOKIE},
	{WEFT_SOL_SOCKET, WEFT_SO_RCVLOWAT},
	{WEFT_SOL_SOCKET, WEFT_SO_SNDLOWAT},
	{WEFT_SOL_SOCKET, WEFT_SO_MAX_PACING_RATE},
	{WEFT_SOL_SOCKET, WEFT_SO_DETACH_FILTER},
	{WEFT_SOL_SOCKET, WEFT_SO_LOCK_FILTER},
	{WEFT_IPPROTO_IP, WEFT_IP_HDRINCL},
	{WEFT_IPPROTO_IP, WEFT_IP_PKTINFO},
	{WEFT_IPPROTO_IP, WEFT_IP_MTU_DISCOVER},
	{WEFT_IPPROTO_IP, WEFT_IP_RECVERR},
	{WEFT_IPPROTO_IP, WEFT_IP_RECVTTL},
	{WEFT_IPPROTO_IP, WEFT_IP_RECVTOS},
	{WEFT_IPPROTO_IP, WEFT_IP_MTU},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_CHECKSUM},
	{WEFT_SOL_RAW, WEFT_IPV6_CHECKSUM},
	{WEFT_SOL_RAW, WEFT_ICMP_FILTER},
	{WEFT_IPPROTO_ICMPV6, WEFT_ICMP6_FILTER},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_UNICAST_HOPS},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_MTU_DISCOVER},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_MTU},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVERR},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_V6ONLY},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVPKTINFO},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVHOPLIMIT},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVTCLASS},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_TCLASS},
	{WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_IF},
	{WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_TTL},
	{WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_LOOP},
	{WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_ALL},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_IF},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_HOPS},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_LOOP},
	{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_ALL},
	{WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT},
	{WEFT_IPPROTO_UDP, WEFT_UDP_GRO},
	{WEFT_SOL_PACKET, WEFT_PACKET_STATISTICS},
	{WEFT_SOL_PACKET, WEFT_PACKET_FANOUT},
	{WEFT_SOL_PACKET, WEFT_PACKET_IGNORE_OUTGOING},
	{WEFT_IPPROTO_TCP, 99},
	{WEFT_IPPROTO_IPV6, 99},
	{WEFT_IPPROTO_UDP, 99},
	{WEFT_SOL_RAW, 99},
	{WEFT_SOL_PACKET, 99},
};

/* Those that say of what the socket sends that it need not be as the checks have it. */
static void option_noticed(struct slot *slot, int level, int name)
{
	if (level == WEFT_IPPROTO_TCP && name == WEFT_TCP_FASTOPEN_CONNECT)
		slot->w->is_blind = true;
	if (level == WEFT_IPPROTO_IP && name == WEFT_IP_HDRINCL &&
	    sock_of(slot->s)->proto->type == WEFT_SOCK_RAW) {
		slot->w->is_forged = true;
		slot->hdrs = SLOT_IP_HDR;
	}
	/* Its own checksum where another's would be. */
	if (name == WEFT_IPV6_CHECKSUM && (level == WEFT_SOL_RAW || level == WEFT_IPPROTO_IPV6))
		slot->w->is_forged = true;
}

static int set_text(struct slot *slot, int level, int name, uint8_t how)
{
	static const char *const controls[] = {"cubic", "reno", "tahoe", "dctcp",
					       "bbr",   "bbr3", "none",  ""};
	const char *text = controls[how & 7];

	if (level == WEFT_SOL_SOCKET)
		text = how & 1 ? "eth0" : how & 2 ? "x" : "\0";
	return weft_setsockopt(slot->s, level, name, text, strlen(text) + !(how & 0x80));
}

static bool option_is_text(int level, int name)
{
	return (level == WEFT_SOL_SOCKET && name == WEFT_SO_BINDTODEVICE) ||
	       (level == WEFT_IPPROTO_TCP && name == WEFT_TCP_CONGESTION);
}

void op_setsockopt(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t i = rd_u8(r) % ARRAY_SIZE(options), how = rd_u8(r);
	int level = options[i].level, name = options[i].name;
	int v[2] = {(int8_t)how, 0};

	if (!slot)
		return;
	if (how == 127)
		v[0] = (int)rd_be32(r);
	else if (how == 126)
		v[0] = rd_be16(r), v[1] = rd_u8(r);
	option_noticed(slot, level, name);
	if (option_is_text(level, name))
		(void)set_text(slot, level, name, how);
	else
		(void)weft_setsockopt(slot->s, level, name, v,
				      how == 125   ? 1
				      : how == 124 ? 0
				      : how == 123 ? 4
						   : sizeof(v));
}

/* The same with bytes of the input: keys, masks. */
void op_setbytes(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t i = rd_u8(r) % ARRAY_SIZE(options);
	size_t len = rd_u8(r) % 64u;
	uint8_t bytes[64] = {0};

	rd_copy(r, bytes, len < rd_left(r) ? len : rd_left(r));
	if (!slot || option_is_text(options[i].level, options[i].name))
		return;
	option_noticed(slot, options[i].level, options[i].name);
	(void)weft_setsockopt(slot->s, options[i].level, options[i].name, bytes, len);
}

void op_getsockopt(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t i = rd_u8(r) % ARRAY_SIZE(options), len8 = rd_u8(r);
	struct weft_sockaddr sa;
	size_t len = len8 == 0 ? 256 : len8, room = len;

	if (!slot)
		return;
	if (weft_getsockopt(slot->s, options[i].level, options[i].name, w->buf, &len) == 0)
		assert(len <= room);
	(void)weft_getsockname(slot->s, &sa);
	(void)weft_getpeername(slot->s, &sa);
	(void)weft_events(slot->s);
}

/*
 * Groups.
 */

static const uint8_t groups4[][4] = {{224, 0, 1, 2}, {239, 1, 1, 1}, {232, 1, 1, 1}, {10, 0, 0, 2}};
static const uint8_t groups6[][16] = {{0xff, 0x15, [14] = 1, [15] = 5},
				      {0xff, 0x02, [15] = 9},
				      {0xff, 0x35, [15] = 9},
				      {0xfd, [15] = 2}};

static struct weft_addr group_at(uint8_t i, bool is_ip6)
{
	struct weft_addr a = {.family = is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET};

	memcpy(a.bytes, is_ip6 ? groups6[i & 3] : groups4[i & 3], is_ip6 ? 16 : 4);
	return a;
}

static struct weft_addr source_at(uint8_t i, bool is_ip6)
{
	if (is_ip6)
		return (struct weft_addr){WEFT_AF_INET6, {0xfd, [15] = (uint8_t)(2 + i)}};
	return (struct weft_addr){WEFT_AF_INET, {10, 0, 0, (uint8_t)(2 + i)}};
}

/* What an option about a group has: read once, written as each option wants it. */
struct group_words {
	bool is_ip6, by_addr, is_short;
	uint32_t ifindex;
	struct weft_addr group, source;
};

static void set_cut(struct slot *slot, const struct group_words *g, int level, int name,
		    const void *val, size_t len)
{
	(void)weft_setsockopt(slot->s, level, name, val, g->is_short ? len / 2 : len);
}

static void set_mreqn(struct slot *slot, const struct group_words *g, int name)
{
	struct weft_ip_mreqn m = {.ifindex = g->by_addr ? 0 : (int)g->ifindex};

	memcpy(m.multiaddr, g->group.bytes, sizeof(m.multiaddr));
	if (g->by_addr)
		memcpy(m.address, (uint8_t[]){10, 0, (uint8_t)(g->ifindex - 2), 1}, 4);
	set_cut(slot, g, WEFT_IPPROTO_IP, name, &m, g->by_addr ? 8 : sizeof(m));
}

static void set_mreq_source(struct slot *slot, const struct group_words *g, int name)
{
	struct weft_ip_mreq_source m = {
		.interface = {10, 0, (uint8_t)(g->ifindex - 2), g->by_addr ? 1 : 0}};

	if (!g->by_addr)
		memset(m.interface, 0, sizeof(m.interface));
	memcpy(m.multiaddr, g->group.bytes, sizeof(m.multiaddr));
	memcpy(m.sourceaddr, g->source.bytes, sizeof(m.sourceaddr));
	set_cut(slot, g, WEFT_IPPROTO_IP, name, &m, sizeof(m));
}

static void set_mreq6(struct slot *slot, const struct group_words *g, int name)
{
	struct weft_ipv6_mreq m = {.ifindex = g->by_addr ? -1 : (int)g->ifindex};

	memcpy(m.multiaddr, g->group.bytes, sizeof(m.multiaddr));
	set_cut(slot, g, WEFT_IPPROTO_IPV6, name, &m, sizeof(m));
}

static void set_group_req(struct slot *slot, const struct group_words *g, int name)
{
	int level = g->is_ip6 ? WEFT_IPPROTO_IPV6 : WEFT_IPPROTO_IP;
	struct weft_group_req m = {.ifindex = g->ifindex, .group = g->group};

	set_cut(slot, g, level, name, &m, sizeof(m));
}

static void set_group_source(struct slot *slot, const struct group_words *g, int name)
{
	int level = g->is_ip6 ? WEFT_IPPROTO_IPV6 : WEFT_IPPROTO_IP;
	struct weft_group_source_req m = {
		.ifindex = g->ifindex, .group = g->group, .source = g->source};

	set_cut(slot, g, level, name, &m, sizeof(m));
}

enum {
	FILTER_SRCS = 12,
};

/* All sources at once; bit 7 asks for them. */
static void set_msfilter(struct slot *slot, const struct group_words *g, uint8_t what)
{
	int level = g->is_ip6 ? WEFT_IPPROTO_IPV6 : WEFT_IPPROTO_IP;
	struct weft_group_filter head = {.ifindex = g->ifindex,
					 .group = g->group,
					 .fmode = what & 3,
					 .n_srcs = (what >> 2 & 15) % (FILTER_SRCS + 1u)};
	uint8_t bytes[sizeof(head) + FILTER_SRCS * sizeof(struct weft_addr)];
	size_t len = sizeof(head);

	memcpy(bytes, &head, sizeof(head));
	for (uint8_t i = 0; i < head.n_srcs; i++) {
		struct weft_addr src = source_at(what & 0x40 ? 0 : i, g->is_ip6);

		memcpy(bytes + len, &src, sizeof(src));
		len += sizeof(src);
	}
	if (!(what & 0x80)) {
		set_cut(slot, g, level, WEFT_MCAST_MSFILTER, bytes, len);
		return;
	}
	len = g->is_short ? len / 2 : len;
	(void)weft_getsockopt(slot->s, level, WEFT_MCAST_MSFILTER, bytes, &len);
}

void op_group(struct world *w, struct rd *r)
{
	static const struct {
		void (*set)(struct slot *slot, const struct group_words *g, int name);
		int name;
	} verbs[] = {
		{set_mreqn, WEFT_IP_ADD_MEMBERSHIP},
		{set_mreqn, WEFT_IP_DROP_MEMBERSHIP},
		{set_mreqn, WEFT_IP_MULTICAST_IF},
		{set_mreq_source, WEFT_IP_ADD_SOURCE_MEMBERSHIP},
		{set_mreq_source, WEFT_IP_DROP_SOURCE_MEMBERSHIP},
		{set_mreq_source, WEFT_IP_BLOCK_SOURCE},
		{set_mreq_source, WEFT_IP_UNBLOCK_SOURCE},
		{set_mreq6, WEFT_IPV6_ADD_MEMBERSHIP},
		{set_mreq6, WEFT_IPV6_DROP_MEMBERSHIP},
		{set_group_req, WEFT_MCAST_JOIN_GROUP},
		{set_group_req, WEFT_MCAST_LEAVE_GROUP},
		{set_group_source, WEFT_MCAST_JOIN_SOURCE_GROUP},
		{set_group_source, WEFT_MCAST_LEAVE_SOURCE_GROUP},
		{set_group_source, WEFT_MCAST_BLOCK_SOURCE},
		{set_group_source, WEFT_MCAST_UNBLOCK_SOURCE},
	};
	struct slot *slot = rd_slot(w, r);
	uint8_t what = rd_u8(r), who = rd_u8(r), filter = (what & 15) == 15 ? rd_u8(r) : 0;
	bool is_ip6 = what & 16 || (what & 15) == 7 || (what & 15) == 8;
	struct group_words g = {.is_ip6 = is_ip6,
				.is_short = what & 32,
				.by_addr = what & 64,
				.ifindex = who >> 6,
				.group = group_at(who, is_ip6),
				.source = source_at(who >> 2 & 15, is_ip6)};

	if (!slot)
		return;
	if ((what & 15) < ARRAY_SIZE(verbs))
		verbs[what & 15].set(slot, &g, verbs[what & 15].name);
	else
		set_msfilter(slot, &g, filter);
}

/*
 * Filters and packet sockets.
 */

enum {
	PROG_MAX = 8,
};

/* A number, or a place in what a packet has besides its bytes, or from one of its headers on. */
static uint32_t rd_operand(struct rd *r)
{
	uint8_t k = rd_u8(r);

	if (k < 0x80)
		return k;
	if (k < 0xc0)
		return (uint32_t)BPF_AD_OFF + (k & 0x3fu);
	return (uint32_t)(k < 0xe0 ? BPF_NET_OFF : BPF_LL_OFF) + (k & 0x1fu);
}

/* A program: one of those here, or of the input's words. */
static uint16_t rd_program(struct rd *r, uint8_t what, struct weft_sock_filter *ret)
{
	/* All of it; 20 bytes; frames of IPv4; what begins with an odd byte. */
	static const struct weft_sock_filter known[][4] = {
		{{0x06, 0, 0, 0xffff}},
		{{0x06, 0, 0, 20}},
		{{0x28, 0, 0, 12}, {0x15, 0, 1, 0x0800}, {0x06, 0, 0, 0xffff}, {0x06, 0, 0, 0}},
		{{0x30, 0, 0, 0}, {0x45, 0, 1, 1}, {0x06, 0, 0, 0xffff}, {0x06, 0, 0, 0}},
	};
	uint16_t n;

	if (what & 4) {
		memcpy(ret, known[what & 3], sizeof(known[0]));
		return (what & 3) < 2 ? 1 : 4;
	}
	n = rd_u8(r) % (PROG_MAX + 1);
	for (uint16_t i = 0; i < n; i++) {
		ret[i].code = rd_u8(r);
		ret[i].jt = rd_u8(r);
		ret[i].jf = rd_u8(r);
		ret[i].k = rd_operand(r);
	}
	return n;
}

void op_filter(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t what = rd_u8(r);
	struct weft_sock_filter insns[PROG_MAX] = {0};
	struct weft_sock_fprog prog = {.filter = insns};
	size_t len = what >> 6;

	if (!(what & 8))
		prog.len = rd_program(r, what, insns);
	if (!slot)
		return;
	if (what & 8) {
		(void)weft_getsockopt(slot->s, WEFT_SOL_SOCKET, WEFT_SO_GET_FILTER, insns, &len);
		return;
	}
	(void)weft_setsockopt(slot->s, what & 16 ? WEFT_SOL_PACKET : WEFT_SOL_SOCKET,
			      what & 16 ? WEFT_PACKET_FANOUT_DATA : WEFT_SO_ATTACH_FILTER, &prog,
			      what & 32 ? 8 : sizeof(prog));
}

/* Memberships and fanouts of packet sockets. */
void op_packet(struct world *w, struct rd *r)
{
	struct slot *slot = rd_slot(w, r);
	uint8_t what = rd_u8(r), how = rd_u8(r);
	struct weft_packet_mreq mreq = {
		.ifindex = what >> 4 & 3,
		.type = how & 7,
		.alen = how & 8 ? 20 : 6,
		.address = {1, 0, 0x5e, 0, 0, how >> 4},
	};
	uint32_t fanout = (how & 15u) << 16 | (uint32_t)(how >> 4 & 7) << 28 | (what >> 6);

	if (!slot)
		return;
	switch (what & 3) {
	case 0:
	case 1:
		(void)weft_setsockopt(slot->s, WEFT_SOL_PACKET,
				      what & 1 ? WEFT_PACKET_DROP_MEMBERSHIP
					       : WEFT_PACKET_ADD_MEMBERSHIP,
				      &mreq, what & 8 ? 8 : sizeof(mreq));
		break;
	default:
		(void)weft_setsockopt(slot->s, WEFT_SOL_PACKET, WEFT_PACKET_FANOUT, &fanout,
				      what & 8 ? 2 : sizeof(fanout));
		break;
	}
}

/*
 * Settings.
 */

void op_sysctl(struct world *w, struct rd *r)
{
	static const struct {
		const char *name;
		int32_t values[4];
	} ctls[] = {
		{"net.ipv4.tcp_timestamps", {0, 1}},
		{"net.ipv4.tcp_sack", {0, 1}},
		{"net.ipv4.tcp_window_scaling", {0, 1}},
		{"net.ipv4.tcp_max_syn_backlog", {1, 2, 8, 65535}},
		{"net.ipv4.tcp_max_tw_buckets", {0, 1, 2, 1000}},
		{"net.ipv4.tcp_rmem_default", {4096, 8192, 131072, 4000000}},
		{"net.ipv4.tcp_rmem_max", {4096, 65536, 1000000, 4000000}},
		{"net.ipv4.tcp_wmem_default", {4096, 8192, 65536, 1000000}},
		{"net.ipv4.tcp_retries2", {0, 1, 3, 15}},
		{"net.ipv4.tcp_orphan_retries", {0, 1, 3, 8}},
		{"net.ipv4.tcp_syn_retries", {1, 2, 6}},
		{"net.ipv4.tcp_synack_retries", {0, 1, 2, 5}},
		{"net.ipv4.tcp_keepalive_time", {1, 10, 7200}},
		{"net.ipv4.tcp_keepalive_intvl", {1, 10, 75}},
		{"net.ipv4.tcp_rfc1337", {0, 1}},
		{"net.ipv4.tcp_moderate_rcvbuf", {0, 1}},
		{"net.ipv4.tcp_slow_start_after_idle", {0, 1}},
		{"net.ipv4.tcp_rto_min_ms", {1, 200, 1000}},
		{"net.ipv4.tcp_delack_ms", {1, 40, 500}},
		{"net.ipv4.ip_forward", {0, 1}},
		{"net.ipv4.icmp_ratelimit", {0, 1000}},
		{"net.ipv4.icmp_echo_ignore_broadcasts", {0, 1}},
		{"net.ipv4.ip_local_port_range.min", {1024, 40000, 40002, 60000}},
		{"net.ipv4.ip_local_port_range.max", {40003, 40100, 60999}},
		{"net.none", {0}},
		{"tcp.profile", {0, 1, 2}},
		{"net.ipv4.tcp_congestion_control", {0, 1, 4, 99}},
		{"net.ipv4.tcp_congestion_control", {2, 3, 5, 0}},
		{"net.ipv4.tcp_ecn", {0, 1, 2}},
		{"net.ipv4.tcp_ecn_fallback", {0, 1}},
		{"net.ipv4.tcp_fastopen", {0, 3, 7, 0x607}},
		{"net.ipv4.tcp_fastopen_blackhole_timeout_sec", {0, 1, 3600}},
		{"net.ipv4.tcp_fastopen_key.0", {0, 7}},
		{"net.ipv4.tcp_fastopen_key.4", {0, 7}},
		{"net.ipv4.tcp_mem_min", {0, 10, 33352}},
		{"net.ipv4.tcp_mem_pressure", {0, 10, 44468}},
		{"net.ipv4.tcp_mem_max", {0, 10, 66704}},
		{"net.ipv4.tcp_rmem_min", {1, 4096, 100000}},
		{"net.ipv4.tcp_wmem_min", {1, 4096, 100000}},
		{"net.ipv4.tcp_wmem_max", {4096, 65536, 1000000, 4000000}},
		{"net.ipv4.tcp_notsent_lowat", {1, 1000, 100000}},
		{"net.ipv4.tcp_fin_timeout", {1, 10, 120}},
		{"net.ipv4.tcp_keepalive_probes", {1, 2, 9}},
		{"net.ipv4.tcp_rto_initial_ms", {1, 1000, 3000}},
		{"net.ipv4.tcp_rto_min_of_variance", {0, 1}},
		{"net.ipv4.tcp_rto_max_ms", {1000, 120000}},
		{"net.ipv4.tcp_ts_tick_ms", {1, 10, 1000}},
		{"net.ipv4.tcp_paws_window", {0, 1, 127}},
		{"net.ipv4.tcp_tw_timeout", {1, 60, 3600}},
		{"net.ipv4.tcp_init_cwnd", {0, 1, 10, 100}},
		{"net.ipv4.tcp_quickacks", {0, 1, 16}},
		{"net.ipv4.tcp_reordering", {1, 3, 127}},
		{"net.ipv4.tcp_max_reordering", {1, 3, 127}},
		{"net.ipv4.tcp_recovery", {0, 1, 3, 5}},
		{"net.ipv4.tcp_early_retrans", {0, 3, 4}},
		{"net.ipv4.tcp_frto", {0, 1, 2}},
		{"net.ipv4.tcp_nagle_minshall", {0, 1}},
		{"net.ipv4.tcp_push_bursts", {0, 1}},
		{"net.ipv4.tcp_icmp_fails_connect", {0, 1}},
		{"net.ipv4.tcp_icmp_aborts", {0, 1}},
		{"net.ipv4.tcp_pacing_ss_ratio", {0, 100, 200, 1000}},
		{"net.ipv4.tcp_pacing_ca_ratio", {0, 100, 120, 1000}},
		{"net.ipv4.tcp_retries1", {1, 3, 255}},
		{"net.ipv4.tcp_invalid_ratelimit", {0, 500, 100000}},
		{"net.ipv4.tcp_challenge_ack_limit", {0, 1, 1000}},
		{"net.ipv4.tcp_stdurg", {0, 1}},
		{"net.ipv4.tcp_syncookies", {0, 1, 2}},
		{"net.ipv4.tcp_syn_loss_iw", {1, 2}},
		{"net.ipv4.route.min_pmtu", {68, 552, 1500}},
		{"net.ipv4.route.mtu_expires", {0, 1, 600}},
		{"net.core.somaxconn", {0, 1, 4096}},
		{"net.core.rmem_max", {2304, 212992}},
		{"net.core.wmem_max", {4608, 212992}},
		{"net.ipv4.ipfrag_high_thresh", {0, 10000, 4194304}},
		{"net.ipv4.ipfrag_low_thresh", {0, 5000, 3145728}},
		{"net.ipv4.ipfrag_time", {0, 1, 30}},
		{"net.ipv4.ipfrag_max_dist", {0, 1, 64}},
		{"net.ipv6.ip6frag_high_thresh", {0, 10000, 4194304}},
		{"net.ipv6.ip6frag_time", {0, 1, 60}},
		{"net.ipv6.conf.all.forwarding", {0, 1}},
		{"net.ipv6.conf.all.disable_ipv6", {0, 1}},
		{"net.ipv6.conf.all.hop_limit", {1, 64, 255}},
		{"net.ipv6.conf.all.addr_gen_mode", {0, 1}},
		{"net.ipv6.bindv6only", {0, 1}},
		{"net.ipv6.auto_flowlabels", {0, 1}},
		{"net.ipv6.icmp.echo_ignore_all", {0, 1}},
		{"net.ipv6.icmp.echo_ignore_multicast", {0, 1}},
		{"net.ipv6.icmp.ratelimit", {0, 1000}},
		{"net.ipv4.icmp_echo_ignore_all", {0, 1}},
		{"net.ipv4.igmp_max_memberships", {0, 1, 20}},
		{"net.ipv4.igmp_max_msf", {0, 1, 10, 64}},
		{"net.ipv4.igmp_qrv", {1, 2, 7}},
		{"net.ipv4.conf.all.force_igmp_version", {0, 1, 2, 3}},
		{"net.ipv6.conf.all.force_mld_version", {0, 1, 2}},
		{"net.ipv4.igmp_querier", {0, 1}},
		{"net.ipv4.igmp_query_interval", {1, 125}},
		{"net.ipv4.conf.all.rp_filter", {0, 1, 2}},
		{"net.ipv4.conf.all.bc_forwarding", {0, 1}},
		{"net.ipv4.conf.all.accept_source_route", {0, 1}},
		{"net.ipv4.conf.all.arp_ignore", {0, 1, 2, 8}},
		{"net.ipv4.conf.all.arp_announce", {0, 1, 2}},
		{"net.ipv4.conf.all.arp_filter", {0, 1}},
		{"net.ipv4.conf.all.arp_accept", {0, 1, 2}},
		{"net.ipv6.conf.all.stable_secret.0", {0, 1}},
		{"net.ipv4.ip_default_ttl", {1, 64}},
		{"net.ipv4.neigh.default.max_entries", {2, 10, 1024}},
		{"net.ipv4.neigh.default.unres_qlen", {1, 3, 101}},
	};
	static const char *const texts[] = {"cubic", "rfc", "1", "nothing"};
	uint8_t what = rd_u8(r), value = rd_u8(r);
	const char *name = ctls[what % ARRAY_SIZE(ctls)].name;
	char text[32];
	int64_t v;

	/* An interface without IPv6 loses its addresses, and gets none of them back. */
	if (strstr(name, "disable_ipv6"))
		w->is_renumbered = true;
	if (value & 4) {
		(void)!weft_stack_set_text(w->st, name, texts[value & 3]);
		(void)!weft_stack_get_text(w->st, name, text, value & 8 ? 2 : sizeof(text));
		return;
	}
	(void)!weft_stack_set(w->st, name, ctls[what % ARRAY_SIZE(ctls)].values[value & 3]);
	(void)!weft_stack_get(w->st, name, &v);
}
