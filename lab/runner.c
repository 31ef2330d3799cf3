/* SPDX-License-Identifier: MIT */
/* Running in real time, and the calls that both kinds share; how it works is in runner.h. */
#include "lab/runner.h"

#include <errno.h>
#include <stdlib.h>

static int real_turn(struct runner *r, int64_t until_ns)
{
	int64_t left_ns = -1;

	if (until_ns != INT64_MAX) {
		left_ns = until_ns - weft_io_now_ns();
		if (left_ns < 0)
			left_ns = 0;
	}
	return weft_loop_turn(r->loop, left_ns);
}

static int real_watch(struct runner *r, int fd, uint32_t events, runner_fd_fn *fn, void *arg)
{
	return weft_loop_watch(r->loop, fd, events, fn, arg);
}

static void real_free(struct runner *r)
{
	weft_loop_free(r->loop);
	free(r);
}

static const struct runner_ops real_ops = {real_turn, real_watch, real_free};

int runner_real_new(struct weft_engine *eng, struct runner **ret)
{
	struct runner *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->ops = &real_ops;
	r->eng = eng;
	err = weft_loop_new(eng, &r->loop);
	if (err) {
		free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void runner_free(struct runner *r)
{
	if (r)
		r->ops->free(r);
}

int64_t runner_now_ns(const struct runner *r)
{
	return r->loop ? weft_io_now_ns() : weft_engine_now_ns(r->eng);
}

bool runner_is_over(const struct runner *r, int64_t end_ns)
{
	if (end_ns == INT64_MAX || runner_now_ns(r) < end_ns)
		return false;
	return r->loop || weft_engine_next_ns(r->eng) > end_ns || r->n_still > RUNNER_STILL_TURNS;
}

int runner_turn(struct runner *r, int64_t until_ns)
{
	return r->ops->turn(r, until_ns);
}

int runner_watch(struct runner *r, int fd, uint32_t events, runner_fd_fn *fn, void *arg)
{
	return r->ops->watch(r, fd, events, fn, arg);
}
