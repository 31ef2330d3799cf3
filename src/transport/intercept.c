/* SPDX-License-Identifier: MIT */
/* Intercepts: their life, and datagrams for everybody; the contract is in intercept.h. */
#include "transport/intercept.h"

#include <errno.h>
#include <string.h>

#include "base/csum.h"
#include "ip/icmp.h"
#include "ip/icmp6.h"
#include "ip/ip.h"
#include "transport/udp.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
	MAX_REQUESTS = 1024,
	MAX_QUEUE_BYTES = 1 << 20,
	ECHO_HDR_LEN = 8,
	DATAGRAM_MAX = IP4_LEN_MAX - IP4_HDR_LEN - UDP_HDR_LEN,
	ECHO_PAYLOAD_MAX = IP4_LEN_MAX - IP4_HDR_LEN - ECHO_HDR_LEN,
};
static_assert(sizeof(struct intercept_cb) <= sizeof(((struct pkt *)NULL)->cb), "fits");

/*
 * Life.
 */

static void intercept_work(struct engine_work *work)
{
	struct intercept *ic = container_of(work, struct intercept, work);
	bool is_readable = ic->is_readable;

	ic->is_readable = false;
	tcp_asks_tell(ic);
	if (is_readable && !pktq_is_empty(&ic->queue) && ic->cfg.readable)
		ic->cfg.readable(ic->cfg.arg);
}

int intercept_new(struct netif *netif, const struct weft_intercept_config *cfg,
		  struct intercept **ret)
{
	struct mem *mem = &netif->stack->eng->mem;
	struct intercept *ic;

	if (netif->intercept)
		return -EEXIST;
	ic = mem_zalloc(mem, sizeof(*ic));
	if (!ic)
		return -ENOMEM;
	ic->netif = netif;
	ic->cfg = *cfg;
	if (!ic->cfg.max_requests)
		ic->cfg.max_requests = MAX_REQUESTS;
	if (!ic->cfg.max_queue_bytes)
		ic->cfg.max_queue_bytes = MAX_QUEUE_BYTES;
	engine_work_init(&ic->work, intercept_work);
	list_init(&ic->fresh);
	list_init(&ic->told);
	list_init(&ic->gone);
	pktq_init(&ic->queue);
	netif->intercept = ic;
	*ret = ic;
	return 0;
}

void intercept_free(struct intercept *ic)
{
	if (!ic)
		return;
	tcp_asks_fini(ic);
	pktq_purge(&ic->queue);
	pkt_free(ic->shown);
	engine_work_cancel(&ic->work);
	ic->netif->intercept = NULL;
	mem_free(&ic->netif->stack->eng->mem, ic, sizeof(*ic));
}

static void intercept_netif_del(struct netif *netif)
{
	intercept_free(netif->intercept);
}

/*
 * Receiving.
 */

/* Queues a packet, `data` at the payload. Takes it on DROP_NONE. */
static enum drop intercept_queue(struct intercept *ic, struct pkt *pkt,
				 const struct intercept_cb *cb)
{
	uint32_t n = pkt_mem_bytes(pkt);

	if (ic->queue_mem + n > ic->cfg.max_queue_bytes && !pktq_is_empty(&ic->queue)) {
		ic->stats.dropped_full++;
		return DROP_INTERCEPT_QUEUE;
	}
	memcpy(pkt->cb, cb, sizeof(*cb));
	pkt->netif = NULL; /* it may go while the packet waits */
	pkt_hop(pkt, HOP_SOCK, cb->proto);
	ic->queue_mem += n;
	pktq_push(&ic->queue, pkt);
	ic->is_readable = true;
	intercept_wake(ic);
	return DROP_NONE;
}

enum drop intercept_datagram(struct intercept *ic, struct pkt *pkt, const struct udp_hdr *hdr,
			     const struct ip_info *info)
{
	struct intercept_cb cb = {
		.sport = hdr->src_port, .dport = hdr->dst_port, .proto = IP_PROTO_UDP};
	enum drop why;

	(void)info;
	if (hdr->len < pkt->len)
		pkt_trim(pkt, hdr->len);
	pkt_pull(pkt, UDP_HDR_LEN);
	why = intercept_queue(ic, pkt, &cb);
	if (why == DROP_NONE)
		ic->stats.datagrams++;
	else
		pkt_unpull_to(pkt, pkt->l4_off);
	return why;
}

/* The hook of struct icmp: an echo request for somebody else, checksum verified, its header linear.
 */
static enum drop intercept_echo(struct stack *st, struct pkt *pkt, const struct ip_info *info)
{
	struct intercept *ic = pkt->netif->intercept;
	struct intercept_cb cb = {.sport = load_be16(pkt->data + 4),
				  .dport = load_be16(pkt->data + 6),
				  .proto = info->proto};
	enum drop why;

	(void)st;
	pkt_pull(pkt, ECHO_HDR_LEN);
	why = intercept_queue(ic, pkt, &cb);
	if (why == DROP_NONE)
		ic->stats.echoes++;
	else
		pkt_unpull_to(pkt, pkt->l4_off);
	return why;
}

/* What the IP header says. */
static void msg_of_ip(const struct pkt *pkt, struct weft_intercept_msg *ret)
{
	const uint8_t *p = pkt_l3(pkt);
	struct ip_addr src, dst;
	struct ip4_hdr h4;
	struct ip6_hdr h6;

	if (p[0] >> 4 == 6) {
		ip6_hdr_read(p, &h6);
		src = ip_addr_from_ip6(&h6.src);
		dst = ip_addr_from_ip6(&h6.dst);
		ret->ttl = h6.hop_limit;
		ret->tos = h6.tclass;
		ret->df = true;
	} else {
		ip4_hdr_read(p, &h4);
		src = ip_addr_from_ip4(&h4.src);
		dst = ip_addr_from_ip4(&h4.dst);
		ret->ttl = h4.ttl;
		ret->tos = h4.tos;
		ret->df = h4.df;
	}
	ret->src.addr = intercept_addr(&src);
	ret->dst.addr = intercept_addr(&dst);
}

int intercept_recv(struct intercept *ic, struct weft_intercept_msg *ret)
{
	struct pkt *pkt = pktq_pop(&ic->queue);
	struct intercept_cb cb;
	size_t n = 0;

	pkt_free(ic->shown);
	ic->shown = pkt;
	if (!pkt)
		return -EAGAIN;
	ic->queue_mem -= pkt_mem_bytes(pkt);
	memcpy(&cb, pkt->cb, sizeof(cb));
	*ret = (struct weft_intercept_msg){.proto = cb.proto, .len = pkt->len};
	msg_of_ip(pkt, ret);
	ret->src.port = cb.sport;
	ret->dst.port = cb.dport;
	ret->gso_size = pkt->gso_type == PKT_GSO_UDP ? pkt->gso_size : 0;
	if (pkt->lin_len)
		ic->iov[n++] = (struct weft_iovec){.base = pkt->data, .len = pkt->lin_len};
	for (uint8_t i = 0; i < pkt->n_frags; i++)
		ic->iov[n++] =
			(struct weft_iovec){.base = pkt->frags[i].buf->bytes + pkt->frags[i].off,
					    .len = pkt->frags[i].len};
	ret->iov = ic->iov;
	ret->n_iov = n;
	return 0;
}

/*
 * Sending.
 */

/* Where a packet to a host behind the interface goes, from whatever address. */
static int send_flow(struct intercept *ic, const struct weft_intercept_msg *msg, uint8_t proto,
		     struct ip_out *out)
{
	*out = (struct ip_out){
		.flow = {.oif = ic->netif->index, .tos = msg->tos, .proto = proto},
		.ttl = msg->ttl,
		.df = msg->df,
		.df_if_fits = true,
	};
	if (!intercept_addr_of(&msg->src.addr, &out->flow.src) ||
	    !intercept_addr_of(&msg->dst.addr, &out->flow.dst) ||
	    ip_addr_is_ip4(&out->flow.src) != ip_addr_is_ip4(&out->flow.dst) ||
	    ip_addr_is_multicast(&out->flow.dst) || ip_addr_is_unspecified(&out->flow.src))
		return -EINVAL;
	return 0;
}

/* A packet with the payload. NULL: no memory. */
static struct pkt *send_pkt(struct intercept *ic, const struct weft_intercept_msg *msg, size_t len)
{
	struct pkt *pkt = pkt_alloc(&ic->netif->stack->eng->pkts, (uint32_t)len);

	for (size_t i = 0; pkt && i < msg->n_iov; i++)
		if (msg->iov[i].len)
			memcpy(pkt_put(pkt, (uint32_t)msg->iov[i].len), msg->iov[i].base,
			       msg->iov[i].len);
	return pkt;
}

static int send_done(int err)
{
	/* A queue that is full on the way is no error of the application's. */
	return err == -ENETUNREACH || err == -ENETDOWN ? -EHOSTUNREACH : err == -ENOBUFS ? 0 : err;
}

static int send_datagram(struct intercept *ic, const struct weft_intercept_msg *msg, size_t len)
{
	struct ip_out out;
	struct ip_dst dst;
	struct pkt *pkt;
	int err = send_flow(ic, msg, IP_PROTO_UDP, &out);

	if (!err && (msg->gso_size && len > (size_t)msg->gso_size * UDP_SEGMENTS_MAX))
		err = -EINVAL;
	if (!err && ip_route(ic->netif->stack, &out.flow, &dst, &out.flow.src) < 0)
		err = -EHOSTUNREACH;
	if (err)
		return err;
	pkt = send_pkt(ic, msg, len);
	if (!pkt || udp_hdr_push(pkt, &out.flow, msg->src.port, msg->dst.port)) {
		pkt_free(pkt);
		return -ENOBUFS;
	}
	if (msg->gso_size && len > msg->gso_size) {
		pkt->gso_size = msg->gso_size;
		pkt->gso_type = PKT_GSO_UDP;
	}
	out.dst = &dst;
	mib_inc(ic->netif->stack, MIB_UdpOutDatagrams);
	return send_done(ip_output(ic->netif->stack, pkt, &out));
}

static int send_echo(struct intercept *ic, const struct weft_intercept_msg *msg, size_t len)
{
	struct stack *st = ic->netif->stack;
	struct ip_out out;
	struct pkt *pkt;
	uint8_t *p;
	int err = send_flow(ic, msg, msg->proto, &out);

	if (!err && ip_addr_is_ip4(&out.flow.dst) != (msg->proto == IP_PROTO_ICMP))
		err = -EINVAL;
	if (err)
		return err;
	pkt = send_pkt(ic, msg, len);
	p = pkt ? pkt_push(pkt, ECHO_HDR_LEN) : NULL;
	if (!p) {
		pkt_free(pkt);
		return -ENOBUFS;
	}
	memset(p, 0, 4);
	store_be16(p + 4, msg->dst.port);
	store_be16(p + 6, msg->src.port);
	if (msg->proto == IP_PROTO_ICMPV6) {
		icmp6_type_store(p, ICMP6_ECHO_REPLY);
		return send_done(icmp6_output(st, pkt, &out));
	}
	icmp4_type_store(p, ICMP4_ECHO_REPLY);
	icmp4_csum_store(p, csum_finish(pkt_csum_add(pkt, 0, pkt->len, 0)));
	pkt->l4_off = pkt_off(pkt);
	icmp_count_out(st, ICMP4_ECHO_REPLY);
	return send_done(ip_output(st, pkt, &out));
}

int intercept_send(struct intercept *ic, const struct weft_intercept_msg *msg)
{
	size_t len = 0;

	for (size_t i = 0; i < msg->n_iov; i++) {
		if (msg->iov[i].len > IP4_LEN_MAX)
			return -EMSGSIZE;
		len += msg->iov[i].len;
		if (len > IP4_LEN_MAX)
			return -EMSGSIZE;
	}
	if (msg->proto == IP_PROTO_UDP)
		return len > DATAGRAM_MAX ? -EMSGSIZE : send_datagram(ic, msg, len);
	if (msg->proto == IP_PROTO_ICMP || msg->proto == IP_PROTO_ICMPV6)
		return len > ECHO_PAYLOAD_MAX ? -EMSGSIZE : send_echo(ic, msg, len);
	return -EINVAL;
}

/*
 * Set-up.
 */

static const struct stack_layer intercept_layer = {
	.name = "intercept",
	.netif_del = intercept_netif_del,
};

int intercept_init(struct stack *st)
{
	st->icmp->echo_foreign = intercept_echo;
	return stack_layer_add(st, &intercept_layer);
}
