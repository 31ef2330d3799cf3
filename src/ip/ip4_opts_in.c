/* SPDX-License-Identifier: MIT */
/* IPv4 options of what comes in: taken or refused; the contract is in ip4_opts.h. */
#include "ip/icmp.h"
#include "ip/ip4.h"
#include "ip/ip4_opts.h"

enum drop ip4_opts_input(struct netif *netif, struct pkt *pkt, const struct ip4_hdr *hdr)
{
	bool has_route;
	uint8_t fault = ip4_opts_fault(pkt->data, hdr->hdr_len, &has_route);

	/* Whoever is refused is not told what else is wrong. */
	if (has_route && !netif->ip4->conf.accept_source_route)
		return DROP_IP4_SOURCE_ROUTE;
	if (!fault)
		return DROP_NONE;
	icmp4_error(netif->stack, pkt,
		    &(struct icmp4_hdr){.type = ICMP4_PARAM_PROBLEM,
					.code = ICMP4_PARAM_POINTER,
					.u.err.pointer = fault});
	return DROP_IP4_OPTIONS;
}
