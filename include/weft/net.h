/* SPDX-License-Identifier: MIT */
/*
 * Networks: the small interface on which services are written, so that they run on a weft stack and
 * on the host's kernel sockets alike.
 *
 * A service takes a `struct weft_net`, makes its sockets with net->ops and its timers with the
 * functions of weft/engine.h on net->eng. The functions have the contracts of their namesakes in
 * weft/socket.h, options and errors included, whichever network it is. Two exist:
 *
 *	weft_net_of_stack()     a stack
 *	weft_host_net_new()     the host's kernel, through a weft_loop (weft/io.h)
 *
 * A socket belongs to the network that made it, and is used with that one's functions alone: a
 * host's socket must not be given to weft_send(), nor one network's socket to another's ops.
 */
#pragma once

#include "weft/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weft_net_ops;
struct weft_resolve; /* a question under way */

struct weft_net {
	const struct weft_net_ops *ops;
	void *ctx;               /* of the ops */
	struct weft_engine *eng; /* its clock and timers: weft_timer_new(net->eng, ...) */
};

/* What is known of a name: 0 and addresses, which are gone afterwards; or -ENOENT: there is no such
 * name, or none of that family; -EAGAIN: it could not be found out now; -ENOMEM. */
typedef void weft_resolve_fn(void *arg, int err, const struct weft_addr *addrs, size_t n);

struct weft_net_ops {
	const char *name; /* "weft", "host" */

	/* WEFT_SOCK_STREAM or WEFT_SOCK_DGRAM; raw sockets where the network has them. */
	int (*socket)(const struct weft_net *net, int family, int type, int protocol,
		      struct weft_sock **ret);
	/* `fn` comes from the engine's or the loop's turn. The host may call it once too often:
	 * when it comes, the next call may return -EAGAIN. */
	void (*on_event)(struct weft_sock *s,
			 void (*fn)(struct weft_sock *s, void *arg, uint32_t events), void *arg);
	uint32_t (*events)(const struct weft_sock *s);
	int (*bind)(struct weft_sock *s, const struct weft_sockaddr *sa);
	int (*listen)(struct weft_sock *s, int backlog);
	int (*accept)(struct weft_sock *s, struct weft_sock **ret, struct weft_sockaddr *ret_peer);
	int (*connect)(struct weft_sock *s, const struct weft_sockaddr *sa);
	ptrdiff_t (*send)(struct weft_sock *s, const void *buf, size_t len, uint32_t flags);
	ptrdiff_t (*sendv)(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
			   uint32_t flags);
	ptrdiff_t (*sendto)(struct weft_sock *s, const void *buf, size_t len, uint32_t flags,
			    const struct weft_sockaddr *to);
	ptrdiff_t (*recv)(struct weft_sock *s, void *buf, size_t len, uint32_t flags);
	ptrdiff_t (*recvv)(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
			   uint32_t flags);
	ptrdiff_t (*recvfrom)(struct weft_sock *s, void *buf, size_t len, uint32_t flags,
			      struct weft_sockaddr *ret_from);
	int (*shutdown)(struct weft_sock *s, int how);
	void (*close)(struct weft_sock *s); /* NULL is fine */
	void (*abort)(struct weft_sock *s); /* NULL is fine */
	int (*getsockname)(const struct weft_sock *s, struct weft_sockaddr *ret);
	int (*getpeername)(const struct weft_sock *s, struct weft_sockaddr *ret);
	int (*setsockopt)(struct weft_sock *s, int level, int name, const void *val, size_t len);
	int (*getsockopt)(struct weft_sock *s, int level, int name, void *val, size_t *len);

	/* Asks for the addresses of a name, or of an address as text; `family` WEFT_AF_UNSPEC: any.
	 * 0: `fn` is called once, later, from the engine's or the loop's turn, and the question is
	 * gone then. -EINVAL: no name; -ENOMEM; -EAGAIN: too many questions. */
	int (*resolve)(const struct weft_net *net, const char *name, int family,
		       weft_resolve_fn *fn, void *arg, struct weft_resolve **ret);
	/* `fn` is not called. NULL is fine. */
	void (*resolve_cancel)(struct weft_resolve *r);
};

/* The network of a stack, for as long as the stack lives. Its resolver knows addresses,
 * "localhost", and the names of weft_stack_host_add(), and asks the servers that
 * weft_stack_resolver_set() was given (weft/resolver.h). */
WEFT_API void weft_net_of_stack(struct weft_stack *st, struct weft_net *ret);
/* Names an address, as a line of /etc/hosts does; more for the same name add up, 16 at most.
 * -EINVAL: a name of no or more than 253 bytes; -ENOSPC: more than that; -ENOMEM. */
WEFT_API int weft_stack_host_add(struct weft_stack *st, const char *name,
				 const struct weft_addr *addr);

#ifdef __cplusplus
}
#endif
