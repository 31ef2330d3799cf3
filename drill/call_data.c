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

enum {
	CONTROL_MAX = 256
};

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
	_Alignas(8) uint8_t control[CONTROL_MAX];
	size_t control_len; /* what came */
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
		return drill_would_block(c,
					 t->fd->nonblock || (t->flags & (MSG_DONTWAIT | MSG_OOB)));
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

/* {cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=100} against what came at *pos. */
static bool check_cmsg(struct drill_ctx *c, const struct transfer *t, const struct drill_expr *e,
		       size_t *pos)
{
	int64_t level, type, data;
	struct weft_cmsghdr hdr;
	int value = 0;

	if (!drill_expr_int(c, drill_item(e, "cmsg_level"), &level) ||
	    !drill_expr_int(c, drill_item(e, "cmsg_type"), &type) ||
	    !drill_expr_int(c, drill_item(e, "cmsg_data"), &data))
		return false;
	if (t->control_len < *pos + sizeof(hdr))
		return drill_run_fail(c->run, c->ev->line, "%s\n  a control message did not come",
				      c->ev->text);
	memcpy(&hdr, t->control + *pos, sizeof(hdr));
	if (hdr.len >= sizeof(hdr) + sizeof(value) && hdr.len <= t->control_len - *pos)
		memcpy(&value, t->control + *pos + sizeof(hdr), sizeof(value));
	*pos += (hdr.len + 7) / 8 * 8;
	if (hdr.level == level && hdr.type == type && value == data)
		return true;
	return drill_run_fail(c->run, c->ev->line,
			      "%s\n  expected level %lld, type %lld, data %lld\n"
			      "  seen     level %d, type %d, data %d",
			      c->ev->text, (long long)level, (long long)type, (long long)data,
			      hdr.level, hdr.type, value);
}

static bool check_control(struct drill_ctx *c, const struct transfer *t,
			  const struct drill_expr *control)
{
	size_t pos = 0;

	for (const struct drill_expr *e = control->first; e; e = e->next)
		if (!check_cmsg(c, t, e, &pos))
			return false;
	return pos >= t->control_len ||
	       drill_run_fail(c->run, c->ev->line, "%s\n  one more control message came",
			      c->ev->text);
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
	if (control && !check_control(c, &t, control))
		return DRILL_CALL_BAD;
	return state;
}

/* ---- sending ---- */

static uint8_t *fill(struct drill_ctx *c, const struct transfer *t, size_t done)
{
	size_t n = t->len - done;
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
			memcpy(buf, t->text->text + done, len - done);
	}
	return buf;
}

/* A write to a stream that blocks is done when all is taken. */
static enum drill_call_state send_done(struct drill_ctx *c, const struct transfer *t, ptrdiff_t n)
{
	bool nonblock = t->fd->nonblock || (t->flags & MSG_DONTWAIT);

	if (n > 0)
		c->done += (size_t)n;
	if (n == -EAGAIN && nonblock)
		return drill_done(c, c->done > 0 ? (int64_t)c->done : n);
	if (n < 0 && n != -EAGAIN)
		return drill_done(c, c->done > 0 ? (int64_t)c->done : n);
	if (!nonblock && is_stream(t->fd) && c->done < t->len)
		return DRILL_CALL_WAIT;
	return drill_done(c, (int64_t)c->done);
}

static enum drill_call_state do_send(struct drill_ctx *c, struct transfer *t)
{
	uint8_t *buf;
	ptrdiff_t n;

	if (!t->fd || !t->fd->sk)
		return drill_done(c, t->fd ? -ENOTSOCK : -EBADF);
	buf = fill(c, t, c->done);
	if (!buf)
		return DRILL_CALL_BAD;
	if (t->peer.addr.family)
		n = weft_sendto(t->fd->sk, buf, t->len - c->done, (uint32_t)t->flags, &t->peer);
	else
		n = weft_send(t->fd->sk, buf, t->len - c->done, (uint32_t)t->flags);
	free(buf);
	if (n > 0 && is_stream(t->fd))
		t->fd->tx_pos += (uint64_t)n;
	return send_done(c, t, n);
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
	if (to && to->kind == DRILL_EXPR_ELLIPSIS && t.fd && !is_stream(t.fd)) {
		t.peer.addr = c->run->remote;
		t.peer.port = c->run->opts.connect_port;
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
	if (drill_item(msg, "msg_control") && drill_item(msg, "msg_control")->first)
		return drill_bad(c, "control messages can be received, not sent");
	if (name && name->kind == DRILL_EXPR_STRUCT && !drill_arg_addr(c, name, &t.peer))
		return DRILL_CALL_BAD;
	return do_send(c, &t);
}
