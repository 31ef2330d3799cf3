/* SPDX-License-Identifier: MIT */
/* Packet sockets: their life, names, and what interfaces tell them; contracts in packet.h. */
#include "socket/packet.h"

#include <errno.h>
#include <string.h>

#include "socket/packet_priv.h"
#include "transport/sock_table.h"

/*
 * Taps.
 */

/* netif_del() calls this for taps that are left; ours left with the layer's netif_del. */
static void packet_tap_gone(struct netif_tap *tap)
{
	list_del(&tap->link);
}

static void packet_if_tap(struct packet_if *pif, bool on)
{
	if (on == pif->is_tapped)
		return;
	pif->is_tapped = on;
	if (on)
		list_add_tail(&pif->netif->taps, &pif->tap.link);
	else
		list_del(&pif->tap.link);
}

static void packet_taps_update(struct packet *p)
{
	struct packet_if *pif;

	list_for_each (pif, &p->ifs, link)
		packet_if_tap(pif, p->n_socks > 0);
}

static struct packet_if *packet_if_find(const struct packet *p, const struct netif *netif)
{
	struct packet_if *pif;

	list_for_each (pif, &p->ifs, link)
		if (pif->netif == netif)
			return pif;
	return NULL;
}

static int packet_netif_add(struct netif *netif)
{
	struct packet *p = netif->stack->packet;
	struct packet_if *pif = mem_zalloc(&netif->stack->eng->mem, sizeof(*pif));

	if (!pif)
		return -ENOMEM;
	pif->netif = netif;
	pif->tap.frame = packet_tap_frame;
	pif->tap.gone = packet_tap_gone;
	list_add_tail(&p->ifs, &pif->link);
	packet_if_tap(pif, p->n_socks > 0);
	return 0;
}

/* As in Linux, a socket learns once that its interface is down. */
static void packet_socks_down(struct packet *p, const struct netif *netif)
{
	struct packet_sock *ps;

	list_for_each (ps, &p->socks, link)
		if (ps->ds.sk.conn.ifindex == netif->index)
			sock_set_err(&ps->ds.sk, ENETDOWN);
}

static void packet_netif_del(struct netif *netif)
{
	struct packet *p = netif->stack->packet;
	struct packet_if *pif = packet_if_find(p, netif);
	struct packet_sock *ps;

	list_for_each (ps, &p->socks, link) {
		packet_members_drop(ps, netif);
		if (ps->ds.sk.conn.ifindex != netif->index)
			continue;
		packet_fanout_leave(ps);
		sock_set_err(&ps->ds.sk, ENETDOWN);
		ps->ds.sk.conn.ifindex = UINT32_MAX;
	}
	packet_if_tap(pif, false);
	list_del(&pif->link);
	mem_free(&netif->stack->eng->mem, pif, sizeof(*pif));
}

static void packet_netif_change(struct netif *netif)
{
	struct packet *p = netif->stack->packet;
	struct packet_if *pif = packet_if_find(p, netif);
	bool up = netif->flags & NETIF_UP;

	if (pif->was_up && !up)
		packet_socks_down(p, netif);
	pif->was_up = up;
}

/*
 * Sockets.
 */

static void packet_destroy(struct sock *sk)
{
	struct packet_sock *ps = packet_of(sk);
	struct packet *p = sk->stack->packet;

	packet_fanout_leave(ps);
	packet_members_drop(ps, NULL);
	dgram_fini(&ps->ds);
	list_del(&ps->link);
	p->n_socks--;
	packet_taps_update(p);
	mem_free(&sk->stack->eng->mem, ps, sizeof(*ps));
}

static const struct sock_proto packet_protos[] = {
#define PACKET_PROTO(type_)                                                                  \
	{                                                                                    \
		.name = "packet", .type = (type_), .send = packet_send, .recv = packet_recv, \
		.close = dgram_close, .setopt = packet_setopt, .getopt = packet_getopt,      \
		.events = dgram_events, .diag = dgram_diag, .destroy = packet_destroy        \
	}
	PACKET_PROTO(WEFT_SOCK_RAW),
	PACKET_PROTO(WEFT_SOCK_DGRAM),
#undef PACKET_PROTO
};

int packet_new(struct stack *st, int type, int protocol, struct sock **ret)
{
	struct packet *p = st->packet;
	struct packet_sock *ps;

	if (type != WEFT_SOCK_RAW && type != WEFT_SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol < 0 || protocol > UINT16_MAX)
		return -EINVAL;
	ps = mem_zalloc(&st->eng->mem, sizeof(*ps));
	if (!ps)
		return -ENOMEM;
	ps->is_cooked = type == WEFT_SOCK_DGRAM;
	ps->protocol = (uint16_t)protocol;
	list_init(&ps->members);
	dgram_init(&ps->ds, st, &packet_protos[ps->is_cooked], WEFT_AF_PACKET, 0);
	list_add_tail(&p->socks, &ps->link);
	p->n_socks++;
	packet_taps_update(p);
	*ret = &ps->ds.sk;
	return 0;
}

int packet_bind(struct sock *sk, const struct sock_name *name)
{
	struct packet_sock *ps = packet_of(sk);
	struct netif *netif = NULL;

	if (name->family != WEFT_AF_PACKET)
		return -EINVAL;
	if (ps->fanout)
		return -EINVAL;
	if (name->ifindex) {
		netif = netif_find_index(sk->stack, name->ifindex);
		if (!netif)
			return -ENODEV;
	}
	if (name->port)
		ps->protocol = name->port;
	sk->conn.ifindex = name->ifindex;
	if (netif && !(netif->flags & NETIF_UP))
		sock_set_err(sk, ENETDOWN);
	return 0;
}

void packet_name(const struct sock *sk, struct sock_name *ret)
{
	const struct packet_sock *ps = packet_of_const(sk);
	const struct netif *netif = netif_find_index(sk->stack, sk->conn.ifindex);

	*ret = (struct sock_name){
		.family = WEFT_AF_PACKET, .port = ps->protocol, .ifindex = sk->conn.ifindex};
	if (!netif)
		return;
	memcpy(ret->addr.b, &netif->hwaddr, sizeof(netif->hwaddr));
	ret->addr.b[8] = sizeof(netif->hwaddr);
	store_be16(ret->addr.b + 10,
		   netif->flags & NETIF_LOOPBACK ? PACKET_ARPHRD_LOOPBACK : PACKET_ARPHRD_ETHER);
}

/*
 * The layer.
 */

static void packet_fini(struct stack *st)
{
	for (size_t i = 0; i < ARRAY_SIZE(packet_protos); i++)
		sock_close_all(st, &packet_protos[i]);
	mem_free(&st->eng->mem, st->packet, sizeof(*st->packet));
	st->packet = NULL;
}

static const struct stack_layer packet_layer = {
	.name = "packet",
	.netif_add = packet_netif_add,
	.netif_del = packet_netif_del,
	.netif_change = packet_netif_change,
	.fini = packet_fini,
};

int packet_init(struct stack *st)
{
	struct packet *p = mem_zalloc(&st->eng->mem, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	list_init(&p->socks);
	list_init(&p->ifs);
	list_init(&p->fanouts);
	st->packet = p;
	err = stack_layer_add(st, &packet_layer);
	if (err) {
		mem_free(&st->eng->mem, p, sizeof(*p));
		st->packet = NULL;
	}
	return err;
}
