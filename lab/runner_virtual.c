/* SPDX-License-Identifier: MIT */
/*
 * Running in virtual time: the clock jumps from deadline to deadline.
 *
 * Nothing here reads a clock or a random source. What a watched descriptor says may come between
 * any two deadlines; so that a run stays the same, only what ends it or looks at it is watched.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "lab/runner.h"

enum {
	POLL_EVERY = 256, /* turns, each of some microseconds: Ctrl-C is heard at once */
	VIRTUAL_FDS = 64,
};

struct watch {
	runner_fd_fn *fn;
	void *arg;
};

struct runner_virtual {
	struct runner r;
	uint32_t n_turns;
	uint32_t n_fds;
	struct pollfd fds[VIRTUAL_FDS];
	struct watch watches[VIRTUAL_FDS];
};

static struct runner_virtual *virtual_of(struct runner *r)
{
	return container_of(r, struct runner_virtual, r);
}

static int fds_look(struct runner_virtual *v, int timeout_ms)
{
	int n = poll(v->fds, v->n_fds, timeout_ms);

	if (n < 0)
		return -errno;
	/* Backwards, so that one that forgets itself moves none that is still to come. */
	for (uint32_t i = v->n_fds; n > 0 && i-- > 0;)
		if (i < v->n_fds && v->fds[i].revents)
			v->watches[i].fn(v->watches[i].arg, v->fds[i].fd,
					 (uint32_t)v->fds[i].revents);
	return 0;
}

/* Time never passes `until_ns`, and what is due at it is done. */
static int virtual_turn(struct runner *r, int64_t until_ns)
{
	struct runner_virtual *v = virtual_of(r);
	int64_t now_ns = weft_engine_now_ns(r->eng);
	int64_t next_ns = weft_engine_next_ns(r->eng);

	r->n_still = next_ns > now_ns ? 0 : r->n_still + 1;
	if (r->n_still > RUNNER_STILL_TURNS)
		next_ns = now_ns + RUNNER_STILL_NS;
	if (next_ns > until_ns)
		next_ns = until_ns;
	if (next_ns == INT64_MAX) /* nothing will ever happen by itself */
		return fds_look(v, -1);
	weft_engine_run(r->eng, next_ns);
	return ++v->n_turns % POLL_EVERY ? 0 : fds_look(v, 0);
}

static int watch_del(struct runner_virtual *v, uint32_t i)
{
	if (i == v->n_fds)
		return -ENOENT;
	v->n_fds--;
	v->fds[i] = v->fds[v->n_fds];
	v->watches[i] = v->watches[v->n_fds];
	return 0;
}

static int virtual_watch(struct runner *r, int fd, uint32_t events, runner_fd_fn *fn, void *arg)
{
	struct runner_virtual *v = virtual_of(r);
	uint32_t i = 0;

	while (i < v->n_fds && v->fds[i].fd != fd)
		i++;
	if (!events)
		return watch_del(v, i);
	if (i == VIRTUAL_FDS)
		return -ENOSPC;
	if (i == v->n_fds)
		v->n_fds++;
	v->fds[i] = (struct pollfd){.fd = fd, .events = (short)events};
	v->watches[i] = (struct watch){fn, arg};
	return 0;
}

static void virtual_free(struct runner *r)
{
	free(virtual_of(r));
}

static const struct runner_ops virtual_ops = {virtual_turn, virtual_watch, virtual_free};

int runner_virtual_new(struct weft_engine *eng, struct runner **ret)
{
	struct runner_virtual *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->r.ops = &virtual_ops;
	v->r.eng = eng;
	*ret = &v->r;
	return 0;
}
