/* SPDX-License-Identifier: MIT */
/* What the stack sent, and the IP headers of what it will get; see peer.h. */
#include "peer.h"

#include <string.h>

#include "base/csum.h"
#include "peer_priv.h"
#include "wire/ip6_ext.h"
#include "wire/pseudo.h"
#include "wire/seq.h"

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

/* Of a packet that the stack sent: its ends and what it carries. */
struct peer_ip {
	struct ip_addr src, dst;
	uint8_t proto; /* IPv6: of the first header */
	bool is_frag;
	const uint8_t *l4;
	size_t l4_len;
};

static bool learn_ip4(const uint8_t *p, size_t len, struct peer_ip *ret)
{
	struct ip4_hdr ip;

	if (len < IP4_HDR_LEN)
		return false;
	ip4_hdr_read(p, &ip);
	if (ip4_hdr_check(&ip, len) != IP4_HDR_OK)
		return false;
	*ret = (struct peer_ip){.src = ip_addr_from_ip4(&ip.src),
				.dst = ip_addr_from_ip4(&ip.dst),
				.proto = ip.proto,
				.is_frag = ip4_hdr_is_frag(&ip),
				.l4 = p + ip.hdr_len,
				.l4_len = ip.tot_len - (size_t)ip.hdr_len};
	return true;
}

/* Groups are left out: reports of membership and solicitations would hide what else was said. */
static bool learn_ip6(const uint8_t *p, size_t len, struct peer_ip *ret)
{
	struct ip6_hdr ip;

	if (len < IP6_HDR_LEN)
		return false;
	ip6_hdr_read(p, &ip);
	if (ip6_hdr_check(&ip, len) != IP6_HDR_OK || ip6_addr_is_multicast(&ip.dst))
		return false;
	*ret = (struct peer_ip){.src = ip_addr_from_ip6(&ip.src),
				.dst = ip_addr_from_ip6(&ip.dst),
				.proto = ip.next_hdr,
				.l4 = p + IP6_HDR_LEN,
				.l4_len = ip.payload_len};
	return true;
}

static struct peer_flow *flow_find(struct peer *p, const struct peer_ip *ip,
				   const struct tcp_hdr *tcp)
{
	for (uint32_t i = 0; i < PEER_FLOWS; i++) {
		struct peer_flow *f = &p->flows[i];

		if (f->is_used && f->stack_port == tcp->src_port &&
		    f->remote_port == tcp->dst_port && ip_addr_eq(&f->stack, &ip->src) &&
		    ip_addr_eq(&f->remote, &ip->dst))
			return f;
	}
	return NULL;
}

struct peer_flow *peer_flow_new(struct peer *p, uint8_t port)
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

static void learn_cookie(struct peer *p, const struct tcp_opts *opts)
{
	if (!opts->has_tfo || opts->tfo_len == 0 || opts->tfo_len > sizeof(p->cookie))
		return;
	memcpy(p->cookie, opts->tfo, opts->tfo_len);
	p->cookie_len = opts->tfo_len;
}

static void learn_tcp(struct peer *p, uint8_t port, const struct peer_ip *ip)
{
	struct tcp_opts opts;
	struct tcp_hdr tcp;
	struct peer_flow *f;

	if (ip->l4_len < TCP_HDR_LEN)
		return;
	tcp_hdr_read(ip->l4, &tcp);
	if (!tcp_hdr_len_ok(&tcp, ip->l4_len) || (tcp.flags & TCP_F_RST) ||
	    tcp_opts_parse(ip->l4 + TCP_HDR_LEN, (size_t)(tcp.data_off - TCP_HDR_LEN), &opts) < 0)
		return;
	f = flow_find(p, ip, &tcp);
	if (!f && !(tcp.flags & TCP_F_SYN))
		return;
	if (!f) {
		f = peer_flow_new(p, port);
		f->stack = ip->src;
		f->remote = ip->dst;
		f->stack_port = tcp.src_port;
		f->remote_port = tcp.dst_port;
	}
	learn_cookie(p, &opts);
	flow_learn(f, &tcp, &opts, (uint32_t)ip->l4_len - tcp.data_off);
}

void peer_learn(struct peer *p, uint8_t port, const uint8_t *frame, size_t len)
{
	struct peer_sent *s = &p->sent[p->n_sent % PEER_SENT];
	uint16_t type = len < L3 ? 0 : load_be16(frame + 12);
	struct peer_ip ip;

	if (!(type == ETHERTYPE_IPV4 && learn_ip4(frame + L3, len - L3, &ip)) &&
	    !(type == ETHERTYPE_IPV6 && learn_ip6(frame + L3, len - L3, &ip)))
		return;
	p->n_sent++;
	s->port = port;
	s->len = (uint16_t)(len - L3 < PEER_QUOTE_MAX ? len - L3 : PEER_QUOTE_MAX);
	memcpy(s->bytes, frame + L3, s->len);
	if (ip.proto == IP_PROTO_TCP && !ip.is_frag)
		learn_tcp(p, port, &ip);
}

/*
 * Addresses.
 */

static struct ip_addr ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	struct ip4_addr addr = IP4_ADDR(a, b, c, d);

	return ip_addr_from_ip4(&addr);
}

struct ip_addr peer_remote(uint8_t port, bool is_ip6)
{
	return is_ip6 ? (struct ip_addr){{[0] = 0xfd, [7] = port, [15] = 2}} : ip4(10, 0, port, 2);
}

struct ip_addr peer_stack(uint8_t port, bool is_ip6)
{
	return is_ip6 ? (struct ip_addr){{[0] = 0xfd, [7] = port, [15] = 1}} : ip4(10, 0, port, 1);
}

static struct ip_addr rd_addr4(struct rd *r)
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
	return ip_addr_from_ip4(&a);
}

static struct ip_addr rd_addr6(struct rd *r)
{
	static const struct ip_addr known[] = {
		{{[0] = 0xfd, [15] = 2}},                                      /* fd00::2 */
		{{[0] = 0xfd, [7] = 1, [15] = 2}},                             /* fd00:0:0:1::2 */
		{{[0] = 0xfd, [15] = 1}},                                      /* the stack's */
		{{[0] = 0xfd, [7] = 1, [15] = 1}},                             /* the stack's */
		{{[0] = 0xff, [1] = 2, [15] = 1}},                             /* all nodes */
		{{[0] = 0xff, [1] = 2, [15] = 2}},                             /* all routers */
		{{[15] = 1}},                                                  /* loopback */
		{{0}},                                                         /* unspecified */
		{{[0] = 0xfe, [1] = 0x80, [15] = 2}},                          /* the peer's */
		{{[0] = 0xfe, [1] = 0x80, [8] = 0, [11] = 0xff, [12] = 0xfe}}, /* eth0's */
		{{[0] = 0xff, [1] = 2, [11] = 1, [12] = 0xff, [15] = 1}},      /* solicits eth0 */
		{{[0] = 0xff, [1] = 0x15, [14] = 1, [15] = 5}},                /* a group */
		{{[0] = 0xff, [1] = 2, [15] = 0x16}},                          /* MLDv2 */
		{{[0] = 0xfd, [7] = 9, [15] = 1}},                             /* no route */
		{{[0] = 0xfd, [15] = 99}},                                     /* no neighbour */
		{{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}},             /* mapped */
	};
	uint8_t i = rd_u8(r);
	struct ip_addr a;

	if (i < ARRAY_SIZE(known))
		return known[i];
	rd_copy(r, &a, sizeof(a));
	return a;
}

struct ip_addr rd_addr(struct rd *r, bool is_ip6)
{
	return is_ip6 ? rd_addr6(r) : rd_addr4(r);
}

uint32_t rd_len(struct rd *r)
{
	uint32_t n = rd_u8(r);

	if (n <= 200)
		return n;
	return n == 255 ? 1460 : (n - 200) * 26;
}

/*
 * IP headers.
 */

void peer_frame_start(struct peer *p, uint8_t port, bool is_ip6, size_t len)
{
	struct eth_hdr eth = {.dst = p->macs[port],
			      .src = ETH_ADDR(2, 0, 0, 0, 1, port),
			      .type = is_ip6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4};

	p->port = port;
	p->gso_size = 0;
	p->is_ip6 = is_ip6;
	p->is_csum_partial = false;
	p->l4 = is_ip6 ? L3 + IP6_HDR_LEN : L3 + IP4_HDR_LEN;
	p->len = p->l4 + len;
	eth_hdr_write(p->frame, &eth);
}

static void frame_ip4(struct peer *p, uint8_t proto, const struct ip_addr *src,
		      const struct ip_addr *dst, uint8_t odd)
{
	struct ip4_hdr ip = {
		.src = ip_addr_to_ip4(src),
		.dst = ip_addr_to_ip4(dst),
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
}

/* Room for `n` bytes between the IP header and what it carries. */
static uint8_t *frame_make_room(struct peer *p, size_t n)
{
	uint8_t *l4 = peer_l4(p);

	memmove(l4 + n, l4, p->len - p->l4);
	p->l4 = (uint16_t)(p->l4 + n);
	p->len += n;
	return l4;
}

static void frag_hdr_write(uint8_t *p, uint8_t next_hdr, uint16_t off, bool more, uint32_t id)
{
	p[0] = next_hdr;
	p[1] = 0;
	store_be16(p + 2, (uint16_t)((off & 0xfff8) | more));
	store_be32(p + 4, id);
}

static void frame_ip6(struct peer *p, uint8_t proto, const struct ip_addr *src,
		      const struct ip_addr *dst, uint8_t odd)
{
	struct ip6_hdr ip = {.src = ip_addr_to_ip6(src),
			     .dst = ip_addr_to_ip6(dst),
			     .tclass = odd & IP_CE ? 3 : 0,
			     .next_hdr = proto,
			     /* Of neighbour discovery it must be 255. */
			     .hop_limit = odd & IP_TTL_1 ? 1 : 255};

	if (odd & (IP_MF | IP_OFFSET)) {
		frag_hdr_write(frame_make_room(p, IP6_FRAG_LEN), proto, odd & IP_OFFSET ? 64 : 0,
			       odd & IP_MF, 1);
		ip.next_hdr = IP_PROTO_FRAGMENT;
	}
	ip.payload_len = (uint16_t)(p->len - L3 - IP6_HDR_LEN);
	ip6_hdr_write(p->frame + L3, &ip);
	if (odd & IP_BAD_CSUM)
		p->frame[L3] ^= 0x10;
	if (ip6_addr_is_multicast(&ip.dst)) {
		p->frame[0] = p->frame[1] = 0x33;
		memcpy(p->frame + 2, ip.dst.b + 12, 4);
	}
}

void peer_frame_ip(struct peer *p, uint8_t proto, const struct ip_addr *src,
		   const struct ip_addr *dst, uint8_t odd)
{
	if (p->is_ip6)
		frame_ip6(p, proto, src, dst, odd);
	else
		frame_ip4(p, proto, src, dst, odd);
	if (odd & IP_BROADCAST)
		memset(p->frame, 0xff, 6);
	if ((odd & IP_CUT) && p->len > p->l4)
		p->len -= 1 + (p->len - p->l4) / 2;
}

static uint64_t frame_pseudo(const struct peer *p, uint8_t proto, const struct ip_addr *src,
			     const struct ip_addr *dst, uint32_t len)
{
	struct ip6_addr src6 = ip_addr_to_ip6(src), dst6 = ip_addr_to_ip6(dst);
	struct ip4_addr src4, dst4;

	if (p->is_ip6)
		return pseudo6_sum(&src6, &dst6, proto, len);
	if (proto == IP_PROTO_ICMP || proto == IP_PROTO_IGMP)
		return 0;
	src4 = ip_addr_to_ip4(src);
	dst4 = ip_addr_to_ip4(dst);
	return pseudo4_sum(&src4, &dst4, proto, (uint16_t)len);
}

void peer_frame_csum(struct peer *p, uint8_t proto, const struct ip_addr *src,
		     const struct ip_addr *dst, size_t off, uint8_t odd)
{
	uint8_t *l4 = peer_l4(p);
	uint16_t len = (uint16_t)(p->len - p->l4), csum;
	uint64_t sum = frame_pseudo(p, proto, src, dst, len);

	store_be16(l4 + off, 0);
	if (p->is_csum_partial) {
		store_be16(l4 + off, csum_fold(sum));
		return;
	}
	csum = csum_finish(csum_add(p->cpu, l4, len, sum));
	store_be16(l4 + off, odd & IP_BAD_L4_CSUM ? csum ^ 0x1234 : csum);
}

/*
 * Options, extension headers, fragments.
 */

static void wrap_ip4(struct peer *p, struct rd *r, uint8_t what)
{
	size_t n = (what & 3u) * 4 + 4, hdr_len;
	uint8_t *opts = frame_make_room(p, n);

	rd_copy(r, opts, n);
	hdr_len = p->l4 - (size_t)L3;
	p->frame[L3] = (uint8_t)(0x40 | hdr_len / 4);
	store_be16(p->frame + L3 + 2, (uint16_t)(p->len - L3));
	ip4_hdr_csum_set(p->frame + L3, hdr_len);
}

static void wrap_ip6(struct peer *p, struct rd *r, uint8_t what)
{
	static const uint8_t types[] = {
		IP_PROTO_HOPOPTS, IP_PROTO_DSTOPTS, IP_PROTO_ROUTING, IP_PROTO_FRAGMENT,
		IP_PROTO_AH,      IP_PROTO_NONE,    IP_PROTO_ESP,     77};
	size_t n = ((what >> 3 & 1) + 1u) * IP6_EXT_LEN_MIN;
	/* The first header of the chain is the one that this one takes the place of. */
	uint8_t *next = p->frame + L3 + 6, *ext;

	p->l4 = L3 + IP6_HDR_LEN;
	ext = frame_make_room(p, n);
	rd_copy(r, ext, n);
	ext[0] = *next;
	if (!(what & 0x80))
		ext[1] = (uint8_t)(n / IP6_EXT_LEN_MIN - 1);
	*next = types[what & 7];
	store_be16(p->frame + L3 + 4, (uint16_t)(p->len - L3 - IP6_HDR_LEN));
}

void peer_wrap(struct peer *p, struct rd *r)
{
	uint8_t what = rd_u8(r);

	if (p->is_csum_partial || p->len < p->l4 || p->len > PEER_TCP_MAX)
		return;
	if (p->is_ip6)
		wrap_ip6(p, r, what);
	else if (p->l4 == L3 + IP4_HDR_LEN && load_be16(p->frame + 12) == ETHERTYPE_IPV4)
		wrap_ip4(p, r, what);
	if ((what & 0x40) && rd_left(r) > 0)
		peer_wrap(p, r);
}

/* IPv6: all behind the fixed header is the fragmentable part. */
static size_t whole_off(const struct peer *p)
{
	return p->is_ip6 ? L3 + IP6_HDR_LEN : p->l4;
}

uint32_t peer_split(struct peer *p, uint32_t n)
{
	size_t off = whole_off(p), len = p->len - off;
	uint32_t n_max;

	if (p->is_csum_partial || p->len <= off || load_be16(p->frame + 12) == ETHERTYPE_ARP)
		return 0;
	memcpy(p->whole, p->frame, p->len);
	p->whole_len = p->len;
	n_max = (uint32_t)((len + 7) / 8);
	return n < n_max ? n : n_max;
}

void peer_piece(struct peer *p, uint32_t i, uint32_t n, uint32_t early)
{
	size_t off = whole_off(p), len = p->whole_len - off;
	size_t step = (len / n + 7) / 8 * 8, start = i * step, end = start + step;
	uint8_t next = p->whole[L3 + 6];
	bool more = i + 1 < n && end < len;

	start = start < len ? start : len - 1 - (len - 1) % 8;
	start = start > early * 8u ? start - early * 8u : 0;
	end = more ? end : len;
	p->l4 = (uint16_t)off;
	p->len = off + (end - start);
	memcpy(p->frame, p->whole, off);
	memcpy(p->frame + off, p->whole + off + start, end - start);
	if (!p->is_ip6) {
		store_be16(p->frame + L3 + 2, (uint16_t)(p->len - L3));
		store_be16(p->frame + L3 + 6, (uint16_t)(start / 8 | (more ? 0x2000 : 0)));
		ip4_hdr_csum_set(p->frame + L3, off - L3);
		return;
	}
	frag_hdr_write(frame_make_room(p, IP6_FRAG_LEN), next, (uint16_t)start, more, 7);
	p->frame[L3 + 6] = IP_PROTO_FRAGMENT;
	store_be16(p->frame + L3 + 4, (uint16_t)(p->len - L3 - IP6_HDR_LEN));
	p->l4 = (uint16_t)off;
}
