/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors about what a host behind an intercept has sent. The subject itself is gone: it is
 * quoted from its addresses, ports and the beginning of its payload, which is what its sender looks
 * at (RFC 792, RFC 4443 §2.4 (c)).
 */
#include <errno.h>
#include <string.h>

#include "base/csum.h"
#include "ip/icmp.h"
#include "ip/icmp6.h"
#include "ip/ip.h"
#include "transport/intercept.h"
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "wire/icmp4.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
	TOS_CONTROL = 0xc0, /* RFC 1812 §4.3.2.5 */
	L4_HEAD_LEN = 8,    /* ports and length, or echo with its identifier */
	TCP_HEAD_LEN = 20,
};

/* The packet, `data` at what it quotes. NULL: no memory. */
static struct pkt *error_pkt(struct intercept *ic, const struct weft_icmp_error *icmp,
			     const uint8_t *l4, uint32_t l4_len, uint32_t ip_len, uint32_t max)
{
	uint32_t n = (uint32_t)(icmp->quote_len < max ? icmp->quote_len : max);
	struct pkt *pkt;

	if (ip_len + l4_len + n > max)
		n = max - ip_len - l4_len;
	pkt = pkt_alloc(&ic->netif->stack->eng->pkts, ip_len + l4_len + n);
	if (!pkt)
		return NULL;
	memset(pkt_put(pkt, ip_len), 0, ip_len);
	memcpy(pkt_put(pkt, l4_len), l4, l4_len);
	if (n)
		memcpy(pkt_put(pkt, n), icmp->quote, n);
	return pkt;
}

static int error4(struct intercept *ic, const struct weft_icmp_error *icmp, struct ip_out *out,
		  const struct ip_addr *dst, const uint8_t *l4, uint32_t l4_len)
{
	struct icmp4_hdr hdr = {.type = icmp->type, .code = icmp->code};
	struct ip4_hdr quoted = {.src = ip_addr_to_ip4(&out->flow.dst),
				 .dst = ip_addr_to_ip4(dst),
				 .hdr_len = IP4_HDR_LEN,
				 .proto = icmp->proto,
				 .ttl = 1,
				 .df = true};
	size_t len = icmp->subject_len ? icmp->subject_len : icmp->quote_len;
	struct pkt *pkt = error_pkt(ic, icmp, l4, l4_len, IP4_HDR_LEN, ICMP4_QUOTE_MAX);
	uint8_t *p;

	if (!pkt)
		return -ENOBUFS;
	len += IP4_HDR_LEN + l4_len;
	quoted.tot_len = (uint16_t)(len < IP4_LEN_MAX ? len : IP4_LEN_MAX);
	ip4_hdr_write(pkt->data, &quoted);
	p = pkt_push(pkt, ICMP4_HDR_LEN);
	if (!p) {
		pkt_free(pkt);
		return -ENOBUFS;
	}
	if (hdr.type == ICMP4_UNREACH && hdr.code == ICMP4_UNREACH_FRAG_NEEDED)
		hdr.u.err.mtu = (uint16_t)(icmp->info < UINT16_MAX ? icmp->info : UINT16_MAX);
	else if (hdr.type == ICMP4_PARAM_PROBLEM)
		hdr.u.err.pointer = (uint8_t)icmp->info;
	icmp4_hdr_write(p, &hdr);
	icmp4_csum_store(p, csum_finish(pkt_csum_add(pkt, 0, pkt->len, 0)));
	pkt->l4_off = pkt_off(pkt);
	icmp_count_out(ic->netif->stack, hdr.type);
	return ip_output(ic->netif->stack, pkt, out);
}

static int error6(struct intercept *ic, const struct weft_icmp_error *icmp, struct ip_out *out,
		  const struct ip_addr *dst, const uint8_t *l4, uint32_t l4_len)
{
	struct icmp6_hdr hdr = {.type = icmp->type, .code = icmp->code, .u.rest = icmp->info};
	struct ip6_hdr quoted = {.src = ip_addr_to_ip6(&out->flow.dst),
				 .dst = ip_addr_to_ip6(dst),
				 .next_hdr = icmp->proto,
				 .hop_limit = 1};
	size_t len = (icmp->subject_len ? icmp->subject_len : icmp->quote_len) + l4_len;
	struct pkt *pkt = error_pkt(ic, icmp, l4, l4_len, IP6_HDR_LEN, ICMP6_QUOTE_MAX);
	uint8_t *p;

	if (!pkt)
		return -ENOBUFS;
	quoted.payload_len = (uint16_t)(len < UINT16_MAX ? len : UINT16_MAX);
	ip6_hdr_write(pkt->data, &quoted);
	p = pkt_push(pkt, ICMP6_HDR_LEN);
	if (!p) {
		pkt_free(pkt);
		return -ENOBUFS;
	}
	icmp6_hdr_write(p, &hdr);
	return icmp6_output(ic->netif->stack, pkt, out);
}

int intercept_error(struct intercept *ic, const struct weft_icmp_error *icmp, const uint8_t *l4,
		    uint32_t l4_len)
{
	struct ip_out out = {
		.flow = {.oif = ic->netif->index, .tos = TOS_CONTROL},
	};
	struct ip_addr dst;
	struct ip_dst via;
	bool is_ip4;
	int err;

	if (!intercept_addr_of(&icmp->src.addr, &out.flow.dst) ||
	    !intercept_addr_of(&icmp->dst.addr, &dst) ||
	    (icmp->from.family && !intercept_addr_of(&icmp->from, &out.flow.src)))
		return -EINVAL;
	is_ip4 = ip_addr_is_ip4(&out.flow.dst);
	if (is_ip4 != ip_addr_is_ip4(&dst) ||
	    (icmp->from.family && is_ip4 != ip_addr_is_ip4(&out.flow.src)) ||
	    (is_ip4 ? !icmp4_type_is_error(icmp->type) : !icmp6_type_is_error(icmp->type)))
		return -EINVAL;
	out.flow.proto = is_ip4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6;
	if (ip_route(ic->netif->stack, &out.flow, &via, &out.flow.src) < 0)
		return -EHOSTUNREACH;
	out.dst = &via;
	err = is_ip4 ? error4(ic, icmp, &out, &dst, l4, l4_len)
		     : error6(ic, icmp, &out, &dst, l4, l4_len);
	return err == -ENOBUFS ? 0 : err;
}

int intercept_error_of(struct intercept *ic, const struct weft_icmp_error *icmp)
{
	size_t len = L4_HEAD_LEN + (icmp->subject_len ? icmp->subject_len : icmp->quote_len);
	uint8_t head[L4_HEAD_LEN] = {0};

	switch (icmp->proto) {
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMPV6:
		head[0] = icmp->proto == IP_PROTO_ICMP ? (uint8_t)ICMP4_ECHO : (uint8_t)ICMP6_ECHO;
		store_be16(head + 4, icmp->src.port);
		store_be16(head + 6, icmp->dst.port);
		break;
	case IP_PROTO_UDP:
		store_be16(head, icmp->src.port);
		store_be16(head + 2, icmp->dst.port);
		store_be16(head + 4, (uint16_t)(len < UINT16_MAX ? len : UINT16_MAX));
		break;
	default:
		return -EINVAL;
	}
	return intercept_error(ic, icmp, head, sizeof(head));
}

/* About a SYN, of which the ports and the sequence number are known. */
void tcp_ask_unreachable(struct tcp_ask *ask, const struct weft_icmp_error *icmp)
{
	const struct tcp_req *req = &ask->req;
	struct weft_icmp_error of = *icmp;
	uint8_t head[TCP_HEAD_LEN];
	struct tcp_hdr hdr = {
		.src_port = req->node.rport,
		.dst_port = req->node.lport,
		.seq = req->irs,
		.data_off = TCP_HEAD_LEN,
		.flags = TCP_F_SYN,
		.wnd = req->snd_wnd,
	};

	tcp_hdr_write(head, &hdr);
	of.proto = IP_PROTO_TCP;
	of.src.addr = intercept_addr(&req->node.raddr);
	of.dst.addr = intercept_addr(&req->node.laddr);
	of.quote_len = 0;
	of.subject_len = 0;
	if (!ask->is_cancelled) {
		mib_inc(ask->ic->netif->stack, MIB_TcpAttemptFails);
		(void)!intercept_error(ask->ic, &of, head, sizeof(head));
	}
	tcp_ask_drop(ask);
}
