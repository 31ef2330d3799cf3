/* SPDX-License-Identifier: MIT */
/* Threads that wait for many sockets: polls and poll sets; the contracts are in weft/blocking.h. */
#include <errno.h>
#include <stdlib.h>

#include "drivers/blocking.h"

static void bset_ready(struct weft_pollset *set, void *arg)
{
	struct weft_bpollset *bset = arg;

	(void)set;
	bwaits_try(&bset->waits);
}

static ptrdiff_t step_poll(struct bop *op)
{
	struct bargs *a = &op->args;
	ptrdiff_t n = 0;

	for (size_t i = 0; i < a->len; i++) {
		struct weft_b_pollfd *p = &a->fds[i];

		p->revents = 0;
		if (p->sock)
			p->revents = weft_events(p->sock->s) & (p->events | WEFT_ERR | WEFT_HUP);
		n += p->revents != 0;
	}
	return n ? n : -EAGAIN;
}

int weft_b_poll(struct weft_thread *t, struct weft_b_pollfd *fds, size_t n, int64_t timeout_ns)
{
	struct bop op = {
		.t = t,
		.step = step_poll,
		.args = {.fds = fds, .len = n},
		.may_wait = timeout_ns != 0,
		.timeout_ns = timeout_ns,
		.n_waits = n,
	};
	int ret;

	if (n > INT32_MAX)
		return -EINVAL;
	op.waits = n ? calloc(n, sizeof(*op.waits)) : NULL;
	if (n && !op.waits)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		list_init(&op.waits[i].link);
	ret = (int)bop_run(&op);
	free(op.waits);
	return ret == -EAGAIN ? 0 : ret;
}

static ptrdiff_t step_set_new(struct bop *op)
{
	struct weft_bpollset *set = calloc(1, sizeof(*set));
	int err;

	if (!set)
		return -ENOMEM;
	err = weft_pollset_new(bthread_engine(op->t), &set->set);
	if (err) {
		free(set);
		return err;
	}
	set->t = op->t;
	list_init(&set->waits);
	weft_pollset_on_ready(set->set, bset_ready, set);
	*op->args.ret_set = set;
	return 0;
}

int weft_b_pollset_new(struct weft_thread *t, struct weft_bpollset **ret)
{
	return (int)bop_run_once(t, step_set_new, &(struct bargs){.ret_set = ret});
}

static ptrdiff_t step_set_free(struct bop *op)
{
	bwaits_cancel(&op->args.set->waits);
	weft_pollset_free(op->args.set->set);
	return 0;
}

void weft_b_pollset_free(struct weft_bpollset *set)
{
	if (!set)
		return;
	if (bop_run_once(set->t, step_set_free, &(struct bargs){.set = set}) == 0)
		free(set);
}

static ptrdiff_t step_set_ctl(struct bop *op)
{
	const struct bargs *a = &op->args;

	if (a->a < 0)
		return weft_pollset_del(a->set->set, a->bs->s);
	return a->a ? weft_pollset_mod(a->set->set, a->bs->s, a->flags, a->data)
		    : weft_pollset_add(a->set->set, a->bs->s, a->flags, a->data);
}

int weft_b_pollset_add(struct weft_bpollset *set, struct weft_bsock *bs, uint32_t events,
		       uint64_t data)
{
	const struct bargs args = {.set = set, .bs = bs, .flags = events, .data = data};

	return (int)bop_run_once(set->t, step_set_ctl, &args);
}

int weft_b_pollset_mod(struct weft_bpollset *set, struct weft_bsock *bs, uint32_t events,
		       uint64_t data)
{
	const struct bargs args = {.set = set, .bs = bs, .flags = events, .data = data, .a = 1};

	return (int)bop_run_once(set->t, step_set_ctl, &args);
}

int weft_b_pollset_del(struct weft_bpollset *set, struct weft_bsock *bs)
{
	return (int)bop_run_once(set->t, step_set_ctl,
				 &(struct bargs){.set = set, .bs = bs, .a = -1});
}

static ptrdiff_t step_set_wait(struct bop *op)
{
	size_t n = weft_pollset_get(op->args.set->set, op->args.events, op->args.len);

	return n ? (ptrdiff_t)n : -EAGAIN;
}

int weft_b_pollset_wait(struct weft_bpollset *set, struct weft_poll_event *ret, size_t max,
			int64_t timeout_ns)
{
	struct bop op = {
		.t = set->t,
		.step = step_set_wait,
		.args = {.set = set, .events = ret, .len = max},
		.may_wait = timeout_ns != 0,
		.timeout_ns = timeout_ns,
	};
	int n;

	if (!max)
		return -EINVAL;
	bop_wait_one(&op);
	n = (int)bop_run(&op);
	return n == -EAGAIN ? 0 : n;
}
