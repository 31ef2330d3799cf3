/* SPDX-License-Identifier: MIT */
/* Raw sockets; the contract is in raw.h. They hold no port: port_link chains them in st->raw. */
#include "transport/raw.h"

#include <errno.h>

#include "transport/pseudo.h"
#include "transport/sock_table.h"
#include "weft/socket.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"

struct raw {
	struct hlist socks; /* conn_node.port_link */
};

static const struct sock_proto raw_proto;

static int raw_create(struct stack *st, int family, int protocol, struct sock **ret)
{
	struct raw_sock *rs = mem_zalloc(&st->eng->mem, sizeof(*rs));

	if (!rs)
		return -ENOMEM;
	dgram_init(&rs->ds, st, &raw_proto, family, protocol);
	rs->has_hdr = family == WEFT_AF_INET && protocol == RAW_IPPROTO_RAW;
	rs->csum_off = family == WEFT_AF_INET6 && protocol == IP_PROTO_ICMPV6 ? ICMP6_CSUM_OFF : -1;
	hlist_add(&st->raw->socks, &rs->ds.sk.conn.port_link);
	*ret = &rs->ds.sk;
	return 0;
}

static void raw_destroy(struct sock *sk)
{
	struct raw_sock *rs = raw_of(sk);

	hlist_del(&sk->conn.port_link);
	dgram_fini(&rs->ds);
	mem_free(&sk->stack->eng->mem, rs, sizeof(*rs));
}

/* `data` is at the transport header. */
static bool raw_refuses_icmp(const struct raw_sock *rs, const struct pkt *pkt)
{
	uint8_t proto = rs->ds.sk.conn.proto, type;

	if ((proto != IP_PROTO_ICMP && proto != IP_PROTO_ICMPV6) || pkt->len == 0)
		return false;
	pkt_copy_out(pkt, 0, &type, 1);
	if (proto == IP_PROTO_ICMP)
		return type < 32 && (rs->icmp_block >> type & 1);
	return rs->icmp6_block[type / 8] >> (type % 8) & 1;
}

static bool raw_csum_is_wrong(const struct raw_sock *rs, const struct pkt *pkt,
			      const struct ip_info *info)
{
	return rs->csum_off >= 0 && pkt->csum == PKT_CSUM_NONE &&
	       !pseudo_csum_ok(pkt, &info->src, &info->dst, info->proto, pkt->len);
}

/* Its own copy, of IPv4 from the IP header on, cut as its filter says; NULL: not for it. */
static struct pkt *raw_copy(const struct dgram_sock *ds, struct pkt *pkt,
			    const struct ip_info *info)
{
	struct pkt *clone = pkt_clone(pkt);
	uint32_t keep;

	if (!clone) {
		ds->sk.stack->drops[DROP_NOMEM]++;
		return NULL;
	}
	if (!info->is_ip6)
		pkt_unpull_to(clone, clone->l3_off);
	keep = dgram_filter(ds, clone, info->is_ip6);
	if (keep == 0) {
		pkt_free(clone);
		return NULL;
	}
	if (keep < clone->len)
		pkt_trim(clone, keep);
	return clone;
}

static void raw_deliver(struct raw_sock *rs, struct pkt *pkt, const struct ip_info *info)
{
	struct dgram_sock *ds = &rs->ds;
	struct pkt *clone;

	if (raw_refuses_icmp(rs, pkt) || raw_csum_is_wrong(rs, pkt, info))
		return;
	if (!dgram_has_room(ds, pkt)) {
		ds->sk.stack->drops[DROP_RAW_RCVBUF]++; /* the packet itself goes on */
		return;
	}
	clone = raw_copy(ds, pkt, info);
	if (clone)
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
	uint8_t family = info->is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET;
	struct conn_node *node;
	bool any = false;

	hlist_for_each (node, &raw->socks, port_link) {
		if (node->family != family || !sock_node_matches(node, &flow))
			continue;
		if (ip_addr_is_multicast(&info->dst) &&
		    !dgram_mcast_takes(dgram_of(sock_of_conn(node)), info, flow.ifindex))
			continue;
		raw_deliver(raw_of(sock_of_conn(node)), pkt, info);
		any = true;
	}
	return any;
}

/* Every datagram comes by here, so it costs one look while there is no raw socket. */
static bool raw_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	if (likely(hlist_is_empty(&st->raw->socks)))
		return false;
	return raw_input_all(st->raw, pkt, info);
}

/* An error about a packet of that protocol: to every socket that can have sent it (raw(7)). */
static bool raw_error(struct stack *st, uint8_t proto, const struct icmp_err *err,
		      const uint8_t *quote, uint32_t quote_len)
{
	struct sock_flow flow = {.laddr = err->src, .raddr = err->dst, .proto = proto};
	uint8_t family = err->is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET;
	struct conn_node *node;
	bool any = false;

	hlist_for_each (node, &st->raw->socks, port_link) {
		if (node->family != family || !sock_node_matches(node, &flow))
			continue;
		dgram_icmp_error(sock_of_conn(node), err, 0, quote, quote_len);
		any = true;
	}
	return any;
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

static const struct sock_proto raw_proto = {
	.name = "raw",
	.type = WEFT_SOCK_RAW,
	.create = raw_create,
	.bind = raw_bind,
	.connect = raw_connect,
	.disconnect = raw_disconnect,
	.send = raw_send,
	.recv = dgram_recv,
	.recv_err = dgram_recv_err,
	.cmsg_sent = dgram_cmsg_sent,
	.shutdown = dgram_shutdown,
	.setopt = raw_setopt,
	.getopt = raw_getopt,
	.close = dgram_close,
	.events = dgram_events,
	.diag = dgram_diag,
	.destroy = raw_destroy,
};

static void raw_fini(struct stack *st)
{
	sock_close_all(st, &raw_proto);
	st->raw_input = NULL;
	st->raw_error = NULL;
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
	st->raw_error = raw_error;
	return sock_proto_add(st, &raw_proto);
}
