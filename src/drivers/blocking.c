/* SPDX-License-Identifier: MIT */
/*
 * Blocking sockets on an engine's thread; the contracts are in weft/blocking.h.
 *
 * How it works: a call is a `struct bop` on its caller's stack. The caller puts it into the ring,
 * wakes the loop by its eventfd, and sleeps on the operation's condition. The engine's thread takes
 * operations out and tries each (`step`). One that would wait (-EAGAIN) is parked: it gets a
 *`struct bwait` on the list of each socket that it waits for, and a timer if its time is bounded.
 *The socket's callback tries those parked again. Whoever ends an operation, a step, its timer, or
 * weft_b_cancel(), takes its waits away, stores the result and wakes the caller; from then on the
 * operation is the caller's.
 *
 *	caller: push -> ring -> thread: step --done--> result, signal -> caller
 *	                              |  ^
 *	                              v  | callback
 *	                            parked ---timer, cancel---> result, signal
 *
 * All of an operation but `is_done` belongs to the engine's thread while it is under way, buffers
 * included: nothing is copied twice. The ring has room for BLOCKING_RING_MAX; callers wait for
 *room.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/list.h"
#include "drivers/loop.h"
#include "weft/blocking.h"

enum {
	BLOCKING_RING_MAX = 256,
};
static const int64_t NS_PER_S = 1000000000;

struct bop;

struct weft_thread {
	struct weft_engine *eng;
	struct weft_loop *loop;
	pthread_t thread;
	int event_fd;
	/* shared, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t has_room;
	struct bop *ring[BLOCKING_RING_MAX];
	uint32_t head, tail; /* pushed and popped so far */
};

struct weft_bsock {
	struct weft_thread *t;
	struct weft_sock *s;
	struct list waits; /* struct bwait */
	bool is_nonblock;
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

/* All that wait here; each may end, and take its other waits with it. */
static void waits_try(struct list *waits)
{
	struct list todo = LIST_INIT(todo);
	struct list *link;

	list_splice_tail(&todo, waits);
	while ((link = list_pop(&todo))) {
		list_add_tail(waits, link);
		bop_try(container_of(link, struct bwait, link)->op);
	}
}

static void waits_cancel(struct list *waits)
{
	struct list *link;

	while ((link = list_first(waits)))
		bop_finish(container_of(link, struct bwait, link)->op, -ECANCELED);
}

static void bsock_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct weft_bsock *bs = arg;

	(void)s, (void)events;
	waits_try(&bs->waits);
}

static void bset_ready(struct weft_pollset *set, void *arg)
{
	struct weft_bpollset *bset = arg;

	(void)set;
	waits_try(&bset->waits);
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
	bop_waits_add(op);
	if (op->timeout_ns < 0)
		return;
	op->timer = weft_timer_new(op->t->eng, bop_late, op);
	if (!op->timer) {
		bop_finish(op, -ENOMEM);
		return;
	}
	weft_timer_start(op->timer, weft_io_now_ns() + op->timeout_ns);
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
	if (op->is_stop)
		weft_loop_stop(op->t->loop);
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

	/* Nothing that it can say would help: devices report their own errors. */
	(void)weft_loop_run(t->loop);
	return NULL;
}

/* Hands it over and waits until it is done. */
static ptrdiff_t bop_run(struct bop *op)
{
	struct weft_thread *t = op->t;
	const uint64_t one = 1;

	if (pthread_equal(pthread_self(), t->thread))
		return -EDEADLK;
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
	return op->result;
}

/* One that does not wait. */
static ptrdiff_t run_once(struct weft_thread *t, ptrdiff_t (*step)(struct bop *op),
			  const struct bargs *args)
{
	struct bop op = {.t = t, .step = step, .args = *args, .timeout_ns = -1};

	return bop_run(&op);
}

/* One that waits for its socket, unless that or the flags say no. */
static ptrdiff_t run_waiting(ptrdiff_t (*step)(struct bop *op), const struct bargs *args,
			     bool is_rcv)
{
	struct bop op = {
		.t = args->bs->t,
		.step = step,
		.args = *args,
		.kind = is_rcv ? BOP_RCV : BOP_SND,
		.late = -EAGAIN,
		.n_waits = 1,
	};

	op.waits = &op.one;
	list_init(&op.one.link);
	return bop_run(&op);
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

	if (!t)
		return;
	(void)bop_run(&op);
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
	return (int)run_once(t, step_call, &(struct bargs){.call = fn, .buf = arg});
}

/* Sockets */

/* Takes `s`. */
static int bsock_new(struct weft_thread *t, struct weft_sock *s, struct weft_bsock **ret)
{
	struct weft_bsock *bs = calloc(1, sizeof(*bs));

	if (!bs) {
		weft_close(s);
		return -ENOMEM;
	}
	bs->t = t;
	bs->s = s;
	list_init(&bs->waits);
	weft_on_event(s, bsock_ready, bs);
	*ret = bs;
	return 0;
}

static ptrdiff_t step_socket(struct bop *op)
{
	struct weft_sock *s;
	int err = weft_socket(op->args.st, op->args.a, op->args.b, op->args.c, &s);

	return err ? err : bsock_new(op->t, s, op->args.ret_bs);
}

int weft_b_socket(struct weft_thread *t, struct weft_stack *st, int family, int type, int protocol,
		  struct weft_bsock **ret)
{
	const struct bargs args = {.st = st, .a = family, .b = type, .c = protocol, .ret_bs = ret};

	return (int)run_once(t, step_socket, &args);
}

static ptrdiff_t step_cancel(struct bop *op)
{
	waits_cancel(&op->args.bs->waits);
	return 0;
}

void weft_b_cancel(struct weft_bsock *bs)
{
	(void)run_once(bs->t, step_cancel, &(struct bargs){.bs = bs});
}

static ptrdiff_t step_close(struct bop *op)
{
	waits_cancel(&op->args.bs->waits);
	weft_close(op->args.bs->s);
	return 0;
}

void weft_b_close(struct weft_bsock *bs)
{
	if (!bs)
		return;
	(void)run_once(bs->t, step_close, &(struct bargs){.bs = bs});
	free(bs);
}

static ptrdiff_t step_nonblock(struct bop *op)
{
	op->args.bs->is_nonblock = op->args.a;
	return 0;
}

void weft_b_set_nonblock(struct weft_bsock *bs, bool on)
{
	(void)run_once(bs->t, step_nonblock, &(struct bargs){.bs = bs, .a = on});
}

static ptrdiff_t step_bind(struct bop *op)
{
	return weft_bind(op->args.bs->s, op->args.to);
}

int weft_b_bind(struct weft_bsock *bs, const struct weft_sockaddr *sa)
{
	return (int)run_once(bs->t, step_bind, &(struct bargs){.bs = bs, .to = sa});
}

static ptrdiff_t step_listen(struct bop *op)
{
	return weft_listen(op->args.bs->s, op->args.a);
}

int weft_b_listen(struct weft_bsock *bs, int backlog)
{
	return (int)run_once(bs->t, step_listen, &(struct bargs){.bs = bs, .a = backlog});
}

static ptrdiff_t step_accept(struct bop *op)
{
	struct weft_sock *s;
	int err = weft_accept(op->args.bs->s, &s, op->args.from);

	return err ? err : bsock_new(op->t, s, op->args.ret_bs);
}

/* The first try begins; what comes then is success, or the reason. */
static ptrdiff_t step_connect(struct bop *op)
{
	struct weft_sock *s = op->args.bs->s;
	size_t len = sizeof(int);
	int why = 0, err;

	if (!op->args.b) {
		op->args.b = 1;
		err = weft_connect(s, op->args.to);
		if ((err != -EINPROGRESS && err != -EALREADY) || !op->may_wait)
			return err;
		op->late = err;
		return -EAGAIN;
	}
	if (!(weft_events(s) & (WEFT_OUT | WEFT_ERR | WEFT_HUP)))
		return -EAGAIN;
	err = weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &why, &len);
	if (err || why)
		return err ? err : -why;
	return weft_connect(s, op->args.to); /* 0: it has been told */
}

/* Bytes of a stream: as many as asked for, in as many goes as it takes. */
static ptrdiff_t step_send(struct bop *op)
{
	const struct bargs *a = &op->args;
	const char *buf = a->cbuf;
	ptrdiff_t n;

	do {
		n = weft_sendto(a->bs->s, buf + op->n_done, a->len - op->n_done, a->flags, a->to);
		if (n > 0)
			op->n_done += (size_t)n;
	} while (n > 0 && op->n_done < a->len);
	return n;
}

static ptrdiff_t step_sendmsg(struct bop *op)
{
	return weft_sendmsg(op->args.bs->s, op->args.cmsg, op->args.flags);
}

/* Bytes to read: an error, the end and the urgent mark end a call that has some. */
static bool bop_has_more(const struct bop *op)
{
	int n = 0;

	return weft_ioctl(op->args.bs->s, WEFT_SIOCINQ, &n) == 0 && n > 0;
}

static ptrdiff_t step_recv(struct bop *op)
{
	const struct bargs *a = &op->args;
	bool waits_for_all = (a->flags & WEFT_MSG_WAITALL) && !(a->flags & WEFT_MSG_PEEK);
	uint32_t flags = a->flags & ~(uint32_t)WEFT_MSG_WAITALL;
	ptrdiff_t n;

	if (op->n_done && !bop_has_more(op))
		return weft_events(a->bs->s) & (WEFT_ERR | WEFT_HUP | WEFT_RDHUP | WEFT_PRI)
			       ? (ptrdiff_t)op->n_done
			       : -EAGAIN;
	do {
		n = weft_recvfrom(a->bs->s, (char *)a->buf + op->n_done, a->len - op->n_done, flags,
				  a->from);
		if (n > 0 && waits_for_all)
			op->n_done += (size_t)n;
	} while (n > 0 && waits_for_all && op->n_done < a->len && bop_has_more(op));
	if (n > 0 && waits_for_all && op->n_done < a->len)
		return step_recv(op);
	return n;
}

static ptrdiff_t step_recvmsg(struct bop *op)
{
	return weft_recvmsg(op->args.bs->s, op->args.msg, op->args.flags);
}

int weft_b_accept(struct weft_bsock *bs, struct weft_bsock **ret, struct weft_sockaddr *ret_peer)
{
	const struct bargs args = {.bs = bs, .ret_bs = ret, .from = ret_peer};

	return (int)run_waiting(step_accept, &args, true);
}

int weft_b_connect(struct weft_bsock *bs, const struct weft_sockaddr *sa)
{
	return (int)run_waiting(step_connect, &(struct bargs){.bs = bs, .to = sa}, false);
}

ptrdiff_t weft_b_sendto(struct weft_bsock *bs, const void *buf, size_t len, uint32_t flags,
			const struct weft_sockaddr *to)
{
	const struct bargs args = {.bs = bs, .cbuf = buf, .len = len, .flags = flags, .to = to};

	return run_waiting(step_send, &args, false);
}

ptrdiff_t weft_b_send(struct weft_bsock *bs, const void *buf, size_t len, uint32_t flags)
{
	return weft_b_sendto(bs, buf, len, flags, NULL);
}

ptrdiff_t weft_b_sendmsg(struct weft_bsock *bs, const struct weft_msghdr *msg, uint32_t flags)
{
	const struct bargs args = {.bs = bs, .cmsg = msg, .flags = flags};

	return run_waiting(step_sendmsg, &args, false);
}

ptrdiff_t weft_b_recvfrom(struct weft_bsock *bs, void *buf, size_t len, uint32_t flags,
			  struct weft_sockaddr *ret_from)
{
	/* The error queue never waits, as in Linux. */
	const struct bargs args = {.bs = bs,
				   .buf = buf,
				   .len = len,
				   .flags = flags & WEFT_MSG_ERRQUEUE ? flags | WEFT_MSG_DONTWAIT
								      : flags,
				   .from = ret_from};

	return run_waiting(step_recv, &args, true);
}

ptrdiff_t weft_b_recv(struct weft_bsock *bs, void *buf, size_t len, uint32_t flags)
{
	return weft_b_recvfrom(bs, buf, len, flags, NULL);
}

ptrdiff_t weft_b_recvmsg(struct weft_bsock *bs, struct weft_msghdr *msg, uint32_t flags)
{
	const struct bargs args = {.bs = bs,
				   .msg = msg,
				   .flags = flags & WEFT_MSG_ERRQUEUE ? flags | WEFT_MSG_DONTWAIT
								      : flags};

	return run_waiting(step_recvmsg, &args, true);
}

static ptrdiff_t step_ioctl(struct bop *op)
{
	return weft_ioctl(op->args.bs->s, op->args.flags, op->args.ret_int);
}

int weft_b_ioctl(struct weft_bsock *bs, unsigned int request, int *ret)
{
	const struct bargs args = {.bs = bs, .flags = request, .ret_int = ret};

	return (int)run_once(bs->t, step_ioctl, &args);
}

static ptrdiff_t step_shutdown(struct bop *op)
{
	return weft_shutdown(op->args.bs->s, op->args.a);
}

int weft_b_shutdown(struct weft_bsock *bs, int how)
{
	return (int)run_once(bs->t, step_shutdown, &(struct bargs){.bs = bs, .a = how});
}

static ptrdiff_t step_getsockname(struct bop *op)
{
	return weft_getsockname(op->args.bs->s, op->args.from);
}

int weft_b_getsockname(struct weft_bsock *bs, struct weft_sockaddr *ret)
{
	return (int)run_once(bs->t, step_getsockname, &(struct bargs){.bs = bs, .from = ret});
}

static ptrdiff_t step_getpeername(struct bop *op)
{
	return weft_getpeername(op->args.bs->s, op->args.from);
}

int weft_b_getpeername(struct weft_bsock *bs, struct weft_sockaddr *ret)
{
	return (int)run_once(bs->t, step_getpeername, &(struct bargs){.bs = bs, .from = ret});
}

/* Options: those of time are ours. */

static bool is_timeout(int level, int name)
{
	return level == WEFT_SOL_SOCKET && (name == WEFT_SO_RCVTIMEO || name == WEFT_SO_SNDTIMEO);
}

static int64_t *bsock_timeout(struct weft_bsock *bs, int name)
{
	return name == WEFT_SO_RCVTIMEO ? &bs->rcv_timeout_ns : &bs->snd_timeout_ns;
}

static int timeout_set(int64_t *timeout_ns, const void *val, size_t len)
{
	struct weft_timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.us < 0 || tv.us >= 1000000)
		return -EDOM;
	if (tv.s < 0) /* as in Linux: at once, as near as can be had */
		*timeout_ns = 1;
	else
		*timeout_ns = tv.s > INT32_MAX ? 0 : tv.s * NS_PER_S + tv.us * 1000;
	return 0;
}

static ptrdiff_t step_setsockopt(struct bop *op)
{
	const struct bargs *a = &op->args;

	if (is_timeout(a->a, a->b))
		return timeout_set(bsock_timeout(a->bs, a->b), a->cbuf, a->len);
	return weft_setsockopt(a->bs->s, a->a, a->b, a->cbuf, a->len);
}

int weft_b_setsockopt(struct weft_bsock *bs, int level, int name, const void *val, size_t len)
{
	const struct bargs args = {.bs = bs, .a = level, .b = name, .cbuf = val, .len = len};

	return (int)run_once(bs->t, step_setsockopt, &args);
}

static ptrdiff_t step_getsockopt(struct bop *op)
{
	const struct bargs *a = &op->args;
	struct weft_timeval tv;
	int64_t ns;

	if (!is_timeout(a->a, a->b))
		return weft_getsockopt(a->bs->s, a->a, a->b, a->buf, a->ret_len);
	ns = *bsock_timeout(a->bs, a->b);
	tv = (struct weft_timeval){.s = ns / NS_PER_S, .us = ns % NS_PER_S / 1000};
	if (*a->ret_len > sizeof(tv))
		*a->ret_len = sizeof(tv);
	memcpy(a->buf, &tv, *a->ret_len);
	return 0;
}

int weft_b_getsockopt(struct weft_bsock *bs, int level, int name, void *val, size_t *len)
{
	const struct bargs args = {.bs = bs, .a = level, .b = name, .buf = val, .ret_len = len};

	return (int)run_once(bs->t, step_getsockopt, &args);
}

/* Readiness of many */

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
	err = weft_pollset_new(op->t->eng, &set->set);
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
	return (int)run_once(t, step_set_new, &(struct bargs){.ret_set = ret});
}

static ptrdiff_t step_set_free(struct bop *op)
{
	waits_cancel(&op->args.set->waits);
	weft_pollset_free(op->args.set->set);
	return 0;
}

void weft_b_pollset_free(struct weft_bpollset *set)
{
	if (!set)
		return;
	(void)run_once(set->t, step_set_free, &(struct bargs){.set = set});
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

	return (int)run_once(set->t, step_set_ctl, &args);
}

int weft_b_pollset_mod(struct weft_bpollset *set, struct weft_bsock *bs, uint32_t events,
		       uint64_t data)
{
	const struct bargs args = {.set = set, .bs = bs, .flags = events, .data = data, .a = 1};

	return (int)run_once(set->t, step_set_ctl, &args);
}

int weft_b_pollset_del(struct weft_bpollset *set, struct weft_bsock *bs)
{
	return (int)run_once(set->t, step_set_ctl, &(struct bargs){.set = set, .bs = bs, .a = -1});
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
		.n_waits = 1,
	};
	int n;

	if (!max)
		return -EINVAL;
	op.waits = &op.one;
	list_init(&op.one.link);
	n = (int)bop_run(&op);
	return n == -EAGAIN ? 0 : n;
}
