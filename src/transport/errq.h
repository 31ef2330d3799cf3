/* SPDX-License-Identifier: MIT */
/*
 * The error queue of a socket (IP_RECVERR, IPV6_RECVERR; ip(7)): each ICMP error about what it
 * sent, and each send that was refused for its size, with what it is about. Times of sending
 * (stamp.h), which are no errors, come the same way.
 *
 * Bound: ERRQ_MAX errors of at most ERRQ_BYTES_MAX bytes; times, with the packets that they are
 * about, as SO_RCVBUF says. What comes when it is full is lost, as in Linux.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "transport/sock.h"

struct icmp_err;
struct pkt;

enum {
	ERRQ_MAX = 64,
	ERRQ_BYTES_MAX = 1280,
	ERRQ_STAMP_BYTES = 768, /* what a time counts as besides its packet, as in Linux */
};

struct errq {
	struct list list; /* oldest first */
	uint32_t n_errs;  /* of them errors */
	uint32_t n_stamp_bytes;
};

/* A time of sending. */
struct errq_stamp {
	uint32_t what; /* WEFT_SCM_TSTAMP_* */
	uint32_t key;  /* WEFT_SOF_OPT_ID's; 0: none */
	bool has_cmsg; /* WEFT_SOF_OPT_CMSG: interface and addresses are told; IPv6 sockets always,
			* as in Linux */
	const struct pkt *pkt; /* `data` at the Ethernet header; NULL: the time alone */
};

static inline void errq_init(struct errq *q)
{
	*q = (struct errq){.n_errs = 0};
	list_init(&q->list);
}

static inline bool errq_is_empty(const struct errq *q)
{
	return list_is_empty(&q->list);
}

/* An ICMP error; `bytes`: what it quotes of the message, from the transport's payload on. */
void errq_icmp(struct sock *sk, struct errq *q, const struct icmp_err *err, uint16_t port,
	       const uint8_t *bytes, uint32_t len);
/* A message to `dst` was larger than `mtu` allows. */
void errq_too_large(struct sock *sk, struct errq *q, const struct ip_addr *dst, uint16_t port,
		    uint32_t mtu);
/* Told now. False: it is lost, for want of room or memory. */
bool errq_stamp(struct sock *sk, struct errq *q, const struct errq_stamp *stamp);
/* What proto->recv_err does. */
ptrdiff_t errq_recv(struct sock *sk, struct errq *q, struct sock_msg *msg);
void errq_purge(struct sock *sk, struct errq *q);
