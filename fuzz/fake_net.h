/* SPDX-License-Identifier: MIT */
/*
 * A network (weft/net.h) without a stack, for targets that are services: its sockets hand datagrams
 * and bytes to each other. An input costs it microseconds where a stack takes a millisecond; every
 * socket and every datagram is a block of malloc() that goes when it is gone, so ASan sees who
 * still reads it; and the service's calls fail as the input says, in more ways than a stack's do.
 *
 * The rules are those of weft/socket.h: callbacks come from fake_net_run() only, once for any
 * number of changes. `net.ops` is for the service; the target, which plays the others, calls the
 * functions below, which fail only as they must.
 */
#pragma once

#include "base/list.h"
#include "weft/weft.h"

/* What may fail, by number of a bit. */
enum fake_call {
	FAKE_SOCKET,
	FAKE_SETSOCKOPT,
	FAKE_BIND,
	FAKE_LISTEN,
	FAKE_ACCEPT,
	FAKE_CONNECT,
	FAKE_SEND,
	FAKE_RECV,
	FAKE_CALLS,
};

struct fake_net {
	struct weft_net net;
	struct list socks;
	uint16_t next_port;
	uint32_t room;       /* bytes of a stream that may be under way each way */
	uint32_t fail_calls; /* of the service's: those of these bits, */
	uint32_t fail_after; /* so many not, */
	uint32_t n_failing;  /* then so many, */
	int fail_err;        /* with this, above 0 */
};

void fake_net_init(struct fake_net *f, struct weft_engine *eng);
/* Calls those to whom something happened, until nobody is left. */
void fake_net_run(struct fake_net *f);

/* -EADDRNOTAVAIL: 10.9/16, which nobody has; -EADDRINUSE. */
int fake_bind(struct weft_sock *s, const struct weft_sockaddr *sa) MUST_CHECK;
struct weft_sock *fake_socket(struct fake_net *f, int family, int type);
int fake_listen(struct weft_sock *s, int backlog) MUST_CHECK;
int fake_accept(struct weft_sock *s, struct weft_sock **ret, struct weft_sockaddr *peer) MUST_CHECK;
/* Of a stream -EINPROGRESS: what came of it is told later. */
int fake_connect(struct weft_sock *s, const struct weft_sockaddr *to) MUST_CHECK;
/* A datagram to where nobody is brings -ECONNREFUSED to whoever has connected. */
ptrdiff_t fake_sendto(struct weft_sock *s, const void *buf, size_t len,
		      const struct weft_sockaddr *to);
ptrdiff_t fake_recvfrom(struct weft_sock *s, void *buf, size_t len, struct weft_sockaddr *from);
/* NULL is fine. `abort`: the other end of a stream gets -ECONNRESET. */
void fake_close(struct weft_sock *s, bool abort);
/* The socket that is number `i` by age, or the last one; there must be one. */
struct weft_sock *fake_sock(struct fake_net *f, uint32_t i);
/* An error from outside comes to a socket. */
void fake_error(struct weft_sock *s, int err);
