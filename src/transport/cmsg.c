/* SPDX-License-Identifier: MIT */
/* Control messages; the contract is in cmsg.h. */
#include "transport/cmsg.h"

#include <errno.h>
#include <string.h>

#include "core/engine.h"
#include "core/stack.h"
#include "weft/socket.h"

enum {
	CMSG_ALIGN = 8,
};

static size_t cmsg_align(size_t len)
{
	return (len + CMSG_ALIGN - 1) & ~(size_t)(CMSG_ALIGN - 1);
}

int cmsg_next(const struct sock_msg *msg, size_t *pos, struct cmsg *ret)
{
	struct weft_cmsghdr hdr;
	const uint8_t *p;
	size_t left;

	if (!msg->control || *pos >= msg->control_len || msg->control_len - *pos < sizeof(hdr))
		return 0; /* as Linux: a rest that holds no header is no message */
	left = msg->control_len - *pos;
	p = (const uint8_t *)msg->control + *pos;
	memcpy(&hdr, p, sizeof(hdr));
	if (hdr.len < sizeof(hdr) || hdr.len > left)
		return -EINVAL;
	*ret = (struct cmsg){.level = hdr.level,
			     .type = hdr.type,
			     .data = p + sizeof(hdr),
			     .len = hdr.len - sizeof(hdr)};
	*pos += cmsg_align(hdr.len) < left ? cmsg_align(hdr.len) : left;
	return 1;
}

int cmsg_int(const struct cmsg *c, int *ret)
{
	if (c->len != sizeof(*ret))
		return -EINVAL;
	memcpy(ret, c->data, sizeof(*ret));
	return 0;
}

void cmsg_put(struct sock_msg *msg, int level, int type, const void *data, size_t len)
{
	struct weft_cmsghdr hdr = {.len = sizeof(hdr) + len, .level = level, .type = type};
	size_t left = msg->control_len - msg->control_used, space = cmsg_align(hdr.len);
	uint8_t *to;

	if (!msg->wants_control)
		return;
	if (!msg->control || left < hdr.len) {
		msg->out_flags |= WEFT_MSG_CTRUNC;
		return;
	}
	to = (uint8_t *)msg->control + msg->control_used;
	memcpy(to, &hdr, sizeof(hdr));
	memcpy(to + sizeof(hdr), data, len);
	memset(to + hdr.len, 0, (space < left ? space : left) - hdr.len);
	msg->control_used += space < left ? space : left;
}

/* As in Linux, SO_TIMESTAMP or SO_TIMESTAMPNS first, then SO_TIMESTAMPING, if it has the bits
 * `needs`. */
static void cmsg_put_times(const struct sock *sk, struct sock_msg *msg, int64_t at_ns,
			   uint32_t needs)
{
	static const int64_t sec_ns = INT64_C(1000000000);
	int64_t ns = sk->stack->eng->epoch_ns + at_ns;
	struct weft_timespec ts = {.s = ns / sec_ns, .ns = ns % sec_ns};

	if (sk->flags & SOCK_F_TSTAMPNS) {
		cmsg_put(msg, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPNS, &ts, sizeof(ts));
	} else if (sk->flags & SOCK_F_TSTAMP) {
		struct weft_timeval tv = {.s = ts.s, .us = ts.ns / 1000};

		cmsg_put(msg, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMP, &tv, sizeof(tv));
	}
	if ((sk->flags >> SOCK_F_TSTAMPING_SHIFT << 2 & needs) == needs) {
		struct weft_scm_timestamping scm = {.software = ts};

		cmsg_put(msg, WEFT_SOL_SOCKET, WEFT_SO_TIMESTAMPING, &scm, sizeof(scm));
	}
}

void cmsg_put_time(const struct sock *sk, struct sock_msg *msg, int64_t rx_ns)
{
	cmsg_put_times(sk, msg, rx_ns, WEFT_SOF_RX_SOFTWARE | WEFT_SOF_SOFTWARE);
}

void cmsg_put_tx_time(const struct sock *sk, struct sock_msg *msg, int64_t tx_ns)
{
	cmsg_put_times(sk, msg, tx_ns, WEFT_SOF_SOFTWARE);
}
