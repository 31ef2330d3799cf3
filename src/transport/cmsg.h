/* SPDX-License-Identifier: MIT */
/*
 * Control messages of one send or receive call (ancillary data), laid out as Linux does: a header,
 * its data, padding up to a multiple of 8.
 *
 *	weft_sendmsg --> msg->control, msg->control_len --> cmsg_next() in the protocol's send
 *	weft_recvmsg <-- msg->control_used <-- cmsg_put() in the protocol's recv
 *
 * A protocol that knows none of them ignores both fields.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "transport/sock.h"

/* One that the application sends; `data` is not aligned. */
struct cmsg {
	int level, type;
	const uint8_t *data;
	size_t len;
};

/* The message at `*pos`, which starts at 0 and moves on: 1 with `ret` filled; 0: no more; -EINVAL:
 * a header that does not fit what was given. */
int cmsg_next(const struct sock_msg *msg, size_t *pos, struct cmsg *ret) MUST_CHECK;
/* The data of `c` as an int; -EINVAL: it has another size. */
int cmsg_int(const struct cmsg *c, int *ret) MUST_CHECK;

/* Appends a message to what the application receives; what does not fit is left out, whole, and
 * WEFT_MSG_CTRUNC says so. Nothing happens when no control messages were asked for. */
void cmsg_put(struct sock_msg *msg, int level, int type, const void *data, size_t len);
/* Tells when what is received arrived, if the socket's options ask for that. */
void cmsg_put_time(const struct sock *sk, struct sock_msg *msg, int64_t rx_ns);
/* The same of a time of sending, which SO_TIMESTAMPING tells without being asked for reception. */
void cmsg_put_tx_time(const struct sock *sk, struct sock_msg *msg, int64_t tx_ns);
static inline void cmsg_put_int(struct sock_msg *msg, int level, int type, int v)
{
	cmsg_put(msg, level, type, &v, sizeof(v));
}
