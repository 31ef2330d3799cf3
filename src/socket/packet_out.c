/* SPDX-License-Identifier: MIT */
/* Packet sockets: frames out, as the application wrote them. */
#include <errno.h>
#include <string.h>

#include "link/eth.h"
#include "socket/packet_priv.h"
#include "wire/vlan.h"

/* Where the frame leaves. */
static int packet_out_netif(const struct sock *sk, const struct sock_msg *msg, struct netif **ret)
{
	uint32_t ifindex = msg->has_addr ? msg->ifindex : sk->conn.ifindex;

	*ret = ifindex ? netif_find_index(sk->stack, ifindex) : NULL;
	if (!*ret)
		return -ENXIO;
	return (*ret)->flags & NETIF_UP ? 0 : -ENETDOWN;
}

static int packet_out_check(struct sock *sk, const struct sock_msg *msg)
{
	const struct packet_sock *ps = packet_of(sk);

	if (sk->err)
		return sock_take_err(sk);
	if (msg->flags)
		return -EOPNOTSUPP;
	/* A destination is needed only where the header is ours to write. */
	if (ps->is_cooked && (!msg->has_addr || msg->addr.b[8] < sizeof(struct eth_addr)))
		return -EINVAL;
	if (!ps->is_cooked && msg->n_bytes < ETH_HDR_LEN)
		return -EINVAL;
	return 0;
}

/* As in Linux a VLAN tag does not count. */
static uint32_t packet_out_max(const struct packet_sock *ps, const struct netif *netif,
			       const struct pkt *pkt)
{
	struct eth_hdr hdr;

	if (ps->is_cooked)
		return netif->mtu;
	eth_hdr_read(pkt->data, &hdr);
	return netif->mtu + ETH_HDR_LEN + (hdr.type == ETHERTYPE_VLAN ? VLAN_HDR_LEN : 0);
}

static int packet_out_frame(struct packet_sock *ps, const struct sock_msg *msg, struct netif *netif,
			    struct pkt *pkt)
{
	struct eth_addr dst;

	if (!ps->is_cooked) {
		pkt->l3_off = (uint16_t)(pkt_off(pkt) + ETH_HDR_LEN);
		return netif_tx(netif, pkt);
	}
	memcpy(&dst, msg->addr.b, sizeof(dst));
	pkt->l3_off = pkt_off(pkt);
	return eth_output(netif, pkt, msg->port ? msg->port : ps->protocol, &dst);
}

ptrdiff_t packet_send(struct sock *sk, struct sock_msg *msg)
{
	struct packet_sock *ps = packet_of(sk);
	struct packet *p = sk->stack->packet;
	struct netif *netif;
	struct pkt *pkt;
	int err;

	err = packet_out_check(sk, msg);
	if (!err)
		err = packet_out_netif(sk, msg, &netif);
	if (err)
		return err;
	if (msg->n_bytes > (size_t)netif->mtu + ETH_HDR_LEN + VLAN_HDR_LEN)
		return -EMSGSIZE;
	pkt = dgram_pkt_new(sk, msg);
	if (!pkt)
		return -ENOBUFS;
	if (pkt->len > packet_out_max(ps, netif, pkt)) {
		pkt_free(pkt);
		return -EMSGSIZE;
	}
	p->sender = ps;
	err = packet_out_frame(ps, msg, netif, pkt);
	p->sender = NULL;
	return err ? err : (ptrdiff_t)msg->n_bytes;
}
