/* SPDX-License-Identifier: MIT */
/*
 * The real-time loop: sleeps until a descriptor is ready or the engine's next deadline has come.
 *
 * A turn is: run the engine (timers at their time, then what waits), sleep, take in frames from the
 * devices that are ready, run the engine on them. epoll_pwait2(2) sleeps with nanoseconds; but a
 * deadline that is some way off has an alarm (timerfd), which stays as it is while the loop wakes
 * and sleeps a thousand times before: a time-out would set the clock's interrupt each time. How
 * late the engine runs after a deadline is measured, because it has slept too long or because it
 * had too much to do: a machine that is too slow makes a simulated link lie about its delay.
 */
#include "drivers/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/door.h"
#include "core/engine.h"
#include "drivers/busy.h"

enum {
	LOOP_EVENTS = 64, /* fetched at a time */
	NS_PER_S = 1000000000,
	LATE_1MS = 1000000,
	LATE_10MS = 10000000,
	ALARM_MIN_NS =
		2000000, /* nearer deadlines come one after the other: a time-out costs less */
};

struct weft_loop {
	struct engine *eng;
	int epoll_fd;
	bool stop;
	struct list watches;
	struct list app_watches; /* struct app_watch */
	struct loop_watch alarm;
	int64_t alarm_ns;        /* when it goes off; INT64_MAX: not set */
	struct loop_watch waker; /* an eventfd that other engines' threads write to */
	struct epoll_event events[LOOP_EVENTS];
	int n_events;         /* fetched and not all dispatched */
	int64_t tolerance_ns; /* of stats.n_late */
	struct busy busy;
	int64_t waited_ns; /* since when, the last time */
	struct weft_loop_stats stats;
};

/* A watch that the application asked for. */
struct app_watch {
	struct loop_watch watch;
	struct list link;
	void (*fn)(void *arg, int fd, uint32_t events);
	void *arg;
};

struct weft_watch {
	struct loop_watch watch;
	struct weft_loop *loop;
	void (*fn)(void *arg, uint32_t events);
	void *arg;
};

int weft_io_entropy(void *ctx, void *buf, size_t len)
{
	uint8_t *p = buf;

	(void)ctx;
	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int64_t weft_io_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t weft_io_epoch_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec - weft_io_now_ns();
}

static void alarm_ready(struct loop_watch *watch, uint32_t events)
{
	struct weft_loop *loop = container_of(watch, struct weft_loop, alarm);

	(void)events;
	loop->alarm_ns = INT64_MAX;
}

/* engine_set_wake(): from another thread. */
static void loop_wake(void *arg)
{
	const struct weft_loop *loop = arg;
	const uint64_t one = 1;

	(void)!write(loop->waker.fd, &one, sizeof(one));
}

/* It is awake: that was all. */
static void waker_ready(struct loop_watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
}

static int loop_open_waker(struct weft_loop *loop)
{
	int err;

	loop->waker.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (loop->waker.fd < 0)
		return -errno;
	err = loop_watch_add(loop, &loop->waker, EPOLLIN | EPOLLET);
	if (!err)
		engine_set_wake(loop->eng, loop_wake, loop);
	return err;
}

/* The epoll set with alarm and waker in it, which tell an edge and so need not be read. 0 or
 * -Exxx. */
static int loop_open(struct weft_loop *loop)
{
	int err;

	loop->alarm.fn = alarm_ready;
	loop->alarm.fd = -1;
	loop->waker.fn = waker_ready;
	loop->waker.fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd >= 0)
		loop->alarm.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->alarm.fd < 0)
		return -errno;
	err = loop_watch_add(loop, &loop->alarm, EPOLLIN | EPOLLET);
	return err ? err : loop_open_waker(loop);
}

static void loop_close(struct weft_loop *loop)
{
	if (loop->waker.fd >= 0) {
		engine_set_wake(loop->eng, NULL, NULL);
		close(loop->waker.fd);
	}
	if (loop->alarm.fd >= 0)
		close(loop->alarm.fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop);
}

int weft_loop_new(struct weft_engine *eng, struct weft_loop **ret)
{
	struct weft_loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (!loop)
		return -ENOMEM;
	loop->eng = (struct engine *)(void *)eng;
	loop->tolerance_ns = LATE_1MS;
	loop->alarm_ns = INT64_MAX;
	list_init(&loop->watches);
	list_init(&loop->app_watches);
	err = loop_open(loop);
	if (err) {
		loop_close(loop);
		return err;
	}
	*ret = loop;
	return 0;
}

struct engine *loop_engine(struct weft_loop *loop)
{
	return loop->eng;
}

static void app_watch_free(struct weft_loop *loop, struct app_watch *aw)
{
	loop_watch_del(loop, &aw->watch);
	list_del(&aw->link);
	free(aw);
}

void weft_loop_free(struct weft_loop *loop)
{
	struct app_watch *aw;

	if (!loop)
		return;
	list_for_each_safe (aw, &loop->app_watches, link)
		app_watch_free(loop, aw);
	loop_close(loop);
}

static int watch_ctl(struct weft_loop *loop, int op, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = watch};

	return epoll_ctl(loop->epoll_fd, op, watch->fd, &ev) < 0 ? -errno : 0;
}

int loop_watch_add(struct weft_loop *loop, struct loop_watch *watch, uint32_t events)
{
	int err = watch_ctl(loop, EPOLL_CTL_ADD, watch, events);

	if (!err)
		list_add_tail(&loop->watches, &watch->link);
	return err;
}

int loop_watch_mod(struct weft_loop *loop, struct loop_watch *watch, uint32_t events)
{
	return watch_ctl(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_watch_del(struct weft_loop *loop, struct loop_watch *watch)
{
	/* Fails only for a descriptor that has been closed, which has left the set by itself. */
	(void)watch_ctl(loop, EPOLL_CTL_DEL, watch, 0);
	list_del(&watch->link);
	for (int i = 0; i < loop->n_events; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
}

static void app_watch_ready(struct loop_watch *watch, uint32_t events)
{
	struct app_watch *aw = container_of(watch, struct app_watch, watch);

	aw->fn(aw->arg, watch->fd, events);
}

static struct app_watch *app_watch_find(struct weft_loop *loop, int fd)
{
	struct app_watch *aw;

	list_for_each (aw, &loop->app_watches, link)
		if (aw->watch.fd == fd)
			return aw;
	return NULL;
}

int weft_loop_watch(struct weft_loop *loop, int fd, uint32_t events,
		    void (*fn)(void *arg, int fd, uint32_t events), void *arg)
{
	struct app_watch *aw = app_watch_find(loop, fd);
	int err;

	if (!events) {
		if (aw)
			app_watch_free(loop, aw);
		return aw ? 0 : -ENOENT;
	}
	if (aw) {
		aw->fn = fn;
		aw->arg = arg;
		return loop_watch_mod(loop, &aw->watch, events);
	}
	aw = calloc(1, sizeof(*aw));
	if (!aw)
		return -ENOMEM;
	aw->watch.fd = fd;
	aw->watch.fn = app_watch_ready;
	aw->fn = fn;
	aw->arg = arg;
	list_init(&aw->link);
	list_init(&aw->watch.link);
	err = loop_watch_add(loop, &aw->watch, events);
	if (err) {
		free(aw);
		return err;
	}
	list_add_tail(&loop->app_watches, &aw->link);
	return 0;
}

static void watch_ready(struct loop_watch *watch, uint32_t events)
{
	struct weft_watch *w = container_of(watch, struct weft_watch, watch);

	w->fn(w->arg, events);
}

int weft_watch_new(struct weft_loop *loop, int fd, uint32_t events,
		   void (*fn)(void *arg, uint32_t events), void *arg, struct weft_watch **ret)
{
	struct weft_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->watch.fd = fd;
	w->watch.fn = watch_ready;
	w->loop = loop;
	w->fn = fn;
	w->arg = arg;
	list_init(&w->watch.link);
	err = loop_watch_add(loop, &w->watch, events);
	if (err) {
		free(w);
		return err;
	}
	*ret = w;
	return 0;
}

int weft_watch_set(struct weft_watch *watch, uint32_t events)
{
	return loop_watch_mod(watch->loop, &watch->watch, events);
}

void weft_watch_close(struct weft_watch *watch)
{
	if (!watch)
		return;
	loop_watch_del(watch->loop, &watch->watch);
	close(watch->watch.fd);
	free(watch);
}

/* Before the engine runs at `now_ns`: whether it is late. The bound is cheap, but may be early. */
static void lateness_note(struct weft_loop *loop, int64_t now_ns)
{
	struct weft_loop_stats *s = &loop->stats;
	int64_t late_ns;

	if (wheel_bound_ns(&loop->eng->wheel) > now_ns)
		return;
	late_ns = now_ns - wheel_next_ns(&loop->eng->wheel);
	if (late_ns < 0)
		return;
	s->n_timer_runs++;
	s->late_sum_ns += late_ns;
	if (late_ns > s->late_max_ns)
		s->late_max_ns = late_ns;
	if (late_ns > LATE_1MS)
		s->n_late_1ms++;
	if (late_ns > LATE_10MS)
		s->n_late_10ms++;
	if (late_ns > loop->tolerance_ns)
		s->n_late++;
}

/* When a turn that begins at `now_ns` and waits for at most `timeout_ns` (-1: for ever) must end.
 */
static int64_t turn_end_ns(int64_t now_ns, int64_t timeout_ns)
{
	return timeout_ns < 0 || timeout_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout_ns;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

/* The alarm goes off at `until_ns`, or before; it is not put off, as who sets it again and again
 * for later would pay each time. False: it cannot be set. */
static bool alarm_covers(struct weft_loop *loop, int64_t until_ns)
{
	struct itimerspec its = {.it_value = timespec_of(until_ns)};

	if (loop->alarm_ns <= until_ns)
		return true;
	if (timerfd_settime(loop->alarm.fd, TFD_TIMER_ABSTIME, &its, NULL) < 0)
		return false;
	loop->alarm_ns = until_ns;
	return true;
}

/* Sleeps until something is ready or `until_ns`; INT64_MAX: for as long as it takes. */
static int loop_sleep(struct weft_loop *loop, int64_t now_ns, int64_t until_ns)
{
	int64_t left_ns = until_ns - now_ns;
	bool is_untimed = until_ns == INT64_MAX;
	struct timespec ts;
	int n;

	if (left_ns < 0)
		left_ns = 0;
	ts = timespec_of(left_ns);
	if (left_ns > 0 && (left_ns >= ALARM_MIN_NS || loop->alarm_ns <= until_ns))
		is_untimed = is_untimed || alarm_covers(loop, until_ns);
	n = epoll_pwait2(loop->epoll_fd, loop->events, LOOP_EVENTS, is_untimed ? NULL : &ts, NULL);
	return n < 0 ? -errno : n;
}

/* Looks without sleeping whether something is ready, until `until_ns`. */
static int loop_look(struct weft_loop *loop, int64_t until_ns)
{
	const struct timespec none = {.tv_sec = 0};
	int n;

	do
		n = epoll_pwait2(loop->epoll_fd, loop->events, LOOP_EVENTS, &none, NULL);
	while (n == 0 && weft_io_now_ns() < until_ns);
	return n < 0 ? -errno : n;
}

/* Until something is ready or `until_ns`: looks where that is better, and sleeps. */
static int loop_wait(struct weft_loop *loop, int64_t until_ns)
{
	int64_t now_ns = weft_io_now_ns(), look_ns = busy_look_ns(&loop->busy);
	int64_t look_until_ns = now_ns + look_ns;
	int n = 0;

	if (look_ns && look_until_ns < until_ns)
		n = loop_look(loop, look_until_ns);
	if (n == 0)
		n = loop_sleep(loop, look_ns ? weft_io_now_ns() : now_ns, until_ns);
	loop->waited_ns = now_ns;
	return n;
}

static void loop_dispatch(struct weft_loop *loop)
{
	for (int i = 0; i < loop->n_events; i++) {
		struct loop_watch *watch = loop->events[i].data.ptr;

		if (watch)
			watch->fn(watch, loop->events[i].events);
	}
	loop->n_events = 0;
}

int weft_loop_turn(struct weft_loop *loop, int64_t timeout_ns)
{
	int64_t start_ns = weft_io_now_ns();
	int64_t until_ns = turn_end_ns(start_ns, timeout_ns);
	bool was_stopped = loop->stop;
	int64_t deadline_ns, now_ns;
	int n;

	/* What came due during the work of the last turn, when there was too much of it. */
	lateness_note(loop, start_ns);
	deadline_ns = engine_run(loop->eng, start_ns) ? start_ns : engine_bound_ns(loop->eng);
	if (deadline_ns < until_ns)
		until_ns = deadline_ns;
	if (loop->stop && !was_stopped) /* by what has just run: it does not want to sleep first */
		until_ns = start_ns;
	if (until_ns > start_ns && !engine_doze(loop->eng))
		until_ns = start_ns;
	n = loop_wait(loop, until_ns);
	if (n < 0)
		return n;
	loop->stats.n_turns++;
	now_ns = weft_io_now_ns();
	busy_note_wait(&loop->busy, loop->waited_ns, now_ns);
	lateness_note(loop, now_ns);
	/* Timers that came due while asleep fire before frames that came in, in their order. */
	engine_run(loop->eng, now_ns);
	loop->n_events = n;
	loop_dispatch(loop);
	engine_run(loop->eng, loop->eng->now_ns);
	return 0;
}

int64_t weft_loop_wants(struct weft_loop *loop, int *ret_fd)
{
	*ret_fd = loop->epoll_fd;
	return engine_doze(loop->eng) ? engine_bound_ns(loop->eng) : loop->eng->now_ns;
}

int weft_loop_run(struct weft_loop *loop)
{
	loop->stop = false;
	while (!loop->stop) {
		int err = weft_loop_turn(loop, -1);

		if (err && err != -EINTR)
			return err;
	}
	return 0;
}

void weft_loop_stop(struct weft_loop *loop)
{
	loop->stop = true;
}

void weft_loop_set_busy(struct weft_loop *loop, int64_t max_ns)
{
	busy_init(&loop->busy, max_ns);
}

void loop_note_frame(struct weft_loop *loop, uint32_t len)
{
	busy_note_frame(&loop->busy, len);
}

void weft_loop_set_tolerance(struct weft_loop *loop, int64_t tolerance_ns)
{
	loop->tolerance_ns = tolerance_ns;
}

void weft_loop_stats(const struct weft_loop *loop, struct weft_loop_stats *ret)
{
	*ret = loop->stats;
}
