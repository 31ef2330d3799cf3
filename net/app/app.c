/* SPDX-License-Identifier: MIT */
/* The tries of a client, one after the other; the contracts are in app.h and app_priv.h. */
#include "net/app/app.h"

#include <errno.h>

#include "net/app/app_priv.h"

/* After a try that failed at once, the next one waits this long: a refusal costs no time at all. */
static const int64_t RETRY_NS = 1000000000;

static int64_t later(int64_t t_ns, int64_t by_ns)
{
	return by_ns > INT64_MAX - t_ns ? INT64_MAX : t_ns + by_ns;
}

static bool has_more(const struct app *a)
{
	return !a->plan.count || a->stats.n_tries < a->plan.count;
}

static void app_finish(struct app *a)
{
	a->stats.is_done = true;
	if (a->ops->finish)
		a->ops->finish(a);
}

static void next_arm(struct app *a, int64_t not_before_ns)
{
	int64_t at_ns = later(a->try_ns, a->plan.interval_ns);

	weft_timer_start(a->next_timer, at_ns > not_before_ns ? at_ns : not_before_ns);
}

/* The next one is armed first: `begin` of those that overlap may be told that it was the last. */
static void next_fire(void *arg)
{
	struct app *a = arg;
	int err;

	a->try_ns = weft_engine_now_ns(a->eng);
	if (a->stats.start_ns < 0)
		a->stats.start_ns = a->try_ns;
	a->stats.n_tries++;
	if (a->ops->overlaps) {
		if (has_more(a))
			next_arm(a, a->try_ns + 1);
		(void)a->ops->begin(a);
		return;
	}
	a->is_trying = true;
	app_try_progress(a);
	err = a->ops->begin(a);
	if (err)
		app_try_end(a, err, NULL);
}

static void deadline_fire(void *arg)
{
	struct app *a = arg;

	if (a->ops->has_progress && a->ops->has_progress(a)) {
		app_try_progress(a);
		return;
	}
	a->ops->cancel(a);
	app_try_end(a, -ETIMEDOUT, NULL);
}

struct weft_engine *app_engine(struct weft_stack *st, const struct app_plan *plan)
{
	return plan->net ? plan->net->eng : weft_stack_engine(st);
}

int app_init(struct app *a, const struct app_ops *ops, struct weft_stack *st,
	     const struct app_plan *plan)
{
	a->ops = ops;
	if (plan->net)
		a->net = *plan->net;
	else
		weft_net_of_stack(st, &a->net);
	a->eng = a->net.eng;
	a->plan = *plan;
	a->stats.start_ns = -1;
	a->next_timer = weft_timer_new(a->eng, next_fire, a);
	a->deadline = weft_timer_new(a->eng, deadline_fire, a);
	if (!a->next_timer || !a->deadline)
		return -ENOMEM;
	weft_timer_start(a->next_timer, later(weft_engine_now_ns(a->eng), plan->at_ns));
	return 0;
}

void app_fini(struct app *a)
{
	weft_timer_free(a->next_timer);
	weft_timer_free(a->deadline);
}

void app_free(struct app *a)
{
	if (a)
		a->ops->free(a);
}

void app_try_progress(struct app *a)
{
	if (a->plan.timeout_ns)
		weft_timer_start(a->deadline,
				 later(weft_engine_now_ns(a->eng), a->plan.timeout_ns));
}

void app_time_add(struct app *a, int64_t took_ns)
{
	struct app_stats *s = &a->stats;

	if (!s->n_times || took_ns < s->time_min_ns)
		s->time_min_ns = took_ns;
	if (took_ns > s->time_max_ns)
		s->time_max_ns = took_ns;
	s->time_sum_ns += took_ns;
	s->n_times++;
}

void app_try_end(struct app *a, int err, const char *why)
{
	int64_t now_ns = weft_engine_now_ns(a->eng);

	weft_timer_stop(a->deadline);
	a->is_trying = false;
	a->stats.end_ns = now_ns;
	if (!err) {
		a->stats.n_done++;
	} else {
		if (err == -ETIMEDOUT)
			a->stats.n_lost++;
		else
			a->stats.n_failed++;
		a->stats.err = err;
		a->stats.why = why;
	}
	if (has_more(a))
		next_arm(a, err ? now_ns + RETRY_NS : now_ns);
	else
		app_finish(a);
}

bool app_is_last(const struct app *a)
{
	return !has_more(a);
}

int app_connect(struct app *a, const struct weft_sockaddr *to,
		void (*fn)(struct weft_sock *s, void *arg, uint32_t events), struct weft_sock **ret)
{
	struct weft_sock *s;
	int err = a->net.ops->socket(&a->net, to->addr.family, WEFT_SOCK_STREAM, 0, &s);

	if (err)
		return err;
	err = a->net.ops->connect(s, to);
	if (err && err != -EINPROGRESS) {
		a->net.ops->close(s);
		return err;
	}
	a->net.ops->on_event(s, fn, a);
	*ret = s;
	return 0;
}

void app_no_delay(const struct app *a, struct weft_sock *s)
{
	const int one = 1;

	/* It works without, only later. */
	(void)a->net.ops->setsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &one, sizeof(one));
}

int app_connect_result(const struct app *a, struct weft_sock *s, uint32_t events)
{
	size_t len = sizeof(int);
	int why = 0;
	int err;

	if (!(events & (WEFT_OUT | WEFT_ERR | WEFT_HUP)))
		return -EAGAIN;
	err = a->net.ops->getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &why, &len);
	return err ? err : -why;
}

void app_stats(struct app *a, struct app_stats *ret)
{
	if (a->ops->refresh)
		a->ops->refresh(a);
	if (a->is_trying)
		a->stats.end_ns = weft_engine_now_ns(a->eng);
	*ret = a->stats;
}

/* Of some exabytes, the last bits do not matter: both sides are halved until the product fits. */
uint64_t app_stats_rate_bps(const struct app_stats *stats)
{
	uint64_t bytes = stats->bytes_sent + stats->bytes_received;
	uint64_t ns = stats->busy_ns > 0 ? (uint64_t)stats->busy_ns : 0;
	uint64_t product;

	while (ns && __builtin_mul_overflow(bytes, UINT64_C(8000000000), &product)) {
		bytes >>= 1;
		ns >>= 1;
	}
	return ns ? bytes * UINT64_C(8000000000) / ns : 0;
}
