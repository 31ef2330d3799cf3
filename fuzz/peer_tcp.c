/* SPDX-License-Identifier: MIT */
/* The peer's TCP segments; see peer.h. */
#include <string.h>

#include "base/csum.h"
#include "peer_priv.h"
#include "wire/seq.h"

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
	uint8_t *l4;

	seg->hdr.src_port = f->remote_port;
	seg->hdr.dst_port = f->stack_port;
	seg->hdr.data_off = (uint8_t)hdr_len;
	if (seg->len > PEER_TCP_MAX)
		seg->len = PEER_TCP_MAX;
	peer_frame_start(p, f->port, !ip_addr_is_ip4(&f->stack), hdr_len + seg->len);
	l4 = peer_l4(p);
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
	peer_frame_csum(p, IP_PROTO_TCP, &f->remote, &f->stack, 16, seg->odd);
	peer_frame_ip(p, IP_PROTO_TCP, &f->remote, &f->stack, seg->odd);
}

static void tcp_plan_start(const struct peer *p, const struct peer_flow *f,
			   struct tcp_seg_plan *seg)
{
	*seg = (struct tcp_seg_plan){
		.hdr = {.seq = f->nxt, .ack = f->got, .wnd = 65535, .flags = TCP_F_ACK},
		.opts = {.has_ts = f->has_ts, .ts_val = p->now_ms, .ts_ecr = f->ts_recent},
	};
}

/* The urgent mark: within the segment, at its end, or in one to come. */
static uint16_t tcp_urg_of(uint16_t flags, uint32_t len)
{
	if (!(flags & TCP_F_URG))
		return 0;
	if (flags & TCP_F_CWR)
		return (uint16_t)(len + 10);
	return (uint16_t)(flags & TCP_F_PSH ? (len + 1) / 2 : len);
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
	seg.hdr.urg = tcp_urg_of(seg.hdr.flags, seg.len);
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

/* What else a SYN's second byte says. */
enum {
	SYN_PORT = 31, /* the source port's offset */
	SYN_IP6 = 1 << 5,
	SYN_TFO = 1 << 6,    /* asks for a cookie of fast open */
	SYN_COOKIE = 1 << 7, /* has the one that was given out last, and data */
};

/* A new connection: where from and to which port, options. */
bool peer_make_syn(struct peer *p, struct rd *r)
{
	static const uint16_t ports[] = {80, 7, 81, 8080};
	uint8_t what = rd_u8(r), from = rd_u8(r);
	struct peer_flow *f = peer_flow_new(p, what & 1);
	struct tcp_seg_plan seg;

	f->stack = peer_stack(f->port, from & SYN_IP6);
	f->remote = peer_remote(f->port, from & SYN_IP6);
	f->stack_port = ports[what >> 1 & 3];
	f->remote_port = (uint16_t)(40000 + (from & SYN_PORT));
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
	if (from & (SYN_TFO | SYN_COOKIE)) {
		seg.opts.has_tfo = true;
		seg.opts.tfo = p->cookie;
		seg.opts.tfo_len = from & SYN_COOKIE ? p->cookie_len : 0;
		seg.opts.tfo_exp = from & SYN_TFO && from & SYN_COOKIE;
	}
	if (from & SYN_COOKIE)
		seg.len = rd_len(r);
	if (what & 64)
		seg.hdr.seq = f->nxt = rd_be32(r);
	if (what & 128)
		rd_tcp_extras(r, f, &seg);
	frame_tcp(p, f, &seg);
	f->nxt++;
	return true;
}
