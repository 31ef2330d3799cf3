/* SPDX-License-Identifier: MIT */
/* The packet printer: UDP and TCP, and the connections whose first sequence numbers it knows. */
#include "lab/pktprint_priv.h"

#include <ctype.h>
#include <stdlib.h>

enum {
	UDP_HDR = 8,
	TCP_HDR = 20,
	PORT_DNS = 53,
	PORT_MDNS = 5353,
	FLOWS_MAX = 512,
	FLOW_WAYS = 8, /* places where a connection may be */
};

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
};

static void pp_ends(struct pp *p, const struct pp_ip *ip, uint16_t sport, uint16_t dport)
{
	pp_addr(p, ip->src, ip->addr_len);
	pp_put(p, ".");
	pp_port(p, ip->proto, sport);
	pp_put(p, " > ");
	pp_addr(p, ip->dst, ip->addr_len);
	pp_put(p, ".");
	pp_port(p, ip->proto, dport);
	pp_put(p, ": ");
}

/* The header is not all there: what can be said about who talks to whom. */
static void pp_l4_cut(struct pp *p, const struct pp_ip *ip, struct rd r, const char *name)
{
	uint16_t sport = rd_be16(&r), dport = rd_be16(&r);

	if (rd_ok(&r)) {
		pp_ends(p, ip, sport, dport);
	} else {
		pp_addr(p, ip->src, ip->addr_len);
		pp_put(p, " > ");
		pp_addr(p, ip->dst, ip->addr_len);
		pp_put(p, ": ");
	}
	pp_put(p, " [|%s]", name);
}

/* UDP */

static void pp_udp_csum(struct pp *p, const uint8_t *h, size_t len, const struct pp_ip *ip)
{
	uint16_t csum = load_be16(h + 6), left;

	if (csum == 0) {
		if (ip->addr_len == PP_IP4_LEN)
			pp_put(p, "[no cksum] ");
		return;
	}
	left = pp_csum_l4(ip, h, len);
	if (left)
		pp_put(p, "[bad udp cksum 0x%04x -> 0x%04x!] ", csum,
		       pp_csum_fold((uint32_t)(uint16_t)~csum + (uint16_t)~left));
	else
		pp_put(p, "[udp sum ok] ");
}

void pp_udp(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip)
{
	struct rd all = r;
	const uint8_t *h = rd_bytes(&r, UDP_HDR);
	uint16_t sport, dport, len;
	bool is_dns;

	if (!h) {
		pp_l4_cut(p, ip, all, "udp");
		return;
	}
	sport = load_be16(h);
	dport = load_be16(h + 2);
	len = load_be16(h + 4);
	pp_ends(p, ip, sport, dport);
	if (wire_len < UDP_HDR) {
		pp_put(p, "truncated-udp %zu", wire_len);
		return;
	}
	if (len < UDP_HDR) {
		pp_put(p, "truncated-udplength %u", len);
		return;
	}
	if (p->opts->is_quiet) {
		pp_put(p, "UDP, length %zu",
		       wire_len - UDP_HDR < len - (size_t)UDP_HDR ? wire_len - UDP_HDR
								  : len - (size_t)UDP_HDR);
		return;
	}
	if (rd_left(&r) > len - (size_t)UDP_HDR)
		r.end = r.p + (len - UDP_HDR);
	if (p->opts->verbose > (ip->addr_len == PP_IP4_LEN) && !ip->is_cut && rd_left(&all) >= len)
		pp_udp_csum(p, all.p, len, ip);
	is_dns = sport == PORT_DNS || dport == PORT_DNS || sport == PORT_MDNS || dport == PORT_MDNS;
	if (is_dns && !ip->is_quoted)
		pp_dns(p, r, len - (size_t)UDP_HDR);
	else if (len > wire_len && !ip->is_quoted)
		pp_put(p, "UDP, bad length %u > %zu", len - UDP_HDR, wire_len - UDP_HDR);
	else
		pp_put(p, "UDP, length %u", len - UDP_HDR);
}

/* Connections: each has one entry, the end with the smaller port (then address) first. */

struct flow {
	uint8_t a[PP_IP6_LEN], b[PP_IP6_LEN];
	uint16_t a_port, b_port;
	bool is_used;
	uint32_t a_seq, b_seq; /* what is taken off the numbers that each end sends */
};

struct pkt_flows {
	struct flow flows[FLOWS_MAX];
	uint32_t next; /* way to be given up next */
};

struct pkt_flows *pkt_flows_new(void)
{
	return calloc(1, sizeof(struct pkt_flows));
}

void pkt_flows_free(struct pkt_flows *flows)
{
	free(flows);
}

static uint32_t flow_hash(const struct flow *f)
{
	uint32_t h = 2166136261u;
	const uint8_t *b = (const uint8_t *)f;

	for (size_t i = 0; i < offsetof(struct flow, is_used); i++)
		h = (h ^ b[i]) * 16777619u;
	return h;
}

static bool flow_same(const struct flow *x, const struct flow *y)
{
	return x->is_used && memcmp(x, y, offsetof(struct flow, is_used)) == 0;
}

/* The entry of a connection; *ret_new: it was not there. */
static struct flow *flow_get(struct pkt_flows *flows, const struct flow *key, bool *ret_new)
{
	struct flow *set = &flows->flows[flow_hash(key) % (FLOWS_MAX / FLOW_WAYS) * FLOW_WAYS];
	struct flow *f;

	*ret_new = false;
	for (size_t i = 0; i < FLOW_WAYS; i++)
		if (flow_same(&set[i], key))
			return &set[i];
	*ret_new = true;
	f = &set[flows->next++ % FLOW_WAYS];
	for (size_t i = 0; i < FLOW_WAYS; i++)
		if (!set[i].is_used)
			f = &set[i];
	*f = *key;
	f->is_used = true;
	return f;
}

struct pp_rel pp_flow_rel(struct pkt_flows *flows, const struct pp_ip *ip, uint16_t sport,
			  uint16_t dport, uint32_t seq, uint32_t ack, bool is_syn)
{
	bool is_a =
		sport < dport || (sport == dport && memcmp(ip->src, ip->dst, ip->addr_len) <= 0);
	struct flow key = {.a_port = is_a ? sport : dport, .b_port = is_a ? dport : sport};
	struct flow *f;
	bool is_new;

	memcpy(key.a, is_a ? ip->src : ip->dst, ip->addr_len);
	memcpy(key.b, is_a ? ip->dst : ip->src, ip->addr_len);
	f = flow_get(flows, &key, &is_new);
	if (is_new || is_syn) {
		f->a_seq = is_a ? seq : ack - 1;
		f->b_seq = is_a ? ack - 1 : seq;
		return (struct pp_rel){0, 0};
	}
	return is_a ? (struct pp_rel){f->a_seq, f->b_seq} : (struct pp_rel){f->b_seq, f->a_seq};
}

/* TCP */

static void pp_tcp_flags(struct pp *p, uint16_t flags)
{
	static const char letters[] = "FSRP.UEW";

	pp_put(p, "Flags [");
	if (!(flags & 0xff))
		pp_put(p, "none");
	for (size_t i = 0; i < sizeof(letters) - 1; i++)
		if (flags >> i & 1)
			pp_put(p, "%c", letters[i]);
	pp_put(p, "]");
}

static void pp_tcp_hexes(struct pp *p, struct rd *r)
{
	while (rd_left(r))
		pp_put(p, "%02x", rd_u8(r));
}

static void pp_tcp_sack(struct pp *p, struct rd *r, const struct pp_rel *rel)
{
	pp_put(p, "sack %zu ", rd_left(r) / 8);
	while (rd_left(r) >= 8) {
		uint32_t from = rd_be32(r), to = rd_be32(r);

		pp_put(p, "{%u:%u}", from - rel->ack, to - rel->ack);
	}
}

static void pp_tcp_tfo(struct pp *p, struct rd *r, const char *name)
{
	pp_put(p, "%s ", name);
	if (!rd_left(r)) {
		pp_put(p, "cookiereq");
		return;
	}
	pp_put(p, " cookie ");
	pp_tcp_hexes(p, r);
}

/* True when an option of this kind has one length only, which this is not. */
static bool tcp_opt_is_bad(uint8_t kind, uint8_t len)
{
	switch (kind) {
	case 2:
		return len != 4;
	case 3:
		return len != 3;
	case 4:
		return len != 2;
	case 5:
		return len < 10 || (len - 2) % 8;
	case 8:
		return len != 10;
	default:
		return false;
	}
}

/* One option after its kind and length; `r` holds the rest of it. */
static void pp_tcp_opt(struct pp *p, uint8_t kind, struct rd r, const struct pp_rel *rel)
{
	switch (kind) {
	case 2:
		pp_put(p, "mss %u", rd_be16(&r));
		break;
	case 3:
		pp_put(p, "wscale %u", rd_u8(&r));
		break;
	case 4:
		pp_put(p, "sackOK");
		break;
	case 5:
		pp_tcp_sack(p, &r, rel);
		break;
	case 8: {
		uint32_t val = rd_be32(&r), ecr = rd_be32(&r);

		pp_put(p, "TS val %u ecr %u", val, ecr);
		break;
	}
	case 19:
		pp_put(p, "md5 ");
		pp_tcp_hexes(p, &r);
		break;
	case 34:
		pp_tcp_tfo(p, &r, "tfo");
		break;
	case 30:
		pp_put(p, "mptcp %zu ", rd_left(&r) + 2);
		pp_tcp_hexes(p, &r);
		break;
	default:
		if (kind == 254 && rd_left(&r) >= 2 && load_be16(r.p) == 0xf989) {
			rd_skip(&r, 2);
			pp_tcp_tfo(p, &r, "exp-tfo");
			break;
		}
		pp_put(p, "unknown-%u", kind);
		if (rd_left(&r)) {
			pp_put(p, " 0x");
			pp_tcp_hexes(p, &r);
		}
	}
}

static void pp_tcp_opts(struct pp *p, struct rd r, const struct pp_rel *rel)
{
	const char *sep = "";

	pp_put(p, ", options [");
	while (rd_left(&r)) {
		uint8_t kind = rd_u8(&r), len;

		pp_put(p, "%s", sep);
		sep = ",";
		if (kind < 2) {
			pp_put(p, kind ? "nop" : "eol");
			if (!kind)
				break;
			continue;
		}
		len = rd_u8(&r);
		if (!rd_ok(&r) || len < 2 || len - 2u > rd_left(&r)) {
			pp_put(p, "unknown-%u[bad opt]", kind);
			break;
		}
		if (tcp_opt_is_bad(kind, len)) {
			rd_skip(&r, len - 2u);
			pp_put(p, "unknown-%u[len %u]", kind, len);
			continue;
		}
		pp_tcp_opt(p, kind, rd_sub(&r, len - 2u), rel);
	}
	pp_put(p, "]");
}

static bool is_http(uint16_t port)
{
	return port == 80 || port == 8080 || port == 3128;
}

/* The first line of a request or answer; with -v, all lines that are text. */
static void pp_http(struct pp *p, struct rd r, size_t wire_len)
{
	static const char *const starts[] = {"GET ",     "HEAD ",    "POST ",  "PUT ",   "DELETE ",
					     "OPTIONS ", "CONNECT ", "TRACE ", "PATCH ", "HTTP/"};
	bool is_start = false;

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		is_start = is_start || (rd_left(&r) >= strlen(starts[i]) &&
					!memcmp(r.p, starts[i], strlen(starts[i])));
	pp_put(p, ": HTTP");
	if (!is_start)
		return;
	if (p->opts->verbose)
		pp_put(p, ", length: %zu", wire_len);
	pp_put(p, p->opts->verbose ? "\n\t" : ": ");
	while (rd_left(&r)) {
		uint8_t c = rd_u8(&r);

		if (c == '\r' && rd_left(&r) && *r.p == '\n')
			continue;
		if (c != '\n') {
			pp_char(p, c);
			continue;
		}
		if (!p->opts->verbose || !rd_left(&r) || !(isprint(*r.p) || *r.p == '\r'))
			return;
		if (*r.p == '\r') { /* the empty line: the header is over */
			pp_put(p, "\n\t");
			return;
		}
		pp_put(p, "\n\t");
	}
}

struct tcp_hdr {
	uint16_t sport, dport, flags, win, urg;
	uint32_t seq, ack;
	size_t hdr_len;
};

static struct tcp_hdr tcp_hdr_read(const uint8_t *h)
{
	return (struct tcp_hdr){
		.sport = load_be16(h),
		.dport = load_be16(h + 2),
		.seq = load_be32(h + 4),
		.ack = load_be32(h + 8),
		.hdr_len = (h[12] >> 4) * 4u,
		.flags = load_be16(h + 12) & 0xff,
		.win = load_be16(h + 14),
		.urg = load_be16(h + 18),
	};
}

static void pp_tcp_csum(struct pp *p, struct rd all, size_t wire_len, const struct pp_ip *ip)
{
	uint16_t csum, left;

	if (!p->opts->verbose || ip->is_cut || rd_left(&all) < wire_len)
		return;
	csum = load_be16(all.p + 16);
	left = pp_csum_l4(ip, all.p, wire_len);
	pp_put(p, ", cksum 0x%04x", csum);
	if (left)
		pp_put(p, " (incorrect -> 0x%04x)",
		       pp_csum_fold((uint32_t)(uint16_t)~csum + (uint16_t)~left));
	else
		pp_put(p, " (correct)");
}

static void pp_tcp_numbers(struct pp *p, const struct tcp_hdr *h, const struct pp_rel *rel,
			   size_t data_len)
{
	if (p->opts->verbose > 1 || data_len || h->flags & (TCP_SYN | TCP_FIN | TCP_RST)) {
		pp_put(p, ", seq %u", h->seq - rel->seq);
		if (data_len)
			pp_put(p, ":%u", h->seq - rel->seq + (uint32_t)data_len);
	}
	if (h->flags & TCP_ACK)
		pp_put(p, ", ack %u", h->ack - rel->ack);
	pp_put(p, ", win %u", h->win);
	if (h->flags & TCP_URG)
		pp_put(p, ", urg %u", h->urg);
}

/* What is taken off the numbers of this segment. */
static struct pp_rel pp_tcp_rel(struct pp *p, const struct tcp_hdr *h, const struct pp_ip *ip)
{
	if (!p->opts->flows || !(h->flags & TCP_ACK) || ip->is_quoted)
		return (struct pp_rel){0, 0};
	return pp_flow_rel(p->opts->flows, ip, h->sport, h->dport, h->seq, h->ack,
			   h->flags & TCP_SYN);
}

static void pp_tcp_body(struct pp *p, const struct tcp_hdr *h, const struct pp_rel *rel,
			struct rd all, size_t wire_len, const struct pp_ip *ip)
{
	size_t data_len = wire_len - h->hdr_len;
	struct rd r = all, opts;

	pp_tcp_csum(p, all, wire_len, ip);
	pp_tcp_numbers(p, h, rel, data_len);
	rd_skip(&r, TCP_HDR);
	opts = rd_sub(&r, h->hdr_len - TCP_HDR);
	if (!rd_ok(&r)) {
		pp_put(p, " [|tcp]");
		return;
	}
	if (rd_left(&opts))
		pp_tcp_opts(p, opts, rel);
	pp_put(p, ", length %zu", data_len);
	if (data_len && rd_left(&r) && !ip->is_quoted && (is_http(h->sport) || is_http(h->dport)))
		pp_http(p, r, data_len);
}

void pp_tcp(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip)
{
	struct rd all = r;
	const uint8_t *b = rd_bytes(&r, TCP_HDR);
	struct pp_rel rel;
	struct tcp_hdr h;

	if (!b) {
		pp_l4_cut(p, ip, all, "tcp");
		return;
	}
	h = tcp_hdr_read(b);
	pp_ends(p, ip, h.sport, h.dport);
	if (h.hdr_len < TCP_HDR) {
		pp_put(p, " tcp %zu [bad hdr length %zu - too short, < 20]",
		       wire_len - (wire_len < h.hdr_len ? wire_len : h.hdr_len), h.hdr_len);
		return;
	}
	rel = pp_tcp_rel(p, &h, ip);
	if (p->opts->is_quiet)
		pp_put(p, "tcp %zu", wire_len - (wire_len < h.hdr_len ? wire_len : h.hdr_len));
	else
		pp_tcp_flags(p, h.flags);
	if (h.hdr_len > wire_len) {
		pp_put(p, " [bad hdr length %zu - too long, > %zu]", h.hdr_len, wire_len);
		return;
	}
	if (!p->opts->is_quiet)
		pp_tcp_body(p, &h, &rel, all, wire_len, ip);
}
