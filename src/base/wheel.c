/* SPDX-License-Identifier: MIT */
/*
 * Timing wheel; places and invariants are in wheel.h.
 *
 * The heap is a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): a tree in which no node is
 * after its parent; adding is one comparison, removing pairs up the children.
 */
#include "base/wheel.h"

#include <assert.h>

enum wheel_place {
	WHEEL_IDLE, /* with order 0 */
	WHEEL_SOON,
	WHEEL_SLOT,
	WHEEL_LIST, /* far or held */
	WHEEL_PLACE_MASK = 3,
};

void wheel_init(struct wheel *w, int64_t now_ns)
{
	*w = (struct wheel){.base = (uint64_t)(now_ns >> WHEEL_TICK_BITS)};
	list_init(&w->held);
	list_init(&w->far);
	for (int level = 0; level < WHEEL_LEVELS; level++)
		for (int slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
}

static enum wheel_place wheel_place(const struct wheel_timer *timer)
{
	return (enum wheel_place)(timer->order & WHEEL_PLACE_MASK);
}

static void wheel_set_place(struct wheel_timer *timer, enum wheel_place place)
{
	timer->order = (timer->order & ~(uint64_t)WHEEL_PLACE_MASK) | (uint64_t)place;
}

/* Both are in the heap, so their places are equal and `order` compares the starts. */
static bool wheel_is_before(const struct wheel_timer *a, const struct wheel_timer *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->order < b->order;
}

/* Joins two heaps, either of which may be NULL; roots have no siblings. */
static struct wheel_timer *wheel_heap_join(struct wheel_timer *a, struct wheel_timer *b)
{
	struct wheel_timer *top, *sub;

	if (!a || !b)
		return a ? a : b;
	top = wheel_is_before(a, b) ? a : b;
	sub = top == a ? b : a;
	sub->heap.prev = top;
	sub->heap.next = top->child;
	if (top->child)
		top->child->heap.prev = sub;
	top->child = sub;
	return top;
}

static struct wheel_timer *wheel_heap_detach(struct wheel_timer *timer)
{
	timer->heap.next = NULL;
	timer->heap.prev = NULL;
	return timer;
}

/* Makes one heap of a chain of siblings: joins them in pairs, then the pairs from last to first.
 * This is what keeps removal at O(log n) on average over time. */
static struct wheel_timer *wheel_heap_join_siblings(struct wheel_timer *first)
{
	struct wheel_timer *pairs = NULL, *all = NULL, *pair, *second, *rest;

	for (; first; first = rest) {
		second = first->heap.next;
		rest = second ? second->heap.next : NULL;
		pair = wheel_heap_join(wheel_heap_detach(first),
				       second ? wheel_heap_detach(second) : NULL);
		pair->heap.next = pairs;
		pairs = pair;
	}
	for (; pairs; pairs = rest) {
		rest = pairs->heap.next;
		all = wheel_heap_join(wheel_heap_detach(pairs), all);
	}
	return all;
}

static void wheel_heap_add(struct wheel *w, struct wheel_timer *timer)
{
	wheel_set_place(timer, WHEEL_SOON);
	timer->child = NULL;
	w->soon = wheel_heap_join(w->soon, wheel_heap_detach(timer));
}

static void wheel_heap_del(struct wheel *w, struct wheel_timer *timer)
{
	struct wheel_timer *children = wheel_heap_join_siblings(timer->child);

	timer->child = NULL;
	if (timer == w->soon) {
		w->soon = children;
		return;
	}
	if (timer->heap.prev->child == timer)
		timer->heap.prev->child = timer->heap.next;
	else
		timer->heap.prev->heap.next = timer->heap.next;
	if (timer->heap.next)
		timer->heap.next->heap.prev = timer->heap.prev;
	w->soon = wheel_heap_join(w->soon, children);
}

static void wheel_list_add(struct list *list, struct wheel_timer *timer)
{
	wheel_set_place(timer, WHEEL_LIST);
	list_add_tail(list, &timer->link);
}

/* The level of the highest group of bits in which the ticks differ; WHEEL_LEVELS or more: far. */
static unsigned int wheel_level(uint64_t a, uint64_t b)
{
	return (63U - (unsigned int)__builtin_clzll(a ^ b)) / WHEEL_SLOT_BITS;
}

static unsigned int wheel_slot(uint64_t tick, unsigned int level)
{
	return (unsigned int)(tick >> (level * WHEEL_SLOT_BITS)) % WHEEL_SLOTS;
}

/* Puts a timer where its deadline belongs as seen from the current base. */
static void wheel_put(struct wheel *w, struct wheel_timer *timer)
{
	int64_t tick = timer->deadline_ns >> WHEEL_TICK_BITS;
	unsigned int level, slot;

	if (tick <= (int64_t)w->base) {
		wheel_heap_add(w, timer);
		return;
	}
	if (w->next_is_valid && timer->deadline_ns < w->next_ns)
		w->next_ns = timer->deadline_ns;
	level = wheel_level((uint64_t)tick, w->base);
	if (level >= WHEEL_LEVELS) {
		wheel_list_add(&w->far, timer);
		return;
	}
	slot = wheel_slot((uint64_t)tick, level);
	wheel_set_place(timer, WHEEL_SLOT);
	list_add_tail(&w->slots[level][slot], &timer->link);
	w->occupied[level] |= UINT64_C(1) << slot;
}

/* A list of one is recognised by both its neighbours being the head, whose address is the slot. */
static void wheel_slot_del(struct wheel *w, struct wheel_timer *timer)
{
	struct list *head = timer->link.next;

	if (head == timer->link.prev) {
		size_t index = (size_t)(head - &w->slots[0][0]);

		w->occupied[index / WHEEL_SLOTS] &= ~(UINT64_C(1) << index % WHEEL_SLOTS);
	}
	list_del(&timer->link);
}

void wheel_stop(struct wheel *w, struct wheel_timer *timer)
{
	switch (wheel_place(timer)) {
	case WHEEL_SOON:
		wheel_heap_del(w, timer);
		break;
	case WHEEL_SLOT:
		wheel_slot_del(w, timer);
		break;
	case WHEEL_LIST:
		list_del(&timer->link);
		break;
	default:
		return;
	}
	if (wheel_place(timer) != WHEEL_SOON && timer->deadline_ns <= w->next_ns)
		w->next_is_valid = false;
	timer->order = 0;
	w->n_pending--;
}

void wheel_start(struct wheel *w, struct wheel_timer *timer, int64_t deadline_ns)
{
	wheel_stop(w, timer);
	timer->deadline_ns = deadline_ns;
	timer->order = ++w->n_starts << 2;
	w->n_pending++;
	if (w->running && deadline_ns <= w->run_ns)
		wheel_list_add(&w->held, timer);
	else
		wheel_put(w, timer);
}

/* Puts every timer of a list again, as seen from the current base. */
static void wheel_redeal(struct wheel *w, struct list *from)
{
	struct list timers = LIST_INIT(timers), *link;

	list_splice_tail(&timers, from);
	while ((link = list_pop(&timers)))
		wheel_put(w, container_of(link, struct wheel_timer, link));
}

/* Deals out the slots of `level` in the set `slots`. */
static void wheel_redeal_slots(struct wheel *w, unsigned int level, uint64_t slots)
{
	slots &= w->occupied[level];
	w->occupied[level] &= ~slots;
	for (; slots; slots &= slots - 1)
		wheel_redeal(w, &w->slots[level][__builtin_ctzll(slots)]);
}

/*
 * Moves base forward to `tick`. Below the level where the two differ, everything shares that
 * level's group with the old base: it is past. On that level the slots up to the new base's are
 * past or contain it. Higher levels see no difference.
 */
static void wheel_advance(struct wheel *w, uint64_t tick)
{
	unsigned int level = wheel_level(tick, w->base), n_past = level, slot;

	w->base = tick;
	if (n_past > WHEEL_LEVELS)
		n_past = WHEEL_LEVELS;
	for (unsigned int l = 0; l < n_past; l++)
		wheel_redeal_slots(w, l, UINT64_MAX);
	if (level >= WHEEL_LEVELS) {
		wheel_redeal(w, &w->far);
		return;
	}
	slot = wheel_slot(tick, level);
	wheel_redeal_slots(w, level, UINT64_MAX >> (WHEEL_SLOTS - 1 - slot));
}

size_t wheel_run(struct wheel *w, int64_t now_ns)
{
	int64_t tick = now_ns >> WHEEL_TICK_BITS;
	struct wheel_timer *timer;
	size_t n_fired = 0;

	assert(!w->running);
	if (tick > (int64_t)w->base) {
		if (w->next_ns >> WHEEL_TICK_BITS <= tick) /* goes into the heap */
			w->next_is_valid = false;
		wheel_advance(w, (uint64_t)tick);
	}
	w->running = true;
	w->run_ns = now_ns;
	while ((timer = w->soon) && timer->deadline_ns <= now_ns) {
		wheel_stop(w, timer);
		timer->fn(timer, now_ns);
		n_fired++;
	}
	w->running = false;
	wheel_redeal(w, &w->held);
	return n_fired;
}

static int64_t wheel_earliest_of(const struct list *list)
{
	int64_t earliest_ns = INT64_MAX;
	struct wheel_timer *timer;

	list_for_each (timer, list, link)
		if (timer->deadline_ns < earliest_ns)
			earliest_ns = timer->deadline_ns;
	return earliest_ns;
}

/* The lowest level in use; WHEEL_LEVELS: none, there is only far. */
static unsigned int wheel_first_level(const struct wheel *w)
{
	unsigned int level = 0;

	while (level < WHEEL_LEVELS && w->occupied[level] == 0)
		level++;
	return level;
}

static const struct list *wheel_first_list(const struct wheel *w, unsigned int level)
{
	if (level == WHEEL_LEVELS)
		return &w->far;
	return &w->slots[level][__builtin_ctzll(w->occupied[level])];
}

static int64_t wheel_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t wheel_next_ns(struct wheel *w)
{
	int64_t held_ns = wheel_earliest_of(&w->held);

	if (w->soon)
		return wheel_min(held_ns, w->soon->deadline_ns);
	if (!w->next_is_valid) {
		w->next_ns = wheel_earliest_of(wheel_first_list(w, wheel_first_level(w)));
		w->next_is_valid = true;
	}
	return wheel_min(held_ns, w->next_ns);
}

/* Where the first occupied slot of `level` begins; for WHEEL_LEVELS, where the next stretch of the
 * whole wheel does. */
static int64_t wheel_first_slot_ns(const struct wheel *w, unsigned int level)
{
	unsigned int shift = level * WHEEL_SLOT_BITS;
	uint64_t unit = w->base >> shift;

	if (level == WHEEL_LEVELS)
		unit++;
	else
		unit = (unit & ~(uint64_t)(WHEEL_SLOTS - 1)) |
		       (uint64_t)__builtin_ctzll(w->occupied[level]);
	return (int64_t)(unit << shift << WHEEL_TICK_BITS);
}

int64_t wheel_bound_ns(const struct wheel *w)
{
	int64_t held_ns = wheel_earliest_of(&w->held);
	unsigned int level = wheel_first_level(w);

	if (w->soon)
		return wheel_min(held_ns, w->soon->deadline_ns);
	if (level == WHEEL_LEVELS && list_is_empty(&w->far))
		return held_ns;
	if (level == 0)
		return wheel_min(held_ns, wheel_earliest_of(wheel_first_list(w, 0)));
	return wheel_min(held_ns, wheel_first_slot_ns(w, level));
}
