/* SPDX-License-Identifier: MIT */
/*
 * The socket calls, between the public API and the protocols: what is the same for all protocols is
 * checked and kept here, the rest is sock->proto's. Semantics and errors are Linux's; where a call
 * would block, it returns -EAGAIN or -EINPROGRESS (doc/sockets.md).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "transport/sock.h"
#include "weft/socket.h"
#include "wire/addr.h"

struct buf;
struct pktq;
struct weft_mmsghdr;
struct weft_msghdr;
struct weft_sockaddr;

enum {
	SOCKET_TAKE_PKTS_MAX = 16, /* of one socket_take() */
	SOCKET_MMSG_MAX = 1024,    /* messages of one call: Linux's UIO_MAXIOV */
};

/* Flags of calls that mean nothing here: no call blocks, and none sends a signal. */
static const uint32_t SOCKET_FLAGS_IGNORED = WEFT_MSG_DONTWAIT | WEFT_MSG_NOSIGNAL;

/* An endpoint as the application writes it. */
struct sock_name {
	int family;          /* WEFT_AF_*; UNSPEC: no address */
	struct ip_addr addr; /* IPv4 as v4-mapped */
	uint16_t port;
	uint32_t ifindex; /* of a link-local IPv6 address; else 0 */
};

/* A socket of an owner's (0: of nobody's). -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT,
 * -EINVAL, -ENOMEM; -ENFILE, -EMFILE: the stack, or the owner, has as many as it may. */
int socket_new(struct stack *st, uint32_t owner, int family, int type, int protocol,
	       struct sock **ret) MUST_CHECK;
int socket_bind(struct sock *sk, const struct sock_name *name) MUST_CHECK;
int socket_connect(struct sock *sk, const struct sock_name *name) MUST_CHECK;
int socket_listen(struct sock *sk, int backlog) MUST_CHECK;
int socket_accept(struct sock *sk, struct sock **ret) MUST_CHECK;
/* `to` NULL: the peer. */
ptrdiff_t socket_send(struct sock *sk, const struct weft_iovec *iov, size_t n_iov, uint32_t flags,
		      const struct sock_name *to) MUST_CHECK;
/* The same, referring to the bytes of `iov`, which are those of `lent`. */
ptrdiff_t socket_send_lent(struct sock *sk, const struct weft_iovec *iov, uint32_t flags,
			   const struct sock_name *to, struct buf *lent) MUST_CHECK;
/* Received packets themselves, at most `max` bytes, appended to `q`. */
ptrdiff_t socket_take(struct sock *sk, size_t max, uint32_t flags, struct pktq *q,
		      struct sock_name *ret_from) MUST_CHECK;
/* A message as weft_sendmsg() has it; `to` as above. -EINVAL: malformed control messages. */
ptrdiff_t socket_sendmsg(struct sock *sk, const struct weft_msghdr *hdr, uint32_t flags,
			 const struct sock_name *to) MUST_CHECK;
/* `ret_from` NULL: not asked. */
ptrdiff_t socket_recv(struct sock *sk, const struct weft_iovec *iov, size_t n_iov, uint32_t flags,
		      struct sock_name *ret_from) MUST_CHECK;
/* In one piece: to the peer; not asked from whom. */
MUST_CHECK static inline ptrdiff_t socket_send_one(struct sock *sk, const void *buf, size_t n,
						   uint32_t flags)
{
	struct weft_iovec iov = {.base = (void *)(uintptr_t)buf, .len = n};

	if (likely(!(flags & ~SOCKET_FLAGS_IGNORED)) && sk->proto->send_plain) {
		ptrdiff_t done = sk->proto->send_plain(sk, buf, n);

		if (likely(done != SOCK_NOT_PLAIN))
			return done;
	}
	return socket_send(sk, &iov, 1, flags, NULL);
}
MUST_CHECK static inline ptrdiff_t socket_recv_one(struct sock *sk, void *buf, size_t n,
						   uint32_t flags)
{
	struct weft_iovec iov = {.base = buf, .len = n};

	if (likely(!(flags & ~SOCKET_FLAGS_IGNORED)) && sk->proto->recv_plain) {
		ptrdiff_t done = sk->proto->recv_plain(sk, buf, n);

		if (likely(done != SOCK_NOT_PLAIN))
			return done;
	}
	return socket_recv(sk, &iov, 1, flags, NULL);
}
/* A message as weft_recvmsg() has it; `ret_from` as above. */
ptrdiff_t socket_recvmsg(struct sock *sk, struct weft_msghdr *hdr, uint32_t flags,
			 struct sock_name *ret_from) MUST_CHECK;
/* Up to `n` messages, how many or the error of the first; `put_name` writes where each is from. */
int socket_recvmmsg(struct sock *sk, struct weft_mmsghdr *vec, size_t n, uint32_t flags,
		    void (*put_name)(struct weft_sockaddr *ret,
				     const struct sock_name *name)) MUST_CHECK;
int socket_ioctl(struct sock *sk, unsigned int request, int *ret) MUST_CHECK;
int socket_shutdown(struct sock *sk, int how) MUST_CHECK;
/* Takes the application's reference; no callback comes after this. */
void socket_close(struct sock *sk, bool abort);
void socket_name(const struct sock *sk, struct sock_name *ret);
int socket_peer(const struct sock *sk, struct sock_name *ret) MUST_CHECK; /* -ENOTCONN */

/* socket_opt.c */
int socket_setopt(struct sock *sk, int level, int name, const void *val, size_t len) MUST_CHECK;
int socket_getopt(struct sock *sk, int level, int name, void *val, size_t *len) MUST_CHECK;
