/* SPDX-License-Identifier: MIT */
/* Ethernet II, both ways. */
#include "link/eth.h"

#include "core/netif.h"
#include "core/stack.h"
#include "wire/eth.h"
#include "wire/vlan.h"

/* Whom a frame is for, as the interface sees it; DROP_ETH_OTHERHOST: not for us. */
static enum drop eth_classify(struct netif *netif, struct pkt *pkt, const struct eth_addr *dst)
{
	if (likely(eth_addr_eq(dst, &netif->hwaddr)))
		return DROP_NONE;
	if (eth_addr_is_multicast(dst)) {
		if (eth_addr_is_broadcast(dst)) {
			pkt->flags |= PKT_F_L2_BROADCAST;
			return DROP_NONE;
		}
		pkt->flags |= PKT_F_L2_MULTICAST;
		netif->stats.rx_multicast++;
		return DROP_NONE;
	}
	if (!(netif->flags & NETIF_PROMISC))
		return DROP_ETH_OTHERHOST;
	pkt->flags |= PKT_F_L2_OTHERHOST;
	return DROP_NONE;
}

/* Reads a VLAN tag behind the Ethernet header; the type becomes that of what it carries. */
static enum drop eth_untag(const struct pkt *pkt, uint32_t *hdr_len, uint16_t *type)
{
	struct vlan_hdr vlan;

	if (pkt->lin_len < ETH_HDR_LEN + VLAN_HDR_LEN)
		return DROP_ETH_HDR;
	vlan_hdr_read(pkt->data + ETH_HDR_LEN, &vlan);
	if (vlan.vid != 0) /* IEEE 802.1Q §6.9: VLAN 0 is a priority and no VLAN */
		return DROP_ETH_VLAN;
	*hdr_len = ETH_HDR_LEN + VLAN_HDR_LEN;
	*type = vlan.type;
	return DROP_NONE;
}

static eth_proto_fn *eth_proto_find(const struct stack *st, uint16_t type)
{
	for (size_t i = 0; i < STACK_ETH_PROTOS && st->eth_protos[i].input; i++)
		if (st->eth_protos[i].type == type)
			return st->eth_protos[i].input;
	return NULL;
}

enum drop eth_input(struct netif *netif, struct pkt *pkt)
{
	uint32_t hdr_len = ETH_HDR_LEN;
	struct eth_hdr hdr;
	eth_proto_fn *input;
	enum drop why;

	if (unlikely(!pkt_pullup(pkt, ETH_HDR_LEN)))
		return DROP_ETH_HDR;
	eth_hdr_read(pkt->data, &hdr);
	if (unlikely(eth_addr_is_multicast(&hdr.src)))
		return DROP_ETH_SRC;
	why = eth_classify(netif, pkt, &hdr.dst);
	if (unlikely(why != DROP_NONE))
		return why;
	if (unlikely(hdr.type == ETHERTYPE_VLAN)) {
		why = eth_untag(pkt, &hdr_len, &hdr.type);
		if (why != DROP_NONE)
			return why;
	}
	input = eth_proto_find(netif->stack, hdr.type);
	if (unlikely(!input))
		return DROP_ETH_PROTO;
	pkt_pull(pkt, hdr_len);
	pkt->l3_off = pkt_off(pkt);
	return input(netif, pkt);
}

int eth_output(struct netif *netif, struct pkt *pkt, uint16_t ethertype, const struct eth_addr *dst)
{
	const struct eth_hdr hdr = {.dst = *dst, .src = netif->hwaddr, .type = ethertype};
	uint8_t *p = pkt_push(pkt, ETH_HDR_LEN);

	if (unlikely(!p)) {
		netif->stats.tx_dropped++;
		return pkt_drop(netif->stack, pkt, DROP_NOMEM);
	}
	eth_hdr_write(p, &hdr);
	pkt->l2_off = pkt_off(pkt);
	return netif_tx(netif, pkt);
}
