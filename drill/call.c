/* SPDX-License-Identifier: MIT */
/*
 * System calls of a script: finding them, reading their arguments, comparing what they return.
 *
 * Descriptors have the numbers that the script gives them: socket(...) = 3 makes number 3.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "drill/run_priv.h"
#include "drill/symbol.h"

static const struct {
	const char *name;
	enum drill_call_state (*fn)(struct drill_ctx *c);
	uint32_t n_min, n_max; /* arguments */
} calls[] = {
	{"socket", drill_sys_socket, 3, 3},
	{"bind", drill_sys_bind, 3, 3},
	{"listen", drill_sys_listen, 2, 2},
	{"accept", drill_sys_accept, 3, 3},
	{"accept4", drill_sys_accept, 4, 4},
	{"connect", drill_sys_connect, 3, 3},
	{"close", drill_sys_close, 1, 1},
	{"shutdown", drill_sys_shutdown, 2, 2},
	{"getsockname", drill_sys_getname, 3, 3},
	{"getpeername", drill_sys_getname, 3, 3},
	{"read", drill_sys_read, 3, 3},
	{"readv", drill_sys_readv, 3, 3},
	{"recv", drill_sys_recv, 4, 4},
	{"recvfrom", drill_sys_recv, 6, 6},
	{"recvmsg", drill_sys_recvmsg, 3, 3},
	{"write", drill_sys_write, 3, 3},
	{"writev", drill_sys_writev, 3, 3},
	{"send", drill_sys_send, 4, 4},
	{"sendto", drill_sys_send, 6, 6},
	{"sendmsg", drill_sys_sendmsg, 3, 3},
	{"open", drill_sys_open, 2, 3},
	{"pipe", drill_sys_pipe, 1, 1},
	{"sendfile", drill_sys_sendfile, 4, 4},
	{"splice", drill_sys_splice, 6, 6},
	{"setsockopt", drill_sys_setsockopt, 5, 5},
	{"getsockopt", drill_sys_getsockopt, 5, 5},
	{"ioctl", drill_sys_ioctl, 2, 3},
	{"fcntl", drill_sys_fcntl, 2, 3},
	{"poll", drill_sys_poll, 3, 3},
	{"epoll_create", drill_sys_epoll_create, 1, 1},
	{"epoll_create1", drill_sys_epoll_create, 1, 1},
	{"epoll_ctl", drill_sys_epoll_ctl, 4, 4},
	{"epoll_wait", drill_sys_epoll_wait, 4, 4},
};

/* ---- results ---- */

enum drill_call_state drill_done(struct drill_ctx *c, int64_t result)
{
	c->result = result;
	return DRILL_CALL_DONE;
}

enum drill_call_state drill_bad(struct drill_ctx *c, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	drill_run_refuse(c->run, c->ev->line, "%s: %s", c->call->name, text);
	return DRILL_CALL_BAD;
}

enum drill_call_state drill_would_block(struct drill_ctx *c, bool nonblock)
{
	return nonblock ? drill_done(c, -EAGAIN) : DRILL_CALL_WAIT;
}

static void result_text(int64_t result, char *buf, size_t size)
{
	char name[32];

	if (result >= 0)
		snprintf(buf, size, "%lld", (long long)result);
	else
		snprintf(buf, size, "-1 %s", drill_errno_name((int)-result, name, sizeof(name)));
}

/* The script's result as one of ours: >= 0 or -errno; -1 without the name of an error is any. */
static bool wanted_result(struct drill_ctx *c, int64_t *ret)
{
	const struct drill_call *call = c->call;
	int64_t v, err;

	if (!drill_expr_int(c, call->result, &v))
		return false;
	*ret = v;
	if (v >= 0)
		return true;
	if (!call->error) {
		*ret = c->result < 0 ? c->result : -1;
		return true;
	}
	if (!drill_symbol(call->error, &err)) {
		drill_bad(c, "%.60s is no error that is known", call->error);
		return false;
	}
	*ret = -err;
	return true;
}

static bool check_result(struct drill_ctx *c)
{
	char want_text[48], got_text[48];
	int64_t want;

	if (c->call->result->kind == DRILL_EXPR_ELLIPSIS)
		return true;
	if (!wanted_result(c, &want))
		return false;
	if (want == c->result)
		return true;
	result_text(want, want_text, sizeof(want_text));
	result_text(c->result, got_text, sizeof(got_text));
	return drill_run_fail(c->run, c->ev->line, "%s\n  expected %s\n  seen     %s", c->ev->text,
			      want_text, got_text);
}

/* ---- arguments ---- */

const struct drill_expr *drill_arg(const struct drill_ctx *c, unsigned n)
{
	const struct drill_expr *e = c->call->args;

	while (e && n-- > 0)
		e = e->next;
	return e;
}

static bool expr_one(struct drill_ctx *c, const struct drill_expr *e, int64_t *ret)
{
	switch (e->kind) {
	case DRILL_EXPR_INT:
		*ret = e->num;
		return true;
	case DRILL_EXPR_WORD:
		if (drill_symbol(e->text, ret))
			return true;
		drill_bad(c, "%.60s is not known", e->text);
		return false;
	case DRILL_EXPR_CALL:
		if (!strcmp(e->text, "htons") && e->first->kind == DRILL_EXPR_INT) {
			*ret = e->first->num;
			return true;
		}
		drill_bad(c, "%.60s(...) is no number", e->text);
		return false;
	case DRILL_EXPR_LIST: /* [1] where a number is read through a pointer */
		if (e->first && !e->first->next)
			return drill_expr_int(c, e->first, ret);
		drill_bad(c, "a list where a number is wanted");
		return false;
	default:
		drill_bad(c, "a number is wanted");
		return false;
	}
}

bool drill_expr_int(struct drill_ctx *c, const struct drill_expr *e, int64_t *ret)
{
	int64_t all = 0, v;

	if (!e) {
		drill_bad(c, "an argument is missing");
		return false;
	}
	/* a | b | c leans to the left. */
	for (; e->kind == DRILL_EXPR_OR; e = e->first) {
		if (!expr_one(c, e->second, &v))
			return false;
		all |= v;
	}
	if (!expr_one(c, e, &v))
		return false;
	*ret = all | v;
	return true;
}

bool drill_arg_int(struct drill_ctx *c, unsigned n, int64_t *ret)
{
	return drill_expr_int(c, drill_arg(c, n), ret);
}

struct drill_fd *drill_fd_find(struct drill_run *run, int num)
{
	for (struct drill_fd *fd = run->fds; fd; fd = fd->next)
		if (fd->num == num)
			return fd;
	return NULL;
}

void drill_fd_free(struct drill_run *run, struct drill_fd *fd)
{
	struct drill_fd **p = &run->fds;

	while (*p != fd)
		p = &(*p)->next;
	*p = fd->next;
	if (run->fd == fd)
		run->fd = NULL;
	if (fd->sk)
		weft_close(fd->sk);
	drill_watch_forget(run, fd->num);
	drill_pipe_close(fd->pipe);
	free(fd);
}

bool drill_arg_fd(struct drill_ctx *c, unsigned n, struct drill_fd **ret)
{
	int64_t num;

	*ret = NULL;
	if (!drill_arg_int(c, n, &num))
		return false;
	*ret = num >= 0 && num < DRILL_FDS_MAX ? drill_fd_find(c->run, (int)num) : NULL;
	c->fd = *ret;
	return true;
}

const struct drill_expr *drill_item(const struct drill_expr *e, const char *name)
{
	for (const struct drill_expr *i = e ? e->first : NULL; i; i = i->next)
		if (i->name && !strcmp(i->name, name))
			return i;
	return NULL;
}

bool drill_expr_addr(struct drill_ctx *c, const struct drill_expr *e, struct weft_addr *ret)
{
	bool is_call = e && e->kind == DRILL_EXPR_CALL && e->first->kind == DRILL_EXPR_STRING;
	int64_t v;

	if (is_call && !weft_addr_parse(e->first->text, ret))
		return true;
	if (!is_call && e && e->kind == DRILL_EXPR_WORD && drill_symbol(e->text, &v)) {
		*ret = (struct weft_addr){.family = WEFT_AF_INET};
		return true; /* INADDR_ANY */
	}
	drill_bad(c, "an address is wanted: inet_addr(\"192.0.2.1\")");
	return false;
}

bool drill_arg_addr(struct drill_ctx *c, const struct drill_expr *e, struct weft_sockaddr *ret)
{
	const struct drill_expr *port, *addr, *family;
	struct weft_sockaddr sa = {.port = 0};
	int64_t v;

	if (!e || e->kind == DRILL_EXPR_ELLIPSIS)
		return true;
	if (e->kind != DRILL_EXPR_STRUCT) {
		drill_bad(c, "an address is wanted: {sa_family = ...}");
		return false;
	}
	family = drill_item(e, "sa_family");
	if (!drill_expr_int(c, family, &v))
		return false;
	if (v == WEFT_AF_UNSPEC) {
		*ret = sa;
		return true;
	}
	port = drill_item(e, "sin_port") ? drill_item(e, "sin_port") : drill_item(e, "sin6_port");
	addr = drill_item(e, "sin_addr") ? drill_item(e, "sin_addr") : drill_item(e, "sin6_addr");
	if (!drill_expr_int(c, port, &v) || !drill_expr_addr(c, addr, &sa.addr))
		return false;
	sa.port = (uint16_t)v;
	*ret = sa;
	return true;
}

/* ---- running ---- */

static enum drill_call_state call_try(struct drill_ctx *c)
{
	const struct drill_call *call = c->call;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (strcmp(calls[i].name, call->name) != 0)
			continue;
		if (call->n_args < calls[i].n_min || call->n_args > calls[i].n_max)
			return drill_bad(c, "%u arguments; it takes %u", call->n_args,
					 calls[i].n_max);
		c->n_tries++;
		return calls[i].fn(c);
	}
	return drill_bad(c, "there is no such system call here");
}

/* A call that waited is done: in time? */
static bool check_end(struct drill_ctx *c)
{
	int64_t now = drill_now_us(c->run), tol = c->run->opts.tolerance_us;

	if (c->end_us < 0 || (now >= c->end_us - tol && now <= c->end_us + tol))
		return true;
	return drill_run_fail(c->run, c->ev->line,
			      "%s\n  expected the call to return at %.6f s\n"
			      "  seen     it returned %lld at %.6f s",
			      c->ev->text, (double)c->end_us / 1e6, (long long)c->result,
			      (double)now / 1e6);
}

static bool finish(struct drill_ctx *c)
{
	return check_result(c) && check_end(c);
}

bool drill_call_retry(struct drill_run *run)
{
	struct drill_ctx *c = &run->waiting;

	if (run->has_failed)
		return false;
	if (!run->is_waiting)
		return true;
	if (drill_now_us(run) > c->end_us + run->opts.tolerance_us)
		return drill_run_fail(run, c->ev->line,
				      "%s\n  expected the call to return at %.6f s\n"
				      "  seen     it still waits at %.6f s",
				      c->ev->text, (double)c->end_us / 1e6,
				      (double)drill_now_us(run) / 1e6);
	switch (call_try(c)) {
	case DRILL_CALL_DONE:
		run->is_waiting = false;
		return finish(c);
	case DRILL_CALL_WAIT:
		return true;
	default:
		return false;
	}
}

/* One call waits at a time; the next one waits for it. */
static bool await_other(struct drill_run *run)
{
	if (!run->is_waiting)
		return true;
	if (!drill_run_until(run, run->waiting.end_us + run->opts.tolerance_us))
		return false;
	if (!run->is_waiting)
		return true;
	return drill_run_fail(run, run->waiting.ev->line,
			      "%s\n  still waits when the next call comes", run->waiting.ev->text);
}

bool drill_run_call(struct drill_run *run, const struct drill_event *ev)
{
	struct drill_ctx c = {.run = run, .ev = ev, .call = ev->call, .end_us = -1};

	if (!await_other(run))
		return false;
	c.start_us = drill_now_us(run);
	if (ev->call->end_us >= 0) {
		c.end_us = ev->call->end_us;
		if (ev->when == DRILL_AFTER)
			c.end_us += run->event_us - ev->us;
	}
	switch (call_try(&c)) {
	case DRILL_CALL_DONE:
		return finish(&c) && !run->has_failed;
	case DRILL_CALL_WAIT:
		if (c.end_us < 0)
			return drill_run_fail(
				run, ev->line,
				"%s\n  the call would block; \"TIME...TIME\" says until "
				"when",
				ev->text);
		run->waiting = c;
		run->is_waiting = true;
		return true;
	default:
		return false;
	}
}
