/* SPDX-License-Identifier: MIT */
/*
 * Hierarchical timing wheel: all timers of an engine.
 *
 * Starting and stopping costs the same however many timers are pending; deadlines are kept to the
 * nanosecond, and timers fire in the order of (deadline, start), so that the same input gives the
 * same run always.
 *
 * How it works
 *
 * Time is cut into ticks of 2^16 ns (66 us). `base` is the tick up to which the wheel has been
 * emptied. A pending timer is in one of three places:
 *
 *	soon      a pairing heap, ordered by (deadline, start): the tick of its deadline is
 *	          not after base. These are the few timers of the current tick.
 *	slots     level l, slot s: the tick agrees with base in all groups of 6 bits above
 *	          group l and has the larger value s in group l.
 *	far       a list: the tick disagrees with base above the top level's group.
 *
 *	level   0      1       2       3      4      5       far
 *	slot    66 us  4.2 ms  268 ms  17 s   18 min 19.5 h  beyond up to 52 days
 *
 * So everything in soon is due before everything in level 0, which is due before everything in
 * level 1, and so on; within a level, before everything in the next slot. A bitmap for each level
 * says which slots are occupied, all of them above base's own slot.
 *
 * When time reaches a tick, base moves there at once, over any distance: slots that lie wholly
 * before it go into the heap, the slot that contains it is dealt out anew, at most once a level for
 * each timer. The rest is untouched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

enum {
	WHEEL_TICK_BITS = 16, /* of a time in ns */
	WHEEL_SLOT_BITS = 6,
	WHEEL_SLOTS = 1 << WHEEL_SLOT_BITS,
	WHEEL_LEVELS = 6,
};

struct wheel_timer;

/* Called by wheel_run() with the time given to it. The timer is not pending any more; the function
 * may start, stop or free it, and start or stop any other. */
typedef void wheel_fn(struct wheel_timer *timer, int64_t now_ns);

/* Embedded in what waits. The fields are the wheel's, except that deadline_ns may be read while the
 * timer is pending. All zero but for `fn` is a timer that is not pending. */
struct wheel_timer {
	union {
		struct list link;                 /* in a slot, in far, or held back */
		struct {                          /* in the heap */
			struct wheel_timer *next; /* sibling */
			struct wheel_timer *prev; /* sibling, or the parent of a first child */
		} heap;
	};
	struct wheel_timer *child; /* first child in the heap */
	int64_t deadline_ns;
	uint64_t order; /* number of the start << 2 | enum wheel_place */
	wheel_fn *fn;
};

_Static_assert(sizeof(struct wheel_timer) <= 48, "a timer is part of every connection");

struct wheel {
	uint64_t base;     /* tick, as two's complement */
	uint64_t n_starts; /* of all time: breaks ties between deadlines */
	uint32_t n_pending;
	bool running;       /* wheel_run() is on the stack */
	bool next_is_valid; /* `next_ns` is the earliest deadline outside the heap */
	int64_t next_ns;
	int64_t run_ns; /* time of the wheel_run() on the stack */
	struct wheel_timer *soon;
	struct list held; /* started by callbacks, already due: for the next run */
	struct list far;
	uint64_t occupied[WHEEL_LEVELS]; /* bit s: slot s is not empty */
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* `now_ns` is where time starts; deadlines may lie anywhere. */
void wheel_init(struct wheel *w, int64_t now_ns);

static inline void wheel_timer_init(struct wheel_timer *timer, wheel_fn *fn)
{
	*timer = (struct wheel_timer){.fn = fn};
}

static inline bool wheel_timer_is_pending(const struct wheel_timer *timer)
{
	return timer->order != 0;
}

/* Starts `timer`, or starts it anew if it is pending. A deadline in the past is due at once. O(1).
 */
void wheel_start(struct wheel *w, struct wheel_timer *timer, int64_t deadline_ns);

/* Stops `timer` if it is pending. O(1); in the current tick O(log n) of that tick's timers. */
void wheel_stop(struct wheel *w, struct wheel_timer *timer);

/*
 * Fires all timers due at `now_ns`, in the order of (deadline, start). Returns how many.
 *
 * Callbacks act on this very run: a due timer that one stops or moves to the future does not fire.
 * A timer that a callback starts with a deadline that has passed fires in the next run, so that a
 * run always ends. Time that goes backwards fires nothing early and breaks nothing.
 */
size_t wheel_run(struct wheel *w, int64_t now_ns);

/*
 * The earliest deadline, exactly; INT64_MAX when nothing is pending. This is the clock of virtual
 * time. O(levels), except that when the slot that comes next is still far it is searched through,
 * once until its earliest timer is stopped.
 */
int64_t wheel_next_ns(struct wheel *w);

/*
 * A time not after the earliest deadline, for sleeping in real time; O(levels) and the timers of
 * one tick. It is exact once that deadline's 4 ms have begun; before, it may be early, by less than
 * a slot. Run at that time the wheel gets nearer: at most WHEEL_LEVELS such wake-ups in a timer's
 * life (and one every 52 days), never a busy loop. INT64_MAX when nothing is pending.
 */
int64_t wheel_bound_ns(const struct wheel *w);
