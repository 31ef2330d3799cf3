/* SPDX-License-Identifier: MIT */
/*
 * Steering of frames among shards; the rules are in steer.h.
 *
 * Only what is needed to find the flow is looked at; whether a packet is right is for the shard to
 * say. What cannot be read goes to the speaker, which drops and counts it.
 */
#include "core/steer.h"

#include <assert.h>
#include <string.h>

#include "base/load.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/ip6_ext.h"
#include "wire/vlan.h"

enum {
	STEER_LOOK = 320, /* bytes of a frame that are looked at */
	PORTS_LEN = 4,
	ECHO_ID_OFF = 4,
	ECHO_ID_END = 6,
	ICMP_HDR = 8, /* of an error, in front of its quote */
};

/* Bytes that are present, from some header on. */
struct look {
	const uint8_t *p;
	uint32_t len;
};

static struct look look_behind(struct look at, uint32_t n)
{
	return n < at.len ? (struct look){at.p + n, at.len - n} : (struct look){at.p, 0};
}

/* The hash's part that says which shard, and, when that one has gone, the part that says which of
 * the others. */
static uint32_t shard_of_hash(const struct steer *s, uint64_t hash)
{
	uint32_t live = atomic_load_explicit(&s->live, memory_order_relaxed);
	uint32_t i = (uint32_t)((hash >> 32) * s->n_shards >> 32);
	uint32_t n;

	if (likely(live >> i & 1))
		return i;
	n = (uint32_t)__builtin_popcount(live);
	if (!n)
		return 0;
	for (n = (uint32_t)hash % n; n; n--)
		live &= live - 1;
	return (uint32_t)__builtin_ctz(live);
}

static uint64_t flow_hash(const struct steer *s, const struct steer_flow *f)
{
	bool is_swapped = memcmp(&f->laddr, &f->raddr, sizeof(f->laddr)) > 0 ||
			  (ip_addr_eq(&f->laddr, &f->raddr) && f->lport > f->rport);
	const struct ip_addr *lo = is_swapped ? &f->raddr : &f->laddr;
	const struct ip_addr *hi = is_swapped ? &f->laddr : &f->raddr;
	uint32_t ports = is_swapped ? (uint32_t)f->rport << 16 | f->lport
				    : (uint32_t)f->lport << 16 | f->rport;

	if (likely(ip_addr_is_ip4(lo) && ip_addr_is_ip4(hi)))
		return siphash_2u64(&s->key,
				    (uint64_t)load_be32(lo->b + 12) << 32 | load_be32(hi->b + 12),
				    (uint64_t)f->proto << 32 | ports);
	return siphash_5u64(&s->key, (const uint64_t[5]){load_be64(lo->b), load_be64(lo->b + 8),
							 load_be64(hi->b), load_be64(hi->b + 8),
							 (uint64_t)f->proto << 32 | ports});
}

int steer_port_owner(const struct steer *s, uint16_t port)
{
	return port >= s->own_first && port <= s->own_last ? port % (int)s->n_shards : -1;
}

static bool shard_lives(const struct steer *s, uint32_t i)
{
	return atomic_load_explicit(&s->live, memory_order_relaxed) >> i & 1;
}

uint32_t steer_flow(const struct steer *s, const struct steer_flow *flow)
{
	int owner = steer_port_owner(s, flow->lport);

	if (owner >= 0 && shard_lives(s, (uint32_t)owner))
		return (uint32_t)owner;
	return shard_of_hash(s, flow_hash(s, flow));
}

uint32_t steer_speaker(const struct steer *s)
{
	uint32_t live = atomic_load_explicit(&s->live, memory_order_relaxed);

	return live ? (uint32_t)__builtin_ctz(live) : 0;
}

/* All fragments of a datagram: their addresses and identification. */
static uint32_t steer_fragment(const struct steer *s, const struct steer_flow *addrs, uint32_t id)
{
	struct steer_flow flow = *addrs;

	flow.lport = (uint16_t)(id >> 16);
	flow.rport = (uint16_t)id;
	return shard_of_hash(s, flow_hash(s, &flow));
}

static bool has_ports(uint8_t proto)
{
	return proto == IP_PROTO_TCP || proto == IP_PROTO_UDP;
}

/* Ports of a packet that arrived (`is_ours` false) or that we sent, as an error quotes it. */
static bool ports_read(struct look l4, bool is_ours, struct steer_flow *flow)
{
	if (l4.len < PORTS_LEN)
		return false;
	flow->lport = load_be16(l4.p + (is_ours ? 0 : 2));
	flow->rport = load_be16(l4.p + (is_ours ? 2 : 0));
	return true;
}

/* The identifier stands for both ports; ours to keep apart only where we chose it. */
static uint32_t steer_echo(const struct steer *s, struct look icmp, bool is_ours,
			   struct steer_flow *flow)
{
	if (icmp.len < ECHO_ID_END)
		return steer_flow(s, flow);
	flow->lport = flow->rport = load_be16(icmp.p + ECHO_ID_OFF);
	return is_ours ? steer_flow(s, flow) : shard_of_hash(s, flow_hash(s, flow));
}

/* IPv4 */

static bool ip4_look(struct look ip, struct ip4_hdr *ret)
{
	if (ip.len < IP4_HDR_LEN)
		return false;
	ip4_hdr_read(ip.p, ret);
	return ret->version == 4 && ret->hdr_len >= IP4_HDR_LEN;
}

static uint32_t steer_icmp4_error(const struct steer *s, struct look quote)
{
	struct steer_flow flow = {.proto = 0};
	struct ip4_hdr hdr;
	struct look l4;

	if (!ip4_look(quote, &hdr) || hdr.frag_off)
		return STEER_ALL;
	flow.laddr = ip_addr_from_ip4(&hdr.src);
	flow.raddr = ip_addr_from_ip4(&hdr.dst);
	flow.proto = hdr.proto;
	l4 = look_behind(quote, hdr.hdr_len);
	if (hdr.proto == IP_PROTO_ICMP && l4.len >= ECHO_ID_END)
		return steer_echo(s, l4, l4.p[0] == ICMP4_ECHO, &flow);
	return has_ports(hdr.proto) && ports_read(l4, true, &flow) ? steer_flow(s, &flow)
								   : STEER_ALL;
}

static uint32_t steer_icmp4(const struct steer *s, struct look icmp, struct steer_flow *flow)
{
	switch (icmp.len ? icmp.p[0] : UINT8_MAX) {
	case ICMP4_ECHO:
		return steer_echo(s, icmp, false, flow);
	case ICMP4_ECHO_REPLY:
		return steer_echo(s, icmp, true, flow);
	case ICMP4_UNREACH:
	case ICMP4_SOURCE_QUENCH:
	case ICMP4_REDIRECT:
	case ICMP4_TIME_EXCEEDED:
	case ICMP4_PARAM_PROBLEM:
		return steer_icmp4_error(s, look_behind(icmp, ICMP_HDR));
	default:
		return steer_flow(s, flow);
	}
}

static uint32_t steer_ip4(const struct steer *s, struct look ip, bool is_group)
{
	struct steer_flow flow = {.proto = 0};
	struct ip4_hdr hdr;
	struct look l4;

	if (!ip4_look(ip, &hdr))
		return steer_speaker(s);
	if (is_group) /* one answer to a ping of everybody is enough */
		return hdr.proto == IP_PROTO_ICMP ? steer_speaker(s) : STEER_ALL;
	flow.laddr = ip_addr_from_ip4(&hdr.dst);
	flow.raddr = ip_addr_from_ip4(&hdr.src);
	flow.proto = hdr.proto;
	if (ip4_hdr_is_frag(&hdr))
		return steer_fragment(s, &flow, hdr.id);
	l4 = look_behind(ip, hdr.hdr_len);
	if (hdr.proto == IP_PROTO_ICMP)
		return steer_icmp4(s, l4, &flow);
	if (has_ports(hdr.proto))
		(void)ports_read(l4, false, &flow);
	return steer_flow(s, &flow);
}

/* IPv6 */

struct look6 {
	struct ip6_hdr hdr;
	struct look l4;
	uint8_t proto;
	bool is_frag;       /* not all of a packet */
	bool is_later_frag; /* without the beginning of its payload */
	uint32_t id;
};

/* False: the headers cannot be read. */
static bool ip6_look(struct look ip, struct look6 *ret)
{
	struct ip6_frag frag;
	struct ip6_ext ext;

	if (ip.len < IP6_HDR_LEN || ip.p[0] >> 4 != 6)
		return false;
	ip6_hdr_read(ip.p, &ret->hdr);
	ret->proto = ret->hdr.next_hdr;
	ret->l4 = look_behind(ip, IP6_HDR_LEN);
	ret->is_frag = ret->is_later_frag = false;
	for (int i = 0; i < IP6_EXTS_MAX; i++) {
		switch (ret->proto) {
		case IP_PROTO_HOPOPTS:
		case IP_PROTO_ROUTING:
		case IP_PROTO_DSTOPTS:
			if (ret->l4.len < IP6_EXT_LEN_MIN)
				return false;
			ip6_ext_read(ret->l4.p, &ext);
			ret->proto = ext.next_hdr;
			ret->l4 = look_behind(ret->l4, ext.len);
			break;
		case IP_PROTO_FRAGMENT:
			if (ret->l4.len < IP6_FRAG_LEN)
				return false;
			ip6_frag_read(ret->l4.p, &frag);
			ret->id = frag.id;
			ret->is_frag = ret->is_frag || frag.more || frag.off;
			ret->is_later_frag = ret->is_later_frag || frag.off;
			ret->proto = frag.next_hdr;
			ret->l4 = look_behind(ret->l4, IP6_FRAG_LEN);
			if (frag.off)
				return true;
			break;
		default:
			return true;
		}
	}
	return false;
}

static uint32_t steer_icmp6_error(const struct steer *s, struct look quote)
{
	struct steer_flow flow;
	struct look6 q;

	if (!ip6_look(quote, &q) || q.is_later_frag)
		return STEER_ALL;
	flow = (struct steer_flow){
		.laddr = ip_addr_from_ip6(&q.hdr.src),
		.raddr = ip_addr_from_ip6(&q.hdr.dst),
		.proto = q.proto,
	};
	if (q.proto == IP_PROTO_ICMPV6 && q.l4.len >= ECHO_ID_END)
		return steer_echo(s, q.l4, q.l4.p[0] == ICMP6_ECHO, &flow);
	return has_ports(q.proto) && ports_read(q.l4, true, &flow) ? steer_flow(s, &flow)
								   : STEER_ALL;
}

/* Of the rest (neighbours, routers, groups) each shard wants to know. */
static uint32_t steer_icmp6(const struct steer *s, struct look icmp, struct steer_flow *flow)
{
	switch (icmp.len ? icmp.p[0] : UINT8_MAX) {
	case ICMP6_ECHO:
		return steer_echo(s, icmp, false, flow);
	case ICMP6_ECHO_REPLY:
		return steer_echo(s, icmp, true, flow);
	case ICMP6_UNREACH:
	case ICMP6_PACKET_TOO_BIG:
	case ICMP6_TIME_EXCEEDED:
	case ICMP6_PARAM_PROBLEM:
		return steer_icmp6_error(s, look_behind(icmp, ICMP_HDR));
	default:
		return STEER_ALL;
	}
}

static uint32_t steer_ip6(const struct steer *s, struct look ip, bool is_group)
{
	struct steer_flow flow;
	struct look6 in;

	if (!ip6_look(ip, &in))
		return steer_speaker(s);
	if (is_group) {
		bool is_echo = in.proto == IP_PROTO_ICMPV6 && in.l4.len && in.l4.p[0] == ICMP6_ECHO;

		return is_echo ? steer_speaker(s) : STEER_ALL;
	}
	flow = (struct steer_flow){
		.laddr = ip_addr_from_ip6(&in.hdr.dst),
		.raddr = ip_addr_from_ip6(&in.hdr.src),
		.proto = in.proto,
	};
	if (in.is_frag) {
		flow.proto = IP_PROTO_FRAGMENT; /* what later ones carry, they need not say */
		return steer_fragment(s, &flow, in.id);
	}
	if (in.proto == IP_PROTO_ICMPV6)
		return steer_icmp6(s, in.l4, &flow);
	if (has_ports(in.proto))
		(void)ports_read(in.l4, false, &flow);
	return steer_flow(s, &flow);
}

/* The bytes that are looked at: in place, or, where they are not linear, a copy. */
static struct look look_pkt(const struct pkt *pkt, uint8_t copy[STEER_LOOK])
{
	uint32_t len = pkt->len < STEER_LOOK ? pkt->len : (uint32_t)STEER_LOOK;

	if (likely(pkt->lin_len >= len))
		return (struct look){pkt->data, len};
	pkt_copy_out(pkt, 0, copy, len);
	return (struct look){copy, len};
}

/* The EtherType, behind a priority tag too; 0: cut off, or of a VLAN. */
static uint16_t look_eth(struct look *at, bool *ret_is_group)
{
	struct vlan_hdr vlan;
	uint16_t type;

	if (at->len < ETH_HDR_LEN)
		return 0;
	*ret_is_group = at->p[0] & 1;
	type = load_be16(at->p + 2 * sizeof(struct eth_addr));
	*at = look_behind(*at, ETH_HDR_LEN);
	if (likely(type != ETHERTYPE_VLAN))
		return type;
	if (at->len < VLAN_HDR_LEN)
		return 0;
	vlan_hdr_read(at->p, &vlan);
	*at = look_behind(*at, VLAN_HDR_LEN);
	return vlan.vid ? 0 : vlan.type;
}

uint32_t steer_pkt(const struct steer *s, const struct pkt *pkt)
{
	uint8_t copy[STEER_LOOK];
	struct look at = look_pkt(pkt, copy);
	bool is_group = false;

	switch (look_eth(&at, &is_group)) {
	case ETHERTYPE_IPV4:
		return steer_ip4(s, at, is_group);
	case ETHERTYPE_IPV6:
		return steer_ip6(s, at, is_group);
	case ETHERTYPE_ARP:
		return STEER_ALL;
	default:
		return steer_speaker(s);
	}
}

uint32_t steer_datagram(const struct steer *s, const struct pkt *pkt, bool is_ip6)
{
	uint8_t copy[STEER_LOOK];
	struct look at = look_pkt(pkt, copy);

	return is_ip6 ? steer_ip6(s, at, false) : steer_ip4(s, at, false);
}

/* Replies, probes and announcements; who asks for a neighbour asks for itself. */
static bool arp_is_speakers(struct look at)
{
	struct rd r = rd_make(at.p, at.len);
	struct arp arp;

	return arp_parse(&r, &arp) == 0 && arp_classify(&arp) != ARP_KIND_REQUEST;
}

/* Advertisements, router solicitations, and solicitations from no address: duplicates. */
static bool nd_is_speakers(struct look at)
{
	struct look6 in;

	if (!ip6_look(at, &in) || in.is_frag || in.proto != IP_PROTO_ICMPV6 || !in.l4.len)
		return false;
	switch (in.l4.p[0]) {
	case ICMP6_ROUTER_SOLICIT:
	case ICMP6_NEIGH_ADVERT:
		return true;
	case ICMP6_NEIGH_SOLICIT:
		return ip6_addr_is_unspecified(&in.hdr.src);
	default:
		return false;
	}
}

bool steer_is_speakers(const struct pkt *pkt)
{
	uint8_t copy[STEER_LOOK];
	struct look at = look_pkt(pkt, copy);
	bool is_group;

	switch (look_eth(&at, &is_group)) {
	case ETHERTYPE_ARP:
		return arp_is_speakers(at);
	case ETHERTYPE_IPV6:
		return at.len > 6 && at.p[6] != IP_PROTO_TCP && at.p[6] != IP_PROTO_UDP &&
		       nd_is_speakers(at);
	default:
		return false;
	}
}

uint16_t steer_ip4_id(const struct steer *s, uint32_t shard, uint16_t id, uint32_t n_frames)
{
	uint32_t span = 65536 / s->n_shards;
	uint32_t at = id % span;

	if (at + n_frames > span)
		at = 0;
	return (uint16_t)(shard * span + at);
}

uint32_t steer_ip6_id(uint32_t shard, uint32_t id)
{
	static_assert(STEER_SHARDS_MAX <= 16, "four bits say which shard");
	return shard << 28 | (id & 0x0fffffff);
}
