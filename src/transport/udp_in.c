/* SPDX-License-Identifier: MIT */
/* UDP receive path: header, checksum, demultiplexing to a socket or, for a group, to several. */
#include "transport/dgram.h"
#include "transport/intercept.h"
#include "transport/pseudo.h"
#include "transport/sock_table.h"
#include "transport/udp.h"
#include "wire/ip4.h"
#include "wire/udp.h"

/* RFC 1122 §4.1.3.4: a checksum that is present must be verified; zero means that none was sent,
 * which IPv6 does not allow (RFC 8200 §8.1). */
static bool udp_csum_ok(const struct pkt *pkt, const struct udp_hdr *hdr,
			const struct ip_info *info)
{
	if (pkt->csum != PKT_CSUM_NONE)
		return true;
	if (hdr->csum == 0)
		return !info->is_ip6;
	return pseudo_csum_ok(pkt, &info->src, &info->dst, IP_PROTO_UDP, hdr->len);
}

/* Queues a datagram, or for who wants that a group of them, at a socket. Takes it on DROP_NONE. */
static enum drop udp_deliver_one(struct sock *sk, struct pkt *pkt, const struct udp_hdr *hdr,
				 const struct ip_info *info)
{
	struct dgram_sock *ds = dgram_of(sk);
	uint32_t keep = dgram_filter(ds, pkt, info->is_ip6);
	enum drop why;

	if (unlikely(keep == 0))
		return DROP_SOCK_FILTER;
	why = dgram_admit(ds, pkt);
	if (unlikely(why != DROP_NONE)) {
		mib_inc(sk->stack, MIB_UdpRcvbufErrors);
		mib_inc(sk->stack, MIB_UdpInErrors);
		return why;
	}
	if (hdr->len < pkt->len)
		pkt_trim(pkt, hdr->len);
	if (unlikely(keep < pkt->len)) /* as in Linux the header stays */
		pkt_trim(pkt, keep < UDP_HDR_LEN ? UDP_HDR_LEN : keep);
	pkt_pull(pkt, UDP_HDR_LEN);
	mib_inc(sk->stack, MIB_UdpInDatagrams);
	if (unlikely(ds->takes_gro) && udp_gro_take(ds, pkt))
		pkt_free(pkt);
	else
		dgram_queue(ds, pkt, &info->src);
	return DROP_NONE;
}

/* One datagram of a group that came as one. NULL: no memory. */
static struct pkt *udp_segment_of(struct pkt *pkt, uint32_t off, uint32_t len)
{
	struct pkt *seg = pkt_clone(pkt);

	if (!seg)
		return NULL;
	seg->gso_size = 0;
	seg->gso_type = PKT_GSO_NONE;
	pkt_eat(seg, UDP_HDR_LEN + off);
	pkt_trim(seg, len);
	return seg;
}

/* A group for a socket that knows nothing of groups: each datagram on its own, as far as there is
 * room. Takes it on DROP_NONE. */
static enum drop udp_deliver_group(struct dgram_sock *ds, struct pkt *pkt,
				   const struct udp_hdr *hdr, const struct ip_info *info)
{
	uint32_t n_payload = (uint32_t)hdr->len - UDP_HDR_LEN;
	bool any = false;

	for (uint32_t off = 0; off < n_payload; off += pkt->gso_size) {
		uint32_t left = n_payload - off;
		struct pkt *seg =
			udp_segment_of(pkt, off, left < pkt->gso_size ? left : pkt->gso_size);

		if (!seg || !dgram_has_room(ds, seg)) {
			pkt_free(seg);
			mib_inc(ds->sk.stack, MIB_UdpRcvbufErrors);
			mib_inc(ds->sk.stack, MIB_UdpInErrors);
			continue;
		}
		any = true;
		mib_inc(ds->sk.stack, MIB_UdpInDatagrams);
		dgram_queue(ds, seg, &info->src);
	}
	if (!any)
		return DROP_UDP_RCVBUF;
	pkt_free(pkt);
	return DROP_NONE;
}

static enum drop udp_deliver(struct sock *sk, struct pkt *pkt, const struct udp_hdr *hdr,
			     const struct ip_info *info)
{
	struct dgram_sock *ds = dgram_of(sk);

	if (unlikely(pkt->gso_size) && !ds->takes_gro) {
		if (dgram_filter(ds, pkt, info->is_ip6) == 0)
			return DROP_SOCK_FILTER;
		return udp_deliver_group(ds, pkt, hdr, info);
	}
	return udp_deliver_one(sk, pkt, hdr, info);
}

struct udp_group {
	struct pkt *pkt;
	const struct udp_hdr *hdr;
	const struct ip_info *info;
	struct sock *last; /* gets the packet itself */
	bool is_taken;     /* somebody got a clone */
};

/* Every socket but the last found gets a clone. */
static void udp_group_list(struct udp_group *g, const struct hlist *nodes,
			   const struct sock_flow *flow)
{
	bool is_mcast = ip_addr_is_multicast(&flow->laddr);
	struct conn_node *node;

	hlist_for_each (node, nodes, port_link) {
		struct pkt *clone;

		if (!sock_node_matches(node, flow) ||
		    (is_mcast &&
		     !dgram_mcast_takes(dgram_of(sock_of_conn(node)), g->info, flow->ifindex)))
			continue;
		if (g->last) {
			clone = pkt_clone(g->pkt);
			if (clone && udp_deliver(g->last, clone, g->hdr, g->info) == DROP_NONE)
				g->is_taken = true;
			else
				pkt_free(clone);
		}
		g->last = sock_of_conn(node);
	}
}

/* Broadcast and multicast go to all sockets that match (RFC 1122 §4.1.3.3 and §3.3.6). */
static enum drop udp_input_group(struct stack *st, struct pkt *pkt, const struct udp_hdr *hdr,
				 const struct ip_info *info, const struct sock_flow *flow)
{
	const struct sock_port *port = sock_port_find(st, IP_PROTO_UDP, flow->lport);
	struct udp_group g = {.pkt = pkt, .hdr = hdr, .info = info};
	enum drop why;

	if (port) {
		udp_group_list(&g, &port->conns, flow);
		udp_group_list(&g, &port->owners, flow);
	}
	if (!g.last)
		return DROP_UDP_NO_PORT;
	why = udp_deliver(g.last, pkt, hdr, info);
	if (why == DROP_NONE || !g.is_taken)
		return why;
	pkt_free(pkt);
	return DROP_NONE;
}

static enum drop udp_input_one(struct stack *st, struct pkt *pkt, const struct udp_hdr *hdr,
			       const struct ip_info *info, const struct sock_flow *flow)
{
	struct sock *sk = info->is_foreign ? NULL : sock_lookup_datagram(st, flow);

	if (!sk && pkt->netif && pkt->netif->intercept)
		return intercept_datagram(pkt->netif->intercept, pkt, hdr, info);
	if (unlikely(!sk)) {
		mib_inc(st, MIB_UdpNoPorts);
		return DROP_UDP_NO_PORT; /* the caller answers: port unreachable */
	}
	return udp_deliver(sk, pkt, hdr, info);
}

enum drop udp_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	struct sock_flow flow;
	struct udp_hdr hdr;

	if (unlikely(!pkt_pullup(pkt, UDP_HDR_LEN)))
		goto bad_hdr;
	udp_hdr_read(pkt->data, &hdr);
	if (unlikely(!udp_hdr_len_ok(&hdr, pkt->len)))
		goto bad_hdr;
	if (unlikely(!udp_csum_ok(pkt, &hdr, info))) {
		mib_inc(st, MIB_UdpInCsumErrors);
		mib_inc(st, MIB_UdpInErrors);
		return DROP_UDP_CSUM;
	}
	flow = (struct sock_flow){
		.laddr = info->dst,
		.raddr = info->src,
		.lport = hdr.dst_port,
		.rport = hdr.src_port,
		.proto = IP_PROTO_UDP,
		.ifindex = pkt->netif ? pkt->netif->index : 0,
	};
	if (unlikely(info->is_broadcast))
		return udp_input_group(st, pkt, &hdr, info, &flow);
	return udp_input_one(st, pkt, &hdr, info, &flow);

bad_hdr:
	mib_inc(st, MIB_UdpInErrors);
	return DROP_UDP_HDR;
}

void udp_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
	       uint32_t quote_len)
{
	struct sock_flow flow = {
		.laddr = err->src,
		.raddr = err->dst,
		.proto = IP_PROTO_UDP,
	};
	struct udp_hdr hdr;
	struct sock *sk;

	if (quote_len < UDP_HDR_LEN)
		return;
	udp_hdr_read(quote, &hdr);
	flow.lport = hdr.src_port;
	flow.rport = hdr.dst_port;
	sk = sock_lookup_datagram(st, &flow);
	if (sk)
		dgram_icmp_error(sk, err, hdr.dst_port, quote + UDP_HDR_LEN,
				 quote_len - UDP_HDR_LEN);
}
