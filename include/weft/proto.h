/* SPDX-License-Identifier: MIT */
/*
 * Protocols of the application's own: one above IP, or one with an EtherType of its own, registered
 * with one call. examples/proto.c is one in a single file.
 *
 * Handlers are called from weft_engine_run(), in the middle of a packet's way. They may send, use
 * sockets and timers, and must not free a stack or an interface, nor run the engine. A protocol
 * stays until its stack is freed.
 */
#pragma once

#include "weft/netif.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A packet that came in. */
struct weft_ip_rx {
	struct weft_addr src, dst;
	uint8_t ttl;       /* or hop limit */
	uint8_t tos;       /* or traffic class: DSCP and ECN */
	bool is_broadcast; /* to a broadcast address or a group */
};

struct weft_ip_proto {
	uint8_t number; /* of IANA's; 253 and 254 are for experiments (RFC 3692) */
	/* What came for one of the stack's addresses: whole, reassembled if need be. `bytes` are
	 * those behind the IP headers, to be read until the call returns. */
	void (*input)(void *arg, const struct weft_ip_rx *rx, const void *bytes, size_t len);
	/* An ICMP error (a positive errno) about a packet that went to `dst`, and what it quotes of
	 * its bytes, 8 at least. NULL: not wanted. */
	void (*error)(void *arg, const struct weft_addr *dst, int err, const void *quote,
		      size_t quote_len);
	void *arg;
};

/* From now on the stack takes packets of that protocol, of both families, instead of answering
 * "protocol unreachable". Copied. -EEXIST: there is one (TCP, UDP and ICMP always); -EINVAL: no
 * input; -ENOMEM. */
WEFT_API int weft_ip_proto_add(struct weft_stack *st, const struct weft_ip_proto *proto);
/* Sends `len` bytes (65,515 at most) behind an IP header, in fragments if need be. `src` NULL:
 * selected. Packets of any protocol may be sent. 0; -EMSGSIZE; -ENETUNREACH, -EHOSTUNREACH,
 * -EACCES: no way there; -EADDRNOTAVAIL: `src` is not ours; -EAFNOSUPPORT; -ENOBUFS: packets run
 * short. */
WEFT_API int weft_ip_send(struct weft_stack *st, uint8_t number, const struct weft_addr *src,
			  const struct weft_addr *dst, const void *bytes, size_t len);

struct weft_eth_proto {
	uint16_t type; /* EtherType, 0x600 or more; 0x88b5 and 0x88b6 are for experiments */
	/* A frame that came in on `nif`, from behind its Ethernet (and VLAN) header on. `src` is
	 * its sender's address, 6 bytes. */
	void (*input)(void *arg, struct weft_netif *nif, const uint8_t *src, const void *bytes,
		      size_t len);
	void *arg;
};

/* As weft_ip_proto_add(); a stack has room for a few: -ENOSPC. */
WEFT_API int weft_eth_proto_add(struct weft_stack *st, const struct weft_eth_proto *proto);
/* Sends a frame from `nif`'s address to `dst`, 6 bytes. 0; -EMSGSIZE: more than the interface's
 * MTU; -ENETDOWN; -ENOBUFS. */
WEFT_API int weft_eth_send(struct weft_netif *nif, uint16_t type, const uint8_t *dst,
			   const void *bytes, size_t len);

#ifdef __cplusplus
}
#endif
