/* SPDX-License-Identifier: MIT */
/* Echo sockets; the contract is in ping.h. */
#include "transport/ping.h"

#include <errno.h>

#include "base/csum.h"
#include "base/load.h"
#include "ip/icmp.h"
#include "ip/icmp6.h"
#include "transport/dgram.h"
#include "transport/sock_table.h"
#include "transport/stamp.h"
#include "weft/socket.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"

enum {
	PING_CSUM_OFF = 2, /* in the ICMP header */
	PING_ID_OFF = 4,
};

static const struct sock_proto ping_proto, ping6_proto;

static int ping_create(struct stack *st, int family, int protocol UNUSED, struct sock **ret)
{
	struct dgram_sock *ds;
	int err;

	if (family != WEFT_AF_INET)
		return -EPROTONOSUPPORT;
	err = dgram_new(st, &ping_proto, family, IP_PROTO_ICMP, &ds);
	if (!err)
		*ret = &ds->sk;
	return err;
}

static int ping6_create(struct stack *st, int family, int protocol UNUSED, struct sock **ret)
{
	struct dgram_sock *ds;
	int err;

	if (family != WEFT_AF_INET6)
		return -EPROTONOSUPPORT;
	err = dgram_new(st, &ping6_proto, family, IP_PROTO_ICMPV6, &ds);
	if (!err)
		*ret = &ds->sk;
	return err;
}

/* As in Linux, no replies come to a group or a broadcast address. */
static int ping_bind(struct sock *sk, const struct ip_addr *addr, uint16_t port)
{
	if (dgram_addr_is_group(sk->stack, addr))
		return sk->conn.family == WEFT_AF_INET ? -EADDRNOTAVAIL : -EINVAL;
	return dgram_bind(sk, addr, port);
}

/* The other side has no port. */
static int ping_connect(struct sock *sk, const struct ip_addr *addr, uint16_t port UNUSED)
{
	return dgram_connect(sk, addr, 0);
}

/* Sending */

/* Both families have the fields of an echo message in the same places. */
static_assert(ICMP4_HDR_LEN == (int)ICMP6_HDR_LEN, "one kind of socket serves both");

static bool ping_is_ip6(const struct sock *sk)
{
	return sk->conn.proto == IP_PROTO_ICMPV6;
}

static bool ping_is_echo(const struct sock *sk, const struct pkt *pkt)
{
	uint8_t type = ping_is_ip6(sk) ? ICMP6_ECHO : ICMP4_ECHO;

	return pkt->lin_len >= ICMP4_HDR_LEN && pkt->data[0] == type && pkt->data[1] == 0;
}

static void ping_hdr_fill(struct pkt *pkt, uint16_t id)
{
	store_be16(pkt->data + PING_CSUM_OFF, 0);
	store_be16(pkt->data + PING_ID_OFF, id);
	store_be16(pkt->data + PING_CSUM_OFF, csum_finish(pkt_csum_add(pkt, 0, pkt->len, 0)));
	pkt->l4_off = pkt_off(pkt);
}

static int ping_output(struct sock *sk, struct pkt *pkt, const struct ip_out *out)
{
	if (!ping_is_ip6(sk)) {
		ping_hdr_fill(pkt, sk->conn.lport);
		icmp_count_out(sk->stack, ICMP4_ECHO);
		return dgram_output(sk, pkt, out, 0);
	}
	store_be16(pkt->data + PING_ID_OFF, sk->conn.lport);
	pkt_hop(pkt, HOP_SOCK, sk->conn.proto);
	return dgram_output_done(sk, icmp6_output(sk->stack, pkt, out), out, 0);
}

static ptrdiff_t ping_send(struct sock *sk, struct sock_msg *msg)
{
	struct dgram_ctl ctl;
	struct ip_addr dst;
	struct ip_out out;
	struct pkt *pkt;
	int err;

	err = dgram_send_check(sk, msg, UINT16_MAX, &dst);
	if (!err && ip_addr_is_ip4(&dst) == ping_is_ip6(sk))
		err = -ENETUNREACH;
	if (!err && !sk->conn.port)
		err = sock_port_bind(sk, &sk->conn.laddr, 0);
	if (!err)
		err = dgram_ctl_parse(dgram_of(sk), msg, &ctl);
	if (!err)
		err = dgram_route(dgram_of(sk), &dst, &ctl, &out);
	if (!err)
		err = dgram_send_allowed(sk, &dst);
	if (err)
		return err;
	if (msg->n_bytes > dgram_room(&out, false)) {
		dgram_too_large(dgram_of(sk), &dst, 0, &ctl);
		return -EMSGSIZE;
	}
	pkt = dgram_pkt_new(sk, msg);
	if (!pkt)
		return -ENOBUFS;
	if (!ping_is_echo(sk, pkt)) {
		pkt_free(pkt);
		return -EINVAL;
	}
	if (unlikely(ctl.stamps))
		stamp_pkt(sk, pkt, ctl.stamps);
	err = ping_output(sk, pkt, &out);
	return err ? err : (ptrdiff_t)msg->n_bytes;
}

/* Receiving */

static struct sock *ping_find(const struct stack *st, const struct ip_addr *laddr,
			      const struct ip_addr *raddr, uint16_t id, uint32_t ifindex)
{
	struct sock_flow flow = {
		.laddr = *laddr,
		.raddr = *raddr,
		.lport = id,
		.proto = ip_addr_is_ip4(laddr) ? IP_PROTO_ICMP : IP_PROTO_ICMPV6,
		.ifindex = ifindex,
	};

	return sock_lookup_datagram(st, &flow);
}

/* The hook of struct icmp for echo replies. */
static enum drop ping_reply(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	uint32_t ifindex = pkt->netif ? pkt->netif->index : 0;
	struct sock *sk;
	uint32_t keep;

	assert(pkt->lin_len >= ICMP4_HDR_LEN);
	sk = ping_find(st, &info->dst, &info->src, load_be16(pkt->data + PING_ID_OFF), ifindex);
	if (!sk)
		return DROP_ICMP_NO_SOCKET;
	keep = dgram_filter(dgram_of(sk), pkt, info->is_ip6);
	if (keep == 0)
		return DROP_SOCK_FILTER;
	if (!dgram_has_room(dgram_of(sk), pkt))
		return DROP_ICMP_RCVBUF;
	if (keep < pkt->len)
		pkt_trim(pkt, keep);
	dgram_queue(dgram_of(sk), pkt, &info->src);
	return DROP_NONE;
}

static void ping_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
		       uint32_t quote_len)
{
	struct sock *sk;

	if (quote_len < ICMP4_HDR_LEN)
		return;
	sk = ping_find(st, &err->src, &err->dst, load_be16(quote + PING_ID_OFF), 0);
	if (sk)
		dgram_icmp_error(sk, err, 0, quote, quote_len);
}

static const struct sock_proto ping_proto = {
	.name = "ping",
	.ip_proto = IP_PROTO_ICMP,
	.type = WEFT_SOCK_DGRAM,
	.create = ping_create,
	.bind = ping_bind,
	.connect = ping_connect,
	.disconnect = dgram_disconnect,
	.send = ping_send,
	.recv = dgram_recv,
	.recv_err = dgram_recv_err,
	.cmsg_sent = dgram_cmsg_sent,
	.shutdown = dgram_shutdown,
	.setopt = dgram_setopt,
	.getopt = dgram_getopt,
	.close = dgram_close,
	.events = dgram_events,
	.diag = dgram_diag,
	.destroy = dgram_destroy,
};

static const struct sock_proto ping6_proto = {
	.name = "ping",
	.ip_proto = IP_PROTO_ICMPV6,
	.type = WEFT_SOCK_DGRAM,
	.create = ping6_create,
	.bind = ping_bind,
	.connect = ping_connect,
	.disconnect = dgram_disconnect,
	.send = ping_send,
	.recv = dgram_recv,
	.recv_err = dgram_recv_err,
	.cmsg_sent = dgram_cmsg_sent,
	.shutdown = dgram_shutdown,
	.close = dgram_close,
	.setopt = dgram_setopt,
	.getopt = dgram_getopt,
	.events = dgram_events,
	.diag = dgram_diag,
	.destroy = dgram_destroy,
};

static void ping_fini(struct stack *st)
{
	sock_close_all(st, &ping_proto);
	sock_close_all(st, &ping6_proto);
	if (st->icmp) {
		st->icmp->echo_reply = NULL;
		st->icmp->echo_error = NULL;
	}
}

static const struct stack_layer ping_layer = {
	.name = "ping",
	.fini = ping_fini,
};

int ping_init(struct stack *st)
{
	int err = stack_layer_add(st, &ping_layer);

	if (err)
		return err;
	st->icmp->echo_reply = ping_reply;
	st->icmp->echo_error = ping_error;
	err = sock_proto_add(st, &ping_proto);
	return err ? err : sock_proto_add(st, &ping6_proto);
}
