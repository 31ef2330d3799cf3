/* SPDX-License-Identifier: MIT */
/* What the files of the peer share: peer.c (learning, IP), peer_tcp.c, peer_dgram.c. */
#pragma once

#include "peer.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
	L3 = ETH_HDR_LEN,
};

/* What may be wrong or unusual with the IP header: a byte of the input. */
enum {
	IP_BAD_CSUM = 1 << 0, /* of IPv6: version */
	IP_BAD_L4_CSUM = 1 << 1,
	IP_MF = 1 << 2,
	IP_OFFSET = 1 << 3,
	IP_TTL_1 = 1 << 4,
	IP_CE = 1 << 5,
	IP_BROADCAST = 1 << 6, /* to all on the link */
	IP_CUT = 1 << 7,       /* the last bytes are missing */
};

/* The usual ends of what goes over an interface. */
struct ip_addr peer_remote(uint8_t port, bool is_ip6);
struct ip_addr peer_stack(uint8_t port, bool is_ip6);
/* Mostly an address of the world, sometimes any. */
struct ip_addr rd_addr(struct rd *r, bool is_ip6);
/* Small numbers are themselves; larger ones are hundreds, up to a full frame. */
uint32_t rd_len(struct rd *r);

struct peer_flow *peer_flow_new(struct peer *p, uint8_t port);

/* The next frame: on `port`, with `len` bytes behind its IP header. */
void peer_frame_start(struct peer *p, uint8_t port, bool is_ip6, size_t len);
static inline uint8_t *peer_l4(struct peer *p)
{
	return p->frame + p->l4;
}
/* The checksum at `off` in the transport header, over all behind the IP header. */
void peer_frame_csum(struct peer *p, uint8_t proto, const struct ip_addr *src,
		     const struct ip_addr *dst, size_t off, uint8_t odd);
/* The IP header, last of all; `odd`: IP_*. */
void peer_frame_ip(struct peer *p, uint8_t proto, const struct ip_addr *src,
		   const struct ip_addr *dst, uint8_t odd);
