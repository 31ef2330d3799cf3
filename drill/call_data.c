/* SPDX-License-Identifier: MIT */
/*
 * Calls that move data. What is written without a text of its own is a pattern that tells each
 * position of the stream (drill_pattern()), and so is what a script injects: what arrives is
 * compared with it on both sides.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "drill/run_priv.h"

static bool is_stream(const struct drill_fd *fd)
{
	return fd->type == WEFT_SOCK_STREAM;
}

/* A read under way: where to, and what the script says about it. */
struct transfer {
	struct drill_fd *fd;
	const struct drill_expr *text; /* a string, or NULL */
	size_t len;
	int64_t flags;
	struct weft_sockaddr peer;
	bool has_control; /* control messages are wanted */
	_Alignas(8) uint8_t control[DRILL_CONTROL_MAX];
	size_t control_len; /* what came, or is sent */
	uint32_t flags_out;
};

/* The bytes that a read gave: those of the script's text, or of the stream. */
static bool check_bytes(struct drill_ctx *c, const struct transfer *t, const uint8_t *buf, size_t n)
{
	const struct drill_run *run = c->run;

	if (t->text) {
		size_t len = t->text->len < n ? t->text->len : n;

		if (memcmp(t->text->text, buf, len) == 0 && (t->text->is_open || len == n))
			return true;
		return drill_run_fail(c->run, c->ev->line, "%s\n  other bytes were read",
				      c->ev->text);
	}
	/* Of UDP, each datagram starts the pattern anew; the flow of a stream knows its start. */
	if (!is_stream(t->fd) || !t->fd->is_named || run->has_text || (t->flags & MSG_OOB))
		return true;
	for (size_t i = 0; i < n; i++)
		if (buf[i] != drill_pattern(t->fd->rx_pos + i))
			return drill_run_fail(
				c->run, c->ev->line,
				"%s\n  byte %zu of what was read is not what was sent", c->ev->text,
				i);
	return true;
}

/* Of a call that has read `n` bytes or failed. MSG_WAITALL wants all of them, unless the stream
 * ends. */
static enum drill_call_state recv_done(struct drill_ctx *c, struct transfer *t, ptrdiff_t n)
{
	bool all = (t->flags & MSG_WAITALL) && is_stream(t->fd);

	if (n == -EAGAIN)
		return drill_would_block(
			c, t->fd->nonblock || (t->flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)));
	if (n < 0)
		return drill_done(c, c->done > 0 ? (int64_t)c->done : n);
	c->done += (size_t)n;
	if (all && n > 0 && c->done < t->len)
		return DRILL_CALL_WAIT;
	return drill_done(c, (int64_t)c->done);
}

/* One receive of at most `room` bytes; notes control messages and flags in `t`. */
static ptrdiff_t recv_once(struct transfer *t, uint8_t *buf, size_t room, uint32_t flags)
{
	struct weft_iovec iov = {.base = buf, .len = room};
	struct weft_msghdr msg = {.name = &t->peer,
				  .iov = &iov,
				  .n_iov = 1,
				  .control = t->control,
				  .control_len = t->has_control ? sizeof(t->control) : 0};
	ptrdiff_t n = weft_recvmsg(t->fd->sk, &msg, flags);

	if (n >= 0) {
		t->control_len = msg.control_len;
		t->flags_out = msg.flags;
	}
	return n;
}

static enum drill_call_state do_recv(struct drill_ctx *c, struct transfer *t)
{
	int64_t flags = t->flags & ~(int64_t)MSG_WAITALL;
	size_t room = t->len - c->done;
	uint8_t *buf;
	ptrdiff_t n;
	bool ok = true;

	if (!t->fd || !t->fd->sk)
		return drill_done(c, t->fd ? -ENOTSOCK : -EBADF);
	buf = malloc(room ? room : 1);
	if (!buf)
		return drill_bad(c, "out of memory");
	n = recv_once(t, buf, room, (uint32_t)flags);
	if (n > 0)
		ok = check_bytes(c, t, buf, (size_t)n < room ? (size_t)n : room);
	if (n > 0 && !(flags & (MSG_PEEK | MSG_OOB)))
		t->fd->rx_pos += (uint64_t)n;
	free(buf);
	return ok ? recv_done(c, t, n) : DRILL_CALL_BAD;
}

static bool arg_length(struct drill_ctx *c, const struct drill_expr *e, size_t *ret)
{
	int64_t len;

	if (!drill_expr_int(c, e, &len))
		return false;
	if (len < 0 || len > DRILL_IO_MAX) {
		drill_bad(c, "%lld bytes; at most %d are possible", (long long)len, DRILL_IO_MAX);
		return false;
	}
	*ret = (size_t)len;
	return true;
}

/* (fd, ..., length) of read, write, recv, send and their kin. */
static bool arg_buffer(struct drill_ctx *c, struct transfer *t)
{
	const struct drill_expr *e = drill_arg(c, 1);

	*t = (struct transfer){.len = 0};
	if (!drill_arg_fd(c, 0, &t->fd) || !arg_length(c, drill_arg(c, 2), &t->len))
		return false;
	if (e->kind == DRILL_EXPR_STRING)
		t->text = e;
	else if (e->kind != DRILL_EXPR_ELLIPSIS) {
		drill_bad(c, "\"...\" or a text is wanted");
		return false;
	}
	return true;
}

enum drill_call_state drill_sys_read(struct drill_ctx *c)
{
	struct transfer t;

	if (!arg_buffer(c, &t))
		return DRILL_CALL_BAD;
	/* read(2) of nothing is nothing; recv(2) waits. */
	return t.fd && t.fd->sk && t.len == 0 ? drill_done(c, 0) : do_recv(c, &t);
}

enum drill_call_state drill_sys_recv(struct drill_ctx *c)
{
	struct transfer t;

	if (!arg_buffer(c, &t) || !drill_arg_int(c, 3, &t.flags))
		return DRILL_CALL_BAD;
	return do_recv(c, &t);
}

/* [{..., 100}, {"abc", 3}]: as one buffer. Texts count from the start of the whole. */
static bool arg_iov(struct drill_ctx *c, const struct drill_expr *e, struct transfer *t)
{
	size_t len;

	if (!e || e->kind != DRILL_EXPR_LIST) {
		drill_bad(c, "a list of {..., length} is wanted");
		return false;
	}
	for (const struct drill_expr *i = e->first; i; i = i->next) {
		const struct drill_expr *base = drill_item(i, "iov_base");
		const struct drill_expr *n = drill_item(i, "iov_len");

		base = base ? base : i->first;
		n = n ? n : base ? base->next : NULL;
		if (!n || !arg_length(c, n, &len) || len > DRILL_IO_MAX - t->len) {
			drill_bad(c, "a list of {..., length} is wanted");
			return false;
		}
		if (base->kind == DRILL_EXPR_STRING && i == e->first && !i->next)
			t->text = base;
		else if (base->kind == DRILL_EXPR_STRING)
			c->run->has_text = true;
		t->len += len;
	}
	return true;
}

enum drill_call_state drill_sys_readv(struct drill_ctx *c)
{
	struct transfer t = {.len = 0};

	if (!drill_arg_fd(c, 0, &t.fd) || !arg_iov(c, drill_arg(c, 1), &t))
		return DRILL_CALL_BAD;
	return do_recv(c, &t);
}

static bool arg_msg(struct drill_ctx *c, struct transfer *t, const struct drill_expr **ret_msg)
{
	const struct drill_expr *msg = drill_arg(c, 1);

	*t = (struct transfer){.len = 0};
	*ret_msg = msg;
	if (msg->kind != DRILL_EXPR_STRUCT) {
		drill_bad(c, "{msg_name(...)=..., msg_iov(1)=[...], msg_flags=0} is wanted");
		return false;
	}
	return drill_arg_fd(c, 0, &t->fd) && arg_iov(c, drill_item(msg, "msg_iov"), t) &&
	       drill_arg_int(c, 2, &t->flags);
}

enum drill_call_state drill_sys_recvmsg(struct drill_ctx *c)
{
	const struct drill_expr *msg, *control;
	enum drill_call_state state;
	struct transfer t;
	int64_t want = 0;

	if (!arg_msg(c, &t, &msg))
		return DRILL_CALL_BAD;
	control = drill_item(msg, "msg_control");
	t.has_control = control != NULL;
	state = do_recv(c, &t);
	if (state != DRILL_CALL_DONE || c->result < 0)
		return state;
	if (drill_item(msg, "msg_flags") && !drill_expr_int(c, drill_item(msg, "msg_flags"), &want))
		return DRILL_CALL_BAD;
	if ((uint32_t)want != t.flags_out) {
		drill_run_fail(c->run, c->ev->line,
			       "%s\n  expected msg_flags %#llx\n  seen     %#x", c->ev->text,
			       (unsigned long long)want, t.flags_out);
		return DRILL_CALL_BAD;
	}
	if (control && !drill_control_check(c, control, t.control, t.control_len))
		return DRILL_CALL_BAD;
	return state;
}

/* ---- sending ---- */

/* What the stack could take at once, and a byte: it sees that there is more, and a long write that
 * blocks is not made anew as a whole each time. */
static size_t send_len(const struct drill_ctx *c, const struct transfer *t)
{
	size_t rest = t->len - c->done, len = sizeof(int);
	int room;

	if (!is_stream(t->fd) ||
	    weft_getsockopt(t->fd->sk, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, &room, &len) || room < 0)
		return rest;
	return rest <= (size_t)room ? rest : (size_t)room + 1;
}

static uint8_t *fill(struct drill_ctx *c, const struct transfer *t, size_t n)
{
	size_t done = c->done;
	uint8_t *buf = malloc(n ? n : 1);

	if (!buf) {
		drill_bad(c, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		buf[i] = drill_pattern((is_stream(t->fd) ? t->fd->tx_pos : 0) + i);
	if (t->text) {
		size_t len = t->text->len < t->len ? t->text->len : t->len;

		c->run->has_text = true;
		if (done < len)
			memcpy(buf, t->text->text + done, len - done < n ? len - done : n);
	}
	return buf;
}

/* A write to a stream that blocks is done when all is taken. */
static enum drill_call_state send_done(struct drill_ctx *c, const struct transfer *t, ptrdiff_t n)
{
	bool nonblock = t->fd->nonblock || (t->flags & MSG_DONTWAIT);

	if (n > 0)
		c->done += (size_t)n;
	/* The connection that MSG_FASTOPEN began: what blocks goes on when it is there. */
	if (n == -EINPROGRESS && !nonblock)
		return DRILL_CALL_WAIT;
	if (n == -EAGAIN && nonblock)
		return drill_done(c, c->done > 0 ? (int64_t)c->done : n);
	if (n < 0 && n != -EAGAIN)
		return drill_done(c, c->done > 0 ? (int64_t)c->done : n);
	if (!nonblock && is_stream(t->fd) && c->done < t->len)
		return DRILL_CALL_WAIT;
	return drill_done(c, (int64_t)c->done);
}

static ptrdiff_t send_once(struct transfer *t, uint8_t *buf, size_t len, bool is_first)
{
	uint32_t flags = (uint32_t)(is_first ? t->flags : t->flags & ~(int64_t)MSG_FASTOPEN);
	struct weft_iovec iov = {.base = buf, .len = len};
	struct weft_msghdr msg = {.name = t->peer.addr.family ? &t->peer : NULL,
				  .iov = &iov,
				  .n_iov = 1,
				  .control = t->control,
				  .control_len = t->control_len};

	return weft_sendmsg(t->fd->sk, &msg, flags);
}

static enum drill_call_state do_send(struct drill_ctx *c, struct transfer *t)
{
	uint8_t *buf;
	ptrdiff_t n;
	size_t len;

	if (!t->fd || !t->fd->sk)
		return drill_done(c, t->fd ? -ENOTSOCK : -EBADF);
	if (c->n_tries > 1 && !(weft_events(t->fd->sk) & (WEFT_OUT | WEFT_ERR | WEFT_HUP)))
		return DRILL_CALL_WAIT;
	len = send_len(c, t);
	buf = fill(c, t, len);
	if (!buf)
		return DRILL_CALL_BAD;
	n = send_once(t, buf, len, c->n_tries <= 1);
	free(buf);
	if (n > 0 && is_stream(t->fd))
		t->fd->tx_pos += (uint64_t)n;
	return send_done(c, t, n);
}

enum drill_call_state drill_send_pattern(struct drill_ctx *c, struct drill_fd *fd, size_t len)
{
	struct transfer t = {.fd = fd, .len = len};

	return do_send(c, &t);
}

enum drill_call_state drill_sys_write(struct drill_ctx *c)
{
	struct transfer t;

	return arg_buffer(c, &t) ? do_send(c, &t) : DRILL_CALL_BAD;
}

enum drill_call_state drill_sys_send(struct drill_ctx *c)
{
	const struct drill_expr *to = drill_arg(c, 4);
	struct transfer t;

	if (!arg_buffer(c, &t) || !drill_arg_int(c, 3, &t.flags))
		return DRILL_CALL_BAD;
	if (to && to->kind == DRILL_EXPR_ELLIPSIS && t.fd &&
	    (!is_stream(t.fd) || (t.flags & MSG_FASTOPEN))) {
		t.peer = drill_addr_of(t.fd, &c->run->remote, c->run->opts.connect_port);
	} else if (to && to->kind == DRILL_EXPR_STRUCT && !drill_arg_addr(c, to, &t.peer)) {
		return DRILL_CALL_BAD;
	}
	return do_send(c, &t);
}

enum drill_call_state drill_sys_writev(struct drill_ctx *c)
{
	struct transfer t = {.len = 0};

	if (!drill_arg_fd(c, 0, &t.fd) || !arg_iov(c, drill_arg(c, 1), &t))
		return DRILL_CALL_BAD;
	return do_send(c, &t);
}

enum drill_call_state drill_sys_sendmsg(struct drill_ctx *c)
{
	const struct drill_expr *msg, *name;
	struct transfer t;

	if (!arg_msg(c, &t, &msg))
		return DRILL_CALL_BAD;
	name = drill_item(msg, "msg_name");
	if (!drill_control_make(c, drill_item(msg, "msg_control"), t.control, &t.control_len))
		return DRILL_CALL_BAD;
	if (name && name->kind == DRILL_EXPR_STRUCT && !drill_arg_addr(c, name, &t.peer))
		return DRILL_CALL_BAD;
	if (name && name->kind == DRILL_EXPR_ELLIPSIS && t.fd && (t.flags & MSG_FASTOPEN))
		t.peer = drill_addr_of(t.fd, &c->run->remote, c->run->opts.connect_port);
	return do_send(c, &t);
}
