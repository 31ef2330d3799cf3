/* SPDX-License-Identifier: MIT */
/* Poll sets; how they work is told in pollset.h. */
#include "socket/pollset.h"

#include <errno.h>

#include "core/engine.h"
#include "transport/sock.h"
#include "weft/poll.h"

static const uint32_t POLL_ALWAYS = SOCK_ERR | SOCK_HUP;
static const uint32_t POLL_EVENTS =
	SOCK_IN | SOCK_PRI | SOCK_OUT | SOCK_ERR | SOCK_HUP | SOCK_RDHUP;

struct pollset {
	struct engine *eng;
	struct list items; /* struct poll_item.set_link */
	struct list queue; /* struct poll_item.queue_link: those that may be ready */
	struct engine_work work;
	void (*fn)(struct weft_pollset *set, void *arg);
	void *arg;
	struct weft_pollset_stats stats;
};

struct poll_item {
	struct sock_watcher watcher;
	struct sock *sk;
	struct pollset *set;
	struct list set_link;
	struct list queue_link; /* self-linked: not queued */
	uint32_t events;        /* asked for; 0 with `is_resting` */
	bool is_edge, is_oneshot;
	bool is_resting; /* after a ONESHOT event */
	uint64_t data;
};

static void pollset_work(struct engine_work *work)
{
	struct pollset *set = container_of(work, struct pollset, work);

	if (set->fn && !list_is_empty(&set->queue))
		set->fn((struct weft_pollset *)(void *)set, set->arg);
}

int pollset_new(struct engine *eng, struct pollset **ret)
{
	struct pollset *set = mem_zalloc(&eng->mem, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->eng = eng;
	list_init(&set->items);
	list_init(&set->queue);
	engine_work_init(&set->work, pollset_work);
	*ret = set;
	return 0;
}

static void poll_item_unqueue(struct poll_item *item)
{
	if (!list_is_linked(&item->queue_link))
		return;
	list_del(&item->queue_link);
	item->set->stats.n_queued--;
}

static void poll_item_queue(struct poll_item *item)
{
	struct pollset *set = item->set;

	if (!list_is_linked(&item->queue_link)) {
		list_add_tail(&set->queue, &item->queue_link);
		set->stats.n_queued++;
	}
	if (set->fn)
		engine_work_defer(set->eng, &set->work);
}

static void poll_item_free(struct poll_item *item)
{
	struct pollset *set = item->set;

	poll_item_unqueue(item);
	sock_watch_del(item->sk, &item->watcher);
	list_del(&item->set_link);
	set->stats.n_watched--;
	mem_free(&set->eng->mem, item, sizeof(*item));
}

void pollset_free(struct pollset *set)
{
	struct list *link;

	if (!set)
		return;
	while ((link = list_first(&set->items)))
		poll_item_free(container_of(link, struct poll_item, set_link));
	engine_work_cancel(&set->work);
	mem_free(&set->eng->mem, set, sizeof(*set));
}

/* Not asked here whether it is so: the protocol may be amid a change, and it may change back. */
static void poll_item_wake(struct sock_watcher *watcher, uint32_t events)
{
	struct poll_item *item = container_of(watcher, struct poll_item, watcher);

	if (!item->is_resting && (events & (item->events | POLL_ALWAYS)))
		poll_item_queue(item);
}

static void poll_item_gone(struct sock_watcher *watcher)
{
	poll_item_free(container_of(watcher, struct poll_item, watcher));
}

static struct poll_item *poll_item_find(const struct pollset *set, const struct sock *sk)
{
	const struct list *watchers = sock_watchers(sk);
	struct sock_watcher *watcher;

	if (!watchers)
		return NULL;
	list_for_each (watcher, watchers, link) {
		struct poll_item *item = container_of(watcher, struct poll_item, watcher);

		/* There are no watchers of other kinds. */
		if (item->set == set)
			return item;
	}
	return NULL;
}

/* What is true now of what is asked for. When it is not writable, it shall say when it is. */
static uint32_t poll_item_ready(struct poll_item *item)
{
	struct sock *sk = item->sk;
	uint32_t events = sk->proto->events(sk);

	if ((item->events & SOCK_OUT) && !(events & SOCK_OUT) && sk->proto->want_out)
		sk->proto->want_out(sk);
	return item->is_resting ? 0 : events & (item->events | POLL_ALWAYS);
}

static int poll_events_check(uint32_t events)
{
	return events & ~(POLL_EVENTS | WEFT_ET | WEFT_ONESHOT) ? -EINVAL : 0;
}

static void poll_item_set(struct poll_item *item, uint32_t events, uint64_t data)
{
	item->events = events & POLL_EVENTS;
	item->is_edge = events & WEFT_ET;
	item->is_oneshot = events & WEFT_ONESHOT;
	item->is_resting = false;
	item->data = data;
	if (poll_item_ready(item))
		poll_item_queue(item);
}

int pollset_add(struct pollset *set, struct sock *sk, uint32_t events, uint64_t data)
{
	int err = poll_events_check(events);
	struct poll_item *item;

	if (err || sk->stack->eng != set->eng)
		return -EINVAL;
	if (poll_item_find(set, sk))
		return -EEXIST;
	item = mem_zalloc(&set->eng->mem, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->watcher.wake = poll_item_wake;
	item->watcher.gone = poll_item_gone;
	err = sock_watch_add(sk, &item->watcher);
	if (err) {
		mem_free(&set->eng->mem, item, sizeof(*item));
		return err;
	}
	item->sk = sk;
	item->set = set;
	list_init(&item->queue_link);
	list_add_tail(&set->items, &item->set_link);
	set->stats.n_watched++;
	poll_item_set(item, events, data);
	return 0;
}

int pollset_mod(struct pollset *set, struct sock *sk, uint32_t events, uint64_t data)
{
	struct poll_item *item = poll_item_find(set, sk);

	if (!item)
		return -ENOENT;
	if (poll_events_check(events))
		return -EINVAL;
	poll_item_set(item, events, data);
	return 0;
}

int pollset_del(struct pollset *set, struct sock *sk)
{
	struct poll_item *item = poll_item_find(set, sk);

	if (!item)
		return -ENOENT;
	poll_item_free(item);
	return 0;
}

/* One item from the queue: what it has to tell, and whether it stays there. */
static uint32_t pollset_take(struct pollset *set, struct poll_item *item)
{
	uint32_t events = poll_item_ready(item);

	set->stats.n_examined++;
	if (!events || item->is_edge || item->is_oneshot) {
		poll_item_unqueue(item);
		item->is_resting |= events && item->is_oneshot;
		return events;
	}
	list_del(&item->queue_link);
	list_add_tail(&set->queue, &item->queue_link);
	return events;
}

size_t pollset_get(struct pollset *set, struct weft_poll_event *ret, size_t max)
{
	size_t n = 0;

	for (uint32_t left = set->stats.n_queued; left > 0 && n < max; left--) {
		struct poll_item *item =
			container_of(list_first(&set->queue), struct poll_item, queue_link);
		uint32_t events = pollset_take(set, item);

		if (!events)
			continue;
		ret[n++] = (struct weft_poll_event){.events = events, .data = item->data};
	}
	set->stats.n_events += n;
	return n;
}

void pollset_on_ready(struct pollset *set, void (*fn)(struct weft_pollset *set, void *arg),
		      void *arg)
{
	set->fn = fn;
	set->arg = arg;
	if (fn && !list_is_empty(&set->queue))
		engine_work_defer(set->eng, &set->work);
}

void pollset_stats(const struct pollset *set, struct weft_pollset_stats *ret)
{
	*ret = set->stats;
}
