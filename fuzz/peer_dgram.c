/* SPDX-License-Identifier: MIT */
/* The peer's frames other than TCP's; see peer.h. */
#include <string.h>

#include "base/csum.h"
#include "peer_priv.h"
#include "wire/arp.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/udp.h"

/* Where the transport header of something that the stack sent is, and whose it is. */
static bool sent_is_ip6(const struct peer_sent *s)
{
	return s->bytes[0] >> 4 == 6;
}

static size_t sent_l4(const struct peer_sent *s)
{
	return sent_is_ip6(s) ? IP6_HDR_LEN : IP4_HDR_LEN;
}

static uint8_t sent_proto(const struct peer_sent *s)
{
	return s->bytes[sent_is_ip6(s) ? 6 : 9];
}

static struct ip_addr sent_addr(const struct peer_sent *s, bool is_dst)
{
	struct ip6_addr a6;
	struct ip4_addr a4;

	if (sent_is_ip6(s)) {
		memcpy(&a6, s->bytes + 8 + (is_dst ? sizeof(a6) : 0), sizeof(a6));
		return ip_addr_from_ip6(&a6);
	}
	memcpy(&a4, s->bytes + 12 + (is_dst ? sizeof(a4) : 0), sizeof(a4));
	return ip_addr_from_ip4(&a4);
}

/* Where a frame comes from and goes to. */
struct ends {
	uint8_t port;
	uint8_t odd; /* IP_* */
	bool is_ip6;
	struct ip_addr src, dst;
};

/* Source and destination: the usual ones of an interface, or two addresses of the input. */
static struct ends rd_ends(struct rd *r)
{
	uint8_t what = rd_u8(r), port = what & 1;
	bool is_ip6 = what & 16;
	struct ends e = {.port = port,
			 .is_ip6 = is_ip6,
			 .src = peer_remote(port, is_ip6),
			 .dst = peer_stack(port, is_ip6)};

	if (what & 2)
		e.src = rd_addr(r, is_ip6);
	if (what & 4)
		e.dst = rd_addr(r, is_ip6);
	if (what & 8)
		e.odd = rd_u8(r);
	return e;
}

bool peer_make_udp(struct peer *p, struct rd *r)
{
	static const uint16_t ports[] = {53, 1000, 54, 7, 9999};
	struct ends e = rd_ends(r);
	uint8_t ends = rd_u8(r);
	uint32_t len = rd_len(r);
	struct udp_hdr hdr = {.src_port = ports[(ends & 15) % ARRAY_SIZE(ports)],
			      .dst_port = ports[(ends >> 4) % ARRAY_SIZE(ports)],
			      .len = (uint16_t)(UDP_HDR_LEN + len)};
	const struct peer_sent *s = &p->sent[(p->n_sent - 1) % PEER_SENT];

	/* The port that the stack sent from last. */
	if (ends >> 4 == 15 && p->n_sent && sent_proto(s) == IP_PROTO_UDP)
		hdr.dst_port = load_be16(s->bytes + sent_l4(s));
	peer_frame_start(p, e.port, e.is_ip6, UDP_HDR_LEN + len);
	udp_hdr_write(peer_l4(p), &hdr);
	memset(peer_l4(p) + UDP_HDR_LEN, ends, len);
	if ((ends & 15) != 15)
		peer_frame_csum(p, IP_PROTO_UDP, &e.src, &e.dst, 6, e.odd);
	if ((ends & 15) == 14)
		store_be16(peer_l4(p) + 4, (uint16_t)(hdr.len + ends));
	peer_frame_ip(p, IP_PROTO_UDP, &e.src, &e.dst, e.odd);
	return true;
}

bool peer_make_icmp(struct peer *p, struct rd *r)
{
	struct ends e = rd_ends(r);
	uint8_t type = rd_u8(r), code = rd_u8(r);
	uint32_t len = rd_len(r);
	uint8_t proto = e.is_ip6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP, *l4;

	peer_frame_start(p, e.port, e.is_ip6, ICMP4_HDR_LEN + len);
	l4 = peer_l4(p);
	l4[0] = e.is_ip6 ? (uint8_t)(ICMP6_ECHO + type % 2) : type % 20;
	l4[1] = code;
	store_be16(l4 + 4, (uint16_t)(type >> 4));
	store_be16(l4 + 6, code);
	memset(l4 + ICMP4_HDR_LEN, type, len);
	peer_frame_csum(p, proto, &e.src, &e.dst, 2, e.odd);
	peer_frame_ip(p, proto, &e.src, &e.dst, e.odd);
	return true;
}

/* A body: four bytes, up to three addresses, and whatever else. Returns its length. */
static size_t rd_body(struct rd *r, uint8_t *p, bool is_ip6)
{
	size_t addr_len = is_ip6 ? sizeof(struct ip6_addr) : sizeof(struct ip4_addr), len = 4, n;
	uint8_t what;

	rd_copy(r, p, len);
	what = rd_u8(r);
	for (uint8_t i = 0; i < (what & 3); i++) {
		struct ip_addr a = rd_addr(r, is_ip6);

		memcpy(p + len, is_ip6 ? a.b : a.b + 12, addr_len);
		len += addr_len;
	}
	n = what >> 2;
	n = n < rd_left(r) ? n : rd_left(r);
	rd_copy(r, p + len, n);
	return len + n;
}

/* Type, code and checksum stand before the body. */
static bool make_body(struct peer *p, struct rd *r, const struct ends *e, uint8_t proto,
		      uint8_t type)
{
	uint8_t code = rd_u8(r), body[128];
	size_t len = rd_body(r, body, e->is_ip6);
	uint8_t *l4;

	peer_frame_start(p, e->port, e->is_ip6, 4 + len);
	l4 = peer_l4(p);
	l4[0] = type;
	l4[1] = code;
	memcpy(l4 + 4, body, len);
	peer_frame_csum(p, proto, &e->src, &e->dst, 2, e->odd);
	peer_frame_ip(p, proto, &e->src, &e->dst, e->odd);
	return true;
}

bool peer_make_icmp6(struct peer *p, struct rd *r)
{
	static const uint8_t types[] = {
		ICMP6_ECHO,           ICMP6_ECHO_REPLY,    ICMP6_MLD_QUERY,
		ICMP6_MLD_REPORT,     ICMP6_MLD_DONE,      ICMP6_ROUTER_SOLICIT,
		ICMP6_ROUTER_ADVERT,  ICMP6_NEIGH_SOLICIT, ICMP6_NEIGH_ADVERT,
		ICMP6_REDIRECT,       ICMP6_MLD2_REPORT,   ICMP6_UNREACH,
		ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROBLEM,
	};
	struct ends e = rd_ends(r);
	uint8_t type = rd_u8(r);

	if (!e.is_ip6)
		e = (struct ends){.port = e.port,
				  .odd = e.odd,
				  .is_ip6 = true,
				  .src = peer_remote(e.port, true),
				  .dst = peer_stack(e.port, true)};
	return make_body(p, r, &e, IP_PROTO_ICMPV6, type < ARRAY_SIZE(types) ? types[type] : type);
}

bool peer_make_igmp(struct peer *p, struct rd *r)
{
	struct ends e = rd_ends(r);
	uint8_t type = rd_u8(r);

	if (e.is_ip6)
		return false;
	e.odd ^= IP_TTL_1; /* unless the input says so, it does not leave its link */
	return make_body(p, r, &e, IP_PROTO_IGMP, type);
}

static const struct peer_sent *rd_sent(const struct peer *p, struct rd *r)
{
	uint32_t back = rd_u8(r) % PEER_SENT;

	return p->n_sent > back ? &p->sent[(p->n_sent - 1 - back) % PEER_SENT] : NULL;
}

static uint8_t error_type(uint8_t what, bool is_ip6)
{
	static const uint8_t types4[] = {ICMP4_UNREACH,       ICMP4_UNREACH,
					 ICMP4_TIME_EXCEEDED, ICMP4_PARAM_PROBLEM,
					 ICMP4_SOURCE_QUENCH, ICMP4_REDIRECT};
	static const uint8_t types6[] = {ICMP6_UNREACH,       ICMP6_PACKET_TOO_BIG,
					 ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROBLEM,
					 ICMP6_UNREACH,       99};

	return is_ip6 ? types6[what % ARRAY_SIZE(types6)] : types4[what % ARRAY_SIZE(types4)];
}

bool peer_make_icmp_error(struct peer *p, struct rd *r)
{
	const struct peer_sent *s = rd_sent(p, r);
	uint8_t what = rd_u8(r), code = rd_u8(r), odd = what & 0x80 ? rd_u8(r) : 0;
	uint16_t mtu = rd_be16(r), n;
	struct ip_addr from, dst;
	uint8_t proto, *l4;

	if (!s)
		return false;
	n = what & 0x40 ? (uint16_t)(code % (s->len + 1u)) : s->len;
	from = peer_remote(s->port, sent_is_ip6(s));
	dst = sent_addr(s, false);
	proto = sent_is_ip6(s) ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP;
	peer_frame_start(p, s->port, sent_is_ip6(s), (size_t)ICMP4_HDR_LEN + n);
	l4 = peer_l4(p);
	l4[0] = error_type(what & 0x3f, sent_is_ip6(s));
	l4[1] = code & 31;
	store_be16(l4 + 4, 0);
	store_be16(l4 + 6, mtu);
	memcpy(l4 + ICMP4_HDR_LEN, s->bytes, n);
	peer_frame_csum(p, proto, &from, &dst, 2, odd);
	peer_frame_ip(p, proto, &from, &dst, odd);
	return true;
}

bool peer_make_arp(struct peer *p, struct rd *r)
{
	uint8_t what = rd_u8(r), port = what & 1;
	struct arp arp = {
		.op = what >> 1 & 3,
		.sha = ETH_ADDR(2, 0, 0, 0, 1, (uint8_t)(what >> 6)),
		.tha = p->macs[port],
	};
	struct ip_addr spa = rd_addr(r, false), tpa = rd_addr(r, false);
	struct wr w;

	arp.spa = ip_addr_to_ip4(&spa);
	arp.tpa = ip_addr_to_ip4(&tpa);
	peer_frame_start(p, port, false, 0);
	p->len = ETH_HDR_LEN + ARP_LEN;
	store_be16(p->frame + 12, ETHERTYPE_ARP);
	if (what & 8)
		memset(p->frame, 0xff, 6);
	w = wr_make(p->frame + ETH_HDR_LEN, ARP_LEN);
	arp_write(&w, &arp);
	return true;
}

static bool sent_is_whole(const struct peer_sent *s)
{
	if (sent_is_ip6(s))
		return s->len >= IP6_HDR_LEN + 8 && load_be16(s->bytes + 4) == s->len - IP6_HDR_LEN;
	return s->len >= IP4_HDR_LEN + 8 && load_be16(s->bytes + 2) == s->len &&
	       (s->bytes[0] & 15) == 5;
}

static void mirror_echo(struct peer *p, const struct peer_sent *s)
{
	struct ip_addr src = sent_addr(s, false), dst = sent_addr(s, true);
	uint8_t *l4 = peer_l4(p);

	if (sent_proto(s) == IP_PROTO_ICMP && l4[0] == ICMP4_ECHO)
		l4[0] = ICMP4_ECHO_REPLY;
	else if (sent_proto(s) == IP_PROTO_ICMPV6 && l4[0] == ICMP6_ECHO)
		l4[0] = ICMP6_ECHO_REPLY;
	else
		return;
	peer_frame_csum(p, sent_proto(s), &dst, &src, 2, 0);
}

bool peer_make_mirror(struct peer *p, struct rd *r)
{
	const struct peer_sent *s = rd_sent(p, r);
	uint8_t *l3 = p->frame + L3;
	size_t addr_len, addr_off;
	uint16_t port;

	if (!s || !sent_is_whole(s))
		return false;
	addr_len = sent_is_ip6(s) ? sizeof(struct ip6_addr) : sizeof(struct ip4_addr);
	addr_off = sent_is_ip6(s) ? 8 : 12;
	peer_frame_start(p, s->port, sent_is_ip6(s), s->len - sent_l4(s));
	memcpy(l3, s->bytes, s->len);
	/* Swapping words leaves the checksums as they are. */
	memcpy(l3 + addr_off, s->bytes + addr_off + addr_len, addr_len);
	memcpy(l3 + addr_off + addr_len, s->bytes + addr_off, addr_len);
	if (sent_proto(s) == IP_PROTO_ICMP || sent_proto(s) == IP_PROTO_ICMPV6) {
		mirror_echo(p, s);
		return true;
	}
	port = load_be16(peer_l4(p));
	store_be16(peer_l4(p), load_be16(peer_l4(p) + 2));
	store_be16(peer_l4(p) + 2, port);
	return true;
}

bool peer_make_raw(struct peer *p, struct rd *r)
{
	uint8_t what = rd_u8(r), n = rd_u8(r);
	size_t len = n < rd_left(r) ? n : rd_left(r), off = ETH_HDR_LEN;

	peer_frame_start(p, what & 1, what & 8, 0);
	if (what & 2)
		off = 0;
	rd_copy(r, p->frame + off, len);
	p->len = off + len;
	if ((what & 8) && p->len >= L3 + IP6_HDR_LEN)
		store_be16(p->frame + L3 + 4, (uint16_t)(p->len - L3 - IP6_HDR_LEN));
	if (!(what & 8) && (what & 4) && p->len >= L3 + IP4_HDR_LEN && (p->frame[L3] & 15) >= 5 &&
	    L3 + (size_t)(p->frame[L3] & 15) * 4 <= p->len) {
		store_be16(p->frame + L3 + 2, (uint16_t)(p->len - L3));
		ip4_hdr_csum_set(p->frame + L3, (size_t)(p->frame[L3] & 15) * 4);
	}
	return true;
}
