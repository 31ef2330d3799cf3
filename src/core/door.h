/* SPDX-License-Identifier: MIT */
/*
 * A door: by which something that other engines' threads share with this engine (a cable's end, a
 * shard's member) hands it what came, and wakes it when it sleeps.
 *
 * How it works: the owner opens the door; from then on engine_run() calls ops->take() first thing.
 * Before whoever drives the engine sleeps, it calls engine_doze(): the door says so in `state`, and
 * only then looks once more whether anything came. Others put what they have where take() finds it
 * and then knock. A knock is one load while the engine is awake; the first one at a sleeping engine
 * calls its wake function (an eventfd's write, in libweft-io), the rest of them need not.
 *
 *	           engine_doze()            knock
 *	   AWAKE ----------------> DOZING --------> WAKING
 *	     ^  <--- engine_run() ---'                |
 *	     `---------------- wake() returned -------'
 *
 * No wake-up is lost, as all these accesses are sequentially consistent, and so are those that
 * publish what came (base/rec_ring.h). A door that is WAKING does not doze. door_close() waits
 * until nobody is inside wake(): the one place where a thread waits for another, for as long as
 * that takes.
 *
 * Memory: a door lies in memory that its owner and those who knock share, and that stays as long as
 * anybody might knock. Everything but `state` belongs to the owner's thread, or is constant while
 * DOZING and WAKING.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

struct door;
struct engine;

struct door_ops {
	/* From engine_run(), before the backlogs: takes what came. True: it has left something, to
	 * give others a turn. */
	bool (*take)(struct door *door);
	/* Something waits for take(): sequentially consistent loads. */
	bool (*has_news)(struct door *door);
};

struct door {
	struct {
		_Atomic uint32_t state; /* enum door_state, in door.c */
		void (*wake)(void *arg);
		void *wake_arg;
	} CACHE_ALIGNED;
	struct {
		const struct door_ops *ops;
		struct list link; /* engine->doors */
	} CACHE_ALIGNED;
};

/* The owner's thread. */
void door_open(struct engine *eng, struct door *door, const struct door_ops *ops);
/* Nobody calls its wake function afterwards; knocks do nothing. */
void door_close(struct door *door);

/* Any thread: news has been published. */
void door_knock(struct door *door);

/* Wakes the engine when it dozes: called by other threads, one at a time for each door. NULL: there
 * is nothing to wake, whoever drives the engine looks by itself. */
void engine_set_wake(struct engine *eng, void (*wake)(void *arg), void *arg);
/* Whoever drives the engine is going to sleep. False: it must not, there is something to do. True:
 * wake() is called from now on, until the next engine_run(). */
bool engine_doze(struct engine *eng) MUST_CHECK;

/* From engine_run(): awake, and everything is taken. True: something is left. */
bool engine_doors_take(struct engine *eng);
