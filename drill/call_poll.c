/* SPDX-License-Identifier: MIT */
/* poll and epoll over the readiness of sockets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "drill/run_priv.h"

/* A wait of poll or epoll: over now, in `timeout_ms` ms from when the call began, or never. */
static enum drill_call_state wait_for(struct drill_ctx *c, int64_t timeout_ms)
{
	/* poll(2) has an int; longer is for ever. */
	bool over = timeout_ms >= 0 && timeout_ms <= INT32_MAX &&
		    drill_now_us(c->run) >= c->start_us + timeout_ms * 1000;

	return over ? drill_done(c, 0) : DRILL_CALL_WAIT;
}

static uint32_t ready(const struct drill_fd *fd, uint32_t wanted)
{
	return weft_events(fd->sk) & (wanted | WEFT_ERR | WEFT_HUP);
}

/* {fd=4, events=POLLIN, revents=POLLIN}: how many are ready, or compares what is. */
static bool poll_one(struct drill_ctx *c, const struct drill_expr *e, bool is_check,
		     unsigned *n_ready)
{
	const struct drill_expr *re = drill_item(e, "revents");
	int64_t num, events, want = 0;
	struct drill_fd *fd;
	uint32_t got;

	if (!drill_expr_int(c, drill_item(e, "fd"), &num) ||
	    !drill_expr_int(c, drill_item(e, "events"), &events) ||
	    (re && !drill_expr_int(c, re, &want)))
		return false;
	fd = num >= 0 && num < DRILL_FDS_MAX ? drill_fd_find(c->run, (int)num) : NULL;
	got = fd && fd->sk ? ready(fd, (uint32_t)events) : num < 0 ? 0 : 0x20; /* POLLNVAL */
	*n_ready += got != 0;
	if (!is_check || got == (uint32_t)want)
		return true;
	return drill_run_fail(c->run, c->ev->line,
			      "%s\n  expected the events %#llx of descriptor %lld\n  seen     %#x",
			      c->ev->text, (unsigned long long)want, (long long)num, got);
}

enum drill_call_state drill_sys_poll(struct drill_ctx *c)
{
	const struct drill_expr *list = drill_arg(c, 0);
	enum drill_call_state state;
	unsigned n_ready = 0;
	int64_t timeout_ms;

	if (list->kind != DRILL_EXPR_LIST)
		return drill_bad(c, "[{fd=..., events=..., revents=...}] is wanted");
	if (!drill_arg_int(c, 2, &timeout_ms))
		return DRILL_CALL_BAD;
	for (const struct drill_expr *e = list->first; e; e = e->next)
		if (!poll_one(c, e, false, &n_ready))
			return DRILL_CALL_BAD;
	state = n_ready ? drill_done(c, n_ready) : wait_for(c, timeout_ms);
	if (state != DRILL_CALL_DONE)
		return state;
	for (const struct drill_expr *e = list->first; e; e = e->next)
		if (!poll_one(c, e, true, &n_ready))
			return DRILL_CALL_BAD;
	return state;
}

enum drill_call_state drill_sys_epoll_create(struct drill_ctx *c)
{
	struct drill_fd *fd;
	int64_t num;

	if (!drill_expr_int(c, c->call->result, &num))
		return DRILL_CALL_BAD;
	if (num < 0 || num >= DRILL_FDS_MAX || drill_fd_find(c->run, (int)num))
		return drill_bad(c, "the descriptor %lld cannot be made", (long long)num);
	fd = calloc(1, sizeof(*fd));
	if (!fd)
		return drill_bad(c, "out of memory");
	fd->run = c->run;
	fd->num = (int)num;
	fd->is_epoll = true;
	fd->next = c->run->fds;
	c->run->fds = fd;
	return drill_done(c, num);
}

void drill_watch_forget(struct drill_run *run, int num)
{
	for (struct drill_fd *fd = run->fds; fd; fd = fd->next)
		for (unsigned i = 0; i < DRILL_WATCH_MAX; i++)
			if (fd->watch[i].events && fd->watch[i].fd == num)
				fd->watch[i].events = 0;
}

static struct drill_watch *watch_find(struct drill_fd *ep, int num)
{
	for (unsigned i = 0; i < DRILL_WATCH_MAX; i++)
		if (ep->watch[i].events && ep->watch[i].fd == num)
			return &ep->watch[i];
	return NULL;
}

static struct drill_watch *watch_free(struct drill_fd *ep)
{
	for (unsigned i = 0; i < DRILL_WATCH_MAX; i++)
		if (!ep->watch[i].events)
			return &ep->watch[i];
	return NULL;
}

/* {events=EPOLLIN, fd=4}, or ptr, u32, u64 instead of fd. */
static bool event_arg(struct drill_ctx *c, const struct drill_expr *e, int64_t *ret_events,
		      int64_t *ret_data)
{
	static const char *const names[] = {"fd", "ptr", "u32", "u64"};
	const struct drill_expr *data = NULL;

	*ret_events = 0;
	*ret_data = 0;
	if (e->kind == DRILL_EXPR_ELLIPSIS)
		return true;
	for (unsigned i = 0; i < 4 && !data; i++)
		data = drill_item(e, names[i]);
	return drill_expr_int(c, drill_item(e, "events"), ret_events) &&
	       (!data || drill_expr_int(c, data, ret_data));
}

enum drill_call_state drill_sys_epoll_ctl(struct drill_ctx *c)
{
	struct drill_watch *w;
	struct drill_fd *ep, *fd;
	int64_t op, events, data;

	if (!drill_arg_fd(c, 0, &ep) || !drill_arg_int(c, 1, &op) || !drill_arg_fd(c, 2, &fd) ||
	    !event_arg(c, drill_arg(c, 3), &events, &data))
		return DRILL_CALL_BAD;
	if (!ep || !fd)
		return drill_done(c, -EBADF);
	if (!ep->is_epoll || !fd->sk)
		return drill_done(c, -EINVAL);
	w = watch_find(ep, fd->num);
	if (op == EPOLL_CTL_ADD ? w != NULL : !w)
		return drill_done(c, w ? -EEXIST : -ENOENT);
	if (op == EPOLL_CTL_DEL) {
		w->events = 0;
		return drill_done(c, 0);
	}
	w = w ? w : watch_free(ep);
	if (!w)
		return drill_bad(c, "more than %d descriptors", DRILL_WATCH_MAX);
	*w = (struct drill_watch){.fd = fd->num,
				  .events = (uint32_t)events | WEFT_ERR | WEFT_HUP,
				  .data = (uint64_t)data,
				  .is_new = true};
	return drill_done(c, 0);
}

/* What a watch has to report; 0: nothing. */
static uint32_t watch_ready(struct drill_run *run, const struct drill_watch *w)
{
	const struct drill_fd *fd = w->events ? drill_fd_find(run, w->fd) : NULL;
	uint32_t got = fd && fd->sk ? ready(fd, w->events) : 0;

	return (w->events & EPOLLET) && !w->is_new ? 0 : got;
}

static bool check_event(struct drill_ctx *c, const struct drill_expr *e,
			const struct drill_watch *w, uint32_t got)
{
	int64_t events, data;

	if (!e || e->kind == DRILL_EXPR_ELLIPSIS)
		return true;
	if (!event_arg(c, e, &events, &data))
		return false;
	if ((uint32_t)events == got && (uint64_t)data == w->data)
		return true;
	return drill_run_fail(c->run, c->ev->line,
			      "%s\n  expected the events %#x, data %lld\n  seen     %#x, data %lld",
			      c->ev->text, (uint32_t)events, (long long)data, got,
			      (long long)w->data);
}

enum drill_call_state drill_sys_epoll_wait(struct drill_ctx *c)
{
	const struct drill_expr *e = drill_arg(c, 1);
	int64_t max, timeout_ms, n = 0;
	struct drill_fd *ep;

	if (!drill_arg_fd(c, 0, &ep) || !drill_arg_int(c, 2, &max) ||
	    !drill_arg_int(c, 3, &timeout_ms))
		return DRILL_CALL_BAD;
	if (!ep)
		return drill_done(c, -EBADF);
	if (!ep->is_epoll || max <= 0)
		return drill_done(c, -EINVAL);
	e = e->kind == DRILL_EXPR_LIST ? e->first : e;
	for (unsigned i = 0; i < DRILL_WATCH_MAX && n < max; i++) {
		struct drill_watch *w = &ep->watch[i];
		uint32_t got = watch_ready(c->run, w);

		if (!got)
			continue;
		if (!check_event(c, e, w, got))
			return DRILL_CALL_BAD;
		w->is_new = false;
		if (w->events & EPOLLONESHOT)
			w->events = EPOLLONESHOT;
		e = e ? e->next : NULL;
		n++;
	}
	return n ? drill_done(c, n) : wait_for(c, timeout_ms);
}
