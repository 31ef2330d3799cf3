/* SPDX-License-Identifier: MIT */
/*
 * Blocking sockets, for applications with threads.
 *
 * A `struct weft_thread` is an engine, its loop, and the thread that runs both. Other threads, any
 * number of them, make sockets of its stacks and call them here: a call is handed to the engine's
 * thread through a bounded ring and comes back when it is done, when its time is up, or when
 * somebody cancels it. Several threads may use one socket at a time.
 *
 * Calls mean what they mean in Linux on a blocking socket, and return -Exxx: those that send on a
 * stream wait until all is taken, those that receive until there is something, weft_b_accept() and
 * weft_b_connect() until there is a connection. WEFT_MSG_DONTWAIT and weft_b_set_nonblock() make
 * them return -EAGAIN or -EINPROGRESS instead. The times of WEFT_SO_RCVTIMEO and WEFT_SO_SNDTIMEO
 * bound them. A call that has moved bytes when it ends early returns how many; an error is then the
 * next call's. No call ends for a signal (-EINTR), and pthread_cancel(3) has its effect when the
 * call is over: weft_b_cancel() ends it. A child of fork(2) has no such thread, so no calls either.
 *
 * None of this may be called from the engine's thread itself (callbacks, weft_thread_call()):
 * -EDEADLK. doc/api.md has more.
 */
#pragma once

#include "weft/io.h"
#include "weft/poll.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	/* Options of level WEFT_SOL_SOCKET that blocking sockets have besides: struct
	 * weft_timeval. Zero: for ever. */
	WEFT_SO_RCVTIMEO = 20,
	WEFT_SO_SNDTIMEO = 21,
	WEFT_MSG_WAITALL = 0x100, /* streams: what receives waits until all asked for is there */
	WEFT_MSG_WAITFORONE = 0x10000, /* weft_b_recvmmsg(): waits for the first alone */
};

struct weft_thread;
struct weft_bsock;

/* Makes an engine (`cfg` as for weft_engine_new(), its now_ns is not looked at: the clock is
 * weft_io_now_ns()) and starts its thread. -EINVAL, -ENOMEM, or what epoll_create1(2), eventfd(2)
 * and pthread_create(3) say. */
WEFT_API int weft_thread_new(const struct weft_engine_config *cfg, struct weft_thread **ret);
/* Ends the thread and frees the engine. Its sockets have been closed, its stacks freed (by
 * weft_thread_call()), and no call is under way. NULL is fine. */
WEFT_API void weft_thread_free(struct weft_thread *t);
/* Calls `fn` on the engine's thread, where it may use the whole API, and returns what it returns.
 */
WEFT_API int weft_thread_call(struct weft_thread *t,
			      int (*fn)(struct weft_engine *eng, struct weft_loop *loop, void *arg),
			      void *arg);

/* As weft_socket(). `st` is a stack of the thread's engine. */
WEFT_API int weft_b_socket(struct weft_thread *t, struct weft_stack *st, int family, int type,
			   int protocol, struct weft_bsock **ret);
/* As weft_close(). Calls that wait for this socket return -ECANCELED; later ones are a mistake.
 * With a time in WEFT_SO_LINGER it waits until the peer has acknowledged all, or the time is over,
 * or somebody cancels it, also on a socket that does not wait otherwise; then the connection ends
 * in the background. NULL is fine. */
WEFT_API void weft_b_close(struct weft_bsock *s);
/* Calls that wait for this socket now return -ECANCELED, or what they have done so far. */
WEFT_API void weft_b_cancel(struct weft_bsock *s);
WEFT_API void weft_b_set_nonblock(struct weft_bsock *s, bool on);

WEFT_API int weft_b_bind(struct weft_bsock *s, const struct weft_sockaddr *sa);
WEFT_API int weft_b_listen(struct weft_bsock *s, int backlog);
WEFT_API int weft_b_accept(struct weft_bsock *s, struct weft_bsock **ret,
			   struct weft_sockaddr *ret_peer);
/* -EINPROGRESS: WEFT_SO_SNDTIMEO is over, and the attempt goes on. */
WEFT_API int weft_b_connect(struct weft_bsock *s, const struct weft_sockaddr *sa);
WEFT_API ptrdiff_t weft_b_send(struct weft_bsock *s, const void *buf, size_t len, uint32_t flags);
WEFT_API ptrdiff_t weft_b_sendto(struct weft_bsock *s, const void *buf, size_t len, uint32_t flags,
				 const struct weft_sockaddr *to);
WEFT_API ptrdiff_t weft_b_sendmsg(struct weft_bsock *s, const struct weft_msghdr *msg,
				  uint32_t flags);
WEFT_API ptrdiff_t weft_b_recv(struct weft_bsock *s, void *buf, size_t len, uint32_t flags);
WEFT_API ptrdiff_t weft_b_recvfrom(struct weft_bsock *s, void *buf, size_t len, uint32_t flags,
				   struct weft_sockaddr *ret_from);
WEFT_API ptrdiff_t weft_b_recvmsg(struct weft_bsock *s, struct weft_msghdr *msg, uint32_t flags);
/* As sendmmsg(2) and recvmmsg(2), without the time of the latter: up to `n` messages (1024 at
 * most), each as a call of its own; how many went, or the error of the first. */
WEFT_API int weft_b_sendmmsg(struct weft_bsock *s, struct weft_mmsghdr *vec, size_t n,
			     uint32_t flags);
WEFT_API int weft_b_recvmmsg(struct weft_bsock *s, struct weft_mmsghdr *vec, size_t n,
			     uint32_t flags);
WEFT_API int weft_b_ioctl(struct weft_bsock *s, unsigned int request, int *ret);
WEFT_API int weft_b_shutdown(struct weft_bsock *s, int how);
WEFT_API int weft_b_getsockname(struct weft_bsock *s, struct weft_sockaddr *ret);
WEFT_API int weft_b_getpeername(struct weft_bsock *s, struct weft_sockaddr *ret);
WEFT_API int weft_b_setsockopt(struct weft_bsock *s, int level, int name, const void *val,
			       size_t len);
WEFT_API int weft_b_getsockopt(struct weft_bsock *s, int level, int name, void *val, size_t *len);

/* As poll(2): waits for at most `timeout_ns` (-1: for ever) until events of some sockets are true.
 * How many are, 0: none in time. The sockets are of one thread; entries without one are passed
 * over. -EINVAL, -ENOMEM, -ECANCELED. */
struct weft_b_pollfd {
	struct weft_bsock *sock;
	uint32_t events;  /* WEFT_IN ...; ERR and HUP always */
	uint32_t revents; /* out */
};
WEFT_API int weft_b_poll(struct weft_thread *t, struct weft_b_pollfd *fds, size_t n,
			 int64_t timeout_ns);

/* A poll set (weft/poll.h) that can be waited for. */
struct weft_bpollset;
WEFT_API int weft_b_pollset_new(struct weft_thread *t, struct weft_bpollset **ret);
WEFT_API void weft_b_pollset_free(struct weft_bpollset *set);
WEFT_API int weft_b_pollset_add(struct weft_bpollset *set, struct weft_bsock *s, uint32_t events,
				uint64_t data);
WEFT_API int weft_b_pollset_mod(struct weft_bpollset *set, struct weft_bsock *s, uint32_t events,
				uint64_t data);
WEFT_API int weft_b_pollset_del(struct weft_bpollset *set, struct weft_bsock *s);
/* At least one event, or 0 when the time (-1: for ever) is over. -EINVAL: `max` is 0. */
WEFT_API int weft_b_pollset_wait(struct weft_bpollset *set, struct weft_poll_event *ret, size_t max,
				 int64_t timeout_ns);

#ifdef __cplusplus
}
#endif
