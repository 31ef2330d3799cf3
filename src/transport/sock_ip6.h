/* SPDX-License-Identifier: MIT */
/*
 * Options of level IPv6 that say how packets are sent, of datagram sockets and streams alike (RFC
 * 3542, RFC 5014, ipv6(7)): extension headers, preferences among our addresses, flow labels, a
 * bound of the MTU. Kept beside the socket; zero is what one has that set none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "ip/ip6_exts.h"
#include "transport/sock.h"

struct sock_ip6 {
	struct ip6_exts *exts; /* NULL: none */
	uint16_t mtu;          /* IPV6_MTU: packets are no larger; 0: the path's */
	uint8_t srcprefs;      /* ip_flow.srcprefs */
	bool has_autolabel;    /* IPV6_AUTOFLOWLABEL was set; otherwise the stack's setting */
	bool no_autolabel;
	bool dontfrag;    /* IPV6_DONTFRAG */
	bool recvpathmtu; /* IPV6_RECVPATHMTU */
};

/* -ENOPROTOOPT: none of these; -EINVAL; -ENOMEM. */
int sock_ip6_set(struct sock *sk, struct sock_ip6 *o, int name, const void *val,
		 size_t len) MUST_CHECK;
/* `o` NULL: nothing was set. `*len` in: room; out: bytes. */
int sock_ip6_get(const struct sock *sk, const struct sock_ip6 *o, int name, void *val,
		 size_t *len) MUST_CHECK;
/* Those of a listener for one of its connections. -ENOMEM. */
int sock_ip6_copy(struct sock *sk, const struct sock_ip6 *from, struct sock_ip6 *ret) MUST_CHECK;
void sock_ip6_fini(struct sock *sk, struct sock_ip6 *o);
/* The kind of extension header that an option, or a control message, is about. False: none. */
bool sock_ip6_kind(int name, enum ip6_exts_kind *ret);
/* One of the options above. */
bool sock_ip6_has(int name);
/* IPV6_PATHMTU: what is known of a connected socket's path. */
int sock_ip6_get_pathmtu(uint32_t mtu, void *val, size_t *len);
