/* SPDX-License-Identifier: MIT */
/* Raw sockets; the contract is in raw.h. They hold no port: port_link chains them in st->raw. */
#include "transport/raw.h"

#include <errno.h>

#include "transport/dgram.h"
#include "transport/errq.h"
#include "transport/sock_table.h"
#include "weft/socket.h"
#include "wire/ip4.h"

enum {
	RAW_PAYLOAD_MAX = IP4_LEN_MAX - IP4_HDR_LEN,
	RAW_IPPROTO_RAW = 255, /* reserved by IANA: the application writes the IP header */
};

struct raw {
	struct hlist socks; /* conn_node.port_link */
};

static const struct sock_proto raw_proto;

static int raw_create(struct stack *st, int family, int protocol, struct sock **ret)
{
	struct dgram_sock *ds;
	int err;

	if (family != WEFT_AF_INET || protocol == RAW_IPPROTO_RAW)
		return -EPROTONOSUPPORT;
	err = dgram_new(st, &raw_proto, family, protocol, &ds);
	if (err)
		return err;
	hlist_add(&st->raw->socks, &ds->sk.conn.port_link);
	*ret = &ds->sk;
	return 0;
}

static void raw_destroy(struct sock *sk)
{
	hlist_del(&sk->conn.port_link);
	dgram_destroy(sk);
}

/* Gives the socket a copy of its own, from the IP header on. */
static void raw_deliver(struct sock *sk, struct pkt *pkt, const struct ip_info *info)
{
	struct dgram_sock *ds = dgram_of(sk);
	struct pkt *clone;
	uint32_t keep;

	if (!dgram_has_room(ds, pkt)) {
		sk->stack->drops[DROP_RAW_RCVBUF]++; /* the datagram itself goes on */
		return;
	}
	clone = pkt_clone(pkt);
	if (!clone) {
		sk->stack->drops[DROP_NOMEM]++;
		return;
	}
	pkt_unpull_to(clone, clone->l3_off);
	keep = dgram_filter(ds, clone, info->is_ip6);
	if (keep == 0) {
		pkt_free(clone);
		return;
	}
	if (keep < clone->len)
		pkt_trim(clone, keep);
	dgram_queue(ds, clone, &info->src);
}

static bool raw_input_all(struct raw *raw, struct pkt *pkt, const struct ip_info *info)
{
	struct sock_flow flow = {
		.laddr = info->dst,
		.raddr = info->src,
		.proto = info->proto,
		.ifindex = pkt->netif ? pkt->netif->index : 0,
	};
	struct conn_node *node;
	bool any = false;

	hlist_for_each (node, &raw->socks, port_link) {
		if (!sock_node_matches(node, &flow))
			continue;
		if (ip_addr_is_multicast(&info->dst) &&
		    !dgram_mcast_takes(dgram_of(sock_of_conn(node)), info, flow.ifindex))
			continue;
		raw_deliver(sock_of_conn(node), pkt, info);
		any = true;
	}
	return any;
}

/* Every datagram comes by here, so it costs one look while there is no raw socket. */
static bool raw_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	if (likely(hlist_is_empty(&st->raw->socks)) || info->is_ip6)
		return false;
	return raw_input_all(st->raw, pkt, info);
}

static int raw_bind(struct sock *sk, const struct ip_addr *addr, uint16_t port UNUSED)
{
	sk->conn.laddr = *addr;
	dgram_of(sk)->bound_to_group = dgram_addr_is_group(sk->stack, addr);
	sk->dst = (struct ip_dst){0};
	return 0;
}

static int raw_connect(struct sock *sk, const struct ip_addr *addr, uint16_t port UNUSED)
{
	struct ip_addr src;
	int err = dgram_route_connect(dgram_of(sk), addr, &src);

	if (err)
		return err;
	if (!dgram_of(sk)->bound_to_group)
		sk->conn.laddr = src;
	sk->conn.raddr = *addr;
	sk->flags |= SOCK_F_CONNECTED;
	return 0;
}

static int raw_disconnect(struct sock *sk)
{
	sk->flags &= ~(uint32_t)SOCK_F_CONNECTED;
	sk->conn.raddr = (struct ip_addr){0};
	if (!(sk->flags & SOCK_F_BOUND_ADDR))
		sk->conn.laddr = (struct ip_addr){0};
	sk->dst = (struct ip_dst){0};
	return 0;
}

static ptrdiff_t raw_send(struct sock *sk, struct sock_msg *msg)
{
	struct dgram_ctl ctl;
	struct ip_addr dst;
	struct ip_out out;
	struct pkt *pkt;
	int err;

	err = dgram_send_check(sk, msg, RAW_PAYLOAD_MAX, &dst);
	if (!err)
		err = dgram_ctl_parse(dgram_of(sk), msg, &ctl);
	if (!err)
		err = dgram_route(dgram_of(sk), &dst, &ctl, &out);
	if (err)
		return err;
	pkt = dgram_pkt_new(sk, msg);
	if (!pkt)
		return -ENOBUFS;
	pkt->l4_off = pkt_off(pkt);
	err = dgram_output(sk, pkt, &out, 0);
	return err ? err : (ptrdiff_t)msg->n_bytes;
}

static const struct sock_proto raw_proto = {
	.name = "raw",
	.type = WEFT_SOCK_RAW,
	.create = raw_create,
	.bind = raw_bind,
	.connect = raw_connect,
	.disconnect = raw_disconnect,
	.send = raw_send,
	.recv = dgram_recv,
	.recv_err = errq_recv,
	.shutdown = dgram_shutdown,
	.setopt = dgram_setopt,
	.getopt = dgram_getopt,
	.close = dgram_close,
	.events = dgram_events,
	.diag = dgram_diag,
	.destroy = raw_destroy,
};

static void raw_fini(struct stack *st)
{
	sock_close_all(st, &raw_proto);
	st->raw_input = NULL;
	mem_free(&st->eng->mem, st->raw, sizeof(*st->raw));
	st->raw = NULL;
}

static const struct stack_layer raw_layer = {
	.name = "raw",
	.fini = raw_fini,
};

int raw_init(struct stack *st)
{
	int err = stack_layer_add(st, &raw_layer);

	if (err)
		return err;
	st->raw = mem_zalloc(&st->eng->mem, sizeof(*st->raw));
	if (!st->raw)
		return -ENOMEM;
	st->raw_input = raw_input;
	return sock_proto_add(st, &raw_proto);
}
