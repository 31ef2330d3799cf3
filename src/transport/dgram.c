/* SPDX-License-Identifier: MIT */
/* The common part of datagram sockets; contracts in dgram.h. */
#include "transport/dgram.h"

#include <errno.h>
#include <string.h>

#include "ip/ip4.h"
#include "transport/cmsg.h"
#include "transport/dgram_cork.h"
#include "transport/sock_table.h"
#include "weft/packet.h"
#include "weft/socket.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

void dgram_mem_add(struct dgram_sock *ds, int64_t n)
{
	ds->rcvq_mem = (uint32_t)(ds->rcvq_mem + n);
	sock_bytes_add(&ds->sk, n);
}

/* Life */

void dgram_init(struct dgram_sock *ds, struct stack *st, const struct sock_proto *proto, int family,
		int protocol)
{
	pktq_init(&ds->rcvq);
	dgram_mcast_init(&ds->mcast);
	sock_init(&ds->sk, st, proto, family, protocol);
	ds->pmtudisc = WEFT_IP_PMTUDISC_WANT;
	errq_init(&ds->errq);
}

void dgram_fini(struct dgram_sock *ds)
{
	dgram_mcast_fini(ds);
	pktq_purge(&ds->rcvq);
	dgram_mem_add(ds, -(int64_t)ds->rcvq_mem);
	errq_purge(&ds->sk, &ds->errq);
	dgram_cork_free(ds);
	ds->sk.stack->n_gro_socks -= ds->takes_gro;
	sock_ip6_fini(&ds->sk, &ds->ip6);
	ip6_exts_free(&ds->sk.stack->eng->mem, ds->msg_exts);
	bpf_prog_free(ds->sk.stack, ds->bpf.prog);
}

int dgram_new(struct stack *st, const struct sock_proto *proto, int family, int protocol,
	      struct dgram_sock **ret)
{
	struct dgram_sock *ds = mem_zalloc(&st->eng->mem, sizeof(*ds));

	if (!ds)
		return -ENOMEM;
	dgram_init(ds, st, proto, family, protocol);
	ds->sk.conn.flags |= CONN_F_RECEIVES;
	*ret = ds;
	return 0;
}

void dgram_close(struct sock *sk, bool abort UNUSED)
{
	sock_unref(sk);
}

void dgram_destroy(struct sock *sk)
{
	struct dgram_sock *ds = dgram_of(sk);

	dgram_fini(ds);
	mem_free(&sk->stack->eng->mem, ds, sizeof(*ds));
}

/* Receiving */

enum drop dgram_admit(struct dgram_sock *ds, const struct pkt *pkt)
{
	if (!pktq_is_empty(&ds->rcvq) && ds->rcvq_mem + pkt_mem_bytes(pkt) > ds->sk.rcvbuf_bytes)
		return DROP_UDP_RCVBUF;
	return sock_bytes_fit(&ds->sk, pkt_mem_bytes(pkt)) ? DROP_NONE : DROP_LIMIT_BYTES;
}

static uint8_t dgram_pkt_type(const struct pkt *pkt)
{
	if (pkt->flags & PKT_F_L2_BROADCAST)
		return WEFT_PACKET_BROADCAST;
	return pkt->flags & PKT_F_L2_MULTICAST ? WEFT_PACKET_MULTICAST : WEFT_PACKET_HOST;
}

uint32_t dgram_filter_run(const struct dgram_sock *ds, const struct pkt *pkt, bool is_ip6)
{
	const struct sock_bpf_pkt in = {
		.st = ds->sk.stack,
		.pkt = pkt,
		.netif = pkt->netif,
		.l3_off = pkt->l3_off,
		.protocol = is_ip6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4,
		.type = dgram_pkt_type(pkt),
	};

	return sock_bpf_run(&ds->bpf, &in);
}

void dgram_queue(struct dgram_sock *ds, struct pkt *pkt, const struct ip_addr *src)
{
	uint32_t ifindex = pkt->netif ? pkt->netif->index : 0;

	/* The interface may be removed while the packet waits. */
	memcpy(pkt->cb, &ifindex, sizeof(ifindex));
	pkt->netif = NULL;
	pkt->nexthop = *src;
	pkt_hop(pkt, HOP_SOCK, ds->sk.conn.proto);
	dgram_mem_add(ds, pkt_mem_bytes(pkt));
	pktq_push(&ds->rcvq, pkt);
	sock_wake(&ds->sk, SOCK_IN);
}

/* Copies as much of the packet as there is room for; returns how much. */
static size_t dgram_copy_out(const struct pkt *pkt, const struct sock_msg *msg)
{
	uint32_t off = 0;

	for (size_t i = 0; i < msg->n_iov && off < pkt->len; i++) {
		uint32_t left = pkt->len - off;
		uint32_t n = msg->iov[i].len < left ? (uint32_t)msg->iov[i].len : left;

		if (n)
			pkt_copy_out(pkt, off, msg->iov[i].base, n);
		off += n;
	}
	return off;
}

/* A message without a datagram. */
static ptrdiff_t dgram_recv_pathmtu(struct dgram_sock *ds, struct sock_msg *msg)
{
	struct weft_ip6_mtuinfo info = {.mtu = ds->pathmtu};
	const uint16_t family = WEFT_AF_INET6;

	memcpy(info.addr, &family, sizeof(family));
	memcpy(info.addr + 8, ds->pathmtu_dst.b, sizeof(ds->pathmtu_dst.b));
	cmsg_put(msg, WEFT_IPPROTO_IPV6, WEFT_IPV6_PATHMTU, &info, sizeof(info));
	msg->addr = ds->pathmtu_dst;
	msg->port = 0;
	msg->has_addr = true;
	ds->pathmtu = 0;
	return 0;
}

ptrdiff_t dgram_recv(struct sock *sk, struct sock_msg *msg)
{
	struct dgram_sock *ds = dgram_of(sk);
	struct pkt *pkt = ds->rcvq.first;
	size_t n_copied, len;

	if (unlikely(ds->pathmtu))
		return dgram_recv_pathmtu(ds, msg);
	if (sk->err)
		return sock_take_err(sk);
	if (!pkt)
		return sk->flags & SOCK_F_SHUT_RD ? 0 : -EAGAIN;
	len = pkt->len;
	n_copied = dgram_copy_out(pkt, msg);
	msg->addr = pkt->nexthop;
	msg->has_addr = true;
	memcpy(&msg->ifindex, pkt->cb, sizeof(msg->ifindex));
	if (n_copied < len)
		msg->out_flags |= WEFT_MSG_TRUNC;
	if (msg->wants_control && unlikely(sk->flags & (SOCK_F_TSTAMP | SOCK_F_TSTAMPING)))
		cmsg_put_time(sk, msg, pkt->ts_ns);
	if (msg->wants_control && ds->wants)
		dgram_cmsg_recv(ds, pkt, msg);
	if (!(msg->flags & WEFT_MSG_PEEK)) {
		dgram_mem_add(ds, -(int64_t)pkt_mem_bytes(pkt));
		pkt_free(pktq_pop(&ds->rcvq));
	}
	return (ptrdiff_t)(msg->flags & WEFT_MSG_TRUNC ? len : n_copied);
}

ptrdiff_t dgram_take(struct sock *sk, struct sock_msg *msg, size_t max, uint32_t max_pkts UNUSED,
		     struct pktq *q)
{
	struct dgram_sock *ds = dgram_of(sk);
	struct pkt *pkt = ds->rcvq.first;

	if (sk->err)
		return sock_take_err(sk);
	if (!pkt)
		return sk->flags & SOCK_F_SHUT_RD ? 0 : -EAGAIN;
	if (pkt_pools_are_short(&sk->stack->eng->pkts))
		return -ENOBUFS;
	msg->addr = pkt->nexthop;
	msg->has_addr = true;
	memcpy(&msg->ifindex, pkt->cb, sizeof(msg->ifindex));
	dgram_mem_add(ds, -(int64_t)pkt_mem_bytes(pkt));
	(void)pktq_pop(&ds->rcvq);
	if (pkt->len > max)
		pkt_trim(pkt, (uint32_t)max);
	pktq_push(q, pkt);
	return (ptrdiff_t)pkt->len;
}

ptrdiff_t dgram_recv_err(struct sock *sk, struct sock_msg *msg)
{
	return errq_recv(sk, &dgram_of(sk)->errq, msg);
}

uint32_t dgram_events(const struct sock *sk)
{
	const struct dgram_sock *ds = dgram_of_const(sk);
	bool shut_rd = sk->flags & SOCK_F_SHUT_RD, shut_wr = sk->flags & SOCK_F_SHUT_WR;
	uint32_t events = SOCK_OUT;

	if (!pktq_is_empty(&ds->rcvq) || shut_rd || ds->pathmtu)
		events |= SOCK_IN;
	if (sk->err || !errq_is_empty(&ds->errq))
		events |= SOCK_ERR;
	if (shut_rd)
		events |= SOCK_RDHUP;
	if (shut_rd && shut_wr)
		events |= SOCK_HUP;
	return events;
}

void dgram_diag(const struct sock *sk, struct sock_diag *ret)
{
	*ret = (struct sock_diag){
		.state = sk->flags & SOCK_F_CONNECTED ? WEFT_TCP_ESTABLISHED : WEFT_TCP_CLOSE,
		.recv_q = dgram_of_const(sk)->rcvq_mem,
		.mem_bytes = dgram_of_const(sk)->rcvq_mem,
	};
}

int dgram_shutdown(struct sock *sk, bool rd, bool wr)
{
	/* As in Linux it is done also where it is refused. */
	sk->flags |= (rd ? SOCK_F_SHUT_RD : 0u) | (wr ? SOCK_F_SHUT_WR : 0u);
	sock_wake(sk, dgram_events(sk));
	return sk->flags & SOCK_F_CONNECTED ? 0 : -ENOTCONN;
}

/* Names */

static void dgram_route_forget(struct sock *sk)
{
	sk->dst = (struct ip_dst){0};
}

bool dgram_addr_is_group(const struct stack *st, const struct ip_addr *addr)
{
	struct ip4_addr a;

	if (!ip_addr_is_ip4(addr) || ip_addr_is_multicast(addr))
		return ip_addr_is_multicast(addr);
	a = ip_addr_to_ip4(addr);
	return ip4_addr_is_broadcast(&a) || ip4_own(st->ip4, a) == IP4_OWN_BROADCAST;
}

int dgram_bind(struct sock *sk, const struct ip_addr *addr, uint16_t port)
{
	int err;

	dgram_route_forget(sk);
	err = sock_port_bind(sk, addr, port);
	if (!err)
		dgram_of(sk)->bound_to_group = dgram_addr_is_group(sk->stack, addr);
	return err;
}

/* What the message's control messages say, else the socket. */
static const struct ip4_opts *dgram_opts(const struct dgram_sock *ds, const struct ip_addr *dst,
					 const struct dgram_ctl *ctl)
{
	const struct ip4_opts *opts = ctl && ctl->has_opts ? &ctl->opts : &ds->opts;

	return opts->len && ip_addr_is_ip4(dst) ? opts : NULL;
}

static const struct ip6_exts *dgram_exts(const struct dgram_sock *ds, const struct ip_addr *dst,
					 const struct dgram_ctl *ctl)
{
	if (likely(!ds->ip6.exts && !ds->msg_exts) || ip_addr_is_ip4(dst))
		return NULL;
	return ctl && ctl->has_exts ? ds->msg_exts : ds->ip6.exts;
}

/* Where a message goes first: the destination, but for source routes and routing headers. */
static struct ip_addr dgram_via(const struct dgram_sock *ds, const struct ip_addr *dst,
				const struct dgram_ctl *ctl)
{
	struct ip_addr via = ip4_opts_via(dgram_opts(ds, dst, ctl), dst);

	return ip6_exts_via(dgram_exts(ds, dst, ctl), &via);
}

static struct ip_flow dgram_flow(const struct sock *sk, const struct ip_addr *src,
				 const struct ip_addr *dst)
{
	return (struct ip_flow){
		.dst = *dst,
		.src = *src,
		.oif = sk->conn.ifindex,
		.mark = sk->mark,
		.tos = sk->tos,
		.proto = sk->conn.proto,
		.srcprefs = dgram_of_const(sk)->ip6.srcprefs,
	};
}

/* The address that the application bound to; unspecified: none. */
static struct ip_addr dgram_bound_addr(const struct sock *sk)
{
	if (sk->flags & SOCK_F_BOUND_ADDR)
		return sk->conn.laddr;
	return (struct ip_addr){0};
}

/* The address that it sends from; unspecified: to be selected. */
static struct ip_addr dgram_src(const struct dgram_sock *ds)
{
	return ds->bound_to_group ? (struct ip_addr){0} : ds->sk.conn.laddr;
}

/* What IP_MULTICAST_IF says, if `flow` goes to a group and does not say it itself. */
static void dgram_flow_mcast(const struct dgram_sock *ds, struct ip_flow *flow)
{
	if (likely(!ip_addr_is_multicast(&flow->dst)))
		return;
	if (!flow->oif)
		flow->oif = ds->mcast.ifindex;
	if (ip_addr_is_unspecified(&flow->src))
		flow->src = ds->mcast.src;
}

int dgram_route_connect(struct dgram_sock *ds, const struct ip_addr *addr, struct ip_addr *ret_src)
{
	struct ip_addr bound = dgram_bound_addr(&ds->sk);
	struct ip_addr via = dgram_via(ds, addr, NULL);
	struct ip_flow flow = dgram_flow(&ds->sk, &bound, &via);
	int err;

	if (ds->bound_to_group)
		flow.src = (struct ip_addr){0};
	dgram_flow_mcast(ds, &flow);
	err = ip_route(ds->sk.stack, &flow, &ds->sk.dst, &ds->route_src);
	if (err)
		return err;
	ds->route_dst = via;
	*ret_src = ds->route_src;
	return 0;
}

/* A broadcast without SO_BROADCAST. */
static bool dgram_is_forbidden(const struct sock *sk, const struct ip_addr *addr)
{
	return !(sk->flags & SOCK_F_BROADCAST) && !ip_addr_is_multicast(addr) &&
	       dgram_addr_is_group(sk->stack, addr);
}

int dgram_connect(struct sock *sk, const struct ip_addr *addr, uint16_t port)
{
	struct ip_addr bound = dgram_bound_addr(sk), src;
	int err = dgram_route_connect(dgram_of(sk), addr, &src);

	if (!err && dgram_is_forbidden(sk, addr)) {
		dgram_route_forget(sk);
		err = -EACCES;
	}
	if (err)
		return err;
	if (sk->flags & SOCK_F_CONNECTED)
		sock_conn_disconnect(sk, &bound);
	sk->flags &= ~(uint32_t)SOCK_F_CONNECTED;
	/* As in Linux what was bound stays what is received at, and what is sent from another. */
	err = sock_conn_connect(sk, dgram_of(sk)->bound_to_group ? &bound : &src, addr, port);
	if (err)
		return err;
	sk->flags |= SOCK_F_CONNECTED;
	return 0;
}

int dgram_disconnect(struct sock *sk)
{
	struct ip_addr bound = dgram_bound_addr(sk);

	if (!(sk->flags & SOCK_F_CONNECTED))
		return 0;
	sk->flags &= ~(uint32_t)SOCK_F_CONNECTED;
	dgram_route_forget(sk);
	if (sk->flags & SOCK_F_BOUND_PORT) {
		sock_conn_disconnect(sk, &bound);
	} else {
		sock_conn_del(sk->stack, &sk->conn);
		sk->conn.laddr = bound;
	}
	return 0;
}

int dgram_ioctl(struct sock *sk, unsigned int request, int *ret)
{
	const struct pkt *pkt = dgram_of(sk)->rcvq.first;

	if (request != WEFT_SIOCINQ && request != WEFT_SIOCOUTQ)
		return -ENOTTY;
	*ret = request == WEFT_SIOCINQ && pkt ? (int)pkt->len : 0;
	return 0;
}

/* Sending */

int dgram_send_check(struct sock *sk, const struct sock_msg *msg, size_t max_bytes,
		     struct ip_addr *ret_dst)
{
	if (msg->n_bytes > max_bytes)
		return -EMSGSIZE;
	if (msg->flags & WEFT_MSG_OOB)
		return -EOPNOTSUPP;
	if (!msg->has_addr && !(sk->flags & SOCK_F_CONNECTED))
		return -EDESTADDRREQ;
	*ret_dst = msg->has_addr ? msg->addr : sk->conn.raddr;
	return 0;
}

int dgram_send_allowed(struct sock *sk, const struct ip_addr *dst)
{
	if (dgram_is_forbidden(sk, dst))
		return -EACCES;
	if (sk->err)
		return sock_take_err(sk);
	return sk->flags & SOCK_F_SHUT_WR ? -EPIPE : 0;
}

/* The message goes where no other one does: its own source or interface. */
static int dgram_route_ctl(struct dgram_sock *ds, struct dgram_ctl *ctl, struct ip_flow *flow)
{
	if (!ip_addr_is_unspecified(&ctl->src)) {
		if (!(ds->sk.flags & SOCK_F_TRANSPARENT) &&
		    !ip_addr_is_local(ds->sk.stack, &ctl->src))
			return -EINVAL;
		flow->src = ctl->src;
	}
	if (ctl->oif)
		flow->oif = ctl->oif;
	dgram_flow_mcast(ds, flow);
	return ip_route(ds->sk.stack, flow, &ctl->dst, &flow->src);
}

static int dgram_route_own(struct dgram_sock *ds, struct ip_flow *flow)
{
	struct sock *sk = &ds->sk;
	int err;

	if (!ip_dst_is_valid(sk->stack, &sk->dst) || !ip_addr_eq(&ds->route_dst, &flow->dst)) {
		dgram_flow_mcast(ds, flow);
		err = ip_route(sk->stack, flow, &sk->dst, &ds->route_src);
		if (err)
			return err;
		ds->route_dst = flow->dst;
	}
	flow->src = ds->route_src;
	return 0;
}

/* What is too large for the path: IP_MTU_DISCOVER. */
static void dgram_pmtudisc(const struct dgram_sock *ds, struct ip_out *out)
{
	switch (ds->pmtudisc) {
	case WEFT_IP_PMTUDISC_WANT:
		out->df = !out->dst->is_mtu_floor;
		out->df_if_fits = true;
		break;
	case WEFT_IP_PMTUDISC_PROBE:
		out->ignore_pmtu = true;
		out->df = true;
		break;
	case WEFT_IP_PMTUDISC_DO:
		out->df = true;
		break;
	case WEFT_IP_PMTUDISC_INTERFACE:
		out->no_frag = true;
		out->ignore_pmtu = true;
		break;
	case WEFT_IP_PMTUDISC_OMIT:
		out->ignore_pmtu = true;
		break;
	default:
		break;
	}
}

static void dgram_route_ip6(const struct dgram_sock *ds, const struct dgram_ctl *ctl,
			    struct ip_out *out)
{
	out->mtu_max = ds->ip6.mtu;
	out->no_flow_label = ds->ip6.no_autolabel;
	if (ctl->has_dontfrag ? ctl->dontfrag : ds->ip6.dontfrag)
		out->no_frag = true;
}

int dgram_route(struct dgram_sock *ds, const struct ip_addr *dst, struct dgram_ctl *ctl,
		struct ip_out *out)
{
	bool is_own = ip_addr_is_unspecified(&ctl->src) && !ctl->oif;
	struct ip_addr src = dgram_src(ds), via = dgram_via(ds, dst, ctl);
	struct ip_flow flow = dgram_flow(&ds->sk, &src, &via);
	bool is_mcast = ip_addr_is_multicast(dst);
	int err;

	flow.tos = ctl->tos;
	if (unlikely(is_mcast) && !ctl->has_ttl)
		ctl->ttl = ds->mcast.ttl;
	err = is_own ? dgram_route_own(ds, &flow) : dgram_route_ctl(ds, ctl, &flow);
	if (err)
		return err;
	flow.dst = *dst;
	*out = (struct ip_out){
		.flow = flow,
		.ttl = ctl->ttl,
		.is_host_only = is_mcast && ctl->ttl == 0,
		.no_loop = ds->mcast.no_loop,
		.may_broadcast = ds->sk.flags & SOCK_F_BROADCAST,
		.opts = dgram_opts(ds, dst, ctl),
		.exts = dgram_exts(ds, dst, ctl),
		.dst = is_own ? &ds->sk.dst : &ctl->dst,
	};
	dgram_pmtudisc(ds, out);
	if (!ip_addr_is_ip4(dst))
		dgram_route_ip6(ds, ctl, out);
	return 0;
}

uint32_t dgram_hdrs_len(const struct ip_out *out)
{
	if (out->exts)
		return ip6_exts_len(out->exts);
	return out->opts ? out->opts->len : 0;
}

uint32_t dgram_mtu(const struct ip_out *out)
{
	uint32_t mtu = out->ignore_pmtu ? out->dst->netif->mtu : out->dst->mtu;

	return out->mtu_max && out->mtu_max < mtu ? out->mtu_max : mtu;
}

uint32_t dgram_room(const struct ip_out *out, bool whole)
{
	bool is_ip4 = ip_addr_is_ip4(&out->flow.dst);
	uint32_t opts_len = dgram_hdrs_len(out);
	uint32_t hdr = (is_ip4 ? (uint32_t)IP4_HDR_LEN : (uint32_t)IP6_HDR_LEN) + opts_len;
	uint32_t mtu = dgram_mtu(out);

	if (whole && (out->no_frag || (out->df && !out->df_if_fits)))
		return mtu > hdr ? mtu - hdr : 0;
	return is_ip4 ? IP4_LEN_MAX - hdr : (uint32_t)IP6_PAYLOAD_MAX - opts_len;
}

/* The application wants the error queue for errors of this family. */
static bool dgram_wants_err(const struct dgram_sock *ds, bool is_ip6)
{
	return ds->wants & (is_ip6 ? DGRAM_WANTS_ERR6 : DGRAM_WANTS_ERR);
}

/* RFC 3542 §11.3: told by the next receive. */
static void dgram_tell_pathmtu(struct dgram_sock *ds, const struct ip_addr *dst, uint32_t mtu)
{
	if (!ds->ip6.recvpathmtu || ip_addr_is_ip4(dst))
		return;
	ds->pathmtu = mtu;
	ds->pathmtu_dst = *dst;
	sock_wake(&ds->sk, SOCK_IN);
}

/* As in Linux, what is told is what is left when there are extension headers. */
static void dgram_err_too_large(struct dgram_sock *ds, const struct ip_out *out, uint16_t port)
{
	bool is_ip6 = !ip_addr_is_ip4(&out->flow.dst);
	uint32_t mtu = dgram_mtu(out), exts_len = is_ip6 ? dgram_hdrs_len(out) : 0;

	mtu = mtu > exts_len ? mtu - exts_len : 0;
	if (dgram_wants_err(ds, is_ip6))
		errq_too_large(&ds->sk, &ds->errq, &out->flow.dst, port, mtu);
	if (out->no_frag)
		dgram_tell_pathmtu(ds, &out->flow.dst, mtu);
}

void dgram_too_large(struct dgram_sock *ds, const struct ip_addr *dst, uint16_t port,
		     struct dgram_ctl *ctl)
{
	struct ip_out out;

	if (!dgram_route(ds, dst, ctl, &out))
		dgram_err_too_large(ds, &out, port);
}

struct pkt *dgram_pkt_new(struct sock *sk, const struct sock_msg *msg)
{
	struct pkt *pkt = pkt_alloc(&sk->stack->eng->pkts, msg->lent ? 0 : (uint32_t)msg->n_bytes);

	if (!pkt)
		return NULL;
	if (msg->lent && msg->n_bytes && !pkt_add_frag(pkt, msg->lent, 0, (uint32_t)msg->n_bytes)) {
		pkt_free(pkt);
		return NULL;
	}
	for (size_t i = 0; i < msg->n_iov && !msg->lent; i++)
		if (msg->iov[i].len)
			memcpy(pkt_put(pkt, (uint32_t)msg->iov[i].len), msg->iov[i].base,
			       msg->iov[i].len);
	pkt->mark = sk->mark;
	return pkt;
}

int dgram_output_done(struct sock *sk, int err, const struct ip_out *out, uint16_t port)
{
	if (err == -EMSGSIZE)
		dgram_err_too_large(dgram_of(sk), out, port);
	return err == -ENOBUFS ? 0 : err;
}

int dgram_output(struct sock *sk, struct pkt *pkt, const struct ip_out *out, uint16_t port)
{
	pkt_hop(pkt, HOP_SOCK, sk->conn.proto);
	return dgram_output_done(sk, ip_output(sk->stack, pkt, out), out, port);
}

/* RFC 5927 §7: believed when the packet can be one that the path did not carry. */
static bool dgram_mtu_is_news(const struct dgram_sock *ds, const struct icmp_err *err)
{
	return ds->pmtudisc != WEFT_IP_PMTUDISC_DONT && (!err->quoted || err->quoted > err->mtu);
}

static bool dgram_learns_mtu(const struct dgram_sock *ds)
{
	return ds->pmtudisc == WEFT_IP_PMTUDISC_WANT || ds->pmtudisc == WEFT_IP_PMTUDISC_DO ||
	       ds->pmtudisc == WEFT_IP_PMTUDISC_PROBE;
}

/* What a connected socket hears of without an error queue. As in Linux, echo sockets of IPv6 are
 * not told of an MTU. */
static bool dgram_err_is_hard(const struct sock *sk, const struct icmp_err *err)
{
	return err->is_hard || (err->mtu && sk->conn.proto != IP_PROTO_ICMPV6);
}

void dgram_icmp_error(struct sock *sk, const struct icmp_err *err, uint16_t port,
		      const uint8_t *bytes, uint32_t len)
{
	struct dgram_sock *ds = dgram_of(sk);
	bool wants = dgram_wants_err(ds, err->is_ip6);

	if (err->mtu) {
		if (!dgram_mtu_is_news(ds, err))
			return;
		if (dgram_learns_mtu(ds))
			ip_pmtu_learn(sk->stack, &err->dst, err->mtu);
		dgram_tell_pathmtu(ds, &err->dst, err->mtu);
	}
	if (wants)
		errq_icmp(sk, &ds->errq, err, port, bytes, len);
	else if (!(sk->flags & SOCK_F_CONNECTED) || !dgram_err_is_hard(sk, err))
		return;
	sock_set_err(sk, err->mtu ? EMSGSIZE : err->err);
}
