/* SPDX-License-Identifier: MIT */
/*
 * Raw sockets: a copy of every packet of one protocol and family before the protocol sees it, in
 * IPv4 with its IP header, in IPv6 from behind its headers on. What is sent gets an IP header in
 * front, or with IP_HDRINCL (which IPPROTO_RAW implies) brings its own. Connected or bound, a
 * socket receives from or to that address only.
 *
 * Of ICMP, filters say which types are not wanted. In IPv6 the socket can compute and verify a
 * checksum over its payload (IPV6_CHECKSUM, RFC 3542 §3.1); of ICMPv6 it always does.
 */
#pragma once

#include "base/compiler.h"
#include "core/stack.h"
#include "transport/dgram.h"

enum {
	RAW_IPPROTO_RAW = 255, /* reserved by IANA: the application writes the IP header */
	RAW_ICMP6_TYPES = 256,
};

struct raw_sock {
	struct dgram_sock ds;
	bool has_hdr;        /* IP_HDRINCL */
	int32_t csum_off;    /* of the checksum in the payload; -1: none */
	uint32_t icmp_block; /* bit n: ICMP type n is not wanted */
	uint8_t icmp6_block[RAW_ICMP6_TYPES /
			    8]; /* the same; Linux's words, which are bytes here */
};

static inline struct raw_sock *raw_of(struct sock *sk)
{
	return container_of(sk, struct raw_sock, ds.sk);
}

/* Sets st->raw and st->raw_input. After sock_table_init(). 0 or -Exxx. */
int raw_init(struct stack *st) MUST_CHECK;

/* raw_out.c */
ptrdiff_t raw_send(struct sock *sk, struct sock_msg *msg);
/* raw_opt.c */
int raw_setopt(struct sock *sk, int level, int name, const void *val, size_t len);
int raw_getopt(struct sock *sk, int level, int name, void *val, size_t *len);
