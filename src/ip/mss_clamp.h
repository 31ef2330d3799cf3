/* SPDX-License-Identifier: MIT */
/*
 * TCP's MSS option in segments that are forwarded, as `iptables -j TCPMSS` does it: for links whose
 * small MTU ICMP errors do not tell about, because somebody filters them.
 *
 * A setting of an interface (netif->mss_clamp). It holds for SYNs that come in or leave by it, so
 * that both ends of a connection are told. With NETIF_MSS_PMTU the option becomes what a segment
 * may have to fit both interfaces and the path to its destination, as far as that is known; a
 * number is that number. It is only ever lowered. Segments without the option have the default
 * (536, 1220), and are left alone.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "core/netif.h"
#include "pkt/pkt.h"

void mss_clamp_slow(struct netif *in, struct netif *out, struct pkt *pkt, bool is_ip6);

/* A packet that goes from `in` to `out`; `data` at its IP header, which has been checked. It may
 * be changed. */
static inline void mss_clamp(struct netif *in, struct netif *out, struct pkt *pkt, bool is_ip6)
{
	if (unlikely(in->mss_clamp | out->mss_clamp))
		mss_clamp_slow(in, out, pkt, is_ip6);
}
