/* SPDX-License-Identifier: MIT */
/*
 * Messages held back: with WEFT_MSG_MORE, or while UDP_CORK is on, what several sends say becomes
 * one packet, as in Linux.
 *
 *	first send    checks, route --> dgram_cork_new()
 *	each          dgram_cork_add()
 *	the last      dgram_cork_msg() --> sent as one message
 *
 * Where it goes and how is said by the first send; what later ones say of that is not looked at.
 * At most a packet's payload is held, in memory of the stack's; a send that would make it longer
 * loses all of it, with -EMSGSIZE, as in Linux.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "transport/dgram.h"

struct dgram_cork {
	struct ip_addr dst;
	struct dgram_ctl ctl; /* of the first send, with the source that was chosen */
	uint16_t port;
	uint16_t gso_size;  /* UDP_SEGMENT of the first send */
	uint32_t max_bytes; /* of payload */
	uint32_t n_bytes, room;
	uint8_t *bytes;
};

/* Begins to hold back, for `dst` and `port`, with `ctl` and `out` of dgram_route(). 0 or -ENOBUFS.
 */
int dgram_cork_new(struct dgram_sock *ds, const struct ip_addr *dst, uint16_t port,
		   const struct dgram_ctl *ctl, const struct ip_out *out,
		   uint32_t max_bytes) MUST_CHECK;
/* The bytes of one more message. On an error all that was held is gone: -EMSGSIZE, -ENOBUFS,
 * -EPIPE, or what was pending. */
int dgram_cork_add(struct dgram_sock *ds, const struct sock_msg *msg) MUST_CHECK;
/* What is held as one message; `iov` lives as long as it does. */
struct sock_msg dgram_cork_msg(const struct dgram_cork *cork, struct weft_iovec *iov);
/* Gives up what is held, if anything. */
void dgram_cork_free(struct dgram_sock *ds);
