/* SPDX-License-Identifier: MIT */
/* Raw sockets: packets out. */
#include <errno.h>

#include "base/csum.h"
#include "core/steer.h"
#include "ip/ip4.h"
#include "transport/dgram_cork.h"
#include "transport/pseudo.h"
#include "transport/raw.h"
#include "transport/stamp.h"
#include "weft/socket.h"
#include "wire/ip6.h"

static uint32_t raw_max(const struct raw_sock *rs)
{
	if (rs->ds.sk.conn.family == WEFT_AF_INET6)
		return IP6_PAYLOAD_MAX;
	return rs->has_hdr ? IP4_LEN_MAX : IP4_LEN_MAX - IP4_HDR_LEN;
}

/* RFC 3542 §3.1. */
static int raw_csum_fill(const struct raw_sock *rs, struct pkt *pkt, const struct ip_flow *flow)
{
	uint16_t csum;
	uint8_t *p;

	if (rs->csum_off < 0)
		return 0;
	if ((uint32_t)rs->csum_off + 2 > pkt->lin_len)
		return -EINVAL;
	p = pkt->data + rs->csum_off;
	store_be16(p, 0);
	csum = csum_finish(pkt_csum_add(pkt, 0, pkt->len,
					pseudo_sum(&flow->src, &flow->dst, flow->proto, pkt->len)));
	store_be16(p, flow->proto == IP_PROTO_UDP ? csum_udp(csum) : csum);
	return 0;
}

/* What the application left open in its header: as in Linux length and checksum always, source and
 * identification when they are 0. */
static int raw_hdr_complete(struct pkt *pkt, const struct ip_flow *flow, uint16_t id)
{
	struct ip4_hdr hdr;

	if (pkt->lin_len < IP4_HDR_LEN)
		return -EINVAL;
	ip4_hdr_read(pkt->data, &hdr);
	if (hdr.version != 4 || hdr.hdr_len < IP4_HDR_LEN || hdr.hdr_len > pkt->lin_len)
		return -EINVAL;
	hdr.tot_len = (uint16_t)pkt->len;
	if (ip4_addr_is_unspecified(&hdr.src))
		hdr.src = ip_addr_to_ip4(&flow->src);
	if (hdr.id == 0)
		hdr.id = id;
	ip4_hdr_write(pkt->data, &hdr);
	pkt->l3_off = pkt_off(pkt);
	pkt->l4_off = (uint16_t)(pkt_off(pkt) + hdr.hdr_len);
	return 0;
}

static int raw_output_hdr(struct sock *sk, struct pkt *pkt, const struct ip_out *out)
{
	struct stack *st = sk->stack;
	uint16_t id = (uint16_t)rng_u32(&st->eng->rng);
	int err = 0;

	if (unlikely(st->steer))
		id = steer_ip4_id(st->steer, st->shard_index, id, 1);
	/* Nothing that brings its header is cut. */
	if (pkt->len > out->dst->netif->mtu)
		err = -EMSGSIZE;
	if (!err)
		err = raw_hdr_complete(pkt, &out->flow, id);
	if (err) {
		pkt_free(pkt);
		return err;
	}
	pkt_hop(pkt, HOP_SOCK, sk->conn.proto);
	err = ip4_output_hdr(st, pkt, out);
	return err == -ENOBUFS ? 0 : err;
}

static int raw_send_pkt(struct raw_sock *rs, struct pkt *pkt, const struct ip_out *out,
			const struct dgram_ctl *ctl)
{
	int err;

	if (unlikely(ctl->stamps))
		stamp_pkt(&rs->ds.sk, pkt, ctl->stamps);
	if (rs->has_hdr)
		return raw_output_hdr(&rs->ds.sk, pkt, out);
	err = raw_csum_fill(rs, pkt, &out->flow);
	if (err) {
		pkt_free(pkt);
		return err;
	}
	pkt->l4_off = pkt_off(pkt);
	return dgram_output(&rs->ds.sk, pkt, out, 0);
}

static int raw_prepare(struct sock *sk, const struct sock_msg *msg, struct ip_addr *dst,
		       struct dgram_ctl *ctl, struct ip_out *out)
{
	struct dgram_sock *ds = dgram_of(sk);
	int err = dgram_send_check(sk, msg, raw_max(raw_of(sk)), dst);

	if (!err)
		err = dgram_ctl_parse(ds, msg, ctl);
	if (!err)
		err = dgram_route(ds, dst, ctl, out);
	return err ? err : dgram_send_allowed(sk, dst);
}

static int raw_emit(struct raw_sock *rs, const struct sock_msg *msg, const struct ip_out *out,
		    const struct dgram_ctl *ctl)
{
	struct pkt *pkt = dgram_pkt_new(&rs->ds.sk, msg);

	return pkt ? raw_send_pkt(rs, pkt, out, ctl) : -ENOBUFS;
}

/* What several sends make of one packet; one that brings its header is never held back. */
static int raw_send_held(struct raw_sock *rs, const struct sock_msg *msg)
{
	struct dgram_sock *ds = &rs->ds;
	struct weft_iovec iov;
	struct sock_msg whole;
	struct ip_out out;
	int err = dgram_cork_add(ds, msg);

	if (err || (msg->flags & WEFT_MSG_MORE))
		return err;
	whole = dgram_cork_msg(ds->cork, &iov);
	err = dgram_route(ds, &ds->cork->dst, &ds->cork->ctl, &out);
	if (!err)
		err = raw_emit(rs, &whole, &out, &ds->cork->ctl);
	dgram_cork_free(ds);
	return err;
}

ptrdiff_t raw_send(struct sock *sk, struct sock_msg *msg)
{
	struct raw_sock *rs = raw_of(sk);
	bool more = (msg->flags & WEFT_MSG_MORE) && !rs->has_hdr;
	struct dgram_ctl ctl;
	struct ip_addr dst;
	struct ip_out out;
	int err = 0;

	if (!rs->ds.cork) {
		err = raw_prepare(sk, msg, &dst, &ctl, &out);
		if (!err)
			err = more ? dgram_cork_new(&rs->ds, &dst, 0, &ctl, &out,
						    dgram_room(&out, true))
				   : raw_emit(rs, msg, &out, &ctl);
	} else if (msg->flags & WEFT_MSG_OOB) {
		return -EOPNOTSUPP;
	}
	if (!err && rs->ds.cork)
		err = raw_send_held(rs, msg);
	return err ? err : (ptrdiff_t)msg->n_bytes;
}
