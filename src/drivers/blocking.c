/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls on an engine's thread; the contracts are in weft/blocking.h. Here are the thread
 * and the operations; blocking_sock.c and blocking_poll.c say what each call does.
 *
 * How it works: a call is a `struct bop` on its caller's stack. The caller puts it into the ring,
 * wakes the loop by its eventfd, and sleeps on the operation's condition. The engine's thread takes
 * operations out and tries each (`step`). One that would wait (-EAGAIN) is parked: it gets a
 * `struct bwait` on the list of each socket that it waits for, and a timer if its time is bounded.
 * The socket's callback tries those parked again. Whoever ends an operation, a step, its timer, or
 * weft_b_cancel(), takes its waits away, stores the result and wakes the caller; from then on the
 * operation is the caller's.
 *
 *	caller: push -> ring -> thread: step --done--> result, signal -> caller
 *	                              |  ^
 *	                              v  | callback
 *	                            parked ---timer, cancel---> result, signal
 *
 * All of an operation but `is_done` belongs to the engine's thread while it is under way, buffers
 * included: nothing is copied twice. So the caller cannot leave before: pthread_cancel(3) has its
 * effect after the call. The ring has room for BLOCKING_RING_MAX; callers wait for room.
 */
#include "drivers/blocking.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/compiler.h"
#include "drivers/loop.h"

enum {
	BLOCKING_RING_MAX = 256,
};

struct weft_thread {
	struct weft_engine *eng;
	struct weft_loop *loop;
	pthread_t thread;
	int event_fd;
	bool is_ending; /* the engine's thread's */
	/* shared, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t has_room;
	struct bop *ring[BLOCKING_RING_MAX];
	uint32_t head, tail; /* pushed and popped so far */
};

/* The end of an operation */

static void bop_finish(struct bop *op, ptrdiff_t result)
{
	for (size_t i = 0; i < op->n_waits; i++)
		list_del(&op->waits[i].link);
	weft_timer_free(op->timer);
	pthread_mutex_lock(&op->lock);
	op->result = op->n_done ? (ptrdiff_t)op->n_done : result;
	op->is_done = true;
	pthread_cond_signal(&op->done);
	pthread_mutex_unlock(&op->lock);
}

static void bop_late(void *arg)
{
	struct bop *op = arg;

	bop_finish(op, op->late);
}

/* Tries it again. */
static void bop_try(struct bop *op)
{
	ptrdiff_t ret = op->step(op);

	if (ret != -EAGAIN)
		bop_finish(op, ret);
}

/* Each may end, and take its other waits with it. */
void bwaits_try(struct list *waits)
{
	struct list todo = LIST_INIT(todo);
	struct list *link;

	list_splice_tail(&todo, waits);
	while ((link = list_pop(&todo))) {
		list_add_tail(waits, link);
		bop_try(container_of(link, struct bwait, link)->op);
	}
}

void bwaits_cancel(struct list *waits)
{
	struct list *link;

	while ((link = list_first(waits)))
		bop_finish(container_of(link, struct bwait, link)->op, -ECANCELED);
}

/* What an operation waits for: its pollset, the sockets of a poll, or its socket. */
static void bop_waits_add(struct bop *op)
{
	for (size_t i = 0; i < op->n_waits; i++) {
		struct weft_bsock *bs = op->args.fds ? op->args.fds[i].sock : op->args.bs;

		op->waits[i].op = op;
		list_init(&op->waits[i].link);
		if (op->args.set)
			list_add_tail(&op->args.set->waits, &op->waits[i].link);
		else if (bs)
			list_add_tail(&bs->waits, &op->waits[i].link);
	}
}

static void bop_park(struct bop *op)
{
	int64_t now_ns;

	bop_waits_add(op);
	if (op->timeout_ns < 0)
		return;
	op->timer = weft_timer_new(op->t->eng, bop_late, op);
	if (!op->timer) {
		bop_finish(op, -ENOMEM);
		return;
	}
	now_ns = weft_io_now_ns();
	weft_timer_start(op->timer,
			 op->timeout_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + op->timeout_ns);
}

/* What its socket says of waiting: known on this thread only. */
static void bop_inherit(struct bop *op)
{
	const struct weft_bsock *bs = op->args.bs;
	int64_t timeout_ns;

	if (op->kind == BOP_OTHER)
		return;
	timeout_ns = op->kind == BOP_RCV ? bs->rcv_timeout_ns : bs->snd_timeout_ns;
	op->timeout_ns = timeout_ns ? timeout_ns : -1;
	op->may_wait = !bs->is_nonblock && !(op->args.flags & WEFT_MSG_DONTWAIT);
}

static void bop_start(struct bop *op)
{
	ptrdiff_t ret;

	bop_inherit(op);
	if (op->is_stop) {
		op->t->is_ending = true;
		weft_loop_stop(op->t->loop);
	}
	ret = op->is_stop ? 0 : op->step(op);
	if (ret == -EAGAIN && op->may_wait)
		bop_park(op);
	else
		bop_finish(op, ret);
}

/* The thread */

/* What is in the ring now; what comes meanwhile has its turn when the engine has had its own. */
static uint32_t ring_take_all(struct weft_thread *t, struct bop *ret[BLOCKING_RING_MAX])
{
	uint32_t n = 0;

	pthread_mutex_lock(&t->lock);
	while (t->tail != t->head)
		ret[n++] = t->ring[t->tail++ % BLOCKING_RING_MAX];
	pthread_cond_broadcast(&t->has_room);
	pthread_mutex_unlock(&t->lock);
	return n;
}

static void thread_ready(void *arg, int fd, uint32_t events)
{
	struct weft_thread *t = arg;
	struct bop *ops[BLOCKING_RING_MAX];
	uint64_t count;
	uint32_t n;

	(void)events;
	(void)!read(fd, &count, sizeof(count));
	n = ring_take_all(t, ops);
	/* The engine's clock stands still while the loop sleeps. */
	(void)weft_engine_run(t->eng, weft_io_now_ns());
	for (uint32_t i = 0; i < n; i++)
		bop_start(ops[i]);
}

static void *thread_main(void *arg)
{
	struct weft_thread *t = arg;

	/* Who stops the loop from weft_thread_call() does not end the thread: calls would wait for
	 * ever. Nothing that the loop can say would help: devices report their own errors. */
	while (!t->is_ending && weft_loop_run(t->loop) == 0)
		;
	return NULL;
}

ptrdiff_t bop_run(struct bop *op)
{
	struct weft_thread *t = op->t;
	const uint64_t one = 1;
	int cancel_state;

	if (pthread_equal(pthread_self(), t->thread))
		return -EDEADLK;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_mutex_init(&op->lock, NULL);
	pthread_cond_init(&op->done, NULL);
	pthread_mutex_lock(&t->lock);
	while (t->head - t->tail == BLOCKING_RING_MAX)
		pthread_cond_wait(&t->has_room, &t->lock);
	t->ring[t->head++ % BLOCKING_RING_MAX] = op;
	pthread_mutex_unlock(&t->lock);
	(void)!write(t->event_fd, &one, sizeof(one));

	pthread_mutex_lock(&op->lock);
	while (!op->is_done)
		pthread_cond_wait(&op->done, &op->lock);
	pthread_mutex_unlock(&op->lock);
	pthread_mutex_destroy(&op->lock);
	pthread_cond_destroy(&op->done);
	pthread_setcancelstate(cancel_state, NULL);
	return op->result;
}

ptrdiff_t bop_run_once(struct weft_thread *t, ptrdiff_t (*step)(struct bop *op),
		       const struct bargs *args)
{
	struct bop op = {.t = t, .step = step, .args = *args, .timeout_ns = -1};

	return bop_run(&op);
}

void bop_wait_one(struct bop *op)
{
	op->waits = &op->one;
	op->n_waits = 1;
	list_init(&op->one.link);
}

struct weft_engine *bthread_engine(const struct weft_thread *t)
{
	return t->eng;
}

static int thread_open(struct weft_thread *t, const struct weft_engine_config *cfg)
{
	struct weft_engine_config config = *cfg;
	int err;

	config.now_ns = weft_io_now_ns();
	err = weft_engine_new(&config, &t->eng);
	if (!err)
		err = weft_loop_new(t->eng, &t->loop);
	if (err)
		return err;
	t->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->event_fd < 0)
		return -errno;
	return weft_loop_watch(t->loop, t->event_fd, POLLIN, thread_ready, t);
}

static void thread_close(struct weft_thread *t)
{
	if (t->event_fd >= 0)
		(void)weft_loop_watch(t->loop, t->event_fd, 0, NULL, NULL);
	weft_loop_free(t->loop);
	weft_engine_free(t->eng);
	if (t->event_fd >= 0)
		close(t->event_fd);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->has_room);
	free(t);
}

/* Signals are the application's. */
static int thread_start(struct weft_thread *t)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&t->thread, NULL, thread_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

int weft_thread_new(const struct weft_engine_config *cfg, struct weft_thread **ret)
{
	struct weft_thread *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->event_fd = -1;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->has_room, NULL);
	err = thread_open(t, cfg);
	if (!err)
		err = thread_start(t);
	if (err) {
		thread_close(t);
		return err;
	}
	*ret = t;
	return 0;
}

void weft_thread_free(struct weft_thread *t)
{
	struct bop op = {.t = t, .is_stop = true, .timeout_ns = -1};

	if (!t || bop_run(&op)) /* not from its own thread */
		return;
	pthread_join(t->thread, NULL);
	thread_close(t);
}

static ptrdiff_t step_call(struct bop *op)
{
	return op->args.call(op->t->eng, op->t->loop, op->args.buf);
}

int weft_thread_call(struct weft_thread *t,
		     int (*fn)(struct weft_engine *eng, struct weft_loop *loop, void *arg),
		     void *arg)
{
	return (int)bop_run_once(t, step_call, &(struct bargs){.call = fn, .buf = arg});
}
