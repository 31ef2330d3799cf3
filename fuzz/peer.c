/* SPDX-License-Identifier: MIT */
/* See peer.h. */
#include "peer.h"

#include <string.h>

#include "base/csum.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/pseudo.h"
#include "wire/seq.h"
#include "wire/tcp.h"
#include "wire/udp.h"

enum {
	L3 = ETH_HDR_LEN,
	L4 = L3 + IP4_HDR_LEN,
};

const uint8_t *peer_bytes(uint32_t seq)
{
	static uint8_t table[65536 + PEER_BYTES_MAX]; /* the target is no part of src/ */

	if (!table[0])
		for (uint32_t i = 0; i < sizeof(table); i++)
			table[i] = (uint8_t)((i % 65536 + 1) * 0x9e3779b1u >> 24);
	return &table[seq % 65536];
}

/*
 * Learning.
 */

static struct peer_flow *flow_find(struct peer *p, const struct ip4_hdr *ip,
				   const struct tcp_hdr *tcp)
{
	for (uint32_t i = 0; i < PEER_FLOWS; i++) {
		struct peer_flow *f = &p->flows[i];

		if (f->is_used && f->stack_port == tcp->src_port &&
		    f->remote_port == tcp->dst_port && ip4_addr_eq(&f->stack, &ip->src) &&
		    ip4_addr_eq(&f->remote, &ip->dst))
			return f;
	}
	return NULL;
}

static struct peer_flow *flow_new(struct peer *p, uint8_t port)
{
	uint32_t i = p->next_flow++ % PEER_FLOWS;
	struct peer_flow *f = &p->flows[i];

	/* Every other one starts where the numbers are about to wrap. */
	*f = (struct peer_flow){
		.is_used = true, .port = port, .nxt = i % 2 ? 0xffffff00u : 1000000u * (i + 1)};
	f->acked = f->nxt;
	return f;
}

static void flow_learn(struct peer_flow *f, const struct tcp_hdr *tcp, const struct tcp_opts *opts,
		       uint32_t len)
{
	uint32_t end = tcp->seq + len + !!(tcp->flags & TCP_F_SYN) + !!(tcp->flags & TCP_F_FIN);

	if (tcp->flags & TCP_F_SYN) {
		f->una = tcp->seq;
		f->got = end;
	}
	if (seq_gt(end, f->got))
		f->got = end;
	if (tcp->flags & TCP_F_ACK) {
		f->acked = tcp->ack;
		if (seq_gt(f->acked, f->nxt) || (tcp->flags & TCP_F_SYN))
			f->nxt = f->acked;
	}
	f->has_ts = opts->has_ts;
	f->ts_recent = opts->ts_val;
}

static void learn_tcp(struct peer *p, uint8_t port, const struct ip4_hdr *ip, const uint8_t *l4,
		      size_t len)
{
	struct tcp_opts opts;
	struct tcp_hdr tcp;
	struct peer_flow *f;

	if (len < TCP_HDR_LEN)
		return;
	tcp_hdr_read(l4, &tcp);
	if (!tcp_hdr_len_ok(&tcp, len) || (tcp.flags & TCP_F_RST) ||
	    tcp_opts_parse(l4 + TCP_HDR_LEN, (size_t)(tcp.data_off - TCP_HDR_LEN), &opts) < 0)
		return;
	f = flow_find(p, ip, &tcp);
	if (!f && !(tcp.flags & TCP_F_SYN))
		return;
	if (!f) {
		f = flow_new(p, port);
		f->stack = ip->src;
		f->remote = ip->dst;
		f->stack_port = tcp.src_port;
		f->remote_port = tcp.dst_port;
	}
	flow_learn(f, &tcp, &opts, (uint32_t)len - tcp.data_off);
}

void peer_learn(struct peer *p, uint8_t port, const uint8_t *frame, size_t len)
{
	struct peer_sent *s = &p->sent[p->n_sent % PEER_SENT];
	struct ip4_hdr ip;

	if (len < L4 || load_be16(frame + 12) != ETHERTYPE_IPV4)
		return;
	ip4_hdr_read(frame + L3, &ip);
	if (ip4_hdr_check(&ip, len - L3) != IP4_HDR_OK)
		return;
	p->n_sent++;
	s->port = port;
	s->len = (uint16_t)(len - L3 < PEER_QUOTE_MAX ? len - L3 : PEER_QUOTE_MAX);
	memcpy(s->bytes, frame + L3, s->len);
	if (ip.proto == IP_PROTO_TCP && !ip4_hdr_is_frag(&ip))
		learn_tcp(p, port, &ip, frame + L3 + ip.hdr_len, ip.tot_len - (size_t)ip.hdr_len);
}

/*
 * Frames.
 */

/* Mostly an address of the world, sometimes any. */
static struct ip4_addr rd_addr(struct rd *r)
{
	static const uint8_t known[][4] = {{10, 0, 0, 2},  {10, 0, 1, 2},        {10, 0, 0, 1},
					   {10, 0, 1, 1},  {10, 0, 0, 255},      {10, 0, 1, 9},
					   {127, 0, 0, 1}, {255, 255, 255, 255}, {224, 0, 0, 1},
					   {0, 0, 0, 0},   {10, 0, 0, 99},       {192, 0, 2, 1},
					   {127, 0, 0, 9}, {10, 0, 0, 0},        {169, 254, 0, 1}};
	uint8_t i = rd_u8(r);
	struct ip4_addr a;

	if (i < ARRAY_SIZE(known))
		memcpy(&a, known[i], sizeof(a));
	else
		rd_copy(r, &a, sizeof(a));
	return a;
}

static struct ip4_addr remote_of(uint8_t port)
{
	return IP4_ADDR(10, 0, port, 2);
}

static struct ip4_addr stack_of_port(uint8_t port)
{
	return IP4_ADDR(10, 0, port, 1);
}

/* The next frame: on `port`, `len` bytes of IP. */
static void frame_start(struct peer *p, uint8_t port, size_t len)
{
	struct eth_hdr eth = {
		.dst = p->macs[port], .src = ETH_ADDR(2, 0, 0, 0, 1, port), .type = ETHERTYPE_IPV4};

	p->port = port;
	p->gso_size = 0;
	p->is_csum_partial = false;
	p->len = ETH_HDR_LEN + len;
	eth_hdr_write(p->frame, &eth);
}

/* What may be wrong or unusual with the IP header: a byte of the input. */
enum {
	IP_BAD_CSUM = 1 << 0,
	IP_BAD_L4_CSUM = 1 << 1,
	IP_MF = 1 << 2,
	IP_OFFSET = 1 << 3,
	IP_TTL_1 = 1 << 4,
	IP_CE = 1 << 5,
	IP_BROADCAST = 1 << 6, /* to all on the link */
	IP_CUT = 1 << 7,       /* the last bytes are missing */
};

static void frame_ip(struct peer *p, uint8_t proto, struct ip4_addr src, struct ip4_addr dst,
		     uint8_t odd)
{
	struct ip4_hdr ip = {
		.src = src,
		.dst = dst,
		.hdr_len = IP4_HDR_LEN,
		.tot_len = (uint16_t)(p->len - L3),
		.ttl = odd & IP_TTL_1 ? 1 : 64,
		.proto = proto,
		.tos = odd & IP_CE ? 3 : 0,
		.mf = odd & IP_MF,
		.frag_off = odd & IP_OFFSET ? 64 : 0,
	};

	ip4_hdr_write(p->frame + L3, &ip);
	if (odd & IP_BAD_CSUM)
		p->frame[L3 + 10] ^= 0x55;
	if (odd & IP_BROADCAST)
		memset(p->frame, 0xff, 6);
	if ((odd & IP_CUT) && p->len > L4)
		p->len -= 1 + (p->len - L4) / 2;
}

/* The checksum at `off` in the transport header, over all behind the IP header. */
static void frame_l4_csum(struct peer *p, uint8_t proto, const struct ip4_addr *src,
			  const struct ip4_addr *dst, size_t off, uint8_t odd)
{
	uint8_t *l4 = p->frame + L4;
	uint16_t len = (uint16_t)(p->len - L4), csum;
	uint64_t sum = proto == IP_PROTO_ICMP ? 0 : pseudo4_sum(src, dst, proto, len);

	store_be16(l4 + off, 0);
	if (p->is_csum_partial) {
		store_be16(l4 + off, csum_fold(sum));
		return;
	}
	csum = csum_finish(csum_add(p->cpu, l4, len, sum));
	store_be16(l4 + off, odd & IP_BAD_L4_CSUM ? csum ^ 0x1234 : csum);
}

/*
 * TCP.
 */

enum {
	TCP_X_OPTS = 1 << 0, /* options as bytes of the input */
	TCP_X_SACK = 1 << 1,
	TCP_X_NO_TS = 1 << 2, /* or with, when there would be none */
	TCP_X_WND = 1 << 3,
	TCP_X_IP = 1 << 4, /* IP_* follow */
	TCP_X_SYN_OPTS = 1 << 5,
	TCP_X_TS = 1 << 6,    /* how much older our timestamp is */
	TCP_X_SUPER = 1 << 7, /* a super-packet, never on a wire */
};

struct tcp_seg_plan {
	struct tcp_hdr hdr;
	struct tcp_opts opts;
	uint8_t raw_opts[TCP_OPTS_MAX];
	uint32_t n_raw_opts;
	uint32_t len;
	uint8_t odd; /* IP_* */
	bool is_super;
};

/* Small numbers are themselves; larger ones are hundreds, up to a full frame. */
static uint32_t rd_len(struct rd *r)
{
	uint32_t n = rd_u8(r);

	if (n <= 200)
		return n;
	return n == 255 ? 1460 : (n - 200) * 26;
}

static uint32_t rd_number(struct rd *r, uint32_t how, uint32_t base, uint32_t from)
{
	switch (how) {
	case 0:
		return base;
	case 1:
		return from + rd_be16(r);
	case 2:
		return from - rd_be16(r);
	default:
		return rd_be32(r);
	}
}

static void rd_sacks(struct rd *r, const struct peer_flow *f, struct tcp_opts *opts)
{
	uint8_t n = rd_u8(r);

	opts->n_sack = n % 5;
	for (uint32_t i = 0; i < opts->n_sack; i++) {
		opts->sack[i].start = f->una + rd_be16(r);
		opts->sack[i].end = opts->sack[i].start + (n & 0x80 ? rd_be16(r) : 1448);
	}
}

static void rd_syn_opts(struct rd *r, struct tcp_opts *opts)
{
	uint8_t what = rd_u8(r);

	opts->sack_ok = what & 1;
	opts->has_wscale = what & 2;
	opts->wscale = what >> 4;
	opts->has_ts = what & 4;
	opts->has_mss = what & 8;
	opts->mss = opts->has_mss ? rd_be16(r) : 0;
}

static void rd_tcp_extras(struct rd *r, const struct peer_flow *f, struct tcp_seg_plan *seg)
{
	uint8_t what = rd_u8(r);

	if (what & TCP_X_SYN_OPTS)
		rd_syn_opts(r, &seg->opts);
	if (what & TCP_X_NO_TS)
		seg->opts.has_ts = !seg->opts.has_ts;
	if (what & TCP_X_TS)
		seg->opts.ts_val -= rd_be16(r);
	if (what & TCP_X_SACK)
		rd_sacks(r, f, &seg->opts);
	if (what & TCP_X_WND)
		seg->hdr.wnd = rd_be16(r);
	if (what & TCP_X_IP)
		seg->odd = rd_u8(r);
	if (what & TCP_X_OPTS) {
		seg->n_raw_opts = rd_u8(r) % (TCP_OPTS_MAX / 4 + 1) * 4;
		rd_copy(r, seg->raw_opts, seg->n_raw_opts);
	}
	seg->is_super = what & TCP_X_SUPER;
	if (seg->is_super)
		seg->len *= 13;
}

static uint32_t tcp_plan_hdr_len(struct tcp_seg_plan *seg)
{
	if (seg->n_raw_opts > 0)
		return TCP_HDR_LEN + seg->n_raw_opts;
	if (seg->opts.n_sack > tcp_opts_sack_room(&seg->opts))
		seg->opts.n_sack = (uint8_t)tcp_opts_sack_room(&seg->opts);
	return TCP_HDR_LEN + (uint32_t)tcp_opts_len(&seg->opts);
}

static void frame_tcp(struct peer *p, const struct peer_flow *f, struct tcp_seg_plan *seg)
{
	uint32_t hdr_len = tcp_plan_hdr_len(seg);
	uint8_t *l4 = p->frame + L4;

	seg->hdr.src_port = f->remote_port;
	seg->hdr.dst_port = f->stack_port;
	seg->hdr.data_off = (uint8_t)hdr_len;
	if (seg->len > PEER_TCP_MAX)
		seg->len = PEER_TCP_MAX;
	frame_start(p, f->port, IP4_HDR_LEN + hdr_len + seg->len);
	if (seg->is_super) {
		p->is_csum_partial = true;
		p->gso_size = seg->len > 1448 ? 1448 : 0;
	}
	tcp_hdr_write(l4, &seg->hdr);
	if (seg->n_raw_opts > 0)
		memcpy(l4 + TCP_HDR_LEN, seg->raw_opts, seg->n_raw_opts);
	else
		tcp_opts_write(l4 + TCP_HDR_LEN, &seg->opts);
	memcpy(l4 + hdr_len, peer_bytes(seg->hdr.seq + !!(seg->hdr.flags & TCP_F_SYN)), seg->len);
	frame_l4_csum(p, IP_PROTO_TCP, &f->remote, &f->stack, 16, seg->odd);
	frame_ip(p, IP_PROTO_TCP, f->remote, f->stack, seg->odd);
}

static void tcp_plan_start(const struct peer *p, const struct peer_flow *f,
			   struct tcp_seg_plan *seg)
{
	*seg = (struct tcp_seg_plan){
		.hdr = {.seq = f->nxt, .ack = f->got, .wnd = 65535, .flags = TCP_F_ACK},
		.opts = {.has_ts = f->has_ts, .ts_val = p->now_ms, .ts_ecr = f->ts_recent},
	};
}

/* Which connection and what of its numbers is wrong; flags; length; extras; see TCP_X_*. */
bool peer_make_tcp(struct peer *p, struct rd *r)
{
	uint8_t what = rd_u8(r);
	struct peer_flow *f = &p->flows[what & 7];
	struct tcp_seg_plan seg;
	uint32_t end;

	if (!f->is_used)
		return false;
	tcp_plan_start(p, f, &seg);
	seg.hdr.flags = rd_u8(r);
	seg.len = rd_len(r);
	seg.hdr.seq = rd_number(r, what >> 3 & 3, f->nxt, f->nxt);
	seg.hdr.ack = rd_number(r, what >> 5 & 3, f->got, f->una);
	if (what & 0x80)
		rd_tcp_extras(r, f, &seg);
	frame_tcp(p, f, &seg);
	end = seg.hdr.seq + seg.len + !!(seg.hdr.flags & TCP_F_SYN) + !!(seg.hdr.flags & TCP_F_FIN);
	if (seg.hdr.seq == f->nxt && !(seg.odd & ~(uint8_t)IP_CE) && !(seg.hdr.flags & TCP_F_RST))
		f->nxt = end;
	if ((seg.hdr.flags & TCP_F_ACK) && seq_gt(seg.hdr.ack, f->una) &&
	    seq_leq(seg.hdr.ack, f->got))
		f->una = seg.hdr.ack;
	return true;
}

bool peer_make_ack(struct peer *p, uint32_t i)
{
	struct peer_flow *f = &p->flows[i % PEER_FLOWS];
	struct tcp_seg_plan seg;

	if (!f->is_used || f->una == f->got)
		return false;
	tcp_plan_start(p, f, &seg);
	f->una = f->got;
	frame_tcp(p, f, &seg);
	return true;
}

/* A new connection: where from and to which port, options. */
bool peer_make_syn(struct peer *p, struct rd *r)
{
	static const uint16_t ports[] = {80, 7, 81, 8080};
	uint8_t what = rd_u8(r), from = rd_u8(r);
	struct peer_flow *f = flow_new(p, what & 1);
	struct tcp_seg_plan seg;

	f->stack = stack_of_port(f->port);
	f->remote = remote_of(f->port);
	f->stack_port = ports[what >> 1 & 3];
	f->remote_port = (uint16_t)(40000 + from % 32);
	tcp_plan_start(p, f, &seg);
	seg.hdr.flags = TCP_F_SYN;
	seg.hdr.ack = 0;
	seg.opts = (struct tcp_opts){.has_mss = true,
				     .mss = 1460,
				     .sack_ok = !(what & 8),
				     .has_wscale = !(what & 16),
				     .wscale = 7,
				     .has_ts = !(what & 32),
				     .ts_val = p->now_ms};
	if (what & 64)
		seg.hdr.seq = f->nxt = rd_be32(r);
	if (what & 128)
		rd_tcp_extras(r, f, &seg);
	frame_tcp(p, f, &seg);
	f->nxt++;
	return true;
}

/*
 * The rest.
 */

/* Source and destination: the usual ones of an interface, or two addresses of the input. */
static uint8_t rd_ends(struct rd *r, struct ip4_addr *src, struct ip4_addr *dst, uint8_t *odd)
{
	uint8_t what = rd_u8(r), port = what & 1;

	*src = remote_of(port);
	*dst = stack_of_port(port);
	if (what & 2)
		*src = rd_addr(r);
	if (what & 4)
		*dst = rd_addr(r);
	*odd = what & 8 ? rd_u8(r) : 0;
	return port;
}

bool peer_make_udp(struct peer *p, struct rd *r)
{
	static const uint16_t ports[] = {53, 1000, 54, 7, 9999};
	struct ip4_addr src, dst;
	uint8_t odd, port = rd_ends(r, &src, &dst, &odd), ends = rd_u8(r);
	uint32_t len = rd_len(r);
	struct udp_hdr hdr = {.src_port = ports[(ends & 15) % ARRAY_SIZE(ports)],
			      .dst_port = ports[(ends >> 4) % ARRAY_SIZE(ports)],
			      .len = (uint16_t)(UDP_HDR_LEN + len)};
	const struct peer_sent *s = &p->sent[(p->n_sent - 1) % PEER_SENT];

	/* The port that the stack sent from last. */
	if (ends >> 4 == 15 && p->n_sent && s->bytes[9] == IP_PROTO_UDP)
		hdr.dst_port = load_be16(s->bytes + IP4_HDR_LEN);
	frame_start(p, port, IP4_HDR_LEN + UDP_HDR_LEN + len);
	udp_hdr_write(p->frame + L4, &hdr);
	memset(p->frame + L4 + UDP_HDR_LEN, ends, len);
	if ((ends & 15) != 15)
		frame_l4_csum(p, IP_PROTO_UDP, &src, &dst, 6, odd);
	if ((ends & 15) == 14)
		store_be16(p->frame + L4 + 4, (uint16_t)(hdr.len + ends));
	frame_ip(p, IP_PROTO_UDP, src, dst, odd);
	return true;
}

bool peer_make_icmp(struct peer *p, struct rd *r)
{
	struct ip4_addr src, dst;
	uint8_t odd, port = rd_ends(r, &src, &dst, &odd);
	uint8_t type = rd_u8(r), code = rd_u8(r);
	uint32_t len = rd_len(r);
	uint8_t *l4 = p->frame + L4;

	frame_start(p, port, IP4_HDR_LEN + ICMP4_HDR_LEN + len);
	l4[0] = type % 20;
	l4[1] = code;
	store_be16(l4 + 4, (uint16_t)(type >> 4));
	store_be16(l4 + 6, code);
	memset(l4 + ICMP4_HDR_LEN, type, len);
	frame_l4_csum(p, IP_PROTO_ICMP, &src, &dst, 2, odd);
	frame_ip(p, IP_PROTO_ICMP, src, dst, odd);
	return true;
}

static const struct peer_sent *rd_sent(const struct peer *p, struct rd *r)
{
	uint32_t back = rd_u8(r) % PEER_SENT;

	return p->n_sent > back ? &p->sent[(p->n_sent - 1 - back) % PEER_SENT] : NULL;
}

bool peer_make_icmp_error(struct peer *p, struct rd *r)
{
	static const uint8_t types[] = {ICMP4_UNREACH,       ICMP4_UNREACH,
					ICMP4_TIME_EXCEEDED, ICMP4_PARAM_PROBLEM,
					ICMP4_SOURCE_QUENCH, ICMP4_REDIRECT};
	const struct peer_sent *s = rd_sent(p, r);
	uint8_t what = rd_u8(r), code = rd_u8(r), odd = what & 0x80 ? rd_u8(r) : 0;
	uint16_t mtu = rd_be16(r), n;
	struct ip4_addr dst;
	uint8_t *l4 = p->frame + L4;

	if (!s)
		return false;
	n = what & 0x40 ? (uint16_t)(code % (s->len + 1u)) : s->len;
	memcpy(&dst, s->bytes + 12, sizeof(dst));
	frame_start(p, s->port, (size_t)IP4_HDR_LEN + ICMP4_HDR_LEN + n);
	l4[0] = types[(what & 0x3f) % ARRAY_SIZE(types)];
	l4[1] = code & 31;
	store_be16(l4 + 4, 0);
	store_be16(l4 + 6, mtu);
	memcpy(l4 + ICMP4_HDR_LEN, s->bytes, n);
	frame_l4_csum(p, IP_PROTO_ICMP, &dst, &dst, 2, odd);
	frame_ip(p, IP_PROTO_ICMP, remote_of(s->port), dst, odd);
	return true;
}

bool peer_make_arp(struct peer *p, struct rd *r)
{
	uint8_t what = rd_u8(r), port = what & 1;
	struct arp arp = {
		.op = what >> 1 & 3,
		.sha = ETH_ADDR(2, 0, 0, 0, 1, (uint8_t)(what >> 6)),
		.spa = rd_addr(r),
		.tha = p->macs[port],
		.tpa = rd_addr(r),
	};
	struct wr w;

	frame_start(p, port, ARP_LEN);
	store_be16(p->frame + 12, ETHERTYPE_ARP);
	if (what & 8)
		memset(p->frame, 0xff, 6);
	w = wr_make(p->frame + ETH_HDR_LEN, ARP_LEN);
	arp_write(&w, &arp);
	return true;
}

bool peer_make_mirror(struct peer *p, struct rd *r)
{
	const struct peer_sent *s = rd_sent(p, r);
	struct ip4_addr src, dst;
	uint16_t port;

	if (!s || load_be16(s->bytes + 2) != s->len || (s->bytes[0] & 15) != 5 || s->len < 28)
		return false;
	frame_start(p, s->port, s->len);
	memcpy(p->frame + L3, s->bytes, s->len);
	memcpy(&dst, s->bytes + 12, sizeof(dst));
	memcpy(&src, s->bytes + 16, sizeof(src));
	/* Swapping words leaves the checksums as they are. */
	memcpy(p->frame + L3 + 12, &src, sizeof(src));
	memcpy(p->frame + L3 + 16, &dst, sizeof(dst));
	if (s->bytes[9] != IP_PROTO_ICMP) {
		port = load_be16(p->frame + L4);
		store_be16(p->frame + L4, load_be16(p->frame + L4 + 2));
		store_be16(p->frame + L4 + 2, port);
	} else if (p->frame[L4] == ICMP4_ECHO) {
		p->frame[L4] = ICMP4_ECHO_REPLY;
		frame_l4_csum(p, IP_PROTO_ICMP, &src, &dst, 2, 0);
	}
	return true;
}

bool peer_make_raw(struct peer *p, struct rd *r)
{
	uint8_t what = rd_u8(r), n = rd_u8(r);
	size_t len = n < rd_left(r) ? n : rd_left(r);

	frame_start(p, what & 1, 0);
	if (what & 2)
		p->len = 0;
	rd_copy(r, p->frame + p->len, len);
	p->len += len;
	if ((what & 4) && p->len >= L4 && (p->frame[L3] & 15) >= 5 &&
	    L3 + (size_t)(p->frame[L3] & 15) * 4 <= p->len) {
		store_be16(p->frame + L3 + 2, (uint16_t)(p->len - L3));
		ip4_hdr_csum_set(p->frame + L3, (size_t)(p->frame[L3] & 15) * 4);
	}
	return true;
}
