/* SPDX-License-Identifier: MIT */
/*
 * Zero copy, both ways: bytes that are sent from the application's memory, and bytes that are read
 * where they came in.
 *
 * Who owns what (doc/api.md):
 *	lent to send     the application's memory; not to be written to or freed until `done` comes
 *	received by ref  the stack's memory; to be read only, until weft_ref_free()
 */
#pragma once

#include "weft/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `n_bytes` from `buf` on, as taken by weft_send_lent(), are the application's again: nothing in
 * the engine refers to them any more, acknowledged or given up. */
typedef void weft_lent_done(void *arg, const void *buf, size_t n_bytes);

/* As weft_sendto() (`to` may be NULL), but the bytes are not copied: those taken, from the first
 * on, are lent until `done(arg, buf, n)` is called, once, from weft_engine_run() or
 * weft_engine_free(). A stream takes what fits its send buffer, a datagram all. On an error, or
 * when nothing is taken, they are not lent and `done` is not called; a datagram of which any part
 * is under way has been taken. To a socket of the same engine the bytes arrive as they are, and
 * stay lent until that one has read them. Raw and packet sockets: -EOPNOTSUPP. -ENOMEM. */
WEFT_API ptrdiff_t weft_send_lent(struct weft_sock *s, const void *buf, size_t len, uint32_t flags,
				  const struct weft_sockaddr *to, weft_lent_done *done, void *arg);

/* Received bytes, where they came in. */
struct weft_ref;

/* As weft_recvfrom() (`ret_from` may be NULL), but the bytes are not copied: `*ret` refers to them.
 * A stream gives what there is, at most `max` bytes and 16 packets; a datagram is given whole, if
 * it has no more than `max` bytes, and otherwise cut. 0: the end, or an empty datagram; `*ret` is
 * NULL then. They have left the socket's buffer, so its window opens; what is held counts against
 * the engine's packets and buffers, and when those run short, or at urgent data, -ENOBUFS: use
 * weft_recv(). `flags` may be 0 or WEFT_MSG_DONTWAIT. Other sockets than TCP's and UDP's:
 * -EOPNOTSUPP. */
WEFT_API ptrdiff_t weft_recv_ref(struct weft_sock *s, size_t max, uint32_t flags,
				 struct weft_sockaddr *ret_from, struct weft_ref **ret);
/* Where the bytes are, in order; not to be written to. Valid until weft_ref_free(). */
WEFT_API const struct weft_iovec *weft_ref_iov(const struct weft_ref *ref, size_t *ret_n_iov);
/* Gives them back, on the engine's thread and before weft_engine_free(); its socket may be gone.
 * NULL is fine. */
WEFT_API void weft_ref_free(struct weft_ref *ref);

#ifdef __cplusplus
}
#endif
