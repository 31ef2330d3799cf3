/* SPDX-License-Identifier: MIT */
/*
 * The error queue of a socket (IP_RECVERR, IPV6_RECVERR; ip(7)): each ICMP error about what it
 * sent, and each send that was refused for its size, with what it is about.
 *
 * Bound: ERRQ_MAX errors of at most ERRQ_BYTES_MAX bytes; what comes when it is full is lost, as in
 * Linux.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "transport/sock.h"

struct icmp_err;

enum {
	ERRQ_MAX = 64,
	ERRQ_BYTES_MAX = 1280,
};

struct errq {
	struct list list; /* oldest first */
	uint32_t n;
};

static inline void errq_init(struct errq *q)
{
	*q = (struct errq){.n = 0};
	list_init(&q->list);
}

static inline bool errq_is_empty(const struct errq *q)
{
	return q->n == 0;
}

/* An ICMP error; `bytes`: what it quotes of the message, from the transport's payload on. */
void errq_icmp(struct sock *sk, struct errq *q, const struct icmp_err *err, uint16_t port,
	       const uint8_t *bytes, uint32_t len);
/* A message to `dst` was larger than `mtu` allows. */
void errq_too_large(struct sock *sk, struct errq *q, const struct ip_addr *dst, uint16_t port,
		    uint32_t mtu);
/* What proto->recv_err does. */
ptrdiff_t errq_recv(struct sock *sk, struct errq *q, struct sock_msg *msg);
void errq_purge(struct sock *sk, struct errq *q);
