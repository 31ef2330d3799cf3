/* SPDX-License-Identifier: MIT */
/* UDP send path: destination, port, route, packet, header; datagrams that several sends make. */
#include <errno.h>
#include <string.h>

#include "transport/cmsg.h"
#include "transport/dgram.h"
#include "transport/dgram_cork.h"
#include "transport/pseudo.h"
#include "transport/sock_table.h"
#include "transport/stamp.h"
#include "transport/udp.h"
#include "weft/packet.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

enum {
	UDP_CSUM_OFF = 6, /* in the header */
};

int udp_hdr_push(struct pkt *pkt, const struct ip_flow *flow, uint16_t src_port, uint16_t dst_port)
{
	uint8_t *p = pkt_push(pkt, UDP_HDR_LEN);
	struct udp_hdr hdr = {.src_port = src_port, .dst_port = dst_port};

	if (!p)
		return -ENOBUFS;
	hdr.len = (uint16_t)pkt->len;
	hdr.csum = pseudo_partial(&flow->src, &flow->dst, IP_PROTO_UDP, pkt->len);
	udp_hdr_write(p, &hdr);
	pkt->l4_off = pkt_off(pkt);
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = pkt->l4_off;
	pkt->csum_off = UDP_CSUM_OFF;
	return 0;
}

/* A socket that sends before it was bound gets a port. */
static int udp_autobind(struct sock *sk)
{
	return likely(sk->conn.port) ? 0 : sock_port_bind(sk, &sk->conn.laddr, 0);
}

/* UDP_SEGMENT, of the message or of the socket. 0 or -EINVAL. */
static int udp_gso_size(const struct sock *sk, const struct sock_msg *msg, uint16_t *ret)
{
	struct cmsg c;
	size_t pos = 0;

	*ret = dgram_of_const(sk)->gso_size;
	while (msg->control_len && cmsg_next(msg, &pos, &c) > 0) {
		if (c.level != WEFT_IPPROTO_UDP)
			continue;
		if (c.type != WEFT_UDP_SEGMENT || c.len != sizeof(*ret))
			return -EINVAL;
		memcpy(ret, c.data, sizeof(*ret));
	}
	return 0;
}

/* Makes a super-packet of what is more than a segment. Each of its frames must fit the path. */
static int udp_segment(struct pkt *pkt, const struct ip_out *out, uint16_t gso_size)
{
	uint32_t n_payload = pkt->len - UDP_HDR_LEN;
	uint32_t hdrs =
		UDP_HDR_LEN + dgram_hdrs_len(out) +
		(ip_addr_is_ip4(&out->flow.dst) ? (uint32_t)IP4_HDR_LEN : (uint32_t)IP6_HDR_LEN);

	if (likely(!gso_size))
		return 0;
	if (out->exts) /* frames of a super-packet have none */
		return -EINVAL;
	if (hdrs + gso_size > dgram_mtu(out) || n_payload > (uint32_t)gso_size * UDP_SEGMENTS_MAX)
		return -EINVAL;
	if (n_payload > gso_size) {
		pkt->gso_size = gso_size;
		pkt->gso_type = PKT_GSO_UDP;
	}
	return 0;
}

/* Where a message goes and how: all that can be said before its bytes are looked at. */
static int udp_prepare(struct sock *sk, const struct sock_msg *msg, const struct ip_addr *dst,
		       struct dgram_ctl *ctl, struct ip_out *out)
{
	int err = udp_autobind(sk);

	if (!err)
		err = dgram_ctl_parse(dgram_of(sk), msg, ctl);
	return err ? err : dgram_route(dgram_of(sk), dst, ctl, out);
}

static int udp_emit(struct sock *sk, const struct sock_msg *msg, const struct ip_out *out,
		    const struct dgram_ctl *ctl, uint16_t port, uint16_t gso_size)
{
	struct pkt *pkt = dgram_pkt_new(sk, msg);
	int err;

	if (!pkt || udp_hdr_push(pkt, &out->flow, sk->conn.lport, port)) {
		mib_inc(sk->stack, MIB_UdpSndbufErrors);
		pkt_free(pkt);
		return -ENOBUFS;
	}
	err = udp_segment(pkt, out, gso_size);
	if (err) {
		pkt_free(pkt);
		return err;
	}
	if (unlikely(ctl->stamps))
		stamp_pkt(sk, pkt, ctl->stamps);
	err = dgram_output(sk, pkt, out, port);
	if (!err)
		mib_inc(sk->stack, MIB_UdpOutDatagrams);
	return err;
}

static int udp_send_to(struct sock *sk, const struct sock_msg *msg, const struct ip_addr *dst,
		       uint16_t port)
{
	struct dgram_ctl ctl;
	struct ip_out out;
	uint16_t gso_size = 0;
	int err;

	err = udp_gso_size(sk, msg, &gso_size);
	if (!err)
		err = udp_prepare(sk, msg, dst, &ctl, &out);
	if (err)
		return err;
	if (unlikely(msg->n_bytes > dgram_room(&out, false) - UDP_HDR_LEN)) {
		dgram_too_large(dgram_of(sk), dst, port, &ctl);
		return -EMSGSIZE; /* before an error that waits, as in Linux */
	}
	err = dgram_send_allowed(sk, dst);
	return err ? err : udp_emit(sk, msg, &out, &ctl, port, gso_size);
}

/* The first send of those that become one datagram. */
static int udp_cork_start(struct sock *sk, const struct sock_msg *msg, const struct ip_addr *dst,
			  uint16_t port)
{
	struct dgram_sock *ds = dgram_of(sk);
	struct dgram_ctl ctl;
	struct ip_out out;
	uint16_t gso_size = 0;
	int err;

	err = udp_gso_size(sk, msg, &gso_size);
	if (!err)
		err = udp_prepare(sk, msg, dst, &ctl, &out);
	if (!err)
		err = dgram_send_allowed(sk, dst);
	if (!err)
		err = dgram_cork_new(ds, dst, port, &ctl, &out,
				     dgram_room(&out, !gso_size) - UDP_HDR_LEN);
	if (!err)
		ds->cork->gso_size = gso_size;
	return err;
}

int udp_cork_push(struct sock *sk)
{
	struct dgram_sock *ds = dgram_of(sk);
	struct dgram_cork *cork = ds->cork;
	struct weft_iovec iov;
	struct sock_msg msg;
	struct ip_out out;
	int err;

	if (!cork)
		return 0;
	msg = dgram_cork_msg(cork, &iov);
	err = dgram_route(ds, &cork->dst, &cork->ctl, &out);
	if (!err)
		err = udp_emit(sk, &msg, &out, &cork->ctl, cork->port, cork->gso_size);
	dgram_cork_free(ds);
	return err;
}

static int udp_send_held(struct sock *sk, const struct sock_msg *msg, bool more)
{
	int err = dgram_cork_add(dgram_of(sk), msg);

	return err || more ? err : udp_cork_push(sk);
}

ptrdiff_t udp_send(struct sock *sk, struct sock_msg *msg)
{
	uint16_t port = msg->has_addr ? msg->port : sk->conn.rport;
	const struct dgram_sock *ds = dgram_of(sk);
	bool more = ds->is_corked || (msg->flags & WEFT_MSG_MORE);
	struct ip_addr dst;
	int err = 0;

	/* What goes on needs no destination, and that of the first send holds. */
	if (likely(!ds->cork)) {
		err = dgram_send_check(sk, msg, UINT16_MAX, &dst);
		if (err)
			return err;
		if (port == 0)
			return -EINVAL;
		err = more ? udp_cork_start(sk, msg, &dst, port) : udp_send_to(sk, msg, &dst, port);
	} else if (msg->flags & WEFT_MSG_OOB) {
		return -EOPNOTSUPP;
	}
	if (!err && unlikely(ds->cork))
		err = udp_send_held(sk, msg, more);
	return err ? err : (ptrdiff_t)msg->n_bytes;
}
