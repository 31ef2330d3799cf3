/* SPDX-License-Identifier: MIT */
/*
 * The error queue of a datagram socket (IP_RECVERR, IPV6_RECVERR; ip(7)): each ICMP error about
 * what it sent, and each send that was refused for its size, with what it is about.
 *
 * Bound: ERRQ_MAX errors of at most ERRQ_BYTES_MAX bytes; what comes when it is full is lost, as in
 * Linux.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "transport/dgram.h"

enum {
	ERRQ_MAX = 64,
	ERRQ_BYTES_MAX = 1280,
};

/* The application wants the queue for errors of this family. */
bool errq_is_wanted(const struct dgram_sock *ds, bool is_ip6) MUST_CHECK;
/* An ICMP error; `bytes`: what it quotes of the message, from the transport's payload on. */
void errq_icmp(struct dgram_sock *ds, const struct icmp_err *err, uint16_t port,
	       const uint8_t *bytes, uint32_t len);
/* A message to `dst` was larger than `mtu` allows. */
void errq_too_large(struct dgram_sock *ds, const struct ip_addr *dst, uint16_t port, uint32_t mtu);
/* proto->recv_err. */
ptrdiff_t errq_recv(struct sock *sk, struct sock_msg *msg);
void errq_purge(struct dgram_sock *ds);
