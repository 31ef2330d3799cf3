/* SPDX-License-Identifier: MIT */
/*
 * Calls that move data between sockets and what is none: sendfile from a file that is made up, and
 * splice through pipes.
 *
 * A file has no end, and its bytes are those that the stream they go to wants at its position
 * (drill_pattern()), so that what arrives is checked as after a write. A pipe keeps what it is
 * given, up to Linux's 64 KiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "drill/run_priv.h"

enum {
	PIPE_ROOM = 65536,
};

struct drill_pipe {
	unsigned n_ends; /* that are open */
	size_t len;
	uint8_t bytes[PIPE_ROOM];
};

void drill_pipe_close(struct drill_pipe *pipe)
{
	if (pipe && --pipe->n_ends == 0)
		free(pipe);
}

enum drill_call_state drill_sys_open(struct drill_ctx *c)
{
	enum drill_call_state state;

	if (drill_arg(c, 0)->kind != DRILL_EXPR_STRING)
		return drill_bad(c, "the path of a file is wanted, as a text");
	state = drill_fd_make(c);
	if (state == DRILL_CALL_DONE)
		c->fd->is_file = true;
	return state;
}

/* pipe([5, 6]): numbers as the script wants them. */
enum drill_call_state drill_sys_pipe(struct drill_ctx *c)
{
	const struct drill_expr *list = drill_arg(c, 0), *e = list->first;
	struct drill_pipe *pipe;

	if (list->kind != DRILL_EXPR_LIST || !e || !e->next || e->next->next)
		return drill_bad(c, "[5, 6] is wanted, the numbers of both ends");
	pipe = calloc(1, sizeof(*pipe));
	if (!pipe)
		return drill_bad(c, "out of memory");
	for (int i = 0; i < 2; i++, e = e->next) {
		int64_t num;

		if (!drill_expr_int(c, e, &num) || !drill_fd_make_at(c, num)) {
			if (pipe->n_ends == 0)
				free(pipe);
			return DRILL_CALL_BAD;
		}
		c->fd->pipe = pipe;
		pipe->n_ends++;
	}
	return drill_done(c, 0);
}

/* NULL, 0, [1000], or "...". */
static bool arg_offset(struct drill_ctx *c, unsigned n)
{
	const struct drill_expr *e = drill_arg(c, n);
	int64_t v;

	if (e->kind == DRILL_EXPR_ELLIPSIS ||
	    (e->kind == DRILL_EXPR_WORD && !strcmp(e->text, "NULL")))
		return true;
	return drill_expr_int(c, e, &v);
}

static bool arg_count(struct drill_ctx *c, unsigned n, size_t *ret)
{
	int64_t v;

	if (!drill_arg_int(c, n, &v))
		return false;
	if (v < 0 || v > DRILL_IO_MAX) {
		drill_bad(c, "%lld bytes; at most %d are possible", (long long)v, DRILL_IO_MAX);
		return false;
	}
	*ret = (size_t)v;
	return true;
}

/* sendfile(to, from, [offset], count) */
enum drill_call_state drill_sys_sendfile(struct drill_ctx *c)
{
	struct drill_fd *to, *from;
	size_t len;

	if (!drill_arg_fd(c, 1, &from) || !drill_arg_fd(c, 0, &to) || !arg_offset(c, 2) ||
	    !arg_count(c, 3, &len))
		return DRILL_CALL_BAD;
	if (!to || !from)
		return drill_done(c, -EBADF);
	if (!from->is_file)
		return drill_done(c, -EINVAL);
	return drill_send_pattern(c, to, len);
}

static enum drill_call_state splice_in(struct drill_ctx *c, struct drill_fd *from,
				       struct drill_pipe *pipe, size_t len)
{
	size_t room = PIPE_ROOM - pipe->len;
	ptrdiff_t n;

	if (room == 0)
		return drill_would_block(c, true);
	n = weft_recv(from->sk, pipe->bytes + pipe->len, len < room ? len : room, 0);
	if (n == -EAGAIN)
		return drill_would_block(c, from->nonblock);
	if (n > 0) {
		pipe->len += (size_t)n;
		from->rx_pos += (uint64_t)n;
	}
	return drill_done(c, n);
}

static enum drill_call_state splice_out(struct drill_ctx *c, struct drill_pipe *pipe,
					struct drill_fd *to, size_t len, int64_t flags)
{
	uint32_t more = flags & SPLICE_F_MORE ? WEFT_MSG_MORE : 0;
	ptrdiff_t n;

	if (pipe->len == 0)
		return drill_would_block(c, true);
	n = weft_send(to->sk, pipe->bytes, len < pipe->len ? len : pipe->len, more);
	if (n == -EAGAIN)
		return drill_would_block(c, to->nonblock);
	if (n > 0) {
		pipe->len -= (size_t)n;
		memmove(pipe->bytes, pipe->bytes + n, pipe->len);
		to->tx_pos += (uint64_t)n;
		c->run->has_text = true; /* bytes of another stream */
	}
	return drill_done(c, n);
}

/* splice(from, NULL, to, NULL, length, flags): one of them is a pipe. */
enum drill_call_state drill_sys_splice(struct drill_ctx *c)
{
	struct drill_fd *from, *to;
	int64_t flags;
	size_t len;

	if (!drill_arg_fd(c, 0, &from) || !drill_arg_fd(c, 2, &to) || !arg_offset(c, 1) ||
	    !arg_offset(c, 3) || !arg_count(c, 4, &len) || !drill_arg_int(c, 5, &flags))
		return DRILL_CALL_BAD;
	if (!from || !to)
		return drill_done(c, -EBADF);
	if (from->sk && to->pipe)
		return splice_in(c, from, to->pipe, len);
	if (from->pipe && to->sk)
		return splice_out(c, from->pipe, to, len, flags);
	return drill_done(c, -EINVAL);
}
