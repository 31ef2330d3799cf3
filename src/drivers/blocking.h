/* SPDX-License-Identifier: MIT */
/*
 * What the files of the blocking sockets share: operations and the lists on which they wait. How it
 * works is in blocking.c.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "weft/blocking.h"

struct bop;

struct weft_bsock {
	struct weft_thread *t;
	struct weft_sock *s;
	struct list waits; /* struct bwait */
	bool is_nonblock;
	bool is_stream;
	int64_t rcv_timeout_ns, snd_timeout_ns; /* 0: for ever */
};

struct weft_bpollset {
	struct weft_thread *t;
	struct weft_pollset *set;
	struct list waits; /* struct bwait */
};

/* An operation waits for something with a list of those that do. */
struct bwait {
	struct list link;
	struct bop *op;
};

/* What the calls pass on; each uses some. */
struct bargs {
	struct weft_bsock *bs;
	struct weft_stack *st;
	const struct weft_sockaddr *to;
	struct weft_sockaddr *from;
	struct weft_bsock **ret_bs;
	struct weft_msghdr *msg;
	const struct weft_msghdr *cmsg;
	const void *cbuf;
	void *buf;
	size_t len;
	size_t *ret_len;
	int *ret_int;
	int a, b, c;
	uint32_t flags;
	uint64_t data;
	struct weft_b_pollfd *fds;
	struct weft_bpollset *set;
	struct weft_bpollset **ret_set;
	struct weft_poll_event *events;
	int (*call)(struct weft_engine *eng, struct weft_loop *loop, void *arg);
};

struct bop {
	struct weft_thread *t;
	ptrdiff_t (*step)(struct bop *op); /* -EAGAIN: not yet */
	struct bargs args;
	bool may_wait;
	enum {
		BOP_OTHER,
		BOP_RCV,
		BOP_SND
	} kind;             /* whose time of its socket bounds it */
	int64_t timeout_ns; /* -1: for ever */
	ptrdiff_t late;     /* the result when the time is over */
	size_t n_done;      /* bytes moved so far */
	ptrdiff_t result;
	struct weft_timer *timer;
	struct bwait *waits; /* n_waits of them */
	size_t n_waits;
	struct bwait one; /* for those that wait for one thing */
	bool is_stop;     /* the last of all */
	/* between the threads */
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
};

/* Hands it over and waits until it is done. */
ptrdiff_t bop_run(struct bop *op);
/* One that does not wait. */
ptrdiff_t bop_run_once(struct weft_thread *t, ptrdiff_t (*step)(struct bop *op),
		       const struct bargs *args);
/* `op` shall wait for one thing: its pollset or its socket. */
void bop_wait_one(struct bop *op);

/* On the engine's thread: all that wait here try again, or end. */
void bwaits_try(struct list *waits);
void bwaits_cancel(struct list *waits);
struct weft_engine *bthread_engine(const struct weft_thread *t);
