/* SPDX-License-Identifier: MIT */
/* Packet sockets: options and memberships, with Linux's numbers and errors. */
#include <errno.h>
#include <string.h>

#include "socket/packet_priv.h"

/*
 * Memberships: every multicast frame is taken anyway, so only promiscuous ones do something.
 */

static bool mreq_eq(const struct weft_packet_mreq *a, const struct weft_packet_mreq *b)
{
	return a->ifindex == b->ifindex && a->type == b->type && a->alen == b->alen &&
	       memcmp(a->address, b->address, a->alen) == 0;
}

static struct packet_member *member_find(const struct packet_sock *ps,
					 const struct weft_packet_mreq *mreq)
{
	struct packet_member *m;

	list_for_each (m, &ps->members, link)
		if (mreq_eq(&m->mreq, mreq))
			return m;
	return NULL;
}

static int member_add(struct packet_sock *ps, const struct weft_packet_mreq *mreq)
{
	struct stack *st = ps->ds.sk.stack;
	struct netif *netif = netif_find_index(st, (uint32_t)mreq->ifindex);
	struct packet_member *m = member_find(ps, mreq);

	if (!netif)
		return -ENODEV;
	if (m) {
		m->n_adds++;
		return 0;
	}
	if (ps->n_members == PACKET_MEMBERS_MAX)
		return -ENOBUFS;
	m = mem_zalloc(&st->eng->mem, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->mreq = *mreq;
	m->n_adds = 1;
	list_add_tail(&ps->members, &m->link);
	ps->n_members++;
	if (mreq->type == WEFT_PACKET_MR_PROMISC)
		netif_set_promisc(netif, true);
	return 0;
}

static void member_del(struct packet_sock *ps, struct packet_member *m)
{
	struct stack *st = ps->ds.sk.stack;
	struct netif *netif = netif_find_index(st, (uint32_t)m->mreq.ifindex);

	if (netif && m->mreq.type == WEFT_PACKET_MR_PROMISC)
		netif_set_promisc(netif, false);
	list_del(&m->link);
	ps->n_members--;
	mem_free(&st->eng->mem, m, sizeof(*m));
}

void packet_members_drop(struct packet_sock *ps, const struct netif *netif)
{
	struct packet_member *m;

	list_for_each_safe (m, &ps->members, link)
		if (!netif || (uint32_t)m->mreq.ifindex == netif->index)
			member_del(ps, m);
}

static int packet_set_member(struct packet_sock *ps, int name, const void *val, size_t len)
{
	struct weft_packet_mreq mreq;
	struct packet_member *m;

	if (len < sizeof(mreq))
		return -EINVAL;
	memcpy(&mreq, val, sizeof(mreq));
	if (mreq.type > WEFT_PACKET_MR_UNICAST || mreq.alen > sizeof(struct eth_addr))
		return -EINVAL;
	if (name == WEFT_PACKET_ADD_MEMBERSHIP)
		return member_add(ps, &mreq);
	m = member_find(ps, &mreq);
	if (m && --m->n_adds == 0)
		member_del(ps, m);
	return 0;
}

/*
 * Options.
 */

static int packet_set_int(struct packet_sock *ps, int name, int v)
{
	switch (name) {
	case WEFT_PACKET_FANOUT:
		return packet_fanout_join(ps, (uint32_t)v);
	case WEFT_PACKET_IGNORE_OUTGOING:
		if (v < 0 || v > 1)
			return -EINVAL;
		ps->ignores_outgoing = v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int packet_setopt(struct sock *sk, int level, int name, const void *val, size_t len)
{
	struct packet_sock *ps = packet_of(sk);
	int v;

	if (level == WEFT_SOL_SOCKET)
		return dgram_setopt(sk, level, name, val, len);
	if (level != WEFT_SOL_PACKET)
		return -ENOPROTOOPT;
	if (name == WEFT_PACKET_ADD_MEMBERSHIP || name == WEFT_PACKET_DROP_MEMBERSHIP)
		return packet_set_member(ps, name, val, len);
	if (name == WEFT_PACKET_FANOUT_DATA) {
		if (!ps->fanout || ps->fanout->mode != WEFT_PACKET_FANOUT_CBPF)
			return -EINVAL;
		if (ps->ds.bpf.is_locked)
			return -EPERM;
		return bpf_prog_set(sk->stack, &ps->fanout->prog, val, len);
	}
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	return packet_set_int(ps, name, v);
}

static int packet_get_put(void *val, size_t *len, const void *from, size_t from_len)
{
	if (*len > from_len)
		*len = from_len;
	if (*len)
		memcpy(val, from, *len);
	return 0;
}

int packet_getopt(struct sock *sk, int level, int name, void *val, size_t *len)
{
	struct packet_sock *ps = packet_of(sk);
	const struct packet_fanout *fan = ps->fanout;
	struct weft_packet_stats stats = ps->stats;
	int v;

	if (level == WEFT_SOL_SOCKET)
		return dgram_getopt(sk, level, name, val, len);
	if (level != WEFT_SOL_PACKET)
		return -ENOPROTOOPT;
	switch (name) {
	case WEFT_PACKET_STATISTICS:
		stats.packets += stats.drops;
		ps->stats = (struct weft_packet_stats){0};
		return packet_get_put(val, len, &stats, sizeof(stats));
	case WEFT_PACKET_FANOUT:
		v = fan ? (int)(fan->id | (uint32_t)(fan->mode | fan->flags) << 16) : 0;
		return packet_get_put(val, len, &v, sizeof(v));
	case WEFT_PACKET_IGNORE_OUTGOING:
		v = ps->ignores_outgoing;
		return packet_get_put(val, len, &v, sizeof(v));
	default:
		return -ENOPROTOOPT;
	}
}
