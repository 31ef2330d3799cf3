/* SPDX-License-Identifier: MIT */
/*
 * What drives a lab's engine: real time or virtual time, behind one small interface.
 *
 * How it works: a turn does what is due and then lets time pass up to the next deadline. In real
 * time that is weft_loop: it sleeps, and frames and descriptors wake it. In virtual time nothing
 * sleeps: the clock jumps to the engine's next deadline, so a run depends on nothing but the lab
 * and its seed. Descriptors can be watched in virtual time too, for what comes from outside of the
 * network (a signal that ends the run); they are looked at now and then, and while nothing at all
 * is left to do.
 *
 * On links without delay and rate, traffic takes no time, so a sender that never stops would keep
 * the clock where it is for ever. After RUNNER_STILL_TURNS turns at one time (some million frames),
 * each further one takes RUNNER_STILL_NS, until there is nothing to do at that time any more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weft/io.h"

struct runner;

enum {
	RUNNER_STILL_TURNS = 256,
	RUNNER_STILL_NS = 1000000,
};

typedef void runner_fd_fn(void *arg, int fd, uint32_t events);

struct runner_ops {
	int (*turn)(struct runner *r, int64_t until_ns);
	int (*watch)(struct runner *r, int fd, uint32_t events, runner_fd_fn *fn, void *arg);
	void (*free)(struct runner *r);
};

struct runner {
	const struct runner_ops *ops;
	struct weft_engine *eng; /* borrowed */
	struct weft_loop *loop;  /* NULL in virtual time: it has no devices */
	uint32_t n_still;        /* virtual time: turns in a row in which no time passed */
};

/* 0, -ENOMEM, or what epoll_create1(2) says. */
int runner_real_new(struct weft_engine *eng, struct runner **ret) MUST_CHECK;
/* 0 or -ENOMEM. */
int runner_virtual_new(struct weft_engine *eng, struct runner **ret) MUST_CHECK;
/* After its devices and watches have gone. NULL is fine. */
void runner_free(struct runner *r);

/* The clock that deadlines are on: of the system, or of the simulation. */
int64_t runner_now_ns(const struct runner *r);
/* One turn, which lets no time pass after `until_ns` (INT64_MAX: for as long as it takes). 0;
 * -EINTR: a signal came; or -Exxx of the system. */
int runner_turn(struct runner *r, int64_t until_ns) MUST_CHECK;
/* Whether the run has come to `end_ns`, with all that is due by then done. */
bool runner_is_over(const struct runner *r, int64_t end_ns);
/* As weft_loop_watch(): `fn(arg, fd, events)` when poll(2) bits of `events` are true; 0: forget. */
int runner_watch(struct runner *r, int fd, uint32_t events, runner_fd_fn *fn, void *arg) MUST_CHECK;
