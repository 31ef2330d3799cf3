/* SPDX-License-Identifier: MIT */
/*
 * Control messages of datagram sockets: what the application is told with a datagram (RFC 3542 §6,
 * ip(7), ipv6(7)), and what it says with one to send.
 *
 * What is told is read from the datagram's IP header, which is still there (l3_off), so nothing is
 * kept for those who do not ask.
 */
#include <errno.h>
#include <string.h>

#include "ip/ip4.h"
#include "transport/cmsg.h"
#include "transport/dgram.h"
#include "transport/stamp.h"
#include "weft/socket.h"
#include "wire/ip6.h"
#include "wire/ip6_ext.h"

/*
 * Receiving.
 */

/* The part of an IP header that is told. */
struct dgram_meta {
	struct ip_addr src, dst;
	uint8_t ttl, tos;
	bool is_ip6;
};

static struct dgram_meta dgram_meta(const uint8_t *p)
{
	struct ip4_hdr h4;
	struct ip6_hdr h6;

	if (p[0] >> 4 == 6) {
		ip6_hdr_read(p, &h6);
		return (struct dgram_meta){.src = ip_addr_from_ip6(&h6.src),
					   .dst = ip_addr_from_ip6(&h6.dst),
					   .ttl = h6.hop_limit,
					   .tos = h6.tclass,
					   .is_ip6 = true};
	}
	ip4_hdr_read(p, &h4);
	return (struct dgram_meta){.src = ip_addr_from_ip4(&h4.src),
				   .dst = ip_addr_from_ip4(&h4.dst),
				   .ttl = h4.ttl,
				   .tos = h4.tos};
}

/* What an answer to a datagram for `dst`, which may be a group's, would come from. */
static struct ip4_addr dgram_spec_dst(struct stack *st, struct ip_addr dst, uint32_t ifindex)
{
	struct netif *netif = netif_find_index(st, ifindex);
	struct ip4_addr ret = ip_addr_to_ip4(&dst);

	if (!ip_addr_is_local(st, &dst) &&
	    !(netif && ip4_addr_select(st, netif, IP4_ADDR_ANY, &ret)))
		ret = IP4_ADDR_ANY;
	return ret;
}

static void dgram_put_pktinfo(const struct dgram_meta *m, struct ip4_addr spec, uint32_t ifindex,
			      struct sock_msg *msg)
{
	struct weft_in_pktinfo info = {.ifindex = (int)ifindex};

	memcpy(info.spec_dst, &spec, sizeof(spec));
	memcpy(info.addr, m->dst.b + 12, sizeof(info.addr));
	cmsg_put(msg, WEFT_IPPROTO_IP, WEFT_IP_PKTINFO, &info, sizeof(info));
}

/* The options that it came with, or those that an answer has. */
static void dgram_put_opts(const struct dgram_sock *ds, const struct pkt *pkt,
			   const struct dgram_meta *m, struct sock_msg *msg)
{
	const uint8_t *hdr = pkt_l3(pkt);
	size_t hdr_len = (size_t)(hdr[0] & 0xf) * 4;
	struct ip4_addr own = dgram_spec_dst(ds->sk.stack, m->dst, msg->ifindex);
	struct ip4_opts opts;

	if (hdr_len == IP4_HDR_LEN)
		return;
	if (ds->wants & DGRAM_WANTS_OPTS) {
		ip4_opts_received(ds->sk.stack, hdr, hdr_len, own, &opts);
		cmsg_put(msg, WEFT_IPPROTO_IP, WEFT_IP_RECVOPTS, opts.bytes, opts.len);
	}
	if (!(ds->wants & DGRAM_WANTS_RETOPTS))
		return;
	ip4_opts_echo(ds->sk.stack, hdr, hdr_len, own, &opts);
	cmsg_put(msg, WEFT_IPPROTO_IP, WEFT_IP_RETOPTS, opts.bytes, opts.len);
}

static void dgram_put_ip4(const struct dgram_sock *ds, const struct dgram_meta *m,
			  struct sock_msg *msg)
{
	if (ds->wants & DGRAM_WANTS_TTL)
		cmsg_put_int(msg, WEFT_IPPROTO_IP, WEFT_IP_TTL, m->ttl);
	if (ds->wants & DGRAM_WANTS_TOS)
		cmsg_put(msg, WEFT_IPPROTO_IP, WEFT_IP_TOS, &m->tos, sizeof(m->tos));
}

/* RFC 3542 §6.2, §8.2, §9.2: each whole, in the order in which they came. They have been walked
 * over on the way in. */
static void dgram_put_exts(const struct dgram_sock *ds, const struct pkt *pkt, struct sock_msg *msg)
{
	const uint8_t *p = pkt_l3(pkt), *end = pkt_l4(pkt);
	struct ip6_hdr hdr;
	struct ip6_ext ext;
	uint8_t proto;

	ip6_hdr_read(p, &hdr);
	proto = hdr.next_hdr;
	for (p += IP6_HDR_LEN; p < end; p += ext.len) {
		ip6_ext_read(p, &ext);
		if (proto == IP_PROTO_FRAGMENT)
			ext.len = IP6_FRAG_LEN;
		else if (proto == IP_PROTO_HOPOPTS && (ds->wants & DGRAM_WANTS_HOPOPTS))
			cmsg_put(msg, WEFT_IPPROTO_IPV6, WEFT_IPV6_HOPOPTS, p, ext.len);
		else if (proto == IP_PROTO_DSTOPTS && (ds->wants & DGRAM_WANTS_DSTOPTS))
			cmsg_put(msg, WEFT_IPPROTO_IPV6, WEFT_IPV6_DSTOPTS, p, ext.len);
		else if (proto == IP_PROTO_ROUTING && (ds->wants & DGRAM_WANTS_RTHDR))
			cmsg_put(msg, WEFT_IPPROTO_IPV6, WEFT_IPV6_RTHDR, p, ext.len);
		proto = ext.next_hdr;
	}
}

static void dgram_put_ip6(const struct dgram_sock *ds, const struct dgram_meta *m,
			  struct sock_msg *msg)
{
	if (ds->wants & DGRAM_WANTS_HOPLIMIT)
		cmsg_put_int(msg, WEFT_IPPROTO_IPV6, WEFT_IPV6_HOPLIMIT, m->ttl);
	if (ds->wants & DGRAM_WANTS_TCLASS)
		cmsg_put_int(msg, WEFT_IPPROTO_IPV6, WEFT_IPV6_TCLASS, m->tos);
}

/* As in Linux, an IPv6 socket is told of IPv4 destinations as mapped ones. */
static void dgram_put_pktinfo6(const struct dgram_meta *m, uint32_t ifindex, struct sock_msg *msg)
{
	struct weft_in6_pktinfo info = {.ifindex = ifindex};

	memcpy(info.addr, m->dst.b, sizeof(info.addr));
	cmsg_put(msg, WEFT_IPPROTO_IPV6, WEFT_IPV6_PKTINFO, &info, sizeof(info));
}

void dgram_cmsg_recv(const struct dgram_sock *ds, const struct pkt *pkt, struct sock_msg *msg)
{
	struct dgram_meta m;

	if (pkt->l3_off == PKT_NO_OFF)
		return;
	m = dgram_meta(pkt_l3(pkt));
	if (ds->wants & DGRAM_WANTS_PKTINFO6)
		dgram_put_pktinfo6(&m, msg->ifindex, msg);
	if (m.is_ip6) {
		dgram_put_ip6(ds, &m, msg);
		if (ds->wants & (DGRAM_WANTS_HOPOPTS | DGRAM_WANTS_DSTOPTS | DGRAM_WANTS_RTHDR))
			dgram_put_exts(ds, pkt, msg);
		return;
	}
	if (ds->wants & DGRAM_WANTS_PKTINFO)
		dgram_put_pktinfo(&m, dgram_spec_dst(ds->sk.stack, m.dst, msg->ifindex),
				  msg->ifindex, msg);
	dgram_put_ip4(ds, &m, msg);
	if (ds->wants & (DGRAM_WANTS_OPTS | DGRAM_WANTS_RETOPTS))
		dgram_put_opts(ds, pkt, &m, msg);
}

void dgram_cmsg_sent(const struct sock *sk, const uint8_t *hdr, uint32_t ifindex,
		     struct sock_msg *msg)
{
	const struct dgram_sock *ds = dgram_of_const(sk);
	struct dgram_meta m = dgram_meta(hdr);

	if (ds->wants & DGRAM_WANTS_PKTINFO6)
		dgram_put_pktinfo6(&m, ifindex, msg);
	if (m.is_ip6) {
		dgram_put_ip6(ds, &m, msg);
		return;
	}
	if (ds->wants & DGRAM_WANTS_PKTINFO)
		dgram_put_pktinfo(&m, ip_addr_to_ip4(&m.src), ifindex, msg);
	dgram_put_ip4(ds, &m, msg);
}

/*
 * Sending.
 */

static void ctl_ttl_set(struct dgram_ctl *ctl, int v)
{
	ctl->ttl = (uint8_t)v;
	ctl->has_ttl = true;
}

static int dgram_ctl_ifindex(struct stack *st, uint32_t ifindex, struct dgram_ctl *ctl)
{
	if (ifindex && !netif_find_index(st, ifindex))
		return -ENODEV;
	if (ifindex)
		ctl->oif = ifindex;
	return 0;
}

static int dgram_ctl_pktinfo(struct stack *st, const struct cmsg *c, struct dgram_ctl *ctl)
{
	struct weft_in_pktinfo info;
	struct ip4_addr src;

	if (c->len != sizeof(info))
		return -EINVAL;
	memcpy(&info, c->data, sizeof(info));
	memcpy(&src, info.spec_dst, sizeof(src));
	if (!ip4_addr_is_unspecified(&src))
		ctl->src = ip_addr_from_ip4(&src);
	return info.ifindex < 0 ? -ENODEV : dgram_ctl_ifindex(st, (uint32_t)info.ifindex, ctl);
}

static int dgram_ctl_pktinfo6(struct stack *st, const struct cmsg *c, struct dgram_ctl *ctl)
{
	struct weft_in6_pktinfo info;
	struct ip6_addr src;

	if (c->len < sizeof(info))
		return -EINVAL;
	memcpy(&info, c->data, sizeof(info));
	memcpy(&src, info.addr, sizeof(src));
	if (!ip6_addr_is_unspecified(&src))
		ctl->src = ip_addr_from_ip6(&src);
	return dgram_ctl_ifindex(st, info.ifindex, ctl);
}

static int dgram_ctl_tos(const struct cmsg *c, struct dgram_ctl *ctl)
{
	int v;

	if (c->len == 1)
		v = c->data[0];
	else if (cmsg_int(c, &v))
		return -EINVAL;
	if (v < 0 || v > UINT8_MAX)
		return -EINVAL;
	ctl->tos = (uint8_t)v;
	return 0;
}

static int dgram_ctl_ip(struct stack *st, const struct cmsg *c, struct dgram_ctl *ctl)
{
	int v;

	switch (c->type) {
	case WEFT_IP_PKTINFO:
		return dgram_ctl_pktinfo(st, c, ctl);
	case WEFT_IP_TTL:
		if (cmsg_int(c, &v) || v < 1 || v > UINT8_MAX)
			return -EINVAL;
		ctl_ttl_set(ctl, v);
		return 0;
	case WEFT_IP_TOS:
		return dgram_ctl_tos(c, ctl);
	case WEFT_IP_RETOPTS:
		ctl->has_opts = true;
		return ip4_opts_set(st, &ctl->opts, c->data, c->len);
	default:
		return -EINVAL;
	}
}

/* As in Linux, they go in place of all that the socket has; each may be given once. */
static int dgram_ctl_exts(struct dgram_sock *ds, const struct cmsg *c, enum ip6_exts_kind kind,
			  struct dgram_ctl *ctl)
{
	size_t len;

	(void)ip6_exts_get(ds->msg_exts, kind, &len);
	if (len || c->len < IP6_EXT_LEN_MIN)
		return -EINVAL;
	ctl->has_exts = true;
	return ip6_exts_set(&ds->sk.stack->eng->mem, &ds->msg_exts, kind, c->data,
			    c->len & ~(size_t)7);
}

static int dgram_ctl_dontfrag(const struct cmsg *c, struct dgram_ctl *ctl)
{
	int v;

	if (cmsg_int(c, &v) || v < 0 || v > 1)
		return -EINVAL;
	ctl->has_dontfrag = true;
	ctl->dontfrag = v;
	return 0;
}

/* -1 stands for the default, as in RFC 3542 §6.3 and §6.5. */
static int dgram_ctl_ip6(struct dgram_sock *ds, const struct cmsg *c, struct dgram_ctl *ctl)
{
	enum ip6_exts_kind kind;
	int v;

	if (c->type == WEFT_IPV6_PKTINFO)
		return dgram_ctl_pktinfo6(ds->sk.stack, c, ctl);
	if (sock_ip6_kind(c->type, &kind))
		return dgram_ctl_exts(ds, c, kind, ctl);
	if (c->type == WEFT_IPV6_DONTFRAG)
		return dgram_ctl_dontfrag(c, ctl);
	if (cmsg_int(c, &v) || v < -1 || v > UINT8_MAX)
		return -EINVAL;
	if (c->type == WEFT_IPV6_HOPLIMIT && v > 0)
		ctl_ttl_set(ctl, v);
	else if (c->type == WEFT_IPV6_TCLASS && v >= 0)
		ctl->tos = (uint8_t)v;
	else if (c->type != WEFT_IPV6_HOPLIMIT && c->type != WEFT_IPV6_TCLASS)
		return -EINVAL;
	return 0;
}

int dgram_ctl_parse(struct dgram_sock *ds, const struct sock_msg *msg, struct dgram_ctl *ret)
{
	struct cmsg c;
	size_t pos = 0;
	int got, err = 0;

	if (unlikely(ds->msg_exts)) {
		ip6_exts_free(&ds->sk.stack->eng->mem, ds->msg_exts);
		ds->msg_exts = NULL;
	}
	*ret = (struct dgram_ctl){.ttl = ds->sk.ttl,
				  .tos = ds->sk.tos,
				  .oif = msg->ifindex,
				  .stamps = stamp_kinds(&ds->sk)};
	if (likely(!msg->control_len))
		return 0;
	while (!err && (got = cmsg_next(msg, &pos, &c)) != 0) {
		if (got < 0)
			return got;
		if (c.level == WEFT_IPPROTO_IP)
			err = dgram_ctl_ip(ds->sk.stack, &c, ret);
		else if (c.level == WEFT_IPPROTO_IPV6)
			err = dgram_ctl_ip6(ds, &c, ret);
		else if (c.level == WEFT_SOL_SOCKET)
			err = stamp_ctl(&c, &ret->stamps);
	}
	return err;
}
