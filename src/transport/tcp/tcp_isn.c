/* SPDX-License-Identifier: MIT */
/*
 * Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 §5.4): a clock plus a keyed
 * hash of the connection's addresses, so that they grow for each four-tuple and tell an outsider
 * nothing (NUMBER:JACK).
 *
 * RFC-DEVIATION: RFC 6528 §3: the clock ticks every 64 ns as Linux's, not every 4 us, so that a
 * fast connection does not overtake it.
 */
#include "base/hash.h"
#include "transport/tcp/tcp_priv.h"

uint32_t tcp_isn(struct stack *st, const struct conn_node *node)
{
	struct {
		struct ip_addr laddr, raddr;
		uint16_t lport, rport;
		uint32_t pad;
	} key = {node->laddr, node->raddr, node->lport, node->rport, 0};
	uint64_t hash = siphash24(&st->tcp->isn_key, &key, sizeof(key));

	return (uint32_t)hash + (uint32_t)(st->eng->now_ns / 64);
}

uint32_t tcp_ts_offset(struct stack *st, const struct conn_node *node)
{
	const struct ip_addr key[2] = {node->laddr, node->raddr};

	return (uint32_t)siphash24(&st->tcp->ts_key, key, sizeof(key));
}
