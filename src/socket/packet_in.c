/* SPDX-License-Identifier: MIT */
/* Packet sockets: frames in, through filters, to the queues of those whom they concern. */
#include <errno.h>
#include <string.h>

#include "socket/packet_priv.h"

enum {
	PACKET_CB_PROTOCOL = 8, /* in pkt->cb of a queued packet */
};

static uint8_t frame_type(const struct netif *netif, const struct eth_hdr *hdr, bool is_tx)
{
	if (is_tx)
		return WEFT_PACKET_OUTGOING;
	if (eth_addr_is_broadcast(&hdr->dst))
		return WEFT_PACKET_BROADCAST;
	if (eth_addr_is_multicast(&hdr->dst))
		return WEFT_PACKET_MULTICAST;
	return eth_addr_eq(&hdr->dst, &netif->hwaddr) ? WEFT_PACKET_HOST : WEFT_PACKET_OTHERHOST;
}

/* As in Linux, what is sent is seen by those who want all protocols. */
static bool frame_matches(const struct packet_frame *f, uint16_t protocol, uint32_t ifindex)
{
	if (ifindex && ifindex != f->netif->index)
		return false;
	if (protocol == WEFT_ETH_P_ALL)
		return true;
	return protocol != 0 && protocol == f->hdr.type && f->type != WEFT_PACKET_OUTGOING;
}

/* How many bytes to keep; 0: not for this socket. */
static uint32_t frame_filter(const struct packet_sock *ps, const struct packet_frame *f)
{
	const struct sock_bpf_pkt in = {
		.st = f->st,
		.pkt = f->pkt,
		.netif = f->netif,
		.l3_off = (uint32_t)f->pkt->l2_off + ETH_HDR_LEN,
		.protocol = f->hdr.type,
		.type = f->type,
	};
	uint32_t keep;

	if (likely(!ps->ds.bpf.prog))
		return UINT32_MAX;
	/* A cooked socket's program begins behind the Ethernet header. */
	if (ps->is_cooked)
		pkt_pull(f->pkt, ETH_HDR_LEN);
	keep = sock_bpf_run(&ps->ds.bpf, &in);
	if (ps->is_cooked)
		pkt_unpull_to(f->pkt, f->pkt->l2_off);
	return keep;
}

/* The application has no use for a checksum that is still to be computed. */
static struct pkt *frame_clone(const struct packet_frame *f)
{
	struct pkt *clone = pkt_clone(f->pkt);

	if (clone && clone->csum == PKT_CSUM_PARTIAL && !clone->gso_size &&
	    pkt_csum_complete(clone)) {
		pkt_free(clone);
		return NULL;
	}
	return clone;
}

static struct ip_addr frame_src(const struct packet_frame *f)
{
	struct ip_addr src = {{0}};

	memcpy(src.b, &f->hdr.src, sizeof(f->hdr.src));
	src.b[8] = sizeof(f->hdr.src);
	src.b[9] = f->type;
	store_be16(src.b + 10,
		   f->netif->flags & NETIF_LOOPBACK ? PACKET_ARPHRD_LOOPBACK : PACKET_ARPHRD_ETHER);
	return src;
}

bool packet_has_room(struct packet_sock *ps, const struct pkt *pkt)
{
	return dgram_has_room(&ps->ds, pkt);
}

static void frame_deliver(struct packet_sock *ps, const struct packet_frame *f)
{
	struct ip_addr src = frame_src(f);
	uint32_t keep = frame_filter(ps, f);
	struct pkt *clone = NULL;

	if (keep == 0)
		return;
	if (packet_has_room(ps, f->pkt))
		clone = frame_clone(f);
	if (!clone) {
		ps->stats.drops++;
		f->st->drops[DROP_PACKET_RCVBUF]++; /* the frame itself goes on */
		return;
	}
	ps->stats.packets++;
	if (ps->is_cooked)
		pkt_pull(clone, ETH_HDR_LEN);
	if (keep < clone->len)
		pkt_trim(clone, keep);
	store_be16(clone->cb + PACKET_CB_PROTOCOL, f->hdr.type);
	dgram_queue(&ps->ds, clone, &src);
}

static void frame_to_fanouts(const struct packet *p, const struct packet_frame *f)
{
	struct packet_fanout *fan;
	struct packet_sock *ps;

	list_for_each (fan, &p->fanouts, link) {
		if (!frame_matches(f, fan->protocol, fan->ifindex) ||
		    (p->sender && p->sender->fanout == fan))
			continue;
		if (f->type == WEFT_PACKET_OUTGOING &&
		    (fan->flags & WEFT_PACKET_FANOUT_FLAG_IGNORE_OUTGOING))
			continue;
		ps = packet_fanout_choose(fan, f);
		if (ps)
			frame_deliver(ps, f);
	}
}

void packet_tap_frame(struct netif_tap *tap UNUSED, const struct netif *netif,
		      const struct pkt *pkt, bool is_tx)
{
	const struct packet *p = netif->stack->packet;
	struct packet_frame f = {
		.st = netif->stack, .netif = netif, .pkt = (struct pkt *)(uintptr_t)pkt};
	struct packet_sock *ps;

	if (pkt->lin_len < ETH_HDR_LEN || !(netif->flags & NETIF_UP))
		return;
	eth_hdr_read(pkt->data, &f.hdr);
	f.type = frame_type(netif, &f.hdr, is_tx);
	list_for_each (ps, &p->socks, link) {
		if (ps->fanout || ps == p->sender ||
		    !frame_matches(&f, ps->protocol, ps->ds.sk.conn.ifindex) ||
		    (is_tx && ps->ignores_outgoing))
			continue;
		frame_deliver(ps, &f);
	}
	frame_to_fanouts(p, &f);
}

ptrdiff_t packet_recv(struct sock *sk, struct sock_msg *msg)
{
	const struct pkt *pkt = packet_of(sk)->ds.rcvq.first;

	if (pkt)
		msg->port = load_be16(pkt->cb + PACKET_CB_PROTOCOL);
	return dgram_recv(sk, msg);
}
