/* SPDX-License-Identifier: MIT */
/* UDP sockets: what the socket layer and the stack see of UDP. */
#include <errno.h>
#include <string.h>

#include "base/load.h"
#include "transport/cmsg.h"
#include "transport/dgram.h"
#include "transport/sock_table.h"
#include "transport/udp.h"
#include "weft/packet.h"
#include "weft/socket.h"
#include "wire/ip4.h"

static int udp_create(struct stack *st, int family, int protocol UNUSED, struct sock **ret)
{
	struct dgram_sock *ds;
	int err = dgram_new(st, &udp_proto, family, IP_PROTO_UDP, &ds);

	if (!err)
		*ret = &ds->sk;
	return err;
}

static ptrdiff_t udp_recv(struct sock *sk, struct sock_msg *msg)
{
	const struct pkt *pkt = dgram_of(sk)->rcvq.first;

	int gso_size = pkt ? pkt->gso_size : 0;
	ptrdiff_t n;

	if (pkt)
		msg->port = load_be16(pkt_l4(pkt));
	n = dgram_recv(sk, msg);
	if (n >= 0 && unlikely(gso_size) && msg->wants_control)
		cmsg_put_int(msg, WEFT_IPPROTO_UDP, WEFT_UDP_GRO, gso_size);
	return n;
}

static ptrdiff_t udp_take(struct sock *sk, struct sock_msg *msg, size_t max, uint32_t max_pkts,
			  struct pktq *q)
{
	const struct pkt *pkt = dgram_of(sk)->rcvq.first;

	if (pkt)
		msg->port = load_be16(pkt_l4(pkt));
	return dgram_take(sk, msg, max, max_pkts, q);
}

static int udp_setopt(struct sock *sk, int level, int name, const void *val, size_t len)
{
	struct dgram_sock *ds = dgram_of(sk);
	int v;

	if (level != WEFT_IPPROTO_UDP)
		return dgram_setopt(sk, level, name, val, len);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case WEFT_UDP_CORK:
		ds->is_corked = v;
		if (!v)
			(void)udp_cork_push(sk); /* as in Linux nobody is told */
		return 0;
	case WEFT_UDP_SEGMENT:
		if (v < 0 || v > UINT16_MAX)
			return -EINVAL;
		ds->gso_size = (uint16_t)v;
		return 0;
	case WEFT_UDP_GRO:
		sk->stack->n_gro_socks -= ds->takes_gro;
		ds->takes_gro = v;
		sk->stack->n_gro_socks += ds->takes_gro;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int udp_getopt(struct sock *sk, int level, int name, void *val, size_t *len)
{
	const struct dgram_sock *ds = dgram_of(sk);
	int v;

	if (level != WEFT_IPPROTO_UDP)
		return dgram_getopt(sk, level, name, val, len);
	if (name == WEFT_UDP_CORK)
		v = ds->is_corked;
	else if (name == WEFT_UDP_SEGMENT)
		v = ds->gso_size;
	else if (name == WEFT_UDP_GRO)
		v = ds->takes_gro;
	else
		return -ENOPROTOOPT;
	if (*len > sizeof(v))
		*len = sizeof(v);
	memcpy(val, &v, *len);
	return 0;
}

const struct sock_proto udp_proto = {
	.name = "udp",
	.ip_proto = IP_PROTO_UDP,
	.type = WEFT_SOCK_DGRAM,
	.create = udp_create,
	.bind = dgram_bind,
	.connect = dgram_connect,
	.disconnect = dgram_disconnect,
	.send = udp_send,
	.recv = udp_recv,
	.take = udp_take,
	.can_lend = true,
	.recv_err = dgram_recv_err,
	.cmsg_sent = dgram_cmsg_sent,
	.shutdown = dgram_shutdown,
	.setopt = udp_setopt,
	.getopt = udp_getopt,
	.ioctl = dgram_ioctl,
	.close = dgram_close,
	.events = dgram_events,
	.diag = dgram_diag,
	.destroy = dgram_destroy,
};

static const struct ip_proto udp_ip_proto = {
	.proto = IP_PROTO_UDP,
	.input = udp_input,
	.error = udp_error,
};

static void udp_fini(struct stack *st)
{
	sock_close_all(st, &udp_proto);
}

static const struct stack_layer udp_layer = {
	.name = "udp",
	.fini = udp_fini,
};

int udp_init(struct stack *st)
{
	int err = stack_layer_add(st, &udp_layer);

	if (!err)
		err = stack_ip_proto_add(st, &udp_ip_proto);
	return err ? err : sock_proto_add(st, &udp_proto);
}
