/* SPDX-License-Identifier: MIT */
/*
 * UDP (RFC 768, RFC 1122 §4.1, RFC 8085).
 *
 *	udp_input (udp_in.c) --> dgram_queue, or with UDP_GRO udp_gro.c --> application
 *	udp_send (udp_out.c) --> ip_output
 *	udp_error (udp_in.c): ICMP errors become SO_ERROR of connected sockets
 *
 * A datagram of at most PKT_ROOM - PKT_HEADROOM bytes lives in the packet itself; a connected
 * socket, or one that sends to one peer for a while, looks no route up.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "core/stack.h"
#include "transport/sock.h"

enum {
	UDP_SEGMENTS_MAX = 64, /* Linux's bound of UDP_SEGMENT */
};

/* Registers protocol and sockets. After sock_table_init() and the IP layer. 0 or -Exxx. */
int udp_init(struct stack *st) MUST_CHECK;

/* udp_in.c */
enum drop udp_input(struct stack *st, struct pkt *pkt, const struct ip_info *info);
void udp_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
	       uint32_t quote_len);

/* udp_gro.c */
struct dgram_sock;
/* A datagram, `data` at its payload, has become part of what waits last. It stays the caller's. */
bool udp_gro_take(struct dgram_sock *ds, const struct pkt *pkt) MUST_CHECK;

/* udp_out.c */
ptrdiff_t udp_send(struct sock *sk, struct sock_msg *msg);
/* Sends what is held back, if anything. 0 or as a send. */
int udp_cork_push(struct sock *sk);
/* Puts the header in front of the payload. The checksum is left to whoever puts the bytes on a
 * wire. 0; -ENOBUFS. */
int udp_hdr_push(struct pkt *pkt, const struct ip_flow *flow, uint16_t src_port,
		 uint16_t dst_port) MUST_CHECK;

/* udp_sock.c */
extern const struct sock_proto udp_proto;
