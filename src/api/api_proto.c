/* SPDX-License-Identifier: MIT */
/* Protocols of the application's own (weft/proto.h): what the stack calls for all of them finds the
 * one by its number. */
#include "api/api_priv.h"
#include "ip/ip.h"
#include "link/eth.h"
#include "pkt/pkt.h"
#include "transport/sock_table.h"
#include "weft/proto.h"
#include "wire/eth.h"

enum {
	PROTO_IP_MAX = 65515,        /* bytes behind a header of IPv4 */
	PROTO_ETHERTYPE_MIN = 0x600, /* below, it is a length */
};

struct api_ip_proto {
	struct list link; /* api_stack.ip_protos */
	struct ip_proto ip;
	struct weft_ip_proto app;
};

struct api_eth_proto {
	struct list link; /* api_stack.eth_protos */
	struct weft_eth_proto app;
};

static struct api_stack *api_of(const struct stack *st)
{
	return st->api;
}

/* Above IP */

static enum drop proto_input(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	const struct api_ip_proto *p =
		container_of(st->ip_protos[info->proto], const struct api_ip_proto, ip);
	int family = info->is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET;
	struct weft_ip_rx rx = {
		.src = weft_addr_of(&info->src, family),
		.dst = weft_addr_of(&info->dst, family),
		.ttl = info->ttl,
		.tos = info->tos,
		.is_broadcast = info->is_broadcast,
	};

	if (!pkt_pullup(pkt, pkt->len))
		return DROP_NOMEM;
	pkt_hop(pkt, HOP_SOCK, info->proto);
	p->app.input(p->app.arg, &rx, pkt->data, pkt->len);
	pkt_free(pkt);
	return DROP_NONE;
}

static void proto_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
			uint32_t quote_len)
{
	const struct api_ip_proto *p =
		container_of(st->ip_protos[err->proto], const struct api_ip_proto, ip);
	struct weft_addr dst = weft_addr_of(&err->dst, ip_addr_family(&err->dst));

	p->app.error(p->app.arg, &dst, err->err, quote, quote_len);
}

int weft_ip_proto_add(struct weft_stack *handle, const struct weft_ip_proto *proto)
{
	struct stack *st = stack_of(handle);
	struct api_ip_proto *p;
	int err;

	if (!proto->input)
		return -EINVAL;
	p = mem_zalloc(&st->eng->mem, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->app = *proto;
	p->ip = (struct ip_proto){
		.proto = proto->number,
		.input = proto_input,
		.error = proto->error ? proto_error : NULL,
	};
	err = stack_ip_proto_add(st, &p->ip);
	if (err) {
		mem_free(&st->eng->mem, p, sizeof(*p));
		return err;
	}
	list_add_tail(&api_of(st)->ip_protos, &p->link);
	return 0;
}

static int proto_flow(struct stack *st, uint8_t number, const struct weft_addr *src,
		      const struct weft_addr *dst, struct ip_flow *ret)
{
	*ret = (struct ip_flow){.proto = number};
	if (ip_addr_of(dst, &ret->dst))
		return -EAFNOSUPPORT;
	if (!src)
		return 0;
	if (src->family != dst->family || ip_addr_of(src, &ret->src))
		return -EAFNOSUPPORT;
	return ip_addr_is_local(st, &ret->src) ? 0 : -EADDRNOTAVAIL;
}

int weft_ip_send(struct weft_stack *handle, uint8_t number, const struct weft_addr *src,
		 const struct weft_addr *dst, const void *bytes, size_t len)
{
	struct stack *st = stack_of(handle);
	struct ip_out out = {.may_broadcast = true};
	struct ip_addr from;
	struct ip_dst route;
	struct pkt *pkt;
	int err;

	if (len > PROTO_IP_MAX)
		return -EMSGSIZE;
	err = proto_flow(st, number, src, dst, &out.flow);
	if (!err)
		err = ip_route(st, &out.flow, &route, &from);
	if (err)
		return err;
	out.flow.src = from;
	out.dst = &route;
	pkt = pkt_alloc(&st->eng->pkts, (uint32_t)len);
	if (!pkt)
		return -ENOBUFS;
	if (len)
		memcpy(pkt_put(pkt, (uint32_t)len), bytes, len);
	pkt->l4_off = pkt_off(pkt);
	pkt_hop(pkt, HOP_SOCK, number);
	return ip_output(st, pkt, &out);
}

/* With an EtherType */

static enum drop proto_eth_input(struct netif *netif, struct pkt *pkt)
{
	const uint8_t *frame = pkt_l2(pkt);
	uint16_t type = load_be16(pkt->data - sizeof(uint16_t)); /* the header ends with it */
	uint8_t src[sizeof(struct eth_addr)];
	struct api_eth_proto *p;

	memcpy(src, frame + sizeof(struct eth_addr), sizeof(src));
	if (!pkt_pullup(pkt, pkt->len))
		return DROP_NOMEM;
	list_for_each (p, &api_of(netif->stack)->eth_protos, link) {
		if (p->app.type != type)
			continue;
		p->app.input(p->app.arg, weft_netif_of(netif), src, pkt->data, pkt->len);
		pkt_free(pkt);
		return DROP_NONE;
	}
	return DROP_ETH_PROTO;
}

int weft_eth_proto_add(struct weft_stack *handle, const struct weft_eth_proto *proto)
{
	struct stack *st = stack_of(handle);
	struct api_eth_proto *p;
	int err;

	if (!proto->input || proto->type < PROTO_ETHERTYPE_MIN)
		return -EINVAL;
	p = mem_zalloc(&st->eng->mem, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->app = *proto;
	err = proto->type == ETHERTYPE_VLAN ? -EEXIST
					    : stack_eth_proto_add(st, proto->type, proto_eth_input);
	if (err) {
		mem_free(&st->eng->mem, p, sizeof(*p));
		return err;
	}
	list_add_tail(&api_of(st)->eth_protos, &p->link);
	return 0;
}

int weft_eth_send(struct weft_netif *nif, uint16_t type, const uint8_t *dst, const void *bytes,
		  size_t len)
{
	struct netif *netif = netif_of(nif);
	struct eth_addr to;
	struct pkt *pkt;

	if (len > netif->mtu)
		return -EMSGSIZE;
	if (!netif_is_running(netif))
		return -ENETDOWN;
	pkt = pkt_alloc(&netif->stack->eng->pkts, (uint32_t)len);
	if (!pkt)
		return -ENOBUFS;
	if (len)
		memcpy(pkt_put(pkt, (uint32_t)len), bytes, len);
	memcpy(&to, dst, sizeof(to));
	pkt->l3_off = pkt_off(pkt);
	return eth_output(netif, pkt, type, &to);
}

void api_proto_fini(struct engine *eng, struct api_stack *api)
{
	struct list *link;

	while ((link = list_pop(&api->ip_protos)))
		mem_free(&eng->mem, container_of(link, struct api_ip_proto, link),
			 sizeof(struct api_ip_proto));
	while ((link = list_pop(&api->eth_protos)))
		mem_free(&eng->mem, container_of(link, struct api_eth_proto, link),
			 sizeof(struct api_eth_proto));
}
