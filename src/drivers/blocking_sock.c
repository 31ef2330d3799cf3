/* SPDX-License-Identifier: MIT */
/* What each call on a blocking socket does; the contracts are in weft/blocking.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/blocking.h"

static const int64_t NS_PER_S = 1000000000;

enum {
	MMSG_MAX = 1024, /* as weft_sendmmsg() */
};

/* One that waits for its socket, unless that or the flags say no. */
static ptrdiff_t run_waiting(ptrdiff_t (*step)(struct bop *op), const struct bargs *args,
			     bool is_rcv)
{
	struct bop op = {
		.t = args->bs->t,
		.step = step,
		.args = *args,
		.kind = is_rcv ? BOP_RCV : BOP_SND,
		.late = -EAGAIN,
	};

	bop_wait_one(&op);
	return bop_run(&op);
}

static void bsock_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct weft_bsock *bs = arg;

	(void)s, (void)events;
	bwaits_try(&bs->waits);
}

static void bsock_init(struct weft_bsock *bs, struct weft_thread *t, struct weft_sock *s,
		       bool is_stream)
{
	bs->t = t;
	bs->s = s;
	bs->is_stream = is_stream;
	list_init(&bs->waits);
	weft_on_event(s, bsock_ready, bs);
}

static ptrdiff_t step_socket(struct bop *op)
{
	struct weft_bsock *bs = calloc(1, sizeof(*bs));
	struct weft_sock *s;
	int err = -ENOMEM;

	if (bs)
		err = weft_socket(op->args.st, op->args.a, op->args.b, op->args.c, &s);
	if (err) {
		free(bs);
		return err;
	}
	bsock_init(bs, op->t, s, op->args.b == WEFT_SOCK_STREAM);
	*op->args.ret_bs = bs;
	return 0;
}

int weft_b_socket(struct weft_thread *t, struct weft_stack *st, int family, int type, int protocol,
		  struct weft_bsock **ret)
{
	const struct bargs args = {.st = st, .a = family, .b = type, .c = protocol, .ret_bs = ret};

	return (int)bop_run_once(t, step_socket, &args);
}

static ptrdiff_t step_cancel(struct bop *op)
{
	bwaits_cancel(&op->args.bs->waits);
	return 0;
}

void weft_b_cancel(struct weft_bsock *bs)
{
	(void)bop_run_once(bs->t, step_cancel, &(struct bargs){.bs = bs});
}

/* Linux's wait at the end of a close: our FIN, and all before it, is not acknowledged yet. */
static bool close_is_pending(struct weft_sock *s)
{
	struct weft_tcp_info info;
	size_t len = sizeof(info);

	if (weft_getsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len))
		return false;
	return info.state == WEFT_TCP_FIN_WAIT1 || info.state == WEFT_TCP_CLOSING ||
	       info.state == WEFT_TCP_LAST_ACK;
}

/* SO_LINGER with a time: both directions end, as a close ends them, and how long to wait is set.
 * False: nothing is to be waited for, or what was not read makes it a reset. */
static bool close_lingers(struct bop *op)
{
	const struct weft_bsock *bs = op->args.bs;
	struct weft_linger linger;
	size_t len = sizeof(linger);
	int unread = 0;

	if (!bs->is_stream ||
	    weft_getsockopt(bs->s, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &linger, &len) ||
	    !linger.onoff || linger.linger_s == 0)
		return false;
	if (weft_ioctl(bs->s, WEFT_SIOCINQ, &unread) || unread > 0 ||
	    weft_shutdown(bs->s, WEFT_SHUT_RDWR))
		return false;
	op->timeout_ns = linger.linger_s * NS_PER_S;
	return true;
}

/* What the time or a cancel ends is not closed yet. */
static ptrdiff_t step_close(struct bop *op)
{
	struct weft_bsock *bs = op->args.bs;
	bool is_first = !op->args.b;

	op->args.b = 1;
	if (is_first)
		bwaits_cancel(&bs->waits);
	if ((!is_first || close_lingers(op)) && close_is_pending(bs->s))
		return -EAGAIN;
	weft_close(bs->s);
	return 0;
}

static ptrdiff_t step_close_now(struct bop *op)
{
	weft_close(op->args.bs->s);
	return 0;
}

void weft_b_close(struct weft_bsock *bs)
{
	struct bop op = {.step = step_close, .args = {.bs = bs}, .late = -ETIMEDOUT};
	ptrdiff_t ret;

	if (!bs)
		return;
	op.t = bs->t;
	op.may_wait = true;
	op.timeout_ns = -1;
	bop_wait_one(&op);
	ret = bop_run(&op);
	/* It goes on if the engine's own thread asks, which it must not. */
	if (ret == -EDEADLK)
		return;
	if (ret)
		(void)bop_run_once(bs->t, step_close_now, &op.args);
	free(bs);
}

static ptrdiff_t step_nonblock(struct bop *op)
{
	op->args.bs->is_nonblock = op->args.a;
	return 0;
}

void weft_b_set_nonblock(struct weft_bsock *bs, bool on)
{
	(void)bop_run_once(bs->t, step_nonblock, &(struct bargs){.bs = bs, .a = on});
}

static ptrdiff_t step_bind(struct bop *op)
{
	return weft_bind(op->args.bs->s, op->args.to);
}

int weft_b_bind(struct weft_bsock *bs, const struct weft_sockaddr *sa)
{
	return (int)bop_run_once(bs->t, step_bind, &(struct bargs){.bs = bs, .to = sa});
}

static ptrdiff_t step_listen(struct bop *op)
{
	return weft_listen(op->args.bs->s, op->args.a);
}

int weft_b_listen(struct weft_bsock *bs, int backlog)
{
	return (int)bop_run_once(bs->t, step_listen, &(struct bargs){.bs = bs, .a = backlog});
}

static ptrdiff_t step_accept(struct bop *op)
{
	struct weft_bsock *bs = calloc(1, sizeof(*bs));
	struct weft_sock *s;
	int err = -ENOMEM;

	/* A connection for which there is no memory stays where it is. */
	if (bs)
		err = weft_accept(op->args.bs->s, &s, op->args.from);
	if (err) {
		free(bs);
		return err;
	}
	bsock_init(bs, op->t, s, true);
	*op->args.ret_bs = bs;
	return 0;
}

/* The first try begins; what comes then is success, or the reason. */
static ptrdiff_t step_connect(struct bop *op)
{
	struct weft_sock *s = op->args.bs->s;
	size_t len = sizeof(int);
	int why = 0, err;

	if (!op->args.b) {
		op->args.b = 1;
		err = weft_connect(s, op->args.to);
		if ((err != -EINPROGRESS && err != -EALREADY) || !op->may_wait)
			return err;
		op->late = err;
		return -EAGAIN;
	}
	if (!(weft_events(s) & (WEFT_OUT | WEFT_ERR | WEFT_HUP)))
		return -EAGAIN;
	err = weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &why, &len);
	if (err || why)
		return err ? err : -why;
	return weft_connect(s, op->args.to); /* 0: it has been told */
}

/* Messages. A stream goes on until all is taken, or with WEFT_MSG_WAITALL, has come; what a message
 * says besides its bytes is of the first go. */

/* Byte `off` of the message, and those that follow it there. */
static struct weft_iovec iov_at(const struct weft_iovec *iov, size_t off)
{
	while (off >= iov->len)
		off -= iov++->len;
	return (struct weft_iovec){.base = (char *)iov->base + off, .len = iov->len - off};
}

/* What no message can have is the socket's to refuse. */
static size_t iov_bytes(const struct weft_iovec *iov, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		if (__builtin_add_overflow(sum, iov[i].len, &sum))
			return SIZE_MAX;
	return sum;
}

static ptrdiff_t send_rest(const struct bop *op)
{
	const struct bargs *a = &op->args;
	struct weft_iovec rest;

	if (!op->n_done)
		return weft_sendmsg(a->bs->s, a->cmsg, a->flags);
	rest = iov_at(a->cmsg->iov, op->n_done);
	return weft_send(a->bs->s, rest.base, rest.len, a->flags);
}

/* The connection is over, with an error: WEFT_ERR alone may also mean a time of sending. */
static bool bop_has_ended(const struct bop *op)
{
	const uint32_t over = WEFT_ERR | WEFT_HUP;

	return (weft_events(op->args.bs->s) & over) == over;
}

static ptrdiff_t step_send(struct bop *op)
{
	struct bargs *a = &op->args;
	ptrdiff_t n;

	do {
		/* As in Linux, of a call that has sent some the error is the next one's. */
		if (op->n_done && bop_has_ended(op))
			return (ptrdiff_t)op->n_done;
		n = send_rest(op);
		if (n > 0)
			op->n_done += (size_t)n;
		if (!op->may_wait && (a->flags & WEFT_MSG_FASTOPEN))
			return n;
		/* The connection has begun: the rest is an ordinary send, which waits for it. */
		a->flags &= ~(uint32_t)WEFT_MSG_FASTOPEN;
		if (op->may_wait && n == -EINPROGRESS) {
			op->late = n;
			return -EAGAIN;
		}
	} while (n > 0 && op->n_done < a->len);
	return n;
}

/* Bytes to read: an error, the end and the urgent mark end a call that has some. */
static bool bop_has_more(const struct bop *op)
{
	int n = 0;

	return weft_ioctl(op->args.bs->s, WEFT_SIOCINQ, &n) == 0 && n > 0;
}

static ptrdiff_t recv_rest(const struct bop *op, uint32_t flags)
{
	const struct bargs *a = &op->args;
	struct weft_iovec rest;

	if (!op->n_done)
		return weft_recvmsg(a->bs->s, a->msg, flags);
	rest = iov_at(a->msg->iov, op->n_done);
	return weft_recv(a->bs->s, rest.base, rest.len, flags);
}

static ptrdiff_t step_recv(struct bop *op)
{
	const struct bargs *a = &op->args;
	bool waits_for_all = a->bs->is_stream && (a->flags & WEFT_MSG_WAITALL) &&
			     !(a->flags & (WEFT_MSG_PEEK | WEFT_MSG_OOB | WEFT_MSG_ERRQUEUE));
	uint32_t flags = a->flags & ~(uint32_t)WEFT_MSG_WAITALL;
	ptrdiff_t n;

	do {
		if (op->n_done && !bop_has_more(op))
			return weft_events(a->bs->s) & (WEFT_HUP | WEFT_RDHUP | WEFT_PRI)
				       ? (ptrdiff_t)op->n_done
				       : -EAGAIN;
		n = recv_rest(op, flags);
		if (n > 0 && waits_for_all)
			op->n_done += (size_t)n;
	} while (n > 0 && waits_for_all && op->n_done < a->len);
	return n;
}

int weft_b_accept(struct weft_bsock *bs, struct weft_bsock **ret, struct weft_sockaddr *ret_peer)
{
	const struct bargs args = {.bs = bs, .ret_bs = ret, .from = ret_peer};

	return (int)run_waiting(step_accept, &args, true);
}

int weft_b_connect(struct weft_bsock *bs, const struct weft_sockaddr *sa)
{
	return (int)run_waiting(step_connect, &(struct bargs){.bs = bs, .to = sa}, false);
}

ptrdiff_t weft_b_sendmsg(struct weft_bsock *bs, const struct weft_msghdr *msg, uint32_t flags)
{
	const struct bargs args = {
		.bs = bs, .cmsg = msg, .len = iov_bytes(msg->iov, msg->n_iov), .flags = flags};

	return run_waiting(step_send, &args, false);
}

ptrdiff_t weft_b_sendto(struct weft_bsock *bs, const void *buf, size_t len, uint32_t flags,
			const struct weft_sockaddr *to)
{
	struct weft_iovec iov = {.base = (void *)(uintptr_t)buf, .len = len};
	const struct weft_msghdr msg = {
		.name = (struct weft_sockaddr *)(uintptr_t)to, .iov = &iov, .n_iov = 1};

	return weft_b_sendmsg(bs, &msg, flags);
}

ptrdiff_t weft_b_send(struct weft_bsock *bs, const void *buf, size_t len, uint32_t flags)
{
	return weft_b_sendto(bs, buf, len, flags, NULL);
}

ptrdiff_t weft_b_recvmsg(struct weft_bsock *bs, struct weft_msghdr *msg, uint32_t flags)
{
	/* The error queue never waits, as in Linux. */
	uint32_t wait = flags & WEFT_MSG_ERRQUEUE ? WEFT_MSG_DONTWAIT : 0;
	const struct bargs args = {.bs = bs,
				   .msg = msg,
				   .len = iov_bytes(msg->iov, msg->n_iov),
				   .flags = flags | wait};

	return run_waiting(step_recv, &args, true);
}

ptrdiff_t weft_b_recvfrom(struct weft_bsock *bs, void *buf, size_t len, uint32_t flags,
			  struct weft_sockaddr *ret_from)
{
	struct weft_iovec iov = {.base = buf, .len = len};
	struct weft_msghdr msg = {.name = ret_from, .iov = &iov, .n_iov = 1};

	return weft_b_recvmsg(bs, &msg, flags);
}

ptrdiff_t weft_b_recv(struct weft_bsock *bs, void *buf, size_t len, uint32_t flags)
{
	return weft_b_recvfrom(bs, buf, len, flags, NULL);
}

/* As in Linux: each message as a call of its own would, until one fails; an error after the first
 * is the next call's, so it is not looked for. */
int weft_b_sendmmsg(struct weft_bsock *bs, struct weft_mmsghdr *vec, size_t n, uint32_t flags)
{
	ptrdiff_t done = 0;
	size_t i;

	n = n < MMSG_MAX ? n : MMSG_MAX;
	for (i = 0; i < n; i++) {
		done = weft_b_sendmsg(bs, &vec[i].hdr, flags);
		if (done < 0)
			break;
		vec[i].len = (size_t)done;
	}
	return i ? (int)i : (int)done;
}

int weft_b_recvmmsg(struct weft_bsock *bs, struct weft_mmsghdr *vec, size_t n, uint32_t flags)
{
	uint32_t then = flags & WEFT_MSG_WAITFORONE ? WEFT_MSG_DONTWAIT : 0;
	ptrdiff_t done = 0;
	size_t i;

	flags &= ~(uint32_t)WEFT_MSG_WAITFORONE;
	n = n < MMSG_MAX ? n : MMSG_MAX;
	for (i = 0; i < n; i++) {
		done = weft_b_recvmsg(bs, &vec[i].hdr, flags | (i ? then : 0));
		if (done < 0)
			break;
		vec[i].len = (size_t)done;
	}
	return i ? (int)i : (int)done;
}

static ptrdiff_t step_ioctl(struct bop *op)
{
	return weft_ioctl(op->args.bs->s, op->args.flags, op->args.ret_int);
}

int weft_b_ioctl(struct weft_bsock *bs, unsigned int request, int *ret)
{
	const struct bargs args = {.bs = bs, .flags = request, .ret_int = ret};

	return (int)bop_run_once(bs->t, step_ioctl, &args);
}

static ptrdiff_t step_shutdown(struct bop *op)
{
	return weft_shutdown(op->args.bs->s, op->args.a);
}

int weft_b_shutdown(struct weft_bsock *bs, int how)
{
	return (int)bop_run_once(bs->t, step_shutdown, &(struct bargs){.bs = bs, .a = how});
}

static ptrdiff_t step_getsockname(struct bop *op)
{
	return weft_getsockname(op->args.bs->s, op->args.from);
}

int weft_b_getsockname(struct weft_bsock *bs, struct weft_sockaddr *ret)
{
	return (int)bop_run_once(bs->t, step_getsockname, &(struct bargs){.bs = bs, .from = ret});
}

static ptrdiff_t step_getpeername(struct bop *op)
{
	return weft_getpeername(op->args.bs->s, op->args.from);
}

int weft_b_getpeername(struct weft_bsock *bs, struct weft_sockaddr *ret)
{
	return (int)bop_run_once(bs->t, step_getpeername, &(struct bargs){.bs = bs, .from = ret});
}

/* Options: those of time are ours. */

static bool is_timeout(int level, int name)
{
	return level == WEFT_SOL_SOCKET && (name == WEFT_SO_RCVTIMEO || name == WEFT_SO_SNDTIMEO);
}

static int64_t *bsock_timeout(struct weft_bsock *bs, int name)
{
	return name == WEFT_SO_RCVTIMEO ? &bs->rcv_timeout_ns : &bs->snd_timeout_ns;
}

static int timeout_set(int64_t *timeout_ns, const void *val, size_t len)
{
	struct weft_timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.us < 0 || tv.us >= 1000000)
		return -EDOM;
	if (tv.s < 0) /* as in Linux: at once, as near as can be had */
		*timeout_ns = 1;
	else
		*timeout_ns = tv.s > INT32_MAX ? 0 : tv.s * NS_PER_S + tv.us * 1000;
	return 0;
}

static ptrdiff_t step_setsockopt(struct bop *op)
{
	const struct bargs *a = &op->args;

	if (is_timeout(a->a, a->b))
		return timeout_set(bsock_timeout(a->bs, a->b), a->cbuf, a->len);
	return weft_setsockopt(a->bs->s, a->a, a->b, a->cbuf, a->len);
}

int weft_b_setsockopt(struct weft_bsock *bs, int level, int name, const void *val, size_t len)
{
	const struct bargs args = {.bs = bs, .a = level, .b = name, .cbuf = val, .len = len};

	return (int)bop_run_once(bs->t, step_setsockopt, &args);
}

static ptrdiff_t step_getsockopt(struct bop *op)
{
	const struct bargs *a = &op->args;
	struct weft_timeval tv;
	int64_t ns;

	if (!is_timeout(a->a, a->b))
		return weft_getsockopt(a->bs->s, a->a, a->b, a->buf, a->ret_len);
	ns = *bsock_timeout(a->bs, a->b);
	tv = (struct weft_timeval){.s = ns / NS_PER_S, .us = ns % NS_PER_S / 1000};
	if (*a->ret_len > sizeof(tv))
		*a->ret_len = sizeof(tv);
	memcpy(a->buf, &tv, *a->ret_len);
	return 0;
}

int weft_b_getsockopt(struct weft_bsock *bs, int level, int name, void *val, size_t *len)
{
	const struct bargs args = {.bs = bs, .a = level, .b = name, .buf = val, .ret_len = len};

	return (int)bop_run_once(bs->t, step_getsockopt, &args);
}
